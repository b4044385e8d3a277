//! Platforms that the recorder has not been brought to: counting works, stacks and CPU samples return an error.

/// The one flag there is.
pub mod bracket {
    use std::sync::atomic::{AtomicU32, Ordering};

    pub static RECORDING: AtomicU32 = AtomicU32::new(0);
    pub const SCOPED: u32 = 1;

    pub fn set_scoped(scoped: bool) {
        RECORDING.store(if scoped { SCOPED } else { 0 }, Ordering::SeqCst);
    }
}

pub mod fork {
    pub fn is_marked_child() -> bool {
        false
    }
}

pub mod sys {
    use std::time::Instant;

    /// # Safety
    /// There is nothing to it; libc's function of that name is unsafe.
    pub unsafe fn sched_yield() {
        std::thread::yield_now();
    }

    /// No thread starts inside a scope here.
    pub fn has_signal_stack() -> bool {
        false
    }

    /// Nanoseconds since the first call.
    pub fn now() -> u64 {
        static BEGUN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        BEGUN.get_or_init(Instant::now).elapsed().as_nanos() as u64 + 1
    }
}

/// Memory of the system's allocator, which is not observed.
pub mod memory {
    use std::alloc::{GlobalAlloc, Layout, System};

    fn layout(len: usize) -> Layout {
        Layout::from_size_align(len.max(1), 64).unwrap_or(Layout::new::<u64>())
    }

    pub fn map(len: usize) -> *mut u8 {
        // SAFETY: the size is not 0.
        unsafe { System.alloc_zeroed(layout(len)) }
    }

    /// # Safety
    /// `at` and `len` are those of one earlier [`map`], and nothing refers to it any more.
    pub unsafe fn unmap(at: *mut u8, len: usize) {
        System.dealloc(at, layout(len));
    }
}

/// As the file of that name.
pub mod embed {
    use std::alloc::{GlobalAlloc, Layout};
    use std::sync::atomic::Ordering;

    use crate::bracket::RECORDING;
    pub use crate::scope::{open, with_everyone, Counts, Open};
    pub use crate::sites::Site;
    use crate::{scope, scoped};

    pub struct Track<A>(A);

    impl<A> Track<A> {
        pub const fn new(inner: A) -> Self {
            Track(inner)
        }
    }

    // SAFETY: every call is answered by the inner allocator with the caller's own arguments.
    unsafe impl<A: GlobalAlloc> GlobalAlloc for Track<A> {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            match RECORDING.load(Ordering::Relaxed) {
                0 => self.0.alloc(layout),
                _ => scoped::alloc(layout.size(), || self.0.alloc(layout)),
            }
        }

        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            match RECORDING.load(Ordering::Relaxed) {
                0 => self.0.alloc_zeroed(layout),
                _ => scoped::alloc(layout.size(), || self.0.alloc_zeroed(layout)),
            }
        }

        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            if RECORDING.load(Ordering::Relaxed) != 0 {
                scoped::free(block as usize);
            }
            self.0.dealloc(block, layout);
        }

        unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
            match RECORDING.load(Ordering::Relaxed) {
                0 => self.0.realloc(block, layout, new_size),
                _ => {
                    scoped::realloc(block as usize, layout.size(), new_size, || self.0.realloc(block, layout, new_size))
                }
            }
        }
    }

    /// As those of `runtime/embed.rs`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    #[allow(dead_code)]
    pub enum Refusal {
        Running,
        NotRunning,
        NoMeans,
        NoStacks,
    }

    pub type Table = fn(()) -> Vec<u8>;

    pub struct Samples {
        pub words: Vec<u64>,
        pub lost: u64,
        pub period_ns: u64,
    }

    pub struct CodeSegment {
        pub start: u64,
        pub end: u64,
        pub file_offset: u64,
        pub path: Vec<u8>,
        pub build_id: Vec<u8>,
    }

    pub mod labels {
        /// No profile can carry it.
        pub fn set(_: u32) -> u32 {
            0
        }
    }

    pub fn unrecorded<T>(body: impl FnOnce() -> T) -> T {
        scope::quietly(body)
    }

    pub fn start_heap(_: u64, _: Table) -> Result<u64, Refusal> {
        Err(Refusal::NoStacks)
    }

    pub fn heap(_: &mut dyn FnMut(&[u64], [u64; 6])) -> Result<(), Refusal> {
        Err(Refusal::NotRunning)
    }

    pub fn stop_heap() -> Result<(), Refusal> {
        Err(Refusal::NotRunning)
    }

    pub fn totals() -> Result<[u64; 4], Refusal> {
        Err(Refusal::NotRunning)
    }

    pub fn start_cpu(_: u32, _: Table) -> Result<(), Refusal> {
        Err(Refusal::NoStacks)
    }

    pub fn stop_cpu() -> Result<Samples, Refusal> {
        Err(Refusal::NotRunning)
    }

    pub fn segments() -> Vec<CodeSegment> {
        Vec::new()
    }

    /// Where `address` lies: the path of its file, and its place there.
    pub fn place_of(_: usize) -> Option<(Vec<u8>, u64)> {
        None
    }
}
