//! Getting a file system into the tree of mounts and out of it: by `mount(2)` as root, else by `fusermount3`.

use crate::error::{Error, ErrorKind, Result, describe};
use crate::sys::mounts::{self, Mounted};
use crate::sys::{self, Unmounting, User};
use crate::text::printable;
use std::env;
use std::fs;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The type of our mounts in the table of mounts.
pub(super) const KIND: &str = "fuse.gptfs";

const DEVICE: &str = "/dev/fuse";
/// What opening the device and mounting report where the kernel lacks FUSE: ENXIO and ENODEV.
const NO_DEVICE: i32 = 6;
const NO_SUCH_DEVICE: i32 = 19;

const HELPER: &str = "fusermount3";
const HELPER_SETTINGS: &str = "/etc/fuse.conf";
const WITHOUT: &str = "gptfs ls, cat and export work without it";

/// Checks what mounting needs of the machine, before anything expensive is done.
///
/// # Errors
/// `Environment`, with what to install or change.
pub(super) fn check(allow_other: bool) -> Result<()> {
    if !Path::new(DEVICE).exists() {
        return Err(refused(format!(
            "{DEVICE} is missing; install fuse3 and load its module with `modprobe fuse`; {WITHOUT}"
        )));
    }
    if User::current().is_root() {
        return Ok(());
    }
    let opened = fs::File::options().read(true).write(true).open(DEVICE);
    if opened.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied) {
        return Err(refused(format!(
            "you have no access to {DEVICE}; root may open it with `chmod 666 {DEVICE}`; {WITHOUT}"
        )));
    }
    if helper().is_none() {
        return Err(refused(format!("{HELPER} is missing; install fuse3; {WITHOUT}")));
    }
    if allow_other && !others_allowed(&fs::read_to_string(HELPER_SETTINGS).unwrap_or_default()) {
        return Err(refused(format!(
            "--allow-other needs a line `user_allow_other` in {HELPER_SETTINGS}, which root may add"
        )));
    }
    Ok(())
}

/// What `gptfs doctor` says of the FUSE device.
///
/// # Errors
/// `Environment` if it can't be used, with what to do.
pub(crate) fn examine_device() -> Result<String> {
    match fs::File::options().read(true).write(true).open(DEVICE) {
        Ok(_) => Ok(format!("{DEVICE} can be opened")),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused(format!(
            "you have no access to {DEVICE}; root may open it with `chmod 666 {DEVICE}`"
        ))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(refused(format!(
            "{DEVICE} is missing; install fuse3 and load its module with `modprobe fuse`"
        ))),
        Err(error) => Err(refused(format!("{DEVICE}: {}", describe(&error)))),
    }
}

/// What `gptfs doctor` says of the program that mounts for ordinary users.
///
/// # Errors
/// `Environment` if it is missing or lacks root's rights.
pub(crate) fn examine_helper() -> Result<String> {
    use std::os::unix::fs::MetadataExt as _;
    let is_root = User::current().is_root();
    let Some(path) = helper() else {
        if is_root {
            return Ok(format!("{HELPER} is missing; root mounts without it"));
        }
        return Err(refused(format!("{HELPER} is missing; install fuse3")));
    };
    let name = path.display();
    match fs::metadata(&path) {
        Ok(found) if is_root || (found.uid() == 0 && found.mode() & 0o4000 != 0) => Ok(name.to_string()),
        Ok(_) => Err(refused(format!("{name} is not setuid root; root may run: chmod u+s {name}"))),
        Err(error) => Err(refused(format!("{name}: {}", describe(&error)))),
    }
}

/// True if this user may mount with `--allow-other`.
pub(crate) fn are_others_allowed() -> bool {
    User::current().is_root() || others_allowed(&fs::read_to_string(HELPER_SETTINGS).unwrap_or_default())
}

fn refused(reason: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Environment, format!("cannot mount: {reason}"))
}

fn others_allowed(settings: &str) -> bool {
    settings.lines().any(|line| line.split('#').next().unwrap_or_default().trim() == "user_allow_other")
}

/// The path of `fusermount3`: what `FUSERMOUNT_PATH` says, or in `PATH`, or in the system's own directories.
fn helper() -> Option<PathBuf> {
    if let Some(path) = env::var_os("FUSERMOUNT_PATH") {
        return Some(path.into());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/bin", "/bin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).chain(system).map(|directory| directory.join(HELPER)).find(|file| file.is_file())
}

/// The same, or only its name.
pub(super) fn helper_path() -> PathBuf {
    helper().unwrap_or_else(|| HELPER.into())
}

