//! What an export should have and doesn't.

use super::{Member, Packing, names, within};
use crate::archive::own_name;
use crate::catalog::Problem;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What the parts of one export have and should have.
#[derive(Default)]
struct PartGroup<'a> {
    /// The name of the export, if there are several.
    origin: Option<&'a str>,
    /// The numbers of the conversation files.
    numbers: BTreeSet<u64>,
    names: HashSet<&'a str>,
    /// Conversation files that a manifest lists and its part lacks.
    absent: Vec<&'a str>,
    /// The names of the parts up to their numbers.
    prefix: Option<&'a str>,
    /// The numbers of the parts themselves.
    parts: BTreeSet<u64>,
    /// They are in a container.
    is_inside: bool,
}

/// Conversation files that no part has, although a manifest lists them or a numbered sequence lacks them, and parts that
/// are missing themselves and not `broken`. `origins` has the names of the exports of `members`, if there are several.
pub(super) fn problems<'a>(
    members: &'a [Member],
    origins: &'a [String],
    broken: impl Iterator<Item = &'a str>,
) -> Vec<Problem> {
    let mut groups: BTreeMap<&str, PartGroup<'_>> = BTreeMap::new();
    for (at, Member { archive, found, group, origin, .. }) in members.iter().enumerate() {
        let group = groups.entry(group).or_default();
        group.origin = group.origin.or(origins.get(at).map(String::as_str));
        group.numbers.extend(&found.numbers);
        group.names.extend(found.names.iter().map(String::as_str));
        group.absent.extend(found.absent.iter().map(String::as_str));
        if let Some((prefix, number)) = names::part(own_name(archive.label())) {
            group.prefix = Some(prefix);
            group.parts.insert(number);
        }
        group.is_inside |= *origin == Packing::Container;
    }
    let mut broken_parts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (prefix, number) in broken.filter_map(|label| names::part(own_name(label))) {
        broken_parts.entry(prefix).or_default().push(number);
    }
    let mut problems = Vec::new();
    for group in groups.values_mut() {
        group.parts.extend(group.prefix.and_then(|prefix| broken_parts.get(prefix)).into_iter().flatten());
        let mut named = HashSet::new();
        let mut note = |name: &str, reason: &str| {
            if named.insert(name.to_owned()) {
                problems.push(Problem::new(within(group.origin, name), reason));
            }
        };
        for &name in group.absent.iter().filter(|name| !group.names.contains(**name)) {
            note(name, "listed in the export's manifest, but not there; its conversations are missing");
        }
        // Exports count from 000; tools that drop the zeros count from 1.
        let from_one = group.names.iter().any(|name| name.ends_with("conversations-1.json"));
        for (first, last) in gaps(&group.numbers, u64::from(from_one)) {
            let name = if first == last {
                format!("conversations-{first:03}.json")
            } else {
                format!("conversations-{first:03}.json to conversations-{last:03}.json")
            };
            note(&name, "missing between the numbered conversation files");
        }
        let export = names::of_parts(group.prefix.unwrap_or_default());
        for (first, last) in gaps(&group.parts, 1) {
            let (missing, them) = if first == last {
                (format!("part {first} is missing"), "it")
            } else {
                (format!("parts {first} to {last} are missing"), "them")
            };
            let advice =
                if group.is_inside { String::new() } else { format!("; put {them} beside the others") };
            problems.push(Problem::new(within(group.origin, export), format!("{missing}{advice}")));
        }
    }
    problems
}

/// The first and last of each run of numbers that a list lacks that should begin with `first`: a hostile number must not
/// produce a long list.
fn gaps(numbers: &BTreeSet<u64>, first: u64) -> impl Iterator<Item = (u64, u64)> {
    let ends = numbers.iter().map(|number| number.saturating_add(1));
    std::iter::once(first).chain(ends).zip(numbers).filter_map(|(expected, &number)| {
        number.checked_sub(1).filter(|last| *last >= expected).map(|last| (expected, last))
    })
}
