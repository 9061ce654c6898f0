//! Marks that no reference covers: the vendor's private-use characters, old citation brackets, clipboard artefacts, and
//! links that lead nowhere outside of the vendor's product.
//!
//! A mark is U+E200, a kind, arguments each after U+E202, and U+E201. Other private-use characters belong to users.

use super::{Spacing, Span, Spans, Targets, citation, is_taken};
use crate::conversation::{FileRef, SourceId};
use crate::markdown::{self, Hints, Voice};
use memchr::{memchr_iter, memmem};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

const OPEN: char = '\u{e200}';
const CLOSE: char = '\u{e201}';
const NEXT: char = '\u{e202}';
const ODD_CLOSE: char = '\u{e20b}';

/// The first byte of every mark in UTF-8.
const LEAD: u8 = 0xee;

/// True for the characters that the vendor writes into texts.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{e200}'..='\u{e206}' | ODD_CLOSE)
}

/// The ranges of all marks in `text` that are closed as they should be.
pub(super) fn closed(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut open = None;
    memchr_iter(LEAD, text.as_bytes()).filter_map(move |at| match char_at(text, at)? {
        OPEN => {
            open = Some(at);
            None
        }
        CLOSE => Some(open.take()?..at + CLOSE.len_utf8()),
        _ => None,
    })
}

fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// True if [`find`] may find something in a text of that hints.
pub(super) fn may_be_in(hints: Hints) -> bool {
    hints.may_have(Hints::PRIVATE | Hints::DAGGER | Hints::BRACE | Hints::BRACKET | Hints::EQUALS)
}

/// Adds what is left to be replaced in `text` to `spans`, which are in order, and so they are afterwards. Fences stay as
/// they are.
pub(super) fn find(text: &str, hints: Hints, targets: Targets<'_>, spans: &mut Spans) {
    let taken = std::mem::take(&mut spans.list);
    if hints.may_have(Hints::PRIVATE) {
        private_use(text, &taken, targets, spans);
    }
    if hints.may_have(Hints::DAGGER) {
        brackets(text, spans);
    }
    if hints.may_have(Hints::BRACE) {
        artefacts(text, spans);
    }
    if hints.may_have(Hints::BRACKET) {
        sandbox_links(text, targets, spans);
    }
    if hints.may_have(Hints::EQUALS) {
        tracking(text, spans);
    }
    if spans.list.is_empty() {
        spans.list = taken;
        return;
    }
    let code = markdown::fenced_ranges(text, Voice::Markdown);
    spans.list.retain(|span| {
        let at = code.partition_point(|range| range.end <= span.range.start);
        let in_code = code.get(at).is_some_and(|range| range.start < span.range.end);
        !in_code && !is_taken(&span.range, &taken)
    });
    let found = std::mem::replace(&mut spans.list, taken);
    if !found.is_empty() {
        spans.list.extend(found);
        spans.separate();
    }
}

fn private_use(text: &str, taken: &[Span], targets: Targets<'_>, spans: &mut Spans) {
    let mut resume = 0;
    for at in memchr_iter(LEAD, text.as_bytes()) {
        let Some(c) = char_at(text, at).filter(|&c| at >= resume && is_mark(c)) else { continue };
        // Most marks have a reference, which says what they mean.
        if let Some(end) = taken_to(text, at, taken) {
            resume = end;
            continue;
        }
        let range = if c == OPEN { mark_range(text, at, taken) } else { at..at + c.len_utf8() };
        resume = range.end;
        if is_taken(&range, taken) {
            continue;
        }
        let inside = text.get(range.clone()).unwrap_or_default();
        spans.add(range, Spacing::Mark, |out| {
            resolve_mark(inside, targets, out);
        });
    }
}

/// The end of what is taken at `at`, if a mark ends there: then none that begins at `at` or later reaches beyond it.
fn taken_to(text: &str, at: usize, taken: &[Span]) -> Option<usize> {
    let next = taken.partition_point(|span| span.range.end <= at);
    let range = taken.get(next)?.range.clone();
    let ends_mark = text.get(at..range.end)?.ends_with(CLOSE);
    (range.contains(&at) && ends_mark).then_some(range.end)
}

/// The range of the mark that opens at `at`. One that is never closed is the characters up to the next blank: what
/// comes after may be words.
fn mark_range(text: &str, at: usize, taken: &[Span]) -> Range<usize> {
    let inside = at + OPEN.len_utf8();
    let next = taken.partition_point(|span| span.range.start <= at);
    let limit = taken.get(next).map_or(text.len(), |span| span.range.start);
    let rest = text.get(inside..limit).unwrap_or_default();
    let end = rest.find([CLOSE, ODD_CLOSE, OPEN, '\n']).unwrap_or(rest.len());
    if let Some(c @ (CLOSE | ODD_CLOSE)) = char_at(rest, end) {
        return at..inside + end + c.len_utf8();
    }
    let open = rest.get(..end).unwrap_or_default();
    let word = open.split(char::is_whitespace).next().unwrap_or_default();
    // Without arguments it is no mark, only a stray character before a word.
    let length = if word.contains(NEXT) { word.len() } else { 0 };
    at..inside + length
}

