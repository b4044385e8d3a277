//! From executables to records: the build, the passes, one process after the other, whatever the benches do.

mod assemble;
mod build;
mod capture;
mod explain;
mod list;
mod pass;
mod plan;
mod process;
mod recount;
mod scratch;
mod session;
mod tables;
mod whole_process;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

pub use build::{Build, BuildOptions, Executable, build};
pub use capture::{Launch, RUNNER_NAME, capture, run_runner};
pub use explain::{Explained, explain};
pub use pass::{NOT_LINKED, Phase};
pub use process::{INTERRUPTED, Interrupt};
pub use recount::recount;
pub use scratch::Scratch;
pub use session::{Outcome, ProfilePair, Suite, list_suite, measure};
pub use tables::Tables;

/// How long one benchmark is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BenchTime {
    For(Duration),
    Iterations(u64),
}

/// What holds for all passes of a run.
#[derive(Debug, Clone)]
pub struct PassOptions {
    pub bench_time: BenchTime,
    pub timeout: Duration,
    pub cpu_hz: u32,
    pub stacks: bool,
    /// Counted iterations by full name, where they are prescribed.
    pub counted_iterations: HashMap<String, u64>,
    /// What each stack has live at the peak, exactly.
    pub peak: bool,
    /// Of an executable that is measured as a whole process: which counting pass it is.
    pub whole_process: Option<u32>,
    /// The dhat crate records, too.
    pub dhat: bool,
    /// Where threads wait.
    pub block: bool,
    /// What becomes of each stack's blocks.
    pub lives: bool,
    /// Arguments for the bench itself.
    pub bench_args: Vec<String>,
    /// Records, plans and tables of the run lie here.
    pub dir: PathBuf,
    /// What the benches print goes to stderr, too.
    pub verbose: bool,
}

/// Who wants to know how far it is.
pub trait Observer {
    /// A benchmark begins; `name` is its full name.
    fn begins(&mut self, phase: Phase, name: &str);
    /// Something the user should know.
    fn warns(&mut self, message: &str);
}
