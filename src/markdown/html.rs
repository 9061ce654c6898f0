//! HTML in Markdown: which tags a browser would see, and which elements are left open.
//!
//! Markdown parsers and browsers agree about complete tags. They may disagree about anything else, so it is shown as
//! text.

mod elements;

use super::block::{Kind, Region, is_delimiter_row};
use super::code::{Code, code_spans, is_escaped};
use elements::{
    ElementClass, IMPLIED, SWALLOWING, breaks_paragraph, has_content, is_among, is_table_part, known,
};
use memchr::{memchr, memchr_iter, memmem};
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// How many open elements an end tag searches for its own.
const MAX_SEARCH: usize = 512;

/// How many times a text may be read in total to find where its tags end.
const MAX_READS: usize = 16;

/// The changes that make a text's HTML end with the text.
#[derive(Debug, Default)]
pub(super) struct Remedy {
    /// Positions of each `<` to show as text, ascending, and whether a backslash can escape it there.
    pub(super) shown: Vec<(usize, bool)>,
    /// End tags to insert, with their positions; ascending.
    pub(super) inserted: Vec<(usize, String)>,
    /// Names of the elements to close at the end of the text, in this order.
    pub(super) closed: Vec<String>,
}

/// An element that is open.
#[derive(Debug)]
struct OpenElement<'t> {
    name: &'t str,
    class: ElementClass,
    /// Its start tag is outside any paragraph.
    is_alone: bool,
    /// Its start tag.
    range: Range<usize>,
    region: usize,
    container: usize,
    kind: Kind,
    reading: MarkupReading,
}

/// A tag of the text.
#[derive(Clone, Copy, Debug)]
struct Tag {
    /// Where its name ends.
    name_end: usize,
    /// Where it ends.
    end: usize,
    closes: bool,
}

/// What a `<` begins.
#[derive(Clone, Copy, Debug)]
enum Markup {
    /// A tag.
    Tag(Tag),
    /// A comment, up to this position.
    Comment(usize),
    /// Text to every reader.
    Text,
    /// Something to be shown as text.
    Doubtful,
}

impl Markup {
    /// Where it ends, if it is more than text.
    fn end(self) -> Option<usize> {
        match self {
            Self::Tag(tag) => Some(tag.end),
            Self::Comment(end) => Some(end),
            Self::Text | Self::Doubtful => None,
        }
    }
}

/// Which kind of parser reads the markup of a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MarkupReading {
    /// A Markdown parser: code and backslashes count.
    Markdown,
    /// A browser.
    Browser,
    /// Either: the region may be a paragraph or not.
    Either,
}

/// The changes that the HTML in `text` needs beyond what is already `escaped`. Linear, as the search for the element
/// that an end tag closes is bounded.
pub(super) fn remedy(text: &str, regions: &[Region], escaped: &HashSet<usize>) -> Remedy {
    let last = regions.iter().enumerate().map(|(position, region)| (region.container, position)).collect();
    let mut walk =
        HtmlWalk { text, last, traits: <_>::default(), open: Vec::new(), remedy: Remedy::default() };
    let mut code = Code::with_regions(text, regions);
    let (mut position, mut resume, mut unsure, mut reading) = (0, 0, 0, None);
    let mut budget = text.len().saturating_mul(MAX_READS);
    for at in memchr_iter(b'<', text.as_bytes()) {
        while regions.get(position).is_some_and(|region| region.range.end <= at) {
            walk.leave(position, regions);
            position += 1;
            reading = None;
        }
        let Some(region) = regions.get(position).filter(|region| region.range.contains(&at)) else {
            continue;
        };
        if at < resume || escaped.contains(&at) || matches!(region.kind, Kind::Fenced | Kind::Indented) {
            continue;
        }
        let reading = *reading.get_or_insert_with(|| reading_of(text, region));
        if reading == MarkupReading::Markdown && walk.traits(position, region).has_cut_code {
            let begins = |next: &u8| next.is_ascii_alphabetic() || matches!(next, b'/' | b'!' | b'?');
            if text.as_bytes().get(at + 1).is_some_and(begins) && !is_escaped(text, at) {
                walk.show(at, region.kind);
            }
            continue;
        }
        let is_literal = reading != MarkupReading::Browser && (code.at(at).is_some() || is_escaped(text, at));
        if is_literal && reading == MarkupReading::Markdown {
            continue;
        }
        let limit = region.range.end;
        // Otherwise each tag that never ends would be read up to the end of its region.
        if reading != MarkupReading::Markdown {
            budget = match budget {
                0 => 0,
                left => left.saturating_sub(cost_of_tag(text, at, limit)),
            };
            if budget == 0 {
                walk.show(at, region.kind);
                continue;
            }
        }
        let found = markup(text, at, limit, reading);
        let has = |byte| found.end().is_some_and(|end| has(byte, text, at..end));
        // A line of it begins a block if the region turns out to be a paragraph, or a code span begins in it.
        if (reading == MarkupReading::Either && has(b'\n'))
            || (reading != MarkupReading::Browser && has(b'`'))
        {
            walk.show(at, region.kind);
            continue;
        }
        match found {
            Markup::Text => {}
            Markup::Doubtful => walk.show(at, region.kind),
            Markup::Comment(_) if is_literal => walk.show(at, region.kind),
            Markup::Comment(end) => resume = end,
            Markup::Tag(tag) => {
                let is_sure = !is_literal
                    && at >= unsure
                    && (reading != MarkupReading::Either || markdown_tag(text, at, limit).is_some());
                if is_sure {
                    resume = tag.end;
                } else {
                    unsure = unsure.max(tag.end);
                }
                // Where readers disagree, close too much rather than too little.
                if is_sure || !tag.closes {
                    walk.tag(at, tag, position, regions, reading);
                }
            }
        }
    }
    (position..regions.len()).for_each(|position| walk.leave(position, regions));
    walk.finish()
}

