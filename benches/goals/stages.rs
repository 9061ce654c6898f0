//! What each stage of the pass costs on one core: inflating, splitting, parsing, rendering.

use gptfs::conversation::FileRef;
use gptfs::conversation::files::{AssetIndex, Resolved};
use gptfs::format::scan::{Body, ELEMENT_LIMIT, Scanner};
use gptfs::format::{self, Detail};
use gptfs::render::{Document, Options};
use gptfs::time::{Timestamp, Zone};
use std::fs::File;
use std::hint::black_box;
use std::io::{self, Read};
use std::path::Path;
use std::time::Instant;

/// An export without files.
struct NoFiles;

impl AssetIndex for NoFiles {
    fn resolve(&self, _: &FileRef<'_>, _: &str, _: &str, _: Option<Timestamp>) -> Option<Resolved> {
        None
    }
}

/// How often each stage runs; the fastest counts.
const ROUNDS: usize = 5;

/// Prints seconds per GB of JSON of each stage, over the conversations of one ZIP held in memory.
pub(crate) fn run(zip: &Path) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(zip)?).map_err(io::Error::other)?;
    let mut entries = Vec::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(io::Error::other)?;
        if entry.name().map_err(io::Error::other)?.starts_with("conversations") {
            let mut json = Vec::new();
            entry.read_to_end(&mut json)?;
            entries.push(json);
        }
    }
    let options = Options::new(Zone::utc());
    stage("split", &entries, &|json| {
        black_box(json);
    });
    stage("split + parse", &entries, &|json| {
        parse(json, &mut |conversation| {
            black_box(conversation);
        });
    });
    stage("split + parse + render", &entries, &|json| {
        parse(json, &mut |conversation| {
            let document = Document::new(conversation, &NoFiles);
            for page in document.pages() {
                black_box(document.measure(page, &options));
            }
        });
    });
    Ok(())
}

/// Times one stage and prints what it costs.
fn stage(name: &str, entries: &[Vec<u8>], work: &dyn Fn(&[u8])) {
    let bytes: usize = entries.iter().map(Vec::len).sum();
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for json in entries {
            split(json, work);
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    println!("{name:<24} {:.3} s per GB", best / bytes as f64 * 1e9);
}

fn parse(json: &[u8], take: &mut dyn FnMut(&gptfs::conversation::Conversation<'_>)) {
    if let Some(format) = format::named("ChatGPT") {
        format.read(json, Detail::Shown, &mut |conversation, _| take(&conversation));
    }
}

fn split(json: &[u8], work: &dyn Fn(&[u8])) {
    let mut scanner = Scanner::new(ELEMENT_LIMIT);
    let mut take = |element: gptfs::format::scan::Element<'_>| {
        if let Body::Whole(body) = element.body {
            work(body);
        }
    };
    for buffer in json.chunks(512 << 10) {
        scanner.feed(buffer, &mut take);
    }
    scanner.finish(&mut take);
}
