//! What entry names reveal. Names are keys, never paths.

/// The components of a name, separated by `/`, or by `\` in archives made by some Windows programs.
pub(super) fn components(name: &str) -> impl DoubleEndedIterator<Item = &str> {
    name.split(['/', '\\']).filter(|part| !part.is_empty())
}

/// Directory (`""`, or ending with `/`) and base name.
pub(super) fn split(name: &str) -> (&str, &str) {
    match name.rfind(['/', '\\']) {
        Some(at) => name.split_at(at.saturating_add(1)),
        None => ("", name),
    }
}

pub(super) fn base(name: &str) -> &str {
    split(name).1
}

/// What the parts of an export are called without their numbers, given what precedes those.
pub(super) fn of_parts(prefix: &str) -> &str {
    prefix.trim_end_matches("-part-")
}

/// The last `count` components of a name.
pub(super) fn last(name: &str, count: usize) -> &str {
    let name = name.trim_end_matches(['/', '\\']);
    let start = name.rmatch_indices(['/', '\\']).nth(count.saturating_sub(1));
    start.map_or(name, |(at, _)| name.get(at.saturating_add(1)..).unwrap_or_default())
}

/// Number of components of a directory as returned by [`split`].
pub(super) fn depth(directory: &str) -> usize {
    components(directory).count()
}

/// True for files that operating systems leave behind.
pub(super) fn is_junk(name: &str) -> bool {
    let base = base(name);
    base.is_empty()
        || base.starts_with("._")
        || [".DS_Store", "Thumbs.db", "desktop.ini"].contains(&base)
        || components(name).any(|part| part == "__MACOSX")
}

