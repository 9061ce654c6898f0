//! What each type of reference stands for.

use super::*;

const MARK: &str = "\u{e200}cite\u{e202}turn0search0\u{e201}";

/// The references and footnotes of an answer with these metadata, in short.
fn found(answer: &str, metadata: Value) -> Vec<String> {
    let json = chain(&[message("assistant", text(answer), metadata)]).to_string();
    read(&json, Detail::Shown, |conversation, _| {
        let Part::Prose(prose) = &conversation.tree.message(NodeId(1)).unwrap().parts[0] else {
            panic!("not prose")
        };
        let references = prose.references.iter().map(|reference| {
            let meaning = match &reference.meaning {
                Meaning::Nothing => "nothing".to_owned(),
                Meaning::Citation(list) => format!("cite {}", links(list)),
                Meaning::Markdown(text) => format!("markdown {text}"),
                Meaning::Plain(text) => format!("plain {text}"),
                Meaning::Links(list) => format!("links {}", links(list)),
                Meaning::Block(text) => format!("block {text}"),
                Meaning::File(named) | Meaning::FileLink { file: named, .. } => {
                    format!("file {}", file(named))
                }
            };
            format!("{}..{} {meaning}", reference.start, reference.end)
        });
        let notes = prose
            .footnotes
            .iter()
            .map(|note| format!("note {} ({})", links(std::slice::from_ref(note)), note.publisher));
        references.chain(notes).collect()
    })
}

/// What one reference at code points 1 to 2 stands for; "" if it is dropped.
fn meaning(mut reference: Value) -> String {
    for (key, value) in [("matched_text", json!(MARK)), ("start_idx", json!(1)), ("end_idx", json!(2))] {
        if reference.get(key).is_none() {
            reference[key] = value;
        }
    }
    let mut found = found("x", json!({"content_references": [reference]}));
    assert!(found.len() <= 1);
    found.pop().map(|found| found.strip_prefix("1..2 ").unwrap_or(&found).to_owned()).unwrap_or_default()
}

#[test]
fn grouped_webpages_prefer_items_then_words_then_fallbacks() {
    let item = |url: &str, site: &str| json!({"title": "T", "url": url, "attribution": site});
    let reference = |alt: Value, items: Value, fallback: Value| {
        meaning(json!({"type": "grouped_webpages", "alt": alt, "items": items, "fallback_items": fallback}))
    };
    let a = item("https://www.a.example/?utm_source=chatgpt.com&q=1#f", "");
    let b = item("https://b.example/", "B");
    let alt = json!("([A](https://a.example/?utm_source=chatgpt.com))");
    assert_eq!(
        reference(alt.clone(), json!([a, b]), json!([])),
        "cite a.example→https://www.a.example/?q=1#f, B→https://b.example/"
    );
    assert_eq!(reference(alt, json!([]), json!([b])), "markdown ([A](https://a.example/))");
    for nothing in [json!(null), json!(""), json!("()")] {
        assert_eq!(
            reference(nothing.clone(), json!([{"title": "no address"}]), json!([b])),
            "cite B→https://b.example/"
        );
        assert_eq!(reference(nothing, json!(null), json!(null)), "nothing");
    }
}

