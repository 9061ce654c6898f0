//! Pointers to files, as messages and side files write them, and the ids in them.

use crate::conversation::Text;
use std::borrow::Cow;

/// The id in a pointer: without its scheme and without a `#…` or `?…` suffix. Of a `sandbox:` address, the path.
pub(super) fn id(pointer: &str) -> &str {
    let id = match pointer.split_once("://") {
        Some((_, id)) => id,
        None => pointer.strip_prefix("sandbox:").unwrap_or(pointer),
    };
    id.split(['#', '?']).next().unwrap_or_default()
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
            ("sandbox:/mnt/data/a.csv", "/mnt/data/a.csv"),
            ("", ""),
        ] {
            assert_eq!(id(pointer), expected, "{pointer}");
        }
    }
}
