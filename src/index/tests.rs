//! Every page is exactly as long as measured, whatever happened to the export; otherwise it couldn't be read.

pub(super) mod bugs;

use super::*;
use crate::archive::Limits;
use crate::catalog::Location;
use crate::fuzzing::assert_no_bug;
use crate::source;
use crate::time::Zone;
use proptest::prelude::*;
use std::path::Path;

/// Fragments that overwrite or interrupt an export: JSON syntax, invalid JSON, and page syntax.
const PIECES: [&[u8]; 24] = [
    b"\"", b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\n", b"\0", b"\xff", b"\xed\xa0\xbd", b"null",
    b"NaN", b"1e999", b"[]", b"{}", b"[}", b"{]", b"\\ud83d", b"```", b"\\u0000", b"\"mapping\":{",
    b"</details>",
];

/// How the export is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ExportForm {
    /// One conversation.
    Bare,
    /// A list of two.
    List,
    /// The same two in the vendor's viewer page.
    Viewer,
}

impl ExportForm {
    /// An export of this form in its own folder.
    fn export(self, json: &[u8]) -> tempfile::TempDir {
        let (name, text) = match self {
            Self::Bare | Self::List => ("conversations.json", json.to_vec()),
            Self::Viewer => {
                ("chat.html", [b"<html><script>\nvar jsonData = ", json, b";\n</script></html>"].concat())
            }
        };
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), text).unwrap();
        folder
    }
}

/// A change at a relative position.
#[derive(Clone, Debug)]
enum Damage {
    Over(&'static [u8]),
    Between(&'static [u8]),
    Lost(usize),
    CutOff,
}

fn damages() -> impl Strategy<Value = Vec<(f64, Damage)>> {
    let chunk = || prop::sample::select(&PIECES[..]);
    let damage = prop_oneof![
        4 => chunk().prop_map(Damage::Over),
        4 => chunk().prop_map(Damage::Between),
        2 => (1..60_usize).prop_map(Damage::Lost),
        1 => Just(Damage::CutOff),
    ];
    prop::collection::vec((0.0..1.0, damage), 0..6)
}

fn damaged(mut json: Vec<u8>, damages: &[(f64, Damage)]) -> Vec<u8> {
    for (place, damage) in damages {
        #[allow(clippy::cast_sign_loss, reason = "a share of a length is one")]
        let at = (json.len() as f64 * place) as usize;
        let rest = json.len() - at;
        match damage {
            Damage::Over(chunk) => drop(json.splice(at..at + rest.min(1), chunk.iter().copied())),
            Damage::Between(chunk) => drop(json.splice(at..at, chunk.iter().copied())),
            Damage::Lost(length) => drop(json.drain(at..at + rest.min(*length))),
            Damage::CutOff => json.truncate(at),
        }
    }
    json
}

/// The conversations of all fixtures.
fn fixtures() -> &'static [Vec<u8>] {
    static FIXTURES: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    FIXTURES.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/chatgpt");
        let mut cases: Vec<_> = std::fs::read_dir(folder).unwrap().map(|case| case.unwrap().path()).collect();
        cases.sort();
        cases.iter().map(|case| std::fs::read(case.join("conversation.json")).unwrap()).collect()
    })
}

/// Keeps what was read of each conversation, by the location of its JSON.
#[derive(Default)]
struct Transcript(Mutex<HashMap<(EntryRef, u64), String>>);

struct Transcriber<'t> {
    transcript: &'t Transcript,
    text: String,
}

impl render::Observer for Transcript {
    fn begin(&self) -> Box<dyn render::PageReader + '_> {
        Box::new(Transcriber { transcript: self, text: String::new() })
    }
}

impl render::PageReader for Transcriber<'_> {
    fn read(&mut self, piece: &str, names_itself: bool) {
        assert!(names_itself || !piece.contains(render::STEM), "{piece}");
        self.text.push_str(piece);
    }

    fn end(self: Box<Self>, Location { entry, start, .. }: Location) {
        lock(&self.transcript.0).insert((entry, start), self.text);
    }
}

