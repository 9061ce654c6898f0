//! A stretch of an open file, read by position, and the proof that the file is still the one that was opened.

use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

/// What tells that a file is still the same file with the same content, as far as the system can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    pub(super) bytes: u64,
    modified_seconds: i64,
    modified_nanoseconds: i64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            bytes: metadata.len(),
            modified_seconds: metadata.mtime(),
            modified_nanoseconds: metadata.mtime_nsec(),
        }
    }

    /// Nanoseconds since 1970 of the last change.
    pub(super) fn modified(&self) -> i64 {
        self.modified_seconds.saturating_mul(1_000_000_000).saturating_add(self.modified_nanoseconds)
    }
}

/// `bytes` bytes of a file from `base` on. Cheap to clone; reads share no position.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Arc<File>,
    stamp: Stamp,
    base: u64,
    bytes: u64,
}

impl Section {
    /// The whole of `file` as it is now.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Self { file: Arc::new(file), stamp, base: 0, bytes: stamp.bytes })
    }

    /// `bytes` bytes from `start` on, or `None` if this section doesn't reach as far.
    pub(super) fn part(&self, start: u64, bytes: u64) -> Option<Self> {
        let end = start.checked_add(bytes)?;
        (end <= self.bytes).then(|| Self { base: self.base.saturating_add(start), bytes, ..self.clone() })
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// Fills `buffer` from `offset` on; fewer bytes only at the end of the section or of a truncated file.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(offset);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(start) = self.base.checked_add(offset) else { return Ok(0) };
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, start.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Fills all of `buffer` from `offset` on.
    ///
    /// # Errors
    /// `UnexpectedEof` if the section or the file is shorter.
    pub(super) fn read_exact_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        if self.read_at(offset, buffer)? == buffer.len() {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file is cut short"))
        }
    }

    /// Fails if the file is no longer the one that was opened. To be asked *after* bytes were read and before
    /// they are used: a change that came later can't have touched them.
    ///
    /// # Errors
    /// `Damaged`, and `Environment` if the system can't tell.
    pub(super) fn verify_unchanged(&self) -> Result<()> {
        let metadata = self.file.metadata().map_err(|error| Error::io("cannot examine the file", error))?;
        if Stamp::of(&metadata) == self.stamp {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Damaged, "changed while it was in use"))
        }
    }
}

/// How much a [`SectionReader`] reads at once.
const READ_BYTES: usize = 64 * 1024;

/// A section as `Read + Seek`. Keeps its buffer across seeks, because a central directory is read by seeking to
/// the next header, which mostly is the next byte.
pub(super) struct SectionReader {
    section: Section,
    position: u64,
    buffer: Vec<u8>,
    buffered_from: u64,
}

impl SectionReader {
    pub(super) fn new(section: Section) -> Self {
        Self { section, position: 0, buffer: Vec::new(), buffered_from: 0 }
    }

    fn buffered(&self) -> &[u8] {
        self.position
            .checked_sub(self.buffered_from)
            .and_then(|skip| self.buffer.get(usize::try_from(skip).ok()?..))
            .unwrap_or_default()
    }
}

impl Read for SectionReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.buffered().is_empty() {
            self.buffer.resize(READ_BYTES, 0);
            let read = self.section.read_at(self.position, &mut self.buffer)?;
            self.buffer.truncate(read);
            self.buffered_from = self.position;
        }
        let read = self.buffered().read(into)?;
        self.position = self.position.saturating_add(read as u64);
        Ok(read)
    }
}

impl Seek for SectionReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.section.bytes().checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
