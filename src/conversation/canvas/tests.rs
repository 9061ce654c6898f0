use super::*;
use crate::conversation::tree::{MessageTree, Node};
use crate::conversation::{Message, Role};

fn step(action: CanvasAction<'static>) -> CanvasStep<'static> {
    CanvasStep { document: None, title: None, kind: None, version: None, failed: false, action }
}

fn create(title: &'static str, text: &'static str) -> CanvasStep<'static> {
    CanvasStep { title: Some(title.into()), ..step(CanvasAction::Create(text.into())) }
}

fn update(pattern: &str, multiple: bool, replacement: &str) -> CanvasStep<'static> {
    let edit = CanvasEdit {
        pattern: pattern.to_owned().into(),
        multiple,
        replacement: replacement.to_owned().into(),
    };
    step(CanvasAction::Update(vec![edit]))
}

fn replay(nodes: Vec<(Option<u32>, CanvasStep<'static>)>, current: u32) -> Canvas<'static> {
    let nodes = nodes.into_iter().map(|(parent, step)| Node {
        parent: parent.map(NodeId),
        message: Some(Message::new(Role::Assistant, vec![Part::Canvas(step)])),
    });
    let conversation = Box::leak(Box::new(Conversation {
        tree: MessageTree::new(nodes.collect()),
        current: Some(NodeId(current)),
        ..Conversation::default()
    }));
    Canvas::of(conversation, &Threads::of(conversation))
}

fn text(canvas: &Canvas<'_>, node: u32) -> Result<String, &'static str> {
    match canvas.steps.get(&(NodeId(node), 0)).and_then(|step| step.outcome.clone()) {
        Some(CanvasOutcome::Text(text)) => Ok(text.into_owned()),
        Some(CanvasOutcome::NotApplied(reason)) => Err(reason),
        None => Err("no outcome"),
    }
}

/// What one edit makes of `before`.
fn edited(
    before: &'static str,
    pattern: &str,
    multiple: bool,
    replacement: &str,
) -> Result<String, &'static str> {
    let canvas =
        replay(vec![(None, create("t", before)), (Some(0), update(pattern, multiple, replacement))], 1);
    text(&canvas, 1)
}

#[test]
fn a_rewrite_takes_its_replacement_as_it_is() {
    for pattern in [".*", "(?s).*", "^.*$", "(?s)^.*$", "[\\s\\S]*", "\\A[\\s\\S]*\\Z", "(.*)"] {
        assert_eq!(
            edited("a\nb", pattern, true, "print(\"\\n\\1\")"),
            Ok("print(\"\\n\\1\")".into()),
            "{pattern}"
        );
    }
}

#[test]
fn a_partial_edit_is_applied_as_python_does() {
    // Each outcome is what Python 3.12 prints for re.sub(pattern, replacement, before, count).
    for (before, pattern, multiple, replacement, after) in [
        ("one two one", "one", false, "1", "1 two one"),
        ("one two one", "one", true, "1", "1 two 1"),
        ("a.b", r"\.", true, r"\\", r"a\b"),
        ("john smith", r"(\w+) (\w+)", false, r"\2 \g<1>", "smith john"),
        ("k=v", r"(?P<key>\w)=(?P<value>\w)", false, r"\g<value>=\g<key>", "v=k"),
        ("a b", " ", false, r"\n\t", "a\n\tb"),
        ("x[1]", "[][]", true, "|", "x|1|"),
        ("a&&b", "[a&&b]", true, ".", "...."),
        ("baac", "a*", true, "-", "-b--c-"),
        ("line", "$", false, " end", "line end"),
        ("a\nb", "(?m)^", true, "> ", "> a\n> b"),
        ("a{2}", "a{2}", true, "x", "a{2}"),
        ("aa{,}", "a{,1}{", true, "x", "ax,}"),
        ("a\x1cb", r"\s", true, "_", "a_b"),
        ("éa", "[^a]", true, r"\g<0>\g<0>", "ééa"),
        ("ab", r"(a)|(b)", true, r"[\1\2]", "[a][b]"),
        ("x", "x", true, r"\101\07", "A\x07"),
        ("Ab", "(?i)a", true, "c", "cb"),
        ("a#b", "(?#comment)#", true, "-", "a-b"),
        ("color", "colou?r", false, "hue", "hue"),
        ("a+a", r"(?u)a\+a", false, "2a", "2a"),
        ("Ab aB", "(?i:A)b", true, "x", "x aB"),
        ("a\nb\nc", "(?s:a.)b|^c", true, "-", "-\nc"),
        ("a\nb\nc", "(?m:^b$)|^c", true, "-", "a\n-\nc"),
        ("a\nb", "(?s-i:a.b)", false, "x", "x"),
        ("f{x", "f{x", false, "y", "y"),
        ("a{}a", "a{}", false, "b", "ba"),
        ("aaaaa", "a{2}", true, "b", "bba"),
        ("aaaa", "a{3,}", false, "b", "b"),
        ("aba", r"\Aa|a\Z", true, "x", "xbx"),
        ("a cat, cats", r"\bcat\b", true, "dog", "a dog, cats"),
        ("cat cats", r"cat\B", true, "dog", "cat dogs"),
        ("a1b22", r"\d+", true, "#", "a#b#"),
        ("a1b2", r"\D", true, "-", "-1-2"),
        ("é1٣", r"\d", true, "#", "é##"),
        ("é1", r"\D", true, "-", "-1"),
        ("a b\x1fc", r"\S+", true, "w", "w w\x1fw"),
        ("a-b c", r"\W", true, "_", "a_b_c"),
        ("a\x08b", r"[\b]", false, "", "ab"),
        ("ABC", r"\x41|\u0042|\U00000043", true, "x", "xxx"),
        ("a\0b\x01c", r"\0|\01", true, "-", "a-b-c"),
        ("a\x078", r"\078", true, "-", "a-"),
        ("bcx", "[a-c]", true, "-", "--x"),
        ("a1-_b", r"[\d_-]", true, "", "ab"),
        ("a1 b2", r"[^\d\s]", true, "x", "x1 x2"),
        ("ABCD", r"[\x41-\x43]", true, "", "D"),
        ("a\tb", r"[\t]", true, r"\f\v\a\r", "a\x0c\x0b\x07\rb"),
        ("a", "a", false, r"\!\.", r"\!\."),
        ("a{x}", "a{x}", false, "y", "y"),
        ("a{1,x}", "a{1,x}", false, "y", "y"),
        ("a-b", "[a-]", true, "x", "xxb"),
        ("a b-", r"[\s-]", true, "_", "a_b_"),
        ("ab", "(?-i:a)b", false, "x", "x"),
    ] {
        let found = edited(before, pattern, multiple, replacement);
        if before == after {
            assert!(found.is_err(), "{pattern}: {found:?}");
        } else {
            assert_eq!(found, Ok(after.into()), "{pattern}");
        }
    }
}

#[test]
fn what_may_mean_something_else_is_not_applied() {
    for (before, pattern, replacement) in [
        ("ab", "(?=a)", "x"),
        ("aa", r"(a)\1", "x"),
        ("ab", "(?<!a)b", "x"),
        ("ab", "a*+", "x"),
        ("ab", "a++", "x"),
        ("ab", "(a*)*", "x"),
        ("ab", "a|", "x"),
        ("ab", "a*?", "x"),
        ("ab\n", "b$", "x"),
        ("é", r"\w", "x"),
        ("é", "(?i)É", "x"),
        ("a", "(?i)É|a", "x"),
        ("ab", "(?x)a", "x"),
        ("ab", "*a", "x"),
        ("ab", "^*a", "x"),
        ("ab", "(a", "x"),
        ("ab", "a)", "x"),
        ("ab", "[b-a]", "x"),
        ("ab", r"\qa", "x"),
        ("ab", r"\pL", "x"),
        ("ab", "a", r"\1"),
        ("ab", "a", r"\g<x>"),
        ("ab", "a", r"\q"),
        ("ab", "a", "\\"),
        ("ab", "z", "x"),
        ("ab", "(a{1000}){1000}", "x"),
        ("b", r"[\s-x]", "x"),
        ("b", r"[a-\d]", "x"),
        ("a", "[a", "x"),
        ("a4", r"\x4", "x"),
        ("a", r"\u12", "x"),
        ("a", r"\U00110000|a", "x"),
        ("aaa", "a{3,2}", "x"),
        ("a", "(?P<1>a)", "x"),
        ("a", "(?P<a", "x"),
        ("a", "(?P<>a)", "x"),
        ("a", "(?P<a-b>a)", "x"),
        ("ab", "(?P<n>a)(?P<n>b)", "x"),
        ("a", "(?)a", "x"),
        ("aa", "a**", "x"),
        ("aa", "a{2}*", "x"),
        ("a1", r"[\d-a]", "x"),
        ("é a", r"\ba", "x"),
        ("é a", r"\Ba", "x"),
        ("", r"\B", "x"),
        ("é-", r"\W", "x"),
        ("a", "(?#a", "x"),
        ("aaaaaa", "a{2}{3}", "x"),
        ("a", "(?", "x"),
        ("a", r"a\", "x"),
        ("a", &"a?".repeat(40_000), "x"),
    ] {
        let found = edited(before, pattern, true, replacement);
        assert!(found.is_err(), "{pattern} → {replacement}: {found:?}");
    }
}

#[test]
fn after_an_edit_that_was_not_applied_only_a_rewrite_is_exact() {
    let canvas = replay(
        vec![
            (None, create("t", "a")),
            (Some(0), update("(?=a)", true, "x")),
            (Some(1), update("a", true, "b")),
            (Some(2), update(".*", true, "c")),
            (Some(3), update("c", true, "d")),
        ],
        4,
    );
    assert!(text(&canvas, 1).is_err());
    assert_eq!(text(&canvas, 2), Err("the text before it is not known"));
    assert_eq!(text(&canvas, 3), Ok("c".into()));
    assert_eq!(text(&canvas, 4), Ok("d".into()));
    assert_eq!(canvas.steps[&(NodeId(4), 0)].version, 5);
    assert_eq!(canvas.documents, [CanvasDocument { title: "t", kind: "document", text: "d".into() }]);
}

#[test]
fn a_branch_starts_from_the_documents_at_its_fork() {
    // 0 creates; 1 and 2 both edit it; 3 follows 2; the user saw 1 last.
    let canvas = replay(
        vec![
            (None, create("t", "a")),
            (Some(0), update("a", false, "b")),
            (Some(0), update("a", false, "c")),
            (Some(2), update("c", false, "d")),
            (Some(2), create("other", "e")),
            (Some(4), update("e", false, "f")),
        ],
        1,
    );
    assert_eq!([1, 2, 3, 5].map(|node| text(&canvas, node).unwrap()), ["b", "c", "d", "f"]);
    assert_eq!(canvas.documents.len(), 1);
    assert_eq!(canvas.documents[0].text, "b");
}

#[test]
fn a_step_finds_its_document_by_id_and_a_failed_one_changes_nothing() {
    let with = |id: &'static str, step| CanvasStep { document: Some(id.into()), ..step };
    let canvas = replay(
        vec![
            (None, with("1", create("one", "a"))),
            (Some(0), with("2", create("two", "a"))),
            (Some(1), with("1", update("a", false, "b"))),
            (Some(2), CanvasStep { failed: true, ..update(".*", false, "lost") }),
            (Some(3), step(CanvasAction::Comment(Vec::new()))),
            (Some(4), with("3", update("a", false, "b"))),
            (Some(5), step(CanvasAction::Unreadable("{".into()))),
            (Some(6), CanvasStep { failed: true, ..create("lost", "a") }),
        ],
        7,
    );
    assert_eq!(
        canvas.documents.iter().map(|d| (d.title, d.text.as_ref())).collect::<Vec<_>>(),
        [("one", "b"), ("two", "a")]
    );
    assert_eq!(text(&canvas, 3), Err("the canvas refused it"));
    assert_eq!(text(&canvas, 4), Err("no outcome"));
    assert_eq!(text(&canvas, 5), Err("the text before it is not known"));
    assert_eq!(text(&canvas, 6), Err("the call can't be read"));
}

#[test]
fn a_document_has_the_extension_of_its_language() {
    let extension = |kind: &str| CanvasDocument { title: "", kind, text: "".into() }.extension().to_owned();
    for (kind, expected) in [
        ("document", "md"),
        ("code/python", "py"),
        ("code/bash", "sh"),
        ("code/html", "html"),
        ("code/../x", "txt"),
    ] {
        assert_eq!(extension(kind), expected, "{kind}");
    }
}

#[test]
fn an_edit_that_would_grow_past_the_budget_is_not_applied() {
    let document: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    let replacement = r"\g<0>".repeat(100);
    for (pattern, multiple) in [("(?s)x+", false), ("x", true)] {
        let found = edited(document, pattern, multiple, &replacement);
        assert_eq!(found.map(|text| text.len()), Err("it is too much work"), "{pattern}");
    }
}

#[test]
fn all_edits_of_a_conversation_share_one_budget() {
    let document: &'static str = Box::leak("x".repeat(1 << 20).into_boxed_str());
    let mut steps = vec![(None, create("t", document))];
    steps.extend((0..100).map(|at| (Some(at), update("x", false, "y"))));
    let canvas = replay(steps, 100);
    let applied = (1..=100).filter(|&node| text(&canvas, node).is_ok()).count();
    assert_eq!(applied, 6, "each makes a text of 1 MiB");
    assert_eq!(text(&canvas, 7), Err("it is too much work"));
    assert_eq!(text(&canvas, 8), Err("the text before it is not known"));
}

#[test]
fn a_pattern_of_many_states_is_not_run_on_a_long_document() {
    let document: &'static str = Box::leak("ab".repeat(1_000_000).into_boxed_str());
    for pattern in ["(?:a|b|ab){200}c", "(?:a.*?){50}c", "[^c]{2000}c"] {
        assert_eq!(edited(document, pattern, true, "x"), Err("it is too much work"), "{pattern}");
    }
    assert_eq!(edited("aab", "(?:a|b|ab){3}", true, "x"), Ok("x".into()));
}

#[test]
fn a_literal_passage_is_found_in_a_document_of_any_length() {
    let passage = "the end. ".repeat(1000);
    let document: &'static str =
        Box::leak(format!("{}{passage}!", "beginning ".repeat(100_000)).into_boxed_str());
    let found = edited(document, &passage.replace('.', r"\."), true, r"<\g<0>>").unwrap();
    assert_eq!(found.len(), document.len() + 2);
    assert!(found.ends_with(". >!"));
}
