//! The bytes of an export: entries of ZIP files, of ZIP files inside ZIP files, and of folders.
//!
//! The only user of `zip`. Knows nothing of conversations, and treats entry names as opaque keys: a name from a
//! ZIP never becomes a path. Files are read by position through one shared descriptor. They are never mapped into
//! memory, because truncating a mapped file raises a signal. After every read the open file is compared with its
//! state when it was opened, so a file that changed produces errors, never wrong bytes.

mod chunk;
mod directory;
mod entries;
mod folder;
pub(crate) mod inflate;
mod random;
mod recover;
mod section;
pub(crate) mod span;
#[cfg(test)]
mod tests;
mod whole;

use crate::bytes::{self, append};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;
use crate::text::{binary_size, printable};
pub(crate) use chunk::Chunk;
pub(crate) use directory::refuse_bombs;
pub(crate) use entries::{Entries, Entry, EntryKind, Method};
use folder::FolderFiles;
pub(crate) use inflate::OwnedChunk;
use inflate::{BUFFER_BYTES, Checkpoints};
use random::{DeflatedEntry, RandomAccess};
use section::{Section, Stamp};
use serde::{Deserialize, Serialize};
use span::SpanCache;
use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use whole::{inflate_all, stream_stored, wrong_checksum};

/// Upper bound on a chunk handed over by [`Archive::stream`], in bytes: small enough for a processor's own cache.
pub(crate) const CHUNK_BYTES: usize = BUFFER_BYTES;

/// Receives the next bytes of an entry, up to [`CHUNK_BYTES`]; returning an error stops the read.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Chunk<'_>) -> Result<()>;

/// Distance between checkpoints in streamed entries, in inflated bytes. Any conversation can be reached within a
/// millisecond, and the checkpoints take about 0.5 % of the data.
const SPACING_BYTES: u64 = 1 << 20;

/// Upper bound on that distance in large exports: inflating this much takes a few milliseconds, which nobody
/// notices.
const WIDEST_SPACING_BYTES: u64 = 4 << 20;

/// About 6 MB of checkpoints.
const ENOUGH_CHECKPOINTS: u64 = 1024;

/// The distance between checkpoints, in inflated bytes, for entries of `total` bytes together. Their memory grows
/// up to 1 GiB of entries, stays constant up to 4 GiB, and then grows at a quarter of the rate.
pub(crate) fn spacing(total: u64) -> u64 {
    (total / ENOUGH_CHECKPOINTS).clamp(SPACING_BYTES, WIDEST_SPACING_BYTES)
}

/// Upper bounds on what an archive may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Total size that the deflated entries of an export may declare (`--max-size`). Stored entries can't expand.
    pub max_bytes: u64,
    /// Number of entries in one archive.
    pub max_entries: u64,
    /// Bytes of decoded data that are kept for the next read.
    pub span_bytes: usize,
    /// Bytes of ZIPs inside a ZIP that may be unpacked to temporary files (`--max-unpacked`). By default that depends on
    /// the size of the outer one.
    pub max_unpacked: Option<u64>,
    /// Read a ZIP without a usable directory by its local headers (`--recover`).
    pub recover: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: 16 << 30,
            max_entries: 1_000_000,
            span_bytes: 12 << 20,
            max_unpacked: None,
            recover: false,
        }
    }
}

/// Identifies an archive's content without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Identity {
    /// Size of the underlying file, or of all files in a folder.
    pub bytes: u64,
    /// The latest modification time, in nanoseconds since 1970.
    pub modified: i64,
    /// CRC-32 of the central directory, or of a folder's names, sizes and times.
    pub directory: u32,
}

#[derive(Debug)]
enum Backing {
    /// A ZIP that contains the entries.
    Zip(Section),
    /// A folder, whose files are opened only while they are read, unless they are held.
    Folder(FolderFiles),
    /// A single file, which is the only entry.
    Bare(Section),
}

/// Whether an entry's bytes match its checksum.
mod trust {
    pub(super) const UNKNOWN: u8 = 0;
    pub(super) const VERIFIED: u8 = 1;
    pub(super) const DAMAGED: u8 = 2;
}

