//! `.gptfs`: the same conversations by id, model, GPT and project, the archive's own files, and documents about the export.
//!
//! Reachable by name but never listed, so that tools which walk the tree see everything once. Built on first use from
//! the catalog and the names in the tree; inode numbers depend on nothing else. Conversations are symbolic links into
//! the tree. Looking up a name in `.gptfs/search` runs a search.

mod builder;

use super::{Attr, Fs, Ino, InodeKind, InodeTable, Library, Origin, buffer, no_such_file};
use crate::catalog::{Catalog, EntryRef, Head, OwnerDocument, PageLink};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{HIDDEN, PAGE};
use crate::markdown::{encode_path_segment, one_line};
use crate::name::{FileName, NAME_BYTES, fold};
use crate::sync::lock;
use crate::text::printable;
use crate::time::{Timestamp, Zone};
use builder::ViewBuilder;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Mutex, OnceLock};

/// The inode number of [`HIDDEN`]; those below it follow. Those of the tree are smaller.
const FIRST: u64 = 1 << 33;

/// The inode number of the first conversation's JSON; the others follow.
const FIRST_JSON: u64 = 1 << 40;

/// The extension of the JSON next to a page.
const JSON: &str = ".json";

/// The inode number of the directory of the first search.
const FIRST_FOUND: u64 = 1 << 44;

/// Inode numbers per search: its directory and its links.
const FOUND_NUMBERS: u64 = 1 << 16;

/// Maximum number of different searches per mount. Their results are kept, because the kernel remembers their inodes
/// too.
const SEARCHES: usize = 256;

/// The directory whose names are searches.
const SEARCH: &str = "search";

/// Depth of a search's links below the root.
const SEARCH_DEPTH: u32 = 4;

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

/// A document that is written when it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ViewText {
    Owner(OwnerDocument),
    /// A line for each conversation.
    Index,
    /// A line for each problem.
    Problems,
    /// A few facts about the export.
    Status,
}

