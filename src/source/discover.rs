//! Finds the conversations in one archive: its roots, their shards, and the files next to them.

use super::names::{self, Side};
use super::reason;
use crate::archive::{Archive, EntryKind};
use crate::bytes::without_byte_order_mark;
use crate::catalog::Problem;
use crate::error::{Error, ErrorKind, Result};
use crate::text::{grouped, printable};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The contents of an archive. Entries are given by index.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    /// Entries with conversations, in order.
    pub(super) shards: Vec<u32>,
    /// The numbers of the numbered ones.
    pub(super) numbers: Vec<u64>,
    /// True if a manifest lists them.
    pub(super) manifest: bool,
    /// Base names of conversation files that the manifest lists but this archive doesn't have.
    pub(super) absent: Vec<String>,
    /// Base names of all conversation files.
    pub(super) names: HashSet<String>,
    /// The shallowest `chat.html`.
    pub(super) viewer: Option<u32>,
    /// True if there is a `group_chats.json`, the last place with conversations if there are no others.
    pub(super) groups: bool,
    /// Files next to the conversations, with their roles.
    pub(super) side: Vec<(Side, u32)>,
    /// All other files.
    pub(super) files: Vec<u32>,
    pub(super) problems: Vec<Problem>,
}

impl Discovery {
    /// True if there are conversations of any kind.
    pub(super) fn has_conversations(&self) -> bool {
        self.groups || !self.shards.is_empty() || self.viewer.is_some()
    }
}

/// Most entries that can't be used and are named; the others are counted.
const MOST_ODD: usize = 1000;

/// Maximum size of a manifest.
const MAX_MANIFEST_BYTES: u64 = 16 << 20;

#[derive(Deserialize)]
struct Manifest {
    logical_files: BTreeMap<String, LogicalFile>,
}

#[derive(Deserialize)]
struct LogicalFile {
    #[serde(default)]
    files: Vec<String>,
}

/// The first entry with each name that may be that of conversations, and the number of entries that share it.
type ByName<'a> = HashMap<&'a str, (u32, u32)>;

/// A directory that may be a root.
#[derive(Debug, Default)]
struct RootCandidate {
    conversations: Vec<u32>,
    /// The conversation files in its manifest, if it has one.
    listed: Option<Vec<String>>,
}

/// Examines the names in `archive`, and its manifests.
///
/// # Errors
/// `Damaged` if a required entry can't be read or shares its name with another.
pub(super) fn discover(archive: &Archive) -> Result<Discovery> {
    let mut found = Discovery::default();
    let usable = usable_entries(archive, &mut found.problems);
    let roots = roots(archive, &usable, &mut found.problems);
    let by_name = by_name(archive, &usable, &roots);
    let mut taken = HashSet::new();
    for (directory, candidate) in &roots {
        for &shard in &order(archive, directory, candidate, &by_name, &mut found) {
            if taken.insert(shard) {
                needed(archive, shard, &by_name)?;
                let contradiction = archive.contradiction(shard);
                found.problems.extend(contradiction.map(|reason| Problem::new(name(archive, shard), reason)));
                found.shards.push(shard);
            }
        }
    }
    for &shard in &found.shards {
        let base = names::base(name(archive, shard));
        found.numbers.extend(names::shard_number(base));
        found.names.insert(base.to_owned());
    }
    found.viewer = usable
        .iter()
        .copied()
        .filter(|&entry| {
            let (directory, base) = names::split(name(archive, entry));
            base == "chat.html" && !names::is_foreign(directory)
        })
        .min_by_key(|&entry| names::depth(name(archive, entry)));
    for entry in usable {
        let (directory, base) = names::split(name(archive, entry));
        let at_root = roots.contains_key(directory)
            || directory.strip_suffix("tmp/").is_some_and(|parent| roots.contains_key(parent));
        if let Some(what) = reason::other_assistant(base).filter(|_| at_root && !taken.contains(&entry)) {
            let reason = format!("this looks like {what}, which gptfs can't read; not shown");
            found.problems.push(Problem::new(name(archive, entry), reason));
        }
        // A part without conversations has its files at the top, or in one folder.
        let at_top = roots.is_empty() && names::depth(directory) <= 1;
        let at_top = at_top && !names::is_foreign(directory);
        match names::side(base).filter(|_| at_root || at_top || found.viewer == Some(entry)) {
            _ if taken.contains(&entry) => {}
            Some(side) => {
                found.groups |= side == Side::Groups;
                found.side.push((side, entry));
            }
            None if base == "export_manifest.json" => found.side.push((Side::Other, entry)),
            None => found.files.push(entry),
        }
    }
    Ok(found)
}

fn by_name<'a>(archive: &'a Archive, usable: &[u32], roots: &BTreeMap<String, RootCandidate>) -> ByName<'a> {
    let listed = |(directory, candidate): (&String, &RootCandidate)| {
        let paths = candidate.listed.iter().flatten();
        paths.map(|path| format!("{directory}{path}")).collect::<Vec<_>>()
    };
    let listed: HashSet<String> = roots.iter().flat_map(listed).collect();
    let mut by_name: ByName<'_> = HashMap::new();
    for &entry in usable {
        let name = name(archive, entry);
        if names::is_conversations(names::base(name)) || listed.contains(name) {
            let (_, count) = by_name.entry(name).or_insert((entry, 0));
            *count = u32::saturating_add(*count, 1);
        }
    }
    by_name
}

