//! How others learn whether a mount's daemon lives: it listens on an abstract socket that is named after the
//! mount, and the kernel closes that with the process, however it ends.
//!
//! Nothing is ever said over the socket, and nothing depends on it: where it is missing (another network
//! namespace) the mount itself is asked.

use crate::sys;
use crate::sys::mounts::Mounted;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

/// How long one waits for a daemon whose mount is gone: it gives its readers less.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a daemon that shows that it lives is watched: one that was killed closes its device first, and its socket
/// a moment later, on a busy machine some milliseconds.
const MOMENT: Duration = Duration::from_millis(100);

/// The name of a mount's socket. The device number alone may already be another mount's while the daemon of
/// the one that had it is still ending; the path is too long for a socket's name, so its FNV-1a hash stands.
fn address(mounted: &Mounted) -> io::Result<SocketAddr> {
    let path = mounted.target.as_os_str().as_bytes().iter();
    let hash = path.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    SocketAddr::from_abstract_name(format!("gptfs-{}-{hash:016x}", mounted.device))
}

/// Shows that the daemon of `mounted` lives, as long as the result is kept.
pub(super) fn show(mounted: &Mounted) -> Option<UnixListener> {
    UnixListener::bind_addr(&address(mounted).ok()?).ok()
}

/// True if the daemon of `mounted` shows that it lives, and still does a moment (0.1 s) later.
pub(super) fn is_served(mounted: &Mounted) -> bool {
    watch(mounted).is_some_and(|Daemon(socket)| {
        let ended = sys::wait_readable([Some(socket.as_fd())], Some(MOMENT));
        !ended.is_ok_and(|[ended]| ended)
    })
}

/// A daemon that lives.
pub(super) struct Daemon(UnixStream);

/// The daemon of `mounted`, if it shows that it lives.
pub(super) fn watch(mounted: &Mounted) -> Option<Daemon> {
    UnixStream::connect_addr(&address(mounted).ok()?).ok().map(Daemon)
}

impl Daemon {
    /// Waits until it has ended, or patience has.
    pub(super) fn wait(self) {
        // An error is no reason to wait longer.
        let _ = sys::wait_readable([Some(self.0.as_fd())], Some(PATIENCE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn who_is_just_ending_does_not_serve() {
        let mounted = Mounted {
            device: format!("test {}", std::process::id()),
            target: "/chats".into(),
            kind: String::new(),
            source: "export.zip".into(),
            user: None,
        };
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
}
