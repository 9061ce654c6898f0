//! From sources and settings to a file system: the one place where the two halves of the program meet.

use super::progress;
use super::settings::Settings;
use crate::error::Result;
use crate::fs::{CACHE_BYTES, Fs, Library};
use crate::index::Index;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::source;
use std::path::PathBuf;
use std::sync::Arc;

/// An export and the tree that shows it.
pub(super) struct Opened {
    pub(super) index: Arc<Index>,
    pub(super) fs: Fs,
}

/// Opens `sources` for a command that doesn't mount: shows progress on a terminal, prints one line if the export has
/// problems, and saves the index.
pub(super) fn open(sources: &[PathBuf], settings: &Settings) -> Result<Opened> {
    let progress = Progress::default();
    let opened = progress::shown(&progress, || build(sources, settings, &progress))?;
    if let Some(note) = opened.problems() {
        super::say(&note);
    }
    save(&opened.index, settings);
    Ok(opened)
}

/// Opens and indexes `sources`. Reports to `progress` and prints nothing.
pub(super) fn build(sources: &[PathBuf], settings: &Settings, progress: &Progress) -> Result<Opened> {
    let export = source::open(sources, &settings.limits)?;
    let index = Index::find_or_build(export, &settings.index, settings.cache.as_ref(), progress)?;
    let index = Arc::new(index);
    let layout = Layout::new(index.catalog(), settings.zone());
    Ok(Opened { fs: Fs::new(Arc::clone(&index) as _, layout, CACHE_BYTES), index })
}

impl Opened {
    /// One line about the export's problems, if it has any.
    pub(super) fn problems(&self) -> Option<String> {
        let problems = &self.index.catalog().problems;
        let first = problems.first()?;
        let more = match problems.len() - 1 {
            0 => String::new(),
            more => format!(" (and {more} more)"),
        };
        let name = &self.index.export().name;
        Some(format!("{name}: {}: {}{more}; all are in .gptfs/problems.txt", first.subject, first.reason))
    }
}

/// Saves `index` for the next run, unless it came from the cache or may not be saved. A failure only costs time.
pub(super) fn save(index: &Index, settings: &Settings) {
    if let Some(cache) = &settings.cache {
        let _ = index.save(cache);
    }
}
