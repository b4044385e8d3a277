//! Each thread's table of stacks, with the allocations of each; a program with many of them shares the rest (`common`).
//!
//! Entries and addresses lie in mapped memory and never move, so that live blocks and the reader may point at them.
//! Only the owning thread adds entries; a free by another thread goes to counters of its own, with locked additions.
//! The reader, between brackets, takes the changes since it last looked: nothing is ever reset under a writer.

use std::mem;
use std::ptr;
use std::sync::atomic::{compiler_fence, Ordering};

use crate::common;
use crate::entries;
use crate::entry::{Counts, Depth, Entry};
use crate::memory;
use crate::standing::Room;
use crate::thread::{ThreadState, MAX_DEPTH};

const FIRST_CHUNK: usize = 32 << 10;
const LAST_CHUNK: usize = 4 << 20;
const FIRST_INDEX: usize = 512;
const ADDRESS_BITS: u32 = 48;
const _: () = assert!(FIRST_CHUNK >= 2 * MAX_DEPTH * 10 + 64);

/// Zero is the empty table.
#[repr(C)]
pub struct Stacks {
    /// Open addressing: an entry's address below, bits of the stack's hash above; 0 where there is none.
    index: *mut u64,
    index_len: usize,
    len: usize,
    /// Room for addresses: the unused part of the newest chunk.
    next: usize,
    end: usize,
    chunk_size: usize,
    entries: entries::Share,
}

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

/// The contribution of an address to the hash of a stack, `above` frames from the outermost: hashes of stacks that
/// share their outer frames share that part of the sum.
#[inline(always)]
pub fn hash_of(address: u64, above: usize) -> u64 {
    let mixed = (address ^ (above as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93)).wrapping_mul(FACTOR);
    mixed ^ mixed >> 29
}

#[inline(always)]
fn finish(sum: u64, depth: u32) -> u64 {
    let mixed = (sum ^ u64::from(depth)).wrapping_mul(FACTOR);
    mixed ^ mixed >> 31
}

impl Stacks {
    /// The entry of this stack (outermost address first, with the sum of their hashes), made if it is new, with room
    /// for `words`; `None` if the kernel gives no memory.
    ///
    /// Must be called by the owning thread only.
    #[inline(always)]
    pub fn find(
        &mut self,
        addresses: &[u64],
        sum: u64,
        whole: bool,
        words: usize,
        owner: &ThreadState,
    ) -> Option<&'static Entry> {
        self.find_with(addresses, sum, Depth::new(addresses.len(), whole), words, owner)
    }

    #[inline(always)]
    fn find_with(
        &mut self,
        addresses: &[u64],
        sum: u64,
        depth: Depth,
        words: usize,
        owner: &ThreadState,
    ) -> Option<&'static Entry> {
        let hash = finish(sum, u32::from(depth.bits()));
        if self.index_len != 0 {
            let mask = self.index_len - 1;
            let mut at = hash as usize & mask;
            loop {
                // SAFETY: `at` is below `index_len`.
                let slot = unsafe { *self.index.add(at) };
                if slot == 0 {
                    break;
                }
                if slot >> ADDRESS_BITS == hash >> ADDRESS_BITS {
                    // SAFETY: a word that is not 0 holds the address of an entry in use; entries never move.
                    let entry = unsafe { &*((slot & ((1 << ADDRESS_BITS) - 1)) as *const Entry) };
                    if entry.is(depth, addresses) {
                        return Some(entry);
                    }
                }
                at = (at + 1) & mask;
            }
        }
        self.insert(hash, addresses, depth, words, owner)
    }

    /// Like [`Stacks::find`], for a plain walk: innermost address first.
    pub fn find_walked(&mut self, walked: &mut [u64], whole: bool, owner: &ThreadState) -> Option<&'static Entry> {
        let depth = Depth::new(walked.len(), whole);
        self.find_reversed(walked, depth, owner)
    }

    /// Like [`Stacks::find_walked`]: the entry that counts a sample.
    pub fn find_sampled(&mut self, walked: &mut [u64], whole: bool, owner: &ThreadState) -> Option<&'static Entry> {
        let depth = Depth::new(walked.len(), whole).sampled();
        self.find_reversed(walked, depth, owner)
    }

    fn find_reversed(&mut self, walked: &mut [u64], depth: Depth, owner: &ThreadState) -> Option<&'static Entry> {
        walked.reverse();
        let sum = walked.iter().enumerate().fold(0u64, |sum, (i, &address)| sum.wrapping_add(hash_of(address, i)));
        self.find_with(walked, sum, depth, walked.len(), owner)
    }

    #[cold]
    #[inline(never)]
    fn insert(
        &mut self,
        hash: u64,
        addresses: &[u64],
        depth: Depth,
        words: usize,
        owner: &ThreadState,
    ) -> Option<&'static Entry> {
        if common::is_due(self.len) {
            return common::find(hash, addresses, depth).or_else(|| self.insert_shared(hash, addresses, depth));
        }
        if self.len * 2 >= self.index_len && !self.grow() {
            return None;
        }
        let (entry, room) = self.take(Room::size(words.max(addresses.len()).max(1)))?;
        // SAFETY: `room` has `size` bytes that no other code knows of, and the index has an empty slot.
        unsafe {
            entry.begin(addresses, depth, hash, room, words, owner);
            // As in `grow`.
            compiler_fence(Ordering::SeqCst);
            place(
                self.index,
                self.index_len,
                hash as u32,
                hash >> ADDRESS_BITS << ADDRESS_BITS | entry as *const _ as u64,
            );
        }
        self.len += 1;
        common::has_own();
        Some(entry)
    }

    /// The stack's entry in the table that all threads share.
    fn insert_shared(&mut self, hash: u64, addresses: &[u64], depth: Depth) -> Option<&'static Entry> {
        // A multiple of 16, as all rooms are.
        let (entry, room) = self.take((addresses.len().max(1) * mem::size_of::<u64>() + 15) & !15)?;
        // SAFETY: the room has the size of the addresses, and no other code knows of it. No words are kept there.
        unsafe { entry.begin(addresses, depth, hash, room, 0, ptr::null()) };
        Some(common::publish(entry, hash, addresses, depth))
    }

    /// An entry that is not in use yet, and `size` bytes for its addresses.
    fn take(&mut self, size: usize) -> Option<(&'static Entry, *mut u64)> {
        if self.next + size > self.end {
            let chunk = if self.chunk_size == 0 { FIRST_CHUNK } else { (self.chunk_size * 2).min(LAST_CHUNK) };
            let fresh = memory::map(chunk);
            if fresh.is_null() {
                return None;
            }
            self.chunk_size = chunk;
            self.next = fresh as usize;
            self.end = fresh as usize + chunk;
        }
        let entry = self.entries.next()?;
        let room = self.next as *mut u64;
        self.next += size;
        Some((entry, room))
    }

    fn grow(&mut self) -> bool {
        let len = if self.index_len == 0 { FIRST_INDEX } else { self.index_len * 2 };
        let fresh = memory::map(len * mem::size_of::<u64>()) as *mut u64;
        if fresh.is_null() {
            return false;
        }
        for i in 0..self.index_len {
            // SAFETY: both indices have the lengths used here, and the new one has room for twice the entries.
            unsafe {
                let slot = *self.index.add(i);
                if slot != 0 {
                    let entry = (slot & ((1 << ADDRESS_BITS) - 1)) as *const Entry;
                    place(fresh, len, (*entry).hash(), slot);
                }
            }
        }
        let (old, old_len) = (mem::replace(&mut self.index, fresh), mem::replace(&mut self.index_len, len));
        // A signal's handler may leave from anywhere by siglongjmp: the index in use is valid at any moment.
        compiler_fence(Ordering::SeqCst);
        if old_len != 0 {
            // SAFETY: only the owning thread uses the index, and it uses the new one from here on.
            unsafe { memory::unmap(old.cast(), old_len * mem::size_of::<u64>()) };
        }
        true
    }
}

