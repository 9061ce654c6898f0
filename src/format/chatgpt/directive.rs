//! Writing blocks: `:::writing{variant="email" subject="…"}` … `:::` in an answer, shown as a quote under its subject.

use crate::markdown::{self, Voice};
use memchr::memmem;
use std::sync::LazyLock;

const OPEN: &str = ":::writing";
const CLOSE: &str = ":::";

static OPEN_FINDER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(OPEN));

/// True if `text` may hold a writing block.
pub(super) fn may_be_in(text: &str) -> bool {
    OPEN_FINDER.find(text.as_bytes()).is_some()
}

/// `text` with its writing blocks as block quotes. One that is not closed goes on to the end; in fences there are none.
pub(super) fn expand(text: &str) -> Option<String> {
    if !may_be_in(text) {
        return None;
    }
    let code = markdown::fenced_ranges(text, Voice::Markdown);
    let is_code = |at: usize| markdown::is_within(at, &code);
    let mut out = String::with_capacity(text.len() + text.len() / 16);
    let mut block: Option<DirectiveBlock> = None;
    let mut after_block = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        match &mut block {
            None => match opening(line).filter(|_| !is_code(start)) {
                Some(opened) => block = Some(opened),
                None if after_block && line.trim().is_empty() => {}
                None => {
                    if std::mem::take(&mut after_block) {
                        out.push('\n');
                    }
                    out.push_str(line);
                }
            },
            Some(open) if line.trim_end() == CLOSE && !is_code(start) => {
                open.write(&mut out);
                block = None;
                after_block = true;
            }
            Some(open) => open.body.push_str(line),
        }
    }
    if let Some(open) = block {
        open.write(&mut out);
    }
    Some(out)
}

struct DirectiveBlock {
    subject: Option<String>,
    body: String,
}

impl DirectiveBlock {
    fn write(&self, out: &mut String) {
        let body = markdown::trim_block(&self.body);
        let mut inside =
            self.subject.as_ref().map(|subject| format!("**Subject: {subject}**")).unwrap_or_default();
        if !inside.is_empty() && !body.is_empty() {
            inside.push_str("\n\n");
        }
        inside.push_str(body);
        if inside.is_empty() {
            return;
        }
        if !out.is_empty() && !out.ends_with("\n\n") {
            out.push_str(if out.ends_with('\n') { "\n" } else { "\n\n" });
        }
        markdown::quote(&inside, out);
        out.push('\n');
    }
}

/// The writing block that `line` opens, if it does.
fn opening(line: &str) -> Option<DirectiveBlock> {
    let attributes = line.strip_prefix(OPEN)?.trim();
    let is_list = attributes.starts_with('{') && attributes.ends_with('}');
    if !is_list {
        return None;
    }
    let subject = attributes.split_once("subject=\"").map(|(_, rest)| {
        let mut escaped = false;
        let end = rest.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        markdown::label(&rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().replace("\\\"", "\""))
            .into_owned()
    });
    Some(DirectiveBlock { subject: subject.filter(|subject| !subject.is_empty()), body: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> String {
        expand(text).unwrap_or_else(|| text.to_owned())
    }

    #[test]
    fn a_writing_block_is_quoted_under_its_subject() {
        let text = "Here:\n:::writing{variant=\"email\" id=\"1\" subject=\"Haiku\"}\nDear Bo,\n\nsee above.\n:::\n\nDone.";
        let expected = "Here:\n\n> **Subject: Haiku**\n>\n> Dear Bo,\n>\n> see above.\n\nDone.";
        assert_eq!(expanded(text), expected);
    }

    #[test]
    fn writing_blocks_in_a_row_are_quotes_of_their_own() {
        let text = ":::writing{}\na\n:::\n:::writing{}\nb\n:::\nc";
        assert_eq!(expanded(text), "> a\n\n> b\n\nc");
    }

    #[test]
    fn an_open_writing_block_goes_on_to_the_end() {
        assert_eq!(expanded(":::writing{variant=\"chat\"}\na\n\nb"), "> a\n>\n> b\n");
    }

    #[test]
    fn a_writing_block_in_a_fence_is_code() {
        let text = "```\n:::writing{subject=\"x\"}\n:::\n```";
        assert_eq!(expanded(text), text);
        let text = ":::writing{}\n```\n:::\n```\n:::";
        assert_eq!(expanded(text), "> ```\n> :::\n> ```\n");
    }

    #[test]
    fn words_that_only_look_like_it_stay() {
        for text in ["a :::writing{}", ":::writingdesk", ":::writing{", ":::writing", "::: warning\nx\n:::"] {
            assert_eq!(expanded(text), text);
        }
    }
}
