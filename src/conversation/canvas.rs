//! Canvas documents replayed: what each step made of the document, and what it was in the end.
//!
//! The export holds no document, only the calls that made it. A call creates it, or edits it by Python regular
//! expressions; the usual one is `.*`, which replaces all of it. Other edits are applied where the expression means
//! exactly the same here as in Python, and where that is affordable. All others are shown as edits.

mod pattern;
mod template;

use super::thread::Threads;
use super::tree::NodeId;
use super::{CanvasAction, CanvasEdit, CanvasStep, Conversation, Part, Visibility};
use pattern::{CompiledEdit, EditBudget};
use std::borrow::Cow;
use std::collections::HashMap;

/// What a canvas step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CanvasOutcome<'c> {
    /// The document's whole text after the step.
    Text(Cow<'c, str>),
    /// The edits can't be applied exactly; the reason in a few words.
    NotApplied(&'static str),
}

/// A step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanvasVersion<'c> {
    /// The document's title at that time.
    pub title: &'c str,
    /// `document`, or `code/<language>`.
    pub kind: &'c str,
    /// The document's version after the step, counted from 1.
    pub version: u64,
    /// What it led to; `None` for a comment.
    pub outcome: Option<CanvasOutcome<'c>>,
}

/// The last version of a document on the visible thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CanvasDocument<'c> {
    /// Its title.
    pub title: &'c str,
    /// `document`, or `code/<language>`.
    pub kind: &'c str,
    /// Its whole text.
    pub text: Cow<'c, str>,
}

impl CanvasDocument<'_> {
    /// The text as a file: with a line break at its end.
    pub fn file_text(&self) -> Cow<'_, str> {
        if self.text.is_empty() || self.text.ends_with('\n') {
            Cow::Borrowed(&self.text)
        } else {
            Cow::Owned(format!("{}\n", self.text))
        }
    }

    /// The extension of its file, without the dot.
    pub fn extension(&self) -> &str {
        let Some(language) = self.kind.strip_prefix("code/") else { return "md" };
        match language {
            "python" => "py",
            "javascript" => "js",
            "typescript" => "ts",
            "react" | "jsx" => "jsx",
            "tsx" => "tsx",
            "bash" | "sh" | "shell" | "zsh" => "sh",
            "powershell" => "ps1",
            "markdown" => "md",
            "c++" | "cpp" => "cpp",
            "c#" | "csharp" | "cs" => "cs",
            "f#" | "fsharp" => "fs",
            "objective-c" | "objectivec" | "matlab" => "m",
            "rust" => "rs",
            "ruby" => "rb",
            "perl" => "pl",
            "kotlin" => "kt",
            "haskell" => "hs",
            "julia" => "jl",
            "fortran" => "f90",
            "latex" => "tex",
            "yaml" => "yaml",
            "elixir" => "ex",
            "erlang" => "erl",
            "clojure" => "clj",
            "visualbasic" | "vb" => "vb",
            "assembly" => "asm",
            "dockerfile" => "dockerfile",
            "plaintext" | "text" | "" => "txt",
            // Most languages are named like the extension of their files: c, go, html, java, json, sql, …
            short if short.len() <= 8 && short.bytes().all(|b| b.is_ascii_alphanumeric()) => short,
            _ => "txt",
        }
    }
}

/// All canvas documents of a conversation.
#[derive(Debug, Default)]
pub struct Canvas<'c> {
    /// What each step led to.
    pub steps: HashMap<StepId, CanvasVersion<'c>>,
    /// The documents at the end of the visible thread, in order of creation.
    pub documents: Vec<CanvasDocument<'c>>,
}

/// A step: its node, and the position of the part in its message.
pub(crate) type StepId = (NodeId, usize);

impl<'c> Canvas<'c> {
    /// Replays every canvas step of `conversation` along its line: a branch starts from the documents as they
    /// were at its fork.
    ///
    /// Linear in the messages and the texts that result: going back to a fork undoes steps one by one, and no document
    /// is copied for a branch. What partial edits may search and write is bounded for the whole conversation.
    pub fn of(conversation: &'c Conversation<'_>, threads: &Threads) -> Self {
        let mut canvas = Self::default();
        let tree = &conversation.tree;
        let has_step = |id| steps_at(conversation, id).next().is_some();
        if !tree.ids().any(has_step) {
            return canvas;
        }
        let lines = LinesByFork::of(threads);
        let mut workspace = Workspace::default();
        let mut walks = Vec::new();
        // The visible thread comes last, so that its documents are the open ones at the end.
        for &line in lines.at_fork(None).iter().filter(|&&line| line != VISIBLE).chain(&[VISIBLE]) {
            walks.push(LineWalk { line, next: 0, forks: 0, undo: workspace.undo.len() });
            while let Some(walk) = walks.last_mut() {
                let nodes = lines.nodes(walk.line);
                // Branches that leave after the previous node start from the current documents.
                let before = walk.next.checked_sub(1).and_then(|at| nodes.get(at)).copied();
                let forks = if before.is_some() { lines.at_fork(before) } else { &[] };
                if let Some(&line) = forks.get(walk.forks) {
                    walk.forks += 1;
                    let undo = workspace.undo.len();
                    walks.push(LineWalk { line, next: 0, forks: 0, undo });
                } else if let Some(&id) = nodes.get(walk.next) {
                    walk.next += 1;
                    walk.forks = 0;
                    for (at, step) in steps_at(conversation, id) {
                        workspace.take((id, at), step, &mut canvas.steps);
                    }
                } else {
                    if walk.line != VISIBLE {
                        workspace.undo_to(walk.undo);
                    }
                    walks.pop();
                }
            }
        }
        canvas.documents =
            workspace.documents.iter().filter_map(|draft| draft.document(&canvas.steps)).collect();
        canvas
    }
}

