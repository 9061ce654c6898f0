//! The pass over all shards, and its threads.
//!
//! Each shard is inflated by one thread. While there is a shard per thread, each thread splits and measures what it
//! reads; threads without a shard help the others, see [`scheduler`]. The pass goes on with the threads that can be
//! started, down to the calling one.

mod outcome;
mod scheduler;
mod split;
mod threads;

#[cfg(test)]
pub(super) use threads::tests::with_at_most as threads_for_tests;

use super::{IndexOptions, has_memory_for, measure};
use crate::archive::{self, Archive, Chunk, OwnedChunk};
use crate::bug::{self, Bug};
use crate::catalog::{Condition, EntryRef, Head, Problem};
use crate::conversation::Conversation;
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::Assets;
use crate::format::scan::{self, End, Scanner};
use crate::format::{self, Format};
use crate::progress::Progress;
use crate::render::{Document, Observer, PageReader};
use crate::source::Export;
use crate::sync::lock;
use crate::sys;
use crate::text::{grouped, printable};
use crate::time::Timestamp;
use scheduler::{Direct, Ended, Next, Scheduler, Task, is_large};
use split::{ElementPlace, Extent, MAX_ELEMENTS, ShardFinding, Splitter, Vendor};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Memory is asked for in advance for conversations from this size on, in bytes of JSON.
const PROBED_BYTES: usize = 1 << 20;

/// The results of a pass.
pub(super) struct PassOutcome {
    pub(super) heads: Vec<Head>,
    /// Damage to whole files comes first.
    pub(super) problems: Vec<Problem>,
    /// The format of each shard that has one.
    pub(super) formats: HashMap<EntryRef, &'static dyn Format>,
    /// True if another pass may find more, because something couldn't be read for a reason outside the export.
    pub(super) is_provisional: bool,
}

/// Reads every shard of `export` once.
pub(super) fn run(
    export: &Export,
    assets: &Assets,
    options: &IndexOptions,
    observer: Option<&dyn Observer>,
    progress: &Progress,
) -> Result<PassOutcome> {
    let total = export.shards.iter().map(|shard| export.entry(shard.entry).map_or(0, |entry| entry.size));
    let total = total.fold(0, u64::saturating_add);
    progress.set_total(total);
    let pass = Pass {
        export,
        assets,
        options,
        observer,
        progress,
        spacing: archive::spacing(total),
        elements: AtomicU64::new(0),
        is_starved: AtomicBool::new(false),
    };
    let (found, ends) = pass.run()?;
    pass.put_together(found, ends)
}

struct Pass<'a> {
    export: &'a Export,
    assets: &'a Assets,
    options: &'a IndexOptions,
    observer: Option<&'a dyn Observer>,
    progress: &'a Progress,
    /// Distance between checkpoints in the shards, in bytes.
    spacing: u64,
    /// Number of elements found so far.
    elements: AtomicU64,
    /// True once there was too little memory for a conversation.
    is_starved: AtomicBool,
}

/// A conversation that was measured.
struct Measured {
    /// Position of its shard.
    shard: usize,
    head: Head,
    /// Decides between two versions of a conversation with equal times.
    nodes: usize,
    problems: Vec<Problem>,
}

/// Everything that one thread, or all of them, found.
#[derive(Default)]
struct PassFindings {
    conversations: Vec<Measured>,
    /// For each shard with elements that are not conversations: how many there are, and the offset of the first.
    junk: BTreeMap<usize, (u64, u64)>,
}

impl PassFindings {
    fn add_junk(&mut self, shard: usize, count: u64, start: u64) {
        let (known, first) = self.junk.entry(shard).or_insert((0, start));
        *known = known.saturating_add(count);
        *first = start.min(*first);
    }

    fn merge(&mut self, other: Self) {
        if self.conversations.is_empty() {
            self.conversations = other.conversations;
        } else {
            self.conversations.extend(other.conversations);
        }
        for (shard, (count, first)) in other.junk {
            self.add_junk(shard, count, first);
        }
    }
}

/// How a shard ended.
#[derive(Default)]
struct ShardEnd {
    vendor: Option<Vendor>,
    junk: Option<(u64, u64)>,
    problems: Vec<Problem>,
    /// True if a bug of ours kept the rest from being split, which is one of the problems.
    is_lost: bool,
    /// Why it couldn't be read to its end, or can't be trusted.
    failure: Option<Error>,
}

