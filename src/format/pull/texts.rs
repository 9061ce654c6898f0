//! Texts without their escapes. The only user of `bumpalo`.
//!
//! A conversation has thousands of them, which are freed together: they are packed in memory that the next conversation
//! reuses.

use super::{Error, Result};
use crate::format::scan::backslashes;
use bumpalo::Bump;
use std::cell::{Cell, RefCell};
use std::fmt;

/// More memory than this is given back rather than kept for the next conversation, in bytes.
const KEPT_BYTES: usize = 256 << 10;

/// A longer draft than this is given back, in bytes.
const DRAFT_BYTES: usize = 64 << 10;

thread_local! {
    /// Memory that the last conversation of this thread used.
    static SPARE: Cell<Option<Bump>> = const { Cell::new(None) };
    /// Where a text is put together.
    static DRAFT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Texts without their escapes, for as long as this lives.
pub(in crate::format) struct Texts {
    texts: Bump,
    /// Memory that values took beyond what their JSON justifies, in bytes.
    excess: Cell<usize>,
}

/// Memory that the values of one conversation may take beyond [`PER_BYTE`] times their JSON, in bytes.
const FREE_BYTES: usize = 64 << 20;

/// Memory that values may take for each byte of their JSON.
const PER_BYTE: usize = 3;

impl Default for Texts {
    fn default() -> Self {
        Self { texts: SPARE.take().unwrap_or_default(), excess: Cell::new(0) }
    }
}

impl Drop for Texts {
    fn drop(&mut self) {
        let mut spare = std::mem::take(&mut self.texts);
        spare.reset();
        if spare.allocated_bytes() <= KEPT_BYTES {
            SPARE.set(Some(spare));
        }
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Texts").field(&self.texts.allocated_bytes()).finish()
    }
}

impl Texts {
    /// Keeps a text.
    pub(in crate::format) fn keep(&self, text: &str) -> &str {
        self.texts.alloc_str(text)
    }

    /// Accounts for values of `bytes` bytes that were read from `json` bytes of JSON.
    ///
    /// # Errors
    /// If all values together take far more memory than their JSON.
    #[inline]
    pub(super) fn charge(&self, bytes: usize, json: usize) -> Result<()> {
        let earned = json.saturating_mul(PER_BYTE);
        let excess = self.excess.get().saturating_add(bytes).saturating_sub(earned);
        self.excess.set(excess);
        if excess > FREE_BYTES {
            return Err(Error { is_limit: true, ..error("more small values than can be shown") });
        }
        Ok(())
    }

    /// The text of a string with escapes. Linear.
    ///
    /// # Errors
    /// A lone surrogate, an unknown escape, and control characters.
    pub(in crate::format) fn unescaped(&self, raw: &str) -> Result<&str> {
        if raw.bytes().fold(u8::MAX, u8::min) < 0x20 {
            return Err(error("a control character in a string"));
        }
        DRAFT.with_borrow_mut(|draft| {
            let needed = raw.len().saturating_add(STEP);
            if draft.len() < needed {
                draft.resize(needed, 0);
            }
            let length = unescape(raw.as_bytes(), draft)?;
            let text = simdutf8::basic::from_utf8(draft.get(..length).unwrap_or_default());
            let text = text.map(|text| self.keep(text));
            if draft.len() > DRAFT_BYTES {
                *draft = Vec::new();
            }
            text.map_err(|_| error("no text")) // can't be: whole characters were put together
        })
    }
}

fn error(what: &'static str) -> Error {
    Error { what, at: None, is_end: false, is_limit: false }
}

/// How many bytes are copied in one step on the way to an escape.
const STEP: usize = 16;

/// Writes the text of a string to the beginning of `draft`, and returns how long it is. The draft must be longer than
/// `raw` by [`STEP`], and may hold anything after the text; no text is longer than its JSON.
fn unescape(raw: &[u8], draft: &mut [u8]) -> Result<usize> {
    let (mut from, mut to) = (0_usize, 0_usize);
    loop {
        // Escapes are close together: calling a function to find the next one, or to copy up to it, would take longer.
        if let Some(step) = raw.get(from..).and_then(<[u8]>::first_chunk::<STEP>) {
            put(draft, to, *step);
            let escapes = backslashes(step);
            let plain = if escapes == 0 { STEP } else { escapes.trailing_zeros() as usize };
            (from, to) = (from.wrapping_add(plain), to.wrapping_add(plain));
            if plain == STEP {
                continue;
            }
        }
        let Some(&byte) = raw.get(from) else { return Ok(to) };
        let rest = raw.get(from..).unwrap_or_default();
        let (read, written) = match rest.get(1) {
            Some(b'u') if byte == b'\\' => {
                let (character, read) =
                    unicode(rest).ok_or_else(|| error("a lone surrogate or an invalid \\u escape"))?;
                let mut text = [0; 4];
                let written = character.encode_utf8(&mut text).len();
                put(draft, to, text);
                (read, written)
            }
            Some(&escape) if byte == b'\\' => {
                match SHORT_ESCAPES[usize::from(escape)] {
                    0 => return Err(error("an unknown escape")),
                    byte => put(draft, to, [byte]),
                }
                (2, 1)
            }
            _ => {
                put(draft, to, [byte]);
                (1, 1)
            }
        };
        (from, to) = (from.wrapping_add(read), to.wrapping_add(written));
    }
}

/// Writes `bytes` to `draft` at `to`, where there is room.
#[inline]
fn put<const N: usize>(draft: &mut [u8], to: usize, bytes: [u8; N]) {
    if let Some(place) = draft.get_mut(to..).and_then(<[u8]>::first_chunk_mut::<N>) {
        *place = bytes;
    }
}

/// What the byte after a backslash stands for; 0 if that is not one byte.
const SHORT_ESCAPES: [u8; 256] = {
    let mut meanings = [0; 256];
    meanings[b'n' as usize] = b'\n';
    meanings[b'"' as usize] = b'"';
    meanings[b'\\' as usize] = b'\\';
    meanings[b'/' as usize] = b'/';
    meanings[b't' as usize] = b'\t';
    meanings[b'r' as usize] = b'\r';
    meanings[b'b' as usize] = 0x08;
    meanings[b'f' as usize] = 0x0c;
    meanings
};

/// The character of the escape, or pair of escapes, that `bytes` begin with, and how long it is.
fn unicode(bytes: &[u8]) -> Option<(char, usize)> {
    let unit = unit(bytes)?;
    if let Some(character) = char::from_u32(unit) {
        return Some((character, 6));
    }
    let low = self::unit(bytes.get(6..)?).filter(|low| (0xDC00..0xE000).contains(low))?;
    let high = unit.checked_sub(0xD800).filter(|high| *high < 0x400)?;
    char::from_u32(0x1_0000 + (high << 10) + (low - 0xDC00)).map(|character| (character, 12))
}

/// The number in an escape `\uXXXX` that `bytes` begin with.
fn unit(bytes: &[u8]) -> Option<u32> {
    let &[b'\\', b'u', a, b, c, d, ..] = bytes else { return None };
    let [a, b, c, d] = [a, b, c, d].map(|digit| u32::from(HEX_DIGITS[usize::from(digit)]));
    (a | b | c | d < 16).then_some(a << 12 | b << 8 | c << 4 | d)
}

/// The value of each hexadecimal digit; 16 for other bytes.
const HEX_DIGITS: [u8; 256] = {
    let mut values = [16; 256];
    let mut value = 0;
    while value < 16 {
        values[b"0123456789abcdef"[value as usize] as usize] = value;
        values[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    values
};
