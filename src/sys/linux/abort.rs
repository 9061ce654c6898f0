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
