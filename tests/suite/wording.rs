//! Every word that the user saw of an answer is on its page, once: random answers in Markdown with every component of the
//! language, read as a browser would read the page. Code and questions are not changed at all.
//!
//! `GPTFS_CASES` says how many answers, `GPTFS_SEED` which.

use crate::support::{Scratch, exported};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Answers in an ordinary run.
const ANSWERS: usize = 1_000;

/// Every word that an answer shows begins like this and is unique in its answer.
const MARK: &str = "zq";

/// Writes random answers, and notes what a user sees of them.
struct AnswerMaker {
    state: u64,
    /// The words that are seen, in no particular order.
    words: Vec<String>,
    /// Words that are seen once or twice, as the source of what could not be evaluated may follow.
    sources: Vec<String>,
    /// The code that is seen, in no particular order.
    code: Vec<String>,
    made: usize,
}

/// Where something is written, which limits what it may be.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A block of the answer itself.
    Answer,
    /// Inside a component.
    Body,
}

impl AnswerMaker {
    fn new(seed: u64) -> Self {
        Self { state: seed, words: Vec::new(), sources: Vec::new(), code: Vec::new(), made: 0 }
    }

    /// `SplitMix64`.
    fn below(&mut self, bound: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % bound as u64).expect("a small number")
    }

    fn pick<'l>(&mut self, list: &[&'l str]) -> &'l str {
        list[self.below(list.len())]
    }

    /// A new word that is not seen.
    fn unseen(&mut self) -> String {
        self.made += 1;
        let (mut word, mut rest) = (MARK.to_owned(), self.made);
        while rest > 0 {
            word.push(char::from(b'a' + u8::try_from(rest % 26).expect("a letter")));
            rest /= 26;
        }
        word
    }

    /// A new word that is seen.
    fn word(&mut self) -> String {
        let word = self.unseen();
        self.words.push(word.clone());
        word
    }

    /// A few words with blanks between, as they are in a text or an attribute.
    fn words(&mut self) -> String {
        let mut text = self.word();
        for _ in 0..self.below(3) {
            let between = self.pick(&[" ", " ", ", ", " - ", " 2 ", ": ", " ü ", " (", "/"]);
            text.push_str(between);
            text.push_str(&self.word());
            if between == " (" {
                text.push(')');
            }
        }
        text
    }

    /// Code that must come out as it is: a span.
    fn span(&mut self) -> String {
        let word = self.unseen();
        let inside = match self.below(12) {
            0 => format!("<Cite refs={{[\"turn0search0\"]}}/> {word}"),
            1 => format!("<box>{word}</box>"),
            2 => format!("{{#if {word}}}"),
            3 => format!("{word}\\(x\\)"),
            4 => format!("&amp;{word};"),
            5 => format!("**{word}** _x_"),
            6 => format!("$ {word} $5"),
            7 => format!("<badge label=\"{word}\"/>"),
            8 => format!("[{word}](turn0search0)"),
            9 => format!("{word}  two blanks"),
            _ => word.clone(),
        };
        self.words.push(word);
        self.code.push(inside.clone());
        format!("`{inside}`")
    }

    /// The lines of a fence or code block.
    fn lines(&mut self) -> String {
        let mut lines = String::new();
        for _ in 0..=self.below(4) {
            let word = self.unseen();
            let line = match self.below(10) {
                0 => format!("<box border>{word}</box>"),
                1 => format!("{{#each [1] as x}} {word} {{/each}}"),
                2 => format!("    indented {word}"),
                3 => format!("# {word}"),
                4 => format!("\\({word}\\) $x$ &lt;"),
                5 => format!("<Cite ref=\"turn0search0\"/>{word}"),
                6 => format!("> {word} | <b>"),
                7 => format!("{word} <details> <!--"),
                _ => word.clone(),
            };
            self.words.push(word);
            lines.push_str(&line);
            lines.push('\n');
        }
        self.code.push(lines.trim_end().to_owned());
        lines
    }

    /// Something within a line.
    fn inline(&mut self, depth: usize) -> String {
        let name = |maker: &mut Self, names: &[&str]| maker.pick(names).to_owned();
        match self.below(if depth == 0 { 16 } else { 24 }) {
            0 => format!("**{}**", self.words()),
            1 => format!("*{}*", self.words()),
            2 => self.span(),
            3 => format!("[{}](https://w.example/{})", self.words(), self.below(9)),
            4 => {
                let tag = name(self, &["Link", "link"]);
                format!("<{tag} url=\"https://l.example/\" title=\"{}\"/>", self.words())
            }
            5 => format!("<Link title='{}' url='ftp://l.example/x'/>", self.words()),
            6 => {
                let category = self.pick(&["plant", "people"]);
                format!("<Entity category=\"{category}\" value=\"{}\"/>", self.words())
            }
            7 => format!("<badge variant=\"soft\">{}</badge>", self.words()),
            8 => format!("<Badge label={{\"{}\"}} pill/>", self.words()),
            9 => self
                .pick(&[
                    "<Cite refs={[\"turn9search9\"]}/>",
                    "<MemoryCite />",
                    "<icon name=\"leaf\"/>",
                    "<favicon url=\"https://x.example\"/>",
                ])
                .to_owned(),
            10 => format!("<escape>{}</escape>", self.words()),
            11 => format!("<sub>{}</sub>", self.words()),
            12..=15 => self.words(),
            16 => format!("<text size=\"sm\" color=\"secondary\">{}</text>", self.sentence(depth - 1)),
            17 => format!("<text weight=\"bold\">{}</text>", self.words()),
            18 => format!("<bold>{}</bold>", self.words()),
            19 => format!("<italic>{}</italic>", self.words()),
            20 => format!("<strikethrough>{}</strikethrough>", self.words()),
            21 => format!("<underline>{}</underline>", self.sentence(depth - 1)),
            22 => format!("<>{}</>", self.sentence(depth - 1)),
            _ => format!("<SeedPacket title=\"{}\" color=\"red\"/>", self.words()),
        }
    }

    /// A line of text.
    fn sentence(&mut self, depth: usize) -> String {
        let mut text = self.words();
        for _ in 0..self.below(4) {
            let _ = write!(text, "{}{}", self.pick(&[" ", " ", ", ", "; "]), self.inline(depth));
        }
        if self.below(3) == 0 {
            text.push('.');
        }
        text
    }

    /// Blocks, each on lines of their own.
    fn blocks(&mut self, depth: usize, place: Place) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(3) {
            let block = self.block(depth, place);
            text.push_str(&block);
            text.push_str(if place == Place::Body { self.pick(&["\n", "\n\n"]) } else { "\n\n" });
        }
        text
    }

    /// A component around `body`, in one of the ways that models write it.
    fn around(&mut self, name: &str, attributes: &str, body: &str) -> String {
        let attributes = if attributes.is_empty() { String::new() } else { format!(" {attributes}") };
        // What is literal keeps its indentation.
        let is_literal = body.contains("Block") || body.contains("<svg");
        match self.below(if is_literal { 2 } else { 3 }) {
            0 => format!("<{name}{attributes}>\n{body}\n</{name}>"),
            1 => format!("<{name}{attributes}>\n\n{body}\n\n</{name}>"),
            _ => {
                let indented: Vec<_> = body
                    .lines()
                    .map(|line| if line.trim().is_empty() { String::new() } else { format!("  {line}") })
                    .collect();
                format!("<{name}{attributes}>\n{}\n</{name}>", indented.join("\n"))
            }
        }
    }

    fn block(&mut self, depth: usize, place: Place) -> String {
        match self.below(if depth == 0 { 16 } else { 34 }) {
            0 => format!("{} {}", self.pick(&["#", "##", "###", "####"]), self.sentence(0)),
            1 => {
                let marker = self.pick(&["-", "*", "1."]);
                let items: Vec<_> =
                    (0..=self.below(3)).map(|_| format!("{marker} {}", self.sentence(1))).collect();
                items.join("\n")
            }
            2 => {
                let fence = self.pick(&["```", "~~~~"]);
                let info = self.pick(&["", "python", "js id=\"81bglv\""]);
                format!("{fence}{info}\n{}{fence}", self.lines())
            }
            3 => {
                let mut rows = format!("| {} | {} |\n|---|:-:|\n", self.words(), self.words());
                for _ in 0..=self.below(2) {
                    let _ = writeln!(rows, "| {} | {} |", self.inline(0), self.inline(0));
                }
                rows.trim_end().to_owned()
            }
            4 => format!("> {}\n> {}", self.sentence(1), self.sentence(0)),
            5..=8 => self.sentence(2),
            9 => format!("\\({}\\) {}", self.word(), self.sentence(0)),
            10 => format!("\\[\n{} + 1\n\\]", self.word()),
            11 => format!("<title size=\"lg\">{}</title>\n<caption>{}</caption>", self.words(), self.words()),
            12 => format!("{}\n<divider/>\n{}", self.sentence(1), self.sentence(1)),
            13 => self.media(),
            14 => self.control(),
            15 => self.literal(),
            _ => self.component(depth, place),
        }
    }

    /// A component with blocks in it, or one that makes a block.
    #[allow(clippy::too_many_lines, reason = "a list of components, an arm each")]
    fn component(&mut self, depth: usize, place: Place) -> String {
        match self.below(24) {
            0..=3 => {
                let name = self.pick(&["box", "Box", "col", "card", "Card"]);
                let attributes = self.pick(&[
                    "",
                    "border padding={4}",
                    "gap=\"3\" align=start",
                    "radius={{topLeft:\"sm\"}}",
                ]);
                let body = self.blocks(depth - 1, Place::Body);
                self.around(name, attributes, body.trim_end())
            }
            4 => {
                let items: Vec<_> = (0..=self.below(3))
                    .map(|_| match self.below(3) {
                        0 => format!("<text>{}</text>", self.words()),
                        1 => format!("<title>{}</title>", self.words()),
                        _ => format!("<badge>{}</badge>", self.words()),
                    })
                    .collect();
                self.around("row", "gap={2} wrap", &items.join("\n"))
            }
            5 => {
                let items: Vec<_> = (0..=self.below(3))
                    .map(|_| {
                        let body =
                            if self.below(2) == 0 { self.sentence(1) } else { self.blocks(0, Place::Body) };
                        self.around("grid-item", "", body.trim_end())
                    })
                    .collect();
                self.around("grid", "columns={2}", &items.join("\n"))
            }
            6 => {
                let items: Vec<_> = (0..=self.below(3))
                    .map(|_| match self.below(4) {
                        0 => format!("<list-item>{}</list-item>", self.sentence(1)),
                        1 => format!(
                            "<List.Item label=\"{}\" description=\"{}\"/>",
                            self.words(),
                            self.words()
                        ),
                        _ => {
                            let body = self.blocks(depth - 1, Place::Body);
                            self.around("list-item", "", body.trim_end())
                        }
                    })
                    .collect();
                let marker =
                    self.pick(&["", "marker=\"number\"", "marker=\"decimal\" start={3}", "marker=none"]);
                self.around("list", marker, &items.join("\n"))
            }
            7 => self.table(["table", "table-row", "table-cell"]),
            8 => self.table(["Table", "Table.Row", "Table.Cell"]),
            9 => {
                let body = self.sentence(1);
                self.around("blockquote", "", &body)
            }
            10 => {
                let variant = self.pick(&["email", "document", "standard"]);
                let head = format!(
                    "variant=\"{variant}\" id=\"4711{}\" subject=\"{}\"",
                    self.below(9),
                    self.words()
                );
                if self.below(2) == 0 {
                    format!("<WritingBlock {head} content=\"{}&#10;&#10;{}\"/>", self.words(), self.words())
                } else {
                    format!("<WritingBlock {head}>\n{}\n\n{}\n</WritingBlock>", self.words(), self.words())
                }
            }
            11 => format!(
                ":::writing{{variant=\"email\" id=\"1\" subject=\"{}\"}}\n{}\n:::",
                self.words(),
                self.words()
            ),
            12 => self.chart(),
            13 => {
                let (first, second) = (self.words(), self.words());
                format!(
                    "<col>\n{{#each [{{name:\"{first}\"}},{{name:'{second}'}}] as item,i}}\n<text>{{item.name}}</text>\n{{/each}}\n</col>"
                )
            }
            14 => {
                let (yes, no) = (self.sentence(0), self.sentence(0));
                format!("<box>\n{{#if unknown()}}\n{yes}\n{{:else}}\n{no}\n{{/if}}\n</box>")
            }
            15 => {
                let before = self.words.len();
                let known = self.words();
                self.sources.extend(self.words.split_off(before));
                let more = self.pick(&[
                    "",
                    " const f = (x) => { return x > 1 ? \"}\" : `${x}`; };",
                    " let g = () => 1;",
                ]);
                format!("{{@body const known = \"{known}\";{more}}}\n<box>\n**{{known}}**\n</box>")
            }
            17 => {
                let (first, second) = (self.words(), self.words());
                format!(
                    "<box>\n{{#each [{{label:\"{first}\"}},{{label:'{second}'}}] as item}}<badge {{...item}}/>{{/each}}\n</box>"
                )
            }
            18 => {
                let body = self.quotable();
                format!("> <box>\n> {}\n> </box>", body.replace('\n', "\n> "))
            }
            19 => {
                let (title, text, next) = (self.words(), self.sentence(1), self.sentence(0));
                format!("- <box><title>{title}</title>{text}</box>\n- {next}")
            }
            20 => {
                let (first, second) = (self.words(), self.words());
                let mark = self.pick(&["## ", "### ", "- ", "> "]);
                format!("{mark}<row><text>{first}</text><text>{second}</text></row>")
            }
            21 => {
                let cell = self.quotable();
                format!("<table><table-row><table-cell>\n{cell}\n</table-cell></table-row></table>")
            }
            22 => {
                let (yes, no) = (self.words(), self.words());
                format!("<box>\n{{#if unknown()}}{yes}{{:else}}{no}{{/if}} {}\n</box>", self.words())
            }
            16 => {
                let body = self.blocks(depth - 1, Place::Body);
                let name = self.pick(&["SeedCard", "form", "pressable", "popover"]);
                self.around(name, "", body.trim_end())
            }
            _ => format!(
                "<details>\n<summary>{}</summary>\n\n{}\n\n</details>\n",
                self.words(),
                self.sentence(usize::from(place == Place::Answer))
            ),
        }
    }

    /// Blocks that may be in a quote and in a cell.
    fn quotable(&mut self) -> String {
        match self.below(4) {
            0 => format!("{}\n\n- {}\n- {}", self.words(), self.words(), self.words()),
            1 => format!(
                "| {} | {} |\n|---|---|\n| {} | x |\n\n{}",
                self.words(),
                self.words(),
                self.words(),
                self.words()
            ),
            2 => format!("<title>{}</title>\n{}", self.words(), self.words()),
            _ => self.sentence(1),
        }
    }

    fn table(&mut self, [table, row, cell]: [&str; 3]) -> String {
        let columns = 1 + self.below(3);
        let mut rows = Vec::new();
        for at in 0..=self.below(3) {
            let mut cells = String::new();
            for _ in 0..columns {
                let inside = match self.below(6) {
                    0 => format!("<box>\n{}\n\n{}\n</box>", self.sentence(0), self.sentence(0)),
                    1 => String::new(),
                    _ => self.sentence(1),
                };
                let align = self.pick(&["", " align=\"end\"", " align=center"]);
                let _ = write!(cells, "<{cell}{align}>{inside}</{cell}>");
            }
            let header = if at == 0 && self.below(2) == 0 { " header" } else { "" };
            let label =
                if self.below(8) == 0 { format!(" label=\"{}\"", self.words()) } else { String::new() };
            rows.push(format!("<{row}{header}{label}>{cells}</{row}>"));
        }
        self.around(table, "dividers", &rows.join("\n"))
    }

    fn media(&mut self) -> String {
        match self.below(8) {
            0 => format!("<AsyncImage query=\"{}\" aspectRatio=\"16/9\"/>", self.words()),
            1 => {
                let unseen = self.unseen();
                format!("<AsyncImage query=\"{unseen}\" alt=\"{}\"/>", self.words())
            }
            2 => format!(
                "<AsyncImageGroup query={{[\"{}\",\"{}\"]}} layout=\"carousel\"/>",
                self.words(),
                self.words()
            ),
            3 => format!(
                "<LinkCard url=\"https://c.example/\" title=\"{}\" subtitle=\"{}\" snippet=\"{}\"/>",
                self.words(),
                self.words(),
                self.words()
            ),
            4 => format!(
                "<MapWidgetV2 title=\"{}\" points={{[{{id:\"a\",name:\"{}\",address:\"{}\"}},{{id:\"b\",name:\"{}\",lat:1.5,long:2}}]}} groups={{[{{title:\"{}\",locations:[{{point_id:\"a\",notes:\"{}\"}}]}}]}}/>",
                self.words(),
                self.words(),
                self.words(),
                self.words(),
                self.words(),
                self.words()
            ),
            5 => format!(
                "<FileNavList items={{[{{name:\"{}\"}},{{name:\"{}\"}}]}}/>",
                self.words(),
                self.words()
            ),
            6 => format!("<FollowUp value=\"{}\"/>", self.words()),
            _ => format!("<MessageReaction emoji=\"👍\"/>\n\n{}", self.words()),
        }
    }

    fn control(&mut self) -> String {
        match self.below(7) {
            0 => format!(
                "<button label=\"{}\" onClick={{()=>{{ if (1>0) GenUI.issueNewTurn(\"x\"); }}}}/>",
                self.words()
            ),
            1 => format!("<button onClick={{()=>setPick(1)}}>{}</button>", self.words()),
            2 => format!(
                "<segmented-control value={{pick}} options={{[{{label:\"{}\",value:\"a\"}},{{label:\"{}\",value:\"b\"}}]}}/>",
                self.words(),
                self.words()
            ),
            3 => format!(
                "<radio-group value={{pick}}><radio value=\"a\" label=\"{}\"/><radio value=\"b\">{}</radio></radio-group>",
                self.words(),
                self.words()
            ),
            4 => format!("<checkbox label=\"{}\" checked={{true}}/>", self.words()),
            5 => format!("<input placeholder=\"{}\"/>", self.words()),
            _ => format!("<select label=\"{}\" options={{[{{label:'{}'}},]}}/>", self.words(), self.words()),
        }
    }

    /// Code in components.
    fn literal(&mut self) -> String {
        match self.below(3) {
            0 => format!("<CodeBlock language=\"js\">\n{}</CodeBlock>", self.lines()),
            1 => format!(
                "<AppBlock title=\"{}\" language=\"html\">\n{}</AppBlock>",
                self.words(),
                self.lines()
            ),
            _ => format!("<svg viewBox=\"0 0 9 9\"><text x=\"1\">{}</text></svg>", self.word()),
        }
    }

    fn chart(&mut self) -> String {
        let keys = [self.word(), self.word()];
        let [kind, title] = [self.pick(&["bar", "line"]).to_owned(), self.words()];
        let [first, second] = [self.words(), self.words()];
        format!(
            "<Chart content={{{{chartType:\"{kind}\",meta:{{title:\"{title}\",footer:\"{}\"}},xKey:\"k\",series:[{{dataKey:\"a\",label:\"{}\"}},{{dataKey:\"b\",label:\"{}\"}}],data:[{{k:\"{first}\",a:1,b:2}},{{k:\"{second}\",a:3,b:null}}]}}}}/>",
            self.words(),
            keys[0],
            keys[1]
        )
    }

    /// A question, which is plain text whatever it looks like.
    fn question(&mut self) -> String {
        let mut text = self.unseen();
        for _ in 0..self.below(5) {
            text.push_str(self.pick(&[" ", "\n", "\n\n"]));
            let word = self.unseen();
            let piece = match self.below(8) {
                0 => format!("<box>{word}</box>"),
                1 => format!("see <Cite refs={{[\"turn0search0\"]}}/> {word}"),
                2 => format!("{{#if {word}}}x{{/if}}"),
                3 => format!("\\({word}\\) costs $5"),
                4 => format!("`<badge label=\"{word}\"/>`"),
                5 => format!("**{word}** {{a: 1}}"),
                _ => word,
            };
            text.push_str(&piece);
        }
        text
    }
}

