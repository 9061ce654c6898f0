//! Formulas: `\(…\)` and `\[…\]`, as models write them, become `$…$` and `$$…$$`, as editors and previewers read them.

use super::block::{self, Kind, Regions, Voice};
use super::code::{Code, is_escaped};
use super::hints::Hints;
use memchr::{memchr_iter, memrchr};
use std::ops::Range;

/// What happens to formulas in answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Math {
    /// They are written between dollar signs.
    #[default]
    Dollars,
    /// They are left unchanged.
    Keep,
}

/// A formula of the text.
struct Formula {
    /// All of it.
    range: Range<usize>,
    /// The part between its delimiters.
    inside: Range<usize>,
    /// True for a display formula, false for an inline one.
    display: bool,
}

/// `text`, an answer, with its formulas between dollar signs; `None` if it has none. Code is left unchanged. Other
/// dollar signs are escaped if they could pair with one of a formula.
pub(crate) fn dollars(text: &str, hints: Hints) -> Option<String> {
    if !hints.may_have(Hints::BACKSLASH) || !may_have_formulas(text) {
        return None;
    }
    let regions = block::structure(text, Voice::Markdown, Regions::Wanted).regions;
    let mut code = Code::with_regions(text, &regions);
    let formulas = formulas(text, &mut code);
    if formulas.is_empty() {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    let mut next = formulas.iter().peekable();
    let mut literals = Literals { text, code, until: 0 };
    for region in &regions {
        // Other dollar signs must not pair with those of formulas.
        let has_some = next.peek().is_some_and(|formula| formula.range.start < region.range.end);
        if !has_some || region.kind == Kind::Fenced || region.kind == Kind::Indented {
            continue;
        }
        let mut at = done.max(region.range.start);
        out.push_str(text.get(done..at).unwrap_or_default());
        while let Some(formula) = next.next_if(|formula| formula.range.start < region.range.end) {
            literals.write(at..formula.range.start, &mut out);
            write(text, formula, &mut out);
            at = formula.range.end;
        }
        let end = region.range.end.max(at);
        literals.write(at..end, &mut out);
        done = end;
    }
    out.push_str(text.get(done..).unwrap_or_default());
    Some(out)
}

/// True if `text` contains what may open a formula.
fn may_have_formulas(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr_iter(b'\\', bytes).any(|at| matches!(bytes.get(at + 1), Some(b'(' | b'[')))
}

/// The formulas of `text`, ascending, without overlaps. None extends past a blank line.
fn formulas(text: &str, code: &mut Code<'_>) -> Vec<Formula> {
    let bytes = text.as_bytes();
    let mut formulas = Vec::new();
    let mut resume = 0;
    // For each kind, how far a search for the end has failed: another one up to there would fail too.
    let mut failed = [0, 0];
    let mut lines = LineStarts { bytes, seen: 0, line: 0 };
    for at in memchr_iter(b'\\', bytes) {
        let (close, display) = match bytes.get(at + 1) {
            Some(b'(') => (b')', false),
            Some(b'[') => (b']', true),
            _ => continue,
        };
        let Some(failed) = failed.get_mut(usize::from(display)) else { continue };
        if at < resume || at < *failed || is_escaped(text, at) || code.at(at).is_some() {
            continue;
        }
        let begin = at + 2;
        let end = match end_of_formula(bytes, begin, close, bytes.get(at + 1).copied()) {
            Ok(end) => end,
            Err(end) => {
                *failed = end;
                continue;
            }
        };
        let inside = begin..end;
        if display && is_bracketed_text(text, at, &inside) {
            resume = end + 2;
            continue;
        }
        let words = text.get(inside.clone()).unwrap_or_default();
        // The cells of a row end before formulas are read.
        if display && words.contains('|') && lines.is_row(at) {
            continue;
        }
        let has_dollar = memchr_iter(b'$', words.as_bytes()).any(|dollar| !is_escaped(words, dollar));
        if !words.trim().is_empty() && !has_dollar {
            formulas.push(Formula { range: at..end + 2, inside, display });
            resume = end + 2;
        }
    }
    formulas
}

/// True if the brackets around `inside`, escaped from `at` on, are those of a name such as `[PDF] Tea` rather than the
/// marks of a formula: in the label of a link, before what would make a link of them, or around words
/// within a line.
fn is_bracketed_text(text: &str, at: usize, inside: &Range<usize>) -> bool {
    let after = inside.end + 2;
    let rest = text.get(after..).unwrap_or_default();
    let words = text.get(inside.clone()).unwrap_or_default();
    let is_plain = words.chars().all(|c| c.is_alphanumeric() || " .,:;'’\"-–&#/".contains(c));
    if (is_plain && rest.starts_with(['(', '['])) || is_in_label(text, at, after) {
        return true;
    }
    let letters = words.chars().filter(|c| c.is_alphabetic()).take(2).count();
    let is_number = words.bytes().all(|byte| byte.is_ascii_digit());
    let begins_line = || {
        let before = text.get(..at).unwrap_or_default();
        let line = before.rfind('\n').map_or(before, |end| before.get(end..).unwrap_or_default());
        line.bytes()
            .all(|byte| byte.is_ascii_whitespace() || byte.is_ascii_digit() || b">*+-.)".contains(&byte))
    };
    let ends_line = || rest.trim_start_matches([' ', '\t']).chars().next().is_none_or(|c| c == '\n');
    is_plain && (letters == 2 || is_number) && !(begins_line() && ends_line())
}

/// True if what is from `start` to `end` is in the label of a link.
fn is_in_label(text: &str, start: usize, end: usize) -> bool {
    /// Longer labels are not looked at, so that the time is linear.
    const LONGEST: usize = 512;
    let bytes = text.as_bytes();
    let before = bytes.get(start.saturating_sub(LONGEST)..start).unwrap_or_default();
    let mut closed = 0_usize;
    let mut is_open = false;
    for (back, &byte) in before.iter().rev().enumerate() {
        match byte {
            b'\n' => break,
            b'[' | b']' if is_escaped(text, start - 1 - back) => {}
            b']' => closed += 1,
            b'[' if closed == 0 => {
                is_open = true;
                break;
            }
            b'[' => closed -= 1,
            _ => {}
        }
    }
    if !is_open {
        return false;
    }
    let after = bytes.get(end..).unwrap_or_default();
    let (mut opened, mut at) = (0_usize, 0);
    while let Some(&byte) = after.get(at).filter(|_| at < LONGEST) {
        match byte {
            b'\n' => break,
            b'\\' => at += 1,
            b'[' => opened += 1,
            b']' if opened == 0 => return matches!(after.get(at + 1), Some(b'(' | b'[')),
            b']' => opened -= 1,
            _ => {}
        }
        at += 1;
    }
    false
}

/// Finds the lines of ascending positions.
struct LineStarts<'t> {
    bytes: &'t [u8],
    seen: usize,
    line: usize,
}

