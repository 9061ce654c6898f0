//! Widgets in answers, given as JSON: `{"<widget>": {…}}` in a `genui` mark, or the data of a reference.

use super::components::chart;
use crate::conversation::Meaning;
use crate::conversation::assistant::AnswerText;
use crate::markdown;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// What the widget in a mark's `payload` shows, if anything. `alone` if nothing else is on its line.
pub(super) fn meaning<'t>(payload: &'t str, alone: bool, answer: &AnswerText<'t>) -> Option<Meaning<'t>> {
    let Ok(Value::Object(widgets)) = serde_json::from_str(payload) else { return unreadable(payload, alone) };
    let (name, data) = widgets.into_iter().next()?;
    if name == "citation" {
        let refs = ids(&data).collect::<Vec<_>>();
        let links = refs.iter().filter_map(|id| answer.source(id));
        let mut seen = std::collections::HashSet::new();
        let links: Vec<_> = links.filter(|link| seen.insert(&link.url)).cloned().collect();
        return (!links.is_empty()).then_some(Meaning::Citation(links));
    }
    widget(&name, &data, alone)
}

/// The ids that a citation lists.
fn ids(data: &Value) -> impl Iterator<Item = &str> {
    let lists = [data.get("refs"), data.get("ref")].into_iter().flatten();
    lists
        .flat_map(|list| match list {
            Value::Array(list) => list.as_slice(),
            other => std::slice::from_ref(other),
        })
        .filter_map(Value::as_str)
}

/// What a widget called `name` shows for `data`.
pub(super) fn widget(name: &str, data: &Value, alone: bool) -> Option<Meaning<'static>> {
    let text = |key: &str| data.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    let content = text("content").or_else(|| data.as_str());
    match name {
        "math_block_widget_always_prefetch_v2" | "learning_block" => content.map(|tex| formula(tex, alone)),
        "app_block" | "code_block" | "visualization" => {
            let mut blocks = String::new();
            if let Some(title) = text("title") {
                blocks = format!("**{}**\n\n", markdown::label(title));
            }
            markdown::fence(text("language").unwrap_or("html"), content?, &mut blocks);
            Some(Meaning::Block(blocks.into()))
        }
        "writing_block" => {
            let mut quote = String::new();
            markdown::quote(content?.trim(), &mut quote);
            Some(Meaning::Block(quote.into()))
        }
        "charts_widget_v2" | "chart" => {
            let content = data.get("content").unwrap_or(data);
            let content = content.as_str().map_or_else(|| content.to_string(), str::to_owned);
            let table = chart::chart(&content).map(|table| Meaning::Block(table.into()));
            table.or_else(|| text("title").map(|title| Meaning::Plain(title.to_owned().into())))
        }
        "suggest_automation" => {
            let label = text("label")?;
            Some(Meaning::Markdown(format!("*[Suggestion: {}]*", markdown::sentence(label)).into()))
        }
        _ => {
            let words = ["title", "label", "text", "content"].into_iter().find_map(text);
            words.or_else(|| data.as_str()).map(|words| Meaning::Plain(words.to_owned().into()))
        }
    }
}

/// A formula in the model's own notation.
fn formula(tex: &str, alone: bool) -> Meaning<'static> {
    let tex = tex.trim();
    if alone {
        return Meaning::Markdown(format!("\\[{tex}\\]").into());
    }
    // In a sentence a formula has one line; a comment would take what follows with it.
    let lines = if tex.contains('%') { Cow::Borrowed(tex) } else { tex.replace('\n', " ").into() };
    Meaning::Markdown(format!("\\({lines}\\)").into())
}

/// Recovers the content of malformed JSON, such as a formula with unescaped backslashes: everything between
/// `"content":"` and the last quote.
fn unreadable(payload: &str, alone: bool) -> Option<Meaning<'_>> {
    let (name, rest) =
        payload.trim_start().strip_prefix('{')?.trim_start().strip_prefix('"')?.split_once('"')?;
    let (_, rest) = rest.split_once("\"content\"")?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start().strip_prefix('"')?;
    let content = rest.get(..rest.rfind('"')?)?.to_owned();
    widget(name, &Value::Object(Map::from_iter([("content".to_owned(), Value::String(content))])), alone)
}

/// The search terms of a group of pictures.
pub(super) fn pictures(payload: &str) -> Option<Meaning<'static>> {
    let Ok(Value::Object(group)) = serde_json::from_str(payload) else { return None };
    let queries: Vec<_> = match group.get("query")? {
        Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let queries: Vec<_> =
        queries.into_iter().map(markdown::label).filter(|query| !query.is_empty()).collect();
    let words = queries.join(", ");
    (!words.is_empty()).then(|| Meaning::Markdown(Cow::Owned(format!("*[Pictures: {words}]*"))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_widget_shows_its_words() {
        for (name, data, expected) in [
            (
                "code_block",
                json!({"language": "python", "content": "f()"}),
                r#"Block("```python\nf()\n```")"#,
            ),
            (
                "app_block",
                json!({"title": "A plan", "content": "<p>"}),
                r#"Block("**A plan**\n\n```html\n<p>\n```")"#,
            ),
            ("visualization", json!({"title": "nothing else"}), ""),
            (
                "writing_block",
                json!({"content": "Dear Ana,\n\nhello. "}),
                r#"Block("> Dear Ana,\n>\n> hello.")"#,
            ),
            ("suggest_automation", json!({"label": "every day"}), r#"Markdown("*[Suggestion: every day]*")"#),
            ("suggest_automation", json!({"label": " "}), ""),
            ("chart", json!({"content": "no data", "title": "Rain"}), r#"Plain("Rain")"#),
            ("unheard_of", json!({"text": "words", "label": "a name"}), r#"Plain("a name")"#),
            ("unheard_of", json!("words"), r#"Plain("words")"#),
            ("unheard_of", json!({"number": 1}), ""),
        ] {
            let shown = widget(name, &data, true).map(|meaning| format!("{meaning:?}")).unwrap_or_default();
            assert_eq!(shown, expected, "{name} {data}");
        }
    }
}
