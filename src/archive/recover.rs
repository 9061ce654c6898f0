//! The entries of a ZIP without a usable directory, found by their local headers (`--recover`).
//!
//! The local header of a streamed entry doesn't say where its data ends, so the data is inflated once to find out. Where
//! that fails, what follows it marks its end. Stored data ends where a descriptor has its length and its checksum. A cut-off
//! entry is kept as far as it goes; reading it ends with an error.

use super::directory::{CentralDirectory, refuse_bombs};
use super::entries::Encryption;
use super::inflate::{InflateDecoder, Stop};
use super::section::Section;
use super::{Entries, Entry, EntryKind, Limits, Method};
use crate::error::{Error, ErrorKind, Result};
use std::cell::Cell;

const LOCAL_HEADER: &[u8] = b"PK\x03\x04";
const DESCRIPTOR: &[u8] = b"PK\x07\x08";
const DIRECTORY: &[u8] = b"PK\x01\x02";

/// What every header begins with.
const MARK: &[u8] = b"PK";

/// Size of the largest descriptor.
const DESCRIPTOR_BYTES: usize = 24;

/// The same without a signature.
const UNSIGNED_BYTES: usize = 20;

/// Size of a local header without its name and extra field.
const HEADER_BYTES: usize = 30;

/// Bytes read at a time: more than a name and an extra field can have.
const WINDOW_BYTES: usize = 256 << 10;

/// The header says neither size nor checksum; they follow the data.
const STREAMED: u16 = 1 << 3;
const ENCRYPTED: u16 = 1;

/// Finds the entries of the ZIP in `section`. Linear in its bytes, and in the inflated bytes of streamed entries: none of
/// them is inflated more than twice.
///
/// # Errors
/// `Damaged` if there are none; `Limit` if there are too many, or they expand to too much; `Environment`.
pub(super) fn read(section: &Section, limits: &Limits) -> Result<CentralDirectory> {
    let (mut entries, mut notes, mut hasher) = (Entries::default(), Vec::new(), crc32fast::Hasher::new());
    notes.push("no usable directory; its entries were found by their local headers".to_owned());
    let (mut at, mut inflated) = (0, 0);
    let (mut window, mut spare) = (HeaderWindow::of(section), section.bytes());
    while let Some(header) = window.find(at, LOCAL_HEADER)? {
        let Some(found) = entry(&mut window, header, limits.max_bytes, &mut spare)? else {
            at = header.saturating_add(LOCAL_HEADER.len() as u64);
            continue;
        };
        if entries.len() as u64 >= limits.max_entries {
            let reason = format!("more than {} entries, which is the limit", limits.max_entries);
            return Err(Error::new(ErrorKind::Limit, reason));
        }
        let entry = Entry { name: &found.name, ..found.entry };
        inflated += entry.inflated();
        refuse_bombs(inflated, limits)?;
        notes.extend(found.flaw.map(|flaw| format!("{} is {flaw}", entry.name)));
        hasher.update(entry.name.as_bytes());
        hasher.update(&entry.size.to_le_bytes());
        hasher.update(&entry.crc.unwrap_or_default().to_le_bytes());
        at = found.end;
        entries.push(entry)?;
    }
    if entries.len() == 0 {
        return Err(Error::new(ErrorKind::Damaged, "nothing can be recovered: no entry begins in it"));
    }
    Ok(CentralDirectory { entries, crc: hasher.finalize(), notes })
}

/// An entry that was found.
struct Recovered {
    name: String,
    /// Without its name.
    entry: Entry<'static>,
    /// Where to look for the next one.
    end: u64,
    flaw: Option<&'static str>,
}

const CUT_OFF: &str = "cut off";
const DAMAGED: &str = "damaged";

/// The part of a section that was read last. Headers may follow each other closely, so each byte is read once for all
/// of them.
struct HeaderWindow<'s> {
    section: &'s Section,
    /// Where `bytes` begins.
    start: u64,
    bytes: Vec<u8>,
}

impl<'s> HeaderWindow<'s> {
    fn of(section: &'s Section) -> Self {
        Self { section, start: 0, bytes: Vec::new() }
    }

    /// The bytes from `from` on: at least `least`, which [`WINDOW_BYTES`] exceeds, unless the section ends before.
    fn from(&mut self, from: u64, least: usize) -> Result<&[u8]> {
        let skipped = from.checked_sub(self.start).and_then(|skipped| usize::try_from(skipped).ok());
        let held = skipped.filter(|&skipped| skipped.saturating_add(least) <= self.bytes.len());
        let skipped = held.unwrap_or_default();
        if held.is_none() {
            self.bytes.resize(WINDOW_BYTES, 0);
            let read = self.section.read_at(from, &mut self.bytes);
            self.bytes.truncate(read.map_err(|error| Error::io("cannot be read", error))?);
            self.start = from;
        }
        Ok(self.bytes.get(skipped..).unwrap_or_default())
    }

