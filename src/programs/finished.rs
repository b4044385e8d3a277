//! The numbers of one run, out of the shared region.

use std::collections::HashSet;

use super::recorded;
use super::region::word;
use super::run::Ended;
use super::sampling::{self, Accuracy};
use super::target::Program;
use crate::os;
use crate::results::lines::Profiles;
use crate::results::program::{Exit, Finished, Memory};

fn hash(addresses: &[u64]) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    addresses.hash(&mut hasher);
    hasher.finish()
}

/// Profiles and timeline are named once they are written.
pub fn finished(program: &Program, args: &[std::ffi::OsString], ended: &Ended, ordered: bool) -> Finished {
    let header = ended.region.header();
    let totals = recorded::totals(&ended.region, &header);
    let rate = sampling::rate_of(&header);
    let (mut stacks, mut accuracy) = (HashSet::new(), Vec::new());
    recorded::entries(&ended.region, &header, &mut |entry| {
        // A hash of the stack, which several threads may have.
        stacks.insert(hash(&recorded::stack(&ended.region, &header, &entry).addresses));
        if let Some(rate) = rate.filter(|_| entry.is_sampled()) {
            accuracy.push(Accuracy::of(entry.counts.allocs, entry.counts.bytes, rate));
        }
    });
    let accuracy: Option<Accuracy> = rate.map(|_| accuracy.into_iter().sum());
    let exit = match (ended.status.code(), os::signal_of(ended.status)) {
        (Some(code), _) => Exit::Code(code),
        (None, signal) => Exit::Signal(signal.unwrap_or(0)),
    };
    let peak_at = header.word(word::PEAK_AT).saturating_sub(header.word(word::BEGUN));
    let (lost, unfinished) = (header.word(word::LOST), totals.unfinished);
    let exact = lost == 0 && unfinished == 0;
    Finished {
        name: program.name(),
        package: program.package.clone(),
        target: program.target.clone(),
        kind: program.kind.name().to_owned(),
        args: args.iter().map(|arg| arg.to_string_lossy().into_owned()).collect(),
        exit,
        wall_ns: ended.wall.as_nanos() as u64,
        cpu_ns: ended.cpu.as_nanos() as u64,
        memory: Memory {
            allocs: totals.counts.allocs,
            bytes: totals.counts.bytes,
            frees: totals.counts.frees,
            reallocs: totals.counts.reallocs,
            // A thread's unreported bytes may exceed the peak that was seen.
            peak_bytes: header.word(word::MOST).max(totals.live_bytes()),
            peak_at_ns: peak_at,
            peak_exact: exact && (header.word(word::MOST_THREADS) <= 1 || ordered),
            allocs_range: None,
            bytes_range: None,
            live_blocks: totals.live_blocks(),
            live_bytes: totals.live_bytes(),
            temporary_allocs: totals.temporaries,
            exact,
            sampled_rate: rate,
            samples: accuracy.map(|accuracy| accuracy.samples),
            sample_error: accuracy.map(|accuracy| accuracy.error()),
            sampled_from_ns: ended.sampled_from.map(|from| from.as_nanos() as u64),
            recording_bytes: ended.region.resident(),
            stacks: stacks.len() as u64,
            beyond_the_limit: header.word(word::BEYOND),
            lost,
            unfinished,
        },
        profiles: Profiles::default(),
        timeline: None,
        children: header.children().1,
    }
}
