//! The shapes of ChatGPT's JSON, as far as a page shows them.
//!
//! The full form (2023 to early 2026) has dozens of keys more; the slim form (2026) lacks most of these. The one
//! struct [`Content`] has the fields of every content type, because `content_type` may come after them.

use super::lenient::{
    Flag, Later, List, Long, Maybe, Num, Obj, Present, Read, Record, Str, Time, pass_over, record,
};
use super::node::{self, Nodes};
use crate::format::Detail;
use crate::format::pull::{Raw, Reader, Result, Value};

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
            "mapping" => node::read(&mut self.nodes, self.detail, reader),
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

record! {
    struct Message {
        id: Str<'a> = "id",
        author: Obj<Author<'a>> = "author",
        create_time: Time = "create_time",
        content: Maybe<Content<'a>> = "content",
        weight: Num = "weight",
        recipient: Str<'a> = "recipient",
        metadata: Obj<Metadata<'a>> = "metadata",
    }
}

record! {
    struct Author {
        role: Str<'a> = "role",
        name: Str<'a> = "name",
    }
    text |text| Author { role: Str(Some(text)), ..Author::default() };
}

/// What a message holds. Small: there is one for each message.
#[derive(Debug, Default)]
#[allow(clippy::struct_field_names, reason = "fields are called as in the export")]
pub(super) struct Content<'a> {
    pub(super) content_type: Str<'a>,
    pub(super) parts: List<Part<'a>>,
    pub(super) text: Long<'a>,
    pub(super) language: Str<'a>,
    pub(super) thoughts: List<Maybe<Thought<'a>>>,
    pub(super) content: Long<'a>,
    rare: Option<Box<Rare<'a>>>,
}

record! {
    /// The fields of rare types of content.
    struct Rare {
        name: Str<'a> = "name",
        url: Str<'a> = "url",
        domain: Str<'a> = "domain",
        title: Str<'a> = "title",
        result: Long<'a> = "result",
        summary: Long<'a> = "summary",
        output_str: Long<'a> = "output_str",
        screenshot: Part<'a> = "screenshot",
        state: Obj<Item<'a>> = "state",
        widgets: Obj<Widgets<'a>> = "widgets",
        user_profile: Str<'a> = "user_profile",
        user_instructions: Str<'a> = "user_instructions",
        model_set_context: Str<'a> = "model_set_context",
        repo_summary: Str<'a> = "repo_summary",
    }
}

impl<'a> Record<'a> for Content<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "content_type" => self.content_type.read(reader),
            "parts" => {
                self.parts.0.reserve_exact(1); // as most have
                self.parts.read(reader)
            }
            "text" => self.text.read(reader),
            "language" => self.language.read(reader),
            "thoughts" => self.thoughts.read(reader),
            "content" => self.content.read(reader),
            "source_analysis_msg_id" | "response_format_name" => reader.skip(), // of common types, and not shown
            _ => self.rare().set(key, reader),
        }
    }

    fn from_text(text: &'a str) -> Option<Self> {
        Some(Self {
            content_type: Str(Some("text")),
            parts: List(vec![Part::Text(Long::new(text))]),
            ..Self::default()
        })
    }
}

impl<'a> Content<'a> {
    /// The fields of rare types.
    pub(super) fn rare(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_default()
    }

    /// Opens the texts beside the parts.
    pub(super) fn open(&mut self) -> Result<()> {
        self.text.open()?;
        self.content.open()?;
        let Some(rare) = &mut self.rare else { return Ok(()) };
        rare.result.open()?;
        rare.summary.open()?;
        rare.output_str.open()
    }

    /// Opens the parts.
    pub(super) fn open_parts(&mut self) -> Result<()> {
        self.parts.0.iter_mut().try_for_each(|part| match part {
            Part::Text(text) => text.open(),
            Part::Empty | Part::Object(_) => Ok(()),
        })
    }
}

record! {
    struct Thought {
        summary: Str<'a> = "summary",
        content: Str<'a> = "content",
        chunks: List<Str<'a>> = "chunks",
    }
    text |text| Thought { content: Str(Some(text)), ..Thought::default() };
}

record! {
    struct Widgets {
        navlinks: List<Obj<Item<'a>>> = "navlinks",
    }
}

/// A part of a message.
#[derive(Debug, Default)]
pub(super) enum Part<'a> {
    /// Null, or nothing that could be shown.
    #[default]
    Empty,
    Text(Long<'a>),
    Object(Box<PartObject<'a>>),
}

impl<'a> Read<'a> for Part<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        *self = match reader.value()? {
            Value::Text(text) => Self::Text(Long::closed(text)),
            Value::Object => {
                let mut object = Box::<PartObject<'a>>::default();
                object.fill(reader)?;
                Self::Object(object)
            }
            other => {
                pass_over(other, reader)?;
                Self::Empty
            }
        };
        Ok(())
    }

    fn from_lone(text: Raw<'a>) -> Option<Self> {
        Some(Self::Text(Long::closed(text)))
    }
}

