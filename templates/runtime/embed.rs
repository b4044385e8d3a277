//! The recorder as the crate `memprof` uses it, whose sources are these files, too: from code, without a harness or a plan.
//! In a program that the tool injects, the crate finds the injected recorder here, and what the tool records goes on.

use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, Once};

use crate::bracket::{self, COUNT, LEAVES_OUT, LIVE, RECORDING, SAMPLED, STACKS};
use crate::entry::Counts as Amounts;
use crate::objects::{self, Object};
use crate::totals::Totals;
use crate::{entries, filter, fork, memory, places, poisson, rules, sampler, scope, shared, thread};

pub use crate::scope::{open, with_everyone, Counts, Open};
pub use crate::sites::Site;
pub use crate::track::Track;

/// The labels of CPU samples.
pub mod labels {
    pub use crate::labels::set;
}

/// Why a recording does not start or stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    Running,
    NotRunning,
    /// No memory, or no clock that interrupts threads.
    NoMeans,
    /// No port to this platform, or no unwind table.
    NoStacks,
}

/// What is recorded for the program itself, beside the tool's recording if there is one.
struct Own {
    /// The counts of each stack when it began, by the entries' numbers.
    heap: Option<Vec<Amounts>>,
    cpu: bool,
    /// The sampler is the tool's.
    is_shared: bool,
}

static OWN: Mutex<Own> = Mutex::new(Own { heap: None, cpu: false, is_shared: false });

fn own() -> MutexGuard<'static, Own> {
    OWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Runs `body`, whose allocations are not the program's.
pub fn unrecorded<T>(body: impl FnOnce() -> T) -> T {
    scope::quietly(|| thread::nested(body))
}

/// The tool measures benchmarks, and has all recording to itself.
fn is_the_tools() -> bool {
    !shared::is_open() && bracket::is_watched()
}

const HEAP: u32 = COUNT | LIVE | STACKS;

/// Makes an unwind table, as `rules` installs it; empty where it cannot.
pub type Table = fn(&[Object]) -> Vec<u8>;

/// Gets ready once; `table` makes the unwind table, where the tool has made none.
fn prepare(table: Table) -> Result<(), Refusal> {
    static READY: Once = Once::new();
    READY.call_once(|| {
        if !shared::is_open() && rules::installed().is_none() {
            memory::look();
            fork::watch();
            thread::initialize();
        }
    });
    let objects = places::tell();
    if rules::installed().map_or(true, |texts| texts.is_empty()) {
        let bytes = table(&objects);
        if bytes.is_empty() || rules::install(&bytes, &objects) == 0 {
            return Err(Refusal::NoStacks);
        }
    }
    Ok(())
}

/// Begins to record the stacks of all allocations, or with a `rate` above 1 those of one byte in so many. Returns the rate
/// that holds: the tool records all.
pub fn start_heap(rate: u64, table: Table) -> Result<u64, Refusal> {
    let mut own = own();
    if own.heap.is_some() || is_the_tools() {
        return Err(Refusal::Running);
    }
    unrecorded(|| {
        prepare(table)?;
        let is_sampled = shared::word(shared::word::RATE).is_some_and(|rate| rate.load(Ordering::Relaxed) != 0);
        let records = RECORDING.load(Ordering::Relaxed) & HEAP == HEAP;
        // What the tool records of the whole program goes on as it is.
        if shared::is_open() && (is_sampled || !records) {
            return Err(Refusal::NoStacks);
        }
        let rate = if records || rate < 2 { 1 } else { rate };
        if !records {
            poisson::set_rate(rate);
            filter::clear();
            bracket::start_recording(if rate > 1 { HEAP | SAMPLED | LEAVES_OUT } else { HEAP });
        }
        let mut before = Vec::new();
        for entry in entries::all() {
            let number = entry.number() as usize;
            if before.len() <= number {
                before.resize(number + 1, [0; 6]);
            }
            before[number] = entry.counts();
        }
        own.heap = Some(before);
        Ok(rate)
    })
}

