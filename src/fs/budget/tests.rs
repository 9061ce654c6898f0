use super::*;
use std::sync::atomic::{AtomicU64, Ordering};

const MIB: u64 = 1 << 20;

/// The most JSON that is rendered at a time if each of `threads` threads renders a conversation of `json` bytes again and
/// again.
fn most_together(budget: &Budget, threads: usize, json: u64) -> u64 {
    let (now, most) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _taken = budget.take(json, &|_| {});
                    let together = now.fetch_add(json, Ordering::SeqCst) + json;
                    most.fetch_max(together, Ordering::SeqCst);
                    std::thread::yield_now();
                    now.fetch_sub(json, Ordering::SeqCst);
                }
            });
        }
    });
    most.into_inner()
}

#[test]
fn conversations_rendered_together_stay_within_the_budget_whatever_the_number_of_threads() {
    let budget = Budget::new(24 * MIB);
    assert!(most_together(&budget, 32, 3 * MIB) <= 12 * MIB);
    assert!(most_together(&budget, 32, 9 * MIB) <= 20 * MIB);
    assert_eq!(most_together(&budget, 8, 100 * MIB), 100 * MIB, "one is never too large");
}

#[test]
fn small_conversations_do_not_wait_for_large_ones() {
    let budget = Budget::new(24 * MIB);
    let _huge = budget.take(200 * MIB, &|_| {});
    let _small = budget.take(MIB, &|_| {});
}

#[test]
fn caches_give_up_what_large_conversations_take_and_get_it_back() {
    let budget = Budget::new(24 * MIB);
    let limits = Mutex::new(Vec::new());
    let adjust = |percent: u64| lock(&limits).push(percent);
    let small = budget.take(3 * MIB, &adjust);
    let large = budget.take(5 * MIB, &adjust);
    let larger = budget.take(10 * MIB, &adjust);
    drop(large);
    drop(small);
    drop(larger);
    drop(budget.take(300 * MIB, &adjust));
    assert_eq!(*lock(&limits), [72, 16, 44, 100, LEAST_PERCENT, 100]);
}

#[test]
fn beside_a_huge_conversation_small_ones_give_their_memory_back_immediately() {
    let budget = Budget::new(24 * MIB);
    let calls = Mutex::new(Vec::new());
    let adjust = |percent: u64| lock(&calls).push(percent);
    let large = budget.take(5 * MIB, &adjust);
    drop(budget.take(MIB, &adjust));
    drop(large);
    let huge = budget.take(30 * MIB, &adjust);
    drop(budget.take(MIB, &adjust));
    drop(huge);
    assert_eq!(*lock(&calls), [72, 100, LEAST_PERCENT, LEAST_PERCENT, 100]);
}
