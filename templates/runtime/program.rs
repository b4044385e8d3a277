//! A whole program, from before its main function to its last instruction: the parts of its recording beside counts and
//! stacks.
//!
//! The peak by stack, in constant time an event, is kept as in `peak`: peaks are numbered, and before a stack's live
//! sum changes, it is stored as the sum at the latest peak, unless that was done since then.

use std::cell::Cell;
use std::ffi::OsStr;
use std::mem;
use std::os::raw::c_int;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use crate::bracket::{self, COUNT, FREE_STACKS, LEAVES_OUT, LIVE, LOG, PLAIN, PROGRAM, STACKS};
use crate::entry::Entry;
use crate::live_sum::{self, SUM};
use crate::plan::Plan;
use crate::records::{self, Record};
use crate::shared::{self, word};
use crate::spin::Spin;
use crate::thread::{self, ThreadState};
use crate::{
    attend, block, child, common, driver, entries, follow, fork, places, poisson, sampler, sys, threads, totals,
};

/// Blocks whose allocation is remembered, at most.
const MOST_RECENT: usize = 64;

/// The state of one thread. Zero is a thread that has not allocated.
#[repr(C)]
pub struct Own {
    live: live_sum::Own,
    pub sample: poisson::Own,
    /// The blocks that it allocated last, in turn.
    recent: [Cell<usize>; MOST_RECENT],
    allocated: Cell<usize>,
    pub temporaries: AtomicU64,
    /// The number of the thread that has the state, or had it last.
    thread: AtomicU64,
    /// Nanoseconds that recording took.
    pub spent: AtomicU64,
}

/// Addresses for the tables of libraries that are opened later: only as much is used as there are.
const LIBRARIES_ROOM: usize = 256 << 20;

impl Own {
    /// Of a fork's child.
    pub fn begin_again(&self) {
        self.live.begin_again();
        self.recent.iter().for_each(|block| block.set(0));
        self.temporaries.store(0, Ordering::Relaxed);
        self.spent.store(0, Ordering::Relaxed);
    }
}

/// Blocks freed with at most so many other allocations between are temporary, minus one.
static RECENT: AtomicU32 = AtomicU32::new(1);
/// At the end it is told what became of the blocks.
static LIVES: AtomicBool = AtomicBool::new(false);
static ORDER: Spin<()> = Spin::new(());

/// In a fork's child: it has one thread, and no other holds a lock.
pub fn begin_again() {
    SUM.begin_again();
    ORDER.begin_again(());
}

/// Begins to record, as the plan at `path` says, until the process ends.
pub fn begin(path: &OsStr) {
    let entered = sys::now();
    // From here on memory comes from the shared region.
    record(&driver::begun(path), entered);
}

/// Begins to count, until a tool joins. `text` is a plan, `tool` the tool that made the executable.
pub fn begin_idle(text: &'static mut [u8], tool: &[u8]) {
    let entered = sys::now();
    if let Some(plan) = driver::begun_idle(text) {
        shared::set_tool(tool);
        record(&plan, entered);
    }
}

fn record(plan: &Plan, entered: u64) {
    shared::set(word::ENTERED, entered);
    // SAFETY: getpid cannot fail; the handler is a plain function.
    unsafe {
        shared::set(word::PID, sys::getpid() as u64);
        sys::atexit(at_exit);
    }
    entries::limit(plan.stacks_limit);
    common::begin();
    shared::set(word::RATE, plan.sample_rate);
    if plan.cost {
        poisson::measure_cost();
    }
    shared::set(word::ENTRY_SIZE, mem::size_of::<Entry>() as u64);
    RECENT.store((plan.temporary as usize + 1).min(MOST_RECENT) as u32, Ordering::Relaxed);
    SUM.set_ordered(plan.peak);
    if plan.cpu_hz > 0 && !sampler::arm(plan.cpu_hz) {
        sampler::disarm();
        Record::new(records::NO_SAMPLER).u32(0).emit();
    }
    sampler::tell_arms(true);
    if plan.block {
        block::arm();
    }
    // Counted only to check that the tracker is there.
    if let Some(state) = thread::current() {
        state.counters.forget();
        let distance = |field: usize| (field - state as *const ThreadState as usize) as u64;
        shared::set(word::COUNTERS, distance(&state.counters as *const _ as usize));
        shared::set(word::TEMPORARIES, distance(&state.program.temporaries as *const _ as usize));
        shared::set(word::THREAD, distance(&state.program.thread as *const _ as usize));
        shared::set(word::SPENT, distance(&state.program.spent as *const _ as usize));
        shared::set(word::BUSY, state.busy_distance() as u64);
    }
    shared::set(word::BEGUN_CPU, cpu_time());
    shared::set(word::BEGUN, sys::now());
    shared::publish();
    let flags = if plan.stacks { LIVE | PROGRAM | STACKS } else { LIVE | PROGRAM };
    child::are_recorded_in(plan.children);
    if plan.libraries && plan.stacks {
        let room = shared::take(LIBRARIES_ROOM);
        if !room.is_null() {
            shared::set(word::LIBRARIES_LEN, LIBRARIES_ROOM as u64);
            shared::set(word::LIBRARIES, shared::offset(room as usize));
        }
    }
    LIVES.store(plan.lives && plan.stacks, Ordering::Relaxed);
    let flags = if plan.lives && plan.stacks { flags | LOG | FREE_STACKS } else { flags };
    let flags = match plain() {
        PLAIN if plan.sample_rate != 0 => flags | PLAIN | LEAVES_OUT,
        plain => flags | plain,
    };
    bracket::begin(if plan.idle { COUNT } else { COUNT | flags });
    bracket::open();
    if plan.live {
        attend::start();
    }
}

