//! Blocks below one another, in lists and in quotes.

use super::piece::{BlockKind, OutputBlock};
use super::zones;
use crate::markdown;

/// `blocks` without dividers at the ends, and with one between two others at most.
pub(super) fn trimmed(blocks: Vec<OutputBlock>) -> Vec<OutputBlock> {
    let mut kept: Vec<OutputBlock> = Vec::with_capacity(blocks.len());
    for block in blocks {
        let is_lost = kept.last().is_none_or(|last| last.kind == BlockKind::Divider);
        if !(block.kind == BlockKind::Divider && is_lost) {
            kept.push(block);
        }
    }
    if kept.last().is_some_and(|last| last.kind == BlockKind::Divider) {
        kept.pop();
    }
    kept
}

/// `blocks` below one another. Lists that would be one list for a parser are kept apart.
pub(super) fn join(blocks: &[OutputBlock]) -> String {
    let mut out = String::with_capacity(blocks.iter().map(|block| block.text.len() + 2).sum());
    // The mark of the list that the text ends in.
    let mut list = None;
    for (number, block) in blocks.iter().enumerate() {
        let before = number.checked_sub(1).and_then(|before| blocks.get(before));
        let is_task = |block: &OutputBlock| block.kind == BlockKind::Tasks;
        let continues = is_task(block) && before.is_some_and(is_task);
        if number > 0 {
            out.push_str(if continues { "\n" } else { "\n\n" });
        }
        let follows = blocks.get(number + 1).and_then(|next| next.text.bytes().next());
        let marks: &[char] = match block.kind {
            BlockKind::Bullets | BlockKind::Tasks => &['-', '*', '+'],
            BlockKind::Numbers => &['.', ')'],
            _ => &[],
        };
        if marks.is_empty() {
            out.push_str(&block.text);
            list = ends_in_list(&block.text);
            continue;
        }
        let is_own = |mark: char| {
            let next = blocks.get(number + 1);
            next.is_some_and(|next| next.kind == BlockKind::Markdown) && follows == u8::try_from(mark).ok()
        };
        let mark = match list {
            Some(mark) if continues => mark,
            _ => marks.iter().copied().find(|&mark| Some(mark) != list && !is_own(mark)).unwrap_or('-'),
        };
        remarked(&block.text, mark, &mut out);
        list = Some(mark);
    }
    out
}

/// Writes a list with `mark` for each of its own items.
fn remarked(text: &str, mark: char, out: &mut String) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
        }
        let length = zones::marker(line.as_bytes()).unwrap_or_default();
        if length == 0 {
            out.push_str(line);
            continue;
        }
        out.push_str(line.get(..length - 1).unwrap_or_default());
        out.push(mark);
        out.push_str(line.get(length..).unwrap_or_default());
    }
}

/// The mark of the list that `text` ends in, if it does.
fn ends_in_list(text: &str) -> Option<char> {
    let last = text.rsplit('\n').find(|line| !line.is_empty() && !line.starts_with([' ', '\t']))?;
    let length = zones::marker(last.as_bytes())?;
    last.get(..length)?.chars().next_back()
}

/// A list of `items` whose first number is `start`, or with bullets.
pub(super) fn list(items: Vec<Vec<OutputBlock>>, start: Option<u32>) -> Option<OutputBlock> {
    let items: Vec<_> = items.into_iter().map(trimmed).filter(|item| !item.is_empty()).collect();
    let is_short = |item: &Vec<OutputBlock>| match item.as_slice() {
        [only] => !only.text.contains("\n\n"),
        [first, second] => {
            first.kind == BlockKind::Line && matches!(second.kind, BlockKind::Bullets | BlockKind::Numbers)
        }
        _ => false,
    };
    let is_tight = items.iter().all(is_short);
    let mut out = String::new();
    let mut number = start.unwrap_or_default();
    for item in &items {
        let marker = if start.is_some() { format!("{number}. ") } else { "- ".to_owned() };
        number = number.saturating_add(1);
        if !out.is_empty() {
            out.push_str(if is_tight { "\n" } else { "\n\n" });
        }
        let text = join(item);
        let text = if is_tight && item.len() == 2 { text.replacen("\n\n", "\n", 1) } else { text };
        out.push_str(&marker);
        indented(&text, &" ".repeat(marker.len()), &mut out);
    }
    let kind = if start.is_some() { BlockKind::Numbers } else { BlockKind::Bullets };
    (!items.is_empty()).then(|| OutputBlock::new(out, kind))
}

/// Writes `text`, each line but the first after `indent`, whose last blanks empty lines do without.
pub(super) fn indented(text: &str, indent: &str, out: &mut String) {
    for (number, line) in text.split('\n').enumerate() {
        if number > 0 {
            out.push('\n');
            out.push_str(if line.is_empty() { indent.trim_end() } else { indent });
        }
        out.push_str(line);
    }
}

/// `text` as a block quote.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    markdown::quote(text, &mut out);
    out
}