record! {
    /// A part that is an object: a pointer to a file, or a transcript.
    struct PartObject {
        content_type: Str<'a> = "content_type",
        asset_pointer: Str<'a> = "asset_pointer",
        name: Str<'a> = "name" | "file_name",
        mime_type: Str<'a> = "mime_type" | "mimeType",
        size_bytes: Num = "size_bytes",
        text: Str<'a> = "text",
        metadata: Obj<PartMetadata<'a>> = "metadata",
        audio: Maybe<Pointer<'a>> = "audio_asset_pointer",
        video: Maybe<Pointer<'a>> = "video_container_asset_pointer",
        frames: List<Present> = "frames_asset_pointers",
    }
}

record! {
    struct PartMetadata {
        dalle: Obj<Dalle<'a>> = "dalle",
        start: Num = "start",
        end: Num = "end",
    }
}

record! {
    struct Dalle {
        prompt: Str<'a> = "prompt",
    }
}

record! {
    /// A pointer inside another part.
    struct Pointer {
        asset_pointer: Str<'a> = "asset_pointer",
        size_bytes: Num = "size_bytes",
        metadata: Obj<PartMetadata<'a>> = "metadata",
        frames: List<Present> = "frames_asset_pointers",
    }
    text |text| Pointer { asset_pointer: Str(Some(text)), ..Pointer::default() };
}

/// What is said about a message. Of the containers below an indexing pass keeps exactly these. Small, as [`Content`].
#[derive(Debug, Default)]
pub(super) struct Metadata<'a> {
    pub(super) hidden: Flag,
    pub(super) model_slug: Str<'a>,
    pub(super) finished_duration_sec: Num,
    pub(super) is_async_result: Flag,
    pub(super) finish_details: Obj<FinishDetails<'a>>,
    pub(super) content_references: List<Obj<Reference<'a>>>,
    pub(super) search_result_groups: Later<'a, SearchGroups<'a>>,
    /// What few messages have.
    pub(super) rare: Option<Box<RareMetadata<'a>>>,
}

record! {
    struct RareMetadata {
        image_gen_title: Str<'a> = "image_gen_title",
        attachments: List<Obj<Attachment<'a>>> = "attachments",
        citations: Later<'a, List<Obj<Citation<'a>>>> = "citations",
        cite_metadata: Later<'a, Obj<CiteMetadata<'a>>> = "_cite_metadata",
        aggregate_result: Later<'a, Obj<Aggregate<'a>>> = "aggregate_result",
        canvas: Maybe<Canvas<'a>> = "canvas",
        user_context: Later<'a, Obj<UserContext<'a>>> = "user_context_message_data",
    }
}

impl<'a> Record<'a> for Metadata<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "is_visually_hidden_from_conversation" => self.hidden.read(reader),
            "model_slug" => self.model_slug.read(reader),
            "finished_duration_sec" => self.finished_duration_sec.read(reader),
            "is_async_task_result_message" => self.is_async_result.read(reader),
            "finish_details" => self.finish_details.read(reader),
            "content_references" => self.content_references.read(reader),
            "search_result_groups" => self.search_result_groups.read(reader),
            "image_gen_title"
            | "attachments"
            | "citations"
            | "_cite_metadata"
            | "aggregate_result"
            | "canvas"
            | "user_context_message_data" => {
                // Many are there and empty.
                if self.rare.is_none() && reader.is_nothing()? {
                    return reader.skip();
                }
                self.rare.get_or_insert_default().set(key, reader)
            }
            _ => reader.skip(),
        }
    }
}

record! {
    struct FinishDetails {
        kind: Str<'a> = "type",
    }
    text |text| FinishDetails { kind: Str(Some(text)) };
}

record! {
    struct Attachment {
        id: Str<'a> = "id",
        name: Str<'a> = "name",
        size: Num = "size",
        mime_type: Str<'a> = "mime_type" | "mimeType",
        library_file_id: Str<'a> = "library_file_id",
    }
}

