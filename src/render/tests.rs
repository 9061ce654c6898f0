use super::*;
use crate::catalog::{AssetContent, EntryRef};
use crate::conversation::canvas::{CanvasOutcome, CanvasVersion};
use crate::conversation::files::File;
use crate::conversation::thread::Branch;
use crate::conversation::tree::{MessageTree, Node};
use crate::conversation::{
    CanvasAction, CanvasComment, CanvasEdit, CanvasStep, Cut, FileKind, FileRef, Image, Link, Message, Part,
    Prose, Role, Thought, Visibility,
};
use crate::time::Timestamp;

fn prose(text: &str) -> Part<'_> {
    Part::Prose(Prose { text: text.into(), ..Prose::default() })
}

fn user(text: &str) -> Message<'_> {
    Message::new(Role::User, vec![prose(text)])
}

fn answer(text: &str) -> Message<'_> {
    Message::new(Role::Assistant, vec![prose(text)])
}

fn missing(name: &'static str) -> FileRef<'static> {
    FileRef { id: name.into(), name: Some(name.into()), ..FileRef::default() }
}

/// A chain of messages.
fn chain(messages: Vec<Message<'_>>) -> Conversation<'_> {
    let nodes = messages.into_iter().enumerate().map(|(at, message)| Node {
        parent: at.checked_sub(1).map(|parent| NodeId(parent as u32)),
        message: Some(message),
    });
    Conversation {
        assistant: crate::format::chatgpt::ASSISTANT,
        title: Some("T".into()),
        tree: MessageTree::new(nodes.collect()),
        ..Conversation::default()
    }
}

fn document<'c>(conversation: &'c Conversation<'c>) -> Document<'c> {
    let threads = Threads { visible: conversation.tree.ids().collect(), branches: Vec::new() };
    Document::from_parts(conversation, threads, Canvas::default(), Files::default())
}

fn rendered(document: &Document<'_>, page: Page, options: &Options) -> String {
    let mut out = String::new();
    document.render(page, options, &mut out).unwrap();
    let stems = out.matches(STEM).count();
    let measure = document.measure(page, options);
    assert_eq!(measure.size(7), (out.len() - 3 * stems + 7 * stems) as u64);
    out
}

fn options() -> Options {
    Options::new(Zone::utc())
}

/// The page of a thread of `messages`, after its title.
#[track_caller]
fn shows(messages: Vec<Message<'_>>, expected: &str) {
    shows_with(&options(), messages, expected);
}

#[track_caller]
fn shows_with(options: &Options, messages: Vec<Message<'_>>, expected: &str) {
    let conversation = chain(messages);
    let page = rendered(&document(&conversation), Page::Thread, options);
    let body = page.strip_prefix("---\ntitle: \"T\"\n---\n\n# T\n\n").unwrap_or(&page);
    assert_eq!(body, expected);
}

#[test]
fn each_turn_has_one_heading() {
    let messages = vec![
        user("One?"),
        user("Two?"),
        answer("One."),
        Message::new(Role::Tool, vec![prose("Two.")]),
        user("Bye"),
    ];
    shows(messages, "## User\n\nOne?\n\n## User\n\nTwo?\n\n## ChatGPT\n\nOne.\n\nTwo.\n\n## User\n\nBye\n");
}

#[test]
fn people_in_a_group_have_names_and_turns_may_have_times() {
    let mut options = options();
    options.times = true;
    let created = Timestamp::from_text("2025-03-04T05:06:07Z");
    let who = Message { name: Some("Ada *".into()), created, ..user("Hi") };
    shows_with(&options, vec![who], "## User (Ada \\*) · 2025-03-04 05:06\n\nHi\n");
}

#[test]
fn a_conversation_without_messages_says_so() {
    shows(vec![], "*This conversation has no visible messages.*\n");
}

#[test]
fn damage_is_reported_under_the_title() {
    let mut conversation = chain(vec![user("Hi")]);
    conversation.damage = Some("nested deeper than 128".into());
    let page = rendered(&document(&conversation), Page::Thread, &options());
    assert!(page.ends_with(
        "# T\n\n*This conversation is damaged in the export: nested deeper than 128.*\n\n## User\n\nHi\n"
    ));
}

#[test]
fn front_matter_has_its_keys_in_order() {
    let mut conversation = chain(vec![
        Message { model: Some("gpt-4o".into()), ..answer("a") },
        Message { model: Some("o3".into()), ..answer("b") },
        Message { model: Some("gpt-4o".into()), ..answer("c") },
    ]);
    conversation.title = Some(" a: \"b\"\n\u{202e}c".into());
    conversation.id = "00000000-0000-4000-8000-000000001000".into();
    conversation.created = Timestamp::from_text("2025-03-04T05:06:07Z");
    conversation.updated = Timestamp::from_text("2025-03-04T05:16:07Z");
    conversation.project = Some("g-p-01".into());
    conversation.starred = true;
    conversation.archived = true;
    conversation.export = Some("old export.zip".into());
    let mut options = options();
    options.names.insert("g-p-01".into(), "My project: one".into());
    let page = rendered(&document(&conversation), Page::Thread, &options);
    let expected = "---\ntitle: \" a: \\\"b\\\"\\n\\u202ec\"\nid: 00000000-0000-4000-8000-000000001000\n\
        url: https://chatgpt.com/g/g-p-01/c/00000000-0000-4000-8000-000000001000\n\
        created: 2025-03-04T05:06:07+00:00\nupdated: 2025-03-04T05:16:07+00:00\nmodels: [gpt-4o, o3]\n\
        project: \"My project: one\"\nstarred: true\narchived: true\n\
        source: \"old export.zip\"\n---\n\n# a: \"b\" c\n";
    assert!(page.starts_with(expected), "{page}");
}

#[test]
fn the_default_model_is_used_if_no_message_names_one() {
    let mut conversation = chain(vec![Message { model: Some("x".into()), ..user("Hi") }]);
    conversation.default_model = Some("gpt-4".into());
    let page = rendered(&document(&conversation), Page::Thread, &options());
    assert!(page.contains("\nmodel: gpt-4\n---\n"));
}

/// A tree in which the second answer (node 2) begins a branch, and within it the last message (node 4) another.
fn forked<'a>() -> Conversation<'a> {
    let created = Timestamp::from_text("2025-03-04T05:06:07Z");
    let second = Message { created, ..answer("Second answer.") };
    let node = |parent: Option<u32>, message| Node { parent: parent.map(NodeId), message: Some(message) };
    let nodes = vec![
        node(None, user("Question?")),
        node(Some(0), answer("First answer.")),
        node(Some(0), second),
        node(Some(2), user("Sure?")),
        node(Some(2), user("Really?")),
    ];
    Conversation {
        assistant: crate::format::chatgpt::ASSISTANT,
        title: Some("A b".into()),
        tree: MessageTree::new(nodes),
        ..Conversation::default()
    }
}

fn forked_document<'c>(conversation: &'c Conversation<'c>) -> Document<'c> {
    let branch = |number, fork, nodes: &[u32]| Branch {
        number,
        fork: Some(NodeId(fork)),
        nodes: nodes.iter().copied().map(NodeId).collect(),
    };
    let branches = vec![branch(2, 0, &[2, 3]), branch(3, 2, &[4])];
    let threads = Threads { visible: vec![NodeId(0), NodeId(1)], branches };
    Document::from_parts(conversation, threads, Canvas::default(), Files::default())
}

#[test]
fn a_fork_links_to_its_branches_and_they_link_back() {
    let conversation = forked();
    let document = forked_document(&conversation);
    let thread = rendered(&document, Page::Thread, &options());
    assert_eq!(
        String::from_utf8(with_stem(thread, "A%20b")).unwrap(),
        "---\ntitle: \"A b\"\nbranches: 2\n---\n\n# A b\n\n## User\n\nQuestion?\n\n\
         *Other branches from here: [2](A%20b.branches/2.md)*\n\n## ChatGPT\n\nFirst answer.\n"
    );
    let second = rendered(&document, Page::Branch(2), &options());
    assert_eq!(
        String::from_utf8(with_stem(second, "A%20b")).unwrap(),
        "---\ntitle: \"A b\"\nbranch: 2\n---\n\n# A b\n\n*Branch 2 of [A b](../A%20b.md), from 2025-03-04 05:06*\n\n\
         ## ChatGPT\n\nSecond answer.\n\n*Other branches from here: [3](3.md)*\n\n## User\n\nSure?\n"
    );
    assert!(rendered(&document, Page::Branch(3), &options()).contains("\n\n## User\n\nReally?\n"));
    assert_eq!(rendered(&document, Page::Branch(4), &options()), "");
}

#[test]
fn a_branch_with_a_root_of_its_own_is_named_under_the_title() {
    let conversation = chain(vec![user("Hi")]);
    let branches = vec![Branch { number: 4, fork: None, nodes: vec![] }];
    let threads = Threads { visible: vec![NodeId(0)], branches };
    let document = Document::from_parts(&conversation, threads, Canvas::default(), Files::default());
    let page = rendered(&document, Page::Thread, &options()).replace(STEM, "T");
    assert!(page.ends_with("# T\n\n*Other branches from here: [4](T.branches/4.md)*\n\n## User\n\nHi\n"));
}

#[test]
fn a_page_that_does_not_name_itself_is_not_copied() {
    let page = String::from("nothing");
    let place = page.as_ptr();
    let bytes = with_stem(page, "x");
    assert_eq!((bytes.as_ptr(), bytes.as_slice()), (place, &b"nothing"[..]));
}

#[test]
fn fences_are_longer_than_any_fence_in_the_code_or_output() {
    let parts = vec![
        Part::Code { language: "python".into(), text: "print('```')\n".into() },
        Part::Output("````\n".into()),
        Part::Output(" \n".into()),
        Part::Code { language: "a b`\n# x".into(), text: "1\r\n2".into() },
    ];
    shows(
        vec![Message::new(Role::Tool, parts)],
        "## ChatGPT\n\n````python\nprint('```')\n````\n\n`````text\n````\n`````\n\n```a\n1\n2\n```\n",
    );
}

fn thoughts(summary: &'static str, content: &'static str) -> Part<'static> {
    Part::Thoughts(vec![Thought { summary: summary.into(), content: content.into() }])
}

fn recap(seconds: Option<u64>) -> Part<'static> {
    Part::Recap { seconds, text: "Pensou <um> pouco".into() }
}

