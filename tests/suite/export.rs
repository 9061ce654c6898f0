//! `export` with filters: part of the whole tree, and nothing else.

use crate::cli::chat;
use crate::support::{Mount, Outcome, Scratch, Tree, array, exported, fixtures, gptfs, outcome};
use crate::tree::assert_links_lead_to_files;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Filters, and the conversations of the demonstration that they choose.
const CHOSEN: &[(&[&str], &[&str])] = &[
    (
        &["--starred"],
        &[
            "2024/02/Trip to Lisbon",
            "2025/02/CSV to JSON in Rust",
            "2025/08/Speech for the wedding of Ines & Tomás",
            "2026/10/A heat pump for our house, in depth",
        ],
    ),
    (&["--archived"], &["2024/08/Comparing three bicycles"]),
    (
        &["--project", "g-p-6815f0c2a9b48191be5d0c3a7f21e94d"],
        &["2025/05/Allotment- planting calendar", "2025/05/Allotment- slugs!!"],
    ),
    (&["--gpt", "*"], &["2023/11/Regex riddle no. 7"]),
    (&["--model", "O3"], &["2025/03/Heat pumps in old houses- worth it-", "2025/04/Which prime comes next-"]),
    (
        &["--title", "lisbon"],
        &["2024/02/Trip to Lisbon", "2024/09/Ordering coffee in Lisbon", "2026/09/Lisbon again-"],
    ),
    (&["--since", "2026-11"], &["2026/11/A postcard for Grandma", "2026/11/Mooring plan for a windy day"]),
    (&["--until", "2023-03"], &["2023/03/Ideas for a garden", "2023/03/New chat"]),
    (&["--since=2024", "--until=2024-02", "--title=trip"], &["2024/02/Trip to Lisbon"]),
    // The older conversation of that title keeps the plain name, and this one its digits.
    (
        &["--since=2023-04", "--until=2023-04", "--title=new chat"],
        &["2023/04/New chat", "2023/04/New chat-cbf67729"],
    ),
];

fn export(words: &[&str], source: &Path, into: Option<&Path>) -> Outcome {
    let words = ["export", "--tz=UTC"].into_iter().chain(words.iter().copied()).map(OsStr::new);
    gptfs(words.chain([source.as_os_str()]).chain(into.map(Path::as_os_str)))
}

/// True for the files of a conversation, whose page is `path` without its ending.
fn is_of(file: &str, path: &str) -> bool {
    let rest = file.strip_prefix(path);
    rest.is_some_and(|rest| rest == ".md" || rest.starts_with(".assets/") || rest.starts_with(".branches/"))
}

#[test]
fn filters_choose_whole_conversations_and_change_nothing_in_them() {
    let demo = fixtures().join("demo.zip");
    let whole = exported(&demo);
    for (words, paths) in CHOSEN {
        let scratch = Scratch::new();
        let out = scratch.path("deep/out");
        let told = export(words, &demo, Some(&out)).succeeded();
        let mut expected = whole.clone();
        expected.0.retain(|file, _| paths.iter().any(|path| is_of(file, path)));
        assert!(expected.0.len() >= paths.len(), "{words:?}");
        Tree::read(&out).assert_is(&expected, &format!("{words:?}"));
        let counted =
            |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
        let (files, of) = (counted(expected.0.len(), "file"), counted(paths.len(), "conversation"));
        assert_eq!(told.stderr, format!("gptfs: wrote {files} of {of} to {}\n", out.display()));
        assert_links_lead_to_files(&out);
    }
}

#[test]
fn a_filtered_export_is_a_part_of_the_mount() {
    let demo = fixtures().join("demo.zip");
    let options = ["--tz=UTC", "--show-views"];
    let Some(mount) = Mount::new(&demo, &options) else { return };
    let scratch = Scratch::new();
    let out = scratch.path("out");
    export(&["--show-views", "--model", "gpt-5*,gpt-4o", "--since", "2025"], &demo, Some(&out)).succeeded();
    // Everything that differs is only in the mount, also of what the links lead to.
    let told = outcome(Command::new("diff").arg("-r").args([mount.dir(), out.clone()]));
    let only = format!("Only in {}", mount.dir().display());
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stdout.lines().all(|line| line.starts_with(&only)), "{}", told.stdout);
    let (part, whole) = (entries(&out), entries(&mount.dir()));
    assert!(part.len() > 20 && part.len() < whole.len());
    // Paths, times and links are those of the mount.
    assert!(part.is_subset(&whole), "{:#?}", part.difference(&whole).collect::<Vec<_>>());
    let links = part.iter().filter(|(_, _, target)| target.is_some());
    assert!(links.clone().count() > 20);
    for (path, ..) in links {
        assert!(fs::metadata(out.join(path)).is_ok_and(|found| found.is_file()), "{path}");
    }
}

