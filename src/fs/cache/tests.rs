use super::*;
use crate::testing::until;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

fn page(cost: u64) -> Rendered {
    vec![b'x'; usize::try_from(cost - OVERHEAD_BYTES).unwrap()].into()
}

fn put(cache: &Cache, ino: u64, cost: u64) {
    cache.get_or_render(Ino(ino), || Ok(page(cost))).unwrap();
}

fn bytes(cache: &Cache) -> u64 {
    cache.0.lock().store.bytes
}

fn refused() -> Result<Rendered> {
    Err(Error::new(ErrorKind::Damaged, "gone"))
}

#[test]
fn pages_are_kept_within_the_bound_and_the_oldest_goes_first() {
    let cache = Cache::new(3000);
    for ino in 1..=4 {
        put(&cache, ino, 1000);
    }
    assert_eq!(bytes(&cache), 3000);
    assert!(cache.get(Ino(1)).is_none());
    for ino in 2..=4 {
        assert!(cache.get(Ino(ino)).is_some(), "{ino}");
    }
}

#[test]
fn tiny_pages_are_bounded_too() {
    let cache = Cache::new(10 * OVERHEAD_BYTES);
    for ino in 0..1000 {
        put(&cache, ino, OVERHEAD_BYTES);
    }
    assert_eq!(cache.0.lock().store.kept.len(), 10);
}

#[test]
fn a_walk_does_not_flush_what_is_read_again() {
    let cache = Cache::new(100_000);
    put(&cache, 1, 1000);
    // Others come and go, and then it is wanted again.
    for ino in 100..150 {
        put(&cache, ino, 1000);
    }
    assert!(cache.get(Ino(1)).is_some());
    // A walk over twenty times the cache, each page read in pieces.
    for ino in 1000..3000 {
        put(&cache, ino, 1000);
        for _ in 0..5 {
            assert!(cache.get(Ino(ino)).is_some());
        }
    }
    assert!(cache.get(Ino(1)).is_some());
    assert!(cache.get(Ino(149)).is_none());
    assert_eq!(cache.0.lock().store.protected.len(), 1);
}

#[test]
fn two_walks_side_by_side_flush_nothing_either() {
    let cache = Cache::new(100_000);
    put(&cache, 1, 1000);
    (100..150).for_each(|ino| put(&cache, ino, 1000));
    assert!(cache.get(Ino(1)).is_some());
    for ino in 1000..2000 {
        put(&cache, ino, 1000);
        put(&cache, ino + 5000, 1000);
        for _ in 0..5 {
            assert!(cache.get(Ino(ino)).is_some() && cache.get(Ino(ino + 5000)).is_some());
        }
    }
    assert!(cache.get(Ino(1)).is_some());
}

#[test]
fn a_page_above_the_bound_displaces_nothing_and_is_rendered_once_for_all_its_pieces() {
    let cache = Cache::new(3000);
    put(&cache, 1, 1000);
    put(&cache, 2, 5000);
    for _ in 0..3 {
        cache.get_or_render(Ino(2), || panic!("it is still there")).unwrap();
    }
    assert_eq!(bytes(&cache), 1000);
    assert!(cache.get(Ino(1)).is_some());
    // Any other page ends it.
    put(&cache, 3, 1000);
    assert!(cache.get(Ino(2)).is_none());
    assert!(cache.get(Ino(1)).is_some());
}

#[test]
fn errors_are_not_kept() {
    let cache = Cache::new(3000);
    assert_eq!(cache.get_or_render(Ino(1), refused).unwrap_err().to_string(), "gone");
    assert!(cache.get(Ino(1)).is_none());
    put(&cache, 1, 500);
    assert!(cache.get(Ino(1)).is_some());
}

/// Lets `ticket` end by `end` while `others` threads wait for it; returns what they got.
fn waiters(end: impl FnOnce(Ticket), others: usize) -> Vec<Result<Rendered>> {
    let cache = Cache::new(3000);
    let Claim::Mine(ticket) = cache.claim(Ino(1)) else { panic!("nobody had it") };
    let flight = Arc::clone(&ticket.flight);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..others)
            .map(|_| scope.spawn(|| cache.get_or_render(Ino(1), || panic!("somebody is at it"))))
            .collect();
        // Each who waits holds the flight; so do the ticket, the table and this test.
        until("every thread waits for the flight", || Arc::strong_count(&flight) >= others + 3);
        assert!(matches!(cache.claim(Ino(1)), Claim::Pending));
        end(ticket);
        let results = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(cache.0.lock().flights.is_empty());
        results
    })
}

#[test]
fn those_who_wait_get_the_page_also_if_it_is_not_kept() {
    for cost in [1000, 9000] {
        let results = waiters(|ticket| drop(ticket.finish(Ok(page(cost)))), 8);
        assert!(results.into_iter().all(|result| result.unwrap() == page(cost)), "{cost}");
    }
}

#[test]
fn those_who_wait_get_the_error() {
    for result in waiters(|ticket| drop(ticket.finish(refused())), 8) {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, "gone"));
    }
}

