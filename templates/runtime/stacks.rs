//! Each thread's table of stacks, with what was allocated at each.
//!
//! Entries lie in mapped chunks and never move, so that the live map and the reader may point at them. Only the owning thread
//! adds entries; a free by another thread goes to counters of its own, with locked additions. The reader, between brackets,
//! takes what changed since it last looked: nothing is ever reset under a writer.

use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use crate::memory;
use crate::thread::{self, add, ThreadState};

/// One stack; its addresses follow it in memory.
#[repr(C)]
pub struct Entry {
    hash: u64,
    owner: *const ThreadState,
    depth: u32,
    /// 1 where the walk did not reach the thread's start.
    cut: u32,
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    pub reallocs: AtomicU64,
    pub grown_bytes: AtomicU64,
    own_frees: AtomicU64,
    own_freed_bytes: AtomicU64,
    other_frees: AtomicU64,
    other_freed_bytes: AtomicU64,
    /// What the reader has seen; only the reader touches it.
    seen: [AtomicU64; 6],
}

/// Allocations, bytes, reallocs, grown bytes, frees, freed bytes: in the order in which they are written out.
pub type Counts = [u64; 6];

impl Entry {
    pub fn addresses(&self) -> &[u64] {
        // SAFETY: `insert` wrote `depth` addresses right behind the entry before it published it.
        unsafe { slice::from_raw_parts((self as *const Entry).add(1) as *const u64, self.depth as usize) }
    }

    pub fn cut(&self) -> bool {
        self.cut != 0
    }

