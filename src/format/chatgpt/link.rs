//! Addresses and the Markdown around them: tracking parameters go, and links to nowhere become their labels.

use crate::bytes::Positions;
use crate::conversation::{Link, Text};
use crate::markdown::{host, is_web};
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

/// The parameter that ChatGPT adds to every address that it cites.
const TRACKER: &str = "utm_source=chatgpt.com";

static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(TRACKER));

/// The ranges of `text` (an address, or Markdown with addresses) that ChatGPT's tracking parameter takes up. Every other
/// parameter and the fragment stay.
pub(super) fn tracking(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    FINDER.find_iter(bytes).filter_map(move |at| {
        let end = at + TRACKER.len();
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        match (before, bytes.get(end)) {
            // `?a&b` keeps its question mark for the next parameter.
            (Some(b'?' | b'&'), Some(b'&')) => Some(at..end + 1),
            (Some(_), Some(byte))
                if byte.is_ascii_alphanumeric() || b"-_.~%".contains(byte) && !ends(bytes, end) =>
            {
                None
            }
            (Some(b'?' | b'&'), _) => Some(at - 1..end),
            _ => None,
        }
    })
}

/// True if a full stop at `at` ends a sentence rather than a part of an address.
fn ends(bytes: &[u8], at: usize) -> bool {
    bytes.get(at) == Some(&b'.') && bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}

/// `text` (an address, or Markdown with addresses) without ChatGPT's tracking parameter.
pub(super) fn untracked(text: Text<'_>) -> Text<'_> {
    let Some(first) = tracking(&text).next() else { return text };
    // The usual address ends with it, and goes on borrowing.
    if first.end == text.len() {
        let end = first.start;
        return match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(..end).unwrap_or_default()),
            Cow::Owned(mut text) => {
                text.truncate(end);
                Cow::Owned(text)
            }
        };
    }
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for range in tracking(&text) {
        clean.push_str(text.get(kept..range.start.max(kept)).unwrap_or_default());
        kept = range.end;
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Markdown that the export supplies, without tracking parameters, and with `[Name]()` as `Name`. Parentheses
/// with nothing in them are nothing.
pub(super) fn markdown(text: Text<'_>) -> Text<'_> {
    let text = untracked(text);
    if text.trim() == "()" {
        return Cow::Borrowed("");
    }
    if text.contains("]()") { Cow::Owned(without_empty_links(&text)) } else { text }
}

/// `text` with each link that has no address replaced by its label. Linear.
fn without_empty_links(text: &str) -> String {
    let bytes = text.as_bytes();
    // What goes, as byte ranges: the opening brackets and the `]()`.
    let mut gone = Vec::new();
    let mut open = Vec::new();
    for at in memchr::memchr2_iter(b'[', b']', bytes) {
        if bytes.get(at) == Some(&b'[') {
            open.push(at);
        } else if let Some(start) = open.pop()
            && bytes.get(at..).is_some_and(|rest| rest.starts_with(b"]()"))
        {
            let is_image = start.checked_sub(1).is_some_and(|before| bytes.get(before) == Some(&b'!'));
            gone.push(start - usize::from(is_image)..start + 1);
            gone.push(at..at + 3);
        }
    }
    gone.sort_unstable_by_key(|range| range.start);
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for range in gone {
        clean.push_str(text.get(kept..range.start).unwrap_or_default());
        kept = range.end;
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    clean
}

/// Links to different addresses, in the order in which they come. Linear.
#[derive(Default)]
pub(super) struct DistinctLinks<'a> {
    links: Vec<Link<'a>>,
    by_url: Positions,
}

impl<'a> DistinctLinks<'a> {
    /// Adds a link, unless there is one to the same address.
    pub(super) fn add(&mut self, link: Link<'a>) {
        let url = &*link.url;
        let links = &self.links;
        if self.by_url.add(links.len(), &url, |at| links.get(at).map(|other| &*other.url)).is_none() {
            self.links.push(link);
        }
    }

    pub(super) fn into_links(self) -> Vec<Link<'a>> {
        self.links
    }
}

/// Of a list of addresses the first that can be linked, else the first.
pub(super) fn best_address<T: AsRef<str>>(addresses: impl IntoIterator<Item = T>) -> Option<T> {
    let mut addresses = addresses.into_iter();
    let first = addresses.next()?;
    if is_web(first.as_ref()) {
        Some(first)
    } else {
        addresses.find(|address| is_web(address.as_ref())).or(Some(first))
    }
}

/// The host of `url` as a label that borrows where `url` does.
fn host_label<'a>(url: &Text<'a>) -> Text<'a> {
    match url {
        Cow::Borrowed(url) => Cow::Borrowed(host(url)),
        Cow::Owned(url) => Cow::Owned(host(url).to_owned()),
    }
}

