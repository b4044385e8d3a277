//! Stacks → a tree of frames, with a limited number of nodes.
//!
//! The tree grows from the root, the heaviest frame first. Neighbouring samples mostly have stacks that begin alike,
//! so they are followed together as one run, of which only one stack is read, until their stacks part. Light frames
//! are never unfolded, so the size of the resulting tree bounds time and memory.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::pprof::profile::Profile;

/// The samples that end in a node: for a difference, neither `up` nor `down` contains the part that both sides have.
#[derive(Clone, Copy, Default)]
pub struct Own {
    pub up: i64,
    pub down: i64,
    /// The part of increases and decreases that cancelled.
    pub same: i64,
    pub ends: bool,
}

impl Own {
    fn add(&mut self, value: i64) {
        self.ends = true;
        if value < 0 {
            self.down = self.down.saturating_sub(value);
        } else {
            self.up = self.up.saturating_add(value);
        }
    }

    fn net(&mut self) {
        self.same = self.up.min(self.down);
        self.up -= self.same;
        self.down -= self.same;
    }
}

#[derive(Default)]
pub struct Tree {
    /// For each node its parent, which comes before it.
    pub parents: Vec<u32>,
    pub frames: Vec<u32>,
    /// For each column, for each node.
    pub values: Vec<Vec<Own>>,
    /// Stacks that went into nodes of many small frames.
    pub summed: usize,
}

impl Tree {
    fn add(&mut self, parent: u32, frame: u32) -> u32 {
        self.parents.push(parent);
        self.frames.push(frame);
        self.values.iter_mut().for_each(|own| own.push(Own::default()));
        self.parents.len() as u32 - 1
    }
}

/// The frames of all locations, outermost first.
#[derive(Default)]
pub struct Frames {
    /// The range in `all` of each location's frames.
    pub of_location: Vec<(u32, u32)>,
    pub all: Vec<u32>,
}

/// A tree of at most `most` nodes with the values of the columns `indices`; `rest` is the number of the frame that
/// stands for many small ones, and is larger than all other frames' numbers.
pub fn grow(profile: &Profile, frames: &Frames, indices: &[usize], rest: u32, most: usize) -> Tree {
    let all = profile.samples.len() as u32;
    let mut growing = Growing {
        profile,
        frames,
        indices,
        rest,
        most,
        weights: weights(profile, indices),
        ends: ends(profile),
        slots: vec![NO_SLOT; rest as usize + 1],
        tree: Tree { values: vec![Vec::new(); indices.len()], ..Tree::default() },
        open: BinaryHeap::new(),
    };
    growing.tree.add(0, 0);
    growing.open.push(Open {
        weight: f64::INFINITY,
        node: 0,
        runs: vec![Run { samples: (0, all), depth: 0, next: (0, 0) }],
    });
    while let Some(open) = growing.open.pop() {
        growing.expand(open);
    }
    growing.tree.values.iter_mut().flatten().for_each(Own::net);
    growing.tree
}

/// The weight of each sample: its largest share in any column, so that bytes do not outvote counts.
fn weights(profile: &Profile, indices: &[usize]) -> Vec<f64> {
    let size = |values: &[i64], index: usize| values.get(index).map_or(0.0, |value| value.unsigned_abs() as f64);
    let sums: Vec<(usize, f64)> = indices
        .iter()
        .map(|index| (*index, profile.samples.iter().map(|sample| size(&sample.values, *index)).sum::<f64>()))
        .filter(|(_, sum)| *sum > 0.0)
        .collect();
    let share = |values: &[i64]| sums.iter().map(|(index, sum)| size(values, *index) / sum).fold(0.0, f64::max);
    profile.samples.iter().map(|sample| share(&sample.values)).collect()
}

/// The length of a sample's stack, and of the part it shares with the previous sample; in locations from the root.
#[derive(Clone, Copy)]
struct Ends {
    own: u32,
    shared: u32,
}

fn ends(profile: &Profile) -> Vec<Ends> {
    let mut before: &[u32] = &[];
    let mut all = Vec::with_capacity(profile.samples.len());
    for sample in &profile.samples {
        let stack = &sample.locations;
        let shared = before.iter().rev().zip(stack.iter().rev()).take_while(|(a, b)| a == b).count();
        all.push(Ends { own: stack.len() as u32, shared: shared as u32 });
        before = stack;
    }
    all
}

/// Neighbouring samples whose stacks begin with the same `depth` locations.
#[derive(Clone, Copy)]
struct Run {
    /// Start and exclusive end.
    samples: (u32, u32),
    depth: u32,
    /// The remaining frames of the last of these locations: a range of [`Frames::all`].
    next: (u32, u32),
}

/// A node whose samples have not been followed yet.
struct Open {
    weight: f64,
    node: u32,
    runs: Vec<Run>,
}

