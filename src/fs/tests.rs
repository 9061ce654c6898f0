use super::fake::{Fake, MARCH, byte, catalog, head, page, rich, sized};
use super::*;
use crate::catalog::Head;
use crate::sync::lock;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Instant;

fn names(fs: &Fs, ino: Ino) -> Vec<String> {
    fs.entries(ino, 0).unwrap().map(|(_, entry)| entry.name.into_owned()).collect()
}

fn at(fs: &Fs, path: &str) -> Attr {
    fs.attr(fs.resolve(path).unwrap()).unwrap()
}

fn text(fs: &Fs, path: &str) -> String {
    String::from_utf8(fs.read(fs.resolve(path).unwrap(), 0, usize::MAX).unwrap()).unwrap()
}

#[test]
fn a_walk_shows_the_whole_tree_in_listing_order() {
    let (_, fs) = Fake::new(catalog()).mount();
    let paths: Vec<String> = fs.walk().map(|step| step.path).collect();
    assert_eq!(
        paths,
        [
            "2024",
            "2024/03",
            "2024/03/Early.md",
            "2025",
            "2025/03",
            "2025/03/Trip.md",
            "2025/03/Trip.assets",
            "2025/03/Trip.assets/map.png",
            "2025/03/Trip.assets/plan.md",
            "2025/03/Trip.branches",
            "2025/03/Trip.branches/2.md",
            "2025/03/Trip.branches/3.md",
            "2025/03/New chat-dddddddd.md",
            "2025/03/new chat.md",
            "2025/04",
            "2025/04/Later.md",
            "undated",
            "undated/No time.md",
        ]
    );
    for step in fs.walk() {
        assert_eq!(fs.resolve(&step.path).unwrap(), step.attr.ino);
        assert_eq!(fs.path(step.attr.ino), step.path);
    }
}

#[test]
fn inodes_are_numbered_in_listing_order_without_gaps() {
    let (_, fs) = Fake::new(catalog()).mount();
    let mut seen = vec![Ino::ROOT];
    let mut at = 0;
    while let Some(&ino) = seen.get(at) {
        at += 1;
        if fs.attr(ino).unwrap().kind == InodeKind::Directory {
            seen.extend(fs.entries(ino, 2).unwrap().map(|(_, entry)| entry.attr.ino));
        }
    }
    let expected: Vec<Ino> = (1..=seen.len() as u64).map(Ino).collect();
    assert_eq!(seen, expected);
    assert_eq!(fs.totals().inodes, seen.len() as u64);
}

#[test]
fn a_listing_begins_with_itself_and_its_parent() {
    let (_, fs) = Fake::new(catalog()).mount();
    assert_eq!(names(&fs, Ino::ROOT), [".", "..", "2024", "2025", "undated"]);
    let month = fs.resolve("2025/03").unwrap();
    let parents: Vec<Ino> = fs.entries(month, 0).unwrap().take(2).map(|(_, entry)| entry.attr.ino).collect();
    assert_eq!(parents, [month, fs.resolve("2025").unwrap()]);
    assert_eq!(fs.lookup(month, b".").unwrap().ino, month);
    assert_eq!(fs.lookup(month, b"..").unwrap().ino, parents[1]);
    assert_eq!(fs.lookup(Ino::ROOT, b"..").unwrap().ino, Ino::ROOT);
}

