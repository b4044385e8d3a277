//! What was live at the bracket's peak, by stack and exactly: in constant time an event, without a copy of everything.
//!
//! Peaks are numbered. Before a stack's live sum changes, what it is goes down as its sum at the latest peak, unless that was
//! done since then; a stack that has not changed since the latest peak still is what it was. The numbers mean one order of
//! events over all threads, therefore one lock: only `--peak` pays for it.

use std::cell::UnsafeCell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

use crate::entries::{self, NUMBER_BITS};
use crate::entry::Entry;
use crate::memory;
use crate::sys;

/// One stack's sums. Zero is a stack that no bracket has seen.
#[derive(Clone, Copy)]
#[repr(C)]
struct Sums {
    bracket: u64,
    live_objects: u64,
    live_bytes: u64,
    peak_objects: u64,
    peak_bytes: u64,
    /// The number of the peak that the two above belong to.
    seen: u64,
}

struct Course {
    bracket: u64,
    live_bytes: u64,
    most_bytes: u64,
    /// Number of the latest peak.
    peak: u64,
    /// By an entry's number.
    sums: *mut Sums,
    capacity: usize,
}

struct Locked {
    taken: AtomicBool,
    course: UnsafeCell<Course>,
}

// SAFETY: `course` is only touched while `taken` is held.
unsafe impl Sync for Locked {}

static COURSE: Locked = Locked {
    taken: AtomicBool::new(false),
    course: UnsafeCell::new(Course {
        bracket: 0,
        live_bytes: 0,
        most_bytes: 0,
        peak: 0,
        sums: ptr::null_mut(),
        capacity: 0,
    }),
};

fn with<T>(body: impl FnOnce(&mut Course) -> T) -> T {
    while COURSE.taken.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
        // SAFETY: gives up the rest of the time slice, nothing else.
        unsafe { sys::sched_yield() };
    }
    // SAFETY: the lock is held, so this is the only reference.
    let out = body(unsafe { &mut *COURSE.course.get() });
    COURSE.taken.store(false, Ordering::Release);
    out
}

impl Course {
    /// The sums of a stack that is about to change.
    fn changing(&mut self, number: usize) -> Option<&mut Sums> {
        if number >= self.capacity {
            return None;
        }
        // SAFETY: the span has `capacity` elements, zeroed when it was mapped, and the lock is held.
        let sums = unsafe { &mut *self.sums.add(number) };
        if sums.bracket != self.bracket {
            *sums = Sums {
                bracket: self.bracket,
                live_objects: 0,
                live_bytes: 0,
                peak_objects: 0,
                peak_bytes: 0,
                seen: self.peak,
            };
        } else if sums.seen < self.peak {
            sums.peak_objects = sums.live_objects;
            sums.peak_bytes = sums.live_bytes;
            sums.seen = self.peak;
        }
        Some(sums)
    }

    fn allocated(&mut self, number: usize, bytes: u64) {
        if let Some(sums) = self.changing(number) {
            sums.live_objects += 1;
            sums.live_bytes += bytes;
            self.live_bytes += bytes;
            if self.live_bytes > self.most_bytes {
                self.most_bytes = self.live_bytes;
                self.peak += 1;
            }
        }
    }

    fn freed(&mut self, number: usize, bytes: u64) {
        if let Some(sums) = self.changing(number) {
            sums.live_objects = sums.live_objects.saturating_sub(1);
            sums.live_bytes = sums.live_bytes.saturating_sub(bytes);
            self.live_bytes = self.live_bytes.saturating_sub(bytes);
        }
    }

    /// Objects and bytes of a stack at the latest peak.
    fn at_peak(&self, number: usize) -> (u64, u64) {
        if number >= self.capacity {
            return (0, 0);
        }
        // SAFETY: as in `changing`.
        let sums = unsafe { &*self.sums.add(number) };
        match sums.bracket == self.bracket {
            true if sums.seen < self.peak => (sums.live_objects, sums.live_bytes),
            true => (sums.peak_objects, sums.peak_bytes),
            false => (0, 0),
        }
    }
}

/// A bracket opens.
pub fn begin() {
    with(|course| {
        if course.sums.is_null() {
            let capacity = 1 << NUMBER_BITS;
            course.sums = memory::map(capacity * mem::size_of::<Sums>()).cast();
            course.capacity = if course.sums.is_null() { 0 } else { capacity };
        }
        course.bracket += 1;
        course.live_bytes = 0;
        course.most_bytes = 0;
        // Numbers only grow: no stack of an older bracket can be taken for one of this.
        course.peak += 1;
    });
}

pub fn allocated(entry: &'static Entry, bytes: u64) {
    with(|course| course.allocated(entries::number(entry), bytes));
}

pub fn freed(entry: &'static Entry, bytes: u64) {
    with(|course| course.freed(entries::number(entry), bytes));
}

/// A stack's number, and what it had live: objects and bytes.
type AtPeak = (usize, u64, u64);
static KEPT: Mutex<Vec<AtPeak>> = Mutex::new(Vec::new());

/// The bracket that has just closed is the highest so far.
pub fn keep() {
    let at_peak = |number| with(|course| course.at_peak(number));
    let numbers = entries::all().map(entries::number);
    let kept = numbers.map(|number| (number, at_peak(number))).filter(|(_, (objects, _))| *objects != 0);
    let kept = kept.map(|(number, (objects, bytes))| (number, objects, bytes)).collect();
    *KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = kept;
}

/// Every stack that had something live at the peak of the bracket that was kept last: objects and bytes.
pub fn each(visit: &mut dyn FnMut(&'static Entry, u64, u64)) {
    for &(number, objects, bytes) in KEPT.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).iter() {
        visit(entries::get(number), objects, bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random events against a copy of everything at each new maximum.
    #[test]
    fn agrees_with_copies_at_every_peak() {
        const STACKS: usize = 50;
        let mut room =
            vec![Sums { bracket: 0, live_objects: 0, live_bytes: 0, peak_objects: 0, peak_bytes: 0, seen: 0 }; STACKS];
        let mut course =
            Course { bracket: 0, live_bytes: 0, most_bytes: 0, peak: 0, sums: room.as_mut_ptr(), capacity: STACKS };
        let mut random = crate::live_map::tests::random();
        for bracket in 1..20 {
            course.bracket = bracket;
            course.live_bytes = 0;
            course.most_bytes = 0;
            course.peak += 1;
            let (mut live, mut copy, mut most) = (vec![(0u64, 0u64); STACKS], vec![(0, 0); STACKS], 0);
            let mut blocks = Vec::new();
            for _ in 0..if cfg!(miri) { 100 } else { 10_000 } {
                if random() % 5 < 3 || blocks.is_empty() {
                    let (stack, bytes) = ((random() % STACKS as u64) as usize, random() % 100);
                    blocks.push((stack, bytes));
                    live[stack] = (live[stack].0 + 1, live[stack].1 + bytes);
                    course.allocated(stack, bytes);
                } else {
                    let (stack, bytes) = blocks.swap_remove(random() as usize % blocks.len());
                    live[stack] = (live[stack].0 - 1, live[stack].1 - bytes);
                    course.freed(stack, bytes);
                }
                let sum = live.iter().map(|&(_, bytes)| bytes).sum::<u64>();
                if sum > most {
                    most = sum;
                    copy = live.clone();
                }
            }
            assert_eq!(course.most_bytes, most);
            for (number, expected) in copy.iter().enumerate() {
                assert_eq!(course.at_peak(number), *expected);
            }
        }
    }
}
