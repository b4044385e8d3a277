//! Sums the samples' labels for each node, if nodelets are drawn. Most samples have one of a few sets of labels, so
//! each set is formatted only once.

use rustc_hash::FxHashMap;

use super::build::{Builder, Options};
use super::node::{Graph, NodeId};
use super::walk::{Sum, add};
use crate::pprof::profile::Label;

#[derive(Default)]
pub(super) struct LabelSums<'a> {
    sets: Vec<&'a [Label]>,
    known: FxHashMap<&'a [Label], u32>,
    /// By node and set, in the order of their first appearance: of numbers with the same text, the first is kept.
    sums: Vec<LabelSum>,
    sum_of: FxHashMap<u64, usize>,
}

#[derive(Default)]
struct LabelSum {
    node: NodeId,
    set: u32,
    cum: Sum,
    flat: Sum,
}

impl<'a> LabelSums<'a> {
    /// A sample with these labels passes `nodes`, and ends in `leaf` if that node is wanted.
    pub(super) fn add(
        &mut self,
        labels: &'a [Label],
        nodes: impl Iterator<Item = NodeId>,
        leaf: Option<NodeId>,
        value: Sum,
    ) {
        let set = self.set(labels);
        nodes.for_each(|node| add(&mut self.sum(node, set).cum, value));
        if let Some(leaf) = leaf {
            add(&mut self.sum(leaf, set).flat, value);
        }
    }

    fn set(&mut self, labels: &'a [Label]) -> u32 {
        let next = self.sets.len() as u32;
        let set = *self.known.entry(labels).or_insert(next);
        if set == next {
            self.sets.push(labels);
        }
        set
    }

    fn sum(&mut self, node: NodeId, set: u32) -> &mut LabelSum {
        let next = self.sums.len();
        let at = *self.sum_of.entry(u64::from(node) << 32 | u64::from(set)).or_insert(next);
        if at == next {
            self.sums.push(LabelSum { node, set, ..LabelSum::default() });
        }
        &mut self.sums[at]
    }

    /// Adds the sums of the samples after these.
    pub(super) fn absorb(&mut self, later: LabelSums<'a>) {
        for LabelSum { node, set, cum, flat } in later.sums {
            let set = self.set(later.sets[set as usize]);
            let sum = self.sum(node, set);
            add(&mut sum.cum, cum);
            add(&mut sum.flat, flat);
        }
    }

    pub(super) fn finish(self, graph: &mut Graph, options: &Options<'_>) {
        let sets: Vec<_> = self.sets.into_iter().map(|labels| Builder::tags(options, labels)).collect();
        for LabelSum { node, set, cum, flat } in self.sums {
            let Some(tags) = &sets[set as usize] else { continue };
            let node = &mut graph.nodes[node as usize];
            tags.add_to(node, cum[0], cum[1], false);
            tags.add_to(node, flat[0], flat[1], true);
        }
    }
}
