//! The bytes of an export: entries of ZIP files, of ZIP files inside ZIP files, and of folders.
//!
//! The only user of `zip`. Knows nothing of conversations.

pub mod inflate;
pub mod span;
