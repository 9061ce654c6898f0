//! A mount from beginning to end: checks, daemon, readiness, signals, unmount.
//!
//! ```text
//! gptfs mount ─ checks ─ fork ─┬─ parent: reports progress, returns when the mount can be used
//!                              └─ daemon: builds the tree, mounts, answers the kernel until it is unmounted
//! ```
//!
//! However a mount ends, nothing is left: no entry in the table of mounts, and no directory that wasn't there before. A
//! killed daemon can't clean up; the next mount at the same place does.

mod channel;
pub(crate) mod device;
mod liveness;
mod mountpoint;

pub(crate) use mountpoint::unmount;

use super::{Access, Adapter, Stage, log};
use crate::bug;
use crate::error::{Error, ErrorKind, Result, describe};
use crate::fs::Fs;
use crate::progress::{Progress, Snapshot};
use crate::sync::lock;
use crate::sys::mounts::{self, Mounted};
use crate::sys::{self, EndSignals, Fork, Unmounting, User};
use crate::text::printable;
use channel::Notice;
use fuser::{Config, Session, SessionACL};
use liveness::Beacon;
use mountpoint::Mountpoint;
use serde::{Deserialize, Serialize};
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// Threads that listen to the kernel. They never block on anything else, so one is enough. With several the kernel would
/// wake them in turn, and the next one would usually be asleep.
const LISTENERS: usize = 1;

/// The name that `fuser` gives to the only one.
const LISTENER: &str = "fuser-0";

/// How long to wait for it, and how often to look. It begins at once or not at all.
const BEGINNING: Duration = Duration::from_secs(1);
const LOOK: Duration = Duration::from_micros(50);

/// How often a serving process reports progress.
const NEWS_INTERVAL: Duration = Duration::from_millis(50);

/// How long readers may go on after a signal has taken the mount out of the tree.
const FAREWELL: Duration = if cfg!(test) { Duration::from_mins(2) } else { Duration::from_millis(1500) };

/// How long an interrupted command waits for the process that it started.
const INTERRUPTION: Duration = Duration::from_secs(2);

/// How and where to mount.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line, set by name")]
pub(crate) struct MountOptions {
    /// The directory to mount on. It is made if only its parent exists, and then removed at the end.
    pub(crate) mountpoint: PathBuf,
    /// What the table of mounts shows as the source. Untrusted text.
    pub(crate) source_name: String,
    /// Lets every user read, not only the one who mounts.
    pub(crate) allow_other: bool,
    /// Files have extended attributes, which costs every `ls -l`.
    pub(crate) attributes: bool,
    /// Mounts on a directory that is not empty, which hides what is in it.
    pub(crate) non_empty: bool,
    /// Serves in this process instead of one in the background.
    pub(crate) foreground: bool,
    /// Is ready only when the tree is complete. Otherwise it is ready once the source is opened and the directory mounted,
    /// and reads wait for the tree.
    pub(crate) wait: bool,
    /// A directory of this mount to remove at its end, with everything in it.
    pub(crate) temporary: Option<PathBuf>,
}

/// The source of the gptfs mount at `dir`, if it is one. Untrusted text.
pub(crate) fn source_of(dir: &Path) -> Option<PathBuf> {
    let mounted = mounts::at(&fs::canonicalize(dir).ok()?).ok()??;
    (mounted.kind == device::KIND).then(|| mounted.source.into())
}

/// What a user may want to see before a mount is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum News {
    /// The progress so far.
    Progress(Snapshot),
    /// A line, safe for a terminal.
    Note(String),
    /// The mount can be used.
    Ready,
}

/// Shows news to the user.
pub(crate) type Tell = Box<dyn FnMut(News) + Send>;

/// Opens the source, and returns what builds the tree from it.
pub(crate) type OpenSource = Box<dyn FnOnce(&Progress) -> Result<Build> + Send>;

/// Builds the tree.
pub(crate) type Build = Box<dyn FnOnce(&Progress) -> Result<Fs> + Send>;

