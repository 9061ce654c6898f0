//! What a text may contain, seen in one pass: most texts have nothing special, and need no closer look.

use std::ops::BitOr;

/// The rare bytes of a text. That a byte is there proves nothing; that it isn't spares a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Glance(u8);

impl Glance {
    /// A control character that pages don't hold.
    pub(super) const CONTROL: Self = Self(1);
    /// A byte that leads a C1 control, or the sign of a page's own name.
    pub(super) const LEAD: Self = Self(1 << 1);
    /// A byte that leads the vendor's private-use characters.
    pub(super) const PRIVATE: Self = Self(1 << 2);
    /// The last byte of a dagger.
    pub(super) const DAGGER: Self = Self(1 << 3);
    /// An opening bracket, as links have.
    pub(super) const BRACKET: Self = Self(1 << 4);
    /// An opening brace, as writing blocks and artefacts have.
    pub(super) const BRACE: Self = Self(1 << 5);
    /// An equals sign, as parameters of addresses have.
    pub(super) const EQUALS: Self = Self(1 << 6);
    /// The beginning of a tag.
    pub(super) const TAG: Self = Self(1 << 7);

    /// What `text` may contain.
    pub(super) fn of(text: &str) -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { of_avx2(text.as_bytes()) };
        }
        of(text.as_bytes())
    }

    /// True if the text may contain any of `wanted`.
    pub(super) fn may_have(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }
}

/// The loop of [`Glance::of`], compiled for twice as wide vectors: it is a tenth of rendering.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn of_avx2(text: &[u8]) -> Glance {
    of(text)
}

/// How many bytes are looked at together: as many as the widest vectors hold.
const BLOCK: usize = 32;

/// Becomes part of the function that enables instructions.
#[allow(clippy::inline_always, reason = "it must become part of the function that enables instructions")]
#[inline(always)]
fn of(text: &[u8]) -> Glance {
    let mut seen = [0; BLOCK];
    let (blocks, rest) = text.as_chunks();
    for &block in blocks {
        see(block, &mut seen);
    }
    // Byte by byte the rest would cost as much as all blocks of a usual text. Nothing is wrong with looking twice.
    if let (Some(last), false) = (text.last_chunk(), rest.is_empty()) {
        see(*last, &mut seen);
    } else {
        let mut block = [b' '; BLOCK];
        if let Some(place) = block.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        see(block, &mut seen);
    }
    Glance(seen.iter().fold(0, |all, &seen| all | seen))
}

/// Simple enough to be vectorised.
#[allow(clippy::inline_always, reason = "it must become part of the function that enables instructions")]
#[allow(clippy::needless_range_loop, reason = "with another it isn't vectorised everywhere")]
#[inline(always)]
fn see(block: [u8; BLOCK], seen: &mut [u8; BLOCK]) {
    let mark = |is: bool, Glance(bit): Glance| if is { bit } else { 0 };
    for at in 0..BLOCK {
        let byte = block[at];
        let is_control = (byte < 0x20) & (byte != b'\n') & (byte != b'\t') | (byte == 0x7f);
        seen[at] |= mark(is_control, Glance::CONTROL)
            | mark(byte == 0xc2, Glance::LEAD)
            | mark(byte == 0xef, Glance::LEAD)
            | mark(byte == 0xee, Glance::PRIVATE)
            | mark(byte == 0xa0, Glance::DAGGER)
            | mark(byte == b'[', Glance::BRACKET)
            | mark(byte == b'{', Glance::BRACE)
            | mark(byte == b'=', Glance::EQUALS)
            | mark(byte == b'<', Glance::TAG);
    }
}

impl BitOr for Glance {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Glance, of};

    proptest::proptest! {
        #[test]
        fn no_place_is_overlooked(text in "[ a\n<\\[{=†\u{e200}\u{9b}\u{7f}]{0,80}") {
            let each = text.chars().map(|c| Glance::of(c.encode_utf8(&mut [0; 4])));
            proptest::prop_assert_eq!(Glance::of(&text), each.fold(Glance(0), |all, one| all | one));
        }
    }

    #[test]
    fn each_byte_is_seen_for_what_it_may_begin() {
        for (text, seen) in [
            ("plain text,\n\twith: 'marks' — and *more*", Glance(0)),
            ("\r", Glance::CONTROL),
            ("\u{7f}", Glance::CONTROL),
            ("\u{9b}", Glance::LEAD),
            ("\u{fdd0}", Glance::LEAD),
            ("\u{e201}", Glance::PRIVATE),
            ("†", Glance::DAGGER),
            ("[", Glance::BRACKET),
            ("{", Glance::BRACE),
            ("=", Glance::EQUALS),
            ("<", Glance::TAG),
            ("<{", Glance::TAG | Glance::BRACE),
        ] {
            for padding in [0, 1, 15, 16, 31, 32, 33, 100] {
                let text = format!("{0}{text}{0}", "x".repeat(padding));
                assert_eq!(Glance::of(&text), seen, "{text:?}");
                assert_eq!(of(text.as_bytes()), seen, "{text:?}");
            }
        }
    }
}
