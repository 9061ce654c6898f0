//! What an earlier `export --update` has written into a folder, so that nothing else is overwritten or removed.
//!
//! The record is a file in the folder itself. It is replaced before anything is written, by one with the files as they
//! were and as they are going to be, and at the end by one with the files as they are. So whenever an update is
//! interrupted, the next one knows each file that gptfs wrote.

use crate::fs::Attr;
use crate::sys::{OpenDirectory, modified};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Write as _};
use std::path::Path;

/// The name of the record. No name in the tree begins like it.
const RECORD: &str = ".gptfs-export";

/// Its first line.
const HEADER: &str = "gptfs export 1";

/// The longest record that is read, in bytes.
const LONGEST: u64 = 1 << 30;

/// How a file or link is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FileStamp {
    /// A file of this size and modification time, in nanoseconds since 1970.
    File(u64, i64),
    /// A link to this target.
    Link(String),
}

impl FileStamp {
    /// That of a file.
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self::File(metadata.len(), modified(metadata))
    }

    /// That of a file as the tree has it.
    pub(super) fn planned(attr: Attr) -> Self {
        let seconds = attr.modified.seconds().saturating_mul(1_000_000_000);
        Self::File(attr.size, seconds.saturating_add(attr.modified.nanoseconds().into()))
    }
}

/// What was written, by path. A file has several stamps while it is uncertain whether it was replaced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The filters that chose the conversations, in one line without tabs; empty for all.
    pub(super) filter: String,
    pub(super) files: BTreeMap<String, Vec<FileStamp>>,
    pub(super) directories: BTreeSet<String>,
}

/// What already has the name of a file or link that is to be written.
#[derive(Debug)]
pub(super) enum Existing {
    Nothing,
    /// A file, and whether it is as it was written.
    File(File, FileStamp, bool),
    /// A link that is as it was made, with its target.
    Link(String),
    /// Somebody else's.
    Foreign,
}

impl Record {
    /// The record in `folder`; `None` if it has none.
    ///
    /// # Errors
    /// Any error while reading it; `InvalidData`.
    pub(super) fn read(folder: &OpenDirectory) -> io::Result<Option<Self>> {
        let file = match folder.open_file(Path::new(RECORD)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            opened => opened?,
        };
        let mut text = String::new();
        file.take(LONGEST).read_to_string(&mut text)?;
        Self::parse(&text).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut record = Self::default();
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return None;
        }
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
                    Some(FileStamp::File(size, time))
                }
                _ => return None,
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
            for stamp in stamps {
                let _ = match stamp {
                    FileStamp::File(size, time) => writeln!(text, "file\t{size}\t{time}\t{path}"),
                    FileStamp::Link(target) => writeln!(text, "link\t{target}\t{path}"),
                };
            }
        }
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
    pub(super) fn add(&mut self, path: String, stamp: FileStamp) {
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
        let is_ours = |stamp: &FileStamp| self.files.get(path).is_some_and(|stamps| stamps.contains(stamp));
        match directory.open_file(Path::new(name)) {
            Ok(file) => {
                let metadata = file.metadata()?;
                if !metadata.is_file() {
                    return Ok(Existing::Foreign);
                }
                let stamp = FileStamp::of(&metadata);
                let is_ours = is_ours(&stamp);
                Ok(Existing::File(file, stamp, is_ours))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Existing::Nothing),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                let target = directory.link_target(name)?;
                let target = target.to_str().filter(|target| is_ours(&FileStamp::Link((*target).to_owned())));
                Ok(target.map_or(Existing::Foreign, |target| Existing::Link(target.to_owned())))
            }
            Err(error) => Err(error),
        }
    }

    /// Removes from `folder` what this record has and `new` has not, unless somebody changed it. Returns how many files and
    /// links are gone, and the paths of those that somebody changed.
    pub(super) fn remove_gone(&self, new: &Self, folder: &OpenDirectory) -> (u64, Vec<String>) {
        let (mut removed, mut kept) = (0, Vec::new());
        for path in self.files.keys().filter(|path| !new.files.contains_key(*path)) {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let Ok(directory) = folder.enter_path(parent) else { continue };
            match self.existing(&directory, path, name) {
                Ok(Existing::File(_, _, true) | Existing::Link(_)) if directory.remove(name).is_ok() => {
                    removed += 1;
                }
                Ok(Existing::Nothing) => {}
                _ => kept.push(path.clone()),
            }
        }
        // Those inside come after those around them. One that is not empty has something of somebody else.
        for path in self.directories.iter().rev().filter(|path| !new.directories.contains(*path)) {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            if let Ok(directory) = folder.enter_path(parent) {
                let _ = directory.remove_directory(name);
            }
        }
        (removed, kept)
    }
}

/// True for a path that can't lead out of its folder.
fn is_inside(path: &str) -> bool {
    path.split('/').all(|name| !matches!(name, "" | "." | ".."))
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

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        assert_eq!(Record::read(&top).unwrap(), None);
        let mut record = Record { filter: "--since 2024".to_owned(), ..Record::default() };
        for stamp in [FileStamp::File(3, -1), FileStamp::File(4, 7), FileStamp::File(4, 7)] {
            record.add("2024/02/é a.md".to_owned(), stamp);
        }
        record.add("starred/a.md".to_owned(), FileStamp::Link("../2024/a.md".to_owned()));
        record.directories.extend(["2024".to_owned(), "2024/02".to_owned()]);
        for _ in 0..2 {
            record.write(&top, "part").unwrap();
            assert_eq!(Record::read(&top).unwrap(), Some(record.clone()));
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_record_that_leads_out_of_its_folder_or_is_damaged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        for line in [
            "file\t1\t2\t../mine",
            "file\t1\t2\t/mine",
            "file\t1\t2\ta/../../mine",
            "file\t1\t2\t",
            "file\t1\tmine",
            "file\t1\t2\tmine\tmore",
            "link\t../mine",
            "directory\t..",
            "filter",
            "other\tmine",
            "",
        ] {
            std::fs::write(folder.path().join(RECORD), format!("{HEADER}\n{line}\n")).unwrap();
            assert!(Record::read(&top).is_err(), "{line}");
        }
        std::fs::write(folder.path().join(RECORD), "another header\n").unwrap();
        assert!(Record::read(&top).is_err());
    }
}
