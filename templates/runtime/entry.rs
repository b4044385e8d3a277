//! The record of one stack: its addresses, its allocations, and the stack that came next.

use std::cell::Cell;
use std::mem;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::arch::{fetch, Registers};
use crate::between::Gone;
use crate::entries;
use crate::standing::{Room, Standing, Word};
use crate::thread::{ThreadState, MAX_DEPTH};
use crate::totals::add;

/// The allocations of one stack. Zero is an entry that is not in use yet.
///
/// An allocation and its free write only to the first cache line; finding the stack again takes the second.
#[repr(C, align(64))]
pub struct Entry {
    /// Return addresses, outermost first, at the beginning of the room for its words; set last.
    addresses: AtomicPtr<u64>,
    pub allocs: AtomicU64,
    pub bytes: AtomicU64,
    own_frees: AtomicU64,
    own_freed_bytes: AtomicU64,
    /// Null: all threads share it (`common`).
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
    /// Number of the entry that came next before that one; of a shared entry, of the next in its chain. 0 is none.
    next_before: Cell<u32>,
    hash: Cell<u32>,
    reallocs: AtomicU64,
    grown_bytes: AtomicU64,
    other_frees: AtomicU64,
    other_freed_bytes: AtomicU64,
    /// The part that the reader has seen, which only the reader touches; in a program, the fields of `program`.
    pub more: [AtomicU64; 6],
}

const _: () = assert!(mem::size_of::<Entry>() == 3 * 64 && MAX_DEPTH < SAMPLED as usize);

const CUT: u16 = 1 << 15;
/// Its counts are of a sample (`poisson`).
const SAMPLED: u16 = 1 << 14;
/// Cache lines of a stack that are fetched ahead; the processor goes on by itself.
const FETCHED: usize = 5;

/// Allocations, bytes, reallocs, grown bytes, and how many of the allocations and of the bytes are no longer live: in
/// the order in which they are written to the records.
pub type Counts = [u64; 6];

impl Entry {
    /// True once it stands for a stack.
    pub fn in_use(&self) -> bool {
        !self.addresses.load(Ordering::Acquire).is_null()
    }

    /// Return addresses, outermost first.
    #[inline(always)]
    pub fn addresses(&self) -> &[u64] {
        let depth = (self.depth.get() & !(CUT | SAMPLED)) as usize;
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

    /// Counts an allocation of a block.
    #[inline(always)]
    pub fn allocated(&self, bytes: u64) {
        self.add(&self.allocs, 1);
        self.add(&self.bytes, bytes);
    }

    /// Counts a realloc that gave a block of this stack.
    pub fn resized(&self, grown: u64) {
        self.add(&self.reallocs, 1);
        self.add(&self.grown_bytes, grown);
    }

    /// Adds to a counter of this entry, from a thread that allocates here.
    #[inline(always)]
    pub fn add(&self, counter: &AtomicU64, n: u64) {
        if self.is_shared() {
            counter.fetch_add(n, Ordering::Relaxed);
        } else {
            add(counter, n);
        }
    }

    /// All threads allocate here, not only its owner.
    #[inline(always)]
    pub fn is_shared(&self) -> bool {
        self.owner.get().is_null()
    }

    /// Counts the free of a block allocated here, by the thread of `freeing`.
    #[inline(always)]
    pub fn freed(&self, freeing: &ThreadState, gone: Gone) {
        if ptr::eq(self.owner.get(), freeing) {
            add(&self.own_frees, gone.objects);
            add(&self.own_freed_bytes, gone.bytes);
        } else {
            self.freed_elsewhere(gone);
        }
    }

    /// Like [`Entry::freed`], by another thread than the owner.
    pub fn freed_elsewhere(&self, gone: Gone) {
        self.other_frees.fetch_add(gone.objects, Ordering::Relaxed);
        self.other_freed_bytes.fetch_add(gone.bytes, Ordering::Relaxed);
    }

    /// The short number that leads to this entry.
    #[inline(always)]
    pub fn number(&self) -> u32 {
        self.number.get()
    }

    /// Called before it stands for a stack.
    pub fn set_number(&self, number: u32) {
        self.number.set(number);
    }

    /// The entry that came next the last time, if its stack stands again at `at`, in a stack that ends at `end`.
    ///
    /// # Safety
    /// The same as for [`Standing::again`]; the calling thread owns the entry.
    #[inline(always)]
    pub unsafe fn next_again(&self, at: Registers, end: u64) -> Option<&'static Entry> {
        let next = self.next.get().as_ref()?;
        if next.standing.again(at, end, self.next_addresses.get()) {
            return Some(next);
        }
        None
    }

    /// Whether its stack stands again.
    ///
    /// # Safety
    /// As for [`Entry::next_again`].
    #[inline(always)]
    pub unsafe fn stands_again(&self, at: Registers, end: u64) -> bool {
        self.standing.again(at, end, self.addresses.load(Ordering::Relaxed))
    }

