//! How mount(8), fstab and mount.fuse3 call a file system: `mount.gptfs SOURCE DIR -o opt,opt`.

use super::refusal::{Refusal, usage};
use crate::error::Result;
use clap::{ArgAction, Command, Parser};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// Options that mount(8), fstab and systemd add or use themselves. They either hold for every mount of gptfs (`ro`,
/// `nosuid`, `nodev`, `noexec`) or don't concern it.
const SYSTEM_OPTIONS: [&str; 46] = [
    "_netdev", "async", "atime", "auto", "comment", "default_permissions", "defaults", "dev", "diratime",
    "dirsync", "exec", "fsname", "group", "helper", "iversion", "lazytime", "loud", "mand", "noatime",
    "noauto", "nodev", "nodiratime", "noexec", "nofail", "nogroup", "noiversion", "nolazytime", "nomand",
    "noowner", "norelatime", "nostrictatime", "nosuid", "nouser", "nousers", "owner", "relatime", "ro", "rw",
    "silent", "strictatime", "subtype", "suid", "sync", "uhelper", "user", "users",
];

/// True if the program was called by the name of a mount(8) helper.
pub(super) fn is_called_as(program: &OsStr) -> bool {
    let name = Path::new(program).file_name().unwrap_or_default();
    name == "mount.gptfs" || name == "mount.fuse.gptfs"
}

/// The grammar of mount(8) for its helpers.
#[derive(Debug, Parser)]
#[command(
    name = "mount.gptfs",
    version,
    about = "Mounts a ChatGPT data export; called by mount(8)",
    after_help = "In /etc/fstab:\n  \
        /home/me/export.zip /home/me/chats gptfs noauto,user,tz=Europe/Berlin 0 0\n\n\
        Options are the long options of `gptfs mount --help`."
)]
#[expect(clippy::struct_excessive_bools, reason = "mount(8) has these switches")]
struct Helper {
    /// The export
    source: PathBuf,
    /// The mountpoint
    dir: PathBuf,
    /// Options, separated by commas
    #[arg(short = 'o', value_name = "OPTIONS", action = ArgAction::Append)]
    options: Vec<String>,
    /// Do everything but mount
    #[arg(short = 'f')]
    fake: bool,
    /// Accepted for mount(8); there is no /etc/mtab to leave alone
    #[arg(short = 'n')]
    no_mtab: bool,
    /// Ignore unknown options
    #[arg(short = 's')]
    sloppy: bool,
    /// Say what is done
    #[arg(short = 'v')]
    verbose: bool,
    /// Accepted for mount(8), which enters the namespace itself
    #[arg(short = 'N', value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Accepted for mount(8)
    #[arg(short = 't', value_name = "TYPE")]
    kind: Option<String>,
}

/// The arguments of `gptfs mount` equivalent to the arguments `words` from mount(8).
pub(super) fn words(words: Vec<OsString>) -> Result<Vec<OsString>, Refusal> {
    let helper = Helper::try_parse_from(words)?;
    let mut words: Vec<OsString> = vec!["gptfs".into(), "mount".into()];
    let switches = [("--fake", helper.fake), ("--sloppy", helper.sloppy), ("--verbose", helper.verbose)];
    words.extend(switches.into_iter().filter(|(_, on)| *on).map(|(word, _)| word.into()));
    for options in helper.options {
        words.extend(["-o".into(), options.into()]);
    }
    words.extend(["--".into(), helper.source.into(), helper.dir.into()]);
    Ok(words)
}