#[test]
fn thoughts_up_to_their_recap_are_one_fold() {
    let messages = vec![
        Message::new(Role::Assistant, vec![Part::Thoughts(vec![])]),
        Message::new(Role::Assistant, vec![thoughts("One", "91 = 7 × 13.\n```\nopen")]),
        Message::new(Role::Assistant, vec![thoughts("", "Again.</details>")]),
        Message::new(Role::Assistant, vec![recap(Some(72))]),
        answer("No."),
    ];
    shows(
        messages,
        "## ChatGPT\n\n<details>\n<summary>Thought for 1 m 12 s</summary>\n\n**One**\n\n91 = 7 × 13.\n```\nopen\n```\n\n\
         Again.\\</details>\n\n</details>\n\nNo.\n",
    );
}

#[test]
fn thinking_is_labelled_by_what_is_known_about_it() {
    let turn = |part| vec![Message::new(Role::Assistant, vec![thoughts("One", ""), part, prose("No.")])];
    shows(
        turn(recap(None)),
        "## ChatGPT\n\n<details>\n<summary>Pensou &lt;um&gt; pouco</summary>\n\n**One**\n\n</details>\n\nNo.\n",
    );
    shows(
        turn(Part::Thoughts(vec![])),
        "## ChatGPT\n\n<details>\n<summary>Thinking</summary>\n\n**One**\n\n</details>\n\nNo.\n",
    );
    shows(
        vec![Message::new(Role::Assistant, vec![recap(Some(4)), prose("No.")])],
        "## ChatGPT\n\n*Thought for 4 s*\n\nNo.\n",
    );
}

