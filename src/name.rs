//! Names of files and directories that every system accepts.
//!
//! A [`FileName`] is checked by construction, so it can go straight into a path or a listing.
//! [`layout`](crate::layout) decides what is unique in a directory, with [`fold`] as the key.
//!
//! The only user of `unicode-normalization` and `unicode-segmentation`.

mod characters;

use characters::{clean, is_ignorable};
use std::borrow::Cow;
use std::fmt;
use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The name of anything without a usable name.
pub(crate) const UNTITLED: &str = "Untitled";

/// Maximum length of a name made from a title (before `.md` and the like) or from a file's name (as a whole).
const STEM_BYTES: usize = 200;

/// Maximum length of any name: what Linux, macOS and Windows accept, and what `statfs` promises.
pub(crate) const NAME_BYTES: usize = 255;

/// Maximum length of a name with a suffix: the longest extension of a stem, `.branches`, still fits.
const SUFFIXED_BYTES: usize = NAME_BYTES - ".branches".len();

/// Maximum length of a suffix, so that it fits after the longest stem.
const SUFFIX_BYTES: usize = SUFFIXED_BYTES - STEM_BYTES;

/// Maximum length of an extension; anything longer after the last dot isn't one.
const EXTENSION_BYTES: usize = 16;

/// A checked name of one file or directory: valid on Linux, macOS and Windows, at most 255 bytes.
///
/// It is Unicode NFC. It has no controls, bidi controls, noncharacters or any of `/ \ : * ? " < > |`; zero-width
/// characters occur only inside emoji sequences, and blanks only as single spaces. It doesn't begin with `.`,
/// `-`, `~` or a blank, doesn't end with `.` or a blank, and isn't a device name on Windows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileName(Box<str>);

impl FileName {
    /// The name of a conversation with this title, without an extension: at most 200 bytes, cut between
    /// graphemes. [`UNTITLED`] if nothing is left of it.
    ///
    /// Linear, but only the part of a long title that can matter is examined closely.
    pub(crate) fn for_title(title: Option<&str>) -> Self {
        Self(portable(&clean(title.unwrap_or_default()), STEM_BYTES).into())
    }

    /// This name, which [`for_title`](Self::for_title) made, after a day of the month: `11 Trip to Lisbon`. At most 200 bytes.
    #[must_use]
    pub(crate) fn on_day(&self, day: u8) -> Self {
        let named = format!("{day:02} {}", self.0);
        Self(trim_end(cut(&named, STEM_BYTES)).into())
    }

    /// The name of a file called `name`, with its extension: at most 200 bytes in all. Of a path (with `/` or
    /// `\`) only the last component counts; a dotfile loses its dot.
    ///
    /// Idempotent. Linear.
    pub(crate) fn for_file(name: &str) -> Self {
        let base = name.rsplit(['/', '\\']).find(|part| !part.is_empty()).unwrap_or_default();
        if let Some((stem, extension)) = split_extension(base) {
            return Self(join(stem, &extension).into());
        }
        let whole = portable(&clean(base), STEM_BYTES);
        // Cutting or removing characters may reveal an extension: `a.png.` ends with one.
        match split_extension(&whole) {
            Some((stem, extension)) => Self(join(stem, &extension).into()),
            None => Self(whole.into()),
        }
    }

    /// `name` itself, if it already meets all rules of [`FileName`].
    pub(crate) fn new(name: &str) -> Option<Self> {
        let fits = name.len() <= NAME_BYTES && portable(&clean(name), NAME_BYTES) == name;
        fits.then(|| Self(name.into()))
    }

    /// This name followed by `suffix`: `Trip` and `-6c74a896` give `Trip-6c74a896`.
    ///
    /// It stays within 255 bytes with any extension that a conversation's files have (`.md`, `.assets`,
    /// `.branches`). Only ASCII letters, digits, `-` and `_` of the suffix are used, at most 46 of them.
    #[must_use]
    pub(crate) fn with_suffix(&self, suffix: &str) -> Self {
        Self(suffixed(&self.0, suffix, SUFFIXED_BYTES).into())
    }

    /// This name with `suffix` between its stem and its extension: `map.png` and `-2` give `map-2.png`. The
    /// suffix is treated as in [`with_suffix`](Self::with_suffix).
    #[must_use]
    pub(crate) fn with_stem_suffix(&self, suffix: &str) -> Self {
        match split_extension(&self.0) {
            Some((stem, extension)) => {
                let room = SUFFIXED_BYTES.saturating_sub(1 + extension.len());
                Self(format!("{}.{extension}", suffixed(stem, suffix, room)).into())
            }
            None => self.with_suffix(suffix),
        }
    }

    /// The name as text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key for comparing names in a directory: names with different keys can coexist on every common disk. Linear.
///
/// Disks disagree. APFS compares canonical decompositions with full case folding (`ß` is `SS`). Ext4 with `casefold`
/// also drops default-ignorable characters, HFS+ ignores joiners, and NTFS and exFAT compare by simple upper case. The
/// key is coarser than each of them: canonical decomposition without ignorable characters, mapped to lower, upper and
/// again lower case, in full and character by character. Upper case unites `ς` with `σ` and `ſ` with `s`, and spells out
/// `ß` and ligatures. The lower case before it handles characters whose upper case doesn't do that (`ẞ`), and the one
/// after it those that only have a lower case (`İ`, which decomposes into I and a dot). It also unites `ı` with `i`, which
/// costs a suffix but never a file. Working by character, unlike `str::to_lowercase`, makes the key of `a` + `b` equal to
/// the key of `a` followed by the key of `b` wherever `b` begins with ASCII.
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

/// Joins an uncleaned stem and an extension.
fn join(stem: &str, extension: &str) -> String {
    let room = STEM_BYTES.saturating_sub(1 + extension.len());
    format!("{}.{extension}", portable(&clean(stem), room))
}

/// The raw stem of `name`, and its cleaned extension. `None` if it has no extension, as dotfiles and sentences
/// don't.
fn split_extension(name: &str) -> Option<(&str, String)> {
    // Far more than an extension plus removable characters can have.
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

/// `stem`, shortened if necessary, followed by the allowed characters of `suffix`: at most `limit` bytes.
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
/// If even the first grapheme is too long, it isn't readable text, and is cut between characters.
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
    // A joiner, or the first tags of a flag, must not come last.
    text.get(..end).unwrap_or_default().trim_end_matches(characters::is_unfinished)
}

/// `text` with `_` after its first component if that is a device name on Windows: `CON`, `nul.txt`.
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
