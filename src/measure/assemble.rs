//! What all passes recorded of one benchmark, put together: its results and its profiles.

use std::collections::HashMap;

use super::pass::PassResult;
use super::suite::{Benchmark, ProfilePair, Suite};
use super::{Observer, PassOptions, Phase, circumstances};
use crate::inject::is_own_allocator;
use crate::pprof::profile::Profile;
use crate::records::{Allocations, Counted, Module, Record, Stack, Timed};
use crate::results::lines::{Finished, Memory, Profiles, Time};
use crate::results::summary;
use crate::symbolize::Symbolizer;
use crate::symbolize::profiles;

/// What the passes over a suite recorded.
#[derive(Default)]
pub struct Recorded {
    timed: HashMap<usize, Timed>,
    by_phase: HashMap<Phase, Recordings>,
}

/// The records of a pass with the symbolizers of its processes.
#[derive(Default)]
struct Recordings {
    result: PassResult,
    symbolizers: HashMap<usize, Symbolizer>,
}

impl Recordings {
    /// A benchmark's records and the number of the process that wrote them.
    fn take(&mut self, index: usize) -> Option<(Vec<Record>, usize)> {
        Some((self.result.records.remove(&index)?, *self.result.process_of.get(&index)?))
    }

    fn symbolizer(&mut self, process: usize) -> (&mut Symbolizer, &[Module]) {
        let modules = &self.result.modules[process];
        (self.symbolizers.entry(process).or_insert_with(|| Symbolizer::new(modules)), modules)
    }
}

/// The records of the counting pass over one benchmark, by kind.
#[derive(Default)]
struct Counts {
    passes: Vec<Counted>,
    peak: Option<Counted>,
    /// Stacks with what of their blocks was live at the peak.
    peaks: Option<Vec<(Stack, [u64; 2])>>,
    /// By the number of the counting pass.
    stacks: HashMap<Option<u32>, Vec<Allocations>>,
}

impl Counts {
    /// `stacks`: they were recorded; else what stands of them is empty.
    fn of(records: Vec<Record>, stacks: bool, name: &str, observer: &mut dyn Observer) -> Option<Counts> {
        let mut counts = Counts::default();
        let mut freed = None;
        for record in records {
            match record {
                Record::Counted(counted) if counted.pass.is_none() => counts.peak = Some(counted),
                Record::Counted(counted) => counts.passes.push(counted),
                Record::Peaks { stacks, .. } => counts.peaks = Some(stacks),
                Record::Freed(counted) => freed = Some(counted.counts),
                Record::Verified { compared, wrong: wrong @ 1.., .. } => observer.warns(&format!(
                    "{name}: {wrong} of {compared} stacks were remembered wrongly; please report this"
                )),
                Record::Stacks { pass, stacks, .. } => drop(counts.stacks.insert(Some(pass), stacks)),
                _ => (),
            }
        }
        if stacks {
            // A thread that outlives the bracket may count between the two readings; profile and numbers come from one of them.
            for pass in &mut counts.passes {
                pass.counts = counts.stacks.get(&pass.pass)?.iter().map(|stack| stack.counts).sum();
            }
        }
        if let Some(freed) = freed {
            // What was not freed, taken from what each pass itself counted.
            for of_pass in counts.passes.iter_mut().map(|pass| &mut pass.counts) {
                of_pass.frees = of_pass.allocs.saturating_sub(freed.allocs.saturating_sub(freed.frees));
                of_pass.freed_bytes = of_pass.bytes.saturating_sub(freed.bytes.saturating_sub(freed.freed_bytes));
            }
        }
        Some(counts)
    }
}

impl Recorded {
    /// Takes in what a pass brought.
    pub fn add(&mut self, phase: Phase, mut result: PassResult) {
        if phase == Phase::Time {
            let timed = result.records.drain().filter_map(|(index, records)| {
                let timed = records.into_iter().find_map(|record| match record {
                    Record::Timed(timed) => Some(timed),
                    _ => None,
                });
                Some((index, timed?))
            });
            self.timed.extend(timed);
        } else {
            self.by_phase.insert(phase, Recordings { result, symbolizers: HashMap::new() });
        }
    }

    /// The largest number of iterations in one call when benchmark `index` was timed; 0 where it was not.
    pub fn largest_iterations(&self, index: usize) -> u64 {
        self.timed.get(&index).map_or(0, |timed| timed.largest_iterations)
    }

    /// How many iterations of benchmark `index` were counted.
    pub fn counted_iterations(&self, index: usize) -> Option<u64> {
        let records = self.by_phase.get(&Phase::Count)?.result.records.get(&index)?;
        records.iter().find_map(|record| match record {
            Record::Counted(counted) if counted.pass.is_some() => Some(counted.iterations),
            _ => None,
        })
    }

