//! Samples → graph: builds the nodes and decides which values to collect. `walk` follows the stacks, and `tree` does
//! it for trees.

use rustc_hash::{FxHashMap, FxHashSet};

use super::node::{Edge, EdgeId, Graph, Node, NodeId, NodeInfo, NodeKey};
use super::tag::Tag;
use crate::pprof::profile::{BASE_KEY, Label, LabelValue, Location, Profile, Sample, Text, path};

/// Writes a numeric label: its value and unit.
pub type FormatTag<'a> = &'a dyn Fn(i64, &str) -> String;

/// How a graph is built.
#[derive(Default)]
pub struct Options<'a> {
    /// The index of the value that counts in each sample.
    pub value_index: usize,
    /// Divide by the sample's first value.
    pub mean: bool,
    /// Treat nodes in different object files as different nodes, and keep start lines.
    pub object_names: bool,
    pub drop_negative: bool,
    /// A node for each path, not for each function.
    pub call_tree: bool,
    /// Only these nodes.
    pub kept: Option<&'a FxHashSet<NodeKey>>,
    /// A call tree always has all its edges.
    pub edges: Edges<'a>,
    /// Collect labels for nodelets: texts, and the numbers called `bytes`, which this function formats.
    pub format_tag: Option<FormatTag<'a>>,
    /// The unit of the numbers.
    pub bytes_unit: Text,
}

/// The edges to collect: most profiles have many times more edges than nodes, and many reports need only a few edges.
#[derive(Clone, Copy, Default)]
pub enum Edges<'a> {
    #[default]
    All,
    None,
    /// Edges from or to a node for which this returns true.
    Touching(&'a dyn Fn(&NodeInfo) -> bool),
}

/// Numbers texts, so that comparing them is comparing numbers. The numbers are valid for all graphs of one report.
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

    /// The key of line `line` of `location`; of the location itself if it has no lines.
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
        let mut builder = Builder { options, graph: Graph::default() };
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
}

impl Builder<'_> {
    /// The sample's value and, for means, its divisor; `None` where both are 0.
    pub(super) fn value(sample: &Sample, value_index: usize, mean: bool) -> Option<(i64, i64)> {
        let value = sample.values.get(value_index).copied().unwrap_or(0);
        let divisor = if mean { sample.values.first().copied().unwrap_or(0) } else { 0 };
        (value != 0 || divisor != 0).then_some((value, divisor))
    }

    /// A sample's labels in the form that nodelets use, if they are wanted and there are any.
    pub(super) fn tags(options: &Options<'_>, labels: &[Label]) -> Option<SampleTags> {
        let format = options.format_tag?;
        let mut texts: Vec<String> = Vec::new();
        let mut numbers = Vec::new();
        for label in labels {
            match &label.value {
                LabelValue::Text(text) if &*label.key != BASE_KEY => texts.push(format!("{}:{text}", label.key)),
                LabelValue::Number(number, _) if &*label.key == "bytes" => {
                    let unit = &*options.bytes_unit;
                    numbers.push((format(*number, unit), unit.to_owned(), *number));
                }
                _ => {}
            }
        }
        texts.sort();
        let any = !texts.is_empty() || !numbers.is_empty();
        any.then(|| SampleTags { texts: texts.join("\\n"), numbers })
    }

    pub(super) fn add_value(&mut self, node: NodeId, value: i64, divisor: i64, tags: Option<&SampleTags>, flat: bool) {
        let node = &mut self.graph.nodes[node as usize];
        let (sum, sum_div) =
            if flat { (&mut node.flat, &mut node.flat_div) } else { (&mut node.cum, &mut node.cum_div) };
        *sum = sum.wrapping_add(value);
        *sum_div = sum_div.wrapping_add(divisor);
        if let Some(tags) = tags {
            tags.add_to(node, value, divisor, flat);
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

impl SampleTags {
    /// Adds the values of samples with these labels to a node.
    pub(super) fn add_to(&self, node: &mut Node, value: i64, divisor: i64, flat: bool) {
        let tag = |name: &String| Tag { name: name.clone(), ..Tag::default() };
        if !self.texts.is_empty() {
            node.label_tags.entry(self.texts.clone()).or_insert_with(|| tag(&self.texts)).add(value, divisor, flat);
        }
        if !self.numbers.is_empty() {
            let map = node.numeric_tags.entry(self.texts.clone()).or_default();
            for (name, unit, number) in &self.numbers {
                let new = || Tag { unit: unit.clone(), value: *number, ..tag(name) };
                map.entry(name.clone()).or_insert_with(new).add(value, divisor, flat);
            }
        }
    }
}
