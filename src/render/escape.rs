//! What text may not do to its frame: controls, labels, headings, fences and tags.
//!
//! A page is read by people and by parsers. Whatever an export contains, a parser finds the headings that the
//! renderer wrote and no others of their level, and nothing that a message leaves open reaches the next one.

use super::block::{self, Edit, Kind, Region, Regions, Voice};
use super::hints::Hints;
use super::{Headings, STEM};
use crate::text::is_bidi_control;
use memchr::{memchr, memchr_iter, memmem};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// `text` as a page may hold it: line ends are `\n`, and of the other control characters, which nobody sees, only the
/// tab is left. Copies nothing where nothing changes.
pub(super) fn clean(text: &str, hints: Hints) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_c1 = |at: usize| matches!(bytes.get(at + 1), Some(0x80..=0x9f));
    let needed = hints.may_have(Hints::CONTROL)
        || (hints.may_have(Hints::LEAD) && memchr_iter(0xc2, bytes).any(is_c1));
    if !needed {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                cleaned.push('\n');
            }
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => cleaned.push(c),
        }
    }
    Cow::Owned(cleaned)
}

/// `text` with U+FFFD for the sign of a page's own name, so that no export can write that. Takes the same number of
/// bytes and code points. Copies nothing where nothing changes.
pub(super) fn without_stem(text: &str, hints: Hints) -> Cow<'_, str> {
    if !hints.may_have(Hints::LEAD) || STEM_FINDER.find(text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(STEM, "\u{fffd}"))
}

/// Finds [`STEM`]. Preparing a search costs more than searching a short text, so it is done once.
pub(super) static STEM_FINDER: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(STEM.encode_utf8(&mut [0; 4])).into_owned());

/// `text` on one line: runs of white space become one space, and nothing is left of control and bidi characters.
/// Not escaped. Copies nothing where nothing changes.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PRINTABLE) { Cow::Borrowed(text) } else { Cow::Owned(joined_words(text)) }
}

fn joined_words(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let before = line.len();
        line.extend(word.chars().filter(|&c| !is_bidi_control(c)).map(replace_stem));
        if line.len() > before {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Printable ASCII.
const PRINTABLE: u8 = 1;
/// Printable ASCII that is nothing special in a label.
const PLAIN: u8 = 1 << 1;
/// Printable ASCII that is nothing special in HTML.
const PLAIN_HTML: u8 = 1 << 2;
/// The space.
const SPACE: u8 = 1 << 3;

/// Which of these classes each byte belongs to.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        let in_label = !matches!(byte, b'\\' | b'[' | b']' | b'`' | b'<' | b'*' | b'_' | b'&' | b'#');
        let in_html = !matches!(byte, b'&' | b'<' | b'>');
        classes[byte as usize] = PRINTABLE
            | if in_label { PLAIN } else { 0 }
            | if in_html { PLAIN_HTML } else { 0 }
            | if byte == b' ' { SPACE } else { 0 };
        byte += 1;
    }
    classes
};

/// True for text that is one line already, with single spaces inside and all its bytes of `class`. Seen in one pass:
/// most labels are so.
fn is_line_of(text: &str, class: u8) -> bool {
    let (mut all, mut before, mut doubled) = (class, SPACE, 0);
    for &byte in text.as_bytes() {
        let classes = CLASSES[usize::from(byte)];
        all &= classes;
        doubled |= classes & before; // also a space at the beginning
        before = classes;
    }
    all != 0 && doubled & SPACE == 0 && (before & SPACE == 0 || text.is_empty())
}

fn replace_stem(c: char) -> char {
    if c == STEM { char::REPLACEMENT_CHARACTER } else { c }
}

/// `text` on one line as words and nothing else: a label of a link, a heading, a part of a sentence. Characters that
/// Markdown would take for markup are escaped, and only those.
pub(super) fn label(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PLAIN) {
        return Cow::Borrowed(text);
    }
    let line = one_line(text);
    // What is not ASCII needs no escaping.
    if line.bytes().all(|byte| !byte.is_ascii() || CLASSES[usize::from(byte)] & PLAIN != 0) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    let mut before = ' ';
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        let is_special = match c {
            '\\' | '[' | ']' | '`' | '<' | '*' => true,
            // Within a word an underscore is nothing special.
            '_' => !(before.is_alphanumeric() && after.is_some_and(char::is_alphanumeric)),
            '&' => after.is_some_and(|c| c.is_ascii_alphabetic() || c == '#') && is_entity(rest.as_str()),
            // A run of them at the end of a heading would vanish.
            '#' => before == ' ' && rest.as_str().bytes().all(|byte| byte == b'#'),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    Cow::Owned(escaped)
}

