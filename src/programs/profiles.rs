//! The profiles of a program's run.

use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::recorded::{self, StackRecord};
use super::region::{Header, Region, word};
use super::run::Ended;
use super::sampling::{self, Accuracy};
use super::summary;
use crate::pprof::profile::{Function, Line, Location, Profile, Sample};
use crate::records::{Allocations, Samples, SamplingMethod, Stack, StackCounts, Waits};
use crate::results::program::Finished;
use crate::symbolize::Symbolizer;
use crate::symbolize::profiles::{self, Circumstances};

/// Stands for the stacks that there was no room for.
pub const BEYOND: &str = "<stacks beyond the limit>";

/// mem.prof, cpu.prof, block.prof; and the temporaries of each stack, as a profile with one value.
pub struct ProgramProfiles {
    pub mem: Profile,
    pub places: Places,
    pub cpu: Option<Profile>,
    pub block: Option<Profile>,
    pub temporaries: Profile,
    /// If they are of a sample: how accurate allocations, peak and live blocks are at each stack.
    pub accuracy: Option<Accuracies>,
}

/// Where the stacks are in mem.prof.
pub struct Places {
    /// The samples of the entries, by number.
    pub of: HashMap<u64, u32>,
    pub time_nanos: i64,
    pub samples: usize,
}

/// The variances of estimates, as profiles: `alloc_objects` is a number of samples, `alloc_space` a variance in KiB².
pub struct Accuracies {
    pub allocated: Profile,
    pub peak: Profile,
    pub live: Profile,
}

/// Makes the profiles of the data that `ended` recorded.
pub fn make(ended: &Ended, block: bool) -> ProgramProfiles {
    let (region, header) = (&ended.region, ended.region.header());
    let log = recorded::log(region, &header);
    let modules = log.modules;
    let mut symbolizer = Symbolizer::new(&modules);
    let unscaled = recorded::stacks(region, &header);
    let rate = header.word(word::RATE);
    let records: Vec<StackRecord> = unscaled.iter().map(|record| sampling::scale(record, rate)).collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let wall = ended.wall.as_nanos() as i64;
    let about = Circumstances { iterations: 1, time_nanos: now - wall, duration_nanos: wall };
    let allocations: Vec<_> = records.iter().map(|record| &record.allocations).collect();
    let at_peak = |record: &StackRecord| (record.allocations.stack.clone(), record.peak);
    let peaks: Vec<(Stack, [u64; 2])> = records.iter().filter(|r| r.peak != [0, 0]).map(at_peak).collect();
    let (mut mem, places) = profiles::memory_with_places(&mut symbolizer, &modules, &allocations, Some(&peaks), about);
    of_a_program(&mut mem);
    if rate == 0 {
        add_beyond(&mut mem, region, &header, &records);
    } else {
        mem.period = rate as i64;
    }
    let places = Places {
        of: records.iter().map(|record| record.number).zip(places).collect(),
        time_nanos: mem.time_nanos,
        samples: mem.samples.len(),
    };
    let only_temporaries = records.iter().filter(|record| record.temporaries > 0).map(|record| {
        let mut allocations = record.allocations.clone();
        allocations.counts.allocs = record.temporaries;
        allocations
    });
    let only_temporaries: Vec<_> = only_temporaries.collect();
    let temporaries = profiles::memory(&mut symbolizer, &modules, &only_temporaries, None, about);

    let method = match header.word(word::METHOD) {
        1 => SamplingMethod::Perf,
        2 => SamplingMethod::PerfUserOnly,
        _ => SamplingMethod::Timers,
    };
    let cpu = (header.word(word::METHOD) != 0 && !log.no_sampler).then(|| {
        let samples = Samples {
            index: 0,
            method,
            period_ns: header.word(word::PERIOD),
            lost: ended.samples.lost(&header),
            unarmed: header.word(word::UNARMED),
            by_timer: 0,
            iterations: 1,
            stacks: ended.samples.as_samples(),
        };
        let mut cpu = profiles::cpu(&mut symbolizer, &modules, &samples, about);
        of_a_program(&mut cpu);
        cpu
    });
    let block = block.then(|| {
        let waits = Waits { index: 0, iterations: 1, lost: ended.waits.lost(&header), waits: ended.waits.as_waits() };
        let mut block = profiles::block(&mut symbolizer, &modules, &waits, about);
        of_a_program(&mut block);
        let remark = sampling::remark_of_waits(&header).map(|remark| format!("memprof: {remark}"));
        block.comments.extend(remark.as_deref().map(Into::into));
        block
    });
    let accuracy = (rate != 0).then(|| {
        let mut of = |amount: &dyn Fn(&StackRecord) -> [u64; 2]| {
            let sampled = unscaled.iter().filter(|record| record.sampled);
            let accuracies = sampled.map(|record| {
                let [samples, bytes] = amount(record);
                let variance = Accuracy::of(samples, bytes, rate).variance_kib2();
                let counts = StackCounts { allocs: samples, bytes: variance, ..StackCounts::default() };
                Allocations { counts, ..record.allocations.clone() }
            });
            profiles::memory(&mut symbolizer, &modules, &accuracies.collect::<Vec<_>>(), None, about)
        };
        let counts = |record: &StackRecord| record.allocations.counts;
        Accuracies {
            allocated: of(&|record| [counts(record).allocs, counts(record).bytes]),
            peak: of(&|record| record.peak),
            live: of(&|record| {
                let counts = counts(record);
                [counts.allocs.saturating_sub(counts.frees), counts.bytes.saturating_sub(counts.freed_bytes)]
            }),
        }
    });
    ProgramProfiles { mem, places, cpu, block, temporaries, accuracy }
}

