//! The tree as plain files, exactly as the mount shows it.
//!
//! Never writes outside the folder it is given: names are checked by construction, the folder is empty at the beginning
//! or has a record of what gptfs wrote, and its directories are walked by descriptor, without following links.

mod retention;
mod selection;
mod update;
mod writer;

use crate::catalog::Condition;
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Attr, Fs, Ino, InodeKind, Origin, TreeEntry};
use crate::progress::Progress;
use crate::sync::lock;
use crate::sys::{self, EndSignals, OpenDirectory};
use crate::text::printable;
use retention::Retention;
pub(crate) use selection::Selection;
use std::fs::FileTimes;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use update::{Existing, FileStamp, FileState, Gone, RECORD, Record, RecordedStamp};
use writer::FileWriter;

/// A file while it is written, where it must have a name, followed by the number of its thread. No name in the tree begins
/// like it.
const PARTIAL: &str = ".gptfs-partial-";

/// How much of a copied file is in memory at a time, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// The JSON that a thread takes at a time, in bytes: neighbours in one entry of the archive, so that most of what it
/// inflates is for itself.
const RUN_BYTES: u64 = 4 << 20;

/// What an export wrote.
#[derive(Debug, Default)]
pub(crate) struct Written {
    /// Files written in full.
    pub(crate) files: u64,
    /// Files that were up to date.
    pub(crate) unchanged: u64,
    /// Files and links of an earlier export that no longer belong there.
    pub(crate) removed: u64,
    /// Paths that were left alone, because what has them now is not what gptfs wrote.
    pub(crate) kept: Vec<String>,
    /// What an update kept as it was, because the export may only have lost or damaged it: a line for each reason, the
    /// most serious last.
    pub(crate) retained: Vec<Error>,
    /// Directories made, without the folder itself.
    #[cfg(test)]
    pub(crate) directories: u64,
    /// The bytes of the files.
    #[cfg(test)]
    pub(crate) bytes: u64,
    /// What could not be written in full, in the order of paths, and left nothing behind; then what was, but not with its
    /// times.
    pub(crate) failures: Vec<Error>,
}

impl Written {
    /// This, or one error for all failures.
    ///
    /// # Errors
    /// `Environment` or `OutOfMemory` if that is the reason of all failures, else `Damaged`; the message names the first and
    /// counts them.
    pub(crate) fn complete(self) -> Result<Self> {
        match self.failures.first() {
            None => Ok(self),
            Some(first) => {
                let count = self.failures.len();
                let message = format!("{count} could not be written; the first: {first}");
                let is_all =
                    |kinds: &[ErrorKind]| self.failures.iter().all(|failure| kinds.contains(&failure.kind()));
                let kind = if is_all(&[ErrorKind::OutOfMemory]) {
                    ErrorKind::OutOfMemory
                } else if is_all(&[ErrorKind::OutOfMemory, ErrorKind::Environment]) {
                    ErrorKind::Environment
                } else {
                    ErrorKind::Damaged
                };
                Err(Error::new(kind, message))
            }
        }
    }
}

/// Whether the folder may contain an earlier export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteMode {
    /// It must be new or empty.
    New,
    /// It may be one that was written in this mode, with the same filters. What changed is replaced, what the tree no longer
    /// has is removed, and whatever gptfs did not write is left alone. What the export may only have lost or damaged stays.
    Update,
    /// The same, but the filters may be others. What they no longer choose is removed.
    Refilter,
}

