//! Resumable inflate and its checkpoints.
//!
//! A *checkpoint* is everything needed to start inflating in the middle of a deflate stream: a position between
//! two blocks, and those parts of the preceding 32 KiB of output that later data refers to. Knows nothing of
//! archives; input comes from a closure.
//!
//! This is our own implementation because a third of the first reading of an export is spent here. It is 2 to 7 %
//! faster than zlib-rs on Zen 5 and more on Zen 4, needs no unsafe code, lends its output instead of copying it,
//! and can save its state. Tests compare it with zlib-rs on whole and on damaged streams.

mod huffman;
mod stream;
#[cfg(test)]
mod tests;

use crate::bytes::copy;
use crate::error::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use std::io;
use std::ops::{Deref, Range};
pub(super) use stream::BUFFER_BYTES;
use stream::{Buffer, Stream, StreamState, zeros};

/// How far back a deflate stream can refer, in bytes.
const WINDOW_BYTES: usize = 32 * 1024;

/// A position in a deflate stream where inflating can start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoint {
    /// Offset in the inflated data, in bytes.
    pub out: u64,
    /// Offset in the compressed data of the first wholly unused byte.
    pub input: u64,
    /// How many bits of the byte before `input` are unused: 0 to 7.
    bits: u8,
    /// Those bits.
    value: u8,
    /// Length of the window once decompressed, in bytes; at most 32 KiB.
    window_bytes: u16,
    /// The inflated bytes before `out`, as one LZ4 block. Bytes that nothing refers to are zeroed where that is
    /// known: text then shrinks to a sixth, otherwise to a third.
    #[serde(with = "blob")]
    window: Box<[u8]>,
}

impl Checkpoint {
    /// Its memory in bytes.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        size_of::<Self>().saturating_add(self.window.len())
    }

    fn decompressed_window(&self) -> Result<Vec<u8>> {
        let mut window = vec![0; usize::from(self.window_bytes).min(WINDOW_BYTES)];
        match lz4_flex::block::decompress_into(&self.window, &mut window) {
            Ok(bytes) if bytes == window.len() => Ok(window),
            _ => Err(Error::new(ErrorKind::Damaged, "a checkpoint is damaged")),
        }
    }
}

/// The checkpoints of one deflate stream, ascending. The start of the stream is an implicit checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checkpoints {
    points: Vec<Checkpoint>,
}

impl Checkpoints {
    /// Their memory in bytes.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> usize {
        self.points.iter().map(Checkpoint::weight).sum()
    }

    /// Number of checkpoints.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// Appends a checkpoint.
    pub(super) fn push(&mut self, point: Checkpoint) {
        self.points.push(point);
    }

    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.points.last()
    }

    /// The nearest checkpoint at or before offset `out` of the inflated data (`None` is the start of the stream),
    /// and the offset of the next one. Logarithmic.
    pub(super) fn around(&self, out: u64) -> (Option<&Checkpoint>, Option<u64>) {
        let after = self.points.partition_point(|point| point.out <= out);
        let before = after.checked_sub(1).and_then(|at| self.points.get(at));
        (before, self.points.get(after).map(|point| point.out))
    }

    /// True if these can be the checkpoints of a stream with `input` compressed and `out` inflated bytes. Data
    /// read back from disk isn't trusted.
    pub(super) fn fit(&self, input: u64, out: u64) -> bool {
        let ascending =
            self.points.windows(2).all(|pair| pair[0].out < pair[1].out && pair[0].input <= pair[1].input);
        let sound = |point: &Checkpoint| {
            (1..=out).contains(&point.out)
                && (1..=input).contains(&point.input)
                && point.bits < 8
                && usize::from(point.window_bytes) <= WINDOW_BYTES
        };
        ascending && self.points.iter().all(sound)
    }
}

/// Serializes bytes as one blob instead of one number each. They are read from memory.
mod blob {
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[allow(clippy::borrowed_box, reason = "the signature that `#[serde(with)]` asks for")]
    pub(super) fn serialize<S: Serializer>(bytes: &Box<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[u8]>, D::Error> {
        <&[u8]>::deserialize(deserializer).map(Into::into)
    }
}

/// Why [`InflateDecoder::run`] returned.
#[derive(Debug)]
pub(super) enum Stop {
    /// The output is full.
    Full,
    /// The next checkpoint was due, and here it is.
    At(Checkpoint),
    /// The stream is complete.
    End,
}

/// Reads compressed data: fills a buffer from an offset and returns the number of bytes.
pub(super) type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> io::Result<usize>;

/// The unused bits of a partly used byte.
#[derive(Clone, Copy, Debug, Default)]
struct Bits {
    /// Number of unused bits: 0 to 7.
    count: u8,
    /// Those bits, the next one lowest.
    value: u8,
}

/// How much of its window a checkpoint keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Window {
    /// All of it, so the checkpoint is available immediately.
    Whole,
    /// Only the bytes that are referred to, once those are known.
    Wanted,
}

