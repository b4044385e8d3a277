//! The profiles: their sums are the numbers of the table to the digit, the user's functions and lines are in them, and
//! `go tool pprof` (its executable in MEMPROF_GO_PPROF) shows them.

use crate::support;
use std::path::Path;
use std::process::Command;

use cargo_memprof::pprof::profile::{LabelValue, Profile};
use cargo_memprof::results::lines::Finished;

/// Fails with what differs between `mem.prof` and the numbers.
fn agrees(finished: &Finished) {
    let profile = support::read_profile(finished.profiles.mem.as_ref().unwrap());
    let types: Vec<_> = profile.sample_types.iter().map(|one| format!("{}/{}", one.kind, one.unit)).collect();
    assert_eq!(types, ["alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"]);
    assert_eq!(&*profile.default_sample_type, "alloc_space");
    let memory = &finished.memory;
    let per_op = |kind: &str| support::sum(&profile, kind, |_| true) as f64 / memory.iterations as f64;
    let name = &finished.name;
    assert_eq!(per_op("alloc_objects"), memory.allocs_per_op, "{name}");
    assert_eq!(per_op("alloc_space"), memory.bytes_per_op, "{name}");
    assert_eq!(per_op("inuse_space"), memory.retained_bytes_per_op, "{name}");
    let not_freed = (memory.allocs_per_op - memory.frees_per_op) * memory.iterations as f64;
    let live = support::sum(&profile, "inuse_objects", |_| true);
    // Outputs of batches are dropped between brackets: not freed in them, and not live at the end of the last one either.
    let between = not_freed.round() as i64 - live;
    assert!(between == 0 || between > 0 && name.contains("/batched/"), "{name}: {live} objects of {not_freed}");
    if name.ends_with("/batched/per_iteration") {
        assert_eq!((live, memory.retained_bytes_per_op * memory.iterations as f64), (1, 128.0), "{name}");
    }
    assert!(profile.comments.iter().any(|line| **line == format!("memprof: iterations={}", memory.iterations)));
    assert!(profile.comments.iter().any(|line| line.ends_with(" cut=0 guessed=0")), "{name}: {:?}", profile.comments);
}

#[test]
fn sums_are_the_numbers_to_the_digit() {
    let folder = support::fixture("exact/criterion-0.5");
    let run = support::memprof(&folder, &["--locked", "-json", "-benchtime=50ms"]).ends_with(0);
    let finished = run.finished();
    assert!(finished.len() > 30);
    finished.values().for_each(agrees);
    the_users_code_is_named(&finished["plain/growth_by_push"]);
    pprof_shows_them(&finished["plain/growth_by_push"]);
}

/// All bytes of `growth_by_push` are below that function, at the line of its `push`; the leaf is what a programmer calls.
fn the_users_code_is_named(finished: &Finished) {
    let profile = support::read_profile(finished.profiles.mem.as_ref().unwrap());
    let source = support::fixture("exact/routines.rs");
    let text = std::fs::read_to_string(&source).unwrap();
    let start = text.lines().position(|line| line.contains("fn growth_by_push")).unwrap();
    let push = 1 + start + text.lines().skip(start).position(|line| line.contains("bytes.push")).unwrap();
    let is_push = |sample: &cargo_memprof::pprof::profile::Sample| {
        let lines = sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
        lines.into_iter().any(|line| {
            let function = &profile.functions[line.function as usize];
            function.name.ends_with("routines::growth_by_push")
                && Path::new(&*function.filename).canonicalize().ok() == source.canonicalize().ok()
                && line.line == push as i64
        })
    };
    assert_eq!(support::sum(&profile, "alloc_space", is_push), support::sum(&profile, "alloc_space", |_| true));
    for sample in &profile.samples {
        let leaf = support::functions(&profile, sample).next().unwrap();
        assert!(leaf.ends_with("::push"), "{leaf}");
    }
}

/// `go tool pprof` with `args`; `None`, said loudly, where there is none.
fn go_pprof(args: &[&str]) -> Option<String> {
    let Some(pprof) = std::env::var_os("MEMPROF_GO_PPROF") else {
        eprintln!("SKIPPED: set MEMPROF_GO_PPROF to what `go tool -n pprof` prints to test with it");
        return None;
    };
    let home = tempfile::tempdir().unwrap();
    let out =
        Command::new(pprof).args(args).env("HOME", home.path()).env("PPROF_TMPDIR", home.path()).output().unwrap();
    Some(support::Run::new(out).ends_with(0).stdout)
}

