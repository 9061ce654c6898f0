//! Group chats: `group_chats.json`, whose chats are flat lists of messages of several people and the assistant.
//!
//! # Facts about the format
//!
//! `{"chats": [{id, name, assistant_name, created_at, updated_at, last_action_at, messages: [{id, role, text, created_at,
//! attachments[]}]}]}`, with times in ISO 8601. Few descriptions exist, and they disagree about names: `title`,
//! `create_time` and `participants[]` occur too. So all known spellings are read.

use super::assistant::ChatGptAssistant;
use super::attachment;
use super::marks::unmarked;
use super::message::content_parts;
use super::schema::Content;
use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::conversation::assistant::Assistant;
use crate::conversation::tree::{MessageTree, Node, NodeId};
use crate::conversation::{Conversation, FileRef, Message, Role, Text, Visibility};
use crate::format::lenient::{self, List, Maybe, Num, Obj, Str, Time, Whole, record};
use crate::format::pull::{Json, Result, Texts};
use crate::format::repair;
use crate::format::{Detail, Format, Use};
use crate::time::Zone;
use std::collections::HashMap;

/// ChatGPT in a group chat.
const ASSISTANT: &dyn Assistant = &ChatGptAssistant { has_addresses: false };

/// Group chats of ChatGPT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupChats;

impl Format for GroupChats {
    fn name(&self) -> &'static str {
        "ChatGPT group chats"
    }

    fn assistant(&self) -> &'static dyn Assistant {
        ASSISTANT
    }

    fn recognise(&self, keys: &[&str]) -> bool {
        const OWN: [&str; 6] = [
            "assistant_name", "should_auto_respond", "last_action_at", "last_read_at", "participants",
            "workspace_id",
        ];
        keys.contains(&"messages") && !keys.contains(&"mapping") && OWN.iter().any(|key| keys.contains(key))
    }

    fn describes_owner(&self, name: &str) -> bool {
        super::ChatGpt.describes_owner(name)
    }

    fn owner(&self, document: OwnerDocument, files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String {
        super::ChatGpt.owner(document, files, zone, page)
    }

    fn read(&self, json: &[u8], _: Detail, use_it: Use<'_>) {
        let texts = Texts::default();
        let strict = simdutf8::basic::from_utf8(crate::bytes::without_byte_order_mark(json)).ok();
        if let Some(Ok(chat)) = strict.map(|text| conversation(Json { text, texts: &texts })) {
            return use_it(chat, Vec::new());
        }
        let repaired = repair::repair(crate::bytes::without_byte_order_mark(json));
        let mut notes: Vec<String> = repaired.notes.iter().map(|note| (*note).to_owned()).collect();
        let mut chat = conversation(Json { text: &repaired.json, texts: &texts }).unwrap_or_else(|error| {
            let damage = format!("broken JSON: {error}");
            notes.push(damage.clone());
            Conversation { assistant: ASSISTANT, damage: Some(damage), ..Conversation::default() }
        });
        chat.is_doubtful = repaired.is_doubtful();
        use_it(chat, notes);
    }
}

record! {
    struct GroupChat {
        id: Str<'a> = "id" | "chat_id" | "conversation_id",
        title: Str<'a> = "name" | "title",
        assistant_name: Str<'a> = "assistant_name",
        created: Time = "created_at" | "create_time",
        updated: Time = "updated_at" | "update_time",
        acted: Time = "last_action_at",
        people: List<Obj<Participant<'a>>> = "participants" | "members" | "users",
        messages: List<Obj<GroupMessage<'a>>> = "messages",
    }
}

record! {
    struct Participant {
        id: Str<'a> = "id" | "user_id",
        name: Str<'a> = "name" | "display_name" | "username",
    }
    text |text| Participant { name: Str(Some(text)), ..Participant::default() };
}

record! {
    struct GroupMessage {
        id: Str<'a> = "id" | "message_id",
        role: Str<'a> = "role",
        text: Maybe<Content<'a>> = "text",
        content: Maybe<Content<'a>> = "content" | "parts" | "body",
        created: Time = "created_at" | "create_time",
        author: Obj<GroupAuthor<'a>> = "author" | "sender" | "user",
        author_id: Str<'a> = "author_id" | "sender_id" | "user_id" | "participant_id",
        author_name: Str<'a> = "author_name" | "sender_name" | "user_name" | "name",
        attachments: List<Obj<Whole<'a, GroupFile<'a>>>> = "attachments" | "files",
    }
    text |text| GroupMessage { text: Maybe(Content::from_text(text)), ..GroupMessage::default() };
}

