use super::*;
use proptest::prelude::*;
use serde::de::IgnoredAny;
use serde_json::Value;

fn json(bytes: impl AsRef<[u8]>) -> String {
    let json = repair(bytes.as_ref()).json;
    assert!(serde_json::from_str::<Value>(&json).is_ok(), "{json}");
    json
}

fn text(bytes: impl AsRef<[u8]>) -> String {
    serde_json::from_str(&repair(bytes.as_ref()).json).unwrap()
}

#[test]
fn valid_json_is_left_as_it_is() {
    let valid = r#"{"a":[1,-2.50e+3,"x\n\u00e9\ud83d\ude00é😀",null,true,false],"":{"b":{}},"c":[]}"#;
    assert_eq!(repair(valid.as_bytes()), Repaired { json: valid.to_owned(), notes: vec![] });
}

#[test]
fn only_what_exporters_write_themselves_is_beyond_doubt() {
    for quirk in ["[NaN]", "[\"a\tb\"]", r#"["\ud83d"]"#, "[True, None]", "[+1]"] {
        let repaired = repair(quirk.as_bytes());
        assert!(!repaired.notes.is_empty() && !repaired.is_doubtful(), "{quirk}: {:?}", repaired.notes);
    }
    for damage in [r#"{"a": 1"#, r#"["a"#, r#"{"a": 1 "b": 2}"#, r#"{"a" 1}"#, "[1]]", "[a]"] {
        assert!(repair(damage.as_bytes()).is_doubtful(), "{damage}");
    }
}

#[test]
fn surrogate_pairs_in_utf8_are_joined() {
    assert_eq!(text(b"\"a\xED\xA0\xBD\xED\xB8\x82b\""), "a😂b");
}