impl Open {
    fn key(&self) -> (f64, Reverse<u32>) {
        (self.weight, Reverse(self.node))
    }
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, first), (b, second)) = (self.key(), other.key());
        a.total_cmp(&b).then(first.cmp(&second))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Open {}

/// The samples that continue from a node with the same frame.
struct Group {
    frame: u32,
    count: usize,
    weight: f64,
    /// Some of them continue further.
    goes_on: bool,
    runs: Vec<Run>,
}

const NO_SLOT: u32 = u32::MAX;

struct Growing<'a> {
    profile: &'a Profile,
    frames: &'a Frames,
    indices: &'a [usize],
    rest: u32,
    most: usize,
    weights: Vec<f64>,
    ends: Vec<Ends>,
    /// The group of each frame, while a node is expanded.
    slots: Vec<u32>,
    tree: Tree,
    open: BinaryHeap<Open>,
}

impl Growing<'_> {
    /// Gives a node the samples that end in it, and children for the others.
    fn expand(&mut self, Open { node, mut runs, .. }: Open) {
        let mut groups: Vec<Group> = Vec::new();
        // Reversed, so that popping yields them in order.
        runs.reverse();
        while let Some(run) = runs.pop() {
            if run.next.0 == run.next.1 {
                self.part(node, run, &mut runs);
            } else {
                self.go_on(run, &mut groups);
            }
        }
        groups.iter().for_each(|group| self.slots[group.frame as usize] = NO_SLOT);
        let kept = self.fitting(&mut groups);
        let small = groups.split_off(kept);
        groups.sort_unstable_by_key(|group| group.frame);
        for Group { frame, weight, runs, .. } in groups {
            let node = self.tree.add(node, frame);
            self.open.push(Open { weight, node, runs });
        }
        if !small.is_empty() {
            let rest = self.tree.add(node, self.rest);
            for group in small {
                self.tree.summed += group.count;
                group
                    .runs
                    .iter()
                    .flat_map(|run| run.samples.0..run.samples.1)
                    .for_each(|sample| self.own(rest, sample));
            }
        }
    }

    /// Splits a run whose locations have been followed: samples that end here go to the node; the others part by their
    /// next location.
    fn part(&mut self, node: u32, run: Run, runs: &mut Vec<Run>) {
        let before = runs.len();
        let (mut at, end) = run.samples;
        while at < end {
            let first = at;
            at += 1;
            if self.ends[first as usize].own == run.depth {
                self.own(node, first);
                continue;
            }
            while at < end && self.ends[at as usize].shared > run.depth {
                at += 1;
            }
            let stack = &self.profile.samples[first as usize].locations;
            let location = stack[stack.len() - 1 - run.depth as usize];
            let next = self.frames.of_location[location as usize];
            runs.push(Run { samples: (first, at), depth: run.depth + 1, next });
        }
        runs[before..].reverse();
    }

    /// Moves a run on to its next frame.
    fn go_on(&mut self, run: Run, groups: &mut Vec<Group>) {
        let frame = self.frames.all[run.next.0 as usize];
        let run = Run { next: (run.next.0 + 1, run.next.1), ..run };
        let slot = &mut self.slots[frame as usize];
        if *slot == NO_SLOT {
            *slot = groups.len() as u32;
            groups.push(Group { frame, count: 0, weight: 0.0, goes_on: false, runs: Vec::new() });
        }
        let group = &mut groups[*slot as usize];
        let samples = run.samples.0 as usize..run.samples.1 as usize;
        group.count += samples.len();
        group.weight = self.weights[samples.clone()].iter().fold(group.weight, |sum, weight| sum + weight);
        group.goes_on |= run.next.0 < run.next.1 || self.ends[samples].iter().any(|ends| ends.own > run.depth);
        group.runs.push(run);
    }

    /// How many of the groups may become nodes; if not all, the heaviest come first. Each open node may need one more,
    /// for the small frames summed up beneath it.
    fn fitting(&self, groups: &mut [Group]) -> usize {
        let room = self.most.saturating_sub(self.tree.parents.len() + self.open.len());
        let cost = |group: &Group| 1 + usize::from(group.goes_on);
        if groups.iter().map(cost).sum::<usize>() <= room {
            return groups.len();
        }
        groups.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.frame.cmp(&b.frame)));
        let mut used = 1;
        groups
            .iter()
            .take_while(|group| {
                used += cost(group);
                used <= room
            })
            .count()
    }

    fn own(&mut self, node: u32, sample: u32) {
        let values = &self.profile.samples[sample as usize].values;
        for (own, index) in self.tree.values.iter_mut().zip(self.indices) {
            own[node as usize].add(values.get(*index).copied().unwrap_or(0));
        }
    }
}