/// The shown canvas steps of a message, each with the position of its part.
fn steps_at<'c>(
    conversation: &'c Conversation<'_>,
    id: NodeId,
) -> impl Iterator<Item = (usize, &'c CanvasStep<'c>)> {
    let message = conversation.tree.message(id).filter(|m| m.visibility == Visibility::Shown);
    let parts = message.into_iter().flat_map(|message| message.parts.iter().enumerate());
    parts.filter_map(|(at, part)| match part {
        Part::Canvas(step) => Some((at, step)),
        _ => None,
    })
}

/// The line that is the visible thread; the branches follow.
const VISIBLE: usize = 0;

/// A line that is being walked.
struct LineWalk {
    line: usize,
    /// Its next node.
    next: usize,
    /// How many of the branches that leave after the previous node have been walked.
    forks: usize,
    /// The length of the undo list when the walk began.
    undo: usize,
}

/// The lines of a conversation by the node that they leave after.
struct LinesByFork<'t> {
    threads: &'t Threads,
    by_fork: HashMap<Option<NodeId>, Vec<usize>>,
}

impl<'t> LinesByFork<'t> {
    fn of(threads: &'t Threads) -> Self {
        let mut by_fork: HashMap<_, Vec<_>> = HashMap::new();
        for (line, branch) in (1..).zip(&threads.branches) {
            by_fork.entry(branch.fork).or_default().push(line);
        }
        Self { threads, by_fork }
    }

    fn at_fork(&self, fork: Option<NodeId>) -> &[usize] {
        self.by_fork.get(&fork).map_or(&[], Vec::as_slice)
    }

    fn nodes(&self, line: usize) -> &'t [NodeId] {
        match line.checked_sub(1) {
            None => &self.threads.visible,
            Some(branch) => self.threads.branches.get(branch).map_or(&[], |branch| &branch.nodes),
        }
    }
}

type Steps<'c> = HashMap<StepId, CanvasVersion<'c>>;

/// A document between two steps. Its text is the outcome of the step that made it.
#[derive(Clone, Copy, Debug)]
struct CanvasDraft<'c> {
    id: Option<&'c str>,
    title: &'c str,
    kind: &'c str,
    version: u64,
    /// The last step whose text is known.
    text: Option<StepId>,
    /// False once an edit could not be applied: the text is no longer what the edits were made for.
    exact: bool,
}

