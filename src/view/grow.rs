//! Stacks → a tree of frames, no larger than one can look at.
//!
//! It grows from the root, the heaviest frame first, all samples that pass a frame together. So what is too light is never
//! unfolded, and memory is bounded by the tree that is kept.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use crate::profile::Profile;

/// The samples that end in a node.
#[derive(Clone, Copy, Default)]
pub struct Own {
    pub up: i64,
    pub down: i64,
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
    /// Where each location's begin and end in `all`.
    pub of_location: Vec<(u32, u32)>,
    pub all: Vec<u32>,
}

/// A tree of at most `most` nodes with the values of the columns `indices`; `rest` is the frame that stands for many small ones
/// and larger than all others.
pub fn grow(profile: &Profile, frames: &Frames, indices: &[usize], rest: u32, most: usize) -> Tree {
    let mut growing = Growing {
        profile,
        frames,
        indices,
        rest,
        most,
        weights: weights(profile, indices),
        cursors: profile.samples.iter().map(|sample| Cursor { left: sample.locations.len() as u32, done: 0 }).collect(),
        order: (0..profile.samples.len() as u32).collect(),
        slots: vec![NO_SLOT; rest as usize + 1],
        tree: Tree { values: vec![Vec::new(); indices.len()], ..Tree::default() },
        open: BinaryHeap::new(),
        next: Vec::new(),
    };
    growing.tree.add(0, 0);
    growing.open.push(Open { weight: f64::INFINITY, node: 0, samples: (0, growing.order.len()) });
    while let Some(open) = growing.open.pop() {
        growing.expand(open);
    }
    growing.tree
}

/// How much each sample weighs: its largest share in any column, so that bytes do not outvote counts.
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

/// A node whose samples have not been followed yet; `samples` is a range of [`Growing::order`].
struct Open {
    weight: f64,
    node: u32,
    samples: (usize, usize),
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

/// How far a sample's stack has been followed: locations that are left, and frames of the next one that are done.
#[derive(Clone, Copy)]
struct Cursor {
    left: u32,
    done: u32,
}

/// The samples that go on from a node with the same frame.
struct Group {
    frame: u32,
    count: usize,
    weight: f64,
    /// Some of them go on further.
    goes_on: bool,
    /// Where they begin in [`Growing::order`].
    start: usize,
}

const NO_SLOT: u32 = u32::MAX;

struct Growing<'a> {
    profile: &'a Profile,
    frames: &'a Frames,
    indices: &'a [usize],
    rest: u32,
    most: usize,
    weights: Vec<f64>,
    cursors: Vec<Cursor>,
    /// The samples; those of a node lie together, in the profile's order.
    order: Vec<u32>,
    /// For each frame its group, while a node is expanded.
    slots: Vec<u32>,
    tree: Tree,
    open: BinaryHeap<Open>,
    /// The samples that go on, each with its group.
    next: Vec<(u32, u32)>,
}

impl Growing<'_> {
    /// Gives a node its own samples, and children for the others.
    fn expand(&mut self, Open { node, samples: (start, end), .. }: Open) {
        let mut groups: Vec<Group> = Vec::new();
        self.next.clear();
        for at in start..end {
            let sample = self.order[at];
            let Some((frame, goes_on)) = self.advance(sample) else {
                self.own(node, sample);
                continue;
            };
            let slot = &mut self.slots[frame as usize];
            if *slot == NO_SLOT {
                *slot = groups.len() as u32;
                groups.push(Group { frame, count: 0, weight: 0.0, goes_on: false, start: 0 });
            }
            let group = &mut groups[*slot as usize];
            group.count += 1;
            group.weight += self.weights[sample as usize];
            group.goes_on |= goes_on;
            self.next.push((*slot, sample));
        }
        groups.iter().for_each(|group| self.slots[group.frame as usize] = NO_SLOT);
        self.scatter(&mut groups, start);
        let kept = self.fitting(&mut groups);
        let small = groups.split_off(kept);
        groups.sort_unstable_by_key(|group| group.frame);
        for Group { frame, count, weight, start, .. } in groups {
            let node = self.tree.add(node, frame);
            self.open.push(Open { weight, node, samples: (start, start + count) });
        }
        if !small.is_empty() {
            let rest = self.tree.add(node, self.rest);
            for group in small {
                self.tree.summed += group.count;
                (group.start..group.start + group.count).for_each(|at| self.own(rest, self.order[at]));
            }
        }
    }

    /// Brings the samples of each group together.
    fn scatter(&mut self, groups: &mut [Group], start: usize) {
        let mut at = start;
        for group in groups.iter_mut() {
            group.start = at;
            at += group.count;
        }
        let mut ends: Vec<usize> = groups.iter().map(|group| group.start).collect();
        for (group, sample) in &self.next {
            let end = &mut ends[*group as usize];
            self.order[*end] = *sample;
            *end += 1;
        }
    }

    /// How many of the groups may become nodes; if not all, the heaviest come first. A node that is still open may need another
    /// one for what is summed up beneath it.
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

    /// The next frame of a sample's stack, and whether there is one behind it.
    fn advance(&mut self, sample: u32) -> Option<(u32, bool)> {
        let cursor = &mut self.cursors[sample as usize];
        let locations = &self.profile.samples[sample as usize].locations;
        while cursor.left > 0 {
            let (first, end) = self.frames.of_location[locations[cursor.left as usize - 1] as usize];
            let at = first + cursor.done;
            if at < end {
                cursor.done += 1;
                let goes_on = at + 1 < end || cursor.left > 1;
                return Some((self.frames.all[at as usize], goes_on));
            }
            *cursor = Cursor { left: cursor.left - 1, done: 0 };
        }
        None
    }
}
