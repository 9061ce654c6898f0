//! Each rule of the language by the smallest answers that show it.

use super::super::name;
use super::{check, shown, shown_with};
use crate::conversation::{Link, Meaning, Reference};

#[test]
fn sources_are_links_and_unknown_ones_leave_nothing() {
    let tea = "([Tea Guild](https://tea.example/))";
    for (source, expected) in [
        ("x <Cite refs={[\"turn0search0\"]}/>.", format!("x {tea}.")),
        ("x<Cite ref=\"TURN0search0\"/>", format!("x {tea}")),
        ("x <cite ref={['turn0search0','turn0search0']}/>", format!("x {tea}")),
        ("x <Citation ref=turn0search0></Citation> y", format!("x {tea} y")),
        ("x <Cite\n  refs={[{turn_index: 0, ref_type: \"search\", ref_index: 0,},]}\n/>", format!("x {tea}")),
        ("x <Cite refs={[\"none\"]}/>.", "x.".to_owned()),
        ("x <Cite refs={[\"none\"]}/> y", "x y".to_owned()),
        ("**x <Cite ref=\"none\"/>** y", "**x** y".to_owned()),
        ("x\n\n<Cite ref=\"none\"/>\n\ny", "x\n\ny".to_owned()),
        ("x\n<MemoryCite/>\ny", "x\ny".to_owned()),
        ("- x <MemoryCite />\n- y", "- x\n- y".to_owned()),
        ("| x <Cite ref=\"none\"/> | y |", "| x | y |".to_owned()),
        ("<box>\n  <text>x</text>\n  <Cite ref=\"turn0search0\"/>\n</box>", format!("x {tea}")),
        ("<CodeCite citation_id=\"1\"/>x", "x".to_owned()),
    ] {
        assert_eq!(shown(source), expected, "{source}");
    }
}

#[test]
fn a_reference_that_covers_a_tag_names_its_sources() {
    let link = Link { label: "Own".into(), url: "https://own.example/".into(), ..Link::default() };
    let source = "é <Cite refs={[\"turn0search0\"]}/> z \u{e200}cite\u{e202}1\u{e201}";
    let reference = |start, end, matched: &'static str| Reference {
        start,
        end,
        matched: matched.into(),
        meaning: Meaning::Citation(vec![link.clone()]),
    };
    let own = "([Own](https://own.example/))";
    let references = [reference(2, 33, ""), reference(36, 44, "\u{e200}cite\u{e202}1\u{e201}")];
    assert_eq!(shown_with(source, &references), format!("é {own} z {own}"));
    // Inside of the tag.
    assert_eq!(
        shown_with(source, &[reference(11, 21, "s={[\"turn0"), references[1].clone()]),
        format!("é {own} z {own}")
    );
}

#[test]
fn what_the_server_resolved_comes_before_ids() {
    assert_eq!(
        shown("x<Cite/> <Cite ref=\"turn0search0\"/>"),
        "x ([Pots](https://pots.example/a)) ([Tea Guild](https://tea.example/))"
    );
}

#[test]
fn files_are_cited_by_name() {
    check(&[
        ("x <FileCite ref=\"turn0file0\" line_range_start={1}/>", "x (garden.md)"),
        ("x <FileCite ref_id=turn0file0/>", "x (garden.md)"),
        ("x <FileCite ref=\"turn0file9\"/>.", "x."),
    ]);
}

#[test]
fn entities_are_plain_names() {
    check(&[
        ("**<Entity category=\"plant\" value=\"Mint\"/>** x", "**Mint** x"),
        ("# <ENTITY value='Sea * aster'/>", "# Sea \\* aster"),
        ("<entity value={\"A & B\"} category=\"x\"/>", "A & B"),
        ("<Entity ref=\"turn0search0\" value={p0.title}/>", "The tea"),
        ("<Entity value={p0.title}>body</Entity>", "body"),
        ("so does <Entity value={p0.title}/>.", "so does `p0.title`."),
        ("[<Entity value=\"Mint\"/>](https://a.example/)", "[Mint](https://a.example/)"),
    ]);
}

