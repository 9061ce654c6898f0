//! What an export says about its owner, as Markdown: account, settings, memories, feedback and shared links.
//!
//! Personal data: it is read when someone asks, and is never indexed, saved or logged. Knows neither archives nor the tree;
//! every value comes from outside and is written so that it can't leave its line or block.

mod facts;
#[cfg(test)]
mod tests;

use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::format::values;
use crate::markdown::{self, Headings, Hints, TextFrame, Voice};
use crate::time::{Timestamp, Zone};
use facts::{Fact, Topic};
use serde_json::Value;
use std::collections::HashSet;
use std::fmt::Write as _;

/// The files that say something about the account.
const ACCOUNT_FILES: [&str; 5] =
    ["user.json", "users.json", "user_settings.json", "memories.json", "memory.json"];

/// True for a file that one of the documents here is made from.
pub(super) fn is_used(name: &str) -> bool {
    ACCOUNT_FILES.contains(&name) || ["message_feedback.json", "shared_conversations.json"].contains(&name)
}

/// `document`, made from the `files` that it is about.
pub(super) fn document(
    document: OwnerDocument,
    files: &[SideFile],
    zone: &Zone,
    page: FindPage<'_>,
) -> String {
    match document {
        OwnerDocument::Account => account(files, zone),
        OwnerDocument::Feedback => feedback(files, zone, page),
        OwnerDocument::Shared => shared(files, page),
    }
}

/// Who the owner is, and the settings that say something.
fn account(files: &[SideFile], zone: &Zone) -> String {
    let mut found: Vec<Fact> = Vec::new();
    let mut said = HashSet::new();
    let mut notes = Vec::new();
    for file in files.iter().filter(|file| ACCOUNT_FILES.contains(&file.name.as_str())) {
        notes.extend(flaw(file));
        match parse(file) {
            Ok(value) => {
                for fact in facts::of(&file.name, &value, zone) {
                    // Several exports of one account mostly say the same.
                    if said.insert(fact.clone()) {
                        found.push(fact);
                    }
                }
            }
            Err(note) => notes.extend(note),
        }
    }
    let mut out = String::from("# Account\n");
    if found.is_empty() {
        out.push_str("\n*This export says nothing about its account.*\n");
    }
    for topic in Topic::ALL {
        let mut facts = found.iter().filter(|fact| fact.topic == topic).peekable();
        if facts.peek().is_none() {
            continue;
        }
        if let Some(heading) = topic.heading() {
            line(&mut out, &format!("\n## {heading}"));
        }
        out.push('\n');
        for fact in facts {
            write_fact(&mut out, fact);
        }
    }
    write_notes(&mut out, &notes);
    out
}

