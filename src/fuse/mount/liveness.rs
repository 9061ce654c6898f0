//! How others learn whether a mount's daemon lives: it has an abstract socket that is named after the mount, and the
//! kernel closes that with the process, however it ends.
//!
//! Nothing is ever said over the socket, and nothing depends on it: where it is missing (another network
//! namespace) the mount itself is asked. It is one of datagrams, for there is no queue then that those who ask could
//! fill, and nobody who asks waits.

use crate::bytes::Fnv;
use crate::sys::mounts::Mounted;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::thread;
use std::time::{Duration, Instant};

/// How long one waits for a daemon whose mount is gone: it gives its readers less.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a daemon that shows that it lives is watched: one that was killed closes its device first, and its socket
/// a moment later, on a busy machine some milliseconds.
const MOMENT: Duration = Duration::from_millis(100);

/// How often a daemon is looked at that is waited for.
const STEP: Duration = Duration::from_millis(2);

/// The name of a mount's socket. The device number alone may already be another mount's while the daemon of
/// the one that had it is still ending; the path is too long for a socket's name, so its FNV-1a hash stands.
fn address(mounted: &Mounted) -> io::Result<SocketAddr> {
    let mut hash = Fnv::default();
    hash.write(mounted.target.as_os_str().as_bytes());
    SocketAddr::from_abstract_name(format!("gptfs-{}-{:016x}", mounted.device, hash.sum()))
}

/// Shows that the daemon of `mounted` lives, as long as the result is kept.
pub(super) fn show(mounted: &Mounted) -> Option<UnixDatagram> {
    UnixDatagram::bind_addr(&address(mounted).ok()?).ok()
}

/// True if the daemon of `mounted` shows that it lives, and still does a moment (0.1 s) later.
pub(super) fn is_served(mounted: &Mounted) -> bool {
    watch(mounted).is_some_and(|daemon| !daemon.ends_within(MOMENT))
}

/// A daemon that lives.
pub(super) struct Daemon(SocketAddr);

/// The daemon of `mounted`, if it shows that it lives.
pub(super) fn watch(mounted: &Mounted) -> Option<Daemon> {
    address(mounted).ok().map(Daemon).filter(Daemon::lives)
}

impl Daemon {
    fn lives(&self) -> bool {
        UnixDatagram::unbound().and_then(|socket| socket.connect_addr(&self.0)).is_ok()
    }

    fn ends_within(&self, patience: Duration) -> bool {
        let start = Instant::now();
        while self.lives() {
            if start.elapsed() >= patience {
                return false;
            }
            thread::sleep(STEP);
        }
        true
    }

    /// Waits until it has ended, or patience has.
    pub(super) fn wait(self) {
        self.ends_within(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mounted(name: &str) -> Mounted {
        Mounted {
            device: format!("{name} {}", std::process::id()),
            target: "/chats".into(),
            kind: String::new(),
            source: "export.zip".into(),
            user: None,
        }
    }

    #[test]
    fn who_is_just_ending_does_not_serve() {
        let mounted = mounted("ending");
        assert!(!is_served(&mounted));
        let life = show(&mounted).unwrap();
        assert!(is_served(&mounted));
        let watched = watch(&mounted).unwrap();
        thread::scope(|scope| {
            let asked = scope.spawn(|| is_served(&mounted));
            thread::sleep(MOMENT / 10);
            drop(life);
            assert!(!asked.join().unwrap());
        });
        watched.wait();
    }

    #[test]
    fn who_asks_never_waits_however_many_have_asked_before() {
        let mounted = mounted("asked");
        let life = show(&mounted).unwrap();
        // More than the longest queue that a socket has by default.
        assert!((0..10_000).all(|_| watch(&mounted).is_some()));
        drop(life);
        assert!(watch(&mounted).is_none());
    }
}