#[test]
fn a_listing_resumes_at_every_cookie() {
    let (_, fs) = Fake::new(catalog()).mount();
    let month = fs.resolve("2025/03").unwrap();
    let all: Vec<(u64, DirEntry<'_>)> = fs.entries(month, 0).unwrap().collect();
    assert_eq!(all.iter().map(|(cookie, _)| *cookie).collect::<Vec<_>>(), (1..=7).collect::<Vec<_>>());
    for from in 0..=all.len() {
        let rest: Vec<(u64, DirEntry<'_>)> = fs.entries(month, from as u64).unwrap().collect();
        assert_eq!(rest, all[from..], "{from}");
    }
    for beyond in [8, u64::from(u32::MAX), u64::MAX] {
        assert_eq!(fs.entries(month, beyond).unwrap().count(), 0);
    }
}

#[test]
fn only_listed_directories_count_as_links() {
    let (_, fs) = Fake::new(catalog()).mount();
    assert_eq!(fs.attr(Ino::ROOT).unwrap().nlink, 2 + 3);
    assert_eq!(at(&fs, "2025").nlink, 2 + 2);
    assert_eq!(at(&fs, "2025/03").nlink, 2 + 2);
    assert_eq!(at(&fs, "undated").nlink, 2);
    assert_eq!(at(&fs, "2025/03/Trip.md").nlink, 1);
    assert_eq!(at(&fs, ".gptfs").nlink, 2 + 6);
}

#[test]
fn unlisted_files_are_found_only_by_name() {
    let (_, fs) = Fake::new(catalog()).mount();
    let hidden = fs.resolve(".gptfs").unwrap();
    let expected = [
        ".", "..", "account.md", "by-id", "export", "feedback.md", "index.tsv", "orphans", "problems.txt",
        "prompts", "recent", "search", "shared.md", "status",
    ];
    assert_eq!(names(&fs, hidden), expected);
    assert_eq!(names(&fs, fs.resolve(".gptfs/orphans").unwrap()), [".", "..", "x.bin"]);
    assert_eq!(text(&fs, ".gptfs/problems.txt"), "conversation \\u{1b}[2J: no\\u{a}sense\n");
    assert_eq!(at(&fs, ".gptfs/problems.txt").size, text(&fs, ".gptfs/problems.txt").len() as u64);
    assert_eq!(fs.path(hidden), ".gptfs");
    // The totals don't include it.
    let listed: u64 = fs.walk().map(|step| step.attr.size.div_ceil(512) * 512).sum();
    assert_eq!(fs.totals(), Totals { inodes: 1 + fs.walk().count() as u64, bytes: listed });

    let clean = Catalog { orphans: Vec::new(), problems: Vec::new(), ..catalog() };
    let (_, fs) = Fake::new(clean).mount();
    assert_eq!(text(&fs, ".gptfs/problems.txt"), "");
    assert_eq!(fs.resolve(".gptfs/orphans").unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn an_empty_catalog_is_an_empty_directory() {
    let (_, fs) = Fake::default().mount();
    assert_eq!(names(&fs, Ino::ROOT), [".", ".."]);
    assert_eq!(fs.attr(Ino::ROOT).unwrap().modified, Timestamp::UNKNOWN);
    assert_eq!(fs.walk().count(), 0);
    assert_eq!(fs.ranked(0), None);
}

#[test]
fn sizes_contain_the_encoded_stem() {
    let (_, fs) = Fake::new(catalog()).mount();
    let page = "Thread of dddddddd-1: New%20chat-dddddddd, New%20chat-dddddddd\n";
    assert_eq!(text(&fs, "2025/03/New chat-dddddddd.md"), page);
    assert_eq!(text(&fs, "2025/03/Trip.branches/3.md"), "Branch(3) of 6c74a896-1: Trip, Trip\n");
    assert_eq!(text(&fs, "2025/03/Trip.assets/plan.md"), "canvas 1 of 6c74a896-1\n");
    for step in fs.walk().filter(|step| step.attr.kind == InodeKind::File) {
        assert_eq!(
            fs.read(step.attr.ino, 0, usize::MAX).unwrap().len() as u64,
            step.attr.size,
            "{}",
            step.path
        );
    }
}

#[test]
fn a_missing_time_is_replaced_by_the_other_one() {
    let time = |seconds| Timestamp::from_number(seconds).unwrap();
    let both = Head { updated: Some(time(MARCH + 90.0)), ..rich(head("a", "both", MARCH), &[2], 0) };
    let heads = vec![both, head("b", "begun", MARCH + 50.0), head("c", "neither", f64::NAN)];
    let (_, fs) = Fake::new(Catalog { heads, ..catalog() }).mount();
    let times = |path: &str| (at(&fs, path).modified, at(&fs, path).created);
    for path in [
        "2025/03/both.md",
        "2025/03/both.assets/map.png",
        "2025/03/both.branches/2.md",
        "2025/03/both.branches",
    ] {
        assert_eq!(times(path), (time(MARCH + 90.0), time(MARCH)), "{path}");
    }
    assert_eq!(times("2025/03/begun.md"), (time(MARCH + 50.0), time(MARCH + 50.0)));
    // Without any, the newest in the catalog.
    assert_eq!(times("undated/neither.md"), (time(MARCH + 90.0), time(MARCH + 90.0)));
    assert_eq!(times(".gptfs/orphans"), (time(MARCH + 90.0), time(MARCH + 90.0)));
    // A directory spans its contents.
    for path in ["2025/03", "2025", ""] {
        assert_eq!(times(path), (time(MARCH + 90.0), time(MARCH)), "{path}");
    }
}

#[test]
fn missing_inodes_and_names_are_errors() {
    let (_, fs) = Fake::new(catalog()).mount();
    let kind = |result: Result<Attr>| result.unwrap_err().kind();
    for ino in [Ino(0), Ino(1000), Ino(u64::MAX), Ino(1 << 32 | 1)] {
        assert_eq!(kind(fs.attr(ino)), ErrorKind::NotFound);
        assert!(fs.cached(ino).is_none() && fs.page(ino).is_none() && fs.rank(ino).is_none());
        assert_eq!(fs.path(ino), "");
    }
    assert_eq!(kind(fs.lookup(Ino::ROOT, b"")), ErrorKind::NotFound);
    assert_eq!(kind(fs.lookup(Ino::ROOT, b"2023")), ErrorKind::NotFound);
    assert_eq!(kind(fs.lookup(Ino::ROOT, b"20\xff")), ErrorKind::NotFound);
    assert_eq!(kind(fs.lookup(Ino::ROOT, &[b'a'; 255])), ErrorKind::NotFound);
    assert_eq!(kind(fs.lookup(Ino::ROOT, &[b'a'; 256])), ErrorKind::NameTooLong);
    let page = fs.resolve("undated/No time.md").unwrap();
    assert_eq!(kind(fs.lookup(page, b"x")), ErrorKind::NotADirectory);
    assert_eq!(fs.entries(page, 0).err().map(|error| error.kind()), Some(ErrorKind::NotADirectory));
    assert_eq!(fs.read(Ino::ROOT, 0, 1).unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(fs.origin(Ino::ROOT).unwrap_err().kind(), ErrorKind::IsADirectory);
    assert_eq!(fs.contents(Ino::ROOT).unwrap_err().kind(), ErrorKind::IsADirectory);
}

#[test]
fn paths_resolve_with_slashes_and_dots() {
    let (_, fs) = Fake::new(catalog()).mount();
    let month = fs.resolve("2025/03").unwrap();
    for path in ["/2025/03", "2025/03/", "//2025//03//", "./2025/../2025/03/.", "../2025/03"] {
        assert_eq!(fs.resolve(path).unwrap(), month, "{path}");
    }
    for root in ["", "/", "."] {
        assert_eq!(fs.resolve(root).unwrap(), Ino::ROOT);
    }
    let missing = fs.resolve("2025/x\u{1b}").unwrap_err();
    assert_eq!(missing.to_string(), "2025/x\\u{1b}: no such file or directory");
    assert_eq!(fs.resolve("undated/No time.md/").unwrap_err().kind(), ErrorKind::NotADirectory);
    assert_eq!(fs.resolve("undated/No time.md/x").unwrap_err().kind(), ErrorKind::NotADirectory);
}

#[test]
fn entries_are_read_range_by_range_even_if_the_library_reads_short() {
    let (_, fs) = Fake { short_reads: 7, ..Fake::new(catalog()) }.mount();
    let ino = fs.resolve("2025/03/Trip.assets/map.png").unwrap();
    assert_eq!(fs.origin(ino).unwrap(), Origin::Copied(EntryRef { archive: 0, entry: 7 }));
    let expected: Vec<u8> = (0..5000).map(byte).collect();
    assert_eq!(fs.read(ino, 0, usize::MAX).unwrap(), expected);
    assert_eq!(fs.read(ino, 100, 33).unwrap(), expected[100..133]);
    assert_eq!(fs.read(ino, 4990, 100).unwrap(), expected[4990..]);
    for offset in [5000, 5001, u64::MAX] {
        assert_eq!(fs.read(ino, offset, 100).unwrap(), b"");
    }
}

#[test]
fn an_entry_that_ends_too_early_is_damaged() {
    let heads = vec![rich(head("a", "Trip", MARCH), &[], 5001)];
    let (_, fs) = Fake::new(Catalog { heads, ..Catalog::default() }).mount();
    let ino = fs.resolve("2025/03/Trip.assets/map.png").unwrap();
    assert_eq!(fs.read(ino, 0, 5000).unwrap().len(), 5000);
    assert_eq!(fs.read(ino, 0, 5001).unwrap_err().kind(), ErrorKind::Damaged);
}

#[test]
fn a_page_read_in_chunks_is_rendered_once() {
    let (library, fs) = Fake::new(catalog()).mount();
    let ino = fs.resolve("2025/03/Trip.md").unwrap();
    assert_eq!((fs.origin(ino).unwrap(), fs.page(ino)), (Origin::Rendered, Some((0, Page::Thread))));
    let whole = page("6c74a896-1", Page::Thread, "Trip").into_bytes();
    let chunks: Vec<u8> =
        (0..whole.len() as u64).flat_map(|offset| fs.read(ino, offset, 1).unwrap()).collect();
    assert_eq!(chunks, whole);
    assert_eq!(fs.read(ino, whole.len() as u64, 1).unwrap(), b"");
    assert_eq!(fs.read(ino, u64::MAX, usize::MAX).unwrap(), b"");
    assert_eq!(fs.cached(ino).as_deref(), Some(&whole));
    assert_eq!(*lock(&library.readings), [0]);
}

#[test]
fn a_page_of_a_different_size_than_measured_is_never_served() {
    let (_, fs) = Fake { lying: Some(0), ..Fake::new(catalog()) }.mount();
    let ino = fs.resolve("2025/03/Trip.md").unwrap();
    for _ in 0..2 {
        let error = fs.read(ino, 0, 10).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert_eq!(error.to_string(), format!("inode {}: rendered 34 bytes, measured 33", ino.0));
    }
    assert!(fs.cached(ino).is_none());
}

#[test]
fn a_read_succeeds_again_once_the_cause_of_a_failure_is_gone() {
    let (library, fs) = Fake::new(catalog()).mount();
    let page = fs.resolve("2025/03/Trip.md").unwrap();
    let file = fs.resolve("2025/03/Trip.assets/map.png").unwrap();
    library.broken.store(true, Ordering::SeqCst);
    for ino in [page, file] {
        assert_eq!(fs.read(ino, 0, 10).unwrap_err().kind(), ErrorKind::Damaged);
    }
    library.broken.store(false, Ordering::SeqCst);
    for ino in [page, file] {
        assert_eq!(fs.read(ino, 0, 10).unwrap().len(), 10);
    }
}

#[test]
fn a_reader_that_arrives_while_a_conversation_is_claimed_gets_its_page_once_rendered() {
    let (library, fs) = Fake::new(catalog()).mount();
    let thread = fs.resolve("2025/03/Trip.md").unwrap();
    let branch = fs.resolve("2025/03/Trip.branches/2.md").unwrap();
    let ticket = fs.claim(thread).unwrap();
    assert!(fs.claim(branch).is_none(), "it is the same conversation");
    let (sender, receiver) = mpsc::channel();
    assert!(fs.request(branch, Box::new(move |page| sender.send(page).unwrap())).is_none());
    assert!(receiver.try_recv().is_err());
    fs.render(ticket);
    assert_eq!(receiver.recv().unwrap().unwrap().len() as u64, fs.attr(branch).unwrap().size);
    assert_eq!(*lock(&library.readings), [0]);
}

#[test]
fn one_reading_renders_all_pages_of_a_conversation_for_readers_in_any_order() {
    let (library, fs) = Fake::new(catalog()).mount();
    for path in ["2025/03/Trip.branches/3.md", "2025/03/Trip.md", "2025/03/Trip.assets/plan.md"] {
        assert!(!text(&fs, path).is_empty());
    }
    assert_eq!(*lock(&library.readings), [0]);
    assert!(fs.claim(fs.resolve("2025/03/Trip.branches/2.md").unwrap()).is_none(), "it is in the cache");
    fs.release();
    assert_eq!(library.released.load(Ordering::SeqCst), 1);
    assert!(!text(&fs, "2025/03/Trip.md").is_empty());
    assert_eq!(*lock(&library.readings), [0, 0]);
}

#[test]
fn other_pages_of_a_very_large_conversation_are_rendered_only_if_they_fit() {
    // A quarter of the cache is rendered at a time: the thread alone exceeds it.
    let big = sized(rich(head("6c74a896-1", "Trip", MARCH), &[2], 0), CACHE_BYTES / 4 + 1);
    let (library, fs) = Fake::new(Catalog { heads: vec![big], ..Catalog::default() }).mount();
    let thread = fs.resolve("2025/03/Trip.md").unwrap();
    let branch = fs.resolve("2025/03/Trip.branches/2.md").unwrap();
    fs.read(branch, 0, 1).unwrap();
    assert!(fs.cached(thread).is_none());
    assert!(fs.cached(fs.resolve("2025/03/Trip.assets/plan.md").unwrap()).is_some());
    fs.read(thread, 0, 1).unwrap();
    assert_eq!(*lock(&library.readings), [0, 0]);
}

#[test]
fn a_panic_while_rendering_reaches_its_reader_and_the_next_one_tries_again() {
    let (library, fs) = Fake { panicking: Some(0), ..Fake::new(catalog()) }.mount();
    let ino = fs.resolve("2025/03/Trip.md").unwrap();
    for _ in 0..2 {
        assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fs.contents(ino))).is_err());
    }
    assert_eq!(*lock(&library.readings), [0, 0]);
}

#[test]
fn conversations_are_ranked_in_listing_order() {
    let (_, fs) = Fake::new(catalog()).mount();
    let threads: Vec<Ino> = fs
        .walk()
        .map(|entry| entry.attr.ino)
        .filter(|&ino| matches!(fs.page(ino), Some((_, Page::Thread))))
        .collect();
    let ranked: Vec<Ino> = (0..).map_while(|rank| fs.ranked(rank)).map(|(ino, _)| ino).collect();
    assert_eq!(ranked, threads);
    assert!(threads.iter().enumerate().all(|(rank, &ino)| fs.rank(ino) == Some(rank)));
    let branch = fs.resolve("2025/03/Trip.branches/3.md").unwrap();
    assert_eq!(fs.rank(branch), fs.rank(fs.resolve("2025/03/Trip.md").unwrap()));
    assert_eq!(fs.rank(Ino::ROOT), None);
}

#[test]
fn a_repeated_branch_is_listed_once() {
    let heads = vec![rich(head("a", "Trip", MARCH), &[2, 2, 5, 3], 0)];
    let (_, fs) = Fake::new(Catalog { heads, ..Catalog::default() }).mount();
    assert_eq!(names(&fs, fs.resolve("2025/03/Trip.branches").unwrap()), [".", "..", "2.md", "5.md"]);
}

#[test]
fn a_hundred_thousand_conversations_take_little_memory() {
    let heads = (0..100_000u32)
        .map(|n| head(&format!("{n:08x}-0000-4000-8000-000000000000"), "What should I cook today?", MARCH))
        .collect();
    let fake = Fake::new(Catalog { heads, ..Catalog::default() });
    let start = Instant::now();
    let (_, fs) = fake.mount();
    println!("100,000 equal titles: {:?}, {} bytes", start.elapsed(), fs.table.memory());
    assert!(fs.table.memory() < 16 << 20, "{}", fs.table.memory());
    assert!(size_of::<Inode>() <= 64);
    let month = fs.resolve("2025/03").unwrap();
    let start = Instant::now();
    for (_, entry) in fs.entries(month, 2).unwrap() {
        assert_eq!(fs.lookup(month, entry.name.as_bytes()).unwrap().ino, entry.attr.ino);
    }
    println!("100,000 lookups: {:?}", start.elapsed());
}

#[test]
fn a_title_of_any_character_of_the_basic_plane_is_found_by_its_name() {
    let heads = ('\0'..='\u{ffff}')
        .enumerate()
        .map(|(n, c)| head(&format!("{n:08x}-0000-4000-8000-000000000000"), &c.to_string(), MARCH))
        .collect();
    let (_, fs) = Fake::new(Catalog { heads, ..Catalog::default() }).mount();
    let month = fs.resolve("2025/03").unwrap();
    let mut listed = 0;
    for (_, entry) in fs.entries(month, 2).unwrap() {
        assert_eq!(fs.lookup(month, entry.name.as_bytes()).unwrap().ino, entry.attr.ino, "{:?}", entry.name);
        listed += 1;
    }
    assert_eq!(listed, 63_488);
}

fn any_catalog() -> impl Strategy<Value = Catalog> {
    let title = prop_oneof![Just("New chat".to_owned()), any::<String>(), "[a-b.]{0,3}"];
    let time = prop_oneof![Just(f64::NAN), (0u32..40).prop_map(|n| MARCH + f64::from(n) * 1e6)];
    let branches = proptest::collection::btree_set(2u32..9, 0..3);
    let row = (title, time, branches, 0u64..2000, any::<bool>());
    proptest::collection::vec(row, 0..20).prop_map(|rows| {
        let heads = rows.into_iter().enumerate().map(|(n, (title, time, branches, bytes, is_rich))| {
            let head = head(&format!("{n:08x}-0"), &title, time);
            let branches: Vec<u32> = branches.into_iter().collect();
            if is_rich { rich(head, &branches, bytes) } else { head }
        });
        Catalog { heads: heads.collect(), ..Catalog::default() }
    })
}

proptest! {
    #[test]
    fn everything_listed_exists_and_nothing_else_does(catalog in any_catalog()) {
        let files: usize = catalog.heads.iter().map(|head| 1 + head.branches.len() + head.assets.len()).sum();
        let (_, fs) = Fake::new(catalog).mount();
        let steps: HashMap<String, Attr> = fs.walk().map(|step| (step.path, step.attr)).collect();
        let inos: HashSet<Ino> = steps.values().map(|attr| attr.ino).collect();
        prop_assert_eq!(inos.len(), fs.walk().count());
        prop_assert_eq!(steps.values().filter(|attr| attr.kind == InodeKind::File).count(), files);
        for (path, attr) in &steps {
            prop_assert_eq!(fs.resolve(path).unwrap(), attr.ino);
            if attr.kind == InodeKind::Directory {
                let children: Vec<Attr> = fs.entries(attr.ino, 2).unwrap().map(|(_, entry)| entry.attr).collect();
                let directories = children.iter().filter(|child| child.kind == InodeKind::Directory).count();
                prop_assert_eq!(attr.nlink as usize, 2 + directories);
                prop_assert_eq!(Some(attr.modified), children.iter().map(|child| child.modified).max());
                prop_assert_eq!(Some(attr.created), children.iter().map(|child| child.created).min());
            } else {
                let size = attr.size.min(700);
                prop_assert_eq!(fs.read(attr.ino, 0, 700).unwrap().len() as u64, size);
            }
        }
    }
}

/// The paths of one conversation's pages, each with its bytes or the kind of its error.
fn pages(fs: &Fs, head: usize) -> Vec<(String, Result<Vec<u8>, ErrorKind>)> {
    let mut pages = Vec::new();
    fs.each_page(head, &mut |ino, page| pages.push((fs.path(ino), page.map_err(|error| error.kind()))));
    pages
}

#[test]
fn all_pages_of_a_conversation_are_handed_over_in_listing_order() {
    let (library, fs) = Fake::new(catalog()).mount();
    let found = pages(&fs, 0);
    let paths: Vec<_> = found.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "2025/03/Trip.md",
            "2025/03/Trip.assets/plan.md",
            "2025/03/Trip.branches/2.md",
            "2025/03/Trip.branches/3.md"
        ]
    );
    for (path, bytes) in found {
        assert_eq!(bytes.unwrap(), text(&fs, &path).into_bytes(), "{path}");
    }
    assert_eq!(pages(&fs, 1).len(), 1);
    assert!(pages(&fs, 99).is_empty());
    library.broken.store(true, Ordering::SeqCst);
    assert!(pages(&fs, 0).iter().all(|(_, page)| *page == Err(ErrorKind::Damaged)));
}

