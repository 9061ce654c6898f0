//! Promises to a user whose export is hostile or whose machine is unlucky, one test per promise that no other file of
//! the suite keeps.

use crate::faults::{fault, library};
use crate::measured::measured;
use crate::support::{
    Mount, Outcome, Scratch, Tree, Zip, array, can_mount, daemons, exported, fixtures, gptfs, outcome,
    program, send, skip, until,
};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _};
use std::net::TcpListener;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const SECOND: &str = include_str!("../../fixtures/forms/second.json");

fn demo() -> PathBuf {
    fixtures().join("demo.zip")
}

/// A conversation of one question.
fn question(id: &str, title: &str, text: &str) -> String {
    let (title, text) = (serde_json::Value::from(title), serde_json::Value::from(text));
    format!(
        r#"{{"id": "{id}", "title": {title}, "create_time": 1709251199, "current_node": "a", "mapping": {{"a": {{"id": "a",
        "parent": null, "message": {{"id": "a", "author": {{"role": "user"}}, "content": {{"content_type": "text", "parts": [{text}]}}}}}}}}}}"#
    )
}

fn list(source: &Path) -> Outcome {
    gptfs([OsStr::new("ls"), "-R".as_ref(), source.as_os_str()])
}

// Hostile exports.

#[test]
fn links_to_other_machines_are_shown_and_never_followed() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let text = format!("![x](http://{address}/x.png) [y](file:///etc/passwd) http://{address}/z");
    let scratch = Scratch::new();
    let source = scratch.file("conversations.json", array(&[&question("a", "Links", &text)]));
    let page = exported(&source).0.remove("2024/02/Links.md").expect("a page");
    assert!(String::from_utf8_lossy(&page).contains(&address.to_string()));
    if let Some(mount) = Mount::new(&source, &[]) {
        assert_eq!(fs::read(mount.dir().join("2024/02/Links.md")).expect("a page"), page);
    }
    assert_eq!(listener.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

#[test]
fn an_archive_with_two_directories_is_one_consistent_tree_or_refused() {
    let scratch = Scratch::new();
    let one = Zip::new().deflated("conversations.json", array(&[FIRST]));
    let two = Zip::new().deflated("conversations.json", array(&[SECOND]));
    let trees = [exported(&scratch.zip("one.zip", &one)), exported(&scratch.zip("two.zip", &two))];
    let source = scratch.file("both.zip", [one.bytes(), two.bytes()].concat());
    let out = scratch.path("out");
    let told = gptfs([OsStr::new("export"), source.as_os_str(), out.as_os_str()]);
    match told.code {
        Some(0) => assert!(trees.contains(&Tree::read(&out)), "a mixture of both"),
        code => assert_eq!(code, Some(4), "{}", told.stderr),
    }
}

#[test]
fn a_zip_that_was_cut_short_is_shown_as_far_as_it_goes_with_recover() {
    const DAMAGED: i32 = 4;
    let zip = Zip::new().deflated("conversations-000.json", array(&[FIRST]));
    let bytes = zip.deflated("conversations-001.json", array(&[SECOND])).bytes();
    let second = bytes.windows(22).position(|name| name == b"conversations-001.json").expect("its header");
    let scratch = Scratch::new();
    let (source, out) = (scratch.file("export.zip", &bytes[..second + 200]), scratch.path("out"));
    let refused = list(&source).failed(DAMAGED);
    assert!(refused.stderr.contains("--recover"), "{}", refused.stderr);
    gptfs(["export".as_ref(), "--recover".as_ref(), source.as_os_str(), out.as_os_str()]).succeeded();
    let whole = exported(&scratch.file("conversations.json", array(&[FIRST])));
    Tree::read(&out).only(&["First"]).assert_is(&whole, "the file that is whole");
    let checked = gptfs(["check".as_ref(), "--recover".as_ref(), source.as_os_str()]);
    assert_eq!(checked.code, Some(DAMAGED));
    assert!(checked.stdout.contains("conversations-001.json is cut off"), "{}", checked.stdout);
}

#[test]
fn a_broken_entry_of_a_streamed_zip_hides_no_other_from_recover() {
    const DAMAGED: i32 = 4;
    let zip = Zip::new().deflated("conversations-000.json", array(&[FIRST])).data_descriptors();
    let mut bytes = zip.deflated("conversations-001.json", array(&[SECOND])).bytes();
    let directory = bytes.windows(4).position(|mark| mark == b"PK\x01\x02").expect("a directory");
    bytes.truncate(directory);
    // In the middle of the first entry's data.
    bytes[300] ^= 0xff;
    let scratch = Scratch::new();
    let (source, out) = (scratch.file("export.zip", &bytes), scratch.path("out"));
    gptfs(["export".as_ref(), "--recover".as_ref(), source.as_os_str(), out.as_os_str()]).succeeded();
    let whole = exported(&scratch.file("conversations.json", array(&[SECOND])));
    Tree::read(&out).only(&["Second"]).assert_is(&whole, "the file that is whole");
    let checked = gptfs(["check".as_ref(), "--recover".as_ref(), source.as_os_str()]);
    assert_eq!(checked.code, Some(DAMAGED));
    assert!(checked.stdout.contains("conversations-000.json is damaged"), "{}", checked.stdout);
}

#[test]
fn what_is_wrong_with_files_beside_the_conversations_is_named_by_check_and_where_they_are_shown() {
    const DAMAGED: i32 = 4;
    let scratch = Scratch::new();
    let user = r#"{"id": "user-1", "email": "tea@example.org"}"#;
    let feedback = r#"[{"conversation_id": "x", "rating": "thumbs_up"}]"#;
    let zip = |name: &str, text: &str| {
        let zip = Zip::new().deflated("conversations.json", array(&[FIRST])).deflated(name, text);
        scratch.zip(&format!("{name}.zip"), &zip.with_a_wrong_crc())
    };
    let check = |source: &Path| gptfs([OsStr::new("check"), source.as_os_str()]);
    let cat = |source: &Path, page: &str| {
        gptfs([OsStr::new("cat"), source.as_os_str(), page.as_ref()]).succeeded().stdout
    };
    for (name, text, page, said) in [
        ("user.json", user, ".gptfs/account.md", "tea@example.org"),
        ("message_feedback.json", feedback, ".gptfs/feedback.md", "👍"),
        ("library_files.json", "[]", ".gptfs/problems.txt", ""),
    ] {
        let source = zip(name, text);
        let checked = check(&source);
        assert_eq!(
            (checked.code, checked.stdout),
            (Some(DAMAGED), format!("{name}: its checksum is wrong\n"))
        );
        let page = cat(&source, page);
        assert!(page.contains(said) && page.contains(&format!("{name}: its checksum is wrong")), "{page}");
    }
    let folder = scratch.directory("folder");
    fs::write(folder.join("conversations.json"), array(&[FIRST])).expect("a file");
    File::create(folder.join("user.json")).and_then(|file| file.set_len((256 << 20) + 1)).expect("a file");
    let checked = check(&folder);
    assert_eq!((checked.code, checked.stdout.as_str()), (Some(DAMAGED), "user.json: larger than 256 MiB\n"));
    assert!(cat(&folder, ".gptfs/account.md").contains("user.json: larger than 256 MiB"));
}

#[test]
fn an_attachment_with_a_wrong_checksum_is_an_io_error_and_the_rest_is_shown() {
    let scratch = Scratch::new();
    let third = fs::read_to_string(fixtures().join("forms/third.json")).expect("a conversation");
    let picture = fs::read(fixtures().join("forms/expected/2026/05/Third time lucky.assets/charm.png"));
    let zip = Zip::new()
        .deflated("conversations.json", array(&[FIRST, &third]))
        .deflated("file-CharmCharmCharmCharm01-charm.png", picture.expect("a picture"))
        .with_a_wrong_crc();
    let Some(mount) = Mount::new(&scratch.zip("export.zip", &zip), &[]) else { return };
    let error =
        fs::read(mount.dir().join("2026/05/Third time lucky.assets/charm.png")).expect_err("a damaged file");
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    for page in ["2026/05/Third time lucky.md", "2024/02/First light.md"] {
        assert!(!fs::read(mount.dir().join(page)).expect(page).is_empty());
    }
}

#[test]
fn memory_for_a_large_tree_is_bounded_by_its_json() {
    let parent = |at: usize| if at == 0 { "null".to_owned() } else { format!("\"{}\"", at - 1) };
    let bare = |at: usize| format!(r#""{at}":{{"parent":{}}}"#, parent(at));
    // About the smallest that a message has.
    let message = |at: usize| {
        format!(
            r#""{at}":{{"id":"{at}","parent":{},"message":{{"id":"{at}","author":{{"role":"user"}},"content":{{"content_type":"text","parts":["word"]}}}}}}"#,
            parent(at)
        )
    };
    let messages: Vec<_> = (0..100_000).map(message).collect();
    let bare: Vec<_> = (0..1_000_000).map(bare).collect();
    for (what, mapping) in [("messages", messages), ("nodes without a message", bare)] {
        let json = format!(
            r#"[{{"id":"a","title":"T","create_time":1,"current_node":"{}","mapping":{{{}}}}}]"#,
            mapping.len() - 1,
            mapping.join(",")
        );
        let bytes = json.len() as u64;
        let scratch = Scratch::new();
        let source = scratch.file("conversations.json", json);
        let cost = measured([OsStr::new("ls"), "--no-cache".as_ref(), source.as_os_str()]);
        assert_eq!((cost.code, cost.stderr.matches("problem").count()), (Some(0), 0), "{}", cost.stderr);
        let limit = 3 * bytes / 1024 + (40 << 10);
        assert!(cost.peak_kib <= limit, "{what}: {} KiB for {bytes} bytes of JSON", cost.peak_kib);
    }
}

// An unlucky machine.

#[test]
fn listings_and_pages_already_read_survive_a_disk_that_is_gone() {
    let Some(library) = library() else { return };
    let scratch = Scratch::new();
    let (hit, gone) = (scratch.path("hit"), scratch.path("gone"));
    let mut environment = fault(library, "read", 1, &demo(), &hit).to_vec();
    environment.push(("GPTFS_FAULT_WHEN", gone.to_str().expect("UTF-8").to_owned()));
    environment.push(("GPTFS_FAULT_CLEAR", scratch.path("back").to_str().expect("UTF-8").to_owned()));
    let Some((mount, told)) = Mount::with(&demo(), &["--no-cache"], &environment) else { return };
    told.succeeded();
    let expected = exported(&demo());
    let page = "2023/03/Ideas for a garden.md";
    assert_eq!(fs::read(mount.dir().join(page)).expect("a page"), expected.0[page]);
    fs::write(&gone, "").expect("a file");
    assert_eq!(fs::read(mount.dir().join(page)).expect("the page again"), expected.0[page]);
    let listed = outcome(Command::new("find").arg(mount.dir()).args(["-type", "f"])).succeeded();
    assert_eq!(listed.stdout.lines().count(), expected.0.len());
    for (path, bytes) in &expected.0 {
        match fs::read(mount.dir().join(path)) {
            Ok(got) => assert!(got == *bytes, "{path}: wrong bytes"),
            Err(error) => assert_eq!(error.raw_os_error(), Some(libc::EIO), "{path}"),
        }
    }
}

#[test]
fn a_folder_that_is_moved_or_covered_is_still_the_one_that_was_mounted() {
    let scratch = Scratch::new();
    let third = fs::read_to_string(fixtures().join("forms/third.json")).expect("a conversation");
    let charm = fixtures().join("forms/expected/2026/05/Third time lucky.assets/charm.png");
    let folder = scratch.directory("export");
    fs::create_dir(folder.join("pictures")).expect("our folder");
    fs::write(folder.join("conversations.json"), array(&[FIRST, &third])).expect("our folder");
    fs::copy(charm, folder.join("pictures/file-CharmCharmCharmCharm01-charm.png")).expect("our folder");
    let expected = exported(&folder);
    assert_eq!(expected.0.len(), 3);
    let Some(mount) = Mount::new(&folder, &["--no-cache"]) else { return };
    fs::rename(&folder, scratch.path("elsewhere")).expect("our folder");
    fs::create_dir(&folder).expect("another folder");
    fs::write(folder.join("conversations.json"), array(&[SECOND])).expect("another folder");
    Tree::read(&mount.dir()).assert_is(&expected, "after the folder was moved");
}

#[test]
fn an_export_that_is_killed_leaves_no_partial_file() {
    let scratch = Scratch::new();
    let flags = fs::OpenOptions::new().write(true).custom_flags(libc::O_TMPFILE).open(scratch.path(""));
    if flags.is_err() {
        return skip("an export that is killed, on a file system whose files must have names");
    }
    let third = fs::read_to_string(fixtures().join("forms/third.json")).expect("a conversation");
    let zip = Zip::new()
        .deflated("conversations.json", array(&[FIRST, &third]))
        .deflated("file-CharmCharmCharmCharm01-charm.png", vec![0; 200 << 20]);
    let (source, out, home) = (scratch.zip("export.zip", &zip), scratch.path("out"), Scratch::new());
    let mut command = program(&home);
    command.args(["export", "--no-cache"]).arg(&source).arg(&out).stderr(Stdio::null());
    let mut export = command.spawn().expect("the program");
    until("the page before the picture is there", || out.join("2026/05/Third time lucky.md").exists());
    export.kill().expect("a running process");
    export.wait().expect("its end");
    let left = Tree::read(&out).0;
    assert!(left.keys().all(|path| !path.contains(".gptfs-partial")), "{:?}", left.keys());
}

#[test]
fn too_little_memory_is_said_and_never_remembered() {
    let scratch = Scratch::new();
    let text = "word *x* <b>& \n\n- a\n".repeat(500_000);
    let json = array(&[FIRST, &question("b", "Long", &text)]);
    let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", json));
    let mut said = 0;
    for megabytes in (40..).step_by(40) {
        assert!(megabytes < 1000, "no memory is enough");
        let home = Scratch::new();
        let mut command = Command::new("sh");
        let script = format!("ulimit -v {}; exec \"$@\"", megabytes << 10);
        command
            .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_gptfs"), "ls", "-R", "--jobs", "2"])
            .arg(&source);
        command.env("HOME", home.path("")).env("XDG_CACHE_HOME", home.path("cache")).env("TZ", "UTC");
        let told = outcome(&mut command).succeeded();
        assert_eq!(told.stdout.matches(".md\n").count(), 2, "{told:?}");
        let is_saved = home.tree().0.keys().any(|path| path.starts_with("cache/"));
        if told.stderr.contains("there was too little memory") {
            assert!(!is_saved, "with {megabytes} MB an index is saved");
            said += 1;
        } else {
            assert_eq!(told.stderr, "");
            break;
        }
    }
    assert!(said > 0, "memory was never too short");
}

#[test]
fn a_daemon_that_aborts_leaves_no_dead_mount() {
    let Some(mount) = Mount::new(&demo(), &["--no-cache"]) else { return };
    assert!(mount.dir().join("2023").is_dir());
    assert!(send("ABRT", mount.daemon()));
    until("the daemon is gone", || daemons(&mount.dir()).is_empty());
    mount.assert_nothing_is_left();
}

#[test]
fn mounting_with_sudo_warns_that_only_root_can_read() {
    let environment = [("SUDO_UID", "1000".to_owned())];
    let Some((_mount, told)) = Mount::with(&demo(), &[], &environment) else { return };
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    assert_eq!(told.succeeded().stderr.contains("mounting as root"), is_root);
}

#[test]
fn a_side_file_that_could_not_be_read_is_read_again() {
    let Some(library) = library() else { return };
    let scratch = Scratch::new();
    let (hit, gone, back) = (scratch.path("hit"), scratch.path("gone"), scratch.path("back"));
    let mut environment = fault(library, "read", 1, &demo(), &hit).to_vec();
    environment.push(("GPTFS_FAULT_WHEN", gone.to_str().expect("UTF-8").to_owned()));
    environment.push(("GPTFS_FAULT_CLEAR", back.to_str().expect("UTF-8").to_owned()));
    let expected = gptfs([OsStr::new("cat"), demo().as_os_str(), ".gptfs/account.md".as_ref()]).succeeded();
    let Some((mount, told)) = Mount::with(&demo(), &["--no-cache"], &environment) else { return };
    told.succeeded();
    let account = mount.dir().join(".gptfs/account.md");
    fs::write(&gone, "").expect("a file");
    let error = fs::read(&account).expect_err("a file that can't be read");
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    assert!(hit.exists());
    fs::write(&back, "").expect("a file");
    assert_eq!(fs::read_to_string(&account).expect("the account"), expected.stdout);
}

#[test]
fn readers_that_are_killed_cost_the_mount_nothing() {
    let Some(mount) = Mount::new(&demo(), &["--no-cache"]) else { return };
    // Others, such as the one that gives memory back after the start, come and go.
    let workers = || {
        let threads = fs::read_dir(format!("/proc/{}/task", mount.daemon())).expect("a daemon");
        let names =
            threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("comm")).ok());
        names.filter(|name| name.starts_with("worker-")).count()
    };
    Tree::read(&mount.dir());
    let before = workers();
    assert!(before >= 2, "{before} workers");
    for _ in 0..20 {
        let mut readers: Vec<_> = (0..4)
            .map(|_| {
                let mut command = Command::new("sh");
                command.args(["-c", "exec cat \"$1\"/2*/*/*.md", "sh"]).arg(mount.dir());
                command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a reader")
            })
            .collect();
        for reader in &mut readers {
            // Wait until it is in the middle of reading.
            let mut byte = [0];
            reader.stdout.as_mut().expect("a pipe").read_exact(&mut byte).expect("a byte");
            reader.kill().expect("a running process");
            reader.wait().expect("its end");
        }
    }
    Tree::read(&mount.dir()).assert_is(&exported(&demo()), "after the readers were killed");
    assert_eq!(workers(), before, "no worker is lost");
}

