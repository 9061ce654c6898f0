//! Runs commands and mounts, and measures their time and memory.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The cost of one run of a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    /// Time from start to exit.
    pub(crate) wall: Duration,
    /// Processor time, in user and kernel mode, of the process and the children it waited for.
    pub(crate) processor: Duration,
    /// Peak resident memory of the process, in bytes.
    pub(crate) peak: u64,
}

/// Runs a shell command and discards its output. Returns `None` if it fails or is not installed.
pub(crate) fn shell(command: &str) -> Option<Cost> {
    let mut child = Command::new("bash");
    child.args(["-c", &format!("set -o pipefail; {{ {command}; }} >/dev/null 2>&1")]).stdin(Stdio::null());
    cost(&mut child).filter(|(status, _)| status.success()).map(|(_, cost)| cost)
}

/// Runs a command and measures its cost.
fn cost(command: &mut Command) -> Option<(ExitStatus, Cost)> {
    // A child starts at the peak of its parent, and generating exports takes a lot. Writing 5 resets our peak.
    std::fs::write("/proc/self/clear_refs", "5").ok()?;
    let start = Instant::now();
    let child = command.spawn().ok()?;
    let pid = libc::pid_t::try_from(child.id()).ok()?;
    let mut status = 0;
    // SAFETY: all-zero bytes are a valid rusage.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers are to live locals, and the child has not been waited for.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    let wall = start.elapsed();
    let status = std::os::unix::process::ExitStatusExt::from_raw(status);
    let micros = |time: libc::timeval| (time.tv_sec * 1_000_000 + time.tv_usec).unsigned_abs();
    let processor = Duration::from_micros(micros(usage.ru_utime) + micros(usage.ru_stime));
    (waited == pid).then_some((status, Cost { wall, processor, peak: usage.ru_maxrss.unsigned_abs() * 1024 }))
}

/// A gptfs mount, unmounted when dropped.
pub(crate) struct Mount {
    /// The mountpoint.
    pub(crate) dir: PathBuf,
    /// Time until the command returned.
    pub(crate) ready: Duration,
    daemon: Option<u32>,
}

impl Mount {
    /// Runs `gptfs mount` with these options.
    pub(crate) fn new(gptfs: &Path, zip: &Path, dir: &Path, options: &[&str]) -> io::Result<Self> {
        let start = Instant::now();
        let status = Command::new(gptfs)
            .arg("mount")
            .args(options)
            .arg(zip)
            .arg(dir)
            .stderr(Stdio::null())
            .status()?;
        let ready = start.elapsed();
        if !status.success() {
            return Err(io::Error::other(format!("gptfs mount: {status}")));
        }
        Ok(Self { dir: dir.to_owned(), ready, daemon: daemon_of(dir) })
    }

    /// Processor time of the daemon so far.
    pub(crate) fn processor(&self) -> Option<Duration> {
        let status = std::fs::read_to_string(format!("/proc/{}/stat", self.daemon?)).ok()?;
        // The name of the program, in parentheses, may contain blanks.
        let mut fields = status.rsplit(')').next()?.split_whitespace().skip(11);
        let mut ticks = || fields.next()?.parse::<u64>().ok();
        // User and kernel mode, in ticks of 10 ms.
        Some(Duration::from_millis((ticks()? + ticks()?) * 10))
    }

    /// Peak and current resident memory of the daemon, in bytes.
    pub(crate) fn memory(&self) -> Option<(u64, u64)> {
        let mut status = String::new();
        File::open(format!("/proc/{}/status", self.daemon?)).ok()?.read_to_string(&mut status).ok()?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            Some(line.trim().trim_end_matches(" kB").trim().parse::<u64>().ok()? * 1024)
        };
        Some((field("VmHWM:")?, field("VmRSS:")?))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.dir).status();
        // Don't let its exit overlap with the next measurement.
        while self.daemon.is_some_and(|pid| Path::new(&format!("/proc/{pid}/exe")).exists()) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Finds the gptfs process whose last argument is `dir`.
fn daemon_of(dir: &Path) -> Option<u32> {
    let processes = std::fs::read_dir("/proc").ok()?;
    processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok()).find(|pid| {
        let arguments = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut arguments = arguments.split(|&byte| byte == 0).filter(|argument| !argument.is_empty());
        arguments.next().is_some_and(|name| name.ends_with(b"gptfs"))
            && arguments.next_back().is_some_and(|last| last == dir.as_os_str().as_encoded_bytes())
    })
}

/// Returns true if a program is in `PATH`.
pub(crate) fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| dir.join(OsStr::new(program)).is_file())
}

/// The median.
pub(crate) fn median<T: Copy + PartialOrd>(values: &mut [T]) -> Option<T> {
    quantile(values, 50)
}

/// A percentile.
pub(crate) fn quantile<T: Copy + PartialOrd>(values: &mut [T], percent: usize) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    let last = values.len().checked_sub(1)?;
    values.get((last * percent).div_ceil(100)).copied()
}
