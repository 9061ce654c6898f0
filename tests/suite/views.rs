//! `.gptfs` and the JSON beside pages: what is there without being listed.

use crate::support::{Mount, Scratch, Tree, Zip, array, exported, fixtures, gptfs, outcome};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The number of conversations in a tree.
fn threads(tree: &Tree) -> usize {
    tree.0.keys().filter(|path| !path.contains(".assets/") && !path.contains(".branches/")).count()
}

/// All paths below `root`, links not followed.
fn below(root: &Path) -> Vec<PathBuf> {
    let (mut found, mut waiting) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a directory").flatten() {
            if entry.file_type().expect("a type").is_dir() {
                waiting.push(entry.path());
            }
            found.push(entry.path());
        }
    }
    found
}

#[test]
fn every_file_of_the_archive_is_there_byte_for_byte() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &[]) else { return };
    let mut archive =
        zip::ZipArchive::new(fs::File::open(fixtures().join("demo.zip")).expect("it")).expect("a ZIP");
    let mut expected = Tree::default();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        expected.0.insert(entry.name().expect("a name").to_string(), bytes);
    }
    expected.0.retain(|path, _| !path.ends_with('/'));
    assert!(expected.0.len() > 20);
    Tree::read(&mount.dir().join(".gptfs/export")).assert_is(&expected, "the archive's own files");
}

#[test]
fn links_resolve_inside_the_mount_and_numbers_are_unique() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &[]) else { return };
    let root = mount.dir();
    let (mut links, mut numbers) = (0, std::collections::HashMap::new());
    for path in below(&root).into_iter().chain(below(&root.join(".gptfs"))) {
        let metadata = fs::symlink_metadata(&path).expect("attributes");
        if let Some(other) = numbers.insert(metadata.ino(), path.clone()) {
            panic!("{} and {} have one number", path.display(), other.display());
        }
        if metadata.is_symlink() {
            links += 1;
            let target = fs::read_link(&path).expect("a target");
            assert!(target.is_relative() && target.starts_with(".."), "{}", target.display());
            assert_eq!(metadata.len(), target.as_os_str().len() as u64);
            let page = fs::canonicalize(&path).expect("a page");
            assert!(page.starts_with(&root) && page.is_file(), "{}", page.display());
            assert_eq!(fs::metadata(&path).expect("a page").mtime(), metadata.mtime());
        } else if metadata.is_file() {
            assert_eq!(
                fs::read(&path).expect("its bytes").len() as u64,
                metadata.len(),
                "{}",
                path.display()
            );
        }
    }
    assert!(links > 100, "{links}");
}

#[test]
fn tools_that_walk_see_nothing_of_it_and_those_that_follow_links_end() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &[]) else { return };
    let listed = outcome(Command::new("find").arg(mount.dir())).succeeded();
    assert!(!listed.stdout.contains(".gptfs") && !listed.stdout.contains(".json"), "{}", listed.stdout);
    let followed = outcome(Command::new("find").arg("-L").arg(mount.dir().join(".gptfs"))).succeeded();
    assert!(followed.stdout.lines().count() > 100);
    let archive = mount.dir().join(".gptfs");
    let tar =
        outcome(Command::new("sh").arg("-c").arg("tar -chf - -C \"$0\" . | wc -c").arg(archive)).succeeded();
    assert!(tar.stdout.trim().parse::<u64>().expect("a number") > 100_000, "{}", tar.stdout);
}

#[test]
fn the_json_beside_a_page_is_what_the_export_holds() {
    let first = r#"{"title": "Tea",  "create_time": 1700000000, "mapping": {}, "id": "a"}"#;
    let second = r#"{"id": "b", "title": "Coffee", "create_time": 1700000001, "mapping" : { } }"#;
    let scratch = Scratch::new();
    let zip = Zip::new().deflated("conversations.json", array(&[first, second]));
    let source = scratch.zip("export.zip", &zip);
    for (path, json) in [("2023/11/Tea.json", first), ("2023/11/Coffee.json", second)] {
        let told =
            gptfs(["cat".as_ref(), source.as_os_str(), path.as_ref(), "--tz=UTC".as_ref()]).succeeded();
        assert_eq!(told.stdout, json);
    }
}

