//! A conversation while it is read. Each message is turned into one of the neutral model as soon as nothing can change
//! it any more.
//!
//! A message of the export is several times as large as in the model, so only those that depend on their neighbours are kept
//! in full: calls of tools, and what tools answer.

use super::message::{self, Context};
use super::metadata::SearchGroups;
use super::schema;
use crate::conversation::{Message, Role};
use crate::format::Detail;
use crate::format::lenient::{Deferred, Flag, List, Read, Record, Str, Time, pass_over};
use crate::format::pull::{Json, Reader, Result, Value};

/// One conversation. Filled field by field, so that what precedes an error is there.
#[derive(Debug, Default)]
pub(super) struct RawConversation<'a> {
    pub(super) conversation_id: Str<'a>,
    pub(super) id: Str<'a>,
    pub(super) title: Str<'a>,
    pub(super) create_time: Time,
    pub(super) update_time: Time,
    pub(super) current_node: Str<'a>,
    pub(super) gizmo_id: Str<'a>,
    pub(super) conversation_template_id: Str<'a>,
    pub(super) default_model_slug: Str<'a>,
    pub(super) is_starred: Flag,
    pub(super) is_archived: Flag,
    pub(super) nodes: Nodes<'a>,
    /// How much of its messages is read.
    pub(super) detail: Detail,
    /// The keys that were set, a bit each in the order of [`KEYS`].
    set: u16,
    /// The keys that were set more than once.
    doubled: u16,
    /// Values in place of times that are not times.
    bad_times: bool,
    /// Nodes and messages that are not objects.
    odd: u32,
    /// What `mapping` is if it can't hold nodes.
    pub(super) not_a_mapping: Option<&'static str>,
}

/// The keys of a conversation that are read.
const KEYS: [&str; 12] = [
    "mapping",
    "conversation_id",
    "id",
    "title",
    "create_time",
    "update_time",
    "current_node",
    "gizmo_id",
    "conversation_template_id",
    "default_model_slug",
    "is_starred",
    "is_archived",
];

/// What an element of the list is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ElementKind {
    /// An object.
    Conversation,
    /// Something else, in JSON's word for it.
    Other(&'static str),
}

impl<'a> RawConversation<'a> {
    pub(super) fn new(detail: Detail) -> Self {
        Self { detail, ..Self::default() }
    }

    /// Takes a conversation.
    ///
    /// # Errors
    /// If it is not JSON; what precedes the error was read.
    pub(super) fn read(&mut self, reader: &mut Reader<'a>) -> Result<ElementKind> {
        let value = reader.value()?;
        if matches!(value, Value::Object) {
            reader.fields(|reader, key| self.set(key.text()?, reader))?;
            return Ok(ElementKind::Conversation);
        }
        let kind = kind(&value);
        pass_over(value, reader)?;
        Ok(ElementKind::Other(kind))
    }

    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        let Some(at) = KEYS.iter().position(|known| *known == key) else { return reader.skip() };
        let bit = 1u16 << at;
        self.doubled |= self.set & bit;
        self.set |= bit;
        match key {
            "mapping" => self.read_nodes(reader),
            "conversation_id" => self.conversation_id.read(reader),
            "id" => self.id.read(reader),
            "title" => self.title.read(reader),
            "create_time" => read_time(&mut self.create_time, &mut self.bad_times, reader),
            "update_time" => read_time(&mut self.update_time, &mut self.bad_times, reader),
            "current_node" => self.current_node.read(reader),
            "gizmo_id" => self.gizmo_id.read(reader),
            "conversation_template_id" => self.conversation_template_id.read(reader),
            "default_model_slug" => self.default_model_slug.read(reader),
            "is_starred" => self.is_starred.read(reader),
            _ => self.is_archived.read(reader),
        }
    }

    /// Reads `mapping`: an object, or in some re-processed exports a list. Of a value that breaks off, what precedes the
    /// error is kept.
    fn read_nodes(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        // Of two mappings the last one wins.
        self.nodes = Nodes::for_about((reader.left() / NODE_BYTES).min(MOST_EXPECTED));
        self.not_a_mapping = None;
        match reader.value()? {
            Value::Object => reader.fields(|reader, key| {
                let key = key.text()?;
                self.read_node(Some(key), reader)
            }),
            Value::List => reader.each(|reader| self.read_node(None, reader)),
            Value::Null => Ok(()),
            other => {
                self.not_a_mapping = Some(kind(&other));
                pass_over(other, reader)
            }
        }
    }

    /// Reads a node. It is filled in place, so that its beginning is kept if it breaks off.
    fn read_node(&mut self, key: Option<&'a str>, reader: &mut Reader<'a>) -> Result<()> {
        // Such a node shows nothing and links nothing.
        if reader.is_nothing()? {
            return reader.skip();
        }
        if !reader.is_object()? {
            self.odd = self.odd.saturating_add(1);
            return reader.skip();
        }
        let Nodes { list, details } = &mut self.nodes;
        if list.len() >= MOST_NODES {
            return Err(Reader::limit("more than 2,000,000 messages"));
        }
        list.push((key.unwrap_or_default(), RawNode::default()));
        let Some((stored, node)) = list.last_mut() else { return Ok(()) };
        let mut own = None;
        let read = node.read(key, stored, &mut own, self.detail, &mut self.odd, reader);
        let bytes = if own.is_some() { size_of::<Details<'_>>() } else { 0 };
        if let Some(own) = own {
            node.details = u32::try_from(details.len()).ok();
            details.push(own);
        }
        read?;
        reader.charge(NODE_COST.saturating_add(bytes))
    }

    /// What is wrong with the conversation itself.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let doubled = KEYS.iter().zip(0..).filter(|(_, at)| self.doubled >> at & 1 == 1);
        problems
            .extend(doubled.map(|(key, _)| format!("{key} is there more than once: the last one is shown")));
        if self.bad_times {
            problems.push("create_time or update_time is out of range".to_owned());
        }
        if self.odd > 0 {
            problems.push(format!("messages that are not objects and are not shown: {}", self.odd));
        }
        problems
    }
}

