//! The life cycle of a mount, with the real program and the real kernel.

use crate::support::{
    Mount, Outcome, Scratch, Tree, Zip, can_mount, daemons, exported, fixtures, gptfs, mounted, outcome,
    program, send, skip, until,
};
use std::ffi::{CString, OsStr};
use std::fs::{self, File, FileTimes, OpenOptions, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

/// The environment is at fault: mountpoint, FUSE, space, permissions.
const ENVIRONMENT: i32 = 6;
/// The uid and gid of `nobody`.
const NOBODY: u32 = 65534;
/// A page of the demo export.
const PAGE: &str = "2023/03/Ideas for a garden.md";

fn demo() -> PathBuf {
    fixtures().join("demo.zip")
}

fn is_root() -> bool {
    fs::metadata("/proc/self").expect("/proc").uid() == 0
}

// Mounting and unmounting.

#[test]
fn a_mount_is_usable_when_the_command_returns() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let dir = scratch.directory("chats");
    let told = outcome(program(&home).arg("mount").arg(demo()).arg(&dir)).succeeded();
    let tree = Tree::read(&dir);
    outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
    assert_eq!((told.stdout.as_str(), told.stderr.as_str()), ("", ""), "success is silent");
    tree.assert_is(&exported(&demo()), "the mount against an export");
    assert!(dir.is_dir(), "a directory that existed before stays");
    assert_eq!((mounted(&dir), daemons(&dir)), (None, vec![]));
}

#[test]
fn a_missing_mountpoint_is_created_and_removed_again() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    assert!(mount.dir().join(PAGE).is_file());
    mount.unmount().succeeded();
    assert!(!mount.dir().exists());
    mount.assert_nothing_is_left();
}

#[test]
fn every_way_to_unmount_ends_the_daemon() {
    for command in [&["umount"][..], &["umount", "-l"], &["fusermount3", "-u"]] {
        let Some(mount) = Mount::new(&demo(), &[]) else { return };
        let (name, options) = command.split_first().expect("a name");
        if !is_root() && *name == "umount" {
            skip("`umount`, which needs root");
            continue;
        }
        assert!(mount.dir().join(PAGE).is_file());
        outcome(Command::new(name).args(options).arg(mount.dir())).succeeded();
        until("the daemon exits and removes its mountpoint", || {
            daemons(&mount.dir()).is_empty() && !mount.dir().exists()
        });
        mount.assert_nothing_is_left();
    }
}

#[test]
fn a_signal_ends_a_foreground_mount_cleanly() {
    if !can_mount() {
        return;
    }
    for signal in ["TERM", "INT", "HUP"] {
        let (home, scratch) = (Scratch::new(), Scratch::new());
        let dir = scratch.path("chats");
        let mut child = program(&home)
            .args(["mount", "-f"])
            .arg(demo())
            .arg(&dir)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        until("the tree is usable", || dir.join(PAGE).is_file());
        assert_eq!(child.try_wait().expect("a child"), None, "it stays in the foreground");
        assert_eq!(daemons(&dir), [child.id()], "and starts no other process");
        assert!(send(signal, child.id()));
        let output = child.wait_with_output().expect("its end");
        assert_eq!(output.status.code(), Some(0), "SIG{signal}");
        assert_eq!(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()), "");
        assert_eq!(mounted(&dir), None);
        scratch.tree().assert_is(&Tree::default(), "after the signal");
    }
}

#[test]
fn a_signal_to_the_daemon_unmounts() {
    for signal in ["TERM", "INT", "HUP"] {
        let Some(mount) = Mount::new(&demo(), &[]) else { return };
        assert!(send(signal, mount.daemon()));
        until("it is unmounted", || mounted(&mount.dir()).is_none() && daemons(&mount.dir()).is_empty());
        mount.assert_nothing_is_left();
    }
}

