//! A run: every pass over every executable, and what came of each benchmark.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use super::assemble::Recorded;
use super::build::Executable;
use super::capture::Launch;
use super::list::{self, Listed};
use super::pass::{Pass, PassResult, Phase};
use super::plan::{self, Selected};
use super::process::Interrupt;
use super::{Observer, PassOptions, Tables, whole_process};
use crate::inject::{is_hooked, is_pair};
use crate::pprof::profile::Profile;
use crate::records::{Module, Record, Timed};
use crate::results::lines::{Failed, Finished};
use crate::symbolize::profiles::Circumstances;
use crate::{Error, Result};

/// A benchmark of the run.
#[derive(Debug, Clone)]
pub struct Benchmark {
    pub name: String,
    pub listed: Listed,
    /// How many were listed before it in this run, selected or not.
    pub position: usize,
}

/// What came of one benchmark.
#[derive(Debug)]
pub enum Outcome {
    Finished(Box<Finished>, Box<ProfilePair>),
    Failed(Failed),
}

/// The profiles of one benchmark; `None` where they were not asked for.
#[derive(Debug, Default)]
pub struct ProfilePair {
    pub mem: Option<Profile>,
    pub cpu: Option<Profile>,
    /// dhat's own file, as it wrote it.
    pub dhat: Option<Vec<u8>>,
    pub block: Option<Profile>,
}

/// One executable with the benchmarks of it that were selected.
pub struct Suite<'a> {
    pub executable: &'a Executable,
    pub launch: &'a Launch,
    pub benchmarks: Vec<Benchmark>,
    /// The executable has no harness: its only benchmark is a run of the whole process.
    pub whole_process: bool,
    /// How many benchmarks the executable has, selected or not.
    pub listed: usize,
    /// Its listing came to its end: what it does not name is not there.
    pub is_complete: bool,
    /// Objects that its processes map.
    modules: Vec<Module>,
}

/// So many benchmarks go through all passes before their results are given out. Each part starts processes of its own, in which
/// the set-up of the whole bench runs again; all that they recorded is kept until the part ends.
const PART: usize = 100;

/// Time of one program and counts of another are not put in one row.
pub(super) const REBUILT: &str = "was built anew by another run while it was measured; run it again";

impl Suite<'_> {
    /// What became of a benchmark that brought no result.
    pub(super) fn failed(&self, benchmark: &Benchmark, error: String) -> Failed {
        let target = &self.executable.target;
        Failed {
            name: benchmark.name.clone(),
            package: target.package.clone(),
            target: target.name.clone(),
            id: benchmark.listed.id.clone(),
            error,
        }
    }

    /// The suite in parts whose recordings fit in memory at once, and whose results come while others are still to be measured.
    ///
    /// `without`: names of what has failed already, and may take all of --timeout again.
    pub fn parts(&self, without: &HashSet<String>) -> Vec<Suite<'_>> {
        let left = self.benchmarks.iter().filter(|benchmark| !without.contains(&benchmark.name));
        let left: Vec<&Benchmark> = left.collect();
        let part = |part: &[&Benchmark]| Suite {
            executable: self.executable,
            launch: self.launch,
            benchmarks: part.iter().map(|&benchmark| benchmark.clone()).collect(),
            whole_process: self.whole_process,
            listed: self.listed,
            is_complete: self.is_complete,
            modules: self.modules.clone(),
        };
        left.chunks(PART).map(part).collect()
    }
}

