//! Schedules the work that the threads of a pass share, bounded by bytes: chunks to split and conversations to measure.
//!
//! A thread that reads a shard hands over as much as the others have time for, and helps instead of waiting. So no thread
//! is idle, whether an export is slow to inflate, to split or to measure. While few conversations wait, the other threads
//! split and the reader inflates; while it inflates a very large conversation, they work through the queue. Each shard has
//! one splitter, so its chunks are split one at a time and in order.

#[cfg(test)]
mod tests;

use crate::archive::OwnedChunk;
use crate::bytes::append;
use crate::format::scan::ElementJson;
use crate::sync::{lock, wait};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// With more bytes of conversations waiting than this, nothing is split; memory does not depend on the export beyond
/// it and what one chunk adds.
const WAITING_BYTES: usize = 2 << 20;

/// With as many bytes of conversations waiting, helpers have enough to do for a while: splitting is left to readers then.
const ENOUGH_BYTES: usize = 1 << 20;

/// How many chunks of a shard wait at most.
const CHUNKS: usize = 4;

/// Queue depth at which a helper is woken. Waking costs as much as inflating two fifths of a chunk.
const CHUNKS_TO_WAKE: usize = 2;

/// From this size on a conversation is large: those that are measured at a time are limited.
const LARGE_BYTES: usize = 1 << 20;

/// How much large conversations that are measured at a time may have together, unless it is one alone.
const LARGE_TOGETHER: usize = 4 << 20;

/// How many buffers are kept for the next conversations.
const SPARE_BUFFERS: usize = 4;

/// Larger buffers than this are given back to the system rather than kept.
const SPARE_BYTES: usize = 512 << 10;

/// The same for the one that is kept for a large conversation.
const SPARE_LARGE_BYTES: usize = 4 << 20;

/// A conversation that waits: where it belongs, and its JSON.
#[derive(Debug)]
pub(super) struct MeasureJob<P> {
    /// What is known of its place.
    pub(super) place: P,
    /// Its JSON.
    pub(super) json: Vec<u8>,
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Task<P, S> {
    /// Split the next chunk of a shard and return its splitter.
    Split {
        /// The thread that reads the shard.
        reader: usize,
        splitter: S,
        chunk: OwnedChunk,
    },
    /// To measure a conversation, and to say so.
    Measure(MeasureJob<P>),
}

/// Which of the conversations that wait is measured next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// A helper has time.
    Largest,
    /// A reader has something else to do.
    Smallest,
    /// The smallest, if it is not large.
    Small,
}

/// What becomes of a chunk that was read.
#[derive(Debug)]
pub(super) enum Next<P, S> {
    /// It waits to be split.
    Waits,
    /// The reader splits it.
    Split(S, OwnedChunk),
    /// There is no room for it before this is done.
    First(Task<P, S>, OwnedChunk),
}

/// A splitter for what was just read.
#[derive(Debug)]
pub(super) enum AtOnce<S> {
    /// There is nobody else: what it finds is measured at once too.
    Alone(S),
    /// The others have enough to do, and what it finds waits for them.
    Busy(S),
}

/// What a reader is to do once it has read its shard.
#[derive(Debug)]
pub(super) enum Ended<P, S> {
    /// All is split.
    Splitter(S),
    /// There are chunks yet, and meanwhile this can be done.
    First(Task<P, S>),
}

/// What splits chunks into conversations.
pub(super) trait Splits {
    /// How many bytes it holds of a conversation that is not complete.
    fn held(&self) -> usize;
}

/// The shared work of so many readers, and of helpers, who read nothing.
#[derive(Debug)]
pub(super) struct Scheduler<P, S> {
    state: Mutex<SchedulerState<P, S>>,
    for_helpers: Condvar,
    for_readers: Condvar,
}

