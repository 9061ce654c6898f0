//! `gptfs grep` finds what `grep -r` finds in the exported tree, and its filters what a plain look at the pages finds.

use crate::support::{Outcome, Scratch, Zip, every_fixture, exported, fixtures, gptfs, outcome, program};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

fn grep(arguments: &[&str], source: &Path) -> Outcome {
    let words = arguments.iter().map(|word| (*word).to_owned());
    gptfs(
        ["grep".to_owned()].into_iter().chain(words).chain([source.display().to_string(), "--tz=UTC".into()]),
    )
}

fn is_page(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|ending| ending == "md")
}

fn lines(outcome: &Outcome) -> Vec<&str> {
    let mut lines: Vec<_> = outcome.stdout.lines().collect();
    lines.sort_unstable();
    lines
}

/// Patterns that `grep` and `gptfs grep` read alike, each tried with each of the flags.
struct PatternGroup {
    patterns: &'static [&'static str],
    flags: &'static [&'static [&'static str]],
}

const FIXED: PatternGroup = PatternGroup {
    patterns: &[".", "[link](", "a*b", "the", "##", "---", "](", "$", "\\", "http", "? ", "User"],
    flags: &[&["-F", "-n"], &["-F", "-i"], &["-F", "-w", "-n"], &["-F", "-l"]],
};

const REGEX: PatternGroup = PatternGroup {
    patterns: &[
        "the", "a.c", "(ab|cd)+", "e{2}", "https?://[^ )]+", "[0-9]+", "[A-Z][a-z]+ [a-z]+", "[^a-z ]{3}",
        "(a|e)[a-z]*(s|t)", "\\(.*\\)",
    ],
    flags: &[&["-n"], &["-o", "-n"], &["-i", "-o"], &["-v", "-n"]],
};

const UNICODE: PatternGroup = PatternGroup {
    patterns: &["(ä|ö|ü|é|ã)", "É", "俳句", "🍎|🇵🇹", "(я|ж)+", "ß", "ñ|ç", "の|は", "“|”", "…"],
    flags: &[&["-n"], &["-i", "-n"], &["-o"], &["-l"]],
};

const ANCHORS: PatternGroup = PatternGroup {
    patterns: &["^#", "[.]$", "^$", "^(title|created): ", "^## User$", "^ *$", "^[*-] ", ":$"],
    flags: &[&["-n"], &["-c"], &["-x", "-n"], &["-v", "-c"]],
};

const WORDS: PatternGroup =
    PatternGroup { patterns: &["a", "is", "to be", "lisbon"], flags: &[&["-w", "-n"], &["-w", "-i", "-o"]] };

const CONTEXT: PatternGroup = PatternGroup {
    patterns: &["^## ", "TypeError|Error", "[Ll]isbon", "e{2}", "```"],
    flags: &[&["-A1", "-n"], &["-B2", "-n"], &["-C1"], &["-A3", "-B1", "-i", "-n"], &["-C2", "-n", "-w"]],
};

const COUNTS: PatternGroup = PatternGroup {
    patterns: &["e", "the", "ChatGPT", "zzzz"],
    flags: &[&["-m1", "-n"], &["-m2"], &["-m3", "-c"], &["-l"], &["-c"]],
};

/// True for a line about a binary file. `grep -I` says nothing of them.
fn is_of_binary(line: &str) -> bool {
    let is_picture =
        |path: &str| [".png", ".jpg", ".wav", ".mp4", ".docx"].iter().any(|end| path.ends_with(end));
    line.contains(": binary file matches") || is_picture(line.split(':').next().unwrap_or_default())
}

