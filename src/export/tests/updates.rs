//! An update changes what changed, and nothing that is not gptfs's own.

use super::*;

pub(super) const RECORD: &str = ".gptfs-export";

pub(super) fn update(fs: &Fs, into: &Path) -> Result<Written> {
    update_chosen(fs, &Selection::All, into, WriteMode::Update)
}

pub(super) fn update_chosen(fs: &Fs, selection: &Selection, into: &Path, mode: WriteMode) -> Result<Written> {
    super::super::write(fs, selection, into, mode, 2, &Progress::default(), &EndSignals::hold().unwrap())
}

/// What is in the folder besides the record.
pub(super) fn shown(into: &Path) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut shown = tree(into);
    assert!(shown.remove(RECORD).is_some());
    shown
}

/// The export of [`catalog`] some months later: "Later" has changed, "Early" is gone, "Trip" has another title, and there
/// is a new conversation.
fn later() -> Fs {
    let mut catalog = whole();
    catalog.heads[0].title = Some("Journey".into());
    catalog.heads[1] = head("bbbbbbbb-2", "Later", MARCH + 4e6);
    catalog.heads[2] = head("99999999-1", "Another", MARCH + 90.0);
    mounted(catalog)
}

pub(super) fn now() -> Fs {
    mounted(whole())
}

pub(super) fn mounted(catalog: Catalog) -> Fs {
    Fake::new(catalog).mount().1
}

/// A double of [`now`] that calls `hook` with the position of each conversation that is read.
fn hooked(hook: impl Fn(&Fake, usize) + Send + Sync + 'static) -> Fs {
    Fake { hook: Some(Box::new(hook)), ..Fake::new(whole()) }.mount().1
}

/// [`catalog`] of an export without problems.
pub(super) fn whole() -> Catalog {
    Catalog { problems: Vec::new(), ..catalog() }
}

#[test]
fn only_what_changed_is_written_and_what_is_gone_is_removed() {
    let (_place, into) = folder();
    let written = update(&now(), &into).unwrap();
    assert_eq!((written.files, written.unchanged, written.removed), (10, 0, 0));
    assert_eq!(shown(&into), listed(&now()));
    let early = listed(&now()).into_keys().find(|path| path.ends_with("Early.md")).unwrap();
    let inode = |path: &str| into.join(path).metadata().unwrap().ino();
    let before = inode("2025/03/new chat.md");
    let written = update(&now(), &into).unwrap();
    assert_eq!((written.files, written.unchanged, written.removed), (0, 10, 0));
    assert_eq!(shown(&into), listed(&now()));

    let written = update(&later(), &into).unwrap();
    assert_eq!(shown(&into), listed(&later()));
    assert_eq!(inode("2025/03/new chat.md"), before);
    // "Another", "Later", and the three pages and two files of "Journey"; "Early" and those of "Trip" are gone.
    assert_eq!((written.files, written.removed), (7, 6));
    assert!(written.kept.is_empty() && !into.join(split(&early).0).exists());
    for step in later().walk() {
        let modified = into.join(&step.path).metadata().unwrap().mtime();
        assert_eq!(modified, step.attr.modified.seconds(), "{}", step.path);
    }
}

#[test]
fn what_somebody_changed_or_added_is_left_alone() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let path = |title: &str| listed(&now()).into_keys().find(|path| path.ends_with(title)).unwrap();
    let (edited, gone) = (into.join(path("Later.md")), into.join(path("Early.md")));
    let (mine, taken) = (into.join("2025/03/mine.md"), into.join("2025/03/Another.md"));
    for file in [&edited, &gone, &mine, &taken] {
        std::fs::write(file, "mine").unwrap();
    }
    let link = into.join("2025/03/Journey.md");
    symlink("mine.md", &link).unwrap();
    let written = update(&later(), &into).unwrap();
    for file in [&edited, &gone, &mine, &taken, &link] {
        assert_eq!(std::fs::read_to_string(file).unwrap(), "mine", "{}", file.display());
    }
    assert!(link.is_symlink());
    let kept: Vec<_> = written.kept.iter().map(|path| into.join(path)).collect();
    assert_eq!(kept, [gone.clone(), taken.clone(), link.clone(), edited.clone()]);
    written.complete().unwrap();
    // What is out of the way is written.
    for file in [&edited, &gone, &mine, &taken, &link] {
        std::fs::remove_file(file).unwrap();
    }
    let written = update(&later(), &into).unwrap();
    assert_eq!((written.files, written.removed, written.kept.len()), (3, 0, 0));
    let mut shown = shown(&into);
    shown.retain(|path, bytes| bytes.is_some() || listed(&later()).contains_key(path));
    assert_eq!(shown, listed(&later()));
}

