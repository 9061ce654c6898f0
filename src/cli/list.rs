//! `ls`, `recent` and `cat`: what a mount would show, without mounting.

mod find;
mod line;

use super::args::list::{CatArgs, LsArgs, RecentArgs, SortChoice};
use super::filter::FilterArgs;
use super::open;
use super::refusal::usage;
use super::settings::Settings;
use crate::error::Result;
use crate::fs::{Fs, Ino, InodeKind, Origin};
use crate::search::{self, Filter};
use crate::text::printable;
use crate::time::Timestamp;
use line::{ListLine, Style};
use std::cmp::Reverse;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

/// Lists directories and files.
pub(super) fn ls(args: &LsArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let filter = args.filter.filter(&settings.index.render)?;
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &settings)?;
    let style = Style {
        json: args.json,
        long: args.long,
        human: args.human,
        color: super::wants_color(),
        zone: settings.zone().clone(),
    };
    let root = [String::new()];
    let paths = if args.paths.is_empty() { &root[..] } else { &args.paths };
    super::each(paths, |path| {
        // A pattern lists what it matches; a plain path lists its contents.
        let whole = paths.len() > 1 || find::is_pattern(path);
        let found = find::expanded(&fs, path)?;
        found.iter().try_for_each(|&ino| list(&fs, ino, whole, args, &filter, &style))
    })
}

/// Lists one file or directory. `whole` prints full paths, for when several are listed.
fn list(fs: &Fs, ino: Ino, whole: bool, args: &LsArgs, filter: &Filter, style: &Style) -> Result<()> {
    let attr = fs.attr(ino)?;
    let mut lines: Box<dyn Iterator<Item = Result<ListLine>> + '_> = if attr.kind != InodeKind::Directory {
        Box::new(std::iter::once(Ok(ListLine { path: fs.path(ino), shown: 0, attr })))
    } else if args.filter.is_empty() {
        let is_listed =
            move |line: &ListLine| args.unlisted || ino != Ino::ROOT || !line.name().starts_with('.');
        let lines = line::below(fs, ino, args.recursive, whole)?;
        Box::new(lines.filter(move |line| line.as_ref().map_or(true, is_listed)))
    } else {
        let directory = fs.path(ino);
        let inside = move |path: &str| {
            directory.is_empty() || path.strip_prefix(&directory).is_some_and(|rest| rest.starts_with('/'))
        };
        let lines = line::threads(fs, search::conversations(fs, filter));
        Box::new(lines.filter(move |line| inside(&line.path)).map(Ok))
    };
    if args.unlisted && ino == Ino::ROOT {
        let hidden = fs.lookup(Ino::ROOT, crate::layout::HIDDEN.as_bytes()).ok();
        let line = |attr| Ok(ListLine { path: crate::layout::HIDDEN.to_owned(), shown: 0, attr });
        lines = Box::new(hidden.map(line).into_iter().chain(lines));
    }
    let sort = if args.by_time { SortChoice::Time } else { args.sort };
    // Views have an order of their own: that of the archive, or the best first.
    let is_view = fs.path(ino).starts_with(crate::layout::HIDDEN);
    if matches!(sort, SortChoice::Name) && !args.reverse && is_view && args.filter.is_empty() {
        // In the order in which they come, a million lines take no memory.
        let mut failed = None;
        super::print(|out| {
            lines.try_for_each(|line| match line {
                Ok(line) => style.write(out, fs, &line),
                Err(error) => {
                    failed.get_or_insert(error);
                    Ok(())
                }
            })
        })?;
        return failed.map_or(Ok(()), Err);
    }
    let mut lines = lines.collect::<Result<Vec<_>>>()?;
    match sort {
        SortChoice::Name if is_view => {}
        SortChoice::Name => lines.sort_by_cached_key(|line| find::order(&line.path)),
        SortChoice::Time => lines.sort_by_key(|line| Reverse(line.attr.modified)),
        SortChoice::Created => lines.sort_by_key(|line| Reverse(line.attr.created)),
        SortChoice::Size => lines.sort_by_key(|line| Reverse(line.attr.size)),
    }
    if args.reverse {
        lines.reverse();
    }
    note_if_none(fs, &args.filter, filter, lines.len());
    super::print(|out| lines.iter().try_for_each(|line| style.write(out, fs, line)))
}

