//! What the command line may say: commands, options, and their help.

use crate::error::{Error, ErrorKind, Result};
use crate::render;
use crate::time::Zone;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "gptfs",
    version,
    about = "Read your ChatGPT data export as a tree of Markdown files",
    long_about = "Read your ChatGPT data export as a tree of Markdown files: year/month/title.md\n\n\
        SOURCE is the ZIP that ChatGPT sent (any era, re-zipped or not), a folder that holds an unpacked export or \
        several ZIPs, one part of an export in several parts, or a bare conversations.json. Nothing is unpacked, \
        nothing is changed, and nothing leaves this machine.",
    after_help = "Exit codes: 0 done, 1 unexpected, 2 usage, 3 not an export that gptfs can read, 4 damaged,\n\
        5 over a limit, 6 environment (mount point, FUSE, space, permission), 130 interrupted.",
    disable_help_subcommand = true
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Mount an export as a read-only directory
    Mount(MountArgs),
    /// Unmount a directory; also clears a dead mount
    #[command(visible_alias = "umount")]
    Unmount {
        /// The mount point
        dir: PathBuf,
    },
    /// List what the mount would show (needs no FUSE)
    Ls(LsArgs),
    /// Print files that the mount would show (needs no FUSE)
    Cat(CatArgs),
    /// Write the whole tree as plain files, times included (needs no FUSE)
    Export(ExportArgs),
    /// Say what is in an export: its form, counts, dates, models
    Info(InfoArgs),
    /// List the saved indexes that make a second mount immediate, or clear them
    Cache(CacheArgs),
}

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct MountArgs {
    /// What to mount, and at last where: SOURCE… DIR
    #[arg(value_names = ["SOURCE", "DIR"], num_args = 2.., required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
    /// Stay in the foreground
    #[arg(short, long)]
    pub(super) foreground: bool,
    /// Return as soon as the directory is mounted; listings wait until the export is read
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Mount over a directory that is not empty, hiding what is in it
    #[arg(long)]
    pub(super) non_empty: bool,
    /// Let other users read the mount
    #[arg(long)]
    pub(super) allow_other: bool,
}

#[derive(Debug, Args)]
pub(super) struct LsArgs {
    /// The export
    pub(super) source: PathBuf,
    /// A directory or file inside the tree, such as 2024/05
    pub(super) path: Option<String>,
    /// List everything below, one path a line
    #[arg(short = 'R', long)]
    pub(super) recursive: bool,
    /// Add size and time of the last change
    #[arg(short)]
    pub(super) long: bool,
    /// One JSON object a line, with path, kind, size, created and modified
    #[arg(long, conflicts_with = "long")]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct CatArgs {
    /// The export
    pub(super) source: PathBuf,
    /// Files inside the tree, such as "2024/05/Trip to Lisbon.md"
    #[arg(required = true)]
    pub(super) paths: Vec<String>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// What to write, and at last where: SOURCE… DIR
    #[arg(value_names = ["SOURCE", "DIR"], num_args = 2.., required = true)]
    pub(super) paths: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct InfoArgs {
    /// The export
    #[arg(required = true)]
    pub(super) sources: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct CacheArgs {
    /// Remove them all
    #[arg(long)]
    pub(super) clear: bool,
}

/// How an export is read; the same words for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Reading")]
pub(super) struct ReadingArgs {
    /// Time zone of dates and of year/month, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE")]
    tz: Option<String>,
    /// What becomes of the model's thinking
    #[arg(long, value_enum, default_value_t = Thinking::Fold)]
    thinking: Thinking,
    /// What becomes of headings in messages: moved down two levels, or kept as they are
    #[arg(long, value_enum, default_value_t = Headings::Shift)]
    headings: Headings,
    /// Add the time to the heading of every turn
    #[arg(long)]
    times: bool,
    /// Show what ChatGPT hides (instructions, memory, search chatter, tool calls) in folded blocks
    #[arg(long)]
    all: bool,
    /// A TOML or JSON file of names for the ids of GPTs and projects: "g-p-…" = "House", or {"g-p-…": "House"}
    #[arg(long, value_name = "FILE")]
    names_map: Option<PathBuf>,
    /// Refuse exports that inflate to more than this
    #[arg(long, value_name = "SIZE", default_value = "16G", value_parser = size)]
    pub(super) max_size: u64,
    /// Show conversations of more JSON than this only as a note
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size)]
    pub(super) max_conversation: u64,
    /// Threads that read the export [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) jobs: Option<u16>,
    /// Neither use nor save an index in ~/.cache/gptfs
    #[arg(long)]
    pub(super) no_cache: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Thinking {
    Show,
    Fold,
    Hide,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Headings {
    Shift,
    Keep,
}

impl ReadingArgs {
    /// These words as checked rendering options.
    ///
    /// # Errors
    /// `Usage` for an unknown zone or an unusable names map.
    pub(super) fn rendering(&self) -> Result<render::Options> {
        let zone = self.tz.as_deref().map_or_else(|| Ok(Zone::system()), Zone::named)?;
        let mut options = render::Options::new(zone);
        options.thinking = match self.thinking {
            Thinking::Show => render::Thinking::Show,
            Thinking::Fold => render::Thinking::Fold,
            Thinking::Hide => render::Thinking::Hide,
        };
        options.headings = match self.headings {
            Headings::Shift => render::Headings::Shift,
            Headings::Keep => render::Headings::Keep,
        };
        options.times = self.times;
        options.all = self.all;
        if let Some(file) = &self.names_map {
            let bytes = std::fs::read(file).map_err(|error| Error::io(file.display(), error))?;
            options.names = crate::format::names::read(&bytes).map_err(|reason| {
                Error::new(
                    ErrorKind::Usage,
                    format!("--names-map: must be TOML or JSON of ids and names: {reason}"),
                )
                .within(file.display())
            })?;
        }
        Ok(options)
    }
}

/// A size such as `500M`, `16GiB` or `1048576`, in bytes; units are powers of 1,024.
fn size(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("use a number with K, M, G or T".to_owned()),
    };
    let number: u64 = digits.parse().map_err(|_| "use a number such as 500M or 16G".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units() {
        for (text, bytes) in
            [("0", 0), ("123", 123), ("4k", 4096), ("500M", 500 << 20), ("16GiB", 16 << 30), ("1T", 1 << 40)]
        {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "1.5G", "-1", "99999999999T", "3 apples"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
