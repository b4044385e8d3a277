//! `folded`: one line per stack, root first, for inferno and flamegraph.pl; also the code that it shares with
//! speedscope.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;
use crate::pprof::graph::{NodeInfo, location_infos};
use crate::pprof::profile::Sample;

/// The frames of all locations, for [`frames`].
pub fn locations(report: &Report) -> Vec<Vec<NodeInfo>> {
    location_infos(&report.profile)
}

/// The frames of a stack from the root, with the names that `top` shows: frames without a function have the binary's
/// name.
pub fn frames<'a>(locations: &'a [Vec<NodeInfo>], sample: &'a Sample) -> impl Iterator<Item = &'a NodeInfo> {
    sample.locations.iter().rev().flat_map(|location| locations[*location as usize].iter().rev())
}

/// Prints the stacks. Returns a note if some are left out: readers of the format do not accept negative values.
pub fn print(report: &Report, out: &mut String) -> Result<Option<String>, std::fmt::Error> {
    let locations = locations(report);
    let mut stacks: BTreeMap<String, i64> = BTreeMap::new();
    for sample in &report.profile.samples {
        // Frames are separated by semicolons.
        let names = frames(&locations, sample).map(|info| info.printable.replace([';', '\n'], ":"));
        let mut stack = names.collect::<Vec<_>>().join(";");
        if stack.is_empty() {
            stack = "<unknown>".into();
        }
        let sum = stacks.entry(stack).or_default();
        *sum = sum.wrapping_add(report.sample_value(&sample.values));
    }
    let (mut count, mut left_out) = (0, 0i64);
    for (stack, value) in stacks {
        if value > 0 {
            writeln!(out, "{stack} {}", report.plain_value(value))?;
        } else if value < 0 {
            count += 1;
            left_out = left_out.wrapping_add(value);
        }
    }
    Ok((count > 0).then(|| {
        format!(
            "folded: left out {count} stack(s) with negative values, {} in all, which flame graph tools refuse; -traces shows them",
            report.value(left_out)
        )
    }))
}
