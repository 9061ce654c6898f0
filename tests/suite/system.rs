//! gptfs as a guest of the system: configuration, fstab, systemd, completions, manual pages, the demonstration.

use crate::support::{
    Outcome, Scratch, Zip, array, can_mount, fixtures, gptfs, mounted, outcome, program, send, skip, until,
};
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FIRST: &str = include_str!("../../fixtures/forms/first.json");
const SECOND: &str = include_str!("../../fixtures/forms/second.json");
const PAGE: &str = "2023/03/New chat.md";

fn demo() -> PathBuf {
    fixtures().join("demo.zip")
}

/// The turn headings of a page that `command` prints.
fn headings(command: &mut Command) -> Vec<String> {
    let told = outcome(command.arg("cat").arg(demo()).arg(PAGE)).succeeded();
    told.stdout.lines().filter(|line| line.starts_with("## ")).map(str::to_owned).collect()
}

// Configuration.

#[test]
fn the_command_line_wins_over_the_environment_and_the_environment_over_the_file() {
    let home = Scratch::new();
    let zone = |variable: Option<&str>, word: Option<&str>| {
        let mut command = program(&home);
        command.args(["ls", "--json"]).args(word.map(|zone| format!("--tz={zone}"))).arg(demo()).arg(PAGE);
        command.envs(variable.map(|zone| ("GPTFS_TZ", zone)));
        let line = outcome(&mut command).succeeded().stdout;
        line.split("\"created\":\"").nth(1).expect("a time")[19..25].to_owned()
    };
    assert_eq!(zone(None, None), "+00:00");
    home.file(".config/gptfs/config.toml", "tz = \"Asia/Tokyo\"\n");
    assert_eq!(zone(None, None), "+09:00");
    assert_eq!(zone(Some("Asia/Kolkata"), None), "+05:30");
    assert_eq!(zone(Some("Asia/Kolkata"), Some("Asia/Kathmandu")), "+05:45");
}

#[test]
fn a_profile_adds_to_the_options_of_the_file_and_a_switch_can_be_turned_off() {
    let home = Scratch::new();
    assert_eq!(headings(&mut program(&home)), ["## User", "## ChatGPT"]);
    home.file(".config/gptfs/config.toml", "tz = \"Asia/Tokyo\"\n[profile.timed]\ntimes = true\n");
    assert_eq!(headings(&mut program(&home)), ["## User", "## ChatGPT"]);
    let timed = headings(program(&home).args(["--profile", "timed"]));
    assert!(timed[0].starts_with("## User · 2023-03-29 "), "{timed:?}");
    assert_eq!(headings(program(&home).env("GPTFS_PROFILE", "timed")), timed);
    let off = headings(program(&home).args(["--profile", "timed"]).env("GPTFS_TIMES", "0"));
    assert_eq!(off, ["## User", "## ChatGPT"]);
    assert_eq!(headings(program(&home).arg("--no-config").env("GPTFS_PROFILE", "timed")), off);
    let page = |variable: &str, words: &[&str]| {
        let mut command = program(&home);
        command.env("GPTFS_TIMES", variable).arg("cat").args(words).arg(demo()).arg(PAGE);
        outcome(&mut command).succeeded().stdout
    };
    let (with, without) = (page("1", &[]), page("0", &[]));
    assert_ne!(with, without);
    for words in [&["--times=false"][..], &["--times", "--times=no"]] {
        assert_eq!(page("1", words), without, "{words:?}");
    }
    for words in [&["--times=true"][..], &["--times=off", "--times"]] {
        assert_eq!(page("0", words), with, "{words:?}");
    }
    let told = outcome(program(&home).args(["ls", "--times=maybe"]).arg(demo())).failed(2);
    assert!(told.stderr.contains("--times=maybe: use true or false"), "{}", told.stderr);
}

#[test]
fn a_mount_option_turns_off_what_the_file_turns_on() {
    let home = Scratch::new();
    home.file(".config/gptfs/config.toml", "dates = true\n");
    let dir = home.directory("chats");
    if !can_mount() {
        return;
    }
    for (option, has_days) in [("dates", true), ("dates=false", false)] {
        let mut command = program(&home);
        command.args(["mount", "-o", option]).arg(demo()).arg(&dir);
        outcome(&mut command).succeeded();
        assert_eq!(dir.join(PAGE).is_file(), !has_days, "{option}");
        outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
    }
}

