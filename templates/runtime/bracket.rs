//! The bracket: the part that the harness times, and therefore the part that is counted and sampled.
//!
//! The harness's edited source calls [`open`] right after its clock starts and [`close`] right before it stops. In the timed
//! run both are a load and an untaken branch.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::barrier;
use crate::between;
use crate::dhat;
use crate::fork::Wiped;
use crate::live;
use crate::log;
use crate::thread;
use crate::totals::Totals;
use crate::witness;

/// Tells the allocator shim what to record, as a set of the bits below; 0 outside a bracket.
pub static RECORDING: Wiped<AtomicU32> = Wiped::new(AtomicU32::new(0));
/// Calls and bytes.
pub const COUNT: u32 = 1;
/// The stack of each allocation.
pub const STACKS: u32 = 2;
/// Live blocks, so that frees can be told from frees of older blocks.
pub const LIVE: u32 = 4;
/// The highest number of live bytes.
pub const PEAK: u32 = 8;
/// Every remembered stack is compared to a plain walk.
pub const VERIFY: u32 = 16;
/// The events of each block's life.
pub const LOG: u32 = 64;
/// With [`LOG`], the stack of each free, too.
pub const FREE_STACKS: u32 = 128;
/// Another profiler records.
pub const DHAT: u32 = 256;
/// No bracket of a pass with [`LIVE`] is open now: only the frees and reallocs of its blocks are recorded.
pub const BETWEEN: u32 = 512;
/// The kernel has no barrier on all threads: each thread makes its own.
pub const FENCED: u32 = 1024;
/// The bracket is a whole program's: see `program`.
pub const PROGRAM: u32 = 2048;
/// The stacks and live blocks of a sample only: see `poisson`.
pub const SAMPLED: u32 = 4096;
/// A sample only is recorded, in a program's way with [`PLAIN`], or by [`SAMPLED`]: an event that is left out takes the short
/// way (`left_out`).
pub const LEAVES_OUT: u32 = 8192;
/// A program's events are neither put in one order, nor timed, nor followed, and of recent blocks only the last is known.
pub const PLAIN: u32 = 16384;
/// A scope is open (`scope`), in a bracket or not; brackets leave it as it is.
pub const SCOPED: u32 = 1 << 30;

// Each has a bit of its own.
const ALL: [u32; 15] = [
    COUNT,
    STACKS,
    LIVE,
    PEAK,
    VERIFY,
    LOG,
    FREE_STACKS,
    DHAT,
    BETWEEN,
    FENCED,
    PROGRAM,
    SAMPLED,
    LEAVES_OUT,
    PLAIN,
    SCOPED,
];
const _: () = {
    let (mut i, mut seen) = (0, 0);
    while i < ALL.len() {
        assert!(ALL[i].is_power_of_two() && seen & ALL[i] == 0);
        seen |= ALL[i];
        i += 1;
    }
};

/// The flags that an opening bracket stores in [`RECORDING`].
static ON_OPEN: AtomicU32 = AtomicU32::new(0);
/// True where brackets matter at all: false in the timed run.
static WATCHED: AtomicBool = AtomicBool::new(false);
/// True while a bracket is open.
pub(crate) static OPEN: AtomicBool = AtomicBool::new(false);
/// Live bytes of the open bracket and the most there were; kept only with [`PEAK`].
pub static LIVE_BYTES: AtomicI64 = AtomicI64::new(0);
pub static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

/// Which of the harness's timing loops ran; the union over all since [`begin`].
static LOOPS: AtomicU32 = AtomicU32::new(0);
pub const CUSTOM: u32 = 1;
pub const BATCHED: u32 = 2;
static BRACKETS: AtomicU64 = AtomicU64::new(0);

/// Threads of a harness that are inside their own part of the bracket.
static SHARERS: Mutex<u32> = Mutex::new(0);
/// Iterations that those threads announced, since [`begin`].
static SHARED_ITERATIONS: AtomicU64 = AtomicU64::new(0);

/// The sum over the brackets of one timing loop.
#[derive(Clone, Copy, Default)]
pub struct Sum {
    pub totals: Totals,
    pub elapsed: Duration,
    pub peak_bytes: u64,
    /// Over all threads of the harness; 0 where it runs its iterations on one.
    pub shared_iterations: u64,
}

impl Sum {
    /// The iterations of all threads, if the harness was asked for this many: the divisor of every number per
    /// iteration.
    pub fn iterations(&self, asked_for: u64) -> u64 {
        match self.shared_iterations {
            0 => asked_for,
            shared => shared,
        }
    }
}

struct Ledger {
    at_open: Totals,
    opened: Option<Instant>,
    sum: Sum,
}