/// Files that are not junk and whose names don't escape the archive.
fn usable_entries(archive: &Archive, problems: &mut Vec<Problem>) -> Vec<u32> {
    let (mut usable, mut odd) = (Vec::new(), 0_usize);
    for (at, entry) in (0..).zip(archive.entries().iter()) {
        if entry.kind == EntryKind::Directory || names::is_junk(entry.name) {
            continue;
        }
        let reason = if entry.kind == EntryKind::Symlink {
            "a symbolic link; not followed"
        } else if names::escapes(entry.name) {
            "asset name escapes the archive"
        } else {
            usable.push(at);
            continue;
        };
        odd = odd.saturating_add(1);
        if odd <= MOST_ODD {
            problems.push(Problem::new(entry.name, reason));
        }
    }
    if let Some(more) = odd.checked_sub(MOST_ODD).filter(|more| *more > 0) {
        let reason = format!("{} more entries are links or have names that escape it", grouped(more as u64));
        problems.push(Problem::new(archive.label(), reason));
    }
    usable
}

/// The shallowest directories with conversations, or with a manifest that lists them, by name; if there are none, those
/// with group chats.
fn roots(archive: &Archive, usable: &[u32], problems: &mut Vec<Problem>) -> BTreeMap<String, RootCandidate> {
    let mut candidates: BTreeMap<String, RootCandidate> = BTreeMap::new();
    let (mut manifests, mut with_groups) = (Vec::new(), Vec::new());
    for &entry in usable {
        let (directory, base) = names::split(name(archive, entry));
        if names::is_foreign(directory) {
            continue;
        }
        if names::is_conversations(base) {
            candidates.entry(directory.to_owned()).or_default().conversations.push(entry);
        } else if base == "export_manifest.json" {
            manifests.push((names::depth(directory), entry));
        } else if names::side(base) == Some(Side::Groups) {
            with_groups.push(directory);
        }
    }
    let shallowest = |candidates: &BTreeMap<String, RootCandidate>| {
        candidates.keys().map(|directory| names::depth(directory)).min().unwrap_or(usize::MAX)
    };
    manifests.sort_unstable();
    for (depth, entry) in manifests {
        if depth > shallowest(&candidates) {
            break;
        }
        let directory = names::split(name(archive, entry)).0;
        match listed(archive, entry) {
            Ok(listed) => candidates.entry(directory.to_owned()).or_default().listed = Some(listed),
            Err(_) if !candidates.contains_key(directory) => {}
            Err(reason) => problems.push(Problem::new(name(archive, entry), reason)),
        }
    }
    if candidates.is_empty() {
        candidates.extend(
            with_groups.into_iter().map(|directory| (directory.to_owned(), RootCandidate::default())),
        );
    }
    let depth = shallowest(&candidates);
    candidates.retain(|directory, _| names::depth(directory) == depth);
    candidates
}

/// The conversation files listed in a manifest.
fn listed(archive: &Archive, entry: u32) -> Result<Vec<String>, String> {
    let size = archive.entries().get(entry as usize).map_or(0, |entry| entry.size);
    if size > MAX_MANIFEST_BYTES {
        return Err("too large for a manifest; ignored".to_owned());
    }
    let mut text = Vec::new();
    archive.read_range(entry, 0, size, &mut text).map_err(|error| format!("ignored: {error}"))?;
    let json = without_byte_order_mark(&text);
    let manifest: Manifest =
        serde_json::from_slice(json).map_err(|error| format!("not a manifest; ignored: {error}"))?;
    Ok(manifest
        .logical_files
        .into_iter()
        .find(|(name, _)| name == "conversations.json")
        .map_or_else(Vec::new, |(_, file)| file.files))
}

/// The entries of a root that hold conversations: in manifest order, then the numbered ones it doesn't list, then
/// the single file.
fn order(
    archive: &Archive,
    directory: &str,
    candidate: &RootCandidate,
    by_name: &ByName<'_>,
    found: &mut Discovery,
) -> Vec<u32> {
    let mut shards = Vec::new();
    if let Some(listed) = &candidate.listed {
        found.manifest |= !listed.is_empty();
        for path in listed.iter().filter(|path| names::has_extension(path, "json")) {
            match by_name.get(format!("{directory}{path}").as_str()) {
                Some(&(entry, _)) => shards.push(entry),
                None => found.absent.push(names::base(path).to_owned()),
            }
        }
    }
    let mut rest = candidate.conversations.clone();
    rest.sort_by_key(|&entry| names::shard_number(names::base(name(archive, entry))).unwrap_or(u64::MAX));
    shards.extend(rest);
    shards
}

/// Fails if an entry with conversations can't be read, or shares its name with another: a different reader might
/// see a different archive.
fn needed(archive: &Archive, entry: u32, by_name: &ByName<'_>) -> Result<()> {
    archive.check_readable(entry)?;
    let wanted = name(archive, entry);
    if by_name.get(wanted).is_some_and(|(_, count)| *count > 1) {
        let reason = format!("{}: two entries named {}", printable(archive.label()), printable(wanted));
        return Err(Error::new(ErrorKind::Damaged, reason));
    }
    Ok(())
}

pub(super) fn name(archive: &Archive, entry: u32) -> &str {
    archive.entries().get(entry as usize).map_or("", |entry| entry.name)
}
