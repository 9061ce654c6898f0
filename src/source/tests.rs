//! Every form in which an export arrives, each as small as possible.

mod several;

use super::*;
use std::io::{Cursor, Write};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

const ONE: &str = r#"[{"id":"1","mapping":{}}]"#;

fn zip_with(method: CompressionMethod, entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A ZIP in which every entry contains one conversation.
fn zip(names: &[&str]) -> Vec<u8> {
    let entries: Vec<_> = names.iter().map(|name| (*name, ONE.as_bytes())).collect();
    zip_with(CompressionMethod::DEFLATE, &entries)
}

fn manifest(shards: &[&str]) -> String {
    format!(
        r#"{{"version":1,"logical_files":{{"conversations.json":{{"sharded":true,"files":{shards:?}}},
        "user.json":{{"sharded":false,"files":["user.json"]}}}}}}"#
    )
}

struct TestFolder(tempfile::TempDir);

impl TestFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let place = Self::new();
        place.put(name, bytes);
        place
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn open(&self, name: &str) -> Result<Export> {
        open(&[self.0.path().join(name)], &Limits::default())
    }

    /// The kind of the error, and its message without the directory.
    fn fails(&self, name: &str) -> (ErrorKind, String) {
        let error = self.open(name).unwrap_err();
        (error.kind(), error.to_string().replace(&format!("{}/", self.0.path().display()), ""))
    }
}

fn shards(export: &Export) -> Vec<&str> {
    export.shards.iter().map(|shard| shard.name.as_str()).collect()
}

fn names<'a>(export: &'a Export, entries: &[EntryRef]) -> Vec<&'a str> {
    entries.iter().map(|&at| export.entry(at).unwrap().name).collect()
}

fn problems(export: &Export) -> Vec<(&str, &str)> {
    export.problems.iter().map(|problem| (&*problem.subject, &*problem.reason)).collect()
}

#[test]
fn a_single_file_at_the_top_is_an_export() {
    let place =
        TestFolder::with("x.zip", zip(&["chat.html", "conversations.json", "user.json", "file-a-b.png"]));
    let export = place.open("x.zip").unwrap();
    assert_eq!(export.name, "x.zip");
    assert_eq!(shards(&export), ["conversations.json"]);
    assert_eq!(export.shards[0].shape, Shape::Json);
    assert_eq!(names(&export, &export.files), ["file-a-b.png"]);
    assert_eq!(names(&export, &export.side.viewer), ["chat.html"]);
    assert_eq!(names(&export, &export.side.user), ["user.json"]);
    assert_eq!(export.form.to_string(), "single conversations.json");
    assert_eq!(problems(&export), []);
}

#[test]
fn shards_come_in_the_order_of_their_numbers() {
    let place = TestFolder::with(
        "x.zip",
        zip(&[
            "conversations-010.json",
            "conversations-1000.json",
            "conversations-002.json",
            "conversations-01.json",
        ]),
    );
    let export = place.open("x.zip").unwrap();
    assert_eq!(
        shards(&export),
        [
            "conversations-01.json",
            "conversations-002.json",
            "conversations-010.json",
            "conversations-1000.json"
        ]
    );
    let gap = "missing between the numbered conversation files";
    assert_eq!(
        problems(&export),
        [
            ("conversations-000.json", gap),
            ("conversations-003.json to conversations-009.json", gap),
            ("conversations-011.json to conversations-999.json", gap),
        ]
    );
    assert_eq!(export.form.to_string(), "sharded (4 shards)");
}

#[test]
fn shards_without_leading_zeros_count_from_one() {
    let place = TestFolder::with("x.zip", zip(&["conversations-1.json", "conversations-2.json"]));
    assert_eq!(problems(&place.open("x.zip").unwrap()), []);
}

