//! The child of a fork: nothing of the recorder works there, for threads of its parent may hold any of the recorder's locks.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::{block, bracket, program, sampler, sys};

/// The process that records; 0 before [`watch`].
static RECORDER: AtomicI32 = AtomicI32::new(0);
static CHILD: AtomicBool = AtomicBool::new(false);

/// This process records; its children will not.
pub fn watch() {
    // SAFETY: getpid cannot fail, and the child's handler only stores to atomics.
    unsafe {
        RECORDER.store(sys::getpid(), Ordering::Relaxed);
        sys::pthread_atfork(None, None, Some(in_child));
    }
}

unsafe extern "C" fn in_child() {
    CHILD.store(true, Ordering::SeqCst);
    bracket::switch_off();
    sampler::switch_off();
    block::disarm();
    program::forked();
}

/// Whether this is such a child. What ends a process asks here before it takes a lock.
pub fn is_child() -> bool {
    // A child of the bare system call has seen no handler.
    // SAFETY: getpid has no arguments and cannot fail.
    is_marked_child()
        || !matches!(RECORDER.load(Ordering::Relaxed), 0)
            && RECORDER.load(Ordering::Relaxed) != unsafe { sys::getpid() }
}

/// As [`is_child`], but for a child that the bare system call made.
#[inline]
pub fn is_marked_child() -> bool {
    CHILD.load(Ordering::Relaxed)
}
