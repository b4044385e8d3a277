//! The child of a fork: the recorder does not work there, since threads of its parent may hold any of the recorder's
//! locks.

use std::mem;
use std::ops::Deref;
use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use crate::arch::Page;
use crate::{block, bracket, child, program, sampler, sys};

/// The process that records; 0 before [`watch`].
static RECORDER: AtomicI32 = AtomicI32::new(0);
/// This is a child.
static HERE: Wiped<AtomicBool> = Wiped::new(AtomicBool::new(false));

/// [`watch`] has the kernel zero it in every child that gets a copy of this process's memory. A child made by the bare
/// system call runs no handler, but shares the region that a program is recorded in.
pub struct Wiped<T>(Page<T>);

impl<T> Wiped<T> {
    pub const fn new(value: T) -> Wiped<T> {
        Wiped(Page(value))
    }

    fn wipe_on_fork(&self) {
        const MADV_WIPEONFORK: c_int = 18;
        // SAFETY: whole pages that hold nothing else. An older kernel refuses; then the handler still works.
        unsafe { sys::madvise(self as *const Self as *mut _, mem::size_of::<Self>(), MADV_WIPEONFORK) };
    }
}

impl<T> Deref for Wiped<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0 .0
    }
}

/// This process records; its children will not.
pub fn watch() {
    // SAFETY: getpid cannot fail, and the child's handler only stores to atomics.
    unsafe {
        HERE.store(true, Ordering::Relaxed);
        RECORDER.store(sys::getpid(), Ordering::Relaxed);
        HERE.wipe_on_fork();
        bracket::RECORDING.wipe_on_fork();
        sys::pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child));
    }
}

unsafe extern "C" fn before_fork() {
    if !is_marked_child() {
        program::forks();
    }
}

unsafe extern "C" fn in_parent() {
    if !is_marked_child() {
        child::let_it_copy();
    }
}

unsafe extern "C" fn in_child() {
    HERE.store(false, Ordering::SeqCst);
    bracket::switch_off();
    sampler::switch_off();
    block::disarm();
    program::forked();
    if child::takes_a_file() {
        RECORDER.store(sys::getpid(), Ordering::Relaxed);
        HERE.store(true, Ordering::SeqCst);
        child::begin_again();
    }
}

/// Whether this is such a child. Code that ends a process asks here before it takes a lock.
pub fn is_child() -> bool {
    // If the kernel wipes nothing, a child of the bare system call is known by its number only.
    // SAFETY: getpid has no arguments and cannot fail.
    is_marked_child()
        || !matches!(RECORDER.load(Ordering::Relaxed), 0)
            && RECORDER.load(Ordering::Relaxed) != unsafe { sys::getpid() }
}

/// Like [`is_child`], without a system call.
#[inline]
pub fn is_marked_child() -> bool {
    RECORDER.load(Ordering::Relaxed) != 0 && !HERE.load(Ordering::Relaxed)
}
