//! Several sources, and sources that lack something or are odd: what is shown of them, and what is said.

use crate::support::{Mount, Outcome, Scratch, Tree, Zip, array, exported, gptfs, outcome, program};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const SECOND: &str = include_str!("../../fixtures/forms/second.json");

fn zip(conversation: &str) -> Zip {
    Zip::new().deflated("conversations.json", array(&[conversation]))
}

/// Runs a command on sources, with more arguments after them.
fn on(command: &str, sources: &[&Path], rest: &[&str]) -> Outcome {
    let sources = sources.iter().map(|source| source.as_os_str());
    gptfs([OsStr::new(command)].into_iter().chain(sources).chain(rest.iter().map(OsStr::new)))
}

/// What `check` prints about exports with problems: the problems, and the summary.
fn problems(sources: &[&Path]) -> (String, String) {
    let told = on("check", sources, &[]);
    assert_eq!(told.code, Some(4), "{}", told.stderr);
    (told.stdout, told.stderr)
}

#[test]
fn the_files_of_exports_of_one_name_are_all_there() {
    let scratch = Scratch::new();
    for (folder, json) in [("p", FIRST), ("q", SECOND)] {
        scratch.zip(&format!("{folder}/export.zip"), &zip(json));
        scratch.zip(&format!("all/{folder}/export.zip"), &zip(json));
    }
    let [p, q, all] = ["p/export.zip", "q/export.zip", "all"].map(|name| scratch.path(name));
    let expected = Tree(
        [("export.zip", FIRST), ("export-2.zip", SECOND)]
            .map(|(name, json)| (format!("{name}/conversations.json"), array(&[json]).into_bytes()))
            .into(),
    );
    let Some(mount) = Mount::new(&q, &[p.to_str().expect("UTF-8")]) else { return };
    Tree::read(&mount.dir().join(".gptfs/export")).assert_is(&expected, "the files of both");
    let second =
        gptfs([OsStr::new("cat"), all.as_os_str(), ".gptfs/export/export-2.zip/conversations.json".as_ref()]);
    assert_eq!(second.succeeded().stdout, array(&[SECOND]));
}

#[test]
fn the_name_of_several_sources_is_that_of_the_first_and_the_number_of_the_others() {
    let scratch = Scratch::new();
    let odd = zip(SECOND).deflated("../up.txt", "x");
    let (first, second) = (scratch.zip("first.zip", &zip(FIRST)), scratch.zip("second.zip", &odd));
    let told = on("info", &[&first, &second], &[]).succeeded();
    assert!(told.stdout.starts_with("first.zip and 1 more\n"), "{}", told.stdout);
    let (problems, summary) = problems(&[&first, &second]);
    assert_eq!(problems, "second.zip: ../up.txt: asset name escapes the archive\n");
    assert_eq!(summary, "gptfs: first.zip and 1 more: 2 conversations, 1 problem\n");
    let Some(mount) = Mount::new(&second, &[first.to_str().expect("UTF-8")]) else { return };
    let status = fs::read_to_string(mount.dir().join(".gptfs/status")).expect("the status");
    assert!(status.starts_with("source: first.zip and 1 more\n"), "{status}");
}

#[test]
fn a_folder_that_holds_zips() {
    let scratch = Scratch::new();
    scratch.zip("all/older.zip", &zip(FIRST));
    scratch.zip("all/newer.zip", &zip(SECOND));
    let both = exported(&scratch.file("conversations.json", array(&[FIRST, SECOND])));
    let all = scratch.path("all");
    assert_eq!(exported(&all).paths(), both.paths());
    for (page, source) in
        [("2024/02/First light.md", "older.zip"), ("2025/11/Second thoughts.md", "newer.zip")]
    {
        let text = on("cat", &[&all], &[page]).succeeded().stdout;
        assert!(text.contains(&format!("\nsource: {source}\n---\n")), "{text}");
    }
}

