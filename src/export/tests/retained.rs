//! What the new export may only have lost or damaged stays as an earlier one had it.

use super::updates::{RECORD, mounted, now, shown, update, update_chosen, whole};
use super::*;
use crate::catalog::{Condition, Head, Problem};
use crate::fs::fake::sized;

/// `catalog` of an export that isn't whole.
fn torn(catalog: Catalog) -> Catalog {
    Catalog { problems: vec![Problem::new("conversations-001.json", "missing")], ..catalog }
}

/// [`whole`] without the conversations with these titles.
fn without(titles: &[&str]) -> Catalog {
    let mut catalog = whole();
    catalog.heads.retain(|head| !titles.contains(&head.title.as_deref().unwrap_or_default()));
    catalog
}

/// The kinds and messages of what an update kept.
fn told(written: &Written) -> Vec<(ErrorKind, String)> {
    written.retained.iter().map(|line| (line.kind(), line.to_string())).collect()
}

#[test]
fn what_an_export_that_is_not_whole_lacks_stays_until_a_whole_one_lacks_it() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let some = torn(without(&["Trip", "Early"]));
    for _ in 0..2 {
        let written = update(&mounted(some.clone()), &into).unwrap();
        assert_eq!((written.files, written.unchanged, written.removed), (0, 4, 0));
        let line = "kept 6 files, such as 2024/03/Early.md, missing in this export, which isn't whole: \
                    conversations-001.json: missing";
        assert_eq!(told(&written), [(ErrorKind::Damaged, line.to_owned())]);
        assert_eq!(shown(&into), listed(&now()));
    }
    let rest = without(&["Trip", "Early"]);
    let written = update(&mounted(rest.clone()), &into).unwrap();
    assert_eq!((written.removed, written.retained.len()), (6, 0));
    assert_eq!(shown(&into), listed(&mounted(rest)));
}

#[test]
fn what_stays_is_brought_up_to_date_once_the_export_is_whole() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    update(&mounted(torn(without(&["Early"]))), &into).unwrap();
    let mut grown = whole();
    grown.heads[2] = sized(grown.heads[2].clone(), 900);
    grown.heads[2].title = Some("Earlier".into());
    let written = update(&mounted(grown.clone()), &into).unwrap();
    assert_eq!((written.files, written.removed, written.kept.len()), (1, 1, 0));
    assert_eq!(shown(&into), listed(&mounted(grown)));
}

#[test]
fn conversations_that_an_incomplete_export_has_are_moved_and_what_filters_drop_is_removed() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let mut renamed = torn(without(&["Early"]));
    renamed.heads[1].title = Some("Much later".into());
    let written = update(&mounted(renamed), &into).unwrap();
    assert_eq!((written.files, written.removed, written.retained.len()), (1, 1, 1));
    assert!(into.join("2025/04/Much later.md").exists() && !into.join("2025/04/Later.md").exists());

    let (_place, into) = folder();
    update_chosen(&now(), &chosen(&[1, 2], "--since 30d"), &into, WriteMode::Update).unwrap();
    let some = mounted(torn(whole()));
    let written = update_chosen(&some, &chosen(&[1], "--since 30d"), &into, WriteMode::Update).unwrap();
    assert_eq!((written.unchanged, written.removed, written.retained.len()), (1, 1, 0));
}

#[test]
fn a_page_that_is_not_whole_never_replaces_one_that_was() {
    for (condition, kind, reason) in [
        (Condition::Damaged, ErrorKind::Damaged, "as the conversations are damaged in this export"),
        (Condition::Unverified, ErrorKind::Damaged, "as the conversations are damaged in this export"),
        (Condition::TooLarge, ErrorKind::Limit, "as the conversations now exceed --max-conversation"),
        (Condition::Unread, ErrorKind::OutOfMemory, "as there was too little memory for the new versions"),
        (Condition::Bug, ErrorKind::Unexpected, "as a bug in gptfs prevents the new versions"),
    ] {
        let (_place, into) = folder();
        update(&now(), &into).unwrap();
        // Its title and time are lost too, so that it would be elsewhere.
        let mut broken = whole();
        broken.heads[1] = Head { condition, ..sized(head("bbbbbbbb-1", "", f64::NAN), 700) };
        let written = update(&mounted(broken), &into).unwrap();
        assert_eq!(told(&written), [(kind, format!("kept 1 file, 2025/04/Later.md, {reason}"))]);
        assert_eq!((written.files, written.unchanged, written.removed), (0, 9, 0));
        assert_eq!(shown(&into), listed(&now()));
        let mut grown = whole();
        grown.heads[1] = sized(grown.heads[1].clone(), 900);
        assert!(update(&mounted(grown.clone()), &into).unwrap().retained.is_empty());
        assert_eq!(shown(&into), listed(&mounted(grown)));
    }
}