/// What `grep -r` prints for `arguments` in the exported tree, without binary files and without counts of nothing.
fn reference(arguments: &[&str], tree: &Path) -> (Vec<String>, Option<i32>) {
    let files: Vec<_> = {
        let mut entries: Vec<_> = fs::read_dir(tree).expect("a tree").flatten().collect();
        entries.sort_by_key(fs::DirEntry::file_name);
        entries.into_iter().map(|entry| entry.file_name()).collect()
    };
    let output = Command::new("grep")
        .args(["-r", "-I"])
        .args(if arguments.contains(&"-F") { &[][..] } else { &["-E"][..] })
        .args(arguments)
        .arg("--")
        .args(files)
        .current_dir(tree)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("grep");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let is_nothing = |line: &str| arguments.contains(&"-c") && line.ends_with(":0");
    let told = text.lines().filter(|line| !is_nothing(line) && !is_of_binary(line));
    let mut lines: Vec<_> = told.map(str::to_owned).collect();
    lines.sort_unstable();
    (lines, output.status.code())
}

impl PatternGroup {
    /// Asserts that `gptfs grep` prints, and returns, what `grep` does in the demonstration and in all golden cases.
    #[track_caller]
    fn assert_like_grep(&self) {
        let scratch = Scratch::new();
        let sources = [fixtures().join("demo.zip"), every_fixture(&scratch)];
        for (at, source) in sources.iter().enumerate() {
            let tree = scratch.path(&format!("tree {at}"));
            exported(source).write(&tree);
            for (pattern, flags) in
                self.patterns.iter().flat_map(|pattern| self.flags.iter().map(move |flags| (pattern, flags)))
            {
                let arguments = [flags, &["-e", pattern][..]].concat();
                let (expected, code) = reference(&arguments, &tree);
                let found = grep(&arguments, source);
                let found_lines: Vec<_> =
                    lines(&found).into_iter().filter(|line| !is_of_binary(line)).collect();
                let ours: BTreeSet<&str> = found_lines.iter().copied().collect();
                let theirs: BTreeSet<&str> = expected.iter().map(String::as_str).collect();
                let difference: Vec<_> = ours.symmetric_difference(&theirs).collect();
                assert!(difference.is_empty(), "{arguments:?}: {difference:?}");
                assert_eq!(found_lines.len(), expected.len(), "{arguments:?}: lines that occur repeatedly");
                let has_binary = found_lines.len() < found.stdout.lines().count();
                assert!(found.code == code || has_binary, "{arguments:?}: {:?} and not {code:?}", found.code);
            }
        }
    }
}

#[test]
fn fixed_strings_are_found_where_grep_finds_them() {
    FIXED.assert_like_grep();
}

#[test]
fn regular_expressions_are_found_where_grep_finds_them() {
    REGEX.assert_like_grep();
}

#[test]
fn letters_of_every_script_are_found_where_grep_finds_them() {
    UNICODE.assert_like_grep();
}

#[test]
fn beginnings_and_ends_of_lines_are_found_where_grep_finds_them() {
    ANCHORS.assert_like_grep();
}

#[test]
fn whole_words_are_found_where_grep_finds_them() {
    WORDS.assert_like_grep();
}

#[test]
fn context_is_printed_as_grep_prints_it() {
    CONTEXT.assert_like_grep();
}

#[test]
fn matches_are_counted_and_cut_off_as_grep_does() {
    COUNTS.assert_like_grep();
}

#[test]
fn two_hundred_patterns_are_compared_with_grep() {
    let groups = [FIXED, REGEX, UNICODE, ANCHORS, WORDS, CONTEXT, COUNTS];
    let count: usize = groups.iter().map(|group| group.patterns.len() * group.flags.len()).sum();
    assert!(count >= 200, "{count}");
    let several = grep(&["-n", "-e", "tea", "-e", "coffee"], &fixtures().join("demo.zip")).stdout;
    assert_eq!(several, grep(&["-n", "tea|coffee"], &fixtures().join("demo.zip")).stdout);
}