    /// The next occurrence of `mark` at or after `from`. Linear.
    fn find(&mut self, from: u64, mark: &[u8]) -> Result<Option<u64>> {
        let mut at = from;
        loop {
            let bytes = self.from(at, mark.len())?;
            if let Some(found) = bytes.windows(mark.len()).position(|word| word == mark) {
                return Ok(Some(at.saturating_add(found as u64)));
            }
            if bytes.len() < mark.len() {
                return Ok(None);
            }
            at = at.saturating_add((bytes.len() - mark.len() + 1) as u64);
        }
    }
}

/// A field of a header; 0 past its end.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let field = bytes.get(at..at.saturating_add(length)).unwrap_or_default();
    field.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

/// The entry whose local header is at `header`. `None` if that can't be one. `spare` bytes may be inflated again.
fn entry(
    window: &mut HeaderWindow<'_>,
    header: u64,
    max_bytes: u64,
    spare: &mut u64,
) -> Result<Option<Recovered>> {
    let section = window.section;
    let Some(&fixed) = window.from(header, HEADER_BYTES)?.first_chunk::<HEADER_BYTES>() else {
        return Ok(None);
    };
    let flags = number(&fixed, 6, 2) as u16;
    let method = number(&fixed, 8, 2) as u16;
    let (crc, mut compressed, mut size) =
        (number(&fixed, 14, 4) as u32, number(&fixed, 18, 4), number(&fixed, 22, 4));
    let (name, extra) = (number(&fixed, 26, 2) as usize, number(&fixed, 28, 2) as usize);
    if name == 0 {
        return Ok(None);
    }
    let after = header.saturating_add(HEADER_BYTES as u64);
    let Some((name, extra)) =
        window.from(after, name + extra)?.get(..name + extra).and_then(|rest| rest.split_at_checked(name))
    else {
        return Ok(None);
    };
    if let Some((large_size, large_compressed)) = zip64(extra) {
        (size, compressed) = (large_size, large_compressed);
    }
    let start = after.saturating_add((name.len() + extra.len()) as u64);
    let there = section.bytes().saturating_sub(start);
    let method = match method {
        0 => Method::Stored,
        8 => Method::Deflated,
        other => Method::Unsupported(other),
    };
    let encryption = (flags & ENCRYPTED != 0).then_some(match method {
        Method::Unsupported(99) => Encryption::Aes(0),
        _ => Encryption::ZipCrypto,
    });
    let name = String::from_utf8_lossy(name).into_owned();
    let kind = if name.ends_with(['/', '\\']) { EntryKind::Directory } else { EntryKind::File };
    let mut entry = Entry { name: "", size, method, kind, encryption, crc: Some(crc), compressed, header };
    let is_cut = compressed > there;
    let mut flaw = is_cut.then_some(CUT_OFF);
    let mut end = start.saturating_add(compressed);
    if flags & STREAMED != 0 && compressed == 0 && encryption.is_none() {
        let data = match method {
            Method::Deflated => stream(window, start, max_bytes, spare)?,
            _ => stored(window, start, method, spare)?,
        };
        (entry.size, entry.compressed, entry.crc, flaw) =
            (data.size, data.compressed, Some(data.crc), data.flaw);
        end = start.saturating_add(entry.compressed);
    } else if is_cut {
        entry.compressed = there;
        if method == Method::Stored {
            entry.size = there;
        }
        end = section.bytes();
    }
    Ok(Some(Recovered { name, entry, end, flaw }))
}

/// The data of a streamed entry.
struct StreamedData {
    size: u64,
    compressed: u64,
    crc: u32,
    flaw: Option<&'static str>,
}

impl StreamedData {
    /// As much as there is of it. A checksum that can't be right ensures that it never passes for complete.
    fn broken(length: u64, checksum: u32, flaw: &'static str) -> Self {
        Self { size: length, compressed: length, crc: !checksum, flaw: Some(flaw) }
    }
}

