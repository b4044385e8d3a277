use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::embed::{self, Open};
use crate::error::HOW_TO_INSTALL;

/// The allocations of a closure: see [`measure`].
///
/// A resize (`realloc`) counts as an allocation of the new size and a free of the old block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Calls that asked for memory.
    pub allocs: u64,
    /// Bytes that they asked for.
    pub bytes: u64,
    /// Frees of blocks that were allocated inside, by whatever thread.
    pub frees: u64,
    /// The most bytes that were live at one time, of those that were added inside.
    pub peak: u64,
    /// Bytes that were added inside and are live at the end.
    pub retained: u64,
    /// Blocks that were allocated inside and are live at the end.
    pub retained_blocks: u64,
}

/// Whether the program's allocator counts.
pub(crate) fn is_installed() -> bool {
    static INSTALLED: AtomicBool = AtomicBool::new(false);
    if INSTALLED.load(Ordering::Relaxed) {
        return true;
    }
    let counts = embed::open(false).map(|open| {
        drop(black_box(Box::new(black_box(1u64))));
        open.counts().allocs
    });
    INSTALLED.store(counts == Some(1), Ordering::Relaxed);
    counts == Some(1)
}

/// Opens a scope that is known to count.
#[track_caller]
pub(crate) fn begin(with_sites: bool) -> Open {
    assert!(is_installed(), "{HOW_TO_INSTALL}");
    embed::open(with_sites).expect("there is no memory to count in: check limits (ulimit -a)")
}

/// The counts, which are exact.
#[track_caller]
pub(crate) fn end(open: &Open) -> Counts {
    open.settle(false);
    let embed::Counts { allocs, bytes, frees, peak, retained, retained_blocks, exact } = open.counts();
    assert!(exact, "the counts are not whole: there was no memory to count in, or this is the child of a fork");
    Counts { allocs, bytes, frees, peak, retained, retained_blocks }
}

/// Runs `body` and says what it allocated on the calling thread, and on the threads that it starts, and those start:
/// spawned or scoped. Other threads are left out, so that tests may run side by side; see [`all_threads`].
///
/// The value of `body` is dropped before the counts are read. Measurements may be nested; the outer one counts all. If
/// `body` panics, the panic goes on, and nothing else is changed.
///
/// While any measurement runs, an allocation inside costs some 100 ns more, and a free on any thread some 20 ns.
///
/// # Panics
///
/// If the program's `#[global_allocator]` is not a [`crate::Allocator`]: counts of zero would prove nothing.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// let counts = memprof::measure(|| {
///     let mut numbers = Vec::with_capacity(4);
///     numbers.extend([1u64, 2, 3]);
///     numbers
/// });
/// assert_eq!((counts.allocs, counts.bytes, counts.frees), (1, 32, 1));
/// assert_eq!((counts.peak, counts.retained), (32, 0));
/// ```
#[track_caller]
pub fn measure<T>(body: impl FnOnce() -> T) -> Counts {
    let open = begin(false);
    drop(black_box(body()));
    end(&open)
}

/// The allocations of a run of `body`: the mean of `runs`, after one that is not counted (it may fill caches). As Go's
/// `testing.AllocsPerRun`, but not rounded down.
///
/// Counted are the threads of [`measure`], and it panics as that does.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// assert_eq!(memprof::allocs_per_run(100, || format!("{}-{}", 1, 2)), 1.0);
/// ```
#[track_caller]
pub fn allocs_per_run<T>(runs: u32, mut body: impl FnMut() -> T) -> f64 {
    let runs = runs.max(1);
    drop(black_box(body()));
    let open = begin(false);
    (0..runs).for_each(|_| drop(black_box(body())));
    end(&open).allocs as f64 / f64::from(runs)
}

/// Runs `body`, inside a measurement or an assertion, and lets it count for every thread of the process: those of a pool
/// (rayon's workers) were started before. Threads that measure for themselves go on to do so.
///
/// One measurement at a time has this; another thread that asks for it waits. Outside of a measurement it only runs
/// `body`.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// use std::sync::mpsc::channel;
///
/// let (work, todo) = channel::<u64>();
/// let (done, finished) = channel();
/// let worker = std::thread::spawn(move || {
///     todo.iter().for_each(|n| drop((Box::new(n), done.send(n).unwrap())));
/// });
/// let counts = memprof::measure(|| {
///     memprof::all_threads(|| {
///         work.send(1).unwrap();
///         finished.recv().unwrap()
///     })
/// });
/// assert!(counts.allocs >= 1); // the worker's box, and the channels' blocks
/// # drop(work);
/// # worker.join().unwrap();
/// ```
pub fn all_threads<T>(body: impl FnOnce() -> T) -> T {
    embed::with_everyone(body)
}

/// The counters of the whole process: see [`snapshot`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Calls that asked for memory, and their bytes.
    pub allocs: u64,
    /// Bytes that they asked for.
    pub bytes: u64,
    /// Frees of blocks that were allocated while the heap was recorded, and their bytes.
    pub frees: u64,
    /// Bytes of those blocks.
    pub freed_bytes: u64,
}

/// The allocations of all threads while [`heap`](crate::heap) recording was on, since the process began: the difference of two
/// snapshots is what lies between them. It takes some nanoseconds a thread.
///
/// # Errors
///
/// [`Error::NotStarted`](crate::Error::NotStarted) while nothing counts.
///
/// ```
/// # #[global_allocator]
/// # static ALLOCATOR: memprof::Allocator = memprof::Allocator::system();
/// # #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"), target_env = "gnu"))] {
/// memprof::heap::start(memprof::heap::Sample::Exact).unwrap();
/// let before = memprof::snapshot().unwrap();
/// drop(Box::new([0u8; 48]));
/// let after = memprof::snapshot().unwrap();
/// assert_eq!((after.allocs - before.allocs, after.bytes - before.bytes, after.frees - before.frees), (1, 48, 1));
/// # memprof::heap::stop().unwrap();
/// # }
/// ```
pub fn snapshot() -> crate::Result<Snapshot> {
    let [allocs, bytes, frees, freed_bytes] = embed::totals()?;
    Ok(Snapshot { allocs, bytes, frees, freed_bytes })
}
