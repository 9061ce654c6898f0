//! The cost of each stage of the indexing pass on one core: inflating, splitting, parsing, rendering.

use gptfs::internals::{
    AssetIndex, Body, Detail, Document, ELEMENT_LIMIT, FileRef, Options, Resolved, Scanner, Timestamp, Zone,
};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

/// An index without assets.
struct NoFiles;

impl AssetIndex for NoFiles {
    fn resolve(&self, _: &FileRef<'_>, _: &str, _: &str, _: Option<Timestamp>) -> Option<Resolved> {
        None
    }
}

/// Runs of each stage; the fastest counts.
const ROUNDS: usize = 5;

/// Measures the stages over the conversations of a ZIP, inflated into memory.
pub(crate) fn run(zip: &Path) -> io::Result<Costs> {
    let mut entries = Vec::new();
    inflated(zip, &mut |entry| {
        let mut json = Vec::new();
        entry.read_to_end(&mut json)?;
        entries.push(json);
        Ok(())
    })?;
    Ok(Costs::of(&entries))
}

/// Calls `take` with each entry of conversations in a ZIP, inflated by zlib-rs.
pub(crate) fn inflated(zip: &Path, take: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(zip)?).map_err(io::Error::other)?;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        if entry.name().map_err(io::Error::other)?.starts_with("conversations") {
            take(&mut entry)?;
        }
    }
    Ok(())
}

/// Cumulative cost of the stages, in seconds per GB of JSON on one core.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Costs {
    /// Finding the conversations.
    pub(crate) split: f64,
    /// Also parsing them.
    pub(crate) parse: f64,
    /// Also rendering all their pages.
    pub(crate) render: f64,
}

impl Costs {
    fn of(entries: &[Vec<u8>]) -> Self {
        let options = Options::new(Zone::utc());
        Self {
            split: stage(entries, &|json| {
                black_box(json);
            }),
            parse: stage(entries, &|json| {
                parse(json, &mut |conversation| {
                    black_box(conversation);
                });
            }),
            render: stage(entries, &|json| {
                parse(json, &mut |conversation| {
                    let document = Document::new(conversation, &NoFiles);
                    for page in document.pages() {
                        black_box(document.measure(page, &options));
                    }
                });
            }),
        }
    }
}

/// Measures one stage, in seconds per GB.
fn stage(entries: &[Vec<u8>], work: &dyn Fn(&[u8])) -> f64 {
    let bytes: usize = entries.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for json in entries {
            split(json, work);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    best / bytes as f64 * 1e9
}

fn parse(json: &[u8], take: &mut dyn FnMut(&gptfs::internals::Conversation<'_>)) {
    if let Some(format) = gptfs::internals::named("ChatGPT") {
        format.read(json, Detail::Shown, &mut |conversation, _| take(&conversation));
    }
}

fn split(json: &[u8], work: &dyn Fn(&[u8])) {
    let mut scanner = Scanner::new(ELEMENT_LIMIT);
    let mut take = |element: gptfs::internals::Element<'_>| {
        if let Body::Whole(body) = element.body {
            work(&body);
        }
    };
    for buffer in json.chunks(512 << 10) {
        scanner.feed(buffer, &mut take);
    }
    scanner.finish(&mut take);
}

/// The cost of a conversation that is extreme in one way, at two sizes.
pub(crate) struct Growth {
    /// What is extreme, such as `10,000 branches`.
    pub(crate) what: &'static str,
    /// Cost of ten conversations of a tenth of the size.
    pub(crate) small: Costs,
    /// Cost of one conversation of the full size.
    pub(crate) large: Costs,
}

/// Builds the JSON of a conversation of a given size.
type Make = fn(usize) -> String;

/// Measures how the cost per GB grows with the size of a conversation. It stays flat if all work is linear.
pub(crate) fn growth() -> impl Iterator<Item = Growth> {
    let shapes: [(&str, usize, Make); 4] = [
        ("a chain of 100,000 messages", 100_000, chain),
        ("10,000 branches", 10_000, branches),
        ("a message of 10 MB", 10_000_000, long),
        ("100,000 references in one message", 100_000, references),
    ];
    shapes.into_iter().map(|(what, size, make)| {
        // Ten small conversations have as many bytes as the large one.
        let small = format!("[{}]", vec![make(size / 10); 10].join(","));
        let large = format!("[{}]", make(size));
        Growth { what, small: Costs::of(&[small.into_bytes()]), large: Costs::of(&[large.into_bytes()]) }
    })
}

/// A node with a message.
fn node(id: usize, parent: Option<usize>, text: &str, metadata: &str) -> String {
    let parent = parent.map_or("null".to_owned(), |parent| format!("\"n{parent}\""));
    let role = if id.is_multiple_of(2) { "user" } else { "assistant" };
    format!(
        r#""n{id}": {{"id": "n{id}", "parent": {parent}, "message": {{"id": "n{id}", "author": {{"role": "{role}"}}, "create_time": {}, "content": {{"content_type": "text", "parts": ["{text}"]}}, "metadata": {{{metadata}}}}}}}"#,
        1_741_064_767 + id
    )
}

fn conversation(nodes: &[String], current: usize) -> String {
    let mapping = nodes.join(", ");
    format!(
        r#"{{"title": "Growth", "id": "0", "create_time": 1741064767, "current_node": "n{current}", "mapping": {{{mapping}}}}}"#
    )
}

const SENTENCE: &str = "Newts winter on land, under logs and stones, and *return* to the pond in spring. ";

fn chain(size: usize) -> String {
    let nodes: Vec<_> = (0..size).map(|id| node(id, id.checked_sub(1), SENTENCE, "")).collect();
    conversation(&nodes, size - 1)
}

/// One child of each pair continues the thread, the other is a branch.
fn branches(size: usize) -> String {
    let parent = |id: usize| id.checked_sub(1).map(|before| before - before % 2);
    let nodes: Vec<_> = (0..size * 2).map(|id| node(id, parent(id), SENTENCE, "")).collect();
    conversation(&nodes, size * 2 - 2)
}

fn long(size: usize) -> String {
    let paragraph = format!("{}\\n\\n- one\\n- `two`\\n\\n", SENTENCE.repeat(5));
    let text = paragraph.repeat(size / paragraph.len() + 1);
    conversation(&[node(0, None, "Newts?", ""), node(1, Some(0), &text, "")], 1)
}

fn references(size: usize) -> String {
    let (mut text, mut list, mut at) = (String::new(), Vec::with_capacity(size), 0);
    for number in 0..size {
        let mark = format!("\u{e200}cite\u{e202}turn0search{number}\u{e201}");
        // The newt is one code point, two UTF-16 units and four bytes.
        let words = "\u{1f98e} A newt ";
        let start = at + words.chars().count();
        at = start + mark.chars().count() + 2;
        list.push(format!(
            r#"{{"type": "grouped_webpages", "matched_text": "{mark}", "start_idx": {start}, "end_idx": {}, "items": [{{"title": "N", "url": "https://example.org/{number}", "attribution": "Pond"}}]}}"#,
            at - 2
        ));
        text.push_str(words);
        text.push_str(&mark);
        text.push_str(". ");
    }
    let metadata = format!(r#""content_references": [{}]"#, list.join(", "));
    conversation(&[node(0, None, "Newts?", ""), node(1, Some(0), &text, &metadata)], 1)
}
