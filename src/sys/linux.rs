//! Linux: files, directories, processes, signals and mounts.

mod abort;
mod directory;
pub(crate) mod mounts;

#[cfg(feature = "fuse")]
pub(crate) use abort::{nothing_on_abort, unmount_on_abort};
pub(crate) use directory::{NewFile, OpenDirectory};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg};
use nix::mount::{MntFlags, MsFlags};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::sockopt::PeerCredentials;
use nix::sys::socket::{
    self, AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, UnixAddr, getsockopt,
};
use nix::unistd;
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, IoSliceMut, PipeReader};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::time::Duration;

/// Who runs this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct User {
    /// Effective user id.
    pub(crate) uid: u32,
    /// Effective group id.
    pub(crate) gid: u32,
}

impl User {
    /// Who runs this process now.
    pub(crate) fn current() -> Self {
        Self { uid: unistd::geteuid().as_raw(), gid: unistd::getegid().as_raw() }
    }

    /// True for the superuser.
    pub(crate) fn is_root(self) -> bool {
        self.uid == 0
    }
}

/// Which of the two processes this is after [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fork {
    /// The one that called.
    Parent,
    /// The new one.
    Child,
}

/// Splits this process in two.
///
/// # Errors
/// If this process has more than one thread (the child would inherit the locks of threads that it doesn't have), or the
/// system refuses another process.
pub(crate) fn fork() -> io::Result<Fork> {
    // The test harness has a thread that only waits for the test.
    let allowed = if cfg!(test) { 2 } else { 1 };
    let threads = fs::read_dir("/proc/self/task")?.count();
    if threads > allowed {
        return Err(io::Error::other(format!("can't fork a process of {threads} threads")));
    }
    // SAFETY: `fork` must not leave the child with locks held by threads that it lacks. There are none but this one.
    match unsafe { unistd::fork() }? {
        unistd::ForkResult::Child => Ok(Fork::Child),
        unistd::ForkResult::Parent { .. } => Ok(Fork::Parent),
    }
}

/// Leaves the terminal: the process becomes the leader of a session of its own, out of reach of Ctrl-C.
///
/// # Errors
/// If it already leads a process group.
pub(crate) fn new_session() -> io::Result<()> {
    Ok(unistd::setsid().map(drop)?)
}

/// Points standard input, output and error to `/dev/null`.
///
/// # Errors
/// If `/dev/null` can't be opened.
pub(crate) fn silence_standard_streams() -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    unistd::dup2_stdin(&null)?;
    unistd::dup2_stdout(&null)?;
    Ok(unistd::dup2_stderr(&null)?)
}

/// True if this process has a thread of that name, which has begun to run.
pub(crate) fn has_thread(name: &str) -> bool {
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return false };
    threads.flatten().any(|thread| {
        fs::read_to_string(thread.path().join("comm")).is_ok_and(|comm| comm.trim_end() == name)
    })
}

/// Makes the allocator give memory back early, where the C library can: blocks of 4 MiB immediately, and free memory at
/// the end of its heap from 2 MiB on. Left alone, it learns from the first large conversation to keep as much.
///
/// There are three heaps, or one for four processors. With one for each thread, what one thread frees is lost to the
/// others. With fewer, two threads that work often get the same one, because it deals heaps out in turn, also to threads
/// that only wait; then they wait for each other. To be called before there are threads.
pub(crate) fn give_memory_back_early() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let heaps = i32::try_from(processors.div_ceil(4).max(3)).unwrap_or(3);
        // SAFETY: `mallopt` takes plain numbers and may be called from any thread at any time.
        unsafe {
            libc::mallopt(libc::M_ARENA_MAX, heaps);
            libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 2 << 20);
        }
    }
}

/// Makes a write above the limit of file sizes (`ulimit -f`) an error of this write, instead of the end of the process.
pub(crate) fn let_large_writes_fail() {
    // SAFETY: no handler is installed. Nothing depends on what this signal did before.
    let _ = unsafe { nix::sys::signal::signal(Signal::SIGXFSZ, SigHandler::SigIgn) };
}

/// Gives freed memory back to the system, where the C library can.
pub(crate) fn trim_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: `malloc_trim` takes a plain number and may be called from any thread at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

