//! A panic costs the conversation that it happened over, and nothing else.

use super::*;
use crate::export::{self, Selection, WriteMode};
use crate::fs::Fs;
use crate::fuzzing;
use crate::layout::Layout;
use crate::search::{self, Filter, Inspector, SearchPlan, SearchedFile};
use crate::sys::EndSignals;
use std::panic;

/// Text over which gptfs panics whenever it indexes.
const INDEXING: &str = "a deliberate bug while indexing";

/// Text over which gptfs panics whenever it renders.
const RENDERING: &str = "a deliberate bug while rendering";

/// Text over which the inflater panics.
const INFLATING: &str = "a deliberate bug while inflating";

/// Text over which gptfs panics before it knows what conversation it belongs to.
const SPLITTING: &str = "a deliberate bug while splitting";

/// Text over which gptfs panics while a thread has work of others.
const SCHEDULING: &str = "a deliberate bug while scheduling";

pub(in crate::index) fn while_scheduling(json: &[u8]) {
    assert!(!contains(json, SCHEDULING), "{SCHEDULING}");
}

pub(in crate::index) fn while_splitting(chunk: &[u8]) {
    assert!(!contains(chunk, SPLITTING), "{SPLITTING}");
}

pub(in crate::index) fn while_indexing(json: &[u8]) {
    assert!(!contains(json, INDEXING), "{INDEXING}");
}

pub(in crate::index) fn while_rendering(json: &[u8]) {
    assert!(!contains(json, RENDERING), "{RENDERING}");
}

fn contains(json: &[u8], text: &str) -> bool {
    memchr::memmem::find(json, text.as_bytes()).is_some()
}

/// Two shards with four conversations; `second` is the second one.
fn shards(second: &str) -> tempfile::TempDir {
    let first = format!("[{}, {second}, {}]", chat("a", "Tea"), chat("c", "Milk"));
    let other = format!("[{}]", chat("d", "Coffee"));
    folder(&[("conversations-000.json", first.as_bytes()), ("conversations-001.json", other.as_bytes())])
}

fn thread(index: &Index, head: usize) -> Result<String> {
    Ok(String::from_utf8(index.page(head, Page::Thread, "stem")?).unwrap())
}

/// The index, and the tree over it.
fn shown(index: Index) -> (Arc<Index>, Fs) {
    let index = Arc::new(index);
    let layout = Layout::new(index.catalog(), &Zone::utc());
    (Arc::clone(&index), Fs::new(index, layout, 1 << 20))
}

/// Asserts that the second conversation, which makes gptfs panic, is a page that says so, and that the others are what they
/// are beside `sound`, which is as long.
#[track_caller]
fn assert_costs_only_itself(broken: &str, sound: &str, jobs: usize) -> Index {
    let (broken, sound) = (shards(broken), shards(sound));
    let index = index_of(broken.path(), jobs).unwrap();
    let expected = index_of(sound.path(), jobs).unwrap();
    assert_eq!((index.catalog.heads.len(), problems(&expected).len()), (4, 0));
    for at in [0, 2, 3] {
        assert_eq!(index.catalog.heads[at], expected.catalog.heads[at]);
        assert_eq!(thread(&index, at).unwrap(), thread(&expected, at).unwrap());
    }
    let head = &index.catalog.heads[1];
    let page = thread(&index, 1).unwrap();
    assert_eq!((head.condition, head.page.size(4)), (Condition::Bug, page.len() as u64));
    assert!(
        page.ends_with(
            "\n*This conversation is not shown: a bug in gptfs prevents it; please report what gptfs check says \
             about it.*\n"
        ),
        "{page}"
    );
    index
}

#[test]
fn a_panic_over_a_conversation_costs_only_its_page() {
    // The larger one is measured on its own.
    for filler in ["", &"x".repeat(2 << 20)] {
        let broken = chat("b", &format!("{INDEXING}{filler}"));
        let sound = chat("b", &format!("{}{filler}", "y".repeat(INDEXING.len())));
        for jobs in [1, 4] {
            let index = assert_costs_only_itself(&broken, &sound, jobs);
            assert!(thread(&index, 1).unwrap().starts_with("---\ntitle: \"b\"\nid: b\n"));
            let [problem] = &problems(&index)[..] else { panic!("one problem") };
            let told = "conversation b: not shown because of a bug in gptfs";
            assert!(problem.starts_with(told) && problem.ends_with("; please report it"), "{problem}");
        }
    }
}

