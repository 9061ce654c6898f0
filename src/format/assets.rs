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

pub use library::{AssetPointer, LibraryRecord, parse_library, parse_names, parse_pointers};

use super::pointer;
use crate::catalog::{EntryRef, Orphan};
use crate::conversation::files::{AssetIndex, Names, Resolved, extension, extension_of_mime};
use crate::conversation::{FileKind, FileRef};
use crate::time::Timestamp;
use library::LibraryIndex;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// An entry that may be an asset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The entry.
    pub entry: EntryRef,
    /// Its path in its archive, as the archive has it. Untrusted.
    pub path: String,
    /// Its exact size in bytes.
    pub bytes: u64,
}

/// The contents of an export's side files.
#[derive(Debug, Default)]
pub struct SideFiles {
    /// Names by the base names of entries: from [`parse_names`].
    pub names: Vec<(String, String)>,
    /// The records of the library: from [`parse_library`].
    pub library: Vec<LibraryRecord>,
    /// Paths by pointers: from [`parse_pointers`].
    pub pointers: Vec<AssetPointer>,
}

/// Reads the first bytes of an entry, at most the given number; `None` if they can't be read.
pub type ReadEntry = Box<dyn Fn(EntryRef, usize) -> Option<Vec<u8>> + Send + Sync>;

/// How many bytes of a file are needed to recognise its type.
const SNIFF_BYTES: usize = 512;

/// All assets of an export.
pub struct Assets {
    candidates: Vec<Candidate>,
    by_id: HashMap<String, usize>,
    by_path: HashMap<String, usize>,
    /// By base name without its extension.
    by_stem: HashMap<String, usize>,
    by_entry: HashMap<EntryRef, usize>,
    /// Candidates in folders of conversations, by conversation and kind: `None` if there are several.
    by_folder: HashMap<(String, FileKind), Option<usize>>,
    /// Files of the library that lie under their own names, by name: `None` if there are several.
    by_own_name: HashMap<String, Option<usize>>,
    names: HashMap<String, String>,
    /// Candidates by the ids in the viewer's pointers.
    pointers: HashMap<String, usize>,
    library: LibraryIndex,
    read: ReadEntry,
    /// Entries whose report is shown in a conversation.
    reports: Mutex<HashSet<EntryRef>>,
    sniffed: Mutex<HashMap<EntryRef, Option<&'static str>>>,
}

impl std::fmt::Debug for Assets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assets").field("candidates", &self.candidates.len()).finish_non_exhaustive()
    }
}

impl Assets {
    /// The assets among `candidates`, as `side` describes them. Among several entries for one id, one with a name wins
    /// over a `.dat`, then the first. `read` is called at most once for the type of an entry, and only if nothing else determines
    /// its type. Linear.
    pub fn new(candidates: Vec<Candidate>, side: SideFiles, read: ReadEntry) -> Self {
        let mut assets = Self {
            by_id: HashMap::new(),
            by_path: HashMap::new(),
            by_stem: HashMap::new(),
            by_entry: HashMap::with_capacity(candidates.len()),
            by_folder: HashMap::new(),
            by_own_name: HashMap::new(),
            names: side.names.into_iter().collect(),
            pointers: HashMap::new(),
            library: LibraryIndex::new(side.library),
            candidates: Vec::new(),
            read,
            reports: Mutex::default(),
            sniffed: Mutex::default(),
        };
        for (at, candidate) in candidates.iter().enumerate() {
            assets.add(at, candidate, &candidates);
        }
        assets.candidates = candidates;
        for AssetPointer { pointer, path, relative } in side.pointers {
            if let Some(&at) = assets.by_path.get(&path).or_else(|| assets.by_path.get(&relative)) {
                assets.pointers.insert(pointer::id(&pointer).to_owned(), at);
            }
        }
        assets
    }

    fn add(&mut self, at: usize, candidate: &Candidate, all: &[Candidate]) {
        self.by_entry.entry(candidate.entry).or_insert(at);
        self.by_path.entry(candidate.path.clone()).or_insert(at);
        let (folder, base) = split(&candidate.path);
        self.by_path.entry(base.to_owned()).or_insert(at);
        if let Some((stem, _)) = base.rsplit_once('.') {
            self.by_stem.entry(stem.to_owned()).or_insert(at);
        }
        if folder.ends_with("_data") {
            return;
        }
        if let Some(id) = asset_id(base) {
            let is_worse =
                |other: usize| all.get(other).is_some_and(|other| extension(&other.path) == Some("dat"));
            let place = self.by_id.entry(id.to_owned()).or_insert(at);
            if is_worse(*place) && !is_worse(at) {
                *place = at;
            }
        }
        // A file with an id in its name never takes the place of another.
        if let Some(place) = folder_of_conversation(folder).filter(|_| asset_id(base).is_none()) {
            self.by_folder.entry(place).and_modify(|only| *only = None).or_insert(Some(at));
        }
        if folder == "personal/files" || folder.ends_with("/personal/files") {
            self.by_own_name.entry(base.to_owned()).and_modify(|only| *only = None).or_insert(Some(at));
        }
    }

