//! The threads' counts.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::thread;

/// Counters with one writer, the thread itself, and any reader.
#[derive(Default)]
#[repr(C)]
pub struct Counters {
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    pub reallocs: AtomicU64,
    pub grown_bytes: AtomicU64,
    pub frees: AtomicU64,
    /// Bytes of `bytes` that are no longer live.
    pub freed_bytes: AtomicU64,
}

/// Adds to a counter that only the calling thread writes: no locked instruction is needed.
#[inline(always)]
pub fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

impl Counters {
    /// A block was allocated; a block from a realloc counts as one, too.
    #[inline(always)]
    pub fn allocated(&self, bytes: usize) {
        add(&self.allocs, 1);
        add(&self.bytes, bytes as u64);
    }

    /// Sets all counters to 0. Only the thread itself calls it.
    pub fn forget(&self) {
        for counter in [&self.allocs, &self.bytes, &self.reallocs, &self.grown_bytes, &self.frees, &self.freed_bytes] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// A block was resized; returns how much of it is growth.
    #[inline(always)]
    pub fn resized(&self, old_bytes: usize, new_bytes: usize) -> u64 {
        let grown = new_bytes.saturating_sub(old_bytes) as u64;
        add(&self.reallocs, 1);
        add(&self.grown_bytes, grown);
        grown
    }
}

/// The sum of all threads' counters; they only ever grow, so a bracket's share is a difference of two sums.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Totals {
    pub allocs: u64,
    pub bytes: u64,
    pub reallocs: u64,
    pub grown_bytes: u64,
    pub frees: u64,
    pub freed_bytes: u64,
}

impl Totals {
    pub fn now() -> Totals {
        let mut sum = Totals::default();
        for state in thread::all() {
            let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            sum.allocs += of(&state.counters.allocs);
            sum.bytes += of(&state.counters.bytes);
            sum.reallocs += of(&state.counters.reallocs);
            sum.grown_bytes += of(&state.counters.grown_bytes);
            sum.frees += of(&state.counters.frees);
            sum.freed_bytes += of(&state.counters.freed_bytes);
        }
        sum
    }

    /// Adds the counts between `before` and `after`.
    pub fn add_difference(&mut self, before: &Totals, after: &Totals) {
        self.allocs += after.allocs - before.allocs;
        self.bytes += after.bytes - before.bytes;
        self.reallocs += after.reallocs - before.reallocs;
        self.grown_bytes += after.grown_bytes - before.grown_bytes;
        self.frees += after.frees - before.frees;
        self.freed_bytes += after.freed_bytes - before.freed_bytes;
    }
}