record! {
    struct GroupAuthor {
        id: Str<'a> = "id" | "user_id",
        name: Str<'a> = "name" | "display_name" | "username",
        role: Str<'a> = "role",
    }
    text |text| GroupAuthor { name: Str(Some(text)), ..GroupAuthor::default() };
}

record! {
    struct GroupFile {
        pointer: Str<'a> = "asset_pointer",
        file_id: Str<'a> = "file_id",
        id: Str<'a> = "id",
        name: Str<'a> = "file_name" | "name",
        mime: Str<'a> = "mime_type" | "mimeType",
        bytes: Num = "size_bytes" | "size",
    }
    text |text| GroupFile { id: Str(Some(text)), ..GroupFile::default() };
}

/// The chat in `json`.
///
/// # Errors
/// What is not JSON.
fn conversation<'a>(json: Json<'a>) -> Result<Conversation<'a>> {
    let Obj(mut chat) = lenient::read::<Obj<GroupChat<'a>>>(json)?;
    let people = std::mem::take(&mut chat.people.0);
    let people: HashMap<&str, &str> =
        people.iter().filter_map(|Obj(person)| Some((person.id.filled()?, person.name.filled()?))).collect();
    let assistant = chat.assistant_name.filled().filter(|name| *name != ASSISTANT.name());
    let mut nodes = Vec::with_capacity(chat.messages.0.len());
    for (Obj(raw), at) in std::mem::take(&mut chat.messages.0).into_iter().zip(0u32..) {
        let message = message(raw, &people, assistant, json.texts)?;
        nodes.push(Node { parent: at.checked_sub(1).map(NodeId), message: Some(message) });
    }
    let first = nodes.iter().filter_map(|node| node.message.as_ref()?.created).min();
    let current = u32::try_from(nodes.len()).ok().and_then(|len| len.checked_sub(1)).map(NodeId);
    Ok(Conversation {
        assistant: ASSISTANT,
        id: chat.id.take_filled().unwrap_or_default(),
        title: chat.title.take_filled().map(unmarked),
        created: chat.created.0.or(first),
        updated: chat.acted.0.max(chat.updated.0),
        tree: MessageTree::new(nodes),
        current,
        ..Conversation::default()
    })
}

/// One message, with the name of the person who wrote it, as far as the export says so.
fn message<'a>(
    mut raw: GroupMessage<'a>,
    people: &HashMap<&'a str, &'a str>,
    assistant: Option<&'a str>,
    texts: &'a Texts,
) -> Result<Message<'a>> {
    let author = raw.author.0;
    let id = raw.author_id.filled().or_else(|| author.id.filled());
    let name = raw.author_name.filled().or_else(|| author.name.filled());
    let name = name.or_else(|| people.get(id?).copied());
    let role = match raw.role.filled().or_else(|| author.role.filled()) {
        Some("assistant") => Role::Assistant,
        Some("tool") => Role::Tool,
        Some("system" | "developer") => Role::System,
        Some(_) => Role::User,
        None if name.is_some() || id.is_some() => Role::User,
        None => Role::Assistant,
    };
    let mut parts = Vec::new();
    for content in [raw.text.0, raw.content.0].into_iter().flatten() {
        if parts.is_empty() {
            parts = content_parts(content, texts)?;
        }
    }
    for Obj(file) in raw.attachments.0 {
        parts.push(file_of(file)?.into());
    }
    let is_shown = !parts.is_empty() && role != Role::System;
    let name: Option<Text<'a>> =
        if role == Role::Assistant { assistant } else { name }.map(|name| unmarked(name.into()));
    Ok(Message {
        id: raw.id.take_filled().unwrap_or_default(),
        name,
        created: raw.created.0,
        visibility: if is_shown { Visibility::Shown } else { Visibility::Hidden },
        ..Message::new(role, parts)
    })
}

fn file_of<'a>(whole: Whole<'a, GroupFile<'a>>) -> Result<FileRef<'a>> {
    let Whole { value: mut file, json } = whole;
    let mime = file.mime.take_filled();
    let (id, name) = attachment::id_and_name(&[file.pointer, file.file_id, file.id], file.name, json)?;
    let kind = attachment::kind_of(mime.as_deref(), name.as_deref());
    Ok(FileRef { id, name, kind, mime, bytes: file.bytes.whole() })
}
