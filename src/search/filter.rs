//! What to search: conditions on conversations, on their files, and on the lines of a page.

use crate::catalog::{Head, Page};
use crate::conversation::Role;
use crate::name::fold;
use crate::render::{Speech, SpeechKind, SpeechSection};
use crate::time::Timestamp;
use memchr::memchr;
use std::collections::HashMap;
use std::ops::Range;

/// Words that must match one of a conversation's values. An empty list matches everything.
///
/// Ignores case; `*` in a word stands for any text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(Vec<String>);

impl Words {
    /// These words.
    pub(crate) fn new<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        Self(words.into_iter().map(fold).collect())
    }

    /// True if there are no words.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if any of `values` matches any word, or there are no words.
    fn accept<'a>(&self, values: impl IntoIterator<Item = &'a str>) -> bool {
        self.is_empty()
            || values.into_iter().any(|value| {
                let value = fold(value);
                self.0.iter().any(|word| matches(word, &value))
            })
    }
}

/// True if `value` is `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| value.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

/// Which pages of a conversation are searched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Branches {
    /// The visible thread and all other branches.
    #[default]
    Yes,
    /// The visible thread, without the other branches.
    No,
    /// Only the other branches.
    Only,
}

/// What to search. The default is everything; all conditions must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter {
    /// Models that answered on the visible thread.
    pub models: Words,
    /// Ids or names of custom GPTs.
    pub gpts: Words,
    /// Ids or names of projects.
    pub projects: Words,
    /// Text that the title contains, ignoring case.
    pub titles: Vec<String>,
    /// Changed at this time or later.
    pub since: Option<Timestamp>,
    /// Created before this time.
    pub until: Option<Timestamp>,
    /// With a star.
    pub starred: bool,
    /// In ChatGPT's archive.
    pub archived: bool,
    /// Which pages.
    pub branches: Branches,
    /// Speakers; empty for all lines of a page.
    pub roles: Vec<Role>,
    /// Kinds of content; empty for all lines of a page.
    pub kinds: Vec<SpeechKind>,
    /// Names of GPTs and projects by id.
    pub names: HashMap<String, String>,
}

impl Filter {
    /// True if anything in the conversation is searched.
    ///
    /// A conversation without known times passes only if there are no conditions on time.
    pub(crate) fn accepts(&self, head: &Head) -> bool {
        let named = |id: &Option<Box<str>>, words: &Words| {
            let id = id.as_deref();
            words.accept(id.into_iter().chain(id.and_then(|id| self.names.get(id).map(String::as_str))))
        };
        let (first, last) = (head.created.or(head.updated), head.updated.max(head.created));
        (!self.starred || head.starred)
            && (!self.archived || head.archived)
            && self.since.is_none_or(|since| last.is_some_and(|last| last >= since))
            && self.until.is_none_or(|until| first.is_some_and(|first| first < until))
            && self.models.accept(head.models.iter().map(|model| &**model))
            && named(&head.gpt, &self.gpts)
            && named(&head.project, &self.projects)
            && self.has_title(head)
    }

    fn has_title(&self, head: &Head) -> bool {
        if self.titles.is_empty() {
            return true;
        }
        let title = fold(head.title.as_deref().unwrap_or_default());
        self.titles.iter().any(|part| title.contains(&fold(part)))
    }

    /// True if only certain lines of a page are searched.
    pub(super) fn picks_lines(&self) -> bool {
        !self.roles.is_empty() || !self.kinds.is_empty()
    }

    /// True if a file of a conversation that passes is searched: a page, or for `None` a file of the archive.
    pub(super) fn wants(&self, page: Option<Page>) -> bool {
        // A canvas document counts as the model's. Its user may have edited it, but the export doesn't say so.
        const CANVAS: Speech = Speech { role: Role::Assistant, kind: SpeechKind::Canvas };
        match page {
            Some(Page::Branch(_)) => self.branches != Branches::No,
            Some(Page::Thread | Page::Prompts) => self.branches != Branches::Only,
            Some(Page::Canvas(_)) => self.branches != Branches::Only && self.wants_speech(CANVAS),
            None => self.branches != Branches::Only && !self.picks_lines(),
        }
    }

