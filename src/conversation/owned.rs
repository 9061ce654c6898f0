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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::FileKind;

    fn link() -> Link<'static> {
        Link { label: "A".into(), url: "https://a.example/".into(), publisher: "P".into() }
    }

    fn file() -> FileRef<'static> {
        FileRef {
            id: "file-a".into(),
            name: Some("a.txt".into()),
            mime: Some("text/plain".into()),
            bytes: Some(3),
            kind: FileKind::Plot,
        }
    }

    fn step(action: CanvasAction<'static>) -> Part<'static> {
        let text = |text: &'static str| Some(text.into());
        let (document, title, kind) = (text("d"), text("t"), text("code/rust"));
        Part::Canvas(CanvasStep { document, title, kind, version: Some(2), failed: true, action })
    }

    #[test]
    fn parts_of_every_kind_say_the_same_without_their_json() {
        let meanings = [
            Meaning::Nothing,
            Meaning::Citation(vec![link()]),
            Meaning::Markdown("*m*".into()),
            Meaning::Block("> b".into()),
            Meaning::Plain("p".into()),
            Meaning::Links(vec![link(), link()]),
            Meaning::File(file()),
            Meaning::FileLink { label: "l".into(), file: file(), embedded: true },
        ];
        let references = (1..).zip(meanings).map(|(start, meaning)| {
            let matched = "m".into();
            Reference { start, end: start + 1, matched, meaning }
        });
        let parts = [
            Part::Prose(Prose {
                text: "t".into(),
                references: references.collect(),
                footnotes: vec![link()],
            }),
            Part::Code { language: "python".into(), text: "f()".into() },
            Part::Output("o".into()),
            Part::Thoughts(vec![Thought { summary: "s".into(), content: "c".into() }]),
            Part::Recap { seconds: Some(4), text: "r".into() },
            Part::Image(Image { file: file(), alt: Some("a".into()), prompt: Some("p".into()) }),
            Part::Audio { file: file(), seconds: Some(5.0) },
            Part::Video { file: Some(file()), frames: 6 },
            Part::File(file()),
            Part::Failure { name: "n".into(), text: "f".into() },
            Part::Links(vec![link()]),
            Part::Quote { source: link(), text: "q".into() },
            step(CanvasAction::Create("c".into())),
            step(CanvasAction::Update(vec![CanvasEdit {
                pattern: "p".into(),
                multiple: true,
                replacement: "r".into(),
            }])),
            step(CanvasAction::Comment(vec![CanvasComment { pattern: "p".into(), comment: "c".into() }])),
            step(CanvasAction::Unreadable("u".into())),
            Part::Note("n".into()),
            Part::Unknown { kind: "k".into() },
        ];
        for part in parts {
            let before = format!("{part:?}");
            assert_eq!(format!("{:?}", part.into_owned()), before);
        }
    }
}
