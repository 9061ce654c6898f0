//! Reading an entry from its first byte to its last, with everything about it verified.

use super::chunk::Chunk;
use super::inflate::{Checkpoints, InflateDecoder, Stop};
use super::section::Section;
use super::{CHUNK_BYTES, Each, Entry};
use crate::bug::{self, Bug};
use crate::error::{Error, ErrorKind, Result};

/// Hands over all of a stored entry and verifies its checksum, if it has one.
pub(super) fn stream_stored(found: &Entry<'_>, section: &Section, each: Each<'_>) -> Result<()> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; usize::try_from(found.size).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES)];
    let mut at = 0;
    while at < found.size {
        let read = section.read_at(at, &mut buffer).map_err(|error| Error::io("cannot be read", error))?;
        if read == 0 {
            return Err(Error::new(ErrorKind::Damaged, "cut short"));
        }
        let bytes = buffer.get(..read).unwrap_or_default();
        if found.crc.is_some() {
            hasher.update(bytes);
        }
        at = at.saturating_add(read as u64);
        each(Chunk::stored(bytes))?;
    }
    if found.crc.is_some_and(|crc| crc != hasher.finalize()) { Err(wrong_checksum()) } else { Ok(()) }
}

/// Inflates an entry, hands over the bytes its header promises, and verifies length and checksum. If the inflater panics,
/// what it inflated before stays.
pub(super) fn inflate_all(
    found: &Entry<'_>,
    section: &Section,
    spacing: Option<u64>,
    points: &mut Checkpoints,
    each: Each<'_>,
) -> Result<()> {
    let read = |offset: u64, buffer: &mut [u8]| section.read_at(offset, buffer);
    let mut decoder = InflateDecoder::from_start();
    let mut done = 0_u64;
    let mut hasher = crc32fast::Hasher::new();
    loop {
        let (mut bytes, stop) = bug::caught(|| decoder.chunk(&read, spacing)).map_err(Bug::into_error)?;
        let length = bytes.len() as u64;
        // Bytes beyond the promised size prove that the header lies.
        let promised = length.min(found.size.saturating_sub(done));
        let excess = length - promised;
        done = done.saturating_add(promised);
        bytes.truncate(usize::try_from(promised).unwrap_or_default());
        if !bytes.is_empty() {
            hasher.update(&bytes);
            each(Chunk::inflated(bytes))?;
        }
        if excess > 0 {
            return Err(Error::new(ErrorKind::Damaged, "longer than its header says"));
        }
        match stop? {
            Stop::End if done < found.size => {
                return Err(Error::new(ErrorKind::Damaged, "shorter than its header says"));
            }
            Stop::End if found.crc.is_some_and(|crc| crc != hasher.clone().finalize()) => {
                return Err(wrong_checksum());
            }
            Stop::End => return Ok(()),
            Stop::At(point) => points.push(point),
            Stop::Full => {}
        }
    }
}

pub(super) fn wrong_checksum() -> Error {
    Error::new(ErrorKind::Damaged, "its checksum is wrong")
}
