//! The samples' stacks → values of nodes and edges.
//!
//! The hot loop of every report: millions of stacks of some thirty frames. Locations are turned into nodes once, and an edge is
//! found by one number. A stack mostly begins as the one before does: so it is followed from where it differs, and what samples
//! have is noted where they end and carried towards the root when the frames there are left.

use rustc_hash::FxHashMap;

use super::build::{Builder, Edges, Infos, SampleTags};
use super::node::{Edge, EdgeId, Graph, Node, NodeId, NodeKey};
use crate::profile::{Label, Profile};

/// No node, and no edge.
pub(super) const NONE: u32 = u32::MAX;

impl Builder<'_> {
    pub(super) fn add_graph(&mut self, profile: &Profile, infos: &Infos<'_>) {
        let nodes = self.nodes_of_locations(profile, infos);
        let mut tags = Tags::default();
        let mut walk = Walk::new(&mut self.graph, nodes, self.options.edges);
        let mut before: &[u32] = &[];
        for sample in &profile.samples {
            let Some((value, divisor)) = Builder::value(self.options, sample) else { continue };
            let stack = &sample.locations;
            let shared = before.iter().rev().zip(stack.iter().rev()).take_while(|(a, b)| a == b).count();
            walk.leave(shared);
            stack.iter().rev().skip(shared).for_each(|location| walk.enter(*location));
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
        walk.finish();
        tags.finish(&mut self.graph);
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

struct Walk<'a> {
    graph: &'a mut Graph,
    locations: Locations,
    /// Whether edges are collected at all, and then at which nodes; empty: at all.
    with_edges: bool,
    touched: Vec<bool>,
    edges: EdgeTable,
    places: Vec<Place>,
    frames: Vec<Frame>,
    is_node_here: Vec<bool>,
    /// For each edge; the edges themselves, too, are too large to be met at random.
    marks: Vec<Mark>,
    /// Each node's value and divisor; the nodes themselves are too large to be met at random.
    cum: Vec<[i64; 2]>,
    flat: Vec<[i64; 2]>,
}

fn add(sums: &mut [i64; 2], value: i64, divisor: i64) {
    *sums = [sums[0].wrapping_add(value), sums[1].wrapping_add(divisor)];
}

impl<'a> Walk<'a> {
    fn new(graph: &'a mut Graph, locations: Locations, edges: Edges<'_>) -> Self {
        let touched = match edges {
            Edges::Touching(test) => graph.nodes.iter().map(|node| test(&node.info)).collect(),
            _ => Vec::new(),
        };
        let nodes = graph.nodes.len();
        Walk {
            graph,
            locations,
            with_edges: !matches!(edges, Edges::None),
            touched,
            edges: EdgeTable::new(if matches!(edges, Edges::None) { 0 } else { nodes }),
            places: Vec::new(),
            frames: Vec::new(),
            is_node_here: vec![false; nodes],
            marks: Vec::new(),
            cum: vec![[0; 2]; nodes],
            flat: vec![[0; 2]; nodes],
        }
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
        let next = self.graph.edges.len() as EdgeId;
        let id = self.edges.number(caller, callee, next);
        if id == next {
            let edge = Edge { caller, callee, weight: 0, weight_div: 0, residual, inline, removed: false };
            self.graph.edges.push(edge);
            self.graph.nodes[caller as usize].outgoing.push(id);
            self.graph.nodes[callee as usize].incoming.push(id);
            self.marks.push(Mark { sum: [0; 2], is_here: true, residual, inline });
            return id;
        }
        let mark = &mut self.marks[id as usize];
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
        add(&mut self.flat[leaf as usize], value, divisor);
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
                add(&mut self.cum[node as usize], value, divisor);
            }
            if edge != NONE {
                let mark = &mut self.marks[edge as usize];
                mark.is_here = false;
                add(&mut mark.sum, value, divisor);
            }
            if let Some(above) = self.frames.last_mut() {
                above.value = above.value.wrapping_add(value);
                above.divisor = above.divisor.wrapping_add(divisor);
            }
        }
    }

    /// Nodes and edges get their sums.
    fn finish(mut self) {
        self.leave(0);
        let sums = self.cum.iter().zip(&self.flat);
        for (node, ([cum, cum_div], [flat, flat_div])) in self.graph.nodes.iter_mut().zip(sums) {
            (node.cum, node.cum_div, node.flat, node.flat_div) = (*cum, *cum_div, *flat, *flat_div);
        }
        for (edge, mark) in self.graph.edges.iter_mut().zip(&self.marks) {
            [edge.weight, edge.weight_div] = mark.sum;
            (edge.residual, edge.inline) = (mark.residual, mark.inline);
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