/// A sampled mem.prof says how accurate it is, in all and at the largest sites. Files below `root` are the user's own.
pub fn state_accuracy(profiles: &mut ProgramProfiles, finished: &Finished, root: &Path) {
    const SITES: usize = 10;
    let (Some(accuracy), memory) = (&profiles.accuracy, &finished.memory) else { return };
    let all = sampling::words(memory.sample_error.unwrap_or_default(), memory.samples.unwrap_or_default());
    let sites = summary::sites(&profiles.mem, "alloc_space", root, Some(&accuracy.allocated), SITES);
    let comments = &mut profiles.mem.comments;
    comments.push(sampling::remark(memory.sampled_rate.unwrap_or_default(), &all).into());
    let of_site =
        |(place, _, error): (String, u64, Option<String>)| Some(format!("memprof: {}: {place}", error?).into());
    comments.extend(sites.into_iter().filter_map(of_site));
}

/// A program has no iterations.
pub fn of_a_program(profile: &mut Profile) {
    // Of timers because they take no descriptors from it.
    let of_benches = ["memprof: iterations=", "memprof: peak_ values", "memprof: sampled by CPU timers"];
    profile.comments.retain(|comment| !of_benches.iter().any(|begin| comment.starts_with(begin)));
}

/// The difference between the totals and the sum of the stacks.
pub fn add_beyond(mem: &mut Profile, region: &Region, header: &Header, records: &[StackRecord]) {
    let all = recorded::totals(region, header).counts;
    let known: crate::records::StackCounts = records.iter().map(|record| record.allocations.counts).sum();
    let at_peak: u64 = records.iter().map(|record| record.peak[1]).sum();
    let rest = |all: u64, known: u64| all.saturating_sub(known) as i64;
    let (allocs, bytes) = (rest(all.allocs, known.allocs), rest(all.bytes, known.bytes));
    if header.word(word::BEYOND) == 0 || allocs == 0 {
        return;
    }
    let live = [allocs - rest(all.frees, known.frees), bytes - rest(all.freed_bytes, known.freed_bytes)];
    // The number of their blocks at the peak is not known, but there were some.
    let peak = rest(header.word(word::MOST), at_peak);
    let function = mem.functions.len() as u32;
    let id = u64::from(function) + 1;
    mem.functions.push(Function { id, name: BEYOND.into(), ..Function::default() });
    let location = mem.locations.len() as u32;
    let lines = vec![Line { function, ..Line::default() }];
    mem.locations.push(Location { id: u64::from(location) + 1, lines, ..Location::default() });
    let mut values = vec![allocs, bytes, live[0].max(0), live[1].max(0), i64::from(peak > 0), peak];
    values.truncate(mem.sample_types.len());
    mem.samples.push(Sample { locations: vec![location], values, labels: Vec::new() });
}
