//! Collects directories and files, then numbers them.

use super::{ViewContent, ViewNode, number};
use std::collections::{HashMap, HashSet, VecDeque};

/// The root. Only its views are collected.
pub(super) const TOP: usize = 0;

/// A directory being collected.
#[derive(Default)]
struct ViewDirectory {
    directories: Vec<(String, usize)>,
    files: Vec<(String, ViewContent)>,
}

/// Collects directories, then numbers them so that siblings are adjacent.
pub(super) struct ViewBuilder {
    directories: Vec<ViewDirectory>,
    by_name: HashMap<(usize, String), usize>,
}

impl ViewBuilder {
    pub(super) fn new() -> Self {
        Self { directories: vec![ViewDirectory::default()], by_name: HashMap::new() }
    }

    /// The directory `name` in `parent`, created if missing.
    pub(super) fn directory(&mut self, parent: usize, name: &str) -> usize {
        let next = self.directories.len();
        let made = *self.by_name.entry((parent, name.to_owned())).or_insert(next);
        if made == next {
            self.directories.push(ViewDirectory::default());
            if let Some(parent) = self.directories.get_mut(parent) {
                parent.directories.push((name.to_owned(), next));
            }
        }
        made
    }

    pub(super) fn file(&mut self, parent: usize, name: String, content: ViewContent) {
        if let Some(parent) = self.directories.get_mut(parent) {
            parent.files.push((name, content));
        }
    }

    /// The nodes, each directory before its children. A file with the name of a directory next to it is left out.
    pub(super) fn finish(mut self) -> Vec<ViewNode> {
        let content = ViewContent::Directory { first: 0, count: 0, directories: 0 };
        let mut nodes = vec![ViewNode { parent: 0, depth: 0, name: "".into(), content }];
        let mut waiting = VecDeque::from([(0_usize, 0_usize)]);
        while let Some((directory, at)) = waiting.pop_front() {
            let Some(plan) = self.directories.get_mut(directory).map(std::mem::take) else { continue };
            let subdirectories = plan.directories.len();
            let names: HashSet<String> = plan.directories.iter().map(|(name, _)| name.clone()).collect();
            let files = plan.files.into_iter().filter(|(name, _)| !names.contains(name));
            let mut children: Vec<(String, Option<usize>, ViewContent)> =
                files.map(|(name, content)| (name, None, content)).collect();
            children.extend(plan.directories.into_iter().map(|(name, plan)| (name, Some(plan), content)));
            children.sort_by(|a, b| a.0.cmp(&b.0));
            let first = nodes.len();
            let depth = nodes.get(at).map_or(0, |node| node.depth).saturating_add(1);
            for (name, plan, content) in children {
                waiting.extend(plan.map(|plan| (plan, nodes.len())));
                nodes.push(ViewNode { parent: number(at), depth, name: name.into(), content });
            }
            let count = number(nodes.len().saturating_sub(first));
            if let Some(node) = nodes.get_mut(at) {
                node.content = ViewContent::Directory {
                    first: number(first),
                    count,
                    directories: number(subdirectories),
                };
            }
        }
        nodes
    }
}
