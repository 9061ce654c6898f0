use super::*;
use crate::conversation::canvas::CanvasDocument;
use crate::conversation::tree::{MessageTree, Node};
use crate::conversation::{FileKind, Image, Prose, Reference};

/// Knows the files whose ids are listed: id, entry, name in the side files, extension.
struct Index(Vec<(&'static str, u32, Option<&'static str>, Option<&'static str>)>);

impl AssetIndex for Index {
    fn resolve(&self, file: &FileRef<'_>, _: &str, _: &str, _: Option<Timestamp>) -> Option<Resolved> {
        let &(_, entry, name, extension) = self.0.iter().find(|(id, ..)| *id == file.id)?;
        Some(Resolved {
            entry: EntryRef { archive: 0, entry },
            bytes: 7,
            name: name.map(str::to_owned),
            extension: extension.map(str::to_owned),
        })
    }
}

fn file(id: &'static str, name: Option<&'static str>) -> FileRef<'static> {
    FileRef { id: id.into(), name: name.map(Cow::Borrowed), ..FileRef::default() }
}

fn node(parent: Option<u32>, parts: Vec<Part<'static>>) -> Node<'static> {
    Node { parent: parent.map(NodeId), message: Some(Message::new(Role::Assistant, parts)) }
}

fn files(nodes: Vec<Node<'static>>, current: u32, canvas: &Canvas<'_>, index: &Index) -> Files {
    let conversation = Conversation {
        assistant: crate::format::chatgpt::ASSISTANT,
        tree: MessageTree::new(nodes),
        current: Some(NodeId(current)),
        ..Conversation::default()
    };
    Files::of(&conversation, &Threads::of(&conversation), canvas, index)
}

fn names(files: &Files) -> Vec<&str> {
    files.files.iter().map(|file| file.name.as_str()).collect()
}

#[test]
fn the_visible_thread_comes_first_and_missing_files_are_left_out() {
    let index =
        Index(vec![("a", 1, None, Some("png")), ("b", 2, Some("side.txt"), None), ("c", 3, None, None)]);
    let image = Part::Image(Image { file: file("c", Some("seen.jpg")), alt: None, prompt: None });
    let nodes = vec![
        node(None, vec![Part::File(file("missing", Some("lost.docx")))]),
        node(Some(0), vec![Part::File(file("a", None))]),
        node(Some(0), vec![Part::File(file("b", None)), image]),
    ];
    let files = files(nodes, 2, &Canvas::default(), &index);
    assert_eq!(names(&files), ["side.txt", "seen.jpg", "a.png"]);
    assert_eq!(files.get(&file("a", None)).map(|file| file.bytes), Some(7));
    assert_eq!(files.get(&file("missing", None)), None);
}

#[test]
fn one_entry_under_two_ids_is_one_file_and_one_name_for_two_entries_is_numbered() {
    let index =
        Index(vec![("a", 1, None, None), ("b", 1, None, None), ("c", 2, None, None), ("d", 3, None, None)]);
    let parts = [("a", "Map.png"), ("b", "other.png"), ("c", "map.PNG"), ("d", "map.png")]
        .map(|(id, name)| Part::File(file(id, Some(name))));
    let files = files(vec![node(None, parts.into())], 0, &Canvas::default(), &index);
    assert_eq!(names(&files), ["Map.png", "map-2.PNG", "map-3.png"]);
    assert_eq!(files.get(&file("b", None)), files.get(&file("a", None)));
}

#[test]
fn references_and_sandbox_links_lead_to_files_too() {
    let index = Index(vec![("a", 1, None, None), ("/mnt/data/x (1).csv", 2, Some("x (1).csv"), None)]);
    let reference = Reference {
        start: 0,
        end: 1,
        matched: "S".into(),
        meaning: Meaning::File(FileRef { kind: FileKind::Other, ..file("a", Some("a.pdf")) }),
    };
    let prose = Prose {
        text: "See [x](sandbox:/mnt/data/x%20(1).csv).".into(),
        references: vec![reference],
        ..Prose::default()
    };
    let files = files(vec![node(None, vec![Part::Prose(prose)])], 0, &Canvas::default(), &index);
    assert_eq!(names(&files), ["a.pdf", "x (1).csv"]);
    for id in ["/mnt/data/x%20(1).csv", "/mnt/data/x (1).csv"] {
        assert_eq!(files.get(&file(id, None)).map(|file| file.name.as_str()), Some("x (1).csv"), "{id}");
    }
}

#[test]
fn canvas_documents_come_last_at_their_own_positions() {
    let document = |title: &'static str, kind: &'static str, text: &'static str| CanvasDocument {
        title,
        kind,
        text: text.into(),
    };
    let canvas = Canvas {
        documents: vec![
            document("Haiku", "document", "old pond"),
            document("tool.py", "code/python", "x\n"),
            document("a/b", "document", ""),
        ],
        ..Canvas::default()
    };
    let index = Index(vec![("a", 1, None, None)]);
    let files = files(vec![node(None, vec![Part::File(file("a", Some("Haiku.md")))])], 0, &canvas, &index);
    assert_eq!(names(&files), ["Haiku.md", "Haiku-2.md", "tool.py", "a-b.md"]);
    let canvases: Vec<_> = files.files.iter().map(|file| (file.content, file.bytes)).skip(1).collect();
    assert_eq!(
        canvases,
        [(AssetContent::Canvas(1), 9), (AssetContent::Canvas(2), 2), (AssetContent::Canvas(3), 0)]
    );
}

#[test]
fn an_extension_is_added_only_where_there_is_none() {
    let resolved = |name: Option<&str>, extension: Option<&str>| Resolved {
        entry: EntryRef { archive: 0, entry: 0 },
        bytes: 0,
        name: name.map(str::to_owned),
        extension: extension.map(str::to_owned),
    };
    let mime = FileRef { mime: Some("text/csv".into()), ..file("id", Some("table v1.2")) };
    assert_eq!(display_name(&file("id", Some("a.png")), &resolved(Some("b.jpg"), Some("webp"))), "a.png");
    assert_eq!(display_name(&file("id", Some("a")), &resolved(Some("b.jpg"), Some("webp"))), "a.jpg");
    assert_eq!(display_name(&mime, &resolved(None, Some("txt"))), "table v1.2.csv");
    assert_eq!(display_name(&file("id", None), &resolved(None, Some("webp"))), "id.webp");
    assert_eq!(display_name(&file("/mnt/data/id", None), &resolved(None, None)), "id");
}

#[test]
fn a_thousand_files_of_one_name_get_a_thousand_names() {
    let mut names = Names::default();
    let given: HashSet<_> = (0..1000).map(|_| names.unique("a.txt")).collect();
    assert_eq!(given.len(), 1000);
    assert!(given.contains("a.txt") && given.contains("a-1000.txt"));
}

/// A conversation whose messages are `nodes`, each with its time, and whose user was last at `current`.
fn timed(mut nodes: Vec<Node<'static>>, times: &[f64], current: u32, index: &Index) -> Vec<String> {
    for (node, &time) in nodes.iter_mut().zip(times) {
        node.message.as_mut().unwrap().created = Timestamp::from_number(1.7e9 + time);
    }
    let files = files(nodes, current, &Canvas::default(), index);
    let mut names: Vec<_> =
        files.by_id.iter().map(|(id, &at)| format!("{id}: {}", files.files[at].name)).collect();
    names.sort();
    names
}

#[test]
fn files_without_a_name_are_named_after_their_kind_and_a_number_that_newer_exports_keep() {
    let png = Some("png");
    let all = [("a", 1, None, png), ("b", 2, None, png), ("c", 3, None, png), ("d", 4, None, Some("wav"))];
    let index = Index([&all[..], &[("n", 5, Some("cat.png"), None), ("p", 6, None, None)]].concat());
    let of_kind = |id: &'static str, kind| FileRef { kind, ..file(id, None) };
    let image = |id, kind| Part::Image(Image { file: of_kind(id, kind), alt: None, prompt: None });
    let plot = |id| image(id, FileKind::Plot);
    let first = || {
        vec![
            node(None, vec![plot("a"), image("n", FileKind::Image)]),
            node(Some(0), vec![plot("b"), Part::File(file("/mnt/data/p", None)), plot("lost")]),
            node(
                Some(0),
                vec![plot("c"), Part::Audio { file: of_kind("d", FileKind::Audio), seconds: None }],
            ),
        ]
    };
    // b is on a branch that was left before c was drawn.
    let expected = ["a: plot 1.png", "b: plot 2.png", "c: plot 4.png", "d: voice 1.wav", "n: cat.png"];
    assert_eq!(timed(first(), &[0.0, 1.0, 2.0], 2, &index), expected);
    assert_eq!(timed(first(), &[0.0, 1.0, 2.0], 1, &index), expected, "back on the other branch");
    // More is written after each of them, and what was lost is found.
    let mut index = index;
    index.0.extend([("e", 7, None, png), ("f", 8, None, png), ("lost", 9, None, png)]);
    let newer = || {
        let mut nodes = first();
        nodes.push(node(Some(1), vec![plot("e"), plot("a")]));
        nodes.push(node(Some(2), vec![plot("f"), image("a", FileKind::Image)]));
        nodes
    };
    let more = ["e: plot 5.png", "f: plot 6.png", "lost: plot 3.png"];
    let mut expected = [&expected[..], &more].concat();
    expected.sort_unstable();
    for current in [3, 4] {
        assert_eq!(timed(newer(), &[0.0, 1.0, 2.0, 3.0, 4.0], current, &index), expected);
    }
}

#[test]
fn an_extension_is_short_and_not_a_number() {
    for (name, expected) in [
        ("a.mp3", Some("mp3")),
        ("a.tar.gz", Some("gz")),
        ("a.12345678x", None),
        ("a.", None),
        ("a.b c", None),
        ("version 1.5", None),
        (".bashrc", None),
        ("a", None),
    ] {
        assert_eq!(extension(name), expected, "{name}");
    }
}

#[test]
fn a_number_that_another_name_has_is_passed_over() {
    let mut names = Names::default();
    let found = ["a.txt", "a-2.txt", "A.txt", "a.txt"].map(|name| names.unique(name));
    assert_eq!(found, ["a.txt", "a-2.txt", "A-3.txt", "a-4.txt"]);
}