#[test]
fn a_first_search_and_one_with_a_saved_index_print_the_same() {
    let (scratch, home) = (Scratch::new(), Scratch::new());
    let source = every_fixture(&scratch);
    let search = |option: &[&str], pattern: &str, flags: &[&str]| {
        let mut command = program(&home);
        command.args(["grep", "--tz=UTC"]).args(option).args(flags).args(["-e", pattern]).arg(&source);
        outcome(&mut command)
    };
    search(&[], "saves the index", &[]);
    let in_names = ["assets/[^)]*g", "Lisbon%20|Tea", "[.]branches/2", "[(][.][.]/[A-Z]", "[)][*]$"];
    let others = ["zzzz", "Lisbon", "^$", "^created:.*9", "\\Atitle", "s\\z", "# ", "(?-m)^#", "\\bé"];
    for pattern in in_names.into_iter().chain(others) {
        for flags in [
            &["-n"][..],
            &["-c"],
            &["-L"],
            &["-l", "-v"],
            &["-C1", "-w"],
            &["-xi"],
            &["--role=user"],
            &["--in=canvas"],
        ] {
            let (first, again) = (search(&["--no-cache"], pattern, flags), search(&[], pattern, flags));
            assert_eq!((first.stdout, first.code), (again.stdout, again.code), "{pattern} {flags:?}");
        }
        let stats = |option: &[&str]| {
            let found = search(option, pattern, &["--json"]).stdout;
            let last = found.lines().last().expect("a summary");
            let summary: serde_json::Value = serde_json::from_str(last).expect("JSON");
            let stats = summary["data"]["stats"].clone();
            ["searches", "searches_with_match", "bytes_searched", "matches"].map(|key| stats[key].clone())
        };
        assert_eq!(stats(&["--no-cache"]), stats(&[]), "{pattern}");
    }
}

#[test]
fn files_come_in_the_order_of_the_tree() {
    let found = grep(&["-l", "e"], &fixtures().join("demo.zip"));
    let demo = fixtures().join("demo.zip");
    let index = gptfs(["cat", "--tz=UTC", demo.to_str().expect("UTF-8"), ".gptfs/index.tsv"]).succeeded();
    let all: Vec<_> = index.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
    let places: Vec<_> =
        found.stdout.lines().filter_map(|path| all.iter().position(|other| *other == path)).collect();
    assert!(places.is_sorted());
    assert!(places.len() > 30);
    let single = grep(&["-l", "e", "--jobs=1"], &fixtures().join("demo.zip"));
    assert_eq!(single.stdout, found.stdout);
}

#[test]
fn a_binary_file_that_matches_is_named_and_its_bytes_are_not_printed() {
    let found = grep(&["IHDR"], &fixtures().join("demo.zip")).succeeded();
    assert!(found.stdout.lines().count() > 2);
    for line in found.stdout.lines() {
        assert!(line.contains(".png: binary file matches"), "{line}");
    }
    let text = grep(&["-a", "-o", "IHDR"], &fixtures().join("demo.zip")).succeeded();
    assert!(text.stdout.lines().all(|line| line.ends_with(".png:IHDR")), "{}", text.stdout);
}

#[test]
fn exit_codes_are_those_of_ripgrep() {
    let demo = fixtures().join("demo.zip");
    assert_eq!(grep(&["tea"], &demo).code, Some(0));
    assert_eq!(grep(&["-q", "tea"], &demo).code, Some(0));
    assert_eq!(grep(&["-q", "zzzz"], &demo).code, Some(1));
    grep(&["zzzz"], &demo).failed_silently(1);
    grep(&["(tea"], &demo).failed(2);
    grep(&["tea"], Path::new("no such file")).failed(2);
    gptfs(["grep", "tea"]).failed(2);
    grep(&["--since", "soon", "tea"], &demo).failed(2);
}

