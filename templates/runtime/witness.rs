//! Writers of data about the open bracket, which other threads read after its end.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::bracket::OPEN;
use crate::fork;

/// See [`Witness`].
static WITNESSES: AtomicU32 = AtomicU32::new(0);

/// A writer, on any thread, of data about the open bracket. The reader waits until there is none.
pub struct Witness(());

impl Witness {
    /// `None` if no bracket is open. Allowed in a signal's handler.
    pub fn of_open_bracket() -> Option<Witness> {
        WITNESSES.fetch_add(1, Ordering::SeqCst);
        let witness = Witness(());
        // Raised first: a thread that closes the bracket and then finds no witness has seen all there will be.
        if OPEN.load(Ordering::SeqCst) && !fork::is_marked_child() {
            Some(witness)
        } else {
            None
        }
    }

    /// Waits until no thread writes any more. No bracket is open.
    pub fn wait_for_all() {
        // Those of a fork's parent will never finish.
        while WITNESSES.load(Ordering::SeqCst) != 0 && !fork::is_marked_child() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        WITNESSES.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Those of a fork's parent do not live in the child.
pub fn forget() {
    WITNESSES.store(0, Ordering::SeqCst);
}
