mod retained;
mod updates;

use super::*;
use crate::catalog::Catalog;
use crate::fs::fake::{Fake, MARCH, catalog, head, rich};
use crate::progress::Snapshot;
use crate::sys::Interrupter;
use crate::testing::until;
use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

/// All paths below `folder` with their bytes, or `None` for directories. Links count as files.
fn tree(folder: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
            if path.symlink_metadata().unwrap().is_dir() {
                found.insert(name, None);
                open.push(path);
            } else {
                found.insert(name, Some(std::fs::read(path).unwrap_or_default()));
            }
        }
    }
    found
}

/// What `fs` lists, in the same form.
fn listed(fs: &Fs) -> BTreeMap<String, Option<Vec<u8>>> {
    fs.walk()
        .map(|step| {
            let is_file = step.attr.kind == InodeKind::File;
            (step.path, is_file.then(|| fs.read(step.attr.ino, 0, usize::MAX).unwrap()))
        })
        .collect()
}

/// Writes with one thread, so that conversations come in archive order.
fn write(fs: &Fs, into: &Path) -> Result<Written> {
    write_with(fs, into, 1, &EndSignals::hold().unwrap())
}

fn write_with(fs: &Fs, into: &Path, jobs: usize, signals: &EndSignals) -> Result<Written> {
    super::write(fs, &Selection::All, into, WriteMode::New, jobs, &Progress::default(), signals)
}

/// A double that calls `hook` with the position of each conversation that is read.
fn hooked(hook: impl Fn(&Fake, usize) + Send + Sync + 'static) -> Fs {
    Fake { hook: Some(Box::new(hook)), ..Fake::new(catalog()) }.mount().1
}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let into = place.path().join("deep/new");
    (place, into)
}

#[test]
fn the_folder_has_everything_listed_with_its_times() {
    let (_, fs) = Fake::new(catalog()).mount();
    let (_place, into) = folder();
    let progress = Progress::default();
    let signals = EndSignals::hold().unwrap();
    let written = super::write(&fs, &Selection::All, &into, WriteMode::New, 3, &progress, &signals).unwrap();
    assert_eq!(tree(&into), listed(&fs));
    for step in fs.walk() {
        let metadata = into.join(&step.path).metadata().unwrap();
        let time = (metadata.mtime(), metadata.mtime_nsec());
        assert_eq!(
            time,
            (step.attr.modified.seconds(), i64::from(step.attr.modified.nanoseconds())),
            "{}",
            step.path
        );
        assert_eq!(metadata.permissions().mode() & 0o600, 0o600);
        assert_eq!(metadata.permissions().mode() & 0o022, 0, "{}", step.path);
    }
    assert_eq!(into.metadata().unwrap().mtime(), fs.attr(Ino::ROOT).unwrap().modified.seconds());
    let sizes: u64 = fs.walk().map(|step| step.attr.size).sum();
    assert_eq!((written.files, written.directories, written.bytes), (10, 8, sizes));
    assert_eq!(progress.snapshot(), Snapshot { done: sizes, total: sizes, items: 10 });
    written.complete().unwrap();
}

/// The conversations of [`catalog`] at these positions.
fn chosen(positions: &[usize], filter: &str) -> Selection {
    let heads = (0..catalog().heads.len()).map(|head| positions.contains(&head)).collect();
    Selection::Chosen { heads, filter: filter.to_owned() }
}

#[test]
fn of_chosen_conversations_everything_is_written_and_nothing_else_is_read() {
    let (library, fs) = Fake::new(catalog()).mount();
    let fs = fs.listing_views();
    let (_place, into) = folder();
    let (progress, signals) = (Progress::default(), EndSignals::hold().unwrap());
    let selection = chosen(&[0, 5], "");
    let written = super::write(&fs, &selection, &into, WriteMode::New, 1, &progress, &signals).unwrap();
    let written = written.complete().unwrap();
    assert_eq!(lock(&library.readings).as_slice(), [0, 5]);
    let found = tree(&into);
    let in_years: Vec<_> = found.keys().filter(|path| path.starts_with(['2', 'u'])).collect();
    assert_eq!(
        in_years,
        [
            "2025",
            "2025/03",
            "2025/03/Trip.assets",
            "2025/03/Trip.assets/map.png",
            "2025/03/Trip.assets/plan.md",
            "2025/03/Trip.branches",
            "2025/03/Trip.branches/2.md",
            "2025/03/Trip.branches/3.md",
            "2025/03/Trip.md",
            "undated",
            "undated/No time.md",
        ]
    );
    for (path, bytes) in listed(&fs) {
        assert!(found.get(&path).is_none_or(|written| *written == bytes), "{path}");
    }
    // Views have the links to what is written, and keep their numbers.
    let views: Vec<_> = found.keys().filter(|path| !path.starts_with(['2', 'u'])).collect();
    let [trip, undated] = ["by-id/6c74a896-1.md", "by-id/ffffffff-1.md"];
    let recent = ["recent/04 Trip.md", "recent/06 No time.md"];
    assert_eq!(views, [".ignore", "by-id", trip, undated, "recent", recent[0], recent[1]]);
    assert!(
        into.join(trip).metadata().unwrap().is_file() && into.join(undated).metadata().unwrap().is_file()
    );
    // Five pages, a file of the archive, and `.ignore`; the total has the links too.
    assert_eq!(written.files, 7);
    let links: u64 = [trip, undated]
        .into_iter()
        .chain(recent)
        .map(|path| into.join(path).symlink_metadata().unwrap().len())
        .sum();
    let snapshot = progress.snapshot();
    assert_eq!((snapshot.items, snapshot.done + links), (7, snapshot.total));
}