#[test]
fn links_have_a_title_or_a_body_or_their_address() {
    check(&[
        (
            "<Link title=\"A &amp; B\" url=\"https://a.example/?a=1&amp;b=2\"/>",
            "[A & B](https://a.example/?a=1&b=2)",
        ),
        ("see <Link url=\"https://a.example/\"/>", "see <https://a.example/>"),
        ("<Link url=\"https://a.example/\">**Body** x</Link>", "[**Body** x](https://a.example/)"),
        ("<Link url=\"javascript:alert(1)\" title=\"x\"/>", "x"),
        ("<Link title=\"x\"/>", "x"),
        ("<Link ref=\"turn0search0\"/>", "[The tea](https://tea.example/)"),
        ("Use <Link to=\"/x\">Home</Link> here.", "Use <Link to=\"/x\">Home</Link> here."),
        ("A <link rel=\"x\" href=\"y\"> tag.", "A <link rel=\"x\" href=\"y\"> tag."),
        (
            "<LinkCard url=\"https://a.example/\" title=\"A\" subtitle=\"b\" snippet=\"C.\"/>",
            "[A](https://a.example/) · b\n\nC.",
        ),
    ]);
}

#[test]
fn text_keeps_only_the_styles_that_markdown_has() {
    check(&[
        ("<box><text size=\"lg\" color=\"x\">a</text></box>", "a"),
        ("<box><text strong>a</text></box>", "**a**"),
        ("<box><text weight=\"semibold\">a **b**</text></box>", "**a b**"),
        ("<box><text weight=\"medium\">a</text></box>", "a"),
        ("<box><text italic>a</text> <text lineThrough>b</text></box>", "*a* ~~b~~"),
        (
            "<bold>a</bold> <italic>b</italic> <underline>c</underline> <strikethrough>d</strikethrough>",
            "**a** *b* c ~~d~~",
        ),
        ("<bold>x</bold> and <code>a|b `c`</code>", "**x** and `` a|b `c` ``"),
        ("<box>Total:<text>4</text></box>", "Total:4"),
        ("<box><text inline weight=\"bold\">a</text><text inline>: b</text></box>", "**a**: b"),
        ("**x <badge label=\"new\"/>**", "**x new**"),
        ("x <badge color=\"success\">new</badge>", "x **new**"),
        ("<badge label=\"a\"/><badge label=\"b\"/>", "**a** **b**"),
        ("<box><text>a</text><text>b</text></box>", "a\n\nb"),
        (
            "<math value={String.raw`\\frac{a}{b}`}/> and <math value=\"x\" block/>",
            "\\(\\frac{a}{b}\\) and\n\n\\[x\\]",
        ),
        ("<box>**T <escape>&lt;</escape> 80** <escape><b>*</escape></box>", "**T < 80** \\<b>\\*"),
        ("<MessageReaction emoji=\"👍\"/>\n\nYes.", "👍\n\nYes."),
        ("<box><>a</> b</box>", "a b"),
        ("<icon name=\"leaf\"/> Mint <icon name=\"x\"/>.", "Mint."),
        ("## <icon name=\"leaf\"/> Mint **<icon name=\"x\"/> bold**", "## Mint **bold**"),
        ("- <icon name=\"leaf\"/> Mint", "- Mint"),
    ]);
}

