//! How others learn whether a mount's daemon is alive: it listens at an abstract socket named after the mount, and the
//! kernel closes that with the process, however it ends.
//!
//! Nothing is ever said over the socket. Anyone may take the name first, so the kernel is asked who listens there: only
//! the user who owns the mount counts. Nothing depends on the socket: where there is none (another network namespace)
//! the mount itself is asked.

use crate::bytes::Fnv;
use crate::sys::mounts::Mounted;
use crate::sys::{self, User};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for a daemon whose mount is gone. It gives its own readers less.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to watch a daemon that seems alive: one that was killed closes its device first and its socket a moment
/// later, on a busy machine some milliseconds.
const MOMENT: Duration = Duration::from_millis(100);

/// How often to look at a daemon meanwhile.
const STEP: Duration = Duration::from_millis(2);

/// The name of a mount's socket. The device number alone may already belong to another mount while the daemon of the
/// previous one is still ending; the path is too long for a socket's name, so its hash is used.
fn address(mounted: &Mounted) -> io::Result<SocketAddr> {
    let mut hash = Fnv::default();
    hash.write(mounted.target.as_os_str().as_bytes());
    SocketAddr::from_abstract_name(format!("gptfs-{}-{:016x}", mounted.device, hash.sum()))
}

/// Shows that a daemon is alive for as long as it exists.
pub(super) struct Beacon(UnixListener);

/// Shows that the daemon of `mounted` is alive.
pub(super) fn show(mounted: &Mounted) -> Option<Beacon> {
    let listener = UnixListener::bind_addr(&address(mounted).ok()?).ok()?;
    listener.set_nonblocking(true).ok()?;
    Some(Beacon(listener))
}

impl Beacon {
    /// Disconnects everyone who has looked. To be called when it is readable, so that its queue never fills up.
    pub(super) fn answer(&self) {
        while self.0.accept().is_ok() {}
    }
}

impl AsFd for Beacon {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// True if the daemon of `mounted` shows that it is alive, and still does a moment (0.1 s) later.
pub(super) fn is_served(mounted: &Mounted) -> bool {
    watch(mounted).is_some_and(|daemon| !daemon.ends_within(MOMENT))
}

/// A daemon that is alive.
pub(super) struct Daemon {
    address: SocketAddr,
    user: u32,
}

/// The daemon of `mounted`, if it shows that it is alive.
pub(super) fn watch(mounted: &Mounted) -> Option<Daemon> {
    let user = mounted.user.unwrap_or(User::current().uid);
    address(mounted).ok().map(|address| Daemon { address, user }).filter(Daemon::is_alive)
}

impl Daemon {
    fn is_alive(&self) -> bool {
        sys::connect(&self.address).is_some_and(|socket| sys::peer(&socket) == Some(self.user))
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.is_alive() {
            if start.elapsed() >= patience {
                return false;
            }
            thread::sleep(STEP);
        }
        true
    }

    /// Waits until it has ended; at most five seconds. Calls `slow` if it takes longer than a moment.
    pub(super) fn wait(self, slow: impl FnOnce()) {
        if !self.ends_within(5 * MOMENT) {
            slow();
            self.ends_within(PATIENCE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::until;
    use std::sync::mpsc::channel;

    fn mounted(name: &str) -> Mounted {
        Mounted {
            device: format!("{name} {}", std::process::id()),
            target: "/chats".into(),
            kind: String::new(),
            source: "export.zip".into(),
            user: Some(User::current().uid),
        }
    }

    #[test]
    fn a_daemon_that_ends_while_it_is_watched_does_not_serve() {
        let mounted = mounted("ending");
        assert!(!is_served(&mounted));
        let beacon = show(&mounted).unwrap();
        assert!(is_served(&mounted));
        let watched = watch(&mounted).unwrap();
        let (sender, receiver) = channel();
        thread::scope(|scope| {
            let ended = scope.spawn(|| {
                sender.send(()).unwrap();
                // Endless, but for the beacon.
                watched.ends_within(Duration::from_mins(1))
            });
            receiver.recv().unwrap();
            drop(beacon);
            assert!(ended.join().unwrap());
        });
        until("it is gone", || watch(&mounted).is_none());
        assert!(!is_served(&mounted));
        watched.wait(|| panic!("it has ended"));
    }

    #[test]
    fn looking_never_blocks_however_many_have_looked_before() {
        let mounted = mounted("asked");
        let beacon = show(&mounted).unwrap();
        // More than the longest queue that a socket has by default, first answered and then not.
        for _ in 0..10_000 {
            assert!(watch(&mounted).is_some());
            beacon.answer();
        }
        for _ in 0..10_000 {
            let _ = watch(&mounted);
        }
        beacon.answer();
        assert!(watch(&mounted).is_some());
        drop(beacon);
        // A process that another test has just forked may hold it a moment longer.
        until("it is gone", || watch(&mounted).is_none());
    }

    #[test]
    fn somebody_elses_socket_does_not_count() {
        let mine = mounted("squatted");
        let _beacon = show(&mine).unwrap();
        let theirs = Mounted { user: Some(User::current().uid + 1), ..mine };
        assert!(watch(&theirs).is_none());
    }
}
