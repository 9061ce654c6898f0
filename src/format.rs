//! The formats that exports come in, and how to tell which one an element is.
//!
//! With its rooms, the only user of `serde_json` and `toml`.

pub mod assets;
pub mod chatgpt;
pub mod html;
mod lenient;
pub mod names;
mod pointer;
mod pull;
pub mod repair;
pub mod scan;
pub mod shallow;
mod unread;

use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::conversation::{Conversation, Part};
use crate::time::Zone;
use std::fmt;

/// How much of a conversation is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// What is shown; hidden messages come without parts.
    #[default]
    Shown,
    /// Everything: hidden messages come with their parts too.
    All,
}

/// Takes a conversation that was read, and what is wrong with it.
pub type Use<'u> = &'u mut dyn FnMut(Conversation<'_>, Vec<String>);

/// A format that conversations are exported in.
pub trait Format: Sync {
    /// What it is called, as in `a ChatGPT export`.
    fn name(&self) -> &'static str;

    /// Whether an object with these keys is a conversation of this format.
    fn recognise(&self, keys: &[&str]) -> bool;

    /// Reads one conversation and hands it to `use_it`, exactly once, with what is wrong with it: one line each.
    ///
    /// Never fails: what can't be read at all is a conversation with `damage`.
    fn read(&self, json: &[u8], detail: Detail, use_it: Use<'_>);

    /// The same for sound JSON only: false, and nothing was used, if it is not. Then it makes no difference whether what no
    /// renderer reads is still there or was left out by a [scanner](scan).
    fn read_sound(&self, json: &[u8], detail: Detail, use_it: Use<'_>) -> bool;

    /// True for the base name of a file that says something about the owner of an export.
    fn describes_owner(&self, name: &str) -> bool;

    /// What `files` say about the owner, as Markdown with links by `page`.
    fn owner(&self, document: OwnerDocument, files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String;

    /// The parts of a report that the vendor exports as a file; empty if `file` is something else.
    fn report(&self, file: &[u8]) -> Vec<Part<'static>> {
        let _ = file;
        Vec::new()
    }
}

/// All formats that can be read.
pub(crate) const FORMATS: [&dyn Format; 1] = [&chatgpt::ChatGpt];

/// The format of this [name](Format::name).
pub fn named(name: &str) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.name() == name)
}

/// `text` as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What an element is that no format reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detected {
    /// A conversation exported by Claude.
    Claude,
    /// A conversation exported by `DeepSeek`.
    DeepSeek,
    /// A conversation exported by Grok.
    Grok,
    /// An activity exported by Google Takeout.
    Gemini,
    /// Anything else.
    NotAConversation,
}

impl fmt::Display for Detected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claude => "a Claude export",
            Self::DeepSeek => "a DeepSeek export",
            Self::Grok => "a Grok export",
            Self::Gemini => "a Google Takeout archive",
            Self::NotAConversation => "a list of something else",
        })
    }
}

/// The format of `json`, which is one element of an export, or its beginning. Linear, and reads only as deep as
/// the keys of the element itself.
///
/// # Errors
/// What it is instead. A single element says little: one that is `null` may stand among good ones.
pub fn detect(json: &[u8]) -> Result<&'static dyn Format, Detected> {
    let keys: Vec<_> = shallow::fields(json).map(|(key, _)| key).collect();
    let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
    if let Some(format) = FORMATS.into_iter().find(|format| format.recognise(&keys)) {
        return Ok(format);
    }
    let has = |key| keys.contains(&key);
    Err(if has("chat_messages") {
        Detected::Claude
    } else if has("mapping") && has("inserted_at") {
        Detected::DeepSeek
    } else if has("conversation") && has("responses") {
        Detected::Grok
    } else if has("header") && has("titleUrl") || has("safeHtmlItem") {
        Detected::Gemini
    } else {
        Detected::NotAConversation
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(json: &str) -> Result<&'static str, Detected> {
        detect(json.as_bytes()).map(Format::name)
    }

    #[test]
    fn the_keys_of_an_element_tell_its_vendor() {
        assert_eq!(name(r#"{"mapping": {"a": [1]}, "current_node": "x"}"#), Ok("ChatGPT"));
        assert_eq!(name(r#" {"title": "}", "create_time": null, "mapping": {}}"#), Ok("ChatGPT"));
        assert_eq!(name(r#"{"mapping": {}, "inserted_at": ""}"#), Err(Detected::DeepSeek));
        assert_eq!(name(r#"{"uuid": "", "chat_messages": []}"#), Err(Detected::Claude));
        assert_eq!(name(r#"{"conversation": {}, "responses": []}"#), Err(Detected::Grok));
        assert_eq!(name(r#"{"header": "", "titleUrl": ""}"#), Err(Detected::Gemini));
        assert_eq!(
            name(r#"{"inner": {"mapping": {}, "current_node": ""}}"#),
            Err(Detected::NotAConversation)
        );
        assert_eq!(name("null"), Err(Detected::NotAConversation));
        assert_eq!(name(""), Err(Detected::NotAConversation));
    }

    #[test]
    fn the_beginning_of_an_element_is_enough() {
        assert_eq!(name(r#"{"title": "x", "create_time": 1.5, "mapping": {"a": {"id": "#), Ok("ChatGPT"));
    }
}
