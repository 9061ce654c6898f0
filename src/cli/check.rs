//! `check`: every problem in an export.

use super::args::CheckArgs;
use super::counted;
use super::list;
use super::open;
use super::progress;
use super::settings::Settings;
use crate::catalog::Problem;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::fs::Library as _;
use crate::progress::Progress;
use crate::text::printable;
use std::io::{self, Write};

/// Where a mount lists its problems.
const PROBLEMS: &str = ".gptfs/problems.txt";

/// Prints every problem on a line: those that the mount has in `.gptfs/problems.txt`, and damage to files that it would
/// only find when somebody reads them.
///
/// # Errors
/// `Damaged` if there are any.
pub(super) fn check(args: &CheckArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let opened = open::open_quietly(&args.sources, &settings, None)?;
    let progress = Progress::default();
    let damaged = progress::shown("files", &progress, || opened.index.damaged_files(&progress));
    let known = opened.index.catalog().problems.len();
    if known > 0 && !args.json {
        let copied = list::copy(&opened.fs, opened.fs.resolve(PROBLEMS)?, false)?;
        copied.break_value().unwrap_or(Ok(()))?;
    }
    super::print(|out| {
        if args.json {
            opened.fs.problems().try_for_each(|(problem, page)| write_json(out, problem, page))?;
            return damaged.iter().try_for_each(|problem| write_json(out, problem, None));
        }
        damaged.iter().try_for_each(|Problem { subject, reason, .. }| {
            writeln!(out, "{}: {}", printable(subject), printable(reason))
        })
    })?;
    let count = known.saturating_add(damaged.len());
    let heads = &opened.index.catalog().heads;
    let name = &opened.index.export().name;
    let conversations = counted(heads.len() as u64, "conversation", "conversations");
    let problems = match count {
        0 => "no problem".to_owned(),
        _ => counted(count as u64, "problem", "problems"),
    };
    // Missing files are counted, but not as problems, because most exports lack some.
    let lacks = match heads.iter().map(|head| u64::from(head.missing)).sum() {
        0 => String::new(),
        missing => format!("; {} not in the export", counted(missing, "file is", "files are")),
    };
    let summary = format!("{name}: {conversations}, {problems}{lacks}");
    if count > 0 {
        return Err(Error::new(ErrorKind::Damaged, summary));
    }
    super::say(&summary);
    Ok(())
}

fn write_json(out: &mut dyn Write, problem: &Problem, page: Option<String>) -> io::Result<()> {
    let (subject, reason) = (format::quote(&problem.subject), format::quote(&problem.reason));
    let path = page.map_or_else(|| "null".to_owned(), |page| format::quote(&page));
    writeln!(out, r#"{{"subject":{subject},"path":{path},"reason":{reason}}}"#)
}
