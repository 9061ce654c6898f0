//! JSON values that never fail for their type: what is missing, null or of another type is empty.
//!
//! Exports of four years, and tools that re-process them, disagree about types. A number may come as text and text
//! as a number; one odd field must not cost the conversation. Text borrows from the JSON where it has no
//! escapes. Of duplicate keys the last one counts, as for most parsers.

use crate::time::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// An object whose fields are set one by one.
pub(super) trait Record<'a>: Default {
    /// Takes the value of `key` from `map`; must take exactly one value.
    fn set<M: MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error>;

    /// What a bare text means where the object is expected.
    fn from_text(text: Cow<'a, str>) -> Option<Self> {
        let _ = text;
        None
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

        impl<'a> $crate::format::chatgpt::tolerant::Record<'a> for $name<'a> {
            fn set<M: serde::de::MapAccess<'a>>(&mut self, key: &str, map: &mut M) -> Result<(), M::Error> {
                match key {
                    $($key => self.$field = map.next_value()?,)*
                    _ => { map.next_value::<serde::de::IgnoredAny>()?; }
                }
                Ok(())
            }

            $(fn from_text(text: std::borrow::Cow<'a, str>) -> Option<Self> {
                let from: fn(std::borrow::Cow<'a, str>) -> Self = $text;
                Some(from(text))
            })?
        }
    };
}
pub(super) use record;

/// Takes a whole sequence and forgets it.
pub(super) fn drain_seq<'a, A: SeqAccess<'a>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Takes a whole object and forgets it.
pub(super) fn drain_map<'a, A: MapAccess<'a>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// The methods of a visitor for everything that it is not made for.
macro_rules! otherwise_empty {
    ($($method:ident)*) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        $(otherwise_empty!(@ $method);)*
    };
    (@ unit) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_none<E>(self) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ bool) => {
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ number) => {
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> { Ok(Default::default()) }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ text) => {
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> { Ok(Default::default()) }
    };
    (@ seq) => {
        fn visit_seq<A: SeqAccess<'a>>(self, seq: A) -> Result<Self::Value, A::Error> {
            $crate::format::chatgpt::tolerant::drain_seq(seq).map(|()| Default::default())
        }
    };
    (@ map) => {
        fn visit_map<A: MapAccess<'a>>(self, map: A) -> Result<Self::Value, A::Error> {
            $crate::format::chatgpt::tolerant::drain_map(map).map(|()| Default::default())
        }
    };
}
pub(super) use otherwise_empty;

/// Text; also what a number says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Str<'a>(pub(super) Option<Cow<'a, str>>);

impl<'a> Str<'a> {
    /// The text; empty if there is none.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text if there is any beside blanks.
    pub(super) fn filled(&self) -> Option<&Cow<'a, str>> {
        self.0.as_ref().filter(|text| !text.trim().is_empty())
    }

    /// Takes the text if there is any beside blanks.
    pub(super) fn take_filled(&mut self) -> Option<Cow<'a, str>> {
        self.filled()?;
        self.0.take()
    }

    /// Takes the text; empty if there is none.
    pub(super) fn take(&mut self) -> Cow<'a, str> {
        self.0.take().unwrap_or_default()
    }
}

/// Whole numbers as an export's producer writes them.
fn number_text(number: f64) -> Cow<'static, str> {
    Cow::Owned(number.to_string())
}

impl<'a> Deserialize<'a> for Str<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct StrVisitor;
        impl<'a> Visitor<'a> for StrVisitor {
            type Value = Str<'a>;
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Str<'a>, E> {
                Ok(Str(Some(Cow::Borrowed(text))))
            }
            fn visit_str<E>(self, text: &str) -> Result<Str<'a>, E> {
                Ok(Str(Some(Cow::Owned(text.to_owned()))))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Str<'a>, E> {
                Ok(Str(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Str<'a>, E> {
                Ok(Str(Some(Cow::Owned(number.to_string()))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Str<'a>, E> {
                Ok(Str(Some(number_text(number))))
            }
            otherwise_empty!(unit bool seq map);
        }
        deserializer.deserialize_any(StrVisitor)
    }
}

