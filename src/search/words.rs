//! Searches as a person types them, and the matching conversations, best first.

use super::{Bytes, Filter, Inspector, SearchPlan, SearchedFile, run};
use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Fs, Library};
use regex::bytes::{Regex, RegexBuilder};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// Maximum number of conversations found.
const MOST: usize = 99;

/// Maximum number of terms in a search.
const MOST_TERMS: usize = 16;

/// Time after which a search ends with what it has found so far.
const TIME: Duration = Duration::from_secs(20);

/// Terms that a conversation must have, and terms it must not have.
///
/// Written with spaces between terms: `lisbon "two days" -train`. Ignores case. A term matches whole words, a phrase
/// consecutive ones. In scripts without spaces between words, it matches anywhere.
#[derive(Debug)]
pub(crate) struct WordQuery {
    wanted: Vec<Regex>,
    unwanted: Vec<Regex>,
}

impl WordQuery {
    /// Reads a search.
    ///
    /// # Errors
    /// `Usage` if there is no wanted term, or if there are too many terms.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for (is_wanted, term) in terms(text) {
            if let Some(term) = pattern(&term) {
                if is_wanted { wanted.push(term) } else { unwanted.push(term) }
            }
        }
        if wanted.is_empty() || wanted.len().saturating_add(unwanted.len()) > MOST_TERMS {
            return Err(Error::new(ErrorKind::Usage, format!("a search has 1 to {MOST_TERMS} words")));
        }
        Ok(Self { wanted, unwanted })
    }

    /// The catalog positions of matching conversations, best first: those with all terms in their title, then those
    /// with more occurrences, then newer ones. Costs as much as reading the export.
    pub(crate) fn best(&self, fs: &Fs, library: &dyn Library, threads: usize) -> Vec<usize> {
        let begin = Instant::now();
        let filter = Filter::default();
        let plan = SearchPlan::of_pages(fs, &filter);
        let heads = &fs.catalog().heads;
        let counter = || TermCounter { query: self, counts: vec![0; self.wanted.len()], excluded: false };
        let mut found: Vec<(Reverse<bool>, Reverse<u64>, Reverse<_>, usize)> = Vec::new();
        let mut heads_of_units = plan.heads();
        run(fs, library, &plan, &filter, threads, counter, |answered| {
            if let Some(at) = heads_of_units.next()
                && let Some(occurrences) = answered.answer
                && let Some(head) = heads.get(at)
            {
                let title = head.title.as_deref().unwrap_or_default().as_bytes();
                let in_title = self.wanted.iter().all(|term| term.is_match(title));
                found.push((
                    Reverse(in_title),
                    Reverse(occurrences),
                    Reverse(head.updated.max(head.created)),
                    at,
                ));
                // Keeps memory bounded even if every conversation matches.
                if found.len() > MOST.saturating_mul(4) {
                    found.sort_unstable();
                    found.truncate(MOST);
                }
            }
            begin.elapsed() < TIME
        });
        found.sort_unstable();
        found.truncate(MOST);
        found.into_iter().map(|(.., at)| at).collect()
    }
}

/// The terms of a search, each with whether it is wanted.
fn terms(text: &str) -> Vec<(bool, String)> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (is_wanted, term) = rest.strip_prefix('-').map_or((true, rest), |term| (false, term));
        let (term, after) = match term.strip_prefix('"') {
            Some(phrase) => phrase.split_once('"').unwrap_or((phrase, "")),
            None => term.split_once(char::is_whitespace).unwrap_or((term, "")),
        };
        terms.push((is_wanted, term.to_owned()));
        rest = after.trim_start();
    }
    terms
}

/// A pattern for a term: its words, separated by anything but words. `None` if it has no word.
fn pattern(term: &str) -> Option<Regex> {
    let words: Vec<&str> =
        term.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty()).collect();
    let (first, last) = (words.first()?.chars().next()?, words.last()?.chars().next_back()?);
    let escaped: Vec<String> = words.iter().map(|word| regex::escape(word)).collect();
    let edge = |c| if has_no_spaces(c) { "" } else { r"\b" };
    let pattern = format!("{}{}{}", edge(first), escaped.join(r"\W+"), edge(last));
    RegexBuilder::new(&pattern).case_insensitive(true).build().ok()
}

/// True for letters of scripts without spaces between words: Chinese, Japanese, Thai and the like.
fn has_no_spaces(c: char) -> bool {
    matches!(c, '\u{e00}'..='\u{eff}' | '\u{1780}'..='\u{17ff}' | '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Counts the occurrences of terms in the pages of a conversation.
struct TermCounter<'q> {
    query: &'q WordQuery,
    counts: Vec<u64>,
    excluded: bool,
}

impl Inspector for TermCounter<'_> {
    /// The number of occurrences, if every wanted term was found and no unwanted one.
    type Answer = Option<u64>;

    fn inspect(&mut self, file: SearchedFile<'_>) -> bool {
        let Bytes::Page(page, _) = file.bytes else { return true };
        self.excluded = self.excluded || self.query.unwanted.iter().any(|term| term.is_match(page));
        if !self.excluded {
            for (count, term) in self.counts.iter_mut().zip(&self.query.wanted) {
                *count = count.saturating_add(term.find_iter(page).count() as u64);
            }
        }
        true
    }

    fn answer(&mut self) -> Option<u64> {
        let is_found = !std::mem::take(&mut self.excluded) && self.counts.iter().all(|count| *count > 0);
        let sum = self.counts.iter().fold(0_u64, |sum, count| sum.saturating_add(*count));
        self.counts.fill(0);
        is_found.then_some(sum)
    }

    fn weight(_: &Option<u64>) -> usize {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(term: &str, text: &str) -> bool {
        pattern(term).is_some_and(|term| term.is_match(text.as_bytes()))
    }

    #[test]
    fn words_phrases_and_exclusions_are_distinguished() {
        let expected =
            [(true, "lisbon"), (true, "two days"), (false, "train"), (false, "by bus"), (true, "open end")];
        let found = terms(" lisbon \"two days\"  -train -\"by bus\" \"open end");
        assert_eq!(found, expected.map(|(wanted, term)| (wanted, term.to_owned())));
        assert!(WordQuery::parse("-only").is_err() && WordQuery::parse(" ... ").is_err());
        assert!(WordQuery::parse(&"a ".repeat(17)).is_err());
    }

    #[test]
    fn whole_words_match_in_any_case_and_phrases_across_lines() {
        assert!(has("tea", "Green TEA, please") && !has("tea", "a teapot"));
        assert!(has("straße", "Die STRASSE? Nein, die Straße."));
        assert!(
            has("two days", "Two\ndays")
                && has("two days", "two, days")
                && !has("two days", "two whole days")
        );
        assert!(has("c", "in C++") && has("俳句", "この俳句を直して"));
        assert!(pattern("...").is_none());
    }
}
