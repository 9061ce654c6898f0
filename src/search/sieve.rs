//! Finds out which conversations have no match while they are indexed, so that a search needn't read them again.
//!
//! Lines in which a page names itself can't be examined then, because names depend on all conversations. They are kept
//! and examined later.

use crate::catalog::{Condition, EntryRef, Head, Location};
use crate::render::{Observer, PageReader, STEM};
use crate::sync::lock;
use memchr::{memchr, memmem, memrchr};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of lines kept of one conversation. Of one with more, nothing is known.
const LINES_BYTES: usize = 8 << 10;

/// Bytes of lines kept of all conversations.
const KEPT_BYTES: usize = 4 << 20;

/// True unless no line of a text matches.
type MayMatch<'m> = Box<dyn Fn(&[u8]) -> bool + Sync + 'm>;

/// Separates the conversations without a match from the others.
///
/// Errs on one side only: a conversation said to have no match has none.
pub(crate) struct Sieve<'m> {
    may_match: MayMatch<'m>,
    /// The conversations without a match in other lines, and the lines in which they name themselves.
    without: Mutex<HashMap<(EntryRef, u64), Box<str>>>,
    /// How many more bytes of lines may be kept.
    room: AtomicUsize,
}

impl<'m> Sieve<'m> {
    /// A sieve for a search whose result depends only on which lines match. `may_match` is false only for texts in which
    /// no line matches, in whatever text the line is.
    pub(crate) fn new(may_match: impl Fn(&[u8]) -> bool + Sync + 'm) -> Self {
        Self { may_match: Box::new(may_match), without: Mutex::default(), room: AtomicUsize::new(KEPT_BYTES) }
    }

    /// True if no page of the conversation has a match; `stem` is what they call themselves.
    pub(super) fn excludes(&self, head: &Head, stem: &str) -> bool {
        let without = lock(&self.without);
        let lines = without.get(&key(head.location));
        head.condition == Condition::Sound
            && lines.is_some_and(|lines| {
                lines.is_empty() || !(self.may_match)(lines.replace(STEM, stem).as_bytes())
            })
    }
}

impl Observer for Sieve<'_> {
    fn begin(&self) -> Box<dyn PageReader + '_> {
        Box::new(SieveReader { sieve: self, may_match: false, lines: String::new() })
    }
}

/// Examines one conversation.
struct SieveReader<'s> {
    sieve: &'s Sieve<'s>,
    may_match: bool,
    /// The lines in which it names itself, each with its end.
    lines: String,
}

impl PageReader for SieveReader<'_> {
    fn read(&mut self, piece: &str, names_itself: bool) {
        if !self.may_match && names_itself {
            for line in lines_with_stem(piece) {
                self.lines.push_str(line);
                self.lines.push('\n');
            }
        }
        self.may_match =
            self.may_match || self.lines.len() > LINES_BYTES || (self.sieve.may_match)(piece.as_bytes());
    }

    fn end(self: Box<Self>, location: Location) {
        let Self { sieve, may_match, lines } = *self;
        let take = |room: usize| room.checked_sub(lines.len());
        if !may_match && sieve.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            lock(&sieve.without).insert(key(location), lines.into());
        }
    }
}

fn key(location: Location) -> (EntryRef, u64) {
    (location.entry, location.start)
}

/// The lines of `piece` that contain [`STEM`], without their ends.
fn lines_with_stem(piece: &str) -> impl Iterator<Item = &str> {
    let mut mark = [0; 4];
    let finder = memmem::Finder::new(STEM.encode_utf8(&mut mark).as_bytes()).into_owned();
    let mut rest = piece;
    std::iter::from_fn(move || {
        let at = finder.find(rest.as_bytes())?;
        let (before, after) = rest.as_bytes().split_at_checked(at)?;
        let start = memrchr(b'\n', before).map_or(0, |end| end.saturating_add(1));
        let end = memchr(b'\n', after).map_or(rest.len(), |length| at.saturating_add(length));
        let line = rest.get(start..end);
        rest = rest.get(end..).unwrap_or_default();
        line
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A conversation at `start`.
    fn head(start: u64) -> Head {
        let mut head = Head::bare("id", "Title", 1.0);
        head.location.start = start;
        head
    }

    /// A sieve for `word` that has seen conversations with these pieces, the first of them at 0.
    fn sieve<'m>(word: &'m str, conversations: &[&[&str]]) -> Sieve<'m> {
        let sieve = Sieve::new(move |text| memmem::find(text, word.as_bytes()).is_some());
        for (start, pieces) in (0..).zip(conversations) {
            let mut reader = sieve.begin();
            for piece in *pieces {
                reader.read(piece, piece.contains(STEM));
            }
            reader.end(head(start).location);
        }
        sieve
    }

    #[test]
    fn conversations_without_a_match_are_excluded() {
        let sieve = sieve("tea", &[&["---\n", "\n\ncoffee"], &["---\n", "\n\ngreen tea", "\n\nno"], &[]]);
        assert_eq!([0, 1, 2].map(|start| sieve.excludes(&head(start), "s")), [true, false, true]);
    }

    #[test]
    fn nothing_is_known_of_what_was_not_seen_or_reads_otherwise_now() {
        let sieve = sieve("tea", &[&["coffee"]]);
        assert!(!sieve.excludes(&head(7), "s"));
        for condition in [
            Condition::Unverified,
            Condition::Damaged,
            Condition::TooLarge,
            Condition::Unread,
            Condition::Bug,
        ] {
            assert!(!sieve.excludes(&Head { condition, ..head(0) }, "s"));
        }
    }

    #[test]
    fn names_match_once_they_are_known() {
        let link = format!("\n[map]({STEM}.assets/map.png)\n");
        let sieve = sieve("tea", &[&[&link]]);
        assert!(sieve.excludes(&head(0), "coffee") && !sieve.excludes(&head(0), "tea"));
        assert!(!sieve.excludes(&head(0), "a%20team"));
    }

    #[test]
    fn lines_with_names_are_kept_whole_and_in_bounded_memory() {
        let line = format!("a {STEM} b {STEM} c");
        let piece = format!("\n{line}\nx\n\n{line}");
        assert_eq!(lines_with_stem(&piece).collect::<Vec<_>>(), [&line, &line]);
        assert_eq!(lines_with_stem("\nnone\n").count(), 0);
        let long = line.repeat(LINES_BYTES / line.len() + 1);
        let kept = "-".repeat(LINES_BYTES - 8) + &STEM.to_string();
        let (long, kept) = ([long.as_str()], [kept.as_str()]);
        let mut many: Vec<&[&str]> = vec![&long];
        many.extend([kept.as_slice(); 600]);
        let sieve = self::sieve("tea", &many);
        assert!(!sieve.excludes(&head(0), "coffee") && sieve.excludes(&head(1), "coffee"));
        assert!(!sieve.excludes(&head(600), "coffee"));
        assert!(lock(&sieve.without).values().map(|lines| lines.len()).sum::<usize>() <= KEPT_BYTES);
    }
}
