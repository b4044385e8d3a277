//! The way into the recorder, and out of it.

use std::sync::atomic::{compiler_fence, fence, Ordering};

use crate::bracket::{FENCED, RECORDING, SCOPED};
use crate::mark::Mark;
use crate::thread::{self, ThreadState};

/// Why there is nothing to record.
pub enum Refused {
    /// The allocation is not the user's but the recorder's own or that of an allocator that allocates, or there is no
    /// memory for a state.
    Never,
    /// The bracket that had these flags is over, or has begun.
    Changed,
}

/// This thread's state, busy until [`leave`] with the same mark. `flags` are a bracket's, without [`SCOPED`].
#[inline(always)]
pub fn enter(flags: u32, mark: &Mark) -> Result<&'static ThreadState, Refused> {
    let state = match thread::current() {
        Some(state) => state,
        None => {
            thread::lose();
            return Err(Refused::Never);
        }
    };
    let at = mark.set();
    if state.busy() && !state.has_left(at) {
        return Err(Refused::Never);
    }
    if is_in(flags, state, at) {
        return Ok(state);
    }
    leave(state, mark);
    Err(Refused::Changed)
}

/// Like [`enter`], where that needs no more than a look; `None` decides nothing.
#[inline(always)]
pub fn enter_at_once(flags: u32, mark: &Mark) -> Option<&'static ThreadState> {
    let state = thread::known().filter(|state| !state.busy())?;
    if is_in(flags, state, mark.set()) {
        return Some(state);
    }
    leave(state, mark);
    None
}

/// Goes in. False if the bracket that had these flags is over, or has begun.
#[inline(always)]
fn is_in(flags: u32, state: &ThreadState, at: usize) -> bool {
    state.set_busy(at);
    // For a signal's handler on this thread, which the compiler cannot see, and for `barrier::wait_for_recorders`.
    compiler_fence(Ordering::SeqCst);
    if flags & FENCED != 0 {
        fence(Ordering::SeqCst);
    }
    // Checked again: a thread that closed the bracket meanwhile may have found this thread idle, and no longer count.
    // Acquire: from here on this thread sees the writes of the bracket's opener before it.
    RECORDING.load(Ordering::Acquire) & !SCOPED == flags
}

#[inline(always)]
pub fn leave(state: &ThreadState, mark: &Mark) {
    compiler_fence(Ordering::SeqCst);
    mark.keep();
    state.set_busy(0);
}
