//! Progress of long work, on a terminal and nowhere else.

use crate::index::Progress;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often the line is drawn anew, and how long work may take before it is drawn at all.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line on a terminal that says how far a reading has come.
pub(super) struct Bar;

impl Bar {
    /// Does `work`, and shows how far it has come while it lasts.
    pub(super) fn around<T>(progress: &Progress, work: impl FnOnce() -> T) -> T {
        if !io::stderr().is_terminal() {
            return work();
        }
        std::thread::scope(|scope| {
            let (done, finished) = mpsc::channel::<()>();
            scope.spawn(move || draw(progress, &finished));
            let result = work();
            drop(done);
            result
        })
    }
}

/// Draws until the other end of `finished` is gone.
fn draw(progress: &Progress, finished: &mpsc::Receiver<()>) {
    let start = Instant::now();
    let mut drawn = false;
    while finished.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        let line = line(
            progress.bytes.load(Ordering::Relaxed),
            progress.total.load(Ordering::Relaxed),
            progress.conversations.load(Ordering::Relaxed),
            start.elapsed(),
        );
        // A terminal that is gone sees no progress.
        let _ = write!(io::stderr(), "\r{line}\x1b[K");
        drawn = true;
    }
    if drawn {
        let _ = write!(io::stderr(), "\r\x1b[K");
    }
}

/// How far a reading has come, and how long the rest may take if it goes on like that.
pub(super) fn line(bytes: u64, total: u64, conversations: u64, elapsed: Duration) -> String {
    let percent = bytes.saturating_mul(100).checked_div(total).unwrap_or(0).min(100);
    let left = match bytes {
        0 => 0.0,
        _ => elapsed.as_secs_f64() / bytes as f64 * total.saturating_sub(bytes) as f64,
    };
    format!("{percent} % of {} MB, {conversations} conversations, {left:.0} s left", total / 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_what_is_done_and_what_is_left() {
        let second = Duration::from_secs(1);
        assert_eq!(line(250_000_000, 1_000_000_000, 7, second), "25 % of 1000 MB, 7 conversations, 3 s left");
        assert_eq!(line(0, 0, 0, second), "0 % of 0 MB, 0 conversations, 0 s left");
        assert_eq!(line(9, 3, 1, second), "100 % of 0 MB, 1 conversations, 0 s left");
    }
}