    fn wants_speech(&self, speech: Speech) -> bool {
        (self.roles.is_empty() || self.roles.contains(&speech.role))
            && (self.kinds.is_empty() || self.kinds.contains(&speech.kind))
    }

    /// The lines of `page` to search: ranges of whole lines, ascending, without overlaps. Linear in the sections.
    pub(super) fn lines(&self, page: &[u8], sections: &[SpeechSection]) -> Vec<Range<usize>> {
        let ends = sections.iter().skip(1).map(|next| next.start).chain([page.len()]);
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for (section, end) in sections.iter().zip(ends) {
            if !section.speech.is_some_and(|speech| self.wants_speech(speech)) {
                continue;
            }
            let range = line_from(page, section.start)..line_from(page, end);
            match ranges.last_mut() {
                Some(last) if last.end == range.start => last.end = range.end,
                _ if range.is_empty() => {}
                _ => ranges.push(range),
            }
        }
        ranges
    }
}

/// The start of the first line that begins at `at` or later.
fn line_from(page: &[u8], at: usize) -> usize {
    let before = at.checked_sub(1).and_then(|before| page.get(before));
    if before.is_none_or(|&byte| byte == b'\n') {
        return at.min(page.len());
    }
    let rest = page.get(at..).unwrap_or_default();
    memchr(b'\n', rest).map_or(page.len(), |length| at.saturating_add(length).saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, value, expected) in [
            ("o3", "o3", true),
            ("o3", "o3-mini", false),
            ("o3*", "o3-mini", true),
            ("*mini", "o3-mini", true),
            ("gpt*mini", "gpt-4o-mini", true),
            ("gpt*4*mini", "gpt-4o-mini", true),
            ("gpt*5*mini", "gpt-4o-mini", false),
            ("*", "", true),
            ("a*a", "a", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(matches(pattern, value), expected, "{pattern} {value}");
        }
    }

    #[test]
    fn words_ignore_case_and_one_of_them_is_enough() {
        let words = Words::new(["O3", "gpt-4*"]);
        assert!(words.accept(["x", "o3"]));
        assert!(words.accept(["GPT-4o"]));
        assert!(!words.accept(["x"]));
        assert!(!words.accept([]));
        assert!(Words::default().accept([]));
    }

    #[test]
    fn sections_are_widened_to_whole_lines() {
        let page = b"frame\n\n## User\n\nhello\nworld\n\n## ChatGPT\n\nhi\n";
        let at = |needle: &str| memchr::memmem::find(page, needle.as_bytes()).unwrap();
        let said = |role| Some(Speech { role, kind: SpeechKind::Text });
        let sections = [
            SpeechSection { start: at("\n\n## User"), speech: None },
            SpeechSection { start: at("\n\nhello"), speech: said(Role::User) },
            SpeechSection { start: at("\n\n## ChatGPT"), speech: None },
            SpeechSection { start: at("\n\nhi"), speech: said(Role::Assistant) },
        ];
        let found = |roles: &[Role]| {
            let filter = Filter { roles: roles.to_vec(), ..Filter::default() };
            let lines = filter.lines(page, &sections);
            lines
                .into_iter()
                .map(|range| String::from_utf8_lossy(&page[range]).into_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(found(&[Role::User]), ["\nhello\nworld\n"]);
        assert_eq!(found(&[Role::Assistant]), ["\nhi\n"]);
        assert_eq!(found(&[Role::User, Role::Assistant]), ["\nhello\nworld\n", "\nhi\n"]);
        assert_eq!(found(&[Role::Tool]), Vec::<String>::new());
    }
}
