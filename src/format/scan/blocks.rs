//! Finds brackets outside strings, 64 bytes at a time: the inner loop of the scanner, for several processors.
//!
//! A block becomes 64-bit masks (quotes, backslashes, opening and closing brackets …; bit n is byte n). The rest
//! is arithmetic on masks and identical everywhere, so results can't differ between processors. Together with its
//! submodules, the only unsafe code in the scanner.

#![allow(
    clippy::inline_always,
    reason = "the loop must become part of the functions that enable instructions"
)]

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

/// The instruction set used to classify bytes. Only levels that this processor supports can be constructed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(LevelKind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LevelKind {
    /// 64 bytes at a time; detected at run time.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// 32 bytes at a time; detected at run time.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// 16 bytes at a time; every x86-64 processor has it.
    #[cfg(target_arch = "x86_64")]
    Sse2,
    /// 16 bytes at a time; every aarch64 processor has it.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Plain Rust, 8 bytes at a time.
    Portable,
}

impl Level {
    /// Plain Rust, for any processor.
    pub const PORTABLE: Self = Self(LevelKind::Portable);

    /// The fastest level that this processor supports.
    pub fn best() -> Self {
        #[cfg(target_arch = "x86_64")]
        return Self(match () {
            () if x86::has_avx512() => LevelKind::Avx512,
            () if x86::has_avx2() => LevelKind::Avx2,
            () => LevelKind::Sse2,
        });
        #[cfg(target_arch = "aarch64")]
        return Self(LevelKind::Neon);
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        Self::PORTABLE
    }

    /// Its name in the manuals of processors.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            LevelKind::Avx512 => "AVX-512",
            #[cfg(target_arch = "x86_64")]
            LevelKind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            LevelKind::Sse2 => "SSE2",
            #[cfg(target_arch = "aarch64")]
            LevelKind::Neon => "NEON",
            LevelKind::Portable => "portable code",
        }
    }

    /// All levels that this processor supports, fastest first.
    pub fn available() -> Vec<Self> {
        let mut levels = vec![Self::best()];
        #[cfg(target_arch = "x86_64")]
        levels.extend(x86::has_avx2().then_some(Self(LevelKind::Avx2)));
        #[cfg(target_arch = "x86_64")]
        levels.push(Self(LevelKind::Sse2));
        levels.push(Self::PORTABLE);
        levels.dedup();
        levels
    }

    /// Computes the marks of the next blocks of `bytes` from `at` on. Returns the number of blocks, 0 at the end.
    pub(in crate::format) fn marks(
        self,
        bytes: &[u8],
        at: usize,
        state: &mut BlockState,
        marks: &mut [Marks; BATCH],
    ) -> usize {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only constructed on processors with AVX-512 and the other required features.
            LevelKind::Avx512 => unsafe { x86::marks_avx512(bytes, at, state, marks) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only constructed on processors with AVX2 and the other required features.
            LevelKind::Avx2 => unsafe { x86::marks_avx2(bytes, at, state, marks) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of every x86-64 processor.
            LevelKind::Sse2 => unsafe { x86::marks_sse2(bytes, at, state, marks) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: NEON is part of every aarch64 processor that Rust's standard library supports.
            LevelKind::Neon => unsafe { neon::marks_neon(bytes, at, state, marks) },
            LevelKind::Portable => batch(portable::masks, parities, bytes, at, state, marks),
        }
    }

    /// Scans `bytes` from `at` on and returns the first block of interest; `None` at the end of the bytes.
    ///
    /// A block is of interest if it contains brackets and the depth may fall to `floor` or below in it. Brackets
    /// of earlier blocks are counted in `state.depth`, those of the returned block are not. Pass `u64::MAX` to
    /// stop at every block with brackets.
    pub(in crate::format) fn run(
        self,
        bytes: &[u8],
        at: usize,
        floor: u64,
        state: &mut BlockState,
    ) -> Option<Block> {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only constructed on processors with AVX-512 and the other required features.
            LevelKind::Avx512 => unsafe { x86::run_avx512(bytes, at, floor, state) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: this level is only constructed on processors with AVX2 and the other required features.
            LevelKind::Avx2 => unsafe { x86::run_avx2(bytes, at, floor, state) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: SSE2 is part of every x86-64 processor.
            LevelKind::Sse2 => unsafe { x86::run_sse2(bytes, at, floor, state) },
            #[cfg(target_arch = "aarch64")]
            // SAFETY: NEON is part of every aarch64 processor that Rust's standard library supports.
            LevelKind::Neon => unsafe { neon::run_neon(bytes, at, floor, state) },
            LevelKind::Portable => run(portable::masks, parities, bytes, at, floor, state),
        }
    }
}

/// State carried between blocks and buffers.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::format) struct BlockState {
    /// Number of open brackets.
    pub(in crate::format) depth: u64,
    /// All ones if the next byte is inside a string, else 0.
    inside: u64,
    /// 1 if the next byte is escaped by a backslash, else 0.
    escaped: u64,
}

impl BlockState {
    /// Outside a string, with `depth` open brackets.
    pub(in crate::format) fn outside(depth: u64) -> Self {
        Self { depth, inside: 0, escaped: 0 }
    }

    /// True if the next byte is inside a string.
    pub(in crate::format) fn in_string(self) -> bool {
        self.inside != 0
    }
}

/// A block in which something may happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::format) struct Block {
    /// Its start.
    pub(in crate::format) at: usize,
    /// The start of the next block.
    pub(in crate::format) end: usize,
    /// Opening brackets outside strings.
    pub(in crate::format) open: u64,
    /// Closing brackets outside strings.
    pub(in crate::format) close: u64,
}

