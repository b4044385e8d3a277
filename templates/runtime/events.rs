//! Events: allocations, resizes and frees as they are recorded, each by the flags of the open bracket.

use std::sync::atomic::Ordering;

use crate::between::{self, Gone};
use crate::bracket::{
    BETWEEN, COUNT, FREE_STACKS, LIVE, LIVE_BYTES, LOG, PEAK, PEAK_BYTES, PROGRAM, RECORDING, SCOPED,
};
use crate::calling::stack_of;
use crate::entry::Entry;
use crate::idle;
use crate::inside::{enter, leave, Refused};
use crate::live::{self, Block};
use crate::log::{self, Kind};
use crate::mark::Mark;
use crate::poisson;
use crate::program;
use crate::scoped;
use crate::thread::ThreadState;
use crate::totals::add;

/// Flags with which frees are looked at.
pub const FREES: u32 = LIVE | LOG | BETWEEN | SCOPED;

#[inline(always)]
pub fn alloc<const IS_ZEROED: bool>(flags: u32, size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    // Allocations between brackets belong to no pass.
    if flags & BETWEEN != 0 {
        return inner();
    }
    let mark = Mark::new();
    let state = match enter(flags, &mark) {
        Ok(state) => state,
        Err(_) => return inner(),
    };
    let block = inner();
    if !block.is_null() {
        let begun = poisson::begins(flags, state);
        let (entry, kept) = poisson::chosen_stack(flags, state, size);
        note_alloc(flags, state, entry, kept, block as usize, size, 0);
        poisson::ends(state, begun);
        if flags & LOG != 0 {
            let kind = if IS_ZEROED { Kind::Zeroed } else { Kind::Fresh };
            log::note(log::place(), kind, block as usize, size, entry, state.number());
        }
    }
    leave(state, &mark);
    block
}

#[inline(never)]
pub fn realloc(
    mut flags: u32,
    old: usize,
    old_size: usize,
    new_size: usize,
    inner: impl FnOnce() -> *mut u8,
) -> *mut u8 {
    if flags & SCOPED != 0 {
        return scoped_realloc(flags & !SCOPED, old, old_size, new_size, inner);
    }
    let mark = Mark::new();
    let state = loop {
        match enter(flags, &mark) {
            Ok(state) => break state,
            Err(Refused::Never) => return inner(),
            // The old block may be the pass's: its end must not be missed.
            Err(Refused::Changed) => flags = RECORDING.load(Ordering::Relaxed) & !SCOPED,
        }
        if flags & FREES == 0 {
            return inner();
        }
    };
    if flags & BETWEEN != 0 {
        let block = moved_between(old, new_size, inner);
        leave(state, &mark);
        return block;
    }
    // Before the inner call: from then on another thread may get the old address.
    let was = if flags & LIVE != 0 { poisson::removed(flags, old, old_size) } else { None };
    let moved = if flags & LOG != 0 { Some(log::place()) } else { None };
    if let Some(place) = moved {
        log::note(place, Kind::Moved, old, old_size, None, state.number());
    }
    let block = inner();
    if block.is_null() {
        if let Some(was) = was.filter(|was| !was.left_out) {
            poisson::keep(flags, old, was);
        }
        if let Some(place) = moved {
            log::take_back(place);
        }
    } else {
        let begun = poisson::begins(flags, state);
        if let Some(was) = was {
            note_free(flags, state, was);
        }
        // Of a block that the pass did not allocate, it only adds the growth; a tool that joined the program later sees
        // all of it, as of the blocks that are allocated since.
        let unknown = if idle::is_joined() { 0 } else { old_size };
        let before = was.map_or(unknown, |was| was.before);
        note_peak(flags, -(old_size as i64));
        let grown = state.counters.resized(old_size, new_size);
        let (entry, kept) = poisson::chosen_stack(flags, state, new_size);
        if let Some(entry) = entry {
            entry.resized(grown);
        }
        note_alloc(flags, state, entry, kept, block as usize, new_size, before);
        poisson::ends(state, begun);
        if flags & LOG != 0 {
            log::note(log::place(), Kind::Resized, block as usize, new_size, entry, state.number());
        }
    }
    leave(state, &mark);
    block
}

/// While a scope is open; a bracket may be, too.
#[cold]
#[inline(never)]
fn scoped_realloc(
    flags: u32,
    old: usize,
    old_size: usize,
    new_size: usize,
    inner: impl FnOnce() -> *mut u8,
) -> *mut u8 {
    match flags {
        0 => scoped::realloc(old, old_size, new_size, inner),
        _ => scoped::realloc(old, old_size, new_size, || realloc(flags, old, old_size, new_size, inner)),
    }
}

