//! Reading deflated entries from any offset: from checkpoints, through the span cache.
//!
//! Streamed entries have checkpoints throughout. Others (attachments) get them while they are first read
//! forwards, by a decoder that stays at the frontier; the last few such entries are remembered.

use super::Entry;
use super::inflate::{Checkpoint, Checkpoints, InflateDecoder, Stop};
use super::section::Section;
use super::span::{Span, SpanCache, SpanKey};
use super::whole::{inflate_all, wrong_checksum};
use crate::bug;
use crate::bytes::append;
use crate::error::{Error, ErrorKind, Result};
use crate::sync::lock;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// Entries up to this size are inflated whole and verified before a byte is served.
pub(super) const SMALL_BYTES: u64 = 4 << 20;

/// Upper bound on a cached span. Stretches between checkpoints are split, so that a reader never waits for data
/// past the end of its conversation. Matches what a decoder inflates in one go.
const SPAN_BYTES: u64 = 128 << 10;

/// Number of decoders paused within a stretch, ready to continue.
const MAX_PAUSED: usize = 4;

/// Upper bound on the distance between checkpoints in attachments, unless a deflate block is longer.
const MAX_SPACING_BYTES: u64 = 4 << 20;

/// Number of attachments whose frontier is remembered.
const MAX_FRONTIERS: usize = 4;

/// Number of stored attachments whose running checksum is remembered.
const MAX_FOLLOWED: usize = 16;

/// State that one archive keeps for random access.
pub(super) struct RandomAccess {
    archive: u64,
    spans: Arc<SpanCache>,
    checkpoints: Mutex<HashMap<u32, Arc<Checkpoints>>>,
    /// With their entries, most recently used last.
    paused: Mutex<Vec<(u32, InflateDecoder)>>,
    /// Most recently used last.
    frontiers: Mutex<Vec<(u32, Arc<Mutex<Frontier>>)>>,
    /// Entry, bytes seen in order from its start, and their checksum.
    followed: Mutex<Vec<(u32, u64, crc32fast::Hasher)>>,
}

impl std::fmt::Debug for RandomAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RandomAccess").field("archive", &self.archive).finish_non_exhaustive()
    }
}

/// An entry being read forwards for the first time.
#[derive(Default)]
struct Frontier {
    points: Checkpoints,
    /// Positioned at the first undecoded byte; `None` before the first read, after an error and at the end.
    decoder: Option<InflateDecoder>,
    /// How far it has been decoded.
    out: u64,
    crc: crc32fast::Hasher,
    verified: bool,
}

/// Receives the bytes of a range, chunk by chunk, in order.
type TakeBytes<'a> = &'a mut dyn FnMut(&[u8]);

/// A deflated entry to read from.
#[derive(Clone, Copy)]
pub(super) struct DeflatedEntry<'a> {
    /// Its index.
    pub(super) index: u32,
    pub(super) entry: &'a Entry<'a>,
    /// Finds the compressed data. Called only when something must be decoded: cached data is served even if the file
    /// is gone.
    pub(super) locate: &'a dyn Fn() -> Result<Section>,
}

impl RandomAccess {
    pub(super) fn new(archive: u64, spans: Arc<SpanCache>) -> Self {
        Self {
            archive,
            spans,
            checkpoints: Mutex::default(),
            paused: Mutex::default(),
            frontiers: Mutex::default(),
            followed: Mutex::default(),
        }
    }

    /// Forgets decoded data. Checkpoints stay.
    pub(super) fn release(&self) {
        self.spans.clear();
        lock(&self.paused).clear();
    }

    /// Limits decoded data to `percent` of what is usually kept.
    pub(super) fn limit_to(&self, percent: usize) {
        self.spans.limit_to(percent);
    }

    pub(super) fn checkpoints(&self, entry: u32) -> Option<Arc<Checkpoints>> {
        lock(&self.checkpoints).get(&entry).cloned()
    }

    pub(super) fn set_checkpoints(&self, entry: u32, points: Arc<Checkpoints>) {
        lock(&self.checkpoints).insert(entry, points);
    }

    /// Hands the bytes of `range`, which must lie within the entry, to `sink`. Returns true if the whole entry is
    /// known to match its checksum.
    pub(super) fn walk(
        &self,
        from: DeflatedEntry<'_>,
        range: Range<u64>,
        sink: TakeBytes<'_>,
    ) -> Result<bool> {
        let Some(points) = self.checkpoints(from.index) else {
            return self.walk_verifying(from, range, sink);
        };
        let mut at = range.start;
        while at < range.end {
            at = self.walk_span(from, &points, at..range.end, sink)?;
        }
        Ok(false)
    }

