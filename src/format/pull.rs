//! JSON read on demand: the caller asks for what it needs, and the rest is skipped.
//!
//! Built on the scanner's marks (quotes and brackets, 64 bytes at a time), so that skipped strings and containers cost next
//! to nothing. What is read must be strict JSON, except that control characters between tokens count as blanks. In what is
//! skipped only quotes and brackets are checked, whose kinds must match: a malformed number or a lone surrogate does
//! no harm there.
//!
//! Never recurses. Texts with escapes are decoded into [`Texts`]; all others borrow from the JSON.

mod texts;

use super::scan::{BATCH, BlockState, Level, Marks, WIDTH};
use std::fmt;
pub(super) use texts::Texts;

/// Why JSON can't be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Error {
    /// What is wrong.
    what: &'static str,
    /// Where, in bytes from the beginning of the text; inside a string it is not known.
    at: Option<usize>,
    /// The text ended where more was expected.
    pub(super) is_end: bool,
    /// It would take too much memory. What was read so far is sound.
    pub(super) is_limit: bool,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        self.at.map_or(Ok(()), |at| write!(f, " at byte {at}"))
    }
}

/// A result of reading JSON. Reading may also fail late: a value that is kept as written may turn out to hold a string
/// that strict JSON refuses, such as a lone surrogate.
pub(super) type Result<T> = std::result::Result<T, Error>;

/// A JSON text, and the memory for its decoded texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Json<'a> {
    /// The JSON.
    pub(super) text: &'a str,
    /// Where texts with escapes are decoded.
    pub(super) texts: &'a Texts,
}

/// A string as written in the JSON, without its quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Raw<'a> {
    json: Json<'a>,
    /// Nothing in it is escaped.
    plain: bool,
}

impl<'a> Raw<'a> {
    /// The text itself.
    ///
    /// # Errors
    /// A lone surrogate, an unknown escape, or a control character.
    #[inline]
    pub(super) fn text(self) -> Result<&'a str> {
        if self.plain { Ok(self.json.text) } else { self.json.texts.unescaped(self.json.text) }
    }

    /// As it is written, escapes and all.
    pub(super) fn as_written(self) -> Json<'a> {
        self.json
    }

    /// The text, if nothing in it is escaped.
    #[inline]
    pub(super) fn plain(self) -> Option<&'a str> {
        self.plain.then_some(self.json.text)
    }
}

/// The beginning of a value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Raw<'a>),
    /// A list: to be taken by [`Reader::each`] or [`Reader::leave`].
    List,
    /// An object: to be taken by [`Reader::fields`] or [`Reader::leave`].
    Object,
}

/// Reads one JSON text.
pub(super) struct Reader<'a> {
    text: &'a str,
    texts: &'a Texts,
    /// Offset after the last token that was consumed.
    at: usize,
    /// How many bytes of the text [`charge`](Self::charge) has set against memory.
    charged: usize,
    level: Level,
    state: BlockState,
    batch: [Marks; BATCH],
    /// How many blocks of the batch there are, and which one is current.
    blocks: usize,
    block: usize,
    /// Where the current block begins; one block before the text until there is one.
    base: usize,
    /// Its quotes and brackets that were not taken.
    marks: u64,
    /// Of the current block: see [`Marks`].
    odd: u64,
    ink: u64,
}

impl<'a> Reader<'a> {
    /// A reader of `json`.
    pub(super) fn new(json: Json<'a>) -> Self {
        Self::with_level(json, Level::best())
    }

    fn with_level(json: Json<'a>, level: Level) -> Self {
        Self {
            text: json.text,
            texts: json.texts,
            at: 0,
            charged: 0,
            level,
            state: BlockState::outside(0),
            batch: [Marks::default(); BATCH],
            blocks: 0,
            block: 0,
            base: 0_usize.wrapping_sub(WIDTH),
            marks: 0,
            odd: 0,
            ink: 0,
        }
    }

