//! A stack found again where it stood, without walking it.
//!
//! A walk is a function of pc, the stack pointer, the frame pointer and the stack words that it reads: every return address, and each saved frame pointer
//! through which an older frame is found. A walk that begins with the same registers and reads the same in each of
//! those words has the same callers; nothing less proves it, since frames of equal size have equal addresses, whoever
//! called them. If no frame is found through it, neither pointer decides anything: then the same words at the same
//! distances are proof anywhere.
//!
//! Each entry keeps the words of one such walk beside its addresses. Which entry to try is a guess: the one that came next
//! the last time, after the entry that came last, or the time before, or the one that was walked from the same place
//! (`calling`). Programs repeat themselves; a wrong guess costs time only.

use std::cell::Cell;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::arch::{four_differ, Registers};

/// A stack word: how many words above the walk's first sp, and its value.
#[derive(Clone, Copy)]
pub struct Word {
    pub distance: u64,
    pub value: u64,
}

/// The start of a walk that led to an entry. Zero is none.
#[repr(C)]
pub struct Standing {
    sp: Cell<u64>,
    fp: Cell<u64>,
    /// Its lower half: all places where a walk begins are in one executable.
    pc: Cell<u32>,
    /// Bytes from sp to the end of the last word.
    extent: Cell<u32>,
    /// Words that prove it, a multiple of [`AT_ONCE`]; 0 if none are kept.
    words: AtomicU16,
    /// A frame was found through fp: the words prove nothing about another sp.
    fixed: Cell<bool>,
    /// The first fp leads to a frame.
    fp_matters: Cell<bool>,
}

/// This many words are compared without a branch.
const AT_ONCE: usize = 4;

/// Room for the words of a stack: all values, the return addresses first, then all distances.
#[derive(Clone, Copy)]
pub struct Room {
    values: *mut u64,
    words: usize,
}

impl Room {
    /// # Safety
    /// `values` is a multiple of 16 and has [`Room::size`] bytes for as many words.
    pub unsafe fn new(values: *mut u64, words: usize) -> Room {
        Room { values, words: Room::rounded(words) }
    }

    fn rounded(words: usize) -> usize {
        (words + AT_ONCE - 1) / AT_ONCE * AT_ONCE
    }

    /// Bytes, a multiple of 16.
    pub fn size(words: usize) -> usize {
        (Room::rounded(words) * 10 + 15) & !15
    }

    fn distances(&self) -> *mut u16 {
        // SAFETY: they follow the values in the same room.
        unsafe { self.values.add(self.words) as *mut u16 }
    }
}

impl Standing {
    /// True where a walk is kept.
    pub fn stood(&self) -> bool {
        self.words.load(Ordering::Relaxed) != 0
    }

    /// No walk is kept.
    pub fn forget(&self) {
        self.words.store(0, Ordering::Relaxed);
    }

    /// Keeps the walk that began at `start`. Its first words are the return addresses, as they are in the room already.
    pub fn keep(&self, start: Registers, fixed: bool, fp_matters: bool, words: impl Iterator<Item = Word>, room: Room) {
        self.words.store(0, Ordering::Relaxed);
        let (mut count, mut extent) = (0, 0);
        let mut put = |word: Word| match u16::try_from(word.distance) {
            Ok(distance) if count < room.words => {
                // SAFETY: the room was made for that many words.
                unsafe {
                    *room.values.add(count) = word.value;
                    *room.distances().add(count) = distance;
                }
                extent = extent.max(u32::from(distance) * 8 + 8);
                count += 1;
                true
            }
            _ => false,
        };
        let mut last = None;
        for word in words {
            if !put(word) {
                return;
            }
            last = Some(word);
        }
        // The rest of the last group repeats the last word.
        if let Some(last) = last {
            while put(last) {}
        }
        self.pc.set(start.pc as u32);
        self.sp.set(start.sp);
        self.fp.set(start.fp);
        self.extent.set(extent);
        self.fixed.set(fixed);
        self.fp_matters.set(fp_matters);
        self.words.store(count as u16, Ordering::Relaxed);
    }

    /// True if the kept stack stands at `at`, in a stack that ends at `end`.
    ///
    /// # Safety
    /// `values` is the room that was given to [`Standing::keep`]; all from `at.sp` to `end` is the calling thread's
    /// stack.
    #[inline(always)]
    pub unsafe fn again(&self, at: Registers, end: u64, values: *const u64) -> bool {
        let words = usize::from(self.words.load(Ordering::Relaxed));
        if self.pc.get() != at.pc as u32
            || at.sp + u64::from(self.extent.get()) > end
            || self.fixed.get() && self.sp.get() != at.sp
            || self.fp_matters.get() && self.fp.get() != at.fp
        {
            return false;
        }
        let first = values.add(words) as *const u16;
        // The innermost, which differ most often, stand last: if they are the same, the others most likely are.
        if words == 0 {
            return false;
        }
        let (mut distances, mut left) = (first.add(words - AT_ONCE), values.add(words - AT_ONCE));
        let mut sum = four_differ(at.sp, distances, left);
        if !sum.is_none() {
            return false;
        }
        while left != values {
            distances = distances.sub(AT_ONCE);
            left = left.sub(AT_ONCE);
            sum = sum.or(four_differ(at.sp, distances, left));
        }
        sum.is_none()
    }
}
