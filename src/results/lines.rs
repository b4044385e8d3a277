//! The numbers of one benchmark, in the form of results.jsonl (format version 1).

use std::collections::HashMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Check;
pub use super::failed::{Failed, FailureKind};
use super::program;
use super::ratio::Versus;
use super::tests::TestFinished;

pub use super::profiles::Profiles;
pub use super::time::{Sample, Time};

/// The version of the JSON lines.
pub const FORMAT_VERSION: u32 = 1;

/// The first line of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RunStarted {
    pub format_version: u32,
    pub tool: String,
    pub rustc: String,
    pub target: String,
    pub profile: String,
    pub cpu: String,
    pub commit: Option<String>,
    /// The root of the workspace; `None` where several machines' results were merged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workspace: Option<String>,
}

/// One measurement of one benchmark.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finished {
    /// `PACKAGE/TARGET/ID`.
    pub name: String,
    pub package: String,
    pub target: String,
    pub id: String,
    /// Harness and version, where known.
    pub harness: String,
    /// The group that the harness puts it in.
    pub group: String,
    /// The part of its id that is an input, such as a size; the others of its group take the same one or another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub parameter: Option<String>,
    /// Its place among all benchmarks of the run in the order of declaration, from 0, counting those that were not
    /// selected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub position: Option<usize>,
    pub time: Time,
    /// Its time against the benchmark of its group, or of the baseline, that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub vs: Option<Versus>,
    pub memory: Memory,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub throughput: Option<serde_json::Value>,
    /// The bench has no harness: an iteration is a run of its process, with start and exit.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub whole_process: bool,
    pub profiles: Profiles,
    /// The run of a program that these numbers are of: it has a line of its own.
    #[serde(skip)]
    pub program: Option<Box<super::program::Finished>>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    /// Counted iterations of one pass.
    pub iterations: u64,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
    /// Frees, inside the bracket, of blocks that the bracket allocated.
    pub frees_per_op: f64,
    pub reallocs_per_op: f64,
    /// Bytes by which reallocs grew blocks.
    pub grown_bytes_per_op: f64,
    /// Allocated in the bracket and live at its end.
    pub retained_bytes_per_op: f64,
    /// Highest live bytes above the bracket's start, in brackets of one iteration.
    pub peak_bytes: u64,
    /// True if all passes agree.
    pub exact: bool,
    /// The cost of counting itself; not part of any other number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub recording: Option<Recording>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub allocs_per_op_range: Option<[f64; 2]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes_per_op_range: Option<[f64; 2]>,
}

impl Memory {
    /// Adds the counts of another process: if the two differ, the numbers are not exact.
    pub fn join(&mut self, other: &Memory) {
        self.peak_bytes = self.peak_bytes.max(other.peak_bytes);
        self.retained_bytes_per_op = self.retained_bytes_per_op.max(other.retained_bytes_per_op);
        let join = |a: [f64; 2], b: [f64; 2]| [a[0].min(b[0]), a[1].max(b[1])];
        let allocs = join(self.allocs_range(), other.allocs_range());
        let bytes = join(self.bytes_range(), other.bytes_range());
        let are_equal = (self.allocs_per_op, self.bytes_per_op) == (other.allocs_per_op, other.bytes_per_op);
        self.exact = self.exact && other.exact && are_equal;
        if !self.exact {
            (self.allocs_per_op_range, self.bytes_per_op_range) = (Some(allocs), Some(bytes));
        }
    }

    /// The least and the most; the same where the number is exact.
    pub fn allocs_range(&self) -> [f64; 2] {
        self.allocs_per_op_range.unwrap_or([self.allocs_per_op; 2])
    }

    pub fn bytes_range(&self) -> [f64; 2] {
        self.bytes_per_op_range.unwrap_or([self.bytes_per_op; 2])
    }
}

/// Whether two ranges of counts do not meet, so that their difference is certain.
pub fn are_apart(a: [f64; 2], b: [f64; 2]) -> bool {
    a[1] < b[0] || b[1] < a[0]
}

/// The memory cost of recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Resident memory of the recorder in the benched process: stacks, live blocks, each thread's state.
    pub bytes: u64,
}

