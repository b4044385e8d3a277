//! A benchmark or a bench target that did not come through.

use serde::{Deserialize, Serialize};

/// A benchmark that did not come through, or a whole bench target: then the id is empty.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Failed {
    pub name: String,
    pub package: String,
    pub target: String,
    pub id: String,
    /// For programs; `error` says the same to people.
    #[serde(default)]
    pub kind: FailureKind,
    pub error: String,
}

/// The ways in which a benchmark fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// Its process panicked, was killed or ended with an error.
    Crashed,
    /// It took longer than --timeout.
    TimedOut,
    /// Its process was stopped, as a background process is that reads from the terminal.
    Stopped,
    /// It was listed, but did not run.
    Vanished,
    /// It never called the harness's timing loop.
    Untimed,
    /// The counting allocator is not linked in.
    NotLinked,
    /// Several processes wrote records.
    SeveralProcesses,
    /// Another run rebuilt the executable.
    Rebuilt,
    /// Records are missing.
    Incomplete,
    /// The runtime cannot be hooked into its build.
    Refused,
    /// Another version of the tool knows the kind, or wrote none.
    #[default]
    #[serde(other)]
    Unknown,
}
