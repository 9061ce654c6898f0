//! Pages: title, turns, forks, and the order of everything.

use super::link::Neighbours;
use super::reference::{self, MarkSubstitution, Targets};
use super::{Document, Options, STEM, Sink, Speech, SpeechKind, Thinking, front_matter, link, shortened};
use crate::catalog::{AssetContent, Page};
use crate::conversation::canvas::{CanvasDocument, CanvasOutcome, CanvasVersion};
use crate::conversation::thread::{Branch, Turns};
use crate::conversation::tree::NodeId;
use crate::conversation::{Cut, Link, Message, Part, Prose, Role, Thought, Visibility};
use crate::markdown::{self, Headings, Hints, Math, TextFrame, Voice};
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt::{self, Write as _};

/// Writes one page.
pub(super) fn page(
    document: &Document<'_>,
    page: Page,
    options: &Options,
    out: &mut dyn Sink,
) -> fmt::Result {
    match page {
        Page::Thread => PageWriter::new(document, page, options, out).page(&document.threads.visible, None),
        Page::Branch(number) => match branch(document, number) {
            Some(branch) => PageWriter::new(document, page, options, out).page(&branch.nodes, Some(branch)),
            None => Ok(()),
        },
        Page::Canvas(position) => canvas(document, position, out),
        // They are taken from the other pages.
        Page::Prompts => Ok(()),
    }
}

fn branch<'d>(document: &'d Document<'_>, number: u32) -> Option<&'d Branch> {
    let branches = &document.threads.branches;
    let at = branches.binary_search_by_key(&number, |branch| branch.number).ok()?;
    branches.get(at)
}

/// Writes the last version of the canvas document at `position` among the files.
fn canvas(document: &Document<'_>, position: u32, out: &mut dyn Sink) -> fmt::Result {
    match canvases(document).find(|(at, _)| *at == position as usize) {
        Some((_, canvas)) => out.take(&canvas_page(canvas), false),
        None => Ok(()),
    }
}

/// The texts of all canvas documents that are files.
pub(super) fn canvas_texts(document: &Document<'_>) -> impl Iterator<Item = String> {
    canvases(document).map(|(_, canvas)| canvas_page(canvas))
}

/// The canvas documents that are files, each with its position among the files.
fn canvases<'d>(document: &'d Document<'_>) -> impl Iterator<Item = (usize, &'d CanvasDocument<'d>)> {
    let files = document.files.files.iter().enumerate();
    let places = files.filter(|(_, file)| matches!(file.content, AssetContent::Canvas(_))).map(|(at, _)| at);
    places.zip(&document.canvas.documents)
}

fn canvas_page(canvas: &CanvasDocument<'_>) -> String {
    canvas.file_text().replace(STEM, "\u{fffd}")
}

/// Bytes to buffer before handing them on: few enough that they are still in the L1 cache.
const PIECE: usize = 4 << 10;

/// Largest buffer to keep for reuse, in bytes.
const KEPT: usize = 256 << 10;

thread_local! {
    /// The buffer of the last page written by this thread: most pages are small, and growing a new buffer for each
    /// costs as much as filling it.
    static BUFFER: Cell<String> = const { Cell::new(String::new()) };
}

/// Writes a page block by block. Each block begins in the first column after a blank line, and ends without a line end.
pub(super) struct PageWriter<'d, 'o> {
    pub(super) document: &'d Document<'d>,
    pub(super) options: &'d Options,
    pub(super) neighbours: Neighbours<'d>,
    out: &'o mut dyn Sink,
    pub(super) buffer: String,
    /// The buffer contains the page's own name outside links to files.
    names_itself: bool,
    /// The marker of the list that the last block ends in.
    list: Option<char>,
    /// Thinking that later thoughts may join.
    thoughts: Vec<&'d Thought<'d>>,
    /// An answer that was cut and continues in the next message.
    cut: Option<CutProse<'d>>,
    /// How many levels the headings of the turn move down.
    shift: usize,
    /// Number of footnotes on the page so far.
    notes: usize,
    /// The message being written.
    message: Option<NodeId>,
    /// Branches to be listed before anything new begins.
    forks: Vec<u32>,
}

