//! Hostile sources: they take time and space in proportion, never panic, and lose no words.

use super::{Known, expand};

/// Random numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.roll(choices.len())]
    }
}

/// Pieces that break every rule together.
const PIECES: &[&str] = &[
    "<box>",
    "</box>",
    "<row gap={1}>",
    "</row>",
    "<text>",
    "</text>",
    "<list>",
    "<list-item>",
    "</list-item>",
    "</list>",
    "<table>",
    "<table-row>",
    "<table-cell>",
    "</table-cell>",
    "</table-row>",
    "</table>",
    "<Table.Cell header>",
    "<Cite refs={[\"turn0search0\"]}/>",
    "<Cite ref=\"none\"/>",
    "<Entity value=\"",
    "\"/>",
    "<Link url=\"https://a.example/\">",
    "</Link>",
    "<badge label='b'/>",
    "<Chart content={{data:[{a:1}]}}/>",
    "<CodeBlock>",
    "</CodeBlock>",
    "<WritingBlock content=\"",
    "<svg>",
    "</svg>",
    "<grid>",
    "<title>",
    "</title>",
    "<checkbox>c</checkbox>",
    "<divider/>",
    "<Unknown a='b'/>",
    "<Foo>",
    "</Foo>",
    "{#each [1,2] as x,i}",
    "{#each xs as y}",
    "{/each}",
    "{#if x>1}",
    "{:else}",
    "{/if}",
    "{x}",
    "{",
    "}",
    "{@body const q = [\"w\"]}",
    "{@body const [s,t] = DIL.useState(1)}",
    "{@body const f = (x) => x; let g = ()}",
    "{#if s}",
    "{...x} ",
    " {...{label:'l'}}",
    "{s}",
    "{#while}",
    "`",
    "``",
    "```\n",
    "~~~\n",
    "\n",
    "\n\n",
    "    ",
    "- ",
    "1. ",
    "> ",
    "# ",
    "| a | b |\n|---|---|\n",
    "$",
    "$$",
    "\\(",
    "\\)",
    "\\",
    "<",
    ">",
    "\"",
    "'",
    "=",
    "/>",
    "</",
    "<div>",
    "</div>",
    "<pre>",
    "<!-- ",
    "-->",
    "**",
    "*",
    "_",
    "[",
    "](",
    ")",
    "word",
    "é",
    "\u{e200}cite\u{e202}turn0search0\u{e201}",
    "\u{e200}",
    "&amp;",
    "<sub>",
    "</sub>",
];

#[test]
fn random_sources_are_expanded_whatever_they_are() {
    for seed in 1..3000 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let length = 1 + dice.roll(60);
        let source: String = (0..length).map(|_| dice.pick(PIECES)).collect();
        if let Some(expanded) = expand(&source, &[], &Known) {
            let most = source.len() * 100 + 10_000;
            assert!(expanded.text.len() < most, "seed {seed}: {} bytes of {source:?}", expanded.text.len());
        }
    }
}

