//! Bugs of our own: a panic over one conversation is caught there, so that all others are shown.

use crate::error::{Error, ErrorKind};
use std::cell::RefCell;
use std::fmt;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};

thread_local! {
    /// Where this thread last panicked while it runs something whose panics are caught; `None` otherwise.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A panic that was caught. Displays where it happened, but not its message, which may quote a chat.
#[derive(Debug)]
pub(crate) struct Bug {
    /// Empty if unknown.
    place: String,
}

impl fmt::Display for Bug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bug in gptfs")?;
        if !self.place.is_empty() {
            write!(f, " ({})", self.place)?;
        }
        f.write_str("; please report it")
    }
}

impl Bug {
    /// As the error of what ran.
    pub(crate) fn into_error(self) -> Error {
        Error::new(ErrorKind::Unexpected, self.to_string())
    }
}

/// Runs `work`. What it was working on is lost if it panics.
///
/// # Errors
/// A panic. Nothing is printed about it if there is a hook of [`set_hook`].
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Bug> {
    let before = PLACE.replace(Some(String::new()));
    let result = panic::catch_unwind(AssertUnwindSafe(work));
    let place = PLACE.replace(before).unwrap_or_default();
    result.map_err(|_| Bug { place })
}

/// Makes `report` report the panics that are not [caught].
pub(crate) fn set_hook(report: impl Fn(&PanicHookInfo<'_>) + Send + Sync + 'static) {
    panic::set_hook(Box::new(move |panic| {
        let is_caught = PLACE.try_with(|place| {
            place.try_borrow_mut().is_ok_and(|mut place| {
                if let (Some(place), Some(location)) = (place.as_mut(), panic.location()) {
                    *place = location.to_string();
                }
                place.is_some()
            })
        });
        if !is_caught.unwrap_or_default() {
            report(panic);
        }
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn a_caught_panic_says_where_it_happened_and_nothing_of_what_it_says() {
        let reported = Arc::new(AtomicUsize::new(0));
        let (count, others) = (Arc::clone(&reported), panic::take_hook());
        set_hook(move |panic| {
            // Other tests may panic meanwhile.
            if panic.payload().downcast_ref() == Some(&"a word of a chat") {
                count.fetch_add(1, Ordering::Relaxed);
            } else {
                others(panic);
            }
        });
        let word = || -> usize { panic!("a word of a chat") };
        let (line, bug) = (line!(), caught(|| panic!("a word of a chat")).unwrap_err());
        let place = format!("({}:{line}:", file!());
        let told = bug.to_string();
        assert!(told.starts_with("a bug in gptfs (") && told.ends_with("); please report it"), "{told}");
        assert!(told.contains(&place) && !told.contains("chat"), "{told}");
        assert_eq!(caught(|| caught(word).is_err()).ok(), Some(true));
        assert_eq!(reported.load(Ordering::Relaxed), 0);
        assert!(panic::catch_unwind(word).is_err());
        assert_eq!(reported.load(Ordering::Relaxed), 1);
        assert_eq!(caught(|| 7).ok(), Some(7));
    }
}
