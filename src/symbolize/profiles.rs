//! Converts recorded stacks to a profile: names and trims them, and sums equal ones.

use std::borrow::Borrow;
use std::collections::HashMap;

use rustc_hash::FxHashMap;

use super::{Detail, Part, Symbolizer, Trim, trim_allocation, trim_wait};
use crate::pprof::profile::{Builder, Label, Line, Mapping, Profile, ValueType};
use crate::records::{Allocations, Completeness, Module, Sample, Samples, SamplingMethod, Stack, Waits};

/// The header of a profile.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// The number of iterations that the values are summed over.
    pub iterations: u64,
    /// The time of recording, nanoseconds since the Unix epoch.
    pub time_nanos: i64,
    /// How long the brackets were open, in nanoseconds; 0 if unknown.
    pub duration_nanos: i64,
}

/// mem.prof: Go's four heap sample types, exact; with `peaks` two more, for the memory live at the peak of one
/// iteration.
pub fn memory<A: Borrow<Allocations>>(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    stacks: &[A],
    peaks: Option<&[(Stack, [u64; 2])]>,
    circumstances: Circumstances,
) -> Profile {
    memory_with_places(symbolizer, modules, stacks, peaks, circumstances).0
}

/// The same, and the sample that each of `stacks` went to.
pub fn memory_with_places<A: Borrow<Allocations>>(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    stacks: &[A],
    peaks: Option<&[(Stack, [u64; 2])]>,
    circumstances: Circumstances,
) -> (Profile, Vec<u32>) {
    let mut types = vec![
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ];
    if peaks.is_some() {
        types.extend([("peak_objects", "count"), ("peak_space", "bytes")]);
    }
    let mut collector = Collector::new(&types, "alloc_space");
    collector.threads = Threads::new(stacks.iter().map(|stack| stack.borrow().thread));
    let mut places = Vec::with_capacity(stacks.len());
    for Allocations { stack, counts, thread } in stacks.iter().map(Borrow::borrow) {
        let mut values = vec![
            counts.allocs as i64,
            counts.bytes as i64,
            counts.allocs.saturating_sub(counts.frees) as i64,
            counts.bytes.saturating_sub(counts.freed_bytes) as i64,
        ];
        values.resize(types.len(), 0);
        places.push(collector.add(symbolizer, modules, stack, Some(*thread), &values));
    }
    let remark = peaks.map(|_| "memprof: peak_ values are of one iteration".to_owned());
    for (stack, [objects, bytes]) in peaks.unwrap_or_default() {
        collector.sum(symbolizer, modules, stack, None, &[0, 0, 0, 0, *objects as i64, *bytes as i64]);
    }
    let space = ValueType::new("space", "bytes");
    (collector.finish(symbolizer, modules, circumstances, space, 1, remark.as_slice()), places)
}

/// cpu.prof: samples and the CPU time that they represent.
pub fn cpu(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    samples: &Samples,
    circumstances: Circumstances,
) -> Profile {
    let mut collector = Collector::new(&[("samples", "count"), ("cpu", "nanoseconds")], "cpu");
    collector.threads = Threads::new(samples.stacks.iter().map(|sample| sample.thread));
    for Sample { stack, count, thread } in &samples.stacks {
        let values = [*count as i64, count.saturating_mul(samples.period_ns) as i64];
        collector.add(symbolizer, modules, stack, Some(*thread), &values);
    }
    let mut remarks = Vec::new();
    match samples.method {
        SamplingMethod::Perf => (),
        SamplingMethod::PerfUserOnly => {
            remarks.push("memprof: without time in the kernel (kernel.perf_event_paranoid forbids it)".to_owned());
        }
        SamplingMethod::Timers => {
            remarks.push("memprof: sampled by CPU timers (perf_event is not permitted)".to_owned());
        }
    }
    if samples.lost > 0 {
        // Time in the kernel gets no samples, and its amount is only an estimate.
        let least = if samples.method == SamplingMethod::PerfUserOnly { "at least " } else { "" };
        remarks.push(format!("memprof: {least}{} samples were lost", samples.lost));
    }
    if samples.by_timer > 0 {
        remarks.push(format!(
            "memprof: {} threads were sampled by CPU timers (perf_event would take more than a quarter of the open files)",
            samples.by_timer
        ));
    }
    if samples.unarmed > 0 {
        remarks.push(format!("memprof: {} threads could not be sampled", samples.unarmed));
    }
    let period = samples.period_ns as i64;
    collector.finish(symbolizer, modules, circumstances, ValueType::new("cpu", "nanoseconds"), period, &remarks)
}

