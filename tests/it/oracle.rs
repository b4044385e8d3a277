//! The dhat crate counts what we count: `fixtures/oracle` runs the routines of `fixtures/exact` under it.

use crate::support;
use std::collections::BTreeMap;
use std::path::Path;

use cargo_memprof::results::lines::Finished;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Counted {
    id: String,
    allocs_per_op: f64,
    bytes_per_op: f64,
}

/// Runs the fixture.
fn oracle(args: &[&Path]) -> support::Run {
    let _lock = support::lock();
    let mut cargo = support::command("cargo", &support::fixture("oracle"));
    cargo.args(["run", "--release", "--locked", "--quiet"]);
    support::Run::new(support::in_target(cargo).arg("--").args(args).output().unwrap()).ends_with(0)
}

#[test]
fn dhat_agrees() {
    let oracle = oracle(&[]);
    let oracle: Vec<Counted> = oracle.stdout.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    assert_eq!(oracle.len(), 16, "14 plain ones and 2 with threads");

    // With this many iterations the one in ten that allocates has its share.
    let folder = support::fixture("exact/criterion-0.5");
    let args = ["--locked", "-json", "-benchtime=1000x", "--no-profiles", "^exact/(plain|threads/(scoped|helper))"];
    let ours = support::memprof(&folder, &args).ends_with(0).finished();
    assert_eq!(ours.len(), oracle.len());
    for counted in oracle {
        let memory = &ours[&counted.id].memory;
        assert_eq!(
            (memory.allocs_per_op, memory.bytes_per_op),
            (counted.allocs_per_op, counted.bytes_per_op),
            "{}: ours, dhat's",
            counted.id
        );
    }
}

/// A line of `routines.rs`, and of what was allocated there: blocks and bytes in one iteration, blocks and bytes at the peak.
type Sites = BTreeMap<i64, [f64; 4]>;

/// Of dhat's file after 1,000 iterations.
fn dhat_sites(path: &Path) -> Sites {
    let heap: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut sites = Sites::new();
    for point in heap["pps"].as_array().unwrap() {
        // `address: function (.../routines.rs:line:column)`
        let line = point["fs"].as_array().unwrap().iter().find_map(|frame| {
            let frame = heap["ftbl"][frame.as_u64().unwrap() as usize].as_str().unwrap();
            frame.rsplit_once("routines.rs:")?.1.split(':').next()?.parse().ok()
        });
        let of = |key: &str| point[key].as_u64().unwrap() as f64;
        add(&mut sites, line.unwrap(), [of("tbk") / 1000.0, of("tb") / 1000.0, of("gbk"), of("gb")]);
    }
    sites
}

/// Of mem.prof.
fn our_sites(finished: &Finished) -> Sites {
    let profile = support::read_profile(finished.profiles.mem.as_ref().unwrap());
    let column = |kind: &str| profile.sample_types.iter().position(|one| &*one.kind == kind).unwrap();
    let columns = ["alloc_objects", "alloc_space", "peak_objects", "peak_space"].map(column);
    let n = finished.memory.iterations as f64;
    let mut sites = Sites::new();
    for sample in &profile.samples {
        let lines = sample.locations.iter().flat_map(|&at| &profile.locations[at as usize].lines);
        let in_routines = |line: &&cargo_memprof::pprof::profile::Line| {
            profile.functions[line.function as usize].filename.ends_with("routines.rs")
        };
        let line = lines.into_iter().find(in_routines).unwrap().line;
        let [blocks, bytes, peak_blocks, peak_bytes] = columns.map(|column| sample.values[column] as f64);
        add(&mut sites, line, [blocks / n, bytes / n, peak_blocks, peak_bytes]);
    }
    sites
}

fn add(sites: &mut Sites, line: i64, values: [f64; 4]) {
    let sums = sites.entry(line).or_default();
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
}

fn sum(sites: &Sites) -> [f64; 4] {
    sites.values().fold([0.0; 4], |sum, values| std::array::from_fn(|i| sum[i] + values[i]))
}

#[test]
fn dhat_agrees_on_every_site() {
    let folder = tempfile::tempdir().unwrap();
    oracle(&[folder.path()]);
    let fixture = support::fixture("exact/criterion-0.5");
    let args = ["--locked", "-json", "-benchtime=200ms", "--peak", "^exact/plain"];
    let ours = support::memprof(&fixture, &args).ends_with(0).finished();
    let (mut compared, mut lines) = (0, 0);
    for (id, finished) in &ours {
        let expected = dhat_sites(&folder.path().join(id.strip_prefix("plain/").unwrap()).with_extension("json"));
        let ours = our_sites(finished);
        lines += ours.len();
        if id == "plain/shrink_to_fit" {
            // dhat leaves a block that is moved with the line that first allocated it; for us it is the line that has it moved.
            assert_eq!((sum(&ours), ours.len(), expected.len()), (sum(&expected), 2, 1), "{id}");
        } else {
            assert_eq!(ours, expected, "{id}: ours, dhat's");
        }
        compared += 1;
    }
    assert_eq!((compared, lines), (14, 14), "benchmarks, and lines that allocate");
}
