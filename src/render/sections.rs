//! Who says what on a page: byte ranges by role and kind, reported while the page is written.

use super::{STEM, Sink};
use crate::conversation::{Image, Part, Role};
use memchr::memmem;
use std::fmt;

/// The kind of a part of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpeechKind {
    /// Prose, with its sources.
    Text,
    /// Code, in prose or run by a tool, and the output of programs.
    Code,
    /// The model's thinking.
    Thinking,
    /// Canvas documents and comments on them.
    Canvas,
    /// Links to files, and to pictures and recordings without a description. Nobody said their paths.
    File,
}

impl SpeechKind {
    /// The kind of a part of a message.
    pub(super) fn of(part: &Part<'_>) -> Self {
        match part {
            Part::Code { .. } | Part::Output(_) => Self::Code,
            Part::Thoughts(_) | Part::Recap { .. } => Self::Thinking,
            Part::Canvas(_) => Self::Canvas,
            Part::Image(Image { alt: None, prompt: None, .. })
            | Part::Audio { .. }
            | Part::Video { .. }
            | Part::File(_) => Self::File,
            _ => Self::Text,
        }
    }
}

/// Words of a conversation: their speaker and their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Speech {
    /// The speaker.
    pub role: Role,
    /// The kind.
    pub kind: SpeechKind,
}

/// The start of a section of a page, which extends to the next section or to the end of the page.
///
/// A line belongs to the section that contains its first byte. Front matter, headings and other lines of the frame
/// belong to no speaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeechSection {
    /// Its start in bytes.
    pub start: usize,
    /// The speech that follows; `None` for the frame.
    pub speech: Option<Speech>,
}

/// A page with its sections, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributed {
    /// The bytes of the page.
    pub page: Vec<u8>,
    /// Its sections; anything before the first belongs to the frame.
    pub sections: Vec<SpeechSection>,
}

impl AsRef<[u8]> for Attributed {
    fn as_ref(&self) -> &[u8] {
        &self.page
    }
}

/// Writes a page and records its sections.
pub(super) struct Recorder<'t> {
    pub(super) text: &'t mut String,
    pub(super) sections: &'t mut Vec<SpeechSection>,
}

impl Sink for Recorder<'_> {
    fn take(&mut self, piece: &str, _: bool) -> fmt::Result {
        self.text.push_str(piece);
        Ok(())
    }

    fn wants_sections(&self) -> bool {
        true
    }

    fn section(&mut self, ahead: usize, speech: Option<Speech>) {
        let start = self.text.len().saturating_add(ahead);
        if self.sections.last().is_some_and(|last| last.start == start) {
            self.sections.pop();
        }
        self.sections.push(SpeechSection { start, speech });
    }
}

/// Moves `sections` of a page to their positions after `stem` is filled in.
pub(crate) fn moved_by_stem(page: &str, stem: &str, sections: &mut [SpeechSection]) {
    let mut mark = [0; 4];
    let mark = STEM.encode_utf8(&mut mark).as_bytes();
    let mut places = memmem::find_iter(page.as_bytes(), mark).peekable();
    let mut passed = 0_usize;
    for section in sections {
        while places.next_if(|&place| place < section.start).is_some() {
            passed = passed.saturating_add(1);
        }
        let without = section.start.saturating_sub(passed.saturating_mul(mark.len()));
        section.start = without.saturating_add(passed.saturating_mul(stem.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_move_with_the_stems_before_them() {
        let page = format!("a{STEM}bc{STEM}d");
        let at = |text: &str, c| text.find(c).unwrap();
        let section = |start| SpeechSection { start, speech: None };
        for stem in ["", "s", "a much longer stem"] {
            let mut sections = ["a", "b", "d"].map(|c| section(at(&page, c))).to_vec();
            moved_by_stem(&page, stem, &mut sections);
            let named = page.replace(STEM, stem);
            let expected = [0, 1 + stem.len(), 3 + 2 * stem.len()].map(section);
            assert_eq!(sections, expected, "{named}");
        }
    }
}