#[test]
fn each_type_of_reference_has_its_meaning() {
    for (reference, expected) in [
        (json!({"type": "hidden"}), "nothing"),
        (json!({"type": "attribution", "alt": "words", "matched_text": "words"}), ""),
        (
            json!({"type": "grouped_webpages_model_predicted_fallback", "alt": "", "items": [{"url": "https://a.example"}]}),
            "nothing",
        ),
        (
            json!({"type": "webpage_extended", "title": "T", "url": "https://www.a.example/x", "attribution": ""}),
            "cite a.example→https://www.a.example/x",
        ),
        (
            json!({"type": "webpage_extended", "title": "T", "url": "https://a.example/x", "attribution": "A"}),
            "cite A→https://a.example/x",
        ),
        (
            json!({"type": "webpage", "alt": "([S](https://s.example/))", "url": "https://s.example/"}),
            "markdown ([S](https://s.example/))",
        ),
        (
            json!({"type": "webpage", "alt": null, "url": "https://s.example/"}),
            "cite s.example→https://s.example/",
        ),
        (
            json!({"type": "file", "id": "file-service://file-a", "name": "a.pdf"}),
            "file file-a Some(\"a.pdf\") None Other",
        ),
        (json!({"type": "file"}), ""),
        (json!({"type": "file", "name": "a.pdf"}), "file  Some(\"a.pdf\") None Other"),
        (json!({"type": "webpage", "matched_text": "【1†x】"}), "nothing"),
        (json!({"type": "client_defined_widget", "alt": "words"}), "markdown words"),
        (
            json!({"type": "image_v2", "alt": "![a](https://a.example/a.png)\n"}),
            "markdown ![a](https://a.example/a.png)\n",
        ),
        (
            json!({"type": "image_v2", "images": [{"title": "a", "url": "https://a.example/"}]}),
            "links a→https://a.example/",
        ),
        (
            json!({"type": "image_group", "alt": "x", "images": [{"image_result": {"title": "a", "content_url": "https://a.example/"}}]}),
            "links a→https://a.example/",
        ),
        (json!({"type": "optimistic_image_citation"}), "nothing"),
        (json!({"type": "video", "alt": "[V](https://v.example/)\n"}), "markdown [V](https://v.example/)\n"),
        (json!({"type": "video", "title": "V", "url": "https://v.example/"}), "links V→https://v.example/"),
        (
            json!({"type": "product_entity", "alt": "[Net]()", "product": {"title": "Net", "url": ""}}),
            "plain Net",
        ),
        (
            json!({"type": "product_entity", "alt": "[Net]()", "product": {"title": "Net", "url": "https://n.example"}}),
            "links Net→https://n.example",
        ),
        (json!({"type": "product_entity", "alt": "[Net]()"}), "markdown Net"),
        (json!({"type": "products", "alt": "### [Net]()\n\nGood."}), "markdown ### Net\n\nGood."),
        (json!({"type": "entity", "alt": "x", "name": "Ada"}), "plain Ada"),
        (json!({"type": "entity", "alt": "Ada"}), "plain Ada"),
        (json!({"type": "alt_text", "alt": "a"}), "markdown a"),
        (
            json!({"type": "nav_list", "items": [{"title": "N", "url": "https://n.example"}]}),
            "links N→https://n.example",
        ),
        (json!({"type": "businesses_map", "alt": "map"}), "markdown map"),
        (json!({"type": "tldr", "alt": null}), ""),
        (
            json!({"type": "tldr", "title": "Newts", "url": "https://n.example"}),
            "links Newts→https://n.example",
        ),
        (json!({"type": "video", "title": "V"}), "plain V"),
        (json!({"type": "nav_list", "title": "N", "items": [{"title": "x"}]}), "plain N"),
        (
            json!({"type": "link_title", "item": {"title": "L", "url": "https://l.example"}}),
            "links L→https://l.example",
        ),
        (json!({"type": "brand_new", "alt": "a"}), "markdown a"),
        (json!({"type": "brand_new", "alt": ""}), ""),
        (json!({"type": "brand_new", "alt": "", "matched_text": "words"}), "nothing"),
        (json!({"type": "brand_new", "title": "N", "url": "https://n.example"}), "links N→https://n.example"),
        (json!({"type": "brand_new"}), ""),
        (json!({"type": "brand_new", "title": "N"}), ""),
        (json!({"type": "brand_new", "matched_text": "【1†x】"}), "nothing"),
        (json!({"type": "brand_new", "matched_text": "words of the answer"}), ""),
        (json!({"type": "hidden", "matched_text": " "}), ""),
        (json!({"type": "navigation", "matched_text": ""}), ""),
    ] {
        assert_eq!(meaning(reference.clone()), expected, "{reference}");
    }
}

#[test]
fn footnotes_are_listed_once() {
    let source =
        json!({"title": "P", "url": "https://p.example/?utm_source=chatgpt.com", "attribution": "Pond"});
    let footnote =
        json!({"type": "sources_footnote", "matched_text": " ", "sources": [source, source, {"title": "x"}]});
    assert_eq!(
        found("x", json!({"content_references": [footnote, footnote]})),
        ["note P→https://p.example/ (Pond)"]
    );
}

#[test]
fn citations_count_only_without_references() {
    let answer = "🦎 Ann【11†source】, 【4:0†a.pdf】 【橋】【1†x】";
    let citation = |start: u32, end: u32, metadata: &Value| json!({"start_ix": start, "end_ix": end, "metadata": metadata});
    let web = json!({"type": "webpage", "title": "Bridge", "url": "https://b.example/"});
    let citations = json!([
        citation(5, 16, &web),
        citation(18, 29, &json!({"type": "file", "name": "a.pdf", "id": "file-a"})),
        citation(0, 2, &web),
        citation(5, 5, &web),
        citation(5, 999, &web),
        citation(5, 16, &json!({})),
        citation(18, 29, &json!({"type": "file", "name": "b.pdf"})),
    ]);
    let expected = [
        "5..16 cite Bridge→https://b.example/",
        "18..29 file file-a Some(\"a.pdf\") None Other",
        "18..29 file  Some(\"b.pdf\") None Other",
    ];
    assert_eq!(found(answer, json!({"citations": citations})), expected);
    let hidden = json!([{"type": "hidden", "matched_text": "x", "start_idx": 1, "end_idx": 2}]);
    assert_eq!(
        found(answer, json!({"citations": citations, "content_references": hidden})),
        ["1..2 nothing"]
    );
}