/// Writes what to show for a mark, where that can be known.
fn resolve_mark(mark: &str, targets: Targets<'_>, out: &mut String) -> Option<()> {
    let inside = mark.strip_prefix(OPEN)?.trim_end_matches([CLOSE, ODD_CLOSE]);
    let mut parts = inside.split(NEXT);
    let kind = parts.next()?;
    match kind {
        "cite" => {
            let ids = parts.flat_map(|part| part.split(','));
            let links = ids.filter_map(|id| targets.sources.get(&source_id(id.trim())?));
            citation(links, out);
        }
        "link" | "url" | "link_title" => {
            let (label, url) = (parts.next()?, parts.next().unwrap_or_default());
            let (label, url) =
                if url.is_empty() && label.contains("://") { ("", label) } else { (label, url) };
            let url = without_tracking(url);
            markdown::external(label, &url, out);
        }
        "entity" | "product_entity" => out.push_str(&markdown::label(&second_string(parts.next()?)?)),
        _ => {}
    }
    Some(())
}

/// The id that a text such as `turn0search3` writes.
fn source_id(text: &str) -> Option<SourceId> {
    let rest = text.strip_prefix("turn")?;
    let (turn, rest) = rest.split_at(rest.find(|c: char| !c.is_ascii_digit())?);
    let (kind, index) = rest.split_at(rest.find(|c: char| c.is_ascii_digit())?);
    Some(SourceId { turn: turn.parse().ok()?, kind: kind.into(), index: index.parse().ok()? })
}

/// The second element of a JSON array, if it is a string after another string.
fn second_string(array: &str) -> Option<String> {
    let rest = array.trim_start().strip_prefix('[')?.trim_start();
    let (_, rest) = json_string(rest)?;
    let rest = rest.trim_start().strip_prefix(',')?.trim_start();
    json_string(rest).map(|(text, _)| text)
}

/// The JSON string that `text` begins with, and what follows it.
fn json_string(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut units: Vec<u16> = Vec::new();
    loop {
        let c = rest.chars().next()?;
        rest = rest.get(c.len_utf8()..)?;
        let unit = match c {
            '"' => return Some((String::from_utf16_lossy(&units), rest)),
            '\\' => {
                let escaped = rest.chars().next()?;
                rest = rest.get(escaped.len_utf8()..)?;
                match escaped {
                    'n' | 'r' | 't' | 'b' | 'f' => ' ',
                    'u' => {
                        units.push(u16::from_str_radix(rest.get(..4)?, 16).ok()?);
                        rest = rest.get(4..)?;
                        continue;
                    }
                    other => other,
                }
            }
            c => c,
        };
        units.extend_from_slice(unit.encode_utf16(&mut [0; 2]));
    }
}

/// Finds `【5†source】` and its like; other brackets are ordinary punctuation.
fn brackets(text: &str, spans: &mut Spans) {
    /// A name of a file is no longer, in bytes.
    const MAX_NAME: usize = 512;
    for dagger in DAGGER_FINDER.find_iter(text.as_bytes()) {
        let before = text.get(..dagger).unwrap_or_default();
        let number = before.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = match number.strip_suffix(':') {
            Some(first) if number.len() < before.len() => {
                first.trim_end_matches(|c: char| c.is_ascii_digit())
            }
            _ => number,
        };
        let digits = before.get(number.len()..).unwrap_or_default();
        let Some(start) = number.strip_suffix('【').map(str::len) else { continue };
        if !digits.starts_with(|c: char| c.is_ascii_digit()) || digits.ends_with(':') {
            continue;
        }
        let name = dagger + '†'.len_utf8();
        let rest = text.get(name..).unwrap_or_default();
        let end = rest
            .char_indices()
            .take_while(|&(at, _)| at < MAX_NAME)
            .find(|(_, c)| matches!(c, '】' | '【' | '\n'));
        if let Some((length, '】')) = end {
            spans.add(start..name + length + '】'.len_utf8(), Spacing::Mark, |_| {});
        }
    }
}

/// Finds `:contentReference[oaicite:3]{index=3}`, which the clipboard of the vendor's client leaves behind.
fn artefacts(text: &str, spans: &mut Spans) {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    for start in ARTEFACT_FINDER.find_iter(text.as_bytes()) {
        let rest = text.get(start + ARTEFACT.len()..).unwrap_or_default();
        let after = rest.get(digits(rest)..).and_then(|rest| rest.strip_prefix("]{index="));
        let after = after.and_then(|rest| rest.get(digits(rest)..)).and_then(|rest| rest.strip_prefix('}'));
        if let Some(after) = after {
            spans.add(start..text.len() - after.len(), Spacing::Mark, |_| {});
        }
    }
}