/// A link to `url` that is called `label`, or by its host. `None` without an address.
pub(super) fn link<'a>(label: Option<Text<'a>>, url: Option<Text<'a>>) -> Option<Link<'a>> {
    let url = untracked(url?);
    let label = label.unwrap_or_else(|| host_label(&url));
    Some(Link { label, url, publisher: Cow::Borrowed("") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tracking_parameter_goes() {
        for (given, expected) in [
            ("https://a.example/?utm_source=chatgpt.com", "https://a.example/"),
            ("https://a.example/?utm_source=chatgpt.com&b=1#c", "https://a.example/?b=1#c"),
            ("https://a.example/?a=1&utm_source=chatgpt.com&b=2", "https://a.example/?a=1&b=2"),
            ("https://a.example/?a=1&utm_source=chatgpt.com#c", "https://a.example/?a=1#c"),
            ("https://a.example/?utm_source=chatgpt.com#:~:text=x", "https://a.example/#:~:text=x"),
            ("https://a.example/?utm_source=other", "https://a.example/?utm_source=other"),
            (
                "https://a.example/?utm_source=chatgpt.community",
                "https://a.example/?utm_source=chatgpt.community",
            ),
            ("https://a.example/?my_utm_source=chatgpt.com", "https://a.example/?my_utm_source=chatgpt.com"),
            ("https://a.example/?utm_source=chatgpt.com.au", "https://a.example/?utm_source=chatgpt.com.au"),
            ("https://a.example/?utm_source=chatgpt.com-x", "https://a.example/?utm_source=chatgpt.com-x"),
            ("See https://a.example/?utm_source=chatgpt.com. Then", "See https://a.example/. Then"),
            (
                "([A](https://a.example/?utm_source=chatgpt.com), [B](https://b.example/?q=1&utm_source=chatgpt.com))",
                "([A](https://a.example/), [B](https://b.example/?q=1))",
            ),
        ] {
            assert_eq!(untracked(given.into()), expected, "{given}");
        }
    }

    #[test]
    fn the_first_address_that_can_be_linked_is_the_best() {
        for (given, expected) in [
            (&["https://a.example/", "https://b.example/"][..], Some("https://a.example/")),
            (&["x:y", "javascript:z()", "https://b.example/"], Some("https://b.example/")),
            (&["x:y", "z:"], Some("x:y")),
            (&[], None),
        ] {
            assert_eq!(best_address(given.iter().copied()), expected, "{given:?}");
        }
    }

    #[test]
    fn links_to_nowhere_are_their_labels() {
        for (given, expected) in [
            ("[Pond Net 3]()", "Pond Net 3"),
            ("### [A [b]]() and [c](https://c.example)", "### A [b] and [c](https://c.example)"),
            ("[[a]()]()", "a"),
            (
                "![Net]() [b](https://b.example/?utm_source=chatgpt.com&c=d)",
                "Net [b](https://b.example/?c=d)",
            ),
            ("] [x ]() [", "] x  ["),
            ("()", ""),
            ("f() [a]", "f() [a]"),
        ] {
            assert_eq!(markdown(given.into()), expected, "{given}");
        }
    }
}
