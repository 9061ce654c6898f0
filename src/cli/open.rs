//! From sources and settings to a file system: the one place where the two halves of the program meet.

use super::progress;
use super::settings::Settings;
use super::shell::quoted;
use crate::catalog::Head;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Fs, Library};
#[cfg(feature = "fuse")]
use crate::fuse::mount::source_of;
use crate::index::Index;
use crate::layout::Layout;
use crate::progress::Progress;
use crate::render::Observer;
use crate::search::WordQuery;
use crate::source::{self, Export};
use crate::text::printable;
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Maximum number of unknown ids of a names map to list.
const LISTED_NAMES: usize = 3;

/// An export and the tree that shows it.
pub(super) struct Opened {
    pub(super) index: Arc<Index>,
    pub(super) fs: Fs,
    /// How long it took to index or load it.
    elapsed: Duration,
}

/// Opens `sources` for a command that doesn't mount: shows progress on a terminal, prints a line if the export has
/// problems, and saves the index.
pub(super) fn open(sources: &[PathBuf], settings: &Settings) -> Result<Opened> {
    open_observed(sources, settings, None)
}

/// Like [`open`]. If the sources have to be indexed, `observer` sees their conversations.
pub(super) fn open_observed(
    sources: &[PathBuf],
    settings: &Settings,
    observer: Option<&dyn Observer>,
) -> Result<Opened> {
    let opened = open_quietly(sources, settings, observer)?;
    if let Some(note) = opened.problems() {
        super::say(&note);
    }
    Ok(opened)
}

/// Like [`open_observed`], for a command that reports the problems itself.
pub(super) fn open_quietly(
    sources: &[PathBuf],
    settings: &Settings,
    observer: Option<&dyn Observer>,
) -> Result<Opened> {
    let progress = Progress::default();
    let opened = progress::shown("conversations", &progress, || {
        let opened = index(self::sources(sources, settings)?, settings, observer, &progress)?;
        save(&opened.index, settings);
        opened.describe(settings, &progress);
        Ok(opened)
    })?;
    progress.take_notes().iter().for_each(super::say);
    Ok(opened)
}

/// Opens `sources` as one export, except for mounts of gptfs, which show an export but are not one.
pub(super) fn sources(sources: &[PathBuf], settings: &Settings) -> Result<Export> {
    sources.iter().try_for_each(|source| refuse_other_input(source))?;
    refuse_mounts(sources)?;
    source::open(sources, &settings.limits)
}

/// # Errors
/// `Environment` if `source` is what other programs take for standard input or an address, and no file is called that.
pub(super) fn refuse_other_input(source: &Path) -> Result<()> {
    let name = source.to_string_lossy();
    let reason = if name == "-" {
        "gptfs reads exports in any order, which standard input doesn't allow; save it to a file first"
    } else if name.starts_with("file:") {
        "an address; name the path of the file instead"
    } else if name.contains("://") {
        "an address, and gptfs never connects to a network; download the export first"
    } else {
        return Ok(());
    };
    if source.exists() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Environment, reason).within(printable(&name)))
}

/// # Errors
/// `NotAnExport` if one of the sources is the root of a mount of gptfs.
pub(super) fn refuse_mounts(sources: &[PathBuf]) -> Result<()> {
    for path in sources {
        if let Some(shown) = source_of(path) {
            let reason = format!("a mount of gptfs; name the export that it shows: {}", quoted(&shown));
            return Err(Error::new(ErrorKind::NotAnExport, reason).within(quoted(path)));
        }
    }
    Ok(())
}

/// Without FUSE there are no mounts.
#[cfg(not(feature = "fuse"))]
fn source_of(_: &Path) -> Option<PathBuf> {
    None
}

/// Indexes `export`, unless its index was saved; `observer` sees its conversations then. Reports to `progress` and prints
/// nothing.
pub(super) fn index(
    export: Export,
    settings: &Settings,
    observer: Option<&dyn Observer>,
    progress: &Progress,
) -> Result<Opened> {
    let start = Instant::now();
    let cache = settings.cache.as_ref();
    let index = Index::find_or_build(export, &settings.index, cache, observer, progress)?;
    let index = Arc::new(index);
    let layout = if settings.dates { Layout::with_days } else { Layout::new };
    let layout = layout(index.catalog(), settings.zone());
    let elapsed = start.elapsed();
    if let Some(note) = unknown_names(&index.catalog().heads, settings) {
        progress.note(note);
    }
    let fs = Fs::new(Arc::clone(&index) as _, layout, settings.page_bytes);
    let fs = if settings.show_views { fs.listing_views() } else { fs };
    let (library, threads) = (Arc::clone(&index), settings.index.jobs);
    fs.set_search(Box::new(move |fs, words| Ok(WordQuery::parse(words)?.best(fs, &*library, threads))));
    Ok(Opened { index, fs, elapsed })
}

/// A line about ids in the names map that no conversation has; they may be misspelt.
fn unknown_names(heads: &[Head], settings: &Settings) -> Option<String> {
    let file = settings.names_map.as_ref()?;
    let used: HashSet<&str> =
        heads.iter().flat_map(|head| [&head.gpt, &head.project]).flatten().map(|id| &**id).collect();
    let mut unknown: Vec<_> =
        settings.index.render.names.keys().map(String::as_str).filter(|id| !used.contains(id)).collect();
    unknown.sort_unstable();
    let more = match unknown.len().saturating_sub(LISTED_NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let listed = unknown.get(..LISTED_NAMES).unwrap_or(&unknown).join(", ");
    (!unknown.is_empty()).then(|| format!("{}: no conversation has {listed}{more}", file.display()))
}

impl Opened {
    /// Notes what `--verbose` says about an export that is saved if it may be.
    pub(super) fn describe(&self, settings: &Settings, progress: &Progress) {
        if !settings.verbose {
            return;
        }
        let name = &self.index.export().name;
        let catalog = self.index.catalog();
        let (conversations, problems) = (catalog.heads.len(), catalog.problems.len());
        let elapsed = self.elapsed.as_secs_f64();
        let how = if self.index.is_saved() {
            "loaded".to_owned()
        } else {
            format!("read with {} threads", settings.index.jobs)
        };
        progress.note(format!("{name}: {}", self.index.export().form));
        progress.note(format!(
            "{name}: {conversations} conversations, {problems} problems, {how} in {elapsed:.2} s; saved index: {}",
            self.index.saving()
        ));
    }

    /// A line about the export's problems, if it has any.
    pub(super) fn problems(&self) -> Option<String> {
        let problems = &self.index.catalog().problems;
        let first = problems.first()?;
        let count = problems.len();
        let (first_of, them) = if count == 1 { ("", "it") } else { ("the first: ", "them") };
        let problems = super::counted(count as u64, "problem", "problems");
        let name = &self.index.export().name;
        let subject = if first.subject == *name { String::new() } else { format!("{}: ", first.subject) };
        let reason = &first.reason;
        Some(format!(
            "{name}: {problems}, {first_of}{subject}{reason}; `gptfs check` lists {them}, as does .gptfs/problems.txt"
        ))
    }
}

/// Saves `index` for the next run, unless it came from the cache or may not be saved. A failure only costs time.
pub(super) fn save(index: &Index, settings: &Settings) {
    if let Some(cache) = &settings.cache {
        let _ = index.save(cache);
    }
}
