use super::*;
use crate::catalog::Catalog;
use crate::fs::fake::{Fake, MARCH, catalog, head, rich};
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
            let is_file = step.attr.kind == FileKind::File;
            (step.path, is_file.then(|| fs.read(step.attr.ino, 0, usize::MAX).unwrap()))
        })
        .collect()
}

fn quiet(_: Progress<'_>) {}

fn folder() -> (tempfile::TempDir, PathBuf) {
    let place = tempfile::tempdir().unwrap();
    let into = place.path().join("deep/new");
    (place, into)
}

#[test]
fn the_folder_holds_what_is_listed_with_its_times() {
    let (_, fs) = Fake::new(catalog()).mount();
    let (_place, into) = folder();
    let mut steps = Vec::new();
    let written = write(&fs, &into, &mut |progress| {
        assert_eq!(progress.totals, fs.totals());
        steps.push((progress.path.to_owned(), progress.files, progress.bytes));
    })
    .unwrap();
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
    assert_eq!(steps.len(), 10);
    assert_eq!(steps.last().unwrap(), &("undated/No time.md".to_owned(), 10, sizes));
    written.complete().unwrap();
}

#[test]
fn large_files_are_copied_whole() {
    let (_, fs) = Fake { short_reads: 999, ..Fake::new(catalog()) }.mount();
    let (_place, into) = folder();
    write(&fs, &into, &mut quiet).unwrap().complete().unwrap();
    assert_eq!(tree(&into), listed(&fs));
}

#[test]
fn an_empty_folder_will_do_also_behind_a_link() {
    let (_, fs) = Fake::new(catalog()).mount();
    let place = tempfile::tempdir().unwrap();
    let (real, link) = (place.path().join("real"), place.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    write(&fs, &link, &mut quiet).unwrap().complete().unwrap();
    assert_eq!(tree(&real), listed(&fs));
}

#[test]
fn a_folder_with_something_in_it_is_left_alone() {
    let (_, fs) = Fake::new(catalog()).mount();
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("mine"), "mine").unwrap();
    let error = write(&fs, place.path(), &mut quiet).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.to_string().ends_with("not empty; name a new or an empty folder"), "{error}");
    let error = write(&fs, &place.path().join("mine"), &mut quiet).unwrap_err();
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
    let written = write(&fs, &into, &mut quiet).unwrap();
    let mut expected: Vec<String> = good.walk().map(|step| step.path).collect();
    let broken = ["Trip.md", "Trip.assets/map.png", "Trip.assets/plan.md", "Trip.branches/2.md"]
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
    let (library, fs) = Fake::new(catalog()).mount();
    let whole = listed(&Fake::new(catalog()).mount().1);
    let (_place, into) = folder();
    let written = write(&fs, &into, &mut |progress| {
        library.broken.store(progress.files >= 3, Ordering::SeqCst);
    })
    .unwrap();
    assert_eq!((written.files, written.failures.len()), (3, 7));
    for (path, bytes) in tree(&into) {
        assert_eq!(Some(&bytes), whole.get(&path), "{path}");
    }
}

#[test]
fn a_link_that_appears_is_not_followed() {
    let (_, fs) = Fake::new(catalog()).mount();
    let (place, into) = folder();
    let outside = place.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("precious.md"), "mine").unwrap();
    let written = write(&fs, &into, &mut |progress| match progress.path {
        "2024/03/Early.md" => {
            // Instead of a directory to come, instead of a file to come, and instead of a directory that is there.
            symlink(&outside, into.join("undated")).unwrap();
        }
        "2025/03/Trip.md" => {
            symlink(&outside, into.join("2025/03/Trip.branches")).unwrap();
            symlink(outside.join("precious.md"), into.join("2025/03/new chat.md")).unwrap();
        }
        "2025/03/New chat-dddddddd.md" => {
            std::fs::rename(into.join("2025"), place.path().join("moved")).unwrap();
            symlink(&outside, into.join("2025")).unwrap();
        }
        _ => {}
    })
    .unwrap();
    assert_eq!(tree(&outside), BTreeMap::from([("precious.md".to_owned(), Some(b"mine".to_vec()))]));
    let failed = |name: &str| written.failures.iter().any(|failure| failure.to_string().contains(name));
    for name in ["undated", "Trip.branches", "new chat.md", "2025/04"] {
        assert!(failed(name), "{name}: {:?}", written.failures);
    }
    assert_eq!(written.complete().unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn a_file_that_appears_is_not_overwritten() {
    let (_, fs) = Fake::new(catalog()).mount();
    let (_place, into) = folder();
    let mine = into.join("2025/03/new chat.md");
    let written = write(&fs, &into, &mut |progress| {
        if progress.path == "2025/03/Trip.md" {
            std::fs::write(&mine, "mine").unwrap();
        }
    })
    .unwrap();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "mine");
    assert_eq!(written.failures.len(), 1);
}
