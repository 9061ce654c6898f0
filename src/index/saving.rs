//! Whether an index is saved, for `.gptfs/status`.

use crate::sync::{lock, wait_timeout};
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// How long the status waits for an index that is being written.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of saving an index.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// `None` until it is known.
    outcome: Mutex<Option<String>>,
    known: Condvar,
    told: OnceLock<String>,
}

impl Saving {
    /// The outcome, if it is known from the beginning.
    pub(super) fn known(outcome: impl Into<String>) -> Self {
        Self { outcome: Mutex::new(Some(outcome.into())), ..Self::default() }
    }

    /// States the outcome.
    pub(super) fn finish(&self, outcome: String) {
        *lock(&self.outcome) = Some(outcome);
        self.known.notify_all();
    }

    /// The outcome, for which the first call waits a while. Then it is the same forever, because documents don't change
    /// their size.
    pub(super) fn outcome(&self) -> &str {
        self.told.get_or_init(|| {
            let (mut outcome, start) = (lock(&self.outcome), Instant::now());
            while outcome.is_none()
                && let Some(rest) = PATIENCE.checked_sub(start.elapsed())
            {
                outcome = wait_timeout(&self.known, outcome, rest).0;
            }
            outcome.clone().unwrap_or_else(|| "being written".to_owned())
        })
    }
}
