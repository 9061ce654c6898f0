//! The files of an export, and what the side files say about them. Read before the first conversation.

use crate::archive::{self, EntryKind};
use crate::catalog::{EntryRef, Problem, SideFile};
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::{self, Assets, Candidate, SideFiles};
use crate::format::html::HtmlExtract;
use crate::source::Export;
use crate::text::{binary_size, printable};
use std::sync::Arc;

/// Maximum size of a side file.
const SIDE_BYTES: u64 = 256 << 20;

/// The assets of an export as far as its side files can be read.
pub(super) struct FoundAssets {
    pub(super) assets: Assets,
    /// What is wrong with the files that describe them.
    pub(super) problems: Vec<Problem>,
    /// Why a file couldn't be read that may be readable another time.
    pub(super) failure: Option<Error>,
}

/// The assets of `export`. Reads the side files. The table in `chat.html` follows a copy of all conversations, so it is
/// read only if some entry's own name doesn't identify its asset.
pub(super) fn assets(export: &Arc<Export>) -> FoundAssets {
    let (mut problems, mut failure) = (Vec::new(), None);
    let mut side = SideFiles::default();
    let mut each = |entries: &[EntryRef], take: &mut dyn FnMut(&[u8])| {
        for &entry in entries {
            match read(export, entry) {
                Ok(bytes) => take(&bytes),
                Err(error) => {
                    problems.push(Problem::new(name(export, entry), error.to_string()));
                    failure = failure.take().or(Some(error).filter(may_pass));
                }
            }
        }
    };
    each(&export.side.asset_names, &mut |json| side.names.extend(assets::parse_names(json)));
    each(&export.side.library, &mut |json| side.library.extend(assets::parse_library(json)));
    let candidates = candidates(export);
    if candidates.iter().any(|candidate| !assets::tells_its_id(&candidate.path)) {
        for &viewer in &export.side.viewer {
            let path = name(export, viewer);
            let folder = path.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder);
            side.pointers.extend(assets::parse_pointers(&table(export, viewer), folder));
        }
    }
    let archives = Arc::clone(export);
    let beginning = move |entry: EntryRef, most: usize| {
        let mut bytes = vec![0; most];
        let archive = archives.archive(entry)?;
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match archive.read_at(entry.entry, read as u64, rest).ok()? {
                0 => break,
                more => read += more,
            }
        }
        bytes.truncate(read);
        Some(bytes)
    };
    FoundAssets { assets: Assets::new(candidates, side, Box::new(beginning)), problems, failure }
}

/// True if the reason of a failure is outside the export.
fn may_pass(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Limit)
}

/// The side files whose base names pass `wanted`, whole.
///
/// # Errors
/// If one can't be read that may be readable another time.
pub(super) fn side(export: &Export, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<SideFile>> {
    let side = &export.side;
    let mut entries: Vec<EntryRef> =
        side.user.iter().chain(&side.feedback).chain(&side.other).copied().collect();
    entries.sort_unstable();
    let base = |entry| name(export, entry).rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    let wanted = entries.into_iter().map(|entry| (entry, base(entry))).filter(|(_, name)| wanted(name));
    let read = |(entry, name): (EntryRef, String)| {
        let bytes = match read(export, entry) {
            Err(error) if may_pass(&error) => return Err(error.within(printable(&name))),
            read => read.map_err(|error| error.to_string()),
        };
        Ok(SideFile { name, bytes })
    };
    wanted.map(read).collect()
}

/// Every file of the archives: its name, below that of its archive if there are several, and its size.
pub(super) fn all(export: &Export) -> Vec<(String, EntryRef, u64)> {
    let mut files = Vec::new();
    for (number, archive) in (0..).zip(&export.archives) {
        let label = archive.label().rsplit(['/', '\\']).next().unwrap_or_default();
        for (at, entry) in (0..).zip(archive.entries()).filter(|(_, entry)| entry.kind == EntryKind::File) {
            let inside = entry.name.trim_start_matches('/');
            let name =
                if export.archives.len() > 1 { format!("{label}/{inside}") } else { inside.to_owned() };
            files.push((name, EntryRef { archive: number, entry: at }, entry.size));
        }
    }
    files
}

/// The entries that may be files of conversations.
fn candidates(export: &Export) -> Vec<Candidate> {
    let entries = export.files.iter().filter_map(|&entry| Some((entry, export.entry(entry)?)));
    let files = entries.filter(|(_, found)| found.kind == EntryKind::File);
    files.map(|(entry, found)| Candidate { entry, path: found.name.clone(), bytes: found.size }).collect()
}

fn name(export: &Export, entry: EntryRef) -> String {
    export.entry(entry).map(|entry| entry.name.clone()).unwrap_or_default()
}

/// All bytes of a side file.
fn read(export: &Export, entry: EntryRef) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let size = export.entry(entry).map_or(0, |entry| entry.size);
    if size > SIDE_BYTES {
        return Err(Error::new(ErrorKind::Limit, format!("larger than {}", binary_size(SIDE_BYTES.into()))));
    }
    if let Some(archive) = export.archive(entry) {
        archive.read_range(entry.entry, 0, size, &mut bytes)?;
    }
    Ok(bytes)
}

/// The asset table of a viewer; empty if it has none.
fn table(export: &Export, viewer: EntryRef) -> Vec<u8> {
    let mut extract = HtmlExtract::new();
    if let Some(archive) = export.archive(viewer) {
        // Everything before a break is used; conversations don't depend on it.
        let spacing = archive::spacing(export.entry(viewer).map_or(0, |entry| entry.size));
        let _ = archive.stream(viewer.entry, spacing, &mut |chunk| {
            extract.feed(&chunk, &mut |_, _| {});
            Ok(())
        });
    }
    extract.finish().assets.unwrap_or_default()
}
