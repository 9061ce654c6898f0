//! The content of a message as parts: every content type and part type that ChatGPT has had.

use super::link::{link, untracked};
use super::reference;
use super::schema::{
    Aggregate, Attachment, Content, Exception, Metadata, Part as RawPart, PartObject, Pointer,
};
use crate::conversation::{FileKind, FileRef, Image, Link, Part, Prose, Text, Thought};
use crate::format::lenient::{Escaped, Maybe, Num, Obj, Str};
use crate::format::pointer;
use crate::format::pull::Result;
use std::borrow::Cow;

/// For whom content is turned into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// A message of a person or the model: all of it is shown.
    Everything,
    /// A tool's message: only what is meant for people. Its text is meant for the model.
    Payload,
    /// A hidden message: all of it, as it is.
    Hidden,
}

/// True for content that is text with what goes with it. In a tool's message its text is meant for the model.
pub(super) fn is_text(kind: &str) -> bool {
    matches!(kind, "text" | "multimodal_text" | "")
}

/// A message's content on its way to parts.
pub(super) struct Builder<'m, 'a> {
    pub(super) content: &'m mut Content<'a>,
    pub(super) metadata: &'m mut Metadata<'a>,
    pub(super) scope: Scope,
    /// The words that a picture in this message was ordered with.
    pub(super) prompt: Option<Text<'a>>,
    pub(super) parts: Vec<Part<'a>>,
}

