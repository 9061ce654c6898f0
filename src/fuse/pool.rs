//! Worker threads that render pages and fetch bytes, so that those who talk to the kernel never wait.
//!
//! Readers go before everything else. At least one worker never takes a large conversation, so that small reads get
//! through while large ones render. Idle workers render the conversations that a recognised reader will want next, and
//! some time after the last read the memory goes back to the system. Knows nothing of the kernel.

use super::log;
use super::read_ahead::ReadAhead;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Fs, Ino, LARGE_BYTES, Origin, Rendered, Ticket, slice};
use crate::sync::{lock, wait, wait_timeout};
use crate::sys;
use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;

/// How long nobody reads before memory goes back to the system.
const REST: Duration = Duration::from_secs(5);

/// How much JSON of large conversations is rendered at a time, in bytes, unless a single one has more.
const ALL_LARGE_BYTES: u64 = 32 << 20;

/// Takes what was read, or why it could not be.
pub(super) type ReadReply = Box<dyn FnOnce(Result<&[u8], ErrorKind>) + Send>;

enum Work {
    /// Something that a reader waits for.
    Urgent(Urgent),
    /// Conversations, by rank, that a reader will come to.
    Ahead(Vec<usize>),
}

enum Urgent {
    /// Render a conversation.
    Render { ticket: Ticket, json_bytes: u64 },
    /// Fetch bytes that need no rendering.
    Fetch { ino: Ino, offset: u64, length: usize, answer: ReadReply },
}

#[derive(Default)]
struct PoolState {
    /// What readers wait for, in order of arrival.
    urgent: VecDeque<Urgent>,
    ahead: ReadAhead,
    /// Workers with a large conversation, and the JSON of all these, in bytes.
    large: usize,
    large_bytes: u64,
    /// Workers that do anything.
    busy: usize,
    /// True from the first work to the next rest.
    untidy: bool,
    ended: bool,
}

struct Crew {
    fs: Arc<Fs>,
    workers: usize,
    state: Mutex<PoolState>,
    work: Condvar,
}

/// The workers. Dropping it lets them end after what they are doing.
pub(super) struct Pool(Arc<Crew>);

impl Pool {
    /// Starts a thread that reads from `fs`. Once there is work it starts the others, up to `workers` (at least two) or as many
    /// as the system allows. It may allow few, and the thread that listens to the kernel has to be among them.
    ///
    /// # Errors
    /// If it allows none.
    pub(super) fn start(fs: Arc<Fs>, workers: usize) -> io::Result<Self> {
        let workers = workers.max(2);
        let crew = Crew { fs, workers, state: Mutex::default(), work: Condvar::new() };
        let pool = Self(Arc::new(crew));
        start_worker(&pool.0, 0, 1..workers)?;
        Ok(pool)
    }

    /// Has `length` bytes from `offset` on of the file `ino` answered: now if they are in the cache, else by a worker.
    /// Constant work.
    pub(super) fn read(&self, ino: Ino, offset: u64, length: usize, answer: ReadReply) {
        let crew = &*self.0;
        let urgent = match crew.fs.origin(ino) {
            Ok(Origin::Rendered) => {
                let deliver = Box::new(move |page: Result<Rendered>| match page {
                    Ok(page) => answer(Ok(slice(&page, offset, length))),
                    Err(error) => answer(Err(failed(ino, &error))),
                });
                let ticket = crew.fs.request(ino, deliver);
                ticket.map(|ticket| Urgent::Render { ticket, json_bytes: crew.fs.json_bytes(ino) })
            }
            Ok(Origin::Copied(_)) => Some(Urgent::Fetch { ino, offset, length, answer }),
            Err(error) => return answer(Err(error.kind())),
        };
        let mut state = lock(&crew.state);
        let observed = offset == 0 && crew.fs.rank(ino).is_some_and(|rank| state.ahead.observe(rank));
        let is_urgent = urgent.is_some();
        state.urgent.extend(urgent);
        drop(state);
        if observed {
            crew.work.notify_all();
        } else if is_urgent {
            crew.work.notify_one();
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        lock(&self.0.state).ended = true;
        self.0.work.notify_all();
    }
}

/// Starts a worker that starts `others` once there is work.
fn start_worker(crew: &Arc<Crew>, number: usize, others: Range<usize>) -> io::Result<()> {
    let crew = Arc::clone(crew);
    let builder = thread::Builder::new().name(format!("worker-{number}"));
    builder.spawn(move || crew.serve(others)).map(drop)
}

impl Crew {
    fn serve(self: &Arc<Self>, mut others: Range<usize>) {
        while let Some(work) = self.next() {
            while let Some(number) = others.next()
                && start_worker(self, number, 0..0).is_ok()
            {}
            match work {
                Work::Urgent(urgent) => self.answer(urgent),
                Work::Ahead(run) => self.render_ahead(&run),
            }
            let mut state = lock(&self.state);
            state.busy = state.busy.saturating_sub(1);
        }
    }

