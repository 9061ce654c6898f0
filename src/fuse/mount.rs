//! The life of a mount: checks, daemon, readiness, signals, unmount.
//!
//! ```text
//! gptfs mount ─ checks ─ fork ─┬─ attends: shows news, returns when the mount can be used
//!                              └─ serves: builds the tree, mounts, answers the kernel until it is unmounted
//! ```
//!
//! Whatever ends a mount, nothing is left behind: no entry in the table of mounts, and no directory that
//! wasn't there before. What a killed daemon leaves is cleared by the next mount at the same place.

mod channel;
pub(crate) mod device;
mod liveness;
mod mountpoint;

pub use mountpoint::unmount;

use super::{Access, Adapter, Stage, log};
use crate::error::{Error, ErrorKind, Result, describe};
use crate::fs::Fs;
use crate::progress::{Progress, Snapshot};
use crate::sync::lock;
use crate::sys::mounts::{self, Mounted};
use crate::sys::{self, EndSignals, Fork, Unmounting, User};
use crate::text::printable;
use channel::Message;
use fuser::{Config, Session, SessionACL};
use mountpoint::Mountpoint;
use std::io::{self, PipeReader, Read};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use std::{env, process, thread};

/// Threads that listen to the kernel. They never wait for anything else, so one is enough; the kernel wakes several in
/// turn, and each more is one more that sleeps while a request comes.
const LISTENERS: usize = 1;

/// How often a serving process tells how far it is.
const NEWS_INTERVAL: Duration = Duration::from_millis(50);

/// How long readers may go on after a signal has taken the mount out of the tree.
const FAREWELL: Duration = Duration::from_millis(1500);

/// How long an interrupted command waits for the process that it started.
const INTERRUPTION: Duration = Duration::from_secs(2);

/// What to mount where.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line, set by name")]
pub struct Options {
    /// The directory to mount on; made if it is missing and its parent is there, and removed again then.
    pub mountpoint: PathBuf,
    /// What the table of mounts shows as the source. Untrusted text.
    pub source_name: String,
    /// Lets every user read, not only the one who mounts.
    pub allow_other: bool,
    /// Mounts on a directory that is not empty, which hides what is in it.
    pub non_empty: bool,
    /// Serves in this process instead of one in the background.
    pub foreground: bool,
    /// Is ready only when the tree is complete; otherwise as soon as the directory is mounted, and whoever
    /// looks into it waits.
    pub wait: bool,
}

/// What a user may want to see before a mount is ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// How far it is.
    Progress(Snapshot),
    /// A line, safe for a terminal.
    Note(String),
    /// The mount can be used.
    Ready,
}

/// Shows news to the user.
pub type Tell = Box<dyn FnMut(News) + Send>;

/// What a successful [`mount`] left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The mount can be used; another process serves it.
    Mounted,
    /// This process served it until it was unmounted.
    Unmounted,
}

/// Mounts what `build` makes, and returns when it can be used, or in the foreground when it was unmounted.
///
/// Everything about the machine and the mount point is checked before `build` runs. In the background `build`
/// runs in the new process: it must not depend on other threads of this one. Without
/// [`wait`](Options::wait) it can't depend on the working directory either.
///
/// # Errors
/// Those of `build`, in which case nothing is mounted; `Environment` for the mount point and FUSE;
/// `Interrupted` if a signal came before the mount was ready. A directory that was made is removed again.
pub fn mount(
    options: &Options,
    build: impl FnOnce(&Progress) -> Result<Fs> + Send + 'static,
    mut tell: Tell,
) -> Result<Outcome> {
    device::check(options.allow_other)?;
    let place = Mountpoint::prepare(&options.mountpoint, options.non_empty, &mut tell)?;
    if User::current().is_root() && !options.allow_other && env::var_os("SUDO_UID").is_some() {
        tell(News::Note(
            "mounting as root: only root can read it; mount without sudo to read it yourself".into(),
        ));
    }
    let outcome = begin(options, &place, build, tell);
    if outcome.is_err() {
        place.restore();
    }
    outcome
}

fn begin(
    options: &Options,
    place: &Mountpoint,
    build: impl FnOnce(&Progress) -> Result<Fs> + Send + 'static,
    tell: Tell,
) -> Result<Outcome> {
    let machine = |error| system_error(&"cannot start", &error);
    let signals = EndSignals::hold().map_err(machine)?;
    if options.foreground {
        return Serving::new(options, place, Channel::Here(tell))
            .run(&signals, build)
            .map(|()| Outcome::Unmounted);
    }
    let (ours, theirs) = UnixStream::pair().map_err(machine)?;
    match sys::fork().map_err(machine)? {
        Fork::Parent => {
            drop(theirs);
            attend(&ours, &signals, place, tell).map(|()| Outcome::Mounted)
        }
        Fork::Child => {
            drop((ours, tell));
            let code = match sys::new_session().map_err(machine) {
                Ok(()) => serve_in_background(options, place, Arc::new(theirs), &signals, build),
                Err(error) => error.kind().exit_code(),
            };
            process::exit(code.into());
        }
    }
}

