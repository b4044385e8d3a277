//! A long array that grows by chunks of mapped memory: it reserves nothing that it does not need, and its elements
//! never move.
//!
//! Ordering: a chunk is published by a Release and found by an Acquire, so a thread that finds it sees the zeros that
//! it is made of.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::memory;

/// `CHUNKS` chunks of 2 to the power of `BITS` elements. `CHUNKS` is a power of two.
pub struct Chunks<T, const CHUNKS: usize, const BITS: u32> {
    chunks: [AtomicPtr<T>; CHUNKS],
}

impl<T, const CHUNKS: usize, const BITS: u32> Chunks<T, CHUNKS, BITS> {
    #[allow(clippy::declare_interior_mutable_const)]
    const NONE: AtomicPtr<T> = AtomicPtr::new(ptr::null_mut());
    /// The maximal number of elements.
    pub const MOST: usize = CHUNKS << BITS;
    const CHUNK: usize = (1 << BITS) * mem::size_of::<T>();

    /// # Safety
    /// Zero is a valid `T`, and all threads that ask for an element share it.
    pub const unsafe fn new() -> Self {
        Chunks { chunks: [Self::NONE; CHUNKS] }
    }

    #[inline(always)]
    fn chunk(&self, at: usize) -> &AtomicPtr<T> {
        &self.chunks[at >> BITS & (CHUNKS - 1)]
    }

    /// The element at `at`, below [`Chunks::MOST`]; `None` where its chunk was never made.
    #[inline(always)]
    pub fn get(&self, at: usize) -> Option<&T> {
        let chunk = self.chunk(at).load(Ordering::Acquire);
        if chunk.is_null() {
            return None;
        }
        // SAFETY: a chunk has 2 to the power of BITS elements, zeroed, and is never unmapped.
        Some(unsafe { &*chunk.add(at & ((1 << BITS) - 1)) })
    }

    /// Like [`Chunks::get`], for an element that is known to be there.
    ///
    /// # Safety
    /// [`Chunks::make`] has returned it, and this thread knows of that.
    #[inline(always)]
    pub unsafe fn known(&self, at: usize) -> &T {
        &*self.chunk(at).load(Ordering::Acquire).add(at & ((1 << BITS) - 1))
    }

    /// Like [`Chunks::get`]; makes the chunk if it is not there. `None` if the kernel gives no memory.
    /// Async-signal-safe.
    #[inline(always)]
    pub fn make(&self, at: usize) -> Option<&T> {
        match self.get(at) {
            None => self.make_chunk(at),
            there => there,
        }
    }

    #[cold]
    #[inline(never)]
    fn make_chunk(&self, at: usize) -> Option<&T> {
        let fresh = memory::map(Self::CHUNK) as *mut T;
        if !fresh.is_null() {
            let place = self.chunk(at);
            if place.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire).is_err() {
                // SAFETY: another thread was first, and no other thread knows of this chunk.
                unsafe { memory::unmap(fresh.cast(), Self::CHUNK) };
            }
        }
        self.get(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    #[test]
    fn threads_that_make_the_same_chunks_find_the_same_elements() {
        // SAFETY: zero is a valid number.
        static ALL: Chunks<AtomicU64, 4, 10> = unsafe { Chunks::new() };
        assert!(ALL.get(3000).is_none());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..Chunks::<AtomicU64, 4, 10>::MOST).for_each(|at| {
                        ALL.make(at).unwrap().fetch_add(at as u64, Ordering::Relaxed);
                    });
                });
            }
        });
        assert!((0..4096).all(|at| ALL.get(at).unwrap().load(Ordering::Relaxed) == 4 * at as u64));
    }
}
