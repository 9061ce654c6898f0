//! The adapter over a double of the library, mounted for real.

use super::*;
use crate::catalog::Catalog;
use crate::fs::fake::{Fake, MARCH, byte, head, rich, sized};
use crate::sys::Unmounting;
use crate::testing::until;
use fuser::{Config, Session, SessionACL};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

/// True if this machine can mount. If it can't, fails unless `GPTFS_SKIP_FUSE=1` says to skip what needs it.
pub(crate) fn can_mount() -> bool {
    if Path::new("/dev/fuse").exists() {
        return true;
    }
    assert!(
        std::env::var_os("GPTFS_SKIP_FUSE").is_some_and(|value| value == "1"),
        "/dev/fuse is missing: install fuse3 and run `modprobe fuse` (in a container: --device /dev/fuse \
         --cap-add SYS_ADMIN), or set GPTFS_SKIP_FUSE=1 to skip what needs it"
    );
    println!("skipped: GPTFS_SKIP_FUSE=1");
    false
}

/// A stage that is mounted in a directory of its own, until it is dropped.
struct MountedStage {
    path: PathBuf,
    stage: Arc<Stage>,
    session: Option<JoinHandle<io::Result<()>>>,
    _directory: tempfile::TempDir,
}

impl MountedStage {
    fn unready() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("mount");
        fs::create_dir(&path).unwrap();
        let stage = Stage::new(Access { owner: User::current(), everybody: false });
        let device = mount::test_mount(&path);
        let mut config = Config::default();
        config.n_threads = Some(4);
        let copy = device.try_clone().unwrap();
        let session =
            Session::from_fd(Adapter::new(Arc::clone(&stage), copy), device, SessionACL::Owner, config)
                .unwrap();
        let session = Some(thread::spawn(move || session.run()));
        Self { path, stage, session, _directory: directory }
    }

    fn showing(library: Fake) -> (Arc<Fake>, Self) {
        let (library, fs) = library.mount();
        let mounted = Self::unready();
        mounted.stage.set_ready(fs, 2).unwrap();
        (library, mounted)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for MountedStage {
    fn drop(&mut self) {
        mount::test_unmount(&self.path, Unmounting::Detach);
        if let Some(session) = self.session.take() {
            session.join().unwrap().unwrap();
        }
    }
}

/// Three conversations; the second has a branch and a file.
fn small() -> Fake {
    let heads = vec![
        head("tea", "Tea", MARCH),
        rich(head("milk", "Milk", MARCH + 4e6), &[2], 5000),
        head("salt", "Salt", f64::NAN),
    ];
    Fake::new(Catalog { heads, ..Catalog::default() })
}

const TEA: &str = "Thread of tea: Tea, Tea\n";
const MILK: &str = "Thread of milk: Milk, Milk\n";

fn errno_of<T: std::fmt::Debug>(result: io::Result<T>) -> i32 {
    result.unwrap_err().raw_os_error().unwrap()
}

const EIO: i32 = 5;
const EROFS: i32 = 30;

#[test]
fn a_mounted_tree_has_true_attributes_and_bytes() {
    if !can_mount() {
        return;
    }
    let (_, mounted) = MountedStage::showing(small());
    let root = fs::metadata(&mounted.path).unwrap();
    assert_eq!((root.mode() & 0o7777, root.nlink(), root.ino()), (0o700, 4, 1));
    assert_eq!((root.uid(), root.gid()), (User::current().uid, User::current().gid));
    let tea = fs::metadata(mounted.file("2025/03/Tea.md")).unwrap();
    assert_eq!((tea.mode() & 0o7777, tea.nlink(), tea.size(), tea.blocks()), (0o600, 1, TEA.len() as u64, 1));
    assert_eq!((tea.mtime(), tea.ctime()), (MARCH as i64, MARCH as i64));
    assert_eq!(fs::read_to_string(mounted.file("2025/04/Milk.md")).unwrap(), MILK);
    let picture = fs::read(mounted.file("2025/04/Milk.assets/map.png")).unwrap();
    assert_eq!(picture, (0..5000).map(byte).collect::<Vec<_>>());
    let mut names: Vec<_> =
        fs::read_dir(mounted.file("2025")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["03", "04"]);
    let mut bytes = [0; 3];
    fs::File::open(mounted.file("2025/03/Tea.md")).unwrap().read_at(&mut bytes, 10).unwrap();
    assert_eq!(bytes, *b"tea");
    let totals = Command::new("stat").args(["-f", "-c", "%l %c %b %S"]).arg(&mounted.path).output().unwrap();
    // 12 inodes; five files of a block each, and one of ten.
    assert_eq!(String::from_utf8_lossy(&totals.stdout), "255 13 15 512\n");
}

#[test]
fn every_change_is_refused_because_nothing_changes() {
    if !can_mount() {
        return;
    }
    let (_, mounted) = MountedStage::showing(small());
    let tea = mounted.file("2025/03/Tea.md");
    assert_eq!(errno_of(fs::write(mounted.file("new"), "x")), EROFS);
    assert_eq!(errno_of(fs::File::options().append(true).open(&tea)), EROFS);
    assert_eq!(errno_of(fs::remove_file(&tea)), EROFS);
    assert_eq!(errno_of(fs::rename(&tea, mounted.file("x"))), EROFS);
    assert_eq!(errno_of(fs::create_dir(mounted.file("new"))), EROFS);
    assert_eq!(errno_of(fs::set_permissions(&tea, fs::metadata(&tea).unwrap().permissions())), EROFS);
    assert_eq!(errno_of(fs::metadata(mounted.file(&"x".repeat(256)))), 36);
    assert_eq!(errno_of(fs::metadata(mounted.file("2025/03/Tea.md/x"))), 20);
}

#[test]
fn each_kind_of_error_has_its_errno() {
    for (kind, code) in [
        (ErrorKind::NotFound, Errno::ENOENT),
        (ErrorKind::NotADirectory, Errno::ENOTDIR),
        (ErrorKind::IsADirectory, Errno::EISDIR),
        (ErrorKind::NameTooLong, Errno::ENAMETOOLONG),
        (ErrorKind::OutOfMemory, Errno::ENOMEM),
        (ErrorKind::Unexpected, Errno::EIO),
        (ErrorKind::Usage, Errno::EIO),
        (ErrorKind::NotAnExport, Errno::EIO),
        (ErrorKind::Damaged, Errno::EIO),
        (ErrorKind::Limit, Errno::EIO),
        (ErrorKind::Environment, Errno::EIO),
        (ErrorKind::Interrupted, Errno::EIO),
    ] {
        assert_eq!(errno(kind), code, "{kind:?}");
    }
}

#[test]
fn a_bug_is_an_error_of_one_call() {
    if !can_mount() {
        return;
    }
    let mut heads =
        vec![head("good", "good", MARCH), head("panics", "panics", MARCH), head("wrong", "wrong", MARCH)];
    heads.push(rich(head("short", "short", MARCH), &[], 5001));
    let fake =
        Fake { panicking: Some(1), lying: Some(2), ..Fake::new(Catalog { heads, ..Catalog::default() }) };
    let (_, mounted) = MountedStage::showing(fake);
    // More often than there are workers and listeners, so that losing one would show.
    for _ in 0..8 {
        assert_eq!(errno_of(fs::read(mounted.file("2025/03/panics.md"))), EIO);
        assert_eq!(errno_of(fs::read(mounted.file("2025/03/wrong.md"))), EIO);
        assert_eq!(errno_of(fs::read(mounted.file("2025/03/short.assets/map.png"))), EIO);
        mounted.stage.with_tree("lookup", Ino::ROOT, |_| panic!("a deliberate bug"));
    }
    assert_eq!(fs::read(mounted.file("2025/03/good.md")).unwrap(), b"Thread of good: good, good\n");
}

#[test]
fn the_kernel_asks_for_nothing_twice() {
    if !can_mount() {
        return;
    }
    let (_, mounted) = MountedStage::showing(small());
    let walk = || {
        let output = Command::new("grep").args(["-r", "milk"]).arg(&mounted.path).output().unwrap();
        assert!(output.status.success());
        let _ = fs::metadata(mounted.file("missing"));
    };
    walk();
    let asked = || mounted.stage.requests.load(Ordering::Relaxed);
    // A kernel that is short of memory, or frees it ahead of need, may forget and ask again, but not every time.
    let is_silent = || {
        let before = asked();
        walk();
        walk();
        asked() == before
    };
    assert!((0..5).any(|_| is_silent()));
}

#[test]
fn a_slow_page_stalls_nobody_and_is_rendered_once() {
    if !can_mount() {
        return;
    }
    let mut heads = vec![sized(head("slow", "slow", MARCH), 300_000), head("quick", "quick", MARCH)];
    heads.push(rich(head("raw", "raw", MARCH), &[], 5000));
    let fake = Fake { gated: [0].into(), ..Fake::new(Catalog { heads, ..Catalog::default() }) };
    let (library, mounted) = MountedStage::showing(fake);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| fs::read(mounted.file("2025/03/slow.md")).unwrap().len()))
            .collect();
        until("a read arrives", || !lock(&library.readings).is_empty());
        assert_eq!(fs::read_dir(mounted.file("2025/03")).unwrap().count(), 4);
        assert_eq!(fs::read(mounted.file("2025/03/quick.md")).unwrap(), b"Thread of quick: quick, quick\n");
        assert_eq!(fs::read(mounted.file("2025/03/raw.assets/map.png")).unwrap().len(), 5000);
        library.open_gate();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 300_000));
    });
    assert_eq!(lock(&library.readings).iter().filter(|head| **head == 0).count(), 1);
}

