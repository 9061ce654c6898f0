//! Searches an export without a mount: selects files, reads each conversation once, and gives answers in tree order.
//!
//! A [`SearchPlan`] has the files that pass a [`Filter`]; [`run`] hands them to the caller's [`Inspector`]s on all
//! cores and returns their answers in the order of a walk. What to look for and what to print is up to the caller:
//! nothing here knows patterns or the command line.

mod filter;
mod order;
mod pages;
mod sieve;
mod words;

pub(crate) use filter::{Branches, Filter, Words};
pub(crate) use pages::{Bytes, SearchedFile};
pub(crate) use sieve::Sieve;
pub(crate) use words::WordQuery;

use crate::bug;
use crate::catalog::{Catalog, Page};
use crate::error::Error;
use crate::fs::{Fs, Ino, InodeKind, Library};
use order::AnswerOrder;
use std::thread::Builder;

/// Bytes of JSON that one thread takes at a time. Its conversations are neighbours in their archive, so little is
/// inflated twice.
const BATCH_BYTES: u64 = 4 << 20;

/// Bytes of waiting answers above which threads turn to the conversation that is due next.
const WAITING_BYTES: usize = 8 << 20;

/// Examines files, one after another. Each thread has its own.
pub(crate) trait Inspector {
    /// What was found in one conversation.
    type Answer: Send;

    /// Examines one file of a conversation. Returns false to end the search.
    fn inspect(&mut self, file: SearchedFile<'_>) -> bool;

    /// What was found since the last answer.
    fn answer(&mut self) -> Self::Answer;

    /// Approximate memory of a waiting answer, in bytes.
    fn weight(answer: &Self::Answer) -> usize;
}

/// What was found in one conversation, and which of its files couldn't be read.
#[derive(Debug)]
pub(crate) struct Answered<A> {
    /// What was found.
    pub answer: A,
    /// Errors of files that couldn't be read; each names its path.
    pub failures: Vec<Error>,
}

/// The files to search in one conversation, in the order of a walk.
#[derive(Debug)]
struct Unit {
    /// The position of the conversation in the catalog.
    head: usize,
    files: Box<[Ino]>,
    /// No page has a match.
    is_sifted: bool,
}

/// The files to search, by conversation, in the order of a walk.
#[derive(Debug)]
pub(crate) struct SearchPlan {
    units: Vec<Unit>,
    /// Groups of units that are neighbours in an archive, those with the earliest answers first.
    batches: Vec<Vec<usize>>,
    files: u64,
}

impl SearchPlan {
    /// The files that pass `filter`. Linear in the tree.
    pub(crate) fn new(fs: &Fs, filter: &Filter) -> Self {
        let catalog = fs.catalog();
        let mut plan = Self { units: Vec::new(), batches: Vec::new(), files: 0 };
        let mut current: Option<usize> = None;
        let mut files = Vec::new();
        for step in fs.walk().filter(|step| step.attr.kind == InodeKind::File) {
            let page = fs.page(step.attr.ino);
            if let Some((head, Page::Thread)) = page {
                plan.push(current.take(), &mut files);
                let accepted = catalog.heads.get(head).is_some_and(|found| filter.accepts(found));
                current = accepted.then_some(head);
            }
            if current.is_some() && filter.wants(page.map(|(_, page)| page)) {
                plan.files = plan.files.saturating_add(1);
                files.push(step.attr.ino);
            }
        }
        plan.push(current, &mut files);
        plan.batches = batches(&plan.units, catalog);
        plan
    }

    /// Only the pages, without the files of the archive.
    fn of_pages(fs: &Fs, filter: &Filter) -> Self {
        let mut plan = Self::new(fs, filter);
        for unit in &mut plan.units {
            unit.files = unit.files.iter().copied().filter(|&ino| fs.page(ino).is_some()).collect();
        }
        plan
    }

    /// The same, without reading the pages of conversations in which `sieve` found no match.
    #[must_use]
    pub(crate) fn sifted(mut self, fs: &Fs, sieve: &Sieve<'_>) -> Self {
        for unit in &mut self.units {
            let head = fs.catalog().heads.get(unit.head).zip(fs.stem(unit.head));
            unit.is_sifted = head.is_some_and(|(head, stem)| sieve.excludes(head, &stem));
        }
        self
    }

    /// The positions of the conversations in the catalog, in the order of a walk.
    fn heads(&self) -> impl Iterator<Item = usize> + '_ {
        self.units.iter().map(|unit| unit.head)
    }

