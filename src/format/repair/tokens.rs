//! The tokens of text that should be JSON, each made valid by itself.

use super::Notes;
use crate::bytes::without_byte_order_mark;
use std::fmt::Write;

/// A piece of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum JsonToken<'a> {
    /// `{` or `[`.
    Open(u8),
    /// `}` or `]`.
    Close(u8),
    Comma,
    Colon,
    /// A string as valid JSON, with its quotes.
    Text(String),
    /// Anything else up to a blank or one of the above.
    Word(&'a [u8]),
}

/// Takes text apart.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
    notes: Notes,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let bytes = without_byte_order_mark(bytes);
        Self { rest: bytes.trim_ascii(), notes: Notes::default() }
    }

    /// What was changed in the tokens so far.
    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// True if nothing is left.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Option<JsonToken<'a>> {
        self.rest = self.rest.trim_ascii_start();
        let (&first, rest) = self.rest.split_first()?;
        let single = match first {
            b'{' | b'[' => JsonToken::Open(first),
            b'}' | b']' => JsonToken::Close(first),
            b',' => JsonToken::Comma,
            b':' => JsonToken::Colon,
            b'"' => {
                let (text, behind) = string(rest, &mut self.notes);
                self.rest = behind;
                return Some(JsonToken::Text(text));
            }
            _ => {
                let len = self.rest.iter().position(|byte| is_end_of_word(*byte)).unwrap_or(self.rest.len());
                let (word, behind) = self.rest.split_at(len);
                self.rest = behind;
                return Some(JsonToken::Word(word));
            }
        };
        self.rest = rest;
        Some(single)
    }

    /// Passes over the rest of a container whose opening bracket was just read.
    pub(super) fn skip_container(&mut self) {
        let (mut depth, mut inside, mut escaped) = (1_usize, false, false);
        let len = self.rest.iter().position(|&byte| {
            match byte {
                b'"' if !escaped => inside = !inside,
                b'{' | b'[' if !inside => depth = depth.saturating_add(1),
                b'}' | b']' if !inside => depth = depth.saturating_sub(1),
                _ => {}
            }
            escaped = inside && byte == b'\\' && !escaped;
            depth == 0
        });
        self.rest = len.and_then(|len| self.rest.get(len.saturating_add(1)..)).unwrap_or_default();
    }
}

fn is_end_of_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || b"{}[],:\"".contains(&byte)
}

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// Reads a string after its opening quote. Returns it as valid JSON with both quotes, and what follows it.
fn string<'a>(bytes: &'a [u8], notes: &mut Notes) -> (String, &'a [u8]) {
    let mut out = String::from("\"");
    let mut rest = bytes;
    loop {
        let len = rest.iter().position(|&byte| is_special(byte)).unwrap_or(rest.len());
        let (plain, behind) = rest.split_at(len);
        // All ASCII, so always valid.
        out.push_str(std::str::from_utf8(plain).unwrap_or_default());
        let Some((&first, after)) = behind.split_first() else {
            notes.add("breaks off within a string");
            break;
        };
        rest = match first {
            b'"' => {
                out.push('"');
                return (out, after);
            }
            b'\\' => escape(behind, &mut out, notes),
            0x80.. => wide(behind, &mut out, notes),
            _ => {
                notes.add("control character in a string escaped");
                push_escaped(first, &mut out);
                after
            }
        };
    }
    out.push('"');
    (out, &[])
}

/// True for bytes of a string that can't simply be taken over.
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..0x20 | 0x80..)
}

/// `word` as a string in valid JSON. Backslashes and quotes are text.
pub(super) fn quoted(word: &[u8], notes: &mut Notes) -> String {
    let mut out = String::from("\"");
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        if first.is_ascii() {
            push_escaped(first, &mut out);
            rest = after;
        } else {
            rest = wide(rest, &mut out, notes);
        }
    }
    out.push('"');
    out
}

/// Writes an ASCII character as a JSON string needs it.
fn push_escaped(byte: u8, out: &mut String) {
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        0..0x20 => {
            // Writing to a string can't fail.
            let _ = write!(out, "\\u{byte:04x}");
        }
        _ => out.push(char::from(byte)),
    }
}