/// Bytes per block.
pub(in crate::format) const WIDTH: usize = 64;

/// Blocks per batch.
pub(in crate::format) const BATCH: usize = 8;

/// What a JSON parser needs to know about a block.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::format) struct Marks {
    /// Quotes that begin or end a string.
    pub(in crate::format) quotes: u64,
    /// Brackets outside strings.
    pub(in crate::format) brackets: u64,
    /// Bytes in strings that need attention: backslashes, and control characters, which are not allowed.
    pub(in crate::format) odd: u64,
    /// Everything but blanks and control characters.
    pub(in crate::format) ink: u64,
}

/// Positions of the interesting bytes in a block.
#[derive(Clone, Copy)]
struct Masks {
    quote: u64,
    backslash: u64,
    open: u64,
    close: u64,
    /// Control characters.
    control: u64,
    space: u64,
}

#[inline(always)]
fn run(
    masks: impl Fn(&[u8; WIDTH]) -> Masks,
    parities: impl Fn(u64) -> u64 + Copy,
    bytes: &[u8],
    mut at: usize,
    floor: u64,
    state: &mut BlockState,
) -> Option<Block> {
    // A local copy stays in registers; the reference would be stored for every block.
    let mut carried = *state;
    let mut found = None;
    let rest = bytes.get(at..).unwrap_or_default();
    let (blocks, tail) = rest.as_chunks::<WIDTH>();
    for block in blocks {
        let masks = masks(block);
        let (_, inside) = strings(&masks, parities, WIDTH, &mut carried);
        let (open, close) = (masks.open & !inside, masks.close & !inside);
        if happens(open, close, floor, &mut carried.depth) {
            found = Some(Block { at, end: at + WIDTH, open, close });
            break;
        }
        at += WIDTH;
    }
    if found.is_none() && !tail.is_empty() {
        let masks = masks(&padded(tail));
        let (_, inside) = strings(&masks, parities, tail.len(), &mut carried);
        let (open, close) = (masks.open & !inside, masks.close & !inside);
        if happens(open, close, floor, &mut carried.depth) {
            found = Some(Block { at, end: at + tail.len(), open, close });
        }
    }
    *state = carried;
    found
}

#[inline(always)]
fn batch(
    classify: impl Fn(&[u8; WIDTH]) -> Masks,
    parities: impl Fn(u64) -> u64 + Copy,
    bytes: &[u8],
    at: usize,
    state: &mut BlockState,
    marks: &mut [Marks; BATCH],
) -> usize {
    let mut carried = *state;
    let mut mark = |masks: Masks, len| {
        let (quotes, inside) = strings(&masks, parities, len, &mut carried);
        Marks {
            quotes,
            brackets: (masks.open | masks.close) & !inside,
            odd: (masks.backslash | masks.control) & inside,
            ink: !(masks.control | masks.space),
        }
    };
    let (blocks, tail) = bytes.get(at..).unwrap_or_default().as_chunks::<WIDTH>();
    for (place, block) in marks.iter_mut().zip(blocks) {
        *place = mark(classify(block), WIDTH);
    }
    let mut found = blocks.len().min(BATCH);
    if found < BATCH
        && !tail.is_empty()
        && let Some(place) = marks.get_mut(found)
    {
        *place = mark(classify(&padded(tail)), tail.len());
        found += 1;
    }
    *state = carried;
    found
}