impl Transcript {
    /// Asserts that what was read of a conversation are its pages.
    fn assert_is_whole(&self, index: &Index, at: usize, head: &Head) {
        let all = lock(&self.0);
        let read = all.get(&(head.location.entry, head.location.start));
        let Some(read) = read.filter(|_| matches!(head.condition, Condition::Sound | Condition::Damaged))
        else {
            return;
        };
        let canvas = head.assets.iter().filter_map(|asset| match asset.content {
            AssetContent::Canvas(position) => Some(Page::Canvas(position)),
            AssetContent::Entry(_) => None,
        });
        let branches = head.branches.iter().map(|branch| Page::Branch(branch.number));
        let pages: Vec<_> = canvas.chain([Page::Thread]).chain(branches).collect();
        let mut stem = [0; 4];
        let pages = index.pages(at, &pages, render::STEM.encode_utf8(&mut stem)).unwrap();
        assert_eq!(*read, String::from_utf8(pages.concat()).unwrap(), "{at}");
    }
}

/// Asserts that every page of the export at `path` is as long as it was measured, and was read by an observer. Returns
/// false if it is not an export.
fn pages_fit(path: &Path, options: &IndexOptions) -> bool {
    const STEM: &str = "A stem";
    let export = source::open(&[path.to_owned()], &Limits::default());
    let transcript = Transcript::default();
    let build = |export| Index::build(export, options, Some(&transcript), &Progress::default());
    let index = match export.and_then(build) {
        Ok(index) => index,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotAnExport, "{error}");
            assert_no_bug(&error.to_string());
            return false;
        }
    };
    for problem in problems(&index) {
        assert_no_bug(&problem);
    }
    for (at, head) in index.catalog().heads.iter().enumerate() {
        transcript.assert_is_whole(&index, at, head);
        let branches = head.branches.iter().map(|branch| Page::Branch(branch.number));
        for page in branches.chain([Page::Thread, Page::Prompts]) {
            let measured = head.measure(page).unwrap().size(STEM.len());
            assert_eq!(index.page(at, page, STEM).unwrap().len() as u64, measured, "{page:?} of {at}");
        }
        for asset in &head.assets {
            if let AssetContent::Canvas(position) = asset.content {
                let document = index.page(at, Page::Canvas(position), STEM).unwrap();
                assert_eq!(document.len() as u64, asset.bytes, "canvas {position} of {at}");
            }
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn pages_are_as_long_as_they_were_measured_whatever_the_damage(
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
        damages in damages(),
        form in prop::sample::select(&[ExportForm::Bare, ExportForm::List, ExportForm::Viewer][..]),
        all in any::<bool>(),
        jobs in 1..3_usize,
        limit in prop_oneof![3 => Just(usize::MAX), 1 => 0..8000_usize],
    ) {
        let (first, second) = (first.get(fixtures()), second.get(fixtures()));
        let list = || [b"[", &first[..], b", ", second, b"]"].concat();
        let json = damaged(if form == ExportForm::Bare { first.clone() } else { list() }, &damages);
        let folder = form.export(&json);
        let render = render::Options { all, ..render::Options::new(Zone::utc()) };
        pages_fit(folder.path(), &IndexOptions { jobs, max_conversation: limit, ..IndexOptions::new(render) });
    }
}

#[test]
fn the_pages_of_all_fixtures_are_as_long_as_they_were_measured() {
    let json = [b"[", &fixtures().join(&b","[..])[..], b"]"].concat();
    for form in [ExportForm::List, ExportForm::Viewer] {
        let options = IndexOptions::new(render::Options::new(Zone::utc()));
        assert!(pages_fit(form.export(&json).path(), &options), "{form:?} is no export");
    }
}

/// The index of a bare file or a ZIP, read by `jobs` threads.
fn index_of(path: &Path, jobs: usize) -> Result<Index> {
    let export = source::open(&[path.to_owned()], &Limits::default())?;
    let options = IndexOptions { jobs, ..IndexOptions::new(render::Options::new(Zone::utc())) };
    Index::build(export, &options, None, &Progress::default())
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// A conversation with one message.
fn chat(id: &str, text: &str) -> String {
    format!(
        r#"{{"title":"{id}","id":"{id}","create_time":1700000000,"current_node":"b","mapping":{{
        "a":{{"id":"a","message":null,"parent":null,"children":["b"]}},
        "b":{{"id":"b","parent":"a","children":[],"message":{{"id":"b","author":{{"role":"user"}},
        "content":{{"content_type":"text","parts":["{text}"]}}}}}}}}}}"#
    )
}

