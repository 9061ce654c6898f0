//! Helpers shared by the suite: a builder for exports, a runner for the program, mounts, and trees of files.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Cursor, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

#[path = "../../src/testing.rs"]
mod testing;
pub(crate) use testing::until;

/// The directory that holds the fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// A ZIP archive written field by field, so that a test can ask for quirks that real archives have and libraries
/// refuse to write: `Zip::new().deflated("conversations.json", json).leading_folder("my export/")`.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    leading: String,
    entries: Vec<Entry>,
    zip64: bool,
    descriptors: bool,
}

#[derive(Clone)]
struct Entry {
    name: String,
    bytes: Vec<u8>,
    deflated: bool,
    encrypted: bool,
    wrong_crc: bool,
}

/// The fields of an entry that the central directory repeats.
struct Record {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    crc: u32,
    compressed: u64,
    size: u64,
    offset: u64,
}

impl Zip {
    /// An empty archive.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a compressed entry.
    pub(crate) fn deflated(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.entry(name, bytes.as_ref(), true)
    }

    /// Adds an uncompressed entry.
    pub(crate) fn stored(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.entry(name, bytes.as_ref(), false)
    }

    /// Adds every file of a tree.
    pub(crate) fn tree(self, tree: &Tree) -> Self {
        tree.0.iter().fold(self, |zip, (path, bytes)| zip.deflated(path, bytes))
    }

    /// The files that unpacking the archive would produce.
    pub(crate) fn as_tree(&self) -> Tree {
        Tree(self.entries.iter().map(|entry| (entry.name.clone(), entry.bytes.clone())).collect())
    }

    /// Adds an entry for a directory.
    pub(crate) fn directory(self, name: &str) -> Self {
        self.entry(&format!("{name}/"), &[], false)
    }

    /// Gives the last entry a wrong checksum.
    pub(crate) fn with_a_wrong_crc(mut self) -> Self {
        self.entries.last_mut().expect("an entry").wrong_crc = true;
        self
    }

    /// Marks the last entry as encrypted and puts the twelve-byte encryption header before its data.
    pub(crate) fn encrypted(mut self) -> Self {
        self.entries.last_mut().expect("an entry").encrypted = true;
        self
    }

    /// Prefixes every name with `folder`, as zipping an unpacked export again does.
    pub(crate) fn leading_folder(mut self, folder: &str) -> Self {
        folder.clone_into(&mut self.leading);
        self
    }

    /// Writes every size and offset only in the zip64 fields.
    pub(crate) fn zip64(mut self) -> Self {
        self.zip64 = true;
        self
    }

    /// Writes sizes and checksums after the data, as streaming writers do. The local headers hold zeros.
    pub(crate) fn data_descriptors(mut self) -> Self {
        self.descriptors = true;
        self
    }