static LEDGER: Mutex<Ledger> = Mutex::new(Ledger {
    at_open: Totals { allocs: 0, bytes: 0, reallocs: 0, grown_bytes: 0, frees: 0, freed_bytes: 0 },
    opened: None,
    sum: Sum {
        totals: Totals { allocs: 0, bytes: 0, reallocs: 0, grown_bytes: 0, frees: 0, freed_bytes: 0 },
        elapsed: Duration::ZERO,
        peak_bytes: 0,
        shared_iterations: 0,
    },
});

fn ledger() -> std::sync::MutexGuard<'static, Ledger> {
    LEDGER.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The harness starts a timing loop: the counts of an earlier loop of the same closure are void, like its time.
#[inline(always)]
pub fn iter_entry() {
    if WATCHED.load(Ordering::Relaxed) {
        restart();
    }
}

#[cold]
#[inline(never)]
fn restart() {
    stop_recording(0);
    OPEN.store(false, Ordering::SeqCst);
    next_pass();
    if BRACKETS.swap(0, Ordering::Relaxed) != 0 {
        crate::stacks::forget_all();
        crate::sampler::forget();
        log::forget();
        crate::block::forget();
    }
    SHARED_ITERATIONS.store(0, Ordering::Relaxed);
    ledger().sum = Sum::default();
}

/// The harness's clock has just started.
#[inline(always)]
pub fn open() {
    if WATCHED.load(Ordering::Relaxed) {
        opened();
    }
}

/// Like [`open`], for a harness that runs its iterations on several threads, each with its own clock: the bracket is
/// open while any of them is in its part, which has this many `iterations`.
#[inline(always)]
pub fn open_shared(iterations: u64) {
    if WATCHED.load(Ordering::Relaxed) {
        opened_shared(iterations);
    }
}

/// Like [`close`], for such a thread.
#[inline(always)]
pub fn close_shared() {
    if WATCHED.load(Ordering::Relaxed) {
        closed_shared();
    }
}

#[cold]
#[inline(never)]
fn opened_shared(iterations: u64) {
    // One thread of the harness may wait here for another; that is not a wait in the user's code.
    let _own = crate::block::own();
    let _ = thread::current();
    let mut sharers = SHARERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    SHARED_ITERATIONS.fetch_add(iterations, Ordering::Relaxed);
    if *sharers == 0 {
        opened();
    }
    *sharers += 1;
}

#[cold]
#[inline(never)]
fn closed_shared() {
    // One thread of the harness may wait here for another; that is not a wait in the user's code.
    let _own = crate::block::own();
    let mut sharers = SHARERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *sharers = sharers.saturating_sub(1);
    if *sharers == 0 {
        closed();
    }
}

/// Like [`open`], around a closure that measures itself.
#[inline(always)]
pub fn open_custom() {
    LOOPS.store(LOOPS.load(Ordering::Relaxed) | CUSTOM, Ordering::Relaxed);
    open();
}

/// The timing loop holds a batch of inputs and outputs.
#[inline(always)]
pub fn batched() {
    LOOPS.store(LOOPS.load(Ordering::Relaxed) | BATCHED, Ordering::Relaxed);
}

/// The harness's clock is about to stop.
#[inline(always)]
pub fn close() {
    if WATCHED.load(Ordering::Relaxed) {
        closed();
    }
}

/// Whether a harness runs a pass.
pub fn is_watched() -> bool {
    WATCHED.load(Ordering::Relaxed)
}

/// Records `flags` without a bracket: for a program that records itself.
pub fn start_recording(flags: u32) {
    live::next_pass();
    between::forget();
    record(flags | barrier::flag());
}

/// When this returns, no thread records anything but `flags`.
pub fn stop_recording(flags: u32) {
    if record(flags) != 0 {
        barrier::wait_for_recorders();
    }
}

/// Sets the flags that a bracket sets; returns those that it had set.
fn record(flags: u32) -> u32 {
    let mut now = RECORDING.load(Ordering::Relaxed);
    while let Err(changed) =
        RECORDING.compare_exchange_weak(now, now & SCOPED | flags, Ordering::SeqCst, Ordering::Relaxed)
    {
        now = changed;
    }
    now & !SCOPED
}

/// Whether the allocator looks at scopes.
pub fn set_scoped(scoped: bool) {
    match scoped {
        true => RECORDING.fetch_or(SCOPED, Ordering::SeqCst),
        false => RECORDING.fetch_and(!SCOPED, Ordering::SeqCst),
    };
}

