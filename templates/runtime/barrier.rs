//! The end of a bracket, which waits for the threads that are in the recorder.
//!
//! Ordering, between a thread that records and one that closes a bracket. The recorder stores `busy`, then loads
//! `RECORDING`; the closer stores `RECORDING`, then loads each `busy`. One of the two has to see the other's store,
//! which takes a full barrier on either side: on the closer's side membarrier(2), which is one on every thread; where
//! the kernel has none, a SeqCst fence on both ([`FENCED`] has the recorder make it). The closer sees the recorder's
//! writes, for the recorder takes `busy` back by a Release store that the closer's Acquire fence follows; the recorder
//! sees the writes of the bracket's opener, for `RECORDING` is stored by a Release and loaded by an Acquire.

use std::sync::atomic::{fence, AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bracket::FENCED;
use crate::sys;
use crate::thread::{self, LOST};

/// membarrier(2) works.
static BARRIER: AtomicBool = AtomicBool::new(false);

/// Asks the kernel to let [`wait_for_recorders`] be heard by all threads.
pub fn register() {
    BARRIER.store(sys::membarrier(sys::MEMBARRIER_REGISTER_PRIVATE_EXPEDITED), Ordering::Relaxed);
}

/// The additional flag that a bracket needs for [`wait_for_recorders`] to work.
pub fn flag() -> u32 {
    if BARRIER.load(Ordering::Relaxed) {
        0
    } else {
        FENCED
    }
}

/// Waits until no other thread is inside the recorder; called right after recording was switched over. A thread that
/// enters from here on sees the switch and leaves again: afterwards no thread counts, and the counts are complete.
pub fn wait_for_recorders() {
    // Far longer than any allocation takes. A thread may leave one by longjmp; the closer waits for such a thread once.
    const PATIENCE: Duration = Duration::from_secs(2);
    // There is no barrier between a thread's store of `busy` and its load of `RECORDING`: it would cost more than
    // everything else. This one call is a barrier on all threads at once.
    if !BARRIER.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst);
    } else if !sys::membarrier(sys::MEMBARRIER_PRIVATE_EXPEDITED) {
        // Forbidden since it was registered: this once a thread may have been overlooked.
        BARRIER.store(false, Ordering::Relaxed);
        LOST.fetch_add(1, Ordering::Relaxed);
    }
    let begun = Instant::now();
    for state in thread::all().filter(|state| !thread::is_own(state)) {
        while state.busy() {
            let course = state.course();
            if course == state.stuck.get() || begun.elapsed() > PATIENCE {
                state.stuck.set(course);
                LOST.fetch_add(1, Ordering::Relaxed);
                break;
            }
            std::thread::yield_now();
        }
        // From here on this thread reads everything that the other one wrote before it left.
        fence(Ordering::Acquire);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// Behaves like a kernel without membarrier(2).
    pub fn refuse() {
        BARRIER.store(false, Ordering::Relaxed);
    }
}
