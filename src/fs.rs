//! The file system without a kernel: lookup, attributes, listings and bytes as plain values.
//!
//! Knows neither FUSE nor archives. Reaches data only through [`Library`].

pub mod cache;
pub mod inode;

use crate::catalog::{Catalog, EntryRef, Page};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Layout;
use crate::text::printable;
use crate::time::Timestamp;
use cache::{Cache, Claim, Rendered, Ticket};
use inode::{InodeTable, Node, What};
use std::fmt;
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

    /// The bytes of several pages of one conversation, in their order: where it can, at the cost of reading it once.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn pages(&self, head: usize, pages: &[Page], stem: &str) -> Result<Vec<Vec<u8>>> {
        pages.iter().map(|&page| self.page(head, page, stem)).collect()
    }

    /// Fills `buffer` with the bytes of an archive's entry from `offset` on; returns how many there were.
    /// Fewer than asked for only at the end.
    ///
    /// # Errors
    /// As for [`page`](Self::page).
    fn read(&self, entry: EntryRef, offset: u64, buffer: &mut [u8]) -> Result<usize>;
}

/// How many bytes of pages are rendered per reading of a conversation, so that one with many large branches stays
/// bounded in memory.
const TOGETHER_BYTES: u64 = 8 << 20;

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

/// What `statfs` shows: sums over everything that is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// All inodes.
    pub inodes: u64,
    /// The sum of all file sizes in bytes, each rounded up to 512.
    pub bytes: u64,
}

/// Where the bytes of a file come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// From the renderer, as a whole and through the cache: [`Fs::claim`] them.
    Rendered,
    /// From an archive's entry, range by range: [`Fs::read`] reads just what is asked for.
    Copied(EntryRef),
}

/// One step of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The path from the root, without a slash in front.
    pub path: String,
    /// The attributes of what stands there.
    pub attr: Attr,
}

/// The file system: a tree of inodes over a library.
///
/// Immutable but for its cache of rendered pages. No call scans a directory, and none but [`read`](Self::read),
/// [`contents`](Self::contents) and [`render`](Self::render) waits for anything.
pub struct Fs {
    library: Arc<dyn Library>,
    table: InodeTable,
    totals: Totals,
    cache: Cache,
}