/// The data that begins at `start`. Where it can't be inflated, the decoder may have run past its end before it noticed,
/// over other entries.
fn stream(
    window: &mut HeaderWindow<'_>,
    start: u64,
    max_bytes: u64,
    spare: &mut u64,
) -> Result<StreamedData> {
    let data = window.section.after(start);
    let MeasuredStream { out, input, crc, is_whole } = measure(&data, max_bytes)?;
    let reached = start.saturating_add(input);
    let whole = StreamedData { size: out, compressed: input, crc, flaw: None };
    if is_whole {
        let follows = window.from(reached, DESCRIPTOR_BYTES)?;
        if let Some(descriptor) = Descriptor::signed(follows, input, false) {
            let flaw = (descriptor.crc != crc).then_some(DAMAGED);
            return Ok(StreamedData { crc: descriptor.crc, flaw, ..whole });
        }
        let is_end =
            follows.is_empty() || follows.starts_with(MARK) || number(follows, 0, 4) == u64::from(crc);
        if is_end {
            return Ok(whole);
        }
    }
    // A checksum that can't be right ensures that it never passes for complete.
    Ok(match boundary(window, start, reached, spare)? {
        Some((compressed, Some(descriptor))) => StreamedData {
            size: out.min(descriptor.size),
            compressed,
            crc: descriptor.crc,
            flaw: Some(DAMAGED),
        },
        _ if is_whole => whole,
        Some((compressed, None)) => StreamedData { compressed, crc: !crc, flaw: Some(DAMAGED), ..whole },
        None => StreamedData { compressed: data.bytes(), crc: !crc, flaw: Some(CUT_OFF), ..whole },
    })
}

/// The length of the broken data that begins at `start`: up to the descriptor that says so, else up to the first header
/// from `reached` on. The bytes between a descriptor and `reached`, which will be inflated again, are taken from `spare`.
fn boundary(
    window: &mut HeaderWindow<'_>,
    start: u64,
    reached: u64,
    spare: &mut u64,
) -> Result<Option<(u64, Option<Descriptor>)>> {
    let mut at = start;
    while let Some(mark) = window.find(at, MARK)? {
        let length = mark.saturating_sub(start);
        let found = window.from(mark, DESCRIPTOR_BYTES)?;
        let is_header = found.starts_with(LOCAL_HEADER) || found.starts_with(DIRECTORY);
        let mut descriptor = Descriptor::signed(found, length, false).map(|descriptor| (length, descriptor));
        if is_header {
            let before = mark.saturating_sub(UNSIGNED_BYTES as u64).max(start);
            let bytes = window.from(before, DESCRIPTOR_BYTES)?;
            let before = bytes.get(..usize::try_from(mark - before).unwrap_or_default());
            descriptor = Descriptor::unsigned(before.unwrap_or_default(), length, false);
        }
        if let Some((length, descriptor)) = descriptor {
            let again = reached.saturating_sub(start.saturating_add(length));
            if let Some(left) = spare.checked_sub(again) {
                *spare = left;
                return Ok(Some((length, Some(descriptor))));
            }
        }
        if is_header && mark >= reached {
            return Ok(Some((length, None)));
        }
        at = mark.saturating_add(MARK.len() as u64);
    }
    Ok(None)
}

/// Bytes to look at together: an unsigned descriptor, what is after it, and at least as much again.
const LOOK_BYTES: usize = UNSIGNED_BYTES + 2 * DESCRIPTOR_BYTES;

/// The data that begins at `start` and isn't deflated: up to the first descriptor that has its length and, if it is stored,
/// its checksum. Without one, the data is broken, and ends at the first descriptor with its length or else the first header.
/// The bytes after that end will be read again, and are taken from `spare`.
fn stored(
    window: &mut HeaderWindow<'_>,
    start: u64,
    method: Method,
    spare: &mut u64,
) -> Result<StreamedData> {
    let is_stored = method == Method::Stored;
    let (mut fitting, mut before_header) = (None::<StreamedData>, None::<StreamedData>);
    // The checksum is that of the data before `hashed`. Everything before `from` was searched.
    let (mut checksum, mut hashed, mut from) = (crc32fast::Hasher::new(), start, start);
    loop {
        let bytes = window.from(hashed, LOOK_BYTES)?;
        let is_last = bytes.len() < LOOK_BYTES;
        let searched = if is_last { bytes.len() } else { bytes.len() - DESCRIPTOR_BYTES };
        let skipped = usize::try_from(from.saturating_sub(hashed)).unwrap_or_default();
        let is_mark = |at: &usize| bytes.get(*at..).is_some_and(|rest| rest.starts_with(MARK));
        let mut done = 0;
        for mark in (skipped..searched).filter(is_mark).chain(is_last.then_some(searched)) {
            let kept = mark.saturating_sub(UNSIGNED_BYTES).max(done);
            checksum.update(bytes.get(done..kept).unwrap_or_default());
            done = kept;
            let checksum_at = |end: usize| {
                let mut checksum = checksum.clone();
                checksum.update(bytes.get(kept..end).unwrap_or_default());
                checksum.finalize()
            };
            let together = hashed.saturating_sub(start).saturating_add(mark as u64);
            let (before, rest) = bytes.split_at_checked(mark).unwrap_or_default();
            let is_header = rest.starts_with(LOCAL_HEADER) || rest.starts_with(DIRECTORY);
            let descriptor = if is_header || rest.is_empty() {
                Descriptor::unsigned(before, together, is_stored)
            } else {
                Descriptor::signed(rest, together, is_stored).map(|descriptor| (together, descriptor))
            };
            if let Some((length, Descriptor { crc, size })) = descriptor {
                let own = usize::try_from(together.saturating_sub(length)).unwrap_or_default();
                let is_right = !is_stored || checksum_at(mark.saturating_sub(own)) == crc;
                let flaw = (!is_right).then_some(DAMAGED);
                let data = StreamedData { size, compressed: length, crc, flaw };
                if is_right {
                    return Ok(data);
                }
                fitting.get_or_insert(data);
            } else if is_header && before_header.is_none() {
                before_header = Some(StreamedData::broken(together, checksum_at(mark), DAMAGED));
            }
            let end = fitting.as_ref().or(before_header.as_ref()).map(|data| data.compressed);
            let again = end.map_or(0, |end| together.saturating_sub(end));
            if rest.is_empty() || again > *spare {
                *spare = spare.saturating_sub(again);
                let cut = || StreamedData::broken(together, checksum_at(mark), CUT_OFF);
                return Ok(fitting.or(before_header).unwrap_or_else(cut));
            }
        }
        let kept = searched.saturating_sub(UNSIGNED_BYTES).max(done);
        checksum.update(bytes.get(done..kept).unwrap_or_default());
        from = hashed.saturating_add(searched as u64);
        hashed = hashed.saturating_add(kept as u64);
    }
}

