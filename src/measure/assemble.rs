//! Puts together one benchmark's records of all passes: its results and its profiles.

use std::collections::HashMap;
use std::time::{SystemTime, UNIX_EPOCH};

use super::attempt::PassResult;
use super::observer::Observer;
use super::options::PassOptions;
use super::phase::Phase;
use super::reason::Reason;
use super::suite::{Benchmark, ProfilePair, Suite};
use crate::inject::is_own_allocator;
use crate::pprof::profile::Profile;
use crate::records::{Allocations, Counted, Lives, Module, Record, Stack, StackCounts, Timed};
use crate::results::lines::{FailureKind, Finished, Memory, Time};
use crate::results::summary;
use crate::symbolize::Symbolizer;
use crate::symbolize::profiles::{self, Circumstances};

/// The records of the passes over a suite.
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
pub struct Counts {
    pub passes: Vec<Counted>,
    pub peak: Option<Counted>,
    /// Stacks with their blocks that were live at the peak.
    peaks: Option<Vec<(Stack, [u64; 2])>>,
    /// By the number of the counting pass.
    pub stacks: HashMap<Option<u32>, Vec<Allocations>>,
    pub lives: Option<Lives>,
}

impl Counts {
    /// `stacks`: stacks were recorded; else all fields about them are empty.
    ///
    /// # Errors
    /// If stacks are missing, or add up to something else.
    pub fn of(records: Vec<Record>, stacks: bool, name: &str, observer: &mut dyn Observer) -> Result<Counts, Reason> {
        let mut counts = Counts::default();
        let mut freed = None;
        for record in records {
            match record {
                Record::Counted(counted) if counted.pass.is_none() => counts.peak = Some(counted),
                Record::Counted(counted) => counts.passes.push(counted),
                Record::Peaks { stacks: None, .. } => observer.warns(&format!(
                    "{name}: there is no peak_space in its mem.prof: one iteration has more events than there is memory for"
                )),
                Record::Peaks { stacks, .. } => counts.peaks = stacks,
                Record::Freed(counted) => freed = Some(counted.counts),
                Record::Verified { compared, wrong: wrong @ 1.., .. } => observer.warns(&format!(
                    "{name}: {wrong} of {compared} stacks were remembered wrongly; please report this"
                )),
                Record::Stacks { pass, stacks, .. } => drop(counts.stacks.insert(Some(pass), stacks)),
                Record::Lives(lives) => counts.lives = Some(lives),
                _ => (),
            }
        }
        if stacks {
            for pass in &counts.passes {
                agree(pass, counts.stacks.get(&pass.pass).ok_or_else(Reason::incomplete)?)?;
            }
        }
        if let Some(freed) = freed {
            // Blocks that were not freed come from the counts of each pass itself.
            for of_pass in counts.passes.iter_mut().map(|pass| &mut pass.counts) {
                of_pass.frees = of_pass.allocs.saturating_sub(freed.allocs.saturating_sub(freed.frees));
                of_pass.freed_bytes = of_pass.bytes.saturating_sub(freed.bytes.saturating_sub(freed.freed_bytes));
            }
        }
        Ok(counts)
    }

    /// Their memory numbers.
    ///
    /// # Errors
    /// If there are no passes.
    pub fn memory(&self) -> Result<Memory, Reason> {
        summary::memory(&self.passes, self.peak.as_ref()).ok_or_else(Reason::incomplete)
    }
}

/// # Errors
/// If the stacks of a pass do not add up to its counts, though nothing was lost: then the recorder is at fault.
pub fn agree(pass: &Counted, stacks: &[Allocations]) -> Result<(), Reason> {
    let sum: StackCounts = stacks.iter().map(|stack| stack.counts).sum();
    // These frees are those in brackets only; a stack's frees include all blocks that are no longer live.
    let sum = StackCounts { frees: pass.counts.frees, ..sum };
    if pass.lost > 0 || sum == pass.counts {
        return Ok(());
    }
    let error = format!(
        "its stacks do not add up to its counts ({} allocations and {} bytes, not {} and {}); please report this",
        sum.allocs, sum.bytes, pass.counts.allocs, pass.counts.bytes
    );
    Err(Reason::new(FailureKind::Incomplete, error))
}

impl Recorded {
    /// Adds the result of a pass.
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

    /// The largest number of iterations in one call when benchmark `index` was timed; 0 if it was not.
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

