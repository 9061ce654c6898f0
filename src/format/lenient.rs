//! Field types that accept any JSON value: missing, null, or of the wrong type, they are empty.
//!
//! Exports of several years, and the tools that re-process them, disagree about types. Numbers arrive as text and
//! text as numbers, and one odd field must not cost a conversation. Text without escapes borrows from the JSON. Of
//! duplicate keys the last one wins, as in most parsers; an [`Obj`] is then filled twice.
//!
//! Shared by all vendors: a vendor's schema is a set of [`record!`]s made of these types.

use super::pull::{Json, Raw, Reader, Result, Value};
use crate::time::Timestamp;
use std::borrow::Cow;
use std::marker::PhantomData;

/// A type that can be read from any JSON value.
pub(in crate::format) trait Read<'a>: Default {
    /// True if null and empty containers may be left out of lists of these.
    const EMPTY_IS_NOTHING: bool = false;

    /// Memory that a value takes later beyond its own size, in bytes.
    const EXTRA_BYTES: usize = 0;

    /// Consumes exactly one value.
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()>;

    /// The item that a bare string stands for where a list of these is expected.
    fn from_string(text: Raw<'a>) -> Result<Option<Self>> {
        let _ = text;
        Ok(None)
    }

    /// The item that a bare number stands for where a list of these is expected, given its digits.
    fn from_number(digits: &'a str) -> Option<Self> {
        let _ = digits;
        None
    }

    /// The item that a bare object stands for where a list of these is expected. Its bracket was consumed.
    fn from_object(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        reader.leave().map(|()| None)
    }
}

/// Reads a complete JSON text.
pub(in crate::format) fn read<'a, T: Read<'a>>(json: Json<'a>) -> Result<T> {
    let mut reader = Reader::new(json);
    let mut value = T::default();
    value.read(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// The next value that is neither a list nor an object; null in place of one of those.
fn scalar<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>> {
    match reader.value()? {
        Value::List | Value::Object => reader.leave().map(|()| Value::Null),
        value => Ok(value),
    }
}

/// Skips the rest of a value whose type is of no use.
pub(in crate::format) fn pass_over(value: Value<'_>, reader: &mut Reader<'_>) -> Result<()> {
    match value {
        Value::List | Value::Object => reader.leave(),
        _ => Ok(()),
    }
}

/// An object that is filled field by field.
pub(in crate::format) trait Record<'a>: Default {
    /// Reads the value of `key`; must consume exactly one value.
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()>;

    /// The object that a bare string stands for.
    fn from_text(text: &'a str) -> Option<Self> {
        let _ = text;
        None
    }

    /// The object that a bare list stands for. Its bracket was consumed.
    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        reader.leave().map(|()| None)
    }

    /// Reads the fields of an object whose opening bracket was consumed.
    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        reader.fields(|reader, key| self.set(key.text()?, reader))
    }
}

/// Defines a [`Record`] by its fields, their types, and the keys that set them.
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

        impl<'a> $crate::format::lenient::Record<'a> for $name<'a> {
            fn set(
                &mut self,
                key: &str,
                reader: &mut $crate::format::pull::Reader<'a>,
            ) -> $crate::format::pull::Result<()> {
                match key {
                    $($key => $crate::format::lenient::Read::read(&mut self.$field, reader),)*
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
pub(in crate::format) use record;

/// A string, or the digits of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::format) struct Str<'a>(pub(in crate::format) Option<&'a str>);

impl<'a> Str<'a> {
    /// The text; empty if there is none.
    pub(in crate::format) fn as_str(&self) -> &'a str {
        self.0.unwrap_or_default()
    }

    /// The text, unless it is blank.
    pub(in crate::format) fn filled(&self) -> Option<&'a str> {
        // Nearly all texts start with a printable ASCII character.
        self.0.filter(|text| {
            text.as_bytes().first().is_some_and(u8::is_ascii_graphic) || !text.trim().is_empty()
        })
    }

    /// Takes the text, unless it is blank.
    pub(in crate::format) fn take_filled(&mut self) -> Option<Cow<'a, str>> {
        self.filled()?;
        self.0.take().map(Cow::Borrowed)
    }

    /// Takes the text; empty if there is none.
    pub(in crate::format) fn take(&mut self) -> Cow<'a, str> {
        Cow::Borrowed(self.0.take().unwrap_or_default())
    }
}

impl<'a> Read<'a> for Str<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        // The common case.
        if let Some(text) = reader.string_ahead()? {
            self.0 = Some(text.text()?);
            return Ok(());
        }
        self.0 = match scalar(reader)? {
            Value::Number(number) => Some(reader.texts().keep(&number.to_string())),
            _ => None,
        };
        Ok(())
    }

    fn from_string(text: Raw<'a>) -> Result<Option<Self>> {
        Ok(Some(Self(Some(text.text()?))))
    }

    fn from_number(digits: &'a str) -> Option<Self> {
        Some(Self(Some(digits)))
    }
}

