//! The pass over all shards: threads, and the order in which results are put together again.
//!
//! A shard is inflated and split by one thread. If there are fewer shards than threads, the others measure what
//! it finds; and when they don't keep up, it measures too instead of waiting. With a shard for each thread nothing
//! is handed over at all.

mod queue;

use super::{Options, measure};
use crate::archive::{self, Archive};
use crate::catalog::{EntryRef, Head, Location, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::Assets;
use crate::format::html::HtmlExtract;
use crate::format::scan::{Body, Element, End, Json, Scanner};
use crate::format::{self, Format};
use crate::progress::Progress;
use crate::render::Document;
use crate::source::{Export, Shape, Shard};
use crate::text::printable;
use crate::time::Timestamp;
use queue::{Producer, Queue};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// What a pass found.
pub(super) struct Found {
    pub(super) heads: Vec<Head>,
    pub(super) problems: Vec<Problem>,
    pub(super) format: &'static dyn Format,
}

/// Reads every shard of `export` once.
pub(super) fn run(export: &Export, assets: &Assets, options: &Options, progress: &Progress) -> Result<Found> {
    let total = export.shards.iter().map(|shard| export.entry(shard.entry).map_or(0, |entry| entry.size));
    let total = total.fold(0, u64::saturating_add);
    progress.set_total(total);
    let (format, foreign) = (OnceLock::new(), OnceLock::new());
    let pass = Pass { export, assets, options, progress, spacing: archive::spacing(total), format, foreign };
    let (outcomes, ends) = pass.run();
    pass.put_together(outcomes, ends)
}

struct Pass<'a> {
    export: &'a Export,
    assets: &'a Assets,
    options: &'a Options,
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
struct Place {
    /// Position of its shard.
    shard: usize,
    location: Location,
    /// True if only a part of its JSON is there.
    partial: bool,
}

/// What one element turned out to be.
struct Outcome {
    place: Place,
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
    fn run(&self) -> (Vec<Outcome>, Vec<ShardEnd>) {
        let shards = &self.export.shards;
        let readers = self.options.jobs.clamp(1, shards.len().max(1));
        let measurers = self.options.jobs.saturating_sub(readers);
        let next = AtomicUsize::new(0);
        let ends: Vec<Mutex<ShardEnd>> = shards.iter().map(|_| Mutex::default()).collect();
        let queue = Queue::new();
        // All are there before the first measurer looks for work.
        let producers: Vec<_> = (0..readers).map(|_| queue.producer()).collect();
        let read = |producer: Producer<'_, Place>| {
            let mut outcomes = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                let Some((shard, slot)) = shards.get(at).zip(ends.get(at)) else { return outcomes };
                let producer = Some(&producer).filter(|_| measurers > 0);
                let end = Splitter::new(self, at, shard, producer, &mut outcomes).read();
                *slot.lock().unwrap_or_else(PoisonError::into_inner) = end;
            }
        };
        let measure = || {
            let mut outcomes = Vec::new();
            while let Some(job) = queue.take() {
                outcomes.extend(self.measure(job.place, &job.json));
                queue.finish(job);
            }
            outcomes
        };
        let outcomes = std::thread::scope(|scope| {
            let reading: Vec<_> =
                producers.into_iter().map(|producer| scope.spawn(|| read(producer))).collect();
            let measuring: Vec<_> = (0..measurers).map(|_| scope.spawn(measure)).collect();
            let threads = reading.into_iter().chain(measuring);
            threads
                .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let ends = ends.into_iter().map(|end| end.into_inner().unwrap_or_else(PoisonError::into_inner));
        (outcomes, ends.collect())
    }

    /// Measures one element.
    fn measure(&self, place: Place, json: &[u8]) -> Option<Outcome> {
        let options = &self.options.render;
        let mut outcome = None;
        self.format_of(json).read(json, self.options.detail(), &mut |conversation, mut notes| {
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
            outcome = Some(Outcome { place, head, nodes: conversation.tree.len(), problems });
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
        let archive = self.export.archives.get(usize::from(entry.archive));
        archive.ok_or_else(|| Error::new(ErrorKind::Unexpected, "no such archive"))
    }

    /// Joins what the shards gave: the newest version of each conversation, in the order of the archive.
    fn put_together(&self, mut outcomes: Vec<Outcome>, mut ends: Vec<ShardEnd>) -> Result<Found> {
        if let Some(interrupted) = ends.iter().position(|end| end.is(ErrorKind::Interrupted)) {
            return Err(ends.swap_remove(interrupted).failure.unwrap_or_else(|| self.nothing_found(&[])));
        }
        if ends.iter().all(|end| end.failure.is_some()) {
            let failure = ends.into_iter().find_map(|end| end.failure);
            return Err(failure.unwrap_or_else(|| self.nothing_found(&[])));
        }
        outcomes.sort_by_key(|outcome| (outcome.place.shard, outcome.place.location.start));
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
        Ok(Found { heads, problems, format })
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
        Error::new(ErrorKind::NotAnExport, format!("no conversations found: {reason}"))
    }
}

impl ShardEnd {
    fn is(&self, kind: ErrorKind) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.kind() == kind)
    }
}

/// The newest version of every conversation: the greater `updated` wins, then more nodes, then the later one.
/// Keeps the order of the survivors. Conversations without an id are all kept.
fn newest(outcomes: Vec<Outcome>, problems: &mut Vec<Problem>) -> Vec<Head> {
    let mut best: HashMap<Box<str>, usize> = HashMap::new();
    let mut kept: Vec<Option<Outcome>> = Vec::with_capacity(outcomes.len());
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

impl Outcome {
    fn rank(&self) -> (Option<Timestamp>, usize) {
        (self.head.updated, self.nodes)
    }
}

/// Inflates one shard, splits it into conversations, and hands them on or measures them.
struct Splitter<'p> {
    pass: &'p Pass<'p>,
    shard: &'p Shard,
    scanner: Scanner,
    /// Finds the conversations in the viewer, if the shard is one.
    viewer: Option<HtmlExtract>,
    found: Finding<'p>,
}

/// What becomes of the elements that are found.
struct Finding<'p> {
    pass: &'p Pass<'p>,
    at: usize,
    entry: EntryRef,
    producer: Option<&'p Producer<'p, Place>>,
    outcomes: &'p mut Vec<Outcome>,
    problems: Vec<Problem>,
}

