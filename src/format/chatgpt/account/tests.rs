//! Tests of the documents about the owner.

use super::*;
use crate::catalog::PageLink;

fn file(name: &str, json: &str) -> SideFile {
    SideFile { name: name.to_owned(), bytes: json.as_bytes().to_vec(), flaw: None }
}

fn nowhere(_: &str) -> Option<PageLink> {
    None
}

fn garden(id: &str) -> Option<PageLink> {
    (id == "c1").then(|| PageLink { title: "A [garden]".into(), address: "../2024/05/A%20garden.md".into() })
}

#[test]
fn an_account_is_told_in_words() {
    let files = [
        file(
            "user.json",
            r#"{"id": "user-1", "email": "mira@example.org", "chatgpt_plus_user": true, "phone_number": null,
                "birth_year": 1989, "favourite_colour": "green"}"#,
        ),
        file(
            "user_settings.json",
            r#"[{"user_id": "user-1", "settings": {"training_allowed": false, "voice_name": "breeze",
                 "about_user_message": "I grow ferns.\nIn pots."}, "announcements": {"x": 1}, "beta_settings": {}}]"#,
        ),
        file("memories.json", r#"["Has a dog", "Lives in Hamburg"]"#),
    ];
    let expected = "\
# Account

- **E-mail:** mira@example.org
- **Birth year:** 1989
- **ChatGPT Plus:** yes
- **Account:** user-1
- **Favourite colour:** green

## Custom instructions

- **About user message:**

  > I grow ferns.
  > In pots.


## Memories

- Has a dog
- Lives in Hamburg

## Settings

- **Training allowed:** no
- **Voice name:** breeze
";
    assert_eq!(account(&files, &Zone::utc()), expected);
}

#[test]
fn several_exports_of_one_account_say_each_thing_once() {
    let files =
        [file("user.json", r#"{"email": "a@b"}"#), file("user.json", r#"{"email": "a@b", "birth_year": 1}"#)];
    assert_eq!(account(&files, &Zone::utc()), "# Account\n\n- **E-mail:** a@b\n- **Birth year:** 1\n");
}

#[test]
fn values_stay_inside_their_lines() {
    let hostile = r#"{"name": "x\n# Forged\n<script>", "**bold**": "[a](b) `c`", "note": "one\n\n## two\n```\n</details>"}"#;
    let page = account(&[file("user.json", hostile)], &Zone::utc());
    let levels = page.lines().filter(|line| line.starts_with('#')).count();
    assert_eq!(levels, 1, "{page}");
    // Everything else is in the list, or quoted below it.
    let inside = |line: &str| line.is_empty() || line.starts_with("- **") || line.starts_with("  >");
    assert!(page.lines().skip(1).all(inside) && !page.contains("> <script>"), "{page}");
}

#[test]
fn what_is_broken_or_missing_is_named() {
    let broken = account(&[file("user.json", "{")], &Zone::utc());
    assert!(broken.contains("*user.json: broken JSON.*"), "{broken}");
    let none = account(&[], &Zone::utc());
    assert_eq!(none, "# Account\n\n*This export says nothing about its account.*\n");
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(account(&[file("user.json", &deep)], &Zone::utc()).contains("broken JSON"));
}

#[test]
fn feedback_has_its_comment_and_its_conversation() {
    let files = [file(
        "message_feedback.json",
        r#"[{"conversation_id": "c1", "rating": "thumbs_up", "create_time": "2023-04-22T09:30:00Z",
             "content": "{\"text\": \"It rose!\", \"tags\": [\"a\", \"b\"]}"},
            {"conversation_id": "c2", "rating": "thumbsDown", "content": "{}"}]"#,
    )];
    let expected = "\
# Feedback

- 👍 2023-04-22 09:30 in [A \\[garden\\]](../2024/05/A%20garden.md)
  - **Tags:** a
  - **Tags:** b
  - **Text:** It rose!

- 👎 in conversation c2
";
    assert_eq!(feedback(&files, &Zone::utc(), &garden), expected);
    assert!(feedback(&[], &Zone::utc(), &nowhere).contains("no feedback"));
}

#[test]
fn shared_links_lead_to_the_web_and_to_the_page() {
    let files = [file(
        "shared_conversations.json",
        r#"[{"id": "s-1", "conversation_id": "c1", "title": "Trip", "is_anonymous": true}]"#,
    )];
    let expected = "\
# Shared links

- [Trip](https://chatgpt.com/share/s-1), without a name in [A \\[garden\\]](../2024/05/A%20garden.md)
";
    assert_eq!(shared(&files, &garden), expected);
}

#[test]
fn settings_are_told_apart_from_what_they_turn_on() {
    let settings = r#"{"settings": {"custom_instructions_enabled": true, "memories": ["Has a dog"], "memories_enabled": false,
        "profile": {"city": "Rome", "motto": " "}}}"#;
    let expected = "\
# Account

## Memories

- **Memories:** Has a dog

## Settings

- **Custom instructions enabled:** yes
- **Memories enabled:** no
- **Profile / city:** Rome
";
    assert_eq!(account(&[file("user_settings.json", settings)], &Zone::utc()), expected);
}

#[test]
fn a_memory_of_several_lines_is_quoted() {
    let page = account(&[file("memories.json", r#"["Has a dog.\nAnd a cat."]"#)], &Zone::utc());
    let expected = "# Account\n\n## Memories\n\n- **Text:**\n\n  > Has a dog.\n  > And a cat.\n\n";
    assert_eq!(page, expected);
}

#[test]
fn feedback_that_is_not_a_list_is_read_or_named() {
    let page = |json: &str| feedback(&[file("message_feedback.json", json)], &Zone::utc(), &nowhere);
    let entry = r#"{"conversation_id": "c2", "rating": "thumbs_up"}"#;
    let one = page(&format!("[{entry}]"));
    assert_eq!(page(entry), one);
    assert!(one.contains("👍 in conversation c2"), "{one}");
    let cut = page(&format!("[{entry}, "));
    assert_eq!(cut, format!("{one}\n*message_feedback.json: broken JSON.*\n"));
    for (json, note) in [("3", "not a list"), ("{", "broken JSON")] {
        let page = page(json);
        assert!(page.ends_with(&format!("\n*message_feedback.json: {note}.*\n")), "{page}");
    }
}
