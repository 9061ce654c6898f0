//! Faults of the system, one at a time: the n-th read fails or is short, the n-th write of the saved index fails, the n-th
//! thread can't be started; and one moment that is hard to meet. For every n the program ends as documented, shows no wrong byte, and works again as soon as
//! the fault is gone.
//!
//! The faults come from a small library, `faults.c`, that is preloaded into the real program.

use crate::support::{
    Mount, Outcome, Scratch, Tree, Zip, array, can_mount, exported, fixtures, mounted, outcome, program,
    send, skip, until,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::OnceLock;

/// Exit codes that a failing read may cause: damaged, and environment.
const EXPECTED: [i32; 2] = [4, 6];

/// The library with the faults, or `None` if there is no C compiler.
pub(crate) fn library() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/faults.c");
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", process::id()));
        let output =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&built).arg(&source).output();
        match output {
            Ok(output) if output.status.success() => Some(built),
            Ok(output) => panic!("faults.c does not compile: {}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => {
                skip("tests of system faults, which need a C compiler (install gcc)");
                None
            }
        }
    };
    BUILT.get_or_init(build).as_deref()
}

/// The variables for the `at`-th call of a kind on files below `path` to fail.
pub(crate) fn fault(
    library: &Path,
    kind: &str,
    at: usize,
    path: &Path,
    hit: &Path,
) -> [(&'static str, String); 5] {
    let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
    [
        ("LD_PRELOAD", text(library)),
        ("GPTFS_FAULT", kind.to_owned()),
        ("GPTFS_FAULT_AT", at.to_string()),
        ("GPTFS_FAULT_PATH", text(path)),
        ("GPTFS_FAULT_HIT", text(hit)),
    ]
}

/// Runs `gptfs WORDS`, with the fault for every n from 1 until a run has fewer such calls. `check` gets n and the outcome
/// of each run. Returns the number of faults.
fn with_each_fault(
    kind: &str,
    path: &Path,
    mut run: impl FnMut(&Scratch, &mut Command) -> Outcome,
    mut check: impl FnMut(usize, Outcome, &Scratch),
) -> usize {
    let Some(library) = library() else { return 0 };
    for at in 1..5000 {
        let (home, scratch) = (Scratch::new(), Scratch::new());
        let path = if path.as_os_str().is_empty() { home.path("cache") } else { path.to_owned() };
        let hit = scratch.path("hit");
        let mut command = program(&home);
        command.envs(fault(library, kind, at, &path, &hit));
        let outcome = run(&scratch, &mut command);
        if !hit.exists() {
            outcome.succeeded();
            return at - 1;
        }
        check(at, outcome, &home);
    }
    panic!("more than 5000 calls")
}

/// The three conversations and the picture of `fixtures/forms/`.
fn small(scratch: &Scratch) -> PathBuf {
    let read = |name: &str| fs::read_to_string(fixtures().join("forms").join(name)).expect(name);
    let json = ["first.json", "second.json", "third.json"].map(read);
    let picture = fs::read(fixtures().join("forms/expected/2026/05/Third time lucky.assets/charm.png"));
    let zip = Zip::new()
        .deflated("conversations.json", array(&json.each_ref().map(String::as_str)))
        .deflated("file-CharmCharmCharmCharm01-charm.png", picture.expect("the picture"));
    scratch.zip("export.zip", &zip)
}

#[test]
fn an_export_ends_as_documented_whichever_read_fails() {
    let place = Scratch::new();
    for source in [small(&place), fixtures().join("demo.zip")] {
        let expected = exported(&source);
        let (mut trees, mut whole, mut silent) = (Vec::new(), Vec::new(), Vec::new());
        let faults = with_each_fault(
            "read",
            &source,
            |scratch, command| {
                let out = scratch.path("out");
                let outcome = outcome(command.args(["export", "--no-cache"]).arg(&source).arg(&out));
                trees.push(Tree::read(&out));
                outcome
            },
            |at, outcome, _| {
                // A file that the export can do without is only reported.
                let reported = outcome.code == Some(0) && outcome.stderr.contains("input/output error");
                let failed = outcome.code.is_some_and(|code| EXPECTED.contains(&code));
                // A read that only cross-checks what another one has proved may fail without a word.
                let is_silent = outcome.code == Some(0) && !reported;
                assert!(reported || failed || is_silent, "read {at}: {outcome:?}");
                whole.push(failed || is_silent);
                silent.push(is_silent);
            },
        );
        assert!(library().is_none() || faults > 4, "only {faults} reads");
        for (tree, _) in trees.iter().zip(&silent).filter(|(_, silent)| **silent) {
            tree.assert_is(&expected, "after a read that failed without a word");
        }
        // Without a side file, pages may lack the names and files that it would have given.
        let complete = trees.iter().zip(&whole).filter(|(_, whole)| **whole).map(|(tree, _)| tree);
        for (path, bytes) in complete.flat_map(|tree| &tree.0) {
            if let Some(wanted) = expected.0.get(path) {
                let says_so = String::from_utf8_lossy(bytes).contains("damaged");
                assert!(bytes == wanted || says_so, "{path}: wrong bytes");
            }
        }
        exported(&source).assert_is(&expected, "after the faults");
    }
}

#[test]
fn short_reads_change_nothing() {
    let source = fixtures().join("demo.zip");
    let expected = exported(&source);
    let mut last = Tree::default();
    with_each_fault(
        "short",
        &source,
        |scratch, command| {
            let out = scratch.path("out");
            let outcome = outcome(command.args(["export", "--no-cache"]).arg(&source).arg(&out));
            last = Tree::read(&out);
            last.assert_is(&expected, "after a short read");
            outcome
        },
        |at, outcome, _| assert_eq!(outcome.code, Some(0), "short read {at}: {}", outcome.stderr),
    );
}

#[test]
fn reads_that_fail_in_a_mount_are_io_errors_and_succeed_when_the_fault_is_gone() {
    let Some(library) = library() else { return };
    let source = fixtures().join("demo.zip");
    let expected = exported(&source);
    let mut refused = 0;
    for at in 1..1000 {
        let scratch = Scratch::new();
        let (hit, clear) = (scratch.path("hit"), scratch.path("clear"));
        let mut environment = fault(library, "read", at, &source, &hit).to_vec();
        environment.push(("GPTFS_FAULT_CLEAR", clear.to_str().expect("UTF-8").to_owned()));
        let Some((mount, told)) = Mount::with(&source, &["--no-cache"], &environment) else { return };
        if told.code != Some(0) {
            assert!(told.code.is_some_and(|code| EXPECTED.contains(&code)), "read {at}: {told:?}");
            assert!(hit.exists(), "read {at}: {told:?}");
            mount.assert_nothing_is_left();
            continue;
        }
        if told.stderr.contains("input/output error") {
            // Without a side file, pages may lack the names and files that it would have given.
            mount.unmount().succeeded();
            continue;
        }
        for (path, bytes) in &expected.0 {
            match fs::read(mount.dir().join(path)) {
                Ok(got) => assert!(got == *bytes, "read {at}: {path}: wrong bytes"),
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::EIO), "read {at}: {path}");
                    refused += 1;
                }
            }
        }
        fs::write(&clear, "").expect("a file");
        Tree::read(&mount.dir()).assert_is(&expected, "after the fault");
        mount.unmount().succeeded();
        if !hit.exists() {
            assert!(refused > 0, "some read failed while the mount was in use");
            return;
        }
    }
    panic!("more than 1000 reads");
}

