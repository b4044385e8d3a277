//! The state of one thread while it is counted.
//!
//! A state is mapped on the thread's first recorded allocation, found again through a thread-local pointer without a
//! destructor, and handed to a later thread when its own ends: states are never freed, so all threads may read them.

use std::cell::{Cell, UnsafeCell};
use std::mem;
use std::os::raw::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::calling::Walked;
use crate::entry::Entry;
use crate::memo::Memo;
use crate::stacks::Stacks;
use crate::totals::Counters;
use crate::unwind::{self, Bounds};
use crate::{barrier, fork, memory, program, scope, shared, sys};

/// Frames kept of one stack; deeper ones are cut and marked.
pub const MAX_DEPTH: usize = 1024;

/// First stands what every event touches: two cache lines.
#[repr(C)]
pub struct ThreadState {
    /// The [`Mark`] of this thread while it is inside the recorder, else 0: its actions there are not the user's. Only
    /// the thread itself writes it.
    busy: AtomicUsize,
    pub counters: Counters,
    pub program: program::Own,
    /// Set before the state is published.
    next: AtomicPtr<ThreadState>,
    in_use: AtomicBool,
    /// The value of [`ThreadState::course`] when a bracket's end waited for this thread in vain.
    pub stuck: Cell<(usize, u64)>,
    /// The thread's own stack.
    bounds: Cell<Bounds>,
    /// The entry of the last stack.
    previous: Cell<*const Entry>,
    pub walked: Walked,
    /// Different for every state; threads that share a state lived one after the other.
    slot: Cell<u32>,
    /// Different for every thread that ever used a state.
    number: Cell<u32>,
    pub stacks: UnsafeCell<Stacks>,
    /// Room for a plain walk.
    pub scratch: UnsafeCell<[u64; MAX_DEPTH]>,
    pub memo: UnsafeCell<Memo>,
    /// The last recorded stack.
    #[cfg(feature = "testing")]
    pub last: Cell<Option<&'static Entry>>,
}

thread_local! {
    static CURRENT: Cell<*mut ThreadState> = const { Cell::new(ptr::null_mut()) };
}

/// States so far.
static STATES: AtomicU32 = AtomicU32::new(0);
/// Threads so far.
static THREADS: AtomicU32 = AtomicU32::new(0);
static ALL: AtomicPtr<ThreadState> = AtomicPtr::new(ptr::null_mut());
/// pthread key plus one; 0 before [`initialize`].
static EXIT_KEY: AtomicU32 = AtomicU32::new(0);
/// Allocations and frees that could not be recorded, for want of memory as a rule.
pub static LOST: AtomicU64 = AtomicU64::new(0);
/// Counts one that could not be recorded.
pub fn lose() {
    LOST.fetch_add(1, Ordering::Relaxed);
    shared::add(shared::word::LOST, 1);
}

/// Asks libc to tell when a thread ends, and the kernel to let [`barrier::wait_for_recorders`] be heard by all threads.
/// Called once, before anything is recorded.
pub fn initialize() {
    barrier::register();
    let mut key = 0;
    // SAFETY: the destructor is a plain function that lives as long as the process.
    if unsafe { sys::pthread_key_create(&mut key, thread_ended) } == 0 {
        EXIT_KEY.store(key + 1, Ordering::Relaxed);
    }
}

/// The calling thread's state, made or taken over if it has none; `None` if the kernel gives no memory.
#[inline(always)]
pub fn current() -> Option<&'static ThreadState> {
    match known() {
        None => adopt(),
        state => state,
    }
}

/// The calling thread's state, if it has one.
#[inline(always)]
pub fn known() -> Option<&'static ThreadState> {
    // SAFETY: states are never unmapped, and CURRENT only ever holds one.
    unsafe { CURRENT.with(|current| current.get()).as_ref() }
}

#[cold]
#[inline(never)]
fn adopt() -> Option<&'static ThreadState> {
    let mut at = ALL.load(Ordering::Acquire);
    // SAFETY: every pointer of the list is a state, and states are never unmapped.
    while let Some(state) = unsafe { at.as_ref() } {
        if !state.in_use.load(Ordering::Relaxed)
            && state.in_use.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok()
        {
            return Some(take(state));
        }
        at = state.next.load(Ordering::Relaxed);
    }
    let fresh = memory::map(mem::size_of::<ThreadState>()) as *mut ThreadState;
    if fresh.is_null() {
        return None;
    }
    // SAFETY: `fresh` is large enough, page-aligned, zero is a valid value of every field, and states are never unmapped.
    let state = unsafe { &*fresh };
    state.in_use.store(true, Ordering::Relaxed);
    state.slot.set(STATES.fetch_add(1, Ordering::Relaxed));
    shared::has_state(state.slot(), fresh as usize);
    let mut head = ALL.load(Ordering::Relaxed);
    loop {
        state.next.store(head, Ordering::Relaxed);
        match ALL.compare_exchange_weak(head, fresh, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return Some(take(state)),
            Err(now) => head = now,
        }
    }
}

