//! The calling stack's entry: guessed and proven, remembered in part, or walked.

use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bracket::{PROGRAM, STACKS, VERIFY};
use crate::entry::Entry;
use crate::shared::{self, word};
use crate::thread::{self, ThreadState};
use crate::unwind::{self, Bounds, Registers};

/// The entry of the calling stack, if stacks are asked for.
#[inline(always)]
pub fn stack_of(flags: u32, state: &'static ThreadState) -> Option<&'static Entry> {
    if flags & STACKS == 0 {
        return None;
    }
    let at = unwind::registers();
    let own = state.bounds();
    let mut remembered = None;
    if at.sp >= own.low {
        if let Some(previous) = state.previous() {
            // SAFETY: from sp to its end it is this thread's stack; `previous` is an entry of this thread.
            remembered = unsafe { previous.next_again(at, own.end) };
        }
    }
    let entry = match remembered {
        Some(_) if flags & VERIFY == 0 => remembered,
        Some(entry) => {
            GUESSED.fetch_add(1, Ordering::Relaxed);
            verified(at, state, Some(entry))
        }
        None => searched(flags, at, state),
    };
    match entry {
        Some(entry) => {
            entry.fetch_next();
            state.set_previous(entry);
        }
        // A program may have a bounded number of stacks: all others count as one.
        None if flags & PROGRAM != 0 => shared::add(word::BEYOND, 1),
        None => thread::lose(),
    }
    #[cfg(feature = "testing")]
    state.last.set(entry);
    entry
}

/// The entry that counts a sample of the calling stack; nothing is remembered from one sample to the next.
#[inline(always)]
pub fn sampled_stack_of(flags: u32, state: &'static ThreadState) -> Option<&'static Entry> {
    if flags & STACKS == 0 {
        return None;
    }
    sampled(unwind::registers(), state)
}

#[cold]
#[inline(never)]
fn sampled(at: Registers, state: &'static ThreadState) -> Option<&'static Entry> {
    // SAFETY: `busy` is set, so no other reference to this thread's scratch or tree is alive.
    let (scratch, stacks) = unsafe { (&mut *state.scratch.get(), &mut *state.stacks.get()) };
    let walk = unwind::walk(at, scratch, state.bounds());
    let entry = scratch.get_mut(..walk.depth).and_then(|walked| stacks.find_sampled(walked, walk.whole, state));
    if entry.is_none() {
        shared::add(word::BEYOND, 1);
    }
    entry
}

/// The entry of a stack that is not the expected one.
#[inline(never)]
fn searched(flags: u32, at: Registers, state: &'static ThreadState) -> Option<&'static Entry> {
    let own = state.bounds();
    let previous = state.previous();
    let mut found = Err(());
    if at.sp >= own.low && at.sp < own.end {
        // SAFETY: `busy` is set, so no other reference to this thread's memo or tree is alive.
        let (memo, stacks) = unsafe { (&mut *state.memo.get(), &mut *state.stacks.get()) };
        found = memo.walk(at, Bounds { low: at.sp, end: own.end }, previous, stacks, state);
    }
    let entry = match found {
        Ok(entry) if flags & VERIFY == 0 => entry,
        Ok(entry) => verified(at, state, entry),
        Err(()) => walked(at, state),
    };
    if let (Some(previous), Some(entry)) = (previous, entry) {
        previous.set_next(entry);
    }
    entry
}

/// The entry by a plain walk, if nothing can be remembered.
#[cold]
#[inline(never)]
fn walked(at: Registers, state: &'static ThreadState) -> Option<&'static Entry> {
    // SAFETY: `busy` is set, so no other reference to this thread's scratch or tree is alive.
    let (scratch, stacks) = unsafe { (&mut *state.scratch.get(), &mut *state.stacks.get()) };
    let walk = unwind::walk(at, scratch, state.bounds());
    stacks.find_walked(scratch.get_mut(..walk.depth)?, walk.whole, state)
}

static WRONG: AtomicU64 = AtomicU64::new(0);
static COMPARED: AtomicU64 = AtomicU64::new(0);
static GUESSED: AtomicU64 = AtomicU64::new(0);

/// How many remembered stacks were compared to a plain walk since the process began, and how many of them were wrong.
pub fn compared() -> (u64, u64) {
    (COMPARED.load(Ordering::Relaxed), WRONG.load(Ordering::Relaxed))
}

/// How many of them were found through the previous stack's entry, without a single step of a walk.
#[cfg(feature = "testing")]
pub fn guessed() -> u64 {
    GUESSED.load(Ordering::Relaxed)
}

/// Compares the remembered stack to a plain walk, and returns the latter.
#[cold]
#[inline(never)]
fn verified(at: Registers, state: &'static ThreadState, remembered: Option<&'static Entry>) -> Option<&'static Entry> {
    let walked = walked(at, state);
    COMPARED.fetch_add(1, Ordering::Relaxed);
    if !matches!((walked, remembered), (Some(walked), Some(remembered)) if ptr::eq(walked, remembered)) {
        WRONG.fetch_add(1, Ordering::Relaxed);
    }
    walked
}
