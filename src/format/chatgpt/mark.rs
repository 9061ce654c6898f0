//! One mark of an answer: U+E200, a kind, arguments each after U+E202, and U+E201. What it says to a reader.

use super::link::{DistinctLinks, link};
use super::widget;
use crate::conversation::assistant::AnswerText;
use crate::conversation::{Link, Meaning, Text};
use crate::markdown;
use serde_json::Value;
use std::borrow::Cow;

/// Opens a mark.
pub(super) const OPEN: char = '\u{e200}';
/// Closes a mark.
pub(super) const CLOSE: char = '\u{e201}';
/// Precedes each argument.
pub(super) const NEXT: char = '\u{e202}';
/// Closes some malformed marks.
pub(super) const ODD_CLOSE: char = '\u{e20b}';

/// True for the kinds of marks that are links with a label.
pub(super) fn names_link(kind: &str) -> bool {
    matches!(kind, "link" | "url" | "link_title" | "video")
}

/// The length of the address or id at the start of `text`.
pub(super) fn target_length(text: &str) -> usize {
    let word = text.split(char::is_whitespace).next().unwrap_or_default();
    if is_address(word) { word.len() } else { stray_id(word) }
}

/// The length of the source id at the start of `text`, such as `turn0search3`.
pub(super) fn stray_id(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let Some(rest) = text.strip_prefix("turn") else { return 0 };
    let turn = digits(rest);
    let rest = rest.get(turn..).unwrap_or_default();
    let kind = rest.bytes().take_while(|byte| byte.is_ascii_alphabetic() || *byte == b'_').count();
    let index = digits(rest.get(kind..).unwrap_or_default());
    if turn == 0 || kind == 0 || index == 0 { 0 } else { "turn".len() + turn + kind + index }
}

/// The ids that `argument` lists, if it is nothing else.
fn ids(argument: &str) -> Option<impl Iterator<Item = &str>> {
    let ids = || argument.split(',').map(str::trim).filter(|id| !id.is_empty());
    ids().all(|id| stray_id(id) == id.len()).then(ids)
}

/// True if `text` looks like an address.
fn is_address(text: &str) -> bool {
    text.contains("://") || text.starts_with("mailto:")
}

/// The kind of `mark` and its arguments.
fn parsed(mark: &str) -> (&str, impl Iterator<Item = &str>) {
    let inside = mark.strip_prefix(OPEN).unwrap_or_default().trim_end_matches([CLOSE, ODD_CLOSE]);
    let mut arguments = inside.split(NEXT);
    (arguments.next().unwrap_or_default(), arguments)
}

/// What is shown of `mark`, which has a line of its own or not.
pub(super) fn meaning<'t>(mark: &'t str, alone: bool, answer: &AnswerText<'t>) -> Meaning<'t> {
    let (kind, mut arguments) = parsed(mark);
    match kind {
        // What the model remembered has an id and nothing to read.
        "" | "memory" => Meaning::Nothing,
        "filecite" => file_citation(arguments, answer),
        kind if kind.contains("cite") => citation(arguments.flat_map(|ids| ids.split(',')), answer),
        kind if names_link(kind) => link_mark(arguments, answer),
        "genui" => {
            let payload = arguments.next().unwrap_or_default();
            widget::meaning(payload, alone, answer).unwrap_or(Meaning::Nothing)
        }
        "image_group" => match arguments.next().and_then(widget::pictures) {
            Some(pictures) => pictures,
            None => labelled(kind, alone),
        },
        "entity" | "product_entity" => {
            let argument = arguments.next().unwrap_or_default();
            match name(argument) {
                Some(name) => Meaning::Plain(name),
                None if argument.trim_start().starts_with('[') => Meaning::Nothing,
                None => other(kind, std::iter::once(argument), alone, answer),
            }
        }
        kind => other(kind, arguments, alone, answer),
    }
}

/// What a title or a name keeps of `mark`: the words in it.
pub(super) fn words_of(mark: &str) -> String {
    let (kind, mut arguments) = parsed(mark);
    let words = match kind {
        "entity" | "product_entity" => arguments.next().and_then(name),
        kind if names_link(kind) => arguments.next().filter(|label| !is_address(label)).map(Cow::Borrowed),
        _ => None,
    };
    let words = words.filter(|words| ids(words).is_none());
    words.map_or_else(String::new, |words| words.trim().to_owned())
}

