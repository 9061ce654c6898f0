//! Python's regular expressions, where they mean exactly what `regex` makes of them.
//!
//! Both engines prefer the same match (leftmost, then in the order of alternatives), so it is enough that each
//! construct means the same. What has no counterpart (look-around, back references, possessive repetition …), what
//! Python refuses, and what depends on tables of characters that differ is refused with a reason.

use super::template::{Result, Template, escape, octal_char};
use crate::conversation::CanvasEdit;
use memchr::memmem;
use regex::{Captures, Regex, RegexBuilder};
use std::collections::HashSet;
use std::fmt::Write;

const UNSUPPORTED: &str = "its pattern has no exact counterpart";
const INVALID: &str = "its pattern is not valid";
const TOO_MUCH: &str = "it is too much work";

/// True for the ways in which models say "the whole document", line breaks included.
pub(super) fn means_everything(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix("(?s)").unwrap_or(pattern);
    let pattern = pattern.strip_prefix('^').or_else(|| pattern.strip_prefix("\\A")).unwrap_or(pattern);
    let pattern = pattern.strip_prefix("(?s)").unwrap_or(pattern);
    let pattern = pattern.strip_suffix('$').or_else(|| pattern.strip_suffix("\\Z")).unwrap_or(pattern);
    let pattern = pattern.strip_prefix('(').and_then(|p| p.strip_suffix(')')).unwrap_or(pattern);
    matches!(pattern, ".*" | ".+" | "[\\s\\S]*" | "[\\S\\s]*" | "[\\s\\S]+" | "[\\S\\s]+")
}

/// What all partial edits of a conversation may cost. Asked before the cost arises.
pub(super) struct EditBudget {
    /// Steps of the slowest engine: states of the pattern × bytes searched.
    steps: u64,
    /// Bytes of text that edits produce.
    output: usize,
}

impl Default for EditBudget {
    fn default() -> Self {
        Self { steps: 40_000_000, output: 6 << 20 }
    }
}

impl EditBudget {
    fn search(&mut self, states: u64, bytes: usize) -> Result<()> {
        let steps = states.saturating_add(1).saturating_mul(bytes as u64);
        self.steps = self.steps.checked_sub(steps).ok_or(TOO_MUCH)?;
        Ok(())
    }

    /// Takes what a text of `bytes` bytes costs.
    pub(super) fn write(&mut self, bytes: usize) -> Result<()> {
        self.output = self.output.checked_sub(bytes).ok_or(TOO_MUCH)?;
        Ok(())
    }
}

/// An edit that can be applied.
pub(super) struct CompiledEdit {
    matcher: Matcher,
    template: Template,
    multiple: bool,
}

enum Matcher {
    /// Most patterns of models are a passage of the document.
    Literal(String),
    Regex {
        regex: Regex,
        size: PatternSize,
    },
}

impl CompiledEdit {
    /// Compiles `edit` for use on `text`: some patterns mean the same only on some texts.
    pub(super) fn new(edit: &CanvasEdit<'_>, text: &str, budget: &mut EditBudget) -> Result<Self> {
        /// Far more than any pattern that a model writes.
        const LONGEST: usize = 64 << 10;
        /// Compiling a state takes as long as this many steps of a search.
        const COMPILING: usize = 64;
        if edit.pattern.len() > LONGEST {
            return Err("its pattern is too long");
        }
        budget.search(COMPILING as u64, edit.pattern.len())?;
        let translated = Translator::new(&edit.pattern, text).translate()?;
        let multiple = edit.multiple;
        if let Some(literal) = translated.literal.filter(|literal| !literal.is_empty()) {
            let template = Template::new(&edit.replacement, 1, |_| None)?;
            return Ok(Self { matcher: Matcher::Literal(literal), template, multiple });
        }
        if multiple && translated.ambiguous_when_empty {
            return Err(UNSUPPORTED);
        }
        let size = translated.size;
        if size.states.saturating_mul(text.len() as u64) > budget.steps {
            return Err(TOO_MUCH);
        }
        budget.search(size.states, COMPILING)?;
        let regex = RegexBuilder::new(&translated.regex)
            .size_limit(1 << 20)
            .dfa_size_limit(1 << 20)
            .nest_limit(100)
            .build()
            .map_err(|_| UNSUPPORTED)?;
        let named = |name: &str| regex.capture_names().position(|group| group == Some(name));
        let template = Template::new(&edit.replacement, regex.captures_len(), named)?;
        Ok(Self { matcher: Matcher::Regex { regex, size }, template, multiple })
    }