/// The names of files in the cache that are not a complete index.
fn leftovers(home: &Scratch) -> Vec<String> {
    home.tree().0.into_keys().filter(|path| path.contains(".new") || path.contains(".tmp")).collect()
}

#[test]
fn an_index_that_cannot_be_written_is_done_without() {
    let source = fixtures().join("demo.zip");
    let expected = exported(&source).paths().join("\n");
    let list = |command: &mut Command| {
        let outcome = outcome(command.args(["ls", "-R"]).arg(&source));
        let files: Vec<_> = outcome.stdout.lines().filter(|line| !line.ends_with('/')).collect();
        let mut files = files.clone();
        files.sort_unstable();
        assert_eq!(files.join("\n"), expected);
        outcome
    };
    for kind in ["write", "broken"] {
        let faults = with_each_fault(
            kind,
            Path::new(""),
            |_, command| list(command),
            |at, outcome, home| {
                assert_eq!(outcome.code, Some(0), "write {at}: {}", outcome.stderr);
                assert_eq!(leftovers(home), Vec::<String>::new(), "write {at}");
                // The same home, without the fault: whatever was saved is valid or ignored.
                list(&mut program(home));
            },
        );
        assert!(library().is_none() || faults > 0, "the index is written");
    }
}

#[test]
fn an_export_that_cannot_write_a_file_says_so_and_is_completed_by_the_next() {
    let place = Scratch::new();
    let source = small(&place);
    let expected = exported(&source);
    let out = place.path("out");
    for (kind, reason) in [("write", "no space left on device"), ("broken", "input/output error")] {
        let export = |command: &mut Command| {
            outcome(command.args(["export", "--no-cache", "--update"]).arg(&source).arg(&out))
        };
        let files = || {
            let mut tree = Tree::read(&out);
            tree.0.retain(|path, _| !path.ends_with('/') && path != ".gptfs-export");
            tree
        };
        let faults = with_each_fault(
            kind,
            &out,
            |_, command| {
                let _ = fs::remove_dir_all(&out);
                export(command)
            },
            |at, outcome, home| {
                assert_eq!(outcome.code, Some(6), "write {at}: {outcome:?}");
                let said = outcome.stderr.trim_end();
                assert!(said.ends_with(reason) && !said.contains('\n'), "write {at}: {said}");
                for (path, bytes) in files().0 {
                    assert!(expected.0.get(&path) == Some(&bytes), "write {at}: {path} is not whole");
                }
                export(&mut program(home)).succeeded();
                files().assert_is(&expected, "after the fault");
            },
        );
        assert!(library().is_none() || faults > expected.0.len(), "{kind}: each file is written");
    }
}