#[test]
fn what_is_wrong_with_the_configuration_keeps_nobody_from_unmounting() {
    let home = Scratch::new();
    home.file(".config/gptfs/config.toml", "tz = Europe/Berlin\n");
    let told = outcome(program(&home).args(["ls"]).arg(demo())).failed(2);
    assert!(
        told.stderr.ends_with("config.toml: string values must be quoted at line 1\n"),
        "{}",
        told.stderr
    );
    for words in [&["cache"][..], &["man"], &["completions", "bash"]] {
        outcome(program(&home).args(words)).succeeded();
    }
    let told = outcome(program(&home).args(["unmount", "nothing"])).failed(6);
    assert!(told.stderr.contains("nothing: "), "{}", told.stderr);
    let told = outcome(program(&home).arg("doctor"));
    assert_eq!(told.code, Some(6));
    assert!(told.stderr.contains("with --no-config, gptfs ls, cat and export work"), "{}", told.stderr);
}

#[test]
fn a_path_in_the_file_starts_at_the_directory_of_the_file() {
    let home = Scratch::new();
    home.file("settings/names.toml", "\"g-unknown\" = \"Tea\"\n");
    let config = home.file("settings/gptfs.toml", "names-map = \"names.toml\"\n");
    let told = outcome(program(&home).arg("ls").arg("--config").arg(&config).arg(demo())).succeeded();
    let named = home.path("settings/names.toml");
    assert_eq!(told.stderr, format!("gptfs: {}: no conversation has g-unknown\n", named.display()));
}

#[test]
fn a_configuration_file_that_is_wrong_is_refused_with_its_name_and_the_reason() {
    for (text, reason) in [
        ("tzz = 'UTC'", "tzz: unknown"),
        ("recursive = true", "recursive: unknown"),
        ("times = 'yes'", "times: must be true or false"),
        ("jobs = 0", "jobs: invalid value '0': 0 is not in 1..=256"),
        ("tz = 'Europe/Berln'", "tz: invalid value 'Europe/Berln': unknown time zone"),
        ("thinking = 'hard'", "thinking: invalid value 'hard': use show or fold or hide"),
        ("max-size = 'much'", "max-size: invalid value 'much'"),
        ("thinking = [1]", "thinking: must be a quoted string or a number"),
        ("tz =", "at line 1"),
    ] {
        let home = Scratch::new();
        let config = home.file(".config/gptfs/config.toml", text);
        let told = outcome(program(&home).arg("ls").arg(demo())).failed(2);
        assert!(told.stderr.contains(&format!("{}: ", config.display())), "{text}: {}", told.stderr);
        assert!(told.stderr.contains(reason), "{text}: {}", told.stderr);
    }
    let home = Scratch::new();
    let config = home.file(".config/gptfs/config.toml", b"tz = 'UTC' # \xff".as_slice());
    let told = outcome(program(&home).arg("ls").arg(demo())).failed(2);
    assert_eq!(told.stderr, format!("gptfs: {}: not UTF-8\n", config.display()));
    let told = outcome(program(&home).env("GPTFS_CONFIG", "").arg("ls").arg(demo())).failed(2);
    assert!(told.stderr.starts_with("gptfs: GPTFS_CONFIG: invalid value '': "), "{}", told.stderr);
    assert!(!told.stderr.contains("use \n"), "{}", told.stderr);
    // Not even a mode keeps root from reading; a directory isn't a file to anybody.
    fs::remove_file(&config).expect("removed");
    fs::create_dir(&config).expect("a directory");
    let told = outcome(program(&home).arg("ls").arg(demo())).failed(6);
    assert!(told.stderr.contains("config.toml: "), "{}", told.stderr);
    let told = gptfs(["ls", "--profile", "work", "export.zip"]).failed(6);
    assert!(told.stderr.contains("config.toml: no such file"), "{}", told.stderr);
}

