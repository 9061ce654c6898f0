//! Replacements in the manner of Python's `Match.expand`.

use regex::{Captures, Regex};

/// A result, or the reason why an edit can't be applied, in a few words.
pub(super) type Result<T> = std::result::Result<T, &'static str>;

const TEMPLATE: &str = "its replacement is not valid";

/// A replacement, read.
#[derive(Debug)]
pub(super) struct Template(Vec<Piece>);

impl Template {
    /// Reads `replacement` for matches of `regex`.
    pub(super) fn new(replacement: &str, regex: &Regex) -> Result<Self> {
        pieces(replacement, regex).map(Self)
    }

    /// Writes what replaces a match.
    pub(super) fn expand(&self, captures: &Captures<'_>, new: &mut String) {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => new.push_str(text),
                Piece::Group(group) => new.push_str(captures.get(*group).map_or("", |group| group.as_str())),
            }
        }
    }
}

/// A piece of a replacement.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Group(usize),
}

fn pieces(replacement: &str, regex: &Regex) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let c = after.chars().next().ok_or(TEMPLATE)?;
        let mut len = c.len_utf8();
        let digits = after.bytes().take(3).take_while(u8::is_ascii_digit).count();
        let octal = after.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
        let group = match c {
            'g' => {
                let (name, _) =
                    after.strip_prefix("g<").and_then(|name| name.split_once('>')).ok_or(TEMPLATE)?;
                len = name.len() + 3;
                Some(named(name, regex).ok_or(TEMPLATE)?)
            }
            '0' => {
                len = octal.clamp(1, 3);
                text.push(octal_char(after, len)?);
                None
            }
            '1'..='9' if octal == 3 => {
                len = 3;
                text.push(octal_char(after, len)?);
                None
            }
            '1'..='9' => {
                len = digits.min(2);
                Some(after.get(..len).and_then(|number| number.parse().ok()).ok_or(TEMPLATE)?)
            }
            _ => {
                match escape(c) {
                    Some(escaped) => text.push(escaped),
                    None if c == '\\' => text.push('\\'),
                    None if c.is_ascii_alphabetic() => return Err(TEMPLATE),
                    None => text.extend(['\\', c]),
                }
                None
            }
        };
        if let Some(group) = group {
            if group >= regex.captures_len() {
                return Err(TEMPLATE);
            }
            pieces.push(Piece::Text(std::mem::take(&mut text)));
            pieces.push(Piece::Group(group));
        }
        rest = after.get(len..).unwrap_or_default();
    }
    text.push_str(rest);
    pieces.push(Piece::Text(text));
    Ok(pieces)
}

/// The group of a name or number in `\g<…>`.
fn named(name: &str, regex: &Regex) -> Option<usize> {
    if name.bytes().all(|b| b.is_ascii_digit()) {
        return name.parse().ok();
    }
    regex.capture_names().position(|group| group == Some(name))
}

/// The character of an octal number up to 0377.
pub(super) fn octal_char(digits: &str, len: usize) -> Result<char> {
    let value = digits.get(..len).and_then(|digits| u32::from_str_radix(digits, 8).ok());
    value.filter(|&value| value <= 0o377).and_then(char::from_u32).ok_or(TEMPLATE)
}

/// The control character of a letter after a backslash, for patterns and templates alike.
pub(super) fn escape(c: char) -> Option<char> {
    Some(match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}
