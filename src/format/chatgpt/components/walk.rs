//! Walks the tree of an answer without recursion: evaluates its templates, and hands the body of each component to the
//! rooms that write it.

use super::anchor::Anchors;
use super::environment::Environment;
use super::join;
use super::layout;
use super::lex::{Attribute, AttributeValue, SPREAD};
use super::name::Component;
use super::piece::{BlockKind, OutputBlock, OutputPiece, Pieces, Place, words};
use super::run;
use super::script::ScriptValue;
use super::tree::{JsxElement, NodeKind, Tree};
use super::{Lookup, plain};
use crate::conversation::Reference;
use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

/// How many nodes an answer may have once its templates are evaluated.
const MOST_NODES: usize = 10_000;

/// How much longer than its source the text of an answer may become by templates.
const MOST_GROWTH: usize = 4;
const FREE_GROWTH: usize = 1 << 20;

/// How many lists and quotes may enclose one another. Each indents its lines once more.
const MOST_INDENTS: usize = 12;

/// The answer as Markdown, with its references.
pub(super) fn markdown<'a>(
    source: &str,
    tree: &Tree,
    references: &[Reference<'a>],
    lookup: &dyn Lookup<'a>,
) -> (String, Vec<Reference<'a>>) {
    let mut writer = AnswerWriter {
        source,
        tree,
        lookup,
        anchors: Anchors::new(source, references),
        environment: Environment::default(),
        pieces: Vec::new(),
        frames: Vec::new(),
        bodies: Vec::new(),
        nodes_left: MOST_NODES,
        parted: 0,
        bytes_left: source.len().saturating_mul(MOST_GROWTH).saturating_add(FREE_GROWTH),
        points: None,
    };
    let text = writer.run();
    writer.anchors.settle(text)
}

/// Something that is being written.
struct OpenNode<'s> {
    /// Its next node and its last.
    next: usize,
    end: usize,
    /// Where its pieces begin.
    start: usize,
    /// The indentation that lines of a template keep, because it is in an item of a list.
    indent: usize,
    kind: OpenNodeKind<'s>,
}

enum OpenNodeKind<'s> {
    Answer,
    Element(&'s JsxElement, Range<usize>),
    /// A branch of a template.
    Branch,
    /// The place between two branches. The user saw one of them at a time.
    Between,
    Loop(Loop<'s>),
}

struct Loop<'s> {
    body: usize,
    values: Rc<[ScriptValue]>,
    at: usize,
    item: &'s str,
    index: Option<&'s str>,
    is_state: bool,
    bound: Vec<&'s str>,
}

/// Writes one answer.
pub(super) struct AnswerWriter<'s, 'r, 'a> {
    pub(super) source: &'s str,
    tree: &'s Tree,
    pub(super) lookup: &'r dyn Lookup<'a>,
    pub(super) anchors: Anchors<'r, 'a>,
    pub(super) environment: Environment<'s>,
    pieces: Pieces<'s>,
    frames: Vec<OpenNode<'s>>,
    /// The statements of the answer as they were written.
    bodies: Vec<&'s str>,
    nodes_left: usize,
    bytes_left: usize,
    /// How many pieces there were when the last branch began that has another before it.
    parted: usize,
    /// The number of code points before each stretch of the source.
    points: Option<Vec<usize>>,
}

