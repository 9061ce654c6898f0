//! Turns the user's sources (a ZIP, a folder, parts, nested containers, a bare JSON file) into archives, and assigns
//! their entries roles.
//!
//! Decides by content; names and dates of the outer files are ignored. Knows file names, first bytes and
//! manifests, but not what a conversation is. Never looks into the user's own files, which may be exports or ZIPs
//! themselves.

mod absent;
mod beside;
mod discover;
mod form;
mod looks;
mod names;
mod origins;
mod reason;
#[cfg(test)]
mod tests;

pub(crate) use form::{Form, Packing};

use crate::archive::span::SpanCache;
use crate::archive::{self, Archive, Entry, Limits};
use crate::catalog::{EntryRef, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::text::{grouped, printable};
use beside::{ExportBeside, beside};
use discover::{Discovery, discover};
use looks::{Looks, sniff};
use names::Side;
use std::collections::{BTreeMap, BTreeSet, HashSet, VecDeque};
use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How conversations are wrapped in an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// JSON: an array of conversations, an object with such an array, or a single conversation.
    Json,
    /// A web page with the array in a script: `var jsonData = [ … ]`.
    Html,
}

/// An entry with conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shard {
    /// The entry.
    pub entry: EntryRef,
    /// How it wraps them.
    pub shape: Shape,
    /// Its name. Untrusted text.
    pub name: String,
    /// It is one of the files next to the entries with conversations, which often holds none.
    pub is_side: bool,
}

/// Files next to the conversations, each list in archive order. Any may be absent, broken or duplicated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SideEntries {
    /// `conversation_asset_file_names.json`: names of assets.
    pub asset_names: Vec<EntryRef>,
    /// `library_files.json`: records of uploaded and generated files.
    pub library: Vec<EntryRef>,
    /// `chat.html`: a viewer that embeds all conversations and a map from asset pointers to files.
    pub viewer: Vec<EntryRef>,
    /// `user.json`.
    pub user: Vec<EntryRef>,
    /// `message_feedback.json`.
    pub feedback: Vec<EntryRef>,
    /// Everything else: manifests, settings, shared conversations …
    pub other: Vec<EntryRef>,
}

/// An opened export: its archives, and the role of each entry.
#[derive(Debug)]
pub(crate) struct Export {
    /// The name of the file or folder, and how many others there are. Untrusted text.
    pub name: String,
    /// The archives with the export's files, without ZIPs that only wrap others.
    pub archives: Vec<Archive>,
    /// How it was packed.
    pub form: Form,
    /// The entries with conversations, ordered by archive and number, at least one; then those with group chats.
    pub shards: Vec<Shard>,
    /// Everything that may be a conversation's file.
    pub files: Vec<EntryRef>,
    /// Files next to the conversations.
    pub side: SideEntries,
    /// What was wrong but didn't stop us.
    pub problems: Vec<Problem>,
    /// For each archive the name of its own export; empty unless there are several exports.
    pub origins: Vec<String>,
}

impl Export {
    /// The name of the export that `entry` belongs to, if there are several.
    pub(crate) fn name_among_several(&self, entry: EntryRef) -> Option<&str> {
        self.origins.get(usize::from(entry.archive)).map(String::as_str)
    }

    /// What problems call an entry: its name, after that of its export if there are several.
    pub(crate) fn subject(&self, entry: EntryRef) -> String {
        let name = self.entry(entry).map_or("", |entry| entry.name);
        within(self.name_among_several(entry), name)
    }

    /// The archive that holds an entry.
    pub(crate) fn archive(&self, entry: EntryRef) -> Option<&Archive> {
        self.archives.get(usize::from(entry.archive))
    }

    /// Keeps the files with conversations open, so that a folder that is deleted can still be read.
    pub(crate) fn hold(&self) {
        for shard in &self.shards {
            if let Some(archive) = self.archive(shard.entry) {
                archive.hold(shard.entry.entry);
            }
        }
    }

    /// The entry, or `None` if there is no such entry.
    pub(crate) fn entry(&self, entry: EntryRef) -> Option<Entry<'_>> {
        self.archive(entry)?.entries().get(entry.entry as usize)
    }
}

/// The name of something in `export`, which is named if there are several.
fn within(export: Option<&str>, name: &str) -> String {
    match export.filter(|export| *export != name) {
        Some(export) => format!("{export}: {name}"),
        None => name.to_owned(),
    }
}