/// The sources with these `ids`, each address once.
fn citation<'t>(ids: impl Iterator<Item = &'t str>, answer: &AnswerText<'t>) -> Meaning<'t> {
    let mut links = DistinctLinks::default();
    ids.filter_map(|id| answer.source(id.trim())).for_each(|found| links.add(found.clone()));
    let links = links.into_links();
    if links.is_empty() { Meaning::Nothing } else { Meaning::Citation(links) }
}

/// A place in a file: a link where a search found it, else what the mark says of the name and the lines.
fn file_citation<'t>(arguments: impl Iterator<Item = &'t str>, answer: &AnswerText<'t>) -> Meaning<'t> {
    let (mut said, mut sources) = (Vec::new(), Vec::new());
    for argument in arguments.map(str::trim).filter(|argument| !argument.is_empty()) {
        match ids(argument) {
            Some(found) => sources.extend(found),
            None => said.push(match lines(argument) {
                Some((first, last)) if first == last => format!("line {first}"),
                Some((first, last)) => format!("lines {first}–{last}"),
                None => markdown::sentence(argument).into_owned(),
            }),
        }
    }
    match citation(sources.into_iter(), answer) {
        Meaning::Nothing if !said.is_empty() => Meaning::Markdown(format!("({})", said.join(", ")).into()),
        found => found,
    }
}

/// The first and the last of the lines that `L180-L293` or `L7` means.
fn lines(argument: &str) -> Option<(&str, &str)> {
    let (first, last) = argument.split_once('-').unwrap_or((argument, argument));
    let number = |text: &'_ str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, last) = (first.strip_prefix('L')?, last.strip_prefix('L')?);
    (number(first) && number(last)).then_some((first, last))
}

/// A mark with a label and either an address or the id of a source, in either order. If the id is unknown, the label is
/// shown.
fn link_mark<'t>(mut arguments: impl Iterator<Item = &'t str>, answer: &AnswerText<'t>) -> Meaning<'t> {
    let (first, second) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    let (label, target) = match (first.trim(), second.trim()) {
        (address, label) if is_address(address) && !is_address(label) => (label, address),
        (only, "") if ids(only).is_some() => ("", only),
        found => found,
    };
    let label = Some(label).filter(|label| !label.is_empty()).map(Cow::Borrowed);
    let url = match ids(target) {
        Some(mut ids) => ids.find_map(|id| answer.source(id)).map(|page| page.url.clone()),
        None => Some(Cow::Borrowed(target)),
    };
    match (label, url) {
        (label, Some(url)) => {
            link(label, Some(url)).map_or(Meaning::Nothing, |link| Meaning::Links(vec![link]))
        }
        (Some(label), None) => Meaning::Plain(label),
        (None, None) => Meaning::Nothing,
    }
}

/// The name in `["kind","Name",…]`.
fn name<'t>(array: &str) -> Option<Text<'t>> {
    let Ok(Value::Array(list)) = serde_json::from_str(array) else { return None };
    match list.into_iter().nth(1)? {
        Value::String(name) => Some(Cow::Owned(name)),
        _ => None,
    }
}