fn has(byte: u8, text: &str, range: Range<usize>) -> bool {
    text.get(range).is_some_and(|markup| memchr(byte, markup.as_bytes()).is_some())
}

/// The number of bytes that a browser reads for the tag at `at`.
fn cost_of_tag(text: &str, at: usize, limit: usize) -> usize {
    browser_tag(text, at, limit).map_or(limit, |tag| tag.end).saturating_sub(at)
}

/// Returns which parser reads the markup of `region`.
fn reading_of(text: &str, region: &Region) -> MarkupReading {
    if region.kind != Kind::Html {
        return MarkupReading::Markdown;
    }
    let Range { start, end } = region.range;
    // Its first tag makes it HTML, unless that tag is shown as text.
    let first = browser_tag(text, start, end).filter(|_| region.container == 0);
    let name = first.and_then(|tag| text.get(start + 1 + usize::from(tag.closes)..tag.name_end));
    let is_html =
        name.is_some_and(|name| super::block::begins_block(name.as_bytes()) && !is_among(name, SWALLOWING));
    if is_html { MarkupReading::Browser } else { MarkupReading::Either }
}

/// What the `<` at `at` begins, in text up to `limit`.
fn markup(text: &str, at: usize, limit: usize, reading: MarkupReading) -> Markup {
    let bytes = text.as_bytes();
    let rest = bytes.get(at + 1..limit).unwrap_or_default();
    if let Some(inside) = rest.strip_prefix(b"!--") {
        return match memmem::find(inside, b"--") {
            // Text to Markdown; a browser never sees it.
            None if reading == MarkupReading::Markdown => Markup::Text,
            Some(length)
                if inside.get(length + 2) == Some(&b'>')
                    && !matches!(inside, [b'>', ..] | [b'-', b'>', ..]) =>
            {
                Markup::Comment(at + 4 + length + 3)
            }
            _ => Markup::Doubtful,
        };
    }
    let name = rest.strip_prefix(b"/").unwrap_or(rest);
    match (rest.first(), name.first()) {
        (Some(b'!' | b'?'), _) => Markup::Doubtful,
        (_, Some(first)) if first.is_ascii_alphabetic() => {
            let tag = match reading {
                MarkupReading::Markdown => markdown_tag(text, at, limit),
                MarkupReading::Browser | MarkupReading::Either => browser_tag(text, at, limit),
            };
            match tag {
                Some(tag) => Markup::Tag(tag),
                None if reading == MarkupReading::Markdown => Markup::Text,
                None => Markup::Doubtful,
            }
        }
        (Some(b'/'), _) if reading != MarkupReading::Markdown => Markup::Doubtful,
        _ => Markup::Text,
    }
}

