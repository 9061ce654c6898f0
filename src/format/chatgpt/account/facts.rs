//! JSON about an account as a flat list of named values.

use super::time;
use crate::time::Zone;
use serde_json::Value;

/// What a fact is about. Topics are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Account,
    Instructions,
    Memories,
    Settings,
}

impl Topic {
    pub(super) const ALL: [Self; 4] = [Self::Account, Self::Instructions, Self::Memories, Self::Settings];

    pub(super) fn heading(self) -> Option<&'static str> {
        match self {
            Self::Account => None,
            Self::Instructions => Some("Custom instructions"),
            Self::Memories => Some("Memories"),
            Self::Settings => Some("Settings"),
        }
    }
}

/// One thing that an export says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Fact {
    pub(super) topic: Topic,
    /// What it is called; empty if it speaks for itself.
    pub(super) name: String,
    pub(super) value: String,
}

/// Names of what is known, in the order in which it is shown.
const NAMES: [(&str, &str); 14] = [
    ("name", "Name"),
    ("full_name", "Name"),
    ("first_name", "First name"),
    ("last_name", "Last name"),
    ("email", "E-mail"),
    ("email_address", "E-mail"),
    ("phone_number", "Phone"),
    ("verified_phone_number", "Phone"),
    ("address", "Address"),
    ("country", "Country"),
    ("birth_year", "Birth year"),
    ("birthday", "Birthday"),
    ("chatgpt_plus_user", "ChatGPT Plus"),
    ("id", "Account"),
];

/// What tells the vendor something and its user nothing.
const SILENT: [&str; 5] =
    ["announcements", "habitat_object_version", "user_id", "memory_id", "conversations_memory_id"];

/// What the file `name` says.
pub(super) fn of(name: &str, json: &Value, zone: &Zone) -> Vec<Fact> {
    let topic = match name {
        "user_settings.json" => Topic::Settings,
        "memories.json" | "memory.json" => Topic::Memories,
        _ => Topic::Account,
    };
    let mut facts = flat(topic, json, zone);
    for fact in &mut facts {
        let place = |(key, _): &(&str, &str)| *key == fact.name;
        match NAMES.iter().find(|known| topic == Topic::Account && place(known)) {
            Some((_, name)) => (*name).clone_into(&mut fact.name),
            None => fact.name = capitalised(&fact.name),
        }
        fact.topic = topic_of(topic, &fact.name);
    }
    let rank = |fact: &Fact| NAMES.iter().position(|(_, name)| *name == fact.name).unwrap_or(NAMES.len());
    facts.sort_by_key(rank);
    facts
}

/// Settings hold instructions and memories under different names.
fn topic_of(topic: Topic, name: &str) -> Topic {
    let name = name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if topic != Topic::Settings {
        topic
    } else if has(&["about user", "about model", "instructions", "traits"]) && !has(&["enabled"]) {
        Topic::Instructions
    } else if has(&["memories", "memory entries"]) && !has(&["enabled"]) {
        Topic::Memories
    } else {
        topic
    }
}

/// Every text, number and switch in `json` with the path of keys to it. Empty values are left out. Linear.
pub(super) fn flat(topic: Topic, json: &Value, zone: &Zone) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut waiting = vec![(String::new(), json)];
    while let Some((name, value)) = waiting.pop() {
        let value = match value {
            Value::Object(fields) => {
                let told = fields.iter().filter(|(key, _)| !SILENT.contains(&key.as_str()));
                let below = told.map(|(key, value)| (joined(&name, key), value));
                waiting.extend(below.collect::<Vec<_>>().into_iter().rev());
                continue;
            }
            Value::Array(items) => {
                waiting.extend(items.iter().rev().map(|item| (name.clone(), item)));
                continue;
            }
            Value::Null => continue,
            Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
            Value::Number(number) => match time(Some(value)).filter(|_| is_time(&name)) {
                Some(time) => zone.minute(time),
                None => number.to_string(),
            },
            Value::String(text) if text.trim().is_empty() => continue,
            Value::String(text) => match time(Some(value)).filter(|_| is_time(&name)) {
                Some(time) => zone.minute(time),
                None => text.clone(),
            },
        };
        facts.push(Fact { topic, name, value });
    }
    facts
}

/// A key below another. The outermost keys only group what is below them.
fn joined(name: &str, key: &str) -> String {
    let groups = ["", "settings", "account", "user"];
    if groups.contains(&name) { key.to_owned() } else { format!("{name} / {key}") }
}

fn is_time(name: &str) -> bool {
    ["time", "_at", "created", "updated"].iter().any(|end| name.ends_with(end))
}

/// A key as words: `birth_year` is `Birth year`.
pub(super) fn capitalised(key: &str) -> String {
    let words = key.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
