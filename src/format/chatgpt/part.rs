//! The content of a message as parts: every content type and part type that ChatGPT has had.

use super::attachment::{self, file_at, file_of};
use super::link::{link, untracked};
use super::marks::unmarked;
use super::metadata::{Aggregate, Exception, Metadata};
use super::reference;
use super::schema::{Content, PartObject, RawPart, ThoughtStep};
use super::words::{self, WORDLESS};
use crate::conversation::{FileKind, FileRef, Image, Link, Part, Prose, Text, Thought};
use crate::format::lenient::{self, Deferred, Escaped, List, Maybe, Num, Obj, Str, Whole};
use crate::format::pointer;
use crate::format::pull::{Json, Reader, Result, Texts};
use std::borrow::Cow;

/// Who the parts are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A message of a person or the model: all of it is shown.
    Everything,
    /// A tool's message: only what is meant for people. Its text is meant for the model.
    Payload,
    /// A hidden message: all of it, as it is.
    Hidden,
}

/// True for content that is text with pictures and files. In a tool's message, its text is meant for the model.
fn is_text(kind: &str) -> bool {
    matches!(kind, "text" | "multimodal_text" | "")
}

/// The fields of a type of content that are shown, whatever its text is in: texts, and containers of any shape.
fn shown_fields(kind: &str) -> (&'static [&'static str], &'static [&'static str]) {
    match kind {
        "code" | "execution_output" | "tether_browsing_code" | "reasoning_recap" => (&[], &[]),
        "thoughts" => (&[], &["thoughts"]),
        "system_error" => (&["name"], &[]),
        "computer_output" => (&[], &["screenshot", "state"]),
        "citable_code_output" => (&["output_str"], &["metadata", "unprocessed_output"]),
        "super_widget" => (&[], &["widgets"]),
        "user_editable_context" => (&["user_profile", "user_instructions"], &[]),
        "model_editable_context" => (&["model_set_context", "repo_summary"], &[]),
        "tether_browsing_display" => (&["result", "summary"], &["assets"]),
        "tether_quote" | "sonic_webpage" => {
            (&["text", "url", "domain", "title", "pub_date", "crawl_date"], &[])
        }
        _ => (&["text"], &["parts"]),
    }
}

/// The one field that the usual types have.
fn own_field(kind: &str) -> Option<&'static str> {
    match kind {
        "text" | "multimodal_text" | "" => Some("parts"),
        "code" | "execution_output" | "tether_browsing_code" => Some("text"),
        "thoughts" => Some("thoughts"),
        "reasoning_recap" => Some("content"),
        _ => None,
    }
}

/// Containers in parts that are shown, or have nothing to read.
const PART_CONTAINERS: [&str; 4] =
    ["metadata", "audio_asset_pointer", "video_container_asset_pointer", "frames_asset_pointers"];

/// A message's content on its way to parts.
pub(super) struct PartBuilder<'m, 'a> {
    pub(super) content: &'m mut Content<'a>,
    pub(super) metadata: &'m mut Metadata<'a>,
    pub(super) scope: Scope,
    /// The prompt that a picture in this message was ordered with.
    pub(super) prompt: Option<Text<'a>>,
    /// Where texts of the conversation are kept.
    pub(super) texts: &'a Texts,
    pub(super) parts: Vec<Part<'a>>,
}

