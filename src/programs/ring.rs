//! Samples and waits: taken out of their ring while the program runs, equal stacks summed, so that a day of them takes no more
//! memory than its different stacks.

use std::collections::HashMap;

use super::region::{Header, Region, word};
use crate::records::{Completeness, Sample, Stack, Wait};

/// A stack of a thread.
type Key = (u32, bool, Vec<u64>);

/// One ring and what was taken out of it.
pub struct Drain {
    places: [usize; 4],
    /// Position of the first word that has not been taken.
    taken: u64,
    /// How often, and the sum of the amounts.
    sums: HashMap<Key, (u64, u64)>,
    /// Overwritten before they were taken.
    pub missed: u64,
}

impl Drain {
    pub fn samples() -> Drain {
        Drain::of([word::SAMPLES, word::SAMPLES_LEN, word::SAMPLES_NEXT, word::SAMPLES_LOST])
    }

    pub fn waits() -> Drain {
        Drain::of([word::WAITS, word::WAITS_LEN, word::WAITS_NEXT, word::WAITS_LOST])
    }

    fn of(places: [usize; 4]) -> Drain {
        Drain { places, taken: 0, sums: HashMap::new(), missed: 0 }
    }

    /// Could not be written, or were overwritten.
    pub fn lost(&self, header: &Header) -> u64 {
        header.word(self.places[3]) + self.missed
    }

    /// Takes what is whole. `over`: the program has ended, and what is not whole never will be.
    pub fn take(&mut self, region: &Region, header: &Header, over: bool) {
        const CUT: u64 = 1 << 32;
        const LONGEST: u64 = 1 << 11;
        let [ring, len, next] = [0, 1, 2].map(|i| header.word(self.places[i]));
        if len == 0 || next == self.taken {
            return;
        }
        if next - self.taken > len {
            self.missed += 1;
            self.taken = next;
            return;
        }
        // One reading of the ring's part, which may go over its end.
        let words: Vec<u64> = {
            let (from, number) = (self.taken % len, next - self.taken);
            let first = number.min(len - from);
            let mut words = region.words(ring + from * 8, first as usize);
            words.extend(region.words(ring, (number - first) as usize));
            words
        };
        let mut at = 0;
        while let Some(&[mark, depth, amount, thread]) = words.get(at..at + 4) {
            let (cut, depth) = (depth & CUT != 0, depth & (CUT - 1));
            let is_whole = mark == self.taken + 1;
            if depth > LONGEST || !is_whole && !over {
                break;
            }
            let end = at + 4 + depth as usize;
            let Some(addresses) = words.get(at + 4..end) else { break };
            if is_whole {
                let sum = self.sums.entry((thread as u32, cut, addresses.to_vec())).or_default();
                *sum = (sum.0 + 1, sum.1 + amount);
            } else if depth == 0 {
                // A thread that ended before it said how long its stack is: what follows cannot be told apart.
                self.missed += 1;
                break;
            } else {
                self.missed += 1;
            }
            at = end;
            self.taken += 4 + depth;
        }
    }

    fn stacks(&self, leaf_is_exact: bool) -> impl Iterator<Item = (Stack, u32, u64, u64)> {
        let mut sums: Vec<_> = self.sums.iter().collect();
        sums.sort_unstable();
        sums.into_iter().map(move |((thread, cut, addresses), (number, amount))| {
            let completeness = if *cut { Completeness::Cut } else { Completeness::Whole };
            (Stack { addresses: addresses.clone(), leaf_is_exact, completeness }, *thread, *number, *amount)
        })
    }

    pub fn as_samples(&self) -> Vec<Sample> {
        self.stacks(true).map(|(stack, thread, _, count)| Sample { stack, count, thread }).collect()
    }

    pub fn as_waits(&self) -> Vec<Wait> {
        self.stacks(false)
            .map(|(stack, thread, count, nanoseconds)| Wait { stack, count, nanoseconds, thread })
            .collect()
    }
}
