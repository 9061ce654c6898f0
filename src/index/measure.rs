//! Measures one conversation: its head, with the exact size of every page.

use crate::catalog::{Asset, Branch, Head, Location, Page};
use crate::conversation::{Conversation, Role, Visibility, thread};
use crate::render::{Document, Options};

/// The head of the conversation in `document`, whose JSON is at `location`.
pub(super) fn head(document: &Document<'_>, location: Location, options: &Options) -> Head {
    let conversation = document.conversation;
    let Thread { turns, messages, models } = Thread::of(document);
    let branches = document.threads.branches.iter().map(|branch| Branch {
        number: branch.number,
        measure: document.measure(Page::Branch(branch.number), options),
    });
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
        page: document.measure(Page::Thread, options),
        branches: branches.collect(),
        assets: assets.collect(),
        missing: document.files.missing,
        unverified: false,
    }
}

/// What a head says about the visible thread.
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
        let tree = &document.conversation.tree;
        for message in document.threads.visible.iter().filter_map(|&node| tree.message(node)) {
            if message.visibility == Visibility::Shown {
                thread.messages += 1;
                thread.turns += u32::from(turns.begins(message));
            }
            if let Some(model) = message.model.as_deref().filter(|_| message.role == Role::Assistant)
                && !thread.models.iter().any(|known| &**known == model)
            {
                thread.models.push(model.into());
            }
        }
        if thread.models.is_empty() {
            thread.models.extend(document.conversation.default_model.as_deref().map(Into::into));
        }
        thread
    }
}

/// A placeholder for a conversation that is too large, made from what is known of it.
pub(super) fn oversized(head: &Head, limit: usize) -> Conversation<'_> {
    Conversation {
        assistant: crate::format::assistant_of_unread(),
        id: (&*head.id).into(),
        title: head.title.as_deref().map(Into::into),
        created: head.created,
        updated: head.updated,
        withheld: true,
        damage: Some(format!(
            "its {} bytes of JSON exceed the limit of {limit} (--max-conversation)",
            head.location.end - head.location.start,
        )),
        ..Conversation::default()
    }
}
