//! How the nodes of a mapping hang together: who is whose parent, and which message the user saw last.

use super::node::{Nodes, Parent};
use crate::conversation::tree::NodeId;
use crate::format::pull::Result;
use std::collections::HashMap;

/// Nodes by their keys. The hash is seeded per process, so nobody can choose keys that collide.
type ByKey<'n> = HashMap<&'n str, NodeId, foldhash::quality::RandomState>;

/// The links of a mapping.
pub(super) struct Links {
    pub(super) parents: Vec<Option<NodeId>>,
    pub(super) current: Option<NodeId>,
}

impl Links {
    /// The links of `nodes`, in which each key occurs once afterwards.
    ///
    /// `parent` is the truth. Lists of children are only asked about nodes without a `parent` key, or if no node has
    /// a parent. If nothing links the nodes at all, their order is the thread.
    ///
    /// # Errors
    /// Strings that strict JSON refuses.
    pub(super) fn of(
        nodes: &mut Nodes<'_>,
        current: Option<&str>,
        problems: &mut Vec<String>,
    ) -> Result<Self> {
        let mut by_key = if let Some(by_key) = by_key(nodes) {
            by_key
        } else {
            let before = nodes.len();
            *nodes = unique(std::mem::take(nodes));
            let doubled = before.saturating_sub(nodes.len());
            problems
                .push(format!("keys that mapping has more than once: {doubled}; the last of each is shown"));
            by_key(nodes).unwrap_or_default()
        };
        let nodes = &*nodes;
        for ((key, node), at) in nodes.iter().zip(0u32..) {
            if node.id.as_str() != *key && !node.id.as_str().is_empty() {
                by_key.entry(node.id.as_str()).or_insert(NodeId(at));
            }
        }
        let mut lost = 0usize;
        let mut parents: Vec<_> = nodes
            .iter()
            .map(|(_, node)| match &node.parent {
                Parent::Missing | Parent::Root => None,
                Parent::Key(key) => {
                    let parent = by_key.get(key).copied();
                    lost += usize::from(parent.is_none());
                    parent
                }
            })
            .collect();
        let no_parent = |parents: &[Option<NodeId>]| lost == 0 && parents.iter().all(Option::is_none);
        let unlinked = no_parent(&parents);
        if unlinked || nodes.iter().any(|(_, node)| matches!(node.parent, Parent::Missing)) {
            adopt(nodes, &by_key, unlinked, &mut parents)?;
        }
        if unlinked && nodes.len() > 1 && no_parent(&parents) {
            for (parent, before) in parents.iter_mut().skip(1).zip(0u32..) {
                *parent = Some(NodeId(before));
            }
            problems
                .push("no message says which one it follows: their order is taken as the thread".to_owned());
        }
        if lost > 0 {
            problems.push(format!("messages whose parent does not exist: {lost}"));
        }
        let current = current.and_then(|key| {
            let found = by_key.get(key).copied();
            if found.is_none() {
                problems.push("current_node names a message that does not exist".to_owned());
            }
            found
        });
        Ok(Self { parents, current })
    }
}

/// `nodes` by their keys; `None` if a key occurs twice.
fn by_key<'n>(nodes: &'n Nodes<'_>) -> Option<ByKey<'n>> {
    let mut by_key = ByKey::with_capacity_and_hasher(nodes.len(), foldhash::quality::RandomState::default());
    let mut keys = nodes.iter().zip(0u32..);
    keys.all(|((key, _), at)| by_key.insert(key.as_ref(), NodeId(at)).is_none()).then_some(by_key)
}

/// `nodes` with each key once: at its first position, with its last value.
fn unique(nodes: Nodes<'_>) -> Nodes<'_> {
    let mut positions: HashMap<&str, usize> = HashMap::with_capacity(nodes.len());
    let mut kept: Nodes<'_> = Vec::with_capacity(nodes.len());
    for (key, node) in nodes {
        let position = *positions.entry(key).or_insert(kept.len());
        match kept.get_mut(position) {
            Some((_, earlier)) => *earlier = node,
            None => kept.push((key, node)),
        }
    }
    kept
}

/// Gives nodes that name no parent to the first node that lists them as children; with `roots`, also those that
/// say they have none.
fn adopt(nodes: &Nodes<'_>, by_key: &ByKey<'_>, roots: bool, parents: &mut [Option<NodeId>]) -> Result<()> {
    let mut adopted = vec![false; nodes.len()];
    for ((_, node), at) in nodes.iter().zip(0u32..) {
        for child in node.children.open()?.0 {
            let Some(&NodeId(child)) = by_key.get(child.as_str()) else { continue };
            let child = child as usize;
            let may_be_adopted = nodes.get(child).is_some_and(|(_, node)| match node.parent {
                Parent::Missing => true,
                Parent::Root => roots,
                Parent::Key(_) => false,
            });
            if may_be_adopted
                && let (Some(done), Some(parent)) = (adopted.get_mut(child), parents.get_mut(child))
                && !std::mem::replace(done, true)
            {
                *parent = Some(NodeId(at));
            }
        }
    }
    Ok(())
}