    /// The bytes of the archive.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let records: Vec<_> = self.entries.iter().map(|entry| self.write_entry(entry, &mut out)).collect();
        let start = out.len() as u64;
        for record in &records {
            self.write_record(record, &mut out);
        }
        self.write_end(records.len() as u64, start, &mut out);
        out
    }

    fn entry(mut self, name: &str, bytes: &[u8], deflated: bool) -> Self {
        self.entries.push(Entry {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
            deflated,
            encrypted: false,
            wrong_crc: false,
        });
        self
    }

    fn write_entry(&self, entry: &Entry, out: &mut Vec<u8>) -> Record {
        let mut data = if entry.deflated { deflate(&entry.bytes) } else { entry.bytes.clone() };
        if entry.encrypted {
            data.splice(0..0, *b"twelve bytes");
        }
        let name = format!("{}{}", self.leading, entry.name).into_bytes();
        let utf8 = u16::from(!name.is_ascii()) << 11;
        let record = Record {
            flags: utf8 | u16::from(self.descriptors) << 3 | u16::from(entry.encrypted),
            method: if entry.deflated { 8 } else { 0 },
            crc: crc32fast::hash(&entry.bytes) ^ u32::from(entry.wrong_crc),
            compressed: data.len() as u64,
            size: entry.bytes.len() as u64,
            offset: out.len() as u64,
            name,
        };
        let (crc, compressed, size) =
            if self.descriptors { (0, 0, 0) } else { (record.crc, record.compressed, record.size) };
        out.extend(b"PK\x03\x04");
        self.write_common(&record, crc, [compressed, size], &[size, compressed], out);
        out.extend(&record.name);
        self.write_extra(&[size, compressed], out);
        out.extend(data);
        if self.descriptors {
            out.extend(b"PK\x07\x08");
            out.extend(record.crc.to_le_bytes());
            self.write_number(record.compressed, out);
            self.write_number(record.size, out);
        }
        record
    }

    fn write_record(&self, record: &Record, out: &mut Vec<u8>) {
        let extra = [record.size, record.compressed, record.offset];
        out.extend(b"PK\x01\x02");
        out.extend(self.version().to_le_bytes());
        self.write_common(record, record.crc, [record.compressed, record.size], &extra, out);
        out.extend([0; 10]); // comment, disk, attributes
        out.extend(self.short(record.offset).to_le_bytes());
        out.extend(&record.name);
        self.write_extra(&extra, out);
    }

    /// Writes the fields that local headers and directory records share, in their common order.
    fn write_common(&self, record: &Record, crc: u32, sizes: [u64; 2], extra: &[u64], out: &mut Vec<u8>) {
        for field in [self.version(), record.flags, record.method, 0, 0x5921] {
            out.extend(field.to_le_bytes()); // the last two: 00:00 on 2024-09-01
        }
        out.extend(crc.to_le_bytes());
        for size in sizes {
            out.extend(self.short(size).to_le_bytes());
        }
        let extra_len = if self.zip64 { 4 + 8 * extra.len() } else { 0 };
        out.extend((record.name.len() as u16).to_le_bytes());
        out.extend((extra_len as u16).to_le_bytes());
    }

    fn write_extra(&self, numbers: &[u64], out: &mut Vec<u8>) {
        if self.zip64 {
            out.extend(1_u16.to_le_bytes());
            out.extend((8 * numbers.len() as u16).to_le_bytes());
            for number in numbers {
                out.extend(number.to_le_bytes());
            }
        }
    }

    fn write_end(&self, count: u64, start: u64, out: &mut Vec<u8>) {
        let end = out.len() as u64;
        if self.zip64 {
            out.extend(b"PK\x06\x06");
            out.extend(44_u64.to_le_bytes());
            out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]); // versions, disks
            for number in [count, count, end - start, start] {
                out.extend(number.to_le_bytes());
            }
            out.extend(b"PK\x06\x07\0\0\0\0");
            out.extend(end.to_le_bytes());
            out.extend(1_u32.to_le_bytes());
        }
        let count = if self.zip64 { u16::MAX } else { count as u16 };
        out.extend(b"PK\x05\x06\0\0\0\0");
        out.extend(count.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(self.short(end - start).to_le_bytes());
        out.extend(self.short(start).to_le_bytes());
        out.extend([0, 0]);
    }

    fn version(&self) -> u16 {
        if self.zip64 { 45 } else { 20 }
    }

    /// The value of a 32-bit field. In a zip64 archive that is the marker that refers to the extra field.
    fn short(&self, number: u64) -> u32 {
        if self.zip64 { u32::MAX } else { number as u32 }
    }

    fn write_number(&self, number: u64, out: &mut Vec<u8>) {
        if self.zip64 {
            out.extend(number.to_le_bytes());
        } else {
            out.extend((number as u32).to_le_bytes());
        }
    }
}

/// Compresses `bytes` to a raw deflate stream.
fn deflate(bytes: &[u8]) -> Vec<u8> {
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.start_file("data", options).expect("an entry");
    writer.write_all(bytes).expect("memory");
    let mut archive = writer.finish_into_readable().expect("an archive");
    let mut out = Vec::new();
    archive.by_index_raw(0).expect("the entry").read_to_end(&mut out).expect("memory");
    out
}

/// One archive with the conversations of all golden cases, each case in its own month, and all their files.
pub(crate) fn every_fixture(scratch: &Scratch) -> PathBuf {
    let mut conversations = Vec::new();
    let mut zip = Zip::new();
    let mut cases: Vec<_> = fs::read_dir(fixtures().join("chatgpt")).expect("cases").flatten().collect();
    cases.sort_by_key(fs::DirEntry::file_name);
    for case in cases {
        conversations.push(fs::read(case.path().join("conversation.json")).expect("conversation.json"));
        zip = zip.tree(&Tree::read(&case.path().join("export")));
    }
    let json = [b"[", conversations.join(&b","[..]).as_slice(), b"]"].concat();
    scratch.zip("export.zip", &zip.deflated("conversations.json", json))
}

/// The text of a `conversations.json` that holds these conversations.
pub(crate) fn array(conversations: &[&str]) -> String {
    format!("[{}]", conversations.join(", "))
}

/// A temporary directory for one test, removed when dropped.
pub(crate) struct Scratch(tempfile::TempDir);

