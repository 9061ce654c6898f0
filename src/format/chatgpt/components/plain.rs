//! Words as Markdown: what is escaped, and how spans, fences and links are written.

pub(super) use crate::markdown::{code_span, is_web};

use crate::markdown::{self, host};
use std::borrow::Cow;

/// The longest name of an entity that is decoded, in bytes.
const LONGEST_ENTITY: usize = 10;

/// `text` with its entities decoded. Borrows if it has no entities.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let name = after.get(1..).unwrap_or_default();
        let length = name.bytes().take(LONGEST_ENTITY).position(|byte| byte == b';');
        if let Some((c, length)) = length.and_then(|length| Some((entity(name.get(..length)?)?, length))) {
            out.push(c);
            rest = name.get(length + 1..).unwrap_or_default();
        } else {
            out.push('&');
            rest = name;
        }
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hexadecimal = number.strip_prefix(['x', 'X']);
        let number = match hexadecimal {
            Some(digits) => u32::from_str_radix(digits, 16).ok()?,
            None => number.parse().ok()?,
        };
        return char::from_u32(number).filter(|&c| c != '\0');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{a0}',
        "ndash" => '–',
        "mdash" => '—',
        "hellip" => '…',
        "middot" => '·',
        "bull" => '•',
        "deg" => '°',
        "times" => '×',
        "larr" => '←',
        "rarr" => '→',
        "lsquo" => '‘',
        "rsquo" => '’',
        "ldquo" => '“',
        "rdquo" => '”',
        "euro" => '€',
        "copy" => '©',
        "reg" => '®',
        "trade" => '™',
        _ => return None,
    })
}

/// `text` as words and nothing else, on one line: what Markdown would take for markup is escaped, and only that.
/// `before` and `after` are the characters around it.
pub(super) fn escaped(text: &str, before: Option<char>, after: Option<char>) -> String {
    escaped_except(text, before, after, &markdown::harmless_brackets(text, before, after))
}

/// The same, except that the brackets at the bytes `harmless` are left as they are.
fn escaped_except(text: &str, before: Option<char>, after: Option<char>, harmless: &[usize]) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let mut last = before;
    let mut rest = text.chars();
    let mut harmless = harmless.iter().peekable();
    loop {
        let at = text.len() - rest.as_str().len();
        let Some(c) = rest.next() else { break };
        let next = rest.clone().next().or(after);
        let is_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_special = match c {
            '\\' => next.is_none_or(|next| next.is_ascii_punctuation()),
            '[' | ']' => harmless.next_if(|&&next| next == at).is_none(),
            '`' | '*' => true,
            '_' => !(is_word(last) && is_word(next)),
            '~' => last == Some('~') || next == Some('~'),
            '<' => next.is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')),
            '&' => markdown::is_entity(rest.as_str()),
            _ => false,
        };
        if is_special {
            out.push('\\');
        }
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
        last = Some(c);
    }
    out
}

/// `text` as words and nothing else, without blanks around it; safe in the label of a link.
pub(super) fn words(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escaped_except(&words.join(" "), None, None, &[])
}

/// `text` as words and nothing else, without blanks around it, outside of the label of a link.
pub(super) fn sentence(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    escaped(&words.join(" "), None, None)
}

/// `text` as words that begin a line.
pub(super) fn line(text: &str) -> String {
    guarded(sentence(text))
}

/// `text`, which begins a line, with a backslash where it would begin a block.
pub(super) fn guarded(text: String) -> String {
    let bytes = text.as_bytes();
    let at = match bytes.first() {
        Some(b'#' | b'>' | b'=') => Some(0),
        Some(b'-' | b'+') if matches!(bytes.get(1), None | Some(b' ' | b'\t' | b'-')) => Some(0),
        Some(b'0'..=b'9') => {
            let digits = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let is_item = matches!(bytes.get(digits), Some(b'.' | b')'))
                && matches!(bytes.get(digits + 1), None | Some(b' ' | b'\t'));
            (digits <= 9 && is_item).then_some(digits)
        }
        Some(b':') if text.starts_with(":::") => Some(0),
        _ => None,
    };
    match at {
        Some(at) => {
            let (before, after) = text.split_at(at);
            format!("{before}\\{after}")
        }
        None => text,
    }
}

/// `text` in a fence that nothing inside can close.
pub(super) fn fence(language: &str, text: &str) -> String {
    let ticks = "`".repeat(markdown::longest_run(text).saturating_add(1).max(3));
    let fits = |c: &char| c.is_alphanumeric() || matches!(c, '_' | '-' | '+' | '#' | '.');
    let language: String = language.trim().chars().take(40).take_while(fits).collect();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("{ticks}{language}\n{text}{end}{ticks}")
}

/// `url` as the address of a link; `None` for other schemes. The renderer takes away tracking parameters.
pub(super) fn address(url: &str) -> Option<String> {
    let url = url.trim();
    is_web(url).then(|| url.to_owned())
}

/// A link with a label that is Markdown already. Without a label it is the address itself.
pub(super) fn link(label: &str, url: &str) -> String {
    let label = label.trim();
    if !label.is_empty() {
        return format!("[{label}]({})", destination(url));
    }
    let harmless = |c: char| c.is_ascii_graphic() && !matches!(c, '<' | '>' | '|' | '\\' | '`');
    if url.chars().all(harmless) {
        return format!("<{url}>");
    }
    format!("[{}]({})", words(host(url)), destination(url))
}

