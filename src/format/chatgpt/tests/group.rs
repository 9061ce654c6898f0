//! Group chats.

use super::*;
use crate::conversation::Role;

#[test]
fn a_message_without_a_role_is_that_of_a_person_if_anyone_is_named() {
    let json = json!({"id": "g", "participants": [{"id": "u1", "name": "Bo"}], "messages": [
        {"id": "1", "text": "a", "sender": {"name": "Ana"}},
        {"id": "2", "text": "b", "user_id": "u1"},
        {"id": "3", "text": "c", "user_id": "unknown"},
        {"id": "4", "text": "d", "content": "not said twice"},
        {"id": "5", "text": "", "content": "e", "role": "assistant"},
    ]});
    let mut seen = Vec::new();
    GroupChats.read(json.to_string().as_bytes(), Detail::Shown, &mut |conversation, problems| {
        assert_eq!(problems, [] as [String; 0]);
        assert_eq!(conversation.assistant.address(&conversation), None);
        let messages = conversation.tree.ids().filter_map(|id| conversation.tree.message(id));
        seen = messages
            .map(|message| {
                let parts = message.parts.iter().map(short).collect::<Vec<_>>().join(", ");
                (message.role, message.name.as_deref().map(str::to_owned), parts)
            })
            .collect();
    });
    let said =
        |role, name: Option<&str>, words: &str| (role, name.map(str::to_owned), format!("prose {words}"));
    assert_eq!(
        seen,
        [
            said(Role::User, Some("Ana"), "a"),
            said(Role::User, Some("Bo"), "b"),
            said(Role::User, None, "c"),
            said(Role::Assistant, None, "d"),
            said(Role::Assistant, None, "e"),
        ]
    );
}
