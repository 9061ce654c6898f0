//! The shapes of ChatGPT's JSON, as far as a page shows them; `metadata` has those of what is said about messages.
//!
//! The full form (2023 to early 2026) has dozens of keys more; the slim form (2026) lacks most of these. The one
//! struct [`Content`] has the fields of every content type, because `content_type` may come after them.

use super::metadata::{Item, Metadata};
use super::words;
use crate::conversation::Text;
use crate::format::lenient::{Escaped, List, Maybe, Num, Obj, Present, Read, Record, Str, Time, record};
use crate::format::pull::{Json, Raw, Reader, Result, Texts, Value};

record! {
    struct Message {
        id: Str<'a> = "id",
        author: Obj<Author<'a>> = "author",
        create_time: Time = "create_time",
        content: Maybe<Content<'a>> = "content",
        /// What a message without content may have in its place.
        stray: Maybe<Box<Content<'a>>> = "text" | "parts" | "body",
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
    pub(super) thoughts: List<Maybe<ThoughtStep<'a>>>,
    pub(super) content: Escaped<'a>,
    /// All of it, to find the words of a shape that we don't know.
    pub(super) json: Option<Json<'a>>,
    rare: Option<Box<Rare<'a>>>,
    /// The fields that have a value, a bit each.
    filled: u8,
    /// A text is something else.
    is_odd: bool,
}

/// The bit of a field of [`Content`].
fn bit(key: &str) -> u8 {
    match key {
        "parts" => 1,
        "text" => 2,
        "thoughts" => 4,
        "content" => 8,
        _ => 16,
    }
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
            "content_type" => return self.content_type.read(reader),
            "language" => return self.language.read(reader),
            "source_analysis_msg_id" | "response_format_name" => return reader.skip(), // of common types, and not shown
            _ => {}
        }
        let is_filled = !reader.is_nothing()?;
        if is_filled {
            self.filled |= bit(key);
        }
        match key {
            "parts" => {
                self.parts.0.reserve_exact(1); // as most have
                self.parts.read(reader)
            }
            "text" | "content" => {
                let text = if key == "text" { &mut self.text } else { &mut self.content };
                text.read(reader)?;
                self.is_odd |= is_filled && matches!(text, Escaped::Absent);
                Ok(())
            }
            "thoughts" => self.thoughts.read(reader),
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
    /// Content that is nothing but these words, if there are any.
    pub(super) fn of_words(words: Text<'a>, texts: &'a Texts) -> Option<Self> {
        match words {
            Text::Borrowed("") => None,
            Text::Borrowed(words) => Self::from_text(words),
            Text::Owned(words) => Self::from_text(texts.keep(&words)),
        }
    }

    /// The fields of rare types.
    pub(super) fn rare(&mut self) -> &mut Rare<'a> {
        self.rare.get_or_insert_default()
    }

    /// True if nothing but the field `key` has a value, and texts are texts.
    pub(super) fn is_only(&self, key: &str) -> bool {
        !self.is_odd && self.filled & !bit(key) == 0
    }

    /// The text of content that is a single text: that of `text`, of `content`, or of the parts, joined by blank lines.
    pub(super) fn only_text(&self) -> Result<Text<'a>> {
        self.only_field().map(|(_, text)| text)
    }

    /// The same, after the key of the field that has it.
    pub(super) fn only_field(&self) -> Result<(&'static str, Text<'a>)> {
        for (key, text) in [("text", self.text), ("content", self.content)] {
            if let Some(text) = text.open()?.take_filled() {
                return Ok((key, text));
            }
        }
        let mut all = Text::default();
        for part in &self.parts.0 {
            let text = part.words()?;
            if text.is_empty() {
                continue;
            }
            if all.is_empty() {
                all = text;
            } else {
                let all = all.to_mut();
                all.push_str("\n\n");
                all.push_str(&text);
            }
        }
        Ok(("parts", all))
    }

    /// The text of a call of a tool. Some exporters decode it: then it is the JSON of the only part.
    pub(super) fn call_text(&self) -> Result<Text<'a>> {
        if let ([RawPart::Object(object)], Escaped::Absent, Escaped::Absent) =
            (self.parts.0.as_slice(), self.text, self.content)
            && object.text.filled().is_none()
        {
            return Ok(object.json.map_or("", |json| json.text).into());
        }
        self.only_text()
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

/// A step of thinking.
#[derive(Debug, Default)]
pub(super) struct ThoughtStep<'a> {
    pub(super) summary: Str<'a>,
    pub(super) content: Str<'a>,
    pub(super) chunks: List<Str<'a>>,
    /// All of it, if it has something else or something odd.
    pub(super) odd: Option<Json<'a>>,
}

impl<'a> Record<'a> for ThoughtStep<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "summary" => self.summary.read(reader),
            "content" => self.content.read(reader),
            "chunks" => self.chunks.read(reader),
            _ => reader.skip(),
        }
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let start = reader.container_start();
        let mut is_odd = false;
        reader.fields(|reader, key| {
            let key = key.text()?;
            let is_filled = !reader.is_nothing()?;
            self.set(key, reader)?;
            is_odd |= is_filled
                && match key {
                    "summary" => self.summary.0.is_none(),
                    "content" => self.content.0.is_none(),
                    "chunks" => {
                        self.chunks.0.is_empty() || self.chunks.0.iter().any(|chunk| chunk.0.is_none())
                    }
                    "finished" => false,
                    _ => true,
                };
            Ok(())
        })?;
        self.odd = is_odd.then(|| reader.since(start));
        Ok(())
    }

    fn from_text(text: &'a str) -> Option<Self> {
        Some(Self { content: Str(Some(text)), ..Self::default() })
    }

    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let start = reader.container_start();
        reader.leave()?;
        Ok(Some(Self { odd: Some(reader.since(start)), ..Self::default() }))
    }
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

    /// Its text; of a part in another shape, its words.
    fn words(&self) -> Result<Text<'a>> {
        match self {
            Self::Empty => Ok(Text::default()),
            Self::Text(text) => Ok(text.open()?.take()),
            Self::Object(object) if !object.is_odd && object.text.0.is_some() => {
                Ok(Text::Borrowed(object.text.as_str()))
            }
            Self::Object(object) => {
                object.json.map_or_else(|| Ok(Text::default()), |json| words::words(json, &[]))
            }
            Self::Odd(json) => words::words(*json, &[]),
        }
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

    fn from_number(digits: &'a str) -> Option<Self> {
        Some(Self::Text(Escaped::Plain(digits)))
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
    /// It may have words that none of its fields has.
    pub(super) is_odd: bool,
}

impl<'a> Record<'a> for PartObject<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        match key {
            "content_type" => self.content_type.read(reader),
            "asset_pointer" => self.asset_pointer.read(reader),
            "name" | "file_name" => self.name.read(reader),
            "mime_type" | "mimeType" => self.mime_type.read(reader),
            "size_bytes" => self.size_bytes.read(reader),
            "text" => {
                let is_filled = !reader.is_nothing()?;
                self.text.read(reader)?;
                self.is_odd |= is_filled && self.text.0.is_none();
                Ok(())
            }
            "metadata" => self.metadata.read(reader),
            "audio_asset_pointer" => self.audio.read(reader),
            "video_container_asset_pointer" => self.video.read(reader),
            "frames_asset_pointers" => self.frames.read(reader),
            _ => {
                let is_filled = !reader.is_nothing()?;
                let value = reader.raw()?;
                self.is_odd |= is_filled && value.text.starts_with(['"', '[', '{']);
                Ok(())
            }
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
