//! Exports come in many forms. Each becomes the same tree, and anything that is not an export is refused without a
//! trace.
//!
//! The conversations and their expected tree are in `fixtures/forms/`; each test only packages them differently.

use crate::support::{Scratch, Tree, Zip, array, exported, fixtures, gptfs};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;

/// A conversation of 2024 with an emoji, quotes, brackets, `&` and `</script>` in its text.
const FIRST: &str = include_str!("../../fixtures/forms/first.json");
/// A conversation of 2025 with characters of two and three bytes.
const SECOND: &str = include_str!("../../fixtures/forms/second.json");
/// A conversation of 2026 with slim nodes and a picture.
const THIRD: &str = include_str!("../../fixtures/forms/third.json");
/// The picture.
const CHARM: &[u8] =
    include_bytes!("../../fixtures/forms/expected/2026/05/Third time lucky.assets/charm.png");
/// The name of the picture's entry in exports of 2024.
const CHARM_NAMED: &str = "file-CharmCharmCharmCharm01-charm.png";
/// The name of the picture's entry in exports of 2026.
const CHARM_DAT: &str = "file-CharmCharmCharmCharm01.dat";

/// An archive of all three conversations and the picture.
fn whole() -> Zip {
    Zip::new().deflated("conversations.json", array(&[FIRST, SECOND, THIRD])).deflated(CHARM_NAMED, CHARM)
}

/// An archive of the two conversations without files.
fn pair() -> Zip {
    Zip::new().deflated("conversations.json", array(&[FIRST, SECOND]))
}

/// An `export_manifest.json` that lists these shards.
fn manifest(shards: &[&str]) -> String {
    let files: Vec<_> = shards.iter().map(|path| format!("\"{path}\"")).collect();
    let sizes: Vec<_> =
        shards.iter().map(|path| format!("{{\"path\": \"{path}\", \"size_bytes\": 1}}")).collect();
    format!(
        "{{\"version\": 1, \"manifest_file\": \"export_manifest.json\", \"export_files\": [{}], \
         \"logical_files\": {{\"conversations.json\": {{\"sharded\": true, \"files\": [{}]}}}}}}",
        sizes.join(", "),
        files.join(", "),
    )
}

/// The expected tree, or the files in it whose paths contain any of `needles`.
fn expected(needles: &[&str]) -> Tree {
    let tree = Tree::read(&fixtures().join("forms/expected"));
    if needles.is_empty() { tree } else { tree.only(needles) }
}

#[track_caller]
fn assert_whole(source: &Path) {
    exported(source).assert_is(&expected(&[]), "all three conversations");
}

#[track_caller]
fn assert_pair(source: &Path) {
    exported(source).assert_is(&expected(&["First", "Second"]), "the first two conversations");
}

#[track_caller]
fn assert_pair_in(zip: &Zip) {
    let scratch = Scratch::new();
    assert_pair(&scratch.zip("export.zip", zip));
}

#[track_caller]
fn assert_whole_in(zip: &Zip) {
    let scratch = Scratch::new();
    assert_whole(&scratch.zip("export.zip", zip));
}

#[track_caller]
fn assert_pair_as_json(json: impl AsRef<[u8]>) {
    let scratch = Scratch::new();
    assert_pair(&scratch.file("conversations.json", json.as_ref()));
    assert_pair_in(&Zip::new().deflated("conversations.json", json));
}

// Layouts of a ZIP.

#[test]
fn a_single_json_in_a_zip() {
    assert_whole_in(&whole());
}

#[test]
fn a_dat_file_is_named_after_its_attachment() {
    let json = array(&[FIRST, SECOND, THIRD]);
    assert_whole_in(&Zip::new().deflated("conversations.json", json).stored(CHARM_DAT, CHARM));
}

#[test]
fn shards_with_a_manifest() {
    assert_whole_in(
        &Zip::new()
            .deflated("conversations-001.json", array(&[THIRD]))
            .deflated(CHARM_DAT, CHARM)
            .deflated("conversations-000.json", array(&[FIRST, SECOND]))
            .deflated(
                "export_manifest.json",
                manifest(&["conversations-000.json", "conversations-001.json"]),
            ),
    );
}

