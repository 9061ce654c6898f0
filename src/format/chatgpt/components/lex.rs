//! Tags and braces: where they end, and what is in them. Knows nothing of Markdown.

use memchr::memchr;
use std::ops::Range;

/// An attribute of a tag. Ranges are bytes of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    pub(super) name: Range<usize>,
    pub(super) value: AttributeValue,
}

/// How the value of an attribute is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AttributeValue {
    /// A bare name, which means true.
    Missing,
    /// Between quotes: text with entities.
    Quoted(Range<usize>),
    /// Between braces: JavaScript.
    Braced(Range<usize>),
    /// Neither.
    Bare(Range<usize>),
}

/// How a tag is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagForm {
    Open,
    SelfClosing,
    Closing,
}

/// A tag. Its attributes are the last of those that were gathered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ComponentTag {
    pub(super) name: Range<usize>,
    pub(super) form: TagForm,
    /// Where it ends.
    pub(super) end: usize,
}

/// What a `<` begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Begun {
    Tag(ComponentTag),
    /// No tag, which was seen at `end`.
    Text {
        end: usize,
    },
    /// A tag that goes on to the end of the text.
    Cut {
        name: Range<usize>,
        end: usize,
        /// Where a quoted value begins that is still open, and the name of its attribute.
        open: Option<(Range<usize>, usize)>,
    },
}

/// The name of an attribute that is an object with attributes: `{...item}`.
pub(super) const SPREAD: &str = "...";

/// How many bytes a regular expression may have.
const LONGEST_PATTERN: usize = 500;

/// The tag that begins with the `<` at `at`, in a line of as many block `quotes`; adds its attributes to `attributes`,
/// which are left as they were if there is no tag.
pub(super) fn tag(source: &str, at: usize, quotes: usize, attributes: &mut Vec<Attribute>) -> Begun {
    let known = attributes.len();
    let mut reader = TagReader { bytes: source.as_bytes(), at: at + 1, quotes };
    let begun = reader.tag(attributes);
    if !matches!(begun, TagEnding::Tag(_)) {
        attributes.truncate(known);
    }
    match begun {
        TagEnding::Tag(tag) => Begun::Tag(tag),
        TagEnding::Text => Begun::Text { end: reader.at },
        TagEnding::Cut { name, open } => Begun::Cut { name, end: source.len(), open },
    }
}

/// The end of the braces that open at `at`, with everything in them that JavaScript does not count.
pub(super) fn braces(source: &str, at: usize) -> Option<usize> {
    let mut reader = TagReader { bytes: source.as_bytes(), at, quotes: 0 };
    reader.braces().then_some(reader.at)
}

/// True for the bytes of a name after its first.
pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

/// How reading a tag ends.
enum TagEnding {
    Tag(ComponentTag),
    Text,
    Cut { name: Range<usize>, open: Option<(Range<usize>, usize)> },
}

struct TagReader<'s> {
    bytes: &'s [u8],
    at: usize,
    quotes: usize,
}

impl TagReader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is_at(&self, text: &[u8]) -> bool {
        self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    fn skip_while(&mut self, mut is_skipped: impl FnMut(u8) -> bool) -> Range<usize> {
        let start = self.at;
        while self.peek().is_some_and(&mut is_skipped) {
            self.at += 1;
        }
        start..self.at
    }

    /// Skips white space, and the marks of block quotes at the beginning of lines; false if it holds a blank line.
    fn space(&mut self) -> bool {
        let (mut lines, mut quotes, most) = (0, 0, self.quotes);
        self.skip_while(|byte| {
            if byte == b'\n' {
                lines += 1;
                quotes = 0;
            }
            let is_mark = byte == b'>' && lines > 0 && quotes < most;
            quotes += usize::from(is_mark);
            byte.is_ascii_whitespace() || is_mark
        });
        lines < 2
    }