#[test]
fn large_files_are_copied_whole() {
    let (_, fs) = Fake { short_reads: 999, ..Fake::new(catalog()) }.mount();
    let (_place, into) = folder();
    write(&fs, &into).unwrap().complete().unwrap();
    assert_eq!(tree(&into), listed(&fs));
}

#[test]
fn an_empty_folder_will_do_even_through_a_link() {
    let (_, fs) = Fake::new(catalog()).mount();
    let place = tempfile::tempdir().unwrap();
    let (real, link) = (place.path().join("real"), place.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    write(&fs, &link).unwrap().complete().unwrap();
    assert_eq!(tree(&real), listed(&fs));
}

#[test]
fn a_folder_that_is_not_empty_is_left_alone() {
    let (_, fs) = Fake::new(catalog()).mount();
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("mine"), "mine").unwrap();
    let error = write(&fs, place.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.to_string().ends_with("not empty; name a new or an empty folder"), "{error}");
    let error = write(&fs, &place.path().join("mine")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.to_string().ends_with("not a folder; name a new or an empty folder"), "{error}");
    assert_eq!(tree(place.path()).len(), 1);
}

#[test]
fn one_broken_file_leaves_the_others_whole() {
    // The first conversation's page isn't as long as it was measured, and its file ends too early.
    let mut catalog = catalog();
    catalog.heads[0] = rich(head("6c74a896-1", "Trip", MARCH), &[2], 6000);
    let (_, good) = Fake::new(Catalog { heads: catalog.heads.clone(), ..Catalog::default() }).mount();
    let (_, fs) = Fake { lying: Some(0), ..Fake::new(catalog) }.mount();
    let (_place, into) = folder();
    let written = write(&fs, &into).unwrap();
    let mut expected: Vec<String> = good.walk().map(|step| step.path).collect();
    let broken = ["Trip.assets/map.png", "Trip.assets/plan.md", "Trip.branches/2.md", "Trip.md"]
        .map(|name| format!("2025/03/{name}"));
    expected.retain(|path| !broken.contains(path));
    expected.sort_unstable();
    assert_eq!(tree(&into).into_keys().collect::<Vec<_>>(), expected);
    assert_eq!(written.failures.len(), broken.len());
    for (failure, path) in written.failures.iter().zip(&broken) {
        assert!(failure.to_string().contains(path), "{failure}");
    }
    let error = written.complete().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().starts_with("4 could not be written; the first: "), "{error}");
}

#[test]
fn an_archive_that_vanishes_leaves_only_whole_files() {
    let fs = hooked(|library, head| library.broken.store(head >= 3, Ordering::SeqCst));
    let whole = listed(&Fake::new(catalog()).mount().1);
    let (_place, into) = folder();
    let written = write(&fs, &into).unwrap();
    // Six pages of three conversations; three pages and a file fail.
    assert_eq!((written.files, written.failures.len()), (6, 4));
    for (path, bytes) in tree(&into) {
        assert_eq!(Some(&bytes), whole.get(&path), "{path}");
    }
}

#[test]
fn nobody_leads_an_export_outside_by_replacing_what_it_made() {
    let (place, into) = folder();
    let outside = place.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious.md"), "mine").unwrap();
    let (away, link, folder) = (place.path().join("moved"), outside.clone(), into.clone());
    let fs = hooked(move |_, head| {
        if head == 1 {
            // Instead of a directory, and instead of a file to come.
            std::fs::rename(folder.join("2025"), &away).unwrap();
            symlink(&link, folder.join("2025")).unwrap();
            symlink(link.join("precious.md"), folder.join("2024/03/Early.md")).unwrap();
        }
    });
    let written = write(&fs, &into).unwrap();
    assert_eq!(tree(&outside), BTreeMap::from([("precious.md".to_owned(), Some(b"mine".to_vec()))]));
    let failed = |name: &str| written.failures.iter().any(|failure| failure.to_string().contains(name));
    for name in ["2025/04/Later.md", "2024/03/Early.md", "2025/03/new chat.md"] {
        assert!(failed(name), "{name}: {:?}", written.failures);
    }
    assert!(into.join("undated/No time.md").exists());
    assert_eq!(written.complete().unwrap_err().kind(), ErrorKind::Environment);
}

#[test]
fn a_file_that_appears_is_not_overwritten() {
    let (_place, into) = folder();
    let mine = into.join("2025/03/new chat.md");
    let path = mine.clone();
    let fs = hooked(move |_, head| {
        if head == 1 {
            std::fs::write(&path, "mine").unwrap();
        }
    });
    let written = write(&fs, &into).unwrap();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(written.failures.len(), 1);
}

#[test]
fn a_signal_ends_it_and_leaves_only_whole_files() {
    let (_place, into) = folder();
    let signals = EndSignals::hold().unwrap();
    let here = std::sync::Mutex::new(Interrupter::here());
    let fs = hooked(move |_, head| {
        if head == 1 {
            let here = lock(&here);
            here.interrupt();
            until("the signal is taken", || !here.is_pending());
        }
    });
    let error = write_with(&fs, &into, 2, &signals).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    let whole = listed(&Fake::new(catalog()).mount().1);
    for (path, bytes) in tree(&into) {
        assert_eq!(Some(&bytes), whole.get(&path), "{path}");
    }
}

#[test]
fn any_number_of_threads_writes_the_same() {
    let (_, fs) = Fake::new(catalog()).mount();
    for jobs in [1, 2, 16] {
        let (_place, into) = folder();
        write_with(&fs, &into, jobs, &EndSignals::hold().unwrap()).unwrap().complete().unwrap();
        assert_eq!(tree(&into), listed(&fs), "{jobs}");
    }
}