/// block.prof: how often and how long threads waited; with Go's names.
pub fn block(symbolizer: &mut Symbolizer, modules: &[Module], waits: &Waits, circumstances: Circumstances) -> Profile {
    let mut collector = Collector::new(&[("contentions", "count"), ("delay", "nanoseconds")], "delay");
    collector.trim = trim_wait;
    collector.threads = Threads::new(waits.waits.iter().map(|wait| wait.thread));
    // A waiting thread always waits for another one.
    collector.threads.labelled = true;
    for wait in &waits.waits {
        collector.add(
            symbolizer,
            modules,
            &wait.stack,
            Some(wait.thread),
            &[wait.count as i64, wait.nanoseconds as i64],
        );
    }
    let lost = (waits.lost > 0).then(|| format!("memprof: {} waits were lost", waits.lost));
    let period_type = ValueType::new("contentions", "count");
    collector.finish(symbolizer, modules, circumstances, period_type, 1, lost.as_slice())
}

/// The kind of a profile: sample types, the default one, what a stack loses, and the period.
pub struct Form<'a> {
    pub types: &'a [(&'a str, &'a str)],
    pub default: &'static str,
    pub trim: Trim,
    pub period_type: (&'a str, &'a str),
    pub period: i64,
}

/// A profile of stacks of threads that have names.
pub fn named(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    form: &Form<'_>,
    stacks: &[(Stack, String, Vec<i64>)],
    circumstances: Circumstances,
    remarks: &[String],
) -> Profile {
    let mut collector = Collector::new(form.types, form.default);
    collector.trim = form.trim;
    for (stack, thread, values) in stacks {
        collector.sum(symbolizer, modules, stack, Some(Label::text("thread", thread.as_str())), values);
    }
    let cut = stacks.iter().filter(|(stack, ..)| stack.completeness == Completeness::Cut).count();
    (collector.whole, collector.cut) = (stacks.len() - cut, cut);
    let period_type = ValueType::new(form.period_type.0, form.period_type.1);
    collector.finish(symbolizer, modules, circumstances, period_type, form.period, remarks)
}

/// The label that names a sample's thread, if there are threads other than `main`; those are numbered in order.
#[derive(Default)]
struct Threads {
    others: Vec<u32>,
    /// Of the first thread, then of the others.
    labels: Vec<Label>,
    labelled: bool,
}

impl Threads {
    /// Number 0 is the process's first thread, which runs the benches.
    fn new(threads: impl Iterator<Item = u32>) -> Threads {
        let mut others: Vec<u32> = threads.filter(|&thread| thread != 0).collect();
        others.sort_unstable();
        others.dedup();
        let names = (2..others.len() + 2).map(|number| format!("thread {number}"));
        let labels = std::iter::once("main".to_owned()).chain(names).map(|name| Label::text("thread", name)).collect();
        Threads { labelled: !others.is_empty(), others, labels }
    }

    fn label(&self, thread: Option<u32>) -> Option<Label> {
        let index = match thread? {
            0 => 0,
            other => self.others.binary_search(&other).ok()? + 1,
        };
        self.labelled.then(|| self.labels[index].clone())
    }
}

/// A stack in the profile: its locations, and the thread's label.
type LabelledStack = (Vec<u32>, Option<Label>);

/// Sums equal stacks as they come.
struct Collector {
    trim: Trim,
    threads: Threads,
    builder: Builder,
    default: &'static str,
    mappings: HashMap<usize, u32>,
    locations: FxHashMap<Part, u32>,
    /// The number of each stack, in order of first appearance.
    numbers: FxHashMap<LabelledStack, u32>,
    sums: Vec<Vec<i64>>,
    whole: usize,
    cut: usize,
}

impl Collector {
    fn new(types: &[(&str, &str)], default: &'static str) -> Collector {
        Collector {
            trim: trim_allocation,
            threads: Threads::default(),
            builder: Builder::new(types.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect()),
            default,
            mappings: HashMap::new(),
            locations: FxHashMap::default(),
            numbers: FxHashMap::default(),
            sums: Vec::new(),
            whole: 0,
            cut: 0,
        }
    }

    fn add(
        &mut self,
        symbolizer: &mut Symbolizer,
        modules: &[Module],
        stack: &Stack,
        thread: Option<u32>,
        values: &[i64],
    ) -> u32 {
        match stack.completeness {
            Completeness::Whole => self.whole += 1,
            Completeness::Cut => self.cut += 1,
        }
        let label = self.threads.label(thread);
        self.sum(symbolizer, modules, stack, label, values)
    }

