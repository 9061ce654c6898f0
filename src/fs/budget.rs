//! Memory for conversations while they are rendered: how many at a time, and what the caches give up for large ones.
//!
//! Whatever the number of threads, small conversations share one room, so they only wait for each other, and not for
//! long. A large one gets its memory from the caches, and waits while others have it.

use super::{Fs, LARGE_BYTES};
use crate::sync::{lock, wait};
use std::sync::{Condvar, Mutex};

/// Memory that a conversation takes while it is rendered, for each byte of its JSON: the JSON, its texts without escapes,
/// and its pages.
const PER_BYTE: u64 = 2;

/// The least room for small conversations, in bytes: two of any size.
const LEAST_ROOM: u64 = 2 * PER_BYTE * LARGE_BYTES;

/// What the caches may always keep, in percent, so that other readers get on while a huge conversation is
/// rendered.
const LEAST_PERCENT: u64 = 10;

/// Memory shared by all conversations that are being rendered.
#[derive(Debug)]
pub(super) struct Budget {
    /// For small conversations, in bytes.
    room: u64,
    /// For the caches and large conversations, in bytes.
    caches: u64,
    state: Mutex<BudgetState>,
    returned: Condvar,
}

#[derive(Debug)]
struct BudgetState {
    /// Bytes taken for small conversations, and for large ones.
    small: u64,
    large: u64,
    /// What the caches may keep now.
    percent: u64,
}

/// Memory taken for a conversation; returned when this is dropped.
pub(super) struct Taken<'b> {
    budget: &'b Budget,
    bytes: u64,
    adjust: &'b (dyn Fn(u64) + 'b),
}

impl Budget {
    /// The budget besides a page cache of `pages` bytes: small conversations get as much. The library keeps half as much of
    /// decoded data.
    pub(super) fn new(pages: u64) -> Self {
        let (room, caches) = (pages.max(LEAST_ROOM), pages.saturating_mul(3) / 2);
        let state = BudgetState { small: 0, large: 0, percent: 100 };
        Self { room, caches, state: Mutex::new(state), returned: Condvar::new() }
    }

    /// Takes memory for a conversation of this many bytes of JSON, and waits until it is there; one by itself is never
    /// too large. `adjust` limits the caches to a percentage, now and when the memory is returned, and gives back to the
    /// system what is free.
    pub(super) fn take<'b>(&'b self, json: u64, adjust: &'b (dyn Fn(u64) + 'b)) -> Taken<'b> {
        let bytes = json.saturating_mul(PER_BYTE);
        let mut state = lock(&self.state);
        loop {
            let is_large = is_large(bytes);
            let (taken, room) =
                if is_large { (&mut state.large, self.caches) } else { (&mut state.small, self.room) };
            let with_it = taken.saturating_add(bytes);
            if *taken == 0 || with_it <= room {
                *taken = with_it;
                if is_large {
                    self.adjust(&mut state, adjust);
                }
                return Taken { budget: self, bytes, adjust };
            }
            state = wait(&self.returned, state);
        }
    }

    /// Tells the caches what they may keep, if that has changed.
    fn adjust(&self, state: &mut BudgetState, adjust: &dyn Fn(u64)) {
        let left = self.caches.saturating_sub(state.large);
        let percent = (left.saturating_mul(100) / self.caches.max(1)).max(LEAST_PERCENT);
        if state.percent != percent {
            state.percent = percent;
            adjust(percent);
        }
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.budget.state);
        if is_large(self.bytes) {
            state.large = state.large.saturating_sub(self.bytes);
            self.budget.adjust(&mut state, self.adjust);
        } else {
            state.small = state.small.saturating_sub(self.bytes);
            // A huge conversation takes more and more. What this one has freed must not stay in the caches meanwhile.
            if state.percent == LEAST_PERCENT {
                (self.adjust)(LEAST_PERCENT);
            }
        }
        drop(state);
        self.budget.returned.notify_all();
    }
}

/// True for what a conversation takes that is large.
fn is_large(bytes: u64) -> bool {
    bytes >= LARGE_BYTES * PER_BYTE
}

impl Fs {
    /// Calls `render`, which renders the conversation at position `head` of the catalog, once there is memory for it.
    pub(super) fn within_budget<T>(&self, head: usize, render: impl FnOnce() -> T) -> T {
        let adjust = |percent| {
            self.cache.limit_to(percent);
            self.library.limit_cache(usize::try_from(percent).unwrap_or(100));
        };
        let _taken = self.budget.take(self.bytes_of(head), &adjust);
        render()
    }
}

#[cfg(test)]
mod tests;