#[test]
fn a_list_of_sources_serves_the_marks_that_no_citation_has() {
    let list = json!({"metadata_list": [
        {"type": "webpage", "title": "Zero", "url": "https://z.example/"},
        {"type": "webpage", "title": "One", "url": "https://o.example/"},
    ]});
    let taken =
        json!([{"start_ix": 0, "end_ix": 5, "metadata": {"title": "Own", "url": "https://own.example/"}}]);
    assert_eq!(
        found("【0†a】é【1†b】【橋】【7†c】【1:0†d】", json!({"_cite_metadata": list, "citations": taken})),
        ["0..5 cite Own→https://own.example/", "6..11 cite One→https://o.example/"]
    );
}

#[test]
fn web_pages_of_all_searches_are_known_by_their_ids() {
    let entry = |turn: u32, index: Value, site: &str| {
        json!({"url": "https://k.example/?utm_source=chatgpt.com", "attribution": site,
            "ref_id": {"turn_index": turn, "ref_type": "search", "ref_index": index}})
    };
    let mut nowhere = entry(0, json!(8), "x");
    nowhere["url"] = json!(null);
    let groups = json!([{"entries": [nowhere, entry(0, json!(7), ""), entry(0, json!(7), "later"), entry(1, json!(null), "x"), {"url": "y", "ref_id": null}]}]);
    let hidden = json!({"is_visually_hidden_from_conversation": true, "search_result_groups": groups});
    let answer = message("assistant", text("So \u{e200}cite\u{e202}turn0search7\u{e201}."), json!({}));
    let json = chain(&[message("tool", text("results"), hidden), answer]).to_string();
    read(&json, Detail::Shown, |conversation, _| {
        assert!(conversation.sources.find("turn0search8", None).is_none());
        let found = conversation.sources.find("turn0search7", None).unwrap();
        assert_eq!(links(std::slice::from_ref(found)), "k.example→https://k.example/");
    });
}

#[test]
fn what_references_name_by_id_serves_marks_without_one() {
    let item = json!({"title": "T", "url": "https://a.example/", "attribution": "A",
        "refs": ["turn0search1", {"turn_index": 0, "ref_type": "search", "ref_index": 2}],
        "supporting_websites": [{"url": "https://b.example/", "attribution": "B"}]});
    // A mark that names a page and the page that supports it, which has another id of its own.
    let ids = "\u{e200}cite\u{e202}turn1search0\u{e202}turn1search1\u{e201}";
    let supported = json!({"title": "T", "url": "https://c.example/", "attribution": "C",
        "supporting_websites": [{"url": "https://d.example/", "attribution": "D",
            "ref_id": {"turn_index": 1, "ref_type": "search", "ref_index": 2}}]});
    let references = json!([
        {"type": "grouped_webpages", "matched_text": "x", "start_idx": 0, "end_idx": 1, "items": [item]},
        {"type": "grouped_webpages", "matched_text": ids, "start_idx": 50, "end_idx": 80, "items": [supported]},
    ]);
    let answer = message(
        "assistant",
        text("x\u{e200}cite\u{e202}turn0search2\u{e201}"),
        json!({"content_references": references}),
    );
    read(&chain(&[answer]).to_string(), Detail::Shown, |it, _| {
        let found = |id| links(std::slice::from_ref(it.sources.find(id, None).unwrap()));
        assert_eq!(found("turn0search1"), "A→https://a.example/");
        assert_eq!(found("turn0search2"), "B→https://b.example/");
        assert_eq!(found("turn1search0"), "C→https://c.example/");
        assert_eq!(found("turn1search1"), "D→https://d.example/");
        assert_eq!(found("turn1search2"), "D→https://d.example/");
    });
}

