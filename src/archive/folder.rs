//! The files in a folder.

use super::section::{Section, Stamp};
use super::{Entries, Entry, Limits};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;
use crate::sys::OpenDirectory;
use crate::text::printable;
use std::borrow::Borrow;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Most files of a folder that are kept open, because processes may have few descriptors.
const MOST_HELD: usize = 64;

/// Deepest level that is searched.
const MAX_DEPTH: usize = 16;

/// The files below a folder: their names and sizes are those of the entries of the archive.
#[derive(Debug)]
pub(super) struct FolderFiles {
    folder: OpenDirectory,
    marks: Vec<FileMark>,
    /// Paths from the folder, where the name isn't the path because it isn't valid text.
    odd_paths: HashMap<u32, PathBuf>,
    /// Files that stay open, by their positions.
    held: Mutex<HashMap<u32, Arc<File>>>,
    /// There are files or directories whose names begin with a dot, which are skipped.
    pub(super) has_hidden: bool,
}

/// What tells a file from another one, besides its size. Small, because there may be a million files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileMark {
    /// Device and inode, where the system has them, as one number.
    id: u64,
    /// The last modification, in nanoseconds since 1970.
    pub(super) modified: i64,
}

impl FileMark {
    fn of(stamp: &Stamp) -> Self {
        let id = stamp.id().map_or(0, |(device, inode)| device.rotate_left(40) ^ inode);
        Self { id, modified: stamp.modified() }
    }
}

/// All files below `top`, sorted by name, and notes about directories that could not be listed, and about links and other
/// things that are no files. Whatever is moved or mounted there later, the files are those that were listed.
pub(super) fn list(top: &Path, limits: &Limits) -> Result<(FolderFiles, Entries, Vec<String>)> {
    let (mut unlisted, mut unread) = (LeftOut::default(), LeftOut::default());
    let mut entries = Entries::default();
    let (mut marks, mut odd_paths) = (Vec::new(), HashMap::new());
    let mut has_hidden = false;
    let folder = OpenDirectory::open(top);
    let folder = folder.map_err(|error| Error::io("cannot be listed", error));
    let mut pending = vec![(PathBuf::new(), String::new(), 0)];
    while let Some((below, prefix, depth)) = pending.pop() {
        let directory = top.join(&below);
        let cannot =
            |error| Error::io(format!("{} cannot be listed", printable(&directory.to_string_lossy())), error);
        let found = match std::fs::read_dir(&directory) {
            // An unreadable directory hides only its own files.
            Err(error) if depth > 0 => {
                unlisted.add(|| cannot(error).to_string());
                continue;
            }
            other => other.map_err(cannot)?,
        };
        for item in found {
            let item = item.map_err(cannot)?;
            let name = item.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                has_hidden = true;
                continue;
            }
            let name = format!("{prefix}{name}");
            // Doesn't follow links.
            let metadata = match item.metadata() {
                Ok(metadata) => metadata,
                // It vanished meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    unread.add(|| {
                        Error::io(format!("{} cannot be examined", printable(&name)), error).to_string()
                    });
                    continue;
                }
            };
            if metadata.is_dir() && depth == MAX_DEPTH {
                unlisted.add(|| format!("{} is nested too deeply", printable(&name)));
            } else if metadata.is_dir() {
                pending.push((below.join(item.file_name()), format!("{name}/"), depth + 1));
            } else if metadata.is_file() {
                let (path, stamp) = (below.join(item.file_name()), Stamp::of(&metadata));
                if path.as_os_str() != name.as_str() {
                    odd_paths.insert(marks.len() as u32, path);
                }
                entries.push(Entry::plain(&name, stamp.bytes))?;
                marks.push(FileMark::of(&stamp));
            } else if metadata.is_symlink() {
                unread.add(|| format!("{} is a symbolic link, which is not followed", printable(&name)));
            } else {
                unread.add(|| format!("{} is not a file", printable(&name)));
            }
            if entries.len().saturating_add(pending.len()) as u64 > limits.max_entries {
                let reason = format!("more than {} files, which is the limit", limits.max_entries);
                return Err(Error::new(ErrorKind::Limit, reason));
            }
        }
    }
    let (files, entries) = sorted(&entries, &marks, odd_paths, folder?)?;
    let files = FolderFiles { has_hidden, ..files };
    let notes = [unlisted.note("directories"), unread.note("names")];
    Ok((files, entries, notes.into_iter().flatten().collect()))
}

