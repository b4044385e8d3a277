//! The passes: runs one benchmark of the harness as the plan says.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

use crate::bracket::{self, BATCHED, COUNT, LIVE, PEAK, STACKS, VERIFY};
use crate::buffer::Taken;
use crate::calling;
use crate::cost::{self, Call, Cost};
use crate::plan::{Mode, Plan, Selected};
use crate::records::{self, Record};
use crate::thread;
use crate::timed::{self, Sizes, Timing, MOST_SAMPLES};
use crate::{
    block as waits, dhat, follow, fork, memory, places, results, rules, sampler, shared, stacks, sys, threads,
};

/// Counting passes: if all agree, the count is exact.
const PASSES: u32 = 3;
/// Number of one-iteration brackets from which the peak is taken.
pub const PEAK_BRACKETS: u32 = 10;

/// The tool recognizes an executable with a hooked harness by this text.
const HOOKED: &str = "memprof: a harness with the hook in it";

/// A benchmark as its harness names it.
pub struct Identity<'a> {
    pub id: &'a str,
    /// The harness's own description, as JSON; made only where the benchmarks are listed.
    pub json: &'a dyn Fn() -> String,
    /// Harness and version.
    pub harness: &'a str,
    /// Samples that the harness would take.
    pub sample_size: u64,
    /// True where the harness's values are nanoseconds of wall time.
    pub wall_time: bool,
}

/// Calls the harness's closure once per element, with that many iterations; the value of each goes to [`timed::sampled`].
pub type Run<'a> = &'a mut dyn FnMut(&[u64]);

/// See [`runs_on`].
static THREADS: AtomicU64 = AtomicU64::new(1);

/// The most iterations of one call.
static MOST_ITERATIONS: AtomicU64 = AtomicU64::new(u64::MAX);

/// The harness may run the next benchmark on this many threads, each with its own iterations, of which it can count
/// this many.
pub fn runs_on(threads: u64, most_iterations: u64) {
    THREADS.store(threads, Ordering::Relaxed);
    MOST_ITERATIONS.store(most_iterations, Ordering::Relaxed);
}

static PLAN_FILE: OnceLock<&'static OsStr> = OnceLock::new();
static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
static SEEN: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);

/// The plan lies at `path`; without one the harness runs as always.
pub fn has_plan(path: &'static OsStr) {
    let _ = PLAN_FILE.set(path);
}

pub(crate) fn plan() -> Option<&'static Plan> {
    PLAN.get_or_init(|| Some(begun(PLAN_FILE.get()?))).as_ref()
}

/// Reads the plan in the file at `path`, and gets everything ready for it.
pub fn begun(path: &OsStr) -> Plan {
    match Plan::read(path) {
        Some(plan) if start(&plan).is_ok() => plan,
        _ => {
            eprintln!("cargo-memprof: the plan of this run cannot be read");
            std::process::exit(70);
        }
    }
}

/// Gets ready for a plan of the executable itself; `None` if that cannot be.
pub fn begun_idle(text: &'static mut [u8]) -> Option<Plan> {
    let plan = Plan::parse(text)?;
    start(&plan).ok()?;
    Some(plan)
}

/// The decision about a benchmark whose harness can be timed as it is.
pub enum Asked {
    /// The tool is not there; the harness goes on by itself.
    Nothing,
    /// It was not chosen.
    Skip,
    /// The harness's own routine should time it.
    Time(Timing),
    /// The caller should call [`benchmark`].
    Drive,
}

/// Called before anything else is done with the benchmark.
pub fn asked(id: &str) -> Asked {
    std::hint::black_box(HOOKED);
    let plan = match plan() {
        Some(plan) => plan,
        None => return Asked::Nothing,
    };
    if plan.mode != Mode::Time {
        return Asked::Drive;
    }
    match plan.take(id) {
        Some(selected) => {
            records::emit_short(records::BEGIN, [selected.index]);
            Asked::Time(Timing::new(plan, &selected))
        }
        None => Asked::Skip,
    }
}

/// Takes a benchmark over from its harness; false if the tool is not there and the harness should go on by itself.
pub fn benchmark(identity: &Identity<'_>, run: Run<'_>) -> bool {
    std::hint::black_box(HOOKED);
    if fork::is_child() {
        return true;
    }
    let plan = match plan() {
        Some(plan) => plan,
        None => return false,
    };
    if plan.mode == Mode::List {
        let mut seen = SEEN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let occurrence = seen.get_or_insert_with(HashMap::new).entry(identity.id.to_string()).or_insert(0);
        Record::new(records::BENCHMARK)
            .u32(*occurrence)
            .bytes(identity.id.as_bytes())
            .bytes((identity.json)().as_bytes())
            .bytes(identity.harness.as_bytes())
            .emit();
        *occurrence += 1;
        return true;
    }
    let selected = match plan.take(identity.id) {
        Some(selected) => selected,
        None => return true,
    };
    records::emit_short(records::BEGIN, [selected.index]);
    if plan.mode == Mode::Time {
        time(plan, &selected, identity, run);
        records::emit_short(records::DONE, [selected.index]);
        return true;
    }
    threads::settle();
    match plan.mode {
        Mode::List | Mode::Time | Mode::Program | Mode::ListTests | Mode::Test => (),
        Mode::Count => count(plan, &selected, run),
        Mode::Cpu => cpu(plan, &selected, run),
        Mode::Dhat => record_with_dhat(plan, &selected, run),
        Mode::Block => block(plan, &selected, run),
    }
    drop(places::tell());
    Record::new(records::DONE).u32(selected.index).emit();
    true
}

