//! What is shown of each type of content and part, and what is left out.

use super::*;
use crate::conversation::Cut;

#[test]
fn messages_that_the_client_hides_are_hidden() {
    let instructions =
        json!({"content_type": "user_editable_context", "user_profile": "P", "user_instructions": "I"});
    let messages = [
        message("system", text("a"), json!({"is_user_system_message": true})),
        message("user", instructions, json!({})),
        message(
            "assistant",
            json!({"content_type": "model_editable_context", "model_set_context": "M"}),
            json!({}),
        ),
        message("user", text("b"), json!({"is_visually_hidden_from_conversation": true})),
        message("tool", text("c"), json!({"recipient": "assistant"})),
        message("tool", json!({"content_type": "execution_output", "text": "d"}), json!({"weight": 0.0})),
        message("tool", text("search results"), json!({"name": "web.run"})),
        message(
            "tool",
            json!({"content_type": "tether_browsing_display", "result": "r", "summary": "s"}),
            json!({}),
        ),
        message(
            "tool",
            json!({"content_type": "tether_quote", "url": "https://q.example/?utm_source=chatgpt.com", "title": "Q", "text": "q"}),
            json!({}),
        ),
        message("assistant", json!({"content_type": "tether_quote", "title": "A", "text": "r"}), json!({})),
        message(
            "user",
            json!({"content_type": "new", "blob": {}}),
            json!({"is_visually_hidden_from_conversation": true}),
        ),
        message("assistant", text("User likes newts."), json!({"recipient": "bio"})),
        message("assistant", text(" \n"), json!({})),
    ];
    assert_eq!(shown(&messages), [] as [String; 0]);
    assert_eq!(
        parts(&messages, Detail::All),
        [
            "[output a]",
            "[prose P]",
            "[prose I]",
            "[prose M]",
            "[output b]",
            "[output c]",
            "[output d]",
            "[output search results]",
            "[output r]",
            "[output s]",
            "[quote Q→https://q.example/ q]",
            "[quote A→ r]",
            "[output User likes newts.]",
        ]
    );
}

#[test]
fn a_page_that_was_read_is_named_even_without_its_words() {
    let quote = |title: Value| {
        message("tool", json!({"content_type": "tether_quote", "title": title, "text": ""}), json!({}))
    };
    assert_eq!(parts(&[quote(json!("Q")), quote(json!(null))], Detail::All), ["[quote Q→ ]"]);
}

#[test]
fn custom_instructions_attached_to_an_empty_message_are_hidden_too() {
    let context =
        json!({"user_context_message_data": {"about_user_message": "U", "about_model_message": "M"}});
    let messages = [message("system", text(""), context)];
    assert_eq!(parts(&messages, Detail::All), ["[prose U]", "[prose M]"]);
}

#[test]
fn weight_alone_hides_neither_users_nor_answers() {
    let messages = [
        message("user", text("a"), json!({"weight": 0.0})),
        message("assistant", text("b"), json!({"weight": 0.0})),
        message("critic", text("c"), json!({})),
    ];
    assert_eq!(shown(&messages), ["prose a", "prose b", "prose c"]);
}

#[test]
fn parts_that_are_null_or_empty_are_left_out() {
    let messages = [
        message("user", json!({"content_type": "text", "parts": ["a", null, "", 7, "b"]}), json!({})),
        message("user", json!({"content_type": "text", "parts": null}), json!({})),
        message("user", json!({"content_type": "text", "parts": "lone \n part"}), json!({})),
        message("user", json!("bare text"), json!({})),
        message("user", json!(null), json!({})),
    ];
    assert_eq!(shown(&messages), ["prose a", "prose 7", "prose b", "prose lone \n part", "prose bare text"]);
}