/// True if `&` and `rest` begin a character reference.
fn is_entity(rest: &str) -> bool {
    let name = rest.bytes().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    rest.as_bytes().get(name) == Some(&b';')
}

/// `text` within HTML, on one line.
pub(super) fn html(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PLAIN_HTML) {
        return Cow::Borrowed(text);
    }
    let line = one_line(text);
    if !line.contains(['&', '<', '>']) {
        return line;
    }
    Cow::Owned(line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// What follows from the text that was written, for the block after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ending {
    /// The character of the list that the text ends in.
    pub(super) list: Option<char>,
}

/// Writes `text` to `out` so that it can't leave its frame. It has to be clean, and to begin on a line of its own
/// after a blank line; what follows must do so as well. Linear; a text with nothing special in it is copied once.
pub(super) fn guard(text: &str, hints: Hints, voice: Voice, headings: Headings, out: &mut String) -> Ending {
    let tags = if hints.may_have(Hints::TAG) { hits(text) } else { Vec::new() };
    let regions = if tags.is_empty() { Regions::Unwanted } else { Regions::Wanted };
    let mut found = block::structure(text, voice, regions);
    let open = if tags.is_empty() { 0 } else { defuse(text, &tags, &mut found) };
    if headings == Headings::Keep {
        found.edits.clear();
    }
    apply(text, &found.edits, out);
    if let Some((mark, length)) = found.open_fence {
        if !text.ends_with('\n') {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n(mark, length));
    }
    if open > 0 {
        out.push('\n');
        (0..open).for_each(|_| out.push_str("\n</details>"));
    }
    Ending { list: found.list }
}

fn apply(text: &str, edits: &[Edit], out: &mut String) {
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.at).unwrap_or_default());
        out.push_str(edit.insert);
        done = done.max(edit.at.saturating_add(edit.remove));
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

/// The insides of the fences of `text`, ascending.
pub(super) fn fenced_ranges(text: &str, voice: Voice) -> Vec<Range<usize>> {
    if BACKTICKS.find(text.as_bytes()).is_none() && TILDES.find(text.as_bytes()).is_none() {
        return Vec::new();
    }
    let is_fenced = |region: &Region| region.kind == Kind::Fenced;
    let regions = block::structure(text, voice, Regions::Wanted).regions;
    regions.into_iter().filter(is_fenced).map(|region| region.range).collect()
}

/// Find what a fence begins with at least.
static BACKTICKS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("```"));
static TILDES: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("~~~"));

/// A tag in the text that could swallow what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    at: usize,
    tag: Tag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    /// `<details>`: harmless where it is closed.
    Open,
    /// `</details>`: harmless where it closes something.
    Close,
    /// Anything else: shown as text.
    Other,
}

/// Elements whose content is hidden, raw, or never ends where Markdown would end it.
const SWALLOWING: &[&str] = &[
    "script",
    "style",
    "pre",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "template",
    "select",
    "dialog",
    "svg",
    "math",
    "object",
    "audio",
    "video",
    "canvas",
    "form",
    "button",
];

fn hits(text: &str) -> Vec<Hit> {
    let bytes = text.as_bytes();
    let mut hits = Vec::new();
    for at in memchr_iter(b'<', bytes) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let (closes, rest) = rest.strip_prefix(b"/").map_or((false, rest), |rest| (true, rest));
        let name = block::tag_name(rest);
        if name.eq_ignore_ascii_case(b"details") {
            hits.push(Hit { at, tag: if closes { Tag::Close } else { Tag::Open } });
        } else if !name.is_empty() && block::is_among(name, SWALLOWING) {
            hits.push(Hit { at, tag: Tag::Other });
        }
    }
    hits
}

