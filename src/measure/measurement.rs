//! One measurement of a suite: its passes one after the other, then each benchmark's outcome.

use std::collections::HashMap;

use super::assemble::Recorded;
use super::measuring::Measuring;
use super::options::{BenchTime, PassOptions};
use super::phase::Phase;
use super::plan::{self, Selected};
use super::reason::Reason;
use super::suite::{Outcome, Suite};
use super::turns;
use crate::inject::is_pair;
use crate::results::ratio::Versus;
use crate::{Result, fs};

/// Measures a suite once: the outcomes in the order of its benchmarks, and the failure after the last one.
pub fn measure(suite: &Suite, measuring: &mut Measuring) -> Result<(Vec<Outcome>, Option<Reason>)> {
    let (mut recorded, mut failed, mut afterwards) = (Recorded::default(), HashMap::new(), None);
    let mut ratios = HashMap::new();
    for phase in phases(suite, measuring) {
        if phase == Phase::Dhat {
            empty_dhat_folder(measuring.options)?;
        }
        let selected = (0..suite.benchmarks.len()).filter(|index| !failed.contains_key(index)).map(|index| {
            let prescribed = measuring.options.counted_iterations.get(&suite.benchmarks[index].name).copied();
            // dhat sees as many iterations as were counted.
            let counted = recorded.counted_iterations(index).filter(|_| phase == Phase::Dhat);
            suite.select(index, recorded.largest_iterations(index), counted.or(prescribed).unwrap_or(0))
        });
        let selected: Vec<Selected> = selected.collect();
        let mut result = if phase == Phase::Time && takes_turns(suite, measuring.options) {
            let turns::Compared { result, ratios: found } = turns::time(suite, &selected, measuring)?;
            ratios.extend(found);
            result
        } else {
            measuring.pass(phase, suite, &selected)?
        };
        failed.extend(result.failures.drain());
        afterwards = afterwards.or(result.afterwards.take());
        recorded.add(phase, result);
    }

    let rebuilt = suite.rebuilt();
    let (options, rivals) = (measuring.options, measuring.rivals);
    let outcomes = suite.benchmarks.iter().enumerate().map(|(index, benchmark)| {
        if let Some(reason) = rebuilt.clone().or_else(|| failed.remove(&index)) {
            return Outcome::Failed(suite.failed(benchmark, reason));
        }
        match recorded.assemble(suite, index, options, measuring.observer) {
            Ok((mut finished, mut profiles)) => {
                let baseline = rivals.map(|rivals| rivals.label.clone());
                let reference = if baseline.is_some() { Some(benchmark) } else { benchmark.against.as_deref() };
                let pairs = ratios.get(&index).copied().zip(reference);
                finished.vs = pairs.map(|(ratio, one)| Versus { name: one.name.clone(), baseline, ratio });
                if options.dhat {
                    profiles.dhat = std::fs::read(plan::dhat_dir(options).join(format!("{index}.json"))).ok();
                }
                Outcome::Finished(Box::new(finished), Box::new(profiles))
            }
            Err(reason) => Outcome::Failed(suite.failed(benchmark, reason)),
        }
    });
    Ok((outcomes.collect(), afterwards))
}

/// Whether samples will be compared: a comparison of fewer than six says nothing.
fn takes_turns(suite: &Suite, options: &PassOptions) -> bool {
    let are_enough = !matches!(options.bench_time, BenchTime::Iterations(..6));
    options.turns && !suite.whole_process && are_enough
}

/// The passes of a measurement that this suite can go through.
fn phases(suite: &Suite, measuring: &mut Measuring) -> Vec<Phase> {
    let mut phases = Phase::of_measurement(measuring.options);
    if suite.whole_process {
        phases.retain(|phase| *phase != Phase::Block);
    }
    let target = suite.target();
    let no_dhat = match suite.whole_process {
        true => Some("it has no harness"),
        false if !is_pair(&suite.executable.timed, &suite.executable.dhat) => Some("it has an allocator of its own"),
        false => None,
    };
    if let Some(why) = no_dhat.filter(|_| measuring.options.dhat) {
        phases.retain(|phase| *phase != Phase::Dhat);
        measuring.observer.warns(&format!("{}/{}: no dhat-heap.json, for {why}", target.package, target.name));
    }
    phases
}

/// dhat's files stay in the run's folder until they are read.
fn empty_dhat_folder(options: &PassOptions) -> Result<()> {
    let dir = plan::dhat_dir(options);
    let _ = std::fs::remove_dir_all(&dir);
    fs::create_dir_all(dir)
}
