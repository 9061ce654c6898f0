//! Saves the index, so that a second mount is immediate.
//!
//! One file per export in `$XDG_CACHE_HOME/gptfs/` (0600 in 0700: it holds titles, and text in the checkpoints'
//! windows). It is never trusted when in doubt, and never causes an error: whatever doesn't fit in every respect
//! is a miss.
//!
//! ```text
//!  magic 8 │ length and CRC-32 of each part, 12 each │ key │ name and catalog │ checkpoints
//! ```
//!
//! The parts are postcard. The checkpoints, which make up most of the file, are read with the first page.

use crate::archive::Identity;
use crate::archive::inflate::Checkpoints;
use crate::catalog::{Catalog, EntryRef};
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Changes whenever the layout of the file does.
const MAGIC: &[u8; 8] = b"gptfsix3";

/// Total size of all saved indexes; the least recently used are evicted.
const TOTAL_BYTES: u64 = 256 << 20;

/// Extension of a saved index.
const EXTENSION: &str = "index";

/// Prefix of a file that is being written, where it needs a name.
const TEMPORARY: &str = ".new-";

/// Age at which such a file was left by a process that was killed.
const ABANDONED: Duration = Duration::from_hours(1);

/// Size of the magic and of the lengths and checksums of the parts.
const HEADER_BYTES: usize = 8 + 3 * 12;

/// Everything that an index depends on. Equal keys give equal indexes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IndexKey {
    /// Identifies the content of the archives.
    pub(super) archives: Vec<Identity>,
    /// All options that affect pages.
    pub(super) options: String,
    /// The program that measured: its version, and the size and time of its file, which change with a rebuild.
    program: (String, u64, i64),
}

impl IndexKey {
    pub(super) fn new(archives: Vec<Identity>, options: String) -> Self {
        // By its path it could be below a mount that this process serves.
        let file = fs::metadata("/proc/self/exe").or_else(|_| std::env::current_exe().and_then(fs::metadata));
        let (bytes, modified) =
            file.map_or((0, 0), |file| (file.len(), sys::modified(&file) / 1_000_000_000));
        Self { archives, options, program: (env!("CARGO_PKG_VERSION").to_owned(), bytes, modified) }
    }
}

/// The checkpoints of the entries that hold conversations.
pub(super) type Points = Vec<(EntryRef, Checkpoints)>;

/// An index that was loaded.
pub(super) struct LoadedIndex {
    /// The name of each shard's format, if it has one.
    pub(super) formats: Vec<Option<String>>,
    pub(super) catalog: Catalog,
    pub(super) points: SavedPoints,
}

/// Checkpoints that are still on disk.
#[derive(Debug)]
pub(super) struct SavedPoints {
    file: File,
    part: FilePart,
}

impl SavedPoints {
    /// Reads them. `None` if they aren't what was written.
    pub(super) fn load(&self) -> Option<Points> {
        postcard::from_bytes(&self.part.read(&self.file)?).ok()
    }
}

/// A part of the file, with its checksum.
#[derive(Clone, Copy, Debug)]
struct FilePart {
    offset: u64,
    bytes: u64,
    crc: u32,
}

impl FilePart {
    fn read(self, file: &File) -> Option<Vec<u8>> {
        let left = file.metadata().ok()?.len().checked_sub(self.offset)?;
        if self.bytes > left {
            return None;
        }
        let mut bytes = vec![0; usize::try_from(self.bytes).ok()?];
        sys::read_exact_at(file, &mut bytes, self.offset).ok()?;
        (crc32fast::hash(&bytes) == self.crc).then_some(bytes)
    }
}

/// The directory of saved indexes.
#[derive(Clone, Debug)]
pub(crate) struct IndexCache {
    dir: PathBuf,
}

/// A saved index, for listings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SavedIndex {
    /// Its file.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last used.
    pub used: SystemTime,
}

impl SavedIndex {
    /// The name of its export, if it can be read. Untrusted text.
    pub(crate) fn name(&self) -> Option<String> {
        let file = sys::open_without_following(&self.path).ok()?;
        let [_, catalog, _] = parts(&file)?;
        // The rest of this part is ignored.
        postcard::from_bytes(&catalog.read(&file)?).ok()
    }
}