/// [`PLAIN`], if the program is recorded so; otherwise no flag.
pub fn plain() -> u32 {
    let is_last = RECENT.load(Ordering::Relaxed) == 1;
    let is_plain = is_last && !LIVES.load(Ordering::Relaxed) && !SUM.is_ordered() && !poisson::is_timed();
    if is_plain {
        PLAIN
    } else {
        0
    }
}

/// Recording goes on: other threads may run up to the last moment.
extern "C" fn at_exit() {
    if !fork::is_child() {
        shared::set(word::EXIT_CPU, cpu_time());
        shared::set(word::EXITED, sys::now());
        if LIVES.load(Ordering::Relaxed) {
            thread::unrecorded(follow::tell_lives);
        }
        places::tell_at_exit();
    }
}

pub fn cpu_time() -> u64 {
    const PROCESS_CPU: c_int = 2;
    let mut time = sys::timespec { sec: 0, nsec: 0 };
    // SAFETY: the structure has libc's layout and outlives the call.
    unsafe { sys::clock_gettime(PROCESS_CPU, &mut time) };
    time.sec as u64 * 1_000_000_000 + time.nsec as u64
}

/// A child is about to be made. The tool waits for its number, for this process may end before the child has run.
pub fn forks() {
    shared::add(word::FORKS, 1);
}

/// Called in a fork's child, which is not recorded: it leaves its number behind.
pub fn forked() {
    if let Some(len) = shared::word(word::CHILDREN_LEN) {
        let place = len.fetch_add(1, Ordering::Relaxed) as usize;
        if place < word::CHILDREN_MOST {
            // SAFETY: getpid cannot fail.
            shared::set(word::CHILDREN + place, unsafe { sys::getpid() } as u64);
        }
    }
}

/// A thread has taken a state.
pub fn thread_begins(state: &ThreadState) {
    // As in samples and waits.
    state.program.thread.store(u64::from(threads::number_of(threads::tid())), Ordering::Relaxed);
    if attend::is_here() {
        return;
    }
    let threads = SUM.thread_begins();
    if let Some(most) = shared::word(word::MOST_THREADS) {
        most.fetch_max(u64::from(threads), Ordering::Relaxed);
    }
}

/// The thread gives its state back.
pub fn thread_ends(state: &ThreadState) {
    state.program.recent.iter().for_each(|block| block.set(0));
    SUM.thread_ends(&state.program.live);
}

/// Held while an event is noted, if all events are put in one order.
pub struct Turn(bool);

/// The live sum of `entry` is about to change.
#[inline(always)]
pub fn turn(flags: u32, entry: Option<&Entry>) -> Turn {
    if flags & PROGRAM == 0 {
        return Turn(false);
    }
    let ordered = flags & PLAIN == 0 && SUM.is_ordered() && (ORDER.enter() || unordered());
    if let (Some(entry), Some(peak)) = (entry, shared::word(word::PEAK)) {
        note_peak(entry, peak.load(Ordering::Relaxed));
    }
    Turn(ordered)
}

/// The thread that had the turn never came back: there is no order any more, and the peak is not exact.
#[cold]
fn unordered() -> bool {
    if SUM.set_ordered(false) {
        thread::lose();
    }
    false
}

impl Drop for Turn {
    #[inline(always)]
    fn drop(&mut self) {
        if self.0 {
            ORDER.leave();
        }
    }
}

/// `block` was allocated.
#[inline(always)]
pub fn allocated(flags: u32, state: &ThreadState, block: usize, size: usize) {
    let own = &state.program;
    let mut place = 0;
    if flags & PLAIN == 0 {
        place = own.allocated.get() % RECENT.load(Ordering::Relaxed) as usize;
        own.allocated.set(own.allocated.get().wrapping_add(1));
    }
    own.recent[place % MOST_RECENT].set(block);
    SUM.moved(&own.live, size as i64);
}