/// A mark of any other kind: the words among its arguments and the pages that they name. Of one that has neither and a
/// line of its own, the kind is shown.
fn other<'t>(
    kind: &str,
    arguments: impl Iterator<Item = &'t str>,
    alone: bool,
    answer: &AnswerText<'t>,
) -> Meaning<'t> {
    let (mut words, mut links) = (Vec::new(), String::new());
    let mut seen = std::collections::HashSet::new();
    for argument in arguments.map(str::trim).filter(|argument| !argument.is_empty()) {
        if let Some(ids) = ids(argument) {
            for page in ids.filter_map(|id| answer.source(id)).filter(|page| seen.insert(&page.url)) {
                links.push_str(if links.is_empty() { "" } else { ", " });
                markdown::external(&page.label, &page.url, &mut links);
            }
        } else if let Ok(value @ (Value::Object(_) | Value::Array(_))) = serde_json::from_str(argument) {
            // Each page is linked once: an address may be long.
            let page = |id: &str| answer.source(id).filter(|page| seen.insert(&page.url));
            strings(&value, &mut words, page);
        } else if lines(argument).is_none() {
            words.push(markdown::sentence(argument).into_owned());
        }
    }
    let is_own_word = matches!(
        kind,
        "entity" | "product_entity" | "navlist" | "nav_list" | "file_navlist" | "products" | "product"
    );
    let words = words.join(", ");
    match (words.is_empty(), links.is_empty()) {
        (true, true) => labelled(kind, alone),
        (true, false) if alone => Meaning::Markdown(links.into()),
        (true, false) => Meaning::Markdown(format!("({links})").into()),
        (false, false) => Meaning::Markdown(format!("{words}: {links}").into()),
        (false, true) if is_own_word => Meaning::Markdown(words.into()),
        (false, true) => {
            Meaning::Markdown(format!("*[{}: {words}]*", markdown::label(&spelled(kind))).into())
        }
    }
}

/// The kind of a mark that says nothing else, if it was alone on its line; nothing within a sentence.
fn labelled(kind: &str, alone: bool) -> Meaning<'static> {
    let kind = spelled(kind);
    if !alone || markdown::is_blank(&kind) {
        return Meaning::Nothing;
    }
    Meaning::Markdown(format!("*[{}]*", markdown::label(&kind)).into())
}

/// A kind as words.
fn spelled(kind: &str) -> String {
    match kind {
        "i" | "image" | "image_inline" | "image_group" => "Pictures".to_owned(),
        kind => kind.replace('_', " "),
    }
}