impl Pass<'_> {
    /// Everything found, in no particular order, and how each shard ended, in order.
    fn run(&self) -> Result<(PassFindings, Vec<ShardEnd>)> {
        let shards = &self.export.shards;
        let readers = self.options.jobs.clamp(1, shards.len().max(1));
        let helpers = self.options.jobs.saturating_sub(readers);
        let next = AtomicUsize::new(0);
        let ends: Vec<Mutex<ShardEnd>> = shards.iter().map(|_| Mutex::default()).collect();
        let work = Scheduler::new(readers, helpers);
        let work_as = |at: usize| {
            let mut worker = Worker::new(self, &work);
            if at < readers {
                while !work.is_abandoned() {
                    let shard = next.fetch_add(1, Ordering::Relaxed);
                    let Some(slot) = ends.get(shard) else { break };
                    let end = worker.read(at, shard);
                    *lock(slot) = end;
                }
                work.turn_helper();
            }
            while let Some(task) = work.next() {
                worker.perform(task);
            }
            worker.found
        };
        // What a thread that panics has taken will never be returned.
        let run = |at: usize| bug::caught(|| work_as(at)).inspect_err(|_| work.abandon());
        let found = thread::scope(|scope| {
            let run = &run;
            let threads = readers.saturating_add(helpers);
            let start = |at: usize| threads::start(scope, move || run(at));
            let others: Vec<_> = (1..threads).map_while(start).collect();
            // The other threads take over the work of those that couldn't be started.
            for at in others.len().saturating_add(1)..threads {
                if at < readers { work.lose_reader() } else { work.lose_helper() }
            }
            let first = run(0);
            let others = others.into_iter().map(|thread| match thread.join() {
                Ok(found) => found,
                Err(panic) => panic::resume_unwind(panic),
            });
            let mut all = PassFindings::default();
            for found in std::iter::once(first).chain(others) {
                all.merge(found?);
            }
            Ok::<_, Bug>(all)
        });
        let ends = ends.into_iter().map(|end| end.into_inner().unwrap_or_else(PoisonError::into_inner));
        let found = found.map_err(|bug| bug.into_error().within(printable(&self.export.name)))?;
        Ok((found, ends.collect()))
    }

    /// Measures one element. `None` if it isn't a conversation. One that makes us panic is shown as a page that says so;
    /// like everything about an element, that is the same whenever this program reads it.
    fn measure(&self, place: ElementPlace, json: &[u8]) -> Option<Measured> {
        let measured = match bug::caught(|| self.read(place, json)) {
            Ok(measured) => measured,
            Err(bug) => Some(self.avoid(&bug, place, json)),
        };
        if let Some(measured) = &measured {
            self.progress.count();
            if measured.head.condition == Condition::Unread {
                self.is_starved.store(true, Ordering::Relaxed);
            }
        }
        measured
    }

    fn read(&self, place: ElementPlace, json: &[u8]) -> Option<Measured> {
        let starved = matches!(place.extent, Extent::Whole | Extent::CutOff)
            && json.len() >= PROBED_BYTES
            && !has_memory_for(json.len());
        if starved {
            let place = ElementPlace { extent: Extent::NoMemory, ..place };
            return self.read(place, &scan::skeleton(json));
        }
        #[cfg(test)]
        super::tests::bugs::while_indexing(json);
        let mut measured = None;
        place.format.read(json, self.options.detail(), &mut |conversation, notes| {
            if conversation.tree.is_empty() && !is_conversation(&conversation, place.extent, json) {
                return;
            }
            measured = Some(match place.extent {
                Extent::Whole | Extent::CutOff => self.shown(place, conversation, notes),
                Extent::TooLarge => self.withheld(place, conversation, Condition::TooLarge, None),
                Extent::NoMemory => self.withheld(place, conversation, Condition::Unread, None),
            });
        });
        measured
    }

    /// Measures a conversation and shows it to the observer.
    fn shown(&self, place: ElementPlace, conversation: Conversation<'_>, notes: Vec<String>) -> Measured {
        let mut conversation = conversation;
        self.assets.attach(&mut conversation);
        conversation.export = self.export_name(place);
        let document = Document::new(&conversation, self.assets);
        let mut reader = self.observer.map(Observer::begin);
        let pages_to: Option<&mut dyn PageReader> = match &mut reader {
            Some(reader) => Some(reader.as_mut()),
            None => None,
        };
        let is_damaged =
            conversation.damage.is_some() || conversation.is_doubtful || place.extent == Extent::CutOff;
        let condition = if is_damaged { Condition::Damaged } else { Condition::Sound };
        let head = measure::head(&document, place.location, &self.options.render, pages_to);
        let head = Head { condition, ..head };
        if let Some(reader) = reader {
            reader.end(place.location);
        }
        // Damage is among the notes.
        Measured::new(place, head, conversation.tree.len(), notes)
    }

    /// Measures what is shown in place of a conversation. `note` is its problem, if it is not what the page says.
    fn withheld(
        &self,
        place: ElementPlace,
        conversation: Conversation<'_>,
        condition: Condition,
        note: Option<String>,
    ) -> Measured {
        let messages = conversation.tree.len();
        let conversation = Conversation { export: self.export_name(place), ..conversation };
        let limit = self.options.max_conversation;
        let placeholder = measure::withheld(conversation, condition, place.location, limit);
        let document = Document::new(&placeholder, self.assets);
        let head = measure::head(&document, place.location, &self.options.render, None);
        // A gap in a part says nothing about the whole.
        let notes = note.or_else(|| placeholder.damage.clone());
        Measured::new(place, Head { condition, ..head }, messages, notes.into_iter().collect())
    }

    /// Measures what is shown in place of an element that makes us panic: with its title, unless that alone is enough to
    /// do so.
    fn avoid(&self, bug: &Bug, place: ElementPlace, json: &[u8]) -> Measured {
        let note = || Some(format!("not shown because of {bug}"));
        let with_title = bug::caught(|| {
            let json = scan::skeleton(json);
            #[cfg(test)]
            super::tests::bugs::while_indexing(&json);
            let mut measured = None;
            place.format.read(&json, self.options.detail(), &mut |conversation, _| {
                measured = Some(self.withheld(place, conversation, Condition::Bug, note()));
            });
            measured
        });
        let nothing = || self.withheld(place, Conversation::default(), Condition::Bug, note());
        with_title.ok().flatten().unwrap_or_else(nothing)
    }

    /// The name of an element's export, where several are shown as one.
    fn export_name(&self, place: ElementPlace) -> Option<Cow<'static, str>> {
        self.export.name_among_several(place.location.entry).map(|name| name.to_owned().into())
    }

    fn archive(&self, entry: EntryRef) -> Result<&Archive> {
        let archive = self.export.archive(entry);
        archive.ok_or_else(|| Error::new(ErrorKind::Unexpected, "no such archive"))
    }

    /// Fails if there are more elements than one export may have.
    fn check_elements(&self) -> Result<()> {
        if self.elements.load(Ordering::Relaxed) <= MAX_ELEMENTS {
            return Ok(());
        }
        let reason = format!(
            "more than {} conversations and other elements, which is the limit",
            grouped(MAX_ELEMENTS)
        );
        Err(Error::new(ErrorKind::Limit, reason))
    }
}

