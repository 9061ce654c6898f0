//! Untrusted text made safe for a terminal.

use std::fmt;

/// `text` with everything that could control a terminal written as an escape such as `\u{1b}`.
///
/// That includes line breaks, so printed text stays on one line.
pub fn printable(text: &str) -> Printable<'_> {
    Printable(text)
}

/// Displays text safely for a terminal. Made by [`printable`].
#[derive(Clone, Copy, Debug)]
pub struct Printable<'a>(&'a str);

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

/// True for control characters, and for bidi controls, which make text look like other text.
pub fn steers_a_terminal(c: char) -> bool {
    c.is_control() || is_bidi_control(c)
}

/// True for the characters that reorder the text around them.
pub fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_cannot_reach_the_terminal() {
        let hostile = "a\x1b[2J\u{9b}31m\r\n\u{202e}txt.exe ünï 😀";
        let safe = printable(hostile).to_string();
        assert_eq!(safe, "a\\u{1b}[2J\\u{9b}31m\\u{d}\\u{a}\\u{202e}txt.exe ünï 😀");
    }
}
