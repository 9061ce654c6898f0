//! Reading the side files, and finding records of the library by what messages know.

use super::script;
use crate::bytes::without_byte_order_mark;
use crate::conversation::{FileKind, FileRef};
use crate::format::values;
use crate::time::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;

/// A record of `library_files.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LibraryRecord {
    /// Its own id: `libfile_…`.
    pub id: Option<String>,
    /// The id of the file: `file-…` or `file_…`.
    pub file_id: Option<String>,
    /// The name of the file.
    pub name: Option<String>,
    /// Its MIME type.
    pub mime: Option<String>,
    /// Its size in bytes.
    pub bytes: Option<u64>,
    /// What it is.
    pub kind: FileKind,
    /// The conversation that it came from.
    pub conversation: Option<String>,
    /// The message that it came from.
    pub message: Option<String>,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// How it came into the library.
    pub artifact: Artifact,
}

/// How a file came into the library.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// Its user uploaded or pasted it, or removed it since.
    #[default]
    Given,
    /// The assistant made it.
    Made,
    /// It is the state of a research session, with a report.
    Report,
}

/// Most records of a library that are read, in a file.
pub(crate) const MOST_RECORDS: usize = 100_000;

/// Most names and pointers that are read: as many as an archive may have entries.
const MOST_NAMES: usize = 1_000_000;

/// The names of `conversation_asset_file_names.json`: base name of an entry → name or path. Empty if it is something
/// else.
pub(crate) fn parse_names(json: &[u8]) -> Vec<(String, String)> {
    items(json, b'{', MOST_NAMES, &|key, item| Some((key.to_owned(), serde_json::from_str(item.get()).ok()?)))
}

/// The asset table of a `chat.html` in `folder`: pointer → path. Empty if it is something else. May be JavaScript.
pub(crate) fn parse_pointers(table: &[u8], folder: &str) -> Vec<AssetPointer> {
    let pointers = pointers(&script::to_json(table));
    let pointer = |(pointer, path): (String, String)| {
        let relative = path.trim_start_matches("./");
        let folder = folder.trim_end_matches(['/', '\\']);
        let path = if folder.is_empty() { relative.to_owned() } else { format!("{folder}/{relative}") };
        AssetPointer { pointer, path, relative: relative.to_owned() }
    };
    pointers.into_iter().map(pointer).collect()
}

/// Where the viewer finds the file of a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AssetPointer {
    /// The pointer.
    pub pointer: String,
    /// The path in the archive.
    pub path: String,
    /// The path in the viewer's folder.
    pub relative: String,
}

fn pointers(json: &[u8]) -> Vec<(String, String)> {
    items(json, b'{', MOST_NAMES, &|key, item| match values::value(item) {
        Value::String(path) => Some((key.to_owned(), path)),
        Value::Object(mut record) => match record.remove("file_path") {
            Some(Value::String(path)) => Some((key.to_owned(), path)),
            _ => None,
        },
        _ => None,
    })
}

/// The records of `library_files.json`. Empty if it is something else; invalid records, and those that say nothing, are
/// left out.
pub(crate) fn parse_library(json: &[u8]) -> Vec<LibraryRecord> {
    let mut records = items(json, b'[', MOST_RECORDS, &|_, item| record(&values::value(item)));
    records.retain(|record| *record != LibraryRecord::default());
    records.shrink_to_fit();
    records
}

/// What `read` makes of the items of a list or an object, whichever begins with `open`, up to `most`. Of broken JSON, what is
/// left after repair.
fn items<T>(json: &[u8], open: u8, most: usize, read: &dyn Fn(&str, &RawValue) -> Option<T>) -> Vec<T> {
    let json = without_byte_order_mark(json);
    if json.trim_ascii_start().first() != Some(&open) {
        return Vec::new();
    }
    let found = |json: &[u8]| {
        let mut found = Vec::new();
        let is_whole = values::each(json, &mut |key, item| {
            if found.len() < most {
                found.extend(read(key, item));
            }
        });
        (found, is_whole)
    };
    let (items, is_whole) = found(json);
    if is_whole { items } else { found(crate::format::repair::repair(json).json.as_bytes()).0 }
}

