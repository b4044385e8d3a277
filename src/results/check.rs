//! What the gate says about a benchmark, as a JSON line has it.

use serde::{Deserialize, Serialize};

use super::metric::Metric;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    Passed,
    /// Better than the baseline, which should be accepted so that it stays so.
    Improved,
    /// It would have failed, or was better; `--accept` has made it the baseline.
    Accepted,
    Failed,
}

/// What a benchmark was held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Against {
    Baseline,
    Budget,
}

/// A line that allocates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlacedSite {
    pub function: String,
    pub file: String,
    pub line: u32,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
}

/// One thing that was held against one other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// `None` where it is about the benchmark itself: it vanished, or has no entry.
    pub metric: Option<Metric>,
    pub against: Against,
    pub baseline: Option<f64>,
    /// What was held against the limit: of a count of several processes, against the baseline, the top of the range of the one
    /// that reaches least far up.
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// Lowest and highest where it is not exact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_range: Option<[f64; 2]>,
    /// Of a time: whether the baseline's was sampled in turns with it. Without that, the machine may have changed its speed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paired: Option<bool>,
    pub verdict: Verdict,
    /// The sentence that people read, without the name.
    pub message: String,
    /// Where it comes from; the largest growth first.
    pub sites: Vec<PlacedSite>,
}
