//! Where threads wait: each futex wait of std (locks, condition variables, channels, park, Once) and each join, with its stack.
//!
//! std and parking_lot ask the kernel through libc's `syscall`; a function of that name in the executable takes
//! precedence over libc's. No signals, no sampling: a wait is timed from before the call to after it, and its stack is
//! walked when it is over. Only the time inside an open bracket counts: a wait that began earlier counts from the
//! bracket's start, and one that is not over at its end does not count. Waits of C code inside libc are not seen. Each
//! sleep is one contention: a thread waits again if another one takes the lock while it wakes up. The functions that take
//! libc's place are in `waits`.
//!
//! Of a program of which a sample is recorded, waits are one, too, as by Go's SetBlockProfileRate: one that is shorter than
//! [`word::WHOLE_WAIT_NS`] is noted with the probability of its share of that.

use std::cell::Cell;
use std::os::raw::c_long;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::buffer::{Buffer, Taken};
use crate::poisson;
use crate::shared::{self, word};
use crate::sys::{self, now};
use crate::threads;
use crate::unwind::{self, Bounds};
use crate::witness::Witness;

static ARMED: AtomicBool = AtomicBool::new(false);
/// When the open bracket opened, by CLOCK_MONOTONIC.
static OPENED: AtomicU64 = AtomicU64::new(0);

static WAITS: Buffer = Buffer::new();
/// Frames kept of one wait.
const MOST_DEPTH: usize = 256;

const EAGAIN: c_long = 11;
const EINTR: c_long = 4;

thread_local! {
    /// The thread's own stack and number, once it has waited.
    static OWN: Cell<(Bounds, u32)> = const { Cell::new((Bounds { low: 0, end: 0 }, 0)) };
    /// The state of its random numbers; 0 before the first.
    static RANDOM: Cell<u64> = const { Cell::new(0) };
    /// True while this thread's waits are the recorder's own.
    static BUSY: Cell<bool> = const { Cell::new(false) };
    /// A wait that a signal interrupted: its address, how long it took, and when its bracket opened.
    static INTERRUPTED: Cell<(c_long, u64, u64)> = const { Cell::new((0, 0, 0)) };
}

/// While this exists, this thread's waits are the recorder's own.
pub struct Own(bool);

pub fn own() -> Own {
    Own(BUSY.with(|busy| busy.replace(true)))
}

impl Drop for Own {
    fn drop(&mut self) {
        BUSY.with(|busy| busy.set(self.0));
    }
}

/// Starts noting waits. False if there is no memory for them.
pub fn arm() -> bool {
    let ready = WAITS.prepare();
    ARMED.store(ready, Ordering::SeqCst);
    ready
}

pub fn disarm() {
    ARMED.store(false, Ordering::SeqCst);
}

/// A bracket is about to open.
pub fn bracket_opens() {
    if ARMED.load(Ordering::Relaxed) {
        OPENED.store(now(), Ordering::Relaxed);
    }
}

/// Drops all noted waits. No bracket is open.
pub fn forget() {
    WAITS.forget();
}

/// Takes all noted waits; each amount is in nanoseconds. No bracket is open.
pub fn take() -> Taken {
    WAITS.take()
}

/// Whether a wait that begins now is to be noted.
#[inline(always)]
pub fn wanted() -> bool {
    ARMED.load(Ordering::Relaxed) && !BUSY.with(|busy| busy.get())
}

/// The length of a wait that began at `begun`, inside its bracket.
pub fn since(begun: u64) -> u64 {
    now().saturating_sub(begun.max(OPENED.load(Ordering::Relaxed)))
}

/// Notes a finished wait of this length.
#[cold]
#[inline(never)]
pub fn note(waited: u64) {
    let is_short = waited < word::WHOLE_WAIT_NS && poisson::is_sample();
    if is_short && !is_chosen(waited) {
        return;
    }
    // While this exists, noted waits are neither taken nor dropped.
    if let Some(_witness) = Witness::of_open_bracket() {
        write(waited, is_short);
    }
}

