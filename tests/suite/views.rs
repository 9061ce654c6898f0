//! `.gptfs` and the JSON beside pages: what is there without being listed.

use crate::hostile::conversation;
use crate::support::{
    Mount, Scratch, Tree, Zip, array, every_fixture, exported, fixtures, gptfs, outcome, program, skip,
};
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
fn every_file_of_every_fixture_is_there_byte_for_byte() {
    let scratch = Scratch::new();
    let mut count = 0;
    for case in fs::read_dir(fixtures().join("chatgpt")).expect("cases").flatten() {
        let conversation = fs::read(case.path().join("conversation.json")).expect("conversation.json");
        let zip = Zip::new()
            .deflated("conversations.json", [b"[", &conversation[..], b"]"].concat())
            .tree(&Tree::read(&case.path().join("export")));
        let source = scratch.zip("export.zip", &zip);
        let expected = zip.as_tree();
        let paths = expected.paths().into_iter().map(|path| format!(".gptfs/export/{path}"));
        let paths: Vec<_> = paths.collect();
        let told = program(&scratch).arg("cat").arg(&source).args(&paths).output().expect("gptfs");
        let bytes: Vec<u8> = expected.0.values().flatten().copied().collect();
        assert!(told.status.success() && told.stdout == bytes, "{}", case.path().display());
        let listed = gptfs(["ls".as_ref(), "-R".as_ref(), source.as_os_str(), ".gptfs/export".as_ref()]);
        let mut listed: Vec<_> = listed.stdout.lines().filter(|path| !path.ends_with('/')).collect();
        listed.sort_unstable();
        assert_eq!(listed, paths, "{}", case.path().display());
        count += paths.len();
    }
    assert!(count > 120, "{count}");
}