/// The last bytes, padded to a block.
#[inline(always)]
fn padded(tail: &[u8]) -> [u8; WIDTH] {
    let mut block = [b' '; WIDTH];
    for (to, from) in block.iter_mut().zip(tail) {
        *to = *from;
    }
    block
}

/// Returns true to stop at a block with these brackets; otherwise counts them.
#[inline(always)]
fn happens(open: u64, close: u64, floor: u64, depth: &mut u64) -> bool {
    let closes = u64::from(close.count_ones());
    if depth.saturating_sub(closes) <= floor && open | close != 0 {
        return true;
    }
    *depth = depth.wrapping_add(u64::from(open.count_ones())).wrapping_sub(closes);
    false
}

/// The quotes around strings and the bytes inside strings, for a block with `len` real bytes followed by blanks.
/// An opening quote counts as inside, a closing one doesn't.
#[inline(always)]
fn strings(
    masks: &Masks,
    parities: impl Fn(u64) -> u64 + Copy,
    len: usize,
    state: &mut BlockState,
) -> (u64, u64) {
    let quotes = masks.quote & !escaped(masks.backslash, len, &mut state.escaped);
    // Bit n of the prefix sum (modulo 2) of the quotes is set if byte n is inside a string.
    let inside = parities(quotes) ^ state.inside;
    state.inside = 0_u64.wrapping_sub(inside >> 63);
    (quotes, inside)
}

/// The bytes escaped by a backslash.
///
/// In a run of backslashes every second one is escaped, counting from the first. Subtracting the candidates from
/// the odd bits makes the borrow ripple through each run and leave its parity.
#[inline(always)]
fn escaped(backslash: u64, len: usize, carry: &mut u64) -> u64 {
    const ODD: u64 = 0xAAAA_AAAA_AAAA_AAAA;
    if backslash == 0 {
        let escaped = *carry;
        *carry = 0;
        return escaped;
    }
    let candidates = backslash & !*carry;
    let after = candidates << 1;
    let parity = (after | ODD).wrapping_sub(candidates) ^ ODD;
    let escaped = parity ^ (backslash | *carry);
    *carry = if len < WIDTH { escaped >> len & 1 } else { (parity & backslash) >> 63 };
    escaped
}

/// Bit n of the result is the parity of bits 0 to n.
#[inline(always)]
fn parities(mut bits: u64) -> u64 {
    bits ^= bits << 1;
    bits ^= bits << 2;
    bits ^= bits << 4;
    bits ^= bits << 8;
    bits ^= bits << 16;
    bits ^ bits << 32
}

/// Positions of backslashes: bit n is byte n.
#[inline]
pub(in crate::format) fn backslashes(bytes: &[u8; 16]) -> u16 {
    #[cfg(target_arch = "x86_64")]
    return x86::backslashes(bytes);
    #[cfg(not(target_arch = "x86_64"))]
    portable::backslashes(bytes)
}

/// Clears the difference between `[` and `{`, and between `]` and `}`.
const CASE: u8 = b'{' ^ b'[';

mod portable {
    use super::{CASE, Masks, WIDTH};

    const LOW: u64 = 0x0101_0101_0101_0101;
    const SEVEN: u64 = 0x7F7F_7F7F_7F7F_7F7F;

    pub(super) fn masks(block: &[u8; WIDTH]) -> Masks {
        let mut masks = Masks { quote: 0, backslash: 0, open: 0, close: 0, control: 0, space: 0 };
        let (words, _) = block.as_chunks::<8>();
        for (shift, word) in (0..64).step_by(8).zip(words) {
            let word = u64::from_le_bytes(*word);
            let folded = word | (u64::from(CASE) * LOW);
            masks.quote |= equal(word, b'"') << shift;
            masks.backslash |= equal(word, b'\\') << shift;
            masks.open |= equal(folded, b'{') << shift;
            masks.close |= equal(folded, b'}') << shift;
            masks.control |= equal(word & (0xE0 * LOW), 0) << shift;
            masks.space |= equal(word, b' ') << shift;
        }
        masks
    }

