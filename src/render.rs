//! A conversation's pages as Markdown: one renderer for measuring, reading and exporting.
//!
//! Knows neither archives nor names of files: links to neighbours are written with [`STEM`] where the page's own
//! name goes, and whoever knows the name puts it in.

pub mod escape;
pub mod markdown;
pub mod reference;

use crate::catalog::{Measure, Page};
use crate::conversation::Conversation;
use crate::conversation::canvas::Canvas;
use crate::conversation::files::{AssetIndex, Files};
use crate::conversation::thread::Threads;
use crate::time::Zone;
use std::collections::HashMap;
use std::fmt;

/// Stands in a rendered page where its own percent-encoded stem goes. A noncharacter: the renderer replaces it
/// by U+FFFD wherever an export contains it.
pub const STEM: char = '\u{fdd0}';

/// What becomes of the model's thinking.
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

/// What becomes of headings and other text that would disturb the frame of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Headings {
    /// Headings in answers move down two levels, and plain text is escaped where Markdown would take it for one.
    #[default]
    Shift,
    /// Text stays as it is.
    Keep,
}

/// How pages are rendered. The same options give the same bytes.
#[derive(Clone, Debug)]
pub struct Options {
    /// The zone of all times.
    pub zone: Zone,
    /// What becomes of thinking.
    pub thinking: Thinking,
    /// What becomes of headings in text.
    pub headings: Headings,
    /// Adds the time to turn headings.
    pub times: bool,
    /// Shows the machinery too, in folded blocks.
    pub all: bool,
    /// Names of custom GPTs and projects by their ids.
    pub names: HashMap<String, String>,
}

impl Options {
    /// The defaults, in `zone`.
    pub fn new(zone: Zone) -> Self {
        Self {
            zone,
            thinking: Thinking::default(),
            headings: Headings::default(),
            times: false,
            all: false,
            names: HashMap::new(),
        }
    }
}

/// A conversation ready to be rendered: its lines, canvas documents and files worked out once for all pages.
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
}

impl<'c> Document<'c> {
    /// Works out everything that the pages of `conversation` share.
    pub fn new(conversation: &'c Conversation<'c>, index: &dyn AssetIndex) -> Self {
        let threads = Threads::of(conversation);
        let canvas = Canvas::of(conversation, &threads);
        let files = Files::of(conversation, &threads, &canvas, index);
        Self { conversation, threads, canvas, files }
    }

    /// Writes `page` to `out`. A page that the conversation does not have is empty.
    ///
    /// # Errors
    /// Only those of `out`.
    pub fn render(&self, page: Page, options: &Options, out: &mut dyn fmt::Write) -> fmt::Result {
        markdown::page(self, page, options, out)
    }

    /// The size of `page`.
    pub fn measure(&self, page: Page, options: &Options) -> Measure {
        let mut counter = Counter::default();
        // A counter never fails.
        let _ = self.render(page, options, &mut counter);
        counter.0
    }
}

/// `text` percent-encoded as one segment of a relative link: all but RFC 3986's unreserved characters.
pub fn encode_path_segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    encoded
}

/// Counts what is written to it.
#[derive(Debug, Default)]
struct Counter(Measure);

impl fmt::Write for Counter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let stems =
            memchr::memmem::find_iter(text.as_bytes(), STEM.encode_utf8(&mut [0; 3]).as_bytes()).count();
        self.0.bytes += (text.len() - stems * STEM.len_utf8()) as u64;
        self.0.stems += stems as u32;
        Ok(())
    }
}
