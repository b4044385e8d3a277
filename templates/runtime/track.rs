//! The tracker: the allocator in charge, with counting around it.

use std::alloc::{GlobalAlloc, Layout};
use std::ops::Deref;
use std::sync::atomic::Ordering;

use crate::between::{self, Gone};
use crate::bracket::{
    BETWEEN, COUNT, FREE_STACKS, LIVE, LIVE_BYTES, LOG, PEAK, PEAK_BYTES, PROGRAM, RECORDING, SCOPED, STACKS,
};
use crate::calling::stack_of;
use crate::entry::Entry;
use crate::idle;
use crate::inside::{enter, leave, Refused};
use crate::left_out;
use crate::live::{self, Block};
use crate::log::{self, Kind};
use crate::mark::Mark;
use crate::poisson;
use crate::program;
use crate::scoped;
use crate::thread::ThreadState;
use crate::totals::{add, Counters};

/// An allocator with counting around it. Outside a bracket it costs a load and a branch.
pub struct Track<A> {
    memprof_tracked: A,
}

impl<A> Track<A> {
    pub const fn new(inner: A) -> Self {
        Track { memprof_tracked: inner }
    }
}

impl<A> Deref for Track<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.memprof_tracked
    }
}

// SAFETY: every call is answered by the inner allocator with the caller's own arguments.
//
// The recorder is called from no function of std's (`unwrap_or_else`): it would be the innermost frame of stacks.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Track<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match RECORDING.load(Ordering::Relaxed) {
            0 => self.memprof_tracked.alloc(layout),
            COUNT => counted(|| self.memprof_tracked.alloc(layout), |counters| counters.allocated(layout.size())),
            flags => allocated(flags, 0, layout.size(), || self.memprof_tracked.alloc(layout)),
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match RECORDING.load(Ordering::Relaxed) {
            0 => self.memprof_tracked.alloc_zeroed(layout),
            COUNT => {
                counted(|| self.memprof_tracked.alloc_zeroed(layout), |counters| counters.allocated(layout.size()))
            }
            flags => allocated(flags, ZEROED, layout.size(), || self.memprof_tracked.alloc_zeroed(layout)),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        let flags = RECORDING.load(Ordering::Relaxed);
        let is_done = left_out::is_due(flags) && left_out::free(flags, block as usize, layout.size());
        if !is_done && flags & FREES != 0 {
            record_free(flags, block as usize, layout.size());
        }
        self.memprof_tracked.dealloc(block, layout)
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match RECORDING.load(Ordering::Relaxed) {
            0 => self.memprof_tracked.realloc(block, layout, new_size),
            COUNT => counted(
                || self.memprof_tracked.realloc(block, layout, new_size),
                |counters| {
                    counters.resized(layout.size(), new_size);
                    counters.allocated(new_size);
                },
            ),
            flags => reallocated(flags, block as usize, layout.size(), new_size, || {
                self.memprof_tracked.realloc(block, layout, new_size)
            }),
        }
    }
}

/// Beside the bracket's flags: the block was asked for zeroed.
const ZEROED: u32 = 1 << 31;

/// Flags with which frees are looked at.
const FREES: u32 = LIVE | LOG | BETWEEN | SCOPED;

/// The short form of [`recorded_alloc`] and [`recorded_realloc`] if only numbers are asked for: `count` adds to them.
#[inline(always)]
fn counted(inner: impl FnOnce() -> *mut u8, count: impl FnOnce(&Counters)) -> *mut u8 {
    let mark = Mark::new();
    let state = match enter(COUNT, &mark) {
        Ok(state) => state,
        Err(_) => return inner(),
    };
    let block = inner();
    if !block.is_null() {
        count(&state.counters);
    }
    // Last: a signal's handler that allocates between the load and the store of an addition would be lost.
    leave(state, &mark);
    block
}

/// By the short way, where that is enough.
#[inline(always)]
fn allocated(flags: u32, zeroed: u32, size: usize, inner: impl Fn() -> *mut u8) -> *mut u8 {
    if left_out::is_due(flags) {
        if let Some(block) = left_out::alloc(flags, size, &inner) {
            return block;
        }
    }
    recorded_alloc(flags | zeroed, size, inner)
}

/// Likewise.
#[inline(always)]
fn reallocated(flags: u32, old: usize, old_size: usize, new_size: usize, inner: impl Fn() -> *mut u8) -> *mut u8 {
    if left_out::is_due(flags) {
        if let Some(block) = left_out::realloc(flags, old, old_size, new_size, &inner) {
            return block;
        }
    }
    recorded_realloc(flags, old, old_size, new_size, inner)
}

/// A program's flags, where every event is recorded: code of its own, in which they are known.
const EXACT: u32 = COUNT | LIVE | PROGRAM | STACKS;

#[inline(never)]
fn recorded_alloc(flags: u32, size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    match flags {
        EXACT => recorded_alloc_by(EXACT, size, inner),
        _ => recorded_alloc_by(flags, size, inner),
    }
}

#[inline(always)]
fn recorded_alloc_by(flags: u32, size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    if flags & SCOPED != 0 {
        return scoped_alloc(flags & !SCOPED, size, inner);
    }
    // Allocations between brackets belong to no pass.
    if flags & BETWEEN != 0 {
        return inner();
    }
    let mark = Mark::new();
    let state = match enter(flags & !ZEROED, &mark) {
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
            let kind = if flags & ZEROED != 0 { Kind::Zeroed } else { Kind::Fresh };
            log::note(log::place(), kind, block as usize, size, entry, state.number());
        }
    }
    leave(state, &mark);
    block
}

#[inline(never)]
fn recorded_realloc(
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
fn scoped_alloc(flags: u32, size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    match flags & !ZEROED {
        0 => scoped::alloc(size, inner),
        _ => scoped::alloc(size, || recorded_alloc(flags, size, inner)),
    }
}

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
        _ => scoped::realloc(old, old_size, new_size, || recorded_realloc(flags, old, old_size, new_size, inner)),
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

#[inline(never)]
fn record_free(flags: u32, block: usize, size: usize) {
    match flags {
        EXACT => record_free_by(EXACT, block, size),
        _ => record_free_by(flags, block, size),
    }
}

#[inline(always)]
fn record_free_by(mut flags: u32, block: usize, size: usize) {
    if flags & SCOPED != 0 {
        scoped::free(block);
        flags &= !SCOPED;
        if flags & FREES == 0 {
            return;
        }
    }
    let mark = Mark::new();
    let state = loop {
        match enter(flags, &mark) {
            Ok(state) => break state,
            Err(Refused::Never) => return,
            // The block may be the pass's: its end must not be missed.
            Err(Refused::Changed) => flags = RECORDING.load(Ordering::Relaxed) & !SCOPED,
        }
        if flags & FREES == 0 {
            return;
        }
    };
    if flags & BETWEEN != 0 {
        if let Some(was) = live::remove(block) {
            between::freed(&was, was.added());
        }
    } else {
        if flags & LIVE != 0 {
            let begun = poisson::begins(flags, state);
            if let Some(was) = poisson::removed(flags, block, size) {
                if flags & PROGRAM != 0 {
                    program::released(state, block, was.entry);
                }
                note_free(flags, state, was);
            }
            poisson::ends(state, begun);
        }
        if flags & LOG != 0 {
            let entry = if flags & FREE_STACKS != 0 { stack_of(flags, state) } else { None };
            log::note(log::place(), Kind::Freed, block, size, entry, state.number());
        }
        note_peak(flags, -(size as i64));
    }
    leave(state, &mark);
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
        program::allocated(state, block, size);
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
