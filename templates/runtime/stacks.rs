//! Each thread's table of stacks, with what was allocated at each.
//!
//! Entries and addresses lie in mapped memory and never move, so that live blocks and the reader may point at them. Only the
//! owning thread adds entries; a free by another thread goes to counters of its own, with locked additions. The reader, between
//! brackets, takes what changed since it last looked: nothing is ever reset under a writer.

use std::arch::x86_64::{_mm_prefetch, _MM_HINT_T0};
use std::cell::Cell;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::entries;
use crate::memory;
use crate::standing::{Room, Standing, Word};
use crate::thread::{add, ThreadState, MAX_DEPTH};
use crate::unwind::Registers;

/// What was allocated from one stack. Zero is an entry that is not in use yet.
///
/// The first cache line is all that an allocation and its free write, with the second it is found again.
#[repr(C, align(64))]
pub struct Entry {
    /// Return addresses, outermost first, at the beginning of the room for its words; set last.
    addresses: AtomicPtr<u64>,
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    own_frees: AtomicU64,
    own_freed_bytes: AtomicU64,
    owner: Cell<*const ThreadState>,
    number: Cell<u32>,
    /// Number of addresses; the highest bit says that the stack is cut.
    depth: Cell<u16>,
    /// Words that there is room for.
    room: Cell<u16>,
    /// The entry that came next the last time, and its addresses.
    next: Cell<*const Entry>,
    next_addresses: Cell<*const u64>,
    standing: Standing,
    /// Number of the entry that came next before that one; 0 is none.
    next_before: Cell<u32>,
    hash: Cell<u32>,
    pub reallocs: AtomicU64,
    pub grown_bytes: AtomicU64,
    other_frees: AtomicU64,
    other_freed_bytes: AtomicU64,
    /// What the reader has seen; only the reader touches it.
    seen: [AtomicU64; 6],
}

const _: () = assert!(mem::size_of::<Entry>() == 3 * 64);

#[inline(always)]
fn fetch(address: *const i8) {
    // SAFETY: a hint about an address, which need not be one.
    unsafe { _mm_prefetch(address, _MM_HINT_T0) }
}

const CUT: u16 = 1 << 15;
/// Cache lines of a stack that are fetched ahead; the processor goes on by itself.
const FETCHED: usize = 5;

/// Allocations, bytes, reallocs, grown bytes, frees, freed bytes: in the order in which they are written out.
pub type Counts = [u64; 6];

impl Entry {
    /// True once it stands for a stack.
    pub fn in_use(&self) -> bool {
        !self.addresses.load(Ordering::Acquire).is_null()
    }

    /// Return addresses, outermost first.
    #[inline(always)]
    pub fn addresses(&self) -> &[u64] {
        let depth = (self.depth.get() & !CUT) as usize;
        // SAFETY: the entry is in use, so `insert` wrote that many addresses there before it published them.
        unsafe { slice::from_raw_parts(self.addresses.load(Ordering::Acquire), depth) }
    }

    /// True where the walk did not reach the thread's start.
    pub fn cut(&self) -> bool {
        self.depth.get() & CUT != 0
    }

    /// The slot of the thread that allocates here.
    pub fn slot(&self) -> u32 {
        // SAFETY: states are never unmapped, and an entry in use has its owner.
        unsafe { self.owner.get().as_ref() }.map_or(0, ThreadState::slot)
    }

    /// A block was allocated here.
    #[inline(always)]
    pub fn allocated(&self, bytes: u64) {
        add(&self.allocs, 1);
        add(&self.bytes, bytes);
    }

