//! A Bloom filter of the blocks that a sample keeps: most frees learn from one load that theirs is none of them, as long as
//! far fewer are kept than there are places.
//!
//! Ordering: a block is added before the allocator's caller has it, and taken out by the thread that frees it. Whatever
//! hands the block from the one to the other orders the two, and a place's bit is set and cleared under the lock under which
//! its blocks are counted; so Relaxed is enough, and a place is never empty for the thread that has a block of it. Once a
//! block could not be counted, no bit is cleared any more.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::spin::Spin;

const PLACES: usize = 4096;
const WORDS: usize = PLACES / 32;

/// Bits of the places that have blocks: few enough to stay in a processor's nearest cache.
#[repr(align(64))]
struct Held([AtomicU32; WORDS]);

#[allow(clippy::declare_interior_mutable_const)]
const NONE: AtomicU32 = AtomicU32::new(0);
static HELD: Held = Held([NONE; WORDS]);

/// Blocks by place; one that was full once stays so.
static BLOCKS: Spin<[u8; PLACES]> = Spin::new([0; PLACES]);
/// There was a block that was not counted, since whoever held the lock did not come back in time.
static UNCOUNTED: AtomicBool = AtomicBool::new(false);

/// The places of blocks that lie together lie together.
#[inline(always)]
fn place(block: usize) -> usize {
    (block >> 4 ^ block >> 16) % PLACES
}

/// The word of a place.
#[inline(always)]
fn word(place: usize) -> &'static AtomicU32 {
    &HELD.0[place / 32]
}

/// Its bit there.
#[inline(always)]
fn bit(place: usize) -> u32 {
    1 << (place % 32)
}

/// False where `block` is certainly not kept.
#[inline(always)]
pub fn may_hold(block: usize) -> bool {
    let place = place(block);
    word(place).load(Ordering::Relaxed) & bit(place) != 0
}

#[cold]
pub fn add(block: usize) {
    let place = place(block);
    let set = || word(place).fetch_or(bit(place), Ordering::Relaxed);
    let counted = BLOCKS.with(|blocks| {
        blocks[place] = blocks[place].saturating_add(1);
        set();
    });
    if counted.is_none() {
        UNCOUNTED.store(true, Ordering::Relaxed);
        set();
    }
}

/// `block` was added, and is not kept any more.
#[cold]
pub fn take(block: usize) {
    let place = place(block);
    // Where the lock was given up, the bit stays.
    BLOCKS.with(|blocks| {
        if blocks[place] != u8::MAX {
            blocks[place] = blocks[place].saturating_sub(1);
        }
        if blocks[place] == 0 && !UNCOUNTED.load(Ordering::Relaxed) {
            word(place).fetch_and(!bit(place), Ordering::Relaxed);
        }
    });
}

/// No block is kept. Nothing is recorded.
pub fn clear() {
    BLOCKS.begin_again([0; PLACES]);
    UNCOUNTED.store(false, Ordering::Relaxed);
    HELD.0.iter().for_each(|word| word.store(0, Ordering::Relaxed));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_held_until_it_is_taken() {
        let _one_bracket = crate::live_map::tests::lock();
        clear();
        let blocks: Vec<usize> = (1..3_000).map(|i| i * 16 + (7 << 40)).collect();
        blocks.iter().for_each(|&block| add(block));
        blocks.iter().skip(1).for_each(|&block| {
            assert!(may_hold(block));
            take(block);
        });
        assert!(may_hold(blocks[0]));
        let others = blocks.iter().filter(|&&block| may_hold(block)).count();
        assert!(others < 10, "{others} of {} share the place of one", blocks.len());
        take(blocks[0]);
        assert!(!blocks.iter().any(|&block| may_hold(block)));
        (0..300).for_each(|_| add(blocks[0]));
        (0..300).for_each(|_| take(blocks[0]));
        assert!(may_hold(blocks[0]));
        clear();
    }

    /// Threads add and take blocks of the same places at once: none is ever missed.
    #[test]
    fn a_block_of_a_shared_place_is_held_while_others_come_and_go() {
        let _one_bracket = crate::live_map::tests::lock();
        clear();
        let rounds = if cfg!(miri) { 100 } else { 100_000 };
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || {
                    for round in 0..rounds {
                        // The four of a round share a place.
                        let block = (round % 8) * 16 + (thread << 28);
                        add(block);
                        assert!(may_hold(block), "{thread} {round}");
                        take(block);
                    }
                });
            }
        });
        assert!((0..8).all(|i| !may_hold(i * 16)));
        clear();
    }
}