impl LineStarts<'_> {
    /// True if the line of `at` is a row of a table.
    fn is_row(&mut self, at: usize) -> bool {
        let new = self.bytes.get(self.seen..at).unwrap_or_default();
        if let Some(end) = memrchr(b'\n', new) {
            self.line = self.seen + end + 1;
        }
        self.seen = self.seen.max(at);
        let before = self.bytes.get(self.line..at).unwrap_or_default();
        before.iter().find(|byte| !b" \t>".contains(byte)) == Some(&b'|')
    }
}

/// The position of the backslash that closes the formula with content from `begin` on.
///
/// # Errors
/// The position of the next one that opens a formula of the same kind, or the end of the paragraph.
fn end_of_formula(bytes: &[u8], begin: usize, close: u8, open: Option<u8>) -> Result<usize, usize> {
    let mut at = begin;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' if bytes.get(at + 1) == Some(&close) => return Ok(at),
            b'\\' if bytes.get(at + 1).copied() == open => return Err(at),
            b'\\' => at += 1,
            b'\n' => {
                let rest = bytes.get(at + 1..).unwrap_or_default();
                let line = rest.split(|&byte| byte == b'\n').next().unwrap_or_default();
                if line.trim_ascii().is_empty() {
                    return Err(at);
                }
            }
            _ => {}
        }
        at += 1;
    }
    Err(bytes.len())
}