#[test]
fn a_conversation_with_one_huge_page_is_read_once() {
    let mut catalog = catalog();
    catalog.heads[0] = sized(catalog.heads[0].clone(), 9 << 20);
    let (library, fs) = Fake::new(catalog).mount();
    assert_eq!(pages(&fs, 0).len(), 4);
    assert_eq!(*lock(&library.readings), [0]);
}

#[test]
fn a_page_of_the_wrong_size_is_handed_over_as_an_error() {
    let (_, fs) = Fake { lying: Some(0), ..Fake::new(catalog()) }.mount();
    assert_eq!(pages(&fs, 0)[0].1, Err(ErrorKind::Unexpected));
}

#[test]
fn links_lead_to_pages_of_the_tree() {
    let mut heads = catalog().heads;
    heads[0].models = vec!["gpt-4o".into(), "o3".into()];
    heads[1].models = vec!["GPT-4o".into()];
    heads[0].project = Some("g-p-1".into());
    heads[1].starred = true;
    heads[5].archived = true;
    heads[3].updated = Timestamp::from_number(MARCH + 9e6);
    let (_, fs) = Fake::new(Catalog { heads, ..catalog() }).mount();
    for (path, target) in [
        (".gptfs/by-id/6c74a896-1.md", "../../2025/03/Trip.md"),
        (".gptfs/by-model/gpt-4o/2025-03-04 Trip.md", "../../../2025/03/Trip.md"),
        (".gptfs/by-model/gpt-4o/2025-04-19 Later.md", "../../../2025/04/Later.md"),
        (".gptfs/by-model/o3/2025-03-04 Trip.md", "../../../2025/03/Trip.md"),
        (".gptfs/by-project/g-p-1/2025-03-04 Trip.md", "../../../2025/03/Trip.md"),
        (".gptfs/starred/2025-04-19 Later.md", "../../2025/04/Later.md"),
        (".gptfs/archived/No time.md", "../../undated/No time.md"),
        (".gptfs/recent/01 New chat-dddddddd.md", "../../2025/03/New chat-dddddddd.md"),
    ] {
        let attr = at(&fs, path);
        assert_eq!(attr.kind, InodeKind::Symlink, "{path}");
        assert_eq!(fs.link(attr.ino).unwrap(), target, "{path}");
        assert_eq!(attr.size, target.len() as u64, "{path}");
        let page = fs.followed(attr.ino).unwrap();
        assert_eq!(fs.path(page), target.trim_start_matches("../"), "{path}");
        assert_eq!((attr.modified, attr.nlink), (fs.attr(page).unwrap().modified, 1), "{path}");
        assert_eq!(fs.path(attr.ino), path);
        assert_eq!(fs.read(attr.ino, 0, 10).unwrap_err().kind(), ErrorKind::Unexpected);
    }
    assert_eq!(fs.link(fs.resolve("2025/03/Trip.md").unwrap()).unwrap_err().kind(), ErrorKind::Unexpected);
    assert_eq!(names(&fs, fs.resolve(".gptfs/by-model").unwrap()), [".", "..", "gpt-4o", "o3"]);
}