#[test]
fn counts_and_paths_are_those_of_ripgrep() {
    let scratch = Scratch::new();
    let source = fixtures().join("demo.zip");
    let tree = exported(&source);
    let count = |needle: &str, text: &[u8]| {
        String::from_utf8_lossy(text).lines().filter(|line| line.contains(needle)).count()
    };
    let pages = || tree.0.iter().filter(|(path, _)| is_page(path));
    let found = grep(&["-c", "the "], &source).succeeded();
    let found: BTreeSet<_> = found.stdout.lines().filter(|line| line.contains(".md:")).collect();
    let expected: Vec<_> =
        pages().map(|(path, text)| (path, count("the ", text))).filter(|(_, count)| *count > 0).collect();
    assert_eq!(found.len(), expected.len());
    for (path, count) in expected {
        assert!(found.contains(format!("{path}:{count}").as_str()), "{path}:{count}");
    }
    let without = grep(&["-L", "the "], &source).succeeded();
    let without: BTreeSet<_> = without.stdout.lines().filter(|path| is_page(path)).collect();
    let expected = pages().filter(|(_, text)| count("the ", text) == 0).map(|(path, _)| path.as_str());
    assert_eq!(without, expected.collect());
    let file = scratch.file("patterns", "tea\ncoffee\n");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(
        grep(&["-n", "-f", file], &source).stdout,
        grep(&["-n", "-e", "tea", "-e", "coffee"], &source).stdout
    );
    let null = grep(&["-0", "-l", "tea"], &source).stdout;
    let plain = grep(&["-l", "tea"], &source).stdout;
    assert_eq!(null.replace('\0', "\n"), plain);
}

#[test]
fn json_is_ripgreps_and_ends_with_a_summary() {
    let found = grep(&["--json", "Lisbon"], &fixtures().join("demo.zip")).succeeded();
    let messages: Vec<serde_json::Value> =
        found.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| messages.iter().filter(|message| message["type"] == kind).count();
    assert_eq!(of("begin"), of("end"));
    assert_eq!(of("summary"), 1);
    let last = messages.last().expect("a summary");
    assert_eq!(last["data"]["stats"]["matched_lines"], of("match"));
    let plain = grep(&["Lisbon"], &fixtures().join("demo.zip")).stdout.lines().count();
    assert_eq!(of("match"), plain);
}

#[test]
fn a_mountpoint_is_put_before_the_paths() {
    let demo = fixtures().join("demo.zip");
    let plain = grep(&["-l", "Lisbon"], &demo).stdout;
    let below = grep(&["-l", "--mount", "/mnt/chats/", "Lisbon"], &demo).stdout;
    let expected: Vec<_> = plain.lines().map(|path| format!("/mnt/chats/{path}")).collect();
    assert_eq!(below.lines().collect::<Vec<_>>(), expected);
    let linked = grep(&["-l", "--mount", "/mnt/chats", "--color=always", "Lisbon"], &demo).stdout;
    assert!(linked.contains("\u{1b}["), "{linked}");
    assert!(!plain.contains('\u{1b}'));
}

// Filters.

/// The front matter of a page as lines.
fn front_matter(page: &str) -> Vec<&str> {
    page.lines().skip(1).take_while(|line| *line != "---").collect()
}

/// The paths of the threads that `grep -l` finds with `arguments`, and those whose front matter passes `expected`.
fn assert_threads(arguments: &[&str], expected: impl Fn(&[&str]) -> bool) {
    let source = fixtures().join("demo.zip");
    let tree = exported(&source);
    let is_thread = |path: &str| is_page(path) && !path.contains(".assets/") && !path.contains(".branches/");
    let outcome = grep(&[&["-l", "", "--branches=no"], arguments].concat(), &source);
    let found: Vec<_> = outcome.stdout.lines().filter(|path| is_thread(path)).collect();
    let expected: Vec<_> = tree
        .0
        .iter()
        .filter(|(path, page)| {
            is_thread(path) && expected(&front_matter(std::str::from_utf8(page).expect("UTF-8")))
        })
        .map(|(path, _)| path.as_str())
        .collect();
    assert!(!expected.is_empty(), "{arguments:?} is a test of nothing");
    let found: BTreeSet<_> = found.into_iter().collect();
    assert_eq!(found, expected.into_iter().collect(), "{arguments:?}");
}

fn value<'f>(front: &[&'f str], key: &str) -> Option<&'f str> {
    front.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix(": "))
}