/// Finds links to files of the vendor's sandbox: they lead to the file, if the export has it, or say that it hasn't.
fn sandbox_links(text: &str, targets: Targets<'_>, spans: &mut Spans) {
    let mut searched = 0;
    for middle in SANDBOX_FINDER.find_iter(text.as_bytes()) {
        let before = text.get(searched..middle).unwrap_or_default();
        searched = middle;
        let Some(open) = opening_bracket(before).map(|at| middle - before.len() + at) else { continue };
        let begin = middle + SANDBOX.len();
        let rest = text.get(begin..).unwrap_or_default();
        let Some(length) = closing_parenthesis(rest) else { continue };
        let label = text.get(open + 1..middle).unwrap_or_default();
        let path = rest.get(..length).unwrap_or_default().trim();
        let (path, _) = path.split_once(" \"").unwrap_or((path, ""));
        let decoded = markdown::percent_decode(path);
        let is_image = text.get(..open).is_some_and(|before| before.ends_with('!'));
        let start = open - usize::from(is_image);
        let found = [path, &decoded]
            .into_iter()
            .find_map(|id| targets.neighbours.file(&FileRef { id: id.into(), ..FileRef::default() }));
        let replacement = match found {
            Some(address) => format!("{}[{label}]({address})", if is_image { "!" } else { "" }),
            None if label.is_empty() => {
                let name = decoded.rsplit('/').next().unwrap_or_default();
                format!("{} *(file not in export)*", markdown::label(name))
            }
            None => format!("{label} *(file not in export)*"),
        };
        searched = begin + length + 1;
        spans.add(start..searched, Spacing::Exact, |out| out.push_str(&replacement));
    }
}

/// The place of the bracket that opens the label which `before` ends with.
fn opening_bracket(before: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in before.bytes().enumerate().rev() {
        match byte {
            b']' => depth += 1,
            b'[' if depth == 0 => return Some(at),
            b'[' => depth -= 1,
            b'\n' if before.as_bytes().get(at + 1) == Some(&b'\n') => return None,
            _ => {}
        }
    }
    None
}

/// The place of the parenthesis that ends a link's address, on the same line.
fn closing_parenthesis(rest: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().take(4096).enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

const ARTEFACT: &str = ":contentReference[oaicite:";
const SANDBOX: &str = "](sandbox:";
const TRACKING: &str = "utm_source=chatgpt.com";

// Preparing a search costs more than searching a short text, so it is done once.
static DAGGER_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("†"));
static ARTEFACT_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(ARTEFACT));
static SANDBOX_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(SANDBOX));
static TRACKING_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(TRACKING));

/// Finds the parameter by which the vendor marks the addresses it gives out.
fn tracking(text: &str, spans: &mut Spans) {
    let bytes = text.as_bytes();
    for at in TRACKING_FINDER.find_iter(bytes) {
        let end = at + TRACKING.len();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let range = match (before, bytes.get(end)) {
            (Some(b'?' | b'&'), Some(b'&')) => at..end + 1,
            (Some(_), Some(byte))
                if byte.is_ascii_alphanumeric() || b"-_.~%".contains(byte) && !ends(bytes, end) =>
            {
                continue;
            }
            (Some(b'?' | b'&'), _) => at - 1..end,
            _ => continue,
        };
        spans.add(range, Spacing::Exact, |_| {});
    }
}

/// True if a full stop at `at` ends a sentence and not a part of an address.
fn ends(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}

/// `text` with addresses that don't tell where the reader came from.
pub(super) fn without_tracking(text: &str) -> Cow<'_, str> {
    let mut spans = Spans::default();
    tracking(text, &mut spans);
    if spans.list.is_empty() { Cow::Borrowed(text) } else { Cow::Owned(spans.apply(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Page;
    use crate::conversation::files::Files;
    use crate::render::link::Neighbours;
    use proptest::prelude::*;
    use std::collections::HashMap;

    /// What [`private_use`] finds, with every mark looked at to its end.
    fn slowly(text: &str, taken: &[Span]) -> Vec<Range<usize>> {
        let mut resume = 0;
        let mut found = Vec::new();
        for (at, c) in text.char_indices().filter(|&(_, c)| is_mark(c)) {
            if at >= resume {
                let range = if c == OPEN { mark_range(text, at, taken) } else { at..at + c.len_utf8() };
                resume = range.end;
                found.extend((!is_taken(&range, taken)).then_some(range));
            }
        }
        found
    }

    proptest! {
        #[test]
        fn marks_beside_taken_ones_are_found(
            pieces in prop::collection::vec(("[a \n\u{e200}\u{e201}\u{e202}\u{e20b}]{0,6}", any::<bool>()), 0..6),
        ) {
            let (mut text, mut taken) = (String::new(), Vec::new());
            for (piece, is_taken) in pieces {
                let begin = text.len();
                text.push_str(&piece);
                if is_taken && !piece.is_empty() {
                    taken.push(Span { range: begin..text.len(), replacement: 0..0, spacing: Spacing::Mark });
                }
            }
            let files = Files::default();
            let targets = Targets { sources: &HashMap::new(), neighbours: Neighbours::of(&files, Page::Thread) };
            let mut spans = Spans::default();
            private_use(&text, &taken, targets, &mut spans);
            let found: Vec<_> = spans.list.into_iter().map(|span| span.range).collect();
            prop_assert_eq!(found, slowly(&text, &taken));
        }
    }
}
