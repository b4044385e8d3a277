//! Programs over time: profiles of an interval, and traces.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use cargo_memprof::pprof::profile::{self, Profile};
use serde_json::Value;

use crate::support::{self, fixture, lock, target_dir, tool};

/// `fixtures/programs`' `phases`, with a pause in each, in which the tool looks at it; and its folder.
fn phases(options: &[&str]) -> PathBuf {
    let mut command = tool(&fixture("programs"));
    command.args(["--locked", "-q", "--bin", "phases", "--target-dir"]).arg(target_dir()).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for line in output.lines() {
        assert_eq!(line.unwrap(), "ready");
        std::thread::sleep(Duration::from_millis(400));
        writeln!(input).unwrap();
    }
    assert!(child.wait().unwrap().success());
    target_dir().join("memprof/profiles/programs/bin/phases")
}

fn steps(timeline: &Value) -> &[Value] {
    timeline["steps"].as_array().unwrap()
}

/// The profile of an interval.
fn between(mem: &std::path::Path, interval: &str) -> Result<Profile, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cut");
    command.args(["pprof", "-proto", "-symbolize=none", "-output"]).arg(&file).args(["-between", interval]).arg(mem);
    let out = command.output().unwrap();
    match out.status.success() {
        true => Ok(profile::read(&std::fs::read(file).unwrap()).unwrap()),
        false => Err(String::from_utf8(out.stderr).unwrap()),
    }
}

#[test]
fn a_profile_of_an_interval_has_what_was_allocated_in_it_and_what_of_that_is_live() {
    let _lock = lock();
    let folder = phases(&[]);
    let mem = folder.join("mem.prof");
    let timeline: Value =
        serde_json::from_str(&std::fs::read_to_string(folder.join("timeline.json")).unwrap()).unwrap();
    // A moment of each pause, by the number of live blocks in it.
    let pauses: Vec<(u64, u64)> = steps(&timeline)
        .chunk_by(|a, b| a["live_blocks"] == b["live_blocks"])
        .filter(|steps| steps.len() >= 3)
        .map(|steps| (steps[0]["live_blocks"].as_u64().unwrap(), steps[steps.len() / 2]["at_ns"].as_u64().unwrap()))
        .collect();
    let first = pauses[0].0;
    let at = |blocks: u64| pauses.iter().find(|(live, _)| *live == first + blocks).expect("a pause").1;
    let interval = |from: u64, to: u64| format!("{}s,{}s", from as f64 / 1e9, to as f64 / 1e9);
    let of = |profile: &Profile, function: &str| {
        ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"].map(|kind| {
            support::sum(profile, kind, |sample| {
                support::functions(profile, sample).any(|name| name == format!("phases::{function}"))
            })
        })
    };
    let second = between(&mem, &interval(at(100), at(150))).unwrap();
    assert_eq!(of(&second, "keep"), [50, 5000, 50, 5000]);
    assert_eq!(of(&second, "forget"), [30, 1200, 0, 0]);
    let both = between(&mem, &interval(at(0), at(150))).unwrap();
    assert_eq!(of(&both, "keep"), [150, 15_000, 150, 15_000]);
    // Twenty were replaced in it: whether old ones or new, the counts cannot tell.
    let third = between(&mem, &interval(at(150), timeline["wall_ns"].as_u64().unwrap())).unwrap();
    assert_eq!(of(&third, "keep")[..2], [20, 2000]);
    assert_eq!(of(&third, "keep")[2..], [0, 0]);
    let whole = between(&mem, ",").unwrap();
    let all = support::read_profile(&mem);
    for kind in ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"] {
        assert_eq!(support::sum(&whole, kind, |_| true), support::sum(&all, kind, |_| true), "{kind}");
    }
    // By its name, too.
    let mut named = Command::new(env!("CARGO_BIN_EXE_cargo-memprof"));
    named.args(["pprof", "-top", "-alloc_space", "-between", ",", "bin/phases"]).env("CARGO_TARGET_DIR", target_dir());
    let out = named.current_dir(fixture("programs")).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    assert!(text.contains("phases::keep"), "{text}{}", String::from_utf8_lossy(&out.stderr));
    for wrong in ["1s", "2s,1s", "1000s,2000s"] {
        assert!(between(&mem, wrong).unwrap_err().contains("interval"), "{wrong}");
    }
    let alone = tempfile::tempdir().unwrap();
    std::fs::copy(&mem, alone.path().join("mem.prof")).unwrap();
    assert!(between(&alone.path().join("mem.prof"), ",1s").unwrap_err().contains("timeline"));
}

#[test]
fn a_trace_has_each_thread_s_samples_waits_and_allocations_in_order() {
    let _lock = lock();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trace.json.gz");
    phases(&["--trace", file.to_str().unwrap()]);
    let packed = std::fs::read(&file).unwrap();
    let trace: Value = serde_json::from_slice(&profile::gzip::expand(&packed).unwrap()).unwrap();
    let threads = trace["threads"].as_array().unwrap();
    let names: Vec<&str> = threads.iter().map(|thread| thread["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["phases", "worker"]);
    // The second thread allocates, too, and under the same number.
    assert!(threads[1]["nativeAllocations"]["length"].as_u64().unwrap() > 0, "{}", threads[1]);
    let end = trace["meta"]["profilingEndTime"].as_f64().unwrap();
    let number = |value: &Value| value.as_f64().unwrap();
    // The functions of a stack, outermost first.
    let functions = |thread: &Value, mut stack: Value| {
        let mut names = Vec::new();
        while let Some(at) = stack.as_u64() {
            let frame = thread["stackTable"]["frame"][at as usize].as_u64().unwrap() as usize;
            let function = thread["frameTable"]["func"][frame].as_u64().unwrap() as usize;
            let name = thread["funcTable"]["name"][function].as_u64().unwrap() as usize;
            names.insert(0, thread["stringArray"][name].as_str().unwrap().to_owned());
            stack = thread["stackTable"]["prefix"][at as usize].clone();
        }
        names
    };
    // Some sixty milliseconds of work are 15 samples at 250 a second.
    let worker = &threads[1];
    let samples = &worker["samples"];
    let weights: f64 = samples["weight"].as_array().unwrap().iter().map(number).sum();
    assert!(weights >= 5.0, "{samples}");
    let in_work = samples["stack"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|stack| functions(worker, (*stack).clone()).iter().any(|name| name == "phases::work"));
    assert!(in_work.count() >= 3, "{samples}");
    let times: Vec<f64> = samples["timeDeltas"].as_array().unwrap().iter().map(number).collect();
    assert!(times.iter().all(|delta| *delta >= 0.0) && times.iter().sum::<f64>() <= end + 1.0, "{times:?}");
    // The main thread waited for it.
    let main = &threads[0];
    let markers = &main["markers"];
    let waited = (0..markers["length"].as_u64().unwrap() as usize).any(|i| {
        let took = number(&markers["endTime"][i]) - number(&markers["startTime"][i]);
        took >= 20.0
            && functions(main, markers["data"][i]["cause"]["stack"].clone()).iter().any(|name| name.contains("join"))
    });
    assert!(waited, "{markers}");
    // What was allocated less what was freed is what is live, and the memory track ends there, too.
    let weights = |thread: &Value| -> f64 {
        thread["nativeAllocations"]["weight"].as_array().map_or(0.0, |weights| weights.iter().map(number).sum())
    };
    let live: f64 = threads.iter().map(weights).sum();
    let track: f64 = trace["counters"][0]["samples"]["count"].as_array().unwrap().iter().map(number).sum();
    assert_eq!(live, track);
}