/// A ZIP, a folder or a single file: its entries, readable in order or from any offset.
///
/// Every method may be called from any number of threads.
#[derive(Debug)]
pub(crate) struct Archive {
    label: String,
    backing: Backing,
    entries: Entries,
    identity: Identity,
    trust: Vec<AtomicU8>,
    random: RandomAccess,
    limits: Limits,
    notes: Vec<String>,
    /// Bytes unpacked to temporary files.
    unpacked: AtomicU64,
    /// For entries that were compared with their checksum again after the file was touched: its stamp then.
    touched: Mutex<HashMap<u32, Stamp>>,
}

impl Archive {
    /// Opens `file` as a ZIP. `label` names it in messages. Reads only its directory.
    ///
    /// # Errors
    /// `Damaged` if it is not a ZIP or its directory is broken; `Limit` if it has too many entries, overlapping
    /// entries, or would expand to too much; `Environment`.
    pub(crate) fn zip(file: File, label: &str, limits: &Limits, spans: &Arc<SpanCache>) -> Result<Self> {
        let section = Section::whole(file).map_err(|error| Error::io(printable(label), error))?;
        let modified = section.stamp().modified();
        Self::zip_in(section, modified, label, limits, spans)
    }

    /// Opens an entry as a ZIP. A stored entry is read in place; a deflated one is inflated once into an unnamed
    /// temporary file that vanishes with the archive.
    ///
    /// # Errors
    /// As for [`zip`](Self::zip).
    pub(crate) fn nested(&self, entry: u32, spans: &Arc<SpanCache>) -> Result<Self> {
        let name = self.entry(entry)?.name;
        let label = format!("{}: {name}", self.label);
        let section = self.entry(entry)?.readable().and_then(|()| match self.entry(entry)?.method {
            Method::Stored => self.locate(entry),
            _ => self.spool(entry),
        });
        let section = section.map_err(|error| error.within(printable(&label)))?;
        Self::zip_in(section, self.identity.modified, &label, &self.limits, spans)
    }

    fn zip_in(
        section: Section,
        modified: i64,
        label: &str,
        limits: &Limits,
        spans: &Arc<SpanCache>,
    ) -> Result<Self> {
        let directory = match directory::read(&section, limits) {
            Err(error) if limits.recover && error.kind() == ErrorKind::Damaged => {
                recover::read(&section, limits)
            }
            read => read,
        };
        let directory = directory.map_err(|error| error.within(printable(label)))?;
        let identity = Identity { bytes: section.bytes(), modified, directory: directory.crc };
        let zip = Self::assemble(label, Backing::Zip(section), directory.entries, identity, limits, spans);
        Ok(Self { notes: directory.notes, ..zip })
    }

    /// Lists the files below the folder `path`. Symbolic links are not followed; hidden files and directories are
    /// skipped. Each file is opened only while it is read, unless it is [held](Self::hold).
    ///
    /// # Errors
    /// `Environment` if the folder can't be listed, `Limit` if there are too many files.
    pub(crate) fn folder(path: &Path, label: &str, limits: &Limits, spans: &Arc<SpanCache>) -> Result<Self> {
        let (files, entries, notes) =
            folder::list(path, limits).map_err(|error| error.within(printable(label)))?;
        let mut hasher = crc32fast::Hasher::new();
        let mut identity = Identity { bytes: 0, modified: 0, directory: 0 };
        for (entry, mark) in entries.iter().zip(files.marks()) {
            identity.bytes = identity.bytes.saturating_add(entry.size);
            identity.modified = identity.modified.max(mark.modified);
            hasher.update(entry.name.as_bytes());
            hasher.update(&[0]);
            hasher.update(&entry.size.to_le_bytes());
            hasher.update(&mark.modified.to_le_bytes());
        }
        for note in &notes {
            hasher.update(note.as_bytes());
        }
        identity.directory = hasher.finalize();
        let folder = Self::assemble(label, Backing::Folder(files), entries, identity, limits, spans);
        Ok(Self { notes, ..folder })
    }

    /// Wraps `file` as an archive whose only entry is called `name`.
    ///
    /// # Errors
    /// `Environment`.
    pub(crate) fn bare(file: File, label: &str, name: &str, spans: &Arc<SpanCache>) -> Result<Self> {
        let section = Section::whole(file).map_err(|error| Error::io(printable(label), error))?;
        let mut entries = Entries::default();
        entries.push(Entry::plain(name, section.bytes()))?;
        let modified = section.stamp().modified();
        let identity = Identity { bytes: section.bytes(), modified, directory: 0 };
        Ok(Self::assemble(label, Backing::Bare(section), entries, identity, &Limits::default(), spans))
    }