/// Writes what `selection` chooses of the tree of `fs` into the folder `into`, which is made if it is missing and must be
/// empty otherwise, except to update it, with `jobs` threads, in archive order. Names and modification times are those of
/// the whole tree; modes are 0644 and 0755 within the umask.
///
/// A file is there in full or not at all. Failures are noted and the rest goes on; see [`Written::complete`]. Counts files
/// and bytes to `progress`. A thread holds the pages of one conversation, or 8 MiB of them, and a megabyte of a copied
/// file.
///
/// # Errors
/// `Environment` if the folder can't be used or the disk is full, `Usage` if its filters or its export were others,
/// `Interrupted` by one of `signals`; files that were complete by then stay.
pub(crate) fn write(
    fs: &Fs,
    selection: &Selection,
    into: &Path,
    mode: WriteMode,
    jobs: usize,
    progress: &Progress,
    signals: &EndSignals,
) -> Result<Written> {
    let is_new = prepare(into, mode)?;
    // The folder itself may be named by a symbolic link; nothing inside it may be one.
    let folder = OpenDirectory::open(into).map_err(|error| environment(into, error))?;
    let before = match mode {
        WriteMode::New => None,
        WriteMode::Update | WriteMode::Refilter => Some(record(&folder, into, is_new)?),
    };
    if let Some(before) = before.as_ref().filter(|_| mode == WriteMode::Update && !is_new) {
        same_filters(into, &before.filter, selection.filter())?;
    }
    let retention = match &before {
        Some(before) => Retention::new(before, fs, selection, into)?,
        None => Retention::default(),
    };
    let reduced = retention.reduced(selection, fs);
    let export = ExportRun {
        fs,
        selection: reduced.as_ref().unwrap_or(selection),
        into,
        folder,
        before,
        retention,
        progress,
        signals,
        alone: AtomicBool::new(false),
        next: Mutex::new(0),
        next_other: AtomicUsize::new(0),
        ended: AtomicBool::new(false),
        disk: Mutex::default(),
    };
    export.run(jobs)
}

/// One export while it is written.
struct ExportRun<'a> {
    fs: &'a Fs,
    selection: &'a Selection,
    into: &'a Path,
    folder: OpenDirectory,
    /// What an earlier export wrote, if this one updates it.
    before: Option<Record>,
    /// What stays of it although the tree doesn't have it.
    retention: Retention,
    progress: &'a Progress,
    signals: &'a EndSignals,
    /// Whether the thread that writes is the only one, and has to look for signals itself.
    alone: AtomicBool,
    /// The next conversation to write, by position in the catalog.
    next: Mutex<usize>,
    /// The next file to write that is not a page.
    next_other: AtomicUsize,
    /// Whether threads stop before their next file.
    ended: AtomicBool,
    /// Why nothing else can be written.
    disk: Mutex<Option<Error>>,
}

/// What one thread wrote, with the path of each failure.
#[derive(Default)]
struct Share {
    files: u64,
    unchanged: u64,
    bytes: u64,
    /// For an update, the files that are there now.
    stamps: Vec<(String, RecordedStamp)>,
    kept: Vec<String>,
    failures: Vec<(String, Error)>,
    /// What has been written, but not with its times.
    untimed: Vec<(String, Error)>,
}

impl Share {
    fn add(&mut self, other: Self) {
        self.files = self.files.saturating_add(other.files);
        self.unchanged = self.unchanged.saturating_add(other.unchanged);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.stamps.extend(other.stamps);
        self.kept.extend(other.kept);
        self.failures.extend(other.failures);
        self.untimed.extend(other.untimed);
    }
}

/// What there is to write besides pages, once the directories are made.
#[derive(Default)]
struct ExportPlan {
    /// The directories that were made, each before those in it.
    directories: Vec<(String, Attr)>,
    /// The paths of those that could not be made, with a slash: whatever is below them fails for the same reason.
    lost: Vec<String>,
    /// Files that are no pages.
    others: Vec<Ino>,
    links: Vec<TreeEntry>,
}

