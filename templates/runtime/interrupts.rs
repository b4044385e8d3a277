//! The kernel's ways to interrupt a thread by its CPU time, and to tell that time.

use std::os::raw::{c_int, c_long, c_ulong};
use std::ptr;

use crate::sys;

/// CPU time of a thread, as the kernel's tick found it: in user code, and in total.
#[derive(Clone, Copy)]
pub struct Clocks {
    pub user: u64,
    pub all: u64,
}

impl Clocks {
    pub fn of(tid: u32) -> Clocks {
        const PROF: c_int = 4;
        const VIRT: c_int = 5;
        Clocks { user: sys::clock(thread_clock(tid, VIRT)), all: sys::clock(thread_clock(tid, PROF)) }
    }
}

/// A thread's clock, as clock_gettime(2) and pthread_getcpuclockid(3) make it; `which` has CPUCLOCK_PERTHREAD in it.
fn thread_clock(tid: u32, which: c_int) -> c_int {
    (!(tid as c_int) << 3) | which
}

/// perf_event_open(2): PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, a signal to the thread at each overflow.
pub fn perf_event(tid: u32, period_ns: u64, user_only: bool) -> Option<c_int> {
    const DISABLED: u64 = 1;
    const EXCLUDE_KERNEL: u64 = 1 << 5;
    const EXCLUDE_HV: u64 = 1 << 6;
    const FD_CLOEXEC: c_ulong = 8;
    const F_SETFL: c_int = 4;
    const F_SETSIG: c_int = 10;
    const F_SETOWN_EX: c_int = 15;
    const O_ASYNC: c_int = 0x2000;
    const IOC_ENABLE: c_ulong = 0x2400;
    // struct perf_event_attr up to wakeup_events, in words: type and size, config, period, sample_type, read_format, flags.
    let mut attr = [0u64; 16];
    attr[0] = 1 | 128 << 32;
    attr[2] = period_ns;
    attr[5] = DISABLED | EXCLUDE_HV | if user_only { EXCLUDE_KERNEL } else { 0 };
    attr[6] = 1;
    // SAFETY: `attr` has the size it says; the descriptor is closed on every path that does not return it.
    unsafe {
        let (any_cpu, no_group): (c_int, c_int) = (-1, -1);
        let fd =
            sys::syscall(sys::SYS_PERF_EVENT_OPEN, attr.as_ptr(), tid as c_int, any_cpu, no_group, FD_CLOEXEC) as c_int;
        if fd < 0 {
            return None;
        }
        let owner: [c_int; 2] = [0, tid as c_int];
        if sys::fcntl(fd, F_SETOWN_EX, owner.as_ptr()) == 0
            && sys::fcntl(fd, F_SETSIG, sys::SIGPROF) == 0
            && sys::fcntl(fd, F_SETFL, O_ASYNC) == 0
            && sys::ioctl(fd, IOC_ENABLE, 0) == 0
        {
            return Some(fd);
        }
        sys::close(fd);
        None
    }
}

/// A timer on the CPU clock of thread `tid`; the kernel checks it at its tick, and counts the signals that it missed as
/// overruns.
pub fn cpu_timer(tid: u32, period_ns: u64) -> Option<usize> {
    const SCHED: c_int = 6;
    let clock = thread_clock(tid, SCHED);
    let mut event =
        sys::sigevent { value: 0, signo: sys::SIGPROF, notify: sys::SIGEV_THREAD_ID, tid: tid as c_int, pad: [0; 11] };
    let mut timer = ptr::null_mut();
    let (sec, nsec) = ((period_ns / 1_000_000_000) as c_long, (period_ns % 1_000_000_000) as c_long);
    let spec = sys::itimerspec { interval_sec: sec, interval_nsec: nsec, value_sec: sec, value_nsec: nsec };
    // SAFETY: all three structures have libc's layout and live through the calls.
    unsafe {
        if sys::timer_create(clock, &mut event, &mut timer) != 0 {
            return None;
        }
        if sys::timer_settime(timer, 0, &spec, ptr::null_mut()) != 0 {
            sys::timer_delete(timer);
            return None;
        }
    }
    Some(timer as usize)
}
