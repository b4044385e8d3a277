//! Whole stacks of a thread, remembered by where the walk began: a loop that allocates in a few hundred ways finds them all.
//!
//! A stack is proven as in `memo`, by reading every word again that led to it. Which of the stacks to try is guessed from the
//! stack pointer and one return address near it, at an offset learnt from earlier walks: a wrong guess costs time only.

use std::ptr;

use crate::memo::{mismatch, Check};
use crate::stacks::Entry;
use crate::unwind::{Bounds, Registers, Words};

const SETS: usize = 128;
const WAYS: usize = 4;
/// Deeper stacks are left to the previous-stack memory.
const MOST_CHECKS: usize = 60;

#[derive(Clone, Copy)]
#[repr(C)]
struct Way {
    pc: u64,
    rsp: u64,
    rbp: u64,
    entry: *const Entry,
    generation: u32,
    checks_len: u16,
    rbp_matters: bool,
    checks: [Check; MOST_CHECKS],
}

#[repr(C)]
struct Set {
    /// Of each way, bits of what it was placed by.
    tags: [u32; WAYS],
    next: u32,
    ways: [Way; WAYS],
}

/// Where a stack is looked for.
#[derive(Clone, Copy)]
pub struct Place {
    set: usize,
    tag: u32,
}

/// Zero is empty.
#[repr(C)]
pub struct Whole {
    /// Stacks of other generations are another thread's.
    generation: u32,
    /// How well it went lately: where nothing is found again, little is kept.
    credit: u32,
    /// By code that walks: how far above its stack pointer the caller's caller's return address lies.
    offsets: [u32; OFFSETS],
    sets: [Set; SETS],
}

const OFFSETS: usize = 16;
const MOST_CREDIT: u32 = 64;
/// Without credit one stack in so many is kept.
const SELDOM: u32 = 16;

fn offset_of(pc: u64) -> usize {
    (pc.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as usize & (OFFSETS - 1)
}

impl Whole {
    pub fn forget(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    #[inline(always)]
    pub fn place(&self, at: Registers, bounds: Bounds) -> Place {
        let near = at.rsp + u64::from(self.offsets[offset_of(at.pc)]);
        let word = bounds.read(near).unwrap_or(0);
        let hash = (at.rsp.rotate_left(32) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Place { set: (hash >> 57) as usize & (SETS - 1), tag: (hash >> 25) as u32 | 1 }
    }

    /// The remembered stack that stands at `at` now.
    ///
    /// # Safety
    /// `at` is inside the stack of the thread whose memory this is, and its stack pointer is the current one or above it.
    #[inline(always)]
    pub unsafe fn find(&mut self, place: Place, at: Registers) -> Option<&'static Entry> {
        let set = self.sets.get(place.set)?;
        for (way, _) in set.ways.iter().zip(&set.tags).filter(|(_, &tag)| tag == place.tag) {
            if way.pc != at.pc
                || way.rsp != at.rsp
                || way.generation != self.generation
                || way.rbp_matters && way.rbp != at.rbp
            {
                continue;
            }
            let checks = way.checks.get(..usize::from(way.checks_len))?;
            if mismatch(checks).is_none() {
                self.credit = (self.credit + 2).min(MOST_CREDIT);
                return way.entry.as_ref();
            }
        }
        None
    }

    /// The second frame of a walk from `start` was found at `cfa`.
    #[inline(always)]
    pub fn learn(&mut self, start: Registers, cfa: u64) {
        self.offsets[offset_of(start.pc)] = cfa.wrapping_sub(8).wrapping_sub(start.rsp) as u32;
    }

    /// Remembers a stack.
    #[inline(always)]
    pub fn keep(&mut self, place: Place, at: Registers, rbp_matters: bool, checks: &[Check], entry: &'static Entry) {
        if checks.len() > MOST_CHECKS {
            return;
        }
        self.credit = match self.credit {
            0 => SELDOM,
            credit => credit - 1,
        };
        if self.credit < SELDOM && self.credit != 0 {
            return;
        }
        let set = match self.sets.get_mut(place.set) {
            Some(set) => set,
            None => return,
        };
        let victim = set.next as usize & (WAYS - 1);
        set.next = set.next.wrapping_add(1);
        set.tags[victim] = place.tag;
        let way = &mut set.ways[victim];
        way.pc = at.pc;
        way.rsp = at.rsp;
        way.rbp = at.rbp;
        way.entry = entry;
        way.generation = self.generation;
        way.checks_len = checks.len() as u16;
        way.rbp_matters = rbp_matters;
        // SAFETY: `checks` fits, as was asked above, and lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(checks.as_ptr(), way.checks.as_mut_ptr(), checks.len()) };
    }
}
