//! Inflates a deflate stream (RFC 1951), block by block.
//!
//! Tuned for text that is read once, forwards: symbols are looked up eleven bits at a time, up to three per
//! refill of the bit buffer, and copies move 16 bytes at a time. The output shares one buffer with the 32 KiB
//! before it, small enough for a processor's own cache. No unsafe code.

use super::huffman::{Distances, Lengths, Symbols};
use super::{Bits, ReadAt, WINDOW_BYTES};
use crate::bytes;
use crate::error::{Error, ErrorKind, Result};

/// Read size of compressed data.
const INPUT_BYTES: usize = 64 << 10;

/// Zeros after the input, so that refilling the bit buffer needs no bounds check.
const INPUT_SLACK: usize = 16;

/// Bytes inflated before they must be taken. Together with the window they fit into a processor's own cache.
const FRESH_BYTES: usize = 128 << 10;

/// Room after that for one symbol: the longest copy, and the overshoot of copying in steps.
const OUTPUT_SLACK: usize = 258 + 16 + 4;

/// Position at which the output is full.
const FULL: usize = WINDOW_BYTES + FRESH_BYTES;

/// Capacity of a buffer.
pub(in crate::archive) const BUFFER_BYTES: usize = FULL + OUTPUT_SLACK;

/// Holds a window and the output after it.
pub(super) type Buffer = Box<[u8; BUFFER_BYTES]>;

/// Position within the stream's structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StreamState {
    /// Before a block header.
    Boundary,
    /// In a stored block with this many bytes left.
    Stored(usize),
    /// In a compressed block.
    Coded,
    /// After the last block.
    End,
}

/// A stream and its latest output.
pub(super) struct Stream {
    input: Box<[u8; INPUT_BYTES + INPUT_SLACK]>,
    /// The first input byte with bits that `bits` doesn't finally hold.
    used: usize,
    /// End of the input.
    filled: usize,
    /// Offset of the end of the input in the compressed data.
    at: u64,
    /// True if the compressed data ends with the input.
    ends: bool,
    bits: u64,
    /// Number of valid bits in `bits`. Higher bits are zero, or already equal to those of the next input bytes.
    count: u32,
    /// The previous window, and the output since.
    output: Buffer,
    /// End of the output.
    end: usize,
    state: StreamState,
    /// True in the last block.
    is_last: bool,
    tables: Box<BlockTables>,
    watch: Option<Watch>,
}

/// Tracks which bytes before a position in the output are referred to after it.
struct Watch {
    /// The position; 0 once it is out of reach.
    place: usize,
    /// One flag per byte of the window before the position, nearest byte last.
    wanted: Box<[bool]>,
}

impl Watch {
    /// Records a copy of `length` bytes from `distance` before `end`.
    fn note(&mut self, end: usize, distance: usize, length: usize) {
        let from = end.wrapping_sub(distance);
        if from >= self.place {
            return;
        }
        let back = self.place.wrapping_sub(from);
        let first = self.wanted.len().saturating_sub(back);
        let last = first.saturating_add(length).min(self.wanted.len());
        self.wanted.get_mut(first..last).unwrap_or_default().fill(true);
    }
}

#[derive(Default)]
struct BlockTables {
    symbols: Symbols,
    distances: Distances,
    lengths: Lengths,
}

fn damaged() -> Error {
    Error::new(ErrorKind::Damaged, "the compressed data is damaged")
}

fn too_early() -> Error {
    Error::new(ErrorKind::Damaged, "the compressed data ends too early")
}

impl Stream {
    /// A stream starting at offset `at` of the compressed data, between two blocks. `bits` are the unused bits of
    /// the byte before it, and `window` is the preceding output.
    pub(super) fn new(at: u64, bits: Bits, window: &[u8]) -> Self {
        let mut output = zeros();
        let window = window.get(..WINDOW_BYTES).unwrap_or(window);
        bytes::copy(&mut *output, window);
        Self {
            input: zeros(),
            used: 0,
            filled: 0,
            at,
            ends: false,
            bits: u64::from(bits.value),
            count: u32::from(bits.count),
            output,
            end: window.len(),
            state: StreamState::Boundary,
            is_last: false,
            tables: Box::default(),
            watch: None,
        }
    }

