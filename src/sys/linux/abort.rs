//! What a process that aborts still does: for lack of memory, Rust ends it without unwinding.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// What the handler needs, made in advance: in it, nothing may be allocated.
struct Farewell {
    target: CString,
    helper: CString,
}

static FAREWELL: OnceLock<Farewell> = OnceLock::new();

/// False again once it is unmounted: what is there then may be another mount.
static IS_MOUNTED: AtomicBool = AtomicBool::new(false);

/// Has the mount at `target` taken out of the tree should this process abort, by root itself and otherwise by `helper`, a
/// path of `fusermount3`. Only the first call of a process has an effect.
///
/// # Errors
/// If a path has a zero byte, or for lack of memory.
pub(crate) fn unmount_on_abort(target: &Path, helper: &Path) -> io::Result<()> {
    let text = |path: &Path| CString::new(path.as_os_str().as_bytes());
    if FAREWELL.set(Farewell { target: text(target)?, helper: text(helper)? }).is_err() {
        return Ok(());
    }
    IS_MOUNTED.store(true, Ordering::Relaxed);
    let handler: extern "C" fn(libc::c_int) = on_abort;
    // SAFETY: the handler makes only calls that are allowed in a signal handler, and the flag restores the default.
    let before = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler as libc::sighandler_t;
        action.sa_flags = libc::SA_RESETHAND;
        libc::sigaction(libc::SIGABRT, &raw const action, ptr::null_mut())
    };
    if before == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Has nothing unmounted any more.
pub(crate) fn nothing_on_abort() {
    IS_MOUNTED.store(false, Ordering::Relaxed);
}

/// Unmounts. When it returns, the process aborts.
extern "C" fn on_abort(_: libc::c_int) {
    let Some(Farewell { target, helper }) = FAREWELL.get().filter(|_| IS_MOUNTED.load(Ordering::Relaxed))
    else {
        return;
    };
    // SAFETY: the text ends with a zero and is never freed.
    if unsafe { libc::umount2(target.as_ptr(), libc::MNT_DETACH | libc::UMOUNT_NOFOLLOW) } == 0 {
        return;
    }
    let words: [Option<&CStr>; 6] = [Some(helper), Some(c"-u"), Some(c"-z"), Some(c"--"), Some(target), None];
    let arguments = words.map(|word| word.map_or(ptr::null(), CStr::as_ptr));
    // SAFETY: the child only executes, with texts that are never freed and an array that ends with a null pointer.
    unsafe {
        match libc::fork() {
            0 => {
                libc::execv(helper.as_ptr(), arguments.as_ptr());
                libc::_exit(127);
            }
            child if child > 0 => {
                libc::waitpid(child, ptr::null_mut(), 0);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Command, abort};
    use std::{env, fs};

    const SCRIPT: &str = "GPTFS_TEST_ABORT";

    /// What the tests below run as a process of its own, which does nothing otherwise.
    #[test]
    fn the_process_that_aborts() {
        let Ok(script) = env::var(SCRIPT) else { return };
        let folder = env::current_dir().unwrap();
        // Unmounting it fails, as it does for an ordinary user.
        let (target, helper) = (folder.join("chats"), folder.join("helper"));
        unmount_on_abort(&target, &helper).unwrap();
        match &*script {
            "unmounted" => nothing_on_abort(),
            "another" => unmount_on_abort(Path::new("/nonexistent"), Path::new("/bin/false")).unwrap(),
            _ => {}
        }
        abort();
    }

    /// Runs `script` in a folder with a helper that writes down its arguments, if there is to be one. Returns them.
    fn arguments(script: &str, has_helper: bool) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        if has_helper {
            let helper = folder.path().join("helper");
            fs::write(&helper, "#!/bin/sh\necho \"$@\" > arguments\n").unwrap();
            fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let words = ["--exact", "sys::linux::abort::tests::the_process_that_aborts", "--test-threads=1"];
        let mut command = Command::new("sh");
        command.args(["-c", "ulimit -c 0 && exec \"$@\"", "sh"]).arg(env::current_exe().unwrap()).args(words);
        let output = command.env(SCRIPT, script).current_dir(folder.path()).output().unwrap();
        assert_eq!(output.status.signal(), Some(libc::SIGABRT), "{output:?}");
        let said = fs::read_to_string(folder.path().join("arguments")).ok()?;
        Some(said.replace(folder.path().to_str().unwrap(), "FOLDER"))
    }

    #[test]
    fn a_process_that_aborts_has_its_mount_taken_out_of_the_tree_by_the_helper() {
        assert_eq!(arguments("mounted", true).as_deref(), Some("-u -z -- FOLDER/chats\n"));
    }

    #[test]
    fn a_process_that_aborts_without_a_helper_ends_all_the_same() {
        assert_eq!(arguments("mounted", false), None);
    }

    #[test]
    fn nothing_is_unmounted_by_an_abort_after_the_mount_is_gone() {
        assert_eq!(arguments("unmounted", true), None);
    }

    #[test]
    fn only_the_first_mount_of_a_process_counts() {
        assert_eq!(arguments("another", true).as_deref(), Some("-u -z -- FOLDER/chats\n"));
    }

    #[test]
    fn a_path_that_cannot_be_one_is_an_error() {
        let target = Path::new("a\0b");
        assert_eq!(unmount_on_abort(target, target).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
