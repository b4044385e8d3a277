//! Samples → graph.
//!
//! This is the hot loop of every report: a hundred thousand stacks of some thirty frames. So locations are turned into nodes
//! once, "seen in this sample" is a stamp instead of a set, and an edge is found by one number.

use rustc_hash::{FxHashMap, FxHashSet};

use super::node::{Edge, EdgeId, Graph, Node, NodeId, NodeInfo, NodeKey};
use super::tag::Tag;
use crate::profile::{LabelValue, Location, Profile, Sample, Text, path};

/// Writes a numeric label: its value and unit.
pub type FormatTag<'a> = &'a dyn Fn(i64, &str) -> String;

/// How a graph is built.
#[derive(Default)]
pub struct Options<'a> {
    /// Which of a sample's values counts.
    pub value_index: usize,
    /// Divide by the sample's first value.
    pub mean: bool,
    /// Nodes are different if they lie in different object files, and start lines are kept.
    pub object_names: bool,
    pub drop_negative: bool,
    /// A node for each path, not for each function.
    pub call_tree: bool,
    /// Only these nodes.
    pub kept: Option<&'a FxHashSet<NodeKey>>,
    /// Collect labels for nodelets; writes a numeric label's value and unit.
    pub format_tag: Option<FormatTag<'a>>,
}

/// No node.
pub(super) const NONE: NodeId = NodeId::MAX;

/// Numbers texts, so that comparing them is comparing numbers. The numbers hold for all graphs of one report.
#[derive(Default)]
pub struct Interner(FxHashMap<Text, u32>);

impl Interner {
    fn number(&mut self, text: &Text) -> u32 {
        let next = self.0.len() as u32;
        *self.0.entry(text.clone()).or_insert(next)
    }
}

/// For each location its nodes' infos, innermost line first: one for a location without lines.
pub(super) struct Infos<'a> {
    profile: &'a Profile,
    object_names: bool,
    functions: Vec<(Text, u32, u32)>,
    objfiles: Vec<u32>,
    empty: u32,
}

impl<'a> Infos<'a> {
    pub(super) fn new(profile: &'a Profile, object_names: bool, interner: &mut Interner) -> Self {
        let empty = interner.number(&"".into());
        let mut cleaned: FxHashMap<&Text, Text> = FxHashMap::default();
        let functions = profile.functions.iter().map(|function| {
            let file = cleaned.entry(&function.filename).or_insert_with(|| {
                if function.filename.is_empty() { "".into() } else { path::clean(&function.filename).into() }
            });
            (file.clone(), interner.number(&function.name), interner.number(file))
        });
        let functions = functions.collect();
        let objfiles = profile.mappings.iter().map(|mapping| interner.number(&mapping.file)).collect();
        Infos { profile, object_names, functions, objfiles, empty }
    }

    /// The key of line `line` of `location`; of the location itself where it has no lines.
    pub(super) fn key(&self, location: &Location, line: usize) -> NodeKey {
        let objfile = location.mapping.map_or(self.empty, |mapping| self.objfiles[mapping as usize]);
        let Some(line) = location.lines.get(line) else {
            return NodeKey {
                name: self.empty,
                file: self.empty,
                objfile,
                address: location.address,
                ..NodeKey::default()
            };
        };
        let (_, name, file) = self.functions[line.function as usize];
        let with_object = self.object_names || name == self.empty;
        NodeKey {
            name,
            file,
            objfile: if with_object { objfile } else { self.empty },
            address: location.address,
            start_line: if with_object { self.profile.functions[line.function as usize].start_line } else { 0 },
            line: line.line,
            column: line.column,
        }
    }

