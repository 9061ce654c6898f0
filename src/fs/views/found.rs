//! `.gptfs/search`: a name in it is a search, made when it is looked up.

use super::super::{Fs, Ino, no_such_file};
use super::title;
use crate::error::{ErrorKind, Result};
use crate::layout::PAGE;
use crate::sync::lock;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

/// The inode number of the directory of the first search.
pub(super) const FIRST_FOUND: u64 = 1 << 44;

/// Inode numbers per search: its directory and its links.
pub(super) const FOUND_NUMBERS: u64 = 1 << 16;

/// How many searches are remembered: those whose names were looked up last. An earlier one is made again, under a new
/// number.
const SEARCHES: usize = 256;

/// The directory whose names are searches.
pub(super) const SEARCH: &str = "search";

/// Finds the conversations (by position in the catalog) for a search, best first. Fails if the text has no words.
pub(crate) type FindWords = Box<dyn Fn(&Fs, &str) -> Result<Vec<usize>> + Send + Sync>;

/// The searches of a mount.
#[derive(Default)]
pub(in crate::fs) struct Searches {
    find: OnceLock<FindWords>,
    /// Locked while a search runs, so that there is one at a time.
    running: Mutex<()>,
    made: Mutex<MadeSearches>,
}

/// The searches that are remembered.
#[derive(Default)]
struct MadeSearches {
    /// Number of all searches made so far.
    count: usize,
    directories: HashMap<usize, Arc<FoundDirectory>>,
    /// The words and the number of each, least recently looked up first.
    order: VecDeque<(String, usize)>,
}

impl MadeSearches {
    fn find(&mut self, words: &str) -> Option<usize> {
        let at = self.order.iter().rposition(|(made, _)| made == words)?;
        let found = self.order.remove(at)?;
        let number = found.1;
        self.order.push_back(found);
        Some(number)
    }

    fn add(&mut self, directory: FoundDirectory) -> usize {
        if self.order.len() == SEARCHES
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.directories.remove(&oldest);
        }
        let number = self.count;
        self.count = number.saturating_add(1);
        self.order.push_back((directory.words.clone(), number));
        self.directories.insert(number, Arc::new(directory));
        number
    }
}

/// The results of a search.
#[derive(Debug)]
pub(super) struct FoundDirectory {
    pub(super) words: String,
    /// The name of each link and the conversation it leads to, best first.
    links: Vec<(Box<str>, usize)>,
}

impl FoundDirectory {
    /// Number of links.
    pub(super) fn count(&self) -> usize {
        self.links.len()
    }

    /// The link with this number, from 1.
    pub(super) fn link(&self, at: usize) -> Result<(&str, usize)> {
        let link = at.checked_sub(1).and_then(|at| self.links.get(at));
        link.map(|(name, head)| (&**name, *head)).ok_or_else(no_such_file)
    }
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
        let _one = lock(&self.searches.running);
        if let Some(number) = lock(&self.searches.made).find(words) {
            return Ok(found(number, 0));
        }
        let heads = match find(self, words) {
            Err(error) if error.kind() == ErrorKind::Usage => return Err(no_such_file()),
            heads => heads?,
        };
        let named = |(rank, head): (usize, usize)| {
            let name = format!("{rank:02} {}{PAGE}", title(&self.table, head)?);
            Some((name.into_boxed_str(), head))
        };
        let links = (1..).zip(heads).filter_map(named).collect();
        let number = lock(&self.searches.made).add(FoundDirectory { words: words.to_owned(), links });
        Ok(found(number, 0))
    }

    pub(super) fn found_directory(&self, search: usize) -> Result<Arc<FoundDirectory>> {
        lock(&self.searches.made).directories.get(&search).cloned().ok_or_else(no_such_file)
    }
}