    /// A block allocated here was given back, by the thread of `freeing`.
    #[inline]
    pub fn freed(&self, freeing: &ThreadState, bytes: u64) {
        if ptr::eq(self.owner, freeing) {
            add(&self.own_frees, 1);
            add(&self.own_freed_bytes, bytes);
        } else {
            self.other_frees.fetch_add(1, Ordering::Relaxed);
            self.other_freed_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
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

#[repr(C)]
struct Chunk {
    next: AtomicPtr<Chunk>,
    size: usize,
    /// Bytes in use, this header included; grows only after the entry behind it is complete.
    used: AtomicUsize,
}

const FIRST_CHUNK: usize = 64 << 10;
const LAST_CHUNK: usize = 4 << 20;
const FIRST_INDEX: usize = 512;

/// Zero is the empty table.
#[repr(C)]
pub struct Stacks {
    /// All chunks, newest first.
    chunks: AtomicPtr<Chunk>,
    index: *mut *const Entry,
    index_len: usize,
    entries: usize,
}

/// A hash of addresses that differ in few bits; not against an adversary.
fn hash(addresses: &[u64]) -> u64 {
    let mut h: u64 = addresses.len() as u64;
    for &address in addresses {
        h = (h.rotate_left(5) ^ address).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
    h ^ (h >> 32)
}

impl Stacks {
    /// The entry of this stack, made where it is new; `None` where the kernel gives no memory.
    ///
    /// Must be called by the owning thread only.
    pub fn find(&mut self, addresses: &[u64], cut: bool, owner: &ThreadState) -> Option<&'static Entry> {
        let hash = hash(addresses);
        if self.entries * 4 >= self.index_len * 3 && !self.grow() {
            return None;
        }
        let mask = self.index_len - 1;
        let mut at = hash as usize & mask;
        loop {
            // SAFETY: `at` is below `index_len`, and every pointer of the index is null or an entry, which never moves.
            let slot = unsafe { &mut *self.index.add(at) };
            match unsafe { slot.as_ref() } {
                None => {
                    let entry = self.insert(hash, addresses, cut, owner)?;
                    // SAFETY: as above; `insert` does not touch the index.
                    unsafe { *self.index.add(at) = entry };
                    self.entries += 1;
                    return Some(entry);
                }
                Some(entry) if entry.hash == hash && entry.cut == cut as u32 && entry.addresses() == addresses => {
                    return Some(entry);
                }
                Some(_) => at = (at + 1) & mask,
            }
        }
    }

    fn grow(&mut self) -> bool {
        let len = if self.index_len == 0 { FIRST_INDEX } else { self.index_len * 2 };
        let fresh = memory::map(len * mem::size_of::<*const Entry>()) as *mut *const Entry;
        if fresh.is_null() {
            return false;
        }
        for i in 0..self.index_len {
            // SAFETY: both indices have the lengths used here, and the new one has room for twice the entries.
            unsafe {
                let entry = *self.index.add(i);
                if !entry.is_null() {
                    let mut at = (*entry).hash as usize & (len - 1);
                    while !(*fresh.add(at)).is_null() {
                        at = (at + 1) & (len - 1);
                    }
                    *fresh.add(at) = entry;
                }
            }
        }
        if self.index_len != 0 {
            // SAFETY: only the owning thread uses the index, and it uses the new one from here on.
            unsafe { memory::unmap(self.index.cast(), self.index_len * mem::size_of::<*const Entry>()) };
        }
        self.index = fresh;
        self.index_len = len;
        true
    }

    fn insert(&mut self, hash: u64, addresses: &[u64], cut: bool, owner: &ThreadState) -> Option<&'static Entry> {
        let size = mem::size_of::<Entry>() + mem::size_of_val(addresses);
        let chunk = self.chunk_with(size)?;
        let used = chunk.used.load(Ordering::Relaxed);
        // SAFETY: `chunk_with` gave a chunk with `size` bytes left, all zero, of which only this thread writes the unused
        // part; sizes are multiples of 8, so the entry is aligned.
        unsafe {
            let entry = (chunk as *const Chunk as *mut u8).add(used) as *mut Entry;
            (*entry).hash = hash;
            (*entry).owner = owner;
            (*entry).depth = addresses.len() as u32;
            (*entry).cut = cut as u32;
            ptr::copy_nonoverlapping(addresses.as_ptr(), entry.add(1) as *mut u64, addresses.len());
            chunk.used.store(used + size, Ordering::Release);
            Some(&*entry)
        }
    }

    fn chunk_with(&mut self, size: usize) -> Option<&'static Chunk> {
        let newest = self.chunks.load(Ordering::Relaxed);
        let mut chunk_size = FIRST_CHUNK;
        // SAFETY: null or a chunk, and chunks are never unmapped.
        if let Some(chunk) = unsafe { newest.as_ref() } {
            if chunk.size - chunk.used.load(Ordering::Relaxed) >= size {
                return Some(chunk);
            }
            chunk_size = (chunk.size * 2).min(LAST_CHUNK);
        }
        let fresh = memory::map(chunk_size) as *mut Chunk;
        if fresh.is_null() {
            return None;
        }
        // SAFETY: mapped, zeroed, large enough for the header and for any one entry (MAX_DEPTH addresses take 8 KiB).
        unsafe {
            (*fresh).next.store(newest, Ordering::Relaxed);
            (*fresh).size = chunk_size;
            (*fresh).used.store(mem::size_of::<Chunk>(), Ordering::Relaxed);
            self.chunks.store(fresh, Ordering::Release);
            Some(&*fresh)
        }
    }

    /// Calls `visit` with every entry; may run while the owner adds more.
    fn each(&self, visit: &mut dyn FnMut(&'static Entry)) {
        let mut chunk = self.chunks.load(Ordering::Acquire);
        // SAFETY: null or a chunk; up to `used` it holds complete entries, one behind the other.
        unsafe {
            while let Some(this) = chunk.as_ref() {
                let used = this.used.load(Ordering::Acquire);
                let mut at = mem::size_of::<Chunk>();
                while at < used {
                    let entry = &*((chunk as *const u8).add(at) as *const Entry);
                    visit(entry);
                    at += mem::size_of::<Entry>() + entry.depth as usize * 8;
                }
                chunk = this.next.load(Ordering::Relaxed);
            }
        }
    }
}

/// Gives `visit` every stack with what it counted since it was last taken, on all threads.
pub fn take_all(visit: &mut dyn FnMut(&'static Entry, Counts)) {
    for state in thread::all() {
        // SAFETY: `each` reads only what the owner has published; nobody holds a `&mut` to the chunks' contents.
        let stacks = unsafe { &*state.stacks.get() };
        stacks.each(&mut |entry| {
            let new = entry.take_new();
            if new.iter().any(|&n| n != 0) {
                visit(entry, new);
            }
        });
    }
}

/// Drops what was counted and not yet taken.
pub fn forget_all() {
    take_all(&mut |_, _| ());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_is_found_again_and_counted_once_for_the_reader() {
        let state = thread::current().unwrap();
        // SAFETY: this thread owns the state, and no other reference into its table is alive.
        let stacks = unsafe { &mut *state.stacks.get() };
        let mut found = Vec::new();
        for i in 0..5000u64 {
            let addresses: Vec<u64> = (0..i % 40).map(|k| 0x5555_0000 + i * 64 + k).collect();
            let entry = stacks.find(&addresses, i % 7 == 0, state).unwrap();
            add(&entry.allocs, 1);
            found.push((addresses, entry as *const Entry));
        }
        for (i, (addresses, entry)) in found.iter().enumerate() {
            assert!(ptr::eq(stacks.find(addresses, i % 7 == 0, state).unwrap(), *entry));
        }
        let mut taken = 0;
        take_all(&mut |entry, counts| {
            if ptr::eq(entry.owner, state) {
                taken += counts[0];
            }
        });
        assert_eq!(taken, 5000);
        take_all(&mut |entry, counts| {
            if ptr::eq(entry.owner, state) {
                taken += counts[0];
            }
        });
        assert_eq!(taken, 5000);
    }

    #[test]
    fn frees_by_the_owner_and_by_others_add_up() {
        let state = thread::current().unwrap();
        // SAFETY: as above.
        let entry = unsafe { &mut *state.stacks.get() }.find(&[1, 2, 3], false, state).unwrap();
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
