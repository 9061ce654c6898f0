//! Forms of the language that meet one another: in tables, lists and quotes, in the middle of lines, cut off.

use super::{check, shown};

#[test]
fn a_function_among_the_statements_is_no_state() {
    let source = "{@body\nconst a = 1;\nconst f = (x) => { return x > 1 ? \"}\" : `${x}`; };\n}\n<box>{a} {f(a)}</box>";
    let fold = "<details>\n<summary>Source of the interactive part</summary>\n\n```jsx\n{@body\nconst a = 1;\n\
                const f = (x) => { return x > 1 ? \"}\" : `${x}`; };\n}\n```\n\n</details>";
    check(&[(source, &format!("1 `f(a)`\n\n{fold}"))]);
    for body in ["let g = (a)", "const [x] = (y)", "const h = ", "var i = [(1)]"] {
        let shown = shown(&format!("{{@body {body}}}\n<badge>b</badge>"));
        assert!(shown.starts_with("**b**"), "{body}: {shown}");
    }
}

#[test]
fn what_is_cut_off_is_closed_wherever_it_is() {
    check(&[
        ("<table><table-row><table-cell>a</table-cell><table-cell>b", "|  |  |\n|---|---|\n| a | b |"),
        (
            "See <table><table-row header><table-cell>a</table-cell></table-row><table-row><table-cell>b",
            "See\n\n| a |\n|---|\n| b |",
        ),
        ("<box>a <card>b</box> c", "a\n\nb\n\nc"),
        ("<box><text strong>a <card>b</box> c", "**a**\n\n**b**\n\nc"),
        ("<list><list-item>a <row>b", "- a\n\n  b"),
    ]);
}

#[test]
fn what_closes_nothing_leaves_nothing() {
    check(&[
        ("<badge>x</badge> a </box> b {/if} c {:else} d {/each}.", "**x** a b c d."),
        ("<badge>x</badge>\n\na\n</box>\nb\n\n{/if}\n\nc", "**x**\n\na\nb\n\nc"),
    ]);
}

#[test]
fn branches_that_were_seen_one_at_a_time_keep_their_words_apart() {
    let state = "{@body const [t, set] = DIL.useState(\"a\")}";
    for (source, expected) in [
        ("<box>{#if t===\"a\"}A{:else}B{/if}</box>", "A B"),
        (
            "<box>You took {#if t===\"a\"}tea{:else if t===\"b\"} milk {:else}**water**{/if}.</box>",
            "You took tea milk **water**.",
        ),
        ("<box>{#if t===\"a\"}<badge>x</badge>{:else}<badge>y</badge>{/if}</box>", "**x** **y**"),
        ("<box>{#if t===\"a\"}<Entity value=\"x\"/>{:else}<Entity value=\"y\"/>{/if}</box>", "x y"),
        ("<box>{#if t===\"a\"}\n- x\n{:else}\n- y\n{/if}</box>", "- x\n\n- y"),
        (
            "<box>{#if t===\"a\"}<button label=\"x\"/>{:else}<button>y</button>{/if}</box>",
            "*[Button: x]* *[Button: y]*",
        ),
    ] {
        let fold = format!(
            "<details>\n<summary>Source of the interactive part</summary>\n\n```jsx\n{state}\n```\n\n</details>"
        );
        check(&[(&format!("{state}\n{source}"), &format!("{expected}\n\n{fold}"))]);
    }
}

#[test]
fn an_expression_with_tags_keeps_its_words() {
    check(&[
        ("<box>{show && <text>Hi</text>}</box>", "`show && <text>Hi</text>`"),
        ("<box>a {show && <text>Hi</text>} b / c</box>", "a `show && <text>Hi</text>` b / c"),
        ("<box>{x && <Entity value={\"y\"}/>} / b</box>", "`x && <Entity value={\"y\"}/>` / b"),
        ("<box>{shown()}</box> <badge>b</badge>", "**b**"),
    ]);
}

#[test]
fn parts_of_a_column_are_apart_whatever_is_between() {
    check(&[
        ("<box><badge>a</badge><icon name=\"x\"/><badge>b</badge></box>", "**a**\n\n**b**"),
        ("<box><input label=\"a\"/><input/><input label=\"b\"/></box>", "*[Input: a]*\n\n*[Input: b]*"),
    ]);
}

