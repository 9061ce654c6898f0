//! Worker threads that render pages and fetch bytes, so that those who talk to the kernel never wait.
//!
//! Readers go before everything else. A page is rendered once however many wait for it. At least one worker
//! never takes a large page, so that small reads get through while large ones render. Idle workers render
//! the pages that a recognised walk will ask for next. Knows nothing of the kernel.

use super::read_ahead::Walks;
use super::{Tree, log};
use crate::error::{ErrorKind, Result};
use crate::fs::Ino;
use crate::sys;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// A page of at least this many bytes is large: one worker is kept free of such.
pub(crate) const LARGE_BYTES: u64 = 4 << 20;

/// How much a worker takes of a walk at once, in bytes of pages and in conversations: enough that what it inflates is
/// mostly for itself, and little enough that the others have something to do.
const RUN_BYTES: u64 = 512 << 10;
const RUN_CONVERSATIONS: usize = 16;

/// How long a pool has nothing to do before it gives memory back to the system.
const REST: Duration = Duration::from_secs(2);

/// Takes what was read, or why it could not be.
pub(crate) type Answer = Box<dyn FnOnce(Result<&[u8], ErrorKind>) + Send>;

/// A range of a file's bytes that somebody waits for.
struct Wanted {
    offset: u64,
    length: usize,
    answer: Answer,
}

enum Job {
    /// What a reader waits for.
    Urgent(Urgent),
    /// Render pages for a walk that will come to them, those of one conversation together.
    Ahead(Vec<Vec<Ino>>),
}

enum Urgent {
    /// Render a page, and answer those who wait for it.
    Page { ino: Ino, large: bool },
    /// Fetch bytes that need no rendering.
    Part { ino: Ino, wanted: Wanted },
}

#[derive(Default)]
struct State {
    /// What readers wait for, in the order of their coming.
    urgent: VecDeque<Urgent>,
    /// Who waits for a page that is rendered or about to be.
    waiting: HashMap<Ino, Vec<Wanted>>,
    walks: Walks,
    /// Workers with a large page.
    large: usize,
    /// Workers that do anything.
    busy: usize,
    /// True from the first work to the next rest.
    untidy: bool,
    ended: bool,
}

struct Shared {
    tree: Arc<dyn Tree>,
    workers: usize,
    state: Mutex<State>,
    work: Condvar,
}

/// The workers. Dropping it lets them end after what they are doing.
pub(crate) struct Pool(Arc<Shared>);

impl Pool {
    /// Starts `workers` threads (at least two) that read from `tree`.
    ///
    /// # Errors
    /// If the system refuses threads.
    pub(crate) fn start(tree: Arc<dyn Tree>, workers: usize) -> io::Result<Self> {
        let workers = workers.max(2);
        let shared = Shared { tree, workers, state: Mutex::new(State::default()), work: Condvar::new() };
        let pool = Self(Arc::new(shared));
        for number in 0..workers {
            let shared = Arc::clone(&pool.0);
            thread::Builder::new().name(format!("worker-{number}")).spawn(move || shared.serve())?;
        }
        Ok(pool)
    }

    /// Has `length` bytes from `offset` on of the file `ino` read by a worker, who answers. Constant work.
    pub(crate) fn read(&self, ino: Ino, offset: u64, length: usize, answer: Answer) {
        let wanted = Wanted { offset, length, answer };
        let rendered = self.0.tree.is_rendered(ino);
        let large = rendered && self.0.tree.attr(ino).is_ok_and(|attr| attr.size >= LARGE_BYTES);
        let mut state = self.0.lock();
        if !rendered {
            state.urgent.push_back(Urgent::Part { ino, wanted });
        } else if let Some(waiting) = state.waiting.get_mut(&ino) {
            waiting.push(wanted);
            return;
        } else {
            state.waiting.insert(ino, vec![wanted]);
            state.urgent.push_back(Urgent::Page { ino, large });
        }
        drop(state);
        self.0.work.notify_one();
    }

