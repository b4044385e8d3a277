//! The gate's verdict on a benchmark, as a JSON line has it.

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

/// The standard of a check.
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

/// One number compared with one standard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    pub name: String,
    /// It is of a test, not of a benchmark.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub test: bool,
    /// `None` if it is about the benchmark itself: it vanished, or has no entry.
    pub metric: Option<Metric>,
    pub against: Against,
    pub baseline: Option<f64>,
    /// The number compared with the limit: for a count of several processes, against the baseline, the lowest of the
    /// tops of their ranges.
    pub value: Option<f64>,
    pub limit: Option<f64>,
    /// Lowest and highest if it is not exact.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub baseline_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub value_range: Option<[f64; 2]>,
    /// For a time: whether the baseline's was sampled in turns with it. If not, the machine may have changed its speed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub paired: Option<bool>,
    pub verdict: Verdict,
    /// The sentence for people, without the name.
    pub message: String,
    /// The lines that it comes from; the largest growth first.
    pub sites: Vec<PlacedSite>,
}