/// True if it belongs to the user of this process, and nobody else has any access.
pub(crate) fn is_ours_alone(metadata: &Metadata) -> bool {
    metadata.uid() == User::current().uid && metadata.permissions().mode().trailing_zeros() >= 6
}

/// Creates a directory that only its owner can access.
///
/// # Errors
/// Any error of `mkdir`; `AlreadyExists`.
pub(crate) fn make_private_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(path)
}

/// Creates a directory and those above it with mode 0755 within the umask.
///
/// # Errors
/// Any error of `mkdir`.
pub(crate) fn make_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o755).create(path)
}

/// Opens a file for reading, unless `path` itself is a symbolic link.
///
/// # Errors
/// Any error of `open`; `ELOOP` for a link.
pub(crate) fn open_without_following(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// Opens a directory that is not a symbolic link: to be read, or only to refer to it.
///
/// # Errors
/// Any error of `open`; `NotADirectory`, `PermissionDenied` to read it.
pub(crate) fn open_directory(path: &Path, readable: bool) -> io::Result<File> {
    let refer = if readable { 0 } else { libc::O_PATH };
    let flags = libc::O_DIRECTORY | libc::O_NOFOLLOW | refer;
    File::options().read(true).custom_flags(flags).open(path)
}

/// Creates a file without a name in the directory `dir`, readable and writable by its owner only. Unless it is
/// [given a name](name_file), nothing of it remains, however this process ends.
///
/// # Errors
/// Any error of `open`; not every file system can do this.
pub(crate) fn unnamed_file(dir: &Path) -> io::Result<File> {
    File::options().read(true).write(true).mode(0o600).custom_flags(libc::O_TMPFILE).open(dir)
}

/// Gives an [unnamed file](unnamed_file) the name `path`, which must be free.
///
/// # Errors
/// Any error of `linkat`.
pub(crate) fn name_file(file: &File, path: &Path) -> io::Result<()> {
    let name = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(unistd::linkat(AT_FDCWD, name.as_str(), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)?)
}

/// How many files this process may have open.
pub(crate) fn open_files_limit() -> Option<u64> {
    getrlimit(Resource::RLIMIT_NOFILE).ok().map(|(soft, _)| soft)
}

/// True if this process may write to `path`, as the kernel judges it.
///
/// # Errors
/// `PermissionDenied`, `ReadOnlyFilesystem`, and others of `access`.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    Ok(unistd::access(path, unistd::AccessFlags::W_OK)?)
}

/// Asks the file system at `path` for its totals, only to learn whether it answers: one whose daemon died says
/// `NotConnected`. Blocks as long as the file system does.
///
/// # Errors
/// Any error of `statfs`.
pub(crate) fn probe_file_system(path: &Path) -> io::Result<()> {
    Ok(nix::sys::statfs::statfs(path).map(drop)?)
}

/// Mounts a read-only file system that honours neither devices, set-user-id bits nor programs.
///
/// # Errors
/// Any error of `mount`; `PermissionDenied` without the privilege.
pub(crate) fn mount_read_only(source: &str, target: &Path, kind: &str, options: &str) -> io::Result<()> {
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    Ok(nix::mount::mount(Some(source), target, Some(kind), flags, Some(options))?)
}

/// Whether unmounting waits for those who still use the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unmounting {
    /// Fails if somebody uses it.
    IfUnused,
    /// Takes it out of the tree now; its users go on until they are done.
    Detach,
}

/// Unmounts what is mounted at `target`, which must not be a symbolic link.
///
/// # Errors
/// Any error of `umount2`: `ResourceBusy`, `InvalidInput` if nothing is mounted there, `PermissionDenied`.
pub(crate) fn unmount(target: &Path, how: Unmounting) -> io::Result<()> {
    let flags = match how {
        Unmounting::IfUnused => MntFlags::UMOUNT_NOFOLLOW,
        Unmounting::Detach => MntFlags::UMOUNT_NOFOLLOW | MntFlags::MNT_DETACH,
    };
    Ok(nix::mount::umount2(target, flags)?)
}

