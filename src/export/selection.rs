//! Which conversations an export writes, and which part of the tree that is.

use crate::fs::{Fs, InodeKind, TreeEntry};

/// The conversations to write, with all their files.
#[derive(Debug)]
pub(crate) enum Selection {
    /// All of them.
    All,
    /// Some of them.
    Chosen {
        /// Whether each is one of them, by position in the catalog.
        heads: Vec<bool>,
        /// The filters that chose them, in one line without tabs.
        filter: String,
    },
}

impl Selection {
    /// True for a conversation to write, by its position in the catalog.
    pub(crate) fn has(&self, head: usize) -> bool {
        match self {
            Self::All => true,
            Self::Chosen { heads, .. } => heads.get(head).is_some_and(|&is_chosen| is_chosen),
        }
    }

    /// How many conversations there are to write; `None` for all.
    pub(crate) fn count(&self) -> Option<usize> {
        match self {
            Self::All => None,
            Self::Chosen { heads, .. } => Some(heads.iter().filter(|is_chosen| **is_chosen).count()),
        }
    }

    /// The filters that chose them; empty for all.
    pub(super) fn filter(&self) -> &str {
        match self {
            Self::All => "",
            Self::Chosen { filter, .. } => filter,
        }
    }

    /// Everything to write, each directory before its contents. Directories that would be empty are left out, unless
    /// everything is written.
    pub(super) fn entries<'a>(&'a self, fs: &'a Fs) -> impl Iterator<Item = TreeEntry> + 'a {
        // The directories on the way down that have nothing to write so far.
        let mut empty: Vec<TreeEntry> = Vec::new();
        fs.walk().chain(fs.walk_views()).flat_map(move |entry| {
            if matches!(self, Self::All) {
                return Vec::new().into_iter().chain(Some(entry));
            }
            let is_above = |directory: &TreeEntry| {
                entry.path.strip_prefix(&directory.path).is_some_and(|rest| rest.starts_with('/'))
            };
            while empty.pop_if(|directory| !is_above(directory)).is_some() {}
            let is_directory = entry.attr.kind == InodeKind::Directory;
            if !is_directory && fs.conversation(entry.attr.ino).is_none_or(|head| self.has(head)) {
                return std::mem::take(&mut empty).into_iter().chain(Some(entry));
            }
            if is_directory {
                empty.push(entry);
            }
            Vec::new().into_iter().chain(None)
        })
    }
}
