//! The bytes of an entry as they are handed over: lent, and kept without a copy if they were inflated.

use super::inflate::{Inflated, Kept};
use std::ops::Deref;

/// The next bytes of an entry, never none.
pub struct Chunk<'p>(Source<'p>);

enum Source<'p> {
    Inflated(Inflated<'p>),
    Stored(&'p [u8]),
}

impl<'p> Chunk<'p> {
    pub(super) fn inflated(bytes: Inflated<'p>) -> Self {
        Self(Source::Inflated(bytes))
    }

    pub(super) fn stored(bytes: &'p [u8]) -> Self {
        Self(Source::Stored(bytes))
    }

    /// Keeps the bytes for another thread; `spare` is not needed any more and lends its memory. What was inflated costs a
    /// copy of 32 KiB however long it is, what was stored is copied.
    pub fn keep(self, spare: Option<Kept>) -> Kept {
        match self.0 {
            Source::Inflated(bytes) => bytes.keep(spare),
            Source::Stored(bytes) => Kept::copied(bytes, spare),
        }
    }
}

impl Deref for Chunk<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Source::Inflated(bytes) => bytes,
            Source::Stored(bytes) => bytes,
        }
    }
}
