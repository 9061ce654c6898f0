//! The file system without a kernel: lookup, attributes, listings and bytes as plain values.
//!
//! Knows neither FUSE nor archives. Reaches data only through [`Library`].

mod attributes;
mod budget;
mod cache;
pub(crate) mod inode;
mod pages;
mod store;
mod views;

use crate::catalog::{Catalog, EntryRef, FindPage, OwnerDocument, Page};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
pub(crate) use crate::name::NAME_BYTES;
use crate::render::Attributed;
use crate::text::printable;
use crate::time::{Timestamp, Zone};
use budget::Budget;
use cache::PageCache;
#[cfg(feature = "fuse")]
pub(crate) use cache::Ticket;
use inode::{Inode, InodeTable, What};
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};
use views::{Searches, Views, beyond};

/// Where the file system gets its data from. Tests substitute a double.
pub(crate) trait Library: Send + Sync {
    /// Everything known about the export.
    fn catalog(&self) -> &Catalog;

    /// The bytes of `page` of the conversation at position `head` of the catalog, with `stem` (percent-encoded) wherever
    /// the page names itself.
    ///
    /// # Errors
    /// `Damaged` if the archive can't be read any more or has changed, `OutOfMemory`.
    fn page(&self, head: usize, page: Page, stem: &str) -> Result<Vec<u8>>;

    /// The bytes of several pages of one conversation, in the order of `pages`, ideally from one reading of it.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn pages(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Vec<u8>>> {
        pages.iter().map(|&page| self.page(head, page, stem)).collect()
    }

    /// Several pages of one conversation, as [`pages`](Self::pages), each with its sections.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn attributed(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Attributed>> {
        let pages = self.pages(head, pages, stem)?;
        Ok(pages.into_iter().map(|page| Attributed { page, sections: Vec::new() }).collect())
    }

    /// What the export says about its owner, with links made by `page`. Blocks. Fails if a file can't be read for now.
    fn owner(&self, _document: OwnerDocument, _page: FindPage<'_>) -> Result<Vec<u8>> {
        Ok(Vec::new())
    }

    /// Where the vendor shows the conversation at position `head` of the catalog.
    fn address(&self, head: usize) -> Option<String>;

    /// The time zone of dates.
    fn zone(&self) -> Zone {
        Zone::utc()
    }

    /// Hands over all files of the archives with their paths (untrusted text): below the name of their archive if there
    /// are several.
    fn archive_files(&self, _take: &mut dyn FnMut(&str, EntryRef)) {}

    /// The path in its archive (untrusted text) of one of these files, and its size in bytes. Constant work.
    fn archive_file(&self, entry: EntryRef) -> Option<(&str, u64)>;

    /// A few facts about the export, each with its name.
    fn status(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Appends `len` bytes of a conversation's JSON, from `offset` on, to `into`. `head` is the position of the
    /// conversation in the catalog, and the range must lie within the JSON.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn read_json(&self, _head: usize, _offset: u64, _len: usize, _into: &mut Vec<u8>) -> Result<()> {
        Err(no_such_file())
    }

    /// Fills `buffer` with the bytes of an archive's entry from `offset` on, and returns how many were read: fewer than
    /// requested only at the end.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn read(&self, entry: EntryRef, offset: u64, buffer: &mut [u8]) -> Result<usize>;

    /// Drops everything that is kept only to make the next read cheaper.
    fn release(&self) {}

    /// Limits what is kept only to make the next read cheaper to `percent` of the usual.
    fn limit_cache(&self, _percent: usize) {}
}

/// Size of the page cache in tests, in bytes.
#[cfg(test)]
pub(crate) const CACHE_BYTES: u64 = 32 << 20;

/// Bytes of JSON from which a conversation is large: rendering it takes noticeable time and memory.
pub(crate) const LARGE_BYTES: u64 = 4 << 20;

/// An inode number. 1 is the root. A number identifies the same immutable content for the life of the mount, and at the
/// next mount of the same export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ino(pub(crate) u64);

impl Ino {
    /// The root directory.
    pub(crate) const ROOT: Self = Self(1);
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum InodeKind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
    /// A symbolic link.
    Symlink,
}

/// What `stat` shows of an inode. Modes and owners are up to the FUSE adapter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attr {
    /// Its number.
    pub(crate) ino: Ino,
    /// Its type.
    pub(crate) kind: InodeKind,
    /// Exact size in bytes; 0 for a directory.
    pub(crate) size: u64,
    /// The time the content last changed.
    pub(crate) modified: Timestamp,
    /// The time the content was created.
    pub(crate) created: Timestamp,
    /// Number of links: 1 for a file, 2 plus the number of subdirectories for a directory.
    pub(crate) nlink: u32,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DirEntry<'a> {
    /// Its name; `.` and `..` come first.
    pub(crate) name: Cow<'a, str>,
    /// Its attributes.
    pub(crate) attr: Attr,
}

