//! Where nothing is markup: code, formulas, addresses, the vendor's marks.
//!
//! Places are asked about in ascending order, and the result of each search is kept, so that all questions together
//! take time linear in the text.

use memchr::{memchr, memchr_iter, memmem};
use std::collections::HashMap;
use std::ops::Range;

/// The longest address of a link that is looked for, in bytes.
const LONGEST_ADDRESS: usize = 2000;

/// A search forward whose last result is kept.
#[derive(Debug, Default)]
struct Ahead {
    /// What the last search found: a place after the text if nothing.
    last: Option<usize>,
}

impl Ahead {
    fn find(&mut self, at: usize, search: impl FnOnce(usize) -> Option<usize>) -> Option<usize> {
        let found = match self.last {
            Some(found) if found >= at => found,
            _ => *self.last.insert(search(at).unwrap_or(usize::MAX)),
        };
        (found < usize::MAX).then_some(found)
    }
}

/// The places in a text where nothing is markup.
#[derive(Debug)]
pub(super) struct Zones<'s> {
    source: &'s str,
    /// The runs of backticks: where each begins, its length, and where the next of its length begins.
    ticks: Option<Vec<(usize, usize, Option<usize>)>>,
    line: Ahead,
    paragraph: Ahead,
    closers: [Ahead; 4],
    raw: [Ahead; 4],
}

/// What ends a formula or a mark.
#[derive(Clone, Copy)]
enum Closer {
    Parenthesis,
    Bracket,
    Dollars,
    Mark,
}

impl Closer {
    fn text(self) -> &'static str {
        match self {
            Self::Parenthesis => "\\)",
            Self::Bracket => "\\]",
            Self::Dollars => "$$",
            Self::Mark => "\u{e201}",
        }
    }
}

