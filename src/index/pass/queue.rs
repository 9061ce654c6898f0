//! Conversations on their way from the thread that found them to one that measures them, bounded by bytes.

use crate::format::scan::Json;
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many bytes of conversations wait at most; memory does not depend on the export beyond this.
const WAITING_BYTES: usize = 2 << 20;

/// Conversations from this size on take so long that all that waits would be done meanwhile: whoever finds one had better
/// go on finding others.
const LARGE_BYTES: usize = 1 << 20;

/// Larger ones are not handed over: what else is found meanwhile would come on top of the peak of memory.
const HUGE_BYTES: usize = 8 << 20;

/// How many buffers are kept for the next conversations.
const SPARE_BUFFERS: usize = 4;

/// Larger buffers than this are given back to the system rather than kept.
const SPARE_BYTES: usize = 256 << 10;

/// A conversation that waits: where it belongs, and its JSON.
#[derive(Debug)]
pub(super) struct Job<P> {
    /// What is known of its place.
    pub(super) place: P,
    /// Its JSON.
    pub(super) json: Vec<u8>,
}

/// The queue. Closed when its last [`Producer`] is dropped.
#[derive(Debug)]
pub(super) struct Queue<P> {
    state: Mutex<State<P>>,
    changed: Condvar,
}

#[derive(Debug)]
struct State<P> {
    jobs: VecDeque<Job<P>>,
    /// Of those that wait and are not large.
    bytes: usize,
    /// A large one waits, or is being measured.
    large: bool,
    spare: Vec<Vec<u8>>,
    producers: usize,
}

/// The right to add to a queue.
#[derive(Debug)]
pub(super) struct Producer<'q, P>(&'q Queue<P>);

impl<P> Queue<P> {
    pub(super) fn new() -> Self {
        let state = State { jobs: VecDeque::new(), bytes: 0, large: false, spare: Vec::new(), producers: 0 };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Announces one more thread that adds.
    pub(super) fn producer(&self) -> Producer<'_, P> {
        self.lock().producers += 1;
        Producer(self)
    }

    /// The next conversation; waits for one. `None` when there will be no more.
    pub(super) fn take(&self) -> Option<Job<P>> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                if job.json.len() < LARGE_BYTES {
                    state.bytes -= job.json.len();
                }
                return Some(job);
            }
            if state.producers == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a conversation was measured, and takes its buffer back.
    pub(super) fn finish(&self, job: Job<P>) {
        let mut buffer = job.json;
        let mut state = self.lock();
        if buffer.len() >= LARGE_BYTES {
            state.large = false;
        }
        buffer.clear();
        if buffer.capacity() <= SPARE_BYTES && state.spare.len() < SPARE_BUFFERS {
            state.spare.push(buffer);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        // No foreign code runs while it is locked.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<P> Producer<'_, P> {
    /// Adds a conversation. Of large ones there is one at a time, which is not copied.
    ///
    /// # Errors
    /// If too much is waiting already, it comes back: then the caller measures it itself.
    pub(super) fn offer<'j>(&self, place: P, json: Json<'j>) -> Result<(), Json<'j>> {
        let mut state = self.0.lock();
        let json = if json.len() >= LARGE_BYTES {
            if json.len() > HUGE_BYTES || std::mem::replace(&mut state.large, true) {
                return Err(json);
            }
            drop(state);
            json.into_owned()
        } else {
            if state.bytes + json.len() > WAITING_BYTES {
                return Err(json);
            }
            state.bytes += json.len();
            let mut copy = state.spare.pop().unwrap_or_default();
            drop(state);
            copy.extend_from_slice(&json);
            copy
        };
        self.0.lock().jobs.push_back(Job { place, json });
        self.0.changed.notify_one();
        Ok(())
    }
}

impl<P> Drop for Producer<'_, P> {
    fn drop(&mut self) {
        self.0.lock().producers -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl<P> Producer<'_, P> {
        fn accepts(&self, place: P, json: &[u8]) -> bool {
            self.offer(place, Json::InBuffer(json)).is_ok()
        }
    }

    #[test]
    fn what_is_offered_is_taken_once_and_in_order() {
        let queue = Queue::new();
        let producer = queue.producer();
        assert!(producer.accepts(1, b"a") && producer.accepts(2, b"bb"));
        drop(producer);
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).map(|job| (job.place, job.json)).collect();
        assert_eq!(taken, [(1, b"a".to_vec()), (2, b"bb".to_vec())]);
    }

    #[test]
    fn too_much_is_refused_until_something_was_taken() {
        let queue = Queue::new();
        let producer = queue.producer();
        let piece = vec![0; LARGE_BYTES - 1];
        let accepted = (0..10).take_while(|_| producer.accepts((), &piece)).count();
        assert_eq!(accepted, WAITING_BYTES / piece.len());
        assert!(queue.take().is_some());
        assert!(producer.accepts((), &piece) && !producer.accepts((), &piece));
    }

    #[test]
    fn one_large_conversation_is_accepted_whatever_waits_and_the_next_when_it_is_done() {
        let queue = Queue::new();
        let producer = queue.producer();
        assert!(!producer.accepts((), &vec![0; HUGE_BYTES + 1]));
        let large = vec![0; HUGE_BYTES];
        assert!(producer.accepts((), &large) && producer.accepts((), b"small"));
        assert!(!producer.accepts((), &large));
        let job = queue.take().unwrap();
        assert!(!producer.accepts((), &large));
        queue.finish(job);
        assert!(producer.accepts((), &large));
    }

    #[test]
    fn takers_end_when_the_last_producer_has_gone_even_by_a_panic() {
        let queue = Queue::<()>::new();
        let (first, second) = (queue.producer(), queue.producer());
        std::thread::scope(|scope| {
            let taker = scope.spawn(|| queue.take().is_none());
            drop(first);
            scope.spawn(move || drop(second));
            assert!(taker.join().unwrap());
        });
    }

    #[test]
    fn buffers_are_used_again_unless_they_are_large() {
        let queue = Queue::<()>::new();
        queue.finish(Job { place: (), json: Vec::with_capacity(SPARE_BYTES + 1) });
        queue.finish(Job { place: (), json: Vec::with_capacity(1000) });
        let producer = queue.producer();
        producer.accepts((), b"x");
        assert_eq!(queue.take().unwrap().json.capacity(), 1000);
    }
}
