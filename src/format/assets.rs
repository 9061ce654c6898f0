//! The assets of an export, and the side files that describe them: names map, library, asset table of the HTML viewer.
//!
//! # Facts about the format
//!
//! * Until 2025 an asset's file name is its id and its own name (`file-<id>-<name>`, `file_<hex>-<uuid>.png`), at the root
//!   or in a folder (`dalle-generations/`, `<conversation>/audio/`, `user-<id>/`). From 2026 on it is
//!   `<id>.dat`, without name and type.
//! * `conversation_asset_file_names.json` maps `<id>.dat` to a plain name, a path, or only a UUID.
//! * `library_files.json` lists records with names, types, and the conversation and message that a file came from.
//! * `chat.html` holds a table from pointers to paths.
//! * `file-<id>_data/` has pictures of the pages of `file-<id>`, under the same id.

mod attach;
mod library;
mod script;
mod sniff;

pub(crate) use library::{
    AssetPointer, LibraryRecord, MOST_RECORDS, parse_library, parse_names, parse_pointers,
};

use super::pointer;
use crate::bytes::Positions;
use crate::catalog::{EntryRef, Orphan};
use crate::conversation::files::{AssetIndex, Names, Resolved, extension, extension_of_mime};
use crate::conversation::{FileKind, FileRef};
use crate::sync::lock;
use crate::time::Timestamp;
use library::LibraryIndex;
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

/// An entry that may be an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate<'a> {
    /// The entry.
    pub entry: EntryRef,
    /// Its path in its archive, as the archive has it. Untrusted.
    pub path: &'a str,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// The entries of an export that may be assets. There may be a million, so nothing is copied from them.
pub(crate) trait Candidates: Send + Sync {
    /// How many there are.
    fn count(&self) -> usize;

    /// The one at a position. Constant work.
    fn get(&self, at: usize) -> Option<Candidate<'_>>;

    /// The first bytes of an entry, at most `most`; `None` if they can't be read.
    fn read(&self, entry: EntryRef, most: usize) -> Option<Vec<u8>>;
}

/// The contents of an export's side files.
#[derive(Debug, Default)]
pub(crate) struct SideFiles {
    /// Names by the base names of entries: from [`parse_names`].
    pub names: Vec<(String, String)>,
    /// The records of the library: from [`parse_library`].
    pub library: Vec<LibraryRecord>,
    /// Paths by pointers: from [`parse_pointers`].
    pub pointers: Vec<AssetPointer>,
}

/// How many bytes of a file are needed to recognise its type.
const SNIFF_BYTES: usize = 512;

/// All assets of an export.
pub(crate) struct Assets {
    candidates: Box<dyn Candidates>,
    by_id: Positions,
    by_path: Positions,
    /// By base name, if that isn't the path.
    by_base: Positions,
    /// By base name without its extension.
    by_stem: Positions,
    /// Candidates in folders of conversations, by conversation and kind.
    by_folder: Unambiguous,
    /// Files of the library that lie under their own names, by name.
    by_own_name: Unambiguous,
    names: HashMap<String, String>,
    /// Candidates by the ids in the viewer's pointers.
    pointers: HashMap<String, usize>,
    library: LibraryIndex,
    /// Entries whose report is shown in a conversation.
    reports: Mutex<HashSet<EntryRef>>,
    sniffed: Mutex<HashMap<EntryRef, Option<&'static str>>>,
}

impl std::fmt::Debug for Assets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assets").field("candidates", &self.candidates.count()).finish_non_exhaustive()
    }
}

/// What of a candidate is the key to it. `None` if it has no such key.
type Key = for<'a> fn(Candidate<'a>) -> Option<AssetKey<'a>>;

/// A name, and the kind of the file where that is a part of the key.
type AssetKey<'a> = (&'a str, FileKind);

