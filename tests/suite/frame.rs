//! No message can forge or swallow the frame of a page: two independent Markdown parsers find exactly the headings of
//! levels 1 and 2 that the renderer wrote, in order.

use gptfs::internals::{
    ASSISTANT, Canvas, Conversation, Document, FileRef, Files, Headings, Message, MessageTree, Node, NodeId,
    Options, Page, Part, Prose, Role, Thought, Threads, Zone,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Headings of levels 1 and 2, each with its level.
type Found = Vec<(u8, String)>;

fn prose(text: &str) -> Part<'_> {
    Part::Prose(Prose { text: text.into(), ..Prose::default() })
}

fn conversation<'a>(title: &'a str, messages: Vec<Message<'a>>) -> Conversation<'a> {
    let nodes = messages.into_iter().enumerate().map(|(at, message)| Node {
        parent: at.checked_sub(1).map(|parent| NodeId(parent as u32)),
        message: Some(message),
    });
    let title = (!title.is_empty()).then(|| title.into());
    Conversation {
        assistant: ASSISTANT,
        title,
        tree: MessageTree::new(nodes.collect()),
        ..Conversation::default()
    }
}

fn render(conversation: &Conversation<'_>, options: &Options) -> String {
    let threads = Threads { visible: conversation.tree.ids().collect(), branches: Vec::new() };
    let document = Document::from_parts(conversation, threads, Canvas::default(), Files::default());
    let mut page = String::new();
    document.render(Page::Thread, options, &mut page).expect("writing to a string succeeds");
    let measure = document.measure(Page::Thread, options);
    assert_eq!(measure.size(0) as usize, page.len());
    page
}

/// A page that uses `body` in every role, with blocks of the renderer between, and ends with a plain turn.
pub(super) fn page(body: &str) -> String {
    let file = || FileRef { name: Some("lost.txt".into()), ..FileRef::default() };
    let thought = Thought { summary: "Summary".into(), content: body.into() };
    let messages = vec![
        Message::new(Role::User, vec![prose(body), Part::File(file())]),
        Message::new(Role::Assistant, vec![Part::Thoughts(vec![thought]), prose(body), Part::File(file())]),
        Message::new(Role::Tool, vec![prose(body), Part::Output("printed".into()), prose(body)]),
        Message::new(Role::User, vec![prose("last words")]),
    ];
    render(&conversation("The title", messages), &Options::new(Zone::utc()))
}

pub(super) fn expected() -> Found {
    let headings = [(1, "The title"), (2, "User"), (2, "ChatGPT"), (2, "User")];
    headings.iter().map(|&(level, text)| (level, text.to_owned())).collect()
}

pub(super) fn without_front_matter(page: &str) -> &str {
    let (_, rest) = page.split_once("\n---\n").expect("the end of the front matter");
    rest
}

