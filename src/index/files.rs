//! The files of an export, and what the side files say about them. Read before the first conversation.

use crate::archive::{self, Chunk, EntryKind};
use crate::bug;
use crate::bytes::append;
use crate::catalog::{EntryRef, Problem, SideFile};
use crate::error::{Error, ErrorKind, Result};
use crate::format::assets::{self, Assets, Candidate, Candidates, SideFiles};
use crate::format::html::HtmlExtract;
use crate::layout::file_names;
use crate::progress::Progress;
use crate::source::Export;
use crate::text::{binary_size, grouped, printable};
use std::collections::HashSet;
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
            // What comes before a break, or isn't verified, is better than nothing.
            let (bytes, error) = read(export, entry);
            if let Err(bug) = bug::caught(|| take(&bytes)) {
                problems.push(Problem::new(export.subject(entry), format!("not used because of {bug}")));
            }
            if let Some(error) = error {
                problems.push(Problem::new(export.subject(entry), error.reason()));
                failure = failure.take().or(Some(error).filter(may_pass));
            }
        }
    };
    each(&export.side.asset_names, &mut |json| side.names.extend(assets::parse_names(json)));
    each(&export.side.library, &mut |json| side.library.extend(assets::parse_library(json)));
    if side.library.len() >= assets::MOST_RECORDS {
        let reason =
            format!("more than {} records; the others are not used", grouped(assets::MOST_RECORDS as u64));
        problems.push(Problem::new("library_files.json", reason));
    }
    let candidates = ExportFiles(Arc::clone(export));
    let mut all = (0..candidates.count()).filter_map(|at| candidates.get(at));
    if all.any(|candidate| !assets::tells_its_id(candidate.path)) {
        for &viewer in &export.side.viewer {
            let path = name(export, viewer);
            let folder = path.rsplit_once(['/', '\\']).map_or("", |(folder, _)| folder);
            side.pointers.extend(assets::parse_pointers(&table(export, viewer), folder));
        }
    }
    FoundAssets { assets: Assets::new(Box::new(candidates), side), problems, failure }
}

/// The entries that may be files of conversations.
struct ExportFiles(Arc<Export>);

impl Candidates for ExportFiles {
    fn count(&self) -> usize {
        self.0.files.len()
    }

    fn get(&self, at: usize) -> Option<Candidate<'_>> {
        let &entry = self.0.files.get(at)?;
        let found = self.0.entry(entry)?;
        Some(Candidate { entry, path: found.name, bytes: found.size })
    }

    fn read(&self, entry: EntryRef, most: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; most];
        let archive = self.0.archive(entry)?;
        let mut read = 0;
        while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
            match archive.read_at(entry.entry, read as u64, rest).ok()? {
                0 => break,
                more => read += more,
            }
        }
        bytes.truncate(read);
        Some(bytes)
    }
}

/// True if the reason of a failure is outside the export.
fn may_pass(error: &Error) -> bool {
    !matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Limit)
}

/// The side files whose base names pass `wanted`, in order, with these names.
fn wanted<'e>(
    export: &'e Export,
    wanted: &'e dyn Fn(&str) -> bool,
) -> impl Iterator<Item = (EntryRef, String)> + 'e {
    let side = &export.side;
    let mut entries: Vec<EntryRef> =
        side.user.iter().chain(&side.feedback).chain(&side.other).copied().collect();
    entries.sort_unstable();
    let base = |entry| name(export, entry).rsplit(['/', '\\']).next().unwrap_or_default().to_owned();
    entries.into_iter().map(move |entry| (entry, base(entry))).filter(|(_, name)| wanted(name))
}

/// The side files whose base names pass `names`, whole or as far as they go.
///
/// # Errors
/// If one can't be read that may be readable another time.
pub(super) fn side(export: &Export, names: &dyn Fn(&str) -> bool) -> Result<Vec<SideFile>> {
    let read = |(entry, name): (EntryRef, String)| match read(export, entry) {
        (_, Some(error)) if may_pass(&error) => Err(error.within(printable(&name))),
        (bytes, error) => Ok(SideFile { name, bytes, flaw: error.map(|error| error.reason()) }),
    };
    wanted(export, names).map(read).collect()
}

