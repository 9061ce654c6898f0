//! Names of files and directories that every system accepts.
//!
//! A [`FileName`] is checked by construction: whoever holds one may put it into a path or a listing. What is
//! unique in a directory is decided in [`layout`](crate::layout), with [`fold`] as the key.
//!
//! The only user of `unicode-normalization` and `unicode-segmentation`.

mod characters;

use characters::{clean, is_ignorable};
use std::borrow::Cow;
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The name of what has no usable name.
pub const UNTITLED: &str = "Untitled";

/// Most bytes of a name made from a title (before `.md` and the like) or from a file's name (as a whole).
const STEM_BYTES: usize = 200;

/// Most bytes of any name: what Linux, macOS and Windows accept, and what `statfs` promises.
pub const NAME_BYTES: usize = 255;

/// Most bytes of a name with a suffix: the longest ending that follows a stem, `.branches`, still fits.
const SUFFIXED_BYTES: usize = NAME_BYTES - ".branches".len();

/// Most bytes of a suffix, so that it fits behind the longest stem.
const SUFFIX_BYTES: usize = SUFFIXED_BYTES - STEM_BYTES;

/// Most bytes of an extension; what is longer after the last dot is no extension.
const EXTENSION_BYTES: usize = 16;

/// A checked name of one file or directory: valid on Linux, macOS and Windows, at most 255 bytes.
///
/// It is Unicode NFC; has no controls, no bidi controls, no noncharacters and none of `/ \ : * ? " < > |`;
/// zero-width characters only inside emoji sequences; no blank but single spaces; no `.`, `-`, `~` or blank in
/// front and no `.` or blank at the end; and Windows does not take it for a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(Box<str>);

impl FileName {
    /// The name for a conversation with this title, without an extension: at most 200 bytes, cut between
    /// graphemes. [`UNTITLED`] if nothing is left of it.
    ///
    /// Linear in the title, and of a long one little more than the part that is kept is looked at closely.
    pub fn for_title(title: Option<&str>) -> Self {
        Self(portable(&clean(title.unwrap_or_default()), STEM_BYTES).into())
    }

    /// The name for a file that somebody calls `name`, with its extension: at most 200 bytes in all. Of a path
    /// (with `/` or `\`) only the last part counts; a dotfile loses its dot.
    ///
    /// `for_file` of a name that it made is that name. Linear.
    pub fn for_file(name: &str) -> Self {
        let base = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
        if let Some((stem, extension)) = split_extension(base) {
            return Self(join(stem, &extension).into());
        }
        let whole = portable(&clean(base), STEM_BYTES);
        // What was cut off or removed may have hidden an extension: `a.png.` ends with one.
        match split_extension(&whole) {
            Some((stem, extension)) => Self(join(stem, &extension).into()),
            None => Self(whole.into()),
        }
    }

    /// `name` itself, if it already is as every [`FileName`] is.
    pub fn new(name: &str) -> Option<Self> {
        let fits = name.len() <= NAME_BYTES && portable(&clean(name), NAME_BYTES) == name;
        fits.then(|| Self(name.into()))
    }

