//! What one thread keeps while it is counted.
//!
//! A state is mapped on the thread's first recorded allocation, found again through a thread-local pointer without a
//! destructor, and handed to a later thread when its own ends: states are never freed, so everybody may read them.

use std::cell::{Cell, UnsafeCell};
use std::mem;
use std::os::raw::{c_long, c_void};
use std::ptr;
use std::sync::atomic::{fence, AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::entry::Entry;
use crate::memo::Memo;
use crate::stacks::Stacks;
use crate::unwind::Bounds;
use crate::{memory, sys};

/// Frames kept of one stack; deeper ones are cut and marked.
pub const MAX_DEPTH: usize = 1024;

/// Counters with one writer, the thread itself, and any reader.
#[derive(Default)]
pub struct Counters {
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    pub reallocs: AtomicU64,
    pub grown_bytes: AtomicU64,
    pub frees: AtomicU64,
    pub freed_bytes: AtomicU64,
}

/// Adds to a counter that only the calling thread writes: no locked instruction is needed.
#[inline(always)]
pub fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

impl Counters {
    /// A block was given; what a realloc gives counts as one, too.
    #[inline(always)]
    pub fn allocated(&self, bytes: usize) {
        add(&self.allocs, 1);
        add(&self.bytes, bytes as u64);
    }

    /// A block was resized; gives how much of it is growth.
    #[inline(always)]
    pub fn resized(&self, old_bytes: usize, new_bytes: usize) -> u64 {
        let grown = new_bytes.saturating_sub(old_bytes) as u64;
        add(&self.reallocs, 1);
        add(&self.grown_bytes, grown);
        grown
    }
}

#[repr(C)]
pub struct ThreadState {
    /// Set before the state is published.
    next: AtomicPtr<ThreadState>,
    in_use: AtomicBool,
    /// True while this thread is inside the recorder: what happens below it is not the user's. Only the thread itself writes it.
    busy: AtomicBool,
    pub counters: Counters,
    /// The thread's own stack.
    bounds: Cell<Bounds>,
    /// The entry of the last stack.
    previous: Cell<*const Entry>,
    /// Different for every state; threads of one state lived one after the other.
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
/// Allocations that could not be recorded for want of memory.
pub static LOST: AtomicU64 = AtomicU64::new(0);

/// Asks libc to tell when a thread ends, and the kernel to let [`wait_for_recorders`] be heard by all threads. Called once, before
/// anything is recorded.
pub fn initialize() {
    // SAFETY: membarrier(2) touches no memory. A kernel that has none answers with an error, and so does every later call.
    unsafe { sys::syscall(sys::SYS_MEMBARRIER, sys::MEMBARRIER_REGISTER_PRIVATE_EXPEDITED, 0 as c_long, 0 as c_long) };
    let mut key = 0;
    // SAFETY: the destructor is a plain function that lives as long as the process.
    if unsafe { sys::pthread_key_create(&mut key, thread_ended) } == 0 {
        EXIT_KEY.store(key + 1, Ordering::Relaxed);
    }
}

/// The calling thread's state, made or taken over where it has none; `None` where the kernel gives no memory.
#[inline(always)]
pub fn current() -> Option<&'static ThreadState> {
    let state = CURRENT.with(|current| current.get());
    if state.is_null() {
        return adopt();
    }
    // SAFETY: states are never unmapped, and CURRENT only ever holds one.
    Some(unsafe { &*state })
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
    state.set_busy(true);
    state.bounds.set(bounds());
    state.number.set(THREADS.fetch_add(1, Ordering::Relaxed));
    // SAFETY: the state is this thread's alone from here on, and its former thread has ended.
    unsafe { (*state.memo.get()).forget() };
    let pointer = state as *const ThreadState as *mut ThreadState;
    CURRENT.with(|current| current.set(pointer));
    let key = EXIT_KEY.load(Ordering::Relaxed);
    if key != 0 {
        // SAFETY: the key was made by pthread_key_create.
        unsafe { sys::pthread_setspecific(key - 1, pointer as *const c_void) };
    }
    state.set_busy(false);
    state
}

unsafe extern "C" fn thread_ended(state: *mut c_void) {
    CURRENT.with(|current| current.set(ptr::null_mut()));
    let state = &*(state as *const ThreadState);
    state.in_use.store(false, Ordering::Release);
}

/// How samples and waits name the thread `tid`: 0 is the process's first, which runs the benches.
pub fn number_of(tid: u32) -> u32 {
    // SAFETY: getpid has no arguments and cannot fail.
    if tid == unsafe { sys::getpid() } as u32 {
        0
    } else {
        tid
    }
}

/// The calling thread's own stack; empty where libc does not say.
pub fn bounds() -> Bounds {
    let mut attr = sys::pthread_attr_t([0; 64]);
    let mut low = ptr::null_mut();
    let mut size = 0;
    // SAFETY: `attr` is large enough for libc's type and is destroyed after it was filled.
    unsafe {
        if sys::pthread_getattr_np(sys::pthread_self(), &mut attr) != 0 {
            return Bounds { low: 0, end: 0 };
        }
        let answer = sys::pthread_attr_getstack(&attr, &mut low, &mut size);
        sys::pthread_attr_destroy(&mut attr);
        if answer != 0 {
            return Bounds { low: 0, end: 0 };
        }
    }
    Bounds { low: low as u64, end: low as u64 + size as u64 }
}

impl ThreadState {
    #[inline(always)]
    pub fn busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
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
        // SAFETY: null or what `set_previous` was given.
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
    pub fn set_busy(&self, busy: bool) {
        // What was written before it is there for who sees it. On x86-64 a plain store.
        self.busy.store(busy, Ordering::Release);
    }
}

/// Waits until no other thread is inside the recorder; called where recording has just been switched off. Each that goes in from
/// here on sees that and leaves again: afterwards nobody counts, and what was counted is whole.
pub fn wait_for_recorders() {
    // Far longer than any allocation takes; a thread may leave one by longjmp.
    const PATIENCE: Duration = Duration::from_secs(2);
    // Between a thread's mark that it is busy and its look at whether anything is recorded stands no barrier, which would cost it
    // more than all the rest. This one call is a barrier on all threads at once.
    // SAFETY: membarrier(2) touches no memory.
    unsafe { sys::syscall(sys::SYS_MEMBARRIER, sys::MEMBARRIER_PRIVATE_EXPEDITED, 0 as c_long, 0 as c_long) };
    let own = CURRENT.with(|current| current.get());
    let begun = Instant::now();
    for state in all().filter(|state| !ptr::eq(*state, own)) {
        while state.busy() {
            if begun.elapsed() > PATIENCE {
                LOST.fetch_add(1, Ordering::Relaxed);
                return;
            }
            std::thread::yield_now();
        }
        // What it wrote before it left is read from here on.
        fence(Ordering::Acquire);
    }
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

/// The sum of all threads' counters; they only ever grow, so a bracket's share is a difference of two sums.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Totals {
    pub allocs: u64,
    pub bytes: u64,
    pub reallocs: u64,
    pub grown_bytes: u64,
    pub frees: u64,
    pub freed_bytes: u64,
}

impl Totals {
    pub fn now() -> Totals {
        let mut sum = Totals::default();
        for state in all() {
            let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            sum.allocs += of(&state.counters.allocs);
            sum.bytes += of(&state.counters.bytes);
            sum.reallocs += of(&state.counters.reallocs);
            sum.grown_bytes += of(&state.counters.grown_bytes);
            sum.frees += of(&state.counters.frees);
            sum.freed_bytes += of(&state.counters.freed_bytes);
        }
        sum
    }

    /// Adds what was counted between `before` and `after`.
    pub fn add_difference(&mut self, before: &Totals, after: &Totals) {
        self.allocs += after.allocs - before.allocs;
        self.bytes += after.bytes - before.bytes;
        self.reallocs += after.reallocs - before.reallocs;
        self.grown_bytes += after.grown_bytes - before.grown_bytes;
        self.frees += after.frees - before.frees;
        self.freed_bytes += after.freed_bytes - before.freed_bytes;
    }
}
