//! Puts answers of threads that work out of order into order, with bounded memory.
//!
//! Threads take groups of neighbours in the archive. When too many answers wait for an earlier one, they turn to the
//! unit that is due next, wherever it is.

use crate::sync::{lock, wait};
use std::sync::{Condvar, Mutex};

/// Units that a thread has taken but not started, the next one last.
#[derive(Debug, Default)]
pub(super) struct Batch(Vec<usize>);

/// The order of all units, shared by the threads.
pub(super) struct AnswerOrder<'p, A> {
    batches: &'p [Vec<usize>],
    limit: usize,
    state: Mutex<OrderState<A>>,
    changed: Condvar,
}

struct OrderState<A> {
    units: Vec<UnitState<A>>,
    next_batch: usize,
    /// The unit whose answer is due next.
    due: usize,
    /// Total weight of waiting answers.
    waiting: usize,
    /// Units from this one on are no longer wanted.
    end: usize,
    workers: usize,
    started: bool,
}

enum UnitState<A> {
    Untouched,
    Taken,
    Done(A, usize),
}

impl<'p, A> AnswerOrder<'p, A> {
    /// The order of `units` units. Waiting answers may have a total weight of `limit`.
    pub(super) fn new(units: usize, batches: &'p [Vec<usize>], limit: usize) -> Self {
        let state = OrderState {
            units: std::iter::repeat_with(|| UnitState::Untouched).take(units).collect(),
            next_batch: 0,
            due: 0,
            waiting: 0,
            end: units,
            workers: 0,
            started: false,
        };
        Self { batches, limit, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Counts a working thread until the guard is dropped.
    pub(super) fn worker(&self) -> impl Drop + '_ {
        struct Worker<'o, 'p, A>(&'o AnswerOrder<'p, A>);
        impl<A> Drop for Worker<'_, '_, A> {
            fn drop(&mut self) {
                let mut state = lock(&self.0.state);
                state.workers = state.workers.saturating_sub(1);
                // If it panicked, its answer will never come.
                if std::thread::panicking() {
                    state.end = 0;
                }
                drop(state);
                self.0.changed.notify_all();
            }
        }
        let mut state = lock(&self.state);
        state.workers = state.workers.saturating_add(1);
        state.started = true;
        Worker(self)
    }

    /// The next unit for a thread; waits while too many answers wait. `None` when nothing is left.
    pub(super) fn next(&self, batch: &mut Batch) -> Option<usize> {
        let mut state = lock(&self.state);
        loop {
            if state.due >= state.end {
                return None;
            }
            if state.waiting > self.limit {
                let due = state.due;
                if state.take(due) {
                    return Some(due);
                }
                state = wait(&self.changed, state);
                continue;
            }
            match batch.0.pop() {
                Some(unit) if state.take(unit) => return Some(unit),
                Some(_) => {}
                None => {
                    let next = self.batches.get(state.next_batch)?;
                    state.next_batch = state.next_batch.saturating_add(1);
                    batch.0.extend(next.iter().rev());
                }
            }
        }
    }

    /// Submits the answer for a unit.
    pub(super) fn finish(&self, unit: usize, answer: A, weight: usize) {
        let mut state = lock(&self.state);
        state.waiting = state.waiting.saturating_add(weight);
        if let Some(progress) = state.units.get_mut(unit) {
            *progress = UnitState::Done(answer, weight);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Declares answers after that of `unit` unwanted.
    pub(super) fn end_after(&self, unit: usize) {
        let mut state = lock(&self.state);
        state.end = state.end.min(unit.saturating_add(1));
        drop(state);
        self.changed.notify_all();
    }

    /// Declares all further answers unwanted.
    pub(super) fn end(&self) {
        lock(&self.state).end = 0;
        self.changed.notify_all();
    }

    /// The next answer; waits for it. `None` after the last.
    pub(super) fn due(&self) -> Option<A> {
        let mut state = lock(&self.state);
        loop {
            let due = state.due;
            if due >= state.end || (state.started && state.workers == 0 && !state.is_done(due)) {
                return None;
            }
            if let Some(answer) = state.hand_over() {
                drop(state);
                self.changed.notify_all();
                return Some(answer);
            }
            state = wait(&self.changed, state);
        }
    }

    /// The next answer, if it is there and wanted. For a thread that works alone.
    pub(super) fn due_by_now(&self) -> Option<A> {
        let mut state = lock(&self.state);
        (state.due < state.end).then(|| state.hand_over()).flatten()
    }
}

impl<A> OrderState<A> {
    /// Takes a unit that no thread has taken.
    fn take(&mut self, unit: usize) -> bool {
        match self.units.get_mut(unit).filter(|_| unit < self.end) {
            Some(progress @ UnitState::Untouched) => {
                *progress = UnitState::Taken;
                true
            }
            _ => false,
        }
    }

    /// The answer that is due, if it is done, which makes the one after it due.
    fn hand_over(&mut self) -> Option<A> {
        let due = self.due;
        let progress = self.units.get_mut(due).filter(|unit| matches!(unit, UnitState::Done(..)))?;
        let UnitState::Done(answer, weight) = std::mem::replace(progress, UnitState::Taken) else {
            return None;
        };
        self.waiting = self.waiting.saturating_sub(weight);
        self.due = due.saturating_add(1);
        Some(answer)
    }

    fn is_done(&self, unit: usize) -> bool {
        matches!(self.units.get(unit), Some(UnitState::Done(..)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `threads` threads over `units` units whose answers are their own numbers.
    fn numbers(units: usize, batches: &[Vec<usize>], limit: usize, threads: usize) -> Vec<usize> {
        let order = AnswerOrder::new(units, batches, limit);
        let mut found = Vec::new();
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    let _worker = order.worker();
                    let mut batch = Batch::default();
                    while let Some(unit) = order.next(&mut batch) {
                        order.finish(unit, unit, 1);
                    }
                });
            }
            while let Some(unit) = order.due() {
                found.push(unit);
            }
        });
        found
    }

    #[test]
    fn answers_come_in_order_whatever_the_order_of_the_work() {
        let units = 500;
        let backwards: Vec<Vec<usize>> = (0..units).rev().map(|unit| vec![unit]).collect();
        let strided: Vec<Vec<usize>> = (0..7).map(|start| (start..units).step_by(7).collect()).collect();
        for batches in [backwards, strided] {
            for (limit, threads) in [(0, 1), (3, 1), (3, 4), (usize::MAX, 4)] {
                assert_eq!(numbers(units, &batches, limit, threads), (0..units).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn units_after_the_end_are_not_answered() {
        let batches: Vec<Vec<usize>> = (0..10).map(|unit| vec![unit]).collect();
        let order = AnswerOrder::new(10, &batches, usize::MAX);
        let worker = order.worker();
        let mut batch = Batch::default();
        for expected in 0..4 {
            assert_eq!(order.next(&mut batch), Some(expected));
            order.finish(expected, expected, 1);
        }
        order.end_after(2);
        drop(worker);
        let found: Vec<_> = std::iter::from_fn(|| order.due()).collect();
        assert_eq!(found, [0, 1, 2]);
        assert_eq!(order.next(&mut batch), None);
    }
}