#[test]
fn boxes_are_their_blocks() {
    check(&[
        ("<box border>\n  <title size=\"lg\">A</title>\n  <text>b</text>\n  c\n</box>", "**A**\n\nb\n\nc"),
        ("<box><divider/>a<divider/>b<divider/></box>", "a\n\n---\n\nb"),
        ("x <box>a</box> y", "x\n\na\n\ny"),
        ("<box>\n    - a\n      - b\n\n    c\n</box>", "- a\n  - b\n\nc"),
        ("<box>\n\n      deep\n\n  shallow\n</box>", "deep\n\nshallow"),
        ("<box>\n    ```py\ndef f():\n    pass\n    ```\n</box>", "```py\ndef f():\n    pass\n```"),
        ("<box>\n  ```py\n  a\n    b\n  ```\n  c\n</box>", "```py\na\n  b\n```\nc"),
        ("<box>\n  ```\n</box>\n  ```\nx</box>", "```\n</box>\n```\nx"),
        ("<caption>a</caption>\n<box><label>b</label></box>", "a\n\nb"),
        ("<blockquote>a\n\nb</blockquote><box/>", "> a\n>\n> b"),
        ("<box title=\"T\">a</box>", "**T**\n\na"),
    ]);
}

#[test]
fn rows_are_lines_if_their_parts_are() {
    check(&[
        ("<row><text>Tea</text> **4**</row>", "Tea · **4**"),
        ("<row>\n  <title>2</title>\n  <caption>beds</caption>\n</row>", "**2** · beds"),
        ("<row><box><text>a</text></box><box>b</box><box/></row>", "a · b"),
        ("<row>Hello <Entity value=\"Bo\"/> there<badge label=\"x\"/></row>", "Hello Bo there · **x**"),
        (
            "<row><Link url=\"https://a.example/\" title=\"a\"/><Link url=\"https://b.example/\" title=\"b\"/></row>",
            "[a](https://a.example/) · [b](https://b.example/)",
        ),
        ("<row><text>a</text><Cite ref=\"turn0search0\"/></row>", "a ([Tea Guild](https://tea.example/))"),
        ("<row><box>a\n\nb</box><text>c</text></row>", "a\n\nb\n\nc"),
        ("<row><icon name=\"x\"/></row>\n\ny", "y"),
        (
            "<grid><grid-item><title>2</title><caption>beds</caption></grid-item><grid-item>x</grid-item></grid>",
            "- **2** · beds\n- x",
        ),
        ("<grid><box>a\n\n- b</box><box>c</box></grid>", "a\n\n- b\n\nc"),
    ]);
}

#[test]
fn lists_have_marks_and_touching_lists_different_ones() {
    check(&[
        ("<list><list-item>a</list-item><list-item>b</list-item></list>", "- a\n- b"),
        (
            "<List marker=\"number\" start={3}><List.Item>a</List.Item><List.Item>b</List.Item></List>",
            "3. a\n4. b",
        ),
        ("<list marker='decimal'><list-item>\n  **a**\n\n  b\n</list-item></list>", "1. **a**\n\n   b"),
        ("<list><list-item label=\"a\" description=\"b\"/></list>", "- a\n\n  b"),
        ("<list><list-item>a</list-item></list><list><list-item>b</list-item></list>", "- a\n\n* b"),
        ("- x\n\n<list><list-item>a</list-item></list>\n\n* y", "- x\n\n+ a\n\n* y"),
        ("<list items={[\"a\",{label:\"b\",description:\"c\"}]}/>", "- a\n\n- b\n\n  c"),
        ("<list><list-item>a<list><list-item>b</list-item></list></list-item></list>", "- a\n  - b"),
        ("<list><list-item>- a</list-item></list>", "- - a"),
    ]);
}

