//! Removes what is small from a graph. It chooses the nodes on the whole graph, then builds the graph again from the
//! samples, because only they show which stacks pass over the removed nodes.

use rustc_hash::FxHashSet;

use super::node::{EdgeId, Graph, Node, NodeId, NodeKey};
use super::tag::{MAX_NODELETS, TagMap};
use crate::pprof::profile::arithmetic::abs;

impl Graph {
    /// The nodes whose cumulative value is at least `cutoff`.
    pub fn nodes_above(&self, cutoff: i64) -> Vec<NodeId> {
        self.order.iter().copied().filter(|id| abs(self.node(*id).cum) >= cutoff).collect()
    }

    /// The first nodes, at most `count`. In pictures a node counts with its nodelets.
    pub fn top_nodes(&self, count: usize, visual: bool) -> Vec<NodeId> {
        let mut shown = count;
        if visual {
            let mut used = 0;
            for (position, node) in self.shown().enumerate() {
                used += count_tags(node).min(MAX_NODELETS) + 1;
                if used >= count {
                    shown = position + 1;
                    break;
                }
            }
        }
        self.order[..shown.min(self.order.len())].to_vec()
    }

    /// The keys of `nodes`, to build the graph again.
    pub fn keys(&self, nodes: &[NodeId]) -> FxHashSet<NodeKey> {
        nodes.iter().map(|id| self.node(*id).key).collect()
    }

    /// Removes edges lighter than `cutoff`; returns how many.
    pub fn trim_edges(&mut self, cutoff: i64) -> usize {
        let mut dropped = 0;
        for id in &self.order {
            for edge in &self.nodes[*id as usize].incoming {
                let edge = &mut self.edges[*edge as usize];
                if !edge.removed && abs(edge.weight) < cutoff {
                    edge.removed = true;
                    dropped += 1;
                }
            }
        }
        dropped
    }

    /// Removes tags lighter than `cutoff`.
    pub fn trim_tags(&mut self, cutoff: i64) {
        let trim = |tags: &mut TagMap| tags.retain(|_, tag| abs(tag.flat) >= cutoff || abs(tag.cum) >= cutoff);
        for id in &self.order {
            let node = &mut self.nodes[*id as usize];
            trim(&mut node.label_tags);
            node.numeric_tags.values_mut().for_each(trim);
        }
    }

    /// Removes residual edges that add nothing because another path leads from caller to callee: the lightest first,
    /// and none that is heavier than a direct edge into the same node.
    pub fn remove_redundant_edges(&mut self) {
        for position in (0..self.order.len()).rev() {
            let node = self.node(self.order[position]);
            for id in self.sorted_edges(self.callers(node)).into_iter().rev() {
                if !self.edge(id).residual {
                    break;
                }
                if self.is_redundant(id) {
                    self.edges[id as usize].removed = true;
                }
            }
        }
    }

    fn is_redundant(&self, id: EdgeId) -> bool {
        let (source, callee) = (self.edge(id).caller, self.edge(id).callee);
        let mut seen = FxHashSet::from_iter([callee]);
        let mut queue = vec![callee];
        while let Some(node) = queue.pop() {
            for incoming in self.callers(self.node(node)) {
                let caller = self.edge(incoming).caller;
                if incoming == id || seen.contains(&caller) {
                    continue;
                }
                if caller == source {
                    return true;
                }
                seen.insert(caller);
                queue.push(caller);
            }
        }
        false
    }
}

fn count_tags(node: &Node) -> usize {
    let flat = |tags: &TagMap| tags.values().filter(|tag| tag.flat != 0).count();
    flat(&node.label_tags) + node.numeric_tags.values().map(flat).sum::<usize>()
}
