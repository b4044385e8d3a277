//! The samples' stacks → values of nodes and edges.
//!
//! The hot loop of every report: millions of stacks of some thirty frames. Locations are turned into nodes once, and an edge is
//! found by one number. A stack mostly begins as the one before does: so it is followed from where it differs, and what samples
//! have is noted where they end and carried towards the root when the frames there are left.

use rustc_hash::FxHashMap;

use super::build::{Builder, Edges, Infos, Options, SampleTags};
use super::node::{Edge, EdgeId, Graph, Node, NodeId, NodeKey};
use crate::profile::{Label, Profile};

/// So many samples are worth several threads; fewer are followed before those have begun.
const MANY: usize = 50_000;
/// Each thread has its own table of edges: so many nodes at most keep it at 4 MB.
const SHARED: usize = 1024;

/// No node, and no edge.
pub(super) const NONE: u32 = u32::MAX;

impl Builder<'_> {
    pub(super) fn add_graph(&mut self, profile: &Profile, infos: &Infos<'_>) {
        let nodes = self.nodes_of_locations(profile, infos);
        let is_small = matches!(self.options.edges, Edges::None) || self.graph.nodes.len() <= SHARED;
        if self.options.format_tag.is_none() && profile.samples.len() >= MANY && is_small {
            let threads = std::thread::available_parallelism().map_or(1, |count| count.get().min(8));
            return self.add_graph_by_parts(profile, &nodes, threads);
        }
        let mut tags = Tags::default();
        let touched = touched(&self.graph, self.options.edges);
        let with_edges = !matches!(self.options.edges, Edges::None);
        let mut walk = Walk::new(self.graph.nodes.len(), &nodes, with_edges, &touched);
        let mut before: &[u32] = &[];
        for sample in &profile.samples {
            let (value_index, mean) = (self.options.value_index, self.options.mean);
            let Some((value, divisor)) = Builder::value(sample, value_index, mean) else { continue };
            let stack = &sample.locations;
            walk.follow(before, stack);
            let leaf = walk.add(value, divisor);
            if self.options.format_tag.is_some() && !sample.labels.is_empty() {
                let set = tags.set(&sample.labels, |labels| Builder::tags(self.options, labels));
                let frames = walk.frames.iter().filter(|frame| frame.counts).map(|frame| (frame.node, false));
                frames.chain(leaf.map(|leaf| (leaf, true))).for_each(|(node, flat)| {
                    tags.add(node, set, value, divisor, flat);
                });
            }
            before = stack;
        }
        walk.leave(0);
        walk.into_sums().finish(&mut self.graph);
        tags.finish(&mut self.graph);
    }

    /// The same by several threads, each for its part of the samples.
    fn add_graph_by_parts(&mut self, profile: &Profile, nodes: &Locations, threads: usize) {
        let length = profile.samples.len().div_ceil(threads);
        let Options { edges, value_index, mean, .. } = *self.options;
        let count = self.graph.nodes.len();
        let touched = touched(&self.graph, edges);
        let with_edges = !matches!(edges, Edges::None);
        let follow = |part: usize| {
            let mut walk = Walk::new(count, nodes, with_edges, &touched);
            let mut before: &[u32] = &[];
            for sample in profile.samples.part(part * length, (part + 1) * length) {
                let Some((value, divisor)) = Builder::value(sample, value_index, mean) else { continue };
                walk.follow(before, &sample.locations);
                walk.add(value, divisor);
                before = &sample.locations;
            }
            walk.leave(0);
            walk.into_sums()
        };
        let sums = std::thread::scope(|scope| {
            let follow = &follow;
            let others: Vec<_> = (1..threads).map(|part| scope.spawn(move || follow(part))).collect();
            let mut sums = follow(0);
            // In the samples' order: so the edges have the order in which they appear.
            for other in others {
                match other.join() {
                    Ok(other) => sums.absorb(other, count),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
            sums
        });
        sums.finish(&mut self.graph);
    }

    /// The nodes of all locations.
    fn nodes_of_locations(&mut self, profile: &Profile, infos: &Infos<'_>) -> Locations {
        let mut known: FxHashMap<NodeKey, NodeId> = FxHashMap::default();
        let mut first = Vec::with_capacity(profile.locations.len() + 1);
        let mut nodes = Vec::with_capacity(profile.locations.len());
        for location in &profile.locations {
            first.push(nodes.len() as u32);
            for line in 0..location.lines.len().max(1) {
                let key = infos.key(location, line);
                if self.options.kept.is_some_and(|kept| !kept.contains(&key)) {
                    nodes.push(NONE);
                    continue;
                }
                let next = self.graph.nodes.len() as NodeId;
                let node = *known.entry(key).or_insert(next);
                if node == next {
                    self.graph.nodes.push(Node { info: infos.info(location, line, key), key, ..Node::default() });
                }
                nodes.push(node);
            }
        }
        first.push(nodes.len() as u32);
        Locations { first, nodes }
    }
}

/// The nodes of all locations, innermost line first, one location's after the other's.
struct Locations {
    first: Vec<u32>,
    nodes: Vec<NodeId>,
}

/// A frame of the stack that is followed.
struct Frame {
    node: NodeId,
    /// The node is not nearer to the root already: each counts once a sample.
    counts: bool,
    /// The edge into it, unless that is nearer to the root already.
    edge: EdgeId,
    /// Of the samples that end here, or ended in frames that have been left.
    value: i64,
    divisor: i64,
}

/// What is behind a location of the stack that is followed.
#[derive(Clone, Copy)]
struct Place {
    frames: u32,
    /// The last node.
    node: NodeId,
    /// Nodes that are not wanted lie between it and what comes.
    residual: bool,
}

/// The nodes at which edges are collected; empty: at all.
fn touched(graph: &Graph, edges: Edges<'_>) -> Vec<bool> {
    match edges {
        Edges::Touching(test) => graph.nodes.iter().map(|node| test(&node.info)).collect(),
        _ => Vec::new(),
    }
}

struct Walk<'a> {
    locations: &'a Locations,
    /// Whether edges are collected at all, and then at which nodes; empty: at all.
    with_edges: bool,
    touched: &'a [bool],
    table: EdgeTable,
    places: Vec<Place>,
    frames: Vec<Frame>,
    is_node_here: Vec<bool>,
    sums: Sums,
}