/// What a reader of a page finds: each word with its number, and all code.
struct ReadPage {
    words: BTreeMap<String, usize>,
    code: Vec<String>,
}

/// Reads a page as Markdown and the result as HTML, in a browser's way.
fn read(page: &str) -> ReadPage {
    use html5ever::tendril::TendrilSink;
    use markup5ever_rcdom::{NodeData, RcDom};
    let (_, markdown) = page.split_once("\n---\n").expect("the end of the front matter");
    let (_, answer) = markdown.split_once("\n## ChatGPT\n").expect("an answer");
    let mut options = comrak::Options::default();
    (options.extension.table, options.extension.strikethrough, options.extension.tasklist) =
        (true, true, true);
    options.render.r#unsafe = true;
    let html = comrak::markdown_to_html(answer, &options);
    let parsed = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(html);
    let (mut text, mut code) = (String::new(), Vec::new());
    let mut waiting = vec![(parsed.document.clone(), false)];
    while let Some((node, is_code)) = waiting.pop() {
        let is_code = match &node.data {
            NodeData::Text { contents } => {
                let contents = contents.borrow();
                text.push_str(&contents);
                if is_code {
                    code.push(contents.trim_end_matches('\n').to_owned());
                }
                false
            }
            NodeData::Element { name, attrs, .. } => {
                let is = |wanted: &str| &*name.local == wanted;
                // What a picture is called is seen where it is missing, and what a field is for where it is empty.
                let attributes = attrs.borrow();
                text.extend(
                    attributes
                        .iter()
                        .filter(|attribute| matches!(&*attribute.name.local, "alt" | "placeholder"))
                        .map(|attribute| attribute.value.as_ref()),
                );
                if !["code", "em", "strong", "a", "sub", "del", "span"].iter().any(|inline| is(inline)) {
                    text.push(' ');
                }
                is("code")
            }
            _ => false,
        };
        waiting.extend(node.children.borrow().iter().rev().map(|child| (child.clone(), is_code)));
    }
    let mut words = BTreeMap::new();
    for word in text.split(|c: char| !c.is_ascii_lowercase()).filter(|word| word.starts_with(MARK)) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    ReadPage { words, code }
}

