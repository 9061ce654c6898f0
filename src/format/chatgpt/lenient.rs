//! JSON values that never fail for their type: what is missing, null or of another type is empty.
//!
//! Exports of four years, and tools that re-process them, disagree about types. A number may come as text and text
//! as a number; one odd field must not cost the conversation. Text borrows from the JSON where it has no
//! escapes. Of duplicate keys the last one counts, as for most parsers; objects in place are filled twice then.

use crate::format::pull::{Json, Raw, Reader, Result, Texts, Value};
use crate::time::Timestamp;
use std::borrow::Cow;

/// What can be read from any value.
pub(super) trait Read<'a>: Default {
    /// Takes exactly one value.
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()>;

    /// What a lone text means where a list of these is expected.
    fn from_lone(text: Raw<'a>) -> Option<Self> {
        let _ = text;
        None
    }
}

/// Reads a whole text.
pub(super) fn read<'a, T: Read<'a>>(json: Json<'a>) -> Result<T> {
    let mut reader = Reader::new(json);
    let mut value = T::default();
    value.read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Passes over what is left of a value of a type that is not wanted.
pub(super) fn pass_over(value: Value<'_>, reader: &mut Reader<'_>) -> Result<()> {
    match value {
        Value::List | Value::Object => reader.leave(),
        _ => Ok(()),
    }
}

/// An object whose fields are set one by one.
pub(super) trait Record<'a>: Default {
    /// Takes the value of `key`; must take exactly one value.
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()>;

    /// What a bare text means where the object is expected.
    fn from_text(text: &'a str) -> Option<Self> {
        let _ = text;
        None
    }

    /// Takes the fields of an object whose bracket was taken.
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        reader.fields(|reader, key| match key.plain() {
            Some(key) => self.set(key, reader),
            None => self.set(key.text()?, reader),
        })
    }
}

/// Defines an object by its fields, their types and the keys that set them.
macro_rules! record {
    (
        $(#[$meta:meta])*
        struct $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $key:pat,)* }
        $(text $text:expr;)?
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        #[allow(clippy::struct_field_names, reason = "fields are called as in the export")]
        pub(super) struct $name<'a> { $($(#[$field_meta])* pub(super) $field: $type,)* }

        impl<'a> $crate::format::chatgpt::lenient::Record<'a> for $name<'a> {
            fn set(
                &mut self,
                key: &str,
                reader: &mut $crate::format::pull::Reader<'a>,
            ) -> $crate::format::pull::Result<()> {
                match key {
                    $($key => $crate::format::chatgpt::lenient::Read::read(&mut self.$field, reader),)*
                    _ => reader.skip(),
                }
            }

            $(fn from_text(text: &'a str) -> Option<Self> {
                let from: fn(&'a str) -> Self = $text;
                Some(from(text))
            })?
        }
    };
}
pub(super) use record;

/// Text; also what a number says.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Str<'a>(pub(super) Option<&'a str>);

impl<'a> Str<'a> {
    /// The text; empty if there is none.
    pub(super) fn as_str(&self) -> &'a str {
        self.0.unwrap_or_default()
    }

    /// The text if there is any beside blanks.
    pub(super) fn filled(&self) -> Option<&'a str> {
        // Almost all texts begin with their first word.
        self.0.filter(|text| {
            text.as_bytes().first().is_some_and(u8::is_ascii_graphic) || !text.trim().is_empty()
        })
    }

    /// Takes the text if there is any beside blanks.
    pub(super) fn take_filled(&mut self) -> Option<Cow<'a, str>> {
        self.filled()?;
        self.0.take().map(Cow::Borrowed)
    }

    /// Takes the text; empty if there is none.
    pub(super) fn take(&mut self) -> Cow<'a, str> {
        Cow::Borrowed(self.0.take().unwrap_or_default())
    }
}

impl<'a> Read<'a> for Str<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        // The usual case.
        if let Some(text) = reader.string_ahead()? {
            self.0 = Some(text.text()?);
            return Ok(());
        }
        self.0 = match reader.value()? {
            Value::Number(number) => Some(reader.texts().keep(&number.to_string())),
            other => {
                pass_over(other, reader)?;
                None
            }
        };
        Ok(())
    }
}