#[test]
fn a_folder_that_no_update_wrote_is_refused() {
    let (_place, into) = folder();
    write(&now(), &into).unwrap();
    let before = tree(&into);
    let error = update(&now(), &into).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Environment);
    assert!(error.to_string().contains("not written by `export --update`"), "{error}");
    assert_eq!(tree(&into), before);
    std::fs::write(into.join(RECORD), "gptfs export 1\nfile\t1\t2\t../mine\n").unwrap();
    assert_eq!(update(&now(), &into).unwrap_err().kind(), ErrorKind::Environment);
}

#[test]
fn an_update_goes_on_where_one_was_interrupted() {
    let signals = EndSignals::hold().unwrap();
    for stop in 0..5 {
        let (_place, into) = folder();
        update(&later(), &into).unwrap();
        let here = std::sync::Mutex::new(Interrupter::here());
        let fs = hooked(move |_, head| {
            if head == stop {
                let here = lock(&here);
                here.interrupt();
                until("the signal is taken", || !here.is_pending());
            }
        });
        let (all, progress) = (Selection::All, Progress::default());
        let error =
            super::super::write(&fs, &all, &into, WriteMode::Update, 2, &progress, &signals).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        let old = listed(&later());
        let new = listed(&now());
        for (path, bytes) in shown(&into) {
            assert!([old.get(&path), new.get(&path)].contains(&Some(&bytes)), "{path}");
        }
        let written = update(&now(), &into).unwrap();
        assert!(written.kept.is_empty(), "{:?}", written.kept);
        assert_eq!(shown(&into), listed(&now()), "{stop}");
    }
}

#[test]
fn what_can_not_be_rendered_stays_as_it_was() {
    let (_place, into) = folder();
    update(&later(), &into).unwrap();
    let fs = hooked(|library, head| library.broken.store(head >= 1, Ordering::SeqCst));
    let written = update(&fs, &into).unwrap();
    assert!(!written.failures.is_empty());
    let path = listed(&now()).into_keys().find(|path| path.ends_with("Later.md")).unwrap();
    assert_eq!(shown(&into).get(&path), listed(&later()).get(&path));
    update(&now(), &into).unwrap().complete().unwrap();
    assert_eq!(shown(&into), listed(&now()));
}

/// What `fs` lists of the conversations with these titles, and the directories around them.
fn listed_of(fs: &Fs, titles: &[&str]) -> BTreeMap<String, Option<Vec<u8>>> {
    let mut listed = listed(fs);
    let is_of = |path: &str| {
        titles.iter().any(|title| path.split('/').any(|name| name.split('.').next() == Some(*title)))
    };
    let files: Vec<_> = listed.keys().filter(|path| is_of(path)).cloned().collect();
    listed.retain(|path, _| files.iter().any(|file| file == path || file.starts_with(&format!("{path}/"))));
    listed
}

