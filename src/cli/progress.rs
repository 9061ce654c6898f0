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
    use crate::testing::until;
    use std::io::Read;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::{env, fs};

    #[test]
    fn the_line_has_the_share_done_and_the_time_left() {
        let second = Duration::from_secs(1);
        let now = |done, total, items| line(Snapshot { done, total, items }, "files", second);
        assert_eq!(now(250_000_000, 1_000_000_000, 7), "25 % of 1000 MB, 7 files, 3 s left");
        assert_eq!(now(0, 0, 0), "0 % of 0 MB, 0 files, 0 s left");
        assert_eq!(now(9, 3, 1), "100 % of 0 MB, 1 files, 0 s left");
    }

    const FOLDER: &str = "GPTFS_TEST_PROGRESS";

    /// What the tests below run as a process of its own, which does nothing otherwise: work that takes until its line was
    /// seen.
    #[test]
    fn the_work() {
        let Some(folder) = env::var_os(FOLDER) else { return };
        let progress = Progress::default();
        progress.set_total(1_000_000_000);
        progress.advance(250_000_000);
        (0..7).for_each(|_| progress.count());
        let seen = Path::new(&folder).join("seen");
        let result = shown("files", &progress, || {
            until("its line was seen", || seen.exists());
            "done"
        });
        eprintln!("{result}");
    }

    /// The words that run it.
    fn the_work_as_a_process() -> String {
        let program = env::current_exe().unwrap();
        let test = "cli::progress::tests::the_work";
        format!("'{}' --exact {test} --test-threads=1 --nocapture -q", program.display())
    }

    #[test]
    fn a_terminal_shows_the_line_until_the_work_is_done() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("script");
        command.args(["-qec", &the_work_as_a_process(), "/dev/null"]).env(FOLDER, folder.path());
        let Ok(mut script) = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn() else {
            println!("skipped: needs script (install util-linux)");
            return;
        };
        let (mut terminal, mut bytes) = (script.stdout.take().unwrap(), [0; 1 << 10]);
        let mut text = String::new();
        while let read @ 1.. = terminal.read(&mut bytes).unwrap() {
            text.push_str(&String::from_utf8_lossy(&bytes[..read]));
            if text.contains("s left\u{1b}[K") {
                fs::write(folder.path().join("seen"), "").unwrap();
            }
        }
        assert!(script.wait().unwrap().success(), "{text:?}");
        assert!(text.contains("\r25 % of 1000 MB, 7 files, "), "{text:?}");
        assert!(text.contains("s left\u{1b}[K\r\u{1b}[Kdone\r\n"), "{text:?}");
    }

    #[test]
    fn nothing_is_shown_where_there_is_no_terminal() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("seen"), "").unwrap();
        let words = the_work_as_a_process();
        let output = Command::new("sh").args(["-c", &words]).env(FOLDER, folder.path()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "done\n");
    }
}
