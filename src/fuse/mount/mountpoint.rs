//! The directory to mount on: found, checked, made if it is missing, and removed again.

use super::{News, Tell, device, liveness, system_error};
use crate::error::{Error, ErrorKind, Result, describe};
use crate::sys::mounts::{self, Mounted};
use crate::sys::{self, DirectoryLock, Unmounting, User};
use crate::text::{printable, shell_word};
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How many dead mounts of ours, one on top of another, are cleared.
const DEAD_MOUNTS: usize = 16;

/// The types of file systems that answer by themselves, without another machine or program: those that are safe to look at.
const LOCAL_KINDS: [&str; 12] =
    ["bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "overlay", "ramfs", "tmpfs", "vfat", "xfs", "zfs"];

/// A checked mountpoint.
#[derive(Debug)]
pub(super) struct Mountpoint {
    /// Absolute and without links.
    pub(super) path: PathBuf,
    /// Whether we made it, and so remove it.
    made: AtomicBool,
    /// May hide files, or another mount.
    non_empty: bool,
}

/// A mountpoint that nobody can replace, and that no other gptfs mounts on meanwhile.
pub(super) struct Pinned {
    directory: File,
    _lock: Option<DirectoryLock>,
}

impl Pinned {
    /// A path that leads to this very directory, whatever has become of its name.
    pub(super) fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.directory.as_raw_fd()).into()
    }
}