/// True if an element without messages still counts as a conversation: if it has a title and an id, if it has one of
/// them and is damaged, or if its keys say so. If all of its JSON was kept, the keys need a title or an id to confirm
/// them.
fn is_conversation(conversation: &Conversation<'_>, extent: Extent, json: &[u8]) -> bool {
    let (has_id, has_title) = (!conversation.id.is_empty(), conversation.title.is_some());
    let is_named = has_id || has_title;
    let is_broken = is_named && (conversation.damage.is_some() || extent == Extent::CutOff);
    has_id && has_title
        || is_broken
        || (is_named || !matches!(extent, Extent::Whole | Extent::CutOff)) && format::detect(json).is_ok()
}

impl Measured {
    fn new(place: ElementPlace, head: Head, nodes: usize, reasons: Vec<String>) -> Self {
        let subject = match &*head.id {
            "" => "a conversation without an id".to_owned(),
            id => format!("conversation {id}"),
        };
        let location = Some(head.location);
        let problem = |reason| Problem { conversation: location, ..Problem::new(&subject, reason) };
        let problems = reasons.into_iter().map(problem).collect();
        Self { shard: place.shard, head, nodes, problems }
    }

    fn rank(&self) -> (Option<Timestamp>, usize) {
        (self.head.updated, self.nodes)
    }

    fn archive(&self) -> u16 {
        self.head.location.entry.archive
    }
}

/// One thread of a pass.
struct Worker<'p> {
    pass: &'p Pass<'p>,
    work: &'p Scheduler<ElementPlace, Splitter<'p>>,
    found: PassFindings,
    /// The scanner of the last shard, kept for its memory.
    scanner: Option<Scanner>,
}

impl<'p> Worker<'p> {
    fn new(pass: &'p Pass<'p>, work: &'p Scheduler<ElementPlace, Splitter<'p>>) -> Self {
        Self { pass, work, found: PassFindings::default(), scanner: None }
    }

