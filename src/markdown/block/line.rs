//! What a line of Markdown begins: markers, fences, tags. Looks at the line alone, not at the lines before it.

use super::Definition;
use memchr::{memchr, memmem};
use std::ops::Range;

/// Maximum number of characters in a link label.
const MAX_LABEL: usize = 4 * 999;

/// True for bytes that begin no block at the start of a line.
pub(super) const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let special = b" \t\n#>-+*_=`~<[0123456789";
    let mut i = 0;
    while i < special.len() {
        plain[special[i] as usize] = false;
        i += 1;
    }
    plain
};

/// Tag names that begin an HTML block which ends at a blank line and may interrupt a paragraph.
const BLOCK_TAGS: &[&str] = &[
    "address", "article", "aside", "base", "basefont", "blockquote", "body", "caption", "center", "col",
    "colgroup", "dd", "details", "dialog", "dir", "div", "dl", "dt", "fieldset", "figcaption", "figure",
    "footer", "form", "frame", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr",
    "html", "iframe", "legend", "li", "link", "main", "menu", "menuitem", "nav", "noframes", "ol",
    "optgroup", "option", "p", "param", "section", "source", "search", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "title", "tr", "track", "ul",
];

/// Tag names that begin an HTML block which blank lines don't end.
const RAW_TAGS: &[&str] = &["script", "pre", "style", "textarea"];

/// A position in a line, in bytes and columns.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    pub(super) at: usize,
    pub(super) end: usize,
    /// The column of `at`.
    pub(super) column: usize,
    /// Columns of the tab before `at` that are not consumed yet.
    pub(super) spare: usize,
}

/// The white space before a position in a line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Indent {
    /// Its width in columns.
    pub(super) width: usize,
    /// Its end.
    pub(super) at: usize,
    /// The column of its end.
    pub(super) column: usize,
}

impl Cursor {
    #[inline]
    pub(super) fn indent(&self, bytes: &[u8]) -> Indent {
        match bytes.get(self.at) {
            Some(b' ' | b'\t') => self.white_space(bytes),
            _ => Indent { width: self.spare, at: self.at, column: self.column },
        }
    }

    fn white_space(&self, bytes: &[u8]) -> Indent {
        let (mut at, mut column) = (self.at, self.column);
        while at < self.end {
            match bytes.get(at) {
                Some(b' ') => column += 1,
                Some(b'\t') => column += 4 - column % 4,
                _ => break,
            }
            at += 1;
        }
        Indent { width: self.spare + (column - self.column), at, column }
    }

    /// Skips `columns` of white space.
    pub(super) fn advance(&mut self, bytes: &[u8], mut columns: usize) {
        let spare = self.spare.min(columns);
        self.spare -= spare;
        columns -= spare;
        while columns > 0 && self.at < self.end {
            let width = match bytes.get(self.at) {
                Some(b' ') => 1,
                Some(b'\t') => 4 - self.column % 4,
                _ => return,
            };
            self.at += 1;
            self.column += width;
            self.spare = width.saturating_sub(columns);
            columns = columns.saturating_sub(width);
        }
    }

    /// Skips the indent and a marker of `length` bytes.
    pub(super) fn skip(&mut self, indent: Indent, length: usize) {
        self.at = indent.at + length;
        self.column = indent.column + length;
        self.spare = 0;
    }
}

/// A list marker.
#[derive(Clone, Copy, Debug)]
pub(super) struct Marker {
    /// Its length in bytes without white space.
    pub(super) length: usize,
    /// The bullet, or the character after the number.
    pub(super) mark: u8,
    /// Whether it may interrupt a paragraph.
    pub(super) interrupts: bool,
}

/// The block that the rest of a line begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start {
    Quote,
    Heading(usize),
    Fence(u8, usize),
    /// HTML that blank lines don't end.
    RawHtml,
    /// A tag, and whether its name may interrupt a paragraph.
    Tag(bool),
    Break,
    Item(Marker),
    /// A footnote definition, an extension that many parsers support.
    Note,
    Text,
}

/// The lines of a text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lines<'t> {
    pub(super) bytes: &'t [u8],
}