impl Scratch {
    /// A new empty directory.
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("gptfs-suite-").tempdir().expect("a temporary directory"))
    }

    /// The path of `name` inside the directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, creating parent directories as needed, and returns its path.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, bytes).expect("a file");
        path
    }

    /// Writes an archive and returns its path.
    pub(crate) fn zip(&self, name: &str, zip: &Zip) -> PathBuf {
        self.file(name, zip.bytes())
    }

    /// Creates an empty directory and returns its path.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).expect("a directory");
        path
    }

    /// Every file inside the directory.
    pub(crate) fn tree(&self) -> Tree {
        Tree::read(self.0.path())
    }
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code, or `None` if a signal killed the process.
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) stdout: String,
    /// Standard error.
    pub(crate) stderr: String,
}

impl Outcome {
    /// Asserts that the run succeeded.
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }

    /// Asserts that the run ended with `code` and printed nothing.
    #[track_caller]
    pub(crate) fn failed_silently(self, code: i32) {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert_eq!((self.stdout.as_str(), self.stderr.as_str()), ("", ""));
    }

    /// Asserts that the run failed with `code` and printed exactly one line, on standard error.
    #[track_caller]
    pub(crate) fn failed(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.lines().count(), 1, "one line on stderr: {:?}", self.stderr);
        assert!(self.stderr.ends_with('\n'), "{:?}", self.stderr);
        self
    }
}

/// Runs the program in UTC with a fresh home directory, and asserts that it leaves nothing there but its cache.
pub(crate) fn gptfs<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(arguments: I) -> Outcome {
    let home = Scratch::new();
    let outcome = outcome(program(&home).args(arguments));
    let strays: Vec<_> = home.tree().0.into_keys().filter(|path| !path.starts_with("cache/")).collect();
    assert_eq!(strays, Vec::<String>::new(), "files left in the home directory");
    outcome
}

/// A command for the program, in UTC and with `home` as its home directory.
pub(crate) fn program(home: &Scratch) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gptfs"));
    command
        .env("HOME", home.0.path())
        .env("XDG_CACHE_HOME", home.path("cache"))
        .env("TZ", "UTC")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("SUDO_UID")
        .env_remove("RUST_BACKTRACE");
    command
}

/// Runs a command and collects its output.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    let output = command.stdin(Stdio::null()).output().expect("the command starts");
    let outcome = Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
    };
    // A panic that was caught is a problem or an error, which a test may expect for other reasons.
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(!text.contains("a bug in gptfs"), "{text}");
    }
    outcome
}

/// Sends a signal; false if the process is gone. By the shell, because small systems lack the program `kill`.
pub(crate) fn send(signal: &str, process: u32) -> bool {
    let words = ["-c", "kill -s $0 $1", signal, &process.to_string()];
    Command::new("sh").args(words).stderr(Stdio::null()).status().expect("a shell").success()
}

/// Reports that a test, or part of one, can't run here. Writes to the real standard error, past the capture of the
/// test harness, with a running count, so that a partial run never looks complete.
pub(crate) fn skip(why: &str) {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) + 1;
    let _ = writeln!(io::stderr(), "skipped: {why} [{count} so far]");
}

/// Returns true unless `GPTFS_SKIP_FUSE` turns off the tests that mount.
///
/// # Panics
/// Panics if this machine can't mount and `GPTFS_SKIP_FUSE` is not set.
pub(crate) fn can_mount() -> bool {
    if std::env::var_os("GPTFS_SKIP_FUSE").is_some() {
        skip("a test that mounts (GPTFS_SKIP_FUSE is set)");
        return false;
    }
    let how = "install fuse3 and run `modprobe fuse`; in a container add --device /dev/fuse --cap-add SYS_ADMIN; \
               or set GPTFS_SKIP_FUSE=1";
    assert!(Path::new("/dev/fuse").exists(), "this test needs /dev/fuse: {how}");
    true
}

/// The line for `path` in the kernel's mount table.
pub(crate) fn mounted(path: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/self/mountinfo").expect("the mount table");
    let path = path.to_str().expect("UTF-8");
    table.lines().rfind(|line| line.split(' ').nth(4) == Some(path)).map(str::to_owned)
}

/// The gptfs processes that have `mountpoint` on their command line.
pub(crate) fn daemons(mountpoint: &Path) -> Vec<u32> {
    let mountpoint = mountpoint.as_os_str().as_bytes();
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let serves = |id: &u32| {
        let words = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let mut words = words.split(|&byte| byte == 0);
        words.next().is_some_and(|name| name.ends_with(b"gptfs")) && words.any(|word| word == mountpoint)
    };
    numbers.filter(serves).collect()
}