#[test]
fn a_missing_names_map_is_reported_with_the_file_that_names_it() {
    let home = Scratch::new();
    let config = home.file(".config/gptfs/config.toml", "names-map = \"names.toml\"\n");
    let (file, map) = (config.display(), config.with_file_name("names.toml"));
    let told = outcome(program(&home).arg("ls").arg(demo())).failed(6);
    let reason = format!("names-map: {}: no such file or directory", map.display());
    assert_eq!(told.stderr, format!("gptfs: {file}: {reason}\n"));
    // One that was typed is in no file.
    let told = outcome(program(&home).args(["ls", "--names-map", "no.toml"]).arg(demo())).failed(6);
    assert_eq!(told.stderr, "gptfs: names-map: no.toml: no such file or directory\n");
    outcome(program(&home).arg("cache")).succeeded();
}

#[test]
fn the_readmes_configuration_works_as_printed() {
    let readme = include_str!("../../README.md");
    let text = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("a file");
    let home = Scratch::new();
    home.file(".config/gptfs/config.toml", text);
    for profile in [&[][..], &["--profile", "work"]] {
        let told = outcome(program(&home).arg("ls").args(profile).arg(demo())).succeeded();
        assert_eq!(told.stderr, "");
    }
}

#[test]
fn an_invalid_value_from_the_environment_is_reported_with_its_variable() {
    let home = Scratch::new();
    for (variable, value, reason) in [
        ("GPTFS_TZ", "Europe/Berln", "unknown time zone"),
        ("GPTFS_TIMES", "nope", "use true or false"),
        ("GPTFS_JOBS", "0", "0 is not in 1..=256"),
    ] {
        let told = outcome(program(&home).env(variable, value).arg("ls").arg(demo())).failed(2);
        let start = format!("gptfs: {variable}: invalid value '{value}': {reason}");
        assert!(told.stderr.starts_with(&start), "{}", told.stderr);
    }
    let typed = ["ls", "--tz", "Europe/Berln"];
    let told = outcome(program(&home).env("GPTFS_TZ", "UTC").args(typed).arg(demo())).failed(2);
    assert!(
        told.stderr.starts_with("gptfs: --tz: invalid value 'Europe/Berln': unknown time zone"),
        "{}",
        told.stderr
    );
}

#[test]
fn doctor_examines_the_configuration_with_all_of_its_profiles() {
    let home = Scratch::new();
    let line = |text: &str| {
        home.file(".config/gptfs/config.toml", text);
        let told = outcome(program(&home).arg("doctor")).stdout;
        told.lines().find(|line| line.contains("configuration")).expect("a line").to_owned()
    };
    let sound = line("tz = 'UTC'\n[profile.work]\ntimes = true\n");
    assert!(sound.starts_with("ok") && sound.ends_with("config.toml, with profiles work"), "{sound}");
    for (text, reason) in [
        ("tz = 'Europe/Berln'", "tz: invalid value 'Europe/Berln'"),
        ("[profile.work]\ntzz = 'UTC'", "tzz: unknown"),
        ("names-map = 'names.toml'", "names.toml: no such file"),
        ("tz =", "at line 1"),
    ] {
        let line = line(text);
        assert!(line.starts_with("!!") && line.contains(reason), "{line}");
    }
}

#[test]
fn doctor_says_why_no_index_is_saved() {
    let home = Scratch::new();
    let line = || {
        let told = outcome(program(&home).arg("doctor")).stdout;
        told.lines().find(|line| line.contains("cache/gptfs")).expect("a line").to_owned()
    };
    assert!(line().contains(": 0 saved, "), "{}", line());
    home.directory("elsewhere");
    home.directory("cache");
    std::os::unix::fs::symlink(home.path("elsewhere"), home.path("cache/gptfs")).expect("a link");
    let reason = "must be a directory of yours that nobody else can read (mode 0700)";
    assert!(line().contains(reason), "{}", line());
    outcome(program(&home).arg("ls").arg(demo())).succeeded();
    assert_eq!(fs::read_dir(home.path("elsewhere")).expect("a directory").count(), 0);
}

// A source in place of a command.