/// Allocations from now on belong to another pass. Nothing is recorded.
fn next_pass() {
    if ON_OPEN.load(Ordering::Relaxed) & LIVE != 0 {
        live::next_pass();
        between::forget();
    }
}

#[cold]
#[inline(never)]
fn opened() {
    let flags = ON_OPEN.load(Ordering::Relaxed);
    if flags & LOG != 0 {
        log::opened();
    }
    LIVE_BYTES.store(0, Ordering::Relaxed);
    PEAK_BYTES.store(0, Ordering::Relaxed);
    BRACKETS.fetch_add(1, Ordering::Relaxed);
    // Makes the opening thread's state here, so that making it is not in the bracket.
    if flags != 0 {
        let _ = thread::current();
    }
    {
        let mut ledger = ledger();
        ledger.at_open = Totals::now();
        if flags & LIVE != 0 {
            ledger.sum.totals.freed_bytes += between::settle().bytes;
        }
        ledger.opened = Some(Instant::now());
    }
    crate::block::bracket_opens();
    OPEN.store(true, Ordering::SeqCst);
    record(flags);
    if flags & DHAT != 0 {
        dhat::open();
    }
}

#[cold]
#[inline(never)]
fn closed() {
    let flags = ON_OPEN.load(Ordering::Relaxed);
    stop_recording(if flags & LIVE != 0 { BETWEEN | flags & FENCED } else { 0 });
    // dhat can write one file only, even for several brackets: it runs until the last one, and records what lies
    // between them.
    let several = LOOPS.load(Ordering::Relaxed) & BATCHED != 0 || SHARED_ITERATIONS.load(Ordering::Relaxed) != 0;
    if ON_OPEN.load(Ordering::Relaxed) & DHAT != 0 && !several {
        dhat::close();
    }
    OPEN.store(false, Ordering::SeqCst);
    let mut ledger = ledger();
    if let Some(opened) = ledger.opened.take() {
        ledger.sum.elapsed += opened.elapsed();
        let (before, after) = (ledger.at_open, Totals::now());
        ledger.sum.totals.add_difference(&before, &after);
        let highest = PEAK_BYTES.load(Ordering::Relaxed).max(0) as u64;
        ledger.sum.peak_bytes = ledger.sum.peak_bytes.max(highest);
    }
}

/// Watches the brackets of one run of the harness's closure, recording `flags` inside them.
pub fn begin(flags: u32) {
    ON_OPEN.store(if flags == 0 { 0 } else { flags | barrier::flag() }, Ordering::Relaxed);
    next_pass();
    LOOPS.store(0, Ordering::Relaxed);
    BRACKETS.store(0, Ordering::Relaxed);
    SHARED_ITERATIONS.store(0, Ordering::Relaxed);
    *SHARERS.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = 0;
    ledger().sum = Sum::default();
    WATCHED.store(true, Ordering::SeqCst);
}

/// From now on the open bracket records `flags`, too.
pub fn widen(flags: u32) {
    let flags = ON_OPEN.load(Ordering::Relaxed) | flags;
    ON_OPEN.store(flags, Ordering::Relaxed);
    record(flags);
}

/// Ends the run that [`begin`] started; the sum over the last timing loop's brackets.
pub fn end() -> Sum {
    WATCHED.store(false, Ordering::SeqCst);
    stop_recording(0);
    OPEN.store(false, Ordering::SeqCst);
    if ON_OPEN.load(Ordering::Relaxed) & DHAT != 0 {
        dhat::close();
    }
    Sum { shared_iterations: SHARED_ITERATIONS.load(Ordering::Relaxed), ..ledger().sum }
}

/// Whether any bracket opened since [`begin`].
pub fn any_opened() -> bool {
    BRACKETS.load(Ordering::Relaxed) > 0
}

/// The timing loops that ran since [`begin`], as bits.
pub fn loops() -> u32 {
    LOOPS.load(Ordering::Relaxed)
}

/// A fork's child is recorded as its parent was, but for a sample: all of its events are.
pub fn go_on() {
    let flags = ON_OPEN.load(Ordering::Relaxed) & !LEAVES_OUT;
    ON_OPEN.store(flags, Ordering::Relaxed);
    WATCHED.store(true, Ordering::SeqCst);
    OPEN.store(true, Ordering::SeqCst);
    RECORDING.store(flags, Ordering::SeqCst);
}

/// In a fork's child nothing is recorded.
pub fn switch_off() {
    WATCHED.store(false, Ordering::SeqCst);
    RECORDING.store(0, Ordering::SeqCst);
    OPEN.store(false, Ordering::SeqCst);
    witness::forget();
}

#[cfg(test)]
#[path = "bracket/tests.rs"]
mod tests;
