//! The dhat crate as the `#[global_allocator]`, with its profiler running while the bracket is open.

use std::os::raw::c_void;
use std::sync::Mutex;

#[global_allocator]
static MEMPROF_DHAT: dhat::Alloc = dhat::Alloc;

static PROFILER: Mutex<Option<dhat::Profiler>> = Mutex::new(None);

/// libc calls these functions before the main function.
#[used]
#[link_section = ".init_array"]
static BEFORE_MAIN: extern "C" fn() = before_main;

extern "C" {
    /// The runtime's function: sets what it calls around a bracket. cargo builds this crate and has no runtime that it
    /// could depend on.
    fn memprof_rt_around_bracket(open: unsafe extern "C" fn(*const c_void, usize), close: extern "C" fn());
}

extern "C" fn before_main() {
    // SAFETY: the runtime is in the same executable, and only keeps the functions.
    unsafe { memprof_rt_around_bracket(open, close) }
}

/// `path` is UTF-8 text of `length` bytes.
unsafe extern "C" fn open(path: *const c_void, length: usize) {
    let path = std::str::from_utf8(std::slice::from_raw_parts(path as *const u8, length)).unwrap_or("dhat-heap.json");
    let mut profiler = PROFILER.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    *profiler = Some(dhat::Profiler::builder().file_name(path).build());
}

extern "C" fn close() {
    // Dropping it writes its file.
    drop(PROFILER.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take());
}