/// Lists the benchmarks of `executable`; those that `wanted` (by `TARGET/ID`) holds of are in the suite. `before`: so many
/// were listed of other executables.
///
/// # Errors
/// The message of what ended the listing early.
pub fn list_suite<'a>(
    executable: &'a Executable,
    launch: &'a Launch,
    options: &PassOptions,
    wanted: &dyn Fn(&Executable, &str) -> bool,
    before: usize,
    interrupt: &Interrupt,
) -> Result<(Suite<'a>, Option<String>)> {
    let whole_process = !is_hooked(&executable.timed)?;
    // Without a harness only the counting executable can answer.
    let program = if whole_process { &executable.counted } else { &executable.timed };
    let listing = list::list(program, launch, options, whole_process, interrupt)?;
    let target = &executable.target;
    let (listed, is_complete) = (listing.benchmarks.len(), listing.failure.is_none());
    let all = listing.benchmarks.into_iter().zip(before..);
    let benchmarks = all.filter(|(listed, _)| wanted(executable, &listed.id)).map(|(listed, position)| {
        let again = if listed.occurrence == 0 { String::new() } else { format!("#{:02}", listed.occurrence) };
        Benchmark { name: format!("{}/{}/{}{again}", target.package, target.name, listed.id), listed, position }
    });
    let benchmarks = benchmarks.collect();
    let modules = listing.modules;
    Ok((Suite { executable, launch, benchmarks, whole_process, listed, is_complete, modules }, listing.failure))
}