#[test]
fn ten_thousand_open_files_cost_the_daemon_no_descriptor() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    let descriptors = || fs::read_dir(format!("/proc/{}/fd", mount.daemon())).expect("a daemon").count();
    let page = mount.dir().join("2023/03/Ideas for a garden.md");
    fs::read(&page).expect("a page");
    let before = descriptors();
    assert!(before <= 16, "{before} descriptors");
    // This process may not open as many at a time.
    let open: Vec<_> = (0..500).map(|_| File::open(&page).expect("a page")).collect();
    assert!(descriptors() <= before, "{} after {before}", descriptors());
    drop(open);
    for _ in 0..10_000 {
        File::open(&page).expect("a page");
    }
    assert!(descriptors() <= before, "{} after {before}", descriptors());
}

#[test]
fn a_limit_on_descriptors_is_named_where_it_is_too_low() {
    let home = Scratch::new();
    let run = |limit: &str| {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        command.args(["-c", &script, "sh", env!("CARGO_BIN_EXE_gptfs"), "ls", "--no-cache"]).arg(demo());
        outcome(command.env("HOME", home.path("")).env("TZ", "UTC"))
    };
    run("16").succeeded();
    if can_mount() {
        let mut mount = Command::new("sh");
        mount
            .args(["-c", "ulimit -n 8; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_gptfs"), "mount"])
            .arg(demo());
        mount.arg(home.path("chats")).env("HOME", home.path("")).env("XDG_CACHE_HOME", home.path("cache"));
        let told = outcome(&mut mount).failed(6);
        assert!(told.stderr.contains("too many open files (limit 8; see ulimit -n)"), "{told:?}");
    }
    let told = run("3");
    // With three descriptors, not even the program's libraries can be loaded everywhere.
    assert_ne!(told.code, Some(0));
    assert!(told.stderr.to_lowercase().contains("too many open files") || told.code == Some(127), "{told:?}");
}

