//! A stretch of an open file, read by position, and proof that the file is still the one that was opened.

use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Identifies a file and its content as well as the system can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    /// Device and inode, where the system has them.
    id: Option<(u64, u64)>,
    pub(super) bytes: u64,
    /// The last modification, in nanoseconds since 1970.
    modified: i64,
    /// Time of the last change to the file or its metadata, which can't be set back.
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            id: sys::file_id(metadata),
            bytes: metadata.len(),
            modified: sys::modified(metadata),
            changed: sys::changed(metadata),
        }
    }

    /// True if both are the same file with the same size.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.id, self.bytes) == (other.id, other.bytes)
    }

    /// True if nothing suggests that the content differs.
    pub(super) fn is_unmodified(&self, other: &Self) -> bool {
        self.is_same_file(other) && self.modified == other.modified
    }

    /// Device and inode, where the system has them.
    pub(super) fn id(&self) -> Option<(u64, u64)> {
        self.id
    }

    /// The last modification, in nanoseconds since 1970.
    pub(super) fn modified(&self) -> i64 {
        self.modified
    }
}

/// `bytes` bytes of a file, starting at `base`. Cheap to clone; reads don't share a position.
#[derive(Clone, Debug)]
pub(super) struct Section {
    file: Arc<File>,
    stamp: Stamp,
    base: u64,
    bytes: u64,
    /// True if any change to the file matters, not only one that its modification time reveals.
    is_strict: bool,
}

impl Section {
    /// All of `file` as it is now.
    pub(super) fn whole(file: File) -> io::Result<Self> {
        Self::shared(Arc::new(file))
    }

    /// The same of a file that others have as well.
    pub(super) fn shared(file: Arc<File>) -> io::Result<Self> {
        let stamp = Stamp::of(&file.metadata()?);
        Ok(Self { file, stamp, base: 0, bytes: stamp.bytes, is_strict: false })
    }

    /// `bytes` bytes starting at `start`, or `None` if they reach past the end.
    pub(super) fn part(&self, start: u64, bytes: u64) -> Option<Self> {
        let end = start.checked_add(bytes)?;
        (end <= self.bytes).then(|| Self { base: self.base.saturating_add(start), bytes, ..self.clone() })
    }

    /// What is left from `start` on.
    pub(super) fn after(&self, start: u64) -> Self {
        let start = start.min(self.bytes);
        Self { base: self.base.saturating_add(start), bytes: self.bytes - start, ..self.clone() }
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// The stamp of the file as it is now.
    ///
    /// # Errors
    /// `Environment`.
    pub(super) fn current_stamp(&self) -> Result<Stamp> {
        let metadata = self.file.metadata().map_err(|error| Error::io("cannot examine the file", error))?;
        Ok(Stamp::of(&metadata))
    }

    /// The same section of a file that must still have exactly this stamp.
    pub(super) fn with_stamp(&self, stamp: Stamp) -> Self {
        Self { stamp, is_strict: true, ..self.clone() }
    }

    /// Fills `buffer` starting at `offset`; reads fewer bytes only at the end of the section or of a truncated
    /// file.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.bytes.saturating_sub(offset);
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let start = self.base.saturating_add(offset);
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..wanted).filter(|rest| !rest.is_empty()) {
            match sys::read_at(&self.file, rest, start.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(read) => done = done.saturating_add(read),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Fills all of `buffer`, starting at `offset`.
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

    /// Fails if the file changed since it was opened. Call this *after* reading bytes and before using them: a
    /// later change can't have affected them.
    ///
    /// # Errors
    /// `Damaged`, and `Environment` if the system can't tell.
    pub(super) fn verify_unchanged(&self) -> Result<()> {
        let now = self.current_stamp()?;
        let is_same = if self.is_strict { now == self.stamp } else { now.is_unmodified(&self.stamp) };
        if is_same { Ok(()) } else { Err(Error::new(ErrorKind::Damaged, "changed while it was in use")) }
    }
}

/// Read size of a [`SectionReader`].
const READ_BYTES: usize = 64 * 1024;

/// A section as `Read + Seek`. Keeps its buffer across seeks: reading a central directory seeks to the next
/// header, which is usually the next byte.
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
