//! Pictures, cards, maps and lists of files.

use super::join;
use super::layout;
use super::piece::{BlockKind, OutputBlock, OutputPiece, Pieces, Place, block, grouped};
use super::script::ScriptValue;
use super::tree::JsxElement;
use super::walk::AnswerWriter;
use super::{WebPage, plain};
use std::collections::HashMap;
use std::ops::Range;

impl<'s> AnswerWriter<'s, '_, '_> {
    pub(super) fn image(&mut self, element: &JsxElement, source: &Range<usize>) -> Pieces<'s> {
        let alt = self.attribute_text(element, &["alt"]);
        let address = self.attribute_text(element, &["src"]).and_then(|url| plain::address(&url));
        if let Some(url) = address {
            let alt = alt.map(|alt| plain::words(&alt)).unwrap_or_default();
            return vec![block(format!("![{alt}]({})", plain::destination(&url)), BlockKind::Picture)];
        }
        if let Some(page) = self.page(element, source) {
            return vec![block(page_link(&page), BlockKind::Picture)];
        }
        let query = alt.or_else(|| self.attribute_text(element, &["query", "title"]));
        let query = query.or_else(|| {
            let value = self.value(element, &["query"])?;
            Some(value.strings().join(", ")).filter(|text| !text.is_empty())
        });
        noted("Picture", query)
    }

    pub(super) fn images(&mut self, element: &JsxElement, source: &Range<usize>) -> Pieces<'s> {
        let mut texts = Vec::new();
        for name in ["query", "queries"] {
            texts.extend(self.value(element, &[name]).iter().flat_map(ScriptValue::strings));
        }
        if texts.is_empty() {
            let links: Vec<_> = self.pages(element, source).iter().map(page_link).collect();
            if !links.is_empty() {
                return vec![block(links.join(", "), BlockKind::Picture)];
            }
            texts.extend(self.attribute_text(element, &["alt", "title"]));
        }
        noted("Pictures", Some(texts.join(", ")))
    }

    pub(super) fn video(&mut self, element: &JsxElement, source: &Range<usize>) -> Pieces<'s> {
        match self.page(element, source) {
            Some(page) => vec![block(page_link(&page), BlockKind::Picture)],
            None => grouped(self.attribute_line(element, &["title", "alt"]).into_iter().collect()),
        }
    }

    pub(super) fn link_card(
        &mut self,
        element: &JsxElement,
        source: &Range<usize>,
        body: Pieces<'s>,
    ) -> Pieces<'s> {
        let page = self.page(element, source);
        let url = self.attribute_text(element, &["url", "href"]).and_then(|url| plain::address(&url));
        let url = url.or_else(|| page.as_ref().map(|page| page.link.url.to_string()));
        let title = self.attribute_text(element, &["title", "label"]);
        let title = title.or_else(|| page.map(|page| page.title.into_owned()));
        let title = title.map(|title| plain::words(&title)).unwrap_or_default();
        let mut parts = vec![match url {
            Some(url) => plain::link(&title, &url),
            None => title,
        }];
        parts.extend(self.attribute_text(element, &["subtitle"]).map(|subtitle| plain::sentence(&subtitle)));
        parts.retain(|part| !part.is_empty());
        let mut blocks = Vec::new();
        if !parts.is_empty() {
            blocks.push(OutputBlock::line(layout::joined(&parts)));
        }
        blocks.extend(self.attribute_line(element, &["snippet", "description"]));
        blocks.extend(layout::flow(body, Place::Column));
        self.group(blocks)
    }

    pub(super) fn map(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let title = self.attribute_text(element, &["title"]).map(|title| OutputBlock::heading(&title));
        let mut blocks: Vec<_> = title.into_iter().collect();
        blocks.extend(self.attribute_line(element, &["narrative", "description"]));
        let points = self.value(element, &["points"]).unwrap_or(ScriptValue::Nothing);
        let groups = self.value(element, &["groups"]).unwrap_or(ScriptValue::Nothing);
        let names: Vec<_> = points.list().iter().map(|point| (point, self.place(point))).collect();
        let mut by_id = HashMap::new();
        for (at, (point, _)) in names.iter().enumerate() {
            if let Some(id) = point.first(&["id", "ref"]) {
                by_id.entry(id).or_insert(at);
            }
        }
        let mut is_grouped = vec![false; names.len()];
        let mut lists = Vec::new();
        for group in groups.list() {
            lists.extend(group.first(&["title", "name"]).map(|title| OutputBlock::words(&title)));
            let mut items = Vec::new();
            for location in group.get("locations").list() {
                let id = location.first(&["point_id", "id"]).or_else(|| location.filled());
                let found = id.as_ref().and_then(|id| by_id.get(id)).copied();
                if let Some(is_grouped) = found.and_then(|found| is_grouped.get_mut(found)) {
                    *is_grouped = true;
                }
                let name = found.and_then(|found| names.get(found)).and_then(|(_, name)| name.clone());
                let mut parts: Vec<_> = name.or(id.map(|id| plain::sentence(&id))).into_iter().collect();
                parts.extend(location.first(&["arrival_time"]).map(|time| plain::sentence(&time)));
                let mut item = Vec::new();
                if !parts.is_empty() {
                    item.push(OutputBlock::line(layout::joined(&parts)));
                }
                item.extend(location.get("notes").strings().iter().map(|note| OutputBlock::words(note)));
                items.push(item);
            }
            lists.extend(join::list(items, Some(1)));
        }
        let rest = names.iter().zip(is_grouped).filter(|(_, is_grouped)| !is_grouped);
        let rest = rest.filter_map(|((_, name), _)| name.clone());
        let rest = rest.map(|name| vec![OutputBlock::line(name)]);
        blocks.extend(join::list(rest.collect(), None));
        blocks.extend(lists);
        blocks.extend(layout::flow(body, Place::Column));
        self.group(blocks)
    }

    /// A point on a map: its name, and where it is.
    fn place(&self, point: &ScriptValue) -> Option<String> {
        let page = point.first(&["ref"]).and_then(|id| self.lookup.page(&id.to_ascii_lowercase()));
        let name = point.first(&["name", "title", "label"]);
        let name = match (name, page) {
            (Some(name), _) => plain::sentence(&name),
            (None, Some(page)) => page_link(&page),
            (None, None) => point.filled().map(|text| plain::words(&text))?,
        };
        let position = point.first(&["lat", "latitude"]).zip(point.first(&["long", "lng", "longitude"]));
        let position = position.map(|(lat, long)| format!("{lat}, {long}"));
        Some(match point.first(&["address"]).or(position) {
            Some(position) => format!("{name} ({})", plain::sentence(&position)),
            None => name,
        })
    }

    pub(super) fn file_list(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let items = self.value(element, &["items", "files"]).unwrap_or(ScriptValue::Nothing);
        let items = items.list().iter().map(|item| {
            let texts: Vec<_> = item.strings().iter().map(|text| plain::sentence(text)).collect();
            Some(layout::joined(&texts))
                .filter(|line| !line.is_empty())
                .map(OutputBlock::line)
                .into_iter()
                .collect()
        });
        let mut blocks: Vec<_> = join::list(items.collect(), None).into_iter().collect();
        blocks.extend(layout::flow(body, Place::Column));
        self.group(blocks)
    }

    /// ChatGPT's reaction to a message.
    pub(super) fn reaction(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        match self.attribute_line(element, &["emoji", "value"]) {
            Some(emoji) => grouped(vec![emoji]),
            None => grouped(layout::flow(body, Place::Paragraph)),
        }
    }
}

fn noted<'s>(kind: &str, text: Option<String>) -> Pieces<'s> {
    let text = text.map(|text| plain::sentence(&text)).filter(|text| !text.is_empty());
    vec![text.map_or(OutputPiece::Void, |text| block(format!("*[{kind}: {text}]*"), BlockKind::Picture))]
}

/// A page as a link labelled with its title.
fn page_link(page: &WebPage<'_>) -> String {
    let title = if page.title.trim().is_empty() { &page.link.label } else { &page.title };
    plain::link(&plain::words(title), &page.link.url)
}