/// What `statfs` shows: totals of everything listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// All inodes.
    pub(crate) inodes: u64,
    /// Total file size in bytes, each file rounded up to 512.
    pub(crate) bytes: u64,
}

impl Totals {
    /// Adds an inode of this size in bytes.
    fn add(&mut self, size: u64) {
        self.inodes = self.inodes.saturating_add(1);
        self.bytes = self.bytes.saturating_add(size.div_ceil(512).saturating_mul(512));
    }
}

/// Where the bytes of a file come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From the renderer, whole and through the cache.
    Rendered,
    /// From an archive's entry, range by range.
    Copied(EntryRef),
}

/// A listed file or directory with its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TreeEntry {
    /// The path from the root, without a leading slash.
    pub(crate) path: String,
    /// Its attributes.
    pub(crate) attr: Attr,
}

/// The file system: a tree of inodes over a library.
///
/// Immutable except for its cache of rendered pages. No call scans a directory. The first call that concerns `.gptfs`
/// builds it and reads its documents to learn their sizes. Otherwise only [`read`](Self::read),
/// [`contents`](Self::contents), [`render`](Self::render) and [`each_page`](Self::each_page) block.
pub(crate) struct Fs {
    library: Arc<dyn Library>,
    table: InodeTable,
    totals: Totals,
    cache: PageCache,
    budget: Budget,
    /// The contents of `.gptfs`, built on first use.
    views: OnceLock<Views>,
    /// Views that are links are at the root as well.
    lists_views: bool,
    searches: Searches,
}

