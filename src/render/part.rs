//! Parts of messages that are not prose: code, pictures, files, failures, quotes, canvas documents.

use super::writer::{PageWriter, duration};
use super::{REPEATED, link, shortened};
use crate::conversation::canvas::CanvasOutcome;
use crate::conversation::tree::NodeId;
use crate::conversation::{CanvasAction, CanvasComment, CanvasEdit, CanvasStep, FileRef, Image, Link, Part};
use crate::markdown::{self, Hints, Voice};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::Duration;

impl<'d> PageWriter<'d, '_> {
    /// Writes the first of `parts`, found at `position` in the message of `id`, together with those after it that
    /// belong to the same block; returns how many were written. Prose and thinking are not written here.
    pub(super) fn part(&mut self, id: NodeId, position: usize, parts: &'d [Part<'d>]) -> usize {
        match parts {
            [Part::Audio { file, seconds }, Part::Video { file: video, frames }, ..] => {
                let line = format!("{} {}", self.audio(file, *seconds), self.video(video.as_ref(), *frames));
                self.block(line.trim_end());
                return 2;
            }
            [Part::File(_), ..] => {
                let count = parts.iter().take_while(|part| matches!(part, Part::File(_))).count();
                let files = parts.iter().map_while(|part| match part {
                    Part::File(file) => Some(file),
                    _ => None,
                });
                self.items(files, |writer, file, out| out.push_str(&writer.file(file)));
                return count;
            }
            [part, ..] => self.single(id, position, part),
            [] => {}
        }
        1
    }

    fn single(&mut self, id: NodeId, position: usize, part: &'d Part<'d>) {
        match part {
            Part::Code { language, text } => self.fence(language, text),
            Part::Output(text) => self.fence("text", text),
            Part::Image(image) => self.image(image),
            Part::Audio { file, seconds } => {
                let line = self.audio(file, *seconds);
                self.block(&line);
            }
            Part::Video { file, frames } => {
                let line = self.video(file.as_ref(), *frames);
                if !line.is_empty() {
                    self.block(&line);
                }
            }
            Part::Failure { name, text } => self.failure(name, text),
            Part::Links(links) => {
                let links = links.iter().filter(|link| !link::is_empty(link));
                self.items(links, |_, link, out| markdown::external(&link.label, &link.url, out));
            }
            Part::Quote { source, text } => self.quotation(source, text),
            Part::Canvas(step) => self.canvas(id, position, step),
            Part::Note(note) => self.block(&format!("*[{}]*", markdown::label(note))),
            Part::Unknown { kind } => {
                self.block(&format!("*[Unsupported content: {}]*", markdown::label(kind)));
            }
            Part::Prose(_) | Part::Thoughts(_) | Part::Recap { .. } | Part::File(_) => {}
        }
    }

    /// Writes code or output of a program, unless it is empty.
    fn fence(&mut self, language: &str, text: &str) {
        if markdown::is_blank(text) {
            return;
        }
        let hints = Hints::of(text);
        let text = markdown::without_placeholder(text, hints);
        self.block("");
        markdown::fence(language, &markdown::clean(&text, hints), &mut self.buffer);
    }

    fn image(&mut self, image: &Image<'_>) {
        let prompt = image.prompt.as_deref().map(markdown::one_line).filter(|text| !text.is_empty());
        let alt = image.alt.as_deref().map(markdown::one_line).filter(|text| !text.is_empty());
        if let Some(address) = self.neighbours.file(&image.file) {
            let alt =
                alt.or_else(|| prompt.clone()).unwrap_or_else(|| self.neighbours.name(&image.file).into());
            self.block("!");
            markdown::link(&markdown::label(&alt), &address, &mut self.buffer);
        } else {
            let name = alt.unwrap_or_else(|| self.neighbours.name(&image.file).into());
            self.block(&format!("*[{}]*", link::missing(&name, &image.file)));
        }
        if let Some(prompt) = prompt {
            self.block(&format!("*Prompt: {}*", markdown::label(&prompt)));
        }
    }

    fn audio(&self, file: &FileRef<'_>, seconds: Option<f64>) -> String {
        let mut label = given_name(file).unwrap_or(Cow::Borrowed("Audio")).into_owned();
        let length = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        match length {
            // Writing to a string never fails.
            Some(length) if length.as_secs() < 60 => {
                let _ = write!(label, ", {:.1} s", length.as_secs_f64());
            }
            Some(length) => {
                let _ = write!(label, ", {}", duration(length.as_secs()));
            }
            None => {}
        }
        match self.neighbours.file(file) {
            Some(address) => format!("[{}]({address})", markdown::label(&label)),
            None => format!("*[{}]*", link::missing(&label, file)),
        }
    }

    fn video(&self, file: Option<&FileRef<'_>>, frames: u32) -> String {
        let mut line = match file {
            Some(file) => {
                let name = given_name(file).unwrap_or(Cow::Borrowed("Video"));
                match self.neighbours.file(file) {
                    Some(address) => format!("[{}]({address})", markdown::label(&name)),
                    None => format!("*[{}]*", link::missing(&name, file)),
                }
            }
            None => String::new(),
        };
        if frames > 0 {
            let space = if line.is_empty() { "" } else { " " };
            let plural = if frames == 1 { "" } else { "s" };
            let _ = write!(line, "{space}*({frames} video frame{plural}, not in export)*");
        }
        line
    }

    /// A file as an item of a list.
    fn file(&self, file: &FileRef<'_>) -> String {
        let name = self.neighbours.name(file);
        match self.neighbours.file(file) {
            Some(address) => format!("[{}]({address})", markdown::label(&name)),
            None => format!("*{}*", link::missing(&name, file)),
        }
    }

    fn failure(&mut self, name: &str, text: &str) {
        let name = markdown::label(name);
        let name = if name.is_empty() { String::new() } else { format!(" ({name})") };
        self.headed(&format!("**Error**{name}"), text, |writer| writer.fence("text", text));
    }

    /// Writes a block quote of `head` and `text`: on one line if `text` has only one, else as `write` writes it.
    fn headed(&mut self, head: &str, text: &str, write: impl FnOnce(&mut Self)) {
        if !text.trim().contains('\n') {
            self.block(&format!("> {head}: {}", markdown::label(text)));
            return;
        }
        self.quoted(|writer| {
            writer.block(&format!("{head}:"));
            write(writer);
        });
    }

    fn quotation(&mut self, source: &Link<'_>, text: &str) {
        self.quoted(|writer| {
            if !link::is_empty(source) {
                writer.block("");
                markdown::external(&source.label, &source.url, &mut writer.buffer);
            }
            writer.text(text, Voice::Plain);
        });
    }

    fn canvas(&mut self, id: NodeId, position: usize, step: &CanvasStep<'_>) {
        if let CanvasAction::Comment(comments) = &step.action {
            for comment in comments {
                self.comment(comment);
            }
            return;
        }
        let known = self.document.canvas.steps.get(&(id, position));
        // Later steps repeat the title that an earlier one gave.
        let title = step.title.as_deref().map(Cow::Borrowed);
        let title = title.or_else(|| Some(shortened(known?.title))).unwrap_or_default();
        let kind = known.map(|known| known.kind).or(step.kind.as_deref()).unwrap_or_default();
        let version = known.map(|known| known.version).or(step.version).filter(|&version| version > 1);
        let outcome = known.and_then(|known| known.outcome.as_ref());
        let head = canvas_head(&title, version, step.failed);
        self.quoted(|writer| {
            writer.block(&head);
            match (outcome, &step.action) {
                (Some(CanvasOutcome::Text(text)), _) | (_, CanvasAction::Create(text)) => {
                    writer.version(kind, text);
                }
                (Some(CanvasOutcome::NotApplied(reason)), CanvasAction::Update(edits)) => {
                    writer.edits(edits, reason);
                }
                (None, CanvasAction::Update(edits)) => writer.edits(edits, "the document is not known"),
                (_, CanvasAction::Unreadable(text)) => {
                    writer.block("*[unreadable]*");
                    writer.fence("text", text);
                }
                (_, CanvasAction::Comment(_)) => {}
            }
        });
    }

    /// The whole text of a canvas document.
    fn version(&mut self, kind: &str, text: &str) {
        match kind.strip_prefix("code/") {
            Some(language) if language.len() > REPEATED => self.fence("", text),
            Some(language) => self.fence(language, text),
            None => self.text(text, Voice::Markdown),
        }
    }

    /// Shows edits that could not be applied, so that no words are lost.
    fn edits(&mut self, edits: &[CanvasEdit<'_>], reason: &str) {
        self.block(&format!("*[edits not applied: {}]*", markdown::label(reason)));
        for edit in edits {
            self.block(if edit.multiple { "Replace all:" } else { "Replace:" });
            self.fence("text", &edit.pattern);
            self.block("With:");
            self.fence("text", &edit.replacement);
        }
    }

    fn comment(&mut self, comment: &CanvasComment<'_>) {
        let passage = markdown::label(&comment.pattern);
        let passage = if passage.is_empty() { String::new() } else { format!(" on “{passage}”") };
        self.headed(&format!("**Canvas comment**{passage}"), &comment.comment, |writer| {
            writer.text(&comment.comment, Voice::Markdown);
        });
    }
}

/// The name that a user gave a recording or a video.
fn given_name<'f>(file: &'f FileRef<'_>) -> Option<Cow<'f, str>> {
    file.name.as_deref().map(markdown::one_line).filter(|name| !name.is_empty())
}

/// The line above a version of a canvas document: `**Canvas: Haiku** (version 2)`.
fn canvas_head(title: &str, version: Option<u64>, failed: bool) -> String {
    let title = markdown::label(title);
    let mut head = if title.is_empty() { "**Canvas**".to_owned() } else { format!("**Canvas: {title}**") };
    let version = version.map(|version| format!("version {version}"));
    let notes: Vec<String> = version.into_iter().chain(failed.then(|| "failed".to_owned())).collect();
    if !notes.is_empty() {
        let _ = write!(head, " ({})", notes.join(", "));
    }
    head
}