#[test]
fn attributes_may_be_spread_into_a_tag() {
    check(&[
        ("<badge {...props} label=\"a\"/>", "**a**"),
        ("<box {...a} gap={1}>b</box>", "b"),
        ("{#each [{label:\"a\"},{label:\"b\"}] as item}<badge {...item}/>{/each}", "**a** **b**"),
        ("<badge {...{label:\"a\"}} label=\"b\"/>", "**b**"),
        ("<badge>a</badge> <badge {...pro", "**a**"),
        ("<badge {props}/>", "<badge {props}/>"),
    ]);
}

#[test]
fn a_tag_may_go_on_in_the_next_line_of_a_quote() {
    check(&[
        ("> a <Entity\n>   value=\"b\"\n> /> c", "> a b c"),
        ("> > a <Entity\n> > value=\"b\"/>", "> > a b"),
        ("a <Entity\n> value=\"b\"/>", "a <Entity\n> value=\"b\"/>"),
        ("> a <Entity\n>\n> value=\"b\"/>", "> a <Entity\n>\n> value=\"b\"/>"),
    ]);
}

#[test]
fn code_and_tables_in_a_cell_keep_their_words_on_its_line() {
    let cell = |body: &str| {
        format!(
            "<table><table-row header><table-cell>h</table-cell></table-row><table-row><table-cell>\n{body}\n</table-cell></table-row></table>"
        )
    };
    for (body, expected) in [
        ("a\n\n```py\nb|c\n  d\n\n```\n\ne", "a<br>`b\\|c`<br>`d`<br>e"),
        ("~~~\n# x\n~~~", "`# x`"),
        ("| a | b\\|c |\n|---|:-:|\n| d |  |\n\ne", "a · b\\|c<br>d<br>e"),
        ("a | b", "a \\| b"),
        ("<table><table-row><table-cell>a</table-cell></table-row></table>", "a"),
        ("# a\n\n- b\n- c", "**a**<br>- b<br>- c"),
    ] {
        check(&[(&cell(body), &format!("| h |\n|---|\n| {expected} |"))]);
    }
}

#[test]
fn a_table_may_begin_with_a_template() {
    check(&[(
        "<table>\n{#if 1<2}\n<table-row><table-cell>a</table-cell></table-row>\n{:else}\n\
         <table-row><table-cell>b</table-cell></table-row>\n{/if}\n</table>",
        "|  |\n|---|\n| a |",
    )]);
}

#[test]
fn an_empty_table_shows_its_label() {
    let label = "rows={[]} emptyLabel=\"none [yet]\"";
    check(&[
        (&format!("<table {label}/>"), "none [yet]"),
        (&format!("<table columns={{[{{key:\"a\",label:\"A\"}}]}} {label}/>"), "| A |\n|---|\n\nnone [yet]"),
        ("<table columns={[{key:\"a\"}]} rows={[{a:1}]} emptyLabel=\"none\"/>", "| a |\n|---|\n| 1 |"),
    ]);
}

#[test]
fn a_fence_in_a_nested_list_stays_in_it() {
    let list = "1. one\n   - two\n     ```sh\n     ls\n     ```\n   - three";
    let indented = list.replace('\n', "\n    ");
    check(&[
        (&format!("<box>\n    {indented}\n</box>"), list),
        (&format!("<box>\n{list}\n</box>"), list),
        ("<box>\n  a\n\n      ```\n      b\n      ```\n</box>", "a\n\n```\nb\n```"),
    ]);
}

#[test]
fn brackets_of_names_are_escaped_only_where_they_would_be_a_link() {
    check(&[
        ("<Entity value=\"[y]\"/> and <Entity value=\"[0, 1] = [a_b]\"/>", "[y] and [0, 1] = [a_b]"),
        ("<Entity value=\"[x](y)\"/>", "\\[x\\](y)"),
        ("a <Entity value=\"[x]\"/>(y)", "a \\[x\\](y)"),
        ("[a <Entity value=\"[x]\"/>](https://a.example/)", "[a [x]](https://a.example/)"),
        ("<list><list-item><Entity value=\"[x] y\"/></list-item></list>", "- \\[x] y"),
        ("<box>a <Entity value=\"[[x]]\"/> <Entity value=\"[^1]\"/></box>", "a \\[[x]] \\[^1]"),
        ("<Entity value=\"a] [b\"/>", "a\\] \\[b"),
        ("<badge label=\"[y]\"/> and <button label=\"[z]\"/>", "**[y]** and *[Button: [z]]*"),
        ("<escape>[\"a\"]</escape><badge>b</badge>", "[\"a\"]**b**"),
        ("<Link url=\"https://a.example/\" title=\"[x] y\"/>", "[\\[x\\] y](https://a.example/)"),
    ]);
}

