//! The hinge of the program: which conversations there are, where their JSON is, and how large their pages are.
//!
//! Plain data. The rooms on one side know bytes and JSON but neither names nor inodes; those on the other side
//! know names and inodes but neither ZIP nor JSON.

use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// One entry (file) of one archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EntryRef {
    /// Index of the archive within the opened source.
    pub archive: u16,
    /// Index of the entry within its archive.
    pub entry: u32,
}

/// Where a conversation's JSON is: a byte range (end exclusive) of an inflated entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Location {
    /// The entry that holds the conversation.
    pub entry: EntryRef,
    /// Offset of the opening brace in the inflated entry.
    pub start: u64,
    /// Offset after the closing brace.
    pub end: u64,
}

/// The exact size of a page that has no name yet.
///
/// Links to neighbouring files contain the page's own stem, which depends on the names of other conversations. A
/// page is therefore measured without it, and its size is `bytes + stems × (length of the percent-encoded stem)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Measure {
    /// Bytes of the page without any stem.
    pub bytes: u64,
    /// Number of stems in the page.
    pub stems: u32,
}

impl Measure {
    /// The page size in bytes, given the length of its percent-encoded stem.
    pub fn size(self, stem: usize) -> u64 {
        self.bytes.saturating_add(u64::from(self.stems).saturating_mul(stem as u64))
    }
}

/// One of the pages that a conversation is rendered to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Page {
    /// The visible thread: `title.md`.
    Thread,
    /// Another branch, `title.branches/N.md`, by its number N.
    Branch(u32),
    /// The last version of a canvas document, by its position among the conversation's files.
    Canvas(u32),
    /// What its user said, on the visible thread and on all branches, and nothing else.
    Prompts,
}

/// A branch page of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BranchPage {
    /// The number N of `title.branches/N.md`.
    pub number: u32,
    /// Size of the page.
    pub measure: Measure,
}

/// Where the bytes of a file in `title.assets/` come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AssetContent {
    /// An entry of an archive, byte for byte.
    Entry(EntryRef),
    /// The last version of a canvas document, rendered from the conversation, by its position among the
    /// conversation's files.
    Canvas(u32),
}

/// A file in `title.assets/`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asset {
    /// Its checked name, unique within the conversation.
    pub name: Box<str>,
    /// Where its bytes come from.
    pub content: AssetContent,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// What is known of a conversation without rendering it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// The conversation's id as the export gives it; empty if it has none.
    pub id: Box<str>,
    /// The title as the export gives it, unchecked.
    pub title: Option<Box<str>>,
    /// When it began, which decides `year/month`.
    pub created: Option<Timestamp>,
    /// When it was last changed.
    pub updated: Option<Timestamp>,
    /// The models that answered on the visible thread, in order of appearance.
    pub models: Vec<Box<str>>,
    /// Id of its custom GPT (`g-…`).
    pub gpt: Option<Box<str>>,
    /// Id of its project (`g-p-…`).
    pub project: Option<Box<str>>,
    /// Starred by the user.
    pub starred: bool,
    /// Archived by the user.
    pub archived: bool,
    /// Number of turns (headings) in the visible thread.
    pub turns: u32,
    /// Number of messages shown in the visible thread.
    pub messages: u32,
    /// Where its JSON is.
    pub location: Location,
    /// Size of `title.md`.
    pub page: Measure,
    /// Size of the page with its prompts.
    pub prompts: Measure,
    /// Pages of other branches, in ascending order.
    pub branches: Vec<BranchPage>,
    /// Files that its pages link to, in order of first use.
    pub assets: Vec<Asset>,
    /// Number of files that its messages point to and the export doesn't have.
    pub missing: u32,
    /// How well it could be read.
    pub condition: Condition,
}

#[cfg(test)]
impl Head {
    /// A conversation with only a creation time and, unless it is empty, a title.
    pub(crate) fn bare(id: &str, title: &str, created: f64) -> Self {
        Self {
            id: id.into(),
            title: (!title.is_empty()).then(|| title.into()),
            created: Timestamp::from_number(created),
            updated: None,
            models: Vec::new(),
            gpt: None,
            project: None,
            starred: false,
            archived: false,
            turns: 0,
            messages: 0,
            location: Location { entry: EntryRef { archive: 0, entry: 0 }, start: 0, end: 2 },
            page: Measure::default(),
            prompts: Measure::default(),
            branches: Vec::new(),
            assets: Vec::new(),
            missing: 0,
            condition: Condition::Sound,
        }
    }
}

/// How well a conversation could be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Condition {
    /// As the export has it.
    #[default]
    Sound,
    /// The entry that holds it fails its checksum or breaks off: its text may be wrong, and its pages say so.
    Unverified,
    /// Its JSON is cut off or broken: its pages show what could be read of it.
    Damaged,
    /// It exceeds `--max-conversation`: its page says so instead.
    TooLarge,
    /// Memory was too short for it while it was indexed: its page says so instead.
    Unread,
    /// A bug of ours keeps it from being shown: its page says so instead.
    Bug,
}

