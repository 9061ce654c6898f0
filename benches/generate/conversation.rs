//! Generates one conversation: turns with tools, thoughts, searches and branches, up to the planned size.

use super::json::{Value, Writer, map};
use super::random::Random;
use super::{Asset, Plan, Style, text};
use std::ops::Range;

/// A record of what was written.
pub(super) struct Conversation {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) messages: u32,
    pub(super) leaves: u32,
    pub(super) metadata_bytes: u64,
}

impl Conversation {
    /// Replaces the contents of `out` with a conversation.
    pub(super) fn write(
        style: Style,
        plan: &Plan,
        asset: Option<&Asset>,
        random: &mut Random,
        out: &mut Writer,
    ) -> Self {
        let mut tree = Tree::new(style, plan, random);
        tree.root();
        if let Some(asset) = asset {
            tree.picture(asset);
        }
        if plan.bytes <= super::TINY {
            tree.tiny();
        }
        while tree.messages < 2 || tree.nodes.bytes().len() + HALF_A_TURN < plan.bytes {
            tree.turn();
        }
        tree.finish();
        let title = plan.title.map_or_else(|| text::title(tree.random), str::to_owned);
        let id = tree.id.clone();
        tree.assemble(&title, out);
        let Tree { messages, leaves, metadata_bytes, .. } = tree;
        Self { id, title, messages, leaves, metadata_bytes }
    }
}

/// Nesting depth of a node: list, conversation, mapping, node.
const NODE_DEPTH: usize = 4;

/// Average bytes by which the last turn would exceed the plan.
const HALF_A_TURN: usize = 14_000;

/// A node that waits for its children to be known.
struct Node {
    id: String,
    parent: Option<String>,
    /// `None` in a stand-in for a node that is written elsewhere.
    message: Option<Value>,
    /// Children that are not on the thread.
    others: Vec<String>,
}

struct Tree<'r> {
    style: Style,
    created: f64,
    now: f64,
    random: &'r mut Random,
    id: String,
    model: &'static str,
    /// The written nodes, concatenated.
    nodes: Writer,
    /// The id and byte range of each written node.
    places: Vec<(String, Range<usize>)>,
    /// The end of the visible thread.
    last: Option<Node>,
    /// The id of the last node, once the thread is complete.
    current: String,
    messages: u32,
    leaves: u32,
    metadata_bytes: u64,
    searches: u64,
}

impl<'r> Tree<'r> {
    fn new(style: Style, plan: &Plan, random: &'r mut Random) -> Self {
        let models: [&str; 4] = match plan.created {
            ..1_715_000_000 => ["gpt-4", "gpt-4", "text-davinci-002-render-sha", "gpt-4-browsing"],
            1_715_000_000..1_754_000_000 => ["gpt-4o", "gpt-4o", "o3", "gpt-4o-mini"],
            _ => ["gpt-5", "gpt-5-thinking", "gpt-5-2", "gpt-5"],
        };
        let created = plan.created as f64 + random.below(1_000_000) as f64 / 1e6;
        Self {
            style,
            created,
            now: created,
            id: random.uuid(),
            model: *random.pick::<&str>(&models),
            nodes: Writer::new(style.layout()),
            places: Vec::new(),
            last: None,
            current: String::new(),
            messages: 0,
            leaves: 1,
            metadata_bytes: 0,
            searches: 0,
            random,
        }
    }

    fn slim(&self) -> bool {
        self.style == Style::Sharded
    }

    fn root(&mut self) {
        let root = Node {
            id: "client-created-root".to_owned(),
            parent: None,
            message: Some(Value::Null),
            others: Vec::new(),
        };
        self.last = Some(root);
        if !self.slim() {
            let hidden = map! { "is_visually_hidden_from_conversation": true };
            let content = map! { "content_type": "text", "parts": Value::List(vec!["".into()]) };
            self.say("system", None, "all", content, hidden);
        }
    }

