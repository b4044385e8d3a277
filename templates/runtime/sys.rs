//! The few declarations of libc that the runtime needs, for 64-bit Linux. Written out so that no crate has to be linked.
#![allow(non_camel_case_types)]

use std::fs::File;
use std::os::raw::{c_char, c_int, c_long, c_uint, c_void};
use std::os::unix::fs::FileExt;

use crate::arch::SYS_MEMBARRIER;
pub use crate::arch::{raw_syscall, SYS_GETTID, SYS_PERF_EVENT_OPEN, SYS_RT_SIGPROCMASK, SYS_TGKILL};

pub type pthread_t = usize;
pub type pthread_key_t = c_uint;

pub const PROT_READ: c_int = 1;
pub const PROT_WRITE: c_int = 2;
pub const MAP_PRIVATE: c_int = 2;
pub const MAP_ANONYMOUS: c_int = 0x20;
pub const MAP_NORESERVE: c_int = 0x4000;

pub const MADV_DONTNEED: c_int = 4;

pub const RLIMIT_NOFILE: c_int = 7;

pub const SIGPROF: c_int = 27;
pub const SA_SIGINFO: c_int = 4;
pub const SA_RESTART: c_int = 0x1000_0000;
pub const SA_ONSTACK: c_int = 0x0800_0000;

pub const MEMBARRIER_PRIVATE_EXPEDITED: c_long = 1 << 3;
pub const MEMBARRIER_REGISTER_PRIVATE_EXPEDITED: c_long = 1 << 4;

pub const CLOCK_MONOTONIC: c_int = 1;
pub const CLOCK_PROCESS_CPUTIME_ID: c_int = 2;
pub const CLOCK_THREAD_CPUTIME_ID: c_int = 3;
/// The time of the last tick: only memory is read. Strict seccomp forbids the instruction that a precise clock reads.
pub const CLOCK_MONOTONIC_COARSE: c_int = 6;

pub const RTLD_NEXT: *mut c_void = -1isize as *mut c_void;

#[repr(C)]
pub struct dl_phdr_info {
    pub dlpi_addr: u64,
    pub dlpi_name: *const c_char,
    pub dlpi_phdr: *const Elf64_Phdr,
    pub dlpi_phnum: u16,
    /// How many objects came and went so far; valid if the reported size reaches this far.
    pub dlpi_adds: u64,
    pub dlpi_subs: u64,
}

#[repr(C)]
pub struct Elf64_Phdr {
    pub p_type: u32,
    pub p_flags: u32,
    pub p_offset: u64,
    pub p_vaddr: u64,
    pub p_paddr: u64,
    pub p_filesz: u64,
    pub p_memsz: u64,
    pub p_align: u64,
}

pub const PT_LOAD: u32 = 1;
pub const PT_NOTE: u32 = 4;
pub const PT_GNU_EH_FRAME: u32 = 0x6474_e550;
pub const PF_X: u32 = 1;

/// glibc's and musl's pthread_attr_t both fit.
#[repr(C, align(8))]
pub struct pthread_attr_t(pub [u8; 64]);

#[repr(C)]
pub struct sigset_t(pub [u64; 16]);

#[repr(C)]
pub struct sigaction_t {
    pub handler: usize,
    pub mask: sigset_t,
    pub flags: c_int,
    pub restorer: usize,
}

#[repr(C)]
pub struct rlimit {
    pub soft: u64,
    pub hard: u64,
}

#[repr(C)]
pub struct itimerspec {
    pub interval_sec: c_long,
    pub interval_nsec: c_long,
    pub value_sec: c_long,
    pub value_nsec: c_long,
}

#[repr(C)]
pub struct timespec {
    pub sec: c_long,
    pub nsec: c_long,
}

/// Times first, then 14 counts, of which the last two are the switches.
#[repr(C)]
pub struct rusage {
    pub times: [c_long; 4],
    pub counts: [c_long; 14],
}

/// struct sigevent with SIGEV_THREAD_ID; 64 bytes.
#[repr(C)]
pub struct sigevent {
    pub value: usize,
    pub signo: c_int,
    pub notify: c_int,
    pub tid: c_int,
    pub pad: [c_int; 11],
}

pub const SIGEV_THREAD_ID: c_int = 4;