#[derive(Default)]
struct CutProse<'d> {
    text: String,
    footnotes: Vec<&'d Link<'d>>,
}

impl<'d, 'o> PageWriter<'d, 'o> {
    fn new<'a: 'd>(
        document: &'d Document<'a>,
        page: Page,
        options: &'d Options,
        out: &'o mut dyn Sink,
    ) -> Self {
        Self {
            document,
            options,
            neighbours: Neighbours::of(&document.files, page),
            out,
            buffer: BUFFER.take(),
            names_itself: false,
            list: None,
            thoughts: Vec::new(),
            cut: None,
            shift: 0,
            notes: 0,
            message: None,
            forks: Vec::new(),
        }
    }

    fn page(mut self, nodes: &'d [NodeId], branch: Option<&Branch>) -> fmt::Result {
        let page = branch.map_or(Page::Thread, |branch| Page::Branch(branch.number));
        front_matter::write(self.document, page, nodes, self.options, &mut self.buffer);
        self.head(nodes, branch);
        let conversation = self.document.conversation;
        let is_shown = |message: &Message<'_>| message.visibility == Visibility::Shown;
        let shows_some = || nodes.iter().any(|&id| conversation.tree.message(id).is_some_and(is_shown));
        if conversation.damage.is_none() && !shows_some() {
            self.block("*This conversation has no visible messages.*");
        }
        let mut turns = Turns::default();
        for (at, &id) in nodes.iter().enumerate() {
            if let Some(message) = conversation.tree.message(id) {
                match message.visibility {
                    Visibility::Shown => {
                        let begins_turn = turns.begins(message);
                        if begins_turn {
                            self.shift = self.shift_of(nodes.get(at..).unwrap_or_default(), turns.clone());
                        }
                        self.shown(id, message, begins_turn)?;
                    }
                    Visibility::Hidden if self.options.all => self.hidden(id, message),
                    Visibility::Hidden => {}
                }
            }
            self.forks.extend_from_slice(self.document.forks.at(Some(id)));
            self.hand_on(PIECE)?;
        }
        self.settle();
        self.buffer.push('\n');
        self.hand_on(0)?;
        if self.buffer.capacity() <= KEPT {
            BUFFER.set(self.buffer); // it is empty
        }
        Ok(())
    }

    /// How many levels the headings of the turn that begins at the first of `nodes` move down, all by the same number.
    /// A turn with a single text works that out while it is written.
    fn shift_of(&self, nodes: &[NodeId], mut turns: Turns) -> usize {
        if self.options.headings == Headings::Keep {
            return 0;
        }
        let tree = &self.document.conversation.tree;
        let messages = nodes.iter().filter_map(|&id| Some((id, tree.message(id)?)));
        let shown = messages.filter(|(_, message)| message.visibility == Visibility::Shown);
        let turn = shown.enumerate().take_while(|(at, (_, message))| *at == 0 || !turns.begins(message));
        let (mut only, mut shift) = (None, None);
        let shift_for = |text: &str| markdown::shift_for(markdown::highest_heading(text));
        for (_, (id, message)) in turn {
            self.each_text(id, message, |text| match (only, shift) {
                (None, _) => only = Some(text),
                (Some(first), None) => shift = Some(shift_for(first).max(shift_for(text))),
                (_, Some(most)) => shift = Some(shift_for(text).max(most)),
            });
        }
        shift.unwrap_or_default()
    }

