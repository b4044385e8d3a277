//! Whole stacks of a thread, remembered by where the walk began: a loop that allocates in a few hundred ways finds them all.
//!
//! A stack is proven as in `memo`, by reading every word again that led to it. Which of the stacks to try is guessed from the
//! stack pointer and a few return addresses, at distances learnt from earlier walks: a wrong guess costs time only.

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

/// Of each way of a set, bits of what it was placed by; together, so that one look rules out most.
#[derive(Clone, Copy)]
#[repr(C)]
struct Tags([u32; WAYS]);

/// Where a stack is looked for.
#[derive(Clone, Copy)]
pub struct Place {
    set: usize,
    tag: u32,
    /// Whose distances were used.
    hint: usize,
}

/// Zero is empty.
#[repr(C)]
pub struct Whole {
    /// Stacks of other generations are another thread's.
    generation: u32,
    /// How well it went lately: where nothing is found again, little is kept.
    credit: u32,
    kept: u32,
    /// By code that walks: how far above its stack pointer the return address of the allocating function's caller lies.
    first: [u32; FIRST],
    /// By that return address: where others lie, further up. 0 where nothing is known.
    further: [[u16; WORDS]; FURTHER],
    tags: [Tags; SETS],
    victims: [u8; SETS],
    ways: [[Way; WAYS]; SETS],
}

const FIRST: usize = 16;
const FURTHER: usize = 64;
const WORDS: usize = 8;
const MOST_CREDIT: u32 = 64;
/// Without credit one stack in so many is kept; with it one in so many changes where the telling words are sought.
const SELDOM: u32 = 16;
const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

fn first_of(pc: u64) -> usize {
    (pc.wrapping_mul(FACTOR) >> 60) as usize & (FIRST - 1)
}

impl Whole {
    pub fn forget(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    #[inline(always)]
    pub fn place(&self, at: Registers, bounds: Bounds) -> Place {
        let first = bounds.read(at.rsp + u64::from(self.first[first_of(at.pc)])).unwrap_or(0);
        let hint = (first.wrapping_mul(FACTOR) >> 58) as usize & (FURTHER - 1);
        let mut hash = at.rsp.rotate_left(32) ^ first;
        let distances = &self.further[hint];
        // They were learnt from the innermost frame outwards: where the last is in the stack, all are.
        if at.rsp + u64::from(distances[WORDS - 1]) * 8 + 8 <= bounds.end {
            for (i, &distance) in distances.iter().enumerate() {
                // SAFETY: an aligned word between the stack pointer and the stack's end.
                let word = unsafe { ptr::read_volatile((at.rsp + u64::from(distance) * 8) as *const u64) };
                hash ^= word.rotate_left(7 * i as u32 + 7);
            }
        }
        hash = hash.wrapping_mul(FACTOR);
        hash ^= hash >> 32;
        hash = hash.wrapping_mul(FACTOR);
        Place { set: (hash >> 57) as usize & (SETS - 1), tag: (hash >> 25) as u32 | 1, hint }
    }

    /// The remembered stack that stands at `at` now.
    ///
    /// # Safety
    /// `at` is inside the stack of the thread whose memory this is, and its stack pointer is the current one or above it.
    #[inline(always)]
    pub unsafe fn find(&mut self, place: Place, at: Registers) -> Option<&'static Entry> {
        let (tags, ways) = (self.tags.get(place.set)?, self.ways.get(place.set)?);
        for (way, _) in ways.iter().zip(&tags.0).filter(|(_, &tag)| tag == place.tag) {
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

    /// Learns from a walk how far above its start each return address was found, innermost first.
    #[cold]
    #[inline(never)]
    pub fn learn(&mut self, place: Place, start: Registers, distances: impl Iterator<Item = u64>) {
        self.kept = self.kept.wrapping_add(1);
        let known = self.further[place.hint][0] != 0;
        if known && self.kept % SELDOM != 0 {
            return;
        }
        let mut distances = distances.skip(1);
        let mut last = match distances.next() {
            Some(distance) => distance,
            None => return,
        };
        self.first[first_of(start.pc)] = last as u32;
        for known in &mut self.further[place.hint] {
            // Where the stack is no deeper, a word that tells nothing new.
            last = distances.next().unwrap_or(last);
            *known = u16::try_from(last / 8).unwrap_or(0);
        }
    }

    /// Remembers a stack.
    #[inline(always)]
    pub fn keep(
        &mut self,
        place: Place,
        at: Registers,
        rbp_matters: bool,
        checks: &[Check],
        entry: &'static Entry,
    ) -> bool {
        if checks.len() > MOST_CHECKS {
            return false;
        }
        self.credit = match self.credit {
            0 => SELDOM,
            credit => credit - 1,
        };
        if self.credit < SELDOM && self.credit != 0 {
            return false;
        }
        let (ways, tags) = match (self.ways.get_mut(place.set), self.tags.get_mut(place.set)) {
            (Some(ways), Some(tags)) => (ways, tags),
            _ => return false,
        };
        let victim = usize::from(self.victims[place.set]) & (WAYS - 1);
        self.victims[place.set] = self.victims[place.set].wrapping_add(1);
        tags.0[victim] = place.tag;
        let way = &mut ways[victim];
        way.pc = at.pc;
        way.rsp = at.rsp;
        way.rbp = at.rbp;
        way.entry = entry;
        way.generation = self.generation;
        way.checks_len = checks.len() as u16;
        way.rbp_matters = rbp_matters;
        // SAFETY: `checks` fits, as was asked above, and lies elsewhere.
        unsafe { ptr::copy_nonoverlapping(checks.as_ptr(), way.checks.as_mut_ptr(), checks.len()) };
        true
    }
}
