use super::*;

fn cleaned(text: &str) -> Cow<'_, str> {
    let hints = Hints::of(text);
    match without_stem(text, hints) {
        Cow::Borrowed(text) => clean(text, hints),
        Cow::Owned(text) => Cow::Owned(clean(&text, hints).into_owned()),
    }
}

fn guarded(text: &str, voice: Voice) -> String {
    let mut out = String::new();
    guard(text, Hints::of(text), voice, Headings::Shift, &mut out);
    out
}

#[track_caller]
fn becomes(text: &str, expected: &str) {
    assert_eq!(guarded(text, Voice::Markdown), expected, "{text:?}");
    assert_eq!(guarded(text, Voice::Plain), expected, "{text:?}");
}

#[test]
fn line_ends_are_unified_and_controls_removed() {
    assert_eq!(cleaned("a\r\nb\rc\td\u{7}\u{7f}\u{9b}\u{fdd0}\u{202e}e\0"), "a\nb\nc\td\u{fffd}\u{202e}e");
    for text in ["plain\n\ttext", "«café», ，中文 \u{a0}"] {
        assert!(matches!(cleaned(text), Cow::Borrowed(same) if same == text));
    }
}

#[test]
fn ordinary_text_stays_as_it_is() {
    for text in [
        "line 1\nline 2 <b>tag</b> # not a heading",
        "#hashtag, C# and a*b*c",
        "- a\n- b\n\n1. c\n   ```sh\n   # d\n   ```\n2. e",
        "| a | b |\n|---|---|\n| 1<br>2 | `<details>` |",
        "a < b && c > d, <https://x.example/>",
        "\\(x^2\\) and $$y$$",
        "***\n\n**bold** _it_ ~~no~~ [a](b) ![c](d)",
        "> quote\nlazy\n\n> more",
    ] {
        becomes(text, text);
    }
}

#[test]
fn open_fences_are_closed() {
    becomes("```\na", "```\na\n```");
    becomes("~~~~~\n~~~\n", "~~~~~\n~~~\n~~~~~");
}

#[test]
fn open_details_are_closed_and_stray_ends_shown() {
    becomes("<details>\n<summary>a</summary>\n\nb", "<details>\n<summary>a</summary>\n\nb\n\n</details>");
    becomes("<details>\n\n<DETAILS open>\n\na", "<details>\n\n<DETAILS open>\n\na\n\n</details>\n</details>");
    becomes("<details>\n\na\n\n</details>", "<details>\n\na\n\n</details>");
    becomes("a</details>", "a\\</details>");
    becomes("> <details>", "> &lt;details>");
    becomes("`<details>` ``a ` </details>``", "`<details>` ``a ` </details>``");
    becomes("```\n<details>\n```", "```\n<details>\n```");
    becomes("\\`<details>`", "\\`<details>`\n\n</details>");
}

#[test]
fn tags_that_swallow_what_follows_are_shown() {
    becomes("a <script>x</script> <b>", "a \\<script>x\\</script> <b>");
    becomes("<div><style>", "<div>&lt;style>");
    becomes("the `<script>` tag and a \\<pre>", "the `<script>` tag and a \\<pre>");
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
fn nothing_closes_a_fence_that_we_write() {
    let mut out = String::new();
    fence("c++", "a ```` b\n``\n\n", &mut out);
    assert_eq!(out, "`````c++\na ```` b\n``\n`````");
    out.clear();
    fence("", "", &mut out);
    assert_eq!(out, "```\n```");
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
