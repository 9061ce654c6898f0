//! What a text may contain, found in one pass: most texts contain nothing special and need no closer look.

use std::ops::BitOr;

/// A bit set of the rare byte classes in a text. A clear bit lets the caller skip a search; a set bit proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints(u16);

impl Hints {
    /// A control character that pages must not contain.
    pub(crate) const CONTROL: Self = Self(1);
    /// The lead byte of a C1 control or of the placeholder for a page's own name.
    pub(crate) const LEAD: Self = Self(1 << 1);
    /// The lead byte of the vendor's private-use characters.
    pub(crate) const PRIVATE: Self = Self(1 << 2);
    /// The last byte of a dagger.
    pub(crate) const DAGGER: Self = Self(1 << 3);
    /// An opening bracket, as links have.
    pub(crate) const BRACKET: Self = Self(1 << 4);
    /// An opening brace, as writing blocks and artefacts have.
    pub(crate) const BRACE: Self = Self(1 << 5);
    /// An equals sign, as parameters of addresses have.
    pub(crate) const EQUALS: Self = Self(1 << 6);
    /// The beginning of a tag.
    pub(crate) const TAG: Self = Self(1 << 7);
    /// A backslash, as formulas have.
    pub(crate) const BACKSLASH: Self = Self(1 << 8);

    /// What `text` may contain.
    pub(crate) fn of(text: &str) -> Self {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            // SAFETY: the processor has AVX2.
            return unsafe { avx2::of(text.as_bytes()) };
        }
        of(text.as_bytes())
    }

    /// True if the text may contain any of `wanted`.
    pub(crate) fn may_have(self, wanted: Self) -> bool {
        self.0 & wanted.0 != 0
    }
}

/// Bytes per block: the width of an AVX2 vector.
const BLOCK: usize = 32;

/// Calls `see` with all of `text`, block by block.
#[allow(clippy::inline_always, reason = "it must become part of the function that enables instructions")]
#[inline(always)]
fn each_block(text: &[u8], mut see: impl FnMut([u8; BLOCK])) {
    let (blocks, rest) = text.as_chunks();
    for &block in blocks {
        see(block);
    }
    // The last block overlaps the one before it: going byte by byte would cost as much as all blocks of a typical text.
    if let (Some(&last), false) = (text.last_chunk(), rest.is_empty()) {
        see(last);
    } else {
        let mut block = [b' '; BLOCK];
        if let Some(place) = block.get_mut(..rest.len()) {
            place.copy_from_slice(rest);
        }
        see(block);
    }
}

