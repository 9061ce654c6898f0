//! The bytes of an entry as they are handed over: lent, and kept without a copy if they were inflated.

use super::inflate::{Inflated, OwnedChunk};
use std::ops::Deref;

/// The next bytes of an entry, never none.
pub struct Chunk<'p>(ChunkBytes<'p>);

enum ChunkBytes<'p> {
    Inflated(Inflated<'p>),
    Stored(&'p [u8]),
}

impl<'p> Chunk<'p> {
    pub(super) fn inflated(bytes: Inflated<'p>) -> Self {
        Self(ChunkBytes::Inflated(bytes))
    }

    pub(super) fn stored(bytes: &'p [u8]) -> Self {
        Self(ChunkBytes::Stored(bytes))
    }

    /// Keeps the bytes for another thread; `spare` is not needed any more and lends its memory. What was inflated costs a
    /// copy of 32 KiB however long it is, what was stored is copied.
    pub fn keep(self, spare: Option<OwnedChunk>) -> OwnedChunk {
        match self.0 {
            ChunkBytes::Inflated(bytes) => bytes.keep(spare),
            ChunkBytes::Stored(bytes) => OwnedChunk::copied(bytes, spare),
        }
    }
}

impl Deref for Chunk<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            ChunkBytes::Inflated(bytes) => bytes,
            ChunkBytes::Stored(bytes) => bytes,
        }
    }
}