impl ViewText {
    const ALL: [Self; 6] = [
        Self::Owner(OwnerDocument::Account),
        Self::Owner(OwnerDocument::Feedback),
        Self::Owner(OwnerDocument::Shared),
        Self::Index,
        Self::Problems,
        Self::Status,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Owner(OwnerDocument::Account) => "account.md",
            Self::Owner(OwnerDocument::Feedback) => "feedback.md",
            Self::Owner(OwnerDocument::Shared) => "shared.md",
            Self::Index => "index.tsv",
            Self::Problems => "problems.txt",
            Self::Status => "status",
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum ViewContent {
    /// `count` nodes from `first` on, sorted by name; `directories` of them are directories.
    Directory {
        first: u32,
        count: u32,
        directories: u32,
    },
    /// A link to the page of the conversation at this position in the catalog.
    Link(u32),
    /// An entry of an archive and its size.
    Entry(EntryRef, u64),
    Text(ViewText),
}

#[derive(Debug)]
struct ViewNode {
    parent: u32,
    /// Its depth below the root.
    depth: u32,
    name: Box<str>,
    content: ViewContent,
}

/// The tree below [`HIDDEN`].
#[derive(Debug)]
pub(super) struct Views {
    nodes: Vec<ViewNode>,
    /// The directory of searches.
    search: u32,
    /// Sizes of the documents, once determined.
    sizes: [OnceLock<u64>; ViewText::ALL.len()],
}

/// Finds the conversations (by position in the catalog) for a search, best first. Fails if the text has no words.
pub(crate) type FindWords = Box<dyn Fn(&Fs, &str) -> Result<Vec<usize>> + Send + Sync>;

/// The searches made so far.
pub(super) struct Searches {
    find: OnceLock<FindWords>,
    /// The number of each search, in order. Locked while a search runs, so that there is one at a time.
    numbers: Mutex<HashMap<String, usize>>,
    made: Vec<OnceLock<FoundDirectory>>,
}

impl Default for Searches {
    fn default() -> Self {
        let made = std::iter::repeat_with(OnceLock::new).take(SEARCHES).collect();
        Self { find: OnceLock::new(), numbers: Mutex::default(), made }
    }
}

/// The results of a search.
#[derive(Debug)]
struct FoundDirectory {
    words: String,
    /// The name of each link and the conversation it leads to, best first.
    links: Vec<(Box<str>, usize)>,
}

impl Views {
    fn new(library: &dyn Library, table: &InodeTable) -> Self {
        let catalog = library.catalog();
        let zone = library.zone();
        let mut builder = ViewBuilder::new();
        for text in ViewText::ALL {
            builder.file(0, text.name().to_owned(), ViewContent::Text(text));
        }
        conversations(&mut builder, catalog, table, &zone);
        recent(&mut builder, catalog, table);
        if !catalog.orphans.is_empty() {
            let directory = builder.directory(0, "orphans");
            let names = crate::layout::file_names(catalog.orphans.iter().map(|orphan| orphan.name.as_ref()));
            for (orphan, name) in catalog.orphans.iter().zip(names) {
                let content = ViewContent::Entry(orphan.entry, orphan.bytes);
                builder.file(directory, name.as_str().to_owned(), content);
            }
        }
        let export = builder.directory(0, "export");
        let mut taken = HashSet::new();
        for (path, entry, bytes) in library.archive_files() {
            let parts: Vec<&str> = path.split(['/', '\\']).filter(|part| !part.is_empty()).collect();
            let odd =
                |part: &&str| part.len() > NAME_BYTES || matches!(*part, "." | "..") || part.contains('\0');
            let Some((name, parents)) = parts.split_last() else { continue };
            // A name that a directory or another file already has can't be used again.
            if parts.iter().any(odd) || !taken.insert(parts.join("/")) {
                continue;
            }
            let directory = parents.iter().fold(export, |directory, part| builder.directory(directory, part));
            builder.file(directory, (*name).to_owned(), ViewContent::Entry(entry, bytes));
        }
        builder.directory(0, SEARCH);
        let nodes = builder.finish();
        let search = nodes.iter().position(|node| node.depth == 2 && &*node.name == SEARCH);
        Self { nodes, search: search.map_or(u32::MAX, number), sizes: Default::default() }
    }

    fn node(&self, at: u32) -> Result<&ViewNode> {
        self.nodes.get(at as usize).ok_or_else(no_such_file)
    }

    fn children(&self, at: u32) -> Result<(u32, &[ViewNode])> {
        let ViewContent::Directory { first, count, .. } = self.node(at)?.content else {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        };
        let end = (first as usize).saturating_add(count as usize);
        Ok((first, self.nodes.get(first as usize..end).unwrap_or_default()))
    }
}

/// Links to every conversation, by id and by its other properties.
fn conversations(builder: &mut ViewBuilder, catalog: &Catalog, table: &InodeTable, zone: &Zone) {
    let mut taken: HashSet<(usize, String)> = HashSet::new();
    let mut models: HashMap<String, usize> = HashMap::new();
    let by_id = builder.directory(0, "by-id");
    for (at, head) in catalog.heads.iter().enumerate() {
        let Some(stem) = stem(table, at) else { continue };
        let link = ViewContent::Link(number(at));
        let dated = dated(stem, head, zone);
        let mut places = Vec::new();
        if !head.id.is_empty() {
            places.push((by_id, format!("{}{PAGE}", FileName::for_title(Some(&head.id)).as_str())));
        }
        for model in &head.models {
            let name = FileName::for_title(Some(model));
            let parent = builder.directory(0, "by-model");
            // On other systems, names that differ only by case would be one directory.
            let directory = *models
                .entry(fold(name.as_str()))
                .or_insert_with(|| builder.directory(parent, name.as_str()));
            places.push((directory, dated.clone()));
        }
        for (view, id) in [("by-gpt", &head.gpt), ("by-project", &head.project)] {
            if let Some(id) = id {
                let parent = builder.directory(0, view);
                let directory = builder.directory(parent, FileName::for_title(Some(id)).as_str());
                places.push((directory, dated.clone()));
            }
        }
        for (view, is_in) in [("starred", head.starred), ("archived", head.archived)] {
            if is_in {
                places.push((builder.directory(0, view), dated.clone()));
            }
        }
        for (directory, name) in places {
            // If two have the same name, one link is enough: the tree has both.
            if taken.insert((directory, name.clone())) {
                builder.file(directory, name, link);
            }
        }
    }
}

/// Links to the most recently changed conversations, numbered.
fn recent(builder: &mut ViewBuilder, catalog: &Catalog, table: &InodeTable) {
    let mut newest: Vec<(usize, &Head)> = catalog.heads.iter().enumerate().collect();
    newest.sort_by_key(|(at, head)| (std::cmp::Reverse(head.updated.max(head.created)), *at));
    let directory = builder.directory(0, "recent");
    for (rank, (at, _)) in (1_usize..).zip(newest).take(RECENT) {
        if let Some(stem) = stem(table, at) {
            builder.file(directory, format!("{rank:02} {stem}{PAGE}"), ViewContent::Link(number(at)));
        }
    }
}

fn stem(table: &InodeTable, head: usize) -> Option<&str> {
    table.name(table.thread(head)?)?.strip_suffix(PAGE)
}

/// The name of a page outside its month: with its day, if known and if it fits.
fn dated(stem: &str, head: &Head, zone: &Zone) -> String {
    let minute = head.created.map(|created| zone.minute(created));
    let day = minute.as_deref().and_then(|minute| minute.split(' ').next());
    match day.map(|day| format!("{day} {stem}{PAGE}")).filter(|name| name.len() <= NAME_BYTES) {
        Some(name) => name,
        None => format!("{stem}{PAGE}"),
    }
}

fn number(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(u32::MAX)
}

fn found(search: usize, at: usize) -> Ino {
    let first = FIRST_FOUND.saturating_add((search as u64).saturating_mul(FOUND_NUMBERS));
    Ino(first.saturating_add(at as u64))
}

fn view(at: u32) -> Ino {
    Ino(FIRST.saturating_add(u64::from(at)))
}

impl Fs {
    fn views(&self) -> &Views {
        self.views.get_or_init(|| Views::new(&*self.library, &self.table))
    }

    /// The unlisted file or directory called `name` in the directory `parent` of the tree.
    pub(super) fn unlisted(&self, parent: Ino, name: &[u8]) -> Option<Ino> {
        let name = std::str::from_utf8(name).ok()?;
        if parent == Ino::ROOT && name == HIDDEN {
            // From now on lookups are answered without waiting.
            for text in ViewText::ALL {
                self.text_size(text);
            }
            return Some(view(0));
        }
        let stem = name.strip_suffix(JSON)?;
        let page = self.table.find(parent, format!("{stem}{PAGE}").as_bytes())?;
        match self.page(page)? {
            (head, crate::catalog::Page::Thread) => Some(Ino(FIRST_JSON.saturating_add(head as u64))),
            _ => None,
        }
    }

    /// Makes `find` answer searches in `.gptfs/search`. Call once; without it there are no searches.
    pub(crate) fn set_search(&self, find: FindWords) {
        // A second one would give the same answers.
        let _ = self.searches.find.set(find);
    }

    /// True if looking up `name` in `parent` takes long, because it searches the export or builds the views.
    pub(crate) fn takes_long(&self, parent: Ino, name: &[u8]) -> bool {
        match beyond(parent) {
            None => parent == Ino::ROOT && name == HIDDEN.as_bytes() && self.views.get().is_none(),
            Some(Beyond::View(at)) => self.views.get().is_some_and(|views| views.search == at),
            Some(_) => false,
        }
    }

    /// The directory with the results for `words`. Blocks while the export is searched.
    fn search(&self, words: &[u8]) -> Result<Ino> {
        let words = std::str::from_utf8(words).map_err(|_| no_such_file())?;
        let find = self.searches.find.get().ok_or_else(no_such_file)?;
        let mut numbers = lock(&self.searches.numbers);
        if let Some(&number) = numbers.get(words) {
            return Ok(found(number, 0));
        }
        let number = numbers.len();
        let place = self.searches.made.get(number);
        let place = place.ok_or_else(|| Error::new(ErrorKind::Limit, "too many searches; mount again"))?;
        let heads = match find(self, words) {
            Err(error) if error.kind() == ErrorKind::Usage => return Err(no_such_file()),
            heads => heads?,
        };
        let named = |(rank, head): (usize, usize)| {
            let name = format!("{rank:02} {}{PAGE}", stem(&self.table, head)?);
            Some((name.into_boxed_str(), head))
        };
        let links = (1..).zip(heads).filter_map(named).collect();
        // Nobody else sets it while the numbers are locked.
        let _ = place.set(FoundDirectory { words: words.to_owned(), links });
        numbers.insert(words.to_owned(), number);
        Ok(found(number, 0))
    }

    fn found_directory(&self, search: usize) -> Result<&FoundDirectory> {
        self.searches.made.get(search).and_then(OnceLock::get).ok_or_else(no_such_file)
    }

    /// The link with this number, from 1, among the results of a search.
    fn found_link(&self, search: usize, at: usize) -> Result<&(Box<str>, usize)> {
        let links = &self.found_directory(search)?.links;
        at.checked_sub(1).and_then(|at| links.get(at)).ok_or_else(no_such_file)
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
                let (_, head) = self.found_link(search, at)?;
                attr.kind = InodeKind::Symlink;
                attr.size = self.link(ino)?.len() as u64;
                (attr.modified, attr.created) = of_head(*head);
            }
            Beyond::View(at) => match self.views().node(at)?.content {
                ViewContent::Directory { directories, .. } => {
                    attr.kind = InodeKind::Directory;
                    attr.nlink = directories.saturating_add(2);
                }
                ViewContent::Link(head) => {
                    attr.kind = InodeKind::Symlink;
                    attr.size = self.link(ino)?.len() as u64;
                    (attr.modified, attr.created) = of_head(head as usize);
                }
                ViewContent::Entry(_, bytes) => attr.size = bytes,
                ViewContent::Text(text) => attr.size = self.text_size(text),
            },
        }
        Ok(attr)
    }

