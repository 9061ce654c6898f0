//! The shape of the code: names that mean one thing, and files that do not depend on each other in circles.

use crate::house::{is_in, rooms};
use std::collections::{BTreeMap, BTreeSet};

/// Types that more than one file defines on purpose, and why.
const SHARED_TYPE_NAMES: &[(&str, &str)] = &[
    ("Error", "the crate's, and the JSON reader's, which does not leave `format`"),
    ("EndSignals", "for Linux and for other systems; one of them is compiled"),
    ("NewFile", "for Linux and for other systems; one of them is compiled"),
    ("OpenDirectory", "for Linux and for other systems; one of them is compiled"),
    ("Result", "the usual alias of a room with its own error type"),
];

#[test]
fn no_type_name_is_defined_twice() {
    let mut places: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, code) in rooms() {
        for line in code.lines() {
            // Private types of functions and associated types are indented.
            let words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
            let mut words = words.skip_while(|word| *word == "unsafe");
            if line.starts_with(' ') || !matches!(words.next(), Some("struct" | "enum" | "trait" | "type")) {
                continue;
            }
            let name = words.next().unwrap_or_default();
            let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
            places.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    places
        .retain(|name, files| files.len() > 1 && !SHARED_TYPE_NAMES.iter().any(|(shared, _)| shared == name));
    assert!(places.is_empty(), "defined more than once: {places:#?}");
}

/// For each file of `src`, the files whose items it names. Paths are followed through imports. That a child module uses
/// what its ancestors define is how rooms are built and does not count.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let rooms = rooms();
    let modules: BTreeMap<&str, Module> =
        rooms.iter().map(|(file, code)| (file.as_str(), Module::of(file, code))).collect();
    let mut found = BTreeMap::new();
    for (file, module) in &modules {
        let targets = module.names.iter().map(|path| definition(path, &modules));
        let others = targets.filter(|target| !is_in(file, target) && *target != "lib" && *target != "main");
        found.insert((*file).to_owned(), others.collect());
    }
    found.retain(|file, _| file != "lib" && file != "main");
    found
}

/// The paths that a file names, from the root of the crate.
struct Module {
    /// Everything imported or named by path.
    names: BTreeSet<Vec<String>>,
    /// Imported names, which other files may reach through this one, with their paths.
    imports: BTreeMap<String, Vec<String>>,
}

impl Module {
    fn of(file: &str, code: &str) -> Self {
        let own: Vec<String> =
            if file == "lib" { Vec::new() } else { file.split('/').map(str::to_owned).collect() };
        let (mut names, mut imports) = (BTreeSet::new(), BTreeMap::new());
        let children: Vec<&str> =
            code.lines().filter_map(|line| line.split_once("mod ")?.1.strip_suffix(';')).collect();
        let absolute = |path: &str| -> Option<Vec<String>> {
            let mut segments: Vec<&str> = path.split("::").map(str::trim).collect();
            let mut base = own.clone();
            match *segments.first()? {
                "crate" => base.clear(),
                "self" => {}
                "super" => {
                    while segments.first() == Some(&"super") {
                        base.pop()?;
                        segments.remove(0);
                    }
                    segments.insert(0, "super");
                }
                first if children.contains(&first) => segments.insert(0, "self"),
                _ => return None,
            }
            base.extend(segments.iter().skip(1).map(|segment| (*segment).to_owned()));
            Some(base)
        };
        let mut before = "";
        for part in code.split("use ") {
            // Inside a module in braces, `super` is this file.
            let inner = before.ends_with("    ");
            before = part;
            for (path, name) in expanded(part.split(';').next().unwrap_or_default()) {
                let path = path
                    .strip_prefix("super")
                    .filter(|_| inner)
                    .map_or(path.clone(), |rest| format!("self{rest}"));
                if let Some(path) = absolute(&path) {
                    imports.insert(name, path.clone());
                    names.insert(path);
                }
            }
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for path in code.split(|c| !is_word(c)).filter(|path| path.contains("::")) {
            let path = path.trim_end_matches(':');
            match imports.get(path.split("::").next().unwrap_or_default()).cloned() {
                Some(mut import) => {
                    import.extend(path.split("::").skip(1).map(str::to_owned));
                    names.insert(import);
                }
                None => names.extend(absolute(path)),
            }
        }
        Self { names, imports }
    }
}

/// The paths in the tree of a `use`, each with the name that it gets.
fn expanded(import: &str) -> Vec<(String, String)> {
    let (mut found, mut prefixes, mut word) = (Vec::new(), vec![String::new()], String::new());
    let flat = import.split_whitespace().collect::<Vec<_>>().join(" ");
    for c in flat.chars().chain([',']) {
        match c {
            '{' => {
                let prefix = prefixes.last().cloned().unwrap_or_default() + &std::mem::take(&mut word);
                prefixes.push(prefix);
            }
            ',' | '}' => {
                let item = std::mem::take(&mut word);
                let (path, name) = item.trim().split_once(" as ").unwrap_or((item.trim(), ""));
                if !path.is_empty() {
                    let path = prefixes.last().cloned().unwrap_or_default() + path;
                    let path = path.trim_end_matches("::self").to_owned();
                    let last = path.rsplit("::").next().unwrap_or_default().to_owned();
                    found.push((path, if name.is_empty() { last } else { name.to_owned() }));
                }
                if c == '}' && prefixes.len() > 1 {
                    prefixes.pop();
                }
            }
            ' ' if word.is_empty() => {}
            c => word.push(c),
        }
    }
    found
}

/// The file in which the item at `path` is defined, as far as imports tell.
fn definition(path: &[String], modules: &BTreeMap<&str, Module>) -> String {
    let mut path = path.to_vec();
    for _ in 0..8 {
        let (file, rest) = (0..=path.len())
            .rev()
            .map(|len| (path[..len].join("/"), &path[len..]))
            .find(|(file, _)| modules.contains_key(file.as_str()))
            .unwrap_or_else(|| ("lib".to_owned(), &path[..]));
        let import = rest.first().and_then(|name| modules.get(file.as_str())?.imports.get(name));
        let target = import.map(|import| import.iter().chain(&rest[1..]).cloned().collect::<Vec<_>>());
        let Some(target) = target.filter(|target| *target != path) else { return file };
        path = target;
    }
    path.join("/")
}

#[test]
fn no_files_depend_on_each_other_in_a_circle() {
    let graph = dependencies();
    assert!(graph.values().map(BTreeSet::len).sum::<usize>() > 100, "{graph:#?}");
    let reached: BTreeMap<String, BTreeSet<String>> = graph
        .keys()
        .map(|file| {
            let (mut reached, mut waiting) = (BTreeSet::new(), vec![file]);
            while let Some(file) = waiting.pop() {
                let news = graph.get(file).into_iter().flatten();
                waiting.extend(news.filter(|used| reached.insert((*used).clone())));
            }
            (file.clone(), reached)
        })
        .collect();
    let mut circles = graph.clone();
    for (file, uses) in &mut circles {
        uses.retain(|used| reached.get(used).is_some_and(|reached| reached.contains(file)));
    }
    circles.retain(|_, uses| !uses.is_empty());
    assert!(circles.is_empty(), "circles of files: {circles:#?}");
}
