//! Words as a page may hold them: without control characters, on one line, escaped for where they go.

use super::PLACEHOLDER;
use super::hints::Hints;
use crate::text::is_bidi_control;
use memchr::{memchr_iter, memmem};
use std::borrow::Cow;
use std::sync::LazyLock;

/// `text` as a page may hold it: line ends are `\n`, and of the other control characters, which nobody sees, only the
/// tab is left. Copies nothing where nothing changes.
pub(crate) fn clean(text: &str, hints: Hints) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_c1 = |at: usize| matches!(bytes.get(at + 1), Some(0x80..=0x9f));
    let needed = hints.may_have(Hints::CONTROL)
        || (hints.may_have(Hints::LEAD) && memchr_iter(0xc2, bytes).any(is_c1));
    if !needed {
        return Cow::Borrowed(text);
    }
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' => {
                characters.next_if_eq(&'\n');
                cleaned.push('\n');
            }
            c if c.is_control() && c != '\n' && c != '\t' => {}
            c => cleaned.push(c),
        }
    }
    Cow::Owned(cleaned)
}

/// `text` with U+FFFD for [`PLACEHOLDER`], which no export may write. Keeps the number of bytes and code points. Copies nothing where nothing changes.
pub(crate) fn without_placeholder(text: &str, hints: Hints) -> Cow<'_, str> {
    if !hints.may_have(Hints::LEAD) || PLACEHOLDER_FINDER.find(text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(PLACEHOLDER, "\u{fffd}"))
}

/// Finds [`PLACEHOLDER`]. Preparing a search costs more than searching a short text, so it is done once.
pub(crate) static PLACEHOLDER_FINDER: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(PLACEHOLDER.encode_utf8(&mut [0; 4])).into_owned());

/// `text` on one line: runs of white space become one space, and nothing is left of control and bidi characters.
/// Not escaped. Copies nothing where nothing changes.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PRINTABLE) { Cow::Borrowed(text) } else { Cow::Owned(joined_words(text)) }
}

fn joined_words(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        let before = line.len();
        line.extend(word.chars().filter(|&c| !is_bidi_control(c)).map(replace_placeholder));
        if line.len() > before {
            line.push(' ');
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Printable ASCII.
const PRINTABLE: u8 = 1;
/// Printable ASCII that is nothing special in a label.
const PLAIN: u8 = 1 << 1;
/// Printable ASCII that is nothing special in HTML.
const PLAIN_HTML: u8 = 1 << 2;
/// The space.
const SPACE: u8 = 1 << 3;

/// Which of these classes each byte belongs to.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b' ';
    while byte <= b'~' {
        let in_label = !matches!(byte, b'\\' | b'[' | b']' | b'`' | b'<' | b'*' | b'_' | b'&' | b'#');
        let in_html = !matches!(byte, b'&' | b'<' | b'>');
        classes[byte as usize] = PRINTABLE
            | if in_label { PLAIN } else { 0 }
            | if in_html { PLAIN_HTML } else { 0 }
            | if byte == b' ' { SPACE } else { 0 };
        byte += 1;
    }
    classes
};

/// True for text that is one line already, with single spaces inside and all its bytes of `class`. Seen in one pass:
/// most labels are so.
fn is_line_of(text: &str, class: u8) -> bool {
    let (mut all, mut before, mut doubled) = (class, SPACE, 0);
    for &byte in text.as_bytes() {
        let classes = CLASSES[usize::from(byte)];
        all &= classes;
        doubled |= classes & before; // also a space at the beginning
        before = classes;
    }
    all != 0 && doubled & SPACE == 0 && (before & SPACE == 0 || text.is_empty())
}

fn replace_placeholder(c: char) -> char {
    if c == PLACEHOLDER { char::REPLACEMENT_CHARACTER } else { c }
}

/// `text` on one line as words and nothing else: a label of a link, a heading, a part of a sentence. Characters that
/// Markdown would take for markup are escaped, and only those.
pub(crate) fn label(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PLAIN) {
        return Cow::Borrowed(text);
    }
    let line = one_line(text);
    // What is not ASCII needs no escaping.
    if line.bytes().all(|byte| !byte.is_ascii() || CLASSES[usize::from(byte)] & PLAIN != 0) {
        return line;
    }
    let mut escaped = String::with_capacity(line.len() + 8);
    let mut before = ' ';
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let after = rest.clone().next();
        let is_special = match c {
            '\\' | '[' | ']' | '`' | '<' | '*' => true,
            // Within a word an underscore is nothing special.
            '_' => !(before.is_alphanumeric() && after.is_some_and(char::is_alphanumeric)),
            '&' => after.is_some_and(|c| c.is_ascii_alphabetic() || c == '#') && is_entity(rest.as_str()),
            // A run of them at the end of a heading would vanish.
            '#' => before == ' ' && rest.as_str().bytes().all(|byte| byte == b'#'),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    Cow::Owned(escaped)
}

/// True if `&` and `rest` begin a character reference.
fn is_entity(rest: &str) -> bool {
    let name = rest.bytes().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    rest.as_bytes().get(name) == Some(&b';')
}

/// `text` within HTML, on one line.
pub(crate) fn html(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PLAIN_HTML) {
        return Cow::Borrowed(text);
    }
    let line = one_line(text);
    if !line.contains(['&', '<', '>']) {
        return line;
    }
    Cow::Owned(line.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
}

/// True if `text` is nothing but white space. Its end is not looked at where its beginning says enough.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

/// `text` without blank lines at its beginning and white space at its end.
pub(crate) fn trim_block(text: &str) -> &str {
    let text = text.trim_end();
    if !text.starts_with(char::is_whitespace) {
        return text;
    }
    let first = text.len() - text.trim_start().len();
    let line = text.get(..first).and_then(|blank| blank.rfind('\n')).map_or(0, |at| at + 1);
    text.get(line..).unwrap_or_default()
}

#[cfg(test)]
mod tests;
