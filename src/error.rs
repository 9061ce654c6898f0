//! The crate's error type: a kind, what it is about, and its cause.
//!
//! Merely broken input is not an error but a [`Problem`](crate::catalog::Problem). Exit codes are decided here,
//! errno values in `fuse.rs`; `cli.rs` prints.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;

/// Shorthand for results in this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an [`Error`]. Decides the exit code on the command line and the errno in a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A bug in gptfs.
    Unexpected,
    /// The command line makes no sense.
    Usage,
    /// The source is readable but not an export that gptfs can read, or it has no conversations.
    NotAnExport,
    /// The source is damaged, truncated, encrypted, or changed while in use.
    Damaged,
    /// A limit such as `--max-size` was exceeded.
    Limit,
    /// The system refuses: mountpoint, FUSE, space, permission.
    Environment,
    /// A signal ended the command early.
    Interrupted,
    /// A path inside the tree does not exist.
    NotFound,
    /// A path inside the tree leads through a non-directory.
    NotADirectory,
    /// A directory was given where a file is needed.
    IsADirectory,
    /// A name inside the tree exceeds 255 bytes.
    NameTooLong,
    /// Memory ran out.
    OutOfMemory,
}

impl ErrorKind {
    /// The exit code of a command that fails with this kind of error.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Unexpected => 1,
            Self::Usage | Self::NotFound | Self::NotADirectory | Self::IsADirectory | Self::NameTooLong => 2,
            Self::NotAnExport => 3,
            Self::Damaged => 4,
            Self::Limit => 5,
            Self::Environment | Self::OutOfMemory => 6,
            Self::Interrupted => 130,
        }
    }
}

/// An error with its kind and a message that names the thing, then the reason, then what to do.
///
/// The message is one line, lower-case, without a full stop: `export.zip: not a zip archive`.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    /// What it is about, from the outside in, each part followed by `: `.
    within: String,
    reason: String,
    source: Option<Box<dyn std::error::Error + Send + Sync + 'static>>,
}

impl Error {
    /// An error of `kind` with its complete message.
    pub fn new(kind: ErrorKind, reason: impl Into<String>) -> Self {
        Self { kind, within: String::new(), reason: reason.into(), source: None }
    }

    /// Adds the underlying error, which is printed after the message.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        self.source = Some(Box::new(source));
        self
    }

    /// Prefixes the message with `what: `, as in `export.zip: conversations.json: …`.
    #[must_use]
    pub fn within(mut self, what: impl fmt::Display) -> Self {
        self.within = format!("{what}: {}", self.within);
        self
    }

    /// An input/output error on `what`, classified by its cause.
    pub fn io(what: impl fmt::Display, error: io::Error) -> Self {
        let kind = match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => ErrorKind::Damaged,
            io::ErrorKind::OutOfMemory => ErrorKind::OutOfMemory,
            _ => ErrorKind::Environment,
        };
        Self::new(kind, what.to_string()).caused_by(error)
    }

    /// The message without what was put [before](Self::within) it.
    pub fn reason(&self) -> String {
        match &self.source {
            None => self.reason.clone(),
            Some(source) => match source.downcast_ref::<io::Error>() {
                Some(error) => format!("{}: {}", self.reason, describe(error)),
                None => format!("{}: {source}", self.reason),
            },
        }
    }

    /// The kind of this error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.within, self.reason())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// An input/output error in the style of our messages: lower-case, without `(os error 2)`.
pub(crate) fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    match error.raw_os_error() {
        Some(number) => text.strip_suffix(&format!(" (os error {number})")).unwrap_or(&text).to_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_lose_their_number_and_our_own_messages_stay() {
        let missing = Error::io("export.zip", io::Error::from_raw_os_error(2));
        assert_eq!(missing.to_string(), "export.zip: no such file or directory");
        let damaged = Error::io("export.zip", io::Error::new(io::ErrorKind::InvalidData, "CRC differs"));
        assert_eq!(damaged.to_string(), "export.zip: CRC differs");
    }

    #[test]
    fn the_kind_of_a_system_error_follows_from_its_cause() {
        use io::ErrorKind::{InvalidData, OutOfMemory, PermissionDenied, UnexpectedEof};
        for (cause, kind, code) in [
            (UnexpectedEof, ErrorKind::Damaged, 4),
            (InvalidData, ErrorKind::Damaged, 4),
            (OutOfMemory, ErrorKind::OutOfMemory, 6),
            (PermissionDenied, ErrorKind::Environment, 6),
        ] {
            let error = Error::io("export.zip", cause.into());
            assert_eq!((error.kind(), error.kind().exit_code()), (kind, code), "{cause:?}");
        }
    }

    #[test]
    fn a_cause_of_any_type_is_part_of_the_message() {
        use std::error::Error as _;
        let cause = "x".parse::<u8>().expect_err("no number");
        let error = Error::new(ErrorKind::Damaged, "its size").caused_by(cause.clone()).within("export.zip");
        assert_eq!(error.to_string(), format!("export.zip: its size: {cause}"));
        assert_eq!(error.source().map(ToString::to_string), Some(cause.to_string()));
    }
}
