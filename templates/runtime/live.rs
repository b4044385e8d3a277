//! The blocks that the pass allocated and that are still live: address → the stack's entry and the size.
//!
//! A block whose address is a multiple of 16 has a word of its own, found by its address alone: nearly all blocks of
//! nearly all allocators. The thread that allocates or frees a block has exclusive access to it, so no lock is needed
//! and threads never wait for each other. The words lie in leaves of reserved memory, one for 64 MB of addresses,
//! resident only where blocks are. All other blocks, those of 4 GB and more, and those that are older than the pass and
//! were resized in it, are kept in `live_map`. Nothing is cleared when a pass begins: an older pass's blocks carry an
//! older number and count as absent.
//!
//! Ordering: the thread that has the block writes its word, after the allocator gave the block and before it takes it
//! back. The allocator itself, or the code that hands the block to another thread, orders these accesses; so they are
//! Relaxed.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::arch::ADDRESS_BITS;
use crate::between::Gone;
use crate::entries::{self, NUMBER_BITS};
use crate::entry::Entry;
use crate::live_map::{self, Kept};
use crate::memory;
use crate::thread;

/// Number of the pass; blocks of another one count as absent. 0 is no pass. It changes while nothing is recorded; a
/// thread that records has seen `RECORDING` by an Acquire, and so sees it.
static PASS: AtomicU32 = AtomicU32::new(1);
const PASS_BITS: u32 = 10;
const _: () = assert!(PASS_BITS + NUMBER_BITS == 32);

/// A word: pass, entry's number, size; this size says that the block is in the map.
const IN_MAP: u64 = 0xFFFF_FFFF;

const GRANULE_BITS: u32 = 4;
const LEAF_BITS: u32 = 26;
const LEAF_WORDS: usize = 1 << (LEAF_BITS - GRANULE_BITS);
const LEAVES: usize = 1 << (ADDRESS_BITS - LEAF_BITS);

type Leaf = AtomicPtr<AtomicU64>;
/// One pointer a leaf; itself reserved memory.
static ROOT: AtomicPtr<Leaf> = AtomicPtr::new(ptr::null_mut());
/// There is no memory for another leaf, or none to spare.
static NO_MORE: AtomicBool = AtomicBool::new(false);

/// A block that the pass has allocated, or resized.
#[derive(Clone, Copy)]
pub struct Block {
    pub entry: Option<&'static Entry>,
    pub size: usize,
    /// As [`Kept::before`].
    pub before: usize,
    /// It is not among the live blocks: a sample left it out.
    pub left_out: bool,
}

impl Block {
    /// The part of it that the pass added: for a block that is older than the pass, only its growth.
    #[inline(always)]
    pub fn added(&self) -> Gone {
        match self.before {
            0 => Gone { objects: 1, bytes: self.size as u64 },
            before => Gone { objects: 0, bytes: self.size.saturating_sub(before) as u64 },
        }
    }
}

/// The block's own word, where it has one.
#[inline(always)]
fn word(block: usize) -> Option<&'static AtomicU64> {
    let root = ROOT.load(Ordering::Acquire);
    let leaf = block >> LEAF_BITS;
    if root.is_null() || leaf >= LEAVES || block & ((1 << GRANULE_BITS) - 1) != 0 {
        return None;
    }
    // SAFETY: the root has LEAVES pointers, each null or a leaf of LEAF_WORDS words; neither is ever unmapped.
    unsafe {
        let leaf = (*root.add(leaf)).load(Ordering::Acquire);
        if leaf.is_null() {
            return None;
        }
        Some(&*leaf.add(block >> GRANULE_BITS & (LEAF_WORDS - 1)))
    }
}

/// Makes the leaf in which `block` has its word; afterwards it is there, or the kernel gave no memory.
#[cold]
#[inline(never)]
fn make_leaf(block: usize) {
    if block & ((1 << GRANULE_BITS) - 1) != 0 || block >> LEAF_BITS >= LEAVES {
        return;
    }
    if NO_MORE.load(Ordering::Relaxed) {
        return;
    }
    let root = publish(&ROOT, LEAVES * mem::size_of::<Leaf>());
    // SAFETY: the root has LEAVES pointers.
    let leaf = unsafe { root.as_ref() }.map(|_| unsafe { &*root.add(block >> LEAF_BITS) });
    if leaf.map_or(true, |leaf| publish(leaf, LEAF_WORDS * mem::size_of::<AtomicU64>()).is_null()) {
        // A leaf that came later would hide entries that are in the map by then.
        NO_MORE.store(true, Ordering::Relaxed);
    }
}

/// Maps `size` bytes into `place`, unless another thread already did.
fn publish<T>(place: &AtomicPtr<T>, size: usize) -> *mut T {
    let there = place.load(Ordering::Acquire);
    if !there.is_null() {
        return there;
    }
    let fresh = memory::map_to_spare(size) as *mut T;
    if fresh.is_null() {
        return fresh;
    }
    match place.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => fresh,
        Err(theirs) => {
            // SAFETY: no other thread knows of this one.
            unsafe { memory::unmap(fresh.cast(), size) };
            theirs
        }
    }
}

