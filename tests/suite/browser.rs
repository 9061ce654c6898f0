//! A page holds in a browser, too: rendered by two Markdown parsers and read as HTML, each turn heading is a child of the
//! body, and nothing of one turn is inside an element of another.

use super::frame::{
    BODIES, cases, expected, github_extensions, hostile, page, specification, without_front_matter,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// A page that one Markdown parser turned into HTML, as a browser sees it: the text of each heading of levels 1 and 2 that
/// is a child of the body and holds nothing but text, and whether the last paragraph of the page does, too.
fn browsed(html: &str) -> (Vec<String>, bool) {
    use html5ever::tendril::TendrilSink;
    use markup5ever_rcdom::{Handle, NodeData, RcDom};
    fn name(node: &Handle) -> String {
        match &node.data {
            NodeData::Element { name, .. } => name.local.to_string(),
            _ => String::new(),
        }
    }
    fn plain(node: &Handle) -> Option<String> {
        let texts = node
            .children
            .borrow()
            .iter()
            .map(|child| match &child.data {
                NodeData::Text { contents } => Some(contents.borrow().to_string()),
                _ => None,
            })
            .collect::<Option<Vec<_>>>();
        Some(texts?.concat())
    }
    let options = html5ever::ParseOpts::default();
    let document =
        html5ever::parse_document(RcDom::default(), options).one(format!("<!DOCTYPE html>{html}")).document;
    let root = document.children.borrow().iter().find(|node| name(node) == "html").cloned().expect("a root");
    let body = root.children.borrow().iter().find(|node| name(node) == "body").cloned().expect("a body");
    let children = body.children.borrow();
    let headings = children.iter().filter(|node| matches!(name(node).as_str(), "h1" | "h2"));
    let found = headings.map(|node| plain(node).unwrap_or_else(|| "(more than text)".to_owned())).collect();
    let last = children.iter().rfind(|node| name(node) == "p");
    (found, last.is_some_and(|node| plain(node).as_deref() == Some("last words")))
}

/// What a browser finds wrong with `page`, whichever parser turned it into HTML.
fn browser_fault(page: &str) -> Option<String> {
    let markdown = without_front_matter(page);
    let (mut plain, mut github) = (comrak::Options::default(), github_extensions());
    plain.render.r#unsafe = true;
    github.render.r#unsafe = true;
    let pulldown = |options| {
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, pulldown_cmark::Parser::new_ext(markdown, options));
        html
    };
    let tables = pulldown_cmark::Options::ENABLE_TABLES | pulldown_cmark::Options::ENABLE_FOOTNOTES;
    let readers = [
        ("comrak", comrak::markdown_to_html(markdown, &plain)),
        ("comrak with extensions", comrak::markdown_to_html(markdown, &github)),
        ("pulldown-cmark", pulldown(pulldown_cmark::Options::empty())),
        ("pulldown-cmark with extensions", pulldown(tables)),
    ];
    let expected: Vec<String> = expected().into_iter().map(|(_, text)| text).collect();
    readers.into_iter().find_map(|(reader, html)| {
        let (found, ends) = browsed(&html);
        let holds = found == expected && ends;
        (!holds)
            .then(|| format!("{reader}: a browser finds {found:?}, last words alone: {ends}\n{page}\n{html}"))
    })
}

/// Tags, and pieces of tags, comments and other markup.
const MARKUP: &[&str] = &[
    "<b>", "</b>", "<i>", "</i>", "<a href=\"x\">", "</a>", "<div>", "</div>", "<div class=\"", "<div",
    "<p>", "</p>", "<table>", "</table>", "<tr>", "</tr>", "<td>", "</td>", "<th>", "<tbody>", "<caption>",
    "<ul>", "</ul>", "<li>", "</li>", "<details>", "</details>", "<summary>", "</summary>", "<span title='",
    "'>", "\">", ">", "<", "</", "<!--", "-->", "--!>", "<!-->", "<![CDATA[", "]]>", "<?x", "?>", "<!x",
    "<script>", "</script>", "<style>", "<textarea>", "<title>", "</title>", "<select>", "<option>", "<svg>",
    "<math>", "<br>", "<hr/>", "<img src=x>", "<h3>", "</h3>", "<blockquote>", "</blockquote>", "<dl>",
    "<dd>", "<String>", "<x-y/>", "<x y=z/>", "<sub>", "</sub>", "<ruby>", "<rt>", "<font color=red>",
    "<nobr>", "<center>", "<body>", "</body>", "</html>", "<frameset>", "<form>", "<button>", "<plaintext>",
    "<template>", "a", "word", "word word", "\n", "\n\n", "\n\n", " ", "    ", "- ", "> ", "1. ", "# ", "| ",
    "|---|", "`", "``", "```\n", "\\", "[", "](x)", "[a]: /u\n", "[a]", "[^1]: ", "[^1]", "*", "**", "{",
    "}", "$", "\\(", "\\)", "&lt;", "===", "---",
];