    fn assemble(
        label: &str,
        backing: Backing,
        entries: Entries,
        identity: Identity,
        limits: &Limits,
        spans: &Arc<SpanCache>,
    ) -> Self {
        static ARCHIVES: AtomicU64 = AtomicU64::new(0);
        Self {
            label: label.to_owned(),
            backing,
            trust: (0..entries.len()).map(|_| AtomicU8::new(trust::UNKNOWN)).collect(),
            entries,
            identity,
            random: RandomAccess::new(ARCHIVES.fetch_add(1, Ordering::Relaxed), Arc::clone(spans)),
            limits: *limits,
            notes: Vec::new(),
            unpacked: AtomicU64::new(0),
            touched: Mutex::default(),
        }
    }

    /// All entries in archive order; in a folder, sorted by name.
    pub(crate) fn entries(&self) -> &Entries {
        &self.entries
    }

    /// The archive's name in messages. Untrusted text.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// Oddities, one per line. Untrusted text.
    pub(crate) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// How an entry's local header contradicts the directory of its ZIP, if it does.
    pub(crate) fn contradiction(&self, entry: u32) -> Option<String> {
        let (Backing::Zip(zip), Ok(found)) = (&self.backing, self.entry(entry)) else { return None };
        directory::contradiction(zip, &found)
    }

    /// Identifies its content.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Total size that its deflated entries declare.
    pub(crate) fn inflated_bytes(&self) -> u128 {
        self.entries.iter().map(|entry| entry.inflated()).sum()
    }

    /// Fails if the bytes of `entry` can't be read at all: encrypted, or compressed with an unknown method.
    ///
    /// # Errors
    /// `Damaged`, saying why.
    pub(crate) fn check_readable(&self, entry: u32) -> Result<()> {
        self.in_entry(entry, Entry::readable)
    }