impl<'s> Zones<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self {
            source,
            ticks: None,
            line: Ahead::default(),
            paragraph: Ahead::default(),
            closers: std::array::from_fn(|_| Ahead::default()),
            raw: std::array::from_fn(|_| Ahead::default()),
        }
    }

    fn rest(&self, at: usize) -> &'s str {
        self.source.get(at..).unwrap_or_default()
    }

    /// The end of the line in which `at` is.
    pub(super) fn line_end(&mut self, at: usize) -> usize {
        let bytes = self.source.as_bytes();
        let search =
            |at: usize| bytes.get(at..).and_then(|rest| memchr(b'\n', rest)).map(|length| at + length);
        self.line.find(at, search).unwrap_or(bytes.len())
    }

    /// The end of the last line before the next blank one.
    pub(super) fn paragraph_end(&mut self, at: usize) -> usize {
        let bytes = self.source.as_bytes();
        let search = |at: usize| {
            memchr_iter(b'\n', bytes.get(at..)?).map(|length| at + length).find(|end| {
                let next = bytes.get(end + 1..).unwrap_or_default().iter();
                next.copied().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r')) == Some(b'\n')
            })
        };
        self.paragraph.find(at, search).unwrap_or(bytes.len())
    }

    /// The end of the code span that the backticks at `at` open, or of the backticks.
    pub(super) fn code(&mut self, at: usize) -> usize {
        let source = self.source;
        let ticks = self.ticks.get_or_insert_with(|| ticks(source));
        let found = ticks.binary_search_by_key(&at, |&(start, ..)| start).ok();
        let Some(&(_, length, next)) = found.and_then(|found| ticks.get(found)) else { return at + 1 };
        match next {
            Some(next) if next < self.paragraph_end(at) => next + length,
            _ => at + length,
        }
    }

    /// The end of what the backslash at `at` begins: a formula, or one escaped character.
    pub(super) fn backslash(&mut self, at: usize) -> usize {
        let rest = self.rest(at + 1);
        let closer = match rest.as_bytes().first() {
            Some(b'(') => Closer::Parenthesis,
            Some(b'[') => Closer::Bracket,
            Some(byte) if byte.is_ascii_punctuation() => return at + 2,
            _ => return at + 1,
        };
        self.closed(at + 2, closer).unwrap_or(at + 2)
    }

    /// The end of the formula that the dollar at `at` begins, or of the dollars.
    pub(super) fn dollar(&mut self, at: usize) -> usize {
        let rest = self.rest(at);
        if rest.starts_with("$$") {
            let end = self.closed(at + 2, Closer::Dollars);
            let end = end.filter(|&end| !has_tag(self.source.get(at..end).unwrap_or_default()));
            return end.unwrap_or(at + 2);
        }
        let line = self.line_end(at);
        let inside = self.source.get(at + 1..line).unwrap_or_default();
        let Some(length) = memchr(b'$', inside.as_bytes()) else { return at + 1 };
        let formula = inside.get(..length).unwrap_or_default();
        let after = inside.as_bytes().get(length + 1);
        let is_formula = formula.trim().len() == formula.len()
            && !after.is_some_and(u8::is_ascii_digit)
            && !has_tag(formula);
        at + 1 + if is_formula { length + 1 } else { 0 }
    }

    /// The end of the mark that opens at `at`, or of the character that opens it.
    pub(super) fn mark(&mut self, at: usize) -> usize {
        let inside = at + '\u{e200}'.len_utf8();
        self.closed(inside, Closer::Mark).unwrap_or(inside)
    }

    /// The end of the next `closer` in the paragraph.
    fn closed(&mut self, at: usize, closer: Closer) -> Option<usize> {
        let (bytes, text) = (self.source.as_bytes(), closer.text());
        let search = |at: usize| memmem::find(bytes.get(at..)?, text.as_bytes()).map(|length| at + length);
        let found = self.closers.get_mut(closer as usize)?.find(at, search)?;
        (found < self.paragraph_end(at)).then_some(found + text.len())
    }

    /// The end of the address of a link whose `](` is at `at`, or of the bracket.
    pub(super) fn address(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (length, byte) in self.rest(at + 2).bytes().take(LONGEST_ADDRESS).enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' if depth == 0 => return at + 2 + length + 1,
                b')' => depth -= 1,
                b'\n' | b' ' | b'\t' => break,
                _ => {}
            }
        }
        at + 1
    }

    /// The end of the raw HTML that begins at `at`, where nothing is Markdown.
    pub(super) fn raw_html(&mut self, at: usize) -> Option<usize> {
        const RAW: [(&str, &str); 4] =
            [("<!--", "-->"), ("<pre", "</pre>"), ("<script", "</script>"), ("<style", "</style>")];
        let rest = self.rest(at).as_bytes();
        let is = |name: &str| {
            rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()))
        };
        let kind = RAW.iter().position(|(open, _)| is(open))?;
        let (_, close) = RAW.get(kind)?;
        let bytes = self.source.as_bytes();
        let search = |at: usize| memmem::find(bytes.get(at..)?, close.as_bytes()).map(|length| at + length);
        Some(self.raw.get_mut(kind)?.find(at, search)? + close.len())
    }
}

/// True if `text` has what may be a tag of a component, so that it is no formula.
fn has_tag(text: &str) -> bool {
    text.contains("/>") || text.contains("</")
}

/// The runs of backticks in `source`.
fn ticks(source: &str) -> Vec<(usize, usize, Option<usize>)> {
    let bytes = source.as_bytes();
    let mut runs: Vec<(usize, usize, Option<usize>)> = Vec::new();
    for at in memchr_iter(b'`', bytes) {
        match runs.last_mut() {
            Some((start, length, _)) if *start + *length == at => *length += 1,
            _ => runs.push((at, 1, None)),
        }
    }
    let mut last: HashMap<usize, usize> = HashMap::new();
    for (start, length, next) in runs.iter_mut().rev() {
        *next = last.insert(*length, *start);
    }
    runs
}

/// How a line of Markdown begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// How many block quotes it is in.
    pub(super) quotes: usize,
    /// The column of its first character that is no mark of a quote.
    pub(super) indent: usize,
    /// The columns at which the contents of list items begin that it opens: the last of them.
    pub(super) item: Option<usize>,
    /// Where its text begins, in bytes of the line.
    pub(super) text: usize,
}

