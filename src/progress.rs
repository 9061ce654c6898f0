//! How far long work has come: written by who does it, read by who shows it.

use crate::error::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// How far a reading of an export has come.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    conversations: AtomicU64,
    cancelled: AtomicBool,
    notes: Mutex<Vec<String>>,
}

/// How far it was at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes done.
    pub done: u64,
    /// Bytes to do; 0 while unknown.
    pub total: u64,
    /// Conversations found so far.
    pub conversations: u64,
}

impl Progress {
    /// States how many bytes there are to go through.
    pub fn set_total(&self, bytes: u64) {
        self.total.store(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are done.
    ///
    /// # Errors
    /// `Interrupted` if nobody wants the rest any more.
    pub fn advance(&self, bytes: usize) -> Result<()> {
        self.done.fetch_add(bytes as u64, Ordering::Relaxed);
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(())
    }

    /// Counts one more conversation.
    pub fn count(&self) {
        self.conversations.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends the work at its next step.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Has a line shown to the user once the work is done.
    pub fn note(&self, line: String) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    /// The lines to show; each is given out once.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far it is now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            conversations: self.conversations.load(Ordering::Relaxed),
        }
    }
}
