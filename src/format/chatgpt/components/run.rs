//! A run of text and inline pieces as Markdown: blanks, indentation, and what begins a line.

use super::piece::{Inline, InlineStyle, Joint, OutputPiece, Pieces, Place};
use super::{plain, table, zones};
use std::borrow::Cow;

/// Text and inline pieces on their way to Markdown.
#[allow(clippy::struct_excessive_bools, reason = "independent observations")]
pub(super) struct Run {
    out: String,
    /// The piece before came to nothing.
    gap: bool,
    /// An inline piece was written last.
    after_inline: Option<Joint>,
    /// It was a badge, which does not join a word.
    after_badge: bool,
    /// The text is within `**`.
    bold: bool,
    /// Where the last line begins, and whether it is blank so far.
    line: usize,
    is_line_start: bool,
}

impl Run {
    /// `pieces` as Markdown.
    pub(super) fn written(pieces: Pieces<'_>, place: Place) -> String {
        let common = if place == Place::Answer { None } else { Some(common_indent(&pieces)) };
        let mut run = Self {
            out: String::new(),
            gap: false,
            after_inline: None,
            after_badge: false,
            bold: false,
            line: 0,
            is_line_start: true,
        };
        let mut dedent = Dedent::default();
        let in_rows = in_rows(&pieces);
        let mut pieces = pieces.into_iter().zip(in_rows).peekable();
        while let Some((piece, in_row)) = pieces.next() {
            let next = pieces.peek().and_then(|(next, _)| match next {
                OutputPiece::Text(text) => text.chars().next(),
                OutputPiece::Inline(inline) => inline.text.chars().next(),
                _ => Some(' '),
            });
            match piece {
                OutputPiece::Text(text) => match common {
                    Some(common) => run.text(&dedent.text(&text, common)),
                    None => run.text(&text),
                },
                OutputPiece::Inline(inline) => run.inline(&inline, next, in_row),
                _ => run.gap = true,
            }
        }
        if run.gap {
            run.text("");
        }
        run.out
    }

    fn push(&mut self, text: &str) {
        match text.rfind('\n') {
            Some(end) => {
                self.line = self.out.len() + end + 1;
                self.is_line_start = text.get(end + 1..).is_some_and(|line| line.trim().is_empty());
            }
            None => self.is_line_start &= text.trim().is_empty(),
        }
        self.out.push_str(text);
    }

    fn text(&mut self, text: &str) {
        let mut text = text;
        if self.gap {
            text = self.close_gap(text);
        }
        // Two templates side by side leave one blank line, not two.
        if self.out.ends_with("\n\n") {
            text = text.trim_start_matches('\n');
        } else if self.out.ends_with('\n') && text.starts_with("\n\n") {
            text = text.get(1..).unwrap_or_default();
        }
        if text.is_empty() {
            return;
        }
        self.gap = false;
        if std::mem::take(&mut self.after_badge) && text.starts_with(char::is_alphanumeric) {
            self.push(" ");
        }
        if self.after_inline.take().is_some() {
            self.keep_apart(text);
        }
        for (number, paragraph) in text.split("\n\n").enumerate() {
            self.bold = (number == 0 && self.bold) != (paragraph.matches("**").count() % 2 == 1);
        }
        self.push(text);
    }

    /// Keeps code or bold words apart from those that `text`, which is written next, begins with.
    fn keep_apart(&mut self, text: &str) {
        if ["`", "**"].iter().any(|mark| text.starts_with(mark) && self.out.ends_with(mark)) {
            self.push(" ");
        }
    }

    /// True if the text so far ends with a character that belongs to the word after it.
    fn opens(&self) -> bool {
        let is_mark = |c: char| matches!(c, '*' | '_' | '~');
        let before = self.out.trim_end_matches(is_mark);
        let is_opening =
            before.len() < self.out.len() && before.chars().next_back().is_none_or(char::is_whitespace);
        // A list's mark has its blank.
        is_opening && self.out.len() > self.line + 1 || self.out.ends_with(['(', '[', '“', '‘'])
    }