impl fmt::Debug for Fs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fs").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Fs {
    /// A file system that shows `library` as laid out by `layout`, which was made from its catalog, and caches up to
    /// `cache_bytes` of rendered pages. As much is for small conversations while they are rendered; large ones take it
    /// from the caches. Linear.
    pub(crate) fn new(library: Arc<dyn Library>, layout: Layout, cache_bytes: u64) -> Self {
        let table = InodeTable::new(library.catalog(), &layout);
        // The table now has every name.
        drop(layout);
        let mut totals = Totals::default();
        for node in table.listed() {
            totals.add(node.size);
        }
        Self {
            library,
            table,
            totals,
            cache: PageCache::new(cache_bytes),
            budget: Budget::new(cache_bytes),
            views: OnceLock::new(),
            lists_views: false,
            searches: Searches::default(),
        }
    }

    /// Everything known about the conversations shown.
    pub(crate) fn catalog(&self) -> &Catalog {
        self.library.catalog()
    }

    /// What `stat` shows of `ino`. Constant work.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn attr(&self, ino: Ino) -> Result<Attr> {
        if let Some(number) = beyond(ino) {
            return self.beyond_attr(ino, number);
        }
        let mut attr = attr(ino, self.inode(ino)?);
        if ino == Ino::ROOT && self.lists_views {
            let views = self.listed_views();
            let directories = views.iter().filter(|(name, _)| !name.starts_with('.')).count();
            attr.nlink = attr.nlink.saturating_add(u32::try_from(directories).unwrap_or(u32::MAX));
        }
        Ok(attr)
    }

    /// What `stat` shows of `name` in the directory `parent`, listed or not. `.` and `..` are names too. Constant
    /// expected work.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory` if the parent isn't one, `NameTooLong` above [`NAME_BYTES`].
    pub(crate) fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attr> {
        if let Some(number) = beyond(parent) {
            return self.beyond_lookup(number, name);
        }
        let node = self.inode(parent)?;
        if !matches!(node.what, What::Directory { .. }) {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        }
        match name {
            b"." => self.attr(parent),
            b".." => self.attr(Ino(u64::from(node.parent))),
            name if name.len() > NAME_BYTES => Err(Error::new(ErrorKind::NameTooLong, "name too long")),
            // The root is its own parent, but not its own child.
            b"" => Err(no_such_file()),
            name => {
                let found = self.table.find(parent, name).or_else(|| self.unlisted(parent, name));
                self.attr(found.ok_or_else(no_such_file)?)
            }
        }
    }

    /// The listing of the directory `ino` from the cookie `from` on, where 0 is the beginning: `.`, `..`, then the
    /// children, each with the cookie of its successor. Cookies stay valid for the life of the mount. Constant work to
    /// begin and for each entry.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    pub(crate) fn entries(&self, ino: Ino, from: u64) -> Result<impl Iterator<Item = (u64, DirEntry<'_>)>> {
        let place = beyond(ino);
        let (first, count, parent) = if let Some(number) = place {
            (0, self.beyond_count(number)? as u64, ino)
        } else {
            let node = self.inode(ino)?;
            let What::Directory { first, count, .. } = node.what else {
                return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
            };
            (first, u64::from(count).saturating_add(2), Ino(u64::from(node.parent)))
        };
        let views = if ino == Ino::ROOT { self.listed_views() } else { Vec::new() };
        let end = count.saturating_add(views.len() as u64);
        Ok((from.min(end)..end).filter_map(move |cookie| {
            let (name, ino) = match (cookie.checked_sub(count), place) {
                (Some(after), _) => {
                    let &(name, ino) = views.get(usize::try_from(after).ok()?)?;
                    (name.into(), ino)
                }
                (None, Some(number)) => self.beyond_entry(number, usize::try_from(cookie).ok()?)?,
                (None, None) => match cookie.checked_sub(2) {
                    Some(child) => {
                        let child = Ino(u64::from(first).checked_add(child)?);
                        (self.table.name(child)?.into(), child)
                    }
                    None if cookie == 0 => (".".into(), ino),
                    None => ("..".into(), parent),
                },
            };
            Some((cookie.saturating_add(1), DirEntry { name, attr: self.attr(ino).ok()? }))
        }))
    }

    /// Where the bytes of the file `ino` come from. Constant work.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`.
    pub(crate) fn origin(&self, ino: Ino) -> Result<Origin> {
        if let Some(number) = beyond(ino) {
            return self.beyond_origin(number);
        }
        match self.inode(ino)?.what {
            What::Directory { .. } => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
            What::Page { .. } => Ok(Origin::Rendered),
            What::Entry(entry) => Ok(Origin::Copied(entry)),
        }
    }

    /// The conversation (by position in the catalog) and the page that `ino` shows, if any. Constant work.
    pub(crate) fn page(&self, ino: Ino) -> Option<(usize, Page)> {
        match self.table.inode(ino)?.what {
            What::Page { head, page } => Some((head as usize, page)),
            _ => None,
        }
    }

    /// The conversation (by position in the catalog) that a listed file or link belongs to, if any. Constant work.
    pub(crate) fn conversation(&self, ino: Ino) -> Option<usize> {
        let page = if beyond(ino).is_some() {
            self.followed(ino).ok()?
        } else {
            let node = self.inode(ino).ok()?;
            match node.what {
                What::Page { .. } => ino,
                // `title.assets` comes right after `title.md`.
                What::Entry(_) => Ino(u64::from(node.parent).checked_sub(1)?),
                What::Directory { .. } => return None,
            }
        };
        self.page(page).map(|(head, _)| head)
    }

    /// What the pages of the conversation at position `head` of the catalog call themselves, percent-encoded.
    pub(crate) fn stem(&self, head: usize) -> Option<String> {
        self.table.stem(head)
    }

    /// The path of the visible thread of the conversation at position `head` of the catalog.
    pub(crate) fn thread_path(&self, head: usize) -> Option<String> {
        self.table.thread(head).map(|ino| self.path(ino))
    }

    /// The rank in listing order of the conversation that `ino` is a page of. Constant work.
    pub(crate) fn rank(&self, ino: Ino) -> Option<usize> {
        self.table.rank(self.page(ino)?.0)
    }

    /// The visible thread of the conversation at `rank`, and the size of its JSON. Constant work.
    pub(crate) fn ranked(&self, rank: usize) -> Option<(Ino, u64)> {
        let thread = self.table.ranked(rank)?;
        Some((thread, self.json_bytes(thread)))
    }

    /// Bytes of JSON that must be read to render `ino`. Constant work.
    pub(crate) fn json_bytes(&self, ino: Ino) -> u64 {
        let head = self.page(ino).map(|(head, _)| head).or_else(|| self.prompts_of(ino));
        head.map_or(0, |head| self.bytes_of(head))
    }

    /// Bytes of JSON of the conversation at position `head` of the catalog.
    fn bytes_of(&self, head: usize) -> u64 {
        let location = self.catalog().heads.get(head).map(|head| head.location);
        location.map_or(0, |location| location.end.saturating_sub(location.start))
    }

    /// Up to `len` bytes of the file `ino` from `offset` on, fewer only at the end of the file. Blocks while a page is
    /// rendered or an archive is read.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, those of [`Library`]; `Damaged` if an entry is shorter than it was; `Unexpected` if a
    /// page isn't as long as it was measured.
    pub(crate) fn read(&self, ino: Ino, offset: u64, len: usize) -> Result<Vec<u8>> {
        let size = self.attr(ino)?.size;
        let len = size.saturating_sub(offset).min(len as u64) as usize;
        match self.origin(ino)? {
            Origin::Copied(entry) => match beyond(ino) {
                Some(number) => self.beyond_copy(ino, number, offset, len),
                None => self.copy(ino, entry, offset, len),
            },
            Origin::Rendered if len == 0 => Ok(Vec::new()),
            Origin::Rendered => {
                let page = self.contents(ino)?;
                let wanted = slice(&page, offset, len);
                let mut bytes = buffer(wanted.len())?;
                bytes.extend_from_slice(wanted);
                Ok(bytes)
            }
        }
    }

    /// Drops the cached pages and everything that the library keeps to make the next read cheaper. For use when the
    /// mount has been idle.
    pub(crate) fn release(&self) {
        self.cache.clear();
        self.library.release();
    }

    /// The inode at `path`, which is relative to the root with or without a leading slash.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory` if it leads through a file, `NameTooLong`; the message names the path.
    pub(crate) fn resolve(&self, path: &str) -> Result<Ino> {
        let step = |ino: Ino, name: &str| self.lookup(ino, name.as_bytes()).map(|attr| attr.ino);
        // An empty component means the directory itself, so that a file with a trailing slash is refused.
        path.trim_start_matches('/')
            .split('/')
            .try_fold(Ino::ROOT, |ino, part| step(ino, if part.is_empty() { "." } else { part }))
            .map_err(|error| error.within(printable(path)))
    }

    /// The path of `ino` from the root, without a leading slash; empty for the root and for a number without an inode.
    pub(crate) fn path(&self, ino: Ino) -> String {
        if let Some(number) = beyond(ino) {
            return self.beyond_path(number);
        }
        self.table.path(ino).join("/")
    }

    /// The listed tree, each directory before its contents, in listing order, without [views](Self::walk_views).
    pub(crate) fn walk(&self) -> impl Iterator<Item = TreeEntry> {
        // The path of the previous entry, and the end of each of its components.
        let mut path = String::new();
        let mut ends: Vec<usize> = Vec::new();
        inode::TreeWalk::new(&self.table).filter_map(move |(ino, depth)| {
            let attr = attr(ino, self.table.inode(ino)?);
            ends.truncate(depth.saturating_sub(1));
            path.truncate(ends.last().copied().unwrap_or_default());
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(self.table.name(ino)?);
            ends.push(path.len());
            Some(TreeEntry { path: path.clone(), attr })
        })
    }

    /// Totals of everything listed.
    pub(crate) fn totals(&self) -> Totals {
        self.totals
    }

    fn inode(&self, ino: Ino) -> Result<&Inode> {
        self.table.inode(ino).ok_or_else(no_such_file)
    }

    /// Exactly `len` bytes of an entry.
    fn copy(&self, ino: Ino, entry: EntryRef, offset: u64, len: usize) -> Result<Vec<u8>> {
        let mut bytes = buffer(len)?;
        bytes.resize(len, 0);
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let room = rest.len();
            let read = self.library.read(entry, offset.saturating_add(done as u64), rest)?.min(room);
            if read == 0 {
                let message = format!("inode {}: the archive's entry ends too early", ino.0);
                return Err(Error::new(ErrorKind::Damaged, message));
            }
            done = done.saturating_add(read);
        }
        Ok(bytes)
    }
}

/// The bytes of a rendered page, shared.
pub(crate) type Rendered = Arc<Vec<u8>>;

/// At most `len` bytes of `page` from `offset` on.
pub(crate) fn slice(page: &[u8], offset: u64, len: usize) -> &[u8] {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(page.len());
    let end = start.saturating_add(len).min(page.len());
    page.get(start..end).unwrap_or_default()
}

fn attr(ino: Ino, node: &Inode) -> Attr {
    let (kind, nlink) = match node.what {
        What::Directory { directories, .. } => (InodeKind::Directory, directories.saturating_add(2)),
        _ => (InodeKind::File, 1),
    };
    Attr { ino, kind, size: node.size, modified: node.modified, created: node.created, nlink }
}

fn no_such_file() -> Error {
    Error::new(ErrorKind::NotFound, "no such file or directory")
}

/// An empty buffer with capacity for `len` bytes.
fn buffer(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let reserved = bytes.try_reserve_exact(len);
    reserved.map_err(|error| Error::new(ErrorKind::OutOfMemory, format!("{len} bytes")).caused_by(error))?;
    Ok(bytes)
}

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;