/// A background mount, unmounted when dropped.
pub(crate) struct Mount {
    home: Scratch,
    scratch: Scratch,
}

impl Mount {
    /// Mounts `source`. Returns `None` where tests that mount are turned off.
    #[track_caller]
    pub(crate) fn new(source: &Path, options: &[&str]) -> Option<Self> {
        can_mount().then(|| {
            let mount = Self { home: Scratch::new(), scratch: Scratch::new() };
            mount.again(source, options).succeeded();
            mount
        })
    }

    /// Mounts `source` with these variables in the environment of the daemon. Returns the outcome, too.
    pub(crate) fn with(
        source: &Path,
        options: &[&str],
        environment: &[(&str, String)],
    ) -> Option<(Self, Outcome)> {
        can_mount().then(|| {
            let mount = Self { home: Scratch::new(), scratch: Scratch::new() };
            let mut command = program(&mount.home);
            command.envs(environment.iter().map(|(name, value)| (name, value)));
            let outcome = outcome(command.arg("mount").args(options).arg(source).arg(mount.dir()));
            (mount, outcome)
        })
    }

    /// The mountpoint.
    pub(crate) fn dir(&self) -> PathBuf {
        self.scratch.path("chats")
    }

    /// Runs `gptfs mount` on the same mountpoint.
    pub(crate) fn again(&self, source: &Path, options: &[&str]) -> Outcome {
        outcome(program(&self.home).arg("mount").args(options).arg(source).arg(self.dir()))
    }

    /// Runs `gptfs unmount`.
    pub(crate) fn try_unmount(&self) -> Outcome {
        outcome(program(&self.home).arg("unmount").arg(self.dir()))
    }

    /// Runs it until the mount isn't busy: for a moment, a process that another test has just forked may have what
    /// this one has closed.
    pub(crate) fn unmount(&self) -> Outcome {
        let mut told = self.try_unmount();
        until("nobody uses the mount", || {
            let is_busy = told.stderr.contains(": busy: ");
            if is_busy {
                told = self.try_unmount();
            }
            !is_busy
        });
        told
    }

    /// The process that serves the mount.
    pub(crate) fn daemon(&self) -> u32 {
        let daemons = daemons(&self.dir());
        assert_eq!(daemons.len(), 1, "one daemon: {daemons:?}");
        daemons[0]
    }

    /// Asserts that the mount, its daemon and the mountpoint it created are gone.
    #[track_caller]
    pub(crate) fn assert_nothing_is_left(&self) {
        assert_eq!(mounted(&self.dir()), None);
        until("the daemon exits", || daemons(&self.dir()).is_empty());
        self.scratch.tree().assert_is(&Tree::default(), "the directory around the mountpoint");
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if mounted(&self.dir()).is_some() && self.try_unmount().code != Some(0) {
            // Even a failed test must not leave a mount.
            let _ = Command::new("umount").arg("-l").arg(self.dir()).status();
        }
    }
}

/// The tree that `gptfs export` writes for `source` in UTC.
#[track_caller]
pub(crate) fn exported(source: &Path) -> Tree {
    let scratch = Scratch::new();
    let out = scratch.path("out");
    let zone = ["--tz", "UTC"].map(std::ffi::OsStr::new);
    gptfs(["export".as_ref(), source.as_os_str(), out.as_os_str()].into_iter().chain(zone)).succeeded();
    Tree::read(&out)
}

/// Files keyed by path relative to a root, with `/` as the separator.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree(pub(crate) BTreeMap<String, Vec<u8>>);

impl Tree {
    /// Reads all files below `root`, none if it does not exist. An empty directory appears as a path that ends with
    /// `/`.
    pub(crate) fn read(root: &Path) -> Self {
        let mut files = BTreeMap::new();
        let mut waiting = vec![(String::new(), root.to_owned())];
        while let Some((prefix, directory)) = waiting.pop() {
            let Ok(listing) = fs::read_dir(&directory) else { continue };
            let mut empty = true;
            for entry in listing {
                empty = false;
                let entry = entry.expect("an entry");
                let name = entry.file_name().into_string().expect("a name in UTF-8");
                if entry.file_type().expect("a type").is_dir() {
                    waiting.push((format!("{prefix}{name}/"), entry.path()));
                } else {
                    files.insert(format!("{prefix}{name}"), fs::read(entry.path()).expect("a file"));
                }
            }
            if empty && !prefix.is_empty() {
                files.insert(prefix, Vec::new());
            }
        }
        Self(files)
    }

