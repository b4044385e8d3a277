//! The samples' stacks → values of nodes and edges.
//!
//! This is the hot loop of every report: millions of stacks of some thirty frames. Locations are turned into nodes
//! once, and those without nodes are skipped. A stack mostly begins like the one before, so the walk resumes where it
//! differs. A running sum over all samples gives each frame's share: how much the sum has grown by the time the walk
//! leaves the frame.

use rustc_hash::FxHashMap;

use super::build::{Builder, Edges, Infos, Options};
use super::edges::{EdgeSums, Passage};
use super::labels::LabelSums;
use super::node::{EdgeId, Graph, Node, NodeId, NodeKey};
use crate::pprof::profile::{Profile, Sample};

/// This many samples justify several threads; with fewer, the walk ends before the threads have started.
const MANY: usize = 50_000;
/// Each thread has its own table of edges; this many nodes keep it within 24 MB.
const SHARED: usize = 1024;

/// No node, or no edge.
pub(super) const NONE: u32 = u32::MAX;

impl Builder<'_> {
    pub(super) fn add_graph(&mut self, profile: &Profile, infos: &Infos<'_>) {
        let steps = self.steps_of_locations(profile, infos);
        let touched: Vec<bool> = match self.options.edges {
            Edges::Touching(test) => self.graph.nodes.iter().map(|node| test(&node.info)).collect(),
            _ => Vec::new(),
        };
        let has_few_edges = match self.options.edges {
            Edges::All => self.graph.nodes.len() <= SHARED,
            Edges::Touching(_) => touched.iter().filter(|touched| **touched).count() <= SHARED,
            Edges::None => true,
        };
        let threads = if profile.samples.len() >= MANY && has_few_edges {
            std::thread::available_parallelism().map_or(1, |count| count.get().min(8))
        } else {
            1
        };
        self.follow(profile, &steps, &touched, threads);
    }

    /// Each thread follows its part of the samples.
    fn follow(&mut self, profile: &Profile, steps: &Steps, touched: &[bool], threads: usize) {
        let length = profile.samples.len().div_ceil(threads);
        let Options { edges, value_index, mean, .. } = *self.options;
        let count = self.graph.nodes.len();
        let with_edges = !matches!(edges, Edges::None);
        let with_labels = self.options.format_tag.is_some();
        let many = profile.samples.len() >= MANY;
        let follow = |part: usize| {
            let mut walk =
                Walk::new(count, steps, with_edges.then(|| EdgeSums::new(count, many, touched)), with_labels);
            for sample in profile.samples.part(part * length, (part + 1) * length) {
                if let Some((value, divisor)) = Builder::value(sample, value_index, mean) {
                    walk.add(sample, [value, divisor]);
                }
            }
            walk.leave(0);
            walk
        };
        let walk = std::thread::scope(|scope| {
            let follow = &follow;
            let others: Vec<_> = (1..threads).map(|part| scope.spawn(move || follow(part))).collect();
            let mut first = follow(0);
            // Keep the samples' order, so that edges stay in their order of appearance.
            for other in others {
                match other.join() {
                    Ok(other) => first.absorb(other),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            first
        });
        walk.finish(&mut self.graph, self.options);
    }

    /// The nodes of all locations.
    fn steps_of_locations(&mut self, profile: &Profile, infos: &Infos<'_>) -> Steps {
        let mut known: FxHashMap<NodeKey, NodeId> = FxHashMap::default();
        let mut all = Steps {
            any: vec![0; profile.locations.len().div_ceil(64)],
            of_location: Vec::with_capacity(profile.locations.len()),
            longer: Vec::new(),
        };
        let mut steps: Vec<Step> = Vec::new();
        for location in &profile.locations {
            steps.clear();
            let mut skipped = 0;
            for line in (0..location.lines.len().max(1)).rev() {
                let key = infos.key(location, line);
                if self.options.kept.is_some_and(|kept| !kept.contains(&key)) {
                    skipped = Step::AFTER_SKIPPED;
                    continue;
                }
                let next = self.graph.nodes.len() as NodeId;
                let node = *known.entry(key).or_insert(next);
                if node == next {
                    self.graph.nodes.push(Node { info: infos.info(location, line, key), key, ..Node::default() });
                }
                let inline = if line + 1 < location.lines.len() { Step::INLINE } else { 0 };
                steps.push(Step(node | inline | std::mem::take(&mut skipped)));
            }
            if let (Some(last), Step::AFTER_SKIPPED) = (steps.last_mut(), skipped) {
                last.0 |= Step::BEFORE_SKIPPED;
            }
            all.push(&steps);
        }
        all
    }
}

/// The wanted nodes of all locations, outermost line first. Most locations have one or two; these are stored inline,
/// so that each location costs one random table access.
struct Steps {
    /// A bit for each location: whether it has any nodes. If few nodes are wanted, the walk rarely looks at anything
    /// else.
    any: Vec<u64>,
    of_location: Vec<[Step; 2]>,
    /// A location with more holds [`Step::MORE`] and the number of its list.
    longer: Vec<Vec<Step>>,
}

impl Steps {
    fn push(&mut self, steps: &[Step]) {
        let at = self.of_location.len();
        self.any[at / 64] |= u64::from(!steps.is_empty()) << (at % 64);
        self.of_location.push(match *steps {
            [] => [Step::NO; 2],
            [one] => [one, Step::NO],
            [first, second] => [first, second],
            _ => {
                self.longer.push(steps.to_vec());
                [Step::MORE, Step(self.longer.len() as u32 - 1)]
            }
        });
    }
}

/// A node (their number never reaches 2^29 − 2), with flags for its place in a location.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Step(u32);

impl Step {
    /// An inlined function, not the one that was really called.
    const INLINE: u32 = 1 << 31;
    /// Unwanted nodes of the same location come before it.
    const AFTER_SKIPPED: u32 = 1 << 30;
    /// Unwanted nodes come between it and the location's end.
    const BEFORE_SKIPPED: u32 = 1 << 29;
    const NO: Step = Step(u32::MAX);
    const MORE: Step = Step(u32::MAX - 1);

    fn node(self) -> NodeId {
        self.0 & (Step::BEFORE_SKIPPED - 1)
    }

    fn is(self, what: u32) -> bool {
        self.0 & what != 0
    }
}

/// Value and divisor.
pub(super) type Sum = [i64; 2];

pub(super) fn add(sum: &mut Sum, other: Sum) {
    *sum = [sum[0].wrapping_add(other[0]), sum[1].wrapping_add(other[1])];
}

/// A frame of the stack being followed.
struct Frame {
    step: Step,
    /// The edge into it, unless the same edge is nearer to the root already.
    edge: EdgeId,
    /// The number of locations from the root up to and including its own.
    depth: u32,
    /// The node is not nearer to the root already: each node counts once per sample.
    counts: bool,
    /// The sum over all samples when the frame was entered.
    start: Sum,
}

struct Walk<'a> {
    steps: &'a Steps,
    stack: &'a [u32],
    frames: Vec<Frame>,
    /// The frames to enter next, each with its location's depth.
    next: Vec<(Step, u32)>,
    is_node_here: Vec<bool>,
    /// The sum of all samples so far.
    sum: Sum,
    /// For each node; the nodes themselves are too large for random access.
    cum: Vec<Sum>,
    flat: Vec<Sum>,
    edges: Option<EdgeSums<'a>>,
    labels: Option<LabelSums<'a>>,
}

