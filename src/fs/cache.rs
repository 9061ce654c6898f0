//! Rendered pages and those being rendered: each conversation is read once, however many readers wait for its pages.
//!
//! Pages of one conversation form a *group*, named by one of its inodes. The first request for a page that isn't cached
//! gets a [`Ticket`] for its group and renders it; later ones leave a callback for their page. Knows neither
//! rendering nor FUSE, and runs no foreign code under a lock.

use super::store::PageStore;
use super::{Ino, Rendered};
use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

/// Receives a page or an error. Called by the thread that rendered the page, so it must not block for long.
pub(crate) type Delivery = Box<dyn FnOnce(Result<Rendered>) + Send>;

/// Rendered pages by inode.
pub(super) struct PageCache(Arc<Mutex<CacheState>>);

struct CacheState {
    store: PageStore,
    /// The groups that somebody holds a ticket for, each with the requests that wait for its pages, in order of
    /// arrival.
    flights: HashMap<Ino, Vec<(Ino, Delivery)>>,
}

/// The obligation to render one group. While someone holds it, all requests for pages of the group wait.
///
/// If it is dropped without [`finish`](Ticket::finish), for instance by a panic, those requests fail, and the next one
/// gets a new ticket.
#[must_use = "others wait until the ticket is finished"]
pub(crate) struct Ticket {
    cache: Arc<Mutex<CacheState>>,
    group: Ino,
    /// How many requests waited when the rendering began.
    asked: usize,
    finished: bool,
}

impl PageCache {
    /// An empty cache for at most `bytes` bytes of pages.
    pub(super) fn new(bytes: u64) -> Self {
        let store = PageStore::new(bytes);
        Self(Arc::new(Mutex::new(CacheState { store, flights: HashMap::new() })))
    }

    /// Its capacity in bytes.
    pub(super) fn bound(&self) -> u64 {
        lock(&self.0).store.bound
    }

    /// The page `ino`, if it is cached.
    #[cfg(test)]
    pub(super) fn get(&self, ino: Ino) -> Option<Rendered> {
        lock(&self.0).store.get(ino)
    }

    /// True if the page is cached. Doesn't count as a use.
    pub(super) fn contains(&self, ino: Ino) -> bool {
        lock(&self.0).store.contains(ino)
    }

    /// Delivers the page `ino` of `group`: immediately if it is cached, else once it is rendered. A caller that gets a
    /// ticket must render it. Never waits.
    pub(super) fn request(&self, group: Ino, ino: Ino, deliver: Delivery) -> Option<Ticket> {
        let mut state = lock(&self.0);
        if let Some(page) = state.store.get(ino) {
            drop(state);
            deliver(Ok(page));
            return None;
        }
        if let Some(waiting) = state.flights.get_mut(&group) {
            waiting.push((ino, deliver));
            return None;
        }
        state.flights.insert(group, vec![(ino, deliver)]);
        Some(self.ticket(group))
    }

    /// The ticket for `group`, unless somebody holds it.
    pub(super) fn claim(&self, group: Ino) -> Option<Ticket> {
        let mut state = lock(&self.0);
        if state.flights.contains_key(&group) {
            return None;
        }
        state.flights.insert(group, Vec::new());
        Some(self.ticket(group))
    }

    /// Limits the pages to `percent` of the capacity for now, and drops those that exceed it.
    pub(super) fn limit_to(&self, percent: u64) {
        let store = &mut lock(&self.0).store;
        store.limit_to(store.bound.saturating_mul(percent) / 100);
    }

    /// Drops all pages.
    pub(super) fn clear(&self) {
        lock(&self.0).store.clear();
    }

    fn ticket(&self, group: Ino) -> Ticket {
        Ticket { cache: Arc::clone(&self.0), group, asked: 0, finished: false }
    }
}

impl Ticket {
    /// The group to render.
    pub(crate) fn group(&self) -> Ino {
        self.group
    }

    /// The pages that requests wait for, in order of arrival. To be called before they are rendered.
    pub(super) fn wanted(&mut self) -> Vec<Ino> {
        let state = lock(&self.cache);
        let waiting = state.flights.get(&self.group).map(Vec::as_slice).unwrap_or_default();
        self.asked = waiting.len();
        let mut seen = HashSet::new();
        waiting.iter().map(|(ino, _)| *ino).filter(|ino| seen.insert(*ino)).collect()
    }

    /// Caches `pages`, which were rendered by reading `json` bytes, and hands each to the requests that wait for it. Errors
    /// are not cached, and handed only to requests from before the rendering began: what failed earlier may succeed now.
    pub(super) fn deliver(&self, pages: Vec<(Ino, Result<Rendered>)>, json: u64) {
        let pages: Vec<(Ino, SharedResult)> = pages
            .into_iter()
            .map(|(ino, page)| (ino, page.map_err(|error| (error.kind(), error.to_string()))))
            .collect();
        let mut state = lock(&self.cache);
        for (ino, page) in &pages {
            if let Ok(page) = page {
                state.store.insert(*ino, Arc::clone(page), json);
            }
        }
        let pages: HashMap<Ino, SharedResult> = pages.into_iter().collect();
        let waiting = state.flights.get_mut(&self.group).map(std::mem::take).unwrap_or_default();
        let (mut served, mut unserved) = (Vec::new(), Vec::new());
        for (at, request) in waiting.into_iter().enumerate() {
            let is_served = pages.get(&request.0).is_some_and(|page| page.is_ok() || at < self.asked);
            if is_served { served.push(request) } else { unserved.push(request) }
        }
        if let Some(waiting) = state.flights.get_mut(&self.group) {
            *waiting = unserved;
        }
        drop(state);
        for (ino, deliver) in served {
            deliver(match pages.get(&ino) {
                Some(Ok(page)) => Ok(Arc::clone(page)),
                Some(Err((kind, text))) => Err(Error::new(*kind, text.clone())),
                None => Err(given_up()),
            });
        }
    }

    /// Ends the obligation, or returns the ticket if another page was requested in the meantime.
    pub(super) fn finish(mut self) -> Option<Self> {
        let mut state = lock(&self.cache);
        if state.flights.get(&self.group).is_some_and(|waiting| !waiting.is_empty()) {
            drop(state);
            return Some(self);
        }
        state.flights.remove(&self.group);
        drop(state);
        self.finished = true;
        None
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.finished {
            let waiting = lock(&self.cache).flights.remove(&self.group);
            for (_, deliver) in waiting.unwrap_or_default() {
                deliver(Err(given_up()));
            }
        }
    }
}

/// A page, or the kind and text of an error (errors can't be cloned).
type SharedResult = Result<Rendered, (ErrorKind, String)>;

fn given_up() -> Error {
    Error::new(ErrorKind::Unexpected, "rendering was abandoned")
}

#[cfg(test)]
mod tests;