/// The kind of a value in JSON's word for it.
fn kind(value: &Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) => "text",
        Value::List => "a list",
        Value::Object => "an object",
    }
}

/// Reads a time, and notes a value that is not one.
fn read_time(time: &mut Time, bad: &mut bool, reader: &mut Reader<'_>) -> Result<()> {
    let is_there = !reader.is_nothing()? && !reader.is_zero()?;
    time.read(reader)?;
    *bad |= is_there && time.0.is_none();
    Ok(())
}

/// The nodes of `mapping`.
#[derive(Debug, Default)]
pub(super) struct Nodes<'a> {
    /// By their keys, in order; a key may occur twice.
    pub(super) list: Vec<(&'a str, RawNode<'a>)>,
    /// Kept together, because allocating memory for each costs more than reading it.
    pub(super) details: Vec<Details<'a>>,
}

impl<'a> Nodes<'a> {
    /// No nodes yet, with room for this many.
    fn for_about(count: usize) -> Self {
        Self { list: Vec::with_capacity(count), details: Vec::with_capacity(count) }
    }

    /// What a node has besides its parent.
    pub(super) fn details(&self, node: &RawNode<'_>) -> Option<&Details<'a>> {
        self.details.get(node.details? as usize)
    }

    /// What the node at this position has besides its parent, if there is anything.
    pub(super) fn details_mut(&mut self, at: usize) -> Option<&mut Details<'a>> {
        let (_, node) = self.list.get(at)?;
        self.details.get_mut(node.details? as usize)
    }

    /// The id of a node, where it is not its key.
    pub(super) fn id(&self, node: &RawNode<'_>) -> &'a str {
        self.details(node).map_or("", |details| details.id.as_str())
    }

    /// The message of the node at this position.
    pub(super) fn message(&self, at: usize) -> Option<&NodeMessage<'a>> {
        let (_, node) = self.list.get(at)?;
        Some(self.details(node).map_or(&NodeMessage::None, |details| &details.message))
    }

    /// The message of the node at this position as the export has it, if that is still kept.
    pub(super) fn raw_mut(&mut self, at: usize) -> Option<&mut schema::Message<'a>> {
        let (_, node) = self.list.get(at)?;
        match &mut self.details.get_mut(node.details? as usize)?.message {
            NodeMessage::Raw(raw) => Some(raw),
            _ => None,
        }
    }
}

/// A node of `mapping`. Small, because damaged exports have millions without a message.
#[derive(Debug, Default)]
pub(super) struct RawNode<'a> {
    pub(super) parent: Parent<'a>,
    /// The position of its details.
    pub(super) details: Option<u32>,
}

