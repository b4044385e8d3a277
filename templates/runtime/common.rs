//! The stacks of a program that has many of them on many threads, in one table for all: a thread that has its share of
//! entries of its own finds the rest here. Counting here takes locked additions, and a stack is walked each time, so
//! the stacks that come first, and most often as a rule, are the threads' own.
//!
//! Chains of entries from a fixed array of heads. An entry is published by one exchange and never leaves, so a search
//! takes no lock.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use crate::entries;
use crate::entry::{Depth, Entry};

/// Entries of threads' own: none is refused one before there are so many, and none is given one once there are twice as
/// many.
const MANY: usize = 1 << 17;
/// Between the two a thread gets this many.
const FEW: usize = 256;

const HEAD_BITS: u32 = 18;
#[allow(clippy::declare_interior_mutable_const)]
const NONE: AtomicU32 = AtomicU32::new(0);
static HEADS: [AtomicU32; 1 << HEAD_BITS] = [NONE; 1 << HEAD_BITS];

/// What threads may have of their own before they share; benches never do.
static MOST_OWN: AtomicUsize = AtomicUsize::new(usize::MAX / 2);
static OWN: AtomicUsize = AtomicUsize::new(0);

/// Threads share what is beyond their own share.
pub fn begin() {
    MOST_OWN.store(MANY, Ordering::Relaxed);
}

/// Whether a thread with `own` entries has its share.
pub fn is_due(own: usize) -> bool {
    let (all, most) = (OWN.load(Ordering::Relaxed), MOST_OWN.load(Ordering::Relaxed));
    // A thread that has nearly all of them has nobody to share with.
    all >= most && (own >= FEW || all >= 2 * most) && own < all - all / 16
}

/// A thread has one more.
pub fn has_own() {
    OWN.fetch_add(1, Ordering::Relaxed);
}

fn head(hash: u64) -> &'static AtomicU32 {
    &HEADS[(hash >> 32) as usize & ((1 << HEAD_BITS) - 1)]
}

/// The entry of this stack, if it is here.
pub fn find(hash: u64, addresses: &[u64], depth: Depth) -> Option<&'static Entry> {
    search(head(hash).load(Ordering::Acquire), hash, addresses, depth)
}

fn search(mut number: u32, hash: u64, addresses: &[u64], depth: Depth) -> Option<&'static Entry> {
    while number != 0 {
        let entry = entries::get(number as usize);
        if entry.hash() == hash as u32 && entry.is(depth, addresses) {
            return Some(entry);
        }
        number = entry.chained();
    }
    None
}

/// Makes `entry`, which stands for this stack, known to all; returns the one that another thread made known first, if
/// one did.
pub fn publish(entry: &'static Entry, hash: u64, addresses: &[u64], depth: Depth) -> &'static Entry {
    let head = head(hash);
    let mut first = head.load(Ordering::Acquire);
    loop {
        if let Some(known) = search(first, hash, addresses, depth) {
            entry.abandon();
            return known;
        }
        entry.chain(first);
        match head.compare_exchange(first, entry.number(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return entry,
            Err(now) => first = now,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::thread;

    /// Each thread's next stack is shared.
    fn share_all<T>(body: impl FnOnce() -> T) -> T {
        MOST_OWN.store(0, Ordering::Relaxed);
        let was = OWN.swap(usize::MAX / 2, Ordering::Relaxed);
        let out = body();
        OWN.store(was, Ordering::Relaxed);
        MOST_OWN.store(usize::MAX / 2, Ordering::Relaxed);
        out
    }

    #[test]
    fn threads_that_come_at_once_share_one_entry_and_count_all() {
        const THREADS: u64 = 8;
        const STACKS: u64 = 3000;
        let _one_reader = entries::tests::lock();
        let found: Vec<Vec<usize>> = share_all(|| {
            std::thread::scope(|scope| {
                let find = || {
                    let state = thread::current().unwrap();
                    // SAFETY: this thread owns the state, and no other reference into its table is alive.
                    let stacks = unsafe { &mut *state.stacks.get() };
                    let of = |i: u64| {
                        let entry = stacks.find_walked(&mut [0x6666, i, i / 3], true, state).unwrap();
                        assert!(entry.is_shared());
                        entry.allocated(i);
                        entry.resized(1);
                        entry as *const Entry as usize
                    };
                    (0..STACKS).map(of).collect()
                };
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(find)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            })
        });
        for (i, &address) in found[0].iter().enumerate() {
            assert!(found.iter().all(|one| one[i] == address));
            // SAFETY: entries are never unmapped.
            let entry = unsafe { &*(address as *const Entry) };
            let i = i as u64;
            assert_eq!(entry.counts(), [THREADS, THREADS * i, THREADS, THREADS, 0, 0]);
            assert_eq!(entry.addresses(), [i / 3, i, 0x6666]);
            let known = entries::all().filter(|one| one.addresses() == [i / 3, i, 0x6666]);
            assert!(i % 500 != 0 || known.count() == 1);
        }
    }

    #[test]
    fn a_thread_alone_shares_nothing_and_each_has_some_of_its_own() {
        let _one_reader = entries::tests::lock();
        assert!(!is_due(0) && !is_due(usize::MAX / 4));
        let due = |all: usize, own: usize| {
            MOST_OWN.store(1000, Ordering::Relaxed);
            let was = OWN.swap(all, Ordering::Relaxed);
            let due = is_due(own);
            OWN.store(was, Ordering::Relaxed);
            MOST_OWN.store(usize::MAX / 2, Ordering::Relaxed);
            due
        };
        assert_eq!(
            [(999, 500), (5000, 4990), (1500, 100), (1500, 300), (2000, 100)].map(|(a, o)| due(a, o)),
            [false, false, false, true, true]
        );
    }
}
