//! Links: to neighbours of a page, and external ones.

use super::STEM;
use crate::catalog::Page;
use crate::conversation::files::Files;
use crate::conversation::{FileKind, FileRef, Link};
use crate::markdown::{self, encode_path_segment};
use crate::text::size;

/// What pages need to link to the files and branches of their conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Neighbours<'d> {
    files: &'d Files,
    page: Page,
}

impl<'d> Neighbours<'d> {
    pub(super) fn of(files: &'d Files, page: Page) -> Self {
        Self { files, page }
    }

    /// The address of `file`; `None` if the export does not contain it.
    pub(super) fn file(&self, file: &FileRef<'_>) -> Option<String> {
        let name = encode_path_segment(&self.files.get(file)?.name);
        Some(match self.page {
            Page::Branch(_) => format!("../{STEM}.assets/{name}"),
            Page::Thread | Page::Canvas(_) | Page::Prompts => format!("{STEM}.assets/{name}"),
        })
    }

    /// The address of the branch with this number.
    pub(super) fn branch(&self, number: u32) -> String {
        match self.page {
            Page::Branch(_) => format!("{number}.md"),
            Page::Thread | Page::Canvas(_) | Page::Prompts => format!("{STEM}.branches/{number}.md"),
        }
    }

    /// The label of a file: the name its user gave it, else its name in the tree, else its id.
    pub(super) fn name(&self, file: &FileRef<'_>) -> String {
        let known = file.name.as_deref().filter(|name| !name.trim().is_empty());
        let found = || self.files.get(file).map(|file| file.name.as_str());
        known.or_else(found).unwrap_or(&file.id).to_owned()
    }
}

/// True if `link` would show nothing.
pub(super) fn is_empty(link: &Link<'_>) -> bool {
    markdown::is_blank(&link.label) && markdown::is_blank(&link.url)
}

/// The text for a file that the export does not contain: `lost.docx, 2.0 kB, not in export`.
pub(super) fn missing(name: &str, file: &FileRef<'_>) -> String {
    let kind = match file.kind {
        FileKind::Image | FileKind::Plot => "Image",
        FileKind::Audio => "Audio",
        FileKind::Video => "Video",
        FileKind::Other => "File",
    };
    let name = markdown::label(name);
    let name = if name.is_empty() { kind } else { &*name };
    match file.bytes {
        Some(bytes) => format!("{name}, {}, not in export", size(bytes)),
        None => format!("{name}, not in export"),
    }
}
