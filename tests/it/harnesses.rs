//! Every harness, with counts that are known by construction: fixtures/harnesses says at each benchmark what it allocates.
//!
//! Harnesses that take long to build (criterion2, CodSpeed's crates) are tested with MEMPROF_TEST_SLOW.

use crate::support;
use crate::support::{Run, fixture, memprof, test_slow};

const QUICK: [&str; 3] = ["--locked", "-json", "-benchtime=20ms"];

#[track_caller]
fn counts(run: &Run, expected: &[(&str, f64, f64)]) {
    let finished = run.finished();
    let mut ids: Vec<&str> = finished.keys().map(String::as_str).collect();
    let mut wanted: Vec<&str> = expected.iter().map(|(id, ..)| *id).collect();
    ids.sort();
    wanted.sort();
    assert_eq!(ids, wanted, "{}", run.stderr);
    for (id, allocs, bytes) in expected {
        let one = &finished[*id];
        assert_eq!((one.memory.allocs_per_op, one.memory.bytes_per_op), (*allocs, *bytes), "{id}");
        assert!(one.memory.exact, "{id}");
        assert!(one.time.custom || one.time.ns_per_op.is_none_or(|ns| ns >= 0.0), "{id}");
        // The profile's sum is the row's number.
        let Some(mem) = &one.profiles.mem else { continue };
        let total = support::sum(&support::read_profile(mem), "alloc_space", |_| true);
        assert_eq!(total as f64 / one.memory.iterations as f64, *bytes, "{id}");
    }
}

const DIVANS: &[(&str, f64, f64)] = &[
    ("loops::plain", 1.0, 100.0),
    ("loops::with_argument::64", 1.0, 64.0),
    ("loops::with_argument::128", 1.0, 128.0),
    ("loops::values", 1.0, 50.0),
    ("loops::refs", 0.0, 0.0),
    ("loops::threads::t=1", 1.0, 32.0),
    ("loops::threads::t=2", 1.0, 32.0),
    ("loops::threads::t=4", 1.0, 32.0),
    ("loops::busy", 1.0, 32.0),
    ("loops::inner::collections::typed::u64", 1.0, 32.0),
    ("loops::inner::collections::typed::i64", 1.0, 32.0),
    ("loops::inner::collections::constant::8", 1.0, 8.0),
    ("loops::inner::collections::constant::16", 1.0, 16.0),
    ("own_profiler::two", 2.0, 30.0),
];

#[test]
fn divan() {
    let dir = tempfile::tempdir().unwrap();
    let all = dir.path().join("block.prof");
    let args = ["-p", "divan-benches", "-blockprofile", all.to_str().unwrap()];
    let run = memprof(&fixture("harnesses"), &[&QUICK[..], &args].concat()).ends_with(0);
    counts(&run, DIVANS);
    let finished = run.finished();
    assert_eq!(finished["loops::plain"].harness, "divan 0.1.21");
    assert_eq!(finished["loops::plain"].group, "");
    assert_eq!(finished["loops::with_argument::64"].group, "loops::with_argument");
    assert_eq!(finished["own_profiler::two"].time.tracker.as_deref(), Some("inactive"));
    // Its threads wait for nothing but the harness's own start and end.
    for id in ["loops::threads::t=2", "loops::threads::t=4", "loops::busy"] {
        let path = finished[id].profiles.block.as_ref().unwrap();
        let waits = support::read_profile(path);
        assert_eq!(support::sum(&waits, "contentions", |_| true), 0, "{waits:?}");
    }
    let constant = &finished["loops::inner::collections::constant::8"];
    assert_eq!(constant.throughput, Some(serde_json::json!({"bytes": 8})));
    assert!(constant.time.samples.len() <= 7, "sample_count is at most what the benchmark asks for");
}

#[test]
fn divan_s_own_arguments() {
    let args = ["--locked", "-p", "divan-benches", "--", "--skip", "threads", "--include-ignored", "loops"];
    let run = support::memprof_command(&fixture("harnesses"), "list", &args).ends_with(0);
    let names: Vec<&str> = run.stdout.lines().collect();
    assert!(names.contains(&"divan-benches/loops/loops::ignored"), "{names:?}");
    assert!(!names.iter().any(|name| name.contains("threads") || name.contains("own_profiler")), "{names:?}");
}

/// The compiler's own harness is for nightly; a stable compiler takes it where this variable is set.
fn with_unstable_features(args: &[&str]) -> Run {
    let _lock = support::lock();
    let mut command = support::tool(&fixture("harnesses"));
    command.arg("--target-dir").arg(support::target_dir()).args(args).env("RUSTC_BOOTSTRAP", "1");
    Run::new(command.output().unwrap())
}

#[test]
fn the_compiler_s_own() {
    let args = [&QUICK[..], &["-p", "compiler"]].concat();
    let run = with_unstable_features(&args).ends_with(103);
    counts(&run, &[("one", 1.0, 100.0), ("inner::two", 2.0, 30.0), ("tests::in_the_library", 1.0, 48.0)]);
    let finished = run.finished();
    assert_eq!((finished["one"].target.as_str(), finished["one"].harness.as_str()), ("compiler", "libtest"));
    // The library is called like the bench.
    assert_eq!(finished["tests::in_the_library"].target, "lib-compiler");
    let errors = run.errors();
    for failure in
        ["compiler/compiler/inner::fails: ended the process with exit status 1", "inner::times_nothing: times nothing"]
    {
        assert!(errors.iter().any(|line| line.contains(failure)), "{failure}: {errors:?}");
    }
    let run = with_unstable_features(&[&args[..], &["--no-profiles", "--lib"]].concat()).ends_with(0);
    assert_eq!(run.finished().len(), 1, "{}", run.stdout);
    let skipped = [&args[..], &["--no-profiles", "--", "--skip", "inner", "--ignored"]].concat();
    let run = with_unstable_features(&skipped).ends_with(0);
    assert_eq!(run.finished().keys().collect::<Vec<_>>(), ["ignored"]);
}

