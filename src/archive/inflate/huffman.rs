//! Tables that decode nearly every symbol of a deflate block with one lookup.
//!
//! A table is indexed by the next bits of the stream, lowest first. Codes longer than the index lead to a second
//! table, stored after the first. Each entry carries the meaning of its symbol, so a decoder needs no other table
//! (RFC 1951, section 3.2).

/// The longest deflate code, in bits.
const LONGEST: usize = 15;

/// The meaning of a few bits.
///
/// The lowest six bits give the total number of bits to consume, so an entry can serve directly as a shift count
/// and as the amount subtracted from a bit count whose lowest six bits matter. Then come two flags, the code
/// length, two more flags, and in the upper half a value: the byte, the base length or distance, or a code
/// length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CodeEntry(u32);

impl CodeEntry {
    const END: u32 = 1 << 6;
    const INVALID: u32 = 1 << 7;
    const LITERAL: u32 = 1 << 14;
    /// Neither a literal nor a length or distance. Without another flag, decoding continues in the second table.
    const SPECIAL: u32 = 1 << 15;

    /// Bits that are not a symbol.
    const NOTHING: Self = Self(Self::SPECIAL | Self::INVALID);

    /// Bits to consume, in the lowest six bits.
    #[inline]
    pub(super) fn taken(self) -> u32 {
        self.0
    }

    /// Bits to consume.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        self.0 & 63
    }

    /// The byte or the code length.
    #[inline]
    pub(super) fn value(self) -> u32 {
        self.0 >> 16
    }

    /// The length or distance, where `bits` begins with the symbol.
    #[inline]
    pub(super) fn number(self, bits: u64) -> usize {
        let own = bits & !u64::MAX.wrapping_shl(self.0);
        (self.0 >> 16) as usize + own.wrapping_shr(self.0 >> 8) as usize
    }

    /// True for a literal byte.
    #[inline]
    pub(super) fn is_literal(self) -> bool {
        self.0 & Self::LITERAL != 0
    }

    /// True for everything but literals, lengths and distances.
    #[inline]
    pub(super) fn is_special(self) -> bool {
        self.0 & Self::SPECIAL != 0
    }

    /// True for the end-of-block symbol.
    #[inline]
    pub(super) fn is_end(self) -> bool {
        self.0 & Self::END != 0
    }

    /// True for bits that are not a code.
    #[inline]
    pub(super) fn is_invalid(self) -> bool {
        self.0 & Self::INVALID != 0
    }

    /// This entry for a code of the given length.
    fn coded(self, length: usize) -> Self {
        let length = length as u32;
        if self.is_invalid() { self } else { Self((self.0 + length) | length << 8) }
    }

    fn new(value: u16, extra: u8, flags: u32) -> Self {
        Self(u32::from(value) << 16 | flags | u32::from(extra))
    }

    /// Leads to a second table of `1 << width` entries that begins at `start`.
    fn link(start: u16, width: usize) -> Self {
        Self(u32::from(start) << 16 | Self::SPECIAL | (width as u32) << 8)
    }
}

/// A table of `SIZE` entries, first looked up by `MAIN` bits.
#[derive(Clone, Debug)]
pub(super) struct CodeTable<const MAIN: usize, const SIZE: usize>([CodeEntry; SIZE]);

/// For literals and lengths. Large enough for any 286 symbols.
pub(super) type Symbols = CodeTable<11, 2400>;
/// For distances. Large enough for any 30 symbols.
pub(super) type Distances = CodeTable<8, 512>;
/// For the code lengths themselves.
pub(super) type Lengths = CodeTable<7, 128>;

/// Whether a code may leave bit patterns unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gaps {
    Never,
    /// If it has one symbol of one bit, or none.
    IfSingle,
}

impl<const MAIN: usize, const SIZE: usize> Default for CodeTable<MAIN, SIZE> {
    fn default() -> Self {
        Self([CodeEntry::NOTHING; SIZE])
    }
}

impl<const MAIN: usize, const SIZE: usize> CodeTable<MAIN, SIZE> {
    /// The meaning of the next bits, unless their code is long: see [`second`](Self::second).
    #[inline]
    pub(super) fn first(&self, bits: u64) -> CodeEntry {
        const { assert!(SIZE >= 1 << MAIN) };
        self.0[(bits & ((1 << MAIN) - 1)) as usize]
    }

    /// The meaning of `bits`, given their entry in the first table.
    #[inline]
    pub(super) fn second(&self, first: CodeEntry, bits: u64) -> CodeEntry {
        if first.0 & (CodeEntry::SPECIAL | CodeEntry::END | CodeEntry::INVALID) != CodeEntry::SPECIAL {
            return first;
        }
        let rest = bits >> MAIN & !u64::MAX.wrapping_shl(first.0 >> 8 & 15);
        self.0.get(first.value() as usize + rest as usize).copied().unwrap_or(CodeEntry::NOTHING)
    }

    /// The meaning of `bits`.
    pub(super) fn look_up(&self, bits: u64) -> CodeEntry {
        self.second(self.first(bits), bits)
    }