#[test]
fn the_next_mount_clears_the_dead_mount_of_a_killed_daemon() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    assert!(send("KILL", mount.daemon()));
    until("the daemon is dead", || daemons(&mount.dir()).is_empty());
    assert!(fs::read(mount.dir().join(PAGE)).is_err(), "the mount is dead");
    let told = mount.again(&demo(), &[]).succeeded();
    assert!(told.stderr.contains("cleared a dead mount"), "it reports what it cleared: {}", told.stderr);
    assert_eq!(told.stderr.lines().count(), 1);
    assert!(mount.dir().join(PAGE).is_file());
    mount.unmount().succeeded();
    assert_eq!(mounted(&mount.dir()), None);
}

#[test]
fn unmount_clears_a_dead_mount() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    assert!(send("KILL", mount.daemon()));
    until("the daemon is dead", || daemons(&mount.dir()).is_empty());
    mount.unmount().succeeded();
    assert_eq!(mounted(&mount.dir()), None);
    assert!(Tree::read(&mount.dir()).0.is_empty());
}

#[test]
fn a_busy_mount_stays_mounted() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    let open = File::open(mount.dir().join(PAGE)).expect("a page");
    let told = mount.try_unmount().failed(ENVIRONMENT);
    assert!(told.stderr.contains("busy"), "{}", told.stderr);
    assert!(mount.dir().join(PAGE).is_file());
    drop(open);
    mount.unmount().succeeded();
    mount.assert_nothing_is_left();
}

#[test]
fn relative_paths_work() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let dir = scratch.directory("home/chats");
    fs::copy(demo(), scratch.path("home/export.zip")).expect("a copy");
    let run = |words: &[&str]| outcome(program(&home).args(words).current_dir(scratch.path("home")));
    run(&["mount", "export.zip", "chats"]).succeeded();
    assert!(dir.join(PAGE).is_file());
    run(&["unmount", "../home/./chats/"]).succeeded();
    assert_eq!(mounted(&dir), None);
}

#[test]
fn one_export_can_be_mounted_twice() {
    let Some(one) = Mount::new(&demo(), &[]) else { return };
    let Some(two) = Mount::new(&demo(), &[]) else { return };
    let tree = Tree::read(&one.dir());
    Tree::read(&two.dir()).assert_is(&tree, "the second mount");
    one.unmount().succeeded();
    Tree::read(&two.dir()).assert_is(&tree, "the second mount after the first is gone");
}

// Bad mountpoints: each is refused with its own message, and nothing changes.

#[track_caller]
fn assert_mountpoint_refused(scratch: &Scratch, dir: &Path, reason: &str) {
    let before = scratch.tree();
    let told = gptfs([OsStr::new("mount"), demo().as_os_str(), dir.as_os_str()]).failed(ENVIRONMENT);
    let name = dir.file_name().and_then(OsStr::to_str).expect("a name");
    assert!(told.stderr.contains(name) && told.stderr.contains(reason), "{}", told.stderr);
    scratch.tree().assert_is(&before, "the directory is untouched");
    assert_eq!((mounted(dir), daemons(dir)), (None, vec![]));
}

#[test]
fn a_file_is_refused_as_a_mountpoint() {
    if can_mount() {
        let scratch = Scratch::new();
        assert_mountpoint_refused(&scratch, &scratch.file("notes", "text"), "not a directory");
    }
}

#[test]
fn a_directory_that_is_not_empty_is_refused() {
    if can_mount() {
        let scratch = Scratch::new();
        scratch.file("full/notes.txt", "text");
        assert_mountpoint_refused(&scratch, &scratch.path("full"), "not empty");
    }
}

#[test]
fn a_mountpoint_without_a_parent_is_refused() {
    if can_mount() {
        let scratch = Scratch::new();
        assert_mountpoint_refused(
            &scratch,
            &scratch.path("nowhere/chats"),
            "parent directory does not exist",
        );
    }
}

#[test]
fn a_dangling_symlink_is_refused() {
    if can_mount() {
        let scratch = Scratch::new();
        std::os::unix::fs::symlink("nowhere", scratch.path("link")).expect("a link");
        let told = gptfs([OsStr::new("mount"), demo().as_os_str(), scratch.path("link").as_os_str()]);
        let told = told.failed(ENVIRONMENT);
        assert!(told.stderr.contains("symbolic link"), "{}", told.stderr);
        assert!(scratch.path("link").is_symlink());
    }
}

