//! Polls briefly for the next request before a listening thread sleeps.
//!
//! A tree walk is thousands of small requests in a row. Waking a sleeping thread costs more than answering the request,
//! especially in VMs, and the next request usually arrives sooner.

use crate::sys;
use std::hint;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// About as long as it takes to fall asleep and be woken.
const LIMIT: Duration = Duration::from_micros(60);

/// Returns when a request has arrived or the limit has passed.
pub(super) fn wait(device: &OwnedFd) {
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
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
    fn it_ends_with_a_request_at_the_limit_and_when_the_kernel_is_gone() {
        let (ours, mut theirs) = io::pipe().unwrap();
        let device = OwnedFd::from(ours);
        let begun = Instant::now();
        wait(&device);
        assert!(begun.elapsed() >= LIMIT);
        theirs.write_all(b"x").unwrap();
        wait(&device);
        drop(theirs);
        wait(&device);
    }
}