#[test]
fn a_page_that_never_was_whole_is_replaced() {
    let (_place, into) = folder();
    for bytes in [500, 700] {
        let mut broken = whole();
        broken.heads[1] = Head { condition: Condition::Damaged, ..sized(broken.heads[1].clone(), bytes) };
        let written = update(&mounted(broken.clone()), &into).unwrap();
        assert!(written.retained.is_empty() && written.files > 0);
        assert_eq!(shown(&into), listed(&mounted(broken)));
    }
}

#[test]
fn files_that_an_incomplete_export_lacks_keep_their_conversation() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    let mut poorer = torn(whole());
    poorer.heads[0].assets.remove(0);
    poorer.heads[0] = sized(poorer.heads[0].clone(), 600);
    let written = update(&mounted(poorer.clone()), &into).unwrap();
    let line = "kept 5 files, such as 2025/03/Trip.assets/map.png, as the conversations lack files in this export, \
                which isn't whole: conversations-001.json: missing";
    assert_eq!(told(&written), [(ErrorKind::Damaged, line.to_owned())]);
    assert_eq!(shown(&into), listed(&now()));
    let poorer = Catalog { problems: Vec::new(), ..poorer };
    assert_eq!(update(&mounted(poorer.clone()), &into).unwrap().removed, 1);
    assert_eq!(shown(&into), listed(&mounted(poorer)));
}

#[test]
fn nothing_takes_the_name_of_what_stays() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    // Without the older one, "New chat-dddddddd" would be plain, and so would a new conversation of that title.
    let mut some = torn(without(&["new chat"]));
    some.heads.push(head("12345678-1", "Early", MARCH - 3e7 + 60.0));
    some.heads.retain(|head| &*head.id != "cccccccc-1");
    let written = update(&mounted(some), &into).unwrap();
    let lines: Vec<_> = told(&written).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(
        lines[0].starts_with("kept 2 files, such as 2024/03/Early.md, missing in this export"),
        "{lines:?}"
    );
    let left_out =
        "left out 2 conversations, such as 2025/03/New chat.md, because of kept files with the same names";
    assert_eq!(lines[1], left_out);
    assert_eq!(shown(&into), listed(&now()));
}

#[test]
fn what_somebody_changed_or_removed_meanwhile_is_not_kept() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    std::fs::write(into.join("2024/03/Early.md"), "mine").unwrap();
    std::fs::remove_file(into.join("2025/04/Later.md")).unwrap();
    let some = mounted(torn(without(&["Early", "Later"])));
    let written = update(&some, &into).unwrap();
    assert!(written.retained.is_empty());
    assert_eq!(written.kept, ["2024/03/Early.md"]);
    assert!(update(&some, &into).unwrap().kept.is_empty());
}

#[test]
fn an_export_with_nothing_in_common_is_refused_and_nothing_changes() {
    let other = || {
        // Titles and times may well be the same.
        let mut catalog = whole();
        for head in &mut catalog.heads {
            *head = sized(Head { id: format!("{}-other", head.id).into(), ..head.clone() }, 600);
        }
        catalog
    };
    for catalog in [other(), torn(other())] {
        let (_place, into) = folder();
        update(&now(), &into).unwrap();
        let before = tree(&into);
        for mode in [WriteMode::Update, WriteMode::Refilter] {
            let fs = mounted(catalog.clone());
            let error = update_chosen(&fs, &Selection::All, &into, mode).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains("new: written from another export, "), "{error}");
            assert_eq!(tree(&into), before);
        }
    }
    // One is enough, even one that the filters leave out.
    let (_place, into) = folder();
    update_chosen(&now(), &chosen(&[1], "--since 30d"), &into, WriteMode::Update).unwrap();
    let mut catalog = other();
    catalog.heads[1].id = "bbbbbbbb-1".into();
    let next = chosen(&[2], "--since 30d");
    let written = update_chosen(&mounted(catalog), &next, &into, WriteMode::Update).unwrap();
    assert_eq!((written.files, written.removed), (1, 1));
}

