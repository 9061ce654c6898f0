//! The file system without a kernel: lookup, attributes, listings and bytes as plain values.
//!
//! Knows neither FUSE nor archives. Reaches data only through [`Library`].

pub mod cache;
pub mod inode;

use crate::catalog::{Catalog, EntryRef, Page};
use crate::error::Result;
use crate::layout::Layout;
use crate::time::Timestamp;
use std::sync::Arc;

/// Where the file system gets its data from; tests put a failing double here.
pub trait Library: Send + Sync {
    /// What there is.
    fn catalog(&self) -> &Catalog;

    /// The bytes of `page` of the conversation at position `head` of the catalog, with `stem` (percent-encoded)
    /// wherever the page names itself.
    ///
    /// # Errors
    /// `Damaged` if the archive can't be read any more or changed, `OutOfMemory`.
    fn page(&self, head: usize, page: Page, stem: &str) -> Result<Vec<u8>>;

    /// Fills `buffer` with the bytes of an archive's entry from `offset` on; returns how many there were.
    /// Fewer than asked for only at the end.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn read(&self, entry: EntryRef, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

/// An inode number. 1 is the root. A number means one immutable content for the life of the mount, and the same
/// at the next mount of the same export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ino(pub u64);

impl Ino {
    /// The root directory.
    pub const ROOT: Self = Self(1);
}

/// What an inode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
}

/// What `stat` shows of an inode. Modes and owners are decided by whoever serves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr {
    /// Its number.
    pub ino: Ino,
    /// What it is.
    pub kind: Kind,
    /// Exact size in bytes; 0 for a directory.
    pub size: u64,
    /// Last change of the content.
    pub modified: Timestamp,
    /// Beginning of the content.
    pub created: Timestamp,
    /// Links: 1 for a file, 2 + subdirectories for a directory.
    pub nlink: u32,
}

/// One line of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its name; `.` and `..` come first.
    pub name: &'a str,
    /// Its attributes.
    pub attr: Attr,
}

/// What `statfs` shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All inodes.
    pub inodes: u64,
    /// The sum of all file sizes in bytes, each rounded up to 512.
    pub bytes: u64,
}

/// The file system: a tree of inodes over a library.
pub struct Fs {
    library: Arc<dyn Library>,
    layout: Layout,
}

impl Fs {
    /// A file system that shows `library` in the shape of `layout`.
    pub fn new(library: Arc<dyn Library>, layout: Layout) -> Self {
        Self { library, layout }
    }

    /// What `stat` shows of `ino`. Constant work.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn attr(&self, ino: Ino) -> Result<Attr> {
        let _ = (ino, &self.library, &self.layout);
        Err(crate::error::Error::new(crate::error::ErrorKind::NotFound, "not written yet"))
    }

    /// The entry `name` of the directory `parent`.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    pub fn lookup(&self, parent: Ino, _name: &std::ffi::OsStr) -> Result<Attr> {
        self.attr(parent)
    }

    /// Lines of a listing from the cookie `from` on, each with the cookie of the one after it.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    pub fn entries(&self, ino: Ino, _from: u64) -> Result<impl Iterator<Item = (u64, Entry<'_>)>> {
        self.attr(ino).map(|_| std::iter::empty())
    }

    /// Bytes of a file.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `Damaged`, `OutOfMemory`.
    pub fn read(&self, ino: Ino, _offset: u64, _len: usize) -> Result<Vec<u8>> {
        self.attr(ino).map(|_| Vec::new())
    }

    /// A page's bytes, if they are at hand.
    pub fn cached(&self, _ino: Ino) -> Option<Arc<[u8]>> {
        None
    }

    /// True for a page.
    pub fn is_rendered(&self, _ino: Ino) -> bool {
        false
    }

    /// The page after `ino`.
    pub fn next_rendered(&self, _ino: Ino) -> Option<Ino> {
        None
    }

    /// What `statfs` shows.
    pub fn totals(&self) -> Totals {
        Totals::default()
    }
}
