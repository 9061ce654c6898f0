//! Resumable inflate and its checkpoints. The only user of the zlib API.
