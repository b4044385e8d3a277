//! A pass: benchmarks of one executable run in one process, or in as many as it takes when some of them end it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::capture::Launch;
use super::plan::{self, Selected};
use super::process::{self, Interrupt, Running};
use super::{Observer, PassOptions};
use crate::records::{Module, Reader, Record};
use crate::{Error, Result};

/// What is done with each benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    List,
    Time,
    Count,
    Cpu,
    Dhat,
    Block,
}

impl Phase {
    /// As a participle, for progress.
    pub fn doing(self) -> &'static str {
        match self {
            Phase::List => "listing",
            Phase::Time => "timing",
            Phase::Count => "counting",
            Phase::Cpu => "sampling",
            Phase::Dhat => "recording with dhat",
            Phase::Block => "watching",
        }
    }
}

/// The error of a benchmark whose allocations do not come by the tracker.
pub const NOT_LINKED: &str = "nothing can be counted: the counting allocator is not linked into this bench";

/// The error of a benchmark whose harness's clock never ran: nothing is in ns/op, and nothing in B/op.
const UNTIMED: &str = "times nothing: its function never calls the harness's timing loop";

/// The error where a second process wrote records.
pub const FOREIGN: &str = "was started more than once, as by a runner, and the records cannot be told apart";

/// The error of a process that was found stopped twice.
const STOPPED: &str =
    "was stopped, and was ended: a bench, or a runner that wants a password, cannot ask at the terminal";

/// How often is looked whether a process is stopped.
const LOOKS_APART: Duration = Duration::from_secs(1);

/// A benchmark that did not come through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub index: usize,
    pub error: String,
}

/// What a pass brought.
#[derive(Debug, Default)]
pub struct PassResult {
    /// Per benchmark that came through: its records, and the objects of the process it ran in.
    pub records: HashMap<usize, Vec<Record>>,
    /// Objects by process; each benchmark names its own.
    pub modules: Vec<Vec<Module>>,
    pub process_of: HashMap<usize, usize>,
    pub failures: Vec<Failure>,
    /// What went wrong behind the last benchmark.
    pub afterwards: Option<String>,
}

/// How a process ended.
pub struct End {
    pub failure: Option<String>,
}

/// What is run, and how.
#[derive(Clone, Copy)]
pub struct Pass<'a> {
    pub phase: Phase,
    pub executable: &'a Path,
    pub launch: &'a Launch,
    pub options: &'a PassOptions,
    /// The unwind table, where stacks are taken.
    pub table: Option<&'a Path>,
}

/// One process of a bench.
pub struct Process {
    running: Running,
    records: PathBuf,
    reader: Reader,
}

impl Pass<'_> {
    /// Starts a process that goes through `selected`.
    pub fn start(&self, selected: &[Selected]) -> Result<Process> {
        let Pass { options, .. } = self;
        let write_error =
            |path: &Path, e: std::io::Error| Error::other(format!("cannot write {}: {e}", path.display()));
        let (plan_file, records) = (options.dir.join("plan"), options.dir.join("records"));
        std::fs::write(&records, b"").map_err(|e| write_error(&records, e))?;
        let reader =
            Reader::open(&records).map_err(|e| Error::other(format!("cannot read {}: {e}", records.display())))?;
        std::fs::write(&plan_file, plan::text(self.phase, options, &records, self.table, selected))
            .map_err(|e| write_error(&plan_file, e))?;
        let mut command = self.launch.command(self.executable);
        let variable = if options.whole_process.is_some() { plan::PROCESS_VARIABLE } else { plan::VARIABLE };
        command.arg("--bench").args(&options.bench_args).env(variable, &plan_file);
        // criterion looks for its folder with a cargo process, and writes to it.
        command.env("CRITERION_HOME", options.dir.join("criterion"));
        Ok(Process { running: Running::start(command, options.verbose)?, records, reader })
    }
}

