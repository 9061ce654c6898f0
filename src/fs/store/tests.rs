use super::*;
use proptest::prelude::*;

fn page(cost: u64) -> Rendered {
    vec![b'x'; usize::try_from(cost - OVERHEAD_BYTES).unwrap()].into()
}

fn put(store: &mut PageStore, ino: u64, cost: u64) {
    store.insert(Ino(ino), page(cost), 0);
}

#[test]
fn pages_stay_within_the_bound_and_the_oldest_are_evicted_first() {
    let mut store = PageStore::new(3000);
    (1..=4).for_each(|ino| put(&mut store, ino, 1000));
    assert_eq!(store.bytes, 3000);
    assert!(store.get(Ino(1)).is_none());
    assert!((2..=4).all(|ino| store.get(Ino(ino)).is_some()));
}

#[test]
fn a_lower_limit_drops_the_oldest_pages_immediately_and_holds_until_it_is_lifted() {
    let mut store = PageStore::new(3000);
    (1..=3).for_each(|ino| put(&mut store, ino, 1000));
    store.limit_to(2000);
    assert_eq!((store.bytes, store.contains(Ino(1))), (2000, false));
    put(&mut store, 4, 1000);
    assert_eq!((store.bytes, store.contains(Ino(2)), store.contains(Ino(4))), (2000, false, true));
    store.clear();
    (5..=8).for_each(|ino| put(&mut store, ino, 1000));
    assert_eq!(store.bytes, 2000);
    store.limit_to(3000);
    put(&mut store, 9, 1000);
    assert_eq!(store.bytes, 3000);
}

#[test]
fn tiny_pages_are_bounded_too() {
    let mut store = PageStore::new(10 * OVERHEAD_BYTES);
    (0..1000).for_each(|ino| put(&mut store, ino, OVERHEAD_BYTES));
    assert_eq!(store.pages.len(), 10);
}

#[test]
fn a_walk_does_not_flush_a_page_that_is_read_again() {
    let mut store = PageStore::new(100_000);
    put(&mut store, 1, 1000);
    // Others come and go, and then it is used again.
    (100..150).for_each(|ino| put(&mut store, ino, 1000));
    assert!(store.get(Ino(1)).is_some());
    // Walk over twenty times the cache, reading each page in chunks.
    for ino in 1000..3000 {
        put(&mut store, ino, 1000);
        assert!((0..5).all(|_| store.get(Ino(ino)).is_some()));
    }
    assert!(store.get(Ino(1)).is_some());
    assert!(store.get(Ino(149)).is_none());
    assert_eq!(store.protected.len(), 1);
}

#[test]
fn two_walks_side_by_side_flush_nothing_either() {
    let mut store = PageStore::new(100_000);
    put(&mut store, 1, 1000);
    (100..150).for_each(|ino| put(&mut store, ino, 1000));
    assert!(store.get(Ino(1)).is_some());
    for ino in 1000..2000 {
        put(&mut store, ino, 1000);
        put(&mut store, ino + 5000, 1000);
        for _ in 0..5 {
            assert!(store.get(Ino(ino)).is_some() && store.get(Ino(ino + 5000)).is_some());
        }
    }
    assert!(store.get(Ino(1)).is_some());
}

#[test]
fn a_page_above_the_bound_displaces_nothing_and_stays_until_the_next_one() {
    let mut store = PageStore::new(3000);
    put(&mut store, 1, 1000);
    put(&mut store, 2, 5000);
    assert!((0..3).all(|_| store.get(Ino(2)).is_some()) && store.contains(Ino(2)));
    assert_eq!(store.bytes, 1000);
    put(&mut store, 3, 1000);
    assert!(store.get(Ino(2)).is_none() && !store.contains(Ino(2)));
    assert!(store.get(Ino(1)).is_some());
}

#[test]
fn a_small_page_of_a_large_conversation_outlives_a_walk_even_if_it_is_read_once() {
    let mut store = PageStore::new(100_000);
    store.insert(Ino(1), page(1000), 1000 * EXPENSIVE);
    store.insert(Ino(2), page(1000), 1000 * EXPENSIVE - 1);
    (1000..1300).for_each(|ino| put(&mut store, ino, 1000));
    assert!(store.contains(Ino(1)) && !store.contains(Ino(2)));
    // More of them than fit take half of the room, and the oldest leave first.
    (10..110).for_each(|ino| store.insert(Ino(ino), page(1000), u64::MAX));
    (2000..2300).for_each(|ino| put(&mut store, ino, 1000));
    let kept: Vec<u64> = (1..110).filter(|&ino| store.contains(Ino(ino))).collect();
    assert_eq!(kept, (60..110).collect::<Vec<_>>());
}

/// The store as a plain list, oldest first.
#[derive(Debug)]
struct Model {
    bound: u64,
    /// Number, cost, protected, and the bytes inserted before it entered its segment.
    pages: Vec<(u64, u64, bool, u64)>,
    inserted: u64,
}

impl Model {
    fn protected(&self) -> u64 {
        self.pages.iter().filter(|page| page.2).map(|page| page.1).sum()
    }

    fn get(&mut self, ino: u64) -> bool {
        let Some(at) = self.pages.iter().position(|page| page.0 == ino) else { return false };
        let mut page = self.pages.remove(at);
        page.2 |= self.inserted - page.3 >= self.bound / 4;
        self.pages.push(page);
        self.demote();
        true
    }

    fn demote(&mut self) {
        while self.protected() > self.bound / 2 {
            let at = self.pages.iter().position(|page| page.2).unwrap();
            let page = self.pages.remove(at);
            self.pages.push((page.0, page.1, false, self.inserted));
        }
    }

    fn insert(&mut self, ino: u64, cost: u64, expensive: bool) {
        while self.pages.iter().map(|page| page.1).sum::<u64>() + cost > self.bound {
            let at = self.pages.iter().position(|page| !page.2).unwrap_or(0);
            self.pages.remove(at);
        }
        self.inserted += cost;
        self.pages.push((ino, cost, expensive, self.inserted));
        self.demote();
    }
}

proptest! {
    #[test]
    fn the_store_behaves_like_a_plain_list(uses in proptest::collection::vec((0u64..40, 0u64..4), 0..400)) {
        let mut store = PageStore::new(10_000);
        let mut model = Model { bound: 10_000, pages: Vec::new(), inserted: 0 };
        for (ino, size) in uses {
            // A page has one content, hence one size.
            let cost = OVERHEAD_BYTES + ino * 40 + if ino == 7 { 9_000 } else { 0 };
            let found = store.get(Ino(ino)).is_some();
            prop_assert_eq!(found, model.get(ino));
            if !found && size > 0 {
                let expensive = ino % 5 == 1;
                store.insert(Ino(ino), page(cost), if expensive { cost * EXPENSIVE } else { 0 });
                model.insert(ino, cost, expensive);
            }
            let mut kept: Vec<(u64, bool)> =
                store.pages.iter().map(|(ino, kept)| (ino.0, kept.segment == Segment::Protected)).collect();
            let mut expected: Vec<(u64, bool)> = model.pages.iter().map(|page| (page.0, page.2)).collect();
            kept.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(store.bytes, model.pages.iter().map(|page| page.1).sum::<u64>());
            prop_assert_eq!(store.protected_bytes, model.protected());
            prop_assert!(store.bytes <= store.bound);
            prop_assert_eq!(store.probation.len() + store.protected.len(), store.pages.len());
        }
    }
}