/// What the owner thought of answers.
fn feedback(files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String {
    let mut out = String::from("# Feedback\n");
    let mut seen: HashSet<String> = HashSet::new();
    let notes = each(files, "message_feedback.json", &mut |entry| {
        if !seen.insert(entry.to_string()) {
            return;
        }
        let rating = text(entry, "rating").to_lowercase();
        let thumb = match rating.replace(['_', ' '], "").as_str() {
            "thumbsup" => "👍".to_owned(),
            "thumbsdown" => "👎".to_owned(),
            _ => markdown::label(&rating).into_owned(),
        };
        let _ = write!(out, "\n- {thumb}");
        if let Some(time) = time(entry.get("create_time")) {
            let _ = write!(out, " {}", zone.minute(time));
        }
        write_page(&mut out, text(entry, "conversation_id"), page);
        out.push('\n');
        // In later exports the comment is JSON in a text.
        let content = entry.get("content").cloned().unwrap_or_default();
        let inner = content.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        for fact in facts::flat(Topic::Account, inner.as_ref().unwrap_or(&content), zone) {
            out.push_str("  ");
            write_fact(&mut out, &Fact { name: facts::capitalised(&fact.name), ..fact });
        }
    });
    if seen.is_empty() {
        out.push_str("\n*This export holds no feedback.*\n");
    }
    write_notes(&mut out, &notes);
    out
}

/// The links that the owner shared.
fn shared(files: &[SideFile], page: FindPage<'_>) -> String {
    let mut out = String::from("# Shared links\n");
    let mut seen: HashSet<String> = HashSet::new();
    let notes = each(files, "shared_conversations.json", &mut |entry| {
        let id = text(entry, "id");
        if !seen.insert(id.to_owned()) {
            return;
        }
        let title = text(entry, "title");
        let title = if markdown::is_blank(title) { "Untitled" } else { title };
        out.push_str("\n- ");
        let address = format!("https://chatgpt.com/share/{}", markdown::encode_path_segment(id));
        markdown::external(title, &address, &mut out);
        if entry.get("is_anonymous").and_then(Value::as_bool) == Some(true) {
            out.push_str(", without a name");
        }
        write_page(&mut out, text(entry, "conversation_id"), page);
        out.push('\n');
    });
    if seen.is_empty() {
        out.push_str("\n*No links were shared.*\n");
    }
    write_notes(&mut out, &notes);
    out
}

/// Hands the elements of all files called `name` to `take`. Returns what is wrong with the files.
fn each(files: &[SideFile], name: &str, take: &mut dyn FnMut(&Value)) -> Vec<String> {
    let mut notes = Vec::new();
    for file in files.iter().filter(|file| file.name == name) {
        notes.extend(flaw(file));
        if file.bytes.trim_ascii_start().starts_with(b"[") {
            let is_whole = values::each(&file.bytes, &mut |_, entry| take(&values::value(entry)));
            notes.extend(broken(file).filter(|_| !is_whole));
            continue;
        }
        match parse(file) {
            Ok(object @ Value::Object(_)) => take(&object),
            Ok(_) => notes.push(format!("{name}: not a list")),
            Err(note) => notes.extend(note),
        }
    }
    notes
}

/// Largest file that is read as a whole, in bytes.
const OBJECT_BYTES: usize = 1 << 20;

/// The JSON of a file. If it is broken, a note about it, unless its [flaw] says enough.
fn parse(file: &SideFile) -> Result<Value, Option<String>> {
    if file.bytes.len() > OBJECT_BYTES {
        return Err(Some(format!("{}: too large", file.name)));
    }
    serde_json::from_slice(&file.bytes).map_err(|_| broken(file))
}

/// A note about a file that isn't whole, or may be wrong.
fn flaw(file: &SideFile) -> Option<String> {
    file.flaw.as_ref().map(|flaw| format!("{}: {flaw}", file.name))
}

/// A note about broken JSON, in a file that has no other flaw.
fn broken(file: &SideFile) -> Option<String> {
    file.flaw.is_none().then(|| format!("{}: broken JSON", file.name))
}

fn text<'v>(entry: &'v Value, key: &str) -> &'v str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// A time as a number or as text.
fn time(value: Option<&Value>) -> Option<Timestamp> {
    match value? {
        Value::Number(number) => Timestamp::from_number(number.as_f64()?),
        Value::String(text) => Timestamp::from_text(text),
        _ => None,
    }
}

fn write_page(out: &mut String, id: &str, page: FindPage<'_>) {
    if let Some(found) = page(id) {
        out.push_str(" in ");
        markdown::link(&markdown::label(&found.title), &found.address, out);
    } else if !id.is_empty() {
        let _ = write!(out, " in conversation {}", markdown::label(id));
    }
}

/// Writes a fact as an item of a list. A text of several lines is quoted below it.
fn write_fact(out: &mut String, fact: &Fact) {
    let name = markdown::label(&fact.name);
    if !fact.value.trim().contains('\n') {
        let value = markdown::label(&fact.value);
        if name.is_empty() {
            line(out, &format!("- {value}"));
        } else {
            line(out, &format!("- **{name}:** {value}"));
        }
        return;
    }
    line(out, &format!("- **{}:**\n", if name.is_empty() { "Text".into() } else { name }));
    let hints = Hints::of(&fact.value);
    let cleaned = markdown::clean(&fact.value, hints).into_owned();
    let cleaned = markdown::without_placeholder(&cleaned, hints);
    let mut guarded = String::new();
    let mut frame = TextFrame { voice: Voice::Plain, headings: Headings::Shift, shift: 0, notes: &mut 0 };
    markdown::guard(markdown::trim_block(&cleaned), hints, &mut frame, &mut guarded);
    let mut quoted = String::new();
    markdown::quote(&guarded, &mut quoted);
    for quote in quoted.lines() {
        line(out, &format!("  {quote}"));
    }
    out.push('\n');
}

fn write_notes(out: &mut String, notes: &[String]) {
    for note in notes {
        line(out, &format!("\n*{}.*", markdown::label(note)));
    }
}

fn line(out: &mut String, text: &str) {
    out.push_str(text);
    out.push('\n');
}
