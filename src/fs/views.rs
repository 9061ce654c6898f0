//! `.gptfs`: the same conversations by id, model, GPT and project, their prompts, the archive's own files, and documents
//! about the export.
//!
//! Reachable by name but never listed, so that tools which walk the tree see everything once. Built on first use from
//! the catalog and the names in the tree; inode numbers depend on nothing else. Conversations are symbolic links into
//! the tree. On request, the directories with nothing but such links are listed at the root as well.

mod documents;
mod found;
mod tree;

use super::{Attr, Fs, Ino, InodeKind, InodeTable, Library, Origin, TreeEntry, buffer, no_such_file};
use crate::catalog::{Catalog, EntryRef, Head, Page};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{HIDDEN, PAGE};
use crate::markdown::{encode_path_segment, encoded_len};
use crate::name::{FileName, NAME_BYTES, fold};
use crate::time::{Timestamp, Zone};
use documents::ViewText;
pub(super) use found::Searches;
use found::{FIRST_FOUND, FOUND_NUMBERS, SEARCH, found};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::OnceLock;
use tree::{TOP, ViewBuilder, ViewContent, ViewTree, base_name};

/// The inode numbers of the views begin here. The tree's own are smaller.
const FIRST: u64 = 1 << 33;

/// The inode number of the first conversation's JSON; the others follow.
const FIRST_JSON: u64 = 1 << 40;

/// The extension of the JSON next to a page.
const JSON: &str = ".json";

/// How many more directories lead to a conversation's prompts than names to its page.
const PROMPTS_DEPTH: usize = 1;

/// Number of conversations in `recent`.
const RECENT: usize = 50;

/// An inode number outside the table of the tree.
#[derive(Clone, Copy, Debug)]
pub(super) enum Beyond {
    /// A position in the views.
    View(u32),
    /// The JSON of the conversation at this position in the catalog.
    Json(usize),
    /// The directory of a search, or its link with this number, from 1.
    Found(usize, usize),
}

/// The meaning of `ino` if the tree has no such inode.
pub(super) fn beyond(ino: Ino) -> Option<Beyond> {
    if let Some(found) = ino.0.checked_sub(FIRST_FOUND) {
        let (search, at) = (found / FOUND_NUMBERS, found % FOUND_NUMBERS);
        return Some(Beyond::Found(usize::try_from(search).ok()?, usize::try_from(at).ok()?));
    }
    if let Some(head) = ino.0.checked_sub(FIRST_JSON) {
        return Some(Beyond::Json(usize::try_from(head).ok()?));
    }
    Some(Beyond::View(u32::try_from(ino.0.checked_sub(FIRST)?).ok()?))
}

impl Ino {
    /// True if its name may lead to another inode later: a search that was forgotten is made again.
    pub(crate) fn is_fleeting(self) -> bool {
        matches!(beyond(self), Some(Beyond::Found(_, 0)))
    }
}

/// The tree below [`HIDDEN`], and what is listed next to the years.
#[derive(Debug)]
pub(super) struct Views {
    tree: ViewTree,
    /// The directory [`HIDDEN`].
    hidden: u32,
    /// The directory of searches.
    search: u32,
    /// Sizes of the documents, once determined.
    sizes: [OnceLock<u64>; ViewText::ALL.len()],
}

