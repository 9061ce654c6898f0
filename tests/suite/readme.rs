//! README's recipes and examples, run as they are printed.

use crate::house::root;
use crate::support::{Mount, Outcome, Scratch, Tree, fixtures, outcome, program, skip};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// The blocks of code in `text` that are marked as `language`.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let bodies = text.split(&fence).skip(1).filter_map(|rest| rest.split("\n```").next());
    bodies.map(str::to_owned).collect()
}

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).expect("README.md")
}

/// Runs `line` in a shell that finds gptfs by name, in a home with the demonstration as `export.zip`.
fn shell(home: &Scratch, line: &str) -> Outcome {
    let bin = Path::new(env!("CARGO_BIN_EXE_gptfs")).parent().expect("a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new("sh");
    for (key, value) in program(home).get_envs() {
        match value {
            Some(value) => command.env(key, value),
            None => command.env_remove(key),
        };
    }
    command.env("PATH", format!("{}:{path}", bin.display())).env("LC_ALL", "C.UTF-8");
    outcome(command.current_dir(home.path("")).args(["-c", line]))
}

/// A home as the README supposes it: an export, mounted at `chats`.
fn home_with_a_mount() -> Option<(Scratch, Unmount)> {
    Mount::new(&fixtures().join("demo.zip"), &[])?;
    let home = Scratch::new();
    fs::copy(fixtures().join("demo.zip"), home.path("export.zip")).expect("a copy");
    shell(&home, "gptfs mount export.zip ~/chats").succeeded();
    let unmount = Unmount(home.path("chats"));
    Some((home, unmount))
}

/// Unmounts at the end of its scope.
struct Unmount(std::path::PathBuf);

impl Drop for Unmount {
    fn drop(&mut self) {
        let _ = Command::new(env!("CARGO_BIN_EXE_gptfs")).arg("unmount").arg(&self.0).status();
    }
}

#[test]
fn every_recipe_runs_as_printed() {
    let Some((home, unmount)) = home_with_a_mount() else { return };
    let text = readme();
    let recipes = text.split("\n## Recipes\n").nth(1).and_then(|rest| rest.split("\n## ").next());
    let lines: Vec<String> = blocks(recipes.expect("recipes"), "sh")
        .iter()
        .flat_map(|block| block.lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(lines.len() > 8, "{lines:?}");
    for line in lines {
        let tools = line.split('|').filter_map(|part| part.split_whitespace().next());
        let missing = tools.clone().find(|tool| {
            !tool.contains(['\'', '(', '[']) && shell(&home, &format!("command -v {tool}")).code != Some(0)
        });
        if let Some(tool) = missing {
            skip(&format!("a recipe of the README that needs {tool}"));
            continue;
        }
        let told = shell(&home, &line);
        assert_eq!((told.code, told.stderr.contains("rror")), (Some(0), false), "{line}\n{}", told.stderr);
        let writes = ["rsync", "tar", "gptfs export"].iter().any(|start| line.starts_with(start));
        assert!(writes || !told.stdout.is_empty(), "{line} prints something");
    }
    let mounted = Tree::read(&unmount.0);
    for copy in ["chats-plain", "chats-copy"].map(|name| home.path(name)).iter().filter(|copy| copy.exists())
    {
        Tree::read(copy).assert_is(&mounted, "a copy");
    }
}

#[test]
fn the_first_example_prints_what_the_readme_shows() {
    let Some((home, unmount)) = home_with_a_mount() else { return };
    drop(unmount);
    let example = blocks(&readme(), "console").remove(0);
    let (mut command, mut expected) = (None, String::new());
    // The columns and quotes of `ls` are those of a terminal.
    let words = |text: &str| text.replace('\'', "").split_whitespace().collect::<Vec<_>>().join(" ");
    let check = |command: Option<&str>, expected: &str| {
        let Some(line) = command else { return };
        let told = shell(&home, line).succeeded();
        let told =
            told.stdout.replace(home.path("").to_str().expect("UTF-8").trim_end_matches('/'), "/home/ines");
        assert_eq!(words(&told), words(expected), "{line}");
    };
    for line in example.lines() {
        if let Some(next) = line.strip_prefix("$ ") {
            check(command, &expected);
            (command, expected) = (Some(next), String::new());
        } else {
            expected.push_str(line);
            expected.push('\n');
        }
    }
    check(command, &expected);
}

#[test]
fn the_pictures_show_what_gptfs_prints() {
    if Mount::new(&fixtures().join("demo.zip"), &[]).is_none() {
        return;
    }
    let drawn = Scratch::new();
    let mut script = Command::new("bash");
    script.arg(root().join(".ci/pictures")).arg(drawn.path("")).env("GPTFS", env!("CARGO_BIN_EXE_gptfs"));
    outcome(&mut script).succeeded();
    for picture in ["terminal.svg", "page.svg"] {
        let shown = fs::read_to_string(root().join(".ci").join(picture)).expect("a picture");
        let now = fs::read_to_string(drawn.path(picture)).expect("a new picture");
        assert!(shown == now, "{picture} is older than what gptfs prints: run .ci/pictures");
        assert!(readme().contains(&format!("(.ci/{picture})")), "README shows {picture}");
    }
}

/// Runs `.ci/setup` on a machine that has nothing but `tools`. Returns the calls of these, a line each, and the outcome.
fn set_up_with(tools: &[&str]) -> (String, Outcome) {
    let scratch = Scratch::new();
    let noted = scratch.path("noted");
    let tool = |name: &str, script: &str| {
        let tool = scratch.file(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("a program");
    };
    for name in tools {
        tool(name, &format!("echo \"{name} $*\" >> {}", noted.display()));
    }
    tool("env", "while [ \"$1\" != \"${1#*=}\" ]; do shift; done; exec \"$@\"");
    let uid = if tools.is_empty() { "1000" } else { "0" };
    tool("id", &format!("echo {uid}"));
    let mut command = Command::new("/bin/sh");
    command.arg(root().join(".ci/setup")).env_clear().env("PATH", scratch.path("bin"));
    let said = outcome(&mut command);
    (fs::read_to_string(noted).unwrap_or_default(), said)
}

#[test]
fn what_a_machine_lacks_is_installed_by_its_own_package_manager() {
    for (manager, expected) in [
        (
            "apt-get",
            "apt-get update -qq\napt-get install -y -qq gcc libc6-dev\napt-get update -qq\napt-get install -y -qq fuse3\n",
        ),
        ("dnf", "dnf install -y -q gcc\ndnf install -y -q fuse3\n"),
        ("pacman", "pacman -S --noconfirm --needed gcc\npacman -S --noconfirm --needed fuse3\n"),
        ("apk", "apk add --quiet gcc\napk add --quiet fuse3\n"),
    ] {
        assert_eq!(set_up_with(&[manager]).0, expected, "{manager}");
    }
    assert_eq!(set_up_with(&["dnf", "cc", "fusermount3"]).0, "", "nothing is missing");
}

#[test]
fn what_an_ordinary_user_may_not_install_is_named() {
    let (asked, said) = set_up_with(&[]);
    assert_eq!(asked, "");
    let said = said.succeeded().stderr;
    for package in ["gcc", "fuse3"] {
        assert!(said.contains(&format!("setup: please have root install: {package}\n")), "{said}");
    }
}