    /// A block allocated here was given back, by the thread of `freeing`.
    #[inline(always)]
    pub fn freed(&self, freeing: &ThreadState, bytes: u64) {
        if ptr::eq(self.owner.get(), freeing) {
            add(&self.own_frees, 1);
            add(&self.own_freed_bytes, bytes);
        } else {
            self.other_frees.fetch_add(1, Ordering::Relaxed);
            self.other_freed_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    /// The short number that leads to this entry.
    #[inline(always)]
    pub fn number(&self) -> u32 {
        self.number.get()
    }

    /// Which of the entries that came next before stands at `at` again, which ends at `end`.
    ///
    /// # Safety
    /// As [`Standing::again`]; the calling thread owns the entry.
    #[inline(always)]
    pub unsafe fn next_again(&self, at: Registers, end: u64) -> Option<&'static Entry> {
        let next = self.next.get().as_ref()?;
        if next.standing.again(at, end, self.next_addresses.get()) {
            return Some(next);
        }
        self.next_before_again(at, end)
    }

    #[inline(never)]
    unsafe fn next_before_again(&self, at: Registers, end: u64) -> Option<&'static Entry> {
        let before = self.next_before()?;
        if before.standing.again(at, end, before.addresses.load(Ordering::Relaxed)) {
            self.set_next(before);
            return Some(before);
        }
        None
    }

    fn next_before(&self) -> Option<&'static Entry> {
        match self.next_before.get() {
            0 => None,
            number => Some(entries::get(number as usize)),
        }
    }

    /// True where `entry` came after this one before.
    pub fn leads_to(&self, entry: &Entry) -> bool {
        ptr::eq(self.next.get(), entry) || self.next_before.get() == entry.number.get()
    }

    /// True where the words of a walk are kept.
    pub fn stood(&self) -> bool {
        self.standing.stood()
    }

    /// `next` came after this one.
    pub fn set_next(&self, next: &'static Entry) {
        // SAFETY: null or an entry.
        match unsafe { self.next.get().as_ref() } {
            Some(known) if ptr::eq(known, next) => return,
            Some(known) => self.next_before.set(known.number.get()),
            None => (),
        }
        self.next.set(next);
        self.next_addresses.set(next.addresses.load(Ordering::Relaxed));
    }

    /// Fetches what [`Entry::next_again`] is going to read.
    #[inline(always)]
    pub fn fetch_next(&self) {
        if ptr::eq(self.next.get(), self) {
            return;
        }
        let (entry, addresses) = (self.next.get() as *const i8, self.next_addresses.get() as *const i8);
        for line in 0..2 {
            fetch(entry.wrapping_add(line * 64));
        }
        for line in 0..FETCHED {
            fetch(addresses.wrapping_add(line * 64));
        }
    }

    /// Keeps the walk from `start` that led here, by the words that it read.
    pub fn keep(&self, start: Registers, fixed: bool, rbp_matters: bool, words: impl Iterator<Item = Word>) {
        // SAFETY: `insert` made the room for that many words.
        let room = unsafe { Room::new(self.addresses.load(Ordering::Relaxed), usize::from(self.room.get())) };
        self.standing.keep(start, fixed, rbp_matters, words, room);
    }

    fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            of(&self.allocs),
            of(&self.bytes),
            of(&self.reallocs),
            of(&self.grown_bytes),
            of(&self.own_frees) + of(&self.other_frees),
            of(&self.own_freed_bytes) + of(&self.other_freed_bytes),
        ]
    }

    /// Blocks and bytes that were allocated here and not freed, of all times.
    #[cfg(test)]
    pub fn live(&self) -> [u64; 2] {
        let [allocs, bytes, _, _, frees, freed_bytes] = self.counts();
        [allocs.wrapping_sub(frees), bytes.wrapping_sub(freed_bytes)]
    }

    /// What came since the last call.
    fn take_new(&self) -> Counts {
        let now = self.counts();
        let mut new = [0; 6];
        for i in 0..6 {
            new[i] = now[i] - self.seen[i].load(Ordering::Relaxed);
            self.seen[i].store(now[i], Ordering::Relaxed);
        }
        new
    }
}

const FIRST_CHUNK: usize = 32 << 10;
const LAST_CHUNK: usize = 4 << 20;
const FIRST_INDEX: usize = 512;
const ADDRESS_BITS: u32 = 48;
const _: () = assert!(FIRST_CHUNK >= 2 * MAX_DEPTH * 10 + 64 && MAX_DEPTH < CUT as usize);

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

