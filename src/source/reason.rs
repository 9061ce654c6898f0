//! Explains why something is not an export, in one sentence that says what it looks like instead.

use super::names;
use crate::archive::Archive;
use crate::error::{Error, ErrorKind};
use crate::text::printable;

/// `x: not a ChatGPT export: this is …`.
pub(super) fn not_an_export(label: &str, what: &str) -> Error {
    Error::new(ErrorKind::NotAnExport, format!("{}: not a ChatGPT export: this is {what}", printable(label)))
}

/// Explains why there are no conversations in what was opened.
pub(super) fn no_conversations<'a>(label: &str, archives: impl Iterator<Item = &'a Archive>) -> Error {
    let archives: Vec<&Archive> = archives.collect();
    let names: Vec<&str> =
        archives.iter().flat_map(|archive| archive.entries().iter()).map(|entry| entry.name).collect();
    let note = archives.iter().flat_map(|archive| archive.notes()).next();
    let reason = if names.is_empty() {
        let has_hidden = archives.iter().any(|archive| archive.has_hidden());
        let nothing = if has_hidden { "it has only hidden files, which are not read" } else { "it is empty" };
        note.cloned().unwrap_or_else(|| nothing.to_owned())
    } else if let Some(what) = names.iter().find_map(|name| other_product(name)) {
        format!("this looks like {what}")
    } else if let Some(number) = archives.iter().find_map(|archive| later_part(archive)) {
        format!("this looks like part {number} of an export; put its part 1 beside it")
    } else if names.iter().any(|name| is_library(name)) {
        "this looks like the uploaded files of an export; its conversations are in another ZIP, \
         Conversations__….zip"
            .to_owned()
    } else if let Some(inner) = names.iter().find(|name| names::is_zip(name)) {
        format!(
            "it has no conversations, but another ZIP, {}; if that is the export, extract it",
            printable(inner)
        )
    } else if let Some(name) = names.iter().find(|name| names::escapes(name) && is_conversations(name)) {
        format!("{} has a name that leads out of the archive", printable(name))
    } else {
        let nothing = "it has no conversations.json, conversations-000.json, group_chats.json or chat.html";
        note.map_or_else(|| nothing.to_owned(), |note| format!("{nothing}; {note}"))
    };
    Error::new(ErrorKind::NotAnExport, format!("{}: no conversations found: {reason}", printable(label)))
}

fn other_product(name: &str) -> Option<&'static str> {
    let base = names::base(name);
    if names::components(name).any(|part| part == "Takeout") {
        Some("a Google Takeout archive")
    } else if base.starts_with("prod-mc-") {
        Some("a Grok export")
    } else if base == "[Content_Types].xml" {
        Some("an Office document")
    } else {
        other_assistant(base)
    }
}

/// What a file with this base name is, if it holds the conversations of another assistant.
pub(super) fn other_assistant(base: &str) -> Option<&'static str> {
    match base {
        "MyActivity.json" => Some("a Google Takeout archive"),
        "prod-grok-backend.json" => Some("a Grok export"),
        _ => {
            let rest = base.strip_prefix("chat-")?.strip_suffix(".json")?;
            let is_time = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            let is_uuid =
                rest.len() == 36 && rest.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            match rest.strip_prefix("export-") {
                Some(time) if is_time(time) => Some("an Open WebUI export"),
                _ if is_uuid => Some("a Mistral Le Chat export"),
                _ => None,
            }
        }
    }
}

fn later_part(archive: &Archive) -> Option<u64> {
    let base = names::base(archive.label());
    names::part(base).map(|(_, number)| number).filter(|&number| number > 1)
}

fn is_conversations(name: &str) -> bool {
    names::base(name).starts_with("conversations")
}

fn is_library(name: &str) -> bool {
    let base = names::base(name);
    name.starts_with("personal/files/") || name.contains("/personal/files/") || base.starts_with("Files__")
}