#[test]
fn a_planted_index_is_never_used_and_a_link_in_its_place_never_followed() {
    let home = Scratch::new();
    let listed = || outcome(program(&home).args(["ls", "-R"]).arg(demo())).succeeded().stdout;
    let expected = listed();
    let saved = home.tree().0.into_keys().find(|path| path.starts_with("cache/")).expect("an index");
    let (saved, elsewhere) = (home.path(&saved), home.path("elsewhere"));
    // Somebody else could have written it.
    fs::set_permissions(&saved, fs::Permissions::from_mode(0o666)).expect("our file");
    assert_eq!(listed(), expected);
    fs::rename(&saved, &elsewhere).expect("our file");
    let bytes = fs::read(&elsewhere).expect("our file");
    symlink(&elsewhere, &saved).expect("a link");
    assert_eq!(listed(), expected);
    assert_eq!(fs::read(&elsewhere).expect("our file"), bytes, "the target of the link is untouched");
    assert!(!saved.is_symlink(), "a new index takes the place of the link");
}

#[test]
fn the_daemon_never_prints_titles_or_text() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let source = scratch.path("export.zip");
    fs::copy(demo(), &source).expect("a copy");
    let dir = scratch.path("chats");
    let child = program(&home)
        .args(["mount", "-f", "--no-cache"])
        .arg(&source)
        .arg(&dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    until("the tree is usable", || dir.join("2023").is_dir());
    // Every read from now on fails and may be logged.
    File::options().write(true).open(&source).expect("our copy").set_len(100).expect("a cut");
    let mut paths: Vec<_> = exported(&demo()).0.into_keys().collect();
    // One failure of each kind is logged. An error about this attachment has its name.
    paths.sort_by_key(|path| !path.ends_with("/map of the old town.png"));
    let failed = paths.iter().filter(|path| fs::read(dir.join(path)).is_err()).count();
    assert!(failed > 0, "some reads fail");
    outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
    let output = child.wait_with_output().expect("the program exits");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    for path in &paths {
        let title =
            path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(stem, _)| stem);
        assert!(title.len() < 6 || !said.contains(title), "{title:?} in {said}");
    }
    assert!(daemons(&dir).is_empty());
}

