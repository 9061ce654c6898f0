use super::*;
use crate::catalog::Page;
use crate::conversation::assistant::Sources;
use crate::conversation::files::Files;
use crate::conversation::{FileRef, Prose};
use proptest::prelude::*;

fn link(label: &'static str, url: &'static str) -> Link<'static> {
    Link { label: label.into(), url: url.into(), publisher: "".into() }
}

fn resolved(prose: &Prose<'_>, voice: Voice) -> String {
    let mut sources = Sources::default();
    sources.add("turn0search7", NodeId(0), link("known.example", "https://known.example/"));
    let assistant = crate::format::chatgpt::ASSISTANT;
    let conversation = Conversation { assistant, sources, ..Conversation::default() };
    let files = Files::default();
    let neighbours = Neighbours::of(&files, Page::Thread);
    let targets = Targets { conversation: &conversation, message: None, neighbours };
    let marks = if voice == Voice::Markdown { MarkSubstitution::Now } else { MarkSubstitution::Later };
    resolve(&prose.text, &prose.references, Hints::of(&prose.text), marks, targets).0.into_owned()
}

/// A reference to the first occurrence of `matched`, in code points.
fn reference<'a>(text: &str, matched: &'a str, meaning: Meaning<'a>) -> Reference<'a> {
    let start = text[..text.find(matched).unwrap()].chars().count();
    Reference { start, end: start + matched.chars().count(), matched: matched.into(), meaning }
}

