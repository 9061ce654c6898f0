//! The progress line, which only a terminal gets.

use crate::progress::{Progress, Snapshot};
use std::io::{self, IsTerminal, Write};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Time between two redraws, and before the first one.
const INTERVAL: Duration = Duration::from_millis(200);

/// A line on a terminal that shows the progress of reading an export.
#[derive(Debug)]
pub(super) struct ProgressLine {
    start: Instant,
    drawn: Option<Instant>,
    terminal: bool,
}

impl Default for ProgressLine {
    fn default() -> Self {
        Self { start: Instant::now(), drawn: None, terminal: io::stderr().is_terminal() }
    }
}

impl ProgressLine {
    /// Redraws the line, unless that was done a moment ago.
    pub(super) fn draw(&mut self, now: Snapshot) {
        if self.terminal && self.drawn.unwrap_or(self.start).elapsed() >= INTERVAL {
            // If the terminal is gone, so is the need for progress.
            let _ = write!(io::stderr(), "\r{}\x1b[K", line(now, self.start.elapsed()));
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

/// Runs `work` and shows its progress.
pub(super) fn shown<T>(progress: &Progress, work: impl FnOnce() -> T) -> T {
    let mut line = ProgressLine::default();
    if !line.terminal {
        return work();
    }
    std::thread::scope(|scope| {
        let (done, finished) = mpsc::channel::<()>();
        scope.spawn(move || {
            while finished.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                line.draw(progress.snapshot());
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// The text of the line, with the time left at the average speed so far.
fn line(now: Snapshot, elapsed: Duration) -> String {
    let percent = now.done.saturating_mul(100).checked_div(now.total).unwrap_or(0).min(100);
    let left = match now.done {
        0 => 0.0,
        done => elapsed.as_secs_f64() / done as f64 * now.total.saturating_sub(done) as f64,
    };
    format!(
        "{percent} % of {} MB, {} conversations, {left:.0} s left",
        now.total / 1_000_000,
        now.conversations
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_has_the_share_done_and_the_time_left() {
        let second = Duration::from_secs(1);
        let now = |done, total, conversations| line(Snapshot { done, total, conversations }, second);
        assert_eq!(now(250_000_000, 1_000_000_000, 7), "25 % of 1000 MB, 7 conversations, 3 s left");
        assert_eq!(now(0, 0, 0), "0 % of 0 MB, 0 conversations, 0 s left");
        assert_eq!(now(9, 3, 1), "100 % of 0 MB, 1 conversations, 0 s left");
    }
}
