//! A trace in the Firefox Profiler's processed format, which profiler.firefox.com and `samply load` open.
//!
//! Version 55 of the format, as fxprof-processed-profile 0.8 writes it; later profilers upgrade it. Columns are lists of equal
//! length; functions, frames and stacks are a thread's own.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Value, json};

use super::{Memory, Thread, Trace};
use crate::pprof::profile::gzip;
use crate::symbolize::Frame;

const VERSION: u32 = 24;
const PROCESSED_VERSION: u32 = 55;
/// Indices of `meta.categories`.
const OTHER: u32 = 0;
const CODE: u32 = 1;

/// The content of the file at `path`: packed, if its name ends in `.gz`.
pub fn file(trace: &Trace, path: &Path) -> Vec<u8> {
    let text = json(trace).into_bytes();
    if path.extension().is_some_and(|extension| extension == "gz") { gzip::compress(&text) } else { text }
}

/// The text.
pub fn json(trace: &Trace) -> String {
    let threads: Vec<Value> = trace.threads.iter().enumerate().map(|(i, of)| thread(trace, of, i == 0)).collect();
    let value = json!({
        "meta": meta(trace),
        "libs": [],
        "threads": threads,
        "pages": [],
        "profilerOverhead": [],
        "counters": [counter(trace)],
    });
    format!("{value}\n")
}

fn meta(trace: &Trace) -> Value {
    json!({
        "version": VERSION,
        "preprocessedProfileVersion": PROCESSED_VERSION,
        "product": trace.program,
        "importedFrom": "cargo memprof",
        "processType": 0,
        "startTime": trace.begun_ms,
        "profilingStartTime": 0.0,
        "profilingEndTime": ms(trace.duration),
        "interval": ms(trace.period.max(1)),
        "debug": false,
        "stackwalk": 1,
        "symbolicated": true,
        "pausedRanges": [],
        "usesOnlyOneStackType": true,
        "sourceCodeIsNotOnSearchfox": true,
        "extensions": { "baseURL": [], "id": [], "length": 0, "name": [] },
        "sampleUnits": { "time": "ms", "eventDelay": "ms", "threadCPUDelta": "µs" },
        "categories": [
            { "name": "Other", "color": "grey", "subcategories": ["Other"] },
            { "name": "Code", "color": "blue", "subcategories": ["Other"] },
        ],
        "extra": [{ "label": "Recording", "entries":
            trace.notes.iter().map(|note| json!({ "label": "Note", "format": "string", "value": note })).collect::<Vec<_>>()
        }],
        "markerSchema": [{
            "name": "Wait",
            "display": ["marker-chart", "marker-table", "timeline-overview"],
            "chartLabel": "{marker.data.at}",
            "tableLabel": "{marker.data.at}",
            "tooltipLabel": "Waits in {marker.data.at}",
            "fields": [{ "key": "at", "label": "Function", "format": "unique-string", "searchable": true }],
        }],
    })
}

fn thread(trace: &Trace, of: &Thread, is_main: bool) -> Value {
    let mut tables = Tables::default();
    let samples = samples(trace, of, &mut tables);
    let allocations = allocations(trace, of, &mut tables);
    let markers = markers(trace, of, &mut tables);
    let mut value = json!({
        "name": if is_main { &trace.program } else { &of.name },
        "isMainThread": is_main,
        "processType": "default",
        "processName": trace.program,
        "processStartupTime": 0.0,
        "processShutdownTime": ms(trace.duration),
        "registerTime": 0.0,
        "unregisterTime": Value::Null,
        "pausedRanges": [],
        "showMarkersInTimeline": true,
        "pid": trace.pid.to_string(),
        "tid": of.number,
        "samples": samples,
        "markers": markers,
        "nativeSymbols": { "length": 0, "address": [], "functionSize": [], "libIndex": [], "name": [] },
        "resourceTable": { "length": 0, "lib": [], "name": [], "host": [], "type": [] },
    });
    if of.allocations.is_empty() {
        // The profiler offers views of allocations where there are any.
    } else {
        value["nativeAllocations"] = allocations;
    }
    tables.put_into(&mut value);
    value
}

fn samples(trace: &Trace, of: &Thread, tables: &mut Tables) -> Value {
    let stacks: Vec<Option<usize>> = of.samples.iter().map(|sample| tables.stack(trace, sample.stack)).collect();
    let cpu = |weight: u64| weight.saturating_mul(trace.period) / 1000;
    json!({
        "length": of.samples.len(),
        "stack": stacks,
        "timeDeltas": deltas(of.samples.iter().map(|sample| sample.at)),
        "weight": of.samples.iter().map(|sample| sample.weight).collect::<Vec<_>>(),
        "weightType": "samples",
        "threadCPUDelta": of.samples.iter().map(|sample| cpu(sample.weight)).collect::<Vec<_>>(),
    })
}

