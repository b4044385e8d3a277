//! Reasons why a benchmark, or a whole bench target, brings no result.

use crate::project::BenchTarget;
use crate::results::lines::{Failed, FailureKind};

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub kind: FailureKind,
    pub error: String,
}

impl Reason {
    pub fn new(kind: FailureKind, error: impl Into<String>) -> Reason {
        Reason { kind, error: error.into() }
    }

    pub fn crashed(error: impl Into<String>) -> Reason {
        Reason::new(FailureKind::Crashed, error)
    }

    /// The same, with `, WHEN` behind it.
    pub fn when(mut self, when: &str) -> Reason {
        self.error.push_str(", ");
        self.error.push_str(when);
        self
    }

    /// The failure of a whole bench target.
    pub fn of_target(self, target: &BenchTarget) -> Failed {
        Failed {
            name: format!("{}/{}", target.package, target.name),
            package: target.package.clone(),
            target: target.name.clone(),
            id: String::new(),
            kind: self.kind,
            error: self.error,
        }
    }

    /// A record that should be there is not.
    pub fn incomplete() -> Reason {
        Reason::new(FailureKind::Incomplete, "its records are not complete; is the disk full?")
    }
}
