//! Nodes and edges of a graph.
//!
//! Nodes and edges lie in two vectors and refer to each other by number. Trimming moves nothing: it takes a node out
//! of [`Graph::order`], and marks an edge as removed.

use std::collections::BTreeMap;

use super::tag::TagMap;
use crate::pprof::profile::arithmetic::divided;
use crate::pprof::profile::{Text, path};

pub type NodeId = u32;
pub type EdgeId = u32;

/// A call graph.
#[derive(Debug, Default)]
pub struct Graph {
    pub nodes: Vec<Node>,
    pub edges: Vec<Edge>,
    /// The nodes that are shown, in order.
    pub order: Vec<NodeId>,
}

/// The source position that a node stands for. Which fields are set depends on the granularity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeInfo {
    pub name: Text,
    pub address: u64,
    pub file: Text,
    pub start_line: i64,
    pub line: i64,
    pub column: i64,
    pub objfile: Text,
    /// [`NodeInfo::components`] joined by spaces.
    pub printable: Text,
}

/// A [`NodeInfo`] as numbers: equal exactly where the infos are. The texts are numbered by the builder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeKey {
    pub name: u32,
    pub file: u32,
    pub objfile: u32,
    pub address: u64,
    pub start_line: i64,
    pub line: i64,
    pub column: i64,
}

#[derive(Debug, Default)]
pub struct Node {
    pub info: NodeInfo,
    pub key: NodeKey,
    /// The samples that end here; the divisor is that of means, else 0.
    pub flat: i64,
    pub flat_div: i64,
    /// The samples that pass here or end here.
    pub cum: i64,
    pub cum_div: i64,
    pub incoming: Vec<EdgeId>,
    pub outgoing: Vec<EdgeId>,
    /// Text labels of the samples, joined → their values. Only collected where nodelets are drawn.
    pub label_tags: TagMap,
    /// Joined text labels → numeric labels under them.
    pub numeric_tags: BTreeMap<String, TagMap>,
}

#[derive(Debug)]
pub struct Edge {
    pub caller: NodeId,
    pub callee: NodeId,
    pub weight: i64,
    pub weight_div: i64,
    /// It leads over nodes that have been removed.
    pub residual: bool,
    /// Every call it stands for was inlined.
    pub inline: bool,
    pub removed: bool,
}

impl NodeInfo {
    /// The parts of the name: address, function, file and line; if there are none, the binary or `<unknown>`.
    pub fn components(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if self.address != 0 {
            parts.push(format!("{:016x}", self.address));
        }
        if !self.name.is_empty() {
            parts.push(self.name.to_string());
        }
        if self.line != 0 {
            let column = if self.column != 0 { format!(":{}", self.column) } else { String::new() };
            parts.push(format!("{}:{}{column}", self.file, self.line));
        } else if !self.file.is_empty() {
            parts.push(self.file.to_string());
        } else if !self.name.is_empty() {
        } else if !self.objfile.is_empty() {
            parts.push(format!("[{}]", path::base(&self.objfile)));
        } else {
            parts.push("<unknown>".into());
        }
        parts
    }

    /// Sets [`NodeInfo::printable`].
    pub fn with_printable(mut self) -> Self {
        let name_only = self.address == 0 && self.line == 0 && self.file.is_empty() && !self.name.is_empty();
        self.printable = if name_only { self.name.clone() } else { self.components().join(" ").into() };
        self
    }

    /// All fields in one text: the tie-breaker between nodes that are equal in everything that is shown.
    pub fn all_fields(&self) -> String {
        let NodeInfo { name, address, file, start_line, line, column, objfile, .. } = self;
        format!("{{{name}  {address} {file} {start_line} {line} {column} {objfile}}}")
    }
}

impl Node {
    pub fn flat_value(&self) -> i64 {
        divided(self.flat, self.flat_div)
    }

    pub fn cum_value(&self) -> i64 {
        divided(self.cum, self.cum_div)
    }
}

impl Edge {
    pub fn weight_value(&self) -> i64 {
        divided(self.weight, self.weight_div)
    }
}

impl Graph {
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id as usize]
    }

    pub fn edge(&self, id: EdgeId) -> &Edge {
        &self.edges[id as usize]
    }

    /// The nodes that are shown, in order.
    pub fn shown(&self) -> impl ExactSizeIterator<Item = &Node> {
        self.order.iter().map(|id| self.node(*id))
    }

    /// The edges into `node` that are left, in no particular order.
    pub fn callers(&self, node: &Node) -> impl Iterator<Item = EdgeId> {
        node.incoming.iter().copied().filter(|id| !self.edge(*id).removed)
    }

    /// The edges out of `node` that are left, in no particular order.
    pub fn callees(&self, node: &Node) -> impl Iterator<Item = EdgeId> {
        node.outgoing.iter().copied().filter(|id| !self.edge(*id).removed)
    }

    /// The sum of the raw flat values of the nodes shown.
    pub fn flat_sum(&self) -> i64 {
        self.shown().fold(0, |sum, node| sum.wrapping_add(node.flat))
    }
}
