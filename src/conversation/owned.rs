//! Parts that outlive the JSON they were read from.

use super::{
    CanvasAction, CanvasComment, CanvasEdit, CanvasStep, FileRef, Image, Link, Meaning, Part, Prose,
    Reference, Text, Thought,
};
use std::borrow::Cow;

fn text(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

fn list<T, U>(items: Vec<T>, owned: impl Fn(T) -> U) -> Vec<U> {
    items.into_iter().map(owned).collect()
}

impl Part<'_> {
    /// This part with texts of its own.
    pub(crate) fn into_owned(self) -> Part<'static> {
        match self {
            Part::Prose(prose) => Part::Prose(prose.into_owned()),
            Part::Code { language, text: code } => Part::Code { language: text(language), text: text(code) },
            Part::Output(output) => Part::Output(text(output)),
            Part::Thoughts(thoughts) => Part::Thoughts(list(thoughts, |thought| Thought {
                summary: text(thought.summary),
                content: text(thought.content),
            })),
            Part::Recap { seconds, text: words } => Part::Recap { seconds, text: text(words) },
            Part::Image(image) => Part::Image(Image {
                file: image.file.into_owned(),
                alt: image.alt.map(text),
                prompt: image.prompt.map(text),
            }),
            Part::Audio { file, seconds } => Part::Audio { file: file.into_owned(), seconds },
            Part::Video { file, frames } => Part::Video { file: file.map(FileRef::into_owned), frames },
            Part::File(file) => Part::File(file.into_owned()),
            Part::Failure { name, text: words } => Part::Failure { name: text(name), text: text(words) },
            Part::Links(links) => Part::Links(list(links, Link::into_owned)),
            Part::Quote { source, text: words } => {
                Part::Quote { source: source.into_owned(), text: text(words) }
            }
            Part::Canvas(step) => Part::Canvas(step.into_owned()),
            Part::Note(note) => Part::Note(text(note)),
            Part::Unknown { kind } => Part::Unknown { kind: text(kind) },
        }
    }
}

impl Prose<'_> {
    fn into_owned(self) -> Prose<'static> {
        Prose {
            text: text(self.text),
            references: list(self.references, |reference| Reference {
                start: reference.start,
                end: reference.end,
                matched: text(reference.matched),
                meaning: reference.meaning.into_owned(),
            }),
            footnotes: list(self.footnotes, Link::into_owned),
        }
    }
}

impl Meaning<'_> {
    fn into_owned(self) -> Meaning<'static> {
        match self {
            Meaning::Nothing => Meaning::Nothing,
            Meaning::Citation(links) => Meaning::Citation(list(links, Link::into_owned)),
            Meaning::Markdown(words) => Meaning::Markdown(text(words)),
            Meaning::Block(words) => Meaning::Block(text(words)),
            Meaning::FileLink { label, file, embedded } => {
                Meaning::FileLink { label: text(label), file: file.into_owned(), embedded }
            }
            Meaning::Plain(words) => Meaning::Plain(text(words)),
            Meaning::Links(links) => Meaning::Links(list(links, Link::into_owned)),
            Meaning::File(file) => Meaning::File(file.into_owned()),
        }
    }
}

impl Link<'_> {
    fn into_owned(self) -> Link<'static> {
        Link { label: text(self.label), url: text(self.url), publisher: text(self.publisher) }
    }
}

impl FileRef<'_> {
    fn into_owned(self) -> FileRef<'static> {
        FileRef {
            id: text(self.id),
            name: self.name.map(text),
            mime: self.mime.map(text),
            bytes: self.bytes,
            kind: self.kind,
        }
    }
}

impl CanvasStep<'_> {
    fn into_owned(self) -> CanvasStep<'static> {
        CanvasStep {
            document: self.document.map(text),
            title: self.title.map(text),
            kind: self.kind.map(text),
            version: self.version,
            failed: self.failed,
            action: match self.action {
                CanvasAction::Create(content) => CanvasAction::Create(text(content)),
                CanvasAction::Update(edits) => CanvasAction::Update(list(edits, |edit| CanvasEdit {
                    pattern: text(edit.pattern),
                    multiple: edit.multiple,
                    replacement: text(edit.replacement),
                })),
                CanvasAction::Comment(comments) => CanvasAction::Comment(list(comments, |comment| {
                    CanvasComment { pattern: text(comment.pattern), comment: text(comment.comment) }
                })),
                CanvasAction::Unreadable(call) => CanvasAction::Unreadable(text(call)),
            },
        }
    }
}