    /// The files that look like a user's and that are not in `used`, with names that are unique among them.
    pub fn orphans(&self, used: &HashSet<EntryRef>) -> Vec<Orphan> {
        let mut names = Names::default();
        let reports = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unused = |entry| !used.contains(entry) && !reports.contains(entry);
        let unused = self.candidates.iter().filter(|candidate| is_unused(&candidate.entry));
        unused
            .filter(|candidate| self.is_asset(candidate))
            .map(|candidate| {
                let resolved = self.resolved(candidate, None, &FileRef::default());
                let base = split(&candidate.path).1;
                let base = base.strip_suffix(".dat").unwrap_or(base);
                let name = resolved.name.unwrap_or_else(|| base.to_owned());
                let name = match (extension(&name), resolved.extension) {
                    (None, Some(extension)) => format!("{name}.{extension}"),
                    _ => name,
                };
                let name = names.unique(&name).into();
                Orphan { name, entry: candidate.entry, bytes: candidate.bytes }
            })
            .collect()
    }

    /// True if a candidate is a user's file by its name or its place.
    fn is_asset(&self, candidate: &Candidate) -> bool {
        let (folder, base) = split(&candidate.path);
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
        let named = || self.by_path.get(id).or_else(|| self.by_stem.get(id)).filter(|_| !id.starts_with('/'));
        let direct = self.by_id.get(id).or_else(|| self.pointers.get(id)).or_else(named);
        if let Some(&at) = direct {
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
        let only = self.by_folder.get(&(conversation.to_owned(), kind)).copied().flatten()?;
        (!id.starts_with('/')).then_some((only, None))
    }

    /// The candidate that holds the file of a record.
    fn of_record(&self, record: &LibraryRecord) -> Option<usize> {
        let by_id = record.file_id.as_deref().and_then(|id| self.by_id.get(id));
        let by_id = by_id.or_else(|| record.id.as_deref().and_then(|id| self.by_id.get(id))).copied();
        by_id.or_else(|| {
            let at = self.by_own_name.get(record.name.as_deref()?).copied().flatten()?;
            // Another file of that name is another file.
            let bytes = self.candidates.get(at)?.bytes;
            record.bytes.is_none_or(|expected| expected == bytes).then_some(at)
        })
    }

    /// What is known of a candidate. Its first bytes are read only if nothing else determines its type.
    fn resolved(
        &self,
        candidate: &Candidate,
        record: Option<&LibraryRecord>,
        file: &FileRef<'_>,
    ) -> Resolved {
        let base = split(&candidate.path).1;
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
            let sniffed = if told { None } else { self.sniffed(candidate.entry) };
            sniffed.map(str::to_owned)
        });
        Resolved { entry: candidate.entry, bytes: candidate.bytes, name: name.map(str::to_owned), extension }
    }

    /// The extension that fits the first bytes of an entry.
    fn sniffed(&self, entry: EntryRef) -> Option<&'static str> {
        let known = self.sniffed.lock().unwrap_or_else(PoisonError::into_inner).get(&entry).copied();
        known.unwrap_or_else(|| {
            // Read without the lock: others must not wait for a disk.
            let found = (self.read)(entry, SNIFF_BYTES).and_then(|bytes| sniff::extension(&bytes));
            *self.sniffed.lock().unwrap_or_else(PoisonError::into_inner).entry(entry).or_insert(found)
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
        Some(self.resolved(self.candidates.get(at)?, record, file))
    }
}

/// Folder and base name of a path, whichever slashes it has.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once(['/', '\\']).unwrap_or(("", path))
}

/// True if the base name of this path begins with an asset id, so that no table is needed to know what it is.
pub fn tells_its_id(path: &str) -> bool {
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
fn folder_of_conversation(folder: &str) -> Option<(String, FileKind)> {
    let (outer, inner) = split(folder);
    let conversation = split(outer).1;
    let kind = match inner {
        "audio" => FileKind::Audio,
        "image" => FileKind::Image,
        _ => return None,
    };
    is_uuid(conversation).then(|| (conversation.to_owned(), kind))
}

#[cfg(test)]
mod tests;
