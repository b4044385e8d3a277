#![doc = include_str!("../README.md")]
#![deny(missing_docs)]

#[cfg(target_os = "none")]
compile_error!("memprof needs the standard library: leave it out of builds for targets without an operating system");

// The recorder's files; `embed` is the part that the library uses.
#[cfg(not(memprof_injected))]
macro_rules! recorder {
    ($($name:ident $file:literal)*) => {
        $(
            // Not every part is of use without the tool.
            #[allow(dead_code, clippy::missing_safety_doc)]
            #[path = $file]
            mod $name;
        )*
    };
}

// Counting needs no more than this on any platform.
#[cfg(not(memprof_injected))]
recorder! {
    inherit "runtime/inherit.rs"
    scope "runtime/scope.rs"
    scoped "runtime/scoped.rs"
    sites "runtime/sites.rs"
    spin "runtime/spin.rs"
    table "runtime/table.rs"
}

// Stacks and CPU samples; elsewhere only counting works.
macro_rules! with_stacks {
    ($($item:item)*) => {
        $(
            #[cfg(all(
                not(memprof_injected),
                not(miri),
                target_os = "linux",
                any(target_arch = "x86_64", target_arch = "aarch64"),
                target_env = "gnu",
                target_pointer_width = "64"
            ))]
            $item
        )*
    };
}
macro_rules! without_stacks {
    ($($item:item)*) => {
        $(
            #[cfg(all(
                not(memprof_injected),
                not(all(
                    not(miri),
                    target_os = "linux",
                    any(target_arch = "x86_64", target_arch = "aarch64"),
                    target_env = "gnu",
                    target_pointer_width = "64"
                ))
            ))]
            $item
        )*
    };
}

with_stacks! {
    recorder! {
        cfi "cfi.rs"
        frames "frames.rs"
        arch "runtime/arch.rs"
        attend "runtime/attend.rs"
        barrier "runtime/barrier.rs"
        between "runtime/between.rs"
        block "runtime/block.rs"
        bracket "runtime/bracket.rs"
        buffer "runtime/buffer.rs"
        calling "runtime/calling.rs"
        child "runtime/child.rs"
        chunks "runtime/chunks.rs"
        common "runtime/common.rs"
        cost "runtime/cost.rs"
        dhat "runtime/dhat.rs"
        disturbance "runtime/disturbance.rs"
        driver "runtime/driver.rs"
        embed "runtime/embed.rs"
        entries "runtime/entries.rs"
        entry "runtime/entry.rs"
        events "runtime/events.rs"
        filter "runtime/filter.rs"
        follow "runtime/follow.rs"
        fork "runtime/fork.rs"
        growth "runtime/growth.rs"
        idle "runtime/idle.rs"
        inside "runtime/inside.rs"
        interrupted "runtime/interrupted.rs"
        interrupts "runtime/interrupts.rs"
        labels "runtime/labels.rs"
        left_out "runtime/left_out.rs"
        life "runtime/life.rs"
        live "runtime/live.rs"
        live_map "runtime/live_map.rs"
        live_sum "runtime/live_sum.rs"
        lives "runtime/lives.rs"
        log "runtime/log.rs"
        mark "runtime/mark.rs"
        memo "runtime/memo.rs"
        memory "runtime/memory.rs"
        objects "runtime/objects.rs"
        peak "runtime/peak.rs"
        places "runtime/places.rs"
        plan "runtime/plan.rs"
        poisson "runtime/poisson.rs"
        program "runtime/program.rs"
        records "runtime/records.rs"
        results "runtime/results.rs"
        rules "runtime/rules.rs"
        sampler "runtime/sampler.rs"
        shared "runtime/shared.rs"
        stacks "runtime/stacks.rs"
        standing "runtime/standing.rs"
        sys "runtime/sys.rs"
        thread "runtime/thread.rs"
        threads "runtime/threads.rs"
        timed "runtime/timed.rs"
        totals "runtime/totals.rs"
        track "runtime/track.rs"
        unwind "runtime/unwind.rs"
        witness "runtime/witness.rs"
        word "runtime/word.rs"
    }

    /// The unwind table of the program.
    const TABLE: embed::Table = frames::table;
}
without_stacks! {
    #[path = "portable.rs"]
    mod portable;
    use portable::{bracket, embed, fork, memory, sys};
    const TABLE: embed::Table = |_| Vec::new();
}

// The tool injects the program: its recorder is the one, with the unwind table that it made.
#[cfg(memprof_injected)]
use memprof_rt::embed;
#[cfg(memprof_injected)]
const TABLE: embed::Table = |_| Vec::new();

mod allocator;
mod assert;
pub mod cpu;
mod error;
pub mod heap;
mod label;
mod measure;
mod profile;
mod proto;
#[cfg(feature = "serve")]
mod serve;
#[cfg(feature = "symbolize")]
mod symbolize;

pub use allocator::Allocator;
pub use error::{Error, Result};
pub use label::label;
pub use measure::{all_threads, allocs_per_run, measure, snapshot, Counts, Snapshot};
pub use profile::Profile;
#[cfg(feature = "serve")]
pub use serve::serve;

#[doc(hidden)]
pub use assert::{check, check_leaks, Limit};
