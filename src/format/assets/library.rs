//! Reading the side files, and finding records of the library by what messages know.

use crate::bytes::without_byte_order_mark;
use crate::conversation::{FileKind, FileRef};
use crate::time::Timestamp;
use serde_json::Value;
use std::collections::HashMap;

/// A record of `library_files.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
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
}

/// The names of `conversation_asset_file_names.json`: base name of an entry → name or path. Nothing if it is something
/// else.
pub fn parse_names(json: &[u8]) -> Vec<(String, String)> {
    match value(json) {
        Value::Object(map) => map
            .into_iter()
            .filter_map(|(key, value)| match value {
                Value::String(name) => Some((key, name)),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The asset table of `chat.html`: pointer → path. Nothing if it is something else.
pub fn parse_pointers(json: &[u8]) -> Vec<(String, String)> {
    match value(json) {
        Value::Object(map) => map
            .into_iter()
            .filter_map(|(key, value)| match value {
                Value::String(path) => Some((key, path)),
                Value::Object(mut record) => match record.remove("file_path") {
                    Some(Value::String(path)) => Some((key, path)),
                    _ => None,
                },
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The records of `library_files.json`. Nothing if it is something else; a record that is none is left out.
pub fn parse_library(json: &[u8]) -> Vec<Record> {
    match value(json) {
        Value::Array(records) => records.iter().filter_map(record).collect(),
        _ => Vec::new(),
    }
}

fn value(json: &[u8]) -> Value {
    let json = without_byte_order_mark(json);
    serde_json::from_slice(json)
        .or_else(|_| serde_json::from_str(&crate::format::repair::repair(json).json))
        .unwrap_or_default()
}

fn record(value: &Value) -> Option<Record> {
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
    Some(Record {
        id,
        file_id: text("file_id"),
        name: text("file_name"),
        mime,
        bytes: record.get("file_size_bytes").and_then(Value::as_u64),
        kind,
        conversation: text("origination_thread_id").or_else(|| text("initiating_conversation_id")),
        message: text("origination_message_id"),
        created: text("created_at").as_deref().and_then(Timestamp::from_text),
    })
}

/// The records of the library, found by what messages know.
#[derive(Debug, Default)]
pub(super) struct Library {
    records: Vec<Record>,
    by_id: HashMap<String, usize>,
    /// By conversation and name: `None` if there are several.
    by_name: HashMap<(String, String), Option<usize>>,
    by_message: HashMap<String, Vec<usize>>,
    /// Those of a conversation that name no message, by time.
    by_conversation: HashMap<String, Vec<(Timestamp, usize)>>,
}

impl Library {
    pub(super) fn new(records: Vec<Record>) -> Self {
        let mut library = Self::default();
        for (at, record) in records.iter().enumerate() {
            for id in [&record.file_id, &record.id].into_iter().flatten() {
                library.by_id.entry(id.clone()).or_insert(at);
            }
            if let (Some(conversation), Some(name)) = (&record.conversation, &record.name) {
                let place = library.by_name.entry((conversation.clone(), name.clone()));
                place.and_modify(|only| *only = None).or_insert(Some(at));
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
    pub(super) fn by_id(&self, id: &str) -> Option<&Record> {
        self.records.get(*self.by_id.get(id)?)
    }

    /// The only record of that name in a conversation.
    pub(super) fn by_name(&self, conversation: &str, name: &str) -> Option<&Record> {
        let at = *self.by_name.get(&(conversation.to_owned(), name.to_owned()))?;
        self.records.get(at?)
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
    ) -> Option<&Record> {
        /// Seconds between a message and its file.
        const LONGEST: i64 = 15 * 60;
        /// Far more files than one message makes.
        const MOST: usize = 64;
        let fits = |record: &&Record| {
            record.kind == file.kind
                && file.name.as_deref().is_none_or(|name| record.name.as_deref().is_none_or(|n| n == name))
        };
        let of_message = self.by_message.get(message).filter(|_| !message.is_empty());
        let of_message = of_message.into_iter().flatten().take(MOST).filter_map(|&at| self.records.get(at));
        let mut fitting = of_message.filter(fits);
        if let Some(first) = fitting.next() {
            return fitting.next().is_none().then_some(first);
        }
        if file.kind != FileKind::Image {
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