/// `url` as the destination of a link, which nothing in it can end, even in a cell of a table.
pub(super) fn destination(url: &str) -> String {
    let mut encoded = String::with_capacity(url.len());
    for (at, c) in url.trim().char_indices() {
        let is_harmful = c.is_control() || c.is_whitespace();
        if is_harmful || matches!(c, '<' | '>' | '\\' | '`' | '(' | ')' | '|' | '"') {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                markdown::percent_encode(byte, |_| false, &mut encoded);
            }
            continue;
        }
        if c == '&' && markdown::is_entity(url.trim().get(at + 1..).unwrap_or_default()) {
            encoded.push('\\');
        }
        encoded.push(c);
    }
    encoded
}

/// Inline Markdown between marks of emphasis, which touch its words. Marks of the same kind inside are dropped.
pub(super) fn emphasised(text: &str, mark: &str) -> String {
    let inside = text.trim();
    if inside.is_empty() {
        return text.to_owned();
    }
    let plain = if mark != "*" && inside.contains(mark) { without(inside, mark) } else { inside.to_owned() };
    let inside = plain.trim();
    if inside.is_empty() {
        return text.to_owned();
    }
    let start = text.len() - text.trim_start().len();
    let end = text.trim_end().len();
    let (before, after) = (text.get(..start).unwrap_or_default(), text.get(end..).unwrap_or_default());
    format!("{before}{mark}{inside}{mark}{after}")
}

/// Inline Markdown without the marks `mark` outside of code.
fn without(text: &str, mark: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut ticks = 0;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let run = rest.bytes().take_while(|&byte| byte == b'`').count();
        if run > 0 {
            ticks = if ticks == 0 {
                run
            } else if ticks == run {
                0
            } else {
                ticks
            };
            out.push_str(rest.get(..run).unwrap_or_default());
            at += run;
        } else if rest.starts_with('\\') {
            let length = 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
            out.push_str(rest.get(..length).unwrap_or_default());
            at += length;
        } else if ticks == 0 && rest.starts_with(mark) {
            at += mark.len();
        } else {
            let length = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(rest.get(..length).unwrap_or_default());
            at += length;
        }
    }
    out
}

/// `text` without blank lines at its beginning and white space at its end.
pub(super) fn trim_block(text: &str) -> &str {
    let text = text.trim_end();
    let first = text.len() - text.trim_start().len();
    let line = text.get(..first).and_then(|blank| blank.rfind('\n')).map_or(0, |at| at + 1);
    text.get(line..).unwrap_or_default()
}

/// Markdown on one line.
pub(super) fn joined_lines(text: &str) -> String {
    if !text.contains('\n') {
        return text.trim().to_owned();
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_escaped_only_where_they_would_be_markup() {
        for (text, expected) in [
            ("Sea * aster", "Sea \\* aster"),
            ("snake_case _x_", "snake_case \\_x\\_"),
            ("a < b", "a < b"),
            ("<b>", "\\<b>"),
            ("[x](y)", "\\[x\\](y)"),
            ("A & B &amp; C", "A & B \\&amp; C"),
            ("two\nlines", "two lines"),
            ("C:\\dir \\* x", "C:\\dir \\\\\\* x"),
            ("a\u{7}b", "ab"),
            ("~~~", "\\~\\~\\~"),
        ] {
            assert_eq!(words(text), expected);
        }
    }

    #[test]
    fn words_begin_no_block() {
        for (text, expected) in [
            ("# x", "\\# x"),
            ("- x", "\\- x"),
            ("1. x", "1\\. x"),
            ("-x", "-x"),
            ("1.5", "1.5"),
            ("> x", "\\> x"),
            (":::x", "\\:::x"),
            (":x", ":x"),
            ("1234567890. x", "1234567890. x"),
        ] {
            assert_eq!(line(text), expected);
        }
    }

    #[test]
    fn emphasis_hugs_the_words_and_does_not_nest() {
        assert_eq!(emphasised(" a ", "**"), " **a** ");
        assert_eq!(emphasised("**a** b", "**"), "**a b**");
        assert_eq!(emphasised("`**` b", "**"), "**`**` b**");
        assert_eq!(emphasised("`` ` ** `` **b**", "**"), "**`` ` ** `` b**");
        assert_eq!(emphasised("  ", "**"), "  ");
    }

    #[test]
    fn entities_are_decoded() {
        assert_eq!(decoded("a &amp;&#10;&lt;b&gt; &quot;&x; & &#x41;"), "a &\n<b> \"&x; & A");
    }

    #[test]
    fn fences_and_spans_are_longer_than_what_they_hold() {
        assert_eq!(code_span("a`b"), "``a`b``");
        assert_eq!(code_span("`"), "`` ` ``");
        assert_eq!(fence("py thon", "```\n"), "````py\n```\n````");
    }

    #[test]
    fn addresses_can_not_end_their_link() {
        assert_eq!(link("5", "https://a.example/a(b) c|d"), "[5](https://a.example/a%28b%29%20c%7Cd)");
        assert_eq!(link("", "https://b.example/"), "<https://b.example/>");
        assert_eq!(link("", "https://b.example/ä"), "[b.example](https://b.example/ä)");
        assert_eq!(destination("https://c.example/\u{7}?a&lt;b&c"), "https://c.example/%07?a\\&lt;b&c");
    }
}
