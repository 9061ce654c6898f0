//! The shapes of ChatGPT's JSON, as far as a page shows them.
//!
//! The full form (2023 to early 2026) has dozens of keys more; the slim form (2026) lacks most of these. The one
//! struct [`Content`] has the fields of every content type, because `content_type` may come after them.

use crate::conversation::Text;
use crate::format::lenient::{
    Deferred, Escaped, Flag, List, Maybe, Num, Obj, Present, Read, Record, Str, Time, record,
};
use crate::format::pull::{Json, Raw, Reader, Result, Value};

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
    pub(super) parts: List<RawPart<'a>>,
    pub(super) text: Escaped<'a>,
    pub(super) language: Str<'a>,
    pub(super) thoughts: List<Maybe<Thought<'a>>>,
    pub(super) content: Escaped<'a>,
    /// All of it, to find the words of a shape that we don't know.
    pub(super) json: Option<Json<'a>>,
    rare: Option<Box<Rare<'a>>>,
}

record! {
    /// The fields of rare types of content.
    struct Rare {
        name: Str<'a> = "name",
        url: Str<'a> = "url",
        domain: Str<'a> = "domain",
        title: Str<'a> = "title",
        result: Escaped<'a> = "result",
        summary: Escaped<'a> = "summary",
        output_str: Escaped<'a> = "output_str",
        screenshot: RawPart<'a> = "screenshot",
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

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.json = Some(fill_and_keep(self, reader)?);
        Ok(())
    }

    fn from_text(text: &'a str) -> Option<Self> {
        Some(Self { parts: List(vec![RawPart::Text(Escaped::Plain(text))]), ..Self::default() })
    }

    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let mut parts = Vec::new();
        reader.each(|reader| {
            let mut part = RawPart::default();
            part.read(reader)?;
            parts.push(part);
            Ok(())
        })?;
        Ok(Some(Self { parts: List(parts), ..Self::default() }))
    }
}

/// Reads the fields of an object whose opening bracket was consumed, and returns its JSON.
fn fill_and_keep<'a>(record: &mut impl Record<'a>, reader: &mut Reader<'a>) -> Result<Json<'a>> {
    let start = reader.container_start();
    reader.fields(|reader, key| record.set(key.text()?, reader))?;
    Ok(reader.since(start))
}

impl<'a> Content<'a> {
    /// The fields of rare types.
    pub(super) fn rare(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_default()
    }

    /// The text of content that is a single text: that of `text`, of `content`, or of the parts, joined by blank lines.
    pub(super) fn only_text(&self) -> Result<Text<'a>> {
        for text in [self.text, self.content] {
            if let Some(text) = text.open()?.take_filled() {
                return Ok(text);
            }
        }
        let mut all = Text::default();
        for part in &self.parts.0 {
            let text = match part {
                RawPart::Text(text) => text.open()?.take(),
                RawPart::Object(object) => Text::Borrowed(object.text.as_str()),
                RawPart::Empty | RawPart::Odd(_) => continue,
            };
            if all.is_empty() {
                all = text;
            } else {
                let all = all.to_mut();
                all.push_str("\n\n");
                all.push_str(&text);
            }
        }
        Ok(all)
    }

    /// The text of a call of a tool. Some exporters decode it: then it is the JSON of the only part.
    pub(super) fn call_text(&self) -> Result<Text<'a>> {
        let text = self.only_text()?;
        if !text.trim().is_empty() {
            return Ok(text);
        }
        Ok(match self.parts.0.as_slice() {
            [RawPart::Object(object)] => object.json.map_or("", |json| json.text).into(),
            _ => text,
        })
    }

    /// The info string for a fence around `text`: the declared language, or the one that the text looks like.
    pub(super) fn language_of(&self, text: &str) -> Text<'a> {
        match self.language.filled() {
            Some(language) if language != "unknown" => language.into(),
            _ if text.trim_start().starts_with('{') => "json".into(),
            _ => "".into(),
        }
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
pub(super) enum RawPart<'a> {
    /// Null, or nothing that could be shown.
    #[default]
    Empty,
    Text(Escaped<'a>),
    Object(Box<PartObject<'a>>),
    /// A list, a number or a flag.
    Odd(Json<'a>),
}

impl<'a> RawPart<'a> {
    /// The part, if it is a string.
    pub(super) fn text(&self) -> Option<Escaped<'a>> {
        if let Self::Text(text) = self { Some(*text) } else { None }
    }
}

impl<'a> Read<'a> for RawPart<'a> {
    const EMPTY_IS_NOTHING: bool = true;
    const EXTRA_BYTES: usize = size_of::<crate::conversation::Part<'_>>();

    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        *self = match reader.value()? {
            Value::Text(text) => Self::Text(Escaped::new(text)),
            Value::Object => {
                reader.charge(size_of::<PartObject<'_>>())?;
                let mut object = Box::<PartObject<'a>>::default();
                object.fill(reader)?;
                Self::Object(object)
            }
            Value::List => {
                let start = reader.container_start();
                reader.leave()?;
                Self::Odd(reader.since(start))
            }
            Value::Number(number) => Self::Text(Escaped::Plain(reader.texts().keep(&number.to_string()))),
            Value::Null | Value::Bool(_) => Self::Empty,
        };
        Ok(())
    }

    fn from_string(text: Raw<'a>) -> Result<Option<Self>> {
        Ok(Some(Self::Text(Escaped::new(text))))
    }

    fn from_object(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let mut object = Box::<PartObject<'a>>::default();
        object.fill(reader)?;
        Ok(Some(Self::Object(object)))
    }
}