/// Mount options such as `tz=Europe/Berlin,allow_other` as long options of `command`. Underscores count as hyphens;
/// `\,` is a comma in a value. With `sloppy`, unknown options are ignored.
///
/// # Errors
/// `Usage` for an unknown option, and for a missing or unexpected value.
pub(super) fn expand<'a>(
    options: impl Iterator<Item = &'a String>,
    command: &Command,
    sloppy: bool,
) -> Result<Vec<OsString>> {
    let mut words = Vec::new();
    for option in options.flat_map(|options| split(options)) {
        let (key, value) = match option.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (option.as_str(), None),
        };
        if key.is_empty() || is_of_the_system(key) {
            continue;
        }
        let long = key.replace('_', "-");
        let arg = command.get_arguments().find(|arg| {
            arg.get_long() == Some(&long)
                && !arg.is_hide_set()
                && !matches!(arg.get_action(), ArgAction::Help)
        });
        let Some(arg) = arg else {
            if sloppy {
                continue;
            }
            return Err(usage(format!("-o {key}: unknown option; `gptfs mount --help` lists all")));
        };
        let is_switch = matches!(arg.get_action(), ArgAction::SetTrue);
        match (is_switch, value) {
            (true, value) => match value.map_or(Some(true), switch) {
                Some(true) => words.push(format!("--{long}").into()),
                Some(false) => words.push(format!("--{long}=false").into()),
                None => return Err(usage(format!("-o {key}: takes no value"))),
            },
            (false, Some(value)) => words.push(format!("--{long}={value}").into()),
            (false, None) => return Err(usage(format!("-o {key}: needs a value: {key}=…"))),
        }
    }
    Ok(words)
}

/// What the value of a switch means.
pub(super) fn switch(value: &str) -> Option<bool> {
    match value {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn is_of_the_system(key: &str) -> bool {
    key.starts_with("x-") || key.starts_with("X-") || SYSTEM_OPTIONS.contains(&key)
}

/// Splits at commas; a backslash escapes the next character.
fn split(options: &str) -> Vec<String> {
    let (mut parts, mut part, mut characters) = (Vec::new(), String::new(), options.chars());
    while let Some(c) = characters.next() {
        match c {
            '\\' => part.extend(characters.next()),
            ',' => parts.push(std::mem::take(&mut part)),
            c => part.push(c),
        }
    }
    parts.push(part);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::invocation::grammar;

    fn expanded(options: &str, sloppy: bool) -> Result<Vec<OsString>> {
        let command = grammar().find_subcommand("mount").expect("mount").clone();
        expand([options.to_owned()].iter(), &command, sloppy)
    }

    #[test]
    fn mount_options_are_the_long_options_and_those_of_the_system_are_ignored() {
        for (options, words) in [
            ("ro", &[][..]),
            ("rw,nosuid,nodev,noexec,relatime,user=ines,_netdev,x-systemd.automount,noauto", &[]),
            ("tz=Europe/Berlin,allow_other", &["--tz=Europe/Berlin", "--allow-other"]),
            ("ro,names-map=/a\\,b.toml,,times", &["--names-map=/a,b.toml", "--times"]),
            ("times=false,all=true", &["--times=false", "--all"]),
            ("max_size=1.5G", &["--max-size=1.5G"]),
        ] {
            assert_eq!(expanded(options, false).expect(options), words, "{options}");
        }
    }

    #[test]
    fn unknown_and_incomplete_mount_options_are_refused() {
        for options in ["uid=1000", "tz", "times=7", "fake", "help", "remount"] {
            assert!(expanded(options, false).is_err(), "{options}");
        }
        assert_eq!(expanded("uid=1000,times", true).expect("sloppy"), ["--times"]);
    }

    #[test]
    fn the_calls_of_mount_are_understood() {
        let call = |rest: &[&str]| {
            let arguments = ["/sbin/mount.gptfs"].iter().chain(rest).map(OsString::from).collect();
            words(arguments).map_err(|_| "refused").expect("understood")
        };
        assert_eq!(
            call(&["/a.zip", "/mnt", "-o", "rw"]),
            ["gptfs", "mount", "-o", "rw", "--", "/a.zip", "/mnt"]
        );
        assert_eq!(
            call(&["/a.zip", "/mnt", "-sfnv", "-o", "ro,tz=UTC", "-t", "fuse.gptfs"]),
            ["gptfs", "mount", "--fake", "--sloppy", "--verbose", "-o", "ro,tz=UTC", "--", "/a.zip", "/mnt"]
        );
        for name in ["mount.gptfs", "/sbin/mount.fuse.gptfs"] {
            assert!(is_called_as(OsStr::new(name)));
        }
        assert!(!is_called_as(OsStr::new("/usr/bin/gptfs")));
    }
}
