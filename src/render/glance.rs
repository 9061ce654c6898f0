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

    /// What `text` may contain. Simple enough to be vectorised, but not where it becomes part of a larger function.
    #[inline(never)]
    pub(super) fn of(text: &str) -> Self {
        let mark = |is: bool, Self(bit): Self| if is { bit } else { 0 };
        let seen = text.as_bytes().iter().fold(0, |seen, &byte| {
            let control = u8::from(byte < 0x20) & u8::from(byte != b'\n') & u8::from(byte != b'\t');
            seen | control
                | mark(byte == 0x7f, Self::CONTROL)
                | mark(byte == 0xc2, Self::LEAD)
                | mark(byte == 0xef, Self::LEAD)
                | mark(byte == 0xee, Self::PRIVATE)
                | mark(byte == 0xa0, Self::DAGGER)
                | mark(byte == b'[', Self::BRACKET)
                | mark(byte == b'{', Self::BRACE)
                | mark(byte == b'=', Self::EQUALS)
                | mark(byte == b'<', Self::TAG)
        });
        Self(seen)
    }

    /// True if the text may contain any of `wanted`.
    pub(super) fn may_have(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
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
    use super::Glance;

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
            assert_eq!(Glance::of(text), seen, "{text:?}");
        }
    }
}
