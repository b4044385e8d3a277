//! `cargo memprof test`, on `fixtures/tests`.

mod counts;
mod gate;
mod selection;
mod verdicts;

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::{Run, fixture, lock, target_dir, tool};

/// A run of the command on the fixture, with JSON lines on stdout.
fn run(arguments: &str) -> Run {
    run_with(arguments, &[])
}

fn run_with(arguments: &str, variables: &[(&str, &str)]) -> Run {
    let _lock = lock();
    let mut command = tool(&fixture("tests"));
    command.args(["test", "--locked", "--offline", "--json", "--target-dir"]).arg(target_dir());
    command.args(arguments.split_whitespace()).env_remove("RUST_BACKTRACE").envs(variables.iter().copied());
    Run::new(command.output().unwrap())
}

/// The test-finished lines, by full name.
fn tests(run: &Run) -> BTreeMap<String, Value> {
    let lines = run.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let tests = lines.filter(|line| line["reason"] == "test-finished");
    tests.map(|line| (line["name"].as_str().unwrap().to_owned(), line)).collect()
}

/// The numbers of these fields.
#[track_caller]
fn memory<const N: usize>(test: &Value, fields: [&str; N]) -> [u64; N] {
    fields.map(|field| test["memory"][field].as_u64().unwrap_or_else(|| panic!("{field} of {test}")))
}