/// Adds the words of JSON to `words`, without ids, settings and addresses of pictures. A name beside an id, as those of
/// products are, leads to its `page`.
fn strings<'p>(value: &Value, words: &mut Vec<String>, mut page: impl FnMut(&str) -> Option<&'p Link<'p>>) {
    /// Keys of what is not said to a reader.
    const WORDLESS: [&str; 12] = [
        "type", "id", "ids", "ref", "refs", "ref_id", "kind", "layout", "aspect_ratio", "locale",
        "image_url", "category",
    ];
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::String(text) if text.contains(char::is_alphanumeric) && ids(text).is_none() => {
                words.push(markdown::sentence(text).into_owned());
            }
            Value::Array(list) => {
                let named = match list.as_slice() {
                    [Value::String(id), Value::String(name)] if ids(name).is_none() => {
                        page(id).map(|page| (name, page))
                    }
                    _ => None,
                };
                if let Some((name, page)) = named {
                    let mut link = String::new();
                    markdown::external(name, &page.url, &mut link);
                    words.push(link);
                } else {
                    waiting.extend(list.iter().rev());
                }
            }
            Value::Object(fields) => {
                let fields = fields.iter().filter(|(key, _)| !WORDLESS.contains(&key.as_str()));
                let from = waiting.len();
                waiting.extend(fields.map(|(_, value)| value));
                waiting.get_mut(from..).unwrap_or_default().reverse();
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::assistant::Sources;
    use crate::conversation::tree::NodeId;
    use crate::markdown::Hints;

    /// What is shown of a mark written with `|` for U+E202, in short.
    fn shown(mark: &str, alone: bool) -> String {
        let mark = format!("{OPEN}{}{CLOSE}", mark.replace('|', &NEXT.to_string()));
        let mut sources = Sources::new(vec![NodeId(0)]);
        for (id, label) in [("turn0news1", "One"), ("turn0news2", "Two")] {
            let url = format!("https://{}.example/", label.to_lowercase());
            sources.add(id, NodeId(0), Link { label: label.into(), url: url.into(), ..Link::default() });
        }
        let hints = Hints::of(&mark);
        let answer = AnswerText::new(&mark, hints, &[], &sources, None);
        let links = |list: Vec<Link<'_>>| {
            list.iter().map(|link| format!("{}→{}", link.label, link.url)).collect::<Vec<_>>().join(", ")
        };
        match meaning(&mark, alone, &answer) {
            Meaning::Nothing => String::new(),
            Meaning::Citation(list) => format!("cite {}", links(list)),
            Meaning::Links(list) => format!("links {}", links(list)),
            Meaning::Markdown(text) => text.into_owned(),
            Meaning::Plain(text) => format!("plain {text}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_mark_of_any_kind_says_what_it_can() {
        for (mark, expected) in [
            ("cite|turn0news1|turn0news2", "cite One→https://one.example/, Two→https://two.example/"),
            ("cite|turn9news1", ""),
            ("memcite|0", ""),
            ("filecite|turn3file14|L180-L293", "(lines 180–293)"),
            ("filecite|turn3file14|L7", "(line 7)"),
            ("filecite|turn3file14|notes_[1].md", "(notes\\_[1].md)"),
            ("filecite|turn3file14", ""),
            ("filecite|turn0news1|L1-L2", "cite One→https://one.example/"),
            ("video|How to [brew]|turn0news1", "links How to [brew]→https://one.example/"),
            ("video|How to brew|turn9video1", "plain How to brew"),
            (
                "navlist|More|turn0news1,turn0news2",
                "More: [One](https://one.example/), [Two](https://two.example/)",
            ),
            ("navlist|More|turn9news1", "More"),
            ("tlwm|turn0news1", "([One](https://one.example/))"),
            (
                "products|{\"selections\":[[\"turn0product1\",\"Pond net\"]],\"tags\":[\"best\"]}",
                "Pond net, best",
            ),
            (
                "products|{\"selections\":[[\"turn0news1\",\"Pond [net]\"],[\"turn0news1\",\"Net\"]],\"tags\":[\"best\"]}",
                "[Pond \\[net\\]](https://one.example/), Net, best",
            ),
            ("navlist|{\"pages\":[\"turn0news1\",\"turn0news2\"]}", ""),
            ("finance|turn0finance0", ""),
            ("forecast|{\"location\":\"Rome\",\"type\":\"daily\"}", "*[forecast: Rome]*"),
            ("entity|[\"people\",\"Ada\",0]", "plain Ada"),
            ("entity|{\"name\":\"Ada\"}", "Ada"),
            ("entity|broken json", "broken json"),
            ("entity|[\"people\"]", ""),
            ("memory|m1", ""),
            ("url|Docs|ftp://d.example/x", "links Docs→ftp://d.example/x"),
            ("url|Docs|javascript:x()", "links Docs→javascript:x()"),
            ("url|Docs|turn0news9", "plain Docs"),
            ("link|turn0news9", ""),
            ("link|turn0news1", "links one.example→https://one.example/"),
            ("i|turn0image0", ""),
            ("filecite|turn3file14|L-L5", "(L-L5)"),
            ("filecite|turn3file14|Lx-L5", "(Lx-L5)"),
            ("url|https://d.example/|Docs", "links Docs→https://d.example/"),
            (
                "url|https://one.example/|https://two.example/",
                "links https://one.example/→https://two.example/",
            ),
            ("navlist|More|L1-L2", "More"),
            ("url|Docs|turn5", "links Docs→turn5"),
            ("products|[\"—\",\"Pond net\"]", "Pond net"),
            ("image_group|broken json", ""),
            ("genui|{\"learning_block\":{\"content\":\"x +\\ny\"}}", "\\(x + y\\)"),
            ("genui|{\"learning_block\":{\"content\":\"x % one\\ny\"}}", "\\(x % one\ny\\)"),
        ] {
            assert_eq!(shown(mark, false), expected, "{mark}");
        }
    }

    #[test]
    fn a_mark_on_a_line_of_its_own_is_named_at_least() {
        for (mark, expected) in [
            ("finance_chart|turn0finance0", "*[finance chart]*"),
            ("i|turn0image0", "*[Pictures]*"),
            ("image_group|broken json", "*[Pictures]*"),
            ("tlwm|turn0news1", "[One](https://one.example/)"),
            ("cite|turn9news1", ""),
            ("filecite|turn3file14", ""),
            ("", ""),
        ] {
            assert_eq!(shown(mark, true), expected, "{mark}");
        }
    }
}
