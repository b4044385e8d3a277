//! The memory for the entries of all threads' stacks, so that an entry has a short number.
//!
//! A thread takes a handful of entries at a time, by one addition.

use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::chunks::Chunks;
use crate::entry::Entry;
use crate::shared::{self, word};

/// Bits of an entry's number; number 0 is no entry.
pub const NUMBER_BITS: u32 = 22;
const AT_ONCE: usize = 64;
const CHUNK_BITS: u32 = 11;

type All = Chunks<Entry, { 1 << (NUMBER_BITS - CHUNK_BITS) }, CHUNK_BITS>;
// SAFETY: zero is an entry that is not in use yet. Other threads than its owner only touch the atomic fields of an
// entry in use, and the fields that were written before its addresses were published.
static ALL: All = unsafe { All::new() };
/// The first number that no thread has taken.
static NEXT: AtomicUsize = AtomicUsize::new(AT_ONCE);
/// The maximal number of stacks.
static LIMIT: AtomicUsize = AtomicUsize::new(1 << NUMBER_BITS);

/// Sets the maximal number of stacks.
pub fn limit(stacks: usize) {
    LIMIT.store((stacks + AT_ONCE).clamp(2 * AT_ONCE, All::MOST), Ordering::Relaxed);
}

/// A thread's own entries that are not in use yet. Zero is a share without any.
#[repr(C)]
pub struct Share {
    next: usize,
    end: usize,
}

impl Share {
    /// One more entry, zeroed; `None` where there is no memory for any.
    pub fn next(&mut self) -> Option<&'static Entry> {
        while self.next == self.end {
            // If there was no memory for a chunk, the next caller asks for it again.
            let from = NEXT.load(Ordering::Relaxed);
            if from + AT_ONCE > LIMIT.load(Ordering::Relaxed) {
                return None;
            }
            let first = ALL.make(from)? as *const Entry as usize;
            let within = from & ((1 << CHUNK_BITS) - 1);
            shared::has_chunk(from >> CHUNK_BITS, first - within * mem::size_of::<Entry>());
            if NEXT.compare_exchange(from, from + AT_ONCE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                shared::set_most(word::ENTRIES_END, (from + AT_ONCE) as u64);
                self.next = from;
                self.end = from + AT_ONCE;
            }
        }
        let number = self.next;
        self.next += 1;
        let entry = ALL.get(number)?;
        entry.set_number(number as u32);
        Some(entry)
    }
}

/// The entry of a number that [`Entry::number`] gave.
#[inline(always)]
pub fn get(number: usize) -> &'static Entry {
    // SAFETY: a caller that knows the number has it from the entry.
    unsafe { ALL.known(number) }
}

/// Every entry in use.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    let used = NEXT.load(Ordering::Acquire);
    (AT_ONCE..used).filter_map(|number| ALL.get(number)).filter(|entry| entry.in_use())
}

/// The number of chunks that the entries below `end` lie in.
pub fn chunks(end: usize) -> usize {
    (end + (1 << CHUNK_BITS) - 1) >> CHUNK_BITS
}

/// In a fork's child: all counts begin again, and the numbers that its parent's threads have taken since stand for nothing.
pub fn begin_again() {
    let used = NEXT.load(Ordering::Relaxed);
    // At the fork another thread may have made the next chunk.
    let chunks = (chunks(used) + 1).min(1 << (NUMBER_BITS - CHUNK_BITS));
    for number in 0..chunks << CHUNK_BITS {
        match ALL.get(number) {
            Some(entry) if number < used => entry.begin_again(),
            Some(entry) => entry.clear(),
            None => (),
        }
    }
    for chunk in 0..chunks {
        if let Some(first) = ALL.get(chunk << CHUNK_BITS) {
            shared::has_chunk(chunk, first as *const Entry as usize);
        }
    }
    shared::set(word::ENTRIES_END, used as u64);
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::ptr;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    static READER: Mutex<()> = Mutex::new(());

    /// Tests that take counts: there is one reader at a time.
    pub fn lock() -> MutexGuard<'static, ()> {
        READER.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn numbers_lead_to_their_entries() {
        let mut share = Share { next: 0, end: 0 };
        for _ in 0..200 {
            let entry = share.next().unwrap();
            let number = entry.number() as usize;
            assert!(number > 0 && number < 1 << NUMBER_BITS);
            assert!(ptr::eq(get(number), entry));
        }
    }
}