/// Measures a suite once: the outcomes in the order of its benchmarks, and a word on what happened behind the last one.
pub fn measure(
    suite: &Suite,
    options: &PassOptions,
    tables: &mut Tables,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<(Vec<Outcome>, Option<String>)> {
    let mut state = State { failed: HashMap::new(), timed: HashMap::new(), afterwards: None };
    let timed = state.pass(Phase::Time, suite, options, None, observer, interrupt)?;
    for (index, records) in timed.records {
        state.timed.extend(records.into_iter().filter_map(|record| match record {
            Record::Timed(timed) => Some((index, timed)),
            _ => None,
        }));
    }
    let counted_table = if options.stacks {
        let table = write_table(suite, &suite.executable.counted, "counted", options, tables)?;
        if tables.lacks_unwind_tables(&real_path(&suite.executable.counted)) {
            observer.warns(&format!(
                "{}: built without unwind tables, so stacks may be cut in its code; take `-C force-unwind-tables=no` out \
                 of the flags",
                suite.executable.target.name
            ));
        }
        Some(table)
    } else {
        None
    };
    let counted = state.pass(Phase::Count, suite, options, counted_table.as_deref(), observer, interrupt)?;
    let sampled = if options.stacks {
        // A whole process is sampled where the runtime is.
        let program = if suite.whole_process { &suite.executable.counted } else { &suite.executable.timed };
        let table = write_table(suite, program, "timed", options, tables)?;
        state.pass(Phase::Cpu, suite, options, Some(&table), observer, interrupt)?
    } else {
        PassResult::default()
    };

    if options.dhat {
        record_with_dhat(suite, options, &mut state, &counted, observer, interrupt)?;
    }
    let waited = if options.block && !suite.whole_process {
        let table = write_table(suite, &suite.executable.timed, "timed", options, tables)?;
        state.pass(Phase::Block, suite, options, Some(&table), observer, interrupt)?
    } else {
        PassResult::default()
    };

    let rebuilt = !suite.executable.is_unchanged();
    let timed = std::mem::take(&mut state.timed);
    let mut recorded = Recorded::new(timed, counted, sampled, waited);
    let outcomes = suite.benchmarks.iter().enumerate().map(|(index, benchmark)| {
        let failed = |error: String| Outcome::Failed(suite.failed(benchmark, error));
        if rebuilt {
            return failed(REBUILT.to_owned());
        }
        if let Some(error) = state.failed.remove(&index) {
            return failed(error);
        }
        match recorded.assemble(suite, index, options, observer) {
            Some((finished, mut profiles)) => {
                if options.dhat {
                    profiles.dhat = std::fs::read(plan::dhat_dir(options).join(format!("{index}.json"))).ok();
                }
                Outcome::Finished(Box::new(finished), Box::new(profiles))
            }
            None => failed("its records are not complete; is the disk full?".to_owned()),
        }
    });
    let outcomes = outcomes.collect();
    Ok((outcomes, state.afterwards))
}

/// One more pass, in the executable that has the dhat crate; its files stay in the run's folder.
fn record_with_dhat(
    suite: &Suite,
    options: &PassOptions,
    state: &mut State,
    counted: &PassResult,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<()> {
    let dir = plan::dhat_dir(options);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).map_err(|e| Error::other(format!("cannot write to {}: {e}", dir.display())))?;
    let target = &suite.executable.target;
    if suite.whole_process || !is_pair(&suite.executable.timed, &suite.executable.dhat) {
        let why = if suite.whole_process { "it has no harness" } else { "it has an allocator of its own" };
        observer.warns(&format!("{}/{}: no dhat-heap.json, for {why}", target.package, target.name));
        return Ok(());
    }
    // As many iterations as were counted.
    let mut iterations = options.counted_iterations.clone();
    for (&index, records) in &counted.records {
        let counts = records.iter().find_map(|record| match record {
            Record::Counted(counted) if counted.pass.is_some() => Some(counted.iterations),
            _ => None,
        });
        iterations.extend(counts.map(|n| (suite.benchmarks[index].name.clone(), n)));
    }
    let options = PassOptions { counted_iterations: iterations, ..options.clone() };
    state.pass(Phase::Dhat, suite, &options, None, observer, interrupt)?;
    Ok(())
}

/// What the passes so far left behind.
struct State {
    failed: HashMap<usize, String>,
    timed: HashMap<usize, Timed>,
    afterwards: Option<String>,
}

impl State {
    /// Runs a pass over what has not failed yet.
    fn pass(
        &mut self,
        phase: Phase,
        suite: &Suite,
        options: &PassOptions,
        table: Option<&Path>,
        observer: &mut dyn Observer,
        interrupt: &Interrupt,
    ) -> Result<PassResult> {
        let executable = match phase {
            Phase::Count => &suite.executable.counted,
            Phase::Dhat => &suite.executable.dhat,
            Phase::List | Phase::Time | Phase::Cpu | Phase::Block => &suite.executable.timed,
        };
        let selected: Vec<Selected> = suite
            .benchmarks
            .iter()
            .enumerate()
            .filter(|(index, _)| !self.failed.contains_key(index))
            .map(|(index, benchmark)| Selected {
                index,
                id: &benchmark.listed.id,
                occurrence: benchmark.listed.occurrence,
                largest_iterations: self.timed.get(&index).map_or(0, |timed| timed.largest_iterations),
                counted_iterations: options.counted_iterations.get(&benchmark.name).copied().unwrap_or(0),
            })
            .collect();
        let names = |index: usize| suite.benchmarks[index].name.clone();
        let mut result = match (suite.whole_process, phase, selected.as_slice()) {
            (true, _, []) => PassResult::default(),
            (true, Phase::Time, [one, ..]) => {
                whole_process::time(suite, options, one.index, &names(one.index), observer, interrupt)?
            }
            (true, _, selected) => whole_process::pass(phase, suite, options, table, selected, observer, interrupt)?,
            (false, _, selected) => Pass { phase, executable, launch: suite.launch, options, table }
                .run(selected, &names, observer, interrupt)?,
        };
        self.failed.extend(result.failures.drain(..).map(|failure| (failure.index, failure.error)));
        if self.afterwards.is_none() {
            self.afterwards = result.afterwards.take();
        }
        Ok(result)
    }
}

pub(super) fn circumstances(iterations: u64, duration_ns: u64) -> Circumstances {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    Circumstances { iterations, time_nanos: now, duration_nanos: duration_ns as i64 }
}

/// As the process names itself.
fn real_path(executable: &Path) -> PathBuf {
    executable.canonicalize().unwrap_or_else(|_| executable.to_owned())
}

/// The unwind table for processes of `executable`: the shared objects are those that listing saw.
pub(super) fn write_table(
    suite: &Suite,
    executable: &Path,
    name: &str,
    options: &PassOptions,
    tables: &mut Tables,
) -> Result<PathBuf> {
    let executable = real_path(executable);
    // Segments and build id are the file's own; the runtime compares them to what it finds mapped.
    let main = Module { path: executable, bias: 0, build_id: Vec::new(), text: Vec::new(), image: None };
    let mut modules = vec![main];
    modules.extend(suite.modules.iter().skip(1).cloned());
    let file = options.dir.join(format!("table-{name}"));
    tables.write(&modules, &file)?;
    Ok(file)
}
