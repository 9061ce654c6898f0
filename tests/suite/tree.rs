//! The mounted tree is exact to the byte, the same at every look, and the same as in every other command.

use crate::generate::{self, Spec, Style};
use crate::support::{Mount, Scratch, Zip, array, exported, fixtures, gptfs, outcome, program, skip};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{CString, OsStr};
use std::fs::{self, File, Metadata};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::OnceLock;

fn demo() -> PathBuf {
    fixtures().join("demo.zip")
}

/// A generated export with 10 MB of JSON.
fn generated() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    let make = || {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (path, unfinished) =
            (folder.join("classic-10.zip"), folder.join(format!("{}.zip", process::id())));
        let spec = Spec { equal_titles: 50, tiny: 50, ..Spec::new(Style::Classic, 10) };
        generate::write_zip(&spec, &unfinished).expect("a generated export");
        // Another run may be reading the one that is there.
        fs::rename(&unfinished, &path).expect("a rename");
        path
    };
    MADE.get_or_init(make).clone()
}

/// The exports under test.
fn exports() -> [PathBuf; 2] {
    [demo(), generated()]
}

/// Everything below `root` with its path, in listing order. Paths of directories end with `/`.
fn walk(root: &Path) -> Vec<(String, Metadata)> {
    let (mut found, mut waiting) = (Vec::new(), vec![String::new()]);
    while let Some(prefix) = waiting.pop() {
        for entry in fs::read_dir(root.join(&prefix)).expect("a listing") {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name in UTF-8");
            let metadata = entry.metadata().expect("attributes");
            assert_eq!(entry.file_type().expect("a type"), metadata.file_type(), "{prefix}{name}");
            if metadata.is_dir() {
                waiting.push(format!("{prefix}{name}/"));
                found.push((format!("{prefix}{name}/"), metadata));
            } else {
                found.push((format!("{prefix}{name}"), metadata));
            }
        }
    }
    found
}

fn files(root: &Path) -> Vec<(String, Metadata)> {
    walk(root).into_iter().filter(|(_, metadata)| metadata.is_file()).collect()
}

// Sizes and bytes.

/// Reads a file through a memory mapping.
fn mapped(file: &File, size: usize) -> Vec<u8> {
    if size == 0 {
        return Vec::new();
    }
    // SAFETY: maps an open file at an address of the kernel's choice.
    let at = unsafe {
        libc::mmap(std::ptr::null_mut(), size, libc::PROT_READ, libc::MAP_PRIVATE, file.as_raw_fd(), 0)
    };
    assert_ne!(at, libc::MAP_FAILED, "a mapping");
    // SAFETY: the mapping is private, has `size` readable bytes, and the file can't be truncated.
    let bytes = unsafe { std::slice::from_raw_parts(at.cast::<u8>(), size) }.to_vec();
    // SAFETY: unmaps exactly what was mapped, and no reference into it is left.
    assert_eq!(unsafe { libc::munmap(at, size) }, 0);
    bytes
}

/// Reads a file in shuffled chunks, and past its end.
fn scattered(file: &File, size: usize, seed: u64) -> Vec<u8> {
    const CHUNK: usize = 3001;
    let mut bytes = vec![0; size];
    let chunks = size / CHUNK + 1;
    let mut random = seed | 1;
    let mut order: Vec<usize> = (0..chunks).collect();
    for at in (1..chunks).rev() {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        order.swap(at, (random >> 33) as usize % (at + 1));
    }
    for chunk in order {
        let start = chunk * CHUNK;
        let wanted = &mut bytes[start..size.min(start + CHUNK)];
        file.read_exact_at(wanted, start as u64).expect("a chunk");
    }
    let mut beyond = [0; 64];
    for offset in [size as u64, size as u64 + 4096, u64::from(u32::MAX) << 8] {
        assert_eq!(file.read_at(&mut beyond, offset).expect("an end"), 0, "nothing after the end");
    }
    bytes
}

