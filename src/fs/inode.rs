//! Inode numbers: a table, filled once, in the order of listings.
//!
//! Numbers are positions, from 1. A directory comes before its children, and its listed children are adjacent and in
//! listing order, so a directory is stored as the number of its first child and a count. Unlisted files are in
//! [views](super::views).

use super::Ino;
use crate::bytes::Positions;
use crate::catalog::{AssetContent, Catalog, EntryRef, Head, Page};
use crate::layout::{ASSETS, BRANCHES, Layout, PAGE, UNDATED, file_names};
use crate::markdown::{encode_path_segment, encoded_len};
use crate::time::Timestamp;
use std::collections::VecDeque;

/// One inode. An export has hundreds of thousands of them, so it is kept small.
#[derive(Debug)]
pub(super) struct Inode {
    pub(super) what: What,
    pub(super) size: u64,
    pub(super) modified: Timestamp,
    pub(super) created: Timestamp,
    /// Start of the name in [`InodeTable::names`], in bytes.
    name: usize,
    pub(super) parent: u32,
    /// The next page after this inode in listing order; 0 at the end.
    next: u32,
    /// Length of the name in bytes, at most 255.
    name_bytes: u8,
}

/// What an inode shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A directory: its listed children are `count` inodes from `first` on, `directories` of them directories.
    Directory { first: u32, count: u32, directories: u32 },
    /// A page of the conversation at this position in the catalog.
    Page { head: u32, page: Page },
    /// An entry of an archive, byte for byte.
    Entry(EntryRef),
}

impl What {
    fn is_page(self) -> bool {
        matches!(self, Self::Page { .. })
    }
}

/// All inodes, their names, and how to find them.
#[derive(Debug)]
pub(super) struct InodeTable {
    nodes: Vec<Inode>,
    names: String,
    /// The inode of each conversation's `title.md`, by position in the catalog; 0 if it has none.
    threads: Vec<u32>,
    /// The rank of each conversation in listing order, by position in the catalog.
    ranks: Vec<u32>,
    /// The inode of each conversation's `title.md`, by rank.
    ranked: Vec<u32>,
    /// Positions of inodes by directory and name.
    index: Positions,
    /// The day is before the title of each conversation that has one.
    has_days: bool,
}

impl InodeTable {
    /// The inodes of `layout`, which was made from `catalog`. Linear.
    ///
    /// A conversation's files have its times; if only one of the two is known, it is used for both. Files without a
    /// known time, or without a conversation, get the newest time in the catalog, or the second day of 1970 if it has
    /// none. A directory is as recently modified as its newest file and as old as its oldest.
    pub(super) fn new(catalog: &Catalog, layout: &Layout) -> Self {
        let mut builder = InodeTableBuilder::new(catalog, layout);
        builder.tree();
        let mut table = builder.table;
        table.nodes.shrink_to_fit();
        table.names.shrink_to_fit();
        table.times_of_directories();
        table.order_of_pages();
        let mut index = Positions::default();
        for at in 0..table.nodes.len() {
            if let Some(key) = table.key(at) {
                index.add(at, &key, |at| table.key(at));
            }
        }
        table.index = index;
        table
    }

    pub(super) fn inode(&self, ino: Ino) -> Option<&Inode> {
        self.get(u32::try_from(ino.0).ok()?)
    }

    fn get(&self, ino: u32) -> Option<&Inode> {
        self.nodes.get((ino as usize).checked_sub(1)?)
    }

    fn get_mut(&mut self, ino: u32) -> Option<&mut Inode> {
        self.nodes.get_mut((ino as usize).checked_sub(1)?)
    }

    /// The name of an inode; empty for the root.
    pub(super) fn name(&self, ino: Ino) -> Option<&str> {
        let node = self.inode(ino)?;
        self.names.get(node.name..node.name.checked_add(usize::from(node.name_bytes))?)
    }