/// True in `waited` of [`word::WHOLE_WAIT_NS`] cases.
fn is_chosen(waited: u64) -> bool {
    let random = RANDOM.with(|random| {
        let seed = if random.get() == 0 { random as *const _ as u64 ^ now() } else { random.get() };
        random.set(poisson::next_random(seed));
        random.get()
    });
    // The upper bits are the better ones.
    ((random >> 32) * word::WHOLE_WAIT_NS) >> 32 < waited
}

/// `is_short`: it stands for others.
#[inline(never)]
fn write(waited: u64, is_short: bool) {
    let _own = own();
    // SAFETY: errno is this thread's own; the code below may change it, and the caller has yet to read it.
    let errno = unsafe { *sys::__errno_location() };
    let (mut bounds, mut thread) = OWN.with(|own| own.get());
    if bounds.end == 0 {
        bounds = unwind::bounds();
        // SAFETY: gettid has no arguments and cannot fail.
        thread = threads::number_of(unsafe { sys::raw_syscall(sys::SYS_GETTID, [0; 6]) } as u32);
        OWN.with(|own| own.set((bounds, thread)));
    }
    let mut addresses = [0; MOST_DEPTH];
    let walk = unwind::walk(unwind::registers(), &mut addresses, bounds);
    let addresses = &addresses[..walk.depth];
    let marks = if walk.whole { 0 } else { word::CUT } | if is_short { word::SHORT } else { 0 };
    if !shared::WAITS.write_marked(waited.max(1), addresses, marks, thread)
        && !WAITS.write(waited.max(1), addresses, walk.whole, u64::from(thread))
    {
        WAITS.lose(1);
    }
    // SAFETY: as above.
    unsafe { *sys::__errno_location() = errno };
}

/// The finished part of a wait at `address` that began at `begun`, by the kernel's answer. A signal does not end a
/// wait: the caller asks again, and the time until then belongs to that second call.
pub fn ended(address: c_long, begun: u64, answer: c_long) {
    let opened = OPENED.load(Ordering::Relaxed);
    let before = match INTERRUPTED.with(|interrupted| interrupted.take()) {
        (same, waited, bracket) if same == address && bracket == opened => waited,
        _ => 0,
    };
    match answer {
        answer if answer == -EINTR => {
            INTERRUPTED.with(|interrupted| interrupted.set((address, before + since(begun), opened)));
        }
        // The value had changed already: nobody waited.
        answer if answer == -EAGAIN && before == 0 => (),
        _ => note(before + since(begun)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted() -> Vec<u64> {
        let words = take().words;
        let mut waits = Vec::new();
        let mut at = 0;
        while at + 3 <= words.len() {
            waits.push(words[at]);
            at += 3 + (words[at + 1] & 0xFFFF_FFFF) as usize;
        }
        waits
    }

    #[test]
    fn an_interrupted_wait_goes_on_as_the_same_one() {
        use crate::bracket;
        assert!(arm());
        OPENED.store(now(), Ordering::Relaxed);
        bracket::OPEN.store(true, Ordering::SeqCst);
        let begun = now();
        std::thread::sleep(std::time::Duration::from_millis(3));
        ended(16, begun, -EINTR);
        ended(16, now(), 0);
        // Nobody waited; another address; a value that changed after the signal.
        ended(16, now(), -EAGAIN);
        ended(16, now(), -EINTR);
        ended(32, now(), 0);
        ended(32, now(), -EINTR);
        ended(32, now(), -EAGAIN);
        bracket::OPEN.store(false, Ordering::SeqCst);
        // Outside of the bracket.
        ended(16, now(), 0);
        disarm();
        let noted = noted();
        assert_eq!(noted.len(), 3, "{:?}", noted);
        assert!(noted[0] >= 3_000_000, "{:?}", noted);
    }
}