#[test]
fn shards_without_a_manifest_and_with_a_gap() {
    assert_whole_in(
        &Zip::new()
            .deflated("conversations-000.json", array(&[FIRST]))
            .deflated("conversations-002.json", array(&[SECOND]))
            .deflated("conversations-1000.json", array(&[THIRD]))
            .deflated(CHARM_DAT, CHARM),
    );
}

#[test]
fn a_listed_shard_that_is_missing_is_reported_and_not_fatal() {
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations-000.json", array(&[FIRST, SECOND]))
        .deflated("export_manifest.json", manifest(&["conversations-000.json", "conversations-001.json"]));
    let source = scratch.zip("export.zip", &zip);
    assert_pair(&source);
    let told = gptfs([OsStr::new("info"), source.as_os_str()]).succeeded();
    assert!((told.stdout + &told.stderr).contains("conversations-001.json"));
}

#[test]
fn an_empty_shard_does_not_hide_the_others() {
    assert_pair_in(
        &Zip::new()
            .deflated("conversations-000.json", "[]")
            .deflated("conversations-001.json", array(&[FIRST, SECOND])),
    );
}

#[test]
fn shards_and_a_single_json_are_merged_by_id() {
    assert_whole_in(
        &Zip::new()
            .deflated("conversations.json", array(&[FIRST, THIRD]))
            .deflated("conversations-000.json", array(&[FIRST, SECOND]))
            .stored(CHARM_DAT, CHARM),
    );
}

#[test]
fn a_zip_packed_again_on_macos_with_leading_folders() {
    assert_whole_in(
        &Zip::new()
            .directory("__MACOSX")
            .deflated("__MACOSX/._conversations.json", "\0\x05\x16\x07")
            .deflated(".DS_Store", "\0\0\0\x01Bud1")
            .tree(&whole().as_tree())
            .deflated("._conversations.json", "\0\x05\x16\x07")
            .leading_folder("Downloads/My export \u{1f4e6}/"),
    );
}

#[test]
fn zip64_sizes() {
    assert_whole_in(&whole().zip64());
}

#[test]
fn stored_entries() {
    let json = array(&[FIRST, SECOND, THIRD]);
    assert_whole_in(&Zip::new().stored("conversations.json", json).stored(CHARM_NAMED, CHARM));
}

#[test]
fn data_descriptors() {
    assert_whole_in(&whole().data_descriptors());
    assert_whole_in(&whole().data_descriptors().zip64());
}

#[test]
fn bytes_in_front_of_the_archive() {
    let scratch = Scratch::new();
    let bytes = [b"#!/bin/sh\nexit\n".as_slice(), &pair().bytes()].concat();
    assert_pair(&scratch.file("export.zip", bytes));
}

#[test]
fn bytes_after_the_archive() {
    let scratch = Scratch::new();
    let bytes = [&pair().bytes(), b"-- \nsent from a phone\n".as_slice()].concat();
    assert_pair(&scratch.file("export.zip", bytes));
}

// Containers, parts and folders.

#[test]
fn a_container_with_a_stored_zip() {
    assert_whole_in(&container(|zip, name, inner| zip.stored(name, inner.bytes())));
}

#[test]
fn a_container_with_a_deflated_zip() {
    assert_whole_in(&container(|zip, name, inner| zip.deflated(name, inner.bytes())));
}

/// A privacy portal container. `add` stores the inner export in it.
fn container(add: fn(Zip, &str, &Zip) -> Zip) -> Zip {
    let zip = Zip::new()
        .deflated("report.html", "<html><body>Your data</body></html>")
        .deflated("User Profile/profile.csv", "name\nJo\n");
    add(zip, "User Online Activity/Conversations__0123456789abcdef-chatgpt-0001.zip", &whole())
        .deflated("User Online Activity/Ads__0123456789abcdef-ads-0001.zip", Zip::new().bytes())
        .leading_folder("OpenAI-export/")
}

