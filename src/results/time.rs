//! The time of a benchmark.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Time {
    /// Median over the samples of elapsed ÷ iterations; `None` if the harness does not measure wall time.
    pub ns_per_op: Option<f64>,
    /// The 95 % interval of that median; `None` below six samples.
    pub lower: Option<f64>,
    pub upper: Option<f64>,
    /// Of all samples together.
    pub iterations: u64,
    /// Samples during which other work on the machine took the processor.
    #[serde(default)]
    pub interrupted: u32,
    /// What other machines on the same hardware took of all processors while the samples were taken.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub stolen_ms: u32,
    pub samples: Vec<Sample>,
    /// `inactive` if a tracker stays around the user's own allocator in the timed executable.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tracker: Option<String>,
    /// The closure measured itself (`iter_custom`), so the bracket is all of it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub custom: bool,
}

/// Whether other work disturbed more samples than on any machine: more than a tenth.
pub fn is_busy(interrupted: usize, samples: usize) -> bool {
    interrupted * 10 > samples
}

impl Time {
    pub fn is_busy(&self) -> bool {
        is_busy(self.interrupted as usize, self.samples.len())
    }
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub iterations: u64,
    /// The unit of the harness's clock; of another measurement, its own unit.
    pub nanoseconds: f64,
}