fn problems(index: &Index) -> Vec<String> {
    index.catalog.problems.iter().map(|problem| format!("{}: {}", problem.subject, problem.reason)).collect()
}

#[test]
fn elements_that_are_not_conversations_are_one_problem_with_their_count() {
    let json = format!(
        r#"[null, 7, {}, {{}}, {{"a":[]}}, "x", {{"title":"Broken", "mapping": {{"#,
        chat("c", "Tea")
    );
    let folder = folder(&[("conversations.json", json.as_bytes())]);
    for jobs in [1, 4] {
        let index = index_of(folder.path(), jobs).unwrap();
        let titles: Vec<_> = index.catalog.heads.iter().map(|head| head.title.as_deref()).collect();
        assert_eq!(titles, [Some("c"), Some("Broken")]);
        assert_eq!(
            problems(&index)[0],
            "conversations.json: 5 elements are not conversations (the first at byte 1); not shown"
        );
    }
}

#[test]
fn more_elements_than_the_limit_are_refused() {
    let json = format!("[{}0]", "0,".repeat(2_000_000));
    let folder = folder(&[("conversations.json", json.as_bytes())]);
    for jobs in [1, 2] {
        let error = index_of(folder.path(), jobs).err().expect("refused");
        assert_eq!(error.kind(), ErrorKind::Limit);
        assert!(
            error
                .to_string()
                .ends_with("more than 2,000,000 conversations and other elements, which is the limit")
        );
    }
}

#[test]
fn the_vendor_of_each_file_is_decided_by_itself() {
    let claude = br#"[{"uuid":"u","name":"n","chat_messages":[]},{"uuid":"v","chat_messages":[]}]"#;
    let ours = format!("[{}]", chat("c", "Tea"));
    let folder = folder(&[("conversations.json", claude), ("conversations-000.json", ours.as_bytes())]);
    for jobs in [1, 2, 3] {
        let index = index_of(folder.path(), jobs).unwrap();
        assert_eq!(index.catalog.heads.len(), 1);
        assert_eq!(
            problems(&index),
            ["conversations.json: this looks like a Claude export, which gptfs can't read; \
              2 conversations are not shown"]
        );
    }
}

#[test]
fn a_pass_goes_on_with_the_threads_that_can_be_started() {
    let list = |first: usize| {
        let chats: Vec<_> = (first..first + 200).map(|n| chat(&format!("{n:08}"), "Tea")).collect();
        format!("[{}]", chats.join(","))
    };
    let (first, second) = (list(0), list(200));
    let folder = folder(&[
        ("conversations-000.json", first.as_bytes()),
        ("conversations-001.json", second.as_bytes()),
    ]);
    let expected = index_of(folder.path(), 1).unwrap().catalog;
    for count in 0..5 {
        for jobs in [2, 5] {
            let index = pass::threads_for_tests(count, || index_of(folder.path(), jobs)).unwrap();
            assert_eq!(index.catalog, expected, "{count} of {jobs}");
        }
    }
}

