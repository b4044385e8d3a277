//! A lock that is held for a few instructions, inside the allocator: no system call, no memory, and no endless wait.
//!
//! A thread that holds it may never come back: a signal's handler leaves the recorder by siglongjmp, or another thread
//! of a fork's parent held it. The next thread waits for a while; from then on the value is given up, and every caller
//! is told so.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{fork, sys};

/// Far longer than the system keeps a thread from running.
const PATIENCE_NS: u64 = 2_000_000_000;

pub struct Spin<T> {
    held: AtomicBool,
    given_up: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: `value` is only touched between the exchange and the store of `held`.
unsafe impl<T> Sync for Spin<T> {}

impl<T> Spin<T> {
    pub const fn new(value: T) -> Spin<T> {
        Spin { held: AtomicBool::new(false), given_up: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Where no thread holds it, or one that never comes back: in a fork's child, another thread of the parent may have.
    pub fn begin_again(&self, value: T) {
        // SAFETY: as above, so no other reference is in use.
        unsafe { *self.value.get() = value };
        self.given_up.store(false, Ordering::Relaxed);
        self.held.store(false, Ordering::Release);
    }

    /// `None` if the value was given up.
    #[inline]
    pub fn with<R>(&self, body: impl FnOnce(&mut T) -> R) -> Option<R> {
        if !self.take() {
            return None;
        }
        // SAFETY: the lock is held, so this is the only reference.
        let out = body(unsafe { &mut *self.value.get() });
        self.held.store(false, Ordering::Release);
        Some(out)
    }

    /// True once the lock is held.
    #[inline]
    fn take(&self) -> bool {
        // Acquire: this thread sees the last holder's writes, since that holder released the lock by a Release.
        self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() || self.wait()
    }

    /// True once the lock is held.
    #[cold]
    #[inline(never)]
    fn wait(&self) -> bool {
        let (mut spins, mut begun) = (0u32, 0);
        while self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            spins = spins.wrapping_add(1);
            if spins % 128 == 0 {
                // SAFETY: gives up the rest of the time slice, nothing else.
                unsafe { sys::sched_yield() };
                let now = sys::now();
                begun = if begun == 0 { now } else { begun };
                if self.given_up.load(Ordering::Relaxed) || fork::is_marked_child() || now - begun > PATIENCE_NS {
                    self.given_up.store(true, Ordering::Relaxed);
                    return false;
                }
            }
            std::hint::spin_loop();
        }
        true
    }
}

/// A lock that guards no value, but an order.
impl Spin<()> {
    /// Held until [`Spin::leave`]; false if it was given up.
    #[inline]
    pub fn enter(&self) -> bool {
        self.take()
    }

    #[inline]
    pub fn leave(&self) {
        self.held.store(false, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_that_never_comes_back_is_not_waited_for_for_ever() {
        static LOCK: Spin<u32> = Spin::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| LOCK.with(|value| *value += 1).unwrap()));
            }
        });
        assert_eq!(LOCK.with(|value| *value), Some(4000));
        LOCK.held.store(true, Ordering::Relaxed);
        assert_eq!(LOCK.with(|value| *value), None);
        // And not again.
        let begun = std::time::Instant::now();
        (0..100).for_each(|_| assert_eq!(LOCK.with(|value| *value), None));
        assert!(begun.elapsed().as_nanos() < u128::from(PATIENCE_NS));
    }
}
