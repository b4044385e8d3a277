//! Where the entries of all threads' stacks lie: one reserved span of memory, so that an entry has a short number.
//!
//! Pages of the span are resident only once they are used. A thread takes a handful of entries at a time, by one addition.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use crate::entry::Entry;
use crate::memory;

/// Bits of an entry's number; number 0 is no entry.
pub const NUMBER_BITS: u32 = 22;
const AT_ONCE: usize = 64;

static BASE: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());
static CAPACITY: AtomicUsize = AtomicUsize::new(0);
/// The first number that no thread has taken.
static NEXT: AtomicUsize = AtomicUsize::new(AT_ONCE);

/// A thread's own entries that are not in use yet. Zero is a share without any.
#[repr(C)]
pub struct Share {
    next: usize,
    end: usize,
}

impl Share {
    /// One more entry, zeroed; `None` where there is no memory for any.
    pub fn next(&mut self) -> Option<&'static Entry> {
        if self.next == self.end {
            let base = reserved();
            if base.is_null() {
                return None;
            }
            let from = NEXT.fetch_add(AT_ONCE, Ordering::Relaxed);
            if from + AT_ONCE > capacity() {
                NEXT.fetch_sub(AT_ONCE, Ordering::Relaxed);
                return None;
            }
            self.next = from;
            self.end = from + AT_ONCE;
        }
        let number = self.next;
        self.next += 1;
        Some(get(number))
    }
}

/// The span, reserved on first use, as large as the kernel permits.
fn reserved() -> *mut Entry {
    let base = BASE.load(Ordering::Acquire);
    if !base.is_null() {
        return base;
    }
    let mut capacity = 1 << NUMBER_BITS;
    let fresh = loop {
        let fresh = memory::map(capacity * mem::size_of::<Entry>()) as *mut Entry;
        if !fresh.is_null() || capacity < 1 << 12 {
            break fresh;
        }
        capacity /= 2;
    };
    if fresh.is_null() {
        return fresh;
    }
    match BASE.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            CAPACITY.store(capacity, Ordering::Release);
            fresh
        }
        Err(theirs) => {
            // SAFETY: nobody else knows of this one.
            unsafe { memory::unmap(fresh.cast(), capacity * mem::size_of::<Entry>()) };
            theirs
        }
    }
}

/// How many entries the span holds; it has been reserved.
fn capacity() -> usize {
    loop {
        match CAPACITY.load(Ordering::Acquire) {
            // The thread that reserved it is about to say.
            0 => std::hint::spin_loop(),
            capacity => return capacity,
        }
    }
}

/// The entry of a number that [`number`] gave.
#[inline(always)]
pub fn get(number: usize) -> &'static Entry {
    // SAFETY: numbers come from entries, which lie in the span; it is never unmapped, and zero is a valid entry.
    unsafe { &*BASE.load(Ordering::Relaxed).add(number) }
}

/// The number of an entry, at least 1.
#[inline(always)]
pub fn number(entry: &'static Entry) -> usize {
    (entry as *const Entry as usize - BASE.load(Ordering::Relaxed) as usize) / mem::size_of::<Entry>()
}

/// Every entry in use.
pub fn all() -> impl Iterator<Item = &'static Entry> {
    let used = if BASE.load(Ordering::Acquire).is_null() { 0 } else { NEXT.load(Ordering::Acquire).min(capacity()) };
    (AT_ONCE..used).map(get).filter(|entry| entry.in_use())
}

#[cfg(test)]
pub mod tests {
    use super::*;
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
            let number = number(entry);
            assert!(number > 0 && number < 1 << NUMBER_BITS);
            assert!(ptr::eq(get(number), entry));
        }
    }
}
