//! The files of a conversation: which entry of the archive each pointer means, and its name in `title.assets/`.
//!
//! Knows archives only through [`AssetIndex`].

use super::assistant::Assistant;
use super::canvas::Canvas;
use super::thread::{Threads, ages};
use super::tree::NodeId;
use super::{Conversation, FileRef, Meaning, Message, Part, Role};
use crate::bytes::Fnv;
use crate::catalog::{AssetContent, EntryRef};
use crate::markdown::percent_decode;
use crate::name::{FileName, fold};
use crate::time::Timestamp;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// What an export knows of a file that a message points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The entry that holds its bytes.
    pub entry: EntryRef,
    /// Its exact size in bytes.
    pub bytes: u64,
    /// The name that the export's side files give it.
    pub name: Option<String>,
    /// An extension (without the dot) that fits its type: from a MIME type in the side files, or its first bytes.
    pub extension: Option<String>,
}

/// Finds the file that a message points to.
pub trait AssetIndex: Send + Sync {
    /// The entry that `file` means where it is pointed to by the message `message` (written at `created`) of the
    /// conversation `conversation`; `None` if the export does not contain it.
    fn resolve(
        &self,
        file: &FileRef<'_>,
        conversation: &str,
        message: &str,
        created: Option<Timestamp>,
    ) -> Option<Resolved>;
}

/// A file in `title.assets/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its checked name, unique within the conversation.
    pub name: String,
    /// Where its bytes come from.
    pub content: AssetContent,
    /// Its exact size in bytes. Of a canvas document that of its
    /// [`file_text`](super::canvas::Document::file_text).
    pub bytes: u64,
}

/// The files of one conversation, in order of first use.
#[derive(Debug, Default)]
pub struct Files {
    /// The files that exist. `AssetContent::Canvas(n)` is at position n.
    pub files: Vec<File>,
    /// Number of files that are pointed to and don't exist.
    pub missing: u32,
    pub(crate) by_id: HashMap<String, usize>,
}

impl Files {
    /// The files that the pages of `conversation` link to: those of the visible thread, then of the branches by number,
    /// in the order of their text; at the end the canvas documents of the visible thread. Linear, except for sorting the files
    /// without a name.
    ///
    /// A picture, plot or recording without a name is named after its kind, with a number. Numbers count the messages
    /// that point to such files by age, whether or not the export has the files: a newer export that only adds
    /// messages, or whose user went back to another branch, changes no name.
    pub fn of(
        conversation: &Conversation<'_>,
        threads: &Threads,
        canvas: &Canvas<'_>,
        index: &dyn AssetIndex,
    ) -> Self {
        let mut plan = Plan {
            conversation,
            index,
            files: Self::default(),
            by_entry: HashMap::new(),
            missing: HashSet::new(),
            names: Names::default(),
            unnamed: HashMap::new(),
            mentions: Vec::new(),
        };
        let lines =
            std::iter::once(&threads.visible).chain(threads.branches.iter().map(|branch| &branch.nodes));
        for &id in lines.flatten() {
            if let Some(message) = conversation.tree.message(id) {
                each_of(message, conversation.assistant, |file| plan.add(file, id, message));
            }
        }
        plan.number();
        plan.add_documents(canvas);
        plan.files.missing = u32::try_from(plan.missing.len()).unwrap_or(u32::MAX);
        plan.files
    }

    /// The file that `file` means; `None` if the export does not contain it.
    pub fn get(&self, file: &FileRef<'_>) -> Option<&File> {
        self.by_id.get(key(&file.id).as_ref()).and_then(|&at| self.files.get(at))
    }
}

/// Hands over the files that `message` points to, in the order of its parts.
pub(crate) fn each_of(message: &Message<'_>, assistant: &dyn Assistant, mut take: impl FnMut(&FileRef<'_>)) {
    for part in &message.parts {
        match part {
            Part::Image(image) => take(&image.file),
            Part::Audio { file, .. } | Part::Video { file: Some(file), .. } | Part::File(file) => take(file),
            Part::Prose(prose) => {
                for reference in &prose.references {
                    if let Meaning::File(file) = &reference.meaning {
                        take(file);
                    }
                }
                if message.role != Role::User {
                    assistant.linked_files(&prose.text, &mut |id| {
                        take(&FileRef { id: Cow::Borrowed(id), ..FileRef::default() });
                    });
                }
            }
            _ => {}
        }
    }
}

/// What a file goes by: its id, or its path without percent-encoding.
fn key(id: &str) -> Cow<'_, str> {
    if id.starts_with('/') { percent_decode(id) } else { Cow::Borrowed(id) }
}