#[test]
fn thinking_may_be_shown_or_hidden() {
    let turn = || {
        vec![Message::new(Role::Assistant, vec![thoughts("One", "# Two"), recap(Some(3600)), prose("No.")])]
    };
    let mut options = options();
    options.thinking = Thinking::Hide;
    shows_with(&options, turn(), "## ChatGPT\n\nNo.\n");
    options.thinking = Thinking::Show;
    shows_with(&options, turn(), "## ChatGPT\n\n> **Thought for 1 h**\n>\n> **One**\n>\n> ### Two\n\nNo.\n");
}

#[test]
fn a_cut_answer_continues_where_it_broke_off() {
    let cut = |text| Message { cut: Some(Cut::Length), ..answer(text) };
    let rest = Message { cut: Some(Cut::Stopped), ..answer("three\n```\nDone.") };
    shows(
        vec![cut("```text\none\ntwo\n"), rest],
        "## ChatGPT\n\n```text\none\ntwo\nthree\n```\nDone.\n\n*[stopped]*\n",
    );
    shows(
        vec![cut("half a wo"), cut("rd, or m"), answer("ore"), answer("New.")],
        "## ChatGPT\n\nhalf a word, or more\n\nNew.\n",
    );
    shows(vec![cut("```\nopen"), user("Go on")], "## ChatGPT\n\n```\nopen\n```\n\n## User\n\nGo on\n");
}