#[test]
fn a_source_alone_is_answered_with_what_can_be_done_with_it() {
    let told = gptfs([demo()]);
    assert_eq!((told.code, told.stdout.as_str()), (Some(2), ""));
    for command in ["gptfs mount ", "gptfs ls -R ", "gptfs info ", "gptfs export ", "gptfs help"] {
        assert!(told.stderr.contains(command), "{command}: {}", told.stderr);
    }
}

#[test]
fn check_lists_every_problem_and_fails_if_there_is_one() {
    let sound = gptfs([OsStr::new("check"), demo().as_os_str()]).succeeded();
    assert_eq!(
        (sound.stdout.as_str(), sound.stderr.as_str()),
        ("", "gptfs: demo.zip: 48 conversations, no problem; 1 file is not in the export\n")
    );
    let scratch = Scratch::new();
    let zip = Zip::new()
        .deflated("conversations-000.json", array(&[FIRST]))
        .deflated("conversations-002.json", array(&[SECOND]));
    let source = scratch.zip("export.zip", &zip);
    let told = gptfs([OsStr::new("check"), source.as_os_str()]);
    assert_eq!(told.code, Some(4), "{}", told.stderr);
    assert_eq!(told.stderr, "gptfs: export.zip: 2 conversations, 1 problem\n");
    let listed = gptfs([OsStr::new("cat"), source.as_os_str(), ".gptfs/problems.txt".as_ref()]).succeeded();
    assert_eq!(told.stdout, listed.stdout);
    let told = gptfs(["check".as_ref(), "--json".as_ref(), source.as_os_str()]);
    assert_eq!(told.code, Some(4));
    let problem: serde_json::Value = serde_json::from_str(told.stdout.trim_end()).expect("one object");
    let line = format!("{}: {}\n", problem["subject"].as_str().unwrap(), problem["reason"].as_str().unwrap());
    assert_eq!(line, listed.stdout);
    assert_eq!(problem["path"], serde_json::Value::Null);
}

#[test]
fn check_reads_the_files_of_conversations_too() {
    let scratch = Scratch::new();
    let picture = b"just some picture".repeat(20);
    let mut bytes = Zip::new()
        .deflated("conversations.json", array(&[FIRST]))
        .stored("file-PicturePicturePicture01.png", &picture)
        .stored("file-PicturePicturePicture02.png", &picture[..100])
        .bytes();
    let sound = scratch.file("sound.zip", &bytes);
    gptfs([OsStr::new("check"), sound.as_os_str()]).succeeded();
    let at = bytes.windows(340).position(|window| window == picture).expect("a stored picture");
    bytes[at + 7] ^= 1;
    let damaged = scratch.file("damaged.zip", &bytes);
    for _ in ["indexed", "with a saved index"] {
        let told = gptfs([OsStr::new("check"), damaged.as_os_str()]);
        assert_eq!(
            (told.code, told.stdout.as_str(), told.stderr.as_str()),
            (
                Some(4),
                "file-PicturePicturePicture01.png: its checksum is wrong\n",
                "gptfs: damaged.zip: 1 conversation, 1 problem\n"
            )
        );
    }
    let told = gptfs(["check".as_ref(), "--json".as_ref(), damaged.as_os_str()]);
    let problem: serde_json::Value = serde_json::from_str(told.stdout.trim_end()).expect("one object");
    assert_eq!(problem["reason"], "its checksum is wrong");
}

#[test]
fn a_problem_of_a_conversation_names_its_page() {
    let scratch = Scratch::new();
    let broken = FIRST.replacen("\"mapping\":", "\"mapping\" ", 1);
    let zip = Zip::new().deflated("conversations.json", array(&[&broken, SECOND]));
    let source = scratch.zip("export.zip", &zip);
    let told = gptfs([OsStr::new("check"), source.as_os_str()]);
    assert_eq!(
        told.stdout,
        "conversation 0f1e2d3c-0000-4000-8000-000000000001 (2024/02/First light.md): missing colon added\n"
    );
    let told = gptfs(["check".as_ref(), "--json".as_ref(), source.as_os_str()]);
    let problem: serde_json::Value = serde_json::from_str(told.stdout.trim_end()).expect("one object");
    assert_eq!(problem["path"], "2024/02/First light.md");
}