/// A realloc between two brackets, which adds no block to the pass: a block of the pass keeps the smaller of both
/// sizes.
#[cold]
#[inline(never)]
fn moved_between(old: usize, new_size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let was = live::remove(old);
    let block = inner();
    if let Some(was) = was {
        let is = if block.is_null() { was } else { Block { size: was.size.min(new_size), ..was } };
        between::freed(&was, Gone { objects: 0, bytes: was.added().bytes - is.added().bytes });
        live::insert(if block.is_null() { old } else { block as usize }, is);
    }
    block
}

#[inline(always)]
pub fn free(flags: u32, block: usize, size: usize) {
    if flags & SCOPED != 0 {
        return scoped_free(flags & !SCOPED, block, size);
    }
    let mark = Mark::new();
    let state = match enter(flags, &mark) {
        Ok(state) => state,
        Err(Refused::Never) => return,
        Err(Refused::Changed) => return free_by_now(block, size),
    };
    match poisson::removed_plainly(flags, block) {
        Some(was) => released(flags, state, block, was),
        None => freed(flags, state, block, size),
    }
    leave(state, &mark);
}

/// The flags have changed: the block may be the pass's, and its end must not be missed.
#[cold]
#[inline(never)]
fn free_by_now(block: usize, size: usize) {
    let flags = RECORDING.load(Ordering::Relaxed) & !SCOPED;
    if flags & FREES != 0 {
        free(flags, block, size);
    }
}

/// While a scope is open; a bracket may be, too.
#[cold]
#[inline(never)]
fn scoped_free(flags: u32, block: usize, size: usize) {
    scoped::free(block);
    if flags & FREES != 0 {
        free(flags, block, size);
    }
}

#[inline(never)]
fn freed(flags: u32, state: &'static ThreadState, block: usize, size: usize) {
    if flags & BETWEEN != 0 {
        if let Some(was) = live::remove(block) {
            between::freed(&was, was.added());
        }
        return;
    }
    if flags & LIVE != 0 {
        let begun = poisson::begins(flags, state);
        if let Some(was) = poisson::removed(flags, block, size) {
            released(flags, state, block, was);
        }
        poisson::ends(state, begun);
    }
    if flags & LOG != 0 {
        let entry = if flags & FREE_STACKS != 0 { stack_of(flags, state) } else { None };
        log::note(log::place(), Kind::Freed, block, size, entry, state.number());
    }
    note_peak(flags, -(size as i64));
}

/// Counts that `block`, which was kept as `was`, is freed.
#[inline(always)]
fn released(flags: u32, state: &ThreadState, block: usize, was: Block) {
    if flags & PROGRAM != 0 {
        program::released(flags, state, block, was.entry);
    }
    note_free(flags, state, was);
}

/// `before`: see [`Block`]. `kept`: the block is one of the live ones from now on.
#[inline(always)]
fn note_alloc(
    flags: u32,
    state: &ThreadState,
    entry: Option<&'static Entry>,
    kept: bool,
    block: usize,
    size: usize,
    before: usize,
) {
    if flags & COUNT != 0 {
        state.counters.allocated(size);
    }
    let _turn = program::turn(flags, entry);
    if let Some(entry) = entry {
        entry.allocated(size as u64);
    }
    if flags & PROGRAM != 0 {
        program::allocated(flags, state, block, size);
    }
    if flags & LIVE != 0 && kept {
        let is = Block { entry, size, before, left_out: false };
        poisson::keep(flags, block, is);
        if before != 0 {
            // The rest was there before.
            let gone = Gone { objects: 1, bytes: size as u64 - is.added().bytes };
            note_gone(flags, state, &is, gone);
        }
    }
    note_peak(flags, size as i64);
}

/// Changes the live bytes above the bracket's start; blocks from before it may be freed in it, too.
#[inline(always)]
fn note_peak(flags: u32, change: i64) {
    if flags & PEAK != 0 {
        let live = LIVE_BYTES.fetch_add(change, Ordering::Relaxed) + change;
        PEAK_BYTES.fetch_max(live, Ordering::Relaxed);
    }
}

#[inline(always)]
fn note_gone(flags: u32, state: &ThreadState, was: &Block, gone: Gone) {
    add(&state.counters.freed_bytes, gone.bytes);
    if flags & PROGRAM != 0 {
        program::freed(state, gone.bytes);
    }
    if let Some(entry) = was.entry {
        entry.freed(state, gone);
    }
}

#[inline(always)]
fn note_free(flags: u32, state: &ThreadState, was: Block) {
    let _turn = program::turn(flags, was.entry);
    add(&state.counters.frees, 1);
    note_gone(flags, state, &was, was.added());
}
