//! The live blocks that have no place of their own in `live`: a map by address.
//!
//! 64 shards, each a table behind a lock of its own, so that threads seldom meet.
//! Nothing is cleared when a pass begins: an older pass's blocks carry an older number and count as absent.

use crate::spin::Spin;
use crate::table::{hash, Table};
use crate::thread;

const SHARDS: usize = 64;

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

#[allow(clippy::declare_interior_mutable_const)]
const EMPTY: Spin<Table<Kept>> = Spin::new(Table::new());
static SHARD: [Spin<Table<Kept>>; SHARDS] = [EMPTY; SHARDS];

fn shard(block: usize) -> &'static Spin<Table<Kept>> {
    &SHARD[(hash(block) >> 58) as usize]
}

/// Keeps `block`; false where the kernel gives no memory.
pub fn insert(block: usize, kept: Kept) -> bool {
    let placed = shard(block).with(|table| {
        let room = table.make_room(|other| other.pass == kept.pass, drop);
        if room {
            table.place(block, kept);
        }
        room
    });
    placed == Some(true)
}

/// Takes `block` out, whatever pass it is of.
pub fn remove(block: usize) -> Option<Kept> {
    match shard(block).with(|table| table.take(block)) {
        Some(taken) => taken,
        None => {
            // The block may have been there.
            thread::lose();
            None
        }
    }
}

/// In a fork's child: the blocks are its parent's, whose other threads may have held the locks.
pub fn begin_again() {
    SHARD.iter().for_each(|shard| shard.begin_again(Table::new()));
}

/// Takes everything out.
pub fn clear() {
    for shard in &SHARD {
        shard.with(Table::clear);
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
}
