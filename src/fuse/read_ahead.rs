//! Recognises readers that move through the tree, and names the conversations they will want next.
//!
//! Two conversations read close to each other in listing order, in either direction, make a *sequence*: `grep -r` moves
//! forwards, `rg` backwards, `xargs -P` roughly forwards. Ahead of each sequence a window of conversations is named, in
//! runs of neighbours, which are adjacent in the archive as well. The window starts small and doubles as the reader
//! follows, so two reads that are close by chance cost little; it is bounded in conversations and bytes. When the reads
//! stop, nothing more is named. Plain state: no threads, no locks.

use std::collections::VecDeque;

/// The smallest and the largest window, in conversations.
const FIRST_WINDOW: usize = 8;
const WINDOW: usize = 64;

/// The most JSON between a reader and the end of its window, in bytes.
const WINDOW_BYTES: u64 = 8 << 20;

/// How far apart two conversations may be to make a sequence.
const NEAR: usize = 8;

/// How many sequences are followed at a time.
const SEQUENCES: usize = 8;

/// What one worker takes at a time: enough that most of what it inflates is for itself, and little enough that the others
/// have something to do.
const RUN_BYTES: u64 = 1 << 20;
const RUN: usize = 16;

/// The JSON of the conversation at a rank, in bytes; `None` outside the tree.
pub(super) type SizeOf<'a> = &'a dyn Fn(usize) -> Option<u64>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Forwards,
    Backwards,
}

impl Direction {
    fn step(self, rank: usize) -> Option<usize> {
        match self {
            Self::Forwards => rank.checked_add(1),
            Self::Backwards => rank.checked_sub(1),
        }
    }

    /// How far `to` is ahead of `from`; `None` if it isn't.
    fn distance(self, from: usize, to: usize) -> Option<usize> {
        match self {
            Self::Forwards => to.checked_sub(from),
            Self::Backwards => from.checked_sub(to),
        }
    }
}

/// One reader's way through the tree.
struct Sequence {
    /// The conversation furthest along that was read.
    at: usize,
    /// `None` until a second conversation is read.
    direction: Option<Direction>,
    /// How many conversations to be ahead.
    window: usize,
    /// The sizes of the conversations after `at` that have been named.
    named: VecDeque<u64>,
    /// The next conversation to name; `None` at the end of the tree.
    next: Option<usize>,
    /// Whether the window is being filled. Once full, it is left alone until half of it has been read.
    filling: bool,
}

impl Sequence {
    fn at(rank: usize) -> Self {
        Self {
            at: rank,
            direction: None,
            window: FIRST_WINDOW,
            named: VecDeque::new(),
            next: None,
            filling: false,
        }
    }

    /// Moves to `rank` if it is on this sequence's way. A read a little behind `at` belongs to it too: parallel readers
    /// overtake each other.
    fn advance(&mut self, rank: usize) -> bool {
        let Some(direction) = self.direction else {
            if rank.abs_diff(self.at) > NEAR {
                return false;
            }
            let direction = if rank > self.at { Direction::Forwards } else { Direction::Backwards };
            self.direction = Some(direction);
            self.at = rank;
            self.next = direction.step(rank);
            self.filling = true;
            return true;
        };
        match direction.distance(self.at, rank) {
            Some(moved) if moved <= self.named.len().max(NEAR) => {
                let beyond = moved.saturating_sub(self.named.len());
                self.named.drain(..moved.min(self.named.len()));
                if beyond > 0 {
                    self.next = direction.step(rank);
                }
                self.at = rank;
                if self.named.len() <= self.window / 2 && !self.filling {
                    self.window = self.window.saturating_mul(2).min(WINDOW);
                    self.filling = true;
                }
                true
            }
            Some(_) => false,
            None => rank.abs_diff(self.at) <= NEAR,
        }
    }

    /// The next conversations to render ahead, if the window has room.
    fn run(&mut self, size_of: SizeOf<'_>) -> Vec<usize> {
        let (mut run, mut run_bytes) = (Vec::new(), 0_u64);
        let mut window_bytes = self.named.iter().copied().fold(0_u64, u64::saturating_add);
        while let (true, Some(rank), Some(direction)) = (self.filling, self.next, self.direction) {
            if run.len() >= RUN || run_bytes >= RUN_BYTES {
                return run;
            }
            let size = size_of(rank);
            window_bytes = window_bytes.saturating_add(size.unwrap_or_default());
            if self.named.len() >= self.window || window_bytes > WINDOW_BYTES {
                self.filling = false;
                return run;
            }
            self.next = size.and_then(|_| direction.step(rank));
            if let Some(size) = size {
                self.named.push_back(size);
                run.push(rank);
                run_bytes = run_bytes.saturating_add(size);
            }
        }
        run
    }
}

/// All sequences, the one that moved last in front.
#[derive(Default)]
pub(super) struct ReadAhead(VecDeque<Sequence>);

