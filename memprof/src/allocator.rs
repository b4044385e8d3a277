use std::alloc::{GlobalAlloc, Layout, System};

#[cfg(not(memprof_injected))]
use crate::embed::Track;

#[cfg(not(memprof_injected))]
const fn tracked<A>(allocator: A) -> Track<A> {
    Track::new(allocator)
}

/// The tool puts the recorder around every `#[global_allocator]`: there, this one passes everything through.
#[cfg(memprof_injected)]
type Track<A> = A;

#[cfg(memprof_injected)]
const fn tracked<A>(allocator: A) -> A {
    allocator
}

/// The allocator in charge, with the recorder around it.
///
/// Until something is asked for, each call costs a load and a branch more than the allocator's own. There is one
/// `#[global_allocator]` in a program; the compiler refuses a second one.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
///
/// assert_eq!(memprof::measure(|| vec![0u8; 100]).bytes, 100);
/// ```
///
/// ```compile_fail
/// #[global_allocator]
/// static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// #[global_allocator]
/// static SECOND: memprof::Allocator = memprof::Allocator::system();
/// ```
pub struct Allocator<A = System>(Track<A>);

impl Allocator {
    /// Around the system's allocator, which is Rust's default.
    pub const fn system() -> Allocator {
        Allocator::wrap(System)
    }
}

impl<A> Allocator<A> {
    /// Around another allocator.
    ///
    /// ```
    /// use std::alloc::System; // or mimalloc::MiMalloc, tikv_jemallocator::Jemalloc, …
    ///
    /// #[global_allocator]
    /// static ALLOCATOR: memprof::Allocator<System> = memprof::Allocator::wrap(System);
    ///
    /// assert_eq!(memprof::measure(|| Box::new(1u64)).allocs, 1);
    /// ```
    pub const fn wrap(allocator: A) -> Allocator<A> {
        Allocator(tracked(allocator))
    }
}

// SAFETY: every call is answered by the inner allocator with the caller's own arguments.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Allocator<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.0.alloc(layout)
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.0.alloc_zeroed(layout)
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        self.0.dealloc(block, layout)
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        self.0.realloc(block, layout, new_size)
    }
}
