//! The central directory of a ZIP: its entries, checked for anything that would make the whole archive unsound.
//!
//! Doesn't read any entry's data.

use super::entries::Encryption;
use super::section::{Section, SectionReader};
use super::{Entries, Entry, EntryKind, Limits, Method};
use crate::error::{Error, ErrorKind, Result};
use crate::text::{binary_size, grouped};
use std::io::{self, Read};
use zip::CompressionMethod;
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

/// The contents of a central directory.
pub(super) struct CentralDirectory {
    pub(super) entries: Entries,
    /// CRC-32 of the directory itself.
    pub(super) crc: u32,
    /// Oddities of the ZIP, one per line.
    pub(super) notes: Vec<String>,
}

/// Minimum size of a local header, in bytes.
const LOCAL_HEADER_BYTES: u64 = 30;

const END_RECORD: &[u8] = b"PK\x05\x06";

/// Size of an end record with the longest comment.
const MAX_TAIL_BYTES: u64 = 22 + 65_535;

/// Maximum number of bytes that the CRC of a directory covers: a hostile directory may claim to begin at the start of
/// the file.
const MAX_HASHED_BYTES: u64 = 512 << 20;

/// Reads the directory of the ZIP in `section`.
///
/// # Errors
/// `Damaged` if it is not a ZIP or its directory is broken; `Limit` if it has too many entries, entries that
/// share bytes, or would expand to too much.
pub(super) fn read(section: &Section, limits: &Limits) -> Result<CentralDirectory> {
    let reader = SectionReader::new(section.clone());
    let mut zip =
        ZipIterable::try_new(reader, Config::default()).map_err(|error| not_a_zip(section, error))?;
    let count = zip.len() as u64;
    if count > limits.max_entries {
        let reason = format!("{} entries, limit is {}", grouped(count), grouped(limits.max_entries));
        return Err(Error::new(ErrorKind::Limit, reason));
    }
    let mut entries = Entries::default();
    let mut start = None;
    for entry in zip.files().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        start.get_or_insert(entry.central_header_start());
        let name = String::from_utf8_lossy(entry.name_raw());
        entries.push(convert(section, &entry, &name))?;
    }
    refuse_overlaps(&entries)?;
    refuse_bombs(entries.iter().map(|entry| entry.inflated()).sum::<u128>(), limits)?;
    let crc = hash(section, start.unwrap_or(section.bytes()))?;
    let notes = several_end_records(section, start.unwrap_or(section.bytes()), &entries)?;
    Ok(CentralDirectory { entries, crc, notes: notes.into_iter().collect() })
}

/// Fails if inflating to `bytes` bytes would exceed `limits`.
///
/// # Errors
/// `Limit`.
pub(crate) fn refuse_bombs(bytes: u128, limits: &Limits) -> Result<()> {
    if bytes <= u128::from(limits.max_bytes) {
        return Ok(());
    }
    let reason = format!(
        "expands to {}, limit is {} (--max-size)",
        binary_size(bytes),
        binary_size(u128::from(limits.max_bytes))
    );
    Err(Error::new(ErrorKind::Limit, reason))
}

/// Entries that share one stretch of compressed data are how a few megabytes become petabytes.
fn refuse_overlaps(entries: &Entries) -> Result<()> {
    let mut ranges: Vec<(u64, u64)> = entries
        .iter()
        .map(|entry| {
            let bytes = entry.compressed.saturating_add(LOCAL_HEADER_BYTES);
            (entry.header, entry.header.saturating_add(bytes))
        })
        .collect();
    ranges.sort_unstable();
    if ranges.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(Error::new(ErrorKind::Limit, "entries overlap; refusing (zip bomb?)"));
    }
    Ok(())
}

/// A note if other programs may read this ZIP with a different directory, because there is another end record near its
/// end, outside the entries. `start` is the start of the directory.
fn several_end_records(section: &Section, start: u64, entries: &Entries) -> Result<Option<String>> {
    let first = entries.iter().map(|entry| entry.header).min().unwrap_or(start);
    let from = section.bytes().saturating_sub(MAX_TAIL_BYTES);
    let mut tail = vec![0; usize::try_from(section.bytes() - from).unwrap_or_default()];
    let read = section.read_at(from, &mut tail).map_err(|error| Error::io("cannot be read", error))?;
    let tail = tail.get(..read).unwrap_or_default();
    let is_record = |at: &usize| {
        let rest = tail.get(*at..).unwrap_or_default();
        let comment = rest.get(20..22).map(|length| usize::from(u16::from_le_bytes([length[0], length[1]])));
        let offset = from.saturating_add(*at as u64);
        let in_entries = (first..start).contains(&offset);
        rest.starts_with(END_RECORD)
            && comment.is_some_and(|comment| comment + 22 <= rest.len())
            && !in_entries
    };
    let records = (0..tail.len()).filter(is_record).count();
    Ok((records > 1).then(|| "has several directories: other programs may see other files in it".to_owned()))
}

