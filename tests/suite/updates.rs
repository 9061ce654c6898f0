//! `export --update` with an export that is damaged, incomplete or the wrong one, and into a folder that was copied.

use crate::cli::chat;
use crate::support::{Outcome, Scratch, Tree, Zip, array, gptfs};
use std::fs;
use std::path::Path;

/// 29 February 2024.
const TIME: u64 = 1_709_251_199;

fn update(words: &[&str], source: &Path, into: &Path) -> Outcome {
    let words = ["export", "--update"].iter().chain(words).map(|word| (*word).to_owned());
    gptfs(words.chain([source, into].map(|path| path.display().to_string())))
}

/// What was written, without the record.
fn pages(folder: &Path) -> Tree {
    let mut tree = Tree::read(folder);
    assert!(tree.0.remove(".gptfs-export").is_some());
    tree
}

/// The three shards of an export, with a conversation or two each.
fn shards() -> [(&'static str, String); 3] {
    [
        ("conversations-000.json", array(&[&chat("a", "Tea", TIME, "Green")])),
        (
            "conversations-001.json",
            array(&[&chat("b", "Milk", TIME, "White"), &chat("c", "Coffee", TIME, "Black")]),
        ),
        ("conversations-002.json", array(&[&chat("d", "Water", TIME, "Clear")])),
    ]
}

fn zip(shards: &[(&str, String)]) -> Zip {
    shards.iter().fold(Zip::new(), |zip, (name, json)| zip.stored(name, json))
}

#[test]
fn a_damaged_export_takes_nothing_away_and_the_exit_code_says_so() {
    let scratch = Scratch::new();
    let full = scratch.zip("full.zip", &zip(&shards()));
    let [first, second, third] = shards();
    // "Milk" is whole, and "Coffee" breaks off.
    let cut = second.1[..second.1.len() - 30].to_owned();
    let lost = second.1[..second.1.find(r#"{"id": "c""#).expect("Coffee")].to_owned();
    let cut_off = zip(&shards()).bytes();
    let with = |json: String| zip(&[first.clone(), ("conversations-001.json", json), third.clone()]).bytes();
    let wrong_crc = || zip(&[first.clone(), third.clone(), second.clone()]).with_a_wrong_crc();
    for (what, broken, words, told) in [
        (
            "a shard is missing",
            zip(&[first.clone(), third.clone()]).bytes(),
            &[][..],
            &[
                "kept 2 files, such as 2024/02/Coffee.md, missing in this export, which isn't whole: conversations-001.json: ",
            ][..],
        ),
        (
            "a conversation is cut off",
            with(cut),
            &[],
            &["kept 1 file, 2024/02/Coffee.md, as the conversations are damaged in this export"],
        ),
        (
            "a shard ends between conversations",
            with(lost),
            &[],
            &[
                "kept 1 file, 2024/02/Coffee.md, missing in this export, which isn't whole: conversations-001.json: ",
            ],
        ),
        (
            "a shard fails its checksum",
            wrong_crc().bytes(),
            &[],
            &["kept 2 files, such as 2024/02/Coffee.md, as the conversations are damaged in this export"],
        ),
        (
            "a download was interrupted",
            cut_off[..cut_off.len() / 2].to_vec(),
            &["--recover"],
            &["kept ", "2024/02/Water.md, missing in this export, which isn't whole: "],
        ),
    ] {
        let kept = scratch.path("kept");
        update(&[], &full, &kept).succeeded();
        let whole = pages(&kept);
        assert_eq!(whole.0.len(), 4);
        let broken = scratch.file("broken.zip", broken);
        let outcome = update(words, &broken, &kept);
        assert_eq!(outcome.code, Some(4), "{what}: {}", outcome.stderr);
        assert!(told.iter().all(|line| outcome.stderr.contains(line)), "{what}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(", removed 0, "), "{what}: {}", outcome.stderr);
        pages(&kept).assert_is(&whole, what);
        // A whole export still removes and replaces everything.
        let next = chat("c", "Coffee", TIME, "Brown");
        let next = scratch.file("next.json", array(&[&chat("a", "Tea", TIME, "Green"), &next]));
        let outcome = update(&[], &next, &kept).succeeded();
        let end = format!("wrote 1 file to {}, removed 2, 1 up to date\n", kept.display());
        assert!(outcome.stderr.ends_with(&end), "{what}: {}", outcome.stderr);
        assert_eq!(pages(&kept).paths(), ["2024/02/Coffee.md", "2024/02/Tea.md"]);
        fs::remove_dir_all(&kept).expect("it is there");
    }
}

#[test]
fn a_limit_replaces_no_page_by_one_that_says_so() {
    let scratch = Scratch::new();
    let long = chat("b", "Long", TIME, &"word ".repeat(1000));
    let source = scratch.file("conversations.json", array(&[&chat("a", "Tea", TIME, "Green"), &long]));
    let kept = scratch.path("kept");
    update(&[], &source, &kept).succeeded();
    let whole = pages(&kept);
    let told = update(&["--max-conversation=4k"], &source, &kept);
    assert_eq!(told.code, Some(5), "{}", told.stderr);
    let line = "gptfs: kept 1 file, 2024/02/Long.md, as the conversations now exceed --max-conversation\n";
    assert!(told.stderr.ends_with(line), "{}", told.stderr);
    pages(&kept).assert_is(&whole, "a limit");
    // A new folder has what there is, and a larger limit replaces it.
    let new = scratch.path("new");
    update(&["--max-conversation=4k"], &source, &new).succeeded();
    update(&["--max-conversation=4500"], &source, &new).succeeded();
    update(&[], &source, &new).succeeded();
    pages(&new).assert_is(&whole, "no limit");
}

#[test]
fn what_conversations_say_more_than_once_keeps_nothing() {
    let scratch = Scratch::new();
    let [tea, milk] = [chat("a", "Tea", TIME, "Green"), chat("b", "Milk", TIME, "White")];
    let source = scratch.file("full.json", array(&[&tea, &milk]));
    let kept = scratch.path("kept");
    update(&[], &source, &kept).succeeded();
    let twice = scratch.file("twice.json", array(&[&tea, &tea]));
    let told = update(&[], &twice, &kept).succeeded();
    assert!(told.stderr.contains("is in the export more than once"), "{}", told.stderr);
    assert!(told.stderr.ends_with("removed 1, 1 up to date\n"), "{}", told.stderr);
}

#[test]
fn the_wrong_export_is_refused() {
    let scratch = Scratch::new();
    let mine = scratch.file("mine.json", array(&[&chat("a", "Tea", TIME, "Green")]));
    let other = scratch.file("other.json", array(&[&chat("b", "Tea", TIME, "Black")]));
    let kept = scratch.path("kept");
    update(&[], &mine, &kept).succeeded();
    let before = Tree::read(&kept);
    let told = update(&[], &other, &kept).failed(2);
    assert_eq!(
        told.stderr,
        format!(
            "gptfs: {}: written from another export, with no conversation in common with this one; name the folder of \
             this export, or a new or an empty folder\n",
            kept.display()
        )
    );
    Tree::read(&kept).assert_is(&before, "another export");
}

#[test]
fn a_copied_folder_is_brought_up_to_date() {
    let scratch = Scratch::new();
    let [first, second, _] = shards();
    let old = scratch.zip("old.zip", &zip(&[first.clone(), second]));
    let new = chat("b", "Milk", TIME, "Whole milk");
    let new = scratch.zip("new.zip", &zip(&[first, ("conversations-001.json", array(&[&new]))]));
    let (kept, copy) = (scratch.path("kept"), scratch.path("copy"));
    update(&[], &old, &kept).succeeded();
    // With other times.
    Tree::read(&kept).write(&copy);
    let told = update(&[], &new, &copy).succeeded();
    let line = format!("gptfs: wrote 1 file to {}, removed 1, 1 up to date\n", copy.display());
    assert_eq!(told.stderr, line);
    update(&[], &new, &kept).succeeded();
    pages(&copy).assert_is(&pages(&kept), "a copy");
}

#[test]
fn a_damaged_record_is_named_with_what_to_do() {
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", array(&[&chat("a", "Tea", TIME, "Green")]));
    let kept = scratch.path("kept");
    update(&[], &source, &kept).succeeded();
    let record = kept.join(".gptfs-export");
    let whole = fs::read(&record).expect("a record");
    for bytes in [&[][..], b"\xFF", b"mine\n", &whole[..whole.len() - 1], &whole[..whole.len() / 2]] {
        fs::write(&record, bytes).expect("a file");
        let before = Tree::read(&kept);
        let told = update(&[], &source, &kept).failed(6);
        let reason = "damaged, so what gptfs wrote into this folder is no longer known; restore this file, or name a \
                      new or an empty folder";
        assert_eq!(told.stderr, format!("gptfs: {}: {reason}\n", record.display()));
        Tree::read(&kept).assert_is(&before, "a damaged record");
    }
}
