//! What the exports are called, where several are shown as one.

use super::{Member, names};
use std::collections::{BTreeSet, HashMap};

/// For each of `members` the name of its export: that of its file or folder, with as many of the folders around it as
/// it takes to tell it from the others. Empty unless there are several exports.
pub(super) fn names(members: &[Member]) -> Vec<String> {
    let full = members.iter().filter(|member| member.found.has_conversations());
    if full.map(|member| &*member.export).collect::<BTreeSet<_>>().len() < 2 {
        return Vec::new();
    }
    let exports: BTreeSet<_> = members.iter().map(|member| &*member.export).collect();
    let mut named: HashMap<&str, &str> = HashMap::new();
    let (mut unnamed, mut components): (Vec<&str>, usize) = (exports.into_iter().collect(), 0);
    while !unnamed.is_empty() {
        components = components.saturating_add(1);
        let mut uses: HashMap<&str, usize> = HashMap::new();
        for export in &unnamed {
            *uses.entry(names::last(export, components)).or_default() += 1;
        }
        unnamed.retain(|export| {
            let name = names::last(export, components);
            let is_done = uses.get(name) == Some(&1) || name.len() == export.len();
            if is_done {
                named.insert(export, name);
            }
            !is_done
        });
    }
    let name = |member: &Member| named.get(&*member.export).copied().unwrap_or(&member.export).to_owned();
    members.iter().map(name).collect()
}
