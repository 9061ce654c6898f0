//! Nothing vanishes: whatever shape a content type, a part or a file comes in, its words are on the page, or a problem
//! names what is missing.
//!
//! What the vendor's own client hides (instructions, search results, calls of most tools) is hidden here, too, and is not
//! tried.

use crate::support::{Outcome, Scratch, Tree, exported, gptfs};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fmt::Write as _;

/// The word that every case plants. It looks like text, not like an id.
const WORD: &str = "a ripe kumquat";

/// What is found of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The word is on the page.
    Shown,
    /// It isn't, but there is a problem with the conversation.
    Named,
    Lost,
}

/// A message by `author` with this content, and metadata if there is any.
fn message(author: &Value, content: &Value, metadata: Value) -> Value {
    let mut message = json!({"author": author, "content": content});
    message["metadata"] = metadata;
    message
}

fn assistant(content: &Value) -> Value {
    message(&json!({"role": "assistant"}), content, json!({}))
}

/// The shapes that a field can have in place of a text.
fn shapes() -> Vec<Value> {
    vec![
        json!(WORD),
        json!([WORD]),
        json!([null, [[WORD]]]),
        json!({"text": WORD}),
        json!({"anything": {"deeper": [WORD]}}),
        json!([{"text": WORD}]),
        json!([{"body": {"value": WORD}}]),
        json!([{"content_type": "text", "parts": [WORD]}]),
        json!([{"content_type": "novelty", "asset_pointer": "file-service://file-x", "text": WORD}]),
        json!([{"content_type": "novelty", "heading": WORD}]),
    ]
}

/// Types of content, each with what it usually has. Those that the client hides are left out.
fn types() -> Vec<(&'static str, Value)> {
    vec![
        ("text", json!({"parts": ["usual"]})),
        ("multimodal_text", json!({"parts": ["usual"]})),
        ("code", json!({"language": "python", "text": "usual"})),
        ("execution_output", json!({"text": "usual"})),
        ("citable_code_output", json!({"output_str": "usual"})),
        ("thoughts", json!({"thoughts": [{"summary": "usual", "content": "usual"}]})),
        ("reasoning_recap", json!({"content": "usual"})),
        ("system_error", json!({"name": "usual", "text": "usual"})),
        (
            "computer_output",
            json!({"screenshot": {"asset_pointer": "file-service://file-x"}, "state": {"title": "usual"}}),
        ),
        ("super_widget", json!({"widgets": {"navlinks": [{"title": "usual", "url": "https://u.example"}]}})),
        ("novelty", json!({"text": "usual"})),
    ]
}

/// Content whose text is in an unexpected place or has an unexpected shape.
fn odd_contents() -> Vec<Value> {
    let mut contents = Vec::new();
    for (kind, usual) in types() {
        for shape in shapes() {
            // In place of what it usually has, beside it, and under a key that nothing has.
            for key in [
                "parts", "text", "content", "thoughts", "result", "output_str", "summary", "widgets",
                "novelty",
            ] {
                let mut alone = json!({"content_type": kind});
                alone[key] = shape.clone();
                contents.push(alone);
                let mut beside = usual.clone();
                beside["content_type"] = kind.into();
                if beside.get(key).is_none() {
                    beside[key] = shape.clone();
                    contents.push(beside);
                }
            }
        }
    }
    for shape in shapes() {
        contents.push(shape.clone());
        contents.push(json!({"parts": shape}));
        contents.push(json!({"content_type": ["text"], "parts": shape}));
        contents.push(json!({"content_type": null, "novelty": shape}));
    }
    contents
}

/// Parts whose text is in an unexpected place.
fn odd_parts() -> Vec<Value> {
    let pointer = json!("sediment://file_000000000000000000000000000000aa");
    let mut parts = Vec::new();
    for shape in shapes() {
        for kind in [
            "image_asset_pointer",
            "audio_transcription",
            "audio_asset_pointer",
            "real_time_user_audio_video_asset_pointer",
            "video_container_asset_pointer",
            "novelty",
            "text",
        ] {
            for key in ["text", "transcript", "caption", "content", "parts"] {
                for asset in [json!(null), pointer.clone()] {
                    let mut part = json!({"content_type": kind, "asset_pointer": asset});
                    part[key] = shape.clone();
                    parts.push(part);
                }
            }
        }
        parts.push(json!({"content_type": {}, "asset_pointer": [], "text": shape}));
        parts.push(shape);
    }
    parts
}

