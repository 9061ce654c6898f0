//! The adapter over doubles of a tree, mounted for real.

use super::*;
use crate::sys::Unmounting;
use crate::testing::until;
use crate::time::Timestamp;
use fuser::{Config, Session, SessionACL};
use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Condvar;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

/// True if this machine can mount; says so if a variable tells to do without, and fails if not.
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

/// What happens when a file of a [`Double`] is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Rendered, and kept.
    Page,
    /// Rendered once the gate is open, and kept.
    Gated,
    /// A bug.
    Panic,
    /// Can't be read any more.
    Damaged,
    /// Copied from an archive.
    Raw,
}

struct Node {
    name: String,
    parent: usize,
    children: Vec<usize>,
    content: Option<(Manner, Vec<u8>)>,
}

/// A tree in memory that counts what is asked of it.
#[derive(Default)]
pub(crate) struct Double {
    nodes: Vec<Node>,
    names: HashMap<(usize, String), usize>,
    cache: Mutex<HashMap<u64, Arc<Vec<u8>>>>,
    gate: (Mutex<bool>, Condvar),
    pub(crate) lookups: AtomicUsize,
    pub(crate) listings: AtomicUsize,
    pub(crate) reads: AtomicUsize,
    pub(crate) renderings: Mutex<Vec<Ino>>,
}

impl Double {
    /// A tree of `files` (path, manner, content); directories come about by themselves.
    pub(crate) fn new<'a>(files: impl IntoIterator<Item = (&'a str, Manner, Vec<u8>)>) -> Self {
        let mut tree = Self::default();
        tree.nodes.push(Node { name: String::new(), parent: 0, children: Vec::new(), content: None });
        for (path, manner, content) in files {
            let mut at = 0;
            for name in path.split('/') {
                at = tree.child(at, name);
            }
            tree.nodes[at].content = Some((manner, content));
        }
        tree
    }

    fn child(&mut self, parent: usize, name: &str) -> usize {
        let new = self.nodes.len();
        let at = *self.names.entry((parent, name.to_owned())).or_insert(new);
        if at == new {
            self.nodes.push(Node { name: name.to_owned(), parent, children: Vec::new(), content: None });
            self.nodes[parent].children.push(new);
        }
        at
    }

    /// Lets gated pages be rendered.
    pub(crate) fn open_gate(&self) {
        *self.gate.0.lock().unwrap() = true;
        self.gate.1.notify_all();
    }

    pub(crate) fn ino(&self, name: &str) -> Ino {
        Ino(self.nodes.iter().position(|node| node.name == name).unwrap() as u64 + 1)
    }

    fn node(&self, ino: Ino) -> Result<&Node> {
        let missing = || Error::new(ErrorKind::NotFound, "no such inode");
        self.nodes.get(usize::try_from(ino.0).unwrap().wrapping_sub(1)).ok_or_else(missing)
    }

    fn attr_at(&self, at: usize) -> Attr {
        let node = &self.nodes[at];
        let subdirectories = node.children.iter().filter(|child| self.nodes[**child].content.is_none());
        Attr {
            ino: Ino(at as u64 + 1),
            kind: if node.content.is_none() { Kind::Directory } else { Kind::File },
            size: node.content.as_ref().map_or(0, |(_, content)| content.len() as u64),
            modified: Timestamp::from_number(1_700_000_000.5).unwrap(),
            created: Timestamp::from_number(1_600_000_000.0).unwrap(),
            nlink: if node.content.is_none() { 2 + subdirectories.count() as u32 } else { 1 },
        }
    }
}

impl Tree for Double {
    fn attr(&self, ino: Ino) -> Result<Attr> {
        self.node(ino)?;
        Ok(self.attr_at(ino.0 as usize - 1))
    }

    fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Attr> {
        self.lookups.fetch_add(1, Ordering::Relaxed);
        assert!(name != "bug", "a deliberate bug");
        let name = name.to_string_lossy().into_owned();
        let found = self.names.get(&(parent.0 as usize - 1, name));
        found.map(|at| self.attr_at(*at)).ok_or_else(|| Error::new(ErrorKind::NotFound, "no such name"))
    }

