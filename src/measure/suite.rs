//! The benchmarks of one executable, and their possible outcomes.

use std::collections::HashSet;
use std::path::Path;

use super::build::Executable;
use super::launch::Launch;
use super::options::{BenchTime, PassOptions};
use super::phase::Phase;
use super::plan::Selected;
use super::reason::Reason;
use crate::pprof::profile::Profile;
use crate::project::BenchTarget;
use crate::records::Module;
use crate::results::groups;
use crate::results::lines::{Failed, FailureKind, Finished, Memory, Profiles, Time};

/// A benchmark of an executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    /// How many of the same id came before it.
    pub occurrence: u32,
    /// The harness's own description, as JSON.
    pub description: String,
    /// Harness and version.
    pub harness: String,
}

/// A benchmark of the run.
#[derive(Debug, Clone)]
pub struct Benchmark {
    pub name: String,
    pub listed: Listed,
    /// How many were listed before it in this run, selected or not.
    pub position: usize,
    /// The reference of its time.
    pub against: Option<Box<Benchmark>>,
}

impl Benchmark {
    /// As a plan names it.
    pub fn selected(&self, index: usize) -> Selected<'_> {
        let Benchmark { name, listed: Listed { id, occurrence, .. }, .. } = self;
        Selected { index, name, id, occurrence: *occurrence, largest_iterations: 0, counted_iterations: 0 }
    }
}

/// One executable with the benchmarks of it that were selected.
pub struct Suite<'a> {
    pub executable: &'a Executable,
    pub launch: &'a Launch,
    pub benchmarks: Vec<Benchmark>,
    /// The executable has no harness: its only benchmark is a run of the whole process.
    pub whole_process: bool,
    /// How many benchmarks the executable has, selected or not.
    pub listed: usize,
    /// Why listing ended early. Otherwise a benchmark that the listing does not name does not exist.
    pub cut_short: Option<Reason>,
    /// Objects that its processes map.
    pub modules: Vec<Module>,
}

/// The outcome of one benchmark.
#[derive(Debug)]
pub enum Outcome {
    Finished(Box<Finished>, Box<ProfilePair>),
    Failed(Failed),
}

/// The profiles of one benchmark; `None` if they were not asked for.
#[derive(Debug, Default)]
pub struct ProfilePair {
    pub mem: Option<Profile>,
    pub cpu: Option<Profile>,
    /// dhat's own file, as it wrote it.
    pub dhat: Option<Vec<u8>>,
    pub block: Option<Profile>,
}

/// This many benchmarks go through all passes before their results are given out. Each part starts processes of its
/// own, in which the set-up of the whole bench runs again; all of their recordings are kept until the part ends.
const PART: usize = 100;