#[test]
fn bodies_in_quotes_of_markdown_have_its_marks_once() {
    check(&[
        ("> <box>\n> a **b**\n>\n> - c\n> </box>\n> d", "> a **b**\n>\n> - c\n>\n> d"),
        ("> <CodeBlock language=\"sh\">\n> ls\n> </CodeBlock>", "> ```sh\n> ls\n> ```"),
        ("> <box>\n> ```\n> a\n> ```\n> </box>\n\nb", "> ```\n> a\n> ```\n\nb"),
        ("<box>\n> a\n</box>", "> a"),
    ]);
    let table = shown(
        "> <table><table-row header><table-cell>a</table-cell></table-row>\n> <table-row><table-cell>b</table-cell></table-row></table>",
    );
    assert_eq!(table.trim_end_matches(['>', '\n', ' ']), "> | a |\n> |---|\n> | b |");
}

#[test]
fn several_blocks_in_an_item_of_markdown_stay_in_it() {
    check(&[
        ("- a\n- <box><title>b</title><text>c</text></box>\n- d", "- a\n- **b**\n\n  c\n- d"),
        ("1. <box>a</box><box>b</box>", "1. a\n\n   b"),
        ("> <box>a<title>b</title></box>", "> a\n>\n> **b**"),
    ]);
}

#[test]
fn a_line_that_is_a_heading_stays_one() {
    check(&[
        ("## <title size=\"lg\">a</title>", "## **a**"),
        ("# <row><text>a</text><text>b</text></row>\n\nc", "# a · b\n\nc"),
        ("x\n### <caption size=\"sm\">a</caption>", "x\n### a"),
        ("a # <title size=\"lg\">b</title>", "a #\n\n**b**"),
    ]);
}

#[test]
fn drafts_written_as_directives_are_drafts_in_bodies_too() {
    let draft = ":::writing{variant=\"email\" id=\"33333\" subject=\"W [x]\"}\nDear *all*,\n\n- x {y}\n:::";
    let quoted = "> **Subject: W \\[x\\]**\n>\n> Dear *all*,\n>\n> - x {y}";
    check(&[
        (&format!("<box>\n{draft}\nafter\n</box>"), &format!("{quoted}\n\nafter")),
        (&format!("<box>\n  {}\n</box> z", draft.replace('\n', "\n  ")), &format!("{quoted}\n\nz")),
        ("<box>\n:::writing{subject=\"W\"}\nDear\n</box>\ntail", "> **Subject: W**\n>\n> Dear\n\ntail"),
        (
            "<list><list-item>\n:::writing{id=\"10003\"}\nDear\n:::\n</list-item></list>",
            "- > a *saved* draft",
        ),
        (
            "<table><table-row><table-cell>\n:::writing{subject=\"W\"}\nDear\n:::\n</table-cell></table-row></table>",
            "|  |\n|---|\n| **Subject: W**<br>Dear |",
        ),
        ("<box>\n:::writing\n</box>", ":::writing"),
    ]);
}

#[test]
fn a_block_after_words_in_an_item_or_quote_stays_there() {
    check(&[
        ("> a <box>b</box>\n> c", "> a\n>\n> b\n>\n> c"),
        ("> > a <box>b</box>\n> c", "> > a\n> >\n> > b\n> >\n> c"),
        ("> a <badge>b</badge> c<box>d</box><box>e</box>", "> a **b** c\n>\n> d\n>\n> e"),
        ("> <icon name=\"x\"/><box>a</box>\n> b", "> a\n>\n> b"),
        ("- a <box>b</box>\n- c", "- a\n\n  b\n- c"),
        ("- a\n  b <box>c</box>\n- d", "- a\n  b\n\n  c\n- d"),
        (
            "1. a <CodeBlock language=\"sh\">ls</CodeBlock> b\n2. c",
            "1. a\n\n   ```sh\n   ls\n   ```\n\n   b\n2. c",
        ),
        ("<box>\n- a <title>b</title> c\n- d\n</box>", "- a\n\n  **b**\n\n  c\n- d"),
        ("> # <title size=\"lg\">a</title>\n> b", "> # **a**\n> b"),
        ("a <box>b</box> c", "a\n\nb\n\nc"),
    ]);
    // Marks that are longer than this are not repeated for each line.
    let marks = "> ".repeat(40);
    check(&[(&format!("{marks}<box>a</box>"), &format!("{}\n\na", marks.trim_end()))]);
}

