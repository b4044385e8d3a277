//! The benchmarks of one executable, and what can become of them.

use std::collections::HashSet;

use super::assemble::unmeasured;
use super::build::Executable;
use super::launch::Launch;
use super::list::Listed;
use super::plan::Selected;
use crate::pprof::profile::Profile;
use crate::project::BenchTarget;
use crate::records::Module;
use crate::results::groups;
use crate::results::lines::{Failed, FailureKind, Finished};

/// A benchmark of the run.
#[derive(Debug, Clone)]
pub struct Benchmark {
    pub name: String,
    pub listed: Listed,
    /// How many were listed before it in this run, selected or not.
    pub position: usize,
    /// What its time is compared with.
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
    /// Why listing ended early. Otherwise a benchmark that the listing does not name is not there.
    pub cut_short: Option<Reason>,
    /// Objects that its processes map.
    pub modules: Vec<Module>,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub kind: FailureKind,
    pub error: String,
}

impl Reason {
    pub fn new(kind: FailureKind, error: impl Into<String>) -> Reason {
        Reason { kind, error: error.into() }
    }

    pub fn crashed(error: impl Into<String>) -> Reason {
        Reason::new(FailureKind::Crashed, error)
    }

    /// The same, with `, WHEN` behind it.
    pub fn when(mut self, when: &str) -> Reason {
        self.error.push_str(", ");
        self.error.push_str(when);
        self
    }

    /// This happened to a whole bench target.
    pub fn of_target(self, target: &BenchTarget) -> Failed {
        Failed {
            name: format!("{}/{}", target.package, target.name),
            package: target.package.clone(),
            target: target.name.clone(),
            id: String::new(),
            kind: self.kind,
            error: self.error,
        }
    }
}

/// What came of one benchmark.
#[derive(Debug)]
pub enum Outcome {
    Finished(Box<Finished>, Box<ProfilePair>),
    Failed(Failed),
}

/// The profiles of one benchmark; `None` where they were not asked for.
#[derive(Debug, Default)]
pub struct ProfilePair {
    pub mem: Option<Profile>,
    pub cpu: Option<Profile>,
    /// dhat's own file, as it wrote it.
    pub dhat: Option<Vec<u8>>,
    pub block: Option<Profile>,
}

/// So many benchmarks go through all passes before their results are given out. Each part starts processes of its own, in which
/// the set-up of the whole bench runs again; all that they recorded is kept until the part ends.
const PART: usize = 100;

impl Suite<'_> {
    pub fn target(&self) -> &BenchTarget {
        &self.executable.target
    }

    /// This happened to one of its benchmarks.
    pub fn failed(&self, benchmark: &Benchmark, reason: Reason) -> Failed {
        let Failed { package, target, .. } = reason.clone().of_target(self.target());
        let (name, id) = (benchmark.name.clone(), benchmark.listed.id.clone());
        Failed { name, package, target, id, kind: reason.kind, error: reason.error }
    }

    /// The reason why no result of this suite counts: the time of one program and the counts of another do not go in one row.
    pub fn rebuilt(&self) -> Option<Reason> {
        let error = "was rebuilt by another run during measurement; run it again";
        (!self.executable.is_unchanged()).then(|| Reason::new(FailureKind::Rebuilt, error))
    }

    /// Benchmark `index` as a plan names it.
    pub fn select(&self, index: usize, largest_iterations: u64, counted_iterations: u64) -> Selected<'_> {
        Selected { largest_iterations, counted_iterations, ..self.benchmarks[index].selected(index) }
    }

    /// Gives each benchmark of a group the one that it is compared with.
    pub fn pair_up(&mut self, against: Option<&str>) {
        let rows: Vec<Finished> = self.benchmarks.iter().map(|one| unmeasured(self, one)).collect();
        for (at, compared) in groups::compared(&rows, against).into_iter().enumerate() {
            let reference = match compared {
                groups::Compared::With(reference) => Some(Box::new(self.benchmarks[reference].clone())),
                _ => None,
            };
            // A reference has none, so that none is held twice.
            self.benchmarks[at].against = reference.map(|mut one| {
                one.against = None;
                one
            });
        }
    }

    /// The suite in parts whose recordings fit in memory at once, and whose results come while others are still to be measured.
    ///
    /// `without`: names of what has failed already, and may take all of --timeout again.
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