impl<'a> PartBuilder<'_, 'a> {
    /// The parts of the content, then the attachments that are not among them.
    ///
    /// No words vanish: content in a shape that its type should not have becomes a labelled block.
    pub(super) fn build(mut self) -> Result<Vec<Part<'a>>> {
        let kind = self.content.content_type.as_str();
        // The field that held the text, where it may be in several.
        let (mut held, mut is_known) = ("", true);
        match kind {
            kind if is_text(kind) => self.text()?,
            "code" | "tether_browsing_code" => held = self.code()?,
            "execution_output" => held = self.execution()?,
            "thoughts" => held = self.thoughts()?,
            "reasoning_recap" => held = self.recap()?,
            "system_error" => held = self.failure()?,
            "computer_output" => self.screenshot()?,
            "citable_code_output" => {
                let output = self.content.rare().output_str.open()?.take();
                self.output(output);
            }
            "super_widget" => self.widgets(),
            "user_editable_context" => {
                let rare = self.content.rare();
                let texts = [rare.user_profile.take(), rare.user_instructions.take()];
                self.proses(texts)?;
            }
            "model_editable_context" => {
                let rare = self.content.rare();
                let texts = [rare.model_set_context.take(), rare.repo_summary.take()];
                self.proses(texts)?;
            }
            "tether_browsing_display" => {
                let rare = self.content.rare();
                for text in [rare.result, rare.summary] {
                    self.output(text.open()?.take());
                }
            }
            "tether_quote" | "sonic_webpage" => self.quote()?,
            _ => {
                is_known = false;
                held = self.unknown()?;
            }
        }
        if self.parts.is_empty() {
            self.otherwise()?;
            if self.parts.is_empty() && !is_known && self.scope != Scope::Hidden {
                self.parts.push(Part::Unknown { kind: kind.into() });
            }
        } else if !own_field(kind).is_some_and(|own| self.content.is_only(own)) && !self.is_for_the_model() {
            let (texts, containers) = shown_fields(kind);
            let texts: Vec<_> = texts.iter().copied().chain([held]).collect();
            let containers: Vec<_> =
                containers.iter().copied().chain((held == "parts").then_some(held)).collect();
            self.leftovers(kind, self.content.json, &texts, &containers)?;
        }
        self.user_context()?;
        if let Some(rare) = &mut self.metadata.rare {
            attachment::add(rare, &mut self.parts)?;
        }
        self.quote_before();
        Ok(self.parts)
    }

    /// True for what a tool says, whose text is meant for the model.
    fn is_for_the_model(&self) -> bool {
        self.scope == Scope::Payload && is_text(self.content.content_type.as_str())
    }

    fn prose(&mut self, text: Text<'a>) -> Result<()> {
        if text.trim().is_empty() {
            return Ok(());
        }
        let mut prose = Prose { text, ..Prose::default() };
        // References count from the beginning of the first text.
        reference::add(&mut prose, self.metadata)?;
        self.parts.push(Part::Prose(prose));
        Ok(())
    }

    fn proses(&mut self, texts: [Text<'a>; 2]) -> Result<()> {
        texts.into_iter().try_for_each(|text| self.prose(text))
    }

    fn output(&mut self, text: Text<'a>) {
        if !text.trim().is_empty() {
            self.parts.push(Part::Output(text));
        }
    }

    /// What is shown of content that its type does not explain: its words under a label.
    pub(super) fn otherwise(&mut self) -> Result<()> {
        let kind = self.content.content_type.as_str();
        if self.is_for_the_model() {
            return Ok(());
        }
        let Some(json) = self.content.json else { return Ok(()) };
        // The parts of texts were looked at one by one.
        let shown: &[&str] = if is_text(kind) { &["parts"] } else { &[] };
        let words = words::without(json, shown)?;
        self.labelled(kind, words);
        Ok(())
    }

    /// Adds what `json` says besides the fields that are shown: `texts`, where they are texts, and `containers`.
    fn leftovers(
        &mut self,
        kind: &'a str,
        json: Option<Json<'a>>,
        texts: &[&str],
        containers: &[&str],
    ) -> Result<()> {
        let Some(json) = json else { return Ok(()) };
        let words = words::beside(json, texts, containers)?;
        self.labelled(kind, words);
        Ok(())
    }

    /// Adds words, if there are any, under the name of what they are in.
    pub(super) fn labelled(&mut self, kind: &'a str, words: Text<'a>) {
        if words.trim().is_empty() {
            return;
        }
        if self.scope != Scope::Hidden {
            let kind = if kind.is_empty() { "an unnamed part" } else { kind };
            self.parts.push(Part::Unknown { kind: kind.into() });
        }
        self.parts.push(Part::Output(words));
    }

    fn text(&mut self) -> Result<()> {
        let mut kept = Vec::new();
        for part in &mut std::mem::take(&mut self.content.parts.0) {
            match std::mem::take(part) {
                RawPart::Empty => {}
                // Kept in case hidden messages are wanted.
                text @ (RawPart::Text(_) | RawPart::Odd(_)) if self.scope == Scope::Payload => {
                    kept.push(text);
                }
                RawPart::Text(text) => self.text_part(text.open()?.as_str())?,
                RawPart::Object(object) => self.object(*object)?,
                RawPart::Odd(json) => self.odd(json)?,
            }
        }
        self.content.parts.0.append(&mut kept);
        if let Some(text) = std::mem::take(&mut self.content.text).open()?.filled() {
            self.text_part(text)?;
        }
        Ok(())
    }

    /// The strings of a list in place of a part.
    fn odd(&mut self, json: Json<'a>) -> Result<()> {
        let mut texts = Vec::new();
        Reader::new(json).strings(&WORDLESS, |text| {
            texts.push(text.text()?);
            Ok(())
        })?;
        texts.into_iter().try_for_each(|text| self.text_part(text))
    }

    fn text_part(&mut self, text: &'a str) -> Result<()> {
        match self.scope {
            Scope::Hidden => self.output(text.into()),
            // Kept in case hidden messages are wanted.
            Scope::Payload if is_text(self.content.content_type.as_str()) => {
                self.content.parts.0.push(RawPart::Text(Escaped::Plain(text)));
            }
            Scope::Everything | Scope::Payload => self.prose(text.into())?,
        }
        Ok(())
    }

    /// A part that is an object.
    fn object(&mut self, mut object: PartObject<'a>) -> Result<()> {
        let kind = object.content_type.as_str();
        let (json, is_odd) = (object.json, object.is_odd);
        let mut texts: &[&str] = &[];
        // A file has no text of its own.
        let is_odd = is_odd || object.text.filled().is_some() && kind != "audio_transcription";
        match kind {
            "image_asset_pointer" => self.image(object),
            "audio_transcription" => {
                texts = &["text"];
                self.prose(object.text.take())?;
            }
            "audio_asset_pointer" => {
                let seconds = seconds(object.metadata.0.start, object.metadata.0.end);
                self.parts.push(Part::Audio { file: file_of(&mut object, FileKind::Audio), seconds });
            }
            "real_time_user_audio_video_asset_pointer" => self.real_time(object),
            "video_container_asset_pointer" => {
                let frames = count(object.frames.0.len());
                let file = file_of(&mut object, FileKind::Video);
                self.parts.push(Part::Video { file: Some(file), frames });
            }
            _ if object.asset_pointer.filled().is_some() => {
                texts = &["text"];
                if let Some(text) = object.text.filled() {
                    self.text_part(text)?;
                }
                self.parts.push(Part::File(file_of(&mut object, FileKind::Other)));
            }
            _ if object.text.filled().is_some() => {
                texts = &["text"];
                self.text_part(object.text.as_str())?;
            }
            _ if self.is_for_the_model() && is_text(kind) => {}
            _ => {
                let before = self.parts.len();
                let words = json.map_or_else(|| Ok(Text::default()), |json| words::words(json, &[]))?;
                self.labelled(kind, words);
                if self.parts.len() == before && !kind.is_empty() {
                    self.parts.push(Part::Unknown { kind: kind.into() });
                }
                return Ok(());
            }
        }
        if is_odd && !self.is_for_the_model() {
            let shown: Vec<_> = texts.iter().copied().chain(["name", "file_name"]).collect();
            self.leftovers(kind, json, &shown, &PART_CONTAINERS)?;
        }
        Ok(())
    }

    fn image(&mut self, mut object: PartObject<'a>) {
        // Pages of a file that the model was given to read.
        if self.scope == Scope::Payload && pointer::is_page(object.asset_pointer.as_str()) {
            return;
        }
        let file = file_of(&mut object, FileKind::Image);
        let prompt = object.metadata.0.dalle.0.prompt.take_filled().or_else(|| self.prompt.clone());
        let title = self.metadata.rare.as_ref().and_then(|rare| rare.image_gen_title.filled());
        let title = title.map(Cow::Borrowed).map(unmarked);
        let alt = title.or_else(|| prompt.clone());
        self.parts.push(Part::Image(Image { file, alt, prompt }));
    }

    /// What a camera and microphone sent.
    fn real_time(&mut self, mut object: PartObject<'a>) {
        let frames = object.frames.0.len();
        if let Some(mut audio) = object.audio.0.take() {
            let seconds = seconds(audio.metadata.0.start, audio.metadata.0.end);
            if audio.asset_pointer.filled().is_some() {
                self.parts.push(Part::Audio { file: file_at(&mut audio, FileKind::Audio), seconds });
            }
        }
        let mut video = object.video.0.take().unwrap_or_default();
        let frames = count(frames.saturating_add(video.frames.0.len()));
        let file = video.asset_pointer.filled().is_some().then(|| file_at(&mut video, FileKind::Video));
        if file.is_some() || frames > 0 {
            self.parts.push(Part::Video { file, frames });
        }
    }

    /// A program. Returns the key of its text, as do all below.
    fn code(&mut self) -> Result<&'static str> {
        let (held, text) = self.content.only_field()?;
        if !text.trim().is_empty() {
            self.parts.push(Part::Code { language: self.content.language_of(&text), text });
        }
        Ok(held)
    }

    /// What the code interpreter printed, how it failed, and its pictures.
    fn execution(&mut self) -> Result<&'static str> {
        let (held, text) = self.content.only_field()?;
        let aggregate = self.metadata.rare.as_ref().map(|rare| &rare.aggregate_result);
        let whole = aggregate.and_then(Deferred::as_written);
        let mut run = aggregate.map_or_else(|| Ok(Obj::default()), Deferred::open)?.0;
        let failures = [run.in_kernel_exception.0.take(), run.system_exception.0.take()];
        let text = if text.trim().is_empty() { streams(&mut run) } else { text };
        for exception in failures.into_iter().flatten() {
            // The printed text usually ends with the traceback.
            if exception.value.name.filled().is_none_or(|name| !text.contains(name)) {
                self.parts.extend(traceback(exception)?);
            }
        }
        if !text.trim().is_empty() {
            self.parts.insert(0, Part::Output(text));
        }
        let mut seen = std::collections::HashSet::new();
        let pictures =
            run.messages.0.into_iter().filter_map(|Obj(mut message)| message.image_url.take_filled());
        let shown =
            run.jupyter_messages.0.into_iter().flat_map(|Obj(message)| message.content.0.data.0.images);
        for id in pictures.chain(shown.map(Cow::Borrowed)).map(pointer::id_of) {
            if !id.is_empty() && seen.insert(id.clone()) {
                let file = FileRef { id, kind: FileKind::Plot, ..FileRef::default() };
                self.parts.push(Part::Image(Image { file, alt: Some("Plot".into()), prompt: None }));
            }
        }
        if let Some(json) = whole.filter(|_| self.parts.is_empty()) {
            let words = words::words(json, &RUN_SETTINGS)?;
            self.output(words);
        }
        Ok(held)
    }

    fn thoughts(&mut self) -> Result<&'static str> {
        let (mut thoughts, mut held) = (Vec::new(), "");
        for Maybe(thought) in std::mem::take(&mut self.content.thoughts.0) {
            match thought {
                Some(thought) if thought.summary.0.is_none() && is_json(thought.content.as_str()) => {
                    thoughts.extend(self.encoded_thoughts(thought)?);
                }
                Some(thought) => thoughts.extend(thought_of(thought)?),
                None => {}
            }
        }
        if thoughts.is_empty() {
            let (key, content) = self.content.only_field()?;
            held = key;
            if !content.trim().is_empty() {
                thoughts.push(Thought { summary: Cow::Borrowed(""), content });
            }
        }
        if !thoughts.is_empty() {
            self.parts.push(Part::Thoughts(thoughts));
        }
        Ok(held)
    }

    /// Thoughts that were written as JSON in a string; the string itself if it is not.
    fn encoded_thoughts(&self, thought: ThoughtStep<'a>) -> Result<Vec<Thought<'a>>> {
        let text = thought.content.as_str();
        let list = lenient::read::<List<Maybe<ThoughtStep<'a>>>>(Json { text, texts: self.texts });
        let list = list.unwrap_or_default().0.into_iter().filter_map(|Maybe(thought)| thought);
        let thoughts = list.map(thought_of).collect::<Result<Vec<_>>>()?;
        let thoughts: Vec<_> = thoughts.into_iter().flatten().collect();
        if thoughts.is_empty() { Ok(thought_of(thought)?.into_iter().collect()) } else { Ok(thoughts) }
    }

    fn recap(&mut self) -> Result<&'static str> {
        let seconds = self.metadata.finished_duration_sec.whole();
        let (held, text) = self.content.only_field()?;
        if seconds.is_some() || !text.trim().is_empty() {
            self.parts.push(Part::Recap { seconds, text });
        }
        Ok(held)
    }

    fn failure(&mut self) -> Result<&'static str> {
        let ((held, text), name) = (self.content.only_field()?, self.content.rare().name.take());
        if !name.trim().is_empty() || !text.trim().is_empty() {
            self.parts.push(Part::Failure { name, text });
        }
        Ok(held)
    }

    fn screenshot(&mut self) -> Result<()> {
        let page = &mut self.content.rare().state.0;
        let title = page.title.take_filled().or_else(|| page.url.take_filled().map(untracked));
        let file = match std::mem::take(&mut self.content.rare().screenshot) {
            RawPart::Object(mut object) => file_of(&mut object, FileKind::Image),
            RawPart::Text(pointer) => {
                let id = pointer::id_of(pointer.open()?.take());
                FileRef { id, kind: FileKind::Image, ..FileRef::default() }
            }
            RawPart::Empty | RawPart::Odd(_) => FileRef { kind: FileKind::Image, ..FileRef::default() },
        };
        let alt =
            title.map_or(Cow::Borrowed("Screenshot"), |title| Cow::Owned(format!("Screenshot: {title}")));
        self.parts.push(Part::Image(Image { file, alt: Some(alt), prompt: None }));
        Ok(())
    }

    fn widgets(&mut self) {
        let items = std::mem::take(&mut self.content.rare().widgets.0.navlinks.0);
        let links: Vec<_> = items
            .into_iter()
            .filter_map(|Obj(mut item)| link(item.title.take_filled(), item.url.take_filled()))
            .collect();
        if !links.is_empty() {
            self.parts.push(Part::Links(links));
        }
    }

    fn quote(&mut self) -> Result<()> {
        let text = self.content.text.open()?.take();
        let rare = self.content.rare();
        let url = untracked(rare.url.take());
        let label = rare.title.take_filled().or_else(|| rare.domain.take_filled());
        if !text.trim().is_empty() || label.is_some() {
            let source = Link { label: label.unwrap_or_default(), url, publisher: Cow::Borrowed("") };
            self.parts.push(Part::Quote { source, text });
        }
        Ok(())
    }

    /// Content of a type that we don't know: whatever text it has, and its files.
    fn unknown(&mut self) -> Result<&'static str> {
        let (mut objects, mut held) = (Vec::new(), "");
        let mut texts = vec![self.content.text.open()?.take()];
        for part in std::mem::take(&mut self.content.parts.0) {
            match part {
                RawPart::Empty => {}
                RawPart::Text(text) => texts.push(text.open()?.take()),
                RawPart::Odd(json) => Reader::new(json).strings(&WORDLESS, |text| {
                    texts.push(text.text()?.into());
                    Ok(())
                })?,
                RawPart::Object(object)
                    if object.text.filled().is_some()
                        && !object.is_odd
                        && object.asset_pointer.filled().is_none() =>
                {
                    texts.push(object.text.as_str().into());
                }
                RawPart::Object(object) => objects.push(object),
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        if texts.is_empty() {
            let content = self.content.content;
            let rare = self.content.rare();
            for (key, text) in
                [("content", content), ("result", rare.result), ("output_str", rare.output_str)]
            {
                if texts.is_empty() {
                    texts.extend(text.open()?.take_filled());
                    held = key;
                }
            }
        }
        for text in texts {
            if self.scope == Scope::Hidden { self.output(text) } else { self.prose(text)? }
        }
        for object in objects {
            self.object(*object)?;
        }
        Ok(held)
    }

    /// The custom instructions that come with a message: only ever part of hidden messages.
    fn user_context(&mut self) -> Result<()> {
        if self.scope != Scope::Hidden || !self.parts.is_empty() {
            return Ok(());
        }
        let Some(rare) = &self.metadata.rare else { return Ok(()) };
        let Obj(mut context) = rare.user_context.open()?;
        self.proses([context.about_user.take(), context.about_model.take()])
    }

    /// Puts the passage that a question is about above the question.
    fn quote_before(&mut self) {
        let Some(rare) = &mut self.metadata.rare else { return };
        let marked = rare.targeted_reply.filled().or_else(|| rare.targeted_reply_label.filled());
        if let Some(text) = marked
            && self.scope == Scope::Everything
        {
            self.parts.insert(0, Part::Quote { source: Link::default(), text });
        }
    }
}

