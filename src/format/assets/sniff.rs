//! The type of a file from its first bytes.

use crate::bytes::without_byte_order_mark;

/// The extension that fits a file which begins with `bytes` (512 are enough); `None` if nothing fits.
pub(super) fn extension(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    let simple: [(&[u8], &str); 12] = [
        (b"\x89PNG\r\n\x1a\n", "png"),
        (b"\xff\xd8\xff", "jpg"),
        (b"GIF87a", "gif"),
        (b"GIF89a", "gif"),
        (b"%PDF-", "pdf"),
        (b"ID3", "mp3"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"\x1f\x8b", "gz"),
        (b"BM", "bmp"),
        (b"\x1a\x45\xdf\xa3", "webm"),
        (b"{\\rtf", "rtf"),
    ];
    if at(0, b"RIFF") {
        return match bytes.get(8..12) {
            Some(b"WEBP") => Some("webp"),
            Some(b"WAVE") => Some("wav"),
            Some(b"AVI ") => Some("avi"),
            _ => None,
        };
    }
    if at(4, b"ftyp") {
        return Some(brand(bytes.get(8..12).unwrap_or_default()));
    }
    if at(0, b"PK\x03\x04") {
        return Some(zip(bytes));
    }
    // "BM" also begins texts; a bitmap has four zero bytes after its size.
    let found = simple.iter().find(|(magic, name)| at(0, magic) && (*name != "bmp" || at(6, &[0; 4])));
    if let Some((_, extension)) = found {
        return Some(extension);
    }
    // A byte order mark of UTF-16. The first of them could also begin a frame of MPEG audio, of a layer that nobody uses.
    if at(0, b"\xff\xfe") || at(0, b"\xfe\xff") {
        return Some("txt");
    }
    // An MPEG audio frame: eleven set bits, then no reserved version or layer.
    if let [0xff, second, ..] = bytes
        && second & 0xe0 == 0xe0
        && second & 0x18 != 0x08
        && second & 0x06 != 0
    {
        return Some("mp3");
    }
    is_text(bytes).then(|| text(bytes))
}

/// The kind of an ISO media file by its brand.
fn brand(brand: &[u8]) -> &'static str {
    match brand {
        b"M4A " | b"M4B " => "m4a",
        b"qt  " => "mov",
        b"avif" | b"avis" => "avif",
        b"heic" | b"heix" | b"hevc" | b"heim" => "heic",
        b"mif1" | b"msf1" => "heif",
        _ => "mp4",
    }
}

/// The kind of a ZIP file by the names in its beginning: office documents are ZIP files.
fn zip(bytes: &[u8]) -> &'static str {
    let has = |name: &[u8]| memchr::memmem::find(bytes, name).is_some();
    // The whole name of a folder: a field of a header or, in a list of contents, a slash comes before it.
    let begins_name = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        before.is_some_and(|&byte| byte < b' ' || byte == b'/')
    };
    let has_folder = |name: &[u8]| memchr::memmem::find_iter(bytes, name).any(begins_name);
    if has_folder(b"word/") {
        "docx"
    } else if has_folder(b"xl/") {
        "xlsx"
    } else if has_folder(b"ppt/") {
        "pptx"
    } else if has(b"mimetypeapplication/vnd.oasis.opendocument.text") {
        "odt"
    } else if has(b"mimetypeapplication/vnd.oasis.opendocument.spreadsheet") {
        "ods"
    } else if has(b"mimetypeapplication/epub+zip") {
        "epub"
    } else {
        "zip"
    }
}

/// True for UTF-8 text, which may be cut off anywhere.
fn is_text(bytes: &[u8]) -> bool {
    let cut_inside = |error: &std::str::Utf8Error| error.error_len().is_none();
    let valid = std::str::from_utf8(bytes).as_ref().err().is_none_or(cut_inside);
    let control = |byte: &u8| *byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0c | 0x1b);
    valid && !bytes.is_empty() && !bytes.iter().any(control)
}

/// What kind of text it is, where its beginning leaves no doubt.
fn text(bytes: &[u8]) -> &'static str {
    let start = without_byte_order_mark(bytes).trim_ascii_start();
    let begins =
        |word: &str| start.get(..word.len()).is_some_and(|s| s.eq_ignore_ascii_case(word.as_bytes()));
    if begins("<!doctype html") || begins("<html") {
        "html"
    } else if begins("<svg") {
        "svg"
    } else if begins("<?xml") {
        if memchr::memmem::find(start, b"<svg").is_some() { "svg" } else { "xml" }
    } else {
        "txt"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_tell_the_type() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("png")),
            (b"\xff\xd8\xff\xe0", Some("jpg")),
            (b"RIFF....WEBPVP8 ", Some("webp")),
            (b"RIFF....WAVEfmt ", Some("wav")),
            (b"GIF89a..", Some("gif")),
            (b"%PDF-1.7", Some("pdf")),
            (b"ID3\x04", Some("mp3")),
            (b"\xff\xfb\x90\x00", Some("mp3")),
            (b"\0\0\0\x20ftypisom", Some("mp4")),
            (b"\0\0\0\x20ftypM4A ", Some("m4a")),
            (b"PK\x03\x04....[Content_Types].xml....PK\x03\x04word/document.xml", Some("docx")),
            (b"PK\x03\x04....[Content_Types].xml....PK\x03\x04xl/workbook.xml", Some("xlsx")),
            (b"PK\x03\x04....[Content_Types].xml....PK\x03\x04ppt/presentation.xml", Some("pptx")),
            (b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.textPK\x03\x04", Some("odt")),
            (b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheetPK\x03\x04", Some("ods")),
            (b"PK\x03\x04....mimetypeapplication/epub+zipPK\x03\x04", Some("epub")),
            (b"PK\x03\x04....a.txt", Some("zip")),
            (b"PK\x03\x04....\0\0password/a.txt", Some("zip")),
            (b"PK\x03\x04....\0\0my xl/a.txt", Some("zip")),
            (b"PK\x03\x04....\0\0[Content_Types].xml<Override PartName=\"/word/document.xml\"", Some("docx")),
            (b"plain text, caf\xc3", Some("txt")),
            (b"\xff\xfea\0b\0", Some("txt")),
            (b"\xfe\xff\0a\0b", Some("txt")),
            (b"BMW is a text", Some("txt")),
            (b"<!DOCTYPE html>", Some("html")),
            (b"\xef\xbb\xbf\n<HTML lang='en'>", Some("html")),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Some("svg")),
            (b"<?xml version='1.0'?><svg/>", Some("svg")),
            (b"<?xml version='1.0'?><rss/>", Some("xml")),
            (b"\xff\xe1 a reserved version of MPEG: 01, or no layer", None),
            (b"\xff\x00", None),
            (b"\xff\xea another reserved version", None),
            (b"\0\x01\x02", None),
            (b"", None),
        ] {
            assert_eq!(extension(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