fn of(text: &[u8]) -> Hints {
    let mark = |is: bool, Hints(bit): Hints| if is { bit } else { 0 };
    let mut seen = [0; BLOCK];
    each_block(text, |block| {
        for (seen, byte) in seen.iter_mut().zip(block) {
            let is_control = byte == 0x7f || byte < 0x20 && !matches!(byte, b'\n' | b'\t');
            *seen |= mark(is_control, Hints::CONTROL)
                | mark(byte == 0xc2, Hints::LEAD)
                | mark(byte == 0xef, Hints::LEAD)
                | mark(byte == 0xee, Hints::PRIVATE)
                | mark(byte == 0xa0, Hints::DAGGER)
                | mark(byte == b'[', Hints::BRACKET)
                | mark(byte == b'{', Hints::BRACE)
                | mark(byte == b'=', Hints::EQUALS)
                | mark(byte == b'<', Hints::TAG)
                | mark(byte == b'\\', Hints::BACKSLASH);
        }
    });
    Hints(seen.iter().fold(0, |all, &seen| all | seen))
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use super::{BLOCK, Hints, each_block};
    use std::arch::x86_64::{
        __m256i, _mm256_and_si256, _mm256_extract_epi64, _mm256_or_si256, _mm256_set_epi64x,
        _mm256_set1_epi8, _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_srli_epi16,
    };

    /// Classes of a byte by its low and by its high nibble: it belongs to those in both tables. Each table is stored
    /// twice, because the two halves of a vector are looked up separately.
    type Tables = [[u8; BLOCK]; 2];

    const fn with(mut tables: Tables, byte: u8, bit: u8) -> Tables {
        let (low, high) = ((byte & 0xf) as usize, (byte >> 4) as usize);
        tables[0][low] |= bit;
        tables[0][low + 16] |= bit;
        tables[1][high] |= bit;
        tables[1][high + 16] |= bit;
        tables
    }

    /// One of the first eight hints as a bit in a table.
    const fn bit(Hints(bit): Hints) -> u8 {
        assert!(bit <= 0xff);
        bit as u8
    }

    /// All classes but those below.
    const FIRST: Tables = {
        let mut tables = [[0; BLOCK]; 2];
        let mut low = 0;
        while low < 0x10 {
            if low != b'\t' && low != b'\n' {
                tables = with(tables, low, bit(Hints::CONTROL));
            }
            low += 1;
        }
        tables = with(tables, 0xc2, bit(Hints::LEAD));
        tables = with(tables, 0xee, bit(Hints::PRIVATE));
        tables = with(tables, 0xa0, bit(Hints::DAGGER));
        tables = with(tables, b'[', bit(Hints::BRACKET));
        tables = with(tables, b'{', bit(Hints::BRACE));
        tables = with(tables, b'=', bit(Hints::EQUALS));
        with(tables, b'<', bit(Hints::TAG))
    };

    /// The bit of U+007F, which has no nibble in common with the other control characters.
    const DELETE: u8 = 1 << 7;

    /// The bit of the backslash, which doesn't fit into the first tables.
    const BACKSLASH: u8 = 1 << 6;

    /// Classes that would clash with others in the first tables.
    const SECOND: Tables = {
        let mut tables = [[0; BLOCK]; 2];
        let mut low = 0;
        while low < 0x10 {
            tables = with(tables, 0x10 | low, bit(Hints::CONTROL));
            low += 1;
        }
        with(with(with(tables, 0xef, bit(Hints::LEAD)), 0x7f, DELETE), b'\\', BACKSLASH)
    };

    /// [`Hints::of`], three times as fast as without AVX2.
    #[target_feature(enable = "avx2")]
    pub(crate) fn of(text: &[u8]) -> Hints {
        let (first, second) = ([vector(FIRST[0]), vector(FIRST[1])], [vector(SECOND[0]), vector(SECOND[1])]);
        let half = _mm256_set1_epi8(0xf);
        let mut seen = [_mm256_setzero_si256(); 2];
        each_block(text, |block| {
            let bytes = vector(block);
            let halves =
                [_mm256_and_si256(bytes, half), _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), half)];
            seen = [
                _mm256_or_si256(seen[0], said(first, halves)),
                _mm256_or_si256(seen[1], said(second, halves)),
            ];
        });
        let (first, second) = (joined(seen[0]), joined(seen[1]));
        let deletes = if second & DELETE == 0 { 0 } else { Hints::CONTROL.0 };
        let backslashes = if second & BACKSLASH == 0 { 0 } else { Hints::BACKSLASH.0 };
        Hints(u16::from(first | second & !(DELETE | BACKSLASH)) | deletes | backslashes)
    }

    /// The classes of each byte: those in both tables.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn said(tables: [__m256i; 2], halves: [__m256i; 2]) -> __m256i {
        _mm256_and_si256(_mm256_shuffle_epi8(tables[0], halves[0]), _mm256_shuffle_epi8(tables[1], halves[1]))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn vector(block: [u8; BLOCK]) -> __m256i {
        let [a, b, c, d] = block.as_chunks().0 else { return _mm256_setzero_si256() };
        let word = i64::from_le_bytes;
        _mm256_set_epi64x(word(*d), word(*c), word(*b), word(*a))
    }

    #[target_feature(enable = "avx2")]
    #[inline]
    fn joined(all: __m256i) -> u8 {
        let words = _mm256_extract_epi64::<0>(all)
            | _mm256_extract_epi64::<1>(all)
            | _mm256_extract_epi64::<2>(all)
            | _mm256_extract_epi64::<3>(all);
        words.to_le_bytes().into_iter().fold(0, |all, byte| all | byte)
    }
}

impl BitOr for Hints {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Hints, of};

    proptest::proptest! {
        #[test]
        fn no_position_is_overlooked(text in "[ a\n<\\[{=†\u{e200}\u{9b}\u{7f}]{0,80}") {
            let each = text.chars().map(|c| Hints::of(c.encode_utf8(&mut [0; 4])));
            proptest::prop_assert_eq!(Hints::of(&text), each.fold(Hints(0), |all, one| all | one));
            proptest::prop_assert_eq!(Hints::of(&text), of(text.as_bytes()));
        }
    }

    #[test]
    fn every_byte_is_seen_alike_with_and_without_wide_vectors() {
        for c in '\0'..='\u{ffff}' {
            let text = String::from(c);
            assert_eq!(Hints::of(&text), of(text.as_bytes()), "{c:?}");
        }
    }

    #[test]
    fn each_byte_is_seen_for_what_it_may_begin() {
        for (text, seen) in [
            ("plain text,\n\twith: 'marks' — and *more*", Hints(0)),
            ("\r", Hints::CONTROL),
            ("\u{7f}", Hints::CONTROL),
            ("\u{9b}", Hints::LEAD),
            ("\u{fdd0}", Hints::LEAD),
            ("\u{e201}", Hints::PRIVATE),
            ("†", Hints::DAGGER),
            ("[", Hints::BRACKET),
            ("{", Hints::BRACE),
            ("=", Hints::EQUALS),
            ("<", Hints::TAG),
            ("<{", Hints::TAG | Hints::BRACE),
            ("\\", Hints::BACKSLASH),
        ] {
            for padding in [0, 1, 15, 16, 31, 32, 33, 100] {
                let text = format!("{0}{text}{0}", "x".repeat(padding));
                assert_eq!(Hints::of(&text), seen, "{text:?}");
                assert_eq!(of(text.as_bytes()), seen, "{text:?}");
            }
        }
    }
}