impl ExportRun<'_> {
    fn run(&self, jobs: usize) -> Result<Written> {
        self.announce()?;
        let mut share = Share::default();
        let plan = self.make_directories(&mut share)?;
        let (shares, interrupted) = self.write_files(jobs, &plan)?;
        for part in shares {
            share.add(part);
        }
        if let Some(error) = lock(&self.disk).take() {
            return Err(error);
        }
        if interrupted {
            let message = format!("interrupted; wrote {} files to {}", share.files, named(self.into));
            return Err(Error::new(ErrorKind::Interrupted, message));
        }
        for link in plan.links.iter().filter(|link| !is_below(&plan.lost, &link.path)) {
            match self.make_link(link, &mut share) {
                Ok(()) => {}
                Err(Failure::Disk(error)) => return Err(error.within(self.named(&link.path))),
                Err(Failure::One(error)) => share.failures.push((link.path.clone(), error)),
            }
        }
        let gone = self.conclude(&share)?;
        share.kept.extend(gone.changed);
        // Whatever is put into a directory changes its time, so the times come last.
        for (path, attr) in plan.directories.iter().rev() {
            let timed = self.folder.enter_path(path).and_then(|directory| directory.set_times(times(*attr)));
            if let Err(error) = timed {
                share.untimed.push((path.clone(), Error::io("its times can't be set", error)));
            }
        }
        share.failures.sort_by(|a, b| a.0.cmp(&b.0));
        share.untimed.sort_by(|a, b| a.0.cmp(&b.0));
        share.kept.sort();
        Ok(Written {
            files: share.files,
            unchanged: share.unchanged,
            removed: gone.removed,
            kept: share.kept,
            retained: self.retention.report(self.fs, &gone.retained),
            #[cfg(test)]
            directories: plan.directories.len().saturating_sub(1) as u64,
            #[cfg(test)]
            bytes: share.bytes,
            failures: share
                .failures
                .into_iter()
                .chain(share.untimed)
                .map(|(path, error)| error.within(self.named(&path)))
                .collect(),
        })
    }

    /// Makes all directories, and notes what to put into them.
    ///
    /// # Errors
    /// `Environment` if the disk is full. Any other failure is noted in `share`.
    fn make_directories(&self, share: &mut Share) -> Result<ExportPlan> {
        let root = (String::new(), self.fs.attr(Ino::ROOT)?);
        let mut plan = ExportPlan { directories: vec![root], ..ExportPlan::default() };
        let mut total = 0_u64;
        for entry in self.selection.entries(self.fs) {
            total = total.saturating_add(entry.attr.size);
            match entry.attr.kind {
                InodeKind::File if self.fs.page(entry.attr.ino).is_none() => plan.others.push(entry.attr.ino),
                InodeKind::File => {}
                InodeKind::Symlink => plan.links.push(entry),
                InodeKind::Directory if is_below(&plan.lost, &entry.path) => {}
                InodeKind::Directory => match self.make_directory(&entry.path) {
                    Ok(()) => plan.directories.push((entry.path, entry.attr)),
                    Err(Failure::Disk(error)) => return Err(error.within(self.named(&entry.path))),
                    Err(Failure::One(error)) => {
                        share.failures.push((entry.path.clone(), error));
                        plan.lost.push(format!("{}/", entry.path));
                    }
                },
            }
        }
        self.progress.set_total(total);
        Ok(plan)
    }

    /// Writes all files with `jobs` threads, or as many as the system allows. Returns what each wrote, and whether a signal
    /// ended them.
    fn write_files(&self, jobs: usize, plan: &ExportPlan) -> Result<(Vec<Share>, bool)> {
        let mut interrupted = false;
        let shares = thread::scope(|scope| {
            let (done, working) = io::pipe().map_err(|error| Error::io("cannot start", error))?;
            let work = |number: usize, working: io::PipeWriter| {
                let share = self.work(number, &plan.lost, &plan.others);
                // When the last thread drops this, the pipe closes.
                drop(working);
                share
            };
            let mut threads = Vec::new();
            for number in 0..jobs.max(1) {
                let working = working.try_clone().map_err(|error| Error::io("cannot start", error))?;
                match thread::Builder::new().spawn_scoped(scope, move || work(number, working)) {
                    Ok(thread) => threads.push(thread),
                    // The system allows no more.
                    Err(_) => break,
                }
            }
            if threads.is_empty() {
                self.alone.store(true, Ordering::Relaxed);
                let share = work(0, working);
                interrupted = self.ended.load(Ordering::Relaxed);
                return Ok(vec![share]);
            }
            drop(working);
            while self.signals.arrives_before_end(&done) {
                interrupted = true;
                self.ended.store(true, Ordering::Relaxed);
            }
            let shares = threads.into_iter().map(thread::ScopedJoinHandle::join);
            shares.collect::<Result<Vec<_>, _>>().map_err(|panic| std::panic::resume_unwind(panic))
        })?;
        Ok((shares, interrupted))
    }

    /// Before anything is written to update a folder, records all that is going to be there besides what is there.
    fn announce(&self) -> Result<()> {
        let Some(before) = &self.before else { return Ok(()) };
        let mut record = Record { filter: self.selection.filter().to_owned(), ..before.clone() };
        for entry in self.selection.entries(self.fs) {
            let file = match entry.attr.kind {
                InodeKind::File => FileStamp::File(FileState::planned(entry.attr)),
                InodeKind::Symlink => FileStamp::Link(self.fs.link(entry.attr.ino)?),
                InodeKind::Directory => {
                    record.directories.insert(entry.path);
                    continue;
                }
            };
            record.add(entry.path, self.stamp(entry.attr.ino, file));
        }
        self.write_record(&record)
    }

    /// How what was written for `ino` is recorded.
    fn stamp(&self, ino: Ino, file: FileStamp) -> RecordedStamp {
        let head = self.fs.conversation(ino).and_then(|head| self.fs.catalog().heads.get(head));
        let is_whole = head.is_none_or(|head| head.condition == Condition::Sound);
        RecordedStamp::new(file, head.map_or("", |head| &head.id), is_whole)
    }

    /// After an update, removes what no longer belongs there, and records what is there now.
    fn conclude(&self, share: &Share) -> Result<Gone> {
        let Some(before) = &self.before else { return Ok(Gone::default()) };
        let mut record = Record { filter: self.selection.filter().to_owned(), ..Record::default() };
        for (path, stamp) in &share.stamps {
            record.add(path.clone(), stamp.clone());
        }
        for entry in self.selection.entries(self.fs) {
            if entry.attr.kind == InodeKind::Directory {
                record.directories.insert(entry.path);
            } else if !record.files.contains_key(&entry.path)
                && let Some(stamps) = before.files.get(&entry.path)
            {
                // It could not be written, and is what it was.
                record.files.insert(entry.path, stamps.clone());
            }
        }
        let gone = before.remove_gone(&mut record, &self.folder, |path| self.retention.has(path));
        self.write_record(&record)?;
        Ok(gone)
    }

    fn write_record(&self, record: &Record) -> Result<()> {
        let written = record.write(&self.folder, &format!("{PARTIAL}record"));
        written.map_err(|error| environment(self.into, error))
    }

    /// Makes one directory, which must not exist, except where a folder is updated.
    fn make_directory(&self, path: &str) -> Result<(), Failure> {
        let (parent, name) = split(path);
        match self.folder.enter_path(parent)?.make(name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.before.is_some() => {
                self.folder.enter_path(path)?;
                Ok(())
            }
            made => Ok(made?),
        }
    }

    /// Makes one symbolic link, whose name must not exist, except where a folder is updated.
    fn make_link(&self, link: &TreeEntry, share: &mut Share) -> Result<(), Failure> {
        let (parent, name) = split(&link.path);
        let target = self.fs.link(link.attr.ino)?;
        let directory = self.folder.enter_path(parent)?;
        if let Some(before) = &self.before {
            match before.existing(&directory, &link.path, name)? {
                Existing::Nothing => {}
                Existing::Link(old) if old == target => {
                    let stamp = self.stamp(link.attr.ino, FileStamp::Link(target));
                    share.stamps.push((link.path.clone(), stamp));
                    return Ok(());
                }
                Existing::Link(_) => directory.remove(name)?,
                Existing::File(..) | Existing::Foreign => {
                    share.kept.push(link.path.clone());
                    return Ok(());
                }
            }
        }
        directory.link(name, &target, link.attr.modified.system_time())?;
        let stamp = self.stamp(link.attr.ino, FileStamp::Link(target));
        share.stamps.push((link.path.clone(), stamp));
        Ok(())
    }

    /// Writes conversations, then other files, until there are none left.
    fn work(&self, number: usize, lost: &[String], others: &[Ino]) -> Share {
        let mut writer = FileWriter::new(self, lost, number);
        loop {
            let run = self.take_run();
            if run.is_empty() {
                break;
            }
            for head in run.filter(|&head| self.selection.has(head)) {
                if self.is_ended() {
                    return writer.share;
                }
                writer.leave_directory();
                self.fs.each_page(head, &mut |ino, page| match page {
                    Ok(page) => {
                        writer.write(ino, Some(&page), |file| Ok(file.write_all(&page)?));
                    }
                    Err(error) => writer.write(ino, None, |_| Err(error.into())),
                });
            }
        }
        while let Some(&ino) = others.get(self.next_other.fetch_add(1, Ordering::Relaxed)) {
            if self.is_ended() {
                break;
            }
            writer.leave_directory();
            writer.write(ino, None, |file| self.copy(ino, file));
        }
        writer.share
    }

    /// Whether to stop before the next file.
    fn is_ended(&self) -> bool {
        if self.alone.load(Ordering::Relaxed) && self.signals.take() {
            self.ended.store(true, Ordering::Relaxed);
        }
        self.ended.load(Ordering::Relaxed)
    }

    /// The next conversations in archive order.
    fn take_run(&self) -> std::ops::Range<usize> {
        let heads = &self.fs.catalog().heads;
        let mut next = lock(&self.next);
        let start = *next;
        let entry = heads.get(start).map(|head| head.location.entry);
        let mut bytes = 0_u64;
        while let Some(head) =
            heads.get(*next).filter(|head| bytes < RUN_BYTES && Some(head.location.entry) == entry)
        {
            bytes = bytes.saturating_add(head.location.end.saturating_sub(head.location.start));
            *next = next.saturating_add(1);
        }
        start..*next
    }

    /// Writes a file that is not a page.
    fn copy(&self, ino: Ino, file: &mut dyn io::Write) -> Result<(), Failure> {
        let size = self.fs.attr(ino)?.size;
        match self.fs.origin(ino)? {
            Origin::Rendered => Ok(file.write_all(&self.fs.contents(ino)?)?),
            Origin::Copied(_) => {
                let mut offset = 0;
                while offset < size && !self.is_ended() {
                    let chunk = self.fs.read(ino, offset, CHUNK_BYTES)?;
                    file.write_all(&chunk)?;
                    offset = offset.saturating_add(chunk.len().max(1) as u64);
                }
                if offset < size {
                    return Err(Failure::One(Error::new(ErrorKind::Interrupted, "interrupted")));
                }
                Ok(())
            }
        }
    }

    /// A path in the folder, for messages.
    fn named(&self, path: &str) -> String {
        named(&self.into.join(path))
    }
}

