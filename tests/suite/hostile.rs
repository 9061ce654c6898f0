//! Hostile and damaged exports: whatever their bytes, they are refused with one line or shown as far as they are
//! sound, in bounded memory and time.

use crate::measured::{measured, processor_time};
use crate::support::{Mount, Outcome, Scratch, Tree, Zip, array, exported, gptfs};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const SECOND: &str = include_str!("../../fixtures/forms/second.json");

/// A limit was exceeded.
const LIMIT: i32 = 5;
/// Peak resident memory allowed for indexing and serving a small tree, in KiB.
const MEMORY: u64 = 64 << 10;

fn ls(source: &Path) -> Outcome {
    gptfs([OsStr::new("ls"), "-R".as_ref(), source.as_os_str()])
}

/// Exports a `conversations.json` with this text. Returns the tree and the standard error.
pub(crate) fn shown(json: impl AsRef<[u8]>) -> (Tree, String) {
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", json);
    let out = scratch.path("out");
    let told = gptfs(["export".as_ref(), source.as_os_str(), out.as_os_str()]).succeeded();
    (Tree::read(&out), told.stderr)
}

/// The tree of the two sound conversations alone.
fn sound() -> Tree {
    let scratch = Scratch::new();
    exported(&scratch.file("conversations.json", array(&[FIRST, SECOND])))
}

/// A node of a mapping, with a user's message.
pub(crate) fn node(id: &str, parent: Option<&str>, text: &str) -> String {
    let parent = parent.map_or("null".to_owned(), |parent| format!("\"{parent}\""));
    format!(
        r#""{id}":{{"id":"{id}","parent":{parent},"message":{{"id":"{id}","author":{{"role":"user"}},"content":{{"content_type":"text","parts":["{text}"]}}}}}}"#
    )
}

pub(crate) fn conversation(id: &str, title: &str, rest: &str) -> String {
    format!(r#"{{"id":"{id}","title":"{title}","create_time":1709251199,"update_time":1709251199,{rest}}}"#)
}

// Decompression bombs.

#[test]
fn a_flat_bomb_within_the_limit_takes_little_memory() {
    let mut json = format!("[{FIRST},").into_bytes();
    json.resize(json.len() + (200 << 20), b' ');
    json.extend(SECOND.as_bytes());
    json.push(b']');
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", &json));
    drop(json);
    assert!(fs::metadata(&source).expect("it").len() < 1 << 20, "the ZIP is tiny");
    let cost = measured(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str()]);
    assert_eq!(cost.code, Some(0), "{}", cost.stderr);
    assert!(cost.peak_kib <= MEMORY, "{} KiB for a listing", cost.peak_kib);
    let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
    Tree::read(&mount.dir()).assert_is(&sound(), "the conversations in the bomb");
    let status = fs::read_to_string(format!("/proc/{}/status", mount.daemon())).expect("a daemon");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the peak");
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().expect("a number");
    assert!(peak <= MEMORY, "{peak} KiB");
}

#[test]
fn a_bomb_over_the_limit_is_refused_before_it_is_inflated() {
    let scratch = Scratch::new();
    let name = "conversations.json";
    let mut bytes = Zip::new().deflated(name, vec![b' '; 32 << 20]).bytes();
    // Inflating even one byte would report damage: 0xff begins a block of a type that does not exist.
    let data =
        bytes.windows(name.len()).position(|it| it == name.as_bytes()).expect("the entry") + name.len();
    bytes[data] = 0xff;
    let source = scratch.file("bomb.zip", bytes);
    let told = gptfs(["ls".as_ref(), "--max-size=1M".as_ref(), source.as_os_str()]).failed(LIMIT);
    assert!(
        told.stderr.contains("bomb.zip: expands to 32") && told.stderr.contains("--max-size"),
        "{}",
        told.stderr
    );
}

#[test]
fn overlapping_entries_are_refused() {
    let zip = Zip::new()
        .deflated("conversations.json", array(&[FIRST]))
        .deflated("another-name.txt", "a".repeat(9000));
    let mut bytes = zip.bytes();
    let last = bytes.windows(4).rposition(|window| window == b"PK\x01\x02").expect("a record");
    bytes[last + 42..last + 46].fill(0); // the offset of the first entry's data
    let scratch = Scratch::new();
    let told = ls(&scratch.file("bomb.zip", bytes)).failed(LIMIT);
    assert!(told.stderr.contains("bomb.zip: entries overlap"), "{}", told.stderr);
}