/// Writes a formula between dollar signs. Lines that Markdown would misread are joined, as white space doesn't matter
/// in a formula.
fn write(text: &str, formula: &Formula, out: &mut String) {
    let inside = text.get(formula.inside.clone()).unwrap_or_default();
    let marks = if formula.display { "$$" } else { "$" };
    out.push_str(marks);
    let trimmed = inside.trim_start_matches([' ', '\t']);
    // The last line may have nothing but the mark, which must stay in its list item or quote.
    let last = trimmed.rfind('\n').map_or("", |end| trimmed.get(end..).unwrap_or_default());
    let is_nested = !last.is_empty() && last.trim_matches(['\n', ' ', '\t', '>']).is_empty();
    let trimmed = if is_nested { trimmed } else { trimmed.trim_end_matches([' ', '\t']) };
    let is_risky = |line: &str| {
        let line = line.trim_start_matches([' ', '\t', '>']);
        line.starts_with(['=', '-', '+', '#', '*', '~', '`', '|', '<'])
            || line.starts_with(|c: char| c.is_ascii_digit())
    };
    let joins = !formula.display || (!trimmed.contains('%') && trimmed.lines().skip(1).any(is_risky));
    if joins && trimmed.contains('\n') {
        let mut lines = trimmed.lines().map(|line| line.trim_matches([' ', '\t', '>']));
        out.push_str(lines.next().unwrap_or_default());
        for line in lines.filter(|line| !line.is_empty()) {
            if !out.ends_with([' ', '$']) {
                out.push(' ');
            }
            out.push_str(line);
        }
    } else {
        out.push_str(trimmed);
    }
    out.push_str(marks);
}

/// The text between formulas.
struct Literals<'t> {
    text: &'t str,
    code: Code<'t>,
    /// Dollar signs up to here belong to a formula that the text itself delimits with dollar signs.
    until: usize,
}

impl Literals<'_> {
    /// Writes `range`, with a backslash before each dollar sign that doesn't belong to a formula.
    fn write(&mut self, range: Range<usize>, out: &mut String) {
        let mut done = range.start;
        let bytes = self.text.as_bytes();
        for at in memchr_iter(b'$', bytes.get(range.clone()).unwrap_or_default()) {
            let at = range.start + at;
            if at < self.until || self.code.at(at).is_some() || is_escaped(self.text, at) {
                continue;
            }
            if let Some(end) = pair(bytes, at, range.end) {
                self.until = end;
                continue;
            }
            out.push_str(self.text.get(done..at).unwrap_or_default());
            out.push('\\');
            done = at;
        }
        out.push_str(self.text.get(done..range.end).unwrap_or_default());
    }
}