#[test]
fn the_manual_page_of_a_command_is_printed_by_its_name() {
    let scratch = Scratch::new();
    for (words, start) in
        [(&["man"][..], "GPTFS 1"), (&["man", "grep"], "GPTFS-GREP 1"), (&["man", "tree"], "GPTFS-TREE 5")]
    {
        let told = outcome(program(&scratch).args(words).current_dir(scratch.path(""))).succeeded();
        let title = told.stdout.lines().find(|line| line.starts_with(".TH")).expect("a title").to_owned();
        assert!(title.starts_with(&format!(".TH {start}")), "{title}");
        assert_eq!(scratch.tree().paths(), Vec::<&str>::new(), "nothing is written");
    }
}

// As mount(8) calls it.

/// The program by another name, as an installation links it.
fn linked(home: &Scratch, name: &str) -> PathBuf {
    let link = home.path(name);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_gptfs"), &link).expect("a link");
    link
}

fn run_linked(home: &Scratch, name: &str, words: &[&OsStr]) -> Outcome {
    let link = linked(home, name);
    let mut renamed = Command::new(link);
    for (key, value) in program(home).get_envs() {
        match value {
            Some(value) => renamed.env(key, value),
            None => renamed.env_remove(key),
        };
    }
    outcome(renamed.args(words))
}

#[test]
fn the_forms_of_mount_and_fstab_mount_with_their_options() {
    if !can_mount() {
        return;
    }
    let options = OsStr::new("rw,noauto,nosuid,_netdev,x-systemd.automount,tz=Asia/Tokyo,times");
    for name in ["mount.gptfs", "mount.fuse.gptfs", "gptfs"] {
        let (home, scratch) = (Scratch::new(), Scratch::new());
        let dir = scratch.directory("chats");
        let source = demo();
        run_linked(&home, name, &[source.as_os_str(), dir.as_os_str(), "-o".as_ref(), options]).succeeded();
        let page = fs::read_to_string(dir.join(PAGE));
        let line = mounted(&dir);
        outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
        assert!(page.expect("a page").contains("## User · 2023-03-2"), "{name}");
        let line = line.expect("mounted");
        assert!(line.contains(" ro,") && line.contains(" - fuse.gptfs "), "{name}: {line}");
    }
}

#[test]
fn a_fake_mount_checks_everything_and_mounts_nothing() {
    let scratch = Scratch::new();
    let (dir, source) = (scratch.directory("chats"), demo());
    let fake = |source: &Path, options: &str| {
        let home = Scratch::new();
        let words = [source.as_os_str(), dir.as_os_str(), "-f".as_ref(), "-o".as_ref(), options.as_ref()];
        run_linked(&home, "mount.gptfs", &words)
    };
    fake(&source, "ro,tz=UTC").succeeded();
    assert_eq!(mounted(&dir), None);
    fake(&source, "ro,tz=Mars/Base").failed(2);
    let told = fake(&source, "ro,uid=1000").failed(2);
    assert!(told.stderr.contains("-o uid: unknown option"), "{}", told.stderr);
    fake(&scratch.path("missing.zip"), "ro").failed(6);
}

#[test]
fn mount_calls_its_helper() {
    // SAFETY: reads the id of this process's user and nothing else.
    if !can_mount() || unsafe { libc::geteuid() } != 0 {
        return skip("mount -t fuse.gptfs, which takes root");
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let dir = scratch.directory("chats");
    linked(&home, "mount.fuse.gptfs");
    // mount(8) looks for helpers in /sbin, which we put ours into for nobody but this command.
    let script = "mount --bind \"$0\" /mnt && mount -t overlay overlay -o lowerdir=/mnt:/sbin /sbin && \
                  mount -t fuse.gptfs -o ro,tz=UTC \"$1\" \"$2\" && cat \"$2/$3\"";
    let mut command = Command::new("unshare");
    command.args(["-m", "sh", "-c", script]).arg(home.path("")).arg(demo()).arg(&dir).arg(PAGE);
    let told = outcome(command.env("HOME", home.path("")));
    if told.code != Some(0) && !told.stderr.contains("gptfs") {
        return skip("mount -t fuse.gptfs: this machine can't overlay /sbin");
    }
    assert!(told.succeeded().stdout.contains("## User"));
}

#[test]
fn an_export_named_without_a_directory_is_mounted_beside_itself() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let source = scratch.path("my export.zip");
    fs::copy(demo(), &source).expect("a copy");
    outcome(program(&home).arg("mount").arg(&source)).succeeded();
    let dir = scratch.path("my export");
    let is_there = dir.join(PAGE).is_file();
    outcome(program(&home).arg("unmount").arg(&dir)).succeeded();
    assert!(is_there);
    assert!(!dir.exists(), "the directory that was made is removed");
}

