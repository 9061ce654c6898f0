//! Citations and other references: spans of code points in a text become links, and left-over marks go.
//!
//! Positions are code points of the raw text, before anything is trimmed or cleaned. A reference whose characters do
//! not stand where it says is taken to mean the nearest other place where they do.

mod marks;

use super::STEM;
use super::link::{self, Neighbours};
use crate::conversation::{Link, Meaning, Reference, SourceId};
use crate::markdown::{self, Hints, Voice};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Range;

/// What references may lead to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets<'d> {
    /// Web pages by their ids.
    pub(super) sources: &'d HashMap<SourceId, Link<'d>>,
    /// Files.
    pub(super) neighbours: Neighbours<'d>,
}

/// `text` with its references resolved. Only Markdown is searched for marks that no reference covers:
/// what a user typed stays. Time grows like n log n in the length of the text and the number of references.
///
/// What comes out may hold [`STEM`], but only where a link was put in. The hints that comes with it holds for it.
pub(super) fn resolve<'p>(
    text: &'p str,
    references: &[Reference<'_>],
    hints: Hints,
    voice: Voice,
    targets: Targets<'_>,
) -> (Cow<'p, str>, Hints) {
    let text = markdown::without_placeholder(text, hints);
    let may_be_marked = voice == Voice::Markdown && marks::may_be_in(hints);
    if references.is_empty() && !may_be_marked {
        return (text, hints);
    }
    let mut spans = Spans::default();
    if !references.is_empty() {
        referenced(&text, references, targets, &mut spans);
        spans.separate();
    }
    if may_be_marked {
        marks::find(&text, hints, targets, &mut spans);
    }
    if spans.list.is_empty() {
        return (text, hints);
    }
    (Cow::Owned(spans.apply(&text)), hints | Hints::of(&spans.replacements))
}

/// How a replacement stands in its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    /// A mark of the vendor's: blanks around it are put right.
    Mark,
    /// A piece of Markdown: blanks stay.
    Exact,
}

/// A range of the text, in bytes, and what takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    range: Range<usize>,
    /// Where it stands in [`Spans::replacements`].
    replacement: Range<usize>,
    spacing: Spacing,
}

/// The spans of one text. Their replacements are one string: most are short, and there may be many.
#[derive(Debug, Default)]
struct Spans {
    list: Vec<Span>,
    replacements: String,
}

impl Spans {
    /// Adds a span whose replacement `write` writes.
    fn add(&mut self, range: Range<usize>, spacing: Spacing, write: impl FnOnce(&mut String)) {
        let begin = self.replacements.len();
        write(&mut self.replacements);
        self.list.push(Span { range, replacement: begin..self.replacements.len(), spacing });
    }

    /// Puts the spans in order, none overlapping another: of two that do, the longer stays, or the one that shows
    /// something.
    fn separate(&mut self) {
        let spans = &mut self.list;
        spans.sort_by_key(|span| (span.range.start, span.range.end));
        let overlaps = |pair: &[Span]| match pair {
            [first, second] => first.range.end > second.range.start || first.range == second.range,
            _ => false,
        };
        if !spans.windows(2).any(overlaps) {
            return;
        }
        spans.sort_by_key(|span| (std::cmp::Reverse(span.range.len()), span.replacement.is_empty()));
        let mut accepted: BTreeMap<usize, Span> = BTreeMap::new();
        for span in spans.drain(..) {
            let before = accepted.range(..span.range.end).next_back();
            if before.is_none_or(|(_, before)| before.range.end <= span.range.start) {
                accepted.insert(span.range.start, span);
            }
        }
        spans.extend(accepted.into_values());
    }