/// The end of the formula at `at` that the text itself delimits with dollar signs, if it ends by `limit`.
fn pair(bytes: &[u8], at: usize, limit: usize) -> Option<usize> {
    const LONGEST: usize = 1000;
    let double = bytes.get(at + 1) == Some(&b'$');
    let begin = at + if double { 2 } else { 1 };
    let first = bytes.get(begin)?;
    if !double && (first.is_ascii_whitespace() || begin >= limit) {
        return None;
    }
    let rest = bytes.get(begin..limit.min(begin + LONGEST))?;
    let length = rest.iter().position(|&byte| byte == b'$')?;
    let end = begin + length;
    if double {
        return (bytes.get(end + 1) == Some(&b'$') && end + 2 <= limit).then_some(end + 2);
    }
    let closes = length > 0
        && rest.get(length - 1).is_some_and(|last| !last.is_ascii_whitespace() && *last != b'\\')
        && !bytes.get(end + 1).is_some_and(u8::is_ascii_digit);
    closes.then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn becomes(text: &str, expected: &str) {
        assert_eq!(dollars(text, Hints::of(text)).as_deref().unwrap_or(text), expected, "{text:?}");
    }

    #[test]
    fn formulas_are_written_between_dollar_signs() {
        becomes(
            r"Inline \(x_1 * y_2\) and \[ \frac{a_b}{c_d} \]",
            r"Inline $x_1 * y_2$ and $$\frac{a_b}{c_d}$$",
        );
        becomes(
            "\\[\n\\begin{aligned}\na &= b \\\\\n  &= c\n\\end{aligned}\n\\]",
            "$$\n\\begin{aligned}\na &= b \\\\\n  &= c\n\\end{aligned}\n$$",
        );
        becomes("- \\( a \\)\n> \\[b\\]", "- $a$\n> $$b$$");
    }

    #[test]
    fn a_formula_on_lines_of_its_own_stays_in_its_list_item_and_quote() {
        becomes("- a\n  \\[\n  x\n  \\]\n- b", "- a\n  $$\n  x\n  $$\n- b");
        becomes("> > \\[\n> > x\n> > \\]", "> > $$\n> > x\n> > $$");
        becomes("- \\[\n  a\n  = b\n  \\]", "- $$a = b$$");
    }

    #[test]
    fn code_and_lookalikes_of_formulas_are_left_unchanged() {
        for text in [
            r"Code `\(x\)`",
            "```bash\nif \\[ -f x \\]; then echo \"\\(ok\\)\"; fi\n```",
            r"never \(closed",
            "not \\(over\n\na blank line\\)",
            r"escaped \\(x\\)",
            r"empty \(\) \[ \]",
            r"\(\text{a $x$}\)",
            "$E = mc^2$ alone",
        ] {
            becomes(text, text);
        }
    }

    #[test]
    fn brackets_of_names_are_no_formulas() {
        for text in [
            r"([\[PDF\] Tea](https://t.example/))",
            r"[A \[b\] c](https://t.example/), [\[1706.03762\] Attention](https://t.example/)",
            r"Weight \[kg\] of the \[1\] first",
            r"\[x\](y)",
            "| Mass \\[kg\\] |\n|---|\n| 1 |",
        ] {
            becomes(text, text);
        }
        becomes(r"\[kg\]", "$$kg$$");
        becomes(r"[a] \[x\] b](c)", "[a] $$x$$ b](c)");
        becomes(r"so \[x\], \[a_b\] and \[ 2 + 2 \]", "so $$x$$, $$a_b$$ and $$2 + 2$$");
    }

    #[test]
    fn formulas_begin_at_their_last_mark_and_end_in_their_cell() {
        becomes(r"a \[b] and \[ c + 1 \]", r"a \[b] and $$c + 1$$");
        let row = "| \\[0, 1) | (1, 2\\] |";
        becomes(row, row);
        becomes("> | \\[0, 1) | (1, 2\\] |", "> | \\[0, 1) | (1, 2\\] |");
        becomes("\n| a |\n|---|\n| \\[ x+1 \\] |", "\n| a |\n|---|\n| $$x+1$$ |");
        becomes(r"\[ |x|+1 \]", "$$|x|+1$$");
    }

    #[test]
    fn other_dollar_signs_do_not_pair_with_those_of_formulas() {
        becomes(r"Costs $5 and $6. 1. \[x\]", r"Costs \$5 and \$6. 1. $$x$$");
        becomes(r"\(a\) for $5, `$6`, \$7 and $b$ or $$c$$", r"$a$ for \$5, `$6`, \$7 and $b$ or $$c$$");
        becomes("$5 here\n\n\\(a\\)", "$5 here\n\n$a$");
    }

    #[test]
    fn lines_that_would_begin_a_block_are_joined() {
        becomes("\\[\na\n= b\n\\]", "$$a = b$$");
        becomes("\\(a\nb\\)", "$a b$");
    }

    #[test]
    fn time_is_linear_in_openings_that_nothing_closes() {
        let text = r"\(\[".repeat(200_000);
        becomes(&text, &text);
    }
}