#[test]
fn a_container_with_groups_and_parts() {
    let inside = |shard: &str, json: &str| Zip::new().deflated(shard, array(&[json])).bytes();
    let part_2 = Zip::new().stored(CHARM_DAT, CHARM).bytes();
    let prefix = "User Online Activity/Conversations__0123456789abcdef-chatgpt-";
    assert_whole_in(
        &Zip::new()
            .deflated("report.html", "<html></html>")
            .stored(&format!("{prefix}0001-part-0001.zip"), inside("conversations-000.json", THIRD))
            .deflated(&format!("{prefix}0001-part-0002.zip"), part_2)
            .deflated(&format!("{prefix}0002.zip"), inside("conversations.json", FIRST))
            .stored("User Online Activity/Conversations__user-1_conversations_1_export.zip", pair().bytes()),
    );
}

#[test]
fn any_part_of_a_multi_part_export_names_the_whole() {
    let scratch = Scratch::new();
    let shards = ["conversations-000.json", "conversations-001.json"];
    let parts = [
        Zip::new()
            .deflated("export_manifest.json", manifest(&shards))
            .deflated(shards[0], array(&[FIRST, THIRD])),
        Zip::new().deflated(shards[1], array(&[SECOND])),
        Zip::new().stored(CHARM_DAT, CHARM),
    ];
    let paths: Vec<_> = (1..)
        .zip(&parts)
        .map(|(n, zip)| scratch.zip(&format!("Conversations__0123-chatgpt-0001-part-{n:04}.zip"), zip))
        .collect();
    scratch.zip("Conversations__0123-chatgpt-0002-part-0001.zip", &Zip::new().deflated("a.txt", "a"));
    for path in &paths {
        assert_whole(path);
    }
}

#[test]
fn an_unpacked_folder() {
    let scratch = Scratch::new();
    whole().as_tree().write(&scratch.path("export"));
    assert_whole(&scratch.path("export"));
}

#[test]
fn an_unpacked_folder_inside_other_folders() {
    let scratch = Scratch::new();
    whole().as_tree().write(&scratch.path("Downloads/OpenAI/export"));
    assert_whole(&scratch.path("Downloads"));
}

// Layouts of the JSON.

#[test]
fn a_bare_json() {
    assert_pair_as_json(array(&[FIRST, SECOND]));
}

#[test]
fn an_object_around_the_array() {
    assert_pair_as_json(format!("{{\"version\": 3, \"conversations\": {}}}", array(&[FIRST, SECOND])));
}

#[test]
fn a_single_bare_conversation() {
    let scratch = Scratch::new();
    let tree = exported(&scratch.file("conversation.json", FIRST));
    tree.assert_is(&expected(&["First"]), "the first conversation");
}

#[test]
fn a_byte_order_mark_and_whitespace_around_the_array() {
    assert_pair_as_json(format!("\u{feff}\r\n\t {} \n", array(&[FIRST, SECOND])));
}

#[test]
fn minified_json_with_sorted_keys_has_titles_after_mappings() {
    let json = minified(&array(&[FIRST, SECOND]));
    assert!(json.find("\"mapping\"") < json.find("\"title\"") && !json.contains('\n'));
    assert_pair_as_json(json);
}

#[test]
fn json_in_pure_ascii() {
    let json: String = array(&[FIRST, SECOND])
        .chars()
        .map(|c| if c.is_ascii() { c.to_string() } else { escaped(c) })
        .collect();
    assert!(json.contains("\\ud83c\\udf05"), "an emoji becomes two escapes");
    assert_pair_as_json(json);
}

#[test]
fn json_with_needless_escapes() {
    let title: String = "First light".chars().map(escaped).collect();
    assert_pair_as_json(array(&[&FIRST.replace("First light", &title).replace('/', "\\/"), SECOND]));
}

fn minified(json: &str) -> String {
    serde_json::from_str::<serde_json::Value>(json).expect("JSON").to_string()
}

fn escaped(c: char) -> String {
    let mut out = String::new();
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
    out
}

#[test]
fn the_newest_copy_of_a_conversation_wins() {
    let older = FIRST
        .replace("First light", "Stale")
        .replace("\"update_time\": 1707552600.0", "\"update_time\": 1.0e9");
    assert_pair_as_json(array(&[&older, SECOND, FIRST]));
    assert_pair_as_json(array(&[FIRST, SECOND, &older]));
}