/// Why something wasn't written.
#[derive(Debug)]
enum Failure {
    /// For a reason of its own.
    One(Error),
    /// For a reason that keeps everything else from being written.
    Disk(Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{AlreadyExists, NotADirectory, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
        let reason = |reason| Self::One(Error::new(ErrorKind::Environment, reason));
        match error.kind() {
            StorageFull | QuotaExceeded | ReadOnlyFilesystem => {
                Self::Disk(Error::io("can't be written", error))
            }
            AlreadyExists => reason("another program made it meanwhile"),
            NotADirectory => reason("another program replaced its directory meanwhile"),
            _ => Self::One(Error::io("can't be written", error)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::One(error)
    }
}

/// Makes sure that `into` is an empty folder, or any folder if it is updated. True if it is empty.
fn prepare(into: &Path, mode: WriteMode) -> Result<bool> {
    let refused = |why: &str| Err(Error::new(ErrorKind::Environment, format!("{}: {why}", named(into))));
    match std::fs::read_dir(into).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(true),
        Ok(false) if mode != WriteMode::New => Ok(false),
        Ok(false) => refused("not empty; name a new or an empty folder"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            sys::make_directories(into).map_err(|error| environment(into, error))?;
            Ok(true)
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            refused("not a folder; name a new or an empty folder")
        }
        Err(error) => Err(environment(into, error)),
    }
}

/// What an earlier update wrote into `folder`, at `into`.
fn record(folder: &OpenDirectory, into: &Path, is_new: bool) -> Result<Record> {
    match Record::read(folder).map_err(|error| error.within(named(&into.join(RECORD))))? {
        Some(record) => Ok(record),
        None if is_new => Ok(Record::default()),
        None => Err(Error::new(
            ErrorKind::Environment,
            format!("{}: not written by `export --update`; name a new or an empty folder", named(into)),
        )),
    }
}

/// Refuses to update a folder that was written with other filters, because that could add or remove a whole tree by mistake.
fn same_filters(into: &Path, before: &str, now: &str) -> Result<()> {
    if before == now {
        return Ok(());
    }
    let with = |filter| match filter {
        "" => "without filters".to_owned(),
        filter => format!("with {}", printable(filter)),
    };
    let message = format!(
        "{}: written {} before, now {}; use the same filters, or --refilter to add and remove conversations accordingly",
        named(into),
        with(before),
        with(now)
    );
    Err(Error::new(ErrorKind::Usage, message))
}

fn environment(path: &Path, error: io::Error) -> Error {
    Error::new(ErrorKind::Environment, named(path)).caused_by(error)
}

/// The directory of a path, and its last part.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// True if `path` is in one of `directories`, each of which has a slash at the end.
fn is_below(directories: &[String], path: &str) -> bool {
    directories.iter().any(|directory| path.starts_with(directory.as_str()))
}

fn times(attr: Attr) -> FileTimes {
    let modified = attr.modified.system_time();
    FileTimes::new().set_accessed(modified).set_modified(modified)
}

/// A path for messages.
fn named(path: &Path) -> String {
    printable(&path.to_string_lossy()).to_string()
}

#[cfg(test)]
mod tests;
