//! A program over time, observed from outside while it runs: a bounded number of steps, of which half are dropped when
//! they are full.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::recorded;
use super::region::{Header, Region, word};
use crate::symbolize::{Symbolizer, trim_located};

/// Steps that are kept.
const MOST_STEPS: usize = 600;
/// Their first length.
const FIRST_STEP: Duration = Duration::from_millis(10);
/// Sites of a step that are told by name.
const MOST_SITES: usize = 10;
/// How many stacks are looked at in each step; with more, only every few steps.
const CHEAP_STACKS: u64 = 20_000;

/// The numbers at one moment.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Step {
    /// Since the program's start.
    pub at_ns: u64,
    pub live_blocks: u64,
    pub live_bytes: u64,
    /// Since the program's start.
    pub allocs: u64,
    pub bytes: u64,
    pub frees: u64,
    /// CPU time of each thread that lives, by its number.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub threads: Vec<(u32, u64)>,
    /// The stacks that hold most, by their numbers, with their live bytes; in files, indices of `sites`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub sites: Vec<(u64, u64)>,
}

/// See above.
#[derive(Debug)]
pub struct Timeline {
    pub steps: Vec<Step>,
    step: Duration,
    begun: Option<Instant>,
    /// Names of the threads that were seen.
    pub names: HashMap<u32, String>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline { steps: Vec::new(), step: FIRST_STEP, begun: None, names: HashMap::new() }
    }
}

impl Timeline {
    /// How long to wait until the next look.
    pub fn pause(&self) -> Duration {
        match self.begun {
            // Short programs have a beginning, too.
            None => Duration::from_millis(1),
            Some(_) => self.step.min(Duration::from_millis(100)),
        }
    }

    /// Notes a step, if one is due.
    pub fn note(&mut self, region: &Region, header: &Header, pid: Pid) {
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let at = begun.elapsed();
        let last = self.steps.last().map_or(0, |step| step.at_ns);
        if !self.steps.is_empty() && (at.as_nanos() as u64) < last + self.step.as_nanos() as u64 {
            return;
        }
        let mut step = self.look(region, header, at);
        step.threads = self.threads(pid);
        self.steps.push(step);
        if self.steps.len() >= MOST_STEPS {
            // Keeps each second one: numbers are of moments, and those that stay are unchanged.
            let mut number = 0;
            self.steps.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.step *= 2;
        }
    }

    /// The last step, with the numbers that the program left.
    pub fn end(&mut self, region: &Region, header: &Header, wall: Duration) {
        let step = self.look(region, header, wall);
        self.steps.retain(|step| step.at_ns < wall.as_nanos() as u64);
        self.steps.push(step);
    }

    fn look(&self, region: &Region, header: &Header, at: Duration) -> Step {
        let totals = recorded::totals(region, header);
        let stacks = header.word(word::ENTRIES_END);
        let every = (stacks / CHEAP_STACKS + 1) as usize;
        let mut sites: Vec<(u64, u64)> = Vec::new();
        if self.steps.len().is_multiple_of(every) {
            recorded::entries(region, header, &mut |entry| {
                let [_, bytes] = entry.live();
                if bytes != 0 && bytes < 1 << 62 {
                    sites.push((entry.number, bytes));
                }
            });
            sites.sort_unstable_by_key(|&(number, bytes)| (std::cmp::Reverse(bytes), number));
            sites.truncate(MOST_SITES);
        }
        Step {
            at_ns: at.as_nanos() as u64,
            live_blocks: totals.live_blocks(),
            live_bytes: totals.live_bytes(),
            allocs: totals.counts.allocs,
            bytes: totals.counts.bytes,
            frees: totals.counts.frees,
            threads: Vec::new(),
            sites,
        }
    }

    fn threads(&mut self, pid: Pid) -> Vec<(u32, u64)> {
        const MOST: usize = 256;
        let pid = pid.as_raw_nonzero();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().take(MOST);
        let mut threads: Vec<(u32, u64)> = Vec::new();
        for task in tasks {
            let Some(tid) = task.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // /proc/PID/task/TID/schedstat: nanoseconds on a CPU come first.
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let Some(ns) = text.split_whitespace().next().and_then(|ns| ns.parse().ok()) else { continue };
            self.names.entry(tid).or_insert_with(|| {
                std::fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim().to_owned()
            });
            threads.push((tid, ns));
        }
        threads.sort_unstable();
        threads
    }

    /// timeline.json: the steps, with the stacks that hold most at each by their innermost functions.
    pub fn json(&self, region: &Region, wall: Duration) -> String {
        let header = region.header();
        let modules = recorded::log(region, &header).modules;
        let mut symbolizer = Symbolizer::new(&modules);
        let mut places: HashMap<u64, u64> = HashMap::new();
        let mut sites: Vec<Vec<String>> = Vec::new();
        let wanted: HashSet<u64> = self.steps.iter().flat_map(|step| &step.sites).map(|(number, _)| *number).collect();
        recorded::entries(region, &header, &mut |entry| {
            if wanted.contains(&entry.number) {
                let stack = recorded::stack(region, &header, &entry);
                let frames = trim_located(symbolizer.symbolize_stack(&stack));
                let frames = frames.iter().flat_map(|located| &located.frames);
                places.insert(entry.number, sites.len() as u64);
                sites.push(frames.map(|frame| format!("{} ({}:{})", frame.function, frame.file, frame.line)).collect());
            }
        });
        let placed = |step: &Step| Step {
            sites: step.sites.iter().filter_map(|(number, bytes)| Some((*places.get(number)?, *bytes))).collect(),
            ..step.clone()
        };
        let steps: Vec<Step> = self.steps.iter().map(placed).collect();
        let names: BTreeMap<u32, &String> = self.names.iter().map(|(tid, name)| (*tid, name)).collect();
        let value = serde_json::json!({
            "version": 1,
            "step_ns": self.step.as_nanos() as u64,
            "wall_ns": wall.as_nanos() as u64,
            "threads": names,
            "sites": sites,
            "steps": steps,
        });
        format!("{value}\n")
    }
}
