//! A program's records, as numbers and stacks.

use std::collections::HashMap;

use super::region::{Header, Region, word};
use crate::records::{self, Allocations, Completeness, Lives, Module, Record, Stack, StackCounts};

/// Sums over all threads, from the program's start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub counts: StackCounts,
    pub temporaries: u64,
    /// Threads that are in the middle of an event: some sums may have a part of that event.
    pub unfinished: u64,
    /// An estimate of the time that recording took, if it was asked for.
    pub spent_ns: u64,
}

impl Totals {
    pub fn live_blocks(&self) -> u64 {
        self.counts.allocs.saturating_sub(self.counts.frees)
    }

    pub fn live_bytes(&self) -> u64 {
        self.counts.bytes.saturating_sub(self.counts.freed_bytes)
    }
}

/// One stack of the program.
#[derive(Debug, Clone)]
pub struct StackRecord {
    /// Of its entry.
    pub number: u64,
    pub allocations: Allocations,
    /// Blocks and bytes live at the peak.
    pub peak: [u64; 2],
    pub temporaries: u64,
    /// Its numbers are of a sample.
    pub sampled: bool,
}

/// The counts of an entry, without its stack.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub number: u64,
    /// The place of the addresses in the program, outermost first.
    addresses: u64,
    depth: u16,
    owner: u64,
    pub counts: StackCounts,
    more: [u64; 6],
}

impl Entry {
    /// Its counts are of a sample: another entry may have the counts from before.
    pub fn is_sampled(&self) -> bool {
        self.depth & SAMPLED != 0
    }

    pub fn live(&self) -> [u64; 2] {
        let counts = &self.counts;
        [counts.allocs.wrapping_sub(counts.frees), counts.bytes.wrapping_sub(counts.freed_bytes)]
    }
}

/// The places of fields in an entry (`templates/runtime/entry.rs`).
mod field {
    pub const ADDRESSES: usize = 0;
    pub const ALLOCS: usize = 8;
    pub const BYTES: usize = 16;
    pub const OWN_FREES: usize = 24;
    pub const OWN_FREED_BYTES: usize = 32;
    pub const OWNER: usize = 40;
    pub const DEPTH: usize = 52;
    pub const REALLOCS: usize = 112;
    pub const GROWN_BYTES: usize = 120;
    pub const OTHER_FREES: usize = 128;
    pub const OTHER_FREED_BYTES: usize = 136;
    pub const MORE: usize = 144;
    pub const SIZE: usize = 192;
}
const CUT: u16 = 1 << 15;
const SAMPLED: u16 = 1 << 14;

/// The totals of this moment, since stacks are recorded.
pub fn totals(region: &Region, header: &Header) -> Totals {
    let mut totals = Totals::default();
    for state in states(region, header) {
        let counters = region.words(state + header.word(word::COUNTERS), 6);
        let [allocs, bytes, reallocs, grown_bytes, frees, freed_bytes] = counters[..] else { continue };
        let counts = StackCounts { allocs, bytes, reallocs, grown_bytes, frees, freed_bytes };
        totals.counts = [totals.counts, counts].into_iter().sum();
        let word = |place: usize| region.words(state + header.word(place), 1)[0];
        totals.temporaries += word(word::TEMPORARIES);
        totals.spent_ns += word(word::SPENT);
        // All ones: the thread runs the recorder's own code.
        totals.unfinished += u64::from(!matches!(word(word::BUSY), 0 | u64::MAX));
    }
    let before: Vec<u64> = (0..6).map(|i| header.word(word::BEFORE + i)).collect();
    let all = &mut totals.counts;
    let counts = [
        &mut all.allocs,
        &mut all.bytes,
        &mut all.reallocs,
        &mut all.grown_bytes,
        &mut all.frees,
        &mut all.freed_bytes,
    ];
    counts.into_iter().zip(before).for_each(|(count, before)| *count = count.saturating_sub(before));
    totals
}

/// Offsets of the threads' states, by number.
fn states(region: &Region, header: &Header) -> Vec<u64> {
    let states = region.words(header.word(word::STATES), header.word(word::STATES_LEN) as usize);
    states.into_iter().filter(|&state| state != 0).collect()
}

