//! `recent`, `ls` with conditions, `cat` with near misses, `info`, `diff`, and `export` as lines of JSON.

use crate::support::{Outcome, Scratch, Zip, array, exported, fixtures, gptfs, outcome, program};
use serde_json::Value;

fn on_demo(command: &str, rest: &[&str]) -> Outcome {
    let demo = fixtures().join("demo.zip").display().to_string();
    gptfs([&[command, "--tz=UTC", demo.as_str()], rest].concat())
}

/// The value of `key` in the front matter of a page.
fn front<'p>(page: &'p str, key: &str) -> Option<&'p str> {
    page.lines()
        .skip(1)
        .take_while(|line| *line != "---")
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

#[test]
fn recent_lists_the_conversations_that_changed_last() {
    let tree = exported(&fixtures().join("demo.zip"));
    let mut expected: Vec<(&str, &str)> = Vec::new();
    for (path, page) in &tree.0 {
        if !path.contains(".assets/") && !path.contains(".branches/") {
            let page = std::str::from_utf8(page).expect("UTF-8");
            expected.push((front(page, "updated").expect("a time"), path));
        }
    }
    expected.sort_by(|a, b| b.0.cmp(a.0));
    let told = on_demo("recent", &["-n", "5"]).succeeded().stdout;
    let lines: Vec<_> = told.lines().collect();
    assert_eq!(lines.len(), 5);
    for (line, (time, path)) in lines.iter().zip(&expected) {
        let (date, rest) = line.split_at(16);
        assert_eq!((date.replace(' ', "T").as_str(), rest.trim_start()), (&time[..16], *path));
    }
    assert_eq!(on_demo("recent", &[]).succeeded().stdout.lines().count(), 20);
    let starred = on_demo("recent", &["-1", "--starred"]).succeeded().stdout;
    assert!(
        starred.lines().count() == 4 && starred.lines().all(|path| tree.0.contains_key(path)),
        "{starred}"
    );
    let json = on_demo("recent", &["--json", "-n", "1"]).succeeded().stdout;
    let item: Value = serde_json::from_str(&json).expect("JSON");
    let page = std::str::from_utf8(&tree.0[item["path"].as_str().expect("a path")]).expect("UTF-8");
    assert_eq!(front(page, "id"), item["id"].as_str());
    assert_eq!(item["turns"], page.lines().filter(|line| line.starts_with("## ")).count());
}

#[test]
fn ls_takes_several_paths_wildcards_and_habits() {
    let plain = on_demo("ls", &["2024/02"]).succeeded().stdout;
    assert_eq!(on_demo("ls", &["-1", "2024/02"]).succeeded().stdout, plain);
    let both = on_demo("ls", &["2023/03", "2024/0[", "2024/02"]);
    assert_eq!(both.code, Some(2));
    assert!(
        both.stdout.contains("2023/03/New chat.md\n") && both.stdout.contains("2024/02/Trip to Lisbon.md\n")
    );
    let matched = on_demo("ls", &["20*/*/*isbon*.md"]).succeeded().stdout;
    assert!(
        matched.contains("2024/02/Trip to Lisbon.md\n") && matched.contains("2026/09/Lisbon again-.md\n"),
        "{matched}"
    );
    let months = on_demo("ls", &["2024/0[1-2]"]).succeeded().stdout;
    assert!(
        months.contains("2024/01/Tax spreadsheet.md\n") && months.contains("2024/02/Trip to Lisbon.md\n")
    );
    assert!(!months.contains("2024/03/"), "{months}");
    let newest = on_demo("ls", &["-t", "2023/04"]).succeeded().stdout;
    let oldest = on_demo("ls", &["-t", "-r", "2023/04"]).succeeded().stdout;
    assert_eq!(newest.lines().rev().collect::<Vec<_>>(), oldest.lines().collect::<Vec<_>>());
    let human = on_demo("ls", &["-l", "-h", "2023/03/New chat.md"]).succeeded().stdout;
    assert!(human.split_whitespace().nth(1) == Some("B"), "{human}");
    let starred = on_demo("ls", &["--starred"]).succeeded().stdout;
    assert_eq!(starred.lines().count(), 4);
    on_demo("ls", &["nothing*here"]).failed(2);
    let anywhere = on_demo("ls", &["**/itinerary*"]).succeeded().stdout;
    assert_eq!(anywhere, "2024/02/Trip to Lisbon.assets/itinerary.pdf\n");
    assert_eq!(on_demo("ls", &["**/**/itinerary*"]).succeeded().stdout, anywhere);
    assert_eq!(on_demo("ls", &["2024/**/*.pdf"]).succeeded().stdout, anywhere);
    assert!(on_demo("ls", &["*.pdf"]).failed(2).stderr.contains("to look in every directory, use **/*.pdf"));
    let none = on_demo("ls", &["--model=gpt-0"]).succeeded();
    assert_eq!(
        (&*none.stdout, &*none.stderr),
        ("", "gptfs: no conversation matches --model gpt-0; `gptfs info` lists the models\n")
    );
}

