//! ChatGPT as an assistant: its name, its addresses, and the notations of its answers.

use super::{directive, marks};
use crate::conversation::Conversation;
use crate::conversation::assistant::{AnswerText, Assistant, Mark};
use crate::markdown::{Hints, encode_path_segment};
use std::borrow::Cow;

/// ChatGPT.
#[derive(Debug)]
pub(super) struct ChatGptAssistant {
    /// Its conversations have addresses, unlike group chats.
    pub(super) has_addresses: bool,
}

impl Assistant for ChatGptAssistant {
    fn name(&self) -> &'static str {
        "ChatGPT"
    }

    fn address(&self, conversation: &Conversation<'_>) -> Option<String> {
        if conversation.id.is_empty() || !self.has_addresses {
            return None;
        }
        let id = encode_path_segment(&conversation.id);
        Some(match conversation.project.as_ref().or(conversation.gpt.as_ref()) {
            Some(home) => format!("https://chatgpt.com/g/{}/c/{id}", encode_path_segment(home)),
            None => format!("https://chatgpt.com/c/{id}"),
        })
    }

    fn plain_name<'t>(&self, name: &'t str) -> Cow<'t, str> {
        marks::unmarked(Cow::Borrowed(name))
    }

    fn may_mark(&self, hints: Hints) -> bool {
        marks::may_be_in(hints)
    }

    fn marks<'t>(&self, answer: &AnswerText<'t>, found: &mut dyn FnMut(Mark<'t>)) {
        marks::find(answer, found);
    }

    fn linked_files<'t>(&self, text: &'t str, found: &mut dyn FnMut(&'t str)) {
        marks::sandbox_links(text, &mut |_, _, path, _| found(path));
    }

    fn has_notation(&self, text: &str, hints: Hints) -> bool {
        hints.may_have(Hints::BRACE) && directive::may_be_in(text)
    }

    fn notation(&self, answer: &AnswerText<'_>) -> Option<String> {
        directive::expand(answer.text)
    }
}