impl Views {
    /// The views of `library`, whose tree is `table`; those that are links are at the root too if they are `listed`.
    fn new(library: &dyn Library, table: &InodeTable, listed: bool) -> Self {
        let catalog = library.catalog();
        let zone = library.zone();
        let mut builder = ViewBuilder::new();
        let hidden = builder.directory(TOP, HIDDEN);
        for place in [Some(hidden), listed.then_some(TOP)].into_iter().flatten() {
            conversations(&mut builder, place, catalog, table, &zone);
            recent(&mut builder, place, catalog, table);
        }
        if listed {
            builder.file(TOP, ViewText::Ignore.name(), ViewContent::Text(ViewText::Ignore));
        }
        for text in ViewText::ALL {
            builder.file(hidden, text.name(), ViewContent::Text(text));
        }
        prompts(&mut builder, hidden, catalog, table);
        if !catalog.orphans.is_empty() {
            let directory = builder.directory(hidden, "orphans");
            for orphan in 0..catalog.orphans.len() {
                builder.file(directory, "", ViewContent::Orphan(number(orphan)));
            }
        }
        let export = builder.directory(hidden, "export");
        library.archive_files(&mut |path, entry| {
            let parts = || path.split(['/', '\\']).filter(|part| !part.is_empty());
            let odd =
                |part: &str| part.len() > NAME_BYTES || matches!(part, "." | "..") || part.contains('\0');
            let is_named = library.archive_file(entry).is_some_and(|(path, _)| !base_name(path).is_empty());
            if !is_named || parts().any(odd) {
                return;
            }
            let parents = parts().count().saturating_sub(1);
            let directory =
                parts().take(parents).fold(export, |directory, part| builder.directory(directory, part));
            builder.file(directory, "", entry.into());
        });
        let search = builder.directory(hidden, SEARCH);
        Self { tree: builder.finish(library), hidden, search, sizes: Default::default() }
    }
}

/// Links to every conversation, by id and by its other properties.
fn conversations(builder: &mut ViewBuilder, place: u32, catalog: &Catalog, table: &InodeTable, zone: &Zone) {
    let mut models: HashMap<String, u32> = HashMap::new();
    let by_id = builder.directory(place, "by-id");
    for (at, head) in catalog.heads.iter().enumerate() {
        let Some(title) = title(table, at) else { continue };
        let link = ViewContent::Link(number(at));
        let dated = dated(title, head, zone);
        let mut places = Vec::new();
        if !head.id.is_empty() {
            places.push((by_id, format!("{}{PAGE}", FileName::for_title(Some(&head.id)).as_str())));
        }
        for model in &head.models {
            let name = FileName::for_title(Some(model));
            let parent = builder.directory(place, "by-model");
            // On other systems, names that differ only by case would be one directory.
            let directory = *models
                .entry(fold(name.as_str()))
                .or_insert_with(|| builder.directory(parent, name.as_str()));
            places.push((directory, dated.clone()));
        }
        for (view, id) in [("by-gpt", &head.gpt), ("by-project", &head.project)] {
            if let Some(id) = id {
                let parent = builder.directory(place, view);
                let directory = builder.directory(parent, FileName::for_title(Some(id)).as_str());
                places.push((directory, dated.clone()));
            }
        }
        for (view, is_in) in [("starred", head.starred), ("archived", head.archived)] {
            if is_in {
                places.push((builder.directory(place, view), dated.clone()));
            }
        }
        for (directory, name) in places {
            // If two have the same name, one link is enough: the tree has both.
            builder.file(directory, &name, link);
        }
    }
}

/// Links to the most recently changed conversations, numbered.
fn recent(builder: &mut ViewBuilder, place: u32, catalog: &Catalog, table: &InodeTable) {
    let mut newest: Vec<(usize, &Head)> = catalog.heads.iter().enumerate().collect();
    newest.sort_by_key(|(at, head)| (std::cmp::Reverse(head.updated.max(head.created)), *at));
    let directory = builder.directory(place, "recent");
    for (rank, (at, _)) in (1_usize..).zip(newest).take(RECENT) {
        if let Some(title) = title(table, at) {
            builder.file(directory, &format!("{rank:02} {title}{PAGE}"), ViewContent::Link(number(at)));
        }
    }
}

/// The prompts of every conversation, under the names of the tree.
fn prompts(builder: &mut ViewBuilder, hidden: u32, catalog: &Catalog, table: &InodeTable) {
    let prompts = builder.directory(hidden, "prompts");
    for at in 0..catalog.heads.len() {
        let Some(parts) = table.thread(at).map(|thread| table.path(thread)) else { continue };
        let Some((name, parents)) = parts.split_last() else { continue };
        let directory = parents.iter().fold(prompts, |directory, part| builder.directory(directory, part));
        builder.file(directory, name, ViewContent::Prompts(number(at)));
    }
}

