//! Performance goals, measured.
//!
//! ```text
//! cargo bench                                   all rows
//! cargo bench -- ROW…                           some rows; `cargo bench -- list` names them
//! cargo bench -- generate STYLE MB PATH [KEY=N…]  an export to measure with; STYLE is classic, compact or sharded,
//!                                               KEY is equal-titles, tiny, tiny-in-one-month, assets, huge or seed
//! cargo bench -- scan PATH ENTRY                the scanner alone, on one entry of a ZIP
//! cargo bench -- stages PATH                    each stage of the indexing pass, on one core
//! cargo bench -- growth                         how the stages grow with the size of one conversation
//! ```

#![allow(clippy::cast_precision_loss, reason = "figures are printed with few digits")]

#[path = "goals/data.rs"]
mod data;
mod generate;
#[path = "goals/run.rs"]
mod run;
#[path = "goals/stages.rs"]
mod stages;
#[path = "goals/table.rs"]
mod table;
#[path = "goals/walks.rs"]
mod walks;

use gptfs::internals::{Body, ELEMENT_LIMIT, End, Level, Scanner};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["generate", style, megabytes, path, options @ ..] => match spec(style, megabytes, options) {
            Some(spec) => generate(&spec, Path::new(path)),
            None => usage(),
        },
        ["list"] => {
            table::list();
            ExitCode::SUCCESS
        }
        ["stages", path] => {
            stages::run(Path::new(path)).map_or_else(|error| failed(path, &error), |costs| print(&costs))
        }
        ["growth"] => {
            table::large_conversations();
            ExitCode::SUCCESS
        }
        ["scan", path, entry] => scan(Path::new(path), entry).unwrap_or_else(|error| {
            eprintln!("{path}: {entry}: {error}");
            ExitCode::FAILURE
        }),
        rows if rows.iter().all(|name| table::is_row(name)) => {
            goals(rows).map_or_else(|error| failed("goals", &error), |()| ExitCode::SUCCESS)
        }
        _ => usage(),
    }
}

fn print(costs: &stages::Costs) -> ExitCode {
    for (stage, cost) in
        [("split", costs.split), ("split + parse", costs.parse), ("split + parse + render", costs.render)]
    {
        println!("{stage:<24} {cost:.3} s per GB");
    }
    ExitCode::SUCCESS
}

fn failed(what: &str, error: &io::Error) -> ExitCode {
    eprintln!("{what}: {error}");
    ExitCode::FAILURE
}

/// Measures the rows named in `only`, or all of them. Exports are kept in `GPTFS_BENCH_DIR`; `GPTFS_BENCH_MB` limits
/// their size.
fn goals(only: &[&str]) -> io::Result<()> {
    let dir = std::env::var_os("GPTFS_BENCH_DIR")
        .map_or_else(|| std::env::temp_dir().join("gptfs-bench"), PathBuf::from);
    let largest = std::env::var("GPTFS_BENCH_MB").ok().and_then(|text| text.parse().ok()).unwrap_or(1000);
    table::run(Path::new(env!("CARGO_BIN_EXE_gptfs")), &data::Data::new(&dir, largest)?, only)
}

fn usage() -> ExitCode {
    eprintln!(
        "usage: cargo bench --bench goals -- [ROW…]\n       \
         cargo bench --bench goals -- list\n       \
         cargo bench --bench goals -- generate classic|compact|sharded MEGABYTES PATH [KEY=COUNT…]\n       \
         cargo bench --bench goals -- scan PATH ENTRY\n       \
         cargo bench --bench goals -- stages PATH\n       \
         cargo bench --bench goals -- growth"
    );
    ExitCode::from(2)
}

fn spec(style: &str, megabytes: &str, options: &[&str]) -> Option<generate::Spec> {
    let mut spec = generate::Spec::new(generate::Style::named(style)?, megabytes.parse().ok()?);
    for option in options {
        let (key, count) = option.split_once('=')?;
        let count: u32 = count.parse().ok()?;
        match key {
            "equal-titles" => spec.equal_titles = count,
            "tiny" => spec.tiny = count,
            "tiny-in-one-month" => spec.tiny_in_one_month = count,
            "assets" => spec.assets = count,
            "huge" => spec.huge = count.into(),
            "seed" => spec.seed = count.into(),
            _ => return None,
        }
    }
    Some(spec)
}

fn generate(spec: &generate::Spec, path: &Path) -> ExitCode {
    let begun = Instant::now();
    match generate::write_zip(spec, path) {
        Ok(truth) => {
            if let Err(error) = check(path, &truth) {
                eprintln!("{}: {error}", path.display());
                return ExitCode::FAILURE;
            }
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

/// Scans a generated export and compares the conversations found with those written.
fn check(path: &Path, truth: &generate::Truth) -> io::Result<()> {
    let mut archive = zip::ZipArchive::new(File::open(path)?)?;
    let mut found = Vec::new();
    for (file, name) in truth.files.iter().enumerate() {
        let mut entry = archive.by_name(name)?;
        let mut scanner = Scanner::new(ELEMENT_LIMIT);
        let mut buffer = vec![0; 512 << 10];
        loop {
            let len = entry.read(&mut buffer)?;
            if len == 0 {
                break;
            }
            scanner.feed(&buffer[..len], &mut |element| found.push((file, element.start, element.end)));
        }
        if scanner.finish(&mut |_| {}) != End::Complete {
            return Err(io::Error::other(format!("{name} is damaged")));
        }
    }
    let written: Vec<_> = truth.conversations.iter().map(|it| (it.file, it.start, it.end)).collect();
    if found == written {
        Ok(())
    } else {
        Err(io::Error::other("the scanner finds other conversations than were written"))
    }
}

/// Measures the throughput of every SIMD level of the scanner on an entry inflated in memory, fed in 512 KiB chunks.
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
            assert_eq!(end, End::Complete);
        }
        println!(
            "{level:?}: {:.2} GB/s, {count} elements, {} % kept",
            bytes.len() as f64 / best / 1e9,
            kept * 100 / bytes.len().max(1),
        );
    }
    Ok(ExitCode::SUCCESS)
}