/// The numbers of the states' threads, as in samples and waits: 0 is the first, others are the kernel's.
pub fn threads(region: &Region, header: &Header) -> Vec<u32> {
    let number = |state: u64| region.words(state + header.word(word::THREAD), 1)[0] as u32;
    states(region, header).into_iter().map(number).collect()
}

/// The counts of this moment of every stack that has any: a fork's child has those of its parent, without counts.
pub fn entries(region: &Region, header: &Header, visit: &mut dyn FnMut(Entry)) {
    const CHUNK: u64 = 1 << 11;
    if header.word(word::ENTRY_SIZE) != field::SIZE as u64 {
        return;
    }
    let end = header.word(word::ENTRIES_END);
    let chunks = region.words(header.word(word::ENTRIES), end.div_ceil(CHUNK) as usize);
    for (from, chunk) in (0..end).step_by(CHUNK as usize).zip(chunks).filter(|(_, chunk)| *chunk != 0) {
        let bytes = region.bytes(chunk, CHUNK.min(end - from) as usize * field::SIZE);
        for (number, bytes) in (from..).zip(bytes.chunks_exact(field::SIZE)) {
            if let Some(entry) = entry(number, bytes).filter(|entry| entry.counts != StackCounts::default()) {
                visit(entry);
            }
        }
    }
}

/// `None` if it stands for no stack yet.
fn entry(number: u64, bytes: &[u8]) -> Option<Entry> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default());
    let addresses = word(field::ADDRESSES);
    let counts = StackCounts {
        allocs: word(field::ALLOCS),
        bytes: word(field::BYTES),
        reallocs: word(field::REALLOCS),
        grown_bytes: word(field::GROWN_BYTES),
        frees: word(field::OWN_FREES) + word(field::OTHER_FREES),
        freed_bytes: word(field::OWN_FREED_BYTES) + word(field::OTHER_FREED_BYTES),
    };
    let mut more = [0; 6];
    more.iter_mut().enumerate().for_each(|(i, value)| *value = word(field::MORE + i * 8));
    (addresses != 0).then(|| Entry {
        number,
        addresses,
        depth: u16::from_le_bytes([bytes[field::DEPTH], bytes[field::DEPTH + 1]]),
        owner: word(field::OWNER),
        counts,
        more,
    })
}

/// The addresses of an entry, leaf first.
pub fn stack(region: &Region, header: &Header, entry: &Entry) -> Stack {
    let mut addresses = region.words(header.offset(entry.addresses), usize::from(entry.depth & !(CUT | SAMPLED)));
    addresses.reverse();
    let completeness = if entry.depth & CUT != 0 { Completeness::Cut } else { Completeness::Whole };
    Stack { addresses, leaf_is_exact: false, completeness }
}

/// Every stack with all of its data.
pub fn stacks(region: &Region, header: &Header) -> Vec<StackRecord> {
    let threads: HashMap<u64, u32> = states(region, header).into_iter().zip(0..).collect();
    let peak = header.word(word::PEAK);
    let mut found = Vec::new();
    entries(region, header, &mut |entry| {
        let [seen, objects, bytes, temporaries, ..] = entry.more;
        // A stack that has not changed since the latest peak is as it was then.
        let peak = if seen == peak { [objects, bytes] } else { entry.live() };
        let thread = threads.get(&header.offset(entry.owner)).copied().unwrap_or(0);
        let allocations = Allocations { stack: stack(region, header, &entry), counts: entry.counts, thread };
        found.push(StackRecord { number: entry.number, allocations, peak, temporaries, sampled: entry.is_sampled() });
    });
    found
}

/// The log: objects, and messages about failures.
#[derive(Debug, Default)]
pub struct Log {
    pub modules: Vec<Module>,
    pub not_linked: bool,
    pub no_sampler: bool,
    /// The fates of the blocks, if that was asked for and the process ended by itself.
    pub lives: Option<Lives>,
}

pub fn log(region: &Region, header: &Header) -> Log {
    let bytes = region.bytes(header.word(word::LOG), header.word(word::LOG_LEN) as usize);
    let mut log = Log::default();
    for record in records::parse_all(&bytes).unwrap_or_default().0 {
        match record {
            Record::Object(module) => log.modules.push(module),
            Record::NotLinked => log.not_linked = true,
            Record::Lives(lives) => log.lives = Some(lives),
            Record::NoSampler { .. } => log.no_sampler = true,
            _ => (),
        }
    }
    log
}
