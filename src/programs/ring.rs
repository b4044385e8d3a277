//! Samples and waits: taken out of their ring while the program runs, equal stacks summed, so that a day of them takes no more
//! memory than its different stacks. The events themselves are kept, too, where somebody asks for them: a bounded number.

use std::collections::HashMap;
use std::sync::atomic::{Ordering, fence};

use super::events::{Event, Events};
use super::region::{Header, Region, word};
use crate::os::monotonic;
use crate::records::{Completeness, Sample, Stack, Wait};

/// A stack of a thread.
type Key = (u32, bool, Vec<u64>);

/// How often, and the sum of the amounts; and the number of the stack.
#[derive(Debug, Clone, Copy)]
struct Sum {
    times: f64,
    amount: u64,
    number: usize,
}

/// Gives how many events one stands for, and the sum of their amounts. A short wait of a sample was recorded with the probability
/// of its share of [`word::WHOLE_WAIT_NS`], as in Go's `saveBlockEventStack`.
fn stands_for(amount: u64, is_short: bool) -> (f64, u64) {
    let whole = word::WHOLE_WAIT_NS;
    if is_short && amount < whole { (whole as f64 / amount.max(1) as f64, whole) } else { (1.0, amount) }
}

/// The time of an event of which only a part was noted; it was not long ago.
fn time(noted: u32, now: u64) -> u64 {
    const TICK_BITS: u32 = 10;
    let ago = ((now >> TICK_BITS) as u32).wrapping_sub(noted);
    // The program's clock may have been read after ours.
    if ago > u32::MAX / 2 { now } else { now.saturating_sub(u64::from(ago) << TICK_BITS) }
}

/// Events one by one.
pub struct Kept {
    pub events: Vec<Event>,
    /// By number, each with its thread.
    pub stacks: Vec<(Stack, u32)>,
    /// So many were left out, with smaller amounts than this.
    pub left_out: (u64, u64),
    pub lost: u64,
}

/// One ring and the stacks that were taken out of it.
pub struct Drain {
    places: [usize; 4],
    /// Position of the first word that has not been taken.
    taken: u64,
    sums: HashMap<Key, Sum>,
    /// Overwritten before they were taken.
    pub missed: u64,
    /// One by one, from when this was set.
    pub events: Option<Events>,
}

impl Drain {
    pub fn samples() -> Drain {
        Drain::of([word::SAMPLES, word::SAMPLES_LEN, word::SAMPLES_NEXT, word::SAMPLES_LOST])
    }

    pub fn waits() -> Drain {
        Drain::of([word::WAITS, word::WAITS_LEN, word::WAITS_NEXT, word::WAITS_LOST])
    }

    /// The stacks of all threads; each amount is the number of the question.
    pub fn threads() -> Drain {
        Drain::of([word::STACKS, word::STACKS_LEN, word::STACKS_NEXT, word::STACKS_LOST])
    }

    fn of(places: [usize; 4]) -> Drain {
        Drain { places, taken: 0, sums: HashMap::new(), missed: 0, events: None }
    }

    /// Goes to the end of what was written.
    pub fn skip(&mut self, header: &Header) {
        self.taken = header.word(self.places[2]);
    }

    /// Drops what was taken.
    pub fn forget(&mut self) {
        self.sums.clear();
        self.missed = 0;
        // They refer to the sums.
        if let Some(events) = &mut self.events {
            events.all.clear();
        }
    }

    /// Could not be written, or were overwritten.
    pub fn lost(&self, header: &Header) -> u64 {
        header.word(self.places[3]) + self.missed
    }

    /// Takes the complete stacks. `over`: the program has ended, and incomplete ones will never be completed.
    pub fn take(&mut self, region: &Region, header: &Header, over: bool) {
        const LONGEST: u64 = 1 << 11;
        let [ring, len, next] = [0, 1, 2].map(|i| header.word(self.places[i]));
        if len == 0 || next == self.taken {
            return;
        }
        let (from, number) = (self.taken % len, next.wrapping_sub(self.taken));
        // The ring's part, which may go over its end.
        let read = || {
            let first = number.min(len - from);
            let mut words = region.words(ring + from * 8, first as usize);
            words.extend(region.words(ring, (number - first) as usize));
            // The next reads see nothing older: the marks, then the words, then the place that writers have come to.
            fence(Ordering::Acquire);
            words
        };
        let is_overwritten = |next: u64| next.wrapping_sub(self.taken) > len;
        // A stack is whole if its mark was there before its words are read, and no thread has come round to it by then.
        let parts = (!is_overwritten(next)).then(|| (read(), read()));
        let Some((marks, words)) = parts.filter(|_| !is_overwritten(region.header().word(self.places[2]))) else {
            self.missed += 1;
            self.taken = next;
            return;
        };
        let read_at = monotonic();
        let mut at = 0;
        while let Some(&[_, depth, amount, thread]) = words.get(at..at + 4) {
            let (cut, is_short, depth) = (depth & word::CUT != 0, depth & word::SHORT != 0, depth & (word::CUT - 1));
            let is_whole = marks.get(at) == Some(&(self.taken + 1));
            if !is_whole && !over {
                break;
            }
            let is_known = depth <= LONGEST && (is_whole || depth > 0);
            let end = at + 4 + depth.min(LONGEST) as usize;
            let (true, Some(addresses)) = (is_known, words.get(at + 4..end)) else {
                // A thread ended before it wrote the length of its stack: the words behind it cannot be told apart.
                self.missed += 1;
                break;
            };
            if is_whole {
                let number = self.sums.len();
                let key = (thread as u32, cut, addresses.to_vec());
                let sum = self.sums.entry(key).or_insert(Sum { times: 0.0, amount: 0, number });
                let (times, all) = stands_for(amount, is_short);
                (sum.times, sum.amount) = (sum.times + times, sum.amount + all);
                if let Some(events) = &mut self.events {
                    events.push(Event {
                        at: time((thread >> 32) as u32, read_at),
                        stack: sum.number,
                        amount,
                        weight: 1,
                    });
                }
            } else {
                self.missed += 1;
            }
            at = end;
            self.taken += 4 + depth;
        }
    }