#[test]
fn every_way_to_read_a_file_gives_the_same_bytes_and_size() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let expected = exported(&source);
        let mut seen = 0;
        for (path, metadata) in files(&mount.dir()) {
            let (bytes, size) = (&expected.0[&path], metadata.len() as usize);
            assert_eq!(size, bytes.len(), "{path}: the size");
            let file = File::open(mount.dir().join(&path)).expect("a file");
            assert!(scattered(&file, size, metadata.ino()) == *bytes, "{path}: by pread");
            assert!(mapped(&file, size) == *bytes, "{path}: by mmap");
            assert!(fs::read(mount.dir().join(&path)).expect("a file") == *bytes, "{path}: sequentially");
            seen += 1;
        }
        assert_eq!(seen, expected.0.len());
    }
}

#[test]
fn cat_prints_the_bytes_of_the_mount() {
    for source in exports() {
        let expected = exported(&source);
        let home = Scratch::new();
        let paths: Vec<_> = expected.0.keys().map(OsStr::new).collect();
        let output = program(&home).arg("cat").arg(&source).args(paths).output().expect("the program");
        assert!(output.status.success());
        assert!(output.stdout == expected.0.values().flatten().copied().collect::<Vec<_>>());
    }
}

#[test]
fn every_command_lists_the_same_tree() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let walked: BTreeMap<_, _> = walk(&mount.dir()).into_iter().collect();
        let plain = gptfs([OsStr::new("ls"), "-R".as_ref(), source.as_os_str()]).succeeded();
        assert_eq!(
            plain.stdout.lines().collect::<BTreeSet<_>>(),
            walked.keys().map(String::as_str).collect()
        );
        let json = gptfs(["ls".as_ref(), "-R".as_ref(), "--json".as_ref(), source.as_os_str()]).succeeded();
        let mut count = 0;
        for line in json.stdout.lines() {
            let item: serde_json::Value = serde_json::from_str(line).expect("JSON");
            let slash = if item["kind"] == "directory" { "/" } else { "" };
            let path = format!("{}{slash}", item["path"].as_str().expect("a path"));
            let metadata = &walked[&path];
            if metadata.is_file() {
                assert_eq!(item["size"], metadata.len(), "{path}");
            }
            for (key, seconds) in [("modified", metadata.mtime()), ("created", metadata.ctime())] {
                let time = item[key].as_str().expect("a time").parse::<jiff::Timestamp>().expect("RFC 3339");
                assert_eq!(time.as_second(), seconds, "{path}: {key}");
            }
            count += 1;
        }
        assert_eq!(count, walked.len());
    }
}

// Attributes.

#[test]
fn every_attribute_is_accurate() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let walked = walk(&mount.dir());
        let me = fs::metadata("/proc/self").expect("/proc").uid();
        let mut inodes = BTreeSet::from([fs::metadata(mount.dir()).expect("the root").ino()]);
        for (path, metadata) in &walked {
            assert!(inodes.insert(metadata.ino()), "{path}: the inode number is unique");
            assert_eq!(metadata.uid(), me, "{path}");
            assert!((0..253_402_300_800).contains(&metadata.mtime()), "{path}: a year from 1970 to 9999");
            if metadata.is_dir() {
                let inside = |other: &str| {
                    other
                        .strip_prefix(path.as_str())
                        .is_some_and(|rest| rest.find('/') == Some(rest.len().wrapping_sub(1)))
                };
                let below = walked.iter().filter(|(other, _)| inside(other)).count();
                assert_eq!(metadata.nlink(), 2 + below as u64, "{path}: links");
                assert_eq!(metadata.mode(), libc::S_IFDIR | 0o700, "{path}");
            } else {
                assert_eq!(metadata.nlink(), 1, "{path}");
                assert_eq!(metadata.blocks(), metadata.len().div_ceil(512), "{path}: blocks");
                assert_eq!(metadata.mode(), libc::S_IFREG | 0o600, "{path}");
            }
        }
    }
}

#[test]
fn a_page_has_the_times_of_its_conversation() {
    let scratch = Scratch::new();
    let json = r#"{"id": "a", "title": "Tea", "create_time": 1709251199.5, "update_time": 1717243200, "mapping": {}, "current_node": ""}"#;
    let Some(mount) = Mount::new(&scratch.file("conversations.json", array(&[json])), &[]) else { return };
    let found = fs::metadata(mount.dir().join("2024/02/Tea.md")).expect("a page");
    assert_eq!((found.mtime(), found.mtime_nsec()), (1_717_243_200, 0));
    assert_eq!((found.ctime(), found.ctime_nsec()), (1_709_251_199, 500_000_000));
}

