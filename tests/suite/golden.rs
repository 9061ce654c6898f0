//! Golden trees: for every case in `fixtures/chatgpt/`, the export made of its one conversation and its files
//! becomes exactly its expected tree, names and bytes.
//!
//! A case is a directory named like its test: `conversation.json`, perhaps `export/` (further entries of the
//! archive), and `expected/`. `GPTFS_BLESS=1` rewrites `expected/`; read the difference before you commit it.

use crate::support::{Scratch, Tree, Zip, array, exported, fixtures};
use std::fs;

/// One test a case, and one that no case lacks its test.
macro_rules! cases {
    ($($case:ident)*) => {
        $(#[test] fn $case() { check(stringify!($case)); })*

        #[test]
        fn every_case_has_its_test() {
            let mut found: Vec<String> = fs::read_dir(fixtures().join("chatgpt"))
                .expect("fixtures/chatgpt")
                .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
                .collect();
            found.sort();
            let mut listed: Vec<&str> = vec![$(stringify!($case)),*];
            listed.sort_unstable();
            assert_eq!(found, listed);
        }
    };
}

#[track_caller]
fn check(case: &str) {
    let directory = fixtures().join("chatgpt").join(case);
    let conversation = fs::read_to_string(directory.join("conversation.json")).expect("conversation.json");
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations.json", array(&[&conversation]))
        .tree(&Tree::read(&directory.join("export")));
    let got = exported(&scratch.zip("export.zip", &zip));
    let expected = directory.join("expected");
    if std::env::var_os("GPTFS_BLESS").is_some() {
        got.write(&expected);
    }
    got.assert_is(&Tree::read(&expected), case);
}

cases! {}
