//! Citations and other references: spans of code points in a text become links, and leftover marks are removed.
//!
//! Positions are code points of the raw text, before anything is trimmed or cleaned. A reference whose text is not at
//! its position means the nearest occurrence of that text.

mod places;
mod spans;

use super::link::{self, Neighbours};
use crate::conversation::assistant::{AnswerText, Mark, Spacing};
use crate::conversation::tree::NodeId;
use crate::conversation::{Conversation, Link, Meaning, Reference};
use crate::markdown::code::{Code, CodeKind};
use crate::markdown::{self, Hints, Voice};
use places::{Offsets, Places};
use spans::{Fit, Spans, is_taken};
use std::borrow::Cow;
use std::ops::Range;

/// Possible targets of references and marks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Targets<'d> {
    /// The conversation, which knows its assistant's marks and its sources.
    pub(super) conversation: &'d Conversation<'d>,
    /// The message that the text belongs to.
    pub(super) message: Option<NodeId>,
    /// Files.
    pub(super) neighbours: Neighbours<'d>,
}

impl<'d> Targets<'d> {
    pub(super) fn answer<'t>(&self, text: &'t str, hints: Hints, taken: &'t [Range<usize>]) -> AnswerText<'t>
    where
        'd: 't,
    {
        AnswerText::new(text, hints, taken, &self.conversation.sources, self.message)
    }
}

/// Whether the marks of a text are substituted together with its references.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MarkSubstitution {
    /// They are substituted now.
    Now,
    /// They wait until the text is complete, or there are none.
    Later,
}

/// `text` with its references and the marks that no reference covers substituted. Time grows like n log n in the length
/// of the text and the number of references.
///
/// The result contains [`STEM`](super::STEM) only in links that were inserted. The hints returned are those of the
/// result.
pub(super) fn resolve<'p>(
    text: &'p str,
    references: &[Reference<'_>],
    hints: Hints,
    marks: MarkSubstitution,
    targets: Targets<'_>,
) -> (Cow<'p, str>, Hints) {
    let text = markdown::without_placeholder(text, hints);
    let may_be_marked = marks == MarkSubstitution::Now && targets.conversation.assistant.may_mark(hints);
    if references.is_empty() && !may_be_marked {
        return (text, hints);
    }
    let mut spans = Spans::default();
    if !references.is_empty() {
        referenced(&text, references, targets, &mut spans);
        spans.separate();
    }
    if may_be_marked {
        add_marks(&text, hints, targets, &mut spans);
    }
    if spans.is_empty() {
        return (text, hints);
    }
    let hints = hints | Hints::of(spans.replacements());
    (Cow::Owned(spans.apply(&text)), hints)
}

/// `text`, whose references are already substituted, with its marks substituted; `None` if it has none.
pub(super) fn marked(text: &str, hints: Hints, targets: Targets<'_>) -> Option<String> {
    if !targets.conversation.assistant.may_mark(hints) {
        return None;
    }
    let mut spans = Spans::default();
    add_marks(text, hints, targets, &mut spans);
    (!spans.is_empty()).then(|| spans.apply(text))
}

/// Adds the marks of `text` that no span covers to `spans`, which stay in order. Code is left unchanged.
fn add_marks(text: &str, hints: Hints, targets: Targets<'_>, spans: &mut Spans) {
    let taken: Vec<_> = spans.ranges().collect();
    let answer = targets.answer(text, hints, &taken);
    let mut found = Spans::default();
    targets.conversation.assistant.marks(&answer, &mut |mark: Mark<'_>| {
        if !is_taken(&mark.range, &taken) {
            add(&mut found, mark.range, mark.spacing, &mark.meaning, targets);
        }
    });
    if found.is_empty() {
        return;
    }
    let mut code = Code::of(text, Voice::Markdown);
    found.retain(|range, spacing| match code.at(range.start) {
        None => true,
        Some(CodeKind::Block) => false,
        // In code spans, only marks written by a machine count.
        Some(CodeKind::Span) => spacing == Spacing::Mark,
    });
    if !found.is_empty() {
        spans.append(found);
        spans.separate();
    }
}