    /// `text` with the spans, which are in order, replaced.
    fn apply(&self, text: &str) -> String {
        let room = text.len().saturating_add(self.replacements.len());
        let mut sentence = Sentence { out: String::with_capacity(room), gap: Gap::None };
        let mut done = 0;
        for span in &self.list {
            sentence.literal(text.get(done..span.range.start).unwrap_or_default());
            let replacement = self.replacements.get(span.replacement.clone()).unwrap_or_default();
            match span.spacing {
                Spacing::Mark => sentence.mark(replacement),
                Spacing::Exact => sentence.literal(replacement),
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

/// True if `range` overlaps one of `spans`, which are in order.
fn is_taken(range: &Range<usize>, spans: &[Span]) -> bool {
    let at = spans.partition_point(|other| other.range.end <= range.start);
    spans.get(at).is_some_and(|other| other.range.start < range.end)
}

/// Adds the spans of all references that can be found in `text`.
fn referenced(text: &str, references: &[Reference<'_>], targets: Targets<'_>, spans: &mut Spans) {
    let offsets = Offsets::of(text, references);
    spans.list.reserve(references.len());
    let mut displaced = Vec::new();
    for reference in references.iter().filter(|reference| !reference.matched.trim().is_empty()) {
        let (start, end) = (offsets.byte(reference.start), offsets.byte(reference.end));
        if text.get(start..end) == Some(reference.matched.as_ref()) {
            spans.add(start..end, Spacing::Mark, |out| meaning(&reference.meaning, targets, out));
        } else {
            displaced.push((start, reference));
        }
    }
    if displaced.is_empty() {
        return;
    }
    let claimed = spans.list.iter().map(|span| span.range.start).collect();
    let mut places = Places::new(text, claimed);
    for (wanted, reference) in displaced {
        if let Some(start) = places.claim(&reference.matched, wanted) {
            let range = start..start + reference.matched.len();
            spans.add(range, Spacing::Mark, |out| meaning(&reference.meaning, targets, out));
        }
    }
}

/// The byte offsets of the code points that references name.
enum Offsets {
    /// All code points are one byte.
    Ascii {
        length: usize,
    },
    Sparse {
        known: Vec<(usize, usize)>,
        length: usize,
    },
}

impl Offsets {
    fn of(text: &str, references: &[Reference<'_>]) -> Self {
        if text.is_ascii() {
            return Self::Ascii { length: text.len() };
        }
        let mut wanted: Vec<usize> = references.iter().flat_map(|r| [r.start, r.end]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut known = Vec::with_capacity(wanted.len());
        let (mut point, mut byte) = (0, 0);
        for wanted in wanted {
            let Some(found) = nth_point(text, byte, wanted - point) else { break };
            (point, byte) = (wanted, found);
            known.push((point, byte));
        }
        Self::Sparse { known, length: text.len() }
    }

    /// The byte offset of code point `point`; the length of the text if it has no such point.
    fn byte(&self, point: usize) -> usize {
        match self {
            Self::Ascii { length } => point.min(*length),
            Self::Sparse { known, length } => match known.binary_search_by_key(&point, |&(point, _)| point) {
                Ok(at) => known.get(at).map_or(*length, |&(_, byte)| byte),
                Err(_) => *length,
            },
        }
    }
}

/// Where the code point begins that comes `count` code points after the one that begins at `from`; `None` if there is
/// none. Counts block by block, which compilers vectorise, then word by word.
fn nth_point(text: &str, from: usize, mut count: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    const WORD: usize = size_of::<u64>();
    let is_first = |byte: u8| byte & 0xc0 != 0x80;
    let mut at = from;
    for block in text.as_bytes().get(at..)?.as_chunks::<BLOCK>().0 {
        // A block has too few bytes for the sum to overflow.
        let points =
            usize::from(block.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(u8::from(is_first(byte)))));
        if points > count {
            break;
        }
        count -= points;
        at += BLOCK;
    }
    for word in text.as_bytes().get(at..)?.as_chunks::<WORD>().0 {
        let word = u64::from_le_bytes(*word);
        let inner = (word >> 7) & (!word >> 6) & 0x0101_0101_0101_0101; // 10xxxxxx
        let points = WORD - inner.count_ones() as usize;
        if points > count {
            break;
        }
        count -= points;
        at += WORD;
    }
    let mut rest = text.as_bytes().get(at..)?.iter().zip(at..).filter(|&(&byte, _)| is_first(byte));
    rest.nth(count).map(|(_, at)| at)
}

/// Where certain strings occur in a text and are not taken yet.
struct Places<'t> {
    text: &'t str,
    claimed: HashSet<usize>,
    free: HashMap<&'t str, BTreeSet<usize>>,
    /// Bytes that may still be searched, so that hostile references can't make the work grow with their square.
    budget: usize,
}

impl<'t> Places<'t> {
    fn new(text: &'t str, claimed: HashSet<usize>) -> Self {
        let mut free: HashMap<_, BTreeSet<_>> = HashMap::new();
        for range in marks::closed(text) {
            if let Some(mark) = text.get(range.clone()) {
                free.entry(mark).or_default().insert(range.start);
            }
        }
        Self { text, claimed, free, budget: text.len().saturating_mul(64) }
    }

    /// Takes the place of `matched` that is nearest to `wanted`, in bytes.
    fn claim(&mut self, matched: &str, wanted: usize) -> Option<usize> {
        if !self.free.contains_key(matched) {
            self.search(matched)?;
        }
        let free = self.free.get_mut(matched)?;
        loop {
            let before = free.range(..wanted).next_back().copied();
            let after = free.range(wanted..).next().copied();
            let nearest = match (before, after) {
                (Some(before), Some(after)) if wanted - before <= after - wanted => before,
                (_, Some(after)) => after,
                (Some(before), None) => before,
                (None, None) => return None,
            };
            free.remove(&nearest);
            if self.claimed.insert(nearest) {
                return Some(nearest);
            }
        }
    }

    fn search(&mut self, matched: &str) -> Option<()> {
        self.budget = self.budget.checked_sub(self.text.len())?;
        let mut places = memchr::memmem::find_iter(self.text.as_bytes(), matched.as_bytes()).peekable();
        let first = *places.peek()?;
        let key = self.text.get(first..first + matched.len())?;
        self.free.insert(key, places.collect());
        Some(())
    }
}

/// Writes what stands for a reference.
fn meaning(meaning: &Meaning<'_>, targets: Targets<'_>, out: &mut String) {
    match meaning {
        Meaning::Nothing => {}
        Meaning::Citation(links) => citation(links.iter(), out),
        Meaning::Markdown(markdown) => out.push_str(&supplied(markdown)),
        Meaning::Plain(text) => out.push_str(&markdown::label(text)),
        Meaning::Links(links) => join(links.iter(), out),
        Meaning::File(file) => {
            let name = targets.neighbours.name(file);
            let label = markdown::label(&name);
            let address = targets.neighbours.file(file);
            if address.is_none() && label.is_empty() {
                return;
            }
            out.push('(');
            match address {
                Some(address) => markdown::link(&label, &address, out),
                None => out.push_str(&label),
            }
            out.push(')');
        }
    }
}

/// Writes `links` in parentheses; nothing if there are none.
fn citation<'l>(links: impl Iterator<Item = &'l Link<'l>>, out: &mut String) {
    let before = out.len();
    out.push('(');
    let begin = out.len();
    join(links, out);
    if out.len() == begin {
        out.truncate(before);
    } else {
        out.push(')');
    }
}

/// Writes `links` with commas between them.
fn join<'l>(links: impl Iterator<Item = &'l Link<'l>>, out: &mut String) {
    let begin = out.len();
    for link in links.filter(|link| !link::is_empty(link)) {
        if out.len() > begin {
            out.push_str(", ");
        }
        markdown::external(&link.label, &link.url, out);
    }
}

/// Markdown that the export supplies, without links to nowhere, tracking parameters and marks.
fn supplied(markdown: &str) -> String {
    let text: String = markdown.trim().chars().filter(|&c| !marks::is_mark(c) && c != STEM).collect();
    let text = without_empty_links(&text);
    if text == "()" { String::new() } else { marks::without_tracking(&text).into_owned() }
}

/// `[name]()` becomes `name`.
fn without_empty_links(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("]()") {
        let (before, after) = rest.split_at(at);
        match before.rfind('[') {
            Some(open) => {
                let (before, label) = before.split_at(open);
                out.push_str(before.strip_suffix('!').unwrap_or(before));
                out.push_str(label.get(1..).unwrap_or_default());
            }
            None => out.push_str(before),
        }
        rest = after.get(3..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// What stands at the end of the text so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Text.
    None,
    /// A mark that became something.
    Filled,
    /// A mark that became nothing.
    Empty,
}

/// Text in which marks are replaced, with the blanks that a reader expects.
struct Sentence {
    out: String,
    gap: Gap,
}

impl Sentence {
    fn literal(&mut self, text: &str) {
        let text = if self.gap == Gap::None { text } else { text.trim_start_matches('\u{200b}') };
        let Some(first) = text.chars().next() else { return };
        if self.gap == Gap::Empty && closes(first) {
            self.drop_blanks();
        }
        self.gap = Gap::None;
        self.out.push_str(text);
    }

    fn mark(&mut self, replacement: &str) {
        self.out.truncate(self.out.trim_end_matches('\u{200b}').len());
        if replacement.is_empty() {
            self.gap = Gap::Empty;
            return;
        }
        let follows = self.out.chars().next_back().is_some_and(|last| !last.is_whitespace());
        if follows && replacement.starts_with('(') {
            self.out.push(' ');
        }
        self.out.push_str(replacement);
        self.gap = Gap::Filled;
    }

    /// Removes the blanks at the end, unless they are the indent of the line.
    fn drop_blanks(&mut self) {
        let kept = self.out.trim_end_matches([' ', '\t']);
        if !kept.is_empty() && !kept.ends_with('\n') {
            self.out.truncate(kept.len());
        }
    }
}

/// True if no blank belongs before `c`.
fn closes(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '.' | ','
                | ';'
                | ':'
                | '!'
                | '?'
                | ')'
                | ']'
                | '}'
                | '…'
                | '。'
                | '，'
                | '、'
                | '；'
                | '：'
                | '！'
                | '？'
                | '）'
                | '】'
                | '」'
                | '』'
                | '”'
                | '»'
        )
}

#[cfg(test)]
mod tests;
