//! ZIPs of a folder that are exports too, next to conversations or below ZIPs that are read. They are not opened, only
//! named: they may be the same export as downloaded.

use super::{discover, names};
use crate::archive::span::SpanCache;
use crate::archive::{Archive, Limits};
use crate::catalog::Problem;
use crate::sys;
use crate::text::{grouped, printable};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// Most ZIPs of a folder whose directories are read.
const MOST_PEEKS: usize = 16;

/// A ZIP with conversations that is not opened.
pub(super) struct ExportBeside {
    /// The folder that was named.
    folder: String,
    name: String,
    /// Device and inode, where the system has them.
    id: Option<(u64, u64)>,
}

/// The exports among these `files` of a folder that shows others, except for users' own files.
pub(super) fn beside(
    folder: &Archive,
    files: &[u32],
    limits: &Limits,
    spans: &Arc<SpanCache>,
) -> Vec<ExportBeside> {
    let is_possible = |entry: &u32| {
        let (directory, base) = names::split(discover::name(folder, *entry));
        names::is_zip(base) && !names::is_users_file(directory, base)
    };
    // No more than their directories, which have to be sound.
    let limits = Limits { recover: false, ..*limits };
    let peek = |entry: u32| {
        let file = folder.open_file(entry).ok()??;
        let id = sys::file_id(&file.metadata().ok()?);
        let name = discover::name(folder, entry);
        let zip = Archive::zip(file, name, &limits, spans).ok()?;
        let has_conversations = zip.entries().iter().any(|entry| {
            let (directory, base) = names::split(entry.name);
            let is_shown = names::is_conversations(base) || names::is_conversations_zip(base);
            is_shown && !names::is_foreign(directory) && !names::is_junk(entry.name)
        });
        has_conversations.then(|| ExportBeside {
            folder: folder.label().to_owned(),
            name: name.to_owned(),
            id,
        })
    };
    files.iter().copied().filter(is_possible).take(MOST_PEEKS).filter_map(peek).collect()
}

/// A problem for each folder with such exports, unless they were `opened` because they are sources as well.
pub(super) fn problems(found: &[ExportBeside], opened: &HashSet<(u64, u64)>) -> Vec<Problem> {
    let mut folders: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for export in found.iter().filter(|export| export.id.is_none_or(|id| !opened.contains(&id))) {
        folders.entry(&export.folder).or_default().push(&export.name);
    }
    let problem = |(folder, names): (&str, Vec<&str>)| {
        let first = printable(names.first().copied().unwrap_or_default());
        let reason = match names.len() {
            1 => format!("{first} is an export too and is not opened; to show it too, name it as a source"),
            count => format!(
                "{} ZIPs in it are exports too and are not opened, such as {first}; to show them too, name them as \
                 sources",
                grouped(count as u64)
            ),
        };
        Problem::new(folder, reason)
    };
    folders.into_iter().map(problem).collect()
}