    /// `text` after the edit.
    pub(super) fn apply(&self, text: &str, budget: &mut EditBudget) -> Result<String> {
        let mut new = Replaced { text, new: String::new(), kept: 0, found: false };
        match &self.matcher {
            Matcher::Literal(literal) => {
                budget.search(0, text.len())?;
                for start in memmem::find_iter(text.as_bytes(), literal) {
                    // Its only group is the whole match.
                    new.replace(start..start + literal.len(), &self.template, |_| literal, budget)?;
                    if !self.multiple {
                        break;
                    }
                }
            }
            Matcher::Regex { regex, size } => self.replace_by(regex, *size, &mut new, budget)?,
        }
        new.finish(budget)
    }

    fn replace_by(
        &self,
        regex: &Regex,
        size: PatternSize,
        new: &mut Replaced<'_>,
        budget: &mut EditBudget,
    ) -> Result<()> {
        let text = new.text;
        let mut from = 0;
        loop {
            let left = text.len().saturating_sub(from);
            // A search may look at all that is left, unless the pattern has a longest match.
            if size.longest.is_none() {
                budget.search(size.states, left)?;
            }
            let captures: Option<Captures<'_>> = regex.captures_at(text, from);
            let whole = captures.as_ref().and_then(|captures| captures.get(0));
            if let Some(longest) = size.longest {
                let end = whole.map_or(text.len(), |whole| whole.end());
                let seen =
                    end.saturating_sub(from).saturating_add(usize::try_from(longest).unwrap_or(usize::MAX));
                budget.search(size.states, seen.min(left))?;
            }
            let (Some(captures), Some(whole)) = (&captures, whole) else { return Ok(()) };
            let group = |group| captures.get(group).map_or("", |group| group.as_str());
            new.replace(whole.range(), &self.template, group, budget)?;
            // After an empty match Python goes on after the next character.
            let step = text.get(whole.end()..).and_then(|rest| rest.chars().next()).map(char::len_utf8);
            from = match (whole.is_empty(), step) {
                (false, _) => whole.end(),
                (true, Some(step)) => whole.end() + step,
                (true, None) => return Ok(()),
            };
            if !self.multiple {
                return Ok(());
            }
        }
    }
}

/// A text in which matches are being replaced.
struct Replaced<'t> {
    text: &'t str,
    new: String,
    /// How much of `text` is in `new`.
    kept: usize,
    found: bool,
}

impl Replaced<'_> {
    fn replace<'g>(
        &mut self,
        range: std::ops::Range<usize>,
        template: &Template,
        group: impl Fn(usize) -> &'g str,
        budget: &mut EditBudget,
    ) -> Result<()> {
        let before = self.text.get(self.kept..range.start).unwrap_or_default();
        budget.write(before.len().saturating_add(template.expanded_len(&group)))?;
        self.new.push_str(before);
        template.expand(group, &mut self.new);
        self.kept = range.end;
        self.found = true;
        Ok(())
    }

    fn finish(mut self, budget: &mut EditBudget) -> Result<String> {
        if !self.found {
            return Err("its pattern does not occur in the document");
        }
        let rest = self.text.get(self.kept..).unwrap_or_default();
        budget.write(rest.len())?;
        self.new.push_str(rest);
        Ok(self.new)
    }
}

/// How large a pattern is.
#[derive(Clone, Copy, Debug)]
struct PatternSize {
    /// How many states an automaton for it has, roughly.
    states: u64,
    /// The length of its longest match in bytes, if there is one.
    longest: Option<u64>,
}

/// States of an automaton for one character out of many.
const CLASS_STATES: u64 = 12;

/// Bytes of the longest character.
const CHAR_BYTES: u64 = 4;

/// A pattern in the words of `regex`.
struct Translated {
    regex: String,
    /// The text that the pattern stands for, if it is nothing but that.
    literal: Option<String>,
    size: PatternSize,
    /// True if the pattern can match nothing at a position where it could also match something that it likes less:
    /// only Python tries that then.
    ambiguous_when_empty: bool,
}

/// What is known of a pattern or a part of it.
#[derive(Clone, Copy, Debug)]
struct PatternShape {
    /// It can match nothing.
    nullable: bool,
    /// It can match something.
    consumes: bool,
    size: PatternSize,
}

impl PatternShape {
    /// One character, for which an automaton needs `states` states.
    fn character(states: u64) -> Self {
        Self { nullable: false, consumes: true, size: PatternSize { states, longest: Some(CHAR_BYTES) } }
    }
}

/// An open group.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// The alternative being read.
    current: PatternShape,
    /// The alternatives read so far.
    earlier: Option<PatternShape>,
    /// `^` and `$` mean lines in it.
    multi_line: bool,
}

