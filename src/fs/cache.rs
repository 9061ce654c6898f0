//! Rendered files, bounded by bytes; each is rendered once however many wait for it.
//!
//! Knows neither rendering nor FUSE: whoever asks for a page that isn't here becomes its renderer, with a
//! [`Ticket`]. Nothing here runs foreign code under a lock.

use super::Ino;
use crate::error::{Error, ErrorKind, Result};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What the cache holds unless it is told otherwise: 32 MiB.
pub const DEFAULT_BYTES: u64 = 32 << 20;

/// What a page costs besides its own bytes, so that a million tiny pages are bounded too.
const OVERHEAD_BYTES: u64 = 128;

/// The bytes of one rendered page, shared.
pub type Rendered = Arc<Vec<u8>>;

/// Rendered pages by inode. Shared by reference or by clone; clones are the same cache.
#[derive(Clone, Debug)]
pub struct Cache(Arc<Shared>);

/// What [`Cache::claim`] answers.
#[derive(Debug)]
pub enum Claim {
    /// The page.
    Ready(Rendered),
    /// Nobody has the page: render it and finish the ticket.
    Mine(Ticket),
    /// Somebody holds the ticket.
    Pending,
}

/// The duty to render one page. While it is held, all others who claim the page wait.
///
/// Dropped without [`finish`](Ticket::finish), as by a panic, it fails for those who wait, and the next one who claims the page
/// gets a new ticket.
#[derive(Debug)]
#[must_use = "others wait until the ticket is finished"]
pub struct Ticket {
    cache: Arc<Shared>,
    ino: Ino,
    flight: Arc<Flight>,
    finished: bool,
}

impl Cache {
    /// An empty cache for at most `bytes` bytes of pages (with a small fixed cost for each).
    ///
    /// A page that is larger than that doesn't displace the others and isn't counted: the last one is kept until
    /// any other page is rendered. Otherwise reading it piece by piece would render it once a piece.
    pub fn new(bytes: u64) -> Self {
        let store = Store::new(bytes);
        Self(Arc::new(Shared { state: Mutex::new(State { store, flights: HashMap::new() }) }))
    }

    /// The page of `ino` if it is here. Never waits for a rendering.
    pub fn get(&self, ino: Ino) -> Option<Rendered> {
        self.0.lock().store.get(ino)
    }

    /// The page of `ino`, or the duty to render it, or word that somebody is at it. Never waits for a rendering.
    ///
    /// A caller that parks what is `Pending` holds the lock of its waiting list from before the claim until it is
    /// parked, and the holder of the ticket takes that lock after it has finished it, for good or ill. Then
    /// nobody is parked who will not be found.
    pub fn claim(&self, ino: Ino) -> Claim {
        match self.join(ino) {
            Joined::Ready(page) => Claim::Ready(page),
            Joined::Mine(ticket) => Claim::Mine(ticket),
            Joined::Wait(_) => Claim::Pending,
        }
    }

    /// The page of `ino`, from the cache, from whoever is rendering it, or from `render`. Blocks while it is rendered.
    ///
    /// # Errors
    /// Those of `render`, here or in the thread that renders for both; they are not kept. `Unexpected` if the other thread
    /// panicked.
    pub fn get_or_render(&self, ino: Ino, render: impl FnOnce() -> Result<Rendered>) -> Result<Rendered> {
        match self.join(ino) {
            Joined::Ready(page) => Ok(page),
            Joined::Mine(ticket) => ticket.finish(render()),
            Joined::Wait(flight) => flight.wait(),
        }
    }

    fn join(&self, ino: Ino) -> Joined {
        let mut state = self.0.lock();
        if let Some(page) = state.store.get(ino) {
            return Joined::Ready(page);
        }
        if let Some(flight) = state.flights.get(&ino) {
            return Joined::Wait(Arc::clone(flight));
        }
        let flight = Arc::new(Flight::default());
        state.flights.insert(ino, Arc::clone(&flight));
        Joined::Mine(Ticket { cache: Arc::clone(&self.0), ino, flight, finished: false })
    }
}

impl Ticket {
    /// The inode whose page is to be rendered.
    pub fn ino(&self) -> Ino {
        self.ino
    }

    /// Hands the outcome to everybody who waits for it, keeps a page, and gives the outcome back.
    ///
    /// # Errors
    /// The error in `outcome`.
    pub fn finish(mut self, outcome: Result<Rendered>) -> Result<Rendered> {
        let shared = match &outcome {
            Ok(page) => Ok(Arc::clone(page)),
            Err(error) => Err((error.kind(), error.to_string())),
        };
        self.settle(shared);
        outcome
    }

    fn settle(&mut self, outcome: Outcome) {
        self.finished = true;
        let mut state = self.cache.lock();
        state.flights.remove(&self.ino);
        if let Ok(page) = &outcome {
            state.store.insert(self.ino, Arc::clone(page));
        }
        drop(state);
        *lock(&self.flight.outcome) = Some(outcome);
        self.flight.done.notify_all();
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.finished {
            self.settle(Err((ErrorKind::Unexpected, "rendering was given up".to_owned())));
        }
    }
}

enum Joined {
    Ready(Rendered),
    Mine(Ticket),
    Wait(Arc<Flight>),
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Every change under our locks is whole before anything can panic, so a poisoned one is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug)]
struct State {
    store: Store,
    flights: HashMap<Ino, Arc<Flight>>,
}