// systemd, completions, manual pages.

#[test]
fn a_unit_names_absolute_paths_and_the_options_that_were_given() {
    let home = Scratch::new();
    let told = outcome(
        program(&home)
            .current_dir(fixtures())
            .env("GPTFS_ALL", "1")
            .args(["systemd", "-o", "ro,times", "--tz", "Europe/Berlin", "demo.zip"])
            .arg("/tmp/my chats"),
    )
    .succeeded();
    let words = format!(" mount --tz=Europe/Berlin --times -- {} \"/tmp/my chats\"\n", demo().display());
    let start = told.stdout.lines().find(|line| line.starts_with("ExecStart=")).expect("ExecStart");
    assert!(format!("{start}\n").ends_with(&words), "{start}");
    let unit = home.file("gptfs-chats.service", &told.stdout);
    let verified = Command::new("systemd-analyze").args(["--user", "verify"]).arg(unit).output();
    let Ok(verified) = verified else { return skip("systemd-analyze verify: systemd is missing") };
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(!said.contains("gptfs-chats.service:"), "{said}");
}

#[test]
fn a_unit_goes_to_the_background_and_names_an_export_that_exists() {
    let told = gptfs([OsStr::new("systemd"), "-f".as_ref(), demo().as_os_str(), "/tmp/my chats".as_ref()]);
    let unit = told.succeeded().stdout;
    assert!(unit.contains(" --foreground=false -- ") && !unit.contains(" --foreground "), "{unit}");
    assert!(unit.contains("enable --now gptfs-my-chats\n"), "{unit}");
    let told = gptfs(["systemd", "/nonexistent/export.zip", "/tmp/chats"]).failed(6);
    assert_eq!(told.stdout, "");
    assert!(told.stderr.contains("export.zip: no such file or directory"), "{}", told.stderr);
}

#[test]
fn a_unit_reads_the_configuration_that_was_named() {
    let home = Scratch::new();
    let config = home.file("my config.toml", "[profile.work]\nforeground = true\ntimes = true\n");
    let command = |words: &[&str]| {
        let mut command = program(&home);
        command.args(words).arg(demo()).arg("/tmp/chats").current_dir(home.path(""));
        outcome(&mut command)
    };
    let unit = command(&["systemd", "--config", "my config.toml", "--profile=work"]).succeeded().stdout;
    let words = format!(" mount --profile=work \"--config={}\" --foreground=false -- ", config.display());
    assert!(unit.contains(&words), "{unit}");
    assert!(command(&["systemd", "--no-config"]).succeeded().stdout.contains(" mount --no-config -- "));
}

#[test]
fn a_command_without_a_manual_page_is_not_a_directory_to_write_all_pages_to() {
    let home = Scratch::new();
    let man = |what: &str| outcome(program(&home).args(["man", what]).current_dir(home.path("")));
    let told = man("serch").failed(2);
    assert!(told.stderr.contains("serch: no such command"), "{}", told.stderr);
    assert!(!home.path("serch").exists());
    man("./serch").succeeded();
    assert!(home.path("serch/gptfs-mount.1").is_file());
    man("serch").succeeded();
}

#[test]
fn completions_know_the_commands_and_options_and_load_in_their_shell() {
    for (shell, check) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")] {
        let script = gptfs(["completions", shell]).succeeded().stdout;
        for word in ["mount", "unmount", "export", "names-map", "allow-other"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
        assert!(!script.contains("fake") && !script.contains("sloppy"), "{shell}: hidden options");
        let scratch = Scratch::new();
        let file = scratch.file("script", script);
        match Command::new(check).arg("-n").arg(file).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
            Err(_) => skip(&format!("the syntax of {shell}'s completions: {shell} is missing")),
        }
    }
}

