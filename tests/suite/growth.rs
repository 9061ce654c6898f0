//! What an export makes long and refers to many times: nothing that a few bytes name is repeated at full length.

use crate::hostile::{answered, conversation, items, node, shown};
use crate::measured::measured;
use crate::support::{Scratch, Zip, exported, gptfs};
use std::time::Duration;

/// Bytes of what is long.
const LONG: usize = 20_000;

/// Messages that all answer the first.
fn star(at: usize) -> String {
    node(&format!("n{at}"), at.checked_sub(1).map(|_| "n0"), "word")
}

#[test]
fn pages_of_branches_repeat_little_of_what_a_conversation_has_once() {
    let long = |start: &str| start.to_owned() + &"x".repeat(LONG);
    let fields = format!(
        r#""gizmo_id":"{}","default_model_slug":"{}","conversation_template_id":"{}","current_node":"n1","mapping":{{{}}}"#,
        long("g-"),
        long("m"),
        long("g-p-"),
        items(20, star),
    );
    let (tree, _) = shown(format!("[{}]", conversation(&long("i"), &long("Tea "), &fields)));
    let pages: Vec<_> = tree.0.iter().map(|(path, page)| (path, String::from_utf8_lossy(page))).collect();
    let (branches, threads): (Vec<_>, Vec<_>) =
        pages.into_iter().partition(|(path, _)| path.contains(".branches/"));
    assert_eq!((branches.len(), threads.len()), (18, 1));
    for start in ["title: \"Tea ", "id: i", "gpt: g-", "project: g-p-", "model: m", "# Tea "] {
        assert!(threads[0].1.contains(&long(&format!("\n{start}"))), "{start} is whole on the thread");
    }
    let title = format!("Tea {}…", "x".repeat(196));
    for (path, page) in &branches {
        assert!(page.starts_with(&format!("---\ntitle: \"{title}\"\n")), "{path}: {page}");
        assert!(page.contains(&format!("\n\n# {title}\n\n*Branch ")), "{path}: {page}");
        assert!(page.len() < 1500, "{path}: {} bytes", page.len());
    }
}