impl<'a> Walk<'a> {
    fn new(nodes: usize, steps: &'a Steps, edges: Option<EdgeSums<'a>>, with_labels: bool) -> Self {
        Walk {
            steps,
            stack: &[],
            frames: Vec::new(),
            next: Vec::new(),
            is_node_here: vec![false; nodes],
            sum: [0; 2],
            cum: vec![[0; 2]; nodes],
            flat: vec![[0; 2]; nodes],
            edges,
            labels: with_labels.then(LabelSums::default),
        }
    }

    /// Goes on to the stack of `sample`, which has `value`.
    fn add(&mut self, sample: &'a Sample, value: Sum) {
        let stack = &sample.locations;
        let shared = self.stack.iter().rev().zip(stack.iter().rev()).take_while(|(a, b)| a == b).count();
        self.leave(shared as u32);
        let entered = self.look_up(stack, shared);
        (0..entered).for_each(|at| self.enter(self.next[at].0, self.next[at].1));
        self.stack = stack;
        add(&mut self.sum, value);
        let ends_here = |frame: &&Frame| frame.depth as usize == stack.len() && !frame.step.is(Step::BEFORE_SKIPPED);
        let leaf = self.frames.last().filter(ends_here).map(|frame| frame.step.node());
        if let Some(leaf) = leaf {
            add(&mut self.flat[leaf as usize], value);
        }
        if let Some(labels) = self.labels.as_mut().filter(|_| !sample.labels.is_empty()) {
            let nodes = self.frames.iter().filter(|frame| frame.counts).map(|frame| frame.step.node());
            labels.add(&sample.labels, nodes, leaf, value);
        }
    }

    /// Puts the nodes of the locations after the first `shared` into `next`; returns how many. Few branches depend on
    /// looked-up data, so that the processor can do many look-ups at once.
    fn look_up(&mut self, stack: &[u32], shared: usize) -> usize {
        let mut count = 0;
        for (at, location) in stack.iter().rev().enumerate().skip(shared) {
            let location = *location as usize;
            if self.steps.any[location / 64] >> (location % 64) & 1 == 0 {
                continue;
            }
            let (depth, steps) = (at as u32 + 1, self.steps.of_location[location]);
            let room = count + 2;
            if steps[0] == Step::MORE {
                let list = &self.steps.longer[steps[1].0 as usize];
                self.next.splice(count.., list.iter().map(|step| (*step, depth)));
                count += list.len();
                continue;
            }
            if self.next.len() < room {
                self.next.resize(room, (Step::NO, 0));
            }
            for step in steps {
                self.next[count] = (step, depth);
                count += usize::from(step != Step::NO);
            }
        }
        count
    }

