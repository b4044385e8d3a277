//! Every allocation, growth and free of a bracket, in one order over all threads; `lives` tells the blocks' stories
//! from it.
//!
//! Kept only if it is asked for. An event takes a place by one addition to a shared counter, so that the order is one
//! that every block can have seen: a block's free has its place before the allocator can give the address to another
//! caller.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::chunks::Chunks;
use crate::entry::Entry;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fresh,
    Zeroed,
    /// A realloc took the block away; its next life is the thread's next event.
    Moved,
    /// The block that a realloc gave.
    Resized,
    Freed,
    /// A bracket opened.
    Opened,
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
    /// The block below, the kind from [`KIND_SHIFT`] on; 0 if the event is not there yet, or was taken back.
    what: AtomicU64,
    size: AtomicU64,
    /// The entry's number below, the thread's above.
    who: AtomicU64,
}

/// Users' addresses have fewer bits.
const KIND_SHIFT: u32 = 56;

type All = Chunks<Slot, 256, 16>;
// SAFETY: zero is a slot without an event.
static LOG: All = unsafe { All::new() };
static NEXT: AtomicUsize = AtomicUsize::new(0);
/// There was no memory for an event.
static NO_ROOM: AtomicBool = AtomicBool::new(false);

/// A place in the order of events.
#[derive(Clone, Copy)]
pub struct Place(usize);

/// The next place. A place past the log's end holds nothing.
#[inline(always)]
pub fn place() -> Place {
    Place(NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Records the event at `place`.
#[inline(always)]
pub fn note(place: Place, kind: Kind, block: usize, size: usize, entry: Option<&'static Entry>, thread: u32) {
    match LOG.make(place.0).filter(|_| place.0 < All::MOST) {
        Some(slot) => {
            let entry = entry.map_or(0, |entry| u64::from(entry.number()));
            slot.size.store(size as u64, Ordering::Relaxed);
            slot.who.store(entry | u64::from(thread) << 32, Ordering::Relaxed);
            slot.what.store(block as u64 | (kind as u64 + 1) << KIND_SHIFT, Ordering::Release);
        }
        None => NO_ROOM.store(true, Ordering::Relaxed),
    }
}

/// A bracket opens.
pub fn opened() {
    note(place(), Kind::Opened, 0, 0, None, 0);
}

/// Takes back the event at `place`.
pub fn take_back(place: Place) {
    if let Some(slot) = LOG.get(place.0).filter(|_| place.0 < All::MOST) {
        slot.what.store(0, Ordering::Release);
    }
}

/// Drops all events. No bracket is open.
pub fn forget() {
    for i in 0..NEXT.swap(0, Ordering::SeqCst).min(All::MOST) {
        take_back(Place(i));
    }
    NO_ROOM.store(false, Ordering::Relaxed);
}

/// Whether events found no place since the last [`forget`].
pub fn overflowed() -> bool {
    NO_ROOM.load(Ordering::Relaxed) || NEXT.load(Ordering::SeqCst) > All::MOST
}

/// The events since the last [`forget`], in their order. No bracket is open.
pub fn events() -> Vec<Event> {
    let event = |slot: &Slot| {
        let what = slot.what.load(Ordering::Acquire);
        let kind = match what >> KIND_SHIFT {
            1 => Kind::Fresh,
            2 => Kind::Zeroed,
            3 => Kind::Moved,
            4 => Kind::Resized,
            5 => Kind::Freed,
            6 => Kind::Opened,
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
    };
    let used = NEXT.load(Ordering::SeqCst).min(All::MOST);
    (0..used).filter_map(|i| LOG.get(i).and_then(event)).collect()
}
