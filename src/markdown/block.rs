//! The block structure of Markdown, line by line, and the edits that keep a text inside its frame.
//!
//! This is the first phase of a CommonMark parser: block quotes, list items, fences, HTML blocks and paragraphs, but no
//! inline structure. Where parsers disagree about a line, a blank line is inserted before it, after which they all
//! agree: every reader sees the structure found here.

mod line;

pub(crate) use line::begins_block;
use line::{Cursor, Indent, Lines, Marker, PLAIN, Start};
use memchr::memchr;
use std::borrow::Cow;
use std::ops::Range;

/// How to read a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Voice {
    /// As Markdown.
    Markdown,
    /// As plain text: what looks like a heading is text.
    Plain,
}

/// A change of the text: `remove` bytes at `at` become `insert`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) at: usize,
    pub(crate) remove: usize,
    pub(crate) insert: Insert,
}

/// What an [`Edit`] inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Insert {
    Text(Cow<'static, str>),
    /// Whatever moves a `#` heading of this level to the level that the page wants.
    Marked(usize),
    /// The `#` mark of a heading of this level that was underlined.
    Underlined(usize),
}

impl Insert {
    fn is_line_end(&self) -> bool {
        matches!(self, Self::Text(text) if text == "\n")
    }
}

impl From<&'static str> for Insert {
    fn from(text: &'static str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }
}

/// The kind of a range of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A paragraph or a heading.
    Inline,
    /// The inside of a fence.
    Fenced,
    /// Indented code.
    Indented,
    /// Raw HTML, or a paragraph that begins like raw HTML.
    Html,
}

/// A range of the text with its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
    /// The number of the innermost block quote or list item around it; 0 if there is none.
    pub(crate) container: usize,
}

/// A link reference definition on one line: `[label]: address "title"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Definition {
    /// Its line without the line end.
    pub(crate) line: Range<usize>,
    pub(crate) label: Range<usize>,
    /// The address as written, possibly in angle brackets.
    pub(crate) address: Range<usize>,
    /// The title with its quotes; may be empty.
    pub(crate) title: Range<usize>,
}

/// What was found in a text.
#[derive(Debug, Default)]
pub(crate) struct Structure {
    /// The edits that keep the text inside its frame; ascending.
    pub(crate) edits: Vec<Edit>,
    /// The regions of the text, ascending; empty unless requested.
    pub(crate) regions: Vec<Region>,
    /// The fence that the text leaves open outside all containers: its character and length.
    pub(crate) open_fence: Option<(char, usize)>,
    /// The marker of the list that the text ends in, if a list after the text would continue it.
    pub(crate) list: Option<char>,
    /// The level of the highest heading; 0 if there is none.
    pub(crate) highest: usize,
    /// Link definitions outside all containers. The edits neither escape nor remove them.
    pub(crate) definitions: Vec<Definition>,
    /// Labels of footnote definitions, as ranges between `[^` and `]:`. The edits neither escape nor remove them.
    pub(crate) notes: Vec<Range<usize>>,
}

/// Whether [`structure`] records positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Regions {
    /// Records them.
    Wanted,
    /// Records none, which is faster.
    Unwanted,
}

/// The structure of `text`, whose only line ends are `\n`. Linear.
pub(crate) fn structure(text: &str, voice: Voice, regions: Regions) -> Structure {
    let mut blocks = Blocks {
        bytes: text.as_bytes(),
        lines: Lines { bytes: text.as_bytes() },
        voice,
        record: regions == Regions::Wanted,
        containers: Vec::new(),
        numbers: [0; MAX_DEPTH],
        opened: 0,
        leaf: Leaf::None,
        leaf_container: 0,
        paragraph: 0..0,
        split_next: false,
        searched: (0, false),
        found: Structure::default(),
    };
    blocks.run();
    blocks.found
}

/// Maximum nesting of containers; deeper markers are escaped. Some parsers stop at 100, and the bound keeps the work
/// per line constant.
const MAX_DEPTH: usize = 24;

