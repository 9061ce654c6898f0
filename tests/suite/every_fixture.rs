//! Properties of every fixture: no visible word is lost or repeated, and links lead to the right files in the same month.
//!
//! Golden cases are checked as their expected trees; `golden.rs` proves that they become those trees.

use crate::support::{Mount, Tree, exported, fixtures, outcome};
use crate::tree::{links, percent_decoded};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A fixture: its name, the JSON of its conversations, its other files, and its tree.
struct Fixture {
    name: String,
    json: Vec<Vec<u8>>,
    files: Tree,
    tree: Tree,
}

/// Every golden case and the demo export.
fn all() -> Vec<Fixture> {
    let mut found = Vec::new();
    for entry in fs::read_dir(fixtures().join("chatgpt")).expect("fixtures/chatgpt") {
        let directory = entry.expect("an entry").path();
        found.push(Fixture {
            name: directory.file_name().expect("a name").display().to_string(),
            json: vec![fs::read(directory.join("conversation.json")).expect("conversation.json")],
            files: Tree::read(&directory.join("export")),
            tree: Tree::read(&directory.join("expected")),
        });
    }
    let files = Tree::read(&fixtures().join("demo"));
    let shards = files.0.iter().filter(|(name, _)| name.starts_with("conversations-"));
    let json: Vec<_> = shards.map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(json.len(), 3, "the shards of the demo export");
    found.push(Fixture { name: "demo".into(), json, files, tree: exported(&fixtures().join("demo.zip")) });
    assert!(found.len() > 60, "only {} fixtures", found.len());
    found
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "md") && !path.contains(".assets/")
}

fn pages(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    let pages = tree.0.iter().filter(|(path, _)| is_page(path));
    pages.map(|(path, page)| (path.as_str(), std::str::from_utf8(page).expect("a page in UTF-8")))
}

// Words.

/// Words that the renderer writes.
const FRAME: [&str; 24] = [
    "ChatGPT", "User", "Sources", "Thought", "Canvas", "Prompt", "Audio", "Video", "Error", "Screenshot",
    "Plot", "picture", "plot", "voice", "video", "branch", "Branch", "branches", "title", "model", "https",
    "chatgpt", "details", "export",
];

/// The words of `text` of at least four letters.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric());
    words.filter(|word| word.chars().count() >= 4 && word.chars().all(char::is_alphabetic))
}

/// Calls `take` with every string in `value`, keys included.
fn strings<'v>(value: &'v Value, take: &mut dyn FnMut(&'v str)) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) => take(text),
            Value::Array(list) => waiting.extend(list),
            Value::Object(object) => {
                object.keys().for_each(|key| take(key));
                waiting.extend(object.values());
            }
            _ => {}
        }
    }
}

/// The lines of a message that appears verbatim on its page: a question or an answer, addressed to everybody, not
/// hidden. Lines with the vendor's markup are left out, because its arguments are not shown.
fn shown_lines(message: &Value) -> impl Iterator<Item = &str> {
    let role = message["author"]["role"].as_str().unwrap_or_default();
    let shown = matches!(role, "user" | "assistant")
        && message["content"]["content_type"] == "text"
        && message["recipient"].as_str().unwrap_or("all") == "all"
        && message["metadata"]["is_visually_hidden_from_conversation"] != true;
    let parts = message["content"]["parts"].as_array().filter(|_| shown);
    // Answers with components have a test of their own.
    let plain = |part: &&str| !part.contains("/>") && !part.contains("</");
    let lines = parts.into_iter().flatten().filter_map(Value::as_str).filter(plain).flat_map(str::lines);
    let marks = ["\u{e200}", "†", ":::", "oaicite", "image_query", "sandbox:"];
    lines.filter(move |line| !marks.iter().any(|mark| line.contains(mark)))
}

