//! The grammar of the command line: commands, their arguments, and their help.

use super::settings::ReadingArgs;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "gptfs",
    version,
    about = "Read your ChatGPT data export as a tree of Markdown files",
    long_about = "Read your ChatGPT data export as a tree of Markdown files: year/month/title.md\n\n\
        SOURCE is the ZIP that ChatGPT sent (of any year, re-zipped or not), a folder with an unpacked export or \
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
        /// The mountpoint
        dir: PathBuf,
    },
    /// List what the mount would show (needs no FUSE)
    Ls(LsArgs),
    /// Print files that the mount would show (needs no FUSE)
    Cat(CatArgs),
    /// Search an export as ripgrep would search the mount (needs no FUSE)
    #[command(override_usage = "gptfs grep [OPTIONS] PATTERN SOURCE…")]
    Grep(Box<super::grep::GrepArgs>),
    /// Write the whole tree as plain files, times included (needs no FUSE)
    Export(ExportArgs),
    /// Summarize an export: its form, counts, dates, models
    Info(InfoArgs),
    /// List or clear the saved indexes that make a second mount fast
    Cache(CacheArgs),
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct MountArgs {
    /// One or more exports, then the directory to mount them on
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
    /// Mount on a directory that is not empty, hiding its files
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
    /// A directory or file in the tree, such as 2024/05
    pub(super) path: Option<String>,
    /// List everything below it, one path per line
    #[arg(short = 'R', long)]
    pub(super) recursive: bool,
    /// Add sizes and modification times
    #[arg(short)]
    pub(super) long: bool,
    /// Print one JSON object per line: path, kind, size, created, modified
    #[arg(long, conflicts_with = "long")]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct CatArgs {
    /// The export
    pub(super) source: PathBuf,
    /// Files in the tree, such as "2024/05/Trip to Lisbon.md"
    #[arg(required = true)]
    pub(super) paths: Vec<String>,
    #[command(flatten)]
    pub(super) reading: ReadingArgs,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// One or more exports, then the directory to write to
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
    /// Remove all of them
    #[arg(long)]
    pub(super) clear: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}
