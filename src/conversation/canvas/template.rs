//! Replacements in the manner of Python's `Match.expand`.

/// A result, or the reason why an edit can't be applied, in a few words.
pub(super) type Result<T> = std::result::Result<T, &'static str>;

const TEMPLATE: &str = "its replacement is not valid";

/// A parsed replacement.
#[derive(Debug)]
pub(super) struct Template(Vec<TemplatePart>);

#[derive(Debug, PartialEq, Eq)]
enum TemplatePart {
    Text(String),
    Group(usize),
}

impl Template {
    /// Reads `replacement` for matches with `groups` groups; `named` maps their names.
    pub(super) fn new(
        replacement: &str,
        groups: usize,
        named: impl Fn(&str) -> Option<usize>,
    ) -> Result<Self> {
        parts(replacement, groups, named).map(Self)
    }

    /// The length of what replaces a match with these groups, in bytes.
    pub(super) fn expanded_len<'g>(&self, group: impl Fn(usize) -> &'g str) -> usize {
        self.0.iter().fold(0, |len, part| {
            len.saturating_add(match part {
                TemplatePart::Text(text) => text.len(),
                TemplatePart::Group(number) => group(*number).len(),
            })
        })
    }

    /// Writes what replaces a match with these groups.
    pub(super) fn expand<'g>(&self, group: impl Fn(usize) -> &'g str, new: &mut String) {
        for part in &self.0 {
            new.push_str(match part {
                TemplatePart::Text(text) => text,
                TemplatePart::Group(number) => group(*number),
            });
        }
    }
}

fn parts(
    replacement: &str,
    groups: usize,
    named: impl Fn(&str) -> Option<usize>,
) -> Result<Vec<TemplatePart>> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = replacement;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let c = after.chars().next().ok_or(TEMPLATE)?;
        let mut len = c.len_utf8();
        let digits = after.bytes().take(3).take_while(u8::is_ascii_digit).count();
        let octal = after.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
        let group = match c {
            'g' => {
                let (name, _) =
                    after.strip_prefix("g<").and_then(|name| name.split_once('>')).ok_or(TEMPLATE)?;
                len = name.len() + 3;
                Some(number_of(name, &named).ok_or(TEMPLATE)?)
            }
            '0' => {
                len = octal.clamp(1, 3);
                text.push(octal_char(after, len)?);
                None
            }
            '1'..='9' if octal == 3 => {
                len = 3;
                text.push(octal_char(after, len)?);
                None
            }
            '1'..='9' => {
                len = digits.min(2);
                Some(after.get(..len).and_then(|number| number.parse().ok()).ok_or(TEMPLATE)?)
            }
            _ => {
                match escape(c) {
                    Some(escaped) => text.push(escaped),
                    None if c == '\\' => text.push('\\'),
                    None if c.is_ascii_alphabetic() => return Err(TEMPLATE),
                    None => text.extend(['\\', c]),
                }
                None
            }
        };
        if let Some(group) = group {
            if group >= groups {
                return Err(TEMPLATE);
            }
            if !text.is_empty() {
                parts.push(TemplatePart::Text(std::mem::take(&mut text)));
            }
            parts.push(TemplatePart::Group(group));
        }
        rest = after.get(len..).unwrap_or_default();
    }
    text.push_str(rest);
    parts.push(TemplatePart::Text(text));
    Ok(parts)
}

/// The group of a name or number in `\g<…>`.
fn number_of(name: &str, named: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    if name.bytes().all(|b| b.is_ascii_digit()) { name.parse().ok() } else { named(name) }
}

/// The character of an octal number up to 0377.
pub(super) fn octal_char(digits: &str, len: usize) -> Result<char> {
    let value = digits.get(..len).and_then(|digits| u32::from_str_radix(digits, 8).ok());
    value.filter(|&value| value <= 0o377).and_then(char::from_u32).ok_or(TEMPLATE)
}

/// The control character that a letter after a backslash stands for, in patterns and templates.
pub(super) fn escape(c: char) -> Option<char> {
    Some(match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        _ => return None,
    })
}