#[test]
fn a_missing_part_is_a_problem() {
    let scratch = Scratch::new();
    let name = |number: u32| format!("Conversations__0123-chatgpt-0001-part-{number:04}.zip");
    let first = scratch.zip(&name(1), &zip(FIRST));
    scratch.zip(&name(3), &Zip::new().stored("a.dat", "a"));
    let problem = "Conversations__0123-chatgpt-0001: part 2 is missing; put it beside the others\n";
    assert_eq!(problems(&[&first]).0, problem);
    // As a browser calls a second download.
    scratch.zip(&name(2).replace(".zip", " (1).zip"), &zip(SECOND));
    let told = on("check", &[&first], &[]).succeeded();
    assert!(told.stderr.contains(": 2 conversations, no problem"), "{}", told.stderr);
}

#[test]
fn an_export_beside_conversations_is_not_passed_over_in_silence() {
    let scratch = Scratch::new();
    scratch.file("both/conversations.json", array(&[FIRST]));
    scratch.zip("both/full.zip", &zip(SECOND));
    let source = scratch.path("both");
    let problem = format!(
        "{}: full.zip is an export too and is not opened; to show it too, name it as a source\n",
        source.display()
    );
    assert_eq!(problems(&[&source]).0, problem);
}

#[test]
fn a_saved_index_does_not_hide_that_something_beside_the_export_is_not_opened() {
    let scratch = Scratch::new();
    scratch.zip("all/export.zip", &zip(FIRST));
    let mut check = program(&scratch);
    check.arg("check").arg(scratch.path("all"));
    outcome(&mut check).succeeded();
    scratch.zip("all/2024/old.zip", &zip(SECOND));
    let told = outcome(&mut check);
    assert!(told.stdout.contains("2024/old.zip is an export too and is not opened"), "{}", told.stdout);
}

#[test]
fn conversations_after_the_end_of_a_list_or_on_lines_are_shown() {
    let scratch = Scratch::new();
    let line = |json: &str| serde_json::from_str::<serde_json::Value>(json).expect("JSON").to_string();
    let lists = scratch.file("lists.json", array(&[FIRST]) + "\n" + &array(&[SECOND]));
    let lines = scratch.file("lines.jsonl", line(FIRST) + "\n" + &line(SECOND) + "\n");
    let expected = exported(&scratch.file("conversations.json", array(&[FIRST, SECOND])));
    exported(&lists).assert_is(&expected, "both lists");
    exported(&lines).assert_is(&expected, "both lines");
    on("check", &[&lines], &[]).succeeded();
    let at = array(&[FIRST]).len() + 1;
    let reason = format!("another list after the end of the first (at byte {at})");
    assert_eq!(problems(&[&lists]).0, format!("lists.json: {reason}\n"));
    let lost = scratch.file("lost.json", array(&[FIRST]) + "," + SECOND + "]");
    let at = at - 1;
    let reason = format!("data after the end; conversations in it are not read (at byte {at})");
    assert_eq!(problems(&[&lost]).0, format!("lost.json: {reason}\n"));
}

#[test]
fn deleting_or_replacing_a_folder_does_not_change_its_pages() {
    let scratch = Scratch::new();
    let source = scratch.path("export");
    let shards = [("conversations-000.json", FIRST), ("conversations-001.json", SECOND)];
    for (name, json) in shards {
        scratch.file(&format!("export/{name}"), array(&[json]));
    }
    let expected = exported(&source);
    let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
    fs::rename(scratch.file("other.json", "[]"), source.join(shards[0].0)).expect("a rename");
    fs::remove_file(source.join(shards[1].0)).expect("a file");
    Tree::read(&mount.dir()).assert_is(&expected, "after its files were replaced or deleted");
    fs::remove_dir_all(&source).expect("a folder");
    Tree::read(&mount.dir()).assert_is(&expected, "after it was deleted");
}
