//! Requests of the kernel answered by the file system core. The only user of `fuser`.
//!
//! Nothing ever changes in a mount, and every choice here follows from that: names, attributes, listings and
//! pages stay in the kernel's caches for ever, files are read without being opened, and the second walk
//! through a tree does not reach us at all. A thread that listens to the kernel never waits: what needs
//! rendering or the archive is left to the [`pool`], and what comes before the tree is known is parked.
//!
//! A panic in one request is an error of that request: it would end the mount otherwise.

mod busy_poll;
pub(crate) mod log;
pub mod mount;
mod pool;
mod read_ahead;

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Attr, Entry, Fs, Ino, Kind, Source, Totals};
use crate::sys::User;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry,
    ReplyOpen, ReplyStatfs, Request,
};
use pool::Pool;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// How long the kernel may believe what we say: for ever, in seconds that no clock overflows by.
const FOR_EVER: Duration = Duration::from_secs(1_000_000_000);

/// Inode numbers are never used again, so there is one generation of them.
const GENERATION: Generation = Generation(0);

/// Bytes of a name, at most.
const NAME_BYTES: usize = 255;

/// The unit of `st_blocks` and of `statfs`.
const BLOCK_BYTES: u32 = 512;

/// Reads that the kernel may have under way by itself.
const MAX_BACKGROUND: u16 = 64;

