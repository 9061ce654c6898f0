//! A cache of decoded spans of deflated entries.
//!
//! One cache serves all archives of an opened export. Knows nothing of files: a span is bytes under a key.

use crate::sync::{lock, wait};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Condvar, Mutex};

/// Identifies a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct SpanKey {
    /// Number of the archive, unique within this process.
    pub(super) archive: u64,
    /// Index of the entry.
    pub(super) entry: u32,
    /// Offset of the span's first byte in the inflated entry.
    pub(super) start: u64,
}

/// Inflated bytes, shared between readers.
pub(super) type Span = Arc<Vec<u8>>;

/// Recently used spans, bounded in bytes, evicted least recently used first.
#[derive(Debug)]
pub(crate) struct SpanCache {
    capacity: usize,
    state: Mutex<SpanMap>,
    /// Signals that a claimed stretch was decoded or given up.
    settled: Condvar,
}

/// The right to decode a stretch of spans. Anyone else who wants one of them waits until this is dropped.
pub(super) struct DecodeClaim<'c> {
    cache: &'c SpanCache,
    stretch: SpanKey,
}

#[derive(Debug, Default)]
struct SpanMap {
    spans: HashMap<SpanKey, (Span, u64)>,
    /// Keys by the tick of their last use.
    order: BTreeMap<u64, SpanKey>,
    bytes: usize,
    tick: u64,
    /// Stretches being decoded.
    claimed: HashSet<SpanKey>,
    /// The capacity for now: lower while memory is needed elsewhere.
    limit: usize,
}

impl SpanMap {
    /// Drops the oldest spans that exceed the limit.
    fn evict(&mut self) {
        while self.bytes > self.limit {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            let freed = self.spans.remove(&oldest).map_or(0, |(span, _)| weight(&span));
            self.bytes = self.bytes.saturating_sub(freed);
        }
    }

    fn get(&mut self, key: SpanKey) -> Option<Span> {
        self.tick = self.tick.saturating_add(1);
        let (span, used) = self.spans.get_mut(&key)?;
        self.order.remove(used);
        *used = self.tick;
        self.order.insert(self.tick, key);
        Some(Arc::clone(span))
    }
}

/// Approximate overhead of an entry in the two maps, so that many tiny spans aren't free.
const OVERHEAD_BYTES: usize = 128;

#[cfg(test)]
impl Default for SpanCache {
    fn default() -> Self {
        Self::new(32 << 20)
    }
}

impl SpanCache {
    /// A cache for up to `capacity` bytes of inflated data.
    pub(crate) fn new(capacity: usize) -> Self {
        let map = SpanMap { limit: capacity, ..SpanMap::default() };
        Self { capacity, state: Mutex::new(map), settled: Condvar::new() }
    }

    /// The bytes it holds now, including overhead.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Forgets all spans.
    pub(super) fn clear(&self) {
        let mut map = self.lock();
        let claimed = std::mem::take(&mut map.claimed);
        *map = SpanMap { claimed, limit: map.limit, ..SpanMap::default() };
    }

    /// Limits the spans to `percent` of the capacity for now, and drops those that exceed it.
    pub(super) fn limit_to(&self, percent: usize) {
        let mut map = self.lock();
        map.limit = self.capacity.saturating_mul(percent) / 100;
        map.evict();
    }

    pub(super) fn get(&self, key: SpanKey) -> Option<Span> {
        self.lock().get(key)
    }