    /// The info of that key.
    pub(super) fn info(&self, location: &Location, line: usize, key: NodeKey) -> NodeInfo {
        let objfile = location
            .mapping
            .filter(|_| key.objfile != self.empty)
            .map(|mapping| self.profile.mappings[mapping as usize].file.clone());
        let function = location.lines.get(line).map(|line| line.function as usize);
        NodeInfo {
            name: function.map(|function| self.profile.functions[function].name.clone()).unwrap_or_default(),
            file: function.map(|function| self.functions[function].0.clone()).unwrap_or_default(),
            objfile: objfile.unwrap_or_default(),
            address: key.address,
            start_line: key.start_line,
            line: key.line,
            column: key.column,
            printable: Text::default(),
        }
        .with_printable()
    }
}

/// For each location of `profile` the infos of its frames, innermost first.
pub fn location_infos(profile: &Profile) -> Vec<Vec<NodeInfo>> {
    let mut interner = Interner::default();
    let infos = Infos::new(profile, false, &mut interner);
    let frames = |location: &Location| {
        (0..location.lines.len().max(1)).map(|line| infos.info(location, line, infos.key(location, line))).collect()
    };
    profile.locations.iter().map(frames).collect()
}

impl Graph {
    /// Builds the graph (or, with `call_tree`, the tree) of `profile`, with the nodes in no particular order.
    pub fn new(profile: &Profile, options: &Options<'_>, interner: &mut Interner) -> Graph {
        let infos = Infos::new(profile, options.object_names, interner);
        let mut builder = Builder {
            options,
            graph: Graph::default(),
            edge_of: FxHashMap::default(),
            edge_stamps: Vec::new(),
            sample: 0,
        };
        if options.call_tree {
            builder.add_tree(profile, &infos)
        } else {
            builder.add_graph(profile, &infos)
        }
        let mut graph = builder.graph;
        graph.order =
            (0..graph.nodes.len() as NodeId).filter(|id| graph.is_wanted(*id, options.drop_negative)).collect();
        if options.call_tree {
            graph.order_by_parent();
        }
        graph
    }

    fn is_wanted(&self, id: NodeId, drop_negative: bool) -> bool {
        let node = self.node(id);
        let negative = node.flat < 0 || (node.flat == 0 && node.cum < 0);
        (node.cum != 0 || node.flat != 0) && !(drop_negative && negative)
    }
}

pub(super) struct Builder<'a> {
    pub(super) options: &'a Options<'a>,
    pub(super) graph: Graph,
    edge_of: FxHashMap<u64, EdgeId>,
    /// The last sample that each edge was seen in.
    edge_stamps: Vec<u32>,
    sample: u32,
}

