//! `grep`: searches an export with ripgrep's matcher and printers, without a mount and without writing anything.
//!
//! Lines, paths and exit codes are those of `rg` in the mounted tree.

mod look;
mod pattern;
mod within;

use super::filter::FilterArgs;
use super::open;
use super::settings::{ReadingArgs, Settings};
use crate::conversation::Role;
use crate::error::{Error, ErrorKind, Result};
use crate::render::SpeechKind;
use crate::search::{self, Branches, Filter, SearchPlan};
use clap::{Args, ValueEnum};
use grep_printer::Stats;
use look::{Look, Looker};
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct GrepArgs {
    /// A regular expression (none with -e or -f), then one or more exports
    #[arg(value_names = ["PATTERN", "SOURCE"], num_args = 1.., required = true)]
    words: Vec<OsString>,
    #[command(flatten)]
    matching: pattern::PatternArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    filter: FilterArgs,
    /// Search branches that were left: as well, not at all, or only them
    #[arg(long, value_enum, default_value_t = BranchChoice::Yes, help_heading = "Conversations")]
    branches: BranchChoice,
    /// Search only what was said by the user, the assistant, or a tool
    #[arg(long, value_enum, value_name = "ROLE", value_delimiter = ',', help_heading = "Conversations")]
    role: Vec<RoleChoice>,
    /// Search only this kind of content
    #[arg(
        long = "in",
        value_enum,
        value_name = "KIND",
        value_delimiter = ',',
        help_heading = "Conversations"
    )]
    kinds: Vec<KindChoice>,
    #[command(flatten)]
    reading: ReadingArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum BranchChoice {
    Yes,
    No,
    Only,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleChoice {
    User,
    Assistant,
    Tool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum KindChoice {
    Text,
    Code,
    Thinking,
    Canvas,
}

impl RoleChoice {
    fn role(self) -> Role {
        match self {
            Self::User => Role::User,
            Self::Assistant => Role::Assistant,
            Self::Tool => Role::Tool,
        }
    }
}

impl KindChoice {
    fn kind(self) -> SpeechKind {
        match self {
            Self::Text => SpeechKind::Text,
            Self::Code => SpeechKind::Code,
            Self::Thinking => SpeechKind::Thinking,
            Self::Canvas => SpeechKind::Canvas,
        }
    }
}

/// What is printed of what was found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct OutputArgs {
    /// Print only the paths of files with a match
    #[arg(short = 'l', long)]
    files_with_matches: bool,
    /// Print only the paths of files without a match
    #[arg(short = 'L', long, conflicts_with = "files_with_matches")]
    files_without_match: bool,
    /// Print only how many lines match, for each file with any
    #[arg(short, long)]
    count: bool,
    /// Print only how many matches there are, for each file with any
    #[arg(long)]
    count_matches: bool,
    /// Print only the matches themselves, each on a line
    #[arg(short, long)]
    only_matching: bool,
    /// Print nothing; the exit code says whether there is a match
    #[arg(short, long)]
    quiet: bool,
    /// Print line numbers [default: on a terminal]
    #[arg(short = 'n', long, overrides_with = "no_line_number")]
    line_number: bool,
    /// Print no line numbers
    #[arg(short = 'N', long, overrides_with = "line_number")]
    no_line_number: bool,
    /// Print this many lines after each match
    #[arg(short = 'A', long, value_name = "NUM")]
    after_context: Option<usize>,
    /// Print this many lines before each match
    #[arg(short = 'B', long, value_name = "NUM")]
    before_context: Option<usize>,
    /// Print this many lines before and after each match
    #[arg(short = 'C', long, value_name = "NUM")]
    context: Option<usize>,
    /// Stop in each file after this many lines with a match
    #[arg(short, long, value_name = "NUM")]
    max_count: Option<u64>,
    /// Print each path once, above its lines [default: on a terminal]
    #[arg(long, overrides_with = "no_heading")]
    heading: bool,
    /// Print the path on each line
    #[arg(long, overrides_with = "heading")]
    no_heading: bool,
    /// Print no paths
    #[arg(long)]
    no_filename: bool,
    /// Use colour: on a terminal, always, or never
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Print JSON Lines in ripgrep's format
    #[arg(long, conflicts_with_all = ["files_with_matches", "files_without_match", "count", "count_matches", "only_matching"])]
    json: bool,
    /// End each path with a NUL byte
    #[arg(short = '0', long)]
    null: bool,
    /// Add a summary on standard error
    #[arg(long)]
    stats: bool,
    /// Print paths below this mountpoint of the same export, as links on a terminal
    #[arg(long, value_name = "DIR")]
    mount: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

/// Searches, prints, and returns ripgrep's exit code: 0 with a match, 1 without, 2 after an error.
pub(super) fn grep(args: &GrepArgs) -> ExitCode {
    match searched(args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            super::say(&error);
            ExitCode::from(2)
        }
    }
}

/// True if there was a match.
fn searched(args: &GrepArgs) -> Result<bool> {
    let (patterns, sources) = args.matching.patterns(&args.words)?;
    let matcher = args.matching.matcher(&patterns)?;
    let settings = Settings::new(&args.reading)?;
    let filter = Filter {
        branches: match args.branches {
            BranchChoice::Yes => Branches::Yes,
            BranchChoice::No => Branches::No,
            BranchChoice::Only => Branches::Only,
        },
        roles: args.role.iter().map(|role| role.role()).collect(),
        kinds: args.kinds.iter().map(|kind| kind.kind()).collect(),
        ..args.filter.filter(&settings.index.render)?
    };
    let look = args.output.look(args.matching.inverts(), args.matching.takes_text())?;
    let open::Opened { index, fs } = open::open(&sources, &settings)?;
    let begin = Instant::now();
    let plan = SearchPlan::new(&fs, &filter);
    let mut out = Output { out: io::stdout().lock(), look: &look, printed: false };
    let mut total = look::Found::default();
    let mut failed = None;
    let mut written = Ok(());
    let looker = || Looker::new(&look, matcher.clone());
    search::run(&fs, &*index, &plan, &filter, settings.index.jobs, looker, |answered| {
        for failure in answered.failures.into_iter().chain(answered.answer.failures) {
            if let Some(earlier) = failed.replace(failure) {
                super::say(&earlier);
            }
        }
        total.stats += &answered.answer.stats;
        total.matched |= answered.answer.matched;
        written = out.write(&answered.answer.files);
        written.is_ok() && !(total.matched && look.is_quiet())
    });
    drop(out);
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(total.matched),
        Err(error) => return Err(Error::new(ErrorKind::Environment, "standard output").caused_by(error)),
        Ok(()) => {}
    }
    if args.output.json {
        let written = super::print(|out| writeln!(out, "{}", json_summary(&total.stats, begin.elapsed())));
        written?;
    }
    if args.output.stats {
        super::say(&summary(&plan, &total.stats, begin));
    }
    match failed {
        Some(error) if !(total.matched && look.is_quiet()) => Err(error),
        _ => Ok(total.matched),
    }
}