#[test]
fn hidden_messages_are_folded_and_only_shown_on_demand() {
    let call = || Message {
        visibility: Visibility::Hidden,
        name: Some("web.run".into()),
        recipient: Some("<all>".into()),
        ..Message::new(Role::Tool, vec![prose("# Results")])
    };
    shows(vec![user("Hi"), call(), answer("Ho")], "## User\n\nHi\n\n## ChatGPT\n\nHo\n");
    let mut options = options();
    options.all = true;
    shows_with(
        &options,
        vec![user("Hi"), call(), answer("Ho")],
        "## User\n\nHi\n\n<details>\n<summary>tool: web.run → &lt;all&gt;</summary>\n\n### Results\n\n</details>\n\n\
         ## ChatGPT\n\nHo\n",
    );
}

#[test]
fn files_that_the_export_lacks_are_named_with_their_size() {
    let picture = Image { file: missing("my_cat.png"), alt: None, prompt: None };
    let parts = vec![
        Part::Image(picture),
        prose("What is this?"),
        Part::File(FileRef { bytes: Some(2048), ..missing("lost.docx") }),
        Part::File(FileRef { bytes: Some(999_960), kind: FileKind::Image, ..FileRef::default() }),
        Part::Audio { file: FileRef::default(), seconds: Some(1.62) },
        Part::Video { file: None, frames: 2 },
        Part::Audio { file: missing("talk_1.mp3"), seconds: None },
        Part::Video { file: Some(missing("pond.mp4")), frames: 0 },
    ];
    shows(
        vec![Message::new(Role::User, parts)],
        "## User\n\n*[my_cat.png, not in export]*\n\nWhat is this?\n\n- *lost.docx, 2.0 kB, not in export*\n\
         - *Image, 1.0 MB, not in export*\n\n*[Audio, 1.6 s, not in export]* *(2 video frames, not in export)*\n\n\
         *[talk_1.mp3, not in export]* *[pond.mp4, not in export]*\n",
    );
}

#[test]
fn a_generated_picture_has_its_prompt() {
    let picture = Image {
        file: missing("a.png"),
        alt: Some("A dog".into()),
        prompt: Some("a dog\n# *on* grass".into()),
    };
    shows(
        vec![Message::new(Role::Tool, vec![Part::Image(picture)])],
        "## ChatGPT\n\n*[A dog, not in export]*\n\n*Prompt: a dog # \\*on\\* grass*\n",
    );
}

