//! The words in JSON of an unknown shape, so that none are lost.

use crate::conversation::Text;
use crate::format::pull::{Json, Reader, Result, Value};

/// Keys whose values are not words: ids, types and settings.
pub(super) const WORDLESS: [&str; 12] = [
    "content_type",
    "type",
    "id",
    "language",
    "response_format_name",
    "source_analysis_msg_id",
    "asset_pointer",
    "mime_type",
    "tether_id",
    "ref_id",
    "computer_id",
    "decoding_id",
];

/// Keys whose values are words wherever they are, whatever they look like.
const WORDY: [&str; 8] = ["text", "content", "parts", "thoughts", "result", "output_str", "summary", "title"];

/// All words in `json`, a line for each string, without those under the `skipped` keys. Linear.
pub(super) fn words<'a>(json: Json<'a>, skipped: &[&str]) -> Result<Text<'a>> {
    let mut skip = WORDLESS.to_vec();
    skip.extend(skipped);
    let mut all = Text::default();
    Reader::new(json).strings(&skip, |text| {
        add(text.text()?, &mut all);
        Ok(())
    })?;
    Ok(all)
}

/// All words in an object but those in its `shown` fields. Of anything else than an object, all words.
pub(super) fn without<'a>(json: Json<'a>, shown: &[&str]) -> Result<Text<'a>> {
    gather(json, |key, _| if shown.contains(&key) { FieldWords::Shown } else { FieldWords::All })
}

/// The words in an object that is shown otherwise: all but those under `texts`, where these are strings, and under
/// `others`. Values of keys that are not known to hold words count if they read like text. Of anything else than an object,
/// all words.
pub(super) fn beside<'a>(json: Json<'a>, texts: &[&str], others: &[&str]) -> Result<Text<'a>> {
    gather(json, |key, is_container| match texts.contains(&key) {
        _ if others.contains(&key) => FieldWords::Shown,
        true if !is_container => FieldWords::Shown,
        is_text if is_text || WORDY.contains(&key) => FieldWords::All,
        _ => FieldWords::Likely,
    })
}

/// Which strings of a field are words that are not shown yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldWords {
    Shown,
    All,
    /// Those that read like text.
    Likely,
}

fn gather(json: Json<'_>, which: impl Fn(&str, bool) -> FieldWords) -> Result<Text<'_>> {
    let mut reader = Reader::new(json);
    if !matches!(reader.value()?, Value::Object) {
        return words(json, &[]);
    }
    let mut all = Text::default();
    reader.fields(|reader, key| {
        let (key, value) = (key.text()?, reader.raw()?);
        let which = which(key, value.text.starts_with(['{', '[']));
        if which == FieldWords::Shown || WORDLESS.contains(&key) {
            return Ok(());
        }
        Reader::new(value).strings(&WORDLESS, |text| {
            let text = text.text()?;
            if which == FieldWords::All || reads_like_text(text) {
                add(text, &mut all);
            }
            Ok(())
        })
    })?;
    Ok(all)
}

/// Adds a line to `all`, unless it is blank.
fn add<'a>(line: &'a str, all: &mut Text<'a>) {
    if line.trim().is_empty() {
        return;
    }
    if all.is_empty() {
        *all = line.into();
    } else {
        let all = all.to_mut();
        all.push('\n');
        all.push_str(line);
    }
}

/// True for what somebody wrote, in contrast to ids, addresses, dates and names of settings: several words, or letters
/// beyond ASCII.
fn reads_like_text(text: &str) -> bool {
    let words = text.split_whitespace().filter(|word| word.contains(char::is_alphabetic));
    words.take(2).count() == 2 || text.contains(|c: char| !c.is_ascii() && c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::pull::Texts;

    #[test]
    fn what_is_not_shown_elsewhere_is_found_unless_it_is_an_id_or_a_setting() {
        let texts = Texts::default();
        let of =
            |text| beside(Json { text, texts: &texts }, &["caption"], &["metadata"]).unwrap().into_owned();
        for (json, expected) in [
            (r#"{"caption": "shown", "metadata": {"text": "skipped"}, "id": "a b"}"#, ""),
            (r#"{"caption": ["not shown"]}"#, "not shown"),
            (r#"{"text": "word", "state": "word"}"#, "word"),
            (r#"{"novelty": {"deep": [1, "two words"]}, "when": "2026-03-04 05:06:07"}"#, "two words"),
            (r#"{"novelty": "слово", "address": "https://x.example/a%20b"}"#, "слово"),
            (r#"["a", [" ", "b"]]"#, "a\nb"),
            (r#""a""#, "a"),
        ] {
            assert_eq!(of(json), expected, "{json}");
        }
    }
}