#[test]
fn every_inode_below_the_unlisted_directory_has_its_number_and_its_size() {
    let (_, fs) = Fake::new(catalog()).mount();
    let (_, again) = Fake::new(catalog()).mount();
    let mut seen = std::collections::HashSet::new();
    let mut waiting = vec![fs.resolve(".gptfs").unwrap()];
    while let Some(ino) = waiting.pop() {
        assert!(seen.insert(ino), "{ino:?} occurs twice");
        let attr = fs.attr(ino).unwrap();
        assert_eq!(fs.resolve(&fs.path(ino)).unwrap(), ino);
        assert_eq!(again.attr(ino).unwrap(), attr, "the same at the next mount");
        match attr.kind {
            InodeKind::Directory => {
                let children: Vec<_> = fs.entries(ino, 2).unwrap().map(|(_, entry)| entry.attr).collect();
                let directories = children.iter().filter(|child| child.kind == InodeKind::Directory).count();
                assert_eq!(attr.nlink as usize, 2 + directories);
                let parents: Vec<_> =
                    fs.entries(ino, 0).unwrap().take(2).map(|(_, entry)| entry.attr.ino).collect();
                assert_eq!(parents, [ino, fs.lookup(ino, b"..").unwrap().ino]);
                for from in 0..children.len() as u64 + 3 {
                    let rest = (children.len() as u64 + 2).saturating_sub(from);
                    assert_eq!(fs.entries(ino, from).unwrap().count() as u64, rest);
                }
                waiting.extend(children.iter().map(|child| child.ino));
            }
            InodeKind::File => assert_eq!(fs.read(ino, 0, 1 << 20).unwrap().len() as u64, attr.size),
            InodeKind::Symlink => assert_eq!(fs.link(ino).unwrap().len() as u64, attr.size),
        }
    }
    assert!(seen.len() > 20);
}