    fn list(&self, ino: Ino, from: u64, visit: &mut dyn FnMut(u64, Entry<'_>) -> bool) -> Result<()> {
        self.listings.fetch_add(1, Ordering::Relaxed);
        let node = self.node(ino)?;
        assert!(node.name != "unlistable", "a deliberate bug");
        let dots = [(".", ino.0 as usize - 1), ("..", node.parent)];
        let children = node.children.iter().map(|child| (self.nodes[*child].name.as_str(), *child));
        for (cookie, (name, at)) in (1..).zip(dots.into_iter().chain(children)).skip(from as usize) {
            if !visit(cookie, Entry { name, attr: self.attr_at(at) }) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, ino: Ino, offset: u64, length: usize) -> Result<Vec<u8>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let (manner, content) = self.node(ino)?.content.as_ref().unwrap();
        match manner {
            Manner::Damaged => return Err(Error::new(ErrorKind::Damaged, "damaged on purpose")),
            Manner::Panic => panic!("a deliberate bug"),
            Manner::Gated => {
                let open = self.gate.0.lock().unwrap();
                drop(self.gate.1.wait_while(open, |open| !*open).unwrap());
            }
            Manner::Page | Manner::Raw => {}
        }
        if *manner != Manner::Raw {
            self.renderings.lock().unwrap().push(ino);
            self.cache.lock().unwrap().insert(ino.0, Arc::new(content.clone()));
        }
        Ok(pool::slice(content, offset, length).to_vec())
    }

    fn cached(&self, ino: Ino) -> Option<Arc<Vec<u8>>> {
        self.cache.lock().unwrap().get(&ino.0).cloned()
    }

    fn is_rendered(&self, ino: Ino) -> bool {
        matches!(&self.node(ino).unwrap().content, Some((manner, _)) if *manner != Manner::Raw)
    }

    fn next_rendered(&self, ino: Ino) -> Option<Ino> {
        (ino.0 + 1..=self.nodes.len() as u64)
            .map(Ino)
            .find(|ino| self.nodes[ino.0 as usize - 1].content.is_some() && self.is_rendered(*ino))
    }

    fn totals(&self) -> Totals {
        Totals { inodes: self.nodes.len() as u64, bytes: 512 * 1000 }
    }
}

/// A stage that is mounted in a directory of its own, until it is dropped.
struct Mounted {
    path: PathBuf,
    stage: Arc<Stage>,
    session: Option<JoinHandle<io::Result<()>>>,
    _directory: tempfile::TempDir,
}

impl Mounted {
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

    fn showing(tree: Arc<Double>) -> Self {
        let mounted = Self::unready();
        mounted.stage.set_ready(tree, 2).unwrap();
        mounted
    }

    fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        mount::test_unmount(&self.path, Unmounting::Detach);
        if let Some(session) = self.session.take() {
            session.join().unwrap().unwrap();
        }
    }
}

fn page(text: &str) -> (Manner, Vec<u8>) {
    (Manner::Page, text.as_bytes().to_vec())
}

fn small() -> Arc<Double> {
    let files = [("2023/04/Tea.md", "tea\n"), ("2023/05/Milk.md", "milk\n"), ("undated/Salt.md", "")];
    Arc::new(Double::new(files.map(|(path, text)| {
        let (manner, content) = page(text);
        (path, manner, content)
    })))
}

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
    let mounted = Mounted::showing(small());
    let root = fs::metadata(&mounted.path).unwrap();
    assert_eq!((root.mode() & 0o7777, root.nlink(), root.ino()), (0o500, 4, 1));
    assert_eq!((root.uid(), root.gid()), (User::current().uid, User::current().gid));
    let tea = fs::metadata(mounted.file("2023/04/Tea.md")).unwrap();
    assert_eq!((tea.mode() & 0o7777, tea.nlink(), tea.size(), tea.blocks()), (0o400, 1, 4, 1));
    assert_eq!((tea.mtime(), tea.mtime_nsec(), tea.ctime()), (1_700_000_000, 500_000_000, 1_600_000_000));
    assert_eq!(fs::read_to_string(mounted.file("2023/05/Milk.md")).unwrap(), "milk\n");
    assert_eq!(fs::read_to_string(mounted.file("undated/Salt.md")).unwrap(), "");
    let mut names: Vec<_> =
        fs::read_dir(mounted.file("2023")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["04", "05"]);
    let mut byte = [0; 3];
    let length = fs::File::open(mounted.file("2023/04/Tea.md")).unwrap().read_at(&mut byte, 2).unwrap();
    assert_eq!(&byte[..length], b"a\n");
    let totals = Command::new("stat").args(["-f", "-c", "%l %c %b %S"]).arg(&mounted.path).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&totals.stdout), "255 8 1000 512\n");
}

#[test]
fn every_change_is_refused_because_nothing_changes() {
    if !can_mount() {
        return;
    }
    let mounted = Mounted::showing(small());
    let tea = mounted.file("2023/04/Tea.md");
    assert_eq!(errno_of(fs::write(mounted.file("new"), "x")), EROFS);
    assert_eq!(errno_of(fs::File::options().append(true).open(&tea)), EROFS);
    assert_eq!(errno_of(fs::remove_file(&tea)), EROFS);
    assert_eq!(errno_of(fs::rename(&tea, mounted.file("x"))), EROFS);
    assert_eq!(errno_of(fs::create_dir(mounted.file("new"))), EROFS);
    assert_eq!(errno_of(fs::set_permissions(&tea, fs::metadata(&tea).unwrap().permissions())), EROFS);
    assert_eq!(errno_of(fs::metadata(mounted.file(&"x".repeat(256)))), 36);
    assert_eq!(errno_of(fs::metadata(mounted.file("2023/04/Tea.md/x"))), 20);
}

