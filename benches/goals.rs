//! The measured goals.
//!
//! `cargo bench --bench goals -- generate STYLE MEGABYTES PATH` writes an export to measure with; STYLE is
//! `classic`, `compact` or `sharded`. `… -- scan PATH ENTRY` measures the scanner alone on an entry.

#![allow(clippy::cast_precision_loss, reason = "figures are printed with few digits")]

mod generate;

use gptfs::format::scan::{Body, ELEMENT_LIMIT, Level, Scanner};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", style, megabytes, path] => generate(style, megabytes, Path::new(path)),
        ["scan", path, entry] => scan(Path::new(path), entry).unwrap_or_else(|error| {
            eprintln!("{path}: {entry}: {error}");
            ExitCode::FAILURE
        }),
        _ => {
            eprintln!("usage: cargo bench --bench goals -- generate classic|compact|sharded MEGABYTES PATH");
            ExitCode::from(2)
        }
    }
}

fn generate(style: &str, megabytes: &str, path: &Path) -> ExitCode {
    let (Some(style), Ok(megabytes)) = (generate::Style::named(style), megabytes.parse()) else {
        eprintln!("generate: the style is classic, compact or sharded, and the size a number of MB");
        return ExitCode::from(2);
    };
    let begun = Instant::now();
    match generate::write_zip(&generate::Spec::new(style, megabytes), path) {
        Ok(truth) => {
            let zip = std::fs::metadata(path).map_or(0, |it| it.len());
            let mut sizes: Vec<u64> = truth.conversations.iter().map(|it| it.end - it.start).collect();
            sizes.sort_unstable();
            let at = |share: usize| sizes.get(sizes.len() * share / 100).copied().unwrap_or(0) / 1000;
            println!(
                "{}: {} conversations in {} files, {:.1} MB of JSON ({} % metadata), {:.1} MB zipped (ratio {:.2}), \
                 sizes p50 {} p90 {} p99 {} max {} kB, made in {:.1} s",
                path.display(),
                truth.conversations.len(),
                truth.files.len(),
                truth.json_bytes as f64 / 1e6,
                truth.metadata_bytes * 100 / truth.json_bytes.max(1),
                zip as f64 / 1e6,
                truth.json_bytes as f64 / zip.max(1) as f64,
                at(50),
                at(90),
                at(99),
                sizes.last().map_or(0, |size| size / 1000),
                begun.elapsed().as_secs_f64(),
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::FAILURE
        }
    }
}

/// How fast each level of the scanner goes over an entry, inflated in memory, fed by half a MiB.
fn scan(path: &Path, entry: &str) -> io::Result<ExitCode> {
    let mut bytes = Vec::new();
    zip::ZipArchive::new(File::open(path)?)?.by_name(entry)?.read_to_end(&mut bytes)?;
    for level in Level::available() {
        let mut best = f64::INFINITY;
        let (mut count, mut kept) = (0, 0);
        for _ in 0..5 {
            let begun = Instant::now();
            (count, kept) = (0, 0);
            let mut scanner = Scanner::with_level(ELEMENT_LIMIT, level);
            for buffer in bytes.chunks(512 << 10) {
                scanner.feed(buffer, &mut |element| {
                    count += 1;
                    if let Body::Whole(body) = element.body {
                        kept += body.len();
                    }
                });
            }
            let end = scanner.finish(&mut |_| {});
            best = best.min(begun.elapsed().as_secs_f64());
            assert_eq!(end, gptfs::format::scan::End::Complete);
        }
        println!(
            "{level:?}: {:.2} GB/s, {count} elements, {} % kept",
            bytes.len() as f64 / best / 1e9,
            kept * 100 / bytes.len().max(1),
        );
    }
    Ok(ExitCode::SUCCESS)
}
