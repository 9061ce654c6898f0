//! The facts about a conversation as YAML front matter.

use super::{Document, Options, REPEATED, shortened};
use crate::catalog::Page;
use crate::conversation::tree::NodeId;
use crate::conversation::{Conversation, Role, Visibility};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

/// Writes the front matter of `page`, which shows `nodes`.
pub(super) fn write(
    document: &Document<'_>,
    page: Page,
    nodes: &[NodeId],
    options: &Options,
    out: &mut String,
) {
    let conversation = document.conversation;
    let is_branch = matches!(page, Page::Branch(_));
    let is_shown = |id: &str| !is_branch || id.len() <= REPEATED;
    let title = conversation.title.as_deref().unwrap_or("Untitled");
    out.push_str("---\ntitle: ");
    quoted(&if is_branch { shortened(title) } else { Cow::Borrowed(title) }, out);
    let homes = [("gpt", conversation.gpt.as_deref()), ("project", conversation.project.as_deref())];
    let homes = homes.map(|(key, id)| (key, id.filter(|id| is_shown(id))));
    if !conversation.id.is_empty() && is_shown(&conversation.id) {
        field("id", &scalar(&conversation.id), out);
        let has_address = homes.iter().flat_map(|(_, id)| id).count()
            == usize::from(conversation.gpt.is_some()) + usize::from(conversation.project.is_some());
        if has_address && let Some(address) = conversation.assistant.address(conversation) {
            field("url", &address, out);
        }
    }
    for (key, time) in [("created", conversation.created), ("updated", conversation.updated)] {
        if let Some(time) = time {
            field(key, &options.zone.rfc3339(time), out);
        }
    }
    models(conversation, nodes, &is_shown, out);
    for (key, id) in homes {
        if let Some(id) = id {
            let name = conversation.assistant.plain_name(named(&options.names, id));
            field(key, &scalar(&name), out);
        }
    }
    for (key, holds) in [("starred", conversation.starred), ("archived", conversation.archived)] {
        if holds {
            field(key, "true", out);
        }
    }
    match page {
        Page::Branch(number) => field("branch", &number.to_string(), out),
        Page::Thread | Page::Canvas(_) | Page::Prompts => {
            let branches = document.threads.branches.len();
            if branches > 0 {
                field("branches", &branches.to_string(), out);
            }
            if !document.files.files.is_empty() {
                field("attachments", &document.files.files.len().to_string(), out);
            }
        }
    }
    if let Some(export) = &conversation.export {
        field("source", &scalar(export), out);
    }
    out.push_str("\n---");
}

fn field(key: &str, value: &str, out: &mut String) {
    // Writing to a string never fails.
    let _ = write!(out, "\n{key}: {value}");
}

fn named<'n>(names: &'n HashMap<String, String>, id: &'n str) -> &'n str {
    names.get(id).map_or(id, String::as_str)
}

/// The models that answered, in order of appearance; the conversation's default if no message names one.
fn models(
    conversation: &Conversation<'_>,
    nodes: &[NodeId],
    is_shown: &dyn Fn(&str) -> bool,
    out: &mut String,
) {
    let mut seen = HashSet::new();
    let mut latest = "";
    let answers = nodes.iter().filter_map(|&id| conversation.tree.message(id));
    let answers =
        answers.filter(|message| message.visibility == Visibility::Shown && message.role != Role::User);
    let named = answers.filter_map(|message| message.model.as_deref()).filter(|model| !model.is_empty());
    let mut models: Vec<&str> =
        named.filter(|&model| std::mem::replace(&mut latest, model) != model && seen.insert(model)).collect();
    if models.is_empty() {
        let default = conversation.default_model.as_deref();
        models.extend(default.filter(|model| !model.is_empty() && is_shown(model)));
    }
    match models.as_slice() {
        [] => {}
        [model] => field("model", &scalar(model), out),
        models => {
            let list: Vec<_> = models.iter().map(|model| scalar(model)).collect();
            field("models", &format!("[{}]", list.join(", ")), out);
        }
    }
}

/// `text` as a YAML scalar that reads back as exactly this string: plain if possible, else quoted.
fn scalar(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut scalar = String::with_capacity(text.len() + 2);
    quoted(text, &mut scalar);
    scalar
}

/// True if `text` needs no quotes: a UUID, or a word that no YAML reader takes for a number, a date or a boolean.
fn is_plain(text: &str) -> bool {
    const WORDS: &[&str] = &["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_word = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    (is_word && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))) || is_uuid(text)
}

fn is_uuid(text: &str) -> bool {
    let groups = text.split('-').map(str::len);
    groups.eq([8, 4, 4, 4, 12]) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// Writes `text` as a double-quoted YAML scalar. Invisible characters and terminal controls are escaped.
fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if needs_escape(c) => {
                let _ = match u32::from(c) {
                    code @ 0..=0xff => write!(out, "\\x{code:02x}"),
                    code @ 0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    code => write!(out, "\\U{code:08x}"),
                };
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

fn needs_escape(c: char) -> bool {
    crate::text::steers_a_terminal(c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fdd0}'..='\u{fdef}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests;