#[test]
fn a_list_of_files_is_not_taken_for_the_end_of_a_list_in_the_text() {
    let parts = vec![prose("- one\n- two"), Part::File(missing("a")), prose("   code?")];
    shows(
        vec![Message::new(Role::User, parts)],
        "## User\n\n- one\n- two\n\n* *a, not in export*\n\n<!-- -->\n\n   code?\n",
    );
}

#[test]
fn failures_links_quotes_and_unknown_content_are_blocks() {
    let link = |label: &'static str, url: &'static str| Link {
        label: label.into(),
        url: url.into(),
        ..Link::default()
    };
    let parts = vec![
        Part::Failure { name: "AceConnectionException".into(), text: "timed out".into() },
        Part::Failure { name: "".into(), text: "a\n```\n# b".into() },
        Part::Links(vec![
            link("Shop [1]", "https://shop.example/a b)"),
            link("", ""),
            link("", "https://www.x.example/"),
        ]),
        Part::Quote { source: link("Page", "https://p.example/"), text: "# quoted\n\nmore".into() },
        Part::Unknown { kind: "hologram_v1".into() },
    ];
    shows(
        vec![Message::new(Role::Assistant, parts)],
        "## ChatGPT\n\n> **Error** (AceConnectionException): timed out\n\n> **Error**:\n>\n> ````text\n> a\n> ```\n> # b\n\
         > ````\n\n- [Shop \\[1\\]](https://shop.example/a%20b%29)\n- [x.example](https://www.x.example/)\n\n\
         > [Page](https://p.example/)\n>\n> \\# quoted\n>\n> more\n\n*[Unsupported content: hologram_v1]*\n",
    );
}

#[test]
fn footnotes_are_listed_after_their_message() {
    let prose = Prose {
        text: "Text.".into(),
        footnotes: vec![Link {
            label: "Ponds".into(),
            url: "https://pond.example/".into(),
            publisher: "Pond Book".into(),
        }],
        ..Prose::default()
    };
    shows(
        vec![Message::new(Role::Assistant, vec![Part::Prose(prose)])],
        "## ChatGPT\n\nText.\n\nSources:\n\n- [Ponds](https://pond.example/) (Pond Book)\n",
    );
}

fn step(action: CanvasAction<'_>) -> Part<'_> {
    Part::Canvas(CanvasStep {
        document: None,
        title: Some("Haiku".into()),
        kind: Some("document".into()),
        version: None,
        failed: false,
        action,
    })
}

#[test]
fn canvas_documents_are_quoted_at_every_version() {
    let edit = CanvasEdit { pattern: "(".into(), multiple: true, replacement: "croak".into() };
    let comments = vec![
        CanvasComment { pattern: "plop".into(), comment: "onomatopoeia".into() },
        CanvasComment { pattern: "".into(), comment: "one\n# two".into() },
    ];
    let conversation = chain(vec![
        Message::new(Role::Assistant, vec![step(CanvasAction::Create("old pond\n# frog\n```\nopen".into()))]),
        Message::new(Role::Assistant, vec![step(CanvasAction::Create("x = 1".into()))]),
        Message::new(
            Role::Assistant,
            vec![step(CanvasAction::Update(vec![edit])), step(CanvasAction::Comment(comments))],
        ),
        Message::new(Role::Assistant, vec![step(CanvasAction::Unreadable("{".into()))]),
    ]);
    let known = |kind: &'static str, version, outcome| CanvasVersion {
        title: "Haiku",
        kind,
        version,
        outcome: Some(outcome),
    };
    let mut canvas = Canvas::default();
    canvas.steps.insert((NodeId(1), 0), known("code/python", 2, CanvasOutcome::Text("x = 1".into())));
    canvas.steps.insert((NodeId(2), 0), known("document", 3, CanvasOutcome::NotApplied("no such passage")));
    let threads = Threads { visible: conversation.tree.ids().collect(), branches: Vec::new() };
    let document = Document::from_parts(&conversation, threads, canvas, Files::default());
    let page = rendered(&document, Page::Thread, &options());
    let expected = "## ChatGPT\n\n> **Canvas: Haiku**\n>\n> old pond\n> ### frog\n> ```\n> open\n> ```\n\n\
        > **Canvas: Haiku** (version 2)\n>\n> ```python\n> x = 1\n> ```\n\n\
        > **Canvas: Haiku** (version 3)\n>\n> *[edits not applied: no such passage]*\n>\n> Replace all:\n>\n\
        > ```text\n> (\n> ```\n>\n> With:\n>\n> ```text\n> croak\n> ```\n\n\
        > **Canvas comment** on “plop”: onomatopoeia\n\n> **Canvas comment**:\n>\n> one\n> ### two\n\n\
        > **Canvas: Haiku**\n>\n> *[unreadable]*\n>\n> ```text\n> {\n> ```\n";
    assert!(page.ends_with(expected), "{page}");
}

