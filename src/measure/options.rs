//! The options of a pass.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

/// How long one benchmark is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchTime {
    For(Duration),
    Iterations(u64),
}

/// Options for all passes of a run.
#[derive(Debug, Clone)]
pub struct PassOptions {
    pub bench_time: BenchTime,
    pub timeout: Duration,
    pub cpu_hz: u32,
    pub stacks: bool,
    /// Counted iterations by full name, if they are prescribed.
    pub counted_iterations: HashMap<String, u64>,
    /// Record exactly what each stack has live at the peak.
    pub peak: bool,
    /// The number of the counting pass, for an executable that is measured as a whole process.
    pub whole_process: Option<u32>,
    /// The dhat crate records, too.
    pub dhat: bool,
    /// Record where threads wait.
    pub block: bool,
    /// Record the lives of each stack's blocks.
    pub lives: bool,
    /// Arguments for the bench itself.
    pub bench_args: Vec<String>,
    /// Records, plans and tables of the run lie here.
    pub dir: PathBuf,
    /// Forward the output of the benches to stderr.
    pub verbose: bool,
    /// Compared benchmarks are timed in turns.
    pub turns: bool,
    /// The folder with the pipes, for a process that takes turns.
    pub turn: Option<Place>,
}

/// The folder of a process that takes turns.
#[derive(Debug, Clone)]
pub struct Place(pub PathBuf);

impl Place {
    pub fn go(&self) -> PathBuf {
        self.0.join("go")
    }

    pub fn ready(&self) -> PathBuf {
        self.0.join("ready")
    }
}
