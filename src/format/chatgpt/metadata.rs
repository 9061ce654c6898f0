//! The shapes of what ChatGPT's JSON says about a message: files, references, searches, runs of programs.

use super::words;
use crate::conversation::Text;
use crate::format::lenient::{
    Deferred, Flag, List, Maybe, Num, Obj, Read, Record, Str, Whole, pass_over, record,
};
use crate::format::pull::{Reader, Result, Value};

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
        attachments: List<Obj<Whole<'a, Attachment<'a>>>> = "attachments",
        citations: Deferred<'a, List<Obj<Citation<'a>>>> = "citations",
        cite_metadata: Deferred<'a, Obj<CiteMetadata<'a>>> = "_cite_metadata",
        aggregate_result: Deferred<'a, Obj<Aggregate<'a>>> = "aggregate_result",
        canvas: Maybe<Canvas<'a>> = "canvas",
        /// The passage of an earlier answer that the user marked before asking.
        targeted_reply: Passage<'a> = "targeted_reply",
        targeted_reply_label: Wording<'a> = "targeted_reply_label",
        mounted_files: List<Obj<Whole<'a, MountedFile<'a>>>> = "mounted_library_file_references",
        shared_files: List<Obj<Whole<'a, MountedFile<'a>>>> = "shared_library_file_references",
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
        id: Str<'a> = "id" | "file_id",
        name: Str<'a> = "name" | "file_name" | "filename",
        size: Num = "size" | "size_bytes",
        mime_type: Str<'a> = "mime_type" | "mimeType",
        library_file_id: Str<'a> = "library_file_id",
    }
    text |text| Attachment { id: Str(Some(text)), ..Attachment::default() };
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
    text |text| MountedFile { id: Str(Some(text)), ..MountedFile::default() };
}

record! {
    /// What an app that the model used left for its own interface.
    struct Sdk {
        attribution_id: Str<'a> = "attribution_id",
        html_asset_pointer: Str<'a> = "html_asset_pointer",
        resource_name: Str<'a> = "resource_name",
        /// JSON in a string, or as it is.
        widget_state: Deferred<'a, Str<'a>> = "widget_state",
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
        final_expression_output: Wording<'a> = "final_expression_output",
        in_kernel_exception: Maybe<Whole<'a, Exception<'a>>> = "in_kernel_exception",
        system_exception: Maybe<Whole<'a, Exception<'a>>> = "system_exception",
    }
}

record! {
    struct RunMessage {
        text: Wording<'a> = "text",
        image_url: Str<'a> = "image_url",
    }
    text |text| RunMessage { text: Wording(text), ..RunMessage::default() };
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
        args: Wording<'a> = "args",
        traceback: Wording<'a> = "traceback",
    }
    text |text| Exception { args: Wording(text), ..Exception::default() };
}

/// A text, or the words in whatever takes its place, a line each; empty if there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wording<'a>(pub(super) &'a str);

impl<'a> Wording<'a> {
    /// The text, unless it is blank.
    pub(super) fn filled(&self) -> Option<Text<'a>> {
        Str(Some(self.0)).take_filled()
    }
}

impl<'a> Read<'a> for Wording<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = wording(reader, &[&[]])?;
        Ok(())
    }
}

/// A passage of another message: a text, or the words in an object without what says where it is from. Its label, a short
/// form of it, counts where there is nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passage<'a>(Wording<'a>);

impl<'a> Passage<'a> {
    /// The text, unless it is blank.
    pub(super) fn filled(&self) -> Option<Text<'a>> {
        self.0.filled()
    }
}

impl<'a> Read<'a> for Passage<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        const ORIGIN: [&str; 5] = ["source_message_id", "message_id", "node_id", "role", "label"];
        let [origin @ .., _] = &ORIGIN;
        self.0 = Wording(wording(reader, &[&ORIGIN, origin])?);
        Ok(())
    }
}

/// The text that comes next, or the words in what takes its place, without those under the first of the `skipped` lists of
/// keys that leaves any.
fn wording<'a>(reader: &mut Reader<'a>, skipped: &[&[&str]]) -> Result<&'a str> {
    Ok(match reader.value()? {
        Value::Text(text) => text.text()?,
        Value::Number(number) => reader.texts().keep(&number.to_string()),
        Value::List | Value::Object => {
            let at = reader.container_start();
            reader.leave()?;
            let json = reader.since(at);
            let mut found = Text::default();
            for keys in skipped {
                if found.is_empty() {
                    found = words::words(json, keys)?;
                }
            }
            match found {
                Text::Borrowed(text) => text,
                Text::Owned(text) => reader.texts().keep(&text),
            }
        }
        other => {
            pass_over(other, reader)?;
            ""
        }
    })
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