/// The variable with which all calls from the n-th on fail, rather than only the n-th.
fn from_then_on() -> (&'static str, String) {
    ("GPTFS_FAULT_CLEAR", "/nonexistent".to_owned())
}

#[test]
fn whichever_thread_is_refused_the_others_do_its_work() {
    let source = fixtures().join("demo.zip");
    let expected = exported(&source);
    let demo = source.to_str().expect("UTF-8");
    let words: [&[&str]; 3] = [
        &["export", "--no-cache", "--jobs", "3", demo],
        &["ls", "-R", "--jobs", "3", demo],
        &["grep", "-n", "--no-cache", "--jobs", "3", "the", demo],
    ];
    for words in words {
        let home = Scratch::new();
        let writes_files = words[0] == "export";
        let said = (!writes_files).then(|| outcome(program(&home).args(words)).succeeded().stdout);
        for more in [None, Some(from_then_on())] {
            let faults = with_each_fault(
                "thread",
                Path::new("/"),
                |scratch, command| {
                    let out = scratch.path("out");
                    command.args(words).envs(more.clone());
                    if writes_files {
                        command.arg(&out);
                    }
                    let outcome = outcome(command).succeeded();
                    if let Some(said) = &said {
                        assert!(outcome.stdout == *said, "{words:?}: another answer");
                    } else {
                        Tree::read(&out).assert_is(&expected, "with fewer threads");
                    }
                    outcome
                },
                |_, _, _| {},
            );
            assert!(library().is_none() || faults > 1, "{words:?} starts {faults} threads");
        }
    }
}

#[test]
fn whichever_thread_is_refused_a_mount_serves_or_is_refused_whole() {
    let Some(library) = library() else { return };
    let source = fixtures().join("demo.zip");
    let expected = exported(&source);
    for more in [None, Some(from_then_on())] {
        for options in [&["--jobs", "3"][..], &["--jobs", "3", "--no-wait"]] {
            let (mut served, mut refused) = (0, 0);
            for at in 1.. {
                assert!(at < 100, "more than 100 threads");
                let scratch = Scratch::new();
                let hit = scratch.path("hit");
                let mut environment = fault(library, "thread", at, Path::new("/"), &hit).to_vec();
                environment.extend(more.clone());
                let Some((mount, told)) = Mount::with(&source, options, &environment) else { return };
                if told.code == Some(0) {
                    // Waits for the tree. If that can't be built any more, the mount ends.
                    if fs::read_dir(mount.dir()).is_ok_and(|mut entries| entries.next().is_some()) {
                        Tree::read(&mount.dir()).assert_is(&expected, "with fewer threads");
                        served += 1;
                    } else {
                        assert!(options.contains(&"--no-wait"), "thread {at}: nothing to see");
                    }
                    let told = mount.unmount();
                    // What can't be built unmounts itself, before or meanwhile.
                    let is_gone = told.code == Some(0) || told.stderr.contains("not mounted");
                    assert!(is_gone, "thread {at}, {options:?}, {more:?}: {told:?}");
                } else {
                    assert_eq!(told.code, Some(6), "thread {at}: {told:?}");
                    assert!(told.stderr.contains("cannot start"), "thread {at}: {told:?}");
                    refused += 1;
                }
                mount.assert_nothing_is_left();
                if !hit.exists() {
                    break;
                }
            }
            assert!(served > 1 && refused > 1, "{served} mounts, {refused} refusals");
        }
    }
}

#[test]
fn a_signal_while_a_mount_is_being_made_leaves_no_mount() {
    let Some(library) = library() else { return };
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let (source, dir) = (fixtures().join("demo.zip"), scratch.path("chats"));
    let (reads, mounts) = (home.path("reads"), home.path("mounts"));
    let mut command = program(&home);
    command.envs(fault(library, "moment", 1, &source, &reads));
    command.env("GPTFS_FAULT_CLEAR", &mounts);
    command.args(["mount", "--foreground", "--no-cache"]).arg(&source).arg(&dir);
    let mut daemon = command.stderr(Stdio::null()).spawn().expect("the program");
    until("the export is being read", || reads.exists());
    assert!(send("TERM", daemon.id()));
    assert_eq!(daemon.wait().expect("its end").code(), Some(130));
    assert!(mounts.exists(), "it was mounted after it had cleared up");
    assert_eq!(mounted(&dir), None);
    scratch.tree().assert_is(&Tree::default(), "the directory around the mountpoint");
}