    /// Number of conversations with a file to search.
    pub(crate) fn conversations(&self) -> usize {
        self.units.len()
    }

    /// Number of files to search.
    pub(crate) fn files(&self) -> u64 {
        self.files
    }

    fn push(&mut self, conversation: Option<usize>, files: &mut Vec<Ino>) {
        if let Some(head) = conversation.filter(|_| !files.is_empty()) {
            self.units.push(Unit { head, files: files.as_slice().into(), is_sifted: false });
        }
        files.clear();
    }
}

/// Groups neighbours in an archive, in the order in which their first answers are due.
fn batches(units: &[Unit], catalog: &Catalog) -> Vec<Vec<usize>> {
    let location = |unit: &Unit| catalog.heads.get(unit.head).map(|head| head.location);
    let mut placed: Vec<_> =
        units.iter().enumerate().filter_map(|(at, unit)| location(unit).map(|place| (place, at))).collect();
    placed.sort_by_key(|(place, _)| (place.entry, place.start));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for (place, at) in placed {
        match (batches.last_mut(), last) {
            (Some(batch), Some((entry, start)))
                if entry == place.entry && place.end.saturating_sub(start) <= BATCH_BYTES =>
            {
                batch.push(at);
            }
            _ => {
                batches.push(vec![at]);
                last = Some((place.entry, place.start));
            }
        }
    }
    batches.sort_by_key(|batch| batch.iter().min().copied());
    batches
}

/// Hands the files of `plan`, which was made with `filter`, to inspectors on `threads` threads. Meanwhile hands their
/// answers to `take`, conversation by conversation in the order of a walk; it returns false to end the search.
///
/// Every conversation is read once, unless it is too large to be rendered whole. Memory is bounded, except that it
/// depends on the largest conversation.
pub(crate) fn run<I: Inspector>(
    fs: &Fs,
    library: &dyn Library,
    plan: &SearchPlan,
    filter: &Filter,
    threads: usize,
    new_inspector: impl Fn() -> I + Sync,
    mut take: impl FnMut(Answered<I::Answer>) -> bool,
) {
    let order = AnswerOrder::new(plan.units.len(), &plan.batches, WAITING_BYTES);
    let inspect = |at: usize, inspector: &mut I| {
        let Some(unit) = plan.units.get(at) else { return };
        let mut failures = Vec::new();
        let each = || {
            pages::each(fs, library, unit, filter, &mut |file| match file {
                Ok(file) => inspector.inspect(file),
                Err(error) => {
                    failures.push(error);
                    true
                }
            })
        };
        let goes_on = bug::caught(each).unwrap_or_else(|bug| {
            *inspector = new_inspector();
            failures.extend(unit.files.first().map(|&ino| of_file(fs, ino, bug.into_error())));
            true
        });
        let answer = inspector.answer();
        let weight = I::weight(&answer);
        order.finish(at, Answered { answer, failures }, weight);
        if !goes_on {
            order.end_after(at);
        }
    };
    let work_and = |after_each: &mut dyn FnMut()| {
        let (mut inspector, mut batch) = (new_inspector(), order::Batch::default());
        while let Some(at) = order.next(&mut batch) {
            inspect(at, &mut inspector);
            after_each();
        }
    };
    let work = || {
        let _guard = order.worker();
        work_and(&mut || {});
    };
    std::thread::scope(|scope| {
        let mut workers = (0..threads.max(1)).map_while(|_| Builder::new().spawn_scoped(scope, work).ok());
        if workers.by_ref().count() == 0 {
            // The system allows no other thread: this one works, and takes the answers in between.
            return work_and(&mut || {
                while let Some(answered) = order.due_by_now() {
                    if !take(answered) {
                        order.end();
                    }
                }
            });
        }
        while let Some(answered) = order.due() {
            if !take(answered) {
                order.end();
                break;
            }
        }
    });
}

/// The conversations that pass `filter` and their pages, by position in the catalog, in the order of a walk.
pub(crate) fn conversations<'a>(fs: &'a Fs, filter: &'a Filter) -> impl Iterator<Item = (usize, Ino)> + 'a {
    fs.walk().filter_map(move |step| match fs.page(step.attr.ino) {
        Some((head, Page::Thread)) if filter.accepts(fs.catalog().heads.get(head)?) => {
            Some((head, step.attr.ino))
        }
        _ => None,
    })
}

/// The error of a file, with its path.
fn of_file(fs: &Fs, ino: Ino, error: Error) -> Error {
    error.within(crate::text::printable(&fs.path(ino)))
}