/// A part that is an object: a pointer to a file, or a transcript.
#[derive(Debug, Default)]
pub(super) struct PartObject<'a> {
    pub(super) content_type: Str<'a>,
    pub(super) asset_pointer: Str<'a>,
    pub(super) name: Str<'a>,
    pub(super) mime_type: Str<'a>,
    pub(super) size_bytes: Num,
    pub(super) text: Str<'a>,
    pub(super) metadata: Obj<PartMetadata<'a>>,
    pub(super) audio: Maybe<Pointer<'a>>,
    pub(super) video: Maybe<Pointer<'a>>,
    pub(super) frames: List<Present>,
    /// All of it, to find the words of a shape that we don't know.
    pub(super) json: Option<Json<'a>>,
}

impl<'a> Record<'a> for PartObject<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "content_type" => self.content_type.read(reader),
            "asset_pointer" => self.asset_pointer.read(reader),
            "name" | "file_name" => self.name.read(reader),
            "mime_type" | "mimeType" => self.mime_type.read(reader),
            "size_bytes" => self.size_bytes.read(reader),
            "text" => self.text.read(reader),
            "metadata" => self.metadata.read(reader),
            "audio_asset_pointer" => self.audio.read(reader),
            "video_container_asset_pointer" => self.video.read(reader),
            "frames_asset_pointers" => self.frames.read(reader),
            _ => reader.skip(),
        }
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.json = Some(fill_and_keep(self, reader)?);
        Ok(())
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
    pub(super) search_result_groups: Deferred<'a, SearchGroups<'a>>,
    /// What few messages have.
    pub(super) rare: Option<Box<RareMetadata<'a>>>,
}

record! {
    struct RareMetadata {
        image_gen_title: Str<'a> = "image_gen_title",
        attachments: List<Obj<Attachment<'a>>> = "attachments",
        citations: Deferred<'a, List<Obj<Citation<'a>>>> = "citations",
        cite_metadata: Deferred<'a, Obj<CiteMetadata<'a>>> = "_cite_metadata",
        aggregate_result: Deferred<'a, Obj<Aggregate<'a>>> = "aggregate_result",
        canvas: Maybe<Canvas<'a>> = "canvas",
        /// The passage of an earlier answer that the user marked before asking.
        targeted_reply: Str<'a> = "targeted_reply",
        targeted_reply_label: Str<'a> = "targeted_reply_label",
        mounted_files: List<Obj<MountedFile<'a>>> = "mounted_library_file_references",
        shared_files: List<Obj<MountedFile<'a>>> = "shared_library_file_references",
        sdk: Deferred<'a, Obj<Sdk<'a>>> = "chatgpt_sdk",
        exclusive_key: Str<'a> = "exclusive_key",
        user_context: Deferred<'a, Obj<UserContext<'a>>> = "user_context_message_data",
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
            | "targeted_reply"
            | "targeted_reply_label"
            | "mounted_library_file_references"
            | "shared_library_file_references"
            | "chatgpt_sdk"
            | "exclusive_key"
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
    /// A file of a connected drive or of the library that a user gave the model.
    struct MountedFile {
        id: Str<'a> = "mounted_library_file_id",
        file_id: Str<'a> = "file_id",
        library_file_id: Str<'a> = "library_file_id",
        name: Str<'a> = "name" | "file_name",
        mime_type: Str<'a> = "mime_type" | "mimeType",
        size: Num = "size" | "size_bytes",
    }
}

record! {
    /// What an app that the model used left for its own interface.
    struct Sdk {
        attribution_id: Str<'a> = "attribution_id",
        html_asset_pointer: Str<'a> = "html_asset_pointer",
        resource_name: Str<'a> = "resource_name",
        /// JSON in a string.
        widget_state: Str<'a> = "widget_state",
    }
}

record! {
    /// A span of the text that stands for something else, of any type.
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
        fallback_items: Deferred<'a, List<Obj<Item<'a>>>> = "fallback_items",
        sources: List<Obj<Item<'a>>> = "sources",
        images: List<Obj<PictureItem<'a>>> = "images",
        product: Obj<Item<'a>> = "product",
        item: Obj<Item<'a>> = "item",
        safe_urls: Deferred<'a, List<Str<'a>>> = "safe_urls",
    }
}

record! {
    /// Something with a title and an address.
    struct Item {
        title: Str<'a> = "title" | "name",
        url: Str<'a> = "url",
        attribution: Str<'a> = "attribution",
        supporting: List<Obj<SupportingPage<'a>>> = "supporting_websites",
    }
}

record! {
    /// A page that says the same as another.
    struct SupportingPage {
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
        /// Found by position, so that none may be left out.
        list: List<Maybe<CitationSource<'a>>> = "metadata_list",
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

impl RefId<'_> {
    /// The id as marks write it, such as `turn0search3`.
    pub(super) fn name(&self) -> Option<String> {
        let (turn, kind) = (self.turn_index.small()?, self.ref_type.filled()?);
        Some(format!("turn{turn}{kind}{}", self.ref_index.small()?))
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
