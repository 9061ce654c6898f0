use super::*;
use crate::conversation::tree::Node;
use crate::conversation::{Message, Part, Prose};
use proptest::prelude::*;
use std::collections::{BTreeMap, HashSet};

/// A node as a test says it: id, parent, time, whether it is shown, and by whom.
#[derive(Clone, Debug)]
struct Spec {
    id: &'static str,
    parent: Option<u32>,
    time: Option<f64>,
    shown: bool,
    role: Role,
}

fn node(id: &'static str, parent: Option<u32>, time: f64) -> Spec {
    Spec { id, parent, time: (time > 0.0).then_some(time), shown: true, role: Role::Assistant }
}

fn user(id: &'static str, parent: Option<u32>, time: f64) -> Spec {
    Spec { role: Role::User, ..node(id, parent, time) }
}

fn hidden(id: &'static str, parent: Option<u32>, time: f64) -> Spec {
    Spec { shown: false, ..node(id, parent, time) }
}

fn message(spec: &Spec, id: String) -> Message<'static> {
    let (visibility, parts) = if spec.shown {
        (Visibility::Shown, vec![Part::Prose(Prose { text: "x".into(), ..Prose::default() })])
    } else {
        (Visibility::Hidden, Vec::new())
    };
    let created = spec.time.and_then(Timestamp::from_number);
    Message { id: id.into(), created, visibility, ..Message::new(spec.role, parts) }
}

fn conversation(specs: &[Spec], current: Option<u32>) -> Conversation<'static> {
    let nodes = specs.iter().map(|spec| Node {
        parent: spec.parent.map(NodeId),
        message: (!spec.id.is_empty()).then(|| message(spec, spec.id.to_owned())),
    });
    Conversation {
        tree: MessageTree::new(nodes.collect()),
        current: current.map(NodeId),
        ..Conversation::default()
    }
}

fn ids(nodes: &[NodeId]) -> Vec<u32> {
    nodes.iter().map(|id| id.0).collect()
}

fn branches(threads: &Threads) -> Vec<(u32, Option<u32>, Vec<u32>)> {
    threads.branches.iter().map(|b| (b.number, b.fork.map(|id| id.0), ids(&b.nodes))).collect()
}

#[test]
fn an_edited_prompt_and_a_regenerated_answer_are_branches() {
    // 0 root, 1 first wording, 2 its answer, 3 second wording, 4 chosen answer, 5 other answer, 6 and 7 go on.
    let specs = [
        node("", None, 0.0),
        user("a", Some(0), 10.0),
        node("b", Some(1), 11.0),
        user("c", Some(0), 20.0),
        node("d", Some(3), 21.0),
        node("e", Some(3), 22.0),
        user("f", Some(4), 30.0),
        node("g", Some(6), 31.0),
    ];
    let threads = Threads::of(&conversation(&specs, Some(7)));
    assert_eq!(ids(&threads.visible), [0, 3, 4, 6, 7]);
    // Line 1 is 0 1 2, line 2 begins at 3, line 3 at 5.
    assert_eq!(branches(&threads), [(1, Some(0), vec![1, 2]), (3, Some(3), vec![5])]);
}

#[test]
fn what_follows_the_current_message_is_a_branch() {
    let specs = [user("a", None, 1.0), node("b", Some(0), 2.0), user("c", Some(1), 3.0)];
    let threads = Threads::of(&conversation(&specs, Some(1)));
    assert_eq!(ids(&threads.visible), [0, 1]);
    assert_eq!(branches(&threads), [(1, Some(1), vec![2])]);
}

#[test]
fn without_a_current_message_the_thread_ends_at_the_newest_shown_end() {
    let specs = [
        user("a", None, 1.0),
        node("b", Some(0), 9.0),
        node("c", Some(0), 5.0),
        hidden("d", Some(0), 99.0),
        hidden("e", Some(1), 98.0),
    ];
    assert_eq!(ids(&Threads::of(&conversation(&specs, None)).visible), [0, 1]);
    // On a tie the later one of the export wins.
    let specs = [user("a", None, 1.0), node("b", Some(0), 9.0), node("c", Some(0), 9.0)];
    assert_eq!(ids(&Threads::of(&conversation(&specs, None)).visible), [0, 2]);
}

