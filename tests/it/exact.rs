//! Counts that are known by construction, under every version of criterion: `fixtures/exact/expected.toml` has the figures.
//!
//! By itself this tests one version; with MEMPROF_TEST_ALL the newest as well, with MEMPROF_TEST_SLOW all of them.

use crate::support;
use std::collections::BTreeMap;
use std::path::Path;

use cargo_memprof::results::lines::Finished;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    allocs_per_op: Figure,
    bytes_per_op: Figure,
    reallocs_per_op: Option<f64>,
    frees_per_op: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Figure {
    Exact(f64),
    Range([f64; 2]),
}

impl Figure {
    fn holds(&self, value: f64) -> bool {
        match *self {
            Figure::Exact(expected) => value == expected,
            Figure::Range([min, max]) => (min..=max).contains(&value),
        }
    }
}

impl Expected {
    /// The deviations of `finished`.
    fn complaints(&self, finished: &Finished) -> Vec<String> {
        let memory = &finished.memory;
        let mut complaints = Vec::new();
        let mut check = |name: &str, holds: bool, value: f64, expected: &dyn std::fmt::Debug| {
            if !holds {
                complaints.push(format!("{}: {name} is {value}, not {expected:?}", finished.name));
            }
        };
        check(
            "allocs_per_op",
            self.allocs_per_op.holds(memory.allocs_per_op),
            memory.allocs_per_op,
            &self.allocs_per_op,
        );
        check("bytes_per_op", self.bytes_per_op.holds(memory.bytes_per_op), memory.bytes_per_op, &self.bytes_per_op);
        for (name, expected, value) in [
            ("reallocs_per_op", self.reallocs_per_op, memory.reallocs_per_op),
            ("frees_per_op", self.frees_per_op, memory.frees_per_op),
        ] {
            check(name, expected.is_none_or(|expected| expected == value), value, &expected);
        }
        if matches!(self.allocs_per_op, Figure::Exact(_)) && !memory.exact {
            complaints.push(format!("{}: not exact: {memory:?}", finished.name));
        }
        complaints
    }
}

fn every_count_is_known(version: &str) {
    let options = ["--locked", "-json", "-benchtime=50ms", "--no-profiles"];
    counts_are_known(version, |folder| support::memprof(folder, &options));
}

/// `measured`: a run of all benchmarks of the package in the folder.
fn counts_are_known(version: &str, measured: impl Fn(&Path) -> support::Run) {
    let folder = support::fixture("exact").join(format!("criterion-{version}"));
    let text = std::fs::read_to_string(support::fixture("exact").join("expected.toml")).unwrap();
    let expected: BTreeMap<String, Expected> = toml::from_str(&text).unwrap();
    let run = measured(&folder).ends_with(0);
    let finished = run.finished();
    let mut ids: Vec<_> = finished.keys().collect();
    ids.sort();
    assert_eq!(ids, expected.keys().collect::<Vec<_>>());
    let complaints: Vec<_> = expected.iter().flat_map(|(id, expected)| expected.complaints(&finished[id])).collect();
    assert!(complaints.is_empty(), "criterion {version}:\n{}", complaints.join("\n"));
    for one in finished.values() {
        assert!(one.harness.starts_with(&format!("criterion {version}.")), "{}", one.harness);
    }
}

fn tested_if(wanted: bool, variable: &str, version: &str) {
    if wanted {
        every_count_is_known(version);
    } else {
        eprintln!("SKIPPED: criterion {version}; set {variable} to test it");
    }
}

fn if_all(version: &str) {
    tested_if(support::test_all() || support::test_slow(), "MEMPROF_TEST_ALL", version);
}

/// The hook is the same as in the versions around it.
fn if_slow(version: &str) {
    tested_if(support::test_slow(), "MEMPROF_TEST_SLOW", version);
}

#[test]
fn criterion_0_3() {
    if_slow("0.3");
}

#[test]
fn criterion_0_4() {
    if_slow("0.4");
}

#[test]
fn criterion_0_5() {
    every_count_is_known("0.5");
}

#[test]
fn criterion_0_6() {
    if_slow("0.6");
}

#[test]
fn criterion_0_7() {
    if_slow("0.7");
}

#[test]
fn criterion_0_8() {
    if_all("0.8");
}

/// The recorder of macOS and Windows, here: it counts the same, and its results are read by the other commands.
#[test]
fn the_portable_recorder_counts_the_same() {
    let portable = |folder: &Path, args: &[&str]| {
        let mut command = support::tool(folder);
        command.args(args).arg("--target-dir").arg(support::target_dir()).env("MEMPROF_RECORDER", "portable");
        support::Run::new(command.output().unwrap())
    };
    counts_are_known("0.5", |folder| {
        let _lock = support::lock();
        let run = portable(folder, &["--locked", "-json", "-benchtime=50ms"]);
        assert!(run.stderr.contains("counts and times only"), "{}", run.stderr);
        assert!(run.finished().values().all(|one| one.profiles.mem.is_none()));
        run
    });
    let folder = support::fixture("buffer_write");
    // The others read what this one leaves.
    let _lock = support::lock();
    let run = portable(&folder, &["-json", "-benchtime=20x"]).ends_with(0);
    assert_eq!(run.finished()["buffer_write/unpooled"].memory.peak_bytes, 2048);
    let page = portable(&folder, &["report", "--text"]).ends_with(0);
    assert!(page.stdout.contains("unpooled"), "{}", page.stdout);
    let checked = portable(&folder, &["check", "--last-run"]).ends_with(100);
    assert!(checked.stdout.contains("no baseline"), "{}", checked.stdout);
    let explained = portable(&folder, &["explain", "unpooled"]).ends_with(104);
    assert!(explained.stderr.contains("needs stacks"), "{}", explained.stderr);
}
