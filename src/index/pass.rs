//! The pass over all shards: threads, and the order in which results are put together again.
//!
//! A shard is inflated by one thread. As long as there is a shard for each thread, every one splits and measures what
//! it reads by itself. Else those that have none help the others: see [`work`].

mod scheduler;

use super::{IndexOptions, measure};
use crate::archive::{self, Archive, Chunk, OwnedChunk};
use crate::catalog::{EntryRef, Head, Location, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::Assets;
use crate::format::html::HtmlExtract;
use crate::format::scan::{Body, Element, ElementJson, End, Scanner};
use crate::format::{self, Format};
use crate::progress::Progress;
use crate::render::Document;
use crate::source::{Export, Shape, Shard};
use crate::sync::lock;
use crate::sys;
use crate::text::printable;
use crate::time::Timestamp;
use scheduler::{AtOnce, Ended, Next, Scheduler, Task};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// A conversation of this size sets the peak of memory: before it grows further, what smaller ones have used is given
/// back to the system.
const HUGE_BYTES: usize = 8 << 20;

/// What a pass found.
pub(super) struct PassOutcome {
    pub(super) heads: Vec<Head>,
    pub(super) problems: Vec<Problem>,
    pub(super) format: &'static dyn Format,
}

/// Reads every shard of `export` once.
pub(super) fn run(
    export: &Export,
    assets: &Assets,
    options: &IndexOptions,
    progress: &Progress,
) -> Result<PassOutcome> {
    let total = export.shards.iter().map(|shard| export.entry(shard.entry).map_or(0, |entry| entry.size));
    let total = total.fold(0, u64::saturating_add);
    progress.set_total(total);
    sys::give_memory_back_early();
    let (format, foreign) = (OnceLock::new(), OnceLock::new());
    let pass = Pass { export, assets, options, progress, spacing: archive::spacing(total), format, foreign };
    let (outcomes, ends) = pass.run();
    pass.put_together(outcomes, ends)
}

struct Pass<'a> {
    export: &'a Export,
    assets: &'a Assets,
    options: &'a IndexOptions,
    progress: &'a Progress,
    /// Distance of checkpoints in the shards, in bytes.
    spacing: u64,
    /// The format of the first element that has one.
    format: OnceLock<&'static dyn Format>,
    /// What the first element without a format looks like.
    foreign: OnceLock<String>,
}

/// Where an element was found.
#[derive(Clone, Copy, Debug)]
struct ElementPlace {
    /// Position of its shard.
    shard: usize,
    location: Location,
    /// True if only a part of its JSON is there.
    partial: bool,
}

/// What one element turned out to be.
struct ElementOutcome {
    place: ElementPlace,
    head: Head,
    /// Decides between two versions of a conversation, after their times.
    nodes: usize,
    problems: Vec<Problem>,
}

/// How a shard ended.
#[derive(Default)]
struct ShardEnd {
    problems: Vec<Problem>,
    /// Why it could not be read to its end, or can't be trusted.
    failure: Option<Error>,
}