/// What the stacks add up to.
struct Sums {
    /// Each edge's caller and callee, in the order in which they appear.
    ends: Vec<(NodeId, NodeId)>,
    /// For each edge; the edges themselves are too large to be met at random.
    marks: Vec<Mark>,
    /// Each node's value and divisor; the nodes themselves are too large to be met at random.
    cum: Vec<[i64; 2]>,
    flat: Vec<[i64; 2]>,
}

fn add(sums: &mut [i64; 2], value: i64, divisor: i64) {
    *sums = [sums[0].wrapping_add(value), sums[1].wrapping_add(divisor)];
}

impl<'a> Walk<'a> {
    fn new(nodes: usize, locations: &'a Locations, with_edges: bool, touched: &'a [bool]) -> Self {
        let sums = Sums { ends: Vec::new(), marks: Vec::new(), cum: vec![[0; 2]; nodes], flat: vec![[0; 2]; nodes] };
        Walk {
            locations,
            with_edges,
            touched,
            table: EdgeTable::new(if with_edges { nodes } else { 0 }),
            places: Vec::new(),
            frames: Vec::new(),
            is_node_here: vec![false; nodes],
            sums,
        }
    }

    /// Goes from the stack `before`, which is followed, to `stack`; both leaf first.
    fn follow(&mut self, before: &[u32], stack: &[u32]) {
        let shared = before.iter().rev().zip(stack.iter().rev()).take_while(|(a, b)| a == b).count();
        self.leave(shared);
        stack.iter().rev().skip(shared).for_each(|location| self.enter(*location));
    }

    /// Follows the stack on, to a location beneath.
    fn enter(&mut self, location: u32) {
        let last = Place { frames: 0, node: NONE, residual: false };
        let Place { mut node, mut residual, .. } = self.places.last().copied().unwrap_or(last);
        let first = self.locations.first[location as usize] as usize;
        let end = self.locations.first[location as usize + 1] as usize;
        for at in (first..end).rev() {
            let next = self.locations.nodes[at];
            if next == NONE {
                residual = true;
                continue;
            }
            let counts = !std::mem::replace(&mut self.is_node_here[next as usize], true);
            let edge = if self.with_edges { self.edge(node, next, residual, at + 1 != end) } else { NONE };
            if counts || edge != NONE {
                self.frames.push(Frame { node: next, counts, edge, value: 0, divisor: 0 });
            }
            (node, residual) = (next, false);
        }
        self.places.push(Place { frames: self.frames.len() as u32, node, residual });
    }

