//! The entries of an archive, a few bytes each: a ZIP of 50 MB may have a million of them.

use crate::error::{Error, ErrorKind, Result};

/// How an entry is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// Not compressed.
    Stored,
    /// Deflated.
    Deflated,
    /// Compressed with a method that we can't read, given by its number in the ZIP format.
    Unsupported(u16),
}

/// What kind of file an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryKind {
    /// A regular file.
    File,
    /// A directory, which has no bytes.
    Directory,
    /// A symbolic link. Its bytes are its target; nothing follows it.
    Symlink,
}

/// How an entry is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encryption {
    /// The ZIP format's original cipher.
    ZipCrypto,
    /// AES with a key of this many times 64 bits; 0 if the archive doesn't say.
    Aes(u8),
}

impl std::fmt::Display for Encryption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ZipCrypto => f.write_str("ZipCrypto"),
            Self::Aes(0) => f.write_str("AES"),
            Self::Aes(words) => write!(f, "AES-{}", u16::from(*words) * 64),
        }
    }
}

/// One entry of an archive.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Its name, with `/` between directories. Untrusted: an opaque key, with undecodable bytes replaced.
    pub name: &'a str,
    /// Its inflated size in bytes, according to its header. Producing more or fewer bytes is an error.
    pub size: u64,
    /// How it is compressed.
    pub method: Method,
    /// What kind of file it is.
    pub kind: EntryKind,
    pub(super) encryption: Option<Encryption>,
    /// `None` for plain files, which have no checksum.
    pub(super) crc: Option<u32>,
    pub(super) compressed: u64,
    /// Offset of the local header in the ZIP, or of the data in a plain file.
    pub(super) header: u64,
}

impl<'a> Entry<'a> {
    pub(super) fn plain(name: &'a str, size: u64) -> Self {
        Self {
            name,
            size,
            method: Method::Stored,
            kind: EntryKind::File,
            encryption: None,
            crc: None,
            compressed: size,
            header: 0,
        }
    }

    /// Number of bytes that come out of decompression; 0 for stored entries.
    pub(super) fn inflated(&self) -> u128 {
        if self.method == Method::Deflated { u128::from(self.size) } else { 0 }
    }

    /// Fails if the bytes can't be read at all, and says why.
    pub(super) fn readable(&self) -> Result<()> {
        let reason = match (self.encryption, self.method, self.kind) {
            (Some(how), _, _) => format!("encrypted ({how}); gptfs cannot read it"),
            (_, Method::Unsupported(number), _) => {
                format!("compressed by method {number}; gptfs reads stored and deflated entries only")
            }
            (_, Method::Stored, _) if self.compressed != self.size => {
                "its sizes in the zip's directory contradict each other".to_owned()
            }
            (_, _, EntryKind::Directory) => "a directory".to_owned(),
            _ => return Ok(()),
        };
        Err(Error::new(ErrorKind::Damaged, reason))
    }
}

/// All entries of an archive, in order.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    /// All names, one after another.
    names: String,
    records: Vec<EntryRecord>,
}

/// An [`Entry`] whose name is kept elsewhere.
#[derive(Clone, Copy, Debug)]
struct EntryRecord {
    size: u64,
    compressed: u64,
    header: u64,
    /// Where its name ends, which begins where that of its predecessor ends.
    name_end: u32,
    crc: u32,
    method: Method,
    encryption: Option<Encryption>,
    kind: EntryKind,
    has_crc: bool,
}

impl Entries {
    /// Adds an entry.
    ///
    /// # Errors
    /// `Limit` if all names together are too long, `OutOfMemory`.
    pub(super) fn push(&mut self, entry: Entry<'_>) -> Result<()> {
        let name_end = u32::try_from(self.names.len().saturating_add(entry.name.len()));
        let name_end =
            name_end.map_err(|_| Error::new(ErrorKind::Limit, "the names of its entries exceed 4 GiB"))?;
        let room = self.names.try_reserve(entry.name.len()).and_then(|()| self.records.try_reserve(1));
        room.map_err(|_| Error::new(ErrorKind::OutOfMemory, "no memory for its directory"))?;
        self.names.push_str(entry.name);
        let Entry { name: _, size, method, kind, encryption, crc, compressed, header } = entry;
        let (crc, has_crc) = (crc.unwrap_or_default(), crc.is_some());
        self.records.push(EntryRecord {
            size,
            compressed,
            header,
            name_end,
            crc,
            method,
            encryption,
            kind,
            has_crc,
        });
        Ok(())
    }

    /// Number of entries.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The entry at a position. Constant work.
    pub(crate) fn get(&self, at: usize) -> Option<Entry<'_>> {
        let record = self.records.get(at)?;
        let before = at.checked_sub(1).and_then(|before| self.records.get(before));
        let start = before.map_or(0, |before| before.name_end as usize);
        let &EntryRecord { size, compressed, header, name_end, crc, method, encryption, kind, has_crc } =
            record;
        let name = self.names.get(start..name_end as usize)?;
        Some(Entry { name, size, method, kind, encryption, crc: has_crc.then_some(crc), compressed, header })
    }

    /// All entries in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        (0..self.records.len()).filter_map(|at| self.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_what_was_pushed_and_takes_few_bytes() {
        let mut entries = Entries::default();
        let first = Entry::plain("ä", 7);
        let second = Entry {
            name: "",
            size: 1,
            method: Method::Unsupported(99),
            kind: EntryKind::Symlink,
            encryption: Some(Encryption::Aes(4)),
            crc: Some(0),
            compressed: 2,
            header: 3,
        };
        entries.push(first).unwrap();
        entries.push(second).unwrap();
        let found: Vec<_> = entries.iter().map(|entry| format!("{entry:?}")).collect();
        assert_eq!(found, [format!("{first:?}"), format!("{second:?}")]);
        assert!(entries.get(2).is_none());
        assert_eq!(size_of::<EntryRecord>(), 40);
    }
}
