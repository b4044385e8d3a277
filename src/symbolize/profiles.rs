//! From recorded stacks to a profile: named, trimmed, equal ones summed.

use std::collections::HashMap;

use super::{Detail, LocatedFrames, Symbolizer, trim_located};
use crate::profile::{Builder, Line, Mapping, Profile, ValueType};
use crate::record::{Completeness, Module, Sample, Samples, SamplingMethod, Stack, StackCounts};

/// What the header of a profile says besides its samples.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    /// Iterations that the values add up over.
    pub iterations: u64,
    /// When it was taken, nanoseconds since the Unix epoch.
    pub time_nanos: i64,
    /// How long the brackets were open, in nanoseconds; 0 where unknown.
    pub duration_nanos: i64,
}

/// mem.prof: Go's four heap sample types, exact; with `peaks` two more, of what was live at the peak of one iteration.
pub fn memory(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    stacks: &[(Stack, StackCounts)],
    peaks: Option<&[(Stack, [u64; 2])]>,
    circumstances: Circumstances,
) -> Profile {
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
    for (stack, counts) in stacks {
        let mut values = vec![
            counts.allocs as i64,
            counts.bytes as i64,
            counts.allocs.saturating_sub(counts.frees) as i64,
            counts.bytes.saturating_sub(counts.freed_bytes) as i64,
        ];
        values.resize(types.len(), 0);
        collector.add(symbolizer, modules, stack, &values);
    }
    let remark = peaks.map(|_| "memprof: peak_ values are of one iteration".to_owned());
    for (stack, [objects, bytes]) in peaks.unwrap_or_default() {
        collector.sum(symbolizer, modules, stack, &[0, 0, 0, 0, *objects as i64, *bytes as i64]);
    }
    collector.finish(symbolizer, modules, circumstances, ValueType::new("space", "bytes"), 1, remark.as_slice())
}

/// cpu.prof: samples and the CPU time that they stand for.
pub fn cpu(
    symbolizer: &mut Symbolizer,
    modules: &[Module],
    samples: &Samples,
    circumstances: Circumstances,
) -> Profile {
    let mut collector = Collector::new(&[("samples", "count"), ("cpu", "nanoseconds")], "cpu");
    for Sample { stack, count, .. } in &samples.stacks {
        let values = [*count as i64, count.saturating_mul(samples.period_ns) as i64];
        collector.add(symbolizer, modules, stack, &values);
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
        remarks.push(format!("memprof: {} samples were lost", samples.lost));
    }
    if samples.unarmed > 0 {
        remarks.push(format!("memprof: {} threads could not be sampled", samples.unarmed));
    }
    let period = samples.period_ns as i64;
    collector.finish(symbolizer, modules, circumstances, ValueType::new("cpu", "nanoseconds"), period, &remarks)
}

/// Sums equal stacks as they come.
struct Collector {
    builder: Builder,
    default: &'static str,
    mappings: HashMap<usize, u32>,
    sums: HashMap<Vec<u32>, Vec<i64>>,
    /// Stacks in the order in which they came first.
    order: Vec<Vec<u32>>,
    whole: usize,
    cut: usize,
}

impl Collector {
    fn new(types: &[(&str, &str)], default: &'static str) -> Collector {
        Collector {
            builder: Builder::new(types.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect()),
            default,
            mappings: HashMap::new(),
            sums: HashMap::new(),
            order: Vec::new(),
            whole: 0,
            cut: 0,
        }
    }

    fn add(&mut self, symbolizer: &mut Symbolizer, modules: &[Module], stack: &Stack, values: &[i64]) {
        match stack.completeness {
            Completeness::Whole => self.whole += 1,
            Completeness::Cut => self.cut += 1,
        }
        self.sum(symbolizer, modules, stack, values);
    }

    /// As [`Collector::add`], of a stack that is counted already.
    fn sum(&mut self, symbolizer: &mut Symbolizer, modules: &[Module], stack: &Stack, values: &[i64]) {
        // The executable's mapping stands first, whatever the first stack is.
        if self.mappings.is_empty() && !modules.is_empty() {
            self.mapping(modules, 0);
        }
        let located = trim_located(symbolizer.symbolize_stack(stack));
        let locations: Vec<u32> = located.iter().map(|located| self.location(modules, located)).collect();
        match self.sums.get_mut(&locations) {
            Some(sums) => sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
            None => {
                self.order.push(locations.clone());
                self.sums.insert(locations, values.to_vec());
            }
        }
    }

    fn location(&mut self, modules: &[Module], located: &LocatedFrames) -> u32 {
        let mapping = located.module.map(|index| self.mapping(modules, index));
        let lines = located.frames.iter().map(|frame| Line {
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
        self.builder.location(mapping, located.address, lines)
    }

    /// All has_ flags are set: else pprof would symbolize again, from whatever file lies at that path by then.
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
        for locations in std::mem::take(&mut self.order) {
            if let Some(values) = self.sums.remove(&locations) {
                self.builder.sample(locations, values, Vec::new());
            }
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
