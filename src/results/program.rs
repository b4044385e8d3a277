//! The numbers of one run of a program, as they stand in results.jsonl.

use serde::{Deserialize, Serialize};

use super::profiles::Profiles;

/// The file beside mem.prof with the blocks that were freed at once.
pub const TEMPORARIES: &str = "temporary.prof";

/// `program-finished`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// `PACKAGE/KIND/NAME`.
    pub name: String,
    pub package: String,
    pub target: String,
    /// bin, example or test.
    pub kind: String,
    pub args: Vec<String>,
    pub exit: Exit,
    pub wall_ns: u64,
    pub cpu_ns: u64,
    pub memory: Memory,
    pub profiles: Profiles,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub timeline: Option<String>,
    /// Processes that it forked, which were not recorded.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub children: Vec<u32>,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// A child: its parent was told.
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    pub allocs: u64,
    pub bytes: u64,
    pub frees: u64,
    pub reallocs: u64,
    pub peak_bytes: u64,
    /// Since the program's start.
    pub peak_at_ns: u64,
    /// False if several threads allocated at a time and their events were not put in one order, and if `exact` is
    /// false.
    pub peak_exact: bool,
    /// Lowest and highest of several runs that differ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allocs_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_range: Option<[f64; 2]>,
    /// Never freed when the process ended.
    pub live_blocks: u64,
    pub live_bytes: u64,
    pub temporary_allocs: u64,
    /// No event was lost or left unfinished.
    pub exact: bool,
    /// One byte in so many had its allocation recorded with its stack: all of these numbers are exact, those of stacks
    /// are estimates.
    pub sampled_rate: Option<u64>,
    /// Recorded allocations, and half the 95 % interval of the bytes that they stand for, as a share of them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sample_error: Option<f64>,
    /// When `--sample auto` began to sample, since the program's start.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sampled_from_ns: Option<u64>,
    /// Resident memory of the recorder.
    pub recording_bytes: u64,
    /// Different stacks, and allocations whose stack was beyond the limit.
    pub stacks: u64,
    #[serde(skip_serializing_if = "is_zero", default)]
    pub beyond_the_limit: u64,
    /// Allocations that could not be recorded.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub lost: u64,
    /// Threads that were allocating or freeing when the process ended: of each, one event may be counted in part.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub unfinished: u64,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