#[test]
fn a_panic_between_conversations_costs_the_rest_of_their_file() {
    // More than is read at a time.
    let long = chat("b", &"x".repeat(4 << 20));
    let first = format!("[{}, {long}, {}, {}]", chat("a", "Tea"), chat("c", SPLITTING), chat("d", "Milk"));
    let other = format!("[{}]", chat("e", "Coffee"));
    let source =
        folder(&[("conversations-000.json", first.as_bytes()), ("conversations-001.json", other.as_bytes())]);
    for jobs in [1, 2, 4] {
        let index = index_of(source.path(), jobs).unwrap();
        let ids: Vec<_> = index.catalog.heads.iter().map(|head| &*head.id).collect();
        assert!(ids.starts_with(&["a"]) && ids.ends_with(&["e"]) && !ids.contains(&"d"), "{ids:?}");
        let [problem] = &problems(&index)[..] else { panic!("one problem") };
        let told = "conversations-000.json: not read to its end because of a bug in gptfs";
        assert!(problem.starts_with(told), "{problem}");
        assert!(thread(&index, 0).unwrap().ends_with(
            "Tea
"
        ));
    }
}

/// A ZIP of deflated files.
fn deflated(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
    let mut writer = zip::ZipWriter::new(tempfile::NamedTempFile::new().unwrap());
    for (name, text) in files {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut writer, text.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

#[test]
fn a_panic_of_the_inflater_costs_the_rest_of_that_file() {
    // More than is inflated at a time.
    let long = chat("long", &"x".repeat(1 << 20));
    let first = format!("[{}, {long}, {}, {}]", chat("a", "Tea"), chat("b", INFLATING), chat("c", "Milk"));
    let other = format!("[{}]", chat("d", "Coffee"));
    let whole = [("conversations-000.json", &*first), ("conversations-001.json", &other)];
    for files in [&whole[..], &whole[..1]] {
        let source = deflated(files);
        for jobs in [1, 2, 4] {
            let index = index_of(source.path(), jobs).unwrap();
            let ids: Vec<_> = index.catalog.heads.iter().map(|head| &*head.id).collect();
            assert!(ids.starts_with(&["a"]) && !ids.contains(&"c"), "{ids:?}");
            assert_eq!(ids.contains(&"d"), files.len() == 2);
            let told = "conversations-000.json: not read to its end because of a bug in gptfs";
            assert!(problems(&index)[0].starts_with(told), "{:?}", problems(&index));
            // Another time the bug may be mended.
            assert!(index.is_provisional);
            let page = thread(&index, 0).unwrap();
            assert!(page.ends_with(&format!("Tea\n{UNVERIFIED}")), "{page}");
        }
    }
}

#[test]
fn a_panic_before_the_first_conversation_is_a_bug_and_not_a_file_without_conversations() {
    let (inflating, splitting) =
        (format!("[{}]", chat("a", INFLATING)), format!("[{}]", chat("a", SPLITTING)));
    for text in [inflating, splitting] {
        let source = deflated(&[("conversations.json", &text)]);
        let error = index_of(source.path(), 2).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
        assert!(error.to_string().contains("a bug in gptfs"), "{error}");
    }
}

#[test]
fn a_panic_of_a_thread_of_the_pass_ends_it_and_says_where() {
    let filler = "x".repeat(100_000);
    let chats = |text: &str| {
        (0..40).map(|at| chat(&format!("c{at}"), &format!("{text}{filler}"))).collect::<Vec<_>>()
    };
    for at in [0, 20, 40] {
        let mut all = chats("Tea");
        all.insert(at, chat("b", SCHEDULING));
        let shard = format!("[{}]", all.join(","));
        let other = format!("[{}]", chats("Milk").join(","));
        let source = folder(&[
            ("conversations-000.json", shard.as_bytes()),
            ("conversations-001.json", other.as_bytes()),
            ("conversations-002.json", other.as_bytes()),
        ]);
        // Where there are helpers, a conversation is measured by any thread that has time.
        for jobs in [4, 8] {
            let error = index_of(source.path(), jobs).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::Unexpected, "{error}");
            let told = error.to_string();
            assert!(told.contains(": a bug in gptfs") && told.ends_with("; please report it"), "{told}");
        }
    }
}

#[test]
fn a_conversation_whose_title_makes_gptfs_panic_is_shown_without_it() {
    let sound = chat(&"y".repeat(INDEXING.len()), "Tea");
    let index = assert_costs_only_itself(&chat(INDEXING, "Tea"), &sound, 2);
    assert!(thread(&index, 1).unwrap().contains("\n# Untitled\n"));
    let told = "a conversation without an id: not shown because of a bug in gptfs";
    assert!(problems(&index)[0].starts_with(told), "{:?}", problems(&index));
}

#[test]
fn the_json_of_a_conversation_that_makes_gptfs_panic_is_beside_its_page() {
    let broken = chat("b", INDEXING);
    let source = shards(&broken);
    let (_, fs) = shown(index_of(source.path(), 2).unwrap());
    let read =
        |path: &str| String::from_utf8(fs.read(fs.resolve(path).unwrap(), 0, usize::MAX).unwrap()).unwrap();
    assert_eq!(read("2023/11/b.json"), broken);
    assert!(read("2023/11/b.md").contains("# b\n"));
    assert!(fs.resolve(".gptfs/by-id/b.md").is_ok());
    let problem = read(".gptfs/problems.txt");
    assert!(problem.starts_with("conversation b (2023/11/b.md): not shown because of a bug"), "{problem}");
}

#[test]
fn a_saved_index_still_knows_which_conversation_makes_gptfs_panic() {
    let (folder, home) = (shards(&chat("b", INDEXING)), tempfile::tempdir().unwrap());
    let cache = IndexCache::at(&home.path().join("gptfs"));
    let built = index_of(folder.path(), 2).unwrap();
    built.save(&cache).unwrap();
    let export = source::open(&[folder.path().to_owned()], &Limits::default()).unwrap();
    let options = IndexOptions { jobs: 2, ..IndexOptions::new(render::Options::new(Zone::utc())) };
    let loaded = Index::find_or_build(export, &options, Some(&cache), None, &Progress::default()).unwrap();
    assert!(loaded.is_saved());
    assert_eq!(loaded.catalog, built.catalog);
    assert_eq!(thread(&loaded, 1).unwrap(), thread(&built, 1).unwrap());
}

#[test]
fn a_panic_while_rendering_is_an_error_of_that_conversation() {
    let folder = shards(&chat("b", RENDERING));
    let index = index_of(folder.path(), 2).unwrap();
    assert_eq!(index.catalog.heads[1].condition, Condition::Sound);
    for _ in 0..2 {
        let error = thread(&index, 1).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unexpected);
        assert!(error.to_string().starts_with("a bug in gptfs"), "{error}");
        assert!(index.attributed(1, &[Page::Thread], "stem").is_err());
        assert!(thread(&index, 2).unwrap().ends_with("Milk\n"));
    }
}

