//! The outcome of a pass: what all threads found, put together in order.

use super::split::Vendor;
use super::{Measured, Pass, PassFindings, PassOutcome, ShardEnd};
use crate::bytes::Positions;
use crate::catalog::{Condition, EntryRef, Head, Problem};
use crate::error::{Error, ErrorKind, Result};
use crate::format::{Detected, Format};
use crate::text::{grouped, printable};
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// Most conversations that are in the export more than once and are named; the others are counted.
const MOST_REPEATED: u64 = 1000;

impl Pass<'_> {
    /// Joins the results of all shards: the newest version of each conversation, in archive order.
    pub(super) fn put_together(&self, found: PassFindings, ends: Vec<ShardEnd>) -> Result<PassOutcome> {
        let PassFindings { mut conversations, mut junk } = found;
        let name = printable(&self.export.name);
        self.check_elements().map_err(|error| error.within(name))?;
        if self.have_failed(&ends, conversations.is_empty()) {
            let failure = ends.into_iter().find_map(|end| end.failure);
            return Err(failure.unwrap_or_else(|| self.nothing_found(None, None, &[])));
        }
        conversations.sort_by_cached_key(|found| (found.shard, found.head.location.start));
        let is_provisional = self.is_starved.load(Ordering::Relaxed)
            || ends.iter().any(|end| end.failed_otherwise_than(&[ErrorKind::Damaged]));
        let is_lost = ends.iter().any(|end| end.is_lost);
        let read = doubt_if_failed(&mut conversations, &ends);
        let mut told = ShardReports::default();
        for (at, (end, shard)) in ends.into_iter().zip(&self.export.shards).enumerate() {
            let subject = printable(&self.export.subject(shard.entry)).to_string();
            let read = read.get(&at).copied().unwrap_or_default();
            told.add(end, junk.remove(&at), shard.entry, &subject, read);
        }
        let elements = (told.has_junk && told.damage.is_empty()).then(|| told.something_else());
        let ShardReports { damage, mut problems, formats, foreign, .. } = told;
        problems.splice(0..0, damage);
        if formats.is_empty() {
            if let Some(problem) = problems.first().filter(|_| is_lost) {
                let reason = format!("{}: {}", problem.subject, problem.reason);
                return Err(Error::new(ErrorKind::Unexpected, reason).within(name));
            }
            return Err(self.nothing_found(foreign, elements, &problems));
        }
        let mut bugs = Vec::new();
        for found in &mut conversations {
            let is_bug = found.head.condition == Condition::Bug;
            if is_bug { &mut bugs } else { &mut problems }.append(&mut found.problems);
        }
        // The first problem is what every command prints.
        problems.splice(0..0, bugs);
        let heads = newest(conversations, &mut problems);
        Ok(PassOutcome { heads, problems, formats, is_provisional })
    }

    /// True if nothing of the export can be shown, because none of its main shards could be read properly.
    fn have_failed(&self, ends: &[ShardEnd], found_nothing: bool) -> bool {
        // Damaged files are shown up to the damage, and others up to a bug of ours.
        let fatal = |end: &ShardEnd| end.failed_otherwise_than(&[ErrorKind::Damaged, ErrorKind::Unexpected]);
        let main = || ends.iter().zip(&self.export.shards).filter(|(_, shard)| !shard.is_side);
        main().next().is_some()
            && main().all(|(end, _)| end.failure.is_some())
            && (found_nothing || main().all(|(end, _)| fatal(end)))
    }

    /// Explains why there are no conversations. `elements` says what there is instead, if there is nothing else.
    fn nothing_found(
        &self,
        foreign: Option<Detected>,
        elements: Option<String>,
        problems: &[Problem],
    ) -> Error {
        let reason = match (foreign, elements, problems.first()) {
            (Some(foreign), ..) => format!("this looks like {foreign}"),
            (None, Some(elements), _) => format!("this looks like {elements}"),
            (None, None, Some(problem)) if problem.subject == self.export.name => {
                printable(&problem.reason).to_string()
            }
            (None, None, Some(problem)) => {
                format!("{}: {}", printable(&problem.subject), printable(&problem.reason))
            }
            (None, None, None) => "the list of conversations is empty".to_owned(),
        };
        let name = printable(&self.export.name);
        Error::new(ErrorKind::NotAnExport, format!("{name}: no conversations found: {reason}"))
    }
}

impl ShardEnd {
    fn failed_otherwise_than(&self, kinds: &[ErrorKind]) -> bool {
        self.failure.as_ref().is_some_and(|failure| !kinds.contains(&failure.kind()))
    }
}

/// Marks the conversations that are shown of shards that couldn't be read properly as unverified. Returns the number of
/// conversations of each shard.
fn doubt_if_failed(conversations: &mut [Measured], ends: &[ShardEnd]) -> HashMap<usize, u64> {
    let mut read: HashMap<usize, u64> = HashMap::new();
    for found in conversations {
        let has_failed = ends.get(found.shard).is_some_and(|end| end.failure.is_some());
        if has_failed && matches!(found.head.condition, Condition::Sound | Condition::Damaged) {
            found.head.condition = Condition::Unverified;
        }
        let count = read.entry(found.shard).or_default();
        *count = count.saturating_add(1);
    }
    read
}

