//! One message: who speaks, whether it is shown, and what it consists of.

use super::part::{PartBuilder, Scope};
use super::research::ReportMessage;
use super::schema::{self, Content};
use super::{answer, call, metadata};
use crate::conversation::{Cut, Message, Part, Role, Text, Visibility};
use crate::format::Detail;
use crate::format::lenient::Obj;
use crate::format::pull::{Result, Texts};

/// What a message's neighbours know of it.
#[derive(Debug, Default)]
pub(super) struct Context<'a> {
    /// For a tool's message: the prompt that its pictures were ordered with.
    pub(super) prompt: Option<Text<'a>>,
    /// For a call of the canvas tool: what the tool answered.
    pub(super) canvas: Option<Box<metadata::Canvas<'a>>>,
    /// For the first state of a research session: what came of it.
    pub(super) research: Option<Research<'a>>,
}

/// What a research session led to.
#[derive(Debug)]
pub(super) enum Research<'a> {
    /// A report, which is a message of its own.
    Report(Box<ReportMessage<'a>>),
    /// A line that says what is known of it.
    Line(Text<'a>),
}

/// Who speaks. An unknown role is shown like the model.
pub(super) fn role(raw: &schema::Message<'_>) -> Role {
    match raw.author.0.role.as_str() {
        "user" => Role::User,
        "tool" => Role::Tool,
        "system" | "developer" => Role::System,
        _ => Role::Assistant,
    }
}

/// The recipient of a message, unless it is everyone.
pub(super) fn recipient<'r>(raw: &'r schema::Message<'_>) -> Option<&'r str> {
    Some(raw.recipient.as_str()).filter(|to| !to.is_empty() && *to != "all")
}

/// Puts one message into the neutral model. Its id is empty if it has none of its own.
pub(super) fn message<'a>(
    raw: &mut schema::Message<'a>,
    known: Context<'a>,
    detail: Detail,
    texts: &'a Texts,
) -> Result<Message<'a>> {
    let mut role = role(raw);
    let cut = cut(raw, role);
    let mut content = raw.content.0.take().or_else(|| raw.stray.0.take().map(|stray| *stray));
    let is_research = known.research.is_some();
    let mut parts = match (known.research, &mut content) {
        (Some(Research::Report(mut report)), _) => report_parts(&mut report, texts)?,
        (Some(Research::Line(line)), _) => vec![Part::Note(line)],
        (None, Some(content)) => {
            let treatment = treatment(raw, content, role);
            let known = Context { research: None, ..known };
            shown_parts(raw, content, treatment, known, texts)?
        }
        (None, None) => Vec::new(),
    };
    let visibility = if parts.is_empty() { Visibility::Hidden } else { Visibility::Shown };
    let parts_are_hidden = parts.is_empty();
    if is_research {
        role = Role::Assistant;
        raw.author.0.name.take();
    }
    if parts.is_empty()
        && detail == Detail::All
        && let Some(content) = content.as_mut()
    {
        parts = build(content, &mut raw.metadata.0, Scope::Hidden, None, texts)?;
    }
    Ok(Message {
        id: raw.id.take_filled().unwrap_or_default(),
        role,
        // Only in a group does the assistant go by another name.
        name: raw.author.0.name.take_filled().filter(|_| role != Role::Assistant || parts_are_hidden),
        recipient: recipient(raw).is_some().then(|| raw.recipient.take()),
        created: raw.create_time.0,
        model: raw.metadata.0.model_slug.take_filled(),
        visibility,
        cut,
        parts,
    })
}

/// The parts of a report.
pub(super) fn report_parts<'a>(report: &mut ReportMessage<'a>, texts: &'a Texts) -> Result<Vec<Part<'a>>> {
    let message = &mut report.message;
    let Some(mut content) = message.content.0.take() else { return Ok(Vec::new()) };
    let mut parts = build(&mut content, &mut message.metadata.0, Scope::Everything, None, texts)?;
    if let Some(json) = report.json {
        answer::expand_alone(&mut parts, json)?;
    }
    Ok(parts)
}

