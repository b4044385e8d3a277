//! The short way of an event that a sample leaves out: it is counted, and nothing else is looked at.
//!
//! Taken where only a sample is recorded ([`LEAVES_OUT`]); what it cannot decide at once goes the long way through `events`,
//! which begins anew.

use crate::bracket::{FENCED, LEAVES_OUT, PROGRAM, SCOPED};
use crate::filter;
use crate::inside::{enter_at_once, leave};
use crate::mark::Mark;
use crate::poisson;
use crate::program;
use crate::thread::ThreadState;
use crate::totals::add;

/// Whether there may be anything to leave out. (Where threads make their own fences, those are what an event costs.)
#[inline(always)]
pub fn is_due(flags: u32) -> bool {
    flags & (LEAVES_OUT | SCOPED | FENCED) == LEAVES_OUT
}

/// The new block, if the sample leaves it out. Otherwise `inner` was not called.
#[inline(always)]
pub fn alloc(flags: u32, size: usize, inner: impl FnOnce() -> *mut u8) -> Option<*mut u8> {
    unless_sampled(flags, size, inner, |_| ())
}

/// Whether the block was left out.
#[inline(always)]
pub fn free(flags: u32, block: usize, size: usize) -> bool {
    if filter::may_hold(block) {
        return false;
    }
    let mark = Mark::new();
    let state = match enter_at_once(flags, &mark) {
        Some(state) => state,
        None => return false,
    };
    if flags & PROGRAM != 0 {
        program::released(flags, state, block, None);
    }
    freed(flags, state, size);
    leave(state, &mark);
    true
}

/// The block, which was left out before and is again. Otherwise `inner` was not called.
#[inline(always)]
pub fn realloc(
    flags: u32,
    old: usize,
    old_size: usize,
    new_size: usize,
    inner: impl FnOnce() -> *mut u8,
) -> Option<*mut u8> {
    if filter::may_hold(old) {
        return None;
    }
    unless_sampled(flags, new_size, inner, |state| {
        freed(flags, state, old_size);
        state.counters.resized(old_size, new_size);
    })
}

/// The block that `inner` gives, if the sample leaves it out; `count` adds what comes before the block itself.
#[inline(always)]
fn unless_sampled(
    flags: u32,
    size: usize,
    inner: impl FnOnce() -> *mut u8,
    count: impl FnOnce(&ThreadState),
) -> Option<*mut u8> {
    let mark = Mark::new();
    let state = enter_at_once(flags, &mark)?;
    let mut block = None;
    if poisson::leaves_out(flags, state, size) {
        let given = inner();
        block = Some(given);
        if !given.is_null() {
            count(state);
            allocated(flags, state, given as usize, size);
        }
    }
    leave(state, &mark);
    block
}

#[inline(always)]
fn allocated(flags: u32, state: &ThreadState, block: usize, size: usize) {
    poisson::passed(state, size);
    state.counters.allocated(size);
    if flags & PROGRAM != 0 {
        program::allocated(flags, state, block, size);
    }
}

#[inline(always)]
fn freed(flags: u32, state: &ThreadState, size: usize) {
    add(&state.counters.frees, 1);
    add(&state.counters.freed_bytes, size as u64);
    if flags & PROGRAM != 0 {
        program::freed(state, size as u64);
    }
}
