//! A conversation's pages as Markdown: one renderer for measuring, reading and exporting.
//!
//! Knows neither archives nor file names: links to neighbours contain [`STEM`] where the page's own name goes, and the
//! caller, which knows the name, fills it in.

mod front_matter;
mod link;
mod part;
mod prompts;
mod reference;
mod sections;
mod writer;

pub use crate::markdown::Headings;
pub(crate) use crate::markdown::Math;
pub(crate) use sections::{Attributed, Speech, SpeechKind, SpeechSection, moved_by_stem};

use crate::catalog::{Location, Measure, Page};
use crate::conversation::Conversation;
use crate::conversation::canvas::Canvas;
use crate::conversation::files::{AssetIndex, Files};
use crate::conversation::thread::Threads;
use crate::conversation::tree::NodeId;
use crate::markdown;
use crate::time::Zone;
use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

/// Marks the position of the page's own percent-encoded stem in a rendered page. A noncharacter: where an export
/// contains it, the renderer replaces it with U+FFFD.
pub(crate) const STEM: char = markdown::PLACEHOLDER;

/// The most characters of a title, and bytes of an id, that the page of a branch repeats: a conversation can have many
/// branches, and an export can make both as long as it likes. The page of the thread has them whole.
const REPEATED: usize = 200;

/// `title` as the pages of branches repeat it.
fn shortened(title: &str) -> Cow<'_, str> {
    crate::text::shortened(title, REPEATED)
}

/// How the model's thinking is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Thinking {
    /// Shown as plain blocks.
    Show,
    /// Shown as one closed `<details>`.
    #[default]
    Fold,
    /// Left out.
    Hide,
}

/// How pages are rendered. The same options give the same bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The time zone of all times.
    pub zone: Zone,
    /// How thinking is shown.
    pub thinking: Thinking,
    /// What happens to headings in text.
    pub headings: Headings,
    /// What happens to formulas in answers.
    pub math: Math,
    /// Adds the time to turn headings.
    pub times: bool,
    /// Shows hidden messages too, in folded blocks.
    pub all: bool,
    /// Names of custom GPTs and projects by id.
    pub names: HashMap<String, String>,
}

impl Options {
    /// The defaults, in `zone`.
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            thinking: Thinking::default(),
            headings: Headings::default(),
            math: Math::default(),
            times: false,
            all: false,
            names: HashMap::new(),
        }
    }
}

/// A conversation ready to be rendered: what its pages share is worked out once.
#[derive(Debug)]
pub struct Document<'c> {
    /// The conversation.
    pub conversation: &'c Conversation<'c>,
    /// Its visible thread and other branches.
    pub threads: Threads,
    /// Its canvas documents.
    pub canvas: Canvas<'c>,
    /// Its files.
    pub files: Files,
    forks: Forks,
}

impl<'c> Document<'c> {
    /// Works out everything that the pages of `conversation` share.
    pub fn new(conversation: &'c Conversation<'c>, index: &dyn AssetIndex) -> Self {
        let threads = Threads::of(conversation);
        let canvas = Canvas::of(conversation, &threads);
        let files = Files::of(conversation, &threads, &canvas, index);
        Self::from_parts(conversation, threads, canvas, files)
    }

    /// A document from parts that are worked out already.
    pub fn from_parts(
        conversation: &'c Conversation<'c>,
        threads: Threads,
        canvas: Canvas<'c>,
        files: Files,
    ) -> Self {
        let forks = Forks::of(&threads);
        Self { conversation, threads, canvas, files, forks }
    }

    /// The Markdown pages of the conversation: its visible thread, then its other branches.
    pub fn pages(&self) -> impl Iterator<Item = Page> {
        let branches = self.threads.branches.iter().map(|branch| Page::Branch(branch.number));
        std::iter::once(Page::Thread).chain(branches)
    }

    /// Writes `page` to `out`. A page that the conversation does not have is empty.
    ///
    /// # Errors
    /// Any error of `out`.
    pub fn render(&self, page: Page, options: &Options, out: &mut dyn fmt::Write) -> fmt::Result {
        self.write(page, options, &mut Through(out))
    }

    fn write(&self, page: Page, options: &Options, out: &mut dyn Sink) -> fmt::Result {
        match page {
            Page::Prompts => prompts::write(self, options, out),
            page => writer::page(self, page, options, out),
        }
    }

    /// Writes `page` to `out` and records in `sections` who says what on it, with positions from before a stem is
    /// filled in.
    pub fn render_attributed(
        &self,
        page: Page,
        options: &Options,
        out: &mut String,
        sections: &mut Vec<SpeechSection>,
    ) {
        // A string never fails.
        let _ = self.write(page, options, &mut sections::Recorder { text: out, sections });
    }

