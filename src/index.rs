//! The indexing pass: one reading of every entry that holds conversations, and everything is known.
