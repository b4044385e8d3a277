//! `--- contention:` and `--- mutex:`: waits, longest first.

use std::fmt::Write as _;

use super::stacks::Stacks;
use crate::pprof::reports::tabwriter;

/// Text of a block profile.
pub fn block(stacks: &Stacks<'_>) -> String {
    waits(stacks, "contention", "")
}

/// Text of a mutex profile; every `fraction`th wait is in it.
pub fn mutex(stacks: &Stacks<'_>, fraction: u64) -> String {
    waits(stacks, "mutex", &format!("sampling period={fraction}\n"))
}

fn waits(stacks: &Stacks<'_>, name: &str, more: &str) -> String {
    let mut sums = stacks.sums([stacks.column("delay"), stacks.column("contentions")]);
    sums.sort_by_key(|(_, [delay, _])| std::cmp::Reverse(*delay));
    // A cycle is a nanosecond.
    let mut out = format!("--- {name}:\ncycles/second=1000000000\n{more}");
    for (locations, [delay, count]) in sums {
        writeln!(out, "{delay} {count} @{}", stacks.addresses(locations)).ok();
        out.push_str(&stacks.frames(locations));
    }
    tabwriter::aligned_by_tabs(&out)
}
