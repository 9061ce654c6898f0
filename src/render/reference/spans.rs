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
    /// A mark whose replacement ends its line: no word may follow on it.
    Line,
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
        let mut sentence = Sentence { out: String::with_capacity(room), ..Sentence::default() };
        let mut line = Line::default();
        let mut done = 0;
        for span in &self.list {
            sentence.literal(text.get(done..span.range.start).unwrap_or_default());
            let replacement = self.replacements.get(span.replacement.clone()).unwrap_or_default();
            let mut replacement = Cow::Borrowed(replacement);
            let ends_line = matches!(span.fit, Fit::Line | Fit::Block);
            if ends_line || replacement.contains(['|', '\n']) {
                line.find(text, span.range.start);
                let in_row = if span.fit == Fit::Block { line.begins_row } else { line.is_row };
                if in_row && line.begins_row && replacement.contains('\n') {
                    replacement = on_one_line(&replacement).into();
                }
                if in_row {
                    replacement = in_cell(&replacement).into();
                }
            }
            match span.fit {
                Fit::Exact => sentence.literal(&replacement),
                Fit::Line if !line.begins_row => sentence.line(&replacement, &line.around),
                Fit::Block if !line.begins_row => sentence.block(&replacement, &line.around),
                Fit::Mark | Fit::Line | Fit::Block => sentence.mark(&replacement),
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
struct Line {
    end: usize,
    /// It may be a table row.
    is_row: bool,
    /// It begins like a row, so that it is one if anything is.
    begins_row: bool,
    around: Surroundings,
}

impl Line {
    /// Examines the line of `text` at `at`. Successive calls pass ascending positions.
    fn find(&mut self, text: &str, at: usize) {
        if at < self.end {
            return;
        }
        let before = text.get(..at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let rest = text.get(at..).unwrap_or_default();
        self.end = at + rest.find('\n').map_or(rest.len(), |newline| newline + 1).max(1);
        let line = text.get(start..self.end.min(text.len())).unwrap_or_default();
        self.is_row = line.contains('|');
        self.begins_row = line.trim_start_matches([' ', '\t', '>']).starts_with('|');
        self.around = Surroundings::of(line);
    }
}

/// The list items and quotes that a line is in, as far as the line shows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Surroundings {
    /// What the line begins with: indentation and the marks of quotes and items.
    prefix: String,
    /// What further lines in it begin with.
    below: String,
}

impl Surroundings {
    /// That of `line`.
    fn of(line: &str) -> Self {
        /// Prefixes may be repeated for every line of a replacement. Longer ones are not looked at.
        const LONGEST: usize = 24;
        let bytes = line.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b' ' | b'\t' | b'>' => at += 1,
                _ => match item_mark(bytes.get(at..).unwrap_or_default()) {
                    Some(length) => at += length,
                    None => break,
                },
            }
        }
        let Some(prefix) = line.get(..at).filter(|prefix| prefix.len() <= LONGEST) else {
            return Self::default();
        };
        let below = prefix.chars().map(|c| if matches!(c, '>' | '\t') { c } else { ' ' }).collect();
        Self { prefix: prefix.to_owned(), below }
    }

    /// A line without text.
    fn blank(&self) -> &str {
        self.below.trim_end()
    }

    /// True if the line begins an item.
    fn begins_item(&self) -> bool {
        self.prefix != self.below
    }
}

