//! The files in a folder.

use super::Limits;
use super::section::Stamp;
use crate::error::{Error, ErrorKind, Result};
use crate::sys::OpenDirectory;
use crate::text::printable;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Deepest level that is searched.
const MAX_DEPTH: usize = 16;

/// A file below the top of a folder: its name with `/`, its path from there, and its stamp.
pub(super) type FolderFile = (String, PathBuf, Stamp);

/// The folder at `top`, and all files below it, sorted by name. Whatever is moved or mounted there later, the files are
/// those that were listed.
pub(super) fn list(top: &Path, limits: &Limits) -> Result<(OpenDirectory, Vec<FolderFile>)> {
    let mut files = Vec::new();
    let held = OpenDirectory::open(top);
    let held = held.map_err(|error| Error::io("cannot be listed", error));
    let mut pending = vec![(PathBuf::new(), String::new(), 0)];
    while let Some((below, prefix, depth)) = pending.pop() {
        let directory = top.join(&below);
        let cannot =
            |error| Error::io(format!("{} cannot be listed", printable(&directory.to_string_lossy())), error);
        let found = match std::fs::read_dir(&directory) {
            // An unreadable directory hides only its own files.
            Err(_) if depth > 0 => continue,
            other => other.map_err(cannot)?,
        };
        for item in found {
            let item = item.map_err(cannot)?;
            let name = item.file_name().to_string_lossy().into_owned();
            // Doesn't follow links; a file that vanished meanwhile is skipped.
            let Ok(metadata) = item.metadata() else { continue };
            if name.starts_with('.') {
                continue;
            }
            let name = format!("{prefix}{name}");
            if metadata.is_dir() && depth < MAX_DEPTH {
                pending.push((below.join(item.file_name()), format!("{name}/"), depth + 1));
            } else if metadata.is_file() {
                files.push((name, below.join(item.file_name()), Stamp::of(&metadata)));
            }
            if files.len().saturating_add(pending.len()) as u64 > limits.max_entries {
                let reason = format!("more than {} files, which is the limit", limits.max_entries);
                return Err(Error::new(ErrorKind::Limit, reason));
            }
        }
    }
    files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok((held?, files))
}

/// Opens a file in a folder if it is still the one that was listed. A symbolic link in its place is refused.
pub(super) fn open_unchanged(folder: &OpenDirectory, path: &Path, stamp: Stamp) -> Result<File> {
    let cannot = |error| Error::io("cannot be opened", error);
    let changed = || Error::new(ErrorKind::Damaged, "changed while it was in use");
    let file = folder.open_file(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => changed(),
        _ => cannot(error),
    })?;
    let is_unmodified = Stamp::of(&file.metadata().map_err(cannot)?).is_unmodified(&stamp);
    if is_unmodified { Ok(file) } else { Err(changed()) }
}