/// Keeps `block` as the one at `address` from now on.
#[inline(always)]
pub fn insert(address: usize, block: Block) {
    let Block { size, before, .. } = block;
    let pass = PASS.load(Ordering::Relaxed);
    let entry = block.entry.map_or(0, Entry::number);
    match word(address) {
        Some(word) if (size as u64) < IN_MAP && before == 0 => {
            word.store(u64::from(pass << NUMBER_BITS | entry) << 32 | size as u64, Ordering::Relaxed);
        }
        _ => insert_slowly(address, Kept { pass, entry, size, before }),
    }
}

#[cold]
#[inline(never)]
fn insert_slowly(block: usize, kept: Kept) {
    make_leaf(block);
    let mut in_map = true;
    if let Some(word) = word(block) {
        in_map = kept.size as u64 >= IN_MAP || kept.before != 0;
        let stored = if in_map { IN_MAP } else { kept.size as u64 };
        word.store(u64::from(kept.pass << NUMBER_BITS | kept.entry) << 32 | stored, Ordering::Relaxed);
    }
    if in_map && !live_map::insert(block, kept) {
        thread::lose();
    }
}

/// Takes `block` out; `None` if the pass did not allocate it.
#[inline(always)]
pub fn remove(block: usize) -> Option<Block> {
    let word = match word(block) {
        Some(word) => word,
        // An aligned block of this pass would have its word, if not for want of memory.
        None => return remove_from_map(block),
    };
    let kept = word.load(Ordering::Relaxed);
    if kept == 0 {
        return None;
    }
    word.store(0, Ordering::Relaxed);
    if kept & IN_MAP == IN_MAP {
        return remove_from_map(block);
    }
    known(decoded(kept))
}

/// Like [`remove`], for a block of the pass that has all in its word; otherwise nothing is changed.
#[inline(always)]
pub fn remove_by_word(block: usize) -> Option<Block> {
    let word = word(block)?;
    let kept = decoded(word.load(Ordering::Relaxed));
    if kept.size as u64 == IN_MAP || kept.entry == 0 {
        return None;
    }
    let removed = known(kept)?;
    word.store(0, Ordering::Relaxed);
    Some(removed)
}

/// The content of a word.
#[inline(always)]
fn decoded(word: u64) -> Kept {
    let above = (word >> 32) as u32;
    Kept {
        pass: above >> NUMBER_BITS,
        entry: above & ((1 << NUMBER_BITS) - 1),
        size: (word & IN_MAP) as usize,
        before: 0,
    }
}

/// Like [`remove`], where most blocks are not kept: one whose word was never made is none.
#[inline(always)]
pub fn remove_sampled(block: usize) -> Option<Block> {
    let has_word = block & ((1 << GRANULE_BITS) - 1) == 0 && block >> LEAF_BITS < LEAVES;
    if has_word && word(block).is_none() && !NO_MORE.load(Ordering::Relaxed) {
        return None;
    }
    remove(block)
}

#[cold]
#[inline(never)]
fn remove_from_map(block: usize) -> Option<Block> {
    live_map::remove(block).and_then(known)
}

/// The kept block, unless an older pass kept it.
#[inline(always)]
fn known(kept: Kept) -> Option<Block> {
    if kept.pass != PASS.load(Ordering::Relaxed) {
        return None;
    }
    let entry = if kept.entry == 0 { None } else { Some(entries::get(kept.entry as usize)) };
    Some(Block { entry, size: kept.size, before: kept.before, left_out: false })
}