#[derive(Debug)]
struct SchedulerState<P, S> {
    jobs: VecDeque<MeasureJob<P>>,
    /// Bytes of the jobs that wait.
    waiting: usize,
    /// Bytes of the large jobs that are being measured.
    large: usize,
    shards: Vec<ShardQueue<S>>,
    spare: Vec<Vec<u8>>,
    spare_large: Vec<u8>,
    spare_chunks: Vec<OwnedChunk>,
    readers: usize,
    helpers: usize,
    /// How many of them wait.
    waiting_readers: usize,
    waiting_helpers: usize,
    abandoned: bool,
}

/// The shard that one reader reads.
#[derive(Debug)]
struct ShardQueue<S> {
    /// Not there while somebody splits.
    splitter: Option<S>,
    /// What was read and is to be split next.
    chunks: VecDeque<OwnedChunk>,
}

impl<P, S: Splits> Scheduler<P, S> {
    /// No work, and so many threads to share it.
    pub(super) fn new(readers: usize, helpers: usize) -> Self {
        let shard = || ShardQueue { splitter: None, chunks: VecDeque::new() };
        let state = SchedulerState {
            jobs: VecDeque::new(),
            waiting: 0,
            large: 0,
            shards: std::iter::repeat_with(shard).take(readers).collect(),
            spare: Vec::new(),
            spare_large: Vec::new(),
            spare_chunks: Vec::new(),
            readers,
            helpers,
            waiting_readers: 0,
            waiting_helpers: 0,
            abandoned: false,
        };
        Self { state: Mutex::new(state), for_helpers: Condvar::new(), for_readers: Condvar::new() }
    }

    /// The splitter of the shard that `reader` reads if it may as well split at once what it has read, because nobody could
    /// help, or the others have enough to do.
    pub(super) fn at_once(&self, reader: usize) -> Option<AtOnce<S>> {
        let mut state = self.lock();
        let alone = state.helpers == 0;
        let others_busy = state.is_enough() && state.has_room();
        if !(alone || others_busy) || !state.shards.get(reader)?.chunks.is_empty() {
            return None;
        }
        let splitter = state.take_splitter(reader)?;
        Some(if alone { AtOnce::Alone(splitter) } else { AtOnce::Busy(splitter) })
    }

    /// `reader` has read the next chunk of its shard. `None` if the work was abandoned.
    pub(super) fn accept(&self, reader: usize, chunk: OwnedChunk) -> Option<Next<P, S>> {
        let mut state = self.lock();
        let next = loop {
            if state.abandoned {
                return None;
            }
            let room = state.has_room();
            // Nothing is inflated while the reader measures: what takes long is rather for a helper.
            if !room && let Some(job) = state.job(Choice::Small) {
                break Next::First(Task::Measure(job), chunk);
            }
            // The others have enough to do: what waits is split here, and then the chunk itself.
            if state.is_enough() && room {
                if let Some(task) = state.split(reader) {
                    break Next::First(task, chunk);
                }
                if let Some(splitter) = state.take_splitter(reader) {
                    break Next::Split(splitter, chunk);
                }
            }
            let shard = state.shards.get_mut(reader)?;
            if shard.chunks.len() < CHUNKS {
                shard.chunks.push_back(chunk);
                break Next::Waits;
            }
            if let Some(task) = state.task(Choice::Smallest) {
                break Next::First(task, chunk);
            }
            state = self.wait_as_reader(state);
        };
        self.wake(state);
        Some(next)
    }

    /// `reader` has read its shard to the end: the splitter once all is split, or what can be done until then. `None`
    /// if the work was abandoned.
    pub(super) fn end(&self, reader: usize) -> Option<Ended<P, S>> {
        let mut state = self.lock();
        let ended = loop {
            if state.abandoned {
                return None;
            }
            let shard = state.shards.get_mut(reader)?;
            if shard.chunks.is_empty()
                && let Some(splitter) = shard.splitter.take()
            {
                break Ended::Splitter(splitter);
            }
            if let Some(task) = state.task(Choice::Smallest) {
                break Ended::First(task);
            }
            state = self.wait_as_reader(state);
        };
        self.wake(state);
        Some(ended)
    }