    /// Reads one shard as the reader `at`.
    fn read(&mut self, at: usize, shard: usize) -> ShardEnd {
        let pass = self.pass;
        let Some(entry) = pass.export.shards.get(shard) else { return ShardEnd::default() };
        let scanner = self.scanner.take().unwrap_or_else(|| Scanner::new(pass.options.max_conversation));
        let subject = pass.export.subject(entry.entry);
        let limit = pass.options.max_conversation;
        self.work.put_back(at, Splitter::new(shard, entry, subject, limit, &pass.elements, scanner));
        let streamed = pass.archive(entry.entry).and_then(|archive| {
            archive.stream(entry.entry.entry, pass.spacing, &mut |chunk| {
                pass.progress.advance(chunk.len());
                pass.check_elements()?;
                self.take(at, chunk)
            })
        });
        let Some(splitter) = self.end(at) else { return ShardEnd::default() };
        let (end, finding, scanner) = splitter.finish(&mut |place, json| self.measure(place, &json));
        self.scanner = Some(scanner);
        let ShardFinding { vendor, junk, mut problems, is_lost, .. } = finding;
        // A file beside the conversations may hold none, in whatever form.
        let is_vacant = entry.is_side && matches!(end, End::Damaged { reason: scan::NOT_CONVERSATIONS, .. });
        if let (Ok(()), End::Damaged { reason, at }) = (&streamed, end)
            && !is_vacant
        {
            problems.push(Problem::new(pass.export.subject(entry.entry), format!("{reason} (at byte {at})")));
        }
        ShardEnd { vendor, junk, problems, is_lost, failure: streamed.err() }
    }

    /// Takes the next bytes of `at`'s shard: splits them while they are in the processor's cache, or hands them on.
    fn take(&mut self, at: usize, chunk: Chunk<'_>) -> Result<()> {
        if let Some(splitter) = self.work.direct(at) {
            match splitter {
                Direct::Alone(mut splitter) => {
                    if splitter.feed(&chunk, &mut |place, json| self.measure(place, &json)) {
                        self.make_room();
                    }
                    self.work.put_back(at, splitter);
                }
                Direct::Busy(splitter) => self.split(at, splitter, &chunk),
            }
            return Ok(());
        }
        self.accept(at, chunk.keep(self.work.spare_chunk()))
    }

    /// Makes sure that a chunk of `at`'s shard will be split.
    fn accept(&mut self, at: usize, chunk: OwnedChunk) -> Result<()> {
        let mut chunk = chunk;
        loop {
            match self.work.accept(at, chunk) {
                Some(Next::Waits) => return Ok(()),
                Some(Next::Split(splitter, chunk)) => {
                    self.split(at, splitter, &chunk);
                    self.work.recycle(chunk);
                    return Ok(());
                }
                Some(Next::First(task, back)) => {
                    self.perform(task);
                    chunk = back;
                }
                None => return Err(Error::new(ErrorKind::Unexpected, "another thread has given up")),
            }
        }
    }

    /// The splitter of `at`'s shard, once everything is split.
    fn end(&mut self, at: usize) -> Option<Splitter<'p>> {
        loop {
            match self.work.end(at)? {
                Ended::Splitter(splitter) => return Some(splitter),
                Ended::First(task) => self.perform(task),
            }
        }
    }

    fn perform(&mut self, task: Task<ElementPlace, Splitter<'p>>) {
        match task {
            Task::Split { reader, splitter, chunk } => {
                self.split(reader, splitter, &chunk);
                self.work.recycle(chunk);
            }
            Task::Measure(batch) => {
                batch.elements().for_each(|(&place, json)| self.measure_one(place, json));
                self.work.finish(batch);
            }
        }
    }

    /// Splits a chunk into conversations for others to measure.
    fn split(&self, reader: usize, mut splitter: Splitter<'p>, chunk: &[u8]) {
        let mut batch = self.work.batch();
        let is_huge = splitter.feed(chunk, &mut |place, json| {
            if is_large(&json) {
                self.work.offer_large(place, json);
                return;
            }
            batch.push(place, &json);
            if batch.is_full() {
                self.work.offer(std::mem::replace(&mut batch, self.work.batch()));
            }
        });
        self.work.offer(batch);
        if is_huge {
            self.make_room();
        }
        self.work.put_back(reader, splitter);
    }

    /// Returns the memory used by smaller conversations to the system, before a huge one grows further.
    fn make_room(&self) {
        self.work.drop_spares();
        sys::trim_memory();
    }

    /// Measures a conversation that didn't wait.
    fn measure(&mut self, place: ElementPlace, json: &[u8]) {
        if is_large(json) {
            self.work.begin_direct(json.len());
            self.measure_one(place, json);
            self.work.end_direct(json.len());
        } else {
            self.measure_one(place, json);
        }
    }

    fn measure_one(&mut self, place: ElementPlace, json: &[u8]) {
        #[cfg(test)]
        super::tests::bugs::while_scheduling(json);
        match self.pass.measure(place, json) {
            Some(measured) => self.found.conversations.push(measured),
            None => self.found.add_junk(place.shard, 1, place.location.start),
        }
    }
}

impl scheduler::Splits for Splitter<'_> {
    fn held(&self) -> usize {
        Splitter::held(self)
    }
}