#[test]
fn the_json_next_to_a_page_is_found_only_by_name() {
    let (_, fs) = Fake::new(catalog()).mount();
    let month = fs.resolve("2025/03").unwrap();
    assert!(names(&fs, month).iter().all(|name| !name.contains(".json")));
    let json = at(&fs, "2025/03/Trip.json");
    assert_eq!((json.size, json.kind), (2, InodeKind::File));
    assert_eq!(fs.path(json.ino), "2025/03/Trip.json");
    for name in
        ["2025/03/Nothing.json", "Trip.json", "2025/03/Trip.branches/2.json", "2025/03/Trip.assets/plan.json"]
    {
        assert_eq!(fs.resolve(name).unwrap_err().kind(), ErrorKind::NotFound, "{name}");
    }
}

#[test]
fn a_name_below_search_is_a_search() {
    let (_, fs) = Fake::new(catalog()).mount();
    assert_eq!(fs.resolve(".gptfs/search/tea").unwrap_err().kind(), ErrorKind::NotFound, "nobody answers");
    fs.set_search(Box::new(|_, words| match words {
        "tea" => Ok(vec![3, 0]),
        "..." => Err(Error::new(ErrorKind::Usage, "no words")),
        _ => Ok(Vec::new()),
    }));
    let found = fs.resolve(".gptfs/search/tea").unwrap();
    assert_eq!(names(&fs, found), [".", "..", "01 New chat-dddddddd.md", "02 Trip.md"]);
    assert_eq!(fs.resolve(".gptfs/search/tea").unwrap(), found, "the same again");
    let link = fs.resolve(".gptfs/search/tea/02 Trip.md").unwrap();
    assert_eq!(fs.link(link).unwrap(), "../../../2025/03/Trip.md");
    assert_eq!(fs.attr(link).unwrap().size, 24);
    assert_eq!(fs.path(link), ".gptfs/search/tea/02 Trip.md");
    assert_eq!(fs.lookup(found, b"..").unwrap().ino, fs.resolve(".gptfs/search").unwrap());
    assert_eq!(names(&fs, fs.resolve(".gptfs/search/nothing").unwrap()), [".", ".."]);
    assert_eq!(names(&fs, fs.resolve(".gptfs/search").unwrap()), [".", ".."], "not listed");
    assert_eq!(fs.resolve(".gptfs/search/...").unwrap_err().kind(), ErrorKind::NotFound);
    let search = |number| fs.resolve(&format!(".gptfs/search/word{number}")).unwrap();
    for number in 0..600 {
        search(number);
        assert_eq!(fs.resolve(".gptfs/search/tea").unwrap(), found, "what is looked up is remembered");
    }
    let last = search(599);
    for number in 0..300 {
        search(number);
    }
    for forgotten in [found, last] {
        assert_eq!(fs.attr(forgotten).unwrap_err().kind(), ErrorKind::NotFound);
        assert!(fs.entries(forgotten, 0).is_err() && forgotten.is_fleeting());
    }
    let again = fs.resolve(".gptfs/search/tea").unwrap();
    assert_ne!(again, found);
    assert_eq!(names(&fs, again), [".", "..", "01 New chat-dddddddd.md", "02 Trip.md"]);
}

