//! From what a user types to files in the tree: patterns, omitted extensions, and suggestions for near misses.

use crate::error::{Error, ErrorKind, Result};
use crate::fs::{Fs, Ino, InodeKind};
use crate::layout::PAGE;
use crate::name::fold;
use crate::text::printable;
use std::collections::HashSet;

/// Length in letters from which a text suggests the names that contain it.
const LONG_ENOUGH: usize = 3;

/// The component of a pattern that stands for any number of directories.
const ANY_DEPTH: &str = "**";

/// Maximum number of suggestions.
const SUGGESTIONS: usize = 3;

/// A key that sorts paths by name, ignoring case, each directory before its contents.
pub(super) fn order(path: &str) -> String {
    fold(path).replace('/', "\0")
}

/// True for a path with wildcards.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?']) || has_class(path)
}

/// The files matching `path`: one, or any number if it has wildcards.
///
/// # Errors
/// `NotFound` if there are none, with suggestions.
pub(super) fn expanded(fs: &Fs, path: &str) -> Result<Vec<Ino>> {
    // A name may have brackets of its own.
    let is_name = !is_pattern(path) || has_class(path) && fs.resolve(path).is_ok();
    if is_name {
        return one(fs, path).map(|ino| vec![ino]);
    }
    // A name may itself contain wildcard characters, unless it comes from a title.
    let mut found = vec![Ino::ROOT];
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let mut next = Vec::new();
        for directory in found {
            if part == ANY_DEPTH {
                next.extend(directories(fs, directory));
            } else if is_pattern(part) {
                let Ok(entries) = fs.entries(directory, 2) else { continue };
                next.extend(entries.filter(|(_, entry)| matches(part, &entry.name)).map(|(_, e)| e.attr.ino));
            } else {
                next.extend(fs.lookup(directory, part.as_bytes()).map(|attr| attr.ino));
            }
        }
        let mut seen = HashSet::new();
        next.retain(|ino| seen.insert(*ino));
        found = next;
    }
    if found.is_empty() {
        let deeper = format!("{ANY_DEPTH}/{path}");
        let hint = if path.contains('/') {
            String::new()
        } else {
            format!("; to look in every directory, use {}", printable(&deeper))
        };
        return Err(Error::new(ErrorKind::NotFound, format!("nothing matches{hint}")).within(printable(path)));
    }
    found.sort_by_cached_key(|&ino| order(&fs.path(ino)));
    Ok(found)
}

/// The files matching `path`: like [`expanded`], but wildcards match no directories.
///
/// # Errors
/// `NotFound` if there are none, with suggestions.
pub(super) fn files(fs: &Fs, path: &str) -> Result<Vec<Ino>> {
    let mut found = expanded(fs, path)?;
    let is_file = |ino: &Ino| fs.attr(*ino).is_ok_and(|attr| attr.kind != InodeKind::Directory);
    if is_pattern(path) && !found.iter().any(is_file) {
        let hint = format!("matches only directories; for the files in them, add /{ANY_DEPTH}/*");
        return Err(Error::new(ErrorKind::IsADirectory, hint).within(printable(path)));
    }
    if found.len() > 1 {
        found.retain(is_file);
    }
    Ok(found)
}

/// The directory `top` and all listed ones below it.
fn directories(fs: &Fs, top: Ino) -> Vec<Ino> {
    let mut found = vec![top];
    let mut at = 0;
    while let Some(&directory) = found.get(at) {
        let entries = fs.entries(directory, 2).into_iter().flatten();
        found.extend(
            entries
                .filter(|(_, entry)| entry.attr.kind == InodeKind::Directory)
                .map(|(_, entry)| entry.attr.ino),
        );
        at += 1;
    }
    found
}

/// True if a component of `path` has a class such as `[ab]`.
fn has_class(path: &str) -> bool {
    path.split('/').any(|part| part.split_once('[').is_some_and(|(_, rest)| rest.contains(']')))
}

/// An element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Wildcard {
    /// Any text.
    Text,
    /// Any character.
    Any,
    /// A character in one of these ranges, or in none of them.
    Class { ranges: Vec<(char, char)>, wanted: bool },
    /// This character.
    Same(char),
}

impl Wildcard {
    fn accepts(&self, c: char) -> bool {
        match self {
            Self::Text => false,
            Self::Any => true,
            Self::Class { ranges, wanted } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) == *wanted
            }
            Self::Same(same) => *same == c,
        }
    }
}

/// The elements of a pattern. A bracket that is never closed is an ordinary character.
fn wildcards(pattern: &str) -> Vec<Wildcard> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        found.push(match c {
            '*' => Wildcard::Text,
            '?' => Wildcard::Any,
            '[' => match rest.split_once(']').filter(|(inside, _)| !matches!(*inside, "" | "!" | "^")) {
                Some((inside, after)) => {
                    rest = after;
                    class(inside)
                }
                None => Wildcard::Same('['),
            },
            c => Wildcard::Same(c),
        });
    }
    found
}

