//! Waits a moment for the next request before a listening thread sleeps.
//!
//! A tree walk is thousands of small requests, one after the other. To wake a thread on an idle processor costs more than
//! its answer, above all in virtual machines; the next request as a rule comes sooner than that.

use crate::sys;
use std::hint;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How long: about as long as it takes to fall asleep and to be woken.
const MOMENT: Duration = Duration::from_micros(60);

/// Comes back when a request has come, or after a moment.
pub(super) fn wait(device: &OwnedFd) {
    let begun = Instant::now();
    while begun.elapsed() < MOMENT {
        match sys::wait_readable([Some(device.as_fd())], Some(Duration::ZERO)) {
            Ok([false]) => hint::spin_loop(),
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};

    #[test]
    fn it_ends_with_a_request_or_after_a_moment_and_when_the_kernel_has_gone() {
        let (ours, mut theirs) = io::pipe().unwrap();
        let device = OwnedFd::from(ours);
        let begun = Instant::now();
        wait(&device);
        assert!(begun.elapsed() >= MOMENT);
        theirs.write_all(b"x").unwrap();
        wait(&device);
        drop(theirs);
        wait(&device);
    }
}
