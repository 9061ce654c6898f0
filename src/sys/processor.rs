//! Which processor a thread runs on, and which ones it may run on.

use std::fs;
use std::io;
use std::mem::{MaybeUninit, size_of};

/// The processors that a thread may run on.
#[derive(Clone, Copy)]
pub struct Processors(libc::cpu_set_t);

impl Processors {
    /// Those of this thread.
    ///
    /// # Errors
    /// If the machine has more processors than libc's sets have room for.
    pub fn of_this_thread() -> io::Result<Self> {
        let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
        // SAFETY: `set` is a valid place for so many bytes, and all zeros are a valid set.
        let set = unsafe {
            super::checked(libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()))?;
            set.assume_init()
        };
        Ok(Self(set))
    }

    /// Only the processor `number`, if it is one of these.
    pub fn only(&self, number: usize) -> Option<Self> {
        if number >= size_of::<libc::cpu_set_t>().saturating_mul(8) {
            return None;
        }
        // SAFETY: `number` lies within the sets, and all zeros are a valid set.
        unsafe {
            let mut one = MaybeUninit::<libc::cpu_set_t>::zeroed().assume_init();
            libc::CPU_SET(number, &mut one);
            libc::CPU_ISSET(number, &self.0).then_some(Self(one))
        }
    }

    /// Lets this thread run on these and no others.
    ///
    /// # Errors
    /// If none of them may be used any more.
    pub fn confine_this_thread(&self) -> io::Result<()> {
        // SAFETY: the pointer and the size describe `self`, which lives longer than the call.
        super::checked(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const self.0) })
            .map(drop)
    }
}

/// The processor that the thread `id` runs on, or ran on last; `None` if there is no such thread or `/proc` hides it.
pub fn of_thread(id: u32) -> Option<usize> {
    // The 39th field. The second is a name in brackets, which may hold anything.
    let text = fs::read(format!("/proc/{id}/stat")).ok()?;
    let after_name = text.iter().rposition(|&byte| byte == b')')?.checked_add(2)?;
    let field = text.get(after_name..)?.split(|&byte| byte == b' ').nth(36)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process;
    use std::thread;

    #[test]
    fn a_confined_thread_runs_where_it_is_told() {
        thread::spawn(|| {
            let all = Processors::of_this_thread().unwrap();
            let mut seen = 0;
            for number in 0..1024 {
                let Some(one) = all.only(number) else { continue };
                one.confine_this_thread().unwrap();
                // SAFETY: takes nothing and touches no memory.
                let id = u32::try_from(unsafe { libc::gettid() }).unwrap();
                assert_eq!(of_thread(id), Some(number));
                assert!(one.only(number.wrapping_add(1)).is_none());
                seen += 1;
            }
            all.confine_this_thread().unwrap();
            assert!(seen > 0);
        })
        .join()
        .unwrap();
    }

    #[test]
    fn what_does_not_exist_is_none() {
        assert_eq!(of_thread(u32::MAX), None);
        assert!(of_thread(process::id()).is_some());
        assert!(Processors::of_this_thread().unwrap().only(usize::MAX).is_none());
    }
}