    fn picture(&mut self, asset: &Asset) {
        let (size, width, height) = (asset.bytes.len() as i64, 1024_i64, 768_i64);
        let pointer = map! {
            "content_type": "image_asset_pointer", "asset_pointer": format!("file-service://{}", asset.id),
            "size_bytes": size, "width": width, "height": height, "fovea": Value::Null, "metadata": Value::Null,
        };
        let words = text::sentence(self.random);
        let content =
            map! { "content_type": "multimodal_text", "parts": Value::List(vec![pointer, words.into()]) };
        let attachment = map! {
            "id": asset.id.as_str(), "name": asset.name.as_str(), "size": size, "mime_type": "image/png",
            "width": width, "height": height,
        };
        let metadata = map! { "attachments": Value::List(vec![attachment]) };
        self.say("user", None, "all", content, metadata);
        self.answer();
    }

    /// A chat of one question and one answer.
    fn tiny(&mut self) {
        for (role, metadata) in [("user", map! {}), ("assistant", map! { "model_slug": self.model })] {
            let words = text::sentence(self.random);
            let content = map! { "content_type": "text", "parts": Value::List(vec![words.into()]) };
            self.say(role, None, "all", content, metadata);
        }
    }

    /// A question and its answer, sometimes with an alternative version of one of them.
    fn turn(&mut self) {
        let branch = self.random.chance(0.03);
        let edited = branch && self.random.chance(0.5);
        if edited {
            self.aside(|tree| {
                tree.question();
                tree.answer();
            });
        }
        self.question();
        if branch && !edited {
            self.aside(Self::answer);
        }
        self.answer();
    }

    /// Adds a branch that the user abandoned.
    fn aside(&mut self, say: impl FnOnce(&mut Self)) {
        let Some(fork) = self.last.take() else { return };
        // The fork is written, with both children, when the thread continues from it.
        let first = self.places.len();
        self.last = Some(Node { id: fork.id.clone(), parent: None, message: None, others: Vec::new() });
        say(self);
        if let Some(end) = self.last.take() {
            self.write_node(&end, None);
        }
        let other = self.places.get(first).map(|place| place.0.clone());
        self.leaves += 1;
        self.last = Some(Node { others: fork.others.into_iter().chain(other).collect(), ..fork });
    }

    fn question(&mut self) {
        let length =
            if self.random.chance(0.05) { 20 + self.random.below(60) } else { 1 + self.random.below(4) };
        let words = text::sentences(self.random, length);
        let metadata = if self.slim() {
            map! {}
        } else {
            map! {
                "selected_github_repos": Value::List(vec![]), "selected_all_github_repos": false,
                "serialization_metadata": map! { "custom_symbol_offsets": Value::List(vec![]) },
                "request_id": self.random.uuid(), "message_source": Value::Null, "timestamp_": "absolute",
                "message_type": Value::Null, "dictation": false,
            }
        };
        let content = map! { "content_type": "text", "parts": Value::List(vec![words.into()]) };
        self.say("user", None, "all", content, metadata);
    }

    fn answer(&mut self) {
        if self.random.chance(0.15) {
            self.think();
        }
        match self.random.below(20) {
            0..4 => self.search_and_answer(),
            4..6 if !self.slim() => {
                self.compute();
                self.plain_answer();
            }
            _ => self.plain_answer(),
        }
    }

    fn plain_answer(&mut self) {
        let words = text::markdown(self.random);
        let metadata = self.metadata(vec![]);
        let content = map! { "content_type": "text", "parts": Value::List(vec![words.into()]) };
        self.say("assistant", None, "all", content, metadata);
    }

    fn think(&mut self) {
        let count = 1 + self.random.below(5);
        let thoughts = (0..count).map(|_| {
            let (summary, length) = (text::title(self.random), 2 + self.random.below(5));
            let words = text::sentences(self.random, length);
            map! { "summary": summary, "content": words, "chunks": Value::List(vec![]), "finished": true }
        });
        let thoughts = Value::List(thoughts.collect());
        let source = self.random.uuid();
        let content =
            map! { "content_type": "thoughts", "thoughts": thoughts, "source_analysis_msg_id": source };
        let metadata = self.metadata(vec![("reasoning_status", "is_reasoning".into())]);
        self.say("assistant", None, "all", content, metadata);
        let seconds = 1 + self.random.below(90) as i64;
        let content =
            map! { "content_type": "reasoning_recap", "content": format!("Thought for {seconds}s") };
        let metadata = self.metadata(vec![
            ("reasoning_status", "reasoning_ended".into()),
            ("finished_duration_sec", seconds.into()),
        ]);
        self.say("assistant", None, "all", content, metadata);
    }

