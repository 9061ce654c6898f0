//! What a daemon says while it serves: operations, inode numbers and kinds of errors, never titles or text.

use crate::error::ErrorKind;
use crate::fs::Ino;
use std::fmt;
use std::os::unix::net::UnixDatagram;
use std::process;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// Whether lines go to the system's log instead of standard error, which a daemon doesn't have.
static TO_SYSTEM: AtomicBool = AtomicBool::new(false);

/// The kinds of failures that were logged: one line each, or a walk over a damaged archive fills the log.
static LOGGED: AtomicU32 = AtomicU32::new(0);

/// Sends lines to the system's log from now on.
pub(crate) fn move_to_system() {
    TO_SYSTEM.store(true, Ordering::Relaxed);
}

/// An operation that failed. Only the first of its kind is logged.
pub(crate) fn failure(operation: &str, ino: Ino, kind: ErrorKind) {
    let bit = 1_u32.checked_shl(kind as u32).unwrap_or(0);
    if LOGGED.fetch_or(bit, Ordering::Relaxed) & bit == 0 {
        line(format_args!("{operation} of inode {}: {kind:?}; more of this kind are not logged", ino.0));
    }
}

/// An operation that panicked.
pub(crate) fn panic(operation: &str, ino: Ino) {
    line(format_args!(
        "{operation} of inode {}: a bug in gptfs, please report it; everything else goes on",
        ino.0
    ));
}

/// Any line.
pub(crate) fn line(text: fmt::Arguments<'_>) {
    if TO_SYSTEM.load(Ordering::Relaxed) {
        // Facility daemon (3), severity warning (4). Without a log there is nobody to tell.
        let message = format!("<{}>gptfs[{}]: {text}", 3 * 8 + 4, process::id());
        let _ = UnixDatagram::unbound().and_then(|log| log.send_to(message.as_bytes(), "/dev/log"));
    } else {
        eprintln!("gptfs: {text}");
    }
}