/// What is wrong with those files, and why one couldn't be read that may be readable another time.
pub(super) fn side_problems(export: &Export, names: &dyn Fn(&str) -> bool) -> (Vec<Problem>, Option<Error>) {
    let (mut problems, mut failure) = (Vec::new(), None);
    for (entry, _) in wanted(export, names) {
        if let Some(error) = read_to(export, entry, &mut |_| {}) {
            problems.push(Problem::new(export.subject(entry), error.reason()));
            failure = failure.or(Some(error).filter(may_pass));
        }
    }
    (problems, failure)
}

/// What is wrong with the files of the export that are not shards. Reads them whole.
pub(super) fn damage(export: &Export, progress: &Progress) -> Vec<Problem> {
    let shards: HashSet<EntryRef> = export.shards.iter().map(|shard| shard.entry).collect();
    let (mut files, mut bytes) = (Vec::new(), 0_u64);
    all(export, &mut |_, entry| {
        if !shards.contains(&entry) {
            files.push(entry);
            bytes = bytes.saturating_add(size(export, entry));
        }
    });
    progress.set_total(bytes);
    let damaged = files.into_iter().filter_map(|entry| {
        progress.count();
        let error = stream(export, entry, &mut |chunk| progress.advance(chunk.len()))?;
        Some(Problem::new(export.subject(entry), error.reason()))
    });
    damaged.collect()
}

/// Hands over every file of the archives with its path, below a name for its archive if there are several.
pub(super) fn all(export: &Export, take: &mut dyn FnMut(&str, EntryRef)) {
    let mut name = String::new();
    let folders = file_names(export.archives.iter().map(|archive| archive::own_name(archive.label())));
    for ((number, archive), folder) in (0..).zip(&export.archives).zip(folders) {
        let files = (0..).zip(archive.entries().iter()).filter(|(_, entry)| entry.kind == EntryKind::File);
        for (at, entry) in files {
            name.clear();
            if export.archives.len() > 1 {
                name.extend([folder.as_str(), "/"]);
            }
            name.push_str(entry.name.trim_start_matches('/'));
            take(&name, EntryRef { archive: number, entry: at });
        }
    }
}

fn name(export: &Export, entry: EntryRef) -> String {
    export.entry(entry).map(|entry| entry.name.to_owned()).unwrap_or_default()
}

/// The bytes of a side file, and why they aren't all of it or can't be trusted.
fn read(export: &Export, entry: EntryRef) -> (Vec<u8>, Option<Error>) {
    let mut bytes = Vec::new();
    let size = size(export, entry).min(SIDE_BYTES);
    if bytes.try_reserve_exact(usize::try_from(size).unwrap_or(usize::MAX)).is_err() {
        return (bytes, Some(Error::new(ErrorKind::OutOfMemory, format!("no memory for {size} bytes"))));
    }
    let error = read_to(export, entry, &mut |chunk| append(&mut bytes, chunk));
    (bytes, error)
}

/// Hands a side file to `take`, chunk by chunk, and verifies it. Returns why it isn't whole.
fn read_to(export: &Export, entry: EntryRef, take: &mut dyn FnMut(&[u8])) -> Option<Error> {
    if size(export, entry) > SIDE_BYTES {
        return Some(Error::new(ErrorKind::Limit, format!("larger than {}", binary_size(SIDE_BYTES.into()))));
    }
    stream(export, entry, take)
}

/// The same for a file of any size.
fn stream(export: &Export, entry: EntryRef, take: &mut dyn FnMut(&[u8])) -> Option<Error> {
    let mut each = |chunk: Chunk<'_>| {
        take(&chunk);
        Ok(())
    };
    let spacing = archive::spacing(size(export, entry));
    export.archive(entry)?.stream(entry.entry, spacing, &mut each).err()
}

fn size(export: &Export, entry: EntryRef) -> u64 {
    export.entry(entry).map_or(0, |entry| entry.size)
}

/// The asset table of a viewer; empty if it has none.
fn table(export: &Export, viewer: EntryRef) -> Vec<u8> {
    let mut extract = HtmlExtract::new();
    if let Some(archive) = export.archive(viewer) {
        // Everything before a break is used; conversations don't depend on it.
        let spacing = archive::spacing(size(export, viewer));
        let _ = archive.stream(viewer.entry, spacing, &mut |chunk| {
            extract.feed(&chunk, &mut |_, _| {});
            Ok(())
        });
    }
    extract.finish().assets.unwrap_or_default()
}
