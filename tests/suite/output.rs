//! Output that can't be written: each command says so in one line and exits with 6, unless its reader has had enough.

use crate::support::{Outcome, Scratch, Tree, Zip, array, exported, fixtures, outcome, program, skip};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const NOBODY: u32 = 65534;

/// Exit code for what the system refuses.
const ENVIRONMENT: i32 = 6;

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// The commands that print, with an export that has problems.
fn printing(scratch: &Scratch) -> Vec<Vec<String>> {
    let zip = Zip::new().deflated("conversations.json", array(&[FIRST])).stored("user.json", "{}");
    let damaged = scratch.zip("damaged.zip", &zip.with_a_wrong_crc()).display().to_string();
    let demo = fixtures().join("demo.zip").display().to_string();
    let words = |words: &str| words.replace("DEMO", &demo).replace("DAMAGED", &damaged);
    [
        "ls -R DEMO",
        "ls --json DEMO",
        "recent DEMO",
        "cat DEMO .gptfs/index.tsv .gptfs/status",
        "info DEMO",
        "info --json DEMO",
        "check DAMAGED",
        "check --json DAMAGED",
        "diff DAMAGED DEMO",
        "export --format jsonl DEMO",
        "systemd DEMO /mnt",
        "doctor",
        "man",
        "man mount",
        "completions bash",
        "help",
        "help mount",
        "mount --help",
        "--help",
        "--version",
    ]
    .map(|command| words(command).split(' ').map(str::to_owned).collect())
    .into()
}

#[test]
fn a_full_device_is_one_line_and_an_exit_code_of_its_own() {
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let mut commands = printing(&scratch);
    let grep = ["grep", "e", &fixtures().join("demo.zip").display().to_string()].map(str::to_owned);
    commands.push(grep.into());
    for words in commands {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("a device");
        let output = program(&home).args(&words).stdout(full).output().expect("the program");
        let said = String::from_utf8(output.stderr).expect("text");
        // A search has the exit codes of ripgrep.
        let expected = if words[0] == "grep" { 2 } else { ENVIRONMENT };
        assert_eq!(output.status.code(), Some(expected), "{words:?}: {said}");
        let lines: Vec<_> = said.lines().filter(|line| !line.contains("`gptfs check` lists")).collect();
        assert_eq!(lines, ["gptfs: standard output: no space left on device"], "{words:?}");
    }
}

#[test]
fn a_reader_that_has_had_enough_is_no_error_of_any_command() {
    let (home, scratch) = (Scratch::new(), Scratch::new());
    for words in printing(&scratch) {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = program(&home).args(&words).stdout(writer).output().expect("the program");
        let said = String::from_utf8(output.stderr).expect("text");
        let has_problems = words[0] == "check";
        assert_eq!(output.status.code(), Some(if has_problems { 4 } else { 0 }), "{words:?}: {said}");
        assert!(!said.contains("standard output") && !said.contains("pipe"), "{words:?}: {said}");
    }
}

#[test]
fn nothing_more_is_read_for_a_reader_that_has_had_enough() {
    let scratch = Scratch::new();
    let zip = Zip::new().deflated("conversations.json", array(&[FIRST])).stored("broken.bin", "x");
    let source = scratch.zip("export.zip", &zip.with_a_wrong_crc());
    let words = ["cat", "--no-cache", source.to_str().expect("UTF-8"), ".gptfs/status"];
    let then = [".gptfs/export/broken.bin"];
    let home = Scratch::new();
    let failed = outcome(program(&home).args(words).args(then));
    assert!(failed.stderr.contains("broken.bin"), "{failed:?}");
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let output = program(&home).args(words).args(then).stdout(writer).output().expect("the program");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

/// Exports the demo to `into` with `program`, and asserts that it fails for one reason that it says.
#[track_caller]
fn assert_refused(command: &mut Command, source: &Path, into: &Path, reason: &str) {
    let told = outcome(command.args(["export", "--no-cache"]).arg(source).arg(into)).failed(ENVIRONMENT);
    assert!(told.stderr.trim_end().ends_with(reason), "{}", told.stderr);
}

#[test]
fn a_folder_that_may_not_be_written_is_a_reason_of_the_system() {
    let scratch = Scratch::new();
    let closed = scratch.directory("closed");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).expect("our directory");
    fs::set_permissions(scratch.path(""), fs::Permissions::from_mode(0o755)).expect("our directory");
    // The build directory may be closed to others.
    let (binary, source) = (scratch.path("gptfs"), scratch.path("export.zip"));
    fs::copy(env!("CARGO_BIN_EXE_gptfs"), &binary).expect("a copy");
    fs::copy(fixtures().join("demo.zip"), &source).expect("a copy");
    for (into, reason) in [
        (&*closed, "permission denied"),
        (&closed.join("new"), "permission denied"),
        (Path::new("/proc/new"), "no such file or directory"),
        (Path::new("/dev/null"), "not a folder; name a new or an empty folder"),
    ] {
        let mut command = Command::new(&binary);
        if is_root() {
            command.uid(NOBODY).gid(NOBODY);
        }
        assert_refused(command.current_dir("/").env("TZ", "UTC"), &source, into, reason);
    }
}