#[test]
fn a_second_mount_on_a_mountpoint_is_refused_and_the_first_goes_on() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    let daemon = mount.daemon();
    let told = mount.again(&demo(), &[]).failed(ENVIRONMENT);
    assert!(told.stderr.contains("already mounted"), "{}", told.stderr);
    assert_eq!(mount.daemon(), daemon);
    assert!(mount.dir().join(PAGE).is_file());
}

#[test]
fn non_empty_mounts_over_a_directory_with_files() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let hidden = scratch.file("full/notes.txt", "text");
    let dir = scratch.path("full");
    outcome(program(&home).args(["mount", "--non-empty"]).arg(demo()).arg(&dir)).succeeded();
    assert!(dir.join(PAGE).is_file() && !hidden.exists());
    outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
    assert_eq!(fs::read_to_string(hidden).expect("the file is back"), "text");
}

#[test]
fn a_mount_over_the_saved_indexes_serves_without_them() {
    if !can_mount() {
        return;
    }
    let home = Scratch::new();
    let dir = home.path("");
    for options in [&["--non-empty"][..], &["--non-empty", "--no-wait"]] {
        home.file("cache/gptfs/notes.txt", "text");
        let told = outcome(program(&home).arg("mount").args(options).arg(demo()).arg(&dir)).succeeded();
        assert!(told.stderr.contains("the mount hides the directory of saved indexes"), "{}", told.stderr);
        // A process that waits for its own answer never gives it.
        let page = outcome(Command::new("timeout").args(["20", "cat"]).arg(dir.join(PAGE)));
        let unmounted = outcome(program(&home).arg("unmount").arg(&dir));
        assert!(page.succeeded().stdout.starts_with("---"));
        unmounted.succeeded();
        assert_eq!(fs::read_dir(home.path("cache/gptfs")).expect("the directory is back").count(), 1);
    }
}

#[test]
fn unmount_refuses_a_directory_that_is_not_a_mount_of_gptfs() {
    let scratch = Scratch::new();
    let told = gptfs([OsStr::new("unmount"), scratch.directory("chats").as_os_str()]).failed(ENVIRONMENT);
    assert!(told.stderr.contains("not mounted"), "{}", told.stderr);
    let told = gptfs(["unmount", "/proc"]).failed(ENVIRONMENT);
    assert!(told.stderr.contains("not a mount of gptfs"), "{}", told.stderr);
}

// Bad exports: nothing is mounted and nothing is left behind.

#[test]
fn an_unreadable_export_mounts_nothing_and_leaves_nothing_behind() {
    if !can_mount() {
        return;
    }
    let whole = fs::read(demo()).expect("the demo export");
    let inputs: [(&str, Vec<u8>, &[&str], i32); 5] = [
        ("words.zip", b"not a zip archive at all\n".to_vec(), &[], 3),
        ("empty.zip", Zip::new().bytes(), &[], 3),
        ("none.json", b"[]".to_vec(), &[], 3),
        ("cut.zip", whole[..whole.len() / 2].to_vec(), &[], 4),
        ("large.zip", whole, &["--max-size", "10K"], 5),
    ];
    for (name, bytes, options, code) in inputs {
        let scratch = Scratch::new();
        let source = scratch.file(name, bytes);
        let before = scratch.tree();
        for foreground in [&[][..], &["-f"]] {
            let dir = scratch.path("chats");
            let words = ["mount"].iter().chain(options).chain(foreground).map(OsStr::new);
            let told = gptfs(words.chain([source.as_os_str(), dir.as_os_str()])).failed(code);
            assert!(told.stderr.contains(name), "the message names the source: {}", told.stderr);
            assert_eq!((mounted(&dir), daemons(&dir)), (None, vec![]), "{name}");
            scratch.tree().assert_is(&before, name);
        }
    }
}

