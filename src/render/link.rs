//! Links: to neighbours of a page, and to the outside.

use super::{STEM, escape};
use crate::catalog::Page;
use crate::conversation::files::Files;
use crate::conversation::{FileKind, FileRef, Link};
use std::borrow::Cow;

/// `name` as one segment of a relative link: everything but RFC 3986's unreserved characters is percent-encoded, so
/// that every reader of Markdown finds the file.
pub fn encode_path_segment(name: &str) -> String {
    let mut encoded = String::with_capacity(encoded_len(name));
    for byte in name.bytes() {
        percent_encode(byte, is_unreserved, &mut encoded);
    }
    encoded
}

/// How long a name is once it is [encoded](encode_path_segment), in bytes.
pub fn encoded_len(name: &str) -> usize {
    name.bytes().map(|byte| if is_unreserved(byte) { 1 } else { 3 }).sum()
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn percent_encode(byte: u8, is_kept: impl Fn(u8) -> bool, out: &mut String) {
    if is_kept(byte) {
        out.push(char::from(byte));
    } else {
        let digit = |digit: u8| char::from(if digit < 10 { b'0' + digit } else { b'A' - 10 + digit });
        out.extend(['%', digit(byte >> 4), digit(byte & 0xf)]);
    }
}

/// What the pages of a conversation need to know to link to its files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbours<'d> {
    files: &'d Files,
    page: Page,
}

impl<'d> Neighbours<'d> {
    pub(super) fn of(files: &'d Files, page: Page) -> Self {
        Self { files, page }
    }

    /// The address of the file that `file` means; `None` if the export does not contain it.
    pub(super) fn file(&self, file: &FileRef<'_>) -> Option<String> {
        let name = encode_path_segment(&self.files.get(file)?.name);
        Some(match self.page {
            Page::Branch(_) => format!("../{STEM}.assets/{name}"),
            Page::Thread | Page::Canvas(_) => format!("{STEM}.assets/{name}"),
        })
    }

    /// The address of the branch with this number.
    pub(super) fn branch(&self, number: u32) -> String {
        match self.page {
            Page::Branch(_) => format!("{number}.md"),
            Page::Thread | Page::Canvas(_) => format!("{STEM}.branches/{number}.md"),
        }
    }

    /// The label of a file: the name that its user knows, else its name here, else its id.
    pub(super) fn name(&self, file: &FileRef<'_>) -> String {
        let known = file.name.as_deref().filter(|name| !name.trim().is_empty());
        let found = || self.files.get(file).map(|file| file.name.as_str());
        known.or_else(found).unwrap_or(&file.id).to_owned()
    }
}

/// Writes `[label](address)`; `address` is already fit for it.
pub(super) fn write(label: &str, address: &str, out: &mut String) {
    out.reserve(label.len().saturating_add(address.len()).saturating_add(4));
    out.push('[');
    out.push_str(label);
    out.push_str("](");
    out.push_str(address);
    out.push(')');
}

/// Writes a link to the outside, or its label alone if it leads nowhere. Its label is its host if it has no other.
pub(super) fn external(link: &Link<'_>, out: &mut String) {
    let url = link.url.trim();
    let text = escape::label(if escape::is_blank(&link.label) { host(url) } else { &link.label });
    if url.is_empty() {
        out.push_str(&text);
    } else {
        write(&text, &destination(url), out);
    }
}

/// True if nothing would be shown of `link`.
pub(super) fn is_empty(link: &Link<'_>) -> bool {
    escape::is_blank(&link.label) && escape::is_blank(&link.url)
}

/// The bytes that mean nothing special in the destination of a link.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] = !matches!(byte, b'<' | b'>' | b'\\' | b'`' | b'(' | b')' | b'&');
        byte += 1;
    }
    plain
};

/// `url`, without white space around it, as the destination of a link: nothing in it can end the link. Copies nothing
/// where nothing changes.
fn destination(url: &str) -> Cow<'_, str> {
    if url.bytes().fold(true, |all, byte| all & PLAIN[usize::from(byte)]) {
        return Cow::Borrowed(url);
    }
    let balanced = has_balanced_parentheses(url);
    let mut encoded = String::with_capacity(url.len());
    for (at, c) in url.char_indices() {
        let harmful = c.is_control() || c.is_whitespace() || c == STEM || matches!(c, '<' | '>' | '\\' | '`');
        if harmful || (!balanced && matches!(c, '(' | ')')) {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                percent_encode(byte, |_| false, &mut encoded);
            }
            continue;
        }
        let rest = url.get(at + 1..).filter(|_| c == '&').unwrap_or_default();
        let name =
            rest.bytes().take(32).take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'#').count();
        if name > 0 && rest.as_bytes().get(name) == Some(&b';') {
            encoded.push('\\'); // or it would be taken for a character reference
        }
        encoded.push(c);
    }
    Cow::Owned(encoded)
}

/// True if the parentheses of `url` pair up, no deeper than every parser takes.
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

/// The host of `url` without `www.`; all of it if it has none.
fn host(url: &str) -> &str {
    let url = url.trim();
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    host.strip_prefix("www.").unwrap_or(host)
}

/// What to say of a file that the export does not contain: `lost.docx, 2.0 kB, not in export`.
pub(super) fn missing(name: &str, file: &FileRef<'_>) -> String {
    let kind = match file.kind {
        FileKind::Image => "Image",
        FileKind::Audio => "Audio",
        FileKind::Video => "Video",
        FileKind::Other => "File",
    };
    let name = escape::label(name);
    let name = if name.is_empty() { kind } else { &*name };
    match file.bytes {
        Some(bytes) => format!("{name}, {}, not in export", size(bytes)),
        None => format!("{name}, not in export"),
    }
}

/// A size for people. Units are powers of 1,000, as their SI prefixes say: 2,048 bytes are `2.0 kB`.
fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (rounded(bytes, 100), "kB");
    for (size, larger) in [(100_000, "MB"), (100_000_000, "GB"), (100_000_000_000, "TB")] {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = (rounded(bytes, size), larger);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `bytes` in units of `size`, to the nearest.
fn rounded(bytes: u64, size: u64) -> u64 {
    bytes.saturating_add(size / 2) / size
}

#[cfg(test)]
mod tests;