impl<'c> CanvasDraft<'c> {
    fn document(&self, steps: &Steps<'c>) -> Option<CanvasDocument<'c>> {
        let text = self.text(steps)?.clone();
        Some(CanvasDocument { title: self.title, kind: self.kind, text })
    }

    fn text<'s>(&self, steps: &'s Steps<'c>) -> Option<&'s Cow<'c, str>> {
        match &steps.get(&self.text?)?.outcome {
            Some(CanvasOutcome::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// How to undo one change.
enum Undo<'c> {
    /// The document at this position was this.
    Restore(usize, CanvasDraft<'c>),
    /// The last document did not exist, and its id meant this one.
    Remove(Option<&'c str>, Option<usize>),
}

/// The documents at one point of a conversation.
#[derive(Default)]
struct Workspace<'c> {
    documents: Vec<CanvasDraft<'c>>,
    by_id: HashMap<&'c str, usize>,
    undo: Vec<Undo<'c>>,
    budget: EditBudget,
}

impl<'c> Workspace<'c> {
    fn undo_to(&mut self, len: usize) {
        while self.undo.len() > len {
            match self.undo.pop() {
                Some(Undo::Restore(at, draft)) => {
                    if let Some(current) = self.documents.get_mut(at) {
                        *current = draft;
                    }
                }
                Some(Undo::Remove(id, meant)) => {
                    self.documents.pop();
                    match (id, meant) {
                        (Some(id), Some(meant)) => drop(self.by_id.insert(id, meant)),
                        (Some(id), None) => drop(self.by_id.remove(id)),
                        (None, _) => {}
                    }
                }
                None => {}
            }
        }
    }

    fn add(&mut self, draft: CanvasDraft<'c>) {
        let at = self.documents.len();
        let meant = draft.id.and_then(|id| self.by_id.insert(id, at));
        self.undo.push(Undo::Remove(draft.id, meant));
        self.documents.push(draft);
    }

    /// The document that a step is about: by its id, else the last one.
    fn find(&self, id: Option<&str>) -> Option<usize> {
        let last = self.documents.len().checked_sub(1);
        let Some(id) = id else { return last };
        // A document whose creation was not answered has no id: then the last one is meant.
        self.by_id
            .get(id)
            .copied()
            .or_else(|| last.filter(|&at| self.documents.get(at).is_some_and(|d| d.id.is_none())))
    }

    /// Takes one step and records what it led to.
    fn take(&mut self, step_id: StepId, step: &'c CanvasStep<'c>, steps: &mut Steps<'c>) {
        let id = step.document.as_deref();
        let found = match &step.action {
            CanvasAction::Create(_) => None,
            _ => self.find(id),
        };
        let mut draft = found.and_then(|at| self.documents.get(at)).copied().unwrap_or(CanvasDraft {
            id,
            title: "",
            kind: "document",
            version: 0,
            text: None,
            exact: true,
        });
        if let Some(title) = &step.title {
            draft.title = title;
        }
        if let Some(kind) = &step.kind {
            draft.kind = kind;
        }
        let outcome = self.outcome(step, &draft, steps);
        match &outcome {
            Some(CanvasOutcome::Text(_)) => {
                draft.text = Some(step_id);
                draft.exact = true;
                draft.version = draft.version.saturating_add(1);
            }
            Some(CanvasOutcome::NotApplied(_)) if !step.failed => {
                draft.exact = false;
                draft.version = draft.version.saturating_add(1);
            }
            _ => {}
        }
        draft.version = step.version.unwrap_or(draft.version).max(1);
        match found.and_then(|at| Some((at, self.documents.get_mut(at)?))) {
            Some((at, current)) => self.undo.push(Undo::Restore(at, std::mem::replace(current, draft))),
            // A creation that failed made nothing.
            None if step.failed => {}
            None => self.add(draft),
        }
        let CanvasDraft { title, kind, version, .. } = draft;
        steps.insert(step_id, CanvasVersion { title, kind, version, outcome });
    }

    /// What a step makes of `draft`; `None` if it leaves the text alone.
    fn outcome(
        &mut self,
        step: &'c CanvasStep<'c>,
        draft: &CanvasDraft<'c>,
        steps: &Steps<'c>,
    ) -> Option<CanvasOutcome<'c>> {
        if step.failed {
            return match step.action {
                CanvasAction::Comment(_) => None,
                _ => Some(CanvasOutcome::NotApplied("the canvas refused it")),
            };
        }
        match &step.action {
            CanvasAction::Create(text) => Some(CanvasOutcome::Text(Cow::Borrowed(text))),
            CanvasAction::Update(edits) => {
                let before = draft.text(steps).filter(|_| draft.exact);
                let after = edited(before.map(AsRef::as_ref), edits, &mut self.budget);
                Some(after.map_or_else(CanvasOutcome::NotApplied, CanvasOutcome::Text))
            }
            CanvasAction::Comment(_) => None,
            CanvasAction::Unreadable(_) => Some(CanvasOutcome::NotApplied("the call can't be read")),
        }
    }
}

/// The text after `edits`; `before` is `None` if it is not known.
fn edited<'c>(
    before: Option<&str>,
    edits: &'c [CanvasEdit<'c>],
    budget: &mut EditBudget,
) -> Result<Cow<'c, str>, &'static str> {
    const UNKNOWN: &str = "the text before it is not known";
    // What precedes a replacement of everything does not matter.
    let rewrite = edits.iter().rposition(|edit| pattern::means_everything(&edit.pattern));
    let (mut text, rest) = match rewrite {
        Some(at) => {
            let whole = edits.get(at).map(|edit| Cow::Borrowed(edit.replacement.as_ref()));
            (whole, edits.get(at + 1..).unwrap_or_default())
        }
        None => (None, edits),
    };
    for edit in rest {
        let old = text.as_deref().or(before).ok_or(UNKNOWN)?;
        text = Some(Cow::Owned(CompiledEdit::new(edit, old, budget)?.apply(old, budget)?));
    }
    match (text, before) {
        (Some(text), _) => Ok(text),
        (None, Some(before)) => {
            budget.write(before.len())?;
            Ok(Cow::Owned(before.to_owned()))
        }
        (None, None) => Err(UNKNOWN),
    }
}

#[cfg(test)]
mod tests;
