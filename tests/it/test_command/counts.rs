//! Counts of tests: exact, and those of the test alone.

use super::{memory, run, run_with, tests};
use crate::support::{self, command, fixture, lock, target_dir};

const ALL: [&str; 6] = ["allocs", "bytes", "frees", "peak_bytes", "live_blocks", "live_bytes"];

#[test]
fn counts_are_those_of_the_source() {
    let run = run("--lib").ends_with(0);
    let tests = tests(&run);
    let of = |name: &str| memory(&tests[&format!("units/lib/tests::{name}")], ALL);
    assert_eq!(of("nothing"), [0; 6]);
    assert_eq!(of("eleven_blocks"), [11, 160, 11, 160, 0, 0]);
    assert_eq!(of("a_peak"), [2, 4000, 2, 3000, 0, 0]);
    assert_eq!(of("leaks_two"), [2, 108, 0, 108, 2, 108]);
    assert_eq!(of("grows"), [2, 24, 2, 16, 0, 0]);
    // Each finds the cache empty, whichever comes first, with a filter or without.
    assert_eq!(of("fills_the_cache"), of("finds_the_cache_empty"));
    assert_eq!(of("keeps_in_a_thread_local"), [1, 50, 1, 50, 0, 0]);
    // Neither the buffer of stdout nor the harness's own work is the test's.
    for name in ["prints", "has_its_name", "returns_a_result", "changes_directory_and_environment"] {
        assert_eq!(of(name), [0; 6], "{name}");
    }
    let [allocs, bytes, _, peak, blocks, live] = of("threads_count");
    assert!(allocs > 4 && (7_100..9_000).contains(&bytes) && peak > 5_000, "{allocs} {bytes} {peak}");
    assert_eq!((blocks, live), (0, 0));
    assert!(of("left_over_thread")[4] > 0);
    let exact = |name: &str| tests[&format!("units/lib/tests::{name}")]["memory"]["exact"] == true;
    assert!(exact("nothing") && exact("leaks_two") && exact("keeps_in_a_thread_local"));
}

/// A panic's message and its backtrace are the harness's, and depend on the environment.
#[test]
fn a_backtrace_is_not_counted() {
    let counts = |backtrace: &str| {
        let run = run_with("--lib panics", &[("RUST_BACKTRACE", backtrace)]).ends_with(0);
        tests(&run).values().map(|test| memory(test, ALL)).collect::<Vec<_>>()
    };
    let without = counts("0");
    assert_eq!(without.len(), 2);
    assert!(without.iter().all(|[allocs, ..]| (1..10).contains(allocs)), "{without:?}");
    assert_eq!(counts("1"), without);
}

/// `tests/independent.rs` counts itself, run by cargo alone.
#[test]
fn ten_tests_have_the_counts_of_an_independent_allocator() {
    let plain = {
        let _lock = lock();
        let mut cargo = command("cargo", &fixture("tests"));
        cargo.args(["test", "--locked", "--offline", "--test", "independent", "--target-dir"]);
        cargo.arg(target_dir().join("plain-tests")).args(["--", "--nocapture", "--test-threads=1"]);
        String::from_utf8(cargo.output().unwrap().stdout).unwrap()
    };
    let mut expected = Vec::new();
    for line in plain.lines() {
        // libtest's own words stand before the first.
        let words: Vec<&str> = line.rsplitn(3, ' ').collect();
        if let [bytes, allocs, name] = words[..]
            && let (Ok(allocs), Ok(bytes)) = (allocs.parse::<u64>(), bytes.parse::<u64>())
        {
            expected.push((name.rsplit(' ').next().unwrap().to_owned(), [allocs, bytes]));
        }
    }
    assert_eq!(expected.len(), 10, "{plain}");
    let run = run("--test independent").ends_with(0);
    let tests = tests(&run);
    for (name, counts) in expected {
        let test = &tests[&format!("units/independent/{name}")];
        assert_eq!(memory(test, ["allocs", "bytes"]), counts, "{name}");
        assert_eq!(test["memory"]["exact"], true, "{name}");
    }
}

#[test]
fn a_profile_has_the_lines_and_the_sums() {
    let run = run("--lib --profiles leaks_two").ends_with(0);
    let tests = tests(&run);
    let test = &tests["units/lib/tests::leaks_two"];
    let profile = support::read_profile(test["profiles"]["mem"].as_str().unwrap());
    let sum = |kind| support::sum(&profile, kind, |_| true) as u64;
    let kinds = ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"];
    assert_eq!(kinds.map(sum), memory(test, ["allocs", "bytes", "live_blocks", "live_bytes"]));
    let is_own = |function: &str| function.contains("leaks_two");
    assert!(profile.functions.iter().any(|function| is_own(&function.name)), "{:?}", profile.functions);
}
