use super::*;

fn cleaned(text: &str) -> Cow<'_, str> {
    let hints = Hints::of(text);
    match without_placeholder(text, hints) {
        Cow::Borrowed(text) => clean(text, hints),
        Cow::Owned(text) => Cow::Owned(clean(&text, hints).into_owned()),
    }
}

#[test]
fn line_ends_are_unified_and_controls_removed() {
    assert_eq!(cleaned("a\r\nb\rc\td\u{7}\u{7f}\u{9b}\u{fdd0}\u{202e}e\0"), "a\nb\nc\td\u{fffd}\u{202e}e");
    for text in ["plain\n\ttext", "«café», ，中文 \u{a0}"] {
        assert!(matches!(cleaned(text), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn labels_are_words_on_one_line() {
    for (text, expected) in [
        ("my_cat 2.png", "my_cat 2.png"),
        ("a]b[c`d<e*f\\g", "a\\]b\\[c\\`d\\<e\\*f\\\\g"),
        ("_a_ b_c", "\\_a\\_ b_c"),
        (" a\r\n\tb\u{202e}\u{0}c ", "a b c"),
        ("AT&T &amp; &#35;x &", "AT&T \\&amp; \\&#35;x &"),
        ("C# #", "C# \\#"),
        ("##", "\\##"),
        ("\u{fdd0}", "\u{fffd}"),
    ] {
        assert_eq!(label(text), expected, "{text:?}");
    }
}

#[test]
fn trimming_keeps_the_indent_of_the_first_line() {
    assert_eq!(trim_block("\n  \n    a\n  b \n\n"), "    a\n  b");
    assert_eq!(trim_block(" \n "), "");
}

proptest::proptest! {
    #[test]
    fn what_is_passed_through_is_what_the_words_would_be(text in "[ a-z_&<>\\[#\t\u{7f}\u{a0}é\u{200e}]{0,8}") {
        proptest::prop_assert_eq!(one_line(&text), joined_words(&text));
        let special = |c: char| r"\[]`<*_&#".contains(c);
        if !joined_words(&text).contains(special) {
            proptest::prop_assert_eq!(label(&text), joined_words(&text));
        }
        let html_of_words = joined_words(&text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        proptest::prop_assert_eq!(html(&text), html_of_words);
    }
}

#[test]
fn brackets_of_a_sentence_are_escaped_only_where_they_would_be_a_link() {
    for (text, expected) in [
        ("[y] and [0, 1) or (1, 2]", "[y] and [0, 1) or (1, 2]"),
        ("a [b [c] d] e", "a [b [c] d] e"),
        ("[a](b) [c][d] [e]: f", "\\[a\\](b) \\[c\\][d] \\[e\\]: f"),
        ("[x] task, [^1] and [[note]]", "\\[x] task, \\[^1] and \\[[note]]"),
        ("a] b [c", "a\\] b \\[c"),
        ("[a*b]", "[a\\*b]"),
        ("é [ü] 👋", "é [ü] 👋"),
        ("no *brackets*", "no \\*brackets\\*"),
    ] {
        assert_eq!(sentence(text), expected, "{text:?}");
    }
}