    pub(super) fn beyond_lookup(&self, place: Beyond, name: &[u8]) -> Result<Attr> {
        if let Beyond::Found(..) = place {
            let entries = self.beyond_entries(place)?;
            let entry = entries.into_iter().find(|(other, _)| other.as_bytes() == name);
            return self.attr(entry.ok_or_else(no_such_file)?.1);
        }
        let Beyond::View(at) = place else {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        };
        let (first, children) = self.views().children(at)?;
        match name {
            b"." => self.attr(view(at)),
            b".." => self.attr(self.parent_of_view(at)?),
            name if name.len() > NAME_BYTES => Err(Error::new(ErrorKind::NameTooLong, "name too long")),
            name => {
                let found = children.binary_search_by(|child| child.name.as_bytes().cmp(name));
                match found {
                    Ok(child) => self.attr(view(first.saturating_add(number(child)))),
                    Err(_) if at == self.views().search => self.attr(self.search(name)?),
                    Err(_) => Err(no_such_file()),
                }
            }
        }
    }

    /// The names and inode numbers of a directory's entries: `.`, `..`, then its children.
    pub(super) fn beyond_entries(&self, number: Beyond) -> Result<Vec<(&str, Ino)>> {
        if let Beyond::Found(search, 0) = number {
            let links = &self.found_directory(search)?.links;
            let listed = (1..).zip(links).map(|(at, (name, _))| (&**name, found(search, at)));
            let own = [(".", found(search, 0)), ("..", view(self.views().search))];
            return Ok(own.into_iter().chain(listed).collect());
        }
        let Beyond::View(at) = number else {
            return Err(Error::new(ErrorKind::NotADirectory, "not a directory"));
        };
        let (first, children) = self.views().children(at)?;
        let listed = (first..).zip(children).map(|(at, child)| (&*child.name, view(at)));
        Ok([(".", view(at)), ("..", self.parent_of_view(at)?)].into_iter().chain(listed).collect())
    }