impl<'a> Builder<'_, 'a> {
    /// The parts of the content, then the attachments that are not among them.
    pub(super) fn build(mut self) -> Result<Vec<Part<'a>>> {
        let kind = self.content.content_type.as_str();
        match kind {
            kind if is_text(kind) => self.text()?,
            "code" | "tether_browsing_code" => self.code()?,
            "execution_output" => self.execution()?,
            "thoughts" => self.thoughts()?,
            "reasoning_recap" => self.recap()?,
            "system_error" => self.failure()?,
            "computer_output" => self.screenshot()?,
            "citable_code_output" => {
                let output = self.content.rare().output_str.open()?.take();
                self.output(output);
            }
            "super_widget" => self.widgets(),
            "user_editable_context" => {
                let texts =
                    [self.content.rare().user_profile.take(), self.content.rare().user_instructions.take()];
                self.proses(texts)?;
            }
            "model_editable_context" => {
                let texts =
                    [self.content.rare().model_set_context.take(), self.content.rare().repo_summary.take()];
                self.proses(texts)?;
            }
            "tether_browsing_display" => {
                let rare = self.content.rare();
                for text in [rare.result, rare.summary] {
                    self.output(text.open()?.take());
                }
            }
            "tether_quote" | "sonic_webpage" => self.quote()?,
            _ => self.unknown(Cow::Borrowed(kind))?,
        }
        self.user_context()?;
        self.attachments();
        Ok(self.parts)
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

    fn text(&mut self) -> Result<()> {
        let mut kept = Vec::new();
        for part in &mut std::mem::take(&mut self.content.parts.0) {
            match std::mem::take(part) {
                RawPart::Empty => {}
                // Kept for whoever wants to see hidden messages.
                text @ RawPart::Text(_) if self.scope == Scope::Payload => kept.push(text),
                RawPart::Text(text) => self.text_part(text.open()?.as_str())?,
                RawPart::Object(object) => self.object(*object)?,
            }
        }
        self.content.parts.0.append(&mut kept);
        if let Some(text) = std::mem::take(&mut self.content.text).open()?.filled() {
            self.text_part(text)?;
        }
        Ok(())
    }

    fn text_part(&mut self, text: &'a str) -> Result<()> {
        match self.scope {
            Scope::Everything => self.prose(text.into())?,
            Scope::Hidden => self.output(text.into()),
            // Kept for whoever wants to see hidden messages.
            Scope::Payload => self.content.parts.0.push(RawPart::Text(Escaped::Plain(text))),
        }
        Ok(())
    }

    /// A part that is an object.
    fn object(&mut self, mut object: PartObject<'a>) -> Result<()> {
        match object.content_type.as_str() {
            "image_asset_pointer" => self.image(object),
            "audio_transcription" => self.prose(object.text.take())?,
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
                self.parts.push(Part::File(file_of(&mut object, FileKind::Other)));
            }
            _ if object.text.filled().is_some() => self.text_part(object.text.as_str())?,
            "" => {}
            _ => self.parts.push(Part::Unknown { kind: object.content_type.take() }),
        }
        Ok(())
    }

    fn image(&mut self, mut object: PartObject<'a>) {
        let file = file_of(&mut object, FileKind::Image);
        let prompt = object.metadata.0.dalle.0.prompt.take_filled().or_else(|| self.prompt.clone());
        let title = self.metadata.rare.as_ref().and_then(|rare| rare.image_gen_title.filled());
        let title = title.map(Cow::Borrowed);
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

    fn code(&mut self) -> Result<()> {
        let text = self.content.call_text()?;
        if !text.trim().is_empty() {
            self.parts.push(Part::Code { language: self.content.language_of(&text), text });
        }
        Ok(())
    }

    /// What the code interpreter printed, how it failed, and its pictures.
    fn execution(&mut self) -> Result<()> {
        let text = self.content.text.open()?.take_filled();
        let mut run = match &self.metadata.rare {
            Some(rare) => rare.aggregate_result.open()?.0,
            None => Aggregate::default(),
        };
        let failures = [run.in_kernel_exception.0.take(), run.system_exception.0.take()];
        let text = text.unwrap_or_else(|| streams(&mut run));
        for exception in failures.into_iter().flatten() {
            // The printed text as a rule ends with the traceback.
            if exception.name.filled().is_none_or(|name| !text.contains(name)) {
                self.parts.extend(traceback(exception));
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
                let file = FileRef { id, kind: FileKind::Image, ..FileRef::default() };
                self.parts.push(Part::Image(Image { file, alt: Some("Plot".into()), prompt: None }));
            }
        }
        Ok(())
    }

    fn thoughts(&mut self) -> Result<()> {
        let thoughts = std::mem::take(&mut self.content.thoughts.0);
        let mut thoughts: Vec<_> = thoughts
            .into_iter()
            .filter_map(|Maybe(thought)| {
                let mut thought = thought?;
                let summary = thought.summary.take_filled().unwrap_or_default();
                let content = thought
                    .content
                    .take_filled()
                    .unwrap_or_else(|| Cow::Owned(thought.chunks.0.iter().map(Str::as_str).collect()));
                (!summary.is_empty() || !content.trim().is_empty()).then_some(Thought { summary, content })
            })
            .collect();
        if thoughts.is_empty() {
            let own = [self.content.content.open()?, self.content.text.open()?];
            let text = own.into_iter().find_map(|mut text| text.take_filled());
            thoughts.extend(text.map(|content| Thought { summary: Cow::Borrowed(""), content }));
        }
        if !thoughts.is_empty() {
            self.parts.push(Part::Thoughts(thoughts));
        }
        Ok(())
    }

    fn recap(&mut self) -> Result<()> {
        let seconds = self.metadata.finished_duration_sec.whole();
        let text = self.content.content.open()?.take();
        if seconds.is_some() || !text.trim().is_empty() {
            self.parts.push(Part::Recap { seconds, text });
        }
        Ok(())
    }

    fn failure(&mut self) -> Result<()> {
        let (name, text) = (self.content.rare().name.take(), self.content.text.open()?.take());
        if !name.trim().is_empty() || !text.trim().is_empty() {
            self.parts.push(Part::Failure { name, text });
        }
        Ok(())
    }

    fn screenshot(&mut self) -> Result<()> {
        let page = &mut self.content.rare().state.0;
        let title = page.title.take_filled().or_else(|| page.url.take_filled().map(untracked));
        let file = match std::mem::take(&mut self.content.rare().screenshot) {
            RawPart::Object(mut object) => file_of(&mut object, FileKind::Image),
            RawPart::Text(pointer) => FileRef {
                id: pointer::id_of(pointer.open()?.take()),
                kind: FileKind::Image,
                ..FileRef::default()
            },
            RawPart::Empty => FileRef { kind: FileKind::Image, ..FileRef::default() },
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
        let url = untracked(self.content.rare().url.take());
        let label =
            self.content.rare().title.take_filled().or_else(|| self.content.rare().domain.take_filled());
        if !text.trim().is_empty() || label.is_some() {
            let source = Link { label: label.unwrap_or_default(), url, publisher: Cow::Borrowed("") };
            self.parts.push(Part::Quote { source, text });
        }
        Ok(())
    }

    /// Content of a type that we don't know: whatever text it has, and its files.
    fn unknown(&mut self, kind: Text<'a>) -> Result<()> {
        let mut objects = Vec::new();
        let mut texts = vec![self.content.text.open()?.take()];
        for part in std::mem::take(&mut self.content.parts.0) {
            match part {
                RawPart::Empty => {}
                RawPart::Text(text) => texts.push(text.open()?.take()),
                RawPart::Object(mut object) => {
                    texts.push(object.text.take());
                    if object.asset_pointer.filled().is_some() {
                        objects.push(object);
                    }
                }
            }
        }
        texts.retain(|text| !text.trim().is_empty());
        if texts.is_empty() {
            let content = self.content.content;
            let rare = self.content.rare();
            for text in [content, rare.result, rare.output_str] {
                if texts.is_empty() {
                    texts.extend(text.open()?.take_filled());
                }
            }
        }
        if texts.is_empty() && objects.is_empty() && self.scope != Scope::Hidden {
            self.parts.push(Part::Unknown { kind });
        }
        for text in texts {
            if self.scope == Scope::Hidden { self.output(text) } else { self.prose(text)? }
        }
        for object in objects {
            self.object(*object)?;
        }
        Ok(())
    }

    /// The custom instructions that a message carries beside its content: only ever part of hidden messages.
    fn user_context(&mut self) -> Result<()> {
        if self.scope != Scope::Hidden || !self.parts.is_empty() {
            return Ok(());
        }
        let Some(rare) = &self.metadata.rare else { return Ok(()) };
        let Obj(mut context) = rare.user_context.open()?;
        self.proses([context.about_user.take(), context.about_model.take()])
    }

    /// Gives the files in the parts the names that the attachments have for them, and adds the attachments that are
    /// not among the parts.
    fn attachments(&mut self) {
        let Some(rare) = &mut self.metadata.rare else { return };
        let attachments = std::mem::take(&mut rare.attachments.0);
        if attachments.is_empty() {
            return;
        }
        let attached = attachments.into_iter().map(|Obj(attachment)| file_attached(attachment));
        // With the place that each has in the export.
        let mut files: Vec<_> = attached.enumerate().map(|(place, file)| (file, place, false)).collect();
        files.sort_by(|(a, ..), (b, ..)| a.id.cmp(&b.id));
        files.dedup_by(|(a, ..), (b, ..)| !a.id.is_empty() && a.id == b.id);
        for part in &mut self.parts {
            let (file, alt) = match part {
                Part::Image(image) => (&mut image.file, Some(&mut image.alt)),
                Part::Audio { file, .. } | Part::File(file) | Part::Video { file: Some(file), .. } => {
                    (file, None)
                }
                _ => continue,
            };
            let Ok(at) = files.binary_search_by(|(attached, ..)| attached.id.cmp(&file.id)) else { continue };
            let Some((attached, _, used)) = files.get_mut(at).filter(|_| !file.id.is_empty()) else {
                continue;
            };
            *used = true;
            file.name = attached.name.clone().or_else(|| file.name.take());
            file.mime = attached.mime.clone().or_else(|| file.mime.take());
            file.bytes = attached.bytes.or(file.bytes);
            if let Some(alt @ None) = alt {
                alt.clone_from(&file.name);
            }
        }
        files.sort_by_key(|&(_, place, _)| place);
        let rest =
            files.into_iter().filter(|(file, _, used)| !used && (!file.id.is_empty() || file.name.is_some()));
        self.parts.extend(rest.map(|(file, ..)| match file.kind {
            FileKind::Image => {
                let alt = file.name.clone();
                Part::Image(Image { file, alt, prompt: None })
            }
            FileKind::Audio => Part::Audio { file, seconds: None },
            FileKind::Video => Part::Video { file: Some(file), frames: 0 },
            FileKind::Other => Part::File(file),
        }));
    }
}

/// A count that fits 32 bits.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The length of a recording.
fn seconds(start: Num, end: Num) -> Option<f64> {
    let length = end.0? - start.0.unwrap_or_default();
    (length.is_finite() && length >= 0.0).then_some(length)
}

/// The file that a part points to.
fn file_of<'a>(object: &mut PartObject<'a>, kind: FileKind) -> FileRef<'a> {
    FileRef {
        id: pointer::id_of(object.asset_pointer.take()),
        name: object.name.take_filled(),
        mime: object.mime_type.take_filled(),
        bytes: object.size_bytes.whole(),
        kind,
    }
}