    /// A reader has no more shards to read, and helps from now on.
    pub(super) fn turn_helper(&self) {
        let mut state = self.lock();
        state.readers -= 1;
        state.helpers += 1;
        self.wake(state);
    }

    /// Something for a helper to do; waits for it. `None` when there will be no more.
    pub(super) fn next(&self) -> Option<Task<P, S>> {
        let mut state = self.lock();
        let task = loop {
            if state.abandoned {
                return None;
            }
            if let Some(task) = state.task(Choice::Largest) {
                break task;
            }
            if state.is_over() {
                return None;
            }
            state.waiting_helpers += 1;
            state = wait(&self.for_helpers, state);
            state.waiting_helpers -= 1;
        };
        self.wake(state);
        Some(task)
    }

    /// Gives the splitter of the shard that `reader` reads, for the first time or after it was taken.
    pub(super) fn put_back(&self, reader: usize, splitter: S) {
        let mut state = self.lock();
        if let Some(shard) = state.shards.get_mut(reader) {
            shard.splitter = Some(splitter);
        }
        self.wake(state);
    }

    /// Gives a chunk back that was split.
    pub(super) fn recycle(&self, chunk: OwnedChunk) {
        self.lock().spare_chunks.push(chunk);
    }

    /// A chunk that was split and is not needed any more.
    pub(super) fn spare_chunk(&self) -> Option<OwnedChunk> {
        self.lock().spare_chunks.pop()
    }

    /// Adds a conversation that was found.
    pub(super) fn offer(&self, place: P, json: ElementJson<'_>) {
        let json = if json.len() >= LARGE_BYTES {
            let spare = std::mem::take(&mut self.lock().spare_large);
            json.into_owned(spare)
        } else {
            // A copy, for the buffer of the splitter is larger than most of what it has held.
            let mut copy = self.lock().spare.pop().unwrap_or_default();
            append(&mut copy, &json);
            copy
        };
        let mut state = self.lock();
        state.waiting += json.len();
        state.jobs.push_back(MeasureJob { place, json });
        self.wake(state);
    }

    /// Notes that a conversation was measured, and takes its buffer back.
    pub(super) fn finish(&self, job: MeasureJob<P>) {
        let mut buffer = job.json;
        let mut state = self.lock();
        let length = buffer.len();
        let is_large = length >= LARGE_BYTES;
        buffer.clear();
        // Beside a huge one memory is better used for something else.
        if !state.is_tight() {
            if is_large && buffer.capacity() <= SPARE_LARGE_BYTES {
                state.spare_large = buffer;
            } else if buffer.capacity() <= SPARE_BYTES && state.spare.len() < SPARE_BUFFERS {
                state.spare.push(buffer);
            }
        }
        if is_large {
            state.large -= length;
            self.wake(state);
        }
    }

    /// Gives up the buffers that are kept for the next conversations.
    pub(super) fn drop_spares(&self) {
        let mut state = self.lock();
        state.spare.clear();
        state.spare_large = Vec::new();
    }

    /// Ends it all at once: somebody who has taken a part of it can't do it.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.for_helpers.notify_all();
        self.for_readers.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, SchedulerState<P, S>> {
        // No foreign code runs while it is locked.
        lock(&self.state)
    }

    fn wait_as_reader<'s>(
        &self,
        mut state: MutexGuard<'s, SchedulerState<P, S>>,
    ) -> MutexGuard<'s, SchedulerState<P, S>> {
        state.waiting_readers += 1;
        let mut state = wait(&self.for_readers, state);
        state.waiting_readers -= 1;
        state
    }

    /// After a change: wakes those who can do something now. Of helpers one, who wakes the next if there is more to do:
    /// if all were woken for each chunk, they would only be in the reader's way.
    fn wake(&self, state: MutexGuard<'_, SchedulerState<P, S>>) {
        let (helpers, readers) = (state.waiting_helpers > 0, state.waiting_readers > 0);
        let is_over = state.is_over();
        let is_task = helpers && state.has_task();
        drop(state);
        if helpers && is_over {
            self.for_helpers.notify_all();
        } else if is_task {
            self.for_helpers.notify_one();
        }
        if readers {
            self.for_readers.notify_all();
        }
    }
}