impl IndexCache {
    /// The user's cache: `$XDG_CACHE_HOME/gptfs`, else `~/.cache/gptfs`. `None` without a home.
    pub(crate) fn of_user() -> Option<Self> {
        let absolute =
            |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let base = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))?;
        Some(Self { dir: base.join("gptfs") })
    }

    /// A cache in the given directory, created when needed.
    #[cfg(test)]
    pub(crate) fn at(dir: &Path) -> Self {
        Self { dir: dir.to_owned() }
    }

    /// Its directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The saved indexes, least recently used first; none if the directory is missing.
    ///
    /// # Errors
    /// `Environment` if the directory can't be read.
    pub(crate) fn items(&self) -> Result<Vec<SavedIndex>> {
        let entries = match fs::read_dir(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| Error::io(self.dir.display(), error))?,
        };
        let mut items: Vec<_> = entries
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let metadata = fs::symlink_metadata(&path).ok().filter(fs::Metadata::is_file)?;
                (path.extension()? == EXTENSION).then(|| SavedIndex {
                    path,
                    bytes: metadata.len(),
                    used: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
                })
            })
            .collect();
        items.sort_by(|a, b| (a.used, &a.path).cmp(&(b.used, &b.path)));
        Ok(items)
    }

    /// Removes everything that gptfs has put there, and returns the number of saved indexes removed.
    ///
    /// # Errors
    /// `Environment` if something can't be removed.
    pub(crate) fn clear(&self) -> Result<usize> {
        let items = self.items()?;
        let begun = self.temporaries(Duration::ZERO).unwrap_or_default();
        for path in items.iter().map(|item| &item.path).chain(&begun) {
            fs::remove_file(path).map_err(|error| Error::io(path.display(), error))?;
        }
        // The directory stays if there is anything else in it.
        let _ = fs::remove_dir(&self.dir);
        Ok(items.len())
    }

    fn path(&self, key: &[u8]) -> PathBuf {
        self.dir.join(format!("{:08x}{:08x}.{EXTENSION}", crc32fast::hash(key), key.len()))
    }

    /// The index saved under `key`, if there is one and it passes every check.
    pub(super) fn load(&self, key: &IndexKey) -> Option<LoadedIndex> {
        let key = postcard::to_stdvec(key).ok()?;
        let path = self.path(&key);
        let file = sys::open_without_following(&path).ok()?;
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || !sys::is_ours_alone(&metadata) {
            return None;
        }
        let [saved_key, catalog, points] = parts(&file)?;
        if saved_key.read(&file)? != key {
            return None;
        }
        let (_, formats, catalog): (String, _, _) = postcard::from_bytes(&catalog.read(&file)?).ok()?;
        // Recorded for eviction; nothing else depends on it.
        let _ = file.set_modified(SystemTime::now());
        Some(LoadedIndex { formats, catalog, points: SavedPoints { file, part: points } })
    }

    /// Saves the index of the export `name` under `key`, completely or not at all, and evicts others if there are too many. A process
    /// that is killed meanwhile leaves nothing behind, where the file system can create files without a name.
    ///
    /// # Errors
    /// `Environment` if the directory isn't private to us or the file can't be written; nothing is left behind.
    pub(super) fn save(
        &self,
        key: &IndexKey,
        name: &str,
        formats: &[Option<&str>],
        catalog: &Catalog,
        points: &[(EntryRef, &Checkpoints)],
    ) -> Result<()> {
        let encoded = |result: postcard::Result<Vec<u8>>| {
            result.map_err(|error| {
                Error::new(ErrorKind::Unexpected, "the index can't be encoded").caused_by(error)
            })
        };
        let key = encoded(postcard::to_stdvec(key))?;
        let catalog = encoded(postcard::to_stdvec(&(name, formats, catalog)))?;
        let points = encoded(postcard::to_stdvec(points))?;
        let failed = |error| Error::io(self.dir.display(), error);
        self.make_dir().map_err(failed)?;
        for stale in self.temporaries(ABANDONED).map_err(failed)? {
            // Another process may have removed it first.
            let _ = fs::remove_file(stale);
        }
        let path = self.path(&key);
        self.write(&path, [&key, &catalog, &points]).map_err(failed)?;
        self.evict(&path)
    }

    /// Creates the file `path` with these parts, in place of any other.
    fn write(&self, path: &Path, parts: [&[u8]; 3]) -> io::Result<()> {
        if let Ok(mut file) = sys::unnamed_file(&self.dir) {
            write(&mut file, parts)?;
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            match sys::name_file(&file, path) {
                // Another process has just saved the same index.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
                Ok(()) => return Ok(()),
                // Without /proc, or where the kernel doesn't allow it.
                Err(_) => {}
            }
        }
        let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(&self.dir)?;
        write(file.as_file_mut(), parts)?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Files that a process has begun and not finished, if they are at least this old.
    fn temporaries(&self, age: Duration) -> io::Result<Vec<PathBuf>> {
        let is_old = |entry: &fs::DirEntry| {
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|elapsed| elapsed >= age))
        };
        let entries = fs::read_dir(&self.dir)?.flatten();
        let begun =
            entries.filter(|entry| entry.file_name().as_encoded_bytes().starts_with(TEMPORARY.as_bytes()));
        Ok(begun.filter(|entry| age.is_zero() || is_old(entry)).map(|entry| entry.path()).collect())
    }

    /// Creates the directory if needed, and checks that only we can access it.
    fn make_dir(&self) -> io::Result<()> {
        if let Some(parent) = self.dir.parent() {
            fs::create_dir_all(parent)?;
        }
        match sys::make_private_directory(&self.dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            done => done?,
        }
        self.check()
    }

    /// # Errors
    /// If indexes can't be saved in the directory as it is.
    pub(crate) fn check(&self) -> io::Result<()> {
        let metadata = fs::symlink_metadata(&self.dir)?;
        if !metadata.is_dir() || !sys::is_ours_alone(&metadata) {
            return Err(io::Error::other(
                "must be a directory of yours that nobody else can read (mode 0700)",
            ));
        }
        Ok(())
    }

    /// Removes the least recently used indexes, except the one at `keep`, until the rest fits.
    fn evict(&self, keep: &Path) -> Result<()> {
        let items = self.items()?;
        let mut total: u64 = items.iter().map(|item| item.bytes).sum();
        for item in items.iter().filter(|item| item.path != keep) {
            if total <= TOTAL_BYTES {
                break;
            }
            fs::remove_file(&item.path).map_err(|error| Error::io(item.path.display(), error))?;
            total -= item.bytes;
        }
        Ok(())
    }
}