/// What follows the data of a streamed entry.
struct Descriptor {
    crc: u32,
    size: u64,
}

impl Descriptor {
    /// The descriptor that `bytes` begin with, if it is that of data of this length. Of stored data, both sizes are the
    /// length.
    fn signed(bytes: &[u8], length: u64, is_stored: bool) -> Option<Self> {
        let fields = bytes.strip_prefix(DESCRIPTOR)?;
        // Half of the larger form looks like the smaller one.
        [8, 4].into_iter().find_map(|width| Self::of(fields, width, length, is_stored))
    }

    /// The descriptor without a signature that `bytes` end with, if it is that of the data before it, and the length of that
    /// data, given their length together.
    fn unsigned(bytes: &[u8], together: u64, is_stored: bool) -> Option<(u64, Self)> {
        [4, 8].into_iter().find_map(|width| {
            let own = 4 + 2 * width;
            let length = together.checked_sub(own as u64)?;
            let fields = bytes.get(bytes.len().checked_sub(own)?..)?;
            Some((length, Self::of(fields, width, length, is_stored)?))
        })
    }

    /// `fields` are the checksum and two sizes, `width` bytes each.
    fn of(fields: &[u8], width: usize, length: u64, is_stored: bool) -> Option<Self> {
        let size = number(fields, 4 + width, width);
        let is_there = fields.len() >= 4 + 2 * width && number(fields, 4, width) == length;
        (is_there && (!is_stored || size == length)).then(|| Self { crc: number(fields, 0, 4) as u32, size })
    }
}

/// Inflated and compressed size from the ZIP64 extra field of a local header, if it has one.
fn zip64(extra: &[u8]) -> Option<(u64, u64)> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let length = number(rest, 2, 2) as usize;
        let (head, after) = rest.split_at_checked(length.saturating_add(4))?;
        if number(head, 0, 2) == 1 && length >= 16 {
            return Some((number(head, 4, 8), number(head, 12, 8)));
        }
        rest = after;
    }
    None
}

/// What inflating a stream to its end, or to where it breaks off, reveals.
struct MeasuredStream {
    out: u64,
    input: u64,
    crc: u32,
    is_whole: bool,
}

fn measure(data: &Section, max_bytes: u64) -> Result<MeasuredStream> {
    let failure = Cell::new(None);
    let read = |offset: u64, buffer: &mut [u8]| {
        data.read_at(offset, buffer).inspect_err(|error| failure.set(Some(error.kind())))
    };
    let (mut decoder, mut hasher) = (InflateDecoder::from_start(), crc32fast::Hasher::new());
    let is_whole = loop {
        match decoder.run(&read, None, WINDOW_BYTES, &mut |bytes| hasher.update(bytes)) {
            Ok(Stop::End) => break true,
            Ok(_) if decoder.out() > max_bytes => {
                let limits = Limits { max_bytes, ..Limits::default() };
                refuse_bombs(u128::from(decoder.out()), &limits)?;
            }
            Ok(_) => {}
            Err(_) if failure.get().is_none() => break false,
            Err(error) => return Err(error),
        }
    };
    Ok(MeasuredStream { out: decoder.out(), input: decoder.input(), crc: hasher.finalize(), is_whole })
}