fn take(state: &'static ThreadState) -> &'static ThreadState {
    state.bounds.set(Bounds { low: 0, end: 0 });
    state.set_busy(NESTED);
    state.bounds.set(unwind::bounds());
    state.number.set(THREADS.fetch_add(1, Ordering::Relaxed));
    // The state is this thread's alone from here on: its former thread has ended.
    state.forget_stack();
    program::thread_begins(state);
    let pointer = state as *const ThreadState as *mut ThreadState;
    CURRENT.with(|current| current.set(pointer));
    let key = EXIT_KEY.load(Ordering::Relaxed);
    if key != 0 {
        // SAFETY: the key was made by pthread_key_create.
        unsafe { sys::pthread_setspecific(key - 1, pointer as *const c_void) };
    }
    state.set_busy(0);
    state
}

unsafe extern "C" fn thread_ended(state: *mut c_void) {
    // The states of a program are shared with a fork's child: there, this state is the parent's, and in use.
    if fork::is_marked_child() {
        return;
    }
    CURRENT.with(|current| current.set(ptr::null_mut()));
    let state = &*(state as *const ThreadState);
    if state.busy() {
        // It was cancelled in the recorder.
        state.set_busy(0);
        lose();
    }
    program::thread_ends(state);
    state.in_use.store(false, Ordering::Release);
}

impl ThreadState {
    /// A fork's child has its parent's states. Those of other threads, which it does not have, may be half-written, and are
    /// not used again.
    pub fn begin_again(&self) {
        self.counters.forget();
        if !is_own(self) {
            self.in_use.store(true, Ordering::Relaxed);
            self.set_busy(0);
        }
    }

    /// The offset of `busy` in a state.
    pub fn busy_distance(&self) -> usize {
        &self.busy as *const _ as usize - self as *const ThreadState as usize
    }

    #[inline(always)]
    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) != 0
    }

    /// Whether the thread, which is about to enter with the mark `at`, has left the recorder without notice: a signal's
    /// handler did, by siglongjmp. Then it may enter again.
    ///
    /// A stack grows downwards: if the recorder still runs, it has called the current caller, and its mark stands
    /// above. Off the thread's own stack nothing can be told.
    #[cold]
    #[inline(never)]
    pub fn has_left(&self, at: usize) -> bool {
        let (own, went_in) = (self.bounds.get(), self.busy.load(Ordering::Relaxed));
        let on_own = |place: usize| (own.low..own.end).contains(&(place as u64));
        if went_in == NESTED || !on_own(at) {
            return false;
        }
        // SAFETY: it lies above a local variable of this function's caller, on the same stack.
        if on_own(went_in) && at < went_in && unsafe { ptr::read_volatile(went_in as *const usize) } == went_in {
            return false;
        }
        // Its unfinished write may be half there.
        self.forget_stack();
        lose();
        true
    }

    /// Forgets the remembered parts of this thread's stack. Only the thread itself calls it.
    fn forget_stack(&self) {
        self.previous.set(ptr::null());
        // SAFETY: the thread's own, and none of its functions that have a reference to it is running.
        unsafe { (*self.memo.get()).forget() };
    }

    /// The same as long as the thread stays in the recorder, and hardly ever again.
    pub fn course(&self) -> (usize, u64) {
        let counters = &self.counters;
        let counted = counters.allocs.load(Ordering::Relaxed).wrapping_add(counters.frees.load(Ordering::Relaxed));
        (self.busy.load(Ordering::Relaxed), counted)
    }

    #[inline(always)]
    pub fn bounds(&self) -> Bounds {
        self.bounds.get()
    }

    pub fn slot(&self) -> u32 {
        self.slot.get()
    }

    #[inline(always)]
    pub fn previous(&self) -> Option<&'static Entry> {
        // SAFETY: null or an entry that `set_previous` was given.
        unsafe { self.previous.get().as_ref() }
    }

    /// `entry` is one of this thread's own.
    #[inline(always)]
    pub fn set_previous(&self, entry: &'static Entry) {
        self.previous.set(entry);
    }

    #[inline(always)]
    pub fn number(&self) -> u32 {
        self.number.get()
    }

    #[inline(always)]
    pub fn set_busy(&self, busy: usize) {
        // A thread that sees this store sees the writes before it. On x86-64 a plain store.
        self.busy.store(busy, Ordering::Release);
    }
}

