//! Components within a line: sources, names, links, styled text.

use super::layout::{self, on_one_line};
use super::name::Component;
use super::piece::{
    BlockKind, InlineStyle, Joint, OutputPiece, Pieces, Place, block, inline, markdown, markdown_or_void,
    or_void, words,
};
use super::run;
use super::script::ScriptValue;
use super::tree::JsxElement;
use super::walk::AnswerWriter;
use super::{WebPage, plain};
use crate::conversation::{Link, Meaning};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// What the vendor's marks begin and end with, so that an anchor looks like one of them until it is resolved.
const SOURCE_MARK: &str = "\u{e200}cite\u{e201}";
const FILE_MARK: &str = "\u{e200}filecite\u{e201}";

/// The attributes of unknown components that hold words.
const WORDS: [&str; 9] =
    ["title", "label", "name", "value", "text", "subject", "content", "description", "query"];

impl<'s, 'a> AnswerWriter<'s, '_, 'a> {
    /// Sources.
    pub(super) fn cite(
        &mut self,
        element: &JsxElement,
        source: &Range<usize>,
        body: Pieces<'s>,
    ) -> Pieces<'s> {
        let meaning = match self.anchors.of_tag(source) {
            Some(Meaning::Citation(links) | Meaning::Links(links)) => {
                Meaning::Citation(distinct(links.clone()))
            }
            Some(meaning) => meaning.clone(),
            None => {
                let links = self.pages(element, source).into_iter().map(|page| page.link).collect();
                Meaning::Citation(distinct(links))
            }
        };
        match meaning {
            Meaning::Citation(links) if links.is_empty() => or_void(body),
            meaning => vec![self.anchored(SOURCE_MARK, meaning)],
        }
    }

    /// A file, called by its name.
    pub(super) fn file(
        &mut self,
        element: &JsxElement,
        source: &Range<usize>,
        body: Pieces<'s>,
    ) -> Pieces<'s> {
        let found = match self.anchors.of_tag(source) {
            Some(meaning @ (Meaning::File(_) | Meaning::Citation(_) | Meaning::Links(_))) => {
                Some(meaning.clone())
            }
            _ => self.ids(element).iter().find_map(|id| self.lookup.file(id)).map(Meaning::File),
        };
        match found {
            Some(meaning) => vec![self.anchored(FILE_MARK, meaning)],
            None => or_void(body),
        }
    }

    fn anchored(&mut self, mark: &'static str, meaning: Meaning<'a>) -> OutputPiece<'s> {
        let written = match &meaning {
            Meaning::Citation(links) | Meaning::Links(links) => {
                let links: Vec<_> =
                    links.iter().map(|link| plain::link(&plain::words(&link.label), &link.url)).collect();
                format!("({})", links.join(", "))
            }
            Meaning::File(file) => format!("({})", plain::words(file.name.as_deref().unwrap_or(&file.id))),
            Meaning::Markdown(text) | Meaning::Block(text) => text.trim().to_owned(),
            Meaning::FileLink { label, .. } => label.trim().to_owned(),
            Meaning::Plain(text) => plain::words(text),
            Meaning::Nothing => String::new(),
        };
        let text = self.anchors.make(Cow::Borrowed(mark), meaning).map_or(written, String::from);
        markdown(text, Joint::Source)
    }

    /// The ids in `ref` and `refs`.
    fn ids(&mut self, element: &JsxElement) -> Vec<String> {
        let mut ids = Vec::new();
        for name in ["refs", "ref", "ref_id", "refId", "citation_id"] {
            let Some(value) = self.value(element, &[name]) else { continue };
            match &value {
                ScriptValue::List(list) => ids.extend(list.iter().filter_map(id)),
                value => ids.extend(id(value)),
            }
        }
        ids
    }

    /// The pages on the web that a component names, each address once.
    pub(super) fn pages(&mut self, element: &JsxElement, source: &Range<usize>) -> Vec<WebPage<'a>> {
        let (start, end) = (self.point(source.start), self.point(source.end));
        let mut pages = self.lookup.resolution(start, end).map(|found| found.pages).unwrap_or_default();
        if pages.is_empty() {
            let ids = self.ids(element);
            pages = ids.iter().filter_map(|id| self.lookup.page(&id.to_ascii_lowercase())).collect();
        }
        pages.retain(|page| plain::is_web(&page.link.url));
        pages
    }

    /// The first page that a component names.
    pub(super) fn page(&mut self, element: &JsxElement, source: &Range<usize>) -> Option<WebPage<'a>> {
        if let Some(Meaning::Citation(links) | Meaning::Links(links)) = self.anchors.of_tag(source)
            && let Some(link) = links.first()
        {
            let page = self.pages(element, source).into_iter().find(|page| page.link.url == link.url);
            return Some(page.unwrap_or_else(|| WebPage { title: link.label.clone(), link: link.clone() }));
        }
        self.pages(element, source).into_iter().next()
    }

    /// The name of something.
    pub(super) fn entity(
        &mut self,
        element: &JsxElement,
        source: &Range<usize>,
        body: Pieces<'s>,
    ) -> Pieces<'s> {
        if let Some(name) = self.attribute_text(element, &["value", "name", "label", "title"]) {
            return vec![inline(name, InlineStyle::Words, Joint::Name)];
        }
        if let Some(page) = self.page(element, source).filter(|page| !page.title.trim().is_empty()) {
            return vec![inline(page.title.into_owned(), InlineStyle::Words, Joint::Name)];
        }
        let text = on_one_line(body);
        if !text.is_empty() {
            return vec![markdown(text, Joint::Name)];
        }
        markdown_or_void(self.expression_of(element, "value").map(plain::code_span), Joint::Name)
    }

    pub(super) fn link(
        &mut self,
        element: &JsxElement,
        source: &Range<usize>,
        body: Pieces<'s>,
    ) -> Pieces<'s> {
        let title = self.attribute_text(element, &["title", "label"]).map(|title| plain::words(&title));
        let (sources, body): (Pieces<'s>, Pieces<'s>) = body.into_iter().partition(is_source);
        let label = title.or_else(|| Some(on_one_line(body)).filter(|label| !label.is_empty()));
        let url = self.attribute_text(element, &["url"]).and_then(|url| plain::address(&url));
        let page = if url.is_none() { self.page(element, source) } else { None };
        let label = label.or_else(|| page.as_ref().map(|page| plain::words(&page.title)));
        let url = url.or_else(|| page.map(|page| page.link.url.into_owned()));
        let label = label.unwrap_or_default();
        let text = match url {
            // A link holds no other links.
            Some(url) if has_link(&label) => format!("{label} ({})", plain::link("", &url)),
            Some(url) => plain::link(&label, &url),
            None if label.is_empty() => {
                let code = self.expression_of(element, "title").map(plain::code_span);
                code.or_else(|| self.attribute_text(element, &["url"]).map(|url| plain::words(&url)))
                    .unwrap_or_default()
            }
            None => label,
        };
        let mut pieces = markdown_or_void(Some(text), Joint::Name);
        pieces.extend(sources);
        pieces
    }

    pub(super) fn badge(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let label =
            self.attribute_text(element, &["label", "text", "value"]).map(|label| plain::sentence(&label));
        let text = label.unwrap_or_else(|| on_one_line(body));
        if text.is_empty() {
            return vec![OutputPiece::Void];
        }
        vec![inline(text, InlineStyle::Strong, Joint::Chip)]
    }

    /// Text in a style, which may hold anything.
    pub(super) fn styled(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let component = element.component;
        let weight = self.value(element, &["weight"]);
        let is_heavy = weight.is_some_and(|weight| match &weight {
            ScriptValue::Text(text) => {
                matches!(text.as_ref(), "bold" | "semibold" | "bolder" | "extrabold" | "black")
            }
            ScriptValue::Number(number) => *number >= 600.0,
            _ => false,
        });
        let is_text = component == Component::Text;
        let is_strong =
            component == Component::Bold || (is_text && (is_heavy || self.is_set(element, "strong")));
        let is_italic = component == Component::Italic || (is_text && self.is_set(element, "italic"));
        let is_struck = component == Component::Strike || (is_text && self.is_set(element, "lineThrough"));
        let is_inline =
            !is_text || self.is_set(element, "inline") || self.slice(element.name.clone()).len() > 4;
        let joint = if is_inline { Joint::Word } else { Joint::Chip };
        let mut body = body;
        if body.is_empty() {
            let text = self.attribute_text(element, &["value", "text", "label", "content"]);
            body.extend(text.map(words));
        }
        let (before, after) = (begins_blank(&body), ends_blank(&body));
        let mut blocks = layout::flow(body, Place::Paragraph);
        for block in blocks.iter_mut().filter(|block| block.kind == BlockKind::Line) {
            if is_struck {
                block.text = plain::emphasised(&block.text, "~~");
            }
            if is_italic {
                block.text = plain::emphasised(&block.text, "*");
            }
        }
        match blocks.as_mut_slice() {
            [] => vec![OutputPiece::Void],
            [block] if block.kind == BlockKind::Line => {
                let style = if is_strong { InlineStyle::Strong } else { InlineStyle::Markdown };
                let text = std::mem::take(&mut block.text);
                // A blank inside is one between words outside.
                let blank = |is_blank: bool| {
                    (is_blank && joint == Joint::Word).then_some(OutputPiece::Text(Cow::Borrowed(" ")))
                };
                [blank(before), Some(inline(text, style, joint)), blank(after)]
                    .into_iter()
                    .flatten()
                    .collect()
            }
            blocks => {
                for block in blocks.iter_mut().filter(|block| is_strong && block.kind == BlockKind::Line) {
                    block.text = plain::emphasised(&block.text, "**");
                }
                blocks.iter().cloned().map(OutputPiece::Block).collect()
            }
        }
    }

    pub(super) fn code(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut text = String::new();
        for piece in body {
            match piece {
                OutputPiece::Text(part) => text.push_str(&plain::decoded(&part)),
                OutputPiece::Inline(inline) => text.push_str(&inline.text),
                OutputPiece::Unresolved(source) => {
                    text.push('{');
                    text.push_str(source);
                    text.push('}');
                }
                OutputPiece::Block(block) => text.push_str(&block.text),
                _ => {}
            }
        }
        if text.trim().is_empty() {
            text = self.attribute_text(element, &["value", "content"]).unwrap_or_default();
        }
        if text.trim().contains('\n') {
            let language = self.attribute_text(element, &["language"]).unwrap_or_default();
            let code = run::dedented(&text);
            let fence = plain::fence(&language, plain::trim_block(&code));
            return vec![block(fence, BlockKind::Code)];
        }
        markdown_or_void(Some(plain::code_span(&text)), Joint::Word)
    }

    /// A formula, written the way the model writes its other formulas.
    pub(super) fn math(&mut self, element: &JsxElement) -> Pieces<'s> {
        let body = self.body_of(element);
        let value = self.attribute_text(element, &["value", "content"]);
        let formula = value.unwrap_or_else(|| plain::decoded(&body).into_owned());
        let formula = formula.trim();
        if formula.is_empty() {
            return markdown_or_void(self.expression_of(element, "value").map(plain::code_span), Joint::Word);
        }
        if self.is_set(element, "block") {
            return vec![block(format!("\\[{formula}\\]"), BlockKind::Markdown)];
        }
        vec![markdown(format!("\\({}\\)", plain::joined_lines(formula)), Joint::Word)]
    }

    /// Characters that mean nothing but themselves.
    pub(super) fn literal(&mut self, element: &JsxElement) -> Pieces<'s> {
        let body = plain::decoded(&self.body_of(element)).into_owned();
        let text =
            if body.is_empty() { self.attribute_text(element, &["char", "value"]) } else { Some(body) };
        vec![text.map_or(OutputPiece::Void, words)]
    }

    /// A component that nobody knows: its body, or the words in its attributes.
    pub(super) fn unknown(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let has_body = body.iter().any(|piece| !piece.is_blank());
        if has_body {
            let blocks = layout::flow(body, Place::Column);
            return match blocks.as_slice() {
                [block] if block.kind == BlockKind::Line => {
                    vec![markdown(block.text.clone(), Joint::Chip)]
                }
                _ => blocks.into_iter().map(OutputPiece::Block).collect(),
            };
        }
        let mut parts = Vec::new();
        for name in WORDS {
            if let Some(ScriptValue::Text(text)) = self.value(element, &[name])
                && !text.trim().is_empty()
            {
                parts.push(plain::words(&text));
            }
        }
        let url = self.attribute_text(element, &["url", "href"]).and_then(|url| plain::address(&url));
        let text = layout::joined(&parts);
        match url {
            _ if parts.is_empty() => vec![OutputPiece::Void],
            Some(url) => vec![markdown(plain::link(&text, &url), Joint::Chip)],
            None => vec![markdown(text, Joint::Chip)],
        }
    }
}

