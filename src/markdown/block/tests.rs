use super::*;

/// The text after its edits.
fn edited(text: &str, voice: Voice) -> String {
    let mut out = String::new();
    let mut done = 0;
    for edit in structure(text, voice, Regions::Unwanted).edits {
        out.push_str(&text[done.min(edit.at)..edit.at]);
        match edit.insert {
            Insert::Text(insert) => out.push_str(&insert),
            Insert::Marked(level) => out.push_str(&"#".repeat(2.min(6 - level))),
            Insert::Underlined(level) => {
                out.push_str(&"#".repeat(level + 2));
                out.push(' ');
            }
        }
        done = edit.at + edit.remove;
    }
    out + &text[done..]
}

#[track_caller]
fn markdown_becomes(text: &str, expected: &str) {
    assert_eq!(edited(text, Voice::Markdown), expected, "{text:?}");
}

#[track_caller]
fn plain_becomes(text: &str, expected: &str) {
    assert_eq!(edited(text, Voice::Plain), expected, "{text:?}");
}

#[test]
fn headings_move_down_two_levels_and_six_at_most() {
    markdown_becomes(
        "# a\n## b\n### c\n#### d\n##### e\n###### f\n####### g\n#h",
        "### a\n#### b\n##### c\n###### d\n###### e\n###### f\n####### g\n#h",
    );
}

#[test]
fn headings_in_quotes_and_lists_move_too() {
    markdown_becomes("> # a\n- # b\n  # c\n\n  > 1. ## d", "> ### a\n- ### b\n  ### c\n\n  > 1. #### d");
}

#[test]
fn underlined_headings_become_marked_ones() {
    markdown_becomes("a\n===\nb\n---", "### a\n#### b");
    markdown_becomes("a\n  b\nc\n===\n", "### a b c\n");
    markdown_becomes("a #\n===", "### a \\#");
    markdown_becomes("> a\n> b\n> ---", "> #### a b");
}

#[test]
fn dashes_under_a_table_stay_dashes() {
    markdown_becomes("| a |\n|---|\n| 1 |\n---", "| a |\n|---|\n| 1 |\n\n---");
}

#[test]
fn a_users_headings_are_escaped() {
    plain_becomes("# a\n####### b\nc\n===\nd\n---\n#e", "\\# a\n####### b\nc\n\\===\nd\n\\---\n#e");
}

#[test]
fn code_is_never_changed() {
    for text in ["```\n# a\nb\n===\n```", "~~~ x\n# a\n~~~", "    # a", "- ```\n  # a\n  ```", "> ```\n> # a"]
    {
        markdown_becomes(text, text);
        plain_becomes(text, text);
    }
}

#[test]
fn a_fence_ends_with_its_container() {
    markdown_becomes("- ```\n# a", "- ```\n### a");
    markdown_becomes("> ```\n# a", "> ```\n### a");
}

#[test]
fn only_a_fence_outside_containers_is_left_open() {
    let open = |text| structure(text, Voice::Markdown, Regions::Unwanted).open_fence;
    assert_eq!(open("````x\n```"), Some(('`', 4)));
    assert_eq!(open("~~~\n```"), Some(('~', 3)));
    assert_eq!(open("```\n```"), None);
    assert_eq!(open("> ```"), None);
    assert_eq!(open("- ```\n  a"), None);
}

#[test]
fn html_that_blank_lines_do_not_end_is_shown_as_text() {
    markdown_becomes(
        "<!-- a\n\n<?b\n\n<!C\n\n<pre>\n\n<Script x>",
        "\\<!-- a\n\n\\<?b\n\n\\<!C\n\n\\<pre>\n\n\\<Script x>",
    );
    markdown_becomes("<b>a</b>\n\n<div>\ntext\n</div>", "<b>a</b>\n\n<div>\ntext\n</div>");
}

#[test]
fn a_block_after_a_tag_begins_after_a_blank_line() {
    markdown_becomes("<div>\n# a", "<div>\n\n### a");
    markdown_becomes("<div>\n```\n# a", "<div>\n\n```\n# a");
}

#[test]
fn definitions_are_text() {
    plain_becomes("[a]: /url\n\n[^1]: b", "\\[a]: /url\n\n\\[^1]: b");
    markdown_becomes("- [a]: /url\n\n> [^1]: b", "- \\[a]: /url\n\n> \\[^1]: b");
    markdown_becomes("[a](/url): b", "[a](/url): b");
}

#[test]
fn dashes_before_text_cannot_begin_a_metadata_block() {
    markdown_becomes("---\na", "---\n\na");
    markdown_becomes("---\n\na", "---\n\na");
    markdown_becomes("***\na", "***\na");
}

#[test]
fn markers_are_escaped_beyond_a_depth() {
    let text = "> ".repeat(MAX_DEPTH + 1) + "a";
    assert_eq!(edited(&text, Voice::Markdown), "> ".repeat(MAX_DEPTH) + "\\> a");
}

#[test]
fn the_list_at_the_end_is_known() {
    let list = |text| structure(text, Voice::Markdown, Regions::Unwanted).list;
    assert_eq!(list("- a\n  * b"), Some('-'));
    assert_eq!(list("1) a\n\n"), Some(')'));
    assert_eq!(list("- a\n\nb"), None);
}

#[test]
fn regions_have_kinds_and_positions() {
    let text = "a\n\n```\nb\n```\n    c\n<div>\n> d";
    let regions = structure(text, Voice::Markdown, Regions::Wanted).regions;
    let found: Vec<_> =
        regions.into_iter().map(|region| (&text[region.range], region.kind, region.container)).collect();
    let expected = [
        ("a", Kind::Inline, 0),
        ("b\n", Kind::Fenced, 0),
        ("c", Kind::Indented, 0),
        ("<div>", Kind::Html, 0),
        ("d", Kind::Inline, 1),
    ];
    assert_eq!(found, expected);
}

#[test]
fn lists_stay_tight() {
    for text in [
        "a:\n\n1. b\n2. c\n3. d",
        "1. a\n   - b\n   - c\n2. d\n   lazy\nlazy\n3. e",
        "- a\n-\n- b\n* c",
        "- <b>a</b>\n- b\n- <i>c</i>\n\nd",
        "> 1. a\n> 2. b",
        "1986. A year\n1987. Another",
    ] {
        markdown_becomes(text, text);
        plain_becomes(text, text);
    }
}

proptest::proptest! {
    #[test]
    fn a_fence_ends_at_the_first_line_that_can_close_it(inside in "(\n|[`~ \tx]|   ```){0,12}") {
        let text = format!("```\n{inside}");
        let ends = |line: &&str| {
            let marks = line.trim_start_matches(' ');
            let rest = marks.trim_start_matches('`');
            line.len() - marks.len() < 4 && marks.len() - rest.len() >= 3 && rest.trim_matches([' ', '\t']).is_empty()
        };
        let before = inside.split('\n').take_while(|line| !ends(line));
        let length = before.map(|line| line.len() + 1).sum::<usize>();
        let regions = structure(&text, Voice::Markdown, Regions::Wanted).regions;
        proptest::prop_assert_eq!(regions[0].range.clone(), 4..text.len().min(4 + length));
    }
}