#[test]
fn a_manifest_orders_shards_and_names_the_absent_ones() {
    let listed = manifest(&["conversations-001.json", "conversations-000.json", "conversations-003.json"]);
    let place = TestFolder::with(
        "x.zip",
        zip_with(
            CompressionMethod::DEFLATE,
            &[
                ("export_manifest.json", listed.as_bytes()),
                ("sites/export_manifest.json", br#"{"logical_files":{}}"#),
                ("conversations-000.json", ONE.as_bytes()),
                ("conversations-001.json", ONE.as_bytes()),
                ("conversations-002.json", ONE.as_bytes()),
                ("file-a.dat", b"PK"),
            ],
        ),
    );
    let export = place.open("x.zip").unwrap();
    assert_eq!(
        shards(&export),
        ["conversations-001.json", "conversations-000.json", "conversations-002.json"]
    );
    assert_eq!(
        problems(&export),
        [(
            "conversations-003.json",
            "listed in the export's manifest, but not there; its conversations are missing"
        )]
    );
    assert_eq!(export.form.to_string(), "sharded (3 shards, manifest)");
    assert_eq!(names(&export, &export.files), ["file-a.dat"]);
}

#[test]
fn a_manifest_cannot_lead_out_of_the_archive() {
    let listed = manifest(&["../../etc/passwd", "/etc/passwd.json", "conversations-000.json"]);
    let place = TestFolder::new();
    place.put("x/export_manifest.json", listed);
    place.put("x/conversations-000.json", ONE);
    place.put("etc/passwd.json", ONE);
    let export = place.open("x").unwrap();
    assert_eq!(shards(&export), ["conversations-000.json"]);
    assert_eq!(problems(&export)[0].0, "passwd.json");
}

#[test]
fn a_broken_manifest_is_only_a_problem() {
    let place = TestFolder::with(
        "x.zip",
        zip_with(
            CompressionMethod::Stored,
            &[("export_manifest.json", b"{"), ("conversations-000.json", ONE.as_bytes())],
        ),
    );
    let export = place.open("x.zip").unwrap();
    assert_eq!(shards(&export), ["conversations-000.json"]);
    assert!(problems(&export)[0].1.starts_with("not a manifest; ignored"));
}

#[test]
fn if_both_forms_exist_both_are_read_shards_first() {
    let place = TestFolder::with("x.zip", zip(&["conversations.json", "conversations-000.json"]));
    let export = place.open("x.zip").unwrap();
    assert_eq!(shards(&export), ["conversations-000.json", "conversations.json"]);
    assert_eq!(export.form.to_string(), "sharded (1 shard) and conversations.json");
}

#[test]
fn a_rezipped_export_has_leading_folders_and_junk() {
    let place = TestFolder::with(
        "x.zip",
        zip(&[
            "__MACOSX/a/b/._conversations.json",
            "a/.DS_Store",
            "a/b/._conversations.json",
            "a/b/conversations.json",
            "a/b/tmp/user.json",
            "a/b/file-x.png",
            "a/b/user-1/2/conversations.json",
        ]),
    );
    let export = place.open("x.zip").unwrap();
    assert_eq!(shards(&export), ["a/b/conversations.json"]);
    assert_eq!(names(&export, &export.files), ["a/b/file-x.png", "a/b/user-1/2/conversations.json"]);
    assert_eq!(names(&export, &export.side.user), ["a/b/tmp/user.json"]);
}

#[test]
fn exports_side_by_side_in_one_zip_are_all_read() {
    let place = TestFolder::with("x.zip", zip(&["new/conversations-000.json", "old/conversations.json"]));
    assert_eq!(
        shards(&place.open("x.zip").unwrap()),
        ["new/conversations-000.json", "old/conversations.json"]
    );
}

#[test]
fn a_container_yields_its_groups_and_parts_stored_or_deflated() {
    let shards_of_one = zip_with(
        CompressionMethod::DEFLATE,
        &[
            (
                "export_manifest.json",
                manifest(&["conversations-000.json", "conversations-001.json"]).as_bytes(),
            ),
            ("conversations-000.json", ONE.as_bytes()),
        ],
    );
    let second_part = zip(&["conversations-001.json", "file-a.dat"]);
    let other_group = zip(&["conversations.json"]);
    for method in [CompressionMethod::Stored, CompressionMethod::DEFLATE] {
        let outer = zip_with(
            method,
            &[
                ("OpenAI-export/report.html", b"<html>"),
                (
                    "OpenAI-export/User Online Activity/Conversations__ab-chatgpt-0001-part-0002.zip",
                    &second_part,
                ),
                (
                    "OpenAI-export/User Online Activity/Conversations__ab-chatgpt-0001-part-0001.zip",
                    &shards_of_one,
                ),
                ("OpenAI-export/User Online Activity/Conversations__ab-chatgpt-0002.zip", &other_group),
                ("OpenAI-export/User Online Activity/Files__ab-files-0001.zip", &other_group),
                ("OpenAI-export/Emails sent.csv", b"a,b"),
            ],
        );
        let export = TestFolder::with("x.zip", outer).open("x.zip").unwrap();
        assert_eq!(
            shards(&export),
            ["conversations-000.json", "conversations-001.json", "conversations.json"]
        );
        let archives: Vec<_> = export.shards.iter().map(|shard| shard.entry.archive).collect();
        assert_eq!(archives, [0, 1, 2]);
        assert_eq!(names(&export, &export.files), ["file-a.dat"]);
        assert_eq!(problems(&export), []);
        assert_eq!(
            export.form.to_string(),
            "privacy-portal container (2 groups, 3 parts), sharded (2 shards, manifest) and conversations.json"
        );
        let mut text = Vec::new();
        let length = ONE.len() as u64;
        export.archives[1].read_range(export.shards[1].entry.entry, 0, length, &mut text).unwrap();
        assert_eq!(text, ONE.as_bytes());
    }
}

#[test]
fn zips_are_opened_two_levels_deep_and_no_deeper() {
    let mut nested = zip(&["conversations.json"]);
    for level in 1..=3 {
        nested = zip_with(CompressionMethod::Stored, &[("Conversations__x.zip", &nested)]);
        let place = TestFolder::with("x.zip", &nested);
        assert_eq!(place.open("x.zip").is_ok(), level <= 2, "{level}");
    }
}

#[test]
fn uploads_that_look_like_exports_are_ignored() {
    let decoy = zip(&["conversations.json"]);
    let entries: &[(&str, &[u8])] = &[
        ("personal/files/conversations.json", ONE.as_bytes()),
        ("personal/files/Conversations__x.zip", &decoy),
        ("personal/files/group_chats.json", ONE.as_bytes()),
        ("sites/group_chats.json", ONE.as_bytes()),
        ("Files__ab-files-0001.zip", &decoy),
        ("file-abc.dat", &decoy),
        ("backup.zip", &decoy),
    ];
    let place = TestFolder::with("x.zip", zip_with(CompressionMethod::Stored, entries));
    let (kind, message) = place.fails("x.zip");
    assert_eq!(kind, ErrorKind::NotAnExport);
    assert!(
        message.starts_with("x.zip: no conversations found: this looks like the uploaded files"),
        "{message}"
    );
}

#[test]
fn a_multi_part_export_may_be_named_by_any_part() {
    let place = TestFolder::new();
    let first = zip_with(
        CompressionMethod::DEFLATE,
        &[
            ("export_manifest.json", manifest(&["conversations-000.json"]).as_bytes()),
            ("conversations-000.json", ONE.as_bytes()),
        ],
    );
    place.put("C__a-chatgpt-0001-part-0001.zip", first);
    place.put("C__a-chatgpt-0001-part-0002.zip", zip(&["file-a.dat"]));
    place.put("C__a-chatgpt-0001-part-0010.zip", b"broken");
    place.put("C__a-chatgpt-0002-part-0001.zip", zip(&["conversations-000.json"]));
    for name in ["C__a-chatgpt-0001-part-0001.zip", "C__a-chatgpt-0001-part-0002.zip"] {
        let export = place.open(name).unwrap();
        assert_eq!(shards(&export), ["conversations-000.json"]);
        assert_eq!(names(&export, &export.files), ["file-a.dat"]);
        assert_eq!(export.form.to_string(), "multi-part (2 parts), sharded (1 shard, manifest)");
        assert_eq!(problems(&export)[0].1, "not a zip archive (no end-of-central-directory record)");
    }
    // Named twice, read once.
    let paths = [1, 2].map(|part| place.0.path().join(format!("C__a-chatgpt-0001-part-000{part}.zip")));
    assert_eq!(open(&paths, &Limits::default()).unwrap().archives.len(), 2);
    let alone = TestFolder::with("C-part-0002.zip", zip(&["file-a.dat"]));
    assert_eq!(
        alone.fails("C-part-0002.zip").1,
        "C-part-0002.zip: no conversations found: this looks like part 2 of an export; put its part 1 beside it"
    );
}

#[test]
fn a_folder_may_hold_an_export_or_zips_of_any_name() {
    let place = TestFolder::new();
    place.put("plain/conversations.json", ONE);
    place.put("plain/user-1/file-a.png", "x");
    let export = place.open("plain").unwrap();
    assert_eq!(shards(&export), ["conversations.json"]);
    assert_eq!(names(&export, &export.files), ["user-1/file-a.png"]);
    assert_eq!(export.form.to_string(), "folder, single conversations.json");
    place.put("zips/0123abc-2025-01-01.zip", zip(&["conversations.json", "chat.html"]));
    place.put("zips/holiday.zip", zip(&["beach.jpg"]));
    place.put("zips/broken.zip", "no zip");
    let export = place.open("zips").unwrap();
    assert_eq!(shards(&export), ["conversations.json"]);
    assert_eq!(export.archives.len(), 1);
    assert_eq!(export.form.to_string(), "folder of 1 ZIP file, single conversations.json");
    assert_eq!(export.problems.len(), 1, "the broken one: {:?}", export.problems);
    // Not passed over in silence.
    place.put("zips/2024/old.zip", zip(&["conversations.json"]));
    let unopened = |export: &Export| {
        let reasons = export.problems.iter().map(|problem| problem.reason.clone());
        reasons.filter(|reason| reason.contains("not opened")).collect::<Vec<_>>()
    };
    let [one] = &unopened(&place.open("zips").unwrap())[..] else { panic!("one problem") };
    let reason = "2024/old.zip is an export too and is not opened; to show it too, name it as a source";
    assert_eq!(one, reason);
    place.put("zips/2023/12/old.zip", zip(&["conversations.json"]));
    let [both] = &unopened(&place.open("zips").unwrap())[..] else { panic!("one problem") };
    assert!(
        both.starts_with("2 ZIPs in it are exports too and are not opened, such as 2023/12/old.zip;"),
        "{both}"
    );
    place.put("zips/2023/beach.zip", zip(&["beach.jpg"]));
    assert_eq!(unopened(&place.open("zips").unwrap()), std::slice::from_ref(both), "only exports");
    // Where none is at the top, those that are nearest to it are opened.
    place.put("years/2024/a.zip", zip(&["conversations.json"]));
    place.put("years/2025/b.zip", zip(&["conversations.json"]));
    assert_eq!(place.open("years").unwrap().archives.len(), 2);
    assert_eq!(unopened(&place.open("years").unwrap()), Vec::<String>::new());
    place.put("parts/x/C__a-chatgpt-0001-part-0001.zip", zip(&["conversations-000.json"]));
    place.put("parts/x/C__a-chatgpt-0001-part-0002.zip", zip(&["file-a.dat"]));
    place.put("parts/x/other.zip", zip(&["conversations.json"]));
    let export = place.open("parts").unwrap();
    assert_eq!(shards(&export), ["conversations-000.json"]);
    assert_eq!(names(&export, &export.files), ["file-a.dat"]);
}

#[test]
fn a_bare_json_file_is_recognised_by_its_first_byte() {
    let place = TestFolder::new();
    for (name, text) in [
        ("conversations.json", ONE.to_owned()),
        ("mine.txt", format!("\u{feff} \n{ONE}")),
        ("wrapped.json", format!(r#"{{"conversations": {ONE}}}"#)),
    ] {
        place.put(name, text);
        let export = place.open(name).unwrap();
        assert_eq!(shards(&export), [name]);
        assert_eq!(export.shards[0].shape, Shape::Json);
        assert_eq!(export.form.to_string(), "bare JSON file");
    }
}

#[test]
fn the_viewer_is_the_last_resort() {
    let page = "<html><head><title>ChatGPT Data Export</title><script>var jsonData = [];</script>";
    let place =
        TestFolder::with("x.zip", zip_with(CompressionMethod::Stored, &[("a/chat.html", page.as_bytes())]));
    let export = place.open("x.zip").unwrap();
    assert_eq!((shards(&export), export.shards[0].shape), (vec!["a/chat.html"], Shape::Html));
    assert_eq!(export.form.to_string(), "chat.html only");
    place.put("chat.html", page);
    let export = place.open("chat.html").unwrap();
    assert_eq!(export.shards[0].shape, Shape::Html);
    assert_eq!(export.form.to_string(), "bare chat.html");
    place.put("page.html", "<html>hello");
    assert_eq!(
        place.fails("page.html"),
        (
            ErrorKind::NotAnExport,
            "page.html: not a ChatGPT export: this is a web page that is not the viewer of a ChatGPT export"
                .to_owned()
        )
    );
}

#[test]
fn group_chats_may_be_all_there_is() {
    for prefix in ["", "my export/", "a/b/"] {
        let (groups, user) = (format!("{prefix}group_chats.json"), format!("{prefix}user.json"));
        let upload = format!("{prefix}file-abc-backup.zip");
        let place = TestFolder::with("x.zip", zip(&[&groups, &user, &upload]));
        for name in [&groups, &user, &upload] {
            place.put(&format!("folder/{name}"), zip(&["conversations.json"]));
        }
        for (source, form) in
            [("x.zip", "group_chats.json only"), ("folder", "folder, group_chats.json only")]
        {
            let export = place.open(source).unwrap();
            assert_eq!((shards(&export), export.form.to_string()), (vec![&*groups], form.to_owned()));
            assert_eq!(names(&export, &export.side.user), [&*user], "{source}");
            assert_eq!(names(&export, &export.files), [&*upload], "{source}");
        }
    }
}

#[test]
fn conversations_of_another_assistant_beside_an_export_are_named() {
    let place = TestFolder::with(
        "x.zip",
        zip(&[
            "conversations.json",
            "prod-grok-backend.json",
            "chat-export-1744577600000.json",
            "chat-0000.json",
            "personal/files/MyActivity.json",
        ]),
    );
    let export = place.open("x.zip").unwrap();
    let problems: Vec<_> =
        export.problems.iter().map(|problem| format!("{}: {}", problem.subject, problem.reason)).collect();
    assert_eq!(
        problems,
        [
            "prod-grok-backend.json: this looks like a Grok export, which gptfs can't read; not shown",
            "chat-export-1744577600000.json: this looks like an Open WebUI export, which gptfs can't read; not shown",
        ]
    );
}

#[test]
fn a_source_that_is_not_an_export_is_described() {
    let place = TestFolder::new();
    let no = "no conversations found:";
    for (names, expected) in [
        (&["Takeout/Mail/x.mbox"][..], format!("x.zip: {no} this looks like a Google Takeout archive")),
        (
            &["ttl/30d/export_data/1/prod-grok-backend.json"],
            format!("x.zip: {no} this looks like a Grok export"),
        ),
        (&[], format!("x.zip: {no} it is empty")),
        (
            &["photo.jpg"],
            format!(
                "x.zip: {no} it has no conversations.json, conversations-000.json, group_chats.json or chat.html"
            ),
        ),
    ] {
        place.put("x.zip", zip(names));
        assert_eq!(place.fails("x.zip"), (ErrorKind::NotAnExport, expected));
    }
    std::fs::create_dir(place.0.path().join("empty")).unwrap();
    assert_eq!(place.fails("empty"), (ErrorKind::NotAnExport, format!("empty: {no} it is empty")));
    place.put("empty/.claude/conversations.json", ONE);
    let hidden = format!("empty: {no} it has only hidden files, which are not read");
    assert_eq!(place.fails("empty"), (ErrorKind::NotAnExport, hidden));
    let links = place.0.path().join("links");
    std::fs::create_dir(&links).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", links.join("conversations.json")).unwrap();
    let link = "conversations.json is a symbolic link, which is not followed";
    assert_eq!(place.fails("links"), (ErrorKind::NotAnExport, format!("links: {no} {link}")));
    std::fs::write(links.join("photo.jpg"), "").unwrap();
    assert!(place.fails("links").1.ends_with(&format!("or chat.html; {link}")));
    place.put("x.zip", renamed(zip(&["aa/conversations.json"]), "aa/conversations", "../conversations"));
    let escapes = "../conversations.json has a name that leads out of the archive";
    assert_eq!(place.fails("x.zip"), (ErrorKind::NotAnExport, format!("x.zip: {no} {escapes}")));
    assert_eq!(place.fails("gone").0, ErrorKind::Environment);
    assert_eq!(place.fails("gone").1, "gone: no such file or directory");
    place.put("text.txt", "Dear diary");
    assert_eq!(
        place.fails("text.txt"),
        (
            ErrorKind::NotAnExport,
            "text.txt: not a zip archive (no end-of-central-directory record)".to_owned()
        )
    );
}

#[test]
fn what_has_to_be_unpacked_first_is_recognised() {
    let place = TestFolder::new();
    let tar = [&[b'a'; 257][..], b"ustar\0", &[0; 249]].concat();
    for (name, start, expected) in [
        ("x.tar", &tar[..], "a tar archive; extract it and name the folder"),
        ("x.7z", b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive; extract it and name the folder"),
        ("x.zip", b"Rar!\x1a\x07\x01\0", "a RAR archive; extract it and name the folder"),
        ("x.tar.gz", b"\x1f\x8b\x08", "a tar archive, compressed with gzip; extract it and name the folder"),
        ("x.TGZ", b"\x1f\x8b\x08", "a tar archive, compressed with gzip; extract it and name the folder"),
        ("x.json.gz", b"\x1f\x8b\x08", "a file compressed with gzip; decompress it and name what comes out"),
        ("x.zst", b"\x28\xb5\x2f\xfd", "a file compressed with zstd; decompress it and name what comes out"),
        ("x.xz", b"\xfd7zXZ\0", "a file compressed with xz; decompress it and name what comes out"),
        ("x.bz2", b"BZh9", "a file compressed with bzip2; decompress it and name what comes out"),
        ("x.pdf", b"%PDF-1.7", "a PDF document"),
    ] {
        place.put(name, start);
        let reason = format!("{name}: not a ChatGPT export: this is {expected}");
        assert_eq!(place.fails(name), (ErrorKind::NotAnExport, reason));
    }
    // A ZIP may have anything before it.
    place.put("x.zip", [b"\x1f\x8b".to_vec(), zip(&["conversations.json"])].concat());
    assert!(place.open("x.zip").is_ok());
}

/// Replaces every `from` in the ZIP, in local headers and directory alike.
fn renamed(mut bytes: Vec<u8>, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    for at in 0..bytes.len().saturating_sub(from.len()) {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    bytes
}

#[test]
fn two_conversation_files_with_the_same_name_are_refused() {
    let bytes = renamed(zip(&["conversations.json", "conversationz.json"]), "conversationz", "conversations");
    assert_eq!(
        TestFolder::with("x.zip", bytes).fails("x.zip"),
        (ErrorKind::Damaged, "x.zip: two entries named conversations.json".to_owned())
    );
    let bytes = renamed(zip(&["conversations.json", "file-a", "file-b"]), "file-b", "file-a");
    assert!(TestFolder::with("x.zip", bytes).open("x.zip").is_ok());
}

#[test]
fn encryption_matters_only_for_conversations() {
    for (encrypted, expected) in [("conversations.json", false), ("file-a", true)] {
        let mut bytes = zip(&["conversations.json", "file-a"]);
        for at in 0..bytes.len() - 46 {
            let (flag, name) = match &bytes[at..at + 4] {
                b"PK\x03\x04" => (at + 6, at + 30),
                b"PK\x01\x02" => (at + 8, at + 46),
                _ => continue,
            };
            if bytes[name..].starts_with(encrypted.as_bytes()) {
                bytes[flag] |= 1;
            }
        }
        let place = TestFolder::with("x.zip", bytes);
        assert_eq!(place.open("x.zip").is_ok(), expected, "{encrypted}");
        if !expected {
            assert_eq!(
                place.fails("x.zip"),
                (
                    ErrorKind::Damaged,
                    "x.zip: conversations.json: encrypted (ZipCrypto); gptfs cannot read it".to_owned()
                )
            );
        }
    }
}

#[test]
fn escaping_names_are_skipped_and_reported() {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for name in ["conversations.json", "aa/file-evil.png", "file-good.png"] {
        writer.start_file(name, options).unwrap();
        writer.write_all(ONE.as_bytes()).unwrap();
    }
    writer.add_symlink("file-link.png", "/etc/passwd", options).unwrap();
    let bytes = renamed(writer.finish().unwrap().into_inner(), "aa/file-evil", "../file-evil");
    let export = TestFolder::with("x.zip", bytes).open("x.zip").unwrap();
    assert_eq!(names(&export, &export.files), ["file-good.png"]);
    assert_eq!(
        problems(&export),
        [
            ("../file-evil.png", "asset name escapes the archive"),
            ("file-link.png", "a symbolic link; not followed")
        ]
    );
}

#[test]
fn the_limit_counts_nested_archives_together() {
    let inner = zip_with(CompressionMethod::DEFLATE, &[("conversations.json", &vec![b' '; 600_000])]);
    let outer = zip_with(
        CompressionMethod::Stored,
        &[("Conversations__1.zip", &inner), ("Conversations__2.zip", &inner)],
    );
    let place = TestFolder::with("x.zip", outer);
    let limits = Limits { max_bytes: 1_000_000, ..Limits::default() };
    let error = open(&[place.0.path().join("x.zip")], &limits).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().ends_with("expands to 1.1 MiB, limit is 976.5 KiB (--max-size)"), "{error}");
}

#[test]
fn a_hostile_outer_name_cannot_control_the_terminal() {
    let place = TestFolder::with("\u{1b}[2J.zip", "no zip");
    assert!(place.fails("\u{1b}[2J.zip").1.starts_with("\\u{1b}[2J.zip: not a zip"));
}

#[test]
fn a_hundred_thousand_entries_in_as_many_roots_take_no_longer_than_in_one() {
    let entries = |name: fn(usize) -> String| {
        let place = TestFolder::new();
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for n in 0..100_000 {
            writer.start_file(name(n), options).unwrap();
            writer.write_all(b"[]").unwrap();
        }
        place.put("x.zip", writer.finish().unwrap().into_inner());
        let start = std::time::Instant::now();
        let export = place.open("x.zip").unwrap();
        (export.shards.len(), start.elapsed())
    };
    let (shards, flat) = entries(|n| format!("a/conversations-{n:03}.json"));
    let (roots, nested) = entries(|n| format!("{n}/conversations.json"));
    assert_eq!((shards, roots), (100_000, 100_000));
    assert!(nested < flat * 8 + std::time::Duration::from_secs(1), "{nested:?} {flat:?}");
}

#[test]
fn an_archive_the_user_did_not_name_cannot_refuse_the_others() {
    let place = TestFolder::new();
    let twice = renamed(zip(&["conversations.json", "conversationz.json"]), "conversationz", "conversations");
    place.put("zips/a.zip", twice);
    place.put("zips/b.zip", zip(&["conversations.json"]));
    let export = place.open("zips").unwrap();
    assert_eq!(shards(&export), ["conversations.json"]);
    assert!(
        problems(&export)[0].1.ends_with("two entries named conversations.json"),
        "{:?}",
        problems(&export)
    );
}
