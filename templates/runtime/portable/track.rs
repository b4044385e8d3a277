//! The tracker: the allocator in charge, with counting around it. Like the one that records stacks, but for these.

use std::alloc::{GlobalAlloc, Layout};
use std::ops::Deref;
use std::sync::atomic::{compiler_fence, fence, Ordering};

use crate::between::{self, Gone};
use crate::bracket::{BETWEEN, COUNT, FENCED, LIVE, LIVE_BYTES, PEAK, PEAK_BYTES, RECORDING};
use crate::live::{self, Block};
use crate::thread::{self, ThreadState};
use crate::totals::add;

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
unsafe impl<A: GlobalAlloc> GlobalAlloc for Track<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocate(layout.size(), || self.memprof_tracked.alloc(layout))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocate(layout.size(), || self.memprof_tracked.alloc_zeroed(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if RECORDING.load(Ordering::Relaxed) & (LIVE | BETWEEN | PEAK) != 0 {
            free(block as usize, layout.size());
        }
        self.memprof_tracked.dealloc(block, layout)
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        resize(block as usize, layout.size(), new_size, || self.memprof_tracked.realloc(block, layout, new_size))
    }
}

/// A thread inside the recorder.
struct Inside {
    state: &'static ThreadState,
    flags: u32,
}

impl Inside {
    /// `None` where nothing is recorded, or the allocation is that of an allocator that allocates. See `barrier`.
    #[inline]
    fn enter() -> Option<Inside> {
        loop {
            let flags = RECORDING.load(Ordering::Relaxed);
            if flags == 0 {
                return None;
            }
            let state = thread::current().or_else(|| {
                thread::lose();
                None
            })?;
            if state.busy() {
                return None;
            }
            state.set_busy(1);
            compiler_fence(Ordering::SeqCst);
            if flags & FENCED != 0 {
                fence(Ordering::SeqCst);
            }
            let inside = Inside { state, flags };
            // Acquire: this thread sees the writes of the bracket's opener before it.
            if RECORDING.load(Ordering::Acquire) == flags {
                return Some(inside);
            }
        }
    }

    fn allocated(&self, block: *mut u8, size: usize, before: usize) {
        if self.flags & COUNT != 0 {
            self.state.counters.allocated(size);
        }
        if self.flags & LIVE != 0 {
            let is = Block { entry: None, size, before, left_out: false };
            live::insert(block as usize, is);
            if before != 0 {
                // The rest was there before.
                add(&self.state.counters.freed_bytes, size as u64 - is.added().bytes);
            }
        }
        self.peak(size as i64);
    }

    fn freed(&self, was: &Block) {
        add(&self.state.counters.frees, 1);
        add(&self.state.counters.freed_bytes, was.added().bytes);
    }

    /// Changes the live bytes above the bracket's start.
    fn peak(&self, change: i64) {
        if self.flags & PEAK != 0 {
            let live = LIVE_BYTES.fetch_add(change, Ordering::Relaxed) + change;
            PEAK_BYTES.fetch_max(live, Ordering::Relaxed);
        }
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        compiler_fence(Ordering::SeqCst);
        self.state.set_busy(0);
    }
}

#[inline]
fn allocate(size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let inside = Inside::enter();
    let block = inner();
    match inside {
        // Allocations between brackets belong to no pass.
        Some(inside) if !block.is_null() && inside.flags & BETWEEN == 0 => inside.allocated(block, size, 0),
        _ => (),
    }
    block
}

fn free(block: usize, size: usize) {
    let inside = match Inside::enter() {
        Some(inside) => inside,
        None => return,
    };
    match live::remove(block) {
        Some(was) if inside.flags & BETWEEN != 0 => between::freed(&was, was.added()),
        Some(was) if inside.flags & LIVE != 0 => inside.freed(&was),
        _ => (),
    }
    if inside.flags & BETWEEN == 0 {
        inside.peak(-(size as i64));
    }
}

fn resize(old: usize, old_size: usize, new_size: usize, inner: impl FnOnce() -> *mut u8) -> *mut u8 {
    let inside = match Inside::enter() {
        Some(inside) => inside,
        None => return inner(),
    };
    // Before the inner call: from then on another thread may get the old address.
    let was = if inside.flags & (LIVE | BETWEEN) != 0 { live::remove(old) } else { None };
    let block = inner();
    if block.is_null() {
        was.into_iter().for_each(|was| live::insert(old, was));
    } else if inside.flags & BETWEEN != 0 {
        // No block is added to the pass: one of its own keeps the smaller of both sizes.
        if let Some(was) = was {
            let is = Block { size: was.size.min(new_size), ..was };
            between::freed(&was, Gone { objects: 0, bytes: was.added().bytes - is.added().bytes });
            live::insert(block as usize, is);
        }
    } else {
        if let Some(was) = &was {
            inside.freed(was);
        }
        // For a block that the pass did not allocate, it only adds the growth.
        let before = was.map_or(old_size, |was| was.before);
        inside.peak(-(old_size as i64));
        inside.state.counters.resized(old_size, new_size);
        inside.allocated(block, new_size, before);
    }
    block
}
