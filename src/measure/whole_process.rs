//! An executable without a harness: there is one benchmark, `main`, whose iteration is a whole run of the process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::pass::{Failure, Pass, PassResult, Phase};
use super::plan::Selected;
use super::process::{Interrupt, Running, cause};
use super::session::Suite;
use super::{BenchTime, Observer, PassOptions};
use crate::Result;
use crate::records::{Record, Timed};

/// Runs at most, where time decides.
const MOST_RUNS: u64 = 100;
/// Counting passes, each a process: where all agree the count is exact.
const PASSES: u32 = 3;

/// Runs the executable as the user has it, as often as --benchtime says; its wall time.
pub fn time(
    suite: &Suite,
    options: &PassOptions,
    index: usize,
    name: &str,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<PassResult> {
    observer.begins(Phase::Time, name);
    let mut result = PassResult::default();
    let mut samples: Vec<(u64, f64)> = Vec::new();
    let begun = Instant::now();
    let enough = |samples: &[(u64, f64)]| match options.bench_time {
        BenchTime::Iterations(runs) => samples.len() as u64 >= runs,
        BenchTime::For(time) => !samples.is_empty() && (begun.elapsed() >= time || samples.len() as u64 >= MOST_RUNS),
    };
    let mut is_first = matches!(options.bench_time, BenchTime::For(_));
    while !enough(&samples) {
        let mut command = suite.launch.command(&suite.executable.timed);
        command.arg("--bench").args(&options.bench_args).stdin(Stdio::null());
        // A fork of criterion that is not known as one would write to the user's target directory.
        command.env("CRITERION_HOME", options.dir.join("criterion"));
        let (status, elapsed, printed) = Running::start(command, options.verbose)?.run(options.timeout, interrupt)?;
        let failure = match status {
            None => Some(format!("took longer than --timeout {:?}, and was ended", options.timeout)),
            Some(status) if !status.success() => Some(cause(status, &printed, true)),
            Some(_) => None,
        };
        if let Some(error) = failure {
            result.failures.push(Failure { index, error });
            return Ok(result);
        }
        // The first run fills the system's caches, and is only kept where there is no time for others.
        let short = |time: Duration| elapsed * 4 < time;
        if !(is_first && matches!(options.bench_time, BenchTime::For(time) if short(time))) {
            samples.push((1, elapsed.as_nanos() as f64));
        }
        is_first = false;
    }
    let timed = Timed { index, custom: false, wall_time: true, largest_iterations: 1, samples };
    result.records.insert(index, vec![Record::Timed(timed)]);
    Ok(result)
}

/// Counts, or samples: whole runs of the executable with the runtime in it.
pub fn pass(
    phase: Phase,
    suite: &Suite,
    options: &PassOptions,
    table: Option<&Path>,
    selected: &[Selected],
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<PassResult> {
    let passes = if phase == Phase::Count { PASSES } else { 1 };
    let names = |index: usize| suite.benchmarks[index].name.clone();
    let mut all = PassResult::default();
    for pass in 0..passes {
        let options = PassOptions { whole_process: Some(pass), ..options.clone() };
        let (executable, launch, options) = (&suite.executable.counted, suite.launch, &options);
        let one = Pass { phase, executable, launch, options, table }.run(selected, &names, observer, interrupt)?;
        all.modules.extend(one.modules);
        all.process_of.extend(one.process_of.keys().map(|&index| (index, 0)));
        for (index, records) in one.records {
            all.records.entry(index).or_default().extend(records);
        }
        if !one.failures.is_empty() {
            all.failures = one.failures;
            break;
        }
    }
    Ok(all)
}