impl Pass<'_> {
    /// What all elements are, in no order, and how each shard ended, in order.
    fn run(&self) -> (Vec<ElementOutcome>, Vec<ShardEnd>) {
        let shards = &self.export.shards;
        let readers = self.options.jobs.clamp(1, shards.len().max(1));
        let helpers = self.options.jobs.saturating_sub(readers);
        let next = AtomicUsize::new(0);
        let ends: Vec<Mutex<ShardEnd>> = shards.iter().map(|_| Mutex::default()).collect();
        let work = Scheduler::new(readers, helpers);
        let thread = |at: usize| {
            let mut worker = Worker::new(self, &work);
            if at < readers {
                loop {
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
            std::mem::take(&mut worker.outcomes)
        };
        let outcomes = std::thread::scope(|scope| {
            let thread = &thread;
            let threads: Vec<_> = (0..readers + helpers).map(|at| scope.spawn(move || thread(at))).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let ends = ends.into_iter().map(|end| end.into_inner().unwrap_or_else(PoisonError::into_inner));
        (outcomes, ends.collect())
    }

    /// Measures one element.
    fn measure(&self, place: ElementPlace, json: &[u8]) -> Option<ElementOutcome> {
        let options = &self.options.render;
        let mut outcome = None;
        self.format_of(json).read(json, self.options.detail(), &mut |mut conversation, mut notes| {
            self.assets.attach(&mut conversation);
            let document = Document::new(&conversation, self.assets);
            let mut head = measure::head(&document, place.location, options);
            if place.partial {
                let conversation = measure::oversized(&head, self.options.max_conversation);
                let document = Document::new(&conversation, self.assets);
                let of_note = measure::head(&document, place.location, options);
                // What is missing in a part says nothing about the whole.
                notes = conversation.damage.iter().cloned().collect();
                head = of_note;
            }
            let subject = match &*conversation.id {
                "" => "a conversation without an id".to_owned(),
                id => format!("conversation {id}"),
            };
            // What damages it is among its notes.
            let problems = notes.into_iter().map(|note| Problem::new(&subject, note)).collect();
            outcome = Some(ElementOutcome { place, head, nodes: conversation.tree.len(), problems });
        });
        self.progress.count();
        outcome
    }

    /// The format that the export is in, or may be in as long as no element has shown it.
    fn format_of(&self, json: &[u8]) -> &'static dyn Format {
        if let Some(&format) = self.format.get() {
            return format;
        }
        match format::detect(json) {
            Ok(format) => *self.format.get_or_init(|| format),
            Err(foreign) => {
                self.foreign.get_or_init(|| foreign.to_string());
                format::FORMATS[0]
            }
        }
    }

    fn archive(&self, entry: EntryRef) -> Result<&Archive> {
        let archive = self.export.archive(entry);
        archive.ok_or_else(|| Error::new(ErrorKind::Unexpected, "no such archive"))
    }

    /// Joins what the shards gave: the newest version of each conversation, in the order of the archive.
    fn put_together(&self, mut outcomes: Vec<ElementOutcome>, ends: Vec<ShardEnd>) -> Result<PassOutcome> {
        if ends.iter().all(|end| end.failure.is_some()) {
            let failure = ends.into_iter().find_map(|end| end.failure);
            return Err(failure.unwrap_or_else(|| self.nothing_found(&[])));
        }
        outcomes.sort_by_cached_key(|outcome| (outcome.place.shard, outcome.place.location.start));
        let mut problems: Vec<_> =
            outcomes.iter_mut().flat_map(|outcome| std::mem::take(&mut outcome.problems)).collect();
        for outcome in &mut outcomes {
            outcome.head.unverified = ends.get(outcome.place.shard).is_some_and(|end| end.failure.is_some());
        }
        for (end, shard) in ends.into_iter().zip(&self.export.shards) {
            problems.extend(end.problems);
            problems.extend(end.failure.map(|failure| Problem::new(&shard.name, failure.to_string())));
        }
        let Some(&format) = self.format.get() else { return Err(self.nothing_found(&problems)) };
        let heads = newest(outcomes, &mut problems);
        Ok(PassOutcome { heads, problems, format })
    }

    /// Why there is no conversation at all.
    fn nothing_found(&self, problems: &[Problem]) -> Error {
        let reason = match (self.foreign.get(), problems.first()) {
            (Some(foreign), _) => format!("this looks like {foreign}"),
            (None, Some(problem)) => {
                format!("{}: {}", printable(&problem.subject), printable(&problem.reason))
            }
            (None, None) => "the list of conversations is empty".to_owned(),
        };
        let name = printable(&self.export.name);
        Error::new(ErrorKind::NotAnExport, format!("{name}: no conversations found: {reason}"))
    }
}

/// The newest version of every conversation: the greater `updated` wins, then more nodes, then the later one.
/// Keeps the order of the survivors. Conversations without an id are all kept.
fn newest(outcomes: Vec<ElementOutcome>, problems: &mut Vec<Problem>) -> Vec<Head> {
    let mut best: HashMap<Box<str>, usize> = HashMap::new();
    let mut kept: Vec<Option<ElementOutcome>> = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        if !outcome.head.id.is_empty() {
            let position = kept.len();
            if let Some(&rival) = best.get(&outcome.head.id) {
                problems.push(Problem::new(
                    format!("conversation {}", outcome.head.id),
                    "is in the export more than once: its newest version is shown",
                ));
                let Some(slot) = kept.get_mut(rival) else { continue };
                if slot.as_ref().is_some_and(|rival| rival.rank() > outcome.rank()) {
                    continue;
                }
                *slot = None;
            }
            best.insert(outcome.head.id.clone(), position);
        }
        kept.push(Some(outcome));
    }
    kept.into_iter().flatten().map(|outcome| outcome.head).collect()
}

impl ElementOutcome {
    fn rank(&self) -> (Option<Timestamp>, usize) {
        (self.head.updated, self.nodes)
    }
}

/// One thread of a pass.
struct Worker<'p> {
    pass: &'p Pass<'p>,
    work: &'p Scheduler<ElementPlace, Splitter<'p>>,
    outcomes: Vec<ElementOutcome>,
    /// The scanner of the last shard, which has memory for the next one.
    scanner: Option<Scanner>,
}