#[test]
fn a_main_by_hand() {
    let run = memprof(&fixture("harnesses"), &[&QUICK[..], &["-p", "plain"]].concat()).ends_with(103);
    let error = "plain/fails/main: panicked: by hand (at plain/benches/fails.rs:2:5)";
    assert!(run.errors().contains(&error), "{}", run.stderr);
    let finished = run.finished();
    let main = &finished["main"];
    assert_eq!((main.name.as_str(), main.whole_process), ("plain/by_hand/main", true));
    // A hundred, and what Rust's own start and `args` take.
    assert!((100.0..130.0).contains(&main.memory.allocs_per_op) && main.memory.exact, "{:?}", main.memory);
    assert!((1000.0..10_000.0).contains(&main.memory.bytes_per_op), "{:?}", main.memory);
    assert!(main.time.ns_per_op.unwrap() > 10_000.0, "{:?}", main.time);
    let mem = support::read_profile(main.profiles.mem.as_ref().unwrap());
    let by_buffer = |sample: &cargo_memprof::pprof::profile::Sample| {
        support::functions(&mem, sample).any(|name| name == "plain::buffer" || name == "by_hand::main")
    };
    assert!(support::sum(&mem, "alloc_objects", by_buffer) >= 100);
    let total = support::sum(&mem, "alloc_space", |_| true);
    assert_eq!(total as f64, main.memory.bytes_per_op);
    assert!(main.profiles.cpu.is_some());

    let run = memprof(&fixture("harnesses"), &["--locked", "-p", "plain", "-benchtime=3x", "--bench", "by_hand"]);
    let run = run.ends_with(0);
    assert!(run.stdout.contains("by_hand/main†") && run.stdout.contains("of its whole process"), "{}", run.stdout);
}

#[test]
fn criterion_s_rarer_ways() {
    let run = memprof(&fixture("ways"), &QUICK).ends_with(0);
    counts(
        &run,
        &[
            ("async/iter", 1.0, 100.0),
            ("async/batched", 1.0, 50.0),
            ("async/custom", 1.0, 60.0),
            ("measurement", 1.0, 100.0),
            ("configured/group", 1.0, 100.0),
        ],
    );
    let finished = run.finished();
    assert!(finished["async/custom"].time.custom);
    assert_eq!(finished["measurement"].time.ns_per_op, None);
    assert!(finished["configured/group"].time.samples.len() <= 10);
}

#[test]
fn several_in_one_workspace() {
    if !test_slow() {
        eprintln!("SKIPPED: a workspace of all harnesses; set MEMPROF_TEST_SLOW to test it");
        return;
    }
    let args = [&QUICK[..], &["--workspace", "--exclude", "plain", "--no-profiles", "two$|kin|::plain"]].concat();
    let run = with_unstable_features(&args).ends_with(0);
    counts(
        &run,
        &[
            ("kin/iter", 1.0, 100.0),
            ("kin/batched", 1.0, 50.0),
            ("inner::two", 2.0, 30.0),
            ("loops::plain", 1.0, 100.0),
            ("own_profiler::two", 2.0, 30.0),
        ],
    );
    assert_eq!(run.finished()["kin/iter"].harness, "criterion2 3.0.5");
}

/// Lock files are older than what is newest. Up to 0.1.17 the timing loops lay elsewhere.
#[test]
fn older_divans() {
    if !test_slow() {
        eprintln!("SKIPPED: divan 0.1.11 to 0.1.18; set MEMPROF_TEST_SLOW to test them");
        return;
    }
    for version in ["0.1.11", "0.1.14", "0.1.15", "0.1.17", "0.1.18"] {
        let dir = tempfile::tempdir().unwrap();
        support::copy_dir(&fixture("harnesses").join("divan"), dir.path());
        let manifest = dir.path().join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).unwrap().replace("=0.1.21", &format!("={version}"));
        let name = format!("divan-benches-{}", version.replace('.', "-"));
        let text = text.replace("\"divan-benches\"", &format!("\"{name}\""));
        let text = text.replace("[lib]\n", "[lib]\nname = \"divan_benches\"\n");
        // Its macros are of the same version, as in a lock file of its time.
        let text = text.replace(
            "[[bench]]\nname = \"loops\"",
            &format!("divan-macros = \"={version}\"\n\n[[bench]]\nname = \"loops\""),
        );
        std::fs::write(&manifest, format!("{text}\n[workspace]\n")).unwrap();
        let run = memprof(dir.path(), &["-json", "-benchtime=20ms"]).ends_with(0);
        counts(&run, DIVANS);
        assert_eq!(run.finished()["loops::plain"].harness, format!("divan {version}"));
    }
}

#[test]
fn codspeed_s() {
    if !test_slow() {
        eprintln!("SKIPPED: CodSpeed's crates; set MEMPROF_TEST_SLOW to test them");
        return;
    }
    let run = memprof(&fixture("codspeed"), &QUICK).ends_with(0);
    counts(&run, &[("one", 1.0, 100.0), ("codspeed_divan::one", 1.0, 100.0)]);
}