    #[cfg(any(test, not(target_arch = "x86_64")))]
    pub(super) fn backslashes(bytes: &[u8; 16]) -> u16 {
        let (words, _) = bytes.as_chunks::<8>();
        let masks = words.iter().map(|word| equal(u64::from_le_bytes(*word), b'\\') as u16);
        masks.rev().fold(0, |masks, mask| masks << 8 | mask)
    }

    /// Sets bit n if byte n of `word` equals `byte`; at most eight bits.
    #[inline(always)]
    fn equal(word: u64, byte: u8) -> u64 {
        let differences = word ^ (u64::from(byte) * LOW);
        // The top bit of each zero byte; carries never leave their byte.
        let zeros = !(((differences & SEVEN) + SEVEN) | differences | SEVEN);
        // Gathers bits 7, 15 … 63 into the top byte.
        (zeros >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Everything `run` finds with a floor that stops it everywhere.
    fn all(level: Level, bytes: &[u8], feed: usize) -> Vec<(usize, bool)> {
        let (mut state, mut found, mut base) = (BlockState::outside(0), Vec::new(), 0);
        for bytes in bytes.chunks(feed) {
            let mut at = 0;
            while let Some(block) = level.run(bytes, at, u64::MAX, &mut state) {
                for bit in 0..64 {
                    if (block.open | block.close) >> bit & 1 == 1 {
                        found.push((base + block.at + bit, block.open >> bit & 1 == 1));
                    }
                }
                at = block.end;
            }
            base += bytes.len();
        }
        found
    }

    /// The same, byte by byte. A backslash only affects whether the next byte is a quote or a backslash: a
    /// bracket after a backslash outside a string (in damaged text only) is still a bracket.
    fn naive(bytes: &[u8]) -> Vec<(usize, bool)> {
        let (mut inside, mut escaped, mut found) = (false, false, Vec::new());
        for (at, &byte) in bytes.iter().enumerate() {
            match byte {
                b'{' | b'[' if !inside => found.push((at, true)),
                b'}' | b']' if !inside => found.push((at, false)),
                b'"' if !escaped => inside = !inside,
                _ => {}
            }
            escaped = byte == b'\\' && !escaped;
        }
        found
    }

    proptest! {
        #[test]
        fn backslashes_are_found(bytes in prop::array::uniform16(prop::sample::select(b"\\[]\xdc\0".to_vec()))) {
            let expected = bytes.iter().rev().fold(0, |mask, &byte| mask << 1 | u16::from(byte == b'\\'));
            prop_assert_eq!(backslashes(&bytes), expected);
            prop_assert_eq!(portable::backslashes(&bytes), expected);
        }

        #[test]
        fn every_level_finds_the_brackets_that_a_byte_loop_finds(
            bytes in prop::collection::vec(prop::sample::select(b"\"\"\\\\\\{}[]a,: \x00\xff".to_vec()), 0..400),
        ) {
            let expected = naive(&bytes);
            for level in Level::available() {
                for feed in [1, 7, 63, 64, 65, 4097] {
                    prop_assert_eq!(&all(level, &bytes, feed), &expected, "{:?} fed by {}", level, feed);
                }
            }
        }

        #[test]
        fn skipping_stops_before_the_depth_reaches_the_floor(
            bytes in prop::collection::vec(prop::sample::select(b"{{{{}}}aaaaaaaaaaaaaaaaaaaaaaaaa".to_vec()), 0..2000),
        ) {
            let first = naive(&bytes).into_iter().scan(1000_i64, |depth, (at, open)| {
                *depth += if open { 1 } else { -1 };
                Some((at, *depth))
            }).find(|&(_, depth)| depth <= 990);
            for level in Level::available() {
                let (mut state, mut at, mut reached) = (BlockState::outside(1000), 0, None);
                'all: while let Some(block) = level.run(&bytes, at, 990, &mut state) {
                    for bit in 0..64 {
                        state.depth += block.open >> bit & 1;
                        state.depth -= block.close >> bit & 1;
                        if state.depth <= 990 {
                            reached = Some((block.at + bit, state.depth.cast_signed()));
                            break 'all;
                        }
                    }
                    at = block.end;
                }
                prop_assert_eq!(reached, first, "{:?}", level);
            }
        }
    }
}
