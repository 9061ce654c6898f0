//! The progress line, shown only on a terminal.

use crate::progress::{Progress, Snapshot};
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Time between redraws, and before the first one.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line on a terminal that shows progress.
#[derive(Debug)]
pub(super) struct ProgressLine {
    /// What is counted.
    items: &'static str,
    start: Instant,
    drawn: Option<Instant>,
    terminal: bool,
}

impl ProgressLine {
    /// A line that counts `items`, such as "files".
    pub(super) fn of(items: &'static str) -> Self {
        Self { items, start: Instant::now(), drawn: None, terminal: io::stderr().is_terminal() }
    }

    /// Redraws the line, unless it was redrawn a moment ago.
    pub(super) fn draw(&mut self, now: Snapshot) {
        if self.terminal && self.drawn.unwrap_or(self.start).elapsed() >= INTERVAL {
            // If the terminal is gone, nobody needs the progress.
            let _ = write!(io::stderr(), "\r{}\x1b[K", line(now, self.items, self.start.elapsed()));
            self.drawn = Some(Instant::now());
        }
    }

    /// Removes the line.
    pub(super) fn clear(&mut self) {
        if self.drawn.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Runs `work` and shows its progress, counted in `items`.
pub(super) fn shown<T>(items: &'static str, progress: &Progress, work: impl FnOnce() -> T) -> T {
    let mut line = ProgressLine::of(items);
    if !line.terminal {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, finished) = mpsc::channel::<()>();
        let draw = move || {
            while finished.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                line.draw(progress.snapshot());
            }
        };
        // If there can't be a thread, nothing is shown.
        let _ = std::thread::Builder::new().spawn_scoped(scope, draw);
        let result = work();
        drop(done);
        result
    })
}

/// The text of the line, with the remaining time at the average speed so far.
fn line(now: Snapshot, items: &str, elapsed: Duration) -> String {
    let percent = now.done.saturating_mul(100).checked_div(now.total).unwrap_or(0).min(100);
    let left = match now.done {
        0 => 0.0,
        done => elapsed.as_secs_f64() / done as f64 * now.total.saturating_sub(done) as f64,
    };
    format!("{percent} % of {} MB, {} {items}, {left:.0} s left", now.total / 1_000_000, now.items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_share_done_and_the_time_left() {
        let second = Duration::from_secs(1);
        let now = |done, total, items| line(Snapshot { done, total, items }, "files", second);
        assert_eq!(now(250_000_000, 1_000_000_000, 7), "25 % of 1000 MB, 7 files, 3 s left");
        assert_eq!(now(0, 0, 0), "0 % of 0 MB, 0 files, 0 s left");
        assert_eq!(now(9, 3, 1), "100 % of 0 MB, 1 files, 0 s left");
    }
}
