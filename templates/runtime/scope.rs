//! Scopes: what one closure allocates, on its own thread and on the threads that are started inside it, while other
//! threads allocate as they like.
//!
//! Each thread points at its innermost open scope, and a new thread inherits its creator's pointer (`inherit`). While
//! any scope is open, [`SCOPED`] is set in `RECORDING`. Blocks that were allocated in a scope are kept in a map, so that
//! a free counts for the scope of its allocation, whichever thread frees. A scope is used again only when nothing refers
//! to it any more: it is open, a thread has inherited it, a block of it is live, or a scope inside it is in use. `scoped` is the
//! allocator's side.
//!
//! This file needs nothing of the platform but thread-locals and memory.

use std::cell::Cell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::bracket::{self, RECORDING, SCOPED};
use crate::sites::{self, Sites};
use crate::spin::Spin;
use crate::{inherit, memory};

/// The counts of one scope.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Calls of alloc, alloc_zeroed and realloc, and the bytes that they asked for.
    pub allocs: u64,
    pub bytes: u64,
    /// Frees of blocks that were allocated in the scope; a realloc of such a block counts.
    pub frees: u64,
    /// The most bytes that were live at one time, of those that the scope added.
    pub peak: u64,
    /// Those that are live at its end, in how many blocks.
    pub retained: u64,
    pub retained_blocks: u64,
    /// False where a block could not be kept for want of memory.
    pub exact: bool,
}

/// Zero is a scope that is not in use.
pub struct Scope {
    refs: AtomicU32,
    /// Threads that inherited it and have not ended.
    threads: AtomicU32,
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    frees: AtomicU64,
    live: AtomicI64,
    live_blocks: AtomicI64,
    peak: AtomicI64,
    open: AtomicBool,
    pub inexact: AtomicBool,
    /// The scope around it; in the list of those not in use, the next one.
    outer: AtomicPtr<Scope>,
    sites: AtomicPtr<Sites>,
}

