//! The order in which nodes and edges are shown. Every order ends in a comparison of names, so that equal input gives
//! equal output.

use std::cmp::{Ordering, Reverse};

use super::node::{EdgeId, Graph, Node, NodeId};
use crate::pprof::profile::arithmetic::{abs, to_i64};

/// An order of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Flat value, name, cumulative value.
    Flat,
    /// Cumulative value, name, flat value.
    Cum,
    /// By how much a node branches: for pictures.
    Entropy,
}

impl Graph {
    /// Orders the nodes that are shown.
    pub fn sort(&mut self, order: Order) {
        let key = |id: NodeId| {
            let node = self.node(id);
            let (first, second) = match order {
                Order::Flat => (node.flat, node.cum),
                Order::Cum => (node.cum, node.flat),
                Order::Entropy => (self.entropy_score(node), node.flat),
            };
            (Reverse(abs(first)), Reverse(abs(second)), id)
        };
        let mut keyed: Vec<_> = self.order.iter().map(|id| key(*id)).collect();
        keyed.sort_by(|a, b| {
            let (left, right) = (self.node(a.2), self.node(b.2));
            a.0.cmp(&b.0)
                .then_with(|| left.info.printable.cmp(&right.info.printable))
                .then_with(|| a.1.cmp(&b.1))
                .then_with(|| by_fields(left, right))
        });
        self.order = keyed.into_iter().map(|(.., id)| id).collect();
    }

    /// `edges` by decreasing weight, then by caller, then by callee.
    pub fn sorted_edges(&self, edges: impl Iterator<Item = EdgeId>) -> Vec<EdgeId> {
        let mut edges: Vec<EdgeId> = edges.collect();
        edges.sort_by(|a, b| {
            let (a, b) = (self.edge(*a), self.edge(*b));
            let name = |id: NodeId| &self.node(id).info.printable;
            Reverse(abs(a.weight))
                .cmp(&Reverse(abs(b.weight)))
                .then_with(|| name(a.caller).cmp(name(b.caller)))
                .then_with(|| name(a.callee).cmp(name(b.callee)))
        });
        edges
    }

    /// int(entropy × cum) + flat: nodes whose edges share the weight evenly come before those that just pass it on.
    fn entropy_score(&self, node: &Node) -> i64 {
        let incoming: Vec<i64> = self.callers(node).map(|edge| self.edge(edge).weight).collect();
        let outgoing: Vec<i64> = self.callees(node).map(|edge| self.edge(edge).weight).collect();
        // Entry and leaf nodes are favoured.
        let entropy = |weights: &[i64], own: i64| if weights.is_empty() { 1.0 } else { edge_entropy(weights, own) };
        let score = entropy(&incoming, 0) + entropy(&outgoing, node.flat);
        to_i64(score * node.cum as f64).wrapping_add(node.flat)
    }
}

fn edge_entropy(weights: &[i64], own: i64) -> f64 {
    let total = weights.iter().filter(|weight| **weight > 0).fold(own, |total, weight| total.wrapping_add(*weight));
    if total == 0 {
        return 0.0;
    }
    let part = |weight: i64| {
        let share = abs(weight) as f64 / total as f64;
        -share * share.log2()
    };
    let edges: f64 = weights.iter().map(|weight| part(*weight)).sum();
    edges + if own > 0 { part(own) } else { 0.0 }
}

fn by_fields(a: &Node, b: &Node) -> Ordering {
    if a.info == b.info { Ordering::Equal } else { a.info.all_fields().cmp(&b.info.all_fields()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn even_branching_has_the_most_entropy() {
        assert!(edge_entropy(&[50, 50], 0) > edge_entropy(&[99, 1], 0));
        assert_eq!(edge_entropy(&[100], 0), 0.0);
        assert_eq!(edge_entropy(&[-5], 0), 0.0);
    }
}
