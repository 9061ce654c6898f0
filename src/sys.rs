//! What the standard library lacks of the operating system: calls of libc behind safe functions.
//!
//! The only user of `libc`. Knows nothing of exports or of gptfs's own errors: everything fails with
//! [`io::Error`], and whoever calls says what it was about.

pub mod mounts;

use std::ffi::CString;
use std::fs::{self, File};
use std::io;
use std::mem::{MaybeUninit, size_of, size_of_val};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Turns the usual `-1` of libc into the error that `errno` names.
fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `path` as libc wants it.
fn c_path(path: &Path) -> io::Result<CString> {
    Ok(CString::new(path.as_os_str().as_bytes())?)
}

/// Who runs this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// Effective user id.
    pub uid: u32,
    /// Effective group id.
    pub gid: u32,
}

impl User {
    /// Who runs this process now.
    pub fn current() -> Self {
        // SAFETY: both functions take nothing, touch no memory and never fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        Self { uid, gid }
    }

    /// True for the superuser.
    pub fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// Which of the two processes one is after [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    /// The one that called.
    Parent,
    /// The new one.
    Child,
}

/// Splits this process in two.
///
/// # Errors
/// If this process has more than one thread (the child would inherit the locks of threads that it doesn't
/// have), or the system refuses another process.
pub fn fork() -> io::Result<Fork> {
    // The harness of tests has a thread that only waits for the test.
    let allowed = if cfg!(test) { 2 } else { 1 };
    let threads = fs::read_dir("/proc/self/task")?.count();
    if threads > allowed {
        return Err(io::Error::other(format!("can't fork a process of {threads} threads")));
    }
    // SAFETY: this is the only thread, so no lock is held by a thread that the child lacks, and the child may
    // go on like any process.
    match checked(unsafe { libc::fork() })? {
        0 => Ok(Fork::Child),
        _ => Ok(Fork::Parent),
    }
}

/// Leaves the terminal: the process becomes the head of a session of its own, out of reach of Ctrl-C.
///
/// # Errors
/// If it already heads a group of processes.
pub fn new_session() -> io::Result<()> {
    // SAFETY: takes nothing and touches no memory.
    checked(unsafe { libc::setsid() }).map(drop)
}

/// Points standard input, output and error to `/dev/null`.
///
/// # Errors
/// If `/dev/null` can't be opened.
pub fn silence_standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for stream in 0..=2 {
        // SAFETY: both are plain numbers; `null` is open, and nothing in Rust owns descriptors 0 to 2.
        checked(unsafe { libc::dup2(null.as_raw_fd(), stream) })?;
    }
    Ok(())
}

/// Has the allocator give memory back early, where the C library can: blocks of 4 MiB at once, and what is free at the end
/// of its own memory from 2 MiB on. Left alone it learns from the first large conversation to keep as much for ever.
pub fn give_memory_back_early() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes plain numbers; may be called from any thread at any time.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 2 << 20);
    }
}

/// Gives memory that was freed back to the system, where the C library can.
pub fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes a plain number; may be called from any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Opens a file for reading, unless `path` itself is a symbolic link.
///
/// # Errors
/// Those of `open`; `ELOOP` for a link.
pub fn open_without_following(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// How many files this process may have open.
pub fn open_files_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for the answer and lives longer than the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) }).ok()?;
    Some(limit.rlim_cur)
}

/// Asks the file system at `path` for its totals, only to learn whether it answers: a file system whose daemon
/// died says `NotConnected`. Blocks as long as the file system does.
///
/// # Errors
/// Those of `statfs`.
pub fn probe_file_system(path: &Path) -> io::Result<()> {
    let path = c_path(path)?;
    let mut totals = MaybeUninit::<libc::statfs>::uninit();
    // SAFETY: `path` ends with NUL, and `totals` has room for the answer, which nobody reads.
    checked(unsafe { libc::statfs(path.as_ptr(), totals.as_mut_ptr()) }).map(drop)
}