    /// Starts tracking which bytes of the window are referred to.
    pub(super) fn watch(&mut self) {
        let wanted = vec![false; self.window().len()].into();
        self.watch = Some(Watch { place: self.end, wanted });
    }

    /// Which bytes of the window were referred to, if that was tracked.
    pub(super) fn wanted(&mut self) -> Option<Box<[bool]>> {
        self.watch.take().map(|watch| watch.wanted)
    }

    /// Position within the stream's structure.
    pub(super) fn state(&self) -> StreamState {
        self.state
    }

    /// End of the output.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// The output from `from` to its end.
    pub(super) fn output(&self, from: usize) -> &[u8] {
        self.output.get(from..self.end).unwrap_or_default()
    }

    /// The last 32 KiB of output, or less.
    pub(super) fn window(&self) -> &[u8] {
        self.output(self.end.saturating_sub(WINDOW_BYTES))
    }

    /// The offset in the compressed data of the first wholly unused byte, and the unused bits before it.
    pub(super) fn position(&self) -> (u64, Bits) {
        let ahead = (self.filled - self.used) as u64 + u64::from(self.count / 8);
        let count = self.count % 8;
        let bits = Bits { count: count as u8, value: (self.bits & ((1 << count) - 1)) as u8 };
        (self.at.saturating_sub(ahead), bits)
    }

    /// True if the output must be taken before there is room for more.
    pub(super) fn is_full(&self) -> bool {
        self.end >= FULL
    }

    /// Inflates to the end of a block or until the buffer is full, and returns where the new output begins. If
    /// the buffer was full, its output must have been taken. Output is good even if an error comes with it.
    ///
    /// # Errors
    /// `Damaged` if the data isn't a deflate stream or ends too early, `Environment` if it can't be read.
    pub(super) fn inflate(&mut self, read: ReadAt<'_>) -> (usize, Result<()>) {
        if self.is_full() {
            let shift = self.end - WINDOW_BYTES;
            self.output.copy_within(shift..self.end, 0);
            self.moved_down(shift);
        }
        (self.end, self.go_on(read))
    }

    /// Gives the output buffer away and continues in another.
    pub(super) fn swap(&mut self, mut other: Buffer) -> Buffer {
        let window = self.window();
        let shift = self.end - window.len();
        bytes::copy(&mut *other, window);
        self.moved_down(shift);
        std::mem::replace(&mut self.output, other)
    }

    /// Adjusts positions after the window moved `shift` bytes towards the start of the buffer.
    fn moved_down(&mut self, shift: usize) {
        self.end -= shift;
        if let Some(watch) = &mut self.watch {
            watch.place = watch.place.saturating_sub(shift);
        }
    }

    fn go_on(&mut self, read: ReadAt<'_>) -> Result<()> {
        if self.state == StreamState::Boundary {
            self.header(read)?;
        }
        match self.state {
            StreamState::Stored(left) => self.stored(left, read)?,
            StreamState::Coded => self.coded(read)?,
            StreamState::Boundary | StreamState::End => {}
        }
        Ok(())
    }

    fn end_block(&mut self) {
        self.state = if self.is_last { StreamState::End } else { StreamState::Boundary };
    }

    /// Reads more input after what is left of it. Reads nothing at the end of the data.
    fn read_more(&mut self, read: ReadAt<'_>) -> Result<()> {
        // Bytes already in `bits` may be wanted again.
        let kept = self.used.saturating_sub(8);
        self.input.copy_within(kept..self.filled, 0);
        self.filled -= kept;
        self.used -= kept;
        let room = self.input.get_mut(self.filled..INPUT_BYTES).unwrap_or_default();
        let fresh = read(self.at, room).map_err(|error| Error::io("cannot be read", error))?;
        self.filled += fresh.min(room.len());
        self.at += fresh as u64;
        self.ends = fresh == 0;
        self.input.get_mut(self.filled..).unwrap_or_default().fill(0);
        Ok(())
    }

