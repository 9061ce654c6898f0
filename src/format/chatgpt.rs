//! ChatGPT's words (mapping, `current_node`, content parts …) put into the neutral model.
//!
//! # Facts about the format
//!
//! * A conversation is an object with `mapping`: node key → `{id, message, parent, children}`. The slim form of 2026 has
//!   no `children`, and its messages only `author`, `content`, `create_time`, `id` and `metadata`. So `parent` is the
//!   truth, an absent `recipient` is `all`, an absent `weight` is 1.
//! * The root has no message. It is not the first key. `current_node` is the end of the thread that its user saw.
//! * Indexes in references count Unicode code points of the first text, `end_idx` exclusive.
//! * Ids `g-p-…` are projects and `g-…` custom GPTs, wherever they stand; their names are not in an export.
//!
//! An indexing pass may hand over *pruned* JSON, in which containers are null that nothing here reads. In the metadata of
//! messages only these are read: `attachments`, `content_references`, `citations`, `aggregate_result`,
//! `search_result_groups`, `_cite_metadata`, `canvas`, `finish_details`, `user_context_message_data`.

mod account;
mod answer;
mod assistant;
mod call;
mod components;
mod directive;
mod link;
mod marks;
mod message;
mod node;
mod part;
mod reference;
mod schema;
mod widget;

use super::lenient;
use super::pull::{Json, Reader, Result, Texts};
use super::repair;
use super::shallow;
use super::{Detail, Format, Use};
use crate::bytes::without_byte_order_mark;
use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::conversation::assistant::Sources;
use crate::conversation::tree::{MessageTree, Node, NodeId};
use crate::conversation::{CanvasAction, Conversation, Part, Role, Text, Visibility, thread};
use crate::time::Timestamp;
use crate::time::Zone;
use message::Context;
use node::{Element, NodeMessage, Nodes, Parent, RawConversation};
use std::borrow::Cow;
use std::collections::HashMap;

/// ChatGPT itself.
pub const ASSISTANT: &dyn crate::conversation::assistant::Assistant = &assistant::ChatGptAssistant;

/// Exports of ChatGPT, 2023 to 2026.
#[derive(Clone, Copy, Debug)]
pub struct ChatGpt;

impl Format for ChatGpt {
    fn name(&self) -> &'static str {
        "ChatGPT"
    }

    fn recognise(&self, keys: &[&str]) -> bool {
        let has = |key| keys.contains(&key);
        has("mapping") && (has("current_node") || has("create_time"))
    }

    fn describes_owner(&self, name: &str) -> bool {
        account::is_used(name)
    }

    fn owner(&self, document: OwnerDocument, files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String {
        account::document(document, files, zone, page)
    }

    fn read_sound(&self, json: &[u8], detail: Detail, use_it: Use<'_>) -> bool {
        let texts = Texts::default();
        let mut export = RawConversation { detail, ..RawConversation::default() };
        if let Ok(text) = simdutf8::basic::from_utf8(without_mark(json))
            && let Ok(element) = parse(Json { text, texts: &texts }, &mut export)
            && let Ok((conversation, problems)) = conversation(export, element, detail)
        {
            use_it(conversation, problems);
            return true;
        }
        false
    }

    fn read(&self, json: &[u8], detail: Detail, use_it: Use<'_>) {
        if self.read_sound(json, detail, use_it) {
            return;
        }
        let json = without_mark(json);
        let texts = Texts::default();
        let repaired = repair::repair(json);
        let mut export = RawConversation { detail, ..RawConversation::default() };
        let parsed = parse(Json { text: &repaired.json, texts: &texts }, &mut export);
        if parsed.is_err() {
            add_head(&mut export, Json { text: &repaired.json, texts: &texts });
        }
        let element = *parsed.as_ref().unwrap_or(&Element::Conversation);
        let (mut conversation, problems) = conversation(export, element, detail).unwrap_or_default();
        let notes = repaired.notes.into_iter().map(str::to_owned);
        let mut problems: Vec<_> = notes.chain(problems).collect();
        if let Err(error) = parsed {
            let reason = format!("broken JSON: {error}");
            problems.push(reason.clone());
            conversation.damage = Some(reason);
        }
        use_it(conversation, problems);
    }
}

