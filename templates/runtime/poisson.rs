//! A sample of a program's allocations, where recording all of them costs too much: each byte has the same chance to
//! have its block recorded, one in the rate, as in Go and jemalloc. A block of `size` bytes is recorded with the
//! probability 1 − e^(−size/rate). Counters go on counting everything.
//!
//! The gaps between recorded bytes are drawn from the exponential distribution: it has no memory, so nothing depends on
//! where a block begins or on what sizes repeat.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::bracket::{LEAVES_OUT, PLAIN, PROGRAM, SAMPLED};
use crate::calling::{sampled_stack_of, stack_of};
use crate::entry::Entry;
use crate::filter;
use crate::live::{self, Block};
use crate::shared::{self, word};
use crate::sys;
use crate::thread::ThreadState;
use crate::totals;

/// A thread's position between two recorded bytes. Zero is a thread that has not drawn yet.
pub struct Own {
    /// Bytes up to the next recorded one.
    left: Cell<u64>,
    /// The rate that it was drawn for.
    rate: Cell<u64>,
    random: Cell<u64>,
    /// Events, for the timed ones among them.
    ticks: Cell<u32>,
}

/// How one allocation is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Choice {
    /// All are.
    Exact,
    /// This one stands for others.
    Sampled,
    /// Counted only.
    LeftOut,
}

/// The rate of a program that asked for the sample itself, with [`SAMPLED`].
static RATE: AtomicU64 = AtomicU64::new(0);

pub fn set_rate(rate: u64) {
    RATE.store(rate, Ordering::Relaxed);
}

/// The bytes for each recorded one; 0 where all are. The tool sets it with [`PROGRAM`], and may change it where it is 0.
#[inline(always)]
fn rate(flags: u32) -> u64 {
    if flags & PROGRAM != 0 {
        return shared::word(word::RATE).map_or(0, |rate| rate.load(Ordering::Relaxed));
    }
    RATE.load(Ordering::Relaxed)
}

/// Whether a sample of the program is recorded.
pub fn is_sample() -> bool {
    !matches!(shared::get(word::RATE), 0 | word::COUNTS_ONLY)
}

/// xorshift64*, but for its last multiplication. `x` is not 0.
pub fn next_random(mut x: u64) -> u64 {
    x ^= x >> 12;
    x ^= x << 25;
    x ^ x >> 27
}

/// The choice for the calling thread's next block.
#[inline(always)]
fn choose(flags: u32, state: &ThreadState, size: usize) -> Choice {
    match rate(flags) {
        0 => Choice::Exact,
        rate => state.program.sample.next(state, size as u64, rate),
    }
}

impl Own {
    #[inline(always)]
    fn next(&self, state: &ThreadState, size: u64, rate: u64) -> Choice {
        let left = self.left.get();
        if self.rate.get() == rate && size < left {
            self.left.set(left - size);
            return Choice::LeftOut;
        }
        self.draw(u64::from(state.number()), size, rate)
    }

    #[cold]
    #[inline(never)]
    fn draw(&self, thread: u64, size: u64, rate: u64) -> Choice {
        let known = self.rate.replace(rate) == rate;
        if !known {
            self.left.set(self.gap(thread, rate));
            if size < self.left.get() {
                self.left.set(self.left.get() - size);
                return Choice::LeftOut;
            }
        }
        self.left.set(self.gap(thread, rate));
        Choice::Sampled
    }

