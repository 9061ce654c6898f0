//! The files in a folder.

use super::Limits;
use super::section::Stamp;
use crate::error::{Error, ErrorKind, Result};
use crate::text::printable;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Deepest level that is searched.
const MAX_DEPTH: usize = 16;

/// All files below `top`, sorted by name: name with `/`, path, stamp.
pub(super) fn list(top: &Path, limits: &Limits) -> Result<Vec<(String, PathBuf, Stamp)>> {
    let mut files = Vec::new();
    let mut pending = vec![(top.to_owned(), String::new(), 0)];
    while let Some((directory, prefix, depth)) = pending.pop() {
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
                pending.push((item.path(), format!("{name}/"), depth + 1));
            } else if metadata.is_file() {
                files.push((name, item.path(), Stamp::of(&metadata)));
            }
            if files.len().saturating_add(pending.len()) as u64 > limits.max_entries {
                let reason = format!("more than {} files, which is the limit", limits.max_entries);
                return Err(Error::new(ErrorKind::Limit, reason));
            }
        }
    }
    files.sort_unstable_by(|a, b| a.0.cmp(&b.0));
    Ok(files)
}

/// Opens a file in a folder if it is still the one that was listed. A symbolic link in its place leads to another
/// file and is refused too.
pub(super) fn open_unchanged(path: &Path, stamp: Stamp) -> Result<File> {
    let cannot = |error| Error::io("cannot be opened", error);
    let file = File::open(path).map_err(cannot)?;
    if Stamp::of(&file.metadata().map_err(cannot)?).is_unmodified(&stamp) {
        Ok(file)
    } else {
        Err(Error::new(ErrorKind::Damaged, "changed while it was in use"))
    }
}