/// A ZIP with one stored entry, and its bytes changed by `change`.
fn changed_zip(json: &str, change: impl FnOnce(&mut Vec<u8>)) -> tempfile::TempDir {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    writer.start_file("conversations.json", options).unwrap();
    std::io::Write::write_all(&mut writer, json.as_bytes()).unwrap();
    let mut bytes = writer.finish().unwrap().into_inner();
    change(&mut bytes);
    folder(&[("x.zip", &bytes)])
}

#[test]
fn a_damaged_only_file_is_shown_up_to_the_damage() {
    let json = format!("[{},{}]", chat("a", "Tea"), chat("b", "Coffee"));
    let folder = changed_zip(&json, |bytes| {
        let at = bytes.windows(3).position(|word| word == b"Tea").unwrap();
        bytes[at] = b'P';
    });
    let index = index_of(&folder.path().join("x.zip"), 2).unwrap();
    assert_eq!(
        problems(&index)[0],
        "conversations.json: damaged (its checksum is wrong): 2 conversations read, text may be wrong or missing; \
         download the export again if you can"
    );
    let page = String::from_utf8(index.page(0, Page::Thread, "a").unwrap()).unwrap();
    assert!(page.contains("Pea") && page.ends_with(UNVERIFIED), "{page}");
}

#[test]
fn a_file_that_cannot_be_opened_is_not_called_damaged() {
    let [first, second] = [("a", "Tea"), ("b", "Coffee")].map(|(id, title)| format!("[{}]", chat(id, title)));
    let folder = folder(&[
        ("conversations-000.json", first.as_bytes()),
        ("conversations-001.json", second.as_bytes()),
    ]);
    let export = source::open(&[folder.path().to_owned()], &Limits::default()).unwrap();
    std::fs::remove_file(folder.path().join("conversations-001.json")).unwrap();
    let options = IndexOptions::new(render::Options::new(Zone::utc()));
    let index = Index::build(export, &options, None, &Progress::default()).unwrap();
    let reason = "not read (cannot be opened: no such file or directory); its conversations are missing";
    assert_eq!(problems(&index), [format!("conversations-001.json: {reason}")]);
}

#[test]
fn an_index_built_while_resources_were_short_is_not_saved() {
    let folder = folder(&[("conversations.json", format!("[{}]", chat("a", "Tea")).as_bytes())]);
    let mut index = index_of(folder.path(), 1).unwrap();
    let home = tempfile::tempdir().unwrap();
    let cache = IndexCache::at(&home.path().join("gptfs"));
    index.is_provisional = true;
    index.save(&cache).unwrap();
    assert_eq!(cache.items().unwrap(), []);
    assert_eq!(index.saving(), "none; not all of the export could be read this time");
    index.is_provisional = false;
    index.save(&cache).unwrap();
    assert_eq!(cache.items().unwrap().len(), 1);
}

#[test]
fn the_list_of_conversations_has_no_room_for_more() {
    let chats: Vec<_> = (0..1000).map(|n| chat(&format!("{n:08}"), "Tea")).collect();
    let folder = folder(&[("conversations.json", format!("[{}]", chats.join(",")).as_bytes())]);
    for jobs in [1, 4] {
        let heads = index_of(folder.path(), jobs).unwrap().catalog.heads;
        assert_eq!((heads.len(), heads.capacity()), (1000, 1000));
    }
}

