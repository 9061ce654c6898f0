//! Work shared between the threads of a pass, bounded in bytes: chunks to split, and conversations to measure.
//!
//! A thread that reads a shard hands on whatever others have time for, and helps them instead of waiting. So no thread
//! is idle, whether an export is slow to inflate, to split or to measure. While few conversations wait, the helpers
//! split and the reader inflates; during a very large conversation they work through the queue. Each shard's chunks are
//! split one at a time, in order, by the thread that holds its splitter.
//!
//! Small conversations travel in batches: the cost of a job doesn't depend on how small its conversations are, and the
//! number of waiting jobs is bounded, so choosing among them is too.

#[cfg(test)]
mod tests;

use crate::archive::OwnedChunk;
use crate::bytes::append;
use crate::format::scan::ElementJson;
use crate::sync::{lock, wait};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Weight of waiting jobs above which nothing is split. Beyond it, memory grows only by what one chunk contains.
const WAITING_BYTES: usize = 2 << 20;

/// Weight of waiting jobs that keeps the helpers busy for a while; splitting is then left to readers.
const ENOUGH_BYTES: usize = 1 << 20;

/// Number of chunks of a shard that may wait.
const CHUNKS: usize = 4;

/// Queue depth at which a helper is woken: waking it costs as much as inflating two fifths of a chunk.
const CHUNKS_TO_WAKE: usize = 2;

/// Size from which a conversation is large: how many are held and measured at a time is limited.
const LARGE_BYTES: usize = 1 << 20;

/// Total size of large conversations being measured at a time, unless it is a single one.
const LARGE_TOGETHER: usize = 4 << 20;

/// Total size of large conversations held at a time, whether incomplete, waiting or being measured, unless it is a
/// single one. Holds for any number of shards and threads.
const HELD_TOGETHER: usize = 8 << 20;

/// Number of batches kept for reuse.
const SPARE_BATCHES: usize = 4;

/// Capacity above which a buffer is freed rather than reused.
const SPARE_BYTES: usize = 512 << 10;

/// The same for the one buffer kept for a large conversation.
const SPARE_LARGE_BYTES: usize = 4 << 20;

/// Weight at which a batch is handed over.
const BATCH_BYTES: usize = 64 << 10;

/// Weight of a conversation besides its JSON.
const ELEMENT_BYTES: usize = 96;

/// Least weight of a job, which bounds the number of waiting jobs.
const JOB_BYTES: usize = 4 << 10;

/// Conversations that are measured together: one of any size, or several small ones.
#[derive(Debug)]
pub(super) struct MeasureBatch<P> {
    json: Vec<u8>,
    /// What is known about each conversation, and where its JSON ends.
    elements: Vec<(P, usize)>,
}

impl<P> Default for MeasureBatch<P> {
    fn default() -> Self {
        Self { json: Vec::new(), elements: Vec::new() }
    }
}

impl<P> MeasureBatch<P> {
    /// Appends a copy of a conversation.
    pub(super) fn push(&mut self, place: P, json: &[u8]) {
        append(&mut self.json, json);
        self.elements.push((place, self.json.len()));
    }

    /// True if it should be handed over.
    pub(super) fn is_full(&self) -> bool {
        self.weight() >= BATCH_BYTES
    }

    /// Its conversations with their JSON.
    pub(super) fn elements(&self) -> impl Iterator<Item = (&P, &[u8])> {
        let starts = std::iter::once(0).chain(self.elements.iter().map(|&(_, end)| end));
        self.elements
            .iter()
            .zip(starts)
            .map(|((place, end), start)| (place, self.json.get(start..*end).unwrap_or_default()))
    }

    fn weight(&self) -> usize {
        let bytes = self.elements.len().saturating_mul(ELEMENT_BYTES);
        bytes.saturating_add(self.json.len()).max(JOB_BYTES)
    }

    /// Size of the conversation, if it is a large one.
    fn large(&self) -> usize {
        if self.json.len() >= LARGE_BYTES { self.json.len() } else { 0 }
    }

    fn clear(&mut self) {
        self.json.clear();
        self.elements.clear();
    }
}

/// True for a conversation that is measured on its own, because copying it would cost too much.
pub(super) fn is_large(json: &[u8]) -> bool {
    json.len() >= LARGE_BYTES
}

/// Something to do.
#[derive(Debug)]
pub(super) enum Task<P, S> {
    /// Split the next chunk of a shard and put its splitter back.
    Split {
        /// The reader of the shard.
        reader: usize,
        splitter: S,
        chunk: OwnedChunk,
    },
    /// Measure conversations, then call [`Scheduler::finish`].
    Measure(MeasureBatch<P>),
}