/// The name of a conversation's page without its ending, and without the day that may be before it.
fn title(table: &InodeTable, head: usize) -> Option<&str> {
    let stem = table.name(table.thread(head)?)?.strip_suffix(PAGE)?;
    stem.get(table.day_bytes(head)..)
}

/// The name of a page outside its month: with its date, if known and if it fits.
fn dated(title: &str, head: &Head, zone: &Zone) -> String {
    let minute = head.created.map(|created| zone.minute(created));
    let day = minute.as_deref().and_then(|minute| minute.split(' ').next());
    match day.map(|day| format!("{day} {title}{PAGE}")).filter(|name| name.len() <= NAME_BYTES) {
        Some(name) => name,
        None => format!("{title}{PAGE}"),
    }
}

fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn view(at: u32) -> Ino {
    Ino(FIRST.saturating_add(u64::from(at)))
}

impl Fs {
    fn views(&self) -> &Views {
        self.views.get_or_init(|| Views::new(&*self.library, &self.table, self.lists_views))
    }

    fn view_name(&self, at: u32) -> &str {
        self.views().tree.name(at, &*self.library)
    }

    /// Lists the views that are links at the root as well.
    pub(crate) fn listing_views(mut self) -> Self {
        self.lists_views = true;
        for entry in self.walk_views() {
            self.totals.add(entry.attr.size);
        }
        self
    }

    /// The views that are listed at the root, with their numbers, in listing order.
    pub(super) fn listed_views(&self) -> Vec<(&str, Ino)> {
        if !self.lists_views {
            return Vec::new();
        }
        let children = self.views().tree.children(TOP).unwrap_or_default();
        let named = children.iter().map(|&child| (self.view_name(child), view(child)));
        named.filter(|(name, _)| *name != HIDDEN).collect()
    }

    /// Every view that is listed, each directory before its contents.
    pub(crate) fn walk_views(&self) -> Vec<TreeEntry> {
        let mut found = Vec::new();
        let mut waiting: Vec<Ino> = self.listed_views().into_iter().rev().map(|(_, ino)| ino).collect();
        while let Some(ino) = waiting.pop() {
            let Ok(attr) = self.attr(ino) else { continue };
            found.push(TreeEntry { path: self.path(ino), attr });
            if let Some(number) = beyond(ino).filter(|_| attr.kind == InodeKind::Directory)
                && let Ok(count) = self.beyond_count(number)
            {
                waiting.extend((2..count).rev().filter_map(|at| Some(self.beyond_entry(number, at)?.1)));
            }
        }
        found
    }

    /// The unlisted file or directory called `name` in the directory `parent` of the tree.
    pub(super) fn unlisted(&self, parent: Ino, name: &[u8]) -> Option<Ino> {
        let name = std::str::from_utf8(name).ok()?;
        if parent == Ino::ROOT && name == HIDDEN {
            // From now on lookups are answered without waiting, unless a file could not be read.
            for text in ViewText::ALL {
                let _ = self.text_size(text);
            }
            return Some(view(self.views().hidden));
        }
        if parent == Ino::ROOT
            && let Some((_, ino)) = self.listed_views().into_iter().find(|(other, _)| *other == name)
        {
            return Some(ino);
        }
        let stem = name.strip_suffix(JSON)?;
        let page = self.table.find(parent, format!("{stem}{PAGE}").as_bytes())?;
        match self.page(page)? {
            (head, Page::Thread) => Some(Ino(FIRST_JSON.saturating_add(head as u64))),
            _ => None,
        }
    }

