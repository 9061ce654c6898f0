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
    // The blank line that parts a block from what follows in the same item or quote.
    let mut after_block: Option<&str> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        if let Some(open) = &mut block {
            let inside = open.inside(line);
            if inside.trim_end() == CLOSE && !is_code(start) {
                open.write(&mut out);
                after_block = Some(open.prefix.trim_end());
                block = None;
            } else {
                open.body.push_str(inside);
            }
            continue;
        }
        match opening(line).filter(|_| !is_code(start)) {
            Some(opened) => block = Some(opened),
            None if after_block.is_some_and(|blank| line.trim().is_empty() || line.trim_end() == blank) => {}
            None => {
                if let Some(blank) = after_block.take() {
                    out.push_str(if line.starts_with(blank) { blank } else { "" });
                    out.push('\n');
                }
                out.push_str(line);
            }
        }
    }
    if let Some(open) = block {
        open.write(&mut out);
    }
    Some(out)
}

struct DirectiveBlock<'t> {
    /// What its lines begin with in a list item or quote.
    prefix: &'t str,
    subject: Option<String>,
    body: String,
}

impl DirectiveBlock<'_> {
    /// `line` without what all lines in the same item or quote begin with.
    fn inside<'l>(&self, line: &'l str) -> &'l str {
        match line.strip_prefix(self.prefix) {
            Some(inside) => inside,
            None if self.prefix.contains('>') => line.strip_prefix(self.prefix.trim_end()).unwrap_or(line),
            None => line.trim_start_matches([' ', '\t']),
        }
    }

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
        let blank = self.prefix.trim_end();
        if out.lines().next_back().is_some_and(|last| last != blank) {
            out.push_str(blank);
            out.push('\n');
        }
        let mut quote = String::with_capacity(inside.len() + inside.len() / 16);
        markdown::quote(&inside, &mut quote);
        for line in quote.lines() {
            out.push_str(self.prefix);
            out.push_str(line);
            out.push('\n');
        }
    }
}

/// What `line` begins with in a list item or quote.
pub(super) fn prefix(line: &str) -> &str {
    /// It is written once for each line of the block.
    const LONGEST: usize = 24;
    let length = line.len() - line.trim_start_matches([' ', '\t', '>']).len();
    line.get(..length).filter(|prefix| prefix.len() <= LONGEST).unwrap_or_default()
}

/// The writing block that `line` opens, if it does.
fn opening(line: &str) -> Option<DirectiveBlock<'_>> {
    let prefix = prefix(line);
    let attributes = line.strip_prefix(prefix)?.strip_prefix(OPEN)?.trim();
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
    Some(DirectiveBlock {
        prefix,
        subject: subject.filter(|subject| !subject.is_empty()),
        body: String::new(),
    })
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
    fn a_writing_block_may_be_a_subject_or_nothing() {
        assert_eq!(expanded(":::writing{subject=\"Tea\"}\n:::\nNext"), "> **Subject: Tea**\n\nNext");
        assert_eq!(expanded("> :::writing{}\n> a\n> :::\nNext"), "> > a\n\nNext");
        assert_eq!(expanded("Here:\n:::writing{}\n\n:::\nNext"), "Here:\n\nNext");
        let text = r#":::writing{subject="The \"old\" pond"}"#;
        assert_eq!(expanded(&format!("{text}\na\n:::")), "> **Subject: The \"old\" pond**\n>\n> a\n");
    }

    #[test]
    fn an_open_writing_block_goes_on_to_the_end() {
        assert_eq!(expanded(":::writing{variant=\"chat\"}\na\n\nb"), "> a\n>\n> b\n");
    }

    #[test]
    fn a_writing_block_stays_in_its_item_and_quote() {
        let text = "- Mail:\n  :::writing{subject=\"Tea\"}\n  Dear Bo,\n\n  - see above\n  :::\n- Next";
        let expected = "- Mail:\n\n  > **Subject: Tea**\n  >\n  > Dear Bo,\n  >\n  > - see above\n\n- Next";
        assert_eq!(expanded(text), expected);
        let text = "> Mail:\n> :::writing{}\n> Dear Bo,\n>\n> bye\n> :::\n> Next";
        let expected = "> Mail:\n>\n> > Dear Bo,\n> >\n> > bye\n>\n> Next";
        assert_eq!(expanded(text), expected);
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