    /// The inode with this name in this directory, listed or not. Constant expected work.
    pub(super) fn find(&self, parent: Ino, name: &[u8]) -> Option<Ino> {
        let key = (u32::try_from(parent.0).ok()?, name);
        let found = self.index.find(&key, |at| self.key(at))?;
        Some(Ino((found as u64).saturating_add(1)))
    }

    /// The directory and the name of the inode at a position.
    fn key(&self, at: usize) -> Option<(u32, &[u8])> {
        let node = self.nodes.get(at)?;
        let name = self.names.as_bytes().get(node.name..node.name.checked_add(usize::from(node.name_bytes))?);
        Some((node.parent, name?))
    }

    /// The page of a conversation's visible thread.
    pub(super) fn thread(&self, head: usize) -> Option<Ino> {
        self.threads.get(head).filter(|&&ino| ino != 0).map(|&ino| Ino(u64::from(ino)))
    }

    /// The names on the way from the root to an inode, its own last.
    pub(super) fn path(&self, ino: Ino) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = ino;
        while let Some(node) = self.inode(at).filter(|_| at != Ino::ROOT) {
            names.push(self.name(at).unwrap_or_default());
            at = Ino(u64::from(node.parent));
        }
        names.reverse();
        names
    }

    /// How long the day and the space before the title of a conversation are, in bytes.
    pub(super) fn day_bytes(&self, head: usize) -> usize {
        let month = self.thread(head).and_then(|thread| self.inode(thread)).map(|node| node.parent);
        let is_dated = month.and_then(|month| self.name(Ino(u64::from(month)))) != Some(UNDATED);
        if self.has_days && is_dated { "01 ".len() } else { 0 }
    }

    /// The percent-encoded stem of a conversation.
    pub(super) fn stem(&self, head: usize) -> Option<String> {
        Some(encode_path_segment(self.name(self.thread(head)?)?.strip_suffix(PAGE)?))
    }

    /// The rank of a conversation in listing order.
    pub(super) fn rank(&self, head: usize) -> Option<usize> {
        self.ranks.get(head).map(|&rank| rank as usize)
    }

    /// The page of the visible thread of the conversation at `rank`.
    pub(super) fn ranked(&self, rank: usize) -> Option<Ino> {
        self.ranked.get(rank).map(|&ino| Ino(u64::from(ino)))
    }

    /// The next page after this inode in listing order.
    pub(super) fn next_page(&self, ino: Ino) -> Option<Ino> {
        self.inode(ino).filter(|node| node.next != 0).map(|node| Ino(u64::from(node.next)))
    }

    /// All listed nodes.
    pub(super) fn listed(&self) -> &[Inode] {
        &self.nodes
    }

    /// The bytes of memory the table takes.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.nodes.capacity() * size_of::<Inode>()
            + self.names.capacity()
            + self.index.memory()
            + [&self.threads, &self.ranks, &self.ranked].map(Vec::capacity).iter().sum::<usize>()
                * size_of::<u32>()
    }

    /// Children come after their directory, so one pass backwards sees all children of a directory before itself.
    fn times_of_directories(&mut self) {
        for ino in (2..=self.nodes.len()).rev().map(number) {
            let Some(&Inode { parent, modified, created, .. }) = self.get(ino) else { continue };
            let Some(directory) = self.get_mut(parent) else { continue };
            let What::Directory { first, count, .. } = directory.what else { continue };
            // Unlisted children don't count, and the first child seen replaces the directory's own placeholder.
            if ino.checked_sub(first).is_none_or(|place| place >= count) {
                continue;
            }
            let is_last = ino.saturating_sub(first).saturating_add(1) == count;
            directory.modified = if is_last { modified } else { directory.modified.max(modified) };
            directory.created = if is_last { created } else { directory.created.min(created) };
        }
    }

    /// Links every listed inode to the page that follows it in listing order, and ranks the conversations.
    fn order_of_pages(&mut self) {
        let walk: Vec<Ino> = TreeWalk::new(self).map(|(ino, _)| ino).collect();
        for ino in walk.iter().map(|ino| number(ino.0 as usize)) {
            if let Some(What::Page { head, page: Page::Thread }) = self.get(ino).map(|node| node.what)
                && let Some(rank) = self.ranks.get_mut(head as usize)
            {
                *rank = number(self.ranked.len());
                self.ranked.push(ino);
            }
        }
        let mut next = 0;
        for ino in walk.into_iter().rev().map(|ino| number(ino.0 as usize)) {
            if let Some(node) = self.get_mut(ino) {
                node.next = next;
                if node.what.is_page() {
                    next = ino;
                }
            }
        }
        if let Some(root) = self.get_mut(1) {
            root.next = next;
        }
    }
}

