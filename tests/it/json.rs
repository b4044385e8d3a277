//! The JSON lines: every field of format version 1, and results.jsonl equal to what is printed.

use crate::support;
use std::path::Path;

use serde_json::Value;

/// The object's keys, sorted.
fn keys(object: &Value) -> Vec<&str> {
    object.as_object().unwrap_or_else(|| panic!("{object} is no object")).keys().map(String::as_str).collect()
}

#[track_caller]
fn has_keys(object: &Value, expected: &str) {
    let mut expected: Vec<_> = expected.split(' ').collect();
    expected.sort_unstable();
    let mut keys = keys(object);
    keys.sort_unstable();
    assert_eq!(keys, expected, "{object}");
}

fn lines(fixture: &str, args: &[&str]) -> Vec<Value> {
    let run = support::memprof(&support::fixture(fixture), &[&["--locked", "-json"], args].concat());
    assert_eq!(run.stdout, run.results, "results.jsonl is what was printed");
    run.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

#[test]
fn the_lines_of_a_run() {
    let lines = lines("buffer_write", &["-benchtime=100ms"]);
    let reasons: Vec<_> = lines.iter().map(|line| line["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["run-started", "benchmark-finished", "benchmark-finished", "run-finished"]);

    has_keys(&lines[0], "reason format_version tool rustc target profile cpu commit workspace");
    assert_eq!(lines[0]["format_version"], 1);
    assert_eq!(lines[0]["tool"], env!("CARGO_PKG_VERSION"));
    assert_eq!(lines[0]["profile"], "bench");

    let line = &lines[1];
    has_keys(line, "reason name package target id harness group position time memory profiles");
    assert_eq!(line["name"], "buffer_write/buffer_write/buffer_write/unpooled");
    assert_eq!((&line["package"], &line["target"]), (&"buffer_write".into(), &"buffer_write".into()));
    assert_eq!((&line["id"], &line["harness"]), (&"buffer_write/unpooled".into(), &"criterion 0.5.1".into()));

    let mut time = line["time"].clone();
    // Only where other machines took time of the processors.
    assert_ne!(time.as_object_mut().unwrap().remove("stolen_ms"), Some(0.into()));
    has_keys(&time, "ns_per_op lower upper iterations interrupted samples");
    let samples = time["samples"].as_array().unwrap();
    has_keys(&samples[0], "iterations nanoseconds");
    let iterations: u64 = samples.iter().map(|sample| sample["iterations"].as_u64().unwrap()).sum();
    assert_eq!(time["iterations"], iterations);
    let [lower, ns_per_op, upper] = ["lower", "ns_per_op", "upper"].map(|key| time[key].as_f64().unwrap());
    assert!(0.0 < lower && lower <= ns_per_op && ns_per_op <= upper, "{time}");

    let memory = &line["memory"];
    has_keys(
        memory,
        "iterations allocs_per_op bytes_per_op frees_per_op reallocs_per_op grown_bytes_per_op retained_bytes_per_op \
         peak_bytes exact recording",
    );
    // The data, and the buffer's growth from 8 to 1,024 bytes; at the end both are live.
    for (key, expected) in [
        ("allocs_per_op", 9.0),
        ("bytes_per_op", 3064.0),
        ("frees_per_op", 9.0),
        ("reallocs_per_op", 7.0),
        ("grown_bytes_per_op", 1016.0),
        ("retained_bytes_per_op", 0.0),
    ] {
        assert_eq!(memory[key].as_f64(), Some(expected), "{key}");
    }
    assert_eq!(memory["peak_bytes"], 2048);
    assert_eq!(memory["exact"], true);

    has_keys(&line["profiles"], "mem cpu");
    for (kind, file) in [("mem", "mem.prof"), ("cpu", "cpu.prof")] {
        let path = Path::new(line["profiles"][kind].as_str().unwrap());
        assert!(path.is_absolute() && path.is_file(), "{}", path.display());
        assert!(path.ends_with(format!("memprof/profiles/buffer_write/buffer_write/buffer_write/unpooled/{file}")));
    }

    has_keys(&lines[3], "reason success benchmarks failed");
    assert_eq!(
        (&lines[3]["success"], &lines[3]["benchmarks"], &lines[3]["failed"]),
        (&true.into(), &2.into(), &0.into())
    );
}

#[test]
fn what_varies_has_a_range() {
    // A few times in a thousand sums rayon takes another block for its queue.
    let lines = lines("exact/criterion-0.5", &["-benchtime=20ms", "--no-profiles", "sized|rayon"]);
    let by_id = |id: &str| lines.iter().find(|line| line["id"] == id).unwrap();
    assert_eq!(by_id("sized/param/64")["throughput"], serde_json::json!({"bytes": 64}));
    assert_eq!(by_id("sized/16")["throughput"], serde_json::json!({"elements": 16}));
    assert_eq!(by_id("sized/16")["profiles"], serde_json::json!({}), "--no-profiles");
    let memory = &by_id("threads/rayon_sum")["memory"];
    for kind in ["allocs_per_op", "bytes_per_op"] {
        let range = &memory[format!("{kind}_range")];
        if memory["exact"] == true {
            assert_eq!(*range, Value::Null);
        } else {
            let [min, max] = [0, 1].map(|end| range[end].as_f64().unwrap());
            let median = memory[kind].as_f64().unwrap();
            assert!(min <= median && median <= max, "{memory}");
        }
    }
}

#[test]
fn a_benchmark_that_failed() {
    let lines = lines("failing", &["-benchtime=20ms", "--no-profiles"]);
    let failed: Vec<_> = lines.iter().filter(|line| line["reason"] == "benchmark-failed").collect();
    assert_eq!(failed.len(), 1);
    has_keys(failed[0], "reason name package target id kind error");
    assert_eq!((&failed[0]["name"], &failed[0]["kind"]), (&"failing/panics/panics/half_way".into(), &"crashed".into()));
    let error = failed[0]["error"].as_str().unwrap();
    assert!(error.starts_with("panicked: worn out"), "{error}");
    let last = lines.last().unwrap();
    assert_eq!((&last["success"], &last["benchmarks"], &last["failed"]), (&false.into(), &3.into(), &1.into()));
}
