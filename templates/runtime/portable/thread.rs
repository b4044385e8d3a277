//! The state of one thread while it is counted: never freed, and never used again, since nothing tells portably that a
//! thread has ended.

use std::cell::Cell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::memory;
use crate::totals::Counters;

#[repr(C, align(64))]
pub struct ThreadState {
    /// Set before the state is published.
    next: AtomicPtr<ThreadState>,
    /// Not 0 while the thread is inside the recorder. Only the thread itself writes it.
    busy: AtomicUsize,
    /// The value of [`ThreadState::course`] when a bracket's end waited for this thread in vain.
    pub stuck: Cell<(usize, u64)>,
    pub counters: Counters,
    number: Cell<u32>,
}

thread_local! {
    static CURRENT: Cell<*mut ThreadState> = const { Cell::new(ptr::null_mut()) };
}

static THREADS: AtomicU32 = AtomicU32::new(0);
static ALL: AtomicPtr<ThreadState> = AtomicPtr::new(ptr::null_mut());
/// Allocations and frees that could not be recorded, for want of memory as a rule.
pub static LOST: AtomicU64 = AtomicU64::new(0);

/// Counts one that could not be recorded.
pub fn lose() {
    LOST.fetch_add(1, Ordering::Relaxed);
}

pub fn initialize() {}

/// The calling thread's state, made if it has none; `None` if there is no memory for it.
#[inline(always)]
pub fn current() -> Option<&'static ThreadState> {
    let state = CURRENT.with(|current| current.get());
    if state.is_null() {
        return make();
    }
    // SAFETY: states are never freed, and CURRENT only ever holds one.
    Some(unsafe { &*state })
}

#[cold]
#[inline(never)]
fn make() -> Option<&'static ThreadState> {
    let fresh = memory::map(mem::size_of::<ThreadState>()) as *mut ThreadState;
    if fresh.is_null() {
        return None;
    }
    // SAFETY: `fresh` is large enough and aligned, zero is a valid value of every field, and states are never freed.
    let state = unsafe { &*fresh };
    state.number.set(THREADS.fetch_add(1, Ordering::Relaxed));
    let mut head = ALL.load(Ordering::Relaxed);
    loop {
        state.next.store(head, Ordering::Relaxed);
        match ALL.compare_exchange_weak(head, fresh, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => break,
            Err(now) => head = now,
        }
    }
    CURRENT.with(|current| current.set(fresh));
    Some(state)
}

impl ThreadState {
    #[inline(always)]
    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) != 0
    }

    #[inline(always)]
    pub fn set_busy(&self, busy: usize) {
        self.busy.store(busy, Ordering::Release);
    }

    /// Whether the thread has left the recorder without notice: nothing tells.
    pub fn has_left(&self, _at: usize) -> bool {
        false
    }

    /// The same as long as the thread stays in the recorder, and hardly ever again.
    pub fn course(&self) -> (usize, u64) {
        let counters = &self.counters;
        let counted = counters.allocs.load(Ordering::Relaxed).wrapping_add(counters.frees.load(Ordering::Relaxed));
        (self.busy.load(Ordering::Relaxed), counted)
    }

    pub fn number(&self) -> u32 {
        self.number.get()
    }
}

/// Whether `state` is the calling thread's.
pub fn is_own(state: &ThreadState) -> bool {
    ptr::eq(CURRENT.with(|current| current.get()), state)
}

/// Every state there is.
pub fn all() -> impl Iterator<Item = &'static ThreadState> {
    let mut at = ALL.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: every pointer of the list is a state, and states are never freed.
        let state = unsafe { at.as_ref() }?;
        at = state.next.load(Ordering::Relaxed);
        Some(state)
    })
}
