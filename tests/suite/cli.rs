//! The command line: the output, exit codes and error messages of every command.

use crate::support::{Scratch, Tree, Zip, array, exported, fixtures, gptfs, outcome, program, skip};
use std::ffi::OsStr;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const SECOND: &str = include_str!("../../fixtures/forms/second.json");

/// The command line makes no sense.
const USAGE: i32 = 2;
/// A limit was exceeded.
const LIMIT: i32 = 5;
/// The environment is at fault.
const ENVIRONMENT: i32 = 6;

fn demo() -> PathBuf {
    fixtures().join("demo.zip")
}

/// Runs `command` on the demo export.
fn on_demo(command: &str, rest: &[&str]) -> crate::support::Outcome {
    let demo = demo();
    gptfs([OsStr::new(command), demo.as_os_str()].into_iter().chain(rest.iter().map(OsStr::new)))
}

/// A minimal conversation of two turns.
pub(crate) fn chat(id: &str, title: &str, time: u64, answer: &str) -> String {
    let title = serde_json::Value::from(title);
    let answer = serde_json::Value::from(answer);
    format!(
        r#"{{"id": "{id}", "title": {title}, "create_time": {time}, "update_time": {time}, "current_node": "b", "mapping": {{
        "a": {{"id": "a", "parent": null, "children": ["b"], "message": {{"id": "a", "author": {{"role": "user"}},
            "create_time": {time}, "content": {{"content_type": "text", "parts": ["A question"]}}}}}},
        "b": {{"id": "b", "parent": "a", "children": [], "message": {{"id": "b", "author": {{"role": "assistant"}},
            "create_time": {time}, "content": {{"content_type": "text", "parts": [{answer}]}}}}}}}}}}"#
    )
}

// ls

#[test]
fn ls_prints_one_name_per_line() {
    let told = on_demo("ls", &["2024/02"]).succeeded();
    let names = [
        "Aprender português 🇵🇹.md",
        "Trip to Lisbon.assets/",
        "Trip to Lisbon.branches/",
        "Trip to Lisbon.md",
    ];
    let mut got: Vec<_> = told.stdout.lines().collect();
    got.sort_unstable();
    assert_eq!((got.as_slice(), told.stderr.as_str()), (&names[..], ""));
    assert_eq!(
        on_demo("ls", &["/2024/02"]).succeeded().stdout,
        told.stdout,
        "a leading slash means the root"
    );
    assert_eq!(on_demo("ls", &["2024/02/"]).succeeded().stdout, told.stdout, "a trailing slash is allowed");
}

#[test]
fn ls_of_a_file_prints_its_path() {
    assert_eq!(on_demo("ls", &["2023/03/New chat.md"]).succeeded().stdout, "2023/03/New chat.md\n");
}

#[test]
fn a_recursive_ls_prints_whole_paths() {
    let all = on_demo("ls", &["-R"]).succeeded();
    let files: Vec<_> = all.stdout.lines().filter(|line| !line.ends_with('/')).collect();
    let mut sorted = files.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, include_str!("../../fixtures/demo.paths").lines().collect::<Vec<_>>());
    let month = on_demo("ls", &["-R", "2024/02"]).succeeded();
    let expected: Vec<_> =
        all.stdout.lines().filter(|line| line.starts_with("2024/02/") && line.len() > 8).collect();
    assert_eq!(month.stdout.lines().collect::<Vec<_>>(), expected);
    for line in month.stdout.lines() {
        on_demo("ls", &[line]).succeeded();
    }
}

#[test]
fn a_recursive_ls_shows_an_unlisted_directory_only_when_asked() {
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations.json", array(&[FIRST]))
        .deflated("file-AAAAAAAAAAAAAAAAAAAAAA-x.txt", "x");
    let source = scratch.zip("export.zip", &zip);
    let told = gptfs(["ls".as_ref(), "-R".as_ref(), source.as_os_str(), OsStr::new(".gptfs")]).succeeded();
    assert!(told.stdout.contains("\n.gptfs/orphans/\n.gptfs/orphans/x.txt\n"), "{}", told.stdout);
    let all = gptfs(["ls".as_ref(), "-R".as_ref(), source.as_os_str()]).succeeded();
    assert!(!all.stdout.contains(".gptfs"), "{}", all.stdout);
}

