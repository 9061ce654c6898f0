//! Directories held by descriptor, so that nobody can lead a walk elsewhere by renaming or replacing what it passes.

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, RenameFlags, openat, renameat, renameat2};
use nix::sys::stat::{Mode, UtimensatFlags, fstatat, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, symlinkat, unlinkat};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::SystemTime;

/// An open directory. Every name is that of a direct child.
#[derive(Debug)]
pub(crate) struct OpenDirectory(OwnedFd);

impl OpenDirectory {
    /// Opens the directory at `path`, following links.
    ///
    /// # Errors
    /// Those of `open`; `NotADirectory`.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(File::options().read(true).custom_flags(libc::O_DIRECTORY).open(path)?.into()))
    }

    /// Another handle of the same directory.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }

    /// Opens a child directory that is not a link.
    ///
    /// # Errors
    /// Those of `openat`; `NotADirectory` for a file or a link.
    pub(crate) fn enter(&self, name: &str) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(Self(openat(&self.0, name, flags, Mode::empty())?))
    }

    /// Opens the directory at the relative `path`, whose parts must not be links.
    ///
    /// # Errors
    /// As for [`enter`](Self::enter).
    pub(crate) fn enter_path(&self, path: &str) -> io::Result<Self> {
        path.split('/').filter(|name| !name.is_empty()).try_fold(self.try_clone()?, |at, name| at.enter(name))
    }

    /// Makes a child directory with mode 0755 within the umask.
    ///
    /// # Errors
    /// Those of `mkdirat`; `AlreadyExists`.
    pub(crate) fn make(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::from_bits_truncate(0o755))?)
    }

    /// Creates a file with mode 0644 within the umask.
    ///
    /// # Errors
    /// Those of `openat`; `AlreadyExists`.
    pub(crate) fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::from_bits_truncate(0o644))?.into())
    }

    /// Makes a symbolic link to `target` that was modified at `modified`.
    ///
    /// # Errors
    /// Those of `symlinkat` and `utimensat`; `AlreadyExists`.
    pub(crate) fn link(&self, name: &str, target: &str, modified: SystemTime) -> io::Result<()> {
        symlinkat(target, &self.0, name)?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = TimeSpec::from_duration(since);
        Ok(utimensat(&self.0, name, &time, &time, UtimensatFlags::NoFollowSymlink)?)
    }

    /// Renames a child, unless there is one with the new name.
    ///
    /// # Errors
    /// Those of `renameat2`; `AlreadyExists`.
    pub(crate) fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        match renameat2(&self.0, from, &self.0, to, RenameFlags::RENAME_NOREPLACE) {
            // This file system can't do it in one step.
            Err(Errno::EINVAL | Errno::ENOSYS) => {
                if fstatat(&self.0, to, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok() {
                    return Err(io::ErrorKind::AlreadyExists.into());
                }
                Ok(renameat(&self.0, from, &self.0, to)?)
            }
            outcome => Ok(outcome?),
        }
    }

    /// Removes a child that is a file.
    ///
    /// # Errors
    /// Those of `unlinkat`.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// The directory as a file, to set its times.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub(crate) fn as_file(&self) -> io::Result<File> {
        Ok(self.0.as_fd().try_clone_to_owned()?.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    #[test]
    fn links_are_not_followed_and_names_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        top.make("a").unwrap();
        assert_eq!(top.make("a").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        top.enter("a").unwrap().make("b").unwrap();
        top.enter_path("a/b").unwrap().create("new").unwrap().write_all(b"new").unwrap();
        let inner = top.enter_path("a/b").unwrap();
        inner.create("taken").unwrap();
        assert_eq!(inner.create("taken").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(inner.rename_new("new", "taken").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        inner.rename_new("new", "free").unwrap();
        assert_eq!(fs::read(folder.path().join("a/b/free")).unwrap(), b"new");
        inner.remove("taken").unwrap();
        assert!(inner.remove("taken").is_err());
        std::os::unix::fs::symlink(outside.path(), folder.path().join("a/link")).unwrap();
        assert!(top.enter_path("a/link").is_err());
        assert!(OpenDirectory::open(&folder.path().join("a/link")).is_ok());
        // A directory that is moved away stays the one that was opened.
        fs::rename(folder.path().join("a"), folder.path().join("moved")).unwrap();
        inner.create("late").unwrap();
        assert!(folder.path().join("moved/b/late").exists() && top.enter("a").is_err());
    }
}
