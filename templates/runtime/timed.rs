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
    /// The share of each sample in which the thread waited for a processor.
    delayed: [f32; MOST_SAMPLES],
    closed: usize,
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
    delayed: [0.0; MOST_SAMPLES],
    closed: 0,
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
    state.closed = 0;
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
        let (at, now) = (state.closed, Mark::now());
        state.interrupted += u32::from(mark.is_interrupted(&now));
        state.delayed[at] = mark.delayed(&now);
        state.closed += 1;
    }
    if state.left > 0 {
        wait_for_turn(state.left);
        state.left -= 1;
        state.open = Some(Mark::now());
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
    let (interrupted, delayed, before) = {
        let state = state();
        (state.interrupted, state.delayed, state.stolen)
    };
    let stolen = stolen_ms().saturating_sub(before);
    let head = [index, bracket::loops(), u32::from(wall_time), interrupted, stolen.min(u64::from(u32::MAX)) as u32];
    let samples = sizes.iter().zip(values).zip(delayed).take(count).flat_map(|((&iterations, value), delayed)| {
        let [a, b] = halves(iterations);
        let [c, d] = halves(value.to_bits());
        [a, b, c, d, delayed.to_bits()]
    });
    records::emit_short(records::TIMED, head.into_iter().chain(halves(largest)).chain([count as u32]).chain(samples));
}

const _: () = assert!(8 + 5 * MOST_SAMPLES <= records::SHORT);

/// What other machines on the same hardware took of all processors, in milliseconds since the start; 0 if unknown.
fn stolen_ms() -> u64 {
    // A tick is 10 ms on every architecture.
    let mut text = [0; 256];
    let read = File::open("/proc/stat").and_then(|mut file| file.read(&mut text));
    read.map_or(0, |len| stolen_ticks(&text[..len]) * 10)
}

/// `cpu  USER NICE SYSTEM IDLE IOWAIT IRQ SOFTIRQ STEAL …`.
fn stolen_ticks(stat: &[u8]) -> u64 {
    number(stat.split(|&byte| byte == b'\n').next().unwrap_or_default(), 8)
}

/// The field at that place of a line; 0 if it is no number.
fn number(line: &[u8], place: usize) -> u64 {
    let field = line.split(|&byte| byte == b' ').filter(|field| !field.is_empty()).nth(place).unwrap_or_default();
    let digits = field.iter().all(u8::is_ascii_digit);
    if digits {
        field.iter().fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0')))
    } else {
        0
    }
}

/// How long this thread has been ready to run while other work had the processor, in nanoseconds; 0 if unknown.
fn delay() -> u64 {
    // `TIME_ON_PROCESSOR DELAY TIMESLICES` (Documentation/scheduler/sched-stats.rst of the kernel).
    let mut text = [0; 80];
    let read = File::open("/proc/thread-self/schedstat").and_then(|mut file| file.read(&mut text));
    read.map_or(0, |len| number(&text[..len], 1))
}

/// The start or the end of a sample: the kernel's counts for this process.
struct Mark {
    wall: u64,
    own: u64,
    delay: u64,
    /// Voluntary switches, and those that other work forced.
    waits: i64,
    preempted: i64,
}

impl Mark {
    fn now() -> Mark {
        let (usage, delay) = (sys::usage(), delay());
        Mark {
            wall: sys::clock(sys::CLOCK_MONOTONIC),
            own: sys::clock(sys::CLOCK_THREAD_CPUTIME_ID),
            delay,
            waits: usage.voluntary,
            preempted: usage.involuntary,
        }
    }

    /// Whether other work took the processor until `end`; if nothing waited, time that is not the thread's own is the
    /// machine's.
    fn is_interrupted(&self, end: &Mark) -> bool {
        let (wall, own) = (end.wall.saturating_sub(self.wall), end.own.saturating_sub(self.own));
        end.preempted != self.preempted || end.waits == self.waits && wall > own + wall / 50 + 20_000
    }

    /// The share of the time until `end` in which the thread waited for a processor.
    fn delayed(&self, end: &Mark) -> f32 {
        let (wall, delay) = (end.wall.saturating_sub(self.wall), end.delay.saturating_sub(self.delay));
        if delay < wall {
            (delay as f64 / wall as f64) as f32
        } else {
            0.0
        }
    }
}

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

    #[test]
    fn stolen_time_is_the_eighth_number() {
        assert_eq!(stolen_ticks(b"cpu  10 20 30 40 50 60 70 123 90 0\ncpu0 1 1 1 1 1 1 1 9 1 0\n"), 123);
        assert_eq!(
            (stolen_ticks(b"cpu  10 20"), stolen_ticks(b""), stolen_ticks(b"cpu  1 2 3 4 5 6 7 x 9")),
            (0, 0, 0)
        );
    }

    #[test]
    fn a_thread_that_waits_for_itself_is_not_interrupted() {
        let mark = Mark::now();
        std::thread::sleep(Duration::from_millis(5));
        let now = Mark::now();
        assert!(now.waits > mark.waits && now.wall - mark.wall >= 5_000_000);
        assert!(!Mark { preempted: now.preempted, ..mark }.is_interrupted(&now));
    }

    #[test]
    fn the_time_without_a_processor_is_a_share() {
        let at = |wall: u64, delay: u64| Mark { wall, own: 0, delay, waits: 0, preempted: 0 };
        assert_eq!(at(1000, 50).delayed(&at(2000, 300)), 0.25);
        // Two clocks: more than the whole would be nonsense.
        assert_eq!((at(5, 5).delayed(&at(5, 5)), at(0, 0).delayed(&at(10, 20))), (0.0, 0.0));
    }
}