/// Calls `visit` with each stack (outermost address first) and its counts since the start.
pub fn heap(visit: &mut dyn FnMut(&[u64], Amounts)) -> Result<(), Refusal> {
    let own = own();
    let before = own.heap.as_ref().ok_or(Refusal::NotRunning)?;
    for entry in entries::all() {
        let mut counts = entry.counts();
        if let Some(before) = before.get(entry.number() as usize) {
            counts.iter_mut().zip(before).for_each(|(now, before)| *now = now.wrapping_sub(*before));
        }
        // Frees of what was allocated before do not show here; counters of a running program may be a step apart.
        if counts[0] != 0 {
            counts[4] = counts[4].min(counts[0]);
            counts[5] = counts[5].min(counts[1]);
            visit(entry.addresses(), counts);
        }
    }
    Ok(())
}

/// Stops recording, unless the tool goes on.
pub fn stop_heap() -> Result<(), Refusal> {
    let mut own = own();
    unrecorded(|| own.heap.take().ok_or(Refusal::NotRunning))?;
    if !shared::is_open() {
        bracket::stop_recording(0);
    }
    Ok(())
}

/// Allocations, bytes, frees and freed bytes of all threads, while the heap is recorded.
pub fn totals() -> Result<[u64; 4], Refusal> {
    if RECORDING.load(Ordering::Relaxed) & COUNT == 0 {
        return Err(Refusal::NotRunning);
    }
    let now = Totals::now();
    Ok([now.allocs, now.bytes, now.frees, now.freed_bytes])
}

/// Samples of the processor's time.
pub struct Samples {
    /// Of each: amount, depth with a bit above it, thread with the label's number above it, addresses
    /// (innermost first).
    pub words: Vec<u64>,
    pub lost: u64,
    pub period_ns: u64,
}

/// Begins to interrupt every thread `hz` times a second of its own processor time. Where the tool does so already, its rate
/// holds.
pub fn start_cpu(hz: u32, table: Table) -> Result<(), Refusal> {
    let mut own = own();
    if own.cpu || is_the_tools() {
        return Err(Refusal::Running);
    }
    unrecorded(|| {
        prepare(table)?;
        own.is_shared = sampler::armed();
        let armed = own.is_shared || sampler::arm(hz);
        if !armed || shared::is_open() && !sampler::share(true) {
            // The tool's sampler is not ours to end.
            if !own.is_shared {
                sampler::disarm();
            }
            return Err(Refusal::NoMeans);
        }
        own.cpu = true;
        crate::labels::carry(true);
        bracket::OPEN.store(true, Ordering::SeqCst);
        Ok(())
    })
}

/// Stops that; returns the samples.
pub fn stop_cpu() -> Result<Samples, Refusal> {
    let mut own = own();
    if !own.cpu {
        return Err(Refusal::NotRunning);
    }
    own.cpu = false;
    crate::labels::carry(false);
    unrecorded(|| {
        let period_ns = sampler::arms().period_ns;
        if shared::is_open() {
            sampler::share(false);
        } else {
            bracket::OPEN.store(false, Ordering::SeqCst);
        }
        let mut taken = sampler::take();
        if !own.is_shared {
            taken.lost += sampler::disarm();
        }
        Ok(Samples { words: taken.words, lost: taken.lost, period_ns })
    })
}

/// A segment of code, as a profile's mapping.
pub struct CodeSegment {
    pub start: u64,
    pub end: u64,
    pub file_offset: u64,
    pub path: Vec<u8>,
    pub build_id: Vec<u8>,
}

/// Those that are loaded now.
pub fn segments() -> Vec<CodeSegment> {
    let mut segments = Vec::new();
    for object in objects::loaded() {
        for segment in &object.text {
            let start = segment.vaddr.wrapping_add(object.bias);
            segments.push(CodeSegment {
                start,
                end: start.wrapping_add(segment.size),
                file_offset: segment.file_offset,
                path: object.path.clone(),
                build_id: object.build_id.clone(),
            });
        }
    }
    segments
}

/// Where `address` lies: the path of its file, and its place there.
pub fn place_of(address: usize) -> Option<(Vec<u8>, u64)> {
    let address = address as u64;
    objects::loaded().into_iter().find_map(|object| {
        let at = address.wrapping_sub(object.bias);
        let within = object.text.iter().any(|segment| (segment.vaddr..segment.vaddr + segment.size).contains(&at));
        within.then_some((object.path, at))
    })
}