    /// Extends the stack by a node of the location at `depth`.
    fn enter(&mut self, step: Step, depth: u32) {
        let counts = !std::mem::replace(&mut self.is_node_here[step.node() as usize], true);
        let mut edge = NONE;
        if let (Some(edges), Some(caller)) = (&mut self.edges, self.frames.last()) {
            // Unwanted nodes may lie between the nodes of two locations.
            let residual = step.is(Step::AFTER_SKIPPED)
                || caller.depth + 1 < depth
                || (caller.depth < depth && caller.step.is(Step::BEFORE_SKIPPED));
            let passage = Passage { residual, inline: step.is(Step::INLINE) };
            edge = edges.enter(caller.step.node(), step.node(), passage);
        }
        self.frames.push(Frame { step, edge, depth, counts, start: self.sum });
    }

    /// Goes back to the first `shared` locations of the stack; 0 ends the stack.
    fn leave(&mut self, shared: u32) {
        while let Some(Frame { step, edge, counts, start, .. }) = self.frames.pop_if(|frame| frame.depth > shared) {
            let grown = [self.sum[0].wrapping_sub(start[0]), self.sum[1].wrapping_sub(start[1])];
            if counts {
                self.is_node_here[step.node() as usize] = false;
                add(&mut self.cum[step.node() as usize], grown);
            }
            if let Some(edges) = self.edges.as_mut().filter(|_| edge != NONE) {
                edges.leave(edge, grown);
            }
        }
    }

    /// Adds the sums of the samples after these.
    fn absorb(&mut self, later: Walk<'a>) {
        for (own, other) in [(&mut self.cum, later.cum), (&mut self.flat, later.flat)] {
            own.iter_mut().zip(other).for_each(|(sum, other)| add(sum, other));
        }
        if let (Some(edges), Some(later)) = (&mut self.edges, later.edges) {
            edges.absorb(later);
        }
        if let (Some(labels), Some(later)) = (&mut self.labels, later.labels) {
            labels.absorb(later);
        }
    }

    /// Stores the sums in the nodes and edges.
    fn finish(self, graph: &mut Graph, options: &Options<'_>) {
        for (node, ([cum, cum_div], [flat, flat_div])) in
            graph.nodes.iter_mut().zip(self.cum.into_iter().zip(self.flat))
        {
            (node.cum, node.cum_div, node.flat, node.flat_div) = (cum, cum_div, flat, flat_div);
        }
        if let Some(edges) = self.edges {
            edges.finish(graph);
        }
        if let Some(labels) = self.labels {
            labels.finish(graph, options);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::Interner;
    use super::*;
    use crate::pprof::profile::{Builder as ProfileBuilder, Label, Line, ValueType};

    #[test]
    fn several_threads_find_what_one_finds() {
        let mut builder = ProfileBuilder::new(vec![ValueType::new("alloc_space", "bytes")]);
        // Seven locations of one or two lines: of the two the inner one is inlined.
        let locations: Vec<u32> = (0..7)
            .map(|at| {
                let lines = (0..1 + at % 2)
                    .map(|line| {
                        let function = builder.function(&format!("f{}", (at + line) % 5), "", "", 0);
                        Line { function, line: 1, column: 0 }
                    })
                    .collect();
                builder.location(None, at as u64 + 1, lines)
            })
            .collect();
        for number in 0..101_usize {
            let stack = (0..1 + number % 6).map(|depth| locations[(number * 3 + depth * depth) % 7]).collect();
            let labels = if number % 3 == 0 { vec![Label::number("bytes", number as i64 % 5, "")] } else { vec![] };
            builder.sample(stack, vec![number as i64 - 20], labels);
        }
        let profile = builder.finish();
        let format = |value: i64, _: &str| value.to_string();
        let options = Options { format_tag: Some(&format), ..Options::default() };
        let graph = |threads: usize| {
            let infos = Infos::new(&profile, false, &mut Interner::default());
            let mut builder = Builder { options: &options, graph: Graph::default() };
            let steps = builder.steps_of_locations(&profile, &infos);
            builder.follow(&profile, &steps, &[], threads);
            format!("{:?}", builder.graph)
        };
        let one = graph(1);
        assert!(one.contains("inline: true") && one.contains("inline: false"));
        for threads in [2, 3, 8, 101] {
            assert_eq!(graph(threads), one, "{threads}");
        }
    }
}
