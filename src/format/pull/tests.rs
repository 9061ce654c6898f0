use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;

/// The whole text as a tree: what a reader that wants everything gets.
fn tree(text: &str, level: Level) -> Result<Json> {
    let texts = Texts::default();
    let mut reader = Reader::with_level(super::Json { text, texts: &texts }, level);
    let tree = branch(&mut reader)?;
    reader.end()?;
    Ok(tree)
}

fn branch(reader: &mut Reader<'_>) -> Result<Json> {
    Ok(match reader.value()? {
        Value::Null => Json::Null,
        Value::Bool(flag) => Json::Bool(flag),
        Value::Number(number) => Json::from(number),
        Value::Text(text) => Json::String(text.text()?.to_owned()),
        Value::List => {
            let mut items = Vec::new();
            reader.each(|reader| branch(reader).map(|item| items.push(item)))?;
            Json::Array(items)
        }
        Value::Object => {
            let mut fields = serde_json::Map::new();
            reader.fields(|reader, key| {
                fields.insert(key.text()?.to_owned(), branch(reader)?);
                Ok(())
            })?;
            Json::Object(fields)
        }
    })
}

/// Whole numbers as the floats that the reader makes of them.
fn floats(json: Json) -> Json {
    match json {
        Json::Number(number) => number.as_f64().map_or(Json::Null, Json::from),
        Json::Array(items) => items.into_iter().map(floats).collect(),
        Json::Object(fields) => fields.into_iter().map(|(key, value)| (key, floats(value))).collect(),
        other => other,
    }
}

