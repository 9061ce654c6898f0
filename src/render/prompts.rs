//! The prompts of a conversation: what its user said, on the visible thread and then on each branch.
//!
//! They are taken from the pages while those are written, so measuring them costs next to nothing, and they have the same
//! words and links. The name that goes where a page names itself leads from the prompts to the page.

use super::writer;
use super::{Counter, Document, Options, PageReader, STEM, Sink};
use crate::catalog::{Measure, Page};
use crate::markdown;
use std::fmt;

/// Writes the prompts of `document`.
pub(super) fn write(document: &Document<'_>, options: &Options, out: &mut dyn Sink) -> fmt::Result {
    let mut prompts = Prompts::new(document, out)?;
    for page in document.pages() {
        let mut collected = Collected { page, rest: None, prompts: &mut prompts, has_any: false };
        writer::page(document, page, options, &mut collected)?;
    }
    prompts.end()
}

/// The sizes of the pages of `document`, in order, and of its prompts.
pub(super) fn measures(
    document: &Document<'_>,
    options: &Options,
    reader: Option<&mut dyn PageReader>,
) -> (Vec<Measure>, Measure) {
    let (mut pages, mut counter) = (Vec::new(), Counter::default());
    // Counters never fail.
    let _ = count(document, options, reader, &mut pages, &mut counter);
    (pages, counter.0)
}

fn count(
    document: &Document<'_>,
    options: &Options,
    mut reader: Option<&mut dyn PageReader>,
    pages: &mut Vec<Measure>,
    counter: &mut Counter,
) -> fmt::Result {
    let mut prompts = Prompts::new(document, counter)?;
    for page in document.pages() {
        let mut rest = CountedPage { counter: Counter::default(), reader: reader.take() };
        let mut collected = Collected { page, rest: Some(&mut rest), prompts: &mut prompts, has_any: false };
        writer::page(document, page, options, &mut collected)?;
        pages.push(rest.counter.0);
        reader = rest.reader;
    }
    prompts.end()
}

/// Writes the frame of the prompts.
struct Prompts<'o> {
    out: &'o mut dyn Sink,
    has_any: bool,
}

impl<'o> Prompts<'o> {
    fn new(document: &Document<'_>, out: &'o mut dyn Sink) -> Result<Self, fmt::Error> {
        let title = document.conversation.title.as_deref().map(markdown::label);
        let title = title.filter(|title| !title.is_empty()).unwrap_or("Untitled".into());
        let mut head = format!("# {title}\n\n*What was asked in ");
        markdown::link(&title, &format!("{STEM}.md"), &mut head);
        head.push_str(":*");
        out.take(&head, true)?;
        Ok(Self { out, has_any: false })
    }

    fn end(self) -> fmt::Result {
        self.out.take(if self.has_any { "\n" } else { "\n\n*Nothing that can be shown.*\n" }, false)
    }
}

/// Counts a page, and shows it to a reader.
struct CountedPage<'r> {
    counter: Counter,
    reader: Option<&'r mut dyn PageReader>,
}

/// Takes the prompts of one page, and counts the page.
struct Collected<'p, 'o, 'r> {
    page: Page,
    rest: Option<&'p mut CountedPage<'r>>,
    prompts: &'p mut Prompts<'o>,
    has_any: bool,
}

impl Sink for Collected<'_, '_, '_> {
    fn take(&mut self, piece: &str, names_itself: bool) -> fmt::Result {
        let Some(CountedPage { counter, reader }) = self.rest.as_deref_mut() else { return Ok(()) };
        if let Some(reader) = reader {
            reader.read(piece, names_itself);
        }
        counter.take(piece, names_itself)
    }

    fn prompt(&mut self, turn: &str, names_itself: bool) -> fmt::Result {
        self.prompts.has_any = true;
        let Page::Branch(number) = self.page else { return self.prompts.out.take(turn, names_itself) };
        if !std::mem::replace(&mut self.has_any, true) {
            let mut mark = String::from("\n\n*On branch ");
            markdown::link(&number.to_string(), &format!("{STEM}.branches/{number}.md"), &mut mark);
            mark.push_str(":*");
            self.prompts.out.take(&mark, true)?;
        }
        if names_itself {
            // A branch is one directory below the thread.
            self.prompts.out.take(&turn.replace(&format!("../{STEM}"), &STEM.to_string()), true)
        } else {
            self.prompts.out.take(turn, false)
        }
    }
}