#[test]
fn tables_are_tables_of_markdown() {
    check(&[
        (
            "<Table><Table.Row header><Table.Cell>A</Table.Cell><Table.Cell align=\"end\">B</Table.Cell></Table.Row><Table.Row><Table.Cell>a|`b|c`</Table.Cell><Table.Cell align=\"right\">1</Table.Cell></Table.Row></Table>",
            "| A | B |\n|---|---:|\n| a\\|`b\\|c` | 1 |",
        ),
        (
            "<table><table-row><table-cell header>A</table-cell></table-row><table-row><table-cell><box>x\n<caption>y</caption></box></table-cell></table-row></table>",
            "| A |\n|---|\n| x<br>y |",
        ),
        (
            "<table><table-row label=\"L\"><table-cell colSpan={2}>a</table-cell></table-row><table-row><table-cell>b</table-cell><table-cell></table-cell></table-row></table>",
            "|  |  |\n|---|---|\n| L |  |\n| a |  |\n| b |  |",
        ),
        (
            "<table><table-row><table-cell rowSpan={2}>a</table-cell><table-cell>b</table-cell></table-row><table-row><table-cell>c</table-cell></table-row></table>",
            "|  |  |\n|---|---|\n| a | b |\n|  | c |",
        ),
        (
            "<table columns={[{key:\"a\",label:\"A\"},{key:\"b\",label:\"B\",align:\"end\"}]} rows={[{a:\"x\",b:1}]}/>",
            "| A | B |\n|---|---:|\n| x | 1 |",
        ),
        ("<table rows={[]} emptyLabel=\"None yet\"/>", "None yet"),
        (
            "<table>lost<table-row><table-cell>a</table-cell></table-row></table>",
            "lost\n\n|  |\n|---|\n| a |",
        ),
        ("<box><table-cell>alone</table-cell></box>", "alone"),
        ("<table><tr><td>a</td></tr></table><box>b</box>", "<table><tr><td>a</td></tr></table>\n\nb"),
        (
            "<table><caption>c</caption><tr><td>a</td></tr></table><box>b</box>",
            "<table><caption>c</caption><tr><td>a</td></tr></table>\n\nb",
        ),
        (
            "<table><table-row><table-cell>[a|b](https://a.example/x|y)</table-cell></table-row></table>",
            "|  |\n|---|\n| [a\\|b](https://a.example/x%7Cy) |",
        ),
    ]);
}

#[test]
fn charts_are_tables_of_their_data() {
    check(&[
        (
            "<Chart content={{chartType: 'bar', meta: {title: 'T', footer: 'F'}, xKey: 'm', series: [{dataKey: 'a', label: 'A', valuePrefix: '$'}], data: [{m: 'May', a: 3},]}}/>",
            "**T**\n\n| m | A |\n|---|---:|\n| May | $3 |\n\nF",
        ),
        (
            "<Chart content='{\"xKey\":\"m\",\"series\":[{\"dataKey\":\"a\"}],\"data\":[{\"m\":1,\"a\":null}]}'/>",
            "| m | a |\n|---|---:|\n| 1 |  |",
        ),
        ("<Chart content={{data: rows}}/>", "```js\n{data: rows}\n```"),
        ("<Chart/>\n\nx", "x"),
    ]);
}

#[test]
fn code_is_as_it_was() {
    check(&[
        (
            "<CodeBlock language=\"python\" editable>\n# x\nprint(\"<Cite/> {a}\")\n```\n</CodeBlock>",
            "````python\n# x\nprint(\"<Cite/> {a}\")\n```\n````",
        ),
        ("<CodeBlock language=\"sh\">ls</CodeBlock>", "```sh\nls\n```"),
        ("<CodeBlock>\n  a\n</CodeBlock>", "```\n  a\n```"),
        ("<CodeBlock language=\"sh\">\nls -l\n", "```sh\nls -l\n```"),
        ("<AppBlock title=\"Clock\"><p>12</p></AppBlock>", "**Clock**\n\n```html\n<p>12</p>\n```"),
        (
            "<svg viewBox={x}>\n<text>n</text>{#each a as b}{/each}\n</svg><box/>",
            "```svg\n<svg viewBox={x}>\n<text>n</text>{#each a as b}{/each}\n</svg>\n```",
        ),
    ]);
}