#[test]
fn cat_takes_wildcards_and_passes_over_the_directories_that_match() {
    let page = on_demo("cat", &["2024/02/Trip to Lisbon.md"]).succeeded().stdout;
    assert_eq!(on_demo("cat", &["2024/02/Trip*"]).succeeded().stdout, page);
}

#[test]
fn recent_puts_conversations_without_a_time_last() {
    let scratch = Scratch::new();
    let message =
        r#"{"m": {"id": "m", "message": {"author": {"role": "user"}, "content": {"parts": ["Hello"]}}}}"#;
    let export = format!(
        r#"[{{"id": "a", "title": "Timeless", "mapping": {message}}},
            {{"id": "b", "title": "Dated", "create_time": 1700000000, "mapping": {message}}}]"#
    );
    let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", export));
    let told = gptfs(["recent", "--tz=UTC", source.to_str().expect("UTF-8")]).succeeded().stdout;
    assert_eq!(told, "2023-11-14 22:13  2023/11/Dated.md\nno date           undated/Timeless.md\n");
}

#[test]
fn of_equally_new_copies_that_of_the_export_named_last_wins() {
    let (scratch, first) = (Scratch::new(), include_str!("../../fixtures/forms/first.json"));
    let [old, new] = ["Old name", "New name"].map(|title| {
        let zip = Zip::new().deflated("conversations.json", array(&[&first.replace("First light", title)]));
        scratch.zip(&format!("{title}.zip"), &zip)
    });
    for (sources, title) in [([&old, &new], "New name"), ([&new, &old], "Old name")] {
        let told = gptfs(["recent".as_ref(), "-1".as_ref(), sources[0].as_os_str(), sources[1].as_os_str()]);
        assert_eq!(told.succeeded().stdout, format!("2024/02/{title}.md\n"));
    }
}

#[test]
fn listings_are_sorted_by_name() {
    let names = |words: &[&str]| {
        let told = on_demo("ls", words).succeeded().stdout;
        told.lines().map(|line| line.trim_end_matches('/').to_lowercase()).collect::<Vec<_>>()
    };
    for month in ["2023/03", "2026/10"] {
        let listed = names(&[month]);
        assert!(listed.len() > 1 && listed.is_sorted(), "{listed:?}");
        assert!(names(&["-r", month]).into_iter().rev().eq(listed.iter().cloned()), "{month}");
    }
    let all: Vec<_> = names(&["-R"]).iter().map(|path| path.replace('/', "\0")).collect();
    assert!(all.is_sorted(), "each directory comes before its contents: {all:?}");
}

