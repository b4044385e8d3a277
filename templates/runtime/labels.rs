//! The label of each thread, a number that the library's CPU samples carry beside the thread's.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// 0 is none.
    static LABEL: Cell<u32> = const { Cell::new(0) };
}

/// Whether samples carry labels: the tool's own do not.
static CARRIED: AtomicBool = AtomicBool::new(false);

pub fn carry(carried: bool) {
    CARRIED.store(carried, Ordering::Relaxed);
}

/// Sets the calling thread's label; returns the one before.
pub fn set(label: u32) -> u32 {
    LABEL.try_with(|current| current.replace(label)).unwrap_or(0)
}

/// The number of a thread, with the calling thread's label above it. Async-signal-safe.
pub fn with(thread: u32) -> u64 {
    let label = if CARRIED.load(Ordering::Relaxed) { LABEL.try_with(|label| label.get()).unwrap_or(0) } else { 0 };
    u64::from(label) << 32 | u64::from(thread)
}