    /// True if looking up `name` in `parent` takes long, because it searches the export or builds the views.
    pub(crate) fn takes_long(&self, parent: Ino, name: &[u8]) -> bool {
        match beyond(parent) {
            None => {
                let is_known = |views: &Views| views.sizes.iter().all(|size| size.get().is_some());
                parent == Ino::ROOT && name == HIDDEN.as_bytes() && !self.views.get().is_some_and(is_known)
            }
            Some(Beyond::View(at)) => self.views.get().is_some_and(|views| views.search == at),
            Some(_) => false,
        }
    }

    pub(super) fn beyond_attr(&self, ino: Ino, number: Beyond) -> Result<Attr> {
        let times = |of: Ino| self.table.inode(of).map(|node| (node.modified, node.created));
        // Files without a conversation have the newest time.
        let newest = times(Ino::ROOT).map_or(Timestamp::UNKNOWN, |(modified, _)| modified);
        let fallback = (newest, newest);
        let mut attr =
            Attr { ino, kind: InodeKind::File, size: 0, modified: fallback.0, created: fallback.1, nlink: 1 };
        let of_head = |head: usize| self.table.thread(head).and_then(times).unwrap_or(fallback);
        match number {
            Beyond::Json(head) => {
                let location = self.catalog().heads.get(head).ok_or_else(no_such_file)?.location;
                attr.size = location.end.saturating_sub(location.start);
                (attr.modified, attr.created) = of_head(head);
            }
            Beyond::Found(search, 0) => {
                self.found_directory(search)?;
                attr.kind = InodeKind::Directory;
                attr.nlink = 2;
            }
            Beyond::Found(search, at) => {
                let (_, head) = self.found_directory(search)?.link(at)?;
                attr.kind = InodeKind::Symlink;
                attr.size = self.link(ino)?.len() as u64;
                (attr.modified, attr.created) = of_head(head);
            }
            Beyond::View(at) => match self.views().tree.node(at)?.content {
                ViewContent::Directory(_) => {
                    attr.kind = InodeKind::Directory;
                    attr.nlink = self.views().tree.subdirectories(at)?.saturating_add(2);
                }
                ViewContent::Link(head) => {
                    attr.kind = InodeKind::Symlink;
                    attr.size = self.link(ino)?.len() as u64;
                    (attr.modified, attr.created) = of_head(head as usize);
                }
                ViewContent::Prompts(head) => {
                    attr.size = self.prompts_size(head as usize);
                    (attr.modified, attr.created) = of_head(head as usize);
                }
                ViewContent::Text(text) => attr.size = self.text_size(text)?,
                content @ (ViewContent::Entry { .. } | ViewContent::Orphan(_)) => {
                    let file = self.view_entry(content).and_then(|entry| self.library.archive_file(entry));
                    attr.size = file.ok_or_else(no_such_file)?.1;
                }
            },
        }
        Ok(attr)
    }

    pub(super) fn beyond_lookup(&self, place: Beyond, name: &[u8]) -> Result<Attr> {
        if let Beyond::Found(..) = place {
            let mut entries = (0..self.beyond_count(place)?).filter_map(|at| self.beyond_entry(place, at));
            let entry = entries.find(|(other, _)| other.as_bytes() == name);
            return self.attr(entry.ok_or_else(no_such_file)?.1);
        }
        let Beyond::View(at) = place else {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        };
        let children = self.views().tree.children(at)?;
        match name {
            b"." => self.attr(view(at)),
            b".." => self.attr(self.parent_of_view(at)?),
            name if name.len() > NAME_BYTES => Err(Error::new(ErrorKind::NameTooLong, "name too long")),
            name => {
                let found = children.binary_search_by(|&child| self.view_name(child).as_bytes().cmp(name));
                match found.ok().and_then(|found| children.get(found)) {
                    Some(&child) => self.attr(view(child)),
                    None if at == self.views().search => self.attr(self.search(name)?),
                    None => Err(no_such_file()),
                }
            }
        }
    }

    /// The number of a directory's entries, with `.` and `..`. Constant work.
    pub(super) fn beyond_count(&self, number: Beyond) -> Result<usize> {
        let children = match number {
            Beyond::Found(search, 0) => self.found_directory(search)?.count(),
            Beyond::View(at) => self.views().tree.children(at)?.len(),
            _ => return Err(Error::new(ErrorKind::NotADirectory, "not a directory")),
        };
        Ok(children.saturating_add(2))
    }

