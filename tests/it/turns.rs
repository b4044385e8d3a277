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

const MANY: [&str; 5] = ["--locked", "-json", "--no-profiles", "--bench", "many"];

/// In batches that each contain the reference: all are compared with the group's first, none twice.
#[test]
fn three_hundred_variants_are_compared_with_the_first() {
    let run = memprof(&fixture("trouble"), &[&MANY[..], &["-benchtime=2ms", "many/all/"]].concat()).ends_with(0);
    let finished = run.finished();
    assert_eq!((finished.len(), run.stdout.matches("benchmark-finished").count()), (300, 300));
    let paired = finished.values().filter_map(|one| one.vs.as_ref()).filter(|vs| vs.ratio.paired);
    assert!(paired.clone().all(|vs| vs.name == "trouble/many/all/v0"));
    assert_eq!(paired.count(), 299);
}

#[test]
fn ten_variants_are_one_batch() {
    let run = memprof(&fixture("trouble"), &[&MANY[..], &["-benchtime=50ms", "many/all/v.$"]].concat()).ends_with(0);
    let finished = run.finished();
    assert_eq!(finished.len(), 10);
    for one in finished.values().filter(|one| one.id != "all/v0") {
        let versus = one.vs.clone().unwrap();
        assert!(versus.ratio.paired && versus.ratio.pairs >= 6, "{}: {versus:?}", one.id);
    }
}

/// The memory of two processes may explain 5 %, so two others are sampled; it cannot explain 50 %.
#[test]
fn a_small_difference_is_confirmed_by_other_processes() {
    let run = memprof(&fixture("trouble"), &[&MANY[..], &["-benchtime=20ms", "certain/"]].concat()).ends_with(0);
    let finished = run.finished();
    let versus = |id: &str| finished[id].vs.clone().unwrap().ratio;
    let samples = |id: &str| finished[id].time.samples.len() as u64;
    let (near, far) = (versus("certain/near"), versus("certain/far"));
    assert!(near.is_decided() && (near.ratio - 1.05).abs() < 1e-9, "{near:?}");
    assert!(far.is_decided() && (far.ratio - 1.5).abs() < 1e-9, "{far:?}");
    assert_eq!([near.pairs, far.pairs], [samples("certain/near") * 2, samples("certain/far")]);
}

/// Criterion asks for more iterations until time has passed, which it never does.
#[test]
fn nothing_can_be_done_without_end() {
    let run = memprof(&fixture("trouble"), &[&MANY[..], &["-benchtime=20ms", "idle"]].concat()).ends_with(0);
    assert!(run.finished()["idle"].time.iterations > 1 << 60, "{}", run.stdout);
}

/// Nanoseconds of all samples.
fn sampled(finished: &std::collections::HashMap<String, cargo_memprof::results::lines::Finished>) -> f64 {
    finished.values().flat_map(|one| &one.time.samples).map(|sample| sample.nanoseconds).sum()
}

/// Three benchmarks, which say themselves how long they take, get a share of the budget each; the budget never makes a
/// benchmark take longer than --benchtime.
#[test]
fn a_budget_is_spread_over_the_benchmarks() {
    let measured = |more: &[&str]| {
        let run = memprof(&fixture("trouble"), &[&MANY[..], more, &["certain/"]].concat()).ends_with(0);
        sampled(&run.finished())
    };
    let whole = measured(&["-benchtime=200ms"]);
    let budget = measured(&["-benchtime=200ms", "--time-budget", "90ms"]);
    assert!(budget < whole / 4.0, "{budget} of {whole}");
    let ample = measured(&["-benchtime=20ms", "--time-budget", "1h"]);
    assert!(ample < whole / 4.0, "{ample} of {whole}");
}

/// A kept result says ten times as much time as now: that is called faster, without a partner in time, and measured again.
#[test]
fn what_is_in_doubt_is_measured_again() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base.jsonl");
    let filter = ["-benchtime=20ms", "many/be"];
    let run = memprof(&fixture("trouble"), &[&MANY[..], &filter].concat()).ends_with(0);
    let mut lines: Vec<serde_json::Value> =
        run.results.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in lines.iter_mut().filter(|line| line["id"] == "before") {
        for field in ["ns_per_op", "lower", "upper"] {
            line["time"][field] = (line["time"][field].as_f64().unwrap() * 10.0).into();
        }
    }
    // The other one has no interval, and just the time of now: nothing to doubt.
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(&base, text).unwrap();
    let baseline = ["--baseline", base.to_str().unwrap(), "--recheck"];
    let again = memprof(&fixture("trouble"), &[&MANY[..], &filter, &baseline].concat()).ends_with(0);
    let count = |id: &str| again.stdout.matches(&format!("\"id\":\"{id}\"")).count();
    assert_eq!(count("before"), 2, "{}", again.stdout);
    assert!(again.stderr.contains("--recheck: "), "{}", again.stderr);
    let versus = again.finished()["before"].vs.clone().unwrap();
    assert!(!versus.ratio.paired && versus.ratio.ratio < 0.5, "{versus:?}");
    // Without anything in doubt nothing is measured twice.
    let plain = memprof(&fixture("trouble"), &[&MANY[..], &filter, &["--recheck"]].concat()).ends_with(0);
    assert_eq!(plain.stdout.matches("benchmark-finished").count(), 2);
}

/// A profile that cannot be written is an error; the numbers of all benchmarks stay.
#[test]
fn an_error_of_writing_loses_no_numbers() {
    let at = crate::support::target_dir().join("memprof/profiles/trouble/many/blocked");
    let _ = std::fs::remove_dir_all(&at);
    std::fs::create_dir_all(at.parent().unwrap()).unwrap();
    std::fs::write(&at, "in the way").unwrap();
    let words = ["--locked", "-json", "-benchtime=5ms", "--bench", "many", "many/be", "many/blocked"];
    let run = memprof(&fixture("trouble"), &words);
    std::fs::remove_file(&at).unwrap();
    let run = run.ends_with(1);
    assert!(run.errors().iter().any(|error| error.contains("blocked")), "{}", run.stderr);
    let kept = cargo_memprof::results::lines::Run::parse(&run.results).unwrap();
    let profiles: Vec<(&str, bool)> =
        kept.finished.iter().map(|one| (one.id.as_str(), one.profiles.mem.is_some())).collect();
    assert_eq!(profiles, [("before", true), ("blocked", false), ("behind", true)]);
    assert!(kept.finished.iter().all(|one| one.memory.allocs_per_op == 1.0));
    let last: serde_json::Value = serde_json::from_str(run.results.lines().last().unwrap()).unwrap();
    assert!(last["success"] == false && last["error"].as_str().unwrap().contains("blocked"), "{last}");
}
