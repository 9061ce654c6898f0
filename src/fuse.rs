//! Answers the kernel's requests from the file system core. The only user of `fuser`.
//!
//! Nothing ever changes in a mount, and every choice here follows from that: the kernel may cache names, attributes,
//! listings and pages indefinitely, files are read without being opened, and a second walk through the tree never
//! reaches us. A thread that listens to the kernel never waits: rendering and archive access are left to the [`pool`],
//! and requests that arrive before the tree is known are parked.
//!
//! A panic in one request is an error of that request. It would end the mount otherwise.

mod busy_poll;
mod log;
pub(crate) mod mount;
mod pool;
mod read_ahead;

use crate::error::ErrorKind;
use crate::fs::{Attr, DirEntry, Fs, Ino, InodeKind, NAME_BYTES, Totals};
use crate::sync::lock;
use crate::sys::User;
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEntry,
    ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};
use pool::Pool;
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

/// How long the kernel may cache an answer: as long as it likes, without overflowing any clock.
const UNLIMITED: Duration = Duration::from_secs(1_000_000_000);

/// Inode numbers are never reused, so there is one generation of them.
const GENERATION: Generation = Generation(0);

/// The unit of `st_blocks` and of `statfs`.
const BLOCK_BYTES: u32 = 512;

/// Background reads that the kernel may have in flight.
const MAX_BACKGROUND: u16 = 64;

/// The errno of every kind of error.
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

/// Who owns the files, and who may read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Access {
    /// The user who mounts.
    owner: User,
    /// Whether every user may read.
    everybody: bool,
}

