//! The table of goals: a measurement per row, what users would run instead, and the goal.

use super::data::Data;
use super::run::{self, Mount};
use super::stages;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Repetitions of each measurement; the median counts.
pub(super) const ROUNDS: usize = 5;

/// One measurement: its name on the command line and what it prints.
type Row = (&'static str, &'static str, fn(&Bench<'_>) -> io::Result<()>);

const ROWS: &[Row] = &[
    ("cold-classic", "mount, then `ls -lR`, 1 GB in one file", |bench| {
        bench.cold("cold: mount, then `ls -lR`, 1 GB classic", &bench.data.classic(1000)?, 0.34, 0.27)
    }),
    ("cold-sharded", "the same for the form of 2026", |bench| {
        bench.cold("cold: mount, then `ls -lR`, 1 GB sharded", &bench.data.sharded(1000)?, 0.31, 0.25)
    }),
    ("second-chats", "second mount and `ls -lR` of 5,000 chats in 400 folders", |bench| {
        let what = "second mount, then `ls -lR`, 5,000 chats in 400 folders";
        bench.second_mount(what, &bench.data.five_thousand()?, "≤ 2.6", "≤ 2.0")
    }),
    ("second-folders", "second mount and `ls -lR` of 2,000 folders", |bench| {
        let what = "second mount, then `ls -lR`, 2,000 folders";
        bench.second_mount(what, &bench.data.classic(1000)?, "≤ 3.2", "≤ 2.5")
    }),
    ("export-classic", "`gptfs export` to tmpfs, its time and peak memory", |bench| {
        bench.export("classic", &bench.data.classic(1000)?);
        Ok(())
    }),
    ("export-sharded", "the same for the form of 2026", |bench| {
        bench.export("sharded", &bench.data.sharded(1000)?);
        Ok(())
    }),
    ("rg-classic", "first and second `rg` over everything", |bench| {
        bench.rg("classic", &bench.data.classic(1000)?)
    }),
    ("rg-sharded", "the same for the form of 2026", |bench| bench.rg("sharded", &bench.data.sharded(1000)?)),
    ("grep-classic", "first and second `grep -r` over everything", |bench| {
        bench.grep("classic", &bench.data.classic(1000)?)
    }),
    ("grep-sharded", "the same for the form of 2026", |bench| {
        bench.grep("sharded", &bench.data.sharded(1000)?)
    }),
    (
        "gptfs-grep-classic",
        "`gptfs grep` of a rare and a common word, with and without a saved index",
        |bench| {
            bench.search("classic", &bench.data.classic(1000)?);
            Ok(())
        },
    ),
    ("gptfs-grep-sharded", "the same for the form of 2026", |bench| {
        bench.search("sharded", &bench.data.sharded(1000)?);
        Ok(())
    }),
    ("random", "3,000 files in random order", |bench| bench.random_order(&bench.data.classic(1000)?)),
    ("reads", "first read of a thread of a chat under 500 kB, and of any", |bench| {
        bench.first_reads("classic", &bench.data.classic(1000)?, false)?;
        bench.first_reads("sharded", &bench.data.sharded(1000)?, false)
    }),
    ("branches", "first read of a branch page of a chat under 500 kB, and of any", |bench| {
        bench.first_reads("classic", &bench.data.classic(1000)?, true)?;
        bench.first_reads("sharded", &bench.data.sharded(1000)?, true)
    }),
    ("memory-classic", "peak while indexing and in a walk, and at rest a minute later", |bench| {
        bench.memory("classic", &bench.data.classic(1000)?)
    }),
    ("memory-sharded", "the same for the form of 2026", |bench| {
        bench.memory("sharded", &bench.data.sharded(1000)?)
    }),
    ("large", "peak memory with one large chat, of mixed content and nearly all text", |bench| {
        bench.large_chat("a chat of 250 MB", &bench.data.huge()?, 250, [1.6, 1.1])?;
        bench.large_chat("a chat of 64 MB, nearly all text", &bench.data.text(64)?, 64, [2.0, 1.3])
    }),
    ("threads", "100,000 small chats and 1,000,000 elements of junk: two threads against one", |bench| {
        bench.threads("100,000 small chats", &bench.data.small_chats()?);
        bench.threads("1,000,000 elements of junk", &bench.data.junk()?);
        Ok(())
    }),
    ("beside", "`ls -l` elsewhere while a large chat renders", |bench| {
        bench.listing_beside_a_large_chat(&bench.data.huge()?)
    }),
    ("growth", "mount time and memory by size", |bench| bench.growth()),
    ("many", "50,000 chats in one month", |bench| bench.many(&bench.data.many()?)),
    ("instead", "what people run today", |bench| {
        bench.instead(&bench.data.classic(100)?);
        Ok(())
    }),
    ("peers", "the same tree in a ZIP through fuse-zip and ratarmount", |bench| {
        bench.peers(&bench.data.classic(100)?)
    }),
    ("rendering", "what rendering costs, and how it grows with the size of a conversation", |bench| {
        rendering(&bench.data.classic(100)?)?;
        large_conversations();
        Ok(())
    }),
];

/// Prints the names of the rows.
pub(crate) fn list() {
    for (name, what, _) in ROWS {
        println!("{name:<16} {what}");
    }
}

/// Returns true if `name` is a row, or the start of several: `grep` is `grep-classic` and `grep-sharded`.
pub(crate) fn is_row(name: &str) -> bool {
    ROWS.iter().any(|(row, _, _)| selects(name, row))
}

fn selects(name: &str, row: &str) -> bool {
    row.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Measures the rows named in `only`, or all of them, and prints a table.
pub(crate) fn run(gptfs: &Path, data: &Data, only: &[&str]) -> io::Result<()> {
    let bench = Bench { gptfs, data, dir: data.dir().join("mount") };
    fs::create_dir_all(&bench.dir)?;
    println!("| what | gptfs | beside | ratio | must | aim |\n|---|---|---|---|---|---|");
    for (name, _, measure) in ROWS {
        if only.is_empty() || only.iter().any(|wanted| selects(wanted, name)) {
            measure(&bench)?;
        }
    }
    Ok(())
}

pub(super) struct Bench<'a> {
    pub(super) gptfs: &'a Path,
    data: &'a Data,
    pub(super) dir: PathBuf,
}

/// Prints one row of the table.
pub(super) fn row(what: &str, ours: &str, beside: &str, ratio: Option<f64>, must: &str, aim: &str) {
    let ratio = ratio.map(|ratio| format!("{ratio:.3}")).unwrap_or_default();
    println!("| {what} | {ours} | {beside} | {ratio} | {must} | {aim} |");
}

pub(super) fn seconds(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    if ms < 1000.0 { format!("{ms:.1} ms") } else { format!("{:.2} s", ms / 1e3) }
}

pub(super) fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A tree of plain files, removed when dropped.
pub(super) struct Extracted(PathBuf);

impl Extracted {
    pub(super) fn over(&self, command: &str) -> Option<Duration> {
        over(&self.0, command)
    }
}

impl Drop for Extracted {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Times a shell command in `dir`.
pub(super) fn over(dir: &Path, command: &str) -> Option<Duration> {
    run::shell(&format!("cd '{}' && {command}", dir.display())).map(|cost| cost.wall)
}

impl Bench<'_> {
    pub(super) fn mount(&self, zip: &Path, options: &[&str]) -> io::Result<Mount> {
        Mount::new(self.gptfs, zip, &self.dir, options)
    }

    /// Times a shell command over the mount.
    pub(super) fn over(&self, command: &str) -> Option<Duration> {
        over(&self.dir, command)
    }

    /// Times `mount` and `ls -lR`, interleaved with `unzip -p` of the same conversations and with zlib-rs only inflating
    /// them. The ratio of those two varies by a third between processors. Processor time is steadier on a busy machine.
    fn cold(&self, what: &str, zip: &Path, must: f64, aim: f64) -> io::Result<()> {
        let (mut ours, mut unzips, mut inflates) = (Vec::new(), Vec::new(), Vec::new());
        let (mut our_processor, mut unzip_processor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            let start = Instant::now();
            let mount = self.mount(zip, &["--no-cache"])?;
            let listed = run::shell(&format!("cd '{}' && ls -lR", self.dir.display()));
            let wall = start.elapsed();
            let daemon = mount.processor();
            drop(mount);
            if let (Some(listed), Some(daemon), Some(unzip)) = (listed, daemon, unzip_cost(zip)) {
                ours.push(wall);
                our_processor.push(daemon + listed.processor);
                unzips.push(unzip.wall);
                unzip_processor.push(unzip.processor);
                inflates.push(inflate(zip)?);
            }
        }
        beside(what, &mut ours, "`unzip -p`", &mut unzips, &format!("≤ {must}"), &format!("≤ {aim}"));
        let what = "the same runs, processor time of daemon and `ls`";
        beside(what, &mut our_processor, "`unzip -p`", &mut unzip_processor, "≤ 0.55", "≤ 0.46");
        beside("the same runs", &mut ours, "zlib-rs, inflating alone", &mut inflates, "", "");
        Ok(())
    }

    /// Times a mount with a saved index, beside a listing of the same files on tmpfs.
    fn second_mount(&self, what: &str, zip: &Path, must: &str, aim: &str) -> io::Result<()> {
        let tmpfs = self.on_tmpfs(zip);
        // The first mount saves the index.
        drop(self.mount(zip, &[])?);
        let (mut ours, mut plain, mut usable) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS * 3 {
            let start = Instant::now();
            let mount = self.mount(zip, &[])?;
            usable.push(mount.ready);
            if self.over("ls -lR").is_some() {
                ours.push(start.elapsed());
            }
            drop(mount);
            plain.extend(tmpfs.over("ls -lR"));
        }
        beside(what, &mut ours, "`ls -lR` on tmpfs", &mut plain, must, aim);
        let usable = run::median(&mut usable).map(seconds).unwrap_or_default();
        row("the same, until `mount` returns", &usable, "", None, "≤ 15 ms", "≤ 8 ms");
        Ok(())
    }

    /// Exports `zip` to plain files on tmpfs.
    pub(super) fn on_tmpfs(&self, zip: &Path) -> Extracted {
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

/// Measures `unzip -p` of the conversations in `zip`.
fn unzip_cost(zip: &Path) -> Option<run::Cost> {
    run::shell(&format!("unzip -p '{}' 'conversations*.json'", zip.display()))
}

/// Times `unzip -p` of the conversations in `zip`.
pub(super) fn unzip(zip: &Path) -> Option<Duration> {
    unzip_cost(zip).map(|cost| cost.wall)
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

pub(super) fn beside(
    what: &str,
    ours: &mut [Duration],
    name: &str,
    theirs: &mut [Duration],
    must: &str,
    aim: &str,
) {
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
