//! New threads, seen as they start: an interposed `pthread_create`.
//!
//! The timed executable has no allocation hook through which a new thread could be noticed, and the CPU sampler must arm each
//! thread by itself. Every call goes on to libc's own function; only while the sampler is armed, or from inside a scope
//! (`scope`), which the new thread inherits, does that thread pass through [`run_errand`].

use std::mem;
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use crate::inherit::{self, Inherited};
use crate::scope::Scope;
use crate::thread::unrecorded;
use crate::{sampler, sys};

/// Waits a little until all other threads sleep. A harness starts threads between benchmarks (criterion's summary of a
/// group starts rayon's), and the allocations of a thread's own start must not count for the next benchmark.
pub fn settle() {
    const PATIENCE: u32 = 50;
    for _ in 0..PATIENCE {
        if others_sleep() {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn others_sleep() -> bool {
    let own = tid().to_string();
    let tasks = match std::fs::read_dir("/proc/self/task") {
        Ok(tasks) => tasks,
        Err(_) => return true,
    };
    tasks.flatten().filter(|task| task.file_name().to_str() != Some(&own)).all(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        // proc_pid_stat(5): the state stands behind the name in parentheses, which may hold any character.
        let state = stat.rfind(')').and_then(|end| stat[end..].chars().nth(2));
        state != Some('R')
    })
}

/// The calling thread's number.
pub fn tid() -> u32 {
    // SAFETY: gettid has no arguments and cannot fail.
    unsafe { sys::syscall(sys::SYS_GETTID) as u32 }
}

/// The name of the thread `tid` in samples and waits: 0 is the process's first, which runs the benches.
pub fn number_of(tid: u32) -> u32 {
    // SAFETY: getpid has no arguments and cannot fail.
    if tid == unsafe { sys::getpid() } as u32 {
        0
    } else {
        tid
    }
}

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(*mut sys::pthread_t, *const sys::pthread_attr_t, Start, *mut c_void) -> c_int;

const EAGAIN: c_int = 11;

#[cfg_attr(target_feature = "crt-static", allow(dead_code))]
static REAL: AtomicUsize = AtomicUsize::new(0);

#[cfg(target_feature = "crt-static")]
fn real() -> Option<Create> {
    // Nothing stands before libc's function, and nothing looks it up.
    Some(sys::pthread_create)
}

#[cfg(not(target_feature = "crt-static"))]
fn real() -> Option<Create> {
    let mut at = REAL.load(Ordering::Relaxed);
    if at == 0 {
        // SAFETY: a NUL-terminated name; RTLD_NEXT is looked up from this executable on.
        at = unsafe { sys::dlsym(sys::RTLD_NEXT, b"pthread_create\0".as_ptr().cast()) } as usize;
        REAL.store(at, Ordering::Relaxed);
    }
    if at == 0 {
        return None;
    }
    // SAFETY: the next `pthread_create` in link order is libc's, of that type.
    Some(unsafe { mem::transmute::<usize, Create>(at) })
}

/// Starts a thread of the recorder's own, which never ends.
///
/// # Safety
/// `start` may be called on a thread of its own, with a null argument.
pub unsafe fn start_unseen(start: Start) -> bool {
    let mut thread = 0;
    match real() {
        Some(create) => create(&mut thread, ptr::null(), start, ptr::null_mut()) == 0,
        None => false,
    }
}

struct Errand {
    start: Start,
    argument: *mut c_void,
    inherited: Option<Inherited>,
}

/// # Safety
/// The same as for pthread_create(3).
#[cfg(not(any(test, target_feature = "crt-static")))]
#[no_mangle]
pub unsafe extern "C" fn pthread_create(
    thread: *mut sys::pthread_t,
    attr: *const sys::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    create(thread, attr, start, argument)
}

#[cfg_attr(any(test, target_feature = "crt-static"), allow(dead_code))]
unsafe fn create(
    thread: *mut sys::pthread_t,
    attr: *const sys::pthread_attr_t,
    start: Start,
    argument: *mut c_void,
) -> c_int {
    let create = match real() {
        Some(create) => create,
        None => return EAGAIN,
    };
    let inherited = inherit::bequeath();
    if inherited.is_none() && !sampler::armed() {
        return create(thread, attr, start, argument);
    }
    let errand = unrecorded(|| Box::into_raw(Box::new(Errand { start, argument, inherited })));
    let answer = create(thread, attr, run_errand, errand.cast());
    if answer != 0 {
        unrecorded(|| drop(Box::from_raw(errand)));
    }
    answer
}

/// The thread may leave by pthread_exit, which unwinds this frame: it calls nothing that could panic, and so has no landing
/// pad that would stop it.
unsafe extern "C" fn run_errand(errand: *mut c_void) -> *mut c_void {
    let (mut start, mut argument) = (run_errand as Start, ptr::null_mut());
    begin(errand, &mut start, &mut argument);
    start(argument)
}

#[inline(never)]
unsafe extern "C" fn begin(errand: *mut c_void, start: &mut Start, argument: &mut *mut c_void) {
    unrecorded(|| {
        let errand = *Box::from_raw(errand as *mut Errand);
        (*start, *argument) = (errand.start, errand.argument);
        if let Some(inherited) = errand.inherited {
            accept(inherited);
        }
        if sampler::armed() {
            sampler::thread_started();
        }
    });
}

/// pthread key plus one, whose destructor runs when a thread that inherited a scope ends; 0 before the first.
static SCOPE_KEY: AtomicU32 = AtomicU32::new(0);

fn accept(inherited: Inherited) {
    static ONE: Mutex<()> = Mutex::new(());
    let mut key = SCOPE_KEY.load(Ordering::Acquire);
    if key == 0 {
        let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        key = SCOPE_KEY.load(Ordering::Acquire);
        let mut made = 0;
        // SAFETY: the destructor is a plain function that lives as long as the process.
        if key == 0 && unsafe { sys::pthread_key_create(&mut made, scope_ends) } == 0 {
            key = made + 1;
            SCOPE_KEY.store(key, Ordering::Release);
        }
    }
    let scope = inherited.accept();
    if key != 0 {
        // SAFETY: the key was made by pthread_key_create.
        unsafe { sys::pthread_setspecific(key - 1, scope.cast()) };
    }
}

unsafe extern "C" fn scope_ends(scope: *mut c_void) {
    inherit::disinherit(scope as *const Scope);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;
    use std::time::Instant;

    #[test]
    fn a_thread_that_has_just_started_is_waited_for() {
        static BEGUN: AtomicBool = AtomicBool::new(false);
        let thread = std::thread::spawn(|| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(10) {}
            BEGUN.store(true, Ordering::SeqCst);
            std::thread::park();
        });
        settle();
        assert!(BEGUN.load(Ordering::SeqCst));
        thread.thread().unpark();
        thread.join().unwrap();
    }
}
