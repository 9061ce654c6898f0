//! Collects directories and files, then numbers them.

use super::{ViewContent, ViewNode, number};
use crate::bytes::Positions;
use std::collections::VecDeque;

/// The root. Only its views are collected.
pub(super) const TOP: u32 = 0;

const DIRECTORY: ViewContent = ViewContent::Directory { first: 0, count: 0, directories: 0 };

/// Collects directories and files in any order. There may be millions: each takes a node and its name.
pub(super) struct ViewBuilder {
    /// What was collected, in that order. Of several of one name in one directory the first counts, and a directory
    /// before a file.
    nodes: Vec<ViewNode>,
    names: String,
    /// Directories by parent and name.
    directories: Positions,
}

impl ViewBuilder {
    pub(super) fn new() -> Self {
        let mut builder = Self { nodes: Vec::new(), names: String::new(), directories: Positions::default() };
        builder.push(TOP, "", DIRECTORY);
        builder
    }

    /// The directory `name` in `parent`, created if missing.
    pub(super) fn directory(&mut self, parent: u32, name: &str) -> u32 {
        let Self { nodes, names, directories } = self;
        let next = nodes.len();
        let key_of = |at: usize| nodes.get(at).map(|node| (node.parent, node.name(names)));
        match directories.add(next, &(parent, name), key_of) {
            Some(made) => number(made),
            None => self.push(parent, name, DIRECTORY),
        }
    }

    pub(super) fn file(&mut self, parent: u32, name: &str, content: ViewContent) {
        self.push(parent, name, content);
    }

    fn push(&mut self, parent: u32, name: &str, content: ViewContent) -> u32 {
        let at = number(self.nodes.len());
        // Names are no longer than those of files.
        let name_bytes = u8::try_from(name.len()).unwrap_or_default();
        let node = ViewNode { parent, depth: 0, name: self.names.len(), name_bytes, content };
        self.names.push_str(name);
        self.nodes.push(node);
        at
    }

    /// The nodes, each directory before its children, and siblings adjacent and sorted; and their names.
    pub(super) fn finish(self) -> (Vec<ViewNode>, String) {
        let Self { nodes: planned, mut names, directories } = self;
        drop(directories);
        let sorted = sorted(&planned, &names);
        let mut nodes = Vec::with_capacity(sorted.len().saturating_add(1));
        nodes.extend(planned.first().copied());
        // Directories by what they were and what they are.
        let mut waiting = VecDeque::from([(TOP, 0_usize)]);
        while let Some((directory, at)) = waiting.pop_front() {
            let of = |child: &u32| planned.get(*child as usize).map_or(TOP, |node| node.parent);
            let start = sorted.partition_point(|child| of(child) < directory);
            let children = sorted.get(start..).unwrap_or_default();
            let children = children.iter().take_while(|child| of(child) == directory);
            let first = nodes.len();
            let depth = nodes.get(at).map_or(0, |node| node.depth).saturating_add(1);
            let mut subdirectories = 0_u32;
            for &child in children {
                let Some(&plan) = planned.get(child as usize) else { continue };
                if let ViewContent::Directory { .. } = plan.content {
                    waiting.push_back((child, nodes.len()));
                    subdirectories = subdirectories.saturating_add(1);
                }
                nodes.push(ViewNode { parent: number(at), depth, ..plan });
            }
            let count = number(nodes.len().saturating_sub(first));
            if let Some(node) = nodes.get_mut(at) {
                node.content =
                    ViewContent::Directory { first: number(first), count, directories: subdirectories };
            }
        }
        names.shrink_to_fit();
        (nodes, names)
    }
}

/// The positions of all but the root, by directory and name, and one of each name.
fn sorted(planned: &[ViewNode], names: &str) -> Vec<u32> {
    let key = |at: u32| {
        let node = planned.get(at as usize)?;
        let is_file = !matches!(node.content, ViewContent::Directory { .. });
        Some((node.parent, node.name(names), is_file, at))
    };
    let mut sorted: Vec<u32> = (1..number(planned.len())).collect();
    sorted.sort_unstable_by(|&a, &b| key(a).cmp(&key(b)));
    let place = |at: u32| key(at).map(|(parent, name, ..)| (parent, name));
    sorted.dedup_by(|&mut a, &mut b| place(a) == place(b));
    sorted
}