/// A program's run is one operation.
impl From<super::program::Finished> for Finished {
    fn from(program: super::program::Finished) -> Finished {
        let of = &program.memory;
        let memory = Memory {
            iterations: 1,
            allocs_per_op: of.allocs as f64,
            bytes_per_op: of.bytes as f64,
            frees_per_op: of.frees as f64,
            reallocs_per_op: of.reallocs as f64,
            retained_bytes_per_op: of.live_bytes as f64,
            peak_bytes: of.peak_bytes,
            exact: of.exact && of.allocs_range.is_none() && of.bytes_range.is_none(),
            recording: Some(Recording { bytes: of.recording_bytes }),
            allocs_per_op_range: of.allocs_range,
            bytes_per_op_range: of.bytes_range,
            ..Memory::default()
        };
        let wall = program.wall_ns as f64;
        let time = Time {
            ns_per_op: Some(wall),
            iterations: 1,
            samples: vec![Sample { iterations: 1, nanoseconds: wall }],
            ..Time::default()
        };
        Finished {
            name: program.name.clone(),
            package: program.package.clone(),
            target: program.kind.clone(),
            id: program.name.splitn(3, '/').nth(2).unwrap_or(&program.target).to_owned(),
            harness: String::new(),
            group: String::new(),
            parameter: None,
            position: None,
            time,
            vs: None,
            memory,
            throughput: None,
            whole_process: true,
            profiles: program.profiles.clone(),
            program: Some(Box::new(program)),
        }
    }
}

impl Finished {
    /// Its line in results.jsonl.
    pub fn line(&self) -> Line {
        let Some(program) = &self.program else { return Line::BenchmarkFinished(Box::new(self.clone())) };
        let mut program = program.clone();
        program.profiles = self.profiles.clone();
        program.memory.allocs_range = self.memory.allocs_per_op_range;
        program.memory.bytes_range = self.memory.bytes_per_op_range;
        Line::ProgramFinished(program)
    }

    /// Whether it is the whole process of a bench, not of a program.
    pub fn is_bench_process(&self) -> bool {
        self.whole_process && self.program.is_none()
    }

    /// Its shortest name: the harness's own part; with the target if that has no harness, for then it is of a whole
    /// process.
    pub fn least_name(&self) -> &str {
        match self.whole_process {
            true => self.name.get(self.package.len() + 1..).unwrap_or(&self.id),
            false => &self.id,
        }
    }

    /// Its name within its target: the harness's id, with a number where several benchmarks share one.
    pub fn unique_id(&self) -> &str {
        let id = self.name.strip_prefix(&self.package).and_then(|rest| rest.strip_prefix('/'));
        let id = id.and_then(|rest| rest.strip_prefix(&self.target)?.strip_prefix('/'));
        id.unwrap_or(&self.id)
    }

    /// Whether its numbers are possible: JSON has no NaN, but it has negative ones. The error names the wrong one.
    fn is_sound(&self) -> Result<(), String> {
        let (time, memory) = (&self.time, &self.memory);
        let mut numbers = vec![
            ("allocs_per_op", memory.allocs_per_op),
            ("bytes_per_op", memory.bytes_per_op),
            ("frees_per_op", memory.frees_per_op),
            ("reallocs_per_op", memory.reallocs_per_op),
            ("grown_bytes_per_op", memory.grown_bytes_per_op),
            ("retained_bytes_per_op", memory.retained_bytes_per_op),
        ];
        // Another measurement than wall time may have negative amounts.
        if let Some(ns) = time.ns_per_op {
            numbers.push(("ns_per_op", ns));
            numbers.extend(time.samples.iter().map(|sample| ("nanoseconds", sample.nanoseconds)));
        }
        let ranges = [
            ("allocs_per_op_range", memory.allocs_per_op_range),
            ("bytes_per_op_range", memory.bytes_per_op_range),
            ("an interval", time.lower.zip(time.upper).map(|(lower, upper)| [lower, upper])),
        ];
        numbers.extend(ranges.iter().flat_map(|(field, range)| range.iter().flatten().map(|value| (*field, *value))));
        if let Some((field, value)) = numbers.into_iter().find(|(_, value)| !(value.is_finite() && *value >= 0.0)) {
            return Err(format!("{} has {field} {value}: it must be finite and not negative", self.name));
        }
        let descends = |(_, range): &&(&str, Option<[f64; 2]>)| range.is_some_and(|[low, high]| low > high);
        if let Some((field, Some([low, high]))) = ranges.iter().find(descends) {
            return Err(format!("{} has {field} {low} to {high}: it must ascend", self.name));
        }
        if memory.iterations == 0 {
            return Err(format!("{} was counted over no iteration", self.name));
        }
        Ok(())
    }
}

/// The last line of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    pub success: bool,
    pub benchmarks: usize,
    /// Tests that were run, or left out for `#[ignore]`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tests: Option<usize>,
    pub failed: usize,
    /// Why there are no more results, if the run could not go on: code that does not build, for instance.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error: Option<String>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Line {
    RunStarted(RunStarted),
    BenchmarkFinished(Box<Finished>),
    BenchmarkFailed(Failed),
    Check(Box<Check>),
    ProgramFinished(Box<program::Finished>),
    TestFinished(Box<TestFinished>),
    RunFinished(RunFinished),
}

