//! The tree as plain files, exactly as the mount shows it.
//!
//! Never writes outside the folder it is given: names are checked by construction, the folder is empty at the beginning,
//! and before each file it is made sure that its directory is still a directory and its name still free.

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Attr, FileKind, Fs, Ino, Origin, Totals};
use crate::text::printable;
use std::fs::{DirBuilder, File, FileTimes, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

/// A file while it is written. No name in the tree begins with a dot.
const PARTIAL: &str = ".gptfs-partial";

/// How much of a copied file is in memory at once, in bytes.
const PIECE: usize = 1 << 20;

/// How far an export is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// What was finished last: a path from the root of the tree. Untrusted text.
    pub path: &'a str,
    /// What was written so far.
    pub files: u64,
    /// The bytes of these files.
    pub bytes: u64,
    /// What the whole tree has: all inodes, and bytes rounded up to 512 a file.
    pub totals: Totals,
}

/// What an export wrote.
#[derive(Debug, Default)]
pub struct Written {
    /// Files written in full.
    pub files: u64,
    /// Directories made, without the folder itself.
    pub directories: u64,
    /// The bytes of the files.
    pub bytes: u64,
    /// What could not be written in full, or not with its times. Nothing is left of such a file, unless it is only
    /// its times that are wrong.
    pub failures: Vec<Error>,
}

impl Written {
    /// This, or one error for all failures.
    ///
    /// # Errors
    /// `Damaged` if there was any failure; the message says how many and names the first.
    pub fn complete(self) -> Result<Self> {
        match self.failures.first() {
            None => Ok(self),
            Some(first) => {
                let count = self.failures.len();
                Err(Error::new(
                    ErrorKind::Damaged,
                    format!("{count} could not be written; the first: {first}"),
                ))
            }
        }
    }
}

/// Writes everything that `fs` lists into the folder `into`, which is made if it is missing and must be empty otherwise.
/// Modification times are those of the tree; modes are 0644 and 0755 within the umask.
///
/// A file is there in full or not at all. What fails is noted and the rest goes on; see [`Written::complete`]. `progress` is
/// called after each file. Files are written one after another, a copied one in pieces of a megabyte.
///
/// # Errors
/// `Environment` if the folder can't be used or the disk is full; what was written until then stays.
pub fn write(fs: &Fs, into: &Path, progress: &mut dyn FnMut(Progress<'_>)) -> Result<Written> {
    prepare(into)?;
    // The folder itself may be named by a symbolic link; nothing inside it may be one.
    let into = &into.canonicalize().map_err(|error| environment(into, error))?;
    let mut written = Written::default();
    let mut directories = vec![(into.to_owned(), fs.attr(Ino::ROOT)?)];
    // Below a directory that can't be made, each file would fail for the same reason.
    let mut lost: Option<String> = None;
    for step in fs.walk() {
        if lost.as_ref().is_some_and(|lost| step.path.starts_with(lost.as_str())) {
            continue;
        }
        let path = into.join(&step.path);
        let outcome = match step.attr.kind {
            FileKind::Directory => make_directory(&path),
            FileKind::File => write_file(fs, step.attr, &path).map(|wrong_times| {
                written.failures.extend(wrong_times.map(|error| error.within(named(&path))));
            }),
        };
        match (outcome, step.attr.kind) {
            (Ok(()), FileKind::Directory) => {
                written.directories = written.directories.saturating_add(1);
                directories.push((path, step.attr));
            }
            (Ok(()), FileKind::File) => {
                written.files = written.files.saturating_add(1);
                written.bytes = written.bytes.saturating_add(step.attr.size);
                let (files, bytes) = (written.files, written.bytes);
                progress(Progress { path: &step.path, files, bytes, totals: fs.totals() });
            }
            (Err(Failure::Disk(error)), _) => return Err(error.within(named(&path))),
            (Err(Failure::One(error)), kind) => {
                written.failures.push(error.within(named(&path)));
                lost = (kind == FileKind::Directory).then(|| format!("{}/", step.path)).or(lost);
            }
        }
    }
    // Whatever is put into a directory changes its time: so the times come last.
    for (path, attr) in directories.iter().rev() {
        let timed = real_directory(path).and_then(|()| Ok(set_times(&File::open(path)?, *attr)?));
        if let Err(Failure::One(error) | Failure::Disk(error)) = timed {
            written.failures.push(error.within(named(path)));
        }
    }
    Ok(written)
}

/// Why something wasn't written.
#[derive(Debug)]
enum Failure {
    /// The reason is this file's own.
    One(Error),
    /// Nothing else can be written either.
    Disk(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem);
        let error = Error::io("can't be written", error);
        if full { Self::Disk(error) } else { Self::One(error) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::One(error)
    }
}

/// Makes sure that `into` is an empty folder.
fn prepare(into: &Path) -> Result<()> {
    let refused = |why: &str| Err(Error::new(ErrorKind::Environment, format!("{}: {why}", named(into))));
    match std::fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => refused("not empty; name a new or an empty folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => DirBuilder::new()
            .recursive(true)
            .mode(0o755)
            .create(into)
            .map_err(|error| environment(into, error)),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            refused("not a folder; name a new or an empty folder")
        }
        Err(error) => Err(environment(into, error)),
    }
}

fn environment(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Environment, named(path)).caused_by(error)
}

/// Makes one directory, which must not be there.
fn make_directory(path: &Path) -> Result<(), Failure> {
    real_directory(path.parent().unwrap_or(path))?;
    Ok(DirBuilder::new().mode(0o755).create(path)?)
}

/// Writes the file `attr` beside `path`, and gives it its name once it is whole. Returns what is wrong with its
/// times, for the disks that don't take any.
fn write_file(fs: &Fs, attr: Attr, path: &Path) -> Result<Option<Error>, Failure> {
    real_directory(path.parent().unwrap_or(path))?;
    // Neither a rename nor the partial file may touch what somebody else put there.
    if path.symlink_metadata().is_ok() {
        return Err(Failure::One(Error::new(ErrorKind::Environment, "somebody else made it meanwhile")));
    }
    let partial = path.with_file_name(PARTIAL);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(&partial)?;
    let outcome = fill(fs, attr, file).and_then(|wrong_times| {
        std::fs::rename(&partial, path)?;
        Ok(wrong_times)
    });
    if outcome.is_err() {
        // Should this fail as well, the next file's failure says so: its partial file is in the way.
        let _ = std::fs::remove_file(&partial);
    }
    outcome
}

fn fill(fs: &Fs, attr: Attr, mut file: File) -> Result<Option<Error>, Failure> {
    match fs.origin(attr.ino)? {
        Origin::Rendered => file.write_all(&fs.contents(attr.ino)?)?,
        Origin::Copied(_) => {
            let mut offset = 0;
            while offset < attr.size {
                let piece = fs.read(attr.ino, offset, PIECE)?;
                file.write_all(&piece)?;
                offset = offset.saturating_add(piece.len().max(1) as u64);
            }
        }
    }
    Ok(set_times(&file, attr).err().map(|error| Error::io("its times can't be set", error)))
}

/// Refuses to go on where a directory that we made is something else by now, such as a link out of the folder.
fn real_directory(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata()?.is_dir() {
        return Ok(());
    }
    Err(Failure::One(Error::new(ErrorKind::Environment, "the folder was replaced meanwhile")))
}

fn set_times(file: &File, attr: Attr) -> io::Result<()> {
    let modified = attr.modified.system_time();
    file.set_times(FileTimes::new().set_accessed(modified).set_modified(modified))
}

/// A path for messages.
fn named(path: &Path) -> String {
    printable(&path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests;