/// How often each word should appear in the pages. Only words that occur in shown text and nowhere else count.
fn expected_words(json: &Value) -> BTreeMap<&str, usize> {
    let (mut shown, mut anywhere) = (BTreeMap::new(), BTreeMap::new());
    let list = json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice);
    for node in list.iter().filter_map(|chat| chat["mapping"].as_object()).flat_map(|nodes| nodes.values()) {
        for word in shown_lines(&node["message"]).flat_map(words) {
            *shown.entry(word).or_insert(0) += 1;
        }
    }
    strings(json, &mut |text| words(text).for_each(|word| *anywhere.entry(word).or_insert(0) += 1));
    shown.retain(|word, count| anywhere.get(word) == Some(count) && !FRAME.contains(word));
    shown
}

#[test]
fn every_visible_word_appears_exactly_as_often_as_in_the_export() {
    let (mut compared, mut not_json, mut wrong) = (0, Vec::new(), Vec::new());
    // In one case a word of the page is made of two messages, in the other the renderer closes elements by their names.
    let unlike = ["an_answer_cut_in_a_word_goes_on_in_it", "what_an_answer_leaves_open_ends_with_it"];
    let other = |fixture: &Fixture| !unlike.contains(&fixture.name.as_str());
    for fixture in all().into_iter().filter(other) {
        // Reports and names of files come from other files than the conversations.
        let files = fixture.files.0.iter().filter(|(name, _)| !name.starts_with("conversations-"));
        let texts: Vec<&str> = files.filter_map(|(_, bytes)| std::str::from_utf8(bytes).ok()).collect();
        let other_words: BTreeSet<&str> = texts.iter().flat_map(|text| words(text)).collect();
        for json in &fixture.json {
            // Fixtures that only a lenient reader accepts have just their golden trees.
            let Ok(json) = serde_json::from_slice::<Value>(json) else {
                not_json.push(fixture.name.clone());
                continue;
            };
            let expected = expected_words(&json);
            let mut found: BTreeMap<&str, usize> = BTreeMap::new();
            for (_, page) in pages(&fixture.tree) {
                words(page).for_each(|word| *found.entry(word).or_insert(0) += 1);
            }
            for (word, count) in expected.into_iter().filter(|(word, _)| !other_words.contains(word)) {
                if fixture.json.len() > 1 && is_elsewhere(&fixture, word, count) {
                    continue;
                }
                let times = found.get(word).copied().unwrap_or_default();
                if times != count {
                    wrong.push(format!("{}: {word:?} {times} times, not {count}", fixture.name));
                }
                compared += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(compared > 1000, "only {compared} words");
    assert!(not_json.len() <= 3, "{not_json:?}");
}

/// True if `word` occurs in more than one shard.
fn is_elsewhere(fixture: &Fixture, word: &str, count: usize) -> bool {
    let text: Vec<Value> = fixture.json.iter().filter_map(|json| serde_json::from_slice(json).ok()).collect();
    let mut total = 0;
    for json in &text {
        strings(json, &mut |text| total += words(text).filter(|found| *found == word).count());
    }
    total != count
}

/// `text` without the tags of components. Braces and quotes inside a tag may hold `>`.
fn without_tags(text: &str) -> String {
    let (mut kept, mut depth, mut quote, mut inside) = (String::new(), 0_u32, None, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if !inside {
            inside = c == '<' && chars.peek().is_some_and(|next| next.is_ascii_alphabetic() || *next == '/');
            kept.push(if inside { ' ' } else { c });
            continue;
        }
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.saturating_sub(1),
            (None, '>') if depth == 0 => inside = false,
            _ => {}
        }
    }
    kept
}

/// The words of charts and of attributes that people see.
fn words_in_tags(text: &str) -> Vec<String> {
    const SEEN: [&str; 8] =
        ["title", "description", "footer", "label", "value", "variety", "xAxisLabel", "text"];
    let mut found = Vec::new();
    for name in SEEN {
        for mark in [format!("\"{name}\":\""), format!(" {name}=\"")] {
            for (at, _) in text.match_indices(&mark) {
                let value = text[at + mark.len()..].split('"').next().unwrap_or_default();
                found.extend(words(value).map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn every_word_that_components_show_is_in_the_page() {
    let fixture = all().pop().expect("the demo export");
    let text: String = pages(&fixture.tree).map(|(_, page)| page).collect();
    let shown: BTreeSet<&str> = words(&text).collect();
    let (mut components, mut compared) = (0, 0);
    for json in &fixture.json {
        let json: Value = serde_json::from_slice(json).expect("JSON");
        let nodes = json.as_array().into_iter().flatten().filter_map(|chat| chat["mapping"].as_object());
        for part in nodes
            .flat_map(|nodes| nodes.values())
            .filter_map(|node| node["message"]["content"]["parts"][0].as_str())
        {
            if !part.contains("/>") && !part.contains("</box>") {
                continue;
            }
            components += 1;
            let plain = without_tags(part);
            // The id of a fence is not shown.
            let plain = plain.replace("id=\"k3v9qa\"", "");
            for word in words(&plain).map(str::to_owned).chain(words_in_tags(part)) {
                assert!(shown.contains(word.as_str()), "{word:?} of {part}");
                compared += 1;
            }
        }
    }
    assert!(components >= 3 && compared > 100, "{compared} words in {components} answers");
}

// Links.

/// Resolves a relative link of the page at `path`, or returns `None` if it leaves the tree.
fn resolved(path: &str, target: &str) -> Option<String> {
    let mut steps: Vec<&str> = path.split('/').collect();
    steps.pop();
    for step in target.split('/') {
        match step {
            "." | "" => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

#[test]
fn every_link_leads_to_the_right_bytes_in_the_same_month() {
    let mut count = 0;
    for fixture in all() {
        let stored: BTreeSet<&[u8]> = fixture.files.0.values().map(Vec::as_slice).collect();
        for (path, page) in pages(&fixture.tree) {
            // `year/month/` or `undated/`.
            let month = path
                .match_indices('/')
                .map(|(at, _)| &path[..=at])
                .find(|start| start.starts_with("undated/") || start.matches('/').count() == 2);
            let month = month.expect(path);
            for link in links(page) {
                let target = percent_decoded(link.split('#').next().unwrap_or_default());
                let target = resolved(path, &target).unwrap_or_default();
                let told = format!("{}: {path}: {link}", fixture.name);
                assert!(target.starts_with(month), "{told} leaves {month}");
                let bytes = fixture.tree.0.get(&target).unwrap_or_else(|| panic!("{told} leads nowhere"));
                // Every target but pages and canvas documents is a file of the export, byte for byte.
                let own = is_page(&target) || page.contains("**Canvas");
                assert!(own || stored.contains(bytes.as_slice()), "{told} has bytes of its own");
                count += 1;
            }
        }
    }
    assert!(count > 60, "only {count} links");
}

#[test]
fn a_month_copied_alone_has_every_file_that_its_links_name() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &[]) else { return };
    let whole = exported(&fixtures().join("demo.zip"));
    let months: BTreeSet<&str> = whole.0.keys().filter_map(|path| path.get(..7)).collect();
    assert!(months.len() > 20, "{months:?}");
    let mut count = 0;
    for month in months {
        let scratch = crate::support::Scratch::new();
        let copy = scratch.path("copied");
        outcome(Command::new("cp").arg("-a").arg(mount.dir().join(month)).arg(&copy)).succeeded();
        let copied = Tree::read(&copy);
        for (path, page) in pages(&copied) {
            for link in links(page) {
                let target = percent_decoded(link.split('#').next().unwrap_or_default());
                let target = resolved(path, &target).expect(&link);
                let expected = &whole.0[&format!("{month}/{target}")];
                assert!(copied.0.get(&target) == Some(expected), "{month}/{path}: {link}");
                count += 1;
            }
        }
    }
    assert!(count > 20, "only {count} links");
}
