//! `heap profile: IN-USE: BYTES [ALLOCATED: BYTES] @ heap/RATE`, with the memory statistics that there are.

use std::fmt::Write as _;

use super::stacks::Stacks;
use crate::pprof::reports::tabwriter;

/// Of runtime.MemStats, the numbers that a Rust program has.
#[derive(Debug, Clone, Copy, Default)]
pub struct MemStats {
    pub total_alloc: u64,
    pub mallocs: u64,
    pub frees: u64,
    pub heap_alloc: u64,
    /// In bytes, as the kernel has it.
    pub max_rss: Option<u64>,
}

/// Text of a heap profile; `rate`: one byte in so many had its allocation recorded, and the numbers are of those alone. The
/// stacks with least in use come first, as in Go.
pub fn heap(stacks: &Stacks<'_>, stats: &MemStats, rate: u64) -> String {
    let columns = ["inuse_objects", "inuse_space", "alloc_objects", "alloc_space"].map(|kind| stacks.column(kind));
    let mut sums = stacks.sums(columns);
    for (_, [in_use, in_use_bytes, allocated, allocated_bytes]) in &mut sums {
        // A snapshot may catch a thread between its two counts; readers refuse bytes in no block.
        *in_use_bytes = if *in_use > 0 { *in_use_bytes } else { 0 };
        *in_use = (*in_use).max(0);
        *allocated_bytes = if *allocated > 0 { *allocated_bytes } else { 0 };
    }
    sums.sort_by_key(|(_, values)| values[1]);
    let total = sums.iter().fold([0i64; 4], |mut total, (_, values)| {
        total.iter_mut().zip(values).for_each(|(total, value)| *total = total.saturating_add(*value));
        total
    });
    let [in_use, in_use_bytes, allocated, mut allocated_bytes] = total;
    // Equal ones would be read as a profile with no columns of allocations.
    if in_use_bytes == allocated_bytes {
        allocated_bytes += 1;
    }
    let mut out = String::new();
    let rate = rate.max(1).saturating_mul(2);
    writeln!(out, "heap profile: {in_use}: {in_use_bytes} [{allocated}: {allocated_bytes}] @ heap/{rate}").ok();
    for (locations, [in_use, in_use_bytes, allocated, allocated_bytes]) in &sums {
        let addresses = stacks.addresses(locations);
        writeln!(out, "{in_use}: {in_use_bytes} [{allocated}: {allocated_bytes}] @{addresses}").ok();
        out.push_str(&stacks.frames(locations));
    }
    out.push_str("\n# runtime.MemStats\n");
    let lines = [
        ("Alloc", Some(stats.heap_alloc)),
        ("TotalAlloc", Some(stats.total_alloc)),
        ("Mallocs", Some(stats.mallocs)),
        ("Frees", Some(stats.frees)),
        ("HeapAlloc", Some(stats.heap_alloc)),
        ("HeapObjects", Some(stats.mallocs.saturating_sub(stats.frees))),
        ("MaxRSS", stats.max_rss),
    ];
    for (name, value) in lines {
        if let Some(value) = value {
            writeln!(out, "# {name} = {value}").ok();
        }
    }
    tabwriter::aligned_by_tabs(&out)
}
