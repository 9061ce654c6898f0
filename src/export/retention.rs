//! What an update leaves as it is, because the new export may only have lost or damaged it.

use super::update::{FileStamp, Record};
use super::{Selection, named};
use crate::catalog::{Catalog, Condition, Head, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Fs, InodeKind};
use crate::text::{grouped, printable};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

/// Why files of an earlier export stay as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum KeepReason {
    /// Too large for the limit.
    TooLarge,
    /// There was too little memory.
    Unread,
    /// A bug of ours.
    Bug,
    /// Only damaged in an export.
    Damaged,
    /// The export isn't whole, and lacks files that the conversation had.
    LacksFiles,
    /// The export isn't whole, and lacks the conversation.
    Absent,
    /// A file that is kept has the name of one of its files.
    NameTaken,
}

/// The files of an earlier export that stay as they are, and the conversations that aren't written because of them.
#[derive(Debug, Default)]
pub(super) struct Retention {
    /// The conversations, by position in the catalog.
    held: BTreeMap<usize, KeepReason>,
    files: BTreeMap<String, KeepReason>,
    /// The problem that keeps the export from being whole.
    gap: Option<String>,
}

impl Retention {
    /// Decides what stays of `before` in the folder `into` when `selection` of `fs` is written there. Linear.
    ///
    /// # Errors
    /// `Usage` if the export has nothing in common with the record: it is the wrong one, or the wrong folder.
    pub(super) fn new(before: &Record, fs: &Fs, selection: &Selection, into: &Path) -> Result<Self> {
        let decision = Decision::new(before, fs, selection);
        if decision.is_of_another_export() {
            let reason = "written from another export, with no conversation in common with this one; name the folder \
                          of this export, or a new or an empty folder";
            return Err(Error::new(ErrorKind::Usage, reason).within(named(into)));
        }
        Ok(decision.decide())
    }

    /// What is to be written of `selection`; `None` if that is all of it.
    pub(super) fn reduced(&self, selection: &Selection, fs: &Fs) -> Option<Selection> {
        let heads = 0..fs.catalog().heads.len();
        let heads = heads.map(|head| selection.has(head) && !self.held.contains_key(&head)).collect();
        (!self.held.is_empty()).then(|| Selection::Chosen { heads, filter: selection.filter().to_owned() })
    }

    /// True for a file or link that stays as it is.
    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Says what was kept, where `kept` are the files that are still there. The most serious reason comes last.
    pub(super) fn report(&self, fs: &Fs, kept: &[String]) -> Vec<Error> {
        let mut files: BTreeMap<KeepReason, Vec<&str>> = BTreeMap::new();
        for path in kept {
            if let Some(&reason) = self.files.get(path) {
                files.entry(reason).or_default().push(path);
            }
        }
        // They may be new, and have no files that are kept.
        let displaced = self.held.iter().filter(|(_, reason)| **reason == KeepReason::NameTaken);
        let displaced: Vec<_> = displaced.filter_map(|(&head, _)| fs.thread_path(head)).collect();
        files.remove(&KeepReason::NameTaken);
        let mut report: Vec<Error> = files
            .iter()
            .map(|(&reason, paths)| self.line(reason, &counted(paths, "file", "files")))
            .collect();
        if !displaced.is_empty() {
            let pages: Vec<_> = displaced.iter().map(String::as_str).collect();
            let pages = counted(&pages, "conversation", "conversations");
            report.push(self.line(KeepReason::NameTaken, &pages));
        }
        report
    }

    fn line(&self, reason: KeepReason, what: &str) -> Error {
        let gap = self.gap.as_deref().unwrap_or_default();
        let (kind, line) = match reason {
            KeepReason::TooLarge => {
                (ErrorKind::Limit, format!("kept {what}, as the conversations now exceed --max-conversation"))
            }
            KeepReason::Unread => (
                ErrorKind::OutOfMemory,
                format!("kept {what}, as there was too little memory for the new versions"),
            ),
            KeepReason::Bug => {
                (ErrorKind::Unexpected, format!("kept {what}, as a bug in gptfs prevents the new versions"))
            }
            KeepReason::Damaged => {
                (ErrorKind::Damaged, format!("kept {what}, as the conversations are damaged in this export"))
            }
            KeepReason::LacksFiles => (
                ErrorKind::Damaged,
                format!(
                    "kept {what}, as the conversations lack files in this export, which isn't whole: {gap}"
                ),
            ),
            KeepReason::Absent => {
                (ErrorKind::Damaged, format!("kept {what}, missing in this export, which isn't whole: {gap}"))
            }
            KeepReason::NameTaken => {
                (ErrorKind::Damaged, format!("left out {what}, because of kept files with the same names"))
            }
        };
        Error::new(kind, line)
    }
}

/// A decision while it is made.
struct Decision<'a> {
    before: &'a Record,
    catalog: &'a Catalog,
    selection: &'a Selection,
    gap: Option<&'a Problem>,
    /// The conversations by id.
    ids: HashMap<&'a str, usize>,
    /// The conversation of each file in the tree, chosen or not, by its path in lower case: some disks ignore case.
    tree: HashMap<String, usize>,
}