    /// Ensures that at least `count` bits (at most 32) are available.
    fn need(&mut self, count: u32, read: ReadAt<'_>) -> Result<()> {
        while self.count < count {
            if self.used == self.filled {
                self.read_more(read)?;
            }
            let Some(&byte) = self.input.get(self.used).filter(|_| self.used < self.filled) else {
                return Err(too_early());
            };
            // Bits above the valid ones may be present already, with equal values.
            self.bits = self.bits & ((1 << self.count) - 1) | u64::from(byte) << self.count;
            self.used += 1;
            self.count += 8;
        }
        Ok(())
    }

    /// Consumes `count` bits, at most 16.
    fn take(&mut self, count: u32, read: ReadAt<'_>) -> Result<u32> {
        self.need(count, read)?;
        let value = self.bits & ((1 << count) - 1);
        self.drop_bits(count);
        Ok(value as u32)
    }

    fn drop_bits(&mut self, count: u32) {
        self.bits >>= count;
        self.count -= count;
    }

    fn header(&mut self, read: ReadAt<'_>) -> Result<()> {
        self.is_last = self.take(1, read)? == 1;
        match self.take(2, read)? {
            0 => {
                self.drop_bits(self.count % 8);
                let length = self.take(16, read)?;
                if self.take(16, read)? != length ^ 0xffff {
                    return Err(damaged());
                }
                self.state = StreamState::Stored(length as usize);
            }
            1 => {
                let lengths: [u8; 288] = std::array::from_fn(|symbol| match symbol {
                    0..144 | 280.. => 8,
                    144..256 => 9,
                    256..280 => 7,
                });
                let BlockTables { symbols, distances, .. } = &mut *self.tables;
                symbols.set(&lengths).and_then(|()| distances.set(&[5; 32])).ok_or_else(damaged)?;
                self.state = StreamState::Coded;
            }
            2 => {
                self.codes(read)?;
                self.state = StreamState::Coded;
            }
            _ => return Err(damaged()),
        }
        Ok(())
    }

    /// Reads the codes of a block.
    fn codes(&mut self, read: ReadAt<'_>) -> Result<()> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        let symbols = self.take(5, read)? as usize + 257;
        let distances = self.take(5, read)? as usize + 1;
        let count = self.take(4, read)? as usize + 4;
        if symbols > 286 || distances > 30 {
            return Err(damaged());
        }
        let mut lengths = [0; 19];
        for &place in ORDER.iter().take(count) {
            lengths[place] = self.take(3, read)? as u8;
        }
        self.tables.lengths.set(&lengths).ok_or_else(damaged)?;
        let mut lengths = [0_u8; 286 + 30];
        let (mut at, end) = (0, symbols + distances);
        while at < end {
            let symbol = self.length_symbol(read)?;
            let (length, times) = match symbol {
                0..16 => (symbol as u8, 1),
                16 => {
                    let before = at.checked_sub(1).and_then(|before| lengths.get(before));
                    (*before.ok_or_else(damaged)?, self.take(2, read)? + 3)
                }
                17 => (0, self.take(3, read)? + 3),
                _ => (0, self.take(7, read)? + 11),
            };
            let next = at + times as usize;
            let run = lengths.get_mut(at..next).filter(|_| next <= end).ok_or_else(damaged)?;
            run.fill(length);
            at = next;
        }
        let (symbols, rest) = lengths.split_at(symbols);
        let tables = &mut *self.tables;
        tables.symbols.set(symbols).ok_or_else(damaged)?;
        tables.distances.set(rest.get(..distances).unwrap_or_default()).ok_or_else(damaged)
    }

    /// Consumes a symbol of the code-length code.
    fn length_symbol(&mut self, read: ReadAt<'_>) -> Result<u32> {
        // All bits are a code, since it has no gaps, but it may be shorter than the bits left in the data.
        loop {
            let entry = self.tables.lengths.look_up(self.bits & ((1 << self.count) - 1));
            if entry.bits() <= self.count {
                self.drop_bits(entry.bits());
                return Ok(entry.value());
            }
            self.need(self.count + 1, read)?;
        }
    }

