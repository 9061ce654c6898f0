use super::*;

fn guarded(text: &str, voice: Voice) -> String {
    let mut out = String::new();
    let mut frame = TextFrame { voice, headings: Headings::Shift, shift: 0, notes: &mut 0 };
    guard(text, Hints::of(text), &mut frame, &mut out);
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
fn an_address_in_angle_brackets_is_a_link_wherever_it_is() {
    for text in [
        "<https://x.example/?a=b#c>",
        "a\n<https://x.example/>\nb",
        "- <mailto:ada@x.example>\n\n> <ada@x.example> says",
        "<https://x.example/> <b>bold</b>",
    ] {
        becomes(text, text);
    }
    becomes("<https:x y>", "&lt;https:x y>");
    becomes("<a:b\"c>", "&lt;a:b\"c>");
    becomes("<https://x.example/", "&lt;https://x.example/");
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
    becomes("\\`<details>`", "\\`\\<details>`");
}

#[test]
fn tags_that_swallow_what_follows_are_shown() {
    becomes("a <script>x</script> <b>", "a \\<script>x\\</script> <b>\n\n</b>");
    becomes("<div><style>", "<div>&lt;style>\n\n</div>");
    becomes("the `<script>` tag and a \\<pre>", "the `<script>` tag and a \\<pre>");
}

/// What an answer becomes on a page that has two footnotes already.
#[track_caller]
fn answer_becomes(text: &str, expected: &str) {
    let mut out = String::new();
    let mut frame = TextFrame { voice: Voice::Markdown, headings: Headings::Shift, shift: 0, notes: &mut 2 };
    guard(text, Hints::of(text), &mut frame, &mut out);
    assert_eq!(out, expected, "{text:?}");
}

#[test]
fn elements_that_a_text_leaves_open_are_closed_at_its_end() {
    becomes("<table><tr><td>\n\n**cell**", "<table><tr><td>\n\n**cell**\n\n</td>\n</tr>\n</table>");
    becomes("<div align=\"center\">\n\na <b>b", "<div align=\"center\">\n\na <b>b\n\n</b>\n</div>");
    becomes("<div><i>a</div>", "<div><i>a</div>\n\n</i>");
    becomes("<div><span>a</div><br><ul><li>b</ul>", "<div><span>a</div><br><ul><li>b</ul>");
    becomes("<div><table></div>", "<div><table></div>\n\n</table>\n</div>");
    becomes("a </b> b", "a </b> b");
}

#[test]
fn elements_that_a_list_or_quote_leaves_open_end_with_it() {
    becomes("- a <b>b\n- c", "- a <b>b</b>\n- c");
    becomes("> <div>\n> a\n\nb", "> &lt;div>\n> a\n\nb");
    becomes(
        "- <details>\n  <summary>a</summary>\n\n  b\n\n  </details>",
        "- <details>\n  <summary>a</summary>\n\n  b\n\n  </details>",
    );
}

#[test]
fn tags_of_no_element_that_nothing_closes_are_words() {
    becomes("Use <String> or <foo>a</foo>", "Use \\<String> or <foo>a</foo>");
    becomes("Vec<String> is a type", "Vec<String> is a type");
}

#[test]
fn markup_that_is_cut_off_is_shown() {
    becomes("<div class=\"a\nb", "&lt;div class=\"a\nb");
    becomes("<div>\n<!-- a", "<div>\n\n\\<!-- a\n\n</div>");
    becomes("a <!-- b --> c --> <!-- d", "a <!-- b --> c --> <!-- d");
    becomes("a <?php b?>", "a \\<?php b?>");
}

#[test]
fn the_highest_heading_of_a_text_moves_to_level_three_and_the_others_with_it() {
    answer_becomes("### a\n#### b", "### a\n#### b");
    answer_becomes("## a\n#### b\n###### c", "### a\n##### b\n###### c");
    answer_becomes("b\n---\n# a", "#### b\n### a");
    assert_eq!(["# a", "a\n=", "x # y", "### a", "- ## a"].map(highest_heading), [1, 1, 0, 0, 2]);
}

#[test]
fn links_are_written_out_where_their_definitions_are_named() {
    answer_becomes(
        "See [the first page][1], [it][], [It] and [other][2].\n\n[1]: https://first.example/\n[it]: <https://it.example/> 'T'\n",
        "See [the first page](https://first.example/), [it](https://it.example/ 'T'), [It](https://it.example/ 'T') and \
         [other][2].\n\n",
    );
    answer_becomes(
        "`[1]` [a](b) \\[1]\n\n[1]: https://x.example/\nc",
        "`[1]` [a](b) \\[1]\n\n\\[1]: https://x.example/\n\nc",
    );
}

#[test]
fn footnotes_are_numbered_through_the_page() {
    answer_becomes(
        "A[^1] b[^x] c[^1].\n\n[^x]: Note.\n[^1]: First.",
        "A[^3] b[^4] c[^3].\n\n[^4]: Note.\n\n[^3]: First.",
    );
    answer_becomes("A[^1] [^-x]\n\n[^2]: Unused.", "A\\[^1] [^-x]\n\n\\[^2]: Unused.");
}