#[test]
fn inodes_are_stable_within_a_mount_and_across_mounts() {
    let look = |mount: &Mount| -> Vec<_> {
        walk(&mount.dir())
            .into_iter()
            .map(|(path, found)| (path, found.ino(), found.mtime(), found.len()))
            .collect()
    };
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let first = look(&mount);
        assert_eq!(look(&mount), first, "a second look");
        mount.unmount().succeeded();
        mount.again(&source, &[]).succeeded();
        assert_eq!(look(&mount), first, "a second mount, from the saved index");
        mount.unmount().succeeded();
        mount.again(&source, &["--no-cache"]).succeeded();
        assert_eq!(look(&mount), first, "a third mount, without the saved index");
    }
}

#[test]
fn statfs_reports_accurate_totals() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let path = CString::new(mount.dir().as_os_str().as_bytes()).expect("a path");
        let mut totals = std::mem::MaybeUninit::<libc::statvfs>::uninit();
        // SAFETY: the path is NUL-terminated and the pointer has room for the result.
        assert_eq!(unsafe { libc::statvfs(path.as_ptr(), totals.as_mut_ptr()) }, 0);
        // SAFETY: the call succeeded, so the result is initialized.
        let totals = unsafe { totals.assume_init() };
        let walked = walk(&mount.dir());
        let blocks: u64 = walked.iter().map(|(_, metadata)| metadata.blocks()).sum();
        assert_eq!(totals.f_namemax, 255);
        assert_eq!((totals.f_bfree, totals.f_bavail, totals.f_ffree), (0, 0, 0), "no space is free");
        assert!(totals.f_files > walked.len() as u64, "{} of {}", totals.f_files, walked.len());
        let bytes = totals.f_blocks * totals.f_frsize;
        assert!(bytes.abs_diff(blocks * 512) <= totals.f_frsize.max(1 << 16), "{bytes} of {}", blocks * 512);
    }
}

#[test]
fn names_are_portable_and_unique_without_regard_to_case() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let mut folded = BTreeSet::new();
        for (path, _) in walk(&mount.dir()) {
            let name = path.trim_end_matches('/').rsplit('/').next().expect("a name");
            assert!((1..=255).contains(&name.len()), "{path}");
            assert!(!name.chars().any(char::is_control), "{path:?}");
            assert!(!name.starts_with(['.', '-', '~', ' ']) && !name.ends_with(['.', ' ']), "{path:?}");
            assert!(!name.contains(['\\', ':', '*', '?', '"', '<', '>', '|']), "{path:?}");
            assert!(folded.insert(gptfs::internals::fold(path.trim_end_matches('/'))), "{path:?}");
        }
    }
}

#[test]
fn find_counts_every_conversation_once() {
    let expected = include_str!("../../fixtures/demo.paths").lines().count();
    let count = |mount: &Mount, words: &[&str]| {
        outcome(Command::new("find").arg(mount.dir()).args(words)).succeeded().stdout.lines().count()
    };
    let Some(mount) = Mount::new(&demo(), &[]) else { return };
    assert_eq!(count(&mount, &["-type", "f"]), expected);
    let Some(mount) = Mount::new(&generated(), &[]) else { return };
    let told = gptfs([OsStr::new("info"), generated().as_os_str()]).succeeded();
    let conversations = told.stdout.lines().find_map(|line| line.trim().strip_prefix("conversations"));
    let pages = count(&mount, &["-name", "*.md", "-not", "-path", "*.branches/*"]);
    assert_eq!(conversations.map(str::trim), Some(pages.to_string().as_str()));
}

// Links.