/// All listed inodes below the root, a directory before its children, each with its depth (1 below the root).
pub(super) struct TreeWalk<'t> {
    table: &'t InodeTable,
    /// For each directory on the way down: the next child, and the one after the last.
    open: Vec<(u32, u32)>,
}

impl<'t> TreeWalk<'t> {
    pub(super) fn new(table: &'t InodeTable) -> Self {
        let mut walk = Self { table, open: Vec::new() };
        walk.enter(1);
        walk
    }

    fn enter(&mut self, ino: u32) {
        if let Some(What::Directory { first, count, .. }) = self.table.get(ino).map(|node| node.what) {
            self.open.push((first, first.saturating_add(count)));
        }
    }
}

impl Iterator for TreeWalk<'_> {
    type Item = (Ino, usize);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (next, end) = self.open.last_mut()?;
            if next == end {
                self.open.pop();
                continue;
            }
            let ino = *next;
            *next = ino.saturating_add(1);
            let depth = self.open.len();
            self.enter(ino);
            return Some((Ino(u64::from(ino)), depth));
        }
    }
}

/// A directory whose children aren't in the table yet.
enum Planned<'a> {
    Year(&'a crate::layout::Year),
    Conversations(&'a [usize]),
    Assets(usize),
    Branches(usize),
}

/// Times of a node: modified, created.
type Times = (Timestamp, Timestamp);

struct InodeTableBuilder<'a> {
    catalog: &'a Catalog,
    layout: &'a Layout,
    /// The time shown for files without a known time.
    fallback: Timestamp,
    table: InodeTable,
    planned: VecDeque<(u32, Planned<'a>)>,
}

impl<'a> InodeTableBuilder<'a> {
    fn new(catalog: &'a Catalog, layout: &'a Layout) -> Self {
        let newest = catalog.heads.iter().flat_map(|head| [head.created, head.updated]).flatten().max();
        let (threads, ranks) = (vec![0; catalog.heads.len()], vec![0; catalog.heads.len()]);
        let table = InodeTable {
            nodes: Vec::new(),
            names: String::new(),
            threads,
            ranks,
            ranked: Vec::new(),
            index: Positions::default(),
            has_days: layout.has_days(),
        };
        let fallback = newest.unwrap_or(Timestamp::UNKNOWN);
        Self { catalog, layout, fallback, table, planned: VecDeque::new() }
    }

    /// Everything that is listed. Directories are filled in the order of their numbers.
    fn tree(&mut self) {
        let root = self.push(1, &[], DIRECTORY, 0, self.unknown());
        self.children(root, |builder| {
            for year in builder.layout.years() {
                builder.directory(root, &[&format!("{:04}", year.year)], Planned::Year(year));
            }
            if !builder.layout.undated().is_empty() {
                builder.directory(root, &[UNDATED], Planned::Conversations(builder.layout.undated()));
            }
        });
        while let Some((ino, planned)) = self.planned.pop_front() {
            self.children(ino, |builder| match planned {
                Planned::Year(year) => {
                    for month in &year.months {
                        let name = format!("{:02}", month.month);
                        builder.directory(ino, &[&name], Planned::Conversations(&month.heads));
                    }
                }
                Planned::Conversations(heads) => {
                    for &head in heads {
                        builder.conversation(ino, head);
                    }
                }
                Planned::Assets(head) => builder.assets(ino, head),
                Planned::Branches(head) => builder.branches(ino, head),
            });
        }
    }

    fn conversation(&mut self, parent: u32, position: usize) {
        let (Some(head), Some(stem)) = (self.catalog.heads.get(position), self.layout.stem(position)) else {
            return;
        };
        let size = head.page.size(encoded_len(stem.as_str()));
        let what = What::Page { head: number(position), page: Page::Thread };
        let ino = self.push(parent, &[stem.as_str(), PAGE], what, size, self.times(head));
        if let Some(thread) = self.table.threads.get_mut(position) {
            *thread = ino;
        }
        if !head.assets.is_empty() {
            self.directory(parent, &[stem.as_str(), ASSETS], Planned::Assets(position));
        }
        if !head.branches.is_empty() {
            self.directory(parent, &[stem.as_str(), BRANCHES], Planned::Branches(position));
        }
    }

    fn assets(&mut self, parent: u32, position: usize) {
        let Some(head) = self.catalog.heads.get(position) else { return };
        let names = file_names(head.assets.iter().map(|asset| asset.name.as_ref()));
        for (asset, name) in head.assets.iter().zip(names) {
            let what = match asset.content {
                AssetContent::Entry(entry) => What::Entry(entry),
                AssetContent::Canvas(file) => What::Page { head: number(position), page: Page::Canvas(file) },
            };
            self.push(parent, &[name.as_str()], what, asset.bytes, self.times(head));
        }
    }

    fn branches(&mut self, parent: u32, position: usize) {
        let (Some(head), Some(stem)) = (self.catalog.heads.get(position), self.layout.stem(position)) else {
            return;
        };
        let stem = encoded_len(stem.as_str());
        let mut last = None;
        for branch in &head.branches {
            // The catalog promises ascending numbers. A repeated one would list a name twice.
            if last.is_none_or(|last| last < branch.number) {
                last = Some(branch.number);
                let what = What::Page { head: number(position), page: Page::Branch(branch.number) };
                let name = [&branch.number.to_string(), PAGE];
                self.push(parent, &name, what, branch.measure.size(stem), self.times(head));
            }
        }
    }

    fn times(&self, head: &Head) -> Times {
        let known = head.updated.or(head.created).zip(head.created.or(head.updated));
        known.unwrap_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Times {
        (self.fallback, self.fallback)
    }

    /// Adds a directory now, and its children when its turn comes.
    fn directory(&mut self, parent: u32, name: &[&str], planned: Planned<'a>) {
        let ino = self.push(parent, name, DIRECTORY, 0, self.unknown());
        self.planned.push_back((ino, planned));
    }

    /// Makes the nodes that `fill` adds the listed children of `directory`.
    fn children(&mut self, directory: u32, fill: impl FnOnce(&mut Self)) {
        let before = self.table.nodes.len();
        fill(self);
        let added = self.table.nodes.get(before..).unwrap_or_default();
        let directories = added.iter().filter(|node| matches!(node.what, What::Directory { .. })).count();
        let what = What::Directory {
            first: number(before.saturating_add(1)),
            count: number(added.len()),
            directories: number(directories),
        };
        if let Some(node) = self.table.get_mut(directory) {
            node.what = what;
        }
    }

    fn push(&mut self, parent: u32, name: &[&str], what: What, size: u64, (modified, created): Times) -> u32 {
        let start = self.table.names.len();
        self.table.names.extend(name.iter().copied());
        let name_bytes = u8::try_from(self.table.names.len().saturating_sub(start)).unwrap_or(u8::MAX);
        let node = Inode { what, size, modified, created, name: start, parent, next: 0, name_bytes };
        self.table.nodes.push(node);
        number(self.table.nodes.len())
    }
}

/// A directory without children.
const DIRECTORY: What = What::Directory { first: 1, count: 0, directories: 0 };

/// A position or count as the table stores it. More than 2³² conversations or files don't fit into memory; if they did,
/// the surplus would merely be unreachable.
fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}