#[test]
fn prompts_have_the_names_of_the_tree_and_lead_back_to_it() {
    let (library, fs) = Fake::new(catalog()).mount();
    for (path, way) in [
        (".gptfs/prompts/2025/03/New chat-dddddddd.md", "../../../../2025/03/New%20chat-dddddddd"),
        (".gptfs/prompts/undated/No time.md", "../../../undated/No%20time"),
    ] {
        let id = if path.contains("undated") { "ffffffff-1" } else { "dddddddd-1" };
        assert_eq!(text(&fs, path), page(id, Page::Prompts, way));
        assert_eq!(at(&fs, path).size, text(&fs, path).len() as u64);
        assert_eq!(at(&fs, path).modified, at(&fs, path.strip_prefix(".gptfs/prompts/").unwrap()).modified);
    }
    assert_eq!(library.rendered.load(Ordering::SeqCst), 2, "rendered when they are read, and once");
}

#[test]
fn unlisted_files_and_directories_have_the_errors_of_listed_ones() {
    let (_, fs) = Fake::new(catalog()).mount();
    let ino = |path: &str| fs.resolve(path).unwrap();
    for path in [".gptfs", ".gptfs/by-id", ".gptfs/export"] {
        assert_eq!(fs.read(ino(path), 0, 1).unwrap_err().kind(), ErrorKind::IsADirectory, "{path}");
        assert_eq!(fs.lookup(ino(path), &[b'x'; 256]).unwrap_err().kind(), ErrorKind::NameTooLong, "{path}");
    }
    for path in
        [".gptfs/status", ".gptfs/orphans/x.bin", ".gptfs/prompts/2025/03/Trip.md", "2025/03/Trip.json"]
    {
        assert_eq!(fs.lookup(ino(path), b"x").unwrap_err().kind(), ErrorKind::NotADirectory, "{path}");
        let listed = fs.entries(ino(path), 0).err().map(|error| error.kind());
        assert_eq!(listed, Some(ErrorKind::NotADirectory), "{path}");
    }
}