impl<'p> Worker<'p> {
    fn new(pass: &'p Pass<'p>, work: &'p Scheduler<ElementPlace, Splitter<'p>>) -> Self {
        Self { pass, work, outcomes: Vec::new(), scanner: None }
    }

    /// Reads one shard as the reader `at`.
    fn read(&mut self, at: usize, shard: usize) -> ShardEnd {
        let pass = self.pass;
        let Some(found) = pass.export.shards.get(shard) else { return ShardEnd::default() };
        let scanner = self.scanner.take().unwrap_or_else(|| Scanner::new(pass.options.max_conversation));
        self.work.put_back(at, Splitter::new(pass, shard, found, scanner));
        let streamed = pass.archive(found.entry).and_then(|archive| {
            archive.stream(found.entry.entry, pass.spacing, &mut |chunk| {
                pass.progress.advance(chunk.len());
                self.take(at, chunk)
            })
        });
        let Some(splitter) = self.end(at) else { return ShardEnd::default() };
        let (end, mut problems, scanner) = splitter.finish(&mut |place, json| self.measure(place, &json));
        self.scanner = Some(scanner);
        if let (Ok(()), End::Damaged { reason, at }) = (&streamed, end) {
            problems.push(Problem::new(&found.name, format!("{reason} (at byte {at})")));
        }
        ShardEnd { problems, failure: streamed.err() }
    }

    /// Takes the next bytes of the shard that the reader `at` reads: splits them while they are in the processor's cache,
    /// or hands them on.
    fn take(&mut self, at: usize, chunk: Chunk<'_>) -> Result<()> {
        if let Some(splitter) = self.work.at_once(at) {
            match splitter {
                AtOnce::Alone(mut splitter) => {
                    if splitter.feed(&chunk, &mut |place, json| self.measure(place, &json)) {
                        self.make_room();
                    }
                    self.work.put_back(at, splitter);
                }
                AtOnce::Busy(splitter) => self.split(at, splitter, &chunk),
            }
            return Ok(());
        }
        self.accept(at, chunk.keep(self.work.spare_chunk()))
    }

    /// Sees to it that what was read of the shard that the reader `at` reads is split.
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