/// The tag at `at` as defined by CommonMark.
fn markdown_tag(text: &str, at: usize, limit: usize) -> Option<Tag> {
    let bytes = text.as_bytes().get(..limit)?;
    let closes = bytes.get(at + 1) == Some(&b'/');
    let start = at + 1 + usize::from(closes);
    let count = |from: usize, is: &dyn Fn(&u8) -> bool| {
        bytes.get(from..).map_or(0, |rest| rest.iter().take_while(|byte| is(byte)).count())
    };
    let blanks = |from: usize| from + count(from, &u8::is_ascii_whitespace);
    let name_end = start + count(start, &|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let mut end = name_end;
    loop {
        let next = blanks(end);
        match bytes.get(next)? {
            b'>' => return Some(Tag { name_end, end: next + 1, closes }),
            b'/' if !closes && bytes.get(next + 1) == Some(&b'>') => {
                return Some(Tag { name_end, end: next + 2, closes });
            }
            first
                if !closes && next > end && (first.is_ascii_alphabetic() || matches!(first, b'_' | b':')) =>
            {
                end = next + count(next, &|b| b.is_ascii_alphanumeric() || b"_.:-".contains(b));
                let equals = blanks(end);
                if bytes.get(equals) == Some(&b'=') {
                    let value = blanks(equals + 1);
                    let quote = *bytes.get(value)?;
                    if matches!(quote, b'"' | b'\'') {
                        end = value + 2 + memchr(quote, bytes.get(value + 1..)?)?;
                    } else {
                        let length = count(value, &|b| !b.is_ascii_whitespace() && !b"\"'=<>`".contains(b));
                        if length == 0 {
                            return None;
                        }
                        end = value + length;
                    }
                }
            }
            _ => return None,
        }
    }
}

/// The tag at `at` as a browser reads it; `None` if it extends past `limit`.
fn browser_tag(text: &str, at: usize, limit: usize) -> Option<Tag> {
    let bytes = text.as_bytes().get(..limit)?;
    let closes = bytes.get(at + 1) == Some(&b'/');
    let start = at + 1 + usize::from(closes);
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
    let name_end = start + bytes.get(start..)?.iter().position(is_end)?;
    let mut end = name_end;
    // Quotes only count directly after an equals sign that follows a name.
    let (mut after_equals, mut in_name, mut in_value) = (false, false, false);
    loop {
        let byte = *bytes.get(end)?;
        end += 1;
        match byte {
            b'>' => return Some(Tag { name_end, end, closes }),
            b'"' | b'\'' if after_equals => {
                end += memchr(byte, bytes.get(end..)?)? + 1;
                (after_equals, in_name) = (false, false);
            }
            b'/' if !after_equals && !in_value => in_name = false,
            b'=' if in_name && !in_value && !after_equals => after_equals = true,
            byte if byte.is_ascii_whitespace() && in_value => (in_value, in_name) = (false, false),
            byte if byte.is_ascii_whitespace() => {}
            _ if after_equals => (after_equals, in_value) = (false, true),
            _ if !in_value => in_name = true,
            _ => {}
        }
    }
}

struct HtmlWalk<'t> {
    text: &'t str,
    /// The last region of each container.
    last: HashMap<usize, usize>,
    /// The region that was asked for last.
    traits: (Option<usize>, RegionTraits),
    open: Vec<OpenElement<'t>>,
    remedy: Remedy,
}

/// What decides about the tags of a region.
#[derive(Clone, Copy, Debug, Default)]
struct RegionTraits {
    /// It may have elements within its lines, of Markdown or of HTML.
    has_inline: bool,
    /// It may be a table, and an element may begin in one cell and end in another.
    has_loose_cells: bool,
    /// It may be a table after a paragraph, which cuts what is code in a paragraph alone.
    has_cut_code: bool,
}

/// The tags of `text`: whether each is an end tag, and its name. What only looks like a tag is among them.
fn tags(text: &[u8]) -> impl Iterator<Item = (usize, bool, &str)> {
    memchr_iter(b'<', text).filter_map(|at| {
        let rest = text.get(at + 1..)?;
        let (closes, rest) = rest.strip_prefix(b"/").map_or((false, rest), |rest| (true, rest));
        let is_end = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'<');
        let length = rest.iter().take(MAX_SEARCH).position(is_end).unwrap_or(rest.len().min(MAX_SEARCH));
        let name = std::str::from_utf8(rest.get(..length)?).unwrap_or("x");
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic());
        (is_name && has_content(name)).then_some((at, closes, name))
    })
}

/// True if `text` may have tags of elements within a line.
fn has_inline_tags(text: &[u8]) -> bool {
    tags(text).any(|(_, _, name)| !breaks_paragraph(name) && !is_among(name, SWALLOWING))
}

/// True if a line of `text` may be the one below the header of a table.
fn has_delimiter_row(text: &[u8]) -> bool {
    text.split(|&byte| byte == b'\n').any(is_delimiter_row)
}

