//! Keeps a text inside its frame: headings move down, and whatever the text leaves open is closed at its end.

use super::block::{self, Edit, Insert, Regions, Structure, Voice};
use super::code::Code;
use super::hints::Hints;
use super::html::{self, Remedy};
use super::reference;
use std::borrow::Cow;
use std::collections::HashSet;

/// What happens to headings and other text that would disturb the frame of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Headings {
    /// The headings of a turn move down together until the highest is at level 3. Plain text that looks like a heading
    /// is escaped.
    #[default]
    Shift,
    /// Text stays as it is.
    Keep,
}

/// The highest level that a heading in a turn may have.
const TOP: usize = 3;

/// The lowest level of headings.
const BOTTOM: usize = 6;

/// The frame around a text.
#[derive(Debug)]
pub(crate) struct TextFrame<'f> {
    /// How to read the text.
    pub(crate) voice: Voice,
    /// What happens to its headings.
    pub(crate) headings: Headings,
    /// Minimum number of levels by which headings move down.
    pub(crate) shift: usize,
    /// Number of footnotes on the page so far.
    pub(crate) notes: &'f mut usize,
}

/// What the next block must know about the text just written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The marker of the list that the text ends in.
    pub(crate) list: Option<char>,
}

/// How far the headings of a text move down, given the level of its highest heading, or 0 if it has none.
pub(crate) fn shift_for(highest: usize) -> usize {
    if highest == 0 { 0 } else { TOP.saturating_sub(highest) }
}

/// The level of the highest heading of `text`, if that is above [`TOP`]; 0 otherwise. Fast for most texts.
pub(crate) fn highest_heading(text: &str) -> usize {
    let bytes = text.as_bytes();
    let may_be_marked = || memchr::memchr(b'#', bytes).is_some();
    let is_line_of = |mark: u8, at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default().trim_ascii_end();
        line.iter().all(|&byte| byte == mark)
    };
    let may_be_underlined = || {
        memchr::memchr2_iter(b'=', b'-', bytes).any(|at| {
            let before = bytes.get(..at).unwrap_or_default();
            let begins =
                before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'>')) == Some(&b'\n');
            begins && bytes.get(at).is_some_and(|&mark| is_line_of(mark, at))
        })
    };
    if !may_be_marked() && !may_be_underlined() {
        return 0;
    }
    let highest = block::structure(text, Voice::Markdown, Regions::Unwanted).highest;
    if highest < TOP { highest } else { 0 }
}

/// Writes `text` to `out` so that it can't leave its frame. `text` must be clean, and both it and what follows must
/// begin on a line of their own after a blank line. Linear; a text with nothing special in it is copied once.
pub(crate) fn guard(text: &str, hints: Hints, frame: &mut TextFrame<'_>, out: &mut String) -> Ending {
    let notes = *frame.notes;
    match framed(text, hints, frame, out, FrameMarkup::Open) {
        Ok(ending) => ending,
        Err(escapes) => {
            *frame.notes = notes;
            let settled = settled(text, frame.voice, &escapes);
            framed(&settled, hints, frame, out, FrameMarkup::Settled).unwrap_or_default()
        }
    }
}

/// Whether the tags of a text are known to be read as they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameMarkup {
    /// Some may have to be shown as text, which makes another text of it.
    Open,
    /// They are.
    Settled,
}