/// Without addresses of blocks: frees stand at the stacks that allocated.
fn allocations(trace: &Trace, of: &Thread, tables: &mut Tables) -> Value {
    let stacks: Vec<Option<usize>> = of.allocations.iter().map(|one| tables.stack(trace, one.stack)).collect();
    json!({
        "length": of.allocations.len(),
        "time": of.allocations.iter().map(|one| ms(one.at)).collect::<Vec<_>>(),
        "weight": of.allocations.iter().map(|one| one.bytes).collect::<Vec<_>>(),
        "weightType": "bytes",
        "stack": stacks,
    })
}

fn markers(trace: &Trace, of: &Thread, tables: &mut Tables) -> Value {
    const INTERVAL: u32 = 1;
    let name = tables.text("Wait");
    let data: Vec<Value> = of
        .waits
        .iter()
        .map(|wait| {
            let function = trace.stacks[wait.stack].first().map_or("", |frame| &frame.function);
            let at = tables.text(function);
            json!({ "type": "Wait", "at": at, "cause": { "stack": tables.stack(trace, wait.stack) } })
        })
        .collect();
    let number = of.waits.len();
    json!({
        "length": number,
        "category": vec![OTHER; number],
        "name": vec![name; number],
        "phase": vec![INTERVAL; number],
        "startTime": of.waits.iter().map(|wait| ms(wait.from)).collect::<Vec<_>>(),
        "endTime": of.waits.iter().map(|wait| ms(wait.to)).collect::<Vec<_>>(),
        "data": data,
    })
}

/// The memory track.
fn counter(trace: &Trace) -> Value {
    let before = std::iter::once(0).chain(trace.memory.iter().map(|memory| memory.live_bytes as i64));
    let changes: Vec<i64> =
        trace.memory.iter().zip(before).map(|(memory, before)| memory.live_bytes as i64 - before).collect();
    json!({
        "name": "malloc",
        "category": "Memory",
        "description": "Memory in use, as the program asked for it",
        "pid": trace.pid.to_string(),
        "mainThreadIndex": 0,
        "samples": {
            "length": changes.len(),
            "count": changes,
            "number": trace.memory.iter().map(|memory| memory.operations).collect::<Vec<_>>(),
            "timeDeltas": deltas(trace.memory.iter().map(|Memory { at, .. }| *at)),
        },
    })
}

fn ms(ns: u64) -> f64 {
    ns as f64 / 1e6
}

/// The times, each as what it adds to the one before.
fn deltas(times: impl Iterator<Item = u64>) -> Vec<f64> {
    let mut last = 0;
    times.map(|at| ms(at - std::mem::replace(&mut last, at))).collect()
}

/// Texts, functions, frames and stacks of one thread.
#[derive(Default)]
struct Tables {
    texts: Vec<String>,
    text_of: HashMap<String, usize>,
    /// Name and file.
    functions: Vec<(usize, Option<usize>, u32)>,
    function_of: HashMap<(usize, Option<usize>), usize>,
    /// Function, line, column, inlined how deep.
    frames: Vec<(usize, u32, Option<u32>, u32)>,
    frame_of: HashMap<(usize, u32, Option<u32>, u32), usize>,
    /// The caller's stack, and the frame.
    stacks: Vec<(Option<usize>, usize)>,
    stack_of: HashMap<(Option<usize>, usize), usize>,
    /// By the trace's numbers.
    known: HashMap<usize, Option<usize>>,
}

impl Tables {
    fn text(&mut self, text: &str) -> usize {
        if let Some(&known) = self.text_of.get(text) {
            return known;
        }
        self.text_of.insert(text.to_owned(), self.texts.len());
        self.texts.push(text.to_owned());
        self.texts.len() - 1
    }

    /// A stack of the trace; `None` if it has no frames.
    fn stack(&mut self, trace: &Trace, number: usize) -> Option<usize> {
        if let Some(&known) = self.known.get(&number) {
            return known;
        }
        let mut stack = None;
        let mut depth = 0;
        for frame in trace.stacks[number].iter().rev() {
            depth = if frame.inlined { depth + 1 } else { 0 };
            let frame = self.frame(frame, depth);
            stack = Some(add(&mut self.stacks, &mut self.stack_of, (stack, frame)));
        }
        self.known.insert(number, stack);
        stack
    }

    fn frame(&mut self, frame: &Frame, inlined: u32) -> usize {
        let name = self.text(&frame.function);
        let file = (!frame.file.is_empty()).then(|| self.text(&frame.file));
        let next = self.functions.len();
        let function = *self.function_of.entry((name, file)).or_insert(next);
        if function == next {
            self.functions.push((name, file, frame.start_line));
        }
        add(&mut self.frames, &mut self.frame_of, (function, frame.line, frame.column, inlined))
    }