#[derive(Clone, Copy, Debug)]
enum Container {
    Quote,
    Item {
        /// Columns by which a line must be indented to belong to the item.
        width: usize,
        /// The item is still empty, so a blank line ends it.
        empty: bool,
        /// The bullet, or the character after the number.
        marker: u8,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaf {
    None,
    Paragraph,
    /// An HTML block that ends at a blank line, or a paragraph that starts like one.
    Html,
    Fence {
        mark: u8,
        length: usize,
        depth: usize,
        /// The start of its content.
        start: usize,
    },
}

struct Blocks<'t> {
    bytes: &'t [u8],
    lines: Lines<'t>,
    voice: Voice,
    record: bool,
    containers: Vec<Container>,
    /// The numbers of the open containers. Not on the heap: most texts open one, and only regions need its number.
    numbers: [usize; MAX_DEPTH],
    /// Number of containers opened so far.
    opened: usize,
    leaf: Leaf,
    /// The number of the container that the leaf is in.
    leaf_container: usize,
    /// The content of the open paragraph or HTML block.
    paragraph: Range<usize>,
    /// The last line was `---`; a line directly after it could make both a metadata block.
    split_next: bool,
    /// How far the paragraph was searched for a delimiter row, which would make it a table, and whether one was found.
    searched: (usize, bool),
    found: Structure,
}

impl Blocks<'_> {
    fn run(&mut self) {
        let mut start = 0;
        while let Some(&first) = self.bytes.get(start) {
            // Nearly half of all lines are blank, and most lines of code can't end their fence.
            if first == b'\n' {
                self.split_next = false;
                self.blank_line(start);
                start += 1;
                continue;
            }
            if let Leaf::Fence { mark, depth: 0, .. } = self.leaf {
                start = self.fence_line(mark, start);
            }
            let end = self.end_of_line(start);
            self.line(start, end);
            start = end + 1;
        }
        self.finish();
    }