/// What a node has besides its parent.
#[derive(Debug, Default)]
pub(super) struct Details<'a> {
    /// Its id, if that is not its key.
    pub(super) id: Str<'a>,
    pub(super) children: Deferred<'a, List<Str<'a>>>,
    pub(super) message: NodeMessage<'a>,
    /// What the searches of its message found.
    pub(super) searches: Deferred<'a, SearchGroups<'a>>,
    /// The JSON of its message, to be read again where an answer needs more of it.
    pub(super) json: Option<Json<'a>>,
}

/// The message of a node.
#[derive(Debug, Default)]
pub(super) enum NodeMessage<'a> {
    /// Absent.
    #[default]
    None,
    /// As the export has it.
    Raw(Box<schema::Message<'a>>),
    /// In the model; its id is empty where it is that of the node.
    Settled(Box<Message<'a>>),
}

impl<'a> NodeMessage<'a> {
    /// The message of the export, if it is still kept.
    pub(super) fn raw(&self) -> Option<&schema::Message<'a>> {
        if let Self::Raw(raw) = self { Some(raw) } else { None }
    }

    /// True for what a user said.
    pub(super) fn is_user(&self) -> bool {
        match self {
            Self::None => false,
            Self::Raw(raw) => message::role(raw) == Role::User,
            Self::Settled(message) => message.role == Role::User,
        }
    }
}

/// What a node says about its parent.
#[derive(Debug, Default)]
pub(super) enum Parent<'a> {
    /// The key is absent: only then are the lists of children asked.
    #[default]
    Missing,
    /// It is a root.
    Root,
    /// The parent's key.
    Key(&'a str),
}

impl<'a> Read<'a> for Parent<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let mut key = Str::default();
        key.read(reader)?;
        *self = key.0.map_or(Self::Root, Self::Key);
        Ok(())
    }
}

/// How much JSON a node usually has, in bytes.
const NODE_BYTES: usize = 2048;

/// Room is made in advance for this many nodes at most.
const MOST_EXPECTED: usize = 4096;

/// More nodes than this are not read.
pub(super) const MOST_NODES: usize = 2_000_000;

/// Memory that a node without a message takes, with its links and its place on the thread, in bytes.
const NODE_COST: usize = size_of::<(&str, RawNode<'_>)>() + 48;

impl<'a> RawNode<'a> {
    /// Reads an object. `stored` is where its key is kept, which becomes its id if it has none; `details` has what it has
    /// besides its parent.
    fn read(
        &mut self,
        key: Option<&'a str>,
        stored: &mut &'a str,
        details: &mut Option<Details<'a>>,
        detail: Detail,
        odd: &mut u32,
        reader: &mut Reader<'a>,
    ) -> Result<()> {
        reader.value()?;
        reader.fields(|reader, field| match field.text()? {
            "id" => {
                let mut id = Str::default();
                id.read(reader)?;
                if key.is_none() {
                    *stored = id.as_str();
                } else if details.is_some() || id.0 != key {
                    details.get_or_insert_default().id = id;
                }
                Ok(())
            }
            "parent" => self.parent.read(reader),
            "children" => {
                let mut children = Deferred::default();
                children.read(reader)?;
                if details.is_some() || !children.is_empty() {
                    details.get_or_insert_default().children = children;
                }
                Ok(())
            }
            "message" => read_message(details, detail, odd, reader),
            _ => reader.skip(),
        })
    }
}

/// Reads a message into the details of its node.
fn read_message<'a>(
    details: &mut Option<Details<'a>>,
    detail: Detail,
    odd: &mut u32,
    reader: &mut Reader<'a>,
) -> Result<()> {
    if let Some(details) = details {
        details.message = NodeMessage::None;
    }
    let value = reader.value()?;
    let start = reader.container_start();
    if !matches!(value, Value::Object) {
        *odd = odd.saturating_add(u32::from(!matches!(value, Value::Null)));
        return pass_over(value, reader);
    }
    let mut raw = schema::Message::default();
    let read = raw.fill(reader);
    let details = details.get_or_insert_default();
    details.json = read.is_ok().then(|| reader.since(start));
    details.searches = std::mem::take(&mut raw.metadata.0.search_result_groups);
    details.message = if message::role(&raw) == Role::Tool || message::recipient(&raw).is_some() {
        reader.charge(size_of::<schema::Message<'_>>())?;
        NodeMessage::Raw(Box::new(raw))
    } else {
        reader.charge(size_of::<Message<'_>>())?;
        let context = Context::default();
        let message = message::message(&mut raw, context, detail, reader.texts())?;
        NodeMessage::Settled(Box::new(message))
    };
    read
}
