//! The call tree: like the graph, but with a node for each path from the root. It is only for pictures that must tell
//! the different callers of a function apart. Recursion is an ordinary path here, so no node has to be counted once
//! per sample.

use rustc_hash::{FxHashMap, FxHashSet};

use super::build::{Builder, Infos};
use super::node::{EdgeId, Graph, Node, NodeId, NodeKey};
use super::walk::NONE;
use crate::pprof::profile::Profile;

impl Builder<'_> {
    pub(super) fn add_tree(&mut self, profile: &Profile, infos: &Infos<'_>) {
        // A node's edge from its parent is known with the node.
        let mut known: FxHashMap<(NodeId, NodeKey), (NodeId, EdgeId)> = FxHashMap::default();
        for sample in &profile.samples {
            let (value_index, mean) = (self.options.value_index, self.options.mean);
            let Some((value, divisor)) = Builder::value(sample, value_index, mean) else { continue };
            let tags = Builder::tags(self.options, &sample.labels);
            let mut parent = NONE;
            for index in sample.locations.iter().rev() {
                let location = &profile.locations[*index as usize];
                let lines = location.lines.len().max(1);
                for line in (0..lines).rev() {
                    let key = infos.key(location, line);
                    let inline = line + 1 != lines;
                    let next = self.graph.nodes.len() as NodeId;
                    let (node, edge) = *known.entry((parent, key)).or_insert((next, self.graph.edges.len() as EdgeId));
                    let is_new = node == next;
                    if is_new {
                        self.graph.nodes.push(Node { info: infos.info(location, line, key), key, ..Node::default() });
                    }
                    self.add_value(node, value, divisor, tags.as_ref(), false);
                    match (parent, is_new) {
                        (NONE, _) => {}
                        (_, true) => self.new_edge(parent, node, value, divisor, false, inline),
                        (_, false) => self.add_to_edge(edge, value, divisor, false, inline),
                    }
                    parent = node;
                }
            }
            if parent != NONE {
                self.add_value(parent, value, divisor, tags.as_ref(), true);
            }
        }
    }
}

impl Graph {
    /// Orders the nodes of a tree by when their parent had its first child. The tree's sort keeps this order for nodes
    /// that compare equal; it is mostly pprof's order too.
    pub(super) fn order_by_parent(&mut self) {
        let parents: Vec<NodeId> =
            self.nodes.iter().map(|node| node.incoming.first().map_or(NONE, |edge| self.edge(*edge).caller)).collect();
        let mut first_child: FxHashMap<NodeId, NodeId> = FxHashMap::default();
        for (id, parent) in (0..).zip(&parents) {
            first_child.entry(*parent).or_insert(id);
        }
        self.order.sort_by_key(|id| (first_child.get(&parents[*id as usize]).copied(), *id));
    }

    /// Removes the nodes of a tree that are not in `kept`; their children move to their parent, by residual edges.
    pub fn trim_tree(&mut self, kept: &FxHashSet<NodeId>) {
        let order = std::mem::take(&mut self.order);
        for id in order {
            if kept.contains(&id) {
                self.order.push(id);
                continue;
            }
            let children: Vec<EdgeId> = self.callees(self.node(id)).collect();
            let Some(up) = self.callers(self.node(id)).next() else {
                // Removing a root makes its children roots.
                children.into_iter().for_each(|edge| self.edges[edge as usize].removed = true);
                continue;
            };
            let (parent, inline) = (self.edge(up).caller, self.edge(up).inline);
            self.edges[up as usize].removed = true;
            for edge in children {
                self.nodes[parent as usize].outgoing.push(edge);
                let edge = &mut self.edges[edge as usize];
                edge.caller = parent;
                edge.residual = true;
                edge.inline &= inline;
            }
        }
        self.remove_redundant_edges();
    }
}
