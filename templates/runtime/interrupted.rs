//! The stack of a thread that a signal interrupted.

use std::cell::Cell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::arch::Registers;
use crate::thread::MAX_DEPTH;
use crate::unwind::{self, Bounds};
use crate::{memory, places, threads};

/// Room for walks, taken for the length of one signal.
const SCRATCHES: usize = 64;
#[allow(clippy::declare_interior_mutable_const)]
const FREE: AtomicBool = AtomicBool::new(false);
static SCRATCH_TAKEN: [AtomicBool; SCRATCHES] = [FREE; SCRATCHES];
static SCRATCH: AtomicPtr<[u64; MAX_DEPTH]> = AtomicPtr::new(ptr::null_mut());

thread_local! {
    /// The thread's own stack and number, if they have been asked for: a signal handler may not ask for the stack, nor,
    /// in a program that has locked itself in, for the number.
    static OWN: Cell<(Bounds, Option<u32>)> = const { Cell::new((Bounds { low: 0, end: 0 }, None)) };
}

/// Called on the thread itself.
pub fn know_own() {
    OWN.with(|own| own.set((unwind::bounds(), Some(threads::number_of(threads::tid())))));
}

pub fn is_prepared() -> bool {
    !SCRATCH.load(Ordering::Acquire).is_null()
}

/// Takes memory for walks. False if there is none.
pub fn prepare() -> bool {
    let scratch = memory::map(SCRATCHES * mem::size_of::<[u64; MAX_DEPTH]>());
    SCRATCH.store(scratch.cast(), Ordering::Release);
    !scratch.is_null()
}

/// Walks from the interrupted code up and gives `write` the addresses, whether they are whole, and the thread's number.
/// False if too many threads do so at once.
pub fn walk(at: Registers, write: impl FnOnce(&[u64], bool, u32)) -> bool {
    let taken = SCRATCH_TAKEN.iter().position(|taken| !taken.swap(true, Ordering::Acquire));
    let slot = match taken {
        Some(slot) => slot,
        None => return false,
    };
    // SAFETY: `slot` is below SCRATCHES and ours until it is given back.
    let scratch = unsafe { &mut *SCRATCH.load(Ordering::Acquire).add(slot) };
    scratch[0] = at.pc;
    let (bounds, number) = OWN.with(|own| own.get());
    let walked = unwind::walk(at, &mut scratch[1..], bounds);
    if walked.depth == 0 && places::is_gone(at.pc) {
        // The thread is unknown.
        scratch[0] = 0;
    }
    write(&scratch[..walked.depth + 1], walked.whole, number.unwrap_or_else(|| threads::number_of(threads::tid())));
    SCRATCH_TAKEN[slot].store(false, Ordering::Release);
    true
}