/// Depth to which ZIPs inside ZIPs are opened.
const MAX_NESTING: usize = 2;

/// Opens `sources` as one export. Reads archive directories and manifests, but no conversations.
///
/// # Errors
/// `Environment` if something is missing or can't be opened; `NotAnExport` if there are no conversations, saying
/// what it looks like instead; `Damaged` if a ZIP is broken or cut short, or an entry with conversations is
/// encrypted or ambiguous; `Limit` if it would expand to too much or has too many entries.
pub(crate) fn open(sources: &[PathBuf], limits: &Limits) -> Result<Export> {
    let mut opening = Opening::new(limits);
    let mut distinct = Vec::new();
    for path in sources {
        if opening.add(path)? {
            distinct.push(path.as_path());
        }
    }
    opening.finish(&distinct)
}

/// An archive that belongs to the export.
struct Member {
    archive: Archive,
    found: Discovery,
    /// Shared by the parts of one export: conversations missing from one part may be in another.
    group: String,
    /// The file or folder that it was opened as, or in: shared by its parts, and by what a container wraps.
    export: String,
    origin: Packing,
}

/// An archive that has not been examined yet.
struct PendingArchive {
    archive: Archive,
    group: String,
    export: String,
    origin: Packing,
    nesting: usize,
    /// Keep it even without conversations: some parts hold only assets.
    certain: bool,
}

impl PendingArchive {
    /// An export of its own, which the user named.
    fn named(archive: Archive, name: &str, origin: Packing) -> Self {
        let (group, export) = (name.to_owned(), name.to_owned());
        Self { archive, group, export, origin, nesting: 0, certain: true }
    }
}

/// What tells the content of a part: its number, size and directory.
type PartContent = (u64, u64, u32);

fn content(number: u64, archive: &Archive) -> PartContent {
    (number, archive.identity().bytes, archive.identity().directory)
}

struct Opening<'a> {
    limits: &'a Limits,
    spans: Arc<SpanCache>,
    members: Vec<Member>,
    pending: VecDeque<PendingArchive>,
    problems: Vec<Problem>,
    /// Errors from archives that the user didn't name, and that may not matter.
    failures: Vec<(String, Error)>,
    /// Device and inode of everything opened, because a part may be both named and discovered.
    seen: HashSet<(u64, u64)>,
    inflated: u128,
    /// Exports in folders that have conversations themselves.
    beside: Vec<ExportBeside>,
    /// Archives that are not members, for explaining why there are no conversations.
    passed: Vec<Archive>,
}

impl<'a> Opening<'a> {
    fn new(limits: &'a Limits) -> Self {
        Self {
            limits,
            spans: Arc::new(SpanCache::new(limits.span_bytes)),
            members: Vec::new(),
            pending: VecDeque::new(),
            problems: Vec::new(),
            failures: Vec::new(),
            seen: HashSet::new(),
            inflated: 0,
            beside: Vec::new(),
            passed: Vec::new(),
        }
    }

    /// True for a file or folder that was not opened before; always, where the system can't tell.
    fn is_new(&mut self, metadata: &Metadata) -> bool {
        sys::file_id(metadata).is_none_or(|id| self.seen.insert(id))
    }

    /// Adds a path that the user named. False if it was added before.
    fn add(&mut self, path: &Path) -> Result<bool> {
        let label = path.to_string_lossy().into_owned();
        let cannot = |error| Error::io(printable(&label), error);
        let metadata = std::fs::metadata(path).map_err(cannot)?;
        let is_new;
        if metadata.is_dir() {
            is_new = self.is_new(&metadata);
            if is_new {
                let archive = Archive::folder(path, &label, self.limits, &self.spans)?;
                self.push(PendingArchive::named(archive, &label, Packing::Folder))?;
            }
        } else if metadata.is_file() {
            let file = File::open(path).map_err(cannot)?;
            is_new = self.is_new(&metadata);
            if is_new {
                self.add_file(file, path, &label)?;
            }
        } else {
            let reason = format!("{}: neither a file nor a folder", printable(&label));
            return Err(Error::new(ErrorKind::NotAnExport, reason));
        }
        self.work()?;
        Ok(is_new)
    }