/// Mounts what `open` leads to. Returns when the mount can be used or, in the foreground, when it was unmounted.
///
/// Everything about the machine and the mountpoint is checked before `open` runs. In the background `open` runs in the new
/// process: it must not depend on other threads of this one, and what it returns must not depend on the working directory.
///
/// # Errors
/// Any error of `open` and, with [`wait`](MountOptions::wait), of what it returns, in which case nothing is mounted; `Environment`
/// for the mountpoint and FUSE; `Interrupted` by a signal before the mount was ready. A directory that was made is removed.
pub(crate) fn mount(options: &MountOptions, open: OpenSource, mut tell: Tell) -> Result<()> {
    device::check(options.allow_other)?;
    let mountpoint = Mountpoint::prepare(&options.mountpoint, options.non_empty, &mut tell)?;
    if User::current().is_root() && !options.allow_other && env::var_os("SUDO_UID").is_some() {
        tell(News::Note(
            "mounting as root: only root can read it; mount without sudo to read it yourself".into(),
        ));
    }
    let outcome = begin(options, &mountpoint, open, tell);
    if outcome.is_err() {
        mountpoint.restore();
    }
    outcome
}

fn begin(options: &MountOptions, mountpoint: &Mountpoint, open: OpenSource, tell: Tell) -> Result<()> {
    let machine = |error| system_error(&"cannot start", &error);
    let signals = EndSignals::hold().map_err(machine)?;
    if options.foreground {
        return Serving::new(options, mountpoint, Audience::User(tell)).run(&signals, open);
    }
    let (ours, theirs) = UnixStream::pair().map_err(machine)?;
    match sys::fork().map_err(machine)? {
        Fork::Parent => {
            drop(theirs);
            attend(&ours, &signals, mountpoint, tell)
        }
        Fork::Child => {
            drop((ours, tell));
            let code = match sys::new_session().map_err(machine) {
                Ok(()) => serve_in_background(options, mountpoint, Arc::new(theirs), &signals, open),
                Err(error) => error.kind().exit_code(),
            };
            process::exit(code.into());
        }
    }
}

fn serve_in_background(
    options: &MountOptions,
    mountpoint: &Mountpoint,
    socket: Arc<UnixStream>,
    signals: &EndSignals,
    open: OpenSource,
) -> u8 {
    let serving = Serving::new(options, mountpoint, Audience::Parent(socket));
    match serving.run(signals, open) {
        Ok(()) => 0,
        Err(error) => {
            serving.tell_failure(&error);
            error.kind().exit_code()
        }
    }
}

/// Shows what the serving process reports until it is ready, or has failed and ended.
fn attend(socket: &UnixStream, signals: &EndSignals, mountpoint: &Mountpoint, mut tell: Tell) -> Result<()> {
    let interruption = || Error::new(ErrorKind::Interrupted, "interrupted; nothing is mounted");
    let (mut received, mut failure, mut interrupted) = (Vec::new(), None, false);
    loop {
        while let Some(notice) = channel::take(&mut received) {
            match notice {
                Notice::News(news) => tell(news),
                // It was ready before it could be stopped.
                Notice::Ready if interrupted => {
                    return unmount(&mountpoint.path, &mut tell).and(Err(interruption()));
                }
                Notice::Ready => {
                    tell(News::Ready);
                    return Ok(());
                }
                // Its end follows, once it has cleared up.
                Notice::Failed(kind, message) => failure = Some(Error::new(kind, message)),
            }
        }
        let patience = interrupted.then_some(INTERRUPTION);
        let [readable, signal] = sys::wait_readable([Some(socket.as_fd()), Some(signals.as_fd())], patience)
            .map_err(|error| system_error(&"cannot wait", &error))?;
        if signal && signals.take() {
            if interrupted {
                return Err(interruption());
            }
            interrupted = true;
            // The serving process sees this as our end. If it has ended itself, the next read says so.
            let _ = socket.shutdown(Shutdown::Write);
        } else if readable {
            let mut buffer = [0; 4096];
            let length = { socket }.read(&mut buffer).unwrap_or(0);
            received.extend_from_slice(buffer.get(..length).unwrap_or_default());
            if length == 0 {
                let unexpected = "the background process ended before the mount was ready";
                return Err(match failure {
                    Some(error) => error,
                    None if interrupted => interruption(),
                    None => Error::new(ErrorKind::Unexpected, unexpected),
                });
            }
        } else if interrupted {
            return Err(interruption());
        }
    }
}

