//! The configuration file: options named as on the command line, and named profiles of them.
//!
//! ```toml
//! tz = "Europe/Berlin"
//! names-map = "names.toml"  # a relative path starts at the directory of this file
//!
//! [profile.work]
//! thinking = "hide"
//! ```

use super::args::{CommonArgs, is_configurable};
use super::refusal::{reason, usage};
use crate::error::{Error, Result};
use clap::{ArgAction, Command, ValueHint};
use std::env;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The id of the option that names a file.
pub(super) const NAMES_MAP: &str = "names_map";

/// The options of a file, overridden by those of the chosen profile.
pub(super) struct Config {
    path: PathBuf,
    options: Table,
    /// The names of all its profiles.
    profiles: Vec<String>,
}

impl Config {
    /// Reads the file given by the user, or the default one if it exists.
    ///
    /// # Errors
    /// `Usage` if it is malformed or lacks the profile, `Environment` if it can't be read.
    pub(super) fn load(common: &CommonArgs) -> Result<Option<Self>> {
        if common.no_config {
            return Ok(None);
        }
        let profile = common.profile.as_deref().filter(|name| !name.is_empty());
        let named = common.config.clone().filter(|path| !path.as_os_str().is_empty());
        let Some(path) = named.clone().or_else(default_path) else {
            return match profile {
                Some(_) => Err(usage("--profile: no configuration file: HOME is not set; use --config FILE")),
                None => Ok(None),
            };
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if named.is_none() && profile.is_none() && is_absent(&path, &error) => {
                return Ok(None);
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(usage("not UTF-8").within(path.display()));
            }
            Err(error) => return Err(Error::io(path.display(), error)),
        };
        let (options, profiles) =
            read(&text, profile).map_err(|reason| usage(reason).within(path.display()))?;
        Ok(Some(Self { path, options, profiles }))
    }

    /// Makes the options default values of all commands that have them.
    ///
    /// # Errors
    /// `Usage` for an option that no command has, and for an invalid value.
    pub(super) fn apply(&self, mut grammar: Command) -> Result<Command> {
        for (key, value) in &self.options {
            let long = key.replace('_', "-");
            let refused = |reason: &str| usage(format!("{key}: {reason}")).within(self.path.display());
            let mut known = false;
            let commands: Vec<_> =
                grammar.get_subcommands().map(|command| command.get_name().to_owned()).collect();
            for name in commands {
                let Some(command) = grammar.find_subcommand(&name) else { continue };
                let arg =
                    command.get_arguments().find(|arg| arg.get_long() == Some(&long) && is_configurable(arg));
                let Some(arg) = arg.cloned() else { continue };
                known = true;
                let Some(value) = self.text(&arg, value).map_err(refused)? else { continue };
                let id = arg.get_id().clone();
                if !matches!(arg.get_action(), ArgAction::SetTrue) {
                    check(arg, &long, &value).map_err(|error| refused(&reason(&error)))?;
                }
                grammar = grammar
                    .mut_subcommand(name, |command| command.mut_arg(id, |arg| arg.default_value(value)));
            }
            if !known {
                return Err(refused("unknown; the file takes the long options of `gptfs mount --help`"));
            }
        }
        Ok(grammar)
    }

    /// Checks that the names map of the file exists.
    ///
    /// # Errors
    /// `Environment` if it doesn't.
    pub(super) fn check_names_map(&self) -> Result<()> {
        let Some((key, Value::String(text))) =
            self.options.iter().find(|(key, _)| key.replace('-', "_") == NAMES_MAP)
        else {
            return Ok(());
        };
        let path = self.path_of(text);
        match std::fs::metadata(&path) {
            Ok(_) => Ok(()),
            Err(error) => Err(Error::io(path, error).within(key).within(self.path.display())),
        }
    }

    /// `value` as on the command line. `None` for a switch that is off.
    fn text(&self, arg: &clap::Arg, value: &Value) -> Result<Option<String>, &'static str> {
        if matches!(arg.get_action(), ArgAction::SetTrue) {
            return match value {
                Value::Boolean(on) => Ok(on.then(|| "true".to_owned())),
                _ => Err("must be true or false"),
            };
        }
        match value {
            Value::String(text) if matches!(arg.get_value_hint(), ValueHint::FilePath) => {
                Ok(Some(self.path_of(text)))
            }
            Value::String(text) => Ok(Some(text.clone())),
            Value::Integer(number) => Ok(Some(number.to_string())),
            _ => Err("must be a quoted string or a number"),
        }
    }

    /// A path in the file: `~` is the home directory, and a relative one starts at the directory of the file.
    fn path_of(&self, text: &str) -> String {
        let home = env::var_os("HOME").map(PathBuf::from);
        let path = match (text.strip_prefix("~/"), home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => self.path.parent().unwrap_or(Path::new("")).join(text),
        };
        path.to_string_lossy().into_owned()
    }
}