    /// Passes on the texts in `message` that may have headings.
    fn each_text(&self, id: NodeId, message: &'d Message<'d>, mut take: impl FnMut(&'d str)) {
        if voice(message.role) != Voice::Markdown {
            return;
        }
        for (position, part) in message.parts.iter().enumerate() {
            match part {
                Part::Prose(prose) => take(&prose.text),
                Part::Thoughts(thoughts) if self.options.thinking != Thinking::Hide => {
                    for thought in thoughts {
                        take(&thought.content);
                    }
                }
                Part::Canvas(_) => {
                    let text = self.document.canvas.steps.get(&(id, position)).and_then(canvas_text);
                    text.into_iter().for_each(&mut take);
                }
                _ => {}
            }
        }
    }

    /// Writes the title and any notes before the first turn.
    fn head(&mut self, nodes: &[NodeId], branch: Option<&Branch>) {
        let conversation = self.document.conversation;
        let title = conversation.title.as_deref().unwrap_or_default();
        let title = if branch.is_some() { shortened(title) } else { Cow::Borrowed(title) };
        let title = markdown::label(&title);
        let title = if title.is_empty() { Cow::Borrowed("Untitled") } else { title };
        self.block("# ");
        self.buffer.push_str(&title);
        match branch {
            Some(branch) => self.way_back(&title, branch.number, nodes),
            None => self.forks.extend_from_slice(self.document.forks.at(None)),
        }
        if let Some(reason) = &conversation.damage {
            let reason = markdown::label(reason.trim_end_matches('.'));
            let what = if conversation.withheld { "not shown" } else { "damaged in the export" };
            self.block(&format!("*This conversation is {what}: {reason}.*"));
        }
    }

    fn way_back(&mut self, title: &str, number: u32, nodes: &[NodeId]) {
        self.block(&format!("*Branch {number} of "));
        markdown::link(title, &format!("../{STEM}.md"), &mut self.buffer);
        self.names_itself = true;
        let mut messages = nodes.iter().filter_map(|&id| self.document.conversation.tree.message(id));
        let began = messages.find(|message| message.visibility == Visibility::Shown).and_then(|m| m.created);
        if let Some(time) = began {
            self.buffer.push_str(", from ");
            self.buffer.push_str(&self.options.zone.minute(time));
        }
        self.buffer.push('*');
    }

    /// Hands on the buffer if it is longer than `limit` bytes.
    fn hand_on(&mut self, limit: usize) -> fmt::Result {
        if self.buffer.len() > limit {
            // Only links to branches and to files contain the page's own name.
            let names_itself = std::mem::take(&mut self.names_itself);
            debug_assert!(self.buffer.starts_with(['\n', '-']), "a line in two pieces: {}", self.buffer);
            self.out.take(&self.buffer, names_itself || self.has_files())?;
            self.buffer.clear();
        }
        Ok(())
    }

    fn has_files(&self) -> bool {
        !self.document.files.files.is_empty()
    }

    /// Records that the next block is `speech`, or part of the frame.
    fn speech(&mut self, speech: Option<(Role, SpeechKind)>) {
        let speech = speech.map(|(role, kind)| Speech { role, kind });
        self.out.section(self.buffer.len(), speech);
    }

    /// Records the fences in the prose written from `start` on.
    fn fences_since(&mut self, start: usize, role: Role, voice: Voice) {
        if self.out.wants_sections() {
            let prose = self.buffer.get(start..).unwrap_or_default();
            for code in markdown::fenced_ranges(prose, voice) {
                for (at, kind) in [(code.start, SpeechKind::Code), (code.end, SpeechKind::Text)] {
                    self.out.section(start.saturating_add(at), Some(Speech { role, kind }));
                }
            }
        }
    }

    /// Begins a block with `text`, which must already be escaped.
    pub(super) fn block(&mut self, text: &str) {
        self.list = None;
        self.buffer.push_str("\n\n");
        self.buffer.push_str(text);
    }

    fn shown(&mut self, id: NodeId, message: &'d Message<'d>, begins_turn: bool) -> fmt::Result {
        let goes_on = match message.parts.first() {
            Some(Part::Prose(_)) => self.cut.is_some(),
            Some(Part::Thoughts(_) | Part::Recap { .. }) => !self.thoughts.is_empty(),
            _ => false,
        };
        if begins_turn || !goes_on {
            self.settle();
        }
        let start = self.buffer.len();
        if begins_turn {
            self.heading(message);
        }
        self.message(id, message);
        if message.role != Role::User {
            return Ok(());
        }
        self.settle_text();
        let names_itself = self.names_itself || self.has_files();
        self.out.prompt(self.buffer.get(start..).unwrap_or_default(), names_itself)
    }

    fn heading(&mut self, message: &Message<'_>) {
        self.speech(None);
        if message.role == Role::User {
            self.block("## User");
        } else {
            self.block("## ");
            self.buffer.push_str(self.document.conversation.assistant.name());
        }
        let name = message.name.as_deref().filter(|_| matches!(message.role, Role::User | Role::Assistant));
        if let Some(name) = name.map(shortened) {
            let name = markdown::label(&name);
            if !name.is_empty() {
                let _ = write!(self.buffer, " ({name})");
            }
        }
        if let Some(time) = message.created.filter(|_| self.options.times) {
            self.buffer.push_str(" · ");
            self.buffer.push_str(&self.options.zone.minute(time));
        }
    }

    /// Shows a hidden message in a closed `<details>`.
    fn hidden(&mut self, id: NodeId, message: &'d Message<'d>) {
        self.settle();
        let role = match message.role {
            Role::User => "user",
            Role::Assistant => "assistant",
            Role::Tool => "tool",
            Role::System => "system",
        };
        let mut summary = role.to_owned();
        for (before, name) in [(": ", &message.name), (" → ", &message.recipient)] {
            if let Some(name) = name.as_deref().filter(|name| !name.is_empty()) {
                summary.push_str(before);
                summary.push_str(&markdown::html(name));
            }
        }
        self.speech(None);
        self.fold(&summary, |writer| {
            writer.message(id, message);
            writer.settle_text();
            writer.speech(None);
        });
    }

    /// Writes a closed `<details>` around what `inside` writes, or nothing if that is empty. `summary` is HTML.
    fn fold(&mut self, summary: &str, inside: impl FnOnce(&mut Self)) {
        let (begin, list) = (self.buffer.len(), self.list);
        self.block("<details>\n<summary>");
        self.buffer.push_str(summary);
        self.buffer.push_str("</summary>");
        let empty = self.buffer.len();
        inside(self);
        if self.buffer.len() > empty {
            self.block("</details>");
        } else {
            self.buffer.truncate(begin);
            self.list = list;
        }
    }

    fn message(&mut self, id: NodeId, message: &'d Message<'d>) {
        self.message = Some(id);
        let voice = voice(message.role);
        let mut parts = message.parts.as_slice();
        let mut position = 0;
        while let Some((part, rest)) = parts.split_first() {
            let taken = match part {
                Part::Thoughts(thoughts) => {
                    self.think(thoughts);
                    1
                }
                Part::Recap { seconds, text } => {
                    self.recap(*seconds, text);
                    1
                }
                Part::Prose(prose) => {
                    self.settle_thoughts();
                    let cut = message.cut == Some(Cut::Length) && rest.is_empty() && voice == Voice::Markdown;
                    self.prose(prose, message.role, cut);
                    1
                }
                _ => {
                    self.settle_text();
                    self.speech(Some((message.role, SpeechKind::of(part))));
                    self.part(id, position, parts)
                }
            };
            position += taken;
            parts = parts.get(taken..).unwrap_or_default();
        }
        if message.cut == Some(Cut::Stopped) {
            self.settle_text();
            self.speech(None);
            self.block("*[stopped]*");
        }
    }

    fn prose(&mut self, prose: &'d Prose<'d>, role: Role, cut: bool) {
        let voice = voice(role);
        let hints = Hints::of(&prose.text);
        let is_whole = self.cut.is_none() && !cut;
        let marks = if voice == Voice::Markdown && is_whole && !self.has_notation(&prose.text, hints) {
            MarkSubstitution::Now
        } else {
            MarkSubstitution::Later
        };
        let (text, hints) = reference::resolve(&prose.text, &prose.references, hints, marks, self.targets());
        if is_whole {
            self.spoken(role, |writer| match (voice, marks) {
                (Voice::Markdown, MarkSubstitution::Later) => writer.translated(&text),
                _ => writer.linked_text(&text, hints, voice),
            });
            self.footnotes(prose.footnotes.iter());
            return;
        }
        let joined = self.cut.get_or_insert_default();
        joined.text.push_str(&text);
        joined.footnotes.extend(&prose.footnotes);
        if !cut {
            self.settle_prose();
        }
    }

    /// Records the prose written by `write` as said by `role`.
    fn spoken(&mut self, role: Role, write: impl FnOnce(&mut Self)) {
        self.speech(Some((role, SpeechKind::Text)));
        let start = self.buffer.len();
        write(self);
        self.fences_since(start, role, voice(role));
    }

    /// Writes text of a message.
    pub(super) fn text(&mut self, text: &str, voice: Voice) {
        let marks = if voice == Voice::Markdown { MarkSubstitution::Now } else { MarkSubstitution::Later };
        let (text, hints) = reference::resolve(text, &[], Hints::of(text), marks, self.targets());
        self.linked_text(&text, hints, voice);
    }

    /// True if `text` may contain notation of the assistant's own.
    fn has_notation(&self, text: &str, hints: Hints) -> bool {
        self.document.conversation.assistant.has_notation(text, hints)
    }

    /// Writes an answer whose references are already substituted, but not its notation and marks.
    fn translated(&mut self, text: &str) {
        let targets = self.targets();
        let hints = Hints::of(text);
        let translated = if self.has_notation(text, hints) {
            targets.conversation.assistant.notation(&targets.answer(text, hints, &[]))
        } else {
            None
        };
        let text = translated.as_deref().unwrap_or(text);
        let spans = reference::marked(text, Hints::of(text), targets);
        let text = spans.as_deref().unwrap_or(text);
        self.linked_text(text, Hints::of(text), Voice::Markdown);
    }

    /// Possible targets of references.
    fn targets(&self) -> Targets<'d> {
        let conversation = self.document.conversation;
        Targets { conversation, message: self.message, neighbours: self.neighbours }
    }

