//! Names made unique in their directory, independent of the order in which they are read.

use crate::catalog::Head;
use crate::name::{FileName, fold};
use std::collections::{HashMap, HashSet};

/// Digits of an id in a suffix: the first try, what each further try adds, and the last one.
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
/// First, of each group with one key the oldest keeps its plain name. Then the others try the digits of their ids:
/// whoever's name is taken, or wanted by another at the same time, tries with more digits. So a name depends on the set
/// of members, never on their order. Those who are left have equal ids: they are counted, the oldest first.
pub(super) fn separate(heads: &[Head], members: &[usize], stems: &mut [FileName]) {
    let mut by_age: Vec<(usize, &Head)> =
        members.iter().filter_map(|&member| Some((member, heads.get(member)?))).collect();
    by_age.sort_unstable_by_key(|&(position, head)| (head.created, &head.id, head.updated, position));
    let mut taken = HashSet::with_capacity(by_age.len());
    let mut crowded: Vec<Crowded> = Vec::new();
    for (position, head) in by_age {
        let Some(stem) = stems.get(position) else { continue };
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

/// Gives those of `crowded` their name with so many digits whom nobody else disputes it; returns the others.
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

/// Numbers those whose whole ids are equal: all digits, then `-2`, `-3` and so on.
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

/// The first name that `name` makes of the numbers above `number` and that is not taken yet. It is taken then, and
/// `number` is its number: asked again and again, the work is linear in the names.
fn next_free(number: &mut u32, taken: &mut HashSet<String>, name: impl Fn(u32) -> FileName) -> FileName {
    loop {
        *number = number.saturating_add(1);
        let name = name(*number);
        if taken.insert(fold(name.as_str())) || *number == u32::MAX {
            return name;
        }
    }
}

/// The hexadecimal digits, in lower case, that tell this conversation from others of its title.
///
/// Those of its id, after a prefix such as `WEB:`, if it is made of nothing else; else a checksum of what is
/// known of the conversation, so that they don't depend on its place in the export.
fn digits(head: &Head) -> String {
    let id = head.id.rsplit(':').next().unwrap_or_default();
    let digits: String =
        id.chars().filter(char::is_ascii_hexdigit).take(ALL_DIGITS).map(|c| c.to_ascii_lowercase()).collect();
    if digits.len() >= FIRST_DIGITS && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return digits;
    }
    let mut hash = Fnv::new();
    hash.write(head.id.as_bytes());
    if head.id.is_empty() {
        hash.write(head.title.as_deref().unwrap_or_default().as_bytes());
        for time in [head.created, head.updated].into_iter().flatten() {
            hash.write(&time.seconds().to_le_bytes());
            hash.write(&time.nanoseconds().to_le_bytes());
        }
        hash.write(&head.page.bytes.to_le_bytes());
    }
    format!("{:016x}", hash.0)
}

/// FNV-1a of 64 bits: the same everywhere and for ever, as names must be. Nothing rests on its strength: equal sums
/// are only a further collision.
struct Fnv(u64);

impl Fnv {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// Checked names for the files of one directory, from names that were checked already or should have been.
///
/// A name that is portable and not taken by an earlier one stays as it is, because pages link to it. Linear.
pub fn file_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<FileName> {
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