/// Adds edits that show dangerous tags as text; returns how many `<details>` are left to be closed.
fn defuse(text: &str, hits: &[Hit], found: &mut block::Structure) -> usize {
    let mut live: Vec<(Hit, &Region)> = Vec::new();
    let regions = &found.regions;
    let mut spans = Vec::new();
    let mut region_of_spans = None;
    for &hit in hits {
        let position = regions.partition_point(|region| region.range.end <= hit.at);
        let Some(region) = regions.get(position).filter(|region| region.range.contains(&hit.at)) else {
            continue;
        };
        match region.kind {
            Kind::Fenced | Kind::Indented => continue,
            Kind::Html => {}
            Kind::Inline => {
                if region_of_spans.replace(position) != Some(position) {
                    spans = code_spans(text, region.range.clone());
                }
                if is_within(hit.at, &spans) || is_escaped(text, hit.at) {
                    continue;
                }
            }
        }
        live.push((hit, region));
    }
    let mut open: Vec<(Hit, &Region)> = Vec::new();
    let mut shown: Vec<(Hit, &Region)> = Vec::new();
    for &(hit, region) in &live {
        match hit.tag {
            Tag::Open => open.push((hit, region)),
            Tag::Close if open.pop().is_some() => {}
            Tag::Close | Tag::Other => shown.push((hit, region)),
        }
    }
    // Inside a list or quote nothing that follows the text could close it.
    let (unclosed, inside): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, region)| region.depth == 0);
    shown.extend(inside);
    let known: std::collections::HashSet<usize> = found.edits.iter().map(|edit| edit.at).collect();
    let edits: Vec<Edit> = shown
        .iter()
        .filter(|(hit, _)| !known.contains(&hit.at))
        .map(|(hit, region)| match region.kind {
            Kind::Html => Edit { at: hit.at, remove: 1, insert: "&lt;" },
            _ => Edit { at: hit.at, remove: 0, insert: "\\" },
        })
        .collect();
    let unclosed = unclosed.len();
    found.edits.extend(edits);
    found.edits.sort_by_key(|edit| edit.at);
    unclosed
}

fn is_within(at: usize, ranges: &[Range<usize>]) -> bool {
    let position = ranges.partition_point(|range| range.end <= at);
    ranges.get(position).is_some_and(|range| range.contains(&at))
}

fn is_escaped(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The code spans in `range` of `text`, ascending. Linear but for a logarithm.
fn code_spans(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
    let end = range.end;
    let bytes = text.as_bytes();
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut by_length: HashMap<usize, Vec<usize>> = HashMap::new();
    let mut at = range.start;
    while let Some(found) = bytes.get(at..end).and_then(|rest| memchr(b'`', rest)) {
        let start = at + found;
        let rest = bytes.get(start..end).unwrap_or_default();
        let length = rest.iter().take_while(|&&byte| byte == b'`').count();
        by_length.entry(length).or_default().push(start);
        runs.push((start, length));
        at = start + length;
    }
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (start, length) in runs {
        if spans.last().is_some_and(|span| start < span.end) {
            continue;
        }
        // The first of the run may be escaped.
        let opening = length - usize::from(is_escaped(text, start));
        let starts = by_length.get(&opening).map_or(&[][..], Vec::as_slice);
        let next = starts.partition_point(|&other| other <= start);
        if let Some(&close) = starts.get(next) {
            spans.push(start..close + opening);
        }
    }
    spans
}

/// Writes `text` as a fence tagged `language` that nothing inside it can close. The text has to be clean.
pub(super) fn fence(language: &str, text: &str, out: &mut String) {
    let text = text.trim_end_matches(['\n', ' ', '\t']);
    let length = longest_run(text).saturating_add(1).max(3);
    out.extend(std::iter::repeat_n('`', length));
    let fits = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '#' | '.');
    out.extend(language.chars().take(40).take_while(fits));
    out.push('\n');
    out.push_str(text);
    if !text.is_empty() {
        out.push('\n');
    }
    out.extend(std::iter::repeat_n('`', length));
}

/// Finds two backticks: one alone ends no fence.
static PAIR: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("``"));

/// The length of the longest run of backticks in `text`, of those that are longer than one.
fn longest_run(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut longest, mut at) = (0, 0);
    while let Some(found) = bytes.get(at..).and_then(|rest| PAIR.find(rest)) {
        let start = at + found;
        let length = bytes.get(start..).unwrap_or_default().iter().take_while(|&&b| b == b'`').count();
        longest = longest.max(length);
        at = start + length;
    }
    longest
}

/// Writes the lines of `text` as a block quote.
pub(super) fn quote(text: &str, out: &mut String) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push('>');
        if !line.is_empty() {
            out.push(' ');
            out.push_str(line);
        }
    }
}

/// True if `text` is nothing but white space. Its end is not looked at where its beginning says enough.
pub(super) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

/// `text` without blank lines at its beginning and white space at its end.
pub(super) fn trim_block(text: &str) -> &str {
    let text = text.trim_end();
    if !text.starts_with(char::is_whitespace) {
        return text;
    }
    let first = text.len() - text.trim_start().len();
    let line = text.get(..first).and_then(|blank| blank.rfind('\n')).map_or(0, |at| at + 1);
    text.get(line..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
