//! A matcher that sees only parts of a page.

use grep_matcher::{ByteSet, LineMatchKind, LineTerminator, Match, Matcher, NoCaptures, NoError};
use grep_regex::RegexMatcher;
use std::ops::Range;

/// Finds what another matcher finds in the lines of some ranges of a page.
///
/// A searcher that searches a slice hands its matcher pieces of that same slice, so the address of a piece says where in
/// the page it is. Line numbers and context stay those of the whole page.
pub(super) struct Within<'m> {
    inner: &'m RegexMatcher,
    /// The address of the page's first byte.
    base: usize,
    /// Whole lines, ascending and apart.
    ranges: &'m [Range<usize>],
    inverts: bool,
}

impl<'m> Within<'m> {
    /// A matcher for a search of `page` alone; `inverts` if lines are wanted that do not match.
    pub(super) fn new(
        inner: &'m RegexMatcher,
        page: &[u8],
        ranges: &'m [Range<usize>],
        inverts: bool,
    ) -> Self {
        Self { inner, base: page.as_ptr().addr(), ranges, inverts }
    }

    /// Where `piece` is in the page.
    fn offset(&self, piece: &[u8]) -> usize {
        piece.as_ptr().addr().saturating_sub(self.base)
    }

    /// The first range that has bytes from `at` on.
    fn range_from(&self, at: usize) -> Option<&Range<usize>> {
        self.ranges.get(self.ranges.partition_point(|range| range.end <= at))
    }
}

impl Matcher for Within<'_> {
    type Captures = NoCaptures;
    type Error = NoError;

    /// `haystack` is one line, without its end.
    fn find_at(&self, haystack: &[u8], at: usize) -> Result<Option<Match>, NoError> {
        let offset = self.offset(haystack);
        if self.range_from(offset).is_some_and(|range| range.start <= offset) {
            return self.inner.find_at(haystack, at);
        }
        // A line that is not wanted must be dropped, whichever lines are.
        Ok(self.inverts.then(|| Match::zero(at)))
    }

    fn new_captures(&self) -> Result<NoCaptures, NoError> {
        Ok(NoCaptures::new())
    }

    fn non_matching_bytes(&self) -> Option<&ByteSet> {
        if self.inverts { None } else { self.inner.non_matching_bytes() }
    }

    /// Without one, the searcher looks at every line by itself, which an inverted search depends on.
    fn line_terminator(&self) -> Option<LineTerminator> {
        if self.inverts { None } else { self.inner.line_terminator() }
    }

    /// `haystack` begins with a line of the page.
    fn find_candidate_line(&self, haystack: &[u8]) -> Result<Option<LineMatchKind>, NoError> {
        let offset = self.offset(haystack);
        let mut at = 0_usize;
        while let Some(range) = self.range_from(offset.saturating_add(at)) {
            let start = at.max(range.start.saturating_sub(offset));
            let end = haystack.len().min(range.end.saturating_sub(offset));
            let Some(lines) = haystack.get(start..end).filter(|lines| !lines.is_empty()) else { break };
            match self.inner.find_candidate_line(lines)? {
                Some(LineMatchKind::Confirmed(found)) => {
                    return Ok(Some(LineMatchKind::Confirmed(start.saturating_add(found))));
                }
                Some(LineMatchKind::Candidate(found)) => {
                    return Ok(Some(LineMatchKind::Candidate(start.saturating_add(found))));
                }
                None => at = end,
            }
        }
        Ok(None)
    }
}
