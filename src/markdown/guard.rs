//! Keeping a text inside its frame: headings move down, fences and folds are closed, tags that swallow are shown.

use super::block::{self, Edit, Kind, Region, Regions, Voice};
use super::code::{code_spans, is_escaped, is_within};
use super::hints::Hints;
use memchr::memchr_iter;

/// What becomes of headings and other text that would disturb the frame of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Headings {
    /// Headings in answers move down two levels, and plain text is escaped where Markdown would take it for one.
    #[default]
    Shift,
    /// Text stays as it is.
    Keep,
}

/// What follows from the text that was written, for the block after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The character of the list that the text ends in.
    pub(crate) list: Option<char>,
}

/// Writes `text` to `out` so that it can't leave its frame. It has to be clean, and to begin on a line of its own
/// after a blank line; what follows must do so as well. Linear; a text with nothing special in it is copied once.
pub(crate) fn guard(text: &str, hints: Hints, voice: Voice, headings: Headings, out: &mut String) -> Ending {
    let tags = if hints.may_have(Hints::TAG) { risky_tags(text) } else { Vec::new() };
    let regions = if tags.is_empty() { Regions::Unwanted } else { Regions::Wanted };
    let mut found = block::structure(text, voice, regions);
    let open = if tags.is_empty() { 0 } else { defuse(text, &tags, &mut found) };
    if headings == Headings::Keep {
        found.edits.clear();
    }
    apply(text, &found.edits, out);
    if let Some((mark, length)) = found.open_fence {
        if !text.ends_with('\n') {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n(mark, length));
    }
    if open > 0 {
        out.push('\n');
        (0..open).for_each(|_| out.push_str("\n</details>"));
    }
    Ending { list: found.list }
}

fn apply(text: &str, edits: &[Edit], out: &mut String) {
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.at).unwrap_or_default());
        out.push_str(edit.insert);
        done = done.max(edit.at.saturating_add(edit.remove));
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

/// A tag in the text that could swallow what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hit {
    at: usize,
    tag: Tag,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tag {
    /// `<details>`: harmless where it is closed.
    Open,
    /// `</details>`: harmless where it closes something.
    Close,
    /// Anything else: shown as text.
    Other,
}

/// Elements whose content is hidden, raw, or never ends where Markdown would end it.
const SWALLOWING: &[&str] = &[
    "script",
    "style",
    "pre",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "noscript",
    "plaintext",
    "template",
    "select",
    "dialog",
    "svg",
    "math",
    "object",
    "audio",
    "video",
    "canvas",
    "form",
    "button",
];

fn risky_tags(text: &str) -> Vec<Hit> {
    let bytes = text.as_bytes();
    let mut hits = Vec::new();
    for at in memchr_iter(b'<', bytes) {
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let (closes, rest) = rest.strip_prefix(b"/").map_or((false, rest), |rest| (true, rest));
        let name = block::tag_name(rest);
        if name.eq_ignore_ascii_case(b"details") {
            hits.push(Hit { at, tag: if closes { Tag::Close } else { Tag::Open } });
        } else if !name.is_empty() && block::is_among(name, SWALLOWING) {
            hits.push(Hit { at, tag: Tag::Other });
        }
    }
    hits
}

/// Adds edits that show dangerous tags as text; returns how many `<details>` are left to be closed.
fn defuse(text: &str, hits: &[Hit], found: &mut block::Structure) -> usize {
    let mut live: Vec<(Hit, &Region)> = Vec::new();
    let regions = &found.regions;
    let mut spans = Vec::new();
    let mut region_of_spans = None;
    for &hit in hits {
        let position = regions.partition_point(|region| region.range.end <= hit.at);
        let Some(region) = regions.get(position).filter(|region| region.range.contains(&hit.at)) else {
            continue;
        };
        match region.kind {
            Kind::Fenced | Kind::Indented => continue,
            Kind::Html => {}
            Kind::Inline => {
                if region_of_spans.replace(position) != Some(position) {
                    spans = code_spans(text, region.range.clone());
                }
                if is_within(hit.at, &spans) || is_escaped(text, hit.at) {
                    continue;
                }
            }
        }
        live.push((hit, region));
    }
    let mut open: Vec<(Hit, &Region)> = Vec::new();
    let mut shown: Vec<(Hit, &Region)> = Vec::new();
    for &(hit, region) in &live {
        match hit.tag {
            Tag::Open => open.push((hit, region)),
            Tag::Close if open.pop().is_some() => {}
            Tag::Close | Tag::Other => shown.push((hit, region)),
        }
    }
    // Inside a list or quote nothing that follows the text could close it.
    let (unclosed, inside): (Vec<_>, Vec<_>) = open.into_iter().partition(|(_, region)| region.depth == 0);
    shown.extend(inside);
    let known: std::collections::HashSet<usize> = found.edits.iter().map(|edit| edit.at).collect();
    let edits: Vec<Edit> = shown
        .iter()
        .filter(|(hit, _)| !known.contains(&hit.at))
        .map(|(hit, region)| match region.kind {
            Kind::Html => Edit { at: hit.at, remove: 1, insert: "&lt;" },
            _ => Edit { at: hit.at, remove: 0, insert: "\\" },
        })
        .collect();
    let unclosed = unclosed.len();
    found.edits.extend(edits);
    found.edits.sort_by_key(|edit| edit.at);
    unclosed
}

#[cfg(test)]
mod tests;