#[test]
fn a_conversation_that_shows_nothing_still_has_a_thread() {
    let specs = [node("", None, 0.0), hidden("a", Some(0), 1.0)];
    let threads = Threads::of(&conversation(&specs, None));
    assert_eq!(ids(&threads.visible), [0, 1]);
    assert!(threads.branches.is_empty());
    assert_eq!(Threads::of(&Conversation::default()), Threads::default());
}

#[test]
fn a_current_node_out_of_range_falls_back_to_the_newest_message() {
    let specs = [user("a", None, 1.0), user("b", None, 2.0)];
    let threads = Threads::of(&conversation(&specs, Some(7)));
    assert_eq!(threads.visible, [NodeId(1)]);
    assert_eq!(branches(&threads), [(1, None, vec![0])]);
}

#[test]
fn siblings_without_a_time_take_that_of_their_ancestor() {
    // 2 has no time: it counts as 10 and so comes before 1.
    let specs = [user("a", None, 10.0), node("b", Some(0), 11.0), node("c", Some(0), 0.0)];
    let threads = Threads::of(&conversation(&specs, Some(2)));
    assert_eq!(branches(&threads), [(2, Some(0), vec![1])]);
}

#[test]
fn roots_of_their_own_are_branches_without_a_fork() {
    let specs = [user("a", None, 5.0), user("b", None, 7.0), node("c", Some(1), 8.0)];
    let threads = Threads::of(&conversation(&specs, Some(0)));
    assert_eq!(branches(&threads), [(2, None, vec![1, 2])]);
}

#[test]
fn a_branch_can_fork_again() {
    let specs = [
        user("a", None, 1.0),
        node("b", Some(0), 2.0),
        node("c", Some(0), 3.0),
        user("d", Some(2), 4.0),
        user("e", Some(2), 5.0),
    ];
    let threads = Threads::of(&conversation(&specs, Some(1)));
    assert_eq!(branches(&threads), [(2, Some(0), vec![2, 3]), (3, Some(2), vec![4])]);
}

#[test]
fn a_turn_joins_everything_up_to_the_next_user() {
    let specs = [
        hidden("s", None, 1.0),
        user("a", Some(0), 2.0),
        user("b", Some(1), 3.0),
        node("c", Some(2), 4.0),
        hidden("d", Some(3), 5.0),
        Spec { role: Role::Tool, ..node("e", Some(4), 6.0) },
        user("f", Some(5), 7.0),
    ];
    let conversation = conversation(&specs, Some(6));
    let threads = Threads::of(&conversation);
    let mut turns = Turns::default();
    let shown = threads.visible.iter().filter(|&&id| shown(&conversation.tree, id));
    let begins = |id: NodeId| turns.begins(conversation.tree.message(id).unwrap());
    assert_eq!(shown.copied().map(begins).collect::<Vec<_>>(), [true, true, true, false, true]);
}

#[test]
fn a_million_nodes_in_a_chain_or_a_star_are_no_trouble() {
    let count = 1_000_000u32;
    let forest = |parent: &dyn Fn(u32) -> Option<u32>| {
        let nodes = (0..count).map(|at| Node { parent: parent(at).map(NodeId), message: None }).collect();
        Conversation { tree: MessageTree::new(nodes), ..Conversation::default() }
    };
    assert_eq!(Threads::of(&forest(&|at| at.checked_sub(1))).visible.len(), count as usize);
    assert_eq!(Threads::of(&forest(&|at| (at > 0).then_some(0))).visible.len(), 2);
}

/// A forest of any shape, cycles and dangling parents included.
fn forests() -> impl Strategy<Value = Vec<(Option<u32>, Option<u32>, bool)>> {
    prop::collection::vec((prop::option::of(0u32..20), prop::option::of(1u32..30), any::<bool>()), 0..18)
}

