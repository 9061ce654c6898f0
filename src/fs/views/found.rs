//! `.gptfs/search`: a name in it is a search, made when it is looked up.

use super::super::{Fs, Ino, no_such_file};
use super::title;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::PAGE;
use crate::sync::lock;
use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

/// The inode number of the directory of the first search.
pub(super) const FIRST_FOUND: u64 = 1 << 44;

/// Inode numbers per search: its directory and its links.
pub(super) const FOUND_NUMBERS: u64 = 1 << 16;

/// Maximum number of different searches per mount. Their results are kept, because the kernel remembers their inodes
/// too.
const SEARCHES: usize = 256;

/// The directory whose names are searches.
pub(super) const SEARCH: &str = "search";

/// Finds the conversations (by position in the catalog) for a search, best first. Fails if the text has no words.
pub(crate) type FindWords = Box<dyn Fn(&Fs, &str) -> Result<Vec<usize>> + Send + Sync>;

/// The searches made so far.
pub(in crate::fs) struct Searches {
    find: OnceLock<FindWords>,
    /// The number of each search, in order. Locked while a search runs, so that there is one at a time.
    numbers: Mutex<HashMap<String, usize>>,
    made: Vec<OnceLock<FoundDirectory>>,
}

impl Default for Searches {
    fn default() -> Self {
        let made = std::iter::repeat_with(OnceLock::new).take(SEARCHES).collect();
        Self { find: OnceLock::new(), numbers: Mutex::default(), made }
    }
}

/// The results of a search.
#[derive(Debug)]
pub(super) struct FoundDirectory {
    pub(super) words: String,
    /// The name of each link and the conversation it leads to, best first.
    pub(super) links: Vec<(Box<str>, usize)>,
}

pub(super) fn found(search: usize, at: usize) -> Ino {
    let first = FIRST_FOUND.saturating_add((search as u64).saturating_mul(FOUND_NUMBERS));
    Ino(first.saturating_add(at as u64))
}

impl Fs {
    /// Makes `find` answer searches in `.gptfs/search`. Call once; without it there are no searches.
    pub(crate) fn set_search(&self, find: FindWords) {
        // A second one would give the same answers.
        let _ = self.searches.find.set(find);
    }

    /// The directory with the results for `words`. Blocks while the export is searched.
    pub(super) fn search(&self, words: &[u8]) -> Result<Ino> {
        let words = std::str::from_utf8(words).map_err(|_| no_such_file())?;
        let find = self.searches.find.get().ok_or_else(no_such_file)?;
        let mut numbers = lock(&self.searches.numbers);
        if let Some(&number) = numbers.get(words) {
            return Ok(found(number, 0));
        }
        let number = numbers.len();
        let place = self.searches.made.get(number);
        let place = place.ok_or_else(|| Error::new(ErrorKind::Limit, "too many searches; mount again"))?;
        let heads = match find(self, words) {
            Err(error) if error.kind() == ErrorKind::Usage => return Err(no_such_file()),
            heads => heads?,
        };
        let named = |(rank, head): (usize, usize)| {
            let name = format!("{rank:02} {}{PAGE}", title(&self.table, head)?);
            Some((name.into_boxed_str(), head))
        };
        let links = (1..).zip(heads).filter_map(named).collect();
        // Nobody else sets it while the numbers are locked.
        let _ = place.set(FoundDirectory { words: words.to_owned(), links });
        numbers.insert(words.to_owned(), number);
        Ok(found(number, 0))
    }

    pub(super) fn found_directory(&self, search: usize) -> Result<&FoundDirectory> {
        self.searches.made.get(search).and_then(OnceLock::get).ok_or_else(no_such_file)
    }

    /// The link with this number, from 1, among the results of a search.
    pub(super) fn found_link(&self, search: usize, at: usize) -> Result<&(Box<str>, usize)> {
        let links = &self.found_directory(search)?.links;
        at.checked_sub(1).and_then(|at| links.get(at)).ok_or_else(no_such_file)
    }
}
