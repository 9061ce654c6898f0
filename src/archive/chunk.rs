//! A chunk of an entry: borrowed while it is handed over, and kept without a copy if it was inflated.

use super::inflate::{Inflated, OwnedChunk};
use std::ops::Deref;

/// The next bytes of an entry; never empty.
pub(crate) struct Chunk<'p>(ChunkBytes<'p>);

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

    /// Keeps the bytes for another thread, reusing the memory of `spare`. Keeping inflated bytes costs a 32 KiB
    /// copy whatever their length; stored bytes are copied.
    pub(crate) fn keep(self, spare: Option<OwnedChunk>) -> OwnedChunk {
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