/// Any JSON value, with texts long enough to cross blocks.
fn any_json() -> impl Strategy<Value = Json> {
    let text = "[a-z\"\\\\\n\u{1}é漢😀]{0,12}|[ -~]{50,90}";
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i32>().prop_map(Json::from),
        // Of few digits: not every parser rounds the others as it should.
        any::<i16>().prop_map(|number| Json::from(f64::from(number) / 64.0)),
        text.prop_map(Json::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
            prop::collection::vec((text, inner), 0..6)
                .prop_map(|fields| Json::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn all_that_is_written_is_read(json in any_json(), indented: bool) {
        let text = if indented { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
        let text = text.unwrap();
        for level in Level::available() {
            prop_assert_eq!(tree(&text, level), Ok(floats(json.clone())), "{:?}", level);
        }
    }

    #[test]
    fn what_is_not_wanted_is_passed_over_to_the_byte(json in any_json(), indented: bool) {
        let text = if indented { serde_json::to_string_pretty(&json) } else { serde_json::to_string(&json) };
        let text = format!(" [ {} ,7]", text.unwrap());
        for level in Level::available() {
            let texts = Texts::default();
            let mut reader = Reader::with_level(super::Json { text: &text, texts: &texts }, level);
            let mut found = Vec::new();
            prop_assert!(matches!(reader.value(), Ok(Value::List)));
            reader.each(|reader| { found.push(reader.raw()?.text); Ok(()) }).unwrap();
            prop_assert_eq!(&found, &vec![text[3..text.len() - 4].trim(), "7"], "{:?}", level);
        }
    }

    #[test]
    fn damaged_text_is_refused_or_read_as_strict_parsers_read_it(
        json in any_json(),
        at in any::<prop::sample::Index>(),
        byte in prop::sample::select(b"\"\\{}[],: 0nu".to_vec()),
        cut: bool,
    ) {
        let mut bytes = serde_json::to_vec(&json).unwrap();
        let at = at.index(bytes.len());
        if cut { bytes.truncate(at) } else { bytes[at] = byte }
        let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
        let strict = serde_json::from_str::<Json>(&text).map(floats);
        for level in Level::available() {
            match (tree(&text, level), &strict) {
                (Ok(found), Ok(strict)) => prop_assert_eq!(&found, strict, "{:?}", level),
                (Err(_), Err(_)) => {}
                (found, strict) => prop_assert!(false, "{}: {:?}, {:?}", text, found, strict),
            }
        }
    }
}

proptest! {
    #[test]
    fn short_numbers_are_those_that_the_standard_library_reads(
        number in "(0|[1-9][0-9]{0,17})(\\.[0-9]{1,12})?",
        behind in prop::sample::select(b",}] \n".to_vec()),
    ) {
        let text = format!("{number}{}", char::from(behind));
        if let Some(found) = short_number(text.as_bytes()) {
            prop_assert_eq!(found, (number.parse().unwrap(), number.len()));
        } else {
            prop_assert!(number.len() > 15, "{}", number);
        }
    }
}

#[test]
fn long_and_invalid_numbers_are_not_short() {
    for text in ["", ".", ".5", "5.", "5.,", "05", "00", "1.2.3", "-1", "1e5", "1x", "123456789012345678"] {
        assert_eq!(short_number(text.as_bytes()), None, "{text}");
    }
}

fn refused(text: &str) -> String {
    tree(text, Level::best()).unwrap_err().to_string()
}

#[test]
fn an_error_says_what_is_wrong_and_where() {
    for (text, expected) in [
        ("", "breaks off at byte 0"),
        ("{\"a\": ", "breaks off at byte 6"),
        ("[\"a", "breaks off at byte 3"),
        ("[1 2]", "a comma is missing in a list at byte 3"),
        ("{\"a\" 1}", "a colon is missing at byte 5"),
        ("{\"a\": 1 \"b\": 2}", "a comma is missing in an object at byte 8"),
        ("{1: 2}", "a key is missing at byte 1"),
        ("[1,]", "a value is missing at byte 3"),
        ("[NaN]", "not a number, true, false or null at byte 1"),
        ("[01]", "not a number, true, false or null at byte 1"),
        ("[1.e2]", "not a number, true, false or null at byte 1"),
        ("[-]", "not a number, true, false or null at byte 1"),
        ("[+1]", "not a number, true, false or null at byte 1"),
        ("[1e999]", "not a number, true, false or null at byte 1"),
        ("[1]]", "data after the end at byte 3"),
        ("[\"a\u{1}\"]", "a control character in a string"),
        (r#"["ab\ud83d"]"#, "a lone surrogate or an invalid \\u escape"),
        (r#"["\udc00\ud83d"]"#, "a lone surrogate or an invalid \\u escape"),
        (r#"["\q"]"#, "an unknown escape"),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn escapes_are_read() {
    let text = r#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 \u4E2d\u6587""#;
    assert_eq!(
        tree(text, Level::best()),
        Ok(Json::from("\"\\/\u{8}\u{c}\n\r\t\u{e9}\u{1f600} \u{4e2d}\u{6587}"))
    );
}

#[test]
fn what_nobody_asks_for_may_be_wrong_but_its_brackets_must_match() {
    let texts = Texts::default();
    let skip = |text| {
        let json = super::Json { text, texts: &texts };
        Reader::new(json).skip().map_err(|error| error.to_string())
    };
    assert_eq!(
        skip(r#"{"a": NaN, "b": "\ud83d\q", "c": [1,,2}]"#),
        Err("mismatched brackets at byte 38".into())
    );
    assert_eq!(skip("{\"a\": NaN, \"b\": \"\\ud83d\\q\u{1}\", \"c\": [1,,2]}"), Ok(()));
    assert_eq!(skip(r#"[[{"a": "]"}"#), Err("breaks off at byte 12".into()));
}

#[test]
fn a_control_character_between_tokens_is_a_blank() {
    assert_eq!(
        tree("{\"a\"\u{1}:\u{2}[1\u{3},\u{4}2 ]}", Level::best()),
        tree(r#"{"a": [1.0, 2.0]}"#, Level::best())
    );
}

#[test]
fn depth_costs_nothing() {
    let deep = ["[".repeat(100_000), "]".repeat(100_000)].concat();
    let json = super::Json { text: &deep, texts: &Texts::default() };
    assert_eq!(Reader::new(json).skip(), Ok(()));
}

#[test]
fn texts_of_one_conversation_stand_while_those_of_the_next_use_the_same_memory() {
    let long = format!("{}\\n", "x".repeat(3000));
    for _ in 0..3 {
        let texts = Texts::default();
        let found: Vec<_> = (0..100).map(|n| texts.unescaped(&format!("{n}\\t{long}")).unwrap()).collect();
        for (n, text) in found.iter().enumerate() {
            assert_eq!(*text, format!("{n}\t{}\n", "x".repeat(3000)));
        }
    }
}
