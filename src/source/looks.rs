//! What a file is, by its first bytes.

use super::names;
use crate::bytes::without_byte_order_mark;
use crate::sys;
use std::fs::File;

/// What a file looks like.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Looks {
    Json,
    /// The `chat.html` of an export.
    Viewer,
    /// Some other web page.
    Page,
    Utf16,
    /// Something that may hold an export, but has to be unpacked first.
    Packed(PackedKind),
    /// A ZIP, or something unknown.
    Other,
}

/// A kind of file that others than gptfs unpack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PackedKind {
    /// An archive of files, by its format.
    Archive(&'static str),
    /// One file, compressed by this program.
    File(&'static str),
    Pdf,
}

impl PackedKind {
    /// The kind of a file that begins with `start`.
    fn of(start: &[u8]) -> Option<Self> {
        const KINDS: [(&[u8], PackedKind); 7] = [
            (b"7z\xbc\xaf\x27\x1c", PackedKind::Archive("7z")),
            (b"Rar!\x1a\x07", PackedKind::Archive("RAR")),
            (b"\x1f\x8b", PackedKind::File("gzip")),
            (b"\x28\xb5\x2f\xfd", PackedKind::File("zstd")),
            (b"\xfd7zXZ\0", PackedKind::File("xz")),
            (b"BZh", PackedKind::File("bzip2")),
            (b"%PDF-", PackedKind::Pdf),
        ];
        /// Where a tar archive says that it is one.
        const TAR_MAGIC: usize = 257;
        let known = KINDS.iter().find(|(magic, _)| start.starts_with(magic)).map(|(_, kind)| *kind);
        let is_tar = || start.get(TAR_MAGIC..).is_some_and(|rest| rest.starts_with(b"ustar"));
        known.or_else(|| is_tar().then_some(Self::Archive("tar")))
    }

    /// What the file called `base` is, and what to do with it.
    pub(super) fn advice(self, base: &str) -> String {
        let holds_tar = || {
            let stem = base.rsplit_once('.').map_or("", |(stem, _)| stem);
            let short = ["tgz", "tbz2", "txz", "tzst"];
            names::has_extension(stem, "tar") || short.iter().any(|ending| names::has_extension(base, ending))
        };
        match self {
            Self::Archive(format) => format!("a {format} archive; extract it and name the folder"),
            Self::File(program) if holds_tar() => {
                format!("a tar archive, compressed with {program}; extract it and name the folder")
            }
            Self::File(program) => {
                format!("a file compressed with {program}; decompress it and name what comes out")
            }
            Self::Pdf => "a PDF document".to_owned(),
        }
    }
}

/// How much of a file is read to recognise it. The viewer's data follows its style sheet and script.
const SNIFFED_BYTES: usize = 64 * 1024;

/// What `file` looks like.
pub(super) fn sniff(file: &File) -> std::io::Result<Looks> {
    let mut buffer = vec![0; SNIFFED_BYTES];
    let read = sys::read_at(file, &mut buffer, 0)?;
    let start = buffer.get(..read).unwrap_or_default();
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
        return Ok(Looks::Utf16);
    }
    let text = without_byte_order_mark(start).trim_ascii_start();
    Ok(match text.first() {
        Some(b'[' | b'{') => Looks::Json,
        Some(b'<') if text.windows(8).any(|word| word == b"jsonData") => Looks::Viewer,
        Some(b'<') => Looks::Page,
        _ => PackedKind::of(start).map_or(Looks::Other, Looks::Packed),
    })
}
