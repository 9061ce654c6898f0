//! What differs between assistants: their names, their addresses, and what they write besides Markdown.
//!
//! Each format implements [`Assistant`] for its vendor, so that the renderer needs to know none. The renderer asks it
//! for the substitutions in an answer and makes them.

use super::tree::NodeId;
use super::{Conversation, Link, Meaning};
use crate::markdown::{self, Hints};
use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// The assistant that a conversation was held with.
pub trait Assistant: fmt::Debug + Sync {
    /// Its name, as turn headings show it.
    fn name(&self) -> &'static str;

    /// Where its vendor shows `conversation`; `None` if nowhere.
    fn address(&self, conversation: &Conversation<'_>) -> Option<String> {
        let _ = conversation;
        None
    }

    /// A title, or the name of a file or GPT, without the marks that the vendor adds for its own client.
    fn plain_name<'t>(&self, name: &'t str) -> Cow<'t, str> {
        Cow::Borrowed(name)
    }

    /// True if [`marks`](Self::marks) may find something in an answer with these hints. Cheap.
    fn may_mark(&self, hints: Hints) -> bool {
        let _ = hints;
        false
    }

    /// Passes to `found` each place in an answer that stands for something else and that no reference covers. They
    /// may overlap and need no order. The caller ignores those in code.
    fn marks<'t>(&self, answer: &AnswerText<'t>, found: &mut dyn FnMut(Mark<'t>)) {
        let _ = (answer, found);
    }

    /// Passes to `found` the id of each file that an answer's text links to.
    fn linked_files<'t>(&self, text: &'t str, found: &mut dyn FnMut(&'t str)) {
        let _ = (text, found);
    }

    /// True if `text`, an answer, may be written in a notation of the vendor's beyond Markdown. Cheap for most answers.
    fn has_notation(&self, text: &str, hints: Hints) -> bool {
        let _ = (text, hints);
        false
    }

    /// The Markdown that an answer in such a notation means; `None` if it is Markdown already.
    fn notation(&self, answer: &AnswerText<'_>) -> Option<String> {
        let _ = answer;
        None
    }
}

/// An answer, and what may help to understand it.
#[derive(Debug)]
pub struct AnswerText<'t> {
    /// Its text.
    pub text: &'t str,
    /// Which rare bytes the text has.
    pub hints: Hints,
    /// The byte ranges that references cover already, ascending and apart.
    pub taken: &'t [Range<usize>],
    /// The pages that it may name by id.
    pub sources: &'t Sources<'t>,
    /// The message it belongs to, if it is one's.
    pub message: Option<NodeId>,
    /// How much longer the pages that it names may make it, in bytes.
    growth: Cell<usize>,
}

impl<'t> AnswerText<'t> {
    /// `text` in `message`, in which references cover `taken`.
    pub fn new(
        text: &'t str,
        hints: Hints,
        taken: &'t [Range<usize>],
        sources: &'t Sources<'t>,
        message: Option<NodeId>,
    ) -> Self {
        let growth = Cell::new(markdown::most_growth(text));
        Self { text, hints, taken, sources, message, growth }
    }

    /// The page that `id` names in this answer. A few bytes can name a page with an arbitrarily long address, so nothing is
    /// found once the pages named so far have outgrown the answer.
    pub fn source(&self, id: &str) -> Option<&'t Link<'t>> {
        let page = self.sources.find(id, self.message)?;
        let left = self.growth.get().checked_sub(page.url.len().saturating_add(page.label.len()))?;
        self.growth.set(left);
        Some(page)
    }
}

/// A place in a text that stands for something else.
#[derive(Clone, Debug)]
pub struct Mark<'t> {
    /// Where it is, in bytes.
    pub range: Range<usize>,
    /// What to show instead.
    pub meaning: Meaning<'t>,
    /// How to treat the blanks around it.
    pub spacing: Spacing,
}

/// How a replacement fits into its sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spacing {
    /// It was written by a machine: the blanks around it are adjusted.
    Mark,
    /// It is part of the text: blanks are kept.
    Exact,
}

/// Web pages that answers name by id only, such as `turn0search3`.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    pages: Vec<Link<'a>>,
    /// The first page with each id, by position.
    by_id: HashMap<Box<str>, usize>,
    /// The first page that a message, and the messages of a turn, call by the id of this first page.
    by_message: HashMap<(usize, NodeId), usize>,
    by_turn: HashMap<(usize, NodeId), usize>,
    /// For each node the first node of its turn.
    turns: Vec<NodeId>,
}

impl<'a> Sources<'a> {
    /// No sources yet, in a tree whose node `n` belongs to the turn that begins with `turns[n]`.
    pub fn new(turns: Vec<NodeId>) -> Self {
        Self { turns, ..Self::default() }
    }

    /// Adds the page that `message` calls `id`. The first of a message stays.
    pub fn add(&mut self, id: &str, message: NodeId, page: Link<'a>) {
        let at = self.pages.len();
        let first = *self.by_id.entry(id.to_ascii_lowercase().into()).or_insert(at);
        if *self.by_message.entry((first, message)).or_insert(at) == at {
            self.pages.push(page);
            if let Some(&turn) = self.turns.get(message.0 as usize) {
                self.by_turn.entry((first, turn)).or_insert(at);
            }
        }
    }

    /// The page named `id`, ignoring case: that of the same message, else of the same turn, else the first of the
    /// conversation.
    pub fn find(&self, id: &str, message: Option<NodeId>) -> Option<&Link<'a>> {
        if self.by_id.is_empty() {
            return None;
        }
        let &first = self.by_id.get(id.to_ascii_lowercase().as_str())?;
        let own = || self.by_message.get(&(first, message?));
        let near = || self.by_turn.get(&(first, *self.turns.get(message?.0 as usize)?));
        self.pages.get(own().or_else(near).copied().unwrap_or(first))
    }

    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }
}

/// For conversations that don't say who answers.
#[derive(Debug)]
struct Unnamed;

impl Assistant for Unnamed {
    fn name(&self) -> &'static str {
        "Assistant"
    }
}

impl Default for &'static dyn Assistant {
    fn default() -> Self {
        &Unnamed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(url: &'static str) -> Link<'static> {
        Link { url: url.into(), ..Link::default() }
    }

    #[test]
    fn the_nearest_source_of_an_id_is_meant() {
        // Two turns of two messages each: 0, 1 and 2, 3.
        let mut sources = Sources::new([0, 0, 2, 2].map(NodeId).into());
        sources.add("turn0search0", NodeId(0), page("first"));
        sources.add("Turn0Search0", NodeId(2), page("second"));
        sources.add("turn0search0", NodeId(2), page("late"));
        let found =
            |id, message: Option<u32>| sources.find(id, message.map(NodeId)).map(|page| page.url.as_ref());
        assert_eq!(found("TURN0search0", Some(2)), Some("second"), "its own");
        assert_eq!(found("turn0search0", Some(3)), Some("second"), "its turn's");
        assert_eq!(found("turn0search0", Some(9)), Some("first"), "the conversation's");
        assert_eq!(found("turn0search0", None), Some("first"));
        assert_eq!(found("turn0search1", Some(0)), None);
    }
}