#[test]
fn conversations_are_chosen_by_what_their_front_matter_says() {
    let models = |front: &[&str]| {
        let one = value(front, "model").unwrap_or_default().to_owned();
        let several = value(front, "models").unwrap_or_default().to_owned();
        format!("{one} {several}")
    };
    let has_model = |front: &[&str], wanted: &dyn Fn(&str) -> bool| {
        models(front)
            .split(|c: char| !(c.is_alphanumeric() || "-.".contains(c)))
            .any(|model| !model.is_empty() && wanted(model))
    };
    assert_threads(&["--model=gpt-4o"], |front| has_model(front, &|model| model == "gpt-4o"));
    assert_threads(&["--model=GPT-4*"], |front| has_model(front, &|model| model.starts_with("gpt-4")));
    assert_threads(&["--model=gpt-4o,o3"], |front| {
        has_model(front, &|model| ["gpt-4o", "o3"].contains(&model))
    });
    assert_threads(&["--starred"], |front| value(front, "starred") == Some("true"));
    assert_threads(&["--archived"], |front| value(front, "archived") == Some("true"));
    assert_threads(&["--project=*"], |front| value(front, "project").is_some());
    assert_threads(&["--gpt=*"], |front| value(front, "gpt").is_some());
    assert_threads(&["--title=LISBON"], |front| {
        value(front, "title").is_some_and(|title| title.contains("Lisbon"))
    });
    assert_threads(&["--since=2025"], |front| value(front, "updated").is_some_and(|time| time >= "2025"));
    assert_threads(&["--until=2023-09"], |front| {
        value(front, "created").is_some_and(|time| time < "2023-10")
    });
    assert_threads(&["--since=2024-01", "--until=2024-03-15"], |front| {
        value(front, "updated").is_some_and(|time| time >= "2024-01")
            && value(front, "created").is_some_and(|time| time < "2024-03-16")
    });
}

#[test]
fn branches_are_searched_or_not() {
    let demo = fixtures().join("demo.zip");
    let paths = |branches: &str| {
        let found = grep(&["-l", "-a", "", branches], &demo).stdout;
        found.lines().map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (yes, no, only) = (paths("--branches=yes"), paths("--branches=no"), paths("--branches=only"));
    assert!(!only.is_empty() && only.iter().all(|path| path.contains(".branches/")));
    assert!(no.iter().all(|path| !path.contains(".branches/")));
    assert_eq!(yes, no.union(&only).cloned().collect());
}

/// The lines below the headings `## User` or `## ChatGPT` of a page, without those that the frame adds.
fn turns(page: &str, user: bool) -> Vec<&str> {
    let (mut inside, mut found) = (false, Vec::new());
    for line in page.lines() {
        if line.starts_with("## ") {
            inside = line.starts_with("## User") == user;
        } else if inside && !line.starts_with("*Other branches from here: ") && line != "*[stopped]*" {
            found.push(line);
        }
    }
    found
}

#[test]
fn roles_are_found_below_their_headings() {
    let scratch = Scratch::new();
    for source in [fixtures().join("demo.zip"), every_fixture(&scratch)] {
        let tree = exported(&source);
        for (roles, user) in [("--role=user", true), ("--role=assistant,tool", false)] {
            for inverted in [false, true] {
                let wanted = |line: &str| line.contains('e') != inverted && !line.is_empty();
                let mut expected: Vec<String> = Vec::new();
                for (path, page) in &tree.0 {
                    if is_page(path) && !path.contains(".assets/") {
                        let page = std::str::from_utf8(page).expect("UTF-8");
                        let turns = turns(page, user).into_iter().filter(|line| wanted(line));
                        expected.extend(turns.map(|line| format!("{path}:{line}")));
                    }
                }
                let mut arguments = vec!["-e", "e", roles];
                arguments.extend(inverted.then_some("-v"));
                let outcome = grep(&arguments, &source).succeeded();
                // Canvas documents may be of any type.
                let in_page = |line: &&str| {
                    let page = line.split_once(".md:");
                    page.is_some_and(|(path, rest)| !path.contains(".assets/") && !rest.is_empty())
                };
                let found: Vec<_> = outcome.stdout.lines().filter(in_page).map(str::to_owned).collect();
                assert_eq!(sorted(found), sorted(expected), "{roles}");
            }
        }
    }
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort_unstable();
    lines
}

/// A conversation in which each kind of content has a word of its own.
const KINDS: &str = r#"{"id": "00000000-0000-4000-8000-00000000feed", "title": "Kinds", "create_time": 1700000000,
"current_node": "e", "mapping": {
"a": {"id": "a", "parent": null, "message": {"id": "a", "author": {"role": "user"}, "create_time": 1700000000,
  "content": {"content_type": "text", "parts": ["word alpha\n\n```\nword beta\n```\n\nword gamma"]},
  "metadata": {"attachments": [{"id": "file-0123456789abcdefghijklmn", "name": "lambda.txt"}]}}},
"b": {"id": "b", "parent": "a", "message": {"id": "b", "author": {"role": "assistant"}, "create_time": 1700000001,
  "content": {"content_type": "thoughts", "thoughts": [{"summary": "word delta", "content": "word epsilon"}]}}},
"c": {"id": "c", "parent": "b", "message": {"id": "c", "author": {"role": "assistant"}, "create_time": 1700000002,
  "recipient": "python", "content": {"content_type": "code", "language": "python", "text": "word = 'zeta'"}}},
"d": {"id": "d", "parent": "c", "message": {"id": "d", "author": {"role": "tool", "name": "python"},
  "create_time": 1700000003, "content": {"content_type": "execution_output", "text": "word eta"}}},
"e": {"id": "e", "parent": "d", "message": {"id": "e", "author": {"role": "assistant"}, "create_time": 1700000004,
  "content": {"content_type": "text", "parts": ["word theta\n\n> quoted\n> ```rust\n> word iota\n> ```\n\nword kappa"]}}}
}}"#;