/// Lists the most recently changed conversations, newest first.
pub(super) fn recent(args: &RecentArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let filter = args.filter.filter(&settings.index.render)?;
    let open::Opened { fs, .. } = open::open(&args.sources, &settings)?;
    let zone = settings.zone().clone();
    let mut lines: Vec<(Option<Timestamp>, ListLine)> =
        line::threads(&fs, search::conversations(&fs, &filter))
            .map(|line| (changed(&fs, &line), line))
            .collect();
    // Those without a time come last.
    lines.sort_by_key(|(changed, _)| Reverse(*changed));
    lines.truncate(args.count);
    note_if_none(&fs, &args.filter, &filter, lines.len());
    let style = Style { json: args.json, long: false, human: false, color: super::wants_color(), zone };
    super::print(|out| {
        lines.iter().try_for_each(|(changed, line)| {
            if !args.json && !args.one {
                let minute =
                    changed.map_or_else(|| "no date".to_owned(), |changed| style.zone.minute(changed));
                write!(out, "{minute:16}  ")?;
            }
            style.write(out, &fs, line)
        })
    })
}

/// When the conversation of a page was last changed, if it has a usable time.
fn changed(fs: &Fs, line: &ListLine) -> Option<Timestamp> {
    let (head, _) = fs.page(line.attr.ino)?;
    let head = fs.catalog().heads.get(head)?;
    head.updated.max(head.created)
}

/// Says that a filter has left nothing to list.
fn note_if_none(fs: &Fs, args: &FilterArgs, filter: &Filter, listed: usize) {
    if listed == 0 && !args.is_empty() {
        super::say(&args.none(filter, &fs.catalog().heads));
    }
}

/// Prints files one after another. An unreadable file doesn't stop the others.
pub(super) fn cat(args: &CatArgs) -> Result<()> {
    let settings = Settings::new(&args.reading)?;
    let open::Opened { fs, .. } = open::open(std::slice::from_ref(&args.source), &settings)?;
    let careful = !args.force && io::stdout().is_terminal();
    let mut output = ControlFlow::Continue(());
    let copied = super::each(&args.paths, |path| {
        // An error from `files` already names the path.
        for ino in find::files(&fs, path)? {
            if output.is_continue() {
                let copied = fs.followed(ino).and_then(|ino| copy(&fs, ino, careful));
                output = copied.map_err(|error| error.within(printable(path)))?;
            }
        }
        Ok(())
    });
    match output {
        ControlFlow::Continue(()) => copied,
        ControlFlow::Break(end) => end.and(copied),
    }
}

/// Bytes copied at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Prints a file. If `careful`, refuses one that could affect a terminal.
pub(super) fn copy(fs: &Fs, ino: Ino, careful: bool) -> Result<ControlFlow<Result<()>>> {
    let is_copied = matches!(fs.origin(ino)?, Origin::Copied(_));
    let size = fs.attr(ino)?.size;
    let mut offset = 0;
    loop {
        let block = fs.read(ino, offset, BLOCK_BYTES)?;
        if block.is_empty() {
            break;
        }
        let mut printed = block.as_slice();
        if careful && is_copied {
            let Some(whole) = harmless(printed) else {
                let reason = "not plain text, so it is not printed to a terminal; redirect it to a file, or use --force";
                return Err(usage(reason));
            };
            // The next block begins with the character that this one cuts off, unless the file does.
            printed = printed.get(..whole).filter(|whole| !whole.is_empty()).unwrap_or(printed);
        }
        offset += printed.len() as u64;
        let going_on = super::print_some(|out| out.write_all(printed));
        if going_on.is_break() {
            return Ok(going_on);
        }
    }
    debug_assert_eq!(offset, size, "a file has the size that its listing states");
    Ok(ControlFlow::Continue(()))
}

/// The length of `block` without a character that its end cuts off, if it is text that doesn't control a terminal.
fn harmless(block: &[u8]) -> Option<usize> {
    let text = match std::str::from_utf8(block) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(block.get(..error.valid_up_to())?).ok()?
        }
        Err(_) => return None,
    };
    let steers = text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    (!steers).then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_harmless_but_bytes_and_escapes_are_not() {
        assert_eq!(harmless("Grüße\r\n\tfür 🍎".as_bytes()), Some(19));
        assert_eq!(harmless(&"a🍎".as_bytes()[..4]), Some(1), "cut by the end of a block");
        assert_eq!(harmless(&"🍎".as_bytes()[..3]), Some(0));
        for bytes in [&b"\x89PNG\r\n"[..], b"a\x1b[2J", b"a\0", "a\u{9b}31m".as_bytes()] {
            assert_eq!(harmless(bytes), None, "{bytes:?}");
        }
    }
}