/// Text that may be long and is often not shown: its escapes are read when it is opened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Long<'a> {
    /// With its escapes as long as it is closed.
    text: Str<'a>,
    /// Where the text goes when it is opened, if it is closed.
    closed: Option<&'a Texts>,
}

impl<'a> Long<'a> {
    /// This text.
    pub(super) fn new(text: &'a str) -> Self {
        Self { text: Str(Some(text)), closed: None }
    }

    /// Text as it stands in JSON.
    pub(super) fn closed(raw: Raw<'a>) -> Self {
        let Json { text, texts } = raw.as_written();
        Self { text: Str(Some(text)), closed: raw.plain().is_none().then_some(texts) }
    }

    /// Reads the escapes.
    ///
    /// # Errors
    /// What strict JSON refuses in a string, such as half of a surrogate pair.
    pub(super) fn open(&mut self) -> Result<()> {
        if let (Some(texts), Some(text)) = (self.closed, self.text.0) {
            self.text = Str(Some(texts.unescaped(text)?));
            self.closed = None;
        }
        Ok(())
    }

    /// The text. Should have been opened; otherwise it has its escapes still.
    pub(super) fn text(&mut self) -> &mut Str<'a> {
        debug_assert!(self.closed.is_none(), "a text is used that was not opened");
        self.closed = None;
        &mut self.text
    }
}

impl<'a> Read<'a> for Long<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        *self = match reader.value()? {
            Value::Text(text) => Self::closed(text),
            Value::Number(number) => Self::new(reader.texts().keep(&number.to_string())),
            other => {
                pass_over(other, reader)?;
                Self::default()
            }
        };
        Ok(())
    }
}

/// A number; also what a text says if it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Num(pub(super) Option<f64>);

impl Num {
    /// The number as a count or position; `None` if it is negative or not finite.
    #[allow(clippy::cast_sign_loss, reason = "negative numbers are filtered out")]
    pub(super) fn whole(self) -> Option<u64> {
        self.0.filter(|number| *number >= 0.0 && number.is_finite()).map(|number| number as u64)
    }

    /// The number as a count or position that fits 32 bits.
    pub(super) fn small(self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }
}

impl<'a> Read<'a> for Num {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match reader.value()? {
            Value::Number(number) => Some(number),
            Value::Text(text) => text.text()?.trim().parse().ok(),
            other => {
                pass_over(other, reader)?;
                None
            }
        };
        Ok(())
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Time(pub(super) Option<Timestamp>);

impl<'a> Read<'a> for Time {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match reader.value()? {
            Value::Number(number) => Timestamp::from_number(number),
            Value::Text(text) => Timestamp::from_text(text.text()?),
            other => {
                pass_over(other, reader)?;
                None
            }
        };
        Ok(())
    }
}

/// True only for `true`, a number beside 0, or the text `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flag(pub(super) bool);

impl<'a> Read<'a> for Flag {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match reader.value()? {
            Value::Bool(flag) => flag,
            Value::Number(number) => number != 0.0,
            Value::Text(text) => text.text()?.eq_ignore_ascii_case("true"),
            other => {
                pass_over(other, reader)?;
                false
            }
        };
        Ok(())
    }
}

/// Any value; only its presence counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Present;

impl<'a> Read<'a> for Present {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        reader.skip()
    }
}

/// A value that most readers don't need: its JSON, to be read when it turns out to be wanted.
#[derive(Debug)]
pub(super) struct Later<'a, T> {
    json: Option<Json<'a>>,
    value: Option<Box<T>>,
}

impl<T> Default for Later<'_, T> {
    fn default() -> Self {
        Self { json: None, value: None }
    }
}

impl<'a, T: Read<'a>> Later<'a, T> {
    /// Reads the value. What strict parsing refuses, such as half of a surrogate pair, it refuses here.
    pub(super) fn open(&mut self) -> Result<()> {
        if let Some(json) = self.json.take() {
            self.value = Some(Box::new(read(json)?));
        }
        Ok(())
    }

    /// The value, if it was opened and there is one.
    pub(super) fn opened(&self) -> Option<&T> {
        self.value.as_deref()
    }

    /// Takes the value; an empty one if it was not opened.
    pub(super) fn take(&mut self) -> T {
        self.value.take().map(|value| *value).unwrap_or_default()
    }

    /// True if there is nothing to open.
    pub(super) fn is_empty(&self) -> bool {
        self.json.is_none()
    }
}

