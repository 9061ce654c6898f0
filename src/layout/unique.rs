//! Makes names unique within their directory, independent of reading order.

use crate::bytes::Fnv;
use crate::catalog::Head;
use crate::name::{FileName, fold};
use std::collections::{HashMap, HashSet};

/// Digits of an id in a suffix: the first attempt, the increment per attempt, and the maximum.
const FIRST_DIGITS: usize = 8;
const MORE_DIGITS: usize = 4;
const ALL_DIGITS: usize = 32;

/// A conversation whose plain name belongs to an older one.
struct Crowded {
    head: usize,
    digits: String,
}

impl Crowded {
    fn suffix(&self, digits: usize) -> String {
        format!("-{}", self.digits.get(..digits).unwrap_or(&self.digits))
    }
}

/// Makes the `stems` of `members`, which share a directory, unique under [`fold`].
///
/// Among conversations with the same key, the oldest keeps the plain name. The others append digits of their ids; if
/// the resulting name is taken, or two of them want it, they try again with more digits. So a name depends on the set
/// of members, never on their order. Any left over have equal ids and are numbered, oldest first.
pub(super) fn separate(heads: &[Head], members: &[usize], stems: &mut [FileName]) {
    let member = |&member: &usize| Some((member, heads.get(member)?, stems.get(member)?));
    let mut by_age: Vec<(usize, &Head, &FileName)> = members.iter().filter_map(member).collect();
    by_age.sort_unstable_by_key(|&(position, head, _)| (head.created, &head.id, head.updated, position));
    let mut taken = HashSet::with_capacity(by_age.len());
    let mut crowded: Vec<Crowded> = Vec::new();
    for (position, head, stem) in by_age {
        if !taken.insert(fold(stem.as_str())) {
            crowded.push(Crowded { head: position, digits: digits(head) });
        }
    }
    for digits in (FIRST_DIGITS..=ALL_DIGITS).step_by(MORE_DIGITS) {
        if crowded.is_empty() {
            return;
        }
        crowded = settle(crowded, digits, stems, &mut taken);
    }
    count(&crowded, stems, &mut taken);
}

/// Renames those of `crowded` whose name with `digits` digits is undisputed; returns the rest.
fn settle(
    crowded: Vec<Crowded>,
    digits: usize,
    stems: &mut [FileName],
    taken: &mut HashSet<String>,
) -> Vec<Crowded> {
    let wishes: Vec<FileName> = crowded
        .iter()
        .filter_map(|one| Some(stems.get(one.head)?.with_suffix(&one.suffix(digits))))
        .collect();
    let keys: Vec<String> = wishes.iter().map(|wish| fold(wish.as_str())).collect();
    let mut wanted: HashMap<&str, u32> = HashMap::with_capacity(keys.len());
    for key in &keys {
        let times = wanted.entry(key).or_default();
        *times = times.saturating_add(1);
    }
    let free: Vec<bool> =
        keys.iter().map(|key| wanted.get(key.as_str()) == Some(&1) && !taken.contains(key)).collect();
    let mut left = Vec::new();
    for (((one, wish), key), free) in crowded.into_iter().zip(wishes).zip(keys).zip(free) {
        match stems.get_mut(one.head) {
            Some(stem) if free => {
                *stem = wish;
                taken.insert(key);
            }
            _ => left.push(one),
        }
    }
    left
}

/// Numbers conversations with equal ids: all digits, then `-2`, `-3` and so on.
fn count(crowded: &[Crowded], stems: &mut [FileName], taken: &mut HashSet<String>) {
    let mut numbers: HashMap<String, u32> = HashMap::new();
    for one in crowded {
        let Some(stem) = stems.get_mut(one.head) else { continue };
        let suffix = one.suffix(ALL_DIGITS);
        let number = numbers.entry(fold(stem.with_suffix(&suffix).as_str())).or_default();
        *stem = next_free(number, taken, |number| match number {
            1 => stem.with_suffix(&suffix),
            _ => stem.with_suffix(&format!("{suffix}-{number}")),
        });
    }
}

/// Takes the first free name that `name` makes from numbers above `number`, and updates `number`. Over repeated
/// calls the work is linear in the number of names.
fn next_free(number: &mut u32, taken: &mut HashSet<String>, name: impl Fn(u32) -> FileName) -> FileName {
    loop {
        *number = number.saturating_add(1);
        let name = name(*number);
        if taken.insert(fold(name.as_str())) {
            return name;
        }
    }
}

/// The lower-case hexadecimal digits that distinguish this conversation from others with its title.
///
/// If the id consists of digits only, after a prefix such as `WEB:`, these are the digits. Otherwise they are a
/// checksum of what is known about the conversation, so that they don't depend on its position in the export.
fn digits(head: &Head) -> String {
    let id = head.id.rsplit(':').next().unwrap_or_default();
    let digits: String =
        id.chars().filter(char::is_ascii_hexdigit).take(ALL_DIGITS).map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() >= FIRST_DIGITS && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return digits;
    }
    let mut hash = Fnv::default();
    hash.write(head.id.as_bytes());
    if head.id.is_empty() {
        hash.write(head.title.as_deref().unwrap_or_default().as_bytes());
        for time in [head.created, head.updated].into_iter().flatten() {
            hash.write(&time.seconds().to_le_bytes());
            hash.write(&time.nanoseconds().to_le_bytes());
        }
        hash.write(&head.page.bytes.to_le_bytes());
    }
    format!("{:016x}", hash.sum())
}

/// Checked names for the files of one directory, from names that should have been checked already.
///
/// A portable name that no earlier file has is kept, because pages link to it. Linear.
pub(crate) fn file_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<FileName> {
    let mut taken = HashSet::new();
    let mut numbers: HashMap<String, u32> = HashMap::new();
    names
        .map(|name| {
            let name = FileName::new(name).unwrap_or_else(|| FileName::for_file(name));
            let key = fold(name.as_str());
            if taken.insert(key.clone()) {
                return name;
            }
            let number = numbers.entry(key).or_insert(1);
            next_free(number, &mut taken, |number| name.with_stem_suffix(&format!("-{number}")))
        })
        .collect()
}