impl ReadAhead {
    /// Notes that the conversation at `rank` is read. True if there may be more to render ahead.
    pub(super) fn observe(&mut self, rank: usize) -> bool {
        // The kernel reads a file in chunks, and a conversation has several files.
        if self.0.iter().any(|sequence| sequence.at == rank) {
            return false;
        }
        // A reader whose way is known is the likelier one.
        let known =
            self.0.iter_mut().position(|sequence| sequence.direction.is_some() && sequence.advance(rank));
        let place = known.or_else(|| self.0.iter_mut().position(|sequence| sequence.advance(rank)));
        let Some(place) = place else {
            self.0.push_front(Sequence::at(rank));
            self.0.truncate(SEQUENCES);
            return false;
        };
        if let Some(sequence) = self.0.remove(place) {
            self.0.push_front(sequence);
        }
        self.0.front().is_some_and(|sequence| sequence.filling)
    }

    /// The next run of neighbours to render ahead; empty if there is none. Each conversation of a sequence is named once.
    pub(super) fn next_run(&mut self, size_of: SizeOf<'_>) -> Vec<usize> {
        self.0
            .iter_mut()
            .map(|sequence| sequence.run(size_of))
            .find(|run| !run.is_empty())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree of `count` conversations of `bytes` bytes each.
    fn tree(count: usize, bytes: u64) -> impl Fn(usize) -> Option<u64> {
        move |rank| (rank < count).then_some(bytes)
    }

    /// Every conversation that is named now, in order.
    fn named(ahead: &mut ReadAhead, size_of: SizeOf<'_>) -> Vec<usize> {
        std::iter::from_fn(|| Some(ahead.next_run(size_of)).filter(|run| !run.is_empty())).flatten().collect()
    }

    fn observe(ahead: &mut ReadAhead, ranks: impl IntoIterator<Item = usize>) {
        for rank in ranks {
            ahead.observe(rank);
        }
    }

    #[test]
    fn two_neighbours_begin_a_sequence_forwards() {
        let (tree, mut ahead) = (tree(200, 10), ReadAhead::default());
        observe(&mut ahead, [3, 3]);
        assert!(named(&mut ahead, &tree).is_empty(), "one conversation, read in chunks");
        observe(&mut ahead, [4]);
        assert_eq!(named(&mut ahead, &tree), (5..13).collect::<Vec<_>>());
    }

    #[test]
    fn two_neighbours_begin_a_sequence_backwards() {
        let (tree, mut ahead) = (tree(200, 10), ReadAhead::default());
        observe(&mut ahead, [100, 99]);
        assert_eq!(named(&mut ahead, &tree), (91..99).rev().collect::<Vec<_>>());
    }

    #[test]
    fn the_window_doubles_as_the_reader_follows_and_stays_bounded() {
        let (tree, mut ahead) = (tree(2000, 10), ReadAhead::default());
        let mut furthest = 0;
        for rank in 0..1000 {
            observe(&mut ahead, [rank]);
            let named = named(&mut ahead, &tree);
            furthest = named.last().copied().unwrap_or(furthest);
            assert!(furthest <= rank + WINDOW, "{furthest} at {rank}");
        }
        assert!(furthest > 1000 + WINDOW / 4, "{furthest}");
    }

    #[test]
    fn every_conversation_on_the_way_is_named_once_and_in_order() {
        let (tree, mut ahead) = (tree(500, 10), ReadAhead::default());
        let mut all = Vec::new();
        for rank in 0..500 {
            observe(&mut ahead, [rank]);
            all.extend(named(&mut ahead, &tree));
        }
        assert_eq!(all, (2..500).collect::<Vec<_>>());
    }

    #[test]
    fn parallel_readers_that_overtake_each_other_are_one_sequence() {
        let (tree, mut ahead) = (tree(200, 10), ReadAhead::default());
        observe(&mut ahead, [11, 10, 9, 10, 8, 6, 7]);
        let first = named(&mut ahead, &tree);
        assert_eq!(first, (0..6).rev().collect::<Vec<_>>(), "the tree begins there");
    }

    #[test]
    fn reads_far_apart_name_nothing() {
        let (tree, mut ahead) = (tree(1000, 10), ReadAhead::default());
        observe(&mut ahead, [500, 20, 900, 700, 100, 300]);
        assert!(named(&mut ahead, &tree).is_empty());
    }

    #[test]
    fn a_read_elsewhere_does_not_end_a_sequence() {
        let (tree, mut ahead) = (tree(1000, 10), ReadAhead::default());
        observe(&mut ahead, [0, 1]);
        assert_eq!(named(&mut ahead, &tree), (2..10).collect::<Vec<_>>());
        observe(&mut ahead, [500]);
        observe(&mut ahead, [5, 6]);
        assert_eq!(named(&mut ahead, &tree), (10..23).collect::<Vec<_>>());
        // A second reader beside the first.
        observe(&mut ahead, [501]);
        assert_eq!(named(&mut ahead, &tree).first(), Some(&502));
        observe(&mut ahead, [20]);
        assert_eq!(named(&mut ahead, &tree).first(), Some(&23));
    }

    #[test]
    fn the_window_is_bounded_in_bytes() {
        let (tree, mut ahead) = (tree(100, 1 << 20), ReadAhead::default());
        observe(&mut ahead, 0..50);
        assert_eq!(named(&mut ahead, &tree), (50..58).collect::<Vec<_>>());
    }

    #[test]
    fn a_sequence_ends_with_the_tree() {
        let (tree, mut ahead) = (tree(4, 1), ReadAhead::default());
        observe(&mut ahead, 0..4);
        assert!(named(&mut ahead, &tree).is_empty(), "everything has been read");
    }
}
