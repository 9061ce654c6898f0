//! The source of an answer as a tree of text, components and templates. Malformed source has a tree too:
//! whatever isn't closed ends with its parent, and a tag that closes nothing is dropped.

mod tags;
mod templates;

use super::lex::{self, Attribute};
use super::name::{Component, Folded};
use super::zones::{self, Prefix, Zones};
use memchr::memmem;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

/// How deep components and templates may nest. What is deeper is shown as source.
const MAX_DEPTH: usize = 80;

/// A node. Its children follow it, up to `next`.
#[derive(Debug)]
pub(super) struct SyntaxNode {
    pub(super) kind: NodeKind,
    /// What it is in the source, in bytes.
    pub(super) source: Range<usize>,
    /// The number of the node after its last descendant.
    pub(super) next: usize,
}

/// What a node is. Ranges are bytes of the source.
#[derive(Debug)]
pub(super) enum NodeKind {
    /// Markdown, unchanged.
    Text,
    Element(JsxElement),
    /// `{expression}`: what is between the braces.
    Expression(Range<usize>),
    /// `{@body statements}`: the statements.
    Body(Range<usize>),
    Each {
        list: Range<usize>,
        item: Range<usize>,
        index: Option<Range<usize>>,
    },
    /// Its children are branches.
    If,
    /// A branch with its condition, or the one for everything else.
    Branch(Option<Range<usize>>),
    /// A template of an unknown kind.
    Template,
    /// What closes or continues nothing.
    Nothing,
    /// Nested too deep.
    TooDeep,
}

/// A component.
#[derive(Clone, Debug)]
pub(super) struct JsxElement {
    pub(super) component: Component,
    pub(super) name: Range<usize>,
    /// Its attributes among those of the tree.
    pub(super) attributes: Range<usize>,
    /// What is between its tags.
    pub(super) body: Range<usize>,
    /// How many block quotes of Markdown it is in.
    pub(super) quotes: usize,
}

/// A parsed answer.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) nodes: Vec<SyntaxNode>,
    pub(super) attributes: Vec<Attribute>,
}

/// The tree of `source`; `None` if it holds nothing of the language. Linear.
pub(super) fn tree(source: &str) -> Option<Tree> {
    let mut parser = TreeParser::new(source);
    parser.run();
    if parser.is_language && parser.has_early_part {
        parser = TreeParser::new(source);
        parser.expects_language = true;
        parser.run();
    }
    parser.is_language.then_some(parser.tree)
}

/// What is open.
#[derive(Debug)]
struct OpenPart {
    /// Its node, unless it is nested too deep.
    node: Option<usize>,
    what: OpenKind,
    /// How many block quotes of Markdown the component is in, or the one around the template.
    quotes: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OpenKind {
    /// A component, by the number of its name.
    Element(usize),
    Each,
    If,
    Branch,
    Template,
}

#[allow(clippy::struct_excessive_bools, reason = "independent observations")]
struct TreeParser<'s> {
    source: &'s str,
    zones: Zones<'s>,
    at: usize,
    /// Where the text begins that no node covers yet.
    text: usize,
    tree: Tree,
    open: Vec<OpenPart>,
    /// How many components are open.
    elements: usize,
    /// The numbers of names, and how many of each are open.
    names: HashMap<String, usize>,
    counts: HashMap<usize, usize>,
    blocks: usize,
    ifs: usize,
    /// Where the tags are that close each name.
    closers: HashMap<String, Vec<usize>>,
    /// Where the last templates of each kind end.
    last_if: Option<usize>,
    last_each: Option<usize>,
    /// Names that statements and loops declare.
    declared: HashSet<&'s str>,
    /// Something of the language has been seen.
    is_language: bool,
    /// There will be something of the language.
    expects_language: bool,
    /// A template or fragment was left as text because nothing of the language had been seen.
    has_early_part: bool,
    /// The node that is nested too deep, and how much was open when it began.
    too_deep: Option<(usize, usize)>,
    /// The open elements of HTML whose names components have too: for each how many such components were open.
    html: HashMap<String, Vec<usize>>,
    /// Templates that were left as text and are still to be closed.
    literal_blocks: usize,
    /// How many bytes may still be read in vain.
    patience: usize,
    /// Columns of the list items that the line is in, outside of components.
    items: Vec<usize>,
    is_after_blank: bool,
    /// How many block quotes the line is in, by its marks.
    line_quotes: usize,
}