fn is_source(piece: &OutputPiece<'_>) -> bool {
    matches!(piece, OutputPiece::Inline(inline) if inline.joint == Joint::Source)
}

/// True if inline Markdown has links, in contrast to pictures.
fn has_link(text: &str) -> bool {
    let ends =
        text.match_indices("](").filter(|&(at, _)| !text.get(..at).unwrap_or_default().ends_with('\\'));
    ends.count() > text.matches("![").count()
}

fn begins_blank(body: &[OutputPiece<'_>]) -> bool {
    matches!(body.first(), Some(OutputPiece::Text(text)) if text.starts_with(char::is_whitespace))
}

fn ends_blank(body: &[OutputPiece<'_>]) -> bool {
    matches!(body.last(), Some(OutputPiece::Text(text)) if text.ends_with(char::is_whitespace))
}

/// `links` with each address once.
fn distinct(links: Vec<Link<'_>>) -> Vec<Link<'_>> {
    let mut seen = HashSet::new();
    links.into_iter().filter(|link| seen.insert(link.url.clone())).collect()
}

/// The id that a value is: a string, or an object that names its parts.
fn id(value: &ScriptValue) -> Option<String> {
    if let Some(text) = value.filled() {
        return Some(text.trim().to_owned());
    }
    let number = |key: &str| value.get(key).number();
    let (turn, index) = (number("turn_index")?, number("ref_index")?);
    let kind = value.get("ref_type").filled()?;
    Some(format!("turn{turn}{kind}{index}"))
}
