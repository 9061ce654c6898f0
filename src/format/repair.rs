//! Repairs JSON that exports contain and strict parsers refuse, without losing anything.
//!
//! A lenient tokenizer feeds a writer that only produces valid JSON: it knows what may follow at every token, and adds or
//! drops what is needed. For the rare conversation that strict parsing refused; one pass, byte by byte.

mod tokens;

use tokens::{JsonToken, Tokens};

/// How deep containers may be nested in what is returned: strict parsers stop at 128.
const DEPTH: usize = 127;

/// Text that was made valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Repaired {
    /// One valid JSON value.
    pub json: String,
    /// What had to be changed, each reason once.
    pub notes: Vec<&'static str>,
}

/// Changes to what exporters themselves write; all others are marks of damage.
const QUIRKS: &[&str] = &[
    "NaN or Infinity taken as null",
    "control character in a string escaped",
    "invalid number corrected or taken as null",
    "lone surrogate replaced",
    "nested deeper than 128",
    "surrogate pair in UTF-8 joined",
    "words of Python translated",
];

impl Repaired {
    /// True if the JSON was damaged, so that some of it may be wrong or missing.
    pub(crate) fn is_doubtful(&self) -> bool {
        self.notes.iter().any(|note| !QUIRKS.contains(note))
    }
}

/// Makes `bytes` one valid JSON value.
///
/// Valid JSON keeps its value (except for containers nested deeper than 127, and numbers that are infinite as 64-bit
/// floats: these become `null`). Strings keep their number of code points: a lone surrogate and
/// invalid UTF-8 become one U+FFFD each. What is cut off is closed. Duplicate keys stay. Linear.
pub(crate) fn repair(bytes: &[u8]) -> Repaired {
    let mut tokens = Tokens::new(bytes);
    let mut writer = JsonWriter::default();
    while let Some(token) = tokens.next() {
        match token {
            JsonToken::Open(_) if writer.is_full() => {
                writer.notes.add("nested deeper than 128");
                tokens.skip_container();
                writer.value("null");
            }
            JsonToken::Open(bracket) => writer.open(bracket),
            JsonToken::Close(bracket) => writer.close(bracket, tokens.is_at_end()),
            JsonToken::Comma => writer.comma(),
            JsonToken::Colon => writer.colon(),
            JsonToken::Text(text) => writer.text(&text),
            JsonToken::Word(word) => writer.word(word),
        }
    }
    writer.notes.extend(tokens.notes());
    writer.finish()
}

/// Reasons, each once.
#[derive(Clone, Debug, Default)]
struct Notes(Vec<&'static str>);

impl Notes {
    fn add(&mut self, note: &'static str) {
        if !self.0.contains(&note) {
            self.0.push(note);
        }
    }

    fn extend(&mut self, notes: &Notes) {
        notes.0.iter().for_each(|note| self.add(note));
    }
}

/// A container that is being written, and what may come next in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Frame {
    /// A list; true after an item.
    List(bool),
    /// An object, where a key or the end may come; true after a value.
    Key(bool),
    /// An object, after a key.
    Colon,
    /// An object, after a colon.
    Value,
}

#[derive(Debug, Default)]
struct JsonWriter {
    out: String,
    frames: Vec<Frame>,
    /// A comma was read but not written yet: that depends on what follows.
    comma: bool,
    notes: Notes,
}

impl JsonWriter {
    fn is_full(&self) -> bool {
        self.frames.len() >= DEPTH
    }

    /// True if the whole value is written.
    fn is_done(&self) -> bool {
        self.frames.is_empty() && !self.out.is_empty()
    }

    /// Writes what must precede a value, and records that one follows. False if none may follow.
    fn before_value(&mut self) -> bool {
        if self.is_done() {
            self.notes.add("text after the end left out");
            return false;
        }
        if let Some(Frame::Key(_)) = self.frames.last() {
            self.notes.add("missing key added");
            self.before_key();
            self.out.push_str("\"\"");
            self.set(Frame::Colon);
        }
        match self.frames.last() {
            Some(Frame::List(true)) => self.separate(),
            Some(Frame::Colon) => {
                self.notes.add("missing colon added");
                self.out.push(':');
            }
            _ => {}
        }
        self.comma = false;
        match self.frames.last() {
            Some(Frame::List(_)) => self.set(Frame::List(true)),
            Some(_) => self.set(Frame::Key(true)),
            None => {}
        }
        true
    }

    fn before_key(&mut self) {
        if self.frames.last() == Some(&Frame::Key(true)) {
            self.separate();
        }
        self.comma = false;
    }

    fn separate(&mut self) {
        if !self.comma {
            self.notes.add("missing comma added");
        }
        self.out.push(',');
    }