impl Mountpoint {
    /// Checks that `path` can be mounted on. Makes it if it is missing, and clears a mount of ours whose daemon died, which
    /// it announces.
    ///
    /// # Errors
    /// `Environment`, with a sentence for each reason.
    pub(super) fn prepare(path: &Path, non_empty: bool, tell: &mut Tell) -> Result<Self> {
        let mountpoint = Self { path: locate(path)?, made: AtomicBool::new(false), non_empty };
        mountpoint.clear(tell)?;
        let path = &mountpoint.path;
        let name = path.display().to_string();
        let refuse = |reason: &str| Err(refused(&name, reason));
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => refuse("not a directory"),
            Ok(found) => {
                if !non_empty {
                    let is_empty = is_empty(path);
                    // What that saw may be a mount that somebody began meanwhile.
                    mountpoint.check_free()?;
                    if !is_empty? {
                        return refuse(
                            "not empty; choose another directory, or hide its files with --non-empty",
                        );
                    }
                }
                check_rights(path, &found)?;
                Ok(mountpoint)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                mountpoint.make()?;
                Ok(mountpoint)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                refuse("inside a dead mount; unmount that first")
            }
            Err(error) => Err(system_error(&name, &error)),
        }
    }

    /// Clears dead mounts of ours.
    ///
    /// # Errors
    /// If anything else is mounted there that must not be covered.
    fn clear(&self, tell: &mut Tell) -> Result<()> {
        for _ in 0..DEAD_MOUNTS {
            match table_entry(&self.path)? {
                Some(mounted) if mounted.kind == device::KIND => clear_if_dead(&mounted, tell)?,
                Some(mounted) => return self.check_cover(&mounted),
                None => break,
            }
        }
        Ok(())
    }

    /// Refuses to cover a mount, unless that was asked for and it is safe to look at. One that needs another machine or program
    /// may never answer, so it is recognised by the table of mounts and not touched.
    fn check_cover(&self, mounted: &Mounted) -> Result<()> {
        let kind = printable(&mounted.kind);
        let name = mounted.target.display();
        let reason = match (LOCAL_KINDS.contains(&mounted.kind.as_str()), mounted.kind.as_str()) {
            (true, _) if self.non_empty => return Ok(()),
            (true, _) => format!("already a mount ({kind}); to mount on top of it, use --non-empty"),
            (false, "autofs") => "mounted on demand (autofs); choose another directory".to_owned(),
            (false, other) if other.starts_with("fuse") => {
                let name = printable(&name.to_string()).to_string();
                format!(
                    "something is mounted there already ({kind}); to end that, run: fusermount3 -u {name}"
                )
            }
            (false, _) => format!("something is mounted there already ({kind})"),
        };
        Err(refused(name, &reason))
    }

    /// Refuses a directory that is a mountpoint by now.
    fn check_free(&self) -> Result<()> {
        match table_entry(&self.path)? {
            Some(mounted) if mounted.kind == device::KIND => Err(taken(&mounted)),
            Some(mounted) => self.check_cover(&mounted),
            None => Ok(()),
        }
    }

    /// Makes the directory if it is missing: at first, or because the daemon of the previous mount has just removed what it
    /// had made.
    ///
    /// # Errors
    /// `Environment`.
    fn make(&self) -> Result<()> {
        if fs::metadata(&self.path).is_ok() {
            return Ok(());
        }
        let name = self.path.display();
        match fs::create_dir(&self.path) {
            Ok(()) => {
                self.made.store(true, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Err(refused(name, "a symbolic link to something that doesn't exist"))
            }
            Err(error) => Err(refused(name, &format!("can't be created: {}", describe(&error)))),
        }
    }

    /// Pins the directory for mounting. Checks again, now that nobody can change it, what is mounted there and whom it belongs
    /// to.
    ///
    /// # Errors
    /// `Environment`.
    pub(super) fn pin(&self) -> Result<Pinned> {
        self.check_free()?;
        self.make()?;
        let name = self.path.display();
        let unusable = |error| system_error(&name, &error);
        let (directory, lock) = match sys::open_directory(&self.path, true) {
            Ok(directory) => {
                let lock = directory.try_clone().and_then(sys::lock_directory).ok();
                (directory, lock)
            }
            // A directory that its owner may not read can be mounted on all the same.
            Err(_) => (sys::open_directory(&self.path, false).map_err(unusable)?, None),
        };
        self.check_free()?;
        let found = directory.metadata().map_err(unusable)?;
        // Another user may have replaced it since it was checked.
        check_rights(&self.path, &found)?;
        Ok(Pinned { directory, _lock: lock })
    }

    /// Removes the directory if we made it, unless somebody has put something into it.
    pub(super) fn restore(&self) {
        if self.made.load(Ordering::Relaxed) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn refused(name: impl std::fmt::Display, reason: &str) -> Error {
    Error::new(ErrorKind::Environment, format!("{}: {reason}", printable(&name.to_string())))
}

/// A path as one word of a shell's command line.
fn quoted(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// The error for a directory that gptfs is mounted on.
fn taken(mounted: &Mounted) -> Error {
    let user = User::current();
    let reason = match mounted.user {
        Some(uid) if uid != user.uid && !user.is_root() => {
            format!("already mounted by another user (uid {uid})")
        }
        _ => format!("already mounted; to end that, run: gptfs unmount {}", quoted(&mounted.target)),
    };
    refused(mounted.target.display(), &reason)
}

/// Checks the same as `fusermount3`, which says less: mounting hides what is in a directory, so it takes the right to
/// change it, and to delete it where only owners may.
fn check_rights(path: &Path, found: &Metadata) -> Result<()> {
    let user = User::current();
    if user.is_root() {
        return Ok(());
    }
    let refuse = |reason: &str| Err(refused(path.display(), reason));
    let is_owner = found.uid() == user.uid;
    if found.mode() & 0o1000 != 0 && !is_owner {
        return refuse("belongs to another user and is sticky; choose a directory of your own");
    }
    match sys::check_writable(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => {
            refuse("on a read-only file system; choose another directory")
        }
        Err(_) if is_owner => {
            refuse(&format!("not writable, which mounting needs; run: chmod u+w {}", quoted(path)))
        }
        Err(_) => refuse("belongs to another user; choose a directory of your own"),
    }
}

fn is_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) => Err(system_error(&path.display(), &error)),
    }
}

