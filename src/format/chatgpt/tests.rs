use super::*;
use crate::conversation::{FileRef, Link, Meaning, Part, Prose};
use serde_json::{Value, json};

mod content;
mod group;
mod references;

/// What is read from `json`, as `look` sees it.
fn read<T>(json: &str, detail: Detail, look: impl Fn(&Conversation<'_>, &[String]) -> T) -> T {
    let mut seen = None;
    ChatGpt.read(json.as_bytes(), detail, &mut |conversation, problems| {
        assert!(seen.is_none(), "handed over twice");
        seen = Some(look(&conversation, &problems));
    });
    seen.unwrap()
}

/// A conversation whose messages follow one another.
fn chain(messages: &[Value]) -> Value {
    // A JSON map of these tests is sorted by its keys.
    let key = |at: usize| format!("{at:03}");
    let mut mapping = serde_json::Map::new();
    mapping.insert(key(0), json!({"id": key(0), "message": null, "parent": null}));
    for (at, message) in messages.iter().enumerate() {
        let node = json!({"id": key(at + 1), "message": message, "parent": key(at)});
        mapping.insert(key(at + 1), node);
    }
    json!({"mapping": mapping, "current_node": key(messages.len())})
}

/// A message with content and, where `extra` has them, other fields and metadata.
#[allow(clippy::needless_pass_by_value, reason = "tests pass temporaries")]
fn message(role: &str, content: Value, extra: Value) -> Value {
    let mut message = json!({"author": {"role": role}, "content": content});
    for (key, value) in extra.as_object().unwrap() {
        match key.as_str() {
            "name" => message["author"]["name"] = value.clone(),
            "recipient" | "weight" | "create_time" => message[key] = value.clone(),
            _ => message["metadata"][key] = value.clone(),
        }
    }
    message
}

fn text(text: &str) -> Value {
    json!({"content_type": "text", "parts": [text]})
}

/// The parts of all messages, in short; those of hidden messages in brackets.
fn parts(messages: &[Value], detail: Detail) -> Vec<String> {
    read(&chain(messages).to_string(), detail, |conversation, problems| {
        assert_eq!(problems, [] as [String; 0]);
        let messages = conversation.tree.ids().filter_map(|id| conversation.tree.message(id));
        messages
            .flat_map(|message| {
                message.parts.iter().map(|part| match message.visibility {
                    Visibility::Shown => short(part),
                    Visibility::Hidden => format!("[{}]", short(part)),
                })
            })
            .collect()
    })
}

fn shown(messages: &[Value]) -> Vec<String> {
    parts(messages, Detail::Shown)
}

fn file(file: &FileRef<'_>) -> String {
    format!("{} {:?} {:?} {:?}", file.id, file.name.as_deref(), file.bytes, file.kind)
}

fn links(links: &[Link<'_>]) -> String {
    links.iter().map(|link| format!("{}→{}", link.label, link.url)).collect::<Vec<_>>().join(", ")
}

fn short(part: &Part<'_>) -> String {
    match part {
        Part::Prose(Prose { text, .. }) => format!("prose {text}"),
        Part::Code { language, text } => format!("code {language}: {text}"),
        Part::Output(text) => format!("output {text}"),
        Part::Thoughts(thoughts) => {
            let thoughts: Vec<_> = thoughts.iter().map(|t| format!("{}/{}", t.summary, t.content)).collect();
            format!("thoughts {}", thoughts.join(", "))
        }
        Part::Recap { seconds, text } => format!("recap {seconds:?} {text}"),
        Part::Image(image) => {
            format!(
                "image {} alt {:?} prompt {:?}",
                file(&image.file),
                image.alt.as_deref(),
                image.prompt.as_deref()
            )
        }
        Part::Audio { file: recording, seconds } => format!("audio {} {seconds:?}", file(recording)),
        Part::Video { file: video, frames } => format!("video {:?} {frames}", video.as_ref().map(file)),
        Part::File(attached) => format!("file {}", file(attached)),
        Part::Failure { name, text } => format!("failure {name}: {text}"),
        Part::Links(list) => format!("links {}", links(list)),
        Part::Quote { source, text } => format!("quote {} {text}", links(std::slice::from_ref(source))),
        Part::Canvas(step) => format!("canvas {step:?}"),
        Part::Note(text) => format!("note {text}"),
        Part::Unknown { kind } => format!("unknown {kind}"),
    }
}

/// Everything about a conversation that a page could show.
fn everything(json: &str) -> String {
    read(json, Detail::All, |conversation, problems| format!("{conversation:?} {problems:?}"))
}

#[test]
fn the_keys_of_a_conversation_may_come_in_any_order_and_type() {
    let json = r#"{"mapping": {}, "title": 17, "id": "b", "is_starred": null, "is_archived": true, "conversation_id": "a",
        "create_time": "2025-03-04T05:06:07Z", "update_time": 1741064767, "gizmo_id": "g-abc",
        "conversation_template_id": "g-p-0123", "default_model_slug": "gpt-4o", "current_node": null}"#;
    read(json, Detail::Shown, |conversation, problems| {
        assert_eq!(problems, [] as [String; 0]);
        assert_eq!((conversation.id.as_ref(), conversation.title.as_deref()), ("a", Some("17")));
        assert_eq!(conversation.created, Timestamp::from_number(1_741_064_767.0));
        assert_eq!(conversation.created, conversation.updated);
        assert_eq!(
            (conversation.gpt.as_deref(), conversation.project.as_deref()),
            (Some("g-abc"), Some("g-p-0123"))
        );
        assert_eq!((conversation.starred, conversation.archived), (false, true));
        assert_eq!(conversation.default_model.as_deref(), Some("gpt-4o"));
        assert!(conversation.tree.is_empty() && conversation.damage.is_none());
    });
}

#[test]
fn a_blank_title_does_not_count_and_a_title_keeps_its_blanks() {
    for (title, expected) in [("null", None), ("\" \\n\"", None), ("\" a\"", Some(" a"))] {
        let json = format!(r#"{{"title": {title}, "mapping": {{}}}}"#);
        read(&json, Detail::Shown, |conversation, _| assert_eq!(conversation.title.as_deref(), expected));
    }
}

#[test]
fn a_conversation_without_a_time_begins_with_its_earliest_shown_message() {
    let at = |role, time: f64, hidden| {
        message(role, text("x"), json!({"create_time": time, "is_visually_hidden_from_conversation": hidden}))
    };
    let mut json = chain(&[at("user", 5e8, true), at("user", 9e8, false), at("assistant", 8e8, false)]);
    let created =
        |json: &Value| read(&json.to_string(), Detail::Shown, |conversation, _| conversation.created);
    assert_eq!(created(&json), Timestamp::from_number(8e8));
    json["create_time"] = json!(0);
    json["update_time"] = json!(1e9);
    assert_eq!(created(&json), Timestamp::from_number(8e8));
    json["mapping"] = json!({});
    assert_eq!(created(&json), Timestamp::from_number(1e9));
}

#[test]
fn parents_are_found_by_key_and_children_only_where_nothing_is_said_of_parents() {
    let json = json!({"current_node": "c", "mapping": {
        "c": {"id": "c", "parent": "b", "children": ["a"]},
        "b": {"id": "b", "children": ["c"]},
        "a": {"id": "a", "parent": null, "children": ["b", "c", "nowhere"]},
        "d": {"id": "d", "parent": "gone"},
    }});
    read(&json.to_string(), Detail::Shown, |conversation, problems| {
        let parents: Vec<_> = conversation.tree.ids().map(|id| conversation.tree.parent(id)).collect();
        // `mapping` is sorted here: a, b, c, d.
        assert_eq!(parents, [None, Some(NodeId(0)), Some(NodeId(1)), None]);
        assert_eq!(conversation.current, Some(NodeId(2)));
        assert_eq!(problems, ["messages whose parent does not exist: 1"]);
    });
}

#[test]
fn messages_in_a_list_are_known_by_their_ids() {
    let node = |id: &str, parent: Value| json!({"id": id, "parent": parent, "message": message("user", text(id), json!({}))});
    let json = json!({"current_node": "b", "mapping": [node("a", json!(null)), node("b", json!("a"))]});
    read(&json.to_string(), Detail::Shown, |conversation, problems| {
        assert_eq!(problems, [] as [String; 0]);
        assert_eq!(conversation.current, Some(NodeId(1)));
        assert_eq!(conversation.tree.parent(NodeId(1)), Some(NodeId(0)));
        let message = conversation.tree.message(NodeId(1)).unwrap();
        assert_eq!(message.parts.iter().map(short).collect::<Vec<_>>(), ["prose b"]);
    });
}

#[test]
fn only_a_conversation_with_an_id_has_an_address() {
    let address = |json: &str| read(json, Detail::Shown, |it, _| it.assistant.address(it));
    assert_eq!(address(r#"{"id": "a", "mapping": {}}"#).as_deref(), Some("https://chatgpt.com/c/a"));
    assert_eq!(address(r#"{"mapping": {}}"#), None);
}

#[test]
fn a_circle_and_a_current_message_that_does_not_exist_are_problems() {
    let json = json!({"current_node": "x", "mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}});
    read(&json.to_string(), Detail::Shown, |conversation, problems| {
        assert_eq!(conversation.current, None);
        let expected =
            ["current_node names a message that does not exist", "cycles of messages that were cut: 1"];
        assert_eq!(problems, expected);
    });
}

#[test]
fn the_last_of_duplicate_keys_counts() {
    let json = r#"{"title": "a", "title": "b", "current_node": "2", "mapping": {
        "1": {"parent": null, "message": {"author": {"role": "user"}, "content": {"parts": ["old"]}}},
        "2": {"parent": "1"},
        "1": {"parent": null, "message": {"author": {"role": "user"}, "content": {"parts": ["new"]}}}}}"#;
    read(json, Detail::Shown, |conversation, _| {
        assert_eq!(conversation.title.as_deref(), Some("b"));
        assert_eq!(conversation.tree.len(), 2);
        let message = conversation.tree.message(NodeId(0)).unwrap();
        assert_eq!(short(&message.parts[0]), "prose new");
    });
}

#[test]
fn an_element_that_is_no_object_says_what_it_is() {
    for (json, what) in [
        ("null", "null"),
        ("3", "a number"),
        ("-3.5", "a number"),
        ("\"x\"", "text"),
        ("[1]", "a list"),
        ("true", "a boolean"),
    ] {
        read(json, Detail::Shown, |conversation, problems| {
            let expected = format!("element is not a conversation (it is {what})");
            assert_eq!(conversation.damage.as_ref(), Some(&expected));
            assert_eq!(problems, [expected]);
        });
    }
}

#[test]
fn broken_json_keeps_everything_before_the_break_and_the_short_fields_behind_it() {
    let json = r#"{"id": "i", "mapping": {"a": {"parent": null, "message": {"author": {"role": "user"},
        "content": {"content_type": "text", "parts": ["kept"]}}}, "b": {"parent" "a"}}, "title": "T", "create_time": 1e9}"#;
    let texts = Texts::default();
    let Reading { conversation, error, .. } = Reading::of(Json { text: json, texts: &texts }, Detail::Shown);
    assert!(error.is_some());
    assert_eq!((conversation.id.as_ref(), conversation.title.as_deref()), ("i", Some("T")));
    assert_eq!(conversation.created, Timestamp::from_number(1e9));
    assert_eq!(short(&conversation.tree.message(NodeId(0)).unwrap().parts[0]), "prose kept");
}

#[test]
fn a_lone_surrogate_is_one_character_and_shifts_no_reference() {
    let json = r#"{"mapping": {"a": {"parent": null, "message": {"author": {"role": "assistant"}, "content":
        {"content_type": "text", "parts": ["\ud83d\ud83e\udd8e【1†s】"]}, "metadata": {"citations": [{"start_ix": 2,
        "end_ix": 7, "metadata": {"title": "T", "url": "https://t.example"}}]}}}}}"#;
    read(json, Detail::Shown, |conversation, problems| {
        assert!(!problems.is_empty() && conversation.damage.is_none());
        let Part::Prose(prose) = &conversation.tree.message(NodeId(0)).unwrap().parts[0] else {
            panic!("not prose")
        };
        assert_eq!(prose.text, "\u{fffd}🦎【1†s】");
        assert_eq!((prose.references[0].start, prose.references[0].matched.as_ref()), (2, "【1†s】"));
    });
}

