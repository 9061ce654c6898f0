//! Addresses and the Markdown around them: tracking parameters go, and links to nowhere become their labels.

use crate::conversation::{Link, Text};
use crate::markdown::host;
use memchr::memmem::Finder;
use std::borrow::Cow;
use std::sync::LazyLock;

/// The parameter that ChatGPT adds to every address that it cites.
const TRACKER: &str = "utm_source=chatgpt.com";

static FINDER: LazyLock<Finder<'_>> = LazyLock::new(|| Finder::new(TRACKER));

/// `text` (an address, or Markdown with addresses) without ChatGPT's tracking parameter. Every other parameter and
/// the fragment stay where they are.
pub(super) fn untracked(text: Text<'_>) -> Text<'_> {
    let Some(first) = FINDER.find(text.as_bytes()) else { return text };
    // The usual address ends with it, and goes on borrowing.
    if first + TRACKER.len() == text.len()
        && let Some(cut) = first.checked_sub(1)
        && matches!(text.as_bytes().get(cut), Some(b'?' | b'&'))
    {
        return match text {
            Cow::Borrowed(text) => Cow::Borrowed(text.get(..cut).unwrap_or_default()),
            Cow::Owned(mut text) => {
                text.truncate(cut);
                Cow::Owned(text)
            }
        };
    }
    let found = FINDER.find_iter(text.as_bytes());
    let mut clean = String::with_capacity(text.len());
    let mut kept = 0;
    for at in found {
        let end = at + TRACKER.len();
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let after = text.get(end..).and_then(|after| after.chars().next());
        let ends = after.is_none_or(|c| matches!(c, '&' | '#' | ')' | '>' | '"' | '\'') || c.is_whitespace());
        let (from, to) = match (before, after) {
            // `?a&b` keeps its question mark for the next parameter.
            (Some('?'), Some('&')) => (at, end + 1),
            (Some('?' | '&'), _) if ends => (at.saturating_sub(1), end),
            _ => continue,
        };
        clean.push_str(text.get(kept..from.max(kept)).unwrap_or_default());
        kept = to;
    }
    clean.push_str(text.get(kept..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Markdown that the export supplies, without tracking parameters and with `[Name]()` as `Name`. Parentheses with
/// nothing in them are nothing.
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
            gone.push(start..start + 1);
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
            (
                "([A](https://a.example/?utm_source=chatgpt.com), [B](https://b.example/?q=1&utm_source=chatgpt.com))",
                "([A](https://a.example/), [B](https://b.example/?q=1))",
            ),
        ] {
            assert_eq!(untracked(given.into()), expected, "{given}");
        }
    }

    #[test]
    fn links_to_nowhere_are_their_labels() {
        for (given, expected) in [
            ("[Pond Net 3]()", "Pond Net 3"),
            ("### [A [b]]() and [c](https://c.example)", "### A [b] and [c](https://c.example)"),
            ("[[a]()]()", "a"),
            ("] [x ]() [", "] x  ["),
            ("()", ""),
            ("f() [a]", "f() [a]"),
        ] {
            assert_eq!(markdown(given.into()), expected, "{given}");
        }
    }
}