/// Everything below `root`: its path, the time of its last change, and where it leads if it is a link.
fn entries(root: &Path) -> BTreeSet<(String, i64, Option<PathBuf>)> {
    let (mut found, mut waiting) = (BTreeSet::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).expect("a listing") {
            let path = entry.expect("an entry").path();
            let metadata = path.symlink_metadata().expect("attributes");
            let name = path.strip_prefix(root).expect("inside").display().to_string();
            found.insert((name, metadata.mtime(), fs::read_link(&path).ok()));
            if metadata.is_dir() {
                waiting.push(path);
            }
        }
    }
    found
}

#[test]
fn lines_of_json_are_those_of_the_chosen_conversations() {
    let demo = fixtures().join("demo.zip");
    let all = export(&["--format=jsonl"], &demo, None).succeeded().stdout;
    for (words, paths) in CHOSEN {
        let told = export(&[&["--format=jsonl"], *words].concat(), &demo, None).succeeded();
        let path = |line: &str| {
            let line: Value = serde_json::from_str(line).expect("JSON");
            line["path"].as_str().expect("a path").to_owned()
        };
        let expected: BTreeSet<_> = paths.iter().map(|path| format!("{path}.md")).collect();
        assert_eq!(told.stdout.lines().map(path).collect::<BTreeSet<_>>(), expected, "{words:?}");
        assert!(told.stdout.lines().all(|line| all.lines().any(|other| other == line)), "{words:?}");
        assert_eq!(told.stderr, "");
    }
}

#[test]
fn filters_that_choose_nothing_write_nothing_and_remove_nothing() {
    let demo = fixtures().join("demo.zip");
    let scratch = Scratch::new();
    let new = scratch.path("deep/new");
    let told = export(&["--since=2024", "--title=nothing"], &demo, Some(&new)).failed(2);
    assert_eq!(told.stderr, "gptfs: no conversation matches --title nothing\n");
    let told = export(&["--format=jsonl", "--model=gpt-0"], &demo, None).failed(2);
    let reason = "gptfs: no conversation matches --model gpt-0; `gptfs info` lists the models\n";
    assert_eq!((&*told.stdout, &*told.stderr), ("", reason));
    assert_eq!(scratch.tree().0.len(), 0, "no directory is made");
    // The same filters choose nothing of a later export, for instance because a name is no longer known.
    let (kept, tea) = (scratch.path("kept"), chat("a", "Tea", 1_709_251_199, "Green"));
    let source = scratch.file("conversations.json", array(&[&tea]));
    export(&["--update", "--title=tea"], &source, Some(&kept)).succeeded();
    let before = scratch.tree();
    let milk = chat("b", "Milk", 1_709_251_199, "White");
    let later = scratch.file("later/conversations.json", array(&[&milk]));
    let told = export(&["--update", "--title=tea"], &later, Some(&kept)).failed(2);
    assert_eq!(told.stderr, "gptfs: no conversation matches --title tea\n");
    fs::remove_dir_all(scratch.path("later")).expect("it is there");
    scratch.tree().assert_is(&before, "an update that chose nothing");
}

#[test]
fn a_filter_that_matches_nothing_by_itself_is_named() {
    let demo = fixtures().join("demo.zip").display().to_string();
    let ids = "exports have no names of GPTs and projects: `gptfs info` lists their ids, and --names-map names them";
    for (words, reason) in [
        // Each matches something, but nothing matches both.
        (&["--starred", "--archived"][..], "these filters".to_owned()),
        (&["--title=trip,lisbon"], "--title trip,lisbon".to_owned()),
        (&["--since=today", "--until=2022", "--starred"], "--since today or --until 2022".to_owned()),
        (&["--project=Allotment", "--title=slugs"], format!("--project Allotment; {ids}")),
        (
            &["--model=gpt-4o,gpt-0", "--gpt=g-1,g-2"],
            format!("--model gpt-0 or --gpt g-1 or --gpt g-2; {ids}"),
        ),
    ] {
        for command in ["export", "ls", "recent", "grep"] {
            let pattern = if command == "grep" { &["tea"][..] } else { &[] };
            let out = if command == "export" { &["--format=jsonl"][..] } else { &[] };
            let told = gptfs([&[command], pattern, &[demo.as_str()], out, words].concat());
            assert_eq!(told.stderr, format!("gptfs: no conversation matches {reason}\n"), "{command}");
            let code = [("export", 2), ("grep", 1)].iter().find(|(other, _)| *other == command);
            assert_eq!(
                (told.code, &*told.stdout),
                (Some(code.map_or(0, |(_, code)| *code)), ""),
                "{command}"
            );
        }
    }
}

