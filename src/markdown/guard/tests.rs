use super::*;

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