/// Steps of thinking in unexpected shapes.
fn odd_thoughts() -> Vec<Value> {
    let mut thoughts = Vec::new();
    for shape in shapes() {
        thoughts.push(shape.clone());
        thoughts.push(json!([shape]));
        thoughts.push(json!(["usual", shape]));
        for key in ["summary", "content", "chunks", "text", "novelty"] {
            for usual in
                [json!({}), json!({"summary": "usual"}), json!({"summary": "usual", "content": "usual"})]
            {
                let mut thought = usual;
                if key != "chunks" || thought.get("content").is_none() {
                    thought[key] = shape.clone();
                    thoughts.push(json!([thought]));
                }
            }
        }
    }
    thoughts
}

/// Calls of tools that are shown, in unexpected shapes.
fn odd_calls() -> Vec<Value> {
    let mut calls = Vec::new();
    let mut call = |tool: &str, data: Value| {
        for content in [
            json!({"content_type": "text", "parts": [data.to_string()]}),
            json!({"content_type": "text", "parts": [data]}),
            json!({"content_type": "code", "language": "json", "text": data.to_string()}),
            json!({"content_type": "code", "language": "json", "text": data}),
        ] {
            let author = json!({"role": "assistant"});
            let mut call = message(&author, &content, json!({}));
            call["recipient"] = tool.into();
            calls.push(call);
        }
    };
    for shape in shapes() {
        call("canmore.create_textdoc", json!({"name": "Usual", "type": "document", "content": shape}));
        call("canmore.create_textdoc", json!({"name": "Usual", "type": "document", "novelty": shape}));
        call("canmore.create_textdoc", json!({"name": shape, "type": "document", "content": "usual"}));
        call("canmore.update_textdoc", json!({"updates": shape}));
        call("canmore.update_textdoc", json!({"updates": [{"pattern": ".*", "replacement": shape}]}));
        call("canmore.update_textdoc", json!({"updates": [{"pattern": ".*", "text": shape}]}));
        call("canmore.update_textdoc", json!({"novelty": shape}));
        call("canmore.comment_textdoc", json!({"comments": [{"pattern": ".*", "comment": shape}]}));
        call("canmore.comment_textdoc", json!({"comments": shape}));
        call("container.exec", json!({"cmd": shape}));
        call("container.exec", json!({"cmd": ["bash", "-lc", shape]}));
        call("container.exec", json!({"novelty": shape}));
        call("python", shape);
    }
    calls
}

/// Messages with files, quotes and outputs in their metadata, in unexpected shapes.
fn odd_metadata() -> Vec<Value> {
    let mut messages = Vec::new();
    let user = json!({"role": "user"});
    let plain = json!({"content_type": "text", "parts": ["usual"]});
    for shape in shapes() {
        for key in ["attachments", "mounted_library_file_references", "shared_library_file_references"] {
            messages.push(message(&user, &plain, json!({key: shape})));
            messages.push(message(&user, &plain, json!({key: [shape]})));
            messages.push(message(&user, &plain, json!({key: [{"id": "file-x", "name": shape}]})));
            messages.push(message(&user, &plain, json!({key: [{"file_name": shape}]})));
            messages.push(message(&user, &plain, json!({key: [{"file": {"name": shape}}]})));
        }
        messages.push(message(&user, &plain, json!({"targeted_reply": shape})));
        messages.push(message(&user, &plain, json!({"targeted_reply_label": shape})));
        let output = json!({"content_type": "execution_output", "text": ""});
        let python = json!({"role": "tool", "name": "python"});
        for run in [
            json!({"messages": shape}),
            json!({"messages": [{"message_type": "stream", "text": shape}]}),
            json!({"jupyter_messages": [{"msg_type": "stream", "content": {"name": "stdout", "text": shape}}]}),
            json!({"jupyter_messages": [{"content": {"data": {"text/plain": shape}}}]}),
            json!({"final_expression_output": shape}),
            json!({"in_kernel_exception": shape}),
            json!({"in_kernel_exception": {"name": "Usual", "args": shape}}),
            json!({"in_kernel_exception": {"name": "Usual", "args": [shape]}}),
            json!({"in_kernel_exception": {"name": "Usual", "traceback": shape}}),
            json!({"system_exception": {"novelty": shape}}),
        ] {
            messages.push(message(&python, &output, json!({"aggregate_result": run})));
        }
    }
    for kind in
        ["entity", "grouped_webpages", "file", "image_v2", "video", "products", "nav_list", "url", "novelty"]
    {
        let answer = json!({"content_type": "text", "parts": [format!("usual {WORD} usual")]});
        let role = json!({"role": "assistant"});
        let reference =
            json!({"type": kind, "matched_text": WORD, "start_idx": 6, "end_idx": 6 + WORD.len()});
        messages.push(message(&role, &answer, json!({"content_references": [reference]})));
        messages.push(message(&role, &answer, json!({"content_references": reference})));
    }
    messages
}