/// # Safety
/// `index` has `len` words, a power of two of at most 32 bits, one of them 0.
unsafe fn place(index: *mut u64, len: usize, hash: u32, slot: u64) {
    let mut at = hash as usize & (len - 1);
    while *index.add(at) != 0 {
        at = (at + 1) & (len - 1);
    }
    *index.add(at) = slot;
}

/// Calls `visit` with every stack and its counts since it was last taken, on all threads.
pub fn take_all(visit: &mut dyn FnMut(&'static Entry, Counts)) {
    for entry in entries::all() {
        let new = entry.take_new();
        if new.iter().any(|&n| n != 0) {
            visit(entry, new);
        }
    }
}

/// Drops the counts that were not taken yet.
pub fn forget_all() {
    take_all(&mut |_, _| ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::between::Gone;
    use crate::thread;

    /// Counts of entries that this thread made.
    fn taken(state: &ThreadState) -> u64 {
        let mut taken = 0;
        take_all(&mut |entry, counts| {
            if entry.is_owned_by(state) {
                taken += counts[0];
            }
        });
        taken
    }

    #[test]
    fn a_stack_is_found_again_and_counted_once_for_the_reader() {
        let _one_reader = entries::tests::lock();
        // The state may have been another test's.
        forget_all();
        let state = thread::current().unwrap();
        // SAFETY: this thread owns the state, and no other reference into its table is alive.
        let stacks = unsafe { &mut *state.stacks.get() };
        let mut found = Vec::new();
        for i in 0..5000u64 {
            let addresses: Vec<u64> = (0..i % 40).map(|k| 0x5555_0000 + i * 64 + k).collect();
            let entry = stacks.find_walked(&mut addresses.clone(), i % 7 != 0, state).unwrap();
            entry.allocated(1);
            found.push((addresses, entry));
        }
        for (i, (addresses, entry)) in found.iter().enumerate() {
            assert!(ptr::eq(stacks.find_walked(&mut addresses.clone(), i % 7 != 0, state).unwrap(), *entry));
            assert!(entry.addresses().iter().rev().eq(addresses));
            assert_eq!(entry.cut(), i % 7 == 0);
        }
        assert_eq!(taken(state), 5000);
        assert_eq!(taken(state), 0);
    }

    #[test]
    fn frees_by_the_owner_and_by_others_add_up() {
        let _one_reader = entries::tests::lock();
        let state = thread::current().unwrap();
        // SAFETY: as above.
        let entry = unsafe { &mut *state.stacks.get() }.find_walked(&mut [1, 2, 3], true, state).unwrap();
        entry.freed(state, Gone { objects: 1, bytes: 10 });
        let address = entry as *const Entry as usize;
        std::thread::spawn(move || {
            // SAFETY: entries are never unmapped.
            let entry = unsafe { &*(address as *const Entry) };
            entry.freed(thread::current().unwrap(), Gone { objects: 1, bytes: 5 });
        })
        .join()
        .unwrap();
        assert_eq!(entry.counts()[4..], [2, 15]);
    }
}
