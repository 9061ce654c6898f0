//! The messages of a conversation as a tree in an arena: iterative, cycle-proof, linear.

use super::Message;

/// Index of a node in its [`MessageTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// One node: its parent, and perhaps a message.
#[derive(Debug)]
pub struct Node<'a> {
    /// The node before this one; `None` for a root.
    pub parent: Option<NodeId>,
    /// The message; `None` for a root and for the empty nodes that damaged exports have.
    pub message: Option<Message<'a>>,
}

/// All nodes of a conversation. Following `parent` from any node ends: the tree has no cycle.
#[derive(Debug, Default)]
pub struct MessageTree<'a> {
    parents: Vec<Option<NodeId>>,
    /// As many as parents. Boxed, because damaged exports can have a million nodes without a message.
    messages: Vec<Option<Box<Message<'a>>>>,
}

impl<'a> MessageTree<'a> {
    /// A tree of `nodes`, whose `parent`s are positions in `nodes`; mended like that of
    /// [`with_parents`](Self::with_parents).
    pub fn new(nodes: Vec<Node<'a>>) -> Self {
        let nodes = nodes.into_iter().map(|node| (node.parent, node.message.map(Box::new)));
        let (parents, messages) = nodes.unzip();
        Self::with_parents(parents, messages, None).0
    }

    /// A tree of `messages`, each with its parent, and how many cycles had to be cut. A parent that does not exist is
    /// taken as none; a cycle is cut at the node whose parent link closes it on the way up from `current`, which so
    /// keeps all of its way, else in the order of the nodes. Linear.
    pub(crate) fn with_parents(
        mut parents: Vec<Option<NodeId>>,
        mut messages: Vec<Option<Box<Message<'a>>>>,
        current: Option<NodeId>,
    ) -> (Self, usize) {
        let len = parents.len().min(messages.len()).min(u32::MAX as usize);
        parents.truncate(len);
        messages.truncate(len);
        for parent in &mut parents {
            *parent = parent.filter(|parent| (parent.0 as usize) < len);
        }
        let cut = cut_cycles(&mut parents, current);
        (Self { parents, messages }, cut)
    }

    /// True if there is a node with this index.
    pub(crate) fn contains(&self, id: NodeId) -> bool {
        (id.0 as usize) < self.parents.len()
    }

    /// The node before `id`; `None` for a root.
    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.parents.get(id.0 as usize).copied().flatten()
    }

    /// The message at this node.
    pub fn message(&self, id: NodeId) -> Option<&Message<'a>> {
        self.messages.get(id.0 as usize)?.as_deref()
    }

    /// The message at this node, mutably.
    pub(crate) fn message_mut(&mut self, id: NodeId) -> Option<&mut Message<'a>> {
        self.messages.get_mut(id.0 as usize)?.as_deref_mut()
    }

    /// Adds a node after `parent`.
    pub(crate) fn push(&mut self, parent: NodeId, message: Message<'a>) -> NodeId {
        let id = NodeId(u32::try_from(self.parents.len()).unwrap_or(u32::MAX));
        self.parents.push(Some(parent).filter(|&parent| self.contains(parent)));
        self.messages.push(Some(Box::new(message)));
        id
    }

    /// Moves `child` from its parent to `leaf`, a node that was added after that parent.
    pub(crate) fn move_below(&mut self, child: NodeId, leaf: NodeId) {
        if self.parent(leaf) == self.parent(child)
            && let Some(parent) = self.parents.get_mut(child.0 as usize)
        {
            *parent = Some(leaf);
        }
    }

    /// The indexes of all nodes, in the order of the export.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.parents.len() as u32).map(NodeId)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.parents.len()
    }

    /// True if there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.parents.is_empty()
    }
}

