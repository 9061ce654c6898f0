//! For systems other than Linux. What they can't do in one step is done in several. How each function fails is said in
//! `linux.rs`, unless it is different here.

use std::fs::{self, File, FileTimes, Metadata};
use std::io::{self, PipeReader, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Does nothing: only glibc's allocator needs telling.
pub(crate) fn give_memory_back_early() {}

/// Does nothing.
pub(crate) fn let_large_writes_fail() {}

/// Does nothing: only glibc's allocator needs telling.
pub(crate) fn trim_memory() {}

/// Opens a file for reading, unless `path` itself is a symbolic link, which is `InvalidInput`.
pub(crate) fn open_without_following(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    File::open(path)
}

/// `Unsupported`: only Linux has files without a name.
pub(crate) fn unnamed_file(_dir: &Path) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `Unsupported`: only Linux has files without a name.
pub(crate) fn name_file(_file: &File, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// True if nobody else has any access, as far as the system says so in the mode of a file.
pub(crate) fn is_ours_alone(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::MetadataExt::mode(metadata).trailing_zeros() >= 6;
    #[cfg(windows)]
    {
        let _ = metadata;
        true
    }
}

/// Creates a directory that only its owner can access, where modes say so.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(false).create(path)
}

/// Creates a directory and those above it.
pub(crate) fn make_directories(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Takes the place of Linux's signals: none is held back, so each ends the process.
#[derive(Debug)]
pub(crate) struct EndSignals;

impl EndSignals {
    /// Does nothing.
    pub(crate) fn hold() -> io::Result<Self> {
        Ok(Self)
    }

    /// False: no signal is held back.
    pub(crate) fn take(&self) -> bool {
        false
    }

    /// Waits until every writer of `pipe` is gone. No signal arrives.
    pub(crate) fn arrives_before_end(&self, mut pipe: &PipeReader) -> bool {
        while matches!(pipe.read(&mut [0]), Ok(1)) {}
        false
    }
}

/// A directory by its path. Every name is that of a direct child. Links are refused when they are passed, but others
/// who may write to the directory can replace what was passed.
#[derive(Debug)]
pub(crate) struct OpenDirectory(PathBuf);

impl OpenDirectory {
    /// Opens the directory at `path`, following links.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if fs::metadata(path)?.is_dir() {
            Ok(Self(path.to_owned()))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Another handle of the same directory.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone()))
    }

    /// Opens a child directory that is not a link.
    pub(crate) fn enter(&self, name: &str) -> io::Result<Self> {
        let path = self.0.join(name);
        if fs::symlink_metadata(&path)?.is_dir() {
            Ok(Self(path))
        } else {
            Err(io::ErrorKind::NotADirectory.into())
        }
    }

    /// Opens the directory at the relative `path`, whose parts must not be links.
    pub(crate) fn enter_path(&self, path: &str) -> io::Result<Self> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(self.try_clone()?, |at, name| at.enter(name))
    }

    /// Makes a child directory.
    pub(crate) fn make(&self, name: &str) -> io::Result<()> {
        fs::create_dir(self.0.join(name))
    }

    /// Begins a file, called `partial` until it [is complete](Self::complete).
    pub(crate) fn begin<'n>(&self, partial: &'n str) -> io::Result<NewFile<'n>> {
        Ok(NewFile { file: File::create_new(self.0.join(partial))?, partial })
    }

    /// Gives `new`, which was begun here, its name, unless it is taken.
    pub(crate) fn complete(&self, new: &NewFile<'_>, name: &str) -> io::Result<()> {
        let path = self.0.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        fs::rename(self.0.join(new.partial), path)
    }

    /// Begins a file as [`begin`](Self::begin) does, removing one called `partial` that an interrupted process left.
    pub(crate) fn begin_again<'n>(&self, partial: &'n str) -> io::Result<NewFile<'n>> {
        let _ = self.remove(partial);
        self.begin(partial)
    }

    /// Gives `new`, which was begun here as `partial`, its name, in place of a file that has it.
    pub(crate) fn replace(&self, new: &NewFile<'_>, name: &str, partial: &str) -> io::Result<()> {
        debug_assert_eq!(new.partial, partial);
        fs::rename(self.0.join(partial), self.0.join(name))
    }

    /// What the link `name` leads to.
    pub(crate) fn link_target(&self, name: &str) -> io::Result<PathBuf> {
        fs::read_link(self.0.join(name))
    }

    /// Removes a child that is a file or link.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.0.join(name))
    }

    /// Removes a child directory that is empty.
    pub(crate) fn remove_directory(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.0.join(name))
    }

    /// Removes `new`, which was begun here.
    pub(crate) fn give_up(&self, new: &NewFile<'_>) -> io::Result<()> {
        fs::remove_file(self.0.join(new.partial))
    }

    /// Opens the file at the relative `path`, whose parts must not be links.
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<File> {
        let mut at = self.0.clone();
        for part in path {
            at.push(part);
            if fs::symlink_metadata(&at)?.is_symlink() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
        }
        File::open(at)
    }

    /// Makes a symbolic link to `target`, with the time of now. On Windows that takes a privilege.
    pub(crate) fn link(&self, name: &str, target: &str, modified: SystemTime) -> io::Result<()> {
        let _ = modified;
        let path = self.0.join(name);
        #[cfg(unix)]
        return std::os::unix::fs::symlink(target, path);
        #[cfg(windows)]
        return std::os::windows::fs::symlink_file(target, path);
    }

    /// Sets its times, except on Windows, which opens no directory as a file.
    pub(crate) fn set_times(&self, times: FileTimes) -> io::Result<()> {
        if cfg!(windows) { Ok(()) } else { File::open(&self.0)?.set_times(times) }
    }
}

/// A file that does not have its own name yet.
#[derive(Debug)]
pub(crate) struct NewFile<'n> {
    pub(crate) file: File,
    partial: &'n str,
}