/// A block is freed, or moved by a resize.
#[inline(always)]
pub fn freed(state: &ThreadState, bytes: u64) {
    SUM.moved(&state.program.live, -(bytes as i64));
}

/// `block`, allocated at `entry`, was freed by the program; no resize.
#[inline(always)]
pub fn released(flags: u32, state: &ThreadState, block: usize, entry: Option<&Entry>) {
    let own = &state.program;
    let recent = if flags & PLAIN != 0 { 1 } else { RECENT.load(Ordering::Relaxed) as usize };
    // Another thread may have got the same address since then.
    let mine = entry.map_or(true, |entry| entry.is_owned_by(state) || entry.is_shared());
    let known = own.recent[..recent.min(MOST_RECENT)].iter().find(|known| mine && known.get() == block);
    if let Some(known) = known {
        // Freed once: a later owner of the address is another thread, or comes here again.
        known.set(0);
        totals::add(&own.temporaries, 1);
        if let Some(entry) = entry {
            entry.add(&entry.more[TEMPORARIES], 1);
        }
    }
}

/// The fields of a stack beside its counts, in `Entry::more`: the number of the peak that the next two belong to.
const SEEN: usize = 0;
const PEAK_OBJECTS: usize = 1;
const PEAK_BYTES: usize = 2;
const TEMPORARIES: usize = 3;

#[inline(always)]
fn note_peak(entry: &Entry, peak: u64) {
    if entry.more[SEEN].load(Ordering::Relaxed) != peak {
        let [objects, bytes] = entry.live();
        entry.more[PEAK_OBJECTS].store(objects, Ordering::Relaxed);
        entry.more[PEAK_BYTES].store(bytes, Ordering::Relaxed);
        entry.more[SEEN].store(peak, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::between::Gone;

    #[test]
    fn a_turn_that_never_ends_is_not_waited_for_for_ever() {
        let _one_bracket = crate::live_map::tests::lock();
        SUM.set_ordered(true);
        thread::LOST.store(0, Ordering::Relaxed);
        mem::forget(turn(PROGRAM, None));
        (0..3).for_each(|_| drop(turn(PROGRAM, None)));
        assert_eq!((SUM.is_ordered(), thread::LOST.swap(0, Ordering::Relaxed)), (false, 1));
    }

    #[test]
    fn a_block_is_temporary_once() {
        std::thread::spawn(|| {
            let state = thread::current().unwrap();
            for flags in [0, PLAIN] {
                let before = state.program.temporaries.load(Ordering::Relaxed);
                allocated(flags, state, 48, 8);
                // The second time it is another thread's block, whose stack is not kept.
                (0..2).for_each(|_| released(flags, state, 48, None));
                assert_eq!(state.program.temporaries.load(Ordering::Relaxed) - before, 1);
                // Only the last one is remembered.
                allocated(flags, state, 48, 8);
                allocated(flags, state, 64, 8);
                released(flags, state, 48, None);
                assert_eq!(state.program.temporaries.load(Ordering::Relaxed) - before, 1);
            }
        })
        .join()
        .unwrap();
    }

    /// `src/programs/recorded.rs` reads entries by these places.
    #[test]
    fn the_tool_finds_what_an_entry_holds() {
        let _one_reader = crate::entries::tests::lock();
        let state = thread::current().unwrap();
        // SAFETY: this thread owns the state, and no other reference into its table is alive.
        let stacks = unsafe { &mut *state.stacks.get() };
        let entry = stacks.find_walked(&mut [71, 72, 73], true, state).unwrap();
        entry.allocated(40);
        entry.allocated(2);
        entry.freed(state, Gone { objects: 1, bytes: 40 });
        entry.freed_elsewhere(Gone { objects: 0, bytes: 1 });
        [1, 1, 1, 1, 2].iter().for_each(|&grown| entry.resized(grown));
        entry.more.iter().zip(7..).for_each(|(word, value)| word.store(value, Ordering::Relaxed));
        let at = entry as *const Entry as *const u8;
        // SAFETY: all places lie in the entry, which nobody else writes now.
        let word = |place: usize| unsafe { *(at.add(place) as *const u64) };
        assert_eq!(word(0), entry.addresses().as_ptr() as u64);
        assert_eq!([8, 16, 24, 32].map(word), [2, 42, 1, 40]);
        assert_eq!(word(40), state as *const ThreadState as u64);
        assert_eq!(word(48) >> 32 & 0xFFFF, 3);
        assert_eq!([112, 120, 128, 136].map(word), [5, 6, 0, 1]);
        assert_eq!([144, 152, 160, 168, 176, 184].map(word), [7, 8, 9, 10, 11, 12]);
        assert_eq!((mem::size_of::<Entry>(), entry.live()), (192, [1, 1]));
        entry.more.iter().for_each(|word| word.store(0, Ordering::Relaxed));
    }
}
