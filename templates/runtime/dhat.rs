//! Another profiler: it is started when the bracket opens, and stopped when it closes.
//!
//! Only the executable with the dhat crate in it has such a profiler.

use std::os::raw::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;

type Open = unsafe extern "C" fn(*const c_void, usize);
type Close = extern "C" fn();

static AROUND: Mutex<Option<(Open, Close)>> = Mutex::new(None);
static FILE: Mutex<String> = Mutex::new(String::new());
static IS_OPEN: AtomicBool = AtomicBool::new(false);

/// The profiler names the functions to call. Its crate knows this function by its plain name.
#[no_mangle]
pub extern "C" fn memprof_rt_around_bracket(open: Open, close: Close) {
    *AROUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some((open, close));
}

/// True if a profiler is linked in; its next recording goes to `file`.
pub fn record_to(file: String) -> bool {
    *FILE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = file;
    AROUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).is_some()
}

pub fn open() {
    let around = *AROUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let (Some((open, _)), false) = (around, IS_OPEN.swap(true, Ordering::SeqCst)) {
        let file = FILE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // SAFETY: the function reads that many bytes, and keeps none.
        unsafe { open(file.as_ptr() as *const c_void, file.len()) }
    }
}

pub fn close() {
    let around = *AROUND.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let (Some((_, close)), true) = (around, IS_OPEN.swap(false, Ordering::SeqCst)) {
        close()
    }
}
