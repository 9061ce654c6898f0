//! Code in Markdown: finds fences and code spans, and writes fences and quotes that their content can't close.

use super::block::{self, Kind, Region, Regions, Voice};
use memchr::{memchr, memmem};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

/// The kind of code at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeKind {
    /// A fence or indented code.
    Block,
    /// A code span.
    Span,
}

/// The code in a text.
#[derive(Debug)]
pub(crate) struct Code<'t> {
    text: &'t str,
    regions: Cow<'t, [Region]>,
    /// The code spans of the most recently examined region, with its position.
    spans: (Option<usize>, Vec<Range<usize>>),
}

impl<'t> Code<'t> {
    /// The code in `text`. Fast if there can't be any.
    pub(crate) fn of(text: &'t str, voice: Voice) -> Self {
        let bytes = text.as_bytes();
        let may_be = memchr(b'`', bytes).is_some() || TILDES.find(bytes).is_some() || may_indent(bytes);
        let regions =
            if may_be { block::structure(text, voice, Regions::Wanted).regions } else { Vec::new() };
        Self { text, regions: Cow::Owned(regions), spans: (None, Vec::new()) }
    }

    /// The code in `text`, whose structure is known.
    pub(crate) fn with_regions(text: &'t str, regions: &'t [Region]) -> Self {
        Self { text, regions: Cow::Borrowed(regions), spans: (None, Vec::new()) }
    }

    /// The kind of code that contains the byte at `at`, if any. Cheapest for ascending positions.
    pub(crate) fn at(&mut self, at: usize) -> Option<CodeKind> {
        let position = self.regions.partition_point(|region| region.range.end <= at);
        let region = self.regions.get(position).filter(|region| region.range.contains(&at))?;
        match region.kind {
            Kind::Fenced | Kind::Indented => Some(CodeKind::Block),
            Kind::Inline | Kind::Html => {
                if self.spans.0 != Some(position) {
                    self.spans = (Some(position), code_spans(self.text, region.range.clone()));
                }
                is_within(at, &self.spans.1).then_some(CodeKind::Span)
            }
        }
    }
}

/// True if a line of `bytes` may be indented code.
fn may_indent(bytes: &[u8]) -> bool {
    let is_deep = |line: &[u8]| line.starts_with(b"    ") || line.iter().take(4).any(|&byte| byte == b'\t');
    is_deep(bytes) || memchr::memchr_iter(b'\n', bytes).any(|at| bytes.get(at + 1..).is_some_and(is_deep))
}

/// The insides of the fences of `text`, ascending.
pub(crate) fn fenced_ranges(text: &str, voice: Voice) -> Vec<Range<usize>> {
    if BACKTICKS.find(text.as_bytes()).is_none() && TILDES.find(text.as_bytes()).is_none() {
        return Vec::new();
    }
    let is_fenced = |region: &Region| region.kind == Kind::Fenced;
    let regions = block::structure(text, voice, Regions::Wanted).regions;
    regions.into_iter().filter(is_fenced).map(|region| region.range).collect()
}

/// The shortest opening of a fence.
static BACKTICKS: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("```"));
static TILDES: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("~~~"));

/// True if `at` is inside one of `ranges`, which ascend.
pub(crate) fn is_within(at: usize, ranges: &[Range<usize>]) -> bool {
    let position = ranges.partition_point(|range| range.end <= at);
    ranges.get(position).is_some_and(|range| range.contains(&at))
}

/// True if a backslash escapes the byte at `at`.
pub(crate) fn is_escaped(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(..at).unwrap_or_default();
    before.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
}

/// The code spans in `range` of `text`, ascending. Time grows like n log n.
pub(crate) fn code_spans(text: &str, range: Range<usize>) -> Vec<Range<usize>> {
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

/// Writes `text`, which must be clean, as a fence tagged `language` that nothing inside it can close.
pub(crate) fn fence(language: &str, text: &str, out: &mut String) {
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

/// `text` as a code span on one line; nothing if it is blank.
pub(crate) fn code_span(text: &str) -> String {
    let text = text.trim().replace(['\n', '\r'], " ");
    if text.is_empty() {
        return text;
    }
    let longest = longest_run(&text).max(usize::from(text.contains('`')));
    let ticks = "`".repeat(longest.saturating_add(1));
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Finds two backticks: a single one never closes a fence.
static PAIR: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("``"));

/// The length of the longest run of two or more backticks in `text`; 0 if there is none.
pub(crate) fn longest_run(text: &str) -> usize {
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
pub(crate) fn quote(text: &str, out: &mut String) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        out.push('>');
        if !line.trim_end_matches('\r').is_empty() {
            out.push(' ');
            out.push_str(line);
        }
    }
}

#[cfg(test)]
mod tests;