/// The length of the list mark that `rest` begins with, without the blanks after it.
fn item_mark(rest: &[u8]) -> Option<usize> {
    /// Larger numbers are rather years that begin a sentence.
    const DIGITS: usize = 3;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_mark = match rest.get(digits)? {
        b'-' | b'*' | b'+' => digits == 0,
        b'.' | b')' => (1..=DIGITS).contains(&digits),
        _ => false,
    };
    (is_mark && matches!(rest.get(digits + 1), Some(b' ' | b'\t'))).then_some(digits + 1)
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Gap {
    /// Text.
    #[default]
    None,
    /// A mark with a replacement.
    Filled,
    /// A mark that was removed.
    Empty,
    /// A replacement that ends its line, and how that is nested.
    Line(Surroundings),
    /// A block that needs a blank line after it, and how it is nested.
    Block(Surroundings),
}

/// Text whose marks are replaced, with the blanks that a reader expects.
#[derive(Default)]
struct Sentence {
    out: String,
    gap: Gap,
    /// What follows a block, up to the first word.
    after: String,
}

impl Sentence {
    fn literal(&mut self, text: &str) {
        let mut text = if self.gap == Gap::None { text } else { text.trim_start_matches('\u{200b}') };
        if text.is_empty() {
            return;
        }
        match &self.gap {
            Gap::Empty => text = self.close_gap(text),
            Gap::Line(around) if text.starts_with(char::is_alphanumeric) => {
                self.out.push('\n');
                self.out.push_str(&around.below);
            }
            Gap::Block(_) => {
                self.after.push_str(text);
                if !text.trim().is_empty() {
                    self.leave_block();
                }
                return;
            }
            Gap::None | Gap::Filled | Gap::Line(_) => {}
        }
        self.gap = Gap::None;
        self.out.push_str(text);
    }

    /// Parts the text after a block from it.
    fn leave_block(&mut self) {
        let Gap::Block(around) = std::mem::replace(&mut self.gap, Gap::None) else { return };
        let after = std::mem::take(&mut self.after);
        let rest = after.trim_start_matches([' ', '\t', '\r']);
        let Some(lines) = rest.strip_prefix('\n') else {
            begin_paragraph(&mut self.out, &around);
            self.out.push_str(rest);
            return;
        };
        let begin = lines.find(|c: char| !matches!(c, ' ' | '\t' | '\r' | '\n')).unwrap_or(lines.len());
        let blank = lines.get(..begin).and_then(|blank| blank.rfind('\n'));
        let next = lines.split('\n').next().unwrap_or_default();
        let is_parted =
            blank.is_some() || next.contains('>') && next.trim_matches([' ', '\t', '>']).is_empty();
        self.out.push('\n');
        if !is_parted {
            self.out.push_str(around.blank());
        }
        if blank.is_some() || !is_parted {
            self.out.push('\n');
        }
        self.out.push_str(lines.get(blank.map_or(0, |end| end + 1)..).unwrap_or_default());
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
            if !matches!(self.gap, Gap::Block(_)) {
                self.gap = Gap::Empty;
            }
            return;
        }
        self.leave_block();
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

    /// A mark that ends its line.
    fn line(&mut self, replacement: &str, around: &Surroundings) {
        self.mark(replacement);
        if self.gap == Gap::Filled {
            self.gap = Gap::Line(around.clone());
        }
    }

    /// A block on lines of its own.
    fn block(&mut self, replacement: &str, around: &Surroundings) {
        if replacement.is_empty() {
            return self.mark(replacement);
        }
        if self.after.contains('\n') {
            self.leave_block();
        }
        self.after.clear();
        let before = self.out.strip_suffix(around.prefix.as_str()).map(str::len);
        let line_begin = before.filter(|&at| {
            let before = self.out.get(..at).unwrap_or_default();
            before.is_empty() || before.ends_with('\n')
        });
        match line_begin {
            // The item begins with the block.
            Some(_) if around.begins_item() => {}
            Some(at) => {
                self.out.truncate(at);
                let last = self.out.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
                let is_parted = self.out.ends_with("\n\n") || last.trim_matches([' ', '\t', '>']).is_empty();
                if !is_parted {
                    self.out.push_str(around.blank());
                    self.out.push('\n');
                }
                self.out.push_str(&around.below);
            }
            None => {
                self.out.truncate(self.out.trim_end().len());
                if !self.out.is_empty() {
                    begin_paragraph(&mut self.out, around);
                }
            }
        }
        for (number, line) in replacement.split('\n').enumerate() {
            if number > 0 {
                self.out.push('\n');
                self.out.push_str(if line.is_empty() { around.blank() } else { &around.below });
            }
            self.out.push_str(line);
        }
        self.gap = Gap::Block(around.clone());
    }

    /// Removes trailing blanks, unless they indent the line.
    fn drop_blanks(&mut self) {
        let kept = self.out.trim_end_matches([' ', '\t']);
        if !kept.is_empty() && !kept.ends_with('\n') {
            self.out.truncate(kept.len());
        }
    }
}

/// Begins a paragraph with the same `around`.
fn begin_paragraph(out: &mut String, around: &Surroundings) {
    out.push('\n');
    out.push_str(around.blank());
    out.push('\n');
    out.push_str(&around.below);
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
