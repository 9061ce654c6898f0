//! Why a command line is refused.

use crate::error::{Error, ErrorKind};
use clap::Command;
use clap::error::{ContextKind, ContextValue};
use std::ffi::{OsStr, OsString};
use std::path::Path;

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

/// What is wrong with a value that clap refused, without the name of its option.
pub(super) fn reason(error: &clap::Error) -> String {
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "",
    };
    let why = match (error.get(ContextKind::ValidValue), std::error::Error::source(error)) {
        (Some(ContextValue::Strings(valid)), _) if !valid.is_empty() => format!("use {}", valid.join(" or ")),
        (_, Some(source)) => source.to_string(),
        _ => "it is missing or has the wrong form".to_owned(),
    };
    format!("invalid value '{value}': {why}")
}

/// An error about the command line `words`, in terms of what the user typed.
///
/// A value from the environment is reported with its variable, because no option was typed. An option that needs a command is
/// told from an unknown one. The advice to pass an unknown option as a value is dropped: no value begins with a hyphen.
pub(super) fn explained(mut error: clap::Error, words: &[OsString], grammar: &Command) -> Refusal {
    let Some(ContextValue::String(argument)) = error.get(ContextKind::InvalidArg) else {
        return error.into();
    };
    let argument = argument.split([' ', '=']).next().unwrap_or_default().to_owned();
    let long = argument.trim_start_matches('-');
    match error.kind() {
        clap::error::ErrorKind::InvalidValue | clap::error::ErrorKind::ValueValidation => {
            let variable = variable(long);
            let is_typed = words.iter().any(|word| word.as_encoded_bytes().starts_with(argument.as_bytes()));
            if !is_typed && std::env::var_os(&variable).is_some() {
                return usage(reason(&error)).within(variable).into();
            }
            if error.kind() == clap::error::ErrorKind::ValueValidation {
                return usage(reason(&error)).within(argument).into();
            }
        }
        clap::error::ErrorKind::UnknownArgument => {
            if let Some(error) = unknown(&argument, words, grammar) {
                return error.within(argument).into();
            }
            if let Some(ContextValue::StyledStrs(tips)) = error.remove(ContextKind::Suggested) {
                let useful = tips.into_iter().filter(|tip| !tip.to_string().contains("as a value, use"));
                let useful: Vec<_> = useful.collect();
                if !useful.is_empty() {
                    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(useful));
                }
            }
        }
        _ => {}
    }
    error.into()
}

/// What to say about an unknown argument, if that is clear.
fn unknown(argument: &str, words: &[OsString], grammar: &Command) -> Option<Error> {
    let long = argument.trim_start_matches('-');
    let has_it = |command: &&Command| command.get_arguments().any(|arg| arg.get_long() == Some(long));
    let is_first = words.get(1).is_some_and(|word| word == argument);
    if is_first && let Some(command) = grammar.get_subcommands().find(has_it) {
        let name = command.get_name();
        return Some(usage(format!("goes after the command, as in `gptfs {name} {argument}`")));
    }
    let command = words.iter().find_map(|word| grammar.find_subcommand(word))?;
    if has_it(&command) && argument == long {
        return Some(usage(format!("unexpected; did you mean --{long}?")));
    }
    if command.get_name() == "grep" && matches!(argument, "-r" | "-R" | "--recursive") {
        return Some(usage("not needed: grep always searches the whole export"));
    }
    let file = words.iter().skip(1).find(|word| is_file_like_an_option(word))?;
    Some(usage(format!("unknown option; for the file of that name, use ./{}", file.display())))
}

/// True for a file whose name begins with a hyphen.
fn is_file_like_an_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().starts_with(b"-") && Path::new(word).is_file()
}

/// The environment variable of the option `--long`.
pub(super) fn variable(long: &str) -> String {
    format!("GPTFS_{}", long.to_uppercase().replace('-', "_"))
}
