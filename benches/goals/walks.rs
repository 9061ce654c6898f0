//! Rows about reading much or all of a tree, and the memory that it takes.

use super::run::{self, Mount};
use super::table::{Bench, ROUNDS, beside, megabytes, over, row, seconds, unzip};
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Searches for a word that occurs nowhere, so that every byte is read. `-c` keeps grep from stopping early because its
/// output is /dev/null.
const GREP: &str = "grep -rc qqzzyyxx . | tail -1; true";
const RG: &str = "rg -uuu -c --no-messages . -e qqzzyyxx; true";

/// Number of first reads to time.
const READS: usize = 400;

/// Number of files to read in random order.
const RANDOM_READS: usize = 3000;

/// How long a mount rests before its memory is measured.
const REST: Duration = Duration::from_mins(1);

impl Bench<'_> {
    /// Times `gptfs export` to tmpfs beside `unzip -p`, and measures its peak memory.
    pub(super) fn export(&self, form: &str, zip: &Path) {
        let out = Path::new("/dev/shm/gptfs-bench-export");
        let (mut ours, mut unzips, mut peak) = (Vec::new(), Vec::new(), 0);
        for _ in 0..ROUNDS {
            let command = format!(
                "'{}' export --no-cache '{}' '{}'",
                self.gptfs.display(),
                zip.display(),
                out.display()
            );
            let cost = run::shell(&command);
            let _ = fs::remove_dir_all(out);
            if let (Some(cost), Some(unzip)) = (cost, unzip(zip)) {
                ours.push(cost.wall);
                peak = peak.max(cost.peak);
                unzips.push(unzip);
            }
        }
        let what = format!("`gptfs export` of 1 GB {form} to tmpfs");
        beside(&what, &mut ours, "`unzip -p`", &mut unzips, "≤ 1.0", "≤ 0.5");
        row("peak memory of the export", &megabytes(peak), "", None, "≤ 96 MiB", "≤ 64 MiB");
    }

    /// Times `rg` over everything, first and second time.
    pub(super) fn rg(&self, form: &str, zip: &Path) -> io::Result<()> {
        if !run::installed("rg") {
            row("`rg`", "not installed", "", None, "", "");
            return Ok(());
        }
        self.searches("rg", RG, form, zip, ["≤ 0.9", "≤ 0.4"])
    }

    /// Times `grep -r` over everything, first and second time.
    pub(super) fn grep(&self, form: &str, zip: &Path) -> io::Result<()> {
        self.searches("grep -r", GREP, form, zip, ["≤ 0.45", "≤ 0.33"])
    }

    fn searches(
        &self,
        name: &str,
        command: &str,
        form: &str,
        zip: &Path,
        goals: [&str; 2],
    ) -> io::Result<()> {
        let tmpfs = self.on_tmpfs(zip);
        let (mut first, mut second, mut unzips, mut plain) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut peak = 0;
        for _ in 0..ROUNDS {
            let mount = self.mount(zip, &["--no-cache"])?;
            first.extend(over(&self.dir, command));
            second.extend(over(&self.dir, command));
            peak = peak.max(mount.memory().map_or(0, |(peak, _)| peak));
            drop(mount);
            unzips.extend(unzip(zip));
            plain.extend(tmpfs.over(command));
        }
        let what = format!("`{name}` over 1 GB {form}, first time");
        beside(&what, &mut first, "`unzip -p`", &mut unzips, goals[0], goals[1]);
        beside("the same, second time", &mut second, "tmpfs", &mut plain, "≤ 1.25", "≤ 1.12");
        row("peak memory of the daemon", &megabytes(peak), "", None, "≤ 96 MiB", "≤ 64 MiB");
        Ok(())
    }

    /// Times `gptfs grep` of a rare and a common word beside `unzip -p`, without a saved index and with one.
    pub(super) fn search(&self, form: &str, zip: &Path) {
        let cache = self.dir.with_file_name("cache");
        let search = |options: &str, word: &str, rest: &str| {
            run::shell(&format!(
                "XDG_CACHE_HOME='{}' '{}' grep {options} {word} '{}' {rest}; true",
                cache.display(),
                self.gptfs.display(),
                zip.display(),
            ))
        };
        let mut peak = 0;
        for (what, word, goals) in
            [("rare", "qqzzyyxx", ["≤ 0.5", "≤ 0.35"]), ("common", "the", ["≤ 0.7", "≤ 0.5"])]
        {
            let (mut without, mut with, mut unzips) = (Vec::new(), Vec::new(), Vec::new());
            // Saves the index.
            search("-q", word, "");
            for _ in 0..ROUNDS {
                for (options, times) in [("--no-cache", &mut without), ("", &mut with)] {
                    let cost = search(options, word, "");
                    peak = peak.max(cost.map_or(0, |cost| cost.peak));
                    times.extend(cost.map(|cost| cost.wall));
                }
                unzips.extend(unzip(zip));
            }
            let name = format!("`gptfs grep` of a {what} word in 1 GB {form}");
            beside(&name, &mut without, "`unzip -p`", &mut unzips, goals[0], goals[1]);
            beside("the same with a saved index", &mut with, "`unzip -p`", &mut unzips, goals[0], goals[1]);
        }
        let mut first: Vec<Duration> =
            (0..ROUNDS).filter_map(|_| search("", "the", "| head -n 1")).map(|cost| cost.wall).collect();
        let first = run::median(&mut first).map(seconds).unwrap_or_default();
        row("the first result, with a saved index", &first, "", None, "≤ 200 ms", "");
        row("peak memory of `gptfs grep`", &megabytes(peak), "", None, "≤ 96 MiB", "");
        // It is in the way of nobody, but a later run should save its own.
        let _ = fs::remove_dir_all(cache);
    }

    /// Times reads of whole files in random order, beside `unzip -p`.
    pub(super) fn random_order(&self, zip: &Path) -> io::Result<()> {
        let (mut ours, mut unzips) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let _mount = self.mount(zip, &["--no-cache"])?;
            let pages = self.pages(|_| true)?;
            let start = Instant::now();
            for path in scattered(&pages, RANDOM_READS) {
                io::copy(&mut fs::File::open(path)?, &mut io::sink())?;
            }
            ours.push(start.elapsed());
            unzips.extend(unzip(zip));
        }
        beside("3,000 files in random order", &mut ours, "`unzip -p`", &mut unzips, "≤ 0.7", "≤ 0.5");
        Ok(())
    }

    /// Times first reads of threads, or of branch pages: of small chats, and of all.
    pub(super) fn first_reads(&self, form: &str, zip: &Path, branches: bool) -> io::Result<()> {
        let kind = if branches { "branch page" } else { "thread" };
        for (chats, most, must, aim) in
            [("a chat under 500 kB", 500_000, "≤ 2 / 20 ms", "≤ 0.9 / 8 ms"), ("any chat", u64::MAX, "", "")]
        {
            let _mount = self.mount(zip, &["--no-cache"])?;
            let pages = self.pages(|path| {
                let dir = path.parent().filter(|dir| dir.extension().is_some_and(|it| it == "branches"));
                // The conversation as the export has it, unlisted.
                let json = dir.unwrap_or(path).with_extension("json");
                dir.is_some() == branches && fs::metadata(json).is_ok_and(|json| json.len() < most)
            })?;
            let (mut times, mut buffer) = (Vec::new(), vec![0; 200_000]);
            for path in scattered(&pages, READS) {
                let start = Instant::now();
                fs::File::open(path)?.read_at(&mut buffer, 0)?;
                times.push(start.elapsed());
            }
            let p50 = run::median(&mut times).map(seconds).unwrap_or_default();
            let p99 = run::quantile(&mut times, 99).map(seconds).unwrap_or_default();
            let what = format!("first read of a {kind} of {chats}, {form}, p50 / p99");
            row(&what, &format!("{p50} / {p99}"), "", None, must, aim);
        }
        Ok(())
    }

    /// All pages in the mount that `wanted` accepts, sorted.
    fn pages(&self, wanted: impl Fn(&Path) -> bool) -> io::Result<Vec<PathBuf>> {
        let (mut found, mut waiting) = (Vec::new(), vec![self.dir.clone()]);
        while let Some(directory) = waiting.pop() {
            for entry in fs::read_dir(directory)? {
                let entry = entry?;
                let (path, metadata) = (entry.path(), entry.metadata()?);
                if metadata.is_dir() {
                    waiting.push(path);
                } else if path.extension().is_some_and(|it| it == "md") && wanted(&path) {
                    found.push(path);
                }
            }
        }
        found.sort();
        Ok(found)
    }

    /// Measures memory: the peak while indexing, the peak of a walk, and a minute after it.
    pub(super) fn memory(&self, form: &str, zip: &Path) -> io::Result<()> {
        let mount = self.mount(zip, &["--no-cache"])?;
        let indexing = mount.memory().map_or(0, |(peak, _)| peak);
        let _ = over(&self.dir, GREP);
        let walk = mount.memory().map_or(0, |(peak, _)| peak);
        std::thread::sleep(REST);
        let rest = mount.memory().map_or(0, |(_, now)| now);
        let what = |when: &str| format!("memory {when}, 1 GB {form}");
        row(&what("peak while indexing"), &megabytes(indexing), "", None, "≤ 64 MiB", "≤ 48 MiB");
        row(&what("peak in a walk"), &megabytes(walk), "", None, "≤ 96 MiB", "≤ 64 MiB");
        row(&what("a minute after a walk"), &megabytes(rest), "", None, "≤ 24 MiB", "≤ 16 MiB");
        Ok(())
    }

    /// Measures the peak with a large chat: while indexing, and after all its pages were read.
    pub(super) fn large_chat(&self, what: &str, zip: &Path, size: u32, factors: [f64; 2]) -> io::Result<()> {
        let mount: Mount = self.mount(zip, &["--no-cache"])?;
        let indexing = mount.memory().map_or(0, |(peak, _)| peak);
        let _ = over(&self.dir, GREP);
        let read = mount.memory().map_or(0, |(peak, _)| peak);
        let [must, aim] = factors.map(|factor| format!("≤ {:.0} MiB", 12.0 + factor * f64::from(size)));
        row(&format!("peak with {what}: indexing"), &megabytes(indexing), "", None, &must, &aim);
        row(&format!("peak with {what}: all read"), &megabytes(read), "", None, &must, &aim);
        Ok(())
    }

    /// Times a listing with two threads beside one.
    pub(super) fn threads(&self, what: &str, zip: &Path) {
        let list = |jobs: u32| {
            let command =
                format!("'{}' ls --no-cache --jobs {jobs} '{}'", self.gptfs.display(), zip.display());
            run::shell(&command).map(|cost| cost.wall)
        };
        let (mut two, mut one) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            two.extend(list(2));
            one.extend(list(1));
        }
        beside(&format!("{what}, two threads"), &mut two, "one thread", &mut one, "≤ 0.7", "≤ 0.55");
    }
}

/// Up to `count` of `pages`, far from archive order and the same in every run: a large prime stride.
fn scattered(pages: &[PathBuf], count: usize) -> impl Iterator<Item = &PathBuf> {
    (0..count.min(pages.len())).filter_map(|at| pages.get(at * 7919 % pages.len()))
}