/// Messages whose frame is unexpected.
fn odd_messages() -> Vec<Value> {
    let content = json!({"content_type": "text", "parts": [WORD]});
    let mut messages = Vec::new();
    for author in [
        json!(null),
        json!("user"),
        json!("novelty"),
        json!({"role": "novelty"}),
        json!({"role": ["user"]}),
        json!(7),
        json!([{}]),
    ] {
        messages.push(message(&author, &content, json!({})));
    }
    messages.push(json!({"content": content}));
    for metadata in
        [json!(null), json!("x"), json!([1]), json!({"is_visually_hidden_from_conversation": null})]
    {
        messages.push(message(&json!({"role": "user"}), &content, metadata));
    }
    for shape in shapes() {
        messages.push(json!({"author": {"role": "assistant"}, "text": shape}));
        messages.push(json!({"author": {"role": "assistant"}, "parts": shape}));
        messages.push(json!({"author": {"role": "user"}, "content": null, "parts": shape}));
    }
    messages.push(json!(WORD));
    messages.push(json!([content]));
    messages
}

/// Reports of Deep Research in unexpected shapes.
fn odd_reports() -> Vec<Value> {
    let mut messages = Vec::new();
    for shape in shapes() {
        for report in
            [json!({"content": shape}), json!({"content": {"content_type": "text", "parts": shape}}), shape]
        {
            let state = json!({"status": "completed", "plan": {"title": "usual"}, "report_message": report});
            for state in [state.clone(), json!(state.to_string())] {
                let author = json!({"role": "tool", "name": "api_tool.call_tool"});
                let sdk = json!({"attribution_id": "connector_openai_deep_research", "widget_state": state});
                let text = json!({"content_type": "text", "parts": ["for the model"]});
                messages.push(message(&author, &text, json!({"chatgpt_sdk": sdk})));
            }
        }
    }
    messages
}

/// Chats of a group in unexpected shapes.
fn odd_group_messages() -> Vec<Value> {
    let mut messages = vec![json!(WORD)];
    for shape in shapes() {
        for key in ["text", "content", "parts"] {
            let mut message = json!({"role": "user"});
            message[key] = shape.clone();
            messages.push(message);
        }
        for attachment in [shape.clone(), json!([shape]), json!([{"id": "file-x", "name": shape}])] {
            messages.push(json!({"role": "user", "text": "usual", "attachments": attachment}));
        }
    }
    messages
}

/// The id and title of the case at `at`.
fn name(at: usize) -> String {
    format!("case-{at:05}")
}

/// What `gptfs` says about each of the cases whose files are in `export`.
fn fates(count: usize, export: &std::path::Path) -> Vec<Fate> {
    let Tree(pages) = exported(export);
    let Outcome { stdout: problems, .. } = gptfs([OsStr::new("check"), export.as_os_str()]);
    let fate = |at: usize| {
        let name = name(at);
        let (_, page) =
            pages.iter().find(|(path, _)| path.ends_with(&format!("/{name}.md"))).expect("a page");
        let page = String::from_utf8_lossy(page);
        // Names of files are made portable, and lines of a page may be quoted or in code.
        let words: Vec<_> =
            page.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
        if words.windows(3).any(|words| words.join(" ") == WORD) {
            Fate::Shown
        } else if problems.lines().any(|line| line.contains(&name)) {
            Fate::Named
        } else {
            Fate::Lost
        }
    };
    (0..count).map(fate).collect()
}