/// The files of a conversation while they are collected.
struct Plan<'p> {
    conversation: &'p Conversation<'p>,
    index: &'p dyn AssetIndex,
    files: Files,
    by_entry: HashMap<EntryRef, usize>,
    missing: HashSet<String>,
    names: Names,
    /// What each file without a name is, and its extension, by position.
    unnamed: HashMap<usize, (&'static str, Option<String>)>,
    /// Where files without a name are mentioned, and what they are.
    mentions: Vec<(NodeId, &'static str, UnnamedFile)>,
}

#[derive(PartialEq, Eq, Hash)]
enum UnnamedFile {
    /// At this position.
    Found(usize),
    /// The export does not contain the file with this id.
    Missing(String),
}

impl Plan<'_> {
    fn add(&mut self, file: &FileRef<'_>, node: NodeId, message: &Message<'_>) {
        let key = key(&file.id);
        // A file without an id can't be told from another one.
        if key.is_empty() {
            return;
        }
        if let Some(&at) = self.files.by_id.get(key.as_ref()) {
            self.mention(at, node);
            return;
        }
        let noun = file.kind.noun().filter(|_| own_name(file).is_none() && !key.starts_with('/'));
        let decoded = FileRef { id: Cow::Borrowed(key.as_ref()), ..file.clone() };
        let Some(found) = self.index.resolve(&decoded, &self.conversation.id, &message.id, message.created)
        else {
            let missing = || UnnamedFile::Missing(key.as_ref().to_owned());
            self.mentions.extend(noun.map(|noun| (node, noun, missing())));
            self.missing.insert(key.into_owned());
            return;
        };
        let next = self.files.files.len();
        let at = *self.by_entry.entry(found.entry).or_insert(next);
        if at == next {
            let name = if let Some(noun) = noun.filter(|_| side_name(&found).is_none()) {
                self.unnamed.insert(at, (noun, ending(&decoded, &found).map(str::to_owned)));
                String::new()
            } else {
                let name = display_name(&decoded, &found);
                self.names.unique(&self.conversation.assistant.plain_name(&name))
            };
            let content = AssetContent::Entry(found.entry);
            self.files.files.push(File { name, content, bytes: found.bytes });
        }
        self.mention(at, node);
        self.files.by_id.insert(key.into_owned(), at);
    }

    /// Notes that a message points to the file at this position, which may have no name.
    fn mention(&mut self, at: usize, message: NodeId) {
        if let Some((noun, _)) = self.unnamed.get(&at) {
            self.mentions.push((message, noun, UnnamedFile::Found(at)));
        }
    }

    /// Names the files without a name.
    fn number(&mut self) {
        if self.unnamed.is_empty() {
            return;
        }
        let tree = &self.conversation.tree;
        let ages = ages(tree);
        let mut mentions = std::mem::take(&mut self.mentions);
        // Those of one message stay in their order.
        mentions.sort_by_key(|&(node, ..)| {
            let id = tree.message(node).map_or("", |message| message.id.as_ref());
            (ages.get(node.0 as usize).copied(), id)
        });
        let mut seen = HashSet::new();
        let mut numbers: HashMap<&str, u32> = HashMap::new();
        for (_, noun, file) in mentions {
            let at = if let UnnamedFile::Found(at) = file { Some(at) } else { None };
            if !seen.insert(file) {
                continue;
            }
            let number = numbers.entry(noun).or_default();
            *number = number.saturating_add(1);
            if let Some(at) = at
                && let Some(file) = self.files.files.get_mut(at)
                && let Some((_, ending)) = self.unnamed.get(&at)
            {
                let ending = ending.as_deref().map(|ending| format!(".{ending}")).unwrap_or_default();
                file.name = self.names.unique(&format!("{noun} {number}{ending}"));
            }
        }
    }

    fn add_documents(&mut self, canvas: &Canvas<'_>) {
        for document in &canvas.documents {
            let title = document.title.replace(['/', '\\'], "-");
            let title = if title.trim().is_empty() { "Untitled" } else { title.trim() };
            // A title may already end like a file of its kind.
            let ending = format!(".{}", document.extension());
            let title = title.strip_suffix(&ending).filter(|stem| !stem.is_empty()).unwrap_or(title);
            let name = self.names.unique(&format!("{title}{ending}"));
            let position = u32::try_from(self.files.files.len()).unwrap_or(u32::MAX);
            let bytes = document.file_text().len() as u64;
            self.files.files.push(File { name, content: AssetContent::Canvas(position), bytes });
        }
    }
}