#[test]
fn a_bug_is_an_error_of_one_call() {
    if !can_mount() {
        return;
    }
    let tree = Double::new([
        ("good.md", Manner::Page, b"good".to_vec()),
        ("panics.md", Manner::Panic, b"12345".to_vec()),
        ("damaged.md", Manner::Damaged, b"12345".to_vec()),
        ("unlistable/x.md", Manner::Page, b"x".to_vec()),
    ]);
    let mounted = Mounted::showing(Arc::new(tree));
    // More often than there are workers and listeners: none of them is lost.
    for _ in 0..8 {
        assert_eq!(errno_of(fs::read(mounted.file("panics.md"))), EIO);
        assert_eq!(errno_of(fs::metadata(mounted.file("bug"))), EIO);
        assert_eq!(errno_of(fs::read(mounted.file("damaged.md"))), EIO);
        let listed = fs::read_dir(mounted.file("unlistable")).unwrap().next().unwrap();
        assert_eq!(errno_of(listed.map(|entry| entry.file_name())), EIO);
    }
    assert_eq!(fs::read(mounted.file("good.md")).unwrap(), b"good");
    assert_eq!(fs::read(mounted.file("unlistable/x.md")).unwrap(), b"x");
}

#[test]
fn what_was_asked_once_is_not_asked_again() {
    if !can_mount() {
        return;
    }
    let tree = small();
    let mounted = Mounted::showing(Arc::clone(&tree));
    let walk = || {
        let output = Command::new("grep").args(["-r", "milk"]).arg(&mounted.path).output().unwrap();
        assert!(output.status.success());
        let _ = fs::metadata(mounted.file("missing"));
    };
    walk();
    let asked = || [&tree.lookups, &tree.listings, &tree.reads].map(|count| count.load(Ordering::Relaxed));
    // A kernel that is short of memory, or frees it ahead of need, may forget and ask again: not every time.
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
    let tree = Arc::new(Double::new([
        ("slow.md", Manner::Gated, vec![b'x'; 300_000]),
        ("quick.md", Manner::Page, b"quick".to_vec()),
        ("raw.png", Manner::Raw, b"raw".to_vec()),
    ]));
    let mounted = Mounted::showing(Arc::clone(&tree));
    thread::scope(|scope| {
        let readers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| fs::read(mounted.file("slow.md")).unwrap().len())).collect();
        until("a read arrives", || tree.reads.load(Ordering::Relaxed) > 0);
        assert_eq!(fs::read_dir(&mounted.path).unwrap().count(), 3);
        assert_eq!(fs::read(mounted.file("quick.md")).unwrap(), b"quick");
        assert_eq!(fs::read(mounted.file("raw.png")).unwrap(), b"raw");
        tree.open_gate();
        assert!(readers.into_iter().all(|reader| reader.join().unwrap() == 300_000));
    });
    let slow = tree.ino("slow.md");
    assert_eq!(tree.renderings.lock().unwrap().iter().filter(|ino| **ino == slow).count(), 1);
}

#[test]
fn who_comes_before_the_tree_waits_for_it() {
    if !can_mount() {
        return;
    }
    let mounted = Mounted::unready();
    thread::scope(|scope| {
        let listing = scope.spawn(|| fs::read_dir(&mounted.path).unwrap().count());
        let reading = scope.spawn(|| fs::read_to_string(mounted.file("2023/04/Tea.md")).unwrap());
        until("both requests wait", || lock_parked(&mounted.stage) >= 2);
        assert!(!listing.is_finished() && !reading.is_finished());
        mounted.stage.set_ready(small(), 2).unwrap();
        assert_eq!(listing.join().unwrap(), 2);
        assert_eq!(reading.join().unwrap(), "tea\n");
    });
}

#[test]
fn who_waits_for_a_tree_that_never_comes_gets_an_error() {
    if !can_mount() {
        return;
    }
    let mounted = Mounted::unready();
    thread::scope(|scope| {
        let listing = scope.spawn(|| fs::read_dir(&mounted.path).map(|_| ()));
        until("the listing waits", || lock_parked(&mounted.stage) > 0);
        mounted.stage.set_failed(ErrorKind::NotAnExport);
        assert_eq!(errno_of(listing.join().unwrap()), EIO);
    });
    assert_eq!(errno_of(fs::metadata(mounted.file("x"))), EIO);
}

fn lock_parked(stage: &Stage) -> usize {
    stage.parked.lock().unwrap().len()
}

#[test]
fn a_server_may_ask_for_the_directory_above() {
    let tree = small();
    let april = tree.ino("04");
    assert_eq!(find(&*tree, april, OsStr::new(".")).unwrap().ino, april);
    assert_eq!(find(&*tree, april, OsStr::new("..")).unwrap().ino, tree.ino("2023"));
    assert_eq!(find(&*tree, Ino::ROOT, OsStr::new("..")).unwrap().ino, Ino::ROOT);
}
