//! `folded`: a line a stack, root first, as inferno and flamegraph.pl read them; and what such tools share with speedscope.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::report::Report;
use crate::pprof::profile::{Profile, Sample};

/// A frame of a stack from the root: the function's index, or none where a location has no symbol.
pub fn frames<'a>(profile: &'a Profile, sample: &'a Sample) -> impl Iterator<Item = (usize, Option<usize>)> + 'a {
    sample.locations.iter().rev().flat_map(|index| {
        let lines = &profile.locations[*index as usize].lines;
        let unknown = lines.is_empty().then_some((*index as usize, None));
        lines.iter().rev().map(|line| (*index as usize, Some(line.function as usize))).chain(unknown)
    })
}

/// A frame's name where the function has none, or is not known.
pub fn frame_name(profile: &Profile, location: usize, function: Option<usize>) -> String {
    match function.map(|function| &profile.functions[function]) {
        Some(function) if !function.name.is_empty() => function.name.to_string(),
        Some(function) if !function.filename.is_empty() => function.filename.to_string(),
        _ => format!("{:#x}", profile.locations[location].address),
    }
}

pub fn print(report: &Report, out: &mut String) -> std::fmt::Result {
    let profile = &report.profile;
    let mut stacks: BTreeMap<String, i64> = BTreeMap::new();
    for sample in &profile.samples {
        // Frames are separated by semicolons.
        let names = frames(profile, sample)
            .map(|(location, function)| frame_name(profile, location, function).replace([';', '\n'], ":"));
        let sum = stacks.entry(names.collect::<Vec<_>>().join(";")).or_default();
        *sum = sum.wrapping_add(report.sample_value(&sample.values));
    }
    for (stack, value) in stacks.iter().filter(|(_, value)| **value != 0) {
        writeln!(out, "{stack} {}", report.plain_value(*value))?;
    }
    Ok(())
}
