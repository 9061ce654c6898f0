//! How pieces are laid out on a page: lines, paragraphs, blocks and the blanks between them.

use super::join::{indented, list, trimmed};
use super::piece::{BlockKind, Joint, OutputBlock, OutputPiece, Pieces, Place, markdown};
use super::plain::{self, trim_block};
use super::run::{self, Run};
use super::table;
use super::zones::{self, Prefix};
use std::borrow::Cow;

/// `pieces` as blocks.
pub(super) fn flow(pieces: Pieces<'_>, place: Place) -> Vec<OutputBlock> {
    let pieces = resolved(pieces);
    let alone = alone(&pieces);
    let in_rows = run::in_rows(&pieces);
    let mut flow = Flow { blocks: Vec::new(), run: Vec::new(), place, indent: None, nested: None };
    for ((piece, alone), in_row) in pieces.into_iter().zip(alone).zip(in_rows) {
        let piece = if in_row { flow.on_row(piece) } else { piece };
        flow.take(piece, alone);
    }
    flow.end_run();
    trimmed(flow.blocks)
}

/// `pieces` as one line of Markdown.
pub(super) fn on_one_line(pieces: Pieces<'_>) -> String {
    let blocks = flow(pieces, Place::Paragraph);
    let lines: Vec<_> = blocks.iter().map(|block| plain::joined_lines(&block.text)).collect();
    lines.join(" ")
}

