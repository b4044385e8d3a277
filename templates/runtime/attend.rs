//! What the tool asks of a program while it runs: CPU samples, the stacks of all threads, and in an executable that was
//! made to wait, recording itself.
//!
//! The tool writes words of the region's first page; a thread of the recorder's own looks at them. It is neither
//! recorded nor sampled, it takes no signals, and what it does it does by the functions that a run uses: the program
//! gets no other code. A tool that is silent for a while is gone, and so is what it asked for.

use std::cell::Cell;
use std::os::raw::{c_int, c_long, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::arch::Registers;
use crate::bracket::{self, COUNT, LIVE, PROGRAM, STACKS};
use crate::objects::Object;
use crate::shared::{self, word};
use crate::totals::Totals;
use crate::{block, idle, interrupted, places, program, rules, sampler, sys, thread, threads};

/// How often the thread looks, with a tool and without one.
const PAUSE: Duration = Duration::from_millis(20);
const LONG_PAUSE: Duration = Duration::from_millis(100);
/// A tool writes the time more often than this, by CLOCK_MONOTONIC.
const SILENCE_NS: u64 = 10_000_000_000;

/// The thread's number; 0 if there is none.
static ATTENDANT: AtomicU32 = AtomicU32::new(0);
/// The number of the wanted stacks of all threads.
static WANTED_STACKS: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_HERE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the calling thread is the one that attends.
pub fn is_here() -> bool {
    IS_HERE.with(Cell::get)
}

/// Whether it is the thread of this number.
pub fn is(tid: u32) -> bool {
    tid == ATTENDANT.load(Ordering::Relaxed)
}

/// Starts the thread. False if the kernel gives none.
pub fn start() -> bool {
    const SIG_SETMASK: c_int = 2;
    const WORD: c_long = 8;
    // The two that libc itself sends to threads stay: a change of user waits for all of them.
    let (all, mut before) = (!(0b111u64 << 31), 0u64);
    // SAFETY: both are the kernel's signal sets of eight bytes.
    unsafe {
        let before = &mut before as *mut u64;
        sys::syscall(sys::SYS_RT_SIGPROCMASK, SIG_SETMASK, &all as *const u64, before, WORD);
        let started = threads::start_unseen(attend);
        sys::syscall(sys::SYS_RT_SIGPROCMASK, SIG_SETMASK, before, ptr::null_mut::<u64>(), WORD);
        started
    }
}

unsafe extern "C" fn attend(_: *mut c_void) -> *mut c_void {
    const PR_SET_NAME: c_int = 15;
    IS_HERE.with(|here| here.set(true));
    let tid = threads::tid();
    ATTENDANT.store(tid, Ordering::Relaxed);
    shared::set(word::ATTENDANT, u64::from(tid));
    sys::prctl(PR_SET_NAME, b"memprof\0".as_ptr());
    let _own = block::own();
    thread::nested(idle::serve);
    let mut attendant = Attendant { cpu_hz: 0, is_own: false, step: 0, objects: Vec::new() };
    loop {
        std::thread::sleep(if attendant.is_alone() { LONG_PAUSE } else { PAUSE });
        shared::set(word::TICK, sys::now());
        thread::nested(|| attendant.look());
    }
}

/// What the thread has done so far.
struct Attendant {
    cpu_hz: u32,
    /// Samples are taken for the tool; otherwise the program takes them for itself.
    is_own: bool,
    step: u64,
    objects: Vec<Object>,
}

fn asked(place: usize) -> u64 {
    shared::word(place).map_or(0, |word| word.load(Ordering::Acquire))
}

impl Attendant {
    /// No tool is there.
    fn is_alone(&self) -> bool {
        sys::now().saturating_sub(asked(word::TOOL_TICK)) >= SILENCE_NS
    }

    fn look(&mut self) {
        self.sample(if self.is_alone() { 0 } else { asked(word::WANTED_CPU) as u32 });
        let stacks = asked(word::WANTED_STACKS);
        if stacks != WANTED_STACKS.load(Ordering::Relaxed) {
            WANTED_STACKS.store(stacks, Ordering::Release);
            shared::set(word::ASKED_THREADS, ask_threads());
            shared::set(word::DONE_STACKS, stacks);
        }
        let step = asked(word::WANTED_STEP);
        if step == self.step + 1 && step <= 3 {
            self.step = step;
            self.join(step);
            shared::set(word::DONE_STEP, step);
        }
    }

    fn sample(&mut self, hz: u32) {
        if hz == self.cpu_hz {
            return;
        }
        if self.cpu_hz > 0 && self.is_own {
            sampler::disarm();
        }
        self.cpu_hz = hz;
        if hz > 0 {
            self.is_own = !sampler::armed();
            let armed = !self.is_own || sampler::arm(hz);
            if !armed {
                sampler::disarm();
            }
            sampler::tell_arms(armed);
        }
        shared::set(word::DONE_CPU, u64::from(hz));
    }

    /// Begins to record stacks, in three steps: what is loaded is told; there is room for the tables that the tool makes
    /// of it; they are there.
    fn join(&mut self, step: u64) {
        let len = asked(word::TABLE_LEN) as usize;
        match step {
            1 => self.objects = places::tell(),
            2 => {
                let room = shared::take(len);
                let offset = if room.is_null() { 0 } else { shared::offset(room as usize) };
                shared::set(word::TABLE, offset);
            }
            _ => {
                let offset = asked(word::TABLE);
                if offset != 0 {
                    // SAFETY: `take` gave that much, and the tool has written it.
                    let table = unsafe { std::slice::from_raw_parts(shared::at(offset), len) };
                    rules::install(table, &self.objects);
                }
                block::arm();
                let before = Totals::now();
                idle::joined();
                bracket::widen(COUNT | LIVE | PROGRAM | STACKS | program::plain());
                let before = [
                    before.allocs,
                    before.bytes,
                    before.reallocs,
                    before.grown_bytes,
                    before.frees,
                    before.freed_bytes,
                ];
                before.iter().enumerate().for_each(|(i, &count)| shared::set(word::BEFORE + i, count));
            }
        }
    }
}

/// Has every other thread write down its stack; returns how many were asked.
fn ask_threads() -> u64 {
    if !sampler::prepare() || !sampler::has_signal() {
        return 0;
    }
    let tasks = match std::fs::read_dir("/proc/self/task") {
        Ok(tasks) => tasks,
        Err(_) => return 0,
    };
    let tids = tasks.flatten().filter_map(|task| task.file_name().to_str()?.parse::<u32>().ok());
    let mut asked = 0;
    for tid in tids.filter(|&tid| !is(tid)) {
        // SAFETY: the signal's handler is ours.
        let sent = unsafe { sys::syscall(sys::SYS_TGKILL, sys::getpid(), tid as c_int, sys::SIGPROF) };
        asked += u64::from(sent == 0);
    }
    asked
}

/// Writes down the stack of the calling thread, which was interrupted at `at`. Async-signal-safe.
pub fn show(at: Registers) {
    let number = WANTED_STACKS.load(Ordering::Acquire);
    if number != 0 {
        interrupted::walk(at, |addresses, whole, thread| {
            shared::STACKS.write(number, addresses, whole, thread);
        });
    }
}