/// The relative links of a page.
pub(crate) fn links(page: &str) -> Vec<String> {
    use pulldown_cmark::{Event, Parser, Tag};
    let destinations = Parser::new(page).filter_map(|event| match event {
        Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
            Some(dest_url.into_string())
        }
        _ => None,
    });
    let leads_away = |link: &String| {
        let scheme = link.split([':', '/', '?', '#']).next().unwrap_or_default();
        link.is_empty() || link.starts_with(['#', '/']) || link[scheme.len()..].starts_with(':')
    };
    destinations.filter(|link| !leads_away(link)).collect()
}

pub(crate) fn percent_decoded(link: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), link.as_bytes());
    while let Some((&byte, more)) = rest.split_first() {
        let hex = more.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match hex.filter(|_| byte == b'%') {
            Some(decoded) => (bytes.push(decoded), rest = &more[2..]).0,
            None => (bytes.push(byte), rest = more).0,
        }
    }
    String::from_utf8(bytes).expect("UTF-8 in a link")
}

/// Asserts that the links of all pages below `root` lead to files, and returns their number.
#[track_caller]
pub(crate) fn assert_links_lead_to_files(root: &Path) -> usize {
    let mut count = 0;
    for (path, _) in files(root).iter().filter(|(path, _)| path.strip_suffix(".md").is_some()) {
        let page = root.join(path);
        for link in links(&fs::read_to_string(&page).expect("a page in UTF-8")) {
            let target = percent_decoded(link.split('#').next().unwrap_or_default());
            let target = page.parent().expect("a parent").join(target);
            assert!(target.is_file(), "{path}: {link}");
            count += 1;
        }
    }
    count
}

#[test]
fn every_link_of_a_page_leads_to_a_file() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let count = assert_links_lead_to_files(&mount.dir());
        assert!(count >= 8, "only {count} links in {}", source.display());
    }
}

// Copies.

#[test]
fn cp_tar_rsync_and_export_make_identical_copies() {
    for source in exports() {
        let Some(mount) = Mount::new(&source, &[]) else { return };
        let (scratch, from) = (Scratch::new(), mount.dir());
        let script = |script: &str, to: &Path| {
            let mut command = Command::new("sh");
            outcome(command.args(["-c", script, "sh"]).args([&from, to])).succeeded();
        };
        let mut copies = vec![("cp", "mkdir \"$2\" && cp -a \"$1/.\" \"$2\"")];
        copies.push(("tar", "mkdir \"$2\" && tar -C \"$1\" -cf - . | tar -C \"$2\" -xpf -"));
        match Command::new("rsync").arg("--version").output() {
            Ok(_) => copies.push(("rsync", "rsync -a \"$1/\" \"$2\"")),
            Err(_) => skip("copying with rsync, which is not installed (install rsync)"),
        }
        let times = |root: &Path| -> BTreeMap<_, _> {
            walk(root).into_iter().map(|(path, found)| (path, (found.mtime(), found.mode()))).collect()
        };
        let expected = times(&from);
        for (tool, copy) in copies {
            let to = scratch.path(tool);
            script(copy, &to);
            script("diff -r \"$1\" \"$2\"", &to);
            assert_eq!(times(&to), expected, "{tool} keeps times and modes");
        }
        // And the program's own copy.
        gptfs([OsStr::new("export"), source.as_os_str(), scratch.path("export").as_os_str()]).succeeded();
        script("diff -r \"$1\" \"$2\"", &scratch.path("export"));
        let mtimes = |times: &BTreeMap<String, (i64, u32)>| -> Vec<_> {
            times.iter().map(|(path, (mtime, _))| (path.clone(), *mtime)).collect()
        };
        assert_eq!(mtimes(&times(&scratch.path("export"))), mtimes(&expected), "export keeps times");
    }
}

// Unlisted names.

#[test]
fn orphans_are_unlisted_but_reachable() {
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations.json", array(&[include_str!("../../fixtures/forms/first.json")]))
        .deflated("file-NobodyNamesThisFile001-left over.txt", "left over\n");
    let Some(mount) = Mount::new(&scratch.zip("export.zip", &zip), &[]) else { return };
    let root: Vec<_> = walk(&mount.dir()).into_iter().map(|(path, _)| path).collect();
    assert_eq!(root, ["2024/", "2024/02/", "2024/02/First light.md"]);
    let orphans = files(&mount.dir().join(".gptfs/orphans"));
    assert_eq!(orphans.len(), 1, "{orphans:?}");
    let bytes = fs::read(mount.dir().join(".gptfs/orphans").join(&orphans[0].0)).expect("a file");
    assert_eq!(bytes, b"left over\n");
    assert!(orphans[0].0.ends_with("left over.txt"), "{}", orphans[0].0);
}

