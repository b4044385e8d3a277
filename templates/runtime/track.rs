//! The tracker: the allocator in charge, with counting around it.

use std::alloc::{GlobalAlloc, Layout};
use std::ops::Deref;
use std::sync::atomic::Ordering;

use crate::bracket::{COUNT, LEAVES_OUT, LIVE, PLAIN, PROGRAM, RECORDING, SCOPED, STACKS};
use crate::events::{self, FREES};
use crate::inside::{enter, leave};
use crate::left_out;
use crate::mark::Mark;
use crate::scoped;
use crate::totals::Counters;

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
        allocate::<false, A>(&self.memprof_tracked, layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocate::<true, A>(&self.memprof_tracked, layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match RECORDING.load(Ordering::Relaxed) {
            flags if flags & FREES == 0 => self.memprof_tracked.dealloc(block, layout),
            flags if left_out::is_due(flags) => {
                left_out_free(block, layout.size(), layout.align(), flags, &self.memprof_tracked)
            }
            flags => recorded_free(block, layout.size(), layout.align(), flags, &self.memprof_tracked),
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match RECORDING.load(Ordering::Relaxed) {
            0 => self.memprof_tracked.realloc(block, layout, new_size),
            COUNT => counted_realloc(&self.memprof_tracked, block, layout, new_size),
            flags => reallocate(flags, &self.memprof_tracked, block, layout, new_size),
        }
    }
}

// Each way of an event is a function of its own, which the allocator's function ends in: it saves no registers that another
// way needs. They get the arguments in the allocator's order, so that most registers stay as they are, and no closure, which would
// lie in the caller's frame (but for resizes, which are fewer).
//
// SAFETY: all are called as the allocator's functions are; `size` and `align` are those of the layout that one of these was given.

#[inline(always)]
unsafe fn allocate<const IS_ZEROED: bool, A: GlobalAlloc>(inner: &A, layout: Layout) -> *mut u8 {
    match RECORDING.load(Ordering::Relaxed) {
        0 => given::<IS_ZEROED, A>(inner, layout),
        COUNT => counted_alloc::<IS_ZEROED, A>(layout.size(), layout.align(), inner),
        flags if left_out::is_due(flags) => left_out_alloc::<IS_ZEROED, A>(layout.size(), layout.align(), flags, inner),
        flags => recorded_alloc::<IS_ZEROED, A>(layout.size(), layout.align(), flags, inner),
    }
}

#[inline(always)]
unsafe fn given<const IS_ZEROED: bool, A: GlobalAlloc>(inner: &A, layout: Layout) -> *mut u8 {
    if IS_ZEROED {
        inner.alloc_zeroed(layout)
    } else {
        inner.alloc(layout)
    }
}

#[inline(never)]
unsafe fn counted_alloc<const IS_ZEROED: bool, A: GlobalAlloc>(size: usize, align: usize, inner: &A) -> *mut u8 {
    let layout = Layout::from_size_align_unchecked(size, align);
    counted(|| given::<IS_ZEROED, A>(inner, layout), |counters| counters.allocated(layout.size()))
}

#[inline(never)]
unsafe fn counted_realloc<A: GlobalAlloc>(inner: &A, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
    counted(
        || inner.realloc(block, layout, new_size),
        |counters| {
            counters.resized(layout.size(), new_size);
            counters.allocated(new_size);
        },
    )
}

/// The short form of [`events::alloc`] and [`events::realloc`] if only numbers are asked for: `count` adds to them.
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

#[inline(never)]
unsafe fn left_out_alloc<const IS_ZEROED: bool, A: GlobalAlloc>(
    size: usize,
    align: usize,
    flags: u32,
    inner: &A,
) -> *mut u8 {
    let layout = Layout::from_size_align_unchecked(size, align);
    let given = || given::<IS_ZEROED, A>(inner, layout);
    let block = match flags & PROGRAM {
        0 => left_out::alloc(flags, layout.size(), given),
        _ => left_out::alloc(flags | SAMPLE, layout.size(), given),
    };
    match block {
        Some(block) => block,
        None => recorded_alloc::<IS_ZEROED, A>(size, align, flags, inner),
    }
}

#[inline(never)]
unsafe fn left_out_free<A: GlobalAlloc>(block: *mut u8, size: usize, align: usize, flags: u32, inner: &A) {
    let is_done = match flags & PROGRAM {
        0 => left_out::free(flags, block as usize, size),
        _ => left_out::free(flags | SAMPLE, block as usize, size),
    };
    if !is_done {
        return recorded_free(block, size, align, flags, inner);
    }
    inner.dealloc(block, Layout::from_size_align_unchecked(size, align))
}

#[inline(never)]
unsafe fn reallocate<A: GlobalAlloc>(
    flags: u32,
    inner: &A,
    block: *mut u8,
    layout: Layout,
    new_size: usize,
) -> *mut u8 {
    let resized = || inner.realloc(block, layout, new_size);
    if left_out::is_due(flags) {
        if let Some(moved) = left_out::realloc(flags, block as usize, layout.size(), new_size, resized) {
            return moved;
        }
    }
    events::realloc(flags, block as usize, layout.size(), new_size, resized)
}

#[inline(never)]
unsafe fn recorded_free<A: GlobalAlloc>(block: *mut u8, size: usize, align: usize, flags: u32, inner: &A) {
    match flags {
        EXACT => events::free(EXACT, block as usize, size),
        _ => events::free(flags, block as usize, size),
    }
    inner.dealloc(block, Layout::from_size_align_unchecked(size, align))
}

/// A program's flags, where every event is recorded: code of its own, in which they are known.
const EXACT: u32 = COUNT | LIVE | PROGRAM | STACKS | PLAIN;
/// Those that a program of which a sample is recorded has in any case; likewise.
const SAMPLE: u32 = PROGRAM | PLAIN | LEAVES_OUT;

#[inline(never)]
unsafe fn recorded_alloc<const IS_ZEROED: bool, A: GlobalAlloc>(
    size: usize,
    align: usize,
    flags: u32,
    inner: &A,
) -> *mut u8 {
    let layout = Layout::from_size_align_unchecked(size, align);
    let given = || given::<IS_ZEROED, A>(inner, layout);
    match flags {
        EXACT => events::alloc::<IS_ZEROED>(EXACT, layout.size(), given),
        _ if flags & SCOPED != 0 => scoped_alloc::<IS_ZEROED, A>(flags & !SCOPED, inner, layout),
        _ => events::alloc::<IS_ZEROED>(flags, layout.size(), given),
    }
}

/// While a scope is open; a bracket may be, too.
#[cold]
#[inline(never)]
unsafe fn scoped_alloc<const IS_ZEROED: bool, A: GlobalAlloc>(flags: u32, inner: &A, layout: Layout) -> *mut u8 {
    match flags {
        0 => scoped::alloc(layout.size(), || given::<IS_ZEROED, A>(inner, layout)),
        _ => {
            scoped::alloc(layout.size(), || recorded_alloc::<IS_ZEROED, A>(layout.size(), layout.align(), flags, inner))
        }
    }
}
