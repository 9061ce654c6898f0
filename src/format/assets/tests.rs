mod attached;

use super::library::Artifact;
use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const UPLOAD: &str = "file-AbcdefghijAbcdefghij01";
const PICTURE: &str = "file_000000000000000000000000000000d0";
const CONVERSATION: &str = "00000000-0000-4000-8000-000000005000";

/// Entries of 16 bytes, and what their first bytes are.
struct TestEntries(Vec<String>, Box<dyn Fn(EntryRef) -> Option<Vec<u8>> + Send + Sync>);

impl Candidates for TestEntries {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn get(&self, at: usize) -> Option<Candidate<'_>> {
        let entry = EntryRef { archive: 0, entry: u32::try_from(at).unwrap() };
        Some(Candidate { entry, path: self.0.get(at)?, bytes: 16 })
    }

    fn read(&self, entry: EntryRef, most: usize) -> Option<Vec<u8>> {
        assert_eq!(most, 512);
        (self.1)(entry)
    }
}

fn candidates(
    paths: &[&str],
    read: impl Fn(EntryRef) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> Box<dyn Candidates> {
    Box::new(TestEntries(paths.iter().map(|&path| path.to_owned()).collect(), Box::new(read)))
}

fn assets(paths: &[&str], side: SideFiles) -> Assets {
    Assets::new(candidates(paths, |_| Some(b"\x89PNG\r\n\x1a\n".to_vec())), side)
}

fn file(id: &str, kind: FileKind) -> FileRef<'_> {
    FileRef { id: id.into(), kind, ..FileRef::default() }
}

/// Entry, name and extension of what is found for a pointer.
fn found(assets: &Assets, id: &str) -> Option<(u32, Option<String>, Option<String>)> {
    let found =
        assets.resolve(&file(id, FileKind::Image), CONVERSATION, "m1", Timestamp::from_number(100.0))?;
    Some((found.entry.entry, found.name, found.extension))
}

#[allow(clippy::unnecessary_wraps, reason = "compared with what is found")]
fn some(
    entry: u32,
    name: Option<&str>,
    extension: Option<&str>,
) -> Option<(u32, Option<String>, Option<String>)> {
    Some((entry, name.map(str::to_owned), extension.map(str::to_owned)))
}

#[test]
fn an_id_is_the_beginning_of_a_name_at_a_words_end() {
    for (base, id) in [
        ("file-AbcdefghijAbcdefghij01-map of town.png", Some(UPLOAD)),
        ("file-AbcdefghijAbcdefghij01.dat", Some(UPLOAD)),
        ("file-AbcdefghijAbcdefghij01", Some(UPLOAD)),
        ("file_000000000000000000000000000000d0-sanitized.png", Some(PICTURE)),
        ("file_000000000000000000000000000000d0#p_0.png", Some(PICTURE)),
        ("file-short.png", None),
        ("file-AbcdefghijAbcdefghij01ü", None),
        ("file_00000000000000000000000000000xyz", None),
        ("map.png", None),
    ] {
        assert_eq!(asset_id(base), id, "{base}");
    }
}

#[test]
fn names_of_their_own_are_found_in_any_folder() {
    let upload = format!("user-x/{UPLOAD}-map.png");
    let picture = format!("dalle-generations/{PICTURE}-{CONVERSATION}.webp");
    let assets = assets(&[&upload, &picture], SideFiles::default());
    assert_eq!(found(&assets, UPLOAD), some(0, Some("map.png"), Some("png")));
    assert_eq!(found(&assets, PICTURE), some(1, None, Some("webp")));
    assert_eq!(found(&assets, "file-Unknown00000000000000"), None);
}

