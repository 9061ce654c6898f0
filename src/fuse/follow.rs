//! Brings a listening thread to the processor of the program that it answers.
//!
//! A tree walk is thousands of requests, each of which waits for its answer. The kernel prefers to wake the listener
//! on an idle processor; but to rouse one costs more than the answer, above all in virtual machines, and on the asker's own
//! processor, which waits anyway, it costs nothing. So whoever asks again and again is followed, until somebody else
//! asks or contents are read: those come while their reader runs on.

use crate::sys::processor::{self, Processors};
use std::cell::Cell;

/// After how many requests in a row of one program it is followed, and how often we look whether it has moved on.
const STREAK: u32 = 16;

thread_local! {
    static LISTENER: Cell<Listener> = const { Cell::new(Listener { asker: 0, streak: 0, home: None, at: None }) };
}

/// What a listening thread knows.
#[derive(Clone, Copy)]
struct Listener {
    /// The thread that asked last.
    asker: u32,
    /// How many requests it made in a row, since we last looked where it is.
    streak: u32,
    /// Where this thread may run by itself, once it has followed somebody.
    home: Option<Processors>,
    /// Where it is confined to.
    at: Option<usize>,
}

/// Notes that the thread `asker` wants to know of names or attributes, and waits for it.
pub(super) fn waits(asker: u32) {
    LISTENER.with(|cell| {
        let mut listener = cell.get();
        if listener.asker == asker {
            listener.streak = listener.streak.saturating_add(1);
            if listener.streak >= STREAK {
                listener.streak = 0;
                listener.follow();
            }
        } else {
            listener.leave();
            listener.asker = asker;
        }
        cell.set(listener);
    });
}

/// Notes a request during which its program may run on.
pub(super) fn runs_on() {
    LISTENER.with(|cell| {
        let mut listener = cell.get();
        listener.leave();
        cell.set(listener);
    });
}

impl Listener {
    /// Goes to where the asker is. If that can't be, everything stays as it is: it would only have been faster.
    fn follow(&mut self) {
        let place = processor::of_thread(self.asker);
        if place == self.at {
            return;
        }
        let Some(home) = self.home.or_else(|| Processors::of_this_thread().ok()) else { return };
        self.home = Some(home);
        let confined = place.and_then(|place| home.only(place)?.confine_this_thread().ok());
        match confined {
            Some(()) => self.at = place,
            None => self.leave(),
        }
    }

    /// Lets the kernel choose again.
    fn leave(&mut self) {
        self.streak = 0;
        self.asker = 0;
        if self.at.take().is_some()
            && let Some(home) = &self.home
        {
            // If it fails, there is a new set already, which the system gave us.
            let _ = home.confine_this_thread();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;

    fn place() -> Option<usize> {
        LISTENER.with(|cell| cell.get().at)
    }

    #[test]
    fn who_asks_again_and_again_is_followed_until_somebody_else_asks_or_reads() {
        let asker = process::id();
        for _ in 0..STREAK {
            assert_eq!(place(), None);
            waits(asker);
        }
        waits(asker);
        assert!(place().is_some());
        waits(1);
        assert_eq!(place(), None);
        for _ in 0..=STREAK {
            waits(asker);
        }
        assert!(place().is_some());
        runs_on();
        assert_eq!(place(), None);
    }

    #[test]
    fn askers_who_take_turns_are_not_followed() {
        for turn in 0..1000 {
            waits(if turn % 2 == 0 { process::id() } else { 1 });
            assert_eq!(place(), None);
        }
    }

    #[test]
    fn an_asker_who_is_not_to_be_found_is_not_followed() {
        for _ in 0..1000 {
            waits(u32::MAX);
            assert_eq!(place(), None);
        }
    }
}
