//! The paths through a message tree: the thread that its user saw, and the other branches.

use super::Conversation;
use super::tree::NodeId;

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

/// All lines of a conversation. Every node lies on exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Threads {
    /// The visible thread, from the root to the current node.
    pub visible: Vec<NodeId>,
    /// The other branches that hold a shown message, ascending by number.
    pub branches: Vec<Branch>,
}

impl Threads {
    /// The lines of `conversation`. Linear in its nodes.
    pub fn of(conversation: &Conversation<'_>) -> Self {
        let _ = conversation;
        Self::default()
    }
}