    fn stacks(&self, leaf_is_exact: bool) -> impl Iterator<Item = (Stack, u32, u64, u64)> {
        let mut sums: Vec<_> = self.sums.iter().collect();
        sums.sort_unstable_by_key(|(key, _)| *key);
        sums.into_iter().map(move |(key, sum)| (stack(key, leaf_is_exact), key.0, sum.times.round() as u64, sum.amount))
    }

    /// A copy of the events, and the stacks that they refer to.
    pub fn kept(&self, header: &Header, leaf_is_exact: bool) -> Kept {
        let mut sums: Vec<_> = self.sums.iter().collect();
        sums.sort_unstable_by_key(|(_, sum)| sum.number);
        let stacks = sums.into_iter().map(|(key, _)| (stack(key, leaf_is_exact), key.0)).collect();
        let (events, left_out) = match &self.events {
            Some(events) => (events.all.clone(), (events.left_out, events.least)),
            None => Default::default(),
        };
        Kept { events, stacks, left_out, lost: self.lost(header) }
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

fn stack((_, cut, addresses): &Key, leaf_is_exact: bool) -> Stack {
    let completeness = if *cut { Completeness::Cut } else { Completeness::Whole };
    Stack { addresses: addresses.clone(), leaf_is_exact, completeness }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_time_is_completed_across_its_overflow() {
        let tick = 1 << 10;
        let now = (7 << 32) * tick + 5 * tick + 3;
        assert_eq!(time(4, now) >> 10, now / tick - 1);
        assert_eq!(time(u32::MAX, now) >> 10, now / tick - 6);
        assert_eq!(time(6, now), now);
    }

    const RING: usize = 8192;
    const LEN: u64 = 64;

    /// A region with this many words in its ring of samples, which begins with these.
    fn region(next: u64, words: &[u64]) -> Region {
        let region = Region::make().unwrap();
        for (place, value) in [(word::SAMPLES, RING as u64), (word::SAMPLES_LEN, LEN), (word::SAMPLES_NEXT, next)] {
            region.write(place * 8, &[value]);
        }
        region.write(RING, words);
        region
    }

    fn taken(drain: &Drain) -> Vec<(u64, Vec<u64>)> {
        drain.as_samples().into_iter().map(|sample| (sample.count, sample.stack.addresses)).collect()
    }

    #[test]
    fn what_is_not_whole_is_waited_for_as_long_as_the_program_runs() {
        let region = region(11, &[1, 2, 3, 0, 71, 72, 0, 1, 4, 0, 73]);
        let mut drain = Drain::samples();
        drain.take(&region, &region.header(), false);
        assert_eq!((taken(&drain), drain.missed), (vec![(3, vec![71, 72])], 0));
        region.write(RING + 6 * 8, &[7]);
        drain.take(&region, &region.header(), false);
        assert_eq!((taken(&drain), drain.missed), (vec![(3, vec![71, 72]), (4, vec![73])], 0));
    }

    #[test]
    fn a_short_wait_of_a_sample_stands_for_others() {
        assert_eq!(stands_for(250_000, true), (4.0, 1_000_000));
        assert_eq!(stands_for(250_000, false), (1.0, 250_000));
        assert_eq!(stands_for(3_000_000, true), (1.0, 3_000_000));
    }

    #[test]
    fn what_was_overwritten_while_it_was_read_is_missed() {
        let region = region(6, &[1, 2, 3, 0, 71, 72]);
        let header = region.header();
        region.write(word::SAMPLES_NEXT * 8, &[LEN + 5]);
        let mut drain = Drain::samples();
        drain.take(&region, &header, false);
        assert_eq!((taken(&drain), drain.missed), (Vec::new(), 1));
    }

    #[test]
    fn a_stack_whose_length_was_never_said_is_missed() {
        for depth in [0, 0x5555_0000, 60] {
            let region = region(11, &[1, 2, 3, 0, 71, 72, 0, depth, 0, 0, 0]);
            let mut drain = Drain::samples();
            drain.take(&region, &region.header(), true);
            assert_eq!((taken(&drain), drain.missed), (vec![(3, vec![71, 72])], 1), "{depth}");
        }
    }
}