    /// Puts the blanks right around something that came to nothing; returns what is left of the text after it.
    fn close_gap<'t>(&mut self, text: &'t str) -> &'t str {
        let rest = text.trim_start_matches([' ', '\t']);
        if self.is_line_start {
            if !(rest.is_empty() || rest.starts_with('\n')) {
                return rest;
            }
            // The line is empty now.
            self.out.truncate(self.line);
            let rest = rest.strip_prefix('\n').unwrap_or(rest);
            let is_open = self.out.is_empty() || self.out.ends_with("\n\n");
            return if is_open { rest.trim_start_matches('\n') } else { rest };
        }
        if rest.len() < text.len() && self.opens() {
            return rest;
        }
        let closes = match rest.chars().next() {
            None => true,
            Some(c) if rest.len() < text.len() => !matches!(c, '*' | '_' | '~') || c.is_whitespace(),
            Some(c @ ('*' | '_' | '~')) => {
                let after = rest.trim_start_matches(c).chars().next();
                after.is_none_or(|after| !after.is_alphanumeric())
            }
            Some(c) => {
                c.is_whitespace()
                    || matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | ')' | ']' | '|' | '”' | '"')
            }
        };
        if closes {
            let length = self.out.trim_end_matches([' ', '\t']).len();
            self.out.truncate(length);
        }
        let is_cell = rest.starts_with('|');
        if closes && !is_cell && rest.starts_with(['.', ',', ';', ':', '!', '?']) { rest } else { text }
    }

    /// Writes an inline piece, which may be in a row of a table that is written in Markdown.
    fn inline(&mut self, inline: &Inline, next: Option<char>, in_row: bool) {
        let last = self.out.chars().next_back();
        let mut text = match inline.style {
            // In a row the model escapes pipes even in attributes.
            InlineStyle::Words if in_row => plain::escaped(&inline.text.replace("\\|", "|"), last, next),
            InlineStyle::Words => plain::escaped(&inline.text, last, next),
            InlineStyle::Strong if !self.bold => plain::emphasised(&inline.text, "**"),
            InlineStyle::Strong | InlineStyle::Markdown => inline.text.clone(),
        };
        if in_row {
            text = table::cell(&text);
        }
        if self.is_line_start {
            if self.gap {
                text.drain(..text.len() - text.trim_start().len());
            }
            if inline.style == InlineStyle::Words {
                text = plain::guarded(text);
            }
        }
        if inline.style != InlineStyle::Words {
            // Marks between punctuation and a letter would be no emphasis.
            if last.is_some_and(char::is_alphanumeric) && is_marked_punctuation(text.chars()) {
                self.push(" ");
            }
            if next.is_some_and(char::is_alphanumeric) && is_marked_punctuation(text.chars().rev()) {
                text.push(' ');
            }
        }
        self.keep_apart(&text);
        let last = self.out.chars().next_back();
        let abuts = last.is_some_and(|last| !last.is_whitespace()) && !text.starts_with(char::is_whitespace);
        let is_part = |joint: Joint| matches!(joint, Joint::Chip | Joint::Name);
        let beside = self.after_inline.is_some_and(|before| {
            is_part(before)
                && is_part(inline.joint)
                && (before == Joint::Chip || inline.joint == Joint::Chip || before == inline.joint)
        });
        let is_badge = inline.joint == Joint::Chip && inline.style == InlineStyle::Strong;
        let joins = is_badge && last.is_some_and(char::is_alphanumeric);
        self.after_badge = is_badge;
        if abuts && (beside || joins || (inline.joint == Joint::Source && text.starts_with('('))) {
            self.push(" ");
        }
        self.push(&text);
        self.gap = false;
        self.after_inline = Some(inline.joint);
    }
}

/// True if marks of emphasis are at this end of a text, and punctuation after them.
fn is_marked_punctuation(mut text: impl Iterator<Item = char>) -> bool {
    let is_mark = |c: &char| matches!(c, '*' | '~');
    text.next().as_ref().is_some_and(is_mark)
        && text.find(|c| !is_mark(c)).is_some_and(|c| !c.is_alphanumeric() && !c.is_whitespace())
}

