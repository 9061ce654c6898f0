//! Spans of a text, their replacements, and the blanks around them.

use super::Spacing;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// How a replacement fits into the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It replaces text written by a machine: the blanks around it are adjusted.
    Mark,
    /// It is part of the text: blanks are kept.
    Exact,
    /// It needs lines of its own.
    Block,
}

impl From<Fit> for Spacing {
    fn from(fit: Fit) -> Self {
        if fit == Fit::Exact { Self::Exact } else { Self::Mark }
    }
}

/// A range of the text, in bytes, and its replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ReplacedSpan {
    range: Range<usize>,
    /// Its range in [`Spans::replacements`].
    replacement: Range<usize>,
    fit: Fit,
}

/// The spans of one text. Their replacements share one string, as most are short and there may be many.
#[derive(Debug, Default)]
pub(super) struct Spans {
    list: Vec<ReplacedSpan>,
    replacements: String,
}

impl Spans {
    /// Adds a span, with a replacement written by `write`.
    pub(super) fn add(&mut self, range: Range<usize>, fit: Fit, write: impl FnOnce(&mut String)) {
        let begin = self.replacements.len();
        write(&mut self.replacements);
        self.list.push(ReplacedSpan { range, replacement: begin..self.replacements.len(), fit });
    }

    /// Makes room for `count` more.
    pub(super) fn reserve(&mut self, count: usize) {
        self.list.reserve(count);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        self.list.iter().map(|span| span.range.clone())
    }

    /// All replacements, one after another.
    pub(super) fn replacements(&self) -> &str {
        &self.replacements
    }

    /// Keeps the spans for which `keep` returns true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&Range<usize>, Spacing) -> bool) {
        self.list.retain(|span| keep(&span.range, span.fit.into()));
    }

    /// Adds all of `other`.
    pub(super) fn append(&mut self, other: Self) {
        let shift = self.replacements.len();
        self.replacements.push_str(&other.replacements);
        self.list.extend(other.list.into_iter().map(|span| {
            let replacement = span.replacement.start + shift..span.replacement.end + shift;
            ReplacedSpan { replacement, ..span }
        }));
    }

    /// Sorts the spans and resolves overlaps: the longer span wins, or the one that shows something.
    pub(super) fn separate(&mut self) {
        let spans = &mut self.list;
        spans.sort_by_key(|span| (span.range.start, span.range.end));
        let overlaps = |pair: &[ReplacedSpan]| match pair {
            [first, second] => first.range.end > second.range.start || first.range == second.range,
            _ => false,
        };
        if !spans.windows(2).any(overlaps) {
            return;
        }
        spans.sort_by_key(|span| (std::cmp::Reverse(span.range.len()), span.replacement.is_empty()));
        let mut accepted: BTreeMap<usize, ReplacedSpan> = BTreeMap::new();
        for span in spans.drain(..) {
            let before = accepted.range(..span.range.end).next_back();
            if before.is_none_or(|(_, before)| before.range.end <= span.range.start) {
                accepted.insert(span.range.start, span);
            }
        }
        spans.extend(accepted.into_values());
    }

    /// `text` with the spans, which must be in order, replaced.
    pub(super) fn apply(&self, text: &str) -> String {
        let room = text.len().saturating_add(self.replacements.len());
        let mut sentence = Sentence { out: String::with_capacity(room), gap: Gap::None };
        let mut line = RowLine::default();
        let mut done = 0;
        for span in &self.list {
            sentence.literal(text.get(done..span.range.start).unwrap_or_default());
            let replacement = self.replacements.get(span.replacement.clone()).unwrap_or_default();
            let mut replacement = Cow::Borrowed(replacement);
            let may_end_cell = span.fit != Fit::Block && replacement.contains(['|', '\n']);
            if may_end_cell && line.is_row(text, span.range.start) {
                if line.begins_row && replacement.contains('\n') {
                    replacement = on_one_line(&replacement).into();
                }
                replacement = in_cell(&replacement).into();
            }
            match span.fit {
                Fit::Mark => sentence.mark(&replacement),
                Fit::Exact => sentence.literal(&replacement),
                Fit::Block => sentence.block(&replacement),
            }
            done = span.range.end;
        }
        sentence.literal(text.get(done..).unwrap_or_default());
        if sentence.gap == Gap::Empty {
            sentence.drop_blanks();
        }
        sentence.out
    }
}

