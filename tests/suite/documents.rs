//! Tables in the documents, compared with the code that they describe.

use crate::house::{is_in, rooms, root, rust_files};
use crate::support::gptfs;
use std::collections::BTreeSet;
use std::fs;

fn document(name: &str) -> String {
    fs::read_to_string(root().join(name)).expect(name)
}

/// The section under a heading, up to the next heading of the same level.
fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let level = heading.split(' ').next().unwrap_or_default();
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no section {heading:?}"));
    let rest = &text[start + heading.len() + 2..];
    rest.split(&format!("\n{level} ")).next().unwrap_or_default()
}

/// The text in backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

// README: commands and options.

/// The commands that `gptfs --help` lists, but for `help` itself.
fn commands() -> BTreeSet<String> {
    let help = gptfs(["--help"]).succeeded().stdout;
    let list = help.split("Commands:\n").nth(1).expect("a list of commands");
    let lines = list.lines().take_while(|line| line.starts_with("  "));
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Words of `text` that are long options.
fn options(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let long = words.filter(|word| word.len() > 2 && word.starts_with("--") && !word.starts_with("---"));
    long.map(str::to_owned).collect()
}

#[test]
fn the_readme_lists_exactly_the_commands_there_are() {
    let readme = document("README.md");
    let rows = section(&readme, "## Commands").lines().filter(|line| line.starts_with("| `gptfs "));
    let listed = rows.filter_map(|row| row["| `gptfs ".len()..].split([' ', '`']).next());
    assert_eq!(listed.map(str::to_owned).collect::<BTreeSet<_>>(), commands());
}

#[test]
fn the_readme_names_every_option_and_no_other() {
    /// Options of cargo, docker, ripgrep, fzf and systemctl in the README.
    const OTHERS: [&str; 10] = [
        "--cap-add",
        "--device",
        "--files",
        "--locked",
        "--no-default-features",
        "--now",
        "--path",
        "--preview",
        "--release",
        "--user",
    ];
    let mut known = options(&gptfs(["--help"]).succeeded().stdout);
    for command in commands() {
        known.extend(options(&gptfs([command.as_str(), "--help"]).succeeded().stdout));
    }
    let named = options(&document("README.md"));
    // The README writes `--recursive` as `-R`.
    let missing: Vec<_> = known
        .iter()
        .filter(|option| {
            !["--help", "--version", "--recursive"].contains(&option.as_str()) && !named.contains(*option)
        })
        .collect();
    let unknown: Vec<_> = named
        .iter()
        .filter(|option| !known.contains(*option) && !OTHERS.contains(&option.as_str()))
        .collect();
    assert!(missing.is_empty() && unknown.is_empty(), "missing: {missing:?}, unknown: {unknown:?}");
}

// fixtures/README.md: content types.

/// Where messages are read.
const DECIDING: [&str; 2] = ["format/chatgpt/message", "format/chatgpt/part"];

/// The content types on which the reader of messages decides.
fn content_types() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, code) in rooms().iter().filter(|(file, _)| DECIDING.iter().any(|room| is_in(file, room))) {
        let decisions = code.split("match ").skip(1).chain(code.split("matches!(").skip(1));
        for decision in decisions {
            let subject = decision.split(['{', ',']).next().unwrap_or_default();
            if !subject.contains("content_type") && subject.trim() != "kind" {
                continue;
            }
            // Patterns end at the brace or parenthesis that closes the decision, which is less indented than they are.
            let patterns =
                decision.split("\n    }").next().unwrap_or_default().split(")\n").next().unwrap_or_default();
            let arms = patterns.lines().filter_map(|line| {
                let pattern = line.split("=>").next().unwrap_or_default().trim();
                pattern.trim_start_matches(['|', ' ']).starts_with('"').then_some(pattern)
            });
            for arm in arms {
                found.extend(
                    arm.split('"').skip(1).step_by(2).filter(|name| !name.is_empty()).map(str::to_owned),
                );
            }
        }
    }
    found
}

#[test]
fn the_table_of_content_types_is_that_of_the_code() {
    let readme = document("fixtures/README.md");
    let [content, messages] = ["## Content", "## Messages"].map(|heading| section(&readme, heading));
    let listed: BTreeSet<_> = quoted(content).chain(quoted(messages)).map(str::to_owned).collect();
    let code = content_types();
    assert!(code.len() > 12, "{code:?}");
    let missing: Vec<_> = code.difference(&listed).collect();
    assert!(missing.is_empty(), "fixtures/README.md does not describe {missing:?}");
    let all: String =
        rooms().into_iter().filter(|(file, _)| is_in(file, "format/chatgpt")).map(|(_, code)| code).collect();
    let rows = content.lines().filter(|line| line.starts_with("| `"));
    let unknown: Vec<_> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(quoted)
        .filter(|name| *name != "multimodal_text" && !all.contains(&format!("\"{name}\"")))
        .collect();
    assert!(unknown.is_empty(), "no code reads {unknown:?}");
}

// Promises, rules of the format, and their tests.

/// The names of all test functions.
fn tests() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for folder in ["src", "tests"] {
        for text in rust_files(&root().join(folder)).into_values() {
            let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
            found.extend(names.map(str::to_owned));
        }
    }
    found
}

#[test]
fn the_tests_that_promises_name_exist() {
    let tests = tests();
    for name in ["SEMANTICS.md", "SECURITY.md"] {
        let text = document(name);
        let named = quoted(&text).filter(|word| {
            word.matches('_').count() > 2 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        });
        let (known, unknown): (Vec<_>, Vec<_>) = named.partition(|name| tests.contains(*name));
        assert!(known.len() > 8, "{name} names tests");
        assert!(unknown.is_empty(), "{name}: there is no test {unknown:?}");
    }
}

#[test]
fn the_tests_that_cover_the_format_exist() {
    let readme = document("fixtures/README.md");
    let (_, coverage) = readme.split_once("\n# Coverage\n").expect("a chapter on coverage");
    let tests = tests();
    let cases = fs::read_to_string(root().join("tests/suite/golden.rs")).expect("the golden cases");
    let cases: BTreeSet<_> = cases.split_whitespace().collect();
    let cells = coverage.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").nth(1));
    let named: Vec<_> = cells.flat_map(quoted).filter(|word| word.matches('_').count() > 1).collect();
    assert!(named.len() > 50, "{named:?}");
    let unknown: Vec<_> =
        named.into_iter().filter(|name| !tests.contains(*name) && !cases.contains(name)).collect();
    assert!(unknown.is_empty(), "fixtures/README.md: there is no test {unknown:?}");
}
