//! The pass behind `explain`: counts with stacks, and the lives of the blocks. No timing, no samples.

use super::assemble::{Counts, circumstances};
use super::measuring::Measuring;
use super::options::PassOptions;
use super::phase::Phase;
use super::reason::Reason;
use super::suite::Suite;
use crate::Result;
use crate::explain::Recording;
use crate::pprof::profile::Profile;
use crate::records::Module;
use crate::results::lines::{Failed, Memory};
use crate::results::summary;
use crate::symbolize::{Symbolizer, profiles};

/// The recording of one benchmark.
pub struct Explained {
    pub name: String,
    pub memory: Memory,
    pub recording: Recording,
    /// mem.prof of these very counts.
    pub profile: Profile,
}

/// Records every benchmark of `suite`, in their order, and names those that fail. A whole process has nothing to
/// follow: it is one bracket, whose operations cannot be told apart.
pub fn explain(suite: &Suite, measuring: &mut Measuring) -> Result<Vec<std::result::Result<Explained, Failed>>> {
    let options = PassOptions { stacks: true, lives: true, ..measuring.options.clone() };
    let mut measuring = measuring.with(&options);
    let count = |name: &str| options.counted_iterations.get(name).copied().unwrap_or(0);
    let selected = suite.benchmarks.iter().enumerate().map(|(index, one)| suite.select(index, 0, count(&one.name)));
    let mut result = measuring.pass(Phase::Count, suite, &selected.collect::<Vec<_>>())?;
    let rebuilt = suite.rebuilt();
    let mut symbolizers: Vec<Symbolizer> = result.modules.iter().map(|modules| Symbolizer::new(modules)).collect();
    let mut outcomes = Vec::new();
    for (index, benchmark) in suite.benchmarks.iter().enumerate() {
        let reason = rebuilt.clone().or_else(|| result.failures.remove(&index));
        let records = result.records.remove(&index).zip(result.process_of.get(&index));
        let counts = records.ok_or_else(Reason::incomplete).and_then(|(records, &process)| {
            Ok((Counts::of(records, true, &benchmark.name, measuring.observer)?, process))
        });
        let explained = counts.and_then(|(counts, process)| {
            assemble(benchmark.name.clone(), counts, &mut symbolizers[process], &result.modules[process])
        });
        outcomes.push(match (reason, explained) {
            (Some(reason), _) => Err(suite.failed(benchmark, reason)),
            (None, Ok(explained)) => Ok(explained),
            (None, Err(reason)) => Err(suite.failed(benchmark, reason)),
        });
    }
    if let Some(reason) = result.afterwards {
        outcomes.push(Err(reason.when("after its last benchmark").of_target(suite.target())));
    }
    Ok(outcomes)
}

fn assemble(
    name: String,
    mut counts: Counts,
    symbolizer: &mut Symbolizer,
    modules: &[Module],
) -> std::result::Result<Explained, Reason> {
    let memory = counts.memory()?;
    let chosen = summary::representative(&counts.passes).ok_or_else(Reason::incomplete)?;
    let stacks = counts.stacks.remove(&chosen.pass).ok_or_else(Reason::incomplete)?;
    let lives = counts.lives.take().ok_or_else(Reason::incomplete)?;
    let recording = Recording::new(symbolizer, chosen.iterations, &stacks, &lives);
    let circumstances = circumstances(chosen.iterations, chosen.nanoseconds);
    let profile = profiles::memory(symbolizer, modules, &stacks, None, circumstances);
    Ok(Explained { name, memory, recording, profile })
}