    /// The size of `page`.
    pub fn measure(&self, page: Page, options: &Options) -> Measure {
        let mut counter = Counter::default();
        // A counter never fails.
        let _ = self.write(page, options, &mut counter);
        counter.0
    }

    /// The sizes of all [`pages`](Self::pages), and of the prompts on them, for little more than that of the pages.
    /// Shows the text of the pages, and of the canvas documents, to `reader`.
    pub fn measures(
        &self,
        options: &Options,
        mut reader: Option<&mut dyn PageReader>,
    ) -> (Vec<Measure>, Measure) {
        if let Some(reader) = &mut reader {
            writer::canvas_texts(self).for_each(|text| reader.read(&text, false));
        }
        prompts::measures(self, options, reader)
    }
}

/// Sees every conversation that is indexed, and so learns something from its pages without reading it again.
pub(crate) trait Observer: Sync {
    /// A reader for the next conversation.
    fn begin(&self) -> Box<dyn PageReader + '_>;
}

/// Reads all pages of a conversation while they are measured, but not the prompts, which repeat them.
pub trait PageReader {
    /// Reads the next piece of a page. No line is in two pieces, but its end may be in the next one. The piece contains
    /// [`STEM`] only if `names_itself`.
    fn read(&mut self, piece: &str, names_itself: bool);

    /// Everything was read, of the conversation at `location`.
    fn end(self: Box<Self>, location: Location);
}

/// Branches by the node they begin after, so that no page has to look at all of them.
#[derive(Debug, Default)]
struct Forks {
    /// The nodes, ascending.
    nodes: Vec<Option<NodeId>>,
    /// The number of the branch at the same position.
    numbers: Vec<u32>,
}

impl Forks {
    fn of(threads: &Threads) -> Self {
        let mut forks: Vec<_> = threads.branches.iter().map(|branch| (branch.fork, branch.number)).collect();
        forks.sort_by_key(|&(fork, _)| fork);
        let (nodes, numbers) = forks.into_iter().unzip();
        Self { nodes, numbers }
    }

    /// The branches that begin after `node`, or at roots of their own.
    fn at(&self, node: Option<NodeId>) -> &[u32] {
        if self.nodes.is_empty() {
            return &[];
        }
        let begin = self.nodes.partition_point(|&other| other < node);
        let rest = self.nodes.get(begin..).unwrap_or_default();
        let count = rest.iter().take_while(|&&other| other == node).count();
        self.numbers.get(begin..begin + count).unwrap_or_default()
    }
}

/// `page` with `stem`, which is percent-encoded, wherever it names itself. Borrows if it doesn't.
pub(crate) fn with_stem(page: String, stem: &str) -> Vec<u8> {
    let mut mark = [0; 4];
    let mark = STEM.encode_utf8(&mut mark).as_bytes();
    let places: Vec<usize> = memchr::memmem::find_iter(page.as_bytes(), mark).collect();
    if places.is_empty() {
        return page.into_bytes();
    }
    let growth = places.len().saturating_mul(stem.len());
    let mut named = Vec::with_capacity(page.len().saturating_add(growth));
    let mut done = 0;
    for place in places {
        named.extend_from_slice(page.as_bytes().get(done..place).unwrap_or_default());
        named.extend_from_slice(stem.as_bytes());
        done = place.saturating_add(mark.len());
    }
    named.extend_from_slice(page.as_bytes().get(done..).unwrap_or_default());
    named
}

/// Receives a page in chunks.
trait Sink {
    /// Receives the next chunk. It contains [`STEM`] only if `names_itself`.
    fn take(&mut self, piece: &str, names_itself: bool) -> fmt::Result;

    /// True if the sink wants to know who says what.
    fn wants_sections(&self) -> bool {
        false
    }

    /// Receives a turn of the user with its heading. It is part of the next chunk as well.
    fn prompt(&mut self, _turn: &str, _names_itself: bool) -> fmt::Result {
        Ok(())
    }

    /// A new section begins `ahead` bytes after the chunks received so far: `speech`, or part of the frame.
    fn section(&mut self, _ahead: usize, _speech: Option<Speech>) {}
}

/// Writes a page unchanged.
struct Through<'w>(&'w mut dyn fmt::Write);

impl Sink for Through<'_> {
    fn take(&mut self, piece: &str, _: bool) -> fmt::Result {
        self.0.write_str(piece)
    }
}

/// Counts the bytes of a page.
#[derive(Debug, Default)]
struct Counter(Measure);

impl Sink for Counter {
    fn take(&mut self, piece: &str, names_itself: bool) -> fmt::Result {
        let stems =
            if names_itself { markdown::PLACEHOLDER_FINDER.find_iter(piece.as_bytes()).count() } else { 0 };
        self.0.bytes += (piece.len() - stems * STEM.len_utf8()) as u64;
        self.0.stems += stems as u32;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
