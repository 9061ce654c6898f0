//! ChatGPT's exports, 2023 to 2026, in the neutral model.
//!
//! # Facts about the format
//!
//! * A conversation is an object with `mapping`: node key → `{id, message, parent, children}`. The slim form of 2026 has
//!   no `children`, and its messages only `author`, `content`, `create_time`, `id` and `metadata`. So `parent` is the
//!   truth, an absent `recipient` is `all`, an absent `weight` is 1.
//! * The root has no message. It is not the first key. `current_node` is the end of the thread that its user saw.
//! * Indexes in references count Unicode code points of the first text, `end_idx` exclusive.
//! * Ids `g-p-…` are projects and `g-…` custom GPTs, in whichever field they are; their names are not in an export.
//!
//! An indexing pass may hand over *pruned* JSON, in which containers that nothing here reads are null. Of the containers in
//! the metadata of messages, only those in [`KEPT_METADATA`](super::unread) are read.

mod account;
mod answer;
mod assistant;
mod attachment;
mod call;
mod components;
mod context;
mod directive;
mod group;
mod link;
mod links;
mod mark;
mod marks;
mod message;
mod metadata;
mod node;
mod part;
mod reference;
mod research;
mod schema;
mod widget;
mod words;

use super::lenient;
use super::pull::{Error, Json, Reader, Result, Texts};
use super::repair::{self, Repaired};
use super::shallow;
use super::{Detail, Format, Use};
use crate::bytes::without_byte_order_mark;
use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::conversation::assistant::Sources;
use crate::conversation::tree::{MessageTree, NodeId};
use crate::conversation::{CanvasAction, Conversation, Part, Text, Visibility, thread};
use crate::time::{Timestamp, Zone};
use answer::Originals;
use context::contexts;
pub(crate) use group::GroupChats;
use links::Links;
use node::{ElementKind, NodeMessage, Nodes, RawConversation};
use std::borrow::Cow;

/// ChatGPT itself.
pub const ASSISTANT: &dyn crate::conversation::assistant::Assistant =
    &assistant::ChatGptAssistant { has_addresses: true };

/// Exports of ChatGPT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChatGpt;

impl Format for ChatGpt {
    fn name(&self) -> &'static str {
        "ChatGPT"
    }

    fn assistant(&self) -> &'static dyn crate::conversation::assistant::Assistant {
        ASSISTANT
    }

    fn recognise(&self, keys: &[&str]) -> bool {
        let has = |key| keys.contains(&key);
        has("mapping") && (has("current_node") || has("create_time") || !has("inserted_at"))
    }

    fn describes_owner(&self, name: &str) -> bool {
        account::is_used(name)
    }

    fn owner(&self, document: OwnerDocument, files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String {
        account::document(document, files, zone, page)
    }

    fn read_sound(&self, json: &[u8], detail: Detail, use_it: Use<'_>) -> bool {
        let texts = Texts::default();
        let Ok(text) = simdutf8::basic::from_utf8(without_byte_order_mark(json)) else { return false };
        let reading = Reading::of(Json { text, texts: &texts }, detail);
        // Repairing JSON that is too large would not make it smaller.
        if reading.error.is_some_and(|error| !error.is_limit) {
            return false;
        }
        reading.hand_over(None, use_it);
        true
    }

    fn read(&self, json: &[u8], detail: Detail, use_it: Use<'_>) {
        if self.read_sound(json, detail, use_it) {
            return;
        }
        let texts = Texts::default();
        let repaired = repair::repair(without_byte_order_mark(json));
        let reading = Reading::of(Json { text: &repaired.json, texts: &texts }, detail);
        reading.hand_over(Some(&repaired), use_it);
    }

    /// A report in a file of the library, or a line that says what is known of it.
    fn report(&self, file: &[u8]) -> Vec<Part<'static>> {
        let texts = Texts::default();
        let Ok(text) = simdutf8::basic::from_utf8(without_byte_order_mark(file)) else { return Vec::new() };
        let Some(state) = research::report_in(Json { text, texts: &texts }) else { return Vec::new() };
        let line = state.line();
        let parts = match state.report.0 {
            Some(mut report) => message::report_parts(&mut report, &texts).unwrap_or_default(),
            None => Vec::new(),
        };
        let parts = if parts.is_empty() { vec![Part::Note(line)] } else { parts };
        parts.into_iter().map(Part::into_owned).collect()
    }
}