/// A pass begins: nothing that was allocated before it counts. Nothing is recorded.
pub fn next_pass() {
    let next = PASS.load(Ordering::Relaxed) + 1;
    if next >> PASS_BITS == 0 {
        PASS.store(next, Ordering::Relaxed);
        return;
    }
    // The numbers begin again, so all words that carry an old one must go.
    live_map::clear();
    let root = ROOT.load(Ordering::Acquire);
    for i in (0..LEAVES).filter(|_| !root.is_null()) {
        // SAFETY: the root has LEAVES pointers, each null or a leaf, whose words read as 0 afterwards.
        unsafe {
            let leaf = (*root.add(i)).load(Ordering::Acquire);
            if !leaf.is_null() {
                memory::empty(leaf.cast(), LEAF_WORDS * mem::size_of::<AtomicU64>());
            }
        }
    }
    PASS.store(1, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// One test, since the blocks are those of the process: random operations against a model, through many passes, with
    /// addresses and sizes that have words of their own and others that do not.
    #[test]
    fn agrees_with_a_hash_map() {
        let _one_bracket = live_map::tests::lock();
        let mut random = live_map::tests::random();
        let mut model: HashMap<usize, usize> = HashMap::new();
        for round in 0..300_000usize {
            if round % 50_000 == 49_999 {
                next_pass();
                model.clear();
            }
            // Every second address has no word; those of the upper half lie in another leaf.
            let block = ((random() % 20_000 + 1) * 8 + ((random() % 2) << 40)) as usize;
            let size = if random() % 8 == 0 { round + (5 << 30) } else { round };
            if random() % 2 == 0 {
                insert(block, Block { entry: None, size, before: 0, left_out: false });
                model.insert(block, size);
            } else {
                assert_eq!(remove(block).map(|b| b.size), model.remove(&block));
            }
        }
        // Past the last number they start again, empty.
        for block in [16, 24] {
            insert(block, Block { entry: None, size: 1, before: 0, left_out: false });
        }
        for _ in 0..3_000 {
            next_pass();
        }
        assert!(remove(16).is_none() && remove(24).is_none());
    }

    /// Any other block stays where it is, for `remove` to find.
    #[test]
    fn a_block_is_removed_by_its_word_if_that_has_all() {
        let _one_bracket = live_map::tests::lock();
        let _one_reader = entries::tests::lock();
        next_pass();
        let state = thread::current().unwrap();
        // SAFETY: this thread owns the state, and no other reference into its table is alive.
        let entry = unsafe { &mut *state.stacks.get() }.find_walked(&mut [81, 82], true, state).unwrap();
        let is = Block { entry: Some(entry), size: 24, before: 0, left_out: false };
        let at = 3 << 41;
        insert(at, is);
        let was = remove_by_word(at).unwrap();
        assert!(ptr::eq(was.entry.unwrap(), entry) && (was.size, was.before, was.left_out) == (24, 0, false));
        assert!(remove_by_word(at).is_none() && remove(at).is_none());
        let others = [
            (at + 8, is),
            (at + 16, Block { before: 8, ..is }),
            (at + 32, Block { size: 5 << 30, ..is }),
            (at + 48, Block { entry: None, ..is }),
        ];
        for (at, is) in others {
            insert(at, is);
            assert!(remove_by_word(at).is_none());
            assert_eq!(remove(at).map(|was| (was.size, was.before)), Some((is.size, is.before)));
        }
        insert(at, is);
        next_pass();
        assert!(remove_by_word(at).is_none() && remove(at).is_none());
    }

    /// The shared parts under load: threads allocate, others free, all at once, in leaves and in the map.
    #[test]
    fn blocks_freed_by_other_threads_are_all_counted() {
        const THREADS: usize = 8;
        const BLOCKS: usize = if cfg!(miri) { 100 } else { 50_000 };
        let _one_bracket = live_map::tests::lock();
        let _one_reader = entries::tests::lock();
        next_pass();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| std::sync::mpsc::channel::<usize>()).unzip();
        let totals: Vec<[u64; 2]> = std::thread::scope(|scope| {
            let workers: Vec<_> = receivers
                .into_iter()
                .enumerate()
                .map(|(own, receiver)| {
                    let next = senders[(own + 1) % THREADS].clone();
                    scope.spawn(move || {
                        let state = thread::current().unwrap();
                        // SAFETY: this thread owns the state, and no other reference into its table is alive.
                        let stacks = unsafe { &mut *state.stacks.get() };
                        let entry = stacks.find_walked(&mut [7, own as u64], true, state).unwrap();
                        let mut freed = 0;
                        let mut free = |block| {
                            let was = remove(block).unwrap();
                            was.entry.unwrap().freed(state, was.added());
                            freed += 1;
                        };
                        for i in 0..BLOCKS {
                            // Neighbours belong to different threads; some have no word of their own.
                            let block =
                                (1 << 41) + (i * THREADS + own) * if i % 10 == 0 { 8 } else { 16 } + ((i % 10) << 36);
                            insert(block, Block { entry: Some(entry), size: 24, before: 0, left_out: false });
                            entry.allocated(24);
                            next.send(block).unwrap();
                            receiver.try_iter().take(3).for_each(&mut free);
                        }
                        drop(next);
                        (entry.number(), receiver, freed)
                    })
                })
                .collect();
            drop(senders);
            let state = thread::current().unwrap();
            let ended: Vec<_> = workers.into_iter().map(|worker| worker.join().unwrap()).collect();
            let mut rest = 0;
            let mut numbers = Vec::new();
            for (number, receiver, freed) in ended {
                for block in receiver {
                    let was = remove(block).unwrap();
                    was.entry.unwrap().freed(state, was.added());
                    rest += 1;
                }
                numbers.push((number, freed));
            }
            assert_eq!(rest + numbers.iter().map(|(_, freed)| freed).sum::<usize>(), THREADS * BLOCKS);
            numbers.iter().map(|&(number, _)| entries::get(number as usize).live()).collect()
        });
        assert!(totals.iter().all(|total| total[0] == 0 && total[1] == 0), "{totals:?}");
    }
}
