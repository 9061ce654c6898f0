//! Splitting a shard into its elements, and deciding what each of them is.

use crate::bug::{self, Bug};
use crate::catalog::{EntryRef, Location, Problem};
use crate::format::html::HtmlExtract;
use crate::format::scan::{Body, Element, ElementJson, End, Scanner};
use crate::format::{self, Detected, Format};
use crate::source::{Shape, Shard};
use std::sync::atomic::{AtomicU64, Ordering};

/// A conversation of this size determines peak memory: before it grows further, freed memory is returned to the system.
pub(super) const HUGE_BYTES: usize = 8 << 20;

/// Most elements of all shards together. Each may cost several hundred bytes, however small it is.
pub(super) const MAX_ELEMENTS: u64 = 2_000_000;

/// An element of a shard, and how to read it.
#[derive(Clone, Copy)]
pub(super) struct ElementPlace {
    /// Position of its shard.
    pub(super) shard: usize,
    pub(super) location: Location,
    pub(super) extent: Extent,
    pub(super) format: &'static dyn Format,
}

/// How much of an element's JSON was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// As much as the stream has of it.
    CutOff,
    /// Only its shallow part, because it exceeds the limit.
    TooLarge,
    /// Only its shallow part, because memory ran out.
    NoMemory,
}

/// Who exported a shard, according to its first conversation.
#[derive(Clone, Copy)]
pub(super) enum Vendor {
    Known(&'static dyn Format),
    /// Someone whose conversations we can't read, and how many there are.
    Foreign(Detected, u64),
}

/// Splits one shard into conversations. After a panic, the rest of the shard is not read.
pub(super) struct Splitter<'p> {
    scanner: Scanner,
    /// Finds the conversations in the viewer, if the shard is one.
    viewer: Option<HtmlExtract>,
    finding: ShardFinding<'p>,
}

/// Decides what each element of a shard is, in order.
pub(super) struct ShardFinding<'p> {
    shard: usize,
    entry: EntryRef,
    /// What problems call it.
    subject: String,
    /// Largest conversation that is shown, in bytes.
    limit: u64,
    /// Number of elements of all shards.
    elements: &'p AtomicU64,
    /// Decided by the first conversation.
    pub(super) vendor: Option<Vendor>,
    /// Elements before it that are not conversations: how many, and the offset of the first.
    pub(super) junk: Option<(u64, u64)>,
    pub(super) problems: Vec<Problem>,
    /// True after a panic, which is one of the problems.
    pub(super) is_lost: bool,
}