    fn put_into(self, thread: &mut Value) {
        let (functions, frames) = (self.functions.len(), self.frames.len());
        let line = |line: u32| (line != 0).then_some(line);
        thread["funcTable"] = json!({
            "length": functions,
            "name": self.functions.iter().map(|function| function.0).collect::<Vec<_>>(),
            "fileName": self.functions.iter().map(|function| function.1).collect::<Vec<_>>(),
            "lineNumber": self.functions.iter().map(|function| line(function.2)).collect::<Vec<_>>(),
            "columnNumber": vec![Value::Null; functions],
            "isJS": vec![false; functions],
            "relevantForJS": vec![false; functions],
            "resource": vec![-1; functions],
        });
        thread["frameTable"] = json!({
            "length": frames,
            "address": vec![-1; frames],
            "inlineDepth": self.frames.iter().map(|frame| frame.3).collect::<Vec<_>>(),
            "category": vec![CODE; frames],
            "subcategory": vec![0; frames],
            "func": self.frames.iter().map(|frame| frame.0).collect::<Vec<_>>(),
            "nativeSymbol": vec![Value::Null; frames],
            "innerWindowID": vec![0; frames],
            "line": self.frames.iter().map(|frame| line(frame.1)).collect::<Vec<_>>(),
            "column": self.frames.iter().map(|frame| frame.2).collect::<Vec<_>>(),
        });
        thread["stackTable"] = json!({
            "length": self.stacks.len(),
            "prefix": self.stacks.iter().map(|stack| stack.0).collect::<Vec<_>>(),
            "frame": self.stacks.iter().map(|stack| stack.1).collect::<Vec<_>>(),
        });
        thread["stringArray"] = json!(self.texts);
    }
}

/// The place of `one`, which is added if it is new.
fn add<T: Copy + Eq + std::hash::Hash>(all: &mut Vec<T>, places: &mut HashMap<T, usize>, one: T) -> usize {
    let place = *places.entry(one).or_insert(all.len());
    if place == all.len() {
        all.push(one);
    }
    place
}

#[cfg(test)]
mod tests {
    use super::super::{Allocation, Sample, Wait};
    use super::*;

    fn frame(function: &str, line: u32, inlined: bool) -> Frame {
        Frame { function: function.into(), file: format!("{function}.rs"), line, inlined, ..Frame::default() }
    }

    #[test]
    fn every_index_and_length_of_the_file_is_sound() {
        let main = Thread {
            name: "main".into(),
            samples: vec![Sample { at: 2_000_000, stack: 0, weight: 1 }, Sample { at: 5_000_000, stack: 1, weight: 4 }],
            waits: vec![Wait { from: 1_000_000, to: 3_500_000, stack: 1 }],
            allocations: vec![
                Allocation { at: 1_000_000, stack: 0, bytes: 100 },
                Allocation { at: 9_000_000, stack: 0, bytes: -60 },
            ],
            ..Thread::default()
        };
        let trace = Trace {
            program: "p".into(),
            pid: 7,
            duration: 10_000_000,
            period: 4_000_000,
            stacks: vec![
                vec![frame("leaf", 3, true), frame("middle", 4, false), frame("main", 5, false)],
                vec![frame("main", 5, false)],
                Vec::new(),
            ],
            threads: vec![main, Thread { number: 1, name: "thread 2".into(), ..Thread::default() }],
            memory: [(1, 100), (9, 40)]
                .map(|(at, live_bytes)| Memory { at: at * 1_000_000, live_bytes, operations: 1 })
                .into(),
            ..Trace::default()
        };
        let value: Value = serde_json::from_str(&json(&trace)).unwrap();
        let thread = &value["threads"][0];
        assert_eq!(thread["samples"]["timeDeltas"], json!([2.0, 3.0]));
        assert_eq!(thread["samples"]["threadCPUDelta"], json!([4000, 16000]));
        assert_eq!(thread["nativeAllocations"]["weight"], json!([100, -60]));
        assert_eq!((&thread["markers"]["startTime"][0], &thread["markers"]["endTime"][0]), (&json!(1.0), &json!(3.5)));
        assert_eq!(value["counters"][0]["samples"]["count"], json!([100, -60]));
        assert_eq!(thread["stackTable"], json!({ "length": 3, "prefix": [null, 0, 1], "frame": [0, 1, 2] }));
        assert_eq!(thread["frameTable"]["inlineDepth"], json!([0, 0, 1]));
        assert_eq!(thread["samples"]["stack"], json!([2, 0]));
        assert!(value["threads"][1].get("nativeAllocations").is_none());
        for thread in value["threads"].as_array().unwrap() {
            for (name, table) in thread.as_object().unwrap() {
                let Some(length) = table.get("length").and_then(Value::as_u64) else { continue };
                for (column, values) in table.as_object().unwrap().iter().filter(|(_, values)| values.is_array()) {
                    assert_eq!(values.as_array().unwrap().len() as u64, length, "{name}.{column}");
                }
            }
        }
    }
}
