//! Selects the nodes of the graph to show: those above a fraction of the total, then at most a given number of them.
//!
//! There may be many more edges than nodes, so tables choose their nodes first and build the edges among those;
//! pictures choose the final nodes by number with the edges built; call trees have edges from the start.

use super::report::Report;
use crate::pprof::front::command::Format;
use crate::pprof::graph::{Edges, Graph, NodeId, NodeInfo, Order};
use crate::pprof::profile::arithmetic::{abs, to_i64};

/// If there are more than this many times the requested candidates, the graph is reduced to the candidates first.
const MANY_MORE: usize = 4;

/// The graph to show, and counts of what was left out.
pub struct Trimmed {
    pub graph: Graph,
    /// Nodes before the last cut, which is by number.
    pub original: usize,
    pub dropped_nodes: usize,
    pub dropped_edges: usize,
}

/// A graph while its nodes are chosen.
enum Selection {
    /// Without edges; the flag tells whether nodes have been left out.
    Bare(Graph, bool),
    Edged(Graph),
}

impl Selection {
    fn graph(&mut self) -> &mut Graph {
        match self {
            Selection::Bare(graph, _) | Selection::Edged(graph) => graph,
        }
    }

    /// Drops all nodes but `kept`. Rebuilds and sorts a graph that has edges.
    fn keep(self, kept: Vec<NodeId>, report: &mut Report, order: Order) -> Self {
        match self {
            Selection::Bare(mut graph, is_reduced) => {
                let is_reduced = is_reduced || kept.len() < graph.order.len();
                graph.order = kept;
                Selection::Bare(graph, is_reduced)
            }
            Selection::Edged(graph) if kept.len() < graph.order.len() => {
                let mut graph = report.reduced(graph, &kept);
                graph.sort(order);
                Selection::Edged(graph)
            }
            whole => whole,
        }
    }

    fn with_edges(self, report: &mut Report, order: Order) -> Graph {
        let mut graph = match self {
            Selection::Edged(graph) => return graph,
            Selection::Bare(_, false) => report.whole_graph(),
            Selection::Bare(mut graph, true) => {
                let kept = std::mem::take(&mut graph.order);
                report.reduced(graph, &kept)
            }
        };
        graph.sort(order);
        graph
    }
}

impl Report {
    /// The graph without what is too small to show, in order. Also chooses the output unit by it.
    pub fn trimmed_graph(&mut self) -> Trimmed {
        self.trimmed_to(usize::MAX)
    }

    /// [`Report::trimmed_graph`], limited to the `candidates` nodes of the largest cumulative value if there are many
    /// more: the edges among tens of thousands of nodes take too much memory and time.
    pub fn trimmed_to(&mut self, candidates: usize) -> Trimmed {
        let visual = self.is_visual();
        let order = match (visual, self.choices.cum_sort) {
            (true, _) => Order::Entropy,
            (false, true) => Order::Cum,
            (false, false) => Order::Flat,
        };
        let is_bounded = candidates != usize::MAX && !self.is_call_tree();
        let is_cut = is_bounded || self.choices.node_fraction != 0.0 || (!visual && self.choices.node_count > 0);
        let mut selection = if self.is_call_tree() || !is_cut {
            Selection::Edged(self.whole_graph())
        } else {
            Selection::Bare(self.graph(None, Edges::None), false)
        };
        let flat_sum = selection.graph().flat_sum() as f64;
        let node_cutoff = abs(to_i64(flat_sum * self.choices.node_fraction));
        let edge_cutoff = abs(to_i64(flat_sum * self.choices.edge_fraction));

        let (mut dropped_nodes, mut original) = (0, None);
        if node_cutoff > 0 || is_bounded {
            let graph = selection.graph();
            let mut kept = graph.nodes_above(node_cutoff);
            dropped_nodes = graph.order.len() - kept.len();
            if is_bounded && kept.len() > candidates.saturating_mul(MANY_MORE) {
                original = Some(kept.len());
                graph.order = kept;
                graph.sort(Order::Cum);
                kept = graph.top_nodes(candidates, false);
            }
            selection = selection.keep(kept, self, order);
        }
        if visual {
            selection = Selection::Edged(selection.with_edges(self, order));
        }
        let original = original.unwrap_or(selection.graph().order.len());
        selection.graph().sort(order);
        if let Ok(count @ 1..) = usize::try_from(self.choices.node_count) {
            let graph = selection.graph();
            // Small tags and edges would influence the choice.
            graph.trim_tags(node_cutoff);
            graph.trim_edges(edge_cutoff);
            let kept = graph.top_nodes(count, visual);
            selection = selection.keep(kept, self, order);
        }
        let mut graph = selection.with_edges(self, order);
        graph.trim_tags(node_cutoff);
        let dropped_edges = graph.trim_edges(edge_cutoff);
        if visual {
            graph.remove_redundant_edges();
        }
        self.select_output_unit(&graph);
        Trimmed { graph, original, dropped_nodes, dropped_edges }
    }

    fn reduced(&mut self, mut graph: Graph, kept: &[NodeId]) -> Graph {
        if self.is_call_tree() {
            graph.trim_tree(&kept.iter().copied().collect());
            return graph;
        }
        let keys = graph.keys(kept);
        drop(graph);
        self.graph(Some(&keys), Edges::All)
    }

    /// The graph of all nodes, with the edges that the report needs.
    fn whole_graph(&mut self) -> Graph {
        let Some(symbol) = self.choices.symbol.clone().filter(|_| self.choices.format == Format::Tree) else {
            return self.graph(None, Edges::All);
        };
        self.graph(None, Edges::Touching(&|info: &NodeInfo| symbol.matches(&info.printable)))
    }
}
