//! The blocks that the open bracket allocated and that are still live: address → the stack's entry and the size.
//!
//! 64 shards, each a mapped open-addressing table behind a spin lock held for a few instructions, so that threads seldom meet.
//! Nothing is cleared when a bracket opens: an older bracket's blocks carry an older number and count as absent.

use std::cell::UnsafeCell;
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::memory;
use crate::stacks::Entry;
use crate::sys;
use crate::thread;

const SHARDS: usize = 64;
const FIRST_LEN: usize = 256;

/// Number of the open bracket, 1 to 65,535; it shares a word with the entry's address, which has 48 bits.
static BRACKET: AtomicU64 = AtomicU64::new(1);
const ADDRESS_BITS: u32 = 48;

#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    /// The block; 0 where the slot is empty.
    block: usize,
    /// Bracket number above, entry's address below (0 where no stack is kept).
    tagged: u64,
    size: usize,
}

struct Table {
    slots: *mut Slot,
    len: usize,
    used: usize,
}

struct Shard {
    locked: AtomicBool,
    table: UnsafeCell<Table>,
}

// SAFETY: `table` is only touched between `lock` and the guard's end.
unsafe impl Sync for Shard {}

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Shard =
    Shard { locked: AtomicBool::new(false), table: UnsafeCell::new(Table { slots: ptr::null_mut(), len: 0, used: 0 }) };
static SHARD: [Shard; SHARDS] = [EMPTY; SHARDS];

/// A block that the bracket had allocated.
#[derive(Clone, Copy)]
pub struct Block {
    pub entry: Option<&'static Entry>,
    pub size: usize,
}

fn hash(block: usize) -> u64 {
    (block as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl Shard {
    #[inline]
    fn with<T>(&self, body: impl FnOnce(&mut Table) -> T) -> T {
        let mut spins = 0u32;
        while self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            spins += 1;
            if spins % 128 == 0 {
                // SAFETY: gives up the rest of the time slice, nothing else.
                unsafe { sys::sched_yield() };
            }
            std::hint::spin_loop();
        }
        // SAFETY: the lock is held, so this is the only reference.
        let out = body(unsafe { &mut *self.table.get() });
        self.locked.store(false, Ordering::Release);
        out
    }
}

impl Table {
    #[inline]
    #[allow(clippy::mut_from_ref)]
    fn slot(&self, at: usize) -> &mut Slot {
        // SAFETY: every caller masks `at` with `len - 1`; the shard's lock is held, and no caller keeps two references.
        unsafe { &mut *self.slots.add(at) }
    }

    fn place(&mut self, slot: Slot) {
        let mask = self.len - 1;
        let mut at = (hash(slot.block) >> 32) as usize & mask;
        while self.slot(at).block != 0 {
            if self.slot(at).block == slot.block {
                // An older block of that address whose free was not seen.
                *self.slot(at) = slot;
                return;
            }
            at = (at + 1) & mask;
        }
        *self.slot(at) = slot;
        self.used += 1;
    }

    /// Room for one more: drops what older brackets left, or doubles.
    fn make_room(&mut self, bracket: u64) -> bool {
        if self.used * 4 < self.len * 3 {
            return true;
        }
        let current = (0..self.len).filter(|&i| self.slot(i).tagged >> ADDRESS_BITS == bracket).count();
        let len = if self.len == 0 {
            FIRST_LEN
        } else if current * 8 < self.len * 3 {
            self.len
        } else {
            self.len * 2
        };
        let slots = memory::map(len * mem::size_of::<Slot>()) as *mut Slot;
        if slots.is_null() {
            return false;
        }
        let old = mem::replace(self, Table { slots, len, used: 0 });
        for i in 0..old.len {
            let slot = *old.slot(i);
            if slot.block != 0 && slot.tagged >> ADDRESS_BITS == bracket {
                self.place(slot);
            }
        }
        if old.len != 0 {
            // SAFETY: the old table is ours alone (the lock is held) and goes out of use here.
            unsafe { memory::unmap(old.slots.cast(), old.len * mem::size_of::<Slot>()) };
        }
        true
    }

    fn take(&mut self, block: usize) -> Option<Slot> {
        if self.len == 0 {
            return None;
        }
        let mask = self.len - 1;
        let mut at = (hash(block) >> 32) as usize & mask;
        loop {
            match self.slot(at).block {
                0 => return None,
                found if found == block => break,
                _ => at = (at + 1) & mask,
            }
        }
        let taken = *self.slot(at);
        // Backward-shift deletion: later members of the run move up, so that no search ends too early.
        let mut hole = at;
        let mut next = (at + 1) & mask;
        while self.slot(next).block != 0 {
            let home = (hash(self.slot(next).block) >> 32) as usize & mask;
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(hole) & mask) {
                *self.slot(hole) = *self.slot(next);
                hole = next;
            }
            next = (next + 1) & mask;
        }
        self.slot(hole).block = 0;
        self.used -= 1;
        Some(taken)
    }
}

fn shard(block: usize) -> &'static Shard {
    &SHARD[(hash(block) >> 58) as usize]
}

/// The open bracket allocated `block` at `entry`.
pub fn insert(block: usize, entry: Option<&'static Entry>, size: usize) {
    let bracket = BRACKET.load(Ordering::Relaxed);
    let entry = entry.map_or(0, |entry| entry as *const Entry as u64);
    let tagged = bracket << ADDRESS_BITS | entry;
    let placed = shard(block).with(|table| {
        let room = table.make_room(bracket);
        if room {
            table.place(Slot { block, tagged, size });
        }
        room
    });
    if !placed {
        thread::LOST.fetch_add(1, Ordering::Relaxed);
    }
}

/// Takes `block` out; `None` where the open bracket did not allocate it.
pub fn remove(block: usize) -> Option<Block> {
    let slot = shard(block).with(|table| table.take(block))?;
    if slot.tagged >> ADDRESS_BITS != BRACKET.load(Ordering::Relaxed) {
        return None;
    }
    let entry = (slot.tagged & ((1 << ADDRESS_BITS) - 1)) as *const Entry;
    // SAFETY: null or an entry that `insert` was given; entries are never unmapped.
    Some(Block { entry: unsafe { entry.as_ref() }, size: slot.size })
}

/// A bracket opens: nothing that was allocated before it counts.
pub fn next_bracket() {
    let next = BRACKET.load(Ordering::Relaxed) + 1;
    if next >> 16 == 0 {
        BRACKET.store(next, Ordering::Relaxed);
        return;
    }
    for shard in &SHARD {
        shard.with(|table| {
            for i in 0..table.len {
                table.slot(i).block = 0;
            }
            table.used = 0;
        });
    }
    BRACKET.store(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// One test, since the map is one for the process: random operations against a model, through many brackets.
    #[test]
    fn agrees_with_a_hash_map() {
        let mut seed = 1u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        };
        let mut model: HashMap<usize, usize> = HashMap::new();
        let rounds = if cfg!(miri) { 2_000 } else { 300_000 };
        for round in 0..rounds {
            if round % 50_000 == 49_999 {
                next_bracket();
                model.clear();
            }
            let block = ((random() % 20_000 + 1) * 16) as usize;
            if random() % 2 == 0 {
                insert(block, None, round);
                model.insert(block, round);
            } else {
                assert_eq!(remove(block).map(|b| b.size), model.remove(&block));
            }
        }
        // Past the last number the map starts again, empty.
        insert(16, None, 1);
        if !cfg!(miri) {
            for _ in 0..70_000 {
                next_bracket();
            }
            assert!(remove(16).is_none());
        }
    }
}