/// Writes `text` to `out`; if [`Open`](FrameMarkup::Open), only if none of its tags must be shown as text.
///
/// # Errors
/// The edits that show tags as text. Nothing was written.
fn framed(
    text: &str,
    hints: Hints,
    frame: &mut TextFrame<'_>,
    out: &mut String,
    state: FrameMarkup,
) -> Result<Ending, Vec<Edit>> {
    let has_tags = hints.may_have(Hints::TAG);
    let names_notes = hints.may_have(Hints::BRACKET) && reference::may_name_notes(text);
    let regions = if has_tags || names_notes { Regions::Wanted } else { Regions::Unwanted };
    let mut found = block::structure(text, frame.voice, regions);
    if !found.definitions.is_empty() && regions == Regions::Unwanted {
        found = block::structure(text, frame.voice, Regions::Wanted);
    }
    // In this order: a use of a link must end before the tag that follows it.
    if names_notes || !found.definitions.is_empty() {
        reference::resolve(text, &mut found, frame.notes);
        found.edits.sort_by_key(|edit| edit.at);
    }
    let mut closed = Vec::new();
    match frame.headings {
        Headings::Shift if has_tags => {
            let (escapes, remedy) = hold_html(text, &found);
            if state == FrameMarkup::Open && !escapes.is_empty() {
                return Err(escapes);
            }
            closed = remedy.closed;
            if !escapes.is_empty() || !remedy.inserted.is_empty() {
                found.edits.extend(escapes);
                let end_tags = remedy.inserted.into_iter();
                let insert = |tags| Insert::Text(Cow::Owned(tags));
                found.edits.extend(end_tags.map(|(at, tags)| Edit { at, remove: 0, insert: insert(tags) }));
                found.edits.sort_by_key(|edit| edit.at);
            }
        }
        Headings::Shift => {}
        // Not a byte of it changes, and only the fence, which would take in the next turn, is closed.
        Headings::Keep => found.edits.clear(),
    }
    apply(text, &found.edits, shift_for(found.highest).max(frame.shift), out);
    if let Some((mark, length)) = found.open_fence {
        if !text.ends_with('\n') {
            out.push('\n');
        }
        out.extend(std::iter::repeat_n(mark, length));
    }
    if !closed.is_empty() {
        out.push('\n');
    }
    for name in closed {
        out.push_str("\n</");
        out.push_str(&name);
        out.push('>');
    }
    Ok(Ending { list: found.list })
}

/// `text` with tags shown as text until all that are left can be read in one way only. What was HTML may be a paragraph
/// once its first tag is text, so that each round looks at the text as it will be read.
fn settled(text: &str, voice: Voice, escapes: &[Edit]) -> String {
    /// Texts that people or models write need one round, or two.
    const ROUNDS: usize = 4;
    let mut settled = edited(text, escapes);
    for _ in 0..ROUNDS {
        let (escapes, _) = hold_html(&settled, &block::structure(&settled, voice, Regions::Wanted));
        if escapes.is_empty() {
            return settled;
        }
        settled = edited(&settled, &escapes);
    }
    without_tags(settled, voice)
}

fn edited(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(edits.len().saturating_mul(4)));
    apply(text, edits, 0, &mut out);
    out
}

/// `text` without anything that a reader could take for HTML.
fn without_tags(text: String, voice: Voice) -> String {
    let mut text = text;
    // What is code may change with what is HTML.
    for keeps_code in [true, true, false] {
        let regions = block::structure(&text, voice, Regions::Wanted).regions;
        let mut code = Code::with_regions(&text, &regions);
        let places = memchr::memchr_iter(b'<', text.as_bytes());
        let shown = |at: &usize| !keeps_code || code.at(*at).is_none();
        let edits: Vec<_> =
            places.filter(shown).map(|at| Edit { at, remove: 1, insert: "&lt;".into() }).collect();
        if edits.is_empty() {
            break;
        }
        text = edited(&text, &edits);
    }
    text
}

/// What keeps the HTML of `text` inside the frame, and the edits that show tags as text.
fn hold_html(text: &str, found: &Structure) -> (Vec<Edit>, Remedy) {
    let escapes = found.edits.iter().filter(|edit| edit.insert == Insert::from("\\"));
    let backslashed: HashSet<usize> = escapes.map(|edit| edit.at).collect();
    let remedy = html::remedy(text, &found.regions, &backslashed);
    let shown = remedy.shown.iter().filter(|(at, _)| !backslashed.contains(at));
    let shown = shown.map(|&(at, backslash)| {
        let (remove, insert) = if backslash { (0, "\\") } else { (1, "&lt;") };
        Edit { at, remove, insert: insert.into() }
    });
    (shown.collect(), remedy)
}

fn apply(text: &str, edits: &[Edit], shift: usize, out: &mut String) {
    const MARKS: &str = "######";
    let mut done = 0;
    for edit in edits {
        out.push_str(text.get(done..edit.at).unwrap_or_default());
        match &edit.insert {
            Insert::Text(text) => out.push_str(text),
            Insert::Marked(level) => {
                out.push_str(MARKS.get(..shift.min(BOTTOM.saturating_sub(*level))).unwrap_or_default());
            }
            Insert::Underlined(level) => {
                out.push_str(MARKS.get(..level.saturating_add(shift).min(BOTTOM)).unwrap_or_default());
                out.push(' ');
            }
        }
        done = done.max(edit.at.saturating_add(edit.remove));
    }
    out.push_str(text.get(done..).unwrap_or_default());
}

#[cfg(test)]
mod tests;
