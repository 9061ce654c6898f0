//! The keys of one JSON object and where their values lie, however broken the values are.

use crate::bytes::without_byte_order_mark;
use std::borrow::Cow;

/// The fields of the object that `json` begins with: each key with the bytes of its value. Looks at nothing but
/// strings and brackets, so it passes what a strict parser refuses, and it ends quietly where `json` does. Linear.
pub(crate) fn fields(json: &[u8]) -> Fields<'_> {
    let start = json.iter().position(|&byte| byte == b'{').filter(|&at| {
        let before = json.get(..at).unwrap_or_default();
        without_byte_order_mark(before).trim_ascii().is_empty()
    });
    Fields { json, at: start.map_or(json.len(), |at| at + 1) }
}

/// Iterates over the fields of an object. Made by [`fields`].
#[derive(Clone, Debug)]
pub(crate) struct Fields<'a> {
    json: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (Cow<'a, str>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.json.get(self.at..)?;
        let key_start = rest.iter().position(|&byte| !byte.is_ascii_whitespace() && byte != b',')?;
        if rest.get(key_start) != Some(&b'"') {
            self.at = self.json.len();
            return None;
        }
        let key_end = string_end(rest, key_start)?;
        let colon = key_end + rest.get(key_end..)?.iter().position(|&byte| byte == b':')?;
        let value_end = value_end(rest, colon + 1);
        self.at += value_end;
        let key = text(rest.get(key_start..key_end)?)?;
        Some((key, rest.get(colon + 1..value_end)?.trim_ascii()))
    }
}

/// The text of a JSON string with its quotes; `None` if it is broken.
pub(crate) fn text(json: &[u8]) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    if inner.contains(&b'\\') {
        serde_json::from_slice(json).ok().map(Cow::Owned)
    } else {
        simdutf8::basic::from_utf8(inner).ok().map(Cow::Borrowed)
    }
}

/// The offset after the closing quote of the string that begins at `start`.
fn string_end(json: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', json.get(at..)?)?;
        if json.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The offset after the value that begins at `start`: at a comma or bracket of the object itself, or at the end.
fn value_end(json: &[u8], start: usize) -> usize {
    let mut depth = 0usize;
    let mut at = start;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => {
                at = string_end(json, at).unwrap_or(json.len());
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' | b',' if depth == 0 => return at,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Vec<(String, String)> {
        fields(json.as_bytes())
            .map(|(key, value)| (key.into_owned(), String::from_utf8_lossy(value).into_owned()))
            .collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn only_the_keys_of_the_object_itself_are_found() {
        let json = r#"{"a": {"b": [1, {"c": 2}]}, "d\n" : "x,\"}" ,"e":NaN}"#;
        assert_eq!(
            found(json),
            pairs(&[("a", r#"{"b": [1, {"c": 2}]}"#), ("d\n", r#""x,\"}""#), ("e", "NaN")])
        );
    }

    #[test]
    fn what_ends_early_ends_quietly() {
        assert_eq!(found(r#"{"a": 1, "b": [1, 2"#), pairs(&[("a", "1"), ("b", "[1, 2")]));
        assert_eq!(found(r#"{"a": 1, "b"#), pairs(&[("a", "1")]));
        assert_eq!(found(r#"{"a": "\"#), pairs(&[("a", r#""\"#)]));
        for json in ["", "{", "{}", "[{}]", "null", "{3: 4}"] {
            assert_eq!(found(json), [], "{json}");
        }
    }
}
