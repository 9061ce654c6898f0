//! What answers rarely hold: every form of a component that has few, and mistakes that models rarely make.

use super::super::expand;
use super::{Known, check, shown, shown_with};
use crate::conversation::{FileRef, Link, Meaning, Reference};

/// A reference to the first `matched` in `source`.
fn reference(source: &str, matched: &'static str, meaning: Meaning<'static>) -> Reference<'static> {
    let at = source.find(matched).expect("what is matched");
    let start = source[..at].chars().count();
    Reference { start, end: start + matched.chars().count(), matched: matched.into(), meaning }
}

fn citation() -> Meaning<'static> {
    Meaning::Citation(vec![Link {
        label: "Own".into(),
        url: "https://own.example/".into(),
        ..Link::default()
    }])
}

#[test]
fn a_reference_that_covers_a_component_says_where_it_leads() {
    for (source, expected) in [
        ("<Link ref=\"none\"/>", "[Own](https://own.example/)"),
        ("<AsyncImage ref=\"none\"/>", "[Own](https://own.example/)"),
        ("a <FileCite ref=\"none\"/>", "a ([Own](https://own.example/))"),
    ] {
        let tag = &source[source.find('<').expect("a tag")..];
        let tag: &'static str = tag;
        assert_eq!(shown_with(source, &[reference(source, tag, citation())]), expected, "{source}");
    }
    let source = "a <FileCite ref=\"none\"/>";
    let file = FileRef { id: "file-2".into(), name: Some("own.md".into()), ..FileRef::default() };
    let own = reference(source, "<FileCite ref=\"none\"/>", Meaning::File(file));
    assert_eq!(shown_with(source, &[own]), "a (own.md)");
    let source = "<Link ref=\"turn0search0\"/>";
    let none = reference(source, "<Link ref=\"turn0search0\"/>", Meaning::Citation(Vec::new()));
    assert_eq!(shown_with(source, &[none]), "[The tea](https://tea.example/)");
}

#[test]
fn references_keep_their_places_between_components() {
    let own = "([Own](https://own.example/))";
    let source = "x1 y2 <badge>b</badge> z3";
    let of = |matched| reference(source, matched, citation());
    assert_eq!(shown_with(source, &[of("y2"), of("z3")]), format!("x1 {own} **b** {own}"));
    let cited = "x1 y2 <Cite ref=\"none\"/> z";
    assert_eq!(shown_with(cited, &[reference(cited, "x1", citation())]), format!("{own} y2 z"));
    // What overlaps the reference before it, or goes on in a tag, is left to the renderer.
    for (given, text) in
        [([of("x1 y"), of("y2")], "x1 y2 **b** z3"), ([of("x1"), of("2 <badge")], "x1 y2 **b** z3")]
    {
        let expanded = expand(source, &given, &Known).expect("components");
        assert_eq!(expanded.text, text);
        let matched: Vec<_> = expanded.references.iter().map(|found| found.matched.as_ref()).collect();
        assert_eq!(matched, [given[1].matched.as_ref(), given[0].matched.as_ref()]);
    }
    // So are those without a place, and those that match nothing.
    let beyond = Reference { start: 90, end: 95, matched: "z3".into(), meaning: citation() };
    let other = Reference { matched: "other".into(), ..of("z3") };
    let blank = Reference { matched: "".into(), ..of("y2") };
    let empty = Reference { start: 4, end: 4, ..blank.clone() };
    let expanded = expand(source, &[beyond, other, blank, empty, of("x1")], &Known).expect("components");
    assert_eq!(expanded.text, "x1 y2 **b** z3");
    let places: Vec<_> = expanded.references.iter().map(|found| (found.start, found.end)).collect();
    assert_eq!(places, [(90, 95), (23, 25), (0, 2)]);
}

#[test]
fn an_answer_with_the_characters_of_anchors_has_its_sources_as_text() {
    let source = "\u{f0000} x<Cite ref=\"turn0search0\"/> y2";
    let expanded = expand(source, &[reference(source, "y2", citation())], &Known).expect("components");
    assert_eq!(expanded.text, "\u{f0000} x ([Tea Guild](https://tea.example/)) y2");
    assert_eq!(expanded.references.len(), 1);
}