// Determinism.

/// Modification time and bytes of everything below `root`.
fn whole(root: &Path) -> BTreeMap<String, (i64, i64, Vec<u8>)> {
    walk(root)
        .into_iter()
        .map(|(path, found)| {
            let bytes =
                if found.is_file() { fs::read(root.join(&path)).expect("a file") } else { Vec::new() };
            (path, (found.mtime(), found.mtime_nsec(), bytes))
        })
        .collect()
}

#[test]
fn the_tree_does_not_depend_on_threads_locale_or_saved_indexes() {
    for source in exports() {
        let export = |jobs: &str, environment: &[(&str, &str)], home: &Scratch| {
            let scratch = Scratch::new();
            let mut command = program(home);
            command
                .envs(environment.iter().copied())
                .args(["export", "--tz", "Europe/Berlin", "--jobs", jobs]);
            outcome(command.arg(&source).arg(scratch.path("out"))).succeeded();
            whole(&scratch.path("out"))
        };
        let home = Scratch::new();
        let first = export("1", &[], &home);
        assert!(first.len() > 50);
        assert!(export("1", &[], &home) == first, "from the saved index");
        for jobs in ["2", "8"] {
            assert!(export(jobs, &[], &Scratch::new()) == first, "{jobs} threads");
        }
        for language in ["C", "de_DE.UTF-8", "tr_TR.UTF-8", "ja_JP.SJIS"] {
            let environment = [("LANG", language), ("LC_ALL", language), ("TZ", "Asia/Tokyo")];
            assert!(export("2", &environment, &Scratch::new()) == first, "{language}");
        }
        let Some(mount) = Mount::new(&source, &["--tz", "Europe/Berlin", "--jobs", "8"]) else { return };
        assert!(whole(&mount.dir()) == first, "the mount");
        mount.unmount().succeeded();
        mount.again(&source, &["--tz", "Europe/Berlin"]).succeeded();
        assert!(whole(&mount.dir()) == first, "the second mount");
    }
}

#[test]
fn a_generated_export_is_shown_as_it_was_made() {
    let scratch = Scratch::new();
    for style in [Style::Classic, Style::Compact, Style::Sharded] {
        let path = scratch.path("made.zip");
        let spec = Spec { equal_titles: 20, tiny: 30, ..Spec::new(style, 2) };
        let truth = generate::write_zip(&spec, &path).expect("a generated export");
        let tree = exported(&path);
        let mut titles: HashMap<String, &str> = HashMap::new();
        for (path, page) in tree
            .0
            .iter()
            .filter(|(path, _)| path.strip_suffix(".md").is_some() && !path.contains(".branches/"))
        {
            let text = std::str::from_utf8(page).expect("UTF-8");
            let id = text.lines().find_map(|line| line.strip_prefix("id: ")).expect(path);
            titles.insert(id.to_owned(), path);
        }
        assert_eq!(titles.len(), truth.conversations.len(), "{style:?}");
        for known in &truth.conversations {
            let time = jiff::Timestamp::from_second(known.created).expect("a time");
            let month = time.strftime("%Y/%m/").to_string();
            let path = titles.get(&known.id).expect("its page");
            assert!(path.starts_with(&month), "{path} belongs to {month}");
        }
        let branches = tree.0.keys().filter(|path| path.contains(".branches/")).count();
        let others: usize = truth.conversations.iter().map(|known| known.leaves as usize - 1).sum();
        assert_eq!(branches, others, "{style:?}: every other leaf is a branch");
        let assets = tree.0.keys().filter(|path| path.contains(".assets/")).count();
        assert!(assets >= truth.assets.len(), "{style:?}: {assets} of {}", truth.assets.len());
    }
}