    /// Writes text that contains [`STEM`] only in links that were inserted. `hints` are those of `text`.
    fn linked_text(&mut self, text: &str, hints: Hints, voice: Voice) {
        let cleaned = markdown::clean(text, hints);
        let text = markdown::trim_block(&cleaned);
        if text.is_empty() {
            return;
        }
        if self.list.is_some() && text.starts_with([' ', '\t']) {
            self.block("<!-- -->"); // or the text would belong to the last item of the list before it
        }
        let formulas = match (voice, self.options.math) {
            (Voice::Markdown, Math::Dollars) => markdown::dollars(text, hints),
            _ => None,
        };
        let text = formulas.as_deref().unwrap_or(text);
        self.block("");
        let headings = self.options.headings;
        let mut frame = TextFrame { voice, headings, shift: self.shift, notes: &mut self.notes };
        self.list = markdown::guard(text, hints, &mut frame, &mut self.buffer).list;
    }

    /// Writes a list of `items` with `write`, such that it doesn't continue a list at the end of the text before it.
    pub(super) fn items<T>(
        &mut self,
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&Self, T, &mut String),
    ) {
        let bullet = if self.list == Some('-') { '*' } else { '-' };
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut before = "\n\n";
        for item in items {
            buffer.push_str(before);
            buffer.push(bullet);
            buffer.push(' ');
            write(self, item, &mut buffer);
            before = "\n";
            self.list = Some(bullet);
        }
        self.buffer = buffer;
    }

    fn footnotes(&mut self, links: impl Iterator<Item = &'d Link<'d>>) {
        let mut links = links.filter(|link| !link::is_empty(link)).peekable();
        if links.peek().is_some() {
            self.block("Sources:");
            self.items(links, |_, link, out| footnote(link, out));
        }
    }

    /// Writes everything held back for something that may follow.
    fn settle(&mut self) {
        self.settle_text();
        if self.forks.is_empty() {
            return;
        }
        let mut numbers = std::mem::take(&mut self.forks);
        numbers.sort_unstable();
        self.names_itself = true;
        self.speech(None);
        self.block("*Other branches from here: ");
        for (position, &number) in numbers.iter().enumerate() {
            if position > 0 {
                self.buffer.push_str(", ");
            }
            markdown::link(&number.to_string(), &self.neighbours.branch(number), &mut self.buffer);
        }
        self.buffer.push('*');
    }

    fn settle_text(&mut self) {
        self.settle_prose();
        self.settle_thoughts();
    }

    fn settle_prose(&mut self) {
        if let Some(CutProse { text, footnotes }) = self.cut.take() {
            self.spoken(Role::Assistant, |writer| writer.translated(&text));
            self.footnotes(footnotes.into_iter());
        }
    }

    fn think(&mut self, thoughts: &'d [Thought<'d>]) {
        let is_empty = |thought: &&Thought<'_>| {
            markdown::is_blank(&thought.summary) && markdown::is_blank(&thought.content)
        };
        let thoughts = thoughts.iter().filter(|thought| !is_empty(thought));
        if self.options.thinking != Thinking::Hide {
            self.thoughts.extend(thoughts);
            if !self.thoughts.is_empty() {
                self.settle_prose();
            }
        }
    }

    fn recap(&mut self, seconds: Option<u64>, text: &str) {
        let label = match seconds {
            Some(seconds) => Cow::Owned(format!("Thought for {}", duration(seconds))),
            None => markdown::one_line(text),
        };
        match self.options.thinking {
            Thinking::Hide => {}
            _ if self.thoughts.is_empty() && label.is_empty() => {}
            _ if self.thoughts.is_empty() => {
                self.settle_prose();
                self.speech(Some((Role::Assistant, SpeechKind::Thinking)));
                self.block(&format!("*{}*", markdown::label(&label)));
            }
            _ => self.write_thoughts(&label),
        }
    }

    fn settle_thoughts(&mut self) {
        if !self.thoughts.is_empty() {
            self.write_thoughts("");
        }
    }

    fn write_thoughts(&mut self, label: &str) {
        let label = if label.is_empty() { "Thinking" } else { label };
        let thoughts = std::mem::take(&mut self.thoughts);
        self.speech(Some((Role::Assistant, SpeechKind::Thinking)));
        let write = |writer: &mut Self| {
            for thought in thoughts {
                let summary = markdown::label(&thought.summary);
                if !summary.is_empty() {
                    writer.block("**");
                    writer.buffer.push_str(&summary);
                    writer.buffer.push_str("**");
                }
                writer.text(&thought.content, Voice::Markdown);
            }
        };
        if self.options.thinking == Thinking::Fold {
            self.fold(&markdown::html(label), write);
        } else {
            self.quoted(|writer| {
                writer.block(&format!("**{}**", markdown::label(label)));
                write(writer);
            });
        }
    }

    /// Writes a block quote around what `inside` writes.
    pub(super) fn quoted(&mut self, inside: impl FnOnce(&mut Self)) {
        let outside = std::mem::take(&mut self.buffer);
        inside(self);
        let quoted = std::mem::replace(&mut self.buffer, outside);
        self.block("");
        markdown::quote(quoted.trim_start_matches('\n'), &mut self.buffer);
    }
}