impl<'a> Decision<'a> {
    fn new(before: &'a Record, fs: &'a Fs, selection: &'a Selection) -> Self {
        let catalog = fs.catalog();
        let heads = catalog.heads.iter().enumerate();
        let ids = heads.filter(|(_, head)| !head.id.is_empty()).map(|(at, head)| (&*head.id, at)).collect();
        let files = Selection::All.entries(fs).filter(|entry| entry.attr.kind == InodeKind::File);
        let tree = files
            .filter_map(|entry| Some((entry.path.to_lowercase(), fs.conversation(entry.attr.ino)?)))
            .collect();
        Self { before, catalog, selection, gap: catalog.gap(), ids, tree }
    }

    /// The conversation that a file or link was recorded for, if the export has it: by its id, or else by its name.
    fn owner(&self, path: &str, id: &str) -> Option<usize> {
        if id.is_empty() { self.named(path) } else { self.ids.get(id).copied() }
    }

    /// The conversation whose file in the tree has this path.
    fn named(&self, path: &str) -> Option<usize> {
        self.tree.get(&path.to_lowercase()).copied()
    }

    /// The recorded files and links that belong to conversations: each with whether it is a file, and was whole.
    fn recorded(&self) -> impl Iterator<Item = (&'a str, Option<usize>, bool, bool)> {
        let before = self.before;
        before.files.iter().filter(|(path, _)| is_of_conversation(path)).flat_map(|(path, stamps)| {
            stamps.iter().map(|stamp| {
                let is_file = matches!(stamp.file, FileStamp::File(_));
                (path.as_str(), self.owner(path, &stamp.conversation), is_file, stamp.is_whole)
            })
        })
    }

    fn is_of_another_export(&self) -> bool {
        let mut owners = self.recorded().map(|(_, owner, ..)| owner).peekable();
        owners.peek().is_some() && owners.all(|owner| owner.is_none())
    }

    /// Why a conversation, as the export has it, must not replace `files` of it.
    fn flaw(&self, head: &Head, files: &[&str]) -> Option<KeepReason> {
        match head.condition {
            Condition::Sound => {
                let names: HashSet<_> = head.assets.iter().map(|asset| &*asset.name).collect();
                let is_lost = |path: &&str| attached(path).is_some_and(|name| !names.contains(name));
                (self.gap.is_some() && files.iter().any(is_lost)).then_some(KeepReason::LacksFiles)
            }
            Condition::Unverified | Condition::Damaged => Some(KeepReason::Damaged),
            Condition::TooLarge => Some(KeepReason::TooLarge),
            Condition::Unread => Some(KeepReason::Unread),
            Condition::Bug => Some(KeepReason::Bug),
        }
    }

    fn decide(&self) -> Retention {
        let mut files: HashMap<usize, Vec<&str>> = HashMap::new();
        let (mut whole, mut absent) = (HashSet::new(), Vec::new());
        for (path, owner, is_file, is_whole) in self.recorded() {
            match owner {
                Some(head) => {
                    files.entry(head).or_default().push(path);
                    if is_file && is_whole {
                        whole.insert(head);
                    }
                }
                None if self.gap.is_some() => absent.push(path),
                None => {}
            }
        }
        let gap = self.gap.map(|gap| format!("{}: {}", printable(&gap.subject), printable(&gap.reason)));
        let mut kept = Retention { gap, ..Retention::default() };
        // Each conversation is held once, and its files are looked at once.
        let mut waiting: Vec<(Vec<&str>, KeepReason)> = vec![(absent, KeepReason::Absent)];
        for (&head, files) in files.iter().filter(|(head, _)| whole.contains(head)) {
            let flaw = self.catalog.heads.get(head).and_then(|head| self.flaw(head, files));
            if let Some(reason) = flaw {
                kept.held.insert(head, reason);
                waiting.push((files.clone(), reason));
            }
        }
        while let Some((paths, reason)) = waiting.pop() {
            for path in paths {
                kept.files.entry(path.to_owned()).or_insert(reason);
                let Some(head) = self.named(path).filter(|head| self.selection.has(*head)) else { continue };
                kept.held.entry(head).or_insert_with(|| {
                    waiting.push((files.get(&head).cloned().unwrap_or_default(), KeepReason::NameTaken));
                    KeepReason::NameTaken
                });
            }
        }
        kept
    }
}

/// True for a path of a page, a file or a link: only `.ignore` is at the root.
fn is_of_conversation(path: &str) -> bool {
    path.contains('/')
}

/// The name of a file in `title.assets/`.
fn attached(path: &str) -> Option<&str> {
    let (directory, name) = path.rsplit_once('/')?;
    directory.ends_with(".assets").then_some(name)
}

/// Their number and the first of them.
fn counted(paths: &[&str], one: &str, many: &str) -> String {
    let first = printable(paths.first().copied().unwrap_or_default());
    match paths.len() {
        1 => format!("1 {one}, {first}"),
        more => format!("{} {many}, such as {first}", grouped(more as u64)),
    }
}
