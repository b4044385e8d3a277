//! The records of one run of a bench executable.

use std::collections::BTreeSet;
use std::path::PathBuf;

use super::growth::Growth;

/// An object that was mapped while the bench ran: the executable, a shared library, or the vdso.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// The name that dl_iterate_phdr gives it; for the first one, the executable's own path.
    pub path: PathBuf,
    /// Run-time address minus the address in the file (`p_vaddr`).
    pub bias: u64,
    /// The GNU build id; empty where the object has none.
    pub build_id: Vec<u8>,
    /// Executable PT_LOAD segments, addresses as in the file.
    pub text: Vec<Segment>,
    /// The object's bytes, if they cannot be read from `path` (the vdso).
    pub image: Option<Vec<u8>>,
}

/// One executable PT_LOAD segment, addresses as in the file (before the bias is added).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    pub vaddr: u64,
    pub size: u64,
    pub file_offset: u64,
}

/// How far a stack walk got.
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
    /// True where `addresses[0]` is the interrupted instruction itself (a CPU sample); otherwise it is a return
    /// address like all others.
    pub leaf_is_exact: bool,
    pub completeness: Completeness,
}

/// The allocations of one stack inside the brackets of one pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StackCounts {
    pub allocs: u64,
    pub bytes: u64,
    pub reallocs: u64,
    /// Bytes by which its reallocs made blocks larger.
    pub grown_bytes: u64,
    /// For a pass: frees in its brackets of blocks allocated there. For a stack: the number of its allocations that
    /// are no longer live at the end of the last bracket.
    pub frees: u64,
    /// The number of bytes that are no longer live then.
    pub freed_bytes: u64,
}

/// The allocations of one stack of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocations {
    pub stack: Stack,
    pub counts: StackCounts,
    /// 0 is the thread that runs the benches. Threads that do not live at the same time may share a number.
    pub thread: u32,
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

/// The lives of one stack's blocks; sums over brackets of one iteration, except where noted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Life {
    pub fresh: u64,
    pub zeroed: u64,
    pub grown: u64,
    pub shrunk: u64,
    /// Calls by size.
    pub sizes: Vec<(u64, u64)>,
    /// Calls of sizes that are not in `sizes`.
    pub other_sizes: u64,
    /// Of the blocks that began here, those that were freed in the bracket by the same thread, by another thread, and
    /// not at all.
    pub freed: u64,
    pub freed_elsewhere: u64,
    pub kept: u64,
    /// Reallocs of blocks that are older than the bracket.
    pub of_older: u64,
    /// Growth by realloc.
    pub grew: Growth,
    /// The part of `grew` for blocks that are in no [`Succession`].
    pub alone: Growth,
    /// The growing reallocs of blocks that began here: index of their stack, and how many.
    pub grew_at: Vec<(usize, u64)>,
    /// The stacks that freed blocks which began here: index of the stack, and how many; of the first bracket only.
    pub freed_at: Vec<(usize, u64)>,
    /// Bytes live at the peak of the bracket with the highest peak.
    pub peak_bytes: u64,
    /// The largest number of blocks from here that were live at once.
    pub most_live: u64,
    /// Numbers of the threads that allocated here in the first bracket.
    pub threads: BTreeSet<u32>,
    /// The number of brackets in which it allocated.
    pub brackets: u64,
}

impl Growth {
    /// Adds the growth of other blocks.
    pub fn join(&mut self, other: &Growth) {
        if other.blocks > 0 {
            let least = if self.blocks == 0 { other.least_last } else { self.least_last.min(other.least_last) };
            self.least_last = least;
        }
        self.blocks += other.blocks;
        self.grown += other.grown;
        self.steps += other.steps;
        self.calls += other.calls;
        self.bytes += other.bytes;
        self.last_bytes += other.last_bytes;
        self.most_last = self.most_last.max(other.most_last);
    }
}

impl Life {
    /// Adds the blocks of another stack. `most_live` is then only a lower bound.
    pub fn join(&mut self, other: &Life) {
        self.fresh += other.fresh;
        self.zeroed += other.zeroed;
        self.grown += other.grown;
        self.shrunk += other.shrunk;
        for &(size, calls) in &other.sizes {
            match self.sizes.iter_mut().find(|(known, _)| *known == size) {
                Some((_, sum)) => *sum += calls,
                None => self.sizes.push((size, calls)),
            }
        }
        self.other_sizes += other.other_sizes;
        self.freed += other.freed;
        self.freed_elsewhere += other.freed_elsewhere;
        self.kept += other.kept;
        self.of_older += other.of_older;
        self.grew.join(&other.grew);
        self.alone.join(&other.alone);
        for (own, others) in [(&mut self.grew_at, &other.grew_at), (&mut self.freed_at, &other.freed_at)] {
            for &(stack, number) in others {
                match own.iter_mut().find(|(known, _)| *known == stack) {
                    Some((_, sum)) => *sum += number,
                    None => own.push((stack, number)),
                }
            }
        }
        self.peak_bytes += other.peak_bytes;
        self.most_live = self.most_live.max(other.most_live);
        self.threads.extend(&other.threads);
        self.brackets = self.brackets.max(other.brackets);
    }
}

