//! The passes behind `explain`: counts with stacks, and what becomes of the blocks. No timing, no samples.

use super::list::Listed;
use super::pass::{Pass, Phase};
use super::plan::Selected;
use super::process::Interrupt;
use super::session::{self, REBUILT, Suite};
use super::{Observer, PassOptions, Tables};
use crate::Result;
use crate::explain::Recording;
use crate::pprof::profile::Profile;
use crate::records::{Counted, Module, Record};
use crate::results::lines::{Failed, Memory};
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
pub fn explain(
    suite: &Suite,
    options: &PassOptions,
    tables: &mut Tables,
    observer: &mut dyn Observer,
    interrupt: &Interrupt,
) -> Result<Vec<std::result::Result<Explained, Failed>>> {
    let options = PassOptions { stacks: true, lives: true, ..options.clone() };
    let executable = &suite.executable.counted;
    let table = session::write_table(suite, executable, "counted", &options, tables)?;
    let selected = suite.benchmarks.iter().enumerate().map(|(index, benchmark)| {
        let Listed { id, occurrence, .. } = &benchmark.listed;
        let counted_iterations = options.counted_iterations.get(&benchmark.name).copied().unwrap_or(0);
        Selected { index, id, occurrence: *occurrence, largest_iterations: 0, counted_iterations }
    });
    let selected: Vec<Selected> = selected.collect();
    let names = |index: usize| suite.benchmarks[index].name.clone();
    let (launch, options) = (suite.launch, &options);
    let pass = Pass { phase: Phase::Count, executable, launch, options, table: Some(&table) };
    let mut result = pass.run(&selected, &names, observer, interrupt)?;
    let rebuilt = !suite.executable.is_unchanged();
    let mut symbolizers: Vec<Symbolizer> = result.modules.iter().map(|modules| Symbolizer::new(modules)).collect();
    let outcomes = suite.benchmarks.iter().enumerate().map(|(index, benchmark)| {
        let failed = |error: String| suite.failed(benchmark, error);
        if rebuilt {
            return Err(failed(REBUILT.to_owned()));
        }
        if let Some(at) = result.failures.iter().position(|failure| failure.index == index) {
            return Err(failed(result.failures.swap_remove(at).error));
        }
        let records = result.records.remove(&index).zip(result.process_of.get(&index));
        let explained = records.and_then(|(records, &process)| {
            assemble(benchmark.name.clone(), records, &mut symbolizers[process], &result.modules[process])
        });
        explained.ok_or_else(|| failed("its records are not complete; is the disk full?".to_owned()))
    });
    Ok(outcomes.collect())
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
    let circumstances = session::circumstances(chosen.iterations, chosen.nanoseconds);
    let profile = profiles::memory(symbolizer, modules, counted, None, circumstances);
    Some(Explained { name, memory, recording, profile })
}