impl<'p> Splitter<'p> {
    fn new(
        pass: &'p Pass<'p>,
        at: usize,
        shard: &'p Shard,
        producer: Option<&'p Producer<'p, Place>>,
        outcomes: &'p mut Vec<Outcome>,
    ) -> Self {
        let scanner = Scanner::new(pass.options.max_conversation);
        let viewer = (shard.shape == Shape::Html).then(HtmlExtract::new);
        let found = Finding { pass, at, entry: shard.entry, producer, outcomes, problems: Vec::new() };
        Self { pass, shard, scanner, viewer, found }
    }

    fn read(mut self) -> ShardEnd {
        let (pass, shard) = (self.pass, self.shard);
        let streamed = pass.archive(shard.entry).and_then(|archive| {
            archive.stream(shard.entry.entry, pass.spacing, &mut |bytes| {
                pass.progress.advance(bytes.len())?;
                self.feed(bytes);
                Ok(())
            })
        });
        let Self { scanner, viewer, mut found, .. } = self;
        let end = scanner.finish(&mut |element| found.take(viewer.as_ref(), element));
        let mut problems = found.problems;
        if let (Ok(()), End::Damaged { reason, at }) = (&streamed, end) {
            problems.push(Problem::new(&shard.name, format!("{reason} (at byte {at})")));
        }
        ShardEnd { problems, failure: streamed.err() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Self { scanner, viewer, found, .. } = self;
        match viewer {
            None => scanner.feed(bytes, &mut |element| found.take(None, element)),
            Some(viewer) => viewer.feed(bytes, &mut |viewer, json| {
                scanner.feed(json, &mut |element| found.take(Some(viewer), element));
            }),
        }
    }
}

impl Finding<'_> {
    fn take(&mut self, viewer: Option<&HtmlExtract>, element: Element<'_>) {
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
        let place = Place { shard: self.at, location: Location { entry: self.entry, start, end }, partial };
        let json = match element.body {
            Body::Whole(json) => json,
            Body::TooLarge { skeleton } => Json::InBuffer(skeleton),
        };
        let left = match self.producer {
            Some(producer) => producer.offer(place, json).err(),
            None => Some(json),
        };
        if let Some(json) = left {
            self.outcomes.extend(self.pass.measure(place, &json));
        }
    }
}