/// Who hears from a serving process.
enum Audience {
    /// The process that started this one.
    Parent(Arc<UnixStream>),
    /// The user, from this process.
    User(Tell),
    /// No one any more, because the mount is ready.
    Nobody,
}

/// The process that serves a mount, from the first byte of the export to the last reader.
struct Serving<'a> {
    options: &'a MountOptions,
    mountpoint: &'a Mountpoint,
    audience: Mutex<Audience>,
    progress: Arc<Progress>,
    /// What we mounted. Locked while mounting, so that no signal gets between mounting and this note of it.
    mounted: Mutex<Option<Mounted>>,
    /// Shows that this process is alive until everything is cleared up.
    beacon: OnceLock<Beacon>,
}

impl<'a> Serving<'a> {
    fn new(options: &'a MountOptions, mountpoint: &'a Mountpoint, audience: Audience) -> Self {
        Self {
            options,
            mountpoint,
            audience: Mutex::new(audience),
            progress: Arc::new(Progress::default()),
            mounted: Mutex::new(None),
            beacon: OnceLock::new(),
        }
    }

    /// Builds, mounts and serves until the mount is gone, and clears up whatever happens.
    fn run(&self, signals: &EndSignals, open: OpenSource) -> Result<()> {
        // The message of a panic may quote a chat.
        bug::set_hook(|panic| {
            if let Some(place) = panic.location() {
                log::line(format_args!("a bug at {}:{}", place.file(), place.line()));
            }
        });
        let (ended, still_serving) = io::pipe().map_err(|error| system_error(&"cannot start", &error))?;
        thread::scope(|scope| {
            let watcher = thread::Builder::new().name("watcher".into());
            watcher
                .spawn_scoped(scope, || self.watch(signals, &ended))
                .map_err(|error| system_error(&"cannot start", &error))?;
            let served = self.serve(open, &still_serving);
            self.clear_up();
            drop(still_serving);
            served
        })
    }

