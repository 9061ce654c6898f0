//! Whole lives of mounts. Each test runs this binary again as the command that mounts, by the test
//! [`the_command_that_mounts`], which does nothing otherwise.

use super::super::tests::can_mount;
use super::*;
use crate::catalog::Catalog;
use crate::fs::fake::{Fake, head};
use crate::testing::until;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const SCRIPT: &str = "GPTFS_TEST_SCRIPT";
const MOUNTPOINT: &str = "GPTFS_TEST_MOUNTPOINT";
const OPTIONS: &str = "GPTFS_TEST_OPTIONS";
const NOBODY: u32 = 65534;

/// What the command under test builds.
fn build(script: &str, progress: &Progress) -> Result<Fs> {
    progress.set_total(100);
    progress.advance(50);
    (0..7).for_each(|_| progress.count());
    progress.note("a note".into());
    match script {
        "tree" => {
            // 2024-01-01T12:00:00Z.
            let heads = vec![head("tea", "Tea", 1_704_110_400.0)];
            Ok(Fake::new(Catalog { heads, ..Catalog::default() }).mount().1)
        }
        "stuck" => {
            let mountpoint = PathBuf::from(env::var_os(MOUNTPOINT).unwrap());
            fs::write(mountpoint.with_extension("started"), "").unwrap();
            thread::sleep(Duration::from_mins(10));
            Err(Error::new(ErrorKind::Unexpected, "not interrupted"))
        }
        "bug" => panic!("a deliberate bug"),
        "wait for a file" => {
            let gate = env::var_os("GPTFS_TEST_GATE").unwrap();
            until("the gate exists", || Path::new(&gate).exists());
            Err(Error::new(ErrorKind::Damaged, "damaged late"))
        }
        _ => Err(Error::new(ErrorKind::NotAnExport, "x.zip: no conversations found")),
    }
}

#[test]
fn the_command_that_mounts() {
    let Some(script) = env::var(SCRIPT).ok() else { return };
    let words = env::var(OPTIONS).unwrap_or_default();
    let option = |word: &str| words.split(' ').any(|option| option == word);
    let options = MountOptions {
        mountpoint: env::var_os(MOUNTPOINT).unwrap().into(),
        source_name: "export.zip".into(),
        allow_other: option("allow-other"),
        attributes: false,
        non_empty: option("non-empty"),
        foreground: option("foreground"),
        wait: !option("no-wait"),
        temporary: None,
    };
    let tell = Box::new(|news| eprintln!("news: {news:?}"));
    let open = move |_: &Progress| {
        if script == "closed" {
            return Err(Error::new(ErrorKind::NotAnExport, "x.zip: not a zip archive"));
        }
        Ok(Box::new(move |progress: &Progress| build(&script, progress)) as Build)
    };
    let code = match mount(&options, Box::new(open), tell) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("error: {error}");
            error.kind().exit_code()
        }
    };
    process::exit(code.into());
}

/// The command that mounts at `mountpoint`, run by `uid`.
fn command(script: &str, mountpoint: &Path, options: &str, uid: u32) -> Command {
    // The harness has a thread of its own, which must hold back signals like all the others.
    let mut command = Command::new("env");
    command
        .arg("--block-signal=INT,TERM,HUP,QUIT,USR1,USR2,XFSZ")
        .arg(env::current_exe().unwrap())
        .args(["--exact", "fuse::mount::tests::the_command_that_mounts", "--test-threads=1", "--nocapture"])
        .envs([(SCRIPT, script), (OPTIONS, options)])
        .env(MOUNTPOINT, mountpoint)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    if uid != User::current().uid {
        command.uid(uid).gid(uid);
    }
    command
}

fn quiet() -> Tell {
    Box::new(drop)
}

