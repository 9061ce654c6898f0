//! Locks that outlive a panic.
//!
//! A panic in one request must not end the others, so poisoning is ignored. Code that shares state this way
//! must keep it consistent between any two statements that can panic.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Locks `mutex`.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `changed` is notified. May return early.
pub(crate) fn wait<'g, T>(changed: &Condvar, guard: MutexGuard<'g, T>) -> MutexGuard<'g, T> {
    changed.wait(guard).unwrap_or_else(PoisonError::into_inner)
}

/// Waits until `changed` is notified or `timeout` has passed; true if it has passed. May return early.
pub(crate) fn wait_timeout<'g, T>(
    changed: &Condvar,
    guard: MutexGuard<'g, T>,
    timeout: Duration,
) -> (MutexGuard<'g, T>, bool) {
    let (guard, waited) = changed.wait_timeout(guard, timeout).unwrap_or_else(PoisonError::into_inner);
    (guard, waited.timed_out())
}
