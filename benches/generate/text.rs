//! Generates words, sentences and programs with the statistics of real chats.

use super::random::Random;
use std::fmt::Write;

/// The most frequent words, in descending order.
const COMMON: &str = "the of and to a in is you that it for with as on be this are your can or have from if will not use at \
by an we but what all which when one how there more time need like just also some other make about than into only \
would them do get should these two then first so no each good work data way using very both data file used value \
result new where set list run step example change different because after before add check still try want here best";

/// The syllables of rarer words.
const SYLLABLES: [&str; 64] = [
    "con", "ter", "ma", "ra", "ti", "on", "re", "pre", "la", "de", "mo", "ni", "tor", "ble", "ar", "is",
    "per", "form", "al", "ver", "sa", "lo", "gi", "cal", "in", "dex", "ap", "ly", "com", "pu", "ta", "tion",
    "str", "uc", "ture", "man", "age", "ment", "pro", "ces", "sor", "op", "ti", "mi", "ze", "par", "al",
    "lel", "net", "wor", "king", "ser", "vi", "ce", "gar", "den", "wa", "ter", "sun", "light", "moun",
    "tain", "ri", "ver",
];

/// Approximate number of distinct words.
const VOCABULARY: u64 = 8192;

/// A word. Frequencies follow Zipf's law.
pub(super) fn word(random: &mut Random) -> String {
    let rank = random.rank(VOCABULARY);
    let common = COMMON.split(' ').nth(rank as usize);
    common.map_or_else(
        || {
            let mut of_the_word = Random::new(rank.wrapping_mul(0xA076_1D64_78BD_642F));
            let syllables = 2 + of_the_word.below(3);
            (0..syllables).map(|_| *of_the_word.pick(&SYLLABLES)).collect()
        },
        str::to_owned,
    )
}

/// A sentence of about a dozen words. Some sentences recur, as in real chats.
pub(super) fn sentence(random: &mut Random) -> String {
    if random.chance(0.12) {
        let rank = random.rank(512);
        return fresh_sentence(&mut Random::new(rank.wrapping_mul(0xE703_7ED1_A0B4_28DB)));
    }
    fresh_sentence(random)
}

fn fresh_sentence(random: &mut Random) -> String {
    let mut text = String::new();
    let words = 5 + random.below(14);
    for index in 0..words {
        let mut word = word(random);
        if index == 0
            && let Some(first) = word.get_mut(..1)
        {
            first.make_ascii_uppercase();
        }
        if index > 0 {
            text.push_str(if random.chance(0.08) { ", " } else { " " });
        }
        text.push_str(&word);
    }
    text.push_str(if random.chance(0.1) { "?" } else { "." });
    if random.chance(0.03) {
        text.push_str(random.pick::<&str>(&[
            " 🌱",
            " 🎉",
            " – naïve, déjà vu",
            " 東京の庭。",
            " Ещё раз.",
            " 👩‍🔬",
        ]));
    }
    text
}

/// `count` sentences.
pub(super) fn sentences(random: &mut Random, count: u64) -> String {
    let all: Vec<_> = (0..count).map(|_| sentence(random)).collect();
    all.join(" ")
}

/// A title of a few words.
pub(super) fn title(random: &mut Random) -> String {
    match random.below(40) {
        0..3 => return "New chat".to_owned(),
        3 => return "Tea / coffee: which?".to_owned(),
        4 => return "東京の庭 🌱".to_owned(),
        _ => {}
    }
    let words = 2 + random.below(4);
    let mut title = (0..words).map(|_| word(random)).collect::<Vec<_>>().join(" ");
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    title
}

/// An answer in Markdown.
pub(super) fn markdown(random: &mut Random) -> String {
    let mut text = String::new();
    let blocks = 2 + random.below(7);
    for block in 0..blocks {
        if block > 0 {
            text.push_str("\n\n");
        }
        match random.below(10) {
            0 => {
                let _ = write!(text, "### {}", title(random));
            }
            1 | 2 => {
                for item in 1..=2 + random.below(5) {
                    let _ = writeln!(text, "{item}. **{}**: {}", word(random), sentence(random));
                }
            }
            3 => {
                let _ = write!(text, "```python\n{}```", program(random));
            }
            _ => {
                let count = 2 + random.below(4);
                text.push_str(&sentences(random, count));
            }
        }
    }
    text
}

/// A Python program.
pub(super) fn program(random: &mut Random) -> String {
    let mut text = String::from("import pandas as pd\n\n");
    for _ in 0..3 + random.below(12) {
        let (a, b) = (word(random), word(random));
        let _ = match random.below(4) {
            0 => writeln!(text, "def {a}_{b}(value):\n    return value * {}\n", random.below(100)),
            1 => writeln!(text, "for {a} in range({}):\n    print(\"{b}\", {a})", random.below(100)),
            2 => writeln!(text, "{a} = pd.read_csv(\"/mnt/data/{b}.csv\")"),
            _ => writeln!(text, "{a} = [{}, {}]  # {b}", random.below(1000), random.below(1000)),
        };
    }
    text
}

/// The title, host and address of a web page.
pub(super) fn page(random: &mut Random) -> (String, String, String) {
    let host = format!("www.{}{}.{}", word(random), word(random), random.pick(&["com", "org", "net"]));
    let title = title(random);
    let slug = title.to_lowercase().replace([' ', '/', ':', '?'], "-");
    let url = format!("https://{host}/{}/{slug}?utm_source=chatgpt.com", 2015 + random.below(11));
    (title, host, url)
}
