//! The table of mounts as the kernel shows it in `/proc/self/mountinfo`.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One mounted file system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    /// Its device number, `major:minor`, unique while it exists.
    pub(crate) device: String,
    /// Where it is mounted.
    pub(crate) target: PathBuf,
    /// Its type, such as `ext4` or `fuse.gptfs`.
    pub(crate) kind: String,
    /// The source, such as a device or a file.
    pub(crate) source: OsString,
    /// The user who owns it, if it is a FUSE file system.
    pub(crate) user: Option<u32>,
}

/// All mounts that this process sees. Later ones cover earlier ones.
///
/// # Errors
/// If `/proc` is missing.
pub(crate) fn all() -> io::Result<Vec<Mounted>> {
    let table = fs::read("/proc/self/mountinfo")?;
    Ok(table.split(|byte| *byte == b'\n').filter_map(parse).collect())
}

/// The mount at `target` (an absolute path without links), the topmost if there are several.
///
/// # Errors
/// If `/proc` is missing.
pub(crate) fn at(target: &Path) -> io::Result<Option<Mounted>> {
    Ok(all()?.into_iter().rev().find(|mounted| mounted.target == target))
}

/// One line: `id parent major:minor root target options [tags…] - kind source superoptions`.
fn parse(line: &[u8]) -> Option<Mounted> {
    let mut fields = line.split(|byte| *byte == b' ');
    let device = text(fields.nth(2)?);
    let target = PathBuf::from(unescaped(fields.nth(1)?));
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let kind = text(rest.next()?);
    let source = unescaped(rest.next()?);
    let user = rest
        .next()?
        .split(|byte| *byte == b',')
        .find_map(|option| text(option.strip_prefix(b"user_id=")?).parse().ok());
    Some(Mounted { device, target, kind, source, user })
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

/// Undoes the kernel's escapes, such as `\040` for a blank.
fn unescaped(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|digits| digits.iter().all(|digit| (b'0'..=b'7').contains(digit)));
        match octal {
            Some(digits) if first == b'\\' => {
                bytes.push(digits.iter().fold(0_u8, |value, digit| value.wrapping_mul(8) | (digit - b'0')));
                rest = &after[3..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_with_its_escapes_and_optional_tags() {
        let line = br"36 35 0:98 / /mnt/my\040chats ro,nosuid shared:1 master:2 - fuse.gptfs a\134b.zip ro,user_id=1000,group_id=7";
        let mounted = parse(line).unwrap();
        assert_eq!(mounted.device, "0:98");
        assert_eq!(mounted.target, Path::new("/mnt/my chats"));
        assert_eq!(mounted.kind, "fuse.gptfs");
        assert_eq!(mounted.source, "a\\b.zip");
        assert_eq!(mounted.user, Some(1000));
    }

    #[test]
    fn a_truncated_line_is_passed_over() {
        for line in [&b""[..], b"36 35 0:98 /", b"36 35 0:98 / /mnt rw - ext4"] {
            assert_eq!(parse(line), None);
        }
    }

    #[test]
    fn proc_is_mounted_at_proc() {
        assert_eq!(at(Path::new("/proc")).unwrap().unwrap().kind, "proc");
        assert_eq!(at(Path::new("/proc/self")).unwrap(), None);
    }
}
