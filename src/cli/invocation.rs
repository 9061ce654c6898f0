//! From the words of the command line to a parsed command.
//!
//! Options come from four places, from lowest to highest precedence: the configuration file (given to clap as default
//! values), the environment, mount options as in fstab (`-o`), and the command line.

use super::args::{Cli, is_configurable};
use super::config::{Config, NAMES_MAP};
use super::mount_helper;
use super::refusal::{Refusal, explained, usage, variable};
use super::shell::quoted;
use crate::error::Result;
use clap::builder::Resettable;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, CommandFactory, FromArgMatches};
use std::collections::HashSet;
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
    let mut off = settle_switches(&mut words, &grammar)?;
    let matches =
        grammar.clone().try_get_matches_from(&words).map_err(|error| explained(error, &words, &grammar))?;
    let common = Cli::from_arg_matches(&matches)?.common;
    let command = matches.subcommand_name().and_then(|name| grammar.find_subcommand(name));
    // Commands without such options, above all `unmount` and `doctor`, work even if the file is broken.
    let config = match command {
        Some(command) if command.get_arguments().any(is_configurable) => Config::load(&common)?,
        _ => None,
    };
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
        off.extend(settle_switches(&mut words, &grammar)?);
    }
    let mut grammar = grammar.mut_subcommands(|command| turned_off(command, &off));
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

/// Rewrites switches with a value: `--dates=true` as `--dates`, and `--dates=false` as nothing, which also takes
/// back an earlier `--dates`. Returns the long names of those that were turned off.
///
/// # Errors
/// `Usage` for any other value.
fn settle_switches(words: &mut Vec<OsString>, grammar: &Command) -> Result<Vec<String>> {
    let switches: HashSet<&str> = grammar
        .get_subcommands()
        .flat_map(Command::get_arguments)
        .filter(|arg| is_configurable(arg) && matches!(arg.get_action(), ArgAction::SetTrue))
        .filter_map(Arg::get_long)
        .collect();
    let (mut settled, mut off) = (Vec::with_capacity(words.len()), Vec::new());
    let mut are_options = true;
    for word in words.drain(..) {
        are_options &= word != "--";
        let option = word.to_str().filter(|_| are_options).and_then(|word| word.strip_prefix("--"));
        let (long, value) = match option.map(|option| option.split_once('=').ok_or(option)) {
            Some(Ok((long, value))) if switches.contains(long) => (long, mount_helper::switch(value)),
            Some(Err(long)) if switches.contains(long) => (long, Some(true)),
            _ => {
                settled.push(word);
                continue;
            }
        };
        let plain = OsString::from(format!("--{long}"));
        match value {
            Some(true) => {
                off.retain(|other| other != long);
                settled.push(plain);
            }
            Some(false) => {
                off.push(long.to_owned());
                settled.retain(|other| *other != plain);
            }
            None => return Err(usage("use true or false").within(word.display())),
        }
    }
    *words = settled;
    Ok(off)
}

/// `command`, in which neither the environment nor the configuration file turn on the switches of `off`.
fn turned_off(command: Command, off: &[String]) -> Command {
    command.mut_args(|arg| {
        let is_off = arg.get_long().is_some_and(|long| off.iter().any(|other| other == long));
        if is_off { arg.env(Resettable::Reset).default_value(Resettable::Reset) } else { arg }
    })
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
    let Some(of_command) = grammar.find_subcommand(name) else { return words };
    let of_all = grammar.get_arguments().filter(|arg| arg.is_global_set());
    for arg in of_all.chain(of_command.get_arguments().filter(|arg| is_configurable(arg))) {
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