#[test]
fn without_a_place_for_the_index_everything_works() {
    let home = Scratch::new();
    let expected = list(&demo()).succeeded().stdout;
    for cache in ["/dev/null/cache", "/proc/cache"] {
        let told =
            outcome(program(&home).env("XDG_CACHE_HOME", cache).args(["ls", "-R"]).arg(demo())).succeeded();
        assert_eq!(told.stdout, expected, "{cache}");
        let status = |words: &[&str]| {
            outcome(program(&home).env("XDG_CACHE_HOME", cache).args(words).arg(demo()).arg(".gptfs/status"))
        };
        let told = status(&["cat", "--verbose"]).succeeded();
        let line = format!("saved index: none; {cache}/gptfs: ");
        assert!(told.stdout.contains(&format!("\n{line}")) && told.stderr.contains(&line), "{told:?}");
    }
    let told = outcome(program(&home).args(["ls", "--verbose"]).arg(demo())).succeeded();
    assert!(told.stderr.contains("; saved index: in /"), "{}", told.stderr);
    if fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0) {
        return skip("a cache directory that may not be written, which root always may");
    }
    let closed = home.directory("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o500)).expect("our directory");
    let told =
        outcome(program(&home).env("XDG_CACHE_HOME", &closed).args(["ls", "-R"]).arg(demo())).succeeded();
    assert_eq!(told.stdout, expected);
}