#[test]
fn a_request_before_the_tree_is_known_waits_for_it() {
    if !can_mount() {
        return;
    }
    let mounted = MountedStage::unready();
    thread::scope(|scope| {
        let listing = scope.spawn(|| fs::read_dir(&mounted.path).unwrap().count());
        let reading = scope.spawn(|| fs::read_to_string(mounted.file("2025/03/Tea.md")).unwrap());
        until("both requests wait", || lock(&mounted.stage.parked).len() >= 2);
        assert!(!listing.is_finished() && !reading.is_finished());
        mounted.stage.set_ready(small().mount().1, 2).unwrap();
        assert_eq!(listing.join().unwrap(), 2);
        assert_eq!(reading.join().unwrap(), TEA);
    });
}

#[test]
fn a_request_for_a_tree_that_never_comes_fails() {
    if !can_mount() {
        return;
    }
    let mounted = MountedStage::unready();
    thread::scope(|scope| {
        let listing = scope.spawn(|| fs::read_dir(&mounted.path).map(|_| ()));
        until("the listing waits", || !lock(&mounted.stage.parked).is_empty());
        mounted.stage.set_failed(ErrorKind::NotAnExport);
        assert_eq!(errno_of(listing.join().unwrap()), EIO);
    });
    assert_eq!(errno_of(fs::metadata(mounted.file("x"))), EIO);
}
