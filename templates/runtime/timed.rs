//! The timed pass. The harness's own routine warms up and samples; this module gives it instructions, and notes data of
//! each sample.
//!
//! A time depends on what was allocated before it: whether a block can grow in place, whether memory comes from the kernel. So
//! nothing here takes anything from the allocator under observation, from the start of the process to the last sample.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

use crate::disturbance::{share, stolen_ms, Mark};
use crate::plan::{Plan, Selected};
use crate::{bracket, cost, records, sys};

/// Samples of a benchmark, if the harness asks for no fewer.
pub const MOST_SAMPLES: usize = 100;

/// Iterations of each sample.
pub struct Sizes {
    all: [u64; MOST_SAMPLES],
    len: usize,
}

impl Sizes {
    pub fn equal(samples: u64, iterations: u64) -> Sizes {
        Sizes { all: [iterations; MOST_SAMPLES], len: (samples as usize).min(MOST_SAMPLES) }
    }

    /// This many in all, over ten samples or fewer; more if a sample may not have more than `most`.
    pub fn dealt(iterations: u64, most: u64) -> Sizes {
        let needed = iterations / most + u64::from(iterations % most != 0);
        let samples = iterations.min(10).max(needed).min(MOST_SAMPLES as u64);
        let iterations = iterations.min(samples.saturating_mul(most));
        let mut sizes = Sizes::equal(samples, iterations / samples.max(1));
        sizes.all.iter_mut().take((iterations % samples.max(1)) as usize).for_each(|size| *size += 1);
        sizes
    }

    pub fn as_slice(&self) -> &[u64] {
        &self.all[..self.len]
    }
}

/// The request to a harness's routine that warms up and samples by itself.
pub struct Timing {
    index: u32,
    pub warm_up: Duration,
    pub measuring: Duration,
    iterations: u64,
    begun: Instant,
}

impl Timing {
    pub fn new(plan: &Plan, selected: &Selected) -> Timing {
        bracket::begin(0);
        bracket::end();
        Timing {
            index: selected.index,
            warm_up: Duration::from_nanos(plan.warm_up_ns),
            measuring: Duration::from_nanos(plan.budget_ns),
            iterations: plan.iterations,
            begun: Instant::now(),
        }
    }

    /// Iterations of each sample, if their number is prescribed; there is no warm-up then.
    pub fn prescribed(&self) -> Option<Sizes> {
        Some(self.iterations).filter(|&n| n > 0).map(|n| Sizes::dealt(n, u64::MAX))
    }

    /// The routine begins to warm up.
    pub fn warms_up(&mut self) {
        self.begun = Instant::now();
        state().warm_until = Some(self.begun + self.measuring * 2);
    }

    /// A single call that takes this long may be slow, or only its first time is: another call tells.
    pub fn is_doubtful(&self, elapsed_ns: u64, iterations: u64) -> bool {
        iterations == 1 && u128::from(elapsed_ns) < self.measuring.as_nanos() * 2
    }

    /// How many of the `wanted` samples fit, after this many warming iterations that took `elapsed_ns` themselves, each
    /// call twice as many as the one before. `linear`: each sample has as many iterations more than the one before as
    /// the first has.
    pub fn samples(&self, wanted: u64, linear: bool, elapsed_ns: u64, iterations: u64) -> u64 {
        state().warm_until = None;
        let calls = f64::from(64 - iterations.leading_zeros());
        let per_call = (self.begun.elapsed().as_nanos() as f64 - elapsed_ns as f64).max(0.0) / calls;
        let (per_iteration, budget) = (elapsed_ns as f64 / iterations as f64, self.measuring.as_nanos() as f64);
        let most = wanted.clamp(2, MOST_SAMPLES as u64);
        let samples = cost::fitting(per_iteration, per_call, budget, most);
        if !linear {
            return samples;
        }
        (2..=samples).rev().find(|n| (n * (n + 1) / 2) as f64 * per_iteration <= budget * 2.0).unwrap_or(2)
    }

    /// From here on there are `samples` samples, with [`between`] before, between and behind them.
    pub fn begin(&self, samples: usize) {
        begin(samples);
    }

    /// Writes their results. `warmed`: iterations of the longest call before them.
    pub fn end(self, wall_time: bool, warmed: u64, sizes: &[u64], values: &[f64]) {
        end(self.index, wall_time, warmed, sizes, values.iter().copied());
        records::emit_short(records::DONE, [self.index]);
    }
}

struct State {
    /// When a warm-up should end, however little of it was in the loop.
    warm_until: Option<Instant>,
    /// Samples that have not begun.
    left: usize,
    /// The sample that has begun.
    open: Option<Mark>,
    interrupted: u32,
    /// How long each sample lasted, and how much of that other work took, in nanoseconds.
    delays: [(u64, u64); MOST_SAMPLES],
    closed: usize,
    /// Of the thread that samples; opened once, so that little runs before a sample.
    schedule: Option<sys::Schedule>,
    /// When the samples began: what other machines had taken of the processors.
    stolen: u64,
    values: [f64; MOST_SAMPLES],
    filled: usize,
}

static STATE: Mutex<State> = Mutex::new(State {
    warm_until: None,
    left: 0,
    open: None,
    interrupted: 0,
    delays: [(0, 0); MOST_SAMPLES],
    closed: 0,
    schedule: None,
    stolen: 0,
    values: [0.0; MOST_SAMPLES],
    filled: 0,
});
static SAMPLING: AtomicBool = AtomicBool::new(false);

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The pipes of a process whose samples take turns with other processes' samples.
struct Turns {
    go: File,
    ready: File,
}

static TURNS: OnceLock<Turns> = OnceLock::new();

