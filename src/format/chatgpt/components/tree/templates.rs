//! Braces: templates, statements and expressions.

use super::super::lex;
use super::super::script::{Token, body, start_of, tokens};
use super::{NodeKind, OpenKind, OpenPart, TreeParser};
use std::collections::HashSet;
use std::ops::Range;

impl TreeParser<'_> {
    /// Takes what the `{` here begins; returns where to go on.
    pub(super) fn brace(&mut self) -> usize {
        let at = self.at;
        let next = self.byte(at + 1);
        let is_template = matches!(next, Some(b'@' | b'#' | b':' | b'/'));
        if (!is_template && self.elements == 0 && self.declared.is_empty()) || self.patience == 0 {
            return at + 1;
        }
        if next == Some(b'@')
            && !self.is_language
            && !self.source.get(at..).is_some_and(|rest| rest.starts_with("{@body"))
        {
            return at + 1;
        }
        // `{/each}`, but not `{/* a comment */}`
        let is_end = next == Some(b'/') && self.byte(at + 2).is_some_and(|byte| byte.is_ascii_alphanumeric());
        let end = if is_end { self.block_end(at) } else { lex::braces(self.source, at) };
        let Some(end) = end else { return self.cut_brace() };
        let inside = at + 1..end - 1;
        if !matches!(next, Some(b'@' | b'#')) && end > self.zones.paragraph_end(at) {
            self.patience = self.patience.saturating_sub(end - at);
            return at + 1;
        }
        let is_taken = match next {
            Some(b'@') => self.statements(inside, end),
            Some(b'#') => self.begin_block(inside, end),
            Some(b':') => self.branch(inside, end),
            Some(b'/') if is_end => self.end_block(inside, end),
            _ => self.expression(inside, end),
        };
        if is_taken {
            return end;
        }
        self.patience = self.patience.saturating_sub(end - at);
        at + 1
    }

    /// The end of the braces at `at`, which hold nothing but the name of a template.
    fn block_end(&self, at: usize) -> Option<usize> {
        let rest = self.source.as_bytes().get(at + 2..)?;
        let length =
            rest.iter().take(40).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b' ').count();
        (rest.get(length) == Some(&b'}')).then_some(at + 2 + length + 1)
    }

    /// Takes braces that are never closed.
    fn cut_brace(&mut self) -> usize {
        let at = self.at;
        self.patience = self.patience.saturating_sub(self.source.len() - at);
        let rest = self.source.get(at + 1..).unwrap_or_default();
        let word: String = rest.chars().take(6).collect();
        let begins = |known: &str| known.starts_with(&word) || word.starts_with(known);
        let is_known = match word.chars().next() {
            Some('@') => begins("@body"),
            Some('#') => begins("#each") || begins("#if"),
            Some(':') => begins(":else"),
            Some('/') => begins("/each") || begins("/if"),
            Some(_) => self.elements > 0 || names_declared(rest, &self.declared),
            None => self.elements > 0,
        };
        let is_ours = is_known && (self.is_language || word.starts_with("@body"));
        if !is_ours || self.zones.paragraph_end(at) < self.source.len() {
            return at + 1;
        }
        self.is_language = true;
        self.flush(at);
        self.text = self.source.len();
        self.source.len()
    }

    /// Replaces what is between `self.at` and `end` by what is added next.
    fn replace(&mut self, end: usize) -> Range<usize> {
        let at = self.at;
        self.flush(at);
        self.text = end;
        at..end
    }

    fn statements(&mut self, inside: Range<usize>, end: usize) -> bool {
        let text = self.slice(inside.clone());
        let word = text.get(1..).unwrap_or_default();
        let length = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
        let start = match word.get(..length) {
            Some("body") => inside.start + 1 + length,
            // As in `{@const a = 1}`.
            Some("const" | "let") => inside.start + 1,
            _ => return false,
        };
        self.is_language = true;
        let source = self.replace(end);
        for declaration in body(self.slice(start..inside.end)).declarations {
            self.declared.extend(declaration.names);
        }
        self.node(NodeKind::Body(start..inside.end), source);
        true
    }

    fn begin_block(&mut self, inside: Range<usize>, end: usize) -> bool {
        let text = self.slice(inside.clone());
        let word = text.get(1..).unwrap_or_default();
        let length = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
        let start = inside.start + 1 + length;
        let rest = self.slice(start..inside.end);
        let is_blank = rest.trim().is_empty();
        match word.get(..length).unwrap_or_default() {
            "each" => {
                let Some((list, item, index)) = loop_parts(rest) else {
                    if is_blank || !self.is_language {
                        self.literal_blocks += 1;
                        return false;
                    }
                    let source = self.replace(end);
                    self.push(OpenKind::Template, NodeKind::Template, source);
                    return true;
                };
                let moved = |range: Range<usize>| start + range.start..start + range.end;
                let listed = rest.get(list.clone()).unwrap_or_default().trim_start();
                let is_known = self.is_language
                    || self.expects_language
                    || listed.starts_with('[')
                    || listed.starts_with("Array.from")
                    || names_declared(listed, &self.declared);
                if !is_known || !self.ends_later("each", end) {
                    self.has_early_part |= !is_known;
                    self.literal_blocks += 1;
                    return false;
                }
                self.is_language = true;
                for names in [Some(item.clone()), index.clone()].into_iter().flatten() {
                    let names = self.slice(moved(names));
                    self.declared.extend(identifiers(names));
                }
                let source = self.replace(end);
                let kind = NodeKind::Each { list: moved(list), item: moved(item), index: index.map(moved) };
                self.push(OpenKind::Each, kind, source);
            }
            "if" if !is_blank
                && (self.is_language || self.expects_language)
                && self.ends_later("if", end) =>
            {
                self.is_language = true;
                let source = self.replace(end);
                self.push(OpenKind::If, NodeKind::If, source.clone());
                self.push(OpenKind::Branch, NodeKind::Branch(Some(start..inside.end)), source);
            }
            "" | "if" => {
                self.has_early_part |= !is_blank && !self.is_language;
                self.literal_blocks += 1;
                return false;
            }
            _ if is_blank || !self.is_language => {
                self.literal_blocks += 1;
                return false;
            }
            _ => {
                let source = self.replace(end);
                self.push(OpenKind::Template, NodeKind::Template, source);
            }
        }
        true
    }

    /// True if the template that was begun is closed after `end`, or begins its line.
    fn ends_later(&self, kind: &str, end: usize) -> bool {
        let last = if kind == "if" { self.last_if } else { self.last_each };
        self.begins_line(self.at) || last.is_some_and(|last| last >= end)
    }

    /// `{:else}`, `{:else if condition}` and the like.
    fn branch(&mut self, inside: Range<usize>, end: usize) -> bool {
        if self.literal_blocks > 0 && self.blocks == 0 {
            return false;
        }
        let text = self.slice(inside.clone());
        let word = text.get(1..).unwrap_or_default();
        let length = word.find(|c: char| !c.is_alphanumeric()).unwrap_or(word.len());
        if length == 0 || !self.is_language {
            return false;
        }
        if self.ifs == 0 {
            self.nothing(self.at..end);
            return true;
        }
        let source = self.replace(end);
        while !matches!(self.open.last(), None | Some(OpenPart { what: OpenKind::If, .. })) {
            self.close_last(source.start);
        }
        let rest = word.get(length..).unwrap_or_default();
        let condition = rest.trim_start().strip_prefix("if").filter(|rest| !rest.trim().is_empty());
        let condition = condition.map(|condition| inside.end - condition.len()..inside.end);
        self.push(OpenKind::Branch, NodeKind::Branch(condition), source);
        true
    }

    /// `{/each}`, `{/if}` and the like.
    fn end_block(&mut self, inside: Range<usize>, end: usize) -> bool {
        let word = self.slice(inside).get(1..).unwrap_or_default().trim();
        if !word.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return false;
        }
        if self.blocks == 0 && self.literal_blocks > 0 {
            self.literal_blocks -= 1;
            return false;
        }
        if !self.is_language {
            return false;
        }
        if self.blocks == 0 {
            self.nothing(self.at..end);
            return true;
        }
        let source = self.replace(end);
        let wants_if = word == "if" && self.ifs > 0;
        let goes_on = |closed: OpenKind| match closed {
            OpenKind::If => false,
            OpenKind::Each | OpenKind::Template => wants_if,
            OpenKind::Element(_) | OpenKind::Branch => true,
        };
        while self.close_last(source.start).is_some_and(goes_on) {}
        true
    }

    fn expression(&mut self, inside: Range<usize>, end: usize) -> bool {
        let text = self.slice(inside.clone());
        if self.elements == 0 && !names_declared(text, &self.declared) {
            return false;
        }
        let source = self.replace(end);
        self.node(NodeKind::Expression(inside), source);
        true
    }
}

