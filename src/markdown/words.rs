//! Text made fit for a page: without control characters, on one line, escaped for its context.

use super::PLACEHOLDER;
use super::hints::Hints;
use crate::text::is_bidi_control;
use memchr::{memchr_iter, memchr2_iter, memmem};
use std::borrow::Cow;
use std::sync::LazyLock;

/// `text` made fit for a page: line ends become `\n`, and all other control characters but tabs are removed. Borrows if
/// nothing changes.
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

/// `text` with U+FFFD in place of [`PLACEHOLDER`], which must not come from an export. Keeps the number of bytes and
/// code points. Borrows if nothing changes.
pub(crate) fn without_placeholder(text: &str, hints: Hints) -> Cow<'_, str> {
    if !hints.may_have(Hints::LEAD) || PLACEHOLDER_FINDER.find(text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(PLACEHOLDER, "\u{fffd}"))
}

/// Finds [`PLACEHOLDER`]. Preparing a search costs more than searching a short text, so it is done once.
pub(crate) static PLACEHOLDER_FINDER: LazyLock<memmem::Finder<'static>> =
    LazyLock::new(|| memmem::Finder::new(PLACEHOLDER.encode_utf8(&mut [0; 4])).into_owned());

/// `text` on one line: runs of white space become one space, and control and bidi characters are removed. Not escaped.
/// Borrows if nothing changes.
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
/// Printable ASCII without special meaning in a label.
const PLAIN: u8 = 1 << 1;
/// Printable ASCII without special meaning in HTML.
const PLAIN_HTML: u8 = 1 << 2;
/// The space.
const SPACE: u8 = 1 << 3;

/// The classes of each byte.
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

/// True for text that is already one line with single spaces, all its bytes in `class`. One pass suffices for most
/// labels.
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

/// `text` as plain words on one line, for the label of a link or a heading. Escapes only the characters that Markdown
/// would take for markup.
pub(crate) fn label(text: &str) -> Cow<'_, str> {
    if is_line_of(text, PLAIN) {
        return Cow::Borrowed(text);
    }
    let line = one_line(text);
    // Only ASCII needs escaping.
    if line.bytes().all(|byte| !byte.is_ascii() || CLASSES[usize::from(byte)] & PLAIN != 0) {
        return line;
    }
    Cow::Owned(escaped_except(&line, &[]))
}

/// `text` as plain words on one line, for part of a sentence: like [`label`], but brackets that make no link are left as
/// they are. Between escaped ones a formula might be seen.
pub(crate) fn sentence(text: &str) -> Cow<'_, str> {
    if !text.contains('[') {
        return label(text);
    }
    let line = one_line(text);
    let harmless = harmless_brackets(&line, None, None);
    Cow::Owned(escaped_except(&line, &harmless))
}

/// The brackets of `text`, which is between the characters `before` and `after`, that need no backslash because they are
/// neither a link nor anything else: their bytes, ascending.
pub(crate) fn harmless_brackets(text: &str, before: Option<char>, after: Option<char>) -> Vec<usize> {
    let mut harmless = Vec::new();
    let mut open = Vec::new();
    for at in memchr2_iter(b'[', b']', text.as_bytes()) {
        let rest = text.get(at + 1..).unwrap_or_default();
        if text.as_bytes().get(at) == Some(&b'[') {
            open.push(at);
            continue;
        }
        let Some(start) = open.pop() else { continue };
        let next = rest.chars().next().or(after);
        if matches!(next, Some('(' | '[' | ':')) {
            continue;
        }
        harmless.push(at);
        let inside = text.get(start + 1..at).unwrap_or_default();
        let is_first = start == 0;
        let is_task = is_first && matches!(inside, " " | "x" | "X") && next.is_some_and(char::is_whitespace);
        // Footnotes and links between notes.
        let is_link = inside.starts_with(['^', '[']) || (is_first && before == Some(']'));
        if !is_task && !is_link {
            harmless.push(start);
        }
    }
    harmless.sort_unstable();
    harmless
}

/// `line` with a backslash before what Markdown would take for markup, except at the bytes `harmless`.
fn escaped_except(line: &str, harmless: &[usize]) -> String {
    let mut escaped = String::with_capacity(line.len() + 8);
    let mut before = ' ';
    let mut rest = line.chars();
    let mut harmless = harmless.iter().peekable();
    loop {
        let at = line.len() - rest.as_str().len();
        let Some(c) = rest.next() else { break };
        let after = rest.clone().next();
        let is_special = match c {
            '[' | ']' => harmless.next_if(|&&next| next == at).is_none(),
            '\\' | '`' | '<' | '*' => true,
            // An underscore within a word has no special meaning.
            '_' => !(before.is_alphanumeric() && after.is_some_and(char::is_alphanumeric)),
            '&' => after.is_some_and(|c| !c.is_ascii_digit()) && is_entity(rest.as_str()),
            // A run of `#` at the end of a heading would vanish.
            '#' => before == ' ' && rest.as_str().bytes().all(|byte| byte == b'#'),
            _ => false,
        };
        if is_special {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

/// True if `&` and `rest` begin a character reference.
pub(crate) fn is_entity(rest: &str) -> bool {
    let name = rest.bytes().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
    name > 0 && rest.as_bytes().get(name) == Some(&b';')
}

/// `text` escaped for HTML, on one line.
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

/// True if `text` is nothing but white space. Stops at the first other character.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim_start().is_empty()
}

/// `text` without leading blank lines and trailing white space.
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