/// Copies the escape at the start of `bytes`, and returns what follows it.
fn escape<'a>(bytes: &'a [u8], out: &mut String, notes: &mut Notes) -> &'a [u8] {
    let behind = |len: usize| bytes.get(len..).unwrap_or_default();
    match (bytes.get(1), unit(bytes)) {
        (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), _) => {
            out.push_str(std::str::from_utf8(bytes.get(..2).unwrap_or_default()).unwrap_or_default());
            behind(2)
        }
        (_, Some(0xD800..0xDC00)) if matches!(unit(behind(6)), Some(0xDC00..0xE000)) => {
            out.push_str(std::str::from_utf8(bytes.get(..12).unwrap_or_default()).unwrap_or_default());
            behind(12)
        }
        (_, Some(0xD800..0xE000)) => {
            notes.add("lone surrogate replaced");
            out.push(REPLACEMENT);
            behind(6)
        }
        (_, Some(_)) => {
            out.push_str(std::str::from_utf8(bytes.get(..6).unwrap_or_default()).unwrap_or_default());
            behind(6)
        }
        (None, None) => {
            // The text ends here, in the middle of an escape.
            notes.add("breaks off within a string");
            behind(1)
        }
        (Some(b'u'), None) if bytes.len() < 6 && bytes.iter().skip(2).all(u8::is_ascii_hexdigit) => {
            notes.add("breaks off within a string");
            out.push(REPLACEMENT);
            &[]
        }
        (Some(_), None) => {
            notes.add("invalid escape taken as text");
            out.push_str("\\\\");
            behind(1)
        }
    }
}

/// The code unit of an escape `\uXXXX` at the start of `bytes`.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    let digits = digits.iter().all(u8::is_ascii_hexdigit).then_some(digits)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Copies the non-ASCII character at the start of `bytes`, and returns what follows it.
fn wide<'a>(bytes: &'a [u8], out: &mut String, notes: &mut Notes) -> &'a [u8] {
    // The longest character has four bytes.
    let window = bytes.get(..4).unwrap_or(bytes);
    let (valid, broken) = match std::str::from_utf8(window) {
        Ok(valid) => (valid, 0),
        Err(error) => {
            let valid = window.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), error.error_len().unwrap_or(window.len()))
        }
    };
    if let Some(symbol) = valid.chars().next() {
        out.push(symbol);
        return bytes.get(symbol.len_utf8()..).unwrap_or_default();
    }
    let (symbol, taken) = match (half(bytes), half(bytes.get(3..).unwrap_or_default())) {
        (Some(high @ 0xD800..0xDC00), Some(low @ 0xDC00..0xE000)) => {
            notes.add("surrogate pair in UTF-8 joined");
            let symbol = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
            (char::from_u32(symbol).unwrap_or(REPLACEMENT), 6)
        }
        (Some(_), _) => {
            notes.add("lone surrogate replaced");
            (REPLACEMENT, 3)
        }
        (None, _) => {
            notes.add("invalid UTF-8 replaced");
            (REPLACEMENT, broken)
        }
    };
    out.push(symbol);
    bytes.get(taken..).unwrap_or_default()
}

/// A lone surrogate that was encoded as UTF-8, at the start of `bytes`.
fn half(bytes: &[u8]) -> Option<u32> {
    match *bytes {
        [0xED, second @ 0xA0..=0xBF, third @ 0x80..=0xBF, ..] => {
            Some(0xD000 | u32::from(second & 0x3F) << 6 | u32::from(third & 0x3F))
        }
        _ => None,
    }
}

/// `word`, made of digits, signs, points and `e`, as a JSON number; `None` if it is invalid or not finite.
pub(super) fn number(word: &str) -> Option<String> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word.strip_prefix('+').unwrap_or(word)),
    };
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (digits, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent_digits = exponent.map(|text| text.strip_prefix(['+', '-']).unwrap_or(text));
    if !is_digits(whole)
        || !fraction.is_none_or(is_digits)
        || !exponent_digits.is_none_or(|text| !text.is_empty() && is_digits(text))
        || whole.is_empty() && fraction.is_none_or(str::is_empty)
    {
        return None;
    }
    let mut out = String::with_capacity(word.len());
    if negative {
        out.push('-');
    }
    let significant = whole.trim_start_matches('0');
    out.push_str(if significant.is_empty() { "0" } else { significant });
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(if fraction.is_empty() { "0" } else { fraction });
    }
    if let (Some(exponent), Some(at)) = (exponent, digits.find(['e', 'E'])) {
        out.push_str(digits.get(at..=at).unwrap_or("e"));
        out.push_str(exponent);
    }
    out.parse::<f64>().is_ok_and(f64::is_finite).then_some(out)
}
