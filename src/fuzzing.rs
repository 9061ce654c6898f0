//! Entry points for fuzzing, shared by the targets in `fuzz/` and the mutation tests.
//!
//! Each takes hostile bytes, runs one part of the program on them, and panics if a property does not hold. Refusing the
//! input is fine.

use crate::archive::Limits;
use crate::catalog::Catalog;
use crate::error::ErrorKind;
use crate::format::scan::{Body, Level, Scanner};
use crate::fs::{Fs, InodeKind, Library as _};
use crate::index::{Index, IndexCache, IndexOptions};
use crate::layout::Layout;
use crate::name::{FileName, fold};
use crate::progress::Progress;
use crate::time::Zone;
use crate::{archive, render, source};
use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// Opens an export of any form, and asserts that every listed file has the size that its bytes have, and a name that is
/// portable and unique. Returns false if the input is refused.
pub fn export(bytes: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("export");
    fs::write(&path, bytes).expect("a file");
    let Some(fs) = tree(&path, None) else { return false };
    let mut names = HashSet::new();
    for entry in fs.walk() {
        let name = entry.path.rsplit('/').next().unwrap_or_default();
        assert!(name.len() <= 255 && !name.is_empty(), "{name:?}");
        assert!(!name.contains(|c: char| c.is_control() || "/\\:*?\"<>|".contains(c)), "{name:?}");
        assert!(names.insert(fold(&entry.path)), "{:?} twice", entry.path);
        if entry.attr.kind != InodeKind::Directory {
            // What the archive can't deliver is an error, never other bytes.
            match fs.read(entry.attr.ino, 0, entry.attr.size as usize + 1) {
                Ok(read) => assert_eq!(read.len() as u64, entry.attr.size, "{:?}", entry.path),
                Err(error) => assert_ne!(error.kind(), ErrorKind::Unexpected, "{:?}: {error}", entry.path),
            }
        }
    }
    true
}

fn tree(path: &Path, cache: Option<&IndexCache>) -> Option<Fs> {
    // Bounds keep one input cheap.
    let limits = Limits { max_bytes: 16 << 20, ..Limits::default() };
    let export = source::open(&[path.to_owned()], &limits).ok()?;
    let options = IndexOptions { jobs: 1, ..IndexOptions::new(render::Options::new(Zone::utc())) };
    let index = Index::find_or_build(export, &options, cache, None, &Progress::default());
    let index = index.inspect_err(|error| assert_no_bug(&error.to_string())).ok()?;
    for problem in &index.catalog().problems {
        assert_no_bug(&problem.reason);
    }
    let layout = Layout::new(index.catalog(), &Zone::utc());
    Some(Fs::new(Arc::new(index), layout, 1 << 20))
}

/// Asserts that this is not about a panic that was caught.
pub(crate) fn assert_no_bug(reason: &str) {
    assert!(!reason.contains("a bug in gptfs"), "{reason}");
}

/// Shows `text` as an answer and as a question: their pages must be as long as they were measured.
pub fn answer(text: &[u8]) {
    let text = serde_json::Value::from(String::from_utf8_lossy(text)).to_string();
    let message = |role: &str, id: u32, parent: &str| {
        format!(
            r#""{id}":{{"id":"{id}","parent":{parent},"message":{{"id":"{id}","author":{{"role":"{role}"}},"content":{{"content_type":"text","parts":[{text}]}},"metadata":{{"search_result_groups":[{{"entries":[{{"url":"https://example.org/","title":"E","ref_id":{{"turn_index":0,"ref_type":"search","ref_index":0}}}}]}}]}}}}}}"#
        )
    };
    let (question, answer) = (message("user", 1, "null"), message("assistant", 2, "\"1\""));
    let json = format!(
        r#"[{{"id":"a","title":{text},"create_time":1,"current_node":"2","mapping":{{{question},{answer}}}}}]"#
    );
    assert!(export(json.as_bytes()), "a sound export is refused");
}

/// Finds the same elements with every instruction set, and however the input is cut.
pub fn scan(bytes: &[u8]) {
    let scanned = |level: Level, chunk: usize| {
        let (mut scanner, mut found) = (Scanner::with_level(1 << 20, level), Vec::new());
        let mut take = |element: crate::format::scan::Element<'_>| {
            let body = match &element.body {
                Body::Whole(body) => Some(body.to_vec()),
                Body::TooLarge { .. } | Body::NoMemory { .. } => None,
            };
            found.push((element.start, element.end, body));
        };
        for part in bytes.chunks(chunk) {
            scanner.feed(part, &mut take);
        }
        let end = scanner.finish(&mut take);
        (found, end)
    };
    let whole = bytes.len().max(1);
    let expected = scanned(Level::best(), whole);
    for level in Level::available() {
        assert_eq!(scanned(level, whole), expected, "{level:?}");
        assert_eq!(scanned(level, 7), expected, "{level:?} in chunks of 7");
    }
}

/// Makes names that keep their promises of any text.
pub fn name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for name in [FileName::for_title(Some(&text)), FileName::for_file(&text)] {
        assert_eq!(FileName::new(name.as_str()).as_ref(), Some(&name), "{name:?} is not a name");
        let suffixed = name.with_suffix("-6c74a896");
        assert!(suffixed.as_str().len() <= 255 && FileName::new(suffixed.as_str()).is_some(), "{suffixed:?}");
        assert_eq!(fold(&fold(name.as_str())), fold(name.as_str()));
    }
    assert_eq!(FileName::for_file(FileName::for_file(&text).as_str()), FileName::for_file(&text));
}

/// Inflates a raw stream, for comparison with another implementation. `None` if it is not one.
pub fn inflate(bytes: &[u8], limit: usize) -> Option<Vec<u8>> {
    archive::inflate::whole_stream(bytes, limit)
}

/// Loads a saved index whose catalog is `catalog`, with valid checksums: it is used or ignored, never trusted blindly.
pub fn saved_catalog(catalog: &[u8]) {
    if let Ok((_, catalog)) = postcard::from_bytes::<(String, Catalog)>(catalog) {
        let layout = Layout::new(&catalog, &Zone::utc());
        drop(layout);
    }
}

#[cfg(test)]
mod tests;