#[test]
fn drafts_are_quotes_under_their_subject() {
    check(&[
        (
            "<WritingBlock id=\"1\" variant=\"email\" subject=\"A &amp; B\">Dear,\n\n- x\n\nBo</WritingBlock>",
            "> **Subject: A & B**\n>\n> Dear,\n>\n> - x\n>\n> Bo",
        ),
        ("<WritingBlock content=\"# A&#10;&#10;&quot;b&quot;\"/>", "> # A\n>\n> \"b\""),
        ("<WritingBlock id=\"10003\">old</WritingBlock>", "> a *saved* draft"),
        ("<WritingBlock>cut", "> cut"),
        ("<WritingBlock title=\"T\" content=\"cut\n\nhere", "> **T**\n>\n> cut\n>\n> here"),
        ("<WritingBlock content=\"Say \"yes\" now.\"/>", "> Say \"yes\" now."),
        (
            "<WritingBlock options={[{label: 'one', value: 'two'}]}>a <Cite ref=\"turn0search0\"/></WritingBlock>",
            "> a <Cite ref=\"turn0search0\"/>\n>\n> one\n>\n> two",
        ),
        (
            "<WritingBlock><Option title=\"A\" subject=\"B\">\nx\n</Option></WritingBlock>",
            "> **A**\n>\n> **Subject: B**\n>\n> x",
        ),
    ]);
}

#[test]
fn pictures_and_maps_are_notes_and_lists() {
    check(&[
        ("<AsyncImage query=\"a | b\" maxHeight=420/>", "*[Picture: a | b]*"),
        ("<AsyncImage query=\"a\" alt=\"Two *\"/>", "*[Picture: Two \\*]*"),
        ("<AsyncImage src=\"https://a.example/a b.png\" alt=\"x\"/>", "![x](https://a.example/a%20b.png)"),
        ("<AsyncImage ref=\"turn0search0\"/>", "[The tea](https://tea.example/)"),
        ("<AsyncImage ref=\"none\"/>\n\nx", "x"),
        ("<AsyncImageGroup query={[\"a\",\"b\"]} layout=\"carousel\"/>", "*[Pictures: a, b]*"),
        ("<AsyncVideo ref=\"turn0search1\"/>", "[The pot](https://pots.example/a)"),
        (
            "<MapWidgetV2 title=\"T\" points={[{name:\"A\",address:\"x 1\"},{id:\"b\",name:\"B\",lat:1.5,long:2},{ref:\"turn0search0\"}]}/>",
            "**T**\n\n- A (x 1)\n- B (1.5, 2)\n- [The tea](https://tea.example/)",
        ),
        (
            "<MapWidgetV2 points={[{id:\"b\",name:\"B\"}]} groups={[{title:\"Day\",locations:[{point_id:\"b\",notes:\"n\",arrival_time:\"9:00\"}]}]}/>",
            "Day\n\n1. B · 9:00\n\n   n",
        ),
        ("<FileNavList items={[{name:\"a.md\",path:\"x\"}]}/>", "- a.md · x"),
        ("<FollowUp query=\"More?\"/>", "*[Suggestion: More?]*"),
    ]);
}

#[test]
fn controls_are_what_could_be_read() {
    check(&[
        (
            "<box><radio-group value={x}><radio value=\"a\">A</radio><radio value=\"b\"/></radio-group></box>",
            "- A\n- b",
        ),
        ("<segmented-control options={[{label:\"L\",value:\"l\"},\"R\"]}/>", "- L\n- R"),
        ("<box><select><option value=\"1\">One</option></select></box>", "- One"),
        ("<box>\n<checkbox>a</checkbox>\n<checkbox checked={true} label=\"b\"/>\n</box>", "- [ ] a\n- [x] b"),
        (
            "<box><button onClick={()=>{ if(a>b){} }}>Go</button><button label=\"B\"/></box>",
            "*[Button: Go]*\n\n*[Button: B]*",
        ),
        ("<box><input placeholder=\"Name\" value={n}/><slider/></box>", "*[Input: Name]*"),
        ("<box><form><label>L</label></form></box>", "L"),
    ]);
}