    /// The splitter of the shard that the reader `at` has read, once all is split.
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
            Task::Measure(job) => {
                self.measure(job.place, &job.json);
                self.work.finish(job);
            }
        }
    }

    /// Splits a chunk into conversations for others to measure.
    fn split(&self, reader: usize, mut splitter: Splitter<'p>, chunk: &[u8]) {
        if splitter.feed(chunk, &mut |place, json| self.work.offer(place, json)) {
            self.make_room();
        }
        self.work.put_back(reader, splitter);
    }

    /// Gives back to the system what smaller conversations have used, before a huge one grows further.
    fn make_room(&self) {
        self.work.drop_spares();
        sys::trim_memory();
    }

    fn measure(&mut self, place: ElementPlace, json: &[u8]) {
        self.outcomes.extend(self.pass.measure(place, json));
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        // What it had taken will never be given back.
        if std::thread::panicking() {
            self.work.abandon();
        }
    }
}

/// Splits one shard into conversations.
struct Splitter<'p> {
    scanner: Scanner,
    /// Finds the conversations in the viewer, if the shard is one.
    viewer: Option<HtmlExtract>,
    finding: Finding<'p>,
}

/// What makes places of elements.
struct Finding<'p> {
    pass: &'p Pass<'p>,
    at: usize,
    entry: EntryRef,
    problems: Vec<Problem>,
}

/// Takes a conversation that was found.
type Take<'t> = &'t mut dyn FnMut(ElementPlace, ElementJson<'_>);

impl<'p> Splitter<'p> {
    fn new(pass: &'p Pass<'p>, at: usize, shard: &Shard, scanner: Scanner) -> Self {
        let viewer = (shard.shape == Shape::Html).then(HtmlExtract::new);
        Self { scanner, viewer, finding: Finding { pass, at, entry: shard.entry, problems: Vec::new() } }
    }

    /// Splits the next bytes. True if with them the conversation that is not complete has become huge.
    fn feed(&mut self, chunk: &[u8], take: Take<'_>) -> bool {
        let Self { scanner, viewer, finding } = self;
        let before = scanner.held();
        match viewer {
            None => scanner.feed(chunk, &mut |element| finding.pass_on(None, element, take)),
            Some(viewer) => viewer.feed(chunk, &mut |viewer, json| {
                scanner.feed(json, &mut |element| finding.pass_on(Some(viewer), element, take));
            }),
        }
        before < HUGE_BYTES && scanner.held() >= HUGE_BYTES
    }

    /// Hands over unfinished elements, and returns how the shard ended and what is wrong with it. The scanner is reused
    /// for another shard.
    fn finish(self, take: Take<'_>) -> (End, Vec<Problem>, Scanner) {
        let Self { mut scanner, viewer, mut finding } = self;
        let end = scanner.finish(&mut |element| finding.pass_on(viewer.as_ref(), element, take));
        (end, finding.problems, scanner)
    }
}

impl scheduler::Splits for Splitter<'_> {
    fn held(&self) -> usize {
        self.scanner.held()
    }
}

impl Finding<'_> {
    fn pass_on(&mut self, viewer: Option<&HtmlExtract>, element: Element<'_>, take: Take<'_>) {
        // Offsets in the viewer's value are not yet those in its file.
        let in_file = |offset| viewer.map_or(Some(offset), |viewer| viewer.offset_in_file(offset));
        let (Some(start), Some(end)) = (in_file(element.start), in_file(element.end)) else {
            let name = self.pass.export.entry(self.entry).map(|entry| entry.name.clone()).unwrap_or_default();
            self.problems.push(Problem::new(name, "a conversation in it can't be located"));
            return;
        };
        // The limit is one of the export's bytes, so that a page and its size agree on who is above it.
        let too_large = end.saturating_sub(start) > self.pass.options.max_conversation as u64;
        let partial = too_large || matches!(element.body, Body::TooLarge { .. });
        let place =
            ElementPlace { shard: self.at, location: Location { entry: self.entry, start, end }, partial };
        match element.body {
            Body::Whole(json) => take(place, json),
            Body::TooLarge { skeleton } => take(place, ElementJson::InBuffer(skeleton)),
        }
    }
}
