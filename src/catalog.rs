//! The hinge of the program: what conversations there are, where each lies, and how large its pages are.
//!
//! Plain data. Left of it are bytes and JSON, and nothing of names or inodes; right of it are names and inodes,
//! and nothing of ZIP or JSON.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One entry (a file) of one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryRef {
    /// Index of the archive within the opened source.
    pub archive: u16,
    /// Index of the entry within its archive.
    pub entry: u32,
}

/// Where the JSON of one conversation lies: a byte range (end exclusive) of an entry's inflated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The entry that holds the conversation.
    pub entry: EntryRef,
    /// Offset of the opening brace in the inflated entry, in bytes.
    pub start: u64,
    /// Offset after the closing brace, in bytes.
    pub end: u64,
}

/// The exact size of a page that has not been named yet.
///
/// Links to neighbours contain the page's own stem, which depends on the names of other conversations. So a
/// page is measured without it, and its size is `bytes + stems × (length of the percent-encoded stem)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Bytes of the page without any stem.
    pub bytes: u64,
    /// How often the page contains its stem.
    pub stems: u32,
}

impl Measure {
    /// The size of the page in bytes once its percent-encoded stem has `stem` bytes.
    pub fn size(self, stem: usize) -> u64 {
        self.bytes.saturating_add(u64::from(self.stems).saturating_mul(stem as u64))
    }
}

/// One of the pages that a conversation is rendered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Page {
    /// The visible thread: `title.md`.
    Thread,
    /// Another branch: `title.branches/N.md`, by its number N.
    Branch(u32),
    /// The last version of a canvas document, by its position among the conversation's files.
    Canvas(u32),
}

/// A branch page of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The number N of `title.branches/N.md`.
    pub number: u32,
    /// The size of the page.
    pub measure: Measure,
}

/// Where the bytes of a file in `title.assets/` come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssetContent {
    /// An entry of an archive, byte for byte.
    Entry(EntryRef),
    /// The last version of a canvas document, rendered from the conversation: its position among the
    /// conversation's files.
    Canvas(u32),
}

/// A file in `title.assets/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Its checked name, unique within the conversation.
    pub name: Box<str>,
    /// Where its bytes come from.
    pub content: AssetContent,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// What is known of one conversation without rendering it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The conversation's id as the export gives it; empty if it has none.
    pub id: Box<str>,
    /// The title as the export gives it, unchecked.
    pub title: Option<Box<str>>,
    /// When it began: the time that decides `year/month`.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// The models that answered on the visible thread, in order of appearance.
    pub models: Vec<Box<str>>,
    /// Id of the custom GPT (`g-…`) it was held with.
    pub gpt: Option<Box<str>>,
    /// Id of the project (`g-p-…`) it belongs to.
    pub project: Option<Box<str>>,
    /// Marked with a star by its user.
    pub starred: bool,
    /// Put into the archive by its user.
    pub archived: bool,
    /// Number of turns (headings) on the visible thread.
    pub turns: u32,
    /// Number of messages that the visible thread shows.
    pub messages: u32,
    /// Where its JSON lies.
    pub location: Location,
    /// Size of `title.md`.
    pub page: Measure,
    /// Pages of other branches, ascending by number.
    pub branches: Vec<Branch>,
    /// Files that its pages link to, in order of first use.
    pub assets: Vec<Asset>,
    /// The entry that holds it fails its checksum or breaks off: what is shown may be wrong, and says so.
    pub unverified: bool,
}

impl Head {
    /// The size of a page of messages; that of a file rendered from a canvas stands with the file. Logarithmic.
    pub fn measure(&self, page: Page) -> Option<Measure> {
        match page {
            Page::Thread => Some(self.page),
            Page::Branch(number) => {
                let at = self.branches.binary_search_by_key(&number, |branch| branch.number).ok()?;
                self.branches.get(at).map(|branch| branch.measure)
            }
            Page::Canvas(_) => None,
        }
    }
}

/// An entry that looks like a user's file and that no message points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Orphan {
    /// Its checked name, unique among the orphans.
    pub name: Box<str>,
    /// The entry with its bytes.
    pub entry: EntryRef,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// Something in the export that is not as it should be, and that did not stop us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What it concerns: an entry's name, or `conversation <id>`. Untrusted text.
    pub subject: String,
    /// What is wrong, in one line without a full stop.
    pub reason: String,
}

impl Problem {
    /// A problem of `subject` with its reason.
    pub fn new(subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { subject: subject.into(), reason: reason.into() }
    }
}

/// Everything that is known of an export after its one indexing pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// All conversations, in the order in which the archives hold them.
    pub heads: Vec<Head>,
    /// Files that no message points to.
    pub orphans: Vec<Orphan>,
    /// What was found to be wrong.
    pub problems: Vec<Problem>,
}
