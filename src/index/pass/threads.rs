//! Starts the threads of a pass. The system may refuse some of them.

use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Starts a thread. `None` if the system has none left.
pub(super) fn start<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    run: impl FnOnce() -> T + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, T>> {
    #[cfg(test)]
    if !tests::may_start() {
        return None;
    }
    Builder::new().spawn_scoped(scope, run).ok()
}

#[cfg(test)]
pub(in crate::index) mod tests {
    use std::cell::Cell;

    thread_local! {
        /// Number of threads that this thread may start yet.
        static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub(super) fn may_start() -> bool {
        let left = LEFT.get();
        LEFT.set(left.saturating_sub(1));
        left > 0
    }

    /// Runs `work` on a system that refuses to start more than `count` threads.
    pub(in crate::index) fn with_at_most<T>(count: usize, work: impl FnOnce() -> T) -> T {
        LEFT.set(count);
        let result = work();
        LEFT.set(usize::MAX);
        result
    }
}
