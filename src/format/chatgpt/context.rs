//! What messages need to know about their neighbours: a picture the prompt that ordered it, a call of the canvas tool
//! its answer, a state of a research session whether there is a better one.

use super::call;
use super::links::Links;
use super::message::{self, Context, Research};
use super::node::{NodeMessage, Nodes};
use super::research::{self, ResearchState};
use super::schema;
use crate::conversation::Role;
use crate::format::pull::Result;
use crate::time::Timestamp;
use std::borrow::Cow;
use std::collections::HashMap;

/// How far above a message its neighbours are looked for. A call and its answers are close; the bound keeps hostile
/// trees linear.
const STEPS: usize = 16;

/// The contexts of the few messages that need one, by position.
pub(super) type Contexts<'a> = HashMap<u32, Context<'a>>;

/// The contexts of `nodes`.
pub(super) fn contexts<'a>(nodes: &mut Nodes<'a>, links: &Links) -> Result<Contexts<'a>> {
    let mut contexts = Contexts::new();
    let mut sessions = Sessions::new();
    for at in 0..nodes.list.len() as u32 {
        let Some(raw) = nodes.raw_mut(at as usize) else { continue };
        if message::role(raw) != Role::Tool {
            continue;
        }
        if research::may_hold(raw)
            && let Some(state) = research::state_of(raw)?
        {
            // The widget is shown where it first appeared.
            let first = first_state(nodes, links, at);
            let better = sessions.get(&first).is_none_or(|known| rank(&state) >= rank(known));
            if better {
                sessions.insert(first, state);
            }
            continue;
        }
        let canvas = raw.metadata.0.rare.as_mut().and_then(|rare| rare.canvas.0.take());
        if let Some(canvas) = canvas {
            if let Some(call) = call_of(nodes, links, at) {
                contexts.entry(call).or_default().canvas.get_or_insert(Box::new(canvas));
            }
        } else if has_picture(raw)
            && let Some(call) = call_of(nodes, links, at)
            && let Some(prompt) = prompt_of(nodes, call)?
        {
            contexts.entry(at).or_default().prompt = Some(Cow::Owned(prompt));
        }
    }
    for (first, mut state) in sessions {
        if let (Some(report), Some(details)) = (&mut state.report.0, nodes.details_mut(first as usize)) {
            details.searches = std::mem::take(&mut report.message.metadata.0.search_result_groups);
        }
        let line = state.line();
        let shown = state.report.0.filter(|report| report.message.content.0.is_some());
        contexts.entry(first).or_default().research =
            Some(shown.map_or(Research::Line(line), Research::Report));
    }
    Ok(contexts)
}

/// The best state of each research session, by the position of its first.
type Sessions<'a> = HashMap<u32, ResearchState<'a>>;

/// A state with a report wins, then the later one.
fn rank(state: &ResearchState<'_>) -> (bool, Option<Timestamp>) {
    (state.has_report(), state.updated.0)
}

/// The first message of the turn of `at` that holds the state of a research session.
fn first_state(nodes: &Nodes<'_>, links: &Links, at: u32) -> u32 {
    let above = std::iter::successors(Some(at), |&at| parent(links, at)).skip(1).take(STEPS);
    let messages = above.map_while(|at| {
        let message = nodes.message(at as usize)?;
        (!message.is_user()).then_some((at, message.raw()))
    });
    let states = messages.filter(|(_, raw)| raw.is_some_and(research::may_hold));
    states.last().map_or(at, |(at, _)| at)
}

fn parent(links: &Links, at: u32) -> Option<u32> {
    links.parents.get(at as usize).copied().flatten().map(|parent| parent.0)
}

/// True if a message holds a picture that does not say what it was made from.
fn has_picture(raw: &schema::Message<'_>) -> bool {
    let parts = raw.content.0.iter().flat_map(|content| &content.parts.0);
    let mut objects = parts.filter_map(|part| match part {
        schema::RawPart::Object(object) => Some(object),
        _ => None,
    });
    objects.any(|object| object.metadata.0.dalle.0.prompt.filled().is_none())
}

fn prompt_of(nodes: &Nodes<'_>, call: u32) -> Result<Option<String>> {
    let raw = nodes.message(call as usize).and_then(NodeMessage::raw);
    raw.and_then(|raw| raw.content.0.as_ref()).map_or(Ok(None), call::prompt)
}

/// The call that the tool's message at `answer` answers: the nearest one above it, within the same turn, to a tool of
/// the same family.
fn call_of(nodes: &Nodes<'_>, links: &Links, answer: u32) -> Option<u32> {
    let message = |at: u32| nodes.message(at as usize);
    let tool = message(answer)?.raw()?.author.0.name.as_str();
    let mut at = answer;
    for _ in 0..STEPS {
        at = parent(links, at)?;
        let message = message(at)?;
        if message.is_user() {
            return None;
        }
        let Some(raw) = message.raw().filter(|raw| message::role(raw) == Role::Assistant) else { continue };
        let is_family = |called| tool.is_empty() || call::family(called) == call::family(tool);
        if message::recipient(raw).is_some_and(is_family) {
            return Some(at);
        }
    }
    None
}
