//! The records of one run of a bench executable.

use std::collections::BTreeSet;
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
    /// Of a pass: frees in its brackets of what they allocated. Of a stack: how many of its allocations are no longer live at the
    /// end of the last bracket.
    pub frees: u64,
    /// How many of the bytes are no longer live then.
    pub freed_bytes: u64,
}

/// What one stack of one thread allocated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allocations {
    pub stack: Stack,
    pub counts: StackCounts,
    /// 0 is the thread that runs the benches. Threads that live one after the other may share a number.
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

/// How the blocks of one stack became larger, counted where each began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Growth {
    /// All that began there, and those that grew.
    pub blocks: u64,
    pub grown: u64,
    /// How often they grew, all together.
    pub steps: u64,
    /// Calls of the allocator for them; all sizes that they ever had; the last sizes only.
    pub calls: u64,
    pub bytes: u64,
    pub last_bytes: u64,
    /// Of the last sizes the smallest and the largest.
    pub least_last: u64,
    pub most_last: u64,
}

/// What the blocks of one stack did; sums over brackets of one iteration, except where it says otherwise.
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
    /// Of the blocks that began here: ended in the bracket by the thread that began them, by another one, not at all.
    pub freed: u64,
    pub freed_elsewhere: u64,
    pub kept: u64,
    /// Reallocs of blocks that are older than the bracket.
    pub of_older: u64,
    /// By realloc.
    pub grew: Growth,
    /// Of those, the blocks that are in no [`Succession`].
    pub alone: Growth,
    /// The growing reallocs of blocks that began here: index of their stack, and how many.
    pub grew_at: Vec<(usize, u64)>,
    /// Where blocks that began here were freed: index of the stack, and how many; of the first bracket only.
    pub freed_at: Vec<(usize, u64)>,
    /// Bytes live at the highest moment of the bracket with the highest.
    pub peak_bytes: u64,
    /// The most blocks that lived at once of those that began here.
    pub most_live: u64,
    /// Numbers of the threads that allocated here in the first bracket.
    pub threads: BTreeSet<u32>,
    /// Brackets in which it allocated at all.
    pub brackets: u64,
}

impl Growth {
    /// Adds what other blocks did.
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
    /// Adds what another stack did. Of those that lived at once it then knows the least that there were.
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

/// What became of the blocks of all stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives {
    pub index: usize,
    /// False where there were more events than could be kept.
    pub whole: bool,
    /// Operations that were followed.
    pub operations: u64,
    /// Live bytes at the highest moment of all.
    pub peak_bytes: u64,
    pub stacks: Vec<(Stack, Life)>,
    pub successions: Vec<Succession>,
    /// There were more than `successions` has.
    pub more_successions: bool,
    /// When the blocks of the first bracket lived.
    pub spans: Vec<Span>,
    /// There were more than `spans` has.
    pub more_spans: bool,
}

/// Blocks that took each other's place: each was made, and next its thread freed a smaller one, the block before. So do hash
/// tables that grow, and others by chance. All that went through the same stacks are summed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Succession {
    pub times: u64,
    /// In their order; two that are neighbours have different stacks.
    pub pieces: Vec<Piece>,
}

/// The blocks of a succession that came from one stack, one right after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Piece {
    /// Index of the stack.
    pub stack: usize,
    pub blocks: u64,
    /// The sizes of all of them; of the last one of each succession only.
    pub bytes: u64,
    pub last_bytes: u64,
    /// The smallest first one, the smallest last one, the largest last one.
    pub least: u64,
    pub least_last: u64,
    pub most_last: u64,
}

/// When a block lived, in numbers of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index of the stack that it began at.
    pub stack: usize,
    /// Index of the span whose block it took the place of; that one comes before.
    pub follows: Option<usize>,
    pub begun: u32,
    /// `u32::MAX`: it outlived the bracket.
    pub ended: u32,
}

/// The samples of one timed benchmark.
#[derive(Debug, Clone)]
pub struct Timed {
    pub index: usize,
    /// The closure measured itself (`iter_custom`).
    pub custom: bool,
    /// The values are nanoseconds.
    pub wall_time: bool,
    /// Samples during which other work took the processor.
    pub interrupted: u32,
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
    /// Threads that were sampled by timers, where others were by perf_event.
    pub by_timer: u64,
    pub iterations: u64,
    pub stacks: Vec<Sample>,
}

/// One wait of a thread that ended inside a bracket.
#[derive(Debug, Clone)]
pub struct Wait {
    pub stack: Stack,
    /// So many waits of this stack, and how long they took together.
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
    /// Waits that found no room.
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
        stacks: Vec<Allocations>,
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
        /// `None` where not all of it could be recorded.
        stacks: Option<Vec<(Stack, [u64; 2])>>,
    },
    Lives(Lives),
    Waits(Waits),
    /// Remembered stacks were compared to plain walks.
    Verified {
        index: usize,
        compared: u64,
        wrong: u64,
    },
    /// Its harness's clock never ran.
    Untimed {
        index: usize,
    },
    /// The kernel permits no way of sampling.
    NoSampler {
        index: usize,
    },
}