const EMPTY: PatternShape =
    PatternShape { nullable: true, consumes: false, size: PatternSize { states: 1, longest: Some(0) } };

impl Group {
    fn new(multi_line: bool) -> Self {
        Self { current: EMPTY, earlier: None, multi_line }
    }

    fn join(&mut self, item: Option<PatternShape>) {
        if let Some(item) = item {
            let current = &mut self.current;
            current.nullable &= item.nullable;
            current.consumes |= item.consumes;
            current.size.states = current.size.states.saturating_add(item.size.states);
            let longest = current.size.longest.zip(item.size.longest);
            current.size.longest = longest.map(|(one, other)| one.saturating_add(other));
        }
    }

    fn shape(self) -> PatternShape {
        let Some(earlier) = self.earlier else { return self.current };
        let (one, other) = (self.current.size, earlier.size);
        PatternShape {
            nullable: self.current.nullable || earlier.nullable,
            consumes: self.current.consumes || earlier.consumes,
            size: PatternSize {
                states: one.states.saturating_add(other.states),
                longest: one.longest.zip(other.longest).map(|(one, other)| one.max(other)),
            },
        }
    }
}

/// Reads a Python pattern and writes the same for `regex`.
struct Translator<'p> {
    rest: &'p str,
    text: &'p str,
    out: String,
    /// The group being read, and those around it.
    group: Group,
    outer: Vec<Group>,
    names: HashSet<&'p str>,
    /// The last item, if it may be repeated.
    item: Option<PatternShape>,
    /// The pattern has alternatives or lazy repetitions.
    prefers_less: bool,
    /// The pattern so far, while every part of it is a literal.
    literal: Option<String>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str, text: &'p str) -> Self {
        Self {
            rest: pattern,
            text,
            out: String::new(),
            group: Group::new(false),
            outer: Vec::new(),
            names: HashSet::new(),
            item: None,
            prefers_less: false,
            literal: Some(String::new()),
        }
    }

    fn translate(mut self) -> Result<Translated> {
        self.leading_flags()?;
        while let Some(c) = self.next() {
            if matches!(c, '[' | '(' | ')' | '|' | '*' | '+' | '?' | '.' | '^' | '$') {
                self.literal = None;
            }
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.open()?,
                ')' => self.close()?,
                '|' => self.alternative(),
                '*' => self.repeat(c, 0, None)?,
                '+' => self.repeat(c, 1, None)?,
                '?' => self.repeat(c, 0, Some(1))?,
                '{' => self.counted()?,
                '.' => {
                    self.out.push('.');
                    self.add(PatternShape::character(CLASS_STATES), true);
                }
                '^' => {
                    self.out.push('^');
                    self.add(EMPTY, false);
                }
                '$' => self.dollar()?,
                c => self.literal(c),
            }
        }
        if !self.outer.is_empty() {
            return Err(INVALID);
        }
        self.group.join(self.item.take());
        let shape = self.group.shape();
        Ok(Translated {
            ambiguous_when_empty: shape.nullable && shape.consumes && self.prefers_less,
            regex: self.out,
            literal: self.literal,
            size: shape.size,
        })
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = self.rest.get(c.len_utf8()..).unwrap_or_default();
        Some(c)
    }

    fn accept(&mut self, prefix: &str) -> bool {
        match self.rest.strip_prefix(prefix) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// Adds an item to the alternative being read.
    fn add(&mut self, shape: PatternShape, repeatable: bool) {
        // The item so far is final now; the new one joins when it can't be repeated any more.
        self.group.join(self.item.take());
        if repeatable {
            self.item = Some(shape);
        } else {
            self.group.join(Some(shape));
        }
    }

    fn literal(&mut self, c: char) {
        // By number, so that no character has a meaning of its own.
        let _ = write!(self.out, "\\x{{{:x}}}", u32::from(c));
        if let Some(literal) = &mut self.literal {
            literal.push(c);
        }
        self.add(PatternShape::character(c.len_utf8() as u64), true);
    }

    /// Flags at the very beginning, which apply to everything.
    fn leading_flags(&mut self) -> Result<()> {
        let Some((flags, rest)) = self.rest.strip_prefix("(?").and_then(|rest| rest.split_once(')')) else {
            return Ok(());
        };
        if flags.is_empty() || !flags.bytes().all(|b| b.is_ascii_lowercase()) {
            return Ok(());
        }
        let flags = self.flags(flags)?;
        self.literal = None;
        self.multi_line(&flags, true);
        if !flags.is_empty() {
            let _ = write!(self.out, "(?{flags})");
        }
        self.rest = rest;
        Ok(())
    }

    /// The flags that mean the same here.
    fn flags(&self, flags: &str) -> Result<String> {
        let mut kept = String::new();
        for flag in flags.chars() {
            match flag {
                'u' => {}
                'm' | 's' => kept.push(flag),
                'i' if self.text.is_ascii() && self.rest.is_ascii() => kept.push(flag),
                _ => return Err(UNSUPPORTED),
            }
        }
        Ok(kept)
    }

    fn multi_line(&mut self, flags: &str, on: bool) {
        if flags.contains('m') {
            self.group.multi_line = on;
        }
    }

    fn open(&mut self) -> Result<()> {
        if self.accept("?#") {
            self.rest = self.rest.split_once(')').ok_or(INVALID)?.1;
            return Ok(());
        }
        self.group.join(self.item.take());
        let inner = Group::new(self.group.multi_line);
        self.outer.push(std::mem::replace(&mut self.group, inner));
        if self.accept("?P<") {
            let (name, rest) = self.rest.split_once('>').ok_or(INVALID)?;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty()
                || !name.chars().all(plain)
                || name.starts_with(|c: char| c.is_ascii_digit())
                || !self.names.insert(name)
            {
                return Err(UNSUPPORTED);
            }
            self.rest = rest;
            let _ = write!(self.out, "(?P<{name}>");
        } else if self.accept("?:") {
            self.out.push_str("(?:");
        } else if self.rest.starts_with('?') {
            let (flags, rest) = self.rest.split_once(':').ok_or(UNSUPPORTED)?;
            let flags = flags.get(1..).unwrap_or_default();
            let (on, off) = flags.split_once('-').unwrap_or((flags, ""));
            let (on, off) = (self.flags(on)?, self.flags(off)?);
            self.multi_line(&on, true);
            self.multi_line(&off, false);
            let _ = write!(self.out, "(?{on}{}{off}:", if off.is_empty() { "" } else { "-" });
            self.rest = rest;
        } else {
            self.out.push('(');
        }
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let outer = self.outer.pop().ok_or(INVALID)?;
        self.group.join(self.item.take());
        let group = std::mem::replace(&mut self.group, outer);
        self.out.push(')');
        self.add(group.shape(), true);
        Ok(())
    }

    fn alternative(&mut self) {
        self.prefers_less = true;
        self.out.push('|');
        self.group.join(self.item.take());
        self.group.earlier = Some(self.group.shape());
        self.group.current = EMPTY;
    }

    /// A repetition of the preceding item, from `low` times to `high`.
    fn repeat(&mut self, written: impl std::fmt::Display, low: u32, high: Option<u32>) -> Result<()> {
        self.literal = None;
        let item = self.item.take().ok_or(INVALID)?;
        // How often something empty is repeated, and what its groups then hold, differs between engines.
        if item.nullable {
            return Err(UNSUPPORTED);
        }
        if self.rest.starts_with('+') {
            return Err(UNSUPPORTED);
        }
        let lazy = self.accept("?");
        self.prefers_less |= lazy;
        let _ = write!(self.out, "{written}{}", if lazy { "?" } else { "" });
        if self.rest.starts_with(['*', '+', '?']) {
            return Err(INVALID);
        }
        let copies = u64::from(high.unwrap_or(low).max(1));
        let size = PatternSize {
            states: item.size.states.saturating_mul(copies).saturating_add(1),
            longest: high.and_then(|high| Some(item.size.longest?.saturating_mul(u64::from(high)))),
        };
        self.group.join(Some(PatternShape { nullable: low == 0, size, ..item }));
        Ok(())
    }

    /// `{m,n}`, or else a brace as a character.
    fn counted(&mut self) -> Result<()> {
        let Some((inside, rest)) = self.rest.split_once('}') else {
            self.literal('{');
            return Ok(());
        };
        let (low, high) = inside.split_once(',').map_or((inside, None), |(low, high)| (low, Some(high)));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if inside.is_empty() || !digits(low) || !high.is_none_or(digits) {
            self.literal('{');
            return Ok(());
        }
        self.rest = rest;
        let low: u32 = if low.is_empty() { 0 } else { low.parse().map_err(|_| UNSUPPORTED)? };
        let (written, high) = match high {
            None => (format!("{{{low}}}"), Some(low)),
            Some("") => (format!("{{{low},}}"), None),
            Some(high) => {
                let high: u32 = high.parse().map_err(|_| UNSUPPORTED)?;
                if high < low {
                    return Err(INVALID);
                }
                (format!("{{{low},{high}}}"), Some(high))
            }
        };
        self.repeat(written, low, high)
    }

    /// `$`, which without the flag `m` also matches before a line break at the very end.
    fn dollar(&mut self) -> Result<()> {
        if !self.group.multi_line && self.text.ends_with('\n') {
            return Err(UNSUPPORTED);
        }
        self.out.push('$');
        self.add(EMPTY, false);
        Ok(())
    }

    fn escape(&mut self) -> Result<()> {
        let c = self.next().ok_or(INVALID)?;
        let anchor = match c {
            'A' => Some("\\A"),
            'Z' => Some("\\z"),
            'b' if self.text.is_ascii() => Some("\\b"),
            'B' if self.text.is_ascii() && !self.text.is_empty() => Some("\\B"),
            _ => None,
        };
        if let Some(anchor) = anchor {
            self.literal = None;
            self.out.push_str(anchor);
            self.add(EMPTY, false);
        } else if let Some(class) = self.shorthand(c)? {
            self.literal = None;
            self.out.push_str(class);
            self.add(PatternShape::character(CLASS_STATES), true);
        } else {
            let literal = self.escaped(c, false)?;
            self.literal(literal);
        }
        Ok(())
    }

    /// `\d`, `\s`, `\w` and their opposites. To Python the separators U+001C to U+001F are blanks; what a letter is
    /// differs beyond ASCII.
    fn shorthand(&self, c: char) -> Result<Option<&'static str>> {
        Ok(Some(match c {
            'd' if self.text.is_ascii() => "[0-9]",
            'D' if self.text.is_ascii() => "[^0-9]",
            'd' => "\\d",
            'D' => "\\D",
            's' => "[\\s\\x1c-\\x1f]",
            'S' => "[^\\s\\x1c-\\x1f]",
            'w' if self.text.is_ascii() => "[0-9A-Za-z_]",
            'W' if self.text.is_ascii() => "[^0-9A-Za-z_]",
            'w' | 'W' => return Err(UNSUPPORTED),
            _ => return Ok(None),
        }))
    }

    /// The character that an escape stands for.
    fn escaped(&mut self, c: char, in_class: bool) -> Result<char> {
        if let Some(control) = escape(c) {
            return Ok(control);
        }
        match c {
            'b' if in_class => Ok('\x08'),
            'x' => self.hexadecimal(2),
            'u' => self.hexadecimal(4),
            'U' => self.hexadecimal(8),
            '0' => {
                let len = self.rest.bytes().take(2).take_while(|b| (b'0'..=b'7').contains(b)).count();
                let digits = self.rest.get(..len).unwrap_or_default();
                self.rest = self.rest.get(len..).unwrap_or_default();
                octal_char(if digits.is_empty() { "0" } else { digits }, len.max(1))
            }
            c if c.is_ascii_alphanumeric() => Err(UNSUPPORTED),
            c => Ok(c),
        }
    }

    fn hexadecimal(&mut self, len: usize) -> Result<char> {
        let digits = self.rest.get(..len).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let value = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or(INVALID)?;
        self.rest = self.rest.get(len..).unwrap_or_default();
        char::from_u32(value).ok_or(UNSUPPORTED)
    }

    /// A class in brackets. Its characters are written by number, because brackets and some doubled characters mean
    /// more in `regex` than in Python.
    fn class(&mut self) -> Result<()> {
        let opening = if self.accept("^") { "[^" } else { "[" };
        self.out.push_str(opening);
        let mut first = true;
        loop {
            let c = self.next().ok_or(INVALID)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let Some(low) = self.class_item(c)? else { continue };
            let ranged = self.rest.starts_with('-') && !self.rest.starts_with("-]");
            if !ranged {
                let _ = write!(self.out, "\\x{{{:x}}}", u32::from(low));
                continue;
            }
            self.next();
            let c = self.next().ok_or(INVALID)?;
            let high = self.class_item(c)?.ok_or(INVALID)?;
            if high < low {
                return Err(INVALID);
            }
            let _ = write!(self.out, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(low), u32::from(high));
        }
        self.out.push(']');
        self.add(PatternShape::character(CLASS_STATES), true);
        Ok(())
    }

    /// The character that a member of a class stands for; `None` if it was a whole class, which was written.
    fn class_item(&mut self, c: char) -> Result<Option<char>> {
        if c != '\\' {
            return Ok(Some(c));
        }
        let c = self.next().ok_or(INVALID)?;
        match self.shorthand(c)? {
            Some(class) => {
                self.out.push_str(class);
                // `\s-x` is an error in Python.
                if self.rest.starts_with('-') && !self.rest.starts_with("-]") {
                    return Err(INVALID);
                }
                Ok(None)
            }
            None => self.escaped(c, true).map(Some),
        }
    }
}