impl Process {
    /// Gives `each` every record as it comes, until the process ends or one benchmark, or the set-up before one, takes longer
    /// than `timeout`.
    pub fn follow(mut self, timeout: Duration, interrupt: &Interrupt, each: &mut dyn FnMut(Record)) -> Result<End> {
        let (mut begun, mut inside, mut alone) = (Instant::now(), false, true);
        let (mut looked, mut stopped) = (Instant::now(), false);
        let status = loop {
            let status = self.running.poll()?;
            for record in self.reader.poll()? {
                let ends = matches!(record, Record::Done { .. });
                // What is recorded between a benchmark's begin and its end gives it no more time.
                if !inside || ends {
                    begun = Instant::now();
                }
                inside = (inside || matches!(record, Record::Begin { .. })) && !ends;
                alone &= !ends;
                each(record);
            }
            if let Some(status) = status {
                break status;
            }
            if interrupt.came() {
                self.running.kill();
                interrupt.check()?;
            }
            let late = begun.elapsed() > timeout;
            if !late && looked.elapsed() < LOOKS_APART {
                continue;
            }
            let stopped_before = std::mem::replace(&mut stopped, self.running.is_stopped());
            looked = Instant::now();
            let failure = match (late, stopped_before && stopped) {
                (_, true) => STOPPED.to_owned(),
                (true, false) => format!("took longer than --timeout {timeout:?}, and was ended"),
                (false, false) => continue,
            };
            self.running.kill();
            let _ = std::fs::remove_file(&self.records);
            return Ok(End { failure: Some(failure) });
        };
        let _ = std::fs::remove_file(&self.records);
        // What it had started would disturb the next.
        self.running.kill();
        let printed = self.running.printed();
        Ok(End { failure: (!status.success()).then(|| process::cause(status, &printed, alone)) })
    }
}

impl Pass<'_> {
    /// Runs all of `selected`; names the failed, goes on with the rest.
    pub fn run(
        &self,
        selected: &[Selected],
        names: &dyn Fn(usize) -> String,
        observer: &mut dyn Observer,
        interrupt: &Interrupt,
    ) -> Result<PassResult> {
        let mut result = PassResult::default();
        let mut remaining: Vec<Selected> = selected.to_vec();
        while !remaining.is_empty() {
            let (mut done, mut current) = (HashSet::new(), None);
            let (mut modules, mut linked) = (Vec::new(), true);
            let (mut own, mut foreign, mut untimed) = (None, false, None);
            let process = self.start(&remaining)?;
            let number = result.modules.len();
            let mut pending: Vec<Record> = Vec::new();
            let end = process.follow(self.options.timeout, interrupt, &mut |record| match record {
                Record::Object(module) => modules.push(module),
                Record::NotLinked => linked = false,
                Record::Begin { index } => {
                    observer.begins(self.phase, &names(index));
                    current = Some(index);
                    pending.clear();
                }
                Record::Done { index } if untimed == Some(index) => {
                    current = None;
                    done.insert(index);
                    result.failures.push(Failure { index, error: UNTIMED.to_owned() });
                }
                Record::Done { index } => {
                    current = None;
                    done.insert(index);
                    result.process_of.insert(index, number);
                    result.records.insert(index, std::mem::take(&mut pending));
                }
                Record::Start { pid } if *own.get_or_insert(pid) != pid => foreign = true,
                Record::Start { .. } | Record::Benchmark { .. } => (),
                Record::Untimed { index } => untimed = Some(index),
                record => pending.push(record),
            })?;
            result.modules.push(modules);
            if foreign {
                let failed = remaining.drain(..).map(|one| Failure { index: one.index, error: FOREIGN.to_owned() });
                result.failures.extend(failed);
                break;
            }
            if !linked {
                let failed = remaining.drain(..).map(|one| Failure { index: one.index, error: NOT_LINKED.to_owned() });
                result.failures.extend(failed);
                break;
            }
            let before = remaining.len();
            remaining.retain(|one| !done.contains(&one.index));
            match (current, end.failure) {
                (Some(index), failure) => {
                    let error = failure.unwrap_or_else(|| "ended the process with exit status 0".to_owned());
                    result.failures.push(Failure { index, error });
                    remaining.retain(|one| one.index != index);
                }
                (None, None) => {
                    for one in remaining.drain(..) {
                        let error = format!("vanished: it was listed, but did not run when {} it", self.phase.doing());
                        result.failures.push(Failure { index: one.index, error });
                    }
                }
                (None, Some(error)) if remaining.is_empty() => result.afterwards = Some(error),
                (None, Some(error)) if before == remaining.len() => {
                    for one in remaining.drain(..) {
                        result.failures.push(Failure { index: one.index, error: format!("{error}, before it began") });
                    }
                }
                // Some came through; those behind get another process.
                (None, Some(_)) => (),
            }
        }
        Ok(result)
    }
}
