//! Pointers to files, as messages and side files write them, and the ids in them.

use crate::conversation::Text;
use std::borrow::Cow;

/// The id in a pointer: without its scheme and without a `#…` or `?…` suffix. Of a `sandbox:` address, the path; of
/// a page of a file, the file.
pub(super) fn id(pointer: &str) -> &str {
    let id = match pointer.split_once("://") {
        Some((_, id)) => id,
        None => pointer.strip_prefix("sandbox:").unwrap_or(pointer),
    };
    let mut pieces = id.split(['#', '?']);
    let first = pieces.next().unwrap_or_default();
    if is_page(id) { pieces.next().unwrap_or_default() } else { first }
}

/// True if a pointer means a picture of one page of a file: `sediment://<hash>#<file id>#p_<page>.jpg`.
pub(super) fn is_page(pointer: &str) -> bool {
    let mut pieces = pointer.split('#').skip(1);
    let file = pieces.next().unwrap_or_default();
    (file.starts_with("file_") || file.starts_with("file-"))
        && pieces.next().is_some_and(|page| page.starts_with("p_"))
}

/// The same as [`id`], borrowing where `pointer` does.
pub(super) fn id_of(pointer: Text<'_>) -> Text<'_> {
    match pointer {
        Cow::Borrowed(pointer) => Cow::Borrowed(id(pointer)),
        Cow::Owned(pointer) => Cow::Owned(id(&pointer).to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_neither_scheme_nor_suffix() {
        for (pointer, expected) in [
            ("file-service://file-abc", "file-abc"),
            ("sediment://file_0a#x", "file_0a"),
            ("file-abc?x=1", "file-abc"),
            ("sediment://9f8e#file_0a#p_3.jpg", "file_0a"),
            ("sediment://9f8e#file-0a#p_3.jpg", "file-0a"),
            ("sediment://9f8e#file-0a#x", "9f8e"),
            ("sandbox:/mnt/data/a.csv", "/mnt/data/a.csv"),
            ("", ""),
        ] {
            assert_eq!(id(pointer), expected, "{pointer}");
        }
    }
}