impl<'a, T: Read<'a>> Read<'a> for Later<'a, T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let json = reader.raw()?;
        let is_empty = matches!(json.text, "" | "null" | "[]" | "{}");
        *self = Self { json: (!is_empty).then_some(json), value: None };
        Ok(())
    }
}

/// A list; a lone text may be a list of one, anything else is an empty one.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Read<'a>> Read<'a> for List<T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0.clear();
        match reader.value()? {
            Value::List => reader.each(|reader| {
                // Filled in place: items are large.
                self.0.push(T::default());
                self.0.last_mut().map_or(Ok(()), |item| item.read(reader))
            }),
            Value::Text(text) => {
                self.0.extend(T::from_lone(text));
                Ok(())
            }
            other => pass_over(other, reader),
        }
    }
}

impl<'a, T: Record<'a>> Record<'a> for Box<T> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        self.as_mut().set(key, reader)
    }

    fn from_text(text: &'a str) -> Option<Self> {
        T::from_text(text).map(Self::new)
    }
}

/// An object; `None` if something else stands there.
#[derive(Debug)]
pub(super) struct Maybe<T>(pub(super) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: Record<'a>> Read<'a> for Maybe<T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = None;
        match reader.value()? {
            Value::Object => self.0.insert(T::default()).fill(reader),
            Value::Text(text) => {
                self.0 = T::from_text(text.text()?);
                Ok(())
            }
            other => pass_over(other, reader),
        }
    }
}

/// An object in place; an empty one if something else stands there.
#[derive(Debug, Default)]
pub(super) struct Obj<T>(pub(super) T);

impl<'a, T: Record<'a>> Read<'a> for Obj<T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        match reader.value()? {
            Value::Object => self.0.fill(reader),
            Value::Text(text) => {
                self.0 = T::from_text(text.text()?).unwrap_or_default();
                Ok(())
            }
            other => pass_over(other, reader),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    record! {
        struct Sample {
            id: Str<'a> = "id",
            count: Num = "count",
            on: Flag = "on",
            list: List<Str<'a>> = "list",
            inner: Maybe<Box<Sample<'a>>> = "inner",
        }
        text |text| Sample { id: Str(Some(text)), ..Sample::default() };
    }

    fn read(json: &str) -> Sample<'_> {
        // What a test looks at may stay.
        let texts: &'static Texts = Box::leak(Box::default());
        super::read::<Obj<Sample<'_>>>(Json { text: json, texts }).unwrap().0
    }

    #[test]
    fn no_type_is_wrong_enough_to_fail() {
        let values = ["null", "true", "-1", "7", "1.5", "\"x\"", "[1, [2]]", "{\"a\": {}}"];
        for value in values {
            for key in ["id", "count", "on", "list", "inner", "unknown"] {
                read(&format!("{{\"{key}\": {value}, \"id\": \"last\"}}"));
            }
            read(value);
        }
    }

    #[test]
    fn numbers_and_texts_stand_in_for_each_other() {
        let sample = read(r#"{"id": 17, "count": "42", "on": "True", "list": ["a", null, 3]}"#);
        assert_eq!(sample.id.as_str(), "17");
        assert_eq!(sample.count.whole(), Some(42));
        assert!(sample.on.0);
        assert_eq!(sample.list.0.iter().map(Str::as_str).collect::<Vec<_>>(), ["a", "", "3"]);
        assert_eq!(Num(Some(-1.0)).whole(), None);
        assert_eq!(Num(Some(1e20)).small(), None);
    }

    #[test]
    fn the_last_of_duplicate_keys_counts_and_a_bare_text_is_an_object() {
        assert_eq!(read(r#"{"id": "first", "id": "last"}"#).id.as_str(), "last");
        assert_eq!(read(r#"{"inner": "bare"}"#).inner.0.unwrap().id.as_str(), "bare");
    }
}