/// The three parts described by the header.
fn parts(file: &File) -> Option<[FilePart; 3]> {
    let mut header = [0; HEADER_BYTES];
    sys::read_exact_at(file, &mut header, 0).ok()?;
    let (magic, mut rest) = header.split_first_chunk::<8>()?;
    if magic != MAGIC {
        return None;
    }
    let mut offset = HEADER_BYTES as u64;
    let mut parts = [FilePart { offset: 0, bytes: 0, crc: 0 }; 3];
    for part in &mut parts {
        let (bytes, after) = rest.split_first_chunk::<8>()?;
        let (crc, after) = after.split_first_chunk::<4>()?;
        *part = FilePart { offset, bytes: u64::from_le_bytes(*bytes), crc: u32::from_le_bytes(*crc) };
        offset = offset.checked_add(part.bytes)?;
        rest = after;
    }
    Some(parts)
}

fn write(file: &mut File, parts: [&[u8]; 3]) -> io::Result<()> {
    let mut header = MAGIC.to_vec();
    for part in parts {
        header.extend_from_slice(&(part.len() as u64).to_le_bytes());
        header.extend_from_slice(&crc32fast::hash(part).to_le_bytes());
    }
    file.write_all(&header)?;
    parts.into_iter().try_for_each(|part| file.write_all(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Problem;
    use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};

    fn key(options: &str) -> IndexKey {
        IndexKey::new(vec![Identity { bytes: 1, modified: 2, directory: 3 }], options.to_owned())
    }

    fn catalog() -> Catalog {
        Catalog { problems: vec![Problem::new("a", "b")], ..Catalog::default() }
    }

    fn points() -> [(EntryRef, Checkpoints); 1] {
        [(EntryRef { archive: 0, entry: 7 }, Checkpoints::default())]
    }

    fn saved() -> (tempfile::TempDir, IndexCache) {
        let home = tempfile::tempdir().unwrap();
        let cache = IndexCache::at(&home.path().join("cache/gptfs"));
        let points = points();
        let points: Vec<_> = points.iter().map(|(entry, points)| (*entry, points)).collect();
        cache.save(&key("a"), "a.zip", &[Some("f")], &catalog(), &points).unwrap();
        (home, cache)
    }

    #[test]
    fn an_index_is_found_only_under_its_own_key() {
        let (_home, cache) = saved();
        let found = cache.load(&key("a")).unwrap();
        assert_eq!(found.catalog, catalog());
        assert_eq!(found.points.load().unwrap(), points());
        assert_eq!(cache.items().unwrap()[0].name().as_deref(), Some("a.zip"));
        assert!(cache.load(&key("b")).is_none());
    }

    #[test]
    fn only_its_owner_can_read_a_saved_index() {
        let (_home, cache) = saved();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(cache.dir()), 0o700);
        assert_eq!(mode(&cache.items().unwrap()[0].path), 0o600);
    }

    #[test]
    fn every_changed_byte_and_every_truncation_is_a_miss() {
        let (_home, cache) = saved();
        let path = cache.items().unwrap().remove(0).path;
        let sound = fs::read(&path).unwrap();
        let usable = || cache.load(&key("a")).and_then(|saved| saved.points.load()).is_some();
        for at in 0..sound.len() {
            let mut changed = sound.clone();
            changed[at] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(!usable(), "byte {at}");
            fs::write(&path, &sound[..at]).unwrap();
            assert!(!usable(), "cut at {at}");
        }
        fs::write(&path, &sound).unwrap();
        assert!(usable());
    }

    #[test]
    fn a_symlink_or_a_file_readable_by_others_is_a_miss() {
        let (home, cache) = saved();
        let path = cache.items().unwrap().remove(0).path;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(cache.load(&key("a")).is_none());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(cache.load(&key("a")).is_some());
        let elsewhere = home.path().join("elsewhere");
        fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert!(cache.load(&key("a")).is_none());
    }

    #[test]
    fn a_directory_readable_by_others_is_refused() {
        let home = tempfile::tempdir().unwrap();
        fs::DirBuilder::new().mode(0o755).create(home.path().join("gptfs")).unwrap();
        let error = IndexCache::at(&home.path().join("gptfs"))
            .save(&key("a"), "a.zip", &[Some("f")], &catalog(), &[])
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Environment);
    }

    #[test]
    fn the_least_recently_used_indexes_are_evicted() {
        let (_home, cache) = saved();
        let old = cache.items().unwrap().remove(0).path;
        File::options().write(true).open(&old).unwrap().set_len(TOTAL_BYTES).unwrap();
        File::options().write(true).open(&old).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        cache.save(&key("b"), "a.zip", &[Some("f")], &catalog(), &[]).unwrap();
        assert!(!old.exists());
        assert!(cache.load(&key("b")).is_some());
        assert_eq!(cache.clear().unwrap(), 1);
        assert_eq!(cache.items().unwrap(), []);
    }

    #[test]
    fn leftovers_of_a_killed_process_are_removed_by_the_next_save_and_by_clear() {
        let (_home, cache) = saved();
        let [old, new] = [".new-old", ".new-new"].map(|name| cache.dir().join(name));
        fs::write(&old, "half").unwrap();
        let day_ago = SystemTime::now() - Duration::from_hours(24);
        File::options().write(true).open(&old).unwrap().set_modified(day_ago).unwrap();
        fs::write(&new, "half").unwrap();
        cache.save(&key("b"), "a.zip", &[], &catalog(), &[]).unwrap();
        assert!(!old.exists() && new.exists(), "another process may still write the new one");
        assert_eq!(cache.clear().unwrap(), 2);
        assert!(!cache.dir().exists());
    }

    #[test]
    fn an_existing_index_is_replaced() {
        let (_home, cache) = saved();
        cache.save(&key("a"), "a.zip", &[Some("g")], &catalog(), &[]).unwrap();
        assert_eq!(cache.load(&key("a")).unwrap().formats, [Some("g".to_owned())]);
        assert_eq!(cache.items().unwrap().len(), 1);
    }
}
