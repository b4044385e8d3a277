//! The records of one run of a bench executable.

use std::path::PathBuf;

/// An object that was mapped while the bench ran: the executable, a shared library, or the vdso.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// As dl_iterate_phdr names it; the executable's own path for the first.
    pub path: PathBuf,
    /// Run-time address minus the address in the file (`p_vaddr`).
    pub bias: u64,
    /// The GNU build id; empty where the object has none.
    pub build_id: Vec<u8>,
    /// Executable PT_LOAD segments, addresses as in the file.
    pub text: Vec<Segment>,
    /// The object's bytes where they are not to be had from `path` (the vdso).
    pub image: Option<Vec<u8>>,
}

/// One executable PT_LOAD segment, addresses as in the file (before the bias is added).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub vaddr: u64,
    pub size: u64,
    pub file_offset: u64,
}

/// How far a stack walk came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Completeness {
    /// It reached the thread's start.
    Whole,
    /// It ended at code without unwind information, or at the depth limit.
    Cut,
}

/// A stack as recorded: run-time addresses, leaf first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stack {
    pub addresses: Vec<u64>,
    /// True where `addresses[0]` is the interrupted instruction itself (a CPU sample); otherwise it is a return address like all others.
    pub leaf_is_exact: bool,
    pub completeness: Completeness,
}

/// What one stack allocated inside the brackets of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StackCounts {
    pub allocs: u64,
    pub bytes: u64,
    pub reallocs: u64,
    /// Bytes by which its reallocs grew blocks.
    pub grown_bytes: u64,
    pub frees: u64,
    pub freed_bytes: u64,
}

impl std::iter::Sum for StackCounts {
    fn sum<I: Iterator<Item = StackCounts>>(counts: I) -> StackCounts {
        counts.fold(StackCounts::default(), |a, b| StackCounts {
            allocs: a.allocs + b.allocs,
            bytes: a.bytes + b.bytes,
            reallocs: a.reallocs + b.reallocs,
            grown_bytes: a.grown_bytes + b.grown_bytes,
            frees: a.frees + b.frees,
            freed_bytes: a.freed_bytes + b.freed_bytes,
        })
    }
}

/// The samples of one timed benchmark.
#[derive(Debug, Clone)]
pub struct Timed {
    pub index: usize,
    /// The closure measured itself (`iter_custom`).
    pub custom: bool,
    /// The values are nanoseconds.
    pub wall_time: bool,
    /// The largest number of iterations in one call of the closure.
    pub largest_iterations: u64,
    /// Iterations and the harness's value of each.
    pub samples: Vec<(u64, f64)>,
}

/// The totals of one counting pass.
#[derive(Debug, Clone)]
pub struct Counted {
    pub index: usize,
    /// `None` for the brackets of one iteration from which the peak is taken.
    pub pass: Option<u32>,
    pub custom: bool,
    pub iterations: u64,
    pub counts: StackCounts,
    pub peak_bytes: u64,
    pub nanoseconds: u64,
    /// Allocations that could not be recorded for want of memory.
    pub lost: u64,
    /// Bytes of memory that the recorder itself takes.
    pub recorder_bytes: u64,
}

/// How threads were interrupted for CPU samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingMethod {
    Perf,
    /// perf_event without kernel time, which the kernel did not permit.
    PerfUserOnly,
    /// CPU timers, which the kernel checks at its tick.
    Timers,
}

/// One CPU sample; `count` is above 1 where timer ticks were missed.
#[derive(Debug, Clone)]
pub struct Sample {
    pub stack: Stack,
    pub count: u64,
    pub thread: u32,
}

/// The CPU samples of one benchmark.
#[derive(Debug, Clone)]
pub struct Samples {
    pub index: usize,
    pub method: SamplingMethod,
    pub period_ns: u64,
    pub lost: u64,
    /// Threads that ran without being sampled.
    pub unarmed: u64,
    pub iterations: u64,
    pub stacks: Vec<Sample>,
}

/// One record.
#[derive(Debug, Clone)]
pub enum Record {
    Start {
        pid: u32,
    },
    Object(Module),
    /// A benchmark that exists, and how many of the same id came before it.
    Benchmark {
        occurrence: u32,
        id: String,
        description: String,
        harness: String,
    },
    Begin {
        index: usize,
    },
    Timed(Timed),
    Counted(Counted),
    /// One more pass, where those that count did not look at frees.
    Freed(Counted),
    Stacks {
        index: usize,
        pass: u32,
        stacks: Vec<(Stack, StackCounts)>,
    },
    Samples(Samples),
    Done {
        index: usize,
    },
    /// The tracking allocator is not in the executable.
    NotLinked,
    /// What each stack had live at the highest peak: objects and bytes.
    Peaks {
        index: usize,
        stacks: Vec<(Stack, [u64; 2])>,
    },
    /// Remembered stacks were compared to plain walks.
    Verified {
        index: usize,
        compared: u64,
        wrong: u64,
    },
    /// The kernel permits no way of sampling.
    NoSampler {
        index: usize,
    },
}