/// `json` without a byte order mark.
fn without_mark(json: &[u8]) -> &[u8] {
    without_byte_order_mark(json)
}

/// Reads `json` into `export`, which keeps what stands before an error.
fn parse<'a>(json: Json<'a>, export: &mut RawConversation<'a>) -> Result<Element> {
    let mut reader = Reader::new(json);
    let element = export.read(&mut reader)?;
    reader.end()?;
    Ok(element)
}

/// Adds to `export` the short fields that stand behind the place at which its JSON is broken.
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

/// Puts an element into the neutral model, and says what is wrong with it. Fails if metadata that were put off turn out
/// to be wanted and are refused; repaired JSON never is.
fn conversation(
    mut export: RawConversation<'_>,
    element: Element,
    detail: Detail,
) -> Result<(Conversation<'_>, Vec<String>)> {
    if let Element::Other(what) = element {
        let damage = format!("element is not a conversation (it is {what})");
        let conversation = Conversation { damage: Some(damage.clone()), ..Conversation::default() };
        return Ok((conversation, vec![damage]));
    }
    let mut problems = Vec::new();
    let id = export.conversation_id.take_filled().or_else(|| export.id.take_filled());
    let [gizmo, template] =
        [&mut export.gizmo_id, &mut export.conversation_template_id].map(lenient::Str::take_filled);
    let (project, gpt) = project_and_gpt([gizmo, template]);
    let mut nodes = std::mem::take(&mut export.nodes);
    let links = Links::of(&mut nodes, export.current_node.0, &mut problems)?;
    let (tree, sources) = tree(nodes, &links, detail, &mut problems)?;
    let updated = export.update_time.0;
    let created = export.create_time.0.or_else(|| earliest(&tree, links.current)).or(updated);
    let conversation = Conversation {
        assistant: ASSISTANT,
        id: id.unwrap_or_default(),
        title: export.title.take_filled().map(marks::unmarked),
        created,
        updated,
        gpt,
        project,
        default_model: export.default_model_slug.take_filled(),
        starred: export.is_starred.0,
        archived: export.is_archived.0,
        tree,
        current: links.current,
        sources,
        damage: None,
    };
    Ok((conversation, problems))
}