    /// Hands all bytes of `entry` to `each` in order, at most [`CHUNK_BYTES`] at a time, and verifies length and
    /// checksum at the end. Records a checkpoint every `spacing` inflated bytes (see [`spacing`]) for later
    /// random access. Linear time; memory is constant apart from the checkpoints.
    ///
    /// # Errors
    /// `Damaged` if the data is broken, cut short, longer than its header says, fails its checksum, or changed
    /// meanwhile; everything before the break was handed over. `Environment`. Errors from `each` stop the read.
    pub(crate) fn stream(&self, entry: u32, spacing: u64, each: Each<'_>) -> Result<()> {
        // Errors from `each` pass through unchanged; ours get the entry's name.
        let mut theirs = None;
        let mut guarded = |chunk: Chunk<'_>| {
            each(chunk).map_err(|error| {
                theirs = Some(error);
                Error::new(ErrorKind::Interrupted, "the reader gave up")
            })
        };
        let ours = self.in_entry(entry, |found| {
            found.readable()?;
            let section = self.locate(entry)?;
            let result = match found.method {
                Method::Deflated => self.stream_deflated(entry, found, &section, spacing, &mut guarded),
                _ => stream_stored(found, &section, &mut guarded),
            };
            let result = section.verify_unchanged().and(result);
            match &result {
                Ok(()) => self.set_trust(entry, trust::VERIFIED),
                Err(error) if error.kind() == ErrorKind::Damaged => self.set_trust(entry, trust::DAMAGED),
                Err(_) => {}
            }
            result
        });
        match theirs {
            Some(error) => Err(error),
            None => ours,
        }
    }

    fn stream_deflated(
        &self,
        entry: u32,
        found: &Entry<'_>,
        section: &Section,
        spacing: u64,
        each: Each<'_>,
    ) -> Result<()> {
        let mut points = Checkpoints::default();
        let result = inflate_all(found, section, Some(spacing), &mut points, each);
        // Also after a break: everything before it stays readable.
        if !matches!(&result, Err(error) if error.kind() == ErrorKind::Interrupted) {
            self.random.set_checkpoints(entry, Arc::new(points));
        }
        result
    }

    /// Appends the bytes `start..end` of `entry` to `into`. Costs inflating those bytes plus up to one
    /// [`spacing`].
    ///
    /// A damaged entry stays readable up to its break: its damage was reported when it was streamed.
    ///
    /// # Errors
    /// `Damaged` if the data is broken or too short, or the file changed; `OutOfMemory`; `Environment`. `into`
    /// may then hold some of the bytes.
    pub(crate) fn read_range(&self, entry: u32, start: u64, end: u64, into: &mut Vec<u8>) -> Result<()> {
        let bytes = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
        // A false size must not cost memory.
        let size = self.entries().get(entry as usize).map_or(0, |found| found.size);
        if end <= size {
            into.try_reserve(bytes)
                .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {bytes} bytes")))?;
        }
        self.stream_range(entry, start, end, &mut |chunk| append(into, chunk))
    }

    /// Hands the bytes `start..end` of `entry` to `take`, chunk by chunk, in order; otherwise like
    /// [`read_range`](Self::read_range).
    ///
    /// # Errors
    /// As there; `take` may have received some of the bytes.
    pub(crate) fn stream_range(
        &self,
        entry: u32,
        start: u64,
        end: u64,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<()> {
        self.in_entry(entry, |found| {
            found.readable()?;
            let bytes = end.checked_sub(start).filter(|_| end <= found.size);
            let bytes = bytes.ok_or_else(|| Error::new(ErrorKind::Damaged, "shorter than it was"))?;
            if found.method == Method::Deflated {
                let from = DeflatedEntry { index: entry, entry: found, locate: &|| self.locate(entry) };
                return self.random.walk(from, start..end, take).map(|_verified| ());
            }
            let mut buffer = vec![0; usize::try_from(bytes).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES)];
            let mut at = start;
            while at < end {
                let length = usize::try_from(end - at).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
                let chunk = buffer.get_mut(..length).unwrap_or_default();
                self.read_stored(entry, at, chunk)?;
                take(chunk);
                at = at.saturating_add(length as u64);
            }
            Ok(())
        })
    }

    /// Fills `buffer` with the bytes of `entry` from `offset` on and returns how many there were: fewer than
    /// requested only at the end. Meant for attachments. Never serves bytes known to be wrong: small entries are
    /// verified before the first byte is served, large ones once they have been read to the end.
    pub(crate) fn read_at(&self, entry: u32, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        self.in_entry(entry, |found| {
            found.readable()?;
            if self.trust_of(entry) == trust::DAMAGED {
                return Err(Error::new(ErrorKind::Damaged, "its data is damaged"));
            }
            let left = usize::try_from(found.size.saturating_sub(offset)).unwrap_or(usize::MAX);
            let wanted = buffer.len().min(left);
            let buffer = buffer.get_mut(..wanted).unwrap_or_default();
            if buffer.is_empty() {
                return Ok(0);
            }
            let result = match found.method {
                Method::Deflated => self.read_deflated(entry, found, offset, buffer),
                _ => self.read_verified(entry, found, offset, buffer),
            };
            result.map(|()| wanted)
        })
    }

    fn read_deflated(&self, entry: u32, found: &Entry<'_>, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let from = DeflatedEntry { index: entry, entry: found, locate: &|| self.locate(entry) };
        let mut filled = 0_usize;
        let end = offset.saturating_add(buffer.len() as u64);
        let mut copy = |chunk: &[u8]| {
            bytes::copy(buffer.get_mut(filled..).unwrap_or_default(), chunk);
            filled = filled.saturating_add(chunk.len());
        };
        let verified = if self.trust_of(entry) == trust::VERIFIED {
            self.random.walk(from, offset..end, &mut copy)
        } else {
            self.random.walk_verifying(from, offset..end, &mut copy)
        };
        if verified.map_err(|error| self.noted(entry, error))? {
            self.set_trust(entry, trust::VERIFIED);
        }
        Ok(())
    }

    /// Reads from a stored entry and updates its running checksum.
    fn read_verified(&self, entry: u32, found: &Entry<'_>, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let Some(crc) = found.crc.filter(|_| self.trust_of(entry) == trust::UNKNOWN) else {
            return self.read_stored(entry, offset, buffer);
        };
        if found.size <= random::SMALL_BYTES {
            let section = self.locate(entry)?;
            let result = stream_stored(found, &section, &mut |_| Ok(()));
            section.verify_unchanged().and(result).map_err(|error| self.noted(entry, error))?;
            self.set_trust(entry, trust::VERIFIED);
            return self.read_stored(entry, offset, buffer);
        }
        self.read_stored(entry, offset, buffer)?;
        match self.random.follow(entry, offset, buffer, found.size) {
            Some(seen) if seen == crc => self.set_trust(entry, trust::VERIFIED),
            Some(_) => return Err(self.noted(entry, wrong_checksum())),
            None => {}
        }
        Ok(())
    }

    fn read_stored(&self, entry: u32, offset: u64, buffer: &mut [u8]) -> Result<()> {
        let section = self.locate(entry)?;
        let result = section.read_exact_at(offset, buffer);
        section.verify_unchanged()?;
        result.map_err(|error| Error::io("cannot be read", error))
    }

    /// Drops everything that is kept only to make the next read cheaper.
    pub(crate) fn release(&self) {
        self.random.release();
    }

    /// Limits what is kept only to make the next read cheaper to `percent` of the usual, for all archives of an export.
    pub(crate) fn limit_to(&self, percent: usize) {
        self.random.limit_to(percent);
    }

    /// The checkpoints recorded for `entry` so far, to be saved for a later process.
    pub(crate) fn checkpoints(&self, entry: u32) -> Option<Arc<Checkpoints>> {
        self.random.checkpoints(entry)
    }

    /// Installs checkpoints that an earlier process recorded for the same [`Identity`]. Returns false, and
    /// ignores them, if they can't belong to this entry.
    pub(crate) fn set_checkpoints(&self, entry: u32, points: Checkpoints) -> bool {
        let fits = self
            .entry(entry)
            .is_ok_and(|found| found.method == Method::Deflated && points.fit(found.compressed, found.size));
        if fits {
            self.random.set_checkpoints(entry, Arc::new(points));
        }
        fits
    }

    /// Keeps the file behind an entry of a folder open, unless there are too many; does nothing in other archives.
    pub(crate) fn hold(&self, entry: u32) {
        if let (Backing::Folder(folder), Ok(found)) = (&self.backing, self.entry(entry)) {
            folder.hold(entry, &found);
        }
    }

    /// True for a folder with files or directories whose names begin with a dot. They are no entries.
    pub(crate) fn has_hidden(&self) -> bool {
        matches!(&self.backing, Backing::Folder(folder) if folder.has_hidden)
    }

    /// Opens the file behind an entry of a folder; `None` for other archives.
    pub(crate) fn open_file(&self, entry: u32) -> Result<Option<File>> {
        let Backing::Folder(folder) = &self.backing else { return Ok(None) };
        self.in_entry(entry, |found| folder.open_unchanged(entry, found)).map(Some)
    }

    /// Finds the (compressed) bytes of an entry.
    fn locate(&self, entry: u32) -> Result<Section> {
        let found = self.entry(entry)?;
        match &self.backing {
            Backing::Bare(section) => Ok(section.clone()),
            Backing::Folder(folder) => folder.section(entry, &found),
            Backing::Zip(zip) => data_of(&self.current(zip, entry, &found)?, &found),
        }
    }

    /// The ZIP in its current state, if it is still the one that was opened. If only its times have changed, the entry
    /// is compared with its checksum again, once, because its bytes may be the same.
    fn current(&self, zip: &Section, entry: u32, found: &Entry<'_>) -> Result<Section> {
        let now = zip.current_stamp()?;
        if now == zip.stamp() || !now.is_same_file(&zip.stamp()) {
            return Ok(zip.with_stamp(zip.stamp()));
        }
        // Held meanwhile, so that concurrent readers don't all do the same.
        let mut touched = lock(&self.touched);
        let zip = zip.with_stamp(now);
        if touched.get(&entry) != Some(&now) {
            let section = data_of(&zip, found)?;
            let verified = match found.method {
                Method::Deflated => {
                    inflate_all(found, &section, None, &mut Checkpoints::default(), &mut |_| Ok(()))
                }
                _ => stream_stored(found, &section, &mut |_| Ok(())),
            };
            let changed = |_| Error::new(ErrorKind::Damaged, "changed while it was in use");
            section.verify_unchanged().and(verified).map_err(changed)?;
            touched.insert(entry, now);
        }
        Ok(zip)
    }

    /// Inflates an entry into an unnamed temporary file.
    fn spool(&self, entry: u32) -> Result<Section> {
        let found = self.entry(entry)?;
        let cannot = |error| {
            let folder = std::env::temp_dir();
            let folder = printable(&folder.to_string_lossy()).to_string();
            Error::io(format!("cannot be unpacked to a temporary file in {folder} ($TMPDIR)"), error)
        };
        let limit = self.max_unpacked();
        let before = self.unpacked.fetch_add(found.size, Ordering::Relaxed);
        if before.saturating_add(found.size) > limit {
            let reason = format!(
                "unpacking it takes {} in a temporary file, limit is {} (--max-unpacked)",
                binary_size(found.size.into()),
                binary_size(limit.into())
            );
            return Err(Error::new(ErrorKind::Limit, reason));
        }
        let mut file = tempfile::tempfile().map_err(cannot)?;
        let section = self.locate(entry)?;
        let mut write = |chunk: Chunk<'_>| std::io::Write::write_all(&mut file, &chunk).map_err(cannot);
        let result = inflate_all(&found, &section, None, &mut Checkpoints::default(), &mut write);
        section.verify_unchanged().and(result)?;
        Section::whole(file).map_err(cannot)
    }

    /// Bytes that may be unpacked to temporary files. ZIPs hardly shrink when they are compressed again.
    fn max_unpacked(&self) -> u64 {
        let own = self.identity.bytes.saturating_mul(4).saturating_add(64 << 20);
        self.limits.max_unpacked.unwrap_or(own)
    }

    fn entry(&self, entry: u32) -> Result<Entry<'_>> {
        self.entries.get(entry as usize).ok_or_else(no_such_entry)
    }

    /// Runs `what` on an entry and names the entry in the error.
    fn in_entry<'s, T>(&'s self, entry: u32, what: impl FnOnce(&Entry<'s>) -> Result<T>) -> Result<T> {
        let found = self.entry(entry).map_err(|error| error.within(printable(&self.label)))?;
        what(&found).map_err(|error| match self.backing {
            Backing::Bare(_) => error.within(printable(&self.label)),
            _ => error.within(format!("{}: {}", printable(&self.label), printable(found.name))),
        })
    }

    fn trust_of(&self, entry: u32) -> u8 {
        self.trust.get(entry as usize).map_or(trust::UNKNOWN, |trust| trust.load(Ordering::Acquire))
    }

    fn set_trust(&self, entry: u32, value: u8) {
        if let Some(trust) = self.trust.get(entry as usize) {
            trust.store(value, Ordering::Release);
        }
    }

    /// Marks a damaged entry so that none of it is served as if it were whole.
    fn noted(&self, entry: u32, error: Error) -> Error {
        if error.kind() == ErrorKind::Damaged {
            self.set_trust(entry, trust::DAMAGED);
        }
        error
    }
}

