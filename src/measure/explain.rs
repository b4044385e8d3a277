//! The passes behind `explain`: counts with stacks, and what becomes of the blocks. No timing, no samples.

use super::suite::{Reason, Suite};
use super::{Measuring, PassOptions, Phase, circumstances};
use crate::Result;
use crate::explain::Recording;
use crate::pprof::profile::Profile;
use crate::records::{Counted, Module, Record};
use crate::results::lines::{Failed, FailureKind, Memory};
use crate::results::summary;
use crate::symbolize::{Symbolizer, profiles};

/// What was recorded of one benchmark.
pub struct Explained {
    pub name: String,
    pub memory: Memory,
    pub recording: Recording,
    /// mem.prof of these very counts.
    pub profile: Profile,
}

/// Records every benchmark of `suite`, in their order; what fails is named. Of a whole process there is nothing to follow: it is
/// one bracket, whose operations cannot be told apart.
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
        let explained = records.and_then(|(records, &process)| {
            assemble(benchmark.name.clone(), records, &mut symbolizers[process], &result.modules[process])
        });
        outcomes.push(match (reason, explained) {
            (Some(reason), _) => Err(suite.failed(benchmark, reason)),
            (None, Some(explained)) => Ok(explained),
            (None, None) => Err(suite.failed(benchmark, incomplete())),
        });
    }
    let afterwards = result.afterwards.map(|reason| reason.when("after its last benchmark"));
    outcomes.extend(afterwards.map(|reason| Err(reason.of_target(suite.target()))));
    Ok(outcomes)
}

/// A record that should be there is not.
pub fn incomplete() -> Reason {
    Reason::new(FailureKind::Incomplete, "its records are not complete; is the disk full?")
}
fn assemble(name: String, records: Vec<Record>, symbolizer: &mut Symbolizer, modules: &[Module]) -> Option<Explained> {
    let (mut passes, mut peak, mut lives, mut stacks) = (Vec::<Counted>::new(), None, None, Vec::new());
    for record in records {
        match record {
            Record::Counted(counted) if counted.pass.is_none() => peak = Some(counted),
            Record::Counted(counted) => passes.push(counted),
            Record::Stacks { pass, stacks: of_pass, .. } => stacks.push((pass, of_pass)),
            Record::Lives(of_all) => lives = Some(of_all),
            _ => (),
        }
    }
    // As for a profile: numbers and stacks come from one reading.
    for pass in &mut passes {
        let (_, of_pass) = stacks.iter().find(|(number, _)| pass.pass == Some(*number))?;
        pass.counts = of_pass.iter().map(|stack| stack.counts).sum();
    }
    let memory = summary::memory(&passes, peak.as_ref())?;
    let chosen = summary::representative(&passes)?;
    let (_, counted) = stacks.iter().find(|(number, _)| chosen.pass == Some(*number))?;
    let recording = Recording::new(symbolizer, chosen.iterations, counted, &lives?);
    let circumstances = circumstances(chosen.iterations, chosen.nanoseconds);
    let profile = profiles::memory(symbolizer, modules, counted, None, circumstances);
    Some(Explained { name, memory, recording, profile })
}
