//! Recognises the parts of a conversation that are never read, by the keys on the path to them.
//!
//! More than half of a full export is message metadata, most of it traces of searches that no page shows.

use crate::format::unread::{DROPPED, KEPT_METADATA};

/// Progress on the path from a conversation to the metadata of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PrunePath {
    /// Not on the path: not an object.
    Off,
    /// In the conversation.
    Conversation,
    /// In its `mapping`, whose values are nodes.
    Mapping,
    /// In a node.
    Node,
    /// In the node's `message`.
    Message,
    /// In the message's `metadata`.
    Metadata,
}

/// What to do with a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Descend: it is the next step on the path.
    Follow,
    /// Keep it whole.
    Keep,
    /// Replace it with `null`.
    Drop,
}

impl PrunePath {
    /// Number of brackets open on the path.
    pub(super) fn depth(self) -> u64 {
        self as u64
    }

    /// The path at a smaller depth.
    pub(super) fn back_to(self, depth: u64) -> Self {
        match depth {
            _ if depth >= self.depth() => self,
            4 => Self::Message,
            3 => Self::Node,
            2 => Self::Mapping,
            1 => Self::Conversation,
            _ => Self::Off,
        }
    }

    /// The next step.
    pub(super) fn on(self) -> Self {
        match self {
            Self::Off => Self::Off,
            Self::Conversation => Self::Mapping,
            Self::Mapping => Self::Node,
            Self::Node => Self::Message,
            Self::Message | Self::Metadata => Self::Metadata,
        }
    }

    /// What to do with a container that begins with `bracket`. `key` finds its key.
    pub(super) fn verdict<'t>(self, bracket: u8, key: impl FnOnce() -> JsonKey<'t>) -> Verdict {
        let object = bracket == b'{';
        match self {
            Self::Mapping if object => Verdict::Follow,
            Self::Off | Self::Mapping => Verdict::Keep,
            Self::Conversation => match key() {
                key if object && key.is(b"mapping") => Verdict::Follow,
                key if DROPPED.iter().any(|name| key.is(name)) => Verdict::Drop,
                _ => Verdict::Keep,
            },
            Self::Node | Self::Message => {
                let name: &[u8] = if self == Self::Node { b"message" } else { b"metadata" };
                if object && key().is(name) { Verdict::Follow } else { Verdict::Keep }
            }
            Self::Metadata => match key() {
                JsonKey::Unclear => Verdict::Keep,
                key if KEPT_METADATA.iter().any(|name| key.is(name)) => Verdict::Keep,
                _ => Verdict::Drop,
            },
        }
    }
}

/// Longer than any key we know.
const LONGEST: usize = 32;

/// The key of a value.
#[derive(Debug)]
pub(super) enum JsonKey<'t> {
    /// Its bytes.
    Name(&'t [u8]),
    /// Its bytes in reverse, and their number.
    Reversed([u8; LONGEST], usize),
    /// Longer than any key we know.
    Long,
    /// Missing, or contains escapes, so nothing can be said about it.
    Unclear,
}

impl<'t> JsonKey<'t> {
    /// The key before a value, given the text before the value as `kept` followed by `fresh`. Linear in the
    /// blanks around the colon.
    pub(super) fn before(kept: &[u8], fresh: &'t [u8]) -> Self {
        Self::within(fresh).unwrap_or_else(|| Self::backwards(fresh.iter().rev().chain(kept.iter().rev())))
    }

    /// The usual case: an unambiguous key within one chunk.
    fn within(text: &'t [u8]) -> Option<Self> {
        let text = match text {
            [text @ .., b'"', b':', b' '] => text,
            _ => text.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end().strip_suffix(b"\"")?,
        };
        let start = text.len().saturating_sub(LONGEST);
        let last = text.get(start..)?;
        let quote = memchr::memrchr2(b'"', b'\\', last)?;
        let before = text.get((start + quote).checked_sub(1)?)?;
        let name = last.get(quote + 1..)?;
        (last.get(quote) == Some(&b'"') && *before != b'\\').then_some(Self::Name(name))
    }

