//! A second opinion: some benchmarks counted again, in a process of their own.

use std::collections::{BTreeMap, HashSet};

use super::assemble::Counts;
use super::measuring::Measuring;
use super::options::PassOptions;
use super::phase::Phase;
use super::suite::Suite;
use crate::Result;
use crate::results::lines::{Failed, Finished, Memory};

/// The results of counting again, by full name.
#[derive(Default)]
pub struct Recounted {
    pub counts: BTreeMap<String, Memory>,
    pub failed: Vec<Failed>,
}

/// Counts those benchmarks of `suite` again that `wanted` names, with as many iterations as `before`.
pub fn recount(
    suite: &Suite,
    wanted: &HashSet<String>,
    before: &[Finished],
    measuring: &mut Measuring,
) -> Result<Recounted> {
    let options = PassOptions { stacks: false, ..measuring.options.clone() };
    let selected = suite.benchmarks.iter().enumerate().filter_map(|(index, benchmark)| {
        let name = &benchmark.name;
        let finished = before.iter().find(|finished| finished.name == *name && wanted.contains(name))?;
        let largest = finished.time.samples.iter().map(|sample| sample.iterations).max().unwrap_or(0);
        Some(suite.select(index, largest, finished.memory.iterations))
    });
    let selected: Vec<_> = selected.collect();
    let result = measuring.with(&options).pass(Phase::Count, suite, &selected)?;
    if suite.rebuilt().is_some() {
        return Ok(Recounted::default());
    }
    let of = |index: usize| &suite.benchmarks[index];
    let again = |reason: super::Reason| reason.when("when it was counted again");
    let mut failed: Vec<Failed> =
        result.failures.into_iter().map(|(index, reason)| suite.failed(of(index), again(reason))).collect();
    failed.sort_by(|a, b| a.name.cmp(&b.name));
    failed.extend(result.afterwards.map(|reason| again(reason).of_target(suite.target())));
    let counts = result.records.into_iter().filter_map(|(index, records)| {
        let name = &of(index).name;
        let memory = Counts::of(records, false, name, measuring.observer).and_then(|counts| counts.memory());
        Some((name.clone(), memory.ok()?))
    });
    Ok(Recounted { counts: counts.collect(), failed })
}
