//! Helpers for tests, shared by the unit tests and the suite.

use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for a condition before it fails. Generous, because CI machines stall.
const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds. Panics, naming `what`, if it still does not at the deadline.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < DEADLINE, "deadline passed while waiting until {what}");
        thread::yield_now();
    }
}