/// The parts of content that nothing else is known about.
pub(super) fn content_parts<'a>(mut content: Content<'a>, texts: &'a Texts) -> Result<Vec<Part<'a>>> {
    build(&mut content, &mut metadata::Metadata::default(), Scope::Everything, None, texts)
}

/// Content that only feeds the model: what it read on a page.
const PAGES_READ: [&str; 4] =
    ["tether_quote", "tether_browsing_display", "tether_browsing_code", "sonic_webpage"];

/// Content that instructs the model.
const INSTRUCTIONS: [&str; 6] = [
    "user_editable_context",
    "model_editable_context",
    "app_pairing_content",
    "system_content",
    "developer_content",
    "computer_initialize_state",
];

/// How a message is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Treatment {
    Hidden,
    Call,
    As(Scope),
}

/// Decides whether and how a message is shown, by the first of the client's rules that applies.
///
/// `weight` alone hides only messages of tools. A message that addresses a tool is a call; a tool's message shows what
/// is meant for people (pictures, what programs printed, failures), while its text is written for the model.
fn treatment(raw: &schema::Message<'_>, content: &Content<'_>, role: Role) -> Treatment {
    let metadata = &raw.metadata.0;
    let kind = content.content_type.as_str();
    if metadata.hidden.0 || role == Role::System || INSTRUCTIONS.contains(&kind) {
        return Treatment::Hidden;
    }
    match (role, recipient(raw)) {
        (Role::Tool, None) if raw.weight.0 == Some(0.0) => Treatment::Hidden,
        // The result of a task that ran for a while, such as a research report, is an answer.
        (Role::Tool, None) if metadata.is_async_result.0 => Treatment::As(Scope::Everything),
        (Role::Tool, None)
            if kind == "code"
                || PAGES_READ.contains(&kind)
                || call::reads_files(raw.author.0.name.as_str()) =>
        {
            Treatment::Hidden
        }
        (Role::Tool, None) => Treatment::As(Scope::Payload),
        (Role::Assistant, Some(tool)) if call::is_shown(tool) => Treatment::Call,
        (Role::Tool | Role::Assistant, Some(_)) => Treatment::Hidden,
        _ if PAGES_READ.contains(&kind) => Treatment::Hidden,
        _ => Treatment::As(Scope::Everything),
    }
}

fn build<'a>(
    content: &mut Content<'a>,
    metadata: &mut metadata::Metadata<'a>,
    scope: Scope,
    prompt: Option<Text<'a>>,
    texts: &'a Texts,
) -> Result<Vec<Part<'a>>> {
    // Most messages have one part.
    PartBuilder { content, metadata, scope, prompt, texts, parts: Vec::with_capacity(1) }.build()
}

/// What is shown of a message.
fn shown_parts<'a>(
    raw: &mut schema::Message<'a>,
    content: &mut Content<'a>,
    treatment: Treatment,
    known: Context<'a>,
    texts: &'a Texts,
) -> Result<Vec<Part<'a>>> {
    let Obj(metadata) = &mut raw.metadata;
    match treatment {
        Treatment::Hidden => Ok(Vec::new()),
        Treatment::Call => {
            let text = content.call_text()?;
            let tool = raw.recipient.as_str();
            let beside = call::words_beside(tool, &text, texts)?;
            let parts: Vec<_> = call::part(tool, content, text, known.canvas, texts).into_iter().collect();
            let is_shown = !parts.is_empty();
            let scope = Scope::Everything;
            let mut builder = PartBuilder { content, metadata, scope, prompt: None, texts, parts };
            if is_shown {
                builder.labelled(tool, beside);
            } else {
                builder.otherwise()?;
            }
            Ok(builder.parts)
        }
        Treatment::As(scope) => build(content, metadata, scope, known.prompt, texts),
    }
}

/// Why an answer ends early.
fn cut(raw: &schema::Message<'_>, role: Role) -> Option<Cut> {
    match raw.metadata.0.finish_details.0.kind.as_str() {
        "max_tokens" if role == Role::Assistant => Some(Cut::Length),
        "interrupted" if role == Role::Assistant => Some(Cut::Stopped),
        _ => None,
    }
}