fn run(script: &str, mountpoint: &Path, options: &str) -> Output {
    command(script, mountpoint, options, User::current().uid).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn assert_fails(output: &Output, code: i32, words: &str) {
    let said = stderr(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(words), "{said}");
}

#[track_caller]
fn assert_mounts(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

/// Unmounts `dir`. While another test starts a process, that has for a moment what this one has open there.
fn unmounted(dir: &Path) {
    until("it is unmounted", || match unmount(dir, &mut quiet()) {
        Err(error) if error.to_string().contains("busy") => false,
        done => {
            done.unwrap();
            true
        }
    });
}

fn is_mounted(path: &Path) -> bool {
    mounts::at(path).unwrap().is_some()
}

fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    assert!(Command::new("sh").args(["-c", "kill -s $0 $1", name, &id]).status().unwrap().success());
}

/// A directory for one test, in which every user may make a mount point.
struct Ground(tempfile::TempDir);

impl Ground {
    fn new() -> Self {
        let ground = Self(tempfile::tempdir().unwrap());
        fs::set_permissions(ground.0.path(), fs::Permissions::from_mode(0o777)).unwrap();
        ground
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        // A test that failed leaves no mount behind.
        for mounted in mounts::all().unwrap().into_iter().rev() {
            if mounted.target.starts_with(self.0.path()) {
                let _ = device::unmount(&mounted.target, Unmounting::Detach);
            }
        }
    }
}

#[test]
fn a_mount_can_be_used_when_the_command_returns_and_leaves_nothing() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("my chats");
    let output = run("tree", &dir, "");
    assert_mounts(&output);
    assert!(stderr(&output).contains("a note"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(dir.join("2024/01/Tea.md")).unwrap(), "Thread of tea: Tea, Tea\n");
    let mounted = mounts::at(&dir).unwrap().unwrap();
    assert_eq!((mounted.kind.as_str(), mounted.source.to_str()), ("fuse.gptfs", Some("export.zip")));
    assert!(liveness::is_served(&mounted));
    unmounted(&dir);
    assert!(!liveness::is_served(&mounted), "the daemon has ended");
    assert!(!dir.exists(), "a directory that the mount made is removed");
    assert_eq!(unmount(&dir, &mut quiet()).unwrap_err().kind(), ErrorKind::Environment);
}

#[test]
fn the_tools_of_the_system_end_the_daemon_too() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    for (tool, arguments) in [("fusermount3", &["-u"][..]), ("umount", &[])] {
        if tool == "umount" && !User::current().is_root() {
            continue;
        }
        let dir = ground.at(tool);
        assert_mounts(&run("tree", &dir, ""));
        let mounted = mounts::at(&dir).unwrap().unwrap();
        assert!(Command::new(tool).args(arguments).arg(&dir).status().unwrap().success());
        until("the daemon exits and removes its mountpoint", || {
            !liveness::is_served(&mounted) && !dir.exists()
        });
    }
}

#[test]
fn a_signal_unmounts_and_the_exit_is_clean() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    for name in ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2"] {
        let dir = ground.at(name);
        let mut child = command("tree", &dir, "foreground", User::current().uid).spawn().unwrap();
        until("the tree is shown", || dir.join("2024").exists());
        // An open file does not keep the mount in the tree.
        let held = fs::File::open(dir.join("2024/01/Tea.md")).unwrap();
        signal(&child, name);
        until("it is unmounted", || !is_mounted(&dir) && !dir.exists());
        drop(held);
        assert_eq!(child.wait().unwrap().code(), Some(0), "{name}");
    }
}

#[test]
fn a_second_signal_ends_it_without_waiting_for_readers() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    let mut child = command("tree", &dir, "foreground", User::current().uid).spawn().unwrap();
    until("the tree is shown", || dir.join("2024").exists());
    let _held = fs::File::open(dir.join("2024/01/Tea.md")).unwrap();
    signal(&child, "TERM");
    until("it is unmounted", || !is_mounted(&dir));
    // It would wait for the reader far beyond the deadline of this test.
    signal(&child, "TERM");
    until("it has ended", || child.try_wait().unwrap().is_some_and(|status| status.code() == Some(0)));
}

#[test]
fn a_dead_mount_of_ours_is_cleared_with_a_note() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    fs::create_dir(&dir).unwrap();
    let mut child = command("tree", &dir, "foreground", User::current().uid).spawn().unwrap();
    until("the tree is shown", || dir.join("2024").exists());
    signal(&child, "KILL");
    child.wait().unwrap();
    assert!(is_mounted(&dir));
    let output = run("tree", &dir, "");
    assert_mounts(&output);
    assert!(stderr(&output).contains("cleared a dead mount"), "{}", stderr(&output));
    assert_eq!(fs::read_to_string(dir.join("2024/01/Tea.md")).unwrap(), "Thread of tea: Tea, Tea\n");
    unmounted(&dir);
    assert!(dir.exists(), "a directory that was there before stays");
    // Unmounting clears a dead one too.
    let mut child = command("tree", &dir, "foreground", User::current().uid).spawn().unwrap();
    until("the tree is shown", || dir.join("2024").exists());
    signal(&child, "KILL");
    child.wait().unwrap();
    unmounted(&dir);
    assert!(!is_mounted(&dir));
}