impl<P, S: Splits> SchedulerState<P, S> {
    /// What can be done now; of conversations the one of this choice. Splits first if few conversations wait.
    fn task(&mut self, choice: Choice) -> Option<Task<P, S>> {
        if !self.is_enough()
            && let Some(task) = self.split_any()
        {
            return Some(task);
        }
        if let Some(job) = self.job(choice) {
            return Some(Task::Measure(job));
        }
        if self.has_room() { self.split_any() } else { None }
    }

    /// True if there is enough for a helper to do that it is worth waking one.
    fn has_task(&self) -> bool {
        let is_tight = self.is_tight();
        let can_split = |shard: &ShardQueue<S>| {
            shard.chunks.len() >= CHUNKS_TO_WAKE
                && shard.splitter.as_ref().is_some_and(|splitter| may_split(splitter, is_tight))
        };
        self.jobs.iter().any(|job| self.may_measure(job, Choice::Largest))
            || self.has_room() && self.shards.iter().any(can_split)
    }

    /// True if there will be nothing more to do.
    fn is_over(&self) -> bool {
        self.readers == 0 && self.jobs.is_empty()
    }

    /// True if more conversations may wait. Beside a huge one there is not much room.
    fn has_room(&self) -> bool {
        self.waiting <= if self.is_tight() { ENOUGH_BYTES } else { WAITING_BYTES }
    }

    /// True while a conversation is measured that is so large that memory is short.
    fn is_tight(&self) -> bool {
        self.large > LARGE_TOGETHER
    }

    /// True if helpers have enough to do for a while.
    fn is_enough(&self) -> bool {
        self.waiting >= ENOUGH_BYTES
    }

    /// The next chunk of any shard, to be split now.
    fn split_any(&mut self) -> Option<Task<P, S>> {
        (0..self.shards.len()).find_map(|reader| self.split(reader))
    }

    /// The next chunk of a shard, to be split now.
    fn split(&mut self, reader: usize) -> Option<Task<P, S>> {
        if self.shards.get(reader)?.chunks.is_empty() {
            return None;
        }
        let splitter = self.take_splitter(reader)?;
        let chunk = self.shards.get_mut(reader)?.chunks.pop_front()?;
        Some(Task::Split { reader, splitter, chunk })
    }

    /// The conversation of this choice among those that may be measured now.
    fn job(&mut self, choice: Choice) -> Option<MeasureJob<P>> {
        let may = self.jobs.iter().enumerate().filter(|(_, job)| self.may_measure(job, choice));
        let sized = may.map(|(at, job)| (job.json.len(), at));
        let (_, at) = if choice == Choice::Largest { sized.max()? } else { sized.min()? };
        let job = self.jobs.remove(at)?;
        let bytes = job.json.len();
        self.waiting -= bytes;
        if bytes >= LARGE_BYTES {
            self.large += bytes;
        }
        Some(job)
    }

    /// The splitter of a shard if more of it may be split: two very large conversations are not held at the same time.
    fn take_splitter(&mut self, reader: usize) -> Option<S> {
        let is_tight = self.is_tight();
        self.shards.get_mut(reader)?.splitter.take_if(|splitter| may_split(splitter, is_tight))
    }

    /// True if a conversation may be measured now by those who choose so.
    fn may_measure(&self, job: &MeasureJob<P>, choice: Choice) -> bool {
        let bytes = job.json.len();
        let beside_others = self.large == 0 || self.large + bytes <= LARGE_TOGETHER;
        bytes < LARGE_BYTES || choice != Choice::Small && beside_others
    }
}

/// True if more may be split, where it is tight or not.
fn may_split(splitter: &impl Splits, is_tight: bool) -> bool {
    !is_tight || splitter.held() < LARGE_BYTES
}
