use super::*;
use crate::testing::until;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

const GROUP: Ino = Ino(1);

fn page(bytes: usize) -> Rendered {
    vec![b'x'; bytes].into()
}

fn refused() -> Result<Rendered> {
    Err(Error::new(ErrorKind::Damaged, "gone"))
}

/// Requests a page, and returns a receiver for what is delivered.
fn ask(cache: &PageCache, ino: Ino) -> (Option<Ticket>, Receiver<Result<Rendered>>) {
    let (sender, receiver) = channel();
    (cache.request(GROUP, ino, Box::new(move |page| drop(sender.send(page)))), receiver)
}

#[test]
fn the_first_reader_gets_the_ticket_and_all_get_the_page() {
    let cache = PageCache::new(3000);
    let (ticket, first) = ask(&cache, Ino(1));
    let others: Vec<_> = (0..8).map(|_| ask(&cache, Ino(1))).collect();
    let mut ticket = ticket.unwrap();
    assert!(others.iter().all(|(ticket, _)| ticket.is_none()) && cache.claim(GROUP).is_none());
    assert_eq!(ticket.wanted(), [Ino(1)]);
    ticket.deliver(vec![(Ino(1), Ok(page(100)))], 0);
    assert!(ticket.finish().is_none());
    assert!(
        others
            .into_iter()
            .map(|(_, page)| page)
            .chain([first])
            .all(|got| *got.recv().unwrap().unwrap() == *page(100))
    );
    let (ticket, again) = ask(&cache, Ino(1));
    assert!(ticket.is_none() && again.recv().unwrap().is_ok());
}

#[test]
fn a_page_too_large_to_cache_is_still_delivered() {
    let cache = PageCache::new(3000);
    let (ticket, got) = ask(&cache, Ino(1));
    ticket.unwrap().deliver(vec![(Ino(1), Ok(page(9000)))], 0);
    assert_eq!(got.recv().unwrap().unwrap().len(), 9000);
}

#[test]
fn readers_of_other_pages_of_the_group_wait_for_its_ticket() {
    let cache = PageCache::new(3000);
    let (ticket, first) = ask(&cache, Ino(1));
    let (other, second) = ask(&cache, Ino(2));
    let (late, third) = ask(&cache, Ino(3));
    assert!(other.is_none() && late.is_none());
    let mut ticket = ticket.unwrap();
    assert_eq!(ticket.wanted(), [Ino(1), Ino(2), Ino(3)]);
    // The third is not rendered with the others.
    ticket.deliver(vec![(Ino(1), Ok(page(10))), (Ino(2), refused())], 0);
    assert!(first.recv().unwrap().is_ok());
    assert_eq!(second.recv().unwrap().unwrap_err().to_string(), "gone");
    let mut ticket = ticket.finish().unwrap();
    assert_eq!(ticket.wanted(), [Ino(3)]);
    ticket.deliver(vec![(Ino(3), Ok(page(30)))], 0);
    assert!(third.recv().unwrap().is_ok() && ticket.finish().is_none());
}

#[test]
fn errors_are_not_kept() {
    let cache = PageCache::new(3000);
    for _ in 0..2 {
        let (ticket, got) = ask(&cache, Ino(1));
        let mut ticket = ticket.unwrap();
        assert_eq!(ticket.wanted(), [Ino(1)]);
        ticket.deliver(vec![(Ino(1), refused())], 0);
        assert!(ticket.finish().is_none());
        let error = got.recv().unwrap().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::Damaged, "gone"));
    }
    assert!(!cache.contains(Ino(1)));
}

#[test]
fn an_error_from_before_a_request_is_not_its_answer() {
    let cache = PageCache::new(3000);
    let mut ticket = cache.claim(GROUP).unwrap();
    assert!(ticket.wanted().is_empty());
    let (other, late) = ask(&cache, Ino(1));
    assert!(other.is_none());
    ticket.deliver(vec![(Ino(1), refused())], 0);
    let mut ticket = ticket.finish().unwrap();
    assert_eq!(ticket.wanted(), [Ino(1)]);
    let (_, later) = ask(&cache, Ino(1));
    ticket.deliver(vec![(Ino(1), refused())], 0);
    assert!(late.recv().unwrap().is_err());
    let mut ticket = ticket.finish().unwrap();
    assert_eq!(ticket.wanted(), [Ino(1)]);
    ticket.deliver(vec![(Ino(1), Ok(page(10)))], 0);
    assert!(later.recv().unwrap().is_ok() && ticket.finish().is_none());
}

#[test]
fn a_panic_fails_the_waiting_requests_and_the_next_one_renders() {
    let cache = PageCache::new(3000);
    let (ticket, first) = ask(&cache, Ino(1));
    let (_, second) = ask(&cache, Ino(2));
    let outcome = catch_unwind(AssertUnwindSafe(move || {
        let _mine = ticket;
        panic!("a bug in the renderer");
    }));
    assert!(outcome.is_err());
    for got in [first, second] {
        assert_eq!(got.recv().unwrap().unwrap_err().kind(), ErrorKind::Unexpected);
    }
    assert!(ask(&cache, Ino(1)).0.is_some());
}

#[test]
fn a_page_rendered_ahead_of_time_is_found() {
    let cache = PageCache::new(3000);
    let mut ticket = cache.claim(GROUP).unwrap();
    assert!(ticket.wanted().is_empty());
    ticket.deliver(vec![(Ino(1), Ok(page(10))), (Ino(2), Ok(page(20)))], 0);
    assert!(ticket.finish().is_none());
    assert_eq!(cache.get(Ino(2)).unwrap().len(), 20);
    cache.clear();
    assert!(cache.get(Ino(2)).is_none());
}

#[test]
fn nobody_is_left_waiting_however_readers_and_renderers_interleave() {
    const READERS: usize = 8;
    const PAGES: u64 = 200;
    let cache = PageCache::new(10_000);
    let answered = Arc::new(AtomicUsize::new(0));
    let start = Barrier::new(READERS);
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                start.wait();
                for ino in (0..PAGES).map(Ino) {
                    let answered = Arc::clone(&answered);
                    let count =
                        Box::new(move |_: Result<Rendered>| _ = answered.fetch_add(1, Ordering::SeqCst));
                    let mut ticket = cache.request(GROUP, ino, count);
                    while let Some(mut held) = ticket {
                        // One page at a time; every third fails.
                        let batch = held.wanted().into_iter().take(1);
                        let rendered =
                            batch.map(|ino| (ino, if ino.0 % 3 == 0 { refused() } else { Ok(page(100)) }));
                        held.deliver(rendered.collect(), 0);
                        ticket = held.finish();
                    }
                }
            });
        }
    });
    until("every reader is answered", || answered.load(Ordering::SeqCst) == READERS * PAGES as usize);
    assert!(lock(&cache.0).flights.is_empty());
}
