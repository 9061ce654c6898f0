//! The formats that exports come in, and how to recognise them.
//!
//! With its rooms, the only user of `serde_json` and `toml`.

pub(crate) mod assets;
pub(crate) mod chatgpt;
pub(crate) mod html;
mod lenient;
pub(crate) mod names;
mod pointer;
mod pull;
pub(crate) mod repair;
pub(crate) mod scan;
pub(crate) mod shallow;
mod unread;
mod values;

use crate::catalog::{FindPage, OwnerDocument, SideFile};
use crate::conversation::assistant::Assistant;
use crate::conversation::{Conversation, Part};
use crate::time::Zone;
use std::fmt;

/// How much of a conversation is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Detail {
    /// What is shown; hidden messages have no parts.
    #[default]
    Shown,
    /// Everything: hidden messages have their parts too.
    All,
}

/// Receives a conversation that was read, and its problems.
pub(crate) type Use<'u> = &'u mut dyn FnMut(Conversation<'_>, Vec<String>);

/// A format that conversations are exported in.
pub trait Format: Sync {
    /// Its name, as in `a ChatGPT export`.
    fn name(&self) -> &'static str;

    /// The assistant that its conversations were held with.
    fn assistant(&self) -> &'static dyn Assistant {
        <&'static dyn Assistant>::default()
    }

    /// True if an object with these keys is a conversation in this format.
    fn recognise(&self, keys: &[&str]) -> bool;

    /// Reads one conversation and hands it to `use_it` exactly once, with its problems, a line each.
    ///
    /// Never fails: a conversation that can't be read has `damage`.
    fn read(&self, json: &[u8], detail: Detail, use_it: Use<'_>);

    /// Like [`read`](Self::read), but only for sound JSON; otherwise returns false without calling `use_it`. The result does
    /// not depend on whether a [scanner](scan) left out what is never read.
    fn read_sound(&self, json: &[u8], detail: Detail, use_it: Use<'_>) -> bool {
        self.read(json, detail, use_it);
        true
    }

    /// True for the base name of a file that says something about the owner of an export.
    fn describes_owner(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// What `files` say about the owner, as Markdown with links by `page`.
    fn owner(&self, document: OwnerDocument, files: &[SideFile], zone: &Zone, page: FindPage<'_>) -> String {
        let _ = (document, files, zone, page);
        String::new()
    }

    /// The parts of a report that the vendor exports as a file; empty if `file` is something else.
    fn report(&self, file: &[u8]) -> Vec<Part<'static>> {
        let _ = file;
        Vec::new()
    }
}

/// All supported formats.
pub(crate) const FORMATS: [&dyn Format; 2] = [&chatgpt::ChatGpt, &chatgpt::GroupChats];

/// The assistant of a conversation whose JSON is not read.
pub(crate) fn assistant_of_unread() -> &'static dyn Assistant {
    FORMATS.first().map(|format| format.assistant()).unwrap_or_default()
}

/// The format with this [name](Format::name).
pub fn named(name: &str) -> Option<&'static dyn Format> {
    FORMATS.into_iter().find(|format| format.name() == name)
}

/// `text` as a JSON string, quotes included.
pub(crate) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// An element that no format reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum Detected {
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

/// The format of `json`, an element of an export or the beginning of one. Linear; looks only at the element's own keys.
///
/// # Errors
/// What else the element is. One element proves little: a `null` may occur among good ones.
pub(crate) fn detect(json: &[u8]) -> Result<&'static dyn Format, Detected> {
    let keys: Vec<_> = shallow::fields(json).map(|(key, _)| key).collect();
    let keys: Vec<_> = keys.iter().map(AsRef::as_ref).collect();
    if let Some(format) = FORMATS.into_iter().find(|format| format.recognise(&keys)) {
        return Ok(format);
    }
    let has = |key| keys.contains(&key);
    Err(if has("chat_messages") {
        Detected::Claude
    } else if has("inserted_at") && has("mapping") {
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
    use crate::catalog::Page;
    use crate::conversation::assistant::Assistant;
    use crate::conversation::files::{AssetIndex, Resolved};
    use crate::conversation::tree::{MessageTree, Node, NodeId};
    use crate::conversation::{FileRef, Message, Prose, Role};
    use crate::render::{Document, Options};
    use crate::time::Timestamp;

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
        assert_eq!(name(r#"{"header": "", "safeHtmlItem": []}"#), Err(Detected::Gemini));
        assert_eq!(
            name(r#"{"messages": [], "participants": [], "mapping": {}, "inserted_at": ""}"#),
            Err(Detected::DeepSeek)
        );
        for json in [r#"{"conversation": {}}"#, r#"{"header": ""}"#, r#"{"inserted_at": ""}"#] {
            assert_eq!(name(json), Err(Detected::NotAConversation), "{json}");
        }
        assert_eq!(
            name(r#"{"inner": {"mapping": {}, "current_node": ""}}"#),
            Err(Detected::NotAConversation)
        );
        assert_eq!(name("null"), Err(Detected::NotAConversation));
        assert_eq!(name(""), Err(Detected::NotAConversation));
    }

    /// A second vendor, whose conversations are not JSON: a line each, questions and answers by turns.
    struct Parrot;

    impl Format for Parrot {
        fn name(&self) -> &'static str {
            "Parrot"
        }

        fn recognise(&self, keys: &[&str]) -> bool {
            keys.contains(&"squawks")
        }

        fn read(&self, text: &[u8], _: Detail, use_it: Use<'_>) {
            let text = String::from_utf8_lossy(text);
            let nodes = text.lines().zip(0u32..).map(|(line, at)| {
                let role = if at % 2 == 0 { Role::User } else { Role::Assistant };
                let prose = Prose { text: line.into(), ..Prose::default() };
                let message = Some(Message::new(role, vec![Part::Prose(prose)]));
                Node { parent: at.checked_sub(1).map(NodeId), message }
            });
            let tree = MessageTree::new(nodes.collect());
            use_it(
                Conversation { assistant: &Parrot, id: "p1".into(), tree, ..Conversation::default() },
                Vec::new(),
            );
        }
    }

    impl Assistant for Parrot {
        fn name(&self) -> &'static str {
            "Polly"
        }

        fn address(&self, conversation: &Conversation<'_>) -> Option<String> {
            Some(format!("https://parrot.example/{}", conversation.id))
        }
    }

    impl std::fmt::Debug for Parrot {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("Parrot")
        }
    }

    struct NoFiles;

    impl AssetIndex for NoFiles {
        fn resolve(&self, _: &FileRef<'_>, _: &str, _: &str, _: Option<Timestamp>) -> Option<Resolved> {
            None
        }
    }

    #[test]
    fn a_second_vendor_has_its_own_name_and_address() {
        let mut page = String::new();
        let read = Parrot.read_sound(b"Who is there?\nPolly.", Detail::Shown, &mut |conversation, _| {
            let document = Document::new(&conversation, &NoFiles);
            let _ = document.render(Page::Thread, &Options::new(Zone::utc()), &mut page);
        });
        assert!(read);
        assert!(page.contains("url: https://parrot.example/p1\n"), "{page}");
        assert!(page.ends_with("## User\n\nWho is there?\n\n## Polly\n\nPolly.\n"), "{page}");
    }

    #[test]
    fn the_beginning_of_an_element_is_enough() {
        assert_eq!(name(r#"{"title": "x", "create_time": 1.5, "mapping": {"a": {"id": "#), Ok("ChatGPT"));
    }
}
