//! What the stacks add up to for each edge.

use rustc_hash::FxHashMap;

use super::node::{Edge, EdgeId, Graph, NodeId};
use super::walk::{NONE, Sum, add};

/// How a stack goes from caller to callee.
#[derive(Clone, Copy)]
pub(super) struct Passage {
    /// Over nodes that are not wanted.
    pub residual: bool,
    pub inline: bool,
}

pub(super) struct EdgeSums<'a> {
    /// The nodes at which edges are collected; empty: at all.
    touched: &'a [bool],
    table: EdgeTable,
    /// In the order in which they appear.
    edges: Vec<EdgeSum>,
}

struct EdgeSum {
    caller: NodeId,
    callee: NodeId,
    sum: Sum,
    /// It is on the stack that is followed.
    is_here: bool,
    passage: Passage,
}

impl<'a> EdgeSums<'a> {
    pub(super) fn new(nodes: usize, touched: &'a [bool]) -> Self {
        EdgeSums { touched, table: EdgeTable::new(nodes), edges: Vec::new() }
    }

    /// A stack goes over the edge: its number, if it is wanted, and not on the stack already.
    pub(super) fn enter(&mut self, caller: NodeId, callee: NodeId, passage: Passage) -> EdgeId {
        let is_touched = |node: NodeId| self.touched.get(node as usize).is_none_or(|touched| *touched);
        if caller == callee || !(is_touched(caller) || is_touched(callee)) {
            return NONE;
        }
        let (id, edge) = self.edge(caller, callee, passage);
        if std::mem::replace(&mut edge.is_here, true) {
            return NONE;
        }
        edge.pass(passage);
        id
    }

    /// The stacks that follow do not go over it; those that did had `grown`.
    pub(super) fn leave(&mut self, id: EdgeId, grown: Sum) {
        let edge = &mut self.edges[id as usize];
        edge.is_here = false;
        add(&mut edge.sum, grown);
    }

    fn edge(&mut self, caller: NodeId, callee: NodeId, passage: Passage) -> (EdgeId, &mut EdgeSum) {
        let next = self.edges.len() as EdgeId;
        let id = self.table.number(caller, callee, next);
        if id == next {
            self.edges.push(EdgeSum { caller, callee, sum: [0; 2], is_here: false, passage });
        }
        (id, &mut self.edges[id as usize])
    }

    /// Adds what the samples after these have.
    pub(super) fn absorb(&mut self, later: EdgeSums<'_>) {
        for EdgeSum { caller, callee, sum, passage, .. } in later.edges {
            let (_, edge) = self.edge(caller, callee, passage);
            add(&mut edge.sum, sum);
            edge.pass(passage);
        }
    }

    pub(super) fn finish(self, graph: &mut Graph) {
        for (id, EdgeSum { caller, callee, sum: [weight, weight_div], passage, .. }) in (0..).zip(self.edges) {
            let Passage { residual, inline } = passage;
            graph.edges.push(Edge { caller, callee, weight, weight_div, residual, inline, removed: false });
            graph.nodes[caller as usize].outgoing.push(id);
            graph.nodes[callee as usize].incoming.push(id);
        }
    }
}

impl EdgeSum {
    fn pass(&mut self, Passage { residual, inline }: Passage) {
        self.passage.residual |= residual;
        self.passage.inline &= inline;
    }
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
