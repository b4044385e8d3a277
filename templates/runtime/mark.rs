//! The mark on its stack of a thread that is inside the recorder.

use std::arch::asm;
use std::cell::Cell;
use std::ptr;

/// A word on the stack of a thread inside the recorder, which holds its own address as long as that frame is there.
pub struct Mark(Cell<usize>);

impl Mark {
    #[inline(always)]
    pub fn new() -> Mark {
        Mark(Cell::new(0))
    }

    /// Gives its address.
    #[inline(always)]
    pub fn set(&self) -> usize {
        let at = self.0.as_ptr();
        // SAFETY: its own word. Volatile: only `has_left` reads it.
        unsafe { ptr::write_volatile(at, at as usize) };
        at as usize
    }

    /// Keeps its place from being used for anything else until here.
    #[inline(always)]
    pub fn keep(&self) {
        // SAFETY: no instruction.
        unsafe { asm!("/* {0} */", in(reg) self.0.as_ptr(), options(nostack, preserves_flags)) };
    }
}
