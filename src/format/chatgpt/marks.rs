//! Marks in answers that no reference covers: private-use characters, old citation brackets, clipboard artefacts, and
//! links that lead nowhere outside ChatGPT.
//!
//! Private-use characters that are no part of a mark belong to users.

use super::link::tracking;
use super::mark::{self, CLOSE, NEXT, ODD_CLOSE, OPEN, names_link, stray_id, target_length};
use crate::conversation::assistant::{AnswerText, Mark, Spacing};
use crate::conversation::{FileRef, Meaning, Text};
use crate::markdown::{self, Hints};
use memchr::{memchr_iter, memmem};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// The first byte of all of them in UTF-8.
pub(super) const LEAD: u8 = 0xee;

const ARTEFACT: &str = ":contentReference[oaicite:";
const SANDBOX: &str = "](sandbox:";
const FENCE_ID: &str = " id=\"";

// Preparing a search costs more than searching a short text, so it is done once.
static DAGGER_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("†"));
static ARTEFACT_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(ARTEFACT));
static FENCE_ID_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(FENCE_ID));
static SANDBOX_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(SANDBOX));

/// Punctuation that no blank precedes.
const NEVER_AFTER_A_BLANK: [char; 15] =
    ['.', ',', ';', ':', '!', '?', ')', ']', '}', '…', '”', '’', '。', '，', '、'];

/// True for the characters that ChatGPT writes into texts.
pub(super) fn is_mark(c: char) -> bool {
    matches!(c, '\u{e200}'..='\u{e206}' | ODD_CLOSE)
}