/// A string that is often long and often not shown, so its escapes are decoded only on [`open`](Self::open).
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::format) enum Escaped<'a> {
    /// Not a string.
    #[default]
    Absent,
    /// Free of escapes.
    Plain(&'a str),
    /// As written in the JSON, escapes included.
    Raw(Json<'a>),
}

impl<'a> Escaped<'a> {
    /// A string of the JSON.
    pub(in crate::format) fn new(raw: Raw<'a>) -> Self {
        raw.plain().map_or_else(|| Self::Raw(raw.as_written()), Self::Plain)
    }

    /// The text itself.
    ///
    /// # Errors
    /// What strict JSON refuses in a string, such as a lone surrogate.
    pub(in crate::format) fn open(self) -> Result<Str<'a>> {
        Ok(Str(match self {
            Self::Absent => None,
            Self::Plain(text) => Some(text),
            Self::Raw(Json { text, texts }) => Some(texts.unescaped(text)?),
        }))
    }
}

impl<'a> Read<'a> for Escaped<'a> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        *self = match scalar(reader)? {
            Value::Text(text) => Self::new(text),
            Value::Number(number) => Self::Plain(reader.texts().keep(&number.to_string())),
            _ => Self::Absent,
        };
        Ok(())
    }
}

/// A number, or a string that spells one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::format) struct Num(pub(in crate::format) Option<f64>);

impl Num {
    /// The number as a count or position; `None` if negative or not finite.
    #[allow(clippy::cast_sign_loss, reason = "negative numbers are filtered out")]
    pub(in crate::format) fn whole(self) -> Option<u64> {
        self.0.filter(|number| *number >= 0.0 && number.is_finite()).map(|number| number as u64)
    }

    /// The number as a count or position that fits in 32 bits.
    pub(in crate::format) fn small(self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }
}

impl<'a> Read<'a> for Num {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match scalar(reader)? {
            Value::Number(number) => Some(number),
            Value::Text(text) => text.text()?.trim().parse().ok(),
            _ => None,
        };
        Ok(())
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::format) struct Time(pub(in crate::format) Option<Timestamp>);

impl<'a> Read<'a> for Time {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match scalar(reader)? {
            Value::Number(number) => Timestamp::from_number(number),
            Value::Text(text) => Timestamp::from_text(text.text()?),
            _ => None,
        };
        Ok(())
    }
}

/// True for `true`, a nonzero number, or the string `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(in crate::format) struct Flag(pub(in crate::format) bool);

impl<'a> Read<'a> for Flag {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = match scalar(reader)? {
            Value::Bool(flag) => flag,
            Value::Number(number) => number != 0.0,
            Value::Text(text) => text.text()?.eq_ignore_ascii_case("true"),
            _ => false,
        };
        Ok(())
    }
}

/// Any value; only its presence matters.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::format) struct Present;

impl<'a> Read<'a> for Present {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        reader.skip()
    }
}

/// A value that is rarely needed: only its JSON is kept until it is [opened](Self::open).
#[derive(Debug)]
pub(in crate::format) struct Deferred<'a, T> {
    json: Option<Json<'a>>,
    value: PhantomData<fn() -> T>,
}

impl<T> Default for Deferred<'_, T> {
    fn default() -> Self {
        Self { json: None, value: PhantomData }
    }
}

impl<'a, T: Read<'a>> Deferred<'a, T> {
    /// Reads the value; the default if there is none.
    ///
    /// # Errors
    /// What strict parsing refuses, such as a lone surrogate.
    pub(in crate::format) fn open(&self) -> Result<T> {
        self.json.map_or_else(|| Ok(T::default()), read)
    }

    /// The value as written.
    pub(in crate::format) fn as_written(&self) -> Option<Json<'a>> {
        self.json
    }

    /// True if there is nothing to open.
    pub(in crate::format) fn is_empty(&self) -> bool {
        self.json.is_none()
    }
}

impl<'a, T: Read<'a>> Read<'a> for Deferred<'a, T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let json = reader.raw()?;
        let is_empty = matches!(json.text, "" | "null" | "[]" | "{}");
        self.json = (!is_empty).then_some(json);
        Ok(())
    }
}

/// A list. A bare string or object may count as a list of one; anything else is empty.
#[derive(Debug)]
pub(in crate::format) struct List<T>(pub(in crate::format) Vec<T>);

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
                if T::EMPTY_IS_NOTHING && reader.is_nothing()? {
                    return reader.skip();
                }
                // Items are large, so they are filled in place.
                self.0.push(T::default());
                self.0.last_mut().map_or(Ok(()), |item| item.read(reader))?;
                reader.charge(size_of::<T>().saturating_add(T::EXTRA_BYTES))
            })?,
            Value::Text(text) => self.0.extend(T::from_string(text)?),
            Value::Object => self.0.extend(T::from_object(reader)?),
            Value::Number(number) => {
                self.0.extend(T::from_number(reader.texts().keep(&number.to_string())));
            }
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }
}