const ID: Key = |candidate| {
    let (folder, base) = split(candidate.path);
    let is_page = folder.ends_with("_data");
    asset_id(base).filter(|_| !is_page).map(any)
};
const PATH: Key = |candidate| Some(any(candidate.path));
const BASE: Key = |candidate| {
    let (folder, base) = split(candidate.path);
    (folder.len() + base.len() < candidate.path.len()).then_some(any(base))
};
const STEM: Key = |candidate| split(candidate.path).1.rsplit_once('.').map(|(stem, _)| any(stem));
/// A file with an id in its name never takes the place of another.
const FOLDER: Key = |candidate| {
    let (folder, base) = split(candidate.path);
    folder_of_conversation(folder).filter(|_| asset_id(base).is_none())
};
const OWN_NAME: Key = |candidate| {
    let (folder, base) = split(candidate.path);
    (folder == "personal/files" || folder.ends_with("/personal/files")).then_some(any(base))
};

fn any(name: &str) -> AssetKey<'_> {
    (name, FileKind::Other)
}

/// The first candidate with each key, and which keys several have.
struct Unambiguous {
    key: Key,
    first: Positions,
    repeated: Positions,
}

impl Unambiguous {
    fn new(candidates: &dyn Candidates, key: Key) -> Self {
        let mut of = Self { key, first: Positions::default(), repeated: Positions::default() };
        let key_of = |at: usize| candidates.get(at).and_then(key);
        for (at, wanted) in keys(candidates, key) {
            if of.first.add(at, &wanted, key_of).is_some() {
                of.repeated.add(at, &wanted, key_of);
            }
        }
        of
    }

    /// The only candidate with a key.
    fn only(&self, candidates: &dyn Candidates, key: AssetKey<'_>) -> Option<usize> {
        let key_of = |at: usize| candidates.get(at).and_then(self.key);
        let found = self.first.find(&key, key_of)?;
        self.repeated.find(&key, key_of).is_none().then_some(found)
    }
}

/// Each candidate that has such a key, by its position.
fn keys(candidates: &dyn Candidates, key: Key) -> impl Iterator<Item = (usize, AssetKey<'_>)> {
    (0..candidates.count()).filter_map(move |at| Some((at, key(candidates.get(at)?)?)))
}

/// The first candidate with each key of a kind.
fn firsts(candidates: &dyn Candidates, key: Key) -> Positions {
    let mut table = Positions::default();
    for (at, wanted) in keys(candidates, key) {
        table.add(at, &wanted, |at| candidates.get(at).and_then(key));
    }
    table
}

/// The candidate of each id: of several one with a name wins over a `.dat`, then the first.
fn by_id(candidates: &dyn Candidates) -> Positions {
    let is_dat = |at: usize| candidates.get(at).is_some_and(|it| extension(it.path) == Some("dat"));
    let key_of = |at: usize| candidates.get(at).and_then(ID);
    let mut table = Positions::default();
    for (at, id) in keys(candidates, ID) {
        if let Some(before) = table.add(at, &id, key_of)
            && is_dat(before)
            && !is_dat(at)
        {
            table.replace(at, &id, key_of);
        }
    }
    table
}

impl Assets {
    /// The assets among `candidates`, as `side` describes them. Among several entries for one id, one with a name wins
    /// over a `.dat`, then the first. Entries are read only if nothing else determines their type. Linear.
    pub(crate) fn new(candidates: Box<dyn Candidates>, side: SideFiles) -> Self {
        let all = &*candidates;
        let mut assets = Self {
            by_id: by_id(all),
            by_path: firsts(all, PATH),
            by_base: firsts(all, BASE),
            by_stem: firsts(all, STEM),
            by_folder: Unambiguous::new(all, FOLDER),
            by_own_name: Unambiguous::new(all, OWN_NAME),
            names: side.names.into_iter().collect(),
            pointers: HashMap::new(),
            library: LibraryIndex::new(side.library),
            candidates,
            reports: Mutex::default(),
            sniffed: Mutex::default(),
        };
        let placed = side.pointers.into_iter().filter_map(|AssetPointer { pointer, path, relative }| {
            let at = assets.by_path(&path).or_else(|| assets.by_path(&relative))?;
            Some((pointer::id(&pointer).to_owned(), at))
        });
        assets.pointers = placed.collect();
        assets
    }

    fn first(&self, table: &Positions, key: Key, name: &str) -> Option<usize> {
        table.find(&any(name), |at| self.candidates.get(at).and_then(key))
    }

    fn by_id(&self, id: &str) -> Option<usize> {
        self.first(&self.by_id, ID, id)
    }