    /// The key before a value, given the text before the value in reverse.
    fn backwards<'b>(mut before: impl Iterator<Item = &'b u8>) -> Self {
        let mut token = || before.find(|byte| !byte.is_ascii_whitespace());
        if token() != Some(&b':') || token() != Some(&b'"') {
            return Self::Unclear;
        }
        let (mut bytes, mut len) = ([0; LONGEST], 0);
        loop {
            match before.next() {
                None | Some(b'\\') => return Self::Unclear,
                Some(b'"') if before.next() == Some(&b'\\') => return Self::Unclear,
                Some(b'"') => return Self::Reversed(bytes, len),
                Some(&byte) => {
                    let Some(place) = bytes.get_mut(len) else { return Self::Long };
                    *place = byte;
                    len += 1;
                }
            }
        }
    }

    /// True if this is definitely the key `name`.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        match self {
            Self::Name(bytes) => *bytes == name,
            Self::Reversed(bytes, len) => {
                *len == name.len() && bytes.iter().zip(name.iter().rev()).all(|(a, b)| a == b)
            }
            Self::Long | Self::Unclear => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key, wherever the text before the value is split.
    fn key(before: &str) -> JsonKey<'_> {
        let same = |a: &JsonKey<'_>, b: &JsonKey<'_>| match (a, b) {
            (JsonKey::Unclear, JsonKey::Unclear) | (JsonKey::Long, JsonKey::Long) => true,
            (JsonKey::Name(name), other) => other.is(name),
            (JsonKey::Reversed(bytes, len), other) => {
                other.is(&bytes[..*len].iter().rev().copied().collect::<Vec<_>>())
            }
            _ => false,
        };
        let whole = JsonKey::before(b"", before.as_bytes());
        for cut in 0..before.len() {
            let (kept, fresh) = before.as_bytes().split_at(cut);
            let parted = JsonKey::before(kept, fresh);
            assert!(same(&parted, &whole), "{before} cut at {cut}: {parted:?}, {whole:?}");
        }
        whole
    }

    #[test]
    fn a_key_is_read_backwards_over_blanks() {
        assert!(key(r#"{"a":1, "mapping" : "#).is(b"mapping"));
        assert!(key("{\n\"mapping\"\r\n:\t").is(b"mapping"));
        assert!(key(r#"{"":"#).is(b""));
        assert!(!key(r#"{"the mapping":"#).is(b"mapping"));
    }

    #[test]
    fn a_key_with_escapes_is_unclear() {
        for text in [r#"{"a\"mapping":"#, r#"{"m\u0061pping":"#, r#"{"a\\":"#, r#"{"a\":"#] {
            assert!(matches!(key(text), JsonKey::Unclear), "{text}");
        }
    }

    #[test]
    fn anything_but_a_key_is_unclear() {
        for text in ["[", "[1, ", r#"["a", "#, r#"mapping":"#, ":", "", r#"{"a" "#] {
            assert!(matches!(key(text), JsonKey::Unclear), "{text}");
        }
    }

    #[test]
    fn a_long_key_is_never_kept() {
        let long = format!("{{\"{}\":", "x".repeat(LONGEST + 1));
        assert!(matches!(key(&long), JsonKey::Long));
        assert!(KEPT_METADATA.iter().chain(&DROPPED).all(|name| name.len() < LONGEST));
        assert_eq!(PrunePath::Metadata.verdict(b'{', || key(&long)), Verdict::Drop);
    }

    #[test]
    fn the_path_can_be_retraced() {
        let mut path = PrunePath::Conversation;
        for depth in 1..=5 {
            assert_eq!(path.depth(), depth);
            for back in 0..depth {
                assert_eq!(path.back_to(back).depth(), back);
            }
            assert_eq!(path.back_to(9), path);
            path = path.on();
        }
    }
}