/// `pieces` without expressions that were not evaluated, if there is nothing else; else with their source as code, like
/// those with tags, whose words would be lost.
fn resolved(mut pieces: Pieces<'_>) -> Pieces<'_> {
    let is_unresolved = |piece: &OutputPiece<'_>| matches!(piece, OutputPiece::Unresolved(_));
    if !pieces.iter().any(is_unresolved) {
        return pieces;
    }
    let is_all = pieces.iter().all(|piece| piece.is_blank() || is_unresolved(piece));
    for piece in &mut pieces {
        if let OutputPiece::Unresolved(source) = piece {
            *piece = if is_all && !has_tags(source) {
                OutputPiece::Void
            } else {
                markdown(plain::code_span(source), Joint::Word)
            };
        }
    }
    pieces
}

/// True for a part of its own within a line.
fn is_chip(piece: &OutputPiece<'_>) -> bool {
    matches!(piece, OutputPiece::Inline(inline) if inline.joint == Joint::Chip)
}

/// True if `script` contains tags.
pub(super) fn has_tags(script: &str) -> bool {
    script.contains("</") || script.contains("/>")
}

/// For each piece whether it is the only thing on its line.
fn alone(pieces: &[OutputPiece<'_>]) -> Vec<bool> {
    let mut line_of = Vec::with_capacity(pieces.len());
    // For each line how many inline pieces it has, and whether it has text.
    let mut lines: Vec<(usize, bool)> = Vec::new();
    let mut line = (0, false);
    for piece in pieces {
        match piece {
            OutputPiece::Text(text) => {
                for (number, segment) in text.split('\n').enumerate() {
                    if number > 0 {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.1 |= !segment.trim().is_empty();
                }
            }
            OutputPiece::Inline(_) => line.0 += 1,
            OutputPiece::Void | OutputPiece::Unresolved(_) => {}
            _ => lines.push(std::mem::take(&mut line)),
        }
        line_of.push(lines.len());
    }
    lines.push(line);
    let is_alone = |line: &usize| lines.get(*line) == Some(&(1, false));
    line_of.iter().map(is_alone).collect()
}

struct Flow<'s> {
    blocks: Vec<OutputBlock>,
    /// Text and inline pieces that are not written yet.
    run: Pieces<'s>,
    place: Place,
    /// The indentation of the block that was written last into a list of the text.
    indent: Option<usize>,
    nested: Option<Nested>,
}

/// The block that was written last into a list item or quote of the text.
struct Nested {
    /// What its lines begin with.
    below: String,
    /// The pieces up to it.
    pieces: usize,
    /// It began on a line of its own, and its last line is ended.
    is_ended: bool,
}

impl<'s> Flow<'s> {
    /// `piece` as it is written next in a row of a table in Markdown.
    fn on_row(&self, piece: OutputPiece<'s>) -> OutputPiece<'s> {
        let blocks = match piece {
            OutputPiece::Block(block) => vec![block],
            OutputPiece::Group(blocks) | OutputPiece::Item(blocks) => blocks,
            OutputPiece::Cell(cell) => cell.blocks,
            other => return other,
        };
        let mut text = table::cell_text(&blocks);
        let follows = match self.run.iter().rev().find(|piece| !piece.is_blank()) {
            Some(OutputPiece::Text(before)) => {
                let words = before.trim_end();
                let is_line = !before.get(words.len()..).unwrap_or_default().contains('\n');
                is_line && !words.ends_with('|')
            }
            before => before.is_some(),
        };
        if follows {
            text.insert_str(0, "<br>");
        }
        markdown(text, Joint::Word)
    }

    fn take(&mut self, piece: OutputPiece<'s>, alone: bool) {
        match piece {
            OutputPiece::Inline(inline) if alone && inline.joint != Joint::Source => {
                let text = Run::written(vec![OutputPiece::Inline(inline)], self.place);
                self.block(OutputBlock::line(text));
            }
            OutputPiece::Inline(inline) if alone => {
                // A source on a line of its own belongs to the paragraph before it.
                let is_blank = self.run.iter().all(OutputPiece::is_blank);
                let above = self.blocks.last_mut().filter(|block| is_blank && block.kind == BlockKind::Line);
                if let Some(block) = above {
                    block.text.push(' ');
                    block.text.push_str(&inline.text);
                } else {
                    let nested = self.left();
                    self.run.extend([OutputPiece::Inline(inline), OutputPiece::Text(Cow::Borrowed(""))]);
                    self.nested = nested.map(|nested| Nested { pieces: self.run.len(), ..nested });
                }
            }
            OutputPiece::Inline(inline) => {
                let mut before = self.run.iter().rev().filter(|piece| !matches!(piece, OutputPiece::Void));
                let is_beside_chip = inline.joint == Joint::Chip && before.next().is_some_and(is_chip);
                if self.place == Place::Column && is_beside_chip {
                    self.end_run();
                }
                if let Some(nested) = self.left() {
                    self.begin_paragraph(&nested);
                }
                self.run.push(OutputPiece::Inline(inline));
            }
            OutputPiece::Text(text) => match self.left() {
                None => self.run.push(OutputPiece::Text(text)),
                Some(nested) if text.trim_matches([' ', '\t']).is_empty() => self.nested = Some(nested),
                Some(nested) => {
                    let text = self.leave(&nested, text);
                    self.run.push(OutputPiece::Text(text));
                }
            },
            OutputPiece::Void | OutputPiece::Unresolved(_) => match self.left() {
                None => self.run.push(piece),
                nested => self.nested = nested,
            },
            OutputPiece::Block(block) => self.block(block),
            OutputPiece::Group(blocks) | OutputPiece::Item(blocks) => {
                for block in blocks {
                    self.block(block);
                }
            }
            // Rows and cells outside of a table keep their text.
            OutputPiece::Rows(rows) => {
                self.end_run();
                for row in rows {
                    self.blocks.extend(row.label.map(OutputBlock::line));
                    self.blocks.extend(row.cells.into_iter().flat_map(|cell| cell.blocks));
                }
            }
            OutputPiece::Cell(cell) => {
                self.end_run();
                self.blocks.extend(cell.blocks);
            }
        }
    }

    fn block(&mut self, block: OutputBlock) {
        if block.text.trim().is_empty()
            || self.head(&block)
            || (self.place != Place::Paragraph && self.nest(&block))
        {
            return;
        }
        self.end_run();
        self.blocks.push(block);
    }

    /// Writes `block`, a line, as the heading that the text has begun. False if it has begun none.
    fn head(&mut self, block: &OutputBlock) -> bool {
        let Some(OutputPiece::Text(text)) = self.run.last().filter(|_| block.kind == BlockKind::Line) else {
            return false;
        };
        let line = text.rsplit('\n').next().unwrap_or_default();
        let marks = line.get(Prefix::of(line).text..).unwrap_or_default();
        let level = marks.bytes().take_while(|&byte| byte == b'#').count();
        let begins_line = line.len() < text.len() || self.run.len() == 1;
        let is_heading = (1..=6).contains(&level)
            && marks.get(level..).is_some_and(|rest| !rest.is_empty() && rest.trim().is_empty());
        if is_heading && begins_line {
            let text = plain::joined_lines(&block.text);
            self.run.push(markdown(text, Joint::Chip));
        }
        is_heading && begins_line
    }

    /// Writes `block` into the list item or quote of the text in which it is. False if it is in none.
    fn nest(&mut self, block: &OutputBlock) -> bool {
        if let Some(nested) = self.left() {
            let (before, after) = if nested.is_ended { ("\n", "\n") } else { ("\n\n", "") };
            self.append(&format!("{before}{}", block.text), &nested.below);
            self.append(after, "");
            self.nested = Some(nested);
            return true;
        }
        let Some((piece, text, line)) = self.line_start() else { return false };
        let begun = text.get(line..).unwrap_or_default();
        let prefix = Prefix::of(begun);
        let (before, words) = begun.split_at(prefix.text);
        let is_mark = prefix.item.is_some() || prefix.quotes > 0;
        let is_same = text.trim().is_empty() && self.indent == Some(prefix.indent);
        let lines = self.run.get(..=piece).unwrap_or_default();
        if before.len() > LONGEST_PREFIX
            || (!is_mark && (prefix.indent < 2 || !(is_same || is_in_list(lines, line, prefix.indent))))
        {
            return false;
        }
        // After the mark of an item its other lines are below the text of the first.
        let blank = |c| if matches!(c, '>' | '\t') { c } else { ' ' };
        let below: String = before.chars().map(blank).collect();
        let mut others = self.run.iter().skip(piece + 1);
        let has_words = !words.trim().is_empty() || !others.all(OutputPiece::is_blank);
        if has_words {
            // The paragraph ends that the line is in.
            self.edit(|text| text.truncate(text.trim_end_matches([' ', '\t']).len()));
            self.run.push(OutputPiece::Text(Cow::Borrowed("")));
            self.append(&format!("\n\n{}", block.text), &below);
        } else if is_mark {
            // A quote has no items that part their blocks from the paragraph above.
            let joins = prefix.item.is_none() && line > 0 && !is_below_blank(text, line, piece == 0);
            let parting = if joins { format!("{}\n", below.trim_end()) } else { String::new() };
            self.run.truncate(piece + 1);
            self.edit(|text| {
                text.truncate(line + prefix.text);
                text.insert_str(line, &parting);
            });
            self.append(if below.ends_with([' ', '\t']) { "" } else { " " }, "");
            self.append(&block.text, &below);
        } else {
            let is_parted = text.get(..line).is_some_and(|text| text.ends_with("\n\n"));
            self.run.truncate(piece + 1);
            self.edit(|text| text.truncate(line));
            self.append(if is_parted { "" } else { "\n" }, "");
            self.append(&format!("{below}{}", block.text), &below);
            self.append("\n", "");
            self.indent = Some(prefix.indent);
        }
        self.nested = Some(Nested { below, pieces: self.run.len(), is_ended: !has_words && !is_mark });
        true
    }

    /// Where the line begins that is being written: the number of a text in the run, that text, and the byte in it.
    /// `None` if that is not near.
    fn line_start(&self) -> Option<(usize, &str, usize)> {
        /// Maximum number of texts to look through.
        const MOST: usize = 64;
        let pieces = self.run.iter().enumerate().rev().take(MOST);
        pieces.into_iter().find_map(|(number, piece)| match piece {
            OutputPiece::Text(text) => {
                let start = text.rfind('\n').map(|end| end + 1).or((number == 0).then_some(0))?;
                Some((number, text.as_ref(), start))
            }
            _ => None,
        })
    }

    /// Appends `added`, whose lines after the first begin with `below`, to the text that was written last.
    fn append(&mut self, added: &str, below: &str) {
        self.edit(|text| indented(added, below, text));
    }

    /// Changes the text that was written last.
    fn edit(&mut self, change: impl FnOnce(&mut String)) {
        if let Some(OutputPiece::Text(text)) = self.run.last_mut() {
            change(text.to_mut());
        }
    }

    /// The block in an item or quote that was written last, if nothing has been written after it.
    fn left(&mut self) -> Option<Nested> {
        self.nested.take().filter(|nested| nested.pieces == self.run.len())
    }

    /// `text` as it follows `nested`: parted from it, unless a blank line or an item does.
    fn leave<'t>(&mut self, nested: &Nested, text: Cow<'t, str>) -> Cow<'t, str> {
        let (first, others) = text.split_once('\n').unwrap_or((&text, ""));
        if !first.trim().is_empty() {
            self.begin_paragraph(nested);
            return Cow::Owned(text.trim_start_matches([' ', '\t']).to_owned());
        }
        let line = others.split('\n').next().unwrap_or_default();
        let prefix = Prefix::of(line);
        if !nested.is_ended && prefix.item.is_none() && prefix.text < line.trim_end().len() {
            self.append(&format!("\n{}", nested.below.trim_end()), "");
        }
        text
    }

    /// Begins a paragraph after `nested`, in the same item or quote.
    fn begin_paragraph(&mut self, Nested { below, is_ended, .. }: &Nested) {
        let end = if *is_ended { "" } else { "\n" };
        self.append(&format!("{end}{}\n{below}", below.trim_end()), "");
    }

    /// Writes the text and inline pieces so far as a block.
    fn end_run(&mut self) {
        let run = std::mem::take(&mut self.run);
        self.indent = None;
        self.nested = None;
        let is_first_blank = match run.first() {
            Some(OutputPiece::Text(text)) => {
                text.split_once('\n').is_some_and(|(line, _)| line.trim().is_empty())
            }
            _ => false,
        };
        if run.iter().all(OutputPiece::is_blank) {
            return;
        }
        let text = Run::written(run, self.place);
        let mut text = trim_block(&text);
        // What follows a block on its line begins a paragraph.
        if !is_first_blank && (self.place != Place::Answer || !self.blocks.is_empty()) {
            text = text.trim_start();
        }
        if !text.is_empty() {
            let kind = if is_paragraph(text) { BlockKind::Line } else { BlockKind::Markdown };
            self.blocks.push(OutputBlock::new(text, kind));
        }
    }
}

/// True if the line before the one at `line` in `text` is known to be blank; `begins` if a line begins where `text` does.
fn is_below_blank(text: &str, line: usize, begins: bool) -> bool {
    let above = text.get(..line).and_then(|above| above.strip_suffix('\n')).unwrap_or_default();
    let begin = above.rfind('\n').map_or(0, |end| end + 1);
    let is_whole = begin > 0 || begins;
    is_whole && above.get(begin..).is_some_and(|line| line.trim_matches([' ', '\t', '>']).is_empty())
}

/// The most bytes before a block in an item or quote, which are repeated for each of its lines.
const LONGEST_PREFIX: usize = 64;

/// How many lines are looked at to find the list that a line is in.
const MOST_LINES: usize = 64;

/// The indentation of the line that `pieces` end with, if it has nothing else and is in an item of a list.
pub(super) fn list_indent(pieces: &[OutputPiece<'_>]) -> usize {
    let Some(OutputPiece::Text(text)) = pieces.last() else { return 0 };
    let indent = text.bytes().rev().take(LONGEST_PREFIX + 1).take_while(|&byte| byte == b' ').count();
    let line = text.len() - indent;
    let begins_line = text.get(..line).is_some_and(|above| above.ends_with('\n'));
    if begins_line && indent <= LONGEST_PREFIX && is_in_list(pieces, line, indent) { indent } else { 0 }
}

/// True if a line with this `indent` is in an item of a list, by the lines before it: those of `run` without what its last
/// text has from `end` on.
fn is_in_list(run: &[OutputPiece<'_>], end: usize, indent: usize) -> bool {
    /// So much of the beginning of a line shows what it begins.
    const SHOWN: usize = 80;
    /// The most pieces that are looked at, and the most bytes of each.
    const PIECES: usize = 256;
    const NEAR: usize = 8 << 10;
    let near = |text: &str| text.floor_char_boundary(text.len().saturating_sub(NEAR));
    let decides = |line: &str| {
        let prefix = Some(line).filter(|line| !line.trim().is_empty()).map(Prefix::of)?;
        match prefix.item {
            Some(item) if prefix.indent < indent => Some(item <= indent),
            None if prefix.indent < indent => Some(false),
            _ => None,
        }
    };
    let texts = run.iter().rev().enumerate().filter_map(|(number, piece)| match piece {
        OutputPiece::Text(text) if number == 0 => text.get(..end),
        OutputPiece::Text(text) => Some(text.as_ref()),
        OutputPiece::Inline(inline) => Some(inline.text.as_str()),
        _ => None,
    });
    // The beginning of a line that may be made of several pieces.
    let mut line = String::new();
    let mut lines = 0;
    for text in texts.take(PIECES) {
        let text = text.get(near(text)..).unwrap_or_default();
        for (number, part) in text.rsplit('\n').enumerate() {
            if number > 0 {
                if let Some(decision) = decides(&line) {
                    return decision;
                }
                lines += 1;
                if lines == MOST_LINES {
                    return false;
                }
                line.clear();
            }
            line = part.chars().chain(line.chars()).take(SHOWN).collect();
        }
    }
    decides(&line).unwrap_or_default()
}

/// True if `text` is one paragraph.
fn is_paragraph(text: &str) -> bool {
    text.lines().all(|line| {
        let prefix = Prefix::of(line);
        let rest = line.get(prefix.text..).unwrap_or_default();
        let begins_block = rest.is_empty()
            || rest.starts_with(['#', '|', '<', '=', '>'])
            || rest.starts_with(":::")
            || rest.starts_with("$$")
            || rest.starts_with("\\[")
            || zones::fence(rest).is_some()
            || (rest.len() > 2 && rest.bytes().all(|byte| matches!(byte, b'-' | b'*' | b'_' | b' ')));
        let begins_html = rest.starts_with('<') && !rest.starts_with("<http");
        prefix.quotes == 0
            && prefix.item.is_none()
            && prefix.indent < 4
            && (!begins_block || (rest.starts_with('<') && !begins_html) || is_inline_html(rest))
    })
}

/// True if `rest` begins with an inline element of HTML.
fn is_inline_html(rest: &str) -> bool {
    let name = rest.strip_prefix('<').unwrap_or_default().trim_start_matches('/');
    let length = name.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let name = name.get(..length).unwrap_or_default().to_ascii_lowercase();
    ["a", "b", "i", "u", "s", "sub", "sup", "kbd", "span", "small", "mark", "br", "em", "strong"]
        .contains(&name.as_str())
}

/// The parts of a row on one line each; `None` if one of them is more than a line.
pub(super) fn parts(pieces: Pieces<'_>) -> Option<Vec<String>> {
    let mut parts: Vec<String> = Vec::new();
    let mut open: Pieces<'_> = Vec::new();
    let mut last: Option<Joint> = None;
    for piece in resolved(pieces) {
        let joint = match &piece {
            OutputPiece::Void | OutputPiece::Unresolved(_) => continue,
            OutputPiece::Text(text) if text.trim().is_empty() => {
                open.push(piece);
                continue;
            }
            OutputPiece::Text(_) => Joint::Word,
            OutputPiece::Inline(inline) => inline.joint,
            OutputPiece::Block(block) if block.kind == BlockKind::Divider => continue,
            OutputPiece::Block(block) if block.kind == BlockKind::Line => Joint::Chip,
            OutputPiece::Group(blocks) => match blocks.as_slice() {
                [block] if block.kind == BlockKind::Line => Joint::Chip,
                _ => return None,
            },
            _ => return None,
        };
        let begins = match (last, joint) {
            (_, Joint::Source) | (None, _) => false,
            (Some(Joint::Chip), _) | (_, Joint::Chip) | (Some(Joint::Name), Joint::Name) => true,
            _ => false,
        };
        if begins {
            end_part(&mut open, &mut parts)?;
        }
        if joint != Joint::Source || last.is_none() {
            last = Some(joint);
        }
        match piece {
            OutputPiece::Group(blocks) => {
                open.extend(blocks.into_iter().map(|block| markdown(block.text, Joint::Chip)));
            }
            OutputPiece::Block(block) => open.push(markdown(block.text, Joint::Chip)),
            other => open.push(other),
        }
    }
    end_part(&mut open, &mut parts)?;
    Some(parts)
}

fn end_part(open: &mut Pieces<'_>, parts: &mut Vec<String>) -> Option<()> {
    let pieces = std::mem::take(open);
    if pieces.iter().all(OutputPiece::is_blank) {
        return Some(());
    }
    let text = Run::written(pieces, Place::Paragraph);
    let text = trim_block(&text);
    if !text.is_empty() {
        is_paragraph(text).then(|| parts.push(plain::joined_lines(text)))?;
    }
    Some(())
}

/// The line that `parts` make.
pub(super) fn joined(parts: &[String]) -> String {
    parts.join(" · ")
}

/// The most parts of an item that are joined into one line.
const MOST_PARTS: usize = 4;

/// `items` of a grid: a list if each is one line, else their blocks.
pub(super) fn grid(pieces: Pieces<'_>) -> Vec<OutputBlock> {
    let mut items: Vec<Vec<OutputBlock>> = Vec::new();
    let mut open: Pieces<'_> = Vec::new();
    for piece in resolved(pieces) {
        let begins_item = match &piece {
            OutputPiece::Group(_) | OutputPiece::Block(_) => true,
            piece => is_chip(piece),
        };
        if begins_item {
            items.push(flow(std::mem::take(&mut open), Place::Column));
        }
        match piece {
            OutputPiece::Group(blocks) => items.push(blocks),
            OutputPiece::Block(block) => items.push(vec![block]),
            other => open.push(other),
        }
    }
    items.push(flow(open, Place::Column));
    let items: Vec<_> = items.into_iter().map(trimmed).filter(|item| !item.is_empty()).collect();
    let is_line = |block: &OutputBlock| matches!(block.kind, BlockKind::Line | BlockKind::Picture);
    if !items.iter().all(|item| item.len() <= MOST_PARTS && item.iter().all(is_line)) {
        return items.into_iter().flatten().collect();
    }
    let lines = items.into_iter().map(|item| {
        let parts: Vec<_> = item.iter().map(|block| plain::joined_lines(&block.text)).collect();
        vec![OutputBlock::line(joined(&parts))]
    });
    list(lines.collect(), None).into_iter().collect()
}