/// Checks the file with all of its profiles, and returns a line about it.
///
/// # Errors
/// The first thing that is wrong with it.
pub(super) fn examine(common: &CommonArgs, grammar: &Command) -> Result<String> {
    let config_of = |profile: Option<String>| -> Result<Option<Config>> {
        let common = CommonArgs { profile, config: common.config.clone(), no_config: common.no_config };
        let Some(config) = Config::load(&common)? else { return Ok(None) };
        config.apply(grammar.clone())?;
        config.check_names_map()?;
        Ok(Some(config))
    };
    config_of(common.profile.clone())?;
    let Some(config) = config_of(None)? else {
        return Ok(match default_path() {
            _ if common.no_config => "not read, because of --no-config".to_owned(),
            Some(path) => format!("{}: no such file, and none is needed", path.display()),
            None => "none: HOME is not set".to_owned(),
        });
    };
    for name in &config.profiles {
        config_of(Some(name.clone())).map_err(|error| error.within(format!("[profile.{name}]")))?;
    }
    let path = config.path.display();
    Ok(match config.profiles.as_slice() {
        [] => path.to_string(),
        names => format!("{path}, with profiles {}", names.join(", ")),
    })
}

/// `$XDG_CONFIG_HOME/gptfs/config.toml`, else `~/.config/gptfs/config.toml`.
pub(super) fn default_path() -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(base.join("gptfs/config.toml"))
}

/// True if there is no file at `path`, as far as the user may know: a home may be somebody else's.
fn is_absent(path: &Path, error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => true,
        io::ErrorKind::PermissionDenied => path.symlink_metadata().is_err(),
        _ => false,
    }
}

/// The options in `text`, overridden by those of `profile`, and the names of all profiles.
fn read(text: &str, profile: Option<&str>) -> Result<(Table, Vec<String>), String> {
    let mut options: Table = toml::from_str(text).map_err(|error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = before.matches('\n').count().saturating_add(1);
        // What the parser expected instead says little to a user.
        let message = error.message().replace('\n', ", ");
        let wrong = message.split_once(", expected").map_or(&*message, |(wrong, _)| wrong);
        format!("{wrong} at line {line}")
    })?;
    let profiles = match options.remove("profile") {
        None => Table::new(),
        Some(Value::Table(profiles)) => profiles,
        Some(_) => return Err("profile: must be tables such as [profile.work]".to_owned()),
    };
    let names: Vec<_> = profiles.keys().cloned().collect();
    let Some(name) = profile else { return Ok((options, names)) };
    match profiles.get(name) {
        Some(Value::Table(profile)) => {
            options.extend(profile.clone());
            Ok((options, names))
        }
        Some(_) => Err(format!("profile.{name}: must be a table of options")),
        None if profiles.is_empty() => Err(format!("no [profile.{name}], and no other profile either")),
        None => Err(format!("no [profile.{name}]; there is {}", names.join(", "))),
    }
}

/// Lets clap check one value of `arg`.
fn check(arg: clap::Arg, long: &str, value: &str) -> Result<(), clap::Error> {
    let probe = Command::new("gptfs").no_binary_name(true).disable_help_flag(true).arg(arg);
    probe.try_get_matches_from([format!("--{long}={value}")]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str =
        "tz = \"UTC\"\ntimes = true\n\n[profile.work]\nthinking = \"hide\"\ntz = \"Asia/Tokyo\"\n";

    #[test]
    fn a_profile_overrides_the_options_of_the_file() {
        let options = |profile| read(FILE, profile).expect("a sound file").0;
        let expected = |text: &str| text.parse::<Table>().expect("TOML");
        assert_eq!(options(None), expected("tz = 'UTC'\ntimes = true"));
        assert_eq!(read(FILE, None).expect("a sound file").1, ["work"]);
        let work = expected("tz = 'Asia/Tokyo'\ntimes = true\nthinking = 'hide'");
        assert_eq!(options(Some("work")), work);
    }

    #[test]
    fn an_invalid_file_or_profile_is_refused_with_its_location() {
        assert_eq!(read(FILE, Some("home")), Err("no [profile.home]; there is work".to_owned()));
        assert_eq!(read("", Some("home")), Err("no [profile.home], and no other profile either".to_owned()));
        let error = read("tz = \"UTC\"\ntimes =\n", None).expect_err("malformed");
        assert!(error.contains("at line 2") && !error.contains('\n'), "{error}");
        assert!(read("profile = 7", None).is_err());
        assert!(read("profile.a = 7", Some("a")).is_err());
    }
}
