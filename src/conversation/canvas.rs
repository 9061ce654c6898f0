//! Canvas documents replayed: what each step made of the document, and what it was in the end.
//!
//! The export holds no document, only the calls that made it. A call creates it, or edits it by Python regular
//! expressions; the usual one is `.*`, which means "all of it". Other edits are applied where the expression means
//! exactly the same here as in Python, and are said to be not applied where it does not.

mod pattern;
mod template;

use super::thread::Threads;
use super::tree::NodeId;
use super::{CanvasAction, CanvasEdit, CanvasStep, Conversation, Part, Visibility};
use pattern::Edit;
use std::borrow::Cow;
use std::collections::HashMap;

/// What a canvas step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The document's whole text after the step.
    Text(String),
    /// The edits can't be applied exactly; the reason in a few words.
    NotApplied(&'static str),
}

/// A step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The document's title at that time.
    pub title: String,
    /// `document`, or `code/<language>`.
    pub kind: String,
    /// The document's version after the step, counted from 1.
    pub version: u64,
    /// What it led to; `None` for a comment.
    pub outcome: Option<Outcome>,
}

/// The last version of a document on the visible thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// `document`, or `code/<language>`.
    pub kind: String,
    /// Its whole text.
    pub text: String,
}

impl Document {
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
            // Most languages are called by the extension of their files: c, go, html, java, json, sql, …
            short if short.len() <= 8 && short.bytes().all(|b| b.is_ascii_alphanumeric()) => short,
            _ => "txt",
        }
    }
}

/// All canvas documents of a conversation.
#[derive(Debug, Default)]
pub struct Canvas<'c> {
    /// What each step led to: by node, and by position of the part in its message.
    pub steps: HashMap<(NodeId, usize), Step>,
    /// The documents at the end of the visible thread, in order of creation.
    pub documents: Vec<Document>,
    pub(super) marker: std::marker::PhantomData<Cow<'c, str>>,
}

impl<'c> Canvas<'c> {
    /// Replays every canvas step of `conversation` along its line: a branch starts from the documents as they
    /// were at its fork.
    ///
    /// Linear in the messages and the texts that result: going back to a fork undoes steps one by one, and no document
    /// is ever copied for a branch.
    pub fn of(conversation: &'c Conversation<'_>, threads: &Threads) -> Self {
        let mut canvas = Self::default();
        let tree = &conversation.tree;
        let has_step = |id| steps_at(conversation, id).next().is_some();
        if !tree.ids().any(has_step) {
            return canvas;
        }
        let lines = Lines::of(threads);
        let mut desk = Desk::default();
        let mut walks = Vec::new();
        // The visible thread comes last, so that its documents are still on the desk at the end.
        for &line in lines.at_fork(None).iter().filter(|&&line| line != VISIBLE).chain(&[VISIBLE]) {
            walks.push(Walk { line, next: 0, forks: 0, undo: desk.undo.len() });
            while let Some(walk) = walks.last_mut() {
                let nodes = lines.nodes(walk.line);
                // The branches that leave after the node before this one start from what is on the desk now.
                let before = walk.next.checked_sub(1).and_then(|at| nodes.get(at)).copied();
                let forks = if before.is_some() { lines.at_fork(before) } else { &[] };
                if let Some(&line) = forks.get(walk.forks) {
                    walk.forks += 1;
                    let undo = desk.undo.len();
                    walks.push(Walk { line, next: 0, forks: 0, undo });
                } else if let Some(&id) = nodes.get(walk.next) {
                    walk.next += 1;
                    walk.forks = 0;
                    for (at, step) in steps_at(conversation, id) {
                        desk.take((id, at), step, &mut canvas.steps);
                    }
                } else {
                    if walk.line != VISIBLE {
                        desk.undo_to(walk.undo);
                    }
                    walks.pop();
                }
            }
        }
        canvas.documents = desk.documents.iter().filter_map(|sheet| sheet.document(&canvas.steps)).collect();
        canvas
    }
}

/// The shown canvas steps of a message, each with the position of its part.
fn steps_at<'t, 'a>(
    conversation: &'t Conversation<'a>,
    id: NodeId,
) -> impl Iterator<Item = (usize, &'t CanvasStep<'a>)> {
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
struct Walk {
    line: usize,
    /// Its next node.
    next: usize,
    /// How many of the branches that leave after the last node have been walked.
    forks: usize,
    /// How much could be undone when the walk began.
    undo: usize,
}

/// The lines of a conversation by the node that they leave after.
struct Lines<'t> {
    threads: &'t Threads,
    by_fork: HashMap<Option<NodeId>, Vec<usize>>,
}

impl<'t> Lines<'t> {
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

/// The place of a step: its node and the position of its part.
type Place = (NodeId, usize);

/// A document in the middle of its life. Its text is the outcome of the step that made it.
#[derive(Clone, Debug)]
struct Sheet {
    id: Option<String>,
    title: String,
    kind: String,
    version: u64,
    /// The last step whose text is known.
    text: Option<Place>,
    /// False once an edit could not be applied: the text is no longer what the edits were made for.
    exact: bool,
}

impl Sheet {
    fn document(&self, steps: &HashMap<Place, Step>) -> Option<Document> {
        let text = self.text(steps)?.to_owned();
        Some(Document { title: self.title.clone(), kind: self.kind.clone(), text })
    }

    fn text<'s>(&self, steps: &'s HashMap<Place, Step>) -> Option<&'s str> {
        match &steps.get(&self.text?)?.outcome {
            Some(Outcome::Text(text)) => Some(text),
            _ => None,
        }
    }
}

