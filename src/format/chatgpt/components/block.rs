//! Components that are blocks: boxes, rows, lists, tables, code, drafts.

use super::join;
use super::layout;
use super::name::Component;
use super::piece::{BlockKind, Cell, OutputBlock, OutputPiece, Pieces, Place, Row, block, grouped, or_void};
use super::run;
use super::script::{self, ScriptValue};
use super::table;
use super::tree::JsxElement;
use super::walk::AnswerWriter;
use super::{chart, lex, plain};
use std::ops::Range;

impl<'s> AnswerWriter<'s, '_, '_> {
    /// What a component that holds `body` comes to. `None` if no more may be written.
    pub(super) fn write(
        &mut self,
        element: &'s JsxElement,
        source: Range<usize>,
        body: Pieces<'s>,
    ) -> Option<Pieces<'s>> {
        if element.component.is_raw() {
            self.spend(element.body.len())?;
        }
        Some(match element.component {
            Component::AppBlock => self.app(element),
            Component::Badge => self.badge(element, body),
            Component::Blockquote => self.quote(body),
            Component::Bold | Component::Italic | Component::Strike | Component::Text => {
                self.styled(element, body)
            }
            Component::Box => self.column(element, body),
            Component::Button => self.button(element, body),
            Component::Caption => self.caption(element, body),
            Component::Chart => self.chart(element),
            Component::Checkbox => self.checkbox(element, body),
            Component::Choices => self.choices(element, body),
            Component::Cite => self.cite(element, &source, body),
            Component::Code => self.code(element, body),
            Component::CodeBlock => self.code_block(element),
            Component::Divider => vec![block("---", BlockKind::Divider)],
            Component::Entity => self.entity(element, &source, body),
            Component::Escape => self.literal(element),
            Component::Field => self.field(element, body),
            Component::FileCite => self.file(element, &source, body),
            Component::FileList => self.file_list(element, body),
            Component::FollowUp => self.follow_up(element, body),
            Component::Grid => grouped(layout::grid(body)),
            Component::Image => self.image(element, &source),
            Component::Images => self.images(element, &source),
            Component::Link => self.link(element, &source, body),
            Component::LinkCard => self.link_card(element, &source, body),
            Component::List => self.list(element, body),
            Component::ListItem => self.list_item(element, body),
            Component::Map => self.map(element, body),
            Component::Math => self.math(element),
            Component::Option => self.option(element, body),
            Component::Reaction => self.reaction(element, body),
            Component::Row => row(body),
            Component::Fragment => body,
            Component::Silent => or_void(body),
            Component::Svg => vec![block(plain::fence("svg", self.slice(source)), BlockKind::Code)],
            Component::Table => self.table(element, body),
            Component::TableCell => self.table_cell(element, body),
            Component::TableRow => self.table_row(element, body),
            Component::TableHead | Component::TableSection => self.table_section(element, body),
            Component::Title => self.title(element, body),
            Component::Unknown => self.unknown(element, body),
            Component::Video => self.video(element, &source),
            Component::WritingBlock => self.draft(element),
        })
    }

    /// `blocks` as what something that keeps its boxes apart holds, or as blocks of their own.
    pub(super) fn group(&self, blocks: Vec<OutputBlock>) -> Pieces<'s> {
        let keeps_apart = matches!(self.around(), Some(Component::Row | Component::Grid));
        if keeps_apart && !blocks.is_empty() { vec![OutputPiece::Group(blocks)] } else { grouped(blocks) }
    }

    fn column(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut blocks = layout::flow(body, Place::Column);
        if let Some(title) = self.attribute_text(element, &["title", "label"]) {
            blocks.insert(0, OutputBlock::heading(&title));
        }
        self.group(blocks)
    }

    /// A large or bold line.
    fn title(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut blocks = self.own_or(element, body);
        for block in blocks.iter_mut().filter(|block| block.kind == BlockKind::Line) {
            block.text = plain::emphasised(&plain::joined_lines(&block.text), "**");
        }
        grouped(blocks)
    }

    fn caption(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        grouped(self.own_or(element, body))
    }

    /// The blocks of `body`, or the words that an attribute has in its place.
    fn own_or(&mut self, element: &JsxElement, body: Pieces<'s>) -> Vec<OutputBlock> {
        let blocks = layout::flow(body, Place::Paragraph);
        if !blocks.is_empty() {
            return blocks;
        }
        self.attribute_line(element, &["label", "title", "text", "value"]).into_iter().collect()
    }

    fn quote(&mut self, body: Pieces<'s>) -> Pieces<'s> {
        let blocks = layout::flow(body, Place::Column);
        if self.is_indented_enough() { grouped(blocks) } else { quoted(&blocks) }
    }

    fn list(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let marker = self.attribute_text(element, &["marker", "type"]).unwrap_or_default();
        let is_ordered = matches!(marker.as_str(), "number" | "decimal" | "numbered" | "ordered")
            || self.is_set(element, "ordered");
        let start = self.value(element, &["start"]).and_then(|start| start.number());
        let start = start.map_or(1, |start| script::whole(start, 0, 999_999));
        let start = is_ordered.then_some(start as u32);
        let mut body = body;
        if let Some(items) = self.value(element, &["items"]) {
            body.extend(items.list().iter().map(|item| OutputPiece::Item(item_blocks(item))));
        }
        if self.is_indented_enough() {
            return grouped(layout::flow(body, Place::Column));
        }
        let mut blocks: Vec<OutputBlock> = Vec::new();
        let mut items: Vec<Vec<OutputBlock>> = Vec::new();
        let mut others: Pieces<'s> = Vec::new();
        let mut number = start;
        let mut end = |items: &mut Vec<Vec<OutputBlock>>, blocks: &mut Vec<OutputBlock>| {
            let count = items.len() as u32;
            blocks.extend(join::list(std::mem::take(items), number));
            number = number.map(|number| number.saturating_add(count));
        };
        for piece in body {
            match piece {
                OutputPiece::Item(item) => {
                    let between = layout::flow(std::mem::take(&mut others), Place::Column);
                    if !between.is_empty() {
                        end(&mut items, &mut blocks);
                        blocks.extend(between);
                    }
                    items.push(item);
                }
                OutputPiece::Block(block) if block.kind == BlockKind::Divider => {}
                other => others.push(other),
            }
        }
        end(&mut items, &mut blocks);
        blocks.extend(layout::flow(others, Place::Column));
        self.group(blocks)
    }

    fn list_item(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut blocks = layout::flow(body, Place::Column);
        blocks.splice(0..0, self.attribute_line(element, &["label", "title"]));
        blocks.extend(self.attribute_line(element, &["description", "caption"]));
        self.item(blocks, Component::List)
    }

    /// `blocks` as an item of the `list` around them, or as blocks of their own.
    pub(super) fn item(&self, blocks: Vec<OutputBlock>, list: Component) -> Pieces<'s> {
        if self.around() == Some(list) { vec![OutputPiece::Item(blocks)] } else { grouped(blocks) }
    }

    fn table(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut rows: Vec<Row> = self.rows_of_data(element);
        let mut before: Pieces<'s> = Vec::new();
        let mut after: Pieces<'s> = Vec::new();
        for piece in body {
            match piece {
                OutputPiece::Rows(more) => rows.extend(more),
                // A cell outside of a row is a row of its own.
                OutputPiece::Cell(cell) => rows.push(Row { cells: vec![cell], ..Row::default() }),
                other if rows.is_empty() => before.push(other),
                other => after.push(other),
            }
        }
        let mut blocks = layout::flow(before, Place::Column);
        let is_empty = rows.iter().all(|row| row.is_header);
        blocks.extend(table::table(rows));
        blocks.extend(layout::flow(after, Place::Column));
        if is_empty {
            blocks.extend(self.attribute_line(element, &["emptyLabel"]));
        }
        self.group(blocks)
    }

    /// The rows that attributes hold: `columns={[{key, label, align}]} rows={[…]}`.
    fn rows_of_data(&mut self, element: &JsxElement) -> Vec<Row> {
        let Some(data) = self.value(element, &["rows", "data"]) else { return Vec::new() };
        let columns = self.value(element, &["columns"]).unwrap_or(ScriptValue::Nothing);
        let key =
            |column: &ScriptValue| column.first(&["key", "dataKey", "field"]).or_else(|| column.filled());
        let mut keys: Vec<String> = columns.list().iter().filter_map(key).collect();
        let mut rows = Vec::new();
        let cell = |text: Option<String>, is_header: bool, column: Option<&ScriptValue>| {
            let align = column.and_then(|column| column.first(&["align"])).unwrap_or_default();
            let blocks = text.map(|text| OutputBlock::line(plain::sentence(&text)));
            Cell {
                blocks: blocks.into_iter().collect(),
                is_header,
                is_right: matches!(align.as_str(), "end" | "right"),
                ..Cell::default()
            }
        };
        if keys.is_empty() {
            let first = data.list().first().map(ScriptValue::entries).unwrap_or_default();
            keys = first.iter().map(|(key, _)| key.as_ref().to_owned()).collect();
        }
        keys.truncate(table::MOST_COLUMNS);
        if !columns.list().is_empty() {
            let label = |column: &ScriptValue| {
                column.first(&["label", "title", "header", "name"]).or_else(|| key(column))
            };
            let cells = columns.list().iter().map(|column| cell(label(column), true, Some(column)));
            rows.push(Row { cells: cells.collect(), is_header: true, label: None });
        }
        for value in data.list() {
            let column = |at: usize| columns.list().get(at);
            let texts: Vec<_> = match value {
                ScriptValue::List(list) => list.iter().map(ScriptValue::to_text).collect(),
                value => keys.iter().map(|key| value.get(key).to_text()).collect(),
            };
            let cells = texts.into_iter().enumerate().map(|(at, text)| cell(text, false, column(at)));
            rows.push(Row { cells: cells.collect(), ..Row::default() });
        }
        rows
    }

    fn table_section(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let is_header = element.component == Component::TableHead || self.is_set(element, "header");
        let mut cells = Vec::new();
        let mut pieces = Vec::new();
        for piece in body {
            match piece {
                OutputPiece::Rows(mut rows) => {
                    for row in &mut rows {
                        row.is_header |= is_header;
                    }
                    pieces.push(OutputPiece::Rows(rows));
                }
                OutputPiece::Cell(cell) => cells.push(cell),
                other => pieces.push(other),
            }
        }
        if !cells.is_empty() {
            pieces.push(OutputPiece::Rows(vec![Row { cells, is_header, label: None }]));
        }
        pieces
    }

    fn table_row(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut row = Row {
            is_header: self.is_set(element, "header"),
            label: self.attribute_text(element, &["label"]).map(|label| plain::sentence(&label)),
            cells: Vec::new(),
        };
        let mut others = Vec::new();
        for piece in body {
            match piece {
                OutputPiece::Cell(cell) => row.cells.push(cell),
                OutputPiece::Block(block) if block.kind == BlockKind::Divider => {}
                other => others.push(other),
            }
        }
        let blocks = layout::flow(others, Place::Column).into_iter().map(OutputPiece::Block);
        blocks.chain([OutputPiece::Rows(vec![row])]).collect()
    }

    fn table_cell(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let align = self.attribute_text(element, &["align", "textAlign", "justify"]).unwrap_or_default();
        let mut count = |name: &str| {
            let value = self.value(element, &[name]).and_then(|value| value.number());
            value.map_or(1, |value| script::whole(value, 1, 1000))
        };
        let (columns, rows) = (count("colSpan"), count("rowSpan"));
        let is_named_header = self.slice(element.name.clone()).to_ascii_lowercase().contains("header");
        let cell = Cell {
            blocks: layout::flow(body, Place::Paragraph),
            is_header: is_named_header || self.is_set(element, "header"),
            is_right: matches!(align.as_str(), "end" | "right"),
            columns,
            rows,
        };
        vec![OutputPiece::Cell(cell)]
    }

    fn chart(&mut self, element: &JsxElement) -> Pieces<'s> {
        let content = self.value(element, &["content", "spec", "config"]).unwrap_or_else(|| {
            let names = self.attribute_names(element).into_iter();
            let entries = names.filter_map(|name| Some((name.into(), self.value(element, &[name])?)));
            ScriptValue::Object(entries.collect())
        });
        if let Some(blocks) = chart::blocks(&content) {
            return self.group(blocks);
        }
        self.environment.has_unresolved = true;
        let script = self.expression_of(element, "content").map(str::to_owned);
        let script = script.or_else(|| content.to_text());
        let script = script.or_else(|| self.expression_of(element, "data").map(str::to_owned));
        match script.filter(|script| !script.trim().is_empty()) {
            Some(script) => vec![block(plain::fence("js", script.trim()), BlockKind::Code)],
            None => vec![OutputPiece::Void],
        }
    }

    fn code_block(&mut self, element: &JsxElement) -> Pieces<'s> {
        let language = self.attribute_text(element, &["language", "lang"]).unwrap_or_default();
        grouped(self.fence(element, &["content", "code", "value"], &language).into_iter().collect())
    }

    /// The body of an element as a fence, or the text that one of the attributes `names` has in its place.
    fn fence(&mut self, element: &JsxElement, names: &[&str], language: &str) -> Option<OutputBlock> {
        let body = self.body_of(element);
        let body = without_ends(&body);
        let content = if body.trim().is_empty() { self.attribute_text(element, names) } else { None };
        let text = content.as_deref().unwrap_or(body);
        (!text.trim().is_empty()).then(|| OutputBlock::new(plain::fence(language, text), BlockKind::Code))
    }

    fn app(&mut self, element: &JsxElement) -> Pieces<'s> {
        let title = self.attribute_text(element, &["title"]).map(|title| OutputBlock::heading(&title));
        let language = self.attribute_text(element, &["language"]).unwrap_or_else(|| "html".to_owned());
        let content = self.fence(element, &["content"], &language);
        self.group(title.into_iter().chain(content).collect())
    }

    /// A draft, which its user may have changed.
    fn draft(&mut self, element: &JsxElement) -> Pieces<'s> {
        let id = self.attribute_text(element, &["id"]).unwrap_or_default();
        let body = self.body_of(element);
        let text = match self.lookup.draft(id.trim()) {
            Some(saved) => saved.into_owned(),
            None if body.trim().is_empty() => {
                self.attribute_text(element, &["content", "body", "value"]).unwrap_or_default()
            }
            None => drafts(&body),
        };
        let mut blocks = Vec::new();
        for (name, before) in [("title", ""), ("subject", "Subject: ")] {
            let text = self.attribute_text(element, &[name]).map(|text| plain::words(&text));
            blocks.extend(text.map(|text| OutputBlock::line(format!("**{before}{text}**"))));
        }
        let text = run::dedented(&text);
        let text = plain::trim_block(&text);
        if !text.is_empty() {
            blocks.push(OutputBlock::new(text, BlockKind::Markdown));
        }
        if let Some(options) = self.value(element, &["options"]) {
            let texts = if options == ScriptValue::Unknown {
                script::strings(self.expression_of(element, "options").unwrap_or_default())
            } else {
                options.strings()
            };
            blocks.extend(texts.iter().map(|text| OutputBlock::words(text)));
        }
        quoted(&blocks)
    }
}

