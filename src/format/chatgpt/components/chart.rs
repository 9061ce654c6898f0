//! Charts as tables of their data.

use super::piece::{BlockKind, OutputBlock};
use super::script::{self, ScriptValue};
use super::{plain, table};

/// The chart that `content` describes, which is JSON or a JavaScript object; `None` if its data are not literal.
pub(in crate::format::chatgpt) fn chart(content: &str) -> Option<String> {
    let blocks = blocks(&script::literal(content))?;
    Some(super::join::join(&blocks))
}

/// The blocks of a chart; `None` if its data are not known.
pub(super) fn blocks(content: &ScriptValue) -> Option<Vec<OutputBlock>> {
    let content = &match content {
        // JSON in a string.
        ScriptValue::Text(text) => script::literal(text),
        content => content.clone(),
    };
    let data = content.get("data");
    if !matches!(data, ScriptValue::List(_)) || is_unknown(data) || is_unknown(content.get("series")) {
        return None;
    }
    if data.list().first().is_some_and(|first| first.entries().is_empty()) {
        return None;
    }
    let meta = content.get("meta");
    let text = |keys: &[&str]| meta.first(keys).or_else(|| content.first(keys));
    let blocks = [
        text(&["title"]).map(|title| OutputBlock::heading(&title)),
        text(&["description", "subtitle"]).map(|description| OutputBlock::words(&description)),
        data_table(content, data.list()),
        text(&["footer"]).map(|footer| OutputBlock::words(&footer)),
    ];
    Some(blocks.into_iter().flatten().collect())
}

fn is_unknown(value: &ScriptValue) -> bool {
    let is_unknown = |value: &ScriptValue| *value == ScriptValue::Unknown;
    let has_unknown =
        |value: &ScriptValue| is_unknown(value) || value.entries().iter().any(|(_, value)| is_unknown(value));
    is_unknown(value) || value.list().iter().any(has_unknown)
}

/// A column of figures.
struct Series {
    key: String,
    label: String,
    prefix: String,
    suffix: String,
}

/// The most columns of a chart.
const MOST_SERIES: usize = 50;

fn data_table(content: &ScriptValue, data: &[ScriptValue]) -> Option<OutputBlock> {
    let first = data.first()?;
    let key = content.first(&["xKey", "nameKey"]);
    let text = |value: &ScriptValue, key: &str| value.first(&[key]);
    let mut series: Vec<Series> = Vec::new();
    for value in content.get("series").list().iter().take(MOST_SERIES) {
        let Some(key) = value.first(&["dataKey", "key", "yKey"]).or_else(|| content.first(&["valueKey"]))
        else {
            continue;
        };
        series.push(Series {
            label: text(value, "label").or_else(|| text(value, "name")).unwrap_or_else(|| key.clone()),
            prefix: value.get("valuePrefix").to_text().unwrap_or_default(),
            suffix: value.get("valueSuffix").to_text().unwrap_or_default(),
            key,
        });
    }
    if series.is_empty() {
        let value_key = content.first(&["valueKey", "yKey"]);
        let keys = first.entries().iter().map(|(key, _)| key.as_ref().to_owned());
        let keys = value_key.map_or_else(|| keys.collect::<Vec<_>>(), |key| vec![key]);
        let name = key.clone().or_else(|| first.entries().first().map(|(key, _)| key.as_ref().to_owned()));
        let keys = keys.into_iter().filter(|key| Some(key) != name.as_ref()).take(MOST_SERIES);
        series.extend(keys.map(|key| Series {
            label: key.clone(),
            key,
            prefix: String::new(),
            suffix: String::new(),
        }));
    }
    let is_series = |key: &str| series.iter().any(|series| series.key == key);
    let key = key.or_else(|| {
        let keys = first.entries().iter().map(|(key, _)| key.as_ref());
        keys.into_iter().find(|key| !is_series(key)).map(str::to_owned)
    });
    let name = key.as_deref().map(|key| content.first(&["xAxisLabel"]).unwrap_or_else(|| key.to_owned()));
    let mut header: Vec<String> = name.iter().map(|name| plain::sentence(name)).collect();
    let mut right: Vec<bool> = header.iter().map(|_| false).collect();
    header.extend(series.iter().map(|series| plain::sentence(&series.label)));
    right.extend(series.iter().map(|_| true));
    let cell = |value: &ScriptValue| value.to_text().map(|text| plain::sentence(&text)).unwrap_or_default();
    let rows = data.iter().map(|entry| {
        let mut row: Vec<String> = key.iter().map(|key| cell(entry.get(key))).collect();
        row.extend(series.iter().map(|series| match entry.get(&series.key).to_text() {
            Some(text) => plain::sentence(&format!("{}{text}{}", series.prefix, series.suffix)),
            None => String::new(),
        }));
        row
    });
    let rows: Vec<_> = rows.collect();
    Some(OutputBlock::new(table::markdown(&header, &rows, &right), BlockKind::Markdown))
}
