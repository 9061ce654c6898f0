//! `doctor`: what mounting requires of this machine, what is missing, and what to do about it.

use super::args::CommonArgs;
use super::config;
use super::invocation::grammar;
use crate::error::{Error, ErrorKind, Result};
use crate::format::scan::Level;
use crate::fuse::mount::device;
use crate::index::IndexCache;
use crate::text::{printable, size};
use std::io;

/// What the line about the configuration file begins with.
const CONFIGURATION: &str = "configuration";

/// One line of the report.
struct Finding {
    what: &'static str,
    is_well: bool,
    text: String,
}

impl Finding {
    fn well(what: &'static str, text: impl Into<String>) -> Self {
        Self { what, is_well: true, text: text.into() }
    }

    fn from(what: &'static str, found: Result<String>) -> Self {
        match found {
            Ok(text) => Self::well(what, text),
            Err(error) => Self { what, is_well: false, text: error.to_string() },
        }
    }
}

/// Prints the report.
///
/// # Errors
/// `Environment` if a requirement is missing.
pub(super) fn doctor(common: &CommonArgs) -> Result<()> {
    let findings = findings(common);
    super::print(|out| {
        findings.iter().try_for_each(|Finding { what, is_well, text }| {
            let mark = if *is_well { "ok" } else { "!!" };
            writeln!(out, "{mark}  {what:<13} {}", printable(text))
        })
    })?;
    let ailing: Vec<_> = findings.iter().filter(|finding| !finding.is_well).collect();
    if ailing.is_empty() {
        return Ok(());
    }
    let (count, verb) = (ailing.len(), if ailing.len() == 1 { "needs" } else { "need" });
    let anyway = if ailing.iter().any(|finding| finding.what == CONFIGURATION) {
        "with --no-config, gptfs ls, cat and export work anyway"
    } else {
        "gptfs ls, cat and export work anyway"
    };
    Err(Error::new(ErrorKind::Environment, format!("{count} of these {verb} attention; {anyway}")))
}

fn findings(common: &CommonArgs) -> Vec<Finding> {
    let commit = option_env!("GPTFS_COMMIT").map(|commit| format!(", commit {commit}")).unwrap_or_default();
    vec![
        Finding::well(
            "version",
            format!("{}{commit}, for {}", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH),
        ),
        Finding::from("FUSE device", device::examine_device()),
        Finding::from("fusermount3", device::examine_helper()),
        Finding::well("allow_other", allow_other()),
        Finding::from("kernel", kernel()),
        Finding::well("open files", limit("Max open files")),
        Finding::well("processes", limit("Max processes")),
        Finding::well("cache", cache()),
        Finding::from(CONFIGURATION, config::examine(common, &grammar())),
        Finding::well("processor", format!("{} threads, reads JSON by {}", threads(), Level::best().name())),
    ]
}

fn allow_other() -> String {
    if device::are_others_allowed() {
        "--allow-other can be used".to_owned()
    } else {
        "--allow-other is for root only, until root adds the line user_allow_other to /etc/fuse.conf"
            .to_owned()
    }
}

fn kernel() -> Result<String> {
    let systems = std::fs::read_to_string("/proc/filesystems")
        .map_err(|error| Error::io("/proc/filesystems", error))?;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    if systems.lines().any(|line| line.split_whitespace().next_back() == Some("fuse")) {
        return Ok(format!("{} knows fuse", release.trim()));
    }
    let reason = format!("{} doesn't know fuse; load it with `modprobe fuse`", release.trim());
    Err(Error::new(ErrorKind::Environment, reason))
}

/// The soft limit of this process by its name in `/proc/self/limits`.
fn limit(name: &str) -> String {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix(name));
    let soft = line.and_then(|rest| rest.split_whitespace().next()).unwrap_or("unknown");
    format!("{soft} at most")
}

fn cache() -> String {
    let Some(cache) = IndexCache::of_user() else {
        return "none: neither XDG_CACHE_HOME nor HOME is set, so a second mount is as slow as the first"
            .to_owned();
    };
    let dir = cache.dir().display().to_string();
    let refused = cache.check().err().filter(|error| error.kind() != io::ErrorKind::NotFound);
    match refused.map_or_else(|| cache.items(), |error| Err(Error::io(&dir, error))) {
        Ok(items) => {
            let bytes: u64 = items.iter().map(|item| item.bytes).sum();
            format!("{dir}: {} saved, {}", items.len(), size(bytes))
        }
        Err(error) => format!("{error}; a second mount is as slow as the first"),
    }
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
