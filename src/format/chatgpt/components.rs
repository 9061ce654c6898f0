//! The component language of answers since July 2026, as Markdown.
//!
//! The model writes Markdown mixed with tags (`<box>`, `<Cite refs={["turn7search1"]}/>`), templates (`{#each}`, `{#if}`,
//! `{@body}`) and expressions in braces. Malformed source is normal. [`tree`] parses it, [`walk`] evaluates the templates
//! and hands the pieces to the rooms that write them, [`layout`] puts the pieces below and beside one another.
//!
//! Nothing here recurses over its input, and time and memory are proportional to it.

mod anchor;
mod block;
pub(super) mod chart;
mod control;
mod environment;
mod inline;
mod join;
mod layout;
mod lex;
mod media;
mod name;
mod piece;
mod plain;
mod run;
mod script;
mod table;
mod tree;
mod walk;
mod zones;

use crate::conversation::{FileRef, Link, Reference, Text};
use name::{Component, Folded};

/// A page on the web, as searches and components name it.
#[derive(Clone, Debug, Default)]
pub(super) struct WebPage<'a> {
    /// Its title; may be empty.
    pub(super) title: Text<'a>,
    /// A link labelled with the publisher of the page, or its host.
    pub(super) link: Link<'a>,
}

/// What the server resolved for one component.
#[derive(Clone, Debug, Default)]
pub(super) struct Resolution<'a> {
    /// The pages that it names.
    pub(super) pages: Vec<WebPage<'a>>,
}

/// What ids in components lead to.
pub(super) trait Lookup<'a> {
    /// The page with an id such as `turn7search1`, in lower case.
    fn page(&self, id: &str) -> Option<WebPage<'a>>;

    /// The file with an id such as `turn0file3`, ignoring case, or `file-…`.
    fn file(&self, id: &str) -> Option<FileRef<'a>>;

    /// The draft with this id as its user saved it.
    fn draft(&self, id: &str) -> Option<Text<'a>>;

    /// What was resolved for the component from `start` to `end`, in code points of the source.
    fn resolution(&self, start: usize, end: usize) -> Option<Resolution<'a>>;
}

/// An answer without components.
#[derive(Clone, Debug)]
pub(super) struct Expanded<'a> {
    /// Its Markdown.
    pub(super) text: String,
    /// Its references, whose places are code points of the Markdown.
    pub(super) references: Vec<Reference<'a>>,
}

/// `source` as Markdown; `None` if it holds nothing of the language. `references` count code points of `source`.
pub(super) fn expand<'a>(
    source: &str,
    references: &[Reference<'a>],
    lookup: &dyn Lookup<'a>,
) -> Option<Expanded<'a>> {
    if !may_have(source) {
        return None;
    }
    let tree = tree::tree(source)?;
    let (text, references) = walk::markdown(source, &tree, references, lookup);
    Some(Expanded { text, references })
}

/// True if `source` is written in the language, or contains `other`, which ends with a brace. For most answers this is one
/// search for two bytes.
pub(super) fn is_used_in(source: &str, other: &str) -> bool {
    debug_assert!(other.ends_with('{'));
    let mut may_be = false;
    for at in places(source) {
        let before = source.as_bytes().get(..=at).unwrap_or_default();
        if before.ends_with(other.as_bytes()) {
            return true;
        }
        may_be = may_be || may_begin_at(source, at);
    }
    may_be && tree::tree(source).is_some()
}

/// True if `source` may be written in the language.
fn may_have(source: &str) -> bool {
    places(source).any(|at| may_begin_at(source, at))
}

/// The places in `source` where a tag or an instruction of a template may begin.
fn places(source: &str) -> impl Iterator<Item = usize> {
    memchr::memchr2_iter(b'<', b'{', source.as_bytes())
}

/// True if the language may begin at this place.
fn may_begin_at(source: &str, at: usize) -> bool {
    let bytes = source.as_bytes();
    let rest = bytes.get(at + 1..).unwrap_or_default();
    let starts = |text: &[u8]| rest.starts_with(text);
    if bytes.get(at) == Some(&b'{') {
        return starts(b"@body") || starts(b"#each");
    }
    let length = rest.iter().take(40).take_while(|&&byte| lex::is_name(byte)).count();
    let name = source.get(at + 1..at + 1 + length).filter(|name| !name.is_empty());
    let folded = name.and_then(Folded::of);
    folded.is_some_and(|folded| Component::known(folded.as_str()).is_some())
}

#[cfg(test)]
mod tests;