#[test]
fn slips_are_explained() {
    let scratch = Scratch::new();
    let demo = fixtures().join("demo.zip").display().to_string();
    scratch.file("-export.zip", "");
    scratch.directory("empty");
    for (words, expected) in [
        (&["cache", "clear"][..], "clear: unexpected; did you mean --clear?"),
        (&["grep", "-r", "x", &demo], "-r: not needed: grep always searches the whole export"),
        (&["grep", "x", &demo, "2024"], "2024: no such file or directory; grep searches whole exports"),
        (
            &["export", &demo, "2024/02", "out"],
            "2024/02: no such file or directory; export writes whole exports",
        ),
        (
            &["export", "--format=jsonl", &demo, "out"],
            "out: no such export; lines of JSON go to standard output",
        ),
        (
            &["export", "--format=jsonl", &demo, "empty"],
            "empty: no such export; lines of JSON go to standard output",
        ),
        (&["ls", "-export.zip"], "for the file of that name, use ./-export.zip"),
    ] {
        let told = outcome(program(&scratch).args(words).current_dir(scratch.path(""))).failed(2).stderr;
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn standard_input_and_addresses_are_not_taken_for_missing_files() {
    let scratch = Scratch::new();
    let address = "https://example.org/export.zip";
    let input = "gptfs: -: gptfs reads exports in any order, which standard input doesn't allow; save it to a file first\n";
    let network = format!(
        "gptfs: {address}: an address, and gptfs never connects to a network; download the export first\n"
    );
    let local = "file:///tmp/export.zip";
    let path = format!("gptfs: {local}: an address; name the path of the file instead\n");
    for (command, rest) in
        [("ls", &[][..]), ("check", &[]), ("export", &["out"]), ("mount", &["chats"]), ("mount", &[])]
    {
        for (source, expected) in [("-", input), (address, &network), (local, &path)] {
            let mut program = program(&scratch);
            let told = outcome(program.arg(command).arg(source).args(rest).current_dir(scratch.path("")));
            assert_eq!(told.failed(6).stderr, expected, "{command}");
        }
    }
    // A file may be called so.
    let export = std::fs::read(fixtures().join("demo.zip")).unwrap();
    scratch.file("-", export);
    outcome(program(&scratch).args(["check", "-"]).current_dir(scratch.path(""))).succeeded();
}

#[test]
fn a_pattern_that_matches_only_directories_prints_nothing() {
    let told = on_demo("cat", &["2023/*"]).failed(2).stderr;
    assert!(told.contains("2023/*: matches only directories; for the files in them, add /**/*"), "{told}");
    let pages = on_demo("cat", &["2023/**"]).failed(2).stderr;
    assert!(pages.contains("matches only directories"), "{pages}");
    on_demo("cat", &["2023/**/*.md"]).succeeded();
}

#[test]
fn a_near_miss_is_suggested_and_the_ending_of_a_page_may_be_left_out() {
    let page = on_demo("cat", &["2024/02/Trip to Lisbon.md"]).succeeded().stdout;
    assert_eq!(on_demo("cat", &["2024/02/Trip to Lisbon"]).succeeded().stdout, page);
    for near in ["2024/02/Trip to Lisbn.md", "2024/03/Trip to Lisbon.md", "2024/02/trip to lisbon"] {
        let told = on_demo("cat", &[near]).failed(2).stderr;
        assert!(told.contains("did you mean 2024/02/Trip to Lisbon.md"), "{told}");
    }
    for short in ["2024/2", "2024/002"] {
        let told = on_demo("ls", &[short]).failed(2).stderr;
        assert!(told.contains("did you mean 2024/02"), "{told}");
    }
    let far = on_demo("cat", &["2024/02/Nothing like it at all.md"]).failed(2).stderr;
    assert!(!far.contains("did you mean"), "{far}");
}

#[test]
fn info_has_bars_and_json() {
    let told = on_demo("info", &[]).succeeded().stdout;
    for words in ["months         J F M", "  2024", "models", "█", "missing files"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let json: Value = serde_json::from_str(&on_demo("info", &["--json"]).succeeded().stdout).expect("JSON");
    assert_eq!(json["conversations"], 48);
    let months = json["months"].as_object().expect("months");
    assert_eq!(months.values().filter_map(Value::as_u64).sum::<u64>(), 48);
    assert!(
        json["models"].as_array().is_some_and(|models| models.iter().any(|model| model["name"] == "gpt-4o"))
    );
}

#[test]
fn the_account_is_printed_only_when_asked() {
    let told = on_demo("info", &["--account"]).succeeded().stdout;
    assert!(told.contains("- **E-mail:** mira@example.org\n- **Birth year:** 1989\n"), "{told}");
    for command in [&["info"][..], &["info", "--json"], &["ls", "-R", "--json"]] {
        let told = on_demo(command[0], &command[1..]).succeeded();
        assert!(!told.stdout.contains("mira@") && !told.stderr.contains("mira@"), "{command:?}");
    }
}

/// A conversation with this id, title and answers, a branch for each but the last.
fn conversation(id: &str, title: &str, answers: &[&str]) -> String {
    let message = |id: &str, role: &str, text: &str| serde_json::json!({"id": id, "author": {"role": role}, "content": {"content_type": "text", "parts": [text]}});
    let mut mapping = serde_json::Map::new();
    mapping.insert("q".into(), serde_json::json!({"parent": null, "message": message("q", "user", "Why?")}));
    for (number, answer) in answers.iter().enumerate() {
        let id = format!("a{number}");
        let node = serde_json::json!({"parent": "q", "message": message(&id, "assistant", answer)});
        mapping.insert(id, node);
    }
    let current = format!("a{}", answers.len() - 1);
    let times = [1_700_000_000, 1_700_000_100];
    serde_json::json!({"id": id, "title": title, "create_time": times[0], "update_time": times[1],
        "current_node": current, "mapping": mapping})
    .to_string()
}

#[test]
fn diff_tells_what_became_of_conversations() {
    let scratch = Scratch::new();
    let export = |name: &str, conversations: &[String]| {
        let conversations: Vec<_> = conversations.iter().map(String::as_str).collect();
        scratch.file(name, array(&conversations)).display().to_string()
    };
    let old = export(
        "old.json",
        &[
            conversation("1", "Same", &["a"]),
            conversation("2", "Grows", &["a"]),
            conversation("3", "Before", &["a"]),
            conversation("4", "Edited", &["a"]),
            conversation("5", "Lost", &["a"]),
        ],
    );
    let new = export(
        "new.json",
        &[
            conversation("6", "Fresh", &["a"]),
            conversation("4", "Edited", &["abc"]),
            conversation("3", "After", &["a"]),
            conversation("2", "Grown up", &["a", "b"]),
            conversation("1", "Same", &["a"]),
        ],
    );
    let told = gptfs(["diff", "--tz=UTC", &old, &new]).succeeded();
    assert_eq!(
        told.stdout,
        "renamed  2023/11/After.md (was 2023/11/Before.md)\n\
         changed  2023/11/Edited.md\n\
         new      2023/11/Fresh.md\n\
         grown    2023/11/Grown up.md (0 → 1 branches, was 2023/11/Grows.md)\n\
         gone     2023/11/Lost.md\n"
    );
    assert!(told.stderr.contains("5 conversations differ: 1 new, 1 grown, 1 renamed, 1 changed, 1 gone"));
    let shorter = export("shorter.json", &[conversation("2", "Shrunk", &["a"])]);
    let told = gptfs(["diff", "--tz=UTC", &new, &shorter]).succeeded().stdout;
    assert!(told.contains("changed  2023/11/Shrunk.md (was 2023/11/Grown up.md)\n"), "{told}");
    let json = gptfs(["diff", "--tz=UTC", "--json", &old, &new]).succeeded().stdout;
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 5);
    assert_eq!((&lines[0]["change"], &lines[0]["id"]), (&"renamed".into(), &"3".into()));
    assert_eq!(lines[0]["before"]["path"], "2023/11/Before.md");
    let same = gptfs(["diff", &old, &old]).succeeded();
    assert!(same.stdout.is_empty() && same.stderr.contains("no conversation differs"), "{}", same.stderr);
    gptfs(["diff", &old, "/nowhere.zip"]).failed(6);
}

#[test]
fn export_prints_a_line_of_json_for_each_conversation() {
    let tree = exported(&fixtures().join("demo.zip"));
    let demo = fixtures().join("demo.zip").display().to_string();
    let told = gptfs(["export", "--tz=UTC", "--format", "jsonl", &demo]).succeeded().stdout;
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 48);
    for line in &lines {
        let path = line["path"].as_str().expect("a path");
        assert_eq!(line["text"].as_str().map(str::as_bytes), tree.0.get(path).map(Vec::as_slice), "{path}");
        assert_eq!(front(line["text"].as_str().expect("text"), "id"), line["id"].as_str());
        let branches = path.replace(".md", ".branches/");
        let expected = tree.0.iter().filter(|(path, _)| path.starts_with(&branches)).map(|(_, page)| page);
        let found = line["branches"].as_array().expect("branches").iter().filter_map(Value::as_str);
        assert!(found.map(str::as_bytes).eq(expected.map(Vec::as_slice)), "{path}");
    }
    gptfs(["export", &demo]).failed(2);
}
