//! Directories held by descriptor, so that nobody can lead a walk elsewhere by renaming or replacing what it passes.

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat, renameat};
use nix::sys::stat::{Mode, UtimensatFlags, fstatat, mkdirat, utimensat};
use nix::sys::time::TimeSpec;
use nix::unistd::{UnlinkatFlags, linkat, symlinkat, unlinkat};
use std::ffi::CString;
use std::fs::{File, FileTimes};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// An open directory. Every name is that of a direct child.
#[derive(Debug)]
pub(crate) struct OpenDirectory(OwnedFd);

impl OpenDirectory {
    /// Opens the directory at `path`, following links.
    ///
    /// # Errors
    /// Any error of `open`; `NotADirectory`.
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
    /// Any error of `openat`; `NotADirectory` for a file or a link.
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
    /// Any error of `mkdirat`; `AlreadyExists`.
    pub(crate) fn make(&self, name: &str) -> io::Result<()> {
        Ok(mkdirat(&self.0, name, Mode::from_bits_truncate(0o755))?)
    }

    /// Creates a file with mode 0644 within the umask.
    ///
    /// # Errors
    /// Any error of `openat`; `AlreadyExists`.
    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        Ok(openat(&self.0, name, flags, Mode::from_bits_truncate(0o644))?.into())
    }

    /// Begins a file that gets its name only [once it is complete](Self::complete). Where the file system can, nothing of it
    /// remains if the process is killed before; elsewhere it is called `partial` until then.
    ///
    /// # Errors
    /// Any error of `openat`.
    pub(crate) fn begin<'n>(&self, partial: &'n str) -> io::Result<NewFile<'n>> {
        let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        if let Ok(file) = openat(&self.0, ".", flags, Mode::from_bits_truncate(0o644)).map(File::from)
            && in_processes(&file).exists()
        {
            return Ok(NewFile { file, partial: None });
        }
        Ok(NewFile { file: self.create(partial)?, partial: Some(partial) })
    }

    /// Gives `new`, which was begun here, its name, unless it is taken.
    ///
    /// # Errors
    /// Any error of `linkat` and `renameat2`; `AlreadyExists`.
    pub(crate) fn complete(&self, new: &NewFile<'_>, name: &str) -> io::Result<()> {
        if let Some(partial) = new.partial {
            return self.rename_new(partial, name);
        }
        let path = in_processes(&new.file);
        Ok(linkat(AT_FDCWD, &path, &self.0, name, AtFlags::AT_SYMLINK_FOLLOW)?)
    }

    /// Begins a file as [`begin`](Self::begin) does, removing one called `partial` that an interrupted process left.
    ///
    /// # Errors
    /// Any error of `openat`.
    pub(crate) fn begin_again<'n>(&self, partial: &'n str) -> io::Result<NewFile<'n>> {
        let _ = self.remove(partial);
        self.begin(partial)
    }

    /// Gives `new`, which was begun here, its name, in one step in place of a file that has it. In between it is called
    /// `partial`.
    ///
    /// # Errors
    /// Any error of `linkat` and `renameat`.
    pub(crate) fn replace(&self, new: &NewFile<'_>, name: &str, partial: &str) -> io::Result<()> {
        if new.partial.is_none() {
            self.complete(new, partial)?;
        }
        renameat(&self.0, partial, &self.0, name).map_err(|error| {
            let _ = self.remove(partial);
            error.into()
        })
    }

    /// What the link `name` leads to.
    ///
    /// # Errors
    /// Any error of `readlinkat`; `InvalidInput` if it is no link.
    pub(crate) fn link_target(&self, name: &str) -> io::Result<PathBuf> {
        Ok(readlinkat(&self.0, name)?.into())
    }

    /// Removes a child directory that is empty.
    ///
    /// # Errors
    /// Any error of `unlinkat`; `DirectoryNotEmpty`.
    pub(crate) fn remove_directory(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::RemoveDir)?)
    }

    /// Removes what `new`, which was begun here, has left.
    ///
    /// # Errors
    /// Any error of `unlinkat`.
    pub(crate) fn give_up(&self, new: &NewFile<'_>) -> io::Result<()> {
        new.partial.map_or(Ok(()), |partial| self.remove(partial))
    }

    /// Opens the file at the relative `path`, whose parts must not be links. Never waits for a pipe.
    ///
    /// # Errors
    /// Any error of `openat`; `NotADirectory` for a link.
    pub(crate) fn open_file(&self, path: &Path) -> io::Result<File> {
        let mut parent = None;
        for name in path.parent().into_iter().flat_map(Path::components) {
            let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let above = parent.as_ref().unwrap_or(&self.0);
            parent = Some(openat(above, name.as_os_str(), flags, Mode::empty())?);
        }
        let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        match openat(parent.as_ref().unwrap_or(&self.0), name, flags, Mode::empty()) {
            Err(Errno::ELOOP) => Err(io::ErrorKind::NotADirectory.into()),
            opened => Ok(opened?.into()),
        }
    }

    /// Makes a symbolic link to `target` that was modified at `modified`.
    ///
    /// # Errors
    /// Any error of `symlinkat` and `utimensat`; `AlreadyExists`.
    pub(crate) fn link(&self, name: &str, target: &str, modified: SystemTime) -> io::Result<()> {
        symlinkat(target, &self.0, name)?;
        let since = modified.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let time = TimeSpec::from_duration(since);
        Ok(utimensat(&self.0, name, &time, &time, UtimensatFlags::NoFollowSymlink)?)
    }

    /// Renames a child, unless there is one with the new name.
    ///
    /// # Errors
    /// Any error of `renameat2`; `AlreadyExists`.
    fn rename_new(&self, from: &str, to: &str) -> io::Result<()> {
        match self.rename_without_replacing(from, to) {
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

    /// `renameat2`, which `nix` has for glibc only.
    fn rename_without_replacing(&self, from: &str, to: &str) -> Result<(), Errno> {
        let name = |name: &str| CString::new(name).map_err(|_| Errno::EILSEQ);
        let (from, to) = (name(from)?, name(to)?);
        let (at, flags) = (self.0.as_raw_fd(), libc::RENAME_NOREPLACE);
        // SAFETY: the descriptor is open, and both names are C strings that outlive the call.
        let done = unsafe { libc::syscall(libc::SYS_renameat2, at, from.as_ptr(), at, to.as_ptr(), flags) };
        Errno::result(done).map(drop)
    }

    /// Removes a child that is a file.
    ///
    /// # Errors
    /// Any error of `unlinkat`.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, UnlinkatFlags::NoRemoveDir)?)
    }

    /// Sets its times.
    ///
    /// # Errors
    /// Any error of `futimens`; if no descriptor is left.
    pub(crate) fn set_times(&self, times: FileTimes) -> io::Result<()> {
        File::from(self.0.try_clone()?).set_times(times)
    }
}