    /// The name and inode number of an entry of a directory: `.`, `..`, then its children. Constant work.
    pub(super) fn beyond_entry(&self, number: Beyond, at: usize) -> Option<(Cow<'_, str>, Ino)> {
        let child = at.checked_sub(2);
        match (number, at) {
            (Beyond::Found(search, 0), 0) => Some((".".into(), found(search, 0))),
            (Beyond::Found(_, 0), 1) => Some(("..".into(), view(self.views().search))),
            (Beyond::Found(search, 0), _) => {
                let number = at.checked_sub(1)?;
                let name = self.found_directory(search).ok()?.link(number).ok()?.0.to_owned();
                Some((name.into(), found(search, number)))
            }
            (Beyond::View(directory), 0) => Some((".".into(), view(directory))),
            (Beyond::View(directory), 1) => Some(("..".into(), self.parent_of_view(directory).ok()?)),
            (Beyond::View(directory), _) => {
                let &child = self.views().tree.children(directory).ok()?.get(child?)?;
                Some((self.view_name(child).into(), view(child)))
            }
            _ => None,
        }
    }

    fn parent_of_view(&self, at: u32) -> Result<Ino> {
        let parent = self.views().tree.node(at)?.parent;
        Ok(if parent == TOP { Ino::ROOT } else { view(parent) })
    }

    /// The entry of an archive whose bytes are those of a file.
    fn view_entry(&self, content: ViewContent) -> Option<EntryRef> {
        match content {
            ViewContent::Entry { archive, entry } => Some(EntryRef { archive, entry }),
            ViewContent::Orphan(orphan) => Some(self.catalog().orphans.get(orphan as usize)?.entry),
            _ => None,
        }
    }

    pub(super) fn beyond_origin(&self, number: Beyond) -> Result<Origin> {
        match number {
            Beyond::Json(head) => {
                let head = self.catalog().heads.get(head).ok_or_else(no_such_file)?;
                Ok(Origin::Copied(head.location.entry))
            }
            Beyond::Found(_, 0) => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
            Beyond::Found(..) => Err(Error::new(ErrorKind::Unexpected, "a link has no bytes to read")),
            Beyond::View(at) => match self.views().tree.node(at)?.content {
                ViewContent::Directory(_) => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
                ViewContent::Link(_) => Err(Error::new(ErrorKind::Unexpected, "a link has no bytes to read")),
                ViewContent::Text(_) | ViewContent::Prompts(_) => Ok(Origin::Rendered),
                content @ (ViewContent::Entry { .. } | ViewContent::Orphan(_)) => {
                    Ok(Origin::Copied(self.view_entry(content).ok_or_else(no_such_file)?))
                }
            },
        }
    }

    /// `len` bytes from `offset` on of a file that isn't rendered; the range must lie within it.
    pub(super) fn beyond_copy(&self, ino: Ino, number: Beyond, offset: u64, len: usize) -> Result<Vec<u8>> {
        match number {
            Beyond::Json(head) => {
                let mut bytes = buffer(len)?;
                self.library.read_json(head, offset, len, &mut bytes)?;
                Ok(bytes)
            }
            Beyond::View(at) => match self.view_entry(self.views().tree.node(at)?.content) {
                Some(entry) => self.copy(ino, entry, offset, len),
                None => Err(Error::new(ErrorKind::Unexpected, "not a copied file")),
            },
            Beyond::Found(..) => Err(Error::new(ErrorKind::Unexpected, "not a copied file")),
        }
    }