/// Receives a conversation that was found.
pub(super) type Take<'t> = &'t mut dyn FnMut(ElementPlace, ElementJson<'_>);

impl<'p> Splitter<'p> {
    /// A splitter for the shard at position `at`. Adds to the number of `elements`.
    pub(super) fn new(
        at: usize,
        shard: &Shard,
        subject: String,
        limit: usize,
        elements: &'p AtomicU64,
        scanner: Scanner,
    ) -> Self {
        let viewer = (shard.shape == Shape::Html).then(HtmlExtract::new);
        let finding = ShardFinding {
            shard: at,
            entry: shard.entry,
            subject,
            limit: limit as u64,
            elements,
            vendor: None,
            junk: None,
            problems: Vec::new(),
            is_lost: false,
        };
        Self { scanner, viewer, finding }
    }

    /// Number of bytes held of an incomplete conversation.
    pub(super) fn held(&self) -> usize {
        self.scanner.held()
    }

    /// Splits the next bytes. Returns true if they made the incomplete conversation huge.
    pub(super) fn feed(&mut self, chunk: &[u8], take: Take<'_>) -> bool {
        if self.finding.is_lost {
            return false;
        }
        bug::caught(|| self.split(chunk, take)).unwrap_or_else(|bug| {
            self.lose(&bug);
            false
        })
    }

    fn split(&mut self, chunk: &[u8], take: Take<'_>) -> bool {
        #[cfg(test)]
        crate::index::tests::bugs::while_splitting(chunk);
        let Self { scanner, viewer, finding, .. } = self;
        let before = scanner.held();
        match viewer {
            None => scanner.feed(chunk, &mut |element| finding.pass_on(None, element, take)),
            Some(viewer) => viewer.feed(chunk, &mut |viewer, json| {
                scanner.feed(json, &mut |element| finding.pass_on(Some(viewer), element, take));
            }),
        }
        before < HUGE_BYTES && scanner.held() >= HUGE_BYTES
    }

    /// Hands over the unfinished element, and returns how the shard ended and what was found out about it. The scanner
    /// can be reused for another shard.
    pub(super) fn finish(mut self, take: Take<'_>) -> (End, ShardFinding<'p>, Scanner) {
        let mut end = End::Complete;
        if !self.finding.is_lost {
            let Self { scanner, viewer, finding, .. } = &mut self;
            let mut pass_on = |element: Element<'_>| finding.pass_on(viewer.as_ref(), element, take);
            match bug::caught(|| scanner.finish(&mut pass_on)) {
                Ok(found) => end = found,
                Err(bug) => self.lose(&bug),
            }
        }
        (end, self.finding, self.scanner)
    }

    fn lose(&mut self, bug: &Bug) {
        self.finding.is_lost = true;
        self.scanner = Scanner::new(usize::try_from(self.finding.limit).unwrap_or(usize::MAX));
        let reason = format!("not read to its end because of {bug}");
        self.finding.problems.push(Problem::new(&*self.finding.subject, reason));
    }
}

impl ShardFinding<'_> {
    fn pass_on(&mut self, viewer: Option<&HtmlExtract>, element: Element<'_>, take: Take<'_>) {
        if self.elements.fetch_add(1, Ordering::Relaxed) >= MAX_ELEMENTS {
            return;
        }
        // Map offsets in the viewer's value to offsets in its file.
        let in_file = |offset| viewer.map_or(Some(offset), |viewer| viewer.offset_in_file(offset));
        let (Some(start), Some(end)) = (in_file(element.start), in_file(element.end)) else {
            self.problems.push(Problem::new(&*self.subject, "a conversation in it can't be located"));
            return;
        };
        let Some(format) = self.format(&element.body, start) else { return };
        // The limit applies to bytes of the export, so that a page and its measured size agree on who exceeds it.
        let too_large = end.saturating_sub(start) > self.limit;
        let extent = match element.body {
            _ if too_large => Extent::TooLarge,
            Body::Whole(_) if !element.complete => Extent::CutOff,
            Body::Whole(_) => Extent::Whole,
            Body::TooLarge { .. } => Extent::TooLarge,
            Body::NoMemory { .. } => Extent::NoMemory,
        };
        let location = Location { entry: self.entry, start, end };
        let place = ElementPlace { shard: self.shard, location, extent, format };
        match element.body {
            Body::Whole(json) => take(place, json),
            Body::TooLarge { skeleton } | Body::NoMemory { skeleton } => {
                take(place, ElementJson::InBuffer(skeleton));
            }
        }
    }

    /// The format of an element of this shard. `None` if it isn't read: it belongs to another vendor, or comes before
    /// the first conversation and isn't one.
    fn format(&mut self, body: &Body<'_>, start: u64) -> Option<&'static dyn Format> {
        let json = match body {
            Body::Whole(json) => &**json,
            Body::TooLarge { skeleton } | Body::NoMemory { skeleton } => skeleton,
        };
        match &mut self.vendor {
            Some(Vendor::Known(format)) => Some(*format),
            Some(Vendor::Foreign(_, count)) => {
                *count = count.saturating_add(1);
                None
            }
            None => match format::detect(json) {
                Ok(format) => {
                    self.vendor = Some(Vendor::Known(format));
                    Some(format)
                }
                Err(Detected::NotAConversation) => {
                    let (count, _) = self.junk.get_or_insert((0, start));
                    *count = count.saturating_add(1);
                    None
                }
                Err(vendor) => {
                    self.vendor = Some(Vendor::Foreign(vendor, 1));
                    None
                }
            },
        }
    }
}
