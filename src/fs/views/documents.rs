//! The documents of `.gptfs`: about the account, the conversations, and what is wrong with the export.

use super::super::Fs;
use crate::catalog::{Location, OwnerDocument, PageLink, Problem};
use crate::error::Result;
use crate::markdown::{encode_path_segment, one_line};
use crate::text::{printable, shortened};
use crate::time::Timestamp;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// A document that is written when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::fs) enum ViewText {
    Owner(OwnerDocument),
    /// A line for each conversation.
    Index,
    /// A line for each problem.
    Problems,
    /// A few facts about the export.
    Status,
    /// What programs that search should pass over.
    Ignore,
}

impl ViewText {
    /// Those in the hidden directory.
    pub(super) const ALL: [Self; 6] = [
        Self::Owner(OwnerDocument::Account),
        Self::Owner(OwnerDocument::Feedback),
        Self::Owner(OwnerDocument::Shared),
        Self::Index,
        Self::Problems,
        Self::Status,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Owner(OwnerDocument::Account) => "account.md",
            Self::Owner(OwnerDocument::Feedback) => "feedback.md",
            Self::Owner(OwnerDocument::Shared) => "shared.md",
            Self::Index => "index.tsv",
            Self::Problems => "problems.txt",
            Self::Status => "status",
            Self::Ignore => ".ignore",
        }
    }
}

impl Fs {
    /// The size of a document. An error is not remembered.
    pub(super) fn text_size(&self, text: ViewText) -> Result<u64> {
        let at = ViewText::ALL.iter().position(|other| *other == text);
        let known = at.and_then(|at| self.views().sizes.get(at));
        if let Some(&size) = known.and_then(OnceLock::get) {
            return Ok(size);
        }
        let size = self.text(text)?.len() as u64;
        // The others cost nothing.
        Ok(known.map_or(size, |known| *known.get_or_init(|| size)))
    }

    /// All problems of the export, each with the path of the page that it concerns, if there is one.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (&Problem, Option<String>)> {
        let catalog = self.catalog();
        let heads: HashMap<Location, usize> = if catalog.problems.is_empty() {
            HashMap::new()
        } else {
            catalog.heads.iter().enumerate().map(|(at, head)| (head.location, at)).collect()
        };
        catalog.problems.iter().map(move |problem| {
            let head = problem.conversation.and_then(|location| heads.get(&location));
            (problem, head.and_then(|&head| self.thread_path(head)))
        })
    }

    pub(super) fn text(&self, text: ViewText) -> Result<Vec<u8>> {
        Ok(match text {
            ViewText::Owner(document) => {
                let ids: HashMap<&str, usize> =
                    self.catalog().heads.iter().enumerate().map(|(at, head)| (&*head.id, at)).collect();
                self.library.owner(document, &|id| {
                    let at = *ids.get(id)?;
                    let path = self.path(self.table.thread(at)?);
                    let segments: Vec<_> = path.split('/').map(encode_path_segment).collect();
                    let title = self.catalog().heads.get(at)?.title.as_deref().unwrap_or("Untitled");
                    // Any number of records may name the same conversation.
                    let title = shortened(title, 200).into_owned();
                    Some(PageLink { title, address: format!("../{}", segments.join("/")) })
                })?
            }
            ViewText::Index => self.index_lines().into_bytes(),
            ViewText::Problems => {
                let mut lines = String::new();
                for (problem, page) in self.problems() {
                    let page = page.map(|page| format!(" ({page})")).unwrap_or_default();
                    let (subject, reason) = (printable(&problem.subject), printable(&problem.reason));
                    // A string takes everything.
                    let _ = writeln!(lines, "{subject}{page}: {reason}");
                }
                lines.into_bytes()
            }
            ViewText::Ignore => {
                let mut lines = String::from("# Links to files that are found in the years.\n");
                for (name, _) in self.listed_views().iter().filter(|(name, _)| !name.starts_with('.')) {
                    let _ = writeln!(lines, "/{name}/");
                }
                lines.into_bytes()
            }
            ViewText::Status => {
                let (catalog, mut lines) = (self.catalog(), String::new());
                for (name, value) in self.library.status() {
                    let _ = writeln!(lines, "{name}: {}", printable(&value));
                }
                let _ = writeln!(lines, "conversations: {}", catalog.heads.len());
                let _ = writeln!(lines, "problems: {}", catalog.problems.len());
                let _ = writeln!(lines, "time zone: {}", self.library.zone().name());
                let _ = writeln!(lines, "version: {}", env!("CARGO_PKG_VERSION"));
                lines.into_bytes()
            }
        })
    }

    /// A line of tab-separated values for each conversation, in listing order.
    fn index_lines(&self) -> String {
        let zone = self.library.zone();
        let time = |time: Option<Timestamp>| time.map(|time| zone.rfc3339(time)).unwrap_or_default();
        let mut lines = String::from("path\tid\ttitle\tcreated\tupdated\tmodel\tturns\tbytes\n");
        for rank in 0..self.catalog().heads.len() {
            let Some((ino, _)) = self.ranked(rank) else { break };
            let Some(head) = self.page(ino).and_then(|(head, _)| self.catalog().heads.get(head)) else {
                break;
            };
            let _ = writeln!(
                lines,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                self.path(ino),
                one_line(&head.id),
                one_line(head.title.as_deref().unwrap_or_default()),
                time(head.created),
                time(head.updated),
                one_line(&head.models.join(", ")),
                head.turns,
                self.table.inode(ino).map_or(0, |node| node.size),
            );
        }
        lines
    }
}
