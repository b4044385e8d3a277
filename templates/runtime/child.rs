//! A child of fork that is recorded by itself: it goes on in a copy of the region, in a file that the tool has made for it,
//! and counts from the fork on. Blocks of its parent that it frees are not its own.

use std::sync::OnceLock;

use crate::shared::{self, word};
use crate::{bracket, entries, live, live_map, program, sys, thread};

/// Files for children, by their paths, with a space between.
static FILES: OnceLock<&'static str> = OnceLock::new();

pub fn are_recorded_in(files: &'static str) {
    let _ = FILES.set(files);
}

/// The calling process is such a child; false if there is no file left for it.
pub fn takes_a_file() -> bool {
    let files = FILES.get().copied().unwrap_or_default();
    for path in files.split(' ').filter(|path| !path.is_empty() && shared::is_awaited()) {
        if let Ok(true) = shared::go_on_in(path) {
            return true;
        }
    }
    if shared::is_awaited() {
        shared::add(word::COPIED, 1);
    }
    false
}

/// In the parent: waits until the child has its copy, for the thread that forked would go on in what is copied. A fork that
/// failed has no child to wait for.
pub fn let_it_copy() {
    const PATIENCE_NS: u64 = 1_000_000_000;
    let begun = sys::now();
    let are_recorded = FILES.get().is_some_and(|files| !files.is_empty());
    while are_recorded && shared::is_awaited() {
        if sys::now().saturating_sub(begun) > PATIENCE_NS {
            shared::set(word::COPIED, shared::get(word::FORKS));
        }
        std::thread::yield_now();
    }
}

/// The calling process has a region of its own: its counts begin.
pub fn begin_again() {
    // Other threads of the parent went on while the region was copied: only what was there at the fork is this process's.
    shared::forget_tables();
    for state in thread::all() {
        state.begin_again();
        state.program.begin_again();
        shared::has_state(state.slot(), state as *const _ as usize);
    }
    entries::begin_again();
    live_map::begin_again();
    program::begin_again();
    live::next_pass();
    for place in [
        word::EXIT_CPU,
        word::LOST,
        word::BEYOND,
        word::METHOD,
        word::CHILDREN_LEN,
        word::FORKS,
        word::COPIED,
        word::LIVE,
        word::MOST,
        word::PEAK,
        word::PEAK_AT,
        word::SAMPLES_NEXT,
        word::WAITS_NEXT,
        word::LIBRARIES,
        // Every allocation of the child's is recorded: blocks of its parent are known by that.
        word::RATE,
        word::EXITED,
    ] {
        shared::set(place, 0);
    }
    shared::set(word::MOST_THREADS, 1);
    shared::set(word::BEGUN_CPU, program::cpu_time());
    shared::set(word::BEGUN, sys::now());
    bracket::go_on();
}
