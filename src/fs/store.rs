//! Rendered pages, bounded by bytes. Plain state: no threads, no locks.

use super::{Ino, Rendered};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Overhead per page in bytes, so that a million tiny pages are bounded too.
pub(super) const OVERHEAD_BYTES: u64 = 128;

/// The queue that a page is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Rendered, but not requested a second time: what a tree walk leaves behind.
    Probation,
    /// Requested again, or expensive to render again. At most half the bound.
    Protected,
}

#[derive(Debug)]
pub(super) struct StoredPage {
    page: Rendered,
    pub(super) segment: Segment,
    /// Key in the segment's queue; grows with every use.
    tick: u64,
    /// Total bytes inserted when this page entered its segment.
    since: u64,
}

/// Pages that have at least this many times as much JSON to read are expensive: the short branches of large
/// conversations. All of them together are small.
const EXPENSIVE: u64 = 32;

/// Two queues, each ordered by last use.
///
/// A page that is used again moves from probation to protection, and a tree walk only displaces pages on probation. One
/// use often takes many calls: the kernel reads a file in chunks, and a page rendered ahead is read soon after. So a
/// use only counts as another one if pages worth a quarter of the bound were inserted in between; a page stays on
/// probation at least twice as long.
#[derive(Debug)]
pub(super) struct PageStore {
    pub(super) bound: u64,
    /// The bound for now: lower while memory is needed elsewhere.
    limit: u64,
    pub(super) pages: HashMap<Ino, StoredPage>,
    pub(super) probation: BTreeMap<u64, Ino>,
    pub(super) protected: BTreeMap<u64, Ino>,
    pub(super) bytes: u64,
    pub(super) protected_bytes: u64,
    tick: u64,
    inserted: u64,
    oversized: Option<(Ino, Rendered)>,
}

impl PageStore {
    /// An empty store for at most `bound` bytes of pages, including a small fixed cost for each.
    ///
    /// A larger page neither displaces others nor counts towards the bound: it is kept until any other page is
    /// inserted. Otherwise reading it in chunks would render it once per chunk.
    pub(super) fn new(bound: u64) -> Self {
        Self {
            bound,
            limit: bound,
            pages: HashMap::new(),
            probation: BTreeMap::new(),
            protected: BTreeMap::new(),
            bytes: 0,
            protected_bytes: 0,
            tick: 0,
            inserted: 0,
            oversized: None,
        }
    }

    /// True if the page is in the store. Doesn't count as a use.
    pub(super) fn contains(&self, ino: Ino) -> bool {
        self.pages.contains_key(&ino)
            || self.oversized.as_ref().is_some_and(|(oversized, _)| *oversized == ino)
    }

    pub(super) fn get(&mut self, ino: Ino) -> Option<Rendered> {
        if let Some((_, page)) = self.oversized.as_ref().filter(|(oversized, _)| *oversized == ino) {
            return Some(Arc::clone(page));
        }
        self.tick = self.tick.saturating_add(1);
        let stored = self.pages.get_mut(&ino)?;
        let again = self.inserted.saturating_sub(stored.since) >= self.bound / 4;
        let page = Arc::clone(&stored.page);
        match stored.segment {
            Segment::Probation if again => {
                self.probation.remove(&stored.tick);
                stored.segment = Segment::Protected;
                self.protected_bytes = self.protected_bytes.saturating_add(cost(&page));
                self.protected.insert(self.tick, ino);
            }
            Segment::Probation => {
                self.probation.remove(&stored.tick);
                self.probation.insert(self.tick, ino);
            }
            Segment::Protected => {
                self.protected.remove(&stored.tick);
                self.protected.insert(self.tick, ino);
            }
        }
        stored.tick = self.tick;
        self.demote();
        Some(page)
    }

    /// Adds a page that was rendered by reading `json` bytes.
    pub(super) fn insert(&mut self, ino: Ino, page: Rendered, json: u64) {
        self.oversized = None;
        let cost = cost(&page);
        if cost > self.limit {
            self.oversized = Some((ino, page));
            return;
        }
        // Pages are immutable, so one that is already here is the same.
        if self.pages.contains_key(&ino) {
            return;
        }
        self.evict(self.limit.saturating_sub(cost));
        self.tick = self.tick.saturating_add(1);
        self.inserted = self.inserted.saturating_add(cost);
        self.bytes = self.bytes.saturating_add(cost);
        let segment = if json / EXPENSIVE >= cost {
            self.protected_bytes = self.protected_bytes.saturating_add(cost);
            self.protected.insert(self.tick, ino);
            Segment::Protected
        } else {
            self.probation.insert(self.tick, ino);
            Segment::Probation
        };
        let stored = StoredPage { page, segment, tick: self.tick, since: self.inserted };
        self.pages.insert(ino, stored);
        self.demote();
    }

    /// Limits the pages to `limit` bytes for now, and drops those that exceed it.
    pub(super) fn limit_to(&mut self, limit: u64) {
        self.limit = limit;
        self.evict(limit);
    }

    /// Drops all pages.
    pub(super) fn clear(&mut self) {
        *self = Self { limit: self.limit, ..Self::new(self.bound) };
    }

    /// Drops the oldest pages until there are at most `most` bytes.
    fn evict(&mut self, most: u64) {
        while self.bytes > most {
            let Some((_, oldest)) = self.probation.pop_first().or_else(|| self.protected.pop_first()) else {
                break;
            };
            self.forget(oldest);
        }
    }

    /// Drops a page that was removed from its queue.
    fn forget(&mut self, ino: Ino) {
        let Some(stored) = self.pages.remove(&ino) else { return };
        let cost = cost(&stored.page);
        self.bytes = self.bytes.saturating_sub(cost);
        if stored.segment == Segment::Protected {
            self.protected_bytes = self.protected_bytes.saturating_sub(cost);
        }
    }

    /// Moves the least recently used pages back to probation until protection takes at most half the bound.
    fn demote(&mut self) {
        while self.protected_bytes > self.bound / 2 {
            let Some((_, ino)) = self.protected.pop_first() else { return };
            let Some(stored) = self.pages.get_mut(&ino) else { continue };
            self.protected_bytes = self.protected_bytes.saturating_sub(cost(&stored.page));
            self.tick = self.tick.saturating_add(1);
            (stored.segment, stored.tick, stored.since) = (Segment::Probation, self.tick, self.inserted);
            self.probation.insert(self.tick, ino);
        }
    }
}

fn cost(page: &Rendered) -> u64 {
    (page.len() as u64).saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests;