fn pprof_shows_them(finished: &Finished) {
    let mem = finished.profiles.mem.as_ref().unwrap().as_str();
    let bytes = (finished.memory.bytes_per_op * finished.memory.iterations as f64) as u64;
    let total = format!("{bytes}B");
    let Some(top) = go_pprof(&["-top", "-cum", "-unit=B", mem]) else { return };
    assert!(top.contains("Type: alloc_space\n") && top.contains(&format!("100% of {total} total")), "{top}");
    let user = top.lines().find(|line| line.ends_with("exact::routines::growth_by_push (inline)")).expect(&top);
    assert_eq!(user.split_whitespace().collect::<Vec<_>>()[3..5], [&*total, "100%"], "{user}");

    let list = go_pprof(&["-list=routines::growth_by_push$", "-unit=B", mem]).unwrap();
    let line = list.lines().find(|line| line.ends_with("bytes.push(i as u8);")).expect(&list);
    assert_eq!(line.split_whitespace().nth(1), Some(&*total), "{line}");

    let objects = finished.memory.allocs_per_op * finished.memory.iterations as f64;
    let traces = go_pprof(&["-traces", "-sample_index=alloc_objects", mem]).unwrap();
    let trace = traces.lines().find(|line| line.contains("::push (inline)")).expect(&traces);
    assert!(traces.contains("exact::routines::growth_by_push (inline)"), "{traces}");
    assert!(trace.split_whitespace().next().unwrap().parse::<f64>().unwrap() <= objects, "{trace}");
}

/// The benchmarks that the samples of `profile` are labelled with, sorted.
fn labels(profile: &Profile) -> Vec<String> {
    let labels = profile.samples.iter().map(|sample| match sample.labels.as_slice() {
        [label] if &*label.key == "benchmark" => match &label.value {
            LabelValue::Text(text) => text.to_string(),
            LabelValue::Number(..) => panic!("{label:?}"),
        },
        labels => panic!("{labels:?}"),
    });
    labels.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

#[test]
fn all_benchmarks_in_one_file() {
    let dir = tempfile::tempdir().unwrap();
    let (mem, cpu) = (dir.path().join("mem.prof"), dir.path().join("cpu.prof"));
    // As in `go test`: one dash, values by `=` or in the next word, and relative files go to -outputdir.
    let args =
        ["--locked", "-bench=.", "-benchmem", "-json", "-benchtime=200ms", "-memprofile", "mem.prof", "-run", "none"];
    let args = [&args[..], &["-cpuprofile=cpu.prof", "-outputdir", dir.path().to_str().unwrap()]].concat();
    let finished = support::memprof(&support::fixture("buffer_write"), &args).ends_with(0).finished();

    let all = support::read_profile(&mem);
    let mut names: Vec<_> = finished.values().map(|one| one.name.clone()).collect();
    names.sort();
    assert_eq!(labels(&all), names);
    for one in finished.values() {
        let of_it = support::sum(&all, "alloc_space", |sample| sample.has_text("benchmark", &one.name));
        assert_eq!(of_it as f64 / one.memory.iterations as f64, one.memory.bytes_per_op, "{}", one.name);
    }
    let all = support::read_profile(&cpu);
    assert_eq!(labels(&all), names);
    let types: Vec<_> = all.sample_types.iter().map(|one| format!("{}/{}", one.kind, one.unit)).collect();
    assert_eq!(types, ["samples/count", "cpu/nanoseconds"]);

    if let Some(tags) = go_pprof(&["-tags", mem.to_str().unwrap()]) {
        assert!(names.iter().all(|name| tags.contains(name)), "{tags}");
    }
}

#[test]
fn numbers_only() {
    let args = ["--locked", "-json", "-benchtime=20ms", "--no-profiles"];
    let finished = support::memprof(&support::fixture("maps"), &args).ends_with(0).finished();
    assert!(finished.values().all(|one| one.profiles.mem.is_none() && one.profiles.cpu.is_none()));
}