/// True if `text` may be a table in which a cell does not close all its elements.
fn has_loose_cells(text: &[u8]) -> bool {
    if !has_delimiter_row(text) {
        return false;
    }
    text.split(|byte| matches!(byte, b'\n' | b'|')).any(|cell| {
        /// Longer cells with tags are not looked at, so that the time is linear.
        const LONGEST: usize = 4096;
        if cell.len() > LONGEST {
            return tags(cell).next().is_some();
        }
        let mut open = Vec::new();
        let is_code = |at: usize| {
            let ticks = memchr_iter(b'`', cell.get(..at).unwrap_or_default()).count();
            ticks % 2 == 1
        };
        let fits = tags(cell).take(MAX_SEARCH).all(|(at, closes, name)| {
            if is_code(at) {
                return true;
            }
            if !closes {
                open.push(name.to_ascii_lowercase());
            }
            !closes || open.pop().is_some_and(|last| last.eq_ignore_ascii_case(name))
        });
        !fits || !open.is_empty()
    })
}

impl<'t> HtmlWalk<'t> {
    /// Shows the `<` at `at` as text.
    fn show(&mut self, at: usize, kind: Kind) {
        self.remedy.shown.push((at, kind == Kind::Inline));
    }

    /// Shows the tag in `range` as text, including its attributes.
    fn show_tag(&mut self, range: Range<usize>, kind: Kind) {
        let inside = self.text.as_bytes().get(range.clone()).unwrap_or_default();
        for at in memchr_iter(b'<', inside) {
            self.show(range.start + at, kind);
        }
    }

    fn tag(&mut self, at: usize, tag: Tag, position: usize, regions: &[Region], reading: MarkupReading) {
        let Some(region) = regions.get(position) else { return };
        let start = at + 1 + usize::from(tag.closes);
        let name: &'t str = self.text.get(start..tag.name_end).unwrap_or_default();
        let has_content = has_content(name);
        if has_content && self.traits(position, region).has_loose_cells
            || is_among(name, SWALLOWING)
            || self.may_be_straddled(name, position, region, reading)
            || has_content && self.is_misplaced_at_table(name, tag.closes)
        {
            self.show_tag(at..tag.end, region.kind);
            return;
        }
        if !has_content {
            return;
        }
        if tag.closes {
            let closed = self.close(name, position, region, self.is_alone(at, tag, region));
            if !closed && name.eq_ignore_ascii_case("details") {
                self.show_tag(at..tag.end, region.kind);
            }
        } else if known(name).is_none() && reading == MarkupReading::Markdown && self.follows_a_word(at) {
            // A type such as `Vec<String>`. The element that a browser sees in it ends with its paragraph.
        } else {
            let (name, class) = known(name).unwrap_or((name, ElementClass::Ordinary));
            let is_alone = self.is_alone(at, tag, region);
            let (region, container, kind) = (position, region.container, region.kind);
            self.open.push(OpenElement {
                name,
                class,
                is_alone,
                range: at..tag.end,
                region,
                container,
                kind,
                reading,
            });
        }
    }

    /// True if an element called `name` may begin in a link, emphasis, cell or other element and end outside of it, or the
    /// reverse. Browsers take blocks out of such elements or keep them open, and tables keep them open for good.
    fn may_be_straddled(
        &mut self,
        name: &str,
        position: usize,
        region: &Region,
        reading: MarkupReading,
    ) -> bool {
        if reading == MarkupReading::Browser || !breaks_paragraph(name) {
            return false;
        }
        if region.kind == Kind::Inline && (name.eq_ignore_ascii_case("table") || is_table_part(name)) {
            return true;
        }
        self.traits(position, region).has_inline
    }

    /// True if the tag would leave a table whose parts don't nest exactly. Browsers move what is misplaced in a table in
    /// front of it, and let parts end others that are still open.
    fn is_misplaced_at_table(&self, name: &str, closes: bool) -> bool {
        let inner = self.open.last().map(|element| element.name);
        let is = |name: &str, other: &str| name.eq_ignore_ascii_case(other);
        let is_part = is_table_part(name);
        if closes {
            return (is_part || is(name, "table")) && inner.is_some_and(|inner| !is(name, inner));
        }
        match inner {
            Some("table") => !is_among(name, &["caption", "colgroup", "tbody", "tfoot", "thead", "tr"]),
            Some("tbody" | "tfoot" | "thead") => !is(name, "tr"),
            Some("tr") => !is(name, "td") && !is(name, "th"),
            Some("colgroup") => true,
            _ => is_part,
        }
    }