impl OutputArgs {
    /// These words as checked values.
    fn look(&self, inverts: bool, takes_text: bool) -> Result<Look> {
        let is_terminal = io::stdout().is_terminal();
        let mode = if self.quiet {
            look::Mode::Quiet
        } else if self.files_with_matches {
            look::Mode::PathsWithMatch
        } else if self.files_without_match {
            look::Mode::PathsWithoutMatch
        } else if self.count_matches || self.count && self.only_matching {
            look::Mode::CountMatches
        } else if self.count {
            look::Mode::Count
        } else if self.json {
            look::Mode::Json
        } else {
            look::Mode::Lines { only_matching: self.only_matching }
        };
        let color = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
                    || std::env::var_os("TERM").is_none_or(|term| term == "dumb");
                is_terminal && !refused
            }
        };
        let prefix = match &self.mount {
            None => String::new(),
            Some(mount) => {
                let mount = mount.to_str().ok_or_else(|| {
                    Error::new(ErrorKind::Usage, "--mount: use a path whose name is valid UTF-8")
                })?;
                format!("{}/", mount.trim_end_matches('/'))
            }
        };
        Ok(Look {
            mode,
            inverts,
            takes_text,
            color,
            safe: is_terminal,
            line_numbers: self.line_number || is_terminal && !self.no_line_number,
            heading: self.heading || is_terminal && !self.no_heading,
            path: !self.no_filename,
            null: self.null,
            before: self.before_context.or(self.context).unwrap_or(0),
            after: self.after_context.or(self.context).unwrap_or(0),
            most: self.max_count,
            links: self.mount.is_some() && color,
            prefix,
        })
    }
}

/// Standard output, with what goes between files.
struct Output<'l, W> {
    out: W,
    look: &'l Look,
    printed: bool,
}

impl<W: Write> Output<'_, W> {
    fn write(&mut self, files: &[Vec<u8>]) -> io::Result<()> {
        for file in files {
            if std::mem::replace(&mut self.printed, true) {
                self.out.write_all(self.look.separator())?;
            }
            self.out.write_all(file)?;
        }
        if files.is_empty() { Ok(()) } else { self.out.flush() }
    }
}

/// One line about the whole search.
fn summary(plan: &SearchPlan, stats: &Stats, begin: Instant) -> String {
    format!(
        "{} in {} of {}; {} in {} searched, {:.1} MB in {:.2} s",
        super::counted(stats.matches(), "match", "matches"),
        super::counted(stats.matched_lines(), "line", "lines"),
        super::counted(stats.searches_with_match(), "file", "files"),
        super::counted(plan.files(), "file", "files"),
        super::counted(plan.conversations() as u64, "conversation", "conversations"),
        stats.bytes_searched() as f64 / 1e6,
        begin.elapsed().as_secs_f64(),
    )
}

/// The message that ends ripgrep's JSON.
fn json_summary(stats: &Stats, total: Duration) -> String {
    let duration = |time: Duration| {
        format!(
            r#"{{"secs":{},"nanos":{},"human":"{:.6}s"}}"#,
            time.as_secs(),
            time.subsec_nanos(),
            time.as_secs_f64()
        )
    };
    format!(
        r#"{{"type":"summary","data":{{"elapsed_total":{},"stats":{{"elapsed":{},"searches":{},"searches_with_match":{},"bytes_searched":{},"bytes_printed":{},"matched_lines":{},"matches":{}}}}}}}"#,
        duration(total),
        duration(stats.elapsed()),
        stats.searches(),
        stats.searches_with_match(),
        stats.bytes_searched(),
        stats.bytes_printed(),
        stats.matched_lines(),
        stats.matches(),
    )
}
