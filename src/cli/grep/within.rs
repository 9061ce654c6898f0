//! A matcher restricted to parts of a page.

use grep_matcher::{ByteSet, LineMatchKind, LineTerminator, Match, Matcher, NoCaptures, NoError};
use grep_regex::RegexMatcher;
use std::ops::Range;

/// Finds what another matcher finds, but only in certain line ranges of a page.
///
/// A searcher of a slice hands its matcher subslices, so the address of a subslice gives its position in the page. Line
/// numbers and context remain those of the whole page.
pub(super) struct Within<'m> {
    inner: &'m RegexMatcher,
    /// Address of the page's first byte.
    base: usize,
    /// Whole lines, ascending, without overlaps.
    ranges: &'m [Range<usize>],
    inverts: bool,
}

impl<'m> Within<'m> {
    /// A matcher for searching `page` only. `inverts` to find the lines that don't match.
    pub(super) fn new(
        inner: &'m RegexMatcher,
        page: &[u8],
        ranges: &'m [Range<usize>],
        inverts: bool,
    ) -> Self {
        Self { inner, base: page.as_ptr().addr(), ranges, inverts }
    }

    /// The position of `piece` in the page.
    fn offset(&self, piece: &[u8]) -> usize {
        piece.as_ptr().addr().saturating_sub(self.base)
    }

    /// The first range that extends past `at`.
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
        // A line outside the ranges must be dropped, whether or not matches are inverted.
        Ok(self.inverts.then(|| Match::zero(at)))
    }

    fn new_captures(&self) -> Result<NoCaptures, NoError> {
        Ok(NoCaptures::new())
    }

    fn non_matching_bytes(&self) -> Option<&ByteSet> {
        if self.inverts { None } else { self.inner.non_matching_bytes() }
    }

    /// Without one, the searcher examines every line by itself, which an inverted search depends on.
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
