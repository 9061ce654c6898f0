//! The paths through a message tree: the thread that its user saw, and the other branches.
//!
//! # Lines
//!
//! The whole forest, under one imagined root that joins all roots, is cut into *lines* that do not depend on which
//! message the user saw last. A line goes on with the first child of each of its nodes, and every other child
//! begins a line of its own. Children are ordered by *effective time* (their own, else that of their nearest
//! ancestor that has one), then by id, then by place in the export. The line from the imagined root has number 1; the
//! others are numbered 2, 3, … by effective time and id of the node that begins them.
//!
//! The visible thread enters each line at its beginning, so it covers a prefix of every line that it passes. What is
//! left of a line is contiguous, and is a branch if it holds a message to show; it keeps the line's number. So
//!
//! * every shown message is in exactly one place: on the visible thread or on one branch;
//! * a newer export that only adds messages, which are younger than all before, only makes lines longer or adds
//!   lines with higher numbers: no number changes its meaning;
//! * going back to another branch in the vendor's client moves `current` and renumbers nothing;
//! * numbers may have gaps: lines that are entirely on the visible thread, or that show nothing.

use super::tree::{MessageTree, NodeId};
use super::{Conversation, Message, Role, Visibility};
use crate::time::Timestamp;

/// A line of messages from a fork to its end that is not on the visible thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// Its number: stays the same when a newer export only adds messages.
    pub number: u32,
    /// The node before the fork: the last one that this branch shares with another line; `None` if the branch
    /// begins at a root of its own.
    pub fork: Option<NodeId>,
    /// Its own nodes, from the fork on. At least one of them holds a shown message.
    pub nodes: Vec<NodeId>,
}

/// All lines of a conversation that show something. Every shown message is on exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    /// The visible thread, from the root to the current node.
    pub visible: Vec<NodeId>,
    /// The other branches that hold a shown message, ascending by number.
    pub branches: Vec<Branch>,
}

impl Threads {
    /// The lines of `conversation`. Linear in its nodes, except for sorting the children of each fork.
    pub fn of(conversation: &Conversation<'_>) -> Self {
        let tree = &conversation.tree;
        let mut visible = walk(tree, conversation.current);
        // Most conversations never fork: then nothing is left to be put in order.
        if visible.len() == tree.len() {
            return Self { visible, branches: Vec::new() };
        }
        let order = Order::of(tree);
        if let Some(end) = order.other_end(tree, conversation.current, &visible) {
            visible = walk(tree, Some(end));
        }
        let branches = order.branches(tree, &visible);
        Self { visible, branches }
    }
}

/// The visible thread of `tree` from its root to `current`. Where the export names no such node, or nothing on the way
/// to it is shown, it ends at the newest shown message without a shown successor; on a tie, the later one in the export.
pub(crate) fn visible(tree: &MessageTree<'_>, current: Option<NodeId>) -> Vec<NodeId> {
    let thread = walk(tree, current);
    if thread.len() == tree.len() || thread.iter().any(|&id| shown(tree, id)) {
        return thread;
    }
    match Order::of(tree).other_end(tree, current, &thread) {
        Some(end) => walk(tree, Some(end)),
        None => thread,
    }
}

/// For each node its effective time and the number of nodes that lead to it: nodes in this order are in the order in
/// which they were written, as far as that is known. Linear, except for sorting the children of each fork.
pub(super) fn ages(tree: &MessageTree<'_>) -> Vec<(Option<Timestamp>, u32)> {
    let order = Order::of(tree);
    let mut ages: Vec<_> = order.times.iter().map(|&time| (time, 0_u32)).collect();
    for &id in &order.downwards {
        let above = tree.parent(id).and_then(|parent| ages.get(parent.0 as usize)).map(|&(_, depth)| depth);
        if let (Some(age), Some(above)) = (ages.get_mut(id.0 as usize), above) {
            age.1 = above.saturating_add(1);
        }
    }
    ages
}

