//! Processor time and peak memory of one run of the program.
//!
//! A child's peak memory starts at that of the process that forks it, and the suite is large. So a small helper does
//! the forking: this binary again, running only [`the_measuring_helper`].

use crate::support::Scratch;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The program's arguments, for the helper, with a separator that no path in the suite contains.
const ARGUMENTS: &str = "GPTFS_TEST_MEASURED";
const SEPARATOR: u8 = 0x1f;

/// The cost of one run.
#[derive(Debug)]
pub(crate) struct Cost {
    /// The exit code, or `None` if a signal killed the process.
    pub(crate) code: Option<i32>,
    /// Processor time of all threads, in user and kernel mode.
    pub(crate) processor: Duration,
    /// Peak resident memory, in KiB.
    pub(crate) peak_kib: u64,
    /// Standard error.
    pub(crate) stderr: String,
}

/// Runs the program in UTC with a fresh home directory, throws its output away, and returns what it cost.
pub(crate) fn measured<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(arguments: I) -> Cost {
    let home = Scratch::new();
    let arguments: Vec<_> = arguments.into_iter().map(|word| word.as_ref().as_bytes().to_vec()).collect();
    let output = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "measured::the_measuring_helper", "--nocapture", "--test-threads=1"])
        .env(ARGUMENTS, OsString::from_vec(arguments.join(&SEPARATOR)))
        .env("HOME", home.path(""))
        .env("XDG_CACHE_HOME", home.path("cache"))
        .env("TZ", "UTC")
        .stdin(Stdio::null())
        .output()
        .expect("the helper starts");
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    // The harness prints the name of the test on the same line.
    let figures = stdout.split("cost: ").nth(1).unwrap_or_else(|| panic!("no figures: {output:?}"));
    let mut figures = figures.split_whitespace().map(|word| word.parse::<i64>().expect("a number"));
    let mut next = || figures.next().expect("three figures");
    Cost {
        code: i32::try_from(next()).ok().filter(|code| *code >= 0),
        processor: Duration::from_micros(next().unsigned_abs()),
        peak_kib: next().unsigned_abs(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The processor time of a run that succeeds.
#[track_caller]
pub(crate) fn processor_time<I: IntoIterator<Item = A>, A: AsRef<OsStr>>(arguments: I) -> Duration {
    let cost = measured(arguments);
    assert_eq!(cost.code, Some(0), "{}", cost.stderr);
    cost.processor
}

#[test]
fn the_measuring_helper() {
    let Some(arguments) = std::env::var_os(ARGUMENTS) else { return };
    let arguments = arguments.as_bytes().split(|byte| *byte == SEPARATOR).map(OsStr::from_bytes);
    let status = Command::new(env!("CARGO_BIN_EXE_gptfs"))
        .args(arguments)
        .env_remove(ARGUMENTS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .expect("the program starts");
    // SAFETY: all-zero bytes are a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live local.
    assert_eq!(unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) }, 0);
    let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
    let processor = micros(usage.ru_utime) + micros(usage.ru_stime);
    println!("cost: {} {processor} {} ", status.code().unwrap_or(-1), usage.ru_maxrss);
}