fn pulldown(markdown: &str, options: pulldown_cmark::Options) -> Found {
    use pulldown_cmark::{Event, Parser, Tag, TagEnd};
    let mut found = Found::new();
    let mut open: Option<(u8, String)> = None;
    for event in Parser::new_ext(markdown, options) {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level as u8 <= 2 => {
                open = Some((level as u8, String::new()));
            }
            Event::End(TagEnd::Heading(_)) => found.extend(open.take()),
            Event::Text(text) | Event::Code(text) => {
                if let Some((_, heading)) = &mut open {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

fn comrak(markdown: &str, options: &comrak::Options<'_>) -> Found {
    use comrak::nodes::NodeValue;
    let arena = comrak::Arena::new();
    let root = comrak::parse_document(&arena, markdown, options);
    let mut found = Found::new();
    for node in root.descendants() {
        let NodeValue::Heading(heading) = node.data.borrow().value.clone() else { continue };
        if heading.level > 2 {
            continue;
        }
        let mut text = String::new();
        for inner in node.descendants() {
            match &inner.data.borrow().value {
                NodeValue::Text(words) => text.push_str(words),
                NodeValue::Code(code) => text.push_str(&code.literal),
                _ => {}
            }
        }
        found.push((heading.level, text));
    }
    found
}

pub(super) fn github_extensions() -> comrak::Options<'static> {
    let mut options = comrak::Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.tasklist = true;
    options.extension.autolink = true;
    options.extension.footnotes = true;
    options
}

/// Returns a description of the first parser that finds other headings than `expected`.
fn fault(page: &str, expected: &Found) -> Option<String> {
    let markdown = without_front_matter(page);
    let plain = pulldown_cmark::Options::empty();
    let github = pulldown_cmark::Options::ENABLE_TABLES
        | pulldown_cmark::Options::ENABLE_FOOTNOTES
        | pulldown_cmark::Options::ENABLE_TASKLISTS;
    let metadata = pulldown_cmark::Options::ENABLE_YAML_STYLE_METADATA_BLOCKS;
    let readers = [
        ("pulldown-cmark", pulldown(markdown, plain)),
        ("pulldown-cmark with extensions", pulldown(markdown, github)),
        ("pulldown-cmark with front matter", pulldown(page, metadata)),
        ("comrak", comrak(markdown, &comrak::Options::default())),
        ("comrak with extensions", comrak(markdown, &github_extensions())),
    ];
    let wrong = readers.into_iter().find(|(_, found)| found != expected)?;
    Some(format!("{} found {:?}\n{page}", wrong.0, wrong.1))
}

#[track_caller]
fn holds(body: &str) {
    if let Some(fault) = fault(&page(body), &expected()) {
        panic!("{body:?}: {fault}");
    }
}

/// Bodies that turn each construct of Markdown against the frame.
pub(super) const BODIES: &[&str] = &[
    "plain",
    "# one",
    "## two",
    "   # indented",
    "    # code",
    "#\ttab",
    "#",
    "##",
    "#######",
    "# closed #",
    "## ChatGPT",
    "text\n# interrupts",
    "one\n===",
    "two\n---",
    "two\n-",
    "one\n=",
    "one\ntwo\n===",
    "one\ntwo  \n   ---  ",
    "one #\n===",
    "#######\n===",
    "a\n\n===\n",
    "a\n    ===\n",
    "`a\n===\nb`",
    "> # quoted",
    "> one\n> ===",
    "> one\n===",
    "> one\n---",
    ">> # twice",
    "> - # in a list",
    "- # item",
    "- one\n  ===",
    "- one\n===",
    "- one\n\n  two\n  ---",
    "1. # item",
    "12) # item",
    "1234567890. # no item",
    "- - - # nested",
    "-\n  # after an empty marker",
    "-\n\n  # not in the item",
    "-     # code in an item",
    "-\t# tab",
    "-\t\t# tabs",
    ">\t# tab",
    ">\t\t# tabs",
    "\t# tab",
    "  - a\n\n     # deep",
    "1. a\n\n   # in the item\n\n  # out of it",
    "a\n2. # no list here",
    "> a\n2. # perhaps a list",
    "> a\n-\n# x",
    "* * *\n# x",
    "***\ntext\n***",
    "---\ntext\n---",
    "---\ntitle: x\n---\n# y",
    "---\n\ntext\n\n---",
    "+++\na\n+++",
    "...",
    "```\n# code\n```",
    "```\n# never closed",
    "````\n```\n# never closed",
    "~~~\n# never closed",
    "~~~~~ info ` ~\nopen",
    "``` a`b\n# no fence",
    "```\n    ```\n# still inside",
    "~~~\n~~~\t\n# outside",
    "```\n``` x\n# still inside",
    "   ```\n# x\n  ```",
    "    ```\n# no fence",
    "text\n```\n# inside",
    "> ```\n# outside",
    "> ```\n> # inside",
    "- ```\n# outside",
    "- ```\n  # inside",
    "- ```\n  x\n\n  # inside\n\n- # outside",
    "1. a\n```\nopen",
    "<details>\n# x",
    "<details>\n\n# x",
    "text <details> text",
    "</details>",
    "<!-- open\n\n# x",
    "<!-- closed -->\n# x",
    "text\n<!-- open",
    "<script>\n\n# x",
    "<SCRIPT src=x>",
    "<pre>\n\nopen",
    "</pre>\n# x",
    "<style>\n\nopen",
    "<textarea>\n\nopen",
    "<?php\n\nopen",
    "<!DOCTYPE\n\nopen",
    "<![CDATA[\n\nopen",
    "> <!-- open\n\n# x",
    "- <pre>\n\n# x",
    "<div>\n# x\n</div>",
    "<div>\n```\n\n# x",
    "<a b>\n```\n\n# x",
    "<a\nb>\n===",
    "text\n<div>\n===",
    "text\n<span>\n===",
    "<x>\n- a\n\n  # b",
    "- <x>\n```\n\n  # b",
    "> <x>\ny\n===",
    "<table><tr><td>\n<pre>\n**Hello**,\n\n_world_.\n</pre>\n</td></tr></table>",
    "[a]: /url\n===",
    "[a]: /url\n# x",
    "[a]:\n/url\n'title\n===\n'",
    "[a\nb]: /url\n===",
    "[User]: /url \"title",
    "[^1]: # note",
    "[^1]:\n    # note",
    "[^1]: note\n\n    # more",
    "| a |\n|---|\n| # b |",
    "a\n:-:\n---",
    "> | a |\n> |---|\nb\n===",
    "| a |\n|---|\n<x>\n```",
    "a\\\n===",
    "a\\",
    "\\# a",
    "&#35; a",
    "a<br>\n===",
    "\u{a0}# no-break space",
    "\u{2003}# em space",
    "\r# cr\r\n## crlf",
    "\u{c}# form feed",
    "\u{b}===\u{b}",
    "a\u{0}\n===",
    "\u{feff}# byte order mark",
    "\u{2028}# line separator",
    "\u{85}# next line",
    "* a\n  * b\n    * c\n      # d\n",
    ":::writing{subject=\"# x\"}\n# y\n===\n```\nopen",
    ":::writing\n> ```\n:::\n# x",
    "text\u{fdd0}\n# x",
];

#[test]
fn no_construct_of_markdown_forges_or_swallows_a_heading() {
    for body in BODIES {
        holds(body);
        holds(&format!("before\n\n{body}\n\nafter\n---"));
        holds(&format!("before\n{body}\nafter\n==="));
        holds(&format!("- {body}"));
        holds(&format!("> {body}"));
    }
}

/// The Markdown of the examples in CommonMark's `spec.txt`: up to the line with a single dot, with `→` for tabs.
fn examples(spec: &str) -> Vec<String> {
    let fence = "`".repeat(32);
    let opening = format!("{fence} example\n");
    let blocks = spec.split(&opening).skip(1);
    let bodies = blocks.filter_map(|block| block.split_once(&fence)?.0.split_once("\n.\n"));
    bodies.map(|(markdown, _)| markdown.replace('→', "\t")).collect()
}

/// The examples of the specification. Its licence keeps it out of this repository: `GPTFS_SPEC` names a copy of
/// `spec.txt`. Without it there is one sample.
pub(super) fn specification() -> Vec<String> {
    let fence = "`".repeat(32);
    let sample = format!("{fence} example\n# a\n→b\n.\n<h1>a</h1>\n{fence}\n");
    assert_eq!(examples(&sample), ["# a\n\tb"]);
    let spec = std::env::var("GPTFS_SPEC").map_or(sample, |path| {
        std::fs::read_to_string(path).expect("GPTFS_SPEC names a copy of the specification")
    });
    examples(&spec)
}

#[test]
fn no_commonmark_example_forges_or_swallows_a_heading() {
    for example in &specification() {
        holds(example);
    }
}

#[test]
fn no_pair_of_constructs_forges_or_swallows_a_heading() {
    for first in BODIES {
        for second in BODIES {
            holds(&format!("{first}\n{second}"));
        }
    }
}

#[test]
fn deep_nesting_forges_nothing() {
    for marker in ["> ", "- ", "1. ", "* > ", "-\t"] {
        for depth in [10, 23, 24, 25, 101, 150] {
            let deep = marker.repeat(depth);
            for body in ["# x", "```\n# y", "a\n===\n---", "<div>\n# x", "<!-- x"] {
                holds(&format!("{deep}{body}"));
                holds(&format!("{deep}a\n{}{body}\n\n# z", " ".repeat(depth)));
            }
        }
    }
}

/// Fragments that random hostile texts are made of.
const PIECES: &[&str] = &[
    "\n", "\n", "\n", "\n\n", " ", "  ", "    ", "\t", "# ", "## ", "###### ", "#", "> ", ">", "- ", "-",
    "* ", "+ ", "1. ", "2. ", "1)", "10. ", "===", "---", "=", "***", "___", "* * *", "```", "````", "``",
    "`", "~~~", "~~~~", "``` x\n", "a", "word", "word word", "<", ">", "<div>", "</div>", "<x>", "<x y=\"",
    "\">", "</x>", "<details>", "</details>", "<summary>", "<!--", "-->", "<?", "?>", "<!A", "<![CDATA[",
    "]]>", "<script>", "</script>", "<pre>", "</pre>", "<style", "<p>", "<b>", "<search>", "[", "]",
    "[a]: /u", "[a]:", "]: ", "[^1]: ", "(", ")", "\\", "|", "|---|", ":-:", "&amp;", "\r", "\r\n", "é",
    "\u{a0}", "!", "+++", "...", "$$", ":::", ":::writing", "{", "}", "\u{200b}", "\u{0}",
];

pub(super) fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat())
}

/// The number of random cases, 10,000 unless `GPTFS_CASES` is set.
pub(super) fn cases() -> u32 {
    std::env::var("GPTFS_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(10_000)
}

#[test]
fn no_random_text_forges_or_swallows_a_heading() {
    let config = Config { cases: cases(), failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&hostile(), |body| match fault(&page(&body), &expected()) {
        None => Ok(()),
        Some(fault) => Err(TestCaseError::fail(fault)),
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn no_title_forges_a_heading_or_breaks_the_front_matter() {
    let config = Config { cases: cases() / 4, failure_persistence: None, ..Config::default() };
    let titles =
        prop_oneof![hostile(), any::<String>(), "[\"'\\\\:#\u{85}\u{2028}\u{feff}\u{fdd0}\u{ffff} -]{0,8}"];
    let result = TestRunner::new(config).run(&titles, |title| {
        let page = render(
            &conversation(&title, vec![Message::new(Role::User, vec![prose("Hi")])]),
            &Options::new(Zone::utc()),
        );
        let markdown = without_front_matter(&page);
        for found in [
            pulldown(markdown, pulldown_cmark::Options::empty()),
            comrak(markdown, &comrak::Options::default()),
        ] {
            let levels: Vec<u8> = found.iter().map(|(level, _)| *level).collect();
            prop_assert_eq!(levels, vec![1, 2], "{}", page);
        }
        let yaml =
            page.strip_prefix("---\n").and_then(|rest| rest.split_once("\n---\n")).map(|(yaml, _)| yaml);
        let documents = yaml_rust2::YamlLoader::load_from_str(yaml.unwrap()).unwrap();
        let expected = if title.is_empty() { "Untitled" } else { &title };
        prop_assert_eq!(documents[0]["title"].as_str(), Some(expected));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn headings_keep_changes_nothing_but_an_open_fence() {
    let mut options = Options::new(Zone::utc());
    options.headings = Headings::Keep;
    let body = "# one\n\ntwo\n---\n\n<details>\n\n<div>\n\n<!-- x\n\n```\nopen";
    let page = render(&conversation("T", vec![Message::new(Role::Assistant, vec![prose(body)])]), &options);
    assert_eq!(page, format!("---\ntitle: \"T\"\n---\n\n# T\n\n## ChatGPT\n\n{body}\n```\n"));
}