    /// The edge between two nodes, if it is wanted, and not on the stack already.
    fn edge(&mut self, caller: NodeId, callee: NodeId, residual: bool, inline: bool) -> EdgeId {
        if caller == NONE || caller == callee {
            return NONE;
        }
        let is_touched = |node: NodeId| self.touched[node as usize];
        if !self.touched.is_empty() && !is_touched(caller) && !is_touched(callee) {
            return NONE;
        }
        let next = self.sums.ends.len() as EdgeId;
        let id = self.table.number(caller, callee, next);
        if id == next {
            self.sums.ends.push((caller, callee));
            self.sums.marks.push(Mark { sum: [0; 2], is_here: true, residual, inline });
            return id;
        }
        let mark = &mut self.sums.marks[id as usize];
        if std::mem::replace(&mut mark.is_here, true) {
            return NONE;
        }
        mark.residual |= residual;
        mark.inline &= inline;
        id
    }

    /// A sample ends where the stack does. The node that it ends in, unless that is not wanted.
    fn add(&mut self, value: i64, divisor: i64) -> Option<NodeId> {
        if let Some(frame) = self.frames.last_mut() {
            frame.value = frame.value.wrapping_add(value);
            frame.divisor = frame.divisor.wrapping_add(divisor);
        }
        let leaf = self.places.last().filter(|place| place.node != NONE && !place.residual)?.node;
        add(&mut self.sums.flat[leaf as usize], value, divisor);
        Some(leaf)
    }

    /// Goes back to the first `shared` locations of the stack; to none of them: it is over.
    fn leave(&mut self, shared: usize) {
        self.places.truncate(shared);
        let frames = self.places.last().map_or(0, |place| place.frames as usize);
        while self.frames.len() > frames {
            let Some(Frame { node, counts, edge, value, divisor }) = self.frames.pop() else { break };
            if counts {
                self.is_node_here[node as usize] = false;
                add(&mut self.sums.cum[node as usize], value, divisor);
            }
            if edge != NONE {
                let mark = &mut self.sums.marks[edge as usize];
                mark.is_here = false;
                add(&mut mark.sum, value, divisor);
            }
            if let Some(above) = self.frames.last_mut() {
                above.value = above.value.wrapping_add(value);
                above.divisor = above.divisor.wrapping_add(divisor);
            }
        }
    }

    /// What has been collected; the last stack has been left.
    fn into_sums(self) -> Sums {
        self.sums
    }
}

impl Sums {
    /// Adds what the samples after these have.
    fn absorb(&mut self, later: Sums, nodes: usize) {
        for (own, other) in [(&mut self.cum, &later.cum), (&mut self.flat, &later.flat)] {
            own.iter_mut().zip(other).for_each(|(sums, [value, divisor])| add(sums, *value, *divisor));
        }
        let mut table = EdgeTable::new(if later.ends.is_empty() { 0 } else { nodes });
        if !later.ends.is_empty() {
            for (id, (caller, callee)) in (0..).zip(&self.ends) {
                table.number(*caller, *callee, id);
            }
        }
        for ((caller, callee), other) in later.ends.into_iter().zip(later.marks) {
            let next = self.ends.len() as EdgeId;
            let id = table.number(caller, callee, next);
            if id == next {
                self.ends.push((caller, callee));
                self.marks.push(other);
                continue;
            }
            let mark = &mut self.marks[id as usize];
            add(&mut mark.sum, other.sum[0], other.sum[1]);
            mark.residual |= other.residual;
            mark.inline &= other.inline;
        }
    }

    /// Nodes and edges get their sums.
    fn finish(self, graph: &mut Graph) {
        let sums = self.cum.iter().zip(&self.flat);
        for (node, ([cum, cum_div], [flat, flat_div])) in graph.nodes.iter_mut().zip(sums) {
            (node.cum, node.cum_div, node.flat, node.flat_div) = (*cum, *cum_div, *flat, *flat_div);
        }
        for (id, ((caller, callee), mark)) in (0..).zip(self.ends.into_iter().zip(self.marks)) {
            let Mark { sum: [weight, weight_div], residual, inline, .. } = mark;
            graph.edges.push(Edge { caller, callee, weight, weight_div, residual, inline, removed: false });
            graph.nodes[caller as usize].outgoing.push(id);
            graph.nodes[callee as usize].incoming.push(id);
        }
    }
}

