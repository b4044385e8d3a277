//! Test-only accessors; not compiled into users' benches.

use std::sync::atomic::Ordering;

use crate::bracket;
use crate::thread;

pub use crate::bracket::{begin, close, end, COUNT, LIVE, LOG, PEAK, STACKS, VERIFY};
pub use crate::calling::{compared, guessed};
pub use crate::log::forget as forget_log;
pub use crate::sampler::{arm as arm_sampler, disarm as disarm_sampler, forget as forget_samples};

/// Writes the return addresses of the stack that the thread recorded since the last call, innermost first; returns
/// their number, and whether the stack is whole.
pub fn last_stack(out: &mut [u64]) -> Option<(usize, bool)> {
    let entry = thread::current()?.last.take()?;
    let mut depth = 0;
    for (place, address) in out.iter_mut().zip(entry.addresses().iter().rev()) {
        *place = *address;
        depth += 1;
    }
    Some((depth, !entry.cut()))
}

/// Runs `body` without recording this thread's allocations meanwhile.
pub fn unrecorded<T>(body: impl FnOnce() -> T) -> T {
    let state = thread::current();
    let was = matches!(state, Some(state) if state.busy());
    if let Some(state) = state {
        state.set_busy(thread::NESTED);
    }
    let out = body();
    if let Some(state) = state {
        state.set_busy(if was { thread::NESTED } else { 0 });
    }
    out
}

/// Whether allocations are recorded now: not in a bracket that warms up.
pub fn recording() -> bool {
    bracket::RECORDING.load(Ordering::Relaxed) != 0
}

/// Sets the flags that brackets record with from now on.
pub fn record(flags: u32) {
    bracket::begin(flags);
    bracket::open();
}
