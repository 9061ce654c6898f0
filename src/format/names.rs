//! The names that a user gives to ids of GPTs and projects, as JSON or TOML.

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::collections::HashMap;
use std::fmt;

/// Reads names by their ids: lines like `"g-abc" = "House"`, or `{"g-abc": "House"}`. They may be grouped in tables such as
/// `[gpts]` and `[projects]`, whose names don't matter. It is JSON if it starts with a brace.
///
/// # Errors
/// What is wrong and in which line, if it is anything else.
pub(crate) fn read(bytes: &[u8]) -> Result<HashMap<String, String>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        format!("not UTF-8 at line {}", line_after(before))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries: HashMap<String, NameOrTable> = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            let before = text.as_bytes().get(..at).unwrap_or_default();
            let message = error.message().replace('\n', ", ");
            format!("{message} at line {}", line_after(before))
        })?
    };
    let mut names = HashMap::new();
    for (key, entry) in entries {
        match entry {
            NameOrTable::Name(name) => drop(names.insert(key, name)),
            NameOrTable::Table(table) => names.extend(table),
        }
    }
    Ok(names)
}

/// The number of the line, from 1, that goes on after `before`.
fn line_after(before: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', before).count().saturating_add(1)
}

/// A value: a name, or a table of them.
enum NameOrTable {
    Name(String),
    Table(HashMap<String, String>),
}

impl<'de> Deserialize<'de> for NameOrTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = NameOrTable;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name or a table of names")
            }

            fn visit_str<E>(self, name: &str) -> Result<NameOrTable, E> {
                Ok(NameOrTable::Name(name.to_owned()))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<NameOrTable, M::Error> {
                let mut names = HashMap::new();
                while let Some((id, name)) = map.next_entry()? {
                    names.insert(id, name);
                }
                Ok(NameOrTable::Table(names))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(text: &str) -> Vec<(String, String)> {
        let mut names: Vec<_> = read(text.as_bytes()).expect(text).into_iter().collect();
        names.sort();
        names
    }

    #[test]
    fn json_and_toml_say_the_same_flat_or_in_tables() {
        let expected = [("g-a1", "Tea"), ("g-p-b2", "My house: \"new\"")]
            .map(|(id, name)| (id.to_owned(), name.to_owned()));
        for text in [
            r#"{"g-a1": "Tea", "g-p-b2": "My house: \"new\""}"#,
            r#" {"gpts": {"g-a1": "Tea"}, "projects": {"g-p-b2": "My house: \"new\""}}"#,
            "\u{feff}\n{\"g-a1\": \"Tea\", \"projects\": {\"g-p-b2\": \"My house: \\\"new\\\"\"}}",
            "# mine\n\"g-a1\" = \"Tea\"\ng-p-b2 = 'My house: \"new\"'\n",
            "[gpts]\ng-a1 = \"Tea\"\n[projects]\r\ng-p-b2 = 'My house: \"new\"'",
        ] {
            assert_eq!(sorted(text), expected, "{text}");
        }
        assert_eq!(sorted(""), []);
        assert_eq!(sorted("{}"), []);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_line() {
        for (text, line) in [
            ("{\n\"g-a\": 7}", 2),
            ("{\"g-a\": {\"b\":\n{}}}", 2),
            ("{\"g-a\":\n\n", 3),
            ("g-a = \"x\"\ng-b = 7\n", 2),
            ("g-a = \"x\"\n\ng-b\n", 3),
            ("[a.b]\nc = 'x'", 1),
            ("[1, 2]", 1),
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert!(error.contains(&format!("at line {line}")), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error:?}");
        }
        assert_eq!(read(b"g-a = \"x\"\n\xff"), Err("not UTF-8 at line 2".to_owned()));
    }
}
