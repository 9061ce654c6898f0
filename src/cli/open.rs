//! From the words of a command to a file system: where the two halves of the program are joined.

use super::args::ReadingArgs;
use super::progress;
use crate::archive::Limits;
use crate::error::Result;
use crate::fs::{Fs, Library};
use crate::index::{self, Index, IndexCache};
use crate::layout::Layout;
use crate::progress::Progress;
use crate::source;
use std::path::PathBuf;
use std::sync::Arc;

/// An export and the tree that it is shown as.
pub(super) struct Opened {
    pub(super) index: Arc<Index>,
    pub(super) fs: Fs,
}

/// Opens `sources` for a command that needs no mount: with progress on a terminal, and a line on standard error
/// if something is wrong with the export.
pub(super) fn open(sources: &[PathBuf], reading: &ReadingArgs) -> Result<Opened> {
    let progress = Progress::default();
    let opened = progress::shown(&progress, || build(sources, reading, &progress))?;
    if let Some(note) = opened.problems() {
        super::say(&note);
    }
    save(&opened.index, reading);
    Ok(opened)
}

/// Opens and indexes `sources`, reporting to `progress` and printing nothing.
pub(super) fn build(sources: &[PathBuf], reading: &ReadingArgs, progress: &Progress) -> Result<Opened> {
    let mut options = index::IndexOptions::new(reading.rendering()?);
    options.jobs = reading.jobs.map_or(options.jobs, usize::from);
    options.max_conversation = usize::try_from(reading.max_conversation).unwrap_or(usize::MAX);
    let limits = Limits { max_bytes: reading.max_size, ..Limits::default() };
    let export = source::open(sources, &limits)?;
    let index = Index::find_or_build(export, &options, cache(reading).as_ref(), progress)?;
    let index = Arc::new(index);
    let layout = Layout::new(index.catalog(), &options.render.zone);
    Ok(Opened { fs: Fs::new(Arc::clone(&index) as _, layout), index })
}

impl Opened {
    /// What to say of the export's problems, if it has any.
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

/// Saves the index for the next time, unless it may not be saved or came from there. Failure costs only time.
pub(super) fn save(index: &Index, reading: &ReadingArgs) {
    if let Some(cache) = cache(reading) {
        let _ = index.save(&cache);
    }
}

fn cache(reading: &ReadingArgs) -> Option<IndexCache> {
    if reading.no_cache { None } else { IndexCache::of_user() }
}
