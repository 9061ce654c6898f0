//! What a daemon logs: operations, inode numbers and kinds of errors, never titles or text.

use crate::error::{Error, ErrorKind};
use crate::fs::Ino;
use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Whether lines go to the system's log. A daemon has no standard error.
static TO_SYSTEM: AtomicBool = AtomicBool::new(false);

/// The kinds of failures that were logged, one bit each. A walk over a damaged archive would fill the log otherwise.
static LOGGED: AtomicU32 = AtomicU32::new(0);

/// Sends lines to the system's log from now on.
pub(super) fn move_to_system() {
    TO_SYSTEM.store(true, Ordering::Relaxed);
}

/// Logs an operation that failed, once for each kind of error.
pub(super) fn failure(operation: &str, ino: Ino, error: &Error) {
    let kind = error.kind();
    let bit = 1_u32.checked_shl(kind as u32).unwrap_or(0);
    if LOGGED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        // What we say of our own mistakes names nothing of the export.
        let what = if kind == ErrorKind::Unexpected { error.reason() } else { format!("{kind:?}") };
        line(format_args!("{operation} of inode {}: {what}; more of this kind are not logged", ino.0));
    }
}

/// Logs an operation that panicked.
pub(super) fn panic(operation: &str, ino: Ino) {
    line(format_args!(
        "{operation} of inode {}: a bug in gptfs, please report it; everything else goes on",
        ino.0
    ));
}

/// Logs a line.
pub(super) fn line(text: fmt::Arguments<'_>) {
    if TO_SYSTEM.load(Ordering::Relaxed) {
        // Facility daemon (3), severity warning (4). Without a system log there is nobody to tell.
        let message = format!("<{}>gptfs[{}]: {text}", 3 * 8 + 4, process::id());
        let _ = UnixDatagram::unbound().and_then(|log| log.send_to(message.as_bytes(), "/dev/log"));
    } else {
        eprintln!("gptfs: {text}");
    }
}