    /// The first candidate with this path or base name.
    fn by_path(&self, path: &str) -> Option<usize> {
        let whole = self.first(&self.by_path, PATH, path);
        let base = self.first(&self.by_base, BASE, path);
        whole.into_iter().chain(base).min()
    }

    /// The files that look like a user's and that are not in `used`, with names that are unique among them.
    pub(crate) fn orphans(&self, used: &HashSet<EntryRef>) -> Vec<Orphan> {
        let mut names = Names::default();
        let reports = lock(&self.reports);
        let is_unused = |entry: &EntryRef| !used.contains(entry) && !reports.contains(entry);
        let all = (0..self.candidates.count()).filter_map(|at| self.candidates.get(at));
        all.filter(|candidate| is_unused(&candidate.entry) && self.is_asset(candidate))
            .map(|candidate| {
                // Nobody will ask for its type again.
                let resolved =
                    self.resolved(candidate, None, &FileRef::default(), &|entry| self.sniff(entry));
                let base = split(candidate.path).1;
                let base = base.strip_suffix(".dat").unwrap_or(base);
                let name = resolved.name.unwrap_or_else(|| base.to_owned());
                let name = match (extension(&name), resolved.extension) {
                    (None, Some(extension)) => format!("{name}.{extension}"),
                    _ => name,
                };
                let name = names.unique(&name).into();
                Orphan { name, entry: candidate.entry }
            })
            .collect()
    }

    /// True if a candidate is a user's file by its name or its place.
    fn is_asset(&self, candidate: &Candidate<'_>) -> bool {
        let (folder, base) = split(candidate.path);
        let mut folders = folder.split('/');
        asset_id(base).is_some()
            || self.names.contains_key(base)
            || folder_of_conversation(folder).is_some()
            || folders.any(|folder| folder == "dalle-generations" || folder.starts_with("user-"))
            || folder.ends_with("personal/files")
    }

    /// The candidate that `file` means.
    fn find(
        &self,
        file: &FileRef<'_>,
        conversation: &str,
        message: &str,
        created: Option<Timestamp>,
    ) -> Option<(usize, Option<&LibraryRecord>)> {
        let id = file.id.as_ref();
        let record = self.library.by_id(id);
        let named = || self.by_path(id).or_else(|| self.first(&self.by_stem, STEM, id));
        let named = || named().filter(|_| !id.starts_with('/'));
        let direct = self.by_id(id).or_else(|| self.pointers.get(id).copied()).or_else(named);
        if let Some(at) = direct {
            return Some((at, record));
        }
        let of = |record: &'_ LibraryRecord| self.of_record(record);
        if let Some(record) = record {
            return Some((of(record)?, Some(record)));
        }
        let record = if id.starts_with('/') {
            self.library.by_name(conversation, message, split(id).1)
        } else {
            self.library.by_origin(file, conversation, message, created)
        };
        if let Some(found) = record.and_then(|record| Some((of(record)?, Some(record)))) {
            return Some(found);
        }
        // The only file of its kind in the conversation's own folder.
        let kind = if file.kind.is_picture() { FileKind::Image } else { file.kind };
        let only = self.by_folder.only(&*self.candidates, (conversation, kind))?;
        (!id.starts_with('/')).then_some((only, None))
    }

    /// The candidate that holds the file of a record.
    fn of_record(&self, record: &LibraryRecord) -> Option<usize> {
        let by_id = record.file_id.as_deref().and_then(|id| self.by_id(id));
        let by_id = by_id.or_else(|| record.id.as_deref().and_then(|id| self.by_id(id)));
        by_id.or_else(|| {
            let at = self.by_own_name.only(&*self.candidates, any(record.name.as_deref()?))?;
            // Another file of that name is another file.
            let bytes = self.candidates.get(at)?.bytes;
            record.bytes.is_none_or(|expected| expected == bytes).then_some(at)
        })
    }