#[test]
fn loops_repeat_their_body() {
    check(&[
        ("{#each [\"a\",\"b\"] as s,i}\n<text>{i+1}: {s}</text>\n{/each}", "1: a\n\n2: b"),
        ("<row>{#each [{n:1},{n:2}] as x}<badge>{x.n}</badge>{/each}</row>", "**1** · **2**"),
        (
            "<list>{#each [[\"a\",1],[\"b\",2]] as [k,v]}<list-item>{k}: {v}</list-item>{/each}</list>",
            "- a: 1\n- b: 2",
        ),
        ("<list>{#each [{k:'a'}] as {k}}<list-item>{k}</list-item>{/each}</list>", "- a"),
        ("{@body const c = [\"x\"]}\n<box>{#each c as y}**{y}*{/each}</box>", "**x*"),
        ("<box>{#each Array.from({length:2},(_,i)=>i) as i}{i}{/each}</box>", "01"),
        ("<box>{#each rows as r}a {r.b}{/each}</box>", "a `r.b`"),
        ("<box>{#each [1,2] as a}{#each [3,4] as b}\n{a}{b}\n{/each}{/each}</box>", "13\n\n14\n\n23\n\n24"),
        (
            "<table>{#each [\"a\",\"b\"] as x}<table-row><table-cell>{x}</table-cell></table-row>{/each}</table>",
            "|  |\n|---|\n| a |\n| b |",
        ),
        ("<box>{#each [] as x}a{/each}b</box>", "b"),
    ]);
}

#[test]
fn conditions_choose_a_branch_unless_the_user_could() {
    check(&[
        ("<box>{#each [1,2] as i}{#if i<2}a{:else if i===2}b{:else}c{/if}{/each}</box>", "ab"),
        (
            "{@body const [o,setO] = DIL.useState(false)}\n<box>{#if o}yes{:else} no{/if}</box>",
            "yes no\n\n<details>\n<summary>Source of the interactive part</summary>\n\n```jsx\n{@body const [o,setO] = DIL.useState(false)}\n```\n\n</details>",
        ),
        ("<box>{#if unknown}a{:else}b{/if}</box>", "a b"),
    ]);
}

#[test]
fn expressions_are_words_or_code() {
    check(&[
        ("<box>{\"*a*\"} {1+1} {`b`}</box>", "\\*a\\* 2 b"),
        ("<box>x {f(1)} y</box>", "x `f(1)` y"),
        ("<box><text>{f(1)}</text>x</box>", "x"),
        ("<box>{/* a comment */}x</box>", "x"),
        ("<box>{true}{null}x</box>", "x"),
        ("<box/>The set {1, 2} stays.", "The set {1, 2} stays."),
        ("<box>\\(\\frac{a}{b}\\) $x_{1}$ `{c}`</box>", "\\(\\frac{a}{b}\\) $x_{1}$ `{c}`"),
        ("{@body const n = \"w\"}\nIt is {n}, not {m}.", "It is w, not {m}."),
        ("<box>{\"# a\"}</box>", "\\# a"),
    ]);
}

#[test]
fn code_generics_and_escapes_are_no_components() {
    let kept = "A `<box border>` and ``<Cite/>``.\n\n```jsx\n<box>\n</box>\n```\n\n~~~\n<badge label=\"x\"/>\n~~~\n\n- x\n  ```html\n  <badge label=\"new\"/>\n  ```\n\nAn indented block:\n\n    <row>code</row>\n\nVec<String> and Option<Link>, List<Item>; \\<box> x < y, 1 <b and [a](<x>).";
    assert_eq!(shown(kept), kept);
    let source = format!("{kept}\n\n<badge>counts</badge> {{#each}} and {{x}} stay.");
    assert_eq!(shown(&source), format!("{kept}\n\n**counts** {{#each}} and {{x}} stay."));
}