    /// What is known of the region at `position`.
    fn traits(&mut self, position: usize, region: &Region) -> RegionTraits {
        if self.traits.0 != Some(position) {
            let inside = self.text.as_bytes().get(region.range.clone()).unwrap_or_default();
            let spans_lines = |span: Range<usize>| has(b'\n', self.text, span);
            let traits = RegionTraits {
                has_cut_code: region.kind == Kind::Inline
                    && memchr(b'`', inside).is_some()
                    && has_delimiter_row(inside)
                    && code_spans(self.text, region.range.clone()).into_iter().any(spans_lines),
                has_inline: inside.iter().any(|byte| b"*_[~`|".contains(byte)) || has_inline_tags(inside),
                has_loose_cells: region.kind == Kind::Inline && has_loose_cells(inside),
            };
            self.traits = (Some(position), traits);
        }
        self.traits.1
    }

    /// True if the character before `at` is part of a word.
    fn follows_a_word(&self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        before.chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_')
    }

    /// True if the tag is alone on the first line of its region, so that every reader takes it for an HTML block.
    fn is_alone(&self, at: usize, tag: Tag, region: &Region) -> bool {
        if region.kind != Kind::Html || at != region.range.start {
            return false;
        }
        let rest = self.text.get(tag.end..region.range.end).unwrap_or_default();
        let rest = rest.trim_start_matches([' ', '\t']);
        (rest.is_empty() || rest.starts_with('\n')) && markdown_tag(self.text, at, region.range.end).is_some()
    }

    /// Closes the innermost element called `name`, if a browser is sure to do the same in the region at `position`.
    fn close(&mut self, name: &str, position: usize, region: &Region, is_alone: bool) -> bool {
        let class = known(name).map_or(ElementClass::Ordinary, |(_, class)| class);
        // Outside tables, browsers ignore the tags of table parts.
        if is_table_part(name)
            && !self.open.iter().rev().take(MAX_SEARCH).any(|element| element.name == "table")
        {
            return false;
        }
        let mut found = None;
        for (at, element) in self.open.iter().enumerate().rev().take(MAX_SEARCH) {
            if element.container != region.container {
                break;
            }
            if element.name.eq_ignore_ascii_case(name) {
                // The end tag of an ordinary element in a paragraph closes nothing outside it.
                let reaches = class != ElementClass::Ordinary
                    || element.region == position
                    || (element.is_alone && is_alone);
                found = reaches.then_some(at);
                break;
            }
            if element.name == "table" || is_table_part(element.name) {
                // No end tag in a cell closes what is outside its table.
                break;
            }
            let ends_with_it = element.class != ElementClass::Block
                || (class == ElementClass::Block && name != "p" && IMPLIED.contains(&element.name));
            if !ends_with_it {
                break;
            }
        }
        let Some(found) = found else { return false };
        let inside = self.open.split_off(found);
        let goes_on = |element: &OpenElement<'_>| element.class == ElementClass::Formatting;
        self.open.extend(inside.into_iter().skip(1).filter(goes_on));
        true
    }

    /// Closes what a region inside a list or quote leaves open, once nothing in its container can: an end tag after the
    /// text would be too late.
    fn leave(&mut self, position: usize, regions: &[Region]) {
        let Some(region) = regions.get(position).filter(|region| region.container > 0) else { return };
        let goes_on = self.last.get(&region.container).is_some_and(|&last| last > position);
        // Until the container ends, only elements opened by this region matter.
        let is_outside = |element: &OpenElement<'_>| {
            element.container != region.container || (goes_on && element.region != position)
        };
        let begin = self.open.iter().rposition(is_outside).map_or(0, |last| last + 1);
        let mut closing = String::new();
        let mut kept = Vec::new();
        for element in self.open.split_off(begin).into_iter().rev() {
            let is_inline = element.class != ElementClass::Block && known(element.name).is_some();
            if is_inline && element.region == position && element.reading == MarkupReading::Markdown {
                closing.push_str("</");
                closing.push_str(element.name);
                closing.push('>');
            } else if goes_on {
                kept.push(element);
            } else {
                self.show_tag(element.range, element.kind);
            }
        }
        self.open.extend(kept.into_iter().rev());
        if !closing.is_empty() {
            let Range { start, end } = region.range;
            let end = start + self.text.get(start..end).map_or(0, |inside| inside.trim_end().len());
            if is_escaped(self.text, end) {
                closing.insert(0, ' ');
            }
            self.remedy.inserted.push((end, closing));
        }
    }

    fn finish(mut self) -> Remedy {
        for element in std::mem::take(&mut self.open).into_iter().rev() {
            if known(element.name).is_some() {
                self.remedy.closed.push(element.name.to_owned());
            } else {
                self.show_tag(element.range, element.kind);
            }
        }
        self.remedy.shown.sort_unstable();
        self.remedy.shown.dedup_by_key(|(at, _)| *at);
        self.remedy.inserted.sort_unstable();
        self.remedy
    }
}
