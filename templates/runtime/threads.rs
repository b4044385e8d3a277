//! New threads, seen as they start: an interposed `pthread_create`.
//!
//! The timed executable has no allocation hook through which a new thread could be noticed, and the CPU sampler must arm each
//! thread by itself. Every call goes on to libc's own function; only while the sampler is armed does the new thread pass
//! through [`start`].

use std::mem;
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::{sampler, sys};

type Start = unsafe extern "C" fn(*mut c_void) -> *mut c_void;
type Create = unsafe extern "C" fn(*mut sys::pthread_t, *const sys::pthread_attr_t, Start, *mut c_void) -> c_int;

const EAGAIN: c_int = 11;

static REAL: AtomicUsize = AtomicUsize::new(0);

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

struct Errand {
    start: Start,
    argument: *mut c_void,
}

/// # Safety
/// As pthread_create(3).
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
    if !sampler::armed() {
        return create(thread, attr, start, argument);
    }
    let errand = Box::into_raw(Box::new(Errand { start, argument }));
    let answer = create(thread, attr, run_errand, errand.cast());
    if answer != 0 {
        drop(Box::from_raw(errand));
    }
    answer
}

/// The thread may leave by pthread_exit, which unwinds this frame: it calls nothing that could panic, and so has no landing
/// pad that would stop it.
unsafe extern "C" fn run_errand(errand: *mut c_void) -> *mut c_void {
    let mut begun = Errand { start: run_errand, argument: ptr::null_mut() };
    begin(errand, &mut begun);
    (begun.start)(begun.argument)
}

#[inline(never)]
unsafe extern "C" fn begin(errand: *mut c_void, out: &mut Errand) {
    *out = *Box::from_raw(errand as *mut Errand);
    sampler::thread_started();
}