    /// Like [`walk`](Self::walk), for entries that were never streamed. Verifies small entries before serving
    /// them, and others when the frontier reaches the end.
    pub(super) fn walk_verifying(
        &self,
        from: DeflatedEntry<'_>,
        range: Range<u64>,
        sink: TakeBytes<'_>,
    ) -> Result<bool> {
        if from.entry.size <= SMALL_BYTES {
            let whole = self.small(from)?;
            let bounds = usize::try_from(range.start).ok().zip(usize::try_from(range.end).ok());
            sink(bounds.and_then(|(start, end)| whole.get(start..end)).unwrap_or_default());
            return Ok(true);
        }
        let frontier = self.frontier(from.index);
        let mut at = range.start;
        while at < range.end {
            let (start, span) = self.frontier_span(from, &frontier, at)?;
            at = hand_over(at..range.end, start, &span, sink)?;
        }
        Ok(lock(&frontier).verified)
    }

    /// Hands over the part of `range` that lies in its first span, from the cache or from the checkpoint before
    /// it, and returns where that part ends.
    fn walk_span(
        &self,
        from: DeflatedEntry<'_>,
        points: &Checkpoints,
        range: Range<u64>,
        sink: TakeBytes<'_>,
    ) -> Result<u64> {
        let offset = range.start;
        let (point, next) = points.around(offset);
        let stretch = point.map_or(0, |point| point.out)..next.unwrap_or(from.entry.size);
        let start = span_start(stretch.start, offset);
        let end = start.saturating_add(SPAN_BYTES).min(stretch.end);
        match self.spans.get_or_claim(self.key(from.index, start), self.key(from.index, stretch.start)) {
            Ok(span) => hand_over(range, start, &span, sink),
            // A span that is read whole isn't needed by anyone else, so it is neither cached nor copied.
            Err(_claim) if start == offset && end <= range.end => {
                let section = &(from.locate)()?;
                let mut decoder = self.decode_up_to(from.index, point, &stretch, section, start)?;
                let stop = run(&mut decoder, section, end.saturating_sub(start), None, sink);
                section.verify_unchanged()?;
                if decoder.out() < end {
                    return Err(stop.err().unwrap_or_else(too_short));
                }
                self.pause(from.index, decoder);
                Ok(end)
            }
            Err(_claim) => {
                let (start, span) = self.decode(from, point, stretch, offset)?;
                hand_over(range, start, &span, sink)
            }
        }
    }

    /// Decodes the span with `offset`, in the stretch after `point`. Caches the spans before it, and pauses after
    /// it.
    fn decode(
        &self,
        from: DeflatedEntry<'_>,
        point: Option<&Checkpoint>,
        stretch: Range<u64>,
        offset: u64,
    ) -> Result<(u64, Span)> {
        let section = &(from.locate)()?;
        let start = span_start(stretch.start, offset);
        let mut decoder = self.decode_up_to(from.index, point, &stretch, section, start)?;
        let length = stretch.end.saturating_sub(start).min(SPAN_BYTES);
        let (bytes, stop) = fill(&mut decoder, section, length, None)?;
        section.verify_unchanged()?;
        let complete = bytes.len() as u64 == length;
        let span = Arc::new(bytes);
        if complete {
            self.spans.insert(self.key(from.index, start), Arc::clone(&span));
            self.pause(from.index, decoder);
        } else if decoder.out() <= offset {
            // Bytes before a break are good; bytes after it can't be trusted.
            return Err(stop.err().unwrap_or_else(too_short));
        }
        Ok((start, span))
    }

    /// A decoder positioned at `start`, where a span of the stretch after `point` begins. Caches the spans it
    /// passes.
    fn decode_up_to(
        &self,
        entry: u32,
        point: Option<&Checkpoint>,
        stretch: &Range<u64>,
        section: &Section,
        start: u64,
    ) -> Result<InflateDecoder> {
        let mut decoder = match (self.paused(entry, stretch.start, start), point) {
            (Some(decoder), _) => decoder,
            (None, Some(point)) => InflateDecoder::from_checkpoint(point)?,
            (None, None) => InflateDecoder::from_start(),
        };
        while decoder.out() < start {
            let at = decoder.out();
            let length = stretch.end.saturating_sub(at).min(SPAN_BYTES);
            let (bytes, stop) = fill(&mut decoder, section, length, None)?;
            section.verify_unchanged()?;
            if (bytes.len() as u64) < length {
                return Err(stop.err().unwrap_or_else(too_short));
            }
            self.spans.insert(self.key(entry, at), Arc::new(bytes));
        }
        Ok(decoder)
    }

