//! A map from blocks' addresses: open addressing in memory that does not come from the allocator under observation.

use std::mem;
use std::ptr;

use crate::memory;

const FIRST_LEN: usize = 256;

#[repr(C)]
#[derive(Clone, Copy)]
struct Slot<V> {
    /// The block; 0 where the slot is empty.
    block: usize,
    value: V,
}

/// Zero is a valid `V`.
pub struct Table<V> {
    slots: *mut Slot<V>,
    len: usize,
    used: usize,
}

pub fn hash(block: usize) -> u64 {
    (block as u64 >> 4).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

impl<V: Copy> Table<V> {
    pub const fn new() -> Table<V> {
        Table { slots: ptr::null_mut(), len: 0, used: 0 }
    }

    #[inline]
    #[allow(clippy::mut_from_ref)]
    fn slot(&self, at: usize) -> &mut Slot<V> {
        // SAFETY: every caller masks `at` with `len - 1`; the table is the caller's alone, and no caller keeps two
        // references.
        unsafe { &mut *self.slots.add(at) }
    }

    /// Keeps `block`, for which there is room; returns the value of an older block of that address, whose free was not
    /// seen.
    pub fn place(&mut self, block: usize, value: V) -> Option<V> {
        let mask = self.len - 1;
        let mut at = (hash(block) >> 32) as usize & mask;
        while self.slot(at).block != 0 {
            if self.slot(at).block == block {
                return Some(mem::replace(&mut self.slot(at).value, value));
            }
            at = (at + 1) & mask;
        }
        *self.slot(at) = Slot { block, value };
        self.used += 1;
        None
    }

    /// Makes room for one more: keeps only blocks that are `wanted` (the others go to `dropped`), or doubles the table.
    /// False where there is no memory.
    pub fn make_room(&mut self, wanted: impl Fn(&V) -> bool, mut dropped: impl FnMut(V)) -> bool {
        if self.used * 4 < self.len * 3 {
            return true;
        }
        let current = (0..self.len).filter(|&i| self.slot(i).block != 0 && wanted(&self.slot(i).value)).count();
        let len = if self.len == 0 {
            FIRST_LEN
        } else if current * 8 < self.len * 3 {
            self.len
        } else {
            self.len * 2
        };
        let slots = memory::map(len * mem::size_of::<Slot<V>>()) as *mut Slot<V>;
        if slots.is_null() {
            return false;
        }
        let old = mem::replace(self, Table { slots, len, used: 0 });
        for i in 0..old.len {
            // An empty slot has no value.
            if old.slot(i).block == 0 {
                continue;
            }
            let slot = *old.slot(i);
            if wanted(&slot.value) {
                self.place(slot.block, slot.value);
            } else {
                dropped(slot.value);
            }
        }
        if old.len != 0 {
            // SAFETY: the old table is the caller's alone and goes out of use here.
            unsafe { memory::unmap(old.slots.cast(), old.len * mem::size_of::<Slot<V>>()) };
        }
        true
    }

    pub fn take(&mut self, block: usize) -> Option<V> {
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
        let taken = self.slot(at).value;
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

    pub fn clear(&mut self) {
        for i in 0..self.len {
            self.slot(i).block = 0;
        }
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Passes that leave blocks behind: the table is swept, and does not grow by them nor by the places that frees left.
    #[test]
    fn only_this_passes_blocks_make_a_table_grow() {
        let mut table = Table::<u32>::new();
        let mut block = 0;
        for pass in 1..50 {
            for i in 0..260 {
                block += 16;
                assert!(table.make_room(|&other| other == pass, drop));
                table.place(block, pass);
                if i % 4 != 0 {
                    assert!(table.take(block).is_some());
                }
            }
        }
        assert_eq!(table.len, FIRST_LEN);
        // SAFETY: the test's own table, which no other code uses any more.
        unsafe { memory::unmap(table.slots.cast(), table.len * mem::size_of::<Slot<u32>>()) };
    }
}