#[test]
fn on_a_full_disk_no_index_is_saved_and_everything_else_works() {
    let scratch = Scratch::new();
    let disk = scratch.directory("disk");
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "none"]).arg(&disk).output();
    if !mount.is_ok_and(|output| output.status.success()) {
        return skip("a disk that is full, which only root can make");
    }
    assert!(fs::write(disk.join("filler"), vec![0; 1 << 20]).is_err(), "the disk has an end");
    let list = |cache: &Path| {
        let mut command = program(&scratch);
        outcome(command.args(["ls", "-R"]).arg(demo()).env("XDG_CACHE_HOME", cache)).succeeded()
    };
    let full = list(&disk);
    let words = ["cat".into(), "--verbose".into(), demo().into_os_string(), ".gptfs/status".into()];
    let told = outcome(program(&scratch).args(words).env("XDG_CACHE_HOME", &disk)).succeeded();
    let left: Vec<_> = fs::read_dir(&disk).expect("a disk").flatten().map(|entry| entry.path()).collect();
    let inside = fs::read_dir(disk.join("gptfs")).map_or(0, Iterator::count);
    let _ = Command::new("umount").arg("-l").arg(&disk).status();
    assert_eq!(full.stdout, list(&scratch.path("cache")).stdout);
    assert_eq!(full.stderr, "");
    for text in [&told.stdout, &told.stderr] {
        let line = text.lines().find(|line| line.contains("saved index: none; "));
        assert!(line.is_some_and(|line| line.ends_with("/disk/gptfs: no space left on device")), "{text}");
    }
    assert_eq!(inside, 0, "{left:?}");
}