    /// Like [`Collector::add`], for a stack that is counted already.
    fn sum(
        &mut self,
        symbolizer: &mut Symbolizer,
        modules: &[Module],
        stack: &Stack,
        label: Option<Label>,
        values: &[i64],
    ) -> u32 {
        // The executable's mapping comes first, whichever stack is first.
        if self.mappings.is_empty() && !modules.is_empty() {
            self.mapping(modules, 0);
        }
        let parts = symbolizer.trimmed(stack, self.trim);
        let locations: Vec<u32> = parts.iter().map(|&part| self.location(symbolizer, modules, part)).collect();
        let number = *self.numbers.entry((locations, label)).or_insert(self.sums.len() as u32);
        match self.sums.get_mut(number as usize) {
            Some(sums) => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
            None => self.sums.push(values.to_vec()),
        }
        number
    }

    fn location(&mut self, symbolizer: &Symbolizer, modules: &[Module], part: Part) -> u32 {
        if let Some(&location) = self.locations.get(&part) {
            return location;
        }
        let (place, frames) = symbolizer.part(part);
        let mapping = place.module.map(|index| self.mapping(modules, index));
        let lines = frames.iter().map(|frame| Line {
            function: self.builder.function(
                &frame.function,
                &frame.system_name,
                &frame.file,
                i64::from(frame.start_line),
            ),
            line: i64::from(frame.line),
            column: i64::from(frame.column.unwrap_or(0)),
        });
        let lines = lines.collect();
        let location = self.builder.location(mapping, place.address, lines);
        self.locations.insert(part, location);
        location
    }

    /// All has_ flags are set; otherwise pprof would symbolize again, from whatever file is then at that path.
    fn mapping(&mut self, modules: &[Module], index: usize) -> u32 {
        if let Some(&mapping) = self.mappings.get(&index) {
            return mapping;
        }
        let module = &modules[index];
        let first = module.text.first();
        let start = module.bias.wrapping_add(first.map_or(0, |segment| segment.vaddr));
        let end = module.text.iter().map(|segment| segment.vaddr.wrapping_add(segment.size)).max().unwrap_or(0);
        let mapping = self.builder.mapping(Mapping {
            id: 0,
            start,
            limit: module.bias.wrapping_add(end),
            offset: first.map_or(0, |segment| segment.file_offset),
            file: module.path.to_string_lossy().into(),
            build_id: module.build_id.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into(),
            has_functions: true,
            has_filenames: true,
            has_line_numbers: true,
            has_inline_frames: true,
        });
        self.mappings.insert(index, mapping);
        mapping
    }

    fn finish(
        mut self,
        symbolizer: &Symbolizer,
        modules: &[Module],
        circumstances: Circumstances,
        period_type: ValueType,
        period: i64,
        remarks: &[String],
    ) -> Profile {
        if self.mappings.is_empty() && !modules.is_empty() {
            self.mapping(modules, 0);
        }
        let mut stacks: Vec<(LabelledStack, u32)> = std::mem::take(&mut self.numbers).into_iter().collect();
        stacks.sort_unstable_by_key(|(_, number)| *number);
        for (((locations, label), _), values) in stacks.into_iter().zip(std::mem::take(&mut self.sums)) {
            self.builder.sample(locations, values, label.into_iter().collect());
        }
        let mut comments = vec![
            format!("memprof: iterations={}", circumstances.iterations),
            format!("memprof: stacks whole={} cut={} guessed=0", self.whole, self.cut),
        ];
        comments.extend_from_slice(remarks);
        let executable = symbolizer.status(0);
        if executable.is_some_and(|status| status.detail != Detail::Lines) {
            comments.push("memprof: the executable has no line tables".to_owned());
        }
        let profile = &mut self.builder.profile;
        profile.default_sample_type = self.default.into();
        profile.comments = comments.iter().map(|comment| comment.as_str().into()).collect();
        profile.time_nanos = circumstances.time_nanos;
        profile.duration_nanos = circumstances.duration_nanos;
        profile.period_type = period_type;
        profile.period = period;
        self.builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::LabelValue;

    fn labels(threads: &[u32]) -> Vec<Option<String>> {
        let known = Threads::new(threads.iter().copied());
        let name = |label: Label| match label.value {
            LabelValue::Text(name) => name.to_string(),
            LabelValue::Number(..) => panic!("{label:?}"),
        };
        threads.iter().map(|&thread| known.label(Some(thread)).map(name)).collect()
    }

    /// A bench that fans out and joins: its own thread has no samples.
    #[test]
    fn main_is_the_first_thread_and_no_worker() {
        let named = |names: &[&str]| names.iter().map(|name| Some((*name).to_owned())).collect::<Vec<_>>();
        assert_eq!(labels(&[77, 42, 77]), named(&["thread 3", "thread 2", "thread 3"]));
        assert_eq!(labels(&[42, 0]), named(&["thread 2", "main"]));
        assert_eq!(labels(&[42]), named(&["thread 2"]));
        assert_eq!(labels(&[0, 0]), [None, None]);
    }
}
