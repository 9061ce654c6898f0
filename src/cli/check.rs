//! `check`: every problem in an export.

use super::args::CheckArgs;
use super::counted;
use super::list;
use super::open;
use super::settings::Settings;
use crate::error::{Error, ErrorKind, Result};
use crate::format;
use crate::fs::Library as _;

/// Where a mount lists its problems.
const PROBLEMS: &str = ".gptfs/problems.txt";

/// Prints every problem on a line, as the mount does in `.gptfs/problems.txt`.
///
/// # Errors
/// `Damaged` if there are any.
pub(super) fn check(args: &CheckArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let opened = open::open_quietly(&args.sources, &settings, None)?;
    let count = opened.index.catalog().problems.len();
    if args.json {
        super::print(|out| {
            opened.fs.problems().try_for_each(|(problem, page)| {
                let (subject, reason) = (format::quote(&problem.subject), format::quote(&problem.reason));
                let path = page.map_or_else(|| "null".to_owned(), |page| format::quote(&page));
                writeln!(out, r#"{{"subject":{subject},"path":{path},"reason":{reason}}}"#)
            })
        })?;
    } else if count > 0 {
        let copied = list::copy(&opened.fs, opened.fs.resolve(PROBLEMS)?, false)?;
        copied.break_value().unwrap_or(Ok(()))?;
    }
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