fn start(plan: &Plan) -> std::io::Result<()> {
    match plan.mode {
        Mode::Program if plan.idle => shared::make()?,
        Mode::Program => shared::open(plan.region)?,
        _ => records::open(plan.records)?,
    }
    fork::watch();
    // SAFETY: getpid cannot fail.
    let pid = unsafe { sys::getpid() };
    records::emit_short(records::START, [records::VERSION, pid as u32]);
    if plan.mode == Mode::Time {
        // Nothing is recorded, and the heap is left to the benchmarks.
        return timed::take_turns(plan);
    }
    memory::look();
    thread::initialize();
    let objects = places::tell();
    if !plan.table.is_empty() {
        rules::install(&std::fs::read(plan.table)?, &objects);
        // Another thread may have closed a library meanwhile.
        drop(places::tell());
    }
    if matches!(plan.mode, Mode::Count | Mode::Program | Mode::Test) && !tracker_is_linked() {
        if plan.idle {
            return Err(std::io::ErrorKind::NotFound.into());
        }
        Record::new(records::NOT_LINKED).emit();
        std::process::exit(70);
    }
    Ok(())
}

/// Allocates once in a bracket of its own and looks whether that was counted, as only the tracker does.
fn tracker_is_linked() -> bool {
    bracket::begin(COUNT);
    bracket::open();
    drop(std::hint::black_box(Box::new(std::hint::black_box(1u64))));
    bracket::close();
    bracket::end().totals.allocs >= 1
}

/// Warms up, measures the closure's costs, and returns the iterations of each sample, with the largest number that was
/// warmed up with. Prescribed iterations are distributed instead, without a warm-up.
fn sample_sizes(plan: &Plan, most: u64, run: Run<'_>) -> (Sizes, u64) {
    let most_iterations = MOST_ITERATIONS.load(Ordering::Relaxed);
    if plan.iterations > 0 {
        return (Sizes::dealt(plan.iterations, most_iterations), 0);
    }
    let budget = plan.budget_ns as f64;
    let calls = cost::explore(plan.warm_up_ns as f64, budget * 2.0, most_iterations, |iters| timed_call(0, iters, run));
    let calls = calls.as_slice();
    let largest = calls.iter().map(|call| call.iters).max().unwrap_or(0);
    let (samples, iterations) = cost::samples(&Cost::of(calls), budget, most);
    (Sizes::equal(samples, iterations.min(most_iterations)), largest)
}

/// Calls the closure once, with brackets watched.
fn timed_call(flags: u32, iters: u64, run: &mut dyn FnMut(&[u64])) -> Call {
    let start = Instant::now();
    let sum = watched(flags, iters, run);
    Call { iters, inside_ns: sum.elapsed.as_nanos() as f64, total_ns: start.elapsed().as_nanos() as f64 }
}

fn time(plan: &Plan, selected: &Selected, identity: &Identity<'_>, run: Run<'_>) {
    let most = identity.sample_size.clamp(2, MOST_SAMPLES as u64);
    let (sizes, warmed) = sample_sizes(plan, most, run);
    if plan.iterations == 0 && !bracket::any_opened() {
        return records::emit_short(records::UNTIMED, [selected.index]);
    }
    // From here on brackets are not watched: each is a load and a branch.
    bracket::begin(0);
    bracket::end();
    timed::begin(sizes.as_slice().len());
    run(sizes.as_slice());
    timed::end_told(selected.index, identity.wall_time, warmed, sizes.as_slice());
}

/// Runs one watched pass.
pub fn watched(flags: u32, iters: u64, run: &mut dyn FnMut(&[u64])) -> bracket::Sum {
    bracket::begin(flags);
    run(&[iters]);
    bracket::end()
}

