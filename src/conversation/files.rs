//! The files of a conversation: which entry of the archive each pointer means, and its name in `title.assets/`.
//!
//! Knows archives only through [`AssetIndex`].

use super::canvas::Canvas;
use super::thread::Threads;
use super::{Conversation, FileRef};
use crate::catalog::{Content, EntryRef};
use crate::time::Timestamp;
use std::collections::HashMap;

/// What an export knows of a file that a message points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The entry that holds its bytes.
    pub entry: EntryRef,
    /// Its exact size in bytes.
    pub bytes: u64,
    /// The name that the export's side files give it.
    pub name: Option<String>,
    /// An extension (without the dot) that fits its type: from a MIME type in the side files, or its first bytes.
    pub extension: Option<String>,
}

/// Finds the file that a message points to.
pub trait AssetIndex: Send + Sync {
    /// The entry that `file` means where it is pointed to by the message `message` (written at `created`) of the
    /// conversation `conversation`; `None` if the export does not contain it.
    fn resolve(
        &self,
        file: &FileRef<'_>,
        conversation: &str,
        message: &str,
        created: Option<Timestamp>,
    ) -> Option<Resolved>;
}

/// A file in `title.assets/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its checked name, unique within the conversation.
    pub name: String,
    /// Where its bytes come from.
    pub content: Content,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// The files of one conversation, in order of first use.
#[derive(Debug, Default)]
pub struct Files {
    /// The files that exist. `Content::Canvas(n)` stands at position n.
    pub files: Vec<File>,
    by_id: HashMap<String, usize>,
}

impl Files {
    /// The files that the pages of `conversation` link to.
    pub fn of(
        conversation: &Conversation<'_>,
        threads: &Threads,
        canvas: &Canvas<'_>,
        index: &dyn AssetIndex,
    ) -> Self {
        let _ = (conversation, threads, canvas, index);
        Self::default()
    }

    /// The file that `file` means; `None` if the export does not contain it.
    pub fn get(&self, file: &FileRef<'_>) -> Option<&File> {
        self.by_id.get(file.id.as_ref()).and_then(|&at| self.files.get(at))
    }
}
