//! The end of a bracket, which waits for the threads that are in the recorder.
//!
//! Ordering, between a thread that records and one that closes a bracket. The recorder stores `busy`, then loads `RECORDING`; the
//! closer stores `RECORDING`, then loads each `busy`. One of the two has to see the other's store, which takes a full barrier on
//! either side: on the closer's side membarrier(2), which is one on every thread; where the kernel has none, a SeqCst fence on
//! both ([`FENCED`] has the recorder make it). What the recorder wrote is seen by the closer, for `busy` is taken back by a Release
//! store that the closer's Acquire fence follows; what the opener of a bracket wrote is seen by the recorder, for `RECORDING` is
//! stored by a Release and loaded by an Acquire.

use std::os::raw::c_long;
use std::sync::atomic::{fence, AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::bracket::FENCED;
use crate::sys;
use crate::thread::{self, LOST};

/// membarrier(2) works.
static BARRIER: AtomicBool = AtomicBool::new(false);

/// Asks the kernel to let [`wait_for_recorders`] be heard by all threads.
pub fn register() {
    BARRIER.store(membarrier(sys::MEMBARRIER_REGISTER_PRIVATE_EXPEDITED), Ordering::Relaxed);
}

/// False where the kernel refuses: it has none, or a filter of system calls forbids it.
fn membarrier(command: c_long) -> bool {
    // SAFETY: membarrier(2) touches no memory.
    unsafe { sys::syscall(sys::SYS_MEMBARRIER, command, 0 as c_long, 0 as c_long) == 0 }
}

/// What a bracket's flags have to say besides, so that [`wait_for_recorders`] is heard.
pub fn flag() -> u32 {
    if BARRIER.load(Ordering::Relaxed) {
        0
    } else {
        FENCED
    }
}

/// Waits until no other thread is inside the recorder; called where recording has just been switched over. Each that goes in from
/// here on sees that and leaves again: afterwards nobody counts, and what was counted is whole.
pub fn wait_for_recorders() {
    // Far longer than any allocation takes; a thread may leave one by longjmp. It is waited for once.
    const PATIENCE: Duration = Duration::from_secs(2);
    // Between a thread's mark that it is busy and its look at whether anything is recorded stands no barrier, which would cost it
    // more than all the rest. This one call is a barrier on all threads at once.
    if !BARRIER.load(Ordering::Relaxed) {
        fence(Ordering::SeqCst);
    } else if !membarrier(sys::MEMBARRIER_PRIVATE_EXPEDITED) {
        // Forbidden since it was registered: this once it is not known whether a thread was overlooked.
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
        // What it wrote before it left is read from here on.
        fence(Ordering::Acquire);
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// As a kernel without membarrier(2) does.
    pub fn refuse() {
        BARRIER.store(false, Ordering::Relaxed);
    }
}
