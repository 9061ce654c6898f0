//! The options for reading an export, and the checked values they become.
//!
//! Every command that opens an export takes [`ReadingArgs`] and turns them into [`Settings`] once, before it does
//! anything else.

use super::refusal::usage;
use crate::archive::Limits;
use crate::error::{Error, Result};
use crate::format::names;
use crate::index::{IndexCache, IndexOptions};
use crate::render;
use crate::time::Zone;
use clap::{Args, ValueEnum, ValueHint};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The help heading of these options.
pub(super) const READING: &str = "Reading";

/// How to read an export; the same options for every command.
#[derive(Debug, Args)]
#[command(next_help_heading = READING)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(super) struct ReadingArgs {
    /// Time zone of dates and of year/month, such as Europe/Berlin [default: the system's]
    #[arg(long, value_name = "ZONE", value_parser = zone)]
    tz: Option<Zone>,
    /// How to show the model's thinking
    #[arg(long, value_enum, default_value_t = ThinkingArg::Fold)]
    thinking: ThinkingArg,
    /// Move headings in messages below the turn headings, or keep them as they are
    #[arg(long, value_enum, default_value_t = HeadingsArg::Shift)]
    headings: HeadingsArg,
    /// Write formulas of answers between dollar signs, as editors read them, or keep \(…\) and \[…\]
    #[arg(long, value_enum, default_value_t = MathArg::Dollars)]
    math: MathArg,
    /// Add the time to the heading of every turn
    #[arg(long)]
    times: bool,
    /// Put the day before each title: "11 Trip to Lisbon.md"
    #[arg(long)]
    dates: bool,
    /// List by-id/, by-model/ and the other views that are links, with a .ignore that keeps searching programs out of them
    #[arg(long)]
    show_views: bool,
    /// Show what ChatGPT hides (instructions, memory, search results, tool calls) in folded blocks
    #[arg(long)]
    all: bool,
    /// A TOML or JSON file that names GPTs and projects by id: "g-p-…" = "House", or {"g-p-…": "House"}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    names_map: Option<PathBuf>,
    /// Refuse an export that inflates to more than this
    #[arg(long, value_name = "SIZE", default_value = "16G", value_parser = size)]
    max_size: u64,
    /// Unpack ZIPs inside a ZIP to $TMPDIR only up to this size [default: 64M and four times the outer file]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_unpacked: Option<u64>,
    /// Read a ZIP that has lost its directory, as after an interrupted download, as far as it goes
    #[arg(long)]
    recover: bool,
    /// Replace a conversation with more JSON than this by a note
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = size)]
    max_conversation: u64,
    /// Memory for conversations while they are rendered, and for pages and decoded data that may be needed again
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size)]
    memory: u64,
    /// Threads that read the export [default: one per core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Neither use nor save an index in ~/.cache/gptfs
    #[arg(long)]
    no_cache: bool,
    /// Say on standard error what is read, from where, and how long it takes
    #[arg(long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ThinkingArg {
    Show,
    Fold,
    Hide,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum HeadingsArg {
    Shift,
    Keep,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum MathArg {
    Dollars,
    Keep,
}

/// [`ReadingArgs`] with every value checked and every file they name read.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// How to index and render the export.
    pub(super) index: IndexOptions,
    /// Limits on the resources an archive may use.
    pub(super) limits: Limits,
    /// Size of the page cache in bytes. The rest of `--memory` is for conversations while they are rendered.
    pub(super) page_bytes: u64,
    /// Where indexes are saved; `None` to save none.
    pub(super) cache: Option<IndexCache>,
    /// The day is before each title.
    pub(super) dates: bool,
    /// Views that are links are listed at the root.
    pub(super) show_views: bool,
    /// The names map, to report which of its ids no conversation has.
    pub(super) names_map: Option<PathBuf>,
    /// Report what is read and how long it takes.
    pub(super) verbose: bool,
}

