//! From executables to records: the build, the passes, one process after the other, whatever the benches do.

mod assemble;
mod attempt;
mod build;
mod cargo;
mod explain;
mod launch;
mod list;
mod measurement;
mod pass;
mod phase;
mod plan;
mod process;
mod recount;
mod scratch;
mod suite;
mod tables;
mod turns;
mod whole_process;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::records::Module;
use crate::symbolize::profiles::Circumstances;

pub use build::{Build, Builder, Executable};
pub use cargo::BuildOptions;
pub use explain::{Explained, explain};
pub use launch::{RUNNER_NAME, run_runner};
pub use list::list;
pub use measurement::measure;
pub use phase::Phase;
pub use process::Interrupt;
pub use recount::{Recounted, recount};
pub use scratch::Scratch;
pub use suite::{Outcome, ProfilePair, Reason, Suite};
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
    /// What is compared is timed in turns.
    pub turns: bool,
    /// Of a process that takes turns: where its pipes are.
    pub turn: Option<turns::Place>,
}

/// Receives progress and warnings.
pub trait Observer {
    /// A benchmark begins; `name` is its full name.
    fn begins(&mut self, phase: Phase, name: &str);
    /// Something the user should know.
    fn warns(&mut self, message: &str);
}

/// What every pass over every suite of a run needs.
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

    /// Runs one pass over `selected` of `suite`.
    fn pass(&mut self, phase: Phase, suite: &Suite, selected: &[plan::Selected]) -> Result<pass::PassResult> {
        let Some(first) = selected.first() else { return Ok(pass::PassResult::default()) };
        let program = phase.program(suite);
        let table = match phase.takes_stacks(self.options) {
            true => Some(self.write_table(phase, suite, program)?),
            false => None,
        };
        let table = table.as_deref();
        match (suite.whole_process, phase) {
            (true, Phase::Time) => whole_process::time(suite, first, self),
            (true, _) => whole_process::pass(phase, suite, table, first, self),
            (false, _) => {
                let (launch, options) = (suite.launch, self.options);
                let arguments = phase.arguments(suite, options);
                pass::Pass { phase, program, launch, options, table, arguments: &arguments }.run(selected, self)
            }
        }
    }

    /// The unwind table for processes of `program`: the shared objects are those that listing saw.
    fn write_table(&mut self, phase: Phase, suite: &Suite, program: &Path) -> Result<PathBuf> {
        // As the process names itself.
        let path = program.canonicalize().unwrap_or_else(|_| program.to_owned());
        // Segments and build id are the file's own; the runtime compares them to what it finds mapped.
        let main = Module { path, bias: 0, build_id: Vec::new(), text: Vec::new(), image: None };
        let modules: Vec<Module> = std::iter::once(main).chain(suite.modules.iter().skip(1).cloned()).collect();
        let file = self.options.dir.join("table");
        self.tables.write(&modules, &file)?;
        if phase == Phase::Count && self.tables.lacks_unwind_tables(&modules[0].path) {
            self.observer.warns(&format!(
                "{}: built without unwind tables, so stacks may be cut in its code; take `-C force-unwind-tables=no` out \
                 of the flags",
                suite.target().name
            ));
        }
        Ok(file)
    }
}

/// When a profile was recorded, and over how much.
fn circumstances(iterations: u64, duration_ns: u64) -> Circumstances {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    Circumstances { iterations, time_nanos: now, duration_nanos: duration_ns as i64 }
}
