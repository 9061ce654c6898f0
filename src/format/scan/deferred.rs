//! Bytes of an element that outlive the buffers they arrived in.

use super::indentation::Indentation;
use crate::bytes::append;

/// Capacity above which memory is released after an element.
const SHRINK_ABOVE: usize = 4 << 20;
/// Maximum size of the skeleton of an element that is too large.
const SKELETON_LIMIT: usize = 1 << 20;

/// The kept bytes of the current element: all of them up to a limit, otherwise its shallow part.
#[derive(Debug, Default)]
pub(super) struct KeptBytes {
    limit: usize,
    text: Vec<u8>,
    /// Number of bytes of `text` that replace others, and don't count towards the limit.
    instead: usize,
    indentation: Indentation,
    skeleton: Option<Skeleton>,
    /// True if there is only a skeleton because memory ran out.
    starved: bool,
}

/// What was kept.
pub(super) enum KeptContent<'k> {
    /// Everything.
    Whole(&'k mut Vec<u8>),
    /// The shallow part.
    Skeleton(&'k [u8]),
    /// The shallow part, because memory ran out.
    Starved(&'k [u8]),
}

impl KeptBytes {
    /// Nothing yet, with room for `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }

    /// True if nothing has been kept yet.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.skeleton.is_none()
    }

    /// True if an element of `len` bytes may be kept.
    pub(super) fn fits(&self, len: usize) -> bool {
        len <= self.limit
    }

    /// The kept element, or its skeleton.
    pub(super) fn bytes(&self) -> &[u8] {
        self.skeleton.as_ref().map_or(&self.text, |skeleton| &skeleton.text)
    }

    /// The same, for the caller to take.
    pub(super) fn content(&mut self) -> KeptContent<'_> {
        match &self.skeleton {
            Some(skeleton) if self.starved => KeptContent::Starved(&skeleton.text),
            Some(skeleton) => KeptContent::Skeleton(&skeleton.text),
            None => KeptContent::Whole(&mut self.text),
        }
    }

    /// Keeps the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        if let Some(skeleton) = &mut self.skeleton {
            return skeleton.push(bytes);
        }
        let own = self.text.len().saturating_add(self.indentation.dropped()).saturating_sub(self.instead);
        let fits = own.checked_add(bytes.len()).is_some_and(|len| len <= self.limit);
        if fits && self.text.try_reserve(bytes.len()).is_ok() {
            append(&mut self.text, bytes);
            return self.indentation.drop_from(&mut self.text);
        }
        self.starved = fits;
        let mut skeleton = Skeleton::default();
        skeleton.push(&self.text);
        skeleton.push(bytes);
        self.skeleton = Some(skeleton);
        self.text = Vec::new();
    }

    /// Keeps `null` in place of a container, which may be shorter.
    pub(super) fn push_null(&mut self) {
        const NULL: &[u8] = b"null";
        self.instead = self.instead.saturating_add(NULL.len());
        self.push(NULL);
    }

    /// Forgets the element.
    pub(super) fn clear(&mut self) {
        self.skeleton = None;
        self.starved = false;
        self.instead = 0;
        self.indentation = Indentation::default();
        self.text.clear();
        if self.text.capacity() > SHRINK_ABOVE {
            self.text = Vec::new();
        }
    }

    /// Keeps the next bytes regardless of the limit, but only the last `len` overall and at most a few times as
    /// many.
    pub(super) fn push_last(&mut self, bytes: &[u8], len: usize) {
        let surplus = bytes.len().saturating_sub(len);
        self.text.extend_from_slice(bytes.get(surplus..).unwrap_or_default());
        if self.text.len() > len.saturating_mul(8) {
            let surplus = self.text.len().saturating_sub(len);
            self.text.drain(..surplus);
        }
    }
}

/// The skeleton of a whole element: its shallow keys and values, at most 1 MiB.
pub(crate) fn skeleton(json: &[u8]) -> Vec<u8> {
    let mut skeleton = Skeleton::default();
    skeleton.push(json);
    skeleton.text
}

/// An element without the contents of its containers: keys, short values and empty containers.
///
/// Works byte by byte, only for elements over the limit.
#[derive(Debug, Default)]
struct Skeleton {
    text: Vec<u8>,
    depth: u64,
    inside: bool,
    escaped: bool,
}

impl Skeleton {
    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.text.len() >= SKELETON_LIMIT {
                return;
            }
            match byte {
                b'"' if !self.escaped => self.inside = !self.inside,
                b'}' | b']' if !self.inside => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            if self.depth < 2 {
                self.text.push(byte);
            }
            if !self.inside && matches!(byte, b'{' | b'[') {
                self.depth = self.depth.saturating_add(1);
            }
            self.escaped = byte == b'\\' && !self.escaped;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_element_over_the_limit_becomes_its_skeleton() {
        let element =
            br#"{"title": "a {\"b\" ]", "mapping": {"x": {"y": [1, "}"]}}, "list": [[2]], "id": 7}"#;
        for feed in 1..element.len() {
            let mut kept = KeptBytes::new(20);
            element.chunks(feed).for_each(|bytes| kept.push(bytes));
            assert!(matches!(kept.content(), KeptContent::Skeleton(_)));
            assert_eq!(
                String::from_utf8_lossy(kept.bytes()),
                r#"{"title": "a {\"b\" ]", "mapping": {}, "list": [], "id": 7}"#
            );
        }
    }

    #[test]
    fn a_skeleton_is_cut_at_its_limit() {
        let mut kept = KeptBytes::new(0);
        kept.push(b"{\"title\": \"");
        for _ in 0..2 * SKELETON_LIMIT / 1000 {
            kept.push(&[b'x'; 1000]);
        }
        assert_eq!(kept.bytes().len(), SKELETON_LIMIT);
    }

    #[test]
    fn a_large_element_leaves_no_memory_behind() {
        let mut kept = KeptBytes::new(usize::MAX);
        kept.push(&vec![b' '; SHRINK_ABOVE + 1]);
        kept.clear();
        assert_eq!(kept.text.capacity(), 0);
        kept.push(&[b' '; 1000]);
        kept.clear();
        assert!(kept.text.capacity() >= 1000);
    }
}
