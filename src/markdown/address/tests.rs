use super::*;

fn linked(label: &'static str, url: &'static str) -> String {
    let mut out = String::new();
    external(label, url, &mut out);
    out
}

#[test]
fn names_are_encoded_down_to_unreserved_characters() {
    assert_eq!(encode_path_segment("my cat (1)#é.png"), "my%20cat%20%281%29%23%C3%A9.png");
    assert_eq!(encode_path_segment("a-b._~Z9"), "a-b._~Z9");
    assert!(
        ["", "a-b._~Z9", "my cat (1)#é.png"]
            .iter()
            .all(|name| encoded_len(name) == encode_path_segment(name).len())
    );
}

#[test]
fn an_address_can_not_end_its_link() {
    assert_eq!(linked("a", "https://x.example/a(b)c"), "[a](https://x.example/a(b)c)");
    assert_eq!(linked("a", "https://x.example/a)b"), "[a](https://x.example/a%29b)");
    assert_eq!(linked("a]", " https://x.example/<a b>\n\\"), "[a\\]](https://x.example/%3Ca%20b%3E%0A%5C)");
    assert_eq!(linked("a", "https://x.example/?a&copy;b&c=d"), "[a](https://x.example/?a\\&copy;b&c=d)");
}

#[test]
fn a_link_without_label_has_its_host_and_one_without_address_is_text() {
    assert_eq!(linked("", "https://www.x.example/a?b"), "[x.example](https://www.x.example/a?b)");
    assert_eq!(linked("Pond Net 3", ""), "Pond Net 3");
}

#[test]
fn only_the_web_and_mailboxes_become_links() {
    for (label, url, expected) in [
        ("A", "HTTPS://a.example/", "[A](HTTPS://a.example/)"),
        ("A", "mailto:a@b.example", "[A](mailto:a@b.example)"),
        ("Run [it]", "javascript:alert(`1`)", "Run \\[it\\] ``javascript:alert(`1`)``"),
        ("", "javascript:alert(1)", "`javascript:alert(1)`"),
        ("x.example", "ftp://x.example/a", "`ftp://x.example/a`"),
        ("Files", "ftp://x.example/a", "Files `ftp://x.example/a`"),
        ("file:///etc/passwd", "file:///etc/passwd", "`file:///etc/passwd`"),
        ("Page", "www.x.example", "Page `www.x.example`"),
        ("", "data:text/html,<b>\nx", "`data:text/html,<b> x`"),
    ] {
        assert_eq!(linked(label, url), expected, "{label:?} {url:?}");
    }
}

#[test]
fn a_host_has_neither_www_nor_user() {
    assert_eq!(host("https://www.winter.example/newts?x#y"), "winter.example");
    assert_eq!(host("https://user@a.example:80"), "a.example:80");
    assert_eq!(host("a.example/x"), "a.example");
}