/// Adds spans for all references that can be located in `text`.
fn referenced(text: &str, references: &[Reference<'_>], targets: Targets<'_>, spans: &mut Spans) {
    let offsets = Offsets::of(text, references);
    spans.reserve(references.len());
    let mut displaced = Vec::new();
    for reference in references.iter().filter(|reference| !reference.matched.trim().is_empty()) {
        let (start, end) = (offsets.byte(reference.start), offsets.byte(reference.end));
        if text.get(start..end) == Some(reference.matched.as_ref()) {
            add(spans, start..end, Spacing::Mark, &reference.meaning, targets);
        } else {
            displaced.push((start, reference));
        }
    }
    if displaced.is_empty() {
        return;
    }
    let claimed = spans.ranges().map(|range| range.start).collect();
    let mut places = Places::new(text, claimed);
    for (wanted, reference) in displaced {
        if let Some(start) = places.claim(&reference.matched, wanted) {
            let range = start..start + reference.matched.len();
            add(spans, range, Spacing::Mark, &reference.meaning, targets);
        }
    }
}

/// Adds a span that shows `meaning`.
fn add(spans: &mut Spans, range: Range<usize>, spacing: Spacing, shown: &Meaning<'_>, targets: Targets<'_>) {
    let fit = match (shown, spacing) {
        (Meaning::Block(_), _) => Fit::Block,
        (Meaning::Markdown(text), Spacing::Mark) if text.trim().contains('\n') => Fit::Block,
        (Meaning::Markdown(text), Spacing::Mark) if text.ends_with('\n') => Fit::Line,
        (_, Spacing::Mark) => Fit::Mark,
        (_, Spacing::Exact) => Fit::Exact,
    };
    spans.add(range, fit, |out| meaning(shown, targets, out));
}

/// Writes the replacement for a reference.
fn meaning(meaning: &Meaning<'_>, targets: Targets<'_>, out: &mut String) {
    match meaning {
        Meaning::Nothing => {}
        Meaning::Citation(links) => citation(links.iter(), out),
        Meaning::Markdown(text) | Meaning::Block(text) => {
            out.push_str(&markdown::without_placeholder(text.trim(), Hints::of(text)));
        }
        Meaning::Plain(text) => out.push_str(&markdown::sentence(text)),
        Meaning::Links(links) => join(links.iter(), out),
        Meaning::File(file) => {
            let name = targets.neighbours.name(file);
            let label = markdown::label(&name);
            let address = targets.neighbours.file(file);
            if address.is_none() && label.is_empty() {
                return;
            }
            out.push('(');
            match address {
                Some(address) => markdown::link(&label, &address, out),
                None => out.push_str(&label),
            }
            out.push(')');
        }
        Meaning::FileLink { label, file, embedded } => {
            if let Some(address) = targets.neighbours.file(file) {
                out.push_str(if *embedded { "!" } else { "" });
                markdown::link(label, &address, out);
                return;
            }
            if label.is_empty() {
                let path = markdown::percent_decode(&file.id);
                out.push_str(&markdown::label(path.rsplit('/').next().unwrap_or_default()));
            } else {
                out.push_str(label);
            }
            out.push_str(" *(file not in export)*");
        }
    }
}

/// Writes `links` in parentheses, if there are any.
fn citation<'l>(links: impl Iterator<Item = &'l Link<'l>>, out: &mut String) {
    let before = out.len();
    out.push('(');
    let begin = out.len();
    join(links, out);
    if out.len() == begin {
        out.truncate(before);
    } else {
        out.push(')');
    }
}

/// Writes `links` with commas between them.
fn join<'l>(links: impl Iterator<Item = &'l Link<'l>>, out: &mut String) {
    let begin = out.len();
    for link in links.filter(|link| !link::is_empty(link)) {
        if out.len() > begin {
            out.push_str(", ");
        }
        markdown::external(&link.label, &link.url, out);
    }
}

#[cfg(test)]
mod tests;