    /// Exponential with the mean `rate`, at least 1.
    fn gap(&self, thread: u64, rate: u64) -> u64 {
        // Begun differently on each thread and the same in every run.
        let mut x = self.random.get();
        if x == 0 {
            x = (thread + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        }
        x = next_random(x);
        self.random.set(x);
        let upper = x.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 11;
        // In (0, 1].
        let uniform = (upper + 1) as f64 / (1u64 << 53) as f64;
        (-uniform.ln() * rate as f64) as u64 + 1
    }
}

/// Whether the sample leaves out the calling thread's next block, which [`passed`] then tells. With [`LEAVES_OUT`], for which
/// a program's rate stays the same.
#[inline(always)]
pub fn leaves_out(flags: u32, state: &ThreadState, size: usize) -> bool {
    let own = &state.program.sample;
    let known = flags & PROGRAM != 0 || own.rate.get() == RATE.load(Ordering::Relaxed);
    known && (size as u64) < own.left.get()
}

/// A block of this size was left out.
#[inline(always)]
pub fn passed(state: &ThreadState, size: usize) {
    let own = &state.program.sample;
    own.left.set(own.left.get() - size as u64);
}

/// The entry of the calling stack, and whether the block is kept as a live one: it may be that only a sample is.
#[inline(always)]
pub fn chosen_stack(flags: u32, state: &'static ThreadState, size: usize) -> (Option<&'static Entry>, bool) {
    if flags & (PROGRAM | SAMPLED) == 0 {
        return (stack_of(flags, state), true);
    }
    match choose(flags, state, size) {
        Choice::Exact => (stack_of(flags, state), true),
        Choice::Sampled => (sampled_stack_of(flags, state), true),
        Choice::LeftOut => (None, false),
    }
}

/// Takes a block out of the live ones. One that is not among them was left out of a sample, if there is one.
#[inline(always)]
pub fn removed(flags: u32, block: usize, size: usize) -> Option<Block> {
    if flags & (PROGRAM | SAMPLED) == 0 || rate(flags) == 0 {
        return live::remove(block);
    }
    let kept = live::remove_sampled(block);
    if kept.is_some() && flags & LEAVES_OUT != 0 {
        filter::take(block);
    }
    kept.or(Some(Block { entry: None, size, before: 0, left_out: true }))
}

/// Like [`removed`], for a block that needs no look at anything else; otherwise nothing is changed.
#[inline(always)]
pub fn removed_plainly(flags: u32, block: usize) -> Option<Block> {
    // The blocks of a sample are in its filter, too.
    if flags & (PLAIN | LEAVES_OUT) != PLAIN {
        return None;
    }
    live::remove_by_word(block)
}

/// Keeps `block` among the live ones.
#[inline(always)]
pub fn keep(flags: u32, block: usize, is: Block) {
    live::insert(block, is);
    if flags & LEAVES_OUT != 0 {
        filter::add(block);
    }
}

/// Every so many events of a thread one is timed.
const TIMED: u32 = 256;
/// What it may take: the rest was the scheduler's.
const LONGEST_NS: u64 = 5_000;

/// Whether the cost of recording is measured.
static TIMING: AtomicBool = AtomicBool::new(false);

pub fn measure_cost() {
    TIMING.store(true, Ordering::Relaxed);
}

pub fn is_timed() -> bool {
    TIMING.load(Ordering::Relaxed)
}

/// The time when the recording of an event begins, if this event is one of those that are timed.
#[inline(always)]
pub fn begins(flags: u32, state: &ThreadState) -> u64 {
    if flags & (PROGRAM | PLAIN) != PROGRAM || !is_timed() {
        return 0;
    }
    let ticks = &state.program.sample.ticks;
    ticks.set(ticks.get().wrapping_add(1));
    match ticks.get() % TIMED {
        0 => sys::now(),
        _ => 0,
    }
}

/// Adds what the recording took that [`begins`] began.
#[inline(always)]
pub fn ends(state: &ThreadState, begun: u64) {
    if begun != 0 {
        ended(state, begun);
    }
}

#[cold]
#[inline(never)]
fn ended(state: &ThreadState, begun: u64) {
    let now = sys::now();
    // The clock itself takes some of it.
    let clock = sys::now() - now;
    let took = now.saturating_sub(begun).saturating_sub(clock).min(LONGEST_NS);
    totals::add(&state.program.spent, took * u64::from(TIMED));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> Own {
        Own { left: Cell::new(0), rate: Cell::new(0), random: Cell::new(0), ticks: Cell::new(0) }
    }

    /// The recorded share of blocks of each size is what the formula says, within four standard deviations.
    #[test]
    fn blocks_are_recorded_by_their_bytes() {
        let (rate, blocks) = (4096.0f64, if cfg!(miri) { 1_000 } else { 400_000 });
        for size in [1u64, 16, 600, 4096, 40_000] {
            let own = own();
            let state = crate::thread::current().unwrap();
            let sampled = (0..blocks).filter(|_| own.next(state, size, rate as u64) == Choice::Sampled).count();
            let expected = 1.0 - (-(size as f64) / rate).exp();
            let (mean, deviation) =
                (expected * blocks as f64, (expected * (1.0 - expected) * blocks as f64).sqrt().max(1.0));
            assert!((sampled as f64 - mean).abs() < 4.0 * deviation, "{size}: {sampled} of {blocks}, not {mean}");
        }
    }

    #[test]
    fn sizes_that_alternate_are_each_recorded_by_their_own_bytes() {
        let own = own();
        let state = crate::thread::current().unwrap();
        let mut sampled = [0u64; 2];
        for _ in 0..if cfg!(miri) { 500 } else { 300_000 } {
            for (i, size) in [100, 900].into_iter().enumerate() {
                sampled[i] += u64::from(own.next(state, size, 10_000) == Choice::Sampled);
            }
        }
        let share = sampled[0] as f64 / sampled[1] as f64;
        let expected = (1.0 - (-0.01f64).exp()) / (1.0 - (-0.09f64).exp());
        assert!((share / expected - 1.0).abs() < 0.2, "{sampled:?} {share} {expected}");
    }
}