#[test]
fn a_claim_of_four_thousand_million_entries_is_refused() {
    let mut bytes = Zip::new().zip64().deflated("conversations.json", array(&[FIRST])).bytes();
    let end = bytes.windows(4).rposition(|window| window == b"PK\x06\x06").expect("the record");
    for at in [end + 24, end + 32] {
        bytes[at..at + 8].copy_from_slice(&u64::from(u32::MAX).to_le_bytes());
    }
    let scratch = Scratch::new();
    let source = scratch.file("many.zip", bytes);
    let told = ls(&source);
    assert!(matches!(told.code, Some(4 | LIMIT)), "{told:?}");
    let cost = measured(["ls".as_ref(), source.as_os_str()]);
    assert!(cost.processor < Duration::from_secs(2) && cost.peak_kib <= MEMORY, "{cost:?}");
}

/// A ZIP with a conversation and this many empty files.
fn with_files(count: u32, name: impl Fn(u32) -> String) -> Zip {
    let zip = Zip::new().zip64().deflated("conversations.json", array(&[FIRST]));
    (0..count).fold(zip, |zip, at| zip.stored(&name(at), ""))
}

#[test]
fn entries_take_few_bytes_each_however_many_there_are() {
    type Name = fn(u32) -> String;
    const COUNT: u32 = 100_000;
    let scratch = Scratch::new();
    let names: [(&str, Name); 4] = [
        ("plain", |at| format!("f{at}.txt")),
        ("pictures", |at| format!("file-{at:022}-picture.png")),
        ("without type", |at| format!("file_{at:032x}.dat")),
        ("that escape", |at| format!("../f{at}.txt")),
    ];
    for (what, name) in names {
        let source = scratch.zip("export.zip", &with_files(COUNT, name));
        for path in ["", ".gptfs/export", ".gptfs/orphans"] {
            let words = ["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str(), path.as_ref()];
            let cost = measured(words.into_iter().filter(|word| !word.is_empty()));
            let has_orphans = matches!(what, "pictures" | "without type");
            let expected = if path == ".gptfs/orphans" && !has_orphans { 2 } else { 0 };
            assert_eq!(cost.code, Some(expected), "{}", cost.stderr);
            // 256 bytes for each file.
            let limit = (24 << 10) + u64::from(COUNT) / 4;
            assert!(cost.peak_kib <= limit, "{what}, {path:?}: {} KiB, limit {limit}", cost.peak_kib);
        }
    }
}

#[test]
fn a_directory_of_100_000_files_is_listed_in_linear_time() {
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &with_files(100_000, |at| format!("f{at}.txt")));
    let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
    let started = std::time::Instant::now();
    assert_eq!(fs::read_dir(mount.dir().join(".gptfs/export")).expect("a directory").count(), 100_001);
    // Each call that began from the first file would make this minutes.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

// Odd conversations.

#[test]
fn depth_is_no_problem_unless_json_has_to_be_repaired() {
    let with = |depth: usize, weight: &str| {
        let deep = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        let message = format!(
            r#""x":{{"id":"x","parent":null,"message":{{"id":"x","author":{{"role":"user"}},"content":{{"content_type":"text","deep":{deep},"parts":["Still here"]}},{weight}}}}}"#
        );
        let rest = format!(r#""current_node":"x","mapping":{{{message}}}"#);
        let (tree, said) = shown(array(&[&conversation("a", "Deep", &rest)]));
        let page = &tree.0["2024/02/Deep.md"];
        assert!(String::from_utf8_lossy(page).ends_with("## User\n\nStill here\n"), "{depth}");
        said
    };
    let (valid, broken) = (r#""weight": 1"#, r#""weight" 1"#);
    assert!(!with(100_000, valid).contains("problem"));
    assert!(with(100, broken).contains("1 problem, conversation a: missing colon added"));
    assert!(with(130, broken).contains("2 problems, the first: conversation a: nested deeper than 128"));
}

#[test]
fn a_conversation_nested_100_000_deep_breaks_only_itself() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let deep = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        let bad = conversation("deadbeef", "Deep", &format!(r#""current_node":"x","mapping":{deep}"#));
        let message =
            format!(r#""current_node":"x","mapping":{{"x":{{"id":"x","message":{{"content":{deep}}}}}}}"#);
        let worse = conversation("deadbee0", "Deeper", &message);
        let (tree, said) = shown(array(&[FIRST, &bad, &worse, SECOND]));
        tree.only(&["First", "Second"]).assert_is(&sound(), "the neighbours");
        assert_eq!(tree.0.len(), sound().0.len() + 2, "{:?}", tree.paths());
        assert!(said.contains("problems.txt"), "{said}");
    }
}

#[test]
fn the_last_of_duplicate_keys_wins() {
    let rest = format!(
        r#""title":"Last","current_node":"x","mapping":{{}},"mapping":{{{}}}"#,
        node("x", None, "The text")
    );
    let (tree, _) = shown(array(&[&conversation("a", "First", &rest)]));
    assert_eq!(tree.paths(), ["2024/02/Last.md"]);
    assert!(String::from_utf8_lossy(&tree.0["2024/02/Last.md"]).contains("The text"));
}

#[test]
fn invalid_text_becomes_replacement_characters() {
    let rest = format!(r#""current_node":"x","mapping":{{{}}}"#, node("x", None, "a#b\\ud83dc\\udc00d"));
    let mut json = array(&[FIRST, &conversation("a", "Te\\ud800a", &rest), SECOND]).into_bytes();
    let at = json.windows(3).position(|window| window == b"a#b").expect("the mark");
    json[at + 1] = 0xff;
    let (tree, _) = shown(json);
    let page = tree.0.iter().find(|(path, _)| path.contains("/Te")).expect("its page");
    let text = std::str::from_utf8(page.1).expect("a page is UTF-8");
    assert!(text.contains("a\u{fffd}b\u{fffd}c\u{fffd}d"), "{text}");
    tree.only(&["First", "Second"]).assert_is(&sound(), "the neighbours");
}

#[test]
fn unusable_times_are_ignored() {
    for time in ["null", "-1", "1e300", "\"yesterday\"", "[]", "true", "1e18", "{}", "253402300800000000"] {
        let rest = r#""current_node":"x","mapping":{}"#;
        let json = format!(r#"{{"id":"a","title":"Tea","create_time":{time},"update_time":{time},{rest}}}"#);
        let (tree, _) = shown(array(&[&json]));
        let path = tree.paths()[0].to_owned();
        let year: Option<u16> = path.split('/').next().and_then(|year| year.parse().ok());
        assert!(
            path == "undated/Tea.md" || year.is_some_and(|year| (1970..=9999).contains(&year)),
            "{time}: {path}"
        );
        assert_eq!(tree.0.len(), 1);
    }
    for number in ["NaN", "Infinity", "1e999", "-1e999"] {
        let json =
            format!(r#"{{"id":"a","title":"Tea","create_time":{number},"current_node":"x","mapping":{{}}}}"#);
        let (tree, _) = shown(array(&[FIRST, &json, SECOND]));
        assert!(tree.0.contains_key("undated/Tea.md"), "{number}: {:?}", tree.paths());
        tree.only(&["First", "Second"]).assert_is(&sound(), number);
    }
    for (number, path) in [
        ("1709251199", "2024"),
        ("1709251199000", "2024"),
        ("\"1709251199\"", "2024"),
        ("\"2024-02-29T23:59:59Z\"", "2024"),
    ] {
        let json =
            format!(r#"{{"id":"a","title":"Tea","create_time":{number},"current_node":"x","mapping":{{}}}}"#);
        assert_eq!(shown(array(&[&json])).0.paths(), [format!("{path}/02/Tea.md")], "{number}");
    }
}

#[test]
fn cycles_in_the_tree_end() {
    let mapping = [
        node("a", Some("c"), "A"),
        node("b", Some("a"), "B"),
        node("c", Some("b"), "C"),
        node("d", Some("d"), "D"),
    ];
    let rest = format!(r#""current_node":"c","mapping":{{{}}}"#, mapping.join(","));
    let (tree, _) = shown(array(&[FIRST, &conversation("e", "Round", &rest), SECOND]));
    tree.only(&["First", "Second"]).assert_is(&sound(), "the neighbours");
    let text: String =
        tree.only(&["Round"]).0.values().map(|page| String::from_utf8_lossy(page).into_owned()).collect();
    for letter in ["A", "B", "C", "D"] {
        assert_eq!(text.lines().filter(|&line| line == letter).count(), 1, "{letter} appears once: {text}");
    }
}

#[test]
fn a_duplicate_id_is_shown_once_and_reported() {
    let newer = FIRST.replace("1707552600.0", "1807552600.0").replace("First light", "Newer light");
    let (tree, said) = shown(array(&[FIRST, &newer, SECOND]));
    assert_eq!(tree.only(&["light"]).paths(), ["2024/02/Newer light.md"]);
    assert!(said.contains("more than once"), "{said}");
}

// Linear time.

/// The least processor time of three runs of the program, its threads included. Unlike elapsed time, it hardly
/// depends on what else the machine does.
fn fastest(run: impl Fn() -> Duration) -> Duration {
    (0..3).map(|_| run()).min().expect("a run")
}

/// Asserts that twice the input takes about twice the processor time.
#[track_caller]
fn assert_linear(what: &str, make: impl Fn(usize) -> String) {
    let time = |size: usize| {
        let scratch = Scratch::new();
        let source = scratch.file("conversations.json", array(&[&make(size)]));
        fastest(|| processor_time(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str()]))
    };
    let (one, two) = (time(50_000), time(100_000));
    // Quadratic growth would be a factor of four; the constant absorbs noise in very short runs.
    assert!(two < one * 3 + Duration::from_millis(500), "{what}: {one:?}, then {two:?}");
}

fn tree_of(size: usize, parent: impl Fn(usize) -> Option<usize>) -> String {
    let mut mapping = String::new();
    for at in 0..size {
        let comma = if at > 0 { "," } else { "" };
        let parent = parent(at).map(|parent| format!("n{parent}"));
        let _ = write!(mapping, "{comma}{}", node(&format!("n{at}"), parent.as_deref(), "word"));
    }
    conversation("a", "Tea", &format!(r#""current_node":"n{}","mapping":{{{mapping}}}"#, size - 1))
}

#[test]
fn a_chain_of_100_000_messages_takes_linear_time() {
    assert_linear("a chain", |size| tree_of(size, |at| at.checked_sub(1)));
}

#[test]
fn a_star_of_100_000_messages_takes_linear_time() {
    assert_linear("a star", |size| tree_of(size, |at| at.checked_sub(1).map(|_| 0)));
}

#[test]
fn a_comb_of_100_000_messages_takes_linear_time() {
    assert_linear("a comb", |size| tree_of(size, |at| at.checked_sub(1).map(|before| before - before % 2)));
}

#[test]
fn a_conversation_of_more_than_two_million_messages_is_a_page_that_says_so() {
    let nodes = items(2_000_001, |at| format!(r#""{at}":{{"parent":"0"}}"#));
    let json = array(&[FIRST, &conversation("a", "Tea", &format!(r#""mapping":{{{nodes}}}"#)), SECOND]);
    let bytes = json.len() as u64;
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", json);
    let cost = measured(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str()]);
    assert_eq!(cost.code, Some(0), "{}", cost.stderr);
    assert!(cost.peak_kib <= 2 * MEMORY + 3 * (bytes >> 10), "{} KiB", cost.peak_kib);
    let page = gptfs(["cat".as_ref(), source.as_os_str(), "2024/02/Tea.md".as_ref()]).succeeded().stdout;
    assert!(
        page.contains("\n*This conversation is damaged in the export: more than 2,000,000 messages.*"),
        "{page}"
    );
    exported(&source).only(&["First", "Second"]).assert_is(&sound(), "the others");
}

#[test]
fn lists_of_children_that_all_name_one_message_take_linear_time() {
    assert_linear("children", |size| {
        let list = ["\"n0\""; 10].join(",");
        let node = |at: usize| {
            let message = format!(
                r#"{{"id":"m{at}","author":{{"role":"user"}},"content":{{"content_type":"text","parts":["word"]}}}}"#
            );
            format!(r#""n{at}":{{"id":"n{at}","children":[{list}],"message":{message}}}"#)
        };
        let nodes: Vec<_> = (0..size).map(node).collect();
        conversation("a", "Tea", &format!(r#""current_node":"n0","mapping":{{{}}}"#, nodes.join(",")))
    });
}

/// A conversation with a question, and an answer with this text and metadata.
pub(crate) fn answered(text: &str, metadata: &str) -> String {
    let answer = format!(
        r#""a":{{"id":"a","parent":"q","message":{{"id":"a","author":{{"role":"assistant"}},"content":{{"content_type":"text","parts":["{text}"]}},"metadata":{{{metadata}}}}}}}"#
    );
    let nodes = format!("{},{answer}", node("q", None, "Why?"));
    conversation("a", "Tea", &format!(r#""current_node":"a","mapping":{{{nodes}}}"#))
}

/// Makes an item of each number and joins them.
pub(crate) fn items(size: usize, item: impl Fn(usize) -> String) -> String {
    (0..size).map(item).collect::<Vec<_>>().join(",")
}

#[test]
fn sources_of_one_citation_take_linear_time() {
    let page = |at: usize| format!(r#"{{"url":"https://example.org/{at}","title":"T"}}"#);
    assert_linear("items", |size| {
        let mark = r"\ue200cite\ue202turn0search0\ue201";
        let reference = format!(
            r#"{{"type":"grouped_webpages","matched_text":"{mark}","items":[{}]}}"#,
            items(size, page)
        );
        answered(&format!("So {mark}."), &format!(r#""content_references":[{reference}]"#))
    });
    assert_linear("references without a place", |size| {
        let reference = |at| format!(r#"{{"type":"webpage","url":"https://example.org/{at}","title":"T"}}"#);
        answered("So.", &format!(r#""content_references":[{}]"#, items(size, reference)))
    });
    assert_linear("ids", |size| {
        let ids = items(size, |at| format!(r"\ue202turn{at}search{at}")).replace(',', "");
        let entry = |at| {
            format!(
                r#"{{"url":"https://example.org/{at}","title":"T","ref_id":{{"turn_index":{at},"ref_type":"search","ref_index":{at}}}}}"#
            )
        };
        let groups = format!(r#""search_result_groups":[{{"entries":[{}]}}]"#, items(size, entry));
        answered(&format!(r"So \ue200cite{ids}\ue201."), &groups)
    });
}

#[test]
fn messages_that_find_pages_of_one_id_take_linear_time() {
    assert_linear("one id", |size| {
        let message = |at: usize| {
            let parent = at.checked_sub(1).map_or("null".to_owned(), |parent| format!("\"m{parent}\""));
            let entry = r#"{"url":"https://example.org/","title":"T","ref_id":{"turn_index":0,"ref_type":"search","ref_index":0}}"#;
            let text = r"So \ue200cite\ue202turn0search0\ue201.";
            format!(
                r#""m{at}":{{"id":"m{at}","parent":{parent},"message":{{"id":"m{at}","author":{{"role":"assistant"}},"content":{{"content_type":"text","parts":["{text}"]}},"metadata":{{"search_result_groups":[{{"entries":[{entry}]}}]}}}}}}"#
            )
        };
        let size = size / 2;
        conversation(
            "a",
            "Tea",
            &format!(r#""current_node":"m{}","mapping":{{{}}}"#, size - 1, items(size, message)),
        )
    });
}

#[test]
fn files_beside_the_conversations_take_little_memory() {
    let many = |item: &str| [item, ","].concat().repeat(1_000_000);
    let list = |item: &str| format!("[{}{item}]", many(item));
    for (name, json) in [
        ("library_files.json", list(r#"{"a":1}"#)),
        ("library_files.json", list(r#"{"id":"x"}"#)), // the only ones that say something
        ("library_files.json", list("[]")),
        ("conversation_asset_file_names.json", format!(r#"{{{}"b":"c"}}"#, many(r#""a":{"a":1}"#))),
        ("message_feedback.json", list("{}")),
        ("shared_conversations.json", list("[]")),
        ("user.json", format!(r#"{{"a":{}}}"#, list("0"))),
    ] {
        let scratch = Scratch::new();
        let zip = Zip::new().deflated("conversations.json", array(&[FIRST])).deflated(name, &json);
        let source = scratch.zip("export.zip", &zip);
        for path in ["2024", ".gptfs"] {
            let cost = measured(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str(), path.as_ref()]);
            assert_eq!(cost.code, Some(0), "{}", cost.stderr);
            assert!(cost.peak_kib <= 2 * MEMORY, "{name}: {} KiB for {path}", cost.peak_kib);
            let is_long = cost.stderr.contains("library_files.json: more than 100,000 records");
            assert_eq!(is_long, json.contains(r#"{"id":"x"}"#), "{}", cost.stderr);
        }
    }
}

#[test]
fn conversations_of_one_id_are_named_up_to_a_thousand() {
    let chats = items(100_000, |_| conversation("1", "Tea", r#""mapping":{}"#));
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", format!("[{chats}]"));
    let cost = measured(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str()]);
    assert!(cost.stderr.contains("1001 problems"), "{}", cost.stderr);
    assert!(cost.peak_kib <= 2 * MEMORY, "{} KiB", cost.peak_kib);
}

fn list_february(source: &Path) -> [&OsStr; 4] {
    ["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str(), "2024/02".as_ref()]
}

#[test]
fn equal_titles_10_000_in_a_month_take_linear_time() {
    let scratch = Scratch::new();
    let make = |name: &str, size: usize, title: &dyn Fn(usize) -> String| {
        let chat = |at: usize| {
            let id = format!("{:08x}-0000-4000-8000-000000000000", (at as u32).wrapping_mul(2_654_435_761));
            conversation(&id, &title(at), r#""current_node":"x","mapping":{}"#)
        };
        let chats: Vec<_> = (0..size).map(chat).collect();
        scratch.file(name, format!("[{}]", chats.join(",")))
    };
    let equal = make("equal.json", 10_000, &|_| "Weekly plan".into());
    let different = make("different.json", 10_000, &|at| format!("Weekly plan {at}"));
    let names = gptfs(list_february(&equal)).succeeded().stdout;
    let distinct: std::collections::BTreeSet<_> = names.lines().collect();
    assert_eq!((names.lines().count(), distinct.len()), (10_000, 10_000));
    assert!(distinct.contains("Weekly plan.md"));
    let time = |source: &Path| fastest(|| processor_time(list_february(source)));
    let (one, two) = (time(&different), time(&equal));
    assert!(two < one * 2 + Duration::from_millis(300), "different: {one:?}, equal: {two:?}");
}

// Damage between sound conversations.

/// Damage to put between two sound conversations. Brackets stay balanced, so that its end can be found.
const DAMAGES: [&str; 43] = [
    "null",
    "true",
    "7",
    "\"text\"",
    "[]",
    "{}",
    "[[1, 2], {}]",
    "-",
    "nul",
    "undefined",
    "1e999",
    "NaN",
    r#"{"mapping": null, "current_node": null}"#,
    r#"{"title": "Bad", "mapping": [], "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": 7, "create_time": 1}"#,
    r#"{"title": "Bad", "mapping": {"x": null}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": 7}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": []}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"message": 7}}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"message": {"content": 7}}}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"message": {"author": null, "content": {"parts": 7}}}}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"message": {"author": [], "content": {"content_type": 3}}}}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"parent": "x", "message": {}}}, "current_node": "x"}"#,
    r#"{"title": "Bad", "mapping": {"x": {"parent": 7, "children": 7}}, "current_node": 7}"#,
    r#"{"title": 7, "mapping": {}, "current_node": []}"#,
    r#"{"title": {"a": 1}, "mapping": {}, "create_time": "never"}"#,
    r#"{"title": null, "mapping": {}, "create_time": {}}"#,
    r#"{"title": "Bad" "mapping": {}, "create_time": 1}"#,
    r#"{"title": "Bad", "mapping": {}, "create_time": 1,}"#,
    r#"{"title": "Bad",, "mapping": {}, "create_time": 1}"#,
    r#"{"title" "Bad", "mapping": {}, "create_time": 1}"#,
    r#"{title: "Bad", "mapping": {}, "create_time": 1}"#,
    r#"{'title': 'Bad', "mapping": {}, "create_time": 1}"#,
    r#"{"title": "Bad", "mapping": {}, "create_time": 01}"#,
    r#"{"title": "Bad", "mapping": {}, "create_time": +1}"#,
    r#"{"title": "Bad", "mapping": {}, "create_time": NaN}"#,
    r#"{"title": "Bad", "mapping": {}, "create_time": None}"#,
    r#"{"title": "B\xad", "mapping": {}, "create_time": 1}"#,
    r#"{"title": "B\ud800ad", "mapping": {}, "create_time": 1}"#,
    r#"{"title": "B\u00g0ad", "mapping": {}, "create_time": 1}"#,
    "{\"title\": \"B\nad\u{1}\", \"mapping\": {}, \"create_time\": 1}",
    r#"{"title": "Bad", "mapping": {"x": {"message": {"content": {"parts": [1 2 3]}}}}, "create_time": 1}"#,
    r#"{"title": "Bad", "mapping": {"x": [}}, "create_time": 1]"#,
];

#[test]
fn damage_in_data_that_no_page_shows_does_no_harm() {
    let conversation = |pad: &str| {
        let message =
            r#"{"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Still here"]}"#;
        format!(
            r#"{{"title": "Odd", "mapping": {{"x": {{"message": {message}, "metadata": {{"pad": {pad}}}}}}}}}, "current_node": "x", "create_time": 1}}"#
        )
    };
    let (expected, _) = shown(array(&[FIRST, &conversation("null"), SECOND]));
    let (tree, said) = shown(array(&[FIRST, &conversation(r#"[{], "\ud83d", 1 2]"#), SECOND]));
    tree.assert_is(&expected, &said);
    assert!(expected.0.values().any(|page| page.windows(10).any(|text| text == b"Still here")), "{said}");
}

#[test]
fn a_conversation_that_breaks_off_is_shown_up_to_the_break() {
    let broken = |pad: &str| {
        let message = |text: &str, metadata: &str| {
            format!(
                r#"{{"author": {{"role": "user"}}, "content": {{"content_type": "text", "parts": ["{text}"]}}, "metadata": {metadata}}}"#
            )
        };
        let first = message("Still here", &format!(r#"{{"pad": {pad}}}"#));
        let second = message("This too", "{}");
        format!(
            r#"[{FIRST}, {{"title": "Odd", "create_time": 1, "mapping": {{"x": {{"parent": null, "message": {first}}}, "y": {{"parent": "x", "message": {second}}}, "z": {{"#
        )
    };
    let (expected, _) = shown(broken("null"));
    let (tree, said) = shown(broken("[{]}"));
    tree.assert_is(&expected, &said);
    let has =
        |needle: &[u8]| expected.0.values().any(|page| page.windows(needle.len()).any(|text| text == needle));
    assert!(has(b"Still here") && has(b"This too"), "{said}");
}

#[test]
fn a_broken_conversation_damages_only_itself() {
    let expected = sound();
    for damage in DAMAGES {
        let (tree, said) = shown(array(&[FIRST, damage, SECOND]));
        tree.only(&["First", "Second"]).assert_is(&expected, damage);
        let is_json = serde_json::from_str::<serde_json::Value>(damage).is_ok();
        assert!(is_json || said.contains("problems.txt"), "{damage}: invalid JSON is a problem: {said}");
        let others: Vec<_> =
            tree.paths().into_iter().filter(|path| !expected.0.contains_key(*path)).collect();
        assert!(others.len() <= 1, "{damage}: {others:?}");
        for path in others {
            assert!(
                std::str::from_utf8(&tree.0[path]).is_ok_and(|page| page.starts_with("---\n")),
                "{damage}: {path}"
            );
        }
    }
}

#[test]
fn elements_that_are_not_conversations_are_one_line_and_no_page() {
    for damage in ["null", "7", "\"text\"", "[]", "{}"] {
        let (tree, said) = shown(array(&[FIRST, damage, SECOND]));
        tree.assert_is(&sound(), damage);
        assert!(said.contains("1 element is not a conversation"), "{damage}: {said}");
        assert!(said.contains("problems.txt"), "{damage}: {said}");
    }
}

#[test]
fn junk_between_conversations_leaves_them_alone() {
    let expected = sound();
    for junk in [
        r#"{"title": "Bad", "mapping": {"x": {]}}, "create_time": 1}"#,
        r#"{"title": "Bad", "mapping": {}, "create_time": 1} /* a comment */"#,
        "//",
        "\0\0\0",
    ] {
        let (tree, said) = shown(array(&[FIRST, junk, SECOND]));
        tree.only(&["First", "Second"]).assert_is(&expected, junk);
        assert!(said.contains("problems.txt"), "{junk:?}: {said}");
    }
}

#[test]
fn a_line_of_junk_between_conversations_is_counted_once() {
    let json = format!("[{FIRST}\nthis line is \"no, JSON\" at all\n{SECOND}]");
    let (tree, said) = shown(json);
    tree.assert_is(&sound(), "the conversations beside the junk");
    assert!(said.contains("1 element is not a conversation") && said.contains("problems.txt"), "{said}");
}
