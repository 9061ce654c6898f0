//! The directory that is mounted on: found, checked, made if it is missing, and removed again.

use super::{News, Tell, device, liveness, system_error};
use crate::error::{Error, ErrorKind, Result, describe};
use crate::sys::mounts::{self, Mounted};
use crate::sys::{self, Unmounting, User};
use crate::text::printable;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// How many dead mounts of ours, one on top of another, are cleared.
const DEAD_MOUNTS: usize = 16;

/// A checked place to mount on.
#[derive(Debug)]
pub(super) struct Mountpoint {
    /// Absolute and without links.
    pub(super) path: PathBuf,
    /// We made it, so we remove it.
    made: AtomicBool,
}

impl Mountpoint {
    /// Checks that `path` can be mounted on; makes it if it is missing; clears what is left of a mount of ours
    /// whose daemon died, and says so.
    ///
    /// # Errors
    /// `Environment`, a sentence for each reason.
    pub(super) fn prepare(path: &Path, non_empty: bool, tell: &mut Tell) -> Result<Self> {
        let path = locate(path)?;
        for _ in 0..DEAD_MOUNTS {
            let Some(mounted) = table_entry(&path)? else { break };
            clear_if_dead(&mounted, tell)?;
        }
        let name = path.display().to_string();
        let refuse = |reason: &str| Err(refused(&name, reason));
        match fs::metadata(&path) {
            Ok(found) if !found.is_dir() => refuse("not a directory"),
            Ok(found) => {
                check_rights(&name, &found)?;
                if !non_empty && !is_empty(&path)? {
                    return refuse("not empty; choose another directory, or hide its files with --non-empty");
                }
                Ok(Self { path, made: AtomicBool::new(false) })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let place = Self { path, made: AtomicBool::new(false) };
                place.make()?;
                Ok(place)
            }
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                refuse("lies inside a dead mount; unmount that first")
            }
            Err(error) => Err(system_error(&name, &error)),
        }
    }

    /// Makes the directory if it is missing: at first, or because the daemon of the mount that was here before
    /// has just removed what it had made.
    ///
    /// # Errors
    /// `Environment`.
    pub(super) fn make(&self) -> Result<()> {
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
                Err(refused(name, "a symbolic link that leads nowhere"))
            }
            Err(error) => Err(refused(name, &format!("can't be created: {}", describe(&error)))),
        }
    }

    /// Removes the directory if we made it. Whoever put something into it keeps it.
    pub(super) fn restore(&self) {
        if self.made.load(Ordering::Relaxed) {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

fn refused(name: impl std::fmt::Display, reason: &str) -> Error {
    Error::new(ErrorKind::Environment, format!("{}: {reason}", printable(&name.to_string())))
}

/// Mounting hides what is in a directory, so it takes the rights of its owner.
fn check_rights(name: &str, found: &Metadata) -> Result<()> {
    let user = User::current();
    if user.is_root() {
        return Ok(());
    }
    if found.uid() != user.uid {
        return Err(refused(name, "belongs to another user; choose a directory of your own"));
    }
    if found.mode() & 0o200 == 0 {
        return Err(refused(name, "not writable, which mounting needs; run: chmod u+w"));
    }
    Ok(())
}

fn is_empty(path: &Path) -> Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) => Err(system_error(&path.display(), &error)),
    }
}

/// `path` made absolute, without links and dots, although a mount there may answer late or not at all: only
/// its parent is asked, unless the table of mounts doesn't know the result.
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
        // The link's own target may be a dead mount, which can't be resolved further than to its name.
        let target = fs::read_link(&located).map_err(|error| system_error(&path.display(), &error))?;
        return match parent.join(target).canonicalize() {
            Ok(resolved) => Ok(resolved),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(located),
            Err(_) => fs::read_link(&located)
                .map(|target| parent.join(target))
                .map_err(|error| system_error(&path.display(), &error)),
        };
    }
    Ok(located)
}

fn table_entry(path: &Path) -> Result<Option<Mounted>> {
    mounts::at(path).map_err(|error| system_error(&"/proc/self/mountinfo", &error))
}

/// Clears `mounted` if it is ours and dead.
///
/// # Errors
/// If it is anything else: the place is taken.
fn clear_if_dead(mounted: &Mounted, tell: &mut Tell) -> Result<()> {
    let name = mounted.target.display();
    let ours = mounted.kind == device::KIND;
    if ours && liveness::is_served(mounted) {
        return Err(refused(name, "already mounted; to end that, run: gptfs unmount"));
    }
    // A dead mount of ours may still answer `stat` from the kernel's cache, but not `statfs`.
    let answer =
        if ours { sys::probe_file_system(&mounted.target) } else { fs::metadata(&mounted.target).map(drop) };
    let dead = answer.is_err_and(|error| error.kind() == io::ErrorKind::NotConnected);
    let kind = printable(&mounted.kind);
    if !dead && ours {
        return Err(refused(name, "already mounted; to end that, run: gptfs unmount"));
    }
    if !dead {
        return Err(refused(name, &format!("something is mounted there already ({kind})")));
    }
    let by_hand = format!("run: fusermount3 -u {}", printable(&name.to_string()));
    if !ours {
        return Err(refused(&name, &format!("a dead mount ({kind}) is in the way; {by_hand}")));
    }
    device::unmount(&mounted.target, Unmounting::Detach)
        .map_err(|_| refused(&name, &format!("a dead mount is in the way; {by_hand}")))?;
    tell(News::Note(format!("{}: cleared a dead mount of gptfs", printable(&name.to_string()))));
    Ok(())
}

/// Unmounts what gptfs mounted at `path`, dead or alive, and waits until its daemon has ended (at most five
/// seconds). Works for the one who mounted it, and for root.
///
/// # Errors
/// `Environment` if nothing of ours is mounted there, it is another user's, or somebody uses it.
pub fn unmount(path: &Path) -> Result<()> {
    let path = locate(path)?;
    let name = path.display();
    let Some(mounted) = table_entry(&path)? else {
        return Err(refused(name, "not mounted"));
    };
    if mounted.kind != device::KIND {
        let kind = printable(&mounted.kind);
        return Err(refused(name, &format!("not a mount of gptfs but of type {kind}; run: umount")));
    }
    let user = User::current();
    if !user.is_root() && mounted.user != Some(user.uid) {
        return Err(refused(name, "mounted by another user"));
    }
    let daemon = liveness::watch(&mounted);
    // Nobody waits for an answer of a dead one.
    let how = if daemon.is_none() && is_dead(&path) { Unmounting::Detach } else { Unmounting::IfUnused };
    match device::unmount(&path, how) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            return Err(refused(name, "busy: a program has a file open there or works in it; end it first"));
        }
        Err(error) => return Err(system_error(&name, &error)),
    }
    if let Some(daemon) = daemon {
        daemon.wait();
    }
    Ok(())
}

fn is_dead(path: &Path) -> bool {
    sys::probe_file_system(path).is_err_and(|error| error.kind() == io::ErrorKind::NotConnected)
}
