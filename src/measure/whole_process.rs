//! An executable without a harness: there is one benchmark, `main`, whose iteration is a whole run of the process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::attempt::PassResult;
use super::measuring::Measuring;
use super::options::{BenchTime, PassOptions};
use super::pass::Pass;
use super::phase::Phase;
use super::plan::Selected;
use super::process::{Running, cause, timed_out};
use super::reason::Reason;
use super::suite::Suite;
use crate::Result;
use crate::records::{Record, Timed, TimedSample};

/// The most runs, if time decides.
const MOST_RUNS: u64 = 100;
/// Counting passes, each a process: if all agree, the count is exact.
const PASSES: u32 = 3;

/// Runs the executable as the user has it, as often as --benchtime says; its wall time.
pub fn time(suite: &Suite, selected: &Selected, measuring: &mut Measuring) -> Result<PassResult> {
    let (options, index) = (measuring.options, selected.index);
    measuring.observer.begins(Phase::Time, selected.name);
    let mut result = PassResult::default();
    let mut samples: Vec<TimedSample> = Vec::new();
    let begun = Instant::now();
    let enough = |samples: &[TimedSample]| match options.bench_time {
        BenchTime::Iterations(runs) => samples.len() as u64 >= runs,
        BenchTime::For(time) => !samples.is_empty() && (begun.elapsed() >= time || samples.len() as u64 >= MOST_RUNS),
    };
    let mut is_first = matches!(options.bench_time, BenchTime::For(_));
    while !enough(&samples) {
        let mut command = suite.launch.command(&suite.executable.timed);
        command.arg("--bench").args(&options.bench_args).stdin(Stdio::null());
        // A fork of criterion that is not recognized would write to the user's target directory.
        command.env("CRITERION_HOME", options.dir.join("criterion"));
        let running = Running::start(command, options.verbose)?;
        let (status, elapsed, printed) = running.run(options.timeout, measuring.interrupt)?;
        let failure = match status {
            None => Some(timed_out(options.timeout)),
            Some(status) if !status.success() => Some(Reason::crashed(cause(status, &printed, true))),
            Some(_) => None,
        };
        if let Some(reason) = failure {
            result.failures.insert(index, reason);
            return Ok(result);
        }
        // The first run fills the system's caches, and is only kept if there is no time for others.
        let short = |time: Duration| elapsed * 4 < time;
        if !(is_first && matches!(options.bench_time, BenchTime::For(time) if short(time))) {
            samples.push(TimedSample { iterations: 1, value: elapsed.as_nanos() as f64, delayed: 0.0 });
        }
        is_first = false;
    }
    let timed =
        Timed { index, custom: false, wall_time: true, interrupted: 0, stolen_ms: 0, largest_iterations: 1, samples };
    result.records.insert(index, vec![Record::Timed(timed)]);
    Ok(result)
}

/// Counts, or samples: whole runs of the executable with the runtime in it.
pub fn pass(
    phase: Phase,
    suite: &Suite,
    table: Option<&Path>,
    selected: &Selected,
    measuring: &mut Measuring,
) -> Result<PassResult> {
    let passes = if phase == Phase::Count { PASSES } else { 1 };
    let mut all = PassResult::default();
    for pass in 0..passes {
        let options = &PassOptions { whole_process: Some(pass), ..measuring.options.clone() };
        let (program, launch) = (suite.program(phase), suite.launch);
        let one = Pass { phase, program, launch, options, table, arguments: &[] }
            .run(std::slice::from_ref(selected), measuring)?;
        all.modules.extend(one.modules);
        all.process_of.extend(one.process_of.keys().map(|&index| (index, 0)));
        for (index, records) in one.records {
            all.records.entry(index).or_default().extend(records);
        }
        all.failures = one.failures;
        // The benchmark is the process: how it ends is part of it.
        all.failures.extend(one.afterwards.map(|reason| (selected.index, reason)));
        if !all.failures.is_empty() {
            break;
        }
    }
    Ok(all)
}