    /// The text from byte `start` to the last token that was taken.
    pub(super) fn since(&self, start: usize) -> Json<'a> {
        self.json(start, self.at)
    }

    /// How many bytes follow the last token that was consumed.
    pub(super) fn left(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    /// Where texts with escapes are decoded.
    pub(super) fn texts(&self) -> &'a Texts {
        self.texts
    }

    /// Accounts for `bytes` bytes of memory that hold what was read since the last call.
    ///
    /// # Errors
    /// If all values together take far more memory than their JSON, as hostile lists of tiny items would.
    #[inline]
    pub(super) fn charge(&mut self, bytes: usize) -> Result<()> {
        let json = self.at.saturating_sub(std::mem::replace(&mut self.charged, self.at));
        self.texts.charge(bytes, json)
    }

    #[cold]
    fn error(&self, what: &'static str) -> Error {
        Error { what, at: Some(self.at), is_end: self.at >= self.text.len(), is_limit: false }
    }

    #[cold]
    fn end_of_text(&self) -> Error {
        Error { what: "breaks off", at: Some(self.text.len()), is_end: true, is_limit: false }
    }

    /// Goes to the next block. False if there is none.
    #[inline]
    fn next_block(&mut self) -> bool {
        self.block = self.block.wrapping_add(1);
        if self.block >= self.blocks && !self.next_batch() {
            return false;
        }
        self.base = self.base.wrapping_add(WIDTH);
        let Some(block) = self.batch.get(self.block) else { return false };
        self.marks = block.quotes | block.brackets;
        self.odd = block.odd;
        self.ink = block.ink;
        true
    }

    /// Marks the next blocks. False at the end of the text.
    #[inline(never)]
    fn next_batch(&mut self) -> bool {
        let at = self.base.wrapping_add(WIDTH);
        self.block = 0;
        self.blocks = self.level.marks(self.text.as_bytes(), at, &mut self.state, &mut self.batch);
        self.blocks > 0
    }

    /// The brackets of the current block.
    fn brackets(&self) -> u64 {
        self.batch.get(self.block).map_or(0, |block| block.brackets)
    }

    /// The next byte that is not a blank. Does not consume it.
    #[inline]
    fn peek(&mut self) -> Result<u8> {
        let bytes = self.text.as_bytes();
        if let Some(&byte) = bytes.get(self.at)
            && byte > b' '
        {
            return Ok(byte);
        }
        let ahead = self.at.wrapping_sub(self.base);
        if ahead < WIDTH {
            let ink = self.ink >> ahead;
            let at = self.at.wrapping_add(ink.trailing_zeros() as usize);
            if ink != 0
                && let Some(&byte) = bytes.get(at)
            {
                self.at = at;
                return Ok(byte);
            }
        }
        self.peek_far()
    }

    /// Continues [`peek`](Self::peek) in the following blocks.
    #[inline(never)]
    fn peek_far(&mut self) -> Result<u8> {
        loop {
            let ahead = self.at.wrapping_sub(self.base);
            let ink = if ahead < WIDTH { self.ink >> ahead } else { 0 };
            if ink != 0 {
                self.at = self.at.wrapping_add(ink.trailing_zeros() as usize);
                return self.text.as_bytes().get(self.at).copied().ok_or_else(|| self.end_of_text());
            }
            if !self.next_block() {
                return Err(self.end_of_text());
            }
            self.at = self.at.max(self.base);
        }
    }

    /// Takes the mark that must be the byte that was peeked, and returns its bit in the block.
    #[inline]
    fn mark_here(&mut self) -> Result<u32> {
        while self.marks == 0 {
            if !self.next_block() {
                return Err(self.error("a backslash outside strings"));
            }
        }
        let bit = self.marks.trailing_zeros();
        if self.base.wrapping_add(bit as usize) != self.at {
            return Err(self.error("a backslash outside strings"));
        }
        self.marks &= self.marks.wrapping_sub(1);
        self.at = self.at.wrapping_add(1);
        Ok(bit)
    }

    /// Takes the bracket that was peeked.
    #[inline]
    fn bracket(&mut self) -> Result<()> {
        self.mark_here().map(drop)
    }

    /// Consumes the string whose opening quote was peeked; returns where its text ends, and whether it is free of escapes.
    #[inline]
    fn quoted(&mut self) -> Result<(usize, bool)> {
        let bit = self.marks.trailing_zeros();
        let behind = self.marks & self.marks.wrapping_sub(1);
        // The usual case: both quotes are in the current block.
        if behind != 0 && self.base.wrapping_add(bit as usize) == self.at {
            self.marks = behind;
            return Ok(self.close_quote(self.odd & u64::MAX.wrapping_shl(bit)));
        }
        self.quoted_far()
    }

    /// The same if the string ends in another block than the current one.
    #[inline(never)]
    fn quoted_far(&mut self) -> Result<(usize, bool)> {
        let bit = self.mark_here()?;
        let odd = self.odd & u64::MAX << bit;
        if self.marks == 0 {
            return self.quoted_on(odd != 0);
        }
        Ok(self.close_quote(odd))
    }

    /// Continues with a string that ends in a later block; `odd` is true if there were odd bytes so far.
    fn quoted_on(&mut self, mut odd: bool) -> Result<(usize, bool)> {
        loop {
            if !self.next_block() {
                return Err(self.end_of_text());
            }
            if self.marks != 0 {
                let (end, plain) = self.close_quote(self.odd);
                return Ok((end, plain && !odd));
            }
            odd |= self.odd != 0;
        }
    }

    /// Takes the closing quote, which is the next mark of the block, if these are its odd bytes within the string.
    #[inline]
    fn close_quote(&mut self, odd: u64) -> (usize, bool) {
        let end = self.marks.trailing_zeros();
        self.marks &= self.marks.wrapping_sub(1);
        let plain = odd & (1_u64 << (end % 64)).wrapping_sub(1) == 0;
        let end = self.base.wrapping_add(end as usize);
        self.at = end.wrapping_add(1);
        (end, plain)
    }

    /// Takes the string whose opening quote was peeked.
    #[inline]
    fn string(&mut self) -> Result<Raw<'a>> {
        let start = self.at.wrapping_add(1);
        let (end, plain) = self.quoted()?;
        Ok(Raw { json: self.json(start, end), plain })
    }

    fn json(&self, start: usize, end: usize) -> Json<'a> {
        Json { text: self.text.get(start..end).unwrap_or_default(), texts: self.texts }
    }

    /// Takes a number or word, up to what may follow one.
    fn scalar(&mut self) -> Result<&'a str> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest.bytes().position(|byte| ENDS_SCALAR[usize::from(byte)]).unwrap_or(rest.len());
        let scalar = rest.get(..end).unwrap_or_default();
        if scalar.is_empty() {
            return Err(self.error("a value is missing"));
        }
        self.at = self.at.saturating_add(scalar.len());
        Ok(scalar)
    }

    /// Consumes a value; of a container, only its opening bracket.
    ///
    /// # Errors
    /// If the text is cut off, or there is no value.
    #[inline]
    pub(super) fn value(&mut self) -> Result<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'{' => self.bracket().map(|()| Value::Object),
            b'[' => self.bracket().map(|()| Value::List),
            _ => self.word(),
        }
    }

    /// Consumes a value if it is a string; otherwise nothing.
    ///
    /// # Errors
    /// If the text is cut off.
    #[inline]
    pub(super) fn string_ahead(&mut self) -> Result<Option<Raw<'a>>> {
        if self.peek()? == b'"' { self.string().map(Some) } else { Ok(None) }
    }

    /// Takes a value that is neither a string nor a container.
    #[inline(never)]
    fn word(&mut self) -> Result<Value<'a>> {
        let at = self.at;
        if let Some((number, len)) = short_number(self.text.as_bytes().get(at..).unwrap_or_default()) {
            self.at = at.wrapping_add(len);
            return Ok(Value::Number(number));
        }
        let error = || Error {
            what: "not a number, true, false or null",
            at: Some(at),
            is_end: false,
            is_limit: false,
        };
        match self.scalar()? {
            "null" => Ok(Value::Null),
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                self::number(number).map(Value::Number).ok_or_else(error)
            }
            _ => Err(error()),
        }
    }

    /// True if the next value, which is not taken, is null or an empty container. Some that have blanks in them are not
    /// recognised.
    ///
    /// # Errors
    /// If the text is cut off.
    pub(super) fn is_nothing(&mut self) -> Result<bool> {
        let nothing: &[u8] = match self.peek()? {
            b'{' => b"{}",
            b'[' => b"[]",
            b'n' => b"null",
            _ => return Ok(false),
        };
        Ok(self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(nothing)))
    }

    /// True if the next value, which is not consumed, is a number that starts with 0.
    ///
    /// # Errors
    /// If the text is cut off.
    pub(super) fn is_zero(&mut self) -> Result<bool> {
        Ok(self.peek()? == b'0')
    }

    /// True if the next value, which is not consumed, is an object.
    ///
    /// # Errors
    /// If the text is cut off.
    pub(super) fn is_object(&mut self) -> Result<bool> {
        Ok(self.peek()? == b'{')
    }

    /// An error that says that what follows is too much.
    pub(super) fn limit(what: &'static str) -> Error {
        Error { what, at: None, is_end: false, is_limit: true }
    }

    /// Skips a value.
    ///
    /// # Errors
    /// If the text is cut off, there is no value, or brackets don't match.
    pub(super) fn skip(&mut self) -> Result<()> {
        match self.peek()? {
            b'"' => self.quoted().map(drop),
            b'{' | b'[' => {
                self.bracket()?;
                self.leave()
            }
            _ => self.scalar().map(drop),
        }
    }

    /// Skips a value and returns its JSON.
    ///
    /// # Errors
    /// As for [`skip`](Self::skip).
    pub(super) fn raw(&mut self) -> Result<Json<'a>> {
        self.peek()?;
        let start = self.at;
        self.skip()?;
        Ok(self.json(start, self.at))
    }

    /// Skips the rest of a container, including its closing bracket.
    ///
    /// # Errors
    /// If the text breaks off, or brackets of two kinds meet. Only the innermost 64 kinds are remembered.
    pub(super) fn leave(&mut self) -> Result<()> {
        let bytes = self.text.as_bytes();
        // A bit a container, 1 for objects; the innermost is the lowest.
        let mut kinds = u64::from(self.at.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&b'{'));
        let mut depth = 1_usize;
        loop {
            let mut left = self.marks & self.brackets();
            while left != 0 {
                let bit = left.trailing_zeros();
                left &= left.wrapping_sub(1);
                let at = self.base.saturating_add(bit as usize);
                let byte = bytes.get(at).copied().unwrap_or_default();
                if matches!(byte, b'{' | b'[') {
                    kinds = kinds << 1 | u64::from(byte == b'{');
                    depth = depth.saturating_add(1);
                    continue;
                }
                if kinds & 1 != u64::from(byte == b'}') {
                    return Err(Error {
                        what: "mismatched brackets",
                        at: Some(at),
                        is_end: false,
                        is_limit: false,
                    });
                }
                kinds >>= 1;
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    self.marks &= (u64::MAX << bit) << 1;
                    self.at = at.saturating_add(1);
                    return Ok(());
                }
            }
            if !self.next_block() {
                return Err(self.end_of_text());
            }
        }
    }

    /// Reads the items of a list whose bracket was consumed: `take` must consume one value.
    ///
    /// # Errors
    /// Any error of `take`, and if items are not separated by commas.
    pub(super) fn each(&mut self, mut take: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        if self.peek()? == b']' {
            return self.bracket();
        }
        loop {
            take(self)?;
            match self.peek()? {
                b',' => self.at = self.at.wrapping_add(1),
                b']' => return self.bracket(),
                _ => return Err(self.error("a comma is missing in a list")),
            }
        }
    }

    /// Consumes a key and its colon.
    #[allow(
        clippy::inline_always,
        reason = "half of what is read is keys; a call for each costs 2 % of the pass"
    )]
    #[inline(always)]
    fn key(&mut self) -> Result<Raw<'a>> {
        if self.peek()? != b'"' {
            return Err(self.error("a key is missing"));
        }
        let key = self.string()?;
        if self.peek()? != b':' {
            return Err(self.error("a colon is missing"));
        }
        self.at = self.at.wrapping_add(1);
        Ok(key)
    }

    /// Reads the fields of an object whose bracket was consumed: `take` gets a key and must consume one value.
    ///
    /// # Errors
    /// Any error of `take`, and if keys, colons or commas are missing.
    pub(super) fn fields(&mut self, mut take: impl FnMut(&mut Self, Raw<'a>) -> Result<()>) -> Result<()> {
        if self.peek()? == b'}' {
            return self.bracket();
        }
        loop {
            let key = self.key()?;
            take(self, key)?;
            match self.peek()? {
                b',' => self.at = self.at.wrapping_add(1),
                b'}' => return self.bracket(),
                _ => return Err(self.error("a comma is missing in an object")),
            }
        }
    }

    /// Offset of the opening bracket that was just consumed.
    pub(super) fn container_start(&self) -> usize {
        self.at.saturating_sub(1)
    }

    /// Consumes a value and passes on every string in it, at any depth, except keys and the values of the keys in
    /// `skipped`.
    ///
    /// # Errors
    /// As for [`value`](Self::value), [`each`](Self::each) and [`fields`](Self::fields), and those of `take`.
    pub(super) fn strings(
        &mut self,
        skipped: &[&str],
        mut take: impl FnMut(Raw<'a>) -> Result<()>,
    ) -> Result<()> {
        // The closing brackets that are due.
        let mut due = Vec::new();
        loop {
            let mut first = true;
            match self.value()? {
                Value::Text(text) => {
                    take(text)?;
                    first = false;
                }
                Value::List => due.push(b']'),
                Value::Object => due.push(b'}'),
                Value::Null | Value::Bool(_) | Value::Number(_) => first = false,
            }
            loop {
                let Some(&closing) = due.last() else { return Ok(()) };
                let byte = self.peek()?;
                if byte == closing {
                    self.bracket()?;
                    due.pop();
                    first = false;
                    continue;
                }
                if !first {
                    if byte != b',' {
                        return Err(self.error("a comma is missing"));
                    }
                    self.at = self.at.wrapping_add(1);
                }
                if closing == b']' {
                    break;
                }
                let key = self.key()?;
                if !skipped.contains(&key.text()?) {
                    break;
                }
                self.skip()?;
                first = false;
            }
        }
    }

    /// Checks that nothing is left.
    ///
    /// # Errors
    /// If there is more.
    pub(super) fn end(&mut self) -> Result<()> {
        match self.peek() {
            Err(_) => Ok(()),
            Ok(_) => Err(self.error("data after the end")),
        }
    }
}

/// The bytes before which a number or a word of JSON ends, rightly or not.
const ENDS_SCALAR: [bool; 256] = {
    let mut ends = [false; 256];
    let mut byte = 0_u8;
    loop {
        ends[byte as usize] =
            byte <= b' ' || matches!(byte, b',' | b'}' | b']' | b'"' | b'{' | b'[' | b':' | b'\\');
        if byte == u8::MAX {
            break ends;
        }
        byte += 1;
    }
};

/// The number that `bytes` begin with, and how long it is, if it has a few digits and no sign or exponent, as almost all
/// have. Rounded as it should be: digits and power of ten are floats without an error, and so is their quotient rounded
/// only once.
fn short_number(bytes: &[u8]) -> Option<(f64, usize)> {
    const LONGEST: usize = 17;
    const EXACT: u64 = 1 << f64::MANTISSA_DIGITS;
    let (mut digits, mut point, mut len) = (0_u64, None, 0_usize);
    loop {
        match bytes.get(len) {
            Some(digit @ b'0'..=b'9') if len < LONGEST => {
                digits = digits.wrapping_mul(10).wrapping_add(u64::from(digit & 0xf));
            }
            Some(b'.') if point.is_none() && len > 0 => point = Some(len),
            Some(byte) if !ENDS_SCALAR[usize::from(*byte)] => return None,
            _ => break,
        }
        len = len.wrapping_add(1);
    }
    let decimals = point.map_or(0, |point| len.wrapping_sub(point).wrapping_sub(1));
    let begins_badly = matches!(bytes, [b'0', b'0'..=b'9', ..]);
    if len == 0 || begins_badly || point.is_some() && decimals == 0 || digits > EXACT {
        return None;
    }
    Some((digits as f64 / POWERS_OF_TEN.get(decimals)?, len))
}

/// Powers of ten that are floats without an error.
const POWERS_OF_TEN: [f64; 17] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

/// A number of JSON, which is stricter than Rust, and finite.
fn number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    let begins_badly = matches!(digits, [b'0', b'0'..=b'9', ..]) || !digits.first()?.is_ascii_digit();
    let dot = digits.iter().position(|&byte| byte == b'.');
    let hangs = dot.is_some_and(|dot| !digits.get(dot + 1).is_some_and(u8::is_ascii_digit));
    if begins_badly || hangs {
        return None;
    }
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests;