impl fmt::Debug for Fs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fs").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl Fs {
    /// A file system that shows `library` in the shape of `layout`, which was made of its catalog. Linear.
    pub fn new(library: Arc<dyn Library>, layout: Layout) -> Self {
        let table = InodeTable::new(library.catalog(), &layout);
        // Every name is in the table now.
        drop(layout);
        let mut totals = Totals::default();
        for node in table.listed() {
            totals.inodes = totals.inodes.saturating_add(1);
            totals.bytes = totals.bytes.saturating_add(node.size.div_ceil(512).saturating_mul(512));
        }
        Self { library, table, totals, cache: Cache::new(cache::DEFAULT_BYTES) }
    }

    /// What is known of the conversations that are shown.
    pub fn catalog(&self) -> &Catalog {
        self.library.catalog()
    }

    /// What `stat` shows of `ino`. Constant work.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn attr(&self, ino: Ino) -> Result<Attr> {
        Ok(attr(ino, self.node(ino)?))
    }

    /// What `stat` shows of `name` in the directory `parent`, whether it is listed or not. `.` and `..` are names
    /// too. Constant expected work.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory` if the parent isn't one, `NameTooLong` above 255 bytes.
    pub fn lookup(&self, parent: Ino, name: &[u8]) -> Result<Attr> {
        let node = self.node(parent)?;
        if !matches!(node.what, What::Directory { .. }) {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        }
        match name {
            b"." => self.attr(parent),
            b".." => self.attr(Ino(u64::from(node.parent))),
            name if name.len() > crate::name::NAME_BYTES => {
                Err(Error::new(ErrorKind::NameTooLong, "name too long"))
            }
            // The root is its own parent, but not its child.
            b"" => Err(no_such_file()),
            name => self.attr(self.table.find(parent, name).ok_or_else(no_such_file)?),
        }
    }

    /// The listing of the directory `ino` from the cookie `from` on, 0 being the beginning: `.`, `..`, then the
    /// children, each with the cookie of what follows it. Cookies mean the same for the life of the mount. Constant work for
    /// the beginning and for each entry.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    pub fn entries(&self, ino: Ino, from: u64) -> Result<impl Iterator<Item = (u64, Entry<'_>)>> {
        let node = self.node(ino)?;
        let What::Directory { first, count, .. } = node.what else {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        };
        let parent = Ino(u64::from(node.parent));
        let end = u64::from(count).saturating_add(2);
        Ok((from.min(end)..end).filter_map(move |place| {
            let (name, ino) = match place {
                0 => (".", ino),
                1 => ("..", parent),
                place => {
                    let child = Ino(u64::from(first).checked_add(place.checked_sub(2)?)?);
                    (self.table.name(child)?, child)
                }
            };
            Some((place.saturating_add(1), Entry { name, attr: attr(ino, self.table.node(ino)?) }))
        }))
    }

    /// Where the bytes of the file `ino` come from. Constant work.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`.
    pub fn content(&self, ino: Ino) -> Result<Source> {
        match self.node(ino)?.what {
            What::Directory { .. } => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
            What::Page { .. } | What::Problems => Ok(Source::Rendered),
            What::Entry(entry) => Ok(Source::Copied(entry)),
        }
    }

    /// Which page of which conversation (by position in the catalog) `ino` shows, if it shows one. Constant work.
    pub fn page(&self, ino: Ino) -> Option<(usize, Page)> {
        match self.table.node(ino)?.what {
            What::Page { head, page } => Some((head as usize, page)),
            _ => None,
        }
    }

    /// The rendered page that follows `ino` in a walk of the whole tree: what a reader will want next. Also of a
    /// directory. Constant work.
    pub fn next_rendered(&self, ino: Ino) -> Option<Ino> {
        self.table.next_page(ino)
    }

    /// The bytes of the file `ino` from `offset` on: `len` of them, or fewer where the file ends. Blocks while a
    /// page is rendered or an archive is read.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, those of [`Library`]; `Damaged` if an entry is shorter than it was; `Unexpected` if a page
    /// isn't as long as it was measured.
    pub fn read(&self, ino: Ino, offset: u64, len: usize) -> Result<Vec<u8>> {
        let size = self.attr(ino)?.size;
        let len = size.saturating_sub(offset).min(len as u64) as usize;
        match self.content(ino)? {
            Source::Copied(entry) => self.copy(ino, entry, offset, len),
            Source::Rendered if len == 0 => Ok(Vec::new()),
            Source::Rendered => {
                let page = self.contents(ino)?;
                let start = usize::try_from(offset).unwrap_or(usize::MAX).min(page.len());
                let end = start.saturating_add(len).min(page.len());
                let mut bytes = buffer(end.saturating_sub(start))?;
                bytes.extend_from_slice(page.get(start..end).unwrap_or_default());
                Ok(bytes)
            }
        }
    }

    /// The whole rendered page `ino`. Blocks while it is rendered, here or by another thread: it is rendered once.
    ///
    /// # Errors
    /// As for [`read`](Self::read); `Unexpected` for a file that is copied and not rendered.
    pub fn contents(&self, ino: Ino) -> Result<Rendered> {
        self.cache.get_or_render(ino, || self.rendered(ino))
    }

    /// The whole rendered page `ino` if it is in the cache. Never blocks on a rendering.
    pub fn cached(&self, ino: Ino) -> Option<Rendered> {
        self.cache.get(ino)
    }

    /// The page `ino`, or the duty to [`render`](Self::render) it, or word that another has it. Never blocks on a rendering; see
    /// [`Cache::claim`] for how not to miss the end of one.
    pub fn claim(&self, ino: Ino) -> Claim {
        self.cache.claim(ino)
    }

    /// Renders the page of `ticket` and hands it to everybody who waits for it. Blocks meanwhile.
    ///
    /// # Errors
    /// As for [`contents`](Self::contents). Those who wait get the same, and nothing is kept of it.
    pub fn render(&self, ticket: Ticket) -> Result<Rendered> {
        let page = self.rendered(ticket.ino());
        ticket.finish(page)
    }

    /// The pages that follow `ino` in a walk and are of the same conversation, as many as have `most_bytes` bytes together
    /// with it. Work linear in their number.
    pub fn companions(&self, ino: Ino, most_bytes: u64) -> Vec<Ino> {
        let (mut companions, mut at) = (Vec::new(), ino);
        let Some((head, _)) = self.page(ino) else { return companions };
        let mut bytes = self.table.node(ino).map_or(0, |node| node.size);
        while let Some(next) = self.next_rendered(at) {
            bytes = bytes.saturating_add(self.table.node(next).map_or(0, |node| node.size));
            if bytes > most_bytes || self.page(next).is_none_or(|(of, _)| of != head) {
                break;
            }
            companions.push(next);
            at = next;
        }
        companions
    }

    /// Renders pages of one conversation into the cache at the cost of reading it once. Blocks meanwhile. What fails, or is
    /// rendered by another thread already, is left out: whoever reads it is told.
    pub fn render_together(&self, inos: &[Ino]) {
        let Some((head, _)) = inos.first().and_then(|&ino| self.page(ino)) else { return };
        let claim = |&ino: &Ino| match (self.page(ino), self.cache.claim(ino)) {
            (Some((of, page)), Claim::Mine(ticket)) if of == head => Some((page, ticket)),
            _ => None,
        };
        let (pages, tickets): (Vec<Page>, Vec<Ticket>) = inos.iter().filter_map(claim).unzip();
        let rendered = self.table.stem(head).map(|stem| self.library.pages(head, &pages, &stem));
        let Some(Ok(rendered)) = rendered else { return };
        for (ticket, bytes) in tickets.into_iter().zip(rendered) {
            let page = self.node(ticket.ino()).and_then(|node| sized(ticket.ino(), node, bytes));
            // Those who wait for it get the failure.
            let _ = ticket.finish(page);
        }
    }

    /// Renders all pages of the conversation at position `head` of the catalog and hands them to `take` in listing order:
    /// the visible thread, canvas documents, branches.
    ///
    /// For readers that go through everything, such as `export` and `grep`: walk the positions `0..catalog().heads.len()`,
    /// which is archive order. The conversation is read once, or once per 8 MiB of pages if it has more. Uses neither
    /// the cache nor a lock, so any number of threads may call it for different conversations. Blocks meanwhile.
    ///
    /// A page that can't be rendered is handed over as its error: those of [`Library`], or `Unexpected` if it isn't as
    /// long as it was measured. A position past the end has no pages.
    pub fn each_page(&self, head: usize, take: &mut dyn FnMut(Ino, Result<Vec<u8>>)) {
        let pages = self.pages_of(head);
        let Some(stem) = self.table.stem(head) else { return };
        let mut rest = pages.as_slice();
        while !rest.is_empty() {
            let mut bytes = 0_u64;
            let fits = |(ino, _): &&(Ino, Page)| {
                bytes = bytes.saturating_add(self.table.node(*ino).map_or(0, |node| node.size));
                bytes <= TOGETHER_BYTES
            };
            let (batch, after) = rest.split_at(rest.iter().take_while(fits).count().max(1));
            rest = after;
            let wanted: Vec<Page> = batch.iter().map(|(_, page)| *page).collect();
            match self.library.pages(head, &wanted, &stem) {
                Ok(rendered) => {
                    for ((ino, _), bytes) in batch.iter().zip(rendered) {
                        take(
                            *ino,
                            self.node(*ino).and_then(|node| check_size(*ino, node, &bytes)).map(|()| bytes),
                        );
                    }
                }
                Err(error) => {
                    for (ino, _) in batch {
                        take(*ino, Err(Error::new(error.kind(), error.to_string())));
                    }
                }
            }
        }
    }

    /// The pages of the conversation at position `head` of the catalog, in listing order.
    fn pages_of(&self, head: usize) -> Vec<(Ino, Page)> {
        let mut pages = Vec::new();
        let mut at = self.table.thread(head);
        while let Some((ino, (of, page))) = at.and_then(|ino| Some((ino, self.page(ino)?))) {
            if of != head {
                break;
            }
            pages.push((ino, page));
            at = self.table.next_page(ino);
        }
        pages
    }

    /// The inode at `path`, which is relative to the root with or without a slash in front.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory` if it leads through a file, `NameTooLong`; the message names the path.
    pub fn resolve(&self, path: &str) -> Result<Ino> {
        let step = |ino: Ino, name: &str| self.lookup(ino, name.as_bytes()).map(|attr| attr.ino);
        // An empty part is the directory itself, so that a file with a slash behind is refused.
        path.trim_start_matches('/')
            .split('/')
            .try_fold(Ino::ROOT, |ino, part| step(ino, if part.is_empty() { "." } else { part }))
            .map_err(|error| error.within(printable(path)))
    }

    /// The path of `ino` from the root, without a slash in front: empty for the root, and for a number that no inode has.
    pub fn path(&self, ino: Ino) -> String {
        let mut names = Vec::new();
        let mut at = ino;
        while let Some(node) = self.table.node(at).filter(|_| at != Ino::ROOT) {
            names.push(self.table.name(at).unwrap_or_default());
            at = Ino(u64::from(node.parent));
        }
        names.reverse();
        names.join("/")
    }

    /// Everything that is listed below the root, each directory before what it holds, in the order of listings.
    pub fn walk(&self) -> impl Iterator<Item = Step> {
        // The path of the last step, and where each of its parts ends.
        let mut path = String::new();
        let mut ends: Vec<usize> = Vec::new();
        inode::Walk::new(&self.table).filter_map(move |(ino, depth)| {
            let attr = attr(ino, self.table.node(ino)?);
            ends.truncate(depth.saturating_sub(1));
            path.truncate(ends.last().copied().unwrap_or_default());
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(self.table.name(ino)?);
            ends.push(path.len());
            Some(Step { path: path.clone(), attr })
        })
    }

    /// Sums over everything that is listed.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    fn node(&self, ino: Ino) -> Result<&Node> {
        self.table.node(ino).ok_or_else(no_such_file)
    }

    /// Renders `ino`, whatever the cache holds.
    fn rendered(&self, ino: Ino) -> Result<Rendered> {
        let node = self.node(ino)?;
        let bytes = match node.what {
            What::Page { head, page } => {
                let head = head as usize;
                let stem = self.table.stem(head).ok_or_else(no_such_file)?;
                self.library.page(head, page, &stem)?
            }
            What::Problems => inode::problems(&self.catalog().problems).into_bytes(),
            What::Directory { .. } => return Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
            What::Entry(_) => return Err(Error::new(ErrorKind::Unexpected, "not a rendered file")),
        };
        sized(ino, node, bytes)
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

/// Refuses a page that isn't as long as it was measured. Programs trust the size: bytes past it would be cut off, and
/// missing ones would be missed.
fn check_size(ino: Ino, node: &Node, bytes: &[u8]) -> Result<()> {
    if bytes.len() as u64 == node.size {
        return Ok(());
    }
    let message = format!("inode {}: rendered {} bytes, measured {}", ino.0, bytes.len(), node.size);
    Err(Error::new(ErrorKind::Unexpected, message))
}

/// The page `ino` as the cache keeps it.
fn sized(ino: Ino, node: &Node, mut bytes: Vec<u8>) -> Result<Rendered> {
    check_size(ino, node, &bytes)?;
    // Pages stay for a while, and what they have no use for would too.
    bytes.shrink_to_fit();
    Ok(Rendered::new(bytes))
}

fn attr(ino: Ino, node: &Node) -> Attr {
    let (kind, nlink) = match node.what {
        What::Directory { directories, .. } => (Kind::Directory, directories.saturating_add(2)),
        _ => (Kind::File, 1),
    };
    Attr { ino, kind, size: node.size, modified: node.modified, created: node.created, nlink }
}

fn no_such_file() -> Error {
    Error::new(ErrorKind::NotFound, "no such file or directory")
}

/// An empty buffer with room for `len` bytes.
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
