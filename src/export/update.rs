//! What an earlier `export --update` has written into a folder, so that nothing else is overwritten or removed.
//!
//! The record is a file in the folder itself. It is replaced before anything is written, by one with the files as they
//! were and as they are going to be, and at the end by one with the files as they are. So whenever an update is
//! interrupted, the next one knows each file that gptfs wrote.

use crate::error::{Error, ErrorKind, Result};
use crate::fs::Attr;
use crate::sys::{OpenDirectory, modified};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;

/// The name of the record. No name in the tree begins like it.
pub(super) const RECORD: &str = ".gptfs-export";

/// Its first line.
const HEADER: &str = "gptfs export 2";

/// The first line of a record without checksums and conversations.
const FIRST_HEADER: &str = "gptfs export 1";

/// Its last line, without which it was cut off.
const END: &str = "end\n";

/// The longest id of a conversation in a record, in bytes.
const ID_BYTES: usize = 256;

/// The longest record that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// How a file or link is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileStamp {
    File(FileState),
    /// A link to this target.
    Link(String),
}

/// How a file is recognised: by its size and time, or else, where it was copied, by its size and checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileState {
    /// Its size in bytes.
    size: u64,
    /// When it was modified, in nanoseconds since 1970.
    time: i64,
    /// The CRC-32 of what it holds, if it is known.
    pub(super) checksum: Option<u32>,
}

impl FileState {
    /// That of a file.
    pub(super) fn of(metadata: &Metadata, checksum: Option<u32>) -> Self {
        Self { size: metadata.len(), time: modified(metadata), checksum }
    }

    /// That of a file as the tree has it.
    pub(super) fn planned(attr: Attr) -> Self {
        let seconds = attr.modified.seconds().saturating_mul(1_000_000_000);
        let time = seconds.saturating_add(attr.modified.nanoseconds().into());
        Self { size: attr.size, time, checksum: None }
    }

    /// True for files of one size and time.
    pub(super) fn looks_like(self, other: Self) -> bool {
        (self.size, self.time) == (other.size, other.time)
    }
}

/// What was written under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordedStamp {
    pub(super) file: FileStamp,
    /// The id of its conversation; empty if that is unknown, or too odd to be recorded.
    pub(super) conversation: String,
    /// False if the export didn't have its conversation whole.
    pub(super) is_whole: bool,
}

impl RecordedStamp {
    /// That of a file or link of the conversation with this id.
    pub(super) fn new(file: FileStamp, id: &str, is_whole: bool) -> Self {
        let is_recorded = id.len() <= ID_BYTES && !id.contains(char::is_control);
        Self { file, conversation: if is_recorded { id.to_owned() } else { String::new() }, is_whole }
    }
}

/// What was written, by path. A file has several stamps while it is uncertain whether it was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The filters that chose the conversations, in one line without tabs; empty for all.
    pub(super) filter: String,
    pub(super) files: BTreeMap<String, Vec<RecordedStamp>>,
    pub(super) directories: BTreeSet<String>,
}

/// What happened to the files and links of a record that were not written again.
#[derive(Debug, Default)]
pub(super) struct Gone {
    /// The number of those that were removed.
    pub(super) removed: u64,
    /// The paths of those that somebody changed.
    pub(super) changed: Vec<String>,
    /// The paths of those that stay and are still recorded.
    pub(super) retained: Vec<String>,
}

/// What already has the name of a file or link that is to be written.
#[derive(Debug)]
pub(super) enum Existing {
    Nothing,
    /// A file, and how it was recorded, if it is as it was written.
    File(File, Option<FileState>),
    /// A link that is as it was made, with its target.
    Link(String),
    /// Somebody else's.
    Foreign,
}

