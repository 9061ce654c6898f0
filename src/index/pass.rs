//! The pass over all shards: threads, queues, and the order in which results are put together again.

use super::{Options, measure};
use crate::archive::Archive;
use crate::catalog::{EntryRef, Head, Location, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::Assets;
use crate::format::html::HtmlExtract;
use crate::format::scan::{Body, Element, End, Scanner};
use crate::format::{self, Format};
use crate::progress::Progress;
use crate::render::Document;
use crate::source::{Export, Shape, Shard};
use crate::text::printable;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, mpsc};

/// What a pass found.
pub(super) struct Found {
    pub(super) heads: Vec<Head>,
    pub(super) problems: Vec<Problem>,
    pub(super) format: &'static dyn Format,
}

/// A conversation and what decides between two versions of it.
struct Candidate {
    head: Head,
    nodes: usize,
}

/// What one shard gave.
#[derive(Default)]
struct Harvest {
    candidates: Vec<Candidate>,
    problems: Vec<Problem>,
    /// Why the shard could not be read to its end, or can't be trusted.
    failure: Option<Error>,
}

/// Buffers that may be on their way from the inflating to the measuring thread.
const BUFFERS: usize = 4;

/// Reads every shard of `export` once.
pub(super) fn run(export: &Export, assets: &Assets, options: &Options, progress: &Progress) -> Result<Found> {
    let reader =
        Reader { export, assets, options, progress, format: OnceLock::new(), foreign: OnceLock::new() };
    let harvests = reader.harvest()?;
    reader.put_together(harvests)
}

struct Reader<'a> {
    export: &'a Export,
    assets: &'a Assets,
    options: &'a Options,
    progress: &'a Progress,
    /// The format of the first element that has one.
    format: OnceLock<&'static dyn Format>,
    /// What the first element without a format looks like.
    foreign: OnceLock<String>,
}

