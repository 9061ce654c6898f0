//! Writes JSON in the layouts that exports have.

/// A value to write.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// Seconds with six decimals.
    Time(f64),
    Text(String),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(yes: bool) -> Self {
        Self::Bool(yes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(seconds: f64) -> Self {
        Self::Time(seconds)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Builds a [`Value::Map`]. `Value` must be in scope.
macro_rules! map {
    ($($key:literal: $value:expr),* $(,)?) => { Value::Map(vec![$(($key, Value::from($value))),*]) };
}
pub(super) use map;

/// How the text is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// On one line, with spaces after commas and colons; ASCII only.
    Spaced,
    /// Without spaces; UTF-8.
    Minified,
    /// Indented by two, with sorted keys; ASCII only.
    Indented,
}

/// Writes values to a buffer.
#[derive(Debug)]
pub(super) struct Writer {
    layout: Layout,
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn new(layout: Layout) -> Self {
        Self { layout, out: Vec::new() }
    }

    pub(super) fn list_start(&self) -> &'static str {
        if self.layout == Layout::Indented { "[\n  " } else { "[" }
    }

    pub(super) fn list_comma(&self) -> &'static str {
        match self.layout {
            Layout::Spaced => ", ",
            Layout::Minified => ",",
            Layout::Indented => ",\n  ",
        }
    }

    pub(super) fn list_end(&self) -> &'static str {
        if self.layout == Layout::Indented { "\n]" } else { "]" }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.out
    }

    pub(super) fn clear(&mut self) {
        self.out.clear();
    }

    /// Keeps only the first `len` bytes.
    pub(super) fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Writes the comma and whitespace before an item at `depth`.
    pub(super) fn before_item(&mut self, first: bool, depth: usize) {
        if !first {
            self.out.push(b',');
        }
        match self.layout {
            Layout::Spaced if !first => self.out.push(b' '),
            Layout::Spaced | Layout::Minified => {}
            Layout::Indented => {
                self.out.push(b'\n');
                self.out.resize(self.out.len() + 2 * depth, b' ');
            }
        }
    }

    /// Writes the whitespace before the closing bracket of a container whose items are at `depth`.
    pub(super) fn after_items(&mut self, empty: bool, depth: usize) {
        if !empty && self.layout == Layout::Indented {
            self.before_item(true, depth - 1);
        }
    }

    pub(super) fn key(&mut self, key: &str) {
        self.text(key);
        self.raw(if self.layout == Layout::Minified { b":" } else { b": " });
    }

    /// Writes `value`, whose items are at `depth`. Recursion is bounded, because the generator nests a few levels only.
    pub(super) fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Null => self.raw(b"null"),
            Value::Bool(yes) => self.raw(if *yes { b"true" } else { b"false" }),
            Value::Int(number) => self.raw(number.to_string().as_bytes()),
            Value::Time(seconds) => self.raw(format!("{seconds:.6}").as_bytes()),
            Value::Text(text) => self.text(text),
            Value::List(items) => {
                self.raw(b"[");
                for (index, item) in items.iter().enumerate() {
                    self.before_item(index == 0, depth);
                    self.value(item, depth + 1);
                }
                self.after_items(items.is_empty(), depth);
                self.raw(b"]");
            }
            Value::Map(items) => {
                let mut items: Vec<_> = items.iter().collect();
                if self.layout == Layout::Indented {
                    items.sort_by_key(|(key, _)| *key);
                }
                self.raw(b"{");
                for (index, (key, value)) in items.iter().enumerate() {
                    self.before_item(index == 0, depth);
                    self.key(key);
                    self.value(value, depth + 1);
                }
                self.after_items(items.is_empty(), depth);
                self.raw(b"}");
            }
        }
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        for symbol in text.chars() {
            match symbol {
                '"' => self.raw(b"\\\""),
                '\\' => self.raw(b"\\\\"),
                '\n' => self.raw(b"\\n"),
                '\r' => self.raw(b"\\r"),
                '\t' => self.raw(b"\\t"),
                '\0'..='\u{1f}' => self.raw(format!("\\u{:04x}", symbol as u32).as_bytes()),
                _ if symbol.is_ascii() => self.out.push(symbol as u8),
                _ if self.layout == Layout::Minified => self.raw(symbol.encode_utf8(&mut [0; 4]).as_bytes()),
                _ => {
                    for unit in symbol.encode_utf16(&mut [0; 2]) {
                        self.raw(format!("\\u{unit:04x}").as_bytes());
                    }
                }
            }
        }
        self.out.push(b'"');
    }
}
