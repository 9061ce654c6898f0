//! Drops line breaks and indentation from large elements while they are collected: a quarter of a formatted export.
//!
//! Drops them block by block, so that what is kept doesn't depend on how the element arrives.

use memchr::{memchr2, memchr3};

/// Size from which an element is compacted.
const COMPACTED_BYTES: usize = 8 << 20;

/// How much is compacted at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// Where the compacted part of an element ends.
#[derive(Debug, Default)]
pub(super) struct Indentation {
    /// Length of the compacted part.
    done: usize,
    /// Number of bytes dropped.
    dropped: usize,
    is_in_string: bool,
    is_escaped: bool,
    is_in_break: bool,
}

impl Indentation {
    /// Number of bytes dropped so far.
    pub(super) fn dropped(&self) -> usize {
        self.dropped
    }

    /// Compacts the whole blocks of `text` that are new since the last call, if it is large.
    pub(super) fn drop_from(&mut self, text: &mut Vec<u8>) {
        let fresh = text.len().saturating_sub(self.done);
        if fresh < if self.done == 0 { COMPACTED_BYTES } else { BLOCK_BYTES } {
            return;
        }
        let (mut from, mut to) = (self.done, self.done);
        let end = text.len().saturating_sub(fresh % BLOCK_BYTES);
        while let Some(rest) = text.get(from..end).filter(|rest| !rest.is_empty()) {
            let (kept, dropped) = self.step(rest);
            text.copy_within(from..from.saturating_add(kept), to);
            from = from.saturating_add(kept).saturating_add(dropped);
            to = to.saturating_add(kept);
        }
        drop(text.drain(to..end));
        self.dropped = self.dropped.saturating_add(end.saturating_sub(to));
        self.done = to;
    }

    /// How many bytes to keep, and how many after them to drop.
    fn step(&mut self, rest: &[u8]) -> (usize, usize) {
        if std::mem::take(&mut self.is_escaped) {
            return (1, 0);
        }
        if self.is_in_break {
            let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
            self.is_in_break = blanks == rest.len();
            return (0, blanks);
        }
        let at =
            if self.is_in_string { memchr2(b'"', b'\\', rest) } else { memchr3(b'"', b'\\', b'\n', rest) };
        let Some((at, byte)) = at.and_then(|at| Some((at, *rest.get(at)?))) else { return (rest.len(), 0) };
        match byte {
            b'\n' => {
                self.is_in_break = true;
                return (at, 1);
            }
            b'"' => self.is_in_string = !self.is_in_string,
            _ => self.is_escaped = true,
        }
        (at.saturating_add(1), 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: &str = "{\n    \"a\\\\\": \"x \\\"\\n  \n  y\",\r\n\t \"b\": [1,  2\n]},";

    /// What is left of `text`, which arrives in pieces of `feed` bytes.
    fn compacted(text: &[u8], feed: usize) -> Vec<u8> {
        let (mut kept, mut indentation) = (Vec::new(), Indentation::default());
        for piece in text.chunks(feed) {
            kept.extend_from_slice(piece);
            indentation.drop_from(&mut kept);
        }
        assert_eq!(kept.len() + indentation.dropped(), text.len());
        kept
    }

    #[test]
    fn line_breaks_and_indentation_outside_strings_are_dropped_from_whole_blocks() {
        let small = "{\"a\\\\\": \"x \\\"\\n  \n  y\",\r\"b\": [1,  2]},";
        let units = (COMPACTED_BYTES + BLOCK_BYTES / 2) / UNIT.len();
        let text = UNIT.repeat(units);
        // The last block is not whole. Begin after it with a unit that isn't cut.
        let whole = COMPACTED_BYTES / UNIT.len();
        let expected = small.repeat(whole);
        for feed in [4097, 128 << 10, text.len()] {
            let kept = compacted(text.as_bytes(), feed);
            assert!(kept.starts_with(expected.as_bytes()), "{feed}");
            let end = &text.as_bytes()[COMPACTED_BYTES..];
            assert!(kept.ends_with(end), "{feed}");
            assert!(kept.len() < expected.len() + end.len() + UNIT.len(), "{feed}");
        }
    }

    #[test]
    fn what_is_left_does_not_depend_on_how_it_arrives() {
        let text = UNIT.repeat(2 * COMPACTED_BYTES / UNIT.len());
        let whole = compacted(text.as_bytes(), text.len());
        for feed in [1000, 128 << 10, BLOCK_BYTES, BLOCK_BYTES + 1] {
            assert!(compacted(text.as_bytes(), feed) == whole, "{feed}");
        }
    }

    #[test]
    fn smaller_elements_stay_as_they_are() {
        let text = UNIT.repeat((COMPACTED_BYTES - 1) / UNIT.len());
        assert!(compacted(text.as_bytes(), 128 << 10) == text.as_bytes());
    }
}
