//! Makes a trace of a program's records.

use std::collections::HashMap;
use std::time::Duration;

use super::{Allocation, Memory, Sample, Thread, Trace, Wait};
use crate::programs::recorded;
use crate::programs::region::{Region, word};
use crate::programs::ring::Kept;
use crate::programs::sampling;
use crate::programs::timeline::Timeline;
use crate::records::{Module, Stack};
use crate::symbolize::{Frame, Symbolizer, Trim, trim_allocation, trim_wait};

/// Samples and waits that a trace has, at most.
pub const MOST_SAMPLES: usize = 200_000;
pub const MOST_WAITS: usize = 50_000;

/// The part of a program's run that is traced.
#[derive(Debug, Clone)]
pub struct Span<'a> {
    pub program: &'a str,
    /// When the trace begins, since the program's recording began; and how long it is.
    pub from: Duration,
    pub duration: Duration,
    /// The beginning, in milliseconds since the Unix epoch.
    pub begun_ms: f64,
}

/// The trace.
pub fn trace(
    region: &Region,
    modules: &[Module],
    timeline: &Timeline,
    samples: &Kept,
    waits: &Kept,
    span: &Span<'_>,
) -> Trace {
    let header = region.header();
    let mut of = Collector { symbolizer: Symbolizer::new(modules), stacks: Vec::new(), threads: HashMap::new() };
    let begun = header.word(word::BEGUN) + span.from.as_nanos() as u64;
    let mut notes = Vec::new();

    let stacks = of.numbers(&samples.stacks, trim_allocation);
    for event in &samples.events {
        let (stack, thread) = stacks[event.stack];
        let sample = Sample { at: event.at.saturating_sub(begun), stack, weight: event.amount * event.weight };
        of.thread(thread).samples.push(sample);
    }
    let stacks = of.numbers(&waits.stacks, trim_wait);
    for event in &waits.events {
        let (stack, thread) = stacks[event.stack];
        let to = event.at.saturating_sub(begun);
        of.thread(thread).waits.push(Wait { from: to.saturating_sub(event.amount), to, stack });
    }
    let lost = samples.lost + waits.lost;
    if lost > 0 {
        notes.push(format!("{lost} samples or waits were lost"));
    }
    notes.extend(sampling::remark_of_waits(&header));
    if let (left_out @ 1.., least) = waits.left_out {
        notes.push(format!("{left_out} waits of less than {least} ns were left out"));
    }

    let known: HashMap<u64, _> = recorded::stacks(region, &header).into_iter().map(|of| (of.number, of)).collect();
    let threads = recorded::threads(region, &header);
    let mut numbers: HashMap<u64, usize> = HashMap::new();
    let mut memory = Vec::new();
    let mut before = None;
    for step in &timeline.steps {
        let at = step.at_ns.saturating_sub(span.from.as_nanos() as u64);
        let operations = step.allocs + step.frees;
        let since = operations - before.replace(operations).unwrap_or(operations).min(operations);
        memory.push(Memory { at, live_bytes: step.live_bytes, operations: since });
        for [number, _, bytes, _, freed_bytes] in step.changes.iter().flatten() {
            let Some(record) = known.get(number) else { continue };
            let stack =
                *numbers.entry(*number).or_insert_with(|| of.number(&record.allocations.stack, trim_allocation));
            let thread = of.thread(threads.get(record.allocations.thread as usize).copied().unwrap_or(0));
            for bytes in [*bytes as i64, -(*freed_bytes as i64)].into_iter().filter(|bytes| *bytes != 0) {
                thread.allocations.push(Allocation { at, stack, bytes });
            }
        }
    }
    if header.word(word::RATE) != 0 {
        notes.push("allocations are of a sample; the memory track is exact".to_owned());
    }
    Trace {
        program: span.program.to_owned(),
        pid: header.word(word::PID) as u32,
        begun_ms: span.begun_ms,
        duration: span.duration.as_nanos() as u64,
        period: header.word(word::PERIOD),
        stacks: of.stacks,
        threads: in_order(of.threads, &timeline.names, header.word(word::PID) as u32),
        memory,
        notes,
    }
}

struct Collector {
    symbolizer: Symbolizer,
    stacks: Vec<Vec<Frame>>,
    threads: HashMap<u32, Thread>,
}

impl Collector {
    fn numbers(&mut self, stacks: &[(Stack, u32)], trim: Trim) -> Vec<(usize, u32)> {
        stacks.iter().map(|(stack, thread)| (self.number(stack, trim), *thread)).collect()
    }

    fn number(&mut self, stack: &Stack, trim: Trim) -> usize {
        let parts = self.symbolizer.trimmed(stack, trim);
        self.stacks.push(parts.into_iter().flat_map(|part| self.symbolizer.part(part).1).cloned().collect());
        self.stacks.len() - 1
    }

    fn thread(&mut self, number: u32) -> &mut Thread {
        self.threads.entry(number).or_default()
    }
}

/// The main thread, which is there even if it did nothing, then the others. `names`: what the kernel calls them; a thread
/// that was given no name has that of the process, which `pid` has.
fn in_order(mut threads: HashMap<u32, Thread>, names: &HashMap<u32, String>, pid: u32) -> Vec<Thread> {
    threads.entry(0).or_default();
    let mut threads: Vec<(u32, Thread)> = threads.into_iter().collect();
    threads.sort_unstable_by_key(|(number, _)| *number);
    let named = |(place, (number, mut thread)): (usize, (u32, Thread))| {
        thread.number = number;
        thread.name = match names.get(&number).filter(|name| names.get(&pid) != Some(name)) {
            _ if number == 0 => "main".to_owned(),
            Some(name) => name.clone(),
            None => format!("thread {}", place + 1),
        };
        thread.samples.sort_by_key(|sample| sample.at);
        thread.waits.sort_by_key(|wait| wait.from);
        thread
    };
    threads.into_iter().enumerate().map(named).collect()
}