#[test]
fn any_value_in_any_place_leaves_the_neighbours_alone() {
    let good = message("user", text("good"), json!({}));
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e99),
        json!("x"),
        json!([null, [3]]),
        json!({"a": {"b": []}}),
    ];
    let full = message(
        "tool",
        json!({"content_type": "multimodal_text", "text": "t", "parts": [{"content_type": "image_asset_pointer",
            "asset_pointer": "file-service://file-x", "metadata": {"dalle": {"prompt": "p"}}}], "thoughts": [{}]}),
        json!({"name": "n", "recipient": "all", "weight": 1.0, "create_time": 1.0, "content_references": [{"type": "x"}],
            "citations": [{"metadata": {}}], "attachments": [{"id": "i"}], "aggregate_result": {"messages": [{}]},
            "canvas": {"version": 1}, "finish_details": {"type": "x"}, "search_result_groups": [{"entries": [{}]}],
            "_cite_metadata": {"metadata_list": [{}]}, "user_context_message_data": {}}),
    );
    // Every place in `full`, as a path of pointers.
    let mut places = vec![String::new()];
    let mut next = 0;
    while let Some(place) = places.get(next).cloned() {
        next += 1;
        let keys: Vec<String> = match full.pointer(&place) {
            Some(Value::Object(map)) => map.keys().cloned().collect(),
            Some(Value::Array(list)) => (0..list.len()).map(|at| at.to_string()).collect(),
            _ => Vec::new(),
        };
        places.extend(keys.into_iter().map(|key| format!("{place}/{key}")));
    }
    assert!(places.len() > 40);
    for place in &places {
        for value in &odd {
            let mut broken = full.clone();
            *broken.pointer_mut(place).unwrap() = value.clone();
            let last = read(&chain(&[broken, good.clone()]).to_string(), Detail::All, |conversation, _| {
                let last = conversation.tree.message(NodeId(2)).unwrap();
                last.parts.iter().map(short).collect::<Vec<_>>()
            });
            assert_eq!(last, ["prose good"], "{place} {value}");
        }
    }
}

