//! Commands that end because of a bug. Each test runs this binary again as the command, by the test
//! [`the_command_under_test`], which does nothing otherwise.

use super::*;
use std::process::{Command, Output, Stdio};

/// The words of the command, each on a line.
const WORDS: &str = "GPTFS_TEST_COMMAND";

#[test]
fn the_command_under_test() {
    let Ok(words) = env::var(WORDS) else { return };
    let code = run(words.split('\n').map(OsString::from));
    let same = |number: &u8| format!("{:?}", ExitCode::from(*number)) == format!("{code:?}");
    std::process::exit((0..=u8::MAX).find(same).unwrap().into());
}

/// Runs gptfs as this binary has it, with the bugs that tests put into it.
fn gptfs(words: &[&str], backtrace: &str) -> Output {
    // The harness has a thread of its own, which must hold back signals like all the others.
    Command::new("env")
        .arg("--block-signal=INT,TERM,HUP,QUIT,USR1,USR2,XFSZ")
        .arg(env::current_exe().unwrap())
        .args(["--exact", "cli::tests::the_command_under_test", "--test-threads=1", "--nocapture"])
        .env(WORDS, ["gptfs"].iter().chain(words).copied().collect::<Vec<_>>().join("\n"))
        .env("RUST_BACKTRACE", backtrace)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// A conversation with this title and text, in an export of its own.
fn export(title: &str, text: &str) -> tempfile::TempDir {
    let json = format!(
        r#"[{{"title":"{title}","id":"b","create_time":1700000000,"current_node":"b","mapping":{{"b":{{"id":"b",
        "parent":null,"children":[],"message":{{"id":"b","author":{{"role":"user"}},"content":{{"content_type":"text",
        "parts":["{text}"]}}}}}}}}}}]"#
    );
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("conversations.json"), json).unwrap();
    folder
}

const LAYING_OUT: &str = "a deliberate bug while laying out";
const SCHEDULING: &str = "a deliberate bug while scheduling";

#[test]
fn a_bug_ends_a_command_with_one_line_that_says_where_and_nothing_of_the_chat() {
    let scratch = tempfile::tempdir().unwrap();
    let into = scratch.path().join("into");
    for (title, text) in [(LAYING_OUT, "Tea"), ("Tea", SCHEDULING)] {
        let source = export(title, text);
        let source = source.path().to_str().unwrap();
        for (words, code) in [
            (vec!["ls", source], 1),
            (vec!["cat", source, ".gptfs/status"], 1),
            (vec!["check", source], 1),
            (vec!["info", source], 1),
            (vec!["diff", source, source], 1),
            (vec!["export", source, into.to_str().unwrap()], 1),
            // Where 1 says that nothing was found.
            (vec!["grep", "Tea", source], 2),
            (vec!["mount", source, into.to_str().unwrap()], 1),
            (vec!["mount", "-f", source, into.to_str().unwrap()], 1),
        ] {
            let output = gptfs(&[&words[..], &["--no-cache", "--jobs", "2"]].concat(), "0");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{words:?}: {said}");
            assert_eq!(said.lines().count(), 1, "{words:?}: {said}");
            assert!(said.starts_with("gptfs: ") && said.contains("a bug in gptfs"), "{words:?}: {said}");
            assert!(said.contains("tests") && said.contains(".rs:"), "{words:?}: {said}");
            assert!(said.contains("please report") && !said.contains("deliberate"), "{words:?}: {said}");
            assert!(!into.exists(), "{words:?}");
        }
    }
}

#[test]
fn developers_can_ask_for_the_message_of_a_panic() {
    let source = export(LAYING_OUT, "Tea");
    let output = gptfs(&["ls", source.path().to_str().unwrap(), "--no-cache"], "1");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(LAYING_OUT) && said.contains("\ngptfs: this is a bug"), "{said}");
}