/// A deflate stream being inflated forwards, in any number of steps.
pub(super) struct InflateDecoder {
    stream: Stream,
    /// Bytes of the stream's output handed over so far.
    taken: usize,
    out: u64,
    last_checkpoint: u64,
    /// What to report once the pending output has been handed over.
    stop: Option<Result<Stop>>,
    /// A checkpoint whose window may still be referred to.
    pending: Option<UnfinishedCheckpoint>,
}

/// A checkpoint whose window isn't final yet.
struct UnfinishedCheckpoint {
    out: u64,
    input: u64,
    bits: Bits,
    window: Vec<u8>,
}

impl UnfinishedCheckpoint {
    /// The checkpoint, keeping only the wanted bytes of its window.
    fn with(mut self, wanted: Option<&[bool]>) -> Checkpoint {
        for (byte, &wanted) in self.window.iter_mut().zip(wanted.unwrap_or_default()) {
            *byte = if wanted { *byte } else { 0 };
        }
        Checkpoint {
            out: self.out,
            input: self.input,
            bits: self.bits.count,
            value: self.bits.value,
            window_bytes: self.window.len() as u16,
            window: lz4_flex::block::compress(&self.window).into(),
        }
    }
}

impl InflateDecoder {
    /// Starts at the beginning of the stream.
    pub(super) fn from_start() -> Self {
        let stream = Stream::new(0, Bits::default(), &[]);
        Self { stream, taken: 0, out: 0, last_checkpoint: 0, stop: None, pending: None }
    }

    /// Starts at a checkpoint.
    ///
    /// # Errors
    /// `Damaged` if the checkpoint is invalid.
    pub(super) fn from_checkpoint(point: &Checkpoint) -> Result<Self> {
        let bits = Bits { count: point.bits, value: point.value };
        let stream = Stream::new(point.input, bits, &point.decompressed_window()?);
        let taken = stream.end();
        Ok(Self { stream, taken, out: point.out, last_checkpoint: point.out, stop: None, pending: None })
    }

    /// Offset in the compressed data of the first byte that is wholly unused.
    pub(super) fn input(&self) -> u64 {
        self.stream.position().0
    }

    /// Offset of the next byte in the inflated data.
    pub(super) fn out(&self) -> u64 {
        self.out
    }