#[test]
fn words_are_found_where_they_were_said() {
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", format!("[{KINDS}]")));
    for (arguments, words) in [
        (&["--role=user"][..], "alpha beta gamma"),
        (&["--role=assistant"], "delta epsilon iota kappa theta zeta"),
        (&["--role=tool"], "eta"),
        (&["--in=text"], "alpha gamma kappa theta"),
        (&["--in=code"], "beta eta iota zeta"),
        (&["--in=thinking"], "delta epsilon"),
        (&["--in=canvas"], ""),
        (&["--in=code", "--role=user"], "beta"),
        (&["--in=code,thinking", "--role=assistant"], "delta epsilon iota zeta"),
    ] {
        let found = grep(&[&["-o", "--no-filename", "word.*"], arguments].concat(), &source).stdout;
        let letters = |line: &str| {
            let word = line.trim_end_matches(['*', '\'']);
            word.rsplit([' ', '\'']).next().unwrap_or_default().to_owned()
        };
        let found: BTreeSet<_> = found.lines().map(letters).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>().join(" "), words, "{arguments:?}");
    }
    // A file is its sender's, but its path is not text.
    assert_eq!(grep(&["-c", "lambda", "--role=user"], &source).stdout.lines().count(), 1);
    assert_eq!(grep(&["lambda", "--in=text"], &source).code, Some(1));
    // Context may be of anyone.
    let context = grep(&["-C1", "--no-filename", "gamma", "--role=user"], &source).stdout;
    assert_eq!(context, "\nword gamma\n\n");
    let numbered = grep(&["-n", "--no-filename", "kappa", "--role=assistant"], &source).stdout;
    let plain = grep(&["-n", "--no-filename", "kappa"], &source).stdout;
    assert_eq!(numbered, plain, "line numbers are those of the page");
}

#[test]
fn a_summary_counts_the_same_whatever_is_printed() {
    for mode in ["-n", "-c", "--count-matches", "-l", "-q"] {
        let told = grep(&["--stats", mode, "borrow"], &fixtures().join("demo.zip")).succeeded().stderr;
        assert!(told.contains("10 matches in 8 lines of 1 file; "), "{mode}: {told}");
    }
}
