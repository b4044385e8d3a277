//! Stacks that many threads write at once, in signal handlers, too: samples and waits, each with an amount and its thread.
//!
//! A writer holds a [`Witness`] of the open bracket; between brackets, when no writer is left, the words are taken.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::chunks::Chunks;
use crate::witness::Witness;

type Words = Chunks<AtomicU64, 512, 16>;
/// Above the depth of a stack: the walk did not reach the thread's start.
const CUT: u64 = 1 << 32;

/// For each stack: amount (set last), depth with [`CUT`], thread, addresses.
pub struct Buffer {
    words: Words,
    next: AtomicUsize,
    /// From here on there was no memory.
    end: AtomicUsize,
    /// Samples or waits that could not be written.
    lost: AtomicU64,
}

/// Everything written since the last take.
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
        Buffer {
            // SAFETY: zero is a valid word.
            words: unsafe { Words::new() },
            next: AtomicUsize::new(0),
            end: AtomicUsize::new(Words::MOST),
            lost: AtomicU64::new(0),
        }
    }

    /// Takes memory, if that has not been done, and drops all stacks. False if the kernel gives none.
    pub fn prepare(&self) -> bool {
        self.forget();
        self.words.make(0).is_some()
    }

    /// False if there is no room. `amount` is not 0. The caller holds a [`Witness`]; the buffer was prepared before its
    /// bracket opened.
    pub fn write(&self, amount: u64, addresses: &[u64], whole: bool, thread: u64) -> bool {
        let len = addresses.len() + 3;
        let from = self.next.fetch_add(len, Ordering::Relaxed);
        if from + len > self.end.load(Ordering::Relaxed) {
            return false;
        }
        // A stack is shorter than a chunk: if its first and its last word are there, all are.
        if self.words.make(from).is_none() || self.words.make(from + len - 1).is_none() {
            // A reader could not tell the words behind the hole from the hole.
            self.end.fetch_min(from, Ordering::Relaxed);
            return false;
        }
        // SAFETY: these words are there, and were reserved for this stack alone.
        let word = |i: usize| unsafe { self.words.known(from + i) };
        word(1).store(addresses.len() as u64 | if whole { 0 } else { CUT }, Ordering::Relaxed);
        word(2).store(thread, Ordering::Relaxed);
        for (i, &address) in addresses.iter().enumerate() {
            word(3 + i).store(address, Ordering::Relaxed);
        }
        word(0).store(amount, Ordering::Release);
        true
    }

    /// This many samples or waits could not be written.
    pub fn lose(&self, number: u64) {
        self.lost.fetch_add(number, Ordering::Relaxed);
    }

    /// The words that were ever written. No bracket is open.
    fn written(&self) -> impl Iterator<Item = &AtomicU64> {
        Witness::wait_for_all();
        let used = self.next.load(Ordering::SeqCst).min(self.end.load(Ordering::SeqCst));
        (0..used).filter_map(move |i| self.words.get(i))
    }

    /// Drops all stacks. No bracket is open.
    pub fn forget(&self) {
        self.written().for_each(|word| word.store(0, Ordering::Relaxed));
        self.restart();
        self.lost.store(0, Ordering::Relaxed);
    }

    fn restart(&self) {
        self.next.store(0, Ordering::SeqCst);
        self.end.store(Words::MOST, Ordering::SeqCst);
    }

    /// Takes all stacks. No bracket is open.
    pub fn take(&self) -> Taken {
        let words = self.written().map(|word| word.swap(0, Ordering::Acquire)).collect();
        self.restart();
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