/// Turns the record into one without checksums and conversations.
fn make_older(into: &Path) {
    let record = std::fs::read_to_string(into.join(RECORD)).unwrap();
    let lines = record.lines().filter_map(|line| match *line.split('\t').collect::<Vec<_>>() {
        ["file", size, time, _, _, _, path] => Some(format!("file\t{size}\t{time}\t{path}\n")),
        ["directory", path] => Some(format!("directory\t{path}\n")),
        _ => None,
    });
    let older = format!("gptfs export 1\n{}", lines.collect::<String>());
    std::fs::write(into.join(RECORD), older).unwrap();
}

#[test]
fn a_record_without_conversations_goes_by_names() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    make_older(&into);
    let mut some = torn(without(&["Early"]));
    some.heads[1] = Head { condition: Condition::Damaged, ..sized(some.heads[1].clone(), 700) };
    assert_eq!(update(&mounted(some), &into).unwrap().retained.len(), 2);
    assert_eq!(shown(&into), listed(&now()));

    make_older(&into);
    let other = Catalog { heads: vec![head("99999999-1", "Another", MARCH)], ..Catalog::default() };
    assert_eq!(update(&mounted(other), &into).unwrap_err().kind(), ErrorKind::Usage);
    let rest = without(&["Early"]);
    assert_eq!(update(&mounted(rest.clone()), &into).unwrap().removed, 1);
    assert_eq!(shown(&into), listed(&mounted(rest)));
}

/// Sets the times of all files to another time, as copying a folder does.
fn copy_times(into: &Path) {
    for (path, bytes) in tree(into) {
        if bytes.is_some() {
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_800_000_007);
            let file = std::fs::File::options().write(true).open(into.join(path)).unwrap();
            file.set_times(FileTimes::new().set_modified(time)).unwrap();
        }
    }
}

#[test]
fn a_copied_folder_is_updated_except_for_what_somebody_changed() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    // As long as before.
    let (mine, gone) = (into.join("2025/03/new chat.md"), into.join("undated/No time.md"));
    for file in [&mine, &gone] {
        let text = std::fs::read_to_string(file).unwrap();
        std::fs::write(file, text.to_uppercase()).unwrap();
    }
    copy_times(&into);
    let mut next = without(&["No time"]);
    next.heads[1] = sized(next.heads[1].clone(), 900);
    next.heads[4] = sized(next.heads[4].clone(), 900);
    next.heads[0].assets.remove(0);
    let written = update(&mounted(next.clone()), &into).unwrap();
    assert_eq!(written.kept, ["2025/03/new chat.md", "undated/No time.md"]);
    // "Later" is new, and "map.png" is gone.
    assert_eq!((written.files, written.removed, written.unchanged), (1, 1, 6));
    std::fs::remove_file(&mine).unwrap();
    std::fs::remove_file(&gone).unwrap();
    std::fs::remove_dir(gone.parent().unwrap()).unwrap();
    update(&mounted(next.clone()), &into).unwrap();
    assert_eq!(shown(&into), listed(&mounted(next)));
}

#[test]
fn files_of_a_copied_folder_get_their_times_and_are_not_written_again() {
    let (_place, into) = folder();
    update(&now(), &into).unwrap();
    copy_times(&into);
    let inode = || into.join("2025/03/Trip.assets/map.png").metadata().unwrap().ino();
    let before = inode();
    for _ in 0..2 {
        let written = update(&now(), &into).unwrap();
        assert_eq!((written.files, written.unchanged, written.kept.len()), (0, 10, 0));
        assert_eq!(inode(), before);
        for step in now().walk() {
            let modified = into.join(&step.path).metadata().unwrap().mtime();
            assert_eq!(modified, step.attr.modified.seconds(), "{}", step.path);
        }
    }
}