impl Lines<'_> {
    #[inline]
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(b'\n')
    }

    pub(super) fn enter_quote(&self, cursor: &mut Cursor, indent: Indent) {
        cursor.skip(indent, 1);
        if cursor.indent(self.bytes).width > 0 {
            cursor.advance(self.bytes, 1);
        }
    }

    pub(super) fn run_of(&self, mark: u8, at: usize, end: usize) -> usize {
        let rest = self.bytes.get(at..end).unwrap_or_default();
        rest.iter().take_while(|&&byte| byte == mark).count()
    }

    pub(super) fn is_blank(&self, at: usize, end: usize) -> bool {
        let rest = self.bytes.get(at..end).unwrap_or_default();
        rest.iter().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    /// The block that begins after `indent`. An indent of four columns or more makes it text.
    pub(super) fn start_of(&self, indent: Indent, end: usize) -> Start {
        if indent.width >= 4 {
            return Start::Text;
        }
        let at = indent.at;
        match self.byte(at) {
            b'>' => Start::Quote,
            b'#' => {
                let level = self.run_of(b'#', at, end);
                match self.byte(at + level) {
                    b' ' | b'\t' | b'\n' if level <= 6 => Start::Heading(level),
                    _ => Start::Text,
                }
            }
            mark @ (b'`' | b'~') => {
                let length = self.run_of(mark, at, end);
                let info = self.bytes.get(at + length..end).unwrap_or_default();
                if length < 3 || (mark == b'`' && memchr(b'`', info).is_some()) {
                    return Start::Text;
                }
                Start::Fence(mark, length)
            }
            b'<' => self.tag(at, end),
            b'[' if self.defines_note(at, end) => Start::Note,
            b'*' | b'-' | b'_' if self.is_break(at, end) => Start::Break,
            b'*' | b'-' | b'+' | b'0'..=b'9' => self.marker(at, end).map_or(Start::Text, Start::Item),
            _ => Start::Text,
        }
    }

    pub(super) fn is_break(&self, at: usize, end: usize) -> bool {
        let mark = self.byte(at);
        let rest = self.bytes.get(at..end).unwrap_or_default();
        let mut count = 0;
        for &byte in rest {
            match byte {
                b' ' | b'\t' => {}
                _ if byte == mark => count += 1,
                _ => return false,
            }
        }
        count >= 3
    }

    pub(super) fn is_underline(&self, at: usize, end: usize) -> bool {
        let mark = self.byte(at);
        matches!(mark, b'=' | b'-') && self.is_blank(at + self.run_of(mark, at, end), end)
    }

    pub(super) fn marker(&self, at: usize, end: usize) -> Option<Marker> {
        let rest = self.bytes.get(at..end)?;
        let digits = rest.iter().take(10).take_while(|byte| byte.is_ascii_digit()).count();
        let mark = *rest.get(digits)?;
        let fits = match digits {
            0 => matches!(mark, b'*' | b'-' | b'+'),
            1..=9 => matches!(mark, b'.' | b')'),
            _ => false,
        };
        let length = digits + 1;
        if !fits || !matches!(rest.get(length), None | Some(b' ' | b'\t')) {
            return None;
        }
        let one = digits == 0 || rest.get(..digits).is_some_and(is_one);
        let interrupts = one && !self.is_blank(at + length, end);
        Some(Marker { length, mark, interrupts })
    }

    pub(super) fn tag(&self, at: usize, end: usize) -> Start {
        let rest = self.bytes.get(at + 1..end).unwrap_or_default();
        if matches!(rest.first(), Some(b'!' | b'?')) {
            return Start::RawHtml;
        }
        let rest = rest.strip_prefix(b"/").unwrap_or(rest);
        let name = tag_name(rest);
        if name.is_empty() {
            return Start::Text;
        }
        if is_among(name, RAW_TAGS) {
            return Start::RawHtml;
        }
        if is_address(rest) {
            return Start::Text;
        }
        let is_block = is_among(name, BLOCK_TAGS);
        if !is_block && is_followed_by_text(rest) {
            return Start::Text;
        }
        Start::Tag(is_block)
    }

    pub(super) fn defines_note(&self, at: usize, end: usize) -> bool {
        let rest = self.bytes.get(at..end).unwrap_or_default();
        rest.starts_with(b"[^") && memmem::find(rest, b"]:").is_some()
    }

    /// The label of the footnote defined by the line at `at`.
    pub(super) fn note(&self, at: usize, end: usize) -> Option<Range<usize>> {
        let rest = self.bytes.get(at + 2..end)?;
        let length = memmem::find(rest, b"]:")?;
        let label = rest.get(..length)?;
        let fits =
            !label.is_empty() && label.iter().all(|&b| !b.is_ascii_whitespace() && !b"[]\\`<^".contains(&b));
        fits.then_some(at + 2..at + 2 + length)
    }

    /// The link defined by the line from `line` to `end`, whose `[` is at `at`; `None` if the definition takes more
    /// than one line.
    pub(super) fn definition(&self, line: usize, at: usize, end: usize) -> Option<Definition> {
        let close = at + memmem::find(self.bytes.get(at..end)?, b"]:")?;
        let label = at + 1..close;
        let inside = self.bytes.get(label.clone())?;
        if inside.trim_ascii().is_empty()
            || inside.starts_with(b"^")
            || inside.iter().any(|b| b"[]\\".contains(b))
        {
            return None;
        }
        let skip = |from: usize| {
            let rest = self.bytes.get(from..end).unwrap_or_default();
            from + rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count()
        };
        let start = skip(close + 2);
        let rest = self.bytes.get(start..end)?;
        let length = if rest.starts_with(b"<") {
            rest.iter().position(|&byte| byte == b'>')? + 1
        } else {
            rest.iter().take_while(|byte| !byte.is_ascii_whitespace() && !byte.is_ascii_control()).count()
        };
        let address = start..start + length;
        let written = self.bytes.get(address.clone())?;
        if written.is_empty() || written.iter().skip(1).any(|&byte| byte == b'<') || written.contains(&b'\\')
        {
            return None;
        }
        let begin = skip(address.end);
        let rest = self.bytes.get(begin..end)?.trim_ascii_end();
        let title = begin..begin + rest.len();
        let is_title = match rest {
            [] => true,
            [quote @ (b'"' | b'\''), inside @ .., last] => {
                begin > address.end && quote == last && !inside.contains(quote) && !inside.contains(&b'\\')
            }
            _ => false,
        };
        is_title.then_some(Definition { line: line..end, label, address, title })
    }

    /// True if the `[` here, at the start of a paragraph, may begin a link or footnote definition.
    pub(super) fn may_define(&self, at: usize) -> bool {
        let rest = self.bytes.get(at + 1..).unwrap_or_default();
        let mut escaped = false;
        for (length, &byte) in rest.iter().take(MAX_LABEL).enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'[' => return false,
                b']' => return rest.get(length + 1) == Some(&b':'),
                b'\n' if rest.get(length + 1) == Some(&b'\n') => return false,
                _ => {}
            }
        }
        false
    }
}