/// `text` without marks, for titles, names, and Markdown from the export. Keeps only the words in marks, and adjusts
/// the blanks around what is removed.
pub(super) fn unmarked(text: Text<'_>) -> Text<'_> {
    if !memchr_iter(LEAD, text.as_bytes()).any(|at| char_at(&text, at).is_some_and(is_mark)) {
        return text;
    }
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    private_use(&text, &[], &mut |range, inside| {
        clean.push_str(text.get(done..range.start).unwrap_or_default());
        done = range.end;
        let words = mark::words_of(inside);
        if words.is_empty() {
            let rest = text.get(done..).unwrap_or_default();
            let after = rest.trim_start();
            close_gap(&mut clean, rest.get(..rest.len() - after.len()).unwrap_or_default(), after);
            done += rest.len() - after.len();
        } else {
            clean.push_str(&words);
        }
    });
    clean.push_str(text.get(done..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Ends `clean` as it should end where something went between it and `after`, which followed the white space `blanks`.
fn close_gap(clean: &mut String, blanks: &str, after: &str) {
    /// Longer white space stays, so that many marks in it take no longer than few.
    const LONGEST: usize = 256;
    let own = clean.bytes().rev().take(LONGEST).take_while(u8::is_ascii_whitespace).count();
    let own = clean.split_off(clean.len() - own);
    if clean.is_empty() || after.is_empty() || (clean.ends_with('(') && after.starts_with(')')) {
        return;
    }
    let line_ends = |blanks: &str| blanks.bytes().filter(|&byte| byte == b'\n').count();
    if line_ends(blanks).max(line_ends(&own)) > 0 {
        clean.push_str(if line_ends(&own) > line_ends(blanks) { &own } else { blanks });
    } else if own.len().max(blanks.len()) > 0
        && !clean.ends_with(['(', '[', '{', '“', '‘', '«'])
        && !after.starts_with(NEVER_AFTER_A_BLANK)
    {
        clean.push(' ');
    }
}

/// The citations among the marks of `text`, each with the code point where it begins.
pub(super) fn citation_marks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut marks = Vec::new();
    let (mut byte, mut point) = (0, 0);
    private_use(text, &[], &mut |range, mark| {
        point += text.get(byte..range.start).map_or(0, |between| between.chars().count());
        byte = range.start;
        if mark.strip_prefix(OPEN).is_some_and(|inside| inside.starts_with("cite")) {
            marks.push((point, mark));
        }
    });
    marks.into_iter()
}

/// False if [`find`] can't find anything in a text with these hints.
pub(super) fn may_be_in(hints: Hints) -> bool {
    hints.may_have(Hints::PRIVATE | Hints::DAGGER | Hints::BRACE | Hints::BRACKET | Hints::EQUALS)
}

/// Passes each mark in `answer` to `found`.
pub(super) fn find<'t>(answer: &AnswerText<'t>, found: &mut dyn FnMut(Mark<'t>)) {
    let AnswerText { text, hints, taken, .. } = *answer;
    if hints.may_have(Hints::PRIVATE) {
        private_use(text, taken, &mut |range, inside| {
            let meaning = mark::meaning(inside, is_alone(text, &range), answer);
            found(Mark { range, meaning, spacing: Spacing::Mark });
        });
    }
    if hints.may_have(Hints::DAGGER) {
        brackets(text, found);
    }
    if hints.may_have(Hints::BRACE) {
        artefacts(text, found);
    }
    if hints.may_have(Hints::BRACKET) {
        sandbox_links(text, &mut |range, label, path, embedded| {
            let file = FileRef { id: Cow::Borrowed(path), ..FileRef::default() };
            let meaning = Meaning::FileLink { label: label.into(), file, embedded };
            found(Mark { range, meaning, spacing: Spacing::Exact });
        });
    }
    if hints.may_have(Hints::EQUALS) {
        fence_ids(text, found);
        tracking(text)
            .for_each(|range| found(Mark { range, meaning: Meaning::Nothing, spacing: Spacing::Exact }));
    }
}

/// The character at a byte offset.
fn char_at(text: &str, at: usize) -> Option<char> {
    text.get(at..)?.chars().next()
}

/// Passes each mark of private-use characters to `found`: its range and its text.
fn private_use<'t>(text: &'t str, taken: &[Range<usize>], found: &mut dyn FnMut(Range<usize>, &'t str)) {
    let mut resume = 0;
    for at in memchr_iter(LEAD, text.as_bytes()) {
        let Some(c) = char_at(text, at).filter(|&c| at >= resume && is_mark(c)) else { continue };
        // Most marks have a reference, which says what they mean.
        if let Some(end) = taken_to(text, at, taken) {
            resume = end;
            continue;
        }
        let range = match c {
            OPEN => mark_range(text, at, taken),
            NEXT => at..at + c.len_utf8() + stray_id(text.get(at + c.len_utf8()..).unwrap_or_default()),
            _ => at..at + c.len_utf8(),
        };
        resume = range.end;
        let next = taken.partition_point(|other| other.end <= range.start);
        if taken.get(next).is_none_or(|other| other.start >= range.end) {
            found(range.clone(), text.get(range).unwrap_or_default());
        }
    }
}

/// The end of the taken range at `at`, if a mark ends there: no mark that begins in the range reaches past that end.
fn taken_to(text: &str, at: usize, taken: &[Range<usize>]) -> Option<usize> {
    let next = taken.partition_point(|range| range.end <= at);
    let range = taken.get(next)?;
    let ends_mark = text.get(at..range.end)?.ends_with(CLOSE);
    (range.contains(&at) && ends_mark).then_some(range.end)
}

/// The range of the mark that opens at `at`. An unclosed mark ends with its last argument; an unclosed link keeps what
/// follows its target, which may be part of the answer.
fn mark_range(text: &str, at: usize, taken: &[Range<usize>]) -> Range<usize> {
    let inside = at + OPEN.len_utf8();
    let next = taken.partition_point(|range| range.start <= at);
    let limit = taken.get(next).map_or(text.len(), |range| range.start);
    let rest = text.get(inside..limit).unwrap_or_default();
    let end = rest.find([CLOSE, ODD_CLOSE, OPEN, '\n']).unwrap_or(rest.len());
    if let Some(c @ (CLOSE | ODD_CLOSE)) = char_at(rest, end) {
        return at..inside + end + c.len_utf8();
    }
    let open = rest.get(..end).unwrap_or_default();
    let length = match open.split_once(NEXT) {
        // Without arguments it is only a stray character before a word.
        None => 0,
        Some((kind, arguments)) if names_link(kind) => {
            let before = kind.len() + NEXT.len_utf8();
            match arguments.split_once(NEXT) {
                Some((label, target)) => before + label.len() + NEXT.len_utf8() + target_length(target),
                None => before,
            }
        }
        Some(_) => open.split(char::is_whitespace).next().unwrap_or_default().len(),
    };
    at..inside + length
}

/// True if nothing else is on the line of `range`.
fn is_alone(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    let before = before.trim_end_matches([' ', '\t']);
    let after = after.trim_start_matches([' ', '\t', '\r']);
    (before.is_empty() || before.ends_with('\n')) && (after.is_empty() || after.starts_with('\n'))
}

/// Finds `【5†source】` and the like; other brackets are ordinary punctuation.
fn brackets<'t>(text: &'t str, found: &mut dyn FnMut(Mark<'t>)) {
    /// Longest file name, in bytes.
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
        if !digits.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        let name = dagger + '†'.len_utf8();
        let rest = text.get(name..).unwrap_or_default();
        let end = rest
            .char_indices()
            .take_while(|&(at, _)| at < MAX_NAME)
            .find(|(_, c)| matches!(c, '】' | '【' | '\n'));
        if let Some((length, '】')) = end {
            let range = start..name + length + '】'.len_utf8();
            found(Mark { range, meaning: Meaning::Nothing, spacing: Spacing::Mark });
        }
    }
}

/// Finds `:contentReference[oaicite:3]{index=3}`, which ChatGPT's client leaves on the clipboard.
fn artefacts<'t>(text: &'t str, found: &mut dyn FnMut(Mark<'t>)) {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    for start in ARTEFACT_FINDER.find_iter(text.as_bytes()) {
        let rest = text.get(start + ARTEFACT.len()..).unwrap_or_default();
        let after = rest.get(digits(rest)..).and_then(|rest| rest.strip_prefix("]{index="));
        let after = after.and_then(|rest| rest.get(digits(rest)..)).and_then(|rest| rest.strip_prefix('}'));
        if let Some(after) = after {
            let range = start..text.len() - after.len();
            found(Mark { range, meaning: Meaning::Nothing, spacing: Spacing::Mark });
        }
    }
}

/// Finds the ids that ChatGPT gives to fences: ```` ```python id="81bglv" ````. Its client shows only the language.
fn fence_ids<'t>(text: &'t str, found: &mut dyn FnMut(Mark<'t>)) {
    /// Longest opening line of a fence before its id, and longest id, in bytes.
    const LONGEST: usize = 256;
    for start in FENCE_ID_FINDER.find_iter(text.as_bytes()) {
        let near = text.as_bytes().get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
        let line = near.rsplit(|&byte| byte == b'\n').next().unwrap_or_default();
        let is_before =
            |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_digit() || b"->*+.)".contains(byte);
        let indent = line.iter().take_while(|byte| is_before(byte)).count();
        let opening = line.get(indent..).unwrap_or_default();
        let rest = text.as_bytes().get(start + FENCE_ID.len()..).unwrap_or_default();
        let is_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let length = rest.iter().take(LONGEST).take_while(|byte| is_id(byte)).count();
        let after = rest.get(length..).and_then(|rest| rest.strip_prefix(b"\""));
        let ends_line = after.is_some_and(|after| {
            let blanks = after.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
            after.get(blanks).is_none_or(|&byte| byte == b'\n')
        });
        if ends_line && (opening.starts_with(b"```") || opening.starts_with(b"~~~")) {
            let range = start..start + FENCE_ID.len() + length + 1;
            found(Mark { range, meaning: Meaning::Nothing, spacing: Spacing::Exact });
        }
    }
}

/// Passes each link to a sandbox file to `found`: its range, its label, its path, and whether it is a picture.
pub(super) fn sandbox_links<'t>(text: &'t str, found: &mut dyn FnMut(Range<usize>, &'t str, &'t str, bool)) {
    let mut searched = 0;
    for middle in SANDBOX_FINDER.find_iter(text.as_bytes()) {
        let before = text.get(searched..middle).unwrap_or_default();
        searched = middle;
        let Some(open) = markdown::label_start(before).map(|at| middle - before.len() + at) else { continue };
        let begin = middle + SANDBOX.len();
        let Some(length) = text.get(begin..).and_then(markdown::destination_length) else { continue };
        let label = text.get(open + 1..middle).unwrap_or_default();
        let path = text.get(begin..begin + length).unwrap_or_default().trim();
        let (path, _) = path.split_once(" \"").unwrap_or((path, ""));
        let embedded = text.get(..open).is_some_and(|before| before.ends_with('!'));
        searched = begin + length + 1;
        found(open - usize::from(embedded)..searched, label, path, embedded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::assistant::Sources;
    use proptest::prelude::*;

    /// Finds what [`private_use`] finds, but looks at every mark to its end.
    fn slowly(text: &str, taken: &[Range<usize>]) -> Vec<Range<usize>> {
        let mut resume = 0;
        let mut found = Vec::new();
        for (at, c) in text.char_indices().filter(|&(_, c)| is_mark(c)) {
            if at >= resume {
                let range = if c == OPEN { mark_range(text, at, taken) } else { at..at + c.len_utf8() };
                resume = range.end;
                let overlaps = |other: &Range<usize>| other.start < range.end && range.start < other.end;
                found.extend((!taken.iter().any(overlaps)).then_some(range));
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
                    taken.push(begin..text.len());
                }
            }
            let sources = Sources::default();
            let hints = Hints::of(&text);
            let answer = AnswerText::new(&text, hints, &taken, &sources, None);
            let mut found = Vec::new();
            find(&answer, &mut |mark| found.push(mark.range));
            prop_assert_eq!(found, slowly(&text, &taken));
        }
    }

    #[test]
    fn titles_lose_their_marks() {
        for (title, expected) in [
            ("A \u{e200}cite\u{e202}turn0search0\u{e201} title", "A title"),
            ("Tea\u{e200}cite\u{e202}turn0search0\u{e201}", "Tea"),
            ("Tea\u{e202}turn0search0 time", "Tea time"),
            ("Tea \u{e200}cite\u{e202}turn0search0\u{e201}time", "Tea time"),
            ("Tea \u{e200}cite\u{e202}turn0search0\u{e201}: why?", "Tea: why?"),
            ("Tea \u{e200}cite\u{e202}a\u{e201}\u{e200}cite\u{e202}b\u{e201}, hot", "Tea, hot"),
            ("\u{e206} Tea (\u{e206} hot) \u{e206}", "Tea (hot)"),
            ("The \u{e203}tea\u{e204} house", "The tea house"),
            ("In \u{e200}entity\u{e202}[\"city\",\"Rome\"]\u{e201}.", "In Rome."),
            ("The \u{e200}url\u{e202}guide\u{e202}turn0search0\u{e201} to tea", "The guide to tea"),
            ("re\u{e206}port.pdf", "report.pdf"),
            ("one \u{e206}\n\ntwo", "one\n\ntwo"),
            ("one\n\n\u{e206} two", "one\n\ntwo"),
            ("Tea ( \u{e206} ) time", "Tea () time"),
            ("\u{f8ff} stays", "\u{f8ff} stays"),
        ] {
            assert_eq!(unmarked(title.into()), expected, "{title:?}");
        }
    }

    /// The texts of all marks in `text`.
    fn found(text: &str) -> Vec<&str> {
        let sources = Sources::default();
        let answer = AnswerText::new(text, Hints::of(text), &[], &sources, None);
        let mut found = Vec::new();
        find(&answer, &mut |mark| found.extend(text.get(mark.range)));
        found
    }

    #[test]
    fn a_dagger_makes_a_mark_only_after_a_number_in_brackets() {
        let text = "【5†source】【4:0†a.pdf】【†a】【:†a】【5:†a】【:3†a】【a†b】5†a【7†open";
        assert_eq!(found(text), ["【5†source】", "【4:0†a.pdf】"]);
    }

    #[test]
    fn a_fence_in_any_item_may_have_an_id() {
        for before in ["", "> ", "- ", "1. ", "12) ", "\t"] {
            let text = format!("{before}```python id=\"81bglv\"\nx id=\"y\"\n");
            assert_eq!(found(&text), [" id=\"81bglv\""], "{before:?}");
        }
    }

    #[test]
    fn an_unclosed_link_ends_with_its_address_or_id() {
        for target in ["https://a.example/b", "mailto:a@b.example", "turn0search1"] {
            let link = format!("\u{e200}url\u{e202}Docs\u{e202}{target}");
            assert_eq!(found(&format!("See {link} and more")), [link]);
        }
    }
}