impl Head {
    /// The size of a page with messages. For a canvas document the size is in its [`Asset`]. Logarithmic.
    pub(crate) fn measure(&self, page: Page) -> Option<Measure> {
        match page {
            Page::Thread => Some(self.page),
            Page::Prompts => Some(self.prompts),
            Page::Branch(number) => {
                let at = self.branches.binary_search_by_key(&number, |branch| branch.number).ok()?;
                self.branches.get(at).map(|branch| branch.measure)
            }
            Page::Canvas(_) => None,
        }
    }
}

/// An entry that looks like a user's file but that no message points to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Orphan {
    /// Its checked name, unique among the orphans.
    pub name: Box<str>,
    /// The entry with its bytes.
    pub entry: EntryRef,
}

/// Something wrong with the export that didn't stop us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Problem {
    /// What it concerns: an entry's name, or `conversation <id>`. Untrusted text.
    pub subject: String,
    /// What is wrong, in one line without a full stop.
    pub reason: String,
    /// Where the conversation is that it concerns, if it concerns one.
    pub conversation: Option<Location>,
    /// True if it hides nothing that the export has.
    pub hides_nothing: bool,
}

impl Problem {
    /// A problem with `subject`.
    pub(crate) fn new(subject: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { subject: subject.into(), reason: reason.into(), conversation: None, hides_nothing: false }
    }

    /// The same problem, which hides nothing that the export has.
    pub(crate) fn hiding_nothing(self) -> Self {
        Self { hides_nothing: true, ..self }
    }
}

/// Everything known of an export after its indexing pass.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Catalog {
    /// All conversations, in archive order.
    pub heads: Vec<Head>,
    /// Files that no message points to.
    pub orphans: Vec<Orphan>,
    /// Everything found to be wrong.
    pub problems: Vec<Problem>,
}

impl Catalog {
    /// The first problem that may hide a conversation; `None` if the export is known to be whole, so that whatever is not
    /// among `heads` isn't in it.
    ///
    /// A problem of one conversation hides no other, but if it took the id, it hides that one.
    pub(crate) fn gap(&self) -> Option<&Problem> {
        let is_nameless = |head: &&Head| head.id.is_empty() && head.condition != Condition::Sound;
        let nameless: HashSet<Location> =
            self.heads.iter().filter(is_nameless).map(|head| head.location).collect();
        let may_hide = |problem: &&Problem| {
            !problem.hides_nothing && problem.conversation.is_none_or(|at| nameless.contains(&at))
        };
        self.problems.iter().find(may_hide)
    }
}

/// A file next to the conversations, such as `user.json`, whole.
#[derive(Clone, Debug)]
pub struct SideFile {
    /// Its base name.
    pub name: String,
    /// Its bytes, as far as they can be read.
    pub bytes: Vec<u8>,
    /// Why they aren't all of it, or may be wrong.
    pub flaw: Option<String>,
}

/// What an export says about its owner, outside of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OwnerDocument {
    /// The account and its settings.
    Account,
    /// What the owner thought of answers.
    Feedback,
    /// The links that the owner shared.
    Shared,
}

/// The page of a conversation, for links to it.
#[derive(Clone, Debug)]
pub struct PageLink {
    /// The title. Untrusted text.
    pub title: String,
    /// The address, percent-encoded.
    pub address: String,
}

/// Finds the page of a conversation by its id.
pub(crate) type FindPage<'a> = &'a dyn Fn(&str) -> Option<PageLink>;

#[cfg(test)]
mod tests {
    use super::*;

    /// The subject of the first problem that may hide a conversation, where a conversation with this id and condition has
    /// the only problem of a conversation.
    fn gap(id: &str, condition: Condition, others: &[Problem]) -> Option<String> {
        let head = Head { condition, ..Head::bare(id, "Tea", 1.0) };
        let own = Problem { conversation: Some(head.location), ..Problem::new("own", "broken") };
        let problems = [others, &[own]].concat();
        Catalog { heads: vec![head], problems, ..Catalog::default() }.gap().map(|gap| gap.subject.clone())
    }

    #[test]
    fn an_export_is_whole_if_its_problems_hide_no_conversation() {
        let file = Problem::new("conversations-001.json", "missing");
        let twice = Problem::new("conversation a", "is in the export more than once").hiding_nothing();
        for condition in [Condition::Sound, Condition::Damaged, Condition::TooLarge, Condition::Bug] {
            assert_eq!(gap("a", condition, std::slice::from_ref(&twice)), None);
            assert_eq!(gap("a", condition, &[twice.clone(), file.clone()]), Some(file.subject.clone()));
        }
        assert_eq!(Catalog::default().gap(), None);
    }

    #[test]
    fn a_broken_conversation_without_an_id_may_be_any() {
        assert_eq!(gap("", Condition::Sound, &[]), None);
        assert_eq!(gap("", Condition::Damaged, &[]).as_deref(), Some("own"));
        assert_eq!(gap("", Condition::Bug, &[]).as_deref(), Some("own"));
    }
}