#[test]
fn branches_have_the_whole_front_matter_of_honest_conversations() {
    let id = "01234567-89ab-4def-8000-000000000000";
    let nodes = items(3, star);
    let fields = format!(r#""gizmo_id":"g-1","current_node":"n1","mapping":{{{nodes}}}"#);
    let (tree, _) = shown(format!("[{}]", conversation(id, &"x".repeat(200), &fields)));
    let (_, branch) = tree.0.iter().find(|(path, _)| path.contains(".branches/")).expect("a branch");
    let expected =
        format!("---\ntitle: \"{}\"\nid: {id}\nurl: https://chatgpt.com/g/g-1/c/{id}\n", "x".repeat(200));
    let branch = String::from_utf8_lossy(branch);
    assert!(branch.starts_with(&expected), "{branch}");
}

/// The page of an answer with this text and metadata.
fn page(text: &str, metadata: &str) -> String {
    let (tree, _) = shown(format!("[{}]", answered(text, metadata)));
    String::from_utf8(tree.0.into_values().next().expect("a page")).expect("text")
}

#[test]
fn an_answer_grows_little_by_the_pages_that_its_marks_name() {
    let address = format!("https://example.org/{}", "x".repeat(LONG));
    let entry = format!(
        r#"{{"url":"{address}","title":"T","ref_id":{{"turn_index":0,"ref_type":"search","ref_index":0}}}}"#
    );
    let groups = format!(r#""search_result_groups":[{{"entries":[{entry}]}}]"#);
    for mark in [
        r"\ue200cite\ue202turn0search0\ue201 ",
        r"\ue200url\ue202Docs\ue202turn0search0\ue201 ",
        r"\ue200navlist\ue202More\ue202turn0search0\ue201 ",
    ] {
        // Eight times the text are 208 kB or more: some are shown.
        let page = page(&mark.repeat(1_000), &groups);
        let times = page.matches(&address).count();
        assert!((5..=20).contains(&times), "{mark}: {times} times");
        assert!(page.len() < 500_000, "{mark}: {} bytes", page.len());
    }
}

#[test]
fn an_answer_grows_little_by_the_sources_that_it_names_by_numbers() {
    let address = format!("https://example.org/{}", "x".repeat(LONG));
    let list = format!(r#""metadata_list":[{{"type":"webpage","title":"T","url":"{address}"}}]"#);
    // The text has 11,000 bytes.
    let page = page(&"【0†a】".repeat(1_000), &format!(r#""_cite_metadata":{{{list}}}"#));
    let times = page.matches(&address).count();
    assert!((3..=10).contains(&times), "{times} times");
    assert!(page.len() < 200_000, "{} bytes", page.len());
}

#[test]
fn an_answer_grows_little_by_the_definitions_that_it_refers_to() {
    let long = "x".repeat(LONG);
    for definition in [format!("[a]: https://example.org/{long}"), format!("[a]: https://e.org '{long}'")] {
        // The text has 24,000 bytes.
        let page = page(&format!(r"{definition}\n\n{}", "[a] ".repeat(1_000)), "");
        let times = page.matches(&long).count();
        assert!((5..=15).contains(&times), "{times} times");
        assert!(page.len() < 300_000, "{} bytes", page.len());
        assert!(page.ends_with("[a] [a] [a]\n"), "the others stay as they are");
    }
}

#[test]
fn names_of_people_and_documents_are_repeated_in_short() {
    let long = "x".repeat(LONG);
    let messages = items(50, |at| {
        let role = if at % 2 == 0 { r#""user","author_id":"p""# } else { r#""assistant""# };
        format!(r#"{{"id":"m{at}","role":{role},"text":"word {at}"}}"#)
    });
    let chat = format!(
        r#"{{"chats":[{{"id":"c","name":"Picnic","assistant_name":"A{long}","participants":[{{"id":"p","name":"P{long}"}}],"messages":[{messages}]}}]}}"#
    );
    let scratch = Scratch::new();
    let tree = exported(&scratch.zip("export.zip", &Zip::new().deflated("group_chats.json", chat)));
    let page = String::from_utf8_lossy(tree.0.values().next().expect("a page"));
    assert_eq!(page.matches("## User (Pxxx").count(), 25);
    assert_eq!(page.matches("## ChatGPT (Axxx").count(), 25);
    assert!(page.len() < 20_000, "{} bytes", page.len());

    // A canvas document that is created once, and edited often.
    let call = |at: usize, action: &str, arguments: String| {
        let (parent, text) = (at.checked_sub(1), serde_json::Value::from(arguments));
        let parent = parent.map_or("null".to_owned(), |parent| format!("\"n{parent}\""));
        format!(
            r#""n{at}":{{"id":"n{at}","parent":{parent},"message":{{"id":"n{at}","author":{{"role":"assistant"}},"recipient":"canmore.{action}","content":{{"content_type":"code","language":"json","text":{text}}}}}}}"#
        )
    };
    let nodes = items(50, |at| match at {
        0 => {
            let create = format!(r#"{{"name":"T{long}","type":"code/{long}","content":"word"}}"#);
            call(at, "create_textdoc", create)
        }
        at => {
            let update = format!(r#"{{"updates":[{{"pattern":".*","replacement":"word {at}"}}]}}"#);
            call(at, "update_textdoc", update)
        }
    });
    let fields = format!(r#""current_node":"n49","mapping":{{{nodes}}}"#);
    let (tree, _) = shown(format!("[{}]", conversation("a", "Tea", &fields)));
    let page = String::from_utf8_lossy(&tree.0["2024/02/Tea.md"]);
    assert_eq!(page.matches("**Canvas: Txxx").count(), 50);
    assert!(page.contains(&format!("**Canvas: T{long}**")), "whole where it is given");
    assert!(page.contains("\n> ```\n> word 49\n"), "no language of this length");
    assert!(page.len() < LONG + 40_000, "{} bytes", page.len());
}

#[test]
fn edits_of_large_documents_take_little_memory_with_many_threads() {
    let call = |at: usize, action: &str, arguments: &str| {
        let text = serde_json::Value::from(arguments);
        let parent = at.checked_sub(1).map_or("null".to_owned(), |parent| format!("\"n{parent}\""));
        format!(
            r#""n{at}":{{"id":"n{at}","parent":{parent},"message":{{"id":"n{at}","author":{{"role":"assistant"}},"recipient":"canmore.{action}","content":{{"content_type":"code","language":"json","text":{text}}}}}}}"#
        )
    };
    let text = "lorem ".repeat(50_000);
    let create = format!(r#"{{"name":"T","type":"document","content":"{text}"}}"#);
    let update = r#"{"updates":[{"pattern":"l","replacement":"m"}]}"#;
    let nodes = items(40, |at| match at {
        0 => call(at, "create_textdoc", &create),
        at => call(at, "update_textdoc", update),
    });
    let fields = format!(r#""current_node":"n39","mapping":{{{nodes}}}"#);
    let chats = items(16, |at| conversation(&at.to_string(), "Tea", &fields));
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", format!("[{chats}]"));
    for jobs in ["1", "16"] {
        let cost = measured([
            "ls".as_ref(),
            "--no-cache".as_ref(),
            "--jobs".as_ref(),
            jobs.as_ref(),
            source.as_os_str(),
        ]);
        assert_eq!(cost.code, Some(0), "{}", cost.stderr);
        assert!(cost.peak_kib <= 128 << 10, "{jobs} jobs: {} KiB", cost.peak_kib);
    }
}

#[test]
fn feedback_on_one_conversation_takes_linear_time_and_names_it_in_short() {
    let long = "x".repeat(LONG);
    let record = |at| format!(r#"{{"id":"f{at}","conversation_id":"c","rating":"thumbs_up"}}"#);
    let records = format!("[{},{}]", items(20_000, record), record(0));
    let chat = conversation("c", &long, &format!(r#""mapping":{{{}}}"#, node("n", None, "word")));
    let zip = Zip::new().deflated("conversations.json", format!("[{chat}]"));
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &zip.deflated("message_feedback.json", records));
    let arguments = ["cat".as_ref(), source.as_os_str(), ".gptfs/feedback.md".as_ref()];
    let told = gptfs(arguments).succeeded();
    assert_eq!(told.stdout.matches("👍").count(), 20_000, "each once");
    assert!(told.stdout.contains(&format!("in [{}…](", "x".repeat(200))));
    assert!(!told.stdout.contains(&"x".repeat(300)));
    let time = measured(arguments).processor;
    assert!(time < Duration::from_secs(5), "{time:?}");
}

#[test]
fn pictures_that_only_the_library_links_find_their_questions_in_linear_time() {
    const COUNT: usize = 20_000;
    let question = |at: usize| {
        node(&format!("q{at}"), at.checked_sub(1).map(|before| format!("q{before}")).as_deref(), "Draw.")
    };
    let nodes = items(COUNT, question);
    let fields = format!(r#""current_node":"q{}","mapping":{{{nodes}}}"#, COUNT - 1);
    let record = |at| {
        format!(
            r#"{{"file_id":"file_{at:032}","file_name":"{at}.png","library_artifact_type":"image","origination_thread_id":"c","origination_message_id":"q{at}"}}"#
        )
    };
    let mut zip = Zip::new()
        .deflated("conversations.json", format!("[{}]", conversation("c", "Tea", &fields)))
        .deflated("library_files.json", format!("[{}]", items(COUNT, record)));
    for at in 0..COUNT {
        zip = zip.stored(&format!("file_{at:032}.dat"), "x");
    }
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &zip);
    let cost =
        measured(["ls".as_ref(), "--no-cache".as_ref(), source.as_os_str(), "2024/02/Tea.assets".as_ref()]);
    assert_eq!(cost.code, Some(0), "{}", cost.stderr);
    assert!(cost.processor < Duration::from_secs(4), "{:?}", cost.processor);
    let page = gptfs(["cat".as_ref(), source.as_os_str(), "2024/02/Tea.md".as_ref()]).succeeded().stdout;
    for (at, part) in page.split("## User\n").skip(1).enumerate() {
        assert!(part.starts_with("\nDraw.\n\n## ChatGPT\n\n"), "{at}: {part}");
        assert!(part.contains(&format!("({})", format_args!("Tea.assets/{at}.png"))), "{at}: {part}");
    }
}

#[test]
fn what_looks_like_headers_in_a_zip_without_a_directory_is_read_once() {
    // An extra field of 64 KiB is claimed every 32 bytes: read for each, these are 64 GiB and more.
    let header = |name: u8| {
        let mut header = *b"PK\x03\x04                            ";
        header[4..26].fill(0);
        (header[26], header[27], header[28], header[29]) = (name, 0, 0xff, 0xff);
        header
    };
    for (name, count) in [(0, 500_000), (1, 500_000)] {
        let scratch = Scratch::new();
        let source = scratch.file("export.zip", header(name).repeat(count));
        let arguments = ["ls".as_ref(), "--recover".as_ref(), source.as_os_str()];
        let cost = measured(arguments);
        assert!(matches!(cost.code, Some(3 | 4)), "{}", cost.stderr);
        assert!(cost.processor < Duration::from_secs(4), "{name}: {:?}", cost.processor);
    }
}

#[test]
fn stored_entries_without_sizes_are_read_twice_at_most() {
    // Each may reach to the end of the file, as far as it is known: no descriptor has its checksum.
    let mut header = *b"PK\x03\x04                           ";
    header[4..30].fill(0);
    (header[6], header[26]) = (8, 1);
    let zip = header.repeat(200_000);
    // The same with descriptors that have the length of the first entry.
    let mut fitting = header.to_vec();
    while fitting.len() < 8_000_000 {
        let length = ((fitting.len() - header.len()) as u32).to_le_bytes();
        fitting.extend([b"PK\x07\x08\x01\x02\x03\x04", &length[..], &length].concat());
    }
    for zip in [zip, fitting] {
        let scratch = Scratch::new();
        let source = scratch.file("export.zip", zip);
        let cost = measured(["ls".as_ref(), "--recover".as_ref(), source.as_os_str()]);
        assert!(matches!(cost.code, Some(3 | 4)), "{}", cost.stderr);
        assert!(cost.processor < Duration::from_secs(4), "{:?}", cost.processor);
    }
}

#[test]
fn broken_streams_that_run_over_each_other_are_inflated_twice_at_most() {
    // Each entry is an uncompressed block that runs over the entries after it, into a chain of such blocks that breaks at
    // the end of the file; its descriptor says that it ends right after the head of its block.
    const LINK: usize = 60_000;
    let block = |length: usize| {
        let length = (length as u16).to_le_bytes();
        [0, length[0], length[1], !length[0], !length[1]]
    };
    let mut header = *b"PK\x03\x04                           ";
    header[4..30].fill(0);
    (header[6], header[8], header[26]) = (8, 8, 1);
    let descriptor = [b"PK\x07\x08\0\0\0\0", &[5, 0, 0, 0][..], &[0; 4]].concat();
    let mut zip = Vec::new();
    for _ in 0..100 {
        let link = zip.len() + LINK;
        while zip.len() + 52 <= link {
            zip.extend(header);
            zip.extend(block(link - zip.len() - 5));
            zip.extend(&descriptor);
        }
        zip.resize(link, 0);
        zip.extend(block(LINK));
    }
    let scratch = Scratch::new();
    let source = scratch.file("export.zip", zip);
    let cost = measured(["ls".as_ref(), "--recover".as_ref(), source.as_os_str()]);
    assert!(matches!(cost.code, Some(3 | 4)), "{}", cost.stderr);
    assert!(cost.processor < Duration::from_secs(4), "{:?}", cost.processor);
}