/// Which of the waiting jobs is measured next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    /// For a helper, which has time.
    Largest,
    /// For a reader, which has other things to do.
    Smallest,
    /// The smallest, unless it is large.
    Small,
}

/// What to do with a chunk that was read.
#[derive(Debug)]
pub(super) enum Next<P, S> {
    /// Nothing: it waits to be split.
    Waits,
    /// The reader splits it.
    Split(S, OwnedChunk),
    /// Do this first, then offer the chunk again.
    First(Task<P, S>, OwnedChunk),
}

/// A splitter for what was just read.
#[derive(Debug)]
pub(super) enum Direct<S> {
    /// There are no helpers: measure the conversations right away too.
    Alone(S),
    /// The others are busy; leave the conversations to them.
    Busy(S),
}

/// What a reader does once it has read its shard.
#[derive(Debug)]
pub(super) enum Ended<P, S> {
    /// Everything is split.
    Splitter(S),
    /// Some chunks are left; do this meanwhile.
    First(Task<P, S>),
}

/// Splits chunks into conversations.
pub(super) trait Splits {
    /// Number of bytes held of an incomplete conversation.
    fn held(&self) -> usize;
}

/// The work shared by readers, each of which reads shards, and helpers, which don't.
#[derive(Debug)]
pub(super) struct Scheduler<P, S> {
    state: Mutex<SchedulerState<P, S>>,
    for_helpers: Condvar,
    for_readers: Condvar,
}

#[derive(Debug)]
struct SchedulerState<P, S> {
    jobs: VecDeque<MeasureBatch<P>>,
    /// Weight of the waiting jobs.
    waiting: usize,
    /// Bytes of the large conversations that wait or are being measured.
    large: usize,
    /// Bytes of the large conversations that are being measured.
    measured: usize,
    shards: Vec<ShardQueue<S>>,
    /// The reader whose conversation may grow beyond what is held together.
    grows: Option<usize>,
    spare: Vec<MeasureBatch<P>>,
    spare_large: Vec<u8>,
    spare_chunks: Vec<OwnedChunk>,
    readers: usize,
    helpers: usize,
    waiting_readers: usize,
    waiting_helpers: usize,
    abandoned: bool,
}

/// The shard of one reader.
#[derive(Debug)]
struct ShardQueue<S> {
    /// Absent while someone splits.
    splitter: Option<S>,
    /// Bytes of its incomplete conversation when the splitter was last put back.
    held: usize,
    /// Chunks to split next.
    chunks: VecDeque<OwnedChunk>,
}

