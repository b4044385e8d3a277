//! A process that was forked from the one that records: it writes no records.

use std::ops::Deref;
use std::sync::atomic::{AtomicU32, Ordering};

/// The process that records; 0 before [`watch`].
static RECORDER: AtomicU32 = AtomicU32::new(0);

/// A value that matters in that process only.
pub struct Wiped<T>(T);

impl<T> Wiped<T> {
    pub const fn new(value: T) -> Wiped<T> {
        Wiped(value)
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

pub fn watch() {
    RECORDER.store(std::process::id(), Ordering::Relaxed);
}

pub fn is_child() -> bool {
    !matches!(RECORDER.load(Ordering::Relaxed), 0) && RECORDER.load(Ordering::Relaxed) != std::process::id()
}

/// Waits for nothing that only a parent's threads could do.
pub fn is_marked_child() -> bool {
    false
}