#[test]
fn references_that_no_anchor_is_left_for_stay_references() {
    let many = 0x1_0000;
    let source = format!("<badge>b</badge>{}", " x".repeat(many));
    let references: Vec<_> = (0..many)
        .map(|number| {
            let start = 17 + 2 * number;
            Reference { start, end: start + 1, matched: "x".into(), meaning: citation() }
        })
        .collect();
    let expanded = expand(&source, &references, &Known).expect("components");
    assert_eq!(expanded.text.matches(" x").count(), many);
    assert_eq!(expanded.references.len(), many);
}

#[test]
fn names_that_are_expressions_and_values_that_are_attributes_are_shown() {
    check(&[
        ("<box>a <Link title={x}/></box>", "a `x`"),
        (
            "<Link url=\"https://a.example/\">a <Cite ref=\"turn0search0\"/></Link>.",
            "[a](https://a.example/) ([Tea Guild](https://tea.example/)).",
        ),
        (
            "<Link url=\"https://a.example/\">a [b](https://b.example/) c</Link>",
            "a [b](https://b.example/) c (<https://a.example/>)",
        ),
        (
            "<Link url=\"https://a.example/\">![b](https://b.example/c.png)</Link>",
            "[![b](https://b.example/c.png)](https://a.example/)",
        ),
        ("<Link url=\"https://a.example/\" title=\"[b](c)\"/>", "[\\[b\\](c)](https://a.example/)"),
        ("<box>a <Link url=\"javascript:b\"/></box>", "a javascript:b"),
        ("<box><code value=\"x\"/> a</box>", "`x` a"),
        ("<box><code language=\"py\">\na\n  b\n</code></box>", "```py\na\n  b\n```"),
        ("<box>a <math value={f(x)}/></box>", "a `f(x)`"),
        ("<box>a <escape char=\"*\"/> b</box>", "a \\* b"),
        ("<box><SeedCard title=\" \" label=\"a\"/></box>", "a"),
        (
            "<AsyncImageGroup refs={[\"turn0search0\", \"turn0search2\"]}/>",
            "[The tea](https://tea.example/), [Shop](https://shop.example/)",
        ),
        ("<AsyncImageGroup alt=\"a\"/>", "*[Pictures: a]*"),
        ("<AsyncImageGroup/>\n\nx", "x"),
        ("<LinkCard snippet=\"C.\"/>", "C."),
        ("<FileNavList items={[{}, {name: \"a\"}]}/>", "- a"),
        ("<box>a<MemoryCite>b</MemoryCite></box>", "ab"),
        ("<box><Entity value=\"&#1;\"/></box>\n\nx", "x"),
        ("<box><Entity value=\"&#1;\"/> <Entity value=\"&#1;\"/></box>\n\nx", "x"),
        ("<row><Entity value=\"&#1;\"/><text>a</text></row>", "a"),
        ("<box><text strong={false}>a</text></box>", "a"),
        ("<title size=\"lg\">\\[x\\]</title>", "\\[x\\]"),
        ("<Math value=\"x\"/> <Fragment>a</Fragment> <Col>b</Col>", "\\(x\\) a\n\nb"),
    ]);
}

#[test]
fn places_on_a_map_may_lack_a_name_or_a_point() {
    check(&[(
        "<MapWidgetV2 points={[\"A\"]} groups={[{locations:[{point_id:\"b\"},{notes:\"n\"}]}]}/>",
        "- A\n\n1. b\n2. n",
    )]);
}

#[test]
fn controls_without_words_leave_nothing_and_suggestions_are_noted_once() {
    check(&[
        ("<box>a<checkbox/></box>", "a"),
        ("<FollowUp>More?</FollowUp>", "*[Suggestion: More?]*"),
        ("<FollowUp>\n- a\n- b\n</FollowUp>", "- a\n- b"),
        ("<FollowUpActionBar><FollowUp value=\"a\"/></FollowUpActionBar>", "*[Suggestion: a]*"),
        (
            "<FollowUpActionBar><FollowUp value=\"a\"/><FollowUp value=\"b\"/></FollowUpActionBar>",
            "*[Suggestion: a]*\n\n*[Suggestion: b]*",
        ),
    ]);
}