/// What an address adds to the hash of a stack, `above` frames from the outermost: hashes of stacks that share their outer
/// frames share that part of the sum.
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
    /// The entry of this stack (outermost address first, with the sum of their hashes), made where it is new, with room for
    /// `words`; `None` where the kernel gives no memory.
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
        let depth = addresses.len() as u16 | if whole { 0 } else { CUT };
        let hash = finish(sum, u32::from(depth));
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
                    // SAFETY: what is not 0 holds the address of an entry in use; entries never move.
                    let entry = unsafe { &*((slot & ((1 << ADDRESS_BITS) - 1)) as *const Entry) };
                    if entry.depth.get() == depth && entry.addresses() == addresses {
                        return Some(entry);
                    }
                }
                at = (at + 1) & mask;
            }
        }
        self.insert(hash, addresses, depth, words, owner)
    }

    /// As [`Stacks::find`], of a plain walk: innermost address first.
    pub fn find_walked(&mut self, walked: &mut [u64], whole: bool, owner: &ThreadState) -> Option<&'static Entry> {
        walked.reverse();
        let sum = walked.iter().enumerate().fold(0u64, |sum, (i, &address)| sum.wrapping_add(hash_of(address, i)));
        self.find(walked, sum, whole, walked.len(), owner)
    }

    #[cold]
    #[inline(never)]
    fn insert(
        &mut self,
        hash: u64,
        addresses: &[u64],
        depth: u16,
        words: usize,
        owner: &ThreadState,
    ) -> Option<&'static Entry> {
        if self.len * 2 >= self.index_len && !self.grow() {
            return None;
        }
        let size = Room::size(words.max(addresses.len()).max(1));
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
        entry.depth.set(depth);
        entry.room.set(words as u16);
        entry.number.set(entries::number(entry) as u32);
        // The upper half finds its place again when the index grows.
        entry.hash.set(hash as u32);
        entry.owner.set(owner);
        // SAFETY: `room` has `size` bytes that nobody else knows of, and the index has an empty slot.
        unsafe {
            ptr::copy_nonoverlapping(addresses.as_ptr(), room, addresses.len());
            entry.addresses.store(room, Ordering::Release);
            place(
                self.index,
                self.index_len,
                hash as u32,
                hash >> ADDRESS_BITS << ADDRESS_BITS | entry as *const _ as u64,
            );
        }
        self.len += 1;
        Some(entry)
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
                    place(fresh, len, (*entry).hash.get(), slot);
                }
            }
        }
        if self.index_len != 0 {
            // SAFETY: only the owning thread uses the index, and it uses the new one from here on.
            unsafe { memory::unmap(self.index.cast(), self.index_len * mem::size_of::<u64>()) };
        }
        self.index = fresh;
        self.index_len = len;
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

/// Gives `visit` every stack with what it counted since it was last taken, on all threads.
pub fn take_all(visit: &mut dyn FnMut(&'static Entry, Counts)) {
    for entry in entries::all() {
        let new = entry.take_new();
        if new.iter().any(|&n| n != 0) {
            visit(entry, new);
        }
    }
}

/// Drops what was counted and not yet taken.
pub fn forget_all() {
    take_all(&mut |_, _| ());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thread;

    /// Counts of entries that this thread made.
    fn taken(state: &ThreadState) -> u64 {
        let mut taken = 0;
        take_all(&mut |entry, counts| {
            if ptr::eq(entry.owner.get(), state) {
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
        entry.freed(state, 10);
        let address = entry as *const Entry as usize;
        std::thread::spawn(move || {
            // SAFETY: entries are never unmapped.
            let entry = unsafe { &*(address as *const Entry) };
            entry.freed(thread::current().unwrap(), 5);
        })
        .join()
        .unwrap();
        assert_eq!(entry.counts()[4..], [2, 15]);
    }
}