/// The names in `text`.
fn identifiers(text: &str) -> Vec<&str> {
    let names = tokens(start_of(text)).into_iter();
    names
        .filter_map(|placed| match placed.token {
            Token::Name(name) => Some(name),
            _ => None,
        })
        .collect()
}

/// True if `text` uses a declared name.
fn names_declared(text: &str, declared: &HashSet<&str>) -> bool {
    !declared.is_empty() && identifiers(text).into_iter().any(|name| declared.contains(name))
}

/// The parts of a loop `LIST as item, index`: the list, the item and the index, as ranges of `text`.
#[allow(clippy::type_complexity, reason = "three ranges that are taken apart at once")]
fn loop_parts(text: &str) -> Option<(Range<usize>, Range<usize>, Option<Range<usize>>)> {
    let tokens = tokens(start_of(text));
    let mut depth = 0_usize;
    let mut found = None;
    for (number, placed) in tokens.iter().enumerate() {
        match placed.token {
            Token::Mark("(" | "[" | "{") => depth += 1,
            Token::Mark(")" | "]" | "}") => depth = depth.saturating_sub(1),
            Token::Name("as") if depth == 0 && number > 0 => found = Some((number, placed.start)),
            _ => {}
        }
    }
    let (number, keyword) = found?;
    let rest = tokens.get(number + 1..).filter(|rest| !rest.is_empty())?;
    let mut depth = 0_usize;
    let mut comma = None;
    let mut key = None;
    for placed in rest {
        match placed.token {
            // `(item.id)` after the names is a key.
            Token::Mark("(") if depth == 0 => {
                key = Some(placed.start);
                break;
            }
            Token::Mark("[" | "{") => depth += 1,
            Token::Mark("]" | "}") => depth = depth.saturating_sub(1),
            Token::Mark(",") if depth == 0 && comma.is_none() => comma = Some(placed.start),
            _ => {}
        }
    }
    let end = key.unwrap_or(text.len());
    let start = rest.first()?.start;
    Some((0..keyword, start..comma.unwrap_or(end), comma.map(|comma| comma + 1..end)))
}