    /// A program, its output, and the metadata of its run.
    fn compute(&mut self) {
        let code = text::program(self.random);
        let content = map! {
            "content_type": "code", "language": "unknown", "response_format_name": Value::Null, "text": code.as_str(),
        };
        let metadata = self.metadata(vec![]);
        self.say("assistant", None, "python", content, metadata);
        let lines = 1 + self.random.below(12);
        let mut output = String::new();
        for line in 0..lines {
            output.extend([line.to_string(), "  ".to_owned(), text::word(self.random), "\n".to_owned()]);
        }
        let header = || map! { "msg_id": "a", "msg_type": "stream", "version": "5.3" };
        let run = self.random.uuid();
        let stream = map! {
            "msg_type": "stream", "header": header(), "parent_header": header(), "content": map! { "name": "stdout", "text": output.as_str() },
        };
        let message = map! {
            "message_type": "stream", "stream_name": "stdout", "text": output.as_str(), "time": self.now, "sender": "server",
        };
        let result = map! {
            "status": "success", "run_id": run, "start_time": self.now, "update_time": self.now, "code": code,
            "end_time": self.now, "final_expression_output": Value::Null, "in_kernel_exception": Value::Null,
            "system_exception": Value::Null, "messages": Value::List(vec![message]), "jupyter_messages": Value::List(vec![stream]),
            "timeout_triggered": Value::Null,
        };
        let metadata =
            self.metadata(vec![("aggregate_result", result), ("ada_visualizations", Value::List(vec![]))]);
        let content = map! { "content_type": "execution_output", "text": output };
        self.say("tool", Some("python"), "all", content, metadata);
    }

    /// A search, its results, and an answer that cites them.
    fn search_and_answer(&mut self) {
        let turn = self.searches;
        self.searches += 1;
        let count = 3 + self.random.below(8);
        let pages: Vec<_> = (0..count).map(|_| text::page(self.random)).collect();
        if !self.slim() {
            self.search(turn, &pages);
        }
        let mut words = String::new();
        let mut length = 0_i64;
        let mut references = Vec::new();
        for (index, page) in pages.iter().enumerate() {
            if self.random.chance(0.4) {
                continue;
            }
            let count = 1 + self.random.below(4);
            let paragraph = text::sentences(self.random, count);
            let marker = format!("\u{E200}cite\u{E202}turn{turn}search{index}\u{E201}");
            length += paragraph.chars().count() as i64 + 1;
            let end = length + marker.chars().count() as i64;
            references.push(citation(&marker, length, end, page));
            words.extend([paragraph.as_str(), " ", marker.as_str(), "\n\n"]);
            length = end + 2;
        }
        words.push_str("I hope this helps.");
        length = words.chars().count() as i64;
        let sources = pages.iter().map(|(title, host, url)| {
            map! { "title": title.as_str(), "url": url.as_str(), "attribution": host.as_str() }
        });
        references.push(map! {
            "matched_text": " ", "start_idx": length, "end_idx": length, "alt": "", "type": "sources_footnote",
            "prompt_text": Value::Null, "refs": Value::List(vec![]), "safe_urls": Value::List(vec![]),
            "sources": Value::List(sources.collect()), "has_images": false, "invalid": false,
        });
        let mut extra = vec![("content_references", Value::List(references))];
        if !self.slim() {
            extra.push(("citations", Value::List(vec![])));
            extra.push(("search_result_groups", groups(self.random, turn, &pages)));
            extra.push(("image_results", images(self.random, &pages)));
            extra.push(("safe_urls", Value::List(pages.iter().map(|page| page.2.as_str().into()).collect())));
            let query = text::sentence(self.random);
            let queries = map! { "type": "search", "q": query };
            extra.push(("search_queries", Value::List(vec![queries])));
        }
        let metadata = self.metadata(extra);
        let content = map! { "content_type": "text", "parts": Value::List(vec![words.into()]) };
        self.say("assistant", None, "all", content, metadata);
    }