/// The file that a pointer inside a part points to.
fn file_at<'a>(pointer: &mut Pointer<'a>, kind: FileKind) -> FileRef<'a> {
    let (id, bytes) = (pointer::id_of(pointer.asset_pointer.take()), pointer.size_bytes.whole());
    FileRef { id, bytes, kind, ..FileRef::default() }
}

/// The file that an attachment is.
fn file_attached(mut attachment: Attachment<'_>) -> FileRef<'_> {
    let mime = attachment.mime_type.take_filled();
    let kind = match mime.as_deref().and_then(|mime| mime.split_once('/')) {
        Some(("image", _)) => FileKind::Image,
        Some(("audio", _)) => FileKind::Audio,
        Some(("video", _)) => FileKind::Video,
        _ => FileKind::Other,
    };
    let id = attachment.id.take_filled().or_else(|| attachment.library_file_id.take_filled());
    FileRef {
        id: id.map(pointer::id_of).unwrap_or_default(),
        name: attachment.name.take_filled(),
        mime,
        bytes: attachment.size.whole(),
        kind,
    }
}

/// What a run printed, where the message itself does not say.
fn streams<'a>(run: &mut Aggregate<'a>) -> Text<'a> {
    let text: String = run.messages.0.iter().map(|Obj(message)| message.text.as_str()).collect();
    if text.trim().is_empty() { run.final_expression_output.take() } else { Cow::Owned(text) }
}

/// How a run failed.
fn traceback<'a>(mut exception: Exception<'a>) -> Option<Part<'a>> {
    let lines = |list: &[Str<'a>]| list.iter().map(Str::as_str).collect::<Vec<_>>().join("\n");
    let mut text = lines(&exception.traceback.0);
    if text.trim().is_empty() {
        text = lines(&exception.args.0);
    }
    let name = exception.name.take();
    (!name.trim().is_empty() || !text.trim().is_empty())
        .then_some(Part::Failure { name, text: Cow::Owned(text) })
}