/// For each piece whether it is in a row of a table that is written in Markdown.
pub(super) fn in_rows(pieces: &[OutputPiece<'_>]) -> Vec<bool> {
    let is_delimiter = |line: &str| {
        line.contains('|') && line.contains('-') && line.bytes().all(|byte| b"|:- \t>".contains(&byte))
    };
    let texts = pieces.iter().filter_map(|piece| match piece {
        OutputPiece::Text(text) => Some(text),
        _ => None,
    });
    if !texts.flat_map(|text| text.split('\n')).any(is_delimiter) {
        return vec![false; pieces.len()];
    }
    let mut line_of = Vec::with_capacity(pieces.len());
    let mut lines = Vec::new();
    let mut has_pipe = false;
    for piece in pieces {
        line_of.push(lines.len());
        let OutputPiece::Text(text) = piece else { continue };
        for (number, part) in text.split('\n').enumerate() {
            if number > 0 {
                lines.push(std::mem::take(&mut has_pipe));
            }
            has_pipe |= part.contains('|');
        }
    }
    lines.push(has_pipe);
    line_of.into_iter().map(|line| lines.get(line) == Some(&true)).collect()
}

/// `text` without the indentation that its lines have in common.
pub(super) fn dedented(text: &str) -> String {
    dedented_to(text, 0)
}

/// `text` without the indentation that its lines have in common, except for `kept` blanks of it.
pub(super) fn dedented_to(text: &str, kept: usize) -> String {
    let pieces = [OutputPiece::Text(Cow::Borrowed(text))];
    Dedent::default().text(text, common_indent(&pieces).saturating_sub(kept))
}

/// The indentation that all lines of `pieces` have in common, without the first and those of fences.
fn common_indent(pieces: &[OutputPiece<'_>]) -> usize {
    let mut common = None::<usize>;
    let mut fence = None;
    for (number, piece) in pieces.iter().enumerate() {
        let OutputPiece::Text(text) = piece else { continue };
        let is_followed = pieces.get(number + 1).is_some_and(|next| match next {
            OutputPiece::Text(next) => !next.starts_with('\n'),
            next => !matches!(next, OutputPiece::Void),
        });
        let mut lines = text.split('\n').skip(1).peekable();
        while let Some(line) = lines.next() {
            let rest = line.trim_start();
            if let Some(opened) = fence {
                if zones::closes_fence(rest, opened) {
                    fence = None;
                }
                continue;
            }
            if rest.is_empty() && !(is_followed && lines.peek().is_none()) {
                continue;
            }
            fence = zones::fence(rest);
            let indent = line.len() - rest.len();
            common = Some(common.map_or(indent, |common| common.min(indent)));
        }
    }
    common.unwrap_or_default()
}

/// Takes the indentation of components from the lines of their text.
#[derive(Debug, Default)]
struct Dedent {
    /// The open fence, and how much is taken from its last line and from the others.
    fence: Option<((u8, usize), usize, usize)>,
    in_list: bool,
    /// The column at which the content of the last list item begins, without what is taken.
    item: usize,
    after_blank: bool,
}

impl Dedent {
    /// `text` with `common` blanks removed from each line after the first.
    fn text(&mut self, text: &str, common: usize) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        for (number, line) in text.split('\n').enumerate() {
            at += line.len() + 1;
            if number == 0 {
                // What begins between tags has no indentation of its own.
                let is_fence = self.fence.is_none() && zones::fence(line.trim_start()).is_some();
                if !is_fence {
                    out.push_str(line);
                    continue;
                }
            } else {
                out.push('\n');
            }
            let rest = line.trim_start_matches([' ', '\t']);
            let indent = line.len() - rest.len();
            if let Some((opened, last, taken)) = self.fence {
                if zones::closes_fence(rest, opened) {
                    self.fence = None;
                    out.push_str(line.get(indent.min(last)..).unwrap_or_default());
                } else {
                    out.push_str(line.get(indent.min(taken)..).unwrap_or_default());
                }
                continue;
            }
            let left = indent - indent.min(common);
            if let Some(opened) = zones::fence(rest) {
                let is_inside = left < 4 || (self.item <= left && left < self.item + 4);
                let taken = if self.in_list && is_inside { common } else { indent };
                let content = text.get(at..).unwrap_or_default();
                self.fence = Some((opened, taken, taken.min(fence_indent(content, opened))));
                out.push_str(line.get(taken..).unwrap_or_default());
                continue;
            }
            if rest.is_empty() {
                self.after_blank = number > 0;
                if at > text.len() {
                    out.push_str(line.get(indent.min(common)..).unwrap_or_default());
                }
                continue;
            }
            let marker = zones::marker(rest.as_bytes());
            let is_item = marker.is_some();
            if let Some(length) = marker {
                let text = rest.get(length..).unwrap_or_default();
                self.item = left + length + (text.len() - text.trim_start().len()).clamp(1, 4);
            }
            self.in_list = is_item || (self.in_list && (left > 0 || !self.after_blank));
            self.after_blank = false;
            let taken = if left >= 4 && !self.in_list { indent } else { indent - left };
            out.push_str(line.get(taken..).unwrap_or_default());
        }
        out
    }
}

/// The indentation that the lines of a fence have in common.
fn fence_indent(content: &str, opened: (u8, usize)) -> usize {
    let lines = content.split('\n').take_while(|line| !zones::closes_fence(line, opened));
    let indents =
        lines.filter(|line| !line.trim().is_empty()).map(|line| line.len() - line.trim_start().len());
    indents.min().unwrap_or(usize::MAX)
}