#[test]
fn a_missing_source_mounts_nothing_and_leaves_nothing_behind() {
    if !can_mount() {
        return;
    }
    let scratch = Scratch::new();
    let (source, dir) = (scratch.path("missing.zip"), scratch.path("chats"));
    let told = gptfs([OsStr::new("mount"), source.as_os_str(), dir.as_os_str()]).failed(ENVIRONMENT);
    assert!(told.stderr.contains("missing.zip"), "{}", told.stderr);
    scratch.tree().assert_is(&Tree::default(), "nothing is left");
}

// `--no-wait`.

#[test]
fn with_no_wait_a_listing_waits_for_the_whole_tree() {
    let Some(mount) = Mount::new(&demo(), &["--no-wait"]) else { return };
    Tree::read(&mount.dir()).assert_is(&exported(&demo()), "the tree");
    mount.unmount().succeeded();
    mount.assert_nothing_is_left();
}

#[test]
fn with_no_wait_an_unreadable_export_unmounts_itself() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let source = scratch.file("words.zip", "not a zip archive at all\n");
    let before = scratch.tree();
    let dir = scratch.path("chats");
    outcome(program(&home).args(["mount", "--no-wait"]).arg(&source).arg(&dir));
    until("the daemon gives up", || mounted(&dir).is_none() && daemons(&dir).is_empty());
    scratch.tree().assert_is(&before, "nothing is left");
}

// Promises of a mount.

#[test]
fn every_change_is_refused_with_erofs() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    let dir = mount.dir();
    let before = Tree::read(&dir);
    let (page, month, new) = (dir.join(PAGE), dir.join("2023/03"), dir.join("2023/03/new"));
    let name = |path: &Path| CString::new(path.as_os_str().as_bytes()).expect("a path");
    let (c_page, c_new) = (name(&page), name(&new));
    // SAFETY: callers pass only pointers to NUL-terminated strings that outlive the call.
    let system = |call: &dyn Fn() -> libc::c_int| match call() {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
    let open = |options: &mut OpenOptions, path: &Path| options.open(path).map(drop);
    let later = SystemTime::UNIX_EPOCH;
    let calls: Vec<(&str, io::Result<()>)> = vec![
        ("write", open(OpenOptions::new().write(true), &page)),
        ("append", open(OpenOptions::new().append(true), &page)),
        ("read and write", open(OpenOptions::new().read(true).write(true), &page)),
        ("truncate", open(OpenOptions::new().write(true).truncate(true), &page)),
        ("create", open(OpenOptions::new().write(true).create(true).truncate(false), &new)),
        ("create new", open(OpenOptions::new().write(true).create_new(true), &new)),
        ("mkdir", fs::create_dir(&new)),
        ("unlink", fs::remove_file(&page)),
        ("rmdir", fs::remove_dir(&month)),
        ("rename", fs::rename(&page, &new)),
        ("link", fs::hard_link(&page, &new)),
        ("symlink", std::os::unix::fs::symlink("target", &new)),
        ("chmod", fs::set_permissions(&page, Permissions::from_mode(0o600))),
        ("chown", std::os::unix::fs::chown(&page, Some(0), Some(0))),
        (
            "utimensat",
            File::open(&page).and_then(|file| file.set_times(FileTimes::new().set_modified(later))),
        ),
        // SAFETY: see above.
        ("mknod", system(&|| unsafe { libc::mknod(c_new.as_ptr(), libc::S_IFIFO | 0o600, 0) })),
        // SAFETY: see above.
        ("truncate by name", system(&|| unsafe { libc::truncate(c_page.as_ptr(), 0) })),
        (
            "setxattr",
            // SAFETY: see above; the value is one byte long, as stated.
            system(&|| unsafe {
                libc::setxattr(c_page.as_ptr(), c"user.x".as_ptr(), c"y".as_ptr().cast(), 1, 0)
            }),
        ),
        // SAFETY: see above.
        ("removexattr", system(&|| unsafe { libc::removexattr(c_page.as_ptr(), c"user.x".as_ptr()) })),
    ];
    for (call, result) in calls {
        let errno = result.expect_err(call).raw_os_error();
        assert_eq!(errno, Some(libc::EROFS), "{call}");
    }
    Tree::read(&dir).assert_is(&before, "nothing changed");
}