/// All results of a run: the source of every output format.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run {
    pub started: RunStarted,
    pub finished: Vec<Finished>,
    pub failed: Vec<Failed>,
    pub tests: Vec<TestFinished>,
    pub checks: Vec<Check>,
}

impl Run {
    /// Reads results.jsonl. The error is one line: no results, or those of another format version.
    pub fn parse(text: &str) -> Result<Run, String> {
        let mut run: Option<Run> = None;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = |what: &dyn std::fmt::Display| format!("line {}: {what}", number + 1);
            if run.is_none() {
                check_version(line).map_err(|e| at(&e))?;
            }
            let line: Line = serde_json::from_str(line).map_err(|e| at(&e))?;
            match (line, &mut run) {
                (Line::RunStarted(started), None) => {
                    run = Some(Run { started, ..Run::default() });
                }
                (Line::BenchmarkFinished(finished), Some(run)) => {
                    finished.is_sound().map_err(|e| at(&e))?;
                    run.finished.push(*finished);
                }
                (Line::BenchmarkFailed(failed), Some(run)) => run.failed.push(failed),
                (Line::TestFinished(test), Some(run)) => run.tests.push(*test),
                (Line::Check(check), Some(run)) => run.checks.push(*check),
                (Line::ProgramFinished(program), Some(run)) => run.finished.push((*program).into()),
                (Line::RunFinished(_), Some(_)) => (),
                _ => return Err(at(&"it must begin with one run-started line")),
            }
        }
        run.ok_or_else(|| "it is empty".to_owned())
    }

    /// As the lines of results.jsonl.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = vec![Line::RunStarted(self.started.clone())];
        lines.extend(self.finished.iter().map(Finished::line));
        lines.extend(self.failed.iter().map(|one| Line::BenchmarkFailed(one.clone())));
        lines.extend(self.tests.iter().map(|one| Line::TestFinished(Box::new(one.clone()))));
        lines.extend(self.checks.iter().map(|one| Line::Check(Box::new(one.clone()))));
        lines.push(Line::RunFinished(self.end()));
        lines
    }

    pub fn end(&self) -> RunFinished {
        let good = |check: &Check| check.verdict != super::check::Verdict::Failed;
        let failed = self.failed.len() + self.tests.iter().filter(|test| test.has_failed()).count();
        RunFinished {
            success: failed == 0 && self.checks.iter().all(good),
            benchmarks: self.finished.len(),
            tests: (!self.tests.is_empty()).then_some(self.tests.len()),
            failed,
            error: None,
        }
    }
}

/// A run that others are compared with.
#[derive(Debug, Clone, PartialEq)]
pub struct Base {
    /// As it was typed.
    pub label: String,
    pub run: Run,
    /// The folder of its sources.
    pub root: PathBuf,
}

impl Base {
    /// By full name: the same count needs the same number of iterations.
    pub fn counted_iterations(&self) -> HashMap<String, u64> {
        self.run.finished.iter().map(|one| (one.name.clone(), one.memory.iterations)).collect()
    }
}

fn check_version(line: &str) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    match value["format_version"].as_u64() {
        Some(version) if version == u64::from(FORMAT_VERSION) => Ok(()),
        Some(version) => Err(format!(
            "format_version {version} is not understood, only {FORMAT_VERSION}: use the cargo-memprof that wrote it"
        )),
        None => Err("it must begin with a run-started line".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::sample::finished;

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let refused = |change: &dyn Fn(&mut Finished)| {
            let mut one = finished("p/t/a", 1.0, 8.0, false);
            one.time.samples = vec![Sample { iterations: 1, nanoseconds: 5.0 }];
            (one.memory.allocs_per_op_range, one.memory.bytes_per_op_range) = (Some([1.0, 2.0]), Some([8.0, 8.0]));
            change(&mut one);
            one.is_sound().err().unwrap_or_default()
        };
        assert_eq!(refused(&|_| ()), "");
        let nanoseconds = refused(&|one| one.time.samples[0].nanoseconds = -1.0);
        assert_eq!(nanoseconds, "p/t/a has nanoseconds -1: it must be finite and not negative");
        // Another measurement has amounts of its own.
        assert_eq!(refused(&|one| (one.time.ns_per_op, one.time.samples[0].nanoseconds) = (None, -1.0)), "");
        let range = refused(&|one| one.memory.allocs_per_op_range = Some([2.0, 1.0]));
        assert_eq!(range, "p/t/a has allocs_per_op_range 2 to 1: it must ascend");
        assert!(refused(&|one| one.memory.bytes_per_op_range = Some([-8.0, 8.0])).contains("bytes_per_op_range -8"));
        assert!(refused(&|one| (one.time.lower, one.time.upper) = (Some(-1.0), Some(1.0))).contains("an interval -1"));
        assert!(refused(&|one| one.memory.frees_per_op = -1.0).contains("frees_per_op -1"));
    }
}