#[test]
fn plain_answers_are_left_alone() {
    for source in [
        "Use the <Foo> element, <Foo bar=\"1\"/> or </box>.",
        "A <title> tag, a <table> and an <input type=\"text\"> in HTML.",
        "<table><tr><td>a</td></tr></table>",
        "<code>x</code> <label>a</label>",
        "In Svelte {#if x} and {/if}, {#each items as item}.",
        "Map<Entity, Row> and Vec<Box>",
        "Use the <box> tag.",
        "a < b and c > d",
        "<details>\n<summary>x</summary>\n\ny\n\n</details>",
        "<svg><text x=\"1\">a</text></svg>",
        "{@html x}, {#key x}, {#each xs} and a <table> in HTML.",
        "A <foo-bar x=\"1\"/> and a <table> in HTML.",
        "A <table> and <Enti",
        "The <table",
        "",
    ] {
        assert_eq!(super::expand(source, &[], &super::Known).map(|expanded| expanded.text), None, "{source}");
    }
}

#[test]
fn html_stays_and_components_in_it_are_converted() {
    check(&[
        (
            "H<sub>2</sub>O<br>. <sub><Cite ref=\"turn0search0\"/></sub>",
            "H<sub>2</sub>O<br>. <sub>([Tea Guild](https://tea.example/))</sub>",
        ),
        (
            "<details>\n<summary>More</summary>\n\n<text>a</text> <badge label=\"b\"/>\n\n</details>",
            "<details>\n<summary>More</summary>\n\na **b**\n\n</details>",
        ),
        ("<box><div style={{a:1}}>x</div></box>", "<div style={{a:1}}>x</div>"),
        ("<code>a</code> <box>b</box>", "`a`\n\nb"),
    ]);
}

#[test]
fn what_is_cut_off_or_out_of_place_is_dropped() {
    check(&[
        ("<box>a</box> b <Entity value=\"Mi", "a\n\nb"),
        ("<box>a</box> b <Enti", "a\n\nb"),
        ("<box>a</box> b <PieC", "a\n\nb"),
        ("<box>a</box> b <Zeb", "a\n\nb <Zeb"),
        ("<box>a</box> b {#each [1,", "a\n\nb"),
        ("<box>a</box> 1 < b and", "a\n\n1 < b and"),
        ("<box>a <text>b", "a b"),
        ("<box>a</box></box>{/if}{:else} b", "a\n\nb"),
        ("<box><row><text>a</box>b", "a\n\nb"),
        ("<box>{#each [1] as x}a{/if}b</box>", "ab"),
        ("<box>{#while x}a{/while}b</box>", "ab"),
        ("<box>a <row\n\nb</box>", "a <row\n\nb"),
        ("<list><list-item>a<list-item>b</list>", "- a\n- b"),
        ("<badge label=\"a\" label=\"b\" other= />x", "**a** x"),
        ("Mint <Cite refs={[\"turn0search0\"]}> grows.", "Mint ([Tea Guild](https://tea.example/)) grows."),
    ]);
}

#[test]
fn unknown_components_are_their_words() {
    check(&[
        ("<box><SeedCard title=\"Mint\" url=\"https://a.example/\"/></box>", "[Mint](https://a.example/)"),
        ("<box><SeedCard title=\"Mint\" n={3} description=\"d\"/></box>", "Mint · d"),
        ("<box><SeedCard>**a**\n\nb</SeedCard></box>", "**a**\n\nb"),
        ("<box>a <SeedCard n={1}/></box>", "a"),
        ("<box>a</box> <Foo x=\"1\"/>b", "a\n\nb"),
    ]);
}