#[test]
fn what_follows_a_block_in_an_item_or_quote_is_parted_from_it() {
    check(&[
        ("> <box>a</box> b\n> c", "> a\n>\n> b\n> c"),
        ("> <box>a</box><badge>b</badge> c", "> a\n>\n> **b** c"),
        ("> <box>- a\n> - b</box> <box>c</box> <icon name=\"x\"/>\n> d", "> - a\n> - b\n>\n> c\n>\n> d"),
        ("> <box>a</box><Cite ref=\"none\"/>\n> b", "> a\n>\n> b"),
        (
            "> <box>a</box><Cite ref=\"turn0search0\"/>\n> b",
            "> a ([Tea Guild](https://tea.example/))\n>\n> b",
        ),
        ("- <title size=\"lg\">a</title> b\n  c\n- d", "- **a**\n\n  b\n  c\n- d"),
        ("- a\n  <box>b</box> c\n  d", "- a\n\n  b\n\n  c\n  d"),
    ]);
}

#[test]
fn components_in_a_quote_within_a_body_are_without_its_marks() {
    check(&[
        ("<box>\n> <row>\n> <text>a</text>\n> <text>b</text>\n> </row>\n> c\n</box>", "> a · b\n>\n> c"),
        ("<box>\n> <box>\n> a\n>\n> - b\n> </box>\n</box>", "> a\n>\n> - b"),
        (
            "<box>\n> <list>\n> <list-item>a</list-item>\n> <list-item>b\n> c</list-item>\n> </list>\n</box>",
            "> - a\n> - b\n>   c",
        ),
        ("<box>\n> <row>\n> ```\n> a\n> ```\n> </row>\n</box>", "> ```\n> a\n> ```"),
        ("<box>\n> a <Entity\n> value=\"b\"\n> /> c\n</box>", "> a b c"),
        ("> <box>\n> > <box>\n> > a\n> > b</box>\n> c\n> </box>", "> > a\n> > b\n> >\n> c"),
        ("> <box>\n> a\n<box>b\n> c</box>\n> </box>", "> a\n>\n> b\n> c"),
    ]);
}

#[test]
fn emphasis_and_code_beside_words_stay_what_they_are() {
    check(&[
        ("<code>a</code><code>b</code>`c` <badge/>`d`<code>e</code>", "`a` `b` `c` `d` `e`"),
        ("<bold>a</bold><bold>b</bold>**c** x<bold>d</bold>y", "**a** **b** **c** x**d**y"),
        (
            "<bold>Note:</bold>x <italic>(a)</italic>b c<bold>(d)</bold>, e",
            "**Note:** x *(a)* b c **(d)**, e",
        ),
        ("<bold>a.</bold>**b** <strikethrough>c!</strikethrough>d", "**a.** **b** ~~c!~~ d"),
        ("a<Entity value=\"*b*\"/>c <badge/>", "a\\*b\\*c"),
    ]);
}

#[test]
fn a_template_in_an_item_of_markdown_stays_in_it() {
    check(&[
        (
            "- a\n  {#if x}\n  b\n  {:else}\n  c\n  {/if}\n- d <badge>e</badge>",
            "- a\n  \n  b\n  \n  c\n  \n- d **e**",
        ),
        (
            "- a\n  - b\n    {#each [1,2] as x}\n    {x}.\n    {/each}\n- c <badge>d</badge>",
            "- a\n  - b\n    \n    1.\n    \n    2.\n    \n- c **d**",
        ),
        (
            "{#each [\"a\",\"b\"] as x}\n- {x}\n  {#if y}\n  c\n  {/if}\n{/each}\n- d <badge>e</badge>",
            "- a\n  \n  c\n  \n\n- b\n  \n  c\n  \n\n- d **e**",
        ),
        ("a <badge>b</badge>\n  {#if x}\n  c\n  {/if}", "a **b**\n  \nc"),
    ]);
}
