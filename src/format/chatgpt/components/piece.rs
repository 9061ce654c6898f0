//! The pieces that components and text become, before they are laid out.

use super::plain;
use std::borrow::Cow;

/// A finished block of Markdown, without line breaks around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OutputBlock {
    pub(super) text: String,
    pub(super) kind: BlockKind,
}

/// What a block is, as far as its neighbours care.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BlockKind {
    /// A paragraph, which may be in a row or cell.
    Line,
    /// A paragraph that is alone.
    Picture,
    Divider,
    Bullets,
    Numbers,
    Tasks,
    /// A fence.
    Code,
    /// Anything else.
    Markdown,
}

impl OutputBlock {
    pub(super) fn new(text: impl Into<String>, kind: BlockKind) -> Self {
        Self { text: text.into(), kind }
    }

    /// Inline Markdown as a paragraph.
    pub(super) fn line(markdown: impl Into<String>) -> Self {
        Self::new(markdown, BlockKind::Line)
    }

    /// Words as a paragraph.
    pub(super) fn words(text: &str) -> Self {
        Self::line(plain::line(text))
    }

    /// Words as a bold paragraph.
    pub(super) fn heading(text: &str) -> Self {
        Self::line(plain::emphasised(&plain::sentence(text), "**"))
    }

    /// Markup that can't be evaluated, as a fence.
    pub(super) fn source(text: &str) -> Self {
        Self::new(plain::fence("jsx", plain::trim_block(text)), BlockKind::Code)
    }
}

/// How an inline piece is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InlineStyle {
    /// Words that are to be escaped.
    Words,
    Markdown,
    /// Bold, unless the text around it is bold.
    Strong,
}

/// How an inline piece goes with its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joint {
    /// Like a word of the text.
    Word,
    /// Like a word, but beside another of its kind it is a part of its own.
    Name,
    /// A part of its own.
    Chip,
    /// A source, which belongs to what is before it.
    Source,
}

/// A piece of inline content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Inline {
    pub(super) text: String,
    pub(super) style: InlineStyle,
    pub(super) joint: Joint,
}

/// What a component or a text comes to.
#[derive(Clone, Debug)]
pub(super) enum OutputPiece<'s> {
    /// Markdown as it was written.
    Text(Cow<'s, str>),
    Inline(Inline),
    /// A component that comes to nothing.
    Void,
    /// The source of an expression that was not evaluated.
    Unresolved(&'s str),
    Block(OutputBlock),
    /// The blocks of a box in something that keeps its boxes apart.
    Group(Vec<OutputBlock>),
    /// An item of a list.
    Item(Vec<OutputBlock>),
    /// A row of a table, or the rows of a section.
    Rows(Vec<Row>),
    Cell(Cell),
}

/// What a component holds or comes to, in order.
pub(super) type Pieces<'s> = Vec<OutputPiece<'s>>;

impl OutputPiece<'_> {
    pub(super) fn is_blank(&self) -> bool {
        match self {
            Self::Text(text) => text.trim().is_empty(),
            Self::Void => true,
            _ => false,
        }
    }
}

/// A row of a table.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    pub(super) is_header: bool,
    /// A heading above it, shown as a row of its own.
    pub(super) label: Option<String>,
}

/// A cell of a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Cell {
    pub(super) blocks: Vec<OutputBlock>,
    pub(super) is_header: bool,
    /// Its text ends at its right side.
    pub(super) is_right: bool,
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// Where pieces are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The answer itself: text stays as it is.
    Answer,
    /// A column: parts of their own go below one another.
    Column,
    /// A paragraph or cell.
    Paragraph,
}

/// Words within a line.
pub(super) fn words<'s>(text: String) -> OutputPiece<'s> {
    inline(text, InlineStyle::Words, Joint::Word)
}

/// A piece within a line.
pub(super) fn inline<'s>(text: impl Into<String>, style: InlineStyle, joint: Joint) -> OutputPiece<'s> {
    OutputPiece::Inline(Inline { text: text.into(), style, joint })
}

/// Inline Markdown as a piece within a line.
pub(super) fn markdown<'s>(text: impl Into<String>, joint: Joint) -> OutputPiece<'s> {
    inline(text, InlineStyle::Markdown, joint)
}

/// The same, which comes to nothing if there is no text.
pub(super) fn markdown_or_void<'s>(text: Option<String>, joint: Joint) -> Pieces<'s> {
    let text = text.filter(|text| !text.is_empty());
    vec![text.map_or(OutputPiece::Void, |text| markdown(text, joint))]
}

/// A piece that is a block.
pub(super) fn block<'s>(text: impl Into<String>, kind: BlockKind) -> OutputPiece<'s> {
    OutputPiece::Block(OutputBlock::new(text, kind))
}

/// `blocks` as pieces.
pub(super) fn grouped<'s>(blocks: Vec<OutputBlock>) -> Pieces<'s> {
    if blocks.is_empty() {
        vec![OutputPiece::Void]
    } else {
        blocks.into_iter().map(OutputPiece::Block).collect()
    }
}

/// The pieces of a component that has nothing to add to its body.
pub(super) fn or_void(body: Pieces<'_>) -> Pieces<'_> {
    if body.iter().all(OutputPiece::is_blank) { vec![OutputPiece::Void] } else { body }
}