    fn serve(&self, open: OpenSource, watcher: &PipeWriter) -> Result<()> {
        let everybody = self.options.allow_other;
        let stage = Stage::new(Access { owner: User::current(), everybody });
        let mut build = Some(guarded(|| open(&self.progress))?);
        if let Some(build) = build.take_if(|_| self.options.wait) {
            show(&stage, build, &self.progress)?;
        }
        let (session, mounted) = self.mount(&stage)?;
        if !self.options.foreground {
            let daemon = |error| system_error(&"cannot go to the background", &error);
            env::set_current_dir("/").map_err(daemon)?;
            sys::silence_standard_streams().map_err(daemon)?;
            log::move_to_system();
        }
        let builder = match build {
            None => None,
            Some(build) => {
                let (progress, stage) = (Arc::clone(&self.progress), Arc::clone(&stage));
                let builder = thread::Builder::new().name("builder".into()).spawn(move || {
                    show(&stage, build, &progress).inspect_err(|error| {
                        stage.set_failed(error.kind());
                        device::detach(&mounted);
                    })
                });
                Some(builder.map_err(|error| system_error(&"cannot start", &error))?)
            }
        };
        // Listening takes a thread, which the system may refuse, so the watcher checks that it has begun.
        { watcher }.write_all(&[0]).map_err(|error| system_error(&"cannot start", &error))?;
        let served = session.run().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => system_error(&"cannot start", &error),
            _ => Error::new(ErrorKind::Unexpected, "serving").caused_by(error),
        });
        match builder {
            Some(builder) if stage.has_failed() => builder.join().unwrap_or(Ok(())).and(served),
            // If it is still building, nobody needs the tree any more.
            _ => served,
        }
    }

    fn mount(&self, stage: &Arc<Stage>) -> Result<(Session<Adapter>, Mounted)> {
        let mut ours = lock(&self.mounted);
        let pinned = self.mountpoint.pin()?;
        let (source, allow_other) = (&self.options.source_name, self.options.allow_other);
        let device = device::mount(&self.mountpoint.path, &pinned.path(), source, allow_other)?;
        // Where it is now, in case somebody has moved it.
        let path = fs::read_link(pinned.path()).unwrap_or_else(|_| self.mountpoint.path.clone());
        drop(pinned);
        let entry = mounts::at(&path).ok().flatten().filter(|_| path == self.mountpoint.path);
        let Some(mounted) = entry else {
            // Without its entry in the table it could not be told from a later one.
            let _ = device::unmount(&path, Unmounting::Detach);
            let reason = "cannot mount: the table of mounts doesn't show it; was the directory moved?";
            return Err(Error::new(ErrorKind::Environment, reason));
        };
        *ours = Some(mounted.clone());
        drop(ours);
        // Without the handler an abort leaves a dead mount, as a kill does.
        let _ = sys::unmount_on_abort(&mounted.target, &device::helper_path());
        if let Some(beacon) = liveness::show(&mounted) {
            // It is empty: one process mounts once.
            let _ = self.beacon.set(beacon);
        }
        let mut config = Config::default();
        config.n_threads = Some(LISTENERS);
        let acl = if self.options.allow_other { SessionACL::All } else { SessionACL::Owner };
        let session = device.try_clone().and_then(|copy| {
            let adapter = Adapter::new(Arc::clone(stage), copy).with_attributes(self.options.attributes);
            Session::from_fd(adapter, device, acl, config)
        });
        let session = session.map_err(|error| system_error(&"cannot mount", &error))?;
        Ok((session, mounted))
    }

    /// Takes the mount out of the tree if it is still there, and removes the directory if we made it.
    fn clear_up(&self) {
        sys::nothing_on_abort();
        if let Some(mounted) = lock(&self.mounted).take() {
            device::detach(&mounted);
        }
        self.mountpoint.restore();
        self.remove_temporary();
    }

    /// A signal may end the process here, so the caller that made the directory can't be relied on.
    fn remove_temporary(&self) {
        if let Some(dir) = &self.options.temporary {
            let _ = fs::remove_dir_all(dir);
        }
    }

    /// Waits for signals and for the end of the process that waits for us, answers those who check that we are alive, and
    /// passes on news, until `ended` closes. Says that the mount can be used when a byte has come from there and somebody
    /// listens to the kernel.
    fn watch(&self, signals: &EndSignals, ended: &PipeReader) {
        let mut shown = Snapshot::default();
        loop {
            let (telling, parent) = match &*lock(&self.audience) {
                Audience::Parent(socket) => (true, Some(Arc::clone(socket))),
                Audience::User(_) => (true, None),
                Audience::Nobody => (false, None),
            };
            let parent = parent.as_ref().map(|parent| parent.as_fd());
            // Until the mount is ready the beacon may not be there yet, but then the wait is short.
            let beacon = self.beacon.get();
            let waited = sys::wait_readable(
                [Some(ended.as_fd()), Some(signals.as_fd()), parent, beacon.map(AsFd::as_fd)],
                telling.then_some(NEWS_INTERVAL),
            );
            let Ok([over, signal, deserted, looked_at]) = waited else { return };
            if over {
                if !matches!({ ended }.read(&mut [0]), Ok(1)) {
                    return;
                }
                if listens(ended) && self.tell_ready().is_err() {
                    return self.end(signals, ended);
                }
            }
            if let Some(beacon) = beacon.filter(|_| looked_at) {
                beacon.answer();
            }
            if telling {
                self.tell_news(&mut shown);
            }
            if (signal && signals.take()) || (deserted && !self.is_ready()) {
                return self.end(signals, ended);
            }
        }
    }

    /// Ends this process because it was asked to, unless serving ends by itself first.
    fn end(&self, signals: &EndSignals, ended: &PipeReader) {
        let was_ready = self.is_ready();
        self.clear_up();
        if !was_ready {
            // It may have been mounted meanwhile; once this is locked it can't be any more.
            let mut mounted = lock(&self.mounted);
            if let Some(mounted) = mounted.take() {
                device::detach(&mounted);
                self.mountpoint.restore();
                self.remove_temporary();
            }
            process::exit(ErrorKind::Interrupted.exit_code().into());
        }
        match sys::wait_readable([Some(ended.as_fd()), Some(signals.as_fd())], Some(FAREWELL)) {
            Ok([true, _]) => {}
            _ => process::exit(0),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(*lock(&self.audience), Audience::Nobody)
    }

    fn tell_news(&self, shown: &mut Snapshot) {
        let mut news: Vec<_> = self.progress.take_notes().into_iter().map(News::Note).collect();
        let now = self.progress.snapshot();
        if now != *shown {
            *shown = now;
            news.push(News::Progress(now));
        }
        let mut audience = lock(&self.audience);
        for news in news {
            match &mut *audience {
                // If nobody listens any more, the next wait finds out.
                Audience::Parent(socket) => drop(channel::send(socket, &Notice::News(news))),
                Audience::User(tell) => tell(news),
                Audience::Nobody => {}
            }
        }
    }

    /// Says that the mount can be used, and from then on nothing.
    fn tell_ready(&self) -> Result<()> {
        self.tell_news(&mut Snapshot::default());
        let mut audience = lock(&self.audience);
        match &mut *audience {
            Audience::Parent(socket) => channel::send(socket, &Notice::Ready)
                .map_err(|_| Error::new(ErrorKind::Interrupted, "nobody waits for the mount"))?,
            Audience::User(tell) => tell(News::Ready),
            Audience::Nobody => {}
        }
        *audience = Audience::Nobody;
        Ok(())
    }

    fn tell_failure(&self, error: &Error) {
        match &*lock(&self.audience) {
            // If nobody listens, there is no one to tell.
            Audience::Parent(socket) => drop(channel::send(socket, &Notice::failed(error))),
            _ => log::line(format_args!("the mount ended: {:?}", error.kind())),
        }
    }
}