/// Where turns begin on a line. A turn is what has one heading: a shown message of a user, or all others up to the user's
/// next one. Two messages of a user in a row are two turns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    /// The last shown message was not a user's.
    answering: bool,
}

impl Turns {
    /// Goes on to the next shown message of the line; true if a turn begins with it.
    pub(crate) fn begins(&mut self, message: &Message<'_>) -> bool {
        let answers = message.role != Role::User;
        let goes_on = std::mem::replace(&mut self.answering, answers) && answers;
        !goes_on
    }
}

/// True if the node holds a message that is shown.
fn shown(tree: &MessageTree<'_>, id: NodeId) -> bool {
    tree.message(id).is_some_and(|message| message.visibility == Visibility::Shown)
}

/// The nodes from the root down to `end`.
fn walk(tree: &MessageTree<'_>, end: Option<NodeId>) -> Vec<NodeId> {
    let end = end.filter(|&id| tree.contains(id));
    // Most threads are nearly all of their tree.
    let mut nodes = Vec::with_capacity(if end.is_some() { tree.len() } else { 0 });
    nodes.extend(std::iter::successors(end, |&id| tree.parent(id)));
    nodes.reverse();
    nodes
}

/// A value of `values` for a node; the default for a node that is not in the tree, which does not occur.
fn of<T: Copy + Default>(values: &[T], id: NodeId) -> T {
    values.get(id.0 as usize).copied().unwrap_or_default()
}

/// Sets the value of `values` for a node.
fn set<T>(values: &mut [T], id: NodeId, value: T) {
    if let Some(place) = values.get_mut(id.0 as usize) {
        *place = value;
    }
}

/// The children of every node in order, and what follows from their order.
struct Order {
    /// All nodes, grouped by parent, each group in order. The roots come last.
    children: Vec<NodeId>,
    /// Where in `children` the group of each node begins; one more for the roots, and one for the end.
    begins: Vec<u32>,
    /// All nodes, parents before children.
    downwards: Vec<NodeId>,
    /// The effective time of each node.
    times: Vec<Option<Timestamp>>,
}

impl Order {
    fn of(tree: &MessageTree<'_>) -> Self {
        let (children, begins) = grouped(tree);
        let mut order = Self {
            children,
            begins,
            downwards: Vec::with_capacity(tree.len()),
            times: vec![None; tree.len()],
        };
        order.walk_down(tree);
        order.sort(tree);
        order
    }

    /// Fills `downwards` and `times`.
    fn walk_down(&mut self, tree: &MessageTree<'_>) {
        let roots = self.range(tree.len());
        self.downwards.extend_from_slice(self.children.get(roots).unwrap_or_default());
        let mut next = 0;
        while let Some(&id) = self.downwards.get(next) {
            next += 1;
            let own = tree.message(id).and_then(|message| message.created);
            let time = own.or_else(|| of(&self.times, tree.parent(id)?));
            set(&mut self.times, id, time);
            let range = self.range(id.0 as usize);
            self.downwards.extend_from_slice(self.children.get(range).unwrap_or_default());
        }
    }

    fn sort(&mut self, tree: &MessageTree<'_>) {
        for group in 0..=tree.len() {
            let range = self.range(group);
            if range.len() > 1
                && let Some(children) = self.children.get_mut(range)
            {
                children.sort_unstable_by_key(|&id| rank(tree, &self.times, id));
            }
        }
    }

    fn range(&self, group: usize) -> std::ops::Range<usize> {
        let begin = |group| self.begins.get(group).map(|begin| *begin as usize);
        let start = begin(group).unwrap_or_default();
        start..begin(group + 1).unwrap_or(start)
    }

    fn group(&self, group: usize) -> &[NodeId] {
        self.children.get(self.range(group)).unwrap_or_default()
    }

    fn first_child(&self, id: NodeId) -> Option<NodeId> {
        self.group(id.0 as usize).first().copied()
    }

