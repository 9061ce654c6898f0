//! The tokens of JavaScript, as far as components write it.

use super::ScriptValue;

/// A token of a script.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Token<'s> {
    /// A number or string.
    Literal(ScriptValue),
    Name(&'s str),
    /// Brackets, operators and separators.
    Mark(&'static str),
    /// The backtick that opens or closes a template string.
    Backtick,
    /// The text of a template string up to its next expression or its end, with escapes read.
    TemplateText {
        cooked: String,
        raw: &'s str,
    },
    /// Anything else: no expression with it is evaluated.
    Other,
}

/// A token and its position.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Placed<'s> {
    pub(in super::super) token: Token<'s>,
    /// Its byte range in the script.
    pub(in super::super) start: usize,
    pub(in super::super) end: usize,
    /// It is the first token of its line.
    pub(in super::super) begins_line: bool,
}

/// The marks, each before those that it begins with.
const MARKS: &[&str] = &[
    "===", "!==", "...", "=>", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "{", "}", "[", "]", "(", ")",
    ",", ";", ":", "?", "+", "-", "*", "/", "%", "<", ">", "!", "=", ".",
];

/// The tokens of `source`. Linear.
pub(in super::super) fn tokens(source: &str) -> Vec<Placed<'_>> {
    let mut lexer = Lexer { source, at: 0, open: Vec::new(), found: Vec::new(), begins_line: true };
    lexer.run();
    lexer.found
}

/// What is open in a script.
#[derive(Clone, Copy, PartialEq)]
enum Nesting {
    Braces,
    Template,
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
    open: Vec<Nesting>,
    found: Vec<Placed<'s>>,
    begins_line: bool,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, token: Token<'s>, start: usize) {
        let begins_line = std::mem::take(&mut self.begins_line);
        self.found.push(Placed { token, start, end: self.at, begins_line });
    }

    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            if self.open.last() == Some(&Nesting::Template) {
                self.template();
                continue;
            }
            let start = self.at;
            match c {
                c if c.is_whitespace() => {
                    self.begins_line |= c == '\n';
                    self.at += c.len_utf8();
                }
                '/' if self.rest().starts_with("//") => {
                    self.at += self.rest().find('\n').unwrap_or(self.rest().len());
                }
                '/' if self.rest().starts_with("/*") => {
                    self.at += self.rest().find("*/").map_or(self.rest().len(), |length| length + 2);
                }
                '"' | '\'' => self.string(c, start),
                '`' => {
                    self.at += 1;
                    self.open.push(Nesting::Template);
                    self.push(Token::Backtick, start);
                }
                '0'..='9' => self.number(start),
                '.' if self
                    .rest()
                    .get(1..2)
                    .is_some_and(|next| next.starts_with(|c: char| c.is_ascii_digit())) =>
                {
                    self.number(start);
                }
                c if c.is_alphabetic() || matches!(c, '_' | '$') => {
                    let rest = self.rest();
                    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
                    let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                    self.at += length;
                    self.push(Token::Name(rest.get(..length).unwrap_or_default()), start);
                }
                c => self.mark(c, start),
            }
        }
    }

    fn mark(&mut self, c: char, start: usize) {
        let rest = self.rest();
        let Some(mark) = MARKS.iter().find(|mark| rest.starts_with(**mark)) else {
            self.at += c.len_utf8();
            return self.push(Token::Other, start);
        };
        self.at += mark.len();
        match *mark {
            "{" => self.open.push(Nesting::Braces),
            "}" => {
                self.open.pop();
            }
            _ => {}
        }
        self.push(Token::Mark(mark), start);
    }

    /// The rest of a template string up to its end or its next expression.
    fn template(&mut self) {
        let (start, rest) = (self.at, self.rest());
        let bytes = rest.as_bytes();
        let mut length = 0;
        while let Some(&byte) = bytes.get(length) {
            match byte {
                b'`' => break,
                b'$' if bytes.get(length + 1) == Some(&b'{') => break,
                b'\\' => length += 2,
                _ => length += 1,
            }
        }
        let raw = rest.get(..length).unwrap_or(rest);
        self.at += raw.len();
        self.push(Token::TemplateText { cooked: unescaped(raw), raw }, start);
        let start = self.at;
        if self.rest().starts_with('`') {
            self.at += 1;
            self.open.pop();
            self.push(Token::Backtick, start);
        } else if self.rest().starts_with("${") {
            self.at += 2;
            self.open.push(Nesting::Braces);
            self.push(Token::Mark("{"), start);
        } else {
            self.at = self.source.len();
        }
    }

    fn string(&mut self, quote: char, start: usize) {
        let inside = self.source.get(start + 1..).unwrap_or_default();
        let mut escaped = false;
        let end = inside.find(|c| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let length = end.unwrap_or(inside.len());
        self.at = (start + 1 + length + 1).min(self.source.len());
        let token = match end {
            Some(_) => Token::Literal(ScriptValue::text(unescaped(inside.get(..length).unwrap_or_default()))),
            None => Token::Other,
        };
        self.push(token, start);
    }

    fn number(&mut self, start: usize) {
        let rest = self.rest();
        let mut before = ' ';
        let is_part = |c: char| {
            let exponent = matches!(before, 'e' | 'E') && matches!(c, '+' | '-');
            before = c;
            c.is_ascii_alphanumeric() || matches!(c, '.' | '_') || exponent
        };
        let mut is_part = is_part;
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        self.at += length;
        let text = rest.get(..length).unwrap_or_default().replace('_', "");
        let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
        let number = match hexadecimal {
            Some(digits) => u32::from_str_radix(digits, 16).ok().map(f64::from),
            None => text.parse().ok(),
        };
        self.push(number.map_or(Token::Other, |number| Token::Literal(ScriptValue::Number(number))), start);
    }
}

/// `text` with the escapes of a string read.
fn unescaped(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut units: Vec<u16> = Vec::with_capacity(text.len());
    let push = |c: char, units: &mut Vec<u16>| units.extend_from_slice(c.encode_utf16(&mut [0; 2]));
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            push(c, &mut units);
            continue;
        }
        let Some(escaped) = rest.next() else { break };
        match escaped {
            'n' => push('\n', &mut units),
            't' => push('\t', &mut units),
            'r' | 'b' | 'f' | 'v' | '0' => push(' ', &mut units),
            '\n' => {}
            'x' | 'u' => {
                let (digits, length) = hexadecimal(rest.as_str(), escaped);
                if let Some(number) = digits {
                    match u16::try_from(number) {
                        Ok(unit) => units.push(unit),
                        Err(_) => {
                            push(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER), &mut units);
                        }
                    }
                    rest = rest.as_str().get(length..).unwrap_or_default().chars();
                } else {
                    push(escaped, &mut units);
                }
            }
            other => push(other, &mut units),
        }
    }
    String::from_utf16_lossy(&units)
}

/// The number that `rest` begins with after `\x` or `\u`, and how long it is in bytes.
fn hexadecimal(rest: &str, kind: char) -> (Option<u32>, usize) {
    let parse = |digits: Option<&str>| digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    if kind == 'x' {
        return (parse(rest.get(..2)), 2);
    }
    match rest.strip_prefix('{') {
        Some(braced) => {
            let length = braced.find('}').unwrap_or(braced.len()).min(8);
            (parse(braced.get(..length)), length + 2)
        }
        None => (parse(rest.get(..4)), 4),
    }
}
