//! One conversation measured: its head, with the exact size of every page.

use crate::catalog::{Asset, Branch, Head, Location, Page};
use crate::conversation::{Conversation, Role, thread};
use crate::render::{Document, Options};

/// The head of the conversation that `document` shows and that lies at `location`.
pub(super) fn head(document: &Document<'_>, location: Location, options: &Options) -> Head {
    let conversation = document.conversation;
    let turns: Vec<_> = thread::turns(conversation, &document.threads.visible).collect();
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
        models: models(document),
        gpt: conversation.gpt.as_deref().map(Into::into),
        project: conversation.project.as_deref().map(Into::into),
        starred: conversation.starred,
        archived: conversation.archived,
        turns: turns.len() as u32,
        messages: turns.iter().map(|turn| turn.nodes.len() as u32).sum(),
        location,
        page: document.measure(Page::Thread, options),
        branches: branches.collect(),
        assets: assets.collect(),
        unverified: false,
    }
}

/// The models that answered on the visible thread, in order of appearance.
fn models(document: &Document<'_>) -> Vec<Box<str>> {
    let tree = &document.conversation.tree;
    let mut models: Vec<Box<str>> = Vec::new();
    let messages = document.threads.visible.iter().filter_map(|&node| tree.message(node));
    for model in messages.filter(|message| message.role == Role::Assistant).filter_map(|m| m.model.as_deref())
    {
        if !models.iter().any(|known| &**known == model) {
            models.push(model.into());
        }
    }
    if models.is_empty() {
        models.extend(document.conversation.default_model.as_deref().map(Into::into));
    }
    models
}

/// What is left to show of a conversation that is too large to be shown, from what is known of it.
pub(super) fn oversized(head: &Head, limit: usize) -> Conversation<'_> {
    Conversation {
        id: (&*head.id).into(),
        title: head.title.as_deref().map(Into::into),
        created: head.created,
        updated: head.updated,
        damage: Some(format!(
            "its {} bytes of JSON exceed the limit of {limit} (--max-conversation)",
            head.location.end - head.location.start,
        )),
        ..Conversation::default()
    }
}