#[test]
fn a_failed_build_mounts_nothing_and_removes_the_directory() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    for options in ["", "foreground"] {
        let dir = ground.at("chats");
        assert_fails(&run("fail", &dir, options), 3, "error: x.zip: no conversations found\n");
        assert_fails(&run("bug", &dir, options), 1, "report");
        assert!(!dir.exists());
    }
}

#[test]
fn a_build_that_fails_after_mounting_unmounts() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let (dir, gate) = (ground.at("chats"), ground.at("gate"));
    let mut mounting = command("wait for a file", &dir, "no-wait", User::current().uid);
    assert_mounts(&mounting.env("GPTFS_TEST_GATE", &gate).output().unwrap());
    thread::scope(|scope| {
        let listing = scope.spawn(|| fs::read_dir(&dir)?.collect::<io::Result<Vec<_>>>());
        let mounted = mounts::at(&dir).unwrap().unwrap();
        fs::write(&gate, "").unwrap();
        // An error, or nothing if it came after the end; never part of a tree.
        assert_eq!(listing.join().unwrap().unwrap_or_default().len(), 0);
        until("the daemon exits and removes its mountpoint", || {
            !liveness::is_served(&mounted) && !dir.exists()
        });
    });
}

#[test]
fn a_foreground_mount_reports_why_its_tree_never_came() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let (dir, gate) = (ground.at("chats"), ground.at("gate"));
    let mut mounting = command("wait for a file", &dir, "no-wait foreground", User::current().uid);
    let child = mounting.env("GPTFS_TEST_GATE", &gate).spawn().unwrap();
    until("it is mounted", || is_mounted(&dir));
    fs::write(&gate, "").unwrap();
    assert_fails(&child.wait_with_output().unwrap(), 4, "damaged late");
    assert!(!dir.exists());
}

#[test]
fn an_interrupted_command_leaves_nothing() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    for (options, name) in [("", "INT"), ("", "TERM"), ("foreground", "INT"), ("", "KILL")] {
        let dir = ground.at("chats");
        let child = command("stuck", &dir, options, User::current().uid).spawn().unwrap();
        until("the mountpoint exists", || dir.exists());
        until("it builds", || dir.with_extension("started").exists());
        fs::remove_file(dir.with_extension("started")).unwrap();
        signal(&child, name);
        let output = child.wait_with_output().unwrap();
        if name == "KILL" {
            // The process that it started notices.
            until("the mountpoint is gone", || !dir.exists());
        } else {
            assert_eq!(output.status.code(), Some(130), "{options} {name}: {}", stderr(&output));
            assert!(!dir.exists(), "{options} {name}");
        }
    }
}

#[test]
fn a_bad_mountpoint_is_refused_with_its_reason() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let refused = |name: &str, words: &str| assert_fails(&run("tree", &ground.at(name), ""), 6, words);
    fs::write(ground.at("file"), "").unwrap();
    refused("file", "file: not a directory");
    fs::create_dir_all(ground.at("full/inner")).unwrap();
    refused("full", "full: not empty");
    refused("none/inner", "its parent directory does not exist");
    refused("file/inner", "not a directory");
    std::os::unix::fs::symlink("nowhere", ground.at("link")).unwrap();
    refused("link", "link: a symbolic link to something that doesn't exist");
    assert_fails(&run("tree", Path::new("/proc"), ""), 6, "/proc: something is mounted there already (proc)");
    assert_mounts(&run("tree", &ground.at("taken"), ""));
    let taken = ground.at("taken").display().to_string();
    refused("taken", &format!("taken: already mounted; to end that, run: gptfs unmount {taken}\n"));
    std::os::unix::fs::symlink("taken", ground.at("detour")).unwrap();
    refused("detour", "taken: already mounted");
    refused("taken/2024", "not empty");
    unmounted(&ground.at("detour"));
    assert_eq!(fs::read_dir(ground.at("full")).unwrap().count(), 1, "nothing was touched");

    assert_mounts(&run("tree", &ground.at("full"), "non-empty"));
    assert!(ground.at("full/2024").exists());
    unmounted(&ground.at("full"));
    assert!(ground.at("full/inner").exists());
}

