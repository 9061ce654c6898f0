//! Files that only the library links: pictures, documents and reports that the assistant made, put into the
//! conversation they belong to.
//!
//! Exports of late 2026 have no pointers in answers. What was made is in the library, with the message it came from
//! or, where that is not exported, the conversation and a time.

use super::Assets;
use super::library::{Artifact, LibraryRecord};
use crate::catalog::EntryRef;
use crate::conversation::assistant::Assistant;
use crate::conversation::files::{self, AssetIndex};
use crate::conversation::tree::NodeId;
use crate::conversation::{Conversation, FileRef, Message, Part, Role, Visibility, thread};
use crate::format::FORMATS;
use crate::sync::lock;
use crate::time::Timestamp;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Maximum size of a report.
const REPORT_BYTES: u64 = 16 << 20;

/// Where the parts of a file go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    /// Before the other parts of this message.
    Before(NodeId),
    /// After the other parts of this message.
    After(NodeId),
    /// In an answer of its own after this node.
    Answer(NodeId),
}

impl Assets {
    /// Adds the files of the library that belong to `conversation` and that no message points to.
    pub(crate) fn attach(&self, conversation: &mut Conversation<'_>) {
        let records = self.made_for(conversation);
        if records.is_empty() {
            return;
        }
        let shown = self.shown_entries(conversation);
        let placement = Placement::of(conversation);
        let mut added: BTreeMap<Slot, Vec<Part<'static>>> = BTreeMap::new();
        let mut placed = HashSet::new();
        for record in records {
            let Some(candidate) = self.of_record(record).and_then(|at| self.candidates.get(at)) else {
                continue;
            };
            if shown.contains(&candidate.entry) || !placed.insert(candidate.entry) {
                continue;
            }
            let parts = if record.artifact == Artifact::Report {
                self.report(candidate.entry, candidate.bytes)
            } else {
                vec![part(record, conversation.assistant)]
            };
            if let Some(slot) = placement.slot(conversation, record).filter(|_| !parts.is_empty()) {
                added.entry(slot).or_default().extend(parts);
            }
        }
        for (slot, parts) in added {
            insert(conversation, &placement, slot, parts);
        }
    }

    /// The records of what was made in `conversation`, by time.
    fn made_for(&self, conversation: &Conversation<'_>) -> Vec<&LibraryRecord> {
        let mut found: Vec<usize> = self.library.made_in(&conversation.id).to_vec();
        if self.library.has_made_by_message() {
            let messages = conversation.tree.ids().filter_map(|id| conversation.tree.message(id));
            found.extend(messages.flat_map(|message| self.library.made_by(&message.id)));
        }
        found.sort_unstable();
        found.dedup();
        // A copied chat has the message ids of its original, which the files belong to.
        let is_of_original =
            |record: &&LibraryRecord| record.conversation.as_deref().is_some_and(|id| id != conversation.id);
        let records = found.into_iter().filter_map(|at| self.library.get(at));
        let mut records: Vec<_> = records.filter(|record| !is_of_original(record)).collect();
        records.sort_by_key(|record| record.created);
        records
    }

    /// The entries that messages point to.
    fn shown_entries(&self, conversation: &Conversation<'_>) -> HashSet<EntryRef> {
        let mut shown = HashSet::new();
        for message in conversation.tree.ids().filter_map(|id| conversation.tree.message(id)) {
            files::each_of(message, conversation.assistant, |file| {
                if !file.id.is_empty() {
                    let found = self.resolve(file, &conversation.id, &message.id, message.created);
                    shown.extend(found.map(|found| found.entry));
                }
            });
        }
        shown
    }

    /// The parts of the report in `entry`; none if there is no report.
    fn report(&self, entry: EntryRef, bytes: u64) -> Vec<Part<'static>> {
        if bytes > REPORT_BYTES {
            return Vec::new();
        }
        let size = usize::try_from(bytes).unwrap_or_default();
        let json = self.candidates.read(entry, size).unwrap_or_default();
        let parts = FORMATS.iter().map(|format| format.report(&json)).find(|parts| !parts.is_empty());
        let parts = parts.unwrap_or_default();
        if !parts.is_empty() {
            lock(&self.reports).insert(entry);
        }
        parts
    }
}

/// A file of the library as a part of a conversation with `assistant`.
fn part(record: &LibraryRecord, assistant: &dyn Assistant) -> Part<'static> {
    let owned = |text: &String| Cow::Owned(text.clone());
    let file = FileRef {
        id: record.file_id.as_ref().or(record.id.as_ref()).map(owned).unwrap_or_default(),
        name: record.name.as_deref().map(|name| Cow::Owned(assistant.plain_name(name).into_owned())),
        mime: record.mime.as_ref().map(owned),
        bytes: record.bytes,
        kind: record.kind,
    };
    file.into()
}