impl Record {
    /// The record in `folder`; `None` if it has none.
    ///
    /// # Errors
    /// `Environment` if it can't be read, or is not what gptfs wrote; the message lacks its name.
    pub(super) fn read(folder: &OpenDirectory) -> Result<Option<Self>> {
        let mut text = String::new();
        let read =
            folder.open_file(Path::new(RECORD)).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        match read {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() != io::ErrorKind::InvalidData => {
                return Err(Error::new(ErrorKind::Environment, "can't be read").caused_by(error));
            }
            _ => {}
        }
        Self::parse(&text).map(Some).ok_or_else(|| {
            let reason = "damaged, so what gptfs wrote into this folder is no longer known; restore this file, or name \
                          a new or an empty folder";
            Error::new(ErrorKind::Environment, reason)
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut record = Self::default();
        let (header, rest) = text.split_once('\n')?;
        let (is_first, lines) = match header {
            HEADER => (false, rest.strip_suffix(END).filter(|lines| is_complete(lines))?.lines()),
            FIRST_HEADER => (true, rest.lines()),
            _ => return None,
        };
        for line in lines {
            let mut fields = line.split('\t');
            let kind = fields.next()?;
            if kind == "filter" {
                fields.next()?.clone_into(&mut record.filter);
                if fields.next().is_some() {
                    return None;
                }
                continue;
            }
            let stamp = match kind {
                "directory" => None,
                "link" => Some(FileStamp::Link(fields.next()?.to_owned())),
                "file" => {
                    let (size, time) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
                    let checksum = match is_first.then_some("").or_else(|| fields.next())? {
                        "" => None,
                        digits => Some(u32::from_str_radix(digits, 16).ok()?),
                    };
                    Some(FileStamp::File(FileState { size, time, checksum }))
                }
                _ => return None,
            };
            let stamp = match stamp {
                None => None,
                // Anything may be lost unless it is taken to be whole.
                Some(file) if is_first => Some(RecordedStamp::new(file, "", true)),
                Some(file) => {
                    let is_whole = match fields.next()? {
                        "whole" => true,
                        "part" => false,
                        _ => return None,
                    };
                    Some(RecordedStamp::new(file, fields.next()?, is_whole))
                }
            };
            let path = fields.next().filter(|path| is_inside(path))?.to_owned();
            if fields.next().is_some() {
                return None;
            }
            match stamp {
                Some(stamp) => record.add(path, stamp),
                None => drop(record.directories.insert(path)),
            }
        }
        Some(record)
    }

    /// Replaces the record in `folder`; where it must have a name meanwhile, it is `partial`.
    ///
    /// # Errors
    /// Any error while writing it.
    pub(super) fn write(&self, folder: &OpenDirectory, partial: &str) -> io::Result<()> {
        let mut text = format!("{HEADER}\n");
        if !self.filter.is_empty() {
            let _ = writeln!(text, "filter\t{}", self.filter);
        }
        for directory in &self.directories {
            let _ = writeln!(text, "directory\t{directory}");
        }
        for (path, stamps) in &self.files {
            for RecordedStamp { file, conversation, is_whole } in stamps {
                let _ = match file {
                    FileStamp::File(FileState { size, time, checksum }) => {
                        let checksum = checksum.map(|checksum| format!("{checksum:08x}")).unwrap_or_default();
                        write!(text, "file\t{size}\t{time}\t{checksum}")
                    }
                    FileStamp::Link(target) => write!(text, "link\t{target}"),
                };
                let extent = if *is_whole { "whole" } else { "part" };
                let _ = writeln!(text, "\t{extent}\t{conversation}\t{path}");
            }
        }
        text.push_str(END);
        let mut new = folder.begin_again(partial)?;
        let written = new.file.write_all(text.as_bytes()).and_then(|()| {
            new.file.sync_all()?;
            folder.replace(&new, RECORD, partial)
        });
        if written.is_err() {
            let _ = folder.give_up(&new);
        }
        written
    }

    /// Adds a stamp of a file or link.
    pub(super) fn add(&mut self, path: String, stamp: RecordedStamp) {
        let stamps = self.files.entry(path).or_default();
        if !stamps.contains(&stamp) {
            stamps.push(stamp);
        }
    }

    /// What is called `name` in `directory`, whose file or link has the path `path`.
    ///
    /// # Errors
    /// Any error while looking, except that it is missing.
    pub(super) fn existing(&self, directory: &OpenDirectory, path: &str, name: &str) -> io::Result<Existing> {
        let stamps = self.files.get(path).map(Vec::as_slice).unwrap_or_default();
        match directory.open_file(Path::new(name)) {
            Ok(file) => {
                let metadata = file.metadata()?;
                if !metadata.is_file() {
                    return Ok(Existing::Foreign);
                }
                let ours = recognised(&file, &metadata, stamps)?;
                Ok(Existing::File(file, ours))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Existing::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                let target = directory.link_target(name)?;
                let is_ours = |target: &str| {
                    stamps.iter().any(|stamp| matches!(&stamp.file, FileStamp::Link(made) if made == target))
                };
                let target = target.to_str().filter(|target| is_ours(target));
                Ok(target.map_or(Existing::Foreign, |target| Existing::Link(target.to_owned())))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes from `folder` what this record has and `new` has not, unless somebody changed it. What `is_retained` stays
    /// where it is, and is recorded in `new` as before.
    pub(super) fn remove_gone(
        &self,
        new: &mut Self,
        folder: &OpenDirectory,
        is_retained: impl Fn(&str) -> bool,
    ) -> Gone {
        let mut gone = Gone::default();
        for (path, stamps) in &self.files {
            if new.files.contains_key(path) {
                continue;
            }
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let Ok(directory) = folder.enter_path(parent) else { continue };
            match self.existing(&directory, path, name) {
                Ok(Existing::File(_, Some(_)) | Existing::Link(_)) if is_retained(path) => {
                    new.files.insert(path.clone(), stamps.clone());
                    new.directories.extend(
                        above(path).filter(|above| self.directories.contains(*above)).map(str::to_owned),
                    );
                    gone.retained.push(path.clone());
                }
                Ok(Existing::File(_, Some(_)) | Existing::Link(_)) if directory.remove(name).is_ok() => {
                    gone.removed = gone.removed.saturating_add(1);
                }
                Ok(Existing::Nothing) => {}
                _ => gone.changed.push(path.clone()),
            }
        }
        // Those inside come after those around them. One that is not empty has something of somebody else.
        for path in self.directories.iter().rev().filter(|path| !new.directories.contains(*path)) {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            if let Ok(directory) = folder.enter_path(parent) {
                let _ = directory.remove_directory(name);
            }
        }
        gone
    }
}

/// The directories around `path`.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(end, _)| path.get(..end))
}

/// True for lines that all have an end.
fn is_complete(lines: &str) -> bool {
    lines.is_empty() || lines.ends_with('\n')
}

/// True for a path that can't lead out of its folder.
fn is_inside(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
}

/// The state among `stamps` that `file` is in.
fn recognised(
    mut file: &File,
    metadata: &Metadata,
    stamps: &[RecordedStamp],
) -> io::Result<Option<FileState>> {
    let found = FileState::of(metadata, None);
    let states = || {
        stamps.iter().filter_map(|stamp| match stamp.file {
            FileStamp::File(state) if state.size == found.size => Some(state),
            _ => None,
        })
    };
    if let Some(same) = states().find(|state| state.looks_like(found)) {
        return Ok(Some(same));
    }
    if states().all(|state| state.checksum.is_none()) {
        return Ok(None);
    }
    let checksum = Some(checksum(file)?);
    file.rewind()?;
    Ok(states().find(|state| state.checksum == checksum))
}

/// The checksum of the rest of `from`.
///
/// # Errors
/// Any error while reading it.
pub(super) fn checksum(mut from: impl io::Read) -> io::Result<u32> {
    let mut sum = Checksum::of(io::sink());
    io::copy(&mut from, &mut sum)?;
    Ok(sum.finish())
}

/// A writer that takes the checksum of what it passes on.
pub(super) struct Checksum<W> {
    into: W,
    hasher: crc32fast::Hasher,
}

impl<W> Checksum<W> {
    pub(super) fn of(into: W) -> Self {
        Self { into, hasher: crc32fast::Hasher::new() }
    }

    pub(super) fn finish(self) -> u32 {
        self.hasher.finalize()
    }
}

impl<W: io::Write> io::Write for Checksum<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.into.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or(bytes));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.into.flush()
    }
}

/// True if `file` holds exactly `bytes`.
pub(super) fn holds(file: &File, bytes: &[u8]) -> bool {
    let mut rest = bytes;
    let mut buffer = vec![0; 64 << 10];
    let mut file = file;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return rest.is_empty(),
            Ok(length) => match buffer.get(..length).and_then(|read| rest.strip_prefix(read)) {
                Some(next) => rest = next,
                None => return false,
            },
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(size: u64, time: i64, checksum: Option<u32>) -> FileStamp {
        FileStamp::File(FileState { size, time, checksum })
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        assert_eq!(Record::read(&top).unwrap(), None);
        let mut record = Record { filter: "--since 2024".to_owned(), ..Record::default() };
        for state in [file(3, -1, None), file(4, 7, Some(0xa)), file(4, 7, Some(0xa))] {
            record.add("2024/02/é a.md".to_owned(), RecordedStamp::new(state, "id of a", true));
        }
        record.add("2024/02/b.md".to_owned(), RecordedStamp::new(file(0, 0, Some(0)), "", false));
        let link = FileStamp::Link("../2024/a.md".to_owned());
        record.add("starred/a.md".to_owned(), RecordedStamp::new(link, "a", true));
        record.directories.extend(["2024".to_owned(), "2024/02".to_owned()]);
        for _ in 0..2 {
            record.write(&top, "part").unwrap();
            assert_eq!(Record::read(&top).unwrap(), Some(record.clone()));
        }
        assert_eq!(record.files["2024/02/é a.md"].len(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_record_without_checksums_and_conversations_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let text =
            "gptfs export 1\nfilter\t--starred\ndirectory\t2024\nfile\t3\t-1\t2024/a.md\nlink\t../a\tb/a\n";
        std::fs::write(folder.path().join(RECORD), text).unwrap();
        let record = Record::read(&OpenDirectory::open(folder.path()).unwrap()).unwrap().unwrap();
        let mut expected = Record { filter: "--starred".to_owned(), ..Record::default() };
        expected.directories.insert("2024".to_owned());
        expected.add("2024/a.md".to_owned(), RecordedStamp::new(file(3, -1, None), "", true));
        expected.add("b/a".to_owned(), RecordedStamp::new(FileStamp::Link("../a".to_owned()), "", true));
        assert_eq!(record, expected);
    }

    #[test]
    fn ids_that_would_break_a_record_are_left_out() {
        for id in ["a\tb", "a\nb", "a\rb", &"a".repeat(257)] {
            assert_eq!(RecordedStamp::new(file(1, 2, None), id, true).conversation, "", "{id:?}");
        }
    }

    #[test]
    fn a_record_that_leads_out_of_its_folder_or_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        let read = |text: &str| {
            std::fs::write(folder.path().join(RECORD), text).unwrap();
            Record::read(&top)
        };
        assert!(read(&format!("{HEADER}\nfile\t1\t2\t0a\twhole\ta\tmine\n{END}")).is_ok());
        for line in [
            "file\t1\t2\t\twhole\t\t../mine",
            "file\t1\t2\t\twhole\t\t/mine",
            "file\t1\t2\t\twhole\t\ta/../../mine",
            "file\t1\t2\t\twhole\t\t",
            "file\t1\t2\tx\twhole\t\tmine",
            "file\t1\t2\t\tother\t\tmine",
            "file\t1\t2\tmine",
            "file\t1\t2\t\twhole\t\tmine\tmore",
            "link\t../mine",
            "directory\t..",
            "filter",
            "other\tmine",
            "",
        ] {
            let error = read(&format!("{HEADER}\n{line}\n{END}")).unwrap_err();
            assert!(error.to_string().starts_with("damaged, "), "{line}: {error}");
        }
        for text in [
            "",
            "another header\n",
            HEADER,
            &format!("{HEADER}\ndirectory\ta\n"),
            &format!("{HEADER}\ndirectory\tweekend\n"),
            "gptfs export 1",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        std::fs::write(folder.path().join(RECORD), b"\xff\xfe").unwrap();
        assert!(Record::read(&top).is_err());
    }
}
