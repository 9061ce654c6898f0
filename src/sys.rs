//! What the standard library lacks of the operating system: calls of libc behind safe functions.
//!
//! The only user of `libc`.