    /// The entry that came next before that one.
    pub fn next_before(&self) -> Option<&'static Entry> {
        match self.next_before.get() {
            0 => None,
            _ if self.is_shared() => None,
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

    /// The kept words prove nothing any more. Any thread may call it, if the owner cannot come by this stack.
    pub fn forget_walk(&self) {
        self.standing.forget();
    }

    /// `next` came after this one.
    pub fn set_next(&self, next: &'static Entry) {
        if self.is_shared() {
            return;
        }
        // SAFETY: null or an entry.
        match unsafe { self.next.get().as_ref() } {
            Some(known) if ptr::eq(known, next) => return,
            Some(known) => self.next_before.set(known.number.get()),
            None => (),
        }
        self.next.set(next);
        self.next_addresses.set(next.addresses.load(Ordering::Relaxed));
    }

    /// Prefetches the memory that [`Entry::next_again`] reads.
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
    pub fn keep(&self, start: Registers, fixed: bool, fp_matters: bool, words: impl Iterator<Item = Word>) {
        if self.is_shared() {
            return;
        }
        // SAFETY: `insert` made the room for that many words.
        let room = unsafe { Room::new(self.addresses.load(Ordering::Relaxed), usize::from(self.room.get())) };
        self.standing.keep(start, fixed, fp_matters, words, room);
    }

    /// The counts since the process began.
    pub fn counts(&self) -> Counts {
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

    /// Blocks and bytes that were allocated here and not freed, since the process began.
    pub fn live(&self) -> [u64; 2] {
        let [allocs, bytes, _, _, frees, freed_bytes] = self.counts();
        [allocs.wrapping_sub(frees), bytes.wrapping_sub(freed_bytes)]
    }

    /// The counts since the last call; only the reader asks.
    pub fn take_new(&self) -> Counts {
        let now = self.counts();
        let mut new = [0; 6];
        for i in 0..6 {
            new[i] = now[i] - self.more[i].load(Ordering::Relaxed);
            self.more[i].store(now[i], Ordering::Relaxed);
        }
        new
    }

    /// From now on it stands for these `addresses`, which lie where its words have room. The calling thread is its owner.
    ///
    /// # Safety
    /// `room` has [`Room::size`] bytes for `words` and for the addresses, and no other code knows of it.
    pub unsafe fn begin(
        &'static self,
        addresses: &[u64],
        depth: Depth,
        hash: u64,
        room: *mut u64,
        words: usize,
        owner: *const ThreadState,
    ) {
        self.depth.set(depth.0);
        self.room.set(words as u16);
        self.hash.set(hash as u32);
        self.owner.set(owner);
        ptr::copy_nonoverlapping(addresses.as_ptr(), room, addresses.len());
        self.addresses.store(room, Ordering::Release);
    }

    /// Its counts begin again.
    pub fn begin_again(&self) {
        let counts = [&self.allocs, &self.bytes, &self.own_frees, &self.own_freed_bytes, &self.reallocs];
        let others = [&self.grown_bytes, &self.other_frees, &self.other_freed_bytes];
        counts.into_iter().chain(others).chain(&self.more).for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// It is zero again: an entry that is not in use yet. No other code knows of it.
    pub fn clear(&self) {
        // SAFETY: all fields may be written through a shared reference, and zero is a valid entry.
        unsafe { ptr::write_bytes(self as *const Entry as *mut Entry, 0, 1) };
    }

    /// The next of its chain, of a shared entry.
    pub fn chained(&self) -> u32 {
        self.next_before.get()
    }

    /// Chains it, before other threads know of it.
    pub fn chain(&self, next: u32) {
        self.next_before.set(next);
    }

    /// It stands for nothing: another thread was first. No other thread knows of it.
    pub fn abandon(&self) {
        self.addresses.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Whether it stands for these addresses.
    #[inline(always)]
    pub fn is(&self, depth: Depth, addresses: &[u64]) -> bool {
        self.depth.get() == depth.0 && self.addresses() == addresses
    }

    /// The lower half of the hash: the index uses it to place the entry again when it grows.
    pub fn hash(&self) -> u32 {
        self.hash.get()
    }

    pub fn is_owned_by(&self, state: &ThreadState) -> bool {
        ptr::eq(self.owner.get(), state)
    }
}

/// Number of addresses; the highest bit says that the stack is cut.
#[derive(Clone, Copy)]
pub struct Depth(u16);

impl Depth {
    pub fn new(addresses: usize, whole: bool) -> Depth {
        Depth(addresses as u16 | if whole { 0 } else { CUT })
    }

    /// Of a stack whose counts are of a sample: it has an entry of its own.
    pub fn sampled(self) -> Depth {
        Depth(self.0 | SAMPLED)
    }

    /// A number that tells stacks of the same addresses apart.
    pub fn bits(self) -> u16 {
        self.0
    }
}
