//! The few things that are asked of the system, by std and the C library's standard functions.

use std::os::raw::{c_char, c_int, c_long};
use std::sync::OnceLock;
use std::time::Instant;

pub const CLOCK_MONOTONIC: c_int = 0;
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 0;
pub const CLOCK_THREAD_CPUTIME_ID: c_int = 0;
pub const MEMBARRIER_PRIVATE_EXPEDITED: c_long = 0;
pub const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: c_long = 0;

extern "C" {
    pub fn getenv(name: *const c_char) -> *const c_char;
    pub fn atexit(handler: extern "C" fn()) -> c_int;
}

/// # Safety
/// Always safe.
pub unsafe fn getpid() -> c_int {
    std::process::id() as c_int
}

/// # Safety
/// Always safe.
pub unsafe fn sched_yield() -> c_int {
    std::thread::yield_now();
    0
}

/// There is none.
pub fn membarrier(_command: c_long) -> bool {
    false
}

/// Context switches, which nothing tells.
pub struct Usage {
    pub voluntary: i64,
    pub involuntary: i64,
}

pub fn usage() -> Usage {
    Usage { voluntary: 0, involuntary: 0 }
}

/// The scheduler's account of a thread, which nothing tells.
pub struct Schedule;

impl Schedule {
    pub fn own() -> Option<Schedule> {
        None
    }

    pub fn read<'a>(&self, _text: &'a mut [u8; 80]) -> Option<&'a [u8]> {
        None
    }
}

/// Nanoseconds since the first call: of any clock that is asked for, so that no time seems to be another process's.
pub fn clock(_clock: c_int) -> u64 {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    BEGUN.get_or_init(Instant::now).elapsed().as_nanos() as u64
}

pub fn now() -> u64 {
    clock(CLOCK_MONOTONIC)
}
