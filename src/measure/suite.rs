//! The benchmarks of one executable, and their possible outcomes.

use std::collections::HashSet;
use std::path::Path;
use std::time::Duration;

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
    /// How long a process took that measured nothing: its start, and the set-up of all benchmarks.
    pub start: Duration,
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

/// At most so many benchmarks go through all passes before their results are given out: all of their recordings are kept
/// until then.
const MOST_IN_PART: usize = 100;
/// Each part starts processes of its own, in which the set-up of the whole bench runs again, and reads the executable's
/// debug information. That may cost one part in so many of the time of its benchmarks.
const DEAR: u32 = 20;
/// Bytes of an executable that are read in a second.
const READ: f64 = 100e6;

/// How many benchmarks make a part, if a start with its set-up costs so much and a benchmark takes so long.
fn part_size(start: Duration, benchmark: Duration) -> usize {
    let needed = (start * DEAR).as_secs_f64() / benchmark.as_secs_f64().max(1e-9);
    (needed.ceil() as usize).clamp(1, MOST_IN_PART)
}

/// Cuts `rows` into parts of at least `size`. `reference` is the row that another is compared with: both are timed in
/// turns, so they share a part, unless that becomes too large.
fn cut<T>(rows: &[T], size: usize, reference: impl Fn(&T) -> Option<&str>, name: impl Fn(&T) -> &str) -> Vec<&[T]> {
    let (mut parts, mut from) = (Vec::new(), 0);
    for at in 1..=rows.len() {
        let goes_on = rows.get(at).is_some_and(|next| {
            let shared = |one: &T| {
                reference(next).is_some_and(|of| of == name(one) || reference(one) == Some(of))
                    || reference(one) == Some(name(next))
            };
            at - from < size || rows[from..at].iter().any(shared)
        });
        if !goes_on || at - from >= MOST_IN_PART {
            parts.push(&rows[from..at]);
            from = at;
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

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
        let harness = self.benchmarks.first().map_or("", |one| &one.listed.harness);
        let is_told = options.bench_args.iter().any(|arg| arg.ends_with("-time") || arg.contains("-time="));
        match options.bench_time {
            BenchTime::For(time) if phase == Phase::Time && !is_told => time_arguments(harness, time),
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
    pub fn parts(&self, without: &HashSet<String>, bench_time: BenchTime) -> Vec<Suite<'_>> {
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
            start: self.start,
        };
        let size = match bench_time {
            // Timed, then counted and sampled in about as much time again.
            BenchTime::For(time) => part_size(self.start * 3 + self.reading() * 2, time * 2),
            BenchTime::Iterations(_) => MOST_IN_PART,
        };
        cut(&left, size, |one| one.against.as_ref().map(|of| of.name.as_str()), |one| &one.name)
            .into_iter()
            .map(part)
            .collect()
    }

    /// How long it takes to read the debug information, by the executable's size.
    fn reading(&self) -> Duration {
        let size = std::fs::metadata(&self.executable.counted).map_or(0, |about| about.len());
        Duration::from_secs_f64(size as f64 / READ)
    }
}

/// Criterion's own arguments for so much time, a moment longer than ours; 0.3 takes whole seconds only.
fn time_arguments(harness: &str, time: Duration) -> Vec<String> {
    let Some(version) = harness.strip_prefix("criterion ") else { return Vec::new() };
    let (warm_up, measuring) = (time.as_secs_f64() / 4.0 + 0.001, time.as_secs_f64() + 0.001);
    let text =
        |seconds: f64| if version.starts_with("0.3") { seconds.ceil().to_string() } else { format!("{seconds:.3}") };
    ["--warm-up-time", &text(warm_up), "--measurement-time", &text(measuring)].map(str::to_owned).to_vec()
}

/// `{"bytes":1024}`: criterion's variant in lower case.
fn throughput(description: &serde_json::Value) -> Option<serde_json::Value> {
    let variants = description["throughput"].as_object()?;
    Some(variants.iter().map(|(kind, value)| (kind.to_lowercase(), value.clone())).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn criterion_is_told_its_time_in_its_own_form() {
        let told = |harness: &str, ms: u64| time_arguments(harness, Duration::from_millis(ms)).join(" ");
        assert_eq!(told("criterion 0.5.1", 1000), "--warm-up-time 0.251 --measurement-time 1.001");
        assert_eq!(told("criterion 0.3.6", 1000), "--warm-up-time 1 --measurement-time 2");
        assert_eq!(told("criterion 0.3.6", 100), "--warm-up-time 1 --measurement-time 1");
        assert_eq!(told("divan 0.1.21", 1000), "");
    }

    #[test]
    fn a_part_is_small_where_a_start_is_cheap() {
        let size =
            |start_ms, benchmark_ms| part_size(Duration::from_millis(start_ms), Duration::from_millis(benchmark_ms));
        assert_eq!([size(10, 2000), size(200, 2000), size(60_000, 2000), size(0, 0), size(1, 0)], [1, 2, 100, 1, 100]);
    }

    proptest::proptest! {
        /// For all groups: nothing is lost or doubled, and compared benchmarks stay together where there is room.
        #[test]
        fn parts_are_the_whole_and_keep_groups(groups in proptest::collection::vec(1usize..150, 0..12), size in 1usize..120) {
            let rows: Vec<(String, Option<String>)> = groups
                .iter()
                .enumerate()
                .flat_map(|(group, &members)| {
                    (0..members).map(move |member| (format!("{group}/{member}"), (member > 0).then(|| format!("{group}/0"))))
                })
                .collect();
            let parts = cut(&rows, size, |row| row.1.as_deref(), |row| &row.0);
            let joined: Vec<_> = parts.iter().flat_map(|part| part.iter().cloned()).collect();
            proptest::prop_assert_eq!(&joined, &rows);
            proptest::prop_assert!(parts.iter().all(|part| !part.is_empty() && part.len() <= MOST_IN_PART));
            // A group that fits is in one part, unless the part before it was filled up.
            for part in parts.iter().take(parts.len().saturating_sub(1)) {
                let cuts_a_group = part.last().unwrap().0.split('/').next() == {
                    let next = rows.iter().position(|row| row == part.last().unwrap()).unwrap() + 1;
                    rows.get(next).and_then(|row| row.0.split('/').next())
                };
                proptest::prop_assert!(!cuts_a_group || part.len() == MOST_IN_PART);
                proptest::prop_assert!(part.len() >= size.min(MOST_IN_PART));
            }
        }
    }
}