    pub(super) fn beyond_rendered(&self, number: Beyond) -> Result<Vec<u8>> {
        let Beyond::View(at) = number else {
            return Err(Error::new(ErrorKind::Unexpected, "not a rendered file"));
        };
        match self.views().tree.node(at)?.content {
            ViewContent::Text(text) => self.text(text),
            ViewContent::Prompts(head) => {
                let stem = self.way_to_thread(head as usize).ok_or_else(no_such_file)?;
                self.within_budget(head as usize, || self.library.page(head as usize, Page::Prompts, &stem))
            }
            _ => Err(Error::new(ErrorKind::Unexpected, "not a rendered file")),
        }
    }

    pub(super) fn beyond_path(&self, number: Beyond) -> String {
        match number {
            Beyond::Json(head) => {
                let page = self.table.thread(head).map(|page| self.path(page)).unwrap_or_default();
                page.strip_suffix(PAGE).map(|stem| format!("{stem}{JSON}")).unwrap_or_default()
            }
            Beyond::Found(search, at) => {
                let Ok(directory) = self.found_directory(search) else { return String::new() };
                let path = format!("{HIDDEN}/{SEARCH}/{}", directory.words);
                match directory.link(at) {
                    Ok((name, _)) => format!("{path}/{name}"),
                    Err(_) => path,
                }
            }
            Beyond::View(at) => {
                let (mut names, mut at) = (Vec::new(), at);
                while let Ok(node) = self.views().tree.node(at)
                    && at != TOP
                {
                    names.push(self.view_name(at));
                    at = node.parent;
                }
                names.reverse();
                names.join("/")
            }
        }
    }

    /// The target of the symbolic link `ino`, relative to its directory. Constant work.
    ///
    /// # Errors
    /// `NotFound`; `Unexpected` if it is not a link.
    pub(crate) fn link(&self, ino: Ino) -> Result<String> {
        let target = self.followed(ino)?;
        if target == ino {
            return Err(Error::new(ErrorKind::Unexpected, "not a symbolic link"));
        }
        Ok(format!("{}{}", "../".repeat(self.path(ino).matches('/').count()), self.path(target)))
    }

    /// The target of `ino` if it is a symbolic link, else `ino` itself. Constant work.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn followed(&self, ino: Ino) -> Result<Ino> {
        match beyond(ino) {
            Some(Beyond::View(at)) => match self.views().tree.node(at)?.content {
                ViewContent::Link(head) => self.table.thread(head as usize).ok_or_else(no_such_file),
                _ => Ok(ino),
            },
            Some(Beyond::Found(search, at)) if at > 0 => {
                self.table.thread(self.found_directory(search)?.link(at)?.1).ok_or_else(no_such_file)
            }
            _ => Ok(ino),
        }
    }

    /// The conversation whose prompts `ino` shows, by position in the catalog.
    pub(super) fn prompts_of(&self, ino: Ino) -> Option<usize> {
        match beyond(ino)? {
            Beyond::View(at) => match self.views().tree.node(at).ok()?.content {
                ViewContent::Prompts(head) => Some(head as usize),
                _ => None,
            },
            _ => None,
        }
    }

    fn prompts_size(&self, head: usize) -> u64 {
        let measure = self.catalog().heads.get(head).map(|head| head.prompts).unwrap_or_default();
        let parts = self.table.thread(head).map(|thread| self.table.path(thread)).unwrap_or_default();
        let way = PROMPTS_DEPTH.saturating_add(parts.len()).saturating_mul("../".len());
        let slashes = parts.len().saturating_sub(1);
        let names = parts.iter().map(|part| encoded_len(part)).sum::<usize>();
        measure.size(way.saturating_add(slashes).saturating_add(names).saturating_sub(PAGE.len()))
    }

    /// The address of a conversation's page in its prompts, percent-encoded and without the ending.
    fn way_to_thread(&self, head: usize) -> Option<String> {
        let parts = self.table.path(self.table.thread(head)?);
        let up = "../".repeat(PROMPTS_DEPTH.saturating_add(parts.len()));
        let encoded: Vec<_> = parts.iter().map(|part| encode_path_segment(part)).collect();
        Some(format!("{up}{}", encoded.join("/").strip_suffix(PAGE)?))
    }
}