#[test]
fn charts_of_unknown_data_are_code_and_series_without_keys_are_left_out() {
    for content in ["{data:[{a:x}]}", "{data:[x]}", "{series:s,data:[{a:1}]}", "{data:[1,2]}"] {
        check(&[(&format!("<Chart content={{{content}}}/>"), &format!("```js\n{content}\n```"))]);
    }
    check(&[(
        "<Chart content={{series:[{label:\"x\"}],data:[{m:\"May\",a:3}]}}/>",
        "| m | a |\n|---|---:|\n| May | 3 |",
    )]);
}

#[test]
fn every_form_of_a_header_and_of_a_label_is_known() {
    let table = "| A |\n|---|\n| b |";
    check(&[
        (
            "<table><TableHead><table-row><table-cell>A</table-cell></table-row></TableHead><table-row><table-cell>b</table-cell></table-row></table>",
            table,
        ),
        (
            "<table><table-row><TableHeaderCell>A</TableHeaderCell></table-row><table-row><table-cell>b</table-cell></table-row></table>",
            table,
        ),
        ("<table><table-row label=\"L\"></table-row></table>", "|  |\n|---|\n| L |"),
    ]);
    // What spans rows far to the right covers no cell below.
    let cells = "<table-cell>a</table-cell>".repeat(120);
    let wide = shown(&format!(
        "<table><table-row>{cells}<table-cell rowSpan={{2}}>b</table-cell></table-row><table-row>{cells}<table-cell>c</table-cell></table-row></table>"
    ));
    assert!(wide.ends_with("| a | c |"), "{wide}");
}

#[test]
fn versions_of_a_draft_have_titles_of_every_form() {
    check(&[
        (
            "<WritingBlock><Option title=\"A\"/><Option title={'B'} subject={f()}/>x</WritingBlock>",
            "> **A**\n>\n> **B**\n>\n> x",
        ),
        (
            "<WritingBlock><Option title=\"a<option b\" label=c disabled>x</Option></WritingBlock>",
            "> **a\\<option b**\n>\n> **c**\n>\n> x",
        ),
        ("<WritingBlock>a <Options> b <option</WritingBlock>", "> a <Options> b <option"),
        ("<WritingBlock options={f(\"one\", `two`)}>a</WritingBlock>", "> a\n>\n> one\n>\n> two"),
        ("<badge>a</badge> <WritingBlock title=\"Hello", "**a**"),
    ]);
}

#[test]
fn lists_and_quotes_are_indented_twelve_times_and_no_more() {
    let nested = |tag: &str, inside: &str| {
        format!("{}{inside}{}", format!("<{tag}>").repeat(13), format!("</{tag}>").repeat(13))
    };
    assert_eq!(shown(&nested("blockquote", "<badge>a</badge>")), format!("{}**a**", "> ".repeat(12)));
    let list = format!("{}a{}", "<list><list-item>".repeat(13), "</list-item></list>".repeat(13));
    assert_eq!(shown(&list), format!("{}a", "- ".repeat(12)));
}

#[test]
fn loops_have_every_form() {
    check(&[
        ("<box>{#each [{a:1}] as {a: b}}{b}{/each}</box>", "1"),
        ("<box>{#each xs as {a}}x {a}{/each}</box>", "x `a`"),
        ("<box>{#each xs as x, i}y {i}{/each}</box>", "y `i`"),
        ("<box>{#each [{id:1,n:\"a\"}] as item (item.id)}{item.n}{/each}</box>", "a"),
        ("<box>{#each [[1,2]] as [a, (b)]}{a}{b}{/each}</box>", "12"),
        ("<box>{#each [1] as x, i, y}{x}{i}{/each}</box>", "10"),
        ("<box>{#each [as] as x}b{/each}</box>", "b"),
        ("<badge>a</badge>{#each as x}b{/each}", "**a** b"),
        ("<badge>a</badge>{#each xs}b{/each}", "**a** b"),
        ("{#each Array.from({length:2},(_,i)=>i) as i}\n<text>{i}</text>\n{/each}", "0\n\n1"),
        ("{@body const = 1}\n<box>a</box>", "a"),
        ("<box>{false && \"</b>\"}a</box>", "a"),
        ("<box>$5 {1+1} x$4</box>", "$5 2 x$4"),
    ]);
}