/// The signals that ask a process to end, held back so that they can be waited for.
///
/// Threads that are started later hold them back too. Dropping it lets them through again.
#[derive(Debug)]
pub(crate) struct EndSignals {
    arrived: SignalFd,
    before: SigSet,
}

/// Signals whose default is to end the process. A reason to end it in good order, except the last: with that held back, a
/// write above the limit of file sizes is an error of this write.
const END_SIGNALS: [Signal; 10] = [
    Signal::SIGINT,
    Signal::SIGTERM,
    Signal::SIGHUP,
    Signal::SIGQUIT,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGALRM,
    Signal::SIGXCPU,
    Signal::SIGPWR,
    Signal::SIGXFSZ,
];

impl EndSignals {
    /// Holds the signals back in this thread and in those that it starts from now on.
    ///
    /// # Errors
    /// If no descriptor is left.
    pub(crate) fn hold() -> io::Result<Self> {
        let held: SigSet = END_SIGNALS.into_iter().collect();
        let ending: SigSet = END_SIGNALS.into_iter().filter(|signal| *signal != Signal::SIGXFSZ).collect();
        let arrived = SignalFd::with_flags(&ending, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        let before = held.thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
        Ok(Self { arrived, before })
    }

    /// Waits for a signal, and takes it. False once every writer of `pipe` is gone.
    pub(crate) fn arrives_before_end(&self, pipe: &PipeReader) -> bool {
        loop {
            match wait_readable([Some(pipe.as_fd()), Some(self.as_fd())], None) {
                Ok([false, arrived]) if arrived && self.take() => return true,
                Ok([false, _]) => {}
                _ => return false,
            }
        }
    }

    /// Takes one signal that has arrived; false if there is none.
    pub(crate) fn take(&self) -> bool {
        matches!(self.arrived.read_signal(), Ok(Some(_)))
    }
}

impl AsFd for EndSignals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.arrived.as_fd()
    }
}

impl Drop for EndSignals {
    fn drop(&mut self) {
        // Only fails for an invalid call.
        let _ = self.before.thread_set_mask();
    }
}

/// Waits until one of `descriptors` can be read or its other end is closed, and returns which. `None` waits forever.
///
/// # Errors
/// Only for lack of memory. A call that a signal interrupts returns nothing.
pub(crate) fn wait_readable<const N: usize>(
    descriptors: [Option<BorrowedFd<'_>>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let present = descriptors.iter().flatten();
    let mut polled: Vec<PollFd<'_>> =
        present.map(|&descriptor| PollFd::new(descriptor, PollFlags::POLLIN)).collect();
    let timeout = timeout.map_or(PollTimeout::NONE, |timeout| timeout.try_into().unwrap_or(PollTimeout::MAX));
    match nix::poll::poll(&mut polled, timeout) {
        Ok(_) => {}
        Err(Errno::EINTR) => return Ok([false; N]),
        Err(error) => return Err(error.into()),
    }
    let mut polled = polled.iter();
    Ok(descriptors.map(|descriptor| {
        descriptor.is_some() && polled.next().is_some_and(|polled| polled.any().unwrap_or(true))
    }))
}

/// Receives a descriptor that the other end of `socket` hands over; `None` if it closes without one.
///
/// # Errors
/// Any error of `recvmsg`.
pub(crate) fn receive_descriptor(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut control = nix::cmsg_space!(RawFd);
    let received = loop {
        let control = Some(control.as_mut_slice());
        match socket::recvmsg::<()>(socket.as_raw_fd(), &mut parts, control, MsgFlags::MSG_CMSG_CLOEXEC) {
            Err(Errno::EINTR) => {}
            received => break received?,
        }
    };
    for message in received.cmsgs()? {
        if let ControlMessageOwned::ScmRights(descriptors) = message
            && let Some(&descriptor) = descriptors.first()
        {
            // SAFETY: the kernel has just opened this descriptor for us, so nothing else owns it.
            return Ok(Some(unsafe { OwnedFd::from_raw_fd(descriptor) }));
        }
    }
    Ok(None)
}

/// A connection to a socket with an abstract name; `None` if nobody listens there, or too many wait already. Never blocks.
pub(crate) fn connect(address: &SocketAddr) -> Option<UnixStream> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let socket = socket::socket(AddressFamily::Unix, SockType::Stream, flags, None).ok()?;
    let address = UnixAddr::new_abstract(address.as_abstract_name()?).ok()?;
    socket::connect(socket.as_raw_fd(), &address).ok()?;
    Some(socket.into())
}

