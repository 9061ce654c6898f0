//! The options of `ls`, `recent`, `cat` and `info`.

use crate::cli::filter::FilterArgs;
use crate::cli::settings::{ReadingArgs, number};
use clap::{ArgAction, Args, ValueEnum, ValueHint};
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "Examples:\n  \
        gptfs ls export.zip\n  \
        gptfs ls -l export.zip 2024/02\n  \
        gptfs ls --starred --since 6m -t export.zip\n  \
        gptfs ls -R --json export.zip | jq -r .path\n  \
        gptfs ls -R export.zip .gptfs               what the mount does not list"
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct LsArgs {
    /// The export
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) source: PathBuf,
    /// Directories and files in the tree, such as 2024/05, "2024/0[1-3]" or "**/Trip*"
    #[arg(value_name = "PATH")]
    pub(in crate::cli) paths: Vec<String>,
    /// List everything below, one path per line
    #[arg(short = 'R', long)]
    pub(in crate::cli) recursive: bool,
    /// Add sizes and modification times
    #[arg(short)]
    pub(in crate::cli) long: bool,
    /// With -l, print sizes such as 1.2 MB
    #[arg(short = 'h')]
    pub(in crate::cli) human: bool,
    /// Include the unlisted directory `.gptfs`, and with --show-views `.ignore`
    #[arg(short = 'a')]
    pub(in crate::cli) unlisted: bool,
    /// One name per line, which is how it is always printed
    #[arg(short = '1')]
    pub(in crate::cli) one: bool,
    /// Order of each listing: by name, last change or beginning (both newest first), or size (largest first)
    #[arg(long, value_enum, default_value_t = SortChoice::Name, value_name = "ORDER")]
    pub(in crate::cli) sort: SortChoice,
    /// Newest first, as --sort=time
    #[arg(short = 't')]
    pub(in crate::cli) by_time: bool,
    /// Reverse the order
    #[arg(short, long)]
    pub(in crate::cli) reverse: bool,
    /// Print one JSON object per line: path, kind, size, created, modified, and id, title, models and turns of a chat
    #[arg(long, conflicts_with = "long")]
    pub(in crate::cli) json: bool,
    /// Print help
    #[arg(long, action = ArgAction::Help)]
    pub(in crate::cli) help: Option<bool>,
    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,
    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum SortChoice {
    Name,
    Time,
    Created,
    Size,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gptfs recent export.zip\n  \
    gptfs recent -n 5 --model \"gpt-5*\" export.zip\n  \
    gptfs recent -1 -n 1 export.zip              the path alone")]
pub(in crate::cli) struct RecentArgs {
    /// One or more exports
    #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) sources: Vec<PathBuf>,
    /// How many conversations
    #[arg(short = 'n', long, default_value_t = 20, value_name = "NUM", value_parser = number::<usize>)]
    pub(in crate::cli) count: usize,
    /// Print paths alone
    #[arg(short = '1')]
    pub(in crate::cli) one: bool,
    /// Print one JSON object per line
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,
    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gptfs cat export.zip \"2024/02/Trip to Lisbon.md\"\n  \
    gptfs cat export.zip .gptfs/problems.txt")]
pub(in crate::cli) struct CatArgs {
    /// The export
    #[arg(value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) source: PathBuf,
    /// Files in the tree, such as "2024/05/Trip to Lisbon.md"; .md may be left out, and wildcards are allowed
    #[arg(required = true, value_name = "PATH")]
    pub(in crate::cli) paths: Vec<String>,
    /// Print what is not text to a terminal too
    #[arg(long)]
    pub(in crate::cli) force: bool,
    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    gptfs info export.zip\n  \
    gptfs info --account export.zip\n  \
    gptfs info --json export.zip | jq .months")]
pub(in crate::cli) struct InfoArgs {
    /// One or more exports
    #[arg(required = true, value_name = "SOURCE", value_hint = ValueHint::AnyPath)]
    pub(in crate::cli) sources: Vec<PathBuf>,
    /// Print what the export says about its account: address, settings, memories
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) account: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(in crate::cli) json: bool,
    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}
