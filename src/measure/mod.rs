//! From executables to records: the build, the passes, one process after the other, whatever the benches do.

mod assemble;
mod attempt;
mod build;
mod cargo;
mod explain;
mod launch;
mod list;
mod measurement;
mod one_pass;
mod pass;
mod phase;
mod plan;
mod process;
mod reason;
mod recount;
mod scratch;
mod suite;
mod tables;
mod turns;
mod whole_process;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::symbolize::profiles::Circumstances;

pub use build::{Build, Builder, Executable};
pub use cargo::{BuildOptions, CargoCall};
pub use explain::{Explained, explain};
pub use launch::{Launch, RUNNER_NAME, Runner, run_runner};
pub use list::list;
pub use measurement::measure;
pub use phase::Phase;
pub use process::Interrupt;
pub use reason::Reason;
pub use recount::{Recounted, recount};
pub use scratch::Scratch;
pub use suite::{Outcome, ProfilePair, Suite};
pub use tables::Tables;
pub use turns::Rivals;

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
    /// The reference of all benchmarks, if that is another revision.
    pub rivals: Option<Arc<Rivals>>,
    /// The folder with the pipes, for a process that takes turns.
    pub turn: Option<turns::Place>,
}

/// Receives progress and warnings.
pub trait Observer {
    /// A benchmark begins; `name` is its full name.
    fn begins(&mut self, phase: Phase, name: &str);
    /// Something the user should know.
    fn warns(&mut self, message: &str);
}

/// The context of every pass over every suite of a run.
pub struct Measuring<'a> {
    pub options: &'a PassOptions,
    pub tables: &'a mut Tables,
    pub observer: &'a mut dyn Observer,
    pub interrupt: &'a Interrupt,
}

impl Measuring<'_> {
    /// The same with other options.
    pub fn with<'b>(&'b mut self, options: &'b PassOptions) -> Measuring<'b> {
        Measuring { options, tables: self.tables, observer: self.observer, interrupt: self.interrupt }
    }
}

/// When a profile was recorded, and over how much.
fn circumstances(iterations: u64, duration_ns: u64) -> Circumstances {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    Circumstances { iterations, time_nanos: now, duration_nanos: duration_ns as i64 }
}
