//! CPU samples: each running thread is interrupted this many times a second of its own CPU time, and its stack is
//! walked from the interrupted registers.
//!
//! perf_event's software clock if the kernel permits it (with kernel time, else user time only), else per-thread CPU
//! timers with their overruns. Samples count only while a bracket is open.

use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use crate::arch::Registers;
use crate::attend;
use crate::buffer::{Buffer, Taken};
use crate::fork;
use crate::interrupted;
use crate::interrupts::{cpu_timer, perf_event, Clocks};
use crate::labels;
use crate::shared::{self, word};
use crate::sys;
use crate::threads;
use crate::witness::Witness;

/// How the threads are interrupted; the number goes into the records.
pub const PERF: u32 = 1;
pub const PERF_USER_ONLY: u32 = 2;
pub const TIMERS: u32 = 3;

static ARMED: AtomicBool = AtomicBool::new(false);
static METHOD: AtomicU32 = AtomicU32::new(0);
static PERIOD_NS: AtomicU64 = AtomicU64::new(0);

/// Each amount is a number of signals.
static SAMPLES: Buffer = Buffer::new();
/// Threads with a timer, though others have a perf descriptor.
static BY_TIMER: AtomicU64 = AtomicU64::new(0);
/// The number of open perf descriptors, and its limit: the user wants to open files, too.
static OPEN: AtomicUsize = AtomicUsize::new(0);
static MOST_OPEN: AtomicUsize = AtomicUsize::new(0);
/// Threads that run without being interrupted.
static UNARMED: AtomicU64 = AtomicU64::new(0);
/// pthread key plus one, whose destructor runs when a thread ends, however it ends; 0 before the first [`arm`].
static EXIT_KEY: AtomicU32 = AtomicU32::new(0);

/// Signals of perf descriptors that arrived, in a bracket or not.
static CAME: AtomicU64 = AtomicU64::new(0);
/// Signals that were due to threads that have ended since.
static ENDED_DUE: AtomicU64 = AtomicU64::new(0);

/// The source of a thread's interrupts.
enum Event {
    Perf {
        fd: c_int,
        /// The thread's time when it was armed.
        begun: Clocks,
    },
    Timer(usize),
}

/// A thread that is interrupted.
struct Armed {
    tid: u32,
    event: Event,
}

/// The maximal number of threads.
const MOST: usize = 4096;
/// Signal handlers do not touch them; only arming and disarming do.
static THREADS: Mutex<Vec<Armed>> = Mutex::new(Vec::new());

fn threads() -> MutexGuard<'static, Vec<Armed>> {
    THREADS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

pub fn armed() -> bool {
    ARMED.load(Ordering::Relaxed) && !fork::is_marked_child()
}

fn tid() -> u32 {
    threads::tid()
}

/// Gets ready to interrupt threads. False if that cannot be done.
pub fn prepare() -> bool {
    if interrupted::is_prepared() {
        return true;
    }
    if !interrupted::prepare() || !install_handler() {
        return false;
    }
    let mut key = 0;
    // SAFETY: the destructor is a plain function that lives as long as the process.
    if unsafe { sys::pthread_key_create(&mut key, thread_ended) } == 0 {
        EXIT_KEY.store(key + 1, Ordering::Relaxed);
    }
    true
}

/// Arms every thread that lives, and from now on every new one, `hz` times a second of its CPU time. False if nothing
/// works.
pub fn arm(hz: u32) -> bool {
    if !SAMPLES.prepare() || !prepare() || !has_signal() {
        return false;
    }
    PERIOD_NS.store(1_000_000_000 / u64::from(hz.max(1)), Ordering::Relaxed);
    interrupted::know_own();
    // A program's descriptors are its own: it is sampled by timers, which take none.
    METHOD.store(if shared::is_open() { TIMERS } else { 0 }, Ordering::Relaxed);
    let mut limit = sys::rlimit { soft: 0, hard: 0 };
    // SAFETY: the structure has libc's layout.
    unsafe { sys::getrlimit(sys::RLIMIT_NOFILE, &mut limit) };
    MOST_OPEN.store((limit.soft / 4).min(MOST as u64) as usize, Ordering::Relaxed);
    for counter in [&UNARMED, &BY_TIMER, &CAME, &ENDED_DUE] {
        counter.store(0, Ordering::Relaxed);
    }
    {
        let mut threads = threads();
        // New threads, which may start inside a bracket, must not allocate for it.
        threads.reserve(MOST);
        ARMED.store(true, Ordering::SeqCst);
        arm_thread(&mut threads, tid());
    }
    match std::fs::read_dir("/proc/self/task") {
        Ok(tasks) => {
            for task in tasks.flatten() {
                if let Some(tid) = task.file_name().to_str().and_then(|name| name.parse().ok()) {
                    arm_thread(&mut threads(), tid);
                }
            }
        }
        // There may be threads besides this one.
        Err(_) => drop(UNARMED.fetch_add(1, Ordering::Relaxed)),
    }
    METHOD.load(Ordering::Relaxed) != 0
}

