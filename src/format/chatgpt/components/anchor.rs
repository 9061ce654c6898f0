//! References on their way through the writer: each is replaced by a character that occurs in no text, and gets its own
//! text back in the finished Markdown.

use crate::conversation::{Meaning, Reference, Text};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// The characters that replace references.
const FIRST: u32 = 0xf_0000;
const COUNT: usize = 0xfffd;

/// A reference whose place in the source is known.
#[derive(Clone, Debug)]
struct Known {
    /// In bytes.
    range: Range<usize>,
    number: usize,
}

/// The references of a text.
#[derive(Debug)]
pub(super) struct Anchors<'r, 'a> {
    given: &'r [Reference<'a>],
    /// Those found where they say they are, in order.
    known: Vec<Known>,
    /// The numbers of those that are written.
    taken: HashSet<usize>,
    /// How many characters may replace references: none if the source has one of them.
    most: usize,
    made: Vec<Reference<'a>>,
}

impl<'r, 'a> Anchors<'r, 'a> {
    pub(super) fn new(source: &str, given: &'r [Reference<'a>]) -> Self {
        let is_usable = memchr::memchr2(0xf3, 0xf4, source.as_bytes())
            .is_none_or(|_| !source.chars().any(|c| (FIRST..FIRST + COUNT as u32).contains(&u32::from(c))));
        let most = if is_usable { COUNT } else { 0 };
        let mut anchors = Self { given, known: Vec::new(), taken: HashSet::new(), most, made: Vec::new() };
        anchors.place(source);
        anchors
    }

    fn place(&mut self, source: &str) {
        let mut points: Vec<usize> =
            self.given.iter().flat_map(|reference| [reference.start, reference.end]).collect();
        points.sort_unstable();
        points.dedup();
        let mut bytes = Vec::with_capacity(points.len());
        let mut wanted = points.iter().copied().peekable();
        let ends = source.char_indices().map(|(at, _)| at).chain([source.len()]);
        for (point, at) in ends.enumerate() {
            let Some(&next) = wanted.peek() else { break };
            if point == next {
                bytes.push(at);
                wanted.next();
            }
        }
        let byte = |point: usize| points.binary_search(&point).ok().and_then(|at| bytes.get(at)).copied();
        for (number, reference) in self.given.iter().enumerate() {
            let (Some(start), Some(end)) = (byte(reference.start), byte(reference.end)) else { continue };
            let Some(text) = source.get(start..end).filter(|text| !text.is_empty()) else { continue };
            if text == reference.matched || reference.matched.is_empty() {
                self.known.push(Known { range: start..end, number });
            }
        }
        self.known.sort_by_key(|known| (known.range.start, known.range.end));
    }

    /// What the reference means that covers the tag at `tag`, or is inside it.
    pub(super) fn of_tag(&mut self, tag: &Range<usize>) -> Option<&'r Meaning<'a>> {
        /// References rarely overlap; more than these are not looked at.
        const MOST: usize = 8;
        let end = self.known.partition_point(|known| known.range.start < tag.end);
        let start = end.saturating_sub(MOST);
        let mut found = None;
        for known in self.known.get(start..end)?.iter().rev() {
            let covers = known.range.start <= tag.start && known.range.end >= tag.end;
            let is_inside = known.range.start >= tag.start && known.range.end <= tag.end;
            if covers || is_inside {
                self.taken.insert(known.number);
                let meaning = self.given.get(known.number).map(|reference| &reference.meaning);
                found = found.or(meaning.filter(|meaning| !matches!(meaning, Meaning::Nothing)));
            }
        }
        found
    }

    /// `text`, which is at `range` in the source, with an anchor for each reference in it.
    pub(super) fn text<'s>(&mut self, text: &'s str, range: &Range<usize>) -> Cow<'s, str> {
        let first = self.known.partition_point(|known| known.range.start < range.start);
        let is_inside = |known: &Known| known.range.end <= range.end;
        if !self.known.get(first).is_some_and(is_inside) {
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut done = range.start;
        for at in first..self.known.len() {
            let Some(known) = self.known.get(at).filter(|known| known.range.start < range.end) else {
                break;
            };
            if known.range.end > range.end || known.range.start < done {
                continue;
            }
            let Some(reference) =
                self.given.get(known.number).filter(|reference| !reference.matched.is_empty())
            else {
                continue;
            };
            let Known { range: place, number } = known.clone();
            let Some(anchor) = self.anchor(reference.clone()) else { break };
            self.taken.insert(number);
            out.push_str(text.get(done - range.start..place.start - range.start).unwrap_or_default());
            out.push(anchor);
            done = place.end;
        }
        out.push_str(text.get(done - range.start..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn anchor(&mut self, reference: Reference<'a>) -> Option<char> {
        let number = self.made.len();
        let anchor = (number < self.most).then(|| char::from_u32(FIRST + number as u32))??;
        self.made.push(reference);
        Some(anchor)
    }

    /// A character that becomes `matched`, which means `meaning`; `None` if all such characters are taken.
    pub(super) fn make(&mut self, matched: Text<'a>, meaning: Meaning<'a>) -> Option<char> {
        self.anchor(Reference { start: 0, end: 0, matched, meaning })
    }

    /// `text` with the characters of the references in place of their anchors, and all references with their places.
    pub(super) fn settle(self, text: String) -> (String, Vec<Reference<'a>>) {
        // The renderer searches for the others by the text they match.
        let given = self.given.iter().enumerate();
        let lost =
            given.filter(|(number, reference)| !self.taken.contains(number) && !reference.matched.is_empty());
        let mut references: Vec<_> = lost.map(|(_, reference)| reference.clone()).collect();
        if self.made.is_empty() {
            return (text, references);
        }
        let mut out = String::with_capacity(text.len());
        let mut points = 0;
        for c in text.chars() {
            let number = u32::from(c).checked_sub(FIRST).map(|number| number as usize);
            if let Some(reference) = number.and_then(|number| self.made.get(number)) {
                let length = reference.matched.chars().count();
                out.push_str(&reference.matched);
                references.push(Reference { start: points, end: points + length, ..reference.clone() });
                points += length;
            } else {
                out.push(c);
                points += 1;
            }
        }
        (out, references)
    }
}