impl<'s> AnswerWriter<'s, '_, '_> {
    pub(super) fn slice(&self, range: Range<usize>) -> &'s str {
        self.source.get(range).unwrap_or_default()
    }

    fn run(&mut self) -> String {
        let nodes = self.tree.nodes.len();
        self.frames.push(OpenNode { next: 0, end: nodes, start: 0, indent: 0, kind: OpenNodeKind::Answer });
        // Where the pieces of the outermost node begin that is being written, and that node.
        let mut outermost = (0, 0);
        while let Some(frame) = self.frames.last_mut() {
            if frame.next < frame.end {
                let at = frame.next;
                if matches!(frame.kind, OpenNodeKind::Answer) {
                    outermost = (self.pieces.len(), at);
                }
                frame.next = self.tree.nodes.get(at).map_or(usize::MAX, |node| node.next);
                if self.visit(at).is_none() {
                    self.give_up(outermost);
                    break;
                }
            } else if self.leave().is_none() {
                self.give_up(outermost);
                break;
            }
        }
        self.finish()
    }

    fn finish(&mut self) -> String {
        let mut blocks = layout::flow(std::mem::take(&mut self.pieces), Place::Answer);
        let is_interactive = self.environment.is_interactive || self.environment.has_unresolved;
        if is_interactive && !self.bodies.is_empty() {
            let fence = plain::fence("jsx", &self.bodies.join("\n"));
            let fold = format!(
                "<details>\n<summary>Source of the interactive part</summary>\n\n{fence}\n\n</details>"
            );
            blocks.push(OutputBlock::new(fold, BlockKind::Markdown));
        }
        join::join(&blocks)
    }

    /// Shows the source from the node `outermost` on, whose templates come to more than is written.
    fn give_up(&mut self, (pieces, node): (usize, usize)) {
        self.pieces.truncate(pieces);
        let start = self.tree.nodes.get(node).map_or(0, |node| node.source.start);
        let source = self.slice(start..self.source.len());
        self.pieces.push(OutputPiece::Block(OutputBlock::source(source)));
    }

    /// Begins with a node. `None` if no more may be written.
    fn visit(&mut self, at: usize) -> Option<()> {
        self.nodes_left = self.nodes_left.checked_sub(1)?;
        let tree = self.tree;
        let node = tree.nodes.get(at)?;
        let inside = at + 1..node.next;
        match &node.kind {
            NodeKind::Text => self.text(node.source.clone())?,
            NodeKind::Expression(range) => self.expression(range.clone())?,
            NodeKind::Body(statements) => {
                self.bodies.push(self.slice(node.source.clone()));
                self.environment.declare(self.slice(statements.clone()));
                self.pieces.push(OutputPiece::Void);
            }
            NodeKind::Nothing => self.pieces.push(OutputPiece::Void),
            NodeKind::Element(element) => {
                self.enter(OpenNodeKind::Element(element, node.source.clone()), inside);
            }
            NodeKind::Template | NodeKind::Branch(_) => self.enter(OpenNodeKind::Branch, inside),
            NodeKind::If => self.branches(inside)?,
            NodeKind::Each { list, item, index } => {
                self.environment.read_state = false;
                let value = self.environment.evaluate(list.start, self.slice(list.clone()));
                let is_state = self.environment.read_state;
                let values = if let ScriptValue::List(values) = value {
                    values
                } else {
                    self.environment.has_unresolved = true;
                    Rc::from([ScriptValue::Unknown])
                };
                let each = Loop {
                    body: inside.start,
                    values,
                    at: 0,
                    item: self.slice(item.clone()),
                    index: index.clone().map(|index| self.slice(index)),
                    is_state,
                    bound: Vec::new(),
                };
                // The first turn begins where one turn ends.
                self.enter(OpenNodeKind::Loop(each), inside.end..inside.end);
            }
            NodeKind::TooDeep => {
                self.bytes_left = self.bytes_left.checked_sub(node.source.len())?;
                let source = self.slice(node.source.clone());
                self.pieces.push(OutputPiece::Block(OutputBlock::source(source)));
            }
        }
        Some(())
    }

    fn enter(&mut self, kind: OpenNodeKind<'s>, nodes: Range<usize>) {
        let start = self.pieces.len();
        let indent = match kind {
            OpenNodeKind::Element(..) => 0,
            _ => layout::list_indent(&self.pieces),
        };
        self.frames.push(OpenNode { next: nodes.start, end: nodes.end, start, indent, kind });
    }

    fn text(&mut self, range: Range<usize>) -> Option<()> {
        self.bytes_left = self.bytes_left.checked_sub(range.len())?;
        let text = self.slice(range.clone());
        let text = self.anchors.text(text, &range);
        let text = unquoted(text, self.quotes());
        let is_in_template = self.frames.len() > 1 && self.around().is_none();
        let indent = self.frames.last().map_or(0, |frame| frame.indent);
        let text = if is_in_template { Cow::Owned(run::dedented_to(&text, indent)) } else { text };
        if !text.starts_with(char::is_whitespace) {
            self.part();
        }
        self.pieces.push(OutputPiece::Text(text));
        Some(())
    }

    fn expression(&mut self, range: Range<usize>) -> Option<()> {
        let source = self.slice(range.clone());
        if is_comment(source) {
            self.pieces.push(OutputPiece::Void);
            return Some(());
        }
        let value = self.environment.evaluate(range.start, source);
        let texts: Vec<String> = match &value {
            ScriptValue::List(list) => list.iter().filter_map(shown).collect(),
            value => shown(value).into_iter().collect(),
        };
        let text = texts.join(", ");
        self.bytes_left = self.bytes_left.checked_sub(text.len())?;
        self.part();
        self.pieces.push(match value {
            ScriptValue::Unknown | ScriptValue::Object(_) => OutputPiece::Unresolved(source),
            _ if text.is_empty() => OutputPiece::Void,
            _ => words(text),
        });
        Some(())
    }

    /// Begins with those branches of a template that the user may have seen.
    fn branches(&mut self, inside: Range<usize>) -> Option<()> {
        let mut shown = Vec::new();
        let mut at = inside.start;
        while at < inside.end {
            let node = self.tree.nodes.get(at)?;
            let mut is_last = false;
            let is_shown = match &node.kind {
                NodeKind::Branch(Some(condition)) => {
                    self.environment.read_state = false;
                    let value = self.environment.evaluate(condition.start, self.slice(condition.clone()));
                    let is_certain = value != ScriptValue::Unknown && !self.environment.read_state;
                    is_last = is_certain && value.is_true();
                    !is_certain || value.is_true()
                }
                _ => true,
            };
            if is_shown {
                shown.push(at + 1..node.next);
            }
            if is_last {
                break;
            }
            at = node.next;
        }
        for (number, nodes) in shown.into_iter().enumerate().rev() {
            let start = nodes.start;
            self.enter(OpenNodeKind::Branch, nodes);
            if number > 0 {
                self.enter(OpenNodeKind::Between, start..start);
            }
        }
        Some(())
    }

    /// Ends what was begun last, or begins with its next turn.
    fn leave(&mut self) -> Option<()> {
        let mut frame = self.frames.pop()?;
        match &mut frame.kind {
            OpenNodeKind::Answer | OpenNodeKind::Branch => {}
            OpenNodeKind::Between => self.parted = self.pieces.len(),
            OpenNodeKind::Element(element, source) => {
                let pieces = self.pieces.split_off(frame.start);
                self.element(element, source.clone(), pieces)?;
            }
            OpenNodeKind::Loop(each) => {
                self.environment.unbind(&std::mem::take(&mut each.bound));
                let Some(value) = each.values.get(each.at).cloned() else { return Some(()) };
                self.nodes_left = self.nodes_left.checked_sub(1)?;
                each.bound = self.environment.bind_pattern(each.item, &value, each.is_state);
                if let Some(index) = each.index {
                    let number = if value == ScriptValue::Unknown {
                        ScriptValue::Unknown
                    } else {
                        ScriptValue::Number(each.at as f64)
                    };
                    each.bound.extend(self.environment.bind_pattern(index, &number, each.is_state));
                }
                each.at += 1;
                frame.next = each.body;
                self.frames.push(frame);
            }
        }
        Some(())
    }

    /// Writes a component that holds `pieces`.
    fn element(&mut self, element: &'s JsxElement, source: Range<usize>, pieces: Pieces<'s>) -> Option<()> {
        // Each level may copy what is inside, and a body may be written more than once.
        self.bytes_left = self.bytes_left.checked_sub(element.attributes.len())?;
        let written = self.write(element, source, pieces)?;
        if matches!(written.first(), Some(OutputPiece::Inline(_))) {
            self.part();
        }
        self.pieces.extend(written);
        Some(())
    }

    /// Puts a blank between the words of two branches.
    fn part(&mut self) {
        let is_inside = |frame: &OpenNode<'_>| {
            matches!(frame.kind, OpenNodeKind::Element(..)) && frame.start == self.parted
        };
        if self.parted == 0 || self.parted != self.pieces.len() || self.frames.last().is_some_and(is_inside) {
            return;
        }
        let is_word = match self.pieces.last() {
            Some(OutputPiece::Text(text)) => !text.ends_with(char::is_whitespace),
            Some(OutputPiece::Inline(_) | OutputPiece::Unresolved(_)) => true,
            _ => false,
        };
        if is_word {
            self.pieces.push(OutputPiece::Text(Cow::Borrowed(" ")));
        }
    }

    /// Takes `bytes` from what may still be written.
    pub(super) fn spend(&mut self, bytes: usize) -> Option<()> {
        self.bytes_left = self.bytes_left.checked_sub(bytes)?;
        Some(())
    }

    /// The component around what is written.
    pub(super) fn around(&self) -> Option<Component> {
        let mut components = self.open_elements().map(|element| element.component);
        components.find(|&component| component != Component::Fragment)
    }

    /// How many block quotes of Markdown the innermost component is in.
    fn quotes(&self) -> usize {
        self.open_elements().next().map_or(0, |element| element.quotes)
    }

    /// The components that are being written, the innermost first.
    fn open_elements(&self) -> impl Iterator<Item = &'s JsxElement> {
        self.frames.iter().rev().filter_map(|frame| match frame.kind {
            OpenNodeKind::Element(element, _) => Some(element),
            _ => None,
        })
    }

    /// The source of what is between the tags of `element`.
    pub(super) fn body_of(&self, element: &JsxElement) -> Cow<'s, str> {
        unquoted(Cow::Borrowed(self.slice(element.body.clone())), element.quotes)
    }

    /// True if one more list or quote would indent its lines too far.
    pub(super) fn is_indented_enough(&self) -> bool {
        let indents =
            |element: &&JsxElement| matches!(element.component, Component::List | Component::Blockquote);
        self.open_elements().filter(indents).count() >= MOST_INDENTS
    }

    /// The value of the first of the attributes `names` that the element has.
    pub(super) fn value(&mut self, element: &JsxElement, names: &[&str]) -> Option<ScriptValue> {
        let Some(value) = self.attribute(element, names).cloned() else {
            return self.spread_value(element, names);
        };
        Some(match value {
            AttributeValue::Missing => ScriptValue::Bool(true),
            AttributeValue::Quoted(range) => ScriptValue::text(plain::decoded(self.slice(range)).as_ref()),
            AttributeValue::Braced(range) => self.environment.evaluate(range.start, self.slice(range)),
            AttributeValue::Bare(range) => match self.slice(range) {
                "true" => ScriptValue::Bool(true),
                "false" => ScriptValue::Bool(false),
                text => ScriptValue::text(plain::decoded(text).as_ref()),
            },
        })
    }

    /// The value of the first of the attributes `names` in the objects that are spread into the tag.
    fn spread_value(&mut self, element: &JsxElement, names: &[&str]) -> Option<ScriptValue> {
        self.attributes(element).iter().find_map(|found| match &found.value {
            AttributeValue::Braced(range) if self.slice(found.name.clone()) == SPREAD => {
                let object = self.environment.evaluate(range.start, self.slice(range.clone()));
                let values = names.iter().map(|name| object.get(name).clone());
                values.into_iter().find(|value| !matches!(value, ScriptValue::Nothing | ScriptValue::Unknown))
            }
            _ => None,
        })
    }

    fn attribute(&self, element: &JsxElement, names: &[&str]) -> Option<&'s AttributeValue> {
        let attributes = self.attributes(element).iter();
        names.iter().find_map(|name| {
            let is_named = |found: &&Attribute| self.slice(found.name.clone()).eq_ignore_ascii_case(name);
            attributes.clone().find(is_named).map(|found| &found.value)
        })
    }

    fn attributes(&self, element: &JsxElement) -> &'s [Attribute] {
        self.tree.attributes.get(element.attributes.clone()).unwrap_or_default()
    }

    /// The names of the attributes.
    pub(super) fn attribute_names(&self, element: &JsxElement) -> Vec<&'s str> {
        self.attributes(element).iter().map(|found| self.slice(found.name.clone())).collect()
    }

    /// The first filled text among the attributes `names`.
    pub(super) fn attribute_text(&mut self, element: &JsxElement, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.value(element, &[name])?.filled())
    }

    /// The same as a paragraph.
    pub(super) fn attribute_line(&mut self, element: &JsxElement, names: &[&str]) -> Option<OutputBlock> {
        self.attribute_text(element, names).map(|text| OutputBlock::words(&text))
    }

    /// The expression that is written for the attribute `name`.
    pub(super) fn expression_of(&self, element: &JsxElement, name: &str) -> Option<&'s str> {
        match self.attribute(element, &[name])? {
            AttributeValue::Braced(range) => Some(self.slice(range.clone()).trim()),
            _ => None,
        }
    }

    /// True if the attribute `name` is there and not false.
    pub(super) fn is_set(&mut self, element: &JsxElement, name: &str) -> bool {
        self.value(element, &[name])
            .is_some_and(|value| value.is_true() && value != ScriptValue::text("false"))
    }

    /// The code point of the source at which byte `at` is.
    pub(super) fn point(&mut self, at: usize) -> usize {
        const STRETCH: usize = 256;
        let source = self.source.as_bytes();
        let count = |bytes: &[u8]| bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
        let points = self.points.get_or_insert_with(|| {
            let mut points = vec![0];
            let mut sum = 0;
            for stretch in source.chunks(STRETCH) {
                sum += count(stretch);
                points.push(sum);
            }
            points
        });
        let stretch = at / STRETCH;
        let before = points.get(stretch).copied().unwrap_or_default();
        before + count(source.get(stretch * STRETCH..at).unwrap_or_default())
    }
}

/// `text` without the marks of as many block `quotes` at the beginning of its lines but the first.
fn unquoted(text: Cow<'_, str>, quotes: usize) -> Cow<'_, str> {
    if quotes == 0 || !text.contains('\n') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for (number, line) in text.split('\n').enumerate() {
        let mut line = line;
        if number > 0 {
            out.push('\n');
            for _ in 0..quotes {
                let Some(rest) = line.trim_start_matches([' ', '\t']).strip_prefix('>') else { break };
                line = rest.strip_prefix(' ').unwrap_or(rest);
            }
        }
        out.push_str(line);
    }
    Cow::Owned(out)
}

/// What is shown of a value.
fn shown(value: &ScriptValue) -> Option<String> {
    match value {
        ScriptValue::Text(_) | ScriptValue::Number(_) => value.to_text(),
        _ => None,
    }
}

/// True for a script that is a comment and nothing else.
fn is_comment(source: &str) -> bool {
    super::script::tokens(super::script::start_of(source)).is_empty()
}
