//! The table of goals: a measurement per row, what users would run instead, and the goal.

use super::data::Data;
use super::run::{self, Mount};
use super::stages;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Repetitions of each measurement; the median counts.
const ROUNDS: usize = 5;

/// Number of first reads to time.
const READS: usize = 400;

/// Measures everything, or only the rows called `only`, and prints it.
pub(crate) fn run(gptfs: &Path, data: &Data, only: Option<&str>) -> io::Result<()> {
    let bench = Bench { gptfs, data, dir: data.dir().join("mount") };
    fs::create_dir_all(&bench.dir)?;
    println!("| what | gptfs | beside | ratio | must | aim |\n|---|---|---|---|---|---|");
    let wanted = |name: &str| only.is_none_or(|only| only == name);
    if wanted("cold") {
        bench.cold("cold: mount, then `ls -lR`, 1 GB classic", &data.classic(1000)?, 0.32, 0.24)?;
        bench.cold("the same, sharded 2026 form", &data.sharded(1000)?, 0.24, 0.17)?;
    }
    if wanted("second") {
        let five_thousand = "second mount: mount, then `ls -lR` of 5,000 chats in years and months";
        bench.second_mount(five_thousand, &data.five_thousand()?, "≤ 60 ms", "≤ 25 ms")?;
        bench.second_mount("the same, 1 GB classic with its 1,893 folders", &data.classic(1000)?, "", "")?;
    }
    if wanted("memory") {
        bench.memory(&data.classic(1000)?)?;
    }
    if wanted("reads") {
        bench.first_reads(&data.classic(1000)?)?;
    }
    if wanted("beside") {
        bench.listing_beside_a_large_chat(&data.huge()?)?;
    }
    if wanted("walks") {
        bench.walks(&data.classic(1000)?)?;
    }
    if wanted("growth") {
        bench.growth()?;
    }
    if wanted("many") {
        bench.many(&data.many()?)?;
    }
    if wanted("instead") {
        bench.instead(&data.classic(100)?);
    }
    if wanted("peers") {
        bench.peers(&data.classic(100)?)?;
    }
    if wanted("rendering") {
        rendering(&data.classic(100)?)?;
        large_conversations();
    }
    Ok(())
}

struct Bench<'a> {
    gptfs: &'a Path,
    data: &'a Data,
    dir: PathBuf,
}

/// Prints one row of the table.
fn row(what: &str, ours: &str, beside: &str, ratio: Option<f64>, must: &str, aim: &str) {
    let ratio = ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default();
    println!("| {what} | {ours} | {beside} | {ratio} | {must} | {aim} |");
}

fn seconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.2} s", ms / 1e3) }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A tree of plain files, removed when dropped.
struct Extracted(PathBuf);