/// A key of an object.
pub(super) struct Key<'a>(pub(super) Cow<'a, str>);

impl<'a> Deserialize<'a> for Key<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'a> Visitor<'a> for KeyVisitor {
            type Value = Key<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'a>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}

/// A whole number as a real one: those in exports are times, counts and positions, far below 2⁵³.
#[allow(clippy::cast_precision_loss, reason = "no number in an export is so large that a unit counts")]
fn real(number: impl Into<i128>) -> f64 {
    number.into() as f64
}

/// A number; also what a text says if it is one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Num(pub(super) Option<f64>);

impl Num {
    /// The number as a count or position; `None` if it is negative or not finite.
    #[allow(clippy::cast_sign_loss, reason = "checked")]
    pub(super) fn whole(self) -> Option<u64> {
        self.0.filter(|number| *number >= 0.0 && number.is_finite()).map(|number| number as u64)
    }

    /// The number as a count or position that fits 32 bits.
    pub(super) fn small(self) -> Option<u32> {
        self.whole().and_then(|number| u32::try_from(number).ok())
    }
}

impl<'a> Deserialize<'a> for Num {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumVisitor;
        impl<'a> Visitor<'a> for NumVisitor {
            type Value = Num;
            fn visit_i64<E>(self, number: i64) -> Result<Num, E> {
                Ok(Num(Some(real(number))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Num, E> {
                Ok(Num(Some(real(number))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Num, E> {
                Ok(Num(Some(number)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Num, E> {
                Ok(Num(text.trim().parse().ok()))
            }
            otherwise_empty!(unit bool seq map);
        }
        deserializer.deserialize_any(NumVisitor)
    }
}

/// A point in time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Time(pub(super) Option<Timestamp>);

impl<'a> Deserialize<'a> for Time {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl<'a> Visitor<'a> for TimeVisitor {
            type Value = Time;
            fn visit_i64<E>(self, number: i64) -> Result<Time, E> {
                Ok(Time(Timestamp::from_number(real(number))))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Time, E> {
                Ok(Time(Timestamp::from_number(real(number))))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Time, E> {
                Ok(Time(Timestamp::from_number(number)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Time, E> {
                Ok(Time(Timestamp::from_text(text)))
            }
            otherwise_empty!(unit bool seq map);
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

/// True only for `true`, a number beside 0, or the text `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flag(pub(super) bool);

impl<'a> Deserialize<'a> for Flag {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct FlagVisitor;
        impl<'a> Visitor<'a> for FlagVisitor {
            type Value = Flag;
            fn visit_bool<E>(self, flag: bool) -> Result<Flag, E> {
                Ok(Flag(flag))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Flag, E> {
                Ok(Flag(number != 0))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Flag, E> {
                Ok(Flag(number != 0.0))
            }
            fn visit_str<E>(self, text: &str) -> Result<Flag, E> {
                Ok(Flag(text.eq_ignore_ascii_case("true")))
            }
            otherwise_empty!(unit seq map);
        }
        deserializer.deserialize_any(FlagVisitor)
    }
}

/// Any value; only its presence counts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Present;

impl<'a> Deserialize<'a> for Present {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

/// A value that most readers don't need: its JSON, to be read when it turns out to be wanted. Its syntax is checked.
#[derive(Debug)]
pub(super) struct Later<'a, T> {
    json: &'a str,
    value: Option<Box<T>>,
}

impl<T> Default for Later<'_, T> {
    fn default() -> Self {
        Self { json: "", value: None }
    }
}

impl<'a, T: Deserialize<'a> + Default> Later<'a, T> {
    /// Reads the value. What strict parsing refuses, such as half of a surrogate pair, it refuses here.
    pub(super) fn open(&mut self) -> serde_json::Result<()> {
        if !self.is_empty() {
            self.value = Some(Box::new(serde_json::from_str(self.json)?));
            self.json = "";
        }
        Ok(())
    }

    /// Takes the value; an empty one if it was not opened.
    pub(super) fn take(&mut self) -> T {
        self.value.take().map(|value| *value).unwrap_or_default()
    }

    /// True if there is nothing to open.
    pub(super) fn is_empty(&self) -> bool {
        matches!(self.json, "" | "null" | "[]" | "{}")
    }
}

impl<'a, T> Deserialize<'a> for Later<'a, T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        let json = <&RawValue>::deserialize(deserializer)?.get();
        Ok(Self { json, value: None })
    }
}

/// A list; anything else is an empty one.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Deserialize<'a>> Deserialize<'a> for List<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListVisitor<T>(PhantomData<T>);
        impl<'a, T: Deserialize<'a>> Visitor<'a> for ListVisitor<T> {
            type Value = List<T>;
            fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
            otherwise_empty!(unit bool number text map);
        }
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

/// An object in a place of its own; `None` if something else stands there.
#[derive(Debug)]
pub(super) struct Maybe<T>(pub(super) Option<Box<T>>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T: Record<'a>> Deserialize<'a> for Maybe<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct MaybeVisitor<T>(PhantomData<T>);
        impl<'a, T: Record<'a>> Visitor<'a> for MaybeVisitor<T> {
            type Value = Maybe<T>;
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Maybe<T>, A::Error> {
                let mut record = Box::<T>::default();
                while let Some(Key(key)) = map.next_key()? {
                    record.set(&key, &mut map)?;
                }
                Ok(Maybe(Some(record)))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Maybe<T>, E> {
                Ok(Maybe(T::from_text(Cow::Borrowed(text)).map(Box::new)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Maybe<T>, E> {
                Ok(Maybe(T::from_text(Cow::Owned(text.to_owned())).map(Box::new)))
            }
            otherwise_empty!(unit bool number seq);
        }
        deserializer.deserialize_any(MaybeVisitor(PhantomData))
    }
}

/// An object in place; an empty one if something else stands there.
#[derive(Debug, Default)]
pub(super) struct Obj<T>(pub(super) T);

impl<'a, T: Record<'a>> Deserialize<'a> for Obj<T> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjVisitor<T>(PhantomData<T>);
        impl<'a, T: Record<'a>> Visitor<'a> for ObjVisitor<T> {
            type Value = Obj<T>;
            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Obj<T>, A::Error> {
                let mut record = T::default();
                while let Some(Key(key)) = map.next_key()? {
                    record.set(&key, &mut map)?;
                }
                Ok(Obj(record))
            }
            fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Obj<T>, E> {
                Ok(Obj(T::from_text(Cow::Borrowed(text)).unwrap_or_default()))
            }
            fn visit_str<E>(self, text: &str) -> Result<Obj<T>, E> {
                Ok(Obj(T::from_text(Cow::Owned(text.to_owned())).unwrap_or_default()))
            }
            otherwise_empty!(unit bool number seq);
        }
        deserializer.deserialize_any(ObjVisitor(PhantomData))
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
            inner: Maybe<Sample<'a>> = "inner",
        }
        text |text| Sample { id: Str(Some(text)), ..Sample::default() };
    }

    fn read(json: &str) -> Sample<'_> {
        serde_json::from_str::<Obj<Sample<'_>>>(json).unwrap().0
    }

    #[test]
    fn text_without_escapes_borrows_and_text_with_escapes_does_not() {
        assert!(matches!(read(r#"{"id": "plain ü"}"#).id, Str(Some(Cow::Borrowed("plain ü")))));
        assert!(matches!(read(r#"{"id": "a\nb"}"#).id, Str(Some(Cow::Owned(text))) if text == "a\nb"));
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