#[test]
fn a_mount_is_read_only_without_setuid_devices_or_programs() {
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    let line = mounted(&mount.dir()).expect("mounted");
    let (options, kind) = line.split_once(" - ").expect("a mountinfo line");
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        let options = options.split(' ').nth(5).expect("options");
        assert!(options.split(',').any(|one| one == option), "{option}: {options}");
    }
    assert!(kind.starts_with("fuse.gptfs "), "{kind}");
    let error = Command::new(mount.dir().join(PAGE)).spawn().expect_err("a page must not be executable");
    assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
}

/// Reads the page of a mount as another user.
fn read_as_nobody(mount: &Mount) -> Outcome {
    outcome(Command::new("cat").arg(mount.dir().join(PAGE)).uid(NOBODY).gid(NOBODY))
}

/// Opens the parent directory to everybody, so that only the mount itself controls access.
fn open_the_way(mount: &Mount) {
    let parent = mount.dir().parent().expect("a parent").to_owned();
    fs::set_permissions(parent, Permissions::from_mode(0o755)).expect("our directory");
}

#[test]
fn another_user_cannot_read_a_mount() {
    if !is_root() {
        return skip("a test with two users, which needs root");
    }
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    open_the_way(&mount);
    let told = read_as_nobody(&mount);
    assert_ne!(told.code, Some(0));
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("Permission denied"), "{}", told.stderr);
    assert_eq!(fs::metadata(mount.dir().join(PAGE)).expect("a page").mode() & 0o7777, 0o600);
    assert_eq!(fs::metadata(mount.dir()).expect("a root").mode() & 0o7777, 0o700);
}

#[test]
fn another_user_can_read_a_mount_that_is_open_to_others() {
    if !is_root() {
        return skip("a test with two users, which needs root");
    }
    let Some(mount) = Mount::new(&demo(), &["--allow-other"]) else { return };
    open_the_way(&mount);
    let page = fs::read_to_string(mount.dir().join(PAGE)).expect("a page");
    assert_eq!(read_as_nobody(&mount).succeeded().stdout, page);
    assert_eq!(fs::metadata(mount.dir().join(PAGE)).expect("a page").mode() & 0o7777, 0o644);
    assert_eq!(fs::metadata(mount.dir()).expect("a root").mode() & 0o7777, 0o755);
}