impl Settings {
    /// Checks `args`.
    ///
    /// # Errors
    /// `Usage` for a malformed names map, `Environment` for one that can't be read.
    pub(super) fn new(args: &ReadingArgs) -> Result<Self> {
        let zone = args.tz.clone().unwrap_or_else(Zone::system);
        let mut render = render::Options::new(zone);
        render.thinking = match args.thinking {
            ThinkingArg::Show => render::Thinking::Show,
            ThinkingArg::Fold => render::Thinking::Fold,
            ThinkingArg::Hide => render::Thinking::Hide,
        };
        render.headings = match args.headings {
            HeadingsArg::Shift => render::Headings::Shift,
            HeadingsArg::Keep => render::Headings::Keep,
        };
        render.math = match args.math {
            MathArg::Dollars => render::Math::Dollars,
            MathArg::Keep => render::Math::Keep,
        };
        render.times = args.times;
        render.all = args.all;
        if let Some(file) = &args.names_map {
            render.names = read_names(file)?;
        }
        let mut index = IndexOptions::new(render);
        if let Some(jobs) = args.jobs {
            index.jobs = jobs.into();
        }
        index.max_conversation = usize::try_from(args.max_conversation).unwrap_or(usize::MAX);
        Ok(Self {
            index,
            limits: Limits {
                max_bytes: args.max_size,
                span_bytes: usize::try_from(args.memory / 16 * 3).unwrap_or(usize::MAX),
                max_unpacked: args.max_unpacked,
                recover: args.recover,
                ..Limits::default()
            },
            page_bytes: args.memory / 8 * 3,
            cache: if args.no_cache { None } else { IndexCache::of_user() },
            dates: args.dates,
            show_views: args.show_views,
            names_map: args.names_map.clone(),
            verbose: args.verbose,
        })
    }

    /// The time zone of everything shown.
    pub(super) fn zone(&self) -> &Zone {
        &self.index.render.zone
    }
}

fn read_names(file: &Path) -> Result<std::collections::HashMap<String, String>> {
    let bytes = std::fs::read(file).map_err(|error| Error::io(file.display(), error).within("names-map"))?;
    names::read(&bytes).map_err(|reason| {
        let reason = format!("a names map must be TOML or JSON of ids and names: {reason}");
        usage(reason).within(file.display())
    })
}

fn zone(text: &str) -> std::result::Result<Zone, String> {
    Zone::named(text).map_err(|error| error.to_string())
}

/// A whole number.
pub(super) fn number<N: FromStr>(text: &str) -> std::result::Result<N, String> {
    text.parse().map_err(|_| "must be a whole number".to_owned())
}

/// A size such as `500M`, `1.5G`, `16GiB` or `1048576`, in bytes. Units are powers of 1,024.
fn size(text: &str) -> std::result::Result<u64, String> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.get(number.len()..).unwrap_or_default().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err("use a number with K, M, G or T".to_owned()),
    };
    let malformed = || "use a number such as 500M, 1.5G or 16G".to_owned();
    let too_large = || "too large".to_owned();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Nine digits are exact to about a byte even for G.
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(malformed());
    }
    let unit = 1_u64 << shift;
    let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(unit)).ok_or_else(too_large)?;
    let numerator = u128::from(fraction.parse::<u64>().map_err(|_| malformed())?) * u128::from(unit);
    let denominator = 10_u128.pow(fraction.len() as u32);
    // Less than one unit, so it doesn't overflow.
    whole.checked_add((numerator / denominator) as u64).ok_or_else(too_large)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_binary_units_and_may_have_a_fraction() {
        for (text, bytes) in [
            ("0", 0),
            ("123", 123),
            ("4k", 4096),
            ("500M", 500 << 20),
            ("1.5G", 3 << 29),
            ("0.25kib", 256),
            ("16GiB", 16 << 30),
            ("1T", 1 << 40),
            ("1.9", 1),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "1.G", ".5G", "1.5.2G", "-1", "+1", "1e3", "99999999999T", "3 apples"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