/// Mounts a read-only file system that honours neither devices, set-user-id bits nor programs.
///
/// # Errors
/// Those of `mount`; `PermissionDenied` unless one is privileged.
pub fn mount_read_only(source: &str, target: &Path, kind: &str, options: &str) -> io::Result<()> {
    let (source, target) = (CString::new(source)?, c_path(target)?);
    let (kind, options) = (CString::new(kind)?, CString::new(options)?);
    let flags = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    // SAFETY: all four strings end with NUL and live longer than the call; a FUSE file system takes its options
    // as a string.
    checked(unsafe {
        libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, options.as_ptr().cast())
    })
    .map(drop)
}

/// Whether an unmounting waits for those who still use the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmounting {
    /// Fails if somebody uses it.
    IfUnused,
    /// Takes it out of the tree now; those who use it go on until they are done.
    Detach,
}

/// Unmounts what is mounted at `target`, which must not be a symbolic link.
///
/// # Errors
/// Those of `umount2`: `ResourceBusy`, `InvalidInput` if nothing is mounted there, `PermissionDenied`.
pub fn unmount(target: &Path, how: Unmounting) -> io::Result<()> {
    let target = c_path(target)?;
    let flags = match how {
        Unmounting::IfUnused => libc::UMOUNT_NOFOLLOW,
        Unmounting::Detach => libc::UMOUNT_NOFOLLOW | libc::MNT_DETACH,
    };
    // SAFETY: `target` ends with NUL and lives longer than the call.
    checked(unsafe { libc::umount2(target.as_ptr(), flags) }).map(drop)
}

/// The signals that ask a process to end (INT, TERM and HUP), held back so that they can be waited for.
///
/// Threads that are started later hold them back too. Dropping it delivers them again.
#[derive(Debug)]
pub struct EndSignals {
    waiting: File,
    before: libc::sigset_t,
}

impl EndSignals {
    /// Holds the signals back in this thread and in those that it starts from now on.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub fn hold() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        let mut before = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: `sigemptyset` makes a valid set of `set` before anything reads it, `pthread_sigmask` fills
        // `before` when it succeeds and is asserted to, and a new descriptor from `signalfd` has no other owner.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
                libc::sigaddset(set.as_mut_ptr(), signal);
            }
            let waiting = checked(libc::signalfd(-1, set.as_ptr(), libc::SFD_CLOEXEC | libc::SFD_NONBLOCK))?;
            let waiting = File::from_raw_fd(waiting);
            match libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), before.as_mut_ptr()) {
                0 => Ok(Self { waiting, before: before.assume_init() }),
                error => Err(io::Error::from_raw_os_error(error)),
            }
        }
    }

    /// Takes one signal that has arrived; false if none has.
    pub fn take(&self) -> bool {
        let mut record = [0; size_of::<libc::signalfd_siginfo>()];
        io::Read::read(&mut &self.waiting, &mut record).is_ok_and(|length| length > 0)
    }
}

impl AsFd for EndSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.waiting.as_fd()
    }
}

impl Drop for EndSignals {
    fn drop(&mut self) {
        // SAFETY: `before` was filled by `pthread_sigmask`; no old set is asked for.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.before, std::ptr::null_mut());
        }
    }
}

/// Waits until one of `descriptors` can be read or its other end is closed; tells which. `None` waits for ever.
///
/// # Errors
/// Only for want of memory. A call that a signal interrupts comes back with nothing.
pub fn wait_readable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    // A negative descriptor is skipped by `poll`.
    let mut polled = descriptors.map(|descriptor| libc::pollfd {
        fd: descriptor.map_or(-1, |descriptor| descriptor.as_raw_fd()),
        events: libc::POLLIN,
        revents: 0,
    });
    let milliseconds = timeout.map_or(-1, |timeout| i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX));
    // SAFETY: the pointer and the number describe `polled`, which lives longer than the call.
    let result = checked(unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, milliseconds) });
    match result {
        Ok(_) => Ok(polled.map(|polled| polled.revents != 0)),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
    }
}