#[test]
fn an_ordinary_user_mounts_and_unmounts_with_fusermount3() {
    if !can_mount() {
        return;
    }
    if !is_root() {
        return skip("switching to an ordinary user, which needs root (the other tests already run as one)");
    }
    if fs::metadata("/dev/fuse").expect("/dev/fuse").mode() & 0o006 != 0o006 {
        return skip("mounting as an ordinary user: /dev/fuse is closed to them (chmod 666 /dev/fuse)");
    }
    if Command::new("fusermount3").arg("-V").output().is_err() {
        return skip("mounting as an ordinary user: fusermount3 is missing (install fuse3)");
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    // The build directory may be closed to others.
    let (binary, source, dir) =
        (scratch.path("gptfs"), scratch.path("export.zip"), scratch.directory("chats"));
    fs::copy(env!("CARGO_BIN_EXE_gptfs"), &binary).expect("a copy");
    fs::copy(demo(), &source).expect("a copy");
    fs::set_permissions(scratch.path(""), Permissions::from_mode(0o755)).expect("our directory");
    std::os::unix::fs::chown(&dir, Some(NOBODY), Some(NOBODY)).expect("our directory");
    std::os::unix::fs::chown(home.path(""), Some(NOBODY), Some(NOBODY)).expect("our directory");
    let run = |program: &Path, words: &[&OsStr]| {
        outcome(
            Command::new(program)
                .args(words)
                .env("HOME", home.path(""))
                .env("XDG_CACHE_HOME", home.path("cache"))
                .env("TZ", "UTC")
                .current_dir("/")
                .uid(NOBODY)
                .gid(NOBODY),
        )
    };
    run(&binary, &["mount".as_ref(), source.as_os_str(), dir.as_os_str()]).succeeded();
    let page = run(Path::new("cat"), &[dir.join(PAGE).as_os_str()]);
    let by_root = fs::read(dir.join(PAGE));
    let unmounted = run(&binary, &["unmount".as_ref(), dir.as_os_str()]);
    unmounted.succeeded();
    assert_eq!(page.succeeded().stdout.into_bytes(), exported(&demo()).0[PAGE]);
    assert!(by_root.is_err(), "not even root can read another user's mount");
    assert_eq!((mounted(&dir), daemons(&dir)), (None, vec![]));
}

// Sources that change or vanish, and a missing device.

#[test]
fn deleting_or_replacing_the_export_does_not_change_the_mount() {
    let scratch = Scratch::new();
    let source = scratch.path("export.zip");
    fs::copy(demo(), &source).expect("a copy");
    let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
    let other = Zip::new().deflated("conversations.json", "[]");
    fs::rename(scratch.zip("other.zip", &other), &source).expect("a rename");
    Tree::read(&mount.dir()).assert_is(&exported(&demo()), "after it was replaced");
    fs::remove_file(&source).expect("a file");
    Tree::read(&mount.dir()).assert_is(&exported(&demo()), "after it was deleted");
}

#[test]
fn overwriting_the_export_in_place_never_shows_wrong_bytes() {
    let expected = exported(&demo());
    for cut in [true, false] {
        let scratch = Scratch::new();
        let source = scratch.path("export.zip");
        fs::copy(demo(), &source).expect("a copy");
        let Some(mount) = Mount::new(&source, &["--no-cache"]) else { return };
        let file = OpenOptions::new().write(true).open(&source).expect("our copy");
        let length = file.metadata().expect("a size").len();
        if cut {
            file.set_len(length / 3).expect("a cut");
        } else {
            file.write_all_at(&vec![0x55; length as usize], 0).expect("a write");
            file.set_times(FileTimes::new().set_modified(SystemTime::UNIX_EPOCH)).expect("a time");
        }
        let (mut right, mut refused) = (0, 0);
        for (path, bytes) in &expected.0 {
            match fs::read(mount.dir().join(path)) {
                Ok(got) => {
                    assert!(got == *bytes, "{path}: wrong bytes");
                    right += 1;
                }
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EIO), "{path}");
                    refused += 1;
                }
            }
        }
        assert_eq!(right + refused, expected.0.len());
        assert!(refused > 0, "data that can no longer be verified is refused");
        mount.unmount().succeeded();
        mount.assert_nothing_is_left();
    }
}

#[test]
fn without_dev_fuse_mount_names_the_package_and_the_commands_that_still_work() {
    if !is_root() {
        return skip("a test that hides /dev, which needs root");
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let dir = scratch.path("chats");
    let script = "mount -t tmpfs none /dev && exec \"$@\"";
    let hidden = |words: &[&OsStr]| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_gptfs")]).args(words);
        command.env("HOME", home.path("")).env("TZ", "UTC").env("XDG_CACHE_HOME", home.path("cache"));
        outcome(&mut command)
    };
    let listed = hidden(&["ls".as_ref(), demo().as_os_str()]);
    if listed.code == Some(1) && listed.stderr.contains("unshare") {
        return skip("hiding /dev: unshare is not permitted here");
    }
    assert!(listed.succeeded().stdout.starts_with("2023/\n"));
    let told = hidden(&["mount".as_ref(), demo().as_os_str(), dir.as_os_str()]).failed(ENVIRONMENT);
    for words in ["/dev/fuse", "install fuse3", "gptfs ls, cat and export work without it"] {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    assert!(!dir.exists());
}

#[test]
fn a_mount_given_as_an_export_is_recognised_and_its_export_named() {
    let source = fixtures().join("demo.zip");
    let Some(mount) = Mount::new(&source, &[]) else { return };
    for words in [&["ls"][..], &["mount"], &["grep", "Lisbon"]] {
        let told = gptfs(words.iter().map(OsStr::new).chain([mount.dir().as_os_str()]));
        let expected = format!("a mount of gptfs; name the export that it shows: {}\n", source.display());
        assert!(told.stderr.ends_with(&expected), "{words:?}: {}", told.stderr);
    }
}