/// The messages among which files find their slot.
struct Placement {
    by_id: HashMap<String, NodeId>,
    /// The shown messages of the visible thread, and their positions.
    thread: Vec<NodeId>,
    positions: HashMap<NodeId, usize>,
    /// The times of these messages, ascending, each with the last position of a time up to it.
    times: Vec<(Timestamp, usize)>,
    /// What follows a message on the visible thread, shown or not.
    next: HashMap<NodeId, NodeId>,
}

impl Placement {
    fn of(conversation: &Conversation<'_>) -> Self {
        let tree = &conversation.tree;
        let is_shown =
            |id: &NodeId| tree.message(*id).is_some_and(|message| message.visibility == Visibility::Shown);
        let by_id = tree.ids().filter_map(|id| Some((tree.message(id)?.id.to_string(), id)));
        let visible = thread::visible(tree, conversation.current);
        let next = visible.iter().copied().zip(visible.iter().copied().skip(1)).collect();
        let thread: Vec<_> = visible.into_iter().filter(is_shown).collect();
        let positions = thread.iter().copied().zip(0..).collect();
        let times = thread.iter().zip(0..).filter_map(|(&id, at)| Some((tree.message(id)?.created?, at)));
        let mut times: Vec<_> = times.collect();
        times.sort_unstable();
        let mut latest = 0;
        for (_, at) in &mut times {
            latest = latest.max(*at);
            *at = latest;
        }
        Self { by_id: by_id.collect(), thread, positions, times, next }
    }

    /// Where the file of `record` goes: after the message it came from; else by its time on the visible thread.
    fn slot(&self, conversation: &Conversation<'_>, record: &LibraryRecord) -> Option<Slot> {
        let is_user =
            |id: NodeId| conversation.tree.message(id).is_some_and(|message| message.role == Role::User);
        let origin = record.message.as_ref().and_then(|id| self.by_id.get(id)).copied();
        let at = match origin {
            Some(origin) if !is_user(origin) => return Some(Slot::After(origin)),
            Some(question) => match self.positions.get(&question) {
                Some(&at) => at,
                None => return Some(Slot::After(question)),
            },
            None => self.position(record)?,
        };
        let before = *self.thread.get(at)?;
        if !is_user(before) {
            return Some(Slot::After(before));
        }
        Some(match self.thread.get(at + 1) {
            Some(&next) if !is_user(next) => Slot::Before(next),
            _ => Slot::Answer(before),
        })
    }

    /// The position on the thread of the last message that is not younger than the file; the last one if the file has no
    /// time, and the first one if all are younger.
    fn position(&self, record: &LibraryRecord) -> Option<usize> {
        let last = self.thread.len().checked_sub(1)?;
        let Some(created) = record.created else { return Some(last) };
        let before = self.times.partition_point(|&(time, _)| time <= created).checked_sub(1);
        Some(before.and_then(|before| self.times.get(before)).map_or(0, |&(_, at)| at))
    }
}

/// Puts a message between `id` and `next`, which follows it on the visible thread.
fn insert_after<'a>(
    conversation: &mut Conversation<'a>,
    id: NodeId,
    next: Option<NodeId>,
    message: Message<'a>,
) {
    let new = conversation.tree.push(id, message);
    match next {
        Some(next) => conversation.tree.move_below(next, new),
        None if conversation.current.is_some() => conversation.current = Some(new),
        None => {}
    }
}

fn insert(
    conversation: &mut Conversation<'_>,
    placement: &Placement,
    slot: Slot,
    mut parts: Vec<Part<'static>>,
) {
    let (id, at_front) = match slot {
        Slot::Before(id) => (id, true),
        Slot::After(id) => (id, false),
        Slot::Answer(id) => {
            let created = conversation.tree.message(id).and_then(|message| message.created);
            let answer = Message { created, ..Message::new(Role::Assistant, parts) };
            return insert_after(conversation, id, placement.next.get(&id).copied(), answer);
        }
    };
    let Some(message) = conversation.tree.message_mut(id) else { return };
    if message.visibility == Visibility::Hidden {
        // What was hidden stays so.
        message.visibility = Visibility::Shown;
        message.parts.clear();
    }
    let at = if at_front { 0 } else { message.parts.len() };
    message.parts.splice(at..at, parts.drain(..));
}