#[test]
fn an_update_with_other_filters_is_refused_before_anything_changes() {
    let (_place, into) = folder();
    let some = chosen(&[0, 1], "--model x");
    update_chosen(&now(), &some, &into, WriteMode::Update).unwrap();
    assert_eq!(shown(&into), listed_of(&now(), &["Trip", "Later"]));
    let before = tree(&into);
    for (other, said) in [
        (Selection::All, "written with --model x before, now without filters; "),
        (chosen(&[0, 1], "--model y"), "written with --model x before, now with --model y; "),
    ] {
        let error = update_chosen(&now(), &other, &into, WriteMode::Update).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(tree(&into), before);
    }
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let error = update_chosen(&now(), &some, &into, WriteMode::Update).unwrap_err();
    assert!(error.to_string().contains("written without filters before, now with --model x; "), "{error}");
    assert_eq!(shown(&into), listed(&now()));
}

#[test]
fn an_update_removes_what_the_same_filters_no_longer_choose() {
    let (_place, into) = folder();
    update_chosen(&now(), &chosen(&[0, 1, 5], "--since 30d"), &into, WriteMode::Update).unwrap();
    // Some days later.
    let written = update_chosen(&now(), &chosen(&[1], "--since 30d"), &into, WriteMode::Update).unwrap();
    assert_eq!((written.files, written.unchanged, written.removed), (0, 1, 6));
    assert_eq!(shown(&into), listed_of(&now(), &["Later"]));
}

#[test]
fn filters_can_be_changed_on_purpose_and_what_somebody_changed_stays() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let trip = into.join("2025/03/Trip.branches/2.md");
    std::fs::write(&trip, "mine").unwrap();
    let some = chosen(&[1, 3], "--model x");
    let written = update_chosen(&now(), &some, &into, WriteMode::Refilter).unwrap();
    // Four of the five files of "Trip", "Early", "new chat" and "No time".
    assert_eq!((written.files, written.unchanged, written.removed), (0, 2, 7));
    assert_eq!(written.kept, ["2025/03/Trip.branches/2.md"]);
    let mut expected = listed_of(&now(), &["Later", "New chat-dddddddd"]);
    let mine = Some(b"mine".to_vec());
    expected.extend([
        ("2025/03/Trip.branches".to_owned(), None),
        ("2025/03/Trip.branches/2.md".to_owned(), mine),
    ]);
    assert_eq!(shown(&into), expected);
    // From now on, these are the filters.
    update_chosen(&now(), &some, &into, WriteMode::Update).unwrap();
    assert_eq!(update(&now(), &into).unwrap_err().kind(), ErrorKind::Usage);
    std::fs::remove_file(&trip).unwrap();
    update_chosen(&now(), &Selection::All, &into, WriteMode::Refilter).unwrap();
    assert_eq!(shown(&into), listed(&now()));
}

#[test]
fn filters_that_an_interrupted_update_changed_are_those_of_the_next() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let (signals, progress) = (EndSignals::hold().unwrap(), Progress::default());
    let here = std::sync::Mutex::new(Interrupter::here());
    let fs = hooked(move |_, _| {
        let here = lock(&here);
        here.interrupt();
        until("the signal is taken", || !here.is_pending());
    });
    let some = chosen(&[1], "--model x");
    super::super::write(&fs, &some, &into, WriteMode::Refilter, 2, &progress, &signals).unwrap_err();
    assert_eq!(update(&now(), &into).unwrap_err().kind(), ErrorKind::Usage);
    update_chosen(&now(), &some, &into, WriteMode::Update).unwrap();
    assert_eq!(shown(&into), listed_of(&now(), &["Later"]));
}

#[test]
fn links_to_conversations_no_longer_chosen_are_removed_too() {
    let (_place, into) = folder();
    let views = || now().listing_views();
    update_chosen(&views(), &Selection::All, &into, WriteMode::Update).unwrap();
    update_chosen(&views(), &chosen(&[1], "--model x"), &into, WriteMode::Refilter).unwrap();
    let left: Vec<_> = shown(&into).into_keys().collect();
    let years = ["2025", "2025/04", "2025/04/Later.md"];
    let views = ["by-id", "by-id/bbbbbbbb-1.md", "recent", "recent/01 Later.md"];
    assert_eq!(left, [&[".ignore"][..], &years, &views].concat());
}