#[test]
fn equal_titles_in_a_month_get_suffixes_from_their_ids() {
    let later = |id: &str, title: &str, hours: u32| {
        FIRST.replace("0f1e2d3c", id).replace("First light", title).replace(
            "\"create_time\": 1707552000.0",
            &format!("\"create_time\": {}.0", 1_707_552_000 + hours * 3600),
        )
    };
    let (second, third) = (later("9e8d7c6b", "FIRST LIGHT", 2), later("00000001", "First light", 3));
    let scratch = Scratch::new();
    let forwards = exported(&scratch.file("forwards.json", array(&[FIRST, &second, &third])));
    let backwards = exported(&scratch.file("backwards.json", array(&[&third, &second, FIRST])));
    let names = ["FIRST LIGHT-9e8d7c6b.md", "First light-00000001.md", "First light.md"];
    assert_eq!(forwards.paths(), names.map(|name| format!("2024/02/{name}")));
    forwards.assert_is(&backwards, "names do not depend on the order of the export");
}

#[test]
fn a_broken_conversation_leaves_its_neighbours_alone() {
    let broken = r#"{"id": "deadbeef-0000-4000-8000-000000000000", "title": "Broken", "mapping": 7}"#;
    let scratch = Scratch::new();
    let tree = exported(&scratch.file("conversations.json", array(&[FIRST, broken, "null", "{}", SECOND])));
    tree.only(&["First", "Second"]).assert_is(&expected(&["First", "Second"]), "the sound conversations");
    let page = tree.0.iter().find(|(path, _)| path.contains("Broken")).expect("a page for the broken one");
    assert_eq!(page.0, "undated/Broken.md");
    assert!(!page.1.is_empty());
}

// `chat.html` as the last resort.

#[test]
fn the_viewer_alone() {
    let json = minified(&array(&[FIRST, SECOND])).replace("</", "<\\/");
    let scratch = Scratch::new();
    assert_pair(&scratch.file("chat.html", viewer(&json)));
    assert_pair_in(&Zip::new().deflated("chat.html", viewer(&json)).deflated("user.json", "{}"));
}

#[test]
fn the_viewer_with_a_closing_script_tag_in_a_string() {
    assert_pair_in(&Zip::new().deflated("chat.html", viewer(&array(&[FIRST, SECOND]))));
}

#[test]
fn the_viewer_with_entities() {
    let json = minified(&array(&[FIRST, SECOND]));
    let entities =
        json.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    assert_pair_in(&Zip::new().deflated("chat.html", viewer(&entities)));
}

#[test]
fn the_viewer_is_ignored_if_there_is_json() {
    let stale = viewer(&array(&[&SECOND.replace("Second", "Stale")]));
    assert_pair_in(&pair().deflated("chat.html", stale));
}

fn viewer(json: &str) -> String {
    format!(
        "<html>\n<head>\n<title>ChatGPT Data Export</title>\n<script>\nvar jsonData = {json};\nvar assetsJson = {{}};\n\
         function getConversationMessages(conversation) {{ return [conversation.mapping]; }}\n</script>\n</head>\n\
         <body><div id=\"root\"></div></body>\n</html>\n"
    )
}

// Group chats without other conversations.

#[test]
fn group_chats_alone() {
    let fixture = fixtures().join("chatgpt/group_chats_are_conversations_with_named_people");
    let groups = Tree::read(&fixture.join("expected")).only(&["Hike", "Picnic"]);
    let export = fixture.join("export");
    exported(&export).assert_is(&groups, "the chats of a folder");
    let scratch = Scratch::new();
    let zip = Zip::new().tree(&Tree::read(&export)).deflated("user.json", "{}");
    exported(&scratch.zip("export.zip", &zip)).assert_is(&groups, "the chats of a ZIP");
    exported(&scratch.zip("again.zip", &zip.leading_folder("a/b/")))
        .assert_is(&groups, "in a folder of a ZIP");
}