/// A conversation as far as it could be read.
struct Reading<'a> {
    conversation: Conversation<'a>,
    problems: Vec<String>,
    /// What ended reading early.
    error: Option<Error>,
}

impl<'a> Reading<'a> {
    fn of(json: Json<'a>, detail: Detail) -> Self {
        let mut export = RawConversation::new(detail);
        match parse(json, &mut export) {
            Ok(ElementKind::Conversation) => Self::of_export(export, json.texts),
            Ok(ElementKind::Other(what)) => {
                let damage = format!("element is not a conversation (it is {what})");
                let conversation = Conversation { damage: Some(damage.clone()), ..Conversation::default() };
                Self { conversation, problems: vec![damage], error: None }
            }
            Err(error) => {
                add_head(&mut export, json);
                Self { error: Some(error), ..Self::of_export(export, json.texts) }
            }
        }
    }

    fn of_export(mut export: RawConversation<'a>, texts: &'a Texts) -> Self {
        let mut problems = export.problems();
        let mut conversation = head(&mut export);
        if let Some(kind) = export.not_a_mapping {
            let damage = format!("its messages are missing: mapping is {kind}");
            problems.push(damage.clone());
            conversation.damage = Some(damage);
        }
        let error = add_messages(export, texts, &mut conversation, &mut problems).err();
        Self { conversation, problems, error }
    }

    /// Hands over what was read. `repaired` is the JSON, if it had to be repaired.
    fn hand_over(mut self, repaired: Option<&Repaired>, use_it: Use<'_>) {
        if let Some(error) = self.error {
            let damage = if error.is_limit { error.to_string() } else { format!("broken JSON: {error}") };
            self.problems.push(damage.clone());
            self.conversation.damage = Some(damage);
        }
        self.conversation.is_doubtful = repaired.is_some_and(Repaired::is_doubtful);
        let notes = repaired.into_iter().flat_map(|repaired| &repaired.notes);
        let notes = notes.map(|note| (*note).to_owned());
        use_it(self.conversation, notes.chain(self.problems).collect());
    }
}

/// Reads `json` into `export`, which keeps what precedes an error.
fn parse<'a>(json: Json<'a>, export: &mut RawConversation<'a>) -> Result<ElementKind> {
    let mut reader = Reader::new(json);
    let element = export.read(&mut reader)?;
    reader.end()?;
    Ok(element)
}

/// Adds to `export` the short fields that follow the point at which its JSON is broken.
fn add_head<'a>(export: &mut RawConversation<'a>, Json { text: json, texts }: Json<'a>) {
    let text = |value: &'a [u8]| lenient::Str(shallow::text(value).map(|text| texts.keep(&text)));
    let time = |value: &[u8]| {
        let value =
            shallow::text(value).map_or_else(|| String::from_utf8_lossy(value).into_owned(), Cow::into_owned);
        lenient::Time(Timestamp::from_text(&value))
    };
    for (key, value) in shallow::fields(json.as_bytes()) {
        match key.as_ref() {
            "id" => export.id = text(value),
            "conversation_id" => export.conversation_id = text(value),
            "title" => export.title = text(value),
            "current_node" => export.current_node = text(value),
            "create_time" => export.create_time = time(value),
            "update_time" => export.update_time = time(value),
            _ => {}
        }
    }
}

/// The conversation of `export` without its messages.
fn head<'a>(export: &mut RawConversation<'a>) -> Conversation<'a> {
    let id = export.conversation_id.take_filled().or_else(|| export.id.take_filled());
    let [gizmo, template] =
        [&mut export.gizmo_id, &mut export.conversation_template_id].map(lenient::Str::take_filled);
    let (project, gpt) = project_and_gpt([gizmo, template]);
    Conversation {
        assistant: ASSISTANT,
        id: id.unwrap_or_default(),
        title: export.title.take_filled().map(marks::unmarked),
        created: export.create_time.0.or(export.update_time.0),
        updated: export.update_time.0,
        gpt,
        project,
        default_model: export.default_model_slug.take_filled(),
        starred: export.is_starred.0,
        archived: export.is_archived.0,
        ..Conversation::default()
    }
}

