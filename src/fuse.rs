//! Requests of the kernel answered by the file system core. The only user of `fuser`.
pub mod mount;