#[test]
fn group_chats_without_chats_alone() {
    let scratch = Scratch::new();
    let export = scratch.zip("export.zip", &Zip::new().deflated("group_chats.json", r#"{"chats": []}"#));
    let refused = gptfs([OsStr::new("ls"), export.as_os_str()]).failed(3);
    let expected = "gptfs: export.zip: no conversations found: the list of conversations is empty\n";
    assert_eq!(refused.stderr, expected);
}

// Uploads that look like exports.

#[test]
fn uploaded_files_are_never_mistaken_for_the_export() {
    let decoy = FIRST.replace("First light", "Decoy").replace("0f1e2d3c", "dec0dec0");
    let upload = Zip::new().deflated("conversations.json", array(&[&decoy])).bytes();
    let library = Zip::new().deflated("personal/files/conversations.json", array(&[&decoy])).bytes();
    assert_whole_in(
        &whole()
            .deflated(
                "sites/export_manifest.json",
                r#"{"artifacts": [], "requested_at": "2026-09-01T00:00:00Z"}"#,
            )
            .stored("file-UpLoadUpLoadUpLoadUp01.dat", &upload)
            .stored("file-UpLoadUpLoadUpLoadUp02-conversations.zip", &upload)
            .deflated("personal/files/conversations.json", array(&[&decoy]))
            .deflated("file-UpLoadUpLoadUpLoadUp03-conversations.json", array(&[&decoy]))
            .stored("Files__0123456789abcdef-files-0001.zip", library),
    );
}

#[test]
fn entries_whose_names_escape_the_archive_are_ignored() {
    let decoy = array(&[&FIRST.replace("0f1e2d3c", "dec0dec0")]);
    assert_pair_in(
        &pair()
            .deflated("../conversations-000.json", &decoy)
            .deflated("/conversations-001.json", &decoy)
            .deflated("a/../../conversations-002.json", &decoy)
            .deflated("..\\conversations-003.json", &decoy)
            .deflated("a\\..\\..\\conversations-004.json", &decoy)
            .deflated("C:\\conversations-005.json", &decoy)
            .deflated("//host/conversations-006.json", &decoy),
    );
}

// The demo export, packed and unpacked.

#[test]
fn the_demo_folder_and_the_demo_zip_become_the_same_tree() {
    let folder = exported(&fixtures().join("demo"));
    exported(&fixtures().join("demo.zip"))
        .assert_is(&folder, "the tree of the ZIP against that of the folder");
    let listed = include_str!("../../fixtures/demo.paths");
    assert_eq!(folder.paths(), listed.lines().collect::<Vec<_>>());
}

#[test]
fn the_root_lists_the_years() {
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &whole());
    let told = gptfs([OsStr::new("ls"), source.as_os_str()]).succeeded();
    let names: Vec<_> = told.stdout.lines().map(|line| line.trim_end_matches('/')).collect();
    assert_eq!(names, ["2024", "2025", "2026"]);
}

#[test]
fn cat_prints_the_exported_bytes() {
    let scratch = Scratch::new();
    let source = scratch.zip("export.zip", &whole());
    for (path, bytes) in expected(&[".md"]).0 {
        let told = gptfs([OsStr::new("cat"), source.as_os_str(), OsStr::new(&path)]).succeeded();
        assert_eq!(told.stdout.into_bytes(), bytes, "{path}");
    }
}

// Inputs that are refused: one line, the documented exit code, nothing written.

/// Not an export that gptfs can read.
const NOT_AN_EXPORT: i32 = 3;
/// Damaged, truncated or encrypted.
const DAMAGED: i32 = 4;

#[track_caller]
fn assert_refused(scratch: &Scratch, source: &str, code: i32) {
    let before = scratch.tree();
    let (path, out) = (scratch.path(source), scratch.path("out"));
    let told = gptfs([OsStr::new("export"), path.as_os_str(), out.as_os_str()]).failed(code);
    assert!(told.stderr.contains(source), "the message names the source: {}", told.stderr);
    assert!(
        !told.stderr.contains(&format!("{}: {}", source, path.display())),
        "the source is named twice: {}",
        told.stderr
    );
    assert!(!out.exists(), "the target is not created");
    gptfs([OsStr::new("ls"), path.as_os_str()]).failed(code);
    scratch.tree().assert_is(&before, "nothing is written");
}

#[track_caller]
fn assert_file_refused(name: &str, bytes: impl AsRef<[u8]>, code: i32) {
    let scratch = Scratch::new();
    scratch.file(name, bytes);
    assert_refused(&scratch, name, code);
}

#[test]
fn a_truncated_zip_is_refused() {
    let bytes = whole().bytes();
    assert_file_refused("export.zip", &bytes[..bytes.len() - 30], DAMAGED);
    assert_file_refused("export.zip", &bytes[..bytes.len() / 2], DAMAGED);
    assert_file_refused("export.zip", &bytes[..10], DAMAGED);
}

#[test]
fn a_file_damaged_before_its_first_conversation_is_refused() {
    let zip = Zip::new().deflated("conversations.json", array(&[FIRST, SECOND]));
    let mut bytes = zip.bytes();
    let data = bytes.windows(18).position(|name| name == b"conversations.json").expect("its header") + 18;
    bytes[data] = 0xff; // a block of a type that does not exist
    assert_file_refused("export.zip", bytes, DAMAGED);
}

#[test]
fn a_damaged_only_file_is_shown_with_a_note_on_every_page() {
    let json = array(&[FIRST, SECOND]);
    let (deflated, stored) =
        (Zip::new().deflated("conversations.json", &json), Zip::new().stored("conversations.json", &json));
    for zip in [deflated, stored] {
        let scratch = Scratch::new();
        let source = scratch.zip("export.zip", &zip.with_a_wrong_crc());
        let told = gptfs([OsStr::new("ls"), source.as_os_str()]).succeeded();
        let note = "conversations.json: damaged (its checksum is wrong): 2 conversations read, \
                        text may be wrong or missing; download the export again if you can";
        assert!(told.stderr.contains(note), "{}", told.stderr);
        let tree = exported(&source);
        let whole = expected(&["First", "Second"]);
        assert_eq!(tree.paths(), whole.paths());
        for (path, page) in &whole.0 {
            let found = String::from_utf8_lossy(&tree.0[path]).into_owned();
            let rest = found.strip_prefix(&*String::from_utf8_lossy(page)).expect("the page as it is");
            assert_eq!(
                rest,
                "\n*The file that holds this conversation is damaged: text may be wrong or missing.*\n"
            );
        }
    }
}

#[test]
fn an_encrypted_zip_is_refused() {
    let zip = Zip::new().deflated("conversations.json", array(&[FIRST])).encrypted();
    assert_file_refused("export.zip", zip.bytes(), DAMAGED);
}

#[test]
fn a_file_that_is_neither_zip_nor_json_is_refused() {
    assert_file_refused("export.zip", "not a zip archive at all\n", NOT_AN_EXPORT);
    assert_file_refused("export.zip", [0_u8; 4096], NOT_AN_EXPORT);
    assert_file_refused("photo.png", CHARM, NOT_AN_EXPORT);
}

#[test]
fn an_empty_zip_is_refused() {
    assert_file_refused("export.zip", Zip::new().bytes(), NOT_AN_EXPORT);
}

#[test]
fn a_zip_without_conversations_is_refused() {
    let zip = Zip::new().deflated("holiday/beach.txt", "sand").deflated("list.json", "[1, 2]");
    assert_file_refused("export.zip", zip.bytes(), NOT_AN_EXPORT);
}

#[test]
fn the_message_says_what_was_found_in_place_of_conversations() {
    for (json, expected) in [
        ("[1, 2]", "this looks like a list of something else"),
        (r#"[{"a": 1}, {"b": 2}]"#, "this looks like a list of something else"),
        (
            "[1,2",
            "this looks like a list of something else, and it is damaged: breaks off within the list (at byte 4)",
        ),
        (
            r#"[{"a": 1}, {"b""#,
            "this looks like a list of something else, and it is damaged: breaks off within a conversation (at byte 15)",
        ),
        ("[", "conversations.json: the list has no end (at byte 1)"),
        ("[]", "the list of conversations is empty"),
    ] {
        let scratch = Scratch::new();
        let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", json));
        let told = gptfs([OsStr::new("ls"), source.as_os_str()]).failed(NOT_AN_EXPORT);
        let expected = format!("export.zip: no conversations found: {expected}\n");
        assert!(told.stderr.ends_with(&expected), "{json}: {}", told.stderr);
    }
}

#[test]
fn a_zip_within_a_zip_is_named() {
    let scratch = Scratch::new();
    let inner = Zip::new().deflated("conversations.json", array(&[FIRST])).bytes();
    let source = scratch.zip("outer.zip", &Zip::new().stored("my export.zip", inner));
    let told = gptfs([OsStr::new("ls"), source.as_os_str()]).failed(NOT_AN_EXPORT);
    let expected =
        "it has no conversations, but another ZIP, my export.zip; if that is the export, extract it\n";
    assert!(told.stderr.ends_with(expected), "{}", told.stderr);
}

#[test]
fn a_top_level_that_is_no_list_is_named() {
    for (json, expected) in [
        ("\"text\"", "top level is a string (at byte 0)"),
        ("7", "top level is a number (at byte 0)"),
        ("null", "top level is neither a list nor an object (at byte 0)"),
        ("%PDF-1.7", "not JSON (at byte 0)"),
    ] {
        let scratch = Scratch::new();
        let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", json));
        let told = gptfs([OsStr::new("ls"), source.as_os_str()]).failed(NOT_AN_EXPORT);
        let expected = format!("export.zip: no conversations found: conversations.json: {expected}\n");
        assert!(told.stderr.ends_with(&expected), "{json}: {}", told.stderr);
    }
}

#[test]
fn exports_of_other_products_are_refused() {
    let claude = r#"[{"uuid": "3f1d0000-0000-4000-8000-000000000001", "name": "Tea", "summary": "",
        "account": {"uuid": "3f1d0000-0000-4000-8000-000000000002"}, "created_at": "2025-01-02T03:04:05Z",
        "updated_at": "2025-01-02T03:04:05Z", "chat_messages": [{"uuid": "3f1d0000-0000-4000-8000-000000000003",
        "sender": "human", "text": "Tea?", "content": [{"type": "text", "text": "Tea?"}], "attachments": [], "files": []}]}]"#;
    let deepseek = r#"[{"id": "3f1d0000-0000-4000-8000-000000000004", "title": "Tea",
        "inserted_at": "2025-01-02T03:04:05+08:00", "updated_at": "2025-01-02T03:04:05+08:00", "mapping": {
        "root": {"id": "root", "parent": null, "children": ["1"], "message": null},
        "1": {"id": "1", "parent": "root", "children": [], "message": {"files": [], "model": "deepseek-chat",
        "inserted_at": "2025-01-02T03:04:05+08:00", "fragments": [{"type": "REQUEST", "content": "Tea?"}]}}}}]"#;
    let grok = r#"{"conversations": [{"conversation": {"id": "1", "title": "Tea", "create_time": "2025-01-02T03:04:05Z"},
        "responses": [{"response": {"_id": "2", "message": "Tea?", "sender": "human"}}]}], "projects": []}"#;
    let activity = r#"[{"header": "Gemini Apps", "title": "Prompted Tea?", "time": "2025-01-02T03:04:05Z",
        "products": ["Gemini Apps"]}]"#;
    for json in [claude, deepseek, grok, activity, r#"{"name": "package", "version": "1.0.0"}"#] {
        assert_file_refused("conversations.json", json, NOT_AN_EXPORT);
        assert_file_refused(
            "export.zip",
            Zip::new().deflated("conversations.json", json).bytes(),
            NOT_AN_EXPORT,
        );
    }
}

#[test]
fn an_export_without_conversations_is_refused() {
    assert_file_refused("empty.json", "", NOT_AN_EXPORT);
    assert_file_refused("conversations.json", "[]", NOT_AN_EXPORT);
    assert_file_refused("export.zip", Zip::new().deflated("conversations.json", "[]").bytes(), NOT_AN_EXPORT);
    assert_file_refused("export.zip", "", NOT_AN_EXPORT);
}

#[test]
fn a_directory_without_an_export_is_refused() {
    let scratch = Scratch::new();
    scratch.file("pictures/beach.txt", "sand");
    assert_refused(&scratch, "pictures", NOT_AN_EXPORT);
    let scratch = Scratch::new();
    scratch.directory("nothing");
    assert_refused(&scratch, "nothing", NOT_AN_EXPORT);
}