#[test]
fn the_owners_documents_are_where_the_readme_says() {
    let demo = fixtures().join("demo.zip");
    let cat = |path: &str| {
        gptfs(["cat".as_ref(), demo.as_os_str(), path.as_ref(), "--tz=UTC".as_ref()]).succeeded().stdout
    };
    assert!(cat(".gptfs/account.md").contains("- **E-mail:** mira@example.org\n"));
    let feedback = cat(".gptfs/feedback.md");
    assert!(
        feedback.contains("It rose!") && feedback.contains("](../2023/04/Sourdough-%20why%20so%20flat-.md)"),
        "{feedback}"
    );
    let shared = cat(".gptfs/shared.md");
    assert!(
        shared.contains("[Trip to Lisbon](https://chatgpt.com/share/4ff77612-87a4-47b7-b2a3-0ae75618fa4c)"),
        "{shared}"
    );
    assert!(shared.contains("](../2024/02/Trip%20to%20Lisbon.md)"), "{shared}");
    assert_eq!(cat(".gptfs/problems.txt"), "");
    let threads = threads(&exported(&demo));
    assert!(cat(".gptfs/status").contains(&format!("conversations: {threads}\n")));
}

#[test]
fn the_index_has_a_line_for_each_conversation() {
    let demo = fixtures().join("demo.zip");
    let tree = exported(&demo);
    let cat = |path: &str| {
        gptfs(["cat".as_ref(), demo.as_os_str(), path.as_ref(), "--tz=UTC".as_ref()]).succeeded().stdout
    };
    let index = cat(".gptfs/index.tsv");
    let mut lines = index.lines();
    assert_eq!(lines.next(), Some("path\tid\ttitle\tcreated\tupdated\tmodel\tturns\tbytes"));
    let mut count = 0;
    for line in lines {
        let values: Vec<_> = line.split('\t').collect();
        assert_eq!(values.len(), 8, "{line}");
        let page = &tree.0[values[0]];
        assert_eq!(values[7], page.len().to_string());
        let text = std::str::from_utf8(page).expect("UTF-8");
        assert!(text.contains(&format!("id: {}\n", values[1])), "{line}");
        assert_eq!(cat(&format!(".gptfs/by-id/{}.md", values[1])), text);
        count += 1;
    }
    assert_eq!(count, threads(&tree));
}

#[test]
fn json_of_the_demonstration_parses_and_has_its_id() {
    let demo = fixtures().join("demo.zip");
    let told = gptfs(["cat".as_ref(), demo.as_os_str(), "2024/02/Trip to Lisbon.json".as_ref()]).succeeded();
    let json: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(json["title"], "Trip to Lisbon");
}

#[test]
fn a_search_is_a_directory_of_links_to_what_has_all_its_words() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &[]) else { return };
    let search = mount.dir().join(".gptfs/search");
    let found = |words: &str| -> Vec<PathBuf> {
        let mut links: Vec<_> = fs::read_dir(search.join(words)).expect("a search").flatten().collect();
        links.sort_by_key(fs::DirEntry::file_name);
        let page = |link: &fs::DirEntry| fs::canonicalize(link.path()).expect("a page");
        links.iter().map(|link| page(link).strip_prefix(mount.dir()).expect("inside").to_owned()).collect()
    };
    // A plain look at the pages and branches of each conversation.
    let has = |stem: &str, word: &str| {
        let own = |path: &str| {
            path.starts_with(&format!("{stem}.md")) || path.starts_with(&format!("{stem}.branches/"))
        };
        let tree = exported(&fixtures().join("demo.zip"));
        tree.0.iter().any(|(path, page)| {
            own(path)
                && String::from_utf8_lossy(page)
                    .to_lowercase()
                    .split(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .any(|other| other == word)
        })
    };
    let lisbon = found("lisbon");
    assert!(lisbon.len() > 2, "{lisbon:?}");
    for page in &lisbon {
        let stem = page.with_extension("");
        assert!(has(stem.to_str().expect("UTF-8"), "lisbon"), "{}", page.display());
    }
    let both = found("LISBON tram");
    assert!(!both.is_empty() && both.iter().all(|page| lisbon.contains(page)), "{both:?}");
    let without = found("lisbon -tram");
    assert_eq!(both.len() + without.len(), lisbon.len());
    assert!(both.iter().all(|page| !without.contains(page)));
    assert!(
        found("\"borrow checker\"").contains(&PathBuf::from("2023/05/Rust- the borrow checker vs. me.md"))
    );
    assert_eq!(found("\"checker borrow\""), Vec::<PathBuf>::new());
    // What has the words in its title comes first.
    assert!(lisbon[0].to_str().expect("UTF-8").contains("isbon"), "{lisbon:?}");
    assert_eq!(fs::read_dir(&search).expect("a directory").count(), 0, "not listed");
    assert!(!search.join("-lisbon").exists());
}
