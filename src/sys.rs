//! Calls of the operating system that the standard library lacks, as safe functions.
//!
//! The only user of `nix` and `libc`. Knows nothing of exports or of gptfs's own errors: everything fails with
//! [`io::Error`], and the caller adds what it was about.
//!
//! On Linux all of it; elsewhere, where gptfs does not mount, what the other commands need, by path where Linux has
//! descriptors.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod portable;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::*;
use std::fs::{File, Metadata};
use std::io;
use std::time::UNIX_EPOCH;

/// Reads from `offset` on. On Windows the file's own position changes.
///
/// # Errors
/// Any error while reading.
pub(crate) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
}

/// Tells two files apart, where the system can: device and inode.
#[cfg_attr(unix, allow(clippy::unnecessary_wraps, reason = "Windows keeps them to itself"))]
pub(crate) fn file_id(metadata: &Metadata) -> Option<(u64, u64)> {
    #[cfg(unix)]
    return Some((
        std::os::unix::fs::MetadataExt::dev(metadata),
        std::os::unix::fs::MetadataExt::ino(metadata),
    ));
    #[cfg(windows)]
    {
        let _ = metadata;
        None
    }
}

/// Time of the last change to a file or its metadata, where the system keeps one: seconds since 1970 and nanoseconds.
pub(crate) fn changed(metadata: &Metadata) -> (i64, i64) {
    #[cfg(unix)]
    return (
        std::os::unix::fs::MetadataExt::ctime(metadata),
        std::os::unix::fs::MetadataExt::ctime_nsec(metadata),
    );
    #[cfg(windows)]
    {
        let _ = metadata;
        (0, 0)
    }
}

/// Fills `buffer` from `offset` on.
///
/// # Errors
/// Any error while reading; `UnexpectedEof` if the file is shorter.
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read_at(file, rest, offset.saturating_add(done as u64)) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done = done.saturating_add(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The last modification of a file, in nanoseconds since 1970; 0 where the system keeps no such time.
pub(crate) fn modified(metadata: &Metadata) -> i64 {
    let Ok(time) = metadata.modified() else { return 0 };
    let nanoseconds = |duration: std::time::Duration| i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => nanoseconds(since),
        Err(before) => nanoseconds(before.duration()).saturating_neg(),
    }
}
