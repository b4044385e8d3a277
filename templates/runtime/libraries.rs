//! dlopen and dlclose, followed by `places`: functions of their names in the executable take precedence over libc's.

use std::os::raw::{c_char, c_int, c_void};
use std::slice;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::Duration;

use crate::objects::Object;
use crate::shared::{self, word};
use crate::{block, fork, places, rules, sys, thread};

type Open = unsafe extern "C" fn(*const c_char, c_int) -> *mut c_void;
type Close = unsafe extern "C" fn(*mut c_void) -> c_int;

static REAL_OPEN: AtomicUsize = AtomicUsize::new(0);
static REAL_CLOSE: AtomicUsize = AtomicUsize::new(0);

/// The next function of that name in link order, libc's; 0 where there is none.
fn real(known: &AtomicUsize, name: &[u8]) -> usize {
    let mut at = known.load(Ordering::Relaxed);
    if at == 0 {
        // SAFETY: the name ends with a NUL.
        at = unsafe { sys::dlsym(sys::RTLD_NEXT, name.as_ptr().cast()) } as usize;
        known.store(at, Ordering::Relaxed);
    }
    at
}

fn real_open() -> usize {
    real(&REAL_OPEN, b"dlopen\0")
}

fn followed() -> bool {
    places::followed() && !fork::is_child()
}

crate::arch::dlopen!(crate::libraries::opener);

/// The function that opens for this caller: `arch` has the beginning of dlopen itself.
pub extern "C" fn opener(caller: u64) -> usize {
    match real_open() {
        0 => none as Open as usize,
        _ if followed() && places::is_in_executable(caller) => open as Open as usize,
        real => real,
    }
}

unsafe extern "C" fn none(_: *const c_char, _: c_int) -> *mut c_void {
    std::ptr::null_mut()
}

unsafe extern "C" fn open(path: *const c_char, flags: c_int) -> *mut c_void {
    // Not 0, as `opener` saw: libc's, of that type.
    let library = std::mem::transmute::<usize, Open>(real_open())(path, flags);
    if !library.is_null() {
        thread::unrecorded(|| await_tables(&places::tell()));
    }
    library
}

/// Waits for the tool to make the tables of what was opened, so that stacks through it are whole from the beginning.
fn await_tables(objects: &[Object]) {
    /// Without an answer by then, its stacks are cut.
    const PATIENCE: u32 = 2_000;
    static ONE: Mutex<()> = Mutex::new(());
    let asked = |place: usize| shared::word(place).map_or(0, |word| word.load(Ordering::Acquire));
    let room = asked(word::LIBRARIES);
    if room == 0 {
        return;
    }
    let _own = block::own();
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let wanted = asked(word::WANTED_LIBRARIES) + 1;
    shared::set(word::WANTED_LIBRARIES, wanted);
    for _ in 0..PATIENCE {
        if asked(word::DONE_LIBRARIES) == wanted {
            let (at, len) = (asked(word::LIBRARY_AT), asked(word::LIBRARY_LEN) as usize);
            if len > 0 {
                // SAFETY: the room has as many bytes, which the tool has written and does not change again.
                rules::add(unsafe { slice::from_raw_parts(shared::at(room + at), len) }, objects);
            }
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    // There is no tool any more: the next library is not waited for.
    shared::set(word::LIBRARIES, 0);
}

/// dlclose(3), followed.
///
/// # Safety
/// The same as for dlclose(3).
#[no_mangle]
pub unsafe extern "C" fn dlclose(library: *mut c_void) -> c_int {
    let real = real(&REAL_CLOSE, b"dlclose\0");
    if real == 0 {
        return -1;
    }
    // libc's, of that type.
    let close = std::mem::transmute::<usize, Close>(real);
    if !followed() {
        return close(library);
    }
    places::closing();
    let answer = close(library);
    places::closed();
    answer
}
