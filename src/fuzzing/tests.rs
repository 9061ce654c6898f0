//! Mutations of the fixtures: a small budget in every run, more on demand.
//!
//! `GPTFS_MUTANTS` sets the number of mutants per test, `GPTFS_SEED` the seed, which each test prints.

use super::*;
use std::env;
use std::io::{Cursor, Write as _};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::time::SystemTime;

/// Mutants per test, if the environment does not say.
const MUTANTS: u64 = 200;

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// A number below `bound`, 0 if that is 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next()).unwrap().checked_rem(bound).unwrap_or(0)
    }

    fn pick<'l, T: ?Sized>(&mut self, list: &[&'l T]) -> &'l T {
        list[self.below(list.len())]
    }
}

/// Fragments that matter to some reader.
const TOKENS: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\0",
    b"\xff",
    b"\xed\xa0\xbd",
    b"null",
    b"1e999",
    b"-",
    b"\\ud83d",
    b"\\u0000",
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"<box>",
    b"</box>",
    b"<Cite refs={[\"turn0search0\"]}/>",
    b"{#each x as y}",
    b"{/each}",
    b"{@body ",
    b"<table>",
    b"<!--",
    b"```",
    b"$$",
    b"\\(",
    b"\\]",
    b"\xee\x88\x80cite\xee\x88\x82",
    b"\xee\x88\x81",
    b":::writing{",
    b"# ",
    b"\"mapping\":{",
    b"\"parts\":[",
    b"\"parent\":",
    b"</script>",
    b"../",
    b"CON",
    b"\xe2\x80\xae",
    b"\xcc\x81",
];

/// Changes `bytes` in one to four places.
fn mutated(bytes: &[u8], others: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let end = (at + random.below(40)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = random.next().to_le_bytes()[0],
            2 => drop(bytes.splice(at..at, random.pick(TOKENS).iter().copied())),
            3 => drop(bytes.drain(at..end)),
            4 => {
                let copy = bytes[at..end].to_vec();
                let times = 1 + random.below(20);
                let to = random.below(bytes.len() + 1);
                bytes.splice(to..to, copy.repeat(times));
            }
            5 => {
                let other = &others[random.below(others.len())];
                let from = random.below(other.len());
                let part = &other[from..(from + random.below(200)).min(other.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            _ => bytes.truncate(bytes.len() - random.below(bytes.len().min(64))),
        }
    }
    bytes
}

/// Runs `check` on mutants of `seeds`. On a failure, prints the seed and keeps the mutant in a file.
fn survive(what: &str, seeds: &[Vec<u8>], check: impl Fn(&[u8])) {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(1, |time| time.as_secs());
    let seed = number("GPTFS_SEED").unwrap_or(now);
    println!("{what}: GPTFS_SEED={seed}");
    let mut random = Random(seed);
    for count in 0..number("GPTFS_MUTANTS").unwrap_or(MUTANTS) {
        let mutant = mutated(&seeds[random.below(seeds.len())], seeds, &mut random);
        if let Err(payload) = panic::catch_unwind(AssertUnwindSafe(|| check(&mutant))) {
            let kept = env::temp_dir().join(format!("gptfs-mutant-{what}-{seed}-{count}"));
            fs::write(&kept, &mutant).unwrap();
            eprintln!("{what}: mutant {count} of GPTFS_SEED={seed} is kept in {}", kept.display());
            panic::resume_unwind(payload);
        }
    }
}

/// Files of a name below `fixtures/`.
fn fixtures(name: &str) -> Vec<Vec<u8>> {
    let (mut found, mut waiting) =
        (Vec::new(), vec![PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")]);
    while let Some(directory) = waiting.pop() {
        let mut entries: Vec<_> =
            fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                waiting.push(path);
            } else if path.file_name().is_some_and(|file| file.to_string_lossy().ends_with(name)) {
                found.push(fs::read(path).unwrap());
            }
        }
    }
    assert!(!found.is_empty(), "no fixtures called {name}");
    found
}

fn deflated(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A ZIP archive of a few small files.
fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        let options = zip::write::SimpleFileOptions::default();
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[test]
fn mutated_json_is_shown_or_refused() {
    survive("json", &fixtures("conversation.json"), |json| {
        export(json);
    });
}

#[test]
fn mutated_archives_are_shown_or_refused() {
    let seeds: Vec<_> = fixtures("conversation.json")
        .iter()
        .take(20)
        .map(|json| {
            let list = [b"[", &json[..], b"]"].concat();
            zip(&[
                ("conversations.json", &list),
                ("file-AAAAAAAAAAAAAAAAAAAAAA-a.txt", b"text"),
                ("user.json", b"{}"),
            ])
        })
        .collect();
    survive("zip", &seeds, |zip| {
        export(zip);
    });
}

#[test]
fn mutated_answers_have_the_size_that_was_measured() {
    survive("answer", &fixtures(".md"), answer);
}

#[test]
fn mutated_json_is_split_alike_by_every_instruction_set() {
    survive("scan", &fixtures("conversation.json"), scan);
}

#[test]
fn names_of_mutated_text_keep_their_promises() {
    let titles =
        ["Tea / coffee: which?", "CON", "東京の庭 🌱", "a.tar.gz", "👩‍🔬 e\u{301}\u{202e}dm.exe", "..."];
    survive("name", &titles.map(|title| title.as_bytes().to_vec()), name);
}

#[test]
fn mutated_streams_inflate_as_zlib_rs_inflates_them() {
    let texts = fixtures("conversation.json");
    let seeds: Vec<_> =
        texts.iter().take(30).zip((0..=9).cycle()).map(|(text, level)| deflated(text, level)).collect();
    survive("inflate", &seeds, |stream| {
        const LIMIT: usize = 1 << 20;
        let mut expected = Vec::with_capacity(LIMIT + 1);
        let mut decompress = flate2::Decompress::new(false);
        let status = decompress.decompress_vec(stream, &mut expected, flate2::FlushDecompress::Finish);
        let complete = matches!(status, Ok(flate2::Status::StreamEnd)) && expected.len() <= LIMIT;
        assert_eq!(inflate(stream, LIMIT), complete.then_some(expected));
    });
}

#[test]
fn a_mutated_saved_catalog_is_used_or_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let (path, cache) = (folder.path().join("export"), IndexCache::at(&folder.path().join("cache")));
    let seeds: Vec<_> = fixtures("conversation.json")
        .iter()
        .take(10)
        .filter_map(|json| {
            fs::write(&path, json).unwrap();
            let export = source::open(std::slice::from_ref(&path), &Limits::default()).ok()?;
            let options = IndexOptions { jobs: 1, ..IndexOptions::new(render::Options::new(Zone::utc())) };
            let index = Index::build(export, &options, None, &Progress::default()).ok()?;
            postcard::to_stdvec(&("ChatGPT".to_owned(), index.catalog())).ok()
        })
        .collect();
    drop(cache);
    survive("saved", &seeds, saved_catalog);
}
