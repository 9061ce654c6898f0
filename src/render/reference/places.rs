//! Positions of references: code points as byte offsets, and the nearest position for a displaced reference.

use crate::conversation::Reference;
use std::collections::{BTreeSet, HashMap, HashSet};

/// Byte offsets of the code points named by references.
pub(super) enum Offsets {
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
    pub(super) fn of(text: &str, references: &[Reference<'_>]) -> Self {
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
    pub(super) fn byte(&self, point: usize) -> usize {
        match self {
            Self::Ascii { length } => point.min(*length),
            Self::Sparse { known, length } => match known.binary_search_by_key(&point, |&(point, _)| point) {
                Ok(at) => known.get(at).map_or(*length, |&(_, byte)| byte),
                Err(_) => *length,
            },
        }
    }
}

/// The byte offset of the code point `count` code points after the one at `from`; `None` past the end. Counts block by
/// block, which compilers vectorise, then word by word.
pub(super) fn nth_point(text: &str, from: usize, mut count: usize) -> Option<usize> {
    const BLOCK: usize = 64;
    const WORD: usize = size_of::<u64>();
    let is_first = |byte: u8| byte & 0xc0 != 0x80;
    let mut at = from;
    for block in text.as_bytes().get(at..)?.as_chunks::<BLOCK>().0 {
        // A block is too short for the sum to overflow.
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

/// Occurrences of certain strings in a text that are not claimed yet.
pub(super) struct Places<'t> {
    text: &'t str,
    claimed: HashSet<usize>,
    free: HashMap<&'t str, BTreeSet<usize>>,
    /// Pairs of first and last character whose occurrences are all in `free`.
    pairs: HashSet<(char, char)>,
    /// Bytes left to search: a bound that keeps hostile references from making the work quadratic.
    budget: usize,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str, claimed: HashSet<usize>) -> Self {
        let budget = text.len().saturating_mul(64);
        Self { text, claimed, free: HashMap::new(), pairs: HashSet::new(), budget }
    }

    /// Claims the occurrence of `matched` nearest to `wanted`, in bytes.
    pub(super) fn claim(&mut self, matched: &str, wanted: usize) -> Option<usize> {
        if !self.free.contains_key(matched) {
            self.gather(matched);
        }
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

    /// Finds all occurrences that begin and end like `matched`. Most references of a text do, so one search serves them
    /// all.
    fn gather(&mut self, matched: &str) {
        const MAX_PAIRS: usize = 8;
        let (Some(first), Some(last)) = (matched.chars().next(), matched.chars().next_back()) else { return };
        if first == last || self.pairs.len() >= MAX_PAIRS || !self.pairs.insert((first, last)) {
            return;
        }
        let mut open = None;
        for (at, found) in self.text.match_indices([first, last]) {
            if found.starts_with(first) {
                open = Some(at);
            } else if let Some(start) = open.take()
                && let Some(place) = self.text.get(start..at + found.len())
            {
                self.free.entry(place).or_default().insert(start);
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