/// What bash offers for the last of `words`, in a home with the demonstration as `export.zip`.
fn completed(home: &Scratch, words: &[&str]) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_gptfs")).parent().expect("a directory").display().to_string();
    let script = format!(
        "cd; PATH={bin}:$PATH; source <(gptfs completions bash) && COMP_WORDS=(gptfs \"$@\") && COMP_CWORD=$# && \
         _gptfs_words gptfs \"${{@: -1}}\" \"${{@: -2:1}}\" && printf '%s\\n' \"${{COMPREPLY[@]}}\""
    );
    let mut bash = Command::new("bash");
    outcome(bash.env("HOME", home.path("")).env("TZ", "UTC").args(["-c", &script, "bash"]).args(words))
        .succeeded()
        .stdout
}

#[test]
fn bash_completes_paths_inside_an_export() {
    let home = Scratch::new();
    fs::copy(demo(), home.path("export.zip")).expect("a copy");
    let years = "2023/\n2024/\n2025/\n2026/\n";
    for words in [
        &["cat", "export.zip", "20"][..],
        &["ls", "-l", "export.zip", "20"],
        &["cat", "--tz", "UTC", "~/export.zip", "20"],
        &["--no-config", "ls", "--tz", "=", "UTC", r"\~/export.zip", "20"],
    ] {
        assert_eq!(completed(&home, words), years, "{words:?}");
    }
    let lisbon =
        ["assets/", "branches/", "md"].map(|ending| format!("2024/02/Trip to Lisbon.{ending}\n")).concat();
    assert_eq!(completed(&home, &["cat", "export.zip", r"2024/02/Trip\ to"]), lisbon);
    assert!(completed(&home, &["ls", "--dates", "export.zip", "2024/02/"]).contains("2024/02/11 Trip to"));
}

#[test]
fn bash_completes_exports_and_directories_unless_an_option_was_begun() {
    let home = Scratch::new();
    home.file("a dir/notes.txt", "");
    for name in ["export.zip", "notes.txt"] {
        home.file(name, "");
    }
    for command in ["mount", "ls", "info", "check", "export", "grep", "recent", "cat"] {
        assert_eq!(completed(&home, &[command, ""]), "a dir\nexport.zip\n", "{command}");
    }
    assert_eq!(completed(&home, &["mount", "--thinking", "h"]), "hide\n");
    assert_eq!(completed(&home, &["completions", ""]), "bash\nzsh\nfish\n");
    assert!(completed(&home, &["mount", "--no-w"]).starts_with("--no-wait"));
    // Left to the shell, which completes directories.
    assert_eq!(completed(&home, &["unmount", ""]), "\n");
}

#[test]
fn there_is_a_manual_page_for_each_command_and_one_for_the_tree() {
    let scratch = Scratch::new();
    let dir = scratch.path("man");
    gptfs([OsStr::new("man"), dir.as_os_str()]).succeeded();
    let pages = scratch.tree();
    let commands = ["mount", "unmount", "ls", "cat", "export", "info", "check", "cache", "demo", "doctor"];
    for name in ["gptfs.1".to_owned(), "gptfs-tree.5".to_owned()]
        .into_iter()
        .chain(commands.map(|command| format!("gptfs-{command}.1")))
    {
        let page = pages.0.get(&format!("man/{name}")).unwrap_or_else(|| panic!("{name}"));
        assert!(page.windows(3).any(|word| word == b".TH"), "{name}");
    }
    let printed = gptfs(["man"]).succeeded().stdout;
    assert_eq!(printed.as_bytes(), pages.0["man/gptfs.1"]);
    assert!(printed.contains(".SH EXAMPLES\n") && printed.contains(".SH EXIT STATUS\n"), "{printed}");
    assert!(printed.contains("gptfs\\-tree(5)") && !printed.contains("gptfs\\-help"), "{printed}");
    let listing = String::from_utf8_lossy(&pages.0["man/gptfs-ls.1"]).into_owned();
    assert!(listing.contains(".SH SYNOPSIS\n.nf\ngptfs ls [OPTIONS] <SOURCE> [PATH]...\n.fi\n"), "{listing}");
    for page in ["gptfs-tree.5", "gptfs.1", "gptfs-mount.1", "gptfs-ls.1"] {
        match Command::new("man").args(["--warnings", "-E", "UTF-8", "-l"]).arg(dir.join(page)).output() {
            Ok(output) => assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{page}"),
            Err(_) => return skip("the form of manual pages: man is missing"),
        }
    }
}