fn build(specs: &[(Option<u32>, Option<u32>, bool)], current: Option<u32>) -> Conversation<'static> {
    let nodes = specs.iter().enumerate().map(|(at, &(parent, time, shown))| {
        let spec = Spec { id: "-", parent, time: time.map(f64::from), shown, role: Role::Assistant };
        Node { parent: parent.map(NodeId), message: Some(message(&spec, format!("{at:03}"))) }
    });
    Conversation {
        tree: MessageTree::new(nodes.collect()),
        current: current.map(NodeId),
        ..Conversation::default()
    }
}

/// The lines of a forest by their definition, found by the simplest means: number → nodes.
fn naive_lines(tree: &MessageTree<'_>) -> BTreeMap<u32, Vec<NodeId>> {
    let time = |id: NodeId| {
        std::iter::successors(Some(id), |&id| tree.parent(id))
            .find_map(|id| tree.message(id).and_then(|m| m.created))
    };
    let key = |id: &NodeId| (time(*id), tree.message(*id).map(|m| m.id.to_string()), *id);
    let children = |parent: Option<NodeId>| {
        let mut found: Vec<_> = tree.ids().filter(|&id| tree.parent(id) == parent).collect();
        found.sort_by_key(key);
        found
    };
    let mut starts: Vec<_> = std::iter::once(None)
        .chain(tree.ids().map(Some))
        .flat_map(|p| children(p).into_iter().skip(1))
        .collect();
    starts.sort_by_key(key);
    let all = children(None).first().copied().into_iter().chain(starts);
    (1..)
        .zip(all.map(|start| {
            std::iter::successors(Some(start), |&id| children(Some(id)).first().copied()).collect()
        }))
        .collect()
}

proptest! {
    #[test]
    fn lines_are_what_their_definition_says(specs in forests(), current in prop::option::of(0u32..18)) {
        let conversation = build(&specs, current);
        let tree = &conversation.tree;
        let threads = Threads::of(&conversation);
        let visible: HashSet<_> = threads.visible.iter().copied().collect();
        let mut expected = Vec::new();
        for (number, line) in naive_lines(tree) {
            let rest: Vec<_> = line.into_iter().filter(|id| !visible.contains(id)).collect();
            if rest.iter().any(|&id| shown(tree, id)) {
                expected.push(Branch { number, fork: tree.parent(rest[0]), nodes: rest });
            }
        }
        prop_assert_eq!(&threads.branches, &expected);
        // Each shown message once.
        let mut seen: Vec<_> =
            threads.visible.iter().chain(threads.branches.iter().flat_map(|b| &b.nodes)).collect();
        seen.retain(|&&id| shown(tree, id));
        let unique: HashSet<_> = seen.iter().collect();
        prop_assert_eq!(unique.len(), seen.len());
        prop_assert_eq!(seen.len(), tree.ids().filter(|&id| shown(tree, id)).count());
    }

    #[test]
    fn a_newer_export_renumbers_nothing(
        specs in forests(),
        more in prop::collection::vec(0u32..24, 0..8),
        old in prop::option::of(0u32..18),
        new in prop::option::of(0u32..24),
    ) {
        // Roots and null parents aside, appended messages hang on older ones and are younger than all of them.
        let mut longer = specs.clone();
        for (at, parent) in (100..).zip(more) {
            let parent = parent.checked_rem(longer.len() as u32);
            longer.push((parent, Some(at), true));
        }
        // A parent that dangled in the old export must dangle in the new one too.
        let old_len = specs.len() as u32;
        for (parent, _, _) in longer.iter_mut().take(specs.len()) {
            *parent = parent.filter(|&parent| parent < old_len);
        }
        let number = |threads: &Threads| -> BTreeMap<NodeId, u32> {
            threads.branches.iter().flat_map(|b| b.nodes.iter().map(|&id| (id, b.number))).collect()
        };
        let before = number(&Threads::of(&build(&longer[..specs.len()], old)));
        let after = number(&Threads::of(&build(&longer, new)));
        for (id, number) in before {
            if let Some(&now) = after.get(&id) {
                prop_assert_eq!(now, number, "{:?}", id);
            }
        }
    }
}