    /// Where the visible thread ends if not at `current`, the end of `thread`: because that is unknown, or because nothing
    /// on the way to it is shown while something else is.
    fn other_end(
        &self,
        tree: &MessageTree<'_>,
        current: Option<NodeId>,
        thread: &[NodeId],
    ) -> Option<NodeId> {
        if thread.iter().any(|&id| shown(tree, id)) {
            return None;
        }
        self.newest_end(tree).filter(|&end| current.is_none() || shown(tree, end))
    }

    /// The newest shown node without shown descendants; if nothing is shown, the newest leaf.
    fn newest_end(&self, tree: &MessageTree<'_>) -> Option<NodeId> {
        let mut leads_to_shown = vec![false; tree.len()];
        let mut best = None;
        let mut best_leaf = None;
        for &id in self.downwards.iter().rev() {
            let own = (tree.message(id).and_then(|message| message.created), id);
            let shown = shown(tree, id);
            if shown && !of(&leads_to_shown, id) {
                best = best.max(Some(own));
            }
            if self.group(id.0 as usize).is_empty() {
                best_leaf = best_leaf.max(Some(own));
            }
            if let Some(parent) = tree.parent(id)
                && (shown || of(&leads_to_shown, id))
            {
                set(&mut leads_to_shown, parent, true);
            }
        }
        best.or(best_leaf).map(|(_, id)| id)
    }

    /// What the visible thread leaves of each line, where that shows something.
    fn branches(&self, tree: &MessageTree<'_>, visible: &[NodeId]) -> Vec<Branch> {
        let mut on_thread = vec![false; tree.len()];
        for &id in visible {
            set(&mut on_thread, id, true);
        }
        let mut branches = Vec::new();
        for (number, start) in (1..).zip(self.lines(tree)) {
            let line = || {
                let line = std::iter::successors(Some(start), |&id| self.first_child(id));
                line.skip_while(|&id| of(&on_thread, id))
            };
            if let Some(first) = line().next()
                && line().any(|id| shown(tree, id))
            {
                branches.push(Branch { number, fork: tree.parent(first), nodes: line().collect() });
            }
        }
        branches
    }

    /// The nodes that begin a line, by the line's number.
    fn lines(&self, tree: &MessageTree<'_>) -> Vec<NodeId> {
        let others = (0..=tree.len()).flat_map(|group| self.group(group).iter().skip(1));
        let mut starts: Vec<_> = others.copied().collect();
        starts.sort_unstable_by_key(|&id| rank(tree, &self.times, id));
        let first = self.group(tree.len()).first().copied();
        first.into_iter().chain(starts).collect()
    }
}

/// What decides the place of a node among others.
fn rank<'t>(
    tree: &'t MessageTree<'_>,
    times: &[Option<Timestamp>],
    id: NodeId,
) -> (Option<Timestamp>, &'t str, NodeId) {
    (of(times, id), tree.message(id).map_or("", |message| message.id.as_ref()), id)
}

/// All nodes grouped by parent (roots last), and where each group begins: a counting sort.
fn grouped(tree: &MessageTree<'_>) -> (Vec<NodeId>, Vec<u32>) {
    let group = |id| tree.parent(id).map_or(tree.len(), |parent| parent.0 as usize);
    let mut begins = vec![0u32; tree.len() + 2];
    for id in tree.ids() {
        if let Some(count) = begins.get_mut(group(id)) {
            *count += 1;
        }
    }
    // Where each group ends.
    let mut sum = 0;
    for end in &mut begins {
        sum += *end;
        *end = sum;
    }
    // Filled from behind, each group grows down to where it begins.
    let mut children = vec![NodeId(0); tree.len()];
    for at in (0..tree.len() as u32).rev() {
        let id = NodeId(at);
        if let Some(begin) = begins.get_mut(group(id)) {
            *begin = begin.saturating_sub(1);
            if let Some(slot) = children.get_mut(*begin as usize) {
                *slot = id;
            }
        }
    }
    (children, begins)
}

#[cfg(test)]
mod tests;