    /// Notes that somebody reads the page `ino`, which may show that a walk is under way.
    pub(crate) fn observe(&self, ino: Ino) {
        let mut state = self.0.lock();
        if state.walks.observe(ino, &*self.0.tree) {
            drop(state);
            self.0.work.notify_all();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.0.lock().ended = true;
        self.0.work.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that panics runs while the state is locked, and a state is whole between any two statements.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        while let Some(job) = self.next() {
            match job {
                Job::Ahead(run) => {
                    for inos in run {
                        // Readers go before.
                        while let Some(urgent) = self.next_urgent() {
                            self.answer_urgent(urgent);
                        }
                        self.render_ahead(&inos);
                    }
                }
                Job::Urgent(urgent) => self.answer_urgent(urgent),
            }
            let mut state = self.lock();
            state.busy = state.busy.saturating_sub(1);
        }
    }

    /// Does what a reader waits for.
    fn answer_urgent(&self, urgent: Urgent) {
        match urgent {
            Urgent::Page { ino, large } => {
                self.render(ino);
                if large {
                    let mut state = self.lock();
                    state.large = state.large.saturating_sub(1);
                    drop(state);
                    // Another large page may wait for this worker's permission rather than for a worker.
                    self.work.notify_one();
                }
            }
            Urgent::Part { ino, wanted } => self.answer(ino, wanted, None),
        }
    }

    /// Waits for the next thing to do; `None` at the end.
    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.ended {
                return None;
            }
            if let Some(job) = self.take(&mut state) {
                state.busy = state.busy.saturating_add(1);
                state.untidy = true;
                return Some(job);
            }
            state = if state.untidy && state.busy == 0 {
                let (mut state, waited) =
                    self.work.wait_timeout(state, REST).unwrap_or_else(PoisonError::into_inner);
                if waited.timed_out() && state.untidy && state.busy == 0 && state.urgent.is_empty() {
                    state.untidy = false;
                    drop(state);
                    sys::trim_memory();
                    state = self.lock();
                }
                state
            } else {
                self.work.wait(state).unwrap_or_else(PoisonError::into_inner)
            };
        }
    }

    /// What a reader waits for, without waiting.
    fn next_urgent(&self) -> Option<Urgent> {
        let mut state = self.lock();
        self.take_urgent(&mut state)
    }

    fn take(&self, state: &mut State) -> Option<Job> {
        self.take_urgent(state).map(Job::Urgent).or_else(|| self.take_ahead(state))
    }

    fn take_urgent(&self, state: &mut State) -> Option<Urgent> {
        let may_be_large = state.large < self.workers.saturating_sub(1);
        // Only large pages are passed over, and while any waits a large one renders: the queue stays short.
        let at = state
            .urgent
            .iter()
            .position(|job| may_be_large || !matches!(job, Urgent::Page { large: true, .. }));
        let job = at.and_then(|at| state.urgent.remove(at))?;
        if matches!(job, Urgent::Page { large: true, .. }) {
            state.large = state.large.saturating_add(1);
        }
        Some(job)
    }

    /// What a walk comes to next: a run of neighbours.
    fn take_ahead(&self, state: &mut State) -> Option<Job> {
        let (mut run, mut bytes) = (Vec::new(), 0_u64);
        while bytes < RUN_BYTES
            && run.len() < RUN_CONVERSATIONS
            && let Some(ino) = state.walks.next_ahead()
        {
            if state.waiting.contains_key(&ino) || self.cached(ino).is_some() {
                continue;
            }
            let mut inos = vec![ino];
            inos.extend(self.tree.companions(ino, LARGE_BYTES));
            inos.retain(|ino| !state.waiting.contains_key(ino));
            state.waiting.extend(inos.iter().map(|&ino| (ino, Vec::new())));
            let sizes = inos.iter().map(|&ino| self.tree.attr(ino).map_or(0, |attr| attr.size));
            bytes = sizes.fold(bytes, u64::saturating_add);
            run.push(inos);
        }
        (!run.is_empty()).then_some(Job::Ahead(run))
    }

    /// Renders pages together, and answers those who have come for them meanwhile.
    fn render_ahead(&self, inos: &[Ino]) {
        if inos.len() > 1 && catch_unwind(AssertUnwindSafe(|| self.tree.render_together(inos))).is_err() {
            log::panic("read ahead", inos.first().copied().unwrap_or(Ino::ROOT));
        }
        for &ino in inos {
            self.render(ino);
        }
    }

    /// Renders a page into the tree's cache and answers all who wait for it.
    fn render(&self, ino: Ino) {
        let outcome = self.read(ino, 0, 1).map(|_| ());
        let waiting = self.lock().waiting.remove(&ino).unwrap_or_default();
        let page = self.cached(ino);
        for wanted in waiting {
            match outcome {
                Ok(()) => self.answer(ino, wanted, page.as_ref().map(|page| page.as_slice())),
                Err(kind) => (wanted.answer)(Err(kind)),
            }
        }
    }

    /// Answers one reader from `page`, or by reading if it is not at hand.
    fn answer(&self, ino: Ino, wanted: Wanted, page: Option<&[u8]>) {
        let Wanted { offset, length, answer } = wanted;
        match page {
            Some(page) => answer(Ok(slice(page, offset, length))),
            None => match self.read(ino, offset, length) {
                Ok(bytes) => answer(Ok(&bytes)),
                Err(kind) => answer(Err(kind)),
            },
        }
    }

    /// Reads from the tree; a panic there is an error of this one read.
    fn read(&self, ino: Ino, offset: u64, length: usize) -> Result<Vec<u8>, ErrorKind> {
        match catch_unwind(AssertUnwindSafe(|| self.tree.read(ino, offset, length))) {
            Ok(Ok(bytes)) => Ok(bytes),
            Ok(Err(error)) => {
                log::failure("read", ino, error.kind());
                Err(error.kind())
            }
            Err(_) => {
                log::panic("read", ino);
                Err(ErrorKind::Unexpected)
            }
        }
    }

    fn cached(&self, ino: Ino) -> Option<Arc<Vec<u8>>> {
        catch_unwind(AssertUnwindSafe(|| self.tree.cached(ino))).unwrap_or_default()
    }
}

