//! Files of the library that no message points to.

use super::*;
use crate::conversation::tree::{MessageTree, Node, NodeId};
use crate::conversation::{Conversation, Message, Part, Role, Visibility};

/// A report that is larger than any that is read.
const LARGE: u64 = 17 << 20;

/// Files of these sizes, whose ids are `file-` and their number.
struct SizedEntries(Vec<(String, u64)>);

impl Candidates for SizedEntries {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn get(&self, at: usize) -> Option<Candidate<'_>> {
        let entry = EntryRef { archive: 0, entry: u32::try_from(at).unwrap() };
        let (path, bytes) = self.0.get(at)?;
        Some(Candidate { entry, path, bytes: *bytes })
    }

    fn read(&self, _: EntryRef, most: usize) -> Option<Vec<u8>> {
        assert!((most as u64) < LARGE);
        None
    }
}

fn id(at: usize) -> String {
    format!("file_{at:032}")
}

/// What attaching files of these sizes, with these records, makes of a conversation: the files of each shown message.
fn attached(sizes: &[u64], records: &[String], mut conversation: Conversation<'_>) -> Vec<String> {
    let entries = sizes.iter().enumerate().map(|(at, bytes)| (format!("{}.dat", id(at)), *bytes));
    let side = SideFiles {
        library: parse_library(format!("[{}]", records.join(",")).as_bytes()),
        ..SideFiles::default()
    };
    Assets::new(Box::new(SizedEntries(entries.collect())), side).attach(&mut conversation);
    let ids = conversation.tree.ids().map(|id| (id, conversation.tree.message(id).unwrap()));
    ids.map(|(id, message)| {
        let parts = message.parts.iter().map(|part| match part {
            Part::File(file) => format!(" {}", file.name.as_deref().unwrap_or_default()),
            _ => " other".to_owned(),
        });
        let state = if message.visibility == Visibility::Shown { "" } else { " hidden" };
        let current = if conversation.current == Some(id) { " current" } else { "" };
        format!("{:?}{state}{current}{}", message.role, parts.collect::<String>())
    })
    .collect()
}

/// A record of a file that the assistant made.
fn record(at: usize, rest: &str) -> String {
    format!(
        r#"{{"file_id": "{}", "file_name": "{at}.csv", "library_artifact_type": "spreadsheet", {rest}}}"#,
        id(at)
    )
}

/// A question, a hidden message and an answer, whose ids are their numbers.
fn conversation(current: Option<u32>) -> Conversation<'static> {
    let roles = [Role::User, Role::Tool, Role::Assistant];
    let nodes = roles.into_iter().zip(0u32..).map(|(role, at)| {
        let hidden = role == Role::Tool;
        let message = Message {
            id: at.to_string().into(),
            created: Timestamp::from_number(f64::from(at) * 100.0 + 100.0),
            visibility: if hidden { Visibility::Hidden } else { Visibility::Shown },
            ..Message::new(role, vec![Part::Note("words".into())])
        };
        Node { parent: at.checked_sub(1).map(NodeId), message: Some(message) }
    });
    Conversation {
        assistant: crate::format::chatgpt::ASSISTANT,
        id: CONVERSATION.into(),
        tree: MessageTree::new(nodes.collect()),
        current: current.map(NodeId),
        ..Conversation::default()
    }
}

fn here(rest: &str) -> String {
    format!(r#""origination_thread_id": "{CONVERSATION}"{rest}"#)
}

#[test]
fn files_of_the_library_are_shown_where_they_were_made() {
    let records = [
        record(0, r#""origination_message_id": "1""#),
        // A second record of one file, and one of a message of another conversation.
        record(0, &here(r#", "created_at": "1970-01-01T00:01:50Z""#)),
        record(1, r#""origination_thread_id": "elsewhere", "origination_message_id": "2""#),
        record(2, &here("")),
        record(3, &here(r#", "created_at": "1970-01-01T00:01:50Z""#)),
    ];
    assert_eq!(
        attached(&[9; 4], &records, conversation(Some(2))),
        ["User other", "Tool 0.csv", "Assistant current 3.csv other 2.csv"]
    );
}

#[test]
fn a_file_that_answers_the_last_question_is_the_new_end_of_the_thread() {
    let records = [record(0, &here(""))];
    let asked = |current| {
        let mut conversation = conversation(current);
        let question = conversation.tree.message_mut(NodeId(2)).unwrap();
        question.role = Role::User;
        attached(&[9], &records, conversation)
    };
    assert_eq!(asked(Some(2)), ["User other", "Tool hidden other", "User other", "Assistant current 0.csv"]);
    assert_eq!(asked(None), ["User other", "Tool hidden other", "User other", "Assistant 0.csv"]);
}

#[test]
fn a_message_that_points_to_a_file_by_no_id_shows_none_of_the_library() {
    let mut conversation = conversation(Some(2));
    conversation.tree.message_mut(NodeId(2)).unwrap().parts.push(Part::File(FileRef::default()));
    let records = [record(0, &here(r#", "origination_message_id": "2""#))];
    assert_eq!(
        attached(&[9], &records, conversation),
        ["User other", "Tool hidden other", "Assistant current other  0.csv"]
    );
}

#[test]
fn a_report_that_is_too_large_is_not_read() {
    let report = record(0, &here("")).replace("spreadsheet", "deep_research_report");
    let expected = ["User other", "Tool hidden other", "Assistant current other"];
    for bytes in [LARGE, 100] {
        assert_eq!(attached(&[bytes], std::slice::from_ref(&report), conversation(Some(2))), expected);
    }
}
