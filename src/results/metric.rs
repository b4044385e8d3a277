//! The metrics that the gate checks, by the names that the baseline, the configuration and the JSON lines share.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    AllocsPerOp,
    BytesPerOp,
    NsPerOp,
    PeakBytes,
    RetainedBytesPerOp,
}

impl Metric {
    pub const ALL: [Metric; 5] =
        [Metric::AllocsPerOp, Metric::BytesPerOp, Metric::NsPerOp, Metric::PeakBytes, Metric::RetainedBytesPerOp];

    pub fn name(self) -> &'static str {
        match self {
            Metric::AllocsPerOp => "allocs_per_op",
            Metric::BytesPerOp => "bytes_per_op",
            Metric::NsPerOp => "ns_per_op",
            Metric::PeakBytes => "peak_bytes",
            Metric::RetainedBytesPerOp => "retained_bytes_per_op",
        }
    }

    /// Whether it is compared with the baseline without being named: a count, which is the same on every machine.
    pub fn is_counted(self) -> bool {
        matches!(self, Metric::AllocsPerOp | Metric::BytesPerOp)
    }

    /// The name in the table's head.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::AllocsPerOp => "allocs/op",
            Metric::BytesPerOp => "B/op",
            Metric::NsPerOp => "ns/op",
            Metric::PeakBytes => "peak B",
            Metric::RetainedBytesPerOp => "retained B/op",
        }
    }
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.unit())
    }
}