    fn search(&mut self, turn: u64, pages: &[(String, String, String)]) {
        let query = format!("search(\"{}\")", text::title(self.random));
        let content = map! {
            "content_type": "code", "language": "unknown", "response_format_name": Value::Null, "text": query,
        };
        let metadata = self.metadata(vec![]);
        self.say("assistant", None, "web", content, metadata);
        let content = map! { "content_type": "text", "parts": Value::List(vec!["".into()]) };
        let groups = groups(self.random, turn, pages);
        let metadata = self.metadata(vec![
            ("search_result_groups", groups),
            ("is_visually_hidden_from_conversation", true.into()),
            (
                "debug_sonic_thread_id",
                map! { "id": "thread", "trace": Value::List(vec!["search".into(); 12]) },
            ),
        ]);
        self.say("tool", Some("web"), "all", content, metadata);
    }

    /// The metadata of every message of the model, plus `extra`.
    fn metadata(&mut self, extra: Vec<(&'static str, Value)>) -> Value {
        let mut items = vec![("model_slug", self.model.into())];
        if !self.slim() {
            items.extend([
                ("default_model_slug", self.model.into()),
                ("requested_model_slug", Value::from(self.model)),
                ("parent_id", self.random.uuid().into()),
                ("request_id", self.random.uuid().into()),
                ("turn_exchange_id", self.random.uuid().into()),
                ("message_type", "next".into()),
                ("timestamp_", "absolute".into()),
                ("is_complete", true.into()),
                (
                    "finish_details",
                    map! { "type": "stop", "stop_tokens": Value::List(vec![Value::Int(200_002)]) },
                ),
                ("pad", "A".repeat(100 + self.random.below(500) as usize).into()),
                ("serialization_metadata", map! { "custom_symbol_offsets": Value::List(vec![]) }),
                (
                    "classifier_response",
                    map! { "label": "none", "scores": Value::List(vec![Value::Int(0); 4]) },
                ),
            ]);
        }
        items.extend(extra);
        Value::Map(items)
    }

    /// Appends a message to the thread.
    fn say(
        &mut self,
        role: &'static str,
        name: Option<&str>,
        recipient: &'static str,
        content: Value,
        metadata: Value,
    ) {
        let id = self.random.uuid();
        self.now += 1.0 + self.random.unit() * if role == "user" { 600.0 } else { 20.0 };
        let created = Some(self.now).filter(|_| role != "system");
        let message = if self.slim() {
            map! {
                "id": id.as_str(), "author": map! { "role": role, "name": name }, "create_time": created,
                "content": content, "metadata": metadata,
            }
        } else {
            map! {
                "id": id.as_str(), "author": map! { "role": role, "name": name, "metadata": map! {} },
                "create_time": created, "update_time": Value::Null, "content": content,
                "status": "finished_successfully", "end_turn": Some(true).filter(|_| role == "assistant" && recipient == "all"),
                "weight": Value::Time(1.0), "metadata": metadata, "recipient": recipient, "channel": Value::Null,
            }
        };
        self.messages += 1;
        let before = self.last.take();
        let parent = before.as_ref().map(|node| node.id.clone());
        if let Some(before) = before {
            self.write_node(&before, Some(&id));
        }
        self.last = Some(Node { id, parent, message: Some(message), others: Vec::new() });
    }

    fn finish(&mut self) {
        self.now += 60.0;
        if let Some(last) = self.last.take() {
            self.write_node(&last, None);
            self.current = last.id;
        }
    }

    fn write_node(&mut self, node: &Node, child: Option<&str>) {
        let Some(message) = &node.message else { return };
        if let Value::Map(items) = message
            && let Some((_, metadata)) = items.iter().find(|(key, _)| *key == "metadata")
        {
            let before = self.nodes.bytes().len();
            self.nodes.value(metadata, NODE_DEPTH + 2);
            self.metadata_bytes += (self.nodes.bytes().len() - before) as u64;
            self.nodes.truncate(before);
        }
        let mut items = vec![
            ("id", node.id.as_str().into()),
            ("message", message.clone()),
            ("parent", node.parent.as_deref().into()),
        ];
        if !self.slim() {
            let children = node.others.iter().map(|id| id.as_str().into()).chain(child.map(Into::into));
            items.push(("children", Value::List(children.collect())));
        }
        let start = self.nodes.bytes().len();
        self.nodes.value(&Value::Map(items), NODE_DEPTH);
        self.places.push((node.id.clone(), start..self.nodes.bytes().len()));
    }

    /// Writes the whole conversation.
    fn assemble(&mut self, title: &str, out: &mut Writer) {
        let slim = self.slim();
        let project = self.random.chance(0.08).then(|| format!("g-p-{}", self.random.hex(32)));
        let mut items: Vec<(&str, Value)> = vec![
            ("title", title.into()),
            ("create_time", self.created.into()),
            ("update_time", self.now.into()),
            ("mapping", Value::Null),
            ("current_node", self.current.as_str().into()),
            ("plugin_ids", Value::Null),
            ("conversation_id", self.id.as_str().into()),
            ("conversation_template_id", project.clone().into()),
            ("is_archived", self.random.chance(0.05).into()),
            ("is_starred", Value::Null),
            ("default_model_slug", self.model.into()),
            ("voice", Value::Null),
            ("is_do_not_remember", false.into()),
            ("memory_scope", "global_enabled".into()),
            ("is_study_mode", false.into()),
            ("id", self.id.as_str().into()),
        ];
        if slim {
            items.extend([("is_read_only", Value::Null), ("pinned_time", Value::Null)]);
            items.sort_by_key(|(key, _)| *key);
            self.places.sort_by(|a, b| a.0.cmp(&b.0));
        } else {
            items.extend([
                ("moderation_results", Value::List(vec![])),
                ("gizmo_id", project.into()),
                ("safe_urls", Value::List(vec![])),
                ("blocked_urls", Value::List(vec![])),
                ("async_status", Value::Null),
                ("disabled_tool_ids", Value::List(vec![])),
            ]);
        }
        out.clear();
        out.raw(b"{");
        for (index, (key, value)) in items.iter().enumerate() {
            out.before_item(index == 0, 2);
            out.key(key);
            if *key == "mapping" { self.mapping(out) } else { out.value(value, 3) }
        }
        out.after_items(false, 2);
        out.raw(b"}");
    }

    fn mapping(&self, out: &mut Writer) {
        out.raw(b"{");
        for (index, (id, place)) in self.places.iter().enumerate() {
            out.before_item(index == 0, 3);
            out.key(id);
            out.raw(self.nodes.bytes().get(place.clone()).unwrap_or_default());
        }
        out.after_items(self.places.is_empty(), 3);
        out.raw(b"}");
    }
}

fn citation(marker: &str, start: i64, end: i64, (title, host, url): &(String, String, String)) -> Value {
    let item = map! {
        "title": title.as_str(), "url": url.as_str(), "pub_date": Value::Null, "snippet": title.as_str(),
        "attribution": host.as_str(), "attribution_segments": Value::Null, "supporting_websites": Value::List(vec![]),
        "refs": Value::List(vec![]), "hue": Value::Null, "attributions": Value::Null,
    };
    map! {
        "matched_text": marker, "start_idx": start, "end_idx": end, "alt": format!("([{host}]({url}))"),
        "type": "grouped_webpages", "prompt_text": Value::Null, "refs": Value::List(vec![]),
        "safe_urls": Value::List(vec![url.as_str().into()]), "items": Value::List(vec![item]),
        "fallback_items": Value::List(vec![]), "status": "done", "error": Value::Null, "style": Value::Null, "invalid": false,
    }
}

fn groups(random: &mut Random, turn: u64, pages: &[(String, String, String)]) -> Value {
    let groups = pages.iter().enumerate().map(|(index, (title, host, url))| {
        let length = 1 + random.below(3);
        let snippet = text::sentences(random, length);
        let id = map! { "turn_index": turn as i64, "ref_type": "search", "ref_index": index as i64 };
        let entry = map! {
            "type": "search_result", "url": url.as_str(), "title": title.as_str(), "snippet": snippet,
            "ref_id": id, "content_type": Value::Null, "pub_date": Value::Null, "attribution": host.as_str(),
        };
        map! { "type": "search_result_group", "domain": host.as_str(), "entries": Value::List(vec![entry]) }
    });
    Value::List(groups.collect())
}

fn images(random: &mut Random, pages: &[(String, String, String)]) -> Value {
    let images = pages.iter().take(4).map(|(title, host, url)| {
        let name = random.hex(40);
        map! {
            "url": url.as_str(), "content_url": format!("https://{host}/images/{name}.jpg"),
            "thumbnail_url": format!("https://images.example/{name}"), "title": title.as_str(),
            "content_size": map! { "width": 1200_i64, "height": 800_i64 }, "thumbnail_size": map! { "width": 300_i64, "height": 200_i64 },
        }
    });
    Value::List(images.collect())
}