#[test]
fn a_busy_mount_is_not_unmounted() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    assert_mounts(&run("tree", &dir, ""));
    let held = fs::File::open(dir.join("2024/01/Tea.md")).unwrap();
    let error = unmount(&dir, &mut quiet()).unwrap_err().to_string();
    assert!(error.contains("busy"), "{error}");
    drop(held);
    unmounted(&dir);
    let error = unmount(Path::new("/proc"), &mut quiet()).unwrap_err().to_string();
    assert!(error.contains("not a mount of gptfs"), "{error}");
}

/// True if one test can be two users: it is root, and others may use the device and reach this program.
fn can_be_two_users() -> bool {
    let open = fs::metadata("/dev/fuse").is_ok_and(|device| device.permissions().mode() & 0o006 == 0o006);
    let is_reached = || {
        let mut test = Command::new("test");
        test.arg("-x").arg(env::current_exe().unwrap()).uid(NOBODY).gid(NOBODY).status().unwrap().success()
    };
    let can = open && User::current().is_root() && is_reached();
    if !can {
        println!(
            "skipped: needs root, /dev/fuse open to all (chmod 666 /dev/fuse), and a checkout open to all"
        );
    }
    can
}

#[test]
fn only_the_user_who_mounts_can_read_unless_others_may() {
    if !can_mount() {
        return;
    }
    if !can_be_two_users() {
        return;
    }
    let ground = Ground::new();
    let nobody_reads = |dir: &Path| {
        Command::new("cat")
            .arg(dir.join("2024/01/Tea.md"))
            .uid(NOBODY)
            .gid(NOBODY)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    let (mine, public, theirs) = (ground.at("mine"), ground.at("public"), ground.at("theirs"));
    assert_mounts(&run("tree", &mine, ""));
    assert!(!nobody_reads(&mine));
    assert_mounts(&run("tree", &public, "allow-other"));
    assert!(nobody_reads(&public));

    let output = command("tree", &theirs, "", NOBODY).output().unwrap();
    assert_mounts(&output);
    assert!(nobody_reads(&theirs));
    assert_eq!(fs::metadata(theirs.join("2024")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
    let mounted = mounts::at(&theirs).unwrap().unwrap();
    assert_eq!((mounted.kind.as_str(), mounted.user), ("fuse.gptfs", Some(NOBODY)));
    assert_fails(&run("tree", &theirs, ""), 6, "already mounted");

    let output = command("tree", &ground.at("x"), "allow-other", NOBODY).output().unwrap();
    assert_fails(&output, 6, "user_allow_other");
    fs::create_dir(ground.at("roots")).unwrap();
    let output = command("tree", &ground.at("roots"), "", NOBODY).output().unwrap();
    assert_fails(&output, 6, "belongs to another user");
    let output = command("tree", &mine, "", NOBODY).output().unwrap();
    assert_fails(&output, 6, "already mounted");

    for dir in [&mine, &public, &theirs] {
        unmounted(dir);
        assert!(!dir.exists(), "{}", dir.display());
    }
}

#[test]
fn an_ordinary_user_mounts_clears_and_unmounts_too() {
    if !can_mount() || !can_be_two_users() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    let mut child = command("tree", &dir, "foreground", NOBODY).spawn().unwrap();
    until("the mount is served", || {
        mounts::at(&dir).unwrap().is_some_and(|mounted| liveness::is_served(&mounted))
    });
    signal(&child, "KILL");
    child.wait().unwrap();
    let output = command("tree", &dir, "", NOBODY).output().unwrap();
    assert_mounts(&output);
    assert!(stderr(&output).contains("cleared a dead mount"), "{}", stderr(&output));
    let mounted = mounts::at(&dir).unwrap().unwrap();
    let ended = Command::new("fusermount3").arg("-u").arg(&dir).uid(NOBODY).gid(NOBODY).status().unwrap();
    assert!(ended.success());
    until("the daemon exits", || !liveness::is_served(&mounted));
    let mut child = command("tree", &ground.at("again"), "foreground", NOBODY).spawn().unwrap();
    until("the mount is served", || {
        mounts::at(&ground.at("again")).unwrap().is_some_and(|mounted| liveness::is_served(&mounted))
    });
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!is_mounted(&ground.at("again")) && !ground.at("again").exists());
}

#[test]
fn many_mounts_leave_no_descriptor_and_no_entry() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    let daemon = |path: &Path| mounts::at(path).unwrap().unwrap();
    for _ in 0..20 {
        assert_mounts(&run("tree", &dir, ""));
        let mounted = daemon(&dir);
        unmounted(&dir);
        assert!(!is_mounted(&dir) && !liveness::is_served(&mounted));
    }
}

#[test]
fn of_several_mounts_begun_together_on_one_directory_one_succeeds() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    fs::create_dir(&dir).unwrap();
    let begun: Vec<_> =
        (0..6).map(|_| command("tree", &dir, "", User::current().uid).spawn().unwrap()).collect();
    let outputs: Vec<_> = begun.into_iter().map(|child| child.wait_with_output().unwrap()).collect();
    let (mounted, refused): (Vec<_>, Vec<_>) = outputs.iter().partition(|output| output.status.success());
    assert_eq!(mounted.len(), 1, "{outputs:?}");
    for output in refused {
        assert_fails(output, 6, "already mounted");
    }
    let entries = mounts::all().unwrap().into_iter().filter(|mounted| mounted.target == dir);
    assert_eq!(entries.count(), 1);
    unmounted(&dir);
}

