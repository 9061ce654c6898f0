//! Measures one conversation: its head, with the exact size of every page.

use crate::catalog::{Asset, BranchPage, Condition, Head, Location};
use crate::conversation::{Conversation, Role, Visibility, thread};
use crate::render::{Document, Options, PageReader};
use std::collections::HashSet;

/// The head of the conversation in `document`, whose JSON is at `location`. Shows its pages to `reader`.
pub(super) fn head(
    document: &Document<'_>,
    location: Location,
    options: &Options,
    reader: Option<&mut dyn PageReader>,
) -> Head {
    let conversation = document.conversation;
    let Thread { turns, messages, models } = Thread::of(document);
    let (pages, prompts) = document.measures(options, reader);
    let mut measures = pages.into_iter();
    let page = measures.next().unwrap_or_default();
    let branches = document.threads.branches.iter().zip(measures);
    let branches = branches.map(|(branch, measure)| BranchPage { number: branch.number, measure });
    let assets = document.files.files.iter().map(|file| Asset {
        name: file.name.as_str().into(),
        content: file.content,
        bytes: file.bytes,
    });
    Head {
        id: conversation.id.as_ref().into(),
        title: conversation.title.as_deref().map(Into::into),
        created: conversation.created,
        updated: conversation.updated,
        models,
        gpt: conversation.gpt.as_deref().map(Into::into),
        project: conversation.project.as_deref().map(Into::into),
        starred: conversation.starred,
        archived: conversation.archived,
        turns,
        messages,
        location,
        page,
        prompts,
        branches: branches.collect(),
        assets: assets.collect(),
        missing: document.files.missing,
        condition: Condition::Sound,
    }
}

/// What a head says about the visible thread of its conversation.
#[derive(Default)]
struct Thread {
    turns: u32,
    /// Number of shown messages.
    messages: u32,
    /// The models that answered, in order of appearance.
    models: Vec<Box<str>>,
}

impl Thread {
    /// Visits each message once: by now they have left the processor's cache.
    fn of(document: &Document<'_>) -> Self {
        let mut thread = Self::default();
        let mut turns = thread::Turns::default();
        let (mut seen, mut last) = (HashSet::new(), None);
        let tree = &document.conversation.tree;
        for message in document.threads.visible.iter().filter_map(|&node| tree.message(node)) {
            if message.visibility == Visibility::Shown {
                thread.messages += 1;
                thread.turns += u32::from(turns.begins(message));
            }
            let model = message.model.as_deref().filter(|_| message.role == Role::Assistant);
            // Most answers are by the model of the one before.
            if let Some(model) = model.filter(|_| model != last) {
                last = Some(model);
                if seen.insert(model) {
                    thread.models.push(model.into());
                }
            }
        }
        if thread.models.is_empty() {
            thread.models.extend(document.conversation.default_model.as_deref().map(Into::into));
        }
        thread
    }
}

/// What is shown in place of a conversation that is too large, or couldn't be read.
pub(super) fn placeholder(head: &Head, limit: usize) -> Conversation<'_> {
    let known = Conversation {
        id: (&*head.id).into(),
        title: head.title.as_deref().map(Into::into),
        created: head.created,
        updated: head.updated,
        ..Conversation::default()
    };
    withheld(known, head.condition, head.location, limit)
}

/// What is shown in place of `conversation`, whose head will have this condition. Takes from it what heads have.
pub(super) fn withheld(
    conversation: Conversation<'_>,
    condition: Condition,
    location: Location,
    limit: usize,
) -> Conversation<'_> {
    let bytes = location.end.saturating_sub(location.start);
    let damage = match condition {
        Condition::Unread => format!(
            "there was too little memory for its {bytes} bytes of JSON; mount the export again to read it"
        ),
        Condition::Bug => {
            "a bug in gptfs prevents it; please report what gptfs check says about it".to_owned()
        }
        Condition::TooLarge | Condition::Sound | Condition::Damaged | Condition::Unverified => {
            format!("its {bytes} bytes of JSON exceed the limit of {limit} (--max-conversation)")
        }
    };
    let Conversation { id, title, export, created, updated, .. } = conversation;
    Conversation {
        assistant: crate::format::assistant_of_unread(),
        id,
        title,
        export,
        created,
        updated,
        withheld: true,
        damage: Some(damage),
        ..Conversation::default()
    }
}