/// The text of a canvas document after a step; `None` if it is code.
fn canvas_text<'s>(step: &'s CanvasVersion<'_>) -> Option<&'s str> {
    match &step.outcome {
        Some(CanvasOutcome::Text(text)) if !step.kind.starts_with("code/") => Some(text),
        _ => None,
    }
}

/// How messages of a role are to be read.
fn voice(role: Role) -> Voice {
    match role {
        Role::Assistant | Role::Tool => Voice::Markdown,
        Role::User | Role::System => Voice::Plain,
    }
}

fn footnote(link: &Link<'_>, out: &mut String) {
    markdown::external(&link.label, &link.url, out);
    let publisher = markdown::label(&link.publisher);
    if !publisher.is_empty() && link.publisher != link.label {
        out.push_str(" (");
        out.push_str(&publisher);
        out.push(')');
    }
}

/// A duration for people: `4 s`, `1 m 12 s`, `1 h 5 s`.
pub(super) fn duration(seconds: u64) -> String {
    let mut text = String::new();
    for (count, unit) in [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")] {
        if count > 0 {
            let space = if text.is_empty() { "" } else { " " };
            // Writing to a string never fails.
            let _ = write!(text, "{space}{count} {unit}");
        }
    }
    if text.is_empty() { "0 s".to_owned() } else { text }
}