#[test]
fn a_dat_file_takes_its_name_from_the_map_then_the_library_then_its_bytes() {
    let (a, b, c) = (format!("{UPLOAD}.dat"), format!("{PICTURE}.dat"), "file-Third0000000000000000.dat");
    let side = SideFiles {
        names: vec![(a.clone(), "my/cat.png".into()), (b.clone(), CONVERSATION.into())],
        library: parse_library(
            format!(r#"[{{"id": {{"id": "libfile_1"}}, "file_id": "{PICTURE}", "file_name": "dog", "mime_type": "image/webp"}}, 3]"#)
                .as_bytes(),
        ),
        ..SideFiles::default()
    };
    let assets = assets(&[&a, &b, c], side);
    assert_eq!(found(&assets, UPLOAD), some(0, Some("cat.png"), Some("png")));
    assert_eq!(found(&assets, PICTURE), some(1, Some("dog"), Some("webp")));
    assert_eq!(found(&assets, "libfile_1"), some(1, Some("dog"), Some("webp")));
    assert_eq!(found(&assets, "file-Third0000000000000000"), some(2, None, Some("png")));
}

#[test]
fn a_name_wins_over_a_dat_and_pages_of_a_pdf_never_stand_for_it() {
    let paths =
        [format!("{UPLOAD}_data/{UPLOAD}-1.jpg"), format!("{UPLOAD}.dat"), format!("{UPLOAD}-paper.pdf")];
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    assert_eq!(found(&assets(&paths, SideFiles::default()), UPLOAD).map(|found| found.0), Some(2));
    // Of two with a name, or without one, it is the first.
    for ending in ["-a.png", ".dat"] {
        let paths = [format!("x/{UPLOAD}{ending}"), format!("y/{UPLOAD}{ending}")];
        let paths: Vec<_> = paths.iter().map(String::as_str).collect();
        assert_eq!(found(&assets(&paths, SideFiles::default()), UPLOAD).map(|found| found.0), Some(0));
    }
}

#[test]
fn the_viewers_table_leads_to_paths() {
    let json = r#"{"file-service://file-x": "./a/b.png", "sediment://file_y#z": {"file_path": "c.wav"}, "file_z": "gone", "n": null}"#;
    // The paths of the second archive begin with the viewer's folder.
    for (folder, paths) in [("", ["c.wav", "a/b.png"]), ("viewer/", ["viewer/c.wav", "viewer/a/b.png"])] {
        let side = SideFiles { pointers: parse_pointers(json.as_bytes(), folder), ..SideFiles::default() };
        let assets = assets(&paths, side);
        let entries = ["file-x", "file_y", "file_z"].map(|id| found(&assets, id).map(|found| found.0));
        assert_eq!(entries, [Some(1), Some(0), None]);
    }
}

#[test]
fn the_library_knows_where_a_picture_came_from() {
    let record = |file_id: &str, rest: &str| {
        format!(
            r#"{{"file_id": "{file_id}", "library_file_category": "image", "origination_thread_id": "{CONVERSATION}", {rest}}}"#
        )
    };
    let (a, b) = ("file_000000000000000000000000000000a1", "file_000000000000000000000000000000b2");
    let library = |rest: &str, other: &str| {
        let json = format!("[{}, {}]", record(a, rest), record(b, other));
        let side = SideFiles { library: parse_library(json.as_bytes()), ..SideFiles::default() };
        assets(&[&format!("{a}.dat"), &format!("{b}.dat")], side)
    };
    let at =
        |seconds: u32| format!(r#""created_at": "1970-01-01T00:{:02}:{:02}Z""#, seconds / 60, seconds % 60);
    let entry = |assets: &Assets| found(assets, "file_elsewhere").map(|found| found.0);
    let of_message = library(r#""origination_message_id": "m0""#, r#""origination_message_id": "m1""#);
    assert_eq!(entry(&of_message), Some(1));
    // The message is of second 100: the first picture made after it is its own.
    assert_eq!(entry(&library(&at(99), &at(130))), Some(1));
    assert_eq!(entry(&library(&at(99), &at(98))), None);
    assert_eq!(entry(&library(&at(99), &at(3000))), None);
}

#[test]
fn a_picture_of_a_message_is_one_of_any_origin_and_nothing_else() {
    let entry = |category: &str, kind: FileKind| {
        let json = format!(r#"[{{"file_id": "{PICTURE}", {category} "origination_message_id": "m1"}}]"#);
        let side = SideFiles { library: parse_library(json.as_bytes()), ..SideFiles::default() };
        let assets = assets(&[&format!("{PICTURE}.dat")], side);
        let found = assets.resolve(&file("file_elsewhere", kind), CONVERSATION, "m1", None)?;
        Some(found.entry.entry)
    };
    let (picture, other) = (r#""mime_type": "image/png","#, r#""mime_type": "text/csv","#);
    for (category, kind, expected) in [
        (picture, FileKind::Image, Some(0)),
        (picture, FileKind::Plot, Some(0)),
        (picture, FileKind::Other, None),
        (other, FileKind::Other, Some(0)),
        (other, FileKind::Plot, None),
    ] {
        assert_eq!(entry(category, kind), expected, "{category} {kind:?}");
    }
}

#[test]
fn a_record_says_how_its_file_came_into_the_library() {
    let read = |rest: &str| {
        let [record] = parse_library(format!(r#"[{{"id": "x", {rest}}}]"#).as_bytes()).try_into().unwrap();
        (record.kind, record.artifact)
    };
    for (rest, expected) in [
        (r#""image_gen_generation_id": "g""#, (FileKind::Image, Artifact::Made)),
        (r#""image_gen_generation_id": null"#, (FileKind::Other, Artifact::Given)),
        (r#""library_artifact_type": "spreadsheet""#, (FileKind::Other, Artifact::Made)),
        (
            r#""library_artifact_type": "spreadsheet", "deleted_at": "2026-01-01""#,
            (FileKind::Other, Artifact::Given),
        ),
        (r#""library_artifact_type": "spreadsheet", "trashed_at": 1"#, (FileKind::Other, Artifact::Given)),
        (r#""library_artifact_type": "spreadsheet", "trashed_at": false"#, (FileKind::Other, Artifact::Made)),
        (r#""library_artifact_type": "writing_block""#, (FileKind::Other, Artifact::Given)),
    ] {
        assert_eq!(read(rest), expected, "{rest}");
    }
}

#[test]
fn a_sandbox_path_is_a_file_of_that_name_in_the_same_conversation() {
    let record = |thread: &str| {
        format!(r#"{{"file_id": "{UPLOAD}", "file_name": "x.csv", "origination_thread_id": "{thread}"}}"#)
    };
    let with = |json: String| {
        let side = SideFiles { library: parse_library(json.as_bytes()), ..SideFiles::default() };
        assets(&[&format!("{UPLOAD}.dat")], side)
    };
    let here = with(format!("[{}]", record(CONVERSATION)));
    assert_eq!(found(&here, "/mnt/data/x.csv"), some(0, Some("x.csv"), Some("csv")));
    assert_eq!(found(&here, "/mnt/data/y.csv"), None);
    assert_eq!(found(&with(format!("[{}]", record("elsewhere"))), "/mnt/data/x.csv"), None);
    let twice = with(format!("[{}, {}]", record(CONVERSATION), record(CONVERSATION)));
    assert_eq!(found(&twice, "/mnt/data/x.csv"), None);
}

#[test]
fn the_only_picture_in_a_conversations_folder_is_meant_and_one_of_two_is_not() {
    let one = format!("{CONVERSATION}/image/a.png");
    let two = format!("{CONVERSATION}/image/b.png");
    assert_eq!(found(&assets(&[&one], SideFiles::default()), "file_elsewhere").map(|f| f.0), Some(0));
    assert_eq!(found(&assets(&[&one, &two], SideFiles::default()), "file_elsewhere"), None);
}

#[test]
fn first_bytes_are_read_once_and_only_if_nothing_else_tells() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    let read = move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        None
    };
    let assets = Assets::new(candidates(&[&format!("{UPLOAD}.dat")], read), SideFiles::default());
    let named = FileRef { name: Some("a.png".into()), ..file(UPLOAD, FileKind::Image) };
    assets.resolve(&named, "", "", None).unwrap();
    assert_eq!(reads.load(Ordering::Relaxed), 0);
    for _ in 0..3 {
        assets.resolve(&file(UPLOAD, FileKind::Image), "", "", None).unwrap();
    }
    assert_eq!(reads.load(Ordering::Relaxed), 1);
}

#[test]
fn orphans_are_users_files_that_nothing_points_to() {
    let paths = [
        "user.json".to_owned(),
        format!("{UPLOAD}-map.png"),
        format!("x/{PICTURE}.dat"),
        "dalle-generations/a.webp".to_owned(),
        "personal/files/..\\..\\evil.png".to_owned(),
        "b.dat".to_owned(),
        format!("{CONVERSATION}/audio/voice.wav"),
    ];
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let used = HashSet::from([EntryRef { archive: 0, entry: 1 }]);
    let side = SideFiles { names: vec![("b.dat".into(), "cat.png".into())], ..SideFiles::default() };
    let orphans = assets(&paths, side).orphans(&used);
    let names: Vec<_> = orphans.iter().map(|orphan| (orphan.name.as_ref(), orphan.entry.entry)).collect();
    let expected =
        [("file_000000000000000000000000000000d0.png", 2), ("a.webp", 3), ("cat.png", 5), ("voice.wav", 6)];
    assert_eq!(names, expected);
}

#[test]
fn side_files_that_are_something_else_are_empty() {
    for json in ["", "null", "[]", "{}", "{\"a\": 1}", "[1, null]", "{"] {
        assert_eq!(parse_names(json.as_bytes()), [], "{json}");
        assert_eq!(parse_pointers(json.as_bytes(), ""), [], "{json}");
        assert_eq!(parse_library(json.as_bytes()), [], "{json}");
    }
}