/// From here on each sample waits for its turn, if the plan says so.
pub fn take_turns(plan: &Plan) -> std::io::Result<()> {
    if !plan.go.is_empty() {
        let (go, ready) = (File::open(plan.go)?, OpenOptions::new().write(true).open(plan.ready)?);
        let _ = TURNS.set(Turns { go, ready });
    }
    Ok(())
}

/// Says how many samples are left, and waits if there are any.
fn wait_for_turn(left: usize) {
    let turns = match TURNS.get() {
        Some(turns) => turns,
        None => return,
    };
    let told = (&turns.ready).write_all(&(left as u32).to_le_bytes());
    if left > 0 && (told.is_err() || (&turns.go).read_exact(&mut [0]).is_err()) {
        // The tool is gone.
        std::process::exit(70);
    }
}

/// Whether a harness's warm-up has lasted long enough, with the time around its loop.
pub fn is_warm() -> bool {
    state().warm_until.is_some_and(|until| Instant::now() >= until)
}

pub fn begin(samples: usize) {
    let mut state = state();
    state.left = samples.min(MOST_SAMPLES);
    state.open = None;
    state.interrupted = 0;
    state.delays = [(0, 0); MOST_SAMPLES];
    state.closed = 0;
    state.schedule = sys::Schedule::own();
    state.stolen = stolen_ms();
    state.filled = 0;
    SAMPLING.store(true, Ordering::Relaxed);
}

/// A sample is over, or is about to begin, or both.
pub fn between() {
    if !SAMPLING.load(Ordering::Relaxed) {
        return;
    }
    let mut state = state();
    let open = state.open.take();
    if let Some(mark) = &open {
        let (at, end) = (state.closed, Mark::at_the_end(&state.schedule));
        state.interrupted += u32::from(mark.is_interrupted(&end));
        if let Some(slot) = state.delays.get_mut(at) {
            *slot = (end.wall.saturating_sub(mark.wall), mark.delay_by_others(&end));
            state.closed += 1;
        }
    }
    if state.left > 0 {
        wait_for_turn(state.left);
        state.left -= 1;
        state.open = Some(Mark::at_the_start(&state.schedule));
    } else if open.is_some() {
        wait_for_turn(0);
    }
}

/// The value of a sample, from a harness that gives one after the other.
pub fn sampled(value: f64) {
    let mut state = state();
    let at = state.filled;
    if at < MOST_SAMPLES && SAMPLING.load(Ordering::Relaxed) {
        state.values[at] = value;
        state.filled += 1;
    }
}

/// A timing loop begins again: the values of an earlier one of the same function are void.
pub fn start_again(samples: usize) {
    if SAMPLING.load(Ordering::Relaxed) {
        begin(samples);
    }
}

/// The samples that [`sampled`] received.
pub fn end_told(index: u32, wall_time: bool, warmed: u64, sizes: &[u64]) {
    let (values, filled) = {
        let state = state();
        (state.values, state.filled)
    };
    end(index, wall_time, warmed, sizes, values.iter().copied().take(filled));
}

fn end(index: u32, wall_time: bool, warmed: u64, sizes: &[u64], values: impl Iterator<Item = f64>) {
    between();
    SAMPLING.store(false, Ordering::Relaxed);
    let largest = sizes.iter().copied().max().unwrap_or(0).max(warmed);
    let halves = |word: u64| [word as u32, (word >> 32) as u32];
    let count = values.size_hint().1.unwrap_or(0).min(sizes.len()).min(MOST_SAMPLES);
    let (interrupted, delays, before) = {
        let mut state = state();
        state.schedule = None;
        (state.interrupted, state.delays, state.stolen)
    };
    let stolen = stolen_ms().saturating_sub(before);
    let head = [index, bracket::loops(), u32::from(wall_time), interrupted, stolen.min(u64::from(u32::MAX)) as u32];
    let samples = sizes.iter().zip(values).zip(delays).take(count).flat_map(|((&iterations, value), delay)| {
        let [a, b] = halves(iterations);
        let [c, d] = halves(value.to_bits());
        [a, b, c, d, share(value, delay).to_bits()]
    });
    records::emit_short(records::TIMED, head.into_iter().chain(halves(largest)).chain([count as u32]).chain(samples));
}

const _: () = assert!(8 + 5 * MOST_SAMPLES <= records::SHORT);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iterations_are_dealt_out() {
        assert_eq!(Sizes::dealt(25, u64::MAX).as_slice(), [3, 3, 3, 3, 3, 2, 2, 2, 2, 2]);
        assert_eq!(Sizes::dealt(3, u64::MAX).as_slice(), [1, 1, 1]);
        assert_eq!(Sizes::dealt(25, 2).as_slice(), [&[2; 12][..], &[1]].concat());
        assert_eq!(Sizes::dealt(24, 2).as_slice(), [2; 12]);
    }

    fn timing(measuring: Duration) -> Timing {
        Timing { index: 0, warm_up: measuring / 4, measuring, iterations: 0, begun: Instant::now() }
    }

    #[test]
    fn samples_fit_in_the_time() {
        let second = timing(Duration::from_secs(1));
        assert_eq!(second.samples(1000, false, 250_000_000, 1 << 20), 100);
        assert_eq!(second.samples(100, false, 250_000_000, 5), 20);
        // A linear series has n(n+1)/2 of the first's iterations.
        assert_eq!(second.samples(100, true, 250_000_000, 5), 8);
        assert_eq!(second.samples(100, true, 5_000_000_000, 1), 2);
        assert!(second.is_doubtful(500_000_000, 1) && !second.is_doubtful(5_000_000_000, 1));
    }
}
