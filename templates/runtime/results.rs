//! The results of a pass, as records.

use std::sync::atomic::Ordering;

use crate::bracket;
use crate::buffer::Taken;
use crate::peak::Peak;
use crate::records::{self, Record};
use crate::{entries, memory, sampler, stacks, thread};

pub fn counted(kind: u32, index: u32, pass: u32, iters: u64, sum: &bracket::Sum) {
    let totals = &sum.totals;
    Record::new(kind)
        .u32(index)
        .u32(pass)
        .u32(bracket::loops())
        .u64(sum.iterations(iters))
        .u64s(&[totals.allocs, totals.bytes, totals.reallocs, totals.grown_bytes, totals.frees, totals.freed_bytes])
        .u64(sum.peak_bytes)
        .u64(sum.elapsed.as_nanos() as u64)
        .u64(thread::LOST.swap(0, Ordering::Relaxed))
        .u64(memory::resident())
        .emit();
}

/// The live blocks of each stack at the peak; `None` if not all of it could be recorded.
pub fn peaks(index: u32, peak: Option<&Peak>) {
    let stacks = peak.map_or(0, |peak| peak.stacks.len());
    let mut record = Record::new(records::PEAKS).u32(index).u32(u32::from(peak.is_some())).u32(stacks as u32);
    for (&number, &(objects, bytes)) in peak.iter().flat_map(|peak| &peak.stacks) {
        record = record.u64(objects).u64(bytes).stack((number != 0).then(|| entries::get(number as usize)));
    }
    record.emit();
}

pub fn stacks(index: u32, pass: u32) {
    let mut record = Some(Record::new(records::STACKS).u32(index).u32(pass).u32(0));
    let mut number = 0;
    stacks::take_all(&mut |entry, counts| {
        number += 1;
        record = record.take().map(|record| record.u64s(&counts).u32(entry.slot()).stack(Some(entry)));
    });
    if let Some(mut record) = record {
        record.patch_u32(8, number);
        record.emit();
    }
}

pub fn samples(index: u32, iters: u64, samples: &Taken) {
    let arms = sampler::arms();
    Record::new(records::SAMPLES)
        .u32(index)
        .u32(arms.method)
        .u64(arms.period_ns)
        .u64(samples.lost)
        .u64(arms.unarmed)
        .u64(arms.by_timer)
        .u64(iters)
        .u32(samples.words.len() as u32)
        .u64s(&samples.words)
        .emit();
}

pub fn waits(index: u32, iterations: u64, taken: &Taken) {
    Record::new(records::WAITS)
        .u32(index)
        .u64(iterations)
        .u64(taken.lost)
        .u32(taken.words.len() as u32)
        .u64s(&taken.words)
        .emit();
}