/// True if `range` overlaps one of `ranges`, which are in order.
pub(super) fn is_taken(range: &Range<usize>, ranges: &[Range<usize>]) -> bool {
    let at = ranges.partition_point(|other| other.end <= range.start);
    ranges.get(at).is_some_and(|other| other.start < range.end)
}

/// The last line examined, so that a line is examined once however many spans it has.
#[derive(Debug, Default)]
struct RowLine {
    end: usize,
    is_row: bool,
    /// It begins like a row, so that it is one if anything is.
    begins_row: bool,
}

impl RowLine {
    /// True if the line of `text` at `at` may be a table row. Successive calls pass ascending positions.
    fn is_row(&mut self, text: &str, at: usize) -> bool {
        if at >= self.end {
            let before = text.get(..at).unwrap_or_default();
            let start = before.rfind('\n').map_or(0, |newline| newline + 1);
            let rest = text.get(at..).unwrap_or_default();
            self.end = at + rest.find('\n').map_or(rest.len(), |newline| newline + 1).max(1);
            let line = text.get(start..self.end.min(text.len())).unwrap_or_default();
            self.is_row = line.contains('|');
            self.begins_row = line.trim_start_matches([' ', '\t', '>']).starts_with('|');
        }
        self.is_row
    }
}

/// The lines of `replacement` on the one line of a cell.
fn on_one_line(replacement: &str) -> String {
    let lines: Vec<_> = replacement.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("<br>")
}