impl<P, S: Splits> Scheduler<P, S> {
    /// No work yet, shared by this many threads.
    pub(super) fn new(readers: usize, helpers: usize) -> Self {
        let shard = || ShardQueue { splitter: None, held: 0, chunks: VecDeque::new() };
        let state = SchedulerState {
            jobs: VecDeque::new(),
            waiting: 0,
            large: 0,
            measured: 0,
            shards: std::iter::repeat_with(shard).take(readers).collect(),
            grows: None,
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

    /// The splitter for `reader`'s shard if the reader should split what it has read itself, because there are no
    /// helpers or they are busy.
    pub(super) fn direct(&self, reader: usize) -> Option<Direct<S>> {
        let mut state = self.lock();
        let alone = state.helpers == 0;
        let others_busy = state.is_enough() && state.has_room();
        if state.abandoned || !(alone || others_busy) || !state.shards.get(reader)?.chunks.is_empty() {
            return None;
        }
        let splitter = state.take_splitter(reader)?;
        Some(if alone { Direct::Alone(splitter) } else { Direct::Busy(splitter) })
    }

    /// Takes the next chunk of `reader`'s shard. `None` if the work was abandoned.
    pub(super) fn accept(&self, reader: usize, chunk: OwnedChunk) -> Option<Next<P, S>> {
        let mut state = self.lock();
        let next = loop {
            if state.abandoned {
                return None;
            }
            let room = state.has_room();
            // While the reader measures, nothing is inflated: leave what takes long to helpers.
            if !room && let Some(job) = state.job(Choice::Small) {
                break Next::First(Task::Measure(job), chunk);
            }
            // The others have enough to do, or there are none: split what waits, then the chunk itself.
            if (state.is_enough() || state.helpers == 0) && room {
                if let Some(task) = state.split(reader) {
                    break Next::First(task, chunk);
                }
                if state.shards.get(reader)?.chunks.is_empty()
                    && let Some(splitter) = state.take_splitter(reader)
                {
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

    /// Called when `reader` has read its whole shard: returns the splitter once everything is split, or something to
    /// do until then. `None` if the work was abandoned.
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
                shard.held = 0;
                state.grows = state.grows.filter(|grows| *grows != reader);
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

    /// Turns a reader without further shards into a helper.
    pub(super) fn turn_helper(&self) {
        let mut state = self.lock();
        state.readers = state.readers.saturating_sub(1);
        state.helpers = state.helpers.saturating_add(1);
        self.wake(state);
    }

    /// Goes on without a reader that could not be started.
    pub(super) fn lose_reader(&self) {
        let mut state = self.lock();
        state.readers = state.readers.saturating_sub(1);
        self.wake(state);
    }

    /// Goes on without a helper that could not be started.
    pub(super) fn lose_helper(&self) {
        let mut state = self.lock();
        state.helpers = state.helpers.saturating_sub(1);
        self.wake(state);
    }

    /// Waits for something that a helper can do. `None` when there will be nothing more.
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

    /// Puts the splitter of `reader`'s shard back, or installs it.
    pub(super) fn put_back(&self, reader: usize, splitter: S) {
        let mut state = self.lock();
        if let Some(shard) = state.shards.get_mut(reader) {
            shard.held = splitter.held();
            shard.splitter = Some(splitter);
            if shard.held < LARGE_BYTES {
                state.grows = state.grows.filter(|grows| *grows != reader);
            }
        }
        self.wake(state);
    }

    /// Returns a chunk that was split, for reuse.
    pub(super) fn recycle(&self, chunk: OwnedChunk) {
        self.lock().spare_chunks.push(chunk);
    }

    /// A chunk for reuse.
    pub(super) fn spare_chunk(&self) -> Option<OwnedChunk> {
        self.lock().spare_chunks.pop()
    }

    /// An empty batch.
    pub(super) fn batch(&self) -> MeasureBatch<P> {
        self.lock().spare.pop().unwrap_or_default()
    }

    /// Adds conversations to measure, unless there are none.
    pub(super) fn offer(&self, batch: MeasureBatch<P>) {
        let mut state = self.lock();
        if batch.elements.is_empty() {
            state.keep_spare(batch);
            return;
        }
        state.waiting = state.waiting.saturating_add(batch.weight());
        state.large = state.large.saturating_add(batch.large());
        state.jobs.push_back(batch);
        self.wake(state);
    }

    /// Adds a large conversation to measure.
    pub(super) fn offer_large(&self, place: P, json: ElementJson<'_>) {
        let spare = std::mem::take(&mut self.lock().spare_large);
        let json = json.into_owned(spare);
        let end = json.len();
        self.offer(MeasureBatch { json, elements: vec![(place, end)] });
    }

    /// Records that conversations were measured, and reuses their buffers.
    pub(super) fn finish(&self, mut batch: MeasureBatch<P>) {
        let mut state = self.lock();
        let large = batch.large();
        batch.clear();
        // While a huge conversation is measured, memory is better used elsewhere.
        if !state.is_tight() {
            if large > 0 && batch.json.capacity() <= SPARE_LARGE_BYTES {
                state.spare_large = batch.json;
            } else {
                state.keep_spare(batch);
            }
        }
        state.measured = state.measured.saturating_sub(large);
        state.large = state.large.saturating_sub(large);
        if large > 0 {
            self.wake(state);
        }
    }

    /// Records that a conversation of this size is being measured without having waited. Ends with
    /// [`end_direct`](Self::end_direct).
    pub(super) fn begin_direct(&self, bytes: usize) {
        let mut state = self.lock();
        state.measured = state.measured.saturating_add(bytes);
        state.large = state.large.saturating_add(bytes);
    }

    /// The end of [`begin_direct`](Self::begin_direct).
    pub(super) fn end_direct(&self, bytes: usize) {
        let mut state = self.lock();
        state.measured = state.measured.saturating_sub(bytes);
        state.large = state.large.saturating_sub(bytes);
        self.wake(state);
    }

    /// Frees the buffers kept for reuse.
    pub(super) fn drop_spares(&self) {
        let mut state = self.lock();
        state.spare.clear();
        state.spare_large = Vec::new();
    }

    /// Ends all work: a thread that holds a part of it has panicked.
    pub(super) fn abandon(&self) {
        self.lock().abandoned = true;
        self.for_helpers.notify_all();
        self.for_readers.notify_all();
    }

    /// True if the work was abandoned.
    pub(super) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
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

    /// After a change, wakes the threads that can now do something. Only one helper is woken, which wakes the next if
    /// there is more to do: waking all of them for each chunk would only get in the reader's way.
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
    /// Something that can be done now; among jobs, the given choice. Splits first if few conversations wait.
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

    /// True if there is enough to do to be worth waking a helper.
    fn has_task(&self) -> bool {
        let can_split = |(reader, shard): (usize, &ShardQueue<S>)| {
            shard.chunks.len() >= CHUNKS_TO_WAKE && shard.splitter.is_some() && self.may_split(reader)
        };
        self.jobs.iter().any(|job| self.may_measure(job, Choice::Largest))
            || self.has_room() && self.shards.iter().enumerate().any(can_split)
    }

    /// True if there will be nothing more to do.
    fn is_over(&self) -> bool {
        self.readers == 0 && self.jobs.is_empty()
    }

    /// True if more conversations may wait. Next to a huge one there is little room.
    fn has_room(&self) -> bool {
        self.waiting <= if self.is_tight() { ENOUGH_BYTES } else { WAITING_BYTES }
    }

    /// True while a conversation is measured that is so large that memory is short.
    fn is_tight(&self) -> bool {
        self.measured > LARGE_TOGETHER
    }

    /// True if helpers have enough to do for a while.
    fn is_enough(&self) -> bool {
        self.waiting >= ENOUGH_BYTES
    }

    /// The next chunk of any shard that can be split now.
    fn split_any(&mut self) -> Option<Task<P, S>> {
        (0..self.shards.len()).find_map(|reader| self.split(reader))
    }

    /// The next chunk of a shard, if it can be split now.
    fn split(&mut self, reader: usize) -> Option<Task<P, S>> {
        if self.shards.get(reader)?.chunks.is_empty() {
            return None;
        }
        let splitter = self.take_splitter(reader)?;
        let chunk = self.shards.get_mut(reader)?.chunks.pop_front()?;
        Some(Task::Split { reader, splitter, chunk })
    }

    /// Takes the given choice among the jobs that may be measured now.
    fn job(&mut self, choice: Choice) -> Option<MeasureBatch<P>> {
        let may = self.jobs.iter().enumerate().filter(|(_, job)| self.may_measure(job, choice));
        let sized = may.map(|(at, job)| (job.weight(), at));
        let (_, at) = if choice == Choice::Largest { sized.max()? } else { sized.min()? };
        let job = self.jobs.remove(at)?;
        self.waiting = self.waiting.saturating_sub(job.weight());
        self.measured = self.measured.saturating_add(job.large());
        Some(job)
    }

    /// Takes the splitter of a shard, if more of it may be split.
    fn take_splitter(&mut self, reader: usize) -> Option<S> {
        if !self.may_split(reader) {
            return None;
        }
        let splitter = self.shards.get_mut(reader)?.splitter.take()?;
        if splitter.held() >= LARGE_BYTES && self.grows.is_none() && !self.fits() {
            self.grows = Some(reader);
        }
        Some(splitter)
    }

    /// True if more of a shard may be split: only one conversation at a time grows beyond what is held together.
    fn may_split(&self, reader: usize) -> bool {
        let held = self.shards.get(reader).map_or(0, |shard| shard.held);
        if held < LARGE_BYTES {
            return true;
        }
        let may_grow =
            self.fits() || self.grows == Some(reader) || self.grows.is_none() && self.large <= HELD_TOGETHER;
        !self.is_tight() && may_grow
    }

    /// True if all large conversations are within what may be held together.
    fn fits(&self) -> bool {
        let held = self.shards.iter().map(|shard| shard.held).filter(|held| *held >= LARGE_BYTES);
        held.fold(self.large, usize::saturating_add) <= HELD_TOGETHER
    }

    /// True if a job may be measured now, given the choice.
    fn may_measure(&self, job: &MeasureBatch<P>, choice: Choice) -> bool {
        let large = job.large();
        let next_to_others = self.measured == 0 || self.measured.saturating_add(large) <= LARGE_TOGETHER;
        large == 0 || choice != Choice::Small && next_to_others
    }

    fn keep_spare(&mut self, batch: MeasureBatch<P>) {
        if batch.json.capacity() <= SPARE_BYTES && self.spare.len() < SPARE_BATCHES {
            self.spare.push(batch);
        }
    }
}