#[test]
fn views_that_are_links_are_listed_if_they_are_to_be() {
    let (_, plain) = Fake::new(catalog()).mount();
    let fs = Fake::new(catalog()).mount().1.listing_views();
    let root = [".", "..", "2024", "2025", "undated", ".ignore", "by-id", "recent"];
    assert_eq!(names(&fs, Ino::ROOT), root);
    for from in 0..12 {
        assert_eq!(fs.entries(Ino::ROOT, from).unwrap().count(), 8_usize.saturating_sub(from as usize));
    }
    assert_eq!(fs.attr(Ino::ROOT).unwrap().nlink, plain.attr(Ino::ROOT).unwrap().nlink + 2);
    assert_eq!(text(&fs, ".ignore"), "# Links to files that are found in the years.\n/by-id/\n/recent/\n");
    let mut inodes = std::collections::HashSet::new();
    let mut count = 0;
    for entry in fs.walk_views() {
        assert!(inodes.insert(entry.attr.ino) && fs.resolve(&entry.path).unwrap() == entry.attr.ino);
        if entry.attr.kind == InodeKind::Symlink {
            let target = fs.link(entry.attr.ino).unwrap();
            let page = fs.followed(entry.attr.ino).unwrap();
            assert_eq!(target, format!("../{}", fs.path(page)), "{}", entry.path);
            // The one that is not listed is another inode, for a directory has one parent.
            assert_ne!(at(&fs, &format!(".gptfs/{}", entry.path)).ino, entry.attr.ino);
            count += 1;
        }
    }
    assert_eq!(count, 12);
    assert_eq!(fs.lookup(fs.resolve("by-id").unwrap(), b"..").unwrap().ino, Ino::ROOT);
    assert_eq!(fs.lookup(fs.resolve(".gptfs").unwrap(), b"..").unwrap().ino, Ino::ROOT);
    assert_eq!(fs.totals().inodes, plain.totals().inodes + 15);
    assert!(plain.resolve("by-id").is_err() && plain.resolve(".ignore").is_err());
}

