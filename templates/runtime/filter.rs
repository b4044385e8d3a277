//! A counting Bloom filter of the blocks that a sample keeps: most frees learn from one load that theirs is none of them,
//! as long as far fewer are kept than there are places.
//!
//! Ordering: a block is added before the allocator's caller has it, and taken out by the thread that frees it. Whatever
//! hands the block from the one to the other orders the two, and each thread sees a place's changes in one order; so
//! Relaxed is enough, and a place is never 0 for the thread that has a block of it.

use std::sync::atomic::{AtomicU8, Ordering};

const PLACE_BITS: u32 = 12;
#[allow(clippy::declare_interior_mutable_const)]
const NONE: AtomicU8 = AtomicU8::new(0);
/// Blocks by a hash of their address; a place that was full once stays so.
static PLACES: [AtomicU8; 1 << PLACE_BITS] = [NONE; 1 << PLACE_BITS];

#[inline(always)]
fn place(block: usize) -> &'static AtomicU8 {
    // Fibonacci hashing.
    let hash = (block as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    &PLACES[(hash >> (64 - PLACE_BITS)) as usize]
}

/// False where `block` is certainly not kept.
#[inline(always)]
pub fn may_hold(block: usize) -> bool {
    place(block).load(Ordering::Relaxed) != 0
}

#[cold]
pub fn add(block: usize) {
    change(block, |blocks| blocks.checked_add(1));
}

/// `block` was added, and is not kept any more.
#[cold]
pub fn take(block: usize) {
    change(block, |blocks| blocks.checked_sub(1));
}

fn change(block: usize, to: impl Fn(u8) -> Option<u8>) {
    let unless_full = |blocks| if blocks == u8::MAX { None } else { to(blocks) };
    let _ = place(block).fetch_update(Ordering::Relaxed, Ordering::Relaxed, unless_full);
}

/// No block is kept. Nothing is recorded.
pub fn clear() {
    PLACES.iter().for_each(|place| place.store(0, Ordering::Relaxed));
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
}
