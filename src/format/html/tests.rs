use super::*;
use crate::format::scan::{Body, ELEMENT_LIMIT, End, Scanner};
use proptest::prelude::*;

/// An element: its text, and what its offsets give in the file.
type Found = (String, Option<String>);

/// Extracts and scans, and reads each element again from the file by its offsets.
fn extract_by(html: &str, feed: usize) -> (Vec<Found>, Option<End>, Extracted) {
    let mut extract = HtmlExtract::new();
    let mut scanner = Scanner::new(ELEMENT_LIMIT);
    let mut found = Vec::new();
    for bytes in html.as_bytes().chunks(feed) {
        extract.feed(bytes, &mut |extract, json| {
            scanner.feed(json, &mut |element| {
                let Body::Whole(body) = element.body else { panic!("small") };
                let (start, end) =
                    (extract.offset_in_file(element.start), extract.offset_in_file(element.end));
                let again = start.zip(end).map(|(start, end)| {
                    let raw = &html.as_bytes()[start as usize..end as usize];
                    assert_eq!(is_encoded(raw), raw.contains(&b'&') && extract.uses_entities());
                    let raw = if extract.uses_entities() { decode_entities(raw) } else { raw.to_vec() };
                    String::from_utf8(raw).unwrap()
                });
                found.push((String::from_utf8_lossy(&body).into_owned(), again));
            });
        });
    }
    let extracted = extract.finish();
    let end = extracted.found.then(|| scanner.finish(&mut |_| ()));
    (found, end, extracted)
}

/// What is extracted, the same at every feed size.
fn extract(html: &str) -> (Vec<Found>, Option<End>, Extracted) {
    let whole = extract_by(html, usize::MAX);
    for feed in [1, 2, 7, 63, 64, 65] {
        assert_eq!(extract_by(html, feed), whole, "fed by {feed}");
    }
    whole
}

fn same(texts: &[&str]) -> Vec<Found> {
    texts.iter().map(|text| ((*text).to_owned(), Some((*text).to_owned()))).collect()
}

fn encode(json: &str) -> String {
    json.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('\'', "&#39;")
}

const FIRST: &str = r#"{"title": "a </script> ]} \" b", "x": [[], "jsonData = [1]"]}"#;
const SECOND: &str = r#"{"b": "\\", "c": "it's &amp; <3"}"#;

#[test]
fn conversations_and_assets_are_found() {
    let html = format!(
        "<html><script>\nvar jsonData = [{FIRST}, {SECOND}];\nvar assetsJson = {{\"file-1\": \"a]}}.png\"}};\nf(jsonData)</script>"
    );
    let (found, end, extracted) = extract(&html);
    assert_eq!(found, same(&[FIRST, SECOND]));
    assert_eq!(end, Some(End::Complete));
    let assets = Some(br#"{"file-1": "a]}.png"}"#.to_vec());
    assert_eq!(extracted, Extracted { found: true, complete: true, assets });
}

#[test]
fn what_is_written_with_entities_is_decoded() {
    let (first, second) = (encode(FIRST), encode(SECOND));
    for (before, after) in
        [("[", "]"), ("[ ", " ]"), ("{&quot;conversations&quot;: [", "], &quot;a&quot;: [[2]]}")]
    {
        let html =
            format!("var jsonData={before}{first} , {second}{after}; var assetsJson={{&quot;a&quot;:1}}");
        let (found, end, extracted) = extract(&html);
        assert_eq!(found, same(&[FIRST, SECOND]), "{before}");
        assert_eq!(end, Some(End::Complete));
        assert_eq!(extracted.assets, Some(br#"{"a":1}"#.to_vec()));
    }
}

#[test]
fn a_bracket_that_is_an_entity_leaves_its_place_unknown() {
    let (found, end, _) = extract("var jsonData = [&#123;&quot;a&quot;: 1}, {&quot;b&quot;: 2}];");
    let [first, second] = [r#"{"a": 1}"#, r#"{"b": 2}"#].map(str::to_owned);
    assert_eq!(found, [(first, None), (second.clone(), Some(second))]);
    assert_eq!(end, Some(End::Complete));
}

#[test]
fn one_conversation_instead_of_a_list_is_found() {
    let text = r#"{"mapping": {"a": {"b": ["c"]}}, "list": [{"d": 1}]}"#;
    for html in [format!("var jsonData = {text};"), format!("var jsonData = {};", encode(text))] {
        assert_eq!(extract(&html).0, same(&[text]));
    }
}

#[test]
fn names_alone_are_no_values() {
    for html in [
        "", "jsonData", "jsonData = ", "jsonData == [1]", "jsonData = null", "json Data = [1]",
        "f(jsonData)[1]",
    ] {
        let (found, _, extracted) = extract(html);
        assert_eq!((found, extracted.found), (vec![], false), "{html}");
    }
    assert_eq!(extract("jsonjsonData = null; jsonData\n=\n[{}]").0, same(&["{}"]));
}

#[test]
fn what_breaks_off_is_told() {
    let (found, end, extracted) = extract(&format!("var jsonData = [{FIRST}, {{\"b\": \"c"));
    assert_eq!(found, same(&[FIRST]));
    assert!(matches!(end, Some(End::Damaged { .. })));
    assert!(!extracted.complete);
    let (_, _, extracted) = extract("var jsonData = []; var assetsJson = {\"a\": ");
    assert_eq!((extracted.complete, extracted.assets), (false, None));
}

#[test]
fn invalid_entities_are_kept() {
    for (raw, decoded) in [
        ("&quot;&#34;&#x22;&apos;&#X27;", "\"\"\"''"),
        (
            "&amp;lt; && &foo; &; &#xZ; &#1114112; &abcdefghijklm; &quot",
            "&lt; && &foo; &; &#xZ; &#1114112; &abcdefghijklm; &quot",
        ),
        ("&#233;&nbsp;&#x1F600;", "é\u{A0}😀"),
    ] {
        assert_eq!(String::from_utf8(decode_entities(raw.as_bytes())).unwrap(), decoded);
    }
}

#[test]
fn the_asset_table_is_read_from_a_file() {
    let html = b"<p>assetsJson</p> var jsonData = [\"assetsJson = {}\"]; var assetsJson = {\"a\": \"b\"};";
    let table = |html: &[u8]| {
        let mut extract = HtmlExtract::new();
        extract.feed(html, &mut |_, _| ());
        extract.finish().assets
    };
    assert_eq!(table(html), Some(br#"{"a": "b"}"#.to_vec()));
    assert_eq!(table(b"<p>nothing</p>"), None);
}

proptest! {
    #[test]
    fn any_conversations_come_back(texts in prop::collection::vec("[a&;\"\\\\<>'{}\\[\\] é]{0,20}", 0..5), entities in any::<bool>()) {
        let elements: Vec<String> = texts.iter().map(|text| serde_json::json!({ "t": text, "l": [[text]] }).to_string()).collect();
        let list = format!("[{}]", elements.join(","));
        // The first string shows how it is written, so there must be one.
        let html = format!("var jsonData = {};", if entities { encode(&list) } else { list });
        let (found, end, _) = extract(&html);
        prop_assert_eq!(found, same(&elements.iter().map(String::as_str).collect::<Vec<_>>()));
        prop_assert_eq!(end, Some(End::Complete));
    }
}