/// `replacement` escaped for a table cell, so that no bar in a label or an address ends the cell.
fn in_cell(replacement: &str) -> String {
    let mut escaped = String::with_capacity(replacement.len() + 8);
    let (mut before, mut in_address) = (' ', false);
    for c in replacement.chars() {
        match c {
            '(' if before == ']' => in_address = true,
            ')' => in_address = false,
            '|' if in_address => {
                escaped.push_str("%7C");
                before = c;
                continue;
            }
            '|' if before != '\\' => escaped.push('\\'),
            _ => {}
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// True if `text` ends with the start tag of an HTML element.
fn ends_in_opening_tag(text: &str) -> bool {
    /// Longer tags are rare.
    const LONGEST: usize = 64;
    if !text.ends_with('>') || text.ends_with("/>") || text.ends_with("br>") {
        return false;
    }
    let bytes = text.as_bytes();
    let tail = bytes.get(bytes.len().saturating_sub(LONGEST)..).unwrap_or_default();
    let name = memchr::memrchr(b'<', tail).and_then(|at| tail.get(at + 1));
    name.is_some_and(u8::is_ascii_alphabetic)
}

/// How the text so far ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Text.
    None,
    /// A mark with a replacement.
    Filled,
    /// A mark that was removed.
    Empty,
    /// A block that needs a blank line after it.
    Block,
}

/// Text whose marks are replaced, with the blanks that a reader expects.
struct Sentence {
    out: String,
    gap: Gap,
}

impl Sentence {
    fn literal(&mut self, text: &str) {
        let mut text = if self.gap == Gap::None { text } else { text.trim_start_matches('\u{200b}') };
        if self.gap == Gap::Block {
            text = text.trim_start_matches([' ', '\t', '\n', '\r']);
        }
        if text.is_empty() {
            return;
        }
        match self.gap {
            Gap::Empty => text = self.close_gap(text),
            Gap::Block => self.out.push_str("\n\n"),
            Gap::None | Gap::Filled => {}
        }
        self.gap = Gap::None;
        self.out.push_str(text);
    }

    /// Cleans up around a removed mark before `text`: drops extra blanks and the empty brackets or emphasis around it.
    /// Returns the rest of `text`.
    fn close_gap<'t>(&mut self, text: &'t str) -> &'t str {
        let mut text = text;
        if self.out.ends_with('(')
            && let Some(rest) = text.strip_prefix(')')
        {
            self.out.pop();
            text = rest;
        } else if let Some(rest) = self.empty_emphasis(text) {
            text = rest;
        }
        let begins_line = self.out.is_empty() || self.out.ends_with('\n');
        if begins_line || self.opens_emphasis() {
            text = text.trim_start_matches([' ', '\t']);
        }
        if closes(text) {
            self.drop_blanks();
            // The sentence ended before the mark, and once more after it.
            if self.out.ends_with('.') && !self.out.ends_with("..") && !text.starts_with("..") {
                text = text.strip_prefix('.').unwrap_or(text);
            }
        }
        text
    }

    /// If `text` begins by closing emphasis just opened, removes both marks and returns the rest of `text`.
    fn empty_emphasis<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        let run = self.emphasis();
        if run == 0 || !self.opens_emphasis() {
            return None;
        }
        let marks = self.out.get(self.out.len() - run..)?;
        let rest = text.strip_prefix(marks).filter(|rest| !rest.starts_with(['*', '_']))?;
        self.out.truncate(self.out.len() - run);
        Some(rest)
    }

    /// The length of the run of emphasis marks at the end.
    fn emphasis(&self) -> usize {
        let Some(mark) = self.out.bytes().next_back().filter(|mark| matches!(mark, b'*' | b'_')) else {
            return 0;
        };
        self.out.bytes().rev().take(4).take_while(|&byte| byte == mark).count()
    }

    /// True if the text so far ends with marks that open emphasis, preceded only by a blank or bracket.
    fn opens_emphasis(&self) -> bool {
        let run = self.emphasis();
        let before = self.out.get(..self.out.len() - run).and_then(|before| before.chars().next_back());
        // A single mark at the beginning of a line is a list marker.
        let in_line = run > 1 || before.is_some_and(|c| c != '\n');
        run > 0
            && run < 4
            && in_line
            && before.is_none_or(|c| c.is_whitespace() || matches!(c, '(' | '[' | '"' | '|'))
    }

    fn mark(&mut self, replacement: &str) {
        self.out.truncate(self.out.trim_end_matches('\u{200b}').len());
        if replacement.is_empty() {
            if self.gap != Gap::Block {
                self.gap = Gap::Empty;
            }
            return;
        }
        if self.gap == Gap::Block {
            self.out.push_str("\n\n");
        }
        // No blank is needed after a start tag, and none may follow the marks that open emphasis.
        let is_begun =
            self.out.ends_with(['(', '[']) || ends_in_opening_tag(&self.out) || self.opens_emphasis();
        let follows = !is_begun && self.out.chars().next_back().is_some_and(|last| !last.is_whitespace());
        if follows && replacement.starts_with('(') {
            self.out.push(' ');
        }
        self.out.push_str(replacement);
        self.gap = Gap::Filled;
    }

    fn block(&mut self, replacement: &str) {
        if replacement.is_empty() {
            return self.mark(replacement);
        }
        self.out.truncate(self.out.trim_end().len());
        if !self.out.is_empty() {
            self.out.push_str("\n\n");
        }
        self.out.push_str(replacement);
        self.gap = Gap::Block;
    }

    /// Removes trailing blanks, unless they indent the line.
    fn drop_blanks(&mut self) {
        let kept = self.out.trim_end_matches([' ', '\t']);
        if !kept.is_empty() && !kept.ends_with('\n') {
            self.out.truncate(kept.len());
        }
    }
}

/// True if no blank belongs before `text`.
fn closes(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    match first {
        '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '}' | '…' | '。' | '，' | '、' | '；' | '：'
        | '！' | '？' | '）' | '】' | '」' | '』' | '”' | '»' => true,
        '<' => text.starts_with("</"),
        // These close something if no word follows.
        '*' | '_' | '~' | '"' | '\'' | '`' => {
            let after = text.trim_start_matches(first).chars().next();
            after.is_none_or(|after| !after.is_alphanumeric() && !matches!(after, '*' | '_' | '`' | '['))
        }
        _ => first.is_whitespace(),
    }
}