#[test]
fn unread_containers_may_be_missing() {
    let pruned = ["search_queries", "ada_visualizations", "serialization_metadata", "pad"];
    let with = |value: &Value| {
        let mut extra = json!({"model_slug": "m"});
        for key in pruned {
            extra[key] = value.clone();
        }
        let mut json = chain(&[message("assistant", text("x"), extra)]);
        json["moderation_results"] = value.clone();
        everything(&json.to_string())
    };
    assert_eq!(with(&json!({"a": [{"canvas": {}, "attachments": [{"id": "x"}]}]})), with(&json!(null)));
}

#[test]
fn plain_text_is_not_copied() {
    let json = chain(&[message("user", text("plain ünï"), json!({}))]).to_string();
    read(&json, Detail::Shown, |conversation, _| {
        let Part::Prose(prose) = &conversation.tree.message(NodeId(1)).unwrap().parts[0] else {
            panic!("not prose")
        };
        assert!(matches!(prose.text, Cow::Borrowed(_)));
    });
}

#[test]
fn a_hundred_thousand_messages_are_no_trouble() {
    let picture = r#"{"author":{"role":"tool"},"content":{"content_type":"multimodal_text","parts":[{"content_type":"image_asset_pointer","asset_pointer":"file-service://file-x"}]}}"#;
    let nodes: Vec<_> =
        (0..100_000).map(|at| format!(r#""{at}":{{"parent":"{}","message":{picture}}}"#, at - 1)).collect();
    let json = format!(r#"{{"mapping":{{{}}},"current_node":"99999"}}"#, nodes.join(","));
    let started = std::time::Instant::now();
    read(&json, Detail::All, |conversation, _| assert_eq!(conversation.tree.len(), 100_000));
    assert!(started.elapsed().as_secs() < 20, "not linear");
}

/// The problems of a conversation, and why it is damaged.
fn problems(json: &str) -> (Vec<String>, Option<String>) {
    read(json, Detail::Shown, |conversation, problems| (problems.to_vec(), conversation.damage.clone()))
}

#[test]
fn what_had_to_be_guessed_is_a_problem() {
    let node = |id: &str| format!(r#""{id}": {{"id": "{id}", "parent": null, "message": null}}"#);
    for (json, expected) in [
        (
            r#"{"title": "a", "title": "b", "mapping": {}}"#.to_owned(),
            "title is there more than once: the last one is shown",
        ),
        (
            r#"{"create_time": "soon", "mapping": {}}"#.to_owned(),
            "create_time or update_time is out of range",
        ),
        (r#"{"create_time": 1e300, "mapping": {}}"#.to_owned(), "create_time or update_time is out of range"),
        (
            r#"{"mapping": {"a": 7, "b": {"message": "x"}}}"#.to_owned(),
            "messages that are not objects and are not shown: 2",
        ),
        (
            format!(r#"{{"mapping": {{{}, {}}}}}"#, node("a"), node("a")),
            "keys that mapping has more than once: 1; the last of each is shown",
        ),
    ] {
        let (problems, damage) = problems(&json);
        assert!(problems.iter().any(|problem| problem == expected), "{json}: {problems:?}");
        assert_eq!(damage, None);
    }
    for (mapping, kind) in [(r#""x""#, "text"), ("3", "a number"), ("true", "a boolean")] {
        let (said, damage) = problems(&format!(r#"{{"mapping": {mapping}}}"#));
        let expected = format!("its messages are missing: mapping is {kind}");
        assert_eq!((said, damage), (vec![expected.clone()], Some(expected)));
    }
    let (fine, _) = problems(r#"{"create_time": null, "update_time": 0, "mapping": {}}"#);
    assert_eq!(fine, [] as [String; 0]);
}

#[test]
fn empty_items_take_no_memory_and_too_many_small_ones_are_said_to_be_too_many() {
    let chat = |parts: &str, metadata: &str| {
        format!(
            r#"{{"mapping": {{"a": {{"parent": null, "message": {{"author": {{"role": "assistant"}}, "content":
            {{"content_type": "multimodal_text", "parts": [{parts}"kept"]}}, "metadata": {{{metadata}}}}}}}}}}}"#
        )
    };
    let many = |item: &str| [item, ","].concat().repeat(400_000);
    let references = format!(r#""content_references": [{}null]"#, many("{}"));
    for json in [chat(&many("{}"), ""), chat("", &references)] {
        read(&json, Detail::Shown, |conversation, problems| {
            assert_eq!(problems, [] as [String; 0]);
            let message = conversation.tree.message(NodeId(0)).unwrap();
            assert_eq!(message.parts.iter().map(short).collect::<Vec<_>>(), ["prose kept"]);
        });
    }
    let (_, damage) = problems(&chat(&many(r#"{"a":1}"#), ""));
    assert_eq!(damage.as_deref(), Some("more small values than can be shown"));
}

#[test]
fn a_mapping_of_empty_nodes_is_an_empty_tree() {
    let json = format!(r#"{{"mapping": {{{}"b": null}}}}"#, r#""a": {},"#.repeat(100_000));
    read(&json, Detail::Shown, |conversation, _| assert!(conversation.tree.is_empty()));
}