#[track_caller]
fn with_references(text: &str, references: &[(&str, Meaning<'_>)], expected: &str) {
    let references =
        references.iter().map(|(matched, meaning)| reference(text, matched, meaning.clone())).collect();
    let prose = Prose { text: text.into(), references, ..Prose::default() };
    assert_eq!(resolved(&prose, Voice::Markdown), expected, "{text:?}");
}

#[track_caller]
fn without_references(text: &str, expected: &str) {
    let prose = Prose { text: text.into(), ..Prose::default() };
    assert_eq!(resolved(&prose, Voice::Markdown), expected, "{text:?}");
    assert_eq!(resolved(&prose, Voice::Plain), text, "a user's text stays");
}

const CITE: &str = "\u{e200}cite\u{e202}turn0search0\u{e201}";

fn citation_of(links: &[Link<'static>]) -> Meaning<'static> {
    Meaning::Citation(links.to_vec())
}

#[test]
fn positions_count_code_points() {
    let text = format!("🦎🌍e\u{301} 中 ponds.{CITE} End {CITE}");
    let one = citation_of(&[link("Pond Book", "https://pond.example/")]);
    with_references(&text, &[(CITE, one)], "🦎🌍e\u{301} 中 ponds. ([Pond Book](https://pond.example/)) End");
}

#[test]
fn citations_follow_one_blank() {
    let two = || citation_of(&[link("A", "https://a.example/"), link("", "https://www.b.example/")]);
    let shown = "([A](https://a.example/), [b.example](https://www.b.example/))";
    with_references(&format!("a{CITE}."), &[(CITE, two())], &format!("a {shown}."));
    with_references(&format!("a {CITE}."), &[(CITE, two())], &format!("a {shown}."));
    with_references(&format!("{CITE} a"), &[(CITE, two())], &format!("{shown} a"));
    with_references(&format!("a\u{200b}{CITE}\u{200b}."), &[(CITE, two())], &format!("a {shown}."));
}

#[test]
fn a_removed_mark_leaves_no_blank() {
    let nothing = || [(CITE, Meaning::Nothing)];
    for (text, expected) in [
        (format!("a {CITE}. b"), "a. b"),
        (format!("a {CITE} b"), "a b"),
        (format!("- a {CITE}\n- b"), "- a\n- b"),
        (format!("a {CITE}"), "a"),
        (format!("  {CITE}."), "  ."),
        (format!("a {CITE}b"), "a b"),
    ] {
        with_references(&text, &nothing(), expected);
    }
    with_references(&format!("a {CITE}."), &[(CITE, citation_of(&[]))], "a.");
}

#[test]
fn neighbouring_marks_share_their_blanks() {
    let (first, second, third) = ("\u{e203}", "\u{e204}", "\u{e206}");
    let text = format!("{first}They winter on land.{second}{third} 🍂");
    let meanings = [
        (first, Meaning::Nothing),
        (second, Meaning::Nothing),
        (third, citation_of(&[link("w", "https://w.example/")])),
    ];
    with_references(&text, &meanings, "They winter on land. ([w](https://w.example/)) 🍂");
}

#[test]
fn every_meaning_has_its_form() {
    for (meaning, expected) in [
        (Meaning::Plain("Pond *Net* 3".into()), "a Pond \\*Net\\* 3"),
        (Meaning::Markdown("[Net](https://b.example/)\n".into()), "a [Net](https://b.example/)"),
        (
            Meaning::Links(vec![link("b", "https://b.example/"), link("c", "")]),
            "a [b](https://b.example/), c",
        ),
        (Meaning::File(FileRef { name: Some("gone.pdf".into()), ..FileRef::default() }), "a (gone.pdf)"),
    ] {
        with_references(&format!("a {CITE}"), &[(CITE, meaning)], expected);
    }
}

#[test]
fn a_displaced_reference_means_the_nearest_occurrence() {
    let text = format!("{CITE} a {CITE} b {CITE}");
    let at = |start, label| Reference {
        start,
        end: start + 1,
        matched: CITE.into(),
        meaning: citation_of(&[link(label, "")]),
    };
    let prose =
        Prose { text: text.as_str().into(), references: vec![at(23, "1"), at(22, "2")], ..Prose::default() };
    assert_eq!(resolved(&prose, Voice::Markdown), "(2) a (1) b");
}

#[test]
fn references_that_are_nowhere_or_blank_change_nothing() {
    let references = vec![
        Reference { start: 1, end: 2, matched: " ".into(), meaning: Meaning::Plain("x".into()) },
        Reference { start: 0, end: 3, matched: "lost".into(), meaning: Meaning::Nothing },
        Reference { start: usize::MAX, end: 0, matched: "gone".into(), meaning: Meaning::Nothing },
    ];
    let prose = Prose { text: "a b ".into(), references, ..Prose::default() };
    assert_eq!(resolved(&prose, Voice::Markdown), "a b ");
}

#[test]
fn the_longer_of_two_overlapping_references_wins() {
    let text = format!("a {CITE}.");
    let inner = Reference { start: 2, end: 3, matched: "\u{e200}".into(), meaning: Meaning::Nothing };
    let outer = reference(&text, CITE, citation_of(&[link("x", "")]));
    let twin = reference(&text, CITE, Meaning::Nothing);
    let prose =
        Prose { text: text.as_str().into(), references: vec![inner, twin, outer], ..Prose::default() };
    assert_eq!(resolved(&prose, Voice::Markdown), "a (x).");
}

#[test]
fn marks_without_references_are_resolved_or_removed() {
    for (text, expected) in [
        (
            "Known \u{e200}cite\u{e202}turn0search7\u{e201}.",
            "Known ([known.example](https://known.example/)).",
        ),
        (
            "Odd \u{e200}cite\u{e202}turn9news1,turn0search7\u{e20b}.",
            "Odd ([known.example](https://known.example/)).",
        ),
        ("Unknown \u{e200}cite\u{e202}turn3news1\u{e201}.", "Unknown."),
        (
            "Link \u{e200}link_title\u{e202}Docs\u{e202}https://d.example/?utm_source=chatgpt.com\u{e201}.",
            "Link [Docs](https://d.example/).",
        ),
        ("**bold \u{e200}cite\u{e202}x\u{e201}**, `code \u{e200}cite\u{e202}x\u{e201}`", "**bold**, `code`"),
        ("a \u{e200}cite\u{e202}x\u{e201} *b* (\u{e200}cite\u{e202}x\u{e201}) c", "a *b* c"),
        (
            "**\u{e200}cite\u{e202}x\u{e201} b** \u{e200}cite\u{e202}x\u{e201}\n\u{e200}cite\u{e202}x\u{e201} c",
            "**b**\nc",
        ),
        (
            "Page \u{e200}url\u{e202}The guide\u{e202}turn0search7\u{e201}.",
            "Page [The guide](https://known.example/).",
        ),
        ("Page \u{e200}url\u{e202}The guide\u{e202}turn9search7\u{e201}.", "Page The guide."),
        ("\u{e200}url\u{e202}Tesla\u{e202} FSD is out", "Tesla FSD is out"),
        ("Stay.\u{e202}turn0search0 Next.\u{e202}turn3news2 End.", "Stay. Next. End."),
        ("```python id=\"81bglv\"\nx id=\"a\"\n```", "```python\nx id=\"a\"\n```"),
        (
            "\u{e200}genui\u{e202}{\"math_block_widget_always_prefetch_v2\": {\"content\": \"\\sqrt{x}\"}}\u{e201}",
            "\\[\\sqrt{x}\\]",
        ),
        (
            "So \u{e200}genui\u{e202}{\"math_block_widget_always_prefetch_v2\": {\"content\": \"a\\n+ b\"}}\u{e201}.",
            "So \\(a + b\\).",
        ),
        (
            "So \u{e200}genui\u{e202}{\"citation\": {\"refs\": [\"turn0search7\", \"turn9search9\"]}}\u{e201}.",
            "So ([known.example](https://known.example/)).",
        ),
        ("Url \u{e200}url\u{e202}https://d.example/\u{e201}.", "Url [d.example](https://d.example/)."),
        ("Name \u{e200}entity\u{e202}[\"people\",\"A\\u0064a \\ud83d\\ude00\",0]\u{e201}.", "Name Ada 😀."),
        ("Net \u{e200}product_entity\u{e202}[\"x\"]\u{e201}.", "Net."),
        ("Cut \u{e200}cite\u{e202}turn0sea\nNext", "Cut\nNext"),
        ("Cut \u{e200}cite\u{e202}turn0sea and words", "Cut and words"),
        ("Open \u{e200}words stay", "Open words stay"),
        ("It is late. \u{e200}finance\u{e202}turn0finance0\u{e201}. More", "It is late. More"),
        ("Wait.. \u{e200}cite\u{e202}x\u{e201}. More", "Wait... More"),
        ("Stray\u{e201}. \u{e202}\u{e203}\u{e206}", "Stray."),
        ("Apple \u{f8ff} \u{e0a0} stays", "Apple \u{f8ff} \u{e0a0} stays"),
        ("Old 【5†source】, cjk 【引】 【4:0†a b.pdf】.", "Old, cjk 【引】."),
        ("【†】 【a†b】 【1†\n】 【:1†x】", "【†】 【a†b】 【1†\n】 【:1†x】"),
        ("a:contentReference[oaicite:3]{index=3}.", "a."),
        (":contentReference[oaicite:x]{index=3}", ":contentReference[oaicite:x]{index=3}"),
        (
            "```\n\u{e200}cite\u{e202}x\u{e201} 【1†a】\n```",
            "```\n\u{e200}cite\u{e202}x\u{e201} 【1†a】\n```",
        ),
    ] {
        without_references(text, expected);
    }
}

#[test]
fn links_into_the_sandbox_name_the_missing_file() {
    for (text, expected) in [
        ("Saved as [a.csv](sandbox:/mnt/data/a.csv).", "Saved as a.csv *(file not in export)*."),
        ("![plot [1]](sandbox:/mnt/data/a(1).png)!", "plot [1] *(file not in export)*!"),
        ("[](sandbox:/mnt/data/a%20b.csv)", "a b.csv *(file not in export)*"),
        ("](sandbox:/x) [a](sandbox:\n)", "](sandbox:/x) [a](sandbox:\n)"),
    ] {
        without_references(text, expected);
    }
}

#[test]
fn links_lose_only_the_vendors_parameter() {
    for (text, expected) in [
        ("[a](https://a.example/?utm_source=chatgpt.com)", "[a](https://a.example/)"),
        ("https://a.example/?utm_source=chatgpt.com.", "https://a.example/."),
        ("https://a.example/?b=c&utm_source=chatgpt.com#d", "https://a.example/?b=c#d"),
        ("https://a.example/?utm_source=chatgpt.com&b=c", "https://a.example/?b=c"),
        ("?utm_source=chatgpt.community", "?utm_source=chatgpt.community"),
        ("the words utm_source=chatgpt.com stay", "the words utm_source=chatgpt.com stay"),
        ("~~~\n?utm_source=chatgpt.com", "~~~\n?utm_source=chatgpt.com"),
    ] {
        without_references(text, expected);
    }
}

#[test]
fn a_hundred_thousand_references_are_fast() {
    let piece = format!("🦎 word {CITE} ");
    let text = piece.repeat(100_000);
    let length = piece.chars().count();
    let wrong = |number: usize| number % 2; // every other one is displaced
    let references = (0..100_000).map(|number| Reference {
        start: number * length + 7 + wrong(number),
        end: (number + 1) * length - 1,
        matched: CITE.into(),
        meaning: citation_of(&[link("S", "")]),
    });
    let prose = Prose { text: text.as_str().into(), references: references.collect(), ..Prose::default() };
    let start = std::time::Instant::now();
    assert_eq!(resolved(&prose, Voice::Markdown), "🦎 word (S) ".repeat(100_000));
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// A piece of an answer: words, or a mark with its meaning.
#[derive(Clone, Debug)]
enum Piece {
    Words(String),
    Mark(&'static str, Meaning<'static>, bool),
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let words = prop::sample::select(vec![
        "newt", "池", "🦎 pond", ". ", " ", "\n\n", "e\u{301}", "\u{fffd}", ", ", "【引】",
    ]);
    let marks = prop::sample::select(vec![
        CITE,
        "\u{e206}",
        "\u{e203}",
        "【11†source】",
        "\u{e200}video\u{e202}turn0video1\u{e20b}",
    ]);
    let meanings = prop::sample::select(vec![
        Meaning::Nothing,
        citation_of(&[link("L", "https://l.example/")]),
        citation_of(&[]),
        Meaning::Markdown("[M](https://m.example/)".into()),
        Meaning::Plain("P".into()),
    ]);
    let mark =
        (marks, meanings, any::<bool>()).prop_map(|(mark, meaning, known)| Piece::Mark(mark, meaning, known));
    prop::collection::vec(prop_oneof![words.prop_map(|words| Piece::Words(words.to_owned())), mark], 0..30)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_words_are_lost_and_no_marks_remain(pieces in pieces()) {
        let (mut text, mut references, mut words) = (String::new(), vec![], String::new());
        for piece in &pieces {
            match piece {
                Piece::Words(piece) => {
                    words.extend(piece.chars().filter(|c| !c.is_whitespace()));
                    text.push_str(piece);
                }
                Piece::Mark(mark, meaning, known) => {
                    let start = text.chars().count();
                    text.push_str(mark);
                    if *known {
                        let replacement: String = match meaning {
                            Meaning::Citation(links) if !links.is_empty() => "([L](https://l.example/))".into(),
                            Meaning::Markdown(markdown) => markdown.to_string(),
                            Meaning::Plain(plain) => plain.to_string(),
                            _ => String::new(),
                        };
                        words.push_str(&replacement);
                        references.push(Reference {
                            start,
                            end: start + mark.chars().count(),
                            matched: (*mark).into(),
                            meaning: meaning.clone(),
                        });
                    }
                }
            }
        }
        // Marks in indented code stay as they are.
        prop_assume!(!text.lines().any(|line| line.starts_with("    ")));
        let prose = Prose { text: text.as_str().into(), references, ..Prose::default() };
        let result = resolved(&prose, Voice::Markdown);
        // Of two full stops around a mark that goes one is enough.
        let is_compared = |c: &char| !c.is_whitespace() && *c != '.';
        let found: String = result.chars().filter(is_compared).collect();
        prop_assert_eq!(found, words.replace('.', ""), "{:?}", text);
    }
}

proptest::proptest! {
    #[test]
    fn code_points_are_counted_correctly(
        text in "[aé€😀]{0,200}", from in 0_usize..80, count in 0_usize..220,
    ) {
        let mut points = text.char_indices().map(|(at, _)| at).skip(from);
        if let Some(begin) = points.clone().next() {
            proptest::prop_assert_eq!(places::nth_point(&text, begin, count), points.nth(count));
        }
    }
}

#[test]
fn a_mark_that_begins_emphasis_has_no_blank_before_it() {
    let known = "([known.example](https://known.example/))";
    for (text, expected) in [
        ("**@ x**", format!("**{known} x**")),
        ("a **@**.", format!("a **{known}**.")),
        ("| *@* |", format!("| *{known}* |")),
        ("**x**@", format!("**x** {known}")),
        ("a*@*", format!("a* {known}*")),
    ] {
        let text = text.replace('@', "\u{e200}cite\u{e202}turn0search7\u{e201}");
        without_references(&text, &expected);
    }
}

#[test]
fn a_list_in_a_cell_stays_on_its_line() {
    let list = || Meaning::Markdown("- [A](https://a.example/)\n\n- [B|b](https://b.example/)\n".into());
    let joined = "- [A](https://a.example/)<br>- [B\\|b](https://b.example/)";
    with_references("| x @ | y |", &[("@", list())], &format!("| x {joined} | y |"));
    with_references("> | @ |", &[("@", list())], &format!("> | {joined} |"));
    let kept = "- [A](https://a.example/)\n\n- [B|b](https://b.example/)";
    with_references("x\n\n@", &[("@", list())], &format!("x\n\n{kept}"));
}

#[test]
fn a_block_stays_in_its_item_quote_and_row() {
    let block = || Meaning::Block("**T**\n\n| m |\n|---|\n| 1 |".into());
    for (text, expected) in [
        ("- a @\n- b", "- a\n\n  **T**\n\n  | m |\n  |---|\n  | 1 |\n\n- b"),
        ("- @\n- b", "- **T**\n\n  | m |\n  |---|\n  | 1 |\n\n- b"),
        ("1. a\n   @\n2. b", "1. a\n\n   **T**\n\n   | m |\n   |---|\n   | 1 |\n\n2. b"),
        ("- a\n\n  @\n\n  b", "- a\n\n  **T**\n\n  | m |\n  |---|\n  | 1 |\n\n  b"),
        ("> q\n> @\n> r", "> q\n>\n> **T**\n>\n> | m |\n> |---|\n> | 1 |\n>\n> r"),
        ("> @\n>\n> r", "> **T**\n>\n> | m |\n> |---|\n> | 1 |\n>\n> r"),
        ("> q\n>\n> @\n\nr", "> q\n>\n> **T**\n>\n> | m |\n> |---|\n> | 1 |\n\nr"),
        ("a @ b", "a\n\n**T**\n\n| m |\n|---|\n| 1 |\n\nb"),
        ("1984 @\nb", "1984\n\n**T**\n\n| m |\n|---|\n| 1 |\n\nb"),
        ("| a | @ |\n|---|---|", "| a | **T**<br>\\| m \\|<br>\\|---\\|<br>\\| 1 \\| |\n|---|---|"),
    ] {
        with_references(text, &[("@", block())], expected);
    }
    let quoted = "> **T**\n>\n> | m |\n> |---|\n> | 1 |";
    let next = [("@", block()), ("%", Meaning::Block("N\n\n- o".into()))];
    with_references("> @\n\n% r", &next, &format!("{quoted}\n\nN\n\n- o\n\nr"));
    with_references("> @\n> % r", &next, &format!("{quoted}\n>\n> N\n>\n> - o\n>\n> r"));
    let next = [("@", block()), ("%", Meaning::Plain("N".into()))];
    with_references("> @\n\n%", &next, &format!("{quoted}\n\nN"));
}

#[test]
fn pictures_part_from_the_text_after_them() {
    let (a, b) = ("![A](https://a.example/)", "![B](https://b.example/)");
    let two = || Meaning::Markdown(format!("{a}\n{b}\n").into());
    with_references("@Newts", &[("@", two())], &format!("{a}\n{b}\n\nNewts"));
    with_references("- @\n- c", &[("@", two())], &format!("- {a}\n  {b}\n\n- c"));
    let one = || Meaning::Markdown(format!("{a}\n").into());
    with_references("@Newts", &[("@", one())], &format!("{a}\nNewts"));
    with_references("> @Newts", &[("@", one())], &format!("> {a}\n> Newts"));
    with_references("- x @.\n@", &[("@", one())], &format!("- x {a}.\n@"));
}
