//! A new thread is in the scope of its creator (`scope`), from the first instruction of the code that it was started for.
//!
//! std keeps a map of all threads' stacks, for its message about overflows, and each thread enters itself before it runs its
//! code. Whether that takes a node depends on the other threads of the process, which may well keep it. Once the thread is in
//! the map, std gives it an alternate stack for signals: until then its allocations are those of its start.

use std::cell::Cell;
use std::mem;
use std::ptr;

use crate::scope::{self, Scope};
use crate::sys;

/// A new thread, before the code that it is to run.
#[derive(Clone, Copy)]
struct Starting {
    scope: *const Scope,
    allocs: u32,
    bytes: u64,
}

impl Starting {
    const NONE: Starting = Starting { scope: ptr::null(), allocs: 0, bytes: 0 };
    /// A thread that is not std's has no alternate stack for signals: so many allocations prove it.
    const MOST: u32 = 8;
}

thread_local! {
    static STARTING: Cell<Starting> = const { Cell::new(Starting::NONE) };
}

/// Whether the calling thread may be before its code still.
pub fn is_starting() -> bool {
    STARTING.try_with(|starting| !starting.get().scope.is_null()).unwrap_or(false)
}

/// The calling thread runs the code that it was started for, and is in the scope that it inherited.
pub fn started() {
    let starting = STARTING.try_with(|starting| starting.replace(Starting::NONE)).unwrap_or(Starting::NONE);
    // SAFETY: null or a scope that the thread keeps in use until it calls `disinherit`.
    if let Some(scope) = unsafe { starting.scope.as_ref() } {
        // Its start is not std's, if it has no alternate stack: all of it was the user's.
        if !sys::has_signal_stack() {
            scope.count(starting.allocs.into(), starting.bytes);
        }
        scope::enter(scope);
    }
}

/// The calling thread frees a block: at the end of its code std does so always.
pub fn frees() {
    if is_starting() && sys::has_signal_stack() {
        started();
    }
}

/// Whether an allocation of `size` bytes, on a thread that is starting, is that of its start.
#[cold]
pub fn is_of_start(size: usize) -> bool {
    let starting = STARTING.try_with(Cell::get).unwrap_or(Starting::NONE);
    if starting.allocs >= Starting::MOST || sys::has_signal_stack() {
        started();
        return false;
    }
    let counted = Starting { allocs: starting.allocs + 1, bytes: starting.bytes + size as u64, ..starting };
    STARTING.try_with(|starting| starting.set(counted)).is_ok()
}

/// The inheritance of a new thread.
pub struct Inherited {
    scope: &'static Scope,
    /// As far as is known: std gives every thread an alternate stack for signals, or none.
    by_std: bool,
}

/// The calling thread is about to create another one.
pub fn bequeath() -> Option<Inherited> {
    let scope = scope::innermost()?;
    scope.thread_begins();
    Some(Inherited { scope: scope.keep(), by_std: sys::has_signal_stack() })
}

impl Inherited {
    /// The calling thread, which is new, is in the scope from here on, until it calls [`disinherit`].
    pub fn accept(self) -> *const Scope {
        let scope: *const Scope = self.scope;
        match self.by_std && !sys::has_signal_stack() {
            true => STARTING.with(|starting| starting.set(Starting { scope, ..Starting::NONE })),
            false => scope::enter(scope),
        }
        mem::forget(self);
        scope
    }
}

impl Drop for Inherited {
    /// The thread was not created, or has ended.
    fn drop(&mut self) {
        self.scope.thread_ends();
        self.scope.release();
    }
}

/// The calling thread is about to end.
///
/// # Safety
/// `scope` is what [`Inherited::accept`] returned on this thread.
pub unsafe fn disinherit(scope: *const Scope) {
    started();
    scope::enter(ptr::null());
    drop(Inherited { scope: &*scope, by_std: false });
}