fn count(plan: &Plan, selected: &Selected, run: Run<'_>) {
    let verify = if plan.verify { VERIFY } else { 0 };
    // Without stacks the counting passes do nothing else; freed bytes come from a pass of their own.
    let flags = COUNT | if plan.stacks { LIVE | STACKS | verify } else { 0 };
    // The baseline's number of iterations takes precedence over the command line's: else the counts could not be
    // compared.
    let iters = if selected.count_iters > 0 {
        prescribed(selected, run)
    } else if plan.iterations > 0 {
        plan.iterations.min(1000)
    } else {
        counted_iterations(plan, selected, flags, run)
    };
    watched(0, iters, run);
    if !bracket::any_opened() {
        return Record::new(records::UNTIMED).u32(selected.index).emit();
    }
    // With one iteration a pass is a bracket of one iteration, from which the peak can be taken.
    let flags = if iters == 1 { flags | LIVE | PEAK } else { flags };
    // Losses during the warm-up belong to no benchmark.
    thread::LOST.store(0, Ordering::Relaxed);
    // A single call site, not one per pass side by side: the stacks of all passes must be the same.
    for pass in 0..std::hint::black_box(PASSES) {
        stacks::forget_all();
        let sum = watched(flags, iters, run);
        results::counted(records::COUNTED, selected.index, pass, iters, &sum);
        results::stacks(selected.index, pass);
    }
    if flags & LIVE == 0 {
        let sum = watched(COUNT | LIVE, iters, run);
        results::counted(records::FREED, selected.index, 0, iters, &sum);
    }
    if plan.verify {
        let (compared, wrong) = calling::compared();
        Record::new(records::VERIFIED).u32(selected.index).u64(compared).u64(wrong).emit();
    }
    if plan.lives && plan.stacks {
        follow::lives(plan, selected, run);
    }
    if plan.peak && plan.stacks {
        follow::peaks(plan, selected, run);
    } else if iters > 1 {
        let mut highest = bracket::Sum::default();
        let begun = Instant::now();
        for _ in 0..PEAK_BRACKETS {
            let sum = watched(COUNT | LIVE | PEAK, 1, run);
            if sum.peak_bytes >= highest.peak_bytes {
                highest = sum;
            }
            if begun.elapsed().as_nanos() as u64 > plan.budget_ns / 10 {
                break;
            }
        }
        results::counted(records::COUNTED, selected.index, u32::MAX, 1, &highest);
    }
}

/// 1,000 iterations if the warm-up and the passes together fit in the budget, else 100, 10 or 1; if the harness holds a
/// batch of outputs, no more than it held during timing.
fn counted_iterations(plan: &Plan, selected: &Selected, flags: u32, run: Run<'_>) -> u64 {
    let mut calls = Vec::new();
    // The first call may fill lazy statics, and fills our own tables.
    for &iters in &[1u64, 1, 10] {
        let call = timed_call(flags, iters, run);
        calls.push(call);
        if call.inside_ns * 10.0 > plan.budget_ns as f64 && (calls.len() > 1 || call.inside_ns > plan.budget_ns as f64)
        {
            break;
        }
    }
    let batched = bracket::loops() & BATCHED != 0;
    let cost = Cost::of(&calls).per_iteration_ns();
    let fits = |n: u64| f64::from(PASSES + 1) * n as f64 * cost <= plan.budget_ns as f64;
    let held = |n: u64| !batched || selected.largest_iters == 0 || n <= selected.largest_iters;
    *[1000, 100, 10].iter().find(|&&n| fits(n) && held(n)).unwrap_or(&1)
}

/// The iterations of one thread, if the number for all threads is prescribed. Only the loop itself shows how many take
/// part.
fn prescribed(selected: &Selected, run: &mut dyn FnMut(&[u64])) -> u64 {
    let threads = if THREADS.load(Ordering::Relaxed) > 1 { watched(0, 1, run).iterations(1) } else { 1 };
    (selected.count_iters / threads).max(1)
}

/// As many iterations as were counted, after as many that fill pools and lazy statics.
fn record_with_dhat(plan: &Plan, selected: &Selected, run: Run<'_>) {
    let iters = prescribed(selected, run);
    if dhat::record_to(format!("{}/{}.json", plan.dhat, selected.index)) {
        watched(0, iters, run);
        watched(bracket::DHAT, iters, run);
    }
}

fn cpu(plan: &Plan, selected: &Selected, run: Run<'_>) {
    // A few long samples: the profile wants time in the bracket, not a distribution.
    let (sizes, _) = sample_sizes(plan, 10, run);
    if !sampler::arm(plan.cpu_hz) {
        sampler::disarm();
        Record::new(records::NO_SAMPLER).u32(selected.index).emit();
        return;
    }
    let (samples, iterations) = taken_of_each(sizes.as_slice(), run, sampler::take);
    let lost = sampler::disarm();
    results::samples(selected.index, iterations, &Taken { lost: samples.lost + lost, ..samples });
}

/// Where threads wait, over as many iterations as are sampled for CPU time.
fn block(plan: &Plan, selected: &Selected, run: Run<'_>) {
    let (sizes, _) = sample_sizes(plan, 10, run);
    if !waits::arm() {
        return;
    }
    let (taken, iterations) = taken_of_each(sizes.as_slice(), run, waits::take);
    waits::disarm();
    results::waits(selected.index, iterations, &taken);
}

/// Runs each of `sizes`; returns all samples or waits, and their iterations.
fn taken_of_each(sizes: &[u64], run: Run<'_>, take: fn() -> Taken) -> (Taken, u64) {
    let (mut taken, mut iterations) = (Taken::default(), 0);
    for &iters in sizes {
        iterations += watched(0, iters, run).iterations(iters);
        // Taken now: the next run's first bracket would drop them as those of an earlier loop.
        taken.append(take());
    }
    (taken, iterations)
}