/// The lives of the blocks of all stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives {
    pub index: usize,
    /// False if there were more events than the recorder could keep.
    pub whole: bool,
    /// The number of operations followed.
    pub operations: u64,
    /// Live bytes at the highest peak of all.
    pub peak_bytes: u64,
    pub stacks: Vec<(Stack, Life)>,
    pub successions: Vec<Succession>,
    /// There were more than `successions` has.
    pub more_successions: bool,
    /// When the blocks of the first bracket lived.
    pub spans: Vec<Span>,
    /// There were more than `spans` has.
    pub more_spans: bool,
    /// The first bracket over its events: the most bytes that were live during each of so many equal stretches.
    pub curve: Vec<u64>,
    pub events: u64,
}

/// Blocks that replaced each other: each was made, and then its thread freed a smaller one, the block before. Growing
/// hash tables do this; other blocks may do it by chance. Successions through the same stacks are summed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    pub times: u64,
    /// In their order; neighbours have different stacks.
    pub pieces: Vec<Piece>,
}

/// The blocks of a succession that came consecutively from one stack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    /// Index of the stack.
    pub stack: usize,
    pub blocks: u64,
    /// The sizes of all of them; the size of the last one of each succession only.
    pub bytes: u64,
    pub last_bytes: u64,
    /// The smallest first size, the smallest last size, the largest last size.
    pub least: u64,
    pub least_last: u64,
    pub most_last: u64,
}

/// When a block lived, in numbers of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index of the stack where it began.
    pub stack: usize,
    /// Index of the span whose block it replaced; that span comes earlier.
    pub follows: Option<usize>,
    pub begun: u32,
    /// `u32::MAX`: it outlived the bracket.
    pub ended: u32,
}

/// The samples of one timed benchmark.
#[derive(Debug, Clone)]
pub struct Timed {
    pub index: usize,
    /// The closure did its own timing (`iter_custom`).
    pub custom: bool,
    /// The values are nanoseconds.
    pub wall_time: bool,
    /// Samples during which other work used the processor.
    pub interrupted: u32,
    /// The time that other machines took of the processors meanwhile.
    pub stolen_ms: u32,
    /// The largest number of iterations in one call of the closure.
    pub largest_iterations: u64,
    pub samples: Vec<TimedSample>,
}

/// A sample of a timed benchmark.
#[derive(Debug, Clone, Copy)]
pub struct TimedSample {
    pub iterations: u64,
    /// The harness's value for all iterations together.
    pub value: f64,
    /// The share of that, from 0 to below 1, in which the thread was ready to run while other processes had the processor;
    /// 0 if the kernel does not tell, and where the process itself waited or had other threads.
    pub delayed: f64,
}

/// The totals of one counting pass.
#[derive(Debug, Clone)]
pub struct Counted {
    pub index: usize,
    /// `None` for the brackets of one iteration that measure the peak.
    pub pass: Option<u32>,
    pub custom: bool,
    pub iterations: u64,
    pub counts: StackCounts,
    pub peak_bytes: u64,
    pub nanoseconds: u64,
    /// Allocations that could not be recorded for lack of memory.
    pub lost: u64,
    /// Bytes of memory that the recorder itself uses.
    pub recorder_bytes: u64,
}

/// How threads were interrupted for CPU samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SamplingMethod {
    Perf,
    /// perf_event without kernel time, because the kernel did not permit it.
    PerfUserOnly,
    /// CPU timers, which the kernel checks at its tick.
    Timers,
}

/// One CPU sample; `count` is above 1 where timer ticks were missed.
#[derive(Debug, Clone)]
pub struct Sample {
    pub stack: Stack,
    pub count: u64,
    /// 0 is the process's first thread.
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
    /// Threads sampled by timers, although others were sampled by perf_event.
    pub by_timer: u64,
    pub iterations: u64,
    pub stacks: Vec<Sample>,
}

/// One wait of a thread that ended inside a bracket.
#[derive(Debug, Clone)]
pub struct Wait {
    pub stack: Stack,
    /// The number of waits of this stack, and their total time.
    pub count: u64,
    pub nanoseconds: u64,
    /// As [`Sample::thread`].
    pub thread: u32,
}

/// The waits of one benchmark.
#[derive(Debug, Clone)]
pub struct Waits {
    pub index: usize,
    pub iterations: u64,
    /// Waits that were dropped for lack of room.
    pub lost: u64,
    pub waits: Vec<Wait>,
}

/// One record.
#[derive(Debug, Clone)]
pub enum Record {
    Start {
        pid: u32,
    },
    Object(Module),
    /// A benchmark that exists, and how many with the same id came before it.
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
    /// One more pass, for when the passes that count did not look at frees.
    Freed(Counted),
    Stacks {
        index: usize,
        pass: u32,
        stacks: Vec<Allocations>,
    },
    Samples(Samples),
    Done {
        index: usize,
    },
    /// The executable does not contain the tracking allocator.
    NotLinked,
    /// The live objects and bytes of each stack at the highest peak.
    Peaks {
        index: usize,
        /// `None` where not all of it could be recorded.
        stacks: Option<Vec<(Stack, [u64; 2])>>,
    },
    Lives(Lives),
    Waits(Waits),
    /// Remembered stacks were compared with plain walks.
    Verified {
        index: usize,
        compared: u64,
        wrong: u64,
    },
    /// Its harness never started the clock.
    Untimed {
        index: usize,
    },
    /// The kernel permits no sampling method.
    NoSampler {
        index: usize,
    },
}