#[test]
fn a_long_listing_has_sizes_and_times() {
    let page = exported(&demo()).0["2023/03/New chat.md"].len();
    let told = on_demo("ls", &["-l", "2023/03/New chat.md"]).succeeded();
    let words: Vec<_> = told.stdout.split_whitespace().collect();
    assert_eq!(
        (words[0], words[1].len(), words[2].len()),
        (page.to_string().as_str(), 10, 5),
        "{}",
        told.stdout
    );
    assert!(told.stdout.ends_with("  2023/03/New chat.md\n"));
}

#[test]
fn a_json_listing_has_one_object_per_line() {
    let tree = exported(&demo());
    let told = on_demo("ls", &["-R", "--json"]).succeeded();
    let mut files = 0;
    for line in told.stdout.lines() {
        let item: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let keys: Vec<_> = item.as_object().expect("an object").keys().map(String::as_str).collect();
        let is_thread = !keys.iter().all(|key| ["path", "kind", "size", "created", "modified"].contains(key));
        assert_eq!(keys.len(), if is_thread { 9 } else { 5 }, "{keys:?}");
        if item["kind"] == "file" {
            assert_eq!(item["size"], tree.0[item["path"].as_str().expect("a path")].len());
            files += 1;
        }
        assert!(item["created"].as_str() <= item["modified"].as_str(), "{line}");
    }
    assert_eq!(files, tree.0.len());
}

// cat

#[test]
fn cat_concatenates_the_named_files() {
    let tree = exported(&demo());
    let paths = ["2023/03/New chat.md", "2024/02/Trip to Lisbon.md"];
    let told = on_demo("cat", &paths).succeeded();
    assert_eq!(told.stdout.into_bytes(), paths.map(|path| tree.0[path].as_slice()).concat());
}

#[test]
fn cat_reports_each_path_that_is_not_a_file() {
    let told = on_demo("cat", &["2024/02/No such chat.md"]).failed(USAGE);
    assert_eq!(told.stderr, "gptfs: 2024/02/No such chat.md: no such file or directory\n");
    let told = on_demo("cat", &["2024"]).failed(USAGE);
    assert_eq!(told.stderr, "gptfs: 2024: is a directory\n");
    let told = on_demo("cat", &["2023/03/New chat.md/deeper"]).failed(USAGE);
    assert_eq!(told.stderr, "gptfs: 2023/03/New chat.md/deeper: not a directory\n");
    let long = "n".repeat(300);
    let told = on_demo("cat", &[&long]).failed(USAGE);
    assert!(told.stderr.contains("too long"), "{}", told.stderr);
}

#[test]
fn cat_prints_the_readable_files_and_fails_for_the_others() {
    let told = on_demo("cat", &["nowhere", "2023/03/New chat.md", "2024"]);
    assert_eq!(told.code, Some(USAGE));
    assert_eq!(told.stdout.into_bytes(), exported(&demo()).0["2023/03/New chat.md"]);
    assert_eq!(told.stderr, "gptfs: nowhere: no such file or directory\ngptfs: 2024: is a directory\n");
}

#[test]
fn a_path_cannot_escape_the_tree() {
    for path in ["../etc/passwd", "2024/../../etc/passwd", "/etc/passwd", "2024/./../../../etc/passwd"] {
        let told = on_demo("cat", &[path]).failed(USAGE);
        assert!(told.stderr.contains("no such file"), "{path}: {}", told.stderr);
    }
}

#[test]
fn a_path_is_printed_without_control_characters() {
    let told = on_demo("cat", &["\u{1b}]0;owned\u{7}\n"]).failed(USAGE);
    assert!(!told.stderr.trim_end_matches('\n').contains(char::is_control), "{:?}", told.stderr);
}

// export

#[test]
fn export_refuses_a_target_that_is_not_empty_and_leaves_it_alone() {
    let scratch = Scratch::new();
    scratch.file("full/notes.txt", "text");
    scratch.file("file", "text");
    let before = scratch.tree();
    for (name, reason) in [("full", "not empty"), ("file", "not a folder")] {
        let told = on_demo("export", &[scratch.path(name).to_str().expect("UTF-8")]).failed(ENVIRONMENT);
        assert!(told.stderr.contains(name) && told.stderr.contains(reason), "{}", told.stderr);
        scratch.tree().assert_is(&before, reason);
    }
}