/// Stops interrupting all threads; returns how many signals the kernel owes. A pending or blocked signal absorbs those
/// that follow, and the kernel holds back signals that are too frequent; it reports neither. (A timer counts those
/// itself.)
pub fn disarm() -> u64 {
    let mut threads = threads();
    ARMED.store(false, Ordering::SeqCst);
    let due = threads.iter().map(Armed::due).sum::<u64>() + ENDED_DUE.swap(0, Ordering::Relaxed);
    threads.drain(..).for_each(|thread| thread.event.close());
    due.saturating_sub(CAME.load(Ordering::Relaxed))
}

/// A thread started while the sampler is armed; called on that thread.
pub fn thread_started() {
    interrupted::know_own();
    {
        let mut threads = threads();
        // A thread of the same number may have ended without notice: one that lived before the sampler was armed.
        remove(&mut threads, tid());
        arm_thread(&mut threads, tid());
    }
    let key = EXIT_KEY.load(Ordering::Relaxed);
    if key != 0 {
        // SAFETY: the key was made by pthread_key_create; any value but null has the destructor called.
        unsafe { sys::pthread_setspecific(key - 1, 1 as *const c_void) };
    }
}

/// The calling thread is about to end, by returning or by pthread_exit.
unsafe extern "C" fn thread_ended(_: *mut c_void) {
    if !armed() {
        return;
    }
    remove(&mut threads(), tid());
}

/// A fork's child has no timers and no use for them. It must not take the lock: another thread of its parent may have
/// held it.
pub fn switch_off() {
    ARMED.store(false, Ordering::SeqCst);
}

fn remove(threads: &mut Vec<Armed>, tid: u32) {
    while let Some(at) = threads.iter().position(|thread| thread.tid == tid) {
        let thread = threads.swap_remove(at);
        ENDED_DUE.fetch_add(thread.due(), Ordering::Relaxed);
        thread.event.close();
    }
}

