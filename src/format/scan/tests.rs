//! The scanner, compared with a byte loop and with serde's own splitting.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

/// An element, owned.
#[derive(Clone, Debug, PartialEq)]
struct Found {
    start: u64,
    end: u64,
    text: String,
    whole: bool,
    complete: bool,
}

impl Found {
    fn of(element: &Element<'_>) -> Self {
        let (text, whole) = match &element.body {
            Body::Whole(text) => (&**text, true),
            Body::TooLarge { skeleton } | Body::NoMemory { skeleton } => (*skeleton, false),
        };
        let text = String::from_utf8_lossy(text).into_owned();
        Self { start: element.start, end: element.end, text, whole, complete: element.complete }
    }
}

fn scan_by(text: &[u8], feed: usize, level: Level, limit: usize) -> (Vec<Found>, End) {
    scan_with(&mut Scanner::with_level(limit, level), text, feed)
}

fn scan_with(scanner: &mut Scanner, text: &[u8], feed: usize) -> (Vec<Found>, End) {
    let mut found = Vec::new();
    for bytes in text.chunks(feed) {
        scanner.feed(bytes, &mut |element| found.push(Found::of(&element)));
    }
    let end = scanner.finish(&mut |element| found.push(Found::of(&element)));
    (found, end)
}

/// The elements found, identical at every level and feed size.
fn scan_within(text: &str, limit: usize) -> (Vec<Found>, End) {
    let expected = scan_by(text.as_bytes(), usize::MAX, Level::PORTABLE, limit);
    for level in Level::available() {
        for feed in [1, 2, 3, 7, 63, 64, 65, 4097] {
            let found = scan_by(text.as_bytes(), feed, level, limit);
            assert_eq!(found, expected, "{level:?} fed by {feed}: {text}");
        }
    }
    expected
}

fn scan(text: &str) -> (Vec<Found>, End) {
    scan_within(text, ELEMENT_LIMIT)
}

#[test]
fn a_finished_scanner_can_be_reused() {
    let streams: [&[u8]; 8] = [
        br#"[{"mapping": {"a": {"b": "c"#,
        br#"{"conversations": [{"id": 1}, "#,
        br#"{"mapping": {}, "id": "x"}"#,
        b"[1, 2",
        b"\"neither\"",
        BYTE_ORDER_MARK,
        b"",
        br#"[{"id": "y\""}, [], 7]"#,
    ];
    for before in streams {
        for after in streams {
            // A limit that some elements exceed.
            let mut scanner = Scanner::new(16);
            scan_with(&mut scanner, before, 5);
            let fresh = scan_by(after, 5, Level::best(), 16);
            assert_eq!(scan_with(&mut scanner, after, 5), fresh, "{after:?} after {before:?}");
        }
    }
}

#[test]
fn collected_json_is_taken_without_a_copy_in_exchange_for_spare_memory() {
    let mut scanner = Scanner::new(ELEMENT_LIMIT);
    let (mut taken, mut spare) = (Vec::new(), Vec::with_capacity(1000));
    spare.push(b'x');
    scanner.feed(b"[{\"id\":", &mut |_| ());
    let kept = scanner.kept.bytes().as_ptr();
    let memory = spare.as_ptr();
    scanner.feed(b"1}, ", &mut |element| {
        if let Body::Whole(json) = element.body {
            taken = json.into_owned(std::mem::take(&mut spare));
        }
    });
    assert_eq!((&*taken, taken.as_ptr()), (&b"{\"id\":1}"[..], kept));
    scanner.feed(b"{\"id\":", &mut |_| ());
    assert_eq!((scanner.kept.bytes(), scanner.kept.bytes().as_ptr()), (&b"{\"id\":"[..], memory));
}

/// The elements of a well-formed list, as text.
fn elements(text: &str) -> Vec<String> {
    let (found, end) = scan(text);
    assert_eq!(end, End::Complete, "{text}");
    for element in &found {
        assert!(element.complete && element.whole);
    }
    found.into_iter().map(|element| element.text).collect()
}

fn damage(text: &str) -> (Vec<String>, &'static str, u64) {
    match scan(text) {
        (found, End::Damaged { reason, at }) => (found.into_iter().map(|it| it.text).collect(), reason, at),
        (_, End::Complete) => panic!("{text} has no damage"),
    }
}

