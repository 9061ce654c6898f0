//! Reference links and footnotes: defined in one place of a text, used in others.
//!
//! A page has many texts, and each may define its own `[1]`. So links are written out where they are used, and
//! footnotes are numbered consecutively across the page.

use super::block::{Definition, Edit, Insert, Kind, Region, Structure};
use super::code::{Code, is_escaped};
use memchr::{memchr, memmem};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::LazyLock;

/// Maximum number of characters in a label.
const MAX_LABEL: usize = 999;

/// How much longer `text` may become by what it names in few bytes and a page shows in full, in bytes. Sixteen
/// addresses of usual length are never too many.
pub(crate) fn most_growth(text: &str) -> usize {
    text.len().saturating_mul(8).saturating_add(2048)
}

static NOTE_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new("[^"));

/// True if `text` may define or use footnotes.
pub(super) fn may_name_notes(text: &str) -> bool {
    NOTE_FINDER.find(text.as_bytes()).is_some()
}

/// Replaces the uses of definitions in `text`, and removes the definitions that are used; the others are shown as text.
/// `count` is the number of footnotes on the page so far. Uses that would make the text much longer stay as they are.
pub(super) fn resolve(text: &str, found: &mut Structure, count: &mut usize) {
    let mut uses = Uses {
        text,
        definitions: &found.definitions,
        links: by_label(text, found.definitions.iter().map(|definition| &definition.label)),
        notes: by_label(text, found.notes.iter()),
        growth: most_growth(text),
        count,
        edits: Vec::new(),
        used_links: HashSet::new(),
        used_notes: HashMap::new(),
    };
    let mut code = Code::with_regions(text, &found.regions);
    for region in found.regions.iter().filter(|region| matches!(region.kind, Kind::Inline | Kind::Html)) {
        uses.search(region, &mut code);
    }
    let Uses { mut edits, used_links, used_notes, .. } = uses;
    for (position, definition) in found.definitions.iter().enumerate() {
        let Range { start, end } = definition.line.clone();
        if used_links.contains(&position) {
            let line_end = usize::from(end < text.len());
            edits.push(Edit { at: start, remove: end - start + line_end, insert: "".into() });
        } else {
            edits.push(Edit { at: definition.label.start - 1, remove: 0, insert: "\\".into() });
            // What was an address is text now, and would be a tag.
            let line = text.as_bytes().get(definition.label.start..end).unwrap_or_default();
            let tags = memchr::memchr_iter(b'<', line).map(|at| definition.label.start + at);
            edits.extend(tags.map(|at| Edit { at, remove: 0, insert: "\\".into() }));
            let next = text.as_bytes().get(end + 1);
            if next.is_some_and(|&byte| byte != b'\n') {
                edits.push(Edit { at: end, remove: 0, insert: "\n".into() });
            }
        }
    }
    for (position, label) in found.notes.iter().enumerate() {
        match used_notes.get(&position) {
            Some(number) => edits.push(replaced(label, number.to_string())),
            None => edits.push(Edit { at: label.start - 2, remove: 0, insert: "\\".into() }),
        }
    }
    found.edits.append(&mut edits);
}

fn replaced(range: &Range<usize>, text: String) -> Edit {
    Edit { at: range.start, remove: range.len(), insert: Insert::Text(Cow::Owned(text)) }
}

/// The positions of definitions by their labels in `text`; the first of a label counts.
fn by_label<'t, 'r>(
    text: &'t str,
    labels: impl Iterator<Item = &'r Range<usize>>,
) -> HashMap<Cow<'t, str>, usize> {
    let mut positions = HashMap::new();
    for (position, label) in labels.enumerate() {
        positions.entry(folded(text.get(label.clone()).unwrap_or_default())).or_insert(position);
    }
    positions
}

/// The address and the title of a definition, as they follow the label of a link.
fn target(text: &str, definition: &Definition) -> String {
    let of = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let address = of(&definition.address);
    let plain = address.strip_prefix('<').and_then(|inside| inside.strip_suffix('>'));
    let address = super::destination(plain.unwrap_or(address));
    let title = of(&definition.title);
    let space = if title.is_empty() { "" } else { " " };
    format!("({address}{space}{title})")
}