    /// Replaces the contents of `root` with this tree.
    pub(crate) fn write(&self, root: &Path) {
        if root.exists() {
            fs::remove_dir_all(root).expect("a directory that can be removed");
        }
        for (path, bytes) in &self.0 {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, bytes).expect("a file");
        }
    }

    /// The paths, sorted.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The files whose paths contain any of `needles`.
    pub(crate) fn only(&self, needles: &[&str]) -> Self {
        let wanted = |path: &str| needles.iter().any(|needle| path.contains(needle));
        Self(self.0.iter().filter(|(path, _)| wanted(path)).map(|(p, b)| (p.clone(), b.clone())).collect())
    }

    /// Asserts that both trees have the same paths and bytes. A failure lists the lines that differ.
    #[track_caller]
    pub(crate) fn assert_is(&self, expected: &Self, what: &str) {
        let difference = self.difference(expected);
        assert!(difference.is_empty(), "{what}\n(- expected, + got)\n{difference}");
    }

    fn difference(&self, expected: &Self) -> String {
        let mut out = String::new();
        for path in expected.0.keys().filter(|path| !self.0.contains_key(*path)) {
            let _ = writeln!(out, "- file {path}");
        }
        for (path, got) in &self.0 {
            match expected.0.get(path) {
                None => {
                    let _ = writeln!(out, "+ file {path}");
                    difference_of_lines(&[], got, &mut out);
                }
                Some(wanted) if wanted != got => {
                    let _ = writeln!(out, "  file {path}");
                    difference_of_lines(wanted, got, &mut out);
                }
                Some(_) => {}
            }
        }
        out
    }
}

/// Writes the lines in which two texts differ, quoted as Rust literals, without the common prefix and suffix.
fn difference_of_lines(wanted: &[u8], got: &[u8], out: &mut String) {
    let lines = |bytes: &[u8]| -> Vec<String> {
        bytes.split_inclusive(|&b| b == b'\n').map(|l| String::from_utf8_lossy(l).into_owned()).collect()
    };
    let (wanted, got) = (lines(wanted), lines(got));
    let start = wanted.iter().zip(&got).take_while(|(a, b)| a == b).count();
    let (wanted, got) = (&wanted[start..], &got[start..]);
    let end = wanted.iter().rev().zip(got.iter().rev()).take_while(|(a, b)| a == b).count();
    let _ = writeln!(out, "    from line {}", start + 1);
    for (mark, lines) in [('-', &wanted[..wanted.len() - end]), ('+', &got[..got.len() - end])] {
        for line in lines.iter().take(60) {
            let _ = writeln!(out, "{mark}   {line:?}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_independent_reader_reads_what_the_builder_wrote() {
        let plain = Zip::new().deflated("a.txt", "a".repeat(5000)).stored("ä/b.txt", "b").directory("c");
        let expected = plain.as_tree();
        for zip in [
            plain.clone(),
            plain.clone().zip64(),
            plain.clone().data_descriptors(),
            plain.zip64().data_descriptors(),
        ] {
            let mut archive = zip::ZipArchive::new(Cursor::new(zip.bytes())).expect("an archive");
            let mut found = Tree::default();
            for index in 0..archive.len() {
                let mut entry = archive.by_index(index).expect("an entry");
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes).expect("its bytes");
                found.0.insert(entry.name().expect("a name").to_string(), bytes);
            }
            found.assert_is(&expected, "the entries");
        }
    }

    #[test]
    fn an_independent_reader_rejects_wrong_checksums_and_encryption() {
        let read = |zip: Zip| {
            let mut archive = zip::ZipArchive::new(Cursor::new(zip.bytes())).expect("an archive");
            archive.by_index(0).is_ok_and(|mut entry| entry.read_to_end(&mut Vec::new()).is_ok())
        };
        let zip = Zip::new().deflated("a.txt", "a");
        assert!(read(zip.clone()));
        assert!(!read(zip.clone().with_a_wrong_crc()));
        assert!(!read(zip.encrypted()));
    }

    #[test]
    fn a_difference_names_files_and_quotes_lines() {
        let tree = |files: &[(&str, &str)]| {
            Tree(files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect())
        };
        let (got, wanted) = (tree(&[("a", "1\n2\n3\n"), ("b", "x")]), tree(&[("a", "1\n4\n3\n"), ("c", "")]));
        let expected = "- file c\n  file a\n    from line 2\n-   \"4\\n\"\n+   \"2\\n\"\n+ file b\n    from line 1\n+   \"x\"\n";
        assert_eq!(got.difference(&wanted), expected);
        assert_eq!(got.difference(&got), "");
    }
}