/// What the shards told besides their conversations.
#[derive(Default)]
struct ShardReports {
    /// Problems of whole files.
    damage: Vec<Problem>,
    problems: Vec<Problem>,
    formats: HashMap<EntryRef, &'static dyn Format>,
    /// The first vendor whose conversations can't be read.
    foreign: Option<Detected>,
    /// True if there are elements that are not conversations.
    has_junk: bool,
    /// The first problem within a shard.
    trouble: Option<Problem>,
}

impl ShardReports {
    /// Adds how the shard `entry` ended after `read` conversations. `junk` counts elements that are not
    /// conversations, with the offset of the first.
    fn add(&mut self, end: ShardEnd, junk: Option<(u64, u64)>, entry: EntryRef, subject: &str, read: u64) {
        self.damage.extend(end.failure.map(|failure| Problem::new(subject, damaged(&failure, read))));
        match end.vendor {
            Some(Vendor::Known(format)) => drop(self.formats.insert(entry, format)),
            Some(Vendor::Foreign(vendor, count)) => {
                self.foreign.get_or_insert(vendor);
                let reason = format!(
                    "this looks like {vendor}, which gptfs can't read; {} not shown",
                    counted(count, "conversation is", "conversations are")
                );
                self.damage.push(Problem::new(subject, reason));
            }
            None => {}
        }
        let junk = [junk, end.junk].into_iter().flatten();
        if let Some((count, first)) = junk.reduce(|a, b| (a.0.saturating_add(b.0), a.1.min(b.1))) {
            self.has_junk = true;
            let what = counted(count, "element is not a conversation", "elements are not conversations");
            let reason = format!("{what} (the first at byte {first}); not shown");
            self.problems.push(Problem::new(subject, reason));
        }
        self.trouble = self.trouble.take().or_else(|| end.problems.first().cloned());
        self.problems.extend(end.problems);
    }

    /// What files with other elements than conversations look like, and what is wrong around them.
    fn something_else(&self) -> String {
        let damage = self.trouble.as_ref();
        let damage = damage.map(|problem| format!(", and it is damaged: {}", printable(&problem.reason)));
        format!("{}{}", Detected::NotAConversation, damage.unwrap_or_default())
    }
}

/// The problem of a shard that couldn't be read properly.
fn damaged(failure: &Error, read: u64) -> String {
    let reason = failure.reason();
    let conversations = counted(read, "conversation", "conversations");
    match failure.kind() {
        ErrorKind::Unexpected => format!("not read to its end because of {reason}"),
        ErrorKind::Damaged => format!(
            "damaged ({reason}): {conversations} read, text may be wrong or missing; download the export again if you can"
        ),
        _ if read == 0 => format!("not read ({reason}); its conversations are missing"),
        _ => format!("not read to its end ({reason}): {conversations} read, others may be missing"),
    }
}

/// A count with the word for it.
fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", grouped(count), if count == 1 { one } else { many })
}

/// The newest version of each conversation: the greater `updated` wins, then more nodes, then the later one. Keeps the
/// order of the survivors, and all conversations without an id.
fn newest(mut found: Vec<Measured>, problems: &mut Vec<Problem>) -> Vec<Head> {
    let mut best = Positions::default();
    let mut is_older = vec![false; found.len()];
    let mut repeated = 0_u64;
    for (at, newer) in found.iter().enumerate() {
        let id = &*newer.head.id;
        if id.is_empty() {
            continue;
        }
        let id_of = |at: usize| found.get(at).map(|found| &*found.head.id);
        let Some(rival_at) = best.add(at, &id, id_of) else { continue };
        let Some(rival) = found.get(rival_at) else { continue };
        // Exports of one account overlap; within one archive, an id should be unique.
        let is_repeated = rival.archive() == newer.archive();
        repeated = repeated.saturating_add(u64::from(is_repeated));
        if is_repeated && repeated <= MOST_REPEATED {
            let reason = "is in the export more than once: its newest version is shown";
            problems.push(Problem::new(format!("conversation {id}"), reason).hiding_nothing());
        }
        let loser = if rival.rank() > newer.rank() {
            at
        } else {
            best.replace(at, &id, id_of);
            rival_at
        };
        if let Some(is_older) = is_older.get_mut(loser) {
            *is_older = true;
        }
    }
    if let Some(more) = repeated.checked_sub(MOST_REPEATED).filter(|more| *more > 0) {
        let what = counted(more, "more conversation is", "more conversations are");
        problems.push(Problem::new("export", format!("{what} in it more than once")).hiding_nothing());
    }
    let mut is_older = is_older.into_iter();
    found.retain(|_| !is_older.next().unwrap_or_default());
    let mut heads: Vec<_> = found.into_iter().map(|found| found.head).collect();
    // They are collected in place, where there was room for more of each.
    heads.shrink_to_fit();
    heads
}