/// What a rendering came to. Errors can't be cloned, so those who wait get their kind and text.
type Outcome = Result<Rendered, (ErrorKind, String)>;

/// A rendering that others wait for.
#[derive(Debug, Default)]
struct Flight {
    outcome: Mutex<Option<Outcome>>,
    done: Condvar,
}

impl Flight {
    fn wait(&self) -> Result<Rendered> {
        let mut outcome = lock(&self.outcome);
        loop {
            match &*outcome {
                Some(Ok(page)) => return Ok(Arc::clone(page)),
                Some(Err((kind, text))) => return Err(Error::new(*kind, text.clone())),
                None => outcome = self.done.wait(outcome).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Which of the two queues a page stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    /// Rendered, and not yet wanted a second time: what a tree walk leaves behind.
    Probation,
    /// Wanted again. At most half the bound.
    Protected,
}

#[derive(Debug)]
struct Kept {
    page: Rendered,
    segment: Segment,
    /// Key in the segment's queue; grows with every use.
    tick: u64,
    /// What had been inserted in all, in bytes, when this page entered its segment.
    since: u64,
}

/// The pages themselves: two queues, each ordered by last use.
///
/// A page that is used again moves from probation to protection, and a tree walk only displaces what is on
/// probation. One use is often many calls: the kernel reads a file in pieces, and a page that was rendered ahead is
/// read soon after. So a use counts as another one only if pages worth a quarter of the bound came after the
/// page; it stays on probation at least twice as long.
#[derive(Debug)]
struct Store {
    bound: u64,
    kept: HashMap<Ino, Kept>,
    probation: BTreeMap<u64, Ino>,
    protected: BTreeMap<u64, Ino>,
    bytes: u64,
    protected_bytes: u64,
    tick: u64,
    inserted: u64,
    oversized: Option<(Ino, Rendered)>,
}

impl Store {
    fn new(bound: u64) -> Self {
        Self {
            bound,
            kept: HashMap::new(),
            probation: BTreeMap::new(),
            protected: BTreeMap::new(),
            bytes: 0,
            protected_bytes: 0,
            tick: 0,
            inserted: 0,
            oversized: None,
        }
    }

    fn get(&mut self, ino: Ino) -> Option<Rendered> {
        if let Some((_, page)) = self.oversized.as_ref().filter(|(oversized, _)| *oversized == ino) {
            return Some(Arc::clone(page));
        }
        self.tick = self.tick.saturating_add(1);
        let kept = self.kept.get_mut(&ino)?;
        let again = self.inserted.saturating_sub(kept.since) >= self.bound / 4;
        let page = Arc::clone(&kept.page);
        match kept.segment {
            Segment::Probation if again => {
                self.probation.remove(&kept.tick);
                kept.segment = Segment::Protected;
                self.protected_bytes = self.protected_bytes.saturating_add(cost(&page));
                self.protected.insert(self.tick, ino);
            }
            Segment::Probation => {
                self.probation.remove(&kept.tick);
                self.probation.insert(self.tick, ino);
            }
            Segment::Protected => {
                self.protected.remove(&kept.tick);
                self.protected.insert(self.tick, ino);
            }
        }
        kept.tick = self.tick;
        self.demote();
        Some(page)
    }

    fn insert(&mut self, ino: Ino, page: Rendered) {
        self.oversized = None;
        let cost = cost(&page);
        if cost > self.bound {
            self.oversized = Some((ino, page));
            return;
        }
        // A page that is here already is immutable, hence the same.
        if self.kept.contains_key(&ino) {
            return;
        }
        while self.bytes.saturating_add(cost) > self.bound {
            let Some((_, oldest)) = self.probation.pop_first().or_else(|| self.protected.pop_first()) else {
                break;
            };
            self.forget(oldest);
        }
        self.tick = self.tick.saturating_add(1);
        self.inserted = self.inserted.saturating_add(cost);
        self.bytes = self.bytes.saturating_add(cost);
        self.probation.insert(self.tick, ino);
        let kept = Kept { page, segment: Segment::Probation, tick: self.tick, since: self.inserted };
        self.kept.insert(ino, kept);
    }

    /// Drops a page that was taken from its queue.
    fn forget(&mut self, ino: Ino) {
        let Some(kept) = self.kept.remove(&ino) else { return };
        let cost = cost(&kept.page);
        self.bytes = self.bytes.saturating_sub(cost);
        if kept.segment == Segment::Protected {
            self.protected_bytes = self.protected_bytes.saturating_sub(cost);
        }
    }

    /// Puts pages that weren't used for longest back on probation, until protection takes no more than its half.
    fn demote(&mut self) {
        while self.protected_bytes > self.bound / 2 {
            let Some((_, ino)) = self.protected.pop_first() else { return };
            let Some(kept) = self.kept.get_mut(&ino) else { continue };
            self.protected_bytes = self.protected_bytes.saturating_sub(cost(&kept.page));
            self.tick = self.tick.saturating_add(1);
            (kept.segment, kept.tick, kept.since) = (Segment::Probation, self.tick, self.inserted);
            self.probation.insert(self.tick, ino);
        }
    }
}

fn cost(page: &Rendered) -> u64 {
    (page.len() as u64).saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests;