/// Bodies that got out of their turn once, and relatives of theirs.
const ESCAPES: &[&str] = &[
    "</details><details>[<table>](x)",
    "<table><blockquote><i><th></summary></summary></blockquote>",
    "</details><details>",
    "</details>\n<table>",
    "[<table>](x)",
    "[<table>](x) </table>",
    "*<table>*",
    "**<td>** </td>",
    "| <table> |\n|---|\n| x |",
    "| a |\n|---|\n| <details> |\n| </details> |",
    "*<h3><span title='<table>*<b>\n\n</b>\n</table>\n</h3>",
    "<span title='<table>*<b>",
    "# <!--`--><details>`",
    "<span title='<i>\n</i><b>| ```\n---|---|",
    "| a |\n|---|\n| `Vec<T>` x<sub>2</sub><br> | <b>",
    "a</p><?x<String>",
    "a</p>Vec<String>",
    "<sub><hr/><String></sub>",
    "<b><hr><i></b>",
    "<span><div></span>",
    "*<div>*</div>",
    "[<div>](x)</div>",
    "[a]:<b>",
    "[a]: /u '<b>'",
    "[<b>]: /u",
    "[a]: <b> 'x'\n\n[a]",
    "~~<ul>~~<li>",
    "`<div>` <div> `</div>`",
    "<div title=\"`\"> ` </div>",
    "<a href=\"`\">` <table>",
    "<b>\n\n<i>\n\n</b>",
    "<b><p></b>",
    "<a>[b](c)</a><a>",
    "<nobr><nobr><nobr>",
    "<font><p></font><font>",
    "<table><tr><td>\n\n| a |\n|---|\n| b |",
    "<table>\n\n# x\n\n</table>",
    "<table><b>\n\n</table>",
    "<table><a>\n\nx\n\n</table></a>",
    "<ul><li>\n\n- a\n\n</ul>",
    "<dl><dd>\n\n<dt>",
    "<p><table></p></table>",
    "<h3>\n\n## b\n\n</h3>",
    "<div>\n\n</p>\n\n</div>",
    "- <div>\n\n  a\n- </div>",
    "> <table>\n\n</table>",
    "1. <b>\n2. </b>",
    "<details><summary>\n\n*x\n\n</summary>*",
    "<summary><details></summary>",
    "<ruby><rt><ruby><rt>",
    "<div\nclass=x>\n\n</div\n>",
    "text <div\nclass=x>* a",
    "<x-y>\n\n</x-y>",
    "<String>\n\nx",
    "<br/><br></br></p></br>",
    "</body></html><frameset>",
    "<div>&lt;/div><!--></div>",
    "<!--a--!><b>",
    "\\<b>\\\\<b>",
    "<b>\\",
    "<center>*\n</center>*",
    "<img src=x><hr>*<hr>*",
    "<!--```<script>\n<x>``` x\n|---|",
    "`<table>\n`<i>`\n|---|\n`</i>`",
    "<b>\n\n`\n`</b>` x\n|---|",
    "``\n` `<details>` `` x | y\n---|---",
];

fn markup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(MARKUP), 0..20).prop_map(|pieces| pieces.concat())
}

#[track_caller]
fn holds_in_a_browser(body: &str) {
    if let Some(fault) = browser_fault(&page(body)) {
        panic!("{body:?}: {fault}");
    }
}

#[test]
fn no_construct_of_markdown_leaves_its_turn_in_a_browser() {
    for body in BODIES.iter().chain(MARKUP).chain(ESCAPES) {
        holds_in_a_browser(body);
        holds_in_a_browser(&format!("before\n\n{body}\n\nafter"));
        holds_in_a_browser(&format!("before {body}\nafter"));
        holds_in_a_browser(&format!("- {body}\n- x"));
        holds_in_a_browser(&format!("> {body}"));
        holds_in_a_browser(&format!("<div>\n{body}"));
    }
}

#[test]
fn no_random_markup_leaves_its_turn_in_a_browser() {
    let config = Config { cases: cases() / 10, failure_persistence: None, ..Config::default() };
    let bodies = prop_oneof![markup(), hostile()];
    // Runs of some hundred thousand bodies still find nestings that get out, so an ordinary run draws the same ones every
    // time.
    let mut runner = match std::env::var_os("GPTFS_CASES") {
        Some(_) => TestRunner::new(config),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let result = runner.run(&bodies, |body| match browser_fault(&page(&body)) {
        None => Ok(()),
        Some(fault) => Err(TestCaseError::fail(fault)),
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

#[test]
fn no_commonmark_example_leaves_its_turn_in_a_browser() {
    for example in &specification() {
        holds_in_a_browser(example);
    }
}