/// Arranges for the thread's interrupts, unless it has them already or the sampler has been disarmed meanwhile.
fn arm_thread(threads: &mut Vec<Armed>, tid: u32) {
    if !armed() || attend::is(tid) || threads.iter().any(|thread| thread.tid == tid) {
        return;
    }
    if threads.len() == MOST {
        UNARMED.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let (method, period) = (METHOD.load(Ordering::Relaxed), PERIOD_NS.load(Ordering::Relaxed));
    for &attempt in [PERF, PERF_USER_ONLY, TIMERS].iter().filter(|&&m| method == 0 || m == method || m == TIMERS) {
        let event = match attempt {
            TIMERS => cpu_timer(tid, period).map(Event::Timer),
            // A timer takes no descriptor.
            _ if OPEN.load(Ordering::Relaxed) >= MOST_OPEN.load(Ordering::Relaxed) => None,
            _ => {
                perf_event(tid, period, attempt == PERF_USER_ONLY).map(|fd| Event::Perf { fd, begun: Clocks::of(tid) })
            }
        };
        if let Some(event) = event {
            match event {
                Event::Perf { .. } => drop(OPEN.fetch_add(1, Ordering::Relaxed)),
                Event::Timer(_) if method != TIMERS && method != 0 => drop(BY_TIMER.fetch_add(1, Ordering::Relaxed)),
                Event::Timer(_) => (),
            }
            if method == 0 {
                METHOD.store(attempt, Ordering::Relaxed);
            }
            threads.push(Armed { tid, event });
            return;
        }
    }
    // SAFETY: signal 0 is none: it only asks whether there is such a thread.
    if unsafe { sys::syscall(sys::SYS_TGKILL, sys::getpid(), tid as c_int, 0 as c_int) } == 0 {
        // The thread has not just ended.
        UNARMED.fetch_add(1, Ordering::Relaxed);
    }
}

impl Armed {
    /// The least number of signals that the thread should have had, by the time that it has run; 0 if nothing tells
    /// that time.
    fn due(&self) -> u64 {
        let (fd, begun) = match self.event {
            Event::Perf { fd, begun } => (fd, begun),
            Event::Timer(_) => return 0,
        };
        let mut ns = 0u64;
        // SAFETY: `ns` has room for the eight bytes that a perf descriptor gives.
        if unsafe { sys::read(fd, (&mut ns as *mut u64).cast(), 8) } != 8 {
            return 0;
        }
        let due = ns as f64 / PERIOD_NS.load(Ordering::Relaxed).max(1) as f64;
        if METHOD.load(Ordering::Relaxed) == PERF {
            return due as u64;
        }
        // No signal is due for time in the kernel. The kernel, too, knows that time only by samples, those of its tick.
        let now = Clocks::of(self.tid);
        let (user, all) = (now.user.saturating_sub(begun.user) as f64, now.all.saturating_sub(begun.all) as f64);
        if all == 0.0 {
            return 0;
        }
        let share = (user / all).min(1.0);
        (due * share - 3.0 * (2.0 * due * share * (1.0 - share)).sqrt()) as u64
    }
}

impl Event {
    fn close(self) {
        // SAFETY: the descriptor or timer was made by `arm_thread`, and is this event's alone.
        unsafe {
            match self {
                Event::Perf { fd, .. } => {
                    sys::close(fd);
                    OPEN.fetch_sub(1, Ordering::Relaxed);
                }
                Event::Timer(timer) => drop(sys::timer_delete(timer as *mut c_void)),
            };
        }
    }
}

fn handler() -> usize {
    on_signal as unsafe extern "C" fn(c_int, *const u8, *const u8) as usize
}

/// Whether the signal is still ours: a program may use it itself.
pub fn has_signal() -> bool {
    let mut now = sys::sigaction_t { handler: 0, mask: sys::sigset_t([0; 16]), flags: 0, restorer: 0 };
    // SAFETY: only asks; the structure has libc's layout.
    unsafe { sys::sigaction(sys::SIGPROF, ptr::null(), &mut now) == 0 && now.handler == handler() }
}

fn install_handler() -> bool {
    let action = sys::sigaction_t {
        handler: handler(),
        mask: sys::sigset_t([0; 16]),
        // On the thread's alternate stack, if it has one: the interrupted one may be small, or nearly full.
        flags: sys::SA_SIGINFO | sys::SA_RESTART | sys::SA_ONSTACK,
        restorer: 0,
    };
    // SAFETY: the handler only does things allowed in a signal handler: no allocation, no lock, errno kept.
    unsafe { sys::sigaction(sys::SIGPROF, &action, ptr::null_mut()) == 0 }
}

unsafe extern "C" fn on_signal(_signal: c_int, info: *const u8, context: *const u8) {
    // siginfo_t: si_code at 8; of a timer's, si_overrun at 20.
    const SI_TIMER: c_int = -2;
    const SI_TKILL: c_int = -6;
    let code = *(info.add(8) as *const c_int);
    if code == SI_TKILL && !fork::is_marked_child() {
        let errno = *sys::__errno_location();
        attend::show(Registers::interrupted(context));
        *sys::__errno_location() = errno;
        return;
    }
    if !armed() {
        return;
    }
    let of_timer = code == SI_TIMER;
    if !of_timer {
        CAME.fetch_add(1, Ordering::Relaxed);
    }
    let _witness = match Witness::of_open_bracket() {
        Some(witness) => witness,
        None => return,
    };
    let errno = *sys::__errno_location();
    let overrun = if of_timer { *(info.add(20) as *const c_int) } else { 0 };
    sample(Registers::interrupted(context), 1 + overrun.max(0) as u64);
    *sys::__errno_location() = errno;
}

fn sample(at: Registers, count: u64) {
    let walked = interrupted::walk(at, |addresses, whole, thread| {
        let written = shared::SAMPLES.write(count, addresses, whole, thread);
        if (!written || SHARED.load(Ordering::SeqCst)) && !SAMPLES.write(count, addresses, whole, labels::with(thread))
        {
            SAMPLES.lose(count);
        }
    });
    if !walked {
        SAMPLES.lose(count);
        shared::SAMPLES.lose(count);
    }
}

/// The samples that the tool takes are for the program, too.
static SHARED: AtomicBool = AtomicBool::new(false);

/// Begins or ends that. False if there is no memory.
pub fn share(shared: bool) -> bool {
    SHARED.store(false, Ordering::SeqCst);
    let ready = !shared || SAMPLES.prepare();
    SHARED.store(shared && ready, Ordering::SeqCst);
    ready
}

/// Drops the samples of a timing loop whose time is void. No bracket is open.
pub fn forget() {
    SAMPLES.forget();
}

/// Takes the samples. No bracket is open.
pub fn take() -> Taken {
    SAMPLES.take()
}

/// Tells the tool how the threads were armed.
pub fn tell_arms(armed: bool) {
    let arms = arms();
    let method = if armed { u64::from(arms.method) } else { 0 };
    for (place, value) in [(word::METHOD, method), (word::PERIOD, arms.period_ns), (word::UNARMED, arms.unarmed)] {
        shared::set(place, value);
    }
}

/// How the threads were last armed.
pub struct Arms {
    pub method: u32,
    pub period_ns: u64,
    /// Threads that could not be armed.
    pub unarmed: u64,
    /// Threads that have a timer, though others have a perf descriptor.
    pub by_timer: u64,
}

pub fn arms() -> Arms {
    Arms {
        method: METHOD.load(Ordering::Relaxed),
        period_ns: PERIOD_NS.load(Ordering::Relaxed),
        unarmed: UNARMED.load(Ordering::Relaxed),
        by_timer: BY_TIMER.load(Ordering::Relaxed),
    }
}
