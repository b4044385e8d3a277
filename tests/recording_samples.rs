//! CPU samples reach the thread's start, wherever the signal comes in between.
//!
//! Some hundred samples of each program in the default run; with MEMPROF_TEST_SLOW=1 (`.ci/slow`) 5,000.

#[path = "common/recorded.rs"]
mod recorded;

use cargo_memprof::record::{Completeness, Record, Sample, SamplingMethod};
use recorded::{Program, build, thorough};

#[test]
fn samples_reach_the_threads_start() {
    let program = Program::new(&build("release").join("busy"));
    let enough = if thorough() { 5_000 } else { 200 };
    for id in ["malloc", "memcpy", "tiny functions", "sort", "regex", "syscalls", "clock"] {
        let (mut samples, mut iterations) = (Vec::<Sample>::new(), 1_000);
        // So many rounds as it takes; where only timers are to be had, samples are few.
        while samples.len() < enough {
            let run = program.sample(iterations, 4_000, &|one| one == id);
            assert!(run.output.status.success(), "{id}: {}", run.stderr());
            let taken = run.records.into_iter().find_map(|record| match record {
                Record::Samples(samples) => Some(samples),
                Record::NoSampler { .. } => panic!("the kernel permits no sampling"),
                _ => None,
            });
            let taken = taken.unwrap();
            assert_eq!(taken.lost, 0, "{id}: samples were lost");
            if taken.method != SamplingMethod::Perf {
                println!("{id}: sampled by {:?}", taken.method);
            }
            samples.extend(taken.stacks);
            iterations = (iterations * 2).min(20_000);
        }
        let whole = samples.iter().filter(|sample| sample.stack.completeness == Completeness::Whole).count();
        if let Some(cut) = samples.iter().find(|sample| sample.stack.completeness == Completeness::Cut) {
            println!("{id}: cut: {:x?}", cut.stack.addresses);
        }
        println!("{id}: {whole} of {} whole", samples.len());
        assert!(whole * 1000 >= samples.len() * 999, "{id}: {whole} of {}", samples.len());
    }
}

/// More threads than there are places for, and more than a process may have files open.
#[test]
fn threads_that_leave_by_pthread_exit_give_their_place_back() {
    let program = Program::new(&build("release").join("busy"));
    let run = program.sample(400, 1_000, &|one| one == "leaving threads");
    assert!(run.output.status.success(), "{}", run.stderr());
    let unarmed = |record: &Record| if let Record::Samples(samples) = record { Some(samples.unarmed) } else { None };
    assert_eq!(run.records.iter().find_map(unarmed), Some(0));
}