    /// This name with `suffix` behind it: `Trip` and `-6c74a896` are `Trip-6c74a896`.
    ///
    /// With any ending that a conversation's files have (`.md`, `.assets`, `.branches`) it stays within 255
    /// bytes. Of the suffix only ASCII letters, digits, `-` and `_` are taken, at most 46 of them.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self(suffixed(&self.0, suffix, SUFFIXED_BYTES).into())
    }

    /// This name with `suffix` behind its stem and before its extension: `map.png` and `-2` are `map-2.png`.
    /// The suffix is taken as in [`with_suffix`](Self::with_suffix).
    #[must_use]
    pub fn with_stem_suffix(&self, suffix: &str) -> Self {
        match split_extension(&self.0) {
            Some((stem, extension)) => {
                let room = SUFFIXED_BYTES.saturating_sub(1 + extension.len());
                Self(format!("{}.{extension}", suffixed(stem, suffix, room)).into())
            }
            None => self.with_suffix(suffix),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key under which names are compared in a directory: two names with different keys can stand side by side on
/// every disk that people have. Linear.
///
/// Disks disagree. APFS compares canonical decompositions with full case folding (`ß` is `SS`); ext4 with
/// `casefold` the same without default-ignorable characters; HFS+ ignores joiners too; NTFS and exFAT compare by
/// simple upper case. So the key is coarser than each of them: canonical decomposition, without ignorable
/// characters, in lower, upper and again lower case, each by character and in full. Upper case joins `ς`
/// with `σ`, `ſ` with `s`, and spells `ß` and ligatures out; the lower case before it is for those with an upper case
/// of their own that does not (`ẞ`); the last lower case is for those that only have a lower one (`İ`, which decomposes
/// into I and a dot). It also joins `ı` with `i`, which costs one more suffix and no file. By character, and not
/// by `str::to_lowercase`, so that the key of `a` + `b` is the key of `a` + the key of `b` wherever `b` begins with ASCII.
pub fn fold(name: &str) -> String {
    if name.is_ascii() {
        return name.to_ascii_lowercase();
    }
    name.nfd()
        .filter(|&c| !is_ignorable(c))
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfd()
        .collect()
}

/// `cleaned` text as a name of at most `limit` bytes.
fn portable(cleaned: &str, limit: usize) -> String {
    let text = trim_end(cleaned);
    if text.is_empty() {
        return UNTITLED.to_owned();
    }
    trim_end(cut(&without_device(text), limit)).to_owned()
}

/// A stem, not cleaned yet, and an extension as one name.
fn join(stem: &str, extension: &str) -> String {
    let room = STEM_BYTES.saturating_sub(1 + extension.len());
    format!("{}.{extension}", portable(&clean(stem), room))
}

/// The stem of `name` as it stands, and its extension cleaned. `None` if it has none, as dotfiles and sentences
/// have none.
fn split_extension(name: &str) -> Option<(&str, String)> {
    // Far more than an extension with characters to remove can have.
    const RAW_BYTES: usize = 256;
    let (stem, raw) = name.rsplit_once('.')?;
    if raw.len() > RAW_BYTES || raw.chars().any(char::is_whitespace) {
        return None;
    }
    let extension = clean(raw);
    let named = stem.chars().any(|c| c != '.' && characters::shows(c));
    let fits = !extension.is_empty() && extension.len() <= EXTENSION_BYTES && !extension.contains(' ');
    (fits && named).then_some((stem, extension))
}

/// `stem`, cut where necessary, with what is allowed of `suffix`: at most `limit` bytes.
fn suffixed(stem: &str, suffix: &str, limit: usize) -> String {
    let suffix: String = suffix
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .take(SUFFIX_BYTES)
        .collect();
    let room = limit.saturating_sub(suffix.len());
    let stem = if stem.len() > room { trim_end(cut(stem, room)) } else { stem };
    format!("{stem}{suffix}")
}

fn trim_end(text: &str) -> &str {
    text.trim_end_matches(['.', ' '])
}

/// The longest prefix of `text` within `limit` bytes that ends between graphemes.
///
/// A first grapheme that is longer than that is no text that anybody reads: it is cut between characters.
fn cut(text: &str, limit: usize) -> &str {
    if text.len() <= limit {
        return text;
    }
    let end = text
        .grapheme_indices(true)
        .map(|(start, _)| start)
        .take_while(|&start| start <= limit)
        .last()
        .unwrap_or_default();
    if end > 0 {
        return text.get(..end).unwrap_or_default();
    }
    let end = (0..=limit).rev().find(|&end| text.is_char_boundary(end)).unwrap_or_default();
    // A joiner must not be the last one, nor the beginning of a flag's tags.
    text.get(..end).unwrap_or_default().trim_end_matches(characters::is_unfinished)
}

/// `text` with `_` behind a first part that Windows takes for a device, whatever follows: `CON`, `nul.txt`.
fn without_device(text: &str) -> Cow<'_, str> {
    let first = text.split('.').next().unwrap_or_default().trim_end();
    if !is_device(first) {
        return Cow::Borrowed(text);
    }
    let (first, rest) = text.split_at(first.len());
    Cow::Owned(format!("{first}_{rest}"))
}

fn is_device(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    if let Some(port) = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT")) {
        let mut digits = port.chars();
        let digit = digits.next().is_some_and(|c| c.is_ascii_digit() || matches!(c, '¹' | '²' | '³'));
        return digit && digits.next().is_none();
    }
    matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$")
}

#[cfg(test)]
mod tests;
