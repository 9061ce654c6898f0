//! Resumable inflate and its checkpoints. The only user of the zlib API.
//!
//! A *checkpoint* is all that is needed to start inflating in the middle of a deflate stream: a position between
//! two of its blocks and the 32 KiB of output before it. Knows nothing of archives; input comes from a closure.

use crate::error::{Error, ErrorKind, Result};
use libz_rs_sys as zlib;
use serde::{Deserialize, Serialize};
use std::io;
use std::ptr;

/// How far back a deflate stream can refer, in bytes.
const WINDOW_BYTES: usize = 32 * 1024;

/// How much compressed data is read at once.
const INPUT_BYTES: usize = 128 * 1024;

/// A place in a deflate stream where inflating can start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Offset in the inflated data, in bytes.
    pub out: u64,
    /// Offset in the compressed data of the first byte that is wholly unused, in bytes.
    pub input: u64,
    /// How many bits of the byte before `input` are unused too: 0 to 7.
    bits: u8,
    /// Those bits.
    value: u8,
    /// Length of the window once decompressed, in bytes; at most 32 KiB.
    window_bytes: u16,
    /// The inflated bytes before `out`, as one LZ4 block: text takes a third of the room.
    #[serde(with = "blob")]
    window: Box<[u8]>,
}

impl Checkpoint {
    /// The memory it takes, in bytes.
    pub fn weight(&self) -> usize {
        size_of::<Self>().saturating_add(self.window.len())
    }

    fn decompressed_window(&self) -> Result<Vec<u8>> {
        let mut window = vec![0; usize::from(self.window_bytes)];
        match lz4_flex::block::decompress_into(&self.window, &mut window) {
            Ok(bytes) if bytes == window.len() => Ok(window),
            _ => Err(Error::new(ErrorKind::Damaged, "a checkpoint is damaged")),
        }
    }
}

/// The checkpoints of one deflate stream, ascending. The start of the stream is one that is not listed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoints {
    points: Vec<Checkpoint>,
}