/// The (compressed) data of an entry of a ZIP.
fn data_of(zip: &Section, found: &Entry<'_>) -> Result<Section> {
    let mut header = [0; 30];
    let result = zip.read_exact_at(found.header, &mut header);
    zip.verify_unchanged()?;
    result.map_err(|error| Error::io("its header cannot be read", error))?;
    if !header.starts_with(b"PK\x03\x04") {
        return Err(Error::new(ErrorKind::Damaged, "its header is damaged"));
    }
    let name = u64::from(u16::from_le_bytes([header[26], header[27]]));
    let extra = u64::from(u16::from_le_bytes([header[28], header[29]]));
    let start = found.header.saturating_add(30).saturating_add(name).saturating_add(extra);
    zip.part(start, found.compressed)
        .ok_or_else(|| Error::new(ErrorKind::Damaged, "its data lies beyond the end of the zip"))
}

/// What an archive with this label is called itself, without the folders and the archives around it.
pub(crate) fn own_name(label: &str) -> &str {
    let label = label.trim_end_matches(['/', '\\']);
    let slash = label.rfind(['/', '\\']).map_or(0, |slash| slash.saturating_add(1));
    let colon = label.rfind(": ").map_or(0, |colon| colon.saturating_add(2));
    label.get(slash.max(colon)..).unwrap_or_default()
}

fn no_such_entry() -> Error {
    Error::new(ErrorKind::Unexpected, "no such entry")
}