impl Extracted {
    fn over(&self, command: &str) -> Option<Duration> {
        over(&self.0, command)
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Times a shell command in `dir`.
fn over(dir: &Path, command: &str) -> Option<Duration> {
    run::shell(&format!("cd '{}' && {command}", dir.display())).map(|cost| cost.wall)
}

impl Bench<'_> {
    fn mount(&self, zip: &Path, options: &[&str]) -> io::Result<Mount> {
        Mount::new(self.gptfs, zip, &self.dir, options)
    }

    /// Times a shell command over the mount.
    fn over(&self, command: &str) -> Option<Duration> {
        over(&self.dir, command)
    }

    /// Times `mount` and `ls -lR`, interleaved with `unzip -p` of the same conversations and with zlib-rs only inflating
    /// them. The ratio of those two varies by a third between processors.
    fn cold(&self, what: &str, zip: &Path, must: f64, aim: f64) -> io::Result<()> {
        let (mut ours, mut unzips, mut inflates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let mount = self.mount(zip, &["--no-cache"])?;
            let listed = self.over("ls -lR").is_some();
            let wall = start.elapsed();
            drop(mount);
            if let (true, Some(unzip)) = (listed, unzip(zip)) {
                ours.push(wall);
                unzips.push(unzip);
                inflates.push(inflate(zip)?);
            }
        }
        beside(what, &mut ours, "`unzip -p`", &mut unzips, &format!("≤ {must}"), &format!("≤ {aim}"));
        beside("the same runs", &mut ours, "zlib-rs, inflating alone", &mut inflates, "", "");
        Ok(())
    }

    /// Times a mount with a saved index, beside a listing of the same files on tmpfs.
    fn second_mount(&self, what: &str, zip: &Path, must: &str, aim: &str) -> io::Result<()> {
        let tmpfs = self.on_tmpfs(zip);
        // The first mount saves the index.
        drop(self.mount(zip, &[])?);
        let (mut ours, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS * 3 {
            let start = Instant::now();
            let mount = self.mount(zip, &[])?;
            if self.over("ls -lR").is_some() {
                ours.push(start.elapsed());
            }
            drop(mount);
            plain.extend(tmpfs.over("ls -lR"));
        }
        beside(what, &mut ours, "`ls -lR` on tmpfs", &mut plain, must, aim);
        Ok(())
    }

    /// Exports `zip` to plain files on tmpfs.
    fn on_tmpfs(&self, zip: &Path) -> Extracted {
        let extracted = Extracted(PathBuf::from("/dev/shm/gptfs-bench"));
        let _ = fs::remove_dir_all(&extracted.0);
        run::shell(&format!(
            "'{}' export '{}' '{}'",
            self.gptfs.display(),
            zip.display(),
            extracted.0.display()
        ));
        extracted
    }

    fn memory(&self, zip: &Path) -> io::Result<()> {
        let mount = self.mount(zip, &["--no-cache"])?;
        let _ = self.over("ls -lR");
        std::thread::sleep(Duration::from_secs(4)); // until it has returned what it frees when idle
        if let Some((peak, rest)) = mount.memory() {
            row("peak memory while indexing", &megabytes(peak), "", None, "≤ 64 MB", "≤ 40 MB");
            row("memory at rest", &megabytes(rest), "", None, "≤ 32 MB", "≤ 16 MB");
        }
        Ok(())
    }

    fn first_reads(&self, zip: &Path) -> io::Result<()> {
        let _mount = self.mount(zip, &["--no-cache"])?;
        let mut pages: Vec<PathBuf> = Vec::new();
        for year in fs::read_dir(&self.dir)? {
            for month in fs::read_dir(year?.path())? {
                pages.extend(fs::read_dir(month?.path())?.filter_map(|page| {
                    let path = page.ok()?.path();
                    // 500 kB of JSON is about 100 kB of Markdown.
                    let small = path.extension()? == "md" && path.metadata().ok()?.len() < 100_000;
                    small.then_some(path)
                }));
            }
        }
        // A large prime stride is far from archive order and the same in every run.
        let mut times = Vec::new();
        let mut buffer = vec![0; 200_000];
        for at in 0..READS.min(pages.len()) {
            let Some(path) = pages.get(at * 7919 % pages.len()) else { continue };
            let start = Instant::now();
            fs::File::open(path)?.read_at(&mut buffer, 0)?;
            times.push(start.elapsed());
        }
        let p50 = run::median(&mut times).map(seconds).unwrap_or_default();
        let p99 = run::quantile(&mut times, 99).map(seconds).unwrap_or_default();
        row(
            "first read of a chat under 500 kB, p50 / p99",
            &format!("{p50} / {p99}"),
            "",
            None,
            "≤ 2 / 6 ms",
            "≤ 0.9 / 2 ms",
        );
        Ok(())
    }

    fn listing_beside_a_large_chat(&self, zip: &Path) -> io::Result<()> {
        let _mount = self.mount(zip, &["--no-cache"])?;
        let mut pages = Vec::new();
        for year in fs::read_dir(&self.dir)? {
            for month in fs::read_dir(year?.path())? {
                for page in fs::read_dir(month?.path())? {
                    let page = page?;
                    pages.push((page.metadata()?.len(), page.path()));
                }
            }
        }
        pages.sort();
        let (Some((_, small)), Some((_, path))) = (pages.first().cloned(), pages.pop()) else {
            return Ok(());
        };
        let elsewhere = small.parent().map(Path::to_owned).unwrap_or_default();
        let reader = std::thread::spawn(move || {
            let start = Instant::now();
            io::copy(&mut fs::File::open(path)?, &mut io::sink()).map(|bytes| (bytes, start.elapsed()))
        });
        let mut worst = Duration::ZERO;
        while !reader.is_finished() {
            let start = Instant::now();
            fs::read_dir(&elsewhere)?.try_for_each(|entry| entry?.metadata().map(|_| ()))?;
            worst = worst.max(start.elapsed());
            std::thread::sleep(Duration::from_millis(1));
        }
        let read = reader.join().map_err(|_| io::Error::other("the reader panicked"))??;
        let what = format!("`ls -l` elsewhere while a 256 MB chat renders ({})", seconds(read.1));
        row(&what, &seconds(worst), "", None, "≤ 100 ms", "≤ 10 ms");
        Ok(())
    }

    /// Times reading the whole tree, first and second time, beside the same files on tmpfs.
    fn walks(&self, zip: &Path) -> io::Result<()> {
        let tmpfs = self.on_tmpfs(zip);
        let (mut first, mut second, mut unzips) = (Vec::new(), Vec::new(), Vec::new());
        let (mut second_rg, mut plain, mut plain_rg) = (Vec::new(), Vec::new(), Vec::new());
        // The word occurs nowhere, so that every byte is read. `-c` keeps grep from stopping early because its output
        // is /dev/null.
        let (grep, rg) =
            ("grep -rc qqzzyyxx . | tail -1; true", "rg -uuu -c --no-messages . -e qqzzyyxx; true");
        for _ in 0..ROUNDS {
            let mount = self.mount(zip, &["--no-cache"])?;
            let _ = self.over("ls -lR");
            first.extend(self.over(grep));
            second.extend(self.over(grep));
            second_rg.extend(run::installed("rg").then(|| self.over(rg)).flatten());
            drop(mount);
            unzips.extend(unzip(zip));
            plain.extend(tmpfs.over(grep));
            plain_rg.extend(run::installed("rg").then(|| tmpfs.over(rg)).flatten());
        }
        beside(
            "`grep -r` over the whole mount, first time",
            &mut first,
            "`unzip -p`",
            &mut unzips,
            "≤ 0.5",
            "≤ 0.28",
        );
        beside("`grep -r`, second time", &mut second, "tmpfs", &mut plain, "≤ 1.25", "≤ 1.05");
        beside("`rg`, second time", &mut second_rg, "tmpfs", &mut plain_rg, "≤ 1.25", "≤ 1.05");
        Ok(())
    }

    fn growth(&self) -> io::Result<()> {
        for megabytes_of_json in self.data.sizes() {
            let zip = self.data.classic(megabytes_of_json)?;
            let start = Instant::now();
            let mount = self.mount(&zip, &["--no-cache"])?;
            let wall = start.elapsed();
            let peak = mount.memory().map(|(peak, _)| megabytes(peak)).unwrap_or_default();
            let per = wall.as_secs_f64() * 1e3 / megabytes_of_json as f64;
            let what = format!("mount of {megabytes_of_json} MB of JSON");
            row(
                &what,
                &seconds(wall),
                &format!("{per:.2} ms per MB, peak {peak}"),
                None,
                "linear",
                "flat memory",
            );
        }
        Ok(())
    }

    fn many(&self, zip: &Path) -> io::Result<()> {
        let mut mount = self.mount(zip, &["--no-cache"])?;
        row("mount of 150,000 conversations", &seconds(mount.ready), "", None, "", "");
        // Each listing gets its own mount, because the kernel caches what the one before asked for.
        for (command, must, aim) in [("ls -f", "≤ 100 ms", "≤ 50 ms"), ("ls -l", "≤ 1 s", "≤ 0.5 s")]
        {
            let time = self.over(&format!("{command} 2025/06")).map(seconds).unwrap_or_default();
            row(&format!("`{command}` of 50,000 in one month, first time"), &time, "", None, must, aim);
            if command == "ls -f" {
                let after = self.over("ls -l 2025/06").map(seconds).unwrap_or_default();
                row("`ls -l` of them after `ls -f`", &after, "", None, "", "");
                drop(mount);
                mount = self.mount(zip, &["--no-cache"])?;
            }
        }
        Ok(())
    }

    /// Times the same tree, packed into a ZIP, through other programs that mount ZIPs.
    fn peers(&self, zip: &Path) -> io::Result<()> {
        const GREP: &str = "grep -rc qqzzyyxx . | tail -1; true";
        let packed = self.data.dir().join("tree.zip");
        let _ = fs::remove_file(&packed);
        let mount = self.mount(zip, &["--no-cache"])?;
        let (first, second) = (self.over(GREP), self.over(GREP));
        let _ = self.over(&format!("zip -qr '{}' .", packed.display()));
        drop(mount);
        let (Some(first), Some(second), true) = (first, second, packed.exists()) else { return Ok(()) };
        for (program, options) in [("fuse-zip", "-r"), ("ratarmount", "")] {
            let (packed, dir) = (packed.display(), self.dir.display());
            let mounted = run::installed(program)
                .then(|| run::shell(&format!("{program} {options} '{packed}' '{dir}'")))
                .flatten();
            if mounted.is_none() {
                continue;
            }
            for (what, ours) in [("first", first), ("second", second)] {
                let what = format!("`grep -r` over the tree of 100 MB, {what} time");
                if let Some(theirs) = self.over(GREP) {
                    beside(&what, &mut [ours], program, &mut [theirs], "", "");
                }
            }
            run::shell(&format!("umount '{dir}' || fusermount -u '{dir}'"));
        }
        let _ = fs::remove_file(&packed);
        Ok(())
    }

    /// Times what people run today, once each.
    fn instead(&self, zip: &Path) {
        let zip = zip.display();
        let python = "import json,sys; print(len(json.load(sys.stdin)))";
        let commands = [
            ("unzip", format!("unzip -p '{zip}' conversations.json")),
            ("jq", format!("unzip -p '{zip}' conversations.json | jq -r '.[].title'")),
            ("python3", format!("unzip -p '{zip}' conversations.json | python3 -c '{python}'")),
            ("gptfs", format!("'{}' ls -R --no-cache '{zip}'", self.gptfs.display())),
        ];
        for (program, command) in commands {
            if program != "gptfs" && !run::installed(program) {
                continue;
            }
            if let Some(cost) =
                run::shell(&format!("exec bash -c \"{}\"", command.replace('"', "\\\"").replace('$', "\\$")))
            {
                let what = format!("list titles of 100 MB with {program}");
                row(&what, &seconds(cost.wall), &format!("peak {}", megabytes(cost.peak)), None, "", "");
            }
        }
    }
}

/// Times `unzip -p` of the conversations in `zip`.
fn unzip(zip: &Path) -> Option<Duration> {
    run::shell(&format!("unzip -p '{}' 'conversations*.json'", zip.display())).map(|cost| cost.wall)
}

/// Times zlib-rs inflating the conversations in `zip`, on one core.
fn inflate(zip: &Path) -> io::Result<Duration> {
    let start = Instant::now();
    let mut buffer = vec![0; 256 << 10];
    stages::inflated(zip, &mut |entry| {
        while entry.read(&mut buffer)? > 0 {}
        Ok(())
    })?;
    Ok(start.elapsed())
}

fn beside(what: &str, ours: &mut [Duration], name: &str, theirs: &mut [Duration], must: &str, aim: &str) {
    let (Some(ours), Some(theirs)) = (run::median(ours), run::median(theirs)) else { return };
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    row(what, &seconds(ours), &format!("{name} {}", seconds(theirs)), Some(ratio), must, aim);
}

/// Measures what rendering adds to parsing, on one core.
fn rendering(zip: &Path) -> io::Result<()> {
    let costs = stages::run(zip)?;
    let (parse, render) = (costs.parse - costs.split, costs.render - costs.parse);
    let beside = format!("parsing alone {parse:.3} s per GB");
    row("rendering, one core", &format!("{render:.3} s per GB"), &beside, None, "≤ 0.6 s per GB", "");
    Ok(())
}

/// Prints a row for each kind of extreme conversation. The ratio compares it with ten conversations of a tenth of its
/// size: 10 for quadratic work, a little over 1 for linear work, because less fits into caches.
pub(crate) fn large_conversations() {
    for growth in stages::growth() {
        let (small, large) = (growth.small, growth.large);
        row(
            growth.what,
            &format!("{:.3} s per GB", large.render),
            &format!("parsing alone {:.3}; a tenth of it {:.3} s per GB", large.parse, small.render),
            Some(large.render / small.render),
            "≤ 3",
            "1",
        );
    }
}