    fn stored(&mut self, left: usize, read: ReadAt<'_>) -> Result<()> {
        // Whole bytes in `bits` were read ahead.
        self.used -= (self.count / 8) as usize;
        (self.bits, self.count) = (0, 0);
        let mut left = left;
        while left > 0 && self.end < FULL {
            if self.used == self.filled {
                self.read_more(read)?;
                if self.ends {
                    self.state = StreamState::Stored(left);
                    return Err(too_early());
                }
            }
            let room = FULL - self.end;
            let length = left.min(room).min(self.filled - self.used);
            let from = self.input.get(self.used..self.used + length).unwrap_or_default();
            bytes::copy(self.output.get_mut(self.end..).unwrap_or_default(), from);
            self.used += length;
            self.end += length;
            left -= length;
        }
        self.state = StreamState::Stored(left);
        if left == 0 {
            self.end_block();
        }
        Ok(())
    }

    fn coded(&mut self, read: ReadAt<'_>) -> Result<()> {
        while self.end < FULL && self.state == StreamState::Coded {
            while !self.ends && self.filled - self.used < 2 * INPUT_SLACK {
                self.read_more(read)?;
            }
            if self.filled - self.used >= INPUT_SLACK {
                let watched = self.watch.is_some();
                let many_symbols =
                    if watched { Self::many_symbols::<true> } else { Self::many_symbols::<false> };
                many_symbols(self)?;
            } else {
                self.one_symbol()?;
            }
        }
        Ok(())
    }

    /// Decodes symbols while there is enough input and room for output.
    fn many_symbols<const WATCHED: bool>(&mut self) -> Result<()> {
        let Self { input, output, tables, watch, .. } = self;
        let BlockTables { symbols, distances, .. } = &**tables;
        // Each iteration refills twice, by at most 8 bytes.
        let last = self.filled.saturating_sub(INPUT_SLACK);
        // Only the lowest six bits of `count` matter.
        let (mut bits, mut count, mut used, mut end) = (self.bits, self.count, self.used, self.end);
        // Leaves at least 56 valid bits; the bits above them equal those that follow.
        let fill_up = |bits: &mut u64, count: &mut u32, used: &mut usize| {
            let next = input.get(*used..).and_then(<[u8]>::first_chunk::<8>).copied().unwrap_or_default();
            *bits |= u64::from_le_bytes(next).wrapping_shl(*count);
            *used = used.wrapping_add((!*count as usize & 63) >> 3);
            *count |= 0b11_1000;
        };
        fill_up(&mut bits, &mut count, &mut used);
        let mut entry = symbols.first(bits);
        let (mut block_ends, mut is_broken) = (false, false);
        while used <= last && end < FULL {
            // Three literals take at most 33 bits, two and a length at most 42.
            let mut before = bits;
            bits = bits.wrapping_shr(entry.taken());
            count = count.wrapping_sub(entry.taken());
            if entry.is_literal() {
                let Some(place) = output.get_mut(end..).and_then(<[u8]>::first_chunk_mut::<4>) else { break };
                place[0] = entry.value() as u8;
                end = end.wrapping_add(1);
                entry = symbols.first(bits);
                before = bits;
                bits = bits.wrapping_shr(entry.taken());
                count = count.wrapping_sub(entry.taken());
                if entry.is_literal() {
                    place[1] = entry.value() as u8;
                    end = end.wrapping_add(1);
                    entry = symbols.first(bits);
                    before = bits;
                    bits = bits.wrapping_shr(entry.taken());
                    count = count.wrapping_sub(entry.taken());
                    if entry.is_literal() {
                        place[2] = entry.value() as u8;
                        end = end.wrapping_add(1);
                        entry = symbols.first(bits);
                        fill_up(&mut bits, &mut count, &mut used);
                        continue;
                    }
                }
            }
            if entry.is_special() {
                let found = symbols.second(entry, before);
                bits = before.wrapping_shr(found.taken());
                count = count.wrapping_add(entry.taken()).wrapping_sub(found.taken());
                entry = found;
                if entry.is_special() {
                    block_ends = entry.is_end();
                    is_broken = !block_ends;
                    break;
                }
                if entry.is_literal() {
                    let Some(place) = output.get_mut(end) else { break };
                    *place = entry.value() as u8;
                    end = end.wrapping_add(1);
                    fill_up(&mut bits, &mut count, &mut used);
                    entry = symbols.first(bits);
                    continue;
                }
            }
            let length = entry.number(before);
            entry = distances.first(bits);
            fill_up(&mut bits, &mut count, &mut used);
            entry = distances.second(entry, bits);
            if entry.is_special() {
                is_broken = true;
                break;
            }
            let distance = entry.number(bits);
            bits = bits.wrapping_shr(entry.taken());
            count = count.wrapping_sub(entry.taken());
            // Looked up before the copy, to overlap their latencies.
            entry = symbols.first(bits);
            fill_up(&mut bits, &mut count, &mut used);
            if WATCHED && let Some(watch) = watch {
                watch.note(end, distance, length);
            }
            if copy(output, end, distance, length).is_none() {
                is_broken = true;
                break;
            }
            end = end.wrapping_add(length);
        }
        (self.bits, self.count, self.used, self.end) = (bits, count & 63, used, end);
        if block_ends {
            self.end_block();
        }
        if is_broken { Err(damaged()) } else { Ok(()) }
    }