#[test]
fn a_panic_wakes_those_who_wait() {
    let panics = |ticket: Ticket| {
        let outcome = catch_unwind(AssertUnwindSafe(move || {
            let _mine = ticket;
            panic!("a bug in the renderer");
        }));
        assert!(outcome.is_err());
    };
    for result in waiters(panics, 8) {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Unexpected);
    }
    // And the next one renders anew.
    let cache = Cache::new(3000);
    let outcome = catch_unwind(AssertUnwindSafe(|| cache.get_or_render(Ino(1), || panic!("a bug"))));
    assert!(outcome.is_err());
    put(&cache, 1, 500);
}

#[test]
fn a_ticket_may_be_finished_by_another_thread() {
    let cache = Cache::new(3000);
    let Claim::Mine(ticket) = cache.claim(Ino(1)) else { panic!("nobody had it") };
    let waiting = cache.clone();
    let worker = thread::spawn(move || ticket.finish(Ok(page(1000))));
    let got = waiting.get_or_render(Ino(1), || panic!("somebody is at it, or done"));
    assert_eq!(got.unwrap(), worker.join().unwrap().unwrap());
}

#[test]
fn many_readers_of_one_page_render_it_once() {
    const READERS: usize = 16;
    const PAGES: u64 = 50;
    let cache = Cache::new(1 << 20);
    let rendered = AtomicUsize::new(0);
    let start = Barrier::new(READERS);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                start.wait();
                for ino in 0..PAGES {
                    let page = cache.get_or_render(Ino(ino), || {
                        rendered.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        Ok(page(1000 + ino))
                    });
                    assert_eq!(page.unwrap().len() as u64, 1000 + ino - OVERHEAD_BYTES);
                }
            });
        }
    });
    assert_eq!(rendered.load(Ordering::SeqCst) as u64, PAGES);
}

#[test]
fn those_who_park_under_the_lock_of_their_list_are_always_found() {
    let cache = Cache::new(10_000);
    let parked: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let answered = AtomicUsize::new(0);
    thread::scope(|scope| {
        for reader in 0..8u64 {
            let (cache, parked, answered) = (&cache, &parked, &answered);
            scope.spawn(move || {
                for ino in 0..200 {
                    let mut list = lock(parked);
                    match cache.claim(Ino(ino)) {
                        Claim::Ready(_) => _ = answered.fetch_add(1, Ordering::SeqCst),
                        Claim::Pending => list.push(ino),
                        Claim::Mine(ticket) => {
                            drop(list);
                            // Every third rendering fails.
                            let outcome = if (ino + reader) % 3 == 0 { refused() } else { Ok(page(1000)) };
                            let _ = ticket.finish(outcome);
                            let mut list = lock(parked);
                            let before = list.len();
                            list.retain(|&waiting| waiting != ino);
                            answered.fetch_add(1 + before - list.len(), Ordering::SeqCst);
                        }
                    }
                }
            });
        }
    });
    assert!(lock(&parked).is_empty());
    assert_eq!(answered.load(Ordering::SeqCst), 8 * 200);
}

/// The store again, as a list that is searched: oldest first.
#[derive(Debug)]
struct Model {
    bound: u64,
    /// Number, cost, protected, and what had been inserted when it came to where it is.
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
        while self.protected() > self.bound / 2 {
            let at = self.pages.iter().position(|page| page.2).unwrap();
            let page = self.pages.remove(at);
            self.pages.push((page.0, page.1, false, self.inserted));
        }
        true
    }

    fn insert(&mut self, ino: u64, cost: u64) {
        while self.pages.iter().map(|page| page.1).sum::<u64>() + cost > self.bound {
            let at = self.pages.iter().position(|page| !page.2).unwrap_or(0);
            self.pages.remove(at);
        }
        self.inserted += cost;
        self.pages.push((ino, cost, false, self.inserted));
    }
}

proptest! {
    #[test]
    fn the_store_does_what_a_list_would(uses in proptest::collection::vec((0u64..40, 0u64..4), 0..400)) {
        let mut store = Store::new(10_000);
        let mut model = Model { bound: 10_000, pages: Vec::new(), inserted: 0 };
        for (ino, size) in uses {
            // A page has one content for ever, hence one size.
            let cost = OVERHEAD_BYTES + ino * 40 + if ino == 7 { 9_000 } else { 0 };
            let found = store.get(Ino(ino)).is_some();
            prop_assert_eq!(found, model.get(ino));
            if !found && size > 0 {
                store.insert(Ino(ino), page(cost));
                model.insert(ino, cost);
            }
            let mut kept: Vec<(u64, bool)> =
                store.kept.iter().map(|(ino, kept)| (ino.0, kept.segment == Segment::Protected)).collect();
            let mut expected: Vec<(u64, bool)> = model.pages.iter().map(|page| (page.0, page.2)).collect();
            kept.sort_unstable();
            expected.sort_unstable();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(store.bytes, model.pages.iter().map(|page| page.1).sum::<u64>());
            prop_assert_eq!(store.protected_bytes, model.protected());
            prop_assert!(store.bytes <= store.bound);
            prop_assert_eq!(store.probation.len() + store.protected.len(), store.kept.len());
        }
    }
}