/// The project and the custom GPT that ids name.
fn project_and_gpt(ids: [Option<Text<'_>>; 2]) -> (Option<Text<'_>>, Option<Text<'_>>) {
    let (mut project, mut gpt) = (None, None);
    for id in ids.into_iter().flatten() {
        let place = if id.starts_with("g-p-") {
            &mut project
        } else if id.starts_with("g-") {
            &mut gpt
        } else {
            continue;
        };
        place.get_or_insert(id);
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

/// `nodes` with each key once: where it first stood, with what it last was.
fn unique(nodes: Nodes<'_>) -> Nodes<'_> {
    let mut places: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    let mut kept: Nodes<'_> = Vec::with_capacity(nodes.len());
    for (key, node) in nodes {
        let place = *places.entry(key).or_insert(kept.len());
        match kept.get_mut(place) {
            Some((_, earlier)) => *earlier = node,
            None => kept.push((key, node)),
        }
    }
    kept
}

/// Nodes by their keys. Hashed with a seed of this process, so that nobody can choose keys that collide.
type ByKey<'n> = HashMap<&'n str, NodeId, foldhash::quality::RandomState>;

/// `nodes` by their keys; `None` if one occurs twice.
fn by_key<'n>(nodes: &'n Nodes<'_>) -> Option<ByKey<'n>> {
    let mut by_key = ByKey::with_capacity_and_hasher(nodes.len(), foldhash::quality::RandomState::default());
    let mut places = nodes.iter().zip(0u32..);
    places.all(|((key, _), at)| by_key.insert(key.as_ref(), NodeId(at)).is_none()).then_some(by_key)
}

/// How nodes hang together.
struct Links {
    parents: Vec<Option<NodeId>>,
    current: Option<NodeId>,
}

impl Links {
    /// The links of `nodes`, in which each key is there once afterwards. A node whose JSON has no `parent` at all takes
    /// the first node that lists it as a child.
    fn of(nodes: &mut Nodes<'_>, current: Option<&str>, problems: &mut Vec<String>) -> Result<Self> {
        let silent = nodes.iter().any(|(_, node)| matches!(node.parent, Parent::Missing));
        let mut by_key = if let Some(by_key) = by_key(nodes) {
            by_key
        } else {
            *nodes = unique(std::mem::take(nodes));
            by_key(nodes).unwrap_or_default()
        };
        let nodes = &*nodes;
        for ((key, node), at) in nodes.iter().zip(0u32..) {
            if node.id.as_str() != *key && !node.id.as_str().is_empty() {
                by_key.entry(node.id.as_str()).or_insert(NodeId(at));
            }
        }
        let mut lost = 0usize;
        let mut parents: Vec<_> = nodes
            .iter()
            .map(|(_, node)| match &node.parent {
                Parent::Missing | Parent::Root => None,
                Parent::Key(key) => {
                    let parent = by_key.get(key).copied();
                    lost += usize::from(parent.is_none());
                    parent
                }
            })
            .collect();
        if silent {
            adopt(nodes, &by_key, &mut parents)?;
        }
        if lost > 0 {
            problems.push(format!("messages whose parent does not exist: {lost}"));
        }
        let current = current.and_then(|key| {
            let found = by_key.get(key).copied();
            if found.is_none() {
                problems.push("current_node names a message that does not exist".to_owned());
            }
            found
        });
        Ok(Self { parents, current })
    }
}

/// Gives the nodes that say nothing of a parent to those that list them as children.
fn adopt(nodes: &Nodes<'_>, by_key: &ByKey<'_>, parents: &mut [Option<NodeId>]) -> Result<()> {
    let mut adopted = vec![false; nodes.len()];
    for ((_, node), at) in nodes.iter().zip(0u32..) {
        for child in node.children.open()?.0 {
            let Some(&NodeId(child)) = by_key.get(child.as_str()) else { continue };
            let child = child as usize;
            let silent = nodes.get(child).is_some_and(|(_, node)| matches!(node.parent, Parent::Missing));
            if silent
                && let (Some(done), Some(parent)) = (adopted.get_mut(child), parents.get_mut(child))
                && !std::mem::replace(done, true)
            {
                *parent = Some(NodeId(at));
            }
        }
    }
    Ok(())
}

/// Turns nodes into the tree of messages, and gathers the web pages that their searches found.
fn tree<'a>(
    mut nodes: Nodes<'a>,
    links: &Links,
    detail: Detail,
    problems: &mut Vec<String>,
) -> Result<(MessageTree<'a>, Sources<'a>)> {
    let mut contexts = contexts(&mut nodes, links)?;
    let mut searches = Vec::new();
    let mut originals = Vec::with_capacity(nodes.len());
    let mut tree = Vec::with_capacity(nodes.len());
    for (((key, node), &parent), at) in nodes.into_iter().zip(&links.parents).zip(0u32..) {
        if !node.searches.is_empty() {
            searches.push((NodeId(at), node.searches));
        }
        originals.push(answer::Original { json: node.json, parent });
        let mut message = match node.message {
            NodeMessage::None => None,
            NodeMessage::Settled(message) => Some(message),
            NodeMessage::Raw(mut raw) => {
                let context = if contexts.is_empty() { None } else { contexts.remove(&at) };
                Some(message::message(&mut raw, context.unwrap_or_default(), detail)?)
            }
        };
        if let Some(message) = message.as_mut().filter(|message| message.id.is_empty()) {
            message.id = Cow::Borrowed(key);
        }
        tree.push(Node { parent, message });
    }
    answer::expand(&mut tree, &originals)?;
    let tree = MessageTree::new(tree);
    let mut sources = Sources::default();
    if !searches.is_empty() && lacks_sources(&tree) {
        sources = Sources::new(turns(&tree));
        for (message, found) in searches {
            reference::gather(found.open()?, message, &mut sources);
        }
    }
    let cut = tree.ids().zip(&links.parents).filter(|&(id, parent)| tree.parent(id) != *parent).count();
    if cut > 0 {
        problems.push(format!("circles of messages that were cut: {cut}"));
    }
    Ok((tree, sources))
}

/// For each node the first node of its turn: the nearest message of a person from it up, or the root.
fn turns(tree: &MessageTree<'_>) -> Vec<NodeId> {
    let mut turns: Vec<Option<NodeId>> = vec![None; tree.ids().count()];
    let mut way = Vec::new();
    for id in tree.ids() {
        let (mut at, mut turn) = (id, None);
        while turn.is_none() {
            turn = turns.get(at.0 as usize).copied().flatten();
            if turn.is_none() {
                way.push(at);
                let begins = tree.message(at).is_some_and(|message| message.role == Role::User);
                match tree.parent(at).filter(|_| !begins) {
                    Some(parent) => at = parent,
                    None => turn = Some(at),
                }
            }
        }
        for node in way.drain(..) {
            if let Some(place) = turns.get_mut(node.0 as usize) {
                *place = turn;
            }
        }
    }
    turns.into_iter().zip(tree.ids()).map(|(turn, id)| turn.unwrap_or(id)).collect()
}

/// True if a text may have marks that only what a search found can explain.
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

/// What messages need to know of their neighbours: pictures the words they were ordered with, calls of the canvas tool
/// its answers. Only few messages need any.
fn contexts<'a>(nodes: &mut Nodes<'a>, links: &Links) -> Result<HashMap<u32, Context<'a>>> {
    let mut contexts: HashMap<u32, Context<'a>> = HashMap::new();
    for at in 0..nodes.len() as u32 {
        let Some(raw) = nodes.get_mut(at as usize).and_then(|(_, node)| node.message.raw_mut()) else {
            continue;
        };
        if message::role(raw) != Role::Tool {
            continue;
        }
        let canvas = raw.metadata.0.rare.as_mut().and_then(|rare| rare.canvas.0.take());
        if canvas.is_some() {
            if let Some(call) = call_of(nodes, links, at) {
                contexts.entry(call).or_default().canvas.get_or_insert(Box::new(canvas.unwrap_or_default()));
            }
        } else if has_picture(raw)
            && let Some(call) = call_of(nodes, links, at)
            && let Some(prompt) = prompt_of(nodes, call)?
        {
            contexts.entry(at).or_default().prompt = Some(Cow::Owned(prompt));
        }
    }
    Ok(contexts)
}

/// True if a message holds a picture that does not say what it was made from.
fn has_picture(raw: &schema::Message<'_>) -> bool {
    let parts = raw.content.0.iter().flat_map(|content| &content.parts.0);
    let mut objects = parts.filter_map(|part| match part {
        schema::Part::Object(object) => Some(object),
        _ => None,
    });
    objects.any(|object| object.metadata.0.dalle.0.prompt.filled().is_none())
}

fn prompt_of(nodes: &Nodes<'_>, call: u32) -> Result<Option<String>> {
    let raw = nodes.get(call as usize).and_then(|(_, node)| node.message.raw());
    raw.and_then(|raw| raw.content.0.as_ref()).map_or(Ok(None), call::prompt)
}

/// The call that the tool's message at `answer` answers: the nearest one above it, within the same turn, to a tool of
/// the same family.
fn call_of(nodes: &Nodes<'_>, links: &Links, answer: u32) -> Option<u32> {
    // A call and its answers are neighbours; a bound keeps hostile trees linear.
    const STEPS: usize = 16;
    let message = |at: u32| nodes.get(at as usize).map(|(_, node)| &node.message);
    let tool = message(answer)?.raw()?.author.0.name.as_str();
    let mut at = answer;
    for _ in 0..STEPS {
        at = links.parents.get(at as usize).copied().flatten()?.0;
        let message = message(at)?;
        if message.is_user() {
            return None;
        }
        let Some(raw) = message.raw().filter(|raw| message::role(raw) == Role::Assistant) else { continue };
        let is_family = |called| tool.is_empty() || call::family(called) == call::family(tool);
        if message::recipient(raw).is_some_and(is_family) {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
