//! Links and the addresses in them.

use super::code::code_span;
use super::{PLACEHOLDER, words};
use std::borrow::Cow;

/// `name` as one segment of a relative link: everything but RFC 3986's unreserved characters is percent-encoded, so
/// that every Markdown reader finds the file.
pub(crate) fn encode_path_segment(name: &str) -> String {
    let mut encoded = String::with_capacity(encoded_len(name));
    for byte in name.bytes() {
        percent_encode(byte, is_unreserved, &mut encoded);
    }
    encoded
}

/// The length of a name in bytes once it is [encoded](encode_path_segment).
pub(crate) fn encoded_len(name: &str) -> usize {
    name.bytes().map(|byte| if is_unreserved(byte) { 1 } else { 3 }).sum()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Writes `byte` as it is if it `is_kept`, else percent-encoded.
pub(crate) fn percent_encode(byte: u8, is_kept: impl Fn(u8) -> bool, out: &mut String) {
    if is_kept(byte) {
        out.push(char::from(byte));
    } else {
        let digit = |digit: u8| char::from(if digit < 10 { b'0' + digit } else { b'A' - 10 + digit });
        out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// Writes `[label](address)`; `address` must be escaped already.
pub(crate) fn link(label: &str, address: &str, out: &mut String) {
    out.reserve(label.len().saturating_add(address.len()).saturating_add(4));
    out.push('[');
    out.push_str(label);
    out.push_str("](");
    out.push_str(address);
    out.push(')');
}

/// Writes an external link, or only its label if it has no address. Without a label, its host serves as one.
/// An address that is neither the web's nor a mailbox's does not become a link: it follows the label as code.
pub(crate) fn external(label: &str, url: &str, out: &mut String) {
    let url = url.trim();
    let text = words::label(if words::is_blank(label) { host(url) } else { label });
    if is_web(url) {
        return link(&text, &destination(url), out);
    }
    let code = code_span(&words::one_line(url));
    if code.is_empty() || !(words::is_blank(label) || label.trim() == host(url) || label.trim() == url) {
        out.push_str(&text);
        out.push_str(if code.is_empty() || text.is_empty() { "" } else { " " });
    }
    out.push_str(&code);
}

/// True for the addresses that become links: the web's, and mailboxes.
pub(crate) fn is_web(url: &str) -> bool {
    let url = url.trim_start();
    let has = |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    ["http://", "https://", "mailto:"].into_iter().any(has)
}

/// Bytes without special meaning in a link destination.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'<' | b'>' | b'\\' | b'`' | b'(' | b')' | b'&');
        byte += 1;
    }
    plain
};

/// `url`, trimmed and escaped as a link destination: nothing in it can end the link. Borrows if nothing changes.
pub(crate) fn destination(url: &str) -> Cow<'_, str> {
    if url.bytes().fold(true, |all, byte| all & PLAIN[usize::from(byte)]) {
        return Cow::Borrowed(url);
    }
    let balanced = has_balanced_parentheses(url);
    let mut encoded = String::with_capacity(url.len());
    for (at, c) in url.char_indices() {
        let harmful =
            c.is_control() || c.is_whitespace() || c == PLACEHOLDER || matches!(c, '<' | '>' | '\\' | '`');
        if harmful || (!balanced && matches!(c, '(' | ')')) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                percent_encode(byte, |_| false, &mut encoded);
            }
            continue;
        }
        if c == '&' && words::is_entity(url.get(at + 1..).unwrap_or_default()) {
            encoded.push('\\');
        }
        encoded.push(c);
    }
    Cow::Owned(encoded)
}

/// True if the parentheses of `url` are balanced and nest no deeper than every parser supports.
fn has_balanced_parentheses(url: &str) -> bool {
    let mut depth = 0_usize;
    for byte in url.bytes() {
        match byte {
            b'(' if depth < 8 => depth += 1,
            b'(' => return false,
            b')' => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
    }
    depth == 0
}

/// The host of `url` without `www.` and without a user's name; all of it if it has none.
pub(crate) fn host(url: &str) -> &str {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.strip_prefix("www.").unwrap_or(host)
}

/// `text` percent-decoded; unchanged if the result is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        let digits = after.first_chunk::<2>().filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let decoded = digits.filter(|_| *byte == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(decoded.unwrap_or(*byte));
        rest = if decoded.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// The position of the bracket that opens the label at the end of `before`, the text before `](`.
pub(crate) fn label_start(before: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in before.bytes().enumerate().rev() {
        match byte {
            b']' => depth += 1,
            b'[' if depth == 0 => return Some(at),
            b'[' => depth -= 1,
            b'\n' if before.as_bytes().get(at + 1) == Some(&b'\n') => return None,
            _ => {}
        }
    }
    None
}

/// The length of the link destination at the start of `rest`, up to the parenthesis that closes it on the same line.
pub(crate) fn destination_length(rest: &str) -> Option<usize> {
    const LONGEST: usize = 4096;
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().take(LONGEST).enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
