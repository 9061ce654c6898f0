//! Tags: which of them are components, and what they open and close.

use super::super::lex::{self, Attribute, AttributeValue, Begun, ComponentTag, TagForm};
use super::super::name::{self, Component, Folded};
use super::{JsxElement, NodeKind, OpenKind, OpenPart, TreeParser};
use memchr::memmem;
use std::ops::Range;

/// What the attributes of a tag say about it.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "independent observations")]
struct Facts {
    /// There are some.
    any: bool,
    refs: bool,
    link: bool,
    html_link: bool,
    rows: bool,
    value: bool,
    /// HTML has no such attribute.
    own: bool,
}

impl TreeParser<'_> {
    /// Takes what the `<` here begins; returns where to go on.
    pub(super) fn angle(&mut self) -> usize {
        let at = self.at;
        let next = self.byte(at + 1).unwrap_or_default();
        if (next == b'!' || next.is_ascii_alphabetic())
            && self.patience > 0
            && let Some(end) = self.zones.raw_html(at)
        {
            return end;
        }
        if !next.is_ascii_alphabetic() && next != b'/' && next != b'>' {
            return at + 1;
        }
        if self.patience == 0 {
            return at + 1;
        }
        let attributes = self.tree.attributes.len();
        match lex::tag(self.source, at, self.quotes(), &mut self.tree.attributes) {
            Begun::Text { end } => {
                self.patience = self.patience.saturating_sub(end - at);
                self.loose_draft().unwrap_or(at + 1)
            }
            Begun::Cut { name, open, .. } => self.cut(name, open.as_ref()),
            Begun::Tag(tag) => {
                let end = if tag.form == TagForm::Closing {
                    self.closing(&tag)
                } else {
                    self.opening(&tag, attributes)
                };
                if !matches!(self.tree.nodes.last(), Some(node) if node.source.start == at) {
                    self.tree.attributes.truncate(attributes);
                }
                end
            }
        }
    }

    /// Takes a tag in which the text ends.
    fn cut(&mut self, name: Range<usize>, open: Option<&(Range<usize>, usize)>) -> usize {
        let at = self.at;
        let Some(folded) = Folded::of(self.slice(name.clone())) else { return at + 1 };
        let known = Component::known(folded.as_str()).filter(|_| !name.is_empty());
        if let (Some(Component::WritingBlock), Some((attribute, start))) = (known, open)
            && self.slice(attribute.clone()) == "content"
        {
            return self.draft(name, attribute.clone(), *start..self.source.len(), self.source.len());
        }
        let is_closing = self.byte(at + 1) == Some(b'/');
        let is_bare = name.end == self.source.len();
        let is_known = known.is_some() && (!name::is_either(folded.as_str()) || !is_bare);
        let is_prefix = is_bare && !name.is_empty() && self.is_language && name::is_begun(folded.as_str());
        let may_be = match known {
            _ if is_prefix || (is_closing && self.is_language) => true,
            Some(_) => is_known && (self.is_language || !is_bare),
            None => false,
        };
        // A value that is open over several paragraphs is a mistake in the middle rather than the end.
        if !may_be || self.zones.paragraph_end(at) < self.source.len() {
            self.patience = self.patience.saturating_sub(self.source.len() - at);
            return at + 1;
        }
        self.is_language = true;
        self.flush(at);
        self.text = self.source.len();
        self.source.len()
    }

    /// Takes a draft whose text is the value of `attribute`, which is at `value`; its tag ends at `end`.
    fn draft(
        &mut self,
        name: Range<usize>,
        attribute: Range<usize>,
        value: Range<usize>,
        end: usize,
    ) -> usize {
        let at = self.at;
        self.is_language = true;
        self.flush(at);
        self.text = end;
        // The attributes before the one that can't be read.
        let mut attributes = Vec::new();
        let head = format!("{}>", self.slice(at..attribute.start));
        lex::tag(&head, 0, 0, &mut attributes);
        let first = self.tree.attributes.len();
        self.tree.attributes.extend(attributes.into_iter().map(|found| moved(found, at)));
        self.tree.attributes.push(Attribute { name: attribute, value: AttributeValue::Quoted(value) });
        let element = JsxElement {
            component: Component::WritingBlock,
            name,
            attributes: first..self.tree.attributes.len(),
            body: at..at,
            quotes: self.quotes(),
        };
        self.node(NodeKind::Element(element), at..end);
        end
    }

    /// Takes a draft whose text has unescaped quotes; `None` if this is not one.
    fn loose_draft(&mut self) -> Option<usize> {
        const CONTENT: &str = "content=\"";
        let at = self.at;
        let rest = self.source.get(at + 1..)?;
        let length = rest.bytes().take_while(|&byte| lex::is_name(byte)).count();
        let folded = Folded::of(rest.get(..length)?)?;
        if folded.as_str() != "writingblock" {
            return None;
        }
        let head = rest.get(..rest.find('>').unwrap_or(rest.len()))?;
        let attribute = at + 1 + head.find(CONTENT)?;
        let start = attribute + CONTENT.len();
        let Some(length_of_text) = self.source.get(start..)?.find("\"/>") else {
            self.patience = self.patience.saturating_sub(self.source.len() - start);
            return None;
        };
        let close = start + length_of_text;
        let name = at + 1..at + 1 + length;
        Some(self.draft(name, attribute..attribute + "content".len(), start..close, close + "\"/>".len()))
    }

    /// Takes a draft that is written as a directive, `:::writing{…}` at `at` to `:::` on a line of its own, in the body of
    /// a component; returns where it ends. `None` if this is not one.
    pub(super) fn directive(&mut self, at: usize, line_end: usize) -> Option<usize> {
        const MARK: &str = ":::";
        const OPEN: &str = ":::writing{";
        let line = self.slice(at..line_end);
        let inside = line.trim_end().strip_prefix(OPEN)?.strip_suffix('}')?;
        let head = format!("<x {inside}>");
        let mut attributes = Vec::new();
        if self.patience == 0 || !matches!(lex::tag(&head, 0, 0, &mut attributes), Begun::Tag(_)) {
            return None;
        }
        let limit = self.end_of_body(line_end);
        let body = line_end.min(limit);
        let mut close = limit;
        let mut end = limit;
        let mut from = body;
        for line in self.slice(body..limit).split_inclusive('\n') {
            if line.trim_matches([' ', '\t', '\r', '\n', '>']) == MARK {
                close = from;
                end = from + line.trim_end_matches(['\n', '\r']).len();
                break;
            }
            from += line.len();
        }
        self.patience = self.patience.saturating_sub(end - at);
        self.flush(at);
        self.text = end;
        let first = self.tree.attributes.len();
        let start = at + OPEN.len() - "<x ".len();
        self.tree.attributes.extend(attributes.into_iter().map(|found| moved(found, start)));
        let element = JsxElement {
            component: Component::WritingBlock,
            name: at..at,
            attributes: first..self.tree.attributes.len(),
            body: body..close,
            quotes: self.quotes(),
        };
        self.node(NodeKind::Element(element), at..end);
        Some(end)
    }

    /// Where the body of the innermost component ends that is open at `at`.
    fn end_of_body(&self, at: usize) -> usize {
        let name = self.open.iter().rev().find_map(|open| match (open.what, open.node) {
            (OpenKind::Element(_), Some(node)) => match &self.tree.nodes.get(node)?.kind {
                NodeKind::Element(element) => Folded::of(self.slice(element.name.clone())),
                _ => None,
            },
            _ => None,
        });
        let closer = name.and_then(|name| self.next_closer(name.as_str(), at));
        closer.unwrap_or(self.source.len())
    }

    /// Takes a closing tag.
    fn closing(&mut self, tag: &ComponentTag) -> usize {
        let at = self.at;
        let Some(folded) = Folded::of(self.slice(tag.name.clone())) else { return at + 1 };
        let folded = folded.as_str();
        let number = self.names.get(folded).copied();
        let count = number.and_then(|number| self.counts.get(&number)).copied().unwrap_or_default();
        if let Some(html) = self.html.get_mut(folded)
            && html.pop_if(|before| *before >= count).is_some()
        {
            return tag.end;
        }
        if let Some(number) = number.filter(|_| count > 0) {
            self.flush(at);
            self.text = tag.end;
            while self.close_last(at).is_some_and(|closed| closed != OpenKind::Element(number)) {}
            return tag.end;
        }
        let is_component = Component::known(folded).is_some() && !name::is_either(folded);
        let is_unknown = self.slice(tag.name.clone()).starts_with(|c: char| c.is_ascii_uppercase());
        let is_html = name::is_always_html(folded) || name::is_other_html(folded);
        if !self.is_language || is_html || (tag.name.is_empty() && self.elements == 0) {
            return tag.end;
        }
        if is_component || is_unknown || self.elements > 0 {
            self.nothing(at..tag.end);
        }
        tag.end
    }

    /// Takes an opening or self-closing tag, whose attributes are those from `attributes` on.
    fn opening(&mut self, tag: &ComponentTag, attributes: usize) -> usize {
        let at = self.at;
        let Some(folded) = Folded::of(self.slice(tag.name.clone())) else { return at + 1 };
        let folded = folded.as_str();
        let Some(component) = self.decide(tag, folded, attributes) else {
            if tag.form == TagForm::Open && name::is_either(folded) {
                let count = self.names.get(folded).and_then(|number| self.counts.get(number)).copied();
                self.html.entry(folded.to_owned()).or_default().push(count.unwrap_or_default());
            }
            return tag.end;
        };
        self.flush(at);
        self.text = tag.end;
        let mut element = JsxElement {
            component,
            name: tag.name.clone(),
            attributes: attributes..self.tree.attributes.len(),
            body: tag.end..tag.end,
            quotes: self.quotes(),
        };
        let closer = self.next_closer(folded, tag.end);
        if tag.form == TagForm::SelfClosing || (component.is_leaf() && closer.is_none()) {
            self.node(NodeKind::Element(element), at..tag.end);
            return tag.end;
        }
        if component.is_raw() {
            let close = self.raw_end(folded, tag.end);
            element.body.end = close.unwrap_or(self.source.len());
            let end = close.map_or(self.source.len(), |close| self.tag_end(close));
            self.node(NodeKind::Element(element), at..end);
            self.text = end;
            return end;
        }
        self.close_siblings(component, at);
        let number = self.number(folded);
        self.push(OpenKind::Element(number), NodeKind::Element(element), at..tag.end);
        tag.end
    }

    /// Closes the items, rows and cells that can't hold `component`, so that it is beside them.
    fn close_siblings(&mut self, component: Component, at: usize) {
        let closed: &[Component] = match component {
            Component::ListItem | Component::Option | Component::TableCell => &[component],
            Component::TableRow => &[Component::TableRow, Component::TableCell],
            _ => return,
        };
        while let Some(OpenPart { node: Some(node), what: OpenKind::Element(_), .. }) = self.open.last() {
            let is_closed = self.tree.nodes.get(*node).is_some_and(|node| {
                matches!(&node.kind, NodeKind::Element(element) if closed.contains(&element.component))
            });
            if !is_closed {
                break;
            }
            self.close_last(at);
        }
    }

    /// Where the raw body ends that begins at `start`: at the tag that closes it.
    fn raw_end(&self, folded: &str, start: usize) -> Option<usize> {
        let mut close = self.next_closer(folded, start)?;
        if folded != "svg" {
            return Some(close);
        }
        // A drawing in a drawing has a closing tag of its own.
        let mut from = start;
        loop {
            let inside = self.slice(from..close).as_bytes();
            let nested = memmem::find_iter(inside, b"<svg").count();
            let closers = self.closers.get(folded)?;
            let next = closers.partition_point(|&closer| closer < close);
            match closers.get(next + nested) {
                _ if nested == 0 => return Some(close),
                None => return Some(close),
                Some(&later) => {
                    from = close;
                    close = later;
                }
            }
        }
    }

    /// Where the closing tag at `at` ends.
    fn tag_end(&self, at: usize) -> usize {
        match lex::tag(self.source, at, self.quotes(), &mut Vec::new()) {
            Begun::Tag(tag) => tag.end,
            Begun::Text { end } | Begun::Cut { end, .. } => end,
        }
    }

    /// Where the next tag is that closes `folded`.
    fn next_closer(&self, folded: &str, from: usize) -> Option<usize> {
        let closers = self.closers.get(folded)?;
        closers.get(closers.partition_point(|&closer| closer < from)).copied()
    }

    fn number(&mut self, folded: &str) -> usize {
        if let Some(&number) = self.names.get(folded) {
            return number;
        }
        let number = self.names.len();
        self.names.insert(folded.to_owned(), number);
        number
    }

    /// What component an opening or self-closing tag is; `None` if it is HTML or text.
    fn decide(&mut self, tag: &ComponentTag, folded: &str, attributes: usize) -> Option<Component> {
        let at = self.at;
        let written = self.slice(tag.name.clone());
        let is_upper = written.starts_with(|c: char| c.is_ascii_uppercase());
        if name::is_always_html(folded) || (!is_upper && name::is_other_html(folded)) {
            return None;
        }
        let facts = self.facts(attributes);
        let is_bare = !facts.any && tag.form != TagForm::SelfClosing;
        let closer = self.next_closer(folded, tag.end);
        let line = self.zones.line_end(at);
        // `Vec<String>`
        if is_bare
            && !written.contains('-')
            && is_word_before(self.source, at)
            && closer.is_none_or(|closer| closer > line)
        {
            return None;
        }
        let Some(component) = Component::known(folded) else {
            let is_sound = (is_upper && facts.any) || tag.form == TagForm::SelfClosing || closer.is_some();
            let is_named = is_upper || (self.is_language && (facts.any || written.contains('-')));
            return (is_sound && is_named).then_some(Component::Unknown);
        };
        let is_either = name::is_either(folded) && !is_upper;
        let speaks_language = self.is_language || self.elements > 0;
        let in_html_table = self.html.get("table").is_some_and(|tables| !tables.is_empty());
        let table = if component == Component::Table { self.table(tag.end, facts.rows) } else { None };
        let is_component = match component {
            Component::Cite if is_either => facts.refs,
            Component::Link => facts.link && !facts.html_link,
            Component::Table if is_either => table.unwrap_or(speaks_language),
            Component::Caption if folded == "caption" => !in_html_table,
            Component::Box if folded == "col" && !is_upper => !in_html_table,
            Component::Math if is_either => facts.value || (self.elements > 0 && !facts.any),
            Component::Fragment if folded.is_empty() => {
                let is_expected = speaks_language || self.expects_language;
                self.has_early_part |= closer.is_some() && !is_expected;
                closer.is_some() && is_expected
            }
            _ => true,
        };
        // A name that only its brackets speak for, in the middle of a line.
        let is_lone = is_bare && closer.is_none();
        let is_last = line == self.source.len() && speaks_language;
        let is_complete = (is_last || self.begins_line(at)) && (self.elements > 0 || !is_either);
        let is_certain = table == Some(true) || (self.elements > 0 && (!is_either || written.contains('-')));
        let is_complete = is_complete || is_certain;
        if !is_component || (is_lone && !is_complete) {
            return None;
        }
        self.is_language |= match component {
            Component::Fragment => !folded.is_empty(),
            Component::Table if is_either => table == Some(true),
            Component::Cite | Component::Link => true,
            _ => !is_either || facts.own,
        };
        Some(component)
    }

    /// What the attributes from `first` on say about their tag.
    fn facts(&self, first: usize) -> Facts {
        let mut facts = Facts::default();
        for attribute in self.tree.attributes.get(first..).unwrap_or_default() {
            let name = self.slice(attribute.name.clone());
            facts.any = true;
            facts.refs |= matches!(name, "ref" | "refs");
            facts.link |= matches!(name, "url" | "title" | "ref");
            facts.html_link |= matches!(name, "href" | "rel" | "to");
            facts.rows |= matches!(name, "columns" | "rows");
            facts.value |= name == "value";
            facts.own |= is_own_attribute(name)
                || match &attribute.value {
                    AttributeValue::Braced(_) => true,
                    AttributeValue::Quoted(value) | AttributeValue::Bare(value) => {
                        name == "size" && self.slice(value.clone()).parse::<u32>().is_err()
                    }
                    AttributeValue::Missing => false,
                };
        }
        facts
    }

    /// Whether the table whose tag ends at `from` is a component, by its first tag inside; `None` if that does not say.
    fn table(&self, from: usize, has_data: bool) -> Option<bool> {
        if has_data {
            return Some(true);
        }
        let mut from = from;
        for _ in 0..4 {
            let rest = self.source.as_bytes().get(from..)?;
            let at = from + memchr::memchr(b'<', rest)? + 1;
            let rest = self.source.as_bytes().get(at..)?;
            let length = rest.iter().take(64).take_while(|&&byte| lex::is_name(byte)).count();
            // As in `{#if x < 2}`.
            let name = self.slice(at..at + length).trim_start_matches(|c: char| c.is_ascii_digit());
            match Folded::of(name)?.as_str() {
                "tr" | "thead" | "tbody" | "tfoot" | "colgroup" => return Some(false),
                "tablerow" | "tablesection" | "tablehead" | "tablebody" | "tablecell" | "tableheader" => {
                    return Some(true);
                }
                "" | "caption" | "col" => from = at,
                _ => return None,
            }
        }
        None
    }
}

/// True for the attributes that only components have.
fn is_own_attribute(name: &str) -> bool {
    [
        "ref", "refs", "weight", "url", "strong", "italic", "lineThrough", "tabularNums", "textAlign",
        "variant", "gap", "options", "columns", "rows", "color", "block",
    ]
    .contains(&name)
}

/// `attribute` of a tag that begins at `at`.
fn moved(attribute: Attribute, at: usize) -> Attribute {
    let moved = |range: Range<usize>| range.start + at..range.end + at;
    let value = match attribute.value {
        AttributeValue::Missing => AttributeValue::Missing,
        AttributeValue::Quoted(range) => AttributeValue::Quoted(moved(range)),
        AttributeValue::Braced(range) => AttributeValue::Braced(moved(range)),
        AttributeValue::Bare(range) => AttributeValue::Bare(moved(range)),
    };
    Attribute { name: moved(attribute.name), value }
}

/// True if a letter or digit precedes `at`.
fn is_word_before(source: &str, at: usize) -> bool {
    let before = source.get(..at).and_then(|before| before.chars().next_back());
    before.is_some_and(|c| c.is_alphanumeric() || c == '_')
}
