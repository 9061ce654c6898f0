//! Recognises who walks through the tree in the order of its listings, and says what they will read next.
//!
//! Two pages read in listing order are a walk. From then on the following pages are named, bounded in number
//! and bytes beyond the last one that was asked for; when the reads leave the order nothing more is named.
//! They are named half a window at a time, so that each worker gets neighbours, which lie in the same part of
//! the archive. Several walks at once are told apart. Plain state: no threads, no locks.

use super::Tree;
use super::pool::LARGE_BYTES;
use crate::fs::Ino;
use std::collections::VecDeque;

/// How many pages a walk is ahead of its reader at most.
pub(crate) const WINDOW_PAGES: usize = 64;

/// How many bytes of pages a walk is ahead of its reader at most.
pub(crate) const WINDOW_BYTES: u64 = 16 << 20;

/// How many walks are followed at a time.
const WALKS: usize = 4;

/// One reader's way through the tree.
struct Walk {
    /// The page that was read last.
    at: Ino,
    /// The pages after it that are rendered ahead, in order, with their sizes.
    ahead: VecDeque<(Ino, u64)>,
    /// How many of `ahead`, from the end, no worker has taken yet.
    untaken: usize,
    /// The page from which `ahead` is continued; `None` at the end of the tree.
    frontier: Option<Ino>,
}

impl Walk {
    fn beginning_at(at: Ino) -> Self {
        Self { at, ahead: VecDeque::new(), untaken: 0, frontier: None }
    }

    /// Moves on to `ino` if that lies on this walk's way.
    fn advance(&mut self, ino: Ino, tree: &dyn Tree) -> bool {
        if let Some(place) = self.ahead.iter().position(|(ahead, _)| *ahead == ino) {
            self.ahead.drain(..=place);
            self.untaken = self.untaken.min(self.ahead.len());
        } else if self.ahead.is_empty() && tree.next_rendered(self.at) == Some(ino) {
            self.frontier = Some(ino);
        } else {
            return false;
        }
        self.at = ino;
        self.look_ahead(tree);
        true
    }

    /// Fills the window again when half of it is left.
    fn look_ahead(&mut self, tree: &dyn Tree) {
        let mut bytes = self.ahead.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
        if self.ahead.len() > WINDOW_PAGES / 2 || bytes > WINDOW_BYTES / 2 {
            return;
        }
        // Large pages are left to their readers; passing them over must not become a search of its own.
        for _ in 0..WINDOW_PAGES {
            if self.ahead.len() >= WINDOW_PAGES {
                return;
            }
            let Some(next) = self.frontier.and_then(|frontier| tree.next_rendered(frontier)) else { return };
            let size = tree.attr(next).map_or(0, |attr| attr.size);
            if size < LARGE_BYTES {
                bytes = bytes.saturating_add(size);
                if bytes > WINDOW_BYTES {
                    return;
                }
                self.ahead.push_back((next, size));
                self.untaken = self.untaken.saturating_add(1);
            }
            self.frontier = Some(next);
        }
    }

    fn take(&mut self) -> Option<Ino> {
        let place = self.ahead.len().checked_sub(self.untaken)?;
        let (ino, _) = self.ahead.get(place)?;
        self.untaken = self.untaken.saturating_sub(1);
        Some(*ino)
    }
}

/// All walks under way, the one that moved last in front.
#[derive(Default)]
pub(crate) struct Walks(VecDeque<Walk>);

impl Walks {
    /// Notes that `ino`, a rendered page, is read. True if there may be more to render ahead.
    pub(crate) fn observe(&mut self, ino: Ino, tree: &dyn Tree) -> bool {
        // The kernel reads a file in pieces.
        if self.0.iter().any(|walk| walk.at == ino) {
            return false;
        }
        if let Some(place) = self.0.iter_mut().position(|walk| walk.advance(ino, tree)) {
            if let Some(walk) = self.0.remove(place) {
                self.0.push_front(walk);
            }
            return true;
        }
        self.0.push_front(Walk::beginning_at(ino));
        self.0.truncate(WALKS);
        false
    }

    /// The next page to render ahead. Each is named once.
    pub(crate) fn next_ahead(&mut self) -> Option<Ino> {
        self.0.iter_mut().find_map(Walk::take)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Double, Manner};
    use super::*;

    /// `count` pages of `bytes` bytes; page `n` has inode number `n + 2`.
    fn pages(count: usize, bytes: usize) -> Double {
        let names: Vec<_> = (0..count).map(|number| format!("{number}.md")).collect();
        Double::new(names.iter().map(|name| (name.as_str(), Manner::Page, vec![b'x'; bytes])))
    }

    fn named(walks: &mut Walks) -> Vec<u64> {
        std::iter::from_fn(|| walks.next_ahead()).map(|ino| ino.0 - 2).collect()
    }

    fn observe(walks: &mut Walks, tree: &Double, page: u64) {
        walks.observe(Ino(page + 2), tree);
    }

    #[test]
    fn two_pages_in_order_are_a_walk() {
        let (tree, mut walks) = (pages(200, 10), Walks::default());
        observe(&mut walks, &tree, 3);
        observe(&mut walks, &tree, 3);
        assert!(named(&mut walks).is_empty());
        observe(&mut walks, &tree, 4);
        assert_eq!(named(&mut walks), (5..69).collect::<Vec<_>>());
        observe(&mut walks, &tree, 5);
        assert!(named(&mut walks).is_empty(), "most of the window is left");
        // Some pages may be in the kernel's cache.
        observe(&mut walks, &tree, 36);
        assert_eq!(named(&mut walks), (69..101).collect::<Vec<_>>());
    }

    #[test]
    fn pages_out_of_order_are_none() {
        let (tree, mut walks) = (pages(100, 10), Walks::default());
        for page in [5, 4, 90, 88, 1, 50, 3, 70] {
            observe(&mut walks, &tree, page);
        }
        assert!(named(&mut walks).is_empty());
    }

    #[test]
    fn a_single_read_elsewhere_does_not_end_a_walk() {
        let (tree, mut walks) = (pages(300, 10), Walks::default());
        observe(&mut walks, &tree, 0);
        observe(&mut walks, &tree, 1);
        assert_eq!(named(&mut walks).len(), WINDOW_PAGES);
        observe(&mut walks, &tree, 200);
        observe(&mut walks, &tree, 34);
        assert_eq!(named(&mut walks).first(), Some(&66));
        // A second walk beside the first.
        observe(&mut walks, &tree, 201);
        assert_eq!(named(&mut walks).first(), Some(&202));
        observe(&mut walks, &tree, 70);
        assert_eq!(named(&mut walks).first(), Some(&99));
    }

    #[test]
    fn the_window_is_bounded_in_bytes_and_leaves_large_pages_to_their_readers() {
        let (tree, mut walks) = (pages(40, 1 << 20), Walks::default());
        observe(&mut walks, &tree, 0);
        observe(&mut walks, &tree, 1);
        assert_eq!(named(&mut walks), (2..18).collect::<Vec<_>>());

        let (tree, mut walks) = (pages(5, LARGE_BYTES as usize), Walks::default());
        observe(&mut walks, &tree, 0);
        observe(&mut walks, &tree, 1);
        assert!(named(&mut walks).is_empty());
        observe(&mut walks, &tree, 2);
        assert!(named(&mut walks).is_empty());
    }

    #[test]
    fn a_walk_ends_with_the_tree() {
        let (tree, mut walks) = (pages(4, 1), Walks::default());
        for page in 0..4 {
            observe(&mut walks, &tree, page);
        }
        assert!(named(&mut walks).is_empty(), "nobody needs what was read already");
    }
}