fn helper_command() -> Command {
    let mut command = Command::new(helper_path());
    command.env("LC_ALL", "C").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

/// Mounts at `target` and returns the descriptor through which the kernel asks. `pinned` leads to the same directory even if
/// its name doesn't any more; `fusermount3` pins it by itself.
///
/// # Errors
/// `Environment`, with what to do.
pub(super) fn mount(target: &Path, pinned: &Path, source: &str, allow_other: bool) -> Result<OwnedFd> {
    let source = source_name(source);
    let others = if allow_other { ",allow_other" } else { "" };
    if !User::current().is_root() {
        return mount_by_helper(target, &source, others);
    }
    match mount_by_root(pinned, &source, others) {
        Ok(device) => Ok(device),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Err(refused(format!(
            "{}; a container needs the device {DEVICE} and the capability CAP_SYS_ADMIN; {WITHOUT}",
            describe(&error)
        ))),
        Err(error) if matches!(error.raw_os_error(), Some(NO_DEVICE | NO_SUCH_DEVICE)) => {
            Err(refused(format!("the kernel has no FUSE support; load it with `modprobe fuse`; {WITHOUT}")))
        }
        Err(error) => Err(super::system_error(&target.display(), &error)),
    }
}

fn mount_by_root(target: &Path, source: &str, others: &str) -> io::Result<OwnedFd> {
    let device = fs::File::options().read(true).write(true).open(DEVICE)?;
    let User { uid, gid } = User::current();
    let options = format!(
        "fd={},rootmode=40000,user_id={uid},group_id={gid},default_permissions{others}",
        device.as_raw_fd()
    );
    sys::mount_read_only(source, target, KIND, &options)?;
    Ok(device.into())
}

/// Has `fusermount3` mount with root's rights. It hands over the descriptor through the socket that is its standard input.
fn mount_by_helper(target: &Path, source: &str, others: &str) -> Result<OwnedFd> {
    let failed = |error| refused(format!("{HELPER}: {}", describe(&error)));
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let options = format!("ro,nosuid,nodev,noexec,default_permissions,subtype=gptfs,fsname={source}{others}");
    let mut child = helper_command()
        .args(["-o", &options, "--"])
        .arg(target)
        .env("_FUSE_COMMFD", "0")
        .stdin(OwnedFd::from(theirs))
        .spawn()
        .map_err(failed)?;
    let device = sys::receive_descriptor(&ours).map_err(failed)?;
    drop(ours);
    let mut words = String::new();
    if let Some(stderr) = &mut child.stderr {
        // Its words only explain a failure.
        let _ = stderr.take(4096).read_to_string(&mut words);
    }
    let _ = child.wait();
    device.ok_or_else(|| {
        refused(format!(
            "{}; {WITHOUT}",
            printable(last_line(&words).unwrap_or("fusermount3 gave no reason"))
        ))
    })
}

fn last_line(words: &str) -> Option<&str> {
    words.lines().map(str::trim).rfind(|line| !line.is_empty())
}

/// `source` in a form that is safe as a mount option and in the table of mounts.
fn source_name(source: &str) -> String {
    let name: String = source
        .chars()
        .map(|c| if c == ',' || c == '\\' || crate::text::steers_a_terminal(c) { '_' } else { c })
        .take(100)
        .collect();
    if name.is_empty() { "gptfs".to_owned() } else { name }
}

/// Takes the mount at `target` out of the tree.
///
/// # Errors
/// `ResourceBusy` if it is in use; others in the words of the system or of `fusermount3`.
pub(super) fn unmount(target: &Path, how: Unmounting) -> io::Result<()> {
    if User::current().is_root() {
        return sys::unmount(target, how);
    }
    let mut command = helper_command();
    command.arg("-u");
    if how == Unmounting::Detach {
        command.arg("-z");
    }
    let output = command.arg("--").arg(target).output()?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let kind = if words.contains("busy") { io::ErrorKind::ResourceBusy } else { io::ErrorKind::Other };
    Err(io::Error::new(kind, printable(last_line(&words).unwrap_or("fusermount3 failed")).to_string()))
}

/// Takes `mounted` out of the tree if it is still there, and never a mount that came after it.
pub(super) fn detach(mounted: &Mounted) {
    let still_there = mounts::at(&mounted.target)
        .ok()
        .flatten()
        .is_some_and(|now| now.device == mounted.device && now.kind == mounted.kind);
    if still_there {
        // If somebody unmounts it first, that will do.
        let _ = unmount(&mounted.target, Unmounting::Detach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_name_cannot_add_mount_options() {
        assert_eq!(source_name("a,allow_other\\\n.zip"), "a_allow_other__.zip");
        assert_eq!(source_name("Gespräche 2024.zip"), "Gespräche 2024.zip");
        assert_eq!(source_name(""), "gptfs");
    }

    #[test]
    fn the_setting_counts_as_a_line_of_its_own_with_or_without_a_comment() {
        assert!(others_allowed("# text\n user_allow_other \n"));
        assert!(others_allowed("user_allow_other # for gptfs\n"));
        assert!(!others_allowed("#user_allow_other\nmount_max = 5\n"));
    }

    #[test]
    fn the_reason_is_the_last_line_that_is_not_blank() {
        assert_eq!(last_line("a\n b \n\n"), Some("b"));
        assert_eq!(last_line("\n"), None);
    }
}