    /// What is known of a candidate. Its first bytes are read by `sniff` only if nothing else determines its type.
    fn resolved(
        &self,
        candidate: Candidate<'_>,
        record: Option<&LibraryRecord>,
        file: &FileRef<'_>,
        sniff: &dyn Fn(EntryRef) -> Option<&'static str>,
    ) -> Resolved {
        let base = split(candidate.path).1;
        let record = record.or_else(|| self.library.by_id(asset_id(base)?));
        let mapped = self.names.get(base).map(|name| split(name).1);
        let own = own_name(base);
        let real = |name: &&str| {
            !is_uuid(name.split_once('.').map_or(*name, |(stem, _)| stem)) && !name.trim().is_empty()
        };
        let in_library = record.and_then(|record| record.name.as_deref());
        let name = mapped.filter(real).or_else(|| in_library.filter(real)).or_else(|| own.filter(real));
        let named = [mapped, in_library, own, Some(base)].into_iter().flatten().filter_map(extension);
        let mut named = named.filter(|extension| !extension.eq_ignore_ascii_case("dat"));
        let mime = || extension_of_mime(record.and_then(|record| record.mime.as_deref())?).map(str::to_owned);
        let told = file.name.as_deref().and_then(extension).is_some()
            || file.mime.as_deref().and_then(extension_of_mime).is_some();
        let extension = named.next().map(str::to_owned).or_else(mime).or_else(|| {
            let sniffed = if told { None } else { sniff(candidate.entry) };
            sniffed.map(str::to_owned)
        });
        Resolved { entry: candidate.entry, bytes: candidate.bytes, name: name.map(str::to_owned), extension }
    }

    /// The extension that fits the first bytes of an entry.
    fn sniff(&self, entry: EntryRef) -> Option<&'static str> {
        self.candidates.read(entry, SNIFF_BYTES).and_then(|bytes| sniff::extension(&bytes))
    }

    /// The same, read at most once.
    fn sniffed(&self, entry: EntryRef) -> Option<&'static str> {
        let known = lock(&self.sniffed).get(&entry).copied();
        known.unwrap_or_else(|| {
            // Read without the lock: others must not wait for a disk.
            let found = self.sniff(entry);
            *lock(&self.sniffed).entry(entry).or_insert(found)
        })
    }
}

impl AssetIndex for Assets {
    fn resolve(
        &self,
        file: &FileRef<'_>,
        conversation: &str,
        message: &str,
        created: Option<Timestamp>,
    ) -> Option<Resolved> {
        let (at, record) = self.find(file, conversation, message, created)?;
        Some(self.resolved(self.candidates.get(at)?, record, file, &|entry| self.sniffed(entry)))
    }
}

/// Folder and base name of a path, whichever slashes it has.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once(['/', '\\']).unwrap_or(("", path))
}

/// True if the base name of this path begins with an asset id, so that no table is needed to know what it is.
pub(crate) fn tells_its_id(path: &str) -> bool {
    asset_id(split(path).1).is_some()
}

/// The asset id that a base name begins with: `file-` and at least 20 letters and digits, or `file_` and at least 32
/// hexadecimal digits, at a word's end.
fn asset_id(base: &str) -> Option<&str> {
    let (prefix, shortest, fits): (_, _, fn(&u8) -> bool) = if base.starts_with("file-") {
        ("file-", 20, u8::is_ascii_alphanumeric)
    } else {
        ("file_", 32, |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    };
    let run = base.strip_prefix(prefix)?.bytes().take_while(fits).count();
    let end = prefix.len() + run;
    let ends = matches!(base.as_bytes().get(end), None | Some(b'-' | b'.' | b'_' | b'#'));
    (run >= shortest && ends).then(|| base.get(..end))?
}

/// The name after the id in a base name, such as `map.png` in `file-<id>-map.png`.
fn own_name(base: &str) -> Option<&str> {
    match asset_id(base) {
        Some(id) => base.get(id.len()..)?.strip_prefix('-').filter(|name| !name.starts_with("sanitized")),
        None => Some(base),
    }
}

/// True for a name that is nothing but a UUID.
fn is_uuid(name: &str) -> bool {
    name.len() == 36
        && name.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// The conversation and kind of files that a folder `<conversation>/audio` or `<conversation>/image` holds.
fn folder_of_conversation(folder: &str) -> Option<(&str, FileKind)> {
    let (outer, inner) = split(folder);
    let conversation = split(outer).1;
    let kind = match inner {
        "audio" => FileKind::Audio,
        "image" => FileKind::Image,
        _ => return None,
    };
    is_uuid(conversation).then_some((conversation, kind))
}

#[cfg(test)]
mod tests;
