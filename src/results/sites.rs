//! Allocation sites: the innermost function of the user's own on each stack.
//!
//! The baseline keeps functions without lines, so that an edit above a function does not change its entry; today's
//! sites have their lines, where a reviewer has to look.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::pprof::profile::Profile;
use crate::results::check::PlacedSite;

/// The allocations of one function, as the baseline keeps them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Site {
    pub function: String,
    pub allocs_per_op: f64,
    pub bytes_per_op: f64,
}

/// The sites of a mem.prof, largest first. A stack without a frame below `root` counts for its leaf.
pub fn sites(profile: &Profile, root: &Path, iterations: u64) -> Vec<PlacedSite> {
    sites_where(profile, |file| Path::new(file).starts_with(root), iterations)
}

/// [`sites`], where `is_own` says of a file whether it is the user's own.
pub fn sites_where(profile: &Profile, is_own: impl Fn(&str) -> bool, iterations: u64) -> Vec<PlacedSite> {
    let index = |kind: &str| profile.sample_types.iter().position(|of| &*of.kind == kind);
    let (Some(allocs), Some(bytes)) = (index("alloc_objects"), index("alloc_space")) else { return Vec::new() };
    let per_op = |value: i64| value as f64 / iterations.max(1) as f64;
    let mut sums: BTreeMap<(&str, &str, i64), (i64, i64)> = BTreeMap::new();
    for sample in &profile.samples {
        let frames = || sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
        let own = frames().find(|frame| is_own(&profile.functions[frame.function as usize].filename));
        let Some(frame) = own.or_else(|| frames().next()) else { continue };
        let function = &profile.functions[frame.function as usize];
        let sum = sums.entry((&function.name, &function.filename, frame.line)).or_default();
        sum.0 += sample.values[allocs];
        sum.1 += sample.values[bytes];
    }
    let mut sites: Vec<PlacedSite> = sums
        .into_iter()
        .map(|((function, file, line), (allocs, bytes))| PlacedSite {
            function: function.to_owned(),
            file: file.to_owned(),
            line: u32::try_from(line).unwrap_or(0),
            allocs_per_op: per_op(allocs),
            bytes_per_op: per_op(bytes),
        })
        .collect();
    sites.sort_by(|a, b| largest_first((b.allocs_per_op, b.bytes_per_op), (a.allocs_per_op, a.bytes_per_op)));
    sites
}

fn largest_first(a: (f64, f64), b: (f64, f64)) -> std::cmp::Ordering {
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
}

/// The number of a benchmark's sites in the baseline: those with most calls and, if they are others, those with most
/// bytes.
pub const LISTED: usize = 5;

/// The largest sites by function, largest first.
pub fn by_function(placed: &[PlacedSite]) -> Vec<Site> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for site in placed {
        let sum = sums.entry(&site.function).or_default();
        sum.0 += site.allocs_per_op;
        sum.1 += site.bytes_per_op;
    }
    let mut sites: Vec<Site> = sums
        .into_iter()
        .map(|(function, (allocs_per_op, bytes_per_op))| Site {
            function: function.to_owned(),
            allocs_per_op: rounded(allocs_per_op),
            bytes_per_op: rounded(bytes_per_op),
        })
        .collect();
    sites.sort_by(|a, b| largest_first((b.bytes_per_op, b.allocs_per_op), (a.bytes_per_op, a.allocs_per_op)));
    let by_bytes: BTreeSet<String> = sites.iter().take(LISTED).map(|site| site.function.clone()).collect();
    sites.sort_by(|a, b| largest_first((b.allocs_per_op, b.bytes_per_op), (a.allocs_per_op, a.bytes_per_op)));
    let listed = |(rank, site): (usize, Site)| (rank < LISTED || by_bytes.contains(&site.function)).then_some(site);
    sites.into_iter().enumerate().filter_map(listed).collect()
}

/// Sums of quotients differ in their last digits; a diff should not show that.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pprof::profile::{Builder, Line, ValueType};

    fn placed(function: &str, line: u32, allocs: f64) -> PlacedSite {
        let file = "/w/src/lib.rs".to_owned();
        PlacedSite { function: function.to_owned(), file, line, allocs_per_op: allocs, bytes_per_op: 8.0 * allocs }
    }

    #[test]
    fn a_stack_counts_for_the_innermost_frame_of_the_user_s() {
        let types = [("alloc_objects", "count"), ("alloc_space", "bytes")];
        let mut builder = Builder::new(types.iter().map(|(kind, unit)| ValueType::new(kind, unit)).collect());
        let mut location = |name: &str, file: &str, line: i64, address: u64| {
            let function = builder.function(name, name, file, 1);
            builder.location(None, address, vec![Line { function, line, column: 0 }])
        };
        let push = location("Vec::push", "/rustc/library/alloc/vec.rs", 9, 1);
        let own = location("p::grow", "/w/src/lib.rs", 3, 2);
        let main = location("main", "/w/benches/b.rs", 1, 3);
        builder.sample(vec![push, own, main], vec![20, 160], Vec::new());
        builder.sample(vec![push], vec![10, 10], Vec::new());
        let found = sites(&builder.finish(), Path::new("/w"), 10);
        let text: Vec<_> = found.iter().map(|s| format!("{} {} {}", s.function, s.line, s.allocs_per_op)).collect();
        assert_eq!(text, ["p::grow 3 2", "Vec::push 9 1"]);
    }

    #[test]
    fn the_baseline_s_sites_are_by_function() {
        let mut all = vec![placed("a", 1, 1.0), placed("b", 2, 3.0), placed("a", 9, 0.1), placed("large", 1, 0.25)];
        all[3].bytes_per_op = 1e6;
        all.extend((0..5).map(|i| placed(&format!("s{i}"), 1, 0.5)));
        let sites = by_function(&all);
        let text: Vec<_> = sites.iter().map(|s| format!("{} {}", s.function, s.allocs_per_op)).collect();
        assert_eq!(text, ["b 3", "a 1.1", "s0 0.5", "s1 0.5", "s2 0.5", "large 0.25"]);
    }
}
