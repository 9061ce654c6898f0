//! Why a command line is refused.

use crate::error::{Error, ErrorKind};

/// Why there is no command to run.
pub(super) enum Refusal {
    /// Help, the version, or a syntax error.
    Grammar(clap::Error),
    /// A semantic error.
    Meaning(Error),
    /// A source without a command, and what can be done with it.
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

/// An error about an invalid command line.
pub(super) fn usage(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Usage, message)
}