fn record(value: &Value) -> Option<LibraryRecord> {
    let record = value.as_object()?;
    let text = |key: &str| {
        record.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let id = match record.get("id") {
        Some(Value::Object(id)) => id.get("id").and_then(Value::as_str).map(str::to_owned),
        _ => text("id"),
    };
    let mime = text("mime_type");
    let family = mime.as_deref().and_then(|mime| mime.split_once('/')).map(|(family, _)| family);
    let generated = record.get("image_gen_generation_id").is_some_and(|id| !id.is_null());
    let kind = match (text("library_file_category").as_deref(), family) {
        (Some("image"), _) | (_, Some("image")) => FileKind::Image,
        (_, Some("audio")) => FileKind::Audio,
        (_, Some("video")) => FileKind::Video,
        _ if generated => FileKind::Image,
        _ => FileKind::Other,
    };
    let is_set =
        |key: &str| record.get(key).is_some_and(|value| !value.is_null() && value != &Value::Bool(false));
    let artifact = match text("library_artifact_type").as_deref() {
        _ if is_set("deleted_at") || is_set("trashed_at") => Artifact::Given,
        Some("deep_research_report") => Artifact::Report,
        Some("writing_block") => Artifact::Given,
        Some(_) => Artifact::Made,
        None if generated => Artifact::Made,
        None => Artifact::Given,
    };
    let times = ["created_at", "record_creation_time", "version_created_at", "file_processed_time"];
    Some(LibraryRecord {
        id,
        file_id: text("file_id"),
        name: text("file_name"),
        mime,
        bytes: record.get("file_size_bytes").and_then(Value::as_u64),
        kind,
        conversation: text("origination_thread_id").or_else(|| text("initiating_conversation_id")),
        message: text("origination_message_id"),
        created: times.into_iter().find_map(|key| Timestamp::from_text(&text(key)?)),
        artifact,
    })
}

/// The records of the library, found by what messages know.
#[derive(Debug, Default)]
pub(super) struct LibraryIndex {
    records: Vec<LibraryRecord>,
    by_id: HashMap<String, usize>,
    /// By conversation and name: `None` if there are several.
    by_name: HashMap<(String, String), Option<usize>>,
    /// By name alone: `None` if there are several.
    by_own_name: HashMap<String, Option<usize>>,
    by_message: HashMap<String, Vec<usize>>,
    /// What the assistant made, by conversation and by message.
    made_in: HashMap<String, Vec<usize>>,
    made_by: HashMap<String, Vec<usize>>,
    /// Records of a conversation that name no message, by time.
    by_conversation: HashMap<String, Vec<(Timestamp, usize)>>,
}

impl LibraryIndex {
    pub(super) fn new(records: Vec<LibraryRecord>) -> Self {
        let mut library = Self::default();
        for (at, record) in records.iter().enumerate() {
            for id in [&record.file_id, &record.id].into_iter().flatten() {
                library.by_id.entry(id.clone()).or_insert(at);
            }
            if let (Some(conversation), Some(name)) = (&record.conversation, &record.name) {
                let place = library.by_name.entry((conversation.clone(), name.clone()));
                place.and_modify(|only| *only = None).or_insert(Some(at));
            }
            if let Some(name) = &record.name {
                let only = library.by_own_name.entry(name.clone());
                only.and_modify(|only| *only = None).or_insert(Some(at));
            }
            if record.artifact != Artifact::Given {
                if let Some(conversation) = &record.conversation {
                    library.made_in.entry(conversation.clone()).or_default().push(at);
                }
                if let Some(message) = &record.message {
                    library.made_by.entry(message.clone()).or_default().push(at);
                }
            }
            match (&record.message, &record.conversation, record.created) {
                (Some(message), ..) => library.by_message.entry(message.clone()).or_default().push(at),
                (None, Some(conversation), Some(created)) => {
                    library.by_conversation.entry(conversation.clone()).or_default().push((created, at));
                }
                _ => {}
            }
        }
        library.by_conversation.values_mut().for_each(|records| records.sort_unstable());
        library.records = records;
        library
    }

    /// The record of an id, of the file or its own.
    pub(super) fn by_id(&self, id: &str) -> Option<&LibraryRecord> {
        self.records.get(*self.by_id.get(id)?)
    }

    pub(super) fn get(&self, at: usize) -> Option<&LibraryRecord> {
        self.records.get(at)
    }

    /// What the assistant made in a conversation, by position.
    pub(super) fn made_in(&self, conversation: &str) -> &[usize] {
        self.made_in.get(conversation).map_or(&[], Vec::as_slice)
    }

    /// True if [`made_by`](Self::made_by) finds anything at all.
    pub(super) fn has_made_by_message(&self) -> bool {
        !self.made_by.is_empty()
    }

    /// What the assistant made in a message, by position.
    pub(super) fn made_by(&self, message: &str) -> &[usize] {
        self.made_by.get(message).map_or(&[], Vec::as_slice)
    }

    /// The record of that name that came from a message or a conversation; else the only one of that name, unless it
    /// came from another conversation.
    pub(super) fn by_name(&self, conversation: &str, message: &str, name: &str) -> Option<&LibraryRecord> {
        /// Far more files than one message makes.
        const MOST: usize = 64;
        let of_message = self.by_message.get(message).filter(|_| !message.is_empty()).into_iter().flatten();
        let mut named = of_message
            .take(MOST)
            .filter_map(|&at| self.records.get(at))
            .filter(|record| record.name.as_deref() == Some(name));
        if let (Some(record), None) = (named.next(), named.next()) {
            return Some(record);
        }
        if let Some(&at) = self.by_name.get(&(conversation.to_owned(), name.to_owned())) {
            return self.records.get(at?);
        }
        let record = self.records.get((*self.by_own_name.get(name)?)?)?;
        record.conversation.as_deref().is_none_or(|origin| origin == conversation).then_some(record)
    }

    /// The record of a file that has another id in the message than in the library: the only one of its kind (or
    /// name) that came from the message; else the first of its kind that was made in the conversation after the message,
    /// within the time that making it takes.
    pub(super) fn by_origin(
        &self,
        file: &FileRef<'_>,
        conversation: &str,
        message: &str,
        created: Option<Timestamp>,
    ) -> Option<&LibraryRecord> {
        /// Seconds between a message and its file.
        const LONGEST: i64 = 15 * 60;
        /// Far more files than one message makes.
        const MOST: usize = 64;
        let fits = |record: &&LibraryRecord| {
            (record.kind == file.kind || record.kind.is_picture() && file.kind.is_picture())
                && file.name.as_deref().is_none_or(|name| record.name.as_deref().is_none_or(|n| n == name))
        };
        let of_message = self.by_message.get(message).filter(|_| !message.is_empty());
        let of_message = of_message.into_iter().flatten().take(MOST).filter_map(|&at| self.records.get(at));
        let mut fitting = of_message.filter(fits);
        if let Some(first) = fitting.next() {
            return fitting.next().is_none().then_some(first);
        }
        if !file.kind.is_picture() {
            return None;
        }
        let (records, created) = (self.by_conversation.get(conversation)?, created?);
        let first = records.partition_point(|&(time, _)| time < created);
        let later = records.get(first..)?.iter().take(MOST);
        later
            .take_while(|(time, _)| time.seconds().saturating_sub(created.seconds()) <= LONGEST)
            .filter_map(|&(_, at)| self.records.get(at))
            .find(fits)
    }
}