    /// The end of the line that contains `at`.
    fn end_of_line(&self, at: usize) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        memchr(b'\n', rest).map_or(self.bytes.len(), |length| at + length)
    }

    /// The start of the next line, beginning with the one at `from`, that could close a fence: at most three spaces,
    /// then `mark`. The end of the text if no line could.
    fn fence_line(&self, mark: u8, mut from: usize) -> usize {
        while let Some(length) = self.bytes.get(from..).and_then(|rest| memchr(mark, rest)) {
            let at = from + length;
            let before = self.bytes.get(from..at).unwrap_or_default();
            let spaces = before.iter().rev().take_while(|&&byte| byte == b' ').count();
            if spaces < 4 && matches!(before.iter().nth_back(spaces), None | Some(b'\n')) {
                return at - spaces;
            }
            from = self.end_of_line(at) + 1;
        }
        self.bytes.len()
    }

    fn finish(&mut self) {
        if let Leaf::Fence { mark, length, depth: 0, .. } = self.leaf {
            self.found.open_fence = Some((char::from(mark), length));
        }
        self.found.list = match self.containers.first() {
            Some(Container::Item { marker, .. }) => Some(char::from(*marker)),
            _ => None,
        };
        self.end_leaf(self.bytes.len());
        if !self.found.edits.is_sorted_by_key(|edit| edit.at) {
            self.found.edits.sort_by_key(|edit| edit.at);
        }
    }

    fn edit(&mut self, at: usize, remove: usize, insert: &'static str) {
        self.found.edits.push(Edit { at, remove, insert: insert.into() });
    }

    /// Notes a heading of this level.
    fn heading(&mut self, level: usize) {
        if self.found.highest == 0 || level < self.found.highest {
            self.found.highest = level;
        }
    }

    /// Opens a container.
    fn push(&mut self, container: Container) {
        self.opened += 1;
        if let Some(number) = self.numbers.get_mut(self.containers.len()) {
            *number = self.opened;
        }
        self.containers.push(container);
    }

    /// Handles a line that isn't empty.
    fn line(&mut self, start: usize, end: usize) {
        if let Leaf::Fence { mark, length, depth: 0, .. } = self.leaf {
            let cursor = Cursor { at: start, end, column: 0, spare: 0 };
            return self.end_fence(cursor.indent(self.bytes), end, mark, length, start);
        }
        let plain = PLAIN[usize::from(self.lines.byte(start))];
        if plain && !self.split_next && self.containers.is_empty() {
            match self.leaf {
                Leaf::Paragraph | Leaf::Html => self.paragraph.end = end,
                _ => {
                    self.leaf = Leaf::Paragraph;
                    self.leaf_container = 0;
                    self.paragraph = start..end;
                }
            }
            return;
        }
        if plain && self.leaf == Leaf::Paragraph && !self.may_be_table(start) {
            self.paragraph.end = end; // a lazy continuation of a paragraph in a container
            return;
        }
        self.structured_line(start, end);
    }

    /// Handles a line whose first bytes matter.
    fn structured_line(&mut self, start: usize, end: usize) {
        let mut cursor = Cursor { at: start, end, column: 0, spare: 0 };
        let mut matched = self.match_containers(&mut cursor);
        let mut indent = cursor.indent(self.bytes);
        let blank = indent.at == end;
        if std::mem::take(&mut self.split_next) && !blank {
            self.edit(start, 0, "\n");
        }
        if let Leaf::Fence { mark, length, depth, .. } = self.leaf
            && matched >= depth
        {
            return self.end_fence(indent, end, mark, length, start);
        }
        if blank {
            self.containers.truncate(matched);
            self.end_leaf(start);
            return;
        }
        let mut begins = self.lines.start_of(indent, end);
        if self.is_ambiguous(indent, end, begins, matched, start) {
            self.edit(start, 0, "\n");
            self.blank_line(start);
            cursor = Cursor { at: start, end, column: 0, spare: 0 };
            matched = self.match_containers(&mut cursor);
            indent = cursor.indent(self.bytes);
            begins = self.lines.start_of(indent, end);
        }
        if self.leaf == Leaf::Html && matched == self.containers.len() {
            self.paragraph.end = end;
            return;
        }
        self.open(cursor, indent, begins, matched, start);
    }

    /// Closes the open fence if the text from `indent` to `line_end` is a closing fence.
    fn end_fence(&mut self, indent: Indent, line_end: usize, mark: u8, length: usize, line: usize) {
        let end = indent.at + self.lines.run_of(mark, indent.at, line_end);
        let is_end = indent.width < 4 && end - indent.at >= length && self.lines.is_blank(end, line_end);
        if !is_end {
            return;
        }
        // Not every parser accepts a closing fence followed by a tab.
        if self.bytes.get(end..line_end).is_some_and(|blank| blank.contains(&b'\t')) {
            self.edit(end, line_end - end, "");
        }
        self.end_leaf(line);
    }

    /// Matches the open containers against the line; returns how many of them it continues.
    fn match_containers(&self, cursor: &mut Cursor) -> usize {
        for (position, container) in self.containers.iter().enumerate() {
            let indent = cursor.indent(self.bytes);
            let blank = indent.at == cursor.end;
            match *container {
                Container::Quote if !blank && indent.width < 4 && self.lines.byte(indent.at) == b'>' => {
                    self.lines.enter_quote(cursor, indent);
                }
                Container::Item { width, .. } if !blank && indent.width >= width => {
                    cursor.advance(self.bytes, width);
                }
                Container::Item { empty: false, .. } if blank => cursor.skip(indent, 0),
                _ => return position,
            }
        }
        self.containers.len()
    }

    /// True if parsers may disagree about the line unless a blank line precedes it.
    fn is_ambiguous(
        &mut self,
        indent: Indent,
        end: usize,
        begins: Start,
        matched: usize,
        line: usize,
    ) -> bool {
        let inside = matched == self.containers.len();
        if self.is_sibling(begins, matched) {
            return false;
        }
        let leaf = self.leaf;
        match leaf {
            // The meaning of this line depends on whether the block is HTML or a paragraph.
            Leaf::Html => {
                !inside
                    || (indent.width < 4
                        && (!matches!(begins, Start::Text | Start::Tag(_))
                            || self.lines.is_underline(indent.at, end)))
            }
            // Whether it may interrupt the paragraph depends on the container a parser puts the paragraph in. Tables,
            // unlike paragraphs, have no lazy continuation lines.
            Leaf::Paragraph if !inside && self.may_be_table(line) => true,
            Leaf::Paragraph if indent.width < 4 => {
                let doubtful = match begins {
                    Start::Tag(true) => return true,
                    Start::Tag(false) => true,
                    Start::Item(marker) => !marker.interrupts,
                    _ => false,
                };
                let underline = inside && self.lines.is_underline(indent.at, end);
                (doubtful && !inside) || ((doubtful || underline) && self.may_be_table(line))
            }
            _ => false,
        }
    }

    /// True if the line ends one item of a list and begins the next.
    fn is_sibling(&self, begins: Start, matched: usize) -> bool {
        let Some(&Container::Item { marker: last, .. }) = self.containers.get(matched) else { return false };
        matches!(begins, Start::Item(marker) if marker.mark == last)
    }

    /// True if the open paragraph contains a delimiter row before `line`, which makes it a table for many parsers.
    fn may_be_table(&mut self, line: usize) -> bool {
        let from = self.searched.0.max(self.paragraph.start);
        if from > self.paragraph.start && self.searched.1 {
            return true;
        }
        let rows = self.bytes.get(from..line).unwrap_or_default();
        let found = rows.split(|&byte| byte == b'\n').any(is_delimiter_row);
        self.searched = (line, found);
        found
    }

    /// Opens the blocks that the rest of the line begins.
    fn open(
        &mut self,
        mut cursor: Cursor,
        mut indent: Indent,
        mut start: Start,
        mut matched: usize,
        line: usize,
    ) {
        let mut fresh = false;
        loop {
            let in_paragraph = self.leaf == Leaf::Paragraph && !fresh;
            let inside = matched == self.containers.len();
            if indent.at == cursor.end {
                return; // an empty item or quote was opened
            }
            if indent.width >= 4 {
                return self.text(indent, cursor.end, matched, line, fresh);
            }
            if in_paragraph && inside && self.lines.is_underline(indent.at, cursor.end) {
                return self.underline(indent.at, cursor.end);
            }
            match start {
                Start::Quote | Start::Item(_) if matched >= MAX_DEPTH => {
                    let at = match start {
                        Start::Item(marker) => indent.at + marker.length - 1,
                        _ => indent.at,
                    };
                    self.edit(at, 0, "\\");
                    return self.text(indent, cursor.end, matched, line, fresh);
                }
                Start::Quote => {
                    self.close_to(matched, line);
                    self.lines.enter_quote(&mut cursor, indent);
                    self.push(Container::Quote);
                }
                Start::Item(marker) if marker.interrupts || !(in_paragraph && inside) => {
                    self.close_to(matched, line);
                    self.enter_item(&mut cursor, indent, marker);
                }
                Start::Heading(level) if self.voice == Voice::Markdown => {
                    self.close_to(matched, line);
                    self.heading(level);
                    self.found.edits.push(Edit { at: indent.at, remove: 0, insert: Insert::Marked(level) });
                    self.region(indent.at..cursor.end, Kind::Inline, self.container());
                    return;
                }
                Start::Fence(mark, length) => {
                    self.close_to(matched, line);
                    let depth = self.containers.len();
                    self.leaf_container = self.container();
                    self.leaf = Leaf::Fence { mark, length, depth, start: cursor.end.saturating_add(1) };
                    return;
                }
                Start::Break => {
                    self.close_to(matched, line);
                    self.split_next = indent.at == line
                        && self
                            .bytes
                            .get(line..cursor.end)
                            .is_some_and(|line| line.trim_ascii_end() == b"---");
                    return;
                }
                Start::Tag(_) if !in_paragraph => {
                    self.close_to(matched, line);
                    self.leaf = Leaf::Html;
                    self.leaf_container = self.container();
                    self.paragraph = indent.at..cursor.end;
                    return;
                }
                Start::Note if self.define_note(indent, cursor.end, line) => return,
                Start::Heading(_) | Start::RawHtml | Start::Note => {
                    self.edit(indent.at, 0, "\\");
                    return self.text(indent, cursor.end, matched, line, fresh);
                }
                _ => return self.text(indent, cursor.end, matched, line, fresh),
            }
            matched = self.containers.len();
            fresh = true;
            indent = cursor.indent(self.bytes);
            start = self.lines.start_of(indent, cursor.end);
        }
    }

    /// Handles a footnote definition outside all containers, and makes it a block of its own. False if it may have more
    /// than one paragraph, about which parsers disagree.
    fn define_note(&mut self, indent: Indent, end: usize, line: usize) -> bool {
        if self.voice == Voice::Plain || !self.containers.is_empty() || indent.at != line {
            return false;
        }
        let Some(label) = self.lines.note(indent.at, end) else { return false };
        let rest = self.bytes.get(label.end + 2..end).unwrap_or_default().trim_ascii_start();
        if !rest.first().is_some_and(|first| first.is_ascii_alphanumeric() || !first.is_ascii())
            || self.lines.marker(end - rest.len(), end).is_some()
            || self.goes_on_indented(end)
        {
            return false;
        }
        if self.leaf == Leaf::Paragraph {
            self.edit(line, 0, "\n");
            self.end_leaf(line);
        }
        self.found.notes.push(label);
        self.leaf = Leaf::Paragraph;
        self.leaf_container = self.container();
        self.paragraph = indent.at..end;
        true
    }

    /// True if the text after the paragraph at `at` is indented, so that it may belong to the footnote.
    fn goes_on_indented(&self, at: usize) -> bool {
        let rest = self.bytes.get(at..).unwrap_or_default();
        let mut lines = rest.split(|&byte| byte == b'\n').skip(1);
        // The remaining lines of the paragraph.
        let is_blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
        let paragraph = lines.by_ref().take_while(|line| !is_blank(line));
        if paragraph.take(100).any(|line| matches!(line.first(), Some(b' ' | b'\t' | b'=' | b'-' | b'|'))) {
            return true;
        }
        let next = lines.find(|line| !is_blank(line));
        next.is_some_and(|line| matches!(line.first(), Some(b' ' | b'\t')))
    }

    fn enter_item(&mut self, cursor: &mut Cursor, indent: Indent, marker: Marker) {
        cursor.skip(indent, marker.length);
        let after = cursor.indent(self.bytes);
        let empty = after.at == cursor.end;
        let padding = if empty || after.width > 4 { 1 } else { after.width };
        cursor.advance(self.bytes, padding);
        let width = indent.width + marker.length + padding;
        self.push(Container::Item { width, empty, marker: marker.mark });
    }

    /// Handles the rest of a line as text of a paragraph or of indented code.
    fn text(&mut self, indent: Indent, end: usize, matched: usize, line: usize, fresh: bool) {
        let in_paragraph = self.leaf == Leaf::Paragraph && !fresh;
        if in_paragraph {
            self.paragraph.end = end; // even if the line doesn't continue the paragraph's containers: a lazy continuation
            return;
        }
        self.close_to(matched, line);
        if indent.width >= 4 {
            self.region(indent.at..end, Kind::Indented, self.container());
            return;
        }
        let escaped = self.found.edits.last().is_some_and(|edit| edit.at == indent.at);
        if self.lines.byte(indent.at) == b'[' && !escaped && self.lines.may_define(indent.at) {
            if self.voice == Voice::Markdown
                && self.containers.is_empty()
                && let Some(definition) = self.lines.definition(line, indent.at, end)
            {
                self.found.definitions.push(definition);
                return;
            }
            self.edit(indent.at, 0, "\\");
        }
        self.leaf = Leaf::Paragraph;
        self.leaf_container = self.container();
        self.paragraph = indent.at..end;
    }

    /// Closes the open leaf and all containers but the first `matched`. The remaining ones are about to get content.
    fn close_to(&mut self, matched: usize, line: usize) {
        self.containers.truncate(matched);
        self.end_leaf(line);
        if let Some(Container::Item { empty, .. }) = self.containers.last_mut() {
            *empty = false;
        }
    }

    /// Closes the open leaf; the line that ends it begins at `at`.
    #[inline]
    fn end_leaf(&mut self, at: usize) {
        if self.record {
            self.region_of_leaf(at);
        }
        self.leaf = Leaf::None;
    }

    /// Records the region of the open leaf, which ends at the line that begins at `at`.
    fn region_of_leaf(&mut self, at: usize) {
        let container = self.leaf_container;
        match self.leaf {
            Leaf::Paragraph => self.region(self.paragraph.clone(), Kind::Inline, container),
            Leaf::Html => self.region(self.paragraph.clone(), Kind::Html, container),
            Leaf::Fence { start, .. } => self.region(start.min(at)..at, Kind::Fenced, container),
            Leaf::None => {}
        }
    }

    fn region(&mut self, range: Range<usize>, kind: Kind, container: usize) {
        if self.record {
            self.found.regions.push(Region { range, kind, container });
        }
    }

    /// The number of the innermost open container; 0 if there is none.
    fn container(&self) -> usize {
        let last = self.containers.len().checked_sub(1);
        last.and_then(|last| self.numbers.get(last)).copied().unwrap_or_default()
    }

    fn blank_line(&mut self, at: usize) {
        let ends = |container: &Container| {
            matches!(container, Container::Quote | Container::Item { empty: true, .. })
        };
        let stay = self.containers.iter().position(ends).unwrap_or(self.containers.len());
        match self.leaf {
            Leaf::Fence { depth, .. } if depth <= stay => {}
            _ => self.end_leaf(at),
        }
        self.containers.truncate(stay);
    }

    /// Handles the underline that makes the open paragraph a heading: moves the heading down, or escapes the line.
    fn underline(&mut self, at: usize, end: usize) {
        if self.voice == Voice::Plain {
            self.edit(at, 0, "\\");
            self.paragraph.end = end;
            return;
        }
        let Range { start, end: text_end } = self.paragraph.clone();
        let level = if self.lines.byte(at) == b'=' { 1 } else { 2 };
        self.heading(level);
        self.begin_heading(start, level);
        self.join_lines(start, text_end);
        let content = self.bytes.get(start..text_end).unwrap_or_default().trim_ascii_end();
        let closing = content.iter().rev().take_while(|&&byte| byte == b'#').count();
        let before = content.len() - closing;
        let apart = before == 0 || content.get(before - 1).is_some_and(u8::is_ascii_whitespace);
        if closing > 0 && apart {
            self.edit(start + before, 0, "\\"); // or it would be taken for the heading's end
        }
        self.edit(text_end, end - text_end, "");
        self.end_leaf(text_end);
    }

    /// Inserts the mark of a heading of `level` at `start`, before any edit that escapes the text there.
    fn begin_heading(&mut self, start: usize, level: usize) {
        let edits = &mut self.found.edits;
        let later = edits
            .iter()
            .rev()
            .take_while(|edit| edit.at > start || (edit.at == start && !edit.insert.is_line_end()));
        let later = later.count();
        let position = edits.len() - later;
        edits.insert(position, Edit { at: start, remove: 0, insert: Insert::Underlined(level) });
        if self.lines.byte(start) == b'['
            && self.found.edits.get(position + 1).is_some_and(|next| next.at == start)
        {
            self.found.edits.remove(position + 1); // a heading defines nothing
        }
    }

    /// Joins the lines of a paragraph, because a `#` heading has only one.
    fn join_lines(&mut self, start: usize, end: usize) {
        let bytes = self.bytes;
        for length in memchr::memchr_iter(b'\n', bytes.get(start..end).unwrap_or_default()) {
            let at = start + length;
            let rest = bytes.get(at..end).unwrap_or_default();
            let prefix = rest.iter().take_while(|byte| matches!(byte, b'\n' | b' ' | b'\t' | b'>')).count();
            self.edit(at, prefix, " ");
        }
    }
}

/// True if `row` may be the delimiter row of a table.
pub(super) fn is_delimiter_row(row: &[u8]) -> bool {
    row.contains(&b'-') && row.iter().all(|byte| b"|:- \t>".contains(byte))
}

#[cfg(test)]
mod tests;