    /// Waits for the next thing to do; `None` at the end.
    fn next(&self) -> Option<Work> {
        let mut state = lock(&self.state);
        loop {
            if state.ended {
                return None;
            }
            if let Some(work) = self.take(&mut state) {
                state.busy = state.busy.saturating_add(1);
                state.untidy = true;
                return Some(work);
            }
            state = if state.untidy && state.busy == 0 { self.rest(state) } else { wait(&self.work, state) };
        }
    }

    /// Waits for work, and gives memory back if none comes.
    fn rest<'c>(&'c self, state: MutexGuard<'c, PoolState>) -> MutexGuard<'c, PoolState> {
        let (mut state, timed_out) = wait_timeout(&self.work, state, REST);
        if !(timed_out && state.untidy && state.busy == 0 && state.urgent.is_empty()) {
            return state;
        }
        state.untidy = false;
        drop(state);
        self.fs.release();
        sys::trim_memory();
        lock(&self.state)
    }

    fn take(&self, state: &mut PoolState) -> Option<Work> {
        if let Some(urgent) = self.take_urgent(state) {
            return Some(Work::Urgent(urgent));
        }
        let run = state.ahead.next_run(&|rank| Some(self.fs.ranked(rank)?.1));
        (!run.is_empty()).then_some(Work::Ahead(run))
    }

    fn take_urgent(&self, state: &mut PoolState) -> Option<Urgent> {
        let spare = self.workers.saturating_sub(1);
        let (large, large_bytes) = (state.large, state.large_bytes);
        let may_start = |urgent: &Urgent| match urgent {
            Urgent::Render { json_bytes, .. } if *json_bytes >= LARGE_BYTES => {
                large == 0 || (large < spare && large_bytes.saturating_add(*json_bytes) <= ALL_LARGE_BYTES)
            }
            _ => true,
        };
        // Only large conversations are passed over, and while any waits another one renders: the queue stays short.
        let at = state.urgent.iter().position(may_start);
        let urgent = at.and_then(|at| state.urgent.remove(at))?;
        if let Urgent::Render { json_bytes, .. } = &urgent
            && *json_bytes >= LARGE_BYTES
        {
            state.large = state.large.saturating_add(1);
            state.large_bytes = state.large_bytes.saturating_add(*json_bytes);
        }
        Some(urgent)
    }

    /// Does what a reader waits for.
    fn answer(&self, urgent: Urgent) {
        match urgent {
            Urgent::Render { ticket, json_bytes } => {
                self.render(ticket);
                if json_bytes >= LARGE_BYTES {
                    let mut state = lock(&self.state);
                    state.large = state.large.saturating_sub(1);
                    state.large_bytes = state.large_bytes.saturating_sub(json_bytes);
                    drop(state);
                    // Another large conversation may wait for permission rather than for a worker.
                    self.work.notify_one();
                }
            }
            Urgent::Fetch { ino, offset, length, answer } => {
                match catch_unwind(AssertUnwindSafe(|| self.fs.read(ino, offset, length))) {
                    Ok(Ok(bytes)) => answer(Ok(&bytes)),
                    Ok(Err(error)) => answer(Err(failed(ino, &error))),
                    Err(_) => {
                        log::panic("read", ino);
                        answer(Err(ErrorKind::Unexpected));
                    }
                }
            }
        }
    }

    /// Renders conversations into the cache, readers going before each.
    fn render_ahead(&self, run: &[usize]) {
        for (thread, bytes) in run.iter().filter_map(|&rank| self.fs.ranked(rank)) {
            loop {
                let mut state = lock(&self.state);
                let urgent = self.take_urgent(&mut state);
                drop(state);
                match urgent {
                    Some(urgent) => self.answer(urgent),
                    None => break,
                }
            }
            // A large one is left to its reader: it would keep this worker from others.
            if bytes < LARGE_BYTES
                && let Some(ticket) = self.fs.claim(thread)
            {
                self.render(ticket);
            }
        }
    }

    /// Renders a conversation. A panic there is an error for those who wait for it.
    fn render(&self, ticket: Ticket) {
        let group = ticket.group();
        if catch_unwind(AssertUnwindSafe(|| self.fs.render(ticket))).is_err() {
            log::panic("read", group);
        }
    }
}

/// Logs why a read failed.
fn failed(ino: Ino, error: &Error) -> ErrorKind {
    log::failure("read", ino, error);
    error.kind()
}

#[cfg(test)]
mod tests;