#[test]
fn blocks_in_lists_and_quotes_stay_there() {
    check(&[
        ("1. a\n   <AsyncImage query=\"x\"/>\n2. b", "1. a\n\n   *[Picture: x]*\n\n2. b"),
        ("- <box>a\n\nb</box>\n- c", "- a\n\n  b\n- c"),
        ("> <box>a\n\nb</box>", "> a\n>\n> b"),
        (
            "- a\n  <box>\n    <text weight=\"bold\">b</text>\n    - c\n    - d\n  </box>\n- e",
            "- a\n\n  **b**\n\n  - c\n  - d\n\n- e",
        ),
        (
            "1. a\n   <Chart content={{meta:{title:\"T\"},xKey:\"m\",series:[{dataKey:\"v\"}],\
             data:[{m:\"x\",v:1}]}}/>\n   b\n2. c",
            "1. a\n\n   **T**\n\n   | m | v |\n   |---|---:|\n   | x | 1 |\n\n   b\n2. c",
        ),
        (
            "<card>\n  - a\n    <Chart content={{meta:{title:\"T\"},xKey:\"m\",series:[{dataKey:\"v\"}],\
             data:[{m:\"x\",v:1}]}}/>\n  - b\n\n    <badge>c</badge>\n\n  > <row><text>d</text><badge>e</badge></row>\n\
             </card>",
            "- a\n\n  **T**\n\n  | m | v |\n  |---|---:|\n  | x | 1 |\n\n- b\n\n  **c**\n\n> d · **e**",
        ),
        ("> <title>a</title>\n> <caption>b</caption>\n>\n> <box>c</box>", "> **a**\n>\n> b\n>\n> c"),
        ("<box>\n  > ```\n  > a\n  > ```\n  <badge>b</badge>\n</box>", "> ```\n> a\n> ```\n\n**b**"),
    ]);
}

#[test]
fn a_fragment_around_the_whole_answer_leaves_nothing() {
    check(&[
        ("<>\n<box>a</box>\n</>", "a"),
        ("<>a</>\n\n<badge>b</badge>", "a\n\n**b**"),
        ("<>a</> b", "<>a</> b"),
    ]);
}

#[test]
fn pipes_of_components_end_no_cell_of_a_table_in_markdown() {
    let head = "| a | b |\n|---|---|\n";
    for (row, expected) in [
        ("| <Entity value=\"x|y\"/> | z |", "| x\\|y | z |"),
        ("| <Entity value=\"x\\|y\"/> | z |", "| x\\|y | z |"),
        ("| <badge label=\"x|y\"/> | z |", "| **x\\|y** | z |"),
        ("| <badge>x\\|y</badge> | z |", "| **x\\|y** | z |"),
        ("| <Link url=\"https://x.example/\" title=\"c|d\"/> | z |", "| [c\\|d](https://x.example/) | z |"),
        ("| <badge>z</badge> | <code>x|y</code> |", "| **z** | `x\\|y` |"),
    ] {
        assert_eq!(shown(&format!("{head}{row}")), format!("{head}{expected}"), "{row}");
        assert_eq!(
            shown(&format!("> | a | b |\n> |---|---|\n> {row}")),
            format!("> | a | b |\n> |---|---|\n> {expected}"),
            "{row}"
        );
    }
    check(&[
        ("<Entity value=\"x|y\"/> | z\n---|---\na | b", "x\\|y | z\n---|---\na | b"),
        ("<Entity value=\"x|y\"/> is no row", "x|y is no row"),
        ("| a | b |\n|---|---|\n| <box>p\n\nq|r</box> | z |", "| a | b |\n|---|---|\n| p<br>q\\|r | z |"),
    ]);
}

#[test]
fn a_block_on_a_line_of_an_item_stays_in_it_whatever_is_before() {
    check(&[
        ("1. <badge>a</badge> b\n   <badge>c</badge>", "1. **a** b\n\n   **c**"),
        ("- a\n  - <badge>b</badge>\n    <box>c</box>\n- d", "- a\n  - **b**\n\n    c\n\n- d"),
        ("<badge>a</badge> b\n   <badge>c</badge>", "**a** b\n\n**c**"),
    ]);
}

#[test]
fn names_are_sorted_so_that_they_can_be_found() {
    assert!(name::NAMES.is_sorted_by(|(before, _), (after, _)| before < after));
}
