//! The profiles of a program's run.

use std::time::{SystemTime, UNIX_EPOCH};

use super::recorded::{self, StackRecord};
use super::region::{Header, Region, word};
use super::run::Ended;
use crate::pprof::profile::{Function, Line, Location, Profile, Sample};
use crate::records::{Samples, SamplingMethod, Stack, Waits};
use crate::symbolize::Symbolizer;
use crate::symbolize::profiles::{self, Circumstances};

/// Stands for the stacks that there was no room for.
pub const BEYOND: &str = "<stacks beyond the limit>";

/// mem.prof, cpu.prof, block.prof; and the temporaries of each stack, as a profile with one value.
pub struct ProgramProfiles {
    pub mem: Profile,
    pub cpu: Option<Profile>,
    pub block: Option<Profile>,
    pub temporaries: Profile,
}

/// Makes the profiles of the data that `ended` recorded.
pub fn make(ended: &Ended, block: bool) -> ProgramProfiles {
    let (region, header) = (&ended.region, ended.region.header());
    let log = recorded::log(region, &header);
    let modules = log.modules;
    let mut symbolizer = Symbolizer::new(&modules);
    let records = recorded::stacks(region, &header);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64);
    let wall = ended.wall.as_nanos() as i64;
    let about = Circumstances { iterations: 1, time_nanos: now - wall, duration_nanos: wall };
    let allocations: Vec<_> = records.iter().map(|record| record.allocations.clone()).collect();
    let at_peak = |record: &StackRecord| (record.allocations.stack.clone(), record.peak);
    let peaks: Vec<(Stack, [u64; 2])> = records.iter().filter(|r| r.peak != [0, 0]).map(at_peak).collect();
    let mut mem = profiles::memory(&mut symbolizer, &modules, &allocations, Some(&peaks), about);
    of_a_program(&mut mem);
    add_beyond(&mut mem, region, &header, &records);
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
        block
    });
    ProgramProfiles { mem, cpu, block, temporaries }
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