/// A label, normalised for comparison.
fn folded(label: &str) -> Cow<'_, str> {
    let is_folded = |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase();
    if label.bytes().all(is_folded) {
        return Cow::Borrowed(label);
    }
    label.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase().into()
}

/// Where definitions are used.
struct Uses<'t> {
    text: &'t str,
    definitions: &'t [Definition],
    links: HashMap<Cow<'t, str>, usize>,
    notes: HashMap<Cow<'t, str>, usize>,
    /// How much longer the text may still become.
    growth: usize,
    /// Number of footnotes on the page so far.
    count: &'t mut usize,
    edits: Vec<Edit>,
    used_links: HashSet<usize>,
    /// The number on the page of each footnote that is used.
    used_notes: HashMap<usize, usize>,
}

impl Uses<'_> {
    fn search(&mut self, region: &Region, code: &mut Code<'_>) {
        let bytes = self.text.as_bytes();
        let Range { start, end } = region.range.clone();
        // Opening brackets that are still unmatched.
        let mut open: Vec<usize> = Vec::new();
        let mut resume = start;
        for at in memchr::memchr2_iter(b'[', b']', bytes.get(start..end).unwrap_or_default()) {
            let at = start + at;
            if at < resume || is_escaped(self.text, at) || code.at(at).is_some() {
                continue;
            }
            if bytes.get(at) == Some(&b'[') {
                open.push(at);
                continue;
            }
            let Some(begin) = open.pop() else { continue };
            let Some(inside) = self.text.get(begin + 1..at) else { continue };
            if let Some(label) = inside.strip_prefix('^') {
                self.note(begin, at, label);
                continue;
            }
            let next = bytes.get(at + 1).filter(|_| at + 1 < end);
            let (label, range) = match next {
                Some(b'(' | b':') => continue,
                Some(b'[') => {
                    let rest = bytes.get(at + 2..end).unwrap_or_default();
                    let Some(length) = memchr(b']', rest) else { continue };
                    let label = self.text.get(at + 2..at + 2 + length).unwrap_or_default();
                    let label = if label.trim().is_empty() { inside } else { label };
                    (label, at + 1..at + 3 + length)
                }
                _ => (inside, at + 1..at + 1),
            };
            if label.len() > 4 * MAX_LABEL {
                continue;
            }
            let Some(&position) = self.links.get(&folded(label)) else { continue };
            let Some(definition) = self.definitions.get(position).filter(|_| self.growth > 0) else {
                continue;
            };
            let target = target(self.text, definition);
            let left = self.growth.checked_sub(target.len());
            // The first that is too long is the last that is tried.
            self.growth = left.unwrap_or(0);
            if left.is_some() {
                self.used_links.insert(position);
                resume = range.end.max(resume);
                self.edits.push(replaced(&range, target));
            }
        }
    }

    /// Handles `[^label]`, which refers to a footnote or looks as if it did.
    fn note(&mut self, begin: usize, end: usize, label: &str) {
        let bytes = self.text.as_bytes();
        let has_colon = bytes.get(end + 1) == Some(&b':');
        match self.notes.get(&folded(label)) {
            Some(&position) => {
                let begins_line = begin == 0 || bytes.get(begin - 1) == Some(&b'\n');
                if has_colon && begins_line {
                    return; // its definition
                }
                let number = *self.used_notes.entry(position).or_insert_with(|| {
                    *self.count += 1;
                    *self.count
                });
                self.edits.push(replaced(&(begin + 2..end), number.to_string()));
            }
            // It must not refer to a footnote of another text.
            None if !has_colon && label.bytes().all(|byte| byte.is_ascii_digit()) => {
                self.edits.push(Edit { at: begin, remove: 0, insert: "\\".into() });
            }
            None => {}
        }
    }
}