#[test]
fn an_export_writes_everything_but_the_pages_whose_rendering_panics() {
    let source = shards(&chat("b", RENDERING));
    let (_, fs) = shown(index_of(source.path(), 2).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let signals = EndSignals::hold().unwrap();
    let mode = WriteMode::New;
    let written =
        export::write(&fs, &Selection::All, folder.path(), mode, 2, &Progress::default(), &signals).unwrap();
    let mut names: Vec<_> = std::fs::read_dir(folder.path().join("2023/11"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["a.md", "c.md", "d.md"]);
    let error = written.complete().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Damaged);
    assert!(error.to_string().contains("2023/11/b.md: a bug in gptfs"), "{error}");
}

#[test]
fn random_tests_fail_when_a_panic_was_caught() {
    for text in [INDEXING, RENDERING, SPLITTING] {
        let json = format!("[{}]", chat("a", text));
        assert!(panic::catch_unwind(|| fuzzing::export(json.as_bytes())).is_err(), "{text}");
    }
    assert!(fuzzing::export(format!("[{}]", chat("a", "Tea")).as_bytes()));
}

/// Counts files, and panics over one with the word `Milk`.
#[derive(Default)]
struct Counter(usize);

impl Inspector for Counter {
    type Answer = usize;

    fn inspect(&mut self, file: SearchedFile<'_>) -> bool {
        let search::Bytes::Page(bytes, _) = file.bytes else { panic!("not a page") };
        self.0 += 1;
        assert!(!contains(bytes, "Milk"), "a deliberate bug while searching");
        true
    }

    fn answer(&mut self) -> usize {
        std::mem::take(&mut self.0)
    }

    fn weight(_: &usize) -> usize {
        1
    }
}

#[test]
fn a_search_goes_on_after_panics_in_rendering_and_in_matching() {
    let source = shards(&chat("b", RENDERING));
    let (index, fs) = shown(index_of(source.path(), 2).unwrap());
    let filter = Filter::default();
    let plan = SearchPlan::new(&fs, &filter);
    for threads in [1, 3] {
        let mut found = Vec::new();
        search::run(&fs, &*index, &plan, &filter, threads, Counter::default, |answered| {
            let failures = answered.failures.iter().map(ToString::to_string);
            found.push((answered.answer, failures.collect::<Vec<_>>()));
            true
        });
        assert_eq!(found.iter().map(|(files, _)| *files).collect::<Vec<_>>(), [1, 0, 0, 1]);
        assert_eq!((found[0].1.len(), found[3].1.len()), (0, 0));
        for (at, name) in [(1, "2023/11/b.md: a bug in gptfs"), (2, "2023/11/c.md: a bug in gptfs")] {
            assert!(matches!(&found[at].1[..], [one] if one.starts_with(name)), "{found:?}");
        }
    }
}
