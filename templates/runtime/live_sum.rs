//! A program's live bytes, and their peak.
//!
//! They are one number for all threads, to which each adds its own drift once that is large. While one thread allocates,
//! its sum with its drift is exact; while several do, the peak is exact to [`DRIFT`] a thread, unless every event is put
//! in one order.
//!
//! A thread draws limits, within which its drift neither makes a new peak nor is to be told. They depend on the number
//! and on how many threads there are: a change of these that could make a limit too wide begins a new epoch, in which no
//! limits hold that were drawn before. (One may be told without that while a second thread begins: no more than
//! [`DRIFT`].)

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};

use crate::shared::{self, word};
use crate::{arch, sys};

/// Bytes that a thread may keep to itself.
const DRIFT: i64 = 64 << 10;
/// A new peak that exceeds the last one by less than this is not reported while several threads allocate.
const STEP: i64 = 4 << 10;

/// A thread's part. Zero is a thread that has not allocated.
pub struct Own {
    drift: Cell<i64>,
    /// The limits: the drift stays above the one and up to the other.
    least: Cell<i64>,
    most: Cell<i64>,
    /// When they were drawn.
    epoch: Cell<u64>,
}

impl Own {
    /// Of a fork's child.
    pub fn begin_again(&self) {
        self.drift.set(0);
        self.epoch.set(0);
    }
}

/// Of the process.
pub static SUM: Sum = Sum::new(live, most);

pub struct Sum {
    /// Those that have a state.
    threads: AtomicU32,
    epoch: AtomicU64,
    ordered: AtomicBool,
    /// Live bytes of all threads, less their drifts.
    live: fn() -> Option<&'static AtomicI64>,
    /// The peak.
    most: fn() -> Option<&'static AtomicU64>,
}

/// As the region has it: a word that is read as a signed number.
fn live() -> Option<&'static AtomicI64> {
    // SAFETY: both types have the same layout.
    shared::word(word::LIVE).map(|live| unsafe { &*(live as *const AtomicU64 as *const AtomicI64) })
}

fn most() -> Option<&'static AtomicU64> {
    shared::word(word::MOST)
}

impl Sum {
    const fn new(live: fn() -> Option<&'static AtomicI64>, most: fn() -> Option<&'static AtomicU64>) -> Sum {
        Sum { threads: AtomicU32::new(0), epoch: AtomicU64::new(1), ordered: AtomicBool::new(false), live, most }
    }

    /// Whether all events are put in one order.
    #[inline(always)]
    pub fn is_ordered(&self) -> bool {
        self.ordered.load(Ordering::Relaxed)
    }

    /// Gives whether they were.
    pub fn set_ordered(&self, ordered: bool) -> bool {
        self.ordered.swap(ordered, Ordering::Relaxed)
    }

    /// In a fork's child, which has one thread.
    pub fn begin_again(&self) {
        self.threads.store(1, Ordering::Relaxed);
        self.begin_epoch();
    }

    /// One more thread has a state; returns how many there are.
    pub fn thread_begins(&self) -> u32 {
        let threads = self.threads.fetch_add(1, Ordering::SeqCst) + 1;
        self.begin_epoch();
        threads
    }

    /// The thread gives its state back.
    pub fn thread_ends(&self, own: &Own) {
        self.tell(own.drift.replace(0));
        self.threads.fetch_sub(1, Ordering::SeqCst);
        self.begin_epoch();
    }

    /// Returns the epoch that ends.
    fn begin_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::Release)
    }

    fn tell(&self, drift: i64) {
        if let (Some(live), true) = ((self.live)(), drift != 0) {
            live.fetch_add(drift, Ordering::Relaxed);
        }
    }

    /// The thread's blocks became larger by this, or smaller.
    #[inline(always)]
    pub fn moved(&self, own: &Own, change: i64) {
        let drift = own.drift.get() + change;
        let is_within = own.least.get() < drift && drift <= own.most.get();
        if own.epoch.get() == self.epoch.load(Ordering::Relaxed) && is_within {
            own.drift.set(drift);
        } else {
            self.settle(own, drift, change > 0);
        }
    }

    /// Looks for a new peak, tells a large drift, and draws new limits.
    #[inline(never)]
    fn settle(&self, own: &Own, mut drift: i64, grows: bool) {
        // Read before all that the limits depend on.
        let mut epoch = self.epoch.load(Ordering::Acquire);
        let (all, most) = match ((self.live)(), (self.most)()) {
            (Some(all), Some(most)) => (all, most),
            _ => return,
        };
        let ordered = self.is_ordered();
        let alone = ordered || self.threads.load(Ordering::Relaxed) == 1;
        let (step, room) = if alone { (0, DRIFT) } else { (STEP, DRIFT / 4) };
        let live = all.load(Ordering::Relaxed) + drift;
        if grows && live > most.load(Ordering::Relaxed) as i64 + step {
            peaked(most, live as u64);
        }
        if ordered || drift.abs() >= room {
            self.tell(drift);
            // More is live than others reckon with; less does not make their limits too wide.
            if drift > 0 && !alone {
                let before = self.begin_epoch();
                epoch = if before == epoch { before.wrapping_add(1) } else { epoch };
            }
            drift = 0;
        }
        own.drift.set(drift);
        let to_peak = most.load(Ordering::Relaxed) as i64 + step - all.load(Ordering::Relaxed);
        own.most.set(if ordered { i64::MIN } else { to_peak.min(room - 1) });
        own.least.set(-room);
        own.epoch.set(epoch);
    }
}

#[inline(never)]
fn peaked(most: &AtomicU64, live: u64) {
    static LAST: AtomicU64 = AtomicU64::new(0);
    most.fetch_max(live, Ordering::Relaxed);
    shared::add(word::PEAK, 1);
    let now = arch::ticks();
    if now.wrapping_sub(LAST.load(Ordering::Relaxed)) > arch::SOON {
        LAST.store(now, Ordering::Relaxed);
        shared::set(word::PEAK_AT, sys::now());
    }
}

#[cfg(test)]
#[path = "live_sum/tests.rs"]
mod tests;
