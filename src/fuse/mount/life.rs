//! How others learn whether a mount's daemon lives: it listens on an abstract socket that is named after the
//! mount's device number, and the kernel closes that with the process, however it ends.
//!
//! Nothing is ever said over the socket, and nothing depends on it: where it is missing (another network
//! namespace) the mount itself is asked.

use crate::sys;
use crate::sys::mounts::Mounted;
use std::io;
use std::os::fd::AsFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::Duration;

/// How long one waits for a daemon whose mount is gone: it gives its readers less.
const PATIENCE: Duration = Duration::from_secs(5);

fn address(mounted: &Mounted) -> io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("gptfs-{}", mounted.device))
}

/// Shows that the daemon of `mounted` lives, as long as the result is kept.
pub(super) fn show(mounted: &Mounted) -> Option<UnixListener> {
    UnixListener::bind_addr(&address(mounted).ok()?).ok()
}

/// True if the daemon of `mounted` shows that it lives.
pub(super) fn is_served(mounted: &Mounted) -> bool {
    watch(mounted).is_some()
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