/// True if the rest of a line, after `<`, begins with an address and its `>`: a link, and no tag to any reader.
fn is_address(rest: &[u8]) -> bool {
    let is_inside = |byte: &u8| byte.is_ascii_graphic() && !b"<>\"'`\\".contains(byte) || !byte.is_ascii();
    let length = rest.iter().take_while(|byte| is_inside(byte)).count();
    let Some((address, b">")) =
        rest.split_at_checked(length).map(|(inside, end)| (inside, end.get(..1).unwrap_or_default()))
    else {
        return false;
    };
    let scheme =
        address.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte)).count();
    let is_absolute = (2..=32).contains(&scheme) && address.get(scheme) == Some(&b':');
    let is_mailbox = address.get(scheme) == Some(&b'@') && !address.contains(&b'/');
    is_absolute || is_mailbox
}

/// True if the line of a tag goes on after it, so that only the names of blocks make HTML of it. Where an attribute may
/// contain the end of the tag, nothing is sure.
fn is_followed_by_text(rest: &[u8]) -> bool {
    let Some(end) = memchr(b'>', rest) else { return false };
    let (tag, after) = rest.split_at(end);
    !tag.iter().any(|byte| b"\"'<`".contains(byte))
        && after.get(1..).is_some_and(|after| !after.trim_ascii().is_empty())
}

/// True if the number in `digits` is 1.
fn is_one(digits: &[u8]) -> bool {
    digits.split_last().is_some_and(|(last, zeros)| *last == b'1' && zeros.iter().all(|&digit| digit == b'0'))
}

/// The tag name at the start of `rest`.
pub(crate) fn tag_name(rest: &[u8]) -> &[u8] {
    if !rest.first().is_some_and(u8::is_ascii_alphabetic) {
        return &[];
    }
    let length =
        rest.iter().take(16).take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-').count();
    rest.get(..length).unwrap_or_default()
}

/// True if a tag of this name begins an HTML block that may interrupt a paragraph.
pub(crate) fn begins_block(name: &[u8]) -> bool {
    is_among(name, BLOCK_TAGS)
}

/// True if `name` is one of `names`, ignoring case.
fn is_among(name: &[u8], names: &[&str]) -> bool {
    names.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(name))
}
