//! A second opinion: some benchmarks counted again, in a process of their own.

use std::collections::{BTreeMap, HashSet};

use super::pass::{Pass, Phase};
use super::plan::Selected;
use super::process::Interrupt;
use super::session::Suite;
use super::{Observer, PassOptions, whole_process};
use crate::Result;
use crate::records::{Counted, Record};
use crate::results::lines::{Finished, Memory};
use crate::results::summary;

/// Counts those benchmarks of `suite` again that `wanted` names, with as many iterations as before; what fails is left out.
pub fn recount(
    suite: &Suite,
    wanted: &HashSet<String>,
    before: &[Finished],
    options: &PassOptions,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<BTreeMap<String, Memory>> {
    let options = PassOptions { stacks: false, ..options.clone() };
    let of = |name: &str| before.iter().find(|finished| finished.name == name);
    let selected = suite.benchmarks.iter().enumerate().filter_map(|(index, benchmark)| {
        let finished = of(&benchmark.name).filter(|_| wanted.contains(&benchmark.name))?;
        Some(Selected {
            index,
            id: &benchmark.listed.id,
            occurrence: benchmark.listed.occurrence,
            largest_iterations: finished.time.samples.iter().map(|sample| sample.iterations).max().unwrap_or(0),
            counted_iterations: finished.memory.iterations,
        })
    });
    let selected: Vec<Selected> = selected.collect();
    let names = |index: usize| suite.benchmarks[index].name.clone();
    let executable = &suite.executable.counted;
    let result = match suite.whole_process {
        true => whole_process::pass(Phase::Count, suite, &options, None, &selected, observer, interrupt)?,
        false => {
            let (launch, options) = (suite.launch, &options);
            Pass { phase: Phase::Count, executable, launch, options, table: None }
                .run(&selected, &names, observer, interrupt)?
        }
    };
    if !suite.executable.is_unchanged() {
        return Ok(BTreeMap::new());
    }
    let memory = |records: Vec<Record>| {
        let counted = records.into_iter().filter_map(|record| match record {
            Record::Counted(counted) => Some(counted),
            _ => None,
        });
        let (peak, passes): (Vec<Counted>, Vec<Counted>) = counted.partition(|counted| counted.pass.is_none());
        summary::memory(&passes, peak.first())
    };
    let counted = result.records.into_iter().filter_map(|(index, records)| Some((names(index), memory(records)?)));
    Ok(counted.collect())
}
