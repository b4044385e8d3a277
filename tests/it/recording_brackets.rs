//! The counts of a pass of several brackets, and the part that is live at the end of the last one; several threads in one bracket.

use std::sync::LazyLock;

use cargo_memprof::records::{Counted, Record, StackCounts};

use crate::support::recorded::{Program, Run, build};

const ITERATIONS: u64 = 10;

static PROGRAM: LazyLock<Program> = LazyLock::new(|| Program::new(&build("release", "brackets")));

fn run(id: &str, more: &str) -> Run {
    let run = PROGRAM.count(ITERATIONS, more, &|one| one == id, &[]);
    assert!(run.output.status.success(), "{id}: {}", run.stderr());
    run
}

/// The last pass over `id`: what its brackets counted, and the sum of its stacks.
fn counted(id: &str) -> (Counted, StackCounts) {
    let run = run(id, "stacks 1\nverify 1\n");
    let pass = run.records.iter().rev().find_map(|record| match record {
        Record::Counted(counted) if counted.pass.is_some() => Some(counted.clone()),
        _ => None,
    });
    let stacks = run.records.iter().rev().find_map(|record| match record {
        Record::Stacks { stacks, .. } => Some(stacks.iter().map(|one| one.counts).sum()),
        _ => None,
    });
    let (pass, stacks): (Counted, StackCounts) = (pass.unwrap(), stacks.unwrap());
    assert_eq!(pass.lost, 0, "{id}");
    let equal =
        |counts: &StackCounts| (counts.allocs, counts.bytes, counts.reallocs, counts.grown_bytes, counts.freed_bytes);
    assert_eq!(equal(&pass.counts), equal(&stacks), "{id}");
    // Without stacks it is the same that is freed, in a pass of its own.
    let freed = self::run(id, "").records.into_iter().find_map(|record| match record {
        Record::Freed(freed) => Some(freed.counts),
        _ => None,
    });
    let freed = freed.unwrap();
    assert_eq!((freed.frees, freed.freed_bytes), (pass.counts.frees, pass.counts.freed_bytes), "{id}");
    (pass, stacks)
}

/// Objects and bytes that are live at the end of the last bracket.
fn live(stacks: &StackCounts) -> (u64, u64) {
    (stacks.allocs - stacks.frees, stacks.bytes - stacks.freed_bytes)
}

#[test]
fn a_cache_that_replaces_its_value_retains_one() {
    let (pass, stacks) = counted("cache");
    assert_eq!((pass.counts.allocs, pass.counts.bytes), (10, 3330));
    // The first one takes the place of the pass's before, which is older.
    assert_eq!((pass.counts.frees, live(&stacks)), (9, (1, 333)));
}

#[test]
fn what_is_freed_between_brackets_is_not_live_and_was_not_freed_in_them() {
    let (pass, stacks) = counted("dropped between");
    assert_eq!((pass.counts.allocs, pass.counts.bytes), (10, 800));
    // Only the last one outlives the last bracket.
    assert_eq!((pass.counts.frees, live(&stacks)), (0, (1, 80)));
}

#[test]
fn what_is_moved_between_brackets_stays_what_the_pass_allocated() {
    let (pass, stacks) = counted("moved between");
    assert_eq!((pass.counts.allocs, pass.counts.bytes), (10, 50_000));
    assert_eq!((pass.counts.frees, live(&stacks)), (0, (10, 9 * 1000 + 5000)));
}

#[test]
fn what_is_allocated_between_brackets_is_nobodys() {
    let (pass, stacks) = counted("others between");
    assert_eq!((pass.counts.allocs, pass.counts.bytes), (10, 1600));
    assert_eq!((pass.counts.frees, live(&stacks)), (0, (1, 160)));
}

#[test]
fn a_block_from_before_adds_its_growth() {
    let (pass, stacks) = counted("older");
    assert_eq!((pass.counts.allocs, pass.counts.reallocs, pass.counts.bytes), (30, 30, 41_000));
    assert_eq!((pass.counts.grown_bytes, pass.counts.frees), (29_000, 10));
    assert_eq!(live(&stacks), (0, 29_000));
}

#[test]
fn iterations_are_those_of_all_threads_in_counts_and_samples() {
    let (pass, _) = counted("shared");
    assert_eq!((pass.iterations, pass.counts.allocs), (3 * ITERATIONS, 3 * ITERATIONS));
    let run = PROGRAM.sample(ITERATIONS, 250, &|one| one == "shared");
    let iterations = run.records.iter().find_map(|record| match record {
        Record::Samples(samples) => Some(samples.iterations),
        _ => None,
    });
    assert_eq!(iterations, Some(3 * ITERATIONS));
}
