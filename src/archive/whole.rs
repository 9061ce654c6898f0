//! Reading an entry from its first byte to its last, with everything about it checked.

use super::inflate::{Checkpoints, Decoder, Stop};
use super::section::Section;
use super::{CHUNK_BYTES, Each, Entry};
use crate::error::{Error, ErrorKind, Result};

/// Hands over all of a stored entry and compares its checksum, if it has one.
pub(super) fn stream_stored(found: &Entry, section: &Section, each: Each<'_>) -> Result<()> {
    let mut hasher = crc32fast::Hasher::new();
    let length = usize::try_from(found.size).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
    let mut buffer = Vec::new();
    let mut at = 0;
    while at < found.size {
        buffer.resize(length, 0);
        let read = section.read_at(at, &mut buffer).map_err(|error| Error::io("cannot be read", error))?;
        if read == 0 {
            return Err(Error::new(ErrorKind::Damaged, "cut short"));
        }
        buffer.truncate(read);
        if found.crc.is_some() {
            hasher.update(&buffer);
        }
        at = at.saturating_add(read as u64);
        each(&mut buffer)?;
    }
    if found.crc.is_some_and(|crc| crc != hasher.finalize()) { Err(wrong_checksum()) } else { Ok(()) }
}

/// Inflates all of an entry, hands over what its header promises, and compares length and checksum.
pub(super) fn inflate_all(
    found: &Entry,
    section: &Section,
    spacing: Option<u64>,
    points: &mut Checkpoints,
    each: Each<'_>,
) -> Result<()> {
    let read = |offset: u64, buffer: &mut [u8]| section.read_at(offset, buffer);
    let mut decoder = Decoder::from_start();
    let mut hasher = crc32fast::Hasher::new();
    let length = usize::try_from(found.size).unwrap_or(CHUNK_BYTES).clamp(1, CHUNK_BYTES);
    let mut buffer = Vec::new();
    loop {
        buffer.resize(length, 0);
        // One byte more than promised, to notice a header that lies.
        let left = found.size.saturating_add(1).saturating_sub(decoder.out());
        let room = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut filled = 0;
        let outcome = loop {
            let (written, stop) =
                decoder.run(&read, spacing, buffer.get_mut(filled..room).unwrap_or_default());
            filled = filled.saturating_add(written);
            match stop {
                Ok(Stop::At(point)) => points.push(point),
                other => break other,
            }
        };
        let excess = decoder.out().saturating_sub(found.size);
        buffer.truncate(filled.saturating_sub(usize::try_from(excess).unwrap_or(usize::MAX)));
        if !buffer.is_empty() {
            hasher.update(&buffer);
            each(&mut buffer)?;
        }
        if excess > 0 {
            return Err(Error::new(ErrorKind::Damaged, "longer than its header says"));
        }
        match outcome? {
            Stop::End if decoder.out() < found.size => {
                return Err(Error::new(ErrorKind::Damaged, "shorter than its header says"));
            }
            Stop::End if found.crc.is_some_and(|crc| crc != hasher.clone().finalize()) => {
                return Err(wrong_checksum());
            }
            Stop::End => return Ok(()),
            Stop::Full | Stop::At(_) => {}
        }
    }
}

pub(super) fn wrong_checksum() -> Error {
    Error::new(ErrorKind::Damaged, "its checksum is wrong: the data is damaged")
}
