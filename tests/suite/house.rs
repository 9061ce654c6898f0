//! The architecture, enforced: which room may use what. `src/lib.rs` and the module docs give the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Maximum number of lines per file.
const LINES: usize = 700;

/// Every third-party package, as code spells it, and the rooms that may name it.
const PACKAGES: &[(&str, &[&str])] = &[
    ("bumpalo", &["format/pull/texts"]),
    ("clap", &["cli"]),
    ("clap_complete", &["cli/manual"]),
    ("clap_mangen", &["cli/manual"]),
    ("crc32fast", &["archive", "export/update", "index/saved"]),
    ("foldhash", &["format"]),
    ("fuser", &["fuse"]),
    ("grep_matcher", &["cli/grep"]),
    ("grep_printer", &["cli/grep"]),
    ("grep_regex", &["cli/grep"]),
    ("grep_searcher", &["cli/grep"]),
    ("jiff", &["time"]),
    ("libc", &["sys"]),
    ("nix", &["sys"]),
    ("lz4_flex", &["archive/inflate"]),
    ("memchr", &["conversation/canvas", "format", "markdown", "render", "search"]),
    ("postcard", &["fuse/mount", "index/saved"]),
    ("regex", &["conversation/canvas", "search/words"]),
    (
        "serde",
        &[
            "archive", "catalog", "error", "format/names", "format/values", "fuse/mount", "index/saved",
            "progress", "source/discover", "time",
        ],
    ),
    ("serde_json", &["format", "source/discover"]),
    ("simdutf8", &["format"]),
    ("tempfile", &["archive", "cli/demo", "index/saved"]),
    ("termcolor", &["cli/grep"]),
    ("toml", &["cli/config", "format/names"]),
    ("unicode_normalization", &["name"]),
    ("unicode_segmentation", &["name"]),
    ("zip", &["archive/directory"]),
];

/// Every room and the rooms it may use. Lower rooms come first, and no room uses one further down the list.
const ROOMS: &[(&str, &[&str])] = &[
    ("bytes", &[]),
    ("sync", &[]),
    ("text", &[]),
    ("markdown", &["text"]),
    ("sys", &[]),
    ("error", &[]),
    ("bug", &["error"]),
    ("progress", &["sync"]),
    ("time", &["error"]),
    ("name", &["text"]),
    ("catalog", &["time"]),
    ("archive", &["bug", "bytes", "error", "sync", "sys", "text"]),
    ("source", &["archive", "bytes", "catalog", "error", "sys", "text"]),
    ("conversation", &["bytes", "catalog", "markdown", "name", "time"]),
    ("render", &["catalog", "conversation", "markdown", "text", "time"]),
    ("format", &["bytes", "catalog", "conversation", "markdown", "sync", "time"]),
    ("layout", &["bytes", "catalog", "name", "time"]),
    ("fs", &["bytes", "catalog", "error", "layout", "markdown", "name", "render", "sync", "text", "time"]),
    (
        "index",
        &[
            "archive", "bug", "bytes", "catalog", "conversation", "error", "format", "fs", "layout", "name",
            "progress", "render", "source", "sync", "sys", "text", "time",
        ],
    ),
    ("search", &["bug", "catalog", "conversation", "error", "fs", "name", "render", "sync", "text", "time"]),
    ("export", &["catalog", "error", "fs", "progress", "sync", "sys", "text"]),
    ("fuse", &["bug", "bytes", "error", "fs", "progress", "sync", "sys", "text"]),
    (
        "cli",
        &[
            "archive", "bug", "catalog", "conversation", "error", "export", "format", "fs", "fuse", "index",
            "layout", "name", "progress", "render", "search", "source", "sync", "sys", "text", "time",
        ],
    ),
    ("main", &[]),
    ("lib", &[]),
];

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below `folder`, keyed by relative path without the extension.
pub(crate) fn rust_files(folder: &Path) -> BTreeMap<String, String> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(&directory).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.with_extension("").strip_prefix(folder).expect("below").display().to_string();
                found.insert(name, fs::read_to_string(&path).expect("text"));
            }
        }
    }
    found
}

/// The code of all rooms, without tests and comments.
pub(crate) fn rooms() -> BTreeMap<String, String> {
    let mut files = rust_files(&root().join("src"));
    files.retain(|name, _| {
        !name.split('/').any(|part| matches!(part, "tests" | "fake" | "testing" | "fuzzing"))
    });
    for text in files.values_mut() {
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        *text =
            code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    }
    assert!(files.len() > 50, "only {} files found", files.len());
    files
}