    fn parent_of_view(&self, at: u32) -> Result<Ino> {
        Ok(if at == 0 { Ino::ROOT } else { view(self.views().node(at)?.parent) })
    }

    pub(super) fn beyond_origin(&self, number: Beyond) -> Result<Origin> {
        match number {
            Beyond::Json(head) => {
                let head = self.catalog().heads.get(head).ok_or_else(no_such_file)?;
                Ok(Origin::Copied(head.location.entry))
            }
            Beyond::Found(_, 0) => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
            Beyond::Found(..) => Err(Error::new(ErrorKind::Unexpected, "a link has no bytes to read")),
            Beyond::View(at) => match self.views().node(at)?.content {
                ViewContent::Directory { .. } => Err(Error::new(ErrorKind::IsADirectory, "is a directory")),
                ViewContent::Link(_) => Err(Error::new(ErrorKind::Unexpected, "a link has no bytes to read")),
                ViewContent::Entry(entry, _) => Ok(Origin::Copied(entry)),
                ViewContent::Text(_) => Ok(Origin::Rendered),
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
            Beyond::View(at) => match self.views().node(at)?.content {
                ViewContent::Entry(entry, _) => self.copy(ino, entry, offset, len),
                _ => Err(Error::new(ErrorKind::Unexpected, "not a copied file")),
            },
            Beyond::Found(..) => Err(Error::new(ErrorKind::Unexpected, "not a copied file")),
        }
    }

    pub(super) fn beyond_rendered(&self, number: Beyond) -> Result<Vec<u8>> {
        let Beyond::View(at) = number else {
            return Err(Error::new(ErrorKind::Unexpected, "not a rendered file"));
        };
        match self.views().node(at)?.content {
            ViewContent::Text(text) => Ok(self.text(text)),
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
                match self.found_link(search, at) {
                    Ok((name, _)) => format!("{path}/{name}"),
                    Err(_) => path,
                }
            }
            Beyond::View(at) => {
                let (mut names, mut at) = (Vec::new(), at);
                while let Ok(node) = self.views().node(at) {
                    names.push(&*node.name);
                    if at == 0 {
                        break;
                    }
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
        let depth = match beyond(ino) {
            Some(Beyond::View(at)) if target != ino => self.views().node(at)?.depth,
            Some(Beyond::Found(..)) if target != ino => SEARCH_DEPTH,
            _ => return Err(Error::new(ErrorKind::Unexpected, "not a symbolic link")),
        };
        Ok(format!("{}{}", "../".repeat(depth.saturating_sub(1) as usize), self.path(target)))
    }

    /// The target of `ino` if it is a symbolic link, else `ino` itself. Constant work.
    ///
    /// # Errors
    /// `NotFound`.
    pub(crate) fn followed(&self, ino: Ino) -> Result<Ino> {
        match beyond(ino) {
            Some(Beyond::View(at)) => match self.views().node(at)?.content {
                ViewContent::Link(head) => self.table.thread(head as usize).ok_or_else(no_such_file),
                _ => Ok(ino),
            },
            Some(Beyond::Found(search, at)) if at > 0 => {
                self.table.thread(self.found_link(search, at)?.1).ok_or_else(no_such_file)
            }
            _ => Ok(ino),
        }
    }

    fn text_size(&self, text: ViewText) -> u64 {
        let at = ViewText::ALL.iter().position(|other| *other == text);
        let size = at.and_then(|at| self.views().sizes.get(at));
        size.map_or(0, |size| *size.get_or_init(|| self.text(text).len() as u64))
    }

    fn text(&self, text: ViewText) -> Vec<u8> {
        match text {
            ViewText::Owner(document) => {
                let ids: HashMap<&str, usize> =
                    self.catalog().heads.iter().enumerate().map(|(at, head)| (&*head.id, at)).collect();
                self.library.owner(document, &|id| {
                    let at = *ids.get(id)?;
                    let path = self.path(self.table.thread(at)?);
                    let segments: Vec<_> = path.split('/').map(encode_path_segment).collect();
                    let title = self.catalog().heads.get(at)?.title.as_deref().unwrap_or("Untitled");
                    Some(PageLink { title: title.to_owned(), address: format!("../{}", segments.join("/")) })
                })
            }
            ViewText::Index => self.index_lines().into_bytes(),
            ViewText::Problems => {
                let mut lines = String::new();
                for problem in &self.catalog().problems {
                    // A string takes everything.
                    let _ =
                        writeln!(lines, "{}: {}", printable(&problem.subject), printable(&problem.reason));
                }
                lines.into_bytes()
            }
            ViewText::Status => {
                let (catalog, mut lines) = (self.catalog(), String::new());
                for (name, value) in self.library.status() {
                    let _ = writeln!(lines, "{name}: {}", printable(&value));
                }
                let _ = writeln!(lines, "conversations: {}", catalog.heads.len());
                let _ = writeln!(lines, "problems: {}", catalog.problems.len());
                let _ = writeln!(lines, "time zone: {}", self.library.zone().name());
                let _ = writeln!(lines, "version: {}", env!("CARGO_PKG_VERSION"));
                lines.into_bytes()
            }
        }
    }

    /// A line of tab-separated values for each conversation, in listing order.
    fn index_lines(&self) -> String {
        let zone = self.library.zone();
        let time = |time: Option<Timestamp>| time.map(|time| zone.rfc3339(time)).unwrap_or_default();
        let mut lines = String::from("path\tid\ttitle\tcreated\tupdated\tmodel\tturns\tbytes\n");
        for rank in 0..self.catalog().heads.len() {
            let Some((ino, _)) = self.ranked(rank) else { break };
            let Some(head) = self.page(ino).and_then(|(head, _)| self.catalog().heads.get(head)) else {
                break;
            };
            let _ = writeln!(
                lines,
                "{}\t{}\t{}\t{}\t{}\t{}\t{}\t{}",
                self.path(ino),
                one_line(&head.id),
                one_line(head.title.as_deref().unwrap_or_default()),
                time(head.created),
                time(head.updated),
                one_line(&head.models.join(", ")),
                head.turns,
                self.table.inode(ino).map_or(0, |node| node.size),
            );
        }
        lines
    }
}
