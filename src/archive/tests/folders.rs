//! Folders, and files that change while they are in use.

use super::*;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

fn open_folder(path: &Path) -> Result<Archive> {
    Archive::folder(path, "top", &Limits::default(), &Arc::default())
}

fn names(archive: &Archive) -> Vec<&str> {
    archive.entries().iter().map(|entry| entry.name).collect()
}

#[test]
fn a_folder_that_is_gone_cannot_be_listed() {
    let top = tempfile::tempdir().unwrap();
    let gone = top.path().join("gone");
    let error = open_folder(&gone).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(
        error.to_string().starts_with(&format!("top: {}/ cannot be listed: ", gone.display())),
        "{error}"
    );
}

#[test]
fn files_that_cannot_be_examined_are_noted() {
    let top = tempfile::tempdir().unwrap();
    std::fs::write(top.path().join("a"), "first").unwrap();
    let closed = top.path().join("closed");
    std::fs::create_dir(&closed).unwrap();
    std::fs::write(closed.join("b"), "second").unwrap();
    // Its names may be listed, and that is all.
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o400)).unwrap();
    let archive = open_folder(top.path()).unwrap();
    if std::fs::metadata(closed.join("b")).is_ok() {
        // The superuser may do anything.
        assert_eq!((names(&archive), archive.notes()), (vec!["a", "closed/b"], &[][..]));
    } else {
        assert_eq!(names(&archive), ["a"]);
        let note = archive.notes().concat();
        assert!(note.starts_with("closed/b cannot be examined: "), "{note}");
    }
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o700)).unwrap();
}

#[test]
fn what_is_neither_a_file_nor_a_directory_is_noted() {
    let top = tempfile::tempdir().unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(top.path().join("s")).unwrap();
    let archive = open_folder(top.path()).unwrap();
    assert_eq!((names(&archive), archive.notes()), (vec![], &["s is not a file".to_owned()][..]));
}

#[test]
fn a_file_whose_name_is_not_text_is_read_by_its_path() {
    let top = tempfile::tempdir().unwrap();
    let odd = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::create_dir(top.path().join(odd)).unwrap();
    std::fs::write(top.path().join(odd).join("z"), "odd").unwrap();
    for name in ["a", "d"] {
        std::fs::write(top.path().join(name), name).unwrap();
    }
    let archive = open_folder(top.path()).unwrap();
    assert_eq!(names(&archive), ["a", "caf\u{fffd}/z", "d"]);
    for (entry, content) in [(0, "a"), (1, "odd"), (2, "d")] {
        assert_eq!(read_all(&archive, entry, 9).unwrap(), content.as_bytes());
    }
}

#[test]
fn a_file_that_is_another_one_by_now_is_refused() {
    let top = tempfile::tempdir().unwrap();
    let path = top.path().join("a");
    std::fs::write(&path, "first").unwrap();
    let archive = open_folder(top.path()).unwrap();
    std::fs::write(&path, "other words").unwrap();
    assert_eq!(message(read_all(&archive, 0, 3)), "top: a: changed while it was in use");
}

#[test]
fn a_single_file_that_is_cut_short_gives_no_bytes() {
    let file = file_of(&[b'x'; 100]);
    let archive = Archive::bare(file.try_clone().unwrap(), "x.json", "x.json", &Arc::default()).unwrap();
    file.set_len(50).unwrap();
    assert_eq!(message(read_all(&archive, 0, 9)), "x.json: changed while it was in use");
}

#[test]
fn stored_data_that_ends_before_its_size_is_cut_short() {
    let section = Section::whole(file_of(b"some words")).unwrap();
    let mut seen = Vec::new();
    let result = stream_stored(&Entry::plain("a", 11), &section, &mut |chunk| {
        seen.extend_from_slice(&chunk);
        Ok(())
    });
    assert_eq!((&seen[..], message(result)), (&b"some words"[..], "cut short".to_owned()));
}

#[test]
fn what_cannot_be_read_is_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let error =
        Archive::zip(File::open(folder.path()).unwrap(), "x.zip", &Limits::default(), &Arc::default());
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.to_string().starts_with("x.zip: cannot be read: "), "{error}");
}