/// The user at the other end of `socket`, as the kernel noted when it began to listen or connected.
pub(crate) fn peer(socket: &UnixStream) -> Option<u32> {
    getsockopt(socket, PeerCredentials).ok().map(|credentials| credentials.uid())
}

/// The right to mount on a directory, which one process has at a time. Given back when dropped.
pub(crate) struct DirectoryLock(#[allow(dead_code, reason = "holds the lock")] Flock<File>);

/// Waits for the lock of a directory, which everyone who may read it can take.
///
/// # Errors
/// Any error of `flock`.
pub(crate) fn lock_directory(directory: File) -> io::Result<DirectoryLock> {
    Flock::lock(directory, FlockArg::LockExclusive).map(DirectoryLock).map_err(|(_, error)| error.into())
}

/// Sends signals to one thread of a test.
#[cfg(test)]
pub(crate) struct Interrupter {
    thread: libc::pthread_t,
    status: String,
}

#[cfg(test)]
impl Interrupter {
    /// For the calling thread.
    pub(crate) fn here() -> Self {
        let status = format!("/proc/self/task/{}/status", unistd::gettid());
        Self { thread: nix::sys::pthread::pthread_self(), status }
    }

    /// Sends SIGINT.
    pub(crate) fn interrupt(&self) {
        nix::sys::pthread::pthread_kill(self.thread, Signal::SIGINT).unwrap();
    }

    /// True until the signal is taken.
    pub(crate) fn is_pending(&self) -> bool {
        let status = fs::read_to_string(&self.status).unwrap();
        let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:")).unwrap();
        pending.trim().bytes().any(|digit| digit != b'0')
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::thread;

    #[test]
    fn a_process_with_several_threads_is_not_forked() {
        thread::scope(|scope| {
            let (reader, writer) = io::pipe().unwrap();
            scope.spawn(move || io::Read::read(&mut &reader, &mut [0]));
            assert!(fork().unwrap_err().to_string().contains("threads"));
            drop(writer);
        });
    }

    #[test]
    fn a_held_signal_can_be_read_and_does_not_kill() {
        let signals = EndSignals::hold().unwrap();
        assert!(!signals.take());
        for signal in END_SIGNALS {
            nix::sys::pthread::pthread_kill(nix::sys::pthread::pthread_self(), signal).unwrap();
            let expected = signal != Signal::SIGXFSZ;
            let timeout = if expected { Duration::from_secs(30) } else { Duration::ZERO };
            let [arrived] = wait_readable([Some(signals.as_fd())], Some(timeout)).unwrap();
            assert_eq!((arrived, signals.take(), signals.take()), (expected, expected, false), "{signal}");
        }
        // The one that is still pending would kill this process.
        std::mem::forget(signals);
    }

    #[test]
    fn waiting_returns_the_descriptors_that_are_readable_or_closed() {
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
    fn no_descriptor_is_received_if_none_is_sent() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"x").unwrap();
        assert!(receive_descriptor(&ours).unwrap().is_none());
        drop(theirs);
        assert!(receive_descriptor(&ours).unwrap().is_none());
    }

    #[test]
    fn the_other_end_of_a_socket_is_known() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        assert_eq!(peer(&ours), Some(User::current().uid));
    }

    #[test]
    fn a_live_file_system_answers_and_a_missing_one_does_not() {
        probe_file_system(Path::new("/proc")).unwrap();
        let error = probe_file_system(Path::new("/proc/nothing")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_directory_that_is_not_a_mount_cannot_be_unmounted() {
        let directory = tempfile::tempdir().unwrap();
        assert!(unmount(directory.path(), Unmounting::IfUnused).is_err());
        assert!(unmount(Path::new("a\0b"), Unmounting::IfUnused).is_err());
    }

    #[test]
    fn trimming_and_limits_are_harmless() {
        trim_memory();
        assert!(open_files_limit().unwrap() > 2);
        assert_eq!(User::current().is_root(), User::current().uid == 0);
    }
}