extern "C" {
    pub fn mmap(addr: *mut c_void, len: usize, prot: c_int, flags: c_int, fd: c_int, off: i64) -> *mut c_void;
    pub fn munmap(addr: *mut c_void, len: usize) -> c_int;
    pub fn madvise(addr: *mut c_void, len: usize, advice: c_int) -> c_int;
    pub fn mincore(addr: *mut c_void, len: usize, pages: *mut u8) -> c_int;
    pub fn syscall(number: c_long, ...) -> c_long;
    pub fn clock_gettime(clock: c_int, time: *mut timespec) -> c_int;
    /// Finds nothing where the file has the setuid bit: who starts such a program must not govern it.
    #[link_name = "secure_getenv"]
    pub fn getenv(name: *const c_char) -> *const c_char;
    pub fn getrusage(of: c_int, usage: *mut rusage) -> c_int;
    pub fn getpid() -> c_int;
    pub fn memfd_create(name: *const c_char, flags: c_int) -> c_int;
    pub fn prctl(option: c_int, ...) -> c_int;
    #[cfg(target_feature = "crt-static")]
    pub fn pthread_create(
        thread: *mut pthread_t,
        attr: *const pthread_attr_t,
        start: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> c_int;
    pub fn atexit(handler: extern "C" fn()) -> c_int;
    pub fn sched_yield() -> c_int;
    fn sysconf(name: c_int) -> c_long;
    fn sigaltstack(new: *const stack_t, old: *mut stack_t) -> c_int;
    pub fn __errno_location() -> *mut c_int;
    pub fn dl_iterate_phdr(
        callback: unsafe extern "C" fn(*mut dl_phdr_info, usize, *mut c_void) -> c_int,
        data: *mut c_void,
    ) -> c_int;
    pub fn dlsym(handle: *mut c_void, name: *const c_char) -> *mut c_void;
    #[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
    pub fn pthread_tryjoin_np(thread: pthread_t, value: *mut *mut c_void) -> c_int;
    pub fn pthread_self() -> pthread_t;
    pub fn pthread_getattr_np(thread: pthread_t, attr: *mut pthread_attr_t) -> c_int;
    pub fn pthread_attr_getstack(attr: *const pthread_attr_t, addr: *mut *mut c_void, size: *mut usize) -> c_int;
    pub fn pthread_attr_destroy(attr: *mut pthread_attr_t) -> c_int;
    pub fn pthread_key_create(key: *mut pthread_key_t, destructor: unsafe extern "C" fn(*mut c_void)) -> c_int;
    pub fn pthread_setspecific(key: pthread_key_t, value: *const c_void) -> c_int;
    pub fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
    pub fn getrlimit(resource: c_int, limit: *mut rlimit) -> c_int;
    pub fn sigaction(signal: c_int, act: *const sigaction_t, old: *mut sigaction_t) -> c_int;
    pub fn fcntl(fd: c_int, cmd: c_int, ...) -> c_int;
    pub fn ioctl(fd: c_int, request: std::os::raw::c_ulong, ...) -> c_int;
    pub fn close(fd: c_int) -> c_int;
    pub fn read(fd: c_int, to: *mut c_void, len: usize) -> isize;
    pub fn timer_create(clock: c_int, event: *mut sigevent, timer: *mut *mut c_void) -> c_int;
    pub fn timer_settime(timer: *mut c_void, flags: c_int, new: *const itimerspec, old: *mut itimerspec) -> c_int;
    pub fn timer_delete(timer: *mut c_void) -> c_int;
}

/// Context switches of this process so far.
pub struct Usage {
    pub voluntary: c_long,
    pub involuntary: c_long,
}

pub fn usage() -> Usage {
    const RUSAGE_SELF: c_int = 0;
    let mut usage = rusage { times: [0; 4], counts: [0; 14] };
    // SAFETY: writes the structure, no more.
    unsafe { getrusage(RUSAGE_SELF, &mut usage) };
    Usage { voluntary: usage.counts[12], involuntary: usage.counts[13] }
}

/// The scheduler's account of one thread.
pub struct Schedule(File);

impl Schedule {
    /// Of the calling thread; `None` if the kernel keeps none.
    pub fn own() -> Option<Schedule> {
        File::open("/proc/thread-self/schedstat").ok().map(Schedule)
    }

    /// `TIME_ON_PROCESSOR DELAY TIMESLICES` of now, in nanoseconds (the kernel's Documentation/scheduler/sched-stats.rst).
    pub fn read<'a>(&self, text: &'a mut [u8; 80]) -> Option<&'a [u8]> {
        let len = self.0.read_at(text, 0).ok()?;
        text.get(..len)
    }
}

/// Nanoseconds of a clock; 0 if it does not exist. Async-signal-safe.
pub fn clock(clock: c_int) -> u64 {
    let mut time = timespec { sec: 0, nsec: 0 };
    // SAFETY: writes the structure, no more.
    unsafe { clock_gettime(clock, &mut time) };
    time.sec as u64 * 1_000_000_000 + time.nsec as u64
}

/// Whether the word at `address` can be read: the kernel is asked to copy it as a signal set, and to do nothing with it.
/// Async-signal-safe, and errno is kept.
pub fn readable(address: u64) -> bool {
    const NO_SUCH_CHANGE: c_long = -1;
    const EFAULT: c_int = 14;
    // SAFETY: with an impossible way of changing the mask the call only reads the eight bytes, or says that it cannot.
    unsafe {
        let errno = *__errno_location();
        syscall(SYS_RT_SIGPROCMASK, NO_SUCH_CHANGE, address & !7, 0 as c_long, 8 as c_long);
        let answer = *__errno_location();
        *__errno_location() = errno;
        answer != EFAULT
    }
}

/// membarrier(2). False if the kernel refuses: it is too old, or a system call filter forbids it.
pub fn membarrier(command: c_long) -> bool {
    // SAFETY: membarrier(2) touches no memory.
    unsafe { syscall(SYS_MEMBARRIER, command, 0 as c_long, 0 as c_long) == 0 }
}

#[repr(C)]
struct stack_t {
    sp: *mut c_void,
    flags: c_int,
    size: usize,
}

/// Whether the calling thread has an alternate stack for signals.
pub fn has_signal_stack() -> bool {
    const SS_DISABLE: c_int = 2;
    let mut old = stack_t { sp: std::ptr::null_mut(), flags: 0, size: 0 };
    // SAFETY: asks only; there is room for the answer.
    unsafe { sigaltstack(std::ptr::null(), &mut old) == 0 && old.flags & SS_DISABLE == 0 }
}

/// Bytes of a page: up to 64 KiB.
pub fn page_size() -> usize {
    const SC_PAGESIZE: c_int = 30;
    // SAFETY: asks for a number.
    unsafe { sysconf(SC_PAGESIZE) as usize }
}

/// Nanoseconds of the monotonic clock. Async-signal-safe.
pub fn now() -> u64 {
    clock(CLOCK_MONOTONIC)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_says_what_can_be_read() {
        let word = 7u64;
        assert!(readable(&word as *const u64 as u64));
        assert!(!readable(8));
        // SAFETY: a fresh mapping that no code may read.
        let closed = unsafe { mmap(std::ptr::null_mut(), 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
        assert!(!readable(closed as u64));
    }
}
