//! Compared benchmarks are timed in turns, a process each; one that ends, hangs or cannot live beside another spoils nothing
//! for the others. `fixtures/trouble/benches/turns.rs` has such.

use crate::support::{fixture, memprof};

const ARGS: [&str; 6] = ["--locked", "-json", "-benchtime=100ms", "--no-profiles", "--bench", "turns"];

#[test]
fn who_fails_in_its_turn_fails_alone() {
    let run = memprof(&fixture("trouble"), &[&ARGS[..], &["--timeout", "5s", "bad"]].concat()).ends_with(103);
    let errors = run.errors();
    for error in [
        "trouble/turns/bad/panics: panicked: in its turn",
        "trouble/turns/bad/exits: ended the process with exit status 0",
        "trouble/turns/bad/hangs: took longer than --timeout 5s",
    ] {
        assert!(errors.iter().any(|line| line.starts_with(error)), "{error}: {errors:?}");
    }
    let finished = run.finished();
    assert_eq!(finished.len(), 2, "{:?}", finished.keys());
    assert!(finished["bad/first"].vs.is_none());
    let versus = finished["bad/sleeps"].vs.clone().unwrap();
    assert_eq!((versus.name.as_str(), versus.ratio.paired), ("trouble/turns/bad/first", true));
    // A millisecond of sleep against a microsecond of work.
    assert!(versus.ratio.pairs >= 6 && versus.ratio.ratio > 50.0 && versus.ratio.is_decided(), "{versus:?}");
}

/// Benchmarks that wait for their turn when the reference ends are let go at once: no turn would ever come.
#[test]
fn without_the_reference_all_are_timed_alone() {
    let filter = ["--against", "panics", "--timeout", "1h", "bad/(first|panics|sleeps)"];
    let run = memprof(&fixture("trouble"), &[&ARGS[..], &filter].concat()).ends_with(103);
    assert_eq!(run.errors().len(), 1, "{}", run.stderr);
    let finished = run.finished();
    assert_eq!(finished.len(), 2, "{:?}", finished.keys());
    assert!(finished.values().all(|one| one.vs.as_ref().is_none_or(|vs| !vs.ratio.paired)), "{}", run.stdout);
}

#[test]
fn who_cannot_live_beside_another_is_timed_alone() {
    let run = memprof(&fixture("trouble"), &[&ARGS[..], &["held"]].concat()).ends_with(0);
    let warning = "turns/held/two: cannot run beside another benchmark, and was timed alone";
    assert!(run.stderr.contains(warning), "{}", run.stderr);
    let versus = run.finished()["held/two"].vs.clone().unwrap();
    assert_eq!((versus.ratio.paired, versus.ratio.pairs), (false, 0));
}

#[test]
fn turns_can_be_refused() {
    let run = memprof(&fixture("trouble"), &[&ARGS[..], &["--turns=false", "alone"]].concat()).ends_with(0);
    assert!(!run.finished()["alone/two"].vs.clone().unwrap().ratio.paired, "{}", run.stdout);
}