/// How to take one change back.
enum Undo {
    /// The document at this position was this.
    Restore(usize, Sheet),
    /// The last document was not there, and its id meant this one.
    Remove(Option<String>, Option<usize>),
}

/// The documents at one point of a conversation.
#[derive(Default)]
struct Desk {
    documents: Vec<Sheet>,
    by_id: HashMap<String, usize>,
    undo: Vec<Undo>,
    /// Bytes that partial edits have searched and written so far.
    work: usize,
}

impl Desk {
    fn undo_to(&mut self, len: usize) {
        while self.undo.len() > len {
            match self.undo.pop() {
                Some(Undo::Restore(at, sheet)) => {
                    if let Some(place) = self.documents.get_mut(at) {
                        *place = sheet;
                    }
                }
                Some(Undo::Remove(id, meant)) => {
                    self.documents.pop();
                    match (id, meant) {
                        (Some(id), Some(meant)) => drop(self.by_id.insert(id, meant)),
                        (Some(id), None) => drop(self.by_id.remove(&id)),
                        (None, _) => {}
                    }
                }
                None => {}
            }
        }
    }

    /// Puts a document on the desk.
    fn add(&mut self, sheet: Sheet) -> usize {
        let at = self.documents.len();
        let meant = sheet.id.clone().and_then(|id| self.by_id.insert(id, at));
        self.undo.push(Undo::Remove(sheet.id.clone(), meant));
        self.documents.push(sheet);
        at
    }

    /// The document that a step is about: by its id, else the last one.
    fn find(&self, id: Option<&str>) -> Option<usize> {
        let last = self.documents.len().checked_sub(1);
        let Some(id) = id else { return last };
        // A document whose creation nobody answered has no id: then the last one is meant.
        self.by_id
            .get(id)
            .copied()
            .or_else(|| last.filter(|&at| self.documents.get(at).is_some_and(|d| d.id.is_none())))
    }

    /// Takes one step and records what it led to.
    fn take(&mut self, place: Place, step: &CanvasStep<'_>, steps: &mut HashMap<Place, Step>) {
        let id = step.document.as_deref();
        let found = match &step.action {
            CanvasAction::Create(_) => None,
            _ => self.find(id),
        };
        let mut sheet = found.and_then(|at| self.documents.get(at)).cloned().unwrap_or_else(|| Sheet {
            id: id.map(str::to_owned),
            title: String::new(),
            kind: "document".to_owned(),
            version: 0,
            text: None,
            exact: true,
        });
        if let Some(title) = &step.title {
            sheet.title = title.to_string();
        }
        if let Some(kind) = &step.kind {
            sheet.kind = kind.to_string();
        }
        let outcome = self.outcome(step, &sheet, steps);
        match &outcome {
            Some(Outcome::Text(_)) => {
                sheet.text = Some(place);
                sheet.exact = true;
                sheet.version = sheet.version.saturating_add(1);
            }
            Some(Outcome::NotApplied(_)) if !step.failed => {
                sheet.exact = false;
                sheet.version = sheet.version.saturating_add(1);
            }
            _ => {}
        }
        sheet.version = step.version.unwrap_or(sheet.version).max(1);
        let (title, kind, version) = (sheet.title.clone(), sheet.kind.clone(), sheet.version);
        match found {
            Some(at) => {
                if let Some(current) = self.documents.get_mut(at) {
                    self.undo.push(Undo::Restore(at, std::mem::replace(current, sheet)));
                }
            }
            // A creation that failed made nothing.
            None if step.failed => {}
            None => drop(self.add(sheet)),
        }
        steps.insert(place, Step { title, kind, version, outcome });
    }

    /// What a step makes of `sheet`; `None` if it leaves the text alone.
    fn outcome(
        &mut self,
        step: &CanvasStep<'_>,
        sheet: &Sheet,
        steps: &HashMap<Place, Step>,
    ) -> Option<Outcome> {
        if step.failed {
            return match step.action {
                CanvasAction::Comment(_) => None,
                _ => Some(Outcome::NotApplied("the canvas refused it")),
            };
        }
        match &step.action {
            CanvasAction::Create(text) => Some(Outcome::Text(text.to_string())),
            CanvasAction::Update(edits) => {
                let before = if sheet.exact { sheet.text(steps) } else { None };
                Some(self.edited(before, edits).map_or_else(Outcome::NotApplied, Outcome::Text))
            }
            CanvasAction::Comment(_) => None,
            CanvasAction::Unreadable(_) => Some(Outcome::NotApplied("the call can't be read")),
        }
    }

    /// The text after `edits`; `before` is `None` if nobody knows it.
    fn edited(&mut self, before: Option<&str>, edits: &[CanvasEdit<'_>]) -> Result<String, &'static str> {
        /// What all partial edits of a conversation may search and write, in bytes.
        const BUDGET: usize = 256 << 20;
        let mut text = before.map(Cow::Borrowed);
        for edit in edits {
            if pattern::means_everything(&edit.pattern) {
                text = Some(Cow::Borrowed(edit.replacement.as_ref()));
                continue;
            }
            let old = text.ok_or("the text before it is not known")?;
            let edit = Edit::new(edit, &old)?;
            let mut left = BUDGET.saturating_sub(self.work);
            let new = edit.apply(&old, &mut left);
            self.work = BUDGET.saturating_sub(left);
            text = Some(Cow::Owned(new?));
        }
        text.map(Cow::into_owned).ok_or("the text before it is not known")
    }
}

#[cfg(test)]
mod tests;
