//! `NAME profile: total N`: goroutine (threads, here) and threadcreate.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::stacks::Stacks;
use crate::go::quote::quoted;
use crate::pprof::profile::Sample;
use crate::pprof::reports::tabwriter;

/// Text of a profile whose first value is a count. Stacks with other labels stand apart.
pub fn count(stacks: &Stacks<'_>, name: &str) -> String {
    let mut sums: BTreeMap<String, (i64, &[u32])> = BTreeMap::new();
    for sample in &stacks.profile.samples {
        let key = format!("@{}{}", stacks.addresses(&sample.locations), labels(sample));
        sums.entry(key).or_insert((0, &sample.locations)).0 += sample.values.first().copied().unwrap_or(0);
    }
    let total: i64 = sums.values().map(|(count, _)| count).sum();
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let mut out = format!("{name} profile: total {total}\n");
    for (key, (count, locations)) in sums {
        writeln!(out, "{count} {key}").ok();
        out.push_str(&stacks.frames(locations));
    }
    tabwriter::aligned_by_tabs(&out)
}

fn labels(sample: &Sample) -> String {
    let texts = sample.texts().flat_map(|(key, values)| values.into_iter().map(move |value| (key, value)));
    let mut labels: Vec<String> = texts.map(|(key, value)| format!("{}:{}", quoted(key), quoted(value))).collect();
    labels.sort_unstable();
    if labels.is_empty() { String::new() } else { format!("\n# labels: {{{}}}", labels.join(", ")) }
}