#[test]
fn the_status_waits_for_the_index_to_be_saved_and_says_where_or_why_not() {
    let folder = folder(&[("conversations.json", format!("[{}]", chat("a", "Tea")).as_bytes())]);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("file"), "").unwrap();
    let [good, bad] = ["gptfs", "file/cache/gptfs"].map(|name| IndexCache::at(&home.path().join(name)));
    let index = |cache: Option<&IndexCache>| {
        let export = source::open(&[folder.path().to_owned()], &Limits::default()).unwrap();
        let options = IndexOptions { jobs: 1, ..IndexOptions::new(render::Options::new(Zone::utc())) };
        Index::find_or_build(export, &options, cache, None, &Progress::default()).unwrap()
    };
    let status = |index: &Index| {
        let line = index.status().into_iter().find(|(name, _)| *name == "saved index");
        line.unwrap().1
    };
    let saved = |cache: &IndexCache| {
        let index = index(Some(cache));
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| status(&index));
            let _ = index.save(cache);
            reader.join().unwrap()
        })
    };
    let refused = saved(&bad);
    assert!(
        refused.starts_with("none; ") && refused.ends_with("file/cache/gptfs: not a directory"),
        "{refused}"
    );
    let place = format!("in {}", good.dir().display());
    assert_eq!(saved(&good), place);
    assert_eq!(status(&index(Some(&good))), place);
    assert_eq!(status(&index(None)), "none");
}

#[test]
fn a_saved_catalog_with_absurd_numbers_is_a_miss() {
    let folder = folder(&[("conversations.json", format!("[{}]", chat("a", "Tea")).as_bytes())]);
    let index = index_of(folder.path(), 1).unwrap();
    let is_sound = |catalog: &Catalog| loaded::is_sound(catalog, &index.export, &index.shards);
    assert!(is_sound(&index.catalog));
    let changes: [fn(&mut Head); 8] = [
        |head| head.location.start = head.location.end,
        |head| head.location.end += 1 << 40,
        |head| head.location.entry.entry += 1,
        |head| head.location.entry.archive += 1,
        |head| head.page.bytes = u64::MAX,
        |head| head.page.stems = u32::MAX,
        |head| {
            let branch = crate::catalog::BranchPage { number: 1, measure: head.page };
            head.branches = vec![branch, branch];
        },
        |head| {
            let content = AssetContent::Canvas(7);
            head.assets.push(crate::catalog::Asset { name: "a".into(), content, bytes: 1 });
        },
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut catalog = index.catalog.clone();
        change(&mut catalog.heads[0]);
        assert!(!is_sound(&catalog), "change {at}");
    }
}

/// The titles that an export with this `group_chats.json` shows, and its problems.
fn with_group_chats(file: &[u8]) -> (Vec<String>, Vec<String>) {
    let folder =
        ExportForm::Bare.export(br#"{"id": "c", "title": "Own", "mapping": {}, "current_node": null}"#);
    std::fs::write(folder.path().join("group_chats.json"), file).unwrap();
    let index = index_of(folder.path(), 2).unwrap();
    let catalog = index.catalog();
    let titles = catalog.heads.iter().map(|head| head.title.as_deref().unwrap_or_default().to_owned());
    (titles.collect(), problems(&index))
}

#[test]
fn group_chats_without_chats_are_silent_and_damaged_ones_have_a_line_of_their_own() {
    for nothing in ["{\"chats\": []}", "[]", "{}", "{\"chats\": null}"] {
        assert_eq!(with_group_chats(nothing.as_bytes()), (vec!["Own".to_owned()], Vec::new()), "{nothing}");
    }
    let chat = r#"{"id": "g", "name": "Group", "last_action_at": null, "messages": [{"role": "user", "text": "Hi"}]}"#;
    let (titles, problems) = with_group_chats(format!("{{\"chats\": [{chat}]}}").as_bytes());
    assert_eq!((titles, problems.len()), (vec!["Own".to_owned(), "Group".to_owned()], 0));
    for damaged in
        [format!("{{\"chats\": [{chat}, {{\"id"), format!("[{chat}, 3, {{"), "x".to_owned(), "[7]".to_owned()]
    {
        let (titles, problems) = with_group_chats(damaged.as_bytes());
        assert_eq!(titles.first().map(String::as_str), Some("Own"), "{damaged}");
        assert!(
            problems.iter().any(|line| line.starts_with("group_chats.json: ")),
            "{damaged}: {problems:?}"
        );
        assert!(
            !damaged.contains("Group") || titles.get(1).is_some_and(|title| title == "Group"),
            "{damaged}"
        );
    }
}