#[test]
fn programs_are_shown_with_their_language() {
    let code =
        |language: &str, text: &str| json!({"content_type": "code", "language": language, "text": text});
    let messages = [
        message("assistant", code("unknown", "1/0"), json!({"recipient": "python"})),
        message("assistant", text("2/0"), json!({"recipient": "python_user_visible"})),
        message(
            "assistant",
            code("unknown", r#"{"cmd":["bash","-lc","ls | wc"]}"#),
            json!({"recipient": "container.exec"}),
        ),
        message(
            "assistant",
            code("unknown", r#"{"cmd":["cat","a b",""]}"#),
            json!({"recipient": "container.exec"}),
        ),
        message(
            "assistant",
            code("unknown", r#"{"cmd":["bash","x","y"]}"#),
            json!({"recipient": "container.exec"}),
        ),
        message(
            "assistant",
            code("unknown", r#"{"cmd":["bash","-l","a b"]}"#),
            json!({"recipient": "container.exec"}),
        ),
        message("assistant", code("bash", "ls"), json!({"recipient": "python"})),
        message("assistant", code("unknown", "no json"), json!({"recipient": "container.exec"})),
        message("assistant", code("unknown", "{\"a\": 1}"), json!({})),
        message("assistant", code("rust", "fn main() {}"), json!({})),
        message("assistant", code("unknown", "search(\"x\")"), json!({"recipient": "browser"})),
    ];
    assert_eq!(
        shown(&messages),
        [
            "code python: 1/0",
            "code python: 2/0",
            "code sh: ls | wc",
            "code sh: cat 'a b' ''",
            "code sh: bash x y",
            "code sh: bash -l 'a b'",
            "code bash: ls",
            "code : no json",
            "code json: {\"a\": 1}",
            "code rust: fn main() {}",
        ]
    );
}

#[test]
fn a_run_shows_its_output_its_failure_and_each_picture_once() {
    let run = json!({
        "messages": [
            {"message_type": "image", "image_url": "file-service://file-a"},
            {"message_type": "stream", "text": "ignored: the message has text"},
        ],
        "jupyter_messages": [
            {"content": {"data": {"image/vnd.openai.fileservice.png": "file-service://file-a", "text/plain": "x"}}},
            {"content": {"data": {"image/vnd.openai.fileservice2.png": "sediment://file_b#page"}}},
            {"content": {"text": "x"}},
        ],
        "in_kernel_exception": {"name": "ZeroDivisionError", "args": ["division by zero"], "traceback": []},
    });
    let output = |text: &str| json!({"content_type": "execution_output", "text": text});
    let pictures = [
        "image file-a None None Plot alt Some(\"Plot\") prompt None",
        "image file_b None None Plot alt Some(\"Plot\") prompt None",
    ];
    let messages =
        [message("tool", output("ZeroDivisionError: x"), json!({"name": "python", "aggregate_result": run}))];
    assert_eq!(shown(&messages), ["output ZeroDivisionError: x", pictures[0], pictures[1]]);
    let messages = [message("tool", output("other"), json!({"name": "python", "aggregate_result": run}))];
    let failure = "failure ZeroDivisionError: division by zero";
    assert_eq!(shown(&messages), ["output other", failure, pictures[0], pictures[1]]);
    let streams = json!({"messages": [{"text": "out"}, {"text": "err"}]});
    let messages = [message("tool", output(""), json!({"name": "python", "aggregate_result": streams}))];
    assert_eq!(shown(&messages), ["output outerr"]);
    // An address that is nothing but a suffix names no picture; an attachment gives a picture its name.
    let plots = json!({"messages": [{"image_url": "#page"}, {"image_url": "file-service://file-a"}]});
    let extra = json!({"name": "python", "aggregate_result": plots, "attachments": [{"id": "file-a", "name": "plot.png"}]});
    let expected = ["output x", "image file-a Some(\"plot.png\") None Plot alt Some(\"Plot\") prompt None"];
    assert_eq!(shown(&[message("tool", output("x"), extra)]), expected);
    assert_eq!(shown(&[message("tool", output(""), json!({"name": "python"}))]), [] as [String; 0]);
}

#[test]
fn thoughts_come_in_many_shapes() {
    let thoughts = |value: Value| {
        message("assistant", json!({"content_type": "thoughts", "thoughts": value}), json!({}))
    };
    let messages = [
        thoughts(json!([])),
        thoughts(json!(null)),
        thoughts(
            json!([{"summary": "S", "content": "C"}, "bare", null, {"content": "", "chunks": ["a", "b"]}, {}]),
        ),
        thoughts(json!([{"content": r#"[{"summary": "S", "content": "C"}, "bare"]"#}, {"content": "[{}]"}])),
        thoughts(json!([{"summary": "S", "content": "C", "step": {"number": 3}}])),
        message("assistant", json!({"content_type": "thoughts", "content": "whole"}), json!({})),
        message(
            "assistant",
            json!({"content_type": "reasoning_recap", "content": "Pensou"}),
            json!({"finished_duration_sec": 72}),
        ),
        message("assistant", json!({"content_type": "reasoning_recap", "content": ""}), json!({})),
    ];
    assert_eq!(
        shown(&messages),
        [
            "thoughts S/C, /bare, /ab",
            "thoughts S/C, /bare, /[{}]",
            "thoughts S/C",
            "thoughts /whole",
            "recap Some(72) Pensou"
        ]
    );
}

#[test]
fn an_image_in_parts_and_attachments_is_shown_once_under_its_users_name() {
    let image = json!({"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-a", "size_bytes": 5});
    let attachments = json!([
        {"id": "file-z", "name": "z.pdf", "size": 9, "mimeType": "application/pdf"},
        {"id": "file-a", "name": "cat.png", "size": 6},
        {"id": "file-a", "name": "cat again.png"},
        {"id": "file-b", "name": "b.jpg", "mime_type": "image/jpeg"},
        {"id": "file-c", "name": "c.wav", "mime_type": "audio/wav"},
        {},
    ]);
    let content = json!({"content_type": "multimodal_text", "parts": [image, "What?"]});
    let messages = [message("user", content, json!({"attachments": attachments}))];
    assert_eq!(
        shown(&messages),
        [
            "image file-a Some(\"cat.png\") Some(6) Image alt Some(\"cat.png\") prompt None",
            "prose What?",
            "file file-z Some(\"z.pdf\") Some(9) Other",
            "image file-b Some(\"b.jpg\") None Image alt Some(\"b.jpg\") prompt None",
            "audio file-c Some(\"c.wav\") None Audio None",
        ]
    );
}

#[test]
fn a_picture_and_an_attachment_without_ids_are_two_files() {
    let content =
        json!({"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer"}]});
    let messages = [message("user", content, json!({"attachments": [{"name": "a.txt"}]}))];
    let expected = ["image  None None Image alt None prompt None", "file  Some(\"a.txt\") None Other"];
    assert_eq!(shown(&messages), expected);
}

#[test]
fn an_empty_message_with_an_attachment_is_shown() {
    let messages = [message("user", text(""), json!({"attachments": [{"id": "file-a", "name": "a.txt"}]}))];
    assert_eq!(shown(&messages), ["file file-a Some(\"a.txt\") None Other"]);
}

#[test]
fn a_generated_picture_has_its_prompt_and_the_note_to_the_model_is_hidden() {
    let image = |metadata: Value| {
        json!({"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "sediment://file_a?x", "metadata": metadata}]})
    };
    let call = |to: &str, text_: &str| message("assistant", text(text_), json!({"recipient": to}));
    let answer = |name: &str, metadata: Value, extra: Value| {
        let mut extra = extra;
        extra["name"] = json!(name);
        message("tool", image(metadata), extra)
    };
    let dalle = json!({"dalle": {"prompt": "a cat"}});
    let empty = json!({"dalle": {"prompt": ""}, "generation": {}});
    let image = |alt: &str, prompt: &str| {
        format!("image file_a None None Image alt Some({alt:?}) prompt Some({prompt:?})")
    };
    assert_eq!(shown(&[answer("dalle.text2im", dalle, json!({}))]), [image("a cat", "a cat")]);
    let new = [
        call("t2uay3k.sj1i4kz", r#"{"prompt": "a dog", "n": 1}"#),
        message("tool", text("do not describe it"), json!({"name": "t2uay3k.sj1i4kz"})),
        answer("t2uay3k.sj1i4kz", empty.clone(), json!({"image_gen_title": "Dog"})),
    ];
    assert_eq!(shown(&new), [image("Dog", "a dog")]);
    // Neither across a message of the user nor from another tool.
    let none = ["image file_a None None Image alt None prompt None"];
    let apart = [
        call("t2uay3k.x", r#"{"prompt": "a dog"}"#),
        message("user", text(""), json!({})),
        answer("t2uay3k.x", empty.clone(), json!({})),
    ];
    assert_eq!(shown(&apart), none);
    let other = [call("web.run", r#"{"prompt": "a dog"}"#), answer("t2uay3k.x", empty.clone(), json!({}))];
    assert_eq!(shown(&other), none);
    let nameless = [call("t2uay3k.x", r#"{"prompt": "a dog"}"#), answer("", empty.clone(), json!({}))];
    assert_eq!(shown(&nameless), [image("a dog", "a dog")]);
    let unreadable = [call("t2uay3k.x", "no json"), answer("t2uay3k.x", empty.clone(), json!({}))];
    assert_eq!(shown(&unreadable), none);
    // The call may begin with parts that say nothing.
    let content = json!({"content_type": "multimodal_text", "parts": [null, {"content_type": "x"}, r#"{"prompt": "a dog"}"#]});
    let late = message("assistant", content, json!({"recipient": "t2uay3k.x"}));
    assert_eq!(shown(&[late, answer("t2uay3k.x", empty, json!({}))]), [image("a dog", "a dog")]);
}

#[test]
fn a_spoken_turn_has_its_transcript_its_recording_and_its_frames() {
    let audio = json!({"content_type": "audio_asset_pointer", "asset_pointer": "sediment://file_a", "size_bytes": 9,
        "metadata": {"start": 1.0, "end": 3.5}});
    let live = json!({"content_type": "real_time_user_audio_video_asset_pointer", "audio_asset_pointer": audio,
        "frames_asset_pointers": ["sediment://f1", {"asset_pointer": "f2"}], "video_container_asset_pointer": "sediment://file_v"});
    let transcript = json!({"content_type": "audio_transcription", "text": "Hello"});
    let parts =
        |parts: Value| message("user", json!({"content_type": "multimodal_text", "parts": parts}), json!({}));
    let silent = json!({"content_type": "audio_transcription", "text": ""});
    let film = json!({"content_type": "video_container_asset_pointer", "asset_pointer": "file-service://file-f", "frames_asset_pointers": [1]});
    let mute = json!({"content_type": "audio_transcription", "text": null});
    let endless = json!({"content_type": "audio_asset_pointer", "asset_pointer": "sediment://file_b",
        "metadata": {"start": -1.7e308, "end": 1.7e308}});
    let messages = [
        parts(json!([transcript, live])),
        parts(json!([silent, audio])),
        parts(json!([film])),
        parts(json!([mute, endless])),
    ];
    assert_eq!(
        shown(&messages),
        [
            "prose Hello",
            "audio file_a None Some(9) Audio Some(2.5)",
            "video Some(\"file_v None None Video\") 2",
            "audio file_a None Some(9) Audio Some(2.5)",
            "video Some(\"file-f None None Video\") 1",
            "audio file_b None None Audio None",
        ]
    );
}

#[test]
fn rarer_types_of_content_are_shown_too() {
    let tool = |content: Value| message("tool", content, json!({}));
    let messages = [
        tool(json!({"content_type": "system_error", "name": "E", "text": "timed out"})),
        tool(
            json!({"content_type": "computer_output", "screenshot": {"asset_pointer": "file-service://file-s"}, "state": {"title": "Shop", "dom": "HUGE"}}),
        ),
        tool(
            json!({"content_type": "computer_output", "screenshot": null, "state": {"url": "https://s.example"}}),
        ),
        tool(json!({"content_type": "citable_code_output", "output_str": "a.txt"})),
        tool(json!({"content_type": "execution_output", "parts": ["", {"content_type": "x"}, "b.txt"]})),
        tool(json!({"content_type": "multimodal_text", "parts": [{"content_type": "x"}]})),
        // A page of a file that the model was given to read.
        tool(json!({"content_type": "multimodal_text", "parts": [{"content_type": "image_asset_pointer",
            "asset_pointer": "sediment://9f8e#file_0a#p_1.jpg"}]})),
        tool(json!({"content_type": "sonic_webpage", "text": "for the model"})),
        tool(
            json!({"content_type": "super_widget", "widgets": {"navlinks": [{"title": "Shop", "url": "https://s.example"}, {"title": "no address"}]}}),
        ),
        tool(json!({"content_type": "super_widget", "widgets": {}})),
        message("tool", text("# Report"), json!({"is_async_task_result_message": true})),
    ];
    assert_eq!(
        shown(&messages),
        [
            "failure E: timed out",
            "image file-s None None Image alt Some(\"Screenshot: Shop\") prompt None",
            "image  None None Image alt Some(\"Screenshot: https://s.example\") prompt None",
            "output a.txt",
            "output b.txt",
            "unknown x",
            "links Shop→https://s.example",
            "prose # Report",
        ]
    );
}

#[test]
fn content_of_an_unknown_type_is_never_dropped() {
    let message = |content: Value| message("assistant", content, json!({}));
    let messages = [
        message(json!({"content_type": "x1", "blob": {}})),
        message(
            json!({"content_type": "x2", "text": "t", "parts": ["p", {"text": "q", "asset_pointer": "file-service://file-a"}]}),
        ),
        message(json!({"content_type": "x3", "content": "c"})),
        message(json!({"content_type": "x4", "result": "r"})),
        message(json!({"content_type": "x5", "output_str": "o"})),
        super::message("tool", json!({"content_type": "x6", "parts": ["of \"a tool\""]}), json!({})),
        message(json!({"content_type": "multimodal_text", "parts": [
            {"content_type": "y1", "asset_pointer": "file-service://file-b"}, {"content_type": "y2"}, {"text": "z"}, {}]})),
    ];
    assert_eq!(
        shown(&messages),
        [
            "unknown x1",
            "prose t",
            "prose p",
            "prose q",
            "file file-a None None Other",
            "prose c",
            "prose r",
            "prose o",
            "prose of \"a tool\"",
            "file file-b None None Other",
            "unknown y2",
            "prose z",
        ]
    );
}

#[test]
fn a_canvas_call_is_a_step_that_its_answer_completes() {
    let call = |tool: &str, text_: &str| {
        message("assistant", text(text_), json!({"recipient": format!("canmore.{tool}")}))
    };
    let answer = |canvas: Value| message("tool", text("ok"), json!({"name": "canmore.x", "canvas": canvas}));
    let messages = [
        call("create_textdoc", r#"{"name": "Haiku", "type": "document", "content": "old pond"}"#),
        answer(json!({"textdoc_id": "d1", "title": "Haiku (new)", "version": 1})),
        call("update_textdoc", r#"{"updates": [{"pattern": ".*", "multiple": true, "replacement": "x"}"#),
        answer(json!({"textdoc_id": "d1", "version": 2, "is_failure": true})),
        call("comment_textdoc", "{\"comments\": [{\"pattern\": \"x\", \"comment\": \"why?\"}]}"),
        call("update_textdoc", "not json"),
        call("create_textdoc", "[7]"),
    ];
    assert_eq!(
        shown(&messages),
        [
            r#"canvas CanvasStep { document: Some("d1"), title: Some("Haiku"), kind: Some("document"), version: Some(1), failed: false, action: Create("old pond") }"#,
            r#"canvas CanvasStep { document: Some("d1"), title: None, kind: None, version: Some(2), failed: true, action: Update([CanvasEdit { pattern: ".*", multiple: true, replacement: "x" }]) }"#,
            r#"canvas CanvasStep { document: None, title: None, kind: None, version: None, failed: false, action: Comment([CanvasComment { pattern: "x", comment: "why?" }]) }"#,
            r#"canvas CanvasStep { document: None, title: None, kind: None, version: None, failed: false, action: Unreadable("not json") }"#,
            r#"canvas CanvasStep { document: None, title: None, kind: None, version: None, failed: false, action: Unreadable("[7]") }"#,
        ]
    );
}

#[test]
fn an_answer_that_ends_early_says_why() {
    let ending = |kind: &str| {
        message("assistant", text("x"), json!({"finish_details": {"type": kind}, "model_slug": "m"}))
    };
    let tool = |kind: &str| {
        let mut message = ending(kind);
        message["author"]["role"] = json!("tool");
        message
    };
    let messages = [
        ending("max_tokens"),
        ending("interrupted"),
        ending("stop"),
        tool("max_tokens"),
        tool("interrupted"),
    ];
    let json = chain(&messages).to_string();
    let cuts = read(&json, Detail::Shown, |conversation, _| {
        let messages = conversation.tree.ids().filter_map(|id| conversation.tree.message(id));
        messages.map(|message| (message.cut, message.model.as_deref() == Some("m"))).collect::<Vec<_>>()
    });
    let none = (None, true);
    assert_eq!(cuts, [(Some(Cut::Length), true), (Some(Cut::Stopped), true), none, none, none]);
}

#[test]
fn a_report_is_shown_however_its_state_is_stored() {
    let report = json!({"content": text("Words *of* it."), "author": {"role": "assistant"}});
    let state = json!({"status": "completed", "plan": {"title": "P"}, "report_message": report});
    let written = state.to_string();
    let named =
        |state: Value| json!({"widget_state": state, "attribution_id": "connector_openai_deep_research"});
    let message =
        |sdk: Value| message("tool", text("x"), json!({"name": "api_tool.call_tool", "chatgpt_sdk": sdk}));
    for sdk in [
        named(written.clone().into()),
        named(state.clone()),
        named(Value::from(written.clone()).to_string().into()),
        named(written.trim_end_matches('}').into()),
        json!({"widget_state": written}),
        json!({"widget_state": state}),
    ] {
        assert_eq!(shown(&[message(sdk.clone())]), ["prose Words *of* it."], "{sdk}");
    }
    let plan = json!({"status": "working", "plan": {"title": "P"}});
    for sdk in [
        named(plan.clone()),
        json!({"widget_state": plan, "html_asset_pointer": "internal://deep-research/index.html"}),
        json!({"widget_state": plan, "resource_name": "Deep Research App"}),
    ] {
        assert_eq!(shown(&[message(sdk.clone())]), ["note Deep research: P, working"], "{sdk}");
    }
    // A state without the report is no better, even if it is later.
    let latest = json!({"plan": {"title": "P"}, "last_updated_at": 9e9});
    assert_eq!(shown(&[message(named(state.clone())), message(named(latest))]), ["prose Words *of* it."]);
    // The hidden message that the client wrote for the model.
    let hidden = |words: String, key: Value| {
        let extra = json!({"name": "api_tool.widget_state", "exclusive_key": key});
        shown(&[super::message("tool", text(&words), extra)])
    };
    let words = format!("The latest state of the widget is: {written}");
    for key in [json!(null), json!("Deep Research App")] {
        assert_eq!(hidden(words.clone(), key), ["prose Words *of* it."]);
    }
    assert_eq!(hidden(words, json!("Another app")), [] as [String; 0]);
    assert_eq!(hidden("The latest state of the widget is: none".to_owned(), json!(null)), [] as [String; 0]);
    for sdk in
        [json!({"widget_state": plan}), named("{".into()), named("".into()), json!({"widget_state": [1]})]
    {
        assert_eq!(shown(&[message(sdk.clone())]), [] as [String; 0], "{sdk}");
    }
}

#[test]
fn the_passage_of_a_question_is_its_words_without_where_they_are_from() {
    for (passage, expected) in [
        (json!("a\nb"), "quote → a\nb"),
        (json!({"text": "a", "source_message_id": "m 1", "label": "l"}), "quote → a"),
        (json!({"content": {"parts": ["a", "b"]}, "role": "assistant"}), "quote → a\nb"),
        (json!({"label": "l m", "message_id": "m 1"}), "quote → l m"),
        (json!(["a", "b"]), "quote → a\nb"),
    ] {
        let question = message("user", text("Why?"), json!({"targeted_reply": passage}));
        assert_eq!(shown(&[question]), [expected, "prose Why?"], "{passage}");
    }
    let hidden = json!({"targeted_reply": "a", "is_visually_hidden_from_conversation": true});
    assert_eq!(parts(&[message("user", text("Why?"), hidden)], Detail::All), ["[output Why?]"]);
}

#[test]
fn a_writing_block_has_the_draft_that_its_user_saved() {
    let drafts = json!({"writing_blocks": {
        "10001": {"content": "Hi Ana,\n\nsee you."},
        "10002": {"content": " "},
        "10003": "A plan",
        "10004": {"content": "of no block"},
    }});
    let answer = ":::writing{variant=\"email\" id=\"10001\"}\nDear Ana,\n\nI come.\n:::\nThen\n\
                  :::writing{id=\"10002\"}\nas it was\n:::\n:::writing{id=\"10003\"}";
    let expected = "prose :::writing{variant=\"email\" id=\"10001\"}\nHi Ana,\n\nsee you.\n:::\nThen\n\
                    :::writing{id=\"10002\"}\nas it was\n:::\n:::writing{id=\"10003\"}\nA plan\n";
    assert_eq!(shown(&[message("assistant", text(answer), drafts.clone())]), [expected]);
    let answer = "- Mail:\n  :::writing{id=\"10001\"}\n  Dear Ana,\n  :::\n- Next";
    let expected = "prose - Mail:\n  :::writing{id=\"10001\"}\n  Hi Ana,\n  \n  see you.\n  :::\n- Next";
    assert_eq!(shown(&[message("assistant", text(answer), drafts.clone())]), [expected]);
    // Content of an unknown type stays as it is.
    let answer = ":::writing{id=\"10001\"}\nDear Ana\n:::";
    let content = json!({"content_type": "future_text", "text": answer});
    assert_eq!(shown(&[message("assistant", content, drafts)]), [format!("prose {answer}")]);
}

#[test]
fn a_report_has_its_drafts_and_its_pictures() {
    let picture = json!({"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-a"});
    let words = ":::writing{id=\"1\"}\nDear Ana\n:::";
    let report = json!({
        "content": {"content_type": "multimodal_text", "parts": [words, picture]},
        "metadata": {"writing_blocks": {"1": {"content": "Hi Ana"}}},
    });
    let state = json!({"widget_state": {"report_message": report}});
    let parts = ChatGpt.report(state.to_string().as_bytes());
    assert_eq!(
        parts.iter().map(short).collect::<Vec<_>>(),
        ["prose :::writing{id=\"1\"}\nHi Ana\n:::", "image file-a None None Image alt None prompt None"]
    );
}

#[test]
fn the_state_in_a_file_of_the_library_may_be_a_string() {
    let report = json!({"content": {"content_type": "text", "parts": ["Tea."]}});
    let state = json!({"status": "completed", "plan": {"title": "Tea"}, "report_message": report});
    for (state, expected) in [
        (state.clone(), "Tea."),
        (json!(state.to_string()), "Tea."),
        (json!(json!({"plan": {"title": "Tea"}}).to_string()), "Deep research: Tea"),
    ] {
        let parts = ChatGpt.report(json!({"version": 1, "widget_state": state}).to_string().as_bytes());
        let words = match parts.as_slice() {
            [Part::Prose(prose)] => prose.text.as_ref(),
            [Part::Note(note)] => note.as_ref(),
            _ => "",
        };
        assert_eq!(words, expected, "{state}");
    }
    assert!(ChatGpt.report(br#"{"widget_state": "no state"}"#).is_empty());
    assert!(ChatGpt.report(b"{\"widget_state\": \"\xff\"}").is_empty());
    // A report that says nothing is as good as none.
    let blank = json!({"widget_state": {"plan": {"title": "Tea"}, "report_message": {"content": text(" ")}}});
    let parts = ChatGpt.report(blank.to_string().as_bytes());
    assert_eq!(parts.iter().map(short).collect::<Vec<_>>(), ["note Deep research: Tea"]);
    for state in [r#"{"plan": {}}"#, r#"{"report_message": {"author": {"role": "tool"}}}"#] {
        let parts = ChatGpt.report(format!("{{\"widget_state\": {state}}}").as_bytes());
        assert_eq!(parts.iter().map(short).collect::<Vec<_>>(), ["note Deep research"], "{state}");
    }
}

#[test]
fn a_file_without_a_type_is_what_its_name_says() {
    let attached = |name: &str, mime: Value| json!({"id": "file-a", "name": name, "mime_type": mime});
    for (file, expected) in [
        (attached("cat.JPG", json!(null)), "image"),
        (attached("talk.mp3", json!("")), "audio"),
        (attached("pond.webm", json!(null)), "video"),
        (attached("cat.png", json!("application/pdf")), "file"),
        (attached("png", json!(null)), "file"),
        (attached("cat.png.txt", json!(null)), "file"),
    ] {
        let question = message("user", text(""), json!({"attachments": [file]}));
        let shown = shown(&[question]).join("");
        assert_eq!(shown.split(' ').next(), Some(expected), "{file}");
    }
}
