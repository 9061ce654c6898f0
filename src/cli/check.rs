//! `check`: every problem in an export.

use super::args::CheckArgs;
use super::list;
use super::open;
use super::plural;
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
    let opened = open::open_quietly(&args.sources, &settings)?;
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
        list::copy(&opened.fs, opened.fs.resolve(PROBLEMS)?, false)?;
    }
    let conversations = opened.index.catalog().heads.len();
    let name = &opened.index.export().name;
    match count {
        0 => {
            super::say(&format!(
                "{name}: {conversations} {}, no problem",
                plural(conversations, "conversation")
            ));
            Ok(())
        }
        count => Err(Error::new(
            ErrorKind::Damaged,
            format!(
                "{name}: {conversations} {}, {count} {}",
                plural(conversations, "conversation"),
                plural(count, "problem")
            ),
        )),
    }
}