    fn add_file(&mut self, file: File, path: &Path, label: &str) -> Result<()> {
        let base = path.file_name().map_or_else(|| label.into(), |name| name.to_string_lossy());
        let looks = sniff(&file).map_err(|error| Error::io(printable(label), error))?;
        match looks {
            Looks::Json | Looks::Viewer => {
                let archive = Archive::bare(file, label, &base, &self.spans)?;
                let mut found = Discovery::default();
                if looks == Looks::Json {
                    found.shards.push(0);
                    found.names.insert(base.to_string());
                } else {
                    found.viewer = Some(0);
                }
                let (group, export) = (label.to_owned(), label.to_owned());
                self.members.push(Member { archive, found, group, export, origin: Packing::Bare });
                Ok(())
            }
            Looks::Page => {
                Err(reason::not_an_export(label, "a web page that is not the viewer of a ChatGPT export"))
            }
            Looks::Utf16 => Err(reason::not_an_export(label, "UTF-16 text; gptfs reads JSON in UTF-8")),
            Looks::Packed(_) | Looks::Other => {
                let archive = match (Archive::zip(file, label, self.limits, &self.spans), looks) {
                    (Err(error), Looks::Packed(kind)) if error.kind() == ErrorKind::NotAnExport => {
                        return Err(reason::not_an_export(label, &kind.advice(&base)));
                    }
                    (opened, _) => opened?,
                };
                let Some((prefix, number)) = names::part(&base) else {
                    return self.push(PendingArchive::named(archive, label, Packing::Zip));
                };
                let content = content(number, &archive);
                self.push_part(archive, prefix)?;
                self.add_siblings(path, prefix, content)
            }
        }
    }

