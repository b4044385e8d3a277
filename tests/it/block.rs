//! block.prof of waits of known length: `fixtures/waits` says itself how long it waited.

use crate::support;
use std::process::Command;

use cargo_memprof::pprof::profile::Profile;

/// Each iteration waits so many times.
const TIMES: i64 = 20;

fn sum(profile: &Profile, kind: &str, function: &str) -> i64 {
    support::sum(profile, kind, |sample| support::functions(profile, sample).any(|name| name == function))
}

#[test]
fn waits_are_as_long_as_they_were() {
    let _lock = support::lock();
    let dir = tempfile::tempdir().unwrap();
    let (said, all) = (dir.path().join("said"), dir.path().join("block.prof"));
    let mut command = support::in_target(support::tool(&support::fixture("waits")));
    command.args(["--locked", "-json", "-benchtime=1x"]).arg("-blockprofile").arg(&all).env("WAITS_FILE", &said);
    let run = support::Run::new(command.output().unwrap()).ends_with(0);
    let finished = run.finished();
    let said = std::fs::read_to_string(&said).unwrap();
    for (name, function, leaf) in [
        ("lock", "waits::wait_for_lock", "Mutex"),
        ("parking_lot", "waits::wait_for_parking_lot", "parking_lot"),
        ("message", "waits::wait_for_message", "mpmc"),
        ("condition", "waits::wait_for_condition", "Condvar"),
        ("end", "waits::wait_for_end", "JoinInner"),
    ] {
        let path = finished[&format!("waits/{name}")].profiles.block.clone().unwrap();
        let profile = support::read_profile(&path);
        let types: Vec<_> = profile.sample_types.iter().map(|one| format!("{}/{}", one.kind, one.unit)).collect();
        assert_eq!(types, ["contentions/count", "delay/nanoseconds"]);
        // The pass over waits is the last, and one iteration long.
        let by_own_clock = said.lines().rev().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
        let by_own_clock: f64 = by_own_clock.parse().unwrap();
        let delay = sum(&profile, "delay", function) as f64;
        if name == "parking_lot" {
            // Yielding before it parks is no wait of the kernel's.
            assert!(delay > 0.5 * by_own_clock && delay < 1.05 * by_own_clock, "{name}: {delay} ns of {by_own_clock}");
            continue;
        }
        assert!((delay / by_own_clock - 1.0).abs() < 0.05, "{name}: {delay} ns of {by_own_clock}");
        // On a busy machine the other thread may be done before this one asks.
        assert!(by_own_clock > 0.7 * TIMES as f64 * 10e6, "{by_own_clock}");
        let contentions = sum(&profile, "contentions", function);
        assert!(contentions * 10 >= TIMES * 7 && contentions <= TIMES, "{name}: {contentions}");
        let waits = profile.samples.iter().filter(|one| support::functions(&profile, one).any(|f| f == function));
        for sample in waits {
            let mut inner = support::functions(&profile, sample);
            assert!(
                inner.any(|name| name.contains(leaf)),
                "{name}: {:?}",
                support::functions(&profile, sample).collect::<Vec<_>>()
            );
        }
        go_shows(&path, function);
    }
    let nothing = support::read_profile(finished["waits/ended-before"].profiles.block.as_ref().unwrap());
    assert_eq!(sum(&nothing, "contentions", "waits::wait_for_nothing"), 0);
    let all = support::read_profile(&all);
    assert!(all.samples.iter().all(|sample| sample.labels.iter().any(|label| &*label.key == "benchmark")));
}

/// Ten runs of one iteration each, in each of which the harness's second loop makes the first one void.
#[test]
fn every_run_of_a_bench_with_two_loops_counts() {
    let _lock = support::lock();
    let dir = tempfile::tempdir().unwrap();
    let mut command = support::in_target(support::tool(&support::fixture("waits")));
    command
        .args(["--locked", "-json", "-benchtime=10x", "two-loops"])
        .arg("-blockprofile")
        .arg(dir.path().join("block.prof"));
    let run = support::Run::new(command.output().unwrap()).ends_with(0);
    let path = run.finished()["waits/two-loops"].profiles.block.clone().unwrap();
    let profile = support::read_profile(&path);
    assert_eq!(sum(&profile, "contentions", "waits::wait_for_message"), 20);
    assert!(profile.samples.iter().all(|sample| sample.has_text("thread", "main")));
}

/// Go's own pprof names the function, with all but a little of the delay.
fn go_shows(path: &str, function: &str) {
    let Some(pprof) = std::env::var_os("MEMPROF_GO_PPROF") else {
        eprintln!("SKIPPED: set MEMPROF_GO_PPROF to what `go tool -n pprof` prints to test with it");
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(pprof);
    command.args(["-top", "-cum", path]).env("HOME", home.path()).env("PPROF_TMPDIR", home.path());
    let top = support::Run::new(command.output().unwrap()).ends_with(0).stdout;
    assert!(top.contains("Type: delay\n"), "{top}");
    let line = top.lines().find(|line| line.split_whitespace().any(|word| word == function)).expect(&top);
    let share: f64 = line.split_whitespace().nth(4).unwrap().trim_end_matches('%').parse().unwrap();
    assert!(share > 60.0, "{top}");
}
