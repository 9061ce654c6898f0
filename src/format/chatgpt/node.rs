//! The nodes of `mapping`, with their messages in the neutral model as soon as nothing can change them any more.
//!
//! A message as the export has it is several times as large as in the model, so only those are held in full that
//! their neighbours matter to: calls of tools, and what tools answer.

use super::message::{self, Context};
use super::schema::{self, SearchGroups};
use crate::conversation::{Message, Role};
use crate::format::Detail;
use crate::format::lenient::{Deferred, Flag, List, Read, Record, Str, Time, pass_over};
use crate::format::pull::{Json, Reader, Result, Value};

/// One conversation. Filled field by field, so that what stands before an error is there.
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
}

/// What stands where a conversation is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    /// An object.
    Conversation,
    /// Something else, in JSON's word for it.
    Other(&'static str),
}

impl<'a> RawConversation<'a> {
    /// Takes a conversation.
    ///
    /// # Errors
    /// If it is no JSON; what stands before the error was taken.
    pub(super) fn read(&mut self, reader: &mut Reader<'a>) -> Result<Element> {
        let value = reader.value()?;
        if matches!(value, Value::Object) {
            reader.fields(|reader, key| self.set(key.text()?, reader))?;
            return Ok(Element::Conversation);
        }
        pass_over(value, reader)?;
        Ok(Element::Other(match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::Text(_) => "text",
            Value::List | Value::Object => "a list",
        }))
    }

    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "mapping" => read(&mut self.nodes, self.detail, reader),
            "conversation_id" => self.conversation_id.read(reader),
            "id" => self.id.read(reader),
            "title" => self.title.read(reader),
            "create_time" => self.create_time.read(reader),
            "update_time" => self.update_time.read(reader),
            "current_node" => self.current_node.read(reader),
            "gizmo_id" => self.gizmo_id.read(reader),
            "conversation_template_id" => self.conversation_template_id.read(reader),
            "default_model_slug" => self.default_model_slug.read(reader),
            "is_starred" => self.is_starred.read(reader),
            "is_archived" => self.is_archived.read(reader),
            _ => reader.skip(),
        }
    }
}

/// Nodes by the keys of `mapping`, in order; a key may occur twice.
pub(super) type Nodes<'a> = Vec<(&'a str, Node<'a>)>;

/// A node of `mapping`.
#[derive(Debug, Default)]
pub(super) struct Node<'a> {
    pub(super) id: Str<'a>,
    pub(super) parent: Parent<'a>,
    pub(super) children: Deferred<'a, List<Str<'a>>>,
    pub(super) message: NodeMessage<'a>,
    /// What its message says that searches found.
    pub(super) searches: Deferred<'a, SearchGroups<'a>>,
    /// Its message as it was written.
    pub(super) json: Option<Json<'a>>,
}

/// The message of a node.
#[derive(Debug, Default)]
pub(super) enum NodeMessage<'a> {
    /// There is none.
    #[default]
    None,
    /// As the export has it.
    Raw(Box<schema::Message<'a>>),
    /// In the model; its id is empty where that of its node stands for it.
    Settled(Message<'a>),
}

impl<'a> NodeMessage<'a> {
    /// The message as the export has it, if it is held so.
    pub(super) fn raw(&self) -> Option<&schema::Message<'a>> {
        if let Self::Raw(raw) = self { Some(raw) } else { None }
    }

    /// The same, to be changed.
    pub(super) fn raw_mut(&mut self) -> Option<&mut schema::Message<'a>> {
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
    /// Nothing at all: only then the lists of children are asked.
    #[default]
    Missing,
    /// That there is none.
    Root,
    /// Its key.
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

/// How much JSON there is for each node, as a rule.
const NODE_BYTES: usize = 2048;

/// No room is made for more nodes than these before they are there.
const MOST_EXPECTED: usize = 4096;

/// Takes `mapping`: an object, or in some re-processed exports a list. Of a value that breaks off what stands before
/// the error is taken.
pub(super) fn read<'a>(nodes: &mut Nodes<'a>, detail: Detail, reader: &mut Reader<'a>) -> Result<()> {
    // Of two mappings the last one counts.
    nodes.clear();
    nodes.reserve((reader.left() / NODE_BYTES).min(MOST_EXPECTED));
    match reader.value()? {
        Value::Object => reader.fields(|reader, key| {
            nodes.push((key.text()?, Node::default()));
            nodes.last_mut().map_or(Ok(()), |(_, node)| node.read(detail, reader))
        }),
        Value::List => reader.each(|reader| {
            let mut node = Node::default();
            node.read(detail, reader)?;
            nodes.push((node.id.as_str(), node));
            Ok(())
        }),
        other => pass_over(other, reader),
    }
}

impl<'a> Node<'a> {
    fn read(&mut self, detail: Detail, reader: &mut Reader<'a>) -> Result<()> {
        match reader.value()? {
            Value::Object => reader.fields(|reader, key| match key.text()? {
                "id" => self.id.read(reader),
                "parent" => self.parent.read(reader),
                "children" => self.children.read(reader),
                "message" => self.read_message(detail, reader),
                _ => reader.skip(),
            }),
            other => pass_over(other, reader),
        }
    }

    fn read_message(&mut self, detail: Detail, reader: &mut Reader<'a>) -> Result<()> {
        self.message = NodeMessage::None;
        let value = reader.value()?;
        // Its bracket was taken.
        let start = reader.position().saturating_sub(1);
        if !matches!(value, Value::Object) {
            return pass_over(value, reader);
        }
        let mut raw = schema::Message::default();
        let read = raw.fill(reader);
        self.json = read.is_ok().then(|| reader.since(start));
        self.searches = std::mem::take(&mut raw.metadata.0.search_result_groups);
        self.message = if message::role(&raw) == Role::Tool || message::recipient(&raw).is_some() {
            NodeMessage::Raw(Box::new(raw))
        } else {
            NodeMessage::Settled(message::message(&mut raw, Context::default(), detail)?)
        };
        read
    }
}