#[test]
fn export_fills_an_empty_directory_and_reports_the_number_of_files() {
    let scratch = Scratch::new();
    let out = scratch.directory("out");
    let told = on_demo("export", &[out.to_str().expect("UTF-8")]).succeeded();
    let files = include_str!("../../fixtures/demo.paths").lines().count();
    assert_eq!(told.stdout, "");
    assert_eq!(told.stderr, format!("gptfs: wrote {files} files to {}\n", out.display()));
    assert_eq!(Tree::read(&out).0.len(), files);
}

#[test]
fn an_updated_export_says_what_it_did_and_what_it_left_alone() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let update = |chats: &[&str]| {
        let source = scratch.file("conversations.json", array(chats));
        gptfs(["export".as_ref(), "--update".as_ref(), source.as_os_str(), out.as_os_str()])
            .succeeded()
            .stderr
    };
    let (tea, milk) = (chat("a", "Tea", 1_709_251_199, "Green"), chat("b", "Milk", 1_709_251_199, "White"));
    let into = out.display();
    assert_eq!(update(&[&tea, &milk]), format!("gptfs: wrote 2 files to {into}, removed 0, 0 up to date\n"));
    assert_eq!(update(&[&tea, &milk]), format!("gptfs: wrote 0 files to {into}, removed 0, 2 up to date\n"));
    let grown = chat("a", "Tea", 1_709_251_199, "Green, or black");
    assert_eq!(update(&[&grown]), format!("gptfs: wrote 1 file to {into}, removed 1, 0 up to date\n"));
    fs::write(out.join("2024/02/Tea.md"), "mine").expect("a file");
    assert_eq!(
        update(&[&tea]),
        format!(
            "gptfs: wrote 0 files to {into}, removed 0, 0 up to date\n\
             gptfs: left 1 alone that gptfs did not write or that changed since, such as 2024/02/Tea.md\n"
        )
    );
    assert_eq!(fs::read_to_string(out.join("2024/02/Tea.md")).expect("a file"), "mine");
}

#[test]
fn an_exported_file_has_the_modification_time_of_its_conversation() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let source = scratch.file("conversations.json", array(&[&chat("a", "Tea", 1_709_251_199, "Green")]));
    gptfs(["export".as_ref(), source.as_os_str(), out.as_os_str()]).succeeded();
    for path in ["2024/02/Tea.md", "2024/02", "2024"] {
        assert_eq!(fs::metadata(out.join(path)).expect(path).mtime(), 1_709_251_199, "{path}");
    }
}

// info, cache

#[test]
fn info_summarises_an_export() {
    let told = on_demo("info", &[]).succeeded();
    for words in [
        "demo.zip", "conversations    48", "2023-03-14", "gpt-4o", "branches         7", "starred          4",
    ] {
        assert!(told.stdout.contains(words), "{words}: {}", told.stdout);
    }
    assert_eq!(told.stderr, "");
}

#[test]
fn saved_indexes_can_be_listed_and_cleared() {
    let home = Scratch::new();
    let demo = demo();
    let run = |words: &[&str]| outcome(program(&home).args(words));
    let (dir, none) = (
        home.path("cache/gptfs"),
        format!("gptfs: no saved indexes in {}\n", home.path("cache/gptfs").display()),
    );
    let empty = run(&["cache"]).succeeded();
    assert_eq!((empty.stdout.as_str(), &empty.stderr), ("", &none));
    run(&["ls", demo.to_str().expect("UTF-8")]).succeeded();
    let listed = run(&["cache"]).succeeded();
    let line = listed.stdout.trim();
    assert!(!line.contains('\n') && line.contains("B  20") && line.ends_with("  demo.zip"), "{line}");
    assert!(listed.stderr.starts_with("gptfs: 1 saved index, "), "{}", listed.stderr);
    let path = fs::read_dir(&dir).expect("a directory").next().expect("a file").expect("an entry").path();
    let (file, dir) =
        (fs::metadata(&path).expect("it"), fs::metadata(path.parent().expect("a parent")).expect("it"));
    assert_eq!((file.mode() & 0o777, dir.mode() & 0o777), (0o600, 0o700), "private to the user");
    let cleared = run(&["cache", "--clear"]).succeeded();
    assert!(cleared.stderr.contains("removed 1 saved index"), "{}", cleared.stderr);
    assert_eq!(run(&["cache"]).succeeded().stderr, none);
    assert!(!path.exists());
}

