//! The items of a side file, one at a time: as a tree of values, a file of many small items would take forty times its
//! size.

use serde::Deserializer as _;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer, Value};
use std::fmt;

/// Largest item that is looked at, in bytes.
const ITEM_BYTES: usize = 1 << 20;

/// Receives the key of an item, which is empty in a list, and its JSON.
type TakeItem<'t> = &'t mut dyn FnMut(&str, &RawValue);

/// Hands over the items of a list or an object. False if `json` is neither, or breaks off.
pub(super) fn each(json: &[u8], take: TakeItem<'_>) -> bool {
    let mut deserializer = Deserializer::from_slice(json);
    deserializer.deserialize_any(Items(take)).and_then(|()| deserializer.end()).is_ok()
}

/// The value of an item, `null` if it is too large.
pub(super) fn value(item: &RawValue) -> Value {
    let json = Some(item.get()).filter(|json| json.len() <= ITEM_BYTES);
    json.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

struct Items<'t>(TakeItem<'t>);

impl<'de> Visitor<'de> for Items<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(item) = list.next_element::<&RawValue>()? {
            (self.0)("", item);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        while let Some((key, item)) = object.next_entry::<String, &RawValue>()? {
            (self.0)(&key, item);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(json: &str) -> (Vec<String>, bool) {
        let mut found = Vec::new();
        let is_whole = each(json.as_bytes(), &mut |key, item| found.push(format!("{key}={}", item.get())));
        (found, is_whole)
    }

    #[test]
    fn items_come_one_at_a_time() {
        assert_eq!(items(r#"[1, {"a": []}]"#), (vec!["=1".to_owned(), r#"={"a": []}"#.to_owned()], true));
        assert_eq!(items(r#"{"a\n": "b"}"#), (vec!["a\n=\"b\"".to_owned()], true));
        assert_eq!(items("[1, [2"), (vec!["=1".to_owned()], false));
        for other in ["7", "null", "", "[1] 2"] {
            assert!(!items(other).1, "{other}");
        }
    }

    #[test]
    fn an_item_that_is_too_large_is_nothing() {
        let long = |bytes: usize| format!("[\"{}\"]", "x".repeat(bytes));
        let mut found = Vec::new();
        for bytes in [ITEM_BYTES - 2, ITEM_BYTES - 1] {
            each(long(bytes).as_bytes(), &mut |_, item| found.push(value(item).is_null()));
        }
        assert_eq!(found, [false, true]);
    }
}