#[test]
fn pages_have_the_attributes_of_their_conversation() {
    let mut heads = catalog().heads;
    heads[0].models = vec!["gpt-4o".into(), "o3".into()];
    heads[0].project = Some("g-p-1".into());
    heads[0].turns = 4;
    let (_, fs) = Fake::new(Catalog { heads, ..catalog() }).mount();
    let attributes = |path: &str| {
        let found = fs.attributes(fs.resolve(path).unwrap()).unwrap();
        found.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    let expected = [
        "user.gptfs.created=2025-03-04T05:06:07+00:00",
        "user.gptfs.id=6c74a896-1",
        "user.gptfs.model=gpt-4o, o3",
        "user.gptfs.project=g-p-1",
        "user.gptfs.title=Trip",
        "user.gptfs.turns=4",
        "user.gptfs.url=https://example.org/c/0",
    ];
    for path in ["2025/03/Trip.md", "2025/03/Trip.branches/2.md", ".gptfs/prompts/2025/03/Trip.md"] {
        assert_eq!(attributes(path), expected, "{path}");
    }
    for path in ["", "2025/03", "2025/03/Trip.assets/map.png", "2025/03/Trip.assets/plan.md", ".gptfs/status"]
    {
        assert_eq!(attributes(path), [""; 0], "{path}");
    }
    assert_eq!(fs.attributes(Ino(1 << 50)).unwrap_err().kind(), ErrorKind::NotFound);
}
