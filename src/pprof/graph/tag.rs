//! Nodelets: the labels that the samples add to a node.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::pprof::profile::arithmetic::{abs, divided};

/// A node has at most this many nodelets of a kind.
pub const MAX_NODELETS: usize = 4;

/// By the label's displayed text.
pub type TagMap = BTreeMap<String, Tag>;

#[derive(Clone, Debug, Default)]
pub struct Tag {
    pub name: String,
    /// The unit of `value`; empty for texts.
    pub unit: String,
    pub value: i64,
    pub flat: i64,
    pub flat_div: i64,
    pub cum: i64,
    pub cum_div: i64,
}

impl Tag {
    pub fn flat_value(&self) -> i64 {
        divided(self.flat, self.flat_div)
    }

    pub fn cum_value(&self) -> i64 {
        divided(self.cum, self.cum_div)
    }

    pub fn add(&mut self, value: i64, divisor: i64, flat: bool) {
        let (sum, sum_div) =
            if flat { (&mut self.flat, &mut self.flat_div) } else { (&mut self.cum, &mut self.cum_div) };
        *sum = sum.wrapping_add(value);
        *sum_div = sum_div.wrapping_add(divisor);
    }
}

/// Orders tags by decreasing weight (`flat`: by flat value alone), then by name.
pub fn sort_tags(tags: &mut [Tag], flat: bool) {
    tags.sort_by(|a, b| {
        let weight = |tag: &Tag| Reverse((if flat { 0 } else { abs(tag.cum) }, abs(tag.flat)));
        weight(a).cmp(&weight(b)).then_with(|| a.name.cmp(&b.name))
    });
}
