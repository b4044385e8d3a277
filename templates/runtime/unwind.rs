//! Stack walks: from the registers of one place up to the thread's start, one rule a frame.
//!
//! A walk is a function of the registers and the stack words that it reads; `memo` builds on that. Every word is read inside
//! known bounds, and every frame must lie above the last: a wrong table can give a wrong stack, not a crash.

use std::cell::Cell;
use std::ptr;

use crate::arch::{step, ReturnAt};
use crate::{places, rules, sys};

pub use crate::arch::{registers, Registers};

/// Stack words that a walk may read.
pub trait Words {
    /// `None` if no word may be read.
    fn read(&self, address: u64) -> Option<u64>;
}

/// Part of the calling thread's own stack.
#[derive(Clone, Copy)]
pub struct Bounds {
    pub low: u64,
    /// Exclusive.
    pub end: u64,
}

/// The calling thread's own stack; empty if libc does not say.
pub fn bounds() -> Bounds {
    let mut attr = sys::pthread_attr_t([0; 64]);
    let mut low = ptr::null_mut();
    let mut size = 0;
    // SAFETY: `attr` is large enough for libc's type and is destroyed after it was filled.
    unsafe {
        if sys::pthread_getattr_np(sys::pthread_self(), &mut attr) != 0 {
            return Bounds { low: 0, end: 0 };
        }
        let answer = sys::pthread_attr_getstack(&attr, &mut low, &mut size);
        sys::pthread_attr_destroy(&mut attr);
        if answer != 0 {
            return Bounds { low: 0, end: 0 };
        }
    }
    Bounds { low: low as u64, end: low as u64 + size as u64 }
}

impl Words for Bounds {
    #[inline(always)]
    fn read(&self, address: u64) -> Option<u64> {
        if address < self.low || address & 7 != 0 || address > self.end.saturating_sub(8) {
            return None;
        }
        // SAFETY: the word lies between the stack pointer and the stack's end, and is therefore mapped.
        Some(unsafe { ptr::read_volatile(address as *const u64) })
    }
}

/// A stack of unknown bounds (a coroutine's, a signal's): the kernel says of each page whether it can be read.
pub struct Foreign {
    /// The page that was last found readable.
    page: Cell<u64>,
}

impl Foreign {
    pub fn new(sp: u64) -> Foreign {
        Foreign { page: Cell::new(sp.wrapping_sub(1) >> PAGE_BITS) }
    }
}

const PAGE_BITS: u32 = 12;

impl Words for Foreign {
    fn read(&self, address: u64) -> Option<u64> {
        if address & 7 != 0 {
            return None;
        }
        if address >> PAGE_BITS != self.page.get() {
            if !sys::readable(address) {
                return None;
            }
            self.page.set(address >> PAGE_BITS);
        }
        // SAFETY: the page below the stack pointer is mapped, since some code pushed a frame there, and the kernel has
        // just read a word of every other one.
        Some(unsafe { ptr::read_volatile(address as *const u64) })
    }
}

/// One step of a walk, from a frame to its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The registers are the caller's now.
    Caller {
        return_at: ReturnAt,
        /// Where the frame pointer was read from; 0 if it is still the callee's.
        fp_at: u64,
        /// The caller's frame was found through the frame pointer.
        by_fp: bool,
    },
    /// The registers are those of code that a signal interrupted.
    Interrupted,
    /// This was the thread's first frame.
    Whole,
    /// Nothing is known about the caller.
    Cut,
}

/// The result of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    /// Addresses written.
    pub depth: usize,
    /// True if it reached the thread's start.
    pub whole: bool,
}

/// Walks from `at`, whose pc is exact; `out` receives the return addresses above it, innermost first.
///
/// `own` are the thread's bounds: outside of them the walk asks the kernel for each page.
pub fn walk(at: Registers, out: &mut [u64], own: Bounds) -> Walk {
    if at.sp >= own.low && at.sp < own.end {
        walk_in(at, out, &Bounds { low: at.sp, end: own.end })
    } else {
        walk_in(at, out, &Foreign::new(at.sp))
    }
}

#[inline(never)]
fn walk_in(mut at: Registers, out: &mut [u64], words: &impl Words) -> Walk {
    let texts = rules::installed().unwrap_or(&[]);
    let (mut depth, mut exact) = (0, true);
    loop {
        match step(texts, &mut at, &mut exact, words) {
            Step::Whole => return Walk { depth, whole: true },
            Step::Cut => {
                let place = at.pc.wrapping_sub(u64::from(!exact));
                return Walk { depth: depth.saturating_sub(usize::from(places::is_gone(place))), whole: false };
            }
            Step::Caller { .. } | Step::Interrupted => match out.get_mut(depth) {
                // A reader of the addresses subtracts one from each of them, to come into the call; for code that a
                // signal interrupted, the address itself is meant.
                Some(place) => *place = at.pc.wrapping_add(u64::from(exact)),
                None => return Walk { depth, whole: false },
            },
        }
        depth += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A coroutine that has pushed nothing yet: above the top of its stack there may be nothing to read.
    #[test]
    fn the_page_above_an_empty_stack_is_asked_about() {
        const MAP_FIXED: std::os::raw::c_int = 0x10;
        let flags = sys::MAP_PRIVATE | sys::MAP_ANONYMOUS;
        // SAFETY: fresh mappings, the second in place of the first's lower page; they stay.
        let top = unsafe {
            let low = sys::mmap(ptr::null_mut(), 2 << PAGE_BITS, 0, flags, -1, 0);
            let readable = sys::PROT_READ | sys::PROT_WRITE;
            sys::mmap(low, 1 << PAGE_BITS, readable, flags | MAP_FIXED, -1, 0) as u64 + (1 << PAGE_BITS)
        };
        let words = Foreign::new(top);
        assert_eq!((words.read(top - 8), words.read(top), words.read(top + 8)), (Some(0), None, None));
    }
}