impl Builder<'_> {
    fn add_graph(&mut self, profile: &Profile, infos: &Infos<'_>) {
        let (first, nodes) = self.nodes_of_locations(profile, infos);
        let mut node_stamps = vec![0u32; self.graph.nodes.len()];
        for sample in &profile.samples {
            let Some((value, divisor)) = self.value(sample) else { continue };
            self.sample += 1;
            let labels = self.labels(sample);
            let mut parent = NONE;
            let mut residual = false;
            for location in sample.locations.iter().rev() {
                let frames = &nodes[first[*location as usize] as usize..first[*location as usize + 1] as usize];
                for (line, node) in frames.iter().enumerate().rev() {
                    if *node == NONE {
                        residual = true;
                        continue;
                    }
                    let stamp = &mut node_stamps[*node as usize];
                    if *stamp != self.sample {
                        *stamp = self.sample;
                        self.add_value(*node, value, divisor, labels.as_ref(), false);
                    }
                    if parent != NONE && parent != *node {
                        self.add_edge_once(parent, *node, value, divisor, residual, line + 1 != frames.len());
                    }
                    parent = *node;
                    residual = false;
                }
            }
            if parent != NONE && !residual {
                self.add_value(parent, value, divisor, labels.as_ref(), true);
            }
        }
    }

    /// The nodes of all locations, one after the other, and where each location's start.
    fn nodes_of_locations(&mut self, profile: &Profile, infos: &Infos<'_>) -> (Vec<u32>, Vec<NodeId>) {
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
        (first, nodes)
    }

    /// The sample's value and, for means, its divisor; `None` where both are 0.
    pub(super) fn value(&self, sample: &Sample) -> Option<(i64, i64)> {
        let value = sample.values.get(self.options.value_index).copied().unwrap_or(0);
        let divisor = if self.options.mean { sample.values.first().copied().unwrap_or(0) } else { 0 };
        (value != 0 || divisor != 0).then_some((value, divisor))
    }

    /// The sample's labels as nodelets have them, where they are wanted.
    pub(super) fn labels(&self, sample: &Sample) -> Option<SampleTags> {
        let format = self.options.format_tag?;
        let mut texts: Vec<String> = Vec::new();
        let mut numbers = Vec::new();
        for label in &sample.labels {
            match &label.value {
                LabelValue::Text(text) => texts.push(format!("{}:{text}", label.key)),
                LabelValue::Number(number, unit) => numbers.push((format(*number, unit), unit.to_string(), *number)),
            }
        }
        texts.sort();
        Some(SampleTags { texts: texts.join("\\n"), numbers })
    }

    pub(super) fn add_value(&mut self, node: NodeId, value: i64, divisor: i64, tags: Option<&SampleTags>, flat: bool) {
        let node = &mut self.graph.nodes[node as usize];
        let (sum, sum_div) =
            if flat { (&mut node.flat, &mut node.flat_div) } else { (&mut node.cum, &mut node.cum_div) };
        *sum = sum.wrapping_add(value);
        *sum_div = sum_div.wrapping_add(divisor);
        let Some(tags) = tags else { return };
        if !tags.texts.is_empty() {
            let tag = node
                .label_tags
                .entry(tags.texts.clone())
                .or_insert_with(|| Tag { name: tags.texts.clone(), ..Tag::default() });
            tag.add(value, divisor, flat);
        }
        if !tags.numbers.is_empty() {
            let map = node.numeric_tags.entry(tags.texts.clone()).or_default();
            for (name, unit, number) in &tags.numbers {
                let new = || Tag { name: name.clone(), unit: unit.clone(), value: *number, ..Tag::default() };
                map.entry(name.clone()).or_insert_with(new).add(value, divisor, flat);
            }
        }
    }

    /// Adds to an edge unless this sample has already.
    fn add_edge_once(
        &mut self,
        caller: NodeId,
        callee: NodeId,
        weight: i64,
        weight_div: i64,
        residual: bool,
        inline: bool,
    ) {
        let next = self.graph.edges.len() as EdgeId;
        let id = *self.edge_of.entry(u64::from(caller) << 32 | u64::from(callee)).or_insert(next);
        if id == next {
            self.edge_stamps.push(self.sample);
            self.new_edge(caller, callee, weight, weight_div, residual, inline);
        } else if self.edge_stamps[id as usize] != self.sample {
            self.edge_stamps[id as usize] = self.sample;
            self.add_to_edge(id, weight, weight_div, residual, inline);
        }
    }

    pub(super) fn add_to_edge(&mut self, id: EdgeId, weight: i64, weight_div: i64, residual: bool, inline: bool) {
        let edge = &mut self.graph.edges[id as usize];
        edge.weight = edge.weight.wrapping_add(weight);
        edge.weight_div = edge.weight_div.wrapping_add(weight_div);
        edge.residual |= residual;
        edge.inline &= inline;
    }

    pub(super) fn new_edge(
        &mut self,
        caller: NodeId,
        callee: NodeId,
        weight: i64,
        weight_div: i64,
        residual: bool,
        inline: bool,
    ) {
        let id = self.graph.edges.len() as EdgeId;
        self.graph.edges.push(Edge { caller, callee, weight, weight_div, residual, inline, removed: false });
        self.graph.nodes[caller as usize].outgoing.push(id);
        self.graph.nodes[callee as usize].incoming.push(id);
    }
}

/// A sample's labels: texts joined, numbers as (shown, unit, value).
pub(super) struct SampleTags {
    texts: String,
    numbers: Vec<(String, String, i64)>,
}