#[test]
fn what_searches_found_is_read_only_where_a_mark_has_no_reference() {
    const MARK: &str = "\u{e200}cite\u{e202}turn0search7\u{e201}";
    let groups = json!([{"entries": [{"url": "https://k.example/",
        "ref_id": {"turn_index": 0, "ref_type": "search", "ref_index": 7}}]}]);
    let sources = |words: &str, references: Value| {
        let search = message("tool", text("results"), json!({"search_result_groups": groups}));
        let answer = message("assistant", text(words), json!({"content_references": references}));
        read(&chain(&[search, answer]).to_string(), Detail::Shown, |it, _| {
            usize::from(!it.sources.is_empty())
        })
    };
    let at = |start: usize, matched: &str| json!({"type": "hidden", "matched_text": matched, "start_idx": start, "end_idx": start + 20});
    let twice = format!("a{MARK} b{MARK}");
    assert_eq!(sources("no mark", json!([])), 0);
    assert_eq!(sources(&twice, json!([at(1, MARK), at(23, MARK)])), 0);
    for (words, references) in [
        (MARK, json!([])),
        (&twice, json!([at(1, MARK)])),
        // Both mean the first one.
        (&twice, json!([at(1, MARK), at(1, MARK)])),
        // The second one covers more than its mark.
        (&twice, json!([at(1, MARK), at(23, "b")])),
        (MARK, json!([at(0, "\u{e200}cite\u{e202}turn0search8\u{e201}")])),
    ] {
        assert_eq!(sources(words, references.clone()), 1, "{words} {references}");
    }
}

#[test]
fn half_of_a_surrogate_pair_in_metadata_that_are_wanted_is_repaired() {
    let groups = json!([{"entries": [{"url": "https://k.example/", "attribution": "HALF",
        "ref_id": {"turn_index": 0, "ref_type": "search", "ref_index": 7}}]}]);
    let answer = |words| message("assistant", text(words), json!({"search_result_groups": groups}));
    let look = |words| {
        let json = chain(&[answer(words)]).to_string().replace("HALF", r"\ud83d");
        read(&json, Detail::Shown, |it, problems| {
            let found = it.sources.find("turn0search7", None);
            (found.map(|it| it.label.to_string()), problems.len())
        })
    };
    assert_eq!(look("no mark"), (None, 0));
    assert_eq!(look("\u{e200}cite\u{e202}turn0search7\u{e201}"), (Some("\u{fffd}".to_owned()), 1));
}

#[test]
fn a_chip_links_all_the_pages_behind_it() {
    let page = |name: &str, url: &str| json!({"title": "T", "url": url, "attribution": name});
    let mut item = page("One", "https://one.example/");
    item["supporting_websites"] =
        json!([page("Two", "https://two.example/"), page("One", "https://one.example/")]);
    assert_eq!(
        meaning(json!({"type": "grouped_webpages", "alt": "([One](https://one.example/))", "items": [item]})),
        "cite One→https://one.example/, Two→https://two.example/"
    );
}

#[test]
fn a_page_may_have_its_address_among_the_safe_ones_only() {
    let page =
        |urls: Value| meaning(json!({"type": "webpage", "title": "Tesla", "alt": null, "safe_urls": urls}));
    assert_eq!(page(json!(["https://t.example/", "https://u.example/"])), "links Tesla→https://t.example/");
    assert_eq!(page(json!([])), "plain Tesla");
    assert_eq!(meaning(json!({"type": "webpage", "safe_urls": []})), "", "the mark says it");
}

#[test]
fn pages_without_a_place_belong_to_the_citations_in_order_or_are_listed() {
    let pages = json!({"content_references": [{"type": "webpage", "url": "https://a.example/", "title": "A"},
        {"type": "webpage", "url": "https://b.example/", "title": "B"}]});
    let mark = |id: u32| format!("\u{e200}cite\u{e202}turn0search{id}\u{e201}");
    assert_eq!(
        found(&format!("é One.{} Two.{}", mark(0), mark(1)), pages.clone()),
        ["6..25 cite a.example→https://a.example/", "30..49 cite b.example→https://b.example/"]
    );
    assert_eq!(
        found(&mark(0), pages),
        ["note a.example→https://a.example/ ()", "note b.example→https://b.example/ ()"]
    );
    // Marks of other kinds cite nothing, and where other places are known, the order says nothing.
    let page = json!({"type": "webpage", "url": "https://a.example/", "title": "A"});
    let words = format!("x\u{e200}finance\u{e202}turn0finance0\u{e201}{}", mark(0));
    assert_eq!(
        found(&words, json!({"content_references": [page]})),
        ["24..43 cite a.example→https://a.example/"]
    );
    let hidden = json!({"type": "hidden", "matched_text": "x", "start_idx": 0, "end_idx": 1});
    assert_eq!(
        found(&words, json!({"content_references": [hidden, page]})),
        ["0..1 nothing", "note a.example→https://a.example/ ()"]
    );
}

