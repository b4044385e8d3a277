//! Verdicts: those of `cargo test`, and what ends a process costs only its own test.

use super::{run, run_with, tests};

#[test]
fn failures_are_libtest_s() {
    let run = run("--features extra --test fails").ends_with(103);
    let tests = tests(&run);
    let of = |name: &str| {
        let test = &tests[&format!("units/fails/{name}")];
        (test["outcome"].as_str().unwrap(), test["error"].as_str().unwrap_or_default())
    };
    let (outcome, error) = of("asserts");
    assert_eq!(outcome, "failed");
    assert!(error.starts_with("panicked: assertion `left == right` failed: sums left: 2 right: 3 (at tests/fails.rs:"));
    assert_eq!(of("passes"), ("ok", ""));
    let (_, error) = of("returns_an_error");
    assert!(error.starts_with("the test returned a termination value with a non-zero status code (1)"), "{error}");
    assert!(of("does_not_panic").1.starts_with("test did not panic as expected at tests/fails.rs:"));
    assert_eq!(
        of("panics_otherwise").1,
        "panic did not contain expected string panic message: \"that\" expected substring: \"this\""
    );
    assert!(of("panics_without_text").1.starts_with("expected panic with string value, found non-string value"));
    for part in [
        "test asserts ... FAILED\n",
        "test does_not_panic - should panic ... FAILED\n",
        "\nfailures:\n\n---- asserts stdout ----\nprinted before it failed\n",
        "---- returns_an_error stdout ----\nError: \"no luck\"\nnote: the test returned",
        "failures:\n    asserts\n    does_not_panic\n    panics_otherwise\n    panics_without_text\n    returns_an_error\n",
        "test result: FAILED. 1 passed; 5 failed; 0 ignored; 0 measured; 0 filtered out; finished in ",
        "error: 5 of 6 tests failed\n",
    ] {
        assert!(run.stderr.contains(part), "{part}\n{}", run.stderr);
    }
    assert!(!run.stderr.contains("not shown"));
    // A failed test has no numbers, but its output.
    let failed = &tests["units/fails/asserts"];
    assert!(failed["memory"].is_null() && failed["output"].as_str().unwrap().contains("printed before it failed"));
}

#[test]
fn whatever_ends_a_process_costs_only_its_own_test() {
    let run = run("--features extra --test ends --timeout 2s").ends_with(103);
    let tests = tests(&run);
    let error = |name: &str| tests[&format!("units/ends/{name}")]["error"].as_str().unwrap_or_default().to_owned();
    assert_eq!(error("aborts"), "aborted (SIGABRT): before it aborts");
    assert_eq!(error("exits_well"), "ended the process with exit status 0");
    assert_eq!(error("exits_as_a_failed_test"), "ended the process with exit status 101");
    assert_eq!(error("segfaults"), "crashed (SIGSEGV)");
    assert_eq!(error("overflows_its_stack"), "overflowed its stack");
    assert_eq!(error("hangs"), "took longer than --timeout 2s, and was ended");
    let passes = &tests["units/ends/passes"];
    assert_eq!((passes["outcome"].as_str(), passes["memory"]["bytes"].as_u64()), (Some("ok"), Some(3)));
    // The reason stands below the output.
    assert!(run.stderr.contains("---- exits_well stdout ----\nerror: ended the process with exit status 0\n"));
}

#[test]
fn other_processes_see_what_cargo_test_gives_them() {
    let run = run("--test api --test lib --example tested").ends_with(0);
    let tests = tests(&run);
    let names: Vec<&str> = tests.keys().map(String::as_str).collect();
    let expected = [
        "units/api/leaves_a_process_behind",
        "units/api/replaces_the_panic_hook",
        "units/api/runs_itself",
        "units/api/runs_the_program",
        "units/api/tests::twice",
        "units/test-lib/named_as_the_library",
        "units/tested/of_the_example",
    ];
    assert_eq!(names, expected);
    assert!(tests.values().all(|test| test["outcome"] == "ok"), "{tests:?}");
}

#[test]
fn output_is_captured_unless_it_is_asked_for() {
    const PRINTED: &str = "what a test that passes prints\non both streams\n";
    let shown = |arguments: &str, variables: &[(&str, &str)]| {
        run_with(&format!("--lib prints {arguments}"), variables).ends_with(0).stderr
    };
    assert!(!shown("", &[]).contains(PRINTED));
    assert!(shown("-- --nocapture", &[]).contains(PRINTED));
    assert!(shown("", &[("RUST_TEST_NOCAPTURE", "1")]).contains(PRINTED));
    let successes = shown("-- --show-output", &[]);
    assert!(successes.contains(&format!("successes:\n\n---- tests::prints stdout ----\n{PRINTED}")), "{successes}");
}