/// Cuts each cycle at the link that closes it, and returns how many there were. Every node is stepped on once: a walk
/// ends at a node that an earlier walk has been to, and only a node of the same walk closes a cycle. The first walk is
/// from `current`.
fn cut_cycles(parents: &mut [Option<NodeId>], current: Option<NodeId>) -> usize {
    const NEVER: u32 = u32::MAX;
    let mut cut = 0;
    let mut walked_by = vec![NEVER; parents.len()];
    let first = current.map(|current| current.0);
    for start in first.into_iter().chain(0..parents.len() as u32) {
        let mut at = start;
        while let Some(walker) = walked_by.get_mut(at as usize).filter(|walker| **walker == NEVER) {
            *walker = start;
            let Some(link) = parents.get_mut(at as usize) else { break };
            let Some(parent) = *link else { break };
            if walked_by.get(parent.0 as usize) == Some(&start) {
                *link = None;
                cut += 1;
                break;
            }
            at = parent.0;
        }
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conversation::Role;
    use proptest::prelude::*;
    use std::time::Instant;

    fn tree(parents: &[Option<u32>]) -> MessageTree<'static> {
        let nodes = parents.iter().map(|parent| Node { parent: parent.map(NodeId), message: None }).collect();
        MessageTree::new(nodes)
    }

    fn parents(tree: &MessageTree<'_>) -> Vec<Option<u32>> {
        tree.ids().map(|id| tree.parent(id).map(|parent| parent.0)).collect()
    }

    #[test]
    fn a_parent_that_does_not_exist_makes_a_root() {
        assert_eq!(parents(&tree(&[Some(7), Some(0)])), [None, Some(0)]);
    }

    #[test]
    fn a_node_moves_below_its_sibling_only() {
        let mut tree = tree(&[None, Some(0), Some(1)]);
        let new = tree.push(NodeId(0), Message::new(Role::Assistant, Vec::new()));
        tree.move_below(NodeId(1), new);
        assert_eq!(parents(&tree), [None, Some(3), Some(1), Some(0)]);
        // Below one of its own, it would be its own parent.
        tree.move_below(NodeId(0), NodeId(2));
        assert_eq!(parents(&tree), [None, Some(3), Some(1), Some(0)]);
    }

    #[test]
    fn a_cycle_is_cut_at_the_link_that_closes_it() {
        // Walking from 0: 0 → 1 → 2 → 0. The link of 2 closes the circle.
        assert_eq!(parents(&tree(&[Some(1), Some(2), Some(0)])), [Some(1), Some(2), None]);
        assert_eq!(parents(&tree(&[Some(0)])), [None]);
    }

    #[test]
    fn the_way_up_from_the_current_node_is_kept_whole() {
        for (current, expected) in
            [(0, [Some(1), Some(2), None]), (1, [None, Some(2), Some(0)]), (2, [Some(1), None, Some(0)])]
        {
            let links = [1, 2, 0].map(|parent| Some(NodeId(parent)));
            let messages = vec![None, None, None];
            let (tree, cut) = MessageTree::with_parents(links.to_vec(), messages, Some(NodeId(current)));
            assert_eq!((parents(&tree), cut), (expected.to_vec(), 1), "{current}");
        }
    }

    #[test]
    fn a_tail_that_leads_into_a_cycle_keeps_its_place() {
        // 0 → 1 → 2 → 1: the link of 2 goes, and 0 still hangs on 1.
        assert_eq!(parents(&tree(&[Some(1), Some(2), Some(1)])), [Some(1), Some(2), None]);
    }

    #[test]
    fn a_million_nodes_in_a_chain_or_a_star_are_no_trouble() {
        let started = Instant::now();
        let count = 1_000_000u32;
        let backwards: Vec<_> = (0..count).map(|at| (at + 1 < count).then_some(at + 1)).collect();
        let star: Vec<_> = (0..count).map(|at| (at > 0).then_some(0)).collect();
        assert_eq!(parents(&tree(&backwards)), backwards);
        assert_eq!(parents(&tree(&star)), star);
        assert!(started.elapsed().as_secs() < 20, "not linear");
    }

    proptest! {
        #[test]
        fn every_walk_ends_and_only_cycles_lose_a_link(
            links in prop::collection::vec(prop::option::of(0u32..24), 0..24)
        ) {
            let tree = tree(&links);
            let found = parents(&tree);
            for start in 0..links.len() {
                let walk = std::iter::successors(Some(start), |&at| found[at].map(|up| up as usize));
                prop_assert!(walk.take(links.len() + 1).count() <= links.len());
            }
            for (at, &link) in links.iter().enumerate() {
                let on_cycle = {
                    let up = |&n: &usize| links[n].map(|up| up as usize).filter(|&up| up < links.len());
                    std::iter::successors(up(&at), up).take(links.len()).any(|node| node == at)
                };
                let dangling = link.is_some_and(|up| up as usize >= links.len());
                if !on_cycle && !dangling {
                    prop_assert_eq!(found[at], link);
                }
            }
        }
    }
}