impl Access {
    /// The mount is read-only by its options. Modes that allow writing let the owner of a copy edit and delete it.
    fn attributes(self, attr: &Attr) -> FileAttr {
        let (kind, perm) = match (attr.kind, self.everybody) {
            (InodeKind::Directory, false) => (FileType::Directory, 0o700),
            (InodeKind::Directory, true) => (FileType::Directory, 0o755),
            (InodeKind::File, false) => (FileType::RegularFile, 0o600),
            (InodeKind::File, true) => (FileType::RegularFile, 0o644),
            (InodeKind::Symlink, _) => (FileType::Symlink, 0o777),
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

    /// Tells the kernel that a name does not exist, which it may cache too.
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

/// A file system with the workers that read from it.
struct Served {
    fs: Arc<Fs>,
    pool: Pool,
}

/// A request that arrived before the tree was known, to be answered from it or with an error.
type Parked = Box<dyn FnOnce(Result<&Served, Errno>) + Send>;

/// What all listening threads share: the tree once it is known, and the requests that wait for it.
struct Stage {
    served: OnceLock<Result<Served, ErrorKind>>,
    parked: Mutex<Vec<Parked>>,
    access: Access,
    /// Requests that reached us and that the kernel could have answered.
    #[cfg(test)]
    requests: std::sync::atomic::AtomicUsize,
}

impl Stage {
    /// A stage without a tree. Every request waits for it.
    fn new(access: Access) -> Arc<Self> {
        Arc::new(Self {
            served: OnceLock::new(),
            parked: Mutex::default(),
            access,
            #[cfg(test)]
            requests: std::sync::atomic::AtomicUsize::new(0),
        })
    }

    /// Shows `fs` from now on, and answers all requests that waited for it.
    ///
    /// # Errors
    /// If the system allows no threads; everything is an input/output error then.
    fn set_ready(&self, fs: Fs, workers: usize) -> io::Result<()> {
        let fs = Arc::new(fs);
        match Pool::start(Arc::clone(&fs), workers) {
            Ok(pool) => {
                self.settle(Ok(Served { fs, pool }));
                Ok(())
            }
            Err(error) => {
                self.set_failed(ErrorKind::Environment);
                Err(error)
            }
        }
    }

    /// Answers everything with an error from now on, because there will be no tree.
    fn set_failed(&self, kind: ErrorKind) {
        self.settle(Err(kind));
    }

    /// True if there will be no tree.
    fn has_failed(&self) -> bool {
        matches!(self.served.get(), Some(Err(_)))
    }

    fn settle(&self, outcome: Result<Served, ErrorKind>) {
        let mut list = lock(&self.parked);
        // The first outcome counts.
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
    /// A panic in it is logged and drops its reply, which `fuser` then answers with EIO.
    fn with_tree(
        &self,
        operation: &'static str,
        ino: Ino,
        request: impl FnOnce(Result<&Served, Errno>) + Send + 'static,
    ) {
        #[cfg(test)]
        if operation != "statfs" {
            self.requests.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        let guarded = move |served: Result<&Served, Errno>| {
            if catch_unwind(AssertUnwindSafe(|| request(served))).is_err() {
                log::panic(operation, ino);
            }
        };
        if self.served.get().is_none() {
            let mut list = lock(&self.parked);
            if self.served.get().is_none() {
                list.push(Box::new(guarded));
                return;
            }
        }
        self.answer(Box::new(guarded));
    }
}

/// The file system as `fuser` sees it.
struct Adapter {
    stage: Arc<Stage>,
    /// Whether this kernel insists on opening files and directories. Newer ones stop once told that there is no need.
    opens_files: bool,
    opens_directories: bool,
    /// Whether files have extended attributes. While they have none, the kernel asks once and never again.
    has_attributes: bool,
    /// Where requests come from, polled for the next one.
    device: OwnedFd,
}

impl Adapter {
    fn new(stage: Arc<Stage>, device: OwnedFd) -> Self {
        Self { stage, opens_files: false, opens_directories: false, has_attributes: false, device }
    }

    /// This file system with extended attributes, if `wanted`.
    fn with_attributes(self, wanted: bool) -> Self {
        Self { has_attributes: wanted, ..self }
    }

    /// Answers with what `find` makes of the extended attributes of `ino`.
    fn attribute(
        &self,
        operation: &'static str,
        ino: INodeNo,
        size: u32,
        reply: ReplyXattr,
        find: impl FnOnce(Vec<(String, String)>) -> Option<Vec<u8>> + Send + 'static,
    ) {
        if !self.has_attributes {
            return reply.error(Errno::ENOSYS);
        }
        let ino = Ino(ino.0);
        self.stage.with_tree(operation, ino, move |served| {
            let found = served.and_then(|served| served.fs.attributes(ino).map_err(|e| errno(e.kind())));
            match found.and_then(|attributes| find(attributes).ok_or(Errno::NO_XATTR)) {
                Ok(bytes) if size == 0 => reply.size(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
                Ok(bytes) if bytes.len() > size as usize => reply.error(Errno::ERANGE),
                Ok(bytes) => reply.data(&bytes),
                Err(error) => reply.error(error),
            }
        });
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // The first part of a listing comes with attributes, the rest only if somebody looks at those. Making inodes that
        // nobody looks at is most of the cost of plainly listing a large directory.
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
            // The call is all or nothing, so ask again for those that are supported.
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
            let answer = move |found: Result<(Attr, Duration), Errno>| match found {
                Ok((attr, valid)) => reply.entry(&valid, &access.attributes(&attr), GENERATION),
                Err(Errno::ENOENT) => reply.entry(&UNLIMITED, &access.absence(), GENERATION),
                Err(error) => reply.error(error),
            };
            let look_up = move |fs: &Fs, name: &OsStr| {
                let attr = fs.lookup(parent, name.as_encoded_bytes()).map_err(|e| errno(e.kind()))?;
                Ok((attr, if attr.ino.is_fleeting() { Duration::ZERO } else { UNLIMITED }))
            };
            match served {
                // Nobody else may wait for it. If there can't be a thread, the reply is an error by itself.
                Ok(served) if served.fs.takes_long(parent, name.as_encoded_bytes()) => {
                    let fs = Arc::clone(&served.fs);
                    let look = move || answer(look_up(&fs, &name));
                    let _ = thread::Builder::new().name("lookup".to_owned()).spawn(look);
                }
                Ok(served) => answer(look_up(&served.fs, &name)),
                Err(error) => answer(Err(error)),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let (ino, access) = (Ino(ino.0), self.stage.access);
        self.stage.with_tree("getattr", ino, move |served| {
            match served.and_then(|served| served.fs.attr(ino).map_err(|e| errno(e.kind()))) {
                Ok(attr) => reply.attr(&UNLIMITED, &access.attributes(&attr)),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        let ino = Ino(ino.0);
        self.stage.with_tree("readlink", ino, move |served| {
            match served.and_then(|served| served.fs.link(ino).map_err(|_| Errno::EINVAL)) {
                Ok(target) => reply.data(target.as_bytes()),
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
                let is_full = |(next, entry): (u64, DirEntry<'_>)| {
                    let kind = match entry.attr.kind {
                        InodeKind::Directory => FileType::Directory,
                        InodeKind::File => FileType::RegularFile,
                        InodeKind::Symlink => FileType::Symlink,
                    };
                    reply.add(INodeNo(entry.attr.ino.0), next, kind, &*entry.name)
                };
                Ok(served.fs.entries(ino, from).map_err(|e| errno(e.kind()))?.any(is_full))
            });
            match listed {
                Ok(_) => reply.ok(),
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
                let is_full = |(next, entry): (u64, DirEntry<'_>)| {
                    let attr = access.attributes(&entry.attr);
                    reply.add(attr.ino, next, &*entry.name, &UNLIMITED, &attr, GENERATION)
                };
                Ok(served.fs.entries(ino, from).map_err(|e| errno(e.kind()))?.any(is_full))
            });
            match listed {
                Ok(_) => reply.ok(),
                Err(error) => reply.error(error),
            }
        });
        busy_poll::wait(&self.device);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let name = name.to_owned();
        self.attribute("getxattr", ino, size, reply, move |attributes| {
            let mut values = attributes.into_iter();
            values.find(|(other, _)| name == other.as_str()).map(|(_, value)| value.into_bytes())
        });
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        self.attribute("listxattr", ino, size, reply, |attributes| {
            Some(attributes.into_iter().flat_map(|(name, _)| format!("{name}\0").into_bytes()).collect())
        });
    }

    fn statfs(&self, _: &Request, ino: INodeNo, reply: ReplyStatfs) {
        self.stage.with_tree("statfs", Ino(ino.0), move |served| match served {
            Ok(served) => {
                let Totals { inodes, bytes } = served.fs.totals();
                let blocks = bytes.div_ceil(u64::from(BLOCK_BYTES));
                reply.statfs(blocks, 0, 0, inodes, 0, BLOCK_BYTES, NAME_BYTES as u32, BLOCK_BYTES);
            }
            Err(error) => reply.error(error),
        });
    }
}

/// Answers a read now if its bytes are in the cache, and leaves it to the pool otherwise.
fn read(served: &Served, ino: Ino, offset: u64, length: usize, reply: ReplyData) {
    match served.fs.attr(ino) {
        Ok(attr) if attr.kind == InodeKind::Directory => reply.error(Errno::EISDIR),
        Ok(attr) if offset >= attr.size || length == 0 => reply.data(&[]),
        Ok(_) => {
            let answer = Box::new(move |bytes: Result<&[u8], ErrorKind>| match bytes {
                Ok(bytes) => reply.data(bytes),
                Err(kind) => reply.error(errno(kind)),
            });
            served.pool.read(ino, offset, length, answer);
        }
        Err(error) => reply.error(errno(error.kind())),
    }
}

#[cfg(test)]
mod tests;