impl<'s> TreeParser<'s> {
    fn new(source: &'s str) -> Self {
        Self {
            source,
            zones: Zones::new(source),
            at: 0,
            text: 0,
            tree: Tree::default(),
            open: Vec::new(),
            elements: 0,
            names: HashMap::new(),
            counts: HashMap::new(),
            blocks: 0,
            ifs: 0,
            closers: closers(source),
            last_if: memmem::rfind(source.as_bytes(), b"{/if"),
            last_each: memmem::rfind(source.as_bytes(), b"{/each"),
            declared: HashSet::new(),
            is_language: false,
            expects_language: false,
            has_early_part: false,
            too_deep: None,
            html: HashMap::new(),
            literal_blocks: 0,
            patience: source.len().saturating_mul(16).saturating_add(1 << 16),
            items: Vec::new(),
            is_after_blank: true,
            line_quotes: 0,
        }
    }

    /// How many block quotes this place is in: those of its line, or of the component whose body it is in.
    fn quotes(&self) -> usize {
        self.open.last().map_or(0, |open| open.quotes).max(self.line_quotes)
    }

    fn slice(&self, range: Range<usize>) -> &'s str {
        self.source.get(range).unwrap_or_default()
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.source.as_bytes().get(at).copied()
    }

    fn run(&mut self) {
        self.line_start();
        while let Some(byte) = self.byte(self.at) {
            self.at = match byte {
                b'\n' => {
                    self.at += 1;
                    self.line_start();
                    continue;
                }
                b'`' => self.zones.code(self.at),
                b'\\' => self.zones.backslash(self.at),
                b'$' => self.zones.dollar(self.at),
                b']' if self.byte(self.at + 1) == Some(b'(') => self.zones.address(self.at),
                0xee if self.source.get(self.at..).is_some_and(|rest| rest.starts_with('\u{e200}')) => {
                    self.zones.mark(self.at)
                }
                b'<' => self.angle(),
                b'{' => self.brace(),
                _ => self.at + 1,
            };
        }
        self.flush(self.source.len());
        while self.close_last(self.source.len()).is_some() {}
    }

    /// Passes what begins a line, and lines of code as a whole.
    fn line_start(&mut self) {
        while self.at < self.source.len() {
            let end = self.zones.line_end(self.at);
            let line = self.slice(self.at..end);
            if line.trim().is_empty() {
                self.is_after_blank = true;
                if end == self.source.len() {
                    return;
                }
                self.at = end + 1;
                continue;
            }
            let is_after_blank = std::mem::take(&mut self.is_after_blank);
            let prefix = Prefix::of(line);
            self.line_quotes = prefix.quotes;
            let text = line.get(prefix.text..).unwrap_or_default();
            let in_body = !self.open.is_empty();
            if !in_body && prefix.item.is_none() && prefix.quotes == 0 && is_after_blank {
                let around =
                    self.items.iter().rev().find(|&&item| item <= prefix.indent).copied().unwrap_or_default();
                if prefix.indent >= around + 4 {
                    self.is_after_blank = true;
                    if end == self.source.len() {
                        self.at = end;
                        return;
                    }
                    self.at = end + 1;
                    continue;
                }
            }
            if !in_body {
                self.follow_lists(prefix, is_after_blank);
            }
            if in_body && let Some(next) = self.directive(self.at + prefix.text, end) {
                self.at = next;
                return;
            }
            let Some(opened) = zones::fence(text) else { return };
            let item = self.items.last().copied().filter(|&item| item <= prefix.indent);
            let around = if in_body {
                Prefix { quotes: self.quotes(), ..Prefix::default() }
            } else {
                Prefix { item: prefix.item.or(item), ..prefix }
            };
            let after = zones::fence_end(self.source, self.at..end, opened, around);
            let is_closed = self.byte(after) == Some(b'\n');
            self.at = after + usize::from(is_closed);
            // What follows a fence is no paragraph that goes on.
            self.is_after_blank = true;
        }
    }

    /// Follows the list items that lines outside of components are in.
    fn follow_lists(&mut self, prefix: Prefix, is_after_blank: bool) {
        if prefix.item.is_some() || is_after_blank {
            while self.items.last().is_some_and(|&item| prefix.indent < item) {
                self.items.pop();
            }
        }
        // Deeper lists than this are followed as if they were no deeper.
        if let Some(item) = prefix.item
            && self.items.len() < 32
        {
            self.items.push(item);
        }
    }

    /// Makes a node of the text up to `end`.
    fn flush(&mut self, end: usize) {
        if self.text < end {
            let source = self.text..end;
            self.node(NodeKind::Text, source);
            self.text = end;
        }
    }

    /// Adds a node without children.
    fn node(&mut self, kind: NodeKind, source: Range<usize>) -> Option<usize> {
        if self.too_deep.is_some() {
            return None;
        }
        let at = self.tree.nodes.len();
        self.tree.nodes.push(SyntaxNode { kind, source, next: at + 1 });
        Some(at)
    }

    /// Leaves nothing of `source`, which closes or continues what is not open.
    fn nothing(&mut self, source: Range<usize>) {
        self.flush(source.start);
        self.text = source.end;
        self.node(NodeKind::Nothing, source);
    }

    /// Opens a node that may have children.
    fn push(&mut self, what: OpenKind, kind: NodeKind, source: Range<usize>) {
        let mut node = None;
        if self.open.len() < MAX_DEPTH {
            node = self.node(kind, source);
        } else if self.too_deep.is_none() {
            let found = self.node(NodeKind::TooDeep, source);
            self.too_deep = found.map(|found| (found, self.open.len()));
        }
        match what {
            OpenKind::Element(name) => {
                self.elements += 1;
                *self.counts.entry(name).or_default() += 1;
            }
            OpenKind::If => {
                self.blocks += 1;
                self.ifs += 1;
            }
            OpenKind::Each | OpenKind::Template => self.blocks += 1,
            OpenKind::Branch => {}
        }
        let around = self.open.last().map_or(0, |open| open.quotes);
        let quotes = if matches!(what, OpenKind::Element(_)) { self.quotes() } else { around };
        self.open.push(OpenPart { node, what, quotes });
    }

    /// Closes what was opened last, and returns it; its body ends at `end`. `None` if nothing is open.
    fn close_last(&mut self, end: usize) -> Option<OpenKind> {
        let open = self.open.pop()?;
        match open.what {
            OpenKind::Element(name) => {
                self.elements -= 1;
                *self.counts.entry(name).or_default() -= 1;
            }
            OpenKind::If => {
                self.blocks -= 1;
                self.ifs -= 1;
            }
            OpenKind::Each | OpenKind::Template => self.blocks -= 1,
            OpenKind::Branch => {}
        }
        if let Some((node, depth)) = self.too_deep
            && depth == self.open.len()
        {
            self.too_deep = None;
            if let Some(node) = self.tree.nodes.get_mut(node) {
                node.source.end = end;
            }
        }
        let next = self.tree.nodes.len();
        if let Some(node) = open.node.and_then(|node| self.tree.nodes.get_mut(node)) {
            node.next = next;
            node.source.end = node.source.end.max(end);
            if let NodeKind::Element(element) = &mut node.kind {
                element.body.end = end;
            }
        }
        Some(open.what)
    }

    /// True if only white space precedes `at` on its line.
    fn begins_line(&self, at: usize) -> bool {
        let before = self.source.as_bytes().get(self.text.min(at)..at).unwrap_or_default();
        let last = before.iter().rev().find(|byte| !matches!(byte, b' ' | b'\t'));
        last.is_none_or(|&last| last == b'\n')
    }
}

/// Where the tags are that close each name.
fn closers(source: &str) -> HashMap<String, Vec<usize>> {
    let mut closers: HashMap<String, Vec<usize>> = HashMap::new();
    for at in memmem::find_iter(source.as_bytes(), b"</") {
        let rest = source.as_bytes().get(at + 2..).unwrap_or_default();
        let length = rest.iter().take(64).take_while(|&&byte| lex::is_name(byte)).count();
        let Some(folded) = source.get(at + 2..at + 2 + length).and_then(Folded::of) else { continue };
        match closers.get_mut(folded.as_str()) {
            Some(known) => known.push(at),
            None => drop(closers.insert(folded.as_str().to_owned(), vec![at])),
        }
    }
    closers
}