/// True if `text` looks like a JSON list or object.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['[', '{'])
}

/// A thought, unless it is blank.
fn thought_of(mut thought: ThoughtStep<'_>) -> Result<Option<Thought<'_>>> {
    let summary = thought.summary.take_filled().unwrap_or_default();
    let mut content = thought
        .content
        .take_filled()
        .unwrap_or_else(|| Cow::Owned(thought.chunks.0.iter().map(Str::as_str).collect()));
    if let Some(json) = thought.odd {
        // Chunks repeat the content.
        let chunks: &[&str] = if content.trim().is_empty() { &[] } else { &["chunks"] };
        let words = words::beside(json, &["summary", "content"], chunks)?;
        if content.trim().is_empty() {
            content = words;
        } else if !words.is_empty() {
            content = Cow::Owned(format!("{content}\n\n{words}"));
        }
    }
    Ok((!summary.is_empty() || !content.trim().is_empty()).then_some(Thought { summary, content }))
}

/// Keys in the record of a run whose values nobody wrote or printed.
const RUN_SETTINGS: [&str; 22] = [
    "code", "status", "run_id", "start_time", "update_time", "end_time", "time", "date", "name", "sender",
    "stream_name", "message_type", "msg_type", "msg_id", "version", "execution_state", "header",
    "parent_header", "metadata", "image_url", "image/png", "image/jpeg",
];

/// A count that fits in 32 bits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The length of a recording.
fn seconds(start: Num, end: Num) -> Option<f64> {
    let length = end.0? - start.0.unwrap_or_default();
    (length.is_finite() && length >= 0.0).then_some(length)
}

/// What a run printed, where the message itself does not say.
fn streams<'a>(run: &mut Aggregate<'a>) -> Text<'a> {
    let text: String = run.messages.0.iter().map(|Obj(message)| message.text.0).collect();
    if text.trim().is_empty() { run.final_expression_output.0.into() } else { Cow::Owned(text) }
}

/// How a run failed.
fn traceback<'a>(exception: Whole<'a, Exception<'a>>) -> Result<Option<Part<'a>>> {
    let Whole { value: mut exception, json } = exception;
    let mut text = exception.traceback.filled().or_else(|| exception.args.filled());
    let name = exception.name.take();
    if let Some(json) = json.filter(|_| name.is_empty() && text.is_none()) {
        text = Some(words::words(json, &[])?);
    }
    let text = text.unwrap_or_default();
    Ok((!name.trim().is_empty() || !text.trim().is_empty()).then_some(Part::Failure { name, text }))
}