/// What is wrong with the page of an answer.
fn fault(maker: &AnswerMaker, question: &str, page: &str) -> Option<String> {
    if !page.contains(&format!("\n{question}\n")) {
        return Some("the question is changed".to_owned());
    }
    let found = read(page);
    for word in &maker.words {
        match found.words.get(word) {
            Some(1) => {}
            count => return Some(format!("{word} is there {} times", count.copied().unwrap_or_default())),
        }
    }
    if let Some(word) = maker.sources.iter().find(|word| !found.words.contains_key(*word)) {
        return Some(format!("{word} is lost"));
    }
    let lost = maker.code.iter().find(|code| !found.code.contains(code));
    lost.map(|code| format!("code is changed: {code:?} is not among {:?}", found.code))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn no_random_answer_loses_or_doubles_a_word_or_changes_code() {
    let count =
        number("GPTFS_CASES").map_or(ANSWERS, |count| usize::try_from(count).expect("a number of answers"));
    let seed = number("GPTFS_SEED").unwrap_or(1);
    println!("GPTFS_SEED={seed}");
    let mut faults = Vec::new();
    // Not all at once, so that memory is bounded.
    for first in (0..count).step_by(2_000) {
        let mut chats: Vec<Value> = Vec::new();
        let mut made = Vec::new();
        for at in first..count.min(first + 2_000) {
            let mut maker = AnswerMaker::new(seed.wrapping_mul(1_000_003).wrapping_add(at as u64));
            let depth = maker.below(3);
            let mut answer = maker.blocks(depth, Place::Answer);
            // Names that HTML has too, and unknown ones, need a component beside them.
            if answer.contains("<blockquote") || answer.contains("<Seed") {
                let _ = write!(answer, "<badge>{}</badge>", maker.word());
            }
            let question = maker.question();
            let text = |role: &str, text: &str| json!({"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}});
            let name = format!("answer-{at}");
            chats.push(json!({"id": name, "title": name, "create_time": 1_790_000_000, "current_node": "b", "mapping": {
                "a": {"id": "a", "parent": null, "message": text("user", &question)},
                "b": {"id": "b", "parent": "a", "message": text("assistant", &answer)}}}));
            made.push((name, maker, question, answer));
        }
        let scratch = Scratch::new();
        let tree = exported(&scratch.file("conversations.json", json!(chats).to_string()));
        for (name, maker, question, answer) in &made {
            let (_, page) =
                tree.0.iter().find(|(path, _)| path.ends_with(&format!("/{name}.md"))).expect("a page");
            let page = String::from_utf8_lossy(page);
            faults.extend(
                fault(maker, question, &page)
                    .map(|fault| (answer.len(), format!("{name}: {fault}\n{answer}\n=====\n{page}"))),
            );
        }
    }
    faults.sort();
    let shortest: Vec<_> = faults.iter().take(5).map(|(_, fault)| fault.as_str()).collect();
    assert!(
        faults.is_empty(),
        "{} of {count} answers; the shortest:\n{}",
        faults.len(),
        shortest.join("\n\n")
    );
}