#[test]
fn no_cache_saves_nothing() {
    let home = Scratch::new();
    outcome(program(&home).args(["ls", "--no-cache"]).arg(demo())).succeeded();
    home.tree().assert_is(&Tree::default(), "the home directory");
}

#[test]
fn a_corrupt_saved_index_is_ignored_and_rebuilt() {
    let home = Scratch::new();
    let list = || outcome(program(&home).args(["ls", "-R", "--json"]).arg(demo())).succeeded().stdout;
    let first = list();
    let saved: Vec<_> = home.tree().0.into_iter().collect();
    let [(path, bytes)] = saved.as_slice() else { panic!("one file: {saved:?}") };
    for (what, broken) in [
        ("cut", bytes[..bytes.len() / 2].to_vec()),
        ("empty", Vec::new()),
        (
            "flipped",
            bytes
                .iter()
                .enumerate()
                .map(|(at, &byte)| if at == bytes.len() / 2 { !byte } else { byte })
                .collect(),
        ),
        ("unrelated", b"something else".repeat(1000)),
    ] {
        home.file(path, broken);
        assert_eq!(list(), first, "{what}");
    }
}

// Usage.

#[test]
fn invalid_command_lines_exit_with_2() {
    let demo = demo();
    let demo = demo.to_str().expect("UTF-8");
    for words in [
        &["mount"][..],
        &["export", demo],
        &["ls"],
        &["cat", demo],
        &["unmount"],
        &["info"],
        &["nonsense"],
        &["ls", "--nonsense", demo],
        &["ls", "--jobs", "0", demo],
        &["ls", "--max-size", "much", demo],
        &["ls", "--thinking", "hard", demo],
        &["ls", "-l", "--json", demo],
        &["ls", "--tz", "Mars/Base", demo],
        &["ls", "--names-map", "/nonexistent.json/x", demo],
    ] {
        let told = gptfs(words);
        let expected = if words.contains(&"--names-map") { ENVIRONMENT } else { USAGE };
        assert_eq!(told.code, Some(expected), "{words:?}: {}", told.stderr);
        assert_eq!(told.stdout, "", "{words:?}");
        assert!(!told.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn every_command_rejects_an_unknown_time_zone_before_it_does_anything() {
    let scratch = Scratch::new();
    let (demo, out) = (demo(), scratch.path("out"));
    for words in [&["ls"][..], &["info"], &["mount"], &["export"]] {
        let dir = ["mount", "export"].contains(&words[0]).then_some(out.as_os_str());
        let command =
            words.iter().map(OsStr::new).chain(["--tz".as_ref(), "Mars/Base".as_ref(), demo.as_os_str()]);
        let told = gptfs(command.chain(dir)).failed(USAGE);
        assert!(told.stderr.contains("Mars/Base"), "{}", told.stderr);
        assert!(!out.exists());
    }
}

#[test]
fn a_slip_on_the_command_line_is_explained_in_the_words_that_were_typed() {
    let scratch = Scratch::new();
    let export = scratch.path("export.zip");
    fs::copy(demo(), &export).expect("a copy");
    let export = export.to_str().expect("UTF-8");
    let typo = export.replace(".zip", ".zp");
    for (words, reason) in [
        (&["grep", export, "Lisbon"][..], "the pattern comes first: gptfs grep Lisbon "),
        (&["recent", "-n", "x", export], "must be a whole number"),
        (&["grep", "-C", "x", "tea", export], "must be a whole number"),
        (&["--verbose", "ls", export], "--verbose: goes after the command, as in `gptfs mount --verbose`"),
    ] {
        let told = gptfs(words).failed(USAGE);
        assert!(told.stderr.contains(reason), "{words:?}: {}", told.stderr);
    }
    let told = gptfs(["ls", "--nonsense", export]);
    assert_eq!(told.code, Some(USAGE));
    assert!(!told.stderr.contains("as a value"), "{}", told.stderr);
    let told = gptfs(["mount", &typo]).failed(ENVIRONMENT);
    assert_eq!(told.stderr, format!("gptfs: {typo}: no such file or directory\n"));
    assert_eq!(gptfs(["search", "Lisbon", export]).stdout, gptfs(["grep", "Lisbon", export]).stdout);
}

#[test]
fn options_for_help_are_not_options_of_the_environment() {
    let told = gptfs(["ls", "--help"]).succeeded();
    assert!(!told.stdout.contains("GPTFS_HELP"), "{}", told.stdout);
    let home = Scratch::new();
    let listed = outcome(program(&home).env("GPTFS_HELP", "1").arg("ls").arg(demo())).succeeded().stdout;
    assert!(listed.starts_with("2023/\n"), "{listed}");
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (words, part) in [
        (&["--help"][..], "Exit codes: 0 done"),
        (&["mount", "--help"], "--no-wait"),
        (&["--version"], "gptfs "),
    ] {
        let told = gptfs(words).succeeded();
        assert!(told.stdout.contains(part) && told.stderr.is_empty(), "{words:?}");
    }
}

#[test]
fn no_arguments_show_the_usage() {
    let told = gptfs([] as [&str; 0]);
    assert_eq!(told.code, Some(USAGE));
    assert!(told.stderr.contains("Usage: gptfs"), "{}", told.stderr);
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let all = gptfs([OsStr::new("ls"), "-R".as_ref(), demo().as_os_str()]).succeeded();
    for words in [&["ls", "-R"][..], &["info"], &["cat"]] {
        let home = Scratch::new();
        let mut command = program(&home);
        command.args(words).arg(demo());
        if words == ["cat"] {
            command.args(all.stdout.lines().filter(|line| !line.ends_with('/')));
        }
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program");
        let mut stdout = child.stdout.take().expect("a pipe");
        let mut byte = [0];
        stdout.read_exact(&mut byte).expect("a byte");
        drop(stdout);
        let output = child.wait_with_output().expect("the program exits");
        assert_eq!(output.status.code(), Some(0), "{words:?}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{words:?}");
    }
}

#[test]
fn the_time_zone_decides_the_month() {
    let scratch = Scratch::new();
    // 2024-02-29T23:59:59Z
    let source = scratch.file("conversations.json", array(&[&chat("a", "Tea", 1_709_251_199, "Green")]));
    for (zone, path) in [
        ("UTC", "2024/02/Tea.md"),
        ("Europe/Berlin", "2024/03/Tea.md"),
        ("Asia/Tokyo", "2024/03/Tea.md"),
        ("America/New_York", "2024/02/Tea.md"),
    ] {
        let told =
            gptfs(["ls".as_ref(), "-R".as_ref(), "--tz".as_ref(), OsStr::new(zone), source.as_os_str()])
                .succeeded();
        assert_eq!(told.stdout.lines().last(), Some(path), "{zone}");
        let home = Scratch::new();
        let told = outcome(program(&home).env("TZ", zone).args(["ls", "-R"]).arg(&source)).succeeded();
        assert_eq!(told.stdout.lines().last(), Some(path), "{zone} as the system zone");
    }
}

#[test]
fn an_export_over_max_size_is_refused() {
    let told = on_demo("ls", &["--max-size", "10K"]).failed(LIMIT);
    assert!(told.stderr.contains("demo.zip") && told.stderr.contains("--max-size"), "{}", told.stderr);
    on_demo("ls", &["--max-size", "1M"]).succeeded();
}

#[test]
fn a_conversation_over_the_limit_becomes_a_page_that_says_so() {
    let scratch = Scratch::new();
    let long = chat("c0ffee00", "Long", 1_709_251_199, &"word ".repeat(4000));
    let source = scratch.file("conversations.json", array(&[FIRST, &long, SECOND]));
    let out = scratch.path("out");
    let words = ["export", "--max-conversation", "16K"].map(OsStr::new);
    let told = gptfs(words.into_iter().chain([source.as_os_str(), out.as_os_str()])).succeeded();
    assert!(told.stderr.contains("--max-conversation"), "{}", told.stderr);
    let got = Tree::read(&out);
    let page = String::from_utf8(got.0["2024/02/Long.md"].clone()).expect("UTF-8");
    assert!(
        page.contains("--max-conversation")
            && page.contains("title: \"Long\"")
            && !page.contains("word word"),
        "{page}"
    );
    assert!(page.len() < 1000);
    got.only(&["First", "Second"])
        .assert_is(&exported(&source).only(&["First", "Second"]), "the other conversations");
    let told = gptfs(
        ["cat", "--max-conversation", "16K"]
            .map(OsStr::new)
            .into_iter()
            .chain([source.as_os_str(), "2024/02/Long.md".as_ref()]),
    );
    assert_eq!(told.succeeded().stdout, page);
}

#[test]
fn the_names_map_replaces_ids_with_names() {
    let scratch = Scratch::new();
    let gpt = chat("a", "Tea", 1_709_251_199, "Green").replacen('{', r#"{"gizmo_id": "g-AbCdEf123", "#, 1);
    let source = scratch.file("conversations.json", array(&[&gpt]));
    let map = scratch.file("names.json", r#"{"g-AbCdEf123": "The Tea House"}"#);
    let cat = |options: &[&OsStr]| {
        gptfs(
            ["cat".as_ref()]
                .into_iter()
                .chain(options.iter().copied())
                .chain([source.as_os_str(), "2024/02/Tea.md".as_ref()]),
        )
    };
    let plain = cat(&[]).succeeded().stdout;
    let named = cat(&["--names-map".as_ref(), map.as_os_str()]).succeeded().stdout;
    assert!(plain.contains("g-AbCdEf123") && !plain.contains("The Tea House"), "{plain}");
    assert!(named.contains("The Tea House"), "{named}");
    scratch.file(
        "names.json",
        "# the content decides the format, not the file name\n[gpts]\ng-AbCdEf123 = \"The Tea House\"\n",
    );
    assert_eq!(cat(&["--names-map".as_ref(), map.as_os_str()]).succeeded().stdout, named);
    for (broken, line) in
        [("[1, 2]", "line 1"), ("{\n\"g-a\": 7}", "line 2"), ("g-a = \"x\"\ng-b =\n", "line 2")]
    {
        scratch.file("names.json", broken);
        let told = cat(&["--names-map".as_ref(), map.as_os_str()]).failed(USAGE);
        for word in ["names.json: a names map must be TOML or JSON", line] {
            assert!(told.stderr.contains(word), "{broken}: {}", told.stderr);
        }
    }
}

#[test]
fn sizes_stay_exact_under_every_option() {
    let plain = exported(&demo());
    let home = Scratch::new();
    for options in [
        &["--thinking", "show"][..],
        &["--thinking", "hide"],
        &["--headings", "keep"],
        &["--times"],
        &["--all"],
        &["--all", "--times", "--headings", "keep", "--thinking", "show"],
    ] {
        let scratch = Scratch::new();
        let out = scratch.path("out");
        // One home for all runs: an index saved under other options must not be used.
        outcome(program(&home).arg("export").args(options).arg(demo()).arg(&out)).succeeded();
        let tree = Tree::read(&out);
        assert_ne!(tree.paths(), Vec::<&str>::new());
        assert!(tree != plain, "{options:?} must change some page");
        let listed =
            outcome(program(&home).args(["ls", "-R", "--json"]).args(options).arg(demo())).succeeded();
        let mut files = 0;
        for line in listed.stdout.lines() {
            let item: serde_json::Value = serde_json::from_str(line).expect("JSON");
            if item["kind"] == "file" {
                assert_eq!(
                    item["size"],
                    tree.0[item["path"].as_str().expect("a path")].len(),
                    "{options:?}: {line}"
                );
                files += 1;
            }
        }
        assert_eq!(files, tree.0.len(), "{options:?}");
    }
    let again =
        outcome(program(&home).args(["cat"]).arg(demo()).arg("2024/02/Trip to Lisbon.md")).succeeded();
    assert_eq!(again.stdout.into_bytes(), plain.0["2024/02/Trip to Lisbon.md"], "without options again");
}

#[test]
fn times_in_headings_use_the_chosen_time_zone() {
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", array(&[&chat("a", "Tea", 1_709_251_199, "Green")]));
    let words = ["cat", "--times", "--tz", "Asia/Tokyo"].map(OsStr::new).into_iter();
    let page = gptfs(words.chain([source.as_os_str(), "2024/03/Tea.md".as_ref()])).succeeded().stdout;
    let headings: Vec<_> = page.lines().filter(|line| line.starts_with("## ")).collect();
    assert_eq!(headings.len(), 2, "{page}");
    assert!(headings.iter().all(|heading| heading.contains("08:59")), "{headings:?}");
}

// Problems in an export.

#[test]
fn problems_are_announced_in_one_line_and_listed_in_the_tree() {
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", array(&[FIRST, "7", "null", FIRST, SECOND]));
    let told = gptfs([OsStr::new("ls"), source.as_os_str()]).succeeded();
    assert_eq!(told.stderr.lines().count(), 1, "{}", told.stderr);
    assert!(told.stderr.contains("conversations.json: 2 problems, the first: "), "{}", told.stderr);
    assert!(told.stderr.contains(".gptfs/problems.txt"), "{}", told.stderr);
    let listed = gptfs([OsStr::new("cat"), source.as_os_str(), ".gptfs/problems.txt".as_ref()]).succeeded();
    assert_eq!(listed.stdout.lines().count(), 2, "{}", listed.stdout);
    let sound = gptfs([OsStr::new("ls"), demo().as_os_str()]).succeeded();
    assert_eq!(sound.stderr, "");
}

#[test]
fn no_text_of_an_export_reaches_the_terminal_as_control_characters() {
    let scratch = Scratch::new();
    let evil = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}dm.exe\r\n\u{7f}\u{200b}Tea";
    let id = "\\u001b]0;owned\\u0007";
    let broken =
        format!(r#"{{"id": "{id}", "title": "{id}", "create_time": 1, "current_node": "x", "mapping": 7}}"#);
    let zip = Zip::new()
        .deflated("conversations.json", array(&[&chat("a", evil, 1_709_251_199, evil), &broken, FIRST]))
        .deflated("file-AAAAAAAAAAAAAAAAAAAAAA-\u{1b}[31m.txt", "x");
    let source = scratch.zip("ex\u{1b}[31mport.zip", &zip);
    for words in [&["ls", "-R"][..], &["ls", "-R", "-l"], &["ls", "-R", "--json"], &["info"]] {
        let told = gptfs(words.iter().map(OsStr::new).chain([source.as_os_str()])).succeeded();
        let steers = |c: char| (c.is_control() && c != '\n') || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!told.stdout.contains(steers), "{words:?}: {:?}", told.stdout);
        assert!(!told.stderr.contains(steers), "{words:?}: {:?}", told.stderr);
    }
    fs::write(&source, "not a zip").expect("a file");
    let told = gptfs([OsStr::new("ls"), source.as_os_str()]).failed(3);
    assert!(!told.stderr.trim_end().contains(char::is_control), "{:?}", told.stderr);
}

/// What `gptfs WORDS` prints to a terminal, which `script` provides; `None` if that is not installed.
fn on_a_terminal(words: &[&str]) -> Option<String> {
    let home = Scratch::new();
    let words = [&[env!("CARGO_BIN_EXE_gptfs")], words].concat().join("' '");
    let mut command = Command::new("script");
    command.args(["-qec", &format!("'{words}'"), "/dev/null"]).stdin(Stdio::null());
    command.env("HOME", home.path("")).env("TERM", "xterm").env_remove("XDG_CACHE_HOME");
    let Ok(output) = command.output() else {
        skip("what a terminal gets, which needs script (install util-linux)");
        return None;
    };
    Some(String::from_utf8(output.stdout).expect("UTF-8").replace("\r\n", "\n"))
}

#[test]
fn attachments_are_printed_to_a_terminal_only_if_they_leave_it_alone() {
    let scratch = Scratch::new();
    // Longer than what is printed at a time, with a letter of two bytes wherever that may end.
    let long = format!("x{}\n", "é".repeat(3 << 19));
    let zip = Zip::new()
        .deflated("conversations.json", array(&[FIRST]))
        .deflated("evil.txt", "a needle \u{1b}[31m\n")
        .deflated("late.txt", "a needle \u{9b}31m\n")
        .deflated("long.txt", &long);
    let source = scratch.zip("export.zip", &zip);
    let path = source.to_str().expect("UTF-8");
    for name in ["evil.txt", "late.txt"] {
        let Some(told) = on_a_terminal(&["cat", path, &format!(".gptfs/export/{name}")]) else { return };
        assert!(told.contains("not plain text") && !told.contains("needle"), "{told:?}");
    }
    let told = on_a_terminal(&["cat", path, ".gptfs/export/long.txt"]).expect("script");
    assert!(told == long, "{} of {} bytes", told.len(), long.len());
}

#[test]
fn commands_that_do_not_mount_work_with_an_empty_environment() {
    let told =
        outcome(Command::new(env!("CARGO_BIN_EXE_gptfs")).arg("ls").arg(demo()).env_clear()).succeeded();
    assert!(told.stdout.starts_with("2023/\n"), "{}", told.stdout);
    assert_eq!(told.stderr, "");
}