fn convert<'a>(section: &Section, entry: &ZipFileEntry<'_>, name: &'a str) -> Entry<'a> {
    let compression = entry.compression();
    let method = if compression == CompressionMethod::Stored {
        Method::Stored
    } else if compression == CompressionMethod::DEFLATE {
        Method::Deflated
    } else {
        #[allow(deprecated, reason = "nothing else tells the number of a method that zip was built without")]
        Method::Unsupported(compression.to_u16())
    };
    let encryption = entry.encrypted().then(|| match method {
        Method::Unsupported(99) => {
            Encryption::Aes(aes_words(section, entry.central_header_start()).unwrap_or_default())
        }
        _ => Encryption::ZipCrypto,
    });
    let kind = if entry.is_symlink() {
        EntryKind::Symlink
    } else if entry.is_dir() {
        EntryKind::Directory
    } else {
        EntryKind::File
    };
    Entry {
        name,
        size: entry.size(),
        method,
        kind,
        encryption,
        crc: Some(entry.crc32()),
        compressed: entry.compressed_size(),
        header: entry.header_start(),
    }
}

/// The AES key length in units of 64 bits, from the extra field 0x9901 of the header at `header`.
fn aes_words(section: &Section, header: u64) -> Option<u8> {
    let mut fixed = [0; 46];
    section.read_exact_at(header, &mut fixed).ok()?;
    let length = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let mut extra = vec![0; usize::from(length(30))];
    let start = header.saturating_add(46).saturating_add(u64::from(length(28)));
    section.read_exact_at(start, &mut extra).ok()?;
    let mut rest = extra.as_slice();
    while let [id, id_high, size, size_high, body @ ..] = rest {
        let size = usize::from(u16::from_le_bytes([*size, *size_high]));
        if [*id, *id_high] == [0x01, 0x99] {
            // Version (2 bytes), vendor (2 bytes), strength.
            return body.get(4).filter(|strength| (1..=3).contains(*strength)).map(|strength| strength + 1);
        }
        rest = body.get(size..).unwrap_or_default();
    }
    None
}

fn hash(section: &Section, start: u64) -> Result<u32> {
    let mut directory = SectionReader::new(section.after(start)).take(MAX_HASHED_BYTES);
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = directory.read(&mut buffer).map_err(|error| Error::io("cannot be read", error))?;
        if read == 0 {
            return Ok(hasher.finalize());
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
}

/// How the local header of an entry contradicts the directory, if it does.
pub(super) fn contradiction(section: &Section, entry: &Entry<'_>) -> Option<String> {
    let mut fixed = [0; LOCAL_HEADER_BYTES as usize];
    section.read_exact_at(entry.header, &mut fixed).ok()?;
    let field = |at: usize| u16::from_le_bytes([fixed[at], fixed[at + 1]]);
    let long = |at: usize| u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
    let mut name = vec![0; usize::from(field(26))];
    section.read_exact_at(entry.header.saturating_add(LOCAL_HEADER_BYTES), &mut name).ok()?;
    let method = match entry.method {
        Method::Stored => 0,
        Method::Deflated => 8,
        Method::Unsupported(number) => number,
    };
    // Sizes and checksum may follow the data, and sizes may be in an extra field.
    let (is_streamed, is_large) = (field(6) & 8 != 0, long(18) == u32::MAX || long(22) == u32::MAX);
    let differs = |own: u64, other: u32| own != u64::from(other);
    let what = if String::from_utf8_lossy(&name) != entry.name {
        "name"
    } else if field(8) != method {
        "compression method"
    } else if !is_streamed
        && !is_large
        && (differs(entry.compressed, long(18)) || differs(entry.size, long(22)))
    {
        "size"
    } else if !is_streamed && entry.crc.is_some_and(|crc| crc != long(14)) {
        "checksum"
    } else {
        return None;
    };
    Some(format!(
        "its local header has a different {what} from the zip's directory; other programs may read it differently"
    ))
}

/// The error for a file without a usable end record, with a guess at what happened to it.
fn not_a_zip(section: &Section, error: ZipError) -> Error {
    if let ZipError::Io(error) = error {
        if error.kind() != io::ErrorKind::UnexpectedEof {
            return Error::io("cannot be read", error);
        }
    } else if !matches!(&error, ZipError::InvalidArchive(reason) if reason.contains("EOCD")) {
        return broken(error);
    }
    let mut magic = [0; 4];
    let (kind, hint) = if section.bytes() == 0 {
        (ErrorKind::NotAnExport, "not a zip archive (the file is empty)")
    } else if section.read_exact_at(0, &mut magic).is_ok() && &magic == b"PK\x03\x04" {
        let hint = "not a zip archive (no end-of-central-directory record); it begins like one, \
                    so the download was probably cut short; --recover shows what is there";
        (ErrorKind::Damaged, hint)
    } else {
        (ErrorKind::NotAnExport, "not a zip archive (no end-of-central-directory record)")
    };
    Error::new(kind, hint)
}

fn broken(error: ZipError) -> Error {
    match error {
        ZipError::Io(error) => Error::io("the zip archive's directory cannot be read", error),
        ZipError::InvalidArchive(reason) => {
            Error::new(ErrorKind::Damaged, format!("damaged zip archive ({reason})"))
        }
        other => Error::new(ErrorKind::Damaged, format!("damaged zip archive ({other})")),
    }
}