/// As a value of `busy`: in the recorder, wherever the stack stands.
pub const NESTED: usize = usize::MAX;

/// Runs `body`, whose allocations are the recorder's own, on a thread of a program that is recorded.
pub fn unrecorded<T>(body: impl FnOnce() -> T) -> T {
    scope::quietly(|| if shared::is_open() { nested(body) } else { body() })
}

/// Runs `body`, whose allocations are the recorder's own.
pub fn nested<T>(body: impl FnOnce() -> T) -> T {
    let state = current();
    let was = state.map_or(0, |state| state.busy.load(Ordering::Relaxed));
    if let Some(state) = state {
        state.set_busy(NESTED);
    }
    let out = body();
    if let Some(state) = state {
        state.set_busy(was);
    }
    out
}

/// Whether `state` is the calling thread's.
pub fn is_own(state: &ThreadState) -> bool {
    ptr::eq(CURRENT.with(|current| current.get()), state)
}

/// Every state there is, in use or not.
pub fn all() -> impl Iterator<Item = &'static ThreadState> {
    let mut at = ALL.load(Ordering::Acquire);
    std::iter::from_fn(move || {
        // SAFETY: every pointer of the list is a state, and states are never unmapped.
        let state = unsafe { at.as_ref() }?;
        at = state.next.load(Ordering::Relaxed);
        Some(state)
    })
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bracket::{self, COUNT};
    use crate::live_map;
    use crate::mark::Mark;
    use crate::track::Track;
    use std::alloc::{GlobalAlloc, Layout, System};

    static ALLOCATOR: Track<System> = Track::new(System);

    #[inline(never)]
    fn allocate() {
        let layout = Layout::new::<u64>();
        // SAFETY: the size is not 0; the block is given back with the layout it was allocated with.
        unsafe { ALLOCATOR.dealloc(ALLOCATOR.alloc(layout), layout) };
    }

    /// The open bracket's counts of `body`.
    fn counted(body: impl FnOnce()) -> (u64, u64) {
        LOST.store(0, Ordering::Relaxed);
        bracket::begin(COUNT);
        bracket::open();
        body();
        bracket::close();
        (bracket::end().totals.allocs, LOST.swap(0, Ordering::Relaxed))
    }

    /// Enters the recorder, and never leaves it.
    #[inline(never)]
    fn go_in_for_good(below: u32) {
        if below > 0 {
            go_in_for_good(below - 1);
            return std::hint::black_box(());
        }
        let mark = Mark::new();
        current().unwrap().set_busy(mark.set());
        // Still in the recorder: this allocation is the recorder's own.
        allocate();
        mark.keep();
    }

    /// Overwrites the values that earlier calls left on the stack.
    #[inline(never)]
    fn call_something_else() {
        std::hint::black_box([1u8; 4096]);
    }

    #[test]
    fn a_thread_that_left_the_recorder_by_siglongjmp_counts_again() {
        let _one_bracket = live_map::tests::lock();
        let (allocs, lost) = counted(|| {
            go_in_for_good(3);
            call_something_else();
            (0..10).for_each(|_| allocate());
        });
        assert_eq!((allocs, lost), (10, 1));
        assert_eq!(counted(allocate), (1, 0));
    }

    /// It is waited for at the first bracket's end; each bracket says that something may be missing.
    #[test]
    fn a_thread_that_stays_in_the_recorder_is_waited_for_once() {
        let _one_bracket = live_map::tests::lock();
        let (send, wait) = std::sync::mpsc::channel::<()>();
        let (ready, begun) = std::sync::mpsc::channel::<usize>();
        let stuck = std::thread::spawn(move || {
            go_in_for_good(0);
            ready.send(current().unwrap() as *const ThreadState as usize).unwrap();
            let _ = wait.recv();
            current().unwrap().set_busy(0);
        });
        // SAFETY: states are never unmapped.
        let state = unsafe { &*(begun.recv().unwrap() as *const ThreadState) };
        for _ in 0..20 {
            assert_eq!(counted(allocate), (1, 1));
            assert_eq!(state.stuck.get(), state.course());
        }
        drop(send);
        stuck.join().unwrap();
        assert_eq!(counted(allocate), (1, 0));
    }

    /// The thread ends inside the recorder, and its state is free again.
    #[test]
    fn a_thread_that_ends_in_the_recorder_is_not_waited_for() {
        let _one_bracket = live_map::tests::lock();
        if EXIT_KEY.load(Ordering::Relaxed) == 0 {
            initialize();
        }
        LOST.store(0, Ordering::Relaxed);
        std::thread::spawn(|| go_in_for_good(0)).join().unwrap();
        assert_eq!(LOST.load(Ordering::Relaxed), 1);
        assert_eq!(counted(allocate), (1, 0));
    }
}
