//! Paths as a user would type them in a shell.

use crate::text::shell_word;
use std::ffi::OsStr;
use std::path::Path;

/// `path` as one word of a shell command, with `~` for the home directory. Safe to print to a terminal.
pub(super) fn quoted(path: &Path) -> String {
    let home = std::env::var_os("HOME");
    within_home(path, home.as_deref())
}

fn within_home(path: &Path, home: Option<&OsStr>) -> String {
    let home = home.map(Path::new).filter(|home| home.is_absolute() && home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", shell_word(&rest.to_string_lossy())),
        None => shell_word(&path.to_string_lossy()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_a_shell_would_split_or_expand_are_quoted() {
        let home = Some(OsStr::new("/home/ines"));
        for (path, typed) in [
            ("/home/ines", "~"),
            ("/home/ines/chats", "~/chats"),
            ("/home/ines/my chats", "~/'my chats'"),
            ("/home/inessa/chats", "/home/inessa/chats"),
            ("export 2.zip", "'export 2.zip'"),
            ("it's.zip", r"'it'\''s.zip'"),
            ("$HOME", "'$HOME'"),
            ("-f", "'-f'"),
            ("Übung.zip", "Übung.zip"),
        ] {
            assert_eq!(within_home(Path::new(path), home), typed);
        }
        assert_eq!(within_home(Path::new("/srv/a"), Some(OsStr::new("/"))), "/srv/a");
        assert_eq!(within_home(Path::new("/srv/a"), None), "/srv/a");
    }
}