#[test]
fn braces_that_are_no_template_stay() {
    check(&[
        ("<badge>a</badge> {#if} b", "**a** {#if} b"),
        ("<badge>a</badge> {: x}", "**a** {: x}"),
        ("<badge>a</badge> {/each x}", "**a** {/each x}"),
        ("<badge>a</badge> {#ea", "**a**"),
        ("<badge>a</badge> {/ea", "**a**"),
        ("<badge>a</badge> {/i", "**a**"),
    ]);
}

#[test]
fn unknown_tags_stay() {
    let long = "X".repeat(50);
    let source = format!("<badge>a</badge> <{long}/> </{long}> \u{e100} <{long}");
    assert_eq!(shown(&source), source.replace("<badge>a</badge>", "**a**"));
    check(&[
        ("<section><badge>a</badge></section>", "<section>**a**</section>"),
        ("<badge>a</badge> <foo/> b", "**a** <foo/> b"),
        ("<badge>a</badge> <foo-bar/> b", "**a** b"),
        ("<box>a <Foo/> b</box>", "a b"),
        ("<badge>a</badge> <math><mi>x</mi></math>", "**a** <math><mi>x</mi></math>"),
        ("<box><math>x</math></box>", "\\(x\\)"),
        ("<box><math display=\"block\">x</math></box>", "<math display=\"block\">x</math>"),
        ("<box><cite>Hamlet</cite> a</box>", "<cite>Hamlet</cite> a"),
        (
            "<box><table><caption>c</caption><tr><td>a</td></tr></table></box>",
            "<table><caption>c</caption><tr><td>a</td></tr></table>",
        ),
        (
            "<table><table-row><table-cell><table><tr><td>a</td></tr></table></table-cell></table-row></table> b",
            "|  |\n|---|\n| <table><tr><td>a</td></tr></table> |\n\nb",
        ),
        ("<box>\n:::writing{a=\"b\n\n:::\n</box>", ":::writing{a=\"b\n\n:::"),
        ("<box>\n:::writing{\"}\n\n:::\n</box>", ":::writing`\"`\n\n:::"),
    ]);
}

#[test]
fn what_is_read_in_vain_too_often_stays_as_it_is() {
    let many = 3000;
    for (before, after) in [("", ""), ("<box>", "\n:::writing{id=\"1\"}\nDear\n:::\n")] {
        let source = format!(
            "{before}<badge>a</badge> {}\n\n{}{after}<badge>b</badge> {{#if x}}<!-- <badge>c</badge> -->",
            "<x y={".repeat(many),
            "}!".repeat(many)
        );
        let shown = shown(&source);
        assert!(shown.starts_with("**a**"), "{shown:.60}");
        assert!(
            shown.ends_with(&source[source.len() - after.len() - 57..]),
            "{}",
            &shown[shown.len() - 100..]
        );
    }
}

#[test]
fn blocks_in_deep_and_long_lists_have_bounds() {
    check(&[
        ("- a\n  <box>b</box>\n  <box>c</box>\n- d", "- a\n\n  b\n\n  c\n\n- d"),
        ("- a\n    - b\n  <box>c</box>", "- a\n    - b\n\n  c"),
    ]);
    let list: Vec<_> = (0..40).map(|depth| format!("{}- x\n", "  ".repeat(depth))).collect();
    let list = list.concat();
    assert_eq!(shown(&format!("{list}\n<badge>b</badge>")), format!("{list}\n**b**"));
    let long = format!("- a\n{}", "  b\n".repeat(70));
    assert_eq!(shown(&format!("{long}  <box>c</box>")), format!("{long}\nc"));
    // A fence that is not in the item is below the list.
    check(&[("<box>\n1000000. a\n     ```\n     b\n     ```\n</box>", "1000000. a\n```\nb\n```")]);
}