/// Waits until this process listens to the kernel; true if it does. False if `ended` closes first.
///
/// The mount itself must not be asked: a process that is killed while one of its threads waits for its own answer never
/// ends, because that thread keeps the device open for which it waits.
fn listens(ended: &PipeReader) -> bool {
    let begin = Instant::now();
    while !sys::has_thread(LISTENER) {
        if matches!(sys::wait_readable([Some(ended.as_fd())], Some(Duration::ZERO)), Ok([true])) {
            return false;
        }
        thread::sleep(LOOK);
        if begin.elapsed() > BEGINNING {
            // Another `fuser` may call it differently.
            return true;
        }
    }
    true
}

/// Runs `work`, and turns a panic into an error.
fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    bug::caught(work).unwrap_or_else(|bug| Err(bug.into_error()))
}

/// Builds the tree and shows it to those who wait for it.
fn show(stage: &Stage, build: Build, progress: &Progress) -> Result<()> {
    let fs = guarded(|| build(progress))?;
    let workers = thread::available_parallelism().map_or(2, usize::from);
    stage.set_ready(fs, workers).map_err(|error| system_error(&"cannot start", &error))?;
    // Building a tree takes many times the memory that it keeps. Nobody waits for the rest to go, and without a thread it
    // goes later.
    drop(thread::Builder::new().name("trim".into()).spawn(sys::trim_memory));
    Ok(())
}

/// A failure of the machine at `what`, with the limit that was hit where it is known.
fn system_error(what: &dyn std::fmt::Display, error: &io::Error) -> Error {
    const TOO_MANY_OPEN_FILES: i32 = 24;
    let limit = match (error.raw_os_error(), sys::open_files_limit()) {
        (Some(TOO_MANY_OPEN_FILES), Some(limit)) => format!(" (limit {limit}; see ulimit -n)"),
        _ => String::new(),
    };
    let what = printable(&what.to_string()).to_string();
    Error::new(ErrorKind::Environment, format!("{what}: {}{limit}", describe(error)))
}

/// Mounts for tests of the adapter, which serve in their own process.
#[cfg(test)]
pub(super) fn test_mount(path: &std::path::Path) -> std::os::fd::OwnedFd {
    device::mount(path, path, "test", false).expect("a test that mounts has the right to")
}

/// Undoes [`test_mount`].
#[cfg(test)]
pub(super) fn test_unmount(path: &std::path::Path, how: Unmounting) {
    device::unmount(path, how).expect("what a test mounted can be unmounted");
}

#[cfg(test)]
mod tests;