    fn set(&mut self, frame: Frame) {
        if let Some(last) = self.frames.last_mut() {
            *last = frame;
        }
    }

    fn value(&mut self, json: &str) {
        if self.before_value() {
            self.out.push_str(json);
        }
    }

    fn open(&mut self, bracket: u8) {
        if self.before_value() {
            self.out.push(char::from(bracket));
            self.frames.push(if bracket == b'{' { Frame::Key(false) } else { Frame::List(false) });
        }
    }

    /// Closes the innermost container of this kind and what is open in it. The outermost is closed at the end of
    /// the text only, so that an extra bracket costs nothing.
    fn close(&mut self, bracket: u8, at_end: bool) {
        let is_list = bracket == b']';
        let found = self.frames.iter().rposition(|frame| matches!(frame, Frame::List(_)) == is_list);
        let Some(found) = found.filter(|&found| found > 0 || at_end) else {
            return self.notes.add("closing bracket without an opening one left out");
        };
        if self.frames.len() > found.saturating_add(1) {
            self.notes.add("missing closing bracket added");
        }
        while self.frames.len() > found {
            self.close_last();
        }
    }

    fn close_last(&mut self) {
        if self.comma {
            self.notes.add("extra comma left out");
            self.comma = false;
        }
        match self.frames.last() {
            Some(Frame::Colon) => self.out.push_str(":null"),
            Some(Frame::Value) => self.out.push_str("null"),
            _ => {}
        }
        if matches!(self.frames.last(), Some(Frame::Colon | Frame::Value)) {
            self.notes.add("missing value taken as null");
        }
        match self.frames.pop() {
            Some(Frame::List(_)) => self.out.push(']'),
            Some(_) => self.out.push('}'),
            None => {}
        }
    }

    fn comma(&mut self) {
        match self.frames.last() {
            Some(Frame::Colon | Frame::Value) => {
                self.value_is_missing();
                self.comma = true;
            }
            Some(Frame::List(true) | Frame::Key(true)) if !self.comma => self.comma = true,
            _ => self.notes.add("extra comma left out"),
        }
    }

    fn value_is_missing(&mut self) {
        self.notes.add("missing value taken as null");
        if self.frames.last() == Some(&Frame::Colon) {
            self.out.push(':');
        }
        self.out.push_str("null");
        self.set(Frame::Key(true));
    }

    fn colon(&mut self) {
        if self.frames.last() == Some(&Frame::Colon) {
            self.out.push(':');
            self.set(Frame::Value);
        } else {
            self.notes.add("extra colon left out");
        }
    }

    /// Writes a string, given as valid JSON with its quotes: a key or a value.
    fn text(&mut self, json: &str) {
        if let Some(Frame::Key(_)) = self.frames.last() {
            self.before_key();
            self.out.push_str(json);
            self.set(Frame::Colon);
        } else {
            self.value(json);
        }
    }

    /// Writes something without quotes: a key or a value.
    fn word(&mut self, word: &[u8]) {
        if let Some(Frame::Key(_)) = self.frames.last() {
            self.notes.add("missing quotes added");
            return self.text(&tokens::quoted(word, &mut Notes::default()));
        }
        match word {
            b"true" | b"false" | b"null" => self.value(&String::from_utf8_lossy(word)),
            b"True" | b"False" => {
                self.notes.add("words of Python translated");
                self.value(if word == b"True" { "true" } else { "false" });
            }
            b"None" | b"undefined" => {
                self.notes.add("words of Python translated");
                self.value("null");
            }
            b"NaN" | b"nan" | b"Infinity" | b"-Infinity" | b"+Infinity" | b"inf" | b"-inf" => {
                self.notes.add("NaN or Infinity taken as null");
                self.value("null");
            }
            _ => self.number(word),
        }
    }

    fn number(&mut self, word: &[u8]) {
        let looks_like_one = word.iter().any(u8::is_ascii_digit)
            && word.iter().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(byte));
        if !looks_like_one {
            self.notes.add("missing quotes added");
            let mut notes = Notes::default();
            let json = tokens::quoted(word, &mut notes);
            self.notes.extend(&notes);
            return self.value(&json);
        }
        let word = String::from_utf8_lossy(word);
        let number = tokens::number(&word);
        if number.as_deref() != Some(&*word) {
            self.notes.add("invalid number corrected or taken as null");
        }
        self.value(number.as_deref().unwrap_or("null"));
    }

    fn finish(mut self) -> Repaired {
        if !self.frames.is_empty() {
            self.notes.add("breaks off");
        }
        while !self.frames.is_empty() {
            self.close_last();
        }
        if self.out.is_empty() {
            self.notes.add("empty");
            self.out.push_str("null");
        }
        Repaired { json: self.out, notes: self.notes.0 }
    }
}

#[cfg(test)]
mod tests;
