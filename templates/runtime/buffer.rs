//! Stacks that many threads write at once, in signal handlers, too: samples and waits, each with an amount and its thread.
//!
//! Who writes is a [`Witness`] of the open bracket; between brackets, when there is none left, the words are taken.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use crate::bracket::Witness;
use crate::memory;

/// Reserved; resident only as far as it was ever filled.
const WORDS: usize = 32 << 20;
/// Above the depth of a stack: the walk did not reach the thread's start.
const CUT: u64 = 1 << 32;

/// For each stack: amount (set last), depth with [`CUT`], thread, addresses.
pub struct Buffer {
    words: AtomicPtr<AtomicU64>,
    next: AtomicUsize,
    /// Samples or waits that could not be written.
    lost: AtomicU64,
}

/// What was written since it was last taken.
#[derive(Default)]
pub struct Taken {
    /// As in [`Buffer`].
    pub words: Vec<u64>,
    /// Samples or waits that could not be written.
    pub lost: u64,
}

impl Taken {
    pub fn append(&mut self, mut later: Taken) {
        self.words.append(&mut later.words);
        self.lost += later.lost;
    }
}

impl Buffer {
    pub const fn new() -> Buffer {
        Buffer { words: AtomicPtr::new(ptr::null_mut()), next: AtomicUsize::new(0), lost: AtomicU64::new(0) }
    }

    /// Takes memory, where that has not been done, and drops what was written. False where the kernel gives none.
    pub fn prepare(&self) -> bool {
        if self.words.load(Ordering::Relaxed).is_null() {
            self.words.store(memory::map(WORDS * mem::size_of::<u64>()).cast(), Ordering::Release);
        }
        self.forget();
        !self.words.load(Ordering::Relaxed).is_null()
    }

    /// False where there is no room. `amount` is not 0. Whoever calls holds a [`Witness`]; the buffer was prepared before its
    /// bracket opened.
    pub fn write(&self, amount: u64, addresses: &[u64], whole: bool, thread: u32) -> bool {
        let from = self.next.fetch_add(addresses.len() + 3, Ordering::Relaxed);
        if from + addresses.len() + 3 > WORDS {
            return false;
        }
        // SAFETY: these words lie in the buffer and were reserved for this stack alone.
        let word = |i: usize| unsafe { &*self.words.load(Ordering::Relaxed).add(from + i) };
        word(1).store(addresses.len() as u64 | if whole { 0 } else { CUT }, Ordering::Relaxed);
        word(2).store(u64::from(thread), Ordering::Relaxed);
        for (i, &address) in addresses.iter().enumerate() {
            word(3 + i).store(address, Ordering::Relaxed);
        }
        word(0).store(amount, Ordering::Release);
        true
    }

    /// So many samples or waits could not be written.
    pub fn lose(&self, number: u64) {
        self.lost.fetch_add(number, Ordering::Relaxed);
    }

    /// The words that were ever written. No bracket is open.
    fn written(&self) -> impl Iterator<Item = &AtomicU64> {
        Witness::wait_for_all();
        let used = self.next.load(Ordering::SeqCst).min(WORDS);
        let words = self.words.load(Ordering::Relaxed);
        // SAFETY: below WORDS, and mapped wherever `next` is not 0.
        (0..used).map(move |i| unsafe { &*words.add(i) })
    }

    /// Drops what was written. No bracket is open.
    pub fn forget(&self) {
        self.written().for_each(|word| word.store(0, Ordering::Relaxed));
        self.next.store(0, Ordering::SeqCst);
        self.lost.store(0, Ordering::Relaxed);
    }

    /// Takes what was written. No bracket is open.
    pub fn take(&self) -> Taken {
        let words = self.written().map(|word| word.swap(0, Ordering::Acquire)).collect();
        self.next.store(0, Ordering::SeqCst);
        Taken { words, lost: self.lost.swap(0, Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_taken_once() {
        let buffer = Buffer::new();
        assert!(buffer.prepare());
        std::thread::scope(|scope| {
            for thread in 1..5 {
                let buffer = &buffer;
                scope.spawn(move || (0..100).for_each(|i| assert!(buffer.write(7, &[1, 2, 3], i % 2 == 0, thread))));
            }
        });
        buffer.lose(5);
        let mut taken = buffer.take();
        taken.append(buffer.take());
        assert_eq!((taken.words.len(), taken.lost), (400 * 6, 5));
        let cut = taken.words.chunks(6).filter(|stack| stack[1] == 3 | CUT).count();
        assert_eq!(cut, 200);
        assert!(taken.words.chunks(6).all(|stack| stack[0] == 7 && stack[3..] == [1, 2, 3]));
    }
}
