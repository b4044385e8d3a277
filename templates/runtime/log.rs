//! Every allocation, growth and free of a bracket, in one order over all threads: what `lives` tells the blocks' stories from.
//!
//! Kept only where it is asked for. An event takes a place by one addition to a shared counter, so that the order is one that
//! every block can have seen: a block's free has its place before the allocator can give the address to anybody else.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use crate::entries;
use crate::entry::Entry;
use crate::memory;

/// What happened to a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fresh,
    Zeroed,
    /// A realloc took the block away; its next life is the thread's next event.
    Moved,
    /// What a realloc gave.
    Resized,
    Freed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub kind: Kind,
    pub block: u64,
    pub size: u64,
    /// The number of the stack's entry; 0 where there is none.
    pub entry: u32,
    pub thread: u32,
}

struct Slot {
    /// The block below, the kind from [`KIND_SHIFT`] on; 0 where the event is not there yet, or was taken back.
    what: AtomicU64,
    size: AtomicU64,
    /// The entry's number below, the thread's above.
    who: AtomicU64,
}

/// User addresses have 47 bits.
const KIND_SHIFT: u32 = 56;
/// Reserved; resident only as far as a bracket got.
const SLOTS: usize = 12 << 20;

static LOG: AtomicPtr<Slot> = AtomicPtr::new(ptr::null_mut());
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Takes memory for the log; false where the kernel gives none.
pub fn prepare() -> bool {
    if LOG.load(Ordering::Relaxed).is_null() {
        LOG.store(memory::map(SLOTS * std::mem::size_of::<Slot>()) as *mut Slot, Ordering::Release);
    }
    !LOG.load(Ordering::Relaxed).is_null()
}

/// A place in the order of events.
#[derive(Clone, Copy)]
pub struct Place(usize);

/// The next place. Past the log's end it is counted and holds nothing.
#[inline(always)]
pub fn place() -> Place {
    Place(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Says what happened at `place`.
#[inline(always)]
pub fn note(place: Place, kind: Kind, block: usize, size: usize, entry: Option<&'static Entry>, thread: u32) {
    if place.0 < SLOTS {
        let entry = entry.map_or(0, entries::number) as u64;
        let log = LOG.load(Ordering::Relaxed);
        // SAFETY: the log has SLOTS slots, and is there before the first bracket that is logged opens.
        let slot = unsafe { &*log.add(place.0) };
        slot.size.store(size as u64, Ordering::Relaxed);
        slot.who.store(entry | u64::from(thread) << 32, Ordering::Relaxed);
        slot.what.store(block as u64 | (kind as u64 + 1) << KIND_SHIFT, Ordering::Release);
    }
}

/// Takes back what was said at `place`.
pub fn take_back(place: Place) {
    if place.0 < SLOTS {
        // SAFETY: as in `note`.
        unsafe { (*LOG.load(Ordering::Relaxed).add(place.0)).what.store(0, Ordering::Release) };
    }
}

/// Drops all events. No bracket is open.
pub fn forget() {
    for i in 0..NEXT.swap(0, Ordering::SeqCst).min(SLOTS) {
        take_back(Place(i));
    }
}

/// Whether events found no place since the last [`forget`].
pub fn overflowed() -> bool {
    NEXT.load(Ordering::SeqCst) > SLOTS
}

/// The events since the last [`forget`], in their order. No bracket is open.
pub fn events() -> impl Iterator<Item = Event> {
    let log = LOG.load(Ordering::Acquire);
    let used = if log.is_null() { 0 } else { NEXT.load(Ordering::SeqCst).min(SLOTS) };
    (0..used).filter_map(move |i| {
        // SAFETY: below SLOTS, and the log is there.
        let slot = unsafe { &*log.add(i) };
        let what = slot.what.load(Ordering::Acquire);
        let kind = match what >> KIND_SHIFT {
            1 => Kind::Fresh,
            2 => Kind::Zeroed,
            3 => Kind::Moved,
            4 => Kind::Resized,
            5 => Kind::Freed,
            _ => return None,
        };
        let who = slot.who.load(Ordering::Relaxed);
        let block = what & ((1 << KIND_SHIFT) - 1);
        Some(Event {
            kind,
            block,
            size: slot.size.load(Ordering::Relaxed),
            entry: who as u32,
            thread: (who >> 32) as u32,
        })
    })
}