/// The part of `page` from `offset` on, at most `length` bytes.
pub(crate) fn slice(page: &[u8], offset: u64, length: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(page.len());
    let end = start.saturating_add(length).min(page.len());
    page.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Double, Manner};
    use super::*;
    use crate::testing::until;
    use std::sync::mpsc::{Receiver, channel};

    fn ask(pool: &Pool, ino: Ino, offset: u64, length: usize) -> Receiver<Result<Vec<u8>, ErrorKind>> {
        let (sender, receiver) = channel();
        let answer = Box::new(move |bytes: Result<&[u8], ErrorKind>| {
            sender.send(bytes.map(<[u8]>::to_vec)).unwrap();
        });
        pool.read(ino, offset, length, answer);
        receiver
    }

    #[test]
    fn many_readers_of_one_page_cost_one_rendering() {
        let tree = Arc::new(Double::new([("a.md", Manner::Gated, b"0123456789".to_vec())]));
        let pool = Pool::start(Arc::clone(&tree) as _, 4).unwrap();
        let answers: Vec<_> = (0..100).map(|at| ask(&pool, tree.ino("a.md"), at % 10, 3)).collect();
        tree.open_gate();
        for (at, answer) in (0_usize..).zip(answers) {
            let start = at % 10;
            assert_eq!(answer.recv().unwrap().unwrap(), &b"0123456789"[start..(start + 3).min(10)]);
        }
        assert_eq!(tree.renderings.lock().unwrap().len(), 1);
    }

    #[test]
    fn small_reads_get_through_while_large_pages_render() {
        let large = || vec![b'x'; LARGE_BYTES as usize];
        let tree = Arc::new(Double::new([
            ("one.md", Manner::Gated, large()),
            ("two.md", Manner::Gated, large()),
            ("three.md", Manner::Gated, large()),
            ("small.md", Manner::Page, b"small".to_vec()),
            ("raw.png", Manner::Raw, b"raw".to_vec()),
        ]));
        let pool = Pool::start(Arc::clone(&tree) as _, 2).unwrap();
        let slow: Vec<_> =
            ["one.md", "two.md", "three.md"].map(|name| ask(&pool, tree.ino(name), 0, 1)).into();
        assert_eq!(ask(&pool, tree.ino("small.md"), 0, 9).recv().unwrap().unwrap(), b"small");
        assert_eq!(ask(&pool, tree.ino("raw.png"), 1, 9).recv().unwrap().unwrap(), b"aw");
        tree.open_gate();
        assert!(slow.into_iter().all(|answer| answer.recv().unwrap().unwrap() == b"x"));
    }

    #[test]
    fn an_error_or_a_bug_reaches_every_reader_and_is_not_remembered() {
        let tree = Arc::new(Double::new([
            ("damaged.md", Manner::Damaged, b"x".to_vec()),
            ("bug.md", Manner::Panic, b"x".to_vec()),
        ]));
        let pool = Pool::start(Arc::clone(&tree) as _, 2).unwrap();
        for _ in 0..5 {
            assert_eq!(ask(&pool, tree.ino("damaged.md"), 0, 1).recv().unwrap(), Err(ErrorKind::Damaged));
            assert_eq!(ask(&pool, tree.ino("bug.md"), 0, 1).recv().unwrap(), Err(ErrorKind::Unexpected));
        }
    }

    #[test]
    fn a_walk_is_rendered_ahead_in_its_order() {
        let names: Vec<_> = (0..200).map(|number| format!("{number:03}.md")).collect();
        let files = names.iter().map(|name| (name.as_str(), Manner::Page, name.clone().into_bytes()));
        let tree = Arc::new(Double::new(files));
        let pool = Pool::start(Arc::clone(&tree) as _, 2).unwrap();
        pool.observe(tree.ino("000.md"));
        pool.observe(tree.ino("001.md"));
        // Pages 2 to 65 come without being asked for.
        until("the pages ahead are rendered", || tree.renderings.lock().unwrap().len() >= 64);
        let mut rendered = tree.renderings.lock().unwrap().clone();
        rendered.sort();
        let expected: Vec<_> = (0..64).map(|number| Ino(tree.ino("002.md").0 + number)).collect();
        assert_eq!(rendered, expected);
    }

    #[test]
    fn readers_go_before_the_rest_of_a_run() {
        let names: Vec<_> = (0..60).map(|number| format!("{number:02}.md")).collect();
        let pages = names.iter().map(|name| (name.as_str(), Manner::Gated, b"page".to_vec()));
        let tree = Arc::new(Double::new(pages.chain([("raw.png", Manner::Raw, b"raw".to_vec())])));
        let pool = Pool::start(Arc::clone(&tree) as _, 2).unwrap();
        pool.observe(tree.ino("00.md"));
        pool.observe(tree.ino("01.md"));
        // Both workers are in a run.
        until("both workers are in a run", || pool.0.lock().busy == 2);
        let part = ask(&pool, tree.ino("raw.png"), 0, 9);
        let page = ask(&pool, tree.ino("59.md"), 0, 9);
        tree.open_gate();
        assert_eq!(part.recv().unwrap().unwrap(), b"raw");
        assert_eq!(page.recv().unwrap().unwrap(), b"page");
    }

    #[test]
    fn a_slice_never_leaves_its_page() {
        assert_eq!(slice(b"abc", 1, 1), b"b");
        assert_eq!(slice(b"abc", 2, usize::MAX), b"c");
        assert_eq!(slice(b"abc", u64::MAX, 5), b"");
    }
}