#[test]
fn odd_paths_in_archives_are_listed_once_or_not_at_all() {
    let scratch = Scratch::new();
    let part = |title: &str| array(&[&conversation(title, title, r#""mapping":{}"#)]);
    let one = Zip::new()
        .deflated("conversations.json", part("One"))
        .stored("/b\\c.txt", "backslash")
        .stored("d", "hidden by a directory")
        .stored("d//e.txt/", "slashes")
        .stored("d/f.txt", "first")
        .stored("/d/f.txt", "second")
        .stored("../g.txt", "escapes")
        .stored("//", "nameless");
    let two =
        Zip::new().deflated("conversations.json", part("Two")).stored("/", "nameless").stored("d", "file");
    let source = scratch.path("both");
    fs::create_dir(&source).expect("a folder");
    scratch.zip("both/one.zip", &one);
    scratch.zip("both/two.zip", &two);
    let told = gptfs(["ls".as_ref(), "-R".as_ref(), source.as_os_str(), ".gptfs/export".as_ref()]);
    let expected = "\
one.zip/
one.zip/b/
one.zip/b/c.txt
one.zip/conversations.json
one.zip/d/
one.zip/d/f.txt
two.zip/
two.zip/conversations.json
two.zip/d
";
    assert_eq!(told.stdout.replace(".gptfs/export/", ""), expected);
    let first = ".gptfs/export/one.zip/d/f.txt";
    assert_eq!(gptfs(["cat".as_ref(), source.as_os_str(), first.as_ref()]).stdout, "first");
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
fn readme_says_where_the_address_the_opinions_and_the_shared_links_are() {
    let readme = fs::read_to_string(fixtures().with_file_name("README.md")).expect("README.md");
    let readme = readme.split_whitespace().collect::<Vec<_>>().join(" ");
    for (words, found) in [
        ("has your email address", "mira@example.org"),
        ("your feedback on answers", "It rose!"),
        ("the links you shared", "https://chatgpt.com/share/4ff77612-87a4-47b7-b2a3-0ae75618fa4c"),
    ] {
        let (before, _) = readme.split_once(words).expect(words);
        let path = before.rsplit('`').nth(1).expect("a path");
        let demo = fixtures().join("demo.zip");
        let told = gptfs(["cat".as_ref(), demo.as_os_str(), path.as_ref()]).succeeded().stdout;
        assert!(told.contains(found), "{path}: {told}");
    }
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
fn a_search_has_the_best_99_and_recent_the_last_50() {
    let chats: Vec<String> = (0..120)
        .map(|number| {
            format!(
                r#"{{"id":"{number}","title":"Tea {number}","create_time":{},"mapping":{{"m":{{"id":"m","message":{{"author":{{"role":"user"}},"content":{{"content_type":"text","parts":["Green"]}}}}}}}}}}"#,
                1_700_000_000 + number
            )
        })
        .collect();
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", format!("[{}]", chats.join(",")));
    for (view, links) in [(".gptfs/search/tea", 99), (".gptfs/recent", 50)] {
        let told = gptfs(["ls".as_ref(), source.as_os_str(), view.as_ref()]).succeeded();
        assert_eq!(told.stdout.lines().count(), links, "{view}");
    }
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
    // However many searches there were, one more is answered, and those before it are too.
    for number in 0..300 {
        assert!(search.join(format!("word{number} lisbon")).is_dir(), "{number}");
    }
    assert!(search.join("word0 lisbon").is_dir());
    assert_eq!(found("lisbon"), lisbon);
    assert!(!search.join("-lisbon").exists());
}

/// The turns of the user on a page, each with its heading, without what the frame adds and without the way to files.
fn user_turns(page: &str) -> Vec<String> {
    let (mut turns, mut inside) = (Vec::new(), false);
    for line in page.lines() {
        if line.starts_with("## ") {
            inside = line.starts_with("## User");
            turns.extend(inside.then(String::new));
        }
        let is_frame = line.starts_with("*Other branches from here: ") || line.starts_with("*On branch [");
        if let Some(turn) = turns.last_mut().filter(|_| inside && !is_frame && !line.is_empty()) {
            turn.push_str(&line.replace("../", ""));
            turn.push('\n');
        }
    }
    turns
}

#[test]
fn prompts_are_what_the_user_said_on_the_page_and_its_branches() {
    let scratch = Scratch::new();
    for (at, source) in [fixtures().join("demo.zip"), every_fixture(&scratch)].iter().enumerate() {
        let Some(mount) = Mount::new(source, &["--tz=UTC"]) else { return };
        let (tree, prompts) = (Tree::read(&mount.dir()), Tree::read(&mount.dir().join(".gptfs/prompts")));
        assert_eq!(prompts.0.len(), threads(&tree));
        let (mut count, mut on_branches) = (0, 0);
        for (path, page) in &prompts.0 {
            let text = |path: &str| String::from_utf8(tree.0[path].clone()).expect("UTF-8");
            let (month, stem) = path.rsplit_once('/').expect("a month");
            let stem = stem.strip_suffix(".md").expect("a page");
            let mut expected = user_turns(&text(path));
            let thread = expected.len();
            let branches = format!("{month}/{stem}.branches/");
            let mut names: Vec<&String> = tree.0.keys().filter(|path| path.starts_with(&branches)).collect();
            names.sort_by_key(|path| path[branches.len()..].trim_end_matches(".md").parse::<u32>().ok());
            expected.extend(names.iter().flat_map(|path| user_turns(&text(path))));
            let page = std::str::from_utf8(page).expect("UTF-8");
            let found: Vec<_> =
                user_turns(page).iter().map(|turn| turn.replace(&format!("]({month}/"), "](")).collect();
            assert_eq!(found, expected, "{path}");
            assert_eq!(page.lines().filter(|line| line.starts_with("## ")).count(), found.len(), "{path}");
            let length = fs::metadata(mount.dir().join(".gptfs/prompts").join(path)).expect("it").len();
            assert_eq!(length, page.len() as u64);
            count += found.len();
            on_branches += found.len() - thread;
        }
        assert!(count > 60 && on_branches > 3, "{at}: {count} prompts, {on_branches} of them on branches");
    }
}

#[test]
fn the_links_of_prompts_lead_to_files_of_the_tree() {
    let Some(mount) = Mount::new(&fixtures().join("demo.zip"), &["--tz=UTC"]) else { return };
    let root = mount.dir().join(".gptfs/prompts/2024/02");
    let page = fs::read_to_string(root.join("Trip to Lisbon.md")).expect("prompts");
    let links: Vec<_> = page.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() >= 5, "{links:?}");
    for link in links {
        let file = fs::canonicalize(root.join(link.replace("%20", " "))).expect("a file");
        assert!(file.starts_with(mount.dir().join("2024/02")), "{link}");
    }
    assert!(page.contains("](../../../../2024/02/Trip%20to%20Lisbon.branches/1.md)"), "{page}");
}

#[test]
fn listed_views_are_links_that_searches_pass_over_and_copies_keep() {
    let demo = fixtures().join("demo.zip");
    let Some(mount) = Mount::new(&demo, &["--show-views", "--tz=UTC"]) else { return };
    let views = ["archived", "by-gpt", "by-id", "by-model", "by-project", "recent", "starred"];
    let mut listed: Vec<_> = fs::read_dir(mount.dir())
        .expect("the root")
        .flatten()
        .map(|entry| entry.file_name().into_string().expect("UTF-8"))
        .collect();
    listed.sort();
    let expected = [&[".ignore", "2023", "2024", "2025", "2026"], &views[..]].concat();
    assert_eq!(listed, expected);
    let root = fs::metadata(mount.dir()).expect("the root");
    assert_eq!(root.nlink(), 2 + 11);
    let sh = |line: &str| {
        outcome(Command::new("sh").arg("-c").arg(line).current_dir(mount.dir())).succeeded().stdout
    };
    // Every page once, whether links are followed or not.
    let pages = sh("find . -type f -name '*.md' | grep -c .");
    assert_eq!(sh("grep -rl '' --include='*.md' . | grep -c ."), pages);
    if is_installed("rg") {
        assert_eq!(sh("rg -l '' -g '*.md' | grep -c ."), pages);
        assert_eq!(sh("rg -L -l '' -g '*.md' | grep -c ."), pages, "rg -L obeys .ignore");
        assert_ne!(sh("rg -L -l '' by-model | grep -c ."), "0\n", "a view that is named is searched");
    }
    // These end, and show each page once by each way to it.
    let links: usize = sh("find . -type l | grep -c .").trim().parse().expect("a number");
    let threads = threads(&exported(&demo));
    assert!(links > 2 * threads, "{links}");
    let followed: usize = sh("find -L . -type f | grep -c .").trim().parse().expect("a number");
    let files: usize = sh("find . -type f | grep -c .").trim().parse().expect("a number");
    assert_eq!(followed, files + links);
    let archived: usize = sh("tar -chf - . | tar -t | grep -vc '/$'").trim().parse().expect("a number");
    assert_eq!(archived, followed);
    // Copies have the same links, and they work.
    let scratch = Scratch::new();
    let (copy, written) = (scratch.path("copy"), scratch.path("written"));
    outcome(Command::new("cp").arg("-a").arg(mount.dir()).arg(&copy)).succeeded();
    let words = ["export", "--show-views", "--tz=UTC"].map(std::ffi::OsStr::new);
    gptfs(words.into_iter().chain([demo.as_os_str(), written.as_os_str()])).succeeded();
    for tree in [&copy, &written] {
        Tree::read(tree).assert_is(&Tree::read(&mount.dir()), "a copy");
        for path in below(&mount.dir()) {
            let copied = tree.join(path.strip_prefix(mount.dir()).expect("inside"));
            assert_eq!(fs::read_link(&copied).ok(), fs::read_link(&path).ok(), "{}", copied.display());
            let time = |path: &Path| fs::symlink_metadata(path).expect("it").mtime();
            assert_eq!(time(&copied), time(&path), "{}", copied.display());
        }
    }
}

/// True if `tool` is installed; says that a test is skipped if it is not.
fn is_installed(tool: &str) -> bool {
    let is_there = outcome(Command::new("sh").arg("-c").arg(format!("command -v {tool}"))).code == Some(0);
    if !is_there {
        skip(&format!("a check with {tool}, which is not installed"));
    }
    is_there
}

#[test]
fn with_dates_the_day_is_before_each_title_everywhere() {
    let demo = fixtures().join("demo.zip");
    let plain = exported(&demo);
    let on = |words: &[&str]| {
        let words = words.iter().map(std::ffi::OsStr::new);
        gptfs(words.chain([demo.as_os_str(), "--tz=UTC".as_ref(), "--dates".as_ref()])).succeeded().stdout
    };
    let cat = |path: &str| {
        gptfs(["cat", "--tz=UTC", "--dates", demo.to_str().expect("UTF-8"), path]).succeeded().stdout
    };
    let dated: Vec<String> = plain
        .0
        .iter()
        .filter(|(path, _)| !path.contains(".assets/") && !path.contains(".branches/"))
        .map(|(path, page)| {
            let page = std::str::from_utf8(page).expect("UTF-8");
            let created = page.lines().find_map(|line| line.strip_prefix("created: ")).expect("a time");
            let (month, name) = path.rsplit_once('/').expect("a month");
            // On different days there is nothing to tell apart.
            let name = name.replace("New chat-cbf67729", "New chat");
            format!("{month}/{} {name}", &created[8..10])
        })
        .collect();
    let listed = on(&["ls", "-R"]);
    for path in &dated {
        assert!(listed.lines().any(|line| line == path), "{path}: {listed}");
    }
    assert_eq!(on(&["recent", "-1", "-n", "1000"]).lines().count(), dated.len());
    let found = on(&["grep", "-l", "--branches=no", "^title: "]);
    assert_eq!(found.lines().count(), dated.len());
    assert!(found.lines().all(|path| dated.iter().any(|other| other == path)), "{found}");
    let page = cat("2024/02/11 Trip to Lisbon.md");
    assert!(page.contains("](11%20Trip%20to%20Lisbon.assets/map%20of%20the%20old%20town.png)"), "{page}");
    assert!(page.contains("](11%20Trip%20to%20Lisbon.branches/"), "{page}");
    // Where the whole date is in a name, or a rank, the day is not there twice.
    let views = on(&["ls", "-R", "--show-views"]);
    assert!(views.lines().any(|line| line == "starred/2024-02-11 Trip to Lisbon.md"), "{views}");
    let Some(mount) = Mount::new(&demo, &["--dates", "--tz=UTC"]) else { return };
    let mounted = Tree::read(&mount.dir());
    assert_eq!(String::from_utf8_lossy(&mounted.0["2024/02/11 Trip to Lisbon.md"]), page);
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let words = ["export", "--dates", "--tz=UTC"].map(std::ffi::OsStr::new);
    gptfs(words.into_iter().chain([demo.as_os_str(), out.as_os_str()])).succeeded();
    Tree::read(&out).assert_is(&mounted, "what export writes");
}

#[test]
fn pages_have_extended_attributes_if_they_are_wanted() {
    let demo = fixtures().join("demo.zip");
    let Some(plain) = Mount::new(&demo, &["--tz=UTC"]) else { return };
    let Some(mount) = Mount::new(&demo, &["--tz=UTC", "--xattrs"]) else { return };
    if !is_installed("getfattr") {
        return;
    }
    let get = |words: &[&str], file: PathBuf| outcome(Command::new("getfattr").args(words).arg(file));
    let page = "2024/02/Trip to Lisbon.md";
    let told = get(&["-d", "--absolute-names"], mount.dir().join(page)).succeeded().stdout;
    let found: Vec<_> = told.lines().skip(1).filter(|line| !line.is_empty()).collect();
    let text = fs::read_to_string(mount.dir().join(page)).expect("a page");
    let front = |key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        line.expect(key).trim_matches('"').to_owned()
    };
    let turns = text.lines().filter(|line| line.starts_with("## ")).count();
    let expected = [
        format!("user.gptfs.created=\"{}\"", front("created")),
        format!("user.gptfs.id=\"{}\"", front("id")),
        format!("user.gptfs.model=\"{}\"", front("model")),
        "user.gptfs.title=\"Trip to Lisbon\"".to_owned(),
        format!("user.gptfs.turns=\"{turns}\""),
        format!("user.gptfs.updated=\"{}\"", front("updated")),
        format!("user.gptfs.url=\"{}\"", front("url")),
    ];
    assert_eq!(found, expected);
    // The address of a chat in a project names the project.
    let mut in_projects = 0;
    for path in below(&mount.dir()).iter().filter(|path| path.extension().is_some_and(|end| end == "md")) {
        let text = fs::read_to_string(path).expect("a page");
        let url = text.lines().find_map(|line| line.strip_prefix("url: "));
        if let Some(url) = url.filter(|_| text.contains("\nproject: ")) {
            let told = get(&["--only-values", "-n", "user.gptfs.url", "--absolute-names"], path.clone());
            assert_eq!(told.stdout.trim_end(), url, "{}", path.display());
            in_projects += 1;
        }
    }
    assert!(in_projects > 0);
    for (path, name) in
        [(page, "user.gptfs.none"), (page, "security.capability"), ("2024/02", "user.gptfs.id")]
    {
        let told = get(&["-n", name, "--absolute-names"], mount.dir().join(path)).stderr;
        assert!(told.contains("No such attribute"), "{path} {name}: {told}");
    }
    let told = get(&["-n", "user.gptfs.id", "--absolute-names"], plain.dir().join(page)).stderr;
    assert!(told.contains("Operation not supported"), "{told}");
    // What copies with attributes has the same files, and says nothing that was not said without.
    let scratch = Scratch::new();
    let copy = scratch.path("copy");
    for line in [
        "cp -a \"$0\" \"$1\"",
        "mkdir \"$1\" && tar --xattrs -cf - -C \"$0\" . | tar --xattrs -xf - -C \"$1\"",
        "rsync -aX \"$0\"/ \"$1\"/",
    ] {
        let told = outcome(Command::new("sh").arg("-c").arg(line).arg(mount.dir()).arg(&copy));
        if line.starts_with("rsync") && told.code == Some(127) {
            skip("a copy with rsync, which is not installed");
            continue;
        }
        // The disk may not take attributes; that is all there is to complain about.
        assert!(told.code == Some(0) || told.stderr.contains("not supported"), "{line}: {}", told.stderr);
        Tree::read(&copy).assert_is(&Tree::read(&mount.dir()), line);
        fs::remove_dir_all(&copy).expect("a copy");
    }
}
