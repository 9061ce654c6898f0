//! From the words of the command line to a parsed command.
//!
//! Options come from four places, from lowest to highest precedence: the configuration file (given to clap as default
//! values), the environment, mount options as in fstab (`-o`), and the command line.

use super::args::{Cli, is_configurable};
use super::config::{Config, NAMES_MAP};
use super::mount_helper;
use super::refusal::{Refusal, explained, variable};
use super::shell::quoted;
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// A valid command line.
pub(super) struct Invocation {
    pub(super) cli: Cli,
    /// Where each option of the command came from.
    pub(super) matches: ArgMatches,
}

/// The grammar, with an environment variable for every reading and mount option.
pub(super) fn grammar() -> Command {
    Cli::command().mut_subcommands(|command| {
        command.args_override_self(true).mut_args(|arg| {
            let Some(long) = arg.get_long().filter(|_| is_configurable(&arg)) else { return arg };
            let variable = variable(long);
            let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
            let arg = arg.env(variable).hide_env_values(true);
            if is_switch { arg.value_parser(switch) } else { arg }
        })
    })
}

/// The value of a switch in the environment, in the words that mount options take.
fn switch(text: &str) -> Result<bool, String> {
    match mount_helper::switch(text) {
        _ if text.is_empty() => Ok(false),
        Some(on) => Ok(on),
        None => Err("use true or false".to_owned()),
    }
}

/// Parses `arguments`; the first is the program's name.
pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Invocation, Refusal> {
    let mut words: Vec<OsString> = arguments.into_iter().collect();
    if words.first().is_some_and(|name| mount_helper::is_called_as(name)) {
        words = mount_helper::words(words)?;
    }
    let mut grammar = grammar();
    name_the_command(&mut words, &grammar)?;
    let matches =
        grammar.clone().try_get_matches_from(&words).map_err(|error| explained(error, &words, &grammar))?;
    let common = Cli::from_arg_matches(&matches)?.common;
    // `doctor` reports what is wrong with the file, so it has to run all the same.
    let config = if matches.subcommand_name() == Some("doctor") { None } else { Config::load(&common)? };
    if let Some(config) = &config {
        grammar = config.apply(grammar)?;
    }
    if let Some((name, command)) = matches.subcommand()
        && let Ok(Some(options)) = command.try_get_many::<String>("mount_options")
    {
        let known = grammar.find_subcommand(name).cloned().unwrap_or_default();
        let sloppy = matches!(command.try_get_one("sloppy"), Ok(Some(true)));
        let expanded = mount_helper::expand(options, &known, sloppy)?;
        // Before the user's own options, so that those win.
        let at = words.iter().position(|word| word == name).map_or(words.len(), |at| at.saturating_add(1));
        words.splice(at..at, expanded);
    }
    let matches =
        grammar.try_get_matches_from_mut(&words).map_err(|error| explained(error, &words, &grammar))?;
    if let (Some(config), Some((_, command))) = (&config, matches.subcommand())
        && let Ok(Some(_)) = command.try_get_one::<PathBuf>(NAMES_MAP)
        && command.value_source(NAMES_MAP) == Some(ValueSource::DefaultValue)
    {
        config.check_names_map()?;
    }
    Ok(Invocation { cli: Cli::from_arg_matches(&matches)?, matches })
}

/// Inserts `mount` if the first word is a source instead of a command, as in mount.fuse3's `gptfs SOURCE DIR -o …`.
fn name_the_command(words: &mut Vec<OsString>, grammar: &Command) -> Result<(), Refusal> {
    let Some(first) = words.get(1) else { return Ok(()) };
    let is_command = grammar
        .get_subcommands()
        .any(|command| first == command.get_name() || command.get_all_aliases().any(|alias| first == alias));
    if is_command || first == "help" || !is_source(first) {
        return Ok(());
    }
    if words.len() == 2 {
        return Err(Refusal::Advice(advice(Path::new(first))));
    }
    words.insert(1, "mount".into());
    Ok(())
}

/// True for an existing file, or a word that can only be a path.
fn is_source(word: &OsStr) -> bool {
    let bytes = word.as_encoded_bytes();
    !bytes.starts_with(b"-") && (bytes.contains(&b'/') || bytes.contains(&b'.') || Path::new(word).exists())
}

fn advice(source: &Path) -> String {
    let name = quoted(source);
    let lines = [
        (format!("gptfs mount {name} ~/chats"), "read it as a folder"),
        (format!("gptfs ls -R {name}"), "list it"),
        (format!("gptfs info {name}"), "summarize it"),
        (format!("gptfs export {name} ~/chats"), "write it as plain files"),
        ("gptfs help".to_owned(), "everything else"),
    ];
    let width = lines.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    let mut text = format!("{name}: what would you like to do with it?\n");
    for (command, what) in lines {
        let _ = writeln!(text, "  {command:width$}  {what}");
    }
    text
}

/// The options given on the command line, as words that can be passed to another command. Without positional arguments,
/// and without options from the environment or a file.
pub(super) fn given_options(matches: &ArgMatches) -> Vec<OsString> {
    let mut words = Vec::new();
    let grammar = grammar();
    let Some((name, command)) = matches.subcommand() else { return words };
    let Some(grammar) = grammar.find_subcommand(name) else { return words };
    for arg in grammar.get_arguments().filter(|arg| is_configurable(arg)) {
        let id = arg.get_id().as_str();
        let Some(long) = arg.get_long() else { continue };
        if command.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            words.push(format!("--{long}").into());
            continue;
        }
        for value in command.get_raw(id).into_iter().flatten() {
            let mut word = OsString::from(format!("--{long}="));
            let is_path = matches!(arg.get_value_hint(), clap::ValueHint::FilePath);
            match std::path::absolute(value) {
                Ok(path) if is_path => word.push(path),
                _ => word.push(value),
            }
            words.push(word);
        }
    }
    words
}