    /// The decoder paused nearest to `wanted`, at or after the checkpoint at `base`.
    fn paused(&self, entry: u32, base: u64, wanted: u64) -> Option<InflateDecoder> {
        let mut paused = lock(&self.paused);
        let fits = |(of, decoder): &(u32, InflateDecoder)| {
            let out = decoder.out();
            *of == entry && (base..=wanted).contains(&out) && span_start(base, out) == out
        };
        let fitting = paused.iter().enumerate().filter(|(_, paused)| fits(paused));
        let (at, _) = fitting.max_by_key(|(_, (_, decoder))| decoder.out())?;
        Some(paused.remove(at).1)
    }

    fn pause(&self, entry: u32, decoder: InflateDecoder) {
        let mut paused = lock(&self.paused);
        if paused.len() >= MAX_PAUSED {
            paused.remove(0);
        }
        paused.push((entry, decoder));
    }

    /// All of a small entry, verified against its checksum.
    fn small(&self, from: DeflatedEntry<'_>) -> Result<Span> {
        // No span starts there.
        let key = self.key(from.index, u64::MAX);
        if let Some(span) = self.spans.get(key) {
            return Ok(span);
        }
        let section = &(from.locate)()?;
        let mut whole = Vec::new();
        reserve(&mut whole, usize::try_from(from.entry.size).unwrap_or(usize::MAX))?;
        let result = inflate_all(from.entry, section, None, &mut Checkpoints::default(), &mut |chunk| {
            whole.extend_from_slice(&chunk);
            Ok(())
        });
        section.verify_unchanged().and(result)?;
        let span = Arc::new(whole);
        self.spans.insert(key, Arc::clone(&span));
        Ok(span)
    }

    fn frontier(&self, entry: u32) -> Arc<Mutex<Frontier>> {
        let mut frontiers = lock(&self.frontiers);
        let at = frontiers.iter().position(|(of, _)| *of == entry);
        let frontier = at.map_or_else(|| (entry, Arc::default()), |at| frontiers.remove(at));
        if frontiers.len() >= MAX_FRONTIERS {
            frontiers.remove(0);
        }
        frontiers.push(frontier.clone());
        frontier.1
    }

    /// The span that contains `offset`: from the cache, from a checkpoint, or by advancing the frontier.
    fn frontier_span(
        &self,
        from: DeflatedEntry<'_>,
        frontier: &Mutex<Frontier>,
        offset: u64,
    ) -> Result<(u64, Span)> {
        loop {
            let mut ahead = lock(frontier);
            let (point, next) = ahead.points.around(offset);
            let stretch = point.map_or(0, |point| point.out)..next.unwrap_or(from.entry.size);
            let start = span_start(stretch.start, offset);
            if let Some(span) = self.spans.get(self.key(from.index, start)) {
                return Ok((start, span));
            }
            if next.is_some() || offset < ahead.out {
                let point = point.cloned();
                let stretch = stretch.start..next.unwrap_or(ahead.out);
                drop(ahead);
                return self.decode(from, point.as_ref(), stretch, offset);
            }
            // Unlock after each step, so that others can read what the frontier has passed.
            let (start, span) = self.advance(from, &mut ahead)?;
            if (start..start.saturating_add(span.len() as u64)).contains(&offset) {
                return Ok((start, span));
            }
        }
    }

    /// Decodes one more span at the frontier.
    fn advance(&self, from: DeflatedEntry<'_>, frontier: &mut Frontier) -> Result<(u64, Span)> {
        let section = &(from.locate)()?;
        let mut decoder = if let Some(decoder) = frontier.decoder.take() {
            decoder
        } else {
            *frontier = Frontier::default();
            InflateDecoder::from_start()
        };
        let start = decoder.out();
        let base = frontier.points.last().map_or(0, |point| point.out);
        let span_end = span_start(base, start).saturating_add(SPAN_BYTES).min(from.entry.size);
        let spacing = (from.entry.size / 128).clamp(super::SPACING_BYTES, MAX_SPACING_BYTES);
        let (bytes, stop) = fill(&mut decoder, section, span_end.saturating_sub(start), Some(spacing))?;
        section.verify_unchanged()?;
        frontier.crc.update(&bytes);
        frontier.out = decoder.out();
        let reached_end = frontier.out == from.entry.size;
        match stop? {
            Stop::At(point) => frontier.points.push(point),
            Stop::End if !reached_end => return Err(too_short()),
            Stop::Full | Stop::End => {}
        }
        if reached_end {
            if from.entry.crc.is_some_and(|crc| crc != frontier.crc.clone().finalize()) {
                return Err(wrong_checksum());
            }
            frontier.verified = true;
        } else {
            frontier.decoder = Some(decoder);
        }
        let span = Arc::new(bytes);
        self.spans.insert(self.key(from.index, start), Arc::clone(&span));
        Ok((start, span))
    }