/// What was passed over. There may be many, so only the first is named.
#[derive(Default)]
struct LeftOut {
    count: usize,
    first: String,
}

impl LeftOut {
    fn add(&mut self, reason: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = reason();
        }
        self.count = self.count.saturating_add(1);
    }

    fn note(self, what: &str) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(self.first),
            count => Some(format!("{count} {what} are left out, the first: {}", self.first)),
        }
    }
}

fn sorted(
    entries: &Entries,
    marks: &[FileMark],
    mut odd_paths: HashMap<u32, PathBuf>,
    folder: OpenDirectory,
) -> Result<(FolderFiles, Entries)> {
    let mut order: Vec<u32> = (0..).take(marks.len()).collect();
    let name = |at: u32| entries.get(at as usize).map(|entry| entry.name);
    order.sort_unstable_by(|&a, &b| name(a).cmp(&name(b)));
    let mut files = FolderFiles {
        folder,
        marks: Vec::with_capacity(marks.len()),
        odd_paths: HashMap::new(),
        held: Mutex::default(),
        has_hidden: false,
    };
    let mut in_order = Entries::default();
    let file = |&before: &u32| Some((before, entries.get(before as usize)?, *marks.get(before as usize)?));
    for (at, (before, entry, mark)) in (0..).zip(order.iter().filter_map(file)) {
        in_order.push(entry)?;
        files.marks.push(mark);
        files.odd_paths.extend(odd_paths.remove(&before).map(|path| (at, path)));
    }
    Ok((files, in_order))
}

impl FolderFiles {
    pub(super) fn marks(&self) -> &[FileMark] {
        &self.marks
    }

    /// Keeps a file open, so that it can be read when it is deleted. If it can't be opened, it is opened when it is read.
    pub(super) fn hold(&self, at: u32, found: &Entry<'_>) {
        let mut held = lock(&self.held);
        if held.len() < MOST_HELD
            && let Ok(file) = self.open_unchanged(at, found)
        {
            held.insert(at, Arc::new(file));
        }
    }

    /// All of a file, if it is still the one that was listed.
    pub(super) fn section(&self, at: u32, found: &Entry<'_>) -> Result<Section> {
        let held = lock(&self.held).get(&at).cloned();
        let file = match held {
            Some(file) => self.unchanged(at, found, file)?,
            None => Arc::new(self.open_unchanged(at, found)?),
        };
        Section::shared(file).map_err(|error| Error::io("cannot be opened", error))
    }

    /// Opens a file if it is still the one that was listed as `found`, at the position `at`. A symbolic link in its place
    /// is refused.
    pub(super) fn open_unchanged(&self, at: u32, found: &Entry<'_>) -> Result<File> {
        let path = self.odd_paths.get(&at).map_or(Path::new(found.name), PathBuf::as_path);
        let file = self.folder.open_file(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotADirectory => changed(),
            _ => Error::io("cannot be opened", error),
        })?;
        self.unchanged(at, found, file)
    }

    /// Passes `file` on if it is still the one that was listed as `found`, at the position `at`.
    fn unchanged<F: Borrow<File>>(&self, at: u32, found: &Entry<'_>, file: F) -> Result<F> {
        let metadata = file.borrow().metadata().map_err(|error| Error::io("cannot be opened", error))?;
        let now = Stamp::of(&metadata);
        let is_unmodified =
            self.marks.get(at as usize) == Some(&FileMark::of(&now)) && now.bytes == found.size;
        if is_unmodified { Ok(file) } else { Err(changed()) }
    }
}

fn changed() -> Error {
    Error::new(ErrorKind::Damaged, "changed while it was in use")
}
