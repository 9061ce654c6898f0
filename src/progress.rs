//! Progress of long work, shared between the worker and the display.

use crate::sync::lock;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Progress of reading or writing an export.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    items: AtomicU64,
    notes: Mutex<Vec<String>>,
}

/// Progress at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    /// Bytes done.
    pub done: u64,
    /// Bytes to do; 0 while unknown.
    pub total: u64,
    /// Conversations found or files written so far.
    pub items: u64,
}

impl Progress {
    /// Sets the number of bytes to process.
    pub(crate) fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    /// Adds processed bytes.
    pub(crate) fn advance(&self, bytes: usize) {
        self.done.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// States how many conversations or files there are.
    pub(crate) fn set_count(&self, items: u64) {
        self.items.store(items, Ordering::Relaxed);
    }

    /// Counts one more conversation or file.
    pub(crate) fn count(&self) {
        self.items.fetch_add(1, Ordering::Relaxed);
    }

    /// Queues a line to show once the work is done.
    pub(crate) fn note(&self, line: String) {
        lock(&self.notes).push(line);
    }

    /// Takes the queued lines.
    pub(crate) fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.notes))
    }

    /// The progress now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            items: self.items.load(Ordering::Relaxed),
        }
    }
}