/// A file that has no name yet.
#[derive(Debug)]
pub(crate) struct NewFile<'n> {
    pub(crate) file: File,
    /// What it is called until it is complete, where a file must have a name.
    partial: Option<&'n str>,
}

/// A path that leads to an open file.
fn in_processes(file: &File) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    #[test]
    fn a_new_file_has_a_name_once_it_is_complete_and_takes_no_other_ones() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        let named =
            |top: &OpenDirectory| NewFile { file: top.create("part").unwrap(), partial: Some("part") };
        for (at, mut new) in [top.begin("part").unwrap(), named(&top)].into_iter().enumerate() {
            new.file.write_all(b"new").unwrap();
            let name = format!("complete {at}");
            top.complete(&new, &name).unwrap();
            assert_eq!(fs::read(folder.path().join(&name)).unwrap(), b"new");
        }
        for new in [top.begin("part").unwrap(), named(&top)] {
            assert_eq!(top.complete(&new, "complete 0").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            top.give_up(&new).unwrap();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_is_replaced_in_one_step_even_after_an_interruption() {
        let folder = tempfile::tempdir().unwrap();
        let top = OpenDirectory::open(folder.path()).unwrap();
        fs::write(folder.path().join("part"), "left").unwrap();
        for text in ["first", "second"] {
            let mut new = top.begin_again("part").unwrap();
            new.file.write_all(text.as_bytes()).unwrap();
            top.replace(&new, "name", "part").unwrap();
            assert_eq!(fs::read_to_string(folder.path().join("name")).unwrap(), text);
        }
        let mut named = NewFile { file: top.create("part").unwrap(), partial: Some("part") };
        named.file.write_all(b"third").unwrap();
        top.replace(&named, "name", "part").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("name")).unwrap(), "third");
        std::os::unix::fs::symlink("a/b", folder.path().join("link")).unwrap();
        assert_eq!(top.link_target("link").unwrap(), Path::new("a/b"));
        assert!(top.link_target("name").is_err());
        top.make("full").unwrap();
        fs::write(folder.path().join("full/file"), "").unwrap();
        assert_eq!(top.remove_directory("full").unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
        fs::remove_file(folder.path().join("full/file")).unwrap();
        top.remove_directory("full").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_file_is_opened_below_the_directory_wherever_that_is_now() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("top/a/b")).unwrap();
        fs::write(folder.path().join("top/a/b/file"), "text").unwrap();
        std::os::unix::fs::symlink("b", folder.path().join("top/a/link")).unwrap();
        let top = OpenDirectory::open(&folder.path().join("top")).unwrap();
        fs::rename(folder.path().join("top"), folder.path().join("moved")).unwrap();
        assert_eq!(io::read_to_string(top.open_file(Path::new("a/b/file")).unwrap()).unwrap(), "text");
        for path in ["a/link/file", "a/b", "a/b/none", ""] {
            let opened = top.open_file(Path::new(path));
            assert!(opened.map_or(true, |file| file.metadata().unwrap().is_dir()), "{path}");
        }
        nix::unistd::mkfifo(&folder.path().join("moved/pipe"), Mode::S_IRWXU).unwrap();
        assert!(!top.open_file(Path::new("pipe")).unwrap().metadata().unwrap().is_file());
    }

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