#[test]
fn the_last_version_of_a_canvas_document_is_a_page_of_its_own() {
    let conversation = chain(vec![]);
    let file = |content| File { name: "n".into(), content, bytes: 1 };
    let entry = AssetContent::Entry(EntryRef { archive: 0, entry: 0 });
    let files = Files {
        files: vec![file(AssetContent::Canvas(0)), file(entry), file(AssetContent::Canvas(2))],
        ..Files::default()
    };
    let text = canvas_document;
    let canvas = Canvas { documents: vec![text("first"), text("# second\u{fdd0}\n")], ..Canvas::default() };
    let document = Document::from_parts(&conversation, Threads::default(), canvas, files);
    assert_eq!(rendered(&document, Page::Canvas(0), &options()), "first\n");
    assert_eq!(rendered(&document, Page::Canvas(1), &options()), "");
    assert_eq!(rendered(&document, Page::Canvas(2), &options()), "# second\u{fffd}\n");
    assert!(rendered(&document, Page::Thread, &options()).contains("\nattachments: 3\n"));
}

fn canvas_document(text: &str) -> crate::conversation::canvas::CanvasDocument<'_> {
    crate::conversation::canvas::CanvasDocument { title: "t", kind: "document", text: text.into() }
}

#[test]
fn the_placeholder_for_a_pages_name_cannot_come_from_an_export() {
    let conversation =
        chain(vec![user("a\u{fdd0}b"), Message { name: Some("\u{fdd0}".into()), ..user("x") }]);
    let page = rendered(&document(&conversation), Page::Thread, &options());
    assert!(!page.contains(STEM));
    assert!(page.contains("a\u{fffd}b"));
}

#[test]
fn time_grows_linearly_with_hostile_text() {
    // Lines that any step with more than constant work per line would be slow on.
    for line in [
        "`",
        "<",
        "> > > ",
        "- ",
        "[",
        "\u{e200}cite\u{e202}",
        "<details>",
        "](sandbox:",
        "【1†",
        "#",
        "* ",
        "\n-\n",
        "<b>",
        "<div\n<a ",
        "<x><b></x>",
        "- <i>\n",
        "\n\n<div>\n- <div>\n\n  <b>",
        "\\(",
        "\\(a\\) $",
        "[^1]",
        "[^1]: a\n",
        "[a]: /u\n\n[a]",
        " id=\"",
        "\u{e200}genui\u{e202}{\"a\":{}}\u{e201}",
    ] {
        let small = line.repeat(10_000);
        let large = line.repeat(200_000);
        let time = |text: &str| {
            let conversation = chain(vec![answer(text)]);
            let document = document(&conversation);
            let start = std::time::Instant::now();
            rendered(&document, Page::Thread, &options());
            start.elapsed()
        };
        let base = (0..3).map(|_| time(&small)).min().unwrap_or_default();
        let limit = base.saturating_mul(20 * 8) + std::time::Duration::from_millis(500);
        let taken = time(&large);
        assert!(taken < limit, "{line:?}: {taken:?} against {base:?} for a twentieth");
    }
}