    /// Inflates `length` bytes and lends them to `take`; fewer if the stream ends or a checkpoint is due, which
    /// is at the first block that begins at least `spacing` bytes after the last one (`None`: never). Bytes that
    /// were lent are good even if an error follows.
    ///
    /// # Errors
    /// `Damaged` if the data isn't a deflate stream or ends too early, `Environment` if it can't be read.
    pub(super) fn run(
        &mut self,
        read: ReadAt<'_>,
        spacing: Option<u64>,
        length: usize,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Stop> {
        let mut left = length;
        loop {
            left -= self.hand_over(left, take);
            if self.taken < self.stream.end() {
                return Ok(Stop::Full);
            }
            match self.stop.take() {
                None | Some(Ok(Stop::Full)) => {}
                Some(stop) => return stop,
            }
            if left == 0 {
                return Ok(Stop::Full);
            }
            self.stop = Some(self.fill(read, spacing, Window::Whole));
        }
    }

    /// Inflates and lends the next chunk, as large as fits. Otherwise like [`run`](Self::run), but without a
    /// copy, and each checkpoint comes at least 32 KiB late, when it is known what its window must keep. The
    /// chunk that accompanies a checkpoint is empty; the output follows with the next.
    pub(super) fn chunk(&mut self, read: ReadAt<'_>, spacing: Option<u64>) -> (Inflated<'_>, Result<Stop>) {
        let stop = self.stop.take().unwrap_or_else(|| self.fill(read, spacing, Window::Wanted));
        let start = self.taken;
        if !matches!(stop, Ok(Stop::At(_))) {
            self.taken = self.stream.end();
        }
        let range = start..self.taken;
        self.out += range.len() as u64;
        (Inflated { decoder: self, range }, stop)
    }

    /// Inflates until the stream's buffer is full or a checkpoint is due.
    fn fill(&mut self, read: ReadAt<'_>, spacing: Option<u64>, window: Window) -> Result<Stop> {
        loop {
            let ahead = self.stream.end() - self.taken;
            let out = self.out.saturating_add(ahead as u64);
            let ends = self.stream.state() == StreamState::End;
            if let Some(pending) =
                self.pending.take_if(|pending| ends || out - pending.out >= WINDOW_BYTES as u64)
            {
                return Ok(Stop::At(pending.with(self.stream.wanted().as_deref())));
            }
            if ends {
                return Ok(Stop::End);
            }
            let due = spacing.is_some_and(|spacing| out.saturating_sub(self.last_checkpoint) >= spacing);
            if due && self.stream.state() == StreamState::Boundary && self.pending.is_none() {
                self.last_checkpoint = out;
                let (input, bits) = self.stream.position();
                let pending =
                    UnfinishedCheckpoint { out, input, bits, window: self.stream.window().to_vec() };
                match window {
                    Window::Whole => return Ok(Stop::At(pending.with(None))),
                    Window::Wanted => self.stream.watch(),
                }
                self.pending = Some(pending);
            }
            if ahead > 0 && self.stream.is_full() {
                return Ok(Stop::Full);
            }
            let (fresh, result) = self.stream.inflate(read);
            #[cfg(test)]
            tests::while_inflating(self.stream.output(fresh));
            if ahead == 0 {
                self.taken = fresh;
            }
            result?;
        }
    }

    /// Lends up to `length` bytes of the existing output and returns how many.
    fn hand_over(&mut self, length: usize, take: &mut dyn FnMut(&[u8])) -> usize {
        let there = self.stream.output(self.taken);
        let bytes = there.get(..length).unwrap_or(there);
        if !bytes.is_empty() {
            take(bytes);
        }
        self.taken += bytes.len();
        self.out += bytes.len() as u64;
        bytes.len()
    }
}

/// Inflated bytes lent by a decoder.
pub(super) struct Inflated<'d> {
    decoder: &'d mut InflateDecoder,
    range: Range<usize>,
}

impl Inflated<'_> {
    /// Drops everything after the first `length` bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.range.end = self.range.end.min(self.range.start.saturating_add(length));
    }

    /// Keeps the bytes without copying them: the decoder continues in the buffer of `spare`.
    pub(super) fn keep(self, spare: Option<OwnedChunk>) -> OwnedChunk {
        if self.range.end < self.decoder.stream.end() {
            // The bytes after these are still to be handed over.
            return OwnedChunk::copied(&self, spare);
        }
        let spare = spare.unwrap_or_default();
        let buffer = self.decoder.stream.swap(spare.buffer);
        self.decoder.taken = self.decoder.stream.end();
        OwnedChunk { buffer, range: self.range }
    }
}

impl Deref for Inflated<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.decoder.stream.output(0).get(self.range.clone()).unwrap_or_default()
    }
}

/// Bytes of an entry that were kept, up to [`CHUNK_BYTES`](super::CHUNK_BYTES).
#[derive(Debug)]
pub(crate) struct OwnedChunk {
    buffer: Buffer,
    range: Range<usize>,
}

impl OwnedChunk {
    /// A copy of `bytes`, at most [`CHUNK_BYTES`](super::CHUNK_BYTES), reusing the buffer of `spare`. Linear.
    pub(crate) fn copied(bytes: &[u8], spare: Option<Self>) -> Self {
        debug_assert!(bytes.len() <= BUFFER_BYTES);
        let mut kept = spare.unwrap_or_default();
        kept.range = 0..bytes.len();
        copy(&mut *kept.buffer, bytes);
        kept
    }
}

impl Default for OwnedChunk {
    fn default() -> Self {
        Self { buffer: zeros(), range: 0..0 }
    }
}

impl Deref for OwnedChunk {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(self.range.clone()).unwrap_or_default()
    }
}

/// Inflates a whole raw stream of at most `limit` bytes. `None` if it is damaged, cut off or longer.
#[cfg(any(test, fuzzing))]
pub(crate) fn whole_stream(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    let read = |offset: u64, buffer: &mut [u8]| {
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..)).unwrap_or_default();
        let length = rest.len().min(buffer.len());
        buffer.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
        Ok(length)
    };
    let (mut decoder, mut out) = (InflateDecoder::from_start(), Vec::new());
    while out.len() <= limit {
        match decoder.run(&read, None, 1 << 16, &mut |chunk| out.extend_from_slice(chunk)) {
            Ok(Stop::End) => return (out.len() <= limit).then_some(out),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    None
}