/// What a file is called: by its user, else by the side files, else by its id; with an extension, if one is known.
fn display_name(file: &FileRef<'_>, found: &Resolved) -> String {
    let id = file.id.rsplit('/').next().unwrap_or_default();
    let name = own_name(file).or_else(|| side_name(found)).unwrap_or(id);
    match ending(file, found).filter(|_| extension(name).is_none()) {
        Some(extension) => format!("{name}.{extension}"),
        None => name.to_owned(),
    }
}

/// The name that a message has for a file.
fn own_name<'f>(file: &'f FileRef<'_>) -> Option<&'f str> {
    file.name.as_deref().filter(|name| !name.trim().is_empty())
}

/// The name that the side files have for a file.
fn side_name(found: &Resolved) -> Option<&str> {
    found.name.as_deref().filter(|name| !name.trim().is_empty())
}

/// The extension of a file whose name has none.
fn ending<'f>(file: &'f FileRef<'_>, found: &'f Resolved) -> Option<&'f str> {
    let known = side_name(found).and_then(extension);
    let known = known.or_else(|| file.mime.as_deref().and_then(extension_of_mime));
    known.or(found.extension.as_deref())
}

/// The extension that a name ends with: up to eight letters and digits, not all of them digits.
pub(crate) fn extension(name: &str) -> Option<&str> {
    let (stem, extension) = name.rsplit_once('.')?;
    let fits = (1..=8).contains(&extension.len()) && extension.bytes().all(|b| b.is_ascii_alphanumeric());
    let number = extension.bytes().all(|b| b.is_ascii_digit());
    (fits && !number && !stem.is_empty()).then_some(extension)
}

/// The extension of files of a MIME type.
pub(crate) fn extension_of_mime(mime: &str) -> Option<&'static str> {
    let mime = mime.split(';').next().unwrap_or_default().trim();
    Some(match mime.to_ascii_lowercase().as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpg",
        "image/webp" => "webp",
        "image/gif" => "gif",
        "image/svg+xml" => "svg",
        "image/heic" => "heic",
        "image/heif" => "heif",
        "image/avif" => "avif",
        "image/bmp" => "bmp",
        "image/tiff" => "tiff",
        "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => "wav",
        "audio/mpeg" | "audio/mp3" => "mp3",
        "audio/mp4" | "audio/x-m4a" => "m4a",
        "audio/ogg" => "ogg",
        "audio/webm" | "video/webm" => "webm",
        "audio/flac" => "flac",
        "video/mp4" => "mp4",
        "video/quicktime" => "mov",
        "application/pdf" => "pdf",
        "application/zip" | "application/x-zip-compressed" => "zip",
        "application/gzip" => "gz",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        "application/rtf" | "text/rtf" => "rtf",
        "application/epub+zip" => "epub",
        "application/msword" => "doc",
        "application/vnd.ms-excel" => "xls",
        "application/vnd.ms-powerpoint" => "ppt",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => "docx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => "xlsx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation" => "pptx",
        "application/vnd.oasis.opendocument.text" => "odt",
        "application/vnd.oasis.opendocument.spreadsheet" => "ods",
        "text/plain" => "txt",
        "text/markdown" | "text/x-markdown" => "md",
        "text/html" => "html",
        "text/css" => "css",
        "text/csv" => "csv",
        "text/tab-separated-values" => "tsv",
        "text/javascript" | "application/javascript" | "application/x-javascript" => "js",
        "text/x-python" | "text/x-python-script" | "application/x-python" => "py",
        "application/x-yaml" | "text/yaml" | "application/yaml" => "yaml",
        _ => return None,
    })
}

/// Gives names that are unique on every disk.
///
/// Keeps hashes instead of names, because there may be a million. If two hashes are equal, a name that is free counts as
/// taken, here as on every other machine.
#[derive(Debug, Default)]
pub(crate) struct Names {
    taken: HashSet<u64>,
    /// The next number to try for a name that is taken.
    next: HashMap<u64, u32>,
}

impl Names {
    /// A name for a file that is called `wanted`: the first gets it, the others a number before the extension. Linear
    /// for any number of files of one name.
    pub(crate) fn unique(&mut self, wanted: &str) -> String {
        let name = FileName::for_file(wanted);
        let wanted = hash(&name);
        if self.taken.insert(wanted) {
            return name.as_str().to_owned();
        }
        let next = self.next.entry(wanted).or_insert(2);
        loop {
            let numbered = name.with_stem_suffix(&format!("-{next}"));
            *next = next.saturating_add(1);
            if self.taken.insert(hash(&numbered)) {
                return numbered.as_str().to_owned();
            }
        }
    }
}

/// The hash of a name, the same for all that are one on some disk.
fn hash(name: &FileName) -> u64 {
    let mut hash = Fnv::default();
    hash.write(fold(name.as_str()).as_bytes());
    hash.sum()
}

#[cfg(test)]
mod tests;