/// What changes of an edge while stacks are followed.
struct Mark {
    sum: [i64; 2],
    /// It is on the stack.
    is_here: bool,
    residual: bool,
    inline: bool,
}

/// Up to so many nodes a square of them all is quicker than a hash table, and takes 64 MB at most.
const SQUARE: usize = 4096;

/// The numbers of edges.
enum EdgeTable {
    /// The number plus one, by caller and callee.
    Square(usize, Vec<EdgeId>),
    Hashed(FxHashMap<u64, EdgeId>),
}

impl EdgeTable {
    fn new(nodes: usize) -> Self {
        if nodes <= SQUARE {
            EdgeTable::Square(nodes, vec![0; nodes * nodes])
        } else {
            EdgeTable::Hashed(FxHashMap::default())
        }
    }

    /// The number of an edge; `next` for a new one.
    fn number(&mut self, caller: NodeId, callee: NodeId, next: EdgeId) -> EdgeId {
        match self {
            EdgeTable::Square(nodes, numbers) => {
                let number = &mut numbers[caller as usize * *nodes + callee as usize];
                if *number == 0 {
                    *number = next + 1;
                }
                *number - 1
            }
            EdgeTable::Hashed(numbers) => *numbers.entry(u64::from(caller) << 32 | u64::from(callee)).or_insert(next),
        }
    }
}

/// What samples with labels add to nodes. Most samples have one of a few sets of labels: each is written once.
#[derive(Default)]
struct Tags<'a> {
    sets: Vec<Option<SampleTags>>,
    known: FxHashMap<&'a [Label], u32>,
    /// By node and set, in the order of their first appearance: of numbers that are written alike the first is kept.
    sums: Vec<TagSum>,
    sum_of: FxHashMap<u64, usize>,
}

#[derive(Default)]
struct TagSum {
    node: NodeId,
    set: u32,
    cum: [i64; 2],
    flat: [i64; 2],
}

impl<'a> Tags<'a> {
    fn set(&mut self, labels: &'a [Label], make: impl FnOnce(&[Label]) -> Option<SampleTags>) -> u32 {
        let next = self.sets.len() as u32;
        let set = *self.known.entry(labels).or_insert(next);
        if set == next {
            self.sets.push(make(labels));
        }
        set
    }

    fn add(&mut self, node: NodeId, set: u32, value: i64, divisor: i64, flat: bool) {
        if self.sets[set as usize].is_none() {
            return;
        }
        let next = self.sums.len();
        let at = *self.sum_of.entry(u64::from(node) << 32 | u64::from(set)).or_insert(next);
        if at == next {
            self.sums.push(TagSum { node, set, ..TagSum::default() });
        }
        let sum = &mut self.sums[at];
        add(if flat { &mut sum.flat } else { &mut sum.cum }, value, divisor);
    }

    fn finish(self, graph: &mut Graph) {
        for TagSum { node, set, cum, flat } in self.sums {
            let Some(tags) = &self.sets[set as usize] else { continue };
            let node = &mut graph.nodes[node as usize];
            tags.add_to(node, cum[0], cum[1], false);
            tags.add_to(node, flat[0], flat[1], true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::build::Interner;
    use super::*;
    use crate::profile::{Builder as ProfileBuilder, Line, ValueType};

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
            builder.sample(stack, vec![number as i64 - 20], vec![]);
        }
        let profile = builder.finish();
        let options = Options::default();
        let graph = |threads: Option<usize>| {
            let infos = Infos::new(&profile, false, &mut Interner::default());
            let mut builder = Builder { options: &options, graph: Graph::default() };
            match threads {
                None => builder.add_graph(&profile, &infos),
                Some(threads) => {
                    let nodes = builder.nodes_of_locations(&profile, &infos);
                    builder.add_graph_by_parts(&profile, &nodes, threads);
                }
            }
            format!("{:?}", builder.graph)
        };
        let one = graph(None);
        assert!(one.contains("inline: true") && one.contains("inline: false"));
        for threads in [1, 2, 3, 8, 101] {
            assert_eq!(graph(Some(threads)), one, "{threads}");
        }
    }
}