    /// Returns the span `key`, or the right to decode its stretch, which is identified by the key of its first
    /// span. Waits while another thread decodes there, because neighbouring conversations are wanted at the same
    /// time.
    pub(super) fn get_or_claim(
        &self,
        key: SpanKey,
        stretch: SpanKey,
    ) -> std::result::Result<Span, DecodeClaim<'_>> {
        let mut state = self.lock();
        loop {
            if let Some(span) = state.get(key) {
                return Ok(span);
            }
            if state.claimed.insert(stretch) {
                return Err(DecodeClaim { cache: self, stretch });
            }
            state = wait(&self.settled, state);
        }
    }

    /// Caches `span`, unless it is so large that it would evict most others.
    pub(super) fn insert(&self, key: SpanKey, span: Span) {
        let weight = weight(&span);
        if weight > self.capacity / 2 {
            return;
        }
        let state = &mut *self.lock();
        state.tick = state.tick.saturating_add(1);
        state.bytes = state.bytes.saturating_add(weight);
        state.order.insert(state.tick, key);
        if let Some((old, used)) = state.spans.insert(key, (span, state.tick)) {
            state.order.remove(&used);
            state.bytes = state.bytes.saturating_sub(self::weight(&old));
        }
        state.evict();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, SpanMap> {
        lock(&self.state)
    }
}

impl Drop for DecodeClaim<'_> {
    fn drop(&mut self) {
        self.cache.lock().claimed.remove(&self.stretch);
        self.cache.settled.notify_all();
    }
}

fn weight(span: &Span) -> usize {
    span.capacity().saturating_add(OVERHEAD_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(start: u64) -> SpanKey {
        SpanKey { archive: 0, entry: 0, start }
    }

    fn span(bytes: usize) -> Span {
        Arc::new(vec![7; bytes])
    }

    #[test]
    fn the_least_recently_used_span_is_evicted_first() {
        let cache = SpanCache::new(3 * (100 + OVERHEAD_BYTES));
        for start in 0..3 {
            cache.insert(key(start), span(100));
        }
        assert!(cache.get(key(0)).is_some());
        cache.insert(key(3), span(100));
        let kept = [0, 1, 2, 3].map(|start| cache.get(key(start)).is_some());
        assert_eq!(kept, [true, false, true, true]);
    }

    #[test]
    fn a_span_is_decoded_by_one_reader_and_by_the_next_if_that_one_fails() {
        let cache = SpanCache::new(10_000);
        let decoded = std::sync::atomic::AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let Err(claim) = cache.get_or_claim(key(0), key(0)) else { return };
                    std::thread::yield_now();
                    // The first one gives up.
                    if decoded.fetch_add(1, std::sync::atomic::Ordering::Relaxed) > 0 {
                        cache.insert(key(0), span(10));
                    }
                    drop(claim);
                });
            }
        });
        assert_eq!(decoded.into_inner(), 2);
        assert!(cache.get_or_claim(key(0), key(0)).is_ok());
        assert!(cache.get_or_claim(key(1), key(0)).is_err());
    }

    #[test]
    fn the_cache_never_exceeds_its_capacity() {
        let cache = SpanCache::new(10_000);
        for start in 0..1_000 {
            cache.insert(key(start % 300), span(start as usize % 4_000));
            assert!(cache.bytes() <= 10_000);
        }
        let state = cache.lock();
        assert_eq!(state.spans.len(), state.order.len());
        assert_eq!(state.bytes, state.spans.values().map(|(span, _)| weight(span)).sum::<usize>());
    }

    #[test]
    fn a_lower_limit_drops_spans_immediately_and_holds_until_it_is_lifted() {
        let cache = SpanCache::new(10_000);
        let fill = || (0..20).for_each(|start| cache.insert(key(start), span(1_000 - OVERHEAD_BYTES)));
        fill();
        assert_eq!(cache.bytes(), 10_000);
        cache.limit_to(25);
        assert_eq!(cache.bytes(), 2_000);
        cache.clear();
        fill();
        assert_eq!(cache.bytes(), 2_000);
        cache.limit_to(100);
        fill();
        assert_eq!(cache.bytes(), 10_000);
    }

    #[test]
    fn a_span_as_large_as_the_cache_does_not_flush_it() {
        let cache = SpanCache::new(10_000);
        cache.insert(key(0), span(10));
        cache.insert(key(1), span(9_000));
        assert!(cache.get(key(0)).is_some());
        assert!(cache.get(key(1)).is_none());
    }
}