/// Fails unless the word of each case is shown, or named where it is not in a place that is ever read.
#[track_caller]
fn assert_found(cases: &[Value], export: &std::path::Path) {
    let mut lost = String::new();
    for (case, fate) in cases.iter().zip(fates(cases.len(), export)) {
        let is_message = case.is_object();
        if fate == Fate::Lost || fate == Fate::Named && is_message {
            writeln!(lost, "{fate:?}: {case}").expect("a string");
        }
    }
    assert!(lost.is_empty(), "{} of {}:\n{lost}", lost.lines().count(), cases.len());
}

/// Tries messages, each after a question in a conversation of its own.
#[track_caller]
fn assert_shown(cases: &[Value]) {
    let chat = |(at, message): (usize, &Value)| {
        let question =
            json!({"author": {"role": "user"}, "content": {"content_type": "text", "parts": ["Usual?"]}});
        json!({"id": name(at), "title": name(at), "create_time": 1_741_064_767, "current_node": "b", "mapping": {
            "a": {"id": "a", "parent": null, "message": question}, "b": {"id": "b", "parent": "a", "message": message}}})
    };
    let chats: Vec<_> = cases.iter().enumerate().map(chat).collect();
    let scratch = Scratch::new();
    assert_found(cases, &scratch.file("conversations.json", json!(chats).to_string()));
}

#[test]
fn no_words_of_any_type_of_content_vanish() {
    for author in [json!({"role": "assistant"}), json!({"role": "user"})] {
        let cases: Vec<_> =
            odd_contents().iter().map(|content| message(&author, content, json!({}))).collect();
        assert_shown(&cases);
    }
}

#[test]
fn no_words_of_what_a_tool_printed_vanish() {
    let author = json!({"role": "tool", "name": "python"});
    let printed = |content: &Value| {
        let kind = content.get("content_type").and_then(Value::as_str).unwrap_or_default();
        // The text of a tool is for the model, and so is code that it returns.
        !matches!(kind, "" | "text" | "multimodal_text" | "code")
    };
    let contents = odd_contents();
    let cases: Vec<_> = contents
        .iter()
        .filter(|content| printed(content))
        .map(|content| message(&author, content, json!({})))
        .collect();
    assert_shown(&cases);
}

#[test]
fn no_words_of_any_part_vanish() {
    let content = |part: Value| json!({"content_type": "multimodal_text", "parts": ["usual", part]});
    assert_shown(&odd_parts().into_iter().map(|part| assistant(&content(part))).collect::<Vec<_>>());
}

#[test]
fn no_words_of_thinking_vanish() {
    let content = |thoughts: Value| json!({"content_type": "thoughts", "thoughts": thoughts});
    assert_shown(
        &odd_thoughts().into_iter().map(|thoughts| assistant(&content(thoughts))).collect::<Vec<_>>(),
    );
}

#[test]
fn no_words_of_calls_vanish() {
    assert_shown(&odd_calls());
}

#[test]
fn no_words_of_metadata_that_is_shown_vanish() {
    assert_shown(&odd_metadata());
}

#[test]
fn no_words_of_an_odd_message_vanish() {
    assert_shown(&odd_messages());
}

#[test]
fn no_words_of_a_report_vanish() {
    assert_shown(&odd_reports());
}

#[test]
fn no_words_of_a_group_chat_vanish() {
    let cases = odd_group_messages();
    let chat = |(at, message): (usize, &Value)| {
        json!({"id": name(at), "name": name(at), "created_at": "2026-03-04T05:06:07Z", "last_action_at": null, "messages": [
            {"role": "user", "text": "Usual?"}, message]})
    };
    let chats: Vec<_> = cases.iter().enumerate().map(chat).collect();
    let scratch = Scratch::new();
    scratch.file("export/group_chats.json", json!({"chats": chats}).to_string());
    assert_found(&cases, &scratch.path("export"));
}