fn serve_in_background(
    options: &Options,
    place: &Mountpoint,
    socket: Arc<UnixStream>,
    signals: &EndSignals,
    build: impl FnOnce(&Progress) -> Result<Fs> + Send + 'static,
) -> u8 {
    let serving = Serving::new(options, place, Channel::Parent(socket));
    match serving.run(signals, build) {
        Ok(()) => 0,
        Err(error) => {
            let code = error.kind().exit_code();
            serving.tell_failure(error);
            code
        }
    }
}

/// Shows what the serving process tells until it is ready, or has failed and ended.
fn attend(socket: &UnixStream, signals: &EndSignals, place: &Mountpoint, mut tell: Tell) -> Result<()> {
    let interruption = || Error::new(ErrorKind::Interrupted, "interrupted; nothing is mounted");
    let (mut received, mut failure, mut interrupted) = (Vec::new(), None, false);
    loop {
        while let Some(message) = channel::take(&mut received) {
            match message {
                Message::News(news) => tell(news),
                // It was ready before it could be stopped.
                Message::Ready if interrupted => return unmount(&place.path).and(Err(interruption())),
                Message::Ready => {
                    tell(News::Ready);
                    return Ok(());
                }
                // Its end follows: it still clears up.
                Message::Failed(error) => failure = Some(error),
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
            // The serving process takes this as our end. If it is gone already, reading will tell.
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

/// To whom a serving process tells news before it is ready.
enum Channel {
    /// Whoever started this process.
    Parent(Arc<UnixStream>),
    /// The user, from this process.
    Here(Tell),
    /// Nobody any more: the mount is ready.
    Cut,
}

/// The process that serves a mount, from the first byte of the export to the last reader.
struct Serving<'a> {
    options: &'a Options,
    place: &'a Mountpoint,
    link: Mutex<Channel>,
    progress: Arc<Progress>,
    /// What we mounted. Locked while mounting, so that no signal comes between the deed and the note of it.
    mounted: Mutex<Option<Mounted>>,
    /// Shows until everything is cleared up that this process lives.
    life: OnceLock<UnixDatagram>,
}

impl<'a> Serving<'a> {
    fn new(options: &'a Options, place: &'a Mountpoint, link: Channel) -> Self {
        Self {
            options,
            place,
            link: Mutex::new(link),
            progress: Arc::new(Progress::default()),
            mounted: Mutex::new(None),
            life: OnceLock::new(),
        }
    }

    /// Builds, mounts and serves until the mount is gone; clears up whatever happens.
    fn run(
        &self,
        signals: &EndSignals,
        build: impl FnOnce(&Progress) -> Result<Fs> + Send + 'static,
    ) -> Result<()> {
        // What a panic says may be part of a chat.
        panic::set_hook(Box::new(|panic| {
            if let Some(place) = panic.location() {
                log::line(format_args!("a bug at {}:{}", place.file(), place.line()));
            }
        }));
        let (ended, still_serving) = io::pipe().map_err(|error| system_error(&"cannot start", &error))?;
        thread::scope(|scope| {
            let watcher = thread::Builder::new().name("watcher".into());
            watcher
                .spawn_scoped(scope, || self.watch(signals, &ended))
                .map_err(|error| system_error(&"cannot start", &error))?;
            let served = self.serve(build);
            self.clear_up();
            drop(still_serving);
            served
        })
    }

    fn serve(&self, build: impl FnOnce(&Progress) -> Result<Fs> + Send + 'static) -> Result<()> {
        let everybody = self.options.allow_other;
        let stage = Stage::new(Access { owner: User::current(), everybody });
        let mut build = Some(build);
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
        self.tell_ready()?;
        let builder = build.map(|build| {
            let (progress, stage) = (Arc::clone(&self.progress), Arc::clone(&stage));
            thread::spawn(move || {
                show(&stage, build, &progress).inspect_err(|error| {
                    stage.set_failed(error.kind());
                    device::detach(&mounted);
                })
            })
        });
        let served =
            session.run().map_err(|error| Error::new(ErrorKind::Unexpected, "serving").caused_by(error));
        match builder {
            Some(builder) if stage.has_failed() => builder.join().unwrap_or(Ok(())).and(served),
            // If it still builds, nobody needs the tree any more.
            _ => served,
        }
    }

    fn mount(&self, stage: &Arc<Stage>) -> Result<(Session<Adapter>, Mounted)> {
        let path = &self.place.path;
        let mut ours = lock(&self.mounted);
        self.place.make()?;
        let device = device::mount(path, &self.options.source_name, self.options.allow_other)?;
        let Some(mounted) = mounts::at(path).ok().flatten() else {
            // Without its number in the table it could not be told from a later one.
            let _ = device::unmount(path, Unmounting::Detach);
            return Err(Error::new(
                ErrorKind::Environment,
                "cannot mount: the table of mounts doesn't show it",
            ));
        };
        *ours = Some(mounted.clone());
        drop(ours);
        if let Some(life) = liveness::show(&mounted) {
            // Nothing was there before: one process mounts once.
            let _ = self.life.set(life);
        }
        let mut config = Config::default();
        config.n_threads = Some(LISTENERS);
        let acl = if self.options.allow_other { SessionACL::All } else { SessionACL::Owner };
        let session = device
            .try_clone()
            .and_then(|copy| Session::from_fd(Adapter::new(Arc::clone(stage), copy), device, acl, config));
        let session = session.map_err(|error| system_error(&"cannot mount", &error))?;
        Ok((session, mounted))
    }

    /// Takes the mount out of the tree if it still is there, and the directory if we made it.
    fn clear_up(&self) {
        if let Some(mounted) = lock(&self.mounted).take() {
            device::detach(&mounted);
        }
        self.place.restore();
    }

    /// Waits for signals and for the end of whoever waits for us, and passes on news, until `ended` closes.
    fn watch(&self, signals: &EndSignals, ended: &PipeReader) {
        let mut shown = Snapshot::default();
        loop {
            let (telling, parent) = match &*lock(&self.link) {
                Channel::Parent(socket) => (true, Some(Arc::clone(socket))),
                Channel::Here(_) => (true, None),
                Channel::Cut => (false, None),
            };
            let waited = sys::wait_readable(
                [Some(ended.as_fd()), Some(signals.as_fd()), parent.as_ref().map(|parent| parent.as_fd())],
                telling.then_some(NEWS_INTERVAL),
            );
            let Ok([over, signal, deserted]) = waited else { return };
            if over {
                return;
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
        if !self.is_ready() {
            self.clear_up();
            process::exit(ErrorKind::Interrupted.exit_code().into());
        }
        self.clear_up();
        match sys::wait_readable([Some(ended.as_fd()), Some(signals.as_fd())], Some(FAREWELL)) {
            Ok([true, _]) => {}
            _ => process::exit(0),
        }
    }

    fn is_ready(&self) -> bool {
        matches!(*lock(&self.link), Channel::Cut)
    }

    fn tell_news(&self, shown: &mut Snapshot) {
        let mut news: Vec<_> = self.progress.take_notes().into_iter().map(News::Note).collect();
        let now = self.progress.snapshot();
        if now != *shown {
            *shown = now;
            news.push(News::Progress(now));
        }
        let mut link = lock(&self.link);
        for news in news {
            match &mut *link {
                // If nobody listens any more, the next wait tells.
                Channel::Parent(socket) => drop(channel::send(socket, &Message::News(news))),
                Channel::Here(tell) => tell(news),
                Channel::Cut => {}
            }
        }
    }

    /// Tells that the mount can be used, and cuts the link.
    fn tell_ready(&self) -> Result<()> {
        self.tell_news(&mut Snapshot::default());
        let mut link = lock(&self.link);
        match &mut *link {
            Channel::Parent(socket) => channel::send(socket, &Message::Ready)
                .map_err(|_| Error::new(ErrorKind::Interrupted, "nobody waits for the mount"))?,
            Channel::Here(tell) => tell(News::Ready),
            Channel::Cut => {}
        }
        *link = Channel::Cut;
        Ok(())
    }

    fn tell_failure(&self, error: Error) {
        match &*lock(&self.link) {
            // If nobody listens there is nobody to tell.
            Channel::Parent(socket) => drop(channel::send(socket, &Message::Failed(error))),
            _ => log::line(format_args!("the mount ended: {:?}", error.kind())),
        }
    }
}

/// Builds the tree and shows it to those who wait for it.
fn show(stage: &Stage, build: impl FnOnce(&Progress) -> Result<Fs>, progress: &Progress) -> Result<()> {
    let fs = panic::catch_unwind(AssertUnwindSafe(|| build(progress)))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "a bug in gptfs, please report it")))?;
    let workers = thread::available_parallelism().map_or(2, usize::from);
    stage.set_ready(fs, workers).map_err(|error| system_error(&"cannot start", &error))?;
    // Building a tree takes many times the memory that is kept. Nobody waits for it to go; if there can't be a thread,
    // it goes later.
    drop(thread::Builder::new().name("trim".into()).spawn(sys::trim_memory));
    Ok(())
}

/// A failure of the machine at `what`, with the limit that it ran into where that is known.
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
    device::mount(path, "test", false).expect("a test that mounts needs the right to")
}

/// Undoes [`test_mount`].
#[cfg(test)]
pub(super) fn test_unmount(path: &std::path::Path, how: Unmounting) {
    device::unmount(path, how).expect("what a test mounted can be unmounted");
}

#[cfg(test)]
mod tests;