impl Prefix {
    /// How `line` begins.
    pub(super) fn of(line: &str) -> Self {
        let mut prefix = Self::default();
        let bytes = line.as_bytes();
        let mut column = 0;
        let mut is_first = true;
        loop {
            let before = column;
            while let Some(&byte) = bytes.get(prefix.text) {
                match byte {
                    b' ' => column += 1,
                    b'\t' => column += 4 - column % 4,
                    _ => break,
                }
                prefix.text += 1;
            }
            // After a mark, more than this is code.
            if !is_first && column - before > 4 {
                return prefix;
            }
            let rest = bytes.get(prefix.text..).unwrap_or_default();
            if rest.first() == Some(&b'>') && prefix.item.is_none() {
                prefix.quotes += 1;
                prefix.text += 1;
                if bytes.get(prefix.text) == Some(&b' ') {
                    prefix.text += 1;
                }
                column = 0;
                continue;
            }
            if prefix.item.is_none() {
                prefix.indent = column;
            }
            let Some(length) = marker(rest) else { return prefix };
            column += length + usize::from(rest.get(length).is_some());
            prefix.text += length + usize::from(rest.get(length).is_some());
            prefix.item = Some(column);
            is_first = false;
        }
    }
}

/// The length of the list marker that `rest` begins with.
pub(super) fn marker(rest: &[u8]) -> Option<usize> {
    let length = match rest.first()? {
        b'-' | b'*' | b'+' => 1,
        b'0'..=b'9' => {
            let digits = rest.iter().take(9).take_while(|byte| byte.is_ascii_digit()).count();
            matches!(rest.get(digits), Some(b'.' | b')')).then_some(digits + 1)?
        }
        _ => return None,
    };
    matches!(rest.get(length), None | Some(b' ' | b'\t' | b'\n' | b'\r')).then_some(length)
}

/// The character and length of the fence that `text`, without its indentation, opens.
pub(super) fn fence(text: &str) -> Option<(u8, usize)> {
    let mark = text.bytes().next().filter(|byte| matches!(byte, b'`' | b'~'))?;
    let length = text.bytes().take_while(|&byte| byte == mark).count();
    let info = text.get(length..).unwrap_or_default();
    let info = info.split('\n').next().unwrap_or_default();
    (length >= 3 && !(mark == b'`' && info.contains('`'))).then_some((mark, length))
}

/// True if `text`, without its indentation, closes a fence.
pub(super) fn closes_fence(text: &str, (mark, length): (u8, usize)) -> bool {
    let text = text.trim();
    text.len() >= length && text.bytes().all(|byte| byte == mark)
}

/// The end of the fence that opens in the line `line` of `source`: its own mark, or the end of the list item or block
/// quote `around` it.
pub(super) fn fence_end(source: &str, line: Range<usize>, opened: (u8, usize), around: Prefix) -> usize {
    let mut at = line.end + 1;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let length = memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
        let text = rest.get(..length).unwrap_or_default();
        let mut inside = text;
        let mut quotes = 0;
        while quotes < around.quotes
            && let Some(quoted) = inside.trim_start().strip_prefix('>')
        {
            inside = quoted;
            quotes += 1;
        }
        let spaces = inside.len() - inside.trim_start().len();
        let is_blank = spaces == inside.len();
        if quotes < around.quotes || (!is_blank && around.item.is_some_and(|item| spaces + 1 < item)) {
            return at;
        }
        if closes_fence(inside, opened) {
            return at + length;
        }
        at += length + 1;
    }
    source.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_line_is_its_quotes_and_list_marks() {
        for (line, quotes, indent, item, text) in [
            ("x", 0, 0, None, 0),
            ("  x", 0, 2, None, 2),
            ("- x", 0, 0, Some(2), 2),
            ("> - x", 1, 0, Some(2), 4),
            ("  10. x", 0, 2, Some(6), 6),
            ("- - x", 0, 0, Some(4), 4),
            ("-x", 0, 0, None, 0),
        ] {
            assert_eq!(Prefix::of(line), Prefix { quotes, indent, item, text }, "{line}");
        }
    }
}
