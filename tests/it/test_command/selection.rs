//! Which tests are run: those of `cargo test`.

use std::collections::BTreeSet;

use super::{run, tests};
use crate::support::{command, fixture, lock, target_dir, tool};

/// All tests that cargo alone lists, without doc tests and the target with a main function of its own.
fn listed_by_cargo(arguments: &[&str]) -> usize {
    let _lock = lock();
    let mut cargo = command("cargo", &fixture("tests"));
    cargo.args(["test", "--locked", "--offline", "--tests", "--target-dir"]).arg(target_dir().join("plain-tests"));
    let out = cargo.args(arguments).args(["--", "--list"]).output().unwrap();
    String::from_utf8(out.stdout).unwrap().lines().filter(|line| line.ends_with(": test")).count()
}

#[test]
fn as_many_as_cargo_test_runs_in_every_package() {
    let run = run("--workspace").ends_with(0);
    let tests = tests(&run);
    assert_eq!(tests.len(), listed_by_cargo(&["--workspace"]));
    // The same path in four targets of two packages.
    for name in
        ["units/lib/tests::twice", "units/api/tests::twice", "member/lib/tests::twice", "macros/lib/tests::of_a_macro"]
    {
        assert!(tests.contains_key(name), "{name}: {:?}", tests.keys());
    }
    assert!(run.stderr.contains("note: left out: doc tests; `cargo test --doc` runs them\n"), "{}", run.stderr);
    let own_main = "note: left out: units/own_main has a main function of its own (harness = false); `cargo memprof --test \
                    own_main` measures it as a whole program\n";
    assert!(run.stderr.contains(own_main), "{}", run.stderr);
    let last: serde_json::Value = serde_json::from_str(run.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((last["reason"].as_str(), last["success"].as_bool()), (Some("run-finished"), Some(true)));
    assert_eq!((last["tests"].as_u64(), last["failed"].as_u64()), (Some(tests.len() as u64), Some(0)));
}

#[test]
fn filters_and_ignored_tests() {
    let names = |arguments: &str| -> BTreeSet<(String, String)> {
        let of = |test: &serde_json::Value, field: &str| test[field].as_str().unwrap().to_owned();
        tests(&run(arguments).ends_with(0)).values().map(|test| (of(test, "id"), of(test, "outcome"))).collect()
    };
    let set = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    assert_eq!(
        names("--lib ignored"),
        set(&[("tests::ignored", "ignored"), ("tests::ignored_without_a_reason", "ignored")])
    );
    assert_eq!(names("--lib tests::ignored -- --include-ignored --exact"), set(&[("tests::ignored", "ok")]));
    let only = names("--lib -- --ignored");
    assert_eq!(only, set(&[("tests::ignored", "ok"), ("tests::ignored_without_a_reason", "ok")]));
    assert_eq!(names("--lib prints nothing -- --skip noth"), set(&[("tests::prints", "ok")]));
    assert_eq!(names("-p member"), set(&[("tests::twice", "ok")]));
}

#[test]
fn names_are_listed_and_nothing_is_run() {
    let _lock = lock();
    let mut command = tool(&fixture("tests"));
    command.args(["test", "--locked", "--offline", "--list", "twice", "--target-dir"]).arg(target_dir());
    let out = command.output().unwrap();
    assert_eq!(String::from_utf8(out.stdout).unwrap(), "units/lib/tests::twice\nunits/api/tests::twice\n");
}

#[test]
fn nothing_that_matches_is_104() {
    let run = run("--lib no_such_test").ends_with(104);
    assert!(run.errors().last().unwrap().ends_with("tests matches `no_such_test`"), "{}", run.stderr);
    assert_eq!(super::run("--no-such-option").code, Some(2));
    assert_eq!(super::run("--lib -- --no-such-option").code, Some(2));
}
