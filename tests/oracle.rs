//! The dhat crate counts what we count: `fixtures/oracle` runs the routines of `fixtures/exact` under it.

mod support;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Counted {
    id: String,
    allocs_per_op: f64,
    bytes_per_op: f64,
}

#[test]
fn dhat_agrees() {
    let oracle = {
        let _lock = support::lock();
        let mut cargo = support::command("cargo", &support::fixture("oracle"));
        cargo.args(["run", "--release", "--locked", "--quiet", "--target-dir"]).arg(support::target_dir());
        support::Run::new(cargo.output().unwrap()).ends_with(0)
    };
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