/// The class with `inside` between its brackets.
fn class(inside: &str) -> Wildcard {
    let stripped = inside.strip_prefix(['!', '^']);
    let mut characters = stripped.unwrap_or(inside).chars();
    let mut ranges = Vec::new();
    while let Some(first) = characters.next() {
        let mut ahead = characters.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(last)) => {
                ranges.push((first, last));
                characters = ahead;
            }
            _ => ranges.push((first, first)),
        }
    }
    Wildcard::Class { ranges, wanted: stripped.is_none() }
}

/// True if `name` matches `pattern`, in which `*` stands for any text, `?` for any character, and `[a-c]` and `[!a-c]` for
/// some. Usually linear; at worst, the product of both lengths.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<Wildcard>, Vec<char>) = (wildcards(pattern), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // The position of the last star, and how much of the name it has consumed.
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = name.get(n) {
        match pattern.get(p) {
            Some(Wildcard::Text) => {
                star = Some((p, n));
                p += 1;
            }
            Some(wildcard) if wildcard.accepts(c) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                (p, n) = (at + 1, taken + 1);
            }
        }
    }
    pattern.iter().skip(p).all(|wildcard| *wildcard == Wildcard::Text)
}

/// The file at `path`; the extension of a page may be omitted.
///
/// # Errors
/// Any error of [`Fs::resolve`]; `NotFound` comes with suggestions.
pub(super) fn one(fs: &Fs, path: &str) -> Result<Ino> {
    let error = match fs.resolve(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        resolved => return resolved,
    };
    if let Ok(ino) = fs.resolve(&format!("{path}{PAGE}")) {
        return Ok(ino);
    }
    let near = near(fs, path);
    if near.is_empty() {
        return Err(error);
    }
    let named: Vec<_> = near.iter().map(|path| printable(path).to_string()).collect();
    Err(Error::new(ErrorKind::NotFound, format!("{error}; did you mean {}?", named.join(" or "))))
}

/// The paths most like `path`, the most similar first.
fn near(fs: &Fs, path: &str) -> Vec<String> {
    let wanted = stem(path);
    if wanted.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(usize, String)> = Vec::new();
    let letters = wanted.chars().count();
    for entry in fs.walk() {
        let name = stem(&entry.path);
        let most = letters / 3;
        // A month may lack its zero.
        let distance = if name.trim_start_matches('0') == wanted.trim_start_matches('0') {
            Some(0)
        } else if letters >= LONG_ENOUGH && name.contains(&wanted) {
            Some(1)
        } else {
            distance(&name, &wanted, most)
        };
        if let Some(distance) = distance {
            // Of equally similar paths, the one nearest to the directory given.
            let elsewhere = usize::from(parent(&entry.path) != parent(path.trim_start_matches('/')));
            found.push((distance * 2 + elsewhere, entry.path));
        }
    }
    found.sort();
    found.truncate(SUGGESTIONS);
    found.into_iter().map(|(_, path)| path).collect()
}

/// The last component of a path without the extension of a page, folded.
fn stem(path: &str) -> String {
    let name = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    fold(name.strip_suffix(PAGE).unwrap_or(name))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The edit distance between `a` and `b` in letters; `None` if more than `most`.
fn distance(a: &str, b: &str, most: usize) -> Option<usize> {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, from) in a.iter().enumerate() {
        let mut diagonal = at;
        let mut left = at + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let changed = diagonal + usize::from(from != to);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
    }
    row.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_within_a_name() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*.md", "Trip.md", true),
            ("Tr?p*", "Trip to Lisbon.md", true),
            ("Tr?p", "Tr🍎p", true),
            ("*a*b*c", "xaxbxbxc", true),
            ("*a*b*c", "xaxbxbx", false),
            ("a", "b", false),
            ("a**", "a", true),
            ("0[12]", "02", true),
            ("0[12]", "03", false),
            ("0[1-36]*", "03 x", true),
            ("0[!1-3]", "04", true),
            ("[!1-3]", "2", false),
            ("[", "[", true),
            ("[]a", "[]a", true),
            ("a[b", "a[b", true),
            ("[a-]", "-", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
        let many = "a".repeat(2000);
        assert!(!matches(&"a*".repeat(200), &format!("b{many}")));
    }

    #[test]
    fn the_edit_distance_counts_letters() {
        assert_eq!(distance("garden", "garden", 2), Some(0));
        assert_eq!(distance("garten", "garden", 2), Some(1));
        assert_eq!(distance("gardn", "garden", 2), Some(1));
        assert_eq!(distance("gadrenn", "garden", 3), Some(3));
        assert_eq!(distance("lisbon", "garden", 2), None);
        assert_eq!(distance("", "ab", 2), Some(2));
    }
}