impl Checkpoints {
    /// The memory they take, in bytes.
    pub fn weight(&self) -> usize {
        self.points.iter().map(Checkpoint::weight).sum()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// True if the stream is to be read from its start only.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Adds the next one.
    pub(super) fn push(&mut self, point: Checkpoint) {
        self.points.push(point);
    }

    pub(super) fn last(&self) -> Option<&Checkpoint> {
        self.points.last()
    }

    /// The nearest checkpoint at or before offset `out` of the inflated data (`None` is the start of the
    /// stream), and where the next one lies. Logarithmic.
    pub(super) fn around(&self, out: u64) -> (Option<&Checkpoint>, Option<u64>) {
        let after = self.points.partition_point(|point| point.out <= out);
        let before = after.checked_sub(1).and_then(|at| self.points.get(at));
        (before, self.points.get(after).map(|point| point.out))
    }

    /// True if they can be those of a stream of `input` compressed and `out` inflated bytes: what was read back
    /// from a disk is not believed.
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

/// Bytes for serde as one blob instead of one number each.
mod blob {
    use serde::de::{Error, SeqAccess, Visitor};
    use serde::{Deserializer, Serializer};
    use std::fmt;

    // The signature that `#[serde(with)]` asks for.
    #[allow(clippy::borrowed_box)]
    pub(super) fn serialize<S: Serializer>(bytes: &Box<[u8]>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Box<[u8]>, D::Error> {
        deserializer.deserialize_byte_buf(Blob)
    }

    struct Blob;

    impl<'de> Visitor<'de> for Blob {
        type Value = Box<[u8]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bytes")
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }

        fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Self::Value, E> {
            Ok(bytes.into())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(byte) = bytes.next_element()? {
                all.push(byte);
            }
            Ok(all.into())
        }
    }
}

/// Why [`Decoder::run`] came back.
#[derive(Debug)]
pub(super) enum Stop {
    /// The output is full.
    Full,
    /// Enough was inflated since the last checkpoint, and here is the next one.
    At(Checkpoint),
    /// The stream is complete.
    End,
}

/// Reads compressed data: fills a buffer from an offset, returns how many bytes there were.
pub(super) type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> io::Result<usize>;

/// A deflate stream being inflated, forwards, in any number of steps.
pub(super) struct Decoder {
    inflater: Inflater,
    input: Box<[u8]>,
    used: usize,
    filled: usize,
    /// Offset in the compressed data of `input[used]`.
    at: u64,
    out: u64,
    last_checkpoint: u64,
    ended: bool,
}

impl Decoder {
    /// From the start of the stream.
    ///
    /// # Errors
    /// `OutOfMemory`.
    pub(super) fn from_start() -> Result<Self> {
        Ok(Self {
            inflater: Inflater::new()?,
            input: vec![0; INPUT_BYTES].into(),
            used: 0,
            filled: 0,
            at: 0,
            out: 0,
            last_checkpoint: 0,
            ended: false,
        })
    }

    /// From a checkpoint.
    ///
    /// # Errors
    /// `OutOfMemory`; `Damaged` if the checkpoint is not one.
    pub(super) fn from_checkpoint(point: &Checkpoint) -> Result<Self> {
        let mut decoder = Self::from_start()?;
        decoder.inflater.resume(point.bits, point.value, &point.decompressed_window()?)?;
        decoder.at = point.input;
        decoder.out = point.out;
        decoder.last_checkpoint = point.out;
        Ok(decoder)
    }

    /// Offset of the next byte in the inflated data.
    pub(super) fn out(&self) -> u64 {
        self.out
    }

    /// Inflates into `output` until it is full, the stream ends, or a checkpoint is due: at the first block that
    /// begins `spacing` bytes or more after the last one (`None`: never). Returns how many bytes it wrote, which
    /// are good even if an error follows them.
    ///
    /// # Errors
    /// `Damaged` if the data is no deflate stream or ends too early, `Environment` if it can't be read.
    pub(super) fn run(
        &mut self,
        read: ReadAt<'_>,
        spacing: Option<u64>,
        output: &mut [u8],
    ) -> (usize, Result<Stop>) {
        let mut written = 0;
        loop {
            let rest = output.get_mut(written..).unwrap_or_default();
            if self.ended {
                return (written, Ok(Stop::End));
            }
            if rest.is_empty() {
                return (written, Ok(Stop::Full));
            }
            if let Err(error) = self.refill(read) {
                return (written, Err(error));
            }
            let due = spacing.is_some_and(|spacing| self.out.saturating_sub(self.last_checkpoint) >= spacing);
            let input = self.input.get(self.used..self.filled).unwrap_or_default();
            // While a checkpoint is not due yet, no step may run far beyond the place where it will be.
            let room = match spacing {
                Some(spacing) if !due => {
                    let until = self.last_checkpoint.saturating_add(spacing).saturating_sub(self.out);
                    rest.len().min(usize::try_from(until).unwrap_or(usize::MAX))
                }
                _ => rest.len(),
            };
            let starved = input.is_empty();
            let step = self.inflater.step(input, rest.get_mut(..room).unwrap_or_default(), due);
            self.used = self.used.saturating_add(step.consumed);
            self.at = self.at.saturating_add(step.consumed as u64);
            self.out = self.out.saturating_add(step.produced as u64);
            written = written.saturating_add(step.produced);
            match step.state {
                State::End => self.ended = true,
                State::Broken => {
                    return (written, Err(Error::new(ErrorKind::Damaged, "the compressed data is damaged")));
                }
                State::Boundary { bits } if due && bits < 8 => {
                    self.last_checkpoint = self.out;
                    return (written, self.checkpoint(bits).map(Stop::At));
                }
                State::More | State::Boundary { .. } => {
                    if starved && step.produced == 0 {
                        let reason = "the compressed data ends too early";
                        return (written, Err(Error::new(ErrorKind::Damaged, reason)));
                    }
                }
            }
        }
    }

    fn refill(&mut self, read: ReadAt<'_>) -> Result<()> {
        if self.used == self.filled {
            self.used = 0;
            self.filled = 0;
            self.filled =
                read(self.at, &mut self.input).map_err(|error| Error::io("cannot be read", error))?;
        }
        Ok(())
    }

    fn checkpoint(&mut self, bits: u8) -> Result<Checkpoint> {
        let mut window = vec![0; WINDOW_BYTES];
        let window_bytes = self.inflater.window(&mut window)?;
        window.truncate(usize::from(window_bytes));
        Ok(Checkpoint {
            out: self.out,
            input: self.at,
            bits,
            value: if bits == 0 { 0 } else { self.inflater.last_byte >> (8 - bits) },
            window_bytes,
            window: lz4_flex::block::compress(&window).into(),
        })
    }
}

/// What one call of the inflater did.
struct Step {
    consumed: usize,
    produced: usize,
    state: State,
}

enum State {
    /// Wants more input or more room.
    More,
    /// Stands between two blocks; so many bits of the last consumed byte are unused.
    Boundary { bits: u8 },
    /// The stream is complete.
    End,
    /// The input is no deflate stream.
    Broken,
}

/// A raw deflate stream of the zlib API behind safe functions.
struct Inflater {
    /// Boxed, because the API does not promise that a stream may move once it is initialised.
    stream: Box<zlib::z_stream>,
    last_byte: u8,
}

// SAFETY: the stream and the state behind it are owned by this value alone, nothing in them is bound to a thread,
// and the pointers to input and output are reset to null at the end of every call.
unsafe impl Send for Inflater {}

impl Inflater {
    fn new() -> Result<Self> {
        let mut stream = Box::new(zlib::z_stream::default());
        // SAFETY: the stream is valid and exclusively ours, its allocator fields are the library's defaults, and
        // version and size are those of the very library that is called. -15: raw deflate, 32 KiB window.
        let code = unsafe {
            zlib::inflateInit2_(
                &raw mut *stream,
                -15,
                zlib::zlibVersion(),
                i32::try_from(size_of::<zlib::z_stream>()).unwrap_or(0),
            )
        };
        if code == zlib::Z_OK {
            Ok(Self { stream, last_byte: 0 })
        } else {
            Err(Error::new(ErrorKind::OutOfMemory, "no memory to inflate with"))
        }
    }

    /// Puts a fresh inflater in the middle of a stream.
    fn resume(&mut self, bits: u8, value: u8, window: &[u8]) -> Result<()> {
        // SAFETY: the stream was initialised by `new`; the window is a valid slice of at most 32 KiB, and is copied.
        let fine = unsafe {
            zlib::inflatePrime(&raw mut *self.stream, i32::from(bits), i32::from(value)) == zlib::Z_OK
                && zlib::inflateSetDictionary(
                    &raw mut *self.stream,
                    window.as_ptr(),
                    u32::try_from(window.len()).unwrap_or(0),
                ) == zlib::Z_OK
        };
        if fine { Ok(()) } else { Err(Error::new(ErrorKind::Damaged, "a checkpoint is damaged")) }
    }

    /// Inflates from `input` into `output` as far as one of them reaches, or with `to_boundary` to the end of the
    /// current block if that comes first.
    fn step(&mut self, input: &[u8], output: &mut [u8], to_boundary: bool) -> Step {
        let room_in = u32::try_from(input.len()).unwrap_or(u32::MAX);
        let room_out = u32::try_from(output.len()).unwrap_or(u32::MAX);
        self.stream.next_in = input.as_ptr();
        self.stream.avail_in = room_in;
        self.stream.next_out = output.as_mut_ptr();
        self.stream.avail_out = room_out;
        let flush = if to_boundary { zlib::Z_BLOCK } else { zlib::Z_NO_FLUSH };
        // SAFETY: the stream was initialised by `new`; next_in/avail_in and next_out/avail_out describe two slices
        // that are borrowed for the whole call, one of them exclusively.
        let code = unsafe { zlib::inflate(&raw mut *self.stream, flush) };
        let consumed = room_in.saturating_sub(self.stream.avail_in) as usize;
        let produced = room_out.saturating_sub(self.stream.avail_out) as usize;
        self.stream.next_in = ptr::null();
        self.stream.avail_in = 0;
        self.stream.next_out = ptr::null_mut();
        self.stream.avail_out = 0;
        if let Some(&byte) = consumed.checked_sub(1).and_then(|last| input.get(last)) {
            self.last_byte = byte;
        }
        let data_type = self.stream.data_type;
        let state = match code {
            zlib::Z_STREAM_END => State::End,
            // 128: between two blocks; 64: the block before was the last one; the low bits: unused bits.
            zlib::Z_OK if data_type & 128 != 0 && data_type & 64 == 0 => {
                State::Boundary { bits: u8::try_from(data_type & 63).unwrap_or(u8::MAX) }
            }
            zlib::Z_OK | zlib::Z_BUF_ERROR => State::More,
            _ => State::Broken,
        };
        Step { consumed, produced, state }
    }

    /// Copies the last inflated bytes (at most 32 KiB) to the beginning of `window`; returns how many.
    fn window(&mut self, window: &mut [u8]) -> Result<u16> {
        let mut bytes = 0;
        if window.len() < WINDOW_BYTES {
            return Err(Error::new(ErrorKind::Unexpected, "no room for a window"));
        }
        // SAFETY: the stream was initialised by `new`; the library writes at most 32 KiB to `window`, which has
        // that room, and the count to `bytes`.
        let code = unsafe {
            zlib::inflateGetDictionary(&raw const *self.stream, window.as_mut_ptr(), &raw mut bytes)
        };
        match u16::try_from(bytes) {
            Ok(bytes) if code == zlib::Z_OK && usize::from(bytes) <= WINDOW_BYTES => Ok(bytes),
            _ => Err(Error::new(ErrorKind::Unexpected, "the inflater has no window")),
        }
    }
}

impl Drop for Inflater {
    fn drop(&mut self) {
        // SAFETY: the stream was initialised by `new` and is not used any more.
        unsafe { zlib::inflateEnd(&raw mut *self.stream) };
    }
}