    /// The results and profiles of benchmark `index` of the suite. It can be asked for once.
    ///
    /// # Errors
    /// If a record is missing, or contradicts another one.
    pub fn assemble(
        &mut self,
        suite: &Suite,
        index: usize,
        options: &PassOptions,
        observer: &mut dyn Observer,
    ) -> Result<(Finished, ProfilePair), Reason> {
        let benchmark = &suite.benchmarks[index];
        let time = summary::time(self.timed.get(&index).ok_or_else(Reason::incomplete)?);
        let (records, process) = self.of(Phase::Count).take(index).ok_or_else(Reason::incomplete)?;
        let mut counts = Counts::of(records, options.stacks, &benchmark.name, observer)?;
        let memory = counts.memory()?;
        let chosen = summary::representative(&counts.passes).ok_or_else(Reason::incomplete)?.clone();
        if chosen.lost > 0 {
            observer.warns(&format!(
                "{}: {} allocations could not be recorded: there was no memory for it, or there were more than four \
                 million stacks",
                benchmark.name, chosen.lost
            ));
        }
        let mut pair = ProfilePair::default();
        if options.stacks {
            let stacks = counts.stacks.remove(&chosen.pass).ok_or_else(Reason::incomplete)?;
            // Each counting pass of a whole process is a process.
            let process = if suite.whole_process { chosen.pass.unwrap_or(0) as usize } else { process };
            let (symbolizer, modules) = self.of(Phase::Count).symbolizer(process);
            let circumstances = circumstances(chosen.iterations, chosen.nanoseconds);
            pair.mem = Some(profiles::memory(symbolizer, modules, &stacks, counts.peaks.as_deref(), circumstances));
            pair.cpu = self.cpu(index, &benchmark.name, observer).ok_or_else(Reason::incomplete)?;
        }
        if options.block && !suite.whole_process {
            pair.block = self.block(index).ok_or_else(Reason::incomplete)?;
        }
        Ok((finished(suite, benchmark, time, memory), pair))
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
    let own_allocator = is_own_allocator(&suite.executable.timed, &suite.executable.counted);
    let time = Time { tracker: own_allocator.then(|| "inactive".to_owned()), ..time };
    Finished { time, memory, ..suite.unmeasured(benchmark) }
}

/// When a profile was recorded, and over how much.
pub fn circumstances(iterations: u64, duration_ns: u64) -> Circumstances {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    Circumstances { iterations, time_nanos: now, duration_nanos: duration_ns as i64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Silent;

    impl Observer for Silent {
        fn begins(&mut self, _: Phase, _: &str) {}
        fn warns(&mut self, _: &str) {}
    }

    fn counted(pass: u32, counts: StackCounts) -> Counted {
        Counted {
            index: 0,
            pass: Some(pass),
            custom: false,
            iterations: 10,
            counts,
            peak_bytes: 0,
            nanoseconds: 1,
            lost: 0,
            recorder_bytes: 0,
        }
    }

    /// In a recount, and in a run without profiles, the counting passes do not look at frees.
    #[test]
    fn what_a_pass_of_its_own_saw_freed_is_not_retained() {
        let plain = StackCounts { allocs: 30, bytes: 300, ..StackCounts::default() };
        let freed = counted(0, StackCounts { frees: 20, freed_bytes: 290, ..plain });
        let records = vec![Record::Counted(counted(0, plain)), Record::Freed(freed)];
        let memory = Counts::of(records, false, "p/t/a", &mut Silent).unwrap().memory().unwrap();
        assert_eq!((memory.frees_per_op, memory.retained_bytes_per_op), (2.0, 1.0));
    }

    #[test]
    fn stacks_that_do_not_add_up_are_refused() {
        let counts = StackCounts { allocs: 3, bytes: 30, frees: 2, ..StackCounts::default() };
        let stack =
            Stack { addresses: vec![1], leaf_is_exact: false, completeness: crate::records::Completeness::Whole };
        let of = |allocs, lost| {
            let stacks =
                vec![Allocations { stack: stack.clone(), counts: StackCounts { allocs, ..counts }, thread: 0 }];
            let passes = vec![
                Record::Counted(Counted { lost, ..counted(0, counts) }),
                Record::Stacks { index: 0, pass: 0, stacks },
            ];
            Counts::of(passes, true, "p/t/a", &mut Silent).map(|_| ())
        };
        assert_eq!(of(3, 0), Ok(()));
        assert!(of(2, 0).unwrap_err().error.contains("2 allocations and 30 bytes, not 3 and 30"));
        // For want of memory: another message says so.
        assert_eq!(of(2, 1), Ok(()));
    }
}
