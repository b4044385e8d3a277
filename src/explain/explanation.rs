//! The result of `explain` for one benchmark: the JSON line, and the source of the text.

use serde::{Deserialize, Serialize};

use super::operation::Operation;

/// The file beside mem.prof that keeps an explanation: its JSON line.
pub const SIDECAR: &str = "explain.json";
/// Beside it: the memory profile of the explained counts, which `run` does not write.
pub const PROFILE: &str = "explain.prof";

/// One benchmark, explained. All counts are per operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub name: String,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// The counts are the mean of this many operations.
    pub iterations: u64,
    /// Operations whose blocks were followed, one by one.
    pub followed: u64,
    /// The operation is a whole run of a program.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub run: bool,
    /// False where an operation had more allocations than could be followed.
    pub whole: bool,
    /// Most bytes first.
    pub sites: Vec<Site>,
    /// The unknown parts, and why.
    pub notes: Vec<String>,
}

/// A line of the user's, and one operation that it does there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub function: String,
    /// Empty if it is not known.
    pub file: String,
    /// 0 if it is not known.
    pub line: u32,
    /// The line's text, if the file can be read.
    pub source: Option<String>,
    pub operation: Operation,
    /// The event, in words.
    pub words: String,
    /// The function of another crate that the line calls, if the allocation is in there.
    pub via: Option<String>,
    /// Lines of the user's that call the function.
    pub callers: Vec<String>,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// Of the operation's bytes, 0 to 1.
    pub share: f64,
    /// Of the bytes live at the operation's highest moment, 0 to 1.
    pub share_of_peak: f64,
    /// Calls of the allocator by kind.
    pub fresh: f64,
    pub zeroed: f64,
    pub grown: f64,
    pub shrunk: f64,
    /// Requested sizes and calls of each, the smallest size first; none if there are too many.
    pub sizes: Vec<(u64, f64)>,
    pub freeing: Freeing,
    /// Threads that allocate here.
    pub threads: u64,
    /// The remedies: the nearest first.
    pub remedies: Vec<Remedy>,
    /// The functions from the line to the allocator.
    pub stack: Vec<String>,
}

/// The fate of the blocks that began at a site, per operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Freeing {
    /// Freed in the operation, by the thread that allocated.
    pub same_thread: f64,
    pub other_thread: f64,
    /// Of `same_thread`: by the harness, which drops the operation's result.
    pub by_harness: f64,
    /// Still live when the operation ends.
    pub kept: f64,
}

/// A remedy, and its effect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    pub rule: String,
    pub advice: String,
    pub effect: Effect,
}

/// The predicted change, per operation; a reduction is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// True if every followed operation agrees with the counts over all.
    pub exact: bool,
}
