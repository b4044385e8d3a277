//! The calling stack's entry: guessed and proven, remembered in part, or walked.

use std::cell::Cell;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::bracket::{PROGRAM, STACKS, VERIFY};
use crate::entry::Entry;
use crate::shared::{self, word};
use crate::thread::{self, ThreadState};
use crate::unwind::{self, Bounds, Registers};

/// A thread's entries of stacks that had to be walked, by the place where the walk began and the entry that came before.
pub struct Walked([Cell<*const Entry>; WAYS]);

/// Ways to an entry that are told apart, a power of two.
const WAYS: usize = 256;

impl Walked {
    /// `None` where there was no such walk; the entry may be that of another way.
    pub fn get(&self, sp: u64, previous: &Entry) -> Option<&'static Entry> {
        // SAFETY: null or an entry that `set` was given.
        unsafe { self.0[way(sp, previous)].get().as_ref() }
    }

    /// `entry` is one of the thread's own.
    pub fn set(&self, sp: u64, previous: &Entry, entry: &'static Entry) {
        self.0[way(sp, previous)].set(entry);
    }
}

fn way(sp: u64, previous: &Entry) -> usize {
    // A stack is aligned to 16 bytes where a function is called.
    (sp >> 4 ^ sp >> 12 ^ u64::from(previous.number().wrapping_mul(37))) as usize % WAYS
}

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
            if remembered.is_none() {
                // SAFETY: as above.
                remembered = unsafe { found_again(at, own.end, previous, state) };
            }
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

/// The entry that came next the time before the last, or that of the stack that was last walked from the same place, if it stands
/// here.
///
/// # Safety
/// As for [`Entry::next_again`].
#[inline(never)]
pub unsafe fn found_again(at: Registers, end: u64, previous: &Entry, state: &ThreadState) -> Option<&'static Entry> {
    let is_there = |entry: &&'static Entry| entry.stands_again(at, end);
    let walked = || state.walked.get(at.sp, previous).filter(|entry| !previous.leads_to(entry));
    let entry = previous.next_before().filter(is_there).or_else(|| walked().filter(is_there))?;
    previous.set_next(entry);
    Some(entry)
}

/// The entry of a stack that is not the expected one.
#[inline(never)]
fn searched(flags: u32, at: Registers, state: &'static ThreadState) -> Option<&'static Entry> {
    let own = state.bounds();
    let mut found = Err(());
    if at.sp >= own.low && at.sp < own.end {
        // SAFETY: `busy` is set, so no other reference to this thread's memo or tree is alive.
        let (memo, stacks) = unsafe { (&mut *state.memo.get(), &mut *state.stacks.get()) };
        found = memo.walk(at, Bounds { low: at.sp, end: own.end }, stacks, state);
    }
    let entry = match found {
        Ok(entry) if flags & VERIFY == 0 => entry,
        Ok(entry) => verified(at, state, entry),
        Err(()) => walked(at, state),
    };
    if let (Some(previous), Some(entry)) = (state.previous(), entry) {
        previous.set_next(entry);
        if entry.is_owned_by(state) {
            state.walked.set(at.sp, previous, entry);
        }
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
