//! The directories and files of the views.

use super::{ViewText, number};
use crate::bytes::Positions;
use crate::catalog::EntryRef;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Library, no_such_file};

/// The root.
pub(super) const TOP: u32 = 0;

#[derive(Clone, Copy, Debug)]
pub(super) enum ViewContent {
    /// By its position among the directories.
    Directory(u32),
    /// A link to the page of the conversation at this position in the catalog.
    Link(u32),
    /// The prompts of the conversation at this position in the catalog.
    Prompts(u32),
    Text(ViewText),
    /// An entry of an archive. The fields of an [`EntryRef`], which would take more room.
    Entry {
        archive: u16,
        entry: u32,
    },
    /// An entry that no message points to, by its position in the catalog.
    Orphan(u32),
}

impl From<EntryRef> for ViewContent {
    fn from(EntryRef { archive, entry }: EntryRef) -> Self {
        Self::Entry { archive, entry }
    }
}

/// A file or directory. Small, because archives may have a million files.
#[derive(Clone, Copy, Debug)]
pub(super) struct ViewNode {
    pub(super) parent: u32,
    /// Length of its own name, in bytes; 0 if its content tells its name.
    name_bytes: u8,
    /// Start of its own name among all.
    name: usize,
    pub(super) content: ViewContent,
}

const _: () = assert!(size_of::<ViewNode>() <= 24, "two per file");

impl ViewNode {
    fn own_name<'n>(&self, names: &'n str) -> &'n str {
        let end = self.name.saturating_add(usize::from(self.name_bytes));
        names.get(self.name..end).unwrap_or_default()
    }
}

/// The children of a directory.
#[derive(Clone, Copy, Debug, Default)]
struct Children {
    first: u32,
    count: u32,
    /// How many of them are directories.
    directories: u32,
}

/// Directories and files by number, each directory's sorted by name. There may be millions.
#[derive(Debug)]
pub(super) struct ViewTree {
    /// The first is the root.
    nodes: Vec<ViewNode>,
    /// The names that contents don't tell.
    names: String,
    /// The numbers of all nodes that can be found, siblings adjacent and sorted.
    sorted: Vec<u32>,
    directories: Vec<Children>,
}

impl ViewTree {
    pub(super) fn node(&self, at: u32) -> Result<&ViewNode> {
        self.nodes.get(at as usize).ok_or_else(no_such_file)
    }

    /// The name of a node; empty for the root.
    pub(super) fn name<'v>(&'v self, at: u32, library: &'v dyn Library) -> &'v str {
        self.nodes.get(at as usize).map_or("", |node| match node.content {
            ViewContent::Entry { archive, entry } => {
                library.archive_file(EntryRef { archive, entry }).map_or("", |(path, _)| base_name(path))
            }
            ViewContent::Orphan(orphan) => {
                library.catalog().orphans.get(orphan as usize).map_or("", |orphan| &*orphan.name)
            }
            _ => node.own_name(&self.names),
        })
    }

    /// The numbers of a directory's children, sorted by name.
    pub(super) fn children(&self, at: u32) -> Result<&[u32]> {
        let Children { first, count, .. } = self.directory(at)?;
        let end = (first as usize).saturating_add(count as usize);
        Ok(self.sorted.get(first as usize..end).unwrap_or_default())
    }

    /// The number of directories in a directory.
    pub(super) fn subdirectories(&self, at: u32) -> Result<u32> {
        Ok(self.directory(at)?.directories)
    }

    fn directory(&self, at: u32) -> Result<Children> {
        match self.node(at)?.content {
            ViewContent::Directory(at) => self.directories.get(at as usize).copied().ok_or_else(no_such_file),
            _ => Err(Error::new(ErrorKind::NotADirectory, "not a directory")),
        }
    }
}

/// The last part of a path in an archive, whichever slashes it has.
pub(super) fn base_name(path: &str) -> &str {
    let path = path.trim_end_matches(['/', '\\']);
    let slash = path.bytes().rposition(|byte| matches!(byte, b'/' | b'\\'));
    slash.and_then(|slash| path.get(slash + 1..)).unwrap_or(path)
}

/// Collects directories and files in any order. Of several of one name in one directory the first counts, and a
/// directory before a file.
pub(super) struct ViewBuilder {
    tree: ViewTree,
    /// Directories by parent and name.
    directories: Positions,
}

impl ViewBuilder {
    pub(super) fn new() -> Self {
        let tree = ViewTree {
            nodes: Vec::new(),
            names: String::new(),
            sorted: Vec::new(),
            directories: vec![Children::default()],
        };
        let mut builder = Self { tree, directories: Positions::default() };
        builder.push(TOP, "", ViewContent::Directory(0));
        builder
    }

    /// The number of the directory `name` in `parent`, which is created if missing.
    pub(super) fn directory(&mut self, parent: u32, name: &str) -> u32 {
        let Self { tree: ViewTree { nodes, names, .. }, directories } = self;
        let next = nodes.len();
        let key_of = |at: usize| nodes.get(at).map(|node| (node.parent, node.own_name(names)));
        if let Some(made) = directories.add(next, &(parent, name), key_of) {
            return number(made);
        }
        let content = ViewContent::Directory(number(self.tree.directories.len()));
        self.tree.directories.push(Children::default());
        self.push(parent, name, content)
    }

    /// Adds a file, and its name unless its content tells it.
    pub(super) fn file(&mut self, parent: u32, name: &str, content: ViewContent) {
        self.push(parent, name, content);
    }

    fn push(&mut self, parent: u32, name: &str, content: ViewContent) -> u32 {
        let ViewTree { nodes, names, .. } = &mut self.tree;
        let at = number(nodes.len());
        // Names are no longer than those of files.
        let name_bytes = u8::try_from(name.len()).unwrap_or_default();
        nodes.push(ViewNode { parent, name: names.len(), name_bytes, content });
        names.push_str(name);
        at
    }

    /// The tree. `library` knows the names that contents tell.
    pub(super) fn finish(self, library: &dyn Library) -> ViewTree {
        let Self { mut tree, directories } = self;
        drop(directories);
        tree.nodes.shrink_to_fit();
        let is_file = |node: &ViewNode| !matches!(node.content, ViewContent::Directory(_));
        let place = |at: u32| Some((tree.nodes.get(at as usize)?.parent, tree.name(at, library)));
        let rank = |at: u32| (tree.nodes.get(at as usize).map(is_file), at);
        let mut sorted: Vec<u32> = (1..number(tree.nodes.len())).collect();
        sorted.sort_unstable_by(|&a, &b| place(a).cmp(&place(b)).then_with(|| rank(a).cmp(&rank(b))));
        sorted.dedup_by(|&mut a, &mut b| place(a) == place(b));
        for (at, &child) in sorted.iter().enumerate() {
            let Some(child) = tree.nodes.get(child as usize) else { continue };
            let Some(ViewContent::Directory(parent)) =
                tree.nodes.get(child.parent as usize).map(|node| node.content)
            else {
                continue;
            };
            let Some(children) = tree.directories.get_mut(parent as usize) else { continue };
            if children.count == 0 {
                children.first = number(at);
            }
            children.count = children.count.saturating_add(1);
            children.directories = children.directories.saturating_add(u32::from(!is_file(child)));
        }
        tree.sorted = sorted;
        tree
    }
}