    fn tag(&mut self, attributes: &mut Vec<Attribute>) -> TagEnding {
        if self.peek() == Some(b'/') {
            self.at += 1;
            let name = self.skip_while(is_name);
            let sound = self.space();
            return match self.peek() {
                Some(b'>') if sound => {
                    TagEnding::Tag(ComponentTag { name, form: TagForm::Closing, end: self.at + 1 })
                }
                None if sound => TagEnding::Cut { name, open: None },
                _ => TagEnding::Text,
            };
        }
        if self.peek().is_some_and(|byte| !byte.is_ascii_alphabetic() && byte != b'>') {
            return TagEnding::Text;
        }
        let name = self.skip_while(is_name);
        loop {
            let before = self.at;
            if !self.space() {
                return TagEnding::Text;
            }
            let spaced = self.at > before;
            match self.peek() {
                None => return TagEnding::Cut { name, open: None },
                Some(b'>') => {
                    return TagEnding::Tag(ComponentTag { name, form: TagForm::Open, end: self.at + 1 });
                }
                Some(b'/') if self.is_at(b"/>") => {
                    return TagEnding::Tag(ComponentTag {
                        name,
                        form: TagForm::SelfClosing,
                        end: self.at + 2,
                    });
                }
                Some(b'/') if self.at + 1 == self.bytes.len() => return TagEnding::Cut { name, open: None },
                Some(b'{') if self.is_at(b"{...") => {
                    let start = self.at + 1;
                    if !self.braces() {
                        return TagEnding::Cut { name, open: None };
                    }
                    let value = start + SPREAD.len();
                    attributes.push(Attribute {
                        name: start..value,
                        value: AttributeValue::Braced(value..self.at - 1),
                    });
                    continue;
                }
                Some(byte)
                    if (byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'@' | b':'))
                        && (spaced || attributes.last().is_some_and(|last| last.name.start > name.end)) => {}
                Some(_) => return TagEnding::Text,
            }
            let attribute = self.skip_while(|byte| is_name(byte) || matches!(byte, b'@' | b':'));
            match self.value(&attribute) {
                Ok(Some(value)) => attributes.push(Attribute { name: attribute, value }),
                Ok(None) => return TagEnding::Text,
                Err(open) => return TagEnding::Cut { name, open: open.map(|start| (attribute, start)) },
            }
        }
    }

    /// The value of the attribute whose name ends here. `Err` if the text ends in it, with the place where a quoted
    /// one begins.
    fn value(&mut self, name: &Range<usize>) -> Result<Option<AttributeValue>, Option<usize>> {
        if !self.space() {
            return Ok(None);
        }
        if self.peek() != Some(b'=') {
            self.at = name.end;
            return Ok(Some(AttributeValue::Missing));
        }
        self.at += 1;
        if !self.space() {
            return Ok(None);
        }
        let start = self.at;
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => {
                let inside = self.bytes.get(start + 1..).unwrap_or_default();
                let length = memchr(quote, inside).ok_or(Some(start + 1))?;
                self.at = start + length + 2;
                Ok(Some(AttributeValue::Quoted(start + 1..start + 1 + length)))
            }
            Some(b'{') if self.braces() => Ok(Some(AttributeValue::Braced(start + 1..self.at - 1))),
            None | Some(b'{') => Err(None),
            Some(_) => {
                while let Some(byte) = self.peek() {
                    if byte.is_ascii_whitespace() || matches!(byte, b'>' | b'<') || self.is_at(b"/>") {
                        break;
                    }
                    self.at += 1;
                }
                Ok(Some(AttributeValue::Bare(start..self.at)))
            }
        }
    }

    /// Passes the braces that open here. False if nothing closes them.
    fn braces(&mut self) -> bool {
        // What is open: true for a template string, false for braces.
        let mut open: Vec<bool> = Vec::new();
        let mut before = b'(';
        while let Some(byte) = self.peek() {
            if open.last() == Some(&true) {
                self.at += 1;
                match byte {
                    b'\\' => self.at += 1,
                    b'`' => {
                        open.pop();
                    }
                    b'$' if self.peek() == Some(b'{') => {
                        self.at += 1;
                        open.push(false);
                        before = b'{';
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'{' => open.push(false),
                b'}' => {
                    open.pop();
                    if open.is_empty() {
                        self.at += 1;
                        return true;
                    }
                }
                b'`' => open.push(true),
                b'\\' => self.at += 1,
                b'"' | b'\'' => self.string(byte),
                b'/' => self.slash(before),
                _ => {}
            }
            if !byte.is_ascii_whitespace() {
                before = byte;
            }
            self.at += 1;
        }
        false
    }

    /// Passes all but the end of the string that opens here. A quote that nothing closes on its line is a character.
    fn string(&mut self, quote: u8) {
        let mut at = self.at + 1;
        while let Some(&byte) = self.bytes.get(at) {
            match byte {
                b'\n' => return,
                b'\\' => at += 1,
                byte if byte == quote => {
                    self.at = at;
                    return;
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Passes all but the end of what the slash here begins: a comment, or a regular expression where a value is
    /// expected.
    fn slash(&mut self, before: u8) {
        let rest = self.bytes.get(self.at + 1..).unwrap_or_default();
        match rest.first() {
            Some(b'/') => {
                let length = memchr(b'\n', rest).unwrap_or(rest.len());
                self.at += length;
            }
            Some(b'*') => {
                let length = memchr::memmem::find(rest, b"*/").map_or(rest.len(), |length| length + 2);
                self.at += length;
            }
            // The end of a tag in a script.
            Some(b'>') if before == b'}' => {}
            _ if b"(,=:[!&|?{};+-*%>~^".contains(&before) => {
                let (mut escaped, mut class) = (false, false);
                let end = rest.iter().take(LONGEST_PATTERN).position(|&byte| {
                    let ends = match byte {
                        _ if escaped => false,
                        b'[' => {
                            class = true;
                            false
                        }
                        b']' => {
                            class = false;
                            false
                        }
                        b'/' => !class,
                        b'\n' => true,
                        _ => false,
                    };
                    escaped = byte == b'\\' && !escaped;
                    ends
                });
                if let Some(end) = end.filter(|&end| rest.get(end) == Some(&b'/')) {
                    self.at += end + 1;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(source: &str) -> Vec<String> {
        let mut attributes = Vec::new();
        let Begun::Tag(tag) = tag(source, 0, 0, &mut attributes) else { return Vec::new() };
        let text = |range: &Range<usize>| source[range.clone()].to_owned();
        let mut parts = vec![format!("{} {:?} {}", text(&tag.name), tag.form, &source[tag.end..])];
        parts.extend(attributes.iter().map(|attribute| {
            let value = match &attribute.value {
                AttributeValue::Missing => "true".to_owned(),
                AttributeValue::Quoted(range) => format!("'{}'", text(range)),
                AttributeValue::Braced(range) => format!("{{{}}}", text(range)),
                AttributeValue::Bare(range) => text(range),
            };
            format!("{}={value}", text(&attribute.name))
        }));
        parts
    }

    #[test]
    fn values_may_be_quoted_braced_bare_or_missing() {
        let source = r#"<box border gap={3} size="lg" align='x' n=420/>rest"#;
        let expected = ["box SelfClosing rest", "border=true", "gap={3}", "size='lg'", "align='x'", "n=420"];
        assert_eq!(parts(source), expected);
    }

    #[test]
    fn braces_and_angles_in_scripts_end_nothing() {
        for inside in [
            "()=>{ if(a>b){c()} }", "{\"}\": '}'}", "`}${ {a:`}`} }`", "/[}/]/.test(a)", "a /* } */",
            "{a: \"it\\\"s}\"}", "don't", "a && <b>c</b>", "a && <b c={d}/> / e", "/>/.test(a)",
        ] {
            let source = format!("<x on={{{inside}}}>y");
            assert_eq!(parts(&source), ["x Open y".to_owned(), format!("on={{{inside}}}")], "{inside}");
        }
    }

    #[test]
    fn other_angle_brackets_are_text() {
        for source in [
            "<", "< b", "<1", "<a,b>", "<box\n\nc>", "<box a\n\n>", "<box a=\n\n1>", "</box\n\n>",
            "</box\n\n", "<b\"x\">", "<https://a.example/>",
        ] {
            assert!(parts(source).is_empty(), "{source}");
        }
        assert!(matches!(tag("<box\n gap=1 <a>", 0, 0, &mut Vec::new()), Begun::Text { .. }));
    }

    #[test]
    fn a_tag_may_be_cut_off() {
        for source in [
            "<Entity", "<Entity value", "<Entity value=", "<Entity v={a", "<Entity v=\"a", "<Entity v=a",
            "<x /",
        ] {
            assert!(matches!(tag(source, 0, 0, &mut Vec::new()), Begun::Cut { .. }), "{source}");
        }
    }
}
