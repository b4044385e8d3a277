//! A program over time, observed from outside while it runs: a bounded number of steps, of which half are dropped when
//! they are full. Each says what every stack allocated and freed since the step before, so that none of it is lost with a
//! dropped step.
//!
//! [`file`](mod@file) is timeline.json; [`interval`] makes a profile of a part of it.

pub mod file;
pub mod interval;

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::recorded;
use super::region::{Header, Region, word};
use crate::os::{Pid, monotonic, thread_cpu_time};

/// Steps that are kept.
const MOST_STEPS: usize = 600;
/// Their first length.
const FIRST_STEP: Duration = Duration::from_millis(10);
/// Sites of a step that are told by name.
const MOST_SITES: usize = 10;
/// Looking at the stacks takes one part in so many of the time, at most: where there are many, not every step has changes.
const SHARE: u32 = 20;
/// Changes of all steps that are kept, some 40 bytes each.
const MOST_CHANGES: usize = 400_000;

/// The changes of one stack since the step before that has any: its number (in files, its sample in mem.prof),
/// allocations, their bytes, frees, their bytes.
pub type Change = [u64; 5];

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
    /// Where the stacks were looked at.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub changes: Option<Vec<Change>>,
}

/// See above.
#[derive(Debug)]
pub struct Timeline {
    pub steps: Vec<Step>,
    step: Duration,
    /// When the stacks are looked at again.
    next_look: Duration,
    /// Each stack's counts at the latest look.
    last: Vec<[u64; 4]>,
    /// Changes that belong to the next look.
    pending: Vec<Change>,
    /// Names of the threads that were seen.
    pub names: HashMap<u32, String>,
}

impl Default for Timeline {
    fn default() -> Timeline {
        Timeline {
            steps: Vec::new(),
            step: FIRST_STEP,
            next_look: Duration::ZERO,
            last: Vec::new(),
            pending: Vec::new(),
            names: HashMap::new(),
        }
    }
}

impl Timeline {
    /// One that begins while the program runs: what was allocated before belongs to no step.
    pub fn from_now(region: &Region, header: &Header) -> Timeline {
        let mut timeline = Timeline::default();
        timeline.look(region, header, Duration::ZERO, true);
        timeline
    }

    /// How long to wait until the next look.
    pub fn pause(&self) -> Duration {
        match self.steps.is_empty() {
            // Short programs have a beginning, too.
            true => Duration::from_millis(1),
            false => self.step.min(Duration::from_millis(100)),
        }
    }

    /// Notes a step, if one is due.
    pub fn note(&mut self, region: &Region, header: &Header, pid: Pid) {
        let at = Duration::from_nanos(monotonic().saturating_sub(header.word(word::BEGUN)));
        let last = self.steps.last().map_or(0, |step| step.at_ns);
        if !self.steps.is_empty() && (at.as_nanos() as u64) < last + self.step.as_nanos() as u64 {
            return;
        }
        let looks = at >= self.next_look;
        let begun = thread_cpu_time();
        let mut step = self.look(region, header, at, looks);
        if looks {
            self.next_look = at + SHARE * thread_cpu_time().saturating_sub(begun);
        }
        step.threads = self.threads(pid);
        self.steps.push(step);
        let changes = |steps: &[Step]| steps.iter().flat_map(|step| &step.changes).map(Vec::len).sum::<usize>();
        while self.steps.len() >= MOST_STEPS || self.steps.len() > 2 && changes(&self.steps) > MOST_CHANGES {
            // Numbers are of moments, and those that stay are unchanged.
            let last = self.steps.len() - 1;
            self.retain(|number, _| (last - number).is_multiple_of(2));
            self.step *= 2;
        }
    }

    /// The last step, with the numbers that the program left.
    pub fn end(&mut self, region: &Region, header: &Header, wall: Duration) {
        self.retain(|_, step| step.at_ns < wall.as_nanos() as u64);
        let step = self.look(region, header, wall, true);
        self.steps.push(step);
    }

    /// Drops the other steps; their changes go to the next one that has any.
    fn retain(&mut self, wanted: impl Fn(usize, &Step) -> bool) {
        let mut carried = Vec::new();
        for (number, mut step) in std::mem::take(&mut self.steps).into_iter().enumerate() {
            if let Some(changes) = &mut step.changes {
                carried.append(changes);
            }
            if wanted(number, &step) {
                if let Some(changes) = &mut step.changes {
                    *changes = summed(std::mem::take(&mut carried));
                }
                self.steps.push(step);
            }
        }
        carried.append(&mut self.pending);
        self.pending = summed(carried);
    }

