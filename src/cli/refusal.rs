//! Why a command line is not carried out.

use crate::error::{Error, ErrorKind};

/// Why there is no command to run.
pub(super) enum Refusal {
    /// Help, the version, or a form that the grammar doesn't have.
    Grammar(clap::Error),
    /// A meaning that can't be had.
    Meaning(Error),
    /// A source without a command: what can be done with it.
    Advice(String),
}

impl From<clap::Error> for Refusal {
    fn from(error: clap::Error) -> Self {
        Self::Grammar(error)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Meaning(error)
    }
}

/// A command line that makes no sense.
pub(super) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}