    fn of(&mut self, phase: Phase) -> &mut Recordings {
        self.by_phase.entry(phase).or_default()
    }

    /// The results and profiles of benchmark `index` of the suite; `None` if a record is missing. Can be asked for once.
    pub fn assemble(
        &mut self,
        suite: &Suite,
        index: usize,
        options: &PassOptions,
        observer: &mut dyn Observer,
    ) -> Option<(Finished, ProfilePair)> {
        let benchmark = &suite.benchmarks[index];
        let time = summary::time(self.timed.get(&index)?);
        let (records, process) = self.of(Phase::Count).take(index)?;
        let mut counts = Counts::of(records, options.stacks, &benchmark.name, observer)?;
        let memory = summary::memory(&counts.passes, counts.peak.as_ref())?;
        let chosen = summary::representative(&counts.passes)?.clone();
        if chosen.lost > 0 {
            observer.warns(&format!(
                "{}: {} allocations could not be recorded: there was no memory for it, or there were more than four \
                 million stacks",
                benchmark.name, chosen.lost
            ));
        }
        let mut pair = ProfilePair::default();
        if options.stacks {
            let stacks = counts.stacks.remove(&chosen.pass)?;
            // Each counting pass of a whole process is a process.
            let process = if suite.whole_process { chosen.pass.unwrap_or(0) as usize } else { process };
            let (symbolizer, modules) = self.of(Phase::Count).symbolizer(process);
            let circumstances = circumstances(chosen.iterations, chosen.nanoseconds);
            pair.mem = Some(profiles::memory(symbolizer, modules, &stacks, counts.peaks.as_deref(), circumstances));
            pair.cpu = self.cpu(index, &benchmark.name, observer)?;
        }
        if options.block && !suite.whole_process {
            pair.block = self.block(index)?;
        }
        Some((finished(suite, benchmark, time, memory), pair))
    }

    /// The outer `None`: no records.
    fn cpu(&mut self, index: usize, name: &str, observer: &mut dyn Observer) -> Option<Option<Profile>> {
        let recordings = self.of(Phase::Cpu);
        let (records, process) = recordings.take(index)?;
        let (symbolizer, modules) = recordings.symbolizer(process);
        let mut profile = None;
        for record in records {
            match record {
                Record::Samples(samples) => {
                    let circumstances = circumstances(samples.iterations, 0);
                    profile = Some(profiles::cpu(symbolizer, modules, &samples, circumstances));
                }
                Record::NoSampler { .. } => {
                    observer.warns(&format!("{name}: the kernel permits no CPU samples; there is no cpu.prof"));
                }
                _ => (),
            }
        }
        Some(profile)
    }

    /// The outer `None`: no records.
    fn block(&mut self, index: usize) -> Option<Option<Profile>> {
        let recordings = self.of(Phase::Block);
        let (records, process) = recordings.take(index)?;
        let (symbolizer, modules) = recordings.symbolizer(process);
        let waits = records.into_iter().find_map(|record| match record {
            Record::Waits(waits) => Some(waits),
            _ => None,
        });
        Some(waits.map(|waits| profiles::block(symbolizer, modules, &waits, circumstances(waits.iterations, 0))))
    }
}

fn finished(suite: &Suite, benchmark: &Benchmark, time: Time, memory: Memory) -> Finished {
    let description: serde_json::Value = serde_json::from_str(&benchmark.listed.description).unwrap_or_default();
    let grouped = ["function_id", "value_str"].iter().any(|key| description[key].is_string());
    let group = description["group_id"].as_str().filter(|_| grouped).unwrap_or_default().to_owned();
    let target = &suite.executable.target;
    let own_allocator = is_own_allocator(&suite.executable.timed, &suite.executable.counted);
    Finished {
        name: benchmark.name.clone(),
        package: target.package.clone(),
        target: target.name.clone(),
        id: benchmark.listed.id.clone(),
        harness: benchmark.listed.harness.clone(),
        group,
        parameter: description["value_str"].as_str().map(str::to_owned),
        position: Some(benchmark.position),
        time: Time { tracker: own_allocator.then(|| "inactive".to_owned()), ..time },
        vs: None,
        memory,
        throughput: throughput(&description),
        whole_process: suite.whole_process,
        profiles: Profiles::default(),
    }
}

/// `{"bytes":1024}`: criterion's variant in lower case.
fn throughput(description: &serde_json::Value) -> Option<serde_json::Value> {
    let variants = description["throughput"].as_object()?;
    Some(variants.iter().map(|(kind, value)| (kind.to_lowercase(), value.clone())).collect())
}