#[test]
fn of_several_unmounts_begun_together_none_fails_because_of_another() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    for _ in 0..10 {
        assert_mounts(&run("tree", &dir, ""));
        let ended: Vec<_> = thread::scope(|scope| {
            let begun: Vec<_> = (0..4).map(|_| scope.spawn(|| unmount(&dir, &mut quiet()))).collect();
            begun.into_iter().map(|ended| ended.join().unwrap()).collect()
        });
        for error in ended.into_iter().filter_map(Result::err) {
            // The others, or a process that another test has just forked.
            let is_expected = ["not mounted", "busy"].iter().any(|reason| error.to_string().contains(reason));
            assert!(is_expected, "{error}");
        }
        if is_mounted(&dir) {
            unmounted(&dir);
        }
    }
}

/// Mounts an empty file system, as root.
fn mount_tmpfs(path: &Path) {
    let status = Command::new("mount").args(["-t", "tmpfs", "none"]).arg(path).status().unwrap();
    assert!(status.success());
}

#[test]
fn another_mount_is_covered_only_if_that_was_asked_for() {
    if !can_mount() || !User::current().is_root() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    fs::create_dir(&dir).unwrap();
    mount_tmpfs(&dir);
    let reason = "already a mount (tmpfs); to mount on top of it, use --non-empty";
    assert_fails(&run("tree", &dir, ""), 6, reason);
    assert_mounts(&run("tree", &dir, "non-empty"));
    assert!(dir.join("2024").exists());
    unmounted(&dir);
    assert_eq!(mounts::at(&dir).unwrap().unwrap().kind, "tmpfs");
}

#[test]
fn a_mount_with_another_inside_is_busy_and_names_it() {
    if !can_mount() || !User::current().is_root() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    assert_mounts(&run("tree", &dir, ""));
    let inner = dir.join("2024/01");
    mount_tmpfs(&inner);
    let error = unmount(&dir, &mut quiet()).unwrap_err().to_string();
    assert!(error.ends_with("chats/2024/01 is mounted inside it; unmount that first"), "{error}");
    device::unmount(&inner, Unmounting::IfUnused).unwrap();
    unmounted(&dir);
}

#[test]
fn an_unreadable_source_is_refused_even_without_waiting() {
    if !can_mount() {
        return;
    }
    let ground = Ground::new();
    let dir = ground.at("chats");
    assert_fails(&run("closed", &dir, "no-wait"), 3, "error: x.zip: not a zip archive\n");
    assert!(!dir.exists() && !is_mounted(&dir));
}