thread_local! {
    /// The innermost open scope.
    static INNERMOST: Cell<*const Scope> = const { Cell::new(ptr::null()) };
    /// True while this thread is inside this file: its allocations there are not the user's.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

/// Scopes that are not in use, and the number of those that are open.
struct Pool {
    free: *const Scope,
    open: u32,
}
static POOL: Spin<Pool> = Spin::new(Pool { free: ptr::null(), open: 0 });

/// The scope that threads without a scope of their own count for, and those that are doing so.
static EVERYONE: AtomicPtr<Scope> = AtomicPtr::new(ptr::null_mut());
static GUESTS: AtomicU32 = AtomicU32::new(0);

impl Scope {
    /// A scope and all around it, innermost first.
    pub fn chain(&'static self) -> impl Iterator<Item = &'static Scope> {
        let mut at: *const Scope = self;
        std::iter::from_fn(move || {
            // SAFETY: null or a scope; scopes are never unmapped, and one in use keeps the one around it in use.
            let scope = unsafe { at.as_ref() }?;
            at = scope.outer.load(Ordering::Relaxed);
            Some(scope)
        })
    }

    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }

    pub fn is_around(&self, inner: &'static Scope) -> bool {
        inner.chain().any(|scope| ptr::eq(scope, self))
    }

    /// Counts allocations, here and in all around it.
    pub fn count(&'static self, allocs: u64, bytes: u64) {
        for scope in self.chain() {
            scope.allocs.fetch_add(allocs, Ordering::Relaxed);
            scope.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// A thread is about to be created that inherits it.
    pub fn thread_begins(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    /// It has ended, or was not created.
    pub fn thread_ends(&self) {
        self.threads.fetch_sub(1, Ordering::Release);
    }

    pub fn count_free(&self) {
        self.frees.fetch_add(1, Ordering::Relaxed);
    }

    pub fn changed(&self, blocks: i64, bytes: i64) {
        self.live_blocks.fetch_add(blocks, Ordering::Relaxed);
        let live = self.live.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.peak.fetch_max(live, Ordering::Relaxed);
    }

    pub fn keep(&'static self) -> &'static Scope {
        self.refs.fetch_add(1, Ordering::Relaxed);
        self
    }

    /// Gives up a reference; the last one puts the scope back.
    pub fn release(&'static self) {
        let mut scope = self;
        // Release and Acquire: whoever uses the scope next sees every earlier user done.
        while scope.refs.fetch_sub(1, Ordering::AcqRel) == 1 {
            // SAFETY: null or a scope, which this one kept in use.
            let outer = unsafe { scope.outer.load(Ordering::Relaxed).as_ref() };
            POOL.with(|pool| scope.put_back(pool));
            match outer {
                Some(outer) => scope = outer,
                None => return,
            }
        }
    }

    fn put_back(&self, pool: &mut Pool) {
        sites::give_back(self.sites.swap(ptr::null_mut(), Ordering::Relaxed));
        self.outer.store(pool.free as *mut Scope, Ordering::Relaxed);
        pool.free = self;
    }

    pub fn sites(&self) -> Option<&Sites> {
        // SAFETY: null or this scope's own, given back only when nothing refers to the scope.
        unsafe { self.sites.load(Ordering::Relaxed).as_ref() }
    }
}

/// While this exists, this thread's allocations are not counted.
pub struct Busy;

impl Busy {
    /// `None` where the thread is inside already, or is about to be no more.
    pub fn set() -> Option<Busy> {
        match BUSY.try_with(|busy| busy.replace(true)) {
            Ok(false) => Some(Busy),
            _ => None,
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let _ = BUSY.try_with(|busy| busy.set(false));
    }
}

/// Runs `body`, whose allocations are not the user's.
pub fn quietly<T>(body: impl FnOnce() -> T) -> T {
    let _busy = Busy::set();
    body()
}

/// The scope of the user's code that runs on this thread.
pub fn innermost() -> Option<&'static Scope> {
    inherit::started();
    current()
}

fn current() -> Option<&'static Scope> {
    // SAFETY: null or a scope that is kept in use as long as this thread points at it.
    INNERMOST.try_with(|innermost| unsafe { innermost.get().as_ref() }).ok().flatten()
}

/// The calling thread is in `scope` from here on; null is none. Nothing happens where the thread is about to be no more.
pub fn enter(scope: *const Scope) {
    let _ = INNERMOST.try_with(|innermost| innermost.set(scope));
}

/// While this exists, the scope of everyone stays.
pub struct Guest;

impl Drop for Guest {
    fn drop(&mut self) {
        GUESTS.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The scope that the calling thread counts for, as it allocates `size` bytes.
pub fn own(size: usize) -> Option<(&'static Scope, Option<Guest>)> {
    if let Some(scope) = current() {
        return Some((scope, None));
    }
    if inherit::is_starting() {
        return if inherit::is_of_start(size) { None } else { current().map(|scope| (scope, None)) };
    }
    if EVERYONE.load(Ordering::Relaxed).is_null() {
        return None;
    }
    GUESTS.fetch_add(1, Ordering::SeqCst);
    let guest = Guest;
    // SAFETY: null or a scope that is open, for whoever takes it away waits for the guests before it closes.
    let scope = unsafe { EVERYONE.load(Ordering::SeqCst).as_ref() }?;
    Some((scope, Some(guest)))
}

/// An open scope of the calling thread. It is closed when it is dropped, by a panic, too.
pub struct Open {
    scope: &'static Scope,
    /// Not to be sent to another thread.
    _own: std::marker::PhantomData<*const ()>,
}

/// Opens a scope inside the thread's innermost one; `None` where there is no memory for it. `with_sites`: keeps the
/// stacks of its allocations.
pub fn open(with_sites: bool) -> Option<Open> {
    let _busy = Busy::set();
    let scope = POOL.with(take)??;
    let outer = innermost();
    scope.refs.store(1, Ordering::Relaxed);
    scope
        .outer
        .store(outer.map_or(ptr::null_mut(), |outer| outer.keep() as *const Scope as *mut Scope), Ordering::Relaxed);
    for counter in [&scope.allocs, &scope.bytes, &scope.frees] {
        counter.store(0, Ordering::Relaxed);
    }
    for counter in [&scope.live, &scope.live_blocks, &scope.peak] {
        counter.store(0, Ordering::Relaxed);
    }
    scope.threads.store(0, Ordering::Relaxed);
    scope.inexact.store(false, Ordering::Relaxed);
    scope.open.store(true, Ordering::Relaxed);
    if with_sites {
        scope.sites.store(sites::make(), Ordering::Relaxed);
    }
    INNERMOST.with(|innermost| innermost.set(scope));
    Some(Open { scope, _own: std::marker::PhantomData })
}

/// Takes a scope from the pool, which is filled where it is empty, and has the allocator look at scopes.
fn take(pool: &mut Pool) -> Option<&'static Scope> {
    const AT_ONCE: usize = 64;
    if pool.free.is_null() {
        let fresh = memory::map(AT_ONCE * mem::size_of::<Scope>()) as *const Scope;
        for i in 0..if fresh.is_null() { 0 } else { AT_ONCE } {
            // SAFETY: `fresh` has room for that many, zero is a valid scope, and it is never unmapped.
            unsafe { &*fresh.add(i) }.put_back(pool);
        }
    }
    // SAFETY: null or a scope.
    let scope = unsafe { pool.free.as_ref() }?;
    pool.free = scope.outer.load(Ordering::Relaxed);
    pool.open += 1;
    bracket::set_scoped(true);
    Some(scope)
}

impl Open {
    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let scope = self.scope;
        let live = scope.live.load(Ordering::Relaxed);
        let blocks = scope.live_blocks.load(Ordering::Relaxed);
        Counts {
            allocs: scope.allocs.load(Ordering::Relaxed),
            bytes: scope.bytes.load(Ordering::Relaxed),
            frees: scope.frees.load(Ordering::Relaxed),
            peak: scope.peak.load(Ordering::Relaxed).max(0) as u64,
            retained: live.max(0) as u64,
            retained_blocks: blocks.max(0) as u64,
            // In the child of a fork it may be off.
            exact: !scope.inexact.load(Ordering::Relaxed) && RECORDING.load(Ordering::Relaxed) & SCOPED != 0,
        }
    }

    /// Waits a little for threads that are about to end: they give back their own blocks last, after whoever joins them
    /// goes on. A thread that lives on is not waited for longer than that. Threads that inherited nothing are only waited for
    /// `in_any_case`.
    pub fn settle(&self, in_any_case: bool) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let unsettled = || {
            (in_any_case || self.scope.threads.load(Ordering::Acquire) != 0)
                && (self.scope.live_blocks.load(Ordering::Relaxed) > 0 || self.scope.live.load(Ordering::Relaxed) > 0)
        };
        if !unsettled() {
            return;
        }
        let begun = Instant::now();
        while unsettled() && begun.elapsed() < PATIENCE {
            std::thread::yield_now();
        }
    }

    /// The stacks of the allocations, if they were asked for.
    pub fn sites(&self) -> Vec<sites::Site> {
        self.scope.sites().map_or(Vec::new(), Sites::all)
    }
}

/// Has threads that have no scope count for the caller's innermost one while `body` runs. One scope at a time has that: others wait.
pub fn with_everyone<T>(body: impl FnOnce() -> T) -> T {
    let scope = match innermost() {
        Some(scope) => scope as *const Scope as *mut Scope,
        None => return body(),
    };
    struct Alone(bool);
    impl Drop for Alone {
        fn drop(&mut self) {
            if self.0 {
                EVERYONE.store(ptr::null_mut(), Ordering::SeqCst);
                // Not for ever: in the child of a fork, its parent's guests never leave.
                let begun = Instant::now();
                while GUESTS.load(Ordering::SeqCst) != 0 && begun.elapsed() < Duration::from_secs(2) {
                    std::thread::yield_now();
                }
            }
        }
    }
    let mut alone = Alone(false);
    loop {
        match EVERYONE.compare_exchange(ptr::null_mut(), scope, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(_) => {
                alone.0 = true;
                return body();
            }
            // SAFETY: a scope; it is only looked for among this thread's own.
            Err(there) if innermost().is_some_and(|own| unsafe { &*there }.is_around(own)) => return body(),
            Err(_) => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let _busy = Busy::set();
        self.scope.open.store(false, Ordering::Relaxed);
        enter(self.scope.outer.load(Ordering::Relaxed));
        POOL.with(|pool| {
            pool.open -= 1;
            if pool.open == 0 {
                bracket::set_scoped(false);
            }
        });
        self.scope.release();
    }
}
