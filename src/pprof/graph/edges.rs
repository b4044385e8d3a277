//! Sums of the stacks' values for each edge.

use rustc_hash::FxHashMap;

use super::node::{Edge, EdgeId, Graph, NodeId};
use super::walk::{NONE, Sum, add};

/// How a stack goes from caller to callee.
#[derive(Clone, Copy)]
pub(super) struct Passage {
    /// It passes over nodes that are not wanted.
    pub residual: bool,
    pub inline: bool,
}

pub(super) struct EdgeSums<'a> {
    /// The nodes whose edges are collected; empty: all edges are.
    touched: &'a [bool],
    cells: Cells,
    /// Each edge's caller, callee and cell, in the order in which they appear.
    edges: Vec<(NodeId, NodeId, EdgeId)>,
}

/// State that every stack touches at random; small and contiguous for that reason.
#[derive(Clone, Copy)]
struct Cell {
    sum: Sum,
    /// There is such an edge.
    is_known: bool,
    /// It is on the stack being followed.
    is_here: bool,
    passage: Passage,
}

const EMPTY: Cell =
    Cell { sum: [0; 2], is_known: false, is_here: false, passage: Passage { residual: false, inline: true } };

impl<'a> EdgeSums<'a> {
    /// For `nodes` nodes; `many`: there are enough stacks to make a large table worthwhile.
    pub(super) fn new(nodes: usize, many: bool, touched: &'a [bool]) -> Self {
        EdgeSums { touched, cells: Cells::new(nodes, many), edges: Vec::new() }
    }

    /// A stack goes over the edge; returns its cell if the edge is wanted and not on the stack already.
    pub(super) fn enter(&mut self, caller: NodeId, callee: NodeId, passage: Passage) -> EdgeId {
        let is_touched = |node: NodeId| self.touched.get(node as usize).is_none_or(|touched| *touched);
        if caller == callee || !(is_touched(caller) || is_touched(callee)) {
            return NONE;
        }
        let (at, cell) = self.cell(caller, callee);
        if std::mem::replace(&mut cell.is_here, true) {
            return NONE;
        }
        cell.pass(passage);
        at
    }

    /// The following stacks do not go over the edge; those that did had the sum `grown`.
    pub(super) fn leave(&mut self, at: EdgeId, grown: Sum) {
        let cell = &mut self.cells.all[at as usize];
        cell.is_here = false;
        add(&mut cell.sum, grown);
    }

    fn cell(&mut self, caller: NodeId, callee: NodeId) -> (EdgeId, &mut Cell) {
        let at = self.cells.place(caller, callee);
        let cell = &mut self.cells.all[at as usize];
        if !std::mem::replace(&mut cell.is_known, true) {
            self.edges.push((caller, callee, at));
        }
        (at, cell)
    }

    /// Adds the sums of the samples after these.
    pub(super) fn absorb(&mut self, later: EdgeSums<'_>) {
        for (caller, callee, at) in later.edges {
            let other = later.cells.all[at as usize];
            let (_, cell) = self.cell(caller, callee);
            add(&mut cell.sum, other.sum);
            cell.pass(other.passage);
        }
    }

    pub(super) fn finish(self, graph: &mut Graph) {
        for (id, (caller, callee, at)) in (0..).zip(self.edges) {
            let Cell { sum: [weight, weight_div], passage: Passage { residual, inline }, .. } =
                self.cells.all[at as usize];
            graph.edges.push(Edge { caller, callee, weight, weight_div, residual, inline, removed: false });
            graph.nodes[caller as usize].outgoing.push(id);
            graph.nodes[callee as usize].incoming.push(id);
        }
    }
}

impl Cell {
    fn pass(&mut self, Passage { residual, inline }: Passage) {
        self.passage.residual |= residual;
        self.passage.inline &= inline;
    }
}

/// Up to this many nodes, a full square is quicker than a hash table, and takes at most 24 MB.
const SQUARE: usize = 1024;

/// The cells of edges.
struct Cells {
    all: Vec<Cell>,
    /// With a square of cells, by caller and callee: its side.
    side: Option<usize>,
    /// Otherwise a cell's place.
    places: FxHashMap<u64, EdgeId>,
}

impl Cells {
    fn new(nodes: usize, many: bool) -> Self {
        let side = (many && nodes <= SQUARE).then_some(nodes);
        Cells { all: vec![EMPTY; side.map_or(0, |side| side * side)], side, places: FxHashMap::default() }
    }

    fn place(&mut self, caller: NodeId, callee: NodeId) -> EdgeId {
        if let Some(side) = self.side {
            return caller * side as u32 + callee;
        }
        let next = self.all.len() as EdgeId;
        let place = *self.places.entry(u64::from(caller) << 32 | u64::from(callee)).or_insert(next);
        if place == next {
            self.all.push(EMPTY);
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::graph::Node;

    /// The sums of two parts of some stacks over four nodes.
    fn collected(many: bool) -> String {
        let touched = [true, false, true, false];
        let part = |seed: u32| {
            let mut edges = EdgeSums::new(4, many, &touched);
            for at in 0..40u32 {
                let (caller, callee) = ((at * seed) % 4, (at * at + seed) % 4);
                let passage = Passage { residual: at % 7 == 0, inline: at % 3 != 0 };
                let id = edges.enter(caller, callee, passage);
                assert!(id == NONE || edges.enter(caller, callee, passage) == NONE, "it is on the stack already");
                if id != NONE {
                    edges.leave(id, [i64::from(at), 1]);
                }
            }
            edges
        };
        let mut edges = part(3);
        edges.absorb(part(5));
        let mut graph = Graph { nodes: (0..4).map(|_| Node::default()).collect(), ..Graph::default() };
        edges.finish(&mut graph);
        assert!(graph.edges.iter().all(|edge| touched[edge.caller as usize] || touched[edge.callee as usize]));
        format!("{graph:?}")
    }

    #[test]
    fn a_square_has_what_a_table_has() {
        assert_eq!(collected(true), collected(false));
        assert!(collected(true).contains("caller: "), "there are edges");
    }
}
