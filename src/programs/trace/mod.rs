//! A program on a time axis: each thread's CPU samples, waits and allocations, and the memory in use.
//!
//! Allocations and frees are exact sums: of each stack, from one look at the program to the next. [`collect`] reads them, [`firefox`] writes the
//! whole for the Firefox Profiler.

pub mod collect;
pub mod firefox;

use crate::symbolize::Frame;

#[derive(Debug, Clone, Default)]
pub struct Trace {
    pub program: String,
    pub pid: u32,
    /// Milliseconds since the Unix epoch; all other times are nanoseconds from then on.
    pub begun_ms: f64,
    pub duration: u64,
    /// CPU time that one sample stands for.
    pub period: u64,
    /// Functions of each stack, leaf first.
    pub stacks: Vec<Vec<Frame>>,
    /// The first one is the program's main thread.
    pub threads: Vec<Thread>,
    pub memory: Vec<Memory>,
    /// The missing parts, in words.
    pub notes: Vec<String>,
}

/// The events of one thread, each kind in the order of time.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    pub number: u32,
    pub name: String,
    pub samples: Vec<Sample>,
    pub waits: Vec<Wait>,
    pub allocations: Vec<Allocation>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    pub at: u64,
    pub stack: usize,
    /// Periods of CPU time.
    pub weight: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait {
    pub from: u64,
    pub to: u64,
    pub stack: usize,
}

/// Bytes that were allocated at a stack since the look before, or freed (less than 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allocation {
    pub at: u64,
    pub stack: usize,
    pub bytes: i64,
}

/// Memory in use at one moment, and the number of allocations and frees since the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    pub at: u64,
    pub live_bytes: u64,
    pub operations: u64,
}