/// Writes a random answer of components to `out`, with a new word wherever one is shown; adds the words to `words`.
fn answer(dice: &mut Dice, out: &mut String, words: &mut Vec<String>) {
    let mut open: Vec<&str> = Vec::new();
    let word = |words: &mut Vec<String>| {
        words.push(format!("w{}w", words.len()));
        words.last().expect("a word").clone()
    };
    for _ in 0..=dice.roll(40) {
        match dice.roll(14) {
            0..=3 => {
                let name = dice.pick(&[
                    "box", "row", "col", "card", "grid", "grid-item", "text", "title", "caption", "list",
                    "list-item", "table", "table-row", "table-cell", "blockquote", "badge", "bold", "italic",
                    "pressable", "Table.Row", "Table.Cell", "radio-group", "radio", "SomeCard", "label",
                    "button", "link-card-x", "carousel", "table-section",
                ]);
                out.push_str(&format!("<{name} a=\"1\">"));
                open.push(name);
            }
            4..=6 => {
                if let Some(name) = open.pop() {
                    // Some are never closed.
                    if dice.roll(8) > 0 {
                        out.push_str(&format!("</{name}>"));
                    }
                }
            }
            7 => {
                let word = word(words);
                let element = dice.pick(&[
                    "<Entity value=\"%\"/>",
                    "<Link url=\"https://a.example/\" title=\"%\"/>",
                    "<badge label=\"%\"/>",
                    "<AsyncImage query=\"%\"/>",
                    "{\"%\"}",
                    "{#each [\"%\"] as x}{x}{/each}",
                    "<checkbox>%</checkbox>",
                    "<CodeBlock>%</CodeBlock>",
                    "<WritingBlock>%</WritingBlock>",
                    "<escape>%</escape>",
                    "<code>%</code>",
                    "<Chart content={{xKey:'a',series:[{dataKey:'b'}],data:[{a:'%',b:1}]}}/>",
                    "{#if true}%{/if}",
                    "<segmented-control options={[{label:\"%\"}]}/>",
                    "<list-item label=\"%\"/>",
                    "<LinkCard title=\"%\"/>",
                ]);
                let is_expression = element.starts_with('{') && open.is_empty();
                let element = if is_expression { "<text>%</text>" } else { element };
                out.push_str(&element.replace('%', &word));
            }
            8 => out.push_str(dice.pick(&["\n", "\n\n", "\n  ", "\n      ", " "])),
            9 => out.push_str(dice.pick(&["\n\n- ", "\n\n1. ", "\n\n> ", "\n\n## ", "\n\n| "])),
            10 => out.push_str(
                dice.pick(&["**", " *", "<br>", "<sub>", "<divider/>", "<Cite ref=\"none\"/>", " $5 "]),
            ),
            _ => out.push_str(&format!(" {} ", word(words))),
        }
    }
}

#[test]
fn every_word_that_was_shown_is_there_once() {
    for seed in 1..4000 {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let (mut source, mut words) = ("<box>begin</box>\n".to_owned(), Vec::new());
        answer(&mut dice, &mut source, &mut words);
        let expanded = expand(&source, &[], &Known).expect("components").text;
        for word in words {
            assert_eq!(
                expanded.matches(&word).count(),
                1,
                "seed {seed}: {word} of {source}\n---\n{expanded}"
            );
        }
    }
}

#[test]
fn large_sources_are_bounded() {
    let many = 20_000;
    for (source, most) in [
        ("<badge>a</badge>\n".repeat(many), 2),
        ("<box>".repeat(many), 2),
        (format!("{}x{}", "<box>\n".repeat(many), "</box>\n".repeat(many)), 2),
        (format!("<box>{}</box>", "<row".repeat(many)), 2),
        (format!("<Entity value=\"{}\"/>", "a ".repeat(many)), 2),
        (format!("<box>{}</box>", "{".repeat(many)), 2),
        (format!("<box>{}</box>", "\"'`".repeat(many)), 2),
        (format!("<box/>{}", "<Chart content={".repeat(many)), 2),
        (format!("<box/>{}", "<Link url=\"".repeat(many)), 2),
        (format!("<list>{}", "<list-item>a<list>".repeat(many)), 2),
        (format!("<table>{}", "<table-row>".repeat(many)), 2),
        (
            format!(
                "<table><table-row>{}</table-row>{}</table>",
                "<table-cell/>".repeat(4000),
                "<table-row/>".repeat(4000)
            ),
            3,
        ),
        ("{#each [1,2,3,4,5,6,7,8,9] as a}".repeat(many) + "x", 3),
        (format!("- {}\n  {}<badge>b</badge>", "a".repeat(many * 50), "{#if a}{/if}".repeat(4000)), 2),
        (format!("<box>{}x{}</box>", "{#each [1,2,3,4,5,6,7,8,9] as a}".repeat(8), "{/each}".repeat(8)), 200),
    ] {
        let expanded = expand(&source, &[], &Known).map_or(0, |expanded| expanded.text.len());
        assert!(expanded < source.len() * most + 1000, "{expanded} bytes of {source:.60}");
    }
}
