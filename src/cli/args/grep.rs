//! The options of `grep`: ripgrep's, and those that say where to look.

use crate::cli::filter::FilterArgs;
use crate::cli::settings::{ReadingArgs, number};
use crate::conversation::Role;
use crate::render::SpeechKind;
use clap::{Args, ValueEnum};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct GrepArgs {
    /// A regular expression (none with -e or -f), then one or more exports
    #[arg(value_names = ["PATTERN", "SOURCE"], num_args = 1.., required = true)]
    pub(in crate::cli) words: Vec<OsString>,
    #[command(flatten)]
    pub(in crate::cli) matching: PatternArgs,
    #[command(flatten)]
    pub(in crate::cli) output: OutputArgs,
    #[command(flatten)]
    pub(in crate::cli) filter: FilterArgs,
    /// Search the branches too, not at all, or nothing else
    #[arg(long, value_enum, default_value_t = BranchChoice::Yes, help_heading = "Conversations")]
    pub(in crate::cli) branches: BranchChoice,
    /// Search only what was said by the user, the assistant, or a tool
    #[arg(long, value_enum, value_name = "ROLE", value_delimiter = ',', help_heading = "Conversations")]
    pub(in crate::cli) role: Vec<RoleChoice>,
    /// Search only this kind of content
    #[arg(
        long = "in",
        value_enum,
        value_name = "KIND",
        value_delimiter = ',',
        help_heading = "Conversations"
    )]
    pub(in crate::cli) kinds: Vec<KindChoice>,
    #[command(flatten)]
    pub(in crate::cli) reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum BranchChoice {
    Yes,
    No,
    Only,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum RoleChoice {
    User,
    Assistant,
    Tool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(in crate::cli) enum KindChoice {
    Text,
    Code,
    Thinking,
    Canvas,
}

impl RoleChoice {
    pub(in crate::cli) fn role(self) -> Role {
        match self {
            Self::User => Role::User,
            Self::Assistant => Role::Assistant,
            Self::Tool => Role::Tool,
        }
    }
}

impl KindChoice {
    pub(in crate::cli) fn kind(self) -> SpeechKind {
        match self {
            Self::Text => SpeechKind::Text,
            Self::Code => SpeechKind::Code,
            Self::Thinking => SpeechKind::Thinking,
            Self::Canvas => SpeechKind::Canvas,
        }
    }
}

/// What to print about matches.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct OutputArgs {
    /// Print only the paths of files with a match
    #[arg(short = 'l', long)]
    pub(in crate::cli) files_with_matches: bool,
    /// Print only the paths of files without a match
    #[arg(short = 'L', long, conflicts_with = "files_with_matches")]
    pub(in crate::cli) files_without_match: bool,
    /// Print only how many lines match, for each file with any
    #[arg(short, long)]
    pub(in crate::cli) count: bool,
    /// Print only how many matches there are, for each file with any
    #[arg(long)]
    pub(in crate::cli) count_matches: bool,
    /// Print only the matches themselves, each on a line
    #[arg(short, long)]
    pub(in crate::cli) only_matching: bool,
    /// Print nothing; the exit code says whether there is a match
    #[arg(short, long)]
    pub(in crate::cli) quiet: bool,
    /// Print line numbers [default: on a terminal]
    #[arg(short = 'n', long, overrides_with = "no_line_number")]
    pub(in crate::cli) line_number: bool,
    /// Print no line numbers
    #[arg(short = 'N', long, overrides_with = "line_number")]
    pub(in crate::cli) no_line_number: bool,
    /// Print this many lines after each match
    #[arg(short = 'A', long, value_name = "NUM", value_parser = number::<usize>)]
    pub(in crate::cli) after_context: Option<usize>,
    /// Print this many lines before each match
    #[arg(short = 'B', long, value_name = "NUM", value_parser = number::<usize>)]
    pub(in crate::cli) before_context: Option<usize>,
    /// Print this many lines before and after each match
    #[arg(short = 'C', long, value_name = "NUM", value_parser = number::<usize>)]
    pub(in crate::cli) context: Option<usize>,
    /// Stop in each file after this many lines with a match
    #[arg(short, long, value_name = "NUM", value_parser = number::<u64>)]
    pub(in crate::cli) max_count: Option<u64>,
    /// Print each path once, above its lines [default: on a terminal]
    #[arg(long, overrides_with = "no_heading")]
    pub(in crate::cli) heading: bool,
    /// Print the path on each line
    #[arg(long, overrides_with = "heading")]
    pub(in crate::cli) no_heading: bool,
    /// Print paths, the default
    #[arg(short = 'H', long, overrides_with = "no_filename")]
    pub(in crate::cli) with_filename: bool,
    /// Print no paths
    #[arg(long, overrides_with = "with_filename")]
    pub(in crate::cli) no_filename: bool,
    /// Use colour: on a terminal, always, or never
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub(in crate::cli) color: Color,
    /// Print JSON Lines in ripgrep's format
    #[arg(long, conflicts_with_all = ["files_with_matches", "files_without_match", "count", "count_matches", "only_matching"])]
    pub(in crate::cli) json: bool,
    /// End each path with a NUL byte
    #[arg(short = '0', long)]
    pub(in crate::cli) null: bool,
    /// Add a summary on standard error
    #[arg(long)]
    pub(in crate::cli) stats: bool,
    /// Print paths below this mountpoint of the same export, as links on a terminal
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) mount: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Color {
    Auto,
    Always,
    Never,
}

/// How the patterns match.
#[derive(Debug, Args)]
#[command(next_help_heading = "Matching")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(in crate::cli) struct PatternArgs {
    /// A pattern; may be given several times, and any of them matches
    #[arg(short = 'e', long = "regexp", value_name = "PATTERN", allow_hyphen_values = true)]
    pub(in crate::cli) regexps: Vec<String>,
    /// A file of patterns, one a line; `-` for standard input
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// Take patterns as text, not as regular expressions
    #[arg(short = 'F', long)]
    pub(in crate::cli) fixed_strings: bool,
    /// Ignore case
    #[arg(short, long, overrides_with_all = ["smart_case", "case_sensitive"])]
    pub(in crate::cli) ignore_case: bool,
    /// Ignore case unless a pattern has a capital letter
    #[arg(short = 'S', long, overrides_with_all = ["ignore_case", "case_sensitive"])]
    pub(in crate::cli) smart_case: bool,
    /// Mind case, the default
    #[arg(short = 's', long, overrides_with_all = ["ignore_case", "smart_case"])]
    pub(in crate::cli) case_sensitive: bool,
    /// Match whole words only
    #[arg(short, long, overrides_with = "line_regexp")]
    pub(in crate::cli) word_regexp: bool,
    /// Match whole lines only
    #[arg(short = 'x', long, overrides_with = "word_regexp")]
    pub(in crate::cli) line_regexp: bool,
    /// Find the lines that don't match
    #[arg(short = 'v', long)]
    pub(in crate::cli) invert_match: bool,
    /// Search attachments as text even if they look binary
    #[arg(short = 'a', long)]
    pub(in crate::cli) text: bool,
}
