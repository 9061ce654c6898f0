//! Words and constructions that must not come back: calques, archaisms, and private words where the field has its own.
//!
//! Looks at everything people read: comments, documents, messages and the names of functions.

use crate::house::{root, rust_files};
use std::fs;

/// What to write instead, for each phrase. Phrases are in lower case and match whole words, also across line breaks.
const PHRASES: &[(&str, &str)] = &[
    ("apart by", "separated by, one per"),
    ("are called by", "are labelled with, are named after"),
    ("are none", "are missing, are invalid"),
    ("as a rule", "usually"),
    ("at last", "finally"),
    ("at one go", "in one sitting"),
    ("beside each other", "side by side"),
    ("dead or alive", "say which"),
    ("do not nod", "say what the test checks"),
    ("for ever", "forever, without end"),
    ("for so many", "the number that"),
    ("glance", "hints"),
    ("hang together", "are linked"),
    ("in whatever case", "ignoring case"),
    ("is called by", "is labelled with, is named after"),
    ("is no text", "is not text, is invalid"),
    ("is none", "is not one, is missing"),
    ("its like", "similar"),
    ("lies behind", "follows"),
    ("linger", "busy poll"),
    ("machinery", "hidden messages"),
    ("of which", "whose, or two sentences"),
    ("put right", "adjusted"),
    ("seldom", "rarely"),
    ("so many bytes", "the number of bytes"),
    ("so that nothing of", "rephrase with a verb"),
    ("stands", "is, appears, occurs"),
    ("tells whether", "returns true if"),
    ("that are none", "that are invalid"),
    ("that is none", "that is invalid"),
    ("tolerant", "lenient"),
    ("what becomes of", "what happens to, how … is shown"),
    ("what is no", "what is not"),
    ("what is not there", "what is missing"),
    ("whatever its case", "ignoring case"),
    ("who asks", "a caller"),
    ("who comes", "a request that arrives"),
    ("who reads", "a reader"),
    ("who waits", "a waiter"),
    ("whoever", "the reader, the caller"),
];

/// Words that "who" may refer to.
const ANTECEDENTS: &[&str] =
    &["anyone ", "everyone ", "nobody ", "one ", "people ", "reader ", "somebody ", "those ", "user "];

/// Folders and documents whose text is checked.
const FOLDERS: &[&str] = &["src", "tests", "benches"];
const DOCUMENTS: &[&str] =
    &["README.md", "DEVELOPING.md", "SEMANTICS.md", "SECURITY.md", "fixtures/README.md", "fuzz/README.md"];

/// Text in lower case, with comment markers and line breaks removed, and names of functions split into words.
fn readable(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = line.trim_start();
        let line = line.trim_start_matches(['/', '!']).trim();
        if line.contains("fn ") { line.replace('_', " ") } else { line.to_owned() }
    });
    let joined = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The phrases in `text`, each with its surroundings.
fn faults(text: &str) -> Vec<String> {
    let text = readable(text);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for (phrase, better) in PHRASES {
        for (at, _) in text.match_indices(phrase) {
            let end = at + phrase.len();
            let inside = text[..at].ends_with(is_word) || text[end..].starts_with(is_word);
            // `x.is_none()` is not prose, and "there is none" and "everyone who asks" are English.
            let before = &text[..at];
            let fine = before.ends_with('.')
                || before.ends_with("there ")
                || (*phrase == "stands"
                    && (text[end..].starts_with(" for") || text[end..].starts_with(" in for")))
                || (*phrase == "of which" && before.ends_with("each "))
                || (phrase.starts_with("who ") && ANTECEDENTS.iter().any(|word| before.ends_with(word)));
            if !inside && !fine {
                let from = text[..at].char_indices().rev().nth(30).map_or(0, |(from, _)| from);
                let to = text[end..].char_indices().nth(30).map_or(text.len(), |(to, _)| end + to);
                found.push(format!("“…{}…”: write {better}", &text[from..to]));
            }
        }
    }
    found
}

#[test]
fn no_phrase_of_the_list_is_used() {
    let mut found = Vec::new();
    for folder in FOLDERS {
        let mut files = rust_files(&root().join(folder));
        // This file lists the phrases.
        files.remove("suite/english");
        for (file, text) in files {
            found.extend(faults(&text).into_iter().map(|fault| format!("{folder}/{file}.rs: {fault}")));
        }
    }
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).expect(document);
        found.extend(faults(&text).into_iter().map(|fault| format!("{document}: {fault}")));
    }
    assert!(found.is_empty(), "{} faults:\n{}", found.len(), found.join("\n"));
}

#[test]
fn phrases_are_found_across_lines_and_in_names_but_not_inside_words() {
    let code = "// A reader waits for\n    // ever.\nfn a_time_that_is_none() {}\nlet x = y.is_none(); // understands";
    let found = faults(code);
    assert_eq!(found.len(), 3, "{found:#?}");
    assert!(found[0].contains("for ever") && found[1].contains("is none"), "{found:#?}");
}