impl<'a, T: Record<'a>> Record<'a> for Box<T> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        self.as_mut().set(key, reader)
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.as_mut().fill(reader)
    }

    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        Ok(T::from_list(reader)?.map(Self::new))
    }

    fn from_text(text: &'a str) -> Option<Self> {
        T::from_text(text).map(Self::new)
    }
}

/// An object; `None` for anything else.
#[derive(Debug)]
pub(in crate::format) struct Maybe<T>(pub(in crate::format) Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: Record<'a>> Read<'a> for Maybe<T> {
    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        self.0 = None;
        match reader.value()? {
            Value::Object => self.0.insert(T::default()).fill(reader)?,
            Value::Text(text) => self.0 = T::from_text(text.text()?),
            Value::List => self.0 = T::from_list(reader)?,
            Value::Number(number) => self.0 = T::from_text(reader.texts().keep(&number.to_string())),
            Value::Null | Value::Bool(_) => {}
        }
        Ok(())
    }

    fn from_string(text: Raw<'a>) -> Result<Option<Self>> {
        text.text().map(|text| Some(Self(T::from_text(text))))
    }

    fn from_object(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let mut object = T::default();
        object.fill(reader)?;
        Ok(Some(Self(Some(object))))
    }
}

/// An object stored inline; empty for anything else.
#[derive(Debug, Default)]
pub(in crate::format) struct Obj<T>(pub(in crate::format) T);

impl<'a, T: Record<'a>> Read<'a> for Obj<T> {
    const EMPTY_IS_NOTHING: bool = true;
    // Items of the neutral model are of this size.
    const EXTRA_BYTES: usize = 256;

    fn read(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        match reader.value()? {
            Value::Object => self.0.fill(reader)?,
            Value::Text(text) => self.0 = T::from_text(text.text()?).unwrap_or_default(),
            Value::List => self.0 = T::from_list(reader)?.unwrap_or_default(),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    fn from_string(text: Raw<'a>) -> Result<Option<Self>> {
        Ok(T::from_text(text.text()?).map(Self))
    }

    fn from_object(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let mut object = Self::default();
        object.0.fill(reader)?;
        Ok(Some(object))
    }
}

/// An object with its JSON, to find what none of its fields has. A bare list counts as one that has nothing else.
#[derive(Debug, Default)]
pub(in crate::format) struct Whole<'a, T> {
    pub(in crate::format) value: T,
    pub(in crate::format) json: Option<Json<'a>>,
}

impl<'a, T: Record<'a>> Record<'a> for Whole<'a, T> {
    fn set(&mut self, key: &str, reader: &mut Reader<'a>) -> Result<()> {
        self.value.set(key, reader)
    }

    fn fill(&mut self, reader: &mut Reader<'a>) -> Result<()> {
        let start = reader.container_start();
        self.value.fill(reader)?;
        self.json = Some(reader.since(start));
        Ok(())
    }

    fn from_text(text: &'a str) -> Option<Self> {
        T::from_text(text).map(|value| Self { value, json: None })
    }

    fn from_list(reader: &mut Reader<'a>) -> Result<Option<Self>> {
        let start = reader.container_start();
        let value = T::from_list(reader)?.unwrap_or_default();
        Ok(Some(Self { value, json: Some(reader.since(start)) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::pull::Texts;

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
        // Leaked so that the result can borrow from it.
        let texts: &'static Texts = Box::leak(Box::default());
        super::read::<Obj<Sample<'_>>>(Json { text: json, texts }).unwrap().0
    }

    #[test]
    fn a_value_of_the_wrong_type_never_fails() {
        let values = ["null", "true", "-1", "7", "1.5", "\"x\"", "[1, [2]]", "{\"a\": {}}"];
        for value in values {
            for key in ["id", "count", "on", "list", "inner", "unknown"] {
                read(&format!("{{\"{key}\": {value}, \"id\": \"last\"}}"));
            }
            read(value);
        }
    }

    #[test]
    fn numbers_and_strings_are_accepted_for_each_other() {
        let sample = read(r#"{"id": 17, "count": "42", "on": "True", "list": ["a", null, 3]}"#);
        assert_eq!(sample.id.as_str(), "17");
        assert_eq!(sample.count.whole(), Some(42));
        assert!(sample.on.0);
        assert_eq!(sample.list.0.iter().map(Str::as_str).collect::<Vec<_>>(), ["a", "", "3"]);
        assert_eq!(Num(Some(-1.0)).whole(), None);
        assert_eq!(Num(Some(1e20)).small(), None);
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_and_a_bare_string_is_an_object() {
        assert_eq!(read(r#"{"id": "first", "id": "last"}"#).id.as_str(), "last");
        assert_eq!(read(r#"{"inner": "bare"}"#).inner.0.unwrap().id.as_str(), "bare");
    }
}