impl Suite<'_> {
    pub fn target(&self) -> &BenchTarget {
        &self.executable.target
    }

    /// The executable that a phase runs. Without a harness only the counting one holds the runtime.
    pub fn program(&self, phase: Phase) -> &Path {
        let executable = self.executable;
        match phase {
            Phase::Dhat => &executable.dhat,
            Phase::Count => &executable.counted,
            Phase::Time => &executable.timed,
            Phase::List | Phase::Cpu | Phase::Block if self.whole_process => &executable.counted,
            Phase::List | Phase::Cpu | Phase::Block => &executable.timed,
        }
    }

    /// The arguments that ask `cargo bench` to measure for this long. The harness's parsed arguments stay in the heap
    /// that the benchmarks are timed on, so they are the same as there.
    pub fn arguments(&self, phase: Phase, options: &PassOptions) -> Vec<String> {
        // Criterion 0.3 takes whole seconds.
        let is_criterion = self.benchmarks.first().is_some_and(|one| {
            one.listed.harness.starts_with("criterion ") && !one.listed.harness.starts_with("criterion 0.3")
        });
        let is_told = options.bench_args.iter().any(|arg| arg.ends_with("-time") || arg.contains("-time="));
        match options.bench_time {
            BenchTime::For(time) if phase == Phase::Time && is_criterion && !is_told => {
                let (warm_up, measuring) = (time.as_secs_f64() / 4.0 + 0.001, time.as_secs_f64() + 0.001);
                ["--warm-up-time", &format!("{warm_up:.3}"), "--measurement-time", &format!("{measuring:.3}")]
                    .map(str::to_owned)
                    .to_vec()
            }
            _ => Vec::new(),
        }
    }

    /// The failure of one of its benchmarks.
    pub fn failed(&self, benchmark: &Benchmark, reason: Reason) -> Failed {
        let Failed { package, target, .. } = reason.clone().of_target(self.target());
        let (name, id) = (benchmark.name.clone(), benchmark.listed.id.clone());
        Failed { name, package, target, id, kind: reason.kind, error: reason.error }
    }

    /// The reason why no result of this suite counts: one row cannot hold the time of one program and the counts of
    /// another.
    pub fn rebuilt(&self) -> Option<Reason> {
        let error = "was rebuilt by another run during measurement; run it again";
        (!self.executable.is_unchanged()).then(|| Reason::new(FailureKind::Rebuilt, error))
    }

    /// Benchmark `index` in the form for a plan.
    pub fn select(&self, index: usize, largest_iterations: u64, counted_iterations: u64) -> Selected<'_> {
        Selected { largest_iterations, counted_iterations, ..self.benchmarks[index].selected(index) }
    }

    /// A result without its numbers.
    pub fn unmeasured(&self, benchmark: &Benchmark) -> Finished {
        let description: serde_json::Value = serde_json::from_str(&benchmark.listed.description).unwrap_or_default();
        let grouped = ["function_id", "value_str"].iter().any(|key| description[key].is_string());
        let group = description["group_id"].as_str().filter(|_| grouped).unwrap_or_default().to_owned();
        let target = &self.executable.target;
        Finished {
            name: benchmark.name.clone(),
            package: target.package.clone(),
            target: target.name.clone(),
            id: benchmark.listed.id.clone(),
            harness: benchmark.listed.harness.clone(),
            group,
            parameter: description["value_str"].as_str().map(str::to_owned),
            position: Some(benchmark.position),
            time: Time::default(),
            vs: None,
            memory: Memory::default(),
            throughput: throughput(&description),
            whole_process: self.whole_process,
            profiles: Profiles::default(),
            program: None,
        }
    }

    /// Gives each benchmark of a group the one that it is compared with.
    pub fn pair_up(&mut self, against: Option<&str>) {
        let rows: Vec<Finished> = self.benchmarks.iter().map(|one| self.unmeasured(one)).collect();
        for (at, compared) in groups::compared(&rows, against).into_iter().enumerate() {
            let reference = match compared {
                groups::Compared::With(reference) => Some(Box::new(self.benchmarks[reference].clone())),
                _ => None,
            };
            // The reference itself has none, so that none is held twice.
            self.benchmarks[at].against = reference.map(|mut one| {
                one.against = None;
                one
            });
        }
    }

    /// The suite in parts whose recordings fit in memory at once, and whose results come while others are still to be
    /// measured.
    ///
    /// `without`: names of benchmarks that failed already, and may take all of --timeout again.
    pub fn parts(&self, without: &HashSet<String>) -> Vec<Suite<'_>> {
        let left = self.benchmarks.iter().filter(|benchmark| !without.contains(&benchmark.name));
        let left: Vec<&Benchmark> = left.collect();
        let part = |part: &[&Benchmark]| Suite {
            executable: self.executable,
            launch: self.launch,
            benchmarks: part.iter().map(|&benchmark| benchmark.clone()).collect(),
            whole_process: self.whole_process,
            listed: self.listed,
            cut_short: self.cut_short.clone(),
            modules: self.modules.clone(),
        };
        left.chunks(PART).map(part).collect()
    }
}

/// `{"bytes":1024}`: criterion's variant in lower case.
fn throughput(description: &serde_json::Value) -> Option<serde_json::Value> {
    let variants = description["throughput"].as_object()?;
    Some(variants.iter().map(|(kind, value)| (kind.to_lowercase(), value.clone())).collect())
}