#[test]
fn a_value_that_matches_nothing_beside_others_is_noted() {
    let demo = fixtures().join("demo.zip");
    let scratch = Scratch::new();
    let names = scratch.file("names.toml", "g-p-6815f0c2a9b48191be5d0c3a7f21e94d = \"Allotment\"\n");
    let names = format!("--names-map={}", names.display());
    let words = [&names, "--project=allotment,alotment"];
    let told = export(&words, &demo, Some(&scratch.path("out"))).succeeded();
    let note = "gptfs: no conversation matches --project alotment; `gptfs info` lists GPTs and projects\n";
    assert!(
        told.stderr.starts_with(&format!("{note}gptfs: wrote 2 files of 2 conversations to ")),
        "{told:?}"
    );
    let told = export(&["--format=jsonl", &names, words[1]], &demo, None).succeeded();
    assert_eq!((told.stdout.lines().count(), &*told.stderr), (2, note));
}

#[test]
fn what_is_wrong_with_a_filter_is_said_as_grep_says_it_and_before_anything_is_done() {
    let demo = fixtures().join("demo.zip");
    let scratch = Scratch::new();
    let out = scratch.path("out");
    for words in [["--since", "soon"], ["--until", "2024-13"], ["--until", "31d ago"]] {
        let told = export(&words, &demo, Some(&out)).failed(2);
        let source = demo.to_str().expect("UTF-8");
        let grep = gptfs(["grep", "--tz=UTC", words[0], words[1], "tea", source]).failed(2);
        assert_eq!(told.stderr, grep.stderr);
        assert!(told.stderr.contains(words[0]) && !out.exists(), "{}", told.stderr);
    }
    let told = export(&["--update", "--format=jsonl"], &demo, None).failed(2);
    assert!(told.stderr.contains("--update brings a directory up to date"), "{}", told.stderr);
    let told = export(&["--refilter", "--starred"], &demo, Some(&out));
    assert!(told.code == Some(2) && told.stderr.contains("--update") && !out.exists(), "{}", told.stderr);
}

#[test]
fn an_update_keeps_to_the_filters_of_the_first_unless_they_are_to_change() {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let source = scratch.file(
        "conversations.json",
        array(&[
            &chat("a", "Green tea", 1_709_251_199, "Sencha"),
            &chat("b", "Black tea", 1_709_251_199, "Assam"),
            &chat("c", "Milk", 1_709_251_199, "White"),
        ]),
    );
    let update = |words: &[&str]| export(&[&["--update"], words].concat(), &source, Some(&out));
    let into = out.display();
    assert_eq!(
        update(&["--title=tea", "--since=2024"]).succeeded().stderr,
        format!("gptfs: wrote 2 files of 2 conversations to {into}, removed 0, 0 up to date\n")
    );
    // The order of options doesn't matter, and neither does case.
    assert_eq!(
        update(&["--since", "2024", "--title", "TEA"]).succeeded().stderr,
        format!("gptfs: wrote 0 files of 2 conversations to {into}, removed 0, 2 up to date\n")
    );
    let advice = "use the same filters, or --refilter to add and remove conversations accordingly";
    for (words, now) in [
        (&[][..], "without filters"),
        (&["--title=milk", "--title=green tea"], "with --title 'green tea' --title milk"),
        (&["--title=tea", "--since=2024-01"], "with --title tea --since 2024-01"),
    ] {
        assert_eq!(
            update(words).failed(2).stderr,
            format!("gptfs: {into}: written with --title tea --since 2024 before, now {now}; {advice}\n")
        );
    }
    fs::write(out.join("2024/02/Green tea.md"), "mine").expect("a file");
    assert_eq!(
        update(&["--refilter", "--title=milk"]).succeeded().stderr,
        format!(
            "gptfs: wrote 1 file of 1 conversation to {into}, removed 1, 0 up to date\n\
             gptfs: left 1 alone that gptfs did not write or that changed since, such as 2024/02/Green tea.md\n"
        )
    );
    let left: Vec<_> = Tree::read(&out).0.into_keys().collect();
    assert_eq!(left, [".gptfs-export", "2024/02/Green tea.md", "2024/02/Milk.md"]);
    assert_eq!(fs::read_to_string(out.join("2024/02/Green tea.md")).expect("a file"), "mine");
}