#[test]
fn a_page_that_memory_is_too_short_for_is_enomem_until_there_is_some() {
    let scratch = Scratch::new();
    let text = "word *x* <b>& \n\n- a\n".repeat(500_000);
    let json = array(&[FIRST, &question("b", "Long", &text)]);
    let source = scratch.zip("export.zip", &Zip::new().deflated("conversations.json", json));
    let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
    let page = mount.dir().join("2024/02/Long.md");
    let limit = |bytes: &str| {
        let (process, limit) = (format!("--pid={}", mount.daemon()), format!("--as={bytes}:"));
        outcome(Command::new("prlimit").args([process, limit])).succeeded();
    };
    let status = fs::read_to_string(format!("/proc/{}/status", mount.daemon())).expect("a daemon");
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).expect("its size");
    let size: u64 = size.trim().trim_end_matches(" kB").parse().expect("a number");
    limit(&((size << 10) + (40 << 20)).to_string());
    let error = fs::read(&page).expect_err("too little memory");
    assert_eq!(error.raw_os_error(), Some(libc::ENOMEM));
    assert!(!fs::read(mount.dir().join("2024/02/First light.md")).expect("another page").is_empty());
    limit("unlimited");
    assert!(fs::read(&page).expect("the page").len() > text.len());
}

#[test]
fn an_ordinary_user_is_told_what_allow_other_needs() {
    let is_root = fs::metadata("/proc/self").is_ok_and(|it| std::os::unix::fs::MetadataExt::uid(&it) == 0);
    let settings = fs::read_to_string("/etc/fuse.conf").unwrap_or_default();
    let is_allowed =
        settings.lines().any(|line| line.split('#').next().unwrap_or_default().trim() == "user_allow_other");
    if is_root || is_allowed {
        return skip("--allow-other for a user who may not use it, as root and user_allow_other may");
    }
    let Some((mount, told)) = Mount::with(&demo(), &["--allow-other"], &[]) else { return };
    assert!(told.failed(6).stderr.contains("needs a line `user_allow_other` in /etc/fuse.conf"));
    mount.assert_nothing_is_left();
}