record! {
    /// A place in the text that stands for something else, whatever its type.
    struct Reference {
        kind: Str<'a> = "type",
        matched_text: Str<'a> = "matched_text",
        start_idx: Num = "start_idx",
        end_idx: Num = "end_idx",
        alt: Str<'a> = "alt",
        title: Str<'a> = "title",
        url: Str<'a> = "url",
        name: Str<'a> = "name",
        id: Str<'a> = "id",
        attribution: Str<'a> = "attribution",
        items: List<Obj<Item<'a>>> = "items",
        fallback_items: Later<'a, List<Obj<Item<'a>>>> = "fallback_items",
        sources: List<Obj<Item<'a>>> = "sources",
        images: List<Obj<PictureItem<'a>>> = "images",
        product: Obj<Item<'a>> = "product",
        item: Obj<Item<'a>> = "item",
    }
}

impl Reference<'_> {
    /// Opens what a reference of its kind needs.
    pub(super) fn open(&mut self) -> Result<()> {
        let has_items = self.items.0.iter().any(|Obj(item)| item.url.filled().is_some());
        if has_items { Ok(()) } else { self.fallback_items.open() }
    }
}

record! {
    /// Something with a title and an address.
    struct Item {
        title: Str<'a> = "title" | "name",
        url: Str<'a> = "url",
        attribution: Str<'a> = "attribution",
    }
}

record! {
    /// A picture found on the web; some types wrap it once more.
    struct PictureItem {
        title: Str<'a> = "title",
        url: Str<'a> = "url",
        content_url: Str<'a> = "content_url",
        image_result: Obj<PictureResult<'a>> = "image_result",
    }
}

record! {
    struct PictureResult {
        title: Str<'a> = "title",
        url: Str<'a> = "url",
        content_url: Str<'a> = "content_url",
    }
}

record! {
    /// The older form of a reference.
    struct Citation {
        start_ix: Num = "start_ix",
        end_ix: Num = "end_ix",
        metadata: Obj<CitationSource<'a>> = "metadata",
    }
}

record! {
    struct CitationSource {
        kind: Str<'a> = "type",
        title: Str<'a> = "title",
        name: Str<'a> = "name",
        url: Str<'a> = "url",
        id: Str<'a> = "id",
    }
}

record! {
    struct CiteMetadata {
        list: List<Obj<CitationSource<'a>>> = "metadata_list",
    }
}

/// What a search found.
pub(super) type SearchGroups<'a> = List<Obj<SearchGroup<'a>>>;

record! {
    struct SearchGroup {
        entries: List<Obj<SearchEntry<'a>>> = "entries",
    }
}

record! {
    struct SearchEntry {
        url: Str<'a> = "url",
        attribution: Str<'a> = "attribution",
        ref_id: Maybe<RefId<'a>> = "ref_id",
    }
}

record! {
    struct RefId {
        turn_index: Num = "turn_index",
        ref_type: Str<'a> = "ref_type",
        ref_index: Num = "ref_index",
    }
}

record! {
    /// How a run of the code interpreter ended.
    struct Aggregate {
        messages: List<Obj<RunMessage<'a>>> = "messages",
        jupyter_messages: List<Obj<Jupyter<'a>>> = "jupyter_messages",
        final_expression_output: Str<'a> = "final_expression_output",
        in_kernel_exception: Maybe<Exception<'a>> = "in_kernel_exception",
        system_exception: Maybe<Exception<'a>> = "system_exception",
    }
}

record! {
    struct RunMessage {
        text: Str<'a> = "text",
        image_url: Str<'a> = "image_url",
    }
}

record! {
    struct Jupyter {
        content: Obj<JupyterContent<'a>> = "content",
    }
}

record! {
    struct JupyterContent {
        data: Obj<JupyterData<'a>> = "data",
    }
}

/// What a notebook displays, by MIME type; the pictures carry a vendor's type of their own.
#[derive(Debug, Default)]
pub(super) struct JupyterData<'a> {
    pub(super) images: Vec<&'a str>,
}

impl<'a> Record<'a> for JupyterData<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        if !key.starts_with("image/vnd.openai.fileservice") {
            return reader.skip();
        }
        let mut image = Str::default();
        image.read(reader)?;
        self.images.extend(image.0);
        Ok(())
    }
}

record! {
    struct Exception {
        name: Str<'a> = "name",
        args: List<Str<'a>> = "args",
        traceback: List<Str<'a>> = "traceback",
    }
    text |text| Exception { args: List(vec![Str(Some(text))]), ..Exception::default() };
}

record! {
    /// What the canvas tool answers.
    struct Canvas {
        textdoc_id: Str<'a> = "textdoc_id",
        textdoc_type: Str<'a> = "textdoc_type",
        title: Str<'a> = "title",
        version: Num = "version",
        is_failure: Flag = "is_failure",
    }
}

record! {
    struct UserContext {
        about_user: Str<'a> = "about_user_message",
        about_model: Str<'a> = "about_model_message",
    }
}