/// Adds the messages of `export` to `conversation`.
///
/// # Errors
/// Strings in deferred values that strict JSON refuses (repaired JSON has none), and too many values.
fn add_messages<'a>(
    export: RawConversation<'a>,
    texts: &'a Texts,
    conversation: &mut Conversation<'a>,
    problems: &mut Vec<String>,
) -> Result<()> {
    let mut nodes = export.nodes;
    let links = Links::of(&mut nodes, export.current_node.0, problems)?;
    let current = links.current;
    (conversation.tree, conversation.sources) = tree(nodes, links, export.detail, texts, problems)?;
    conversation.current = current;
    if export.create_time.0.is_none() {
        conversation.created = earliest(&conversation.tree, current).or(export.update_time.0);
    }
    Ok(())
}

/// The project and the custom GPT that ids name.
fn project_and_gpt(ids: [Option<Text<'_>>; 2]) -> (Option<Text<'_>>, Option<Text<'_>>) {
    let (mut project, mut gpt) = (None, None);
    for id in ids.into_iter().flatten() {
        let named = if id.starts_with("g-p-") {
            &mut project
        } else if id.starts_with("g-") {
            &mut gpt
        } else {
            continue;
        };
        named.get_or_insert(id);
    }
    (project, gpt)
}

/// The time of the earliest shown message on the visible thread.
fn earliest(tree: &MessageTree<'_>, current: Option<NodeId>) -> Option<Timestamp> {
    let visible = thread::visible(tree, current);
    let messages = visible.iter().filter_map(|&id| tree.message(id));
    messages
        .filter(|message| message.visibility == Visibility::Shown)
        .filter_map(|message| message.created)
        .min()
}

/// Turns nodes into the tree of messages, and gathers the web pages that their searches found.
fn tree<'a>(
    mut nodes: Nodes<'a>,
    links: Links,
    detail: Detail,
    texts: &'a Texts,
    problems: &mut Vec<String>,
) -> Result<(MessageTree<'a>, Sources<'a>)> {
    let mut contexts = contexts(&mut nodes, &links)?;
    let mut searches = Vec::new();
    let Nodes { list, details: mut all } = nodes;
    let mut originals = Vec::with_capacity(all.len());
    let mut messages = Vec::with_capacity(list.len());
    for ((key, node), at) in list.into_iter().zip(0u32..) {
        let details = node.details.and_then(|at| all.get_mut(at as usize)).map(std::mem::take);
        let Some(details) = details else {
            messages.push(None);
            continue;
        };
        if !details.searches.is_empty() {
            searches.push((NodeId(at), details.searches));
        }
        originals.extend(details.json.map(|json| (NodeId(at), json)));
        let mut message = match details.message {
            NodeMessage::None => None,
            NodeMessage::Settled(message) => Some(message),
            NodeMessage::Raw(mut raw) => {
                let context = if contexts.is_empty() { None } else { contexts.remove(&at) };
                let context = context.unwrap_or_default();
                Some(Box::new(message::message(&mut raw, context, detail, texts)?))
            }
        };
        if let Some(message) = message.as_mut().filter(|message| message.id.is_empty()) {
            message.id = Cow::Borrowed(key);
        }
        messages.push(message);
    }
    let pages = answer::expand(&mut messages, Originals { json: &originals, parents: &links.parents })?;
    let (tree, cut) = MessageTree::with_parents(links.parents, messages, links.current);
    let mut sources = Sources::default();
    if lacks_sources(&tree) {
        let turns = answer::turns(tree.len(), |id| tree.message(id), |id| tree.parent(id));
        sources = Sources::new(turns);
        for (message, found) in searches {
            reference::gather(found.open()?, message, &mut sources);
        }
        answer::gather(pages, &originals, &mut sources);
    }
    if cut > 0 {
        problems.push(format!("cycles of messages that were cut: {cut}"));
    }
    Ok((tree, sources))
}

/// True if a text may have marks that only search results can explain.
fn lacks_sources(tree: &MessageTree<'_>) -> bool {
    let messages = tree.ids().filter_map(|id| tree.message(id));
    messages.flat_map(|message| &message.parts).any(|part| match part {
        Part::Prose(prose) => reference::lacks_sources(prose),
        Part::Thoughts(thoughts) => thoughts.iter().any(|thought| reference::is_marked(&thought.content)),
        Part::Canvas(step) => match &step.action {
            CanvasAction::Create(text) => reference::is_marked(text),
            CanvasAction::Update(edits) => edits.iter().any(|edit| reference::is_marked(&edit.replacement)),
            CanvasAction::Comment(remarks) => {
                remarks.iter().any(|remark| reference::is_marked(&remark.comment))
            }
            CanvasAction::Unreadable(_) => false,
        },
        _ => false,
    })
}

#[cfg(test)]
mod tests;
