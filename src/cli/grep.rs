//! `grep`: searches an export with ripgrep's matcher and printers, without a mount and without writing anything.
//!
//! Lines, paths and exit codes are the same as those of `rg` in the mounted tree.

mod look;
mod pattern;
mod within;

use super::args::grep::{BranchChoice, Color, GrepArgs, OutputArgs};
use super::filter::refuse_paths;
use super::open;
use super::refusal::usage;
use super::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::render::Observer;
use crate::search::{self, Branches, Filter, SearchPlan, Sieve};
use grep_matcher::Matcher as _;
use grep_printer::Stats;
use look::{Look, Looker};
use std::io::{self, IsTerminal, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Searches, prints, and returns ripgrep's exit code: 0 with a match, 1 without, 2 after an error.
pub(super) fn grep(args: &GrepArgs) -> ExitCode {
    let searched = panic::catch_unwind(AssertUnwindSafe(|| searched(args)));
    match searched.unwrap_or_else(|_| Err(super::unexpected())) {
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
    refuse_paths(&sources, "grep searches")?;
    // Without a line terminator, the pattern tells lines within a text from lines by themselves.
    let sieve = (!look.inverts && matcher.line_terminator().is_some())
        .then(|| Sieve::new(|text| !matches!(matcher.find_candidate_line(text), Ok(None))));
    let observer = sieve.as_ref().map(|sieve| sieve as &dyn Observer);
    let open::Opened { index, fs, .. } = open::open_observed(&sources, &settings, observer)?;
    let begin = Instant::now();
    let mut plan = SearchPlan::new(&fs, &filter);
    if let Some(sieve) = &sieve {
        plan = plan.sifted(&fs, sieve);
    }
    if plan.conversations() == 0 && !args.filter.is_empty() {
        super::say(&args.filter.none(&filter, &fs.catalog().heads));
    }
    let mut out = Output { out: io::stdout().lock(), look: &look, printed: false };
    let mut total = look::Matches::default();
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
        super::print(|out| writeln!(out, "{}", json_summary(&total.stats, begin.elapsed())))?;
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
    /// These options as checked values.
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
            Color::Auto => super::wants_color(),
        };
        let prefix = match &self.mount {
            None => String::new(),
            Some(mount) => {
                let mount = mount.to_str();
                let mount = mount.ok_or_else(|| usage("--mount: use a path whose name is valid UTF-8"))?;
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
            stats: self.stats,
            prefix,
        })
    }
}

/// Standard output, with the separator between files.
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

/// A summary of the whole search.
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

/// The last message of ripgrep's JSON.
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