#[test]
fn a_reference_that_does_not_quote_its_mark_is_known_by_its_place() {
    let mark = |id: u32| format!("\u{e200}cite\u{e202}turn0search{id}\u{e201}");
    let page = |letter: &str, start: u32, end: u32| {
        json!({"type": "webpage", "url": format!("https://{letter}.example/"), "title": letter,
            "matched_text": "", "start_idx": start, "end_idx": end})
    };
    let text = format!("é One.{} Two.{}", mark(0), mark(1));
    assert_eq!(
        found(&text, json!({"content_references": [page("b", 30, 49)]})),
        ["30..49 cite b.example→https://b.example/"]
    );
    assert_eq!(
        found("x【1†source】.", json!({"content_references": [page("a", 1, 11)]})),
        ["1..11 cite a.example→https://a.example/"]
    );
    // Where places have no marks, pages belong to the marks of the text in order.
    assert_eq!(
        found(&text, json!({"content_references": [page("a", 1, 2), page("b", 90, 99)]})),
        ["6..25 cite a.example→https://a.example/", "30..49 cite b.example→https://b.example/"]
    );
    assert_eq!(
        found("No mark.", json!({"content_references": [page("a", 1, 8)]})),
        ["note a.example→https://a.example/ ()"]
    );
    assert!(found("No mark.", json!({"content_references": [page("a", 8, 8)]})).is_empty());
}

#[test]
fn what_a_widget_matches_of_the_answer_itself_stays() {
    for matched in ["words", "\u{e200}genui\u{e202}{}\u{e201}"] {
        let widget = json!({"type": "client_defined_widget", "matched_text": matched, "alt": matched});
        assert_eq!(meaning(widget), "", "{matched}");
    }
}

#[test]
fn a_component_cites_what_was_resolved_for_its_place() {
    let answer = "Newts <Cite/>.";
    for (result, expected) in [
        (
            json!({"state": {"items": [{"url": "https://a.example/", "title": "A"}, {"title": "no address"}], "url": "https://no.example/"}}),
            "cite a.example→https://a.example/",
        ),
        (
            json!({"state": {"url": "https://b.example/", "source_label": "B"}, "safe_urls": ["https://no.example/"]}),
            "cite B→https://b.example/",
        ),
        (json!({"safe_urls": ["https://c.example/"]}), "cite c.example→https://c.example/"),
    ] {
        let metadata = json!({
            "genui_components": [{"start_index": 6, "end_index": 13, "component_resolution_id": "r"}],
            "model_dil_v2": {"appData": {"opGenui": {"componentResults": {"r": result}}}},
        });
        let found = found(answer, metadata);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(expected), "{found:?}");
    }
}

#[test]
fn a_reference_without_words_covers_a_component_at_its_place() {
    let reference = |more: Value| {
        let mut reference = json!({"type": "grouped_webpages", "start_idx": 6, "end_idx": 13});
        reference.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let mut found = found("Newts <Cite/>.", json!({"content_references": [reference]}));
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    };
    let page = |name: &str| json!({"url": format!("https://{name}.example/"), "attribution": name});
    let mut grouped = page("a");
    grouped["supporting_websites"] = json!([page("b")]);
    let both = reference(json!({"items": [grouped], "url": "https://no.example/"}));
    assert!(both.ends_with("cite a→https://a.example/, b→https://b.example/"), "{both}");
    let url = reference(json!({"url": "https://c.example/", "safe_urls": ["https://no.example/"]}));
    assert!(url.ends_with("cite c.example→https://c.example/"), "{url}");
}

#[test]
fn a_component_cites_a_file_by_its_id() {
    for (answer, expected) in [
        ("See <FileCite ref=\"file-AbC\"/>.", "file file-AbC None None Other"),
        ("See <FileCite refs={[\"turn9file9\", \"file_0123\"]}/>.", "file file_0123 None None Other"),
    ] {
        let found = found(answer, json!({}));
        assert_eq!(found.len(), 1, "{answer}: {found:?}");
        assert!(found[0].ends_with(expected), "{answer}: {found:?}");
    }
    assert_eq!(found("See <FileCite ref=\"turn9file9\"/>.", json!({})), [] as [String; 0]);
    // The id of a place in the turn is that of the file which a reference names.
    let named = json!({"content_references": [
        {"type": "file", "id": "file-service://file-a", "name": "a.pdf", "matched_text": "", "refs": ["turn0file1"]}]});
    let found = found("See <FileCite ref=\"TURN0file1\"/>.", named);
    assert!(found.iter().any(|it| it.ends_with("file file-a Some(\"a.pdf\") None Other")), "{found:?}");
}