/// What a mount shows. [`Fs`] is the one that counts; tests mount doubles.
pub trait Tree: Send + Sync + 'static {
    /// As [`Fs::attr`].
    ///
    /// # Errors
    /// `NotFound`.
    fn attr(&self, ino: Ino) -> Result<Attr>;

    /// As [`Fs::lookup`].
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Attr>;

    /// Shows `visit` each line of a listing from the cookie `from` on, with the cookie of the line after it,
    /// until `visit` says false.
    ///
    /// # Errors
    /// `NotFound`, `NotADirectory`.
    fn list(&self, ino: Ino, from: u64, visit: &mut dyn FnMut(u64, Entry<'_>) -> bool) -> Result<()>;

    /// The bytes of a file from `offset` on, fewer than `length` only at its end. May take seconds.
    ///
    /// # Errors
    /// `NotFound`, `IsADirectory`, `Damaged`, `OutOfMemory`.
    fn read(&self, ino: Ino, offset: u64, length: usize) -> Result<Vec<u8>>;

    /// A page's bytes, if they are at hand.
    fn cached(&self, ino: Ino) -> Option<Arc<Vec<u8>>>;

    /// True for a page, which is rendered whole; false for bytes that are copied from an archive.
    fn is_rendered(&self, ino: Ino) -> bool;

    /// The page after `ino` in the order of listings.
    fn next_rendered(&self, ino: Ino) -> Option<Ino>;

    /// Pages after `ino` that cost little more when they are rendered with it; see [`Fs::companions`].
    fn companions(&self, _ino: Ino, _most_bytes: u64) -> Vec<Ino> {
        Vec::new()
    }

    /// Renders these pages into the cache, as far as that is possible; see [`Fs::render_together`].
    fn render_together(&self, _inos: &[Ino]) {}

    /// What `statfs` shows.
    fn totals(&self) -> Totals;
}

impl Tree for Fs {
    fn attr(&self, ino: Ino) -> Result<Attr> {
        self.attr(ino)
    }

    fn lookup(&self, parent: Ino, name: &OsStr) -> Result<Attr> {
        self.lookup(parent, name.as_encoded_bytes())
    }

    fn list(&self, ino: Ino, from: u64, visit: &mut dyn FnMut(u64, Entry<'_>) -> bool) -> Result<()> {
        for (next, entry) in self.entries(ino, from)? {
            if !visit(next, entry) {
                break;
            }
        }
        Ok(())
    }

    fn read(&self, ino: Ino, offset: u64, length: usize) -> Result<Vec<u8>> {
        self.read(ino, offset, length)
    }

    fn cached(&self, ino: Ino) -> Option<Arc<Vec<u8>>> {
        self.cached(ino)
    }

    fn is_rendered(&self, ino: Ino) -> bool {
        matches!(self.content(ino), Ok(Source::Rendered))
    }

    fn next_rendered(&self, ino: Ino) -> Option<Ino> {
        self.next_rendered(ino)
    }

    fn companions(&self, ino: Ino, most_bytes: u64) -> Vec<Ino> {
        self.companions(ino, most_bytes)
    }

    fn render_together(&self, inos: &[Ino]) {
        self.render_together(inos);
    }

    fn totals(&self) -> Totals {
        self.totals()
    }
}

/// The errno of every kind of error: what a program that reads the mount is told.
fn errno(kind: ErrorKind) -> Errno {
    match kind {
        ErrorKind::NotFound => Errno::ENOENT,
        ErrorKind::NotADirectory => Errno::ENOTDIR,
        ErrorKind::IsADirectory => Errno::EISDIR,
        ErrorKind::NameTooLong => Errno::ENAMETOOLONG,
        ErrorKind::OutOfMemory => Errno::ENOMEM,
        ErrorKind::Unexpected
        | ErrorKind::Usage
        | ErrorKind::NotAnExport
        | ErrorKind::Damaged
        | ErrorKind::Limit
        | ErrorKind::Environment
        | ErrorKind::Interrupted => Errno::EIO,
    }
}

/// Whom the files belong to, and who may read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// The user who mounts.
    pub(crate) owner: User,
    /// Every user may read.
    pub(crate) everybody: bool,
}

impl Access {
    fn attributes(self, attr: &Attr) -> FileAttr {
        let (kind, perm) = match (attr.kind, self.everybody) {
            (Kind::Directory, false) => (FileType::Directory, 0o500),
            (Kind::Directory, true) => (FileType::Directory, 0o555),
            (Kind::File, false) => (FileType::RegularFile, 0o400),
            (Kind::File, true) => (FileType::RegularFile, 0o444),
        };
        let (modified, created) = (attr.modified.system_time(), attr.created.system_time());
        FileAttr {
            ino: INodeNo(attr.ino.0),
            size: attr.size,
            blocks: attr.size.div_ceil(u64::from(BLOCK_BYTES)),
            atime: modified,
            mtime: modified,
            ctime: created,
            crtime: created,
            kind,
            perm,
            nlink: attr.nlink,
            uid: self.owner.uid,
            gid: self.owner.gid,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }

    /// What tells the kernel that a name does not exist, so that it need not ask again.
    fn absence(self) -> FileAttr {
        FileAttr {
            ino: INodeNo(0),
            size: 0,
            blocks: 0,
            atime: UNIX_EPOCH,
            mtime: UNIX_EPOCH,
            ctime: UNIX_EPOCH,
            crtime: UNIX_EPOCH,
            kind: FileType::RegularFile,
            perm: 0,
            nlink: 0,
            uid: self.owner.uid,
            gid: self.owner.gid,
            rdev: 0,
            blksize: 0,
            flags: 0,
        }
    }
}

/// A tree with the workers that read from it.
struct Served {
    tree: Arc<dyn Tree>,
    pool: Pool,
}

/// A request that came before the tree was known: to be answered from it, or with an error.
type Parked = Box<dyn FnOnce(Result<&Served, Errno>) + Send>;

/// What all listening threads share: the tree once it is known, and who waits for it.
pub(crate) struct Stage {
    served: OnceLock<Result<Served, ErrorKind>>,
    parked: Mutex<Vec<Parked>>,
    access: Access,
}

impl Stage {
    /// A stage without a tree: everything that asks for it waits.
    pub(crate) fn new(access: Access) -> Arc<Self> {
        Arc::new(Self { served: OnceLock::new(), parked: Mutex::default(), access })
    }

    /// Shows `tree` from now on and answers all who waited for it.
    ///
    /// # Errors
    /// If the system refuses the threads that it needs; everything is an input/output error then.
    pub(crate) fn set_ready(&self, tree: Arc<dyn Tree>, workers: usize) -> io::Result<()> {
        match Pool::start(Arc::clone(&tree), workers) {
            Ok(pool) => {
                self.settle(Ok(Served { tree, pool }));
                Ok(())
            }
            Err(error) => {
                self.set_failed(ErrorKind::Environment);
                Err(error)
            }
        }
    }

    /// Answers everything with an error from now on: there will be no tree.
    pub(crate) fn set_failed(&self, kind: ErrorKind) {
        self.settle(Err(kind));
    }

    /// True if it is certain that there will be no tree.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.served.get(), Some(Err(_)))
    }

    fn settle(&self, outcome: Result<Served, ErrorKind>) {
        let mut list = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
        // The first word stands.
        let _ = self.served.set(outcome);
        let parked = std::mem::take(&mut *list);
        drop(list);
        for request in parked {
            self.answer(request);
        }
    }

    fn answer(&self, request: Parked) {
        match self.served.get() {
            Some(Ok(served)) => request(Ok(served)),
            Some(Err(kind)) => request(Err(errno(*kind))),
            None => request(Err(Errno::EIO)),
        }
    }

    /// Runs `request` now if the tree is known, else as soon as it is.
    ///
    /// A panic in it is logged, and drops its reply, which `fuser` then answers with EIO.
    fn with_tree(
        &self,
        operation: &'static str,
        ino: Ino,
        request: impl FnOnce(Result<&Served, Errno>) + Send + 'static,
    ) {
        let guarded = move |served: Result<&Served, Errno>| {
            if catch_unwind(AssertUnwindSafe(|| request(served))).is_err() {
                log::panic(operation, ino);
            }
        };
        if self.served.get().is_none() {
            let mut list = self.parked.lock().unwrap_or_else(PoisonError::into_inner);
            if self.served.get().is_none() {
                list.push(Box::new(guarded));
                return;
            }
        }
        self.answer(Box::new(guarded));
    }
}

/// The file system as `fuser` wants it.
pub(crate) struct Adapter {
    stage: Arc<Stage>,
    /// The kernel never opens files or directories once it has been told that this needs no answer.
    opens_files: bool,
    opens_directories: bool,
    /// Where requests come from, to see whether there is one.
    device: OwnedFd,
}

impl Adapter {
    pub(crate) fn new(stage: Arc<Stage>, device: OwnedFd) -> Self {
        Self { stage, opens_files: false, opens_directories: false, device }
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // The first part of a listing comes with attributes; what follows only if somebody looks at those. Making
        // inodes that nobody looks at is most of what a plain listing of a large directory costs.
        let wanted = InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            | InitFlags::FUSE_NO_OPEN_SUPPORT
            | InitFlags::FUSE_NO_OPENDIR_SUPPORT
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_CACHE_SYMLINKS
            | InitFlags::FUSE_EXPORT_SUPPORT;
        let mut missing = InitFlags::empty();
        if let Err(unsupported) = config.add_capabilities(wanted) {
            missing = unsupported;
            // All or nothing: the rest is asked for by itself, and what is left is supported.
            let _ = config.add_capabilities(wanted.difference(unsupported));
        }
        self.opens_files = missing.contains(InitFlags::FUSE_NO_OPEN_SUPPORT);
        self.opens_directories = missing.contains(InitFlags::FUSE_NO_OPENDIR_SUPPORT);
        // Only zero is refused.
        let _ = config.set_max_background(MAX_BACKGROUND);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let (parent, name, access) = (Ino(parent.0), name.to_owned(), self.stage.access);
        self.stage.with_tree("lookup", parent, move |served| {
            if name.len() > NAME_BYTES {
                return reply.error(Errno::ENAMETOOLONG);
            }
            let found =
                served.and_then(|served| find(&*served.tree, parent, &name).map_err(|e| errno(e.kind())));
            match found {
                Ok(attr) => reply.entry(&FOR_EVER, &access.attributes(&attr), GENERATION),
                Err(Errno::ENOENT) => reply.entry(&FOR_EVER, &access.absence(), GENERATION),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let (ino, access) = (Ino(ino.0), self.stage.access);
        self.stage.with_tree("getattr", ino, move |served| {
            match served.and_then(|served| served.tree.attr(ino).map_err(|e| errno(e.kind()))) {
                Ok(attr) => reply.attr(&FOR_EVER, &access.attributes(&attr)),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if self.opens_files {
            reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
        } else {
            reply.error(Errno::ENOSYS);
        }
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if self.opens_directories {
            reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR);
        } else {
            reply.error(Errno::ENOSYS);
        }
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let ino = Ino(ino.0);
        self.stage.with_tree("read", ino, move |served| match served {
            Ok(served) => read(served, ino, offset, size as usize, reply),
            Err(error) => reply.error(error),
        });
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, from: u64, mut reply: ReplyDirectory) {
        let ino = Ino(ino.0);
        self.stage.with_tree("readdir", ino, move |served| {
            let listed = served.and_then(|served| {
                let mut add = |next, entry: Entry<'_>| {
                    let kind = match entry.attr.kind {
                        Kind::Directory => FileType::Directory,
                        Kind::File => FileType::RegularFile,
                    };
                    !reply.add(INodeNo(entry.attr.ino.0), next, kind, entry.name)
                };
                served.tree.list(ino, from, &mut add).map_err(|e| errno(e.kind()))
            });
            match listed {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn readdirplus(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        from: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let (ino, access) = (Ino(ino.0), self.stage.access);
        self.stage.with_tree("readdirplus", ino, move |served| {
            let listed = served.and_then(|served| {
                let mut add = |next, entry: Entry<'_>| {
                    let attr = access.attributes(&entry.attr);
                    !reply.add(attr.ino, next, entry.name, &FOR_EVER, &attr, GENERATION)
                };
                served.tree.list(ino, from, &mut add).map_err(|e| errno(e.kind()))
            });
            match listed {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.stage.with_tree("statfs", Ino(ino.0), move |served| match served {
            Ok(served) => {
                let Totals { inodes, bytes } = served.tree.totals();
                let blocks = bytes.div_ceil(u64::from(BLOCK_BYTES));
                reply.statfs(blocks, 0, 0, inodes, 0, BLOCK_BYTES, NAME_BYTES as u32, BLOCK_BYTES);
            }
            Err(error) => reply.error(error),
        });
    }
}

/// A name in a directory. Servers that export the mount by NFS ask for `.` of any inode, and for `..`.
fn find(tree: &dyn Tree, parent: Ino, name: &OsStr) -> Result<Attr> {
    if name == "." {
        return tree.attr(parent);
    }
    if name == ".." {
        let mut above = Err(Error::new(ErrorKind::NotFound, "no directory above"));
        tree.list(parent, 0, &mut |_, entry| {
            let found = entry.name == "..";
            if found {
                above = tree.attr(entry.attr.ino);
            }
            !found
        })?;
        return above;
    }
    tree.lookup(parent, name)
}

/// Answers a read at once if the bytes are at hand, and leaves it to the pool if not.
fn read(served: &Served, ino: Ino, offset: u64, length: usize, reply: ReplyData) {
    let attr = match served.tree.attr(ino) {
        Ok(attr) if attr.kind == Kind::Directory => return reply.error(Errno::EISDIR),
        Ok(attr) => attr,
        Err(error) => return reply.error(errno(error.kind())),
    };
    if offset >= attr.size || length == 0 {
        return reply.data(&[]);
    }
    let page = served.tree.cached(ino);
    if let Some(page) = &page {
        reply.data(pool::slice(page, offset, length));
    } else {
        let answer = Box::new(move |bytes: Result<&[u8], ErrorKind>| match bytes {
            Ok(bytes) => reply.data(bytes),
            Err(kind) => reply.error(errno(kind)),
        });
        served.pool.read(ino, offset, length, answer);
    }
    if offset == 0 && served.tree.is_rendered(ino) {
        served.pool.observe(ino);
    }
}

#[cfg(test)]
mod tests;
