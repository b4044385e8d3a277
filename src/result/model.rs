//! The numbers of one benchmark, as they stand in results.jsonl (format version 1).

use serde::{Deserialize, Serialize};

/// The version of the JSON lines.
pub const FORMAT_VERSION: u32 = 1;

/// The first line of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    pub format_version: u32,
    pub tool: String,
    pub rustc: String,
    pub target: String,
    pub profile: String,
    pub cpu: String,
    pub commit: Option<String>,
}

/// One measurement of one benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// `PACKAGE/TARGET/ID`.
    pub name: String,
    pub package: String,
    pub target: String,
    pub id: String,
    /// Harness and version, where known.
    pub harness: String,
    /// The group that the harness puts it in.
    pub group: String,
    pub time: Time,
    pub memory: Memory,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throughput: Option<serde_json::Value>,
    pub profiles: Profiles,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Median over the samples of elapsed ÷ iterations; `None` where the harness does not measure wall time.
    pub ns_per_op: Option<f64>,
    /// The 95 % interval of that median; `None` below six samples.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Of all samples together.
    pub iterations: u64,
    pub samples: Vec<Sample>,
    /// `inactive` where a tracker stays around the user's own allocator in the timed executable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracker: Option<String>,
    /// The closure measured itself (`iter_custom`), so the bracket is all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub custom: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub iterations: u64,
    /// As the harness's clock says; of another measurement, its own unit.
    pub nanoseconds: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Counted iterations of one pass.
    pub iterations: u64,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// Frees, inside the bracket, of what the bracket allocated.
    pub frees_per_op: f64,
    pub reallocs_per_op: f64,
    /// Bytes by which reallocs grew blocks.
    pub grown_bytes_per_op: f64,
    /// Allocated in the bracket and live at its end.
    pub retained_bytes_per_op: f64,
    /// Highest live bytes above the bracket's start, in brackets of one iteration.
    pub peak_bytes: u64,
    /// True where all passes agree.
    pub exact: bool,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allocs_per_op_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_per_op_range: Option<[f64; 2]>,
}

/// Absolute paths.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profiles {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mem: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cpu: Option<String>,
}

/// A benchmark that did not come through.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub name: String,
    pub package: String,
    pub target: String,
    pub id: String,
    pub error: String,
}

/// The last line of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    pub success: bool,
    pub benchmarks: usize,
    pub failed: usize,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Line {
    RunStarted(RunStarted),
    BenchmarkFinished(Box<Finished>),
    BenchmarkFailed(Failed),
    RunFinished(RunFinished),
}