    /// Decodes one symbol near the end of the data, without looking past it.
    fn one_symbol(&mut self) -> Result<()> {
        // More bits than any symbol has (15 + 5 + 15 + 13), unless the data ends.
        while self.count <= 48
            && let Some(&byte) = self.input.get(self.used).filter(|_| self.used < self.filled)
        {
            self.bits = self.bits & ((1 << self.count) - 1) | u64::from(byte) << self.count;
            self.used += 1;
            self.count += 8;
        }
        let bits = self.bits & ((1 << self.count) - 1);
        let entry = self.tables.symbols.look_up(bits);
        if entry.is_invalid() {
            // Whatever followed the data would not make it valid.
            return Err(damaged());
        }
        let taken = entry.bits();
        if taken > self.count {
            return Err(too_early());
        }
        if entry.is_end() {
            self.drop_bits(taken);
            self.end_block();
            return Ok(());
        }
        if entry.is_literal() {
            self.drop_bits(taken);
            let place = self.output.get_mut(self.end).ok_or_else(damaged)?;
            *place = entry.value() as u8;
            self.end += 1;
            return Ok(());
        }
        let length = entry.number(bits);
        let bits = bits >> taken;
        let entry = self.tables.distances.look_up(bits);
        let taken = taken + entry.bits();
        if taken > self.count {
            return Err(too_early());
        }
        if entry.is_special() {
            return Err(damaged());
        }
        let distance = entry.number(bits);
        self.drop_bits(taken);
        if let Some(watch) = &mut self.watch {
            watch.note(self.end, distance, length);
        }
        copy(&mut self.output, self.end, distance, length).ok_or_else(damaged)?;
        self.end += length;
        Ok(())
    }
}

/// Allocates an array without building it on the stack.
#[allow(clippy::unnecessary_box_returns, reason = "it is too large to be returned otherwise")]
pub(super) fn zeros<const N: usize>() -> Box<[u8; N]> {
    vec![0; N].into_boxed_slice().try_into().unwrap_or_else(|_| Box::new([0; N]))
}

/// Repeats `length` bytes from `distance` before `end` at `end`, overwriting up to 16 bytes after them. `None` if
/// they would begin before the buffer.
#[inline]
fn copy(output: &mut [u8; BUFFER_BYTES], end: usize, distance: usize, length: usize) -> Option<()> {
    let mut from = end.checked_sub(distance)?;
    let (mut to, stop) = (end, end.wrapping_add(length));
    if distance >= 16 {
        loop {
            let chunk = *output.get(from..)?.first_chunk::<16>()?;
            *output.get_mut(to..)?.first_chunk_mut::<16>()? = chunk;
            to = to.wrapping_add(16);
            if to >= stop {
                return Some(());
            }
            from = from.wrapping_add(16);
        }
    }
    if distance == 1 {
        let byte = *output.get(from)?;
        output.get_mut(to..stop)?.fill(byte);
        return Some(());
    }
    while to < stop {
        let byte = *output.get(from)?;
        *output.get_mut(to)? = byte;
        from = from.wrapping_add(1);
        to = to.wrapping_add(1);
    }
    Some(())
}