/// Returns true if `file` is `room` or inside it.
pub(crate) fn is_in(file: &str, room: &str) -> bool {
    file.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The first segments of all paths in `code`, and the names of crates imported whole.
fn heads_of_paths(code: &str) -> BTreeSet<&str> {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let before = |at: usize| {
        let start = code[..at].rfind(|c| !is_word(c)).map_or(0, |end| end + 1);
        (!code[..start].ends_with("::")).then_some(&code[start..at])
    };
    let imported = code.lines().filter_map(|line| line.strip_prefix("use ")?.split([' ', ';']).next());
    code.match_indices("::")
        .filter_map(|(at, _)| before(at))
        .filter(|word| !word.is_empty())
        .chain(imported)
        .collect()
}

#[test]
fn a_package_is_named_only_in_its_rooms() {
    for (file, code) in rooms() {
        let heads = heads_of_paths(&code);
        for &(package, allowed) in PACKAGES {
            let is_allowed = allowed.iter().any(|room| is_in(&file, room));
            assert!(is_allowed || !heads.contains(package), "src/{file}.rs names {package}");
        }
    }
}

#[test]
fn every_declared_package_has_rooms_that_use_it() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("Cargo.toml");
    let section = manifest
        .split("[dependencies]\n")
        .nth(1)
        .and_then(|rest| rest.split("\n[").next())
        .expect("a section");
    let declared: BTreeSet<_> = section
        .lines()
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name.replace('-', "_"))
        .collect();
    assert_eq!(declared, PACKAGES.iter().map(|(name, _)| (*name).to_owned()).collect());
    let rooms = rooms();
    for &(package, allowed) in PACKAGES {
        for room in allowed {
            let uses = |(file, code): (&String, &String)| {
                is_in(file, room) && heads_of_paths(code).contains(package)
            };
            assert!(rooms.iter().any(uses), "{room} does not use {package}: remove it from the list");
        }
    }
}

#[test]
fn unsafe_code_is_confined_to_its_rooms() {
    for (file, code) in rooms() {
        let allowed = ["sys", "format/scan", "markdown/hints"].iter().any(|room| is_in(&file, room));
        let named = code.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "unsafe");
        assert!(allowed || !named, "src/{file}.rs has unsafe code");
    }
}

/// The rooms that `code` names after `crate::`, braces included.
fn uses(code: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let rest = &code[at + prefix.len()..];
        let word =
            |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        match rest.strip_prefix('{') {
            Some(list) => {
                let list = list.split(';').next().unwrap_or_default();
                found.extend(list.split([',', '{']).map(|item| word(item.trim())));
            }
            None => drop(found.insert(word(rest))),
        }
    }
    found
}

#[test]
fn imports_go_one_way() {
    for (at, (room, allowed)) in ROOMS.iter().enumerate() {
        for lower in *allowed {
            let position = ROOMS.iter().position(|(name, _)| name == lower).expect("a room");
            assert!(position < at, "{room} may use {lower}, which comes after it");
        }
    }
    // The root of the crate declares every room, and opens some to tests.
    for (file, code) in rooms().into_iter().filter(|(file, _)| file != "lib") {
        let room = file.split('/').next().expect("a room");
        let allowed = ROOMS.iter().find(|(name, _)| *name == room).map(|(_, allowed)| *allowed);
        let allowed = allowed.unwrap_or_else(|| panic!("src/{room}.rs is not in the list of rooms"));
        for used in uses(&code) {
            let is_room = ROOMS.iter().any(|(name, _)| *name == used);
            assert!(
                !is_room || used == room || allowed.contains(&used.as_str()),
                "src/{file}.rs uses {used}"
            );
        }
    }
}

/// Words of the vendor whose exports gptfs reads first, and marks it leaves in texts.
const VENDOR: [&str; 6] = ["chatgpt", "openai", "oaicite", "sandbox:", "\\u{e20", "utm_source"];

/// The rooms that may know the vendor: its format, what recognises its archives, and help texts.
const VENDOR_ROOMS: [&str; 6] = ["format/chatgpt", "format/pointer", "format/unread", "lib", "source", "cli"];

#[test]
fn only_its_format_knows_the_vendor() {
    // The root of the crate opens some of it to tests.
    for (file, code) in rooms().into_iter().filter(|(file, _)| file != "lib") {
        // The list of formats names them all.
        let lists_formats =
            |line: &&str| file == "format" && (line.contains("mod ") || line.contains("const FORMATS"));
        let lines: Vec<_> = code.lines().filter(|line| !lists_formats(line)).collect();
        let code = lines.join("\n").to_lowercase();
        let allowed = VENDOR_ROOMS.iter().any(|room| is_in(&file, room));
        for word in VENDOR {
            assert!(allowed || !code.contains(word), "src/{file}.rs knows {word}");
        }
    }
}

#[test]
fn no_file_is_too_long_to_read() {
    for folder in ["src", "tests", "benches"] {
        for (file, text) in rust_files(&root().join(folder)) {
            let lines = text.lines().count();
            assert!(lines <= LINES, "{folder}/{file}.rs has {lines} lines");
        }
    }
}

#[test]
fn no_unfinished_work_is_marked() {
    let marks = ["TO", "FIX", "X"].into_iter().zip(["DO", "ME", "XX"]).map(|(a, b)| format!("{a}{b}"));
    let marks: Vec<_> = marks.collect();
    for folder in ["src", "tests", "benches"] {
        for (file, text) in rust_files(&root().join(folder)) {
            let words: BTreeSet<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
            for mark in &marks {
                assert!(!words.contains(mark.as_str()), "{folder}/{file}.rs: {mark}");
            }
        }
    }
}
