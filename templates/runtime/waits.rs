//! libc's functions that wait, noted by `block`: functions of their names in the executable take precedence over libc's.

use std::os::raw::{c_int, c_long, c_void};
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::arch::SYS_FUTEX;
use crate::block::{ended, note, since, wanted};
use crate::sys::{self, now};

const FUTEX_WAIT: c_long = 0;
const FUTEX_WAIT_BITSET: c_long = 9;
/// Without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME.
const FUTEX_COMMAND: c_long = 127;

/// syscall(2), with futex waits noted.
///
/// # Safety
/// The same as for syscall(2). C declares it with a variable number of arguments, all of them words: they come in the
/// same places as here, and the kernel does not look at those that the caller left out.
#[no_mangle]
pub unsafe extern "C" fn syscall(
    number: c_long,
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
) -> c_long {
    let command = b & FUTEX_COMMAND;
    let waits = number == SYS_FUTEX && (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET);
    let begun = if waits && wanted() { now() } else { 0 };
    let answer = sys::raw_syscall(number, [a, b, c, d, e, f]);
    if begun != 0 {
        ended(a, begun, answer);
    }
    if (-4095..0).contains(&answer) {
        *sys::__errno_location() = -answer as c_int;
        return -1;
    }
    answer
}

type Join = unsafe extern "C" fn(sys::pthread_t, *mut *mut c_void) -> c_int;
static REAL_JOIN: AtomicUsize = AtomicUsize::new(0);

/// pthread_join(3), noted.
///
/// # Safety
/// The same as for pthread_join(3).
#[no_mangle]
pub unsafe extern "C" fn pthread_join(thread: sys::pthread_t, value: *mut *mut c_void) -> c_int {
    const ESRCH: c_int = 3;
    const EBUSY: c_int = 16;
    let mut at = REAL_JOIN.load(Ordering::Relaxed);
    if at == 0 {
        at = sys::dlsym(sys::RTLD_NEXT, b"pthread_join\0".as_ptr().cast()) as usize;
        REAL_JOIN.store(at, Ordering::Relaxed);
    }
    if at == 0 {
        return ESRCH;
    }
    // The next `pthread_join` in link order is libc's, of that type.
    let join = std::mem::transmute::<usize, Join>(at);
    if !wanted() {
        return join(thread, value);
    }
    // Nobody waits for a thread that has ended.
    let answer = sys::pthread_tryjoin_np(thread, value);
    if answer != EBUSY {
        return answer;
    }
    let begun = now();
    let answer = join(thread, value);
    note(since(begun));
    answer
}