    /// Tracks a stored entry that is read forwards: returns the checksum of the whole once `bytes` at `offset`
    /// complete it. Reads out of order only delay it.
    pub(super) fn follow(&self, entry: u32, offset: u64, bytes: &[u8], size: u64) -> Option<u32> {
        let mut followed = lock(&self.followed);
        let at = followed.iter().position(|(of, _, _)| *of == entry);
        let (_, mut seen, mut crc) =
            at.map_or_else(|| (entry, 0, crc32fast::Hasher::new()), |at| followed.remove(at));
        if let Some(fresh) = seen
            .checked_sub(offset)
            .and_then(|known| bytes.get(usize::try_from(known).ok()?..))
            .filter(|fresh| !fresh.is_empty())
        {
            crc.update(fresh);
            seen = seen.saturating_add(fresh.len() as u64);
        }
        if seen == size {
            return Some(crc.finalize());
        }
        if followed.len() >= MAX_FOLLOWED {
            followed.remove(0);
        }
        followed.push((entry, seen, crc));
        None
    }

    fn key(&self, entry: u32, start: u64) -> SpanKey {
        SpanKey { archive: self.archive, entry, start }
    }
}

/// Hands over the part of `range` that lies in `span`, which begins at `start`, and returns where that part ends.
fn hand_over(range: Range<u64>, start: u64, span: &Span, sink: TakeBytes<'_>) -> Result<u64> {
    let skip = usize::try_from(range.start.saturating_sub(start)).unwrap_or(usize::MAX);
    let until = usize::try_from(range.end.saturating_sub(start)).unwrap_or(usize::MAX).min(span.len());
    let bytes = span.get(skip..until).unwrap_or_default();
    if bytes.is_empty() {
        return Err(too_short());
    }
    sink(bytes);
    Ok(range.start.saturating_add(bytes.len() as u64))
}

/// Where the span with `offset` begins, in a stretch that begins at `base`.
fn span_start(base: u64, offset: u64) -> u64 {
    let into = offset.saturating_sub(base);
    base.saturating_add(into - into % SPAN_BYTES)
}

/// The next `length` bytes, or fewer with the reason: an error, the end, or a checkpoint if `spacing` is given.
fn fill(
    decoder: &mut InflateDecoder,
    section: &Section,
    length: u64,
    spacing: Option<u64>,
) -> Result<(Vec<u8>, Result<Stop>)> {
    let mut bytes = Vec::new();
    reserve(&mut bytes, usize::try_from(length).unwrap_or(usize::MAX))?;
    let stop = run(decoder, section, length, spacing, &mut |chunk| append(&mut bytes, chunk));
    Ok((bytes, stop))
}

/// Hands over the next `length` bytes; otherwise like [`fill`].
fn run(
    decoder: &mut InflateDecoder,
    section: &Section,
    length: u64,
    spacing: Option<u64>,
    sink: TakeBytes<'_>,
) -> Result<Stop> {
    let read = |offset: u64, buffer: &mut [u8]| section.read_at(offset, buffer);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    #[cfg(test)]
    let start = decoder.out();
    // After a panic, as after any break, what came before stays.
    let stop =
        bug::caught(|| decoder.run(&read, spacing, length, sink)).unwrap_or_else(|bug| Err(bug.into_error()));
    #[cfg(test)]
    DECODED.set(DECODED.get() + decoder.out() - start);
    stop
}

#[cfg(test)]
thread_local! {
    /// Bytes inflated by this thread.
    pub(super) static DECODED: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

fn reserve(bytes: &mut Vec<u8>, length: usize) -> Result<()> {
    bytes
        .try_reserve_exact(length)
        .map_err(|_| Error::new(ErrorKind::OutOfMemory, format!("no memory for {length} bytes")))
}

fn too_short() -> Error {
    Error::new(ErrorKind::Damaged, "shorter than its header says")
}