#[test]
fn a_disk_that_is_full_or_read_only_is_a_reason_of_the_system() {
    for (options, reason) in [
        ("size=100k", "can't be written: no space left on device"),
        ("nr_inodes=20", "can't be written: no space left on device"),
        ("ro", "read-only file system"),
    ] {
        let scratch = Scratch::new();
        let disk = scratch.directory("disk");
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "none"]).arg(&disk).output();
        if !mount.is_ok_and(|output| output.status.success()) {
            return skip("disks that are full, which only root can make");
        }
        let (home, source) = (Scratch::new(), fixtures().join("demo.zip"));
        let refused = std::panic::catch_unwind(|| {
            assert_refused(&mut program(&home), &source, &disk.join("out"), reason);
        });
        let partial = |path: &String| path.contains(".gptfs-partial");
        let left: Vec<_> = Tree::read(&disk).0.into_keys().filter(partial).collect();
        let _ = Command::new("umount").arg("-l").arg(&disk).status();
        refused.expect(options);
        assert_eq!(left, Vec::<String>::new());
    }
}

/// Runs gptfs where no file may be larger than a kilobyte.
fn with_small_files(home: &Scratch, words: &[&str], out: Option<&Path>) -> Outcome {
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 1 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_gptfs")]).args(words);
    command.env("HOME", home.path("")).env("XDG_CACHE_HOME", home.path("cache")).env("TZ", "UTC");
    let output = match out {
        Some(out) => command.stdout(File::create(out).expect("a file")).output(),
        None => command.output(),
    };
    let output = output.expect("a shell");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_limit_of_file_sizes_ends_no_command_that_writes_a_large_file() {
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let source = fixtures().join("demo.zip");
    let demo = source.to_str().expect("UTF-8");
    let out = scratch.path("out");
    let told = with_small_files(&home, &["ls", "-R", demo], Some(&scratch.path("listing")));
    assert_eq!((told.code, told.stderr.as_str()), (Some(6), "gptfs: standard output: file too large\n"));
    // The index of an export isn't worth an error.
    let told = with_small_files(&home, &["ls", "-R", demo], None).succeeded();
    assert!(told.stdout.lines().count() > 50 && told.stderr.is_empty(), "{told:?}");
    let saved = home.tree().0.into_keys().filter(|path| path.starts_with("cache/") && !path.ends_with('/'));
    assert_eq!(saved.collect::<Vec<_>>(), Vec::<String>::new());
    let told = with_small_files(&home, &["export", demo, out.to_str().expect("UTF-8")], None);
    assert_eq!(told.code, Some(6), "{told:?}");
    assert!(told.stderr.contains("can't be written: file too large"), "{told:?}");
    for (path, bytes) in &exported(&source).0 {
        if let Ok(written) = fs::read(out.join(path)) {
            assert!(written == *bytes, "{path} is not whole");
        }
    }
}

#[test]
fn a_zip_that_finds_no_room_for_what_it_unpacks_says_where_that_was() {
    let scratch = Scratch::new();
    let inner = Zip::new().deflated("conversations.json", array(&[FIRST])).bytes();
    let zip = Zip::new().deflated("Conversations__0123456789abcdef-chatgpt-0001.zip", inner);
    let (zip, missing) = (scratch.zip("export.zip", &zip), scratch.path("missing"));
    let told = outcome(program(&scratch).arg("info").arg(&zip).env("TMPDIR", &missing)).failed(ENVIRONMENT);
    let reason = format!(
        ": cannot be unpacked to a temporary file in {} ($TMPDIR): no such file or directory",
        missing.display()
    );
    assert!(told.stderr.trim_end().ends_with(&reason), "{}", told.stderr);
}