#[test]
fn man_finds_the_page_about_the_tree_where_the_readme_puts_the_pages() {
    let scratch = Scratch::new();
    gptfs([OsStr::new("man"), scratch.path("man/man1").as_os_str()]).succeeded();
    let paths = scratch.tree();
    let paths = paths.paths();
    assert!(paths.contains(&"man/man1/gptfs.1") && paths.contains(&"man/man5/gptfs-tree.5"), "{paths:?}");
    for words in [&["gptfs-tree"][..], &["5", "gptfs-tree"], &["gptfs-mount"]] {
        match Command::new("man").arg("-w").args(words).env("MANPATH", scratch.path("man")).output() {
            Ok(output) => assert!(output.status.success(), "{words:?}"),
            Err(_) => return skip("looking for manual pages: man is missing"),
        }
    }
}

#[test]
fn doctor_says_what_mounting_needs() {
    let told = gptfs(["doctor"]);
    for what in ["version", "FUSE device", "fusermount3", "kernel", "open files", "cache", "processor"] {
        assert!(told.stdout.contains(what), "{what}: {}", told.stdout);
    }
    assert!(matches!(told.code, Some(0 | 6)), "{}", told.stderr);
}

// The demonstration.

#[test]
fn the_demonstration_says_what_to_try_and_ends_with_ctrl_c() {
    if !can_mount() {
        return;
    }
    let (home, scratch) = (Scratch::new(), Scratch::new());
    let mut command = program(&home);
    command.arg("demo").env("TMPDIR", scratch.path("")).stdout(Stdio::piped()).process_group(0);
    let mut child = command.spawn().expect("the program");
    let lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    let said: Vec<String> = lines.map_while(Result::ok).take_while(|line| !line.contains("Ctrl-C")).collect();
    let listed = said.iter().find_map(|line| line.trim().strip_prefix("ls -R ")).expect("a listing to try");
    let dir = PathBuf::from(listed);
    until("the demonstration is mounted", || dir.join(PAGE).is_file());
    let words = said.iter().filter(|line| line.starts_with("  ")).count();
    assert_eq!(words, 3, "{said:?}");
    for command in said.iter().filter(|line| line.starts_with("  ")) {
        let tried = outcome(Command::new("sh").arg("-c").arg(command));
        if tried.code == Some(127) {
            skip(&format!("a command of the demonstration: {}", tried.stderr.trim()));
            continue;
        }
        assert!(!tried.succeeded().stdout.is_empty(), "{command}");
    }
    assert!(send("INT", child.id()));
    let status = child.wait().expect("its end");
    assert!(status.success(), "{status}");
    assert_eq!(mounted(&dir), None);
    assert_eq!(scratch.tree().paths(), Vec::<&str>::new(), "nothing is left");
}

#[test]
fn a_demonstration_that_is_interrupted_twice_before_it_is_mounted_leaves_nothing() {
    if !can_mount() {
        return;
    }
    for _ in 0..5 {
        let (home, scratch) = (Scratch::new(), Scratch::new());
        let mut command = program(&home);
        command.arg("demo").env("TMPDIR", scratch.path("")).stdout(Stdio::null()).process_group(0);
        let mut child = command.spawn().expect("the program");
        until("the demonstration has begun", || {
            fs::read_dir(scratch.path("")).expect("a directory").next().is_some()
        });
        // The first may have ended it already.
        let _ = (send("INT", child.id()), send("INT", child.id()));
        child.wait().expect("its end");
        assert_eq!(fs::read_dir(scratch.path("")).expect("a directory").count(), 0, "nothing is left");
    }
}
