//! Text for people: untrusted text made safe for a terminal, sizes and counts.

use std::borrow::Cow;
use std::fmt;

/// `text` with everything that could control a terminal written as an escape such as `\u{1b}`.
///
/// That includes line breaks, so printed text stays on one line.
pub(crate) fn printable(text: &str) -> Printable<'_> {
    Printable(text)
}

/// Displays text safely for a terminal. Made by [`printable`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Printable<'a>(&'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, c) in self.0.char_indices() {
            if steers_a_terminal(c) {
                f.write_str(&self.0[plain..at])?;
                write!(f, "{}", c.escape_unicode())?;
                plain = at + c.len_utf8();
            }
        }
        f.write_str(&self.0[plain..])
    }
}

/// The first `most` characters of `text`, and an ellipsis if it has more.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most).and_then(|(end, _)| text.get(..end)) {
        Some(start) => Cow::Owned(format!("{start}…")),
        None => Cow::Borrowed(text),
    }
}

/// True for control characters, and for bidi controls, which make text look like other text.
pub(crate) fn steers_a_terminal(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// True for the characters that reorder the text around them.
pub(crate) fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A size in decimal units, as SI prefixes demand: 2,048 bytes are `2.0 kB`.
pub(crate) fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (rounded(bytes, 100), "kB");
    for (size, larger) in [(100_000, "MB"), (100_000_000, "GB"), (100_000_000_000, "TB")] {
        if tenths < 10_000 {
            break;
        }
        (tenths, unit) = (rounded(bytes, size), larger);
    }
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// `bytes` in units of `size`, to the nearest.
fn rounded(bytes: u64, size: u64) -> u64 {
    bytes.saturating_add(size / 2) / size
}

/// A size in binary units, like the limits on the command line: `634.8 GiB`, `16 GiB`.
pub(crate) fn binary_size(bytes: u128) -> String {
    let mut unit = 0;
    let mut tenths = bytes.saturating_mul(10);
    while tenths >= 10_240 && unit < 6 {
        tenths /= 1024;
        unit += 1;
    }
    let name = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"].get(unit).copied().unwrap_or("EiB");
    match (tenths / 10, tenths % 10) {
        (whole, 0) => format!("{whole} {name}"),
        (whole, tenth) => format!("{whole}.{tenth} {name}"),
    }
}

/// A number with a comma between every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `text` as one word of a shell's command line, safe for a terminal.
pub(crate) fn shell_word(text: &str) -> String {
    let text = printable(text).to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        for (bytes, expected) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (2048, "2.0 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (3_200_000_000, "3.2 GB"),
            (5_000_000_000_000, "5.0 TB"),
        ] {
            assert_eq!(size(bytes), expected);
        }
    }

    #[test]
    fn limits_are_printed_in_binary_units_and_counts_in_groups() {
        assert_eq!(binary_size(16 << 30), "16 GiB");
        assert_eq!(binary_size(681_642_229_760), "634.8 GiB");
        assert_eq!(binary_size(1023), "1023 B");
        assert_eq!(binary_size(u128::MAX / 2_000).split(' ').next_back(), Some("EiB"));
        assert_eq!(grouped(4_294_967_295), "4,294,967,295");
        assert_eq!(grouped(999), "999");
    }

    #[test]
    fn escape_sequences_cannot_reach_the_terminal() {
        let hostile = "a\x1b[2J\u{9b}31m\r\n\u{202e}txt.exe ünï 😀";
        let safe = printable(hostile).to_string();
        assert_eq!(safe, "a\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}\\u{202e}txt.exe ünï 😀");
    }
}