/// `blocks` in a block quote.
fn quoted<'s>(blocks: &[OutputBlock]) -> Pieces<'s> {
    if blocks.is_empty() {
        return vec![OutputPiece::Void];
    }
    vec![block(join::quoted(&join::join(blocks)), BlockKind::Markdown)]
}

/// Things side by side: one line if each of them is a line.
fn row(body: Pieces<'_>) -> Pieces<'_> {
    match layout::parts(body.clone()) {
        Some(parts) if parts.is_empty() => vec![OutputPiece::Void],
        Some(parts) => grouped(vec![OutputBlock::line(layout::joined(&parts))]),
        None => {
            let blocks = layout::flow(body, Place::Column);
            grouped(blocks.into_iter().filter(|block| block.kind != BlockKind::Divider).collect())
        }
    }
}

/// The blocks of an item that is data.
fn item_blocks(item: &ScriptValue) -> Vec<OutputBlock> {
    let text = item.filled().or_else(|| item.first(&["label", "title", "text", "name", "value"]));
    let description = item.first(&["description", "caption", "subtitle"]);
    [text, description].into_iter().flatten().map(|text| OutputBlock::words(&text)).collect()
}

/// `body` without the line breaks after the opening and before the closing tag.
fn without_ends(body: &str) -> &str {
    let start = body.find('\n').filter(|&at| body.get(..at).is_some_and(|line| line.trim().is_empty()));
    let body = start.map_or(body, |at| body.get(at + 1..).unwrap_or_default());
    let end = body.rfind('\n').filter(|&at| body.get(at..).is_some_and(|line| line.trim().is_empty()));
    end.map_or(body, |at| body.get(..at).unwrap_or_default())
}

/// The body of a draft. Its versions, `<Option title subject>`, are below one another under their titles.
fn drafts(body: &str) -> String {
    let mut out = String::with_capacity(body.len());
    let mut done = 0;
    for at in memchr::memchr_iter(b'<', body.as_bytes()) {
        let rest = body.get(at + 1..).unwrap_or_default();
        let name = rest.strip_prefix('/').unwrap_or(rest);
        let is_option = name.get(..6).is_some_and(|name| name.eq_ignore_ascii_case("option"));
        if at < done || !is_option {
            continue;
        }
        let mut attributes = Vec::new();
        let lex::Begun::Tag(tag) = lex::tag(body, at, 0, &mut attributes) else { continue };
        if !body.get(tag.name.clone()).is_some_and(|name| name.eq_ignore_ascii_case("option")) {
            continue;
        }
        out.push_str(body.get(done..at).unwrap_or_default().trim_matches('\n'));
        done = tag.end;
        if !out.is_empty() && !out.ends_with("\n\n") {
            out.push_str("\n\n");
        }
        for attribute in &attributes {
            let before = match body.get(attribute.name.clone()) {
                Some("title" | "label") => "",
                Some("subject") => "Subject: ",
                _ => continue,
            };
            let slice = |range: &Range<usize>| body.get(range.clone()).unwrap_or_default();
            let text = match &attribute.value {
                lex::AttributeValue::Braced(script) => script::literal(slice(script)).filled(),
                lex::AttributeValue::Quoted(text) | lex::AttributeValue::Bare(text) => {
                    Some(plain::decoded(slice(text)).into_owned())
                }
                lex::AttributeValue::Missing => None,
            };
            let text = text.map(|text| plain::words(&text)).filter(|text| !text.is_empty());
            out.extend(text.map(|text| format!("**{before}{text}**\n\n")));
        }
    }
    let rest = body.get(done..).unwrap_or_default();
    out.push_str(if done > 0 { rest.trim_matches('\n') } else { rest });
    out
}