    /// Fills the table for symbols with these code lengths. `None` if they don't form a code.
    fn fill(&mut self, lengths: &[u8], gaps: Gaps, entry: impl Fn(usize) -> CodeEntry) -> Option<()> {
        self.0.fill(CodeEntry::NOTHING);
        let mut counts = [0_usize; LONGEST + 1];
        for &length in lengths {
            *counts.get_mut(usize::from(length))? += 1;
        }
        counts[0] = 0;
        let longest = (1..=LONGEST).rev().find(|&length| counts[length] > 0).unwrap_or(0);
        let mut left = 1_usize;
        for count in &counts[1..] {
            left = (left * 2).checked_sub(*count)?;
        }
        if left > 0 && (gaps == Gaps::Never || longest > 1) {
            return None;
        }
        // All symbols, shortest code first.
        let mut starts = [0_usize; LONGEST + 2];
        for length in 1..=LONGEST {
            starts[length + 1] = starts[length] + counts[length];
        }
        let mut sorted = [0_u16; 320];
        for (symbol, &length) in lengths.iter().enumerate().filter(|(_, length)| **length > 0) {
            let start = starts.get_mut(usize::from(length))?;
            *sorted.get_mut(*start)? = symbol as u16;
            *start += 1;
        }
        let (mut code, mut free) = (0_usize, 1 << MAIN);
        let mut second = None;
        for &symbol in sorted.get(..lengths.iter().filter(|length| **length > 0).count())? {
            let length = usize::from(*lengths.get(usize::from(symbol))?);
            let entry = entry(usize::from(symbol));
            if length <= MAIN {
                let slots =
                    self.0.iter_mut().take(1 << MAIN).skip(reversed(code, length)).step_by(1 << length);
                slots.for_each(|slot| *slot = entry.coded(length));
            } else {
                let prefix = reversed(code, length) & ((1 << MAIN) - 1);
                let (_, start, width) = match second {
                    Some(known @ (known_prefix, _, _)) if known_prefix == prefix => known,
                    _ => {
                        let width = width(&counts, length, longest, MAIN);
                        *self.0.get_mut(prefix)? = CodeEntry::link(u16::try_from(free).ok()?, width);
                        let opened = (prefix, free, width);
                        free += 1 << width;
                        *second.insert(opened)
                    }
                };
                let place = reversed(code, length) >> MAIN;
                let table = self.0.get_mut(start..start + (1 << width))?;
                let slots = table.iter_mut().skip(place).step_by(1 << (length - MAIN));
                slots.for_each(|slot| *slot = entry.coded(length));
            }
            counts[length] -= 1;
            code = next(code, length, &counts, longest);
        }
        Some(())
    }
}

/// The next code in order, at the length of the next symbol.
fn next(code: usize, length: usize, counts: &[usize; LONGEST + 1], longest: usize) -> usize {
    let following = (length..=longest).find(|&length| counts[length] > 0).unwrap_or(length);
    (code + 1) << (following - length)
}

/// The width of a second table that begins with a code of `length`: just large enough for the codes that share
/// its first bits.
fn width(counts: &[usize; LONGEST + 1], length: usize, longest: usize, main: usize) -> usize {
    let mut width = length - main;
    let mut left = 1_usize << width;
    while width + main < longest {
        left = left.saturating_sub(counts[width + main]);
        if left == 0 {
            break;
        }
        width += 1;
        left <<= 1;
    }
    width
}

/// The lowest `length` bits of `code`, reversed: the stream stores codes highest bit first.
fn reversed(code: usize, length: usize) -> usize {
    (code as u32).reverse_bits().checked_shr(32 - length as u32).unwrap_or(0) as usize
}

impl Symbols {
    /// Sets the table for these code lengths. `None` if they don't form a code, or one without an end-of-block
    /// symbol.
    pub(super) fn set(&mut self, lengths: &[u8]) -> Option<()> {
        const BASES: [u16; 29] = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131,
            163, 195, 227, 258,
        ];
        const EXTRA: [u8; 29] =
            [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
        lengths.get(256).filter(|&&length| length > 0)?;
        self.fill(lengths, Gaps::IfSingle, |symbol| match symbol {
            0..256 => CodeEntry::new(symbol as u16, 0, CodeEntry::LITERAL),
            256 => CodeEntry::new(0, 0, CodeEntry::SPECIAL | CodeEntry::END),
            _ => match (BASES.get(symbol - 257), EXTRA.get(symbol - 257)) {
                (Some(&base), Some(&extra)) => CodeEntry::new(base, extra, 0),
                _ => CodeEntry::NOTHING,
            },
        })
    }
}

impl Distances {
    /// Sets the table for these code lengths. `None` if they don't form a code.
    pub(super) fn set(&mut self, lengths: &[u8]) -> Option<()> {
        const BASES: [u16; 30] = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049,
            3073, 4097, 6145, 8193, 12289, 16385, 24577,
        ];
        self.fill(lengths, Gaps::IfSingle, |symbol| match BASES.get(symbol) {
            Some(&base) => CodeEntry::new(base, (symbol / 2).saturating_sub(1) as u8, 0),
            None => CodeEntry::NOTHING,
        })
    }
}

impl Lengths {
    /// Sets the table for these code lengths. `None` if they don't form a code.
    pub(super) fn set(&mut self, lengths: &[u8]) -> Option<()> {
        self.fill(lengths, Gaps::Never, |symbol| CodeEntry::new(symbol as u16, 0, 0))
    }
}
