//! Reports of Deep Research, which are stored as the state of an interface rather than as messages.
//!
//! # Facts about the format
//!
//! The state is an object: `{status, plan{title, plan_id}, last_updated_at, report_message}`. It is found in three places:
//!
//! * `metadata.chatgpt_sdk.widget_state` of a tool's message, as JSON in a string;
//! * the text of a hidden message of `api_tool.widget_state`, after "The latest state of the widget is: ";
//! * a file of the library, of type `deep_research_report`: `{widget_state, …}`, an object or a string. Slim exports have
//!   only this one.
//!
//! `report_message` is a whole message with references of its own; its id is in no mapping.

use super::marks::unmarked;
use super::metadata::Metadata;
use super::schema::{Content, Message};
use super::words;
use crate::conversation::Text;
use crate::format::lenient::{self, Deferred, Maybe, Obj, Record, Str, Time, record};
use crate::format::pull::{Json, Reader, Result};
use crate::format::repair::repair;

record! {
    /// What the interface of one research session shows.
    struct ResearchState {
        status: Str<'a> = "status",
        plan: Obj<ResearchPlan<'a>> = "plan",
        updated: Time = "last_updated_at",
        report: Maybe<Box<ReportMessage<'a>>> = "report_message",
    }
}

/// A report, which is a message inside another one.
#[derive(Debug, Default)]
pub(super) struct ReportMessage<'a> {
    pub(super) message: Message<'a>,
    /// Its JSON, to be read again where its text needs more of it.
    pub(super) json: Option<Json<'a>>,
}

impl<'a> Record<'a> for ReportMessage<'a> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        self.message.set(key, reader)
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let start = reader.container_start();
        self.message.fill(reader)?;
        let json = reader.since(start);
        self.json = Some(json);
        if self.message.content.0.is_none() {
            let stray = self.message.stray.0.take().map(|stray| *stray);
            let others = ["author", "metadata", "status", "recipient", "channel"];
            let words = || words::beside(json, &[], &others);
            self.message.content.0 = match stray {
                None => Content::of_words(words()?, json.texts),
                stray => stray,
            };
        }
        Ok(())
    }

    fn from_text(text: &'a str) -> Option<Self> {
        Some(Self::of(Content::from_text(text)))
    }

    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        Content::from_list(reader).map(|content| Some(Self::of(content)))
    }
}

impl<'a> ReportMessage<'a> {
    /// A report that is nothing but its content.
    fn of(content: Option<Content<'a>>) -> Self {
        Self { message: Message { content: Maybe(content), ..Message::default() }, json: None }
    }
}

record! {
    struct ResearchPlan {
        title: Str<'a> = "title",
        id: Str<'a> = "plan_id",
    }
}

record! {
    struct ReportFile {
        state: Deferred<'a, Str<'a>> = "widget_state",
    }
}

impl<'a> ResearchState<'a> {
    /// True if the report is there.
    pub(super) fn has_report(&self) -> bool {
        self.report.0.as_ref().is_some_and(|report| report.message.content.0.is_some())
    }

    /// The line shown instead of a missing report.
    pub(super) fn line(&self) -> Text<'a> {
        let title = self.plan.0.title.filled().map(|title| unmarked(title.into()));
        let parts = [title, self.status.filled().map(Text::from)];
        let parts: Vec<_> = parts.into_iter().flatten().collect();
        if parts.is_empty() {
            "Deep research".into()
        } else {
            format!("Deep research: {}", parts.join(", ")).into()
        }
    }
}

/// True if the message may hold the state of a research session.
pub(super) fn may_hold(raw: &Message<'_>) -> bool {
    let tool = raw.author.0.name.as_str();
    tool.starts_with("api_tool") && (tool == STATE_TOOL || has_sdk(&raw.metadata.0))
}

const STATE_TOOL: &str = "api_tool.widget_state";

fn has_sdk(metadata: &Metadata<'_>) -> bool {
    metadata.rare.as_ref().is_some_and(|rare| !rare.sdk.is_empty())
}

/// The state of a research session that the message of a tool holds.
pub(super) fn state_of<'a>(raw: &Message<'a>) -> Result<Option<ResearchState<'a>>> {
    let Some(content) = &raw.content.0 else { return Ok(None) };
    let Some(Json { texts, .. }) = content.json else { return Ok(None) };
    let mut is_named = true;
    let text = if raw.author.0.name.as_str() == STATE_TOOL {
        let key = raw.metadata.0.rare.as_ref().map_or("", |rare| rare.exclusive_key.as_str());
        if !key.is_empty() && !key.contains("Deep Research") {
            return Ok(None);
        }
        let text = content.only_text()?;
        let Some(start) = text.find('{') else { return Ok(None) };
        texts.keep(text.get(start..).unwrap_or_default())
    } else {
        let sdk = raw.metadata.0.rare.as_ref().map_or_else(|| Ok(Obj::default()), |rare| rare.sdk.open());
        let Obj(sdk) = sdk?;
        is_named = sdk.attribution_id.as_str().contains("deep_research")
            || sdk.html_asset_pointer.as_str().contains("deep-research")
            || sdk.resource_name.as_str().starts_with("Deep Research");
        match sdk.widget_state.as_written() {
            Some(json) if json.text.starts_with('{') => json.text,
            _ => sdk.widget_state.open()?.as_str(),
        }
    };
    // What the vendor put into a string may be broken without harm to the rest.
    let state = read_state(Json { text, texts });
    // Other apps have a state too, but no report.
    let is_shown =
        |state: &ResearchState<'_>| state.has_report() || (is_named && state.plan.0.title.filled().is_some());
    Ok(state.filter(is_shown))
}

/// The state in `json`, which may be in a string once more, or cut off.
fn read_state(json: Json<'_>) -> Option<ResearchState<'_>> {
    let Json { text, texts } = json;
    let text = match lenient::read::<Str<'_>>(json) {
        Ok(inside) if text.trim_start().starts_with('"') => inside.as_str(),
        _ => text,
    };
    if let Ok(Maybe(state)) = lenient::read(Json { text, texts }) {
        return state;
    }
    let text = texts.keep(&repair(text.as_bytes()).json);
    lenient::read::<Maybe<ResearchState<'_>>>(Json { text, texts }).ok()?.0
}

/// The state in a file of the library.
pub(super) fn report_in<'a>(json: Json<'a>) -> Option<ResearchState<'a>> {
    let Maybe(file) = lenient::read::<Maybe<ReportFile<'a>>>(json).ok()?;
    read_state(file?.state.as_written()?)
}
