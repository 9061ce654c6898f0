//! Controls, such as buttons, fields and choices, as text.

use super::join;
use super::layout::{self, on_one_line};
use super::name::Component;
use super::piece::{
    BlockKind, Joint, OutputBlock, OutputPiece, Pieces, Place, block, grouped, markdown_or_void,
};
use super::plain;
use super::script::ScriptValue;
use super::tree::JsxElement;
use super::walk::AnswerWriter;

impl<'s> AnswerWriter<'s, '_, '_> {
    pub(super) fn button(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let text = on_one_line(body);
        let label = if text.is_empty() { self.label(element, &["label", "title", "text"]) } else { text };
        noted("Button", &label)
    }

    pub(super) fn field(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let label = self.label(element, &["label", "placeholder", "title"]);
        let mut pieces = noted("Input", &label);
        let blocks = layout::flow(body, Place::Paragraph);
        pieces.extend(blocks.into_iter().map(OutputPiece::Block));
        pieces
    }

    fn label(&mut self, element: &JsxElement, names: &[&str]) -> String {
        self.attribute_text(element, names).map(|label| plain::sentence(&label)).unwrap_or_default()
    }

    pub(super) fn checkbox(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let text = on_one_line(body);
        let label = if text.is_empty() { self.label(element, &["label", "title"]) } else { text };
        let is_checked = ["checked", "value", "defaultChecked"]
            .into_iter()
            .any(|name| self.value(element, &[name]) == Some(ScriptValue::Bool(true)));
        if label.is_empty() {
            return vec![OutputPiece::Void];
        }
        vec![block(format!("- [{}] {label}", if is_checked { 'x' } else { ' ' }), BlockKind::Tasks)]
    }

    /// One of several choices.
    pub(super) fn option(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut blocks = layout::flow(body, Place::Paragraph);
        if blocks.is_empty() {
            blocks.extend(self.attribute_line(element, &["label", "title", "value"]));
        }
        blocks.extend(self.attribute_line(element, &["description"]));
        self.item(blocks, Component::Choices)
    }

    pub(super) fn choices(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let mut items: Vec<Vec<OutputBlock>> = Vec::new();
        let mut others = Vec::new();
        for piece in body {
            match piece {
                OutputPiece::Item(blocks) => items.push(blocks),
                other => others.push(other),
            }
        }
        if let Some(options) = self.value(element, &["options", "items"]) {
            items.extend(options.list().iter().map(|option| {
                let text = option.first(&["label", "title", "name", "value"]).or_else(|| option.filled());
                let description = option.first(&["description"]);
                [text, description].into_iter().flatten().map(|text| OutputBlock::words(&text)).collect()
            }));
        }
        let label = self.attribute_line(element, &["label", "placeholder"]);
        let mut blocks: Vec<_> = label.into_iter().collect();
        blocks.extend(layout::flow(others, Place::Column));
        blocks.extend(join::list(items, None));
        self.group(blocks)
    }

    /// A suggested question.
    pub(super) fn follow_up(&mut self, element: &JsxElement, body: Pieces<'s>) -> Pieces<'s> {
        let label = self.label(element, &["value", "label", "title", "query", "text"]);
        if !label.is_empty() {
            return noted("Suggestion", &label);
        }
        let blocks = layout::flow(body, Place::Column);
        let is_suggestion = |block: &OutputBlock| block.text.starts_with("*[Suggestion: ");
        match blocks.as_slice() {
            [block] if block.kind == BlockKind::Line && !is_suggestion(block) => {
                noted("Suggestion", &block.text)
            }
            _ => grouped(blocks),
        }
    }
}

/// A note of something that could be operated.
fn noted<'s>(kind: &str, label: &str) -> Pieces<'s> {
    let label = Some(label.trim()).filter(|label| !label.is_empty());
    markdown_or_void(label.map(|label| format!("*[{kind}: {label}]*")), Joint::Chip)
}