#[test]
fn invalid_text_becomes_one_code_point() {
    assert_eq!(text(r#""a\ud83db""#), "a\u{FFFD}b");
    assert_eq!(text(r#""\ude00\ud83d""#), "\u{FFFD}\u{FFFD}");
    assert_eq!(text(r#""\ud83d\ud83d\ude00""#), "\u{FFFD}😀");
    assert_eq!(text(r#""\ud83d\n""#), "\u{FFFD}\n");
    assert_eq!(text(b"\"a\xED\xA0\xBDb\""), "a\u{FFFD}b");
    assert_eq!(text(b"\"\xED\xB8\x82\xED\xA0\xBD\""), "\u{FFFD}\u{FFFD}");
    assert_eq!(text(b"\"\xC3(\xFF\xF0\x9F\x98\""), "\u{FFFD}(\u{FFFD}\u{FFFD}");
    assert_eq!(text(b"\"\xC3\xA9\xFF\xC3\xA9\""), "é\u{FFFD}é");
}

#[test]
fn words_and_numbers_of_other_languages_are_translated() {
    assert_eq!(
        json("[NaN, Infinity, -Infinity, 1e999, None, True, False]"),
        "[null,null,null,null,null,true,false]"
    );
    assert_eq!(json("[01, +1, .5, 5., -.5e3, -007.10, 00]"), "[1,1,0.5,5.0,-0.5e3,-7.10,0]");
    assert_eq!(json("[-, 1e, 1.2.3, --1, 1-2, .e5]"), r#"["-",null,null,null,null,null]"#);
    assert_eq!(json("{a: word, 1: 'x'}"), r#"{"a":"word","1":"'x'"}"#);
}

#[test]
fn strings_get_the_escapes_that_they_need() {
    assert_eq!(text("\"a\nb\tc\0\""), "a\nb\tc\0");
    assert_eq!(text(r#""\x41 \u12 \'""#), r"\x41 \u12 \'");
    assert_eq!(text(r#""\/\b""#), "/\u{8}");
    // Broken off within an escape, or after what only begins like one.
    assert_eq!(text(r#""a\u12"#), "a\u{FFFD}");
    assert_eq!(text(r#""a\u1x"#), r"a\u1x");
}

#[test]
fn punctuation_is_put_in_and_left_out() {
    assert_eq!(json("[1,,2,]"), "[1,2]");
    assert_eq!(json(r#"{"a":1,}"#), r#"{"a":1}"#);
    assert_eq!(json(r#"{,"a":1,,"b":2}"#), r#"{"a":1,"b":2}"#);
    assert_eq!(json("[1 2]"), "[1,2]");
    assert_eq!(json(r#"{"a" 1 "b":2}"#), r#"{"a":1,"b":2}"#);
    assert_eq!(json(r#"{"a":, "b"}"#), r#"{"a":null,"b":null}"#);
    assert_eq!(json(r#"{"a"::1, [2]}"#), r#"{"a":1,"":[2]}"#);
    assert_eq!(json("[:1]"), "[1]");
}

#[test]
fn what_breaks_off_is_closed() {
    for (broken, whole) in [
        (r#"{"a": {"b": [1, "x"#, r#"{"a":{"b":[1,"x"]}}"#),
        (r#"{"a": {"b":"#, r#"{"a":{"b":null}}"#),
        (r#"{"a": 1, "b"#, r#"{"a":1,"b":null}"#),
        (r#"{"a": 1,"#, r#"{"a":1}"#),
        (r#"["x\"#, r#"["x"]"#),
        (r#"["x\u12"#, "[\"x\u{FFFD}\"]"),
        ("[tru", r#"["tru"]"#),
        ("{", "{}"),
        ("", "null"),
    ] {
        assert_eq!(json(broken), whole, "{broken}");
    }
    assert!(repair(b"[\"a").notes.contains(&"breaks off within a string"));
}

#[test]
fn brackets_find_their_partners() {
    assert_eq!(json(r#"{"a":[{"b":1],"c":2}"#), r#"{"a":[{"b":1}],"c":2}"#);
    assert_eq!(json(r#"{"a":{"b":[1},"c":2}"#), r#"{"a":{"b":[1]},"c":2}"#);
    assert_eq!(json(r#"{"a":1},"c":2}"#), r#"{"a":1,"c":2}"#);
    assert_eq!(json(r#"{"a":1]"#), r#"{"a":1}"#);
}

#[test]
fn text_behind_a_value_is_left_out() {
    assert_eq!(repair(b"1 2").notes, ["text after the end left out"]);
    assert_eq!(json("\"a\" {}"), "\"a\"");
}

#[test]
fn too_deep_containers_become_null() {
    let deep = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(json(deep(DEPTH)), deep(DEPTH));
    let repaired = repair(format!("[{},2]", deep(100_000)).as_bytes());
    assert_eq!(repaired.notes, ["nested deeper than 128"]);
    assert_eq!(serde_json::from_str::<Value>(&repaired.json).unwrap()[1], 2);
    assert_eq!(repaired.json.matches("null").count(), 1);
    // Brackets in strings are text.
    let text = r#""]\"[{\\""#;
    let deep = format!("[{}{text}{},2]", "[".repeat(200), "]".repeat(200));
    assert_eq!(serde_json::from_str::<Value>(&json(deep)).unwrap()[1], 2);
}

#[test]
fn time_grows_with_length_only() {
    // Each would take minutes if a step looked at all that follows.
    for piece in [&b"\xFF"[..], b"\xED\xA0\xBD", b"\\x", b"\\ud83d", b"\xE4\xBA\xAC"] {
        let text = [b"\"", &piece.repeat(1_000_000)[..]].concat();
        assert_eq!(repair(&text).json.chars().filter(|symbol| *symbol != '\\').count() % 1_000_000, 2);
    }
    for piece in ["[", "{", "}", "]", ",", ":", "a ", "[1}", "{\"a\":[}"] {
        assert!(!repair(piece.repeat(1_000_000).as_bytes()).json.is_empty());
    }
}

#[test]
fn duplicate_keys_stay_for_the_reader_to_judge() {
    assert_eq!(json(r#"{"a":1,"a":2}"#), r#"{"a":1,"a":2}"#);
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    assert_eq!(json("\u{FEFF} [1] "), "[1]");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |number| number.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn valid_json_keeps_its_value(value in value(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let repaired = repair(text.as_bytes());
        prop_assert_eq!(&repaired.notes, &Vec::<&str>::new());
        // Compared with what is read of the text, because reading a float may round.
        prop_assert_eq!(serde_json::from_str::<Value>(&repaired.json).unwrap(), serde_json::from_str::<Value>(&text).unwrap());
    }

    #[test]
    fn whatever_comes_in_valid_json_comes_out(
        value in value(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3_u8), 0..8),
        special in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(b"{}[],:\"\\u\xED\n".to_vec())), 0..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = serde_json::to_vec(&value).unwrap();
        for (at, byte, how) in changes {
            let at = at.index(bytes.len());
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { if bytes.len() > 1 { bytes.remove(at); } }
            }
        }
        for (at, byte) in special {
            bytes.insert(at.index(bytes.len()), byte);
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            let repaired = repair(bytes);
            prop_assert!(serde_json::from_str::<IgnoredAny>(&repaired.json).is_ok(), "{}", repaired.json);
            prop_assert!(serde_json::from_str::<Value>(&repaired.json).is_ok(), "{}", repaired.json);
            let again = repair(repaired.json.as_bytes());
            prop_assert_eq!((again.json, again.notes), (repaired.json, vec![]));
        }
    }
}
