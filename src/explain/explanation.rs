//! What `explain` says of one benchmark: the JSON line, and what text is made from.

use serde::{Deserialize, Serialize};

use super::operation::Operation;

/// The file beside mem.prof that keeps an explanation: its JSON line.
pub const SIDECAR: &str = "explain.json";
/// Beside it: the memory profile of the counts that are explained, which `run` has no part in.
pub const PROFILE: &str = "explain.prof";

/// One benchmark, explained. All counts are per operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    pub name: String,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// Operations that the counts are the mean of.
    pub iterations: u64,
    /// Operations whose blocks were followed, one by one.
    pub followed: u64,
    /// False where an operation had more allocations than could be followed.
    pub whole: bool,
    /// Most bytes first.
    pub sites: Vec<Site>,
    /// What is not known, and why.
    pub notes: Vec<String>,
}

/// A line of the user's, and one thing that it does there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub function: String,
    /// Empty where it is not known.
    pub file: String,
    /// 0 where it is not known.
    pub line: u32,
    /// The line's text, where the file can be read.
    pub source: Option<String>,
    pub operation: Operation,
    /// What happened, in words.
    pub words: String,
    /// The function of another crate that the line calls, where the allocation is in there.
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
    /// Sizes asked for and calls of each, the smallest size first; none where there are too many.
    pub sizes: Vec<(u64, f64)>,
    pub freeing: Freeing,
    /// Threads that allocate here.
    pub threads: u64,
    /// What would stop it: the nearest first.
    pub remedies: Vec<Remedy>,
    /// The functions from the line to the allocator.
    pub stack: Vec<String>,
}

/// What became of the blocks that began at a site, per operation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Freeing {
    /// Freed in the operation, by the thread that allocated.
    pub same_thread: f64,
    pub other_thread: f64,
    /// Of `same_thread`: by the harness, that drops what the operation gives.
    pub by_harness: f64,
    /// Still live when the operation ends.
    pub kept: f64,
}

/// What to do, and what it would change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Remedy {
    pub rule: String,
    pub advice: String,
    pub effect: Effect,
}

/// The predicted change, per operation; what falls is negative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Effect {
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// True where every operation that was followed agrees with what was counted over all.
    pub exact: bool,
}