    /// Adds the other parts of a multi-part export, found next to the named one, whose content is `own`.
    fn add_siblings(&mut self, path: &Path, prefix: &str, own: PartContent) -> Result<()> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        // If the directory can't be listed, continue with the one part.
        let Ok(listing) = std::fs::read_dir(directory.unwrap_or(Path::new("."))) else { return Ok(()) };
        let mut siblings = BTreeMap::new();
        for item in listing.flatten() {
            let name = item.file_name();
            let name = name.to_string_lossy();
            if let Some((_, number)) = names::part(&name).filter(|(found, _)| *found == prefix) {
                siblings.insert((number, name.clone().into_owned()), path.with_file_name(&*name));
            }
        }
        let mut contents = HashSet::from([own]);
        for ((number, _), sibling) in &siblings {
            let label = sibling.to_string_lossy();
            let Ok(file) = File::open(sibling) else { continue };
            let Ok(metadata) = file.metadata() else { continue };
            if !metadata.is_file() || !self.is_new(&metadata) {
                continue;
            }
            let opened = Archive::zip(file, &label, self.limits, &self.spans);
            // The same part may have been downloaded twice.
            let is_new = |archive: &Archive| contents.insert(content(*number, archive));
            if let Some(archive) = self.excused(&label, opened)?.filter(is_new) {
                self.push_part(archive, prefix)?;
            }
        }
        Ok(())
    }

    /// Adds a part of the multi-part export whose parts begin with `prefix`.
    fn push_part(&mut self, archive: Archive, prefix: &str) -> Result<()> {
        let export = names::of_parts(prefix).to_owned();
        self.push(PendingArchive { export, ..PendingArchive::named(archive, prefix, Packing::Parts) })
    }

    fn push(&mut self, pending: PendingArchive) -> Result<()> {
        self.inflated = self.inflated.saturating_add(pending.archive.inflated_bytes());
        archive::refuse_bombs(self.inflated, self.limits)
            .map_err(|error| error.within(printable(pending.archive.label())))?;
        self.pending.push_back(pending);
        Ok(())
    }

    /// Examines pending archives and what they contain.
    fn work(&mut self) -> Result<()> {
        while let Some(pending) = self.pending.pop_front() {
            let PendingArchive { archive, group, export, origin, nesting, certain } = pending;
            let is_named = matches!(origin, Packing::Zip | Packing::Parts | Packing::Folder);
            let found = match discover(&archive) {
                Err(error) if !is_named && error.kind() == ErrorKind::Damaged => {
                    self.failures.push((archive.label().to_owned(), error));
                    self.passed.push(archive);
                    continue;
                }
                found => found?,
            };
            if found.shards.is_empty() && nesting < MAX_NESTING {
                let (inner, deeper) = nested(&archive, origin, found.viewer.is_some() || found.groups);
                self.beside.extend(beside(&archive, &deeper, self.limits, &self.spans));
                if !inner.is_empty() {
                    self.descend(&archive, &export, inner, origin, nesting)?;
                    self.passed.push(archive);
                    continue;
                }
            }
            if origin == Packing::Folder && found.has_conversations() {
                self.beside.extend(beside(&archive, &found.files, self.limits, &self.spans));
            }
            if certain || found.has_conversations() {
                self.members.push(Member { archive, found, group, export, origin });
            } else {
                self.passed.push(archive);
            }
        }
        Ok(())
    }

    /// Opens the ZIPs inside an archive.
    fn descend(
        &mut self,
        archive: &Archive,
        export: &str,
        inner: Vec<u32>,
        origin: Packing,
        nesting: usize,
    ) -> Result<()> {
        for entry in inner {
            let name = discover::name(archive, entry);
            let base = names::base(name);
            let label = format!("{}: {name}", archive.label());
            let group = names::part(base).map_or(base, |(prefix, _)| prefix);
            let mut export = export.to_owned();
            let (opened, nesting, origin) = match archive.open_file(entry) {
                Ok(Some(file)) => {
                    let metadata = file.metadata().map_err(|error| Error::io(printable(&label), error))?;
                    if !self.is_new(&metadata) {
                        continue;
                    }
                    // Those of an unpacked container are one export.
                    if !names::is_conversations_zip(base) {
                        let directory = names::split(name).0;
                        export = format!("{export}/{directory}{}", names::of_parts(group));
                    }
                    (Archive::zip(file, &label, self.limits, &self.spans), nesting, Packing::FolderOfZips)
                }
                Ok(None) => {
                    let origin = if origin == Packing::FolderOfZips { origin } else { Packing::Container };
                    (archive.nested(entry, &self.spans), nesting.saturating_add(1), origin)
                }
                Err(error) => (Err(error), nesting, origin),
            };
            if let Some(opened) = self.excused(&label, opened)? {
                let group = format!("{}: {group}", archive.label());
                let certain = names::is_conversations_zip(base) || names::part(base).is_some();
                self.push(PendingArchive { archive: opened, group, export, origin, nesting, certain })?;
            }
        }
        Ok(())
    }

    /// Handles an archive that the user didn't name: a broken one is a problem, not an error, unless it is
    /// dangerous.
    fn excused(&mut self, label: &str, opened: Result<Archive>) -> Result<Option<Archive>> {
        match opened {
            Ok(archive) => Ok(Some(archive)),
            Err(error) if matches!(error.kind(), ErrorKind::Damaged | ErrorKind::NotAnExport) => {
                self.failures.push((label.to_owned(), error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn finish(mut self, sources: &[&Path]) -> Result<Export> {
        let label = sources.first().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        let json = self.members.iter().any(|member| !member.found.shards.is_empty());
        if !self.members.iter().any(|member| member.found.has_conversations()) {
            // They may have been in the archives that could not be opened.
            if let Some((_, error)) = self.failures.into_iter().next() {
                return Err(error);
            }
            let members = self.members.iter().map(|member| &member.archive);
            return Err(reason::no_conversations(&label, members.chain(&self.passed)));
        }
        self.problems.extend(beside::problems(&self.beside, &self.seen));
        let origins = origins::names(&self.members);
        let broken = self.failures.iter().map(|(label, _)| label.as_str());
        let absent = absent::problems(&self.members, &origins, broken);
        for (subject, error) in std::mem::take(&mut self.failures) {
            let full = error.to_string();
            let reason = full.strip_prefix(&format!("{}: ", printable(&subject))).unwrap_or(&full).to_owned();
            self.problems.push(Problem::new(subject, reason));
        }
        self.problems.extend(absent);
        Ok(self.assemble(name_of(sources), sources.len(), json, origins))
    }

    fn assemble(self, name: String, sources: usize, json: bool, origins: Vec<String>) -> Export {
        let form = form_of(&self.members, sources, json);
        let mut export = Export {
            name,
            archives: Vec::new(),
            form,
            shards: Vec::new(),
            files: Vec::new(),
            side: SideEntries::default(),
            problems: self.problems,
            origins,
        };
        let mut groups = Vec::new();
        for Member { archive, found, .. } in self.members {
            let Ok(number) = u16::try_from(export.archives.len()) else {
                let reason = "not looked at: an export can have 65,536 archives";
                export.problems.push(Problem::new(archive.label(), reason));
                continue;
            };
            let at = |entry| EntryRef { archive: number, entry };
            let shard = |shape, entry| Shard {
                entry: at(entry),
                shape,
                name: discover::name(&archive, entry).to_owned(),
                is_side: false,
            };
            export.shards.extend(found.shards.iter().map(|&entry| shard(Shape::Json, entry)));
            if !json {
                export.shards.extend(found.viewer.map(|entry| shard(Shape::Html, entry)));
            }
            export.files.extend(found.files.iter().copied().map(at));
            for (side, entry) in found.side {
                let list = match side {
                    Side::AssetNames => &mut export.side.asset_names,
                    Side::Library => &mut export.side.library,
                    Side::Viewer => &mut export.side.viewer,
                    Side::User => &mut export.side.user,
                    Side::Feedback => &mut export.side.feedback,
                    Side::Groups => {
                        groups.push(shard(Shape::Json, entry));
                        &mut export.side.other
                    }
                    Side::Other => &mut export.side.other,
                };
                list.push(at(entry));
            }
            let notes = archive.notes().iter().map(|note| Problem::new(archive.label(), note));
            export.problems.extend(notes);
            let origin = export.origins.get(usize::from(number)).map(String::as_str);
            let named = |problem: Problem| match &*problem.subject {
                subject if subject == archive.label() => problem,
                subject => Problem { subject: within(origin, subject), ..problem },
            };
            export.problems.extend(found.problems.into_iter().map(named));
            export.archives.push(archive);
        }
        // Without others they are the main files themselves.
        let is_side = !export.shards.is_empty();
        export.shards.extend(groups.into_iter().map(|shard| Shard { is_side, ..shard }));
        export
    }
}

/// What the export is called: by the first of its sources, and the number of the others.
fn name_of(sources: &[&Path]) -> String {
    let name = |path: &Path| {
        let name = path.file_name().map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy());
        name.into_owned()
    };
    match sources {
        [] => String::new(),
        [only] => name(only),
        [first, others @ ..] => format!("{} and {} more", name(first), grouped(others.len() as u64)),
    }
}

fn form_of(members: &[Member], sources: usize, json: bool) -> Form {
    let shards = members.iter().map(|member| &member.found.shards).map(Vec::len).sum::<usize>();
    let numbered = members.iter().map(|member| member.found.numbers.len()).sum::<usize>();
    let groups = members.iter().map(|member| &member.group).collect::<BTreeSet<_>>().len();
    let origins: HashSet<_> = members.iter().map(|member| member.origin as u8).collect();
    let packing = match members.first() {
        Some(first) if sources == 1 || (first.origin == Packing::Parts && groups == 1) => {
            if origins.contains(&(Packing::Container as u8)) { Packing::Container } else { first.origin }
        }
        _ => Packing::Several,
    };
    Form {
        packing,
        groups,
        parts: members.len(),
        shards: numbered,
        singles: shards.saturating_sub(numbered),
        manifest: members.iter().any(|member| member.found.manifest),
        viewer: !json && members.iter().any(|member| member.found.viewer.is_some()),
    }
}

/// The ZIPs that may hold conversations, in an archive without conversation files. A folder that has no conversations
/// of its own `elsewhere` and no ZIPs named like those of a container contributes all ZIPs at its top level; then the
/// second list has those below.
fn nested(archive: &Archive, origin: Packing, elsewhere: bool) -> (Vec<u32>, Vec<u32>) {
    let (mut likely, mut deeper) = (Vec::new(), Vec::new());
    let mut possible: Vec<(usize, u32)> = Vec::new();
    for (at, entry) in (0..).zip(archive.entries().iter()) {
        let (directory, base) = names::split(entry.name);
        let hidden = names::is_junk(entry.name) || names::is_foreign(directory) || names::escapes(entry.name);
        if hidden || !names::is_zip(base) || names::is_other_zip(base) {
            continue;
        }
        if names::is_conversations_zip(base) {
            likely.push(at);
        } else {
            possible.push((names::depth(directory), at));
        }
    }
    if likely.is_empty() && origin == Packing::Folder && !elsewhere {
        let top = possible.iter().map(|(depth, _)| *depth).min();
        for (depth, at) in possible {
            if Some(depth) == top { likely.push(at) } else { deeper.push(at) }
        }
    }
    likely.sort_by_key(|&entry| discover::name(archive, entry));
    deeper.sort_by_key(|&entry| discover::name(archive, entry));
    (likely, deeper)
}