/// Receives a descriptor that the other end of `socket` hands over; `None` if it closes without one.
///
/// # Errors
/// Those of `recvmsg`.
pub fn receive_descriptor(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    // Words, because the control message begins with a length that wants to be aligned.
    let mut control = [0_u64; 8];
    let mut byte = 0_u8;
    let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let received: RawFd;
    // SAFETY: an all-zero `msghdr` is valid; its pointers describe `part` and `control`, which outlive the call,
    // and `control` is aligned for its header. The macros of libc stay within what `recvmsg` wrote, and a
    // received descriptor belongs to nobody else.
    unsafe {
        let mut message: libc::msghdr = MaybeUninit::zeroed().assume_init();
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        loop {
            match libc::recvmsg(socket.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC) {
                -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
                -1 => return Err(io::Error::last_os_error()),
                0 => return Ok(None),
                _ => break,
            }
        }
        let header = libc::CMSG_FIRSTHDR(&raw const message);
        if header.is_null()
            || (*header).cmsg_level != libc::SOL_SOCKET
            || (*header).cmsg_type != libc::SCM_RIGHTS
            || ((*header).cmsg_len as usize) < libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize
        {
            return Ok(None);
        }
        received = libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned();
        Ok(Some(OwnedFd::from_raw_fd(received)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::thread;

    #[test]
    fn a_process_of_many_threads_is_not_forked() {
        thread::scope(|scope| {
            let (reader, writer) = io::pipe().unwrap();
            scope.spawn(move || io::Read::read(&mut &reader, &mut [0]));
            assert!(fork().unwrap_err().to_string().contains("threads"));
            drop(writer);
        });
    }

    #[test]
    fn a_held_signal_is_read_and_does_not_kill() {
        let signals = EndSignals::hold().unwrap();
        assert!(!signals.take());
        // SAFETY: sends this thread a signal that it holds back.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGTERM) };
        let [arrived] = wait_readable([Some(signals.as_fd())], Some(Duration::from_secs(5))).unwrap();
        assert!(arrived && signals.take() && !signals.take());
    }

    #[test]
    fn waiting_tells_which_descriptor_is_readable_or_closed() {
        let (one, mut one_end) = UnixStream::pair().unwrap();
        let (two, two_end) = UnixStream::pair().unwrap();
        let ready = |timeout| {
            wait_readable([Some(one.as_fd()), None, Some(two.as_fd())], Some(Duration::from_millis(timeout)))
                .unwrap()
        };
        assert_eq!(ready(0), [false, false, false]);
        one_end.write_all(b"x").unwrap();
        assert_eq!(ready(5000), [true, false, false]);
        drop(two_end);
        assert_eq!(ready(5000), [true, false, true]);
    }

    #[test]
    fn no_descriptor_is_received_where_none_is_sent() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        assert!(receive_descriptor(&ours).unwrap().is_none());
        drop(theirs);
        assert!(receive_descriptor(&ours).unwrap().is_none());
    }

    #[test]
    fn a_living_file_system_answers_and_a_missing_one_does_not() {
        probe_file_system(Path::new("/proc")).unwrap();
        let error = probe_file_system(Path::new("/proc/nothing")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_is_not_mounted_cannot_be_unmounted() {
        let directory = tempfile::tempdir().unwrap();
        assert!(unmount(directory.path(), Unmounting::IfUnused).is_err());
        assert!(c_path(Path::new("a\0b")).is_err());
    }

    #[test]
    fn trimming_and_limits_are_harmless() {
        trim_memory();
        assert!(open_files_limit().unwrap() > 2);
        assert_eq!(User::current().is_root(), User::current().uid == 0);
    }
}
