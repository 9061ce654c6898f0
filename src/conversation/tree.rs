//! The messages of a conversation as a tree in an arena: iterative, cycle-proof, linear.

use super::Message;

/// Index of a node in its [`MessageTree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// One node: a place in the tree, and perhaps a message.
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
    nodes: Vec<Node<'a>>,
}

impl<'a> MessageTree<'a> {
    /// A tree of `nodes`, whose `parent`s are positions in `nodes`. A parent that does not exist is taken as none; a
    /// cycle is broken at the node whose parent link closes it, in the order of `nodes`. Linear.
    pub fn new(nodes: Vec<Node<'a>>) -> Self {
        Self { nodes }
    }

    /// The node with this index.
    pub fn get(&self, id: NodeId) -> Option<&Node<'a>> {
        self.nodes.get(id.0 as usize)
    }

    /// The message at this node.
    pub fn message(&self, id: NodeId) -> Option<&Message<'a>> {
        self.get(id)?.message.as_ref()
    }

    /// The indexes of all nodes, in the order of the export.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// True if there is no node at all.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}
