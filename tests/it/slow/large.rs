//! Large inputs: a thousand benchmarks in one target, iterations of five seconds and of less than a nanosecond, many threads, a
//! gigabyte, deep stacks. `fixtures/large` says what each allocates.

use crate::support;
use crate::support::{fixture, functions, memprof, read_profile, sum};

#[test]
fn a_thousand_benchmarks() {
    let begun = std::time::Instant::now();
    let run = memprof(&fixture("large"), &["--locked", "-json", "-benchtime=10x", "--bench", "many"]).ends_with(0);
    let finished = run.finished();
    assert_eq!(finished.len(), 1000);
    for n in 0..1000_u32 {
        let memory = &finished[&format!("many/{n}")].memory;
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op), (1.0, f64::from(n + 1)), "{n}");
    }
    eprintln!("a thousand benchmarks: {:.1?}", begun.elapsed());
}

#[test]
fn extremes() {
    let args = ["--locked", "-json", "-benchtime=100ms", "subnanosecond|crowd|gigabyte|deep"];
    let run = memprof(&fixture("large"), &args).ends_with(0);
    let finished = run.finished();
    let gigabyte = f64::from(1_u32 << 30);
    for (id, allocs, bytes) in
        [("subnanosecond", 0.0, 0.0), ("crowd", 64.0, 6400.0), ("gigabyte", 1.0, gigabyte), ("deep", 1.0, 8.0)]
    {
        let memory = &finished[id].memory;
        assert_eq!((memory.allocs_per_op, memory.bytes_per_op, memory.exact), (allocs, bytes, true), "{id}");
    }
    assert!(finished["subnanosecond"].time.ns_per_op.unwrap() < 20.0);
    assert_eq!(finished["gigabyte"].memory.peak_bytes, 1 << 30);
    let mem = read_profile(finished["deep"].profiles.mem.as_ref().unwrap());
    let deepest =
        mem.samples.iter().map(|sample| functions(&mem, sample).filter(|name| *name == "large::deep").count());
    assert_eq!(deepest.max(), Some(501), "the whole stack");
    let crowd = read_profile(finished["crowd"].profiles.mem.as_ref().unwrap());
    let total = sum(&crowd, "alloc_objects", |_| true);
    assert_eq!(total as u64, 64 * finished["crowd"].memory.iterations);
}

#[test]
fn five_seconds_an_iteration() {
    if !support::test_slow() {
        eprintln!("SKIPPED: five seconds an iteration; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    memprof(&fixture("large"), &["--locked", "--no-run"]).ends_with(0);
    let begun = std::time::Instant::now();
    let run = memprof(&fixture("large"), &["--locked", "-json", "five_seconds"]).ends_with(0);
    let one = &run.finished()["five_seconds"];
    assert_eq!((one.memory.allocs_per_op, one.memory.bytes_per_op, one.memory.iterations), (1.0, 16.0, 1));
    assert!(one.time.ns_per_op.unwrap() >= 5e9);
    // Eleven of them, which sleep: one to warm up and two samples; the same where it is sampled; the count tries and warms up with
    // one each, and takes three.
    assert!(begun.elapsed().as_secs() < 90, "{:?}", begun.elapsed());
}