impl Reader<'_> {
    /// One harvest for each shard, in order.
    fn harvest(&self) -> Result<Vec<Harvest>> {
        let shards = &self.export.shards;
        let total =
            shards.iter().map(|shard| self.export.entry(shard.entry).map_or(0, |entry| entry.size)).sum();
        self.progress.set_total(total);
        let jobs = self.options.jobs.clamp(1, shards.len().max(1));
        // With fewer shards than cores, the second core measures what the first inflates.
        let paired = shards.len() < self.options.jobs;
        let next = AtomicUsize::new(0);
        let harvests: Vec<Mutex<Harvest>> = shards.iter().map(|_| Mutex::default()).collect();
        let work = || {
            while let Some((shard, slot)) = {
                let at = next.fetch_add(1, Ordering::Relaxed);
                shards.get(at).zip(harvests.get(at))
            } {
                let harvest = if paired { self.read_paired(shard) } else { self.read(shard) };
                let interrupted =
                    harvest.failure.as_ref().is_some_and(|e| e.kind() == ErrorKind::Interrupted);
                *slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = harvest;
                if interrupted {
                    break;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..jobs {
                scope.spawn(work);
            }
            work();
        });
        Ok(harvests
            .into_iter()
            .map(|slot| slot.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
            .collect())
    }

    /// Inflates, splits and measures one shard on this thread.
    fn read(&self, shard: &Shard) -> Harvest {
        let mut splitter = Splitter::new(self, shard);
        let streamed = self.stream(shard, &mut |buffer, filled| {
            splitter.feed(buffer.get(..filled).unwrap_or_default());
            Ok(())
        });
        splitter.finish(streamed)
    }

    /// Inflates one shard on a second thread while this one splits and measures.
    fn read_paired(&self, shard: &Shard) -> Harvest {
        let (full, filled) = mpsc::sync_channel::<(Vec<u8>, usize)>(BUFFERS);
        let (empty, emptied) = mpsc::sync_channel::<Vec<u8>>(BUFFERS);
        std::thread::scope(|scope| {
            let inflating = scope.spawn(move || {
                self.stream(shard, &mut |buffer, filled| {
                    let taken = std::mem::replace(buffer, emptied.try_recv().unwrap_or_default());
                    full.send((taken, filled))
                        .map_err(|_| Error::new(ErrorKind::Unexpected, "the measuring thread ended"))
                })
            });
            let mut splitter = Splitter::new(self, shard);
            for (buffer, length) in &filled {
                splitter.feed(buffer.get(..length).unwrap_or_default());
                // The other side may be done already.
                let _ = empty.try_send(buffer);
            }
            let streamed = inflating
                .join()
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Unexpected, "the inflating thread panicked")));
            splitter.finish(streamed)
        })
    }

    fn stream(&self, shard: &Shard, each: &mut dyn FnMut(&mut Vec<u8>, usize) -> Result<()>) -> Result<()> {
        let archive = self.archive(shard.entry)?;
        archive.stream_buffers(shard.entry.entry, &mut |buffer, filled| {
            self.progress.advance(filled)?;
            each(buffer, filled)
        })
    }

    /// Measures one element of a shard.
    fn take(&self, shard: &Shard, element: &Element<'_>, harvest: &mut Harvest) {
        let json = match element.body {
            Body::Whole(json) => json,
            Body::TooLarge { skeleton } => skeleton,
        };
        let location = Location { entry: shard.entry, start: element.start, end: element.end };
        let options = &self.options.render;
        self.format_of(json).read(json, self.options.detail(), &mut |conversation, notes| {
            let document = Document::new(&conversation, self.assets);
            let mut head = measure::head(&document, location, options);
            if matches!(element.body, Body::TooLarge { .. }) {
                head = self.oversized(&head);
            }
            let subject = format!("conversation {}", conversation.id);
            let notes = notes.into_iter().chain(conversation.damage.clone());
            harvest.problems.extend(notes.map(|note| Problem::new(&subject, note)));
            harvest.candidates.push(Candidate { head, nodes: conversation.tree.len() });
        });
        self.progress.count();
    }

    /// As [`take`](Self::take) for an element of the viewer, whose offsets are not yet those of the file.
    fn take_from_viewer(
        &self,
        shard: &Shard,
        viewer: &HtmlExtract,
        element: Element<'_>,
        harvest: &mut Harvest,
    ) {
        match (viewer.offset_in_file(element.start), viewer.offset_in_file(element.end)) {
            (Some(start), Some(end)) => self.take(shard, &Element { start, end, ..element }, harvest),
            _ => harvest.problems.push(Problem::new(&shard.name, "a conversation in it can't be located")),
        }
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

    /// The head of a page that only says that the conversation is too large.
    fn oversized(&self, head: &Head) -> Head {
        let conversation = measure::oversized(head, self.options.max_conversation);
        measure::head(&Document::new(&conversation, self.assets), head.location, &self.options.render)
    }

    fn archive(&self, entry: EntryRef) -> Result<&Archive> {
        self.export
            .archives
            .get(usize::from(entry.archive))
            .ok_or_else(|| Error::new(ErrorKind::Unexpected, "no such archive"))
    }

    /// Joins what the shards gave: the newest version of each conversation, in the order of the archive.
    fn put_together(&self, harvests: Vec<Harvest>) -> Result<Found> {
        if harvests.iter().all(|harvest| harvest.failure.is_some()) {
            let failure = harvests.into_iter().find_map(|harvest| harvest.failure);
            return Err(failure.unwrap_or_else(|| self.nothing_found(&[])));
        }
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut problems = Vec::new();
        for (harvest, shard) in harvests.into_iter().zip(&self.export.shards) {
            problems.extend(harvest.problems);
            let unverified = harvest.failure.is_some();
            if let Some(failure) = harvest.failure {
                if failure.kind() == ErrorKind::Interrupted {
                    return Err(failure);
                }
                problems.push(Problem::new(&shard.name, failure.to_string()));
            }
            candidates.extend(harvest.candidates.into_iter().map(|mut candidate| {
                candidate.head.unverified = unverified;
                candidate
            }));
        }
        let Some(&format) = self.format.get() else { return Err(self.nothing_found(&problems)) };
        let heads = newest(candidates, &mut problems);
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

/// The newest version of every conversation: the greater `updated` wins, then more nodes, then the later one.
/// Keeps the order of the survivors. Conversations without an id are all kept.
fn newest(candidates: Vec<Candidate>, problems: &mut Vec<Problem>) -> Vec<Head> {
    let mut best: HashMap<Box<str>, usize> = HashMap::new();
    let mut kept: Vec<Option<Candidate>> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        let position = kept.len();
        if !candidate.head.id.is_empty() {
            if let Some(&rival) = best.get(&candidate.head.id) {
                problems.push(Problem::new(
                    format!("conversation {}", candidate.head.id),
                    "is in the export more than once: its newest version is shown",
                ));
                let Some(slot) = kept.get_mut(rival) else { continue };
                if slot.as_ref().is_some_and(|rival| rival.rank() > candidate.rank()) {
                    continue;
                }
                *slot = None;
            }
            best.insert(candidate.head.id.clone(), position);
        }
        kept.push(Some(candidate));
    }
    kept.into_iter().flatten().map(|candidate| candidate.head).collect()
}

impl Candidate {
    fn rank(&self) -> (Option<Timestamp>, usize) {
        (self.head.updated, self.nodes)
    }
}

/// Splits the bytes of one shard into conversations and measures each as soon as it is complete.
struct Splitter<'r> {
    reader: &'r Reader<'r>,
    shard: &'r Shard,
    scanner: Scanner,
    /// Finds the conversations in the viewer, if the shard is one.
    viewer: Option<HtmlExtract>,
    harvest: Harvest,
}

impl<'r> Splitter<'r> {
    fn new(reader: &'r Reader<'r>, shard: &'r Shard) -> Self {
        let scanner = Scanner::new(reader.options.max_conversation);
        let viewer = (shard.shape == Shape::Html).then(HtmlExtract::new);
        Self { reader, shard, scanner, viewer, harvest: Harvest::default() }
    }

    fn feed(&mut self, bytes: &[u8]) {
        let Self { reader, shard, scanner, viewer, harvest } = self;
        match viewer {
            None => scanner.feed(bytes, &mut |element| reader.take(shard, &element, harvest)),
            Some(viewer) => viewer.feed(bytes, &mut |viewer, json| {
                scanner.feed(json, &mut |element| reader.take_from_viewer(shard, viewer, element, harvest));
            }),
        }
    }

    fn finish(self, streamed: Result<()>) -> Harvest {
        let Self { reader, shard, scanner, viewer, mut harvest } = self;
        let end = scanner.finish(&mut |element| match &viewer {
            None => reader.take(shard, &element, &mut harvest),
            Some(viewer) => reader.take_from_viewer(shard, viewer, element, &mut harvest),
        });
        match (streamed, end) {
            (Err(failure), _) => harvest.failure = Some(failure),
            (Ok(()), End::Damaged { reason, at }) => {
                harvest.problems.push(Problem::new(&shard.name, format!("{reason} (at byte {at})")));
            }
            (Ok(()), End::Complete) => {}
        }
        harvest
    }
}