/// True for a name that would leave the archive if it were a path.
pub(super) fn escapes(name: &str) -> bool {
    let drive = matches!(name.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    let absolute = name.starts_with(['/', '\\']);
    drive || absolute || name.contains('\0') || components(name).any(|part| part == "..")
}

/// True for a directory with uploads or other foreign files, which are never conversations, whatever their names.
pub(super) fn is_foreign(directory: &str) -> bool {
    let mut previous = "";
    for part in components(directory) {
        if part == "sites"
            || (previous == "personal" && part == "files")
            || (previous == "mnt" && part == "data")
            || starts_with_ignoring_case(part, "Files__")
        {
            return true;
        }
        previous = part;
    }
    false
}

/// True for a file that looks like an upload or another of the user's own by its folder or its name.
pub(super) fn is_users_file(directory: &str, base: &str) -> bool {
    let own = |part: &str| part.starts_with("user-") || part == "dalle-generations";
    is_foreign(directory)
        || components(directory).any(own)
        || base.starts_with("file-")
        || base.starts_with("file_")
}

/// The number N of a shard `conversations-N.json`.
pub(super) fn shard_number(base: &str) -> Option<u64> {
    let digits = base.strip_prefix("conversations-")?.strip_suffix(".json")?;
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

pub(super) fn is_conversations(base: &str) -> bool {
    base == "conversations.json" || shard_number(base).is_some()
}

pub(super) fn is_zip(base: &str) -> bool {
    has_extension(base, "zip")
}

pub(super) fn has_extension(base: &str, extension: &str) -> bool {
    base.rsplit_once('.').is_some_and(|(_, found)| found.eq_ignore_ascii_case(extension))
}

/// True for a ZIP in a container that holds conversations: `Conversations__….zip`, `…-chatgpt-0001.zip`.
pub(super) fn is_conversations_zip(base: &str) -> bool {
    let chatgpt = || base.to_ascii_lowercase().contains("-chatgpt-");
    is_zip(base) && (starts_with_ignoring_case(base, "Conversations") || chatgpt())
}

/// True for a ZIP in a container that holds uploads or other data.
pub(super) fn is_other_zip(base: &str) -> bool {
    ["Files__", "Ads__"].iter().any(|prefix| starts_with_ignoring_case(base, prefix))
}

/// Splits `…-part-0002.zip` into everything up to `-part-`, and the number of the part. The name may be one that a
/// browser gave to a second download: `…-part-0002 (1).zip`.
pub(super) fn part(base: &str) -> Option<(&str, u64)> {
    let stem = base.len().checked_sub(4).and_then(|end| base.get(..end)).filter(|_| is_zip(base))?;
    let copied = stem.strip_suffix(')').map(|rest| rest.trim_end_matches(|c: char| c.is_ascii_digit()));
    let stem = copied.and_then(|rest| rest.strip_suffix('(')).map_or(stem, str::trim_end);
    let digits = stem.len() - stem.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, number) = stem.split_at(stem.len().checked_sub(digits)?);
    let matches = prefix.len() >= 6 && prefix.get(prefix.len() - 6..)?.eq_ignore_ascii_case("-part-");
    matches.then_some(())?;
    Some((prefix, number.parse().ok()?))
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The role of a file next to the conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    AssetNames,
    Library,
    Viewer,
    User,
    Feedback,
    Groups,
    Other,
}

pub(super) fn side(base: &str) -> Option<Side> {
    Some(match base {
        "conversation_asset_file_names.json" => Side::AssetNames,
        "library_files.json" => Side::Library,
        "chat.html" => Side::Viewer,
        "user.json" => Side::User,
        "message_feedback.json" => Side::Feedback,
        "group_chats.json" => Side::Groups,
        "export_manifest.json"
        | "shared_conversations.json"
        | "model_comparisons.json"
        | "shopping.json"
        | "sora.json"
        | "basispoints.json"
        | "user_settings.json"
        | "ads.json"
        | "sectioned_conversations.json"
        | "tool_messages.json"
        | "prod-grok-backend.json" => Side::Other,
        _ if base.starts_with("prod-mc-") && has_extension(base, "json") => Side::Other,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_have_a_number_of_any_length() {
        assert_eq!(shard_number("conversations-1.json"), Some(1));
        assert_eq!(shard_number("conversations-000.json"), Some(0));
        assert_eq!(shard_number("conversations-1234.json"), Some(1234));
        for name in ["conversations-.json", "conversations-0x1.json", "conversations-000.json.bak"] {
            assert_eq!(shard_number(name), None, "{name}");
        }
    }

    #[test]
    fn parts_are_recognised_by_their_number() {
        let prefix = "Conversations__ab-chatgpt-0001-part-";
        assert_eq!(part("Conversations__ab-chatgpt-0001-part-0002.zip"), Some((prefix, 2)));
        for copy in [
            "Conversations__ab-chatgpt-0001-part-0002 (1).zip",
            "Conversations__ab-chatgpt-0001-part-2(13).ZIP",
        ] {
            assert_eq!(part(copy), Some((prefix, 2)), "{copy}");
        }
        assert_eq!(part("x-part- (1).zip"), None);
        assert_eq!(part("Conversations__ab-chatgpt-0001.zip"), None);
        assert_eq!(part("x-part-1.json"), None);
        assert_eq!(part("é-part-.zip"), None);
    }

    #[test]
    fn escaping_names_are_recognised() {
        for name in ["../x", "a/../b", "/etc/x", "//x", "a\\..\\b", "C:\\x", "a\0b"] {
            assert!(escapes(name), "{name}");
        }
        for name in ["a..b/c", "file-1-über..png", "a/.b"] {
            assert!(!escapes(name), "{name}");
        }
    }

    #[test]
    fn uploads_are_foreign_whatever_they_are_called() {
        for directory in ["sites/", "x/personal/files/", "Files__ab-files-0001/", "user-1/2/mnt/data/"] {
            assert!(is_foreign(directory), "{directory}");
        }
        assert!(!is_foreign("OpenAI-export/User Online Activity/"));
        for (directory, base) in [("user-1/", "a.zip"), ("", "file-abc-a.zip"), ("Files__1/", "a.zip")] {
            assert!(is_users_file(directory, base), "{directory}{base}");
        }
        assert!(!is_users_file("OpenAI-export/", "conversations.zip"));
    }
}