/// `path` made absolute, without links and dots. A mount there may answer late or not at all, so only its parent is asked,
/// unless the table of mounts doesn't have the result.
///
/// # Errors
/// `Environment` if there is no parent.
fn locate(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|error| system_error(&path.display(), &error))?;
    let Some(Component::Normal(name)) = absolute.components().next_back() else {
        return absolute.canonicalize().map_err(|error| system_error(&path.display(), &error));
    };
    let name = OsString::from(name);
    let parent = absolute.parent().unwrap_or(Path::new("/"));
    let parent = match parent.canonicalize() {
        Ok(parent) => parent,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(refused(path.display(), "its parent directory does not exist"));
        }
        Err(error) => return Err(system_error(&path.display(), &error)),
    };
    let located = parent.join(name);
    if table_entry(&located)?.is_none() && located.is_symlink() {
        let target = fs::read_link(&located).map_err(|error| system_error(&path.display(), &error))?;
        let target = parent.join(target);
        return match target.canonicalize() {
            Ok(resolved) => Ok(resolved),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(located),
            // The target may be a dead mount, which can't be resolved further than to its name.
            Err(_) => Ok(target),
        };
    }
    Ok(located)
}

fn table_entry(path: &Path) -> Result<Option<Mounted>> {
    mounts::at(path).map_err(|error| system_error(&"/proc/self/mountinfo", &error))
}

/// Clears `mounted`, a mount of ours, if it is dead.
///
/// # Errors
/// If it isn't, or can't be cleared.
fn clear_if_dead(mounted: &Mounted, tell: &mut Tell) -> Result<()> {
    // A dead mount may still answer `stat` from the kernel's cache, but not `statfs`.
    if liveness::is_served(mounted) || !is_dead(&mounted.target) {
        return Err(taken(mounted));
    }
    let name = mounted.target.display();
    device::unmount(&mounted.target, Unmounting::Detach).map_err(|_| {
        let reason = format!("a dead mount is in the way; run: fusermount3 -u {}", quoted(&mounted.target));
        refused(&name, &reason)
    })?;
    tell(News::Note(format!("{}: cleared a dead mount of gptfs", printable(&name.to_string()))));
    Ok(())
}

/// Unmounts what gptfs mounted at `path`, even if its daemon has died, and waits for the daemon to end (at most five
/// seconds, which it announces). Works for the user who mounted it, and for root.
///
/// # Errors
/// `Environment` if nothing of ours is mounted there, it is another user's, or somebody uses it.
pub(crate) fn unmount(path: &Path, tell: &mut Tell) -> Result<()> {
    let path = locate(path)?;
    let name = path.display();
    let Some(mounted) = table_entry(&path)? else {
        return Err(refused(name, "not mounted"));
    };
    if mounted.kind != device::KIND {
        let kind = printable(&mounted.kind);
        let reason = format!("not a mount of gptfs but of type {kind}; run: umount {}", quoted(&path));
        return Err(refused(name, &reason));
    }
    let user = User::current();
    if !user.is_root() && mounted.user != Some(user.uid) {
        let owner = mounted.user.map(|uid| format!(" (uid {uid})")).unwrap_or_default();
        return Err(refused(name, &format!("mounted by another user{owner}")));
    }
    let daemon = liveness::watch(&mounted);
    // Nobody waits for an answer from a dead one.
    let how = if daemon.is_none() && is_dead(&path) { Unmounting::Detach } else { Unmounting::IfUnused };
    match device::unmount(&path, how) {
        Ok(()) => {}
        // Somebody was faster, such as the process that serves it.
        Err(_) if table_entry(&path)?.is_none_or(|now| now.device != mounted.device) => {}
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => return Err(busy(&path)),
        Err(error) => return Err(system_error(&name, &error)),
    }
    if let Some(daemon) = daemon {
        let waiting =
            format!("{}: unmounted; waiting for its background process", printable(&name.to_string()));
        daemon.wait(|| tell(News::Note(waiting)));
    }
    Ok(())
}

/// The error for a mount that is in use, with the reason if it is known.
fn busy(path: &Path) -> Error {
    let nested = mounts::all().ok().and_then(|all| {
        all.into_iter()
            .map(|mounted| mounted.target)
            .find(|target| target != path && target.starts_with(path))
    });
    let reason = match nested {
        Some(nested) => format!(
            "busy: {} is mounted inside it; unmount that first",
            printable(&nested.display().to_string())
        ),
        None => format!(
            "busy: a program has a file open there or works in it; to see which, run: fuser -vm {}",
            quoted(path)
        ),
    };
    refused(path.display(), &reason)
}

fn is_dead(path: &Path) -> bool {
    sys::probe_file_system(path).is_err_and(|error| error.kind() == io::ErrorKind::NotConnected)
}
