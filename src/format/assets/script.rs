//! Literals of JavaScript as JSON, as far as tables of assets need it.

/// `script`, a literal, with its strings as those of JSON and without comments. Whatever else JSON does not allow (keys
/// without quotes, trailing commas) is left to a lenient parser. JSON stays as it is. Linear.
pub(super) fn to_json(script: &[u8]) -> Vec<u8> {
    let mut json = Vec::with_capacity(script.len());
    let mut rest = script;
    loop {
        match rest {
            [] => return json,
            [quote @ (b'"' | b'\'' | b'`'), after @ ..] => rest = string(*quote, after, &mut json),
            [b'/', b'/', after @ ..] => {
                let end = memchr::memchr(b'\n', after).unwrap_or(after.len());
                rest = after.get(end..).unwrap_or_default();
            }
            [b'/', b'*', after @ ..] => {
                let end = memchr::memmem::find(after, b"*/").map_or(after.len(), |end| end + 2);
                rest = after.get(end..).unwrap_or_default();
            }
            [byte, after @ ..] => {
                json.push(*byte);
                rest = after;
            }
        }
    }
}

/// Writes the string after its opening quote, and returns what follows it.
fn string<'s>(quote: u8, script: &'s [u8], json: &mut Vec<u8>) -> &'s [u8] {
    json.push(b'"');
    let mut rest = script;
    loop {
        rest = match rest {
            [] => break,
            [byte, after @ ..] if *byte == quote => {
                rest = after;
                break;
            }
            // A line that goes on.
            [b'\\', b'\n', after @ ..] => after,
            [b'\\', byte @ (b'\'' | b'`'), after @ ..] => {
                json.push(*byte);
                after
            }
            [b'\\', b'x', after @ ..] => {
                json.extend_from_slice(b"\\u00");
                after
            }
            [b'\\', byte, after @ ..] => {
                json.extend_from_slice(&[b'\\', *byte]);
                after
            }
            [b'"', after @ ..] => {
                json.extend_from_slice(b"\\\"");
                after
            }
            [byte, after @ ..] => {
                json.push(*byte);
                after
            }
        };
    }
    json.push(b'"');
    rest
}

#[cfg(test)]
mod tests {
    use super::to_json;

    #[test]
    fn strings_of_any_quotes_are_those_of_json_and_comments_go() {
        for (script, json) in [
            (r#"{"a": "b // c", "d": 1}"#, r#"{"a": "b // c", "d": 1}"#),
            (r#"{'a': 'it\'s "b"', c: `d`,}"#, r#"{"a": "it's \"b\"", c: "d",}"#),
            ("{/* x */ a: 'b' // c\n}", "{ a: \"b\" \n}"),
            (r"'\x41\u0042\n'", r#""\u0041\u0042\n""#),
            ("'open", "\"open\""),
        ] {
            assert_eq!(String::from_utf8(to_json(script.as_bytes())).unwrap(), json);
        }
    }
}