    fn look(&mut self, region: &Region, header: &Header, at: Duration, looks: bool) -> Step {
        let totals = recorded::totals(region, header);
        let (mut sites, mut changes) = (Vec::new(), std::mem::take(&mut self.pending));
        if looks {
            recorded::entries(region, header, &mut |entry| {
                let [_, bytes] = entry.live();
                if bytes != 0 && bytes < 1 << 62 {
                    sites.push((entry.number, bytes));
                }
                changes.extend(self.change(&entry));
            });
            sites.sort_unstable_by_key(|&(number, bytes)| (std::cmp::Reverse(bytes), number));
            sites.truncate(MOST_SITES);
        } else {
            std::mem::swap(&mut self.pending, &mut changes);
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
            changes: looks.then(|| summed(changes)),
        }
    }

    /// The counts of the entry since it was looked at.
    fn change(&mut self, entry: &recorded::Entry) -> Option<Change> {
        let of = &entry.counts;
        let now = [of.allocs, of.bytes, of.frees, of.freed_bytes];
        let number = entry.number as usize;
        if self.last.len() <= number {
            self.last.resize(number + 1, [0; 4]);
        }
        let before = std::mem::replace(&mut self.last[number], now);
        let [allocs, bytes, frees, freed_bytes] = std::array::from_fn(|i| now[i].saturating_sub(before[i]));
        (now != before).then_some([entry.number, allocs, bytes, frees, freed_bytes])
    }

    fn threads(&mut self, pid: Pid) -> Vec<(u32, u64)> {
        const MOST: usize = 256;
        let (pid, main) = (pid.as_raw_nonzero(), pid.as_raw_nonzero().get() as u32);
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().take(MOST);
        let mut threads: Vec<(u32, u64)> = Vec::new();
        for task in tasks {
            let Some(tid) = task.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            // /proc/PID/task/TID/schedstat: nanoseconds on a CPU come first.
            let text = std::fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
            let Some(ns) = text.split_whitespace().next().and_then(|ns| ns.parse().ok()) else { continue };
            // A new thread has the name of the one that started it, until it is given its own.
            if self.names.get(&tid).is_none_or(|name| self.names.get(&main) == Some(name)) {
                let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
                self.names.insert(tid, name.trim().to_owned());
            }
            threads.push((tid, ns));
        }
        threads.sort_unstable();
        threads
    }
}

/// One change a stack, in order.
fn summed(mut changes: Vec<Change>) -> Vec<Change> {
    changes.sort_unstable();
    changes.dedup_by(|change, sum| {
        let same = change[0] == sum[0];
        if same {
            sum.iter_mut().zip(change).skip(1).for_each(|(sum, value)| *sum = sum.saturating_add(*value));
        }
        same
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(at_ns: u64, changes: Option<Vec<Change>>) -> Step {
        Step { at_ns, changes, ..Step::default() }
    }

    #[test]
    fn a_thread_that_is_named_after_it_was_seen_has_that_name() {
        let pid = rustix::process::getpid();
        let (told, place) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            told.send(std::fs::read_link("/proc/thread-self").unwrap()).unwrap();
            ended.recv().unwrap_err();
        });
        let task = std::path::Path::new("/proc").join(place.recv().unwrap());
        let tid: u32 = task.file_name().unwrap().to_str().unwrap().parse().unwrap();
        let main = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).unwrap();
        let mut timeline = Timeline::default();
        for name in [main.trim(), "worker"] {
            std::fs::write(task.join("comm"), name).unwrap();
            timeline.threads(pid);
            assert_eq!(timeline.names[&tid], name);
        }
        drop(end);
        thread.join().unwrap();
    }

    #[test]
    fn changes_outlive_their_step() {
        let one = |stack| vec![[stack, 1, 10, 1, 10]];
        let steps = vec![
            step(1, Some(one(7))),
            step(2, Some([one(7), one(8)].concat())),
            step(3, None),
            step(4, Some(one(8))),
            step(5, Some(one(9))),
        ];
        let mut timeline = Timeline { steps, pending: one(9), ..Timeline::default() };
        timeline.retain(|number, _| number == 2 || number == 3);
        assert_eq!(timeline.steps[0].changes, None);
        assert_eq!(timeline.steps[1].changes, Some(vec![[7, 2, 20, 2, 20], [8, 2, 20, 2, 20]]));
        assert_eq!(timeline.pending, [[9, 2, 20, 2, 20]]);
    }
}