#[test]
fn elements_of_a_list_are_found_with_their_offsets() {
    let (found, end) = scan("\u{FEFF} [ {\"a\": [1, {}]} ,\n[2],null,\"x\\\"]\",-1.5e3 ]\n");
    assert_eq!(end, End::Complete);
    let places: Vec<_> = found.iter().map(|it| (it.start, it.end, it.text.as_str())).collect();
    assert_eq!(
        places,
        [
            (6, 20, "{\"a\": [1, {}]}"),
            (23, 26, "[2]"),
            (27, 31, "null"),
            (32, 38, "\"x\\\"]\""),
            (39, 45, "-1.5e3")
        ]
    );
}

#[test]
fn an_empty_list_is_complete() {
    assert_eq!(elements("[]"), [""; 0]);
    assert_eq!(elements(" [\n] "), [""; 0]);
}

#[test]
fn brackets_and_quotes_in_strings_are_text() {
    let element = r#"{"a}\"": "]}\\", "\\\\\"{": "[\\\"", "b": ["\\", "}"]}"#;
    assert_eq!(elements(&format!("[{element},{element}]")), [element, element]);
}

#[test]
fn a_list_in_an_object_is_found_whatever_surrounds_it() {
    for text in [
        r#"{"conversations": [{"a": 1}, 2]}"#,
        r#"{"version": 2, "users": [{"conversations": [3]}], "conversations" : [{"a": 1}, 2], "more": {"x": [1]}, "n": 0}"#,
        r#"{"users": {"mapping": {}}, "conversations":[{"a": 1},2]}"#,
    ] {
        assert_eq!(elements(text), [r#"{"a": 1}"#, "2"], "{text}");
    }
}

#[test]
fn every_list_of_conversations_in_the_object_counts() {
    assert_eq!(elements(r#"{"conversations": [1], "x": {"y": [7]}, "conversations": [2]}"#), ["1", "2"]);
}

#[test]
fn one_bare_conversation_is_the_element() {
    for text in [
        r#"{"title": "x", "mapping": {"a": {"id": "a"}}, "current_node": "a"}"#,
        r#"{"current_node": "a", "conversations": 1}"#,
        r#"{"mapping": null}"#,
        r#"{"mapping": {}, "conversations": [{"a": 1}]}"#,
    ] {
        assert_eq!(elements(text), [text]);
    }
}

#[test]
fn conversations_on_lines_of_their_own_are_elements() {
    let [first, second] = [r#"{"mapping": {"a": {}}}"#, r#"{"title": "x", "current_node": "a"}"#];
    assert_eq!(elements(&format!("{first}\n{second}\r\n{first}\n")), [first, second, first]);
    assert_eq!(elements(&format!("{first}{second}")), [first, second]);
    // A line of something else hides none of the others.
    let (found, reason, at) = damage(&format!("{first}\n{{\"a\": 1}}\n{second}"));
    assert_eq!((found, reason, at), (vec![first.to_owned(), second.to_owned()], NOT_CONVERSATIONS, 23));
    let (found, reason, at) = damage(&format!("{{\"conversations\":[1]}}\n{first}"));
    assert_eq!((found, at), (vec!["1".to_owned(), first.to_owned()], 22));
    assert_eq!(reason, "an object after the end of the list");
}

#[test]
fn other_top_levels_are_refused() {
    for (text, reason, at) in [
        ("", "empty", 0),
        (" \n", "empty", 2),
        ("\"[{}]\"", "top level is a string", 0),
        (" 12", "top level is a number", 1),
        ("null", "top level is neither a list nor an object", 0),
        ("<html>", "not JSON", 0),
        (" \u{feff}[]", "not JSON", 1),
        ("{}", NOT_CONVERSATIONS, 0),
        (r#"{"a": {"mapping": {}}, "b": "current_node", "c": "\"mapping\":"}"#, NOT_CONVERSATIONS, 0),
        (r#"{"a": "#, NOT_CONVERSATIONS, 0),
    ] {
        assert_eq!(damage(text), (vec![], reason, at), "{text}");
    }
}

#[test]
fn damage_between_elements_loses_no_element() {
    for (text, reason, at) in [
        ("[{} 2]", "no comma between conversations", 4),
        ("[{},,2]", "an extra comma between conversations", 4),
        ("[,{},2]", "an extra comma between conversations", 1),
        ("[{},2,]", "an extra comma after the last conversation", 6),
        ("[{}},2]", "an extra closing brace between conversations", 3),
        ("[{},2] x", AFTER_END, 7),
        ("[{}]\n[2]", "another list after the end of the first", 5),
        ("[{},2,", "the list has no end", 6),
        (r#"{"conversations":[{},2]"#, "the object around the conversations has no end", 23),
    ] {
        assert_eq!(damage(text), (vec!["{}".to_owned(), "2".to_owned()], reason, at), "{text}");
    }
}

#[test]
fn words_and_strings_without_commas_form_one_element() {
    let (found, end) = scan("[{}\n  see \t below: \"a, [b\"!} ,{\"a\": 1}junk{}\"x\" y]");
    let places: Vec<_> = found.iter().map(|it| (it.start, it.end, it.text.as_str(), it.complete)).collect();
    assert_eq!(
        places,
        [
            (1, 3, "{}", true),
            (6, 28, "see below: \"a, [b\"!}", true),
            (30, 38, "{\"a\": 1}", true),
            (38, 42, "junk", true),
            (42, 44, "{}", true),
            (44, 49, "\"x\" y", true)
        ]
    );
    assert_eq!(end, End::Damaged { reason: "no comma between conversations", at: 6 });
}

#[test]
fn what_may_hide_conversations_is_reported_before_what_hides_none() {
    for (text, found, reason, at) in [
        ("[{},,{}", 2, "the list has no end", 7),
        ("[{} {},{\"a\": ", 3, "breaks off within a conversation", 13),
        ("[{}},{}]x[{}]", 2, AFTER_END, 8),
        ("[{},],{}]", 1, AFTER_END, 5),
        ("[{},,{} {},]", 3, "an extra comma between conversations", 4),
    ] {
        let (elements, first, offset) = damage(text);
        assert_eq!((elements.len(), first, offset), (found, reason, at), "{text}");
    }
}

#[test]
fn a_list_that_ends_after_a_word_has_a_complete_element() {
    for text in ["[1,nul ", "[1,\"ab\"", "[1,\"ab\" c\n"] {
        let (found, end) = scan(text);
        assert!(found[1].complete, "{text:?}");
        assert_eq!(found[1].end, text.trim_end().len() as u64);
        let reason = "the list has no end";
        assert_eq!(end, End::Damaged { reason, at: text.len() as u64 }, "{text:?}");
    }
}

#[test]
fn a_truncated_element_is_handed_over() {
    for (text, last, reason) in [
        (r#"[1,{"a": {"b"#, r#"{"a": {"b"#, "breaks off within a string"),
        (r#"[1,{"a": {"b":"#, r#"{"a": {"b":"#, "breaks off within a conversation"),
        (r#"[1,"ab\"#, r#""ab\"#, "breaks off within a string"),
        ("[1,nul", "nul", "breaks off within the list"),
    ] {
        let (found, end) = scan(text);
        let texts: Vec<_> = found.iter().map(|it| (it.text.as_str(), it.complete)).collect();
        assert_eq!(texts, [("1", true), (last, false)]);
        assert_eq!(found[1].end, text.len() as u64);
        assert_eq!(end, End::Damaged { reason, at: text.len() as u64 });
    }
}

#[test]
fn a_truncated_bare_conversation_is_handed_over() {
    let text = r#"{"title": "x", "mapping": {"a": "#;
    let (found, end) = scan(text);
    assert_eq!(found[0].text, text);
    assert!(!found[0].complete);
    assert!(matches!(end, End::Damaged { .. }));
}

#[test]
fn brackets_of_the_wrong_kind_stay_within_their_element() {
    assert_eq!(elements("[1,{\"a\":[2}],[{]],3]"), ["1", "{\"a\":[2}]", "[{]]", "3"]);
}

fn message(metadata: &str) -> String {
    format!(r#"{{"mapping": {{"n": {{"message": {{"metadata": {metadata}}}, "children": ["x"]}}}}}}"#)
}

#[test]
fn unused_metadata_is_dropped() {
    let list = |metadata: &str| format!("[{}]", message(metadata));
    let full = r#"{"a": "{", "search": [{"x": ["]"]}], "citations": [{"y": {}}], "z": {}, "n": 1, "w":[[]]}"#;
    let pruned = r#"{"a": "{", "search": null, "citations": [{"y": {}}], "z": null, "n": 1, "w":null}"#;
    assert_eq!(elements(&list(full)), [message(pruned)]);
    for name in crate::format::unread::KEPT_METADATA {
        let kept = format!(r#"{{"{}": {{"a": {{"b": []}}}}}}"#, String::from_utf8_lossy(name));
        assert_eq!(elements(&list(&kept)), [message(&kept)]);
    }
    let unclear = r#"{"attach\u006dents": [1], "\"": {}}"#;
    assert_eq!(elements(&list(unclear)), [message(unclear)]);
}

#[test]
fn unused_lists_of_the_conversation_are_dropped() {
    let text = r#"[{"safe_urls": ["a]"], "title": "x", "mapping": {}, "moderation_results":[{}], "voice": {"v": [1]}}]"#;
    assert_eq!(
        elements(text),
        [
            r#"{"safe_urls": null, "title": "x", "mapping": {}, "moderation_results":null, "voice": {"v": [1]}}"#
        ]
    );
}

#[test]
fn only_metadata_of_messages_is_pruned() {
    for text in [
        r#"{"metadata": {"a": {}}}"#,
        r#"{"mapping": {"n": {"metadata": {"a": [1]}}}}"#,
        r#"{"mapping": {"n": {"message": {"content": {"metadata": {"a": [1]}}, "author": {"metadata": {"b": {}}}}}}}"#,
        r#"{"mapping": [{"message": {"metadata": {"a": []}}}]}"#,
        r#"{"mapping": {"n": [{"message": {"metadata": {"a": []}}}]}}"#,
        r#"{"mapping": {"n": {"message": [{"metadata": {"a": []}}]}}}"#,
        r#"{"mapping": {"n": {"message": {"metadata": [{"a": []}]}}}}"#,
        r#"{"m\u0061pping": {"n": {"message": {"metadata": {"a": []}}}}}"#,
        r#"[{"mapping": {"n": {"message": {"metadata": {"a": []}}}}}]"#,
    ] {
        assert_eq!(elements(&format!("[{text}]")), [text]);
    }
}

#[test]
fn an_element_over_the_limit_leaves_its_neighbours_alone() {
    let large = r#"{"mapping": {"a": {"b": "................................"}}, "title": "t"}"#;
    let (found, end) = scan_within(&format!("[1,{large},[2]]"), 40);
    assert_eq!(end, End::Complete);
    let texts: Vec<_> = found.iter().map(|it| (it.text.as_str(), it.whole)).collect();
    assert_eq!(texts, [("1", true), (r#"{"mapping": {}, "title": "t"}"#, false), ("[2]", true)]);
}

#[test]
fn dropped_containers_do_not_count_towards_the_limit() {
    let text = message(&format!(r#"{{"x": [{}]}}"#, "1,".repeat(1000)));
    let kept = message(r#"{"x": }"#).len();
    let (found, _) = scan_within(&format!("[{text}]"), kept);
    assert!(found[0].whole);
    let (found, _) = scan_within(&format!("[{text}]"), kept - 1);
    assert!(!found[0].whole);
}

#[test]
fn replacements_do_not_count_towards_the_limit() {
    let text = r#"{"plugin_ids": [], "safe_urls": {}, "mapping": {}}"#;
    let (found, _) = scan_within(&format!("[{text}]"), text.len());
    assert_eq!(found[0].text, r#"{"plugin_ids": null, "safe_urls": null, "mapping": {}}"#);
    assert!(found[0].whole);
}

#[test]
fn depth_is_unlimited() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let (found, end) = scan_by(format!("[{deep},1]").as_bytes(), 4097, Level::best(), ELEMENT_LIMIT);
    assert_eq!((found.len(), end), (2, End::Complete));
    assert_eq!(found[0].text.len(), 400_000);
}

#[test]
fn a_large_object_around_the_list_is_not_kept() {
    let filler = r#""k": "vvvvvvvvvvvvvvvv", "o": {"x": [1]}, "#.repeat(5000);
    let text =
        format!(r#"{{"conversations": [1], {filler} "conversations": [2], {filler} "conversations": [3]}}"#);
    for feed in [7, 4097, usize::MAX] {
        let (found, end) = scan_by(text.as_bytes(), feed, Level::best(), 100);
        assert_eq!(found.iter().map(|it| it.text.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
        assert_eq!(end, End::Complete);
    }
}

/// `value` after pruning.
fn pruned(value: &Value) -> Value {
    let null_if = |value: &Value, drop: bool| {
        if drop && (value.is_object() || value.is_array()) { Value::Null } else { value.clone() }
    };
    let mut value = value.clone();
    let Some(conversation) = value.as_object_mut() else { return value };
    for (key, value) in conversation.iter_mut() {
        *value = null_if(value, crate::format::unread::DROPPED.contains(&key.as_bytes()));
    }
    let nodes = conversation.get_mut("mapping").and_then(Value::as_object_mut);
    for node in nodes.into_iter().flat_map(|nodes| nodes.values_mut()) {
        let Some(metadata) = node.pointer_mut("/message/metadata") else { continue };
        // Pointers traverse arrays, pruning doesn't.
        let Some(metadata) = metadata.as_object_mut() else { continue };
        for (key, value) in metadata.iter_mut() {
            *value = null_if(value, !crate::format::unread::KEPT_METADATA.contains(&key.as_bytes()));
        }
    }
    value
}

fn key() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "mapping",
        "message",
        "metadata",
        "citations",
        "canvas",
        "plugin_ids",
        "safe_urls",
        "x",
        "",
        "a b",
        "{",
        "}]",
        "a very long key that is longer than any key that is known to us",
    ])
    .prop_map(String::from)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        Just(Value::Bool(true)),
        (-5_i32..5).prop_map(Value::from),
        "[\"\\\\{}\\[\\],:a-c \n\u{e9}]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 60, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// A conversation with arbitrary metadata and other parts.
fn conversation() -> impl Strategy<Value = Value> {
    (value(), value(), value(), value()).prop_map(|(metadata, other, list, node)| {
        serde_json::json!({
            "plugin_ids": list, "voice": other,
            "mapping": { "n": { "message": { "metadata": metadata, "content": other }, "children": [] }, "m": node },
            "title": "x",
        })
    })
}

proptest! {
    #[test]
    fn any_list_is_split_as_serde_splits_it(
        list in prop::collection::vec(prop_oneof![value(), conversation()], 0..5),
        pretty in any::<bool>(),
        wrapped in any::<bool>(),
    ) {
        let write = |value: &Value| if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) }.unwrap();
        let text = if wrapped { write(&serde_json::json!({ "conversations": list, "a": 1, "z": [1] })) } else { write(&Value::from(list.clone())) };
        let expected = scan_by(text.as_bytes(), usize::MAX, Level::PORTABLE, ELEMENT_LIMIT);
        prop_assert_eq!(expected.1, End::Complete);
        prop_assert_eq!(expected.0.len(), list.len());
        for (found, value) in expected.0.iter().zip(&list) {
            let raw = &text[found.start as usize..found.end as usize];
            prop_assert_eq!(&serde_json::from_str::<Value>(raw).unwrap(), value);
            prop_assert_eq!(serde_json::from_str::<Value>(&found.text).unwrap(), pruned(value));
        }
        for level in Level::available() {
            for feed in [1, 7, 63, 64, 65, 4097] {
                prop_assert_eq!(&scan_by(text.as_bytes(), feed, level, ELEMENT_LIMIT), &expected, "{:?} {}", level, feed);
            }
        }
    }

    #[test]
    fn any_bytes_are_scanned_alike_at_every_level_and_feed_size(
        bytes in prop::collection::vec(prop::sample::select(b"[{}],:\"\\ 1a".to_vec()), 0..200),
        start in prop::sample::select(vec!["", "[", "[{\"mapping\":{\"n\":{\"message\":{\"metadata\":{\"x\":[", "{\"conversations\":[", "{\"mapping\":"]),
        limit in prop::sample::select(vec![5, 30, 1000]),
    ) {
        let text = [start.as_bytes(), &bytes].concat();
        let expected = scan_by(&text, usize::MAX, Level::PORTABLE, limit);
        for level in Level::available() {
            for feed in [1, 7, 63, 64, 65, 4097] {
                prop_assert_eq!(&scan_by(&text, feed, level, limit), &expected, "{:?} {}", level, feed);
            }
        }
    }

    #[test]
    fn balanced_damage_never_reaches_the_neighbours(
        inner in prop::collection::vec(prop::sample::select(b"a1,:.-ntf \\".to_vec()), 0..40),
    ) {
        let inner = String::from_utf8(inner).unwrap();
        let text = format!("[{{\"a\":1}},{{{inner}[{inner}]}},{{\"b\":2}}]");
        let (found, end) = scan(&text);
        prop_assert_eq!(end, End::Complete);
        prop_assert_eq!(found.len(), 3);
        prop_assert_eq!(&found[0].text, "{\"a\":1}");
        prop_assert_eq!(&found[2].text, "{\"b\":2}");
    }
}
