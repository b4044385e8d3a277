//! The live blocks that have no place of their own in `live`: a map by address.
//!
//! 64 shards, each a mapped open-addressing table behind a lock of its own, so that threads seldom meet.
//! Nothing is cleared when a pass begins: an older pass's blocks carry an older number and count as absent.

use std::mem;
use std::ptr;

use crate::memory;
use crate::spin::Spin;
use crate::thread;

const SHARDS: usize = 64;
const FIRST_LEN: usize = 256;

/// The record of a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    pub pass: u32,
    /// The number of the stack's entry; 0 where no stack is kept.
    pub entry: u32,
    pub size: usize,
    /// How large the block was before the pass resized it; 0 where the pass allocated it.
    pub before: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Slot {
    /// The block; 0 where the slot is empty.
    block: usize,
    kept: Kept,
}

struct Table {
    slots: *mut Slot,
    len: usize,
    used: usize,
}

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Spin<Table> = Spin::new(Table { slots: ptr::null_mut(), len: 0, used: 0 });
static SHARD: [Spin<Table>; SHARDS] = [EMPTY; SHARDS];

fn hash(block: usize) -> u64 {
    (block as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15)
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

    /// Makes room for one more: drops blocks of older passes, or doubles the table.
    fn make_room(&mut self, pass: u32) -> bool {
        if self.used * 4 < self.len * 3 {
            return true;
        }
        let current = (0..self.len).filter(|&i| self.slot(i).block != 0 && self.slot(i).kept.pass == pass).count();
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
            if slot.block != 0 && slot.kept.pass == pass {
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

fn shard(block: usize) -> &'static Spin<Table> {
    &SHARD[(hash(block) >> 58) as usize]
}

/// Keeps `block`; false where the kernel gives no memory.
pub fn insert(block: usize, kept: Kept) -> bool {
    let placed = shard(block).with(|table| {
        let room = table.make_room(kept.pass);
        if room {
            table.place(Slot { block, kept });
        }
        room
    });
    placed == Some(true)
}

/// Takes `block` out, whatever pass it is of.
pub fn remove(block: usize) -> Option<Kept> {
    match shard(block).with(|table| table.take(block)) {
        Some(taken) => taken.map(|slot| slot.kept),
        None => {
            // The block may have been there.
            thread::lose();
            None
        }
    }
}

/// Takes everything out.
pub fn clear() {
    for shard in &SHARD {
        shard.with(|table| {
            for i in 0..table.len {
                table.slot(i).block = 0;
            }
            table.used = 0;
        });
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use std::collections::HashMap;
    use std::sync::{Mutex, MutexGuard, PoisonError};

    static BRACKETS: Mutex<()> = Mutex::new(());

    /// Tests with brackets of their own: the map knows one open bracket at a time.
    pub fn lock() -> MutexGuard<'static, ()> {
        BRACKETS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Numbers without a pattern, the same in every run (xorshift64).
    pub fn random() -> impl FnMut() -> u64 {
        let mut seed = 1u64;
        move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed
        }
    }

    /// One test, since the map is one for the process: random operations against a model, through several passes.
    #[test]
    fn agrees_with_a_hash_map() {
        let _one_bracket = lock();
        let mut next = random();
        let mut model: HashMap<usize, Kept> = HashMap::new();
        let rounds = if cfg!(miri) { 2_000 } else { 300_000 };
        let mut pass = 1;
        for round in 0..rounds {
            if round % 50_000 == 49_999 {
                pass += 1;
            }
            // Odd addresses: those are the ones that come here, and no other test's.
            let block = ((next() % 20_000 + 1) * 16 + 1) as usize;
            let current = |kept: &Kept| kept.pass == pass;
            if next() % 2 == 0 {
                let kept = Kept { pass, entry: 0, size: round, before: 0 };
                assert!(insert(block, kept));
                model.insert(block, kept);
            } else {
                assert_eq!(remove(block).filter(current), model.remove(&block).filter(current));
            }
        }
    }

    /// Passes that leave blocks behind: the table is swept, and does not grow by them nor by the places that frees left.
    #[test]
    fn only_this_passes_blocks_make_a_table_grow() {
        let mut table = Table { slots: ptr::null_mut(), len: 0, used: 0 };
        let mut block = 0;
        for pass in 1..50 {
            for i in 0..260 {
                block += 16;
                assert!(table.make_room(pass));
                table.place(Slot { block, kept: Kept { pass, entry: 0, size: 1, before: 0 } });
                if i % 4 != 0 {
                    assert!(table.take(block).is_some());
                }
            }
        }
        assert_eq!(table.len, FIRST_LEN);
        // SAFETY: the test's own table, which no other code uses any more.
        unsafe { memory::unmap(table.slots.cast(), table.len * mem::size_of::<Slot>()) };
    }
}
